//! Experiments: every method on the same data, trial by trial, and what the trials say together.
//!
//! ```text
//! Plan ─► Task (data set × arm × trial) ─► trial ─► Row (one a method) ─► Journal (a CSV file)
//!                                                       └─► reductions, bands ─► tables, figures
//! ```
//!
//! An [`Arm`] is a starting network and the methods that post-process it, at one price. A trial splits the rows, trains the
//! starting network, applies each method *to that very network*, and measures all of them alike: the objective
//!
//! ```text
//! (4)   mean squared error + λ_w Σ_i |v_i| ‖(w_i, b_i)‖₂ + λ_L L        (or λ_L L²),    on the rows learned from
//! ```
//!
//! recomputed from the weights ([`polish::score`]), and the error on the rows held out, without attack and under it. The second
//! term is `½ λ_w (‖W̄‖² + ‖v‖²)` at the best scaling of each unit, for the starting network too: otherwise a part of what a
//! method gains would be the rescaling alone, which costs nothing.
//!
//! Trials do not depend on each other, so that they can be run in any order, at the same time, and on another day.

mod check;
mod journal;
mod method;
mod rows;
mod summary;
#[cfg(test)]
mod tests;
mod trial;

pub use journal::Journal;
pub use method::{Applied, BASES, Base, Job, METHODS, Method, base, method};
pub use rows::{Row, rows_from_csv, rows_to_csv};
pub use summary::{Band, Pair, Reduction, Spread, arms, bands, pairs, quantile, reductions, winner};
pub use trial::{Clock, GoOn, Problem, trial};

use crate::train::{Admm, Descent};
use crate::{Dataset, attack, polish};
use sha2::{Digest, Sha256};

/// A starting network, the methods that post-process it, and the prices of the objective that judges them.
#[derive(Debug, Clone, PartialEq)]
pub struct Arm {
    /// How the starting network is made.
    pub base: &'static Base,
    /// What is done with it.
    pub methods: Vec<&'static Method>,
    /// λ_L.
    pub lipschitz: f64,
    /// λ_w; where it is 0, whatever needs a weight decay takes that of [`Settings::descent`].
    pub decay: f64,
}

/// What all trials have in common.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Hidden units.
    pub units: usize,
    /// Share of the rows held out.
    pub held_out: f64,
    /// Seed of the first trial; the others count on from it ([`Settings::seed_of`]).
    pub seed: u64,
    /// Radii of attacks on the rows held out, in standardized units.
    pub radii: Vec<f64>,
    /// The attack; its bound and its seed are replaced.
    pub attack: attack::Settings,
    /// The descent of every starting network; its decay is that of the arm where the arm has one.
    pub descent: Descent,
    /// Radius of adversarial training.
    pub adversarial_radius: f64,
    /// Steps of its inner maximization.
    pub adversarial_steps: usize,
    /// ADMM; its descent, its price and its bound are replaced.
    pub admm: Admm,
    /// Norm, penalty, tolerance and limits of every solve; its method and its prices are replaced.
    pub polish: polish::Settings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            units: 100,
            held_out: 0.2,
            seed: 0,
            radii: vec![0.0, 0.1, 0.2, 0.3, 0.4, 0.5],
            attack: attack::Settings::new(f64::INFINITY),
            descent: Descent::default(),
            adversarial_radius: 0.2,
            adversarial_steps: 7,
            admm: Admm::default(),
            polish: polish::Settings::default(),
        }
    }
}

impl Settings {
    /// The seed of a trial; after the largest one comes 0.
    pub fn seed_of(&self, trial: u64) -> u64 {
        self.seed.wrapping_add(trial)
    }
}

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
    /// weights.
    pub fn fingerprint(&self, version: &str, data: &[Dataset]) -> String {
        let mut digest = Sha256::new();
        digest.update(format!("{version} {self:?}"));
        for set in data {
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
        digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The prices of an arm in words: λ_L, unless only the weights have one.
pub fn prices_in_words(lipschitz: f64, decay: f64) -> String {
    match (lipschitz > 0.0, decay > 0.0) {
        (true, true) => format!("λ_L {lipschitz}, λ_w {decay}"),
        (false, true) => format!("λ_w {decay}"),
        (_, false) => format!("λ_L {lipschitz}"),
    }
}

impl Arm {
    /// What tells arms apart.
    fn key(&self) -> (&str, f64, f64) {
        (self.base.name, self.lipschitz, self.decay)
    }
}
