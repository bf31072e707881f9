//! The experiment file of robust classification.

use super::plan::Plan;
use super::settings::Settings;
use crate::choices::{self, Chosen};
use std::path::Path;
use tautnet::error::{Error, Result};
use tautnet::limits::Limits;

/// What is to be run, and how it came to be so.
#[derive(Debug)]
pub struct Experiment {
    /// What it is about.
    pub title: String,
    /// Every choice in words: name, value, why.
    pub choices: Vec<[String; 3]>,
    /// The plan.
    pub plan: Plan,
}

/// Read a file on the disk.
pub fn read(path: &Path, tier: &str, limits: &Limits) -> Result<Experiment> {
    parse(&path.display().to_string(), &crate::experiment_file::text(path, limits)?, tier)
}

/// Read the text of a file; `source` is what messages call it.
pub fn parse(source: &str, text: &str, tier: &str) -> Result<Experiment> {
    let Chosen { title, choices, settings } = choices::parse::<Settings>(source, text, tier)?;
    let plan = Plan { settings };
    plan.check().map_err(|error| Error::new(format!("{source}: {}", error.what), error.hint))?;
    Ok(Experiment { title, choices, plan })
}
