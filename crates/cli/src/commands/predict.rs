//! `tautnet predict MODEL DATA`: predictions as CSV, with proved intervals within a tolerance or a radius.

use super::predict_intervals::{self, choose};
use super::predict_rows::{Rows, Sink};
use super::told::{Watched, note_effort, write_json};
use super::{predict_deep, several, targets};
use crate::arguments::{FileArguments, LevelArguments, OutArguments};
use crate::files::Files;
use crate::input::Data;
use crate::recipe::{self, LimitArguments, RecipeArguments, TableArguments};
use crate::stop::Stop;
use crate::tolerance::TolerancesArguments;
use crate::{input, output, tolerance};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use tautnet::Network;
use tautnet::certify::{Effort, IntervalProgress, SampleInterval};
use tautnet::coverage::{Calibration, Source};
use tautnet::error::{Error, Result};
use tautnet::recipe::Interval;
use tautnet::tolerance::Asked;
use tautnet_models::{Around, Model, Part, Refined, Stored};
use tautnet_tables::results::{self, Cells, Columns};
use tautnet_tables::{Encoder, Table};

/// Predict the target of every row of DATA
///
/// Prints a CSV with one line per row, in the units of the target. DATA needs the model's input columns, in any order. For a
/// plain network the columns of DATA are its inputs, in this order, and every output has a column of its own. Where there is a
/// tolerance, the model's own or one that is given, or a radius, there are two more columns: the interval that no error of the
/// inputs within it can move the prediction out of. Of a class it tells how likely it is, and whether no such error can change
/// it (`certain`). --coverage adds the interval of the target itself.
///
/// Files may be larger than memory: they are read in blocks of rows, and predictions are written as they come, to standard output or --out (CSV,
/// or Parquet where FILE ends in .parquet). The whole is held for --json, and for intervals of several classes or of deep networks.
#[derive(Debug, clap::Args)]
#[command(mut_arg("radius", |radius| radius.conflicts_with_all(["tolerance", "tolerance_shape", "tolerances"])))]
pub struct Arguments {
    /// Model file, or a plain network: .onnx, .safetensors or JSON
    pub model: PathBuf,

    /// Data: a CSV file (plain or gzip), a Parquet file, a folder of these, many files by a pattern ('part-*.csv'), an idx file of images, the name
    /// of a data set, or `-` for standard input
    pub data: OsString,

    #[command(flatten)]
    pub file: FileArguments,

    #[command(flatten)]
    pub levels: LevelArguments,

    #[command(flatten)]
    pub interval: TableArguments<Interval, recipe::Predict>,

    #[command(flatten)]
    pub recipe: RecipeArguments<recipe::Predict>,

    #[command(flatten)]
    pub tolerances: TolerancesArguments,

    #[command(flatten)]
    pub limit: LimitArguments,

    #[command(flatten)]
    pub out: OutArguments,

