//! The commands on networks that are not one hidden layer of relu units with one output.

use crate::run::Folder;

/// A deep network with two outputs, one hidden layer of each activation, and a table of two columns and of three.
fn prepared() -> Folder {
    let folder = Folder::new();
    folder.write(
        "deep.json",
        r#"{"format": "tautnet network", "version": 2, "layers": [
            {"weights": [[1, -1], [0.5, 2], [0, 1]], "bias": [0, -1, 0.5], "activation": "leaky-relu:0.25"},
            {"weights": [[1, -2, 0.5]], "bias": [0.5], "activation": "sincos"},
            {"weights": [[1, 2], [3, -1]], "bias": [0, 1], "activation": "identity"}], "linear": [[0.5, 0], [0, 1]]}"#,
    );
    for (name, columns) in
        [("abs", 3), ("leaky-relu:0.25", 3), ("identity", 3), ("crelu", 6), ("sincos", 6), ("relu", 3)]
    {
        let last = ["0.5, -1, 1.5", "0.25, 1, -0.75"].join(", ");
        let last: Vec<&str> = last.split(", ").take(columns).collect();
        let file = format!("{}.json", name.split(':').next().unwrap());
        folder.write(
            &file,
            format!(
                r#"{{"format": "tautnet network", "version": 2, "layers": [
                {{"weights": [[1, -1], [0.5, 2], [0, 1]], "bias": [0, -1, 0.5], "activation": "{name}"}},
                {{"weights": [[{}]], "bias": [0.5], "activation": "identity"}}]}}"#,
                last.join(", ")
            ),
        );
    }
    let rows = (0..40).map(|k| (f64::from(k) * 0.7 % 4.0 - 2.0, f64::from(k) * 0.31 % 3.0 - 1.5));
    let rows: Vec<(f64, f64)> = rows.collect();
    let lines: String = rows.iter().map(|(a, b)| format!("{a},{b}\n")).collect();
    folder.write("x.csv", format!("a,b\n{lines}"));
    let lines: String = rows.iter().map(|(a, b)| format!("{a},{b},{}\n", a.abs() + b * b)).collect();
    folder.write("data.csv", format!("a,b,y\n{lines}"));
    folder
}

fn predictions(folder: &Folder, name: &str) -> Vec<Vec<f64>> {
    let ran = folder.tautnet(&format!("predict {name} x.csv"));
    assert_eq!(ran.code, Some(0), "{name}: {ran:?}");
    ran.out.lines().skip(1).map(|line| line.split(',').map(|number| number.parse().unwrap()).collect()).collect()
}

#[test]
fn every_network_predicts_and_goes_through_every_format() {
    let folder = prepared();
    assert!(folder.tautnet("predict deep.json x.csv").out.starts_with("output1,output2\n"));
    assert!(folder.tautnet("predict abs.json x.csv").out.starts_with("prediction\n"));
    let json = folder.tautnet("predict deep.json x.csv --json").json();
    assert_eq!(json["predictions"][3][1].as_f64(), Some(predictions(&folder, "deep.json")[3][1]));
    for name in ["deep", "abs", "leaky-relu", "identity", "crelu", "sincos"] {
        let own = predictions(&folder, &format!("{name}.json"));
        for format in ["onnx", "safetensors", "json"] {
            let ran = folder.tautnet(&format!("export {name}.json --out out.{format} --force"));
            assert_eq!(ran.code, Some(0), "{name} {format}: {ran:?}");
            // A graph tells no layer of the identity from those beside it.
            let same = |(one, other): (&f64, &f64)| one == other || name == "identity" && (one - other).abs() < 1e-12;
            let read = predictions(&folder, &format!("out.{format}"));
            assert!(own.iter().flatten().zip(read.iter().flatten()).all(same), "{name} {format}");
        }
    }
    let facts = folder.tautnet("export deep.json --out deep.onnx --json").json();
    assert_eq!(
        (facts["outputs"].as_u64(), facts["linear"].as_bool(), facts["units"].as_u64()),
        (Some(2), Some(true), Some(4))
    );
    assert_eq!(facts["layers"][1]["activation"], "sincos");
}

