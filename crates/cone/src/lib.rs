//! A primal–dual interior-point method for convex programs over cones.
//!
//! ```text
//! minimize    ψ(x) + qᵀx + o             x ∈ R^N
//! subject to  s = A x + b ∈ K            s ∈ R^M,   K a product of cones
//! ```
//!
//! with ψ convex and twice differentiable and `K` a product of nonnegative, second-order and semidefinite cones, all self-dual.
//! Its dual is
//!
//! ```text
//! maximize    ψ(x) − ∇ψ(x)·x − bᵀz + o
//! subject to  ∇ψ(x) + q − Aᵀz = 0,   z ∈ K
//! ```
//!
//! The method never sees a matrix. The caller supplies the products with `A` and `Aᵀ` (trait [`Linear`]), ψ with its gradient
//! and curvature (trait [`Program`]; for `ψ(x) = ½xᵀPx` trait [`Quadratic`] asks for the product with `P` alone), and solves
//! `(∇²ψ(x) + AᵀH A) v = r` for the scaling `H` of the current iterate (trait [`NormalEquations`]). [`Dense`] implements
//! these for explicit matrices, naively: it is the judge of every structured implementation.
//!
//! Semidefinite blocks are stored as `svec`: the lower triangle column by column, off-diagonal entries times √2, so
//! that the inner product of two vectors is the trace inner product of the matrices.

pub mod cone;
pub mod dense;
mod infeasible;
pub mod interior_point;
pub mod outcome;
pub mod point;
pub mod program;
pub mod settings;
pub mod solve;
mod stop;
mod system;
pub mod vector;

pub use cone::{Cone, Scaling, SemidefiniteScaling};
pub use dense::Dense;
pub use outcome::{Outcome, Residuals, Status};
pub use point::Start;
pub use program::{Curved, Linear, NormalEquations, NotPositiveDefinite, Program, Quadratic};
pub use settings::{Iteration, Observer, Settings};
pub use solve::solve;
pub use stop::{Stage, Stop};

/// The examples of the file that a registry shows.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