    /// Print one JSON object on standard output
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// Run it.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    Files::default()
        .reads(&arguments.model)
        .reads_data(Some(&arguments.data))
        .reads_if(arguments.tolerances.tolerances.as_ref())
        .writes(&arguments.out.out, arguments.out.existing())
        .check()?;
    if let Some(path) = arguments.out.out.as_ref().filter(|path| arguments.json && results::is_parquet(path)) {
        return Err(Error::new(
            format!("`--json` is to write an object of JSON to {}, a Parquet file by its name", path.display()),
            "leave out --json, or give the file another name",
        ));
    }
    let Interval { radius, nodes, coverage } = arguments.interval.asked;
    let stop = Stop::new(arguments.limit.time_limit);
    let said = arguments.tolerances.said(&arguments.recipe)?;
    let stored = input::stored(&arguments.model)?;
    let within = match radius {
        Some(_) => None,
        None => Some(said.over(stored.tolerance()?)?).filter(|asked| !asked.is_exact()),
    };
    if let Some(asked) = within.as_ref().filter(|_| said.is_nothing() && !arguments.json) {
        let entries = tolerance::json(asked).0;
        let entries: Vec<&str> = entries.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        output::note(&format!(
            "what is proved of each prediction holds for inputs within the tolerance of the model: {} ({})",
            entries.join(", "),
            asked.shape.name()
        ));
    }
    if nodes.is_some() && radius.is_none() && within.is_none() {
        return Err(Error::new(
            "`--nodes` is about an interval around each prediction, and there is none",
            "give a tolerance, such as --tolerance 0.1sd, or a --radius",
        ));
    }
    if let (Stored::Network(network), None, None, None) = (&stored, radius, &within, coverage) {
        return outputs_of(network, &stop, arguments);
    }
    let model = stored.into_model(&arguments.model)?;
    if coverage.is_some() && model.columns.classes.is_some() {
        return Err(Error::new(
            format!("a coverage is about numbers, but the target `{}` of this model is a class", model.columns.target),
            "leave --coverage out: beside a class stands how likely it is",
        ));
    }
    let data = input::data(&arguments.data, &arguments.file)?;
    let unknown = arguments.levels.unknown();
    let plain = !arguments.json && radius.is_none() && within.is_none() && coverage.is_none();
    let deep = predict_deep::is_for(&model) || (radius.is_some() && model.is_by_layers());
    let several = model.columns.several().is_some();
    let targets = !model.columns.other_targets.is_empty();
    if plain && nodes.is_none() && (deep || targets || several) {
        let of = match (deep, targets) {
            (true, _) => predict_deep::plain,
            (false, true) => targets::plain,
            (false, false) => several::plain,
        };
        let mut rows = Rows::of(&data, &model.columns)?;
        return in_blocks(&mut rows, &stop, arguments, &mut |table| stop.during(|| of(&model, table, unknown)));
    }
    if let (false, false, true, Some(within)) = (arguments.json, deep, targets, &within) {
        targets::check(&arguments.interval.asked)?;
        let mut rows = Rows::of(&data, &model.columns)?;
        return predict_intervals::of_targets((within, nodes), (&model, unknown), &mut rows, &stop, &arguments.out);
    }
    // Of several classes and of deep networks intervals need all rows at once, and so does an object of JSON.
    let data = if arguments.json || deep || targets || several { Data::Held(data.whole()?) } else { data };
    let held = match &data {
        Data::Held(table) if deep || targets || several => Some(table),
        _ => None,
    };
    if let Some(table) = held {
        input::note_columns(&model.columns, table);
        stop.heed();
        stop.kept();
        let (interval, out, json) = (arguments.interval.asked, &arguments.out, arguments.json);
        if deep {
            let asked = predict_deep::Asked { interval, within: within.is_some(), unknown, out, json };
            return predict_deep::run(&asked, (&model, table), &stop);
        }
        let within = within.as_ref();
        if targets {
            return targets::predict(
                &targets::Predict { interval, within, unknown, out, json },
                (&model, table),
                &stop,
            );
        }
        return several::predict(&several::Asked { interval, within, unknown, out, json }, (&model, table), &stop);
    }
    let asked = OneOutput { model: &model, radius, within: within.as_ref(), nodes, coverage };
    asked.predict(&data, &stop, arguments)
}

/// Predictions without intervals, as they come.
fn in_blocks(
    rows: &mut Rows<'_>,
    stop: &Stop,
    arguments: &Arguments,
    columns: &mut dyn FnMut(&Table) -> Result<Columns>,
) -> Result<ExitCode> {
    let mut sink = Sink::begin(&arguments.out)?;
    stop.heed();
    stop.kept();
    rows.pass("predicting", (stop, true), &mut |table, _| sink.put(&columns(table)?))?;
    sink.finish()?;
    Ok(ExitCode::SUCCESS)
}

