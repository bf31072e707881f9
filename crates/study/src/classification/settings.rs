//! What all trials have in common, and the rows that they have.

use serde::Deserialize;
use tautnet::{Dataset, Loss};

/// A data set.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// The name in tables.
    pub name: String,
    /// DATA as every command takes it.
    pub data: String,
    /// The rows to judge by; where there are none, every trial holds some out.
    #[serde(default)]
    pub test: Option<String>,
    /// Whether inputs are standardized on the rows learned from.
    pub standardized: bool,
    /// ε, in the units of the inputs then.
    pub radius: f64,
    /// The most iterations of a robust program.
    #[serde(default)]
    pub iterations: Option<usize>,
    /// The most nodes of branch and bound of each row.
    #[serde(default)]
    pub nodes: Option<usize>,
}

/// The rows of a data set, and those to judge by where it has its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The rows to learn from, or those that every trial splits.
    pub rows: Dataset,
    /// The rows to judge by.
    pub held_out: Option<Dataset>,
}

/// What all trials have in common; the names are those of the experiment file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The data sets of the file.
    pub data: Vec<Set>,
    /// Trials of every set.
    pub trials: u64,
    /// The share of the rows that is held out where a set has no rows of its own to judge by.
    pub held_out: f64,
    /// Seed of the first trial; the others count on from it.
    pub seed: u64,
    /// The loss of all networks, one of the margin.
    pub loss: String,
    /// λ_w.
    pub decay: f64,
    /// P_s, the patterns that are sampled; with both signs they are twice as many units, the number that all networks have.
    pub patterns: usize,
    /// Sign-perturbed copies of the rows whose patterns are taken beside each Gaussian one.
    pub copies: usize,
    /// ψ: one minus the confidence of the formula for P_s.
    pub psi: f64,
    /// ξ of that formula.
    pub xi: f64,
    /// The learning rate.
    pub rate: f64,
    /// Rows in a batch.
    pub batch: usize,
    /// Epochs of gradient descent.
    pub epochs: usize,
    /// Steps of the inner maximization of gd-pgd.
    pub adversarial_steps: usize,
    /// The relative gap of the robust programs.
    pub tol: f64,
    /// The most iterations of the robust programs, where a set does not say.
    pub iterations: usize,
    /// Random starts of the attack by PGD.
    pub restarts: usize,
    /// Steps from each start.
    pub attack_steps: usize,
    /// The most nodes of branch and bound of each row, where a set does not say.
    pub nodes: usize,
    /// Iterations of ADMM, one run each.
    pub admm_iterations: Vec<usize>,
    /// Sweeps of the sampled program, one run each.
    pub sampled_sweeps: Vec<usize>,
    /// Relative gaps of the interior-point method, one run each.
    pub interior_gaps: Vec<f64>,
    /// The most unknowns that the interior-point method is given.
    pub interior_unknowns: usize,
}

impl Settings {
    /// The seed of a trial; after the largest one comes 0.
    pub fn seed_of(&self, trial: u64) -> u64 {
        self.seed.wrapping_add(trial)
    }

    /// The loss; [`Plan::check`] has seen that there is one of this name.
    pub(super) fn loss(&self) -> Loss {
        self.loss.parse().expect("the plan was checked")
    }
}
