//! Everything that is to be run, and in which order.

use super::networks::NETWORKS;
use super::row::{Half, Row};
use super::settings::{Sample, Settings};
use super::solvers::runs;
use crate::experiment::{Task, Trials, csv_of, digest_rows, rows_of, tasks, told};
use sha2::{Digest, Sha256};
use tautnet::Loss;
use tautnet::error::{Error, Result};
use tautnet::range::{RADIUS, Range, at_least_one};

/// What is to be run: the settings, for the data sets that are there.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The settings.
    pub settings: Settings,
}

impl Plan {
    /// Refuse what could not be run.
    pub fn check(&self) -> Result<()> {
        let Settings { data, loss, .. } = &self.settings;
        let settings = &self.settings;
        if data.is_empty() || settings.trials == 0 {
            return Err(Error::new(
                format!("the experiment has {} data sets and {} trials", data.len(), settings.trials),
                "give at least one of each",
            ));
        }
        for (k, set) in data.iter().enumerate() {
            if data[..k].iter().any(|other| other.name == set.name) {
                let what = format!("the data set `{}` is named twice", set.name);
                return Err(Error::new(what, "name every data set once"));
            }
            RADIUS.check("radius", set.radius)?;
        }
        if !loss.parse::<Loss>()?.is_margin() {
            return Err(Error::new(
                format!("the loss `{loss}` is for numbers"),
                "take one for classes: hinge, squared-hinge or logistic",
            ));
        }
        Range::Share.check("held_out", settings.held_out)?;
        Range::Positive.check("decay", settings.decay)?;
        Range::Share.check("psi", settings.psi)?;
        Range::Share.check("xi", settings.xi)?;
        Range::Positive.check("rate", settings.rate)?;
        Range::Share.check("tol", settings.tol)?;
        settings.interior_gaps.iter().try_for_each(|gap| Range::Share.check("interior_gaps", *gap))?;
        for (name, count) in [
            ("patterns", settings.patterns),
            ("batch", settings.batch),
            ("epochs", settings.epochs),
            ("adversarial_steps", settings.adversarial_steps),
            ("iterations", settings.iterations),
        ] {
            at_least_one(name, count)?;
        }
        settings.admm_iterations.iter().try_for_each(|count| at_least_one("admm_iterations", *count))?;
        settings.sampled_sweeps.iter().try_for_each(|count| at_least_one("sampled_sweeps", *count))
    }

    /// A digest of everything that the numbers depend on but the program itself: the plan, its version, and the data.
    pub fn fingerprint(&self, version: &str, data: &[Sample]) -> String {
        let mut digest = Sha256::new();
        digest.update(format!("{version} {self:?}"));
        data.iter().flat_map(|sample| [Some(&sample.rows), sample.held_out.as_ref()]).flatten().for_each(|rows| {
            digest_rows(&mut digest, rows);
        });
        told(digest)
    }
}

impl Trials for Plan {
    type Row = Row;

    fn tasks(&self) -> Vec<Task> {
        tasks(self.settings.data.len(), Half::ALL.len(), self.settings.trials)
    }

    fn rows_of(&self, task: Task) -> usize {
        match Half::ALL[task.arm] {
            Half::Networks => NETWORKS.len(),
            Half::Solvers => runs(&self.settings).len(),
        }
    }

    fn place(&self, row: &Row) -> Option<(Task, usize)> {
        let data = self.settings.data.iter().position(|set| set.name == row.data)?;
        let arm = Half::ALL.iter().position(|half| *half == row.half)?;
        let at = match row.half {
            Half::Networks => NETWORKS.iter().position(|(name, _)| *name == row.method)?,
            Half::Solvers => {
                runs(&self.settings).iter().position(|run| run.name() == row.method && run.effort() == row.effort)?
            }
        };
        (row.trial < self.settings.trials).then_some((Task { data, arm, trial: row.trial }, at))
    }

    fn to_csv(&self, rows: &[Row], settings: &str, header: bool) -> String {
        csv_of(header.then(Row::header), rows.iter().map(|row| row.fields(settings)))
    }

    fn read_csv(&self, source: &str, text: &str) -> Result<Vec<(String, Row)>> {
        rows_of(source, text, &Row::header(), Row::parse)
    }
}
