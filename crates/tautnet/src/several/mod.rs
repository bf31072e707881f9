//! Several classes: networks with one output a class, which share their hidden units.
//!
//! A target is the number of a class, 0 to c − 1, and a network says the class whose output is the largest. The *margin* of class y over
//! class j is f_y − f_j, a network with one output ([`margin`]); a row is right where all margins of its class are above 0. What a wrong
//! class costs is a loss of the margin at the least of them: the loss of the row's *worst margin*.
//!
//! With hidden units (w_i, b_i) and output weights v_i ∈ R^c, written as z̄_i = ‖v_i‖ (w_i, b_i) and a *direction* u_i = v_i / ‖v_i‖ that is held,
//! a margin has the coefficients ς_i = u_iy − u_ij in the place of the signs, and everything that is known of networks with one output
//! within a tolerance holds of it: its worst case, its bound by labels, and the program (R), in which the margins of a row are a group.

mod bound;
mod descent;
mod intervals;
mod margins;
mod polish;
mod slopes;

pub(crate) use descent::{Plan, train};
pub use intervals::{Told, told};
pub(crate) use margins::{check, largest_inputs, margin_at_most, number};
pub use margins::{class, classes_of, divided, margin, probabilities};
pub use polish::{Polished, Settings, polish};
pub use slopes::lipschitz;

#[cfg(test)]
mod tests;
