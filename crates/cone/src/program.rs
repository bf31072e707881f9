//! The seam: what the caller supplies.

use crate::cone::{Cone, Scaling};

/// The data of `min ½xᵀPx + qᵀx + o  s.t.  Ax + b ∈ K`, as operators. Every product overwrites `out`.
pub trait Program {
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
    /// `out = P x`.
    fn quadratic(&self, x: &[f64], out: &mut [f64]);
    /// `out = A x`.
    fn apply(&self, x: &[f64], out: &mut [f64]);
    /// `out = Aᵀ z`.
    fn adjoint(&self, z: &[f64], out: &mut [f64]);
}

/// Solves `(P + AᵀH A + regularization) x = r`, where `H` is the scaling of the iterate at hand.
pub trait NormalEquations {
    /// Prepare for the given scaling, one [`Scaling`] a cone, with `regularization · scale of the diagonal` added.
    ///
    /// Where this takes long it asks [`Stop::here`](crate::Stop::here) between its blocks, and fails when it is time to end.
    fn factor(&mut self, scaling: &[Scaling], regularization: f64) -> Result<(), NotPositiveDefinite>;
    /// Overwrite `r` with the solution.
    fn solve(&self, r: &mut [f64]);
}

/// The matrix to factor was not numerically positive definite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the normal matrix is not numerically positive definite")]
pub struct NotPositiveDefinite;
