//! Where what was found is told, words in CSV, and how far the intervals of many rows are.

use crate::arguments::OutArguments;
use crate::output;
use crate::progress::Display;
use serde_json::Value;
use std::process::ExitCode;
use std::time::Duration;
use tautnet::certify::{Effort, IntervalProgress};
use tautnet::error::Result;
use tautnet_tables::atomic;

/// One JSON object to the file that was named, or to standard output.
pub fn write_json(result: &Value, out: &OutArguments) -> Result<ExitCode> {
    match &out.out {
        Some(path) => atomic::write(path, format!("{result:#}\n").as_bytes(), out.existing())?,
        None => output::print_json(result)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Progress of this kind is shown where it takes longer than this.
const PATIENCE: Duration = Duration::from_secs(5);

/// How far the intervals of many rows are, on standard error.
pub struct Watched {
    display: Display,
}

impl Watched {
    /// The clock begins now.
    pub fn new() -> Self {
        Self { display: Display::after(PATIENCE) }
    }

    /// After a block of rows.
    pub fn show(&mut self, progress: &IntervalProgress) {
        let stage = if progress.refining { "refining intervals by branch and bound" } else { "intervals of all rows" };
        self.display.count(stage, progress.done, progress.of);
        if progress.done == progress.of {
            self.display.restart();
        }
    }
}

/// Says which intervals branch and bound did not make smaller, if any; where the work was stopped, why, and how many were.
pub fn note_effort(intervals: usize, effort: Effort, stopped: Option<(&str, usize)>) {
    let asked = if effort.nodes == 0 { 0 } else { effort.rows.min(intervals) };
    if let Some((reason, refined)) = stopped.filter(|(_, refined)| *refined < asked) {
        output::note(&format!(
            "{reason}: {refined} of {intervals} intervals were refined by branch and bound; the others hold, and smaller ones may"
        ));
    } else if effort.nodes > 0 && asked < intervals {
        output::note(&format!(
            "of {intervals} intervals the {asked} widest were refined by branch and bound; the others are proved by a linear bound of each unit, \
             which is mostly almost as small. --nodes {} refines all",
            effort.nodes
        ));
    }
}
