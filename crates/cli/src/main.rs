//! The `tautnet` command: arguments in, library calls, tables and files out.

mod arguments;
mod commands;
#[cfg(feature = "fetch")]
mod download;
mod files;
mod folders;
mod input;
mod limits;
mod output;
mod progress;
mod recipe;
mod stop;
mod tolerance;
mod workers;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    match commands::Arguments::try_parse() {
        Ok(arguments) => {
            limits::set(&arguments.limit).and_then(|()| commands::run(arguments)).unwrap_or_else(|error| {
                output::complain(&error);
                ExitCode::from(if stop::interrupted() { stop::INTERRUPTED_STATUS } else { output::COULD_NOT_RUN })
            })
        }
        Err(error) => output::usage(&error),
    }
}
