//! What is found of one network in one norm.

use super::examples::{Example, Role};
use super::settings::Method;

/// One network in one norm. What is not measured, or not known, is NaN.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The data set; of an example the obstruction.
    pub data: String,
    /// The trial, from 0.
    pub trial: u64,
    /// The method, or the role of an example.
    pub method: String,
    /// The map between the layers.
    pub map: String,
    /// The norm of inputs and outputs.
    pub norm: String,
    /// The seed; 0 for an example.
    pub seed: u64,
    /// The share of the rows held out whose class is right.
    pub clean: f64,
    /// U, rounded up.
    pub bound: f64,
    /// The largest Jacobian found, rounded down.
    pub found: f64,
    /// The Lipschitz constant, where it is known.
    pub exact: f64,
    /// The radii of the next column.
    pub radii: Vec<f64>,
    /// The share of the rows held out whose class is right for all changes of the inputs within each radius, proved.
    pub proved: Vec<f64>,
    /// What training took.
    pub seconds: f64,
    /// How it ended, in words.
    pub ending: String,
}

/// The columns, with the fingerprint of the settings before them.
const COLUMNS: [&str; 15] = [
    "settings", "data", "trial", "method", "map", "norm", "seed", "clean", "bound", "found", "exact", "radii",
    "proved", "seconds", "ending",
];

impl Row {
    /// The row of a trained network, without numbers.
    pub(super) fn empty((data, trial, seed): (&str, u64, u64), method: Method, map: &str, norm: &str) -> Self {
        let [clean, bound, found, exact, seconds] = [f64::NAN; 5];
        let [data, method, map, norm] = [data, method.name(), map, norm].map(str::to_owned);
        let [radii, proved] = [Vec::new(), Vec::new()];
        let ending = String::new();
        Self { data, trial, method, map, norm, seed, clean, bound, found, exact, radii, proved, seconds, ending }
    }

    /// The row of an example, with its constant.
    pub(super) fn of_example(example: &Example, norm: tautnet::Norm, bound: f64, found: f64) -> Self {
        let map = example.network.layers()[0].activation().to_string();
        let row = Self::empty((example.obstruction, 0, 0), Method::Plain, &map, norm.name());
        Self { method: example.role.name().to_owned(), bound, found, exact: example.exact, ..row }
    }

    /// Whether it is of an example.
    pub fn is_example(&self) -> bool {
        Role::ALL.iter().any(|role| role.name() == self.method)
    }

    /// Whether there is nothing but how it failed.
    pub fn failed(&self) -> bool {
        self.ending.starts_with("failed")
    }

    /// U in units of the largest Jacobian found: U is at most so many times the Lipschitz constant.
    pub fn ratio(&self) -> f64 {
        self.bound / self.found
    }

    pub(super) fn header() -> Vec<String> {
        COLUMNS.map(str::to_owned).to_vec()
    }

    pub(super) fn fields(&self, settings: &str) -> Vec<String> {
        let number = |value: f64| value.to_string();
        let numbers = |values: &[f64]| values.iter().map(f64::to_string).collect::<Vec<_>>().join(" ");
        vec![
            settings.to_owned(),
            self.data.clone(),
            self.trial.to_string(),
            self.method.clone(),
            self.map.clone(),
            self.norm.clone(),
            self.seed.to_string(),
            number(self.clean),
            number(self.bound),
            number(self.found),
            number(self.exact),
            numbers(&self.radii),
            numbers(&self.proved),
            format!("{:.3}", self.seconds),
            self.ending.clone(),
        ]
    }

    /// The settings' fingerprint and the row of a line; `None` for a line that is no row.
    pub(super) fn parse(record: &csv::StringRecord) -> Option<(String, Self)> {
        if record.len() != COLUMNS.len() {
            return None;
        }
        let text = |k: usize| record[k].to_owned();
        let number = |k: usize| record[k].parse::<f64>().ok();
        let numbers = |k: usize| record[k].split_whitespace().map(|word| word.parse().ok()).collect::<Option<Vec<_>>>();
        let row = Self {
            data: text(1),
            trial: record[2].parse().ok()?,
            method: text(3),
            map: text(4),
            norm: text(5),
            seed: record[6].parse().ok()?,
            clean: number(7)?,
            bound: number(8)?,
            found: number(9)?,
            exact: number(10)?,
            radii: numbers(11)?,
            proved: numbers(12)?,
            seconds: number(13)?,
            ending: text(14),
        };
        (row.radii.len() == row.proved.len()).then(|| (text(0), row))
    }
}
