//! The semidefinite relaxation behind LipSDP, by an interior-point method whose matrices are as small as the input.
//!
//! Given Ã ∈ R^{n×d} with rows ã_i, bound the largest signed sum of its rows
//!
//! ```text
//!     L_σ = ½ max { ‖Σ_i σ_i ã_i‖_q : σ ∈ {−1, 1}ⁿ },        q = 2 or 1.
//! ```
//!
//! Relaxing σσᵀ (for q = 1 also the signs of the d sums) to a matrix with unit diagonal gives a max-cut program of
//! size n or n + d. Its matrix variable need never be formed: with G = Σ_i ã_i e_iᵀ for unit vectors e_i,
//! `‖G‖_F = max_{‖H‖_F = 1} Σ_i e_i·Hᵀã_i`, and the best e_i are the directions of Hᵀã_i. In Γ = HHᵀ, d×d:
//!
//! ```text
//!     q = 2:   2L_σ ≤ max { Σ_i √(ã_iᵀ Γ ã_i) : Γ ⪰ 0, tr Γ = 1 }
//!     q = 1:   2L_σ ≤ max { Σ_i √(ã_iᵀ Γ ã_i) : Γ ⪰ 0, diag Γ = 1 }
//! ```
//!
//! both concave. The dual point is ℓ′_i = √(ã_iᵀ Γ ã_i) with P = I or diag π′: `Ω = P − ½ Σ_i ã_i ã_iᵀ / ℓ′_i ⪰ 0`.
//! For q = 2 the scale of Γ is left free instead of its trace: `L_σ² ≤ max Σ_i √(ã_iᵀΓã_i) − tr Γ`.
//!
//! **Method.** Primal–dual path following, `Γ Ω = μI`, with the Nesterov–Todd scaling `Γ = QΛ̃Qᵀ`, `Ω = Q⁻ᵀΛ̃Q⁻¹`
//! and a second-order corrector. In the scaled variables (b̃_i = Qᵀã_i) the Newton equation is
//!
//! ```text
//!     dΓ̃ + Σ_i k_i k_iᵀ dΓ̃ = right-hand side,       k_i = b̃_i b̃_iᵀ / (2 ℓ′_i^{3/2}) ,
//! ```
//!
//! identity plus rank n on symmetric d×d matrices: solved either in d(d+1)/2 dimensions or, by the Woodbury formula, in
//! n dimensions with the matrix `I + [ (b̃_i·b̃_j)² / (4 (ℓ′_i ℓ′_j)^{3/2}) ]`, whichever is smaller. The d equations
//! `diag Γ = 1` of q = 1 add a d×d Schur complement.
//!
//! **The bound is valid wherever the iteration stops.** For any ℓ′, π′ > 0 let
//! `θ = λ_max(P^{-½} Ãᵀ diag(ℓ′)⁻¹ Ã P^{-½})`. Cauchy's inequality gives `‖Σσ_i ã_i‖` at most `√(θ · Σℓ′)` for q = 2 and `√(θ · Σℓ′ · Σπ′)` for q = 1. θ
//! is a d×d (or n×n) eigenvalue, bounded from above with its rounding. Any Γ bounds the relaxation from below: the gap
//! is honest.

use super::lipsdp_bound::GapObserver;
use crate::Norm;
use crate::dense;
use faer::{Mat, MatRef};
use std::ops::ControlFlow;
use tautnet_cone::Stop;

/// When to stop.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Relative gap between the two bounds of the relaxation.
    pub tolerance: f64,
    /// Most Newton steps.
    pub iterations: usize,
    /// Stop when L_σ's upper bound is at most this (the caller needs no more).
    pub enough_below: f64,
    /// When the relaxation is known to be at least this it cannot help the caller: a gap of [`ROUGH`] will do.
    pub hopeless_above: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { tolerance: 1e-9, iterations: 100, enough_below: 0.0, hopeless_above: f64::INFINITY }
    }
}

