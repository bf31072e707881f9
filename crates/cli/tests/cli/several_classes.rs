//! Targets of several classes, from the table to predictions.

use crate::run::Folder;
use serde_json::{Value, json};

/// Three classes about three points, with a few rows of the wrong class.
fn rows() -> String {
    let row = |k: usize| {
        let class = if k % 23 == 11 { (k + 1) % 3 } else { k % 3 };
        let angle = 2.1 * (k % 3) as f64;
        let (a, b) = (angle.cos() + 0.7 * (k as f64 * 0.73).sin(), angle.sin() + 0.7 * (k as f64 * 1.37).cos());
        format!("{a:.6},{b:.6},{}\n", ["oak", "\"beech, red\"", "ash"][class])
    };
    format!("a,b,tree\n{}", (0..90).map(row).collect::<String>())
}

const TRAIN: &str = "train data.csv --tolerance 0.15 --hidden 6 --decay 0.003 --test 0.3 --quiet";

/// The network of a model file as a plain network file.
fn network_of(folder: &Folder) -> Value {
    let model: Value = serde_json::from_str(&folder.read("m.json")).unwrap();
    let mut network = model["network"].clone();
    (network["format"], network["version"]) = (json!("tautnet network"), json!(2));
    network
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

/// The whole way: train, predict, attack, polish, certify, export.
#[test]
fn several_classes_are_learned_told_and_proved() {
    let folder = Folder::new();
    folder.write("data.csv", rows());
    let text = folder.tautnet(&format!("{TRAIN} --out m.json")).out;
    for part in [
        "target `tree`, taken for a class: `ash`, `beech, red` or `oak`",
        "the class of `tree` is right, whatever the input error, in at least ",
        "predicted `ash`  `beech, red`  `oak`",
        "share of the added error",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("Lipschitz"), "{text}");
    let told = folder.tautnet(&format!("{TRAIN} --json")).json();
    assert_eq!((&told["classes"], &told["certificate"]), (&json!(["ash", "beech, red", "oak"]), &Value::Null));
    let accuracy = &told["held_out"]["result"]["accuracy"];
    let [clean, found, proved] = ["clean", "found", "proved"].map(|key| number(&accuracy[key]));
    assert!(proved <= found && found <= clean && clean > 0.8 && proved > 0.6, "{accuracy}");
    let counts = told["held_out"]["confusion"].as_array().unwrap();
    let right: f64 = (0..3).map(|class| number(&counts[class][class])).sum();
    assert!((right / 27.0 - clean).abs() < 1e-12, "{counts:?}");

    let text = folder.tautnet("predict m.json data.csv").out;
    let json = folder.tautnet("predict m.json data.csv --json").json();
    assert!(text.starts_with("prediction,probability,lower,upper,certain\n") && text.contains("\"beech, red\","));
    let (mut right, mut unsure) = (0, 0);
    for (k, row) in folder.read("data.csv").lines().skip(1).enumerate() {
        let class = json["predictions"][k].as_str().unwrap();
        let [likely, lower, upper] = ["probability", "lower", "upper"].map(|key| number(&json[key][k]));
        let all: Vec<f64> = json["probabilities"][k].as_array().unwrap().iter().map(number).collect();
        assert!((all.iter().sum::<f64>() - 1.0).abs() < 1e-12 && all.iter().all(|p| *p <= likely));
        assert!(lower <= likely && likely <= upper, "{lower} {likely} {upper}");
        // A class that is more likely than not cannot change; one that can is not much more likely than another.
        assert!(json["certain"][k] == true || lower <= 0.5, "{lower}");
        right += usize::from(row.contains(class));
        unsure += usize::from(json["certain"][k] == false);
    }
    assert!(right > 75 && (1..45).contains(&unsure), "{right} right, {unsure} not certain");

    // Model files of every form say the same; safetensors has the scaler in its weights, which are rounded for it.
    let exported = |name: &str| {
        folder.tautnet(&format!("export m.json --out {name}"));
        folder.tautnet(&format!("predict {name} data.csv --json")).json()
    };
    assert_eq!(exported("m.onnx"), json);
    let rounded = exported("m.safetensors");
    assert_eq!(rounded["predictions"], json["predictions"]);
    for k in 0..90 {
        assert!((number(&rounded["probability"][k]) - number(&json["probability"][k])).abs() < 1e-9, "row {k}");
    }
    let sizes = folder.tautnet("attack m.json data.csv --json").json()["sizes"].clone();
    let shares = |key: &str| -> Vec<f64> {
        sizes.as_array().unwrap().iter().map(|size| number(&size["accuracy"][key])).collect()
    };
    let (found, proved) = (shares("found"), shares("proved"));
    assert!((found[0] - right as f64 / 90.0).abs() < 1e-12, "{found:?}");
    assert!(found.windows(2).all(|pair| pair[1] <= pair[0]) && found.iter().zip(&proved).all(|(f, p)| p <= f));
    // What an attack finds by one step is no more than what the search finds.
    let fast = folder.tautnet("attack m.json data.csv --method fast-gradient --nodes 0 --json").json()["sizes"].clone();
    assert!(
        number(&fast[2]["found"]) <= number(&sizes[2]["found"])
            && number(&fast[2]["found"]) > number(&sizes[0]["found"])
    );

    // A polish never makes the bound worse, and keeps the columns.
    let polished =
        folder.tautnet("polish m.json data.csv --tolerance 0.15 --rounds 2 --out p.json --json --quiet").json();
    assert!(number(&polished["objective"]) < number(&polished["before"]["objective"]), "{polished}");
    assert!(number(&polished["learned"]["found"]) <= number(&polished["objective"]));
    let again = folder.tautnet("predict p.json data.csv --json").json();
    assert_eq!(again["classes"], json["classes"]);
    let parted = folder.tautnet("polish m.json data.csv --tolerance 0.15 --rounds 1 --test 0.3 --json --quiet").json();
    for network in [&parted, &parted["before"]] {
        let right = &network["held_out"]["accuracy"];
        assert!(number(&right["proved"]) <= number(&right["found"]), "{parted}");
    }
    let text =
        folder.tautnet("polish m.json data.csv --tolerance 0.15 --method robust-cells --test data.csv --quiet").out;
    assert!(
        text.contains("class right without input error, rows held out") && text.contains("after 1 program in"),
        "{text}"
    );

    let bounds = folder.tautnet("certify m.json --json --quiet").json()["margins"].clone();
    assert_eq!(bounds.as_array().unwrap().len(), 3);
    assert_eq!(bounds[0]["classes"], json!(["ash", "beech, red"]));
    assert!(number(&bounds[0]["lipschitz"]["2"]) <= number(&bounds[0]["lipschitz"]["inf"]));
}

/// A network of several classes has no one bound: the page and the charts are about the tolerance alone.
#[test]
fn a_report_of_several_classes_is_about_the_tolerance() {
    let folder = Folder::new();
    folder.write("data.csv", rows());
    let ran = folder.tautnet(&format!("{TRAIN} --report r.html --plot t.svg --plot causes=c.png --json"));
    let (page, accuracy) = (folder.read("r.html"), ran.json()["held_out"]["result"]["accuracy"].clone());
    let figures: Vec<&str> = page.split("<figure id=\"").skip(1).map(|part| part.split('"').next().unwrap()).collect();
    assert_eq!(figures, ["tolerance", "causes"]);
    let clean = format!(
        "The class of “tree” is right in {:.1}\u{a0}% of the 27 rows held out",
        100.0 * number(&accuracy["clean"])
    );
    for part in [&*clean, "right within the tolerance, at least", "id=\"choice\"", "--plot causes=c.png"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    for part in ["Lipschitz bound", "id=\"columns\"", "NaN"] {
        assert!(!page.contains(part), "{part}: {page}");
    }
    assert!(folder.read("t.svg").contains("ordinary training") && folder.path().join("c.png").exists());

    // With no time there is nothing to judge by, and where every input is exact there are no charts.
    let ran = folder.tautnet("train data.csv --hidden 3 --time-limit 0 --report late.html --quiet");
    assert!(ran.code == Some(0) && folder.read("late.html").contains("There was no time to choose"), "{ran:?}");
    let exact = TRAIN.replace("--tolerance 0.15", "--tolerance exact");
    let ran = folder.tautnet(&format!("{exact} --report e.html --plot e.svg"));
    let page = folder.read("e.html");
    assert!(!page.contains("<figure") && page.contains("right, no input error"), "{page}");
    assert!(!folder.path().join("e.svg").exists() && !ran.out.contains("\ninput"), "{ran:?}");
    assert!(ran.err.contains("nothing that the chart `tolerance` could show"), "{}", ran.err);
}

#[test]
fn a_plain_network_of_several_outputs_is_attacked_and_polished_as_classes() {
    let folder = Folder::new();
    folder.write("data.csv", rows());
    folder.tautnet(&format!("{TRAIN} --out m.json"));
    folder.write("n.json", network_of(&folder).to_string());
    let attacked = folder.tautnet("attack n.json data.csv --tolerance 0.15 --json").json();
    assert!(number(&attacked["sizes"][0]["accuracy"]["found"]) > 0.5, "{attacked}");
    let polished = folder.tautnet("polish n.json data.csv --tolerance 0.15 --rounds 1 --json --quiet").json();
    assert!(number(&polished["objective"]) <= number(&polished["before"]["objective"]));
}

#[test]
fn what_there_is_for_two_classes_only_is_said() {
    let folder = Folder::new();
    folder.write("data.csv", rows());
    folder.write("two.csv", rows().replace("beech, red", "oak"));
    folder.write("new.csv", rows().replace("ash", "elm"));
    folder.tautnet(&format!("{TRAIN} --out m.json"));
    let many: String = (0..120).map(|k| format!("{k},w{k}\n")).collect();
    folder.write("names.csv", format!("a,name\n{many}"));
    for (run, what) in [
        (
            "train data.csv --lipschitz-price 0.1",
            "the target `tree` has 3 classes, and an objective with prices is for two classes",
        ),
        (
            "train data.csv --tolerance 0",
            "the target `tree` has 3 classes, and an objective with prices is for two classes",
        ),
        (
            "train data.csv --plot bounds=b.svg",
            "there is no chart `bounds` here: a network of several classes has a bound for each pair of them, which `certify` tells\n\
             hint: choose one of: tolerance, causes\n",
        ),
        (
            "train data.csv --plot fit=f.svg",
            "there is no chart `fit` here: a network of several classes predicts no number",
        ),
        ("polish m.json data.csv --tolerance 0.1 --report r.html", "a report or a plot is for two classes"),
        ("compare data.csv", "the target `tree` has 3 classes, and `compare` takes two classes or numbers"),
        (
            "train data.csv --loss squared",
            "the loss `squared` is for numbers, but the target `tree` is taken for a class, `ash`, `beech, red` or `oak`",
        ),
        ("train names.csv", "the target column `name` has more than 100 classes: `w0`, `w1`, `w10`, …"),
        ("predict m.json data.csv --radius 0.1", "`--radius` is for two classes"),
        ("predict m.json data.csv --coverage 0.9", "a coverage is about numbers"),
        ("attack m.json new.csv", "row 3, column `tree` is `elm`"),
        (
            "attack m.json data.csv --radius 0.1",
            "a network of several classes or targets is attacked within a tolerance",
        ),
        ("polish m.json data.csv", "is for networks with one output, and this one has an output for each"),
        (
            "polish m.json data.csv --tolerance 0.1 --lipschitz-price 0.1",
            "a price or a limit of the Lipschitz bound is for networks with one output",
        ),
        ("certify m.json --exact", "`--exact` is for two classes"),
        ("certify m.json data.csv", "`DATA` is for two classes"),
        ("verify m.json m.json", "has no certificate"),
    ] {
        let ended = folder.tautnet(run);
        assert!(ended.code == Some(2) && ended.err.contains(what), "{run}: {}", ended.err);
    }
    // Outputs that are not the classes.
    folder.write("n.json", network_of(&folder).to_string());
    let ended = folder.tautnet("attack n.json two.csv --tolerance 0.1");
    assert!(ended.err.contains("the network has 3 outputs, and the target `tree` has 2 classes"), "{}", ended.err);
    let mut fewer: Value = serde_json::from_str(&folder.read("m.json")).unwrap();
    fewer["columns"]["classes"] = json!(["ash", "oak"]);
    folder.write("broken.json", fewer.to_string());
    let ended = folder.tautnet("predict broken.json data.csv");
    assert!(ended.err.contains("has 3 outputs and its target is one column"), "{}", ended.err);
}
