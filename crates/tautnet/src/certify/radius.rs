//! What is proved of the outputs of many rows while their inputs move by at most a radius, for networks with any number of layers.
//!
//! Outputs move by at most the radius times their trivial bound. The values themselves are those of ordinary arithmetic, and what its
//! rounding can come to is bounded layer by layer: with u = 2⁻⁵³ and γ = (k + 2)u / (1 − (k + 2)u) for sums of k terms in any order, fused or not,
//!
//! ```text
//! ‖h_l − ĥ_l‖₂ ≤ ‖W_l‖_F (ε_(l−1) + γ ‖â_(l−1)‖₂) + γ ‖b_l‖₂,     ε_l ≤ lip₂(σ) ‖h_l − ĥ_l‖₂ + 4u √(units handed on) ( 1 + ‖â_l‖_∞ )
//! ```
//!
//! where hats are computed numbers, ε_l = ‖a_l − â_l‖₂, and the last term is for activations whose values are rounded: sin, cos and tanh are
//! taken to be right to 4u of what they are or of 1. These sums of positive terms are themselves rounded; a hundredth is added for that.

use super::chain::trivial_bound;
use crate::error::{Error, Result};
use crate::outward::{add_down, add_up, mul_up};
use crate::{Network, Norm, Scaler};
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};
use rayon::prelude::*;
use tautnet_cone::Stop;

/// Rows that are taken at once.
const ROWS: usize = 128;

/// The outputs of a row, and what is proved of them within the radius.
#[derive(Debug, Clone, PartialEq)]
pub struct Bounded {
    /// The outputs as they are computed.
    pub outputs: Vec<f64>,
    /// No output is below these within the radius.
    pub lower: Vec<f64>,
    /// Or above these.
    pub upper: Vec<f64>,
    /// The largest output is above every other by at least this, within the radius. Of one output it is infinite.
    pub margin: f64,
}

impl Bounded {
    /// The first of the largest outputs.
    pub fn class(&self) -> usize {
        (1..self.outputs.len()).fold(0, |best, j| if self.outputs[j] > self.outputs[best] { j } else { best })
    }

    /// Whether the class is the same within the radius.
    pub fn is_certain(&self) -> bool {
        self.margin > 0.0
    }
}

/// The largest relative error of a sum of so many products.
fn gamma(terms: usize) -> f64 {
    let unit = (terms + 2) as f64 * (f64::EPSILON / 2.0);
    unit / (1.0 - unit)
}

fn length(x: impl Iterator<Item = f64>) -> f64 {
    x.map(|x| x * x).sum::<f64>().sqrt()
}

fn frobenius(w: &Mat<f64>) -> f64 {
    length((0..w.ncols()).flat_map(|k| w.col_as_slice(k)).copied())
}

/// The outputs of rows, each with what its rounding can come to.
fn values(network: &Network, x: MatRef<'_, f64>) -> (Mat<f64>, Vec<Vec<f64>>) {
    let rows = x.nrows();
    let mut given = x.transpose().to_owned();
    let inputs = given.clone();
    let mut off = vec![0.0; rows];
    let (last, hidden) = network.layers().split_last().expect("a network has a layer");
    let sizes =
        |matrix: &Mat<f64>| -> Vec<f64> { (0..rows).map(|r| length(matrix.col_as_slice(r).iter().copied())).collect() };
    let mut handed_on = Vec::new();
    for layer in hidden {
        let (gamma, frobenius) = (gamma(layer.inputs()), frobenius(layer.weights()));
        let bias = length(layer.bias().iter().copied());
        let of_given = sizes(&given);
        let mut sums = Mat::from_fn(layer.units(), rows, |i, _| layer.bias()[i]);
        matmul(sums.as_mut(), Accum::Add, layer.weights().as_ref(), given.as_ref(), 1.0, Par::Seq);
        let mut next = Mat::zeros(layer.outputs(), rows);
        let lipschitz = layer.activation().lipschitz(Norm::Two);
        let rounded = 2.0 * f64::EPSILON * (layer.outputs() as f64).sqrt();
        for r in 0..rows {
            layer.activation().apply(sums.col_as_slice(r), &mut handed_on);
            next.col_as_slice_mut(r).copy_from_slice(&handed_on);
            let largest = handed_on.iter().fold(0.0_f64, |largest, a| largest.max(a.abs()));
            let of_sums = frobenius * (off[r] + gamma * of_given[r]) + gamma * bias;
            off[r] = 1.01 * (lipschitz * of_sums + rounded * (1.0 + largest)) + f64::MIN_POSITIVE;
        }
        given = next;
    }
    let mut outputs = Mat::from_fn(last.units(), rows, |j, _| last.bias()[j]);
    matmul(outputs.as_mut(), Accum::Add, last.weights().as_ref(), given.as_ref(), 1.0, Par::Seq);
    let mut terms = last.inputs();
    let mut beside = vec![0.0; last.units()];
    if let Some(linear) = network.linear() {
        matmul(outputs.as_mut(), Accum::Add, linear.as_ref(), inputs.as_ref(), 1.0, Par::Seq);
        terms += network.inputs();
        beside = (0..last.units()).map(|j| length(linear.row(j).iter().copied())).collect();
    }
    let (gamma, of_given, of_inputs) = (gamma(terms), sizes(&given), sizes(&inputs));
    let rows_of_last: Vec<f64> = (0..last.units()).map(|j| length(last.weights().row(j).iter().copied())).collect();
    let of_output = |r: usize, j: usize| {
        let sum = rows_of_last[j] * (off[r] + gamma * of_given[r])
            + gamma * (beside[j] * of_inputs[r] + last.bias()[j].abs());
        1.01 * sum + f64::MIN_POSITIVE
    };
    let off = (0..rows).map(|r| (0..last.units()).map(|j| of_output(r, j)).collect()).collect();
    (outputs, off)
}

