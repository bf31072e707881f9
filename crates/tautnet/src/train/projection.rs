//! The nearest weights for which given multipliers prove a Lipschitz bound: the semidefinite step of [`super::admm`].
//!
//! # The problem
//!
//! For multipliers `T = diag(t) ⪰ 0` that are held fixed and targets `w°_i ∈ R^d`, `v°_i ∈ R` of the m units,
//!
//! ```text
//! minimize over w_i, v_i (and ρ)    λ_L ρ + β/2 Σ_i ( ‖w_i − w°_i‖² + (v_i − v°_i)² )
//!
//!                                   ⎡ ρ·I_d   −WᵀT    0 ⎤
//! subject to                        ⎢ −T W     2T    −v ⎥ ⪰ 0                                                    (LMI)
//!                                   ⎣   0      −vᵀ    1 ⎦
//! ```
//!
//! either with the price λ_L > 0 or with `ρ = L²` given. (LMI) proves `‖∇f‖ ≤ √ρ`; it is (2) with `T/L` in place of T
//! and its rows and columns multiplied by √L, √L and 1/√L. With T fixed every entry is linear in (W, v, ρ)
//! *jointly*, so that hidden and output weights move together and the problem is convex.
//!
//! # A ball of the spectral norm
//!
//! Units with t_i = 0 need v_i = 0, their w_i is free: they leave the problem. For the others the Schur complement of
//! 2T turns (LMI) into a matrix inequality of order d + 1,
//!
//! ```text
//! I_ρ ⪰ Σ_i (t_i w_i ; v_i) (t_i w_i ; v_i)ᵀ / (2 t_i),     I_ρ = diag(ρ I_d, 1) .
//! ```
//!
//! With ρ measured in units of ρ₀ and `ū_i = (√(t_i/2ρ₀) w_i ; v_i/√(2t_i))` it reads `Σ ū_i ū_iᵀ ⪯ I_ρ`: the
//! matrix with the rows ū_i lies in a ball of the spectral norm. The distance becomes
//! `Σ (ū_i − ū°_i)ᵀ M°_i (ū_i − ū°_i)`, ū°_i is made of the targets in the same way, and `M°_i = β·diag(ρ₀/t_i I, t_i)`. These weights differ from
//! unit to unit and from w to v, which is why clipping singular values does not solve it.
//!
//! # The method
//!
//! For a multiplier Γ ⪰ 0 of that inequality, of order d + 1, the Lagrangian falls apart into the units:
//!
//! ```text
//! ū_i(Γ) = (M°_i + Γ)⁻¹ M°_i ū°_i,        tr Γ_dd = λ_L where ρ is free,
//! Ω(Γ, ρ) := I_ρ − Σ_i ū_i(Γ) ū_i(Γ)ᵀ ⪰ 0,      ⟨Γ, Ω⟩ = 0 .
//! ```
//!
//! This is a complementarity problem in (d+1)(d+2)/2 unknowns, whatever the number of units, and a monotone one:
//! Ω is the gradient of a concave dual function, with derivative `dΩ = Σ_i ( R°_i dΓ ū_i ū_iᵀ + ū_i ū_iᵀ dΓ R°_i )`,
//! `R°_i = (M°_i + Γ)⁻¹`. (The third derivative of the dual function is bounded by thrice its second in the metric of
//! −log det Γ, for `R°_i ⪯ Γ⁻¹`: what interior-point theory asks for.) It is solved by Mehrotra's predictor–corrector
//! in the Nesterov–Todd direction: with `Γ = QΛ̃Qᵀ`, `Ω = Q⁻ᵀΛ̃Q⁻¹` and `dΓ̃` for the direction of Γ in these
//! coordinates,
//!
//! ```text
//! dΓ̃ + Σ_i ( R̃_i dΓ̃ ũ_iũ_iᵀ + ũ_iũ_iᵀ dΓ̃ R̃_i ) + dρ·Ẽ = right-hand side,      R̃_i = QᵀR°_iQ,  ũ_i = Qᵀū_i,  Ẽ = Qᵀ diag(I,0) Q,
//! ```
//!
//! identity plus positive semidefinite. Its matrix is one product of an m × (d+1)(d+2)/2 matrix with another. R̃_i must
//! be made from the Cholesky factor of `M°_i + Γ`, whose entries are of moderate size: inverting `Q⁻¹(M°_i + Γ)Q⁻ᵀ`
//! loses the digits on which the last iterations live.
//!
//! # What comes out
//!
//! Scaling all ū_i down until `Σ ū_i ū_iᵀ ⪯ I_ρ` holds, with its rounding, gives weights that satisfy (LMI) wherever
//! the iteration stops; any Γ ⪰ 0 bounds the optimum from below. The relative distance of the two is the
//! [`Projected::gap`].

