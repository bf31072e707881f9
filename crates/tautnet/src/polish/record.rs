//! A polish as model files and machines are told of it.

use super::outcome::{Polished, Progress, Score};
use crate::ending::Ending;
use serde_json::{Value, json};

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

impl Score {
    /// For machines.
    pub fn to_json(&self) -> Value {
        json!({
            "objective": self.objective,
            "loss": self.loss,
            "lipschitz": self.lipschitz,
            "decay": self.decay,
        })
    }
}

impl Polished {
    /// Objective, ending and notes. The objective is recomputed, but no proof; that is the certificate. Nothing in it depends
    /// on the clock but for `stopped`, why the observer ended the run, where it did.
    pub fn summary(&self, stopped: Option<&str>) -> Value {
        let (ending, reason) = self.ending.in_words(stopped);
        let mut record = self.after.to_json();
        record["before"] = self.before.to_json();
        record["duality_gap"] = json!(self.duality_gap);
        record["iterations"] = json!(self.iterations);
        record["ending"] = json!(ending);
        record["reason"] = json!(reason);
        record["notes"] = json!(self.notes);
        record
    }

    /// The summary and the history, as a model file keeps them.
    pub fn to_json(&self, stopped: Option<&str>) -> Value {
        let one = |step: &Progress| json!({"round": step.round, "iteration": step.iteration, "objective": step.objective, "gap": step.gap});
        let mut record = self.summary(stopped);
        record["trace"] = self.trace.iter().map(one).collect();
        record
    }
}