/// What was asked of a model of one output.
struct OneOutput<'a> {
    model: &'a Model,
    radius: Option<f64>,
    within: Option<&'a Asked>,
    nodes: Option<usize>,
    coverage: Option<f64>,
}

/// What is known of some rows.
struct Known {
    predictions: Vec<f64>,
    intervals: Vec<SampleInterval>,
    covering: Vec<(f64, f64)>,
}

impl OneOutput<'_> {
    fn around(&self) -> Result<Option<Around<'_>>> {
        match (self.radius, self.within) {
            (Some(radius), _) => self.model.around_radius(radius).map(Some),
            (None, Some(asked)) => self.model.around_within(asked).map(Some),
            // Where inputs are exact, a prediction moves by rounding alone.
            (None, None) if self.coverage.is_some() => self.model.around_exact().map(Some),
            (None, None) => Ok(None),
        }
    }

    /// Whether there are intervals around predictions.
    fn has_intervals(&self) -> bool {
        self.radius.is_some() || self.within.is_some()
    }

    fn predict(&self, data: &Data, stop: &Stop, arguments: &Arguments) -> Result<ExitCode> {
        let model = self.model;
        let mut rows = match (data, arguments.json) {
            (Data::Held(_), true) => Rows::at_once(data, &model.columns),
            _ => Rows::of(data, &model.columns)?,
        };
        let (around, unknown) = (self.around()?, arguments.levels.unknown());
        let sink = if arguments.json { None } else { Some(Sink::begin(&arguments.out)?) };
        stop.heed();
        stop.kept();
        let chosen = match &around {
            Some(around) => {
                let effort = around.effort(rows.count(), self.nodes);
                choose(std::slice::from_ref(around), effort, (model, unknown), &mut rows, stop)?.pop()
            }
            None => None,
        };
        let refined = chosen.unwrap_or(Refined::By(Effort::NONE));
        if let Some(source) = model.calibration.as_ref().filter(|_| self.coverage.is_some()).map(Calibration::source)
            && source == Source::CrossValidated
        {
            output::note(
                "the coverage is approximate: no rows were held out (--test) when the model was made, so it was calibrated by rows that were \
                 held out in turn",
            );
        }
        let (count, one) = (rows.count(), rows.is_one_block());
        let mut watched = one.then(Watched::new);
        let (mut sink, mut told, mut first) = (sink, None, Vec::new());
        let (mut met, mut spent) = (0, Effort::NONE);
        let what = if self.has_intervals() { "intervals of all rows" } else { "predicting" };
        rows.pass(what, (stop, !self.has_intervals()), &mut |table, before| {
            let x = model.columns.encode(table, unknown)?;
            if before == 0 {
                first = x.row(0).iter().copied().collect();
            }
            let predictions = model.predict_encoded(x.clone());
            let part = Part { before, of: count, first: &first };
            let mut watch = |progress: &IntervalProgress| watched.iter_mut().for_each(|watched| watched.show(progress));
            let intervals =
                around.as_ref().map(|around| stop.during(|| around.intervals(x, part, &refined, &mut watch)));
            let intervals = match intervals.transpose()? {
                None => Vec::new(),
                Some(known) => {
                    met += known.refined;
                    spent = known.effort;
                    known.rows
                }
            };
            let ends: Vec<(f64, f64)> = intervals.iter().map(|interval| (interval.lower, interval.upper)).collect();
            let covering = self.coverage.map(|share| model.covering(&ends, share)).transpose()?.unwrap_or_default();
            let intervals = if self.has_intervals() { intervals } else { Vec::new() };
            let known = Known { predictions, intervals, covering };
            match &mut sink {
                Some(sink) => sink.put(&self.columns(&known)?),
                None => {
                    told = Some(known);
                    Ok(true)
                }
            }
        })?;
        drop(watched);
        drop(rows);
        if self.has_intervals() {
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            let effort = match &refined {
                Refined::By(_) => spent,
                Refined::These(..) if spent.nodes == 0 => spent,
                Refined::These(rows, nodes) => Effort { nodes: *nodes, rows: rows.len() },
            };
            note_effort(count, effort, stop.reason().map(|reason| (reason, met)));
        }
        match (sink, told) {
            (Some(sink), _) => sink.finish().map(|()| ExitCode::SUCCESS),
            (None, Some(known)) => write_json(&self.json(known, met)?, &arguments.out),
            (None, None) => Ok(ExitCode::SUCCESS),
        }
    }

    /// As columns.
    fn columns(&self, known: &Known) -> Result<Columns> {
        let Known { predictions, intervals, covering } = known;
        if self.model.columns.classes.is_some() {
            let ends: Vec<_> = intervals.iter().map(|interval| (interval.lower, interval.upper)).collect();
            return Ok(classes(self.model, predictions, &ends)?.columns());
        }
        let mut columns = vec![("prediction".to_owned(), Cells::Numbers(predictions.clone()))];
        let mut add = |name: &str, numbers: Vec<f64>| columns.push((name.to_owned(), Cells::Numbers(numbers)));
        if !intervals.is_empty() {
            add("lower", intervals.iter().map(|interval| interval.lower).collect());
            add("upper", intervals.iter().map(|interval| interval.upper).collect());
        }
        if !covering.is_empty() {
            add("covering_lower", covering.iter().map(|interval| interval.0).collect());
            add("covering_upper", covering.iter().map(|interval| interval.1).collect());
        }
        Ok(columns)
    }

    /// As an object of JSON.
    fn json(&self, known: Known, refined: usize) -> Result<Value> {
        let (model, Known { predictions, intervals, covering }) = (self.model, known);
        let mut result = json!({"target": model.columns.target, "predictions": predictions});
        match (self.radius, self.within) {
            (Some(radius), _) => {
                let (norm, reach) = model.reach(radius)?;
                (result["radius"], result["norm"], result["reach"]) = (json!(radius), json!(norm), json!(reach));
            }
            (None, Some(asked)) => (result["tolerance"], result["tolerance_shape"]) = tolerance::json(asked),
            (None, None) => {}
        }
        if self.has_intervals() {
            result["refined"] = json!(refined);
        }
        if let Some(calibration) = model.calibration.as_ref().filter(|_| self.coverage.is_some()) {
            (result["coverage"], result["calibrated_by"]) = (json!(self.coverage), json!(calibration.source()));
        }
        if model.columns.classes.is_some() {
            let ends: Vec<_> = intervals.iter().map(|interval| (interval.lower, interval.upper)).collect();
            classes(model, &predictions, &ends)?.add_to(&mut result, model);
            return Ok(result);
        }
        if !covering.is_empty() {
            result["covering_lower"] = covering.iter().map(|interval| interval.0).collect();
            result["covering_upper"] = covering.iter().map(|interval| interval.1).collect();
        }
        if !intervals.is_empty() {
            result["lower"] = intervals.iter().map(|interval| interval.lower).collect();
            result["upper"] = intervals.iter().map(|interval| interval.upper).collect();
            result["exact"] = intervals.iter().map(|interval| interval.closed).collect();
        }
        Ok(result)
    }
}

