//! What governs both methods.

use tautnet::range::{Range, at_least_one};
use tautnet::{Error, error::Result};

/// The settings of both methods.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// λ_w > 0, the price of the weights, as in [`polish`](mod@tautnet::polish).
    pub decay: f64,
    /// Whether the output bias is free (else it is 0).
    pub output_bias: bool,
    /// The relative gap to reach, between 0 and 1: how much better the optimum could be at most.
    pub tolerance: f64,
    /// The largest number of steps.
    pub iterations: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { decay: 0.001, output_bias: true, tolerance: 1e-6, iterations: 100_000 }
    }
}

impl Settings {
    pub(super) fn check(&self) -> Result<()> {
        if !(self.decay.is_finite() && self.decay > 0.0) {
            return Err(Error::new(
                format!("`decay` is {}", self.decay),
                "the convex first-order methods need a price of the weights above 0, such as 0.001",
            ));
        }
        Range::Share.check("tolerance", self.tolerance)?;
        at_least_one("iterations", self.iterations)
    }
}
