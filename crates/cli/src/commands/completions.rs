//! `tautnet completions SHELL`: made from the flags themselves.

use crate::output;
use std::process::ExitCode;
use tautnet::error::Result;

/// Print shell completions
///
/// For bash: `tautnet completions bash > ~/.local/share/bash-completion/completions/tautnet`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The shell
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

/// Run it, for the command line `whole`.
pub fn run(arguments: &Arguments, mut whole: clap::Command) -> Result<ExitCode> {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut whole, "tautnet", &mut text);
    output::print(&String::from_utf8_lossy(&text))?;
    Ok(ExitCode::SUCCESS)
}
