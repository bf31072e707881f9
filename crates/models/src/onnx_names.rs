//! What an ONNX graph gives names to: its tensors, its operators, its input and the output that is read.

use crate::onnx_messages::{Graph, Node, Size, ValueInfo};
use crate::onnx_tensor::{DOUBLE, FLOAT};
use std::collections::HashSet;
use tautnet::printable::shown;

/// The tensor that the network makes: the one output; of a classifier of two classes with several outputs the margin, which is
/// the output `prediction` where it is written by this program, and what is given to the one sigmoid in files of skl2onnx. Of several
/// classes it is one output a class, there what is given to the one softmax.
pub(crate) fn output(graph: &Graph) -> Option<&str> {
    let outputs: Vec<&str> = graph.output.iter().map(|output| output.name.as_str()).collect();
    let sigmoids: Vec<&Node> =
        graph.node.iter().filter(|node| matches!(op(node).as_ref(), "Sigmoid" | "Softmax")).collect();
    match (outputs.as_slice(), sigmoids.as_slice()) {
        (&[output], _) => Some(output),
        (["label", .., output @ "prediction"], _) => Some(output),
        (["label" | "output_label", _], [sigmoid]) => sigmoid.input.first().map(String::as_str),
        _ => None,
    }
}

/// The first of these that was there before.
pub(crate) fn repeated<'a>(names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut known = HashSet::new();
    names.into_iter().find(|name| !known.insert(*name))
}

/// Refuse a graph in which a name means two things: programs would not agree on which.
pub(crate) fn check_names(graph: &Graph) -> Result<(), String> {
    let initializers = || graph.initializer.iter().map(|tensor| tensor.name.as_str());
    let inputs = || graph.input.iter().map(|input| input.name.as_str());
    // An output that a node does not make has the empty name.
    let made = || graph.node.iter().flat_map(|node| &node.output).map(String::as_str).filter(|name| !name.is_empty());
    if let Some(name) = repeated(initializers()) {
        return Err(format!("the initializer `{}` is given twice", shown(name)));
    }
    if let Some(name) = repeated(inputs()) {
        return Err(format!("the input `{}` is given twice", shown(name)));
    }
    let brought: HashSet<&str> = initializers().chain(inputs()).collect();
    if let Some(name) = repeated(made()).or_else(|| made().find(|name| brought.contains(name))) {
        return Err(format!("the tensor `{}` is made twice", shown(name)));
    }
    for node in &graph.node {
        if let Some(name) = repeated(node.attribute.iter().map(|attribute| attribute.name.as_str())) {
            return Err(format!("a node ({}) has the attribute `{}` twice", shown(&op(node)), shown(name)));
        }
    }
    Ok(())
}

/// The tensors from which the output is made.
pub(crate) fn needed<'a>(graph: &'a Graph, output: &'a str) -> HashSet<&'a str> {
    let mut needed = HashSet::from([output]);
    for node in graph.node.iter().rev() {
        if node.output.iter().any(|name| needed.contains(name.as_str())) {
            needed.extend(node.input.iter().map(String::as_str));
        }
    }
    needed
}

/// Columns of the graph's input, where it states them.
pub(crate) fn input_width(input: &ValueInfo) -> Result<Option<usize>, String> {
    let Some(tensor) = input.value_type.as_ref().and_then(|value| value.tensor.as_ref()) else { return Ok(None) };
    // Whole numbers too: what follows makes floating point of them.
    if ![0, FLOAT, DOUBLE, 6, 7].contains(&tensor.element) {
        return Err(format!("its input `{}` has the element type {}, not float or double", input.name, tensor.element));
    }
    let Some(shape) = &tensor.shape else { return Ok(None) };
    let rank = shape.dimension.len();
    match (rank, shape.dimension.last().and_then(|last| last.size.as_ref())) {
        (1 | 2, Some(Size::Known(width))) if *width > 0 => Ok(usize::try_from(*width).ok()),
        (1 | 2, _) => Ok(None),
        _ => Err(format!("its input `{}` has {rank} dimensions where two are due, rows and columns", input.name)),
    }
}

/// The operator with its domain, where that is not the usual one.
pub(crate) fn op(node: &Node) -> String {
    if node.domain.is_empty() { node.op_type.clone() } else { format!("{}.{}", node.domain, node.op_type) }
}
