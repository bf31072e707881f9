//! A data set split for one trial.

use super::arm::Settings;
use std::borrow::Cow;
use tautnet::error::{Error, Result};
use tautnet::split::{self, Split};
use tautnet::{Dataset, Scaler, rows::Rows};

/// The rows of a data set, and its splits where it comes with some.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// All rows.
    pub rows: Dataset,
    /// Which rows each trial holds out; empty where every trial draws its own.
    pub splits: Vec<Split>,
}

impl Sample {
    /// Rows with given splits. `marks` has a column for each trial and, row by row, 1 where it is held out and 0 where it is learned
    /// from.
    pub fn with_splits(rows: Dataset, marks: &[Vec<f64>]) -> Result<Self> {
        let hint = "give the splits as one column for each trial, with 1 in the rows held out and 0 in the others";
        let splits = marks.iter().enumerate().map(|(trial, marks)| {
            let wrong = |what: String| Error::new(format!("the split {} {what}", trial + 1), hint);
            if marks.len() != rows.rows() {
                return Err(wrong(format!("has {} rows and the data have {}", marks.len(), rows.rows())));
            }
            if let Some(k) = marks.iter().position(|mark| ![0.0, 1.0].contains(mark)) {
                return Err(wrong(format!("has {} in row {}", marks[k], k + 1)));
            }
            let (test, train): (Vec<usize>, Vec<usize>) = (0..marks.len()).partition(|&k| marks[k] == 1.0);
            if test.is_empty() || train.is_empty() {
                return Err(wrong("has all rows on one side".into()));
            }
            Ok(Split { train, test })
        });
        Ok(Self { splits: splits.collect::<Result<_>>()?, rows })
    }

    /// Which rows a trial learns from and which it holds out.
    fn split(&self, settings: &Settings, trial: u64) -> Result<Cow<'_, Split>> {
        if self.splits.is_empty() {
            return split::by_fraction(self.rows.rows(), settings.held_out, settings.seed_of(trial)).map(Cow::Owned);
        }
        let given = usize::try_from(trial).ok().and_then(|trial| self.splits.get(trial));
        given.map(Cow::Borrowed).ok_or_else(|| {
            Error::new(
                format!("the trial {} has no split: {} are given", trial + 1, self.splits.len()),
                "give as many splits as there are trials, or ask for fewer trials",
            )
        })
    }
}

impl From<Dataset> for Sample {
    fn from(rows: Dataset) -> Self {
        Self { rows, splits: Vec::new() }
    }
}

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
    /// Hold out the rows of the trial's split, or a share of the rows; every arm of a trial meets the same split.
    pub fn split(name: &str, sample: &Sample, settings: &Settings, trial: u64) -> Result<Self> {
        let (rows, all) = (sample.split(settings, trial)?, &sample.rows);
        let learned = Rows::of(all).pick(&rows.train);
        let scaler = Scaler::of(&learned, &settings.polish.loss)?;
        let held_out = scaler.standardize(&Rows::of(all).pick(&rows.test));
        Ok(Self { name: name.into(), trial, learned: scaler.standardize(&learned), held_out })
    }
}
