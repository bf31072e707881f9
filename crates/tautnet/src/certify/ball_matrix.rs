//! Matrices of numbers of which each is known up to a radius, their products, and the most that their norms can be.
//!
//! With exact numbers `A ± a` and `X ± x` a product lies within
//!
//! ```text
//!     |A| x + a (|X| + x) + (n + 4) 2u |A||X| + (2n + 4) 2⁻¹⁰²²
//! ```
//!
//! of the computed `A X`, n terms being summed; the radii themselves are computed with a relative error that `1 + (n + 8) 2u` covers
//! (`docs/mathematics/deep.md`, section 4). Where no product and no sum was rounded, which the trailing zeros of the factors show, there is no radius.

use super::slope_sum::nothing_rounded;
use crate::Norm;
use crate::dense::{self, EPSILON};
use crate::outward::{Interval, add_down, add_up, mul_up, two_sum};
use faer::{Mat, MatRef};

/// A matrix and the radii of its entries.
#[derive(Debug, Clone)]
pub(super) struct Balls {
    pub middle: Mat<f64>,
    pub radius: Mat<f64>,
}

fn sizes(a: &Mat<f64>) -> Mat<f64> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, k| a[(i, k)].abs())
}

fn is_zero(a: &Mat<f64>) -> bool {
    (0..a.ncols()).all(|k| a.col_as_slice(k).iter().all(|a| *a == 0.0))
}

/// A middle and a radius that hold an interval; a radius that is no number where it is unbounded.
pub(super) fn middle_and_radius(range: Interval) -> (f64, f64) {
    let middle = 0.5 * range.low + 0.5 * range.high;
    (middle, add_up(range.high, -middle).max(add_up(middle, -range.low)))
}

impl Balls {
    /// Numbers that are known.
    pub fn exact(middle: Mat<f64>) -> Self {
        let radius = Mat::zeros(middle.nrows(), middle.ncols());
        Self { middle, radius }
    }

    /// The difference of two rows of a matrix.
    pub fn difference(w: &Mat<f64>, j: usize, k: usize) -> Self {
        let parts: Vec<(f64, f64)> = (0..w.ncols()).map(|at| two_sum(w[(j, at)], -w[(k, at)])).collect();
        Self {
            middle: Mat::from_fn(1, parts.len(), |_, at| parts[at].0),
            radius: Mat::from_fn(1, parts.len(), |_, at| parts[at].1.abs()),
        }
    }

    pub fn rows(&self) -> usize {
        self.middle.nrows()
    }

    pub fn columns(&self) -> usize {
        self.middle.ncols()
    }

    /// The entry of a row and a column.
    pub fn entry(&self, i: usize, k: usize) -> Interval {
        let (middle, radius) = (self.middle[(i, k)], self.radius[(i, k)]);
        Interval { low: add_down(middle, -radius), high: add_up(middle, radius) }
    }

    /// `self · x`.
    pub fn times(&self, x: &Self) -> Self {
        let (m, n, d) = (self.rows(), self.columns(), x.columns());
        let middle = dense::multiply(self.middle.as_ref(), x.middle.as_ref());
        let (own, others) = (sizes(&self.middle), sizes(&x.middle));
        let size = dense::multiply(own.as_ref(), others.as_ref());
        let known = (is_zero(&self.radius), is_zero(&x.radius));
        let mut off = Mat::zeros(m, d);
        if !known.1 {
            off += dense::multiply(own.as_ref(), x.radius.as_ref());
        }
        if !known.0 {
            off += dense::multiply(self.radius.as_ref(), (others + &x.radius).as_ref());
        }
        let (factor, room) = ((n + 4) as f64 * EPSILON, 1.0 + (n + 8) as f64 * EPSILON);
        let tiny = (2 * n + 4) as f64 * f64::MIN_POSITIVE;
        let is_nothing = |a: &Self, i: usize, k: usize| a.middle[(i, k)] == 0.0 && a.radius[(i, k)] == 0.0;
        let radius = Mat::from_fn(m, d, |i, k| {
            let products = (0..n).map(|j| (self.middle[(i, j)], x.middle[(j, k)]));
            let (size, off) = (size[(i, k)], off[(i, k)]);
            if known == (true, true) && size.is_finite() && nothing_rounded(size, products) {
                return 0.0;
            }
            // What is 0 stays so: a direction in which nothing changes.
            if size == 0.0 && off == 0.0 && (0..n).all(|j| is_nothing(self, i, j) || is_nothing(x, j, k)) {
                return 0.0;
            }
            (factor * size + off) * room + tiny
        });
        Self { middle, radius }
    }

    /// The sum of two matrices.
    pub fn plus(&self, other: &Self) -> Self {
        let sum = |i, k| two_sum(self.middle[(i, k)], other.middle[(i, k)]);
        let radius = |i, k| add_up(add_up(self.radius[(i, k)], other.radius[(i, k)]), sum(i, k).1.abs());
        Self {
            middle: Mat::from_fn(self.rows(), self.columns(), |i, k| sum(i, k).0),
            radius: Mat::from_fn(self.rows(), self.columns(), radius),
        }
    }

