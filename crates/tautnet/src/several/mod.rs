//! Several outputs that share their hidden units: networks with one output a class, and networks with one output a target.
//!
//! *Classes.* A target is the number of a class, 0 to c − 1, and a network says the class whose output is the largest. The *margin* of class y over
//! class j is f_y − f_j, a network with one output ([`margin`]); a row is right where all margins of its class are above 0. What a wrong
//! class costs is a loss of the margin at the least of them: the loss of the row's *worst margin*.
//!
//! With hidden units (w_i, b_i) and output weights v_i ∈ R^c, written as z̄_i = ‖v_i‖ (w_i, b_i) and a *direction* u_i = v_i / ‖v_i‖ that is held,
//! a margin has the coefficients ς_i = u_iy − u_ij in the place of the signs, and everything that is known of networks with one output
//! within a tolerance holds of it: its worst case, its bound by labels, and the program (R), in which the margins of a row are a group.
//!
//! *Targets.* A row has several numbers for targets, and a network an output for each. What a row costs is the sum over the outputs of the
//! losses; within a tolerance it is the sum of the worst losses of each, every one at its own worst point, which is at least the worst case
//! of the sum. Output k has the coefficients u_ik in the place of the signs, and every row of every output is a row of (R).

mod bound;
mod descent;
mod intervals;
mod margins;
mod polish;
mod slopes;

pub(crate) use descent::{Plan, train};
pub use intervals::{Told, of_targets, told};
pub(crate) use margins::{check, check_targets, largest_inputs, margin_at_most, number};
pub use margins::{class, classes_of, divided, margin, probabilities};
pub use polish::{Polished, Settings, polish};
pub use slopes::{lipschitz, lipschitz_of_output};

#[cfg(test)]
mod target_tests;
#[cfg(test)]
mod tests;
