//! Graphs as other programs write them, and graphs that are none.

use super::messages::{Attribute, Dimension, Graph, Node, OperatorSet, Shape, Size, Tensor, Type, ValueInfo};
use super::*;
use crate::format::Precision;
use crate::onnx_tensor::{DOUBLE, FLOAT};
use faer::Mat;
use proptest::prelude::*;
use tautnet::Shallow;

#[path = "onnx_class_tests.rs"]
mod classes;
#[path = "onnx_damage_tests.rs"]
mod damage;
#[path = "onnx_pairs_tests.rs"]
mod pairs;

/// Two inputs, three units.
fn network() -> Shallow {
    let w = Mat::from_fn(3, 2, |i, k| [[0.5, -1.25], [2.0, 0.75], [-0.0, 1e-3]][i][k]);
    Shallow::new(w, vec![0.25, -1.0, 0.1], vec![1.5, -2.0, 0.3], 0.7).unwrap()
}

fn node(op: &str, input: &[&str], output: &str) -> Node {
    Node {
        input: input.iter().map(|name| (*name).to_owned()).collect(),
        output: vec![output.to_owned()],
        name: format!("{op}_{output}"),
        op_type: op.to_owned(),
        ..Node::default()
    }
}

fn with(node: Node, name: &str, attribute: Attribute) -> Node {
    let mut node = node;
    node.attribute.push(Attribute { name: name.to_owned(), ..attribute });
    node
}

fn int(value: i64) -> Attribute {
    Attribute { int: Some(value), kind: 2, ..Attribute::default() }
}

fn float(value: f32) -> Attribute {
    Attribute { float: Some(value), kind: 1, ..Attribute::default() }
}

fn tensor(name: &str, dims: &[i64], values: &[f64]) -> Tensor {
    Tensor {
        name: name.to_owned(),
        dims: dims.to_vec(),
        data_type: DOUBLE,
        double_data: values.to_vec(),
        ..Tensor::default()
    }
}

fn value(name: &str, dimensions: &[Option<i64>]) -> ValueInfo {
    let dimension =
        |size: &Option<i64>| Dimension { size: Some(size.map_or(Size::Named("N".to_owned()), Size::Known)) };
    let shape = Shape { dimension: dimensions.iter().map(dimension).collect() };
    let tensor = messages::TensorType { element: FLOAT, shape: Some(shape) };
    ValueInfo { name: name.to_owned(), value_type: Some(Type { tensor: Some(tensor) }) }
}

/// `W` (inputs × units), `Wt` (units × inputs), `b`, `v` (units × 1), `vt`, `c`, and an input of two columns.
fn model(nodes: Vec<Node>) -> messages::Model {
    let n = network();
    let list = |rows: usize, columns: usize, of: &dyn Fn(usize, usize) -> f64| {
        (0..rows).flat_map(|i| (0..columns).map(move |k| (i, k))).map(|(i, k)| of(i, k)).collect::<Vec<_>>()
    };
    let graph = Graph {
        node: nodes,
        name: "g".to_owned(),
        initializer: vec![
            tensor("W", &[2, 3], &list(2, 3, &|k, i| n.w()[(i, k)])),
            tensor("Wt", &[3, 2], &list(3, 2, &|i, k| n.w()[(i, k)])),
            tensor("b", &[3], n.b()),
            tensor("v", &[3, 1], n.v()),
            tensor("vt", &[1, 3], n.v()),
            tensor("c", &[1], &[n.c()]),
        ],
        input: vec![value("x", &[None, Some(2)])],
        output: vec![value("y", &[None, Some(1)])],
        ..Graph::default()
    };
    messages::Model {
        ir_version: 8,
        graph: Some(graph),
        opset_import: vec![OperatorSet { domain: String::new(), version: 17 }],
        ..messages::Model::default()
    }
}

fn read(model: &messages::Model) -> Result<Import> {
    parse(&model.encode_to_vec(), "f.onnx")
}

/// The plain graph: MatMul, Add, Relu, MatMul, Add.
fn dense() -> Vec<Node> {
    vec![
        node("MatMul", &["x", "W"], "1"),
        node("Add", &["1", "b"], "2"),
        node("Relu", &["2"], "3"),
        node("MatMul", &["3", "v"], "4"),
        node("Add", &["4", "c"], "y"),
    ]
}

fn layered() -> Network {
    network().into()
}

fn bits(network: &Network) -> Vec<u64> {
    network.numbers().into_iter().map(f64::to_bits).collect()
}

