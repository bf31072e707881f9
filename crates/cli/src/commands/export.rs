//! `tautnet export NETWORK --out FILE`: the same network in another format.

use crate::files::Files;
use crate::{input, output};
use clap::ValueEnum;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tautnet::error::Result;
use tautnet::network::Layer;
use tautnet::printable;
use tautnet::recipe::{Front, told};
use tautnet_models::{Format, Model, Options, Precision, ScalerChoice, Stored, onnx, told_of_weights};
use tautnet_tables::atomic::Existing;

/// Write a network in another format: JSON, ONNX or safetensors
///
/// The names of the files say the formats: .onnx, .safetensors, and JSON for all others. What is written is read back and
/// compared before it is kept. A model file keeps its columns in every format; its certificate goes along as long as the
/// weights are written bit for bit.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Model file, or a plain network: .onnx, .safetensors or JSON
    pub network: PathBuf,

    /// The file to write, whole or not at all
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    pub out: PathBuf,

    /// Replace FILE if it exists
    #[arg(long, help_heading = "Output")]
    pub force: bool,

    /// What becomes of a model's standardization [default: kept; folded for safetensors]
    #[arg(long, value_enum, help_heading = "Output")]
    pub scaler: Option<ScalerArgument>,

    /// Rewrite a network of leaky relu, |x|, CReLU or identity units with relu units, which every command takes
    #[arg(long, help_heading = "Output")]
    pub relu: bool,

    /// How many digits are written
    #[arg(long, value_enum, default_value_t = PrecisionArgument::F64, help_heading = "Output")]
    pub precision: PrecisionArgument,

    /// Print one JSON object on standard output
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// What becomes of a model's standardization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ScalerArgument {
    /// It stays beside the network: as nodes of an ONNX graph, as text elsewhere
    Kept,
    /// It is multiplied into the weights, which are then for data in their own units
    Folded,
}

/// How many digits are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PrecisionArgument {
    /// Double precision: all of them
    F64,
    /// Single precision, which changes predictions in the seventh digit
    F32,
}

/// Run it.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let existing = if arguments.force { Existing::Replace } else { Existing::Refuse };
    Files::default().reads(&arguments.network).writes([&arguments.out], existing).check()?;
    let format = Format::of(&arguments.out)?;
    let mut stored = input::stored(&arguments.network)?;
    if arguments.relu {
        stored = in_relu_units(stored)?;
    }
    let options = Options {
        scaler: arguments.scaler.map(|choice| match choice {
            ScalerArgument::Kept => ScalerChoice::Kept,
            ScalerArgument::Folded => ScalerChoice::Folded,
        }),
        precision: match arguments.precision {
            PrecisionArgument::F64 => Precision::F64,
            PrecisionArgument::F32 => Precision::F32,
        },
    };
    let written = write(&stored, &arguments.out, &options, existing)?;
    let name = match format {
        Format::Json => "JSON".to_owned(),
        Format::Onnx => format!("ONNX, operator set {}", onnx::OPSET),
        Format::Safetensors => "safetensors".to_owned(),
    };
    let network = written.network();
    let hidden = &network.layers()[..network.layers().len() - 1];
    let layer = |layer: &Layer| json!({"units": layer.units(), "activation": layer.activation().name()});
    if arguments.json {
        output::print_json(&json!({
            "format": name,
            "inputs": network.inputs(),
            "units": hidden.iter().map(Layer::units).sum::<usize>(),
            "layers": hidden.iter().map(layer).collect::<Vec<_>>(),
            "outputs": network.outputs(),
            "linear": network.linear().is_some(),
            "precision": arguments.precision.to_possible_value().map(|value| value.get_name().to_owned()),
            "model": matches!(written, Stored::Model(_)),
            "certificate": written.certificate().is_some(),
            "same_weights": stored.network() == network,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let kind = if matches!(written, Stored::Model(_)) { "model" } else { "plain network" };
    output::print(&format!(
        "{}: a {kind} of {} inputs and {} ({name}), read back and compared\n",
        printable::line(&arguments.out.display().to_string()),
        network.inputs(),
        network.described()
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// The same with a network of relu units, and a note that says so.
fn in_relu_units(stored: Stored) -> Result<Stored> {
    let relu = stored.network().in_relu_units("`export --relu`")?;
    if relu.network == *stored.network() {
        return Ok(stored);
    }
    output::note(&relu.note(stored.network()));
    Ok(match stored {
        Stored::Network(_) => Stored::Network(relu.network),
        // Its certificate, if it has one, is not about these weights.
        Stored::Model(model) => Stored::Model(Box::new(Model { network: relu.network, certificate: None, ..*model })),
    })
}

/// Write a network or a model, and say so where the weights of the file are others, of which no certificate of the network is. Returns what a reader of
/// the file will find.
pub fn write(stored: &Stored, path: &Path, options: &Options, existing: Existing) -> Result<Stored> {
    let written = tautnet_models::write(stored, path, options, existing)?;
    told_of_weights(stored, &written, options).iter().for_each(|note| output::note(&told(note, Front::CommandLine)));
    Ok(written)
}
