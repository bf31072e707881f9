//! LipSDP as the matrix inequality (J) with the weights held, by the structured interior-point method.
//!
//! One multiplier an unknown and a matrix of order d + m + 1: slower than the relaxation of [`super::lipsdp`] with its small
//! matrices, from which it shares nothing. It is the judge of that one, and stands in where that one stalls.

use super::implied_bound::units_bound;
use super::lipsdp_bound::{Bound, GapObserver};
use crate::Norm;
use crate::program::build::Built;
use crate::unit::Unit;
use tautnet_cone::Settings;

/// LipSDP for units, which need not all have weights.
pub(crate) fn interior_lipsdp(all: &[Unit], norm: Norm, observer: &mut GapObserver<'_>) -> Bound {
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
