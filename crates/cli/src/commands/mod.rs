//! One file a command: arguments to library calls, results to text.

pub mod attack;
pub mod certify;
mod certify_table;
pub mod compare;
pub mod completions;
pub mod data;
pub mod export;
pub mod manual;
mod pictures;
pub mod polish;
pub mod predict;
pub mod reproduce;
mod reproduce_claims;
mod reproduce_text;
pub mod train;
mod train_summary;
mod trial_text;
pub mod verify;

use crate::arguments::{Arguments, Command};
use std::process::ExitCode;
use tautnet::error::Result;

/// Run a command to its exit status.
pub fn run(arguments: Arguments) -> Result<ExitCode> {
    match arguments.command {
        Command::Train(arguments) => train::run(&arguments),
        Command::Polish(arguments) => polish::run(&arguments),
        Command::Certify(arguments) => certify::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Attack(arguments) => attack::run(&arguments),
        Command::Predict(arguments) => predict::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Reproduce(arguments) => reproduce::run(&arguments),
        Command::Data(arguments) => data::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments),
        Command::Manual(arguments) => manual::run(&arguments),
    }
}
