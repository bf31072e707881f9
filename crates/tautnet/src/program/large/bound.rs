//! What a point proves: the value of the program at it, and a lower bound of its optimum.
//!
//! For any ν with `[X, 1]ᵀν = 0` and any Y ≥ 0, with B the cells' inequalities (of as many points as one likes),
//!
//! ```text
//! t Σ ν_k y_k − t² Σ ν_k²/4ω_k        over 0 ≤ t ≤ λ_w / max_i ‖turn⁻ᵀ(Φ_iᵀν + B_iᵀY_i)‖
//! ```
//!
//! is no more than the optimum: Fenchel's dual at (tν, tY). ν = 2ω∘(y − f), with the shared scalars at their best, makes it tight.

use super::normal::Fixed;
use crate::program::{listed::Listed, training::TrainingProgram};
use faer::{Mat, Par, linalg::triangular_solve::solve_lower_triangular_in_place};
use tautnet_cone::{Outcome, Settings};

/// Both.
pub(super) struct Proved {
    pub value: f64,
    pub bound: f64,
    /// The shared scalars at their best.
    shared: Vec<f64>,
}

impl Proved {
    pub fn at(part: &TrainingProgram, fixed: &Fixed, listed: &Listed, outcome: &Outcome) -> Self {
        let layout = &part.layout;
        let loss = part.terms.loss.as_ref().expect("there is a loss");
        let lengths = part.terms.lengths.as_ref().expect("lengths have a price");
        let mut x = outcome.x.clone();
        let weight = &fixed.products.weight;
        let away = |x: &[f64]| -> Vec<f64> {
            let f = loss.output(layout, x);
            (0..f.len()).map(|k| weight[k] * (loss.targets.y[k] - f[k])).collect()
        };
        // ν = χ (y − f); the scalars take up what of it is along their features.
        let mut nu = away(&x);
        let mut gradient = vec![0.0; layout.variables()];
        loss.add_to_weights(layout, &nu, &mut gradient);
        let all = layout.shared()..layout.reduced();
        let change = fixed.shared(&gradient[all.clone()]);
        x[all.clone()].iter_mut().zip(change.col_as_slice(0)).for_each(|(x, change)| *x += change);
        if !all.is_empty() {
            nu = away(&x);
            gradient.fill(0.0);
            loss.add_to_weights(layout, &nu, &mut gradient);
        }
        let parts = listed.parts(&outcome.z[listed.range()]);
        let (e, m) = (layout.e(), layout.m);
        let mut slopes = Mat::from_fn(e, m, |a, i| gradient[layout.unit(i) + a]);
        for (i, values) in parts.iter().enumerate() {
            listed.add_sum(i, values, slopes.as_mut().col_mut(i).try_as_col_major_mut().expect("contiguous").as_slice_mut());
        }
        // turn is lower triangular but for its order: its transpose is solved in the order of its rows.
        let turn = lengths.turn.transpose().to_owned();
        let reversed = Mat::from_fn(e, e, |a, b| turn[(e - 1 - a, e - 1 - b)]);
        let mut steep = Mat::from_fn(e, m, |a, i| slopes[(e - 1 - a, i)]);
        solve_lower_triangular_in_place(reversed.as_ref(), steep.as_mut(), Par::Seq);
        let steepest = (0..m).map(|i| steep.col(i).norm_l2()).fold(0.0, f64::max);
        let linear: f64 = nu.iter().zip(&loss.targets.y).map(|(nu, y)| nu * y).sum();
        // Σ ν²/4ω with χ = 2ω.
        let square: f64 = nu.iter().zip(weight).filter(|(_, w)| **w > 0.0).map(|(nu, w)| nu * nu / (2.0 * w)).sum();
        let longest = if steepest > 0.0 { lengths.price / steepest } else { f64::INFINITY };
        let t = if square > 0.0 { (0.5 * linear / square).clamp(0.0, longest) } else { 0.0 };
        let turned = &lengths.turn * layout.weights_of(&x);
        let price = lengths.price * (0..m).map(|i| turned.col(i).norm_l2()).sum::<f64>();
        let value = part.spread() + square + price;
        Self { value, bound: part.spread() + t * linear - t * t * square, shared: x[all].to_vec() }
    }

    /// Tell them in the place of what the method made of its residuals.
    pub fn write(&self, part: &TrainingProgram, outcome: &mut Outcome, settings: &Settings) {
        let at = part.layout.shared()..part.layout.reduced();
        outcome.x[at].copy_from_slice(&self.shared);
        outcome.last.primal = self.value;
        outcome.last.dual = self.bound;
        outcome.last.gap = settings.gap(self.value, self.bound);
    }
}
