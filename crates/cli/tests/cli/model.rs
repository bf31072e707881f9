//! Model files: predictions, intervals, polishing and certifying; completions and the manual.

use crate::run::{Folder, Ran, TAUTNET};
use serde_json::Value;

const DATA: &str = "kind,a,y\nB,1.5,10\nA,2.5,30\nA,3,20\nB,0,12\n";

/// A model of two units over `kind=A`, `kind=B` and `a`, whose predictions are easy to write down.
pub const MODEL: &str = r#"{
  "format": "tautnet-model",
  "version": 1,
  "columns": {"inputs": [{"name": "kind", "levels": ["A", "B"]}, {"name": "a"}], "target": "y"},
  "scaler": {"input_mean": [0, 0, 1], "input_scale": [1, 1, 0.5], "target_mean": 100, "target_scale": 10},
  "network": {"w": [[1, 0, 1], [0, 1, -1]], "b": [0, 0], "v": [2, -1], "c": 0.5},
  "settings": {},
  "objective": {}
}"#;

fn prepared() -> Folder {
    let folder = Folder::new();
    folder.write("model.json", MODEL);
    folder.write("data.csv", DATA);
    folder
}

#[test]
fn predictions_are_in_the_units_of_the_target_and_columns_found_by_name() {
    let folder = prepared();
    // z = (a − 1)/0.5; A: 2 relu(1 + z) − relu(−z); B: 2 relu(z) − relu(1 − z); y = 100 + 10 (0.5 + …).
    let ran = folder.tautnet("predict model.json data.csv");
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("prediction\n125\n185\n205\n75\n", ""));
    folder.write("new.csv", "a,extra,kind\n1.5,x,B\n2.5,,A\n3,,A\n0,,B\n");
    assert_eq!(folder.tautnet("predict model.json new.csv").out, ran.out);
    let refused = folder.tautnet("predict model.json data.csv --radius 0.5 --out p.csv");
    assert!(refused.err.starts_with("error: the model has no certificate\nhint: an interval"), "{refused:?}");
}

/// y = 100 + 10 g and |g(z) − g(z′)| ≤ L‖z − z′‖, so a radius r in z is 10 L r in y, with the L of the certificate.
#[test]
fn intervals_follow_from_the_certificate_and_from_nothing_less() {
    let folder = prepared();
    assert_eq!(folder.tautnet("polish model.json data.csv --lipschitz-price 1e-4 --out better.json").code, Some(0));
    let stored: Value = serde_json::from_str(&folder.read("better.json")).unwrap();
    let bound = stored["certificate"]["standardized"]["bound"].as_f64().unwrap();
    let json = folder.tautnet("predict better.json data.csv --radius 0.5 --json").json();
    let number = |value: &Value| value.as_f64().unwrap();
    assert!(
        number(&json["reach"]) >= 5.0 * bound && number(&json["reach"]) < 5.000001 * bound && bound > 0.1,
        "{json:#}"
    );
    assert_eq!(json["norm"], "2");
    // Branch and bound over each ball is inside what the Lipschitz bound alone gives; both hold the prediction.
    let plain = folder.tautnet("predict better.json data.csv --radius 0.5 --nodes 0 --json").json();
    let reach = number(&json["reach"]);
    for k in 0..4 {
        let (f, lower, upper) = (&json["predictions"][k], &json["lower"][k], &json["upper"][k]);
        assert!(number(lower) <= number(f) && number(f) <= number(upper) && json["exact"][k] == true, "{json:#}");
        assert!(number(&plain["lower"][k]) <= number(lower) && number(upper) <= number(&plain["upper"][k]));
        assert!((number(&plain["upper"][k]) - number(f) - reach).abs() < 1e-9 * reach && plain["exact"][k] == false);
    }
    let ran = folder.tautnet("predict better.json data.csv --radius 0.5 --out p.csv");
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), ""));
    assert!(folder.read("p.csv").starts_with("prediction,lower,upper\n"));
    // A bound that someone has made smaller proves nothing and gives no interval.
    let forged = folder.read("better.json").replacen(&format!("\"bound\": {bound:?}"), "\"bound\": 0.001", 1);
    folder.write("forged.json", forged);
    assert_eq!(folder.tautnet("predict forged.json data.csv").code, Some(0));
    for command in ["predict forged.json data.csv --radius 0.5", "attack forged.json data.csv"] {
        let ran = folder.tautnet(command);
        assert!(ran.code == Some(2) && ran.err.contains("do not show the standardized bound"), "{ran:?}");
    }
}

