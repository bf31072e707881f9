//! Classifiers: what is written beside the margin, and what other programs write.

use super::*;
use crate::onnx_tensor::{INT64, STRING};
use crate::onnx_write::Columns;

fn written(classes: [&str; 2], probabilities: bool) -> messages::Model {
    let (inputs, classes) = (["a", "b"].map(str::to_owned), classes.map(str::to_owned));
    let columns = Columns { inputs: &inputs, target: "t", classes: Some(&classes), probabilities };
    let bytes = to_bytes(&layered(), Some(&Scaler::identity(2)), Some(&columns), &[], Precision::F64);
    let import = parse(&bytes, "f").unwrap();
    assert_eq!((bits(&import.network), import.scaler), (bits(&layered()), Some(Scaler::identity(2))));
    messages::Model::decode(bytes.as_slice()).unwrap()
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
        let graph = written(classes, probabilities).graph.unwrap();
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

/// As skl2onnx writes an `MLPClassifier` of two classes.
fn of_scikit_learn(zipmap: bool) -> messages::Model {
    let mut nodes = dense();
    nodes[4].output = vec!["margin".into()];
    nodes.extend([
        node("Sigmoid", &["margin"], "p"),
        node("Sub", &["one", "p"], "q"),
        with(node("Concat", &["q", "p"], "probabilities"), "axis", int(1)),
        node("ArgMax", &["probabilities"], "place"),
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
fn the_margin_of_another_programs_classifier_is_its_network() {
    for zipmap in [false, true] {
        assert_eq!(bits(&read(&of_scikit_learn(zipmap)).unwrap().network), bits(&layered()));
        // A second sigmoid, and outputs of other names, leave it open what is meant.
        let mut twice = of_scikit_learn(zipmap);
        twice.graph.as_mut().unwrap().node.push(node("Sigmoid", &["margin"], "again"));
        let mut other = of_scikit_learn(zipmap);
        other.graph.as_mut().unwrap().output[0] = value("place", &[None]);
        for model in [twice, other] {
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
