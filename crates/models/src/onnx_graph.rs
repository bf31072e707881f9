//! What an ONNX graph does to a row: a chain of steps, from which the network is read.
//!
//! Every accepted node adds to a chain of elementwise steps, matrix products and one relu:
//!
//! ```text
//! x ─► (x + p) ∘ s ─► W x + b ─► relu ─► (h + q) ∘ t ─► v·h + c
//! ```
//!
//! Whatever stands between two of the three places is affine, and [`affine`] multiplies it out. A number that is met by no
//! other number keeps its bits. Nodes that do not lead to the output are not looked at.

use crate::onnx_messages::{Attribute, Graph, Node, Size, ValueInfo};
use crate::onnx_tensor::{Constant, DOUBLE, FLOAT};
use faer::Mat;
use std::collections::{HashMap, HashSet};
use tautnet::error::{Error, Result};
use tautnet::printable::shown;

/// What is done to every row. A vector of one number stands for that number in every column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    Add(Vec<f64>),
    Subtract(Vec<f64>),
    Multiply(Vec<f64>),
    Divide(Vec<f64>),
    /// Outputs × inputs.
    Linear(Mat<f64>),
    Relu,
}

/// The graph as a chain.
#[derive(Debug)]
pub(crate) struct Chain {
    /// The steps, first to last.
    pub steps: Vec<Step>,
    /// Columns of what comes out so far; `None` while the graph has not said.
    pub width: Option<usize>,
    /// Whether the one column has been made a list.
    flat: bool,
    /// How many more numbers may be taken out of constants: a few times what there is, for a small file may use one matrix a
    /// hundred thousand times.
    left: usize,
}

/// A tensor of the graph.
#[derive(Clone)]
enum Value {
    /// The rows, after so many steps.
    Rows(usize),
    Constant(Constant),
}

const HINT: &str = "the graph must be Gemm (or MatMul and Add), Relu, Gemm, for rows of inputs, with nothing around it but \
                    Sub, Div, Mul and Add of constants";
const NOT_RELU: &str = "the programs and proofs are about relu networks: train it with relu";

/// The chain of a graph; `source` is what messages call the file.
pub(crate) fn chain(graph: &Graph, source: &str) -> Result<Chain> {
    let refuse = |what: String| Error::new(format!("{source}: {what}"), HINT);
    check_names(graph).map_err(|what| {
        Error::new(format!("{source}: {what}"), "in an ONNX graph every tensor has a name of its own: export it again")
    })?;
    let mut values: HashMap<&str, Value> = HashMap::new();
    let [output] = graph.output.as_slice() else {
        let names: Vec<&str> = graph.output.iter().take(8).map(|output| output.name.as_str()).collect();
        return Err(refuse(format!("the graph has {} outputs ({})", graph.output.len(), names.join(", "))));
    };
    let needed = needed(graph, &output.name);
    for tensor in graph.initializer.iter().filter(|tensor| needed.contains(tensor.name.as_str())) {
        let constant = Constant::of(tensor).map_err(|what| {
            Error::new(
                format!("{source}: the initializer `{}` {what}", tensor.name),
                "export the network again, with its weights as plain tensors in the file",
            )
        })?;
        values.insert(&tensor.name, Value::Constant(constant));
    }
    // Old files list initializers among the inputs too.
    let brought: HashSet<&str> = graph.initializer.iter().map(|tensor| tensor.name.as_str()).collect();
    let inputs: Vec<&ValueInfo> = graph.input.iter().filter(|input| !brought.contains(input.name.as_str())).collect();
    let &[input] = inputs.as_slice() else {
        let names: Vec<&str> = inputs.iter().take(8).map(|input| input.name.as_str()).collect();
        return Err(Error::new(
            format!("{source}: the graph has {} inputs ({})", inputs.len(), names.join(", ")),
            "export it with one input that holds all columns",
        ));
    };
    let stored = |value: &Value| match value {
        Value::Constant(constant) => constant.values.len(),
        Value::Rows(_) => 0,
    };
    let left = (1 << 16) + 4 * values.values().map(stored).sum::<usize>();
    let mut chain = Chain { steps: Vec::new(), width: input_width(input).map_err(refuse)?, flat: false, left };
    values.insert(&input.name, Value::Rows(0));

    for (place, node) in graph.node.iter().enumerate() {
        if !node.output.iter().any(|name| needed.contains(name.as_str())) {
            continue;
        }
        let value = chain.take(node, &values).map_err(|refusal| {
            let name = if node.name.is_empty() { format!("{}", place + 1) } else { format!("`{}`", node.name) };
            Error::new(format!("{source}: node {name} ({}): {}", op(node), refusal.what), refusal.hint)
        })?;
        if let Some(name) = node.output.first() {
            values.insert(name, value);
        }
    }
    match values.get(output.name.as_str()) {
        Some(Value::Rows(steps)) if *steps == chain.steps.len() => Ok(chain),
        _ => Err(refuse(format!("its output `{}` is not what its nodes make of the input", output.name))),
    }
}