/// The relative gap of a bound that only orders the nodes of a search.
const ROUGH: f64 = 3e-3;

/// Steps in which the gap must halve, or rounding has stopped the iteration.
const STALL: usize = 10;

/// A bound on L_σ with its dual point.
#[derive(Debug, Clone)]
pub(crate) struct Bound {
    /// L_σ ≤ this, rounding included.
    pub upper: f64,
    /// The relaxation's value is at least this (up to rounding).
    pub relaxation_lower: f64,
    /// Feasible multipliers of the rows, `[diag ℓ′, Ã; Ãᵀ, diag π′] ⪰ 0`, scaled so that `Σℓ′ = 4 upper²` (q = 2) or
    /// `Σℓ′ = 2 upper` (q = 1).
    pub z: Vec<f64>,
    /// Multipliers of the columns: all 1 (q = 2), or `Σπ′ = 2 upper` (q = 1).
    pub p: Vec<f64>,
    /// Newton steps taken.
    pub iterations: usize,
}

/// Bounds L_σ for the rows of `b`; `norm` measures their sum and is not `Infinity`, for which the caller takes column
/// sums.
///
/// The observer hears the relative gap of every step; `Break` stops with a valid bound. [`Stop::here`] does so too;
/// where there is no time to prove what was found, the bound is infinite.
pub(crate) fn bound_signed_sum(
    b: MatRef<'_, f64>,
    norm: Norm,
    limits: &Limits,
    observer: &mut GapObserver<'_>,
) -> Bound {
    assert!(norm != Norm::Infinity, "the largest entry of a sum needs no relaxation");
    let (n, d) = (b.nrows(), b.ncols());
    let unit_diagonal = norm == Norm::One;
    // Rows (and for q = 1 columns) of zeros carry no multiplier.
    let rows: Vec<usize> = (0..n).filter(|&i| (0..d).any(|k| b[(i, k)] != 0.0)).collect();
    let columns: Vec<usize> = (0..d).filter(|&k| (0..n).any(|i| b[(i, k)] != 0.0)).collect();
    let mut z = vec![0.0; n];
    let mut p = vec![if unit_diagonal { 0.0 } else { 1.0 }; d];
    if rows.is_empty() {
        return Bound { upper: 0.0, relaxation_lower: 0.0, z, p, iterations: 0 };
    }
    let reduced = Mat::from_fn(rows.len(), columns.len(), |i, k| b[(rows[i], columns[k])]);
    // More columns than rows: q = 1 is symmetric in the two, q = 2 depends on Ã Ãᵀ only.
    let wide = columns.len() > rows.len();
    let working = match (wide, unit_diagonal) {
        (false, _) => reduced.clone(),
        (true, true) => reduced.transpose().to_owned(),
        (true, false) => dense::row_space_coordinates(reduced.as_ref()),
    };
    let stopped = follow_path(&working, unit_diagonal, limits, observer);
    let (row_weights, column_weights) = if wide && unit_diagonal {
        (stopped.column_weights, stopped.row_weights)
    } else if wide {
        (stopped.row_weights, vec![1.0; columns.len()])
    } else {
        (stopped.row_weights, stopped.column_weights)
    };

    let proved = prove(reduced.as_ref(), norm, &row_weights, &column_weights);
    rows.iter().zip(&proved.z).for_each(|(&i, a)| z[i] = *a);
    if unit_diagonal {
        columns.iter().zip(&proved.p).for_each(|(&k, a)| p[k] = *a);
    }
    Bound { upper: proved.upper, relaxation_lower: stopped.lower, z, p, iterations: stopped.iterations }
}

