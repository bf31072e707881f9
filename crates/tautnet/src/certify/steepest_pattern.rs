//! The largest gradient over all on/off patterns, attainable or not, by rounding LipSDP's solution.
//!
//! No bound that ignores which patterns an input attains can be smaller: between this value and LipSDP's lies what the
//! relaxation loses, below it what attainability gains. It is *not* a lower bound on the Lipschitz constant.

use super::lipsdp_bound::Bound;
use super::slope_sum::SlopeSum;
use super::slopes::Slopes;
use crate::error::Result;
use crate::random::normal;
use crate::{Norm, Shallow};
use rand::SeedableRng;
use rand_pcg::Pcg64;

/// A pattern of the units, and the length of the gradient that it would have.
#[derive(Debug, Clone, PartialEq)]
pub struct SteepestPattern {
    /// At most the dual norm of the sum of the slopes of the units that are on.
    pub value: f64,
    /// Which units are on.
    pub active: Vec<bool>,
}

/// Draws and improves `draws` patterns along the directions that `bound`, LipSDP of this network in this norm, prefers.
///
/// For [`Norm::One`] the answer is exact: the column and sign whose entries add up to most.
pub fn steepest_pattern(
    network: &Shallow,
    norm: Norm,
    bound: &Bound,
    draws: usize,
    seed: u64,
) -> Result<SteepestPattern> {
    let slopes = Slopes::of(network)?;
    let effective = slopes.units.len();
    let mut best = (0.0, vec![false; effective]);
    if norm == Norm::One {
        best = largest_column_pattern(&slopes);
    } else {
        let weights = Weights::of(&slopes, norm, bound);
        let mut random = Pcg64::seed_from_u64(seed);
        for _ in 0..draws {
            let direction = weights.steep_direction(&slopes, &mut || normal(&mut random));
            let slope = |r: usize| direction.iter().enumerate().map(|(k, a)| slopes.rows[(r, k)] * a).sum::<f64>();
            let mut pattern: Vec<bool> = (0..effective).map(|r| slope(r) > 0.0).collect();
            let value = climb(&slopes, norm.dual(), &mut pattern);
            if value > best.0 {
                best = (value, pattern);
            }
        }
    }
    let mut active = vec![false; network.units()];
    best.1.iter().zip(&slopes.units).for_each(|(&on, &i)| active[i] = on);
    Ok(SteepestPattern { value: SlopeSum::of(network, &active, norm.dual()).below, active })
}

/// The dual point of the signed-sum problem, read back from the multipliers; its scale is free.
struct Weights {
    sum: f64,
    rows: Vec<f64>,
    columns: Vec<f64>,
}

impl Weights {
    fn of(slopes: &Slopes, norm: Norm, bound: &Bound) -> Self {
        // ℓ′ = 2Lℓ with Σℓ′ = 4L² (ℓ2), ℓ′ = ℓ with Σℓ′ = 2L (ℓ∞): the sum's own share is what the units leave.
        let rows: Vec<f64> = slopes.units.iter().map(|&i| bound.multipliers[i] / slopes.scale).collect();
        let total = 2.0 * bound.lipschitz_upper_bound / slopes.scale;
        let sum = (total - rows.iter().sum::<f64>()).max(1e-9 * total);
        let columns = match (norm, &bound.p) {
            (Norm::Infinity, Some(p)) => p.clone(),
            _ => vec![1.0; slopes.rows.ncols()],
        };
        Self { sum, rows, columns }
    }

    /// A random direction in (nearly) the top eigenspace of P⁻¹Bᵀdiag(z)⁻¹B, where the optimal M lives: the units that
    /// climb along it are the classical rounding of the relaxation.
    fn steep_direction(&self, slopes: &Slopes, normal: &mut dyn FnMut() -> f64) -> Vec<f64> {
        let (m, d) = (slopes.rows.nrows(), slopes.rows.ncols());
        let total = slopes.twice_the_mean();
        let mut direction: Vec<f64> = (0..d).map(|_| normal()).collect();
        for _ in 0..20 {
            let along: f64 = total.iter().zip(&direction).map(|(a, b)| a * b).sum();
            let mut next: Vec<f64> = total.iter().map(|a| a * along / self.sum).collect();
            for r in (0..m).filter(|&r| self.rows[r] > 0.0) {
                let along: f64 = (0..d).map(|k| slopes.rows[(r, k)] * direction[k]).sum();
                (0..d).for_each(|k| next[k] += slopes.rows[(r, k)] * along / self.rows[r]);
            }
            (0..d).for_each(|k| next[k] = if self.columns[k] > 0.0 { next[k] / self.columns[k] } else { 0.0 });
            let length = Norm::Two.of(&next);
            if !(length > 0.0 && length.is_finite()) {
                break;
            }
            direction = next.iter().map(|a| a / length).collect();
        }
        direction
    }
}

/// Flips units that lengthen the sum, in order and again, until none does; returns the length.
fn climb(slopes: &Slopes, dual: Norm, pattern: &mut [bool]) -> f64 {
    let rows = &slopes.rows;
    let (m, d) = (rows.nrows(), rows.ncols());
    let mut sum = slopes.without_units();
    for i in (0..m).filter(|&i| pattern[i]) {
        (0..d).for_each(|k| sum[k] += rows[(i, k)]);
    }
    let mut value = dual.of(&sum);
    let mut trial = vec![0.0; d];
    loop {
        let before = value;
        for i in 0..m {
            let sign = if pattern[i] { -1.0 } else { 1.0 };
            (0..d).for_each(|k| trial[k] = sum[k] + sign * rows[(i, k)]);
            let length = dual.of(&trial);
            if length > value * (1.0 + 1e-12) {
                std::mem::swap(&mut sum, &mut trial);
                value = length;
                pattern[i] = !pattern[i];
            }
        }
        if value <= before {
            return value;
        }
    }
}

/// The column and sign whose one-signed entries add up to most.
fn largest_column_pattern(slopes: &Slopes) -> (f64, Vec<bool>) {
    let (rows, linear) = (&slopes.rows, slopes.without_units());
    let (m, d) = (rows.nrows(), rows.ncols());
    let mut best = (0.0, vec![false; m]);
    for k in 0..d {
        for sign in [1.0, -1.0] {
            let sum: f64 = sign * linear[k] + (0..m).map(|i| (sign * rows[(i, k)]).max(0.0)).sum::<f64>();
            if sum > best.0 {
                best = (sum, (0..m).map(|i| sign * rows[(i, k)] > 0.0).collect());
            }
        }
    }
    best
}
