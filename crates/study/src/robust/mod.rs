//! Placeholder.

mod iteration;
mod norms;
mod problem;
mod repair;
mod row;
mod settings;

pub use iteration::{Observer, Progress, Robust, robust};
pub use settings::{Cells, Settings};

#[cfg(test)]
mod tests;
