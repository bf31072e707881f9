//! Networks in files: JSON, ONNX and safetensors, in and out.
//!
//! A file holds a plain network or a model: a network with the columns and the units in which it meets a table. In ONNX and
//! safetensors a model's columns, record and certificate are a text in the file's metadata; other programs pass it by.
//!
//! | | JSON | ONNX | safetensors |
//! |---|---|---|---|
//! | weights | shortest decimals | double or float tensors | double or float tensors |
//! | a model's scaler, kept | in the file | as nodes of the graph | in the metadata |
//! | a model's scaler, where nothing else is asked | kept | kept | folded |
//!
//! *Folded* means that the weights are those of the network from the data's own units to the target's: the scaler of such
//! a model changes nothing. A certificate is about weights: it stays with a model whose weights are written bit for bit, and
//! is left out where folding or rounding changed them.
//!
//! Everything that is written is read back and compared before it is handed out.

mod element;
pub mod json;
pub mod onnx;
mod onnx_graph;
mod onnx_messages;
mod onnx_tensor;
pub mod safetensors;
pub mod state_dict;

use crate::atomic::{self, Existing};
use crate::error::{Error, Result};
use crate::limits::{Limit, Limits, read_file};
use crate::model::{Model, Stored};
use crate::network::Network;
use crate::scaling::Scaler;
use crate::strict_json;
use faer::Mat;
use std::path::Path;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// This program's own.
    Json,
    /// ONNX.
    Onnx,
    /// safetensors.
    Safetensors,
}

impl Format {
    /// The format that a file's name asks for: `.onnx` and `.safetensors`, and JSON for all others. Names that other programs
    /// give to formats that are not read are refused.
    pub fn of(path: &Path) -> Result<Self> {
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
        let hint = match extension.as_deref().unwrap_or_default() {
            "onnx" => return Ok(Format::Onnx),
            "safetensors" => return Ok(Format::Safetensors),
            "pt" | "pth" | "ckpt" => "save it with safetensors' `save_file(model.state_dict(), \"model.safetensors\")`",
            "pkl" | "pickle" | "joblib" | "npz" => "write its arrays as JSON, or convert it with skl2onnx",
            "h5" | "hdf5" | "keras" | "pb" | "tflite" => {
                "export it as ONNX: `model.export(\"model.onnx\", format=\"onnx\")`"
            }
            _ => return Ok(Format::Json),
        };
        let what = format!("{}: networks are kept as .json, .onnx or .safetensors", path.display());
        Err(Error::new(what, hint))
    }
}

/// How many digits a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// Double precision: all of them.
    #[default]
    F64,
    /// Single precision: 24 bits, for programs that have no other.
    F32,
}

impl Precision {
    /// The bytes of numbers, little-endian.
    fn encode(self, values: &[f64]) -> Vec<u8> {
        match self {
            Precision::F64 => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Precision::F32 => values.iter().flat_map(|value| (*value as f32).to_le_bytes()).collect(),
        }
    }

    /// The number that the file will hold.
    fn round(self, value: f64, name: impl FnOnce() -> String) -> Result<f64> {
        let rounded = match self {
            Precision::F64 => value,
            Precision::F32 => f64::from(value as f32),
        };
        if rounded.is_finite() {
            return Ok(rounded);
        }
        Err(Error::new(
            format!("{} is {value:e}, too large for single precision", name()),
            "write it in double precision",
        ))
    }
}

/// What becomes of a model's scaler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScalerChoice {
    /// It stands beside the network, which is in standardized units.
    Kept,
    /// It is multiplied into the weights.
    Folded,
}

impl std::str::FromStr for Precision {
    type Err = Error;

    /// The precision of that name.
    fn from_str(name: &str) -> Result<Self> {
        match name {
            "f64" => Ok(Precision::F64),
            "f32" => Ok(Precision::F32),
            _ => Err(Error::new(format!("there is no precision called `{name}`"), "choose one of: f64, f32")),
        }
    }
}

impl std::str::FromStr for ScalerChoice {
    type Err = Error;

