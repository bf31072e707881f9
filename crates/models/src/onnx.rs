//! ONNX files: read where they hold a one-hidden-layer relu network, and written.
//!
//! What is written, with the nodes in brackets where the network has a scaler that is kept:
//!
//! ```text
//! inputs ─► [Sub μ ─► Div σ] ─► Gemm (W, b) ─► Relu ─► Gemm (v, c) ─► [Mul τ ─► Add ȳ] ─► prediction
//! ```
//!
//! Weights are double (or float) tensors; `transB` is 1, so that `W` stands as everywhere in this program, one row a hidden
//! unit. Of what is read, `onnx_graph.rs` says what is understood.

use crate::format::Precision;
use crate::onnx_graph::{Step, affine, chain, repeated};
use crate::onnx_messages as messages;
use crate::onnx_tensor::{DOUBLE, FLOAT, numbers};
use prost::Message;
use tautnet::error::{Error, Result};
use tautnet::limits::{Limit, Limits};
use tautnet::printable::shown;
use tautnet::scaling::Scaler;
use tautnet::shallow::Shallow;

/// The version of ONNX's default operator set that is written.
pub const OPSET: i64 = 13;
/// The version of the file format that goes with it.
const IR_VERSION: i64 = 7;
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
    pub network: Shallow,
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
    pub fn folded(self) -> Result<Shallow> {
        match self.scaler {
            Some(scaler) => scaler.network_to_user(&self.network),
            None => Ok(self.network),
        }
    }
}

/// A network from the bytes of an ONNX file; `source` is what messages call it.
pub fn parse(bytes: &[u8], source: &str) -> Result<Import> {
    parse_within(bytes, source, &Limits::default())
}

/// The same, no more than the limits allow.
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
            Error::new(format!("{source} is no ONNX file, or is damaged: {said}"), export)
        })?;
    if let Some(key) = repeated(model.metadata.iter().map(|entry| entry.key.as_str())) {
        return Err(Error::new(format!("{source}: its metadata have the key `{}` twice", shown(key)), export));
    }
    let Some(graph) = &model.graph else {
        return Err(Error::new(format!("{source} is no ONNX file: it holds no graph"), export));
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
    let chain = chain(graph, source)?;
    let refuse = |what: String| {
        Error::new(format!("{source}: {what}"), "the graph must be Gemm (or MatMul and Add), Relu, Gemm to one output")
    };
    let mut halves = chain.steps.split(|step| *step == Step::Relu);
    let (Some(before), Some(after)) = (halves.next(), halves.next()) else {
        return Err(refuse("the graph has no Relu: its function is affine".into()));
    };
    match chain.width {
        Some(1) => {}
        Some(width) => return Err(refuse(format!("the graph has {width} output columns where one is due"))),
        None => return Err(refuse("the graph has no matrix".into())),
    }
    let metadata = model.metadata.into_iter().map(|entry| (entry.key, entry.value)).collect();
    let network = |before: &[Step], after: &[Step]| {
        let (w, b) = affine(before).ok_or_else(|| refuse("there is no matrix before the Relu".into()))?;
        let (v, c) = affine(after).ok_or_else(|| refuse("there is no matrix after the Relu".into()))?;
        let units = w.nrows();
        let v = (0..units).map(|i| v[(0, i)]).collect();
        Shallow::new(w, b.unwrap_or_else(|| vec![0.0; units]), v, c.map_or(0.0, |c| c[0]))
            .map_err(|error| named(source, error))
    };
    if let Some((scaler, before, after)) = scaler(before, after) {
        let network = network(before, after)?;
        return Ok(Import { network, scaler: Some(scaler), opset, metadata });
    }
    Ok(Import { network: network(before, after)?, scaler: None, opset, metadata })
}

/// The scaler around the two halves, in the form in which it is written, and what it is around.
fn scaler<'a>(before: &'a [Step], after: &'a [Step]) -> Option<(Scaler, &'a [Step], &'a [Step])> {
    let [Step::Subtract(mean), Step::Divide(scale), inner_before @ ..] = before else { return None };
    let [inner_after @ .., Step::Multiply(target_scale), Step::Add(target_mean)] = after else { return None };
    let (Some(Step::Linear(w)), Some(Step::Linear(_))) = (inner_before.first(), inner_after.first()) else {
        return None;
    };
    let inputs = w.ncols();
    let wide = |row: &[f64]| if row.len() == 1 { vec![row[0]; inputs] } else { row.to_vec() };
    let scaler = Scaler {
        input_mean: wide(mean),
        input_scale: wide(scale),
        target_mean: *target_mean.first()?,
        target_scale: *target_scale.first()?,
    };
    scaler.check(inputs).ok().map(|()| (scaler, inner_before, inner_after))
}

