//! Several targets, from the table to predictions.

use crate::run::{Folder, Ran, TAUTNET};
use serde_json::{Value, json};

/// Two inputs, a word, and two targets in units of their own: one name has a comma.
fn rows() -> String {
    let row = |k: usize| {
        let (a, b) = (1.5 * (k as f64 * 0.73).sin(), 1.5 * (k as f64 * 1.37).cos());
        let noise = 0.2 * (k as f64 * 7.1).sin();
        let (price, weight) = (300.0 + 40.0 * (a + (b - 0.2).max(0.0) + noise), 2.0 + 0.1 * ((a - b).abs() + noise));
        format!("{a:.6},{price:.4},{b:.6},{weight:.6},{}\n", if k.is_multiple_of(3) { "red" } else { "blue" })
    };
    format!("a,price,b,\"weight, kg\",colour\n{}", (0..60).map(row).collect::<String>())
}

const TRAIN: &str = "train data.csv --tolerance 0.1sd --hidden 5 --decay 0.003 --quiet";

/// With both targets: the name of the second one has a space.
fn of_both(folder: &Folder, command: &str) -> Ran {
    let targets = ["--target", "price", "--target", "weight, kg"];
    Ran::of(folder.command(TAUTNET).args(command.split_whitespace().chain(targets)))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// The whole way: train, predict, attack, certify, polish, export.
#[test]
fn several_targets_are_learned_told_and_proved() {
    let folder = Folder::new();
    folder.write("data.csv", rows());
    let text = of_both(&folder, &format!("{TRAIN} --test 0.3 --out m.json")).out;
    for part in [
        "4 inputs, targets `price`, `weight, kg`",
        "What the prediction of each target is off by, within the tolerance, in its own units (root mean square, 18 rows held out)",
        "share of the added error",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let told = of_both(&folder, &format!("{TRAIN} --test 0.3 --json")).json();
    assert_eq!((&told["targets"], &told["certificate"]), (&json!(["price", "weight, kg"]), &Value::Null));
    let held_out = &told["held_out"];
    for (name, unit) in [("price", 40.0), ("weight, kg", 0.1)] {
        for of in ["start", "result"] {
            let errors = &held_out["targets"][name][of];
            let [clean, found, proved] = ["clean", "found", "proved"].map(|key| number(&errors["user_units"][key]));
            assert!(clean <= found && found <= proved && proved < 1.2 * unit, "{name}: {errors}");
        }
    }
    let sum: f64 =
        ["price", "weight, kg"].map(|name| number(&held_out["targets"][name]["result"]["found"])).iter().sum();
    assert!(sum <= number(&held_out["result"]["proved"]) && held_out["result"]["user_units"].is_null());

    // A column a target with an interval; the table needs no targets.
    let inputs: String = rows().lines().map(|line| inputs_of(line) + "\n").collect();
    folder.write("new.csv", inputs);
    let text = folder.tautnet("predict m.json new.csv").out;
    let header = "price,price_lower,price_upper,\"weight, kg\",\"weight, kg_lower\",\"weight, kg_upper\"\n";
    assert!(text.starts_with(header) && text.lines().count() == 61, "{text}");
    let json = folder.tautnet("predict m.json data.csv --json").json();
    for (name, k) in ["price", "weight, kg"].into_iter().flat_map(|name| (0..60).map(move |k| (name, k))) {
        let [lower, f, upper] = ["lower", "predictions", "upper"].map(|key| number(&json[key][name][k]));
        assert!(lower <= f && f <= upper && lower < upper, "{lower} {f} {upper}");
    }
    assert!((number(&json["predictions"]["price"][0]) - 300.0).abs() < 200.0);
    let plain = folder.tautnet("predict m.json data.csv --tolerance 0").out;
    assert!(plain.starts_with("price,\"weight, kg\"\n"), "{plain}");

    // Model files of every form say the same, and so does the network alone, in the units of the data.
    let exported = |name: &str| {
        folder.tautnet(&format!("export m.json --out {name}"));
        folder.tautnet(&format!("predict {name} data.csv --json")).json()
    };
    assert_eq!(exported("m.onnx"), json);
    let folded = exported("m.safetensors");
    for (name, k) in ["price", "weight, kg"].into_iter().flat_map(|name| (0..60).map(move |k| (name, k))) {
        let [one, other] = [&folded, &json].map(|of| number(&of["predictions"][name][k]));
        assert!((one - other).abs() < 1e-9 * other.abs(), "row {k}: {one} {other}");
    }

    // Attacks find no more than is proved, of every target; multiples of the tolerance do not decrease.
    let attack = folder.tautnet("attack m.json data.csv --json --quiet").json();
    for name in ["price", "weight, kg"] {
        let sizes = attack["targets"][name].as_array().unwrap();
        assert!(sizes.iter().all(|size| number(&size["found"]) <= number(&size["proved"])));
        assert!(sizes.windows(2).all(|pair| number(&pair[0]["found"]) <= number(&pair[1]["found"])));
    }
    let text = folder.tautnet("attack m.json data.csv --nodes 0").out;
    assert!(text.contains("times the tolerance  off by, found") && text.contains("`weight, kg`"), "{text}");

    // Every output has bounds.
    let bounds = folder.tautnet("certify m.json --json --quiet").json()["targets"].clone();
    assert_eq!(bounds.as_array().unwrap().len(), 2);
    assert_eq!(bounds[1]["target"], "weight, kg");
    assert!(number(&bounds[0]["lipschitz"]["2"]) <= number(&bounds[0]["lipschitz"]["inf"]));
    assert!(number(&bounds[0]["user_units"]["lipschitz_per_column"]["a"]) > 0.0);

    // A polish never makes the bound worse, and keeps the columns.
    let polish = "polish m.json data.csv --tolerance 0.1sd --rounds 2 --quiet";
    let polished = folder.tautnet(&format!("{polish} --out p.json --json")).json();
    assert!(number(&polished["objective"]) < number(&polished["before"]["objective"]), "{polished}");
    let proved: f64 = ["price", "weight, kg"].map(|name| number(&polished["learned"][name]["proved"])).iter().sum();
    assert!(proved <= number(&polished["objective"]) * (1.0 + 1e-9), "{polished}");
    let again = folder.tautnet("predict p.json data.csv --json").json();
    assert_eq!(again["targets"], json["targets"]);
    let parted = folder.tautnet(&format!("{polish} --rounds 1 --test 0.3 --json").replace("--rounds 2 ", "")).json();
    for network in [&parted, &parted["before"]] {
        let price = &network["held_out"]["price"];
        assert!(number(&price["found"]) <= number(&price["proved"]), "{parted}");
    }
    let text = folder.tautnet(&format!("{polish} --test data.csv")).out;
    assert!(text.contains("`weight, kg` off by, in its units, rows held out"), "{text}");
}

/// A line without the targets.
fn inputs_of(line: &str) -> String {
    let fields: Vec<&str> = line.split(',').collect();
    // The header has a comma in quotes.
    let last = fields.len() - 1;
    [fields[0], fields[2], fields[last]].join(",")
}

/// Names between commas, where no column is called so as a whole; a plain network learns its targets from the flag.
#[test]
fn a_plain_network_of_several_outputs_meets_several_targets() {
    let folder = Folder::new();
    folder.write("data.csv", rows().replace("\"weight, kg\"", "weight"));
    let train = folder.tautnet(&format!("{TRAIN} --target price,weight --drop colour --out m.json")).out;
    assert!(train.contains("targets `price`, `weight`"), "{train}");
    // In standardized units.
    let model: Value = serde_json::from_str(&folder.read("m.json")).unwrap();
    assert_eq!(model["columns"]["other_targets"], json!(["weight"]));
    assert_eq!(model["scaler"]["other_target_means"].as_array().unwrap().len(), 1);
    let mut network = model["network"].clone();
    (network["format"], network["version"]) = (json!("tautnet network"), json!(2));
    folder.write("n.json", network.to_string());
    let meets = "data.csv --target price,weight --drop colour --tolerance 0.1sd --quiet --json";
    let [plain, known] = [format!("attack n.json {meets}"), "attack m.json data.csv --quiet --json".into()]
        .map(|command| folder.tautnet(&command).json()["targets"]["weight"][2].clone());
    for key in ["found", "proved"] {
        let [plain, known] = [&plain, &known].map(|of| number(&of["user_units"][key]));
        assert!((plain - known).abs() < 1e-9 * known, "{plain} {known}");
    }
    // Its units can be those of the file.
    let polished = folder.tautnet(&format!("polish n.json {meets} --rounds 1 --out p.json")).json();
    assert!(number(&polished["objective"]) <= number(&polished["before"]["objective"]));
    folder.tautnet("export m.json --scaler folded --out raw.safetensors");
    let raw = folder.tautnet("predict raw.safetensors data.csv --tolerance 0").out;
    assert!(raw.starts_with("price,weight\n"), "{raw}");
}

#[test]
fn what_does_not_go_with_several_targets_is_said() {
    let folder = Folder::new();
    folder.write("data.csv", rows().replace("\"weight, kg\"", "weight"));
    folder.tautnet("train data.csv --tolerance 0.1sd --hidden 3 --decay 0.003 --target price,weight --drop colour --quiet --out m.json");
    folder.write("hole.csv", "a,b,price,weight\n1,2,3,4\n2,1,5,\n3,3,1,2\n");
    folder.write("one.csv", "a,b,price,weight\n1,2,3,4\n");
    for (command, what) in [
        ("train data.csv --target price,price", "the target `price` is named twice"),
        ("train data.csv --target price --target price", "the target `price` is named twice"),
        ("train data.csv --target price,height", "data.csv has no column `height`"),
        ("train data.csv --target price,colour", "the target column `colour` holds words (`red` in row 1)"),
        ("train data.csv --target price,weight --drop weight", "the target `weight` is to be left out"),
        ("train hole.csv --target price,weight", "column `weight` is missing"),
        ("train one.csv --target price,weight", "1 sample is too few"),
        (
            "train data.csv --target price,weight --lipschitz-price 0.1",
            "an objective with prices is for one target, and there are 2",
        ),
        ("train data.csv --target price,weight --tolerance 0", "an objective with prices is for one target"),
        ("train data.csv --target price,weight --report r.html", "a report or a plot is for one target"),
        ("train data.csv --target price,weight --task classify", "2 targets are to be classes"),
        ("train data.csv --target price,weight --loss logistic", "the loss `logistic` is for classes"),
        ("train data.csv --target price,weight --balanced", "classes are to be balanced"),
        ("compare data.csv --target price,weight", "`compare` is for one target, and there are 2: `price`, `weight`"),
        ("predict m.json data.csv --radius 0.1", "`--radius` is for one target"),
        ("predict m.json data.csv --coverage 0.9", "`--coverage` is for one target"),
        (
            "attack m.json data.csv --radius 0.1",
            "a network of several classes or targets is attacked within a tolerance",
        ),
        ("attack m.json hole.csv", "column `weight` is missing"),
        ("certify m.json data.csv", "`DATA` is for one target"),
        ("certify m.json --exact", "`--exact` is for one target"),
        ("polish m.json data.csv --method joint", "the method `joint`"),
        ("polish m.json data.csv --tolerance 0.1sd --report r.html", "a report or a plot is for one target"),
        ("polish m.json data.csv --target price", "is a model with its own columns and units"),
        ("verify m.json m.json", "has no certificate"),
    ] {
        let ran = folder.tautnet(command);
        assert!(ran.code == Some(2) && ran.err.contains(what), "{command}: {}", ran.err);
        assert!(ran.err.contains("hint: "), "{command}: {}", ran.err);
    }
    // A model whose parts are of different numbers of targets.
    let text = folder.read("m.json");
    for (from, to, what) in [
        ("\"other_target_scales\": [", "\"other_target_scales\": [1, ", "further targets"),
        ("\"weight\"\n", "\"price\"\n", "the target `price` twice"),
    ] {
        assert!(text.contains(from), "{from}: {text}");
        folder.write("broken.json", text.replacen(from, to, 1));
        let ran = folder.tautnet("predict broken.json data.csv");
        assert!(ran.err.contains(what), "{}", ran.err);
    }
}