    /// The choice of that name.
    fn from_str(name: &str) -> Result<Self> {
        match name {
            "kept" => Ok(ScalerChoice::Kept),
            "folded" => Ok(ScalerChoice::Folded),
            _ => Err(Error::new(
                format!("there is no choice for the scaler called `{name}`"),
                "choose one of: kept, folded",
            )),
        }
    }
}

/// How a network is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// What becomes of a model's scaler; `None` for what suits the format.
    pub scaler: Option<ScalerChoice>,
    /// How many digits are kept.
    pub precision: Precision,
}

/// Read a file: a model or a plain network, in the format that its name says.
pub fn read(path: &Path) -> Result<Stored> {
    read_within(path, &Limits::default()).map(|read| read.stored)
}

/// What was read from a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// The network or the model.
    pub stored: Stored,
    /// What the user should know: a number that was not kept as it stands in the file.
    pub note: Option<String>,
}

/// The same, no more than the limits allow.
pub fn read_within(path: &Path, limits: &Limits) -> Result<Read> {
    let format = Format::of(path)?;
    let source = path.display().to_string();
    let bytes = read_file(path, &source, limits)?;
    let stored = parse_within(&bytes, format, &source, limits)?;
    let note = (format == Format::Json).then(|| {
        let network = stored.network();
        let w = (0..network.units()).flat_map(|i| (0..network.inputs()).map(move |k| network.w[(i, k)]));
        let rest = network.b.iter().chain(&network.v).chain([&network.c]).copied();
        strict_json::rounded_integers(&bytes, w.chain(rest), &source)
    });
    Ok(Read { note: note.flatten(), stored })
}

/// From the bytes of a file; `source` is what messages call it. A graph with a scaler that belongs to no model is a plain
/// network with the scaler folded in.
pub fn parse(bytes: &[u8], format: Format, source: &str) -> Result<Stored> {
    parse_within(bytes, format, source, &Limits::default())
}

/// The same, no more than the limits allow.
pub fn parse_within(bytes: &[u8], format: Format, source: &str, limits: &Limits) -> Result<Stored> {
    limits.check(Limit::Bytes, source, bytes.len() as u64)?;
    let model = |text: &str, network: Network, scaler: Option<Scaler>| {
        let source = format!("the metadata of {source}");
        let object = json::parse_object(text.as_bytes(), &source, limits)?;
        Model::from_parts(object, Some(network), scaler, &source).map(|model| Stored::Model(Box::new(model)))
    };
    match format {
        Format::Json => Stored::parse_within(bytes, source, limits),
        Format::Onnx => {
            let import = onnx::parse_within(bytes, source, limits)?;
            let text = import.metadata.iter().find(|(key, _)| key == onnx::KEY).map(|(_, text)| text.clone());
            match text {
                Some(text) => {
                    let scaler = import.scaler.unwrap_or_else(|| Scaler::identity(import.network.inputs()));
                    model(&text, import.network, Some(scaler))
                }
                None => import.folded().map(Stored::Network).map_err(|error| named(source, error)),
            }
        }
        Format::Safetensors => match safetensors::parse_within(bytes, source, limits)? {
            (network, Some(text)) => model(&text, network, None),
            (network, None) => Ok(Stored::Network(network)),
        },
    }
}

/// Write a file in the format that its name says, whole or not at all. Returns what a reader of it will find.
pub fn write(stored: &Stored, path: &Path, options: &Options, existing: Existing) -> Result<Stored> {
    let format = Format::of(path)?;
    let prepared = prepare(stored, format, options)?;
    atomic::write(path, &serialize(&prepared, format, options.precision)?, existing)?;
    Ok(prepared)
}

/// The bytes of a file, the same for the same network, model and options.
pub fn to_bytes(stored: &Stored, format: Format, options: &Options) -> Result<Vec<u8>> {
    serialize(&prepare(stored, format, options)?, format, options.precision)
}

