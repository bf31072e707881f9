//! What is proved about the predictions of a network behind its scaler, in the units of the target.

use super::sample::{SampleInterval, affordable_nodes, sample_interval};
use crate::error::Result;
use crate::outward::{Interval, add_up, mul_up};
use crate::scaling::Scaler;
use crate::{Norm, Shallow};
use faer::Mat;
use rayon::prelude::*;
use tautnet_cone::Stop;
use tautnet_verify::Certificate;

/// For every row of `x`, in the units of the target: the interval that the output cannot leave when the standardized
/// inputs move by at most `radius` in the norm. `lipschitz_upper_bound` is proved of the network in that norm, or
/// infinite.
///
/// The output is the real number that the stored weights, scaler and row define, so the rounding of standardizing,
/// evaluating and scaling back is inside, at radius 0 too; and so is the prediction, which is that number rounded. At
/// most `nodes` nodes of branch and bound are spent at each end ([`affordable_nodes`] where `None`).
pub fn prediction_intervals(
    network: &Shallow,
    scaler: &Scaler,
    mut x: Mat<f64>,
    norm: Norm,
    radius: f64,
    lipschitz_upper_bound: f64,
    nodes: Option<usize>,
) -> Result<Vec<SampleInterval>> {
    let given = x.clone();
    scaler.standardize_inputs_in_place(x.as_mut());
    let nodes = nodes.unwrap_or_else(|| affordable_nodes(network, x.nrows()));
    let nodes = if radius == 0.0 { 0 } else { nodes };
    let user = |low: f64, high: f64| scaler.outputs_to_user(Interval { low, high });
    // Where it is time to end, the Lipschitz bound has to do.
    let stop = Stop::here();
    (0..x.nrows())
        .into_par_iter()
        .map(|k| {
            let row: Vec<f64> = (0..x.ncols()).map(|j| x[(k, j)]).collect();
            let original: Vec<f64> = (0..x.ncols()).map(|j| given[(k, j)]).collect();
            // The ball around the row of real numbers lies in a ball around the row as computed.
            let reach = add_up(radius, scaler.standardizing_error(&original, &row));
            if !reach.is_finite() {
                // Standardizing overflows: nothing is known of the output.
                let (lower, upper) = (f64::NEG_INFINITY, f64::INFINITY);
                return Ok(SampleInterval { lower, upper, lowest_found: upper, highest_found: lower, closed: false });
            }
            let nodes = if stop.asked() { 0 } else { nodes };
            let interval = stop.during(|| sample_interval(network, &row, norm, reach, lipschitz_upper_bound, nodes))?;
            let outer = user(interval.lower, interval.upper);
            let found = user(interval.highest_found, interval.lowest_found);
            let prediction = scaler.target_to_user(network.value(&row));
            Ok(SampleInterval {
                lower: outer.low.min(prediction),
                upper: outer.high.max(prediction),
                lowest_found: found.high,
                highest_found: found.low,
                closed: interval.closed || radius == 0.0,
            })
        })
        .collect()
}

/// How far a prediction can move, in the units of the target, when the standardized inputs move by at most `radius` in
/// the norm of the bound L on the network: κ_y L ε, rounded up.
pub fn prediction_reach(scaler: &Scaler, lipschitz_upper_bound: f64, radius: f64) -> f64 {
    mul_up(mul_up(scaler.target_scale, lipschitz_upper_bound), radius)
}

/// The better of the two bounds that a certificate proves for the change of the target per unit of each column alone,
/// in the units of the data.
pub fn sensitivities(certificate: &Certificate, scaler: &Scaler) -> Vec<f64> {
    let all = scaler.bound_per_column(certificate.standardized.bound);
    match &certificate.raw {
        Some(raw) => all.iter().zip(&raw.sensitivities).map(|(a, b)| a.min(*b)).collect(),
        None => all,
    }
}
