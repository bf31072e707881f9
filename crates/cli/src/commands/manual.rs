//! `tautnet manual [COMMAND]`: the manual page, made from the flags themselves.

use crate::output;
use std::process::ExitCode;
use tautnet::error::{Error, Result};

/// Print the manual page
///
/// To read it: `tautnet manual | man -l -`. To install it: `tautnet manual > tautnet.1`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The command to describe [default: tautnet itself]
    command: Option<String>,
}

/// Run it, for the command line `whole`.
pub fn run(arguments: &Arguments, mut whole: clap::Command) -> Result<ExitCode> {
    whole.build();
    let page = match &arguments.command {
        None => whole,
        Some(name) => {
            let found = whole.find_subcommand(name).cloned();
            let names: Vec<&str> = whole.get_subcommands().map(clap::Command::get_name).collect();
            found.ok_or_else(|| {
                Error::new(format!("there is no command `{name}`"), format!("the commands are {}", names.join(", ")))
            })?
        }
    };
    let mut text = Vec::new();
    let render = |e| Error::new(format!("the manual page could not be made: {e}"), "ask for `--help` instead");
    clap_mangen::Man::new(page).render(&mut text).map_err(render)?;
    output::print(&String::from_utf8_lossy(&text))?;
    Ok(ExitCode::SUCCESS)
}
