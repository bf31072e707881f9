//! Train, polish and *prove* small relu networks.
//!
//! The words of this documentation (pattern, cell, price, polish, gap and others) are explained in `docs/glossary.md`.
//!
//! A [`Shallow`] is `f(x) = c + Σ_i v_i relu(w_i·x + b_i)`. The data flow is
//! table → [`Dataset`] → starting network → [`polish`] → certificate.

pub mod activation;
pub mod attack;
mod ball;
pub mod certify;
pub mod dataset;
mod dense;
pub mod distinct;
pub mod ending;
pub mod error;
#[cfg(test)]
mod exact_numbers;
pub mod fit;
pub mod job;
pub mod limits;
pub mod loss;
mod moments;
pub mod network;
pub mod norm;
mod outward;
pub mod patterns;
pub mod polish;
pub mod printable;
mod program;
pub mod random;
pub mod range;
pub mod recipe;
pub mod requirement;
pub mod rows;
pub mod scaling;
pub mod select;
pub mod shallow;
pub mod shown;
pub mod split;
pub mod tolerance;
pub mod train;
pub mod unit;
pub mod vector;
mod weights;
mod worst_case;

pub use activation::Activation;
pub use dataset::Dataset;
pub use error::Error;
pub use limits::Limits;
pub use loss::Loss;
pub use network::Network;
pub use norm::Norm;
pub use recipe::Recipe;
pub use scaling::Scaler;
pub use shallow::Shallow;
pub use tautnet_cone::{Stage, Stop};
