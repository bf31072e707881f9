//! `tautnet predict MODEL DATA`: predictions as CSV, with certified intervals where a radius is given.

use crate::arguments::{FileArguments, LevelArguments, OutArguments};
use crate::files::Files;
use crate::recipe::{self, LimitArguments, TableArguments};
use crate::stop::Stop;
use crate::{input, output};
use serde_json::json;
use std::ffi::OsString;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use tautnet::Network;
use tautnet::error::{Error, Result};
use tautnet::recipe::Interval;
use tautnet_models::Stored;
use tautnet_tables::{Encoder, atomic};

/// Predict the target of every row of DATA
///
/// Prints a CSV with one line per row, in the units of the target. DATA needs the model's input columns, in any order. For a
/// plain network the columns of DATA are its inputs, in this order, and every output has a column of its own.
#[derive(Debug, clap::Args)]
#[command(mut_arg("nodes", |nodes| nodes.requires("radius")))]
pub struct Arguments {
    /// Model file, or a plain network: .onnx, .safetensors or JSON
    pub model: PathBuf,

    /// Data: a CSV file (plain or gzip) or Parquet file, the name of a data set, or `-` for standard input
    pub data: OsString,

    #[command(flatten)]
    pub file: FileArguments,

    #[command(flatten)]
    pub levels: LevelArguments,

    #[command(flatten)]
    pub interval: TableArguments<Interval, recipe::Predict>,

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
        .writes(&arguments.out.out, arguments.out.existing())
        .check()?;
    let Interval { radius, nodes } = arguments.interval.asked;
    let stop = Stop::new(arguments.limit.time_limit);
    let stored = input::stored(&arguments.model)?;
    if let (Stored::Network(network), None) = (&stored, radius) {
        return outputs_of(network, arguments);
    }
    let model = stored.into_model(&arguments.model)?;
    let table = input::open(&arguments.data, &arguments.file)?.table;
    input::note_columns(&model.columns, &table);
    let predictions = model.predict(&table, arguments.levels.unknown())?;
    let reach = radius.map(|radius| model.reach(radius)).transpose()?;
    stop.heed();
    stop.kept();
    let intervals = radius
        .map(|radius| stop.during(|| model.intervals(&table, arguments.levels.unknown(), radius, nodes)))
        .transpose()?
        .unwrap_or_default();
    if let (Some(reason), Some(_)) = (stop.reason(), reach) {
        output::note(&format!("{reason}: some intervals are those of the Lipschitz bound, and smaller ones may hold"));
    }

    if arguments.json {
        let mut result = json!({"target": model.columns.target, "predictions": predictions});
        if let (Some(radius), Some((norm, reach))) = (radius, reach) {
            result["radius"] = json!(radius);
            result["norm"] = json!(norm);
            result["reach"] = json!(reach);
            result["lower"] = intervals.iter().map(|interval| interval.lower).collect();
            result["upper"] = intervals.iter().map(|interval| interval.upper).collect();
            result["exact"] = intervals.iter().map(|interval| interval.closed).collect();
        }
        match &arguments.out.out {
            Some(path) => atomic::write(path, format!("{result:#}\n").as_bytes(), arguments.out.existing())?,
            None => output::print_json(&result)?,
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = String::from(if reach.is_some() { "prediction,lower,upper\n" } else { "prediction\n" });
    for (k, f) in predictions.iter().enumerate() {
        let _ = match intervals.get(k) {
            Some(interval) => writeln!(text, "{f},{},{}", interval.lower, interval.upper),
            None => writeln!(text, "{f}"),
        };
    }
    match &arguments.out.out {
        Some(path) => atomic::write(path, text.as_bytes(), arguments.out.existing())?,
        None => output::print(&text)?,
    }
    Ok(ExitCode::SUCCESS)
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
    input::note_columns_of(&columns.names(), &table);
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
    match &arguments.out.out {
        Some(path) => atomic::write(path, text.as_bytes(), arguments.out.existing())?,
        None => output::print(&text)?,
    }
    Ok(ExitCode::SUCCESS)
}