/// What any positive weights of the rows and columns of `b` prove, and the weights scaled as in [`Bound`]. Rows or
/// columns of zeros may have any weights. The bound is infinite where it is lost to rounding.
pub(super) fn prove(b: MatRef<'_, f64>, norm: Norm, row_weights: &[f64], column_weights: &[f64]) -> Bound {
    let (n, d) = (b.nrows(), b.ncols());
    let unit_diagonal = norm == Norm::One;
    let mut vanishing = false;
    let whitened = Mat::from_fn(n, d, |i, k| {
        if b[(i, k)] == 0.0 {
            return 0.0;
        }
        let product = row_weights[i] * column_weights[k];
        // A product below the normal numbers has lost digits, or all; its root has not.
        let root =
            if product < f64::MIN_POSITIVE { row_weights[i].sqrt() * column_weights[k].sqrt() } else { product.sqrt() };
        let entry = b[(i, k)] / root;
        // Below this an entry may have lost more than its last digits.
        vanishing |= entry.abs() < f64::MIN_POSITIVE;
        entry
    });
    // The proof of what was found: also where it is time to stop.
    let largest = || Stop::here().late().during(|| dense::largest_gram_eigenvalue_upper_bound(whitened.as_ref()));
    let theta = if vanishing { None } else { largest() };
    let theta = theta.unwrap_or(f64::INFINITY);
    let rounding = 1.0 + (n + d + 8) as f64 * dense::EPSILON;
    let sum_z: f64 = row_weights.iter().sum();
    let sum_p: f64 = if unit_diagonal { column_weights.iter().sum() } else { 1.0 };
    let square = theta * sum_z * sum_p;
    // Rows far below the scale of the caller's largest: their square vanishes, their length does not.
    let length = if square > 1e-280 { square.sqrt() } else { theta.sqrt() * sum_z.sqrt() * sum_p.sqrt() };
    let root = length * rounding;
    let scale_z = if unit_diagonal { root / sum_z } else { theta * rounding };
    let z = row_weights.iter().map(|a| a * scale_z).collect();
    let p = column_weights.iter().map(|a| if unit_diagonal { a * root / sum_p } else { 1.0 }).collect();
    Bound { upper: 0.5 * root, relaxation_lower: 0.0, z, p, iterations: 0 }
}

/// The relaxation's value and its derivative by the entries of `b`, or `None` where rounding left no usable point.
///
/// The value is `½ Σ_i √(ã_iᵀΓã_i)` at the best Γ found, Γ scaled to be feasible. As a function of the rows with Γ held
/// it touches the relaxation from below, so its derivative `½ Γ ã_i / ℓ′_i` is the relaxation's own (envelope theorem),
/// as exact as Γ is.
pub(crate) fn signed_sum_derivative(b: MatRef<'_, f64>, norm: Norm, limits: &Limits) -> Option<(f64, Mat<f64>)> {
    assert!(norm != Norm::Infinity, "the largest entry of a sum needs no relaxation");
    let (n, d) = (b.nrows(), b.ncols());
    let unit_diagonal = norm == Norm::One;
    let rows: Vec<usize> = (0..n).filter(|&i| (0..d).any(|k| b[(i, k)] != 0.0)).collect();
    let columns: Vec<usize> = (0..d).filter(|&k| (0..n).any(|i| b[(i, k)] != 0.0)).collect();
    let mut whole = Mat::zeros(n, d);
    if rows.is_empty() {
        return Some((0.0, whole));
    }
    let reduced = Mat::from_fn(rows.len(), columns.len(), |i, k| b[(rows[i], columns[k])]);
    let wide = columns.len() > rows.len();
    let derivative = |working: &Mat<f64>| -> Option<(f64, Mat<f64>)> {
        let m = follow_path(working, unit_diagonal, limits, &mut |_| ControlFlow::Continue(())).m?;
        let size = if unit_diagonal { (0..m.nrows()).map(|k| m[(k, k)]).fold(0.0, f64::max) } else { trace(&m) };
        let z = row_weights(&working.transpose().to_owned(), &m);
        let product = dense::multiply(working.as_ref(), m.as_ref());
        let slope = Mat::from_fn(working.nrows(), working.ncols(), |i, k| 0.5 * product[(i, k)] / (z[i] * size.sqrt()));
        let value = 0.5 * z.iter().sum::<f64>() / size.sqrt();
        (value.is_finite() && z.iter().all(|z| *z > 0.0)).then_some((value, slope))
    };
    let (value, slope) = if !wide {
        derivative(&reduced)?
    } else if unit_diagonal {
        let (value, slope) = derivative(&reduced.transpose().to_owned())?;
        (value, slope.transpose().to_owned())
    } else {
        // A narrower matrix `c = b·turn`, `turn` the right singular vectors; a function of b bᵀ has its derivative in
        // the row space, that by c times turnᵀ.
        let (values, u) = dense::eigenvectors(&dense::gram_of_rows(reduced.as_ref()))?;
        let largest = values.last().copied()?;
        let root = |j: usize| if values[j] > 1e-14 * largest { values[j].sqrt() } else { 0.0 };
        let coordinates = Mat::from_fn(rows.len(), rows.len(), |i, j| u[(i, j)] * root(j));
        let (value, slope) = derivative(&coordinates)?;
        let q = Mat::from_fn(rows.len(), rows.len(), |i, j| if root(j) > 0.0 { u[(i, j)] / root(j) } else { 0.0 });
        let turned = dense::multiply(slope.as_ref(), q.transpose());
        (value, dense::multiply(turned.as_ref(), reduced.as_ref()))
    };
    for (r, &i) in rows.iter().enumerate() {
        columns.iter().enumerate().for_each(|(c, &k)| whole[(i, k)] = slope[(r, c)]);
    }
    Some((value, whole))
}