#[test]
fn the_forms_in_which_programs_write_a_network_are_one_network() {
    let gemms = |first: Node, second: Node| vec![first, node("Relu", &["1"], "2"), second];
    let forms = [
        dense(),
        // Constants on the left, names used for nothing else.
        vec![
            node("Identity", &["x"], "0"),
            node("MatMul", &["0", "W"], "1"),
            node("Add", &["b", "1"], "2"),
            node("Relu", &["2"], "3"),
            node("MatMul", &["3", "v"], "4"),
            node("Add", &["c", "4"], "y"),
            node("Shape", &["x"], "unused"),
        ],
        gemms(node("Gemm", &["x", "W", "b"], "1"), node("Gemm", &["2", "v", "c"], "y")),
        gemms(
            with(node("Gemm", &["x", "Wt", "b"], "1"), "transB", int(1)),
            with(node("Gemm", &["2", "vt", "c"], "y"), "transB", int(1)),
        ),
        // As scikit-learn's networks come: casts and a reshape.
        vec![
            with(node("Cast", &["x"], "0"), "to", int(1)),
            with(node("Transpose", &["Wt"], "Wtt"), "perm", Attribute { ints: vec![1, 0], ..Attribute::default() }),
            node("MatMul", &["0", "Wtt"], "1"),
            node("Add", &["1", "b"], "2"),
            node("Relu", &["2"], "3"),
            node("MatMul", &["3", "v"], "4"),
            node("Add", &["4", "c"], "5"),
            with(
                node("Constant", &[], "shape"),
                "value_ints",
                Attribute { ints: vec![-1, 1], kind: 7, ..Attribute::default() },
            ),
            node("Reshape", &["5", "shape"], "y"),
        ],
        // The input once more as rows, the output as a list.
        vec![
            node("Flatten", &["x"], "0"),
            node("MatMul", &["0", "W"], "1"),
            node("Add", &["1", "b"], "2"),
            node("Relu", &["2"], "3"),
            node("MatMul", &["3", "v"], "4"),
            with(node("Squeeze", &["4"], "5"), "axes", Attribute { ints: vec![1], ..Attribute::default() }),
            node("Add", &["5", "c"], "y"),
        ],
    ];
    for (form, nodes) in forms.into_iter().enumerate() {
        let import = read(&model(nodes)).unwrap();
        assert_eq!(bits(&import.network), bits(&layered()), "form {form}");
        assert_eq!((import.scaler, import.opset), (None, 17));
    }
}

#[test]
fn whatever_is_affine_is_multiplied_out() {
    // ((x − 1)·s − p) through the network with alpha and beta, then −(…)/2 + 3.
    let mut model = model(vec![
        node("Sub", &["x", "one"], "0a"),
        node("Mul", &["s", "0a"], "0b"),
        node("Sub", &["0b", "p"], "0c"),
        with(with(node("Gemm", &["0c", "W", "b"], "1"), "alpha", float(2.0)), "beta", float(-0.5)),
        node("Relu", &["1"], "2"),
        node("Mul", &["2", "q"], "3"),
        node("Gemm", &["3", "v"], "4"),
        node("Sub", &["c", "4"], "5"),
        node("MatMul", &["5", "two"], "6"),
        node("Add", &["6", "one"], "7"),
        node("MatMul", &["7", "column"], "8"),
        node("Neg", &["8"], "9"),
        node("Div", &["9", "half"], "y"),
    ]);
    let graph = model.graph.as_mut().unwrap();
    graph.initializer.extend([
        tensor("one", &[], &[1.0]),
        tensor("s", &[1, 2], &[0.5, -3.0]),
        tensor("p", &[2], &[0.25, 1.0]),
        tensor("q", &[3], &[1.0, 2.0, -0.5]),
        tensor("two", &[1, 2], &[1.0, -0.5]),
        tensor("column", &[2, 1], &[3.0, 0.25]),
        tensor("half", &[1, 1], &[0.5]),
    ]);
    let import = read(&model).unwrap();
    let n = network();
    for x in [[0.3, -0.8], [2.0, 1.0], [-4.0, 0.5]] {
        let z = [(x[0] - 1.0) * 0.5 - 0.25, -3.0 * (x[1] - 1.0) - 1.0];
        let h = |i: usize| (2.0 * (n.w()[(i, 0)] * z[0] + n.w()[(i, 1)] * z[1]) - 0.5 * n.b()[i]).max(0.0);
        let g = n.c() - (0..3).map(|i| [1.0, 2.0, -0.5][i] * n.v()[i] * h(i)).sum::<f64>();
        let expected = -((g + 1.0) * 3.0 + (-0.5 * g + 1.0) * 0.25) / 0.5;
        assert!((import.network.values(&x)[0] - expected).abs() < 1e-12 * (1.0 + expected.abs()), "{x:?}");
    }
}

