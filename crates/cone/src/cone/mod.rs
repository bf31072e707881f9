//! Products of self-dual cones and their Nesterov–Todd scalings.
//!
//! For an interior pair `(s, z)` the scaling is the operator `W` with `W z = W⁻ᵀ s = λ`, and `H = (WᵀW)⁻¹` is the
//! metric with `H s = z`. A cone's Jordan product is written `∘`, its unit `e`. The solver needs five things of it:
//! the scaling itself, `H v`, the corrector `Wᵀ(λ \ (λ∘λ + (W⁻ᵀds)∘(W dz) − ν e))`, and the two step lengths.

use std::ops::Range;

mod centring;
mod nonnegative;
mod second_order;
mod semidefinite;
mod small;

pub use second_order::SecondOrderScaling;
pub use semidefinite::{SemidefiniteScaling, smat, svec, svec_length};

/// One cone of the product `K`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cone {
    /// `v ≥ 0`, of this length.
    Nonnegative(usize),
    /// `v_0 ≥ ‖(v_1, …)‖₂`, of this length (at least 1).
    SecondOrder(usize),
    /// Symmetric positive semidefinite matrices of this order, as `svec`.
    Semidefinite(usize),
}

impl Cone {
    /// The length of a vector in this cone.
    pub fn length(self) -> usize {
        match self {
            Cone::Nonnegative(n) | Cone::SecondOrder(n) => n,
            Cone::Semidefinite(k) => svec_length(k),
        }
    }

    /// `λ∘λ` sums to `degree · μ` on the central path: the barrier's parameter.
    pub fn degree(self) -> usize {
        match self {
            Cone::Nonnegative(n) | Cone::Semidefinite(n) => n,
            Cone::SecondOrder(_) => 1,
        }
    }

    /// The unit `e`.
    fn unit(self, out: &mut [f64]) {
        out.fill(0.0);
        match self {
            Cone::Nonnegative(_) => out.fill(1.0),
            Cone::SecondOrder(_) => out[0] = 1.0,
            Cone::Semidefinite(k) => semidefinite::diagonal(k).for_each(|p| out[p] = 1.0),
        }
    }

    /// Smallest "eigenvalue" of `v`: how far inside (or, negative, outside) it lies.
    fn margin(self, v: &[f64]) -> f64 {
        match self {
            Cone::Nonnegative(_) => nonnegative::margin(v),
            Cone::SecondOrder(_) => second_order::margin(v),
            Cone::Semidefinite(k) => semidefinite::margin(k, v),
        }
    }
}

/// The Nesterov–Todd scaling of one cone at the iterate `(s, z)`.
#[derive(Debug, Clone)]
pub enum Scaling {
    /// `H = diag(h)`, `h = z / s`.
    Nonnegative(Vec<f64>),
    /// Hyperbolic scaling.
    SecondOrder(SecondOrderScaling),
    /// `H S = G S G`.
    Semidefinite(SemidefiniteScaling),
}

impl Scaling {
    /// The scaling of the unit: `W = I`.
    pub fn identity(cone: Cone) -> Self {
        match cone {
            Cone::Nonnegative(n) => Scaling::Nonnegative(vec![1.0; n]),
            Cone::SecondOrder(n) => Scaling::SecondOrder(SecondOrderScaling::identity(n)),
            Cone::Semidefinite(k) => Scaling::Semidefinite(SemidefiniteScaling::identity(k)),
        }
    }

    /// Move to the iterate `(s, z)`; false (and unusable) if either is not numerically interior.
    pub fn update(&mut self, s: &[f64], z: &[f64]) -> bool {
        match self {
            Scaling::Nonnegative(h) => nonnegative::scale(h, s, z),
            Scaling::SecondOrder(scaling) => scaling.update(s, z),
            Scaling::Semidefinite(scaling) => scaling.update(s, z),
        }
    }