#[test]
fn unknown_levels_are_refused_or_all_zero() {
    let folder = prepared();
    folder.write("new.csv", "kind,a\nA,1\nZ,1\n");
    let ran = folder.tautnet("predict model.json new.csv");
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.err.starts_with("error: new.csv: row 2, column `kind` is `Z`, a level that was not learned\n"),
        "{ran:?}"
    );
    assert_eq!(folder.tautnet("predict model.json new.csv --unknown-levels ignore").out, "prediction\n125\n105\n");
}

#[test]
fn a_model_is_polished_with_its_own_columns_and_stays_a_model() {
    let folder = prepared();
    let result = folder.tautnet("polish model.json data.csv --json --out better.json").json();
    let objective = |value: &Value| value["objective"].as_f64().unwrap();
    assert!(objective(&result) <= objective(&result["before"]));
    let better: Value = serde_json::from_str(&folder.read("better.json")).unwrap();
    let original: Value = serde_json::from_str(MODEL).unwrap();
    assert_eq!(better["columns"], original["columns"]);
    assert_eq!(folder.tautnet("verify better.json better.json").code, Some(0));
    assert_eq!(folder.tautnet("predict better.json data.csv --radius 0.1").code, Some(0));
    let ran = folder.tautnet("polish model.json data.csv --target a");
    assert!(ran.err.starts_with("error: model.json is a model with its own columns"), "{ran:?}");
}

#[test]
fn certify_says_what_one_unit_of_a_column_does() {
    let folder = prepared();
    let result = folder.tautnet("certify model.json --json").json();
    let bound = result["lipschitz"].as_f64().unwrap();
    let column = result["user_units"]["lipschitz_per_column"]["a"].as_f64().unwrap();
    assert!((column - 10.0 * bound / 0.5).abs() < 1e-9 * column);
    assert!(folder.tautnet("certify model.json").out.contains("moves `y` by at most"));
}