#[test]
fn every_kind_of_tensor_is_read() {
    let values = [0.5, -1.0, 2.0];
    let raw: Vec<u8> = values.iter().flat_map(|value| (*value as f32).to_le_bytes()).collect();
    let base = Tensor { name: "b".to_owned(), dims: vec![3], ..Tensor::default() };
    for tensor in [
        Tensor { data_type: FLOAT, raw_data: Some(raw.clone()), ..base.clone() },
        Tensor { data_type: FLOAT, float_data: vec![0.5, -1.0, 2.0], ..base.clone() },
        Tensor { data_type: DOUBLE, double_data: values.to_vec(), ..base.clone() },
        Tensor { data_type: 10, int32_data: vec![0x3800, 0xbc00, 0x4000], ..base.clone() },
        Tensor { data_type: 16, raw_data: Some(vec![0x00, 0x3f, 0x80, 0xbf, 0x00, 0x40]), ..base.clone() },
    ] {
        let mut model = model(dense());
        model.graph.as_mut().unwrap().initializer[2] = tensor;
        assert_eq!(read(&model).unwrap().network.layers()[0].bias(), values);
    }
    for (tensor, what) in [
        (Tensor { data_type: 8, ..base.clone() }, "has the element type 8"),
        (Tensor { data_type: FLOAT, raw_data: Some(raw[..11].to_vec()), ..base.clone() }, "has 11 bytes"),
        (Tensor { data_type: FLOAT, raw_data: Some(raw[..8].to_vec()), ..base.clone() }, "but 2 numbers"),
        (Tensor { data_type: FLOAT, float_data: vec![1.0, f32::NAN, 0.0], ..base.clone() }, "holds NaN at place 1"),
        (Tensor { data_type: FLOAT, dims: vec![-3], ..base.clone() }, "has the shape [-3]"),
        (Tensor { data_type: FLOAT, dims: vec![i64::MAX, i64::MAX], ..base.clone() }, "has the shape"),
        (Tensor { data_type: FLOAT, data_location: 1, ..base.clone() }, "has its numbers in another file"),
    ] {
        let mut model = model(dense());
        model.graph.as_mut().unwrap().initializer[2] = tensor;
        let error = read(&model).unwrap_err();
        assert!(error.what.starts_with("f.onnx: the initializer `b` ") && error.what.contains(what), "{error:?}");
    }
}

