//! `--report` and `--plot`: the facts of a run as a page and as charts in files.

use crate::arguments::{OutArguments, PictureArguments};
use crate::files::Files;
use crate::files::PlotFile;
use crate::files::TestRows;
use crate::output;
use crate::recipe::TestArguments;
use crate::stop::Stop;
use std::path::Path;
use tautnet::attack::{RADII, RadiusReport};
use tautnet::error::{Error, Result};
use tautnet::{Dataset, Loss, Norm, Scaler, Shallow};
use tautnet_report::chart::Canvas;
use tautnet_report::scene::Scene;
use tautnet_report::{Chart, Dependence, Report, Reproduce, raster, svg};
use tautnet_tables::Encoder;
use tautnet_tables::atomic::{self, Existing};

/// More rows than this are not attacked for a summary.
const MOST_ROWS: usize = 1000;

/// Where the time is over before the evaluation begins, the rows that are attacked need at most this many products of a
/// weight and an input each time the network is evaluated: a few hundredths of a second for both networks and all radii.
const LATE_PRODUCTS: usize = 2_000_000;

/// Charts that there are none of where no input has a tolerance.
pub const WITHOUT_TOLERANCE: [(Chart, &str); 2] =
    [(Chart::Tolerance, "no input has a tolerance"), (Chart::Causes, "no input has a tolerance")];

/// Errors under attack, of the starting network and of the result.
pub struct Evaluation {
    /// Which rows were attacked, for people.
    pub rows: String,
    /// These rows.
    pub shown: Dataset,
    /// The starting network; its ceiling is infinite where no certificate was made of it.
    pub start: Vec<RadiusReport>,
    /// The result, against its certificate.
    pub result: Vec<RadiusReport>,
}

impl Evaluation {
    /// Attack the rows held out, or else those learned from. Each network comes with its proved bound. Where `stop` says that
    /// the time is over, no more rows than can be evaluated in no time.
    pub fn of(
        (before, before_bound): (&Shallow, f64),
        (after, after_bound): (&Shallow, f64),
        measure: (Norm, &Loss),
        learned: &Dataset,
        held_out: Option<&Dataset>,
        seed: u64,
        stop: &Stop,
    ) -> Result<Self> {
        let products = after.units() * after.inputs();
        let over = stop.reason().is_some();
        let most = if over { (LATE_PRODUCTS / products).clamp(1, MOST_ROWS) } else { MOST_ROWS };
        let (shown, rows) = tautnet_report::rows_to_show(learned, held_out, most, seed)?;
        let attack = |network, bound| tautnet_report::attack(network, &shown, measure, bound, &RADII, seed);
        let (start, result) = stop.late().during(|| (attack(before, before_bound), attack(after, after_bound)));
        Ok(Self { rows, start: start?, result: result?, shown })
    }
}

/// What predictions do as one input of numbers moves, of the inputs on which these rows' predictions depend most.
pub fn dependence(
    network: &Shallow,
    rows: &Dataset,
    columns: &Encoder,
    scaler: &Scaler,
    loss: &Loss,
) -> Vec<Dependence> {
    let mut first = 0;
    let mut moving = Vec::new();
    for input in columns.tolerated() {
        if input.numeric && input.width == 1 {
            moving.push(first);
        }
        first += input.width;
    }
    tautnet_report::dependence(network, rows, &moving, &columns.names(), scaler, loss.is_margin())
}

/// Say so where there was no time to attack every row.
pub fn tell_of_attack(late: &Stop) {
    if let Some(reason) = late.reason() {
        output::note(&format!("{reason}: the rows were attacked in part only, and worse points may exist"));
    }
}