/// The first of these that was there before.
pub(crate) fn repeated<'a>(names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut known = HashSet::new();
    names.into_iter().find(|name| !known.insert(*name))
}

/// Refuse a graph in which a name means two things: programs would not agree on which.
fn check_names(graph: &Graph) -> std::result::Result<(), String> {
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
fn needed<'a>(graph: &'a Graph, output: &'a str) -> HashSet<&'a str> {
    let mut needed = HashSet::from([output]);
    for node in graph.node.iter().rev() {
        if node.output.iter().any(|name| needed.contains(name.as_str())) {
            needed.extend(node.input.iter().map(String::as_str));
        }
    }
    needed
}

/// Columns of the graph's input, where it states them.
fn input_width(input: &ValueInfo) -> std::result::Result<Option<usize>, String> {
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
fn op(node: &Node) -> String {
    if node.domain.is_empty() { node.op_type.clone() } else { format!("{}.{}", node.domain, node.op_type) }
}

fn refusal(what: impl Into<String>) -> Error {
    Error::new(what, HINT)
}

fn attribute<'a>(node: &'a Node, name: &str) -> Option<&'a Attribute> {
    node.attribute.iter().find(|attribute| attribute.name == name)
}

fn whole(node: &Node, name: &str, otherwise: i64) -> i64 {
    attribute(node, name).and_then(|attribute| attribute.int).unwrap_or(otherwise)
}

fn factor(node: &Node, name: &str) -> f64 {
    attribute(node, name).and_then(|attribute| attribute.float).map_or(1.0, f64::from)
}

impl Chain {
    /// Follow one node.
    fn take(&mut self, node: &Node, values: &HashMap<&str, Value>) -> Result<Value> {
        let mut inputs = Vec::new();
        for name in node.input.iter().filter(|name| !name.is_empty()) {
            match values.get(name.as_str()) {
                Some(value) => inputs.push(value.clone()),
                None => return Err(refusal(format!("its input `{name}` is made by nothing that stands before it"))),
            }
        }
        for value in &inputs {
            match value {
                Value::Rows(steps) if *steps != self.steps.len() => {
                    return Err(refusal("it takes a tensor that another node takes too: the graph is not one chain"));
                }
                Value::Rows(_) => {}
                Value::Constant(constant) => {
                    let left = self.left.checked_sub(constant.values.len());
                    self.left = left.ok_or_else(|| refusal("it uses constants that were used many times before"))?;
                }
            }
        }
        if op(node) == "Constant" {
            let [attribute] = node.attribute.as_slice() else { return Err(refusal("it has no single value")) };
            return Constant::of_attribute(attribute).map(Value::Constant).map_err(refusal);
        }
        match inputs.as_slice() {
            [Value::Rows(_), rest @ ..] if rest.iter().all(|value| matches!(value, Value::Constant(_))) => {
                self.apply(node, &constants(rest), true)?;
                Ok(Value::Rows(self.steps.len()))
            }
            [Value::Constant(first), Value::Rows(_)] => {
                self.apply(node, std::slice::from_ref(first), false)?;
                Ok(Value::Rows(self.steps.len()))
            }
            [Value::Constant(first), rest @ ..] if rest.iter().all(|value| matches!(value, Value::Constant(_))) => {
                fold(node, first, &constants(rest)).map(Value::Constant)
            }
            _ => Err(refusal("it does not take one tensor and constants")),
        }
    }

