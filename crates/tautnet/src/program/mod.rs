//! From network, data and prices to a conic program, and back.

mod bound;
pub(crate) mod build;
mod cells;
mod cholesky;
pub(crate) mod conditioning;
pub(crate) mod gathered;
mod inequality;
mod large;
pub(crate) mod layout;
mod lengths;
mod listed;
pub(crate) mod loss_term;
pub(crate) mod normal;
mod picks;
mod reach;
pub(crate) mod rows;
pub(crate) mod second_attempt;
pub(crate) mod size;
pub(crate) mod smoothed;
mod start;
mod term;
pub(crate) mod training;
pub(crate) mod working_set;
mod worst_case;

#[cfg(test)]
mod robust_tests;
#[cfg(test)]
mod tests;
