//! First-order methods for the convex programs of weight decay, for many patterns.
//!
//! ```text
//! gated   minimize over z̄      Σ_k ω_k (f_k − y_k)² + λ_w Σ_j ‖z̄_j‖₂                          f = c + Σ_j D_j X̄ z̄_j
//! relu    minimize over z̄      Σ_k ω_k (f_k − y_k)² + λ_w Σ_i ‖z̄_i‖₂   s.t. σ_ik x̄_k·z̄_i ≥ 0    f = c + Σ_i s_i D_i X̄ z̄_i
//! ```
//!
//! The second is (6), which [`polish`](mod@tautnet::polish) solves by an interior-point method: to more digits, at a
//! cost that grows with the cube of the number of weights. Here a step costs two passes over the patterns, a bit an
//! entry. Patterns and signs are those of a given [`Shallow`](tautnet::Shallow), as they are for `polish`;
//! [`crate::rivals::gaussian`] samples them.
//!
//! Both return a lower bound on their optimum, computed from a point of the dual problem that is feasible to rounding,
//! and stop by the distance to it. Columns should be standardized: the methods work in the units of the data.

mod fista;
mod gated;
mod masks;
mod problem;
mod relu;
mod settings;
mod solution;

pub use gated::{Gated, GatedNetwork, gated_relu};
pub use relu::{Relu, relu};
pub use settings::Settings;
pub use solution::{Observer, Progress, Solution};

#[cfg(test)]
mod tests;
