//! How wrong the inputs can be: sets of perturbations, and what users say of them.

mod asked;
mod by_column;
mod set;

pub use asked::{Amount, Asked, Entry, Input};
pub use by_column::ByColumn;
pub use set::{Shape, Tolerance};
