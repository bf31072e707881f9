//! Networks as ONNX graphs.
//!
//! What is written, with the nodes in brackets where the network has a scaler that is kept:
//!
//! ```text
//! inputs ─► [Sub x_mean ─► Div κ] ─► Gemm (w, b) ─► activation ─► … ─► Gemm (v, c) ─► [Add] ─► [Mul κ_y ─► Add y_mean] ─► prediction
//!                        └────────────────────── [Gemm (a)] ───────────────────────┴
//! ```
//!
//! Weights are double (or float) tensors; `transB` is 1, so that they stand as everywhere in this program, one row a
//! unit.
//!
//! Where the target is a class, the prediction is a margin, or an output for each class, and two outputs stand before it, as skl2onnx lays
//! classifiers out; the second one only where the loss makes probabilities:
//!
//! ```text
//! two classes:
//! prediction ─► Greater 0 ─► Cast ─► Reshape ─► Gather (classes) ─► label
//!           └─► Cast to float ─► Concat (Neg, itself) ─► Sigmoid ─► probabilities
//! several, an output for each:
//! prediction ─► ArgMax ─► Gather (classes) ─► label
//!           └─► Cast to float ─► Softmax ─► probabilities
//! ```

use crate::format::Precision;
use crate::onnx_messages as messages;
use crate::onnx_tensor::{DOUBLE, FLOAT, INT64, STRING};
use faer::Mat;
use prost::Message;
use tautnet::activation::Spelling;
use tautnet::network::Network;
use tautnet::scaling::Scaler;

/// The version of ONNX's default operator set that is written.
pub const OPSET: i64 = 13;
/// The version of the file format that goes with it.
const IR_VERSION: i64 = 7;

/// What is known of the columns of a model.
pub(crate) struct Columns<'a> {
    /// The inputs, by name.
    pub inputs: &'a [String],
    /// The target.
    pub target: &'a str,
    /// All targets where there are several, which the outputs are of in this order.
    pub targets: &'a [&'a str],
    /// Its classes, where it is one.
    pub classes: Option<&'a [String]>,
    /// Whether the network says their probabilities: 1/(1 + exp(±margin)) of two, and in proportion to exp(output) of several.
    pub probabilities: bool,
}

/// A graph in the making.
struct Writer {
    graph: messages::Graph,
    precision: Precision,
}

impl Writer {
    /// A node that makes `output`, whose name it returns.
    fn node(&mut self, op: &str, input: &[&str], output: &str, attribute: Vec<messages::Attribute>) -> String {
        self.graph.node.push(messages::Node {
            input: input.iter().map(|name| (*name).to_owned()).collect(),
            output: vec![output.to_owned()],
            name: format!("{op}_{output}"),
            op_type: op.to_owned(),
            attribute,
            domain: String::new(),
        });
        output.to_owned()
    }

    fn tensor(&mut self, name: &str, dims: &[usize], values: &[f64]) {
        self.graph.initializer.push(messages::Tensor {
            dims: dims.iter().map(|&length| length as i64).collect(),
            data_type: self.element(),
            name: name.into(),
            raw_data: Some(self.precision.encode(values)),
            ..messages::Tensor::default()
        });
    }

    fn matrix(&mut self, name: &str, matrix: &Mat<f64>) {
        let (rows, columns) = (matrix.nrows(), matrix.ncols());
        let values: Vec<f64> = (0..rows).flat_map(|i| (0..columns).map(move |k| matrix[(i, k)])).collect();
        self.tensor(name, &[rows, columns], &values);
    }

    /// Rows times a matrix that stands one row an output, plus a bias where there is one.
    fn gemm(&mut self, input: &[&str], output: &str) -> String {
        self.node("Gemm", input, output, vec![int("transB", 1)])
    }

