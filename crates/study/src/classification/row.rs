//! What a trial says of one network.

/// The two halves of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// Networks that are to be right within the perturbations.
    Networks,
    /// Methods for programs without perturbations.
    Solvers,
}

impl Half {
    /// Both, in their order.
    pub const ALL: [Half; 2] = [Half::Networks, Half::Solvers];

    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Half::Networks => "networks",
            Half::Solvers => "solvers",
        }
    }
}

/// One network of one trial. What is not measured is NaN.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The data set.
    pub data: String,
    /// The trial, from 0.
    pub trial: u64,
    /// The half.
    pub half: Half,
    /// The method's name.
    pub method: String,
    /// How much work it was given, in words; empty for the networks.
    pub effort: String,
    /// The objective on the rows learned from: for networks the worst-case loss as the labels bound it, and the price of the weights.
    pub objective: f64,
    /// No network of the method's convex program has a smaller one.
    pub lower_bound: f64,
    /// Hidden units that are left.
    pub units: usize,
    /// The share of the rows held out whose class is right.
    pub clean: f64,
    /// The same after one step of the fast gradient method.
    pub fgsm: f64,
    /// The same where an attack of many steps and starts found nothing.
    pub pgd: f64,
    /// The same where no perturbation can change it, proved.
    pub proved: f64,
    /// What the method took, without its start and without measuring.
    pub seconds: f64,
    /// How it ended, in words.
    pub ending: String,
}

/// The columns, with the fingerprint of the settings before them.
const COLUMNS: [&str; 15] = [
    "settings",
    "data",
    "trial",
    "half",
    "method",
    "effort",
    "objective",
    "lower bound",
    "units",
    "clean",
    "fgsm",
    "pgd",
    "proved",
    "seconds",
    "ending",
];

impl Row {
    /// A row without numbers.
    pub(super) fn empty(data: &str, trial: u64, half: Half, method: &str, effort: String) -> Self {
        let [objective, lower_bound, clean, fgsm, pgd, proved] = [f64::NAN; 6];
        let (data, method) = (data.to_owned(), method.to_owned());
        let (units, seconds, ending) = (0, f64::NAN, String::new());
        Self {
            data,
            trial,
            half,
            method,
            effort,
            objective,
            lower_bound,
            units,
            clean,
            fgsm,
            pgd,
            proved,
            seconds,
            ending,
        }
    }

    /// Whether there is nothing but how it failed.
    pub fn failed(&self) -> bool {
        self.ending.starts_with("failed")
    }

    pub(super) fn header() -> Vec<String> {
        COLUMNS.map(str::to_owned).to_vec()
    }

    pub(super) fn fields(&self, settings: &str) -> Vec<String> {
        let number = |value: f64| value.to_string();
        vec![
            settings.to_owned(),
            self.data.clone(),
            self.trial.to_string(),
            self.half.name().to_owned(),
            self.method.clone(),
            self.effort.clone(),
            number(self.objective),
            number(self.lower_bound),
            self.units.to_string(),
            number(self.clean),
            number(self.fgsm),
            number(self.pgd),
            number(self.proved),
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
        let row = Self {
            data: text(1),
            trial: record[2].parse().ok()?,
            half: Half::ALL.into_iter().find(|half| half.name() == &record[3])?,
            method: text(4),
            effort: text(5),
            objective: number(6)?,
            lower_bound: number(7)?,
            units: record[8].parse().ok()?,
            clean: number(9)?,
            fgsm: number(10)?,
            pgd: number(11)?,
            proved: number(12)?,
            seconds: number(13)?,
            ending: text(14),
        };
        Some((text(0), row))
    }
}