/// Which fields of a message hold messages that may be many, and what is in those.
struct Fields(&'static [(u32, Fields)]);

/// Of the file: the graph with its nodes (and their attributes), initializers, inputs and outputs; operator sets; metadata.
const ROOT: &Fields = &Fields(&[(7, GRAPH), (8, Fields(&[])), (14, Fields(&[]))]);
const GRAPH: Fields = Fields(&[(1, NODE), (5, Fields(&[])), (11, VALUE), (12, VALUE)]);
const NODE: Fields = Fields(&[(5, Fields(&[]))]);
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

/// The bytes of an ONNX file. With `Precision::F32` all numbers must be single precision already.
pub(crate) fn to_bytes(
    network: &Shallow,
    scaler: Option<&Scaler>,
    columns: Option<(&[String], &str)>,
    metadata: &[(&str, String)],
    precision: Precision,
) -> Vec<u8> {
    let (m, d) = (network.units(), network.inputs());
    let mut graph = messages::Graph { name: "tautnet".into(), ..messages::Graph::default() };
    if let Some((inputs, target)) = columns {
        graph.doc_string = format!("Inputs, in this order: {}. Prediction: {target}.", inputs.join(", "));
    }
    let mut last = "inputs".to_owned();
    let mut node = |op: &str, name: &str, constants: &[&str]| {
        let input = [last.as_str()].iter().chain(constants).map(|name| (*name).to_owned()).collect();
        let transposed =
            messages::Attribute { name: "transB".into(), int: Some(1), kind: 2, ..messages::Attribute::default() };
        graph.node.push(messages::Node {
            input,
            output: vec![name.into()],
            name: format!("{op}_{name}"),
            op_type: op.into(),
            attribute: if op == "Gemm" { vec![transposed] } else { Vec::new() },
            domain: String::new(),
        });
        last = name.into();
    };
    let end = if scaler.is_some() { "standardized_prediction" } else { "prediction" };
    if scaler.is_some() {
        node("Sub", "centred", &["input_mean"]);
        node("Div", "standardized", &["input_scale"]);
    }
    node("Gemm", "hidden", &["w", "b"]);
    node("Relu", "active", &[]);
    node("Gemm", end, &["v", "c"]);
    if scaler.is_some() {
        node("Mul", "scaled", &["target_scale"]);
        node("Add", "prediction", &["target_mean"]);
    }
    let mut tensor = |name: &str, dims: &[usize], values: Vec<f64>| {
        graph.initializer.push(messages::Tensor {
            dims: dims.iter().map(|&length| length as i64).collect(),
            data_type: if precision == Precision::F32 { FLOAT } else { DOUBLE },
            name: name.into(),
            raw_data: Some(precision.encode(&values)),
            ..messages::Tensor::default()
        });
    };
    tensor("w", &[m, d], (0..m).flat_map(|i| (0..d).map(move |k| (i, k))).map(|at| network.w()[at]).collect());
    tensor("b", &[m], network.b().to_vec());
    tensor("v", &[1, m], network.v().to_vec());
    tensor("c", &[1], vec![network.c()]);
    if let Some(scaler) = scaler {
        tensor("input_mean", &[d], scaler.input_mean.clone());
        tensor("input_scale", &[d], scaler.input_scale.clone());
        tensor("target_scale", &[1], vec![scaler.target_scale]);
        tensor("target_mean", &[1], vec![scaler.target_mean]);
    }
    let value = |name: &str, width: usize| {
        let dimension = |size| messages::Dimension { size: Some(size) };
        let shape = messages::Shape {
            dimension: vec![
                dimension(messages::Size::Named("rows".into())),
                dimension(messages::Size::Known(width as i64)),
            ],
        };
        let element = if precision == Precision::F32 { FLOAT } else { DOUBLE };
        let tensor = messages::TensorType { element, shape: Some(shape) };
        messages::ValueInfo { name: name.into(), value_type: Some(messages::Type { tensor: Some(tensor) }) }
    };
    graph.input.push(value("inputs", d));
    graph.output.push(value("prediction", 1));
    let entry = |(key, value): &(&str, String)| messages::Entry { key: (*key).into(), value: value.clone() };
    let model = messages::Model {
        ir_version: IR_VERSION,
        producer_name: "tautnet".into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        graph: Some(graph),
        opset_import: vec![messages::OperatorSet { domain: String::new(), version: OPSET }],
        metadata: metadata.iter().map(entry).collect(),
    };
    model.encode_to_vec()
}

/// An error with the file that it is about.
pub(crate) fn named(source: &str, error: Error) -> Error {
    Error::new(format!("{source}: {}", error.what), error.hint)
}

#[cfg(test)]
#[path = "onnx_tests.rs"]
mod tests;