use super::projection_newton::{Newton, Scaling, symmetric};
use crate::dense;
use crate::{Error, Shallow, error::Result};
use faer::{Mat, MatRef};
use tautnet_cone::Stop;

/// What is known of ρ = L².
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Square {
    /// It is free, at this price λ_L > 0.
    Priced(f64),
    /// It is this number.
    Fixed(f64),
}

/// The nearest weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Projected {
    /// The network with the weights found; its biases are those of the target.
    pub network: Shallow,
    /// ρ: the bound √ρ is proved by the multipliers.
    pub square: f64,
    /// What is minimized, recomputed from the result.
    pub objective: f64,
    /// Relative distance of the objective to a lower bound on the optimum.
    pub gap: f64,
    /// Γ, of order d + 1: it proves the lower bound.
    pub dual: Mat<f64>,
    /// Iterations of the interior-point method; 0 where there was nothing to do.
    pub iterations: usize,
}

/// Gap at which the iteration ends: relative, or as a fraction of the objective of zero weights.
const TOLERANCE: (f64, f64) = (1e-9, 1e-14);
const ITERATIONS: usize = 60;
/// Iterations in which the gap must fall by a tenth, or rounding has stopped them.
const STALL: usize = 10;
/// Fraction of the way to the boundary.
const STEP: f64 = 0.99;

/// The nearest weights to those of `target` for which `multipliers` (t_i ≥ 0, one a unit) prove the bound.
pub fn project(target: &Shallow, multipliers: &[f64], square: Square, penalty: f64) -> Result<Projected> {
    check(target, multipliers, square, penalty)?;
    let ball = Ball::new(target, multipliers, square, penalty);
    let solved = ball.solve();
    ball.result(target, solved)
}

fn check(target: &Shallow, multipliers: &[f64], square: Square, penalty: f64) -> Result<()> {
    let positive = |name: &str, value: f64| {
        if value.is_finite() && value > 0.0 {
            return Ok(());
        }
        Err(Error::new(format!("the {name} of a projection is {value}"), "give a positive, finite number"))
    };
    positive("penalty", penalty)?;
    match square {
        Square::Priced(price) => positive("price", price)?,
        Square::Fixed(square) => positive("square of the bound", square)?,
    }
    if multipliers.len() != target.units() {
        return Err(Error::new(
            format!("{} multipliers were given for {} units", multipliers.len(), target.units()),
            "give one multiplier for each unit",
        ));
    }
    match multipliers.iter().position(|t| !(t.is_finite() && *t >= 0.0)) {
        None => Ok(()),
        Some(i) => Err(Error::new(
            format!("the multiplier of unit {i} is {}", multipliers[i]),
            "multipliers must be zero or positive, and finite",
        )),
    }
}

/// The projection in the coordinates ū, for the units with t_i > 0.
struct Ball {
    /// Which unit each column is.
    units: Vec<usize>,
    /// Columns that span the targets' rows, d × inner; `None` for all of R^d.
    basis: Option<Mat<f64>>,
    /// What ū_i multiplies w_i and v_i by.
    scales: Vec<(f64, f64)>,
    /// Entries of M°_i: of w, of v.
    weights: Vec<(f64, f64)>,
    /// Columns ū°_i, order × units.
    targets: Mat<f64>,
    /// ρ₀.
    unit: f64,
    /// λ_L ρ₀, or none where ρ = ρ₀.
    price: Option<f64>,
    /// d + 1 or less, the order of Γ.
    order: usize,
    /// β.
    penalty: f64,
    /// Distance of the targets to zero: Σ ū°_iᵀ M°_i ū°_i.
    size: f64,
}

/// Where an iteration stands: ū_i(Γ) with the factors of M°_i + Γ, and Σ ū_i ū_iᵀ.
struct Point {
    u: Mat<f64>,
    factors: Vec<Mat<f64>>,
    c: Mat<f64>,
}

/// The best of the iterates: feasible columns ū, ρ/ρ₀ and the objective; the best lower bound and its Γ.
struct Solved {
    u: Mat<f64>,
    square: f64,
    objective: f64,
    lower: f64,
    dual: Mat<f64>,
    iterations: usize,
}

