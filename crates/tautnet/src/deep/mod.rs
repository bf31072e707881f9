//! Deep networks whose Lipschitz constant is told by the product of their layers' norms.
//!
//! ```text
//! f(x) = W_L σ( … σ(W_1 x + b_1) … ) + b_L,            |f(x) − f(x')| ≤ U ‖x − x'‖,   U = Π_l ‖W_l‖ · Π_l lip(σ)
//! ```
//!
//! U, the *trivial bound*, is loose for most networks and tight for those that are trained so that it is small: with an activation whose
//! slopes have the norm 1 everywhere, nothing is lost between the layers. [`train`] takes mini-batches in single precision and makes one of
//! these small, or both:
//!
//! - the loss of the *worst margins* at a radius: every output is taken to be wrong by the radius times its bound ([`Settings::radius`]);
//! - the loss and a price on U, on log U, or on the sum of the norms ([`Price`]).
//!
//! The hidden layers may be held meanwhile ([`Weights`]): orthonormal for p = 2, so that U is the norm of the last one, or in a ball for p = 1 and
//! p = ∞.
//!
//! What comes out is a [`Network`](crate::Network) of doubles, whose bounds are proved by [`certify`](crate::certify).

mod bounded;
mod chain;
mod cost;
mod norms;
mod orthonormal;
mod settings;
mod steps;
mod training;

pub use settings::{Form, Price, Settings, Weights};
pub use steps::Optimizer;
pub use training::{Progress, Trained, difference, train};

#[cfg(test)]
mod tests;
