//! Newton steps on −log det F of a chain, with or without a price on ρ.
//!
//! F is affine in t and ρ. With the covariances S of `chain_recursion.rs` the derivatives of φ = w ρ − log det F are
//!
//! ```text
//!     ∂φ/∂ρ = w − tr Cov(Δ),      ∂φ/∂t_i = E h_i² − Σ_k E e_ki²,
//!     ∂²φ/∂t_i∂t_j = Σ_kl Cov(e_ki, e_lj)² − Σ_k Cov(e_ki, h_j)² − Σ_l Cov(h_i, e_lj)² + Cov(h_i, h_j)²,
//! ```
//!
//! over all pairs of units, whatever their layers. Those of later layers follow from those of earlier ones by one product a layer. With N units in
//! layers of m, a step costs N² m for these and N³/3 for the linear system.

use super::chain_problem::Stretch;
use super::chain_recursion::{Covariances, Pass, log_determinant, pass};
use crate::dense;
use faer::Mat;
use tautnet_cone::Stop;

/// A point with a Newton decrement below this is near enough to the center to go on from.
pub(super) const CENTERED: f64 = 1.0;

/// The ridge of a system of this many unknowns for what rounding does to it where F is not near its edge.
pub(super) fn least_ridge(count: usize) -> f64 {
    1e-13 * count as f64
}

/// A step with a decrement below this is taken whole where that makes φ smaller; a longer one is at most this share of what F allows.
const NEAR: f64 = 0.25;
const REACH: f64 = 0.7;

/// A point of the path.
pub(super) struct Point {
    pub t: Vec<Vec<f64>>,
    pub rho: f64,
    pub pass: Pass,
    /// The Cholesky factor of M.
    pub factor: Mat<f64>,
}

impl Point {
    pub fn new(chain: Stretch<'_>, t: Vec<Vec<f64>>, rho: f64) -> Option<Self> {
        let pass = pass(chain, &t)?;
        let r = pass.least.nrows();
        let mut factor = Mat::from_fn(r, r, |i, j| f64::from(u8::from(i == j)) * rho - pass.least[(i, j)]);
        dense::cholesky(&mut factor).then_some(Self { t, rho, pass, factor })
    }

    pub fn barrier(&self) -> f64 {
        -log_determinant(&self.factor) - self.pass.log_determinants
    }

    /// The point that far along a step, where there is one.
    pub fn moved(&self, chain: Stretch<'_>, step: &[f64], length: f64) -> Option<Self> {
        let mut steps = step.iter();
        let t = self.t.iter().map(|t| t.iter().zip(&mut steps).map(|(t, step)| t + length * step).collect()).collect();
        Self::new(chain, t, self.rho + length * steps.next()?)
    }
}

