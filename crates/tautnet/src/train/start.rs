//! What a start is: its name, what it asks for, and how it makes a network.

use super::outcome::{Observer, Trained};
use crate::error::Result;
use crate::requirement::{Choice, Requirement};
use crate::{Dataset, Loss, Norm};
use std::fmt::Debug;
use std::ops::Deref;
use std::sync::Arc;

/// The settings that all starts share.
#[derive(Debug, Clone, PartialEq)]
pub struct Common {
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

impl Default for Common {
    fn default() -> Self {
        Self { loss: Loss::default(), units: 100, output_bias: true, linear_part: false, seed: 0 }
    }
}

/// A way to make a starting network, with settings of its own.
pub trait Starter: Debug + Send + Sync {
    /// The name by which users choose it.
    fn name(&self) -> &'static str;
    /// What it is, in a sentence.
    fn help(&self) -> &'static str;
    /// How a sentence goes on that says "the network was trained by".
    fn by(&self) -> &'static str {
        self.help()
    }
    /// What it asks of the other settings.
    fn requires(&self) -> &'static [Requirement] {
        &[]
    }
    /// About how many numbers it keeps for n rows of d inputs and m units: the network, its gradient, what an optimizer
    /// remembers, and the best so far.
    fn numbers(&self, _rows: u128, inputs: u128, units: u128) -> u128 {
        4 * units * (inputs + 2)
    }
    /// The same start where inputs move in this norm and the bound is limited to this; `None` where that changes nothing.
    fn within(&self, _norm: Norm, _limit: Option<f64>) -> Option<Start> {
        None
    }
    /// The same start whose weights have at least this price, `decay/2 ‖θ‖²`; `None` where that changes nothing.
    fn priced(&self, _decay: f64) -> Option<Start> {
        None
    }
    /// Make the network.
    fn train(&self, data: &Dataset, common: &Common, observer: &mut Observer<'_>) -> Result<Trained>;
}

/// A start that was chosen.
#[derive(Debug, Clone)]
pub struct Start(Arc<dyn Starter>);

impl<S: Starter + 'static> From<S> for Start {
    fn from(start: S) -> Self {
        Self(Arc::new(start))
    }
}

impl Deref for Start {
    type Target = dyn Starter;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl PartialEq for Start {
    /// Two starts are the same where all their settings are, which what is told for debugging holds to the last digit.
    fn eq(&self, other: &Self) -> bool {
        format!("{:?}", self.0) == format!("{:?}", other.0)
    }
}

impl Start {
    /// The start as a choice that was made.
    pub fn choice(&self) -> Choice<'static> {
        Choice { kind: "start", name: self.name(), requires: self.requires() }
    }
}