    /// `out = H v`.
    pub fn apply(&self, v: &[f64], out: &mut [f64]) {
        match self {
            Scaling::Nonnegative(h) => nonnegative::apply(h, v, out),
            Scaling::SecondOrder(scaling) => scaling.apply(v, out),
            Scaling::Semidefinite(scaling) => scaling.apply(v, out),
        }
    }

    /// `vᵀH v` as `‖W⁻ᵀv‖²`: where `H` is huge and `v` lies along its small directions, `v · (H v)` is all rounding.
    pub fn length_squared(&self, v: &[f64]) -> f64 {
        match self {
            Scaling::Nonnegative(h) => nonnegative::length_squared(h, v),
            Scaling::SecondOrder(scaling) => scaling.length_squared(v),
            Scaling::Semidefinite(scaling) => scaling.length_squared(v),
        }
    }

    /// `out = Wᵀ(λ \ (λ∘λ + (W⁻ᵀds)∘(W dz) − ν e))`, the point's own part of a combined direction.
    pub fn corrector(&self, point: [&[f64]; 2], direction: [&[f64]; 2], nu: f64, out: &mut [f64]) {
        match self {
            Scaling::Nonnegative(_) => nonnegative::corrector(point, direction, nu, out),
            Scaling::SecondOrder(scaling) => scaling.corrector(direction, nu, out),
            Scaling::Semidefinite(scaling) => scaling.corrector(direction, nu, out),
        }
    }

    /// Gondzio's correction, subtracted from the corrector `out`: at the trial point `step` along the direction, the
    /// eigenvalues of `s∘z` outside the bounds are asked back to them.
    pub fn recentre(&self, point: [&[f64]; 2], direction: [&[f64]; 2], step: f64, bounds: [f64; 2], out: &mut [f64]) {
        match self {
            Scaling::Nonnegative(_) => nonnegative::recentre(point, direction, step, bounds, out),
            Scaling::SecondOrder(scaling) => scaling.recentre(direction, step, bounds, out),
            Scaling::Semidefinite(scaling) => scaling.recentre(direction, step, bounds, out),
        }
    }

    /// Largest `α` (possibly infinite) with `s + α ds` and `z + α dz` in the cone.
    pub fn longest_step(&self, point: [&[f64]; 2], direction: [&[f64]; 2]) -> f64 {
        match self {
            Scaling::Nonnegative(_) => nonnegative::longest_step(point, direction),
            Scaling::SecondOrder(_) => second_order::longest_step(point, direction),
            Scaling::Semidefinite(scaling) => scaling.longest_step(direction),
        }
    }
}

/// Walk a product cone: every factor with its part of the vectors.
pub(crate) fn ranges(cones: &[Cone]) -> Vec<(usize, Range<usize>)> {
    let mut start = 0;
    let next = |(c, cone): (usize, &Cone)| {
        let range = start..start + cone.length();
        start = range.end;
        (c, range)
    };
    cones.iter().enumerate().map(next).collect()
}

/// Every factor with its part of one vector, to write to in parallel.
pub(crate) fn parts<'v>(cones: &[Cone], mut v: &'v mut [f64]) -> Vec<(usize, Range<usize>, &'v mut [f64])> {
    let next = |(c, range): (usize, Range<usize>)| {
        let (part, rest) = std::mem::take(&mut v).split_at_mut(range.len());
        v = rest;
        (c, range, part)
    };
    ranges(cones).into_iter().map(next).collect()
}

/// The unit of the product.
pub(crate) fn unit(cones: &[Cone], out: &mut [f64]) {
    parts(cones, out).into_iter().for_each(|(c, _, out)| cones[c].unit(out));
}

/// The smallest margin over the cones of the product.
pub fn margin(cones: &[Cone], v: &[f64]) -> f64 {
    ranges(cones).into_iter().map(|(c, r)| cones[c].margin(&v[r])).fold(f64::INFINITY, f64::min)
}

/// Degree of the product.
pub(crate) fn degree(cones: &[Cone]) -> usize {
    cones.iter().map(|cone| cone.degree()).sum()
}
