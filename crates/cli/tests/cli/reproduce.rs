//! `tautnet reproduce` and `tautnet compare`: methods side by side, and experiments that go on where they were.

use crate::run::{Folder, Ran, TAUTNET};
use serde_json::Value;

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is not a number"))
}

/// A CSV file without its column of seconds, which is the clock's.
fn timeless(text: &str) -> String {
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    let seconds = lines[0].iter().position(|name| *name == "seconds").unwrap();
    let without = |line: &Vec<&str>| [&line[..seconds], &line[seconds + 1..]].concat().join(",") + "\n";
    lines.iter().map(without).collect()
}

/// The table in a Markdown file without the times that methods took.
fn without_times(text: &str) -> String {
    let cells = |line: &str| line.rsplitn(3, " | ").last().unwrap_or_default().to_owned();
    text.lines().map(|line| if line.starts_with('|') { cells(line) } else { line.to_owned() } + "\n").collect()
}

#[test]
fn table_1_has_the_signs_that_are_theorems_and_goes_on_after_an_interrupt() {
    let folder = Folder::new();
    let result = folder.tautnet("reproduce table-1 --tier smoke --json --quiet --out whole --threads 2").json();
    let reductions = result["reductions"].as_array().unwrap();
    for name in ["c-l2", "c-lip", "joint"] {
        let own: Vec<&Value> = reductions.iter().filter(|row| row["method"] == name).collect();
        assert!(own.len() >= 6, "two sets at three prices: {result:#}");
        assert!(own.iter().all(|row| number(&row["least"]) >= -1e-4 && row["failed"] == 0), "{own:#?}");
        assert!(own.iter().all(|row| row["trials"] == 2), "{own:#?}");
    }
    for joint in reductions.iter().filter(|row| row["method"] == "joint") {
        let same = |row: &&Value| {
            row["method"] == "c-lip" && ["data", "base", "lipschitz_price"].iter().all(|key| row[key] == joint[key])
        };
        let alternating = reductions.iter().find(same).unwrap();
        assert!(number(&joint["mean"]) >= number(&alternating["mean"]) - 1e-4, "{joint:#} {alternating:#}");
    }
    assert!(
        result["claims"].as_array().unwrap().iter().all(|claim| claim["holds"] == true || claim["theorem"] == false)
    );
    let compared = reductions.iter().find(|row| row["method"] == "c-l2" && row["data"] == "machine").unwrap();
    assert_eq!(compared["paper"], serde_json::json!([9.07, 11.08, 9.74]));

    // With another number of threads, and cut off on the way, the same rows and the same table.
    let whole = folder.read("whole/table-1-smoke.csv");
    std::fs::create_dir(folder.path().join("part")).unwrap();
    let cut: usize = whole.lines().take(8).map(|line| line.len() + 1).sum::<usize>() + 11;
    folder.write("part/table-1-smoke.csv", &whole[..cut]);
    let ran = folder.tautnet("reproduce table-1 --tier smoke --out part --threads 1 --markdown table.md");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.err.contains("note: 2 of 24 trials are in part"), "{ran:?}");
    assert!(ran.out.contains("holds: joint reduces at least as much as C-lip"), "{ran:?}");
    assert_eq!(timeless(&folder.read("part/table-1-smoke.csv")), timeless(&whole));
    let table = folder.read("part/table-1-smoke.md");
    assert_eq!(without_times(&table), without_times(&folder.read("whole/table-1-smoke.md")));
    assert_eq!(table, folder.read("table.md"));
    assert!(table.contains("| machine | λ_w 0.005 | C-l2 |") && table.contains("| hidden units | 8 |"), "{table}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_whole_trials() {
    let folder = Folder::new();
    let arguments = "reproduce figure-1 --tier quick --quiet --out . --threads 1";
    let mut command = folder.command(TAUTNET);
    let command = command.args(arguments.split_whitespace());
    let child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let rows = || std::fs::read_to_string(folder.path().join("figure-1-quick.csv")).unwrap_or_default();
    while rows().lines().count() < 2 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    Ran::of(folder.command("kill").args(["-INT", &child.id().to_string()]));
    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{err}");
    assert!(err.contains("note: interrupted: ") && err.contains("the same command goes on from there"), "{err}");
    let text = rows();
    let lines: Vec<&str> = text.lines().collect();
    let trials = lines[1..].iter().filter(|line| line.contains(",base,")).count();
    assert!(text.ends_with('\n') && trials >= 1, "{text}");
    let width = lines[0].split(',').count();
    assert!(lines.iter().all(|line| line.split(',').count() == width), "{text}");
    // Each trial has its start and its methods.
    assert_eq!((lines.len() - 1) % trials, 0, "{text}");
    assert!(folder.path().join("figure-1-quick.svg").is_file());
}

