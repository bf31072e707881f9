//! Everything that is to be run, and in which order.

use super::arm::{Arm, Settings};
use super::problem::Sample;
use super::rows::Row;
use sha2::{Digest, Sha256};

/// Everything that is to be run.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Names of the data sets.
    pub data: Vec<String>,
    /// Trials of each data set and arm.
    pub trials: u64,
    /// The arms.
    pub arms: Vec<Arm>,
    /// What all have in common.
    pub settings: Settings,
}

/// One trial of one arm on one data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Task {
    /// Position in [`Plan::data`].
    pub data: usize,
    /// Position in [`Plan::arms`].
    pub arm: usize,
    /// Number of the trial, from 0.
    pub trial: u64,
}

impl Plan {
    /// All tasks: a first trial of everything, then a second one, so that what is done so far speaks of all.
    pub fn tasks(&self) -> Vec<Task> {
        let of_trial = |trial| {
            let of_data = move |data| (0..self.arms.len()).map(move |arm| Task { data, arm, trial });
            (0..self.data.len()).flat_map(of_data)
        };
        (0..self.trials).flat_map(of_trial).collect()
    }

    /// The task that a row belongs to, if it is one of the plan's.
    pub fn task_of(&self, row: &Row) -> Option<Task> {
        let data = self.data.iter().position(|name| *name == row.data)?;
        let arm = self.arms.iter().position(|arm| arm.key() == row.key())?;
        (row.trial < self.trials).then_some(Task { data, arm, trial: row.trial })
    }

    /// Number of rows that a task ends in: one of the starting network and one of each method.
    pub fn rows_of(&self, task: Task) -> usize {
        1 + self.arms[task.arm].methods.len()
    }

    /// Rows in the order of the plan (data sets, arms, trials, methods), whatever the order in which they came.
    pub fn sort(&self, rows: &mut [Row]) {
        let methods = |row: &Row, arm: usize| {
            let at = self.arms[arm].methods.iter().position(|method| method.name == row.method);
            at.map_or(0, |at| at + 1)
        };
        rows.sort_by_key(|row| self.task_of(row).map(|task| (task, methods(row, task.arm))));
    }

    /// A digest of everything that the numbers depend on but the program itself: the plan, its version, and the data with its
    /// weights and given splits.
    pub fn fingerprint(&self, version: &str, data: &[Sample]) -> String {
        let mut digest = Sha256::new();
        digest.update(format!("{version} {self:?}"));
        for Sample { rows: set, splits } in data {
            digest.update(format!(" {} {} ", set.rows(), set.columns()));
            for k in 0..set.rows() {
                (0..set.columns()).for_each(|j| digest.update(set.x[(k, j)].to_le_bytes()));
                digest.update(set.y[k].to_le_bytes());
            }
            // Sets without weights have the fingerprints that they had before there were any.
            if let Some(weights) = &set.weights {
                digest.update(" weights ");
                weights.iter().for_each(|weight| digest.update(weight.to_le_bytes()));
            }
            for split in splits {
                digest.update(format!(" split {:?}", split.test));
            }
        }
        digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}