    /// A node that takes the rows, first or second among its inputs, and constants.
    fn apply(&mut self, node: &Node, constants: &[Constant], rows_first: bool) -> Result<()> {
        let operator = op(node);
        match (operator.as_str(), constants) {
            ("Identity", []) => Ok(()),
            ("Dropout", rest) if rest.len() < 2 => Ok(()),
            ("Cast", []) => match whole(node, "to", 0) as i32 {
                FLOAT | DOUBLE => Ok(()),
                other => Err(refusal(format!("it rounds to the element type {other}"))),
            },
            ("Relu", []) if self.steps.contains(&Step::Relu) => {
                Err(Error::new("it is the second relu", "give a network with one hidden layer"))
            }
            ("Relu", []) => {
                self.steps.push(Step::Relu);
                Ok(())
            }
            ("Neg", []) => self.elementwise(Step::Multiply, vec![-1.0]),
            ("Add", [one]) => self.elementwise(Step::Add, row(one)?),
            ("Mul", [one]) => self.elementwise(Step::Multiply, row(one)?),
            ("Sub", [one]) if rows_first => self.elementwise(Step::Subtract, row(one)?),
            ("Sub", [one]) => {
                self.elementwise(Step::Multiply, vec![-1.0])?;
                self.elementwise(Step::Add, row(one)?)
            }
            ("Div", [one]) if rows_first => {
                let row = row(one)?;
                if row.contains(&0.0) {
                    return Err(Error::new("it divides by 0", "give a constant column the scale 1"));
                }
                self.elementwise(Step::Divide, row)
            }
            ("MatMul", [matrix]) if rows_first => self.linear(matrix, 1.0),
            ("Gemm", [matrix, rest @ ..]) if rows_first && rest.len() < 2 => {
                if whole(node, "transA", 0) != 0 {
                    return Err(refusal("it transposes its input"));
                }
                let transposed = if whole(node, "transB", 0) == 0 { Some(matrix.clone()) } else { matrix.transposed() };
                let matrix = transposed.ok_or_else(|| refusal("its second input is no matrix"))?;
                self.linear(&matrix, factor(node, "alpha"))?;
                let Some(bias) = rest.first() else { return Ok(()) };
                let beta = factor(node, "beta");
                let bias = row(bias)?;
                self.elementwise(Step::Add, if beta == 1.0 { bias } else { bias.iter().map(|c| beta * c).collect() })
            }
            ("ai.onnx.ml.Scaler", []) => {
                let list = |name| {
                    let floats = attribute(node, name).map(|list| list.floats.iter().map(|&x| f64::from(x)).collect());
                    floats.filter(|floats: &Vec<f64>| !floats.is_empty() && floats.iter().all(|x| x.is_finite()))
                };
                let (Some(offset), Some(scale)) = (list("offset"), list("scale")) else {
                    return Err(refusal("it needs the attributes `offset` and `scale`"));
                };
                self.elementwise(Step::Subtract, offset)?;
                self.elementwise(Step::Multiply, scale)
            }
            ("Flatten", []) if [1, -1].contains(&whole(node, "axis", 1)) => {
                self.flat = false;
                Ok(())
            }
            ("Reshape", [shape]) if rows_first => self.reshape(&shape.whole()),
            ("Squeeze" | "Unsqueeze", rest) if rows_first && rest.len() < 2 => {
                let axes = match (rest.first(), attribute(node, "axes")) {
                    (Some(axes), _) => axes.whole(),
                    (None, Some(axes)) => axes.ints.clone(),
                    (None, None) => vec![1],
                };
                let squeeze = operator == "Squeeze";
                if axes.len() != 1 || ![1, -1].contains(&axes[0]) || self.width != Some(1) || self.flat == squeeze {
                    return Err(refusal("it does more than to turn the one column of the output into a list"));
                }
                self.flat = squeeze;
                Ok(())
            }
            (
                "Tanh" | "Sigmoid" | "LeakyRelu" | "Elu" | "Selu" | "Gelu" | "Softplus" | "HardSigmoid" | "HardSwish"
                | "PRelu" | "Erf" | "Sin" | "Exp" | "Clip" | "Softmax",
                _,
            ) => Err(Error::new("it is not relu", NOT_RELU)),
            _ => Err(refusal("it is no part of a one-hidden-layer relu network, or not with these inputs")),
        }
    }

