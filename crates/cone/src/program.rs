//! The seam: what the caller supplies.

use crate::cone::{Cone, Scaling};

/// The linear part of a program: `min qᵀx + o  s.t.  Ax + b ∈ K`, as operators. Every product overwrites `out`.
pub trait Linear {
    /// The cones, in the order of the rows of `A`.
    fn cones(&self) -> &[Cone];
    /// `q`, whose length is the number of variables.
    fn linear(&self) -> &[f64];
    /// `b`, whose length is the sum of the cones' lengths.
    fn constant(&self) -> &[f64];
    /// `o`: shifts the objective, so that relative gaps refer to the number the user knows.
    fn offset(&self) -> f64;
    /// No feasible point has a smaller objective: what is known beforehand, of a sum of squares that it is not negative, say.
    fn lower_bound(&self) -> f64 {
        f64::NEG_INFINITY
    }
    /// `out = A x`.
    fn apply(&self, x: &[f64], out: &mut [f64]);
    /// `out = Aᵀ z`.
    fn adjoint(&self, z: &[f64], out: &mut [f64]);
}

/// A convex program: `min ψ(x) + qᵀx + o  s.t.  Ax + b ∈ K`, where ψ is convex and twice differentiable.
pub trait Program: Linear {
    /// ψ at a point; `gradient` is overwritten with `∇ψ(x)`.
    fn curved(&self, x: &[f64], gradient: &mut [f64]) -> Curved;
    /// `out = ∇²ψ(at) v`.
    fn curvature(&self, at: &[f64], v: &[f64], out: &mut [f64]);
    /// Whether ψ is a quadratic. Only then can a finite point prove that the objective is unbounded below.
    fn is_quadratic(&self) -> bool {
        false
    }
}

/// ψ at a point, and what it adds to the lower bound that multipliers prove there.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Curved {
    /// The value `ψ(x)`.
    pub value: f64,
    /// `ψ(x) − ∇ψ(x)·x`, which is `−ψ*(∇ψ(x))` for the conjugate `ψ*`.
    pub below: f64,
}

/// A quadratic program: `ψ(x) = ½xᵀPx` with a constant `P ⪰ 0`. It is a [`Program`].
pub trait Quadratic: Linear {
    /// `out = P x`.
    fn quadratic(&self, x: &[f64], out: &mut [f64]);
}

impl<T: Quadratic> Program for T {
    fn curved(&self, x: &[f64], gradient: &mut [f64]) -> Curved {
        self.quadratic(x, gradient);
        let half = 0.5 * crate::vector::dot(x, gradient);
        Curved { value: half, below: -half }
    }
    fn curvature(&self, _at: &[f64], v: &[f64], out: &mut [f64]) {
        self.quadratic(v, out);
    }
    fn is_quadratic(&self) -> bool {
        true
    }
}

/// Solves `(∇²ψ(at) + AᵀH A + regularization) x = r`, where `H` is the scaling of the iterate at hand.
pub trait NormalEquations {
    /// Prepare for the variables `at` and the given scaling, one [`Scaling`] a cone, with `regularization · scale of the
    /// diagonal` added.
    ///
    /// Where this takes long it asks [`Stop::here`](crate::Stop::here) between its blocks, and fails when it is time to end.
    fn factor(&mut self, at: &[f64], scaling: &[Scaling], regularization: f64) -> Result<(), NotPositiveDefinite>;
    /// Overwrite `r` with the solution.
    fn solve(&self, r: &mut [f64]);
}

/// The matrix to factor was not numerically positive definite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the normal matrix is not numerically positive definite")]
pub struct NotPositiveDefinite;
