//! Networks and models, out and in again, in every format.

use super::*;
use faer::Mat;
use proptest::prelude::*;
use std::path::Path;
use tautnet::activation::ALL;
use tautnet::certify;
use tautnet::network::{Layer, Network};
use tautnet::{Norm, Scaler, Shallow};
use tautnet_tables::{Encoder, ReadOptions, Table, UnknownLevels};

const FORMATS: [Format; 3] = [Format::Json, Format::Onnx, Format::Safetensors];

fn table() -> Table {
    let text = "kind,a,y\nB,1.5,1000\nA,2.5,3000\nA,3,2000\nB,0.25,-500\n";
    Table::from_reader("t.csv", text.as_bytes(), &ReadOptions::default()).unwrap()
}

/// A model with a certificate whose numbers are no single-precision ones.
fn model() -> Model {
    let columns = Encoder::fit(&table(), None, &[]).unwrap();
    let data = columns.dataset(&table(), UnknownLevels::Refuse).unwrap();
    let scaler = Scaler::fit(&data).unwrap();
    let w = Mat::from_fn(4, 3, |i, k| (0.37 * i as f64 - 0.91 * k as f64 + 0.1).sin());
    let network = Shallow::new(w, vec![0.1, -0.2, 0.3, 0.4], vec![1.1, -0.7, 0.3, 0.9], 0.05).unwrap();
    let go_on = &mut |_| std::ops::ControlFlow::Continue(());
    let certificate = Some(certify::prove(&network, Norm::Two, Some(&scaler), go_on).unwrap());
    let settings = serde_json::json!({"seed": 7, "data": "a \"quoted\" λ"});
    let network = network.into();
    Model {
        network,
        columns,
        scaler,
        settings,
        objective: serde_json::json!({"loss": 0.1}),
        certificate,
        calibration: None,
    }
}

fn there_and_back(stored: &Stored, format: Format, options: &Options) -> Stored {
    let bytes = to_bytes(stored, format, options).unwrap();
    assert_eq!(bytes, to_bytes(stored, format, options).unwrap(), "the same bytes every time");
    parse(&bytes, format, "f").unwrap()
}

fn predictions(stored: &Stored) -> Vec<f64> {
    let Stored::Model(model) = stored else { panic!("a model was written") };
    model.predict(&table(), UnknownLevels::Refuse).unwrap()
}

#[test]
fn a_model_that_is_kept_comes_back_with_its_certificate() {
    let stored = Stored::Model(Box::new(model()));
    for format in FORMATS {
        let options = Options { scaler: Some(ScalerChoice::Kept), ..Options::default() };
        let back = there_and_back(&stored, format, &options);
        assert_eq!(back, stored, "{format:?}");
        let Stored::Model(model) = back else { panic!() };
        assert!(model.proved().unwrap().is_some());
    }
}

#[test]
fn folded_and_rounded_models_predict_the_same_and_claim_nothing() {
    let stored = Stored::Model(Box::new(model()));
    let exact = predictions(&stored);
    let scale = exact.iter().fold(0.0f64, |scale, value| scale.max(value.abs()));
    for format in FORMATS {
        for (scaler, precision) in [
            (ScalerChoice::Folded, Precision::F64),
            (ScalerChoice::Kept, Precision::F32),
            (ScalerChoice::Folded, Precision::F32),
        ] {
            let back = there_and_back(&stored, format, &Options { scaler: Some(scaler), precision });
            for (value, exact) in predictions(&back).iter().zip(&exact) {
                let slack = if precision == Precision::F64 { 1e-12 } else { 1e-6 };
                assert!((value - exact).abs() <= slack * scale, "{format:?} {scaler:?} {precision:?}: {value} {exact}");
            }
            let Stored::Model(back) = back else { panic!() };
            assert_eq!(back.certificate, None);
            assert_eq!(back.scaler == Scaler::identity(3), scaler == ScalerChoice::Folded);
        }
    }
}

