//! What a trial says of one network, as a line of a CSV file.

use super::arm::Arm;
use super::problem::Problem;
use tautnet::choose::Accuracy;
use tautnet::error::{Error, Result};

/// One network of one trial.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The data set.
    pub data: String,
    /// The trial, from 0.
    pub trial: u64,
    /// The starting network's name in the registry.
    pub base: String,
    /// The method's name in the registry, or [`Row::BASE`].
    pub method: String,
    /// λ_L of the objective.
    pub lipschitz_price: f64,
    /// λ_w of the objective.
    pub decay: f64,
    /// The objective (4) on the rows learned from; NaN where the method failed.
    pub objective: f64,
    /// Its mean squared error.
    pub loss: f64,
    /// Its Lipschitz bound.
    pub bound: f64,
    /// Its Σ |v_i| ‖(w_i, b_i)‖.
    pub weights: f64,
    /// Hidden units that are left.
    pub units: usize,
    /// Mean squared error on the rows held out.
    pub clean: f64,
    /// The same under attack, one number a radius.
    pub attacked: Vec<f64>,
    /// The shares of the rows held out whose class is right, one entry a radius; empty where targets are numbers.
    pub right: Vec<Accuracy>,
    /// What the method took, without the base.
    pub seconds: f64,
    /// How it ended, in words.
    pub ending: String,
}

/// The columns before those of the radii.
const COLUMNS: [&str; 13] = [
    "settings",
    "data",
    "trial",
    "base",
    "method",
    "lipschitz_price",
    "decay",
    "objective",
    "loss",
    "bound",
    "weights",
    "units",
    "clean",
];

impl Row {
    /// The method of a starting network as it is.
    pub const BASE: &'static str = "base";

    /// A row without facts, as of a method that failed.
    pub(super) fn empty(problem: &Problem, arm: &Arm, method: &str, radii: usize, seconds: f64) -> Self {
        Self {
            data: problem.name.clone(),
            trial: problem.trial,
            base: arm.base.name.into(),
            method: method.into(),
            lipschitz_price: arm.lipschitz_price,
            decay: arm.decay,
            objective: f64::NAN,
            loss: f64::NAN,
            bound: f64::NAN,
            weights: f64::NAN,
            units: 0,
            clean: f64::NAN,
            attacked: vec![f64::NAN; radii],
            right: Vec::new(),
            seconds,
            ending: String::new(),
        }
    }

    /// Whether there is nothing but how it failed.
    pub fn failed(&self) -> bool {
        self.ending.starts_with("failed")
    }

    /// What tells its arm apart.
    pub(super) fn key(&self) -> (&str, f64, f64) {
        (&self.base, self.lipschitz_price, self.decay)
    }

    fn fields(&self, settings: &str) -> Vec<String> {
        let Self {
            data,
            trial,
            base,
            method,
            lipschitz_price: lipschitz,
            decay,
            objective,
            loss,
            bound,
            weights,
            units,
            clean,
            ..
        } = self;
        let mut fields = vec![settings.to_owned(), data.clone(), trial.to_string(), base.clone(), method.clone()];
        fields.extend([lipschitz, decay, objective, loss, bound, weights].map(f64::to_string));
        fields.extend([units.to_string(), clean.to_string()]);
        fields.extend(self.attacked.iter().map(f64::to_string));
        fields.extend([format!("{:.3}", self.seconds), self.ending.clone()]);
        fields
    }

    /// The settings' fingerprint and the row of a line; `None` for a line that is no row.
    fn parse(record: &csv::StringRecord, radii: usize) -> Option<(String, Self)> {
        if record.len() != COLUMNS.len() + radii + 2 {
            return None;
        }
        let text = |k: usize| record[k].to_owned();
        let number = |k: usize| record[k].parse::<f64>().ok();
        let first = COLUMNS.len();
        let row = Self {
            data: text(1),
            trial: record[2].parse().ok()?,
            base: text(3),
            method: text(4),
            lipschitz_price: number(5)?,
            decay: number(6)?,
            objective: number(7)?,
            loss: number(8)?,
            bound: number(9)?,
            weights: number(10)?,
            units: record[11].parse().ok()?,
            clean: number(12)?,
            attacked: (first..first + radii).map(number).collect::<Option<_>>()?,
            right: Vec::new(),
            seconds: number(first + radii)?,
            ending: text(first + radii + 1),
        };
        Some((text(0), row))
    }
}

fn header(radii: &[f64]) -> Vec<String> {
    let attacked = radii.iter().map(|radius| format!("attacked {radius}"));
    let last = ["seconds", "ending"].map(str::to_owned);
    COLUMNS.map(str::to_owned).into_iter().chain(attacked).chain(last).collect()
}

/// A whole file, or some lines of one; `settings` is the fingerprint of what they were made with.
pub fn rows_to_csv(rows: &[Row], settings: &str, radii: Option<&[f64]>) -> String {
    csv_of(radii.map(header), rows.iter().map(|row| row.fields(settings)))
}

/// A whole file, where targets are classes: the shares that are right follow each row.
pub fn rows_of_classes_to_csv(rows: &[Row], settings: &str, radii: &[f64]) -> String {
    let titles =
        radii.iter().flat_map(|radius| ["clean", "found", "proved"].map(|which| format!("right {which} {radius}")));
    let line = |row: &Row| {
        let shares =
            |k: usize| row.right.get(k).map_or([f64::NAN; 3], |right| [right.clean, right.found, right.proved]);
        let shares = (0..radii.len()).flat_map(shares).map(|share| share.to_string());
        row.fields(settings).into_iter().chain(shares).collect()
    };
    let header = header(radii).into_iter().chain(titles).collect();
    csv_of(Some(header), rows.iter().map(line))
}

/// The rows of a file, each with the fingerprint of its settings. A last line that was cut short is left out.
pub fn rows_from_csv(source: &str, text: &str, radii: &[f64]) -> Result<Vec<(String, Row)>> {
    rows_of(source, text, &header(radii), |record| Row::parse(record, radii.len()))
}

/// Lines as text, below a header where there is one.
pub(crate) fn csv_of(header: Option<Vec<String>>, lines: impl Iterator<Item = Vec<String>>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    header.into_iter().chain(lines).for_each(|line| writer.write_record(line).expect("memory takes any line"));
    String::from_utf8(writer.into_inner().expect("memory takes any line")).expect("it was written as text")
}

/// The rows of a file with this header. A last line that was cut short is left out.
pub(crate) fn rows_of<R>(
    source: &str,
    text: &str,
    header: &[String],
    parse: impl Fn(&csv::StringRecord) -> Option<R>,
) -> Result<Vec<R>> {
    let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(whole.as_bytes());
    let mut rows = Vec::new();
    for (k, record) in reader.records().enumerate() {
        let line = k + 1;
        let wrong = |what: &str| {
            Error::new(
                format!("{source}: line {line} {what}"),
                "give another folder with --out, or --force to begin anew",
            )
        };
        let record = record.map_err(|error| wrong(&format!("is not CSV: {error}")))?;
        if k == 0 {
            if record.iter().ne(header.iter().map(String::as_str)) {
                return Err(wrong("does not name the columns of this experiment"));
            }
            continue;
        }
        rows.push(parse(&record).ok_or_else(|| wrong("is no row of this experiment"))?);
    }
    Ok(rows)
}
