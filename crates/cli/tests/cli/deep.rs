//! `train --layers`: deep networks, what is told of them, and what is refused.

use crate::run::Folder;
use serde_json::Value;

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn classes_numbers_and_two_classes_are_learned_and_proved_in_every_norm() {
    let folder = Folder::new();
    for norm in ["2", "inf", "1"] {
        for (data, classes) in [("iris", true), ("machine", false), ("breast", true)] {
            let result = folder
                .tautnet(&format!(
                    "train {data} --layers 8,8 --norm {norm} --radius 0.02 --epochs 60 --test 0.3 --seed 1 --out {data}{norm}.json --json --quiet"
                ))
                .json();
            let held_out = &result["held_out"];
            if classes {
                let (right, proved) = (number(&held_out["accuracy"]), number(&held_out["proved_accuracy"]));
                assert!(right > 0.75 && proved <= right, "{data} {norm}: {held_out}");
            } else {
                let (clean, proved) = (number(&held_out["clean"]), number(&held_out["proved"]));
                assert!(clean <= proved && clean < 0.6, "{data} {norm}: {held_out}");
            }
            // The bound that is told is the one that `certify` proves.
            let proved = folder.tautnet(&format!("certify {data}{norm}.json --norm {norm} --json --quiet")).json();
            assert_eq!(proved["trivial_bound"], result["trivial_bound"], "{data} {norm}");
            assert!(number(&proved["found"]) <= number(&proved["trivial_bound"]));
            // Predictions are those of the told accuracy, and a radius of 0 leaves them certain but for rounding.
            let told = folder.tautnet(&format!("predict {data}{norm}.json {data} --radius 0.02 --json")).json();
            let rows = told["predictions"].as_array().unwrap().len();
            if classes {
                assert_eq!(told["certain"].as_array().unwrap().len(), rows);
            } else {
                for k in 0..rows {
                    let [low, f, high] = ["lower", "predictions", "upper"].map(|name| number(&told[name][k]));
                    assert!(low < f && f < high, "{norm} row {k}: {low} {f} {high}");
                }
            }
        }
    }
}

#[test]
fn prices_and_limits_make_the_bound_small() {
    let folder = Folder::new();
    let bound = |asked: &str| {
        let result = folder
            .tautnet(&format!("train machine --layers 8,8 --activation abs --epochs 60 {asked} --json --quiet"))
            .json();
        number(&result["trivial_bound"])
    };
    let free = bound("--radius 0");
    for form in ["trivial", "log-trivial", "layers"] {
        assert!(bound(&format!("--lipschitz-price 0.1 --bound {form}")) < free, "{form}");
    }
    for norm in ["2", "inf", "1"] {
        let held = bound(&format!("--max-lipschitz 0.5 --norm {norm}"));
        assert!(held <= 0.5, "{norm}: {held}");
    }
    assert!(free > 0.5, "{free}");
}