#[test]
fn figure_1_names_a_winner_for_every_panel() {
    let folder = Folder::new();
    let result = folder.tautnet("reproduce figure-1 --tier smoke --json --quiet --out .").json();
    let panels = result["panels"].as_array().unwrap();
    assert!(panels.len() >= 4);
    for panel in panels {
        let scores = panel["methods"].as_array().unwrap();
        let lowest = scores.iter().min_by(|a, b| number(&a["score"]).total_cmp(&number(&b["score"]))).unwrap();
        assert_eq!(panel["best"], lowest["method"], "{panel:#}");
        for method in scores {
            let attacked = method["test_error_under_attack"].as_array().unwrap();
            let medians: Vec<f64> = attacked.iter().map(|spread| number(&spread["median"])).collect();
            assert!(medians.len() == 3 && medians.is_sorted(), "{method:#}");
        }
    }
    let svg = folder.read("figure-1-smoke.svg");
    assert!(svg.contains("machine, from SGD") && svg.contains("rastrigin, from PGD"));
    assert_eq!(&std::fs::read(folder.path().join("figure-1-smoke.png")).unwrap()[1..4], b"PNG");
}

#[test]
fn methods_are_compared_on_any_table() {
    let folder = Folder::new();
    let flags = "rastrigin:n=80 --hidden 8 --trials 2 --start sgd --method c-lip,joint --lipschitz-price 0.05";
    let result = folder.tautnet(&format!("compare {flags} --json --quiet --plot a.svg --out rows.csv")).json();
    let methods = result["methods"].as_array().unwrap();
    assert_eq!(methods.iter().map(|m| m["method"].as_str().unwrap()).collect::<Vec<_>>(), ["base", "c-lip", "joint"]);
    assert!(number(&methods[2]["objective"]["median"]) <= number(&methods[0]["objective"]["median"]));
    assert!(folder.read("a.svg").contains("rastrigin"));
    assert_eq!(folder.read("rows.csv").lines().count(), 7);
    let ran = folder.tautnet(&format!("compare {flags} --threads 1 --force --plot a.svg --out again.csv"));
    for part in ["objective: error + 0.05 · (Lipschitz bound)", "as trained", "C-lip", "attacked at 0.5"] {
        assert!(ran.code == Some(0) && ran.out.contains(part), "{part} in {ran:?}");
    }
    assert_eq!(timeless(&folder.read("again.csv")), timeless(&folder.read("rows.csv")));
    let ran = folder.tautnet(&format!("compare {flags} --plot a.svg"));
    assert!(ran.code == Some(2) && ran.err.contains("a.svg exists already"), "{ran:?}");
    let ran = folder.tautnet(&format!("compare {flags} --time-limit 0"));
    assert!(ran.code == Some(2) && ran.err.contains("time limit reached before the first trial ended"), "{ran:?}");
}

