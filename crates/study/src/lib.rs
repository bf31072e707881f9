//! Runs the papers' experiments, rivals and first-order convex methods.
//!
//! [`experiment`] applies every method to the same starting networks, trial by trial; [`experiment_file`] reads what is to be
//! run, and [`claims`] says what the rows show. [`rivals`], [`convex`] and [`admm`](mod@admm) are the methods that are compared with those of
//! [`tautnet::polish`](mod@tautnet::polish). [`classification`] runs those for two classes, and [`trivial_bound`] trains deep networks.

pub mod admm;
mod choices;
pub mod claims;
pub mod classification;
pub mod convex;
pub mod experiment;
pub mod experiment_file;
mod held_out;
pub mod rivals;
pub mod robust;
pub mod trivial_bound;

/// Rows for the tests.
#[cfg(test)]
mod toy {
    pub(crate) fn toy(n: usize, d: usize, seed: u64) -> tautnet::Dataset {
        let (x, y) = tautnet_furniture::toy(n, d, seed);
        tautnet::Dataset::new(x, y, None).unwrap()
    }
}

/// The examples of the file that a registry shows.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
