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

/// LipSDP for units, which need not all have weights, and the linear part beside them.
pub(crate) fn interior_lipsdp(
    all: &[Unit],
    linear: Option<&[f64]>,
    norm: Norm,
    observer: &mut GapObserver<'_>,
) -> Bound {
    let (indices, units): (Vec<usize>, Vec<Unit>) =
        all.iter().cloned().enumerate().filter(|(_, u)| u.z.iter().any(|&z| z != 0.0)).unzip();
    let mut multipliers = vec![0.0; all.len()];
    if units.is_empty() {
        let length = linear.map_or(0.0, |linear| norm.dual().of(linear)).next_up();
        let p = linear.filter(|_| norm == Norm::Infinity).map(|linear| linear.iter().map(|a| a.abs()).collect());
        let bound = if length < f64::MIN_POSITIVE { 0.0 } else { length * (1.0 + 1e-12) };
        return Bound { lipschitz_upper_bound: bound, multipliers, p, iterations: 0, gap: 0.0 };
    }
    let mut built = Built::lipsdp(&units, linear, norm);
    let settings = Settings { gap_relative: 1e-9, iterations: 60, ..Settings::default() };
    let outcome = built.solve(&settings, &mut |facts| observer(facts.gap));
    let solution = built.solution(&outcome.x);
    let ell = solution.multipliers.expect("the multipliers are free");
    let (best, p) = units_bound(&units, linear, &ell, solution.p.as_deref(), norm);
    indices.iter().zip(&ell).for_each(|(&i, &l)| multipliers[i] = l.max(0.0));
    let gap = ((best - built.objective(outcome.last.dual)) / best).max(0.0);
    Bound { lipschitz_upper_bound: best, multipliers, p, iterations: outcome.trace.len().saturating_sub(1), gap }
}