/// Two prices of one base: each has its panels, and the file says how it was made.
#[test]
fn an_experiment_of_ones_own_has_its_name_and_its_prices_in_the_results() {
    let folder = Folder::new();
    let text = include_str!("../../../../experiments/figure-1.toml").replace("value = [0.01]", "value = [0.01, 0.1]");
    let text = text.replace("{ name = \"machine\", data = \"machine\" }, ", "").replace("\"walk\"", "\"gated\"");
    folder.write("mine.toml", text.replacen("[tiers.smoke]", "[tiers.smoke]\nstart_decay = 0.01", 1));
    let command = "reproduce figure-1 --tier smoke --experiment mine.toml";
    let result = folder.tautnet(&format!("{command} --json --quiet --out .")).json();
    let panels = result["panels"].as_array().unwrap();
    let prices: Vec<f64> = panels.iter().map(|panel| number(&panel["lipschitz_price"])).collect();
    assert_eq!(prices, [0.01, 0.1, 0.01, 0.1, 0.01, 0.1]);
    assert!(panels.iter().all(|panel| panel["methods"].as_array().unwrap().len() == 5), "{panels:#?}");
    let table = folder.read("figure-1-smoke.md");
    assert!(
        table.contains(&format!("`tautnet {command}`, settings ")) && table.contains("| SGD at λ_L 0.1 |"),
        "{table}"
    );
    let svg = folder.read("figure-1-smoke.svg");
    assert!(svg.contains("from SGD at λ_L 0.01") && svg.contains("from PGD at λ_L 0.1"));
}

/// Splits of a file: found in the folder of data sets as the data are, one for each trial, and a part of what was chosen.
#[test]
fn an_experiment_takes_the_splits_of_a_file() {
    let folder = Folder::new();
    let given = "[{ name = \"mine\", data = \"mine_data\", splits = \"mine_mask\" }]";
    let text = include_str!("../../../../experiments/table-1-given-splits.toml");
    let smoke = text.find("[tiers.smoke]").unwrap();
    let from = smoke + text[smoke..].find("data = ").unwrap();
    let line = from + text[from..].find('\n').unwrap();
    folder.write("mine.toml", [&text[..from], "data = ", given, &text[line..]].concat());
    let rows = |field: fn(usize) -> String| (0..20).map(|k| field(k) + "\n").collect::<String>();
    folder.write("mine_data.csv", rows(|k| format!("{},{},{}", k % 5, k * k % 7, k % 3)));
    let command = "reproduce table-1 --tier smoke --experiment mine.toml --data-dir . --json --quiet --out";
    let run = |mask: String, out: &str| {
        folder.write("mine_mask.csv", mask);
        folder.tautnet(&format!("{command} {out}"))
    };
    let own = run(rows(|k| format!("{},{}", u8::from(k < 2), u8::from(k == 7))), "own").json();
    let other = run(rows(|k| format!("{},{}", u8::from(k < 3), u8::from(k == 7))), "other").json();
    assert_ne!(own["settings"], other["settings"], "the splits are a part of the settings");
    assert_ne!(own["reductions"], other["reductions"]);
    assert!(folder.read("own/table-1-smoke.md").contains("mine = mine_data by mine_mask"));
    for (mask, what) in [
        (rows(|k| format!("{}", u8::from(k < 2))), "there are 1 splits for 2 trials"),
        (rows(|k| format!("{},2", u8::from(k < 2))), "the split 2 has 2 in row 1"),
        (rows(|k| format!("{},out", u8::from(k < 2))), "the column `column_2` has words"),
        ("0,1\n1,0\n".into(), "the split 1 has 2 rows and the data have 20"),
    ] {
        let ran = run(mask, "out");
        assert!(ran.code == Some(2) && ran.err.contains(what) && ran.err.contains("mine_mask.csv"), "{what}: {ran:?}");
        assert!(!folder.path().join("out").exists());
    }
}

