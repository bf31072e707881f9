//! Files of earlier versions, written by the program as it was then, are read for ever.

use std::path::PathBuf;
use tautnet_models::{Format, Options, Stored, read, read_certificate, to_bytes, verify};
use tautnet_tables::{ReadOptions, Table, UnknownLevels};

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/files/version-1").join(name)
}

/// The weights of the network in all files, output weights last but one.
fn numbers() -> Vec<f64> {
    vec![
        0.25669023290310605,
        -0.2566845695529077,
        -0.7261210851307891,
        -0.45326298839243306,
        0.45324479097552994,
        -0.696465727902915,
        0.25817169678071605,
        -0.2581646375048251,
        -0.7303121932334501,
        0.03793742527420854,
        0.2266269395333002,
        0.03815801998522945,
        -0.8126917757811772,
        -0.9732946404139181,
        -0.8173821255393814,
        1.1730216427187121,
    ]
}

#[test]
fn plain_networks() {
    for name in ["network.json", "network.onnx", "network.safetensors"] {
        let Stored::Network(network) = read(&file(name)).unwrap() else { panic!("{name}") };
        assert_eq!(network.numbers(), numbers(), "{name}");
        assert_eq!(network.described(), "one hidden layer of 3 units, relu");
    }
}

#[test]
fn models() {
    let table = Table::read(&file("table.csv"), &ReadOptions::default()).unwrap();
    let predictions = std::fs::read_to_string(file("predictions.csv")).unwrap();
    let predictions: Vec<f64> = predictions.lines().skip(1).map(|line| line.parse().unwrap()).collect();
    let models = ["model.json", "model.onnx", "model.safetensors"].map(|name| {
        let Stored::Model(model) = read(&file(name)).unwrap() else { panic!("{name}") };
        assert_eq!(model.network.numbers(), numbers(), "{name}");
        assert_eq!(model.predict(&table, UnknownLevels::Refuse).unwrap(), predictions, "{name}");
        assert!(model.proved().unwrap().is_some(), "{name}");
        model
    });
    assert!(models.iter().all(|model| *model == models[0]));
    // Written now, it is the same model.
    for format in [Format::Json, Format::Onnx] {
        let bytes = to_bytes(&Stored::Model(models[0].clone()), format, &Options::default()).unwrap();
        assert_eq!(tautnet_models::parse(&bytes, format, "f").unwrap(), Stored::Model(models[0].clone()));
    }
}

#[test]
fn certificates() {
    let Stored::Model(model) = read(&file("model.json")).unwrap() else { panic!() };
    let bytes = read_certificate(&file("certificate.json")).unwrap();
    let network = model.shallow("a test").unwrap();
    let verified = verify(&bytes, &network, Some(&model.scaler)).unwrap();
    let claimed = serde_json::from_slice::<serde_json::Value>(&bytes).unwrap();
    assert_eq!(claimed["version"], 1);
    assert_eq!(Some(verified.certificate().standardized.bound), claimed["standardized"]["bound"].as_f64());
}
