//! The bound that given multipliers imply, whoever proposed them.
//!
//! For multipliers ℓ > 0, `ζ_i = (z_i ; s_i ℓ_i)` and a linear part a the matrix inequality of (J) holds iff
//! `E(L) ⪰ Σ_i ζ_i ζ_iᵀ/(2ℓ_i) + [0, a; aᵀ, 0]`, so the smallest `L` for those multipliers is an eigenvalue of a matrix
//! of order d + 1. That is how a bound is recomputed: any positive multipliers give a valid one.

use crate::Norm;
use crate::unit::Unit;
use faer::{Mat, Side};

/// The smallest `L` (and for the infinity norm its `p`) that the multipliers prove for the units.
///
/// The inequality is homogeneous in its two sides; for the infinity norm E is a multiple of `diag(π, Σπ)` for the given
/// direction `π`.
///
/// Where a solver leaves a multiplier (or a `p_k`) at zero and its weight at rounding level, the bound would be a
/// quotient of two roundings: so several floors are tried and the best bound is taken. All of them are valid.
pub(crate) fn units_bound(
    units: &[Unit],
    linear: Option<&[f64]>,
    ell: &[f64],
    p: Option<&[f64]>,
    norm: Norm,
) -> (f64, Option<Vec<f64>>) {
    [1e-14, 1e-12, 1e-10, 1e-8, 1e-6]
        .into_iter()
        .map(|floor| floored_bound(units, linear, ell, p, norm, floor))
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .expect("there are floors")
}

fn floored_bound(
    units: &[Unit],
    linear: Option<&[f64]>,
    ell: &[f64],
    p: Option<&[f64]>,
    norm: Norm,
    floor: f64,
) -> (f64, Option<Vec<f64>>) {
    let d = units[0].z.len();
    let lifted = |values: &[f64]| -> Vec<f64> {
        let largest = values.iter().fold(0.0f64, |m, &v| m.max(v));
        values.iter().map(|v| if largest > 0.0 { v.max(floor * largest) } else { 1.0 }).collect()
    };
    let mut c = Mat::<f64>::zeros(d + 1, d + 1);
    for (unit, l) in units.iter().zip(lifted(ell)) {
        let entry = |a: usize| if a < d { unit.z[a] } else { unit.sign * l };
        for a in 0..=d {
            for b in 0..=d {
                c[(a, b)] += entry(a) * entry(b) / (2.0 * l);
            }
        }
    }
    for (k, a) in linear.iter().copied().flatten().enumerate() {
        c[(k, d)] += a;
        c[(d, k)] += a;
    }
    let weights: Vec<f64> = match (norm, p) {
        (Norm::Infinity, p) => {
            let p = lifted(p.unwrap_or(&vec![1.0; d]));
            let sum = p.iter().sum();
            p.into_iter().chain(std::iter::once(sum)).collect()
        }
        _ => vec![1.0; d + 1],
    };
    let scaled = Mat::from_fn(d + 1, d + 1, |a, b| c[(a, b)] / (weights[a] * weights[b]).sqrt());
    let eigenvalues = scaled.self_adjoint_eigenvalues(Side::Lower).unwrap_or_else(|_| vec![f64::INFINITY]);
    let tau = eigenvalues.last().copied().filter(|t| !t.is_nan()).unwrap_or(f64::INFINITY);
    match norm {
        Norm::Infinity => (tau * weights[d], Some(weights[..d].iter().map(|w| tau * w).collect())),
        _ => (tau, None),
    }
}
