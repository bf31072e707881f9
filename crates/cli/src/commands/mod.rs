//! One file a command: arguments to library calls, results to text.

pub mod attack;
mod attack_rows;
mod beside;
pub mod certify;
mod certify_chain;
mod certify_constants;
mod certify_rows;
mod certify_table;
pub mod compare;
pub mod completions;
pub mod data;
pub mod export;
pub mod manual;
mod pictures;
pub mod polish;
mod polish_deep;
mod polish_rows;
pub mod predict;
mod predict_deep;
mod predict_intervals;
mod predict_rows;
pub mod reproduce;
mod reproduce_bounds;
mod reproduce_classes;
mod reproduce_text;
mod rows_beyond;
mod several;
mod targets;
mod told;
mod tolerance_pictures;
pub mod train;
mod train_deep;
mod train_rows;
mod train_summary;
mod train_tolerance;
mod train_verdict;
mod trial_text;
pub mod verify;

use crate::arguments::limit;
use clap::{CommandFactory, Parser, Subcommand};
use std::path::Path;
use std::process::ExitCode;
use tautnet::error::Result;
use tautnet::limits::Limit;
use tautnet_tables::source::Source;

/// Train, polish and prove small relu networks
///
/// Results go to standard output, progress to standard error. Exit status: 0 done, 1 the claim failed, 2 could not
/// run, 130 interrupted before there was a result.
#[derive(Debug, Parser)]
#[command(name = "tautnet", version, max_term_width = 100)]
pub struct Arguments {
    /// What to do
    #[command(subcommand)]
    pub command: Command,

    /// Raise or lower a limit on what is read, such as `bytes=4000000000`; may be given several times
    ///
    /// NAME is `bytes` (of a file, and of what it unpacks to; 1073741824 where nothing else is said), `rows` (100000000),
    /// `columns` (1000000), `cells` (rows times columns, numbers of a network, values in a JSON text; 100000000) or `nesting`
    /// (64, at most 100).
    #[arg(long, value_name = "NAME=NUMBER", value_parser = limit, global = true, help_heading = "Limits")]
    pub limit: Vec<(Limit, u64)>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    Train(train::Arguments),
    Polish(polish::Arguments),
    Certify(certify::Arguments),
    Verify(verify::Arguments),
    Attack(attack::Arguments),
    Predict(predict::Arguments),
    Export(export::Arguments),
    Compare(compare::Arguments),
    Reproduce(reproduce::Arguments),
    Data(data::Arguments),
    Completions(completions::Arguments),
    Manual(manual::Arguments),
}

/// Run a command to its exit status.
pub fn run(arguments: Arguments) -> Result<ExitCode> {
    match arguments.command {
        Command::Train(arguments) if rows_beyond::is_asked(&arguments.data, &arguments.memory) => {
            train_rows::run(&arguments)
        }
        Command::Train(arguments) => train::run(&arguments),
        Command::Polish(arguments) if rows_beyond::is_asked(&arguments.data, &arguments.memory) => {
            polish_rows::run(&arguments)
        }
        Command::Polish(arguments) => polish::run(&arguments),
        Command::Certify(arguments) => certify::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Attack(arguments) if Source::is_for(Path::new(&arguments.data)) => attack_rows::run(&arguments),
        Command::Attack(arguments) => attack::run(&arguments),
        Command::Predict(arguments) => predict::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Reproduce(arguments) => reproduce::run(&arguments),
        Command::Data(arguments) => data::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments, Arguments::command()),
        Command::Manual(arguments) => manual::run(&arguments, Arguments::command()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