#[test]
fn where_nothing_is_asked_the_arrays_alone_are_right() {
    let stored = Stored::Model(Box::new(model()));
    let bytes = to_bytes(&stored, Format::Safetensors, &Options::default()).unwrap();
    let (network, _) = safetensors::parse(&bytes, "f").unwrap();
    let x = model().columns.encode(&table(), UnknownLevels::Refuse).unwrap();
    for (value, exact) in network.predict(x.as_ref()).col(0).iter().zip(predictions(&stored)) {
        assert!((value - exact).abs() < 1e-9 * (1.0 + exact.abs()));
    }
    let import = onnx::parse(&to_bytes(&stored, Format::Onnx, &Options::default()).unwrap(), "f").unwrap();
    assert_eq!((import.scaler.as_ref(), import.opset), (Some(&model().scaler), onnx::OPSET));
    for (value, exact) in import.folded().unwrap().predict(x.as_ref()).col(0).iter().zip(predictions(&stored)) {
        assert!((value - exact).abs() < 1e-9 * (1.0 + exact.abs()));
    }
}

#[test]
fn what_single_precision_cannot_hold_is_refused_by_its_place() {
    let mut parts = model().shallow("a test").unwrap().into_parts();
    parts.v[(2, 0)] = 1e39;
    let network = Network::from(Shallow::from_parts(parts).unwrap());
    let options = Options { precision: Precision::F32, ..Options::default() };
    for format in FORMATS {
        let error = to_bytes(&Stored::Network(network.clone()), format, &options).unwrap_err();
        assert_eq!(error.what, "layers[1].weights[0][2] is 1e39, too large for single precision");
    }
}

#[test]
fn a_model_whose_metadata_were_changed_is_judged_like_any_other() {
    let stored = Stored::Model(Box::new(model()));
    let kept = Options { scaler: Some(ScalerChoice::Kept), ..Options::default() };
    for format in [Format::Onnx, Format::Safetensors] {
        let bytes = to_bytes(&stored, format, &kept).unwrap();
        let replaced = |from: &str, to: &str| {
            assert_eq!(from.len(), to.len());
            let at = bytes.windows(from.len()).position(|part| part == from.as_bytes()).unwrap();
            let mut bytes = bytes.clone();
            bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
            parse(&bytes, format, "f")
        };
        let quote = if format == Format::Onnx { "\"" } else { "\\\"" };
        let key = |name: &str| format!("{quote}{name}{quote}");
        let error = replaced(&key("objective"), &key("objectiva")).unwrap_err();
        assert_eq!(error.what, "the metadata of f: `objectiva` is not a part of a model");
        let error = replaced("tautnet-model", "tautnet-mould").unwrap_err();
        assert!(error.what.contains("the metadata of f has the format"), "{error:?}");
        // Another weight: the file is read, and its certificate proves nothing.
        let weight = 0.9f64.to_le_bytes();
        let at = bytes.windows(8).position(|part| part == weight).unwrap();
        let mut bytes = bytes.clone();
        bytes[at] ^= 1;
        let Stored::Model(model) = parse(&bytes, format, "f").unwrap() else { panic!() };
        assert!(model.proved().unwrap_err().what.contains("fingerprint"));
    }
}

/// Networks of every activation, depth, number of outputs, with and without a linear part.
fn networks() -> Vec<Network> {
    let names: Vec<String> = ALL.iter().map(|entry| entry.example()).chain(["leaky-relu:-0.3".into()]).collect();
    let each = names.iter().map(|name| vec![name.as_str()]);
    let stacks =
        each.chain([vec![], names.iter().map(String::as_str).collect(), vec!["relu", "relu"], vec!["relu"; 11]]);
    let mut number = (0..).map(|k| (0.7 * f64::from(k) + 0.1).sin());
    let mut matrix = |rows, columns| Mat::from_fn(rows, columns, |_, _| number.next().unwrap());
    let mut made = Vec::new();
    for stack in stacks {
        for (outputs, linear) in [(1, false), (1, true), (3, false), (3, true)] {
            let (mut layers, mut width) = (Vec::new(), 2);
            for (units, name) in stack.iter().map(|name| (4, *name)).chain([(outputs, "identity")]) {
                let bias = matrix(units, 1).col(0).iter().copied().collect();
                layers.push(Layer::new(matrix(units, width), bias, name.parse().unwrap()));
                width = layers.last().unwrap().outputs();
            }
            made.push(Network::new(layers, linear.then(|| matrix(outputs, 2))).unwrap());
        }
    }
    made
}

