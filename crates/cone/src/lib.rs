//! A primal–dual interior-point method for convex programs over cones.
//!
//! ```text
//! minimize    ½ xᵀP x + qᵀx + o          x ∈ R^N
//! subject to  s = A x + b ∈ K            s ∈ R^M,   K a product of cones
//! ```
//!
//! with `P ⪰ 0` and `K` a product of nonnegative, second-order and semidefinite cones, all self-dual. Its dual is
//!
//! ```text
//! maximize    −½ xᵀP x − bᵀz + o
//! subject to  P x + q − Aᵀz = 0,   z ∈ K
//! ```
//!
//! The method never sees a matrix. The caller supplies the products with `P`, `A`, `Aᵀ` (trait [`Program`]) and solves
//! `(P + AᵀH A) x = r` for the scaling `H` of the current iterate (trait [`NormalEquations`]). [`Dense`] implements
//! both for explicit matrices, naively: it is the judge of every structured implementation.
//!
//! Semidefinite blocks are stored as `svec`: the lower triangle column by column, off-diagonal entries times √2, so
//! that the inner product of two vectors is the trace inner product of the matrices.

pub mod cone;
pub mod dense;
mod infeasible;
pub mod outcome;
pub mod program;
pub mod settings;
pub mod solve;
mod stop;
pub mod vector;

pub use cone::{Cone, Scaling, SemidefiniteScaling};
pub use dense::Dense;
pub use outcome::{Outcome, Residuals, Status};
pub use program::{NormalEquations, NotPositiveDefinite, Program};
pub use settings::{Iteration, Observer, Settings};
pub use solve::{Start, solve};
pub use stop::{Stage, Stop};
