//! What is proved about the predictions of a network behind its scaler, in the units of the target.

use super::sample::{SampleInterval, affordable_nodes, sample_interval};
use super::within::interval_within;
use crate::error::Result;
use crate::outward::{Interval, add_down, add_up, distance_up, div_down, div_up, mul_up};
use crate::scaling::Scaler;
use crate::tolerance::Tolerance;
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
    x: Mat<f64>,
    norm: Norm,
    radius: f64,
    lipschitz_upper_bound: f64,
    nodes: Option<usize>,
) -> Result<Vec<SampleInterval>> {
    let nodes = nodes.unwrap_or_else(|| affordable_nodes(network, x.nrows()));
    let nodes = if radius == 0.0 { 0 } else { nodes };
    row_by_row(network, scaler, x, nodes, &|_, user, row, nodes| {
        // The ball around the row of real numbers lies in a ball around the row as computed.
        let reach = add_up(radius, scaler.standardizing_error(user, row));
        if !reach.is_finite() {
            return Ok(UNKNOWN);
        }
        let interval = sample_interval(network, row, norm, reach, lipschitz_upper_bound, nodes)?;
        Ok(SampleInterval { closed: interval.closed || radius == 0.0, ..interval })
    })
}

/// [`prediction_intervals`] of inputs that are off by errors within a tolerance, which is given in the units of the rows.
pub fn prediction_intervals_within(
    network: &Shallow,
    scaler: &Scaler,
    x: Mat<f64>,
    tolerance: &Tolerance,
    nodes: Option<usize>,
) -> Result<Vec<SampleInterval>> {
    let (d, nodes) = (network.inputs(), nodes.unwrap_or_else(|| affordable_nodes(network, x.nrows())));
    let standardized = tolerance.divided(&scaler.input_scale);
    let slope = |j: usize| {
        let own = network.a().map_or(0.0, |a| a[j].abs());
        (0..network.units()).fold(own, |sum, i| add_up(sum, mul_up(network.v()[i].abs(), network.w()[(i, j)].abs())))
    };
    let slopes: Vec<f64> = (0..d).map(slope).collect();
    row_by_row(network, scaler, x, nodes, &|k, user, row, nodes| {
        // How much f can change between the row and errors of real numbers and those as computed.
        let off = (0..d).fold(0.0, |sum, j| {
            let (size, computed, scale) = (tolerance.size(k, j), standardized.size(k, j), scaler.input_scale[j]);
            let size = distance_up(div_up(size, scale), computed).max(distance_up(div_down(size, scale), computed));
            let error = add_up(scaler.standardizing_error_of(j, user[j], row[j]), size);
            add_up(sum, mul_up(slopes[j], error))
        });
        if !off.is_finite() {
            return Ok(UNKNOWN);
        }
        let interval = interval_within(network, row, k, &standardized, nodes)?;
        Ok(SampleInterval {
            lower: add_down(interval.lower, -off),
            upper: add_up(interval.upper, off),
            lowest_found: add_up(interval.lowest_found, off),
            highest_found: add_down(interval.highest_found, -off),
            closed: interval.closed,
        })
    })
}

/// Where standardizing overflows, nothing is known of the output.
const UNKNOWN: SampleInterval = SampleInterval {
    lower: f64::NEG_INFINITY,
    upper: f64::INFINITY,
    lowest_found: f64::INFINITY,
    highest_found: f64::NEG_INFINITY,
    closed: false,
};

/// The interval of the network at a row, from the number of the row, the row, the row in standardized units as computed, and how many
/// nodes to spend.
type OfRow<'a> = dyn Fn(usize, &[f64], &[f64], usize) -> Result<SampleInterval> + Sync + 'a;

/// The interval of every row in the units of the target, from that of the network.
fn row_by_row(
    network: &Shallow,
    scaler: &Scaler,
    mut x: Mat<f64>,
    nodes: usize,
    of: &OfRow<'_>,
) -> Result<Vec<SampleInterval>> {
    let given = x.clone();
    scaler.standardize_inputs_in_place(x.as_mut());
    let user = |low: f64, high: f64| scaler.outputs_to_user(Interval { low, high });
    // Where it is time to end, what needs no search has to do.
    let stop = Stop::here();
    (0..x.nrows())
        .into_par_iter()
        .map(|k| {
            let row: Vec<f64> = (0..x.ncols()).map(|j| x[(k, j)]).collect();
            let original: Vec<f64> = (0..x.ncols()).map(|j| given[(k, j)]).collect();
            let nodes = if stop.asked() { 0 } else { nodes };
            let interval = stop.during(|| of(k, &original, &row, nodes))?;
            if interval == UNKNOWN {
                return Ok(UNKNOWN);
            }
            let outer = user(interval.lower, interval.upper);
            let found = user(interval.highest_found, interval.lowest_found);
            let prediction = scaler.target_to_user(network.value(&row));
            Ok(SampleInterval {
                lower: outer.low.min(prediction),
                upper: outer.high.max(prediction),
                lowest_found: found.high,
                highest_found: found.low,
                closed: interval.closed,
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
