//! `tautnet verify CERTIFICATE MODEL`: the judge, without any solver.

use crate::limits;
use crate::{input, output};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tautnet::error::{Error, Result};
use tautnet::{Network, Norm, Scaler, Shallow, certify};
use tautnet_models::Stored;
use tautnet_verify::{CHAIN, CLASS_MARGINS, ChainClaim, Claim, Refusal, Row, WORST_CASES};

/// Check a certificate: exit status 0 only if it proves its claims about the network
///
/// Nothing is solved and nothing is believed: the multipliers in the certificate either prove its bounds about these
/// very weights, rounding included, or they do not. Exit status: 0 proved, 1 not proved, 2 could not run.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Certificate file, file of worst cases or of class margins, or a model file for the certificate inside it
    pub certificate: PathBuf,

    /// Model file, or a plain network
    pub network: PathBuf,

    /// Print one JSON object on standard output
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// Exit status of a claim that failed.
const NOT_PROVED: u8 = 1;

/// Run it.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let bytes = tautnet_models::read_certificate_within(&arguments.certificate, limits::now())?;
    let stored = input::stored(&arguments.network)?;
    let scaler = match &stored {
        Stored::Model(model) => Some(&model.scaler),
        Stored::Network(_) => None,
    };
    match format(&bytes).as_deref() {
        Some(CHAIN) => return run_chain(arguments, &bytes, stored.network(), scaler),
        Some(CLASS_MARGINS) => return run_margins(arguments, &bytes, stored.network()),
        _ => {}
    }
    let network = stored.network().one_output("`verify`")?;
    if format(&bytes).as_deref() == Some(WORST_CASES) {
        return run_worst_cases(arguments, &bytes, &network);
    }
    let proved = match tautnet_models::verify(&bytes, &network, scaler) {
        Ok(proved) => proved,
        Err(refusal) => return refused(arguments, refusal),
    };
    let certificate = proved.certificate();
    if arguments.json {
        let claim = |claim: &Claim| json!({"lipschitz": claim.bound, "sensitivities": claim.sensitivities});
        output::print_json(&json!({
            "proved": true,
            "norm": certificate.norm,
            "network": certificate.network,
            "standardized": claim(&certificate.standardized),
            "raw": certificate.raw.as_ref().map(claim),
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let norm = match json!(certificate.norm) {
        Value::String(name) => name,
        other => other.to_string(),
    };
    // Digits that are cut off must not turn a bound into a smaller one: all are shown.
    let mut text = format!(
        "proved: the network's output changes by at most {:?} times the {norm}-norm of its input's change\n",
        certificate.standardized.bound
    );
    if let Some(raw) = &certificate.raw {
        text.push_str(&in_user_units(raw.bound, scaler.is_some()));
    }
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// A bound in the units of the data, and whose scaler says what these are.
fn in_user_units(bound: f64, of_model: bool) -> String {
    let whose = if of_model { "model's" } else { "certificate's" };
    format!("proved: in the units of the data, by the {whose} scaler, at most {bound:?} times\n")
}

/// What a file says it is.
fn format(bytes: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Named {
        format: String,
    }
    serde_json::from_slice::<Named>(bytes).ok().map(|file| file.format)
}

/// Check a certificate of a network with any number of layers.
fn run_chain(arguments: &Arguments, bytes: &[u8], network: &Network, scaler: Option<&Scaler>) -> Result<ExitCode> {
    let proved = match tautnet_models::verify_chain(bytes, network, scaler) {
        Ok(proved) => proved,
        Err(refusal) => return refused(arguments, refusal),
    };
    let certificate = proved.certificate();
    if arguments.json {
        let claim = |claim: &ChainClaim| {
            json!({
                "lipschitz": claim.bound,
                "layers": claim.layers,
                "linear": claim.linear,
                "outputs": claim.outputs,
                "pairs": claim.pairs,
                "lipsdp": claim.lipsdp.iter().flatten().map(|proof| {
                    json!({"output": proof.output, "minus": proof.minus, "bound": proof.bound})
                }).collect::<Vec<_>>(),
            })
        };
        output::print_json(&json!({
            "proved": true,
            "norm": certificate.norm,
            "network": certificate.network,
            "standardized": claim(&certificate.standardized),
            "raw": certificate.raw.as_ref().map(claim),
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let norm = Norm::from(certificate.norm).name();
    // Digits that are cut off must not turn a bound into a smaller one: all are shown.
    let mut text = format!(
        "proved: the network's outputs change by at most {:?} times the {norm}-norm of its input's change, in this norm ({} layers)\n",
        certificate.standardized.bound,
        certificate.standardized.layers.len()
    );
    if let Some(bound) = certificate.standardized.by_multipliers() {
        text.push_str(&format!("proved by the multipliers of its hidden units (LipSDP): by at most {bound:?} times\n"));
    }
    let outputs = &certificate.standardized.outputs;
    if outputs.len() > 1 {
        let largest = outputs.iter().fold(0.0, |largest: f64, bound| largest.max(*bound));
        text.push_str(&format!("proved: each of its {} outputs by at most {largest:?} times\n", outputs.len()));
    }
    if let Some(raw) = &certificate.raw {
        text.push_str(&in_user_units(raw.least(), scaler.is_some()));
    }
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Check which rows keep their class.
fn run_margins(arguments: &Arguments, bytes: &[u8], network: &Network) -> Result<ExitCode> {
    let proved = match certify::verify_class_margins(bytes, network) {
        Ok(proved) => proved,
        Err(refusal) => return refused(arguments, refusal),
    };
    let (file, right, proved_right) = (proved.class_margins(), proved.right(), proved.proved_right());
    let rows = file.rows.len();
    if arguments.json {
        output::print_json(&json!({
            "proved": true,
            "network": file.network,
            "norm": file.norm,
            "radius": file.radius,
            "rows": rows,
            "right": right,
            "proved_right": proved_right,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let (norm, radius) = (Norm::from(file.norm).name(), file.radius);
    let scaled = if file.x_scale.is_some() { ", times the scales of the file," } else { "" };
    output::print(&format!(
        "proved: {proved_right} of {rows} rows keep their class wherever the {norm}-norm of the input's change{scaled} is at most {radius:?}\n\
         proved: {right} of {rows} rows have it where the input does not change\n"
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// Check the worst cases of rows.
fn run_worst_cases(arguments: &Arguments, bytes: &[u8], network: &Shallow) -> Result<ExitCode> {
    let proved = match certify::verify_worst_cases(bytes, network) {
        Ok(proved) => proved,
        Err(refusal) => return refused(arguments, refusal),
    };
    let worst_cases = proved.worst_cases();
    if arguments.json {
        let interval = |row: &Row| json!({"lower": row.lower, "upper": row.upper});
        output::print_json(&json!({
            "proved": true,
            "network": worst_cases.network,
            "tolerance_shape": worst_cases.shape,
            "rows": worst_cases.rows.iter().map(interval).collect::<Value>(),
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = format!(
        "proved: the network's output stays between these numbers while its inputs are off by errors within the tolerance ({} rows)\n",
        worst_cases.rows.len()
    );
    for row in &worst_cases.rows {
        text.push_str(&format!("{:?} {:?}\n", row.lower, row.upper));
    }
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Tell why a file is not accepted.
fn refused(arguments: &Arguments, refusal: Refusal) -> Result<ExitCode> {
    // A file that is not a certificate, or one of another version, makes no claim that could fail.
    if matches!(refusal, Refusal::Unreadable(_) | Refusal::Unsupported(_)) {
        return Err(named(&arguments.certificate, refusal));
    }
    if arguments.json {
        output::print_json(&json!({"proved": false, "reason": refusal.to_string()}))?;
    }
    output::complain(&named(&arguments.certificate, refusal));
    Ok(ExitCode::from(NOT_PROVED))
}

fn named(path: &Path, refusal: Refusal) -> Error {
    let error = Error::from(refusal);
    Error::new(format!("{}: {}", path.display(), error.what), error.hint)
}