#[test]
fn every_network_comes_back_in_every_format() {
    for network in networks() {
        for format in FORMATS {
            let back = there_and_back(&Stored::Network(network.clone()), format, &Options::default());
            let exact = if format == Format::Onnx { network.clone().merged().unwrap() } else { network.clone() };
            assert_eq!(back.network(), &exact, "{format:?}: {}", network.described());
            let options = Options { precision: Precision::F32, ..Options::default() };
            let rounded = there_and_back(&Stored::Network(network.clone()), format, &options);
            let (one, other) = (network.values(&[0.3, -0.8]), rounded.network().values(&[0.3, -0.8]));
            assert!(one.iter().zip(other).all(|(one, other)| (one - other).abs() < 1e-4), "{}", network.described());
        }
    }
}

#[test]
fn a_model_of_any_network_with_one_output_comes_back_and_predicts() {
    let text = "a,b,y\n1.5,3,1000\n2.5,-1,3000\n3,0.5,2000\n0.25,2,-500\n";
    let table = Table::from_reader("t.csv", text.as_bytes(), &ReadOptions::default()).unwrap();
    let columns = Encoder::fit(&table, None, &[]).unwrap();
    let scaler = Scaler::fit(&columns.dataset(&table, UnknownLevels::Refuse).unwrap()).unwrap();
    for network in networks().into_iter().filter(|network| network.outputs() == 1) {
        let (columns, scaler) = (columns.clone(), scaler.clone());
        let model = Model { columns, scaler, network, certificate: None, ..model() };
        let stored = Stored::Model(Box::new(model.clone()));
        let x = Mat::from_fn(3, 2, |k, j| (k as f64 - 1.0) * [1.0, 2.5][j]);
        let exact = model.predict_encoded(x.clone());
        let scale = exact.iter().fold(1.0f64, |scale, value| scale.max(value.abs()));
        for format in FORMATS {
            for scaler in [ScalerChoice::Kept, ScalerChoice::Folded] {
                let options = Options { scaler: Some(scaler), ..Options::default() };
                let Stored::Model(back) = there_and_back(&stored, format, &options) else { panic!() };
                for (one, other) in back.predict_encoded(x.clone()).iter().zip(&exact) {
                    assert!(
                        (one - other).abs() < 1e-11 * scale,
                        "{format:?} {scaler:?}: {}",
                        model.network.described()
                    );
                }
            }
        }
        assert!(model.reach(0.1).unwrap_err().what.contains("no certificate"));
    }
}

#[test]
fn a_model_has_one_target() {
    let two = networks().into_iter().find(|network| network.outputs() == 3).unwrap();
    let error = Model { network: two, ..model() }.to_json().unwrap_err();
    assert!(error.what.contains("has 2 inputs"), "{error:?}");
    let layer = Layer::new(Mat::full(2, 3, 1.0), vec![0.0; 2], "identity".parse().unwrap());
    let network = Network::new(vec![layer], None).unwrap();
    let error = Model { network, certificate: None, ..model() }.to_json().unwrap_err();
    assert!(error.what.contains("has 2 outputs"), "{error:?}");
}

#[test]
fn activations_in_the_metadata_that_do_not_fit_are_refused() {
    let network = networks().into_iter().find(|network| network.layers()[0].activation().name() == "abs").unwrap();
    let bytes = to_bytes(&Stored::Network(network), Format::Safetensors, &Options::default()).unwrap();
    for (from, to, what) in [
        ("abs", "abx", "the metadata of f: there is no activation \"abx\""),
        ("[\\\"abs\\\"]", "{\\\"a\\\":1}", "the metadata of f: `activations` is not a list of names"),
        ("\\\"version\\\":2", "\\\"version\\\":3", "the metadata of f are not of version 2"),
        ("[\\\"abs\\\"]", "[       ]", "f: it has 1 hidden layers and 0 activations"),
    ] {
        let at = bytes.windows(from.len()).position(|part| part == from.as_bytes()).expect(from);
        let mut bytes = bytes.clone();
        assert_eq!(from.len(), to.len());
        bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
        let error = parse(&bytes, Format::Safetensors, "f").unwrap_err();
        assert!(error.what.starts_with(what), "{error:?}");
    }
}

#[test]
fn names_say_the_format() {
    for (name, format) in [
        ("a.onnx", Format::Onnx),
        ("a.b/C.ONNX", Format::Onnx),
        ("model.safetensors", Format::Safetensors),
        ("a.json", Format::Json),
        ("a", Format::Json),
        ("onnx", Format::Json),
    ] {
        assert_eq!(Format::of(Path::new(name)).unwrap(), format, "{name}");
    }
    for (name, hint) in [("m.pt", "safetensors"), ("m.PKL", "skl2onnx"), ("m.keras", "ONNX")] {
        assert!(Format::of(Path::new(name)).unwrap_err().hint.contains(hint), "{name}");
    }
}