#[test]
fn what_a_command_does_not_take_is_one_error_with_the_way_on() {
    let folder = prepared();
    let before = folder.contents();
    let takes = "takes networks with one hidden layer of relu units";
    let deep = "two hidden layers of 3 and 1 units, leaky-relu:0.25 and sincos, 2 outputs, a linear part";
    for (command, asked) in [("attack deep.json data.csv", "attack"), ("verify deep.json deep.json", "verify")] {
        // A certificate is of one output; several are classes.
        let takes = if asked == "verify" { format!("{takes} and one output") } else { takes.to_owned() };
        let ran = folder.tautnet(command);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.err.starts_with(&format!("error: `{asked}` {takes}; this one has {deep}\nhint: ")), "{ran:?}");
        assert!(ran.err.contains("`predict` and `export`, which take every network"), "{ran:?}");
    }
    let ran = folder.tautnet("polish deep.json data.csv");
    assert!(ran.code == Some(2) && ran.err.contains(deep), "{ran:?}");
    let ran = folder.tautnet("certify abs.json");
    assert!(ran.code == Some(0) && ran.err.contains("can be rewritten with relu units"), "{ran:?}");
    assert!(ran.err.contains("`tautnet export NETWORK --relu --out NEW`"), "{ran:?}");
    for name in ["deep", "sincos"] {
        let ran = folder.tautnet(&format!("export {name}.json --relu --out new.json"));
        assert!(ran.code == Some(2) && ran.err.starts_with("error: `export --relu` takes networks with"), "{ran:?}");
    }
    let two = r#"{"format": "tautnet network", "version": 2, "layers": [
        {"weights": [[1, -1]], "bias": [0], "activation": "relu"}, {"weights": [[1], [2]], "bias": [0, 0], "activation": "identity"}]}"#;
    let folder_of_two = prepared();
    folder_of_two.write("two.json", two);
    // Several outputs are classes, which this target has not.
    for command in ["attack two.json data.csv", "polish two.json data.csv"] {
        let ran = folder_of_two.tautnet(command);
        assert!(ran.code == Some(2) && ran.err.contains("the network has 2 outputs, and the target `y`"), "{ran:?}");
    }
    let ran = folder_of_two.tautnet("certify two.json");
    assert!(ran.code == Some(0) && ran.out.contains("`output1` and `output2`"), "{ran:?}");
    assert!(folder.contents() == before);
}

#[test]
fn piecewise_linear_networks_are_rewritten_certified_and_polished() {
    let folder = prepared();
    for (name, exact) in [("abs", true), ("crelu", true), ("leaky-relu", false), ("identity", false)] {
        let ran = folder.tautnet(&format!("export {name}.json --relu --out new.json --force"));
        assert!(ran.code == Some(0) && ran.err.contains("was rewritten with relu units"), "{ran:?}");
        assert_eq!(ran.err.contains("up to the rounding"), !exact, "{ran:?}");
        let (own, new) = (predictions(&folder, &format!("{name}.json")), predictions(&folder, "new.json"));
        let close = |(one, other): (&f64, &f64)| (one - other).abs() < 1e-12;
        assert!(own.iter().flatten().zip(new.iter().flatten()).all(close), "{name}");
        assert_eq!(
            folder.tautnet("certify new.json --norm 2 --certificate proof.json --force").code,
            Some(0),
            "{name}"
        );
        assert_eq!(folder.tautnet("verify proof.json new.json").code, Some(0), "{name}");
        let result =
            folder.tautnet(&format!("polish {name}.json data.csv --json --quiet --out better.json --force")).json();
        assert!(result["notes"][0].as_str().unwrap().contains("was rewritten with relu units"), "{result:#}");
        assert!(result["objective"].as_f64() <= result["before"]["objective"].as_f64(), "{result:#}");
        assert_eq!(folder.tautnet("certify better.json --norm 2").code, Some(0));
    }
    let ran = folder.tautnet("export relu.json --relu --out same.json");
    assert!(ran.code == Some(0) && ran.err.is_empty(), "{ran:?}");
    let ran = folder.tautnet("polish abs.json data.csv --quiet");
    assert!(ran.out.contains("note: the network (one hidden layer of 3 units, abs) was rewritten"), "{ran:?}");
}