#[test]
fn bad_models_are_refused() {
    let folder = prepared();
    folder.write("plain.json", r#"{"w": [[1, 2, 3]], "b": [0], "v": [1]}"#);
    for (from, to, err) in [
        (
            "\"version\": 1",
            "\"version\": 9",
            "error: bad.json is a model file of version 9; this program reads versions 1 and 2\nhint: update tautnet, or write the model again with this one\n",
        ),
        (
            "tautnet-model",
            "onnx",
            "error: bad.json has the format \"onnx\", not \"tautnet-model\"\nhint: give a model file, as `tautnet train` writes it\n",
        ),
        (
            "[1, 1, 0.5]",
            "[1, 1, 0]",
            "error: bad.json: the scaler has a mean or scale out of range\nhint: every mean must be a finite number, and every scale a finite number above 0\n",
        ),
        (
            "[\"A\", \"B\"]",
            "[\"A\"]",
            "error: bad.json: the model's network has 3 inputs and its columns are 2\nhint: write the model again\n",
        ),
        (
            "\"w\": [[1, 0, 1],",
            "\"w\": [[1, 0, \"x\"],",
            "error: bad.json: w[0][2] is the text \"x\" where a number is due\nhint: every weight must be a finite number\n",
        ),
        (
            "\"settings\": {}",
            "\"settings\": {}, \"certificate\": {\"norm\": \"7\"}",
            "error: bad.json: the model's `certificate`: unknown variant `7`, expected one of `1`, `2`, `inf`\nhint: write the model again\n",
        ),
    ] {
        folder.write("bad.json", MODEL.replace(from, to));
        for command in ["predict bad.json data.csv", "polish bad.json data.csv", "certify bad.json"] {
            let ran = folder.tautnet(command);
            assert_eq!((ran.code, ran.err.as_str()), (Some(2), err), "{command}");
        }
    }
    for (command, err) in [
        (
            "predict plain.json data.csv --radius 1",
            "error: plain.json is a plain network without columns and scaler\nhint: give a model file, as `tautnet train` writes it\n",
        ),
        (
            "predict model.json servo --data-dir none",
            "error: the data set `servo` is not on this machine\nhint: fetch it with `tautnet data fetch servo`\n",
        ),
        (
            "predict model.json nothing",
            "error: there is no file and no data set `nothing`\nhint: give the path of a table, or a name that `tautnet data list` shows\n",
        ),
        (
            "predict model.json rastrigin:n=-1",
            "error: `n=-1` in `rastrigin:n=-1` is not understood\nhint: write rastrigin:n=1500,d=2,seed=0, with at least one row and one input\n",
        ),
        (
            "predict model.json rastrigin",
            "error: rastrigin has no column `kind`\nhint: its columns are `x1`, `x2`, `target`\n",
        ),
        (
            "predict model.json data.csv --radius -1",
            "error: invalid value '-1' for '--radius <RADIUS>': it must not be negative\nhint: `--help` after the command shows every flag\n",
        ),
        (
            "data fetch boston",
            "error: there is no public data set `boston`\nhint: the public sets are abalone, machine, protein, servo, solar_flare, wine_quality_red, wine_quality_white, mnist\n",
        ),
        (
            "manual nothing",
            "error: there is no command `nothing`\nhint: the commands are train, polish, certify, verify, attack, predict, export, compare, reproduce, data, completions, manual, help\n",
        ),
        (
            "polish plain.json data.csv --test 1.5",
            "error: invalid value '1.5' for '--test <FRACTION|FILE>': it must be between 0 and 1\nhint: `--help` after the command shows every flag\n",
        ),
    ] {
        let mut run = folder.command(TAUTNET);
        // No sets of whoever runs the test.
        let ran = Ran::of(run.args(command.split(' ')).env("XDG_CACHE_HOME", folder.path()).env("HOME", folder.path()));
        assert_eq!((ran.code, ran.err.as_str()), (Some(2), err), "{command}");
    }
}

/// Killed at any moment, a command leaves the old file or the new one under the final name.
#[cfg(unix)]
#[test]
fn a_killed_command_leaves_no_half_written_file() {
    let folder = prepared();
    let rows: String = (0..20_000).map(|k| format!("A,{}\n", f64::from(k) * 0.001)).collect();
    folder.write("long.csv", format!("kind,a\n{rows}"));
    let whole = folder.tautnet("predict model.json long.csv").out;
    let (mut killed, mut finished) = (0, 0);
    for round in 0..40u64 {
        let out = folder.path().join("p.csv");
        let _ = std::fs::remove_file(&out);
        let mut child = folder
            .command(TAUTNET)
            .args(["predict", "model.json", "long.csv", "--out", "p.csv", "--force"])
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_micros(round * 900));
        let _ = child.kill();
        if child.wait().unwrap().success() {
            finished += 1
        } else {
            killed += 1
        }
        if out.exists() {
            assert!(folder.read("p.csv") == whole, "half a file in round {round}");
        }
    }
    assert!(killed > 0, "{finished} finished");
}

#[test]
fn completions_and_manual_know_every_command() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let text = folder.tautnet(&format!("completions {shell}")).out;
        for word in ["train", "polish", "certify", "verify", "attack", "predict", "max-lipschitz"] {
            assert!(text.contains(word), "{word} for {shell}");
        }
    }
    assert!(folder.tautnet("manual").out.contains("tautnet\\-polish(1)"));
    let page = folder.tautnet("manual polish").out;
    assert!(page.starts_with(".ie") && page.contains("max\\-lipschitz"), "{page}");
}