impl Ball {
    fn new(target: &Shallow, multipliers: &[f64], square: Square, penalty: f64) -> Self {
        let units: Vec<usize> = (0..target.units()).filter(|&i| multipliers[i] > 0.0).collect();
        let (m, d) = (units.len(), target.inputs());
        let mut p = Mat::from_fn(m, d, |i, k| target.w()[(units[i], k)]);
        let mut basis = None;
        if m < d {
            // Outside the span of the targets' rows the nearest weights are zero, and the inequality likes that.
            let span = dense::orthonormal_rows(p.as_ref());
            p = dense::multiply(p.as_ref(), span.as_ref());
            basis = Some(span);
        }
        let inner = p.ncols();
        let t = |i: usize| multipliers[units[i]];
        let unit = match square {
            Square::Fixed(square) => square,
            Square::Priced(_) => {
                let scaled = Mat::from_fn(m, inner, |i, k| (t(i) / 2.0).sqrt() * p[(i, k)]);
                let largest = dense::largest_eigenvalue(&dense::gram(scaled.as_ref())).unwrap_or(1.0);
                if largest.is_normal() { largest } else { 1.0 }
            }
        };
        let scales: Vec<_> = (0..m).map(|i| ((t(i) / (2.0 * unit)).sqrt(), 1.0 / (2.0 * t(i)).sqrt())).collect();
        let weights: Vec<_> = scales.iter().map(|(a, b)| (penalty / (2.0 * a * a), penalty / (2.0 * b * b))).collect();
        let targets = Mat::from_fn(inner + 1, m, |k, i| match k {
            k if k < inner => scales[i].0 * p[(i, k)],
            _ => scales[i].1 * target.v()[units[i]],
        });
        let price = match square {
            Square::Priced(price) => Some(price * unit),
            Square::Fixed(_) => None,
        };
        let mut ball =
            Self { units, basis, scales, weights, targets, unit, price, order: inner + 1, penalty, size: 0.0 };
        ball.size = ball.distance(Mat::zeros(ball.order, m).as_ref());
        ball
    }

    /// M°_i's entry of coordinate `k`.
    fn weight(&self, i: usize, k: usize) -> f64 {
        if k + 1 < self.order { self.weights[i].0 } else { self.weights[i].1 }
    }

    /// I_ρ's diagonal.
    fn limit(&self, square: f64, k: usize) -> f64 {
        if k + 1 < self.order { square } else { 1.0 }
    }

    /// Σ (ū_i − ū°_i)ᵀ M°_i (ū_i − ū°_i).
    fn distance(&self, u: MatRef<'_, f64>) -> f64 {
        let one = |i: usize| -> f64 {
            (0..self.order).map(|k| self.weight(i, k) * (u[(k, i)] - self.targets[(k, i)]).powi(2)).sum()
        };
        (0..self.units.len()).map(one).sum()
    }

    /// λ_max of I_ρ^{-½} (Σ ū_i ū_iᵀ) I_ρ^{-½}, from above.
    fn excess(&self, u: MatRef<'_, f64>, square: f64) -> f64 {
        let scaled = Mat::from_fn(u.ncols(), self.order, |i, k| u[(k, i)] / self.limit(square, k).sqrt());
        dense::largest_gram_eigenvalue_upper_bound(scaled.as_ref()).unwrap_or(f64::INFINITY)
    }

    fn point(&self, x: &Mat<f64>) -> Option<Point> {
        let q = self.order;
        let mut u = Mat::from_fn(q, self.units.len(), |k, i| self.weight(i, k) * self.targets[(k, i)]);
        let mut factors = Vec::with_capacity(self.units.len());
        for i in 0..self.units.len() {
            let mut factor = x.clone();
            (0..q).for_each(|k| factor[(k, k)] += self.weight(i, k));
            if !dense::cholesky(&mut factor) {
                return None;
            }
            let mut column = u.as_mut().subcols_mut(i, 1);
            dense::solve_lower(factor.as_ref(), column.as_mut());
            dense::solve_lower_transposed(factor.as_ref(), column);
            factors.push(factor);
        }
        let c = symmetric(dense::gram_of_rows(u.as_ref()));
        Some(Point { u, factors, c })
    }