/// What is proved of each row while its inputs move by at most the radius in a norm.
pub fn within_radius(network: &Network, x: MatRef<'_, f64>, (norm, radius): (Norm, f64)) -> Result<Vec<Bounded>> {
    if x.ncols() != network.inputs() {
        return Err(Error::new(
            format!("the rows have {} columns and the network has {} inputs", x.ncols(), network.inputs()),
            "give the columns that the network was trained on",
        ));
    }
    if !(radius >= 0.0 && radius.is_finite()) {
        return Err(Error::new(format!("the radius is {radius}"), "give a finite number that is at least 0"));
    }
    let bound = trivial_bound(network, norm);
    let count = network.outputs();
    let moves = |bound: f64| if radius == 0.0 { 0.0 } else { mul_up(radius, bound) };
    let stop = Stop::here();
    let some = |first: usize| {
        let rows = ROWS.min(x.nrows() - first);
        let (outputs, off) = stop.during(|| values(network, x.subrows(first, rows)));
        let one = |r: usize| {
            let of: Vec<f64> = outputs.col_as_slice(r).to_vec();
            let reach = |j: usize| add_up(off[r][j], moves(bound.outputs[j]));
            let mut bounded = Bounded {
                lower: (0..count).map(|j| add_down(of[j], -reach(j))).collect(),
                upper: (0..count).map(|j| add_up(of[j], reach(j))).collect(),
                outputs: of,
                margin: f64::INFINITY,
            };
            let class = bounded.class();
            for j in (0..count).filter(|&j| j != class) {
                let reach = add_up(add_up(off[r][class], off[r][j]), moves(bound.pair(class, j)));
                let margin = add_down(add_down(bounded.outputs[class], -bounded.outputs[j]), -reach);
                // What is no number is no proof.
                bounded.margin = if margin.is_nan() { f64::NEG_INFINITY } else { bounded.margin.min(margin) };
            }
            bounded
        };
        (0..rows).map(one).collect::<Vec<_>>()
    };
    let firsts: Vec<usize> = (0..x.nrows()).step_by(ROWS).collect();
    let pooled = rayon::current_thread_index().is_some();
    let all: Vec<Vec<Bounded>> = match pooled {
        true => firsts.into_par_iter().map(some).collect(),
        false => firsts.into_iter().map(some).collect(),
    };
    Ok(all.into_iter().flatten().collect())
}

