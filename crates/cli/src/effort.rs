//! `--effort`: how much work goes into the result.

use crate::arguments::MethodChoice;
use clap::{Args, ValueEnum};
use tautnet::error::Result;
use tautnet::polish::{Effort, Method, Walk};

/// How much work goes into the result.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Objective")]
pub struct EffortArguments {
    /// How much time to give to the search for better activation patterns
    #[arg(long, value_enum, default_value_t = EffortChoice::Normal)]
    pub effort: EffortChoice,
}

impl EffortArguments {
    /// The method, and what a walk may spend.
    pub fn method(&self, given: Option<MethodChoice>) -> Result<(Method, Walk)> {
        self.effort.effort().method(given.map(MethodChoice::method))
    }
}

/// How much work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EffortChoice {
    /// As much as the method asks for
    Normal,
    /// The method `walk`, with longer and more searches: several times its time
    High,
}

impl EffortChoice {
    /// The library's name for it.
    pub fn effort(self) -> Effort {
        match self {
            EffortChoice::Normal => Effort::Normal,
            EffortChoice::High => Effort::High,
        }
    }
}
