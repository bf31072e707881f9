//! What an ONNX graph does to a row: steps one after the other, from which the network is read.
//!
//! Every accepted node adds an elementwise step, a matrix product or an operator of an activation to the steps before it:
//!
//! ```text
//! x ─► (x + p) ∘ s ─► W x + b ─► activation ─► … ─► (h + q) ∘ t ─► V h + c
//!          └──────────────────── A x ───────────────────────────────┴─► +
//! ```
//!
//! The steps form a tree, for a tensor may be taken by several nodes. Where branches meet they are an activation, which is
//! told by its [`Spelling`], or one of them is the linear part. Nodes that do not lead to the output are not looked at.

use crate::onnx_messages::{Attribute, Graph, Node, ValueInfo};
use crate::onnx_names::{check_names, input_width, needed, op, output};
use crate::onnx_steps::{Path, READ, Side, Step};
use crate::onnx_tensor::{Constant, DOUBLE, FLOAT};
use faer::Mat;
use std::collections::{HashMap, HashSet};
use tautnet::activation::{ALL, Activation, Spelling};
use tautnet::error::{Error, Result};

/// The steps of the graph as a tree.
struct Tree {
    /// Every step with the one before it; the first place is the input.
    places: Vec<Place>,
    /// Two branches that were added: the place of the sum, and the end of the linear part.
    sum: Option<(usize, usize)>,
    /// How many more numbers may be taken out of constants: a few times what there is, for a small file may use one matrix a
    /// hundred thousand times.
    left: usize,
}

/// What comes out of a step.
struct Place {
    /// The step; the input, the sum and a new shape have none.
    step: Option<Step>,
    /// Before the step.
    before: usize,
    /// How many places are before it.
    depth: usize,
    /// How many columns come out; `None` while the graph has not said.
    width: Option<usize>,
    /// Whether the one column has been made a list.
    flat: bool,
}

/// A tensor of the graph.
#[derive(Clone)]
enum Value {
    /// The rows, at a place.
    Rows(usize),
    Constant(Constant),
}

/// The longest chain of operators in one branch of an activation.
const LONGEST_BRANCH: usize = 8;

const HINT: &str = "the graph must be Gemm (or MatMul and Add) and an activation in turn, for rows of inputs, with nothing around \
                    it but Sub, Div, Mul and Add of constants, and beside it one MatMul from the inputs to the outputs at most";

/// The steps of a graph; `source` is what messages call the file.
pub(crate) fn path(graph: &Graph, source: &str) -> Result<Path> {
    let refuse = |what: String| Error::new(format!("{source}: {what}"), HINT);
    check_names(graph).map_err(|what| {
        Error::new(format!("{source}: {what}"), "in an ONNX graph every tensor has a name of its own: export it again")
    })?;
    let mut values: HashMap<&str, Value> = HashMap::new();
    let Some(output) = output(graph) else {
        let names: Vec<&str> = graph.output.iter().take(8).map(|output| output.name.as_str()).collect();
        return Err(refuse(format!("the graph has {} outputs ({})", graph.output.len(), names.join(", "))));
    };
    let needed = needed(graph, output);
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
    let width = input_width(input).map_err(refuse)?;
    let mut tree =
        Tree { places: vec![Place { step: None, before: 0, depth: 0, width, flat: false }], sum: None, left };
    values.insert(&input.name, Value::Rows(0));

    for (place, node) in graph.node.iter().enumerate() {
        if !node.output.iter().any(|name| needed.contains(name.as_str())) {
            continue;
        }
        let value = tree.take(node, &values).map_err(|refusal| {
            let name = if node.name.is_empty() { format!("{}", place + 1) } else { format!("`{}`", node.name) };
            Error::new(format!("{source}: node {name} ({}): {}", op(node), refusal.what), refusal.hint)
        })?;
        if let (Value::Rows(at), [_, second, ..], "Split") = (&value, node.output.as_slice(), op(node).as_str()) {
            let second_half = tree.other_half(*at);
            values.insert(second, Value::Rows(second_half));
        }
        if let Some(name) = node.output.first() {
            values.insert(name, value);
        }
    }
    match values.get(output) {
        Some(Value::Rows(place)) if *place > 0 => tree.path(*place).map_err(|error| named(source, error)),
        _ => Err(refuse(format!("its output `{output}` is not what its nodes make of the input"))),
    }
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

/// An error with the file that it is about.
pub(crate) fn named(source: &str, error: Error) -> Error {
    Error::new(format!("{source}: {}", error.what), error.hint)
}

/// The operators of all activations, with the name of their number and the number that goes without saying: that of the
/// activation where none is given, in the single precision of the format.
fn operators() -> Vec<(&'static str, Option<(&'static str, f64)>)> {
    fn within(spelling: &Spelling, usual: f64, found: &mut Vec<(&'static str, Option<(&'static str, f64)>)>) {
        if let Spelling::Operator(name, number, _) = spelling {
            found.push((name, number.map(|(name, _)| (name, f64::from(usual as f32)))));
        }
        spelling.parts().into_iter().for_each(|part| within(part, usual, found));
    }
    let mut found = Vec::new();
    for entry in ALL {
        let usual = entry.parameter.map_or(0.0, |(_, usual, _)| usual);
        let activation: Activation = entry.example().parse().expect("every activation has an example");
        activation.spellings().iter().for_each(|spelling| within(spelling, usual, &mut found));
    }
    found
}