#[test]
fn without_a_price_of_the_weights_what_needs_one_is_left_out() {
    let folder = Folder::new();
    let ran = folder.tautnet("compare rastrigin:n=40 --hidden 4 --trials 1 --start sgd --decay 0 --json --quiet");
    assert!(ran.err.contains("note: left out: the method `gated` needs a price of the weights"), "{ran:?}");
    let result = ran.json();
    let methods = result["methods"].as_array().unwrap();
    assert!(methods.iter().all(|method| method["failed"] == 0), "{methods:#?}");
    let has = |name: &str| methods.iter().any(|method| method["method"] == name);
    assert!(has("joint") && has("c-l2") && !has("gated") && !has("relu-al"), "{methods:#?}");
}

#[test]
fn what_cannot_be_run_is_told_before_any_work() {
    let folder = Folder::new();
    let refused = |arguments: &str, err: &str| {
        let ran = folder.tautnet(arguments);
        assert_eq!(ran.code, Some(2), "{arguments}: {ran:?}");
        assert!(ran.err.contains(err), "{arguments}: {err} in {ran:?}");
        assert!(!folder.path().join("out").exists(), "{arguments}");
    };
    folder.write("bad.toml", "title = \"a\"\nwhat = 1\n");
    refused(
        "reproduce table-1 --experiment bad.toml --out out",
        "error: bad.toml: line 2, column 1: unknown field `what`",
    );
    refused("reproduce table-1 --experiment none.toml --out out", "error: none.toml could not be read");
    refused("reproduce table-2 --out out", "invalid value 'table-2'");
    refused("reproduce table-1 --tier huge --out out", "invalid value 'huge'");
    refused("compare machine --method jiont", "invalid value 'jiont'");
    refused("compare machine --radius 0.2,0.1", "the radii [0.2, 0.1] do not increase");
    refused("compare machine --test 1", "it must be between 0 and 1");
    refused("compare machine --method joint,joint", "the method `joint` is named twice for `sgd`");
    refused("compare machine --start sgd,sgd", "two arms start from `sgd`");
    refused(
        "compare machine --decay 0 --method gated",
        "the method `gated` needs a price of the weights, and λ_w is 0",
    );
    let ran = Ran::of(
        folder
            .command(TAUTNET)
            .args("reproduce table-1 --tier paper --data-dir . --out out".split(' '))
            .env("XDG_CACHE_HOME", "/nowhere"),
    );
    assert!(ran.code == Some(2) && ran.err.contains("hint: fetch it with `tautnet data fetch servo`"), "{ran:?}");
    assert!(!folder.path().join("out").exists());

    folder.write("taken", "");
    refused("reproduce table-1 --tier smoke --out taken", "the folder taken could not be made");
    // Rows of other settings are left alone.
    assert_eq!(folder.tautnet("reproduce figure-1 --tier smoke --quiet --out .").code, Some(0));
    let other = folder.read("figure-1-smoke.csv").replace("figure-1-smoke", "");
    let settings = other.lines().nth(1).unwrap().split(',').next().unwrap().to_owned();
    folder.write("figure-1-smoke.csv", other.replace(&settings, "0123456789abcdef"));
    refused(
        "reproduce figure-1 --tier smoke --out .",
        "holds rows of other settings: 0123456789abcdef where these are",
    );
    assert_eq!(folder.tautnet("reproduce figure-1 --tier smoke --quiet --force --out .").code, Some(0));
}