    /// An elementwise step by a row of constants.
    fn elementwise(&mut self, step: impl FnOnce(Vec<f64>) -> Step, row: Vec<f64>) -> Result<()> {
        if row.len() > 1 {
            match self.width {
                Some(width) if self.flat || width != row.len() => {
                    return Err(refusal(format!("its constant has {} entries for {width} columns", row.len())));
                }
                _ => self.width = Some(row.len()),
            }
        }
        self.steps.push(step(row));
        Ok(())
    }

    /// Rows times a matrix, inputs × outputs.
    fn linear(&mut self, matrix: &Constant, alpha: f64) -> Result<()> {
        let (rows, columns) = match *matrix.dims {
            [rows, columns] => (rows, columns),
            [rows] => (rows, 1),
            _ => return Err(refusal("its second input is no matrix")),
        };
        if let Some(width) = self.width
            && width != rows
        {
            return Err(refusal(format!("its matrix has {rows} rows for {width} columns")));
        }
        if self.flat || rows == 0 || columns == 0 {
            return Err(refusal(format!("its matrix is {rows} × {columns}, and its input a list or empty")));
        }
        let entry = |i, k| matrix.values[k * columns + i];
        let weights = if alpha == 1.0 {
            Mat::from_fn(columns, rows, entry)
        } else {
            Mat::from_fn(columns, rows, |i, k| alpha * entry(i, k))
        };
        self.steps.push(Step::Linear(weights));
        self.width = Some(columns);
        self.flat = matrix.dims.len() == 1;
        Ok(())
    }

    /// A new shape that leaves every row as it is.
    fn reshape(&mut self, shape: &[i64]) -> Result<()> {
        let width = self.width.and_then(|width| i64::try_from(width).ok());
        match *shape {
            [-1] if width == Some(1) => self.flat = true,
            [0, -1 | 0] if !self.flat => {}
            [rows, columns] if rows >= -1 && columns > 0 && width.is_none_or(|width| width == columns) => {
                self.width = usize::try_from(columns).ok();
                self.flat = false;
            }
            _ => {
                let columns = width.map_or("as many".into(), |width| width.to_string());
                return Err(refusal(format!("it makes {shape:?} of rows with {columns} columns")));
            }
        }
        Ok(())
    }
}

fn constants(values: &[Value]) -> Vec<Constant> {
    let constant = |value: &Value| match value {
        Value::Constant(constant) => Some(constant.clone()),
        Value::Rows(_) => None,
    };
    values.iter().filter_map(constant).collect()
}

fn row(constant: &Constant) -> Result<Vec<f64>> {
    constant
        .row()
        .ok_or_else(|| refusal(format!("its constant has the shape {:?}, not that of one row", constant.dims)))
}

