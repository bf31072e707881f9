//! Targets that are one of two classes, from the table to predictions.

use crate::run::Folder;
use serde_json::Value;

/// Two classes with a bent border, and a few rows on the wrong side of it; the words are given.
fn rows(low: &str, high: &str) -> String {
    let row = |k: usize| {
        let (a, b) = ((k as f64 * 0.73).sin() * 2.0, (k as f64 * 1.37).cos() * 2.0);
        let above = b > 0.5 * a * a - 1.0;
        let class = if above != (k % 19 == 7) { high } else { low };
        format!("{a:.6},{b:.6},{class}\n")
    };
    format!("a,b,state\n{}", (0..90).map(row).collect::<String>())
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

/// The whole way: train, predict, attack, certify, verify.
#[test]
fn a_class_is_learned_told_and_proved() {
    let folder = Folder::new();
    folder.write("data.csv", &rows("broken or bad", "fine"));
    let run = "train data.csv --tolerance 0.1 --hidden 8 --decay 0.003 --test 0.3";
    let text = folder.tautnet(&format!("{run} --quiet --out m.json --report r.html --plot bounds=b.svg")).out;
    for part in [
        "target `state`, taken for a class: `broken or bad` or `fine`",
        "the class of `state` is right, whatever the input error, in at least ",
        "A network by ordinary training: at least ",
        "moves the margin by at most, per unit",
        "predicted `broken or bad`",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let json = folder.tautnet(&format!("{run} --quiet --json")).json();
    assert_eq!(json["classes"], serde_json::json!(["broken or bad", "fine"]));
    assert_eq!(json["settings"]["loss"], "logistic");
    let accuracy = &json["held_out"]["result"]["accuracy"];
    let counts = json["held_out"]["confusion"].as_array().unwrap();
    let count = |a: usize, b: usize| number(&counts[a][b]);
    let share = (count(0, 0) + count(1, 1)) / 27.0;
    assert!(
        (share - number(&accuracy["clean"])).abs() < 1e-12
            && (count(0, 1) + count(1, 0) - 27.0 * (1.0 - share)).abs() < 1e-9
    );
    let [clean, found, proved] = ["clean", "found", "proved"].map(|key| number(&accuracy[key]));
    assert!(proved <= found && found <= clean && clean > 0.8 && proved > 0.6, "{accuracy}");
    let page = folder.read("r.html");
    assert!(page.contains("The class of “state” is right in") && !page.contains("id=\"fit\""));

    // Every prediction is a class; it is said how likely, and whether an input error can change it.
    let text = folder.tautnet("predict m.json data.csv").out;
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("prediction,probability,lower,upper,certain"));
    let json = folder.tautnet("predict m.json data.csv --json").json();
    let (mut right, mut unsure) = (0, 0);
    let data = folder.read("data.csv");
    for (k, (line, row)) in lines.zip(data.lines().skip(1)).enumerate() {
        let fields: Vec<&str> = line.split(',').collect();
        let [likely, lower, upper] = [1, 2, 3].map(|j| fields[j].parse::<f64>().unwrap());
        assert!((0.5..=1.0).contains(&likely) && lower <= likely && likely <= upper, "{line}");
        assert_eq!(fields[4] == "yes", lower > 0.5, "{line}");
        assert_eq!((&json["predictions"][k], &json["certain"][k]), (&fields[0].into(), &(fields[4] == "yes").into()));
        assert!(number(&json["margins"][k]).signum() == if fields[0] == "fine" { 1.0 } else { -1.0 });
        right += usize::from(row.ends_with(fields[0]));
        unsure += usize::from(fields[4] == "no");
    }
    assert!(right > 75 && (1..45).contains(&unsure), "{right} right, {unsure} not certain");
    // The tolerance 0 has no intervals.
    let text = folder.tautnet("predict m.json data.csv --tolerance 0").out;
    assert!(text.starts_with("prediction,probability\n") && text.lines().count() == 91, "{text}");

    let sizes = folder.tautnet("attack m.json data.csv --json").json()["sizes"].clone();
    let accuracies = sizes.as_array().unwrap().iter().map(|size| &size["accuracy"]);
    let [found, proved] =
        ["found", "proved"].map(|key| accuracies.clone().map(|a| number(&a[key])).collect::<Vec<_>>());
    assert!(found.windows(2).all(|pair| pair[0] >= pair[1]) && proved.iter().zip(&found).all(|(p, f)| p <= f));
    assert!((found[0] - right as f64 / 90.0).abs() < 1e-9, "{found:?} {right}");
    assert!(folder.tautnet("attack m.json data.csv").out.contains("`state` right, found"));
    assert_eq!(folder.tautnet("verify m.json m.json").code, Some(0));

    // The convex programs take it from there.
    let polished =
        folder.tautnet("polish m.json data.csv --tolerance 0.1 --rounds 2 --json --quiet --out p.json").json();
    let bounds = [&polished["before"], &polished].map(|side| number(&side["worst_case"]["bound"]));
    assert!(number(&polished["objective"]) <= number(&polished["before"]["objective"]) && bounds[1].is_finite());
    assert!(folder.tautnet("predict p.json data.csv").out.contains("fine"));
}

/// Numbers that are classes, losses of the margin, and the objective with a price.
#[test]
fn the_numbers_0_and_1_are_classes_unless_they_are_said_to_be_numbers() {
    let folder = Folder::new();
    folder.write("data.csv", &rows("0", "1"));
    let run = "train data.csv --hidden 6 --decay 0.01 --test 0.3 --quiet";
    assert!(folder.tautnet(run).out.contains("taken for a class: `0` or `1`"));
    let json = folder.tautnet(&format!("{run} --task regress --json")).json();
    assert!(json["classes"].is_null() && json["held_out"]["result"]["accuracy"].is_null());
    for loss in ["hinge", "squared-hinge", "logistic"] {
        let json = folder.tautnet(&format!("{run} --loss {loss} --lipschitz 0.01 --json --out m.json --force")).json();
        assert!(number(&json["objective"]) <= number(&json["before"]["objective"]), "{loss}: {json:#}");
        assert!(number(&json["duality_gap"]) < 1e-4, "{loss}: {json:#}");
        let header = folder.tautnet("predict m.json data.csv").out.lines().next().unwrap_or_default().to_owned();
        assert_eq!(header, if loss == "logistic" { "prediction,probability" } else { "prediction" });
    }
    let text = folder.tautnet(&format!("{run} --lipschitz 0.01")).out;
    assert!(text.contains("`state` right, rows held out") && !text.contains("off by"), "{text}");
}

#[test]
fn bad_classes_are_refused() {
    let folder = Folder::new();
    folder.write("two.csv", &rows("no", "yes"));
    folder.write("three.csv", &rows("no", "yes").replacen(",yes\n", ",maybe\n", 3));
    folder.write("one.csv", &rows("yes", "yes"));
    folder.write("numbers.csv", &rows("1", "2"));
    folder.write("new.csv", "a,b,state\n1,2,maybe\n0,1,yes\n");
    folder.tautnet("train two.csv --lipschitz 0.1 --hidden 3 --quiet --out m.json");
    for (command, err) in [
        ("train three.csv", "three.csv: the target column `state` has more than two classes: `maybe`, `no`, `yes`"),
        ("train one.csv", "one.csv: the target column `state` has only one class: `yes`"),
        (
            "train two.csv --loss squared",
            "the loss `squared` is for numbers, but the target `state` is taken for a class, `no` or `yes`",
        ),
        (
            "train numbers.csv --loss hinge",
            "the loss `hinge` is for two classes, but the target `state` is taken for a number",
        ),
        ("train two.csv --task regress", "two.csv: the target column `state` holds words"),
        ("train two.csv --target b --task classify", "two.csv: the target column `b` has more than two classes"),
        ("attack m.json new.csv", "new.csv: row 1, column `state` is `maybe`, a level that was not learned"),
        ("attack m.json two.csv --loss squared", "the loss `squared` is for numbers"),
        ("polish m.json two.csv --loss squared", "the loss `squared` is for numbers"),
        (
            "predict m.json two.csv --coverage 0.9",
            "a coverage is about numbers, but the target `state` of this model is a class",
        ),
        ("compare two.csv --trials 1", "the target column `state` holds words"),
    ] {
        let ran = folder.tautnet(command);
        assert!(ran.code == Some(2) && ran.err.contains(err) && ran.out.is_empty(), "{command}: {ran:?}");
        assert!(ran.err.contains("\nhint: "), "{command}: {ran:?}");
    }
    // Class 1 is a margin above 0, whatever the numbers are.
    assert!(
        folder
            .tautnet("train numbers.csv --task classify --lipschitz 0.1 --hidden 3 --quiet")
            .out
            .contains("`1` or `2`")
    );
}