#[test]
fn robust_classification_goes_on_where_it_was_and_leaves_out_what_is_not_there() {
    let folder = Folder::new();
    let result = folder.tautnet("reproduce robust-classification --tier smoke --json --quiet --out whole").json();
    let networks = result["networks"].as_array().unwrap();
    let names: Vec<&str> = networks.iter().map(|row| row["method"].as_str().unwrap()).collect();
    assert_eq!(names, ["gd-std", "gd-fgsm", "gd-pgd", "published", "soft-clean", "soft-pgd"]);
    for row in networks {
        let shares = ["proved", "pgd", "fgsm", "clean"].map(|key| number(&row[key]));
        assert!(shares.is_sorted() && shares[0] > 0.5 && row["trials"] == 2 && row["failed"] == 0, "{row:#}");
    }
    let claims = result["claims"].as_array().unwrap();
    assert!(claims.iter().all(|claim| claim["holds"] == true), "{claims:#?}");
    assert_eq!(claims.iter().filter(|claim| claim["theorem"] == true).count(), 3);

    // Cut off on the way, on one thread and with a set that is not on this machine: the same rows.
    let whole = folder.read("whole/robust-classification-smoke.csv");
    let text = include_str!("../../../../experiments/robust-classification.toml");
    let images = "{ name = \"digits\", data = \"mnist:3,8,n=60\", standardized = false, radius = 0.04 }";
    let (head, smoke) = text.split_once("[tiers.smoke]").unwrap();
    let mine = format!("{head}[tiers.smoke]{}", smoke.replacen("data = [", &format!("data = [{images}, "), 1));
    folder.write("mine.toml", mine);
    std::fs::create_dir(folder.path().join("part")).unwrap();
    let cut = whole.find("breast,1,").unwrap() + 20;
    folder.write("part/robust-classification-smoke.csv", &whole[..cut]);
    let command = "reproduce robust-classification --tier smoke --experiment mine.toml --data-dir . --out part --threads 1 --markdown table.md";
    let ran = folder.tautnet(command);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for part in
        ["the data set `digits` is left out: mnist:3,8,n=60 is not on this machine", "1 of 4 trials are in part"]
    {
        assert!(ran.err.contains(part), "{part} in {ran:?}");
    }
    for part in ["holds: the share proved right", "P_s of the formula", "soft-pgd"] {
        assert!(ran.out.contains(part), "{part} in {ran:?}");
    }
    assert_eq!(timeless(&folder.read("part/robust-classification-smoke.csv")), timeless(&whole));
    assert!(folder.read("table.md").contains("| patterns | 4 | this tier: Are all parts connected?"));

    // Nothing but what is not there, and a tier that there is not.
    let (head, tiers) =
        folder.read("mine.toml").split_once("[tiers.smoke]").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let (_, tail) = tiers.split_once('\n').unwrap();
    let start = tail.find("data = [").unwrap();
    let end = start + tail[start..].find('\n').unwrap();
    let tail = format!("{}data = [{images}]{}", &tail[..start], &tail[end..]);
    folder.write("none.toml", format!("{head}[tiers.smoke]\n{tail}"));
    let none = command.replace("mine.toml", "none.toml");
    for (command, what) in [
        (none.as_str(), "none of the data sets is on this machine"),
        (
            "reproduce robust-classification --tier high --out high --data-dir .",
            "none of the data sets is on this machine",
        ),
    ] {
        let ran = folder.tautnet(command);
        assert!(ran.code == Some(2) && ran.err.contains(what), "{what}: {ran:?}");
    }
}

