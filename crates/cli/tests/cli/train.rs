//! `tautnet train`: from a table to a model whose certificate is a proof.

use crate::run::{Folder, Ran, TAUTNET};
use serde_json::Value;

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is not a number"))
}

/// There is no time for a network within the limit: the best so far is kept, and the exit status says that it is not within.
#[test]
fn a_limit_that_is_missed_is_exit_status_one() {
    let folder = Folder::new();
    let run = "train machine --hidden 10 --max-lipschitz 1e-3 --time-limit 0 --json --quiet --out m.json";
    let missed = folder.tautnet(run);
    assert_eq!(missed.code, Some(1), "{}", missed.err);
    assert!(missed.err.contains("exceeds the limit `--max-lipschitz` 1e-3"), "{}", missed.err);
    assert!(number(&serde_json::from_str::<Value>(&missed.out).unwrap()["certificate"]["lipschitz"]) > 1e-3);
}

#[test]
fn the_main_job_ends_in_a_model_that_every_other_command_takes() {
    let folder = Folder::new();
    let flags = "--hidden 12 --start random --test 0.25 --seed 3";
    let result = folder.tautnet(&format!("train machine {flags} --json --quiet --out m.json")).json();
    let steps = result["path"]["steps"].as_array().unwrap();
    let chosen = result["path"]["chosen"].as_u64().unwrap() as usize;
    assert_eq!(result["price"], steps[chosen]["price"]);
    // The least error against the start of those that lose nothing, if there are any.
    let key = |step: &Value| match number(&step["share_of_allowed"]) {
        share if share <= 1.0 => (1.0, number(&step["against_start"])),
        share => (share, 0.0),
    };
    assert!(steps.len() == 6 && steps.iter().all(|step| key(&steps[chosen]) <= key(step)), "{result:#}");
    assert!(number(&result["objective"]) <= number(&result["before"]["objective"]), "{result:#}");
    assert_eq!((&result["rows"]["learned"], &result["rows"]["held_out"]), (&157.into(), &52.into()));
    for radius in result["attack"]["result"].as_array().unwrap() {
        assert!(number(&radius["found"]) <= number(&radius["ceiling"]), "{result:#}");
    }

    let proof = folder.tautnet("verify m.json m.json --json").json();
    assert_eq!(proof["standardized"]["lipschitz"], result["certificate"]["lipschitz"]);
    let bounds = folder.tautnet("certify m.json machine --json").json();
    let proved = number(&result["certificate"]["lipschitz"]);
    assert!((number(&bounds["lipschitz"]) - proved).abs() <= 1e-9 * proved, "{bounds:#}");
    assert_eq!(folder.tautnet("predict m.json machine --radius 0.1").out.lines().count(), 210);
    assert_eq!(folder.tautnet("attack m.json machine --json").json()["lipschitz"], result["certificate"]["lipschitz"]);
    let polished = folder.tautnet("polish m.json machine --json --lipschitz-price 0.1").json();
    assert!(number(&polished["objective"]) <= number(&polished["before"]["objective"]));
}

/// With its defaults `alternating` always failed. A method without a price of the bound has none to choose.
#[test]
fn every_method_trains_with_its_defaults() {
    let folder = Folder::new();
    for method in ["joint", "walk", "alternating", "weight-decay"] {
        let run =
            format!("train rastrigin:n=40 --hidden 4 --start random --method {method} --json --out m.json --force");
        let result = folder.tautnet(&run).json();
        let model: Value = serde_json::from_str(&folder.read("m.json")).unwrap();
        let chosen = method != "weight-decay";
        assert_eq!(model["settings"]["lipschitz_price_chosen"], chosen, "{method}");
        assert_eq!(result["path"].is_object(), chosen, "{result:#}");
        assert!(if chosen { number(&result["price"]) > 0.0 } else { result["price"] == 0.0 }, "{result:#}");
        for key in ["ending", "iterations", "notes", "before"] {
            assert_eq!(model["objective"][key], result[key], "{key}");
        }
        assert!(model["objective"]["trace"].is_array() && model["objective"]["all_rows"] == true);
    }
    let ran = folder.tautnet("train machine --method weight-decay --plot path=p.svg");
    assert!(ran.code == Some(2) && ran.err.contains("there is no chart `path` here"), "{ran:?}");
    let ran = folder.tautnet("train machine --method weight-decay --lipschitz-price 0.1");
    assert!(ran.code == Some(2) && ran.err.contains("was given the price `lipschitz_price` 0.1"), "{ran:?}");
}

