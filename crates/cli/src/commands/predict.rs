//! `tautnet predict MODEL DATA`: predictions as CSV, with proved intervals within a tolerance or a radius.

use super::told::{Watched, field, note_effort, write, write_json};
use super::{predict_deep, several, targets};
use crate::arguments::{FileArguments, LevelArguments, OutArguments};
use crate::files::Files;
use crate::recipe::{self, LimitArguments, RecipeArguments, TableArguments};
use crate::stop::Stop;
use crate::tolerance::TolerancesArguments;
use crate::{input, output, tolerance};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use tautnet::Network;
use tautnet::coverage::Source;
use tautnet::error::{Error, Result};
use tautnet::recipe::Interval;
use tautnet::tolerance::Tolerance;
use tautnet_models::{Model, Stored};
use tautnet_tables::Encoder;

/// Predict the target of every row of DATA
///
/// Prints a CSV with one line per row, in the units of the target. DATA needs the model's input columns, in any order. For a
/// plain network the columns of DATA are its inputs, in this order, and every output has a column of its own. Where there is a
/// tolerance, the model's own or one that is given, or a radius, there are two more columns: the interval that no error of the
/// inputs within it can move the prediction out of. Of a class it tells how likely it is, and whether no such error can change
/// it (`certain`). --coverage adds the interval of the target itself.
#[derive(Debug, clap::Args)]
#[command(mut_arg("radius", |radius| radius.conflicts_with_all(["tolerance", "tolerance_shape", "tolerances"])))]
pub struct Arguments {
    /// Model file, or a plain network: .onnx, .safetensors or JSON
    pub model: PathBuf,

    /// Data: a CSV file (plain or gzip), a Parquet file or an idx file of images, the name of a data set, or `-` for standard input
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
    let Interval { radius, nodes, coverage } = arguments.interval.asked;
    let stop = Stop::new(arguments.limit.time_limit);
    let said = arguments.tolerances.said(&arguments.recipe)?;
    let stored = input::stored(&arguments.model)?;
    let within = match radius {
        Some(_) => None,
        None => Some(said.over(stored.tolerance()?)?).filter(|asked| !asked.is_exact()),
    };
    if nodes.is_some() && radius.is_none() && within.is_none() {
        return Err(Error::new(
            "`--nodes` is about an interval around each prediction, and there is none",
            "give a tolerance, such as --tolerance 0.1sd, or a --radius",
        ));
    }
    if let (Stored::Network(network), None, None, None) = (&stored, radius, &within, coverage) {
        return outputs_of(network, arguments);
    }
    let model = stored.into_model(&arguments.model)?;
    if coverage.is_some() && model.columns.classes.is_some() {
        return Err(Error::new(
            format!("a coverage is about numbers, but the target `{}` of this model is a class", model.columns.target),
            "leave --coverage out: beside a class stands how likely it is",
        ));
    }
    let table = input::open(&arguments.data, &arguments.file)?.table;
    input::note_columns(&model.columns, &table);
    if predict_deep::is_for(&model) || (radius.is_some() && model.is_by_layers()) {
        stop.heed();
        stop.kept();
        let asked = predict_deep::Asked {
            interval: arguments.interval.asked,
            within: within.is_some(),
            unknown: arguments.levels.unknown(),
            out: &arguments.out,
            json: arguments.json,
        };
        return predict_deep::run(&asked, (&model, &table), &stop);
    }
    if !model.columns.other_targets.is_empty() {
        stop.heed();
        stop.kept();
        let asked = targets::Predict {
            interval: arguments.interval.asked,
            within: within.as_ref(),
            unknown: arguments.levels.unknown(),
            out: &arguments.out,
            json: arguments.json,
        };
        return targets::predict(&asked, (&model, &table), &stop);
    }
    if model.columns.several().is_some() {
        stop.heed();
        stop.kept();
        return several::predict(
            &several::Asked {
                interval: arguments.interval.asked,
                within: within.as_ref(),
                unknown: arguments.levels.unknown(),
                out: &arguments.out,
                json: arguments.json,
            },
            (&model, &table),
            &stop,
        );
    }
    let x = model.columns.encode(&table, arguments.levels.unknown())?;
    let predictions = model.predict_encoded(x.clone());
    let mut result = json!({"target": model.columns.target, "predictions": predictions});
    stop.heed();
    stop.kept();
    let mut watched = Watched::new();
    let known = match (radius, &within) {
        (Some(radius), _) => {
            let (norm, reach) = model.reach(radius)?;
            (result["radius"], result["norm"], result["reach"]) = (json!(radius), json!(norm), json!(reach));
            Some(stop.during(|| model.intervals_encoded(x, radius, nodes, &mut |progress| watched.show(progress)))?)
        }
        (None, Some(asked)) => {
            let tolerance = model.tolerance_on(asked, x.as_ref())?;
            (result["tolerance"], result["tolerance_shape"]) = tolerance::json(asked);
            Some(stop.during(|| model.intervals_within(x, &tolerance, nodes, &mut |progress| watched.show(progress)))?)
        }
        // Where inputs are exact, a prediction moves by rounding alone.
        (None, None) if coverage.is_some() => {
            Some(model.intervals_within(x, &Tolerance::none(model.columns.width()), nodes, &mut |_| {})?)
        }
        (None, None) => None,
    };
    drop(watched);
    if let Some(known) = known.as_ref().filter(|_| radius.is_some() || within.is_some()) {
        result["refined"] = json!(known.refined);
        note_effort(known.rows.len(), known.effort, stop.reason().map(|reason| (reason, known.refined)));
    }
    let intervals = known.map_or(Vec::new(), |known| known.rows);
    let ends: Vec<(f64, f64)> = intervals.iter().map(|interval| (interval.lower, interval.upper)).collect();
    let covering = coverage.map(|share| model.covering(&ends, share)).transpose()?.unwrap_or_default();
    let intervals = if radius.is_some() || within.is_some() { intervals } else { Vec::new() };
    if let Some(calibration) = model.calibration.as_ref().filter(|_| coverage.is_some()) {
        (result["coverage"], result["calibrated_by"]) = (json!(coverage), json!(calibration.source()));
        if calibration.source() == Source::CrossValidated {
            output::note(
                "the coverage is approximate: no rows were held out (--test) when the model was made, so it was calibrated by rows that were \
                 held out in turn",
            );
        }
    }

