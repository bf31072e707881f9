//! What a network says of the class of a row, or of its targets, and how far errors of the inputs can change it.

use super::margins::{class, margin_and_error, probabilities};
use crate::certify::{Effort, IntervalObserver, SampleInterval, prediction_intervals_within};
use crate::error::Result;
use crate::outward::{add_down, add_up};
use crate::tolerance::Tolerance;
use crate::{Scaler, Shallow};
use faer::Mat;

/// The class of a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Its number.
    pub class: usize,
    /// How likely every class is.
    pub probabilities: Vec<f64>,
    /// The interval that no error within the tolerance can move each margin of the class over another out of, in the order of the others.
    pub margins: Vec<(f64, f64)>,
}

impl Told {
    /// Whether no error within the tolerance can change the class.
    pub fn is_certain(&self) -> bool {
        !self.margins.is_empty() && self.margins.iter().all(|(low, _)| *low > 0.0)
    }

    /// The interval of the probability of the class, by its margins one by one.
    pub fn likely(&self) -> (f64, f64) {
        let of =
            |end: fn(&(f64, f64)) -> f64| 1.0 / (1.0 + self.margins.iter().map(|one| (-end(one)).exp()).sum::<f64>());
        (of(|one| one.0), of(|one| one.1))
    }
}

/// What a network in standardized units says of rows in the units of the data, and what is proved of it within a tolerance in these
/// units, where there is one. At most `nodes` nodes of branch and bound are spent at each end of a margin.
pub fn told(
    network: &Shallow,
    scaler: &Scaler,
    x: &Mat<f64>,
    tolerance: Option<&Tolerance>,
    nodes: Option<usize>,
    observer: &mut IntervalObserver<'_>,
) -> Result<Vec<Told>> {
    let (n, classes) = (x.nrows(), network.outputs());
    let mut standardized = x.clone();
    scaler.standardize_inputs_in_place(standardized.as_mut());
    let row = |k: usize| standardized.row(k).iter().copied().collect::<Vec<f64>>();
    let one = |k: usize| {
        let outputs = network.outputs_of(&row(k));
        Told { class: class(&outputs), probabilities: probabilities(&outputs), margins: Vec::new() }
    };
    let mut all: Vec<Told> = (0..n).map(one).collect();
    let Some(tolerance) = tolerance else { return Ok(all) };
    let margins = n * (classes - 1);
    let effort = Effort::of(network, margins, nodes);
    // In standardized units, whatever the rounding of standardizing is.
    let furthest = |k: usize, a: usize| x[(k, a)].abs() + scaler.input_mean[a].abs() + tolerance.size(k, a);
    let of_column = |a: usize| (0..n).map(|k| 2.0 * furthest(k, a) / scaler.input_scale[a]).fold(0.0, f64::max);
    let largest: Vec<f64> = (0..x.ncols()).map(of_column).collect();
    for y in 0..classes {
        let of_class: Vec<usize> = (0..n).filter(|&k| all[k].class == y).collect();
        let rows = Mat::from_fn(of_class.len(), x.ncols(), |r, a| x[(of_class[r], a)]);
        let within = tolerance.select(&of_class);
        for j in (0..classes).filter(|&j| j != y && !of_class.is_empty()) {
            let (margin, off) = margin_and_error(network, (y, j), &largest)?;
            let effort = effort.share(of_class.len(), margins);
            let known = prediction_intervals_within((&margin, scaler), rows.clone(), &within, effort, observer)?;
            for (&k, interval) in of_class.iter().zip(known.rows) {
                all[k].margins.push((add_down(interval.lower, -off), add_up(interval.upper, off)));
            }
        }
    }
    Ok(all)
}

/// For each target the intervals that no error within a tolerance can move its predictions out of, row by row, everything in the units of the
/// data; the network is in standardized units. At most `nodes` nodes of branch and bound are spent at each end.
pub fn of_targets(
    network: &Shallow,
    scaler: &Scaler,
    x: &Mat<f64>,
    tolerance: &Tolerance,
    nodes: Option<usize>,
    observer: &mut IntervalObserver<'_>,
) -> Result<Vec<Vec<SampleInterval>>> {
    let outputs = network.outputs();
    let effort = Effort::of(network, x.nrows() * outputs, nodes).share(1, outputs);
    let one = |output: usize| {
        let own = scaler.of_target(output);
        prediction_intervals_within((&network.output(output), &own), x.clone(), tolerance, effort, observer)
            .map(|known| known.rows)
    };
    (0..outputs).map(one).collect()
}
