//! Where what was found is told, and words in CSV.

use crate::arguments::OutArguments;
use crate::output;
use serde_json::Value;
use std::borrow::Cow;
use std::process::ExitCode;
use tautnet::error::Result;
use tautnet_tables::atomic;

/// To the file that was named, or to standard output.
pub fn write(text: &str, out: &OutArguments) -> Result<ExitCode> {
    match &out.out {
        Some(path) => atomic::write(path, text.as_bytes(), out.existing())?,
        None => output::print(text)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The same of one JSON object.
pub fn write_json(result: &Value, out: &OutArguments) -> Result<ExitCode> {
    match &out.out {
        Some(path) => atomic::write(path, format!("{result:#}\n").as_bytes(), out.existing())?,
        None => output::print_json(result)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// A word as a field of CSV.
pub fn field(word: &str) -> Cow<'_, str> {
    match word.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", word.replace('"', "\"\"")).into(),
        false => word.into(),
    }
}
