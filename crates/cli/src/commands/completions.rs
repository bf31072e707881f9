//! `tautnet completions SHELL`: made from the flags themselves.

use crate::output;
use clap::CommandFactory;
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

/// Run it.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut crate::arguments::Arguments::command(), "tautnet", &mut text);
    output::print(&String::from_utf8_lossy(&text))?;
    Ok(ExitCode::SUCCESS)
}