/// The loss in the model file, the loss printed, and the loss of the predictions are one number.
#[test]
fn the_loss_in_the_units_of_the_data_is_that_of_the_predictions() {
    let folder = Folder::new();
    let rows: String = (0..60).map(|k| f64::from(k) / 10.0).map(|x| format!("{x},{}\n", 50.0 * x.sin())).collect();
    folder.write("sine.csv", format!("x,y\n{rows}"));
    let run = "train sine.csv --hidden 10 --start random --lipschitz-price 0.001 --json --out m.json";
    let result = folder.tautnet(run).json();
    let predictions = folder.tautnet("predict m.json sine.csv").out;
    let squares = predictions.lines().skip(1).zip(rows.lines()).map(|(f, row)| {
        let y: f64 = row.split(',').nth(1).unwrap().parse().unwrap();
        (f.parse::<f64>().unwrap() - y).powi(2)
    });
    let loss = squares.sum::<f64>() / 60.0;
    assert!((loss - number(&result["user_units"]["loss"])).abs() < 1e-9 * loss, "{loss}: {result:#}");
    assert!(result["path"].is_null() && result["price"] == 0.001, "{result:#}");
}

#[test]
fn the_same_seed_gives_the_same_bytes_with_one_thread_and_with_two() {
    let folder = Folder::new();
    for start in ["sgd", "random", "adversarial", "admm"] {
        let train = |name: &str, flags: &str| {
            let data = "rastrigin:n=120";
            let ran = folder.tautnet(&format!("train {data} --hidden 15 --start {start} --quiet {flags} --out {name}"));
            assert_eq!(ran.code, Some(0), "{ran:?}");
            folder.read(name)
        };
        let one = train(&format!("{start}1"), "--seed 5 --threads 1");
        assert_eq!(one, train(&format!("{start}2"), "--seed 5 --threads 2"), "{start}");
        assert_ne!(one, train(&format!("{start}3"), "--seed 6 --threads 2"), "{start}");
    }
}

#[test]
fn people_get_a_page_and_no_time_still_gives_a_proof() {
    let folder = Folder::new();
    let ran = folder.tautnet("train machine --hidden 10 --start random --test 0.2");
    for part in
        ["λ chosen by", "← chosen", "rows held out", "Lipschitz bound", "result, ceiling", "one unit of", "MYCT"]
    {
        assert!(ran.code == Some(0) && ran.out.contains(part), "{part} in {ran:?}");
    }
    assert!(ran.err.contains("note: the model will not be kept"), "{ran:?}");
    assert!(folder.contents().is_empty());
    for flags in ["", "--lipschitz-price 0.1", "--norm inf"] {
        let run = format!("train machine --time-limit 0 --json --out m.json --force {flags}");
        let result = folder.tautnet(&run).json();
        assert!(result["reason"].as_str().unwrap().contains("time limit reached"), "{result:#}");
        assert_eq!(folder.tautnet("verify m.json m.json").code, Some(0));
    }
}

#[test]
fn words_test_files_and_limits_on_the_bound() {
    let folder = Folder::new();
    let row = |k: u32| format!("{},{},{}\n", ["a", "b", "c"][k as usize % 3], k % 7, (k * k) % 11);
    folder.write("train.csv", format!("kind,x,y\n{}", (0..40).map(row).collect::<String>()));
    folder.write("test.csv", format!("kind,x,y\nd,1,2\n{}", (40..50).map(row).collect::<String>()));
    let run = "train train.csv --hidden 8 --start random --max-lipschitz 0.5 --test test.csv --json";
    let refused = folder.tautnet(run);
    assert!(refused.err.contains("column `kind` is `d`, a level that was not learned"), "{refused:?}");
    let result = folder.tautnet(&format!("{run} --unknown-levels ignore")).json();
    assert!(number(&result["certificate"]["lipschitz"]) <= 0.5 * (1.0 + 1e-9), "{result:#}");
    assert_eq!(result["rows"]["held_out"], 11);
    let columns = result["certificate"]["user_units"]["per_column"].as_object().unwrap();
    assert_eq!(columns.keys().collect::<Vec<_>>(), ["kind=a", "kind=b", "kind=c", "x"]);
}