/// What is told of the classes of the rows.
struct Classes<'a> {
    names: Vec<&'a str>,
    /// How likely each is, where the model says that.
    likely: Option<Vec<f64>>,
    /// What the margin stays between on the side of the class, where there are intervals.
    margins: Vec<(f64, f64)>,
}

/// The probability of a class with this margin on its side.
fn likely(margin: f64) -> f64 {
    1.0 / (1.0 + (-margin).exp())
}

fn classes<'a>(model: &'a Model, predictions: &[f64], intervals: &[(f64, f64)]) -> Result<Classes<'a>> {
    let own = |(f, (lower, upper)): (&f64, &(f64, f64))| if *f > 0.0 { (*lower, *upper) } else { (-upper, -lower) };
    let probabilities = model.loss()?.name() == "logistic";
    Ok(Classes {
        names: predictions.iter().filter_map(|f| model.columns.class_of(*f)).collect(),
        likely: probabilities.then(|| predictions.iter().map(|f| likely(f.abs())).collect()),
        margins: predictions.iter().zip(intervals).map(own).collect(),
    })
}

impl Classes<'_> {
    /// Whether no input error within the tolerance can change each class, where there are intervals.
    fn certain(&self) -> impl Iterator<Item = bool> {
        self.margins.iter().map(|(lower, _)| *lower > 0.0)
    }

    fn add_to(&self, result: &mut Value, model: &Model) {
        result["margins"] = result["predictions"].take();
        result["predictions"] = json!(self.names);
        result["classes"] = json!(model.columns.classes);
        if let Some(likely) = &self.likely {
            result["probability"] = json!(likely);
        }
        if !self.margins.is_empty() {
            result["certain"] = self.certain().collect();
        }
    }

    /// As columns.
    fn columns(&self) -> Columns {
        let words = self.names.iter().map(|name| (*name).to_owned()).collect();
        let mut columns = vec![("prediction".to_owned(), Cells::Words(words))];
        if let Some(all) = &self.likely {
            columns.push(("probability".into(), Cells::Numbers(all.clone())));
        }
        if !self.margins.is_empty() {
            if self.likely.is_some() {
                let ends = |of: fn(&(f64, f64)) -> f64| Cells::Numbers(self.margins.iter().map(of).collect());
                columns.push(("lower".into(), ends(|(lower, _)| likely(*lower))));
                columns.push(("upper".into(), ends(|(_, upper)| likely(*upper))));
            }
            let words = self.certain().map(|certain| if certain { "yes" } else { "no" }.to_owned());
            columns.push(("certain".into(), Cells::Words(words.collect())));
        }
        columns
    }
}

