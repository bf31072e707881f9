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
use crate::program::{lengths::Lengths, listed::Listed, training::TrainingProgram};
use faer::{Mat, Side, prelude::*};
use rayon::prelude::*;
use tautnet_cone::{Outcome, Settings, vector::dot};

/// How often a unit's multipliers are corrected.
const CORRECTIONS: usize = 4;

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
        let (e, m) = (layout.e(), layout.m);
        let range = listed.range();
        let (slack, dual) = (listed.parts(&outcome.s[range.clone()]), listed.parts(&outcome.z[range]));
        let steepest = (0..m)
            .into_par_iter()
            .map(|i| steepness(listed, lengths, i, &gradient[layout.unit(i)..][..e], (slack[i], dual[i])))
            .reduce(|| 0.0, f64::max);
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

/// `‖turn⁻ᵀ(Φ_iᵀν + B_iᵀY_i)‖` of one unit, for multipliers Y_i ≥ 0 that make it small.
///
/// Those of the method leave a residual. What of it is above the price is put on the multipliers, most on those of tight cones, which are
/// free to move: `δ = −H B w` with `BᵀHB w = excess`. What would be below 0 is 0, so more than one correction may help.
fn steepness(listed: &Listed, lengths: &Lengths, i: usize, gradient: &[f64], (slack, dual): (&[f64], &[f64])) -> f64 {
    let e = gradient.len();
    let mut multipliers = dual.to_vec();
    let mut least = f64::INFINITY;
    for correction in 0..=CORRECTIONS {
        let mut slope = gradient.to_vec();
        listed.add_sum(i, &multipliers, &mut slope);
        let turned = lengths.turned_back(Mat::from_fn(e, 1, |a, _| slope[a]));
        let steep = turned.norm_l2();
        if steep.is_nan() || steep >= 0.99 * least + 0.01 * lengths.price {
            least = least.min(steep);
            break;
        }
        least = steep;
        if steep <= lengths.price || correction == CORRECTIONS {
            break;
        }
        let scale: Vec<f64> = multipliers.iter().zip(slack).map(|(z, s)| z / s).collect();
        let mut hessian = listed.gram(i, &scale);
        let largest = (0..e).fold(f64::MIN_POSITIVE, |largest, a| largest.max(hessian[(a, a)]));
        (0..e).for_each(|a| hessian[(a, a)] += 1e-12 * largest);
        let Ok(factor) = hessian.llt(Side::Lower) else { break };
        // A little more than the excess, for what the next one leaves.
        let excess = 1.0 - lengths.price / steep;
        let w = factor.solve(Col::from_fn(e, |a| excess * slope[a]));
        let w: Vec<f64> = w.iter().copied().collect();
        for ((z, h), &k) in multipliers.iter_mut().zip(&scale).zip(&listed.lists[i]) {
            *z = (*z - h * listed.side(i, k) * dot(listed.point(k), &w)).max(0.0);
        }
    }
    least
}