impl Tree {
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
            if let Value::Constant(constant) = value {
                let left = self.left.checked_sub(constant.values.len());
                self.left = left.ok_or_else(|| refusal("it uses constants that were used many times before"))?;
            }
        }
        if op(node) == "Constant" {
            let [attribute] = node.attribute.as_slice() else { return Err(refusal("it has no single value")) };
            return Constant::of_attribute(attribute).map(Value::Constant).map_err(refusal);
        }
        let is_constant = |value: &Value| matches!(value, Value::Constant(_));
        match inputs.as_slice() {
            [Value::Rows(at), rest @ ..] if rest.iter().all(is_constant) => {
                self.apply(*at, node, &constants(rest), true).map(Value::Rows)
            }
            [Value::Constant(first), Value::Rows(at)] => {
                self.apply(*at, node, std::slice::from_ref(first), false).map(Value::Rows)
            }
            [Value::Constant(first), rest @ ..] if rest.iter().all(is_constant) => {
                fold(node, first, &constants(rest)).map(Value::Constant)
            }
            many => {
                let places = many.iter().filter_map(|value| match value {
                    Value::Rows(at) => Some(*at),
                    Value::Constant(_) => None,
                });
                let places: Vec<usize> = places.collect();
                if places.len() < many.len() {
                    return Err(refusal("it does not take one tensor and constants"));
                }
                self.join(node, &places).map(Value::Rows)
            }
        }
    }

    /// A step further on.
    fn push(&mut self, before: usize, step: Option<Step>, width: Option<usize>, flat: bool) -> usize {
        let depth = self.places[before].depth + 1;
        self.places.push(Place { step, before, depth, width, flat });
        self.places.len() - 1
    }

    /// A node that takes several tensors made of the rows.
    fn join(&mut self, node: &Node, places: &[usize]) -> Result<usize> {
        match (op(node).as_str(), places) {
            ("Add", &[one, other]) => self.shape(places, of_two(Spelling::Sum)).or_else(|_| self.add(one, other)),
            ("Sub", [_, _]) => self.shape(places, of_two(Spelling::Difference)),
            ("Max", [_, _]) => self.shape(places, of_two(Spelling::Max)),
            ("Min", [_, _]) => self.shape(places, of_two(Spelling::Min)),
            ("Concat", [_, _, ..]) if places.len() <= LONGEST_BRANCH && [1, -1].contains(&whole(node, "axis", 0)) => {
                self.shape(places, Spelling::Concat)
            }
            _ => Err(refusal("it does not take one tensor and constants")),
        }
    }

    /// Branches that together are an activation of the place where they leave each other.
    fn shape(&mut self, places: &[usize], together: impl FnOnce(Vec<Spelling>) -> Spelling) -> Result<usize> {
        let up = |at: usize| std::iter::successors(Some(at), |&at| (at > 0).then(|| self.places[at].before));
        let first: Vec<usize> = up(places[0]).take(LONGEST_BRANCH + 1).collect();
        let reaches = |at: usize, base: usize| up(at).take(LONGEST_BRANCH + 1).any(|place| place == base);
        let base = first.into_iter().find(|&base| places.iter().all(|&at| reaches(at, base)));
        let spelled = |base: usize, at: usize| {
            let mut steps: Vec<usize> = up(at).take_while(|&place| place != base).collect();
            steps.reverse();
            steps.into_iter().try_fold(Spelling::Input, |inner, place| match &self.places[place].step {
                Some(Step::Multiply(row)) if row.len() == 1 => Some(Spelling::times(row[0]).of(&inner)),
                Some(Step::Shape(outer)) => Some(outer.clone().of(&inner)),
                _ => None,
            })
        };
        let parts = base.and_then(|base| places.iter().map(|&at| spelled(base, at)).collect::<Option<Vec<_>>>());
        let spelling = parts.map(together).filter(Activation::is_in_a_spelling);
        let (Some(base), Some(spelling)) = (base, spelling) else {
            return Err(Error::new("what it puts together is not an activation that is read", READ));
        };
        let width = self.places[base].width.map(|width| columns(&spelling, width));
        if self.places[base].flat {
            return Err(refusal("it takes a list where rows and columns are due"));
        }
        Ok(self.push(base, Some(Step::Shape(spelling)), width, false))
    }

    /// One half of the columns: the first (0) or the second (1).
    fn half(&mut self, at: usize, which: usize) -> Result<usize> {
        match self.places[at].width {
            Some(width) if width % 2 == 0 && !self.places[at].flat => {
                let step = Step::Shape(Spelling::Half(which, Box::new(Spelling::Input)));
                Ok(self.push(at, Some(step), Some(width / 2), false))
            }
            _ => Err(refusal("it takes one half of what is not known to be an even number of columns")),
        }
    }

    /// The second half of the columns of which a place is the first.
    fn other_half(&mut self, first: usize) -> usize {
        let Place { before, width, .. } = self.places[first];
        self.push(before, Some(Step::Shape(Spelling::Half(1, Box::new(Spelling::Input)))), width, false)
    }

    /// The sum of two branches, one of which is the linear part.
    fn add(&mut self, one: usize, other: usize) -> Result<usize> {
        if self.sum.is_some() {
            return Err(refusal("it is the second sum of two tensors of the graph"));
        }
        let width = |at: usize| self.places[at].width;
        if let (Some(a), Some(b)) = (width(one), width(other))
            && a != b
        {
            return Err(refusal(format!("it adds {a} columns and {b} columns")));
        }
        let base = self.meeting(one, other);
        let is_affine = |mut at: usize| {
            while at != base {
                if matches!(self.places[at].step, Some(Step::Shape(_))) {
                    return false;
                }
                at = self.places[at].before;
            }
            true
        };
        let (main, side) = match (is_affine(other), is_affine(one)) {
            (true, _) => (one, other),
            (false, true) => (other, one),
            _ => return Err(refusal("it adds two tensors, and neither is an affine function of where they part")),
        };
        if self.places[main].flat != self.places[side].flat {
            return Err(refusal("it adds a list and rows with columns"));
        }
        let sum = self.push(main, None, width(main).or(width(side)), self.places[main].flat);
        self.sum = Some((sum, side));
        Ok(sum)
    }

    /// The last place before both.
    fn meeting(&self, mut one: usize, mut other: usize) -> usize {
        while one != other {
            let deeper = if self.places[one].depth >= self.places[other].depth { &mut one } else { &mut other };
            *deeper = self.places[*deeper].before;
        }
        one
    }

    /// The steps from the input to a place.
    fn path(mut self, end: usize) -> Result<Path> {
        let up = |from: usize, to: usize| {
            let mut places = Vec::new();
            let mut at = from;
            while at != to {
                places.push(at);
                at = self.places[at].before;
            }
            places.reverse();
            places
        };
        let main = up(end, 0);
        let sum = self.sum.filter(|(sum, _)| main.contains(sum));
        let count = |places: &[usize]| places.iter().filter(|&&place| self.places[place].step.is_some()).count();
        let side = sum.map(|(sum, end)| {
            let base = self.meeting(sum, end);
            let to = main.iter().take_while(|&&place| place != sum).copied().collect::<Vec<_>>();
            (count(&up(base, 0)), up(end, base), count(&to))
        });
        let mut steps = |places: Vec<usize>| -> Vec<Step> {
            places.into_iter().filter_map(|place| self.places[place].step.take()).collect()
        };
        let steps_of_main = steps(main);
        let side = side.map(|(from, places, to)| Side { from, steps: steps(places), to });
        Ok(Path { steps: steps_of_main, side })
    }

    /// A node that takes the rows, first or second among its inputs, and constants.
    fn apply(&mut self, at: usize, node: &Node, constants: &[Constant], rows_first: bool) -> Result<usize> {
        let (width, flat) = (self.places[at].width, self.places[at].flat);
        let operator = op(node);
        match (operator.as_str(), constants) {
            ("Identity", []) => Ok(at),
            ("Dropout", rest) if rest.len() < 2 => Ok(at),
            ("Cast", []) => match whole(node, "to", 0) as i32 {
                FLOAT | DOUBLE => Ok(at),
                other => Err(refusal(format!("it rounds to the element type {other}"))),
            },
            ("Neg", []) => self.elementwise(at, Step::Multiply, vec![-1.0]),
            ("Add", [one]) => self.elementwise(at, Step::Add, row(one)?),
            ("Mul", [one]) => self.elementwise(at, Step::Multiply, row(one)?),
            ("Sub", [one]) if rows_first => self.elementwise(at, Step::Subtract, row(one)?),
            ("Sub", [one]) => {
                let minus = self.elementwise(at, Step::Multiply, vec![-1.0])?;
                self.elementwise(minus, Step::Add, row(one)?)
            }
            ("Div", [one]) if rows_first => {
                let row = row(one)?;
                if row.contains(&0.0) {
                    return Err(Error::new("it divides by 0", "give a constant column the scale 1"));
                }
                self.elementwise(at, Step::Divide, row)
            }
            ("MatMul", [matrix]) if rows_first => self.linear(at, matrix, 1.0),
            ("Gemm", [matrix, rest @ ..]) if rows_first && rest.len() < 2 => {
                if whole(node, "transA", 0) != 0 {
                    return Err(refusal("it transposes its input"));
                }
                let transposed = if whole(node, "transB", 0) == 0 { Some(matrix.clone()) } else { matrix.transposed() };
                let matrix = transposed.ok_or_else(|| refusal("its second input is not a matrix"))?;
                let product = self.linear(at, &matrix, factor(node, "alpha"))?;
                let Some(bias) = rest.first() else { return Ok(product) };
                let beta = factor(node, "beta");
                let bias = row(bias)?;
                self.elementwise(
                    product,
                    Step::Add,
                    if beta == 1.0 { bias } else { bias.iter().map(|c| beta * c).collect() },
                )
            }
            ("ai.onnx.ml.Scaler", []) => {
                let list = |name| {
                    let floats = attribute(node, name).map(|list| list.floats.iter().map(|&x| f64::from(x)).collect());
                    floats.filter(|floats: &Vec<f64>| !floats.is_empty() && floats.iter().all(|x| x.is_finite()))
                };
                let (Some(offset), Some(scale)) = (list("offset"), list("scale")) else {
                    return Err(refusal("it needs the attributes `offset` and `scale`"));
                };
                let centred = self.elementwise(at, Step::Subtract, offset)?;
                self.elementwise(centred, Step::Multiply, scale)
            }
            ("Flatten", []) if [1, -1].contains(&whole(node, "axis", 1)) => {
                Ok(if flat { self.reshaped(at, width, false) } else { at })
            }
            ("Reshape", [shape]) if rows_first => self.reshape(at, &shape.whole()),
            ("Squeeze" | "Unsqueeze", rest) if rows_first && rest.len() < 2 => {
                let axes = match (rest.first(), attribute(node, "axes")) {
                    (Some(axes), _) => axes.whole(),
                    (None, Some(axes)) => axes.ints.clone(),
                    (None, None) => vec![1],
                };
                let squeeze = operator == "Squeeze";
                if axes.len() != 1 || ![1, -1].contains(&axes[0]) || width != Some(1) || flat == squeeze {
                    return Err(refusal("it does more than to turn the one column of the output into a list"));
                }
                Ok(self.reshaped(at, width, squeeze))
            }
            ("Slice", [from, to, rest @ ..]) if rows_first && rest.len() < 3 => {
                let ones = |constant: &Constant| constant.whole() == [1] || constant.whole() == [-1];
                let (axis, step) = (rest.first(), rest.get(1));
                let along = axis.is_some_and(ones) && step.is_none_or(|step| step.whole() == [1]);
                let (&[from], &[to], Some(width)) = (&*from.whole(), &*to.whole(), width) else {
                    return Err(refusal("it does not take one half of the columns"));
                };
                let (width, half) = (width as i64, width as i64 / 2);
                match (from, to) {
                    (0, to) if along && (to == half || to == half - width) => self.half(at, 0),
                    (from, to) if along && (from == half || from == half - width) && to >= width => self.half(at, 1),
                    _ => Err(refusal("it does not take one half of the columns")),
                }
            }
            ("Split", sizes) if rows_first && node.output.len() == 2 && [1, -1].contains(&whole(node, "axis", 0)) => {
                let given = match (sizes, attribute(node, "split")) {
                    ([], None) => Vec::new(),
                    ([], Some(list)) => list.ints.clone(),
                    ([sizes], None) => sizes.whole(),
                    _ => return Err(refusal("it takes more than the sizes of the parts")),
                };
                if given.windows(2).any(|pair| pair[0] != pair[1]) {
                    return Err(refusal("it does not take the columns apart in two halves"));
                }
                self.half(at, 0)
            }
            (name, []) if let Some((name, number)) = operators().into_iter().find(|known| known.0 == name) => {
                let number = number.map(|(name, usual)| {
                    (name, attribute(node, name).and_then(|given| given.float).map_or(usual, f64::from))
                });
                if flat {
                    return Err(refusal("it takes a list where rows and columns are due"));
                }
                let spelling = Spelling::Operator(name, number, Box::new(Spelling::Input));
                Ok(self.push(at, Some(Step::Shape(spelling)), width, flat))
            }
            (
                "Sigmoid" | "Elu" | "Selu" | "Gelu" | "Softplus" | "HardSigmoid" | "HardSwish" | "PRelu" | "Erf"
                | "Exp" | "Clip" | "Softmax",
                _,
            ) => Err(Error::new("it is an activation that networks here do not have", READ)),
            _ => Err(refusal("it is not a part of a network that is read, or not with these inputs")),
        }
    }

    /// The same rows in another shape.
    fn reshaped(&mut self, at: usize, width: Option<usize>, flat: bool) -> usize {
        self.push(at, None, width, flat)
    }

    /// An elementwise step by a row of constants.
    fn elementwise(&mut self, at: usize, step: impl FnOnce(Vec<f64>) -> Step, row: Vec<f64>) -> Result<usize> {
        let Place { mut width, flat, .. } = self.places[at];
        if row.len() > 1 {
            match width {
                Some(width) if flat || width != row.len() => {
                    return Err(refusal(format!("its constant has {} entries for {width} columns", row.len())));
                }
                _ => width = Some(row.len()),
            }
        }
        Ok(self.push(at, Some(step(row)), width, flat))
    }

    /// Rows times a matrix, inputs × outputs.
    fn linear(&mut self, at: usize, matrix: &Constant, alpha: f64) -> Result<usize> {
        let Place { width, flat, .. } = self.places[at];
        let (rows, columns) = match *matrix.dims {
            [rows, columns] => (rows, columns),
            [rows] => (rows, 1),
            _ => return Err(refusal("its second input is not a matrix")),
        };
        if let Some(width) = width
            && width != rows
        {
            return Err(refusal(format!("its matrix has {rows} rows for {width} columns")));
        }
        if flat || rows == 0 || columns == 0 {
            return Err(refusal(format!("its matrix is {rows} × {columns}, and its input a list or empty")));
        }
        let entry = |i, k| matrix.values[k * columns + i];
        let weights = if alpha == 1.0 {
            Mat::from_fn(columns, rows, entry)
        } else {
            Mat::from_fn(columns, rows, |i, k| alpha * entry(i, k))
        };
        Ok(self.push(at, Some(Step::Linear(weights)), Some(columns), matrix.dims.len() == 1))
    }

    /// A new shape that leaves every row as it is.
    fn reshape(&mut self, at: usize, shape: &[i64]) -> Result<usize> {
        let Place { width, flat, .. } = self.places[at];
        let columns_now = width.and_then(|width| i64::try_from(width).ok());
        match *shape {
            [-1] if width == Some(1) => Ok(self.reshaped(at, width, true)),
            [0, -1 | 0] if !flat => Ok(at),
            [rows, columns] if rows >= -1 && columns > 0 && columns_now.is_none_or(|width| width == columns) => {
                Ok(self.reshaped(at, usize::try_from(columns).ok(), false))
            }
            _ => {
                let columns = columns_now.map_or("as many".into(), |width| width.to_string());
                Err(refusal(format!("it makes {shape:?} of rows with {columns} columns")))
            }
        }
    }
}

/// A spelling of two parts, from a list of them.
fn of_two(together: impl FnOnce(Box<Spelling>, Box<Spelling>) -> Spelling) -> impl FnOnce(Vec<Spelling>) -> Spelling {
    |parts| {
        let [one, other] = <[Spelling; 2]>::try_from(parts).expect("two places have two spellings");
        together(Box::new(one), Box::new(other))
    }
}

/// How many columns come out of a spelling.
fn columns(spelling: &Spelling, width: usize) -> usize {
    match spelling {
        Spelling::Input => width,
        Spelling::Half(_, inner) => columns(inner, width) / 2,
        Spelling::Concat(parts) => parts.iter().map(|part| columns(part, width)).sum(),
        Spelling::Operator(_, _, inner) | Spelling::Times(_, inner) => columns(inner, width),
        Spelling::Max(one, _) | Spelling::Min(one, _) | Spelling::Sum(one, _) | Spelling::Difference(one, _) => {
            columns(one, width)
        }
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
