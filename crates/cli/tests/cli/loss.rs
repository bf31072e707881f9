//! `--loss`: what a wrong prediction costs, at every command that has it.

use crate::run::Folder;
use serde_json::Value;

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is not a number"))
}

/// A line with one row far off, in units of fifty.
fn table() -> String {
    let row = |k: u32| {
        let x = f64::from(k) / 10.0;
        format!("{x},{}\n", 50.0 * x + if k == 7 { 4000.0 } else { 10.0 * (7.0 * x).sin() })
    };
    format!("x,y\n{}", (0..40).map(row).collect::<String>())
}

/// The same words and numbers in the text, in the object and in the model, which its own predictions bear out.
#[test]
fn a_fit_is_told_in_its_own_loss() {
    let folder = Folder::new();
    folder.write("t.csv", table());
    let y: Vec<f64> = table().lines().skip(1).map(|line| line.split(',').nth(1).unwrap().parse().unwrap()).collect();
    let fit = "train t.csv --hidden 6 --start random --lipschitz-price 0.01 --quiet --force --out m.json --loss";
    let level = 0.75;
    let result = folder.tautnet(&format!("{fit} quantile:{level} --json --report r.html --plot p.svg")).json();
    assert_eq!(result["settings"]["loss"], "quantile:0.75");
    let predicted = folder.tautnet("predict m.json t.csv --json").json()["predictions"].clone();
    let residuals = predicted.as_array().unwrap().iter().zip(&y).map(|(f, y)| number(f) - y);
    let losses: Vec<f64> = residuals.map(|r| if r > 0.0 { (1.0 - level) * r } else { -level * r }).collect();
    let mean = losses.iter().sum::<f64>() / losses.len() as f64;
    let told = number(&result["user_units"]["loss"]);
    assert!((told - mean).abs() < 1e-9 * mean, "{told} and {mean}");
    for page in [folder.read("r.html"), folder.read("p.svg")] {
        assert!(!page.contains("mean square"), "{page}");
    }
    assert!(folder.read("r.html").contains("mean loss `quantile:0.75`"));

    for (loss, words) in [
        ("quantile:0.75", ["mean loss `quantile:0.75`, rows learned from", "off by (mean loss), rows learned from"]),
        (
            "huber:0.5",
            ["mean loss `huber:0.5`, rows learned from", "off by (root of the mean loss), rows learned from"],
        ),
        ("squared", ["mean squared error, rows learned from", "off by (root mean square), rows learned from"]),
    ] {
        let ran = folder.tautnet(&format!("{fit} {loss}"));
        assert!(words.iter().all(|words| ran.out.contains(words)), "{ran:?}");
        assert!(ran.out.contains("mean squared error") == (loss == "squared"), "{ran:?}");
    }
}

/// Where no other loss is asked for, a model is polished and attacked by the one it was trained by.
#[test]
fn a_model_brings_its_own_loss() {
    let folder = Folder::new();
    folder.write("t.csv", table());
    let fit = "train t.csv --hidden 6 --start random --lipschitz-price 0.01 --quiet --out m.json --loss huber:0.25";
    assert_eq!(folder.tautnet(fit).code, Some(0));
    let own = folder.tautnet("attack m.json t.csv --json").json();
    assert_eq!(own, folder.tautnet("attack m.json t.csv --loss huber:0.25 --json").json());
    let squared = folder.tautnet("attack m.json t.csv --loss squared --json").json();
    assert!(number(&own["radii"][0]["found"]) < number(&squared["radii"][0]["found"]));
    let ran = folder.tautnet("attack m.json t.csv");
    assert!(ran.err.contains("errors (mean loss `huber:0.25`)"), "{ran:?}");
    let ran = folder.tautnet("polish m.json t.csv --lipschitz-price 0.1 --out p.json");
    assert!(ran.out.contains("mean loss `huber:0.25`") && !ran.out.contains("squared"), "{ran:?}");
    assert!(folder.read("p.json").contains("\"loss\": \"huber:0.25\""));
    let ran = folder.tautnet("polish m.json t.csv --lipschitz-price 0.1 --loss squared --out q.json");
    assert!(
        ran.out.contains("mean squared error") && folder.read("q.json").contains("\"loss\": \"squared\""),
        "{ran:?}"
    );
}

/// The methods that minimize the squared error alone are left out of a comparison by another loss, and told.
#[test]
fn a_comparison_leaves_out_what_does_not_know_the_loss() {
    let folder = Folder::new();
    folder.write("t.csv", table());
    let compare = "compare t.csv --hidden 4 --trials 1 --start sgd --loss huber";
    let ran = folder.tautnet(compare);
    for method in ["relu-al", "gated", "admm"] {
        let told = format!(
            "left out: the method `{method}` minimizes the squared error, and the loss `huber:0.5` was asked for"
        );
        assert!(ran.err.contains(&told), "{ran:?}");
    }
    assert!(ran.code == Some(0) && ran.out.contains("joint"), "{ran:?}");
    let ran = folder.tautnet("compare t.csv --hidden 4 --trials 1 --method joint --loss huber");
    assert!(ran.code == Some(0) && ran.out.contains("SGD") && !ran.out.contains("ADMM"), "{ran:?}");
    let ran = folder.tautnet("compare t.csv --hidden 4 --trials 1 --start admm --loss huber");
    assert!(
        ran.code == Some(2) && ran.err.contains("the starting network `admm` minimizes the squared error"),
        "{ran:?}"
    );
}

#[test]
fn a_loss_that_cannot_be_is_refused_in_words() {
    let folder = Folder::new();
    folder.write("t.csv", table());
    for (asked, told) in [
        ("--loss cubic", "there is no loss `cubic`; choose one of: squared, absolute, huber, quantile"),
        ("--loss huber:-1", "the loss `huber:-1` was asked for; the number must be a positive number"),
        ("--loss quantile:1", "the loss `quantile:1` was asked for; the number must be above 0 and below 1"),
        ("--loss squared:2", "the loss `squared` was given the number 2"),
        (
            "--loss huber --start admm",
            "the start `admm` minimizes the squared error, and the loss `huber:0.5` was asked for",
        ),
    ] {
        let ran = folder.tautnet(&format!("train t.csv {asked} --out m.json"));
        assert!(ran.code == Some(2) && ran.err.contains(told), "{asked}: {ran:?}");
        assert_eq!(folder.contents().len(), 1, "{asked}");
    }
}