/// The gradient of −log det F and its Hessian's lower triangle, ρ being the last unknown.
pub(super) fn derivatives(chain: Stretch<'_>, point: &Point) -> Option<(Vec<f64>, Mat<f64>)> {
    let all = Covariances::new(chain, &point.pass, &point.factor);
    let count = chain.count();
    let mut starts = vec![0];
    chain.hidden.iter().for_each(|hidden| starts.push(starts[starts.len() - 1] + hidden.units()));
    let mut gradient = Vec::with_capacity(count + 1);
    let mut hessian = Mat::zeros(count + 1, count + 1);
    let stop = Stop::here();
    let square = |x: f64| x * x;
    for (l, hidden) in chain.hidden.iter().enumerate() {
        if stop.asked() {
            return None;
        }
        let (m, kinds) = (hidden.units(), hidden.kinds);
        let (h, eh, e) = (&all.sums[l], &all.cross[l], &all.swings[l]);
        gradient.extend((0..m).map(|i| h[(i, i)] - (0..kinds).map(|k| e[(k * m + i, k * m + i)]).sum::<f64>()));
        for j in 0..m {
            for i in j..m {
                let mut sum = square(h[(i, j)]);
                for k in 0..kinds {
                    sum -= square(eh[(k * m + i, j)]) + square(eh[(k * m + j, i)]);
                    sum += (0..kinds).map(|o| square(e[(k * m + i, o * m + j)])).sum::<f64>();
                }
                hessian[(starts[l] + i, starts[l] + j)] = sum;
            }
        }
        // Cov(h', (h, e)) of the layers after it.
        let (mut of_h, mut of_e) = (h.to_owned(), eh.transpose().to_owned());
        let (mut on_h, mut on_e) = (eh.to_owned(), e.to_owned());
        for next in l + 1..chain.hidden.len() {
            let before = &chain.hidden[next - 1];
            let onward = |h: &Mat<f64>, e: &Mat<f64>| {
                let mut sum = dense::multiply(before.center.as_ref(), h.as_ref());
                sum += dense::multiply(before.swing.as_ref(), e.as_ref());
                sum
            };
            (of_h, of_e) = (onward(&of_h, &on_h), onward(&of_e, &on_e));
            let gain = point.pass.layers[next].gain.as_ref();
            (on_h, on_e) = (dense::multiply(gain, of_h.as_ref()), dense::multiply(gain, of_e.as_ref()));
            let (later, kinds_later) = (chain.hidden[next].units(), chain.hidden[next].kinds);
            for j in 0..m {
                for i in 0..later {
                    let mut sum = square(of_h[(i, j)]);
                    for k in 0..kinds {
                        sum -= square(of_e[(i, k * m + j)]);
                    }
                    for o in 0..kinds_later {
                        sum -= square(on_h[(o * later + i, j)]);
                        sum += (0..kinds).map(|k| square(on_e[(o * later + i, k * m + j)])).sum::<f64>();
                    }
                    hessian[(starts[next] + i, starts[l] + j)] = sum;
                }
            }
        }
    }
    // ρ: Cov(Δ, h) and Cov(Δ, e), from the first layer on.
    let mut of_h = dense::multiply(chain.first.as_ref(), all.inputs.as_ref());
    for (l, hidden) in chain.hidden.iter().enumerate() {
        let on_h = dense::multiply(point.pass.layers[l].gain.as_ref(), of_h.as_ref());
        let (m, row) = (hidden.units(), |a: &Mat<f64>, i: usize| a.row(i).squared_norm_l2());
        for i in 0..m {
            let of_swings: f64 = (0..hidden.kinds).map(|k| row(&on_h, k * m + i)).sum();
            hessian[(count, starts[l] + i)] = of_swings - row(&of_h, i);
        }
        let mut next = dense::multiply(hidden.center.as_ref(), of_h.as_ref());
        next += dense::multiply(hidden.swing.as_ref(), on_h.as_ref());
        of_h = next;
    }
    hessian[(count, count)] = all.inputs.squared_norm_l2();
    gradient.push(-(0..all.inputs.nrows()).map(|i| all.inputs[(i, i)]).sum::<f64>());
    Some((gradient, hessian))
}

/// The system with the matrix scaled to have ones on its diagonal, a ridge added to them, and factored.
pub(super) struct System {
    factor: Mat<f64>,
    scale: Vec<f64>,
    ridge: f64,
}

impl System {
    /// `None` where the ridge is too small for what rounding left of the matrix.
    pub fn new(mut hessian: Mat<f64>, ridge: f64) -> Option<Self> {
        let n = hessian.nrows();
        let scale: Vec<f64> = (0..n).map(|i| 1.0 / hessian[(i, i)].max(f64::MIN_POSITIVE).sqrt()).collect();
        for j in 0..n {
            for i in j..n {
                hessian[(i, j)] *= scale[i] * scale[j];
            }
            hessian[(j, j)] = 1.0 + ridge;
        }
        dense::cholesky(&mut hessian).then_some(Self { factor: hessian, scale, ridge })
    }

    pub fn solve(&self, right: &[f64]) -> Vec<f64> {
        let n = right.len();
        let mut x = Mat::from_fn(n, 1, |i, _| right[i] * self.scale[i]);
        dense::solve_lower(self.factor.as_ref(), x.as_mut());
        dense::solve_lower_transposed(self.factor.as_ref(), x.as_mut());
        (0..n).map(|i| x[(i, 0)] * self.scale[i]).collect()
    }

    /// What the ridge leaves of the right side where x solves the system.
    pub fn rest<'a>(&'a self, x: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
        x.iter().zip(&self.scale).map(|(x, scale)| self.ridge * x / (scale * scale))
    }
}

/// The Newton step, or as much of it as makes φ smaller and, far from the center, does not lead to the edge of what F allows: from there the way
/// back is long.
pub(super) fn centered(
    chain: Stretch<'_>,
    point: &Point,
    newton: &[f64],
    weight: f64,
    decrement: f64,
) -> Option<Point> {
    let value = |point: &Point| weight * point.rho + point.barrier();
    let here = value(point);
    let mut possible = decrement < NEAR;
    let mut length = 1.0;
    for _ in 0..60 {
        if Stop::here().asked() {
            return None;
        }
        possible = possible || point.moved(chain, newton, length / REACH).is_some();
        if possible
            && let Some(next) = point.moved(chain, newton, length)
            && value(&next) <= here - 0.1 * length * decrement + 1e-12 * here.abs()
        {
            return Some(next);
        }
        length *= 0.8;
    }
    None
}
