//! Networks, models and certificates out of files.

use crate::format::Format;
use crate::json::{parse_object, plain_from_value};
use crate::layers;
use crate::model::Model;
use crate::onnx::{self, named};
use crate::safetensors;
use crate::stored::Stored;
use crate::strict_json::{self, Fault};
use std::path::Path;
use tautnet::error::{Error, Result};
use tautnet::limits::{Limit, Limits};
use tautnet::network::Network;
use tautnet::scaling::Scaler;
use tautnet_tables::limited::read_file;

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

/// The same, but no more is read than the limits allow.
pub fn read_within(path: &Path, limits: &Limits) -> Result<Read> {
    let format = Format::of(path)?;
    let source = path.display().to_string();
    let bytes = read_file(path, &source, limits)?;
    let stored = parse_within(&bytes, format, &source, limits)?;
    let note = (format == Format::Json).then(|| {
        let numbers = stored.network().numbers();
        strict_json::rounded_integers(&bytes, numbers.into_iter(), &source)
    });
    Ok(Read { note: note.flatten(), stored })
}

/// From the bytes of a file; `source` is what messages call it. A graph with a scaler that belongs to no model is a plain
/// network with the scaler folded in.
pub fn parse(bytes: &[u8], format: Format, source: &str) -> Result<Stored> {
    parse_within(bytes, format, source, &Limits::default())
}

/// The same, but no more is read than the limits allow.
pub fn parse_within(bytes: &[u8], format: Format, source: &str, limits: &Limits) -> Result<Stored> {
    limits.check(Limit::Bytes, source, bytes.len() as u64)?;
    let model = |text: &str, network: Network, scaler: Option<Scaler>| {
        let source = format!("the metadata of {source}");
        let object = parse_object(text.as_bytes(), &source, limits)?;
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

impl Stored {
    /// Read a model file or a plain network file, in the format that its name says: JSON, ONNX or safetensors.
    pub fn read(path: &Path) -> Result<Self> {
        read(path)
    }

    /// The same, but no more is read than the limits allow; and with what the user should know of the file.
    pub fn read_within(path: &Path, limits: &Limits) -> Result<Read> {
        read_within(path, limits)
    }

    /// Read the bytes of a JSON file; `source` is what messages call it.
    pub fn parse(bytes: &[u8], source: &str) -> Result<Self> {
        Self::parse_within(bytes, source, &Limits::default())
    }

    /// The same, but no more is read than the limits allow.
    pub fn parse_within(bytes: &[u8], source: &str, limits: &Limits) -> Result<Self> {
        let object = parse_object(bytes, source, limits)?;
        match object.get("format") {
            Some(format) if *format != layers::FORMAT => {
                Model::from_parts(object, None, None, source).map(|model| Self::Model(Box::new(model)))
            }
            _ => plain_from_value(object, source).map(Self::Network),
        }
    }
}

impl Model {
    /// Read a model file.
    pub fn read(path: &Path) -> Result<Self> {
        Stored::read(path)?.into_model(path)
    }
}

/// The bytes of a certificate file as they are, or those of the certificate in a model file.
pub fn read_certificate(path: &Path) -> Result<Vec<u8>> {
    read_certificate_within(path, &Limits::default())
}

/// The same, but no more is read than the limits allow.
pub fn read_certificate_within(path: &Path, limits: &Limits) -> Result<Vec<u8>> {
    let source = path.display().to_string();
    let bytes = read_file(path, &source, limits)?;
    let model = match Format::of(path)? {
        Format::Json => {
            // What is no JSON, or has a key twice, the verifier says.
            if let Err(Fault::Refused(error)) = strict_json::value(&bytes, &source, limits) {
                return Err(error);
            }
            match Stored::parse_within(&bytes, &source, limits) {
                Ok(Stored::Model(model)) => model,
                _ => return Ok(bytes),
            }
        }
        format => match parse_within(&bytes, format, &source, limits)? {
            Stored::Model(model) => model,
            Stored::Network(_) => {
                let hint = "make a certificate with ⟨new_certificate⟩";
                return Err(Error::new(format!("{source} is a plain network without a certificate"), hint));
            }
        },
    };
    let (several, outputs) = (model.columns.several().is_some(), model.columns.outputs());
    model.certificate.map(|certificate| certificate.to_json()).ok_or_else(|| {
        let hint = match several {
            true => "a network of several classes has none; ⟨certify_file⟩ bounds the margins of its classes",
            false if outputs > 1 => "a network of several targets has none; ⟨certify_file⟩ bounds each of its outputs",
            false => "make one with ⟨new_certificate⟩",
        };
        Error::new(format!("the model in {source} has no certificate"), hint)
    })
}
