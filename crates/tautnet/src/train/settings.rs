//! What every start needs to know, and which one it is.

use super::starts::{Admm, Adversarial, Descent, Random};
use crate::Loss;
use crate::error::{Error, Result};
use crate::requirement::{Asked, Choice, Demand, Requirement, Setting, check};

/// How the starting network is made.
#[derive(Debug, Clone, PartialEq)]
pub enum Start {
    /// Mini-batch gradient descent: [`gradient_descent`](super::gradient_descent).
    Sgd(Descent),
    /// Random hidden units, output weights by least squares: [`random`](super::random).
    Random(Random),
    /// Gradient descent on rows under attack: [`adversarial`](super::adversarial).
    Adversarial(Adversarial),
    /// Gradient descent and a semidefinite program in turn: [`admm`](super::admm).
    Admm(Admm),
}

impl Start {
    /// Every start with its default settings.
    pub fn all() -> [Start; 4] {
        [
            Start::Sgd(Descent::default()),
            Start::Random(Random::default()),
            Start::Adversarial(Adversarial::default()),
            Start::Admm(Admm::default()),
        ]
    }

    /// The name by which users choose it.
    pub fn name(&self) -> &'static str {
        match self {
            Start::Sgd(_) => "sgd",
            Start::Random(_) => "random",
            Start::Adversarial(_) => "adversarial",
            Start::Admm(_) => "admm",
        }
    }

    /// What it is, in a sentence.
    pub fn help(&self) -> &'static str {
        match self {
            Start::Sgd(_) => "mini-batch gradient descent",
            Start::Random(_) => "random hidden units, output weights by the least loss",
            Start::Adversarial(_) => "gradient descent on rows under attack",
            Start::Admm(_) => {
                "gradient descent and a semidefinite program in turn (ADMM); keeps the limit on the bound when the norm is 2"
            }
        }
    }

    /// What it asks of the other settings.
    pub fn requires(&self) -> &'static [Requirement] {
        match self {
            Start::Admm(_) => &[
                Requirement {
                    setting: Setting::Loss,
                    demand: Demand::OneOf(&["squared"], "minimizes the squared error"),
                    hint: "leave the loss out, or start by `sgd`, `adversarial` or `random`",
                },
                Requirement {
                    setting: Setting::LinearPart,
                    demand: Demand::Unused,
                    hint: "leave the linear part out, or start by `sgd`, `adversarial` or `random`",
                },
            ],
            Start::Sgd(_) | Start::Random(_) | Start::Adversarial(_) => &[],
        }
    }

    /// The start as a choice that was made.
    pub fn choice(&self) -> Choice<'static> {
        Choice { kind: "start", name: self.name(), requires: self.requires() }
    }
}

impl std::str::FromStr for Start {
    type Err = Error;

    /// The start of that name, with its defaults.
    fn from_str(name: &str) -> Result<Self> {
        Self::all().into_iter().find(|start| start.name() == name).ok_or_else(|| {
            let names: Vec<_> = Self::all().iter().map(Start::name).collect();
            Error::new(format!("there is no start called `{name}`"), format!("choose one of: {}", names.join(", ")))
        })
    }
}

/// What every start needs to know.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The method and what is its own.
    pub start: Start,
    /// What a wrong prediction costs.
    pub loss: Loss,
    /// Hidden units, m ≥ 1.
    pub units: usize,
    /// Whether the output bias is free (else it is 0).
    pub output_bias: bool,
    /// Whether the network has a linear part.
    pub linear_part: bool,
    /// Same seed, same network, to the byte.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        let start = Start::Sgd(Descent::default());
        Self { start, loss: Loss::default(), units: 100, output_bias: true, linear_part: false, seed: 0 }
    }
}

impl Settings {
    /// Refuse what the start cannot do.
    pub fn check(&self) -> Result<()> {
        check(&[self.start.choice()], &|setting| match setting {
            Setting::Loss => Some(self.loss.asked()),
            Setting::LinearPart => self.linear_part.then(|| Asked::new("linear part", "a linear part")),
            _ => None,
        })
    }
}
