//! Classifiers: what is written beside the margin, and what other programs write.

use super::*;
use crate::onnx_tensor::{INT64, STRING};
use crate::onnx_write::Columns;

fn written<const COUNT: usize>(network: &Network, classes: [&str; COUNT], probabilities: bool) -> messages::Model {
    let (inputs, classes) = (["a", "b"].map(str::to_owned), classes.map(str::to_owned));
    let columns = Columns { inputs: &inputs, target: "t", targets: &[], classes: Some(&classes), probabilities };
    let bytes = to_bytes(network, Some(&Scaler::identity(2)), Some(&columns), &[], Precision::F64);
    let import = parse(&bytes, "f").unwrap();
    assert_eq!((bits(&import.network), import.scaler), (bits(network), Some(Scaler::identity(2))));
    messages::Model::decode(bytes.as_slice()).unwrap()
}

/// The hidden units of `network` with an output for each of three classes.
fn of_three_classes() -> Network {
    let mut parts = network().into_parts();
    parts.v = Mat::from_fn(3, 3, |i, j| [[1.5, -0.5, 0.0], [-2.0, 0.25, 1.0], [0.3, 1.0, -0.7]][i][j]);
    parts.c = vec![0.7, -0.2, 0.1];
    Shallow::from_parts(parts).unwrap().into()
}

#[test]
fn a_classifier_has_labels_and_probabilities_beside_its_margin() {
    for (classes, probabilities, element) in [
        (["ill", "well"], true, STRING),
        (["0", "1"], true, INT64),
        (["-1", "1"], false, INT64),
        (["1", "1.5"], false, STRING),
        (["01", "2"], false, STRING),
    ] {
        let graph = written(&layered(), classes, probabilities).graph.unwrap();
        let names: Vec<&str> = graph.output.iter().map(|output| output.name.as_str()).collect();
        let due: &[&str] =
            if probabilities { &["label", "probabilities", "prediction"] } else { &["label", "prediction"] };
        assert_eq!(names, due);
        let tensor = graph.initializer.iter().find(|tensor| tensor.name == "classes").unwrap();
        assert_eq!(tensor.data_type, element, "{classes:?}");
        if element == STRING {
            assert_eq!(tensor.string_data, classes.map(|word| word.as_bytes().to_vec()));
        }
        assert!(
            graph
                .doc_string
                .ends_with(&format!("Prediction: t, {} where it is above 0 and {} elsewhere.", classes[1], classes[0]))
        );
    }
}

#[test]
fn a_classifier_of_three_classes_has_labels_and_probabilities_beside_its_outputs() {
    for (classes, probabilities, element) in [
        (["ash", "beech", "oak"], true, STRING),
        (["1", "2", "5"], true, INT64),
        (["1", "2", "5"], false, INT64),
        (["1", "2", "2.5"], false, STRING),
    ] {
        let graph = written(&of_three_classes(), classes, probabilities).graph.unwrap();
        let told: Vec<(&str, i32, usize)> = graph
            .output
            .iter()
            .map(|output| {
                let tensor = output.value_type.as_ref().unwrap().tensor.as_ref().unwrap();
                (output.name.as_str(), tensor.element, tensor.shape.as_ref().unwrap().dimension.len())
            })
            .collect();
        let mut due = vec![("label", element, 1), ("probabilities", FLOAT, 2), ("prediction", DOUBLE, 2)];
        due.retain(|(name, ..)| probabilities || *name != "probabilities");
        assert_eq!(told, due, "{classes:?}");
        let tensor = graph.initializer.iter().find(|tensor| tensor.name == "classes").unwrap();
        match element {
            STRING => assert_eq!(tensor.string_data, classes.map(|word| word.as_bytes().to_vec())),
            _ => assert_eq!(tensor.int64_data, [1, 2, 5]),
        }
        let made_by = |output: &str| {
            let node = graph.node.iter().find(|node| node.output == [output]).unwrap();
            (node.op_type.as_str(), node.input.clone())
        };
        assert_eq!(made_by("label"), ("Gather", vec!["classes".to_owned(), "places".to_owned()]));
        assert_eq!(made_by("places"), ("ArgMax", vec!["prediction".to_owned()]));
        assert!(graph.doc_string.ends_with(&format!("the largest says the class: {}.", classes.join(", "))));
    }
}