/// `exact` and a table without numbers are chosen for their error; the number 0 is the objective with a price.
#[test]
fn exact_inputs_have_a_choice_too() {
    let folder = Folder::new();
    let row = |k: usize| {
        let (a, b) = (k % 3, k % 2);
        format!("{},{},{}\n", ["p", "q", "r"][a], ["u", "v"][b], 2 * a + 3 * b * a + (k * k) % 5 / 4)
    };
    let words: String = (0..40).map(row).collect();
    folder.write("words.csv", format!("a,b,y\n{words}"));
    folder.write(
        "numbers.csv",
        format!(
            "a,b,y\n{}",
            words.replace('p', "1").replace('q', "2").replace('r', "3").replace('u', "0").replace('v', "4")
        ),
    );
    for (run, tolerance) in [
        ("train words.csv", "Tolerance: none, since no input has numbers that vary"),
        ("train numbers.csv --tolerance exact", "Tolerance: exact"),
        ("train numbers.csv --tolerance b=0", "Tolerance: b=0"),
    ] {
        let run = format!("{run} --hidden 4 --decay 0.001 --quiet");
        let text = folder.tautnet(&run).out;
        assert!(text.contains(tolerance), "{text}");
        for part in ["The prediction of `y` is off by", "by the error on rows that they did not learn from"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("within the tolerance") && !text.contains("wrong by up to"), "{text}");
        let json = folder.tautnet(&format!("{run} --json")).json();
        let result = &json["cross_validated"]["result"];
        let [clean, found] = ["clean", "found"].map(|key| number(&result[key]));
        assert!(
            (clean - found).abs() <= 1e-9 * found && json["chosen"]["rows"] == json["cross_validated"]["rows"],
            "{clean} {found} {json:#}"
        );
    }
    for run in
        ["--tolerance 0 --lipschitz-price 0.1", "--tolerance exact --lipschitz-price 0.1", "--lipschitz-price 0.1"]
    {
        let json = folder.tautnet(&format!("train numbers.csv {run} --hidden 4 --json --quiet")).json();
        assert!(json["chosen"].is_null() && json["duality_gap"].is_number(), "{json:#}");
    }
}

#[test]
fn bad_input_is_refused() {
    let folder = Folder::new();
    folder.write("few.csv", "a,y\n1,2\n2,3\n3,5\n");
    for (command, err) in [
        (
            "train few.csv",
            "error: 3 rows are too few to choose a network for the tolerance by validation\nhint: give 5 rows at least, or say the tolerance 0 and a price, such as `--lipschitz-price 0.03`\n",
        ),
        (
            "train few.csv --tolerance 0",
            "error: 3 rows are too few to choose the price of the Lipschitz bound by validation\nhint: give the price, such as 0.03\n",
        ),
        (
            "train few.csv --tolerance 0.1 --lipschitz-price 0.1",
            "error: `lipschitz_price` was given with a tolerance of the inputs; it belongs to the objective with prices\nhint: leave `--lipschitz-price` out, or give `--tolerance 0`: then every input is exact\n",
        ),
        (
            "train few.csv --lipschitz-price some",
            "error: invalid value 'some' for '--lipschitz-price <auto|λ>': it must be a number, or `auto`\nhint: `--help` after the command shows every flag\n",
        ),
        (
            "train few.csv --hidden 0",
            "error: invalid value '0' for '--hidden <auto|NUMBER>': it must be a whole number, 1 or more, or `auto`\nhint: `--help` after the command shows every flag\n",
        ),
        (
            "train few.csv --threads 0",
            "error: invalid value '0' for '--threads <NUMBER>': it must be a whole number from 1 to 1024\nhint: `--help` after the command shows every flag\n",
        ),
        ("train few.csv --target z", "error: few.csv has no column `z`\nhint: its columns are `a`, `y`\n"),
        (
            "train few.csv --out few.csv",
            "error: few.csv exists already\nhint: give another name, or replace it with `--force`\n",
        ),
    ] {
        let ran = folder.tautnet(command);
        assert_eq!((ran.code, ran.err.as_str()), (Some(2), err), "{command}");
    }
    assert_eq!(folder.contents().len(), 1);
    let result = folder.tautnet("train few.csv --lipschitz-price 0.03 --hidden 3 --json").json();
    assert!(number(&result["certificate"]["lipschitz"]).is_finite());
}

/// Killed at any moment of a training, the final name holds nothing or a whole model.
#[cfg(unix)]
#[test]
fn a_killed_training_leaves_no_half_written_model() {
    let folder = Folder::new();
    let command = "train machine --hidden 6 --start random --lipschitz-price 0.1 --quiet --out m.json";
    assert_eq!(folder.tautnet(command).code, Some(0));
    let whole = folder.read("m.json");
    for round in 0..25u64 {
        let out = folder.path().join("m.json");
        let _ = std::fs::remove_file(&out);
        let mut child =
            folder.command(TAUTNET).args(command.split(' ')).stdout(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(round * 4));
        let _ = child.kill();
        let _ = child.wait();
        if out.exists() {
            assert!(folder.read("m.json") == whole, "half a file in round {round}");
        }
    }
    let _ = std::fs::remove_file(folder.path().join("m.json"));
    assert_eq!(Ran::of(folder.command(TAUTNET).args(command.split(' '))).code, Some(0));
}

