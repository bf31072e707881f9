//! A polish as plain data, as files and machines are told of it.

use super::outcome::{Polished, Progress, Score};
use crate::ending::Ending;
use serde::Serialize;

impl Ending {
    /// In a word, and why; `stopped` is why the observer ended the run, where it did.
    pub fn in_words(&self, stopped: Option<&str>) -> (&'static str, Option<String>) {
        match self {
            Ending::Solved => ("solved", None),
            Ending::Stopped(why) => ("stopped", Some(stopped.map_or_else(|| why.to_string(), str::to_owned))),
            Ending::Unchanged(why) => {
                ("unchanged", Some(stopped.map_or_else(|| why.clone(), |stopped| format!("{stopped}; {why}"))))
            }
        }
    }
}

/// What is kept of a polish: objective, ending and notes. The objective is recomputed, but it is no proof; that is the
/// certificate. Nothing in it depends on the clock, except the reason of a run that the observer ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Record {
    /// The score of the result.
    #[serde(flatten)]
    pub after: Score,
    /// The score of what was polished.
    pub before: Score,
    /// Relative duality gap of the last program, where the method has one.
    pub duality_gap: Option<f64>,
    /// Interior-point iterations, summed over solves.
    pub iterations: usize,
    /// How it ended, in a word.
    pub ending: &'static str,
    /// Why it ended so, where the word leaves that open.
    pub reason: Option<String>,
    /// What was noticed on the way.
    pub notes: Vec<String>,
    /// Every iteration; `None` in a summary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<Vec<Progress>>,
}

impl Polished {
    /// The record without the iterations. `stopped` is why the observer ended the run, where it did.
    pub fn summary(&self, stopped: Option<&str>) -> Record {
        let (ending, reason) = self.ending.in_words(stopped);
        Record {
            after: self.after,
            before: self.before,
            duality_gap: self.duality_gap,
            iterations: self.iterations,
            ending,
            reason,
            notes: self.notes.clone(),
            trace: None,
        }
    }

    /// The summary and the iterations.
    pub fn record(&self, stopped: Option<&str>) -> Record {
        Record { trace: Some(self.trace.clone()), ..self.summary(stopped) }
    }
}
