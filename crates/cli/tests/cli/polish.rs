//! `tautnet polish` and `tautnet certify` on good input.

use crate::run::{Folder, Ran, TAUTNET};
use serde_json::{Value, json};

/// A network and data for it; the data bend where the network does not.
fn prepared() -> Folder {
    let folder = Folder::new();
    folder.write(
        "net.json",
        r#"{"w": [[1, -1], [0.5, 2], [-1, 0.3]], "b": [0.1, -1, 0.2], "v": [1, -2, 0.5], "c": 0.5}"#,
    );
    let rows = (0..40).map(|k| (f64::from(k) * 0.37 % 2.0, f64::from(k) * 0.71 % 3.0));
    let lines: String = rows.map(|(a, b)| format!("{a},{b},{}\n", (a - 1.0).abs() + 0.2 * b * b)).collect();
    folder.write("data.csv", format!("a,b,y\n{lines}"));
    folder
}

const KEYS: [&str; 6] = ["objective", "loss", "lipschitz", "duality_gap", "iterations", "seconds"];

#[test]
fn json_holds_the_facts_before_and_after_and_nothing_got_worse() {
    let folder = prepared();
    for flags in [
        "",
        "--no-standardize",
        "--norm inf",
        "--penalty L2",
        "--method alternating",
        "--method weight-decay",
        "--method walk",
        "--decay 0.001 --max-lipschitz 0.5",
    ] {
        let result = folder.tautnet(&format!("polish net.json data.csv --json --quiet {flags}")).json();
        for key in KEYS {
            assert!(result.get(key).is_some() && result["before"].get(key).is_some(), "{flags}: {key} in {result:#}");
        }
        let objective = |value: &Value| value["objective"].as_f64().unwrap();
        if !flags.contains("--max-lipschitz") {
            assert!(objective(&result) <= objective(&result["before"]), "{flags}: {result:#}");
        }
    }
}

/// A price that weight decay does not count was taken and ignored: error + λL² rose 1.9e10-fold, and success was told.
#[test]
fn a_price_that_the_method_does_not_count_is_refused() {
    let folder = Folder::new();
    folder.write("n142.json", include_str!("../reproductions/n142.json"));
    folder.write("d142.csv", include_str!("../reproductions/d142.csv"));
    let run = |flags: &str| folder.tautnet(&format!("polish n142.json d142.csv --no-standardize --json {flags}"));
    for (asked, given) in [
        ("--lipschitz-price 0.1", "the price `lipschitz_price` 0.1"),
        ("--penalty L2", "the penalty `L2`"),
        ("--max-lipschitz 2", "the limit `max-lipschitz` 2"),
        ("--lipschitz-price 0.1 --penalty L2", "the price `lipschitz_price` 0.1"),
    ] {
        let ran = run(&format!("--method weight-decay {asked} --out new.json"));
        let what = format!("error: the method `weight-decay` was given {given}, which it does not use\nhint: leave ");
        assert!(ran.code == Some(2) && ran.err.starts_with(&what), "{ran:?}");
    }
    assert_eq!(folder.contents().len(), 2);
    let objective = |value: &Value| value["objective"].as_f64().unwrap();
    for flags in
        ["--method weight-decay", "--method weight-decay --lipschitz-price 0", "--lipschitz-price 0.1 --penalty L2"]
    {
        let result = run(flags).json();
        assert!(objective(&result) <= objective(&result["before"]), "{flags}: {result:#}");
    }
}

/// The bias of 3 stayed 3. Now it is 0 where the result is a new network, and 3 only where the given one comes back.
#[test]
fn no_output_bias_is_none() {
    let folder = Folder::new();
    folder.write("wd.json", include_str!("../reproductions/wd.json"));
    folder.write("wd.csv", include_str!("../reproductions/wd.csv"));
    let mut better = 0;
    for method in ["joint", "walk", "alternating", "weight-decay"] {
        for units in ["", "--no-standardize"] {
            let flags = format!("--method {method} {units} --no-output-bias --json --force --out new.json");
            let result = folder.tautnet(&format!("polish wd.json wd.csv {flags}")).json();
            let network: Value = serde_json::from_str(&folder.read("new.json")).unwrap();
            let bias = &network["layers"][1]["bias"][0];
            if result["ending"] == "unchanged" {
                let reason = result["reason"].as_str().unwrap();
                assert!(*bias == 3.0 && reason.contains("with an output bias of 0"), "{result:#}");
            } else {
                assert_eq!(*bias, 0.0, "{flags}: {result:#}");
                better += 1;
            }
            assert!(result["notes"].to_string().contains("held at 0; in the given network it is 3"), "{result:#}");
        }
    }
    assert!(better > 0);
}

