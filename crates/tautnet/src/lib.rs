//! Train, polish and *prove* small relu networks.
//!
//! The words that this documentation uses:
//!
//! - The *pattern* of a unit is the list of the rows of data on which it is on, that is, on which its sum is not negative.
//! - A *cell* is the set of all weights with given patterns. Within a cell training is a convex problem.
//! - The *bound* L is a proved upper bound on the Lipschitz constant: the prediction changes by at most L times what the
//!   inputs change.
//! - A *price* says how much the training pays for something besides the loss: λ times the bound, or λ times the size of
//!   the weights. The *objective* is the loss and everything that has a price, added up.
//! - To *polish* a network is to replace it by the best network of its cell.
//! - The *gap* is how much better than the result anything in the cell could be at most, relative to the objective.
//!
//! More words are in `docs/glossary.md`, and the letters of formulas, such as those of the program (J), in `NOTATION.md`.
//!
//! A [`Shallow`] is `f(x) = c + Σ_i v_i relu(w_i·x + b_i)`. The data flow is
//! table → [`Dataset`] → starting network → [`polish`] → certificate.

pub mod activation;
pub mod attack;
mod ball;
pub mod certify;
pub mod choose;
pub mod choose_far;
pub mod coverage;
pub mod dataset;
pub mod deep;
pub mod deep_fit;
pub mod deep_job;
pub mod deep_polish;
mod dense;
pub mod distinct;
pub mod ending;
pub mod error;
#[cfg(test)]
mod exact_numbers;
pub mod fit;
pub mod fit_far;
pub mod job;
pub mod job_far;
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
pub mod several;
pub mod shallow;
pub mod shards;
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

/// The examples of the file that a registry shows.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