/// A safetensors file by hand: the header's text, then the numbers.
fn by_hand(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
}

#[test]
fn half_precision_state_dicts_are_read() {
    let header = r#"{"n.0.weight":{"dtype":"F16","shape":[1,2],"data_offsets":[0,4]},
        "n.0.bias":{"dtype":"BF16","shape":[1],"data_offsets":[4,6]},
        "n.2.weight":{"dtype":"F32","shape":[1,1],"data_offsets":[6,10]}}"#;
    let mut data = vec![0x00, 0x3c, 0x00, 0xc0, 0x80, 0x3f];
    data.extend(0.5f32.to_le_bytes());
    let Stored::Network(network) = parse(&by_hand(header, &data), Format::Safetensors, "f").unwrap() else { panic!() };
    let expected = Shallow::new(Mat::from_fn(1, 2, |_, k| [1.0, -2.0][k]), vec![1.0], vec![0.5], 0.0).unwrap();
    assert_eq!(network, Network::from(expected));
    for (from, to, what) in [
        ("BF16", "I16", "f: `n.0.bias` has the element type I16"),
        ("n.0.bias", "n.0.mean", "f: `n.0.mean` is neither a weight nor a bias"),
        ("[1,2]", "[1,3]", "f is not a safetensors file, or is damaged"),
    ] {
        let error = parse(&by_hand(&header.replace(from, to), &data), Format::Safetensors, "f").unwrap_err();
        assert!(error.what.starts_with(what), "{error:?}");
    }
}

fn any_network() -> impl Strategy<Value = Network> {
    (1usize..5, 1usize..5).prop_flat_map(|(m, d)| {
        let number = any::<f64>().prop_filter("finite", |x| x.is_finite());
        prop::collection::vec(number, m * d + 2 * m + 1).prop_map(move |numbers| {
            let w = Mat::from_fn(m, d, |i, k| numbers[i * d + k]);
            let rest = &numbers[m * d..];
            Shallow::new(w, rest[..m].to_vec(), rest[m..2 * m].to_vec(), rest[2 * m]).unwrap().into()
        })
    })
}

proptest! {
    #[test]
    fn a_network_comes_back_bit_for_bit(network in any_network()) {
        let bits = |n: &Network| n.numbers().into_iter().map(f64::to_bits).collect::<Vec<_>>();
        for format in FORMATS {
            let back = there_and_back(&Stored::Network(network.clone()), format, &Options::default());
            prop_assert_eq!(bits(back.network()), bits(&network));
        }
    }

    #[test]
    fn no_damage_to_safetensors_makes_it_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
        cut in any::<prop::sample::Index>(), whole in any::<bool>(),
    ) {
        let mut bytes = to_bytes(&Stored::Network(model().network), Format::Safetensors, &Options::default()).unwrap();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if !whole {
            bytes.truncate(cut.index(bytes.len()));
        }
        let _ = parse(&bytes, Format::Safetensors, "f");
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for format in FORMATS {
            prop_assert!(parse(&bytes, format, "f").is_err());
        }
    }
}

/// In every format, folded or not; and a file without one is read as before.
#[test]
fn a_calibration_goes_along() {
    let rows = model().columns.dataset(&table(), UnknownLevels::Refuse).unwrap();
    let calibrated = model().calibrated(rows).unwrap();
    let calibration = calibrated.calibration.clone().unwrap();
    assert_eq!(calibration.scores().len(), 4);
    let off =
        |k: usize| (calibrated.predict(&table(), UnknownLevels::Refuse).unwrap()[k] - [1e3, 3e3, 2e3, -500.0][k]).abs();
    let mut due: Vec<f64> = (0..4).map(off).collect();
    due.sort_by(f64::total_cmp);
    assert!(due.iter().zip(calibration.scores()).all(|(a, b)| (a - b).abs() < 1e-9 * a), "{due:?} {calibration:?}");
    for format in FORMATS {
        let back = there_and_back(&Stored::Model(Box::new(calibrated.clone())), format, &Options::default());
        let Stored::Model(back) = back else { panic!("no model") };
        assert_eq!(back.calibration, Some(calibration.clone()), "{format:?}");
    }
    assert!(!model().to_json().unwrap().contains("calibration"));
}
