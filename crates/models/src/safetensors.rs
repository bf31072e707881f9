//! safetensors files: named arrays, as torch stores a `state_dict`.
//!
//! Which arrays make a network, [`state_dict`](crate::state_dict) decides. A model's columns, scaler and record are one text
//! in the file's metadata, under the key `tautnet`. There too stand the activations of a network that has others than relu:
//! the arrays do not tell them.

use crate::element::Element;
use crate::format::Precision;
use crate::json::parse_object;
use crate::layers;
use crate::onnx::KEY;
use crate::state_dict::{Tensor, network_to_state_dict, network_with_activations};
use crate::strict_json::{self, Fault};
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use serde_json::{Value, json};
use std::collections::HashMap;
use tautnet::activation::Activation;
use tautnet::error::{Error, Result};
use tautnet::limits::{Limit, Limits};
use tautnet::network::Network;

/// Where the activations of the hidden layers stand in the metadata.
const ACTIVATIONS: &str = "activations";

/// A network from the bytes of a safetensors file, and the text of a model in its metadata, if there is one; `source` is what
/// messages call the file.
pub fn parse(bytes: &[u8], source: &str) -> Result<(Network, Option<String>)> {
    parse_within(bytes, source, &Limits::default())
}

/// The same, but no more is read than the limits allow.
pub fn parse_within(bytes: &[u8], source: &str, limits: &Limits) -> Result<(Network, Option<String>)> {
    limits.check(Limit::Bytes, source, bytes.len() as u64)?;
    let damaged = |error: &dyn std::fmt::Display| {
        Error::new(
            format!("{source} is not a safetensors file, or is damaged: {error}"),
            "write it again with safetensors' `save_file(model.state_dict(), FILE)`",
        )
    };
    if bytes.is_empty() {
        return Err(damaged(&"it is empty"));
    }
    // The header is JSON, behind its length; a key that is there twice means two things.
    let header = bytes.first_chunk().and_then(|length| bytes[8..].get(..u64::from_le_bytes(*length).try_into().ok()?));
    match header.map(|header| strict_json::value(header, source, limits)) {
        Some(Err(Fault::Refused(error))) => return Err(error),
        Some(Err(Fault::Syntax(error))) => return Err(damaged(&format!("its header: {error}"))),
        Some(Ok(_)) | None => {}
    }
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|error| damaged(&error))?;
    let file = SafeTensors::deserialize(bytes).map_err(|error| damaged(&error))?;
    // The file's order is that of a hash table: messages must not depend on it.
    let mut views: Vec<_> = file.iter().collect();
    views.sort_by_key(|(name, _)| *name);
    let mut tensors = Vec::new();
    let mut numbers = 0u64;
    for (name, view) in views {
        let element = match view.dtype() {
            Dtype::F16 => Element::F16,
            Dtype::BF16 => Element::Bf16,
            Dtype::F32 => Element::F32,
            Dtype::F64 => Element::F64,
            other => {
                return Err(Error::new(
                    format!("{source}: `{name}` has the element type {other:?}"),
                    "weights must be F16, BF16, F32 or F64",
                ));
            }
        };
        numbers += (view.data().len() / element.size()) as u64;
        limits.check(Limit::Cells, source, numbers)?;
        tensors.push(Tensor { name: name.into(), shape: view.shape().into(), values: element.decode(view.data()) });
    }
    let text = metadata.metadata().as_ref().and_then(|metadata| metadata.get(KEY)).cloned();
    let (activations, model) = match text {
        None => (None, None),
        Some(text) => described(&text, source, limits)?,
    };
    Ok((network_with_activations(&tensors, activations.as_deref(), source)?, model))
}

/// The activations in the metadata, where they are told, and the rest of the text where it is that of a model.
fn described(text: &str, source: &str, limits: &Limits) -> Result<(Option<Vec<Activation>>, Option<String>)> {
    let source = format!("the metadata of {source}");
    let mut object = parse_object(text.as_bytes(), &source, limits)?;
    let Some(activations) = object.remove(ACTIVATIONS) else { return Ok((None, Some(text.to_owned()))) };
    let named = |error: Error| Error::new(format!("{source}: {}", error.what), error.hint);
    let wrong = || Error::new(format!("{source}: `{ACTIVATIONS}` is not a list of names"), "write the network again");
    let Value::Array(names) = activations else { return Err(wrong()) };
    let parsed = names.iter().map(|name| name.as_str().ok_or_else(wrong)?.parse::<Activation>().map_err(named));
    let activations = parsed.collect::<Result<Vec<_>>>()?;
    let model = object.get("format").is_none_or(|format| *format != layers::FORMAT);
    if !model && object.get("version").and_then(Value::as_u64) != Some(layers::VERSION) {
        return Err(Error::new(
            format!("{source} are not of version {}", layers::VERSION),
            "update tautnet, or write the network again with this one",
        ));
    }
    Ok((Some(activations), model.then(|| Value::Object(object).to_string())))
}

/// The text in which a network's activations stand beside what is told of a model.
fn description(network: &Network, model: Option<String>) -> Result<Option<String>> {
    let hidden = &network.layers()[..network.layers().len() - 1];
    if hidden.iter().all(|layer| layer.activation().is_relu()) {
        return Ok(model);
    }
    let names: Vec<String> = hidden.iter().map(|layer| layer.activation().name()).collect();
    let mut object = match model {
        Some(text) => parse_object(text.as_bytes(), "the model", &Limits::default())?,
        None => parse_object(
            json!({"format": layers::FORMAT, "version": layers::VERSION}).to_string().as_bytes(),
            "the network",
            &Limits::default(),
        )?,
    };
    object.insert(ACTIVATIONS.into(), json!(names));
    Ok(Some(Value::Object(object).to_string()))
}

/// The bytes of a safetensors file. With `Precision::F32` all numbers must be single precision already.
pub(crate) fn to_bytes(network: &Network, model: Option<String>, precision: Precision) -> Result<Vec<u8>> {
    let tensors = network_to_state_dict(network);
    let bytes: Vec<Vec<u8>> = tensors.iter().map(|tensor| precision.encode(&tensor.values)).collect();
    let element = if precision == Precision::F32 { Dtype::F32 } else { Dtype::F64 };
    let unwritable = |error: safetensors::SafeTensorError| {
        Error::new(format!("the network cannot be written as safetensors: {error}"), "write it in another format")
    };
    let views = tensors.iter().zip(&bytes).map(|(tensor, bytes)| {
        Ok((tensor.name.as_str(), TensorView::new(element, tensor.shape.clone(), bytes).map_err(unwritable)?))
    });
    // One entry: two would stand in the order of a hash table, and the same model would not give the same bytes.
    let metadata = description(network, model)?.map(|model| HashMap::from([(KEY.to_owned(), model)]));
    serialize(views.collect::<Result<Vec<_>>>()?, metadata).map_err(unwritable)
}