/// All outputs of a plain network at every row, in its own units.
fn outputs_of(network: &Network, stop: &Stop, arguments: &Arguments) -> Result<ExitCode> {
    let data = input::data(&arguments.data, &arguments.file)?;
    let (source, names) = match &data {
        Data::Held(table) => (table.source(), table.columns().iter().map(|column| column.name.clone()).collect()),
        Data::Read(source) => (source.name(), source.columns().to_vec()),
    };
    let columns = Encoder::of_numbers(names, "prediction");
    if columns.width() != network.inputs() {
        return Err(Error::new(
            format!(
                "the network in {} has {} inputs, but {source} has {} columns",
                arguments.model.display(),
                network.inputs(),
                columns.width()
            ),
            "give a table of the network's inputs alone, in their order; a model file knows its columns",
        ));
    }
    let unknown = arguments.levels.unknown();
    if arguments.json {
        let table = data.whole()?;
        input::note_columns_of(columns.given(), &table);
        let predicted = network.predict(columns.encode(&table, unknown)?.as_ref());
        let row = |k: usize| predicted.row(k).iter().copied().collect::<Vec<f64>>();
        let predictions = match network.outputs() {
            1 => json!(predicted.col(0).iter().collect::<Vec<_>>()),
            _ => (0..table.rows()).map(|k| json!(row(k))).collect(),
        };
        return write_json(&json!({"predictions": predictions}), &arguments.out);
    }
    let name = |j: usize| if network.outputs() == 1 { "prediction".into() } else { format!("output{}", j + 1) };
    let mut rows = Rows::of_numbers(&data, &columns)?;
    in_blocks(&mut rows, stop, arguments, &mut |table| {
        let predicted = network.predict(columns.encode(table, unknown)?.as_ref());
        let output = |j: usize| (name(j), Cells::Numbers(predicted.col(j).iter().copied().collect()));
        Ok((0..network.outputs()).map(output).collect())
    })
}
