//! Everything that is to be run, and in which order.

use super::arm::{Arm, Settings};
use super::problem::Sample;
use super::rows::{Row, rows_from_csv, rows_to_csv};
use super::task::{Task, Trials, tasks};
use sha2::{Digest, Sha256};
use tautnet::Dataset;
use tautnet::error::Result;

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

impl Trials for Plan {
    type Row = Row;

    /// A first trial of everything, then a second one, so that what is done so far speaks of all.
    fn tasks(&self) -> Vec<Task> {
        tasks(self.data.len(), self.arms.len(), self.trials)
    }

    /// One of the starting network and one of each method.
    fn rows_of(&self, task: Task) -> usize {
        1 + self.arms[task.arm].methods.len()
    }

    fn place(&self, row: &Row) -> Option<(Task, usize)> {
        let data = self.data.iter().position(|name| *name == row.data)?;
        let arm = self.arms.iter().position(|arm| arm.key() == row.key())?;
        let method = match row.method.as_str() {
            Row::BASE => 0,
            name => 1 + self.arms[arm].methods.iter().position(|method| method.name == name)?,
        };
        (row.trial < self.trials).then_some((Task { data, arm, trial: row.trial }, method))
    }

    fn to_csv(&self, rows: &[Row], settings: &str, header: bool) -> String {
        rows_to_csv(rows, settings, header.then_some(&self.settings.radii))
    }

    fn read_csv(&self, source: &str, text: &str) -> Result<Vec<(String, Row)>> {
        rows_from_csv(source, text, &self.settings.radii)
    }
}

impl Plan {
    /// A digest of everything that the numbers depend on but the program itself: the plan, its version, and the data with its
    /// weights and given splits.
    pub fn fingerprint(&self, version: &str, data: &[Sample]) -> String {
        digest_samples(&format!("{version} {self:?}"), data)
    }
}

/// The beginning of a digest of a text and of data with its weights and given splits.
pub(crate) fn digest_samples(text: &str, data: &[Sample]) -> String {
    let mut digest = Sha256::new();
    digest.update(text);
    for Sample { rows: set, splits } in data {
        digest_rows(&mut digest, set);
        for split in splits {
            digest.update(format!(" split {:?}", split.test));
        }
    }
    told(digest)
}

/// Rows with their weights into a digest.
pub(crate) fn digest_rows(digest: &mut Sha256, set: &Dataset) {
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
}

/// The beginning of a digest, as text.
pub(crate) fn told(digest: Sha256) -> String {
    digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