/// A node that makes a constant of constants.
fn fold(node: &Node, first: &Constant, rest: &[Constant]) -> Result<Constant> {
    let folded = match (op(node).as_str(), rest) {
        ("Identity", []) => Some(first.clone()),
        ("Cast", []) => match whole(node, "to", 0) as i32 {
            FLOAT => {
                let rounded: Vec<f64> = first.values.iter().map(|&value| f64::from(value as f32)).collect();
                rounded.iter().all(|value| value.is_finite()).then(|| Constant::new(first.dims.clone(), rounded))
            }
            DOUBLE | 7 => Some(first.clone()),
            _ => None,
        },
        ("Transpose", []) => first.transposed(),
        ("Reshape", [shape]) => first.reshaped(&shape.whole()),
        _ => None,
    };
    folded.ok_or_else(|| refusal("it computes with constants alone, in a way that is not followed"))
}

/// The weights (outputs × inputs) and the bias of affine steps, multiplied out; `None` where there is no matrix. A bias to
/// which nothing was added is `None` too.
pub(crate) fn affine(steps: &[Step]) -> Option<(Mat<f64>, Option<Vec<f64>>)> {
    let first = steps.iter().position(|step| matches!(step, Step::Linear(_)))?;
    let Step::Linear(matrix) = &steps[first] else { return None };
    let (mut w, mut b) = (matrix.clone(), None::<Vec<f64>>);
    // From the matrix backwards: W((x + p) ∘ s) = (W diag s) x + W(s ∘ p).
    for step in steps[..first].iter().rev() {
        let columns = w.ncols();
        let at = |row: &[f64], k: usize| if row.len() == 1 { row[0] } else { row[k] };
        match step {
            Step::Multiply(s) => w = Mat::from_fn(w.nrows(), columns, |i, k| w[(i, k)] * at(s, k)),
            Step::Divide(s) => w = Mat::from_fn(w.nrows(), columns, |i, k| w[(i, k)] / at(s, k)),
            Step::Add(p) | Step::Subtract(p) => {
                let sign = if matches!(step, Step::Add(_)) { 1.0 } else { -1.0 };
                let moved = |i: usize| sign * (0..columns).map(|k| w[(i, k)] * at(p, k)).sum::<f64>();
                b = Some((0..w.nrows()).map(|i| b.as_ref().map_or(0.0, |b| b[i]) + moved(i)).collect());
            }
            Step::Linear(_) | Step::Relu => return None,
        }
    }
    for step in &steps[first + 1..] {
        let rows = w.nrows();
        let at = |row: &[f64], i: usize| if row.len() == 1 { row[0] } else { row[i] };
        let with = |b: &Option<Vec<f64>>, of: &dyn Fn(f64, usize) -> f64| {
            b.as_ref().map(|b| b.iter().enumerate().map(|(i, &b)| of(b, i)).collect::<Vec<_>>())
        };
        match step {
            Step::Add(p) => b = with(&b, &|b, i| b + at(p, i)).or_else(|| Some((0..rows).map(|i| at(p, i)).collect())),
            Step::Subtract(p) => {
                b = with(&b, &|b, i| b - at(p, i)).or_else(|| Some((0..rows).map(|i| -at(p, i)).collect()));
            }
            Step::Multiply(s) => {
                w = Mat::from_fn(rows, w.ncols(), |i, k| w[(i, k)] * at(s, i));
                b = with(&b, &|b, i| b * at(s, i));
            }
            Step::Divide(s) => {
                w = Mat::from_fn(rows, w.ncols(), |i, k| w[(i, k)] / at(s, i));
                b = with(&b, &|b, i| b / at(s, i));
            }
            Step::Linear(next) => {
                let sum = |i: usize, b: &[f64]| (0..rows).map(|j| next[(i, j)] * b[j]).sum::<f64>();
                b = b.map(|b| (0..next.nrows()).map(|i| sum(i, &b)).collect());
                // Entry by entry in a fixed order: the same bits whatever the number of threads.
                let entry = |i, k| (0..rows).map(|j| next[(i, j)] * w[(j, k)]).sum();
                w = Mat::from_fn(next.nrows(), w.ncols(), entry);
            }
            Step::Relu => return None,
        }
    }
    Some((w, b))
}