#[test]
fn the_trivial_bound_goes_on_where_it_was_and_needs_no_data_for_the_obstructions() {
    let folder = Folder::new();
    let result = folder.tautnet("reproduce trivial-bound --tier smoke --json --quiet --out whole").json();
    for row in result["examples"].as_array().unwrap() {
        let [found, exact, bound] = ["found", "exact", "bound"].map(|key| number(&row[key]));
        assert!(found <= exact && exact <= bound && found > 0.999 * exact, "{row:#}");
        assert_eq!(bound / exact > 1.4, row["side"] == "obstruction", "{row:#}");
    }
    let networks = result["networks"].as_array().unwrap();
    assert_eq!(networks.len(), 11);
    for row in networks {
        let [found, bound, clean] = ["found", "bound", "clean"].map(|key| number(&row[key]));
        let proved: Vec<f64> = row["proved"].as_array().unwrap().iter().map(number).collect();
        assert!(found <= bound && proved.len() == 2 && clean >= proved[0], "{row:#}");
        assert!(proved[0] >= proved[1] && row["trials"] == 1 && row["failed"] == 0, "{row:#}");
    }
    let claims = result["claims"].as_array().unwrap();
    assert!(claims.iter().all(|claim| claim["holds"] == true), "{claims:#?}");
    assert_eq!(claims.iter().filter(|claim| claim["theorem"] == true).count(), 3);

    // Cut off on the way, on one thread and with a set that is not on this machine: the same rows.
    let whole = folder.read("whole/trivial-bound-smoke.csv");
    let text = include_str!("../../../../experiments/trivial-bound.toml");
    let images = "{ name = \"digits\", data = \"mnist:n=60\", standardized = false }";
    let iris = "{ name = \"iris\", data = \"iris\", standardized = true }";
    assert!(text.contains(iris));
    folder.write("mine.toml", text.replace(iris, &format!("{iris}, {images}")));
    std::fs::create_dir(folder.path().join("part")).unwrap();
    let cut = whole.find("iris,0,price,").unwrap() + 20;
    folder.write("part/trivial-bound-smoke.csv", &whole[..cut]);
    let command = "reproduce trivial-bound --tier smoke --experiment mine.toml --data-dir . --out part --threads 1 --markdown table.md";
    let ran = folder.tautnet(command);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for part in ["the data set `digits` is left out: mnist:n=60 is not on this machine", "2 of 11 trials are in part"] {
        assert!(ran.err.contains(part), "{part} in {ran:?}");
    }
    for part in ["holds: no Jacobian that was found is above U", "Three obstructions", "Norm inf: right of"] {
        assert!(ran.out.contains(part), "{part} in {ran:?}");
    }
    assert_eq!(timeless(&folder.read("part/trivial-bound-smoke.csv")), timeless(&whole));
    assert!(folder.read("table.md").contains("| layers | 8, 8 | this tier: Are all parts connected?"));

    // Without the images the obstructions are left, which need no data.
    let ran = folder.tautnet("reproduce trivial-bound --tier quick --data-dir . --out none");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.err.contains("the data set `mnist` is left out") && ran.out.contains("dead units"), "{ran:?}");
    assert!(!ran.out.contains("Norm 2"), "{ran:?}");
}

#[test]
fn what_the_trivial_bound_cannot_run_is_told_before_any_work() {
    let folder = Folder::new();
    let text = include_str!("../../../../experiments/trivial-bound.toml");
    folder.write("nowhere.toml", text.replace("data = \"iris\"", "data = \"nowhere.csv\""));
    folder.write("wide.toml", text.replace("layers = [8, 8]", "layers = [8, 0]"));
    folder.write("maps.toml", text.replace("map = \"abs\"", "map = \"absolute\""));
    folder.write("empty.toml", "");
    folder.write("cut.toml", &text[..text.len() / 2]);
    for (arguments, what) in [
        ("--tier huge", "invalid value 'huge'"),
        ("--tier smoke --experiment none.toml", "none.toml could not be read"),
        ("--tier smoke --experiment nowhere.toml", "nowhere.csv"),
        ("--tier smoke --experiment wide.toml", "the layers are [8, 0]"),
        ("--tier smoke --experiment maps.toml", "absolute"),
        ("--tier smoke --experiment empty.toml", "missing field `title`"),
        ("--tier smoke --experiment cut.toml", "error: cut.toml"),
        ("--tier smoke --time-limit 0", "time limit reached before the first trial ended"),
    ] {
        let ran = folder.tautnet(&format!("reproduce trivial-bound {arguments} --out out"));
        assert!(ran.code == Some(2) && ran.err.contains(what), "{what}: {ran:?}");
        assert!(!folder.path().join("out/trivial-bound-smoke.md").exists(), "{arguments}");
    }
}
