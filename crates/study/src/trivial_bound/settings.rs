//! What all networks have in common, and the rows that they have.

use serde::Deserialize;
use tautnet::Dataset;

/// How a network is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// The cross-entropy alone. The network is judged in all norms.
    Plain,
    /// A price on U is added.
    Price,
    /// A price on U is added, and the hidden layers are held: orthonormal for p = 2, in a ball for the others.
    Held,
    /// The worst margins at a radius.
    Margins,
}

impl Method {
    /// All of them, in their order.
    pub const ALL: [Method; 4] = [Method::Plain, Method::Price, Method::Held, Method::Margins];

    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Method::Plain => "plain",
            Method::Price => "price",
            Method::Held => "held",
            Method::Margins => "margins",
        }
    }
}

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
}

/// The rows of a data set, and those to judge by where it has its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The rows to learn from, or those that every trial splits.
    pub rows: Dataset,
    /// The rows to judge by.
    pub held_out: Option<Dataset>,
    /// How many classes there are.
    pub classes: usize,
}

/// What is asked for in one norm of inputs and outputs.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfNorm {
    /// Its name.
    pub norm: String,
    /// λ of the method `price`.
    pub price: f64,
    /// λ of the method `held`.
    pub held: f64,
    /// What the price is on: `trivial` for U, `log-trivial` for log U, `layers` for the sum of the norms.
    pub bound: String,
    /// The radius of the method `margins`.
    pub radius: f64,
    /// The radii within which rows are proved.
    pub radii: Vec<f64>,
}

/// A map, and where it is asked for.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfMap {
    /// The name of the activation.
    pub map: String,
    /// The norms in which networks with it are trained.
    pub norms: Vec<String>,
    /// Whether their layers have biases.
    pub biases: bool,
}

/// What all networks have in common; the names are those of the experiment file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The data sets of the file.
    pub data: Vec<Set>,
    /// Networks of each kind, which differ in their seeds.
    pub trials: u64,
    /// The share of the rows that is held out where a set has no rows of its own to judge by.
    pub held_out: f64,
    /// Seed of the first trial; the others count on from it.
    pub seed: u64,
    /// The sums of each hidden layer.
    pub layers: Vec<usize>,
    /// The norms.
    pub norms: Vec<OfNorm>,
    /// The maps.
    pub maps: Vec<OfMap>,
    /// The maps of which there is a network by the method `plain`.
    pub plain: Vec<String>,
    /// Passes over the rows.
    pub passes: usize,
    /// Rows of a step.
    pub batch: usize,
    /// The first length of a step.
    pub rate: f64,
    /// The share of the steps during which the radius of `margins` grows.
    pub ramp: f64,
    /// The most Jacobians that the search for a large one looks at in a network that was trained.
    pub jacobians: usize,
}

impl Settings {
    /// The seed of a trial; after the largest one comes 0.
    pub fn seed_of(&self, trial: u64) -> u64 {
        self.seed.wrapping_add(trial)
    }

    /// What is asked for in a norm.
    pub fn of_norm(&self, name: &str) -> Option<&OfNorm> {
        self.norms.iter().find(|of| of.norm == name)
    }
}
