//! A data set split for one trial.

use super::arm::Settings;
use tautnet::error::Result;
use tautnet::{Dataset, Scaler, rows::Rows, split};

/// A data set split for one trial, in units standardized on the rows learned from.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// What the data set is called.
    pub name: String,
    /// The number of the trial, from 0.
    pub trial: u64,
    /// Rows to learn from.
    pub learned: Dataset,
    /// Rows to judge by.
    pub held_out: Dataset,
}

impl Problem {
    /// Hold out a share of the rows; every arm of a trial meets the same split.
    pub fn split(name: &str, all: &Dataset, settings: &Settings, trial: u64) -> Result<Self> {
        let rows = split::by_fraction(all.rows(), settings.held_out, settings.seed_of(trial))?;
        let learned = Rows::of(all).pick(&rows.train);
        let scaler = Scaler::fit(&learned)?;
        let held_out = scaler.standardize(&Rows::of(all).pick(&rows.test));
        Ok(Self { name: name.into(), trial, learned: scaler.standardize(&learned), held_out })
    }
}
