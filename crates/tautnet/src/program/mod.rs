//! From network, data and prices to a conic program, and back.

pub(crate) mod build;
pub(crate) mod layout;
pub(crate) mod loss_term;
pub(crate) mod normal;
pub(crate) mod rows;
pub(crate) mod second_attempt;
mod start;
pub(crate) mod training;
mod working_set;

#[cfg(test)]
mod tests;
