//! `--effort`: how much work goes into the result.

use clap::{Args, ValueEnum};
use tautnet::polish::Effort;

/// How much work goes into the result.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Objective")]
pub struct EffortArguments {
    /// How much time to give to the search for better activation patterns
    #[arg(long, value_enum, default_value_t = EffortChoice::Normal)]
    pub effort: EffortChoice,
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