/// Where the iteration ended.
struct Stopped {
    lower: f64,
    /// The Γ that gave `lower`.
    m: Option<Mat<f64>>,
    row_weights: Vec<f64>,
    column_weights: Vec<f64>,
    iterations: usize,
}

/// Central path of `max Σ√(ã_iᵀΓã_i) − tr Γ` (or subject to diag Γ = 1); no row of `b` is zero.
fn follow_path(b: &Mat<f64>, unit_diagonal: bool, limits: &Limits, observer: &mut GapObserver<'_>) -> Stopped {
    let (n, d) = (b.nrows(), b.ncols());
    let bt = b.transpose().to_owned();
    let lengths: Vec<f64> = (0..n).map(|i| Norm::Two.of(bt.col_as_slice(i))).collect();
    let spread = dense::largest_eigenvalue(&curvature(&bt, &lengths)).unwrap_or(f64::INFINITY);
    // Γ is a multiple of I, so large that Ω starts at half of P, or at P's double.
    let (mut m, mut p) = if unit_diagonal {
        (Mat::<f64>::identity(d, d), vec![2.0 * spread; d])
    } else {
        (Mat::from_fn(d, d, |i, j| if i == j { 4.0 * spread * spread } else { 0.0 }), vec![1.0; d])
    };
    let mut z = row_weights(&bt, &m);
    let mut s = dual_slack(&bt, &z, &p);
    let mut best = Stopped { lower: 0.0, m: None, row_weights: lengths, column_weights: vec![1.0; d], iterations: 0 };
    let mut best_upper = f64::INFINITY;
    let stop = Stop::here();
    let (mut gap, mut improved) = (f64::INFINITY, 0);
    for iteration in 0..=limits.iterations {
        // Both bounds at this Γ.
        let total: f64 = z.iter().sum();
        let upper = upper_estimate(&bt, &z, &p, unit_diagonal);
        let size = if unit_diagonal { (0..d).map(|k| m[(k, k)]).fold(0.0, f64::max) } else { trace(&m) };
        let lower = 0.5 * total / size.sqrt();
        if lower > best.lower {
            best.lower = lower;
            best.m.get_or_insert_with(|| Mat::zeros(d, d)).copy_from(&m);
        }
        best.iterations = iteration;
        if upper < best_upper {
            best_upper = upper;
            best.row_weights.clone_from(&z);
            best.column_weights.clone_from(&p);
        }
        if best_upper - best.lower < 0.5 * gap {
            (gap, improved) = (best_upper - best.lower, iteration);
        }
        if best_upper - best.lower <= limits.tolerance * best_upper
            || best_upper <= limits.enough_below
            || best.lower >= limits.hopeless_above && best_upper - best.lower <= ROUGH * best_upper
            || iteration > improved + STALL
            || observer((best_upper - best.lower) / best_upper).is_break()
            || stop.asked()
        {
            break;
        }

        let Some(scaling) = Scaling::new(&m, &s) else { break };
        let residual = {
            let exact = dual_slack(&bt, &z, &p);
            scaling.scaled_dual(&(&exact - &s))
        };
        let Some(newton) = Newton::new(&scaling, &bt, &z, unit_diagonal) else { break };
        let missing: Vec<f64> = (0..d).map(|k| 1.0 - m[(k, k)]).collect();
        let lambda = &scaling.lambda;
        let mu = lambda.iter().map(|a| a * a).sum::<f64>() / d as f64;

        // Predictor: straight to μ = 0. Corrector: to σμ, with the second-order term of the predictor.
        let affine_target = Mat::from_fn(d, d, |i, j| if i == j { -lambda[i] } else { 0.0 });
        let affine = newton.step(&affine_target, &residual, &missing);
        let affine_length = scaling.step_length(&affine.m).min(scaling.step_length(&affine.s)).min(1.0);
        let sigma = (1.0 - affine_length).powi(3).max(1e-6);
        let product = dense::multiply(affine.m.as_ref(), affine.s.as_ref());
        let target = Mat::from_fn(d, d, |i, j| {
            let centre = if i == j { sigma * mu - lambda[i] * lambda[i] } else { 0.0 };
            (2.0 * centre - product[(i, j)] - product[(j, i)]) / (lambda[i] + lambda[j])
        });
        let step = newton.step(&target, &residual, &missing);
        let length = (0.98 * scaling.step_length(&step.m).min(scaling.step_length(&step.s))).min(1.0);
        if length.is_nan() || length <= 1e-8 {
            break;
        }
        let (dm, ds) = (scaling.primal_direction(&step.m), scaling.dual_direction(&step.s));
        for j in 0..d {
            for i in 0..d {
                m[(i, j)] += length * dm[(i, j)];
                s[(i, j)] += length * ds[(i, j)];
            }
            p[j] += length * step.p[j];
        }
        z = row_weights(&bt, &m);
        if !z.iter().chain(&p).all(|a| *a > 0.0 && a.is_finite()) {
            break;
        }
    }
    best
}

