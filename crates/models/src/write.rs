//! Networks and models into files.

use crate::format::{Format, Options, Precision, ScalerChoice};
use crate::model::Model;
use crate::read::parse;
use crate::stored::Stored;
use crate::{json, onnx, safetensors};
use faer::Mat;
use std::path::Path;
use tautnet::error::{Error, Result};
use tautnet::scaling::Scaler;
use tautnet::shallow::Shallow;
use tautnet_tables::atomic::{self, Existing};

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
        Stored::Network(network) => round(network, precision).map(Stored::Network),
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

fn round(network: &Shallow, precision: Precision) -> Result<Shallow> {
    let (m, d) = (network.units(), network.inputs());
    let mut w = Mat::zeros(m, d);
    for i in 0..m {
        for k in 0..d {
            w[(i, k)] = precision.round(network.w()[(i, k)], || format!("w[{i}][{k}]"))?;
        }
    }
    let list = |name: &str, values: &[f64]| {
        let values = values.iter().enumerate();
        values.map(|(i, &value)| precision.round(value, || format!("{name}[{i}]"))).collect::<Result<Vec<_>>>()
    };
    Shallow::new(w, list("b", &network.b())?, list("v", &network.v())?, precision.round(network.c(), || "c".into())?)
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