    /// Ω(Γ, ρ).
    fn slack(&self, c: &Mat<f64>, square: f64) -> Mat<f64> {
        let limit = |a: usize, b: usize| if a == b { self.limit(square, a) } else { 0.0 };
        Mat::from_fn(self.order, self.order, |a, b| limit(a, b) - c[(a, b)])
    }

    /// The dual function: what Γ proves about the optimum. Γ_dd has the trace λ_L up to rounding where ρ is free.
    fn lower(&self, x: &Mat<f64>, point: &Point) -> f64 {
        let product: f64 =
            (0..self.order).map(|a| (0..self.order).map(|b| x[(a, b)] * point.c[(a, b)]).sum::<f64>()).sum();
        let corner = x[(self.order - 1, self.order - 1)];
        let fixed = if self.price.is_some() { 0.0 } else { self.trace(x) };
        self.distance(point.u.as_ref()) + product - corner - fixed
    }

    /// tr Γ_dd.
    fn trace(&self, x: &Mat<f64>) -> f64 {
        (0..self.order - 1).map(|k| x[(k, k)]).sum()
    }

    /// Γ = diag(λ_L/d I, size), or size·I, with a size so large that Σ ū_i ū_iᵀ ⪯ I_ρ holds strictly; and ρ.
    fn start(&self) -> Option<(Mat<f64>, f64)> {
        let q = self.order;
        let mut weights: Vec<f64> = self.weights.iter().map(|(_, v)| *v).collect();
        weights.sort_by(f64::total_cmp);
        let mut size = 1e-8 * weights[weights.len() / 2];
        loop {
            let entry = |k: usize| match self.price {
                Some(price) if k + 1 < q => price / (q - 1) as f64,
                _ => size,
            };
            let x = Mat::from_fn(q, q, |a, b| if a == b { entry(a) } else { 0.0 });
            let c = self.point(&x)?.c;
            let hidden = self.trace(&c);
            match self.price {
                // A positive semidefinite matrix is at most twice its diagonal blocks.
                Some(_) if c[(q - 1, q - 1)] <= 0.25 => return Some((x, 4.0 * hidden + 1e-6)),
                None if hidden + c[(q - 1, q - 1)] <= 0.5 => return Some((x, 1.0)),
                _ => size *= 4.0,
            }
            if !size.is_finite() {
                return None;
            }
        }
    }

    fn solve(&self) -> Solved {
        let (q, m) = (self.order, self.units.len());
        let mut best = Solved {
            // Zero weights are feasible for every ρ; the trivial lower bound is 0, that of Γ = 0.
            u: Mat::zeros(q, m),
            square: if self.price.is_some() { 0.0 } else { 1.0 },
            objective: self.size,
            lower: 0.0,
            dual: Mat::zeros(q, q),
            iterations: 0,
        };
        if self.price.is_none() && m > 0 && self.excess(self.targets.as_ref(), 1.0) <= 1.0 {
            best.u.copy_from(&self.targets);
            best.objective = 0.0;
        }
        if best.objective > 0.0 {
            // Whatever breaks, the best feasible point stands, with its gap.
            let _ = self.follow_path(&mut best);
        }
        best
    }

    /// The interior-point method; `None` when rounding ends it.
    fn follow_path(&self, best: &mut Solved) -> Option<()> {
        let q = self.order;
        let (mut x, mut square) = self.start()?;
        let mut point = self.point(&x)?;
        let mut scaling = Scaling::of(&x, &self.slack(&point.c, square))?;
        let (mut gap, mut improved) = (f64::INFINITY, 0);
        let stop = Stop::here();
        for iteration in 0..=ITERATIONS {
            best.iterations = iteration;
            best.offer(self, &x, &point, square);
            let left = best.objective - best.lower;
            if left < 0.9 * gap {
                (gap, improved) = (left, iteration);
            }
            if left <= TOLERANCE.0 * best.objective
                || left <= TOLERANCE.1 * self.size
                || iteration > improved + STALL
                || iteration == ITERATIONS
                || stop.asked()
            {
                break;
            }
            // How far Ω is from Ω(Γ), and tr Γ_dd from λ_L.
            let infeasible = scaling.dual(&(&scaling.s - &self.slack(&point.c, square)));
            let missing = self.price.map(|price| price - self.trace(&x));
            let newton = Newton::new(&scaling, &point.u, &point.factors, missing)?;
            let mu = scaling.lambda.iter().map(|a| a * a).sum::<f64>() / q as f64;

            // Predictor: straight to μ = 0. Corrector: to σμ, with the second-order term of the predictor.
            let lambda = &scaling.lambda;
            let aim = Mat::from_fn(q, q, |a, b| if a == b { -lambda[a] } else { 0.0 });
            let affine = newton.step(&aim, &infeasible, 1.0);
            let length = scaling.longest(&affine.x).min(scaling.longest(&affine.s)).min(1.0);
            let sigma = (1.0 - length).powi(3);
            let product = dense::multiply(affine.x.as_ref(), affine.s.as_ref());
            let aim = Mat::from_fn(q, q, |a, b| {
                let centre = if a == b { sigma * mu - lambda[a] * lambda[a] } else { 0.0 };
                (2.0 * centre - product[(a, b)] - product[(b, a)]) / (lambda[a] + lambda[b])
            });
            let step = newton.step(&aim, &infeasible, 1.0 - sigma);
            let length = (STEP * scaling.longest(&step.x).min(scaling.longest(&step.s))).min(1.0);
            if length.is_nan() || length <= 1e-8 {
                break;
            }
            square += length * step.square;
            scaling = scaling.moved(length, &step.x, &step.s)?;
            x.copy_from(&scaling.x);
            point = self.point(&x)?;
        }
        Some(())
    }