fn trace(m: &Mat<f64>) -> f64 {
    (0..m.nrows()).map(|k| m[(k, k)]).sum()
}

/// ℓ′_i = √(ã_iᵀ Γ ã_i); the columns of `bt` are the ã_i.
fn row_weights(bt: &Mat<f64>, m: &Mat<f64>) -> Vec<f64> {
    let product = dense::multiply(m.as_ref(), bt.as_ref());
    let square = |i: usize| -> f64 { dot(product.col_as_slice(i), bt.col_as_slice(i)) };
    (0..bt.ncols()).map(|i| square(i).sqrt()).collect()
}

/// ½ Σ ã_i ã_iᵀ / ℓ′_i, both triangles.
fn curvature(bt: &Mat<f64>, z: &[f64]) -> Mat<f64> {
    let roots: Vec<f64> = z.iter().map(|a| (0.5 / a).sqrt()).collect();
    let scaled = Mat::from_fn(bt.ncols(), bt.nrows(), |i, k| bt[(k, i)] * roots[i]);
    let mut g = dense::gram(scaled.as_ref());
    for j in 0..g.ncols() {
        for i in 0..j {
            g[(i, j)] = g[(j, i)];
        }
    }
    g
}

fn dual_slack(bt: &Mat<f64>, z: &[f64], p: &[f64]) -> Mat<f64> {
    let g = curvature(bt, z);
    Mat::from_fn(g.nrows(), g.ncols(), |i, j| if i == j { p[i] - g[(i, i)] } else { -g[(i, j)] })
}