    /// Some rows, each times a number of a range.
    pub fn scaled_rows(&self, factors: &[(usize, Interval)]) -> Self {
        let (mut middle, mut radius) =
            (Mat::zeros(factors.len(), self.columns()), Mat::zeros(factors.len(), self.columns()));
        for (to, &(row, range)) in factors.iter().enumerate() {
            let (by, off) = middle_and_radius(range);
            for k in 0..self.columns() {
                let (a, r) = (self.middle[(row, k)], self.radius[(row, k)]);
                if off == 0.0 && (by == 0.0 || by.abs() == 1.0) {
                    (middle[(to, k)], radius[(to, k)]) = (by * a, by.abs() * r);
                    continue;
                }
                let product = by * a;
                if off == 0.0
                    && r == 0.0
                    && product.is_finite()
                    && nothing_rounded(product.abs(), [(by, a)].into_iter())
                {
                    middle[(to, k)] = product;
                    continue;
                }
                let wide = by.abs() * r + off * (a.abs() + r) + EPSILON * product.abs();
                let nothing = a == 0.0 && r == 0.0;
                middle[(to, k)] = product;
                radius[(to, k)] = if nothing { 0.0 } else { wide * (1.0 + 8.0 * EPSILON) + 4.0 * f64::MIN_POSITIVE };
            }
        }
        Self { middle, radius }
    }

    /// What holds either of two rows.
    pub fn hull_of_rows(&self, i: usize, j: usize) -> (Vec<f64>, Vec<f64>) {
        let one = |k: usize| {
            let (a, b) = (self.entry(i, k), self.entry(j, k));
            middle_and_radius(Interval { low: a.low.min(b.low), high: a.high.max(b.high) })
        };
        (0..self.columns()).map(one).unzip()
    }

    /// The first columns.
    pub fn first_columns(&self, count: usize) -> Self {
        let first = |a: &Mat<f64>| a.as_ref().subcols(0, count).to_owned();
        Self { middle: first(&self.middle), radius: first(&self.radius) }
    }

    /// At least the operator norm of every matrix within the radii; infinite where that is not a double.
    pub fn norm_at_most(&self, norm: Norm) -> f64 {
        let (m, d) = (self.rows(), self.columns());
        let largest = Mat::from_fn(m, d, |i, k| (self.middle[(i, k)].abs() + self.radius[(i, k)]) * (1.0 + EPSILON));
        let finite = (0..d).all(|k| largest.col_as_slice(k).iter().all(|a| a.is_finite()));
        if !finite {
            return f64::INFINITY;
        }
        let column = |k: usize| largest.col_as_slice(k).to_vec();
        let row = |i: usize| (0..d).map(|k| largest[(i, k)]).collect::<Vec<f64>>();
        match norm {
            Norm::One => (0..d).map(|k| length_up(Norm::One, &column(k))).fold(0.0, f64::max),
            Norm::Infinity => (0..m).map(|i| length_up(Norm::One, &row(i))).fold(0.0, f64::max),
            Norm::Two => {
                let all: Vec<f64> = (0..d).flat_map(column).collect();
                let frobenius = length_up(Norm::Two, &all);
                if m.min(d) == 1 || frobenius == 0.0 || !frobenius.is_finite() {
                    return frobenius;
                }
                let known = is_zero(&self.radius);
                let middle = spectral_norm(self.middle.as_ref(), frobenius);
                let apart = if known { middle } else { add_up(middle, spectral_norm(self.radius.as_ref(), frobenius)) };
                let together = if known { middle } else { spectral_norm(largest.as_ref(), frobenius) };
                frobenius.min(apart).min(together)
            }
        }
    }
}

/// At least the length of entries that are not negative.
fn length_up(norm: Norm, entries: &[f64]) -> f64 {
    let length = norm.of(entries);
    if length == 0.0 && entries.iter().all(|a| *a == 0.0) {
        return 0.0;
    }
    if norm == Norm::Infinity || entries.iter().filter(|a| **a != 0.0).count() == 1 && norm == Norm::One {
        return length;
    }
    mul_up(length, 1.0 + (entries.len() + 6) as f64 * EPSILON).next_up()
}

/// At least the norm 2 of a matrix; `otherwise` where it cannot be had.
fn spectral_norm(a: MatRef<'_, f64>, otherwise: f64) -> f64 {
    let unit = otherwise.log2().floor().clamp(-1000.0, 1000.0).exp2();
    let scaled = Mat::from_fn(a.nrows(), a.ncols(), |i, k| a[(i, k)] / unit);
    // What vanishes beside the largest.
    let lost = a.nrows().max(a.ncols()) as f64 * f64::MIN_POSITIVE;
    match dense::largest_gram_eigenvalue_upper_bound(scaled.as_ref()) {
        Some(square) => mul_up(add_up(mul_up(square.sqrt().next_up(), 1.0 + 4.0 * EPSILON), lost), unit).next_up(),
        None => otherwise,
    }
}
