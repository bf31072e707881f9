//! LipSDP with a diagonal multiplier, the only sound form, for networks of any width.
//!
//! With `a_i = v_i w_i` and the linear part a the gradient on the pattern D ∈ {0,1}^m is `a + Σ_i D_i a_i`. Writing
//! `D = (1 + σ)/2` gives `½(Σ_i σ_i a_i + σ_0 ã_0)`, `ã_0 = 2a + Σ_i a_i`: the largest gradient over *all* patterns is
//! the signed-sum problem of [`super::max_cut`] for the rows (ã_0, a_1, …, a_m), and LipSDP is its relaxation.
//!
//! The dual point ℓ′ (rows 0..m) is the multiplier of the matrix inequality (J): substitute `x_i − x_0` for `x_i` in
//! `Σ ℓ′_i x_i² ≥ ‖x_0 ã_0 + Σ x_i a_i‖²`, so that its right-hand side becomes `‖2 x_0 a + Σ x_i a_i‖²`, to get, with
//! the rows a_i in A,
//!
//! ```text
//!     [ diag(ℓ′_1 … ℓ′_m) − A P⁻¹ Aᵀ,  −ℓ′ − 2A P⁻¹ a ;  ·,  Σ_{i≥0} ℓ′_i − 4aᵀP⁻¹a ] ⪰ 0 ,     P = I (ℓ2)  or  diag π′ (ℓ∞) ,
//! ```
//!
//! and scale rows and columns: `ℓ_i = ℓ′_i/(2L)` for ℓ2, where Σℓ′ = 4L²; `ℓ_i = ℓ′_i` and `π = π′/2` for ℓ∞, where
//! Σℓ′ = Σπ′ = 2L. Then
//! `[diag π, −Zᵀ, −a; −Z, 2Λ, −Λs; −aᵀ, −sᵀΛ, L] ⪰ 0` with rows `z_i = |v_i| w_i` in Z, `s = sign v`.
//!
//! Units with v_i = 0 or w_i = 0 leave the problem and get ℓ_i = 0. For ℓ1 inputs the maximum over all patterns
//! is known in closed form ([`super::column_sums`]) and is returned without multipliers.
//!
//! The relaxation's matrices are as small as the input; only where its gap stays open is (J) itself solved
//! ([`interior_lipsdp`]), which is otherwise the judge in the tests.

use super::implied_bound::units_bound;
use super::interior_lipsdp::interior_lipsdp;
use super::lipsdp_bound::{Bound, GapObserver};
use super::max_cut::{self, Limits, bound_signed_sum};
use super::norm_product::column_sums;
use super::slopes::Slopes;
use crate::error::Result;
use crate::unit::Unit;
use crate::{Norm, Shallow};
use faer::Mat;
use tautnet_cone::Stop;

/// Relative gap above which the multipliers are not good enough to go on with.
const TIGHT: f64 = 1e-9;

/// Inputs up to which the matrix inequality can be solved: its coupling is of order (d+1)(d+2)/2.
const NARROW: usize = 120;

/// Units and inputs up to which the matrix inequality itself is solved when the gap stays above [`TIGHT`].
const SMALL: usize = 400;

/// LipSDP for the network's weights: the best bound that diagonal multipliers can prove.
///
/// `norm` measures the inputs. The observer hears the relative gap of every iteration; `Break` stops, with a valid
/// bound.
pub fn lipsdp(network: &Shallow, norm: Norm, observer: &mut GapObserver<'_>) -> Result<Bound> {
    let slopes = Slopes::of(network)?;
    if norm == Norm::One {
        let bound = column_sums(network);
        return Ok(Bound { lipschitz_upper_bound: bound, multipliers: Vec::new(), p: None, iterations: 0, gap: 0.0 });
    }
    let bound = relaxed(&slopes, network.units(), norm, observer);
    if !bound.wants_more(network.units(), network.inputs()) {
        return Ok(bound.bound);
    }
    let (indices, units): (Vec<usize>, Vec<Unit>) = Unit::of(network).into_iter().unzip();
    let mut solved = interior_lipsdp(&units, network.a(), norm, observer);
    let mut multipliers = vec![0.0; network.units()];
    indices.iter().zip(&solved.multipliers).for_each(|(&i, &l)| multipliers[i] = l);
    solved.multipliers = multipliers;
    Ok(better(bound.bound, proved_again(&slopes, norm, solved)))
}