#[test]
fn the_network_written_has_the_loss_that_was_printed() {
    let folder = prepared();
    let result = folder.tautnet("polish net.json data.csv --no-standardize --json --out new.json").json();
    let network: Value = serde_json::from_str(&folder.read("new.json")).unwrap();
    let number = |value: &Value| value.as_f64().unwrap();
    let list = |value: &Value| value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect::<Vec<_>>();
    let (hidden, last) = (&network["layers"][0], &network["layers"][1]);
    let (b, v, c) = (list(&hidden["bias"]), list(&last["weights"][0]), last["bias"][0].as_f64().unwrap());
    let w: Vec<Vec<f64>> = hidden["weights"].as_array().unwrap().iter().map(list).collect();
    let mut loss = 0.0;
    let data = folder.read("data.csv");
    for line in data.lines().skip(1) {
        let row: Vec<f64> = line.split(',').map(|field| field.parse().unwrap()).collect();
        let f = c + (0..v.len()).map(|i| v[i] * (w[i][0] * row[0] + w[i][1] * row[1] + b[i]).max(0.0)).sum::<f64>();
        loss += (f - row[2]).powi(2) / 40.0;
    }
    assert!((loss - number(&result["loss"])).abs() < 1e-9 * (1.0 + loss), "{loss} and {result:#}");
}

#[test]
fn standardized_columns_change_nothing_but_the_units() {
    // The same data with columns that are standardized already: with and without the flag, the same numbers.
    let folder = prepared();
    let rows = [(1.0, 1.0, 1.0), (1.0, -1.0, 1.0), (-1.0, 1.0, -1.0), (-1.0, -1.0, -1.0)];
    let lines: String = rows.iter().map(|(a, b, y)| format!("{a},{b},{y}\n")).collect();
    folder.write("unit.csv", format!("a,b,y\n{lines}"));
    let mut with = folder.tautnet("polish net.json unit.csv --json").json();
    let mut without = folder.tautnet("polish net.json unit.csv --json --no-standardize").json();
    for result in [&mut with, &mut without] {
        result["seconds"] = Value::Null;
    }
    assert_eq!(with, without);
}

#[test]
fn the_result_of_a_run_is_the_same_every_time() {
    let folder = prepared();
    for name in ["one.json", "two.json"] {
        assert_eq!(folder.tautnet(&format!("polish net.json data.csv --quiet --out {name}")).code, Some(0));
    }
    assert_eq!(folder.read("one.json"), folder.read("two.json"));
}

#[test]
fn people_get_a_table_and_progress_stays_on_standard_error() {
    let folder = prepared();
    let ran = folder.tautnet("polish net.json data.csv");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for part in ["before", "after", "objective", "mean squared error", "Lipschitz bound"] {
        assert!(ran.out.contains(part), "{part} in {ran:?}");
    }
    assert!(ran.err.contains("note: the network was not kept"), "{ran:?}");
    assert_eq!(folder.contents().len(), 2, "nothing is written without --out");
}

#[test]
fn no_time_still_gives_a_network_that_is_not_worse() {
    let folder = prepared();
    let result = folder.tautnet("polish net.json data.csv --time-limit 0 --json --out new.json").json();
    let objective = |value: &Value| value["objective"].as_f64().unwrap();
    assert!(objective(&result) <= objective(&result["before"]), "{result:#}");
    assert_eq!(folder.tautnet("certify new.json --json").code, Some(0));
}

#[test]
fn a_table_can_come_from_standard_input() {
    let folder = prepared();
    let data = std::fs::File::open(folder.path().join("data.csv")).unwrap();
    let mut command = folder.command(TAUTNET);
    let piped = Ran::of(command.args(["polish", "net.json", "-", "--json"]).stdin(data)).json();
    let named = folder.tautnet("polish net.json data.csv --json").json();
    assert_eq!(piped["objective"], named["objective"]);
}

