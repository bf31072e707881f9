//! `--effort`: how much work goes into the result.

use crate::arguments::MethodChoice;
use clap::{Args, ValueEnum};
use tautnet::error::{Error, Result};
use tautnet::polish::Walk;

/// How much work goes into the result.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Objective")]
pub struct EffortArguments {
    /// How much time to give to the search for better activation patterns
    #[arg(long, value_enum, default_value_t = EffortChoice::Normal)]
    pub effort: EffortChoice,
}

impl EffortArguments {
    /// The method, `joint` where none is given at normal effort, and what a walk may spend.
    pub fn method(&self, given: Option<MethodChoice>) -> Result<(MethodChoice, Walk)> {
        match (self.effort, given) {
            (EffortChoice::Normal, given) => Ok((given.unwrap_or(MethodChoice::Joint), Walk::default())),
            (EffortChoice::High, None | Some(MethodChoice::Walk)) => Ok((MethodChoice::Walk, Walk::thorough())),
            (EffortChoice::High, Some(other)) => Err(Error::new(
                format!("`--effort high` was given with `--method {}`", other.name()),
                "only the method `walk` can use more time; leave --method or --effort out",
            )),
        }
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
    /// As the user writes it.
    pub fn name(self) -> String {
        self.to_possible_value().map_or(String::new(), |value| value.get_name().to_owned())
    }
}
