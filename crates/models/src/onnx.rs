//! ONNX files: read where they hold a network of layers. `onnx_write.rs` says what is written, `onnx_graph.rs` what is
//! understood.

use crate::fold::network_to_user;
pub(crate) use crate::onnx_graph::named;
use crate::onnx_graph::path;
use crate::onnx_messages as messages;
use crate::onnx_names::repeated;
use crate::onnx_tensor::numbers;
pub use crate::onnx_write::OPSET;
pub(crate) use crate::onnx_write::{Columns, to_bytes};
use prost::Message;
use tautnet::error::{Error, Result};
use tautnet::limits::{Limit, Limits};
use tautnet::network::Network;
use tautnet::printable::shown;
use tautnet::scaling::Scaler;

/// The operators used mean the same from this version on.
const OLDEST_OPSET: i64 = 7;
/// What a record counts among the cells of the limits: it may be two bytes long and take two hundred.
const CELLS_OF_RECORD: u64 = 1000;
/// The key of the metadata that are a model's own.
pub(crate) const KEY: &str = "tautnet";

/// A network read from ONNX.
#[derive(Debug, Clone, PartialEq)]
pub struct Import {
    /// The network: from standardized inputs to the standardized target if there is a scaler.
    pub network: Network,
    /// The scaler around the network, if the graph has one of exactly the form that is written; any other is part of the
    /// network.
    pub scaler: Option<Scaler>,
    /// The version of the default operator set that the file states.
    pub opset: i64,
    /// The keys and values that the file carries beside the graph.
    pub metadata: Vec<(String, String)>,
}

impl Import {
    /// The network from the inputs of the graph to its output.
    pub fn folded(self) -> Result<Network> {
        match self.scaler {
            Some(scaler) => network_to_user(&scaler, &self.network),
            None => Ok(self.network),
        }
    }
}

/// A network from the bytes of an ONNX file; `source` is what messages call it.
pub fn parse(bytes: &[u8], source: &str) -> Result<Import> {
    parse_within(bytes, source, &Limits::default())
}

/// The same, but no more is read than the limits allow.
pub fn parse_within(bytes: &[u8], source: &str, limits: &Limits) -> Result<Import> {
    let export = "export the network to ONNX again";
    if bytes.is_empty() {
        return Err(Error::new(format!("{source} is empty"), export));
    }
    limits.check(Limit::Bytes, source, bytes.len() as u64)?;
    let mut left = limits.cells / CELLS_OF_RECORD;
    let counted = records(bytes, ROOT, &mut left);
    if counted == Err(TOO_MANY.into()) {
        return Err(limits.beyond(Limit::Cells, source, None));
    }
    let model =
        counted.and_then(|()| messages::Model::decode(bytes).map_err(|error| error.to_string())).map_err(|error| {
            let said = error.split(": ").next().unwrap_or_default();
            Error::new(format!("{source} is not an ONNX file, or is damaged: {said}"), export)
        })?;
    if let Some(key) = repeated(model.metadata.iter().map(|entry| entry.key.as_str())) {
        return Err(Error::new(format!("{source}: its metadata have the key `{}` twice", shown(key)), export));
    }
    let Some(graph) = &model.graph else {
        return Err(Error::new(format!("{source} is not an ONNX file: it holds no graph"), export));
    };
    limits.check(Limit::Cells, source, graph.initializer.iter().map(numbers).fold(0, u64::saturating_add))?;
    let default = model.opset_import.iter().find(|set| ["", "ai.onnx"].contains(&set.domain.as_str()));
    let opset = default.map_or(0, |set| set.version);
    if opset < OLDEST_OPSET {
        return Err(Error::new(
            format!("{source} uses the ONNX operator set {opset}; sets from {OLDEST_OPSET} on are read"),
            "export it with a newer operator set (`opset_version=13`), or convert it with onnx.version_converter",
        ));
    }
    let path = path(graph, source)?;
    let metadata = model.metadata.into_iter().map(|entry| (entry.key, entry.value)).collect();
    let (scaler, path) = match path.without_scaler() {
        Some((scaler, inner)) => (Some(scaler), inner),
        None => (None, path),
    };
    let network = path.network().map_err(|error| named(source, error))?;
    Ok(Import { network, scaler, opset, metadata })
}

/// Which fields of a message hold messages that may be many, and what is in those.
struct Fields(&'static [(u32, Fields)]);

/// Of the file: the graph with its nodes (and their attributes, and tensors in these), initializers, inputs and outputs; operator sets; metadata.
const ROOT: &Fields = &Fields(&[(7, GRAPH), (8, Fields(&[])), (14, Fields(&[]))]);
const GRAPH: Fields = Fields(&[(1, NODE), (5, Fields(&[])), (11, VALUE), (12, VALUE)]);
const NODE: Fields = Fields(&[(5, Fields(&[(5, Fields(&[]))]))]);
const VALUE: Fields = Fields(&[(2, Fields(&[(1, Fields(&[(2, Fields(&[(1, Fields(&[]))]))]))]))]);

/// What [`records`] says of more records than were left.
const TOO_MANY: &str = "it has too many records";

/// Count the records of the messages that may be many, so that a small file cannot unpack to a large one: two bytes may
/// make a message that takes two hundred.
fn records(mut bytes: &[u8], fields: &Fields, left: &mut u64) -> std::result::Result<(), String> {
    use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
    while !bytes.is_empty() {
        *left = left.checked_sub(1).ok_or(TOO_MANY)?;
        let (tag, wire) = decode_key(&mut bytes).map_err(|error| error.to_string())?;
        let inner = fields.0.iter().find(|(field, _)| *field == tag).map(|(_, inner)| inner);
        match (inner, wire) {
            (Some(inner), WireType::LengthDelimited) => {
                let length = decode_varint(&mut bytes).map_err(|error| error.to_string())?;
                let length = usize::try_from(length).ok().filter(|&length| length <= bytes.len());
                let (part, rest) = bytes.split_at(length.ok_or("it is cut short")?);
                records(part, inner, left)?;
                bytes = rest;
            }
            _ => skip_field(wire, tag, &mut bytes, DecodeContext::default()).map_err(|error| error.to_string())?,
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "onnx_tests.rs"]
mod tests;
