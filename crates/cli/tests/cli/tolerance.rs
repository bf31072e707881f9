//! The tolerance that a model was made for, or that is given: what predictions and attacks make of it.

use crate::model::MODEL;
use crate::run::Folder;
use serde_json::Value;

const DATA: &str = "kind,a,y\nB,1.5,10\nA,2.5,30\nA,3,20\nB,0,12\n";

/// `own.json` was made for a tolerance, `model.json` was not.
fn prepared() -> Folder {
    let folder = Folder::new();
    folder.write("model.json", MODEL);
    let settings = r#""settings": {"tolerance": ["a=0.5"], "tolerance_shape": "box"}"#;
    folder.write("own.json", MODEL.replace(r#""settings": {}"#, settings));
    folder.write("data.csv", DATA);
    folder
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn close(given: &[f64], due: &[f64]) {
    assert!(
        given.len() == due.len() && given.iter().zip(due).all(|(a, b)| (a - b).abs() < 1e-6 * b.abs()),
        "{given:?} {due:?}"
    );
}

/// With z = (a − 1)/0.5, A: y = 105 + 20 (1 + z)₊ − 10 (−z)₊; B: 105 + 20 z₊ − 10 (1 − z)₊.
#[test]
fn predictions_have_the_interval_of_the_tolerance() {
    let folder = prepared();
    let own = folder.tautnet("predict own.json data.csv --json").json();
    close(&numbers(&own["lower"]), &[95.0, 165.0, 185.0, 65.0]);
    close(&numbers(&own["upper"]), &[145.0, 205.0, 225.0, 85.0]);
    assert_eq!(
        (&own["tolerance"][0], &own["tolerance_shape"], &own["exact"][3]),
        (&"a=0.5".into(), &"box".into(), &true.into())
    );
    assert!(own.get("radius").is_none());
    // The same where it is given: by a flag, in a file, as a part of the spread or of the value.
    folder.write("t.toml", "a = 0.5\nkind = \"exact\"\n");
    for flags in ["--tolerance a=0.5", "--tolerance 1sd", "--tolerances t.toml", "--tolerance a=7 --tolerance a=0.5"] {
        let given = folder.tautnet(&format!("predict model.json data.csv {flags} --json")).json();
        assert_eq!((&given["lower"], &given["upper"]), (&own["lower"], &own["upper"]), "{flags}");
    }
    // What is given stands in the place of the model's own, column by column of a file, too.
    let other = folder.tautnet("predict own.json data.csv --tolerances t.toml --tolerance a=1 --json").json();
    close(&numbers(&other["upper"]), &[165.0, 225.0, 245.0, 95.0]);
    // Without nodes there is interval arithmetic, which holds the prediction, too.
    let wide = folder.tautnet("predict own.json data.csv --nodes 0 --json").json();
    for k in 0..4 {
        assert!(
            numbers(&wide["lower"])[k] <= numbers(&own["lower"])[k]
                && numbers(&own["upper"])[k] <= numbers(&wide["upper"])[k]
        );
    }
    let text = folder.tautnet("predict own.json data.csv").out;
    assert!(text.starts_with("prediction,lower,upper\n125,") && text.lines().count() == 5, "{text}");
    // Exact inputs have no interval, and a radius has its own.
    assert_eq!(folder.tautnet("predict own.json data.csv --tolerance 0").out, "prediction\n125\n185\n205\n75\n");
    let radius = folder.tautnet("predict own.json data.csv --radius 0.5");
    assert!(radius.err.contains("the model has no certificate"), "{radius:?}");
}

#[test]
fn an_attack_is_within_the_tolerance_and_its_multiples() {
    let folder = prepared();
    for command in ["attack own.json data.csv", "attack model.json data.csv --tolerance a=0.5 --tolerance-shape ball"] {
        let result = folder.tautnet(&format!("{command} --json")).json();
        let sizes = result["sizes"].as_array().unwrap();
        let column = |key: &str| sizes.iter().map(|size| size[key].as_f64().unwrap()).collect::<Vec<_>>();
        assert_eq!(column("size"), [0.0, 0.5, 1.0, 1.5, 2.0]);
        let due = [188.61, 213.7475, 240.51, 268.8975, 298.91];
        close(&column("found"), &due);
        close(&column("proved"), &due);
        assert_eq!(column("exact_rows"), [4.0; 5]);
        for (size, due) in sizes.iter().zip(due) {
            let number = |value: &Value| value.as_f64().unwrap();
            assert!(number(&size["found"]) <= number(&size["proved"]));
            let user = &size["user_units"];
            assert!(number(&user["found"]) <= number(&user["proved"]));
            close(&[number(&user["found"])], &[100.0 * due]);
        }
        assert_eq!((&result["tolerance"][0], &result["rows"]), (&"a=0.5".into(), &4.into()));
    }
    let people = folder.tautnet("attack own.json data.csv --nodes 0 --out a.json");
    for part in ["times the tolerance", "rows known exactly", "`y` off by, found", "inf"] {
        assert!(people.out.contains(part), "{part}: {people:?}");
    }
    assert!(people.err.contains("the tolerance is a=0.5 (box)"), "{people:?}");
    assert!(serde_json::from_str::<Value>(&folder.read("a.json")).unwrap()["sizes"][0]["proved"].is_null());
    // Balls where they are asked for, and where every input is exact.
    for flags in [
        "own.json data.csv --radius 0,0.1",
        "own.json data.csv --norm inf",
        "own.json data.csv --tolerance 0",
        "model.json data.csv",
    ] {
        assert!(folder.tautnet(&format!("attack {flags} --json")).json()["radii"].is_array(), "{flags}");
    }
    // A plain network has the spreads of the rows.
    folder.write("plain.json", r#"{"w": [[1]], "b": [0], "v": [1], "c": 0}"#);
    folder.write("plain.csv", "a,y\n1,2\n3,4\n");
    let plain = folder.tautnet("attack plain.json plain.csv --no-standardize --tolerance 0.5sd --json").json();
    close(&[plain["sizes"][2]["found"].as_f64().unwrap()], &[2.25]);
}

/// What a polish was asked for is what its model is attacked with.
#[test]
fn a_polished_model_keeps_its_tolerance() {
    let folder = prepared();
    folder.write("t.toml", "shape = \"ball\"\na = \"5%+0.1\"\n");
    let polished =
        folder.tautnet("polish model.json data.csv --tolerances t.toml --rounds 2 --out better.json --json").json();
    let attacked = folder.tautnet("attack better.json data.csv --json").json();
    assert_eq!((&attacked["tolerance"][0], &attacked["tolerance_shape"]), (&"a=5%+0.1".into(), &"ball".into()));
    let [found, proved] = ["found", "proved"].map(|key| attacked["sizes"][2][key].as_f64().unwrap());
    let bound = polished["worst_case"]["bound"].as_f64().unwrap();
    assert!(found <= proved && proved <= bound * (1.0 + 1e-9), "{found} {proved} {bound}");
}

#[test]
fn what_a_tolerance_cannot_be_here_is_refused() {
    let folder = prepared();
    folder.write("bad.toml", "a = 0.5\nwarmth = 1\n");
    folder.write("plain.json", r#"{"w": [[1, 0, 1]], "b": [0], "v": [1], "c": 0}"#);
    folder.write("forged.json", folder.read("own.json").replace("a=0.5", "b=0.5"));
    for (command, why) in [
        ("predict model.json data.csv --tolerance b=1", "the table has no such input"),
        ("predict model.json data.csv --tolerance kind=any", "not built yet"),
        ("predict model.json data.csv --tolerance a=5%", "the value is 0 in row 4"),
        ("predict model.json data.csv --tolerances bad.toml", "`warmth`"),
        ("predict model.json data.csv --tolerances none.toml", "none.toml"),
        ("predict model.json data.csv --tolerance-shape ball", "there is no tolerance"),
        ("predict model.json data.csv --nodes 5", "`--nodes` is about an interval"),
        ("predict own.json data.csv --radius 0.1 --tolerance 0.1", "cannot be used with"),
        ("predict plain.json data.csv --tolerance 0.1", "is a plain network"),
        ("predict forged.json data.csv", "forged.json: the model's `settings`: there is a tolerance for the input `b`"),
        ("attack own.json data.csv --radius 0.1 --tolerance 0.1", "`--radius` is about balls"),
        ("attack own.json data.csv --norm inf --tolerances bad.toml", "`--norm` is about balls"),
        ("attack model.json data.csv --tolerance kind=0.5", "has words"),
        ("predict own.json data.csv --tolerances bad.toml --out bad.toml --force", "is read and written"),
    ] {
        let ran = folder.tautnet(command);
        assert!(ran.code == Some(2) && ran.err.contains(why) && ran.err.contains("hint: "), "{command}: {ran:?}");
    }
}

/// Worst cases in a file are what the verifier proves, and nothing less.
#[test]
fn worst_cases_are_issued_and_verified() {
    let folder = prepared();
    let issued = folder.tautnet("certify own.json data.csv --worst-cases w.json --json").json();
    assert_eq!(issued["worst_cases"]["rows"], 4);
    let proved = folder.tautnet("verify w.json own.json --json").json();
    // In the units of the network, y = 100 + 10 f.
    for (k, (lower, upper)) in [(95.0, 145.0), (165.0, 205.0), (185.0, 225.0), (65.0, 85.0)].into_iter().enumerate() {
        let user = |key: &str| 100.0 + 10.0 * proved["rows"][k][key].as_f64().unwrap();
        assert!(lower - 1e-4 < user("lower") && user("lower") <= lower + 1e-9, "{proved:#}");
        assert!(upper - 1e-9 <= user("upper") && user("upper") < upper + 1e-4, "{proved:#}");
    }
    assert!(folder.tautnet("verify w.json own.json").out.contains("(4 rows)"));
    let mut forged: Value = serde_json::from_str(&folder.read("w.json")).unwrap();
    forged["rows"][2]["upper"] = (forged["rows"][2]["upper"].as_f64().unwrap() - 0.01).into();
    folder.write("forged.json", forged.to_string());
    let ran = folder.tautnet("verify forged.json own.json");
    assert!(ran.code == Some(1) && ran.err.contains("not proved: row 3: the leaves of the upper end show"), "{ran:?}");
    folder.write("t.toml", "a = 0.1\n");
    assert_eq!(folder.tautnet("certify model.json data.csv --worst-cases v.json --tolerances t.toml").code, Some(0));
    assert_eq!(folder.tautnet("verify v.json model.json").code, Some(0));
    for (command, why) in [
        ("certify model.json data.csv --worst-cases x.json", "there is no tolerance for the worst cases"),
        ("certify own.json --worst-cases x.json", "required arguments"),
    ] {
        let ran = folder.tautnet(command);
        assert!(ran.code == Some(2) && ran.err.contains(why), "{ran:?}");
    }
}

/// The scores of ten rows are kept in the file: with z as above the target is q away from the interval at most.
#[test]
fn a_coverage_moves_the_ends_out_by_the_score_at_its_place() {
    let folder = prepared();
    let calibrated = |source: &str| {
        let calibration =
            format!(r#""settings": {{}}, "calibration": {{"source": "{source}", "scores": [0,1,2,3,4,5,6,7,8,9]}}"#);
        MODEL.replace(r#""settings": {}"#, &calibration)
    };
    folder.write("kept.json", calibrated("held_out"));
    folder.write("turns.json", calibrated("cross_validated"));
    // ⌈11 · 0.8⌉ = 9: the ninth score is 8.
    let within = "data.csv --tolerance a=0.5 --coverage 0.8";
    let told = folder.tautnet(&format!("predict kept.json {within} --json")).json();
    close(&numbers(&told["lower"]), &[95.0, 165.0, 185.0, 65.0]);
    close(&numbers(&told["covering_lower"]), &[87.0, 157.0, 177.0, 57.0]);
    close(&numbers(&told["covering_upper"]), &[153.0, 213.0, 233.0, 93.0]);
    assert_eq!((&told["coverage"], &told["calibrated_by"]), (&0.8.into(), &"held_out".into()));
    let text = folder.tautnet(&format!("predict kept.json {within}"));
    assert!(text.out.starts_with("prediction,lower,upper,covering_lower,covering_upper\n125,"), "{}", text.out);
    assert!(!text.err.contains("approximate"), "{}", text.err);
    let turns = folder.tautnet(&format!("predict turns.json {within}"));
    assert!(turns.out == text.out && turns.err.contains("the coverage is approximate"), "{}", turns.err);
    // Where inputs are exact the prediction is in the middle.
    let exact = folder.tautnet("predict kept.json data.csv --coverage 0.8 --json").json();
    close(&numbers(&exact["covering_lower"]), &[117.0, 177.0, 197.0, 67.0]);
    assert!(exact.get("lower").is_none());
    let text = folder.tautnet("predict kept.json data.csv --coverage 0.8").out;
    assert!(text.starts_with("prediction,covering_lower,covering_upper\n125,"), "{text}");

    folder.write("bad.json", calibrated("held_out").replace("[0,1,", "[1,0,"));
    for (command, why) in [
        ("predict kept.json data.csv --coverage 0.95", "10 rows are too few for the coverage 0.95"),
        ("predict kept.json data.csv --coverage 0.95", "calibrate on 19 rows or more"),
        ("predict kept.json data.csv --coverage 1", "between 0 and 1"),
        ("predict model.json data.csv --coverage 0.5", "the model has no calibration"),
        ("predict bad.json data.csv --coverage 0.5", "the smallest first"),
    ] {
        let ran = folder.tautnet(command);
        assert!(ran.code == Some(2) && ran.err.contains(why) && ran.err.contains("hint: "), "{command}: {ran:?}");
    }
}

/// Whatever rows a network was judged by, it is calibrated by them.
#[test]
fn train_calibrates_by_the_rows_held_out_or_in_turn() {
    let folder = Folder::new();
    let rows = (0..40).map(|k| format!("{},{}\n", k as f64 / 10.0, (k as f64 / 6.0).sin())).collect::<String>();
    folder.write("data.csv", format!("a,y\n{rows}"));
    for (flags, source, count) in [("", "cross_validated", 40), ("--test 0.25", "held_out", 10)] {
        folder.tautnet(&format!("train data.csv --hidden 3 --decay 0.01 {flags} --out {source}.json --quiet"));
        let model: Value = serde_json::from_str(&folder.read(&format!("{source}.json"))).unwrap();
        let calibration = &model["calibration"];
        assert_eq!((calibration["source"].as_str(), numbers(&calibration["scores"]).len()), (Some(source), count));
        assert_eq!(model["objective"]["seen"]["rows"], count, "{flags}");
        let told = folder.tautnet(&format!("predict {source}.json data.csv --coverage 0.8 --json")).json();
        assert_eq!(told["calibrated_by"], source);
    }
}