/// The bound that (ℓ′, π′) give, without the care about rounding of the final one.
fn upper_estimate(bt: &Mat<f64>, z: &[f64], p: &[f64], unit_diagonal: bool) -> f64 {
    let mut g = curvature(bt, z);
    for j in 0..g.ncols() {
        for i in 0..g.nrows() {
            g[(i, j)] *= 2.0 / (p[i] * p[j]).sqrt();
        }
    }
    let theta = dense::largest_eigenvalue(&g).unwrap_or(f64::INFINITY);
    let sum_p: f64 = if unit_diagonal { p.iter().sum() } else { 1.0 };
    0.5 * (theta * z.iter().sum::<f64>() * sum_p).sqrt()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Nesterov–Todd scaling: Γ = QΛ̃Qᵀ, Ω = Q⁻ᵀΛ̃Q⁻¹.
struct Scaling {
    r: Mat<f64>,
    inverse: Mat<f64>,
    lambda: Vec<f64>,
}

impl Scaling {
    /// With the Cholesky factor S of Ω and SᵀΓS = U′Λ̃²U′ᵀ: Q = S⁻ᵀU′Λ̃^½ and Q⁻¹ = Λ̃^{-½}U′ᵀSᵀ.
    fn new(m: &Mat<f64>, s: &Mat<f64>) -> Option<Self> {
        let d = m.nrows();
        let mut l = s.clone();
        if !dense::cholesky(&mut l) {
            return None;
        }
        (0..d).for_each(|j| (0..j).for_each(|i| l[(i, j)] = 0.0));
        let inner = dense::multiply(dense::multiply(l.transpose(), m.as_ref()).as_ref(), l.as_ref());
        let (squares, u) = dense::eigenvectors(&inner)?;
        if !squares.iter().all(|a| *a > 0.0 && a.is_finite()) {
            return None;
        }
        let lambda: Vec<f64> = squares.iter().map(|a| a.sqrt()).collect();
        let roots: Vec<f64> = lambda.iter().map(|a| a.sqrt()).collect();
        let mut r = Mat::from_fn(d, d, |i, j| u[(i, j)] * roots[j]);
        dense::solve_lower_transposed(l.as_ref(), r.as_mut());
        let scaled = Mat::from_fn(d, d, |i, j| u[(i, j)] / roots[j]);
        let inverse = dense::multiply(scaled.transpose(), l.transpose());
        Some(Self { r, inverse, lambda })
    }

    /// Qᵀ A Q: how a direction A of Ω looks in scaled variables.
    fn scaled_dual(&self, a: &Mat<f64>) -> Mat<f64> {
        congruence(&self.r, a, true)
    }

    fn dual_direction(&self, a: &Mat<f64>) -> Mat<f64> {
        congruence(&self.inverse, a, true)
    }

    fn primal_direction(&self, a: &Mat<f64>) -> Mat<f64> {
        congruence(&self.r, a, false)
    }

    /// The largest t with Λ̃ + t·A ⪰ 0.
    fn step_length(&self, a: &Mat<f64>) -> f64 {
        let d = a.nrows();
        let negated = Mat::from_fn(d, d, |i, j| -a[(i, j)] / (self.lambda[i] * self.lambda[j]).sqrt());
        match dense::largest_eigenvalue(&negated) {
            Some(value) if value <= 0.0 => f64::INFINITY,
            Some(value) => 1.0 / value,
            None => 0.0,
        }
    }
}

/// `CᵀAC` (or `CACᵀ`), symmetric to the last bit.
fn congruence(c: &Mat<f64>, a: &Mat<f64>, transposed_first: bool) -> Mat<f64> {
    let product = if transposed_first {
        dense::multiply(dense::multiply(c.transpose(), a.as_ref()).as_ref(), c.as_ref())
    } else {
        dense::multiply(dense::multiply(c.as_ref(), a.as_ref()).as_ref(), c.transpose())
    };
    Mat::from_fn(a.nrows(), a.nrows(), |i, j| 0.5 * (product[(i, j)] + product[(j, i)]))
}

/// A step in scaled variables.
struct Step {
    m: Mat<f64>,
    s: Mat<f64>,
    p: Vec<f64>,
}

/// The factored Newton equations at one iterate.
struct Newton {
    /// Columns b̃_i / (√2 ℓ′_i^{3/4}): then k_i is the outer product of a column with itself.
    columns: Mat<f64>,
    /// Cholesky factor of I + Σ k kᵀ on symmetric matrices, or of I + [k_i·k_j] on units.
    factor: Mat<f64>,
    by_units: bool,
    /// For diag Γ = 1: the rows of Q, and the factored Schur complement.
    diagonal: Option<(Mat<f64>, Mat<f64>)>,
}

impl Newton {
    fn new(scaling: &Scaling, bt: &Mat<f64>, z: &[f64], unit_diagonal: bool) -> Option<Self> {
        let (d, n) = (bt.nrows(), bt.ncols());
        let rank = d * (d + 1) / 2;
        let mut columns = dense::multiply(scaling.r.transpose(), bt.as_ref());
        for i in 0..n {
            let scale = std::f64::consts::FRAC_1_SQRT_2 / z[i].powf(0.75);
            columns.col_as_slice_mut(i).iter_mut().for_each(|a| *a *= scale);
        }
        let by_units = n <= rank;
        let mut factor = if by_units {
            let mut products = dense::gram(columns.as_ref());
            (0..n).for_each(|j| products.col_as_slice_mut(j)[j..].iter_mut().for_each(|a| *a *= *a));
            products
        } else {
            let mut stacked = Mat::zeros(rank, n);
            for i in 0..n {
                pack(stacked.col_as_slice_mut(i), |a, b| columns[(a, i)] * columns[(b, i)], d);
            }
            dense::gram_of_rows(stacked.as_ref())
        };
        (0..factor.nrows()).for_each(|i| factor[(i, i)] += 1.0);
        if !dense::cholesky(&mut factor) {
            return None;
        }
        let mut newton = Self { columns, factor, by_units, diagonal: None };
        if unit_diagonal {
            // Column k of `lines` is row k of Q; the Schur complement has the entries q_kᵀ (I + Σ k kᵀ)⁻¹[q_l q_lᵀ]
            // q_k, q_k being the rows.
            let lines = scaling.r.transpose().to_owned();
            let mut schur = newton.schur_complement(&lines);
            if !dense::cholesky(&mut schur) {
                return None;
            }
            newton.diagonal = Some((lines, schur));
        }
        Some(newton)
    }

    /// (I + Σ k kᵀ)⁻¹ A.
    fn apply_inverse(&self, a: &Mat<f64>) -> Mat<f64> {
        let (d, n) = (self.columns.nrows(), self.columns.ncols());
        if self.by_units {
            let product = dense::multiply(a.as_ref(), self.columns.as_ref());
            let mut y = Mat::from_fn(n, 1, |i, _| dot(product.col_as_slice(i), self.columns.col_as_slice(i)));
            self.solve(&mut y);
            let weighted = Mat::from_fn(d, n, |k, i| self.columns[(k, i)] * y[(i, 0)]);
            let correction = dense::multiply(weighted.as_ref(), self.columns.transpose());
            Mat::from_fn(d, d, |i, j| a[(i, j)] - 0.5 * (correction[(i, j)] + correction[(j, i)]))
        } else {
            let mut x = Mat::zeros(self.factor.nrows(), 1);
            pack(x.col_as_slice_mut(0), |i, j| a[(i, j)], d);
            self.solve(&mut x);
            let mut unpacked = Mat::zeros(d, d);
            let mut r = 0;
            for i in 0..d {
                for j in 0..=i {
                    let value = if i == j { x[(r, 0)] } else { x[(r, 0)] * std::f64::consts::FRAC_1_SQRT_2 };
                    unpacked[(i, j)] = value;
                    unpacked[(j, i)] = value;
                    r += 1;
                }
            }
            unpacked
        }
    }

    fn solve(&self, x: &mut Mat<f64>) {
        dense::solve_lower(self.factor.as_ref(), x.as_mut());
        dense::solve_lower_transposed(self.factor.as_ref(), x.as_mut());
    }

    fn schur_complement(&self, lines: &Mat<f64>) -> Mat<f64> {
        let (d, n) = (self.columns.nrows(), self.columns.ncols());
        if self.by_units {
            let mut cross = dense::multiply(self.columns.transpose(), lines.as_ref());
            (0..d).for_each(|k| cross.col_as_slice_mut(k).iter_mut().for_each(|a| *a *= *a));
            dense::solve_lower(self.factor.as_ref(), cross.as_mut());
            let removed = dense::gram(cross.as_ref());
            let mut schur = dense::gram(lines.as_ref());
            for j in 0..d {
                for i in j..d {
                    schur[(i, j)] = schur[(i, j)] * schur[(i, j)] - removed[(i, j)];
                }
            }
            debug_assert_eq!(cross.nrows(), n);
            schur
        } else {
            let mut packed = Mat::zeros(self.factor.nrows(), d);
            for k in 0..d {
                pack(packed.col_as_slice_mut(k), |a, b| lines[(a, k)] * lines[(b, k)], d);
            }
            dense::solve_lower(self.factor.as_ref(), packed.as_mut());
            dense::gram(packed.as_ref())
        }
    }

    /// Solves `dΓ̃ + dΩ̃ = target`, `dΩ̃ = residual + Qᵀdiag(dπ′)Q + Σ k kᵀ dΓ̃`, and `diag(dΓ) = missing` where it
    /// applies.
    fn step(&self, target: &Mat<f64>, residual: &Mat<f64>, missing: &[f64]) -> Step {
        let d = target.nrows();
        let mut m = self.apply_inverse(&(target - residual));
        let mut p = Mat::zeros(d, 1);
        if let Some((lines, schur)) = &self.diagonal {
            let product = dense::multiply(m.as_ref(), lines.as_ref());
            for k in 0..d {
                p[(k, 0)] = dot(product.col_as_slice(k), lines.col_as_slice(k)) - missing[k];
            }
            dense::solve_lower(schur.as_ref(), p.as_mut());
            dense::solve_lower_transposed(schur.as_ref(), p.as_mut());
            let weighted = Mat::from_fn(d, d, |i, k| lines[(i, k)] * p[(k, 0)]);
            let change = dense::multiply(weighted.as_ref(), lines.transpose());
            m = self.apply_inverse(&(target - residual - change));
        }
        let s = target - &m;
        Step { m, s, p: p.col_as_slice(0).to_vec() }
    }
}

/// Writes the lower triangle of a symmetric matrix row by row, off-diagonal entries times √2.
fn pack(target: &mut [f64], entry: impl Fn(usize, usize) -> f64, d: usize) {
    let mut r = 0;
    for i in 0..d {
        for j in 0..=i {
            target[r] = if i == j { entry(i, i) } else { std::f64::consts::SQRT_2 * entry(i, j) };
            r += 1;
        }
    }
}
