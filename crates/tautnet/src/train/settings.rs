//! What every start needs to know, and which one it is.

use super::gradient_descent::Descent;
use super::start::{Common, Start};
use crate::Loss;
use crate::error::Result;
use crate::requirement::{Asked, Setting, check};

/// The settings of a start.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The start that was chosen, with the settings of its own.
    pub start: Start,
    /// What a wrong prediction costs.
    pub loss: Loss,
    /// The number m of hidden units, 1 or more.
    pub units: usize,
    /// Whether the output bias is free (else it is 0).
    pub output_bias: bool,
    /// Whether the network has a linear part.
    pub linear_part: bool,
    /// The seed. The same seed gives the same network, to the byte.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        let Common { loss, units, output_bias, linear_part, seed } = Common::default();
        Self { start: Descent::default().into(), loss, units, output_bias, linear_part, seed }
    }
}

impl Settings {
    /// What they say whatever the start is.
    pub fn common(&self) -> Common {
        let Self { start: _, loss, units, output_bias, linear_part, seed } = self.clone();
        Common { loss, units, output_bias, linear_part, seed }
    }

    /// Refuse what the start cannot do.
    pub fn check(&self) -> Result<()> {
        check(&[self.start.choice()], &|setting| match setting {
            Setting::Loss => Some(self.loss.asked()),
            Setting::LinearPart => self.linear_part.then(|| Asked::new("linear part", "a linear part")),
            _ => None,
        })
    }
}
