//! Upper bounds over a region, where many units cannot change their sign.
//!
//! The range of `w_i·x + b_i` over a box or ball pins units on or off; LipSDP on the others, with the pinned slopes in the
//! constant row (see [`super::exact`]), bounds the constant over the region. One relaxation, no search.

use super::cell::Cells;
use super::max_cut::{Limits, bound_signed_sum};
use super::norm_product::path_norm;
use super::region::Region;
use super::slopes::Slopes;
use crate::error::Result;
use crate::{Norm, Shallow};
use faer::Mat;
use std::ops::ControlFlow;

/// A bound on the Lipschitz constant over a region.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LocalBound {
    /// No gradient in the region is larger.
    pub upper_bound: f64,
    /// How many units with an effect are on in all of the region.
    pub always_on: usize,
    /// How many units with an effect are off in all of the region.
    pub always_off: usize,
    /// How many units are neither: they turn on or off somewhere in the region.
    pub free: usize,
}

/// Pins units by the range of their pre-activation over the region and bounds the rest by LipSDP; `norm` measures inputs.
pub fn local_upper_bound(network: &Shallow, region: &Region, norm: Norm) -> Result<LocalBound> {
    region.check(network.inputs())?;
    let slopes = Slopes::of(network)?;
    let cells = Cells::new(network, &slopes.units, region);
    let signs: Vec<i8> = (0..slopes.units.len()).map(|r| cells.fixed_sign(r).unwrap_or(0)).collect();
    let count = |sign: i8| signs.iter().filter(|&&s| s == sign).count();
    let (bound, _) = pinned_bound(&slopes, norm, &signs, &Limits::default());
    let upper_bound = with_rounding(bound, slopes.rounding_of(norm.dual(), |r| signs[r] >= 0), &slopes);
    // Where there was no time to prove a smaller one.
    let upper_bound = upper_bound.min(path_norm(network, norm));
    Ok(LocalBound { upper_bound, always_on: count(1), always_off: count(-1), free: count(0) })
}

/// A bound that was computed, as a bound on the gradients of the exact slopes; `rounding` is what theirs can hide.
pub(super) fn with_rounding(bound: f64, rounding: f64, slopes: &Slopes) -> f64 {
    // A sum that is 0 says that the slopes cancel only where none of them was rounded.
    if bound == 0.0 && slopes.exact { 0.0 } else { bound + rounding }
}

/// An upper bound on the gradient over all patterns of the free units (sign 0), exact when there are none, and the free unit
/// that matters most (0 when there are none). The rounding of the slopes themselves is the caller's to add.
pub(crate) fn pinned_bound(slopes: &Slopes, norm: Norm, signs: &[i8], limits: &Limits) -> (f64, usize) {
    let rows = &slopes.rows;
    let d = rows.ncols();
    let mut fixed = slopes.without_units();
    for r in (0..signs.len()).filter(|&r| signs[r] > 0) {
        (0..d).for_each(|k| fixed[k] += rows[(r, k)]);
    }
    let free: Vec<usize> = (0..signs.len()).filter(|&r| signs[r] == 0).collect();
    if free.is_empty() {
        return (norm.dual().of(&fixed) * slopes.scale, 0);
    }
    if norm == Norm::One {
        return bound_by_columns(slopes, &fixed, &free);
    }
    let b = Mat::from_fn(free.len() + 1, d, |i, k| match i {
        0 => 2.0 * fixed[k] + free.iter().map(|&r| rows[(r, k)]).sum::<f64>(),
        _ => rows[(free[i - 1], k)],
    });
    let limits = Limits {
        enough_below: limits.enough_below / slopes.scale,
        hopeless_above: limits.hopeless_above / slopes.scale,
        ..*limits
    };
    let bound = bound_signed_sum(b.as_ref(), norm.dual(), &limits, &mut |_| ControlFlow::Continue(()));
    let heaviest = (1..=free.len()).fold(1, |best, i| if bound.z[i] > bound.z[best] { i } else { best });
    let upper = if bound.upper.is_finite() {
        bound.upper
    } else {
        // Rounding broke the relaxation: the sum over the units.
        let length = |r: usize| norm.dual().of(&(0..d).map(|k| rows[(r, k)]).collect::<Vec<_>>());
        free.iter().map(|&r| length(r)).sum::<f64>() + norm.dual().of(&fixed)
    };
    (upper * slopes.scale, free[heaviest - 1])
}

/// q = ∞: the largest one-signed column sum is the exact maximum over all patterns.
fn bound_by_columns(slopes: &Slopes, fixed: &[f64], free: &[usize]) -> (f64, usize) {
    let rows = &slopes.rows;
    let mut best = (f64::NEG_INFINITY, 0);
    for k in 0..fixed.len() {
        for sign in [1.0, -1.0] {
            let sum = sign * fixed[k] + free.iter().map(|&r| (sign * rows[(r, k)]).max(0.0)).sum::<f64>();
            if sum > best.0 {
                best = (sum, k);
            }
        }
    }
    let entry = |r: usize| rows[(r, best.1)].abs();
    let heaviest = free.iter().fold(free[0], |heaviest, &r| if entry(r) > entry(heaviest) { r } else { heaviest });
    (best.0 * slopes.scale, heaviest)
}