#[test]
fn certify_bounds_the_two_unit_network_whose_constant_is_one() {
    let folder = Folder::new();
    // relu(x) − relu(x − 1): a certifier that couples the units wrongly says almost zero.
    folder.write("two.json", r#"{"w": [[1], [1]], "b": [0, -1], "v": [1, -1]}"#);
    for norm in ["2", "inf"] {
        let result = folder.tautnet(&format!("certify two.json --norm {norm} --json --out bounds.json --force")).json();
        assert!(result["lipschitz"].as_f64().unwrap() >= 1.0, "{result:#}");
        assert_eq!(serde_json::from_str::<Value>(&folder.read("bounds.json")).unwrap(), result);
    }
    let ran = folder.tautnet("certify two.json");
    assert!(ran.out.contains('≤'), "{ran:?}");
    let result = folder.tautnet("certify two.json --exact --json").json();
    let number = |value: &Value| value.as_f64().unwrap();
    assert_eq!(result["norms"].as_array().unwrap().len(), 3);
    for part in result["norms"].as_array().unwrap() {
        let exact: Vec<&Value> = part["bounds"].as_array().unwrap().iter().filter(|b| b["name"] == "exact").collect();
        assert!(exact.len() == 2 && exact.iter().all(|b| b["closed"] == true), "{part:#}");
        assert!(exact.iter().all(|bound| (number(&bound["value"]) - 1.0).abs() < 1e-12), "{part:#}");
    }
    // The chart has the constant beside the bounds, where it was searched for.
    for (flags, name) in [("", None), ("--exact", Some("exact constant"))] {
        let ran = folder.tautnet(&format!("certify two.json --norm 2 {flags} --plot bounds.svg --force --quiet"));
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let chart = folder.read("bounds.svg");
        assert!(chart.contains("LipSDP, proved") && name.is_none_or(|name| chart.contains(name)), "{flags}: {chart}");
        assert_eq!(chart.contains("exact constant"), flags == "--exact", "{flags}");
    }
}

/// Every bound from below is at most every bound from above, over all inputs and over a region; a region only helps.
#[test]
fn certify_orders_its_bounds_in_every_norm_and_over_every_region() {
    let folder = prepared();
    for flags in ["--exact --box -0.5:0.25", "--exact --ball 0.3 --norm 1", "data.csv --exact --time-limit 20"] {
        let result = folder.tautnet(&format!("certify net.json {flags} --json")).json();
        for part in result["norms"].as_array().unwrap() {
            let values = |bounds: &Value, direction: &str| -> Vec<f64> {
                let entries = bounds.as_array().unwrap().iter().filter(|bound| bound["direction"] == direction);
                entries.map(|bound| bound["value"].as_f64().unwrap()).collect()
            };
            let mut least = vec![];
            for bounds in [&part["bounds"], &part["local"]["bounds"]] {
                let (lower, upper) = (values(bounds, "lower"), values(bounds, "upper"));
                let largest = lower.iter().copied().fold(0.0, f64::max);
                assert!(lower.len() == 2 && upper.len() >= 2, "{part:#}");
                assert!(upper.iter().all(|&upper| upper >= largest), "{flags}: {part:#}");
                least.push(upper.iter().copied().fold(f64::INFINITY, f64::min));
                for bound in bounds.as_array().unwrap() {
                    assert_eq!(bound["direction"] == "lower", bound["point"].is_array(), "{bound:#}");
                    assert!(bound["gap"].as_f64().unwrap() >= 0.0 && bound["seconds"].as_f64().unwrap() >= 0.0);
                }
            }
            assert!(least[1] <= least[0] * (1.0 + 1e-9), "{flags}: {part:#}");
        }
    }
    let ran = folder.tautnet("certify net.json --box 1:0");
    assert!(ran.code == Some(2) && ran.err.contains("LOW must be below HIGH"), "{ran:?}");
    let ran = folder.tautnet("certify net.json --box 0:1 --ball 1");
    assert!(ran.code == Some(2) && ran.err.contains("cannot be used with"), "{ran:?}");
}

/// A search that is stopped and resumed ends where one run does; what is not its own file is refused and left alone.
#[test]
fn certify_resumes_a_search_from_its_file() {
    let folder = Folder::new();
    let wave = |k: usize| 2.0 * (43758.5453 * (12.9898 * k as f64).sin()).rem_euclid(1.0) - 1.0;
    let rows: Vec<Vec<f64>> = (0..24).map(|i| (0..4).map(|k| wave(1 + 4 * i + k)).collect()).collect();
    let (b, v): (Vec<f64>, Vec<f64>) = (0..24).map(|i| (wave(200 + i), wave(300 + i))).unzip();
    folder.write("net.json", json!({"w": rows, "b": b, "v": v}).to_string());
    let number = |value: &Value| value.as_f64().unwrap();
    let exact = |result: &Value| -> Vec<Value> {
        let bounds = result["bounds"].as_array().unwrap().iter().chain(result["local"]["bounds"].as_array().unwrap());
        bounds.filter(|bound| bound["closed"].is_boolean()).cloned().collect()
    };
    let command = "certify net.json --norm 2 --box -3:3 --exact --json";
    let through = exact(&folder.tautnet(command).json());
    assert!(through.len() == 4 && through.iter().all(|bound| bound["closed"] == true), "{through:#?}");
    assert!(through.iter().all(|bound| bound["resumed"].is_null()), "{through:#?}");
    let started = exact(&folder.tautnet(&format!("{command} --resume search.json --time-limit 0.001")).json());
    assert!(started.iter().any(|bound| bound["closed"] == false), "{started:#?}");
    let resumed = exact(&folder.tautnet(&format!("{command} --resume search.json")).json());
    let again = exact(&folder.tautnet(&format!("{command} --resume search.json")).json());
    for (k, whole) in through.iter().enumerate() {
        assert!(resumed[k]["closed"] == true && resumed[k]["resumed"] == started[k]["explored"], "{resumed:#?}");
        assert!(resumed[k]["name"] == "exact, resumed" && started[k]["gap"].as_f64() >= whole["gap"].as_f64());
        assert!((number(&resumed[k]["value"]) / number(&whole["value"]) - 1.0).abs() < 1e-8, "{resumed:#?}");
        assert_eq!((&again[k]["value"], &again[k]["explored"]), (&resumed[k]["value"], &resumed[k]["explored"]));
    }
    assert!(folder.tautnet("certify net.json --norm 2 --exact --resume search.json").err.contains("no proofs"));

    let text = folder.read("search.json");
    folder.write("short.json", &text[..text.len() / 2]);
    folder.write("edited.json", text.replacen("\"pruned\":", "\"pruned\":1", 1));
    folder.write("net.json.copy", folder.read("net.json"));
    folder.write("other.json", r#"{"w": [[1, 2], [1, 1]], "b": [0, -1], "v": [1, -1]}"#);
    for (arguments, words) in [
        ("net.json --exact --resume short.json", "short.json holds no stopped search: EOF"),
        ("net.json --exact --resume edited.json", "edited.json was changed after it was written"),
        ("net.json --exact --resume net.json.copy", "net.json.copy holds no stopped search: unknown field"),
        ("other.json --exact --resume search.json", "search.json: the search that was stopped is of another network"),
        ("net.json --resume search.json", "--exact"),
    ] {
        let ran = folder.tautnet(&format!("certify {arguments}"));
        assert!(ran.code == Some(2) && ran.err.contains(words), "{arguments}: {ran:?}");
    }
    assert_eq!(folder.read("search.json"), text);
}

/// A limit on the size of files stands for a full disk: the write fails half way.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_and_leaves_nothing() {
    let folder = Folder::new();
    let numbers = |count: usize| vec!["0.123456789"; count].join(",");
    let row = format!("[{}]", numbers(50));
    let network =
        format!(r#"{{"w": [{}], "b": [{}], "v": [{}]}}"#, vec![row.as_str(); 50].join(","), numbers(50), numbers(50));
    folder.write("net.json", network);
    let fields = |k: usize| (0..50).map(|j| format!("{}", (k * 7 + j * j) % 11)).collect::<Vec<_>>().join(",");
    let rows: String = (0..4).map(|k| format!("{},{k}\n", fields(k))).collect();
    folder.write("data.csv", rows);
    let before = folder.contents();
    let script = format!(
        "trap '' 25; ulimit -f 4; exec {TAUTNET} polish net.json data.csv --quiet --time-limit 0 --out new.json"
    );
    let ran = Ran::of(folder.command("sh").args(["-c", &script]));
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.starts_with("error: new.json could not be written: File too large"), "{ran:?}");
    assert_eq!(folder.contents(), before);
}

/// Ctrl-C in the middle of a solve gives the best so far: a result, a file, and exit status 0.
#[cfg(unix)]
#[test]
fn an_interrupt_gives_the_best_so_far() {
    use std::io::{BufRead, BufReader, Read};
    use std::process::Stdio;
    let folder = Folder::new();
    // Large enough to be still at work when the first line of progress appears, a second after the start.
    let weight = |i: usize, k: usize| ((i * 37 + k * 101) % 97) as f64 / 48.0 - 1.0;
    let w: Vec<Vec<f64>> = (0..200).map(|i| (0..6).map(|k| weight(i, k)).collect()).collect();
    let numbers = |shift: usize| (0..200).map(|i| weight(i, shift)).collect::<Vec<_>>();
    folder.write("net.json", serde_json::json!({"w": w, "b": numbers(6), "v": numbers(7)}).to_string());
    let mut command = folder.command(TAUTNET);
    command.args(["polish", "net.json", "rastrigin:n=3000,d=6", "--json", "--out", "new.json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
    let interrupted = line.starts_with("iteration");
    if interrupted {
        let sent = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }
    let mut out = String::new();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{line}{out}");
    tautnet_furniture::schema::check_run(&["polish".into(), "--json".into()], None, Some(0), &out);
    let result: Value = serde_json::from_str(&out).unwrap();
    let objective = |value: &Value| value["objective"].as_f64().unwrap();
    assert!(objective(&result) <= objective(&result["before"]), "{result:#}");
    if interrupted && result["ending"] == "stopped" {
        assert_eq!(result["reason"], "interrupted");
    }
    assert_eq!(folder.tautnet("certify new.json --json").code, Some(0));
}

/// A hard limit of any size is kept: the best network scaled down, or a constant; the ending says so.
#[test]
fn a_limit_far_below_what_the_program_reaches_is_kept() {
    let folder = prepared();
    let run = "polish net.json data.csv --lipschitz-price 0 --max-lipschitz 1e-300 --json --out out.json";
    let ran = folder.tautnet(run);
    let found = ran.json();
    assert!(found["lipschitz"].as_f64().unwrap() <= 1e-300, "{found:#}");
    assert_eq!(found["ending"], "stopped", "{found:#}");
    assert!(found["reason"].as_str().unwrap().contains("limit on the bound"), "{found:#}");
}

/// Found, proved and bounded come in this order, for the rows learned from and for those held out.
#[test]
fn the_worst_case_within_a_tolerance_is_proved_row_by_row() {
    let folder = prepared();
    for flags in ["", "--tolerance-shape ball", "--tolerance a=5%+0.01 --test 0.3", "--no-standardize --test 0.3"] {
        let command = format!("polish net.json data.csv --method convex --tolerance 0.1 {flags}");
        let result = folder.tautnet(&format!("{command} --json --quiet")).json();
        for score in [&result, &result["before"]] {
            let worst_case = &score["worst_case"];
            let number = |key: &str| worst_case[key].as_f64().unwrap_or_else(|| panic!("{flags}: {key} in {score:#}"));
            let (found, proved) = (number("found"), number("proved"));
            assert!(score["loss"].as_f64().unwrap() <= found * (1.0 + 1e-12), "{flags}: {score:#}");
            assert!(found <= proved && found <= number("bound") * (1.0 + 1e-12), "{flags}: {score:#}");
            // Few rows and units: every row is known.
            assert!(proved - found <= 1e-5 * proved && number("exact_rows") >= 28.0, "{flags}: {score:#}");
            if flags.contains("--test") {
                assert!(number("test_found") <= number("test_proved"), "{flags}: {score:#}");
            }
        }
        // Labels row by row only lower the objective of the program.
        let [told, recomputed] = ["objective", "recomputed"].map(|key| result[key].as_f64().unwrap());
        assert!(recomputed <= told * (1.0 + 1e-6) && result["rounds"].as_u64().unwrap() >= 1, "{flags}: {result:#}");
        let text = folder.tautnet(&command).out;
        let lines = if flags.contains("--test") { 2 } else { 1 };
        assert_eq!(text.matches("  proved, row by row").count(), lines, "{text}");
        assert_eq!(text.matches("  found by attack").count(), lines, "{text}");
    }
    folder.tautnet("polish net.json data.csv --tolerance a=0.1 --report told.html --quiet");
    let page = std::fs::read_to_string(folder.path().join("told.html")).unwrap();
    assert!(page.contains("worst-case mean squared error within the tolerance") && page.contains("the worst cases of"));
}

/// What a tolerance cannot be is told with what would do, before anything is solved.
#[test]
fn bad_tolerances_are_refused() {
    let folder = prepared();
    for (flags, what) in [
        ("--tolerance nothing=0.5", "`nothing`"),
        ("--tolerance -1", "is negative"),
        ("--tolerance a=nan", "is no amount"),
        ("--tolerance a=5", "--method joint"),
        ("--tolerance a=any", "not built yet"),
        ("--tolerance a=5% --tolerance-shape round", "round"),
    ] {
        let method = if what.starts_with("--") { what } else { "" };
        let ran = folder.tautnet(&format!("polish net.json data.csv {flags} {method} --out never.json"));
        let told = if method.is_empty() { what } else { "`joint` was given the tolerance `a=5`" };
        assert!(
            ran.err.contains(told) && ran.err.contains("hint") || ran.err.contains("possible values"),
            "{flags}: {}",
            ran.err
        );
        assert!(!folder.path().join("never.json").exists(), "{flags}");
    }
}