/// [`lipsdp`] for units of `d` inputs, which need not all have weights, and the linear part beside them; not for
/// [`Norm::One`].
pub(crate) fn units_lipsdp(
    units: &[Unit],
    linear: Option<&[f64]>,
    d: usize,
    norm: Norm,
    observer: &mut GapObserver<'_>,
) -> Bound {
    let Some(slopes) = Slopes::of_units(units, linear, d) else {
        return interior_lipsdp(units, linear, norm, observer);
    };
    let bound = relaxed(&slopes, units.len(), norm, observer);
    if bound.wants_more(units.len(), d) {
        let solved = interior_lipsdp(units, linear, norm, observer);
        return better(bound.bound, proved_again(&slopes, norm, solved));
    }
    bound.bound
}

/// The bound that another solver's multipliers prove for units that have weights, with the linear part beside them.
pub(crate) fn bound_by(
    units: &[Unit],
    linear: Option<&[f64]>,
    multipliers: &[f64],
    p: Option<&[f64]>,
    norm: Norm,
) -> f64 {
    let (implied, p) = units_bound(units, linear, multipliers, p, norm);
    let multipliers = multipliers.to_vec();
    let solved = Bound { lipschitz_upper_bound: implied, multipliers, p, iterations: 0, gap: 0.0 };
    Slopes::of_units(units, linear, units[0].z.len())
        .map_or(f64::INFINITY, |slopes| proved_again(&slopes, norm, solved).lipschitz_upper_bound)
}

/// The relaxation's bound and whether it was interrupted.
struct Relaxed {
    bound: Bound,
    interrupted: bool,
}

impl Relaxed {
    fn wants_more(&self, units: usize, inputs: usize) -> bool {
        // Also where rounding left no gap to speak of.
        let tight = self.bound.gap <= TIGHT;
        !tight && !self.interrupted && units + inputs <= SMALL && inputs <= NARROW
    }
}

/// What the multipliers of another solver prove by the route of [`relaxed`]: its own number is an eigenvalue to working
/// accuracy. What it left at rounding level is lifted to one of several floors, all of them valid.
fn proved_again(slopes: &Slopes, norm: Norm, solved: Bound) -> Bound {
    let lost = Bound { lipschitz_upper_bound: f64::INFINITY, ..solved.clone() };
    if solved.lipschitz_upper_bound <= 0.0 || slopes.units.is_empty() {
        return lost;
    }
    let b = rows_of(slopes);
    let lifted = |values: &[f64], floor: f64| -> Vec<f64> {
        let largest = values.iter().fold(0.0, |a: f64, &b| a.max(b));
        values.iter().map(|&a| if largest > 0.0 { a.max(floor * largest) } else { 1.0 }).collect()
    };
    // ℓ′ = 2Lℓ with Σℓ′ = 4L², or ℓ′ = ℓ with Σℓ′ = 2L: only ratios matter, and the sum's own share is what the units
    // leave.
    let shares: Vec<f64> = slopes.units.iter().map(|&i| solved.multipliers[i]).collect();
    let rest = 2.0 * solved.lipschitz_upper_bound - shares.iter().sum::<f64>();
    let z: Vec<f64> = [rest].into_iter().chain(shares).collect();
    let p = solved.p.clone().unwrap_or_else(|| vec![1.0; b.ncols()]);
    let prove = |floor: f64| {
        let proved = max_cut::prove(b.as_ref(), norm.dual(), &lifted(&z, floor), &lifted(&p, floor));
        let bound = bound_of(slopes, solved.multipliers.len(), norm, &proved);
        let estimate = solved.lipschitz_upper_bound * (1.0 - solved.gap);
        let gap = ((bound.lipschitz_upper_bound - estimate) / bound.lipschitz_upper_bound).max(0.0);
        Bound { gap, iterations: solved.iterations, ..bound }
    };
    let bounds = [1e-14, 1e-12, 1e-10, 1e-8, 1e-6]
        .map(prove)
        .into_iter()
        .filter(|bound| bound.lipschitz_upper_bound.is_finite());
    bounds.min_by(|a, b| a.lipschitz_upper_bound.total_cmp(&b.lipschitz_upper_bound)).unwrap_or(lost)
}

