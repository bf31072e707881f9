//! `tautnet certify NETWORK`: bounds on the Lipschitz constant in one table, and the certificate of the best.

use super::certify_table::certify_table;
use crate::arguments::{
    LimitArguments, MeetingArguments, NormChoice, OutArguments, TalkArguments, TestArguments, ThreadArguments,
};
use crate::progress::seconds;
use crate::stop::Stop;
use crate::{input, output};
use serde_json::{Map, json};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;
use tautnet::error::Result;
use tautnet::model::Stored;
use tautnet::{atomic, model};

/// Bound how fast a network's output can change, and prove it
///
/// Bounds hold in the units of the network's own inputs and output: standardized ones for a model file. For a model
/// file the table says too how far one unit of each input column can move the prediction, in the units of the data.
/// DATA, if given, are inputs at which large gradients are looked for; no bound from above depends on them.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Model file, or a plain network: JSON {"w": [[…], …], "b": […], "v": […], "c": 0}
    pub network: PathBuf,

    /// Data: a CSV file (plain or gzip) or Parquet file, the name of a data set, or `-` for standard input
    pub data: Option<String>,

    #[command(flatten)]
    pub meeting: MeetingArguments,

    /// Norm of input perturbations
    #[arg(long, value_enum, default_value_t = NormChoice::Two)]
    pub norm: NormChoice,

    /// Write the certificate, which `tautnet verify` checks, to this file
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub certificate: Option<PathBuf>,

    #[command(flatten)]
    pub limit: LimitArguments,

    #[command(flatten)]
    pub threads: ThreadArguments,

    #[command(flatten)]
    pub out: OutArguments,

    #[command(flatten)]
    pub talk: TalkArguments,
}

/// Run it.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    for path in arguments.out.out.iter().chain(&arguments.certificate) {
        atomic::check(path, arguments.out.existing())?;
    }
    arguments.threads.apply()?;
    let stored = Stored::read(&arguments.network)?;
    let network = stored.network();
    let problem = match &arguments.data {
        None => None,
        Some(data) => {
            Some(input::meet(&stored, &arguments.network, data, &arguments.meeting, &TestArguments::default())?)
        }
    };
    let data = problem.as_ref().map(|problem| &problem.train);
    let scaler = match &stored {
        Stored::Model(model) => Some(&model.scaler),
        Stored::Network(_) => None,
    };

    let stop = Stop::new(arguments.limit.time_limit);
    let started = Instant::now();
    let (bounds, certificate) =
        certify_table(network, arguments.norm.norm(), scaler, data, 0, &mut |_| stop.verdict())?;
    let time = started.elapsed();
    // What is printed as proved has passed the verifier in the form in which it is written.
    let bytes = certificate.to_json();
    model::verify(&bytes, network, scaler)?;
    let proved = certificate.standardized.bound;

    let direction = |upper: bool| if upper { "upper" } else { "lower" };
    let mut result = json!({
        "norm": arguments.norm.name(),
        "inputs": network.inputs(),
        "units": network.units(),
        "lipschitz": proved,
        "bounds": bounds.iter().map(|bound| json!({
            "name": bound.name,
            "direction": direction(bound.upper),
            "value": bound.value,
            "seconds": bound.time.as_secs_f64(),
        })).collect::<Vec<_>>(),
        "seconds": time.as_secs_f64(),
    });
    let names = match &stored {
        Stored::Model(model) => model.columns.names(),
        Stored::Network(_) => Vec::new(),
    };
    if let (Stored::Model(model), Some(raw)) = (&stored, &certificate.raw) {
        let columns =
            |values: &[f64]| names.iter().cloned().zip(values.iter().map(|value| json!(value))).collect::<Map<_, _>>();
        result["user_units"] = json!({
            "lipschitz": raw.bound,
            "lipschitz_per_column": columns(&model.scaler.bound_per_column(proved)),
            "sensitivities": columns(&raw.sensitivities),
        });
    }
    if let Some(path) = &arguments.certificate {
        atomic::write(path, &bytes, arguments.out.existing())?;
    }
    if let Some(path) = &arguments.out.out {
        atomic::write(path, format!("{result:#}\n").as_bytes(), arguments.out.existing())?;
    }
    if arguments.talk.json {
        output::print_json(&result)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = vec![vec!["bound".into(), "Lipschitz constant".into(), "time".into()]];
    rows.extend(bounds.iter().map(|bound| {
        let sign = if bound.upper { '≤' } else { '≥' };
        vec![bound.name.into(), format!("{sign} {}", output::number(bound.value)), seconds(bound.time)]
    }));
    output::print(&output::table(&rows))?;
    if let (Stored::Model(model), Some(raw)) = (&stored, &certificate.raw) {
        let target = format!("moves `{}` by at most", model.columns.target);
        let mut rows = vec![vec!["one unit of".to_owned(), target]];
        // Both are proved; the smaller one is what a reader wants.
        let least = raw.sensitivities.iter().zip(model.scaler.bound_per_column(proved));
        rows.extend(names.into_iter().zip(least).map(|(name, (s, bound))| vec![name, output::number(s.min(bound))]));
        output::print(&format!("\n{}", output::table(&rows)))?;
    }
    if let Some(reason) = stop.reason() {
        output::note(&format!("{reason}: the bound is proved but not the least that LipSDP gives"));
    }
    Ok(ExitCode::SUCCESS)
}
