//! Networks and models into files.

use crate::deep_model::BOUND;
use crate::format::{Format, Options, Precision, ScalerChoice};
use crate::model::Model;
use crate::read::parse;
use crate::stored::Stored;
use crate::{json, onnx, safetensors};
use faer::Mat;
use std::path::Path;
use tautnet::error::{Error, Result};
use tautnet::network::{Layer, Network};
use tautnet::scaling::Scaler;
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
            let mut metadata = vec![
                ("inputs", serde_json::json!(names).to_string()),
                ("target", model.columns.target.clone()),
                (onnx::KEY, model.description(false)?),
            ];
            let targets = model.columns.target_names();
            let several = (targets.len() > 1).then(|| ("targets", serde_json::json!(targets).to_string()));
            metadata.extend(several);
            metadata.extend(model.columns.classes.as_ref().map(|all| ("classes", serde_json::json!(all).to_string())));
            // A scaler that changes nothing says of how many targets it is.
            let scaler = (targets.len() > 1 || model.scaler != Scaler::identity(names.len())).then_some(&model.scaler);
            let columns = onnx::Columns {
                inputs: &names,
                target: &model.columns.target,
                targets: &targets,
                classes: model.columns.classes.as_deref(),
                probabilities: model.loss()?.name() == "logistic",
            };
            onnx::to_bytes(&model.network, scaler, Some(&columns), &metadata, precision)
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
        Stored::Network(network) => round(&shape_of(network, format)?, precision).map(Stored::Network),
        Stored::Model(model) => {
            model.check()?;
            let folded = match (options.scaler, format) {
                (Some(choice), _) => choice == ScalerChoice::Folded,
                (None, format) => format == Format::Safetensors,
            };
            let inputs = model.network.inputs();
            let identity = Scaler::identity_of(inputs, model.scaler.targets());
            let (network, scaler) = if folded && model.scaler != identity {
                (model.network_to_user()?, identity)
            } else {
                (model.network.clone(), model.scaler.clone())
            };
            let (network, scaler) =
                (round(&shape_of(&network, format)?, precision)?, round_scaler(&scaler, precision)?);
            let same = network == model.network && scaler == model.scaler;
            let certificate = model.certificate.clone().filter(|_| same);
            let mut written = Model { network, scaler, certificate, ..(**model).clone() };
            if !same {
                written.bound_anew()?;
            }
            Ok(Stored::Model(Box::new(written)))
        }
    }
}

/// What is to be told of a file whose weights are not those of the network that it was written of, whatever is proved of that one.
pub fn told_of_weights(given: &Stored, written: &Stored, options: &Options) -> Option<String> {
    if given.certificate().is_some() && written.certificate().is_none() {
        return Some("the certificate is about other weights and was left out; ⟨certify_file⟩ makes a new one".into());
    }
    let same_units = match (given, written) {
        (Stored::Model(given), Stored::Model(written)) => given.scaler == written.scaler,
        _ => true,
    };
    match (given.network() == written.network(), same_units) {
        (true, true) => return None,
        (true, false) => {
            let told = "the means and scales in the file are rounded to single precision: what a certificate of the network as it was claims in the units of the \
                        data is not about them, and ⟨certify_file⟩ makes one of the file";
            return Some(told.into());
        }
        (false, _) => {}
    }
    let what = match options.precision {
        Precision::F32 => "rounded to single precision",
        Precision::F64 if same_units => "those of fewer layers, computed anew",
        Precision::F64 => "those for data in their own units, computed anew",
    };
    let anew = match written {
        Stored::Model(model) if model.objective.get(BOUND).is_some() => {
            "; the bound that the file tells is one of its own weights, and what it tells of rows is not"
        }
        _ => "",
    };
    Some(format!(
        "the weights in the file are {what}: no certificate of the network as it was is about them, and ⟨certify_file⟩ makes one of the file{anew}"
    ))
}

/// The network as the format can say it: a graph tells no hidden layer whose activation is the identity from what is around
/// it.
fn shape_of(network: &Network, format: Format) -> Result<Network> {
    match format {
        Format::Onnx => network.clone().merged(),
        Format::Json | Format::Safetensors => Ok(network.clone()),
    }
}

fn round(network: &Network, precision: Precision) -> Result<Network> {
    if precision == Precision::F64 {
        return Ok(network.clone());
    }
    let matrix = |matrix: &Mat<f64>, name: &str| {
        let mut rounded = Mat::zeros(matrix.nrows(), matrix.ncols());
        for i in 0..matrix.nrows() {
            for k in 0..matrix.ncols() {
                rounded[(i, k)] = precision.round(matrix[(i, k)], || format!("{name}[{i}][{k}]"))?;
            }
        }
        Ok::<_, Error>(rounded)
    };
    let layers = network.layers().iter().enumerate().map(|(l, layer)| {
        let bias = layer.bias().iter().enumerate();
        let bias = bias.map(|(i, &value)| precision.round(value, || format!("layers[{l}].bias[{i}]")));
        let activation = layer.activation().with_number(|number| f64::from(number as f32))?;
        let weights = matrix(layer.weights(), &format!("layers[{l}].weights"))?;
        Ok(Layer::new(weights, bias.collect::<Result<Vec<_>>>()?, activation))
    });
    let layers = layers.collect::<Result<Vec<_>>>()?;
    Network::new(layers, network.linear().map(|linear| matrix(linear, "linear")).transpose()?)
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
        other_target_means: list("other_target_means", &scaler.other_target_means)?,
        other_target_scales: list("other_target_scales", &scaler.other_target_scales)?,
        constant_inputs: scaler.constant_inputs.clone(),
    };
    rounded.check(scaler.input_mean.len())?;
    Ok(rounded)
}