/// The same of rows in the units of the data, for a network in standardized units, while their standardized inputs move by at most the
/// radius: outputs and their ends in the units of the target. What rounding does to the standardized inputs is within.
pub fn predictions_within_radius(
    network: &Network,
    scaler: &Scaler,
    mut x: Mat<f64>,
    (norm, radius): (Norm, f64),
) -> Result<Vec<Bounded>> {
    scaler.check(network.inputs())?;
    // Each standardized input is a difference, divided: off by two roundings of something as large as its two terms.
    let furthest = |k: usize, j: usize| (x[(k, j)].abs() + scaler.input_mean[j].abs()) / scaler.input_scale[j];
    let of_column = |j: usize| (0..x.nrows()).map(|k| 2.0 * f64::EPSILON * furthest(k, j)).fold(0.0, f64::max);
    let off: f64 = (0..x.ncols().min(network.inputs())).map(of_column).sum();
    if x.ncols() == network.inputs() {
        scaler.standardize_inputs_in_place(x.as_mut());
    }
    let mut all = within_radius(network, x.as_ref(), (norm, add_up(radius, 1.01 * off)))?;
    let moved: Vec<_> = (0..network.outputs()).map(|j| (j, scaler.target(j))).collect();
    let moved: Vec<_> = moved.into_iter().filter(|(_, units)| *units != (0.0, 1.0)).collect();
    for row in &mut all {
        for &(j, (mean, scale)) in &moved {
            row.outputs[j] = mean + scale * row.outputs[j];
            row.lower[j] = add_down((row.lower[j] * scale).next_down(), mean);
            row.upper[j] = add_up((row.upper[j] * scale).next_up(), mean);
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certify::chain::tests::random;
    use crate::certify::class_margins;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_pcg::Pcg64;

    #[test]
    fn predictions_are_in_the_units_of_the_target() {
        let network = random(&[3, 4, 1], 1.0, false, &mut Pcg64::seed_from_u64(1));
        let scaler = Scaler {
            input_mean: vec![1e6, -2.0, 0.0],
            input_scale: vec![3.0, 0.5, 1.0],
            target_mean: 100.0,
            target_scale: 7.0,
            ..Scaler::identity(3)
        };
        let x = Mat::from_fn(4, 3, |k, j| scaler.input_mean[j] + (k as f64 - 1.5) * scaler.input_scale[j]);
        for radius in [0.0, 0.25] {
            let all = predictions_within_radius(&network, &scaler, x.clone(), (Norm::Two, radius)).unwrap();
            for (k, row) in all.iter().enumerate() {
                let z: Vec<f64> = (0..3).map(|j| (x[(k, j)] - scaler.input_mean[j]) / scaler.input_scale[j]).collect();
                let due = scaler.target_to_user(network.values(&z)[0]);
                assert!(row.lower[0] <= due && due <= row.upper[0] && (row.outputs[0] - due).abs() < 1e-9);
                let width = 2.0 * radius * 7.0 * trivial_bound(&network, Norm::Two).bound;
                assert!(row.upper[0] - row.lower[0] >= width && row.upper[0] - row.lower[0] < width + 1e-6);
            }
        }
        assert!(predictions_within_radius(&network, &scaler, Mat::zeros(1, 2), (Norm::Two, 0.1)).is_err());
        for radius in [f64::NAN, -1.0, f64::INFINITY] {
            assert!(within_radius(&network, x.as_ref(), (Norm::Two, radius)).is_err());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        /// The verifier's own interval arithmetic proves margins that are as large but for rounding, and attacks stay inside.
        #[test]
        fn margins_are_those_of_the_verifier_and_no_move_leaves_the_interval(seed in 0u64..1000, radius in 0.0f64..0.5) {
            let network = random(&[4, 5, 6, 3], 1.0, seed % 2 == 0, &mut Pcg64::seed_from_u64(seed));
            let x = Mat::from_fn(5, network.inputs(), |k, j| ((k * 7 + j * 3) as f64 + seed as f64 * 0.1).sin());
            for norm in [Norm::Two, Norm::Infinity, Norm::One] {
                let all = within_radius(&network, x.as_ref(), (norm, radius)).unwrap();
                let labels: Vec<usize> = all.iter().map(Bounded::class).collect();
                let due = class_margins(&network, (x.as_ref(), &labels), (norm, radius), None).unwrap();
                for (k, bounded) in all.iter().enumerate() {
                    let scale = 1.0 + bounded.outputs.iter().fold(0.0_f64, |most, f| most.max(f.abs()));
                    prop_assert!((bounded.margin - due.rows[k].margin).abs() < 1e-9 * scale * (1.0 + radius), "{} {}", bounded.margin, due.rows[k].margin);
                    let size = radius / norm.of(&vec![1.0; network.inputs()]).max(1.0);
                    let moved: Vec<f64> = (0..network.inputs()).map(|j| x[(k, j)] + if j % 2 == 0 { size } else { -size } * 0.999).collect();
                    for (j, f) in network.values(&moved).into_iter().enumerate() {
                        prop_assert!(bounded.lower[j] <= f && f <= bounded.upper[j]);
                    }
                }
            }
        }
    }
}
