//! A lower bound on the optimum from slopes of the loss.
//!
//! ```text
//! −Σ_k ω_k conjugate(t slope_k, y_k)      with   Σ_k ω_k slope_k = 0 where c is free,   t ‖Φ_jᵀ(ω∘slope) − B_jᵀY_j‖ ≤ λ_w for every group,   Y_j ≥ 0
//! ```
//!
//! is no more than the optimum, by Fenchel's inequality: Φ_j are the columns of group j, and B_jᵀY_j is what the multipliers of
//! its cones come to, where it has any. At the optimum the slopes are those of the loss and t is 1.

use super::products::dot;
use tautnet::Loss;

/// What rounding may have moved slopes by: at the end of their range they are moved back into it.
const ROUNDING: f64 = 1e-9;

/// Make Σ_k ω_k slope_k = 0 by moving the slopes of the heavier sign towards 0: so they stay within what the loss allows.
pub(super) fn balance(slopes: &mut [f64], omega: &[f64]) {
    let total = |sign: f64| -> f64 { slopes.iter().zip(omega).map(|(g, o)| o * (sign * g).max(0.0)).sum() };
    let (above, below) = (total(1.0), total(-1.0));
    let least = above.min(below);
    let keep = |total: f64| if total > 0.0 { least / total } else { 0.0 };
    let (above, below) = (keep(above), keep(below));
    slopes.iter_mut().for_each(|g| *g *= if *g > 0.0 { above } else { below });
}

/// The bound of slopes that are balanced where they must be, from the length of the steepest group.
pub(super) fn bound(loss: &Loss, slopes: &[f64], y: &[f64], omega: &[f64], steepest: f64, lambda: f64) -> f64 {
    let t = (1.0 - ROUNDING) * if steepest > lambda { lambda / steepest } else { 1.0 };
    let conjugates: Vec<f64> = slopes.iter().zip(y).map(|(g, &y)| loss.conjugate(t * g, y)).collect();
    let bound = -dot(omega, &conjugates);
    // No loss is negative; a row without weight may be at a slope without end.
    if bound > 0.0 { bound } else { 0.0 }
}
