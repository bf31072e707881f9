//! How wrong the inputs can be: sets of perturbations, and what users say of them.

mod asked;
mod set;

pub use asked::{Amount, Asked, Entry, Input};
pub use set::{Shape, Tolerance};