/// Row 0 is the sum of the slopes and of twice the linear part, the others are the slopes.
fn rows_of(slopes: &Slopes) -> Mat<f64> {
    let sum = slopes.twice_the_mean();
    Mat::from_fn(
        slopes.units.len() + 1,
        slopes.rows.ncols(),
        |i, k| if i == 0 { sum[k] } else { slopes.rows[(i - 1, k)] },
    )
}

/// A proved bound on the signed sum, as multipliers of (J) for `units` units and the bound that they prove.
fn bound_of(slopes: &Slopes, units: usize, norm: Norm, proved: &max_cut::Bound) -> Bound {
    let upper = proved.upper * slopes.scale + slopes.rounding(norm.dual());
    let mut multipliers = vec![0.0; units];
    for (r, &i) in slopes.units.iter().enumerate() {
        multipliers[i] = match norm {
            _ if proved.upper == 0.0 => 0.0,
            Norm::Two => proved.z[r + 1] / (2.0 * proved.upper) * slopes.scale,
            _ => proved.z[r + 1] * slopes.scale,
        };
    }
    let p = (norm == Norm::Infinity).then(|| proved.p.iter().map(|p| 0.5 * p * slopes.scale).collect());
    Bound { lipschitz_upper_bound: upper, multipliers, p, iterations: proved.iterations, gap: 1.0 }
}

/// The smaller of two valid bounds; its gap uses the better of the two lower bounds on the same optimum.
fn better(first: Bound, second: Bound) -> Bound {
    let lower = |bound: &Bound| bound.lipschitz_upper_bound * (1.0 - bound.gap);
    let (lower, iterations) = (lower(&first).max(lower(&second)), first.iterations + second.iterations);
    let best = if second.lipschitz_upper_bound < first.lipschitz_upper_bound { second } else { first };
    let gap = ((best.lipschitz_upper_bound - lower) / best.lipschitz_upper_bound).max(0.0);
    Bound { gap, iterations, ..best }
}

/// The relaxation of the signed-sum problem, and its dual point as multipliers of (J) for `units` units.
fn relaxed(slopes: &Slopes, units: usize, norm: Norm, observer: &mut GapObserver<'_>) -> Relaxed {
    let (effective, d) = (slopes.units.len(), slopes.rows.ncols());
    let mut multipliers = vec![0.0; units];
    if effective == 0 {
        // The length of the linear part, which π′ in proportion to its entries proves.
        let linear = slopes.without_units();
        let p = (norm == Norm::Infinity).then(|| linear.iter().map(|a| a.abs() * slopes.scale).collect());
        let length = norm.dual().of(&linear) * slopes.scale;
        let bound = length + slopes.rounding(norm.dual());
        let bound = Bound { lipschitz_upper_bound: bound, multipliers, p, iterations: 0, gap: 0.0 };
        return Relaxed { bound, interrupted: false };
    }
    let b = rows_of(slopes);
    let mut interrupted = false;
    // Multipliers converge like the square root of the gap where units are close to parallel: a few more steps.
    let limits = Limits { tolerance: 1e-3 * TIGHT, ..Limits::default() };
    let solved = bound_signed_sum(b.as_ref(), norm.dual(), &limits, &mut |gap| {
        let verdict = observer(gap);
        interrupted |= verdict.is_break();
        verdict
    });
    interrupted |= Stop::here().asked();
    let bound = bound_of(slopes, units, norm, &solved);
    let upper = bound.lipschitz_upper_bound;
    if !upper.is_finite() {
        // Rounding broke the relaxation: the sum over the units, with the multipliers that prove it.
        let length =
            |r: usize| norm.dual().of(&(0..d).map(|k| slopes.rows[(r, k)]).collect::<Vec<f64>>()) * slopes.scale;
        slopes.units.iter().enumerate().for_each(|(r, &i)| multipliers[i] = length(r));
        let bound = Bound {
            lipschitz_upper_bound: ((0..effective).map(length).sum::<f64>()
                + norm.dual().of(&slopes.without_units()) * slopes.scale)
                * (1.0 + 1e-12)
                + slopes.rounding(norm.dual()),
            multipliers,
            p: None,
            iterations: solved.iterations,
            gap: 1.0,
        };
        return Relaxed { bound, interrupted };
    }
    let lower = (solved.relaxation_lower * slopes.scale).min(upper);
    let gap = (upper - lower) / upper;
    Relaxed { bound: Bound { gap, ..bound }, interrupted }
}