/// What `train` says of a network for a tolerance, and that the model keeps what it was made for.
#[test]
fn a_tolerance_is_what_the_network_is_chosen_for() {
    let folder = Folder::new();
    folder.write("sensors.toml", "MYCT = \"5%\"\nMMAX = 100\nshape = \"ball\"\n");
    let quick = "--hidden 6 --decay 0.01 --test 0.25 --json --quiet";
    let result =
        folder.tautnet(&format!("train machine {quick} --tolerances sensors.toml --tolerance CACH=0.1sd --out m.json"));
    let result = result.json();
    let tolerance = &result["tolerance"];
    assert_eq!((&tolerance["shape"], &tolerance["said"]), (&"ball".into(), &true.into()));
    assert_eq!(tolerance["entries"].as_array().unwrap().len(), 3);
    let amount = |name: &str| [0, 1].map(|end: usize| number(&tolerance["user_units"][name][end]));
    assert!(
        (amount("MMAX")[0] - 100.0).abs() < 1e-9 && amount("MMIN") == [0.0; 2] && amount("MYCT")[0] < amount("MYCT")[1]
    );
    assert!(result.get("cross_validated").is_none());
    let held = &result["held_out"];
    for network in ["start", "result"] {
        let [clean, found, proved] = ["clean", "found", "proved"].map(|name| number(&held[network][name]));
        assert!(clean <= found * (1.0 + 1e-12) && found <= proved, "{held:#}");
        assert!(number(&held[network]["user_units"]["proved"]) > proved, "the target is not standardized");
    }
    let causes = held["causes"].as_object().unwrap();
    assert_eq!(causes["MMIN"], 0.0);
    assert!(causes.len() == 6 && causes.values().all(|cause| (0.0..=1.0).contains(&number(cause))));
    assert_eq!(held["sizes"].as_array().unwrap().len(), 5);
    let chosen = &result["chosen"];
    assert!(chosen["candidates"].as_u64() > Some(10) && !chosen["members"].as_array().unwrap().is_empty());
    // The model is one for the commands that go on with it, and knows its tolerance.
    let predicted = folder.tautnet("predict m.json machine");
    assert!(predicted.out.starts_with("prediction,lower,upper\n"), "{predicted:?}");
    let attacked = folder.tautnet("attack m.json machine --json --quiet").json();
    assert_eq!(attacked["tolerance_shape"].as_str(), Some("ball"), "{attacked:#}");
    assert_eq!(folder.tautnet("verify m.json m.json").code, Some(0));
}

/// Without rows held out the rows are held out in turn; with no time at all there is a network all the same, with its proof.
#[test]
fn a_tolerance_without_rows_held_out_and_without_time() {
    let folder = Folder::new();
    let result = folder.tautnet("train machine --hidden 4 --decay 0.01 --json --quiet").json();
    assert_eq!((&result["tolerance"]["said"], &result["tolerance"]["entries"][0]), (&false.into(), &"0.1sd".into()));
    assert!(number(&result["cross_validated"]["rows"]) >= 200.0 && result.get("held_out").is_none());
    let hurried = folder.tautnet("train machine --time-limit 0 --json --quiet --out m.json").json();
    assert_eq!((&hurried["chosen"]["folds"], &hurried["reason"]), (&0.into(), &"time limit reached".into()));
    assert_eq!(folder.tautnet("verify m.json m.json").code, Some(0));
    let told = folder.tautnet("train machine --time-limit 0 --quiet");
    assert!(told.out.contains("There was no time to choose"), "{told:?}");
    // An input that is exact is one, and words are.
    folder.write("few.csv", "a,kind,y\n1,x,1\n2,x,2\n3,z,2.5\n4,z,4\n5,x,5.5\n6,z,6\n7,x,7\n8,z,7.5\n9,x,9\n10,z,10\n");
    let words = folder.tautnet("train few.csv --hidden 2 --decay 0.01 --json --quiet").json();
    assert_eq!(words["tolerance"]["user_units"]["kind"], serde_json::json!([0.0, 0.0]));
    for (flags, wrong) in [
        ("--tolerance b=1", "the table has no such input"),
        ("--tolerance a=-1", "tolerance"),
        ("--tolerance kind=0.1", "has words"),
        ("--tolerances none.toml", "none.toml"),
    ] {
        let refused = folder.tautnet(&format!("train few.csv --hidden 2 {flags}"));
        assert!(refused.code == Some(2) && refused.err.contains(wrong), "{flags}: {refused:?}");
    }
}