/// As skl2onnx writes an `MLPClassifier` of two classes.
fn of_scikit_learn(zipmap: bool) -> messages::Model {
    classifier(
        zipmap,
        "margin",
        [
            node("Sigmoid", &["margin"], "p"),
            node("Sub", &["one", "p"], "q"),
            with(node("Concat", &["q", "p"], "probabilities"), "axis", int(1)),
        ],
    )
}

/// As skl2onnx writes one of three.
fn of_three_by_scikit_learn(zipmap: bool) -> messages::Model {
    let mut model = classifier(
        zipmap,
        "outputs",
        [node("Softmax", &["outputs"], "softmax"), node("Identity", &["softmax"], "probabilities")],
    );
    let layers = of_three_classes();
    let last = &layers.layers()[1];
    let weights: Vec<f64> = (0..9).map(|k| last.weights()[(k % 3, k / 3)]).collect();
    let graph = model.graph.as_mut().unwrap();
    graph.initializer.retain(|tensor| !["v", "c"].contains(&tensor.name.as_str()));
    graph.initializer.extend([tensor("v", &[3, 3], &weights), tensor("c", &[1, 3], last.bias())]);
    model
}

/// A classifier as skl2onnx writes it: the network, whose result is called `of_network`, then nodes that make `probabilities`, and labels.
fn classifier<const COUNT: usize>(zipmap: bool, of_network: &str, probable: [Node; COUNT]) -> messages::Model {
    let mut nodes = dense();
    nodes[4].output = vec![of_network.into()];
    nodes.extend(probable);
    nodes.extend([
        with(node("ArgMax", &["probabilities"], "place"), "axis", int(1)),
        Node { domain: "ai.onnx.ml".into(), ..node("ArrayFeatureExtractor", &["classes", "place"], "found") },
        node("Reshape", &["found", "list"], "label"),
    ]);
    let outputs = if zipmap {
        let map = node("ZipMap", &["probabilities"], "output_probability");
        nodes.extend([Node { domain: "ai.onnx.ml".into(), ..map }, node("Identity", &["label"], "output_label")]);
        ["output_label", "output_probability"]
    } else {
        ["label", "probabilities"]
    };
    let mut model = model(nodes);
    let graph = model.graph.as_mut().unwrap();
    let words = vec![b"a".to_vec(), b"b".to_vec()];
    let classes =
        Tensor { name: "classes".into(), dims: vec![2], data_type: STRING, string_data: words, ..Tensor::default() };
    graph.initializer.extend([classes, tensor("one", &[], &[1.0]), tensor("list", &[1], &[-1.0])]);
    graph.output = outputs.map(|name| value(name, &[None])).to_vec();
    model
}

#[test]
fn what_another_programs_classifier_has_before_its_probabilities_is_its_network() {
    for zipmap in [false, true] {
        assert_eq!(bits(&read(&of_scikit_learn(zipmap)).unwrap().network), bits(&layered()));
        assert_eq!(bits(&read(&of_three_by_scikit_learn(zipmap)).unwrap().network), bits(&of_three_classes()));
        // A second sigmoid or softmax, and outputs of other names, leave it open what is meant.
        let mut twice = of_scikit_learn(zipmap);
        twice.graph.as_mut().unwrap().node.push(node("Sigmoid", &["margin"], "again"));
        let mut again = of_three_by_scikit_learn(zipmap);
        again.graph.as_mut().unwrap().node.push(node("Softmax", &["outputs"], "again"));
        let mut other = of_scikit_learn(zipmap);
        other.graph.as_mut().unwrap().output[0] = value("place", &[None]);
        for model in [twice, again, other] {
            assert!(read(&model).unwrap_err().what.contains("the graph has 2 outputs"));
        }
    }
}

#[test]
fn many_empty_words_are_counted() {
    let mut model = model(dense());
    let words =
        Tensor { name: "words".into(), data_type: STRING, string_data: vec![Vec::new(); 200], ..Tensor::default() };
    let constant = with(
        node("Constant", &[], "unused"),
        "value",
        Attribute { tensor: Some(Box::new(words)), ..Attribute::default() },
    );
    model.graph.as_mut().unwrap().node.push(constant);
    let limits = Limits { cells: 200_000, ..Limits::default() };
    let error = parse_within(&model.encode_to_vec(), "f", &limits).unwrap_err();
    assert!(error.what.contains("f has more than 200000 cells"), "{error:?}");
}