#[test]
fn the_same_seed_gives_the_same_file_whatever_the_threads() {
    let folder = Folder::new();
    for (threads, name) in [(1, "one.json"), (2, "two.json")] {
        let ran = folder
            .tautnet(&format!("train iris --layers 8 --epochs 20 --threads {threads} --seed 3 --out {name} --quiet"));
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
    let model = |name: &str| {
        let mut model: Value = serde_json::from_str(&folder.read(name)).unwrap();
        model["objective"]["seconds"] = Value::Null;
        model
    };
    assert_eq!(model("one.json"), model("two.json"));
}

#[test]
fn a_time_limit_ends_with_the_best_so_far() {
    let folder = Folder::new();
    let ran =
        folder.tautnet("train breast --layers 64,64 --epochs 100000 --time-limit 1 --out model.json --json --quiet");
    let result = ran.json();
    assert_eq!(result["ending"], "time limit reached");
    assert!(number(&result["epochs"]) < 100_000.0);
    assert_eq!(folder.tautnet("predict model.json breast").code, Some(0));
}

#[test]
fn what_makes_no_sense_is_refused_by_name() {
    let folder = Folder::new();
    for (asked, what, hint) in [
        ("train iris --radius 0.1", "`--radius` is about deep networks", "--layers 64,64"),
        ("train iris --method trivial-bound", "the method `trivial-bound` is about deep networks", "--layers 64,64"),
        ("train iris --method trivial-bound --tolerance 0.1sd", "the method `trivial-bound`", "--layers 64,64"),
        ("train iris --layers 8 --method joint", "`--method joint` is not about deep networks", "trivial-bound"),
        ("train iris --layers 8 --method trivial-bound --hidden 5", "`--hidden` is not about deep networks", "leave"),
        ("train iris --layers 8 --method trivial", "trivial-bound", ""),
        ("train iris --layers 8 --hidden 5", "`--hidden` is not about deep networks", "--radius"),
        ("train iris --layers 8 --tolerance 0.1sd", "`--tolerance` is not about deep networks", "--radius"),
        ("train iris --layers 8 --report page.html", "`--report` is not about deep networks", "leave one"),
        ("train iris --layers 8 --plot a.svg", "`--plot` is not about deep networks", "leave one"),
        ("train iris --layers 8.5", "`layers` is 8.5", "64,64"),
        ("train iris --layers 8 --loss absolute", "the loss is `absolute`", "leave the loss out"),
        ("train machine --layers 8 --loss logistic", "`logistic`", "another loss"),
        ("train machine --layers 8 --balanced", "taken for a number", "--balanced"),
        ("train iris --layers 99999999,99999999", "99999999", ""),
    ] {
        let ran = folder.tautnet(asked);
        assert_ne!(ran.code, Some(0), "{asked}");
        assert!(ran.err.contains(what) && ran.err.contains(hint), "{asked}: {}", ran.err);
    }
    let ran = folder.tautnet("train iris --layers 8,8 --epochs 5 --out model.json --quiet");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for (asked, what) in [
        ("predict model.json iris --tolerance 0.1sd", "a tolerance is for one hidden layer of relu units"),
        ("predict model.json iris --radius 0.1 --nodes 5", "--nodes is for one hidden layer"),
        ("attack model.json iris", "one hidden layer"),
        ("polish model.json iris --method walk", "`--method` is not about deep networks"),
        ("polish model.json iris --method trivial-bound", "`--method` is not about deep networks"),
        ("polish model.json iris --tolerance 0.1sd", "`--tolerance` is not about deep networks"),
        ("polish model.json iris --report page.html", "`--report` or `--plot` is not about deep networks"),
        ("polish model.json iris --bound lipsdp --lipschitz-price 0.1", "there is none"),
        ("polish model.json iris --bound lipsdp --radius 0.1", "a radius and the bound `lipsdp`"),
        ("polish model.json iris --loss squared", "`squared`"),
        ("polish model.json machine", "machine"),
    ] {
        let ran = folder.tautnet(asked);
        assert_ne!(ran.code, Some(0), "{asked}");
        assert!(ran.err.contains(what), "{asked}: {}", ran.err);
    }
}

#[test]
fn the_method_may_be_named() {
    let folder = Folder::new();
    for (asked, name) in [("", "a.json"), ("--method trivial-bound", "b.json")] {
        let ran = folder.tautnet(&format!(
            "train iris --layers 6,6 --activation sincos --bound trivial --norm 2 {asked} --epochs 5 --out {name} --quiet"
        ));
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
    assert_eq!(folder.read("a.json"), folder.read("b.json"));
    let settings: Value = serde_json::from_str(&folder.read("a.json")).unwrap();
    assert_eq!(settings["settings"]["method"], "trivial-bound");
    folder.write("plain.json", r#"{"w": [[1, 2], [3, 4]], "b": [0, 0], "v": [1, 1], "c": 0}"#);
    let ran = folder.tautnet("polish plain.json machine --method trivial-bound");
    assert!(ran.code != Some(0) && ran.err.contains("trains deep networks, and a polish was asked for"), "{ran:?}");
}

/// One hidden layer of relu units that was trained by its layers has the bound by which it was trained.
#[test]
fn one_hidden_layer_of_relu_units_is_told_of_within_a_radius() {
    let folder = Folder::new();
    for (data, flags) in [("machine", ""), ("iris", ""), ("iris", "--target petal_length,petal_width --drop kind")] {
        let asked = "--layers 8 --activation relu --radius 0.1 --epochs 5 --out m.json --quiet --force";
        let ran = folder.tautnet(&format!("train {data} {flags} {asked}"));
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let ran = folder.tautnet(&format!("predict m.json {data} --radius 0.1 --json"));
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(ran.json()["radius"], 0.1);
        assert_eq!(folder.tautnet(&format!("predict m.json {data}")).code, Some(0));
    }
    let ran = folder.tautnet("predict m.json iris --radius 0.1 --nodes 5");
    assert!(ran.code == Some(2) && ran.err.contains("--nodes is for"), "{ran:?}");
}

#[test]
fn rows_put_aside_are_told_of_until_they_are_learned_from() {
    let folder = Folder::new();
    let train = |data: &str, share: f64| {
        let asked =
            format!("train {data} --layers 8 --epochs 20 --validation {share} --radius 0.05 --out m.json --force");
        folder.tautnet(&format!("{asked} --json --quiet")).json()
    };
    let of_classes = train("breast", 0.2);
    let (learned, aside) = (&of_classes["learned"], &of_classes["put_aside"]);
    assert!((number(&aside["rows"]) / number(&learned["rows"]) - 0.2).abs() < 0.01, "{of_classes}");
    let [right, proved] = ["accuracy", "proved_accuracy"].map(|name| number(&aside[name]));
    assert!(0.8 < right && proved <= right && proved > 0.5, "{aside}");
    let polish = "polish m.json breast --rounds 1 --out p.json --quiet";
    assert_eq!(folder.tautnet(polish).code, Some(0));
    let polished: Value = serde_json::from_str(&folder.read("p.json")).unwrap();
    assert!(polished["objective"].get("put_aside").is_none() && polished["objective"].get("learned").is_some());
    let of_numbers = &train("machine", 0.2)["put_aside"];
    assert!(number(&of_numbers["clean"]) <= number(&of_numbers["proved"]), "{of_numbers}");
    // Of fewer than 20 there are none.
    assert!(train("iris", 0.1).get("put_aside").is_none());
}

#[test]
fn the_same_polish_gives_the_same_file() {
    let folder = Folder::new();
    assert_eq!(folder.tautnet("train machine --layers 5,5 --epochs 10 --out m.json --quiet").code, Some(0));
    for (threads, name) in [(1, "one.json"), (2, "two.json")] {
        let ran = folder.tautnet(&format!("polish m.json machine --rounds 2 --threads {threads} --out {name} --quiet"));
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
    assert_eq!(folder.read("one.json"), folder.read("two.json"));
}

#[test]
fn a_file_of_other_weights_says_that_no_certificate_is_about_them() {
    let folder = Folder::new();
    let bound = |file: &str| {
        let model: Value = serde_json::from_str(&folder.read(file)).unwrap();
        number(&model["objective"]["trivial_bound"])
    };
    assert_eq!(folder.tautnet("train machine --layers 5,5 --epochs 10 --norm inf --out t.json --quiet").code, Some(0));
    assert_eq!(folder.tautnet("polish t.json machine --rounds 1 --out m.json --quiet").code, Some(0));
    let proof = |file: &str, name: &str| {
        let ran = folder.tautnet(&format!("certify {file} --norm inf --certificate {name} --force --quiet"));
        assert_eq!(ran.code, Some(0), "{ran:?}");
    };
    proof("m.json", "of_m.json");
    for (asked, file, what) in [
        ("--precision f32", "f32.json", Some("rounded to single precision")),
        ("--precision f32", "f32.onnx", Some("rounded to single precision")),
        ("--precision f32 --scaler folded", "f32.safetensors", Some("rounded to single precision")),
        ("--scaler folded", "folded.json", Some("for data in their own units")),
        ("", "default.safetensors", Some("for data in their own units")),
        ("--scaler kept", "kept.safetensors", None),
        ("", "same.onnx", None),
    ] {
        let ran = folder.tautnet(&format!("export m.json --out {file} {asked}"));
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let told = ran.err.contains("no certificate of the network as it was is about them");
        assert_eq!(told, what.is_some(), "{file}: {ran:?}");
        assert!(ran.err.contains(what.unwrap_or_default()), "{file}: {ran:?}");
        // The certificate of the model is one of the file where nothing was said, and of no other.
        let verified = folder.tautnet(&format!("verify of_m.json {file}"));
        assert_eq!(verified.code == Some(0), what.is_none(), "{file}: {verified:?}");
        assert!(what.is_none() || verified.err.contains("single precision"), "{file}: {verified:?}");
        // And the file has one of its own, with the bound that it tells.
        proof(file, "own.json");
        assert_eq!(folder.tautnet(&format!("verify own.json {file}")).code, Some(0), "{file}");
        let proved = folder.tautnet(&format!("certify {file} --norm inf --json --quiet")).json();
        assert!(number(&proved["found"]) <= number(&proved["trivial_bound"]));
        let told = folder.tautnet(&format!("export {file} --out back.json --force --json")).json();
        assert_eq!(told["same_weights"], true);
        assert_eq!(proved["trivial_bound"], bound("back.json"), "{file}");
    }
    assert_ne!(bound("f32.json"), bound("m.json"));
    // Weights that were trained in single precision stay as they are; means and scales do not.
    proof("t.json", "of_t.json");
    let ran = folder.tautnet("export t.json --out t.onnx --precision f32 --json");
    assert!(
        ran.json()["same_weights"] == true && ran.err.contains("the means and scales in the file are rounded"),
        "{ran:?}"
    );
    let verified = folder.tautnet("verify of_t.json t.onnx");
    assert!(verified.code != Some(0) && verified.err.contains("the scalers differ"), "{verified:?}");
    // So is a network alone, deep or not.
    folder.write("plain.json", r#"{"w": [[0.1, 2], [3, 4]], "b": [0, 0], "v": [1, 1], "c": 0}"#);
    let ran = folder.tautnet("export plain.json --out plain.onnx --precision f32 --json");
    assert!(ran.err.contains("rounded to single precision") && ran.json()["same_weights"] == false, "{ran:?}");
    folder.write("exact.json", r#"{"w": [[0.5, 2], [3, 4]], "b": [0, 0], "v": [1, 1], "c": 0}"#);
    let ran = folder.tautnet("export exact.json --out exact.onnx --precision f32 --json");
    assert!(ran.err.is_empty() && ran.json()["same_weights"] == true, "{ran:?}");
}

#[test]
fn several_targets_have_an_output_each_in_its_units() {
    let folder = Folder::new();
    let asked = "--target sepal_width,petal_length,petal_width --drop kind --test 0.3";
    for (norm, more) in
        [("2", "--radius 0.05"), ("inf", "--lipschitz-price 0.05 --loss huber:0.5"), ("1", "--radius 0.02")]
    {
        let train = format!("train iris {asked} --layers 8,8 --norm {norm} {more} --epochs 60 --out m.json --force");
        let result = folder.tautnet(&format!("{train} --json --quiet")).json();
        let held_out = &result["held_out"];
        let targets = held_out["targets"].as_array().unwrap();
        assert_eq!(targets.len(), 3);
        for name in ["clean", "proved"] {
            let sum: f64 = targets.iter().map(|target| number(&target[name])).sum();
            assert!((sum - number(&held_out[name])).abs() < 1e-12 * sum, "{held_out}");
        }
        // Three times the variance of a target is what no network at all would cost.
        assert!(number(&held_out["clean"]) < 2.5 && number(&held_out["clean"]) <= number(&held_out["proved"]));
        let told = folder.tautnet(&format!("certify m.json iris --norm {norm} --json --quiet")).json();
        assert_eq!(told["trivial_bound"], result["trivial_bound"]);
        assert!(number(&told["found"]) <= number(&told["trivial_bound"]));
        assert_eq!(
            folder.tautnet(&format!("certify m.json --norm {norm} --certificate c.json --force --quiet")).code,
            Some(0)
        );
        assert_eq!(folder.tautnet("verify c.json m.json").code, Some(0));
        let predicted = folder.tautnet("predict m.json iris --radius 0.05 --json").json();
        for name in ["sepal_width", "petal_length", "petal_width"] {
            for k in 0..150 {
                let [low, f, high] = ["lower", "predictions", "upper"].map(|part| number(&predicted[part][name][k]));
                assert!(low < f && f < high && (-1.0..9.0).contains(&f), "{name} {k}: {low} {f} {high}");
            }
        }
        let text = folder.tautnet("predict m.json iris --radius 0.05");
        assert!(text.out.starts_with("sepal_width,sepal_width_lower,sepal_width_upper,petal_length,"), "{text:?}");
        // In every format it is the same network.
        let plain = folder.tautnet("predict m.json iris");
        for file in ["m.onnx", "m.safetensors"] {
            assert_eq!(folder.tautnet(&format!("export m.json --out {file} --scaler kept --force")).code, Some(0));
            assert_eq!(folder.tautnet(&format!("predict {file} iris")).out, plain.out);
        }
        let warm = folder.tautnet(&format!("{} --warm-start m.json --out w.json", train.replace("--out m.json", "")));
        assert_eq!(warm.code, Some(0), "{warm:?}");
    }
    let text = folder.tautnet(&format!("train iris {asked} --layers 4 --activation abs --epochs 5 --radius 0.1"));
    assert!(text.out.contains("`sepal_width`, `petal_length`, `petal_width` from the rest"), "{text:?}");
    assert!(text.out.contains("standardized targets, their sum") && text.out.contains("  `petal_width`"), "{text:?}");
    for (asked, what) in [
        ("polish m.json iris", "the polish of a deep network is for one target"),
        ("attack m.json iris", "one hidden layer"),
        ("predict m.json iris --tolerance 0.1sd", "a tolerance is for one hidden layer"),
        ("predict m.json iris --coverage 0.9", "--coverage"),
        ("certify m.json iris --margins a.json --radius 0.1", "class"),
        ("train iris --target sepal_width,kind --layers 4", "kind"),
        ("train iris --target sepal_width,petal_width --drop kind --layers 4 --loss logistic", "logistic"),
        ("train iris --target sepal_width,petal_length --drop kind --layers 8,8 --warm-start m.json", "targets"),
    ] {
        let ran = folder.tautnet(asked);
        assert!(ran.code != Some(0) && ran.err.contains(what), "{asked}: {ran:?}");
    }
}

#[test]
fn training_goes_on_from_a_model() {
    let folder = Folder::new();
    for (data, name) in [("machine", "clean"), ("iris", "accuracy"), ("breast", "accuracy")] {
        let train = |more: &str| {
            folder.tautnet(&format!(
                "train {data} --layers 6,6 --radius 0 --validation 0 --out {data}{}.json --json --quiet {more}",
                more.len()
            ))
        };
        let first = train("--epochs 60").json();
        let small = format!("--warm-start {data}11.json --epochs 1 --rate 1e-9");
        let second = train(&small).json();
        let seen = |result: &Value| number(&result["learned"][name]);
        assert!((seen(&first) - seen(&second)).abs() < 1e-3 * seen(&first), "{data}: {first} {second}");
        assert_eq!(second["settings"]["warm_start"], true);
        assert_eq!(first["settings"]["warm_start"], Value::Null);
        let bounds = [&first, &second].map(|result| number(&result["trivial_bound"]));
        assert!((bounds[0] - bounds[1]).abs() < 1e-4 * bounds[0], "{data}: {bounds:?}");
    }
    folder.write("plain.json", r#"{"w": [[1, 2], [3, 4]], "b": [0, 0], "v": [1, 1], "c": 0}"#);
    for (asked, what) in [
        ("train machine --warm-start machine11.json", "--layers"),
        ("train machine --layers 6 --warm-start machine11.json", "is not of these layers"),
        ("train machine --layers 6,6 --activation abs --warm-start machine11.json", "is not of these layers"),
        ("train machine --layers 6,6 --no-biases --warm-start machine11.json", "has biases, and none are asked for"),
        ("train breast --layers 6,6 --warm-start iris11.json", "is of the classes setosa"),
        ("train iris --target petal_width --layers 6,6 --warm-start iris11.json", "the network to go on from"),
        (
            "train iris --task regress --target sepal_length --drop kind --layers 6,6 --warm-start iris11.json",
            "the network to go on from",
        ),
        ("train machine --layers 6,6 --warm-start absent.json", "absent.json"),
        ("train machine --layers 2 --activation relu --warm-start plain.json", "2 inputs but the data has 6"),
        ("train machine --layers 6,6 --warm-start machine11.json --out machine11.json --force", "machine11.json"),
    ] {
        let ran = folder.tautnet(asked);
        assert_ne!(ran.code, Some(0), "{asked}");
        assert!(ran.err.contains(what), "{asked}: {}", ran.err);
    }
}

#[test]
fn a_deep_network_is_polished_and_never_worse() {
    let folder = Folder::new();
    for (data, activation, trained, polished) in [
        ("machine", "relu", "--lipschitz-price 0.02 --hidden-weights free", "--bound lipsdp --lipschitz-price 0.02"),
        ("machine", "tanh", "--radius 0.05 --norm inf", ""),
        ("breast", "crelu", "--radius 0.05", ""),
        ("iris", "maxmin", "--radius 0.1", ""),
        ("iris", "abs", "--lipschitz-price 0.05 --hidden-weights free", "--max-lipschitz 1.5"),
    ] {
        let train = format!(
            "train {data} --layers 6,6 --activation {activation} {trained} --epochs 40 --test 0.3 --out a.json --force --quiet"
        );
        assert_eq!(folder.tautnet(&train).code, Some(0), "{train}");
        let ran = folder.tautnet(&format!(
            "polish a.json {data} {polished} --rounds 2 --test 0.3 --out b.json --force --json --quiet"
        ));
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let told = ran.json();
        let [before, after] = ["before", "after"].map(|name| number(&told[name]["objective"]));
        if polished.contains("max") {
            assert!(number(&told["after"]["bound"]) <= 1.5);
        } else {
            assert!(after <= before, "{data} {activation}: {told}");
        }
        // The file has the network that was told of: what it begins with the next time is what it ended with.
        let again =
            folder.tautnet(&format!("polish b.json {data} {polished} --rounds 1 --test 0.3 --json --quiet")).json();
        assert!((number(&again["before"]["objective"]) - after).abs() <= 1e-12 * after, "{again}");
        let norm = told["norm"].as_str().unwrap();
        let proved = folder.tautnet(&format!("certify b.json {data} --norm {norm} --json --quiet")).json();
        assert_eq!(proved["trivial_bound"], told["trivial_bound"]);
        assert!(number(&proved["found"]) <= number(&told["after"]["bound"]));
    }
    let text = folder.tautnet("polish a.json iris --rounds 1 --test 0.3");
    assert!(text.out.contains("objective") && text.out.contains("rows held out"), "{text:?}");
    assert!(text.err.contains("--out"), "{text:?}");
    let limited = folder.tautnet("polish a.json iris --rounds 100000 --time-limit 0.2 --json --quiet").json();
    assert!(["time limit reached", "done"].contains(&limited["ending"].as_str().unwrap()), "{limited}");
}

#[test]
fn a_chain_of_another_program_is_polished_in_its_format() {
    let folder = Folder::new();
    let deep = r#"{"format": "tautnet network", "version": 2, "layers": [
        {"weights": [[0.01, 1e-5, 1e-5, 0.01, 0.1, 0.02], [0.02, 2e-5, -1e-5, 0.02, 0.1, -0.02]], "bias": [0.1, -0.5], "activation": "abs"},
        {"weights": [[1, 0.5], [0.5, -1]], "bias": [0, 0.2], "activation": "tanh"},
        {"weights": [[20, -30]], "bias": [100], "activation": "identity"}]}"#;
    folder.write("raw.json", deep);
    let polish =
        |more: &str| folder.tautnet(&format!("polish raw.json machine --raw-network --rounds 2 --json --quiet {more}"));
    let told = polish("--out better.onnx").json();
    assert!(number(&told["after"]["objective"]) <= number(&told["before"]["objective"]));
    let again = folder.tautnet("polish better.onnx machine --raw-network --rounds 1 --json --quiet").json();
    let [after, before] = [&told["after"], &again["before"]].map(|score| number(&score["loss"]));
    assert!((after - before).abs() < 1e-6 * after, "{after} {before}");
    folder.write("plain.json", r#"{"w": [[1, 2], [3, 4]], "b": [0, 0], "v": [1, 1], "c": 0}"#);
    let ran = folder.tautnet("polish plain.json machine --radius 0.1");
    assert!(ran.code != Some(0) && ran.err.contains("`--radius` is about deep networks"), "{ran:?}");
}