    /// What an activation makes of `h`, the sums of so many units, as `output`.
    fn spell(&mut self, spelling: &Spelling, (h, units): (&str, usize), output: &str) -> String {
        let part = |at: usize| format!("{output}_{at}");
        match spelling {
            Spelling::Input => h.to_owned(),
            Spelling::Operator(name, number, inner) => {
                let inner = self.spell(inner, (h, units), &part(1));
                let attribute = number.map(|(name, value)| messages::Attribute {
                    name: name.into(),
                    float: Some(value as f32),
                    kind: 1,
                    ..messages::Attribute::default()
                });
                self.node(name, &[&inner], output, attribute.into_iter().collect())
            }
            Spelling::Times(number, inner) => {
                let inner = self.spell(inner, (h, units), &part(1));
                if *number == -1.0 {
                    return self.node("Neg", &[&inner], output, Vec::new());
                }
                let factor = format!("{output}_factor");
                self.tensor(&factor, &[1], &[*number]);
                self.node("Mul", &[&inner, &factor], output, Vec::new())
            }
            Spelling::Max(one, other)
            | Spelling::Min(one, other)
            | Spelling::Sum(one, other)
            | Spelling::Difference(one, other) => {
                let (one, other) = (self.spell(one, (h, units), &part(1)), self.spell(other, (h, units), &part(2)));
                let operator = match spelling {
                    Spelling::Max(..) => "Max",
                    Spelling::Min(..) => "Min",
                    Spelling::Sum(..) => "Add",
                    _ => "Sub",
                };
                self.node(operator, &[&one, &other], output, Vec::new())
            }
            Spelling::Half(which, inner) => {
                let inner = self.spell(inner, (h, units), &part(1));
                let half = units as i64 / 2;
                let places = [("from", half * *which as i64), ("to", half * (*which as i64 + 1)), ("axis", 1)];
                let mut inputs = vec![inner];
                for (name, place) in places {
                    inputs.push(format!("{output}_{name}"));
                    self.whole(&format!("{output}_{name}"), &[place]);
                }
                let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
                self.node("Slice", &inputs, output, Vec::new())
            }
            Spelling::Concat(parts) => {
                let parts: Vec<String> =
                    parts.iter().enumerate().map(|(at, inner)| self.spell(inner, (h, units), &part(at + 1))).collect();
                let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
                self.node("Concat", &parts, output, vec![int("axis", 1)])
            }
        }
    }

    /// The outputs that classifiers have beside the margin, or beside the outputs of several classes.
    fn classes(&mut self, classes: &[String], probabilities: bool) {
        let words = self.words("classes", classes);
        if classes.len() > 2 {
            let attributes = vec![int("axis", 1), int("keepdims", 0)];
            let place = self.node("ArgMax", &["prediction"], "places", attributes);
            self.node("Gather", &["classes", &place], "label", Vec::new());
            self.graph.output.push(value("label", words, &[]));
            if probabilities {
                let outputs = self.node("Cast", &["prediction"], "scores", vec![int("to", FLOAT.into())]);
                self.node("Softmax", &[&outputs], "probabilities", vec![int("axis", 1)]);
                self.graph.output.push(value("probabilities", FLOAT, &[classes.len()]));
            }
            return;
        }
        self.tensor("zero", &[1], &[0.0]);
        self.whole("list", &[-1]);
        let above = self.node("Greater", &["prediction", "zero"], "is_above", Vec::new());
        let place = self.node("Cast", &[&above], "place", vec![int("to", INT64.into())]);
        let place = self.node("Reshape", &[&place, "list"], "places", Vec::new());
        self.node("Gather", &["classes", &place], "label", Vec::new());
        self.graph.output.push(value("label", words, &[]));
        if probabilities {
            let margin = self.node("Cast", &["prediction"], "margin", vec![int("to", FLOAT.into())]);
            let against = self.node("Neg", &[&margin], "margin_against", Vec::new());
            let both = self.node("Concat", &[&against, &margin], "margins", vec![int("axis", 1)]);
            self.node("Sigmoid", &[&both], "probabilities", Vec::new());
            self.graph.output.push(value("probabilities", FLOAT, &[2]));
        }
    }

    /// Words as a tensor, whose type is returned: whole numbers where all are.
    fn words(&mut self, name: &str, words: &[String]) -> i32 {
        let number = |word: &String| word.parse().ok().filter(|number: &i64| number.to_string() == *word);
        if let Some(numbers) = words.iter().map(number).collect::<Option<Vec<i64>>>() {
            self.whole(name, &numbers);
            return INT64;
        }
        self.graph.initializer.push(messages::Tensor {
            dims: vec![words.len() as i64],
            data_type: STRING,
            name: name.into(),
            string_data: words.iter().map(|word| word.clone().into_bytes()).collect(),
            ..messages::Tensor::default()
        });
        STRING
    }

    fn whole(&mut self, name: &str, numbers: &[i64]) {
        self.graph.initializer.push(messages::Tensor {
            dims: vec![numbers.len() as i64],
            data_type: INT64,
            name: name.into(),
            int64_data: numbers.to_vec(),
            ..messages::Tensor::default()
        });
    }

    /// The type of the network's numbers.
    fn element(&self) -> i32 {
        if self.precision == Precision::F32 { FLOAT } else { DOUBLE }
    }
}

