//! Networks and models, out and in again, in every format.

use super::*;
use faer::Mat;
use proptest::prelude::*;
use std::path::Path;
use tautnet::certify;
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
    Model { network, columns, scaler, settings, objective: serde_json::json!({"loss": 0.1}), certificate }
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
    for (value, exact) in network.predict(x.as_ref()).iter().zip(predictions(&stored)) {
        assert!((value - exact).abs() < 1e-9 * (1.0 + exact.abs()));
    }
    let import = onnx::parse(&to_bytes(&stored, Format::Onnx, &Options::default()).unwrap(), "f").unwrap();
    assert_eq!((import.scaler.as_ref(), import.opset), (Some(&model().scaler), onnx::OPSET));
    for (value, exact) in import.folded().unwrap().predict(x.as_ref()).iter().zip(predictions(&stored)) {
        assert!((value - exact).abs() < 1e-9 * (1.0 + exact.abs()));
    }
}

#[test]
fn what_single_precision_cannot_hold_is_refused_by_its_place() {
    let mut parts = model().network.into_parts();
    parts.v[(2, 0)] = 1e39;
    let network = Shallow::from_parts(parts).unwrap();
    let options = Options { precision: Precision::F32, ..Options::default() };
    for format in FORMATS {
        let error = to_bytes(&Stored::Network(network.clone()), format, &options).unwrap_err();
        assert_eq!(error.what, "v[2] is 1e39, too large for single precision");
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
    assert_eq!(network, expected);
    for (from, to, what) in [
        ("BF16", "I16", "f: `n.0.bias` has the element type I16"),
        ("n.0.bias", "n.0.mean", "f: `n.0.mean` is neither a weight nor a bias"),
        ("[1,2]", "[1,3]", "f is no safetensors file, or is damaged"),
    ] {
        let error = parse(&by_hand(&header.replace(from, to), &data), Format::Safetensors, "f").unwrap_err();
        assert!(error.what.starts_with(what), "{error:?}");
    }
}

fn any_network() -> impl Strategy<Value = Shallow> {
    (1usize..5, 1usize..5).prop_flat_map(|(m, d)| {
        let number = any::<f64>().prop_filter("finite", |x| x.is_finite());
        prop::collection::vec(number, m * d + 2 * m + 1).prop_map(move |numbers| {
            let w = Mat::from_fn(m, d, |i, k| numbers[i * d + k]);
            let rest = &numbers[m * d..];
            Shallow::new(w, rest[..m].to_vec(), rest[m..2 * m].to_vec(), rest[2 * m]).unwrap()
        })
    })
}

proptest! {
    #[test]
    fn a_network_comes_back_bit_for_bit(network in any_network()) {
        let bits = |n: &Shallow| n.numbers().into_iter().map(f64::to_bits).collect::<Vec<_>>();
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
