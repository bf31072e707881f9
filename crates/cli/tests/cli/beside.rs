//! Results beside simple rules, and what is said of models with a tolerance.

use crate::run::Folder;
use serde_json::Value;

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is not a number"))
}

/// Rows of a curve that a network learns and a line does not.
fn bent() -> Folder {
    let folder = Folder::new();
    let row = |k: usize| {
        let (a, b) = ((k * 37 % 100) as f64 / 25.0, (k * 61 % 100) as f64 / 50.0);
        format!("{a},{b},{}\n", 100.0 + 40.0 * (a - 2.0).abs() + b)
    };
    folder.write("bent.csv", format!("a,b,y\n{}", (0..100).map(row).collect::<String>()));
    let class = |k: usize| {
        let (a, b) = ((k * 37 % 100) as f64 / 25.0, (k * 61 % 100) as f64 / 50.0);
        format!("{a},{b},{}\n", if (a - 2.0).abs() > 1.0 { "outside" } else { "inside" })
    };
    folder.write("classes.csv", format!("a,b,y\n{}", (0..100).map(class).collect::<String>()));
    folder
}

#[test]
fn a_result_stands_beside_a_linear_model_and_a_constant() {
    let folder = bent();
    let made = "train bent.csv --hidden 8 --start random --lipschitz-price 0.001 --quiet --out m.json --force";
    assert_eq!(folder.tautnet(made).code, Some(0));
    for command in [
        "train bent.csv --hidden 8 --lipschitz-price 0.001",
        "train bent.csv --layers 8,8 --seed 1",
        "polish m.json bent.csv --lipschitz-price 0.001",
    ] {
        let held_out = folder.tautnet(&format!("{command} --test 0.3 --json --quiet")).json()["beside"].clone();
        let of = |name: &str| number(&held_out[name]["user_units"]["clean"]);
        assert!(held_out["rows"] == 30 && held_out["held_out"] == true, "{command}: {held_out:#}");
        assert!(of("result") < of("linear") && of("linear") < 1.1 * of("constant"), "{command}: {held_out:#}");
        let typical = &held_out["typical"];
        assert!(number(&typical["median"]) <= number(&typical["nine_of_ten"]), "{held_out:#}");
        assert!(number(&typical["r_squared"]) > 0.5 && held_out["verdict"] == "better", "{held_out:#}");
        let text = folder.tautnet(&format!("{command} --test 0.3 --quiet")).out;
        assert!(text.contains("On the 30 rows the network did not learn from the prediction of `y`"), "{text}");
        assert!(text.contains("a linear model") && text.contains("Verdict: better than a linear model"), "{text}");
        if command.contains("--layers") {
            // Some rows are put aside anyway, by which the pass is chosen.
            continue;
        }
        let learned = folder.tautnet(&format!("{command} --json --quiet")).json()["beside"].clone();
        assert!(learned["held_out"] == false && learned["verdict"].is_null(), "{learned:#}");
        let text = folder.tautnet(&format!("{command} --quiet")).out;
        assert!(text.contains("learned from the prediction") && text.contains("hold rows out: --test 0.2"), "{text}");
        assert!(!text.contains("Verdict"), "{text}");
    }
}

#[test]
fn what_a_line_does_as_well_is_said_to_be_so() {
    let folder = bent();
    let straight: String = (0..60).map(|k| format!("{},{}\n", k * 7 % 60, 3 * (k * 7 % 60) + k % 2)).collect();
    folder.write("straight.csv", format!("x,y\n{straight}"));
    let text =
        folder.tautnet("train straight.csv --hidden 3 --start random --lipschitz-price 0.01 --test 0.3 --quiet").out;
    assert!(text.contains("Verdict: a linear model is as good"), "{text}");
    let noise: String = (0..60).map(|k| format!("{},{}\n", k * 7 % 60, (k * k * 31 + k * 17) % 53)).collect();
    folder.write("noise.csv", format!("x,y\n{noise}"));
    let text = folder.tautnet("train noise.csv --hidden 3 --lipschitz-price 100 --test 0.3 --quiet").out;
    assert!(text.contains("Verdict: of no use: to say the mean always is as good"), "{text}");
    // Of classes the share of rows that are right decides.
    for flags in ["--lipschitz-price 0.001 --hidden 8", "--layers 8,8"] {
        let command = format!("train classes.csv {flags} --test 0.3 --quiet");
        let told = folder.tautnet(&format!("{command} --json")).json()["beside"].clone();
        assert!(told["typical"].is_null() && number(&told["result"]["accuracy"]) > 0.6, "{told:#}");
        let text = folder.tautnet(&command).out;
        assert!(text.contains("is right in ") && text.contains("always the most frequent class"), "{text}");
    }
}

#[test]
fn a_polish_without_a_tolerance_says_that_the_model_was_made_for_one() {
    let folder = bent();
    let made = "train bent.csv --hidden 4 --decay 0.01 --tolerance a=0.1 --tolerance 0.05sd --quiet --out m.json";
    assert_eq!(folder.tautnet(made).code, Some(0));
    let note = "the model was made for a tolerance; a price of the bound does not look at it, and --tolerance a=0.1 --tolerance 0.05sd keeps it";
    let ran = folder.tautnet("polish m.json bent.csv --quiet");
    assert!(ran.code == Some(0) && ran.err.contains(note), "{ran:?}");
    for said in ["--tolerance 0.1sd", "--tolerance exact"] {
        let ran = folder.tautnet(&format!("polish m.json bent.csv --quiet {said}"));
        assert!(ran.code == Some(0) && !ran.err.contains("was made for a tolerance"), "{said}: {ran:?}");
    }
}

#[test]
fn a_prediction_says_which_tolerance_its_interval_is_for() {
    let folder = bent();
    let made = "train bent.csv --hidden 4 --decay 0.01 --tolerance a=0.1 --tolerance b=exact --quiet --out m.json";
    assert_eq!(folder.tautnet(made).code, Some(0));
    let note = "holds for inputs within the tolerance of the model: a=0.1, b=exact (box)";
    for (flags, said) in
        [("", true), ("--coverage 0.8", true), ("--tolerance 0.1", false), ("--radius 0.1", false), ("--json", false)]
    {
        let ran = folder.tautnet(&format!("predict m.json bent.csv {flags}"));
        assert!(ran.code == Some(0) && ran.err.contains(note) == said, "{flags}: {ran:?}");
    }
}