/// The bytes of what was prepared, read back and compared.
fn serialize(prepared: &Stored, format: Format, precision: Precision) -> Result<Vec<u8>> {
    let bytes = match (prepared, format) {
        (Stored::Network(network), Format::Json) => json::network_to_json(network)?.into_bytes(),
        (Stored::Network(network), Format::Onnx) => onnx::to_bytes(network, None, None, &[], precision),
        (Stored::Network(network), Format::Safetensors) => safetensors::to_bytes(network, None, precision)?,
        (Stored::Model(model), Format::Json) => model.to_json()?.into_bytes(),
        (Stored::Model(model), Format::Onnx) => {
            let names = model.columns.names();
            let metadata = [
                ("inputs", serde_json::json!(names).to_string()),
                ("target", model.columns.target.clone()),
                (onnx::KEY, model.description(false)?),
            ];
            let scaler = (model.scaler != Scaler::identity(names.len())).then_some(&model.scaler);
            let columns = Some((names.as_slice(), model.columns.target.as_str()));
            onnx::to_bytes(&model.network, scaler, columns, &metadata, precision)
        }
        (Stored::Model(model), Format::Safetensors) => {
            safetensors::to_bytes(&model.network, Some(model.description(true)?), precision)?
        }
    };
    if parse(&bytes, format, "the file to be written")? == *prepared {
        Ok(bytes)
    } else {
        Err(Error::new(
            "the file to be written does not read back as the network it is of",
            "write it in another format",
        ))
    }
}

/// What is written, exactly: with the scaler folded and numbers rounded where that is asked for.
pub fn prepare(stored: &Stored, format: Format, options: &Options) -> Result<Stored> {
    let precision = options.precision;
    match stored {
        Stored::Network(network) => {
            // Checked again, for its fields are public.
            let Network { w, b, v, c } = network.clone();
            round(&Network::new(w, b, v, c)?, precision).map(Stored::Network)
        }
        Stored::Model(model) => {
            model.check()?;
            let folded = match (options.scaler, format) {
                (Some(choice), _) => choice == ScalerChoice::Folded,
                (None, format) => format == Format::Safetensors,
            };
            let inputs = model.network.inputs();
            let (network, scaler) = if folded && model.scaler != Scaler::identity(inputs) {
                (model.scaler.network_to_user(&model.network)?, Scaler::identity(inputs))
            } else {
                (model.network.clone(), model.scaler.clone())
            };
            let (network, scaler) = (round(&network, precision)?, round_scaler(&scaler, precision)?);
            let same = network == model.network && scaler == model.scaler;
            let certificate = model.certificate.clone().filter(|_| same);
            Ok(Stored::Model(Box::new(Model { network, scaler, certificate, ..(**model).clone() })))
        }
    }
}

fn round(network: &Network, precision: Precision) -> Result<Network> {
    let (m, d) = (network.units(), network.inputs());
    let mut w = Mat::zeros(m, d);
    for i in 0..m {
        for k in 0..d {
            w[(i, k)] = precision.round(network.w[(i, k)], || format!("w[{i}][{k}]"))?;
        }
    }
    let list = |name: &str, values: &[f64]| {
        let values = values.iter().enumerate();
        values.map(|(i, &value)| precision.round(value, || format!("{name}[{i}]"))).collect::<Result<Vec<_>>>()
    };
    Network::new(w, list("b", &network.b)?, list("v", &network.v)?, precision.round(network.c, || "c".into())?)
}

fn round_scaler(scaler: &Scaler, precision: Precision) -> Result<Scaler> {
    let list = |name: &str, values: &[f64]| {
        let values = values.iter().enumerate();
        values.map(|(k, &value)| precision.round(value, || format!("{name}[{k}]"))).collect::<Result<Vec<_>>>()
    };
    let rounded = Scaler {
        input_mean: list("input_mean", &scaler.input_mean)?,
        input_scale: list("input_scale", &scaler.input_scale)?,
        target_mean: precision.round(scaler.target_mean, || "target_mean".into())?,
        target_scale: precision.round(scaler.target_scale, || "target_scale".into())?,
    };
    rounded.check(scaler.input_mean.len())?;
    Ok(rounded)
}

/// An error with the file that it is about.
fn named(source: &str, error: Error) -> Error {
    Error::new(format!("{source}: {}", error.what), error.hint)
}

#[cfg(test)]
mod tests;