    /// Back to weights: w_i and v_i are the parts of ū_i over their scales, in all of R^d.
    fn result(&self, target: &Shallow, solved: Solved) -> Result<Projected> {
        let (d, inner) = (target.inputs(), self.order - 1);
        let (mut w, mut v) = (target.w().clone(), vec![0.0; target.units()]);
        // What was inside stays as it is, to the bit.
        let moved = solved.objective > 0.0;
        for (i, &unit) in self.units.iter().enumerate() {
            if !moved {
                v[unit] = target.v()[unit];
                continue;
            }
            let (alpha, beta) = self.scales[i];
            v[unit] = solved.u[(inner, i)] / beta;
            for k in 0..d {
                w[(unit, k)] = match &self.basis {
                    None => solved.u[(k, i)] / alpha,
                    Some(basis) => (0..inner).map(|j| basis[(k, j)] * solved.u[(j, i)]).sum::<f64>() / alpha,
                };
            }
        }
        // From the scaled inequality to (LMI)'s: rows of w divided by √ρ₀; from the span to R^d.
        let lift = |k: usize, j: usize| match &self.basis {
            _ if k == d || j == inner => f64::from(u8::from(k == d && j == inner)),
            None => f64::from(u8::from(k == j)) / self.unit.sqrt(),
            Some(basis) => basis[(k, j)] / self.unit.sqrt(),
        };
        let lift = Mat::from_fn(d + 1, self.order, lift);
        let half = dense::multiply(lift.as_ref(), solved.dual.as_ref());
        // A unit without a multiplier keeps its w and loses its v, whatever Γ is.
        let lost: f64 = (0..target.units()).filter(|i| !self.units.contains(i)).map(|i| target.v()[i].powi(2)).sum();
        let objective = solved.objective + 0.5 * self.penalty * lost;
        let gap = if solved.objective > 0.0 { (solved.objective - solved.lower).max(0.0) / objective } else { 0.0 };
        Ok(Projected {
            network: Shallow::new(w, target.b().to_vec(), v, target.c())?,
            square: solved.square * self.unit,
            objective,
            gap,
            dual: dense::multiply(half.as_ref(), lift.transpose()),
            iterations: solved.iterations,
        })
    }
}

impl Solved {
    /// Both bounds on the optimum at an iterate.
    fn offer(&mut self, ball: &Ball, x: &Mat<f64>, point: &Point, square: f64) {
        let lower = ball.lower(x, point);
        if lower > self.lower {
            (self.lower, self.dual) = (lower, x.clone());
        }
        if square > 0.0 && square.is_finite() {
            let excess = ball.excess(point.u.as_ref(), square);
            let shrink = if excess > 1.0 { 1.0 / excess.sqrt() * (1.0 - f64::EPSILON) } else { 1.0 };
            let u = Mat::from_fn(point.u.nrows(), point.u.ncols(), |k, i| shrink * point.u[(k, i)]);
            let objective = ball.distance(u.as_ref()) + ball.price.unwrap_or(0.0) * square;
            if objective < self.objective {
                (self.u, self.square, self.objective) = (u, square, objective);
            }
        }
    }
}
