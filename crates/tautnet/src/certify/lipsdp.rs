//! The LipSDP bound of a given network, and the bound that given multipliers imply.
//!
//! For multipliers ℓ > 0 and `c_i = (z_i ; s_i ℓ_i)` the matrix inequality of (J) holds iff
//! `E(L) ⪰ C = Σ_i c_i c_iᵀ/(2ℓ_i)`, so the smallest `L` for those multipliers is an eigenvalue of a matrix of order
//! d + 1. That is how a bound is recomputed: any positive multipliers give a valid one, whoever proposed them.

use crate::{
    Network, Norm,
    error::{Error, Result},
    program::build::{Built, Unit},
};
use faer::{Mat, Side};
use std::ops::ControlFlow;
use tautnet_cone::Settings;

/// A Lipschitz bound with the multipliers that prove it.
#[derive(Debug, Clone, PartialEq)]
pub struct Bound {
    /// The upper bound, in the dual of the input norm.
    pub lipschitz_upper_bound: f64,
    /// ℓ of every unit of the network; 0 where `v_i w_i = 0`.
    pub multipliers: Vec<f64>,
    /// `p` of every input, for [`Norm::Infinity`].
    pub p: Option<Vec<f64>>,
    /// Iterations of the interior-point method.
    pub iterations: usize,
    /// Relative gap between the bound and the solver's dual bound on LipSDP's optimum.
    pub gap: f64,
}

/// LipSDP for the network's weights: the best bound that diagonal multipliers can prove.
pub fn lipsdp(network: &Network, norm: Norm, observer: &mut dyn FnMut(f64) -> ControlFlow<()>) -> Result<Bound> {
    if norm == Norm::One {
        return Err(Error::new(
            "LipSDP is not available for the 1-norm",
            "for the 1-norm the bound by columns (norm product) applies; ask for norm 2 or inf here",
        ));
    }
    let (indices, units): (Vec<usize>, Vec<Unit>) = Unit::of(network).into_iter().unzip();
    let bound = units_lipsdp(&units, norm, observer);
    let mut multipliers = vec![0.0; network.units()];
    indices.iter().zip(&bound.multipliers).for_each(|(&i, &l)| multipliers[i] = l);
    let p = bound.p.or_else(|| (norm == Norm::Infinity).then(|| vec![0.0; network.inputs()]));
    Ok(Bound { multipliers, p, ..bound })
}

/// [`lipsdp`] for units, which need not all have weights.
pub(crate) fn units_lipsdp(all: &[Unit], norm: Norm, observer: &mut dyn FnMut(f64) -> ControlFlow<()>) -> Bound {
    let (indices, units): (Vec<usize>, Vec<Unit>) =
        all.iter().cloned().enumerate().filter(|(_, u)| u.z.iter().any(|&z| z != 0.0)).unzip();
    let mut multipliers = vec![0.0; all.len()];
    if units.is_empty() {
        return Bound { lipschitz_upper_bound: 0.0, multipliers, p: None, iterations: 0, gap: 0.0 };
    }
    let mut built = Built::lipsdp(&units, norm);
    let settings = Settings { gap_relative: 1e-9, iterations: 60, ..Settings::default() };
    let outcome = built.solve(&settings, &mut |facts| observer(facts.gap));
    let solution = built.solution(&outcome.x);
    let ell = solution.multipliers.expect("the multipliers are free");
    let (best, p) = units_bound(&units, &ell, solution.p.as_deref(), norm);
    indices.iter().zip(&ell).for_each(|(&i, &l)| multipliers[i] = l.max(0.0));
    let gap = ((best - built.objective(outcome.last.dual)) / best).max(0.0);
    Bound { lipschitz_upper_bound: best, multipliers, p, iterations: outcome.trace.len().saturating_sub(1), gap }
}

/// The smallest `L` (and for the infinity norm its `p`) that the multipliers prove for the units.
///
/// `E(L) ⪰ C` is homogeneous in `(E, C)`; for the infinity norm `E = τ diag(p, Σp)` for the given direction `p`.
///
/// Where a solver leaves a multiplier (or a `p_k`) at zero and its weight at rounding level, the bound would be a
/// quotient of two roundings: so several floors are tried and the best bound is taken. All of them are valid.
pub(crate) fn units_bound(units: &[Unit], ell: &[f64], p: Option<&[f64]>, norm: Norm) -> (f64, Option<Vec<f64>>) {
    [1e-14, 1e-12, 1e-10, 1e-8, 1e-6]
        .into_iter()
        .map(|floor| floored_bound(units, ell, p, norm, floor))
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .expect("there are floors")
}

fn floored_bound(units: &[Unit], ell: &[f64], p: Option<&[f64]>, norm: Norm, floor: f64) -> (f64, Option<Vec<f64>>) {
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
