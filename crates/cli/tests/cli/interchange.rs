//! The commands on networks in other formats.

use crate::run::Folder;
use serde_json::Value;

/// A network in every format, and data whose columns are far from standardized.
fn prepared() -> Folder {
    let folder = Folder::new();
    folder.write(
        "net.json",
        r#"{"w": [[0.1, -1], [0.05, 2], [-0.1, 0.3]], "b": [0.1, -1, 0.2], "v": [1, -2, 0.5], "c": 0.5}"#,
    );
    let rows = (0..40).map(|k| (f64::from(k) * 3.7 % 20.0, f64::from(k) * 0.71 % 3.0));
    let lines: String = rows.map(|(a, b)| format!("{a},{b},{}\n", 30.0 + (a - 10.0).abs() + 2.0 * b * b)).collect();
    folder.write("data.csv", format!("a,b,y\n{lines}"));
    for name in ["net.onnx", "net.safetensors"] {
        let ran = folder.tautnet(&format!("export net.json --out {name}"));
        assert!(
            ran.out
                .starts_with(&format!("{name}: a plain network of 2 inputs and one hidden layer of 3 units, relu (")),
            "{ran:?}"
        );
    }
    folder
}

const FORMATS: [&str; 3] = ["json", "onnx", "safetensors"];

#[test]
fn the_format_of_a_network_changes_nothing() {
    let folder = prepared();
    for flags in ["", "--no-standardize", "--raw-network"] {
        let mut facts = Vec::new();
        for from in FORMATS {
            for to in FORMATS {
                let command = format!("polish net.{from} data.csv --quiet --json --force --out new.{to} {flags}");
                let mut result = folder.tautnet(&command).json();
                result["seconds"] = Value::Null;
                assert_eq!(folder.tautnet(&format!("export new.{to} --out back.json --force")).code, Some(0));
                facts.push((result, folder.read("back.json")));
            }
        }
        assert!(facts.windows(2).all(|pair| pair[0] == pair[1]), "{flags}");
    }
    assert_eq!(folder.tautnet("certify net.json --norm 2 --certificate proof.json").code, Some(0));
    for format in FORMATS {
        assert_eq!(folder.tautnet(&format!("verify proof.json net.{format}")).code, Some(0), "{format}");
    }
}

/// The mean squared error of a plain network on the table, written out.
fn loss(folder: &Folder, name: &str) -> f64 {
    assert_eq!(folder.tautnet(&format!("export {name} --out layers.json --force")).code, Some(0));
    let network: Value = serde_json::from_str(&folder.read("layers.json")).unwrap();
    let list = |value: &Value| value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect::<Vec<_>>();
    let (hidden, last) = (&network["layers"][0], &network["layers"][1]);
    let (b, v, c) = (list(&hidden["bias"]), list(&last["weights"][0]), last["bias"][0].as_f64().unwrap());
    let w: Vec<Vec<f64>> = hidden["weights"].as_array().unwrap().iter().map(list).collect();
    let data = folder.read("data.csv");
    let rows = data.lines().skip(1).map(|line| line.split(',').map(|x| x.parse().unwrap()).collect::<Vec<f64>>());
    let errors = rows.map(|row| {
        let unit = |i: usize| v[i] * (w[i][0] * row[0] + w[i][1] * row[1] + b[i]).max(0.0);
        (c + (0..v.len()).map(unit).sum::<f64>() - row[2]).powi(2)
    });
    errors.sum::<f64>() / 40.0
}

#[test]
fn a_raw_network_is_polished_in_standardized_units_and_stays_raw() {
    let folder = prepared();
    let result = folder.tautnet("polish net.json data.csv --raw-network --json --out new.json").json();
    let number = |value: &Value| value.as_f64().unwrap();
    let close = |a: f64, b: f64| (a - b).abs() < 1e-9 * (1.0 + b);
    assert!(close(number(&result["before"]["user_units"]["loss"]), loss(&folder, "net.json")), "{result:#}");
    assert!(close(number(&result["user_units"]["loss"]), loss(&folder, "new.json")), "{result:#}");
    assert!(number(&result["objective"]) <= number(&result["before"]["objective"]));
    // The same units as in the attack on it: at radius 0 what is found is the loss.
    let attacked = folder.tautnet("attack new.json data.csv --raw-network --radius 0 --nodes 0 --json").json();
    assert!(close(number(&attacked["radii"][0]["found"]), number(&result["loss"])), "{attacked:#}");
}

#[test]
fn what_cannot_be_read_or_written_is_said_before_any_work() {
    let folder = prepared();
    folder.write("bad.onnx", "not a network");
    folder.write("bad.safetensors", [7u8; 40]);
    folder.write("net.pt", "PK");
    let before = folder.contents();
    for (command, what) in [
        ("polish bad.onnx data.csv", "error: bad.onnx is not an ONNX file, or is damaged"),
        ("certify bad.safetensors", "error: bad.safetensors is not a safetensors file, or is damaged"),
        ("certify net.pt", "error: net.pt: networks are kept as .json, .onnx or .safetensors"),
        ("polish net.onnx data.csv --out new.h5", "error: new.h5: networks are kept as .json, .onnx or .safetensors"),
        ("train data.csv --out new.pkl", "error: new.pkl: networks are kept as .json, .onnx or .safetensors"),
        ("export net.json --out net.onnx", "error: net.onnx exists already"),
        ("export none.onnx --out new.json", "error: none.onnx could not be read"),
        ("predict net.onnx data.csv", "error: the network in net.onnx has 2 inputs, but data.csv has 3 columns"),
        ("predict net.onnx data.csv --radius 0.1", "error: net.onnx is a plain network without columns and scaler"),
        ("verify net.onnx net.json", "error: net.onnx is a plain network without a certificate"),
        ("certify net.json data.csv --raw-network", "error: `--raw-network` changes the units of a network"),
    ] {
        let ran = folder.tautnet(command);
        assert!(ran.code == Some(2) && ran.out.is_empty() && ran.err.starts_with(what), "{command}: {ran:?}");
        assert!(ran.err.contains("\nhint: "), "{command}: {ran:?}");
        assert!(folder.contents() == before, "{command} left something");
    }
}

#[test]
fn a_certificate_that_is_left_out_is_missed() {
    let folder = prepared();
    assert_eq!(
        folder.tautnet("train data.csv --start sgd --hidden 4 --lipschitz-price 0.1 --out m.onnx").code,
        Some(0)
    );
    assert_eq!(folder.tautnet("verify m.onnx m.onnx").code, Some(0));
    for (command, kept) in [
        ("export m.onnx --out a.json", true),
        ("export m.onnx --out b.safetensors --scaler kept", true),
        ("export m.onnx --out c.safetensors", false),
        ("export m.onnx --out d.onnx --precision f32", false),
    ] {
        let ran = folder.tautnet(command);
        assert_eq!((ran.code, ran.err.contains("was left out")), (Some(0), !kept), "{command}: {ran:?}");
        let file = command.split(' ').nth(3).unwrap();
        let proved = folder.tautnet(&format!("verify {file} {file}"));
        assert_eq!(proved.code, Some(if kept { 0 } else { 2 }), "{proved:?}");
        assert_eq!(folder.tautnet(&format!("predict {file} data.csv")).code, Some(0));
    }
}