/// What is said of an input or output: rows of so many columns, or a list.
fn value(name: &str, element: i32, columns: &[usize]) -> messages::ValueInfo {
    let columns = columns.iter().map(|&width| messages::Size::Known(width as i64));
    let sizes = std::iter::once(messages::Size::Named("rows".into())).chain(columns);
    let shape = messages::Shape { dimension: sizes.map(|size| messages::Dimension { size: Some(size) }).collect() };
    let tensor = messages::TensorType { element, shape: Some(shape) };
    messages::ValueInfo { name: name.into(), value_type: Some(messages::Type { tensor: Some(tensor) }) }
}

fn int(name: &str, value: i64) -> messages::Attribute {
    messages::Attribute { name: name.into(), int: Some(value), kind: 2, ..messages::Attribute::default() }
}

/// The bytes of an ONNX file. With `Precision::F32` all numbers must be single precision already, and no hidden layer
/// may have the identity for its activation: [`Network::merged`] sees to that.
pub(crate) fn to_bytes(
    network: &Network,
    scaler: Option<&Scaler>,
    columns: Option<&Columns<'_>>,
    metadata: &[(&str, String)],
    precision: Precision,
) -> Vec<u8> {
    let d = network.inputs();
    let mut graph = messages::Graph { name: "tautnet".into(), ..messages::Graph::default() };
    if let Some(Columns { inputs, target, targets, classes, .. }) = columns {
        let says = match classes {
            Some([low, high]) => format!("{target}, {high} where it is above 0 and {low} elsewhere"),
            Some(classes) => {
                format!("one output for each class of {target}, the largest says the class: {}", classes.join(", "))
            }
            None if targets.len() > 1 => format!("one output for each of {}, in this order", targets.join(", ")),
            None => (*target).to_owned(),
        };
        graph.doc_string = format!("Inputs, in this order: {}. Prediction: {says}.", inputs.join(", "));
    }
    let mut writer = Writer { graph, precision };
    let mut last = "inputs".to_owned();
    if scaler.is_some() {
        last = writer.node("Sub", &[&last, "input_mean"], "centred", Vec::new());
        last = writer.node("Div", &[&last, "input_scale"], "standardized", Vec::new());
    }
    let first = last.clone();
    let end = if scaler.is_some() { "standardized_prediction" } else { "prediction" };
    let hidden = network.layers().len() - 1;
    for (l, layer) in network.layers().iter().enumerate() {
        // One hidden layer needs no numbers.
        let named = |name: &str| if hidden == 1 { name.to_owned() } else { format!("{name}{}", l + 1) };
        let (weights, bias, output) = match (l < hidden, network.linear()) {
            (true, _) => (named("w"), named("b"), named("hidden")),
            (false, None) => ("v".into(), "c".into(), end.to_owned()),
            (false, Some(_)) => ("v".into(), "c".into(), "of_layers".to_owned()),
        };
        last = writer.gemm(&[&last, &weights, &bias], &output);
        writer.matrix(&weights, layer.weights());
        writer.tensor(&bias, &[layer.units()], layer.bias());
        if l < hidden {
            let spellings = layer.activation().spellings();
            last = writer.spell(&spellings[0], (&last, layer.units()), &named("active"));
        }
    }
    if let Some(linear) = network.linear() {
        let past = writer.gemm(&[&first, "a"], "linear_part");
        writer.matrix("a", linear);
        last = writer.node("Add", &[&last, &past], end, Vec::new());
    }
    if let Some(scaler) = scaler {
        last = writer.node("Mul", &[&last, "target_scale"], "scaled", Vec::new());
        writer.node("Add", &[&last, "target_mean"], "prediction", Vec::new());
        writer.tensor("input_mean", &[d], &scaler.input_mean);
        writer.tensor("input_scale", &[d], &scaler.input_scale);
        let (means, scales): (Vec<f64>, Vec<f64>) = (0..scaler.targets()).map(|target| scaler.target(target)).unzip();
        writer.tensor("target_scale", &[scales.len()], &scales);
        writer.tensor("target_mean", &[means.len()], &means);
    }
    writer.graph.input.push(value("inputs", writer.element(), &[d]));
    if let Some(Columns { classes: Some(classes), probabilities, .. }) = columns {
        writer.classes(classes, *probabilities);
    }
    writer.graph.output.push(value("prediction", writer.element(), &[network.outputs()]));
    let entry = |(key, value): &(&str, String)| messages::Entry { key: (*key).into(), value: value.clone() };
    let model = messages::Model {
        ir_version: IR_VERSION,
        producer_name: "tautnet".into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        graph: Some(writer.graph),
        opset_import: vec![messages::OperatorSet { domain: String::new(), version: OPSET }],
        metadata: metadata.iter().map(entry).collect(),
    };
    model.encode_to_vec()
}