/// Refuse files that could not be written or are given twice, before any work is done; `files` are those that are read, `missing` are charts that this run will not have.
pub fn check(
    files: Files<'_>,
    test: &TestArguments,
    pictures: &PictureArguments,
    out: &OutArguments,
    missing: &[(Chart, &str)],
) -> Result<()> {
    let held_out = match &test.test {
        Some(TestRows::File(data)) => Some(data),
        _ => None,
    };
    let plots = pictures.plot.iter().map(|plot| &plot.path);
    let results = out.out.iter().chain(&pictures.report).chain(plots);
    files.reads_data(held_out).writes(results, out.existing()).check()?;
    check_charts(pictures, missing)
}

/// Refuse charts that this run will not have.
pub fn check_charts(pictures: &PictureArguments, missing: &[(Chart, &str)]) -> Result<()> {
    for plot in &pictures.plot {
        if let Some((chart, why)) = missing.iter().find(|(chart, _)| Some(*chart) == plot.chart) {
            let others: Vec<&str> =
                Chart::ALL.iter().filter(|chart| missing.iter().all(|m| m.0 != **chart)).map(|c| c.name()).collect();
            return Err(Error::new(
                format!("there is no chart `{}` here: {why}", chart.name()),
                format!("choose one of: {}", others.join(", ")),
            ));
        }
    }
    Ok(())
}

/// Write the page and the charts that were asked for.
pub fn write(report: &Report<'_>, pictures: &PictureArguments, out: &OutArguments, quiet: bool) -> Result<()> {
    if let Some(path) = &pictures.report {
        atomic::write(path, report.page().as_bytes(), out.existing())?;
        if !quiet {
            output::note(&format!("the report is in {}", path.display()));
        }
    }
    for plot in &pictures.plot {
        let chart = plot.chart.unwrap_or(report.first());
        match report.chart(chart, &Canvas::FILE) {
            Some(scene) => write_scene(&scene, plot, out)?,
            None => output::note(&format!(
                "there is nothing that the chart `{}` could show: no time was left, or every input is exact",
                chart.name()
            )),
        }
    }
    Ok(())
}

/// Write one chart, in the format that the file's name says.
pub fn write_scene(scene: &Scene, plot: &PlotFile, out: &OutArguments) -> Result<()> {
    write_bytes(scene, &plot.path, plot.png, out.existing())
}

/// Write one chart, as PNG or as SVG.
pub fn write_bytes(scene: &Scene, path: &Path, png: bool, existing: Existing) -> Result<()> {
    let bytes = if png { raster::png(scene) } else { svg::document(scene).into_bytes() };
    atomic::write(path, &bytes, existing)
}

/// The command line as it was given, and the settings of the model file, one a line.
pub fn reproduce(settings: &serde_json::Value) -> Reproduce {
    let words = std::env::args_os().skip(1).map(|word| quoted(&word.to_string_lossy()));
    let command = ["tautnet".to_owned()].into_iter().chain(words).collect::<Vec<_>>().join(" ");
    let value = |value: &serde_json::Value| match value {
        serde_json::Value::Null => "none".to_owned(),
        serde_json::Value::Bool(true) => "yes".to_owned(),
        serde_json::Value::Bool(false) => "no".to_owned(),
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(texts) => {
            let texts: Vec<&str> = texts.iter().filter_map(serde_json::Value::as_str).collect();
            if texts.is_empty() { "none".to_owned() } else { texts.join(", ") }
        }
        other => other.to_string().trim_end_matches(".0").to_owned(),
    };
    let settings = settings.as_object().into_iter().flatten();
    let settings = settings.map(|(name, setting)| (name.replace('_', " "), value(setting))).collect();
    Reproduce { command, version: env!("CARGO_PKG_VERSION").to_owned(), settings }
}

/// A word as a shell wants it.
fn quoted(word: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "_@%+=:,./-".contains(character);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_only_where_a_shell_needs_it() {
        for (word, shown) in [("a.csv", "a.csv"), ("my data", "'my data'"), ("", "''"), ("it's", r"'it'\''s'")] {
            assert_eq!(quoted(word), shown);
        }
    }
}