    if model.columns.classes.is_some() {
        let ends: Vec<_> = intervals.iter().map(|interval| (interval.lower, interval.upper)).collect();
        let told = classes(&model, &predictions, &ends)?;
        if arguments.json {
            told.add_to(&mut result, &model);
            return write_json(&result, &arguments.out);
        }
        return write(&told.text(), &arguments.out);
    }
    if arguments.json {
        if !covering.is_empty() {
            result["covering_lower"] = covering.iter().map(|interval| interval.0).collect();
            result["covering_upper"] = covering.iter().map(|interval| interval.1).collect();
        }
        if !intervals.is_empty() {
            result["lower"] = intervals.iter().map(|interval| interval.lower).collect();
            result["upper"] = intervals.iter().map(|interval| interval.upper).collect();
            result["exact"] = intervals.iter().map(|interval| interval.closed).collect();
        }
        return write_json(&result, &arguments.out);
    }
    let mut header = vec!["prediction"];
    header.extend(if intervals.is_empty() { &[][..] } else { &["lower", "upper"] });
    header.extend(if covering.is_empty() { &[][..] } else { &["covering_lower", "covering_upper"] });
    let mut text = header.join(",") + "\n";
    for (k, f) in predictions.iter().enumerate() {
        let _ = write!(text, "{f}");
        if let Some(interval) = intervals.get(k) {
            let _ = write!(text, ",{},{}", interval.lower, interval.upper);
        }
        if let Some((lower, upper)) = covering.get(k) {
            let _ = write!(text, ",{lower},{upper}");
        }
        text.push('\n');
    }
    write(&text, &arguments.out)
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

    /// As CSV.
    fn text(&self) -> String {
        let mut columns = vec![("prediction", self.names.iter().map(|name| field(name).into_owned()).collect())];
        if let Some(all) = &self.likely {
            columns.push(("probability", all.iter().map(f64::to_string).collect::<Vec<_>>()));
        }
        if !self.margins.is_empty() {
            if self.likely.is_some() {
                columns.push(("lower", self.margins.iter().map(|(lower, _)| likely(*lower).to_string()).collect()));
                columns.push(("upper", self.margins.iter().map(|(_, upper)| likely(*upper).to_string()).collect()));
            }
            let words = self.certain().map(|certain| if certain { "yes" } else { "no" }.to_owned());
            columns.push(("certain", words.collect()));
        }
        let header: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        let row = |k: usize| columns.iter().map(|(_, values)| values[k].as_str()).collect::<Vec<_>>().join(",") + "\n";
        header.join(",") + "\n" + &(0..self.names.len()).map(row).collect::<String>()
    }
}

/// All outputs of a plain network at every row, in its own units.
fn outputs_of(network: &Network, arguments: &Arguments) -> Result<ExitCode> {
    let table = input::open(&arguments.data, &arguments.file)?.table;
    let columns = Encoder::of_numbers(table.columns().iter().map(|column| column.name.clone()), "prediction");
    if columns.width() != network.inputs() {
        return Err(Error::new(
            format!(
                "the network in {} has {} inputs, but {} has {} columns",
                arguments.model.display(),
                network.inputs(),
                table.source(),
                columns.width()
            ),
            "give a table of the network's inputs alone, in their order; a model file knows its columns",
        ));
    }
    input::note_columns_of(columns.given(), &table);
    let predicted = network.predict(columns.encode(&table, arguments.levels.unknown())?.as_ref());
    let row = |k: usize| predicted.row(k).iter().copied().collect::<Vec<f64>>();
    let text = if arguments.json {
        let predictions = match network.outputs() {
            1 => json!(predicted.col(0).iter().collect::<Vec<_>>()),
            _ => (0..table.rows()).map(|k| json!(row(k))).collect(),
        };
        format!("{:#}\n", json!({"predictions": predictions}))
    } else {
        let names: Vec<String> = match network.outputs() {
            1 => vec!["prediction".into()],
            many => (1..=many).map(|j| format!("output{j}")).collect(),
        };
        let mut text = names.join(",") + "\n";
        for k in 0..table.rows() {
            let numbers: Vec<String> = row(k).iter().map(f64::to_string).collect();
            text.push_str(&(numbers.join(",") + "\n"));
        }
        text
    };
    write(&text, &arguments.out)
}
