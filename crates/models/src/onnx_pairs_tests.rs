//! Sums taken two by two, as other programs write them.

use super::*;
use tautnet::Activation;
use tautnet::network::Layer;

/// A graph with the nodes given from the four sums "h" to "out".
fn graph(nodes: Vec<Node>) -> messages::Model {
    let weights = [0.5, -1.25, 2.0, 0.75, 0.1, 1e-3, -3.0, 0.2];
    let mut model = model(
        [
            vec![with(node("Gemm", &["x", "W4", "b4"], "h"), "transB", int(1))],
            nodes,
            vec![with(node("Gemm", &["out", "V4", "c"], "y"), "transB", int(1))],
        ]
        .concat(),
    );
    let whole = |name: &str, numbers: &[i64]| Tensor {
        name: name.to_owned(),
        dims: vec![numbers.len() as i64],
        data_type: 7,
        int64_data: numbers.to_vec(),
        ..Tensor::default()
    };
    model.graph.as_mut().unwrap().initializer.extend([
        tensor("W4", &[4, 2], &weights),
        tensor("b4", &[4], &[0.0, 1.0, -1.0, 0.5]),
        tensor("V4", &[1, 4], &[1.0, -2.0, 3.0, -4.0]),
        whole("n0", &[0]),
        whole("n1", &[1]),
        whole("n2", &[2]),
        whole("n4", &[4]),
        whole("far", &[i64::MAX]),
        whole("one_three", &[1, 3]),
        whole("two_two", &[2, 2]),
    ]);
    model
}

fn expected() -> Network {
    let w = [[0.5, -1.25], [2.0, 0.75], [0.1, 1e-3], [-3.0, 0.2]];
    let hidden = Layer::new(
        Mat::from_fn(4, 2, |i, k| w[i][k]),
        vec![0.0, 1.0, -1.0, 0.5],
        "maxmin".parse::<Activation>().unwrap(),
    );
    let v = Mat::from_fn(1, 4, |_, k| [1.0, -2.0, 3.0, -4.0][k]);
    Network::new(vec![hidden, Layer::new(v, vec![network().c()], Activation::identity())], None).unwrap()
}

fn split(second: Option<&str>) -> Node {
    let inputs: Vec<&str> = ["h"].into_iter().chain(second).collect();
    let mut split = with(node("Split", &inputs, "low"), "axis", int(1));
    split.output.push("high".to_owned());
    split
}

fn sorted() -> Vec<Node> {
    let (larger, smaller) = (node("Max", &["low", "high"], "max"), node("Min", &["low", "high"], "min"));
    vec![larger, smaller, with(node("Concat", &["max", "min"], "out"), "axis", int(1))]
}

#[test]
fn pairs_are_read_from_slices_and_from_splits() {
    let slice = |from: &str, to: &str, out: &str| node("Slice", &["h", from, to, "n1"], out);
    let forms = [
        vec![split(None)],
        vec![split(Some("two_two"))],
        vec![slice("n0", "n2", "low"), slice("n2", "n4", "high")],
        vec![slice("n0", "n2", "low"), slice("n2", "far", "high")],
    ];
    for first in forms {
        assert_eq!(read(&graph([first, sorted()].concat())).unwrap().network, expected());
    }
}

#[test]
fn what_is_no_pair_of_halves_is_refused() {
    let slice = |from: &str, to: &str, axis: &str, out: &str| node("Slice", &["h", from, to, axis], out);
    let (low, high) = (slice("n0", "n2", "n1", "low"), slice("n2", "n4", "n1", "high"));
    let joined = |larger: Node, smaller: Node| {
        vec![low.clone(), high.clone(), larger, smaller, with(node("Concat", &["max", "min"], "out"), "axis", int(1))]
    };
    for (nodes, what) in [
        ([vec![split(Some("one_three"))], sorted()].concat(), "in two halves"),
        (
            [vec![slice("n0", "n2", "n1", "low"), slice("n1", "n4", "n1", "high")], sorted()].concat(),
            "one half of the columns",
        ),
        ([vec![slice("n0", "n2", "n0", "low"), high.clone()], sorted()].concat(), "one half of the columns"),
        // The smaller first; the larger twice; an end of the columns left out.
        (
            joined(node("Min", &["low", "high"], "max"), node("Max", &["low", "high"], "min")),
            "is not an activation that is read",
        ),
        (
            joined(node("Max", &["low", "high"], "max"), node("Max", &["low", "high"], "min")),
            "is not an activation that is read",
        ),
        (vec![slice("n0", "n2", "n1", "out")], "4 rows for 2 columns"),
    ] {
        let error = read(&graph(nodes)).unwrap_err();
        assert!(error.what.contains(what) || error.hint.contains(what), "{what}: {error:?}");
    }
}