#[test]
fn what_is_not_such_a_network_is_refused_by_its_node() {
    let replaced = |at: usize, node: Node| {
        let mut nodes = dense();
        nodes[at] = node;
        model(nodes)
    };
    let changed = |change: &dyn Fn(&mut messages::Model)| {
        let mut model = model(dense());
        change(&mut model);
        model
    };
    let graph = |change: &dyn Fn(&mut Graph)| changed(&|model| change(model.graph.as_mut().unwrap()));
    let unnamed = Node { name: String::new(), ..node("Softplus", &["2"], "3") };
    let custom = Node { domain: "com.example".to_owned(), ..node("Relu", &["2"], "3") };
    let cases: Vec<(messages::Model, &str)> = vec![
        (
            replaced(2, node("Softplus", &["2"], "3")),
            "node `Softplus_3` (Softplus): it is an activation that networks here do not have",
        ),
        (replaced(2, unnamed), "node 3 (Softplus): it is an activation that"),
        (replaced(2, custom), "node `Relu_3` (com.example.Relu): it is not a part of"),
        (replaced(2, node("Sin", &["2"], "3")), "an operator of the graph is a part of an activation"),
        (replaced(2, node("Concat", &["2", "2"], "3")), "node `Concat_3` (Concat): it does not take one tensor"),
        (
            replaced(2, with(node("Concat", &["2", "1"], "3"), "axis", int(1))),
            "node `Concat_3` (Concat): what it puts together is not an activation",
        ),
        (replaced(2, node("Max", &["2", "1"], "3")), "what it puts together is not an activation that is read"),
        (replaced(0, node("Conv", &["x", "W"], "1")), "node `Conv_1` (Conv): it is not a part of"),
        (replaced(0, node("MatMul", &["W", "x"], "1")), "node `MatMul_1` (MatMul): it is not a part of"),
        (replaced(0, node("MatMul", &["x", "Wt"], "1")), "its matrix has 3 rows for 2 columns"),
        (replaced(0, node("MatMul", &["x", "x"], "1")), "it does not take one tensor and constants"),
        (replaced(0, node("MatMul", &["x", "nothing"], "1")), "its input `nothing` is made by nothing"),
        (replaced(0, with(node("Gemm", &["x", "W"], "1"), "transA", int(1))), "it transposes its input"),
        (replaced(1, node("Add", &["1", "v"], "2")), "its constant has the shape [3, 1], not that of one row"),
        (replaced(1, node("Add", &["1", "c2"], "2")), "its input `c2` is made by nothing"),
        (replaced(4, node("Add", &["4", "1"], "y")), "it adds 1 columns and 3 columns"),
        (replaced(3, node("Relu", &["3"], "4")), "there is no matrix between two activations"),
        (replaced(3, node("Identity", &["3"], "4")), "there is no matrix after the last activation"),
        (replaced(0, node("Identity", &["x"], "1")), "its constant has 3 entries for 2 columns"),
        (replaced(1, with(node("Cast", &["1"], "2"), "to", int(10))), "it rounds to the element type 10"),
        (graph(&|g| g.output[0].name = "3".to_owned()), "there is no matrix after the last activation"),
        (graph(&|g| g.output[0].name = "x".to_owned()), "its output `x` is not what its nodes make"),
        (graph(&|g| g.output[0].name = "W".to_owned()), "its output `W` is not what its nodes make"),
        (graph(&|g| g.output[0].name = "none".to_owned()), "its output `none` is not what its nodes make"),
        (graph(&|g| g.output.push(value("2", &[]))), "the graph has 2 outputs (y, 2)"),
        (graph(&|g| g.output.clear()), "the graph has 0 outputs"),
        (graph(&|g| g.input.push(value("z", &[]))), "the graph has 2 inputs (x, z)"),
        (graph(&|g| g.input[0] = value("x", &[None, Some(1), Some(28), Some(28)])), "has 4 dimensions"),
        (graph(&|g| g.input[0] = value("x", &[None, Some(5)])), "its matrix has 2 rows for 5 columns"),
        (graph(&|g| g.node.reverse()), "is made by nothing that stands before it"),
        (changed(&|m| m.graph = None), "holds no graph"),
        (changed(&|m| m.opset_import[0].version = 6), "uses the ONNX operator set 6"),
        (changed(&|m| m.opset_import.clear()), "uses the ONNX operator set 0"),
    ];
    for (model, what) in cases {
        let error = read(&model).unwrap_err();
        assert!(error.what.starts_with("f.onnx") && error.what.contains(what), "{what}: {error:?}");
        assert!(!error.hint.is_empty());
    }
    assert!(parse(b"", "f.onnx").unwrap_err().what.contains("is empty"));
    assert!(parse(br#"{"w": [[1]]}"#, "f.onnx").unwrap_err().what.contains("not an ONNX file"));
}

/// The plain graph with another activation: nodes from "2" to "3".
fn activated(nodes: &[Node], doubles: bool) -> messages::Model {
    let mut all = dense();
    all.splice(2..3, nodes.iter().cloned());
    let mut model = model(all);
    if doubles {
        let n = network();
        let both: Vec<f64> = n.v().iter().chain(n.v()).copied().collect();
        model.graph.as_mut().unwrap().initializer[3] = tensor("v", &[6, 1], &both);
    }
    model
}

#[test]
fn the_forms_in_which_programs_write_activations() {
    let alpha = |value| with(node("LeakyRelu", &["2"], "3"), "alpha", float(value));
    let relu = |input: &str, output: &str| node("Relu", &[input], output);
    let concat = |input: &[&str], axis: i64| with(node("Concat", input, "3"), "axis", int(axis));
    let leaky = |number: f32| format!("leaky-relu:{}", f64::from(number));
    for (nodes, name) in [
        (vec![node("LeakyRelu", &["2"], "3")], leaky(0.01)),
        (vec![alpha(0.25)], "leaky-relu:0.25".into()),
        (vec![alpha(0.2)], leaky(0.2)),
        (vec![node("Mul", &["2", "half"], "2a"), node("Max", &["2a", "2"], "3")], "leaky-relu:0.5".into()),
        (vec![node("Abs", &["2"], "3")], "abs".into()),
        (vec![node("Neg", &["2"], "2a"), node("Max", &["2", "2a"], "3")], "abs".into()),
        (vec![relu("2", "2a"), node("Neg", &["2"], "2b"), relu("2b", "2c"), concat(&["2a", "2c"], 1)], "crelu".into()),
        (vec![node("Cos", &["2"], "2b"), node("Sin", &["2"], "2a"), concat(&["2a", "2b"], -1)], "sincos".into()),
    ] {
        let mut model = activated(&nodes, nodes.len() > 2);
        model.graph.as_mut().unwrap().initializer.push(tensor("half", &[], &[0.5]));
        let import = read(&model).unwrap();
        assert_eq!(import.network.layers()[0].activation().name(), name);
        assert_eq!(import.network.layers()[0].weights(), layered().layers()[0].weights());
    }
    for (nodes, what) in [
        (vec![alpha(1.5)], "an operator of the graph is a part of an activation"),
        (vec![relu("2", "2a"), relu("2", "2b"), concat(&["2a", "2b"], 1)], "is not an activation that is read"),
        (vec![relu("2", "2a"), relu("1", "2b"), concat(&["2a", "2b"], 1)], "is not an activation that is read"),
        (vec![relu("2", "2a"), concat(&["2a", "x"], 1)], "is not an activation that is read"),
        (vec![relu("2", "2a"), concat(&["2a", "2"], 0)], "it does not take one tensor and constants"),
    ] {
        let error = read(&activated(&nodes, nodes.len() > 1)).unwrap_err();
        assert!(error.what.contains(what), "{error:?}");
    }
}

#[test]
fn a_linear_part_is_one_branch_from_the_inputs_to_the_outputs() {
    let beside = |nodes: Vec<Node>| {
        let mut model = model([dense()[..4].to_vec(), nodes].concat());
        model.graph.as_mut().unwrap().initializer.extend([
            tensor("A", &[2, 1], &[10.0, -20.0]),
            tensor("A3", &[2, 3], &[1.0; 6]),
            tensor("d", &[1], &[3.0]),
            tensor("half", &[], &[0.5]),
        ]);
        read(&model)
    };
    let (x, n) = ([0.3, -0.8], network());
    let own = n.value(&x) - n.c();
    let linear = node("MatMul", &["x", "A"], "l");
    for (nodes, due) in [
        (vec![linear.clone(), node("Add", &["4", "l"], "y")], own + 19.0),
        (vec![linear.clone(), node("Add", &["l", "4"], "5"), node("Add", &["5", "c"], "y")], own + 19.0 + 0.7),
        // What comes after the sum is done to both, and a bias of the linear part is one of the outputs.
        (
            vec![
                linear.clone(),
                node("Add", &["l", "d"], "l2"),
                node("Add", &["4", "l2"], "5"),
                node("Mul", &["5", "half"], "6"),
                node("Sub", &["6", "d"], "y"),
            ],
            0.5 * (own + 19.0 + 3.0) - 3.0,
        ),
    ] {
        let network = beside(nodes).unwrap().network;
        assert!(
            network.linear().is_some() && (network.values(&x)[0] - due).abs() < 1e-13,
            "{:?} {due}",
            network.values(&x)
        );
    }
    for (nodes, what) in [
        (vec![node("Add", &["4", "x"], "y")], "it adds 1 columns and 2 columns"),
        (
            vec![node("MatMul", &["3", "v"], "l"), node("Add", &["4", "l"], "y")],
            "it adds two branches that do not both go",
        ),
        (vec![linear.clone(), node("Add", &["4", "l"], "5"), node("Add", &["5", "l"], "y")], "it is the second sum"),
        (
            vec![
                node("Relu", &["4"], "4a"),
                linear.clone(),
                node("Add", &["4", "l"], "5"),
                node("Add", &["5", "4a"], "y"),
            ],
            "it is the second sum",
        ),
        (
            vec![
                node("MatMul", &["x", "A3"], "l"),
                node("Add", &["3", "l"], "5"),
                node("MatMul", &["5", "v"], "6"),
                node("Relu", &["6"], "7"),
                node("MatMul", &["7", "d1"], "y"),
            ],
            "its input `d1` is made by nothing",
        ),
        (
            vec![
                node("MatMul", &["x", "A3"], "l"),
                node("Add", &["3", "l"], "5"),
                node("Relu", &["5"], "7"),
                node("MatMul", &["7", "v"], "y"),
            ],
            "it adds two branches that do not both go",
        ),
    ] {
        let error = beside(nodes).unwrap_err();
        assert!(error.what.contains(what), "{what}: {error:?}");
    }
}

#[test]
fn deep_and_wide_and_affine_graphs_are_networks() {
    let mut nodes = dense();
    nodes.splice(4.., [node("Relu", &["4"], "5"), node("MatMul", &["5", "vt"], "y")]);
    let import = read(&model(nodes)).unwrap();
    assert_eq!(import.network.described(), "two hidden layers of 3 and 1 units, relu, 3 outputs");
    let mut nodes = dense();
    nodes[2] = node("Identity", &["2"], "3");
    let affine = read(&model(nodes)).unwrap().network;
    assert_eq!(affine.described(), "no hidden layer");
    let (n, x) = (network(), [0.3, -0.8]);
    let due = n.c() + (0..3).map(|i| n.v()[i] * n.pre_activation(i, &x)).sum::<f64>();
    assert!((affine.values(&x)[0] - due).abs() < 1e-14);
}

#[test]
fn reshapes_that_mix_rows_are_refused() {
    let reshaped = |shape: &[i64]| {
        let mut nodes = dense();
        nodes[0].input[0] = "0".to_owned();
        nodes.insert(0, node("Reshape", &["x", "shape"], "0"));
        let mut model = model(nodes);
        let list = Tensor {
            name: "shape".to_owned(),
            dims: vec![shape.len() as i64],
            data_type: 7,
            int64_data: shape.to_vec(),
            ..Tensor::default()
        };
        model.graph.as_mut().unwrap().initializer.push(list);
        read(&model)
    };
    for shape in [[-1, 2], [0, 2], [0, -1], [1, 2]] {
        assert_eq!(reshaped(&shape).unwrap().network, layered());
    }
    for shape in [&[-1, 1][..], &[-1], &[1, -1], &[2, 0], &[0, 1, 2], &[], &[-2, 2], &[i64::MIN, 2]] {
        assert!(reshaped(shape).unwrap_err().what.contains("(Reshape)"), "{shape:?}");
    }
}

#[test]
fn only_the_form_that_is_written_is_a_scaler() {
    let scaler = Scaler {
        input_mean: vec![1.0, -2.0],
        input_scale: vec![0.5, 3.0],
        target_mean: 10.0,
        target_scale: 4.0,
        ..Scaler::identity(2)
    };
    let bytes = to_bytes(&layered(), Some(&scaler), None, &[], Precision::F64);
    let import = parse(&bytes, "f").unwrap();
    assert_eq!((&import.network, import.scaler.as_ref()), (&layered(), Some(&scaler)));
    assert_eq!(bits(&import.network), bits(&layered()));
    let folded = import.folded().unwrap();
    // Negative scales are no standardization; the function is the same.
    let mut negative = messages::Model::decode(bytes.as_slice()).unwrap();
    let initializers = &mut negative.graph.as_mut().unwrap().initializer;
    let at = initializers.iter().position(|tensor| tensor.name == "target_scale").unwrap();
    initializers[at].raw_data = Some((-4.0f64).to_le_bytes().to_vec());
    let import = read(&negative).unwrap();
    assert_eq!(import.scaler, None);
    for x in [[0.0, 0.0], [1.5, -3.0], [-2.0, 7.0]] {
        assert!((import.network.values(&x)[0] - 10.0 + (folded.values(&x)[0] - 10.0)).abs() < 1e-12);
    }
}

proptest! {
    #[test]
    fn what_is_written_reads_back_bit_for_bit(
        numbers in prop::collection::vec(any::<f64>().prop_filter("finite", |x| x.is_finite()), 16),
        scales in prop::collection::vec(1e-3f64..1e3, 8), kept in any::<bool>(),
    ) {
        let w = Mat::from_fn(3, 3, |i, k| numbers[3 * i + k]);
        let network = Shallow::new(w, numbers[9..12].to_vec(), numbers[12..15].to_vec(), numbers[15]).unwrap().into();
        let scaler = Scaler {
            input_mean: scales[..3].to_vec(), input_scale: scales[3..6].to_vec(), target_mean: scales[6], target_scale: scales[7],
            ..Scaler::identity(3)
        };
        let scaler = kept.then_some(scaler);
        let metadata = [("key", "value λ".to_owned())];
        let import = parse(&to_bytes(&network, scaler.as_ref(), None, &metadata, Precision::F64), "f").unwrap();
        prop_assert_eq!(bits(&import.network), bits(&network));
        prop_assert_eq!(&import.scaler, &scaler);
        prop_assert_eq!(import.metadata, [("key".to_owned(), "value λ".to_owned())]);
    }
}
