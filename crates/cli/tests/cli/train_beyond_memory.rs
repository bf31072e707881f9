//! `train` on files that are read in blocks: the same bytes whatever the memory, the threads and the files, the optimum of the rows in memory, and
//! what is wrong told with file and row.

use crate::run::Folder;
use std::fmt::Write as _;
use std::ops::Range;

/// More rows than a shard has.
const ROWS: usize = 70_000;

fn line(k: usize) -> String {
    let x = |j: usize| ((7 * k + 13 * j * j + k * j) % 1009) as f64 / 500.0 - 1.0;
    let y = x(0).abs() - (x(1) + 0.3).max(0.0) + ((k * k) % 97) as f64 / 300.0;
    format!("{},{},{},{y}\n", x(0), x(1), ["low", "high"][k % 5 / 3])
}

fn write_rows(folder: &Folder, name: &str, rows: Range<usize>) {
    folder.write(name, rows.fold("a,b,level,y\n".to_owned(), |text, k| text + &line(k)));
}

const ASKED: &str = "--hidden 6 --start random --lipschitz-price 0.02 --quiet --force";

#[test]
fn a_model_has_the_same_bytes_whatever_the_memory_the_threads_and_the_files() {
    let folder = Folder::new();
    write_rows(&folder, "whole.csv", 0..ROWS);
    for (name, rows) in [("part-1.csv", 0..10), ("part-2.csv", 10..66_000), ("part-3.csv", 66_000..ROWS)] {
        write_rows(&folder, name, rows);
    }
    folder.write("part-4.csv", "a,b,level,y\n");
    let mut models = Vec::new();
    // 230 MiB leave no room for the rows beside the shards that are worked on: they are kept in a temporary file.
    for (data, how) in [
        ("whole.csv", "--memory 1GiB"),
        ("whole.csv", "--memory 230MiB --threads 1"),
        ("whole.csv", "--memory 1GiB --threads 3"),
        ("'part-*.csv'", ""),
    ] {
        let data = data.trim_matches('\'');
        let ran = folder.tautnet(&format!("train {data} {ASKED} {how} --test 0.1 --out m.json --json"));
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let json = ran.json();
        assert_eq!(json["ending"], "solved", "{json}");
        assert!(json["duality_gap"].as_f64().unwrap() < 1e-7);
        let rows = (json["rows"]["learned"].as_u64().unwrap(), json["rows"]["held_out"].as_u64().unwrap());
        assert!(rows.0 + rows.1 == ROWS as u64 && (6_500..7_500).contains(&rows.1), "{rows:?}");
        assert!(json["beyond_memory"]["passes"].as_u64().unwrap() >= 3);
        assert_eq!(json["beside"]["verdict"], "better", "{}", json["beside"]);
        let mut model: serde_json::Value = serde_json::from_str(&folder.read("m.json")).unwrap();
        for key in ["data", "threads"] {
            model["settings"].as_object_mut().unwrap().remove(key);
        }
        models.push(model);
    }
    assert!(models.windows(2).all(|pair| pair[0] == pair[1]), "{:?}", models[0]["objective"]);
}

/// What is told of the rows is what the rows in memory say of the model.
#[test]
fn the_objective_is_that_of_the_rows_in_memory() {
    let folder = Folder::new();
    write_rows(&folder, "whole.csv", 0..3_000);
    let far = folder.tautnet(&format!("train whole.csv {ASKED} --memory 1GiB --out far.json --json")).json();
    let near =
        folder.tautnet("polish far.json whole.csv --lipschitz-price 0.02 --decay 0.01 --method joint --json").json();
    let (far, before, after) = (&far["objective"], &near["before"]["objective"], near["objective"].as_f64().unwrap());
    let (far, before) = (far.as_f64().unwrap(), before.as_f64().unwrap());
    assert!((far - before).abs() < 1e-9 * far, "{far} {before}");
    // Rows on a boundary may be on its other side for a second polish, so that it may find better.
    assert!(after <= before, "{after} {before}");
}

/// At another price a model is polished on the rows of files as in memory, and from a pattern to the same bytes as from one file.
#[test]
fn a_model_is_polished_on_rows_beyond_memory() {
    let folder = Folder::new();
    write_rows(&folder, "whole.csv", 0..3_000);
    write_rows(&folder, "part-1.csv", 0..1_000);
    write_rows(&folder, "part-2.csv", 1_000..3_000);
    let trained = folder.tautnet(&format!("train whole.csv {ASKED} --memory 1GiB --out m.json"));
    assert_eq!(trained.code, Some(0), "{trained:?}");
    let asked = "--lipschitz-price 0.2 --decay 0.001 --method joint --force";
    let near = folder.tautnet(&format!("polish m.json whole.csv {asked} --json")).json();
    let far = folder.tautnet(&format!("polish m.json whole.csv {asked} --memory 1GiB --out one.json --json")).json();
    for key in ["objective", "lipschitz"] {
        let (near, far) = (near[key].as_f64().unwrap(), far[key].as_f64().unwrap());
        assert!((near - far).abs() < 1e-5 * near, "{key}: {near} {far}");
    }
    assert!(far["objective"].as_f64() < far["before"]["objective"].as_f64(), "{far}");
    assert!(far["beyond_memory"]["passes"].as_u64().unwrap() >= 3 && far["ending"] == "solved");
    let parts = folder.tautnet(&format!("polish m.json part-*.csv {asked} --out two.json"));
    assert!(parts.code == Some(0) && parts.out.contains("All rows were gone through"), "{parts:?}");
    let network = |name: &str| -> serde_json::Value { serde_json::from_str(&folder.read(name)).unwrap() };
    assert_eq!(network("one.json")["network"], network("two.json")["network"]);
    let huber = "train whole.csv --hidden 3 --start random --lipschitz-price 0.1 --loss huber:0.5 --tol 1e-2 --quiet";
    assert_eq!(folder.tautnet(&format!("{huber} --out huber.json")).code, Some(0));
    folder.write("plain.json", r#"{"w": [[1, 0, 0, 0]], "b": [0], "v": [1], "c": 0}"#);
    for (arguments, what) in [
        ("plain.json whole.csv --memory 1GiB", "is a plain network"),
        ("m.json part-*.csv --tolerance 0.1sd --method robust-cells", "within a tolerance needs all rows in memory"),
        ("m.json part-*.csv --tolerance 0.1sd --max-lipschitz 1", "a limit of the bound within a tolerance"),
        ("m.json part-*.csv --tolerance a=1%+0.1 --tolerance-shape ball", "another size in every row"),
        ("m.json part-*.csv --tolerance nothing=1", "nothing"),
        ("m.json part-*.csv --tolerances missing.toml", "missing.toml"),
        ("m.json part-*.csv --method walk", "the method `walk` needs all rows in memory"),
        // What a model was made by stays its loss.
        ("huber.json part-*.csv", "the loss `huber:0.5` needs all rows in memory"),
    ] {
        let ran = folder.tautnet(&format!("polish {arguments}"));
        assert!(ran.code == Some(2) && ran.err.contains(what), "{arguments}: {ran:?}");
    }
}

/// Within a tolerance, too: to the gap that passes over rows come to, the optimum is that of rows in memory.
#[test]
fn a_model_is_polished_within_a_tolerance_on_rows_beyond_memory() {
    let folder = Folder::new();
    write_rows(&folder, "whole.csv", 0..3_000);
    write_rows(&folder, "part-1.csv", 0..1_000);
    write_rows(&folder, "part-2.csv", 1_000..3_000);
    let trained = folder.tautnet(&format!("train whole.csv {ASKED} --memory 1GiB --out m.json"));
    assert_eq!(trained.code, Some(0), "{trained:?}");
    folder.write("tolerances.toml", "a = \"4%+0.02\"\nb = \"0.1sd\"\n");
    let asked = "--tolerances tolerances.toml --decay 0.001 --rounds 1 --tol 1e-5 --force";
    let near = folder.tautnet(&format!("polish m.json whole.csv {asked} --json")).json();
    let far = folder.tautnet(&format!("polish m.json whole.csv {asked} --memory 1GiB --out one.json --json")).json();
    let objective = |of: &serde_json::Value| of["objective"].as_f64().unwrap();
    assert!((objective(&near) - objective(&far)).abs() < 3e-5 * objective(&near), "{near} {far}");
    assert!(far["duality_gap"].as_f64().unwrap() <= 1e-5 && far["ending"] == "solved", "{far}");
    let (before, after) = (&far["before"]["worst_case"], &far["worst_case"]);
    for of in [before, after] {
        assert!(of["found"].as_f64() <= of["bound"].as_f64() && of.get("proved").is_none(), "{of}");
    }
    assert!(after["bound"].as_f64() < before["bound"].as_f64());
    assert!(far["beyond_memory"]["passes"].as_u64().unwrap() >= 10, "{far}");
    let parts = folder.tautnet(&format!("polish m.json part-*.csv {asked} --threads 1 --out two.json"));
    assert!(parts.code == Some(0) && parts.out.contains("within the tolerance, at most"), "{parts:?}");
    let network = |name: &str| -> serde_json::Value { serde_json::from_str(&folder.read(name)).unwrap() };
    assert_eq!(network("one.json")["network"], network("two.json")["network"]);
    // The model that was written knows its tolerance.
    let attacked = folder.tautnet("attack one.json part-*.csv --json").json();
    assert_eq!(attacked["tolerance"], serde_json::json!(["a=4%+0.02", "b=0.1sd"]), "{attacked}");
    // Rows held out, in words and for programs.
    let held_out = format!("polish m.json part-*.csv {asked} --test 0.2");
    assert!(folder.tautnet(&held_out).out.contains("  at most, rows held out"));
    let held_out = folder.tautnet(&format!("{held_out} --json")).json();
    let of = &held_out["worst_case"];
    assert!(of["test_found"].as_f64() <= of["test_bound"].as_f64() && of["test_bound"].is_number(), "{of}");
}

#[test]
fn text_tells_of_all_rows_and_of_the_passes() {
    let folder = Folder::new();
    write_rows(&folder, "rows.csv", 0..500);
    let ran = folder.tautnet("train rows.csv --hidden 5 --start random --lipschitz-price 0.02 --memory 1GiB");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for part in ["500 rows to learn from", "All rows were gone through", "a linear model", "solved at λ = 0.02"] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    // The price is chosen on a sample where none is given.
    let ran = folder.tautnet("train rows.csv --hidden 4 --start random --memory 1GiB --json");
    assert!(ran.json()["price"].as_f64().is_some(), "{ran:?}");
}

/// A network for a tolerance: the same bytes from one file and from several, with any number of threads, and what is told of it.
#[test]
fn a_network_for_a_tolerance_is_chosen_on_rows_beyond_memory() {
    let folder = Folder::new();
    write_rows(&folder, "whole.csv", 0..400);
    write_rows(&folder, "part-1.csv", 0..150);
    write_rows(&folder, "part-2.csv", 150..400);
    let asked = "--hidden 3 --decay 0.01 --quiet --force --test 0.2";
    let mut models = Vec::new();
    for (data, how) in [("whole.csv", "--memory 1GiB"), ("part-*.csv", "--threads 1")] {
        let ran = folder.tautnet(&format!("train {data} {asked} --tolerance a=0.05 {how} --out m.json --json"));
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let json = ran.json();
        assert_eq!(json["rows"]["learned"].as_u64().unwrap() + json["rows"]["held_out"].as_u64().unwrap(), 400);
        assert_eq!(json["tolerance"]["user_units"]["a"], serde_json::json!([0.05, 0.05]), "{json}");
        assert_eq!(json["beyond_memory"]["sample"], json["rows"]["learned"]);
        let at = &json["held_out"]["result"];
        let (clean, found, proved) = (&at["clean"], &at["found"], &at["proved"]);
        assert!(clean.as_f64() <= found.as_f64() && found.as_f64() <= proved.as_f64(), "{at}");
        let mut model: serde_json::Value = serde_json::from_str(&folder.read("m.json")).unwrap();
        for key in ["data", "threads"] {
            model["settings"].as_object_mut().unwrap().remove(key);
        }
        models.push(model);
    }
    assert_eq!(models[0], models[1]);
    // What the model knows of the inputs is used by others.
    let ran = folder.tautnet("attack m.json whole.csv --json");
    assert!(ran.code == Some(0) && ran.json()["tolerance"] == serde_json::json!(["a=0.05"]), "{ran:?}");
    // From files in blocks it is the same.
    let (whole, parts) = (ran.json(), folder.tautnet("attack m.json part-*.csv --json").json());
    for (one, other) in whole["sizes"].as_array().unwrap().iter().zip(parts["sizes"].as_array().unwrap()) {
        assert_eq!(one["exact_rows"], other["exact_rows"]);
        for (key, sign) in [("found", 1.0), ("proved", -1.0)] {
            let (one, other) = (one[key].as_f64().unwrap(), other[key].as_f64().unwrap());
            assert!((one - other).abs() <= 1e-13 * one && sign * (one - other) >= 0.0, "{key}: {one} {other}");
        }
    }
    assert_eq!((&parts["rows"], &parts["tolerance"]), (&whole["rows"], &whole["tolerance"]));
    folder.write("plain.json", r#"{"w": [[1, 0, 0, 0]], "b": [0], "v": [1], "c": 0}"#);
    for (arguments, what) in [
        ("m.json part-*.csv --radius 0.1", "`--radius` needs all rows in memory"),
        ("m.json part-*.csv --tolerance 0", "and there is none"),
        ("plain.json part-*.csv --tolerance 0.1sd", "is a plain network"),
        ("m.json nothing-*.csv", "nothing-*.csv"),
    ] {
        let ran = folder.tautnet(&format!("attack {arguments}"));
        assert!(ran.code == Some(2) && ran.err.contains(what), "{arguments}: {ran:?}");
    }
    // Two classes, a tolerance from a file, and nothing said of it.
    folder.write("tolerances.toml", "a = \"0.1sd\"\n");
    let classes = format!("train part-*.csv {asked} --target level --tolerances tolerances.toml");
    let ran = folder.tautnet(&classes);
    assert!(ran.code == Some(0) && ran.out.contains("taken for a class: `high` or `low`"), "{ran:?}");
    let ran = folder.tautnet("train part-*.csv --hidden 3 --decay 0.01 --test 0.2");
    for part in ["since nothing was said", "chosen on all rows", "an attack found"] {
        assert!(ran.out.contains(part), "{part}: {ran:?}");
    }
}

/// More rows than the sample has: the same bytes on any threads and from any files, and never worse on all rows.
#[test]
fn a_chosen_network_goes_on_over_all_rows() {
    let folder = Folder::new();
    let line = |k: usize| {
        let x = ((7 * k) % 1009) as f64 / 500.0 - 1.0;
        format!("{x},{}\n", x.abs() + ((k * k) % 97) as f64 / 300.0)
    };
    for (name, rows) in [("part-1.csv", 0..300), ("part-2.csv", 300..17_500), ("whole.csv", 0..17_500)] {
        folder.write(name, rows.fold("a,y\n".to_owned(), |text, k| text + &line(k)));
    }
    let asked = "--hidden 1 --decay 0.01 --test 0.02 --tolerance 0.05 --force";
    let ran = folder.tautnet(&format!("train whole.csv --memory 1GiB {asked} --quiet --out one.json --json"));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let beyond = &ran.json()["beyond_memory"];
    assert!(beyond["steps"].as_u64() == Some(256) && beyond["sample"].as_u64() == Some(16_384), "{beyond}");
    for rows in ["learned", "held_out"] {
        let of = |network: &str, error: &str| beyond[network][rows][error].as_f64().unwrap();
        for network in ["start", "result"] {
            let [clean, found, bound] = ["clean", "found", "bound"].map(|error| of(network, error));
            assert!(clean < found && found <= bound, "{beyond}");
        }
        assert!(rows == "held_out" || of("result", "found") <= of("start", "found"), "{beyond}");
    }
    let ran = folder.tautnet(&format!("train part-*.csv --threads 1 {asked} --out two.json"));
    for part in ["chosen on a sample of 16384 rows", "256 steps", "On all rows held out, `y`", "before these steps"] {
        assert!(ran.out.contains(part), "{part}: {ran:?}");
    }
    let network = |name: &str| -> serde_json::Value { serde_json::from_str(&folder.read(name)).unwrap() };
    assert_eq!(network("one.json")["network"], network("two.json")["network"]);
}

#[test]
fn what_is_wrong_is_told_with_file_and_row_and_leaves_nothing() {
    let folder = Folder::new();
    write_rows(&folder, "part-1.csv", 0..300);
    write_rows(&folder, "part-2.csv", 300..400);
    let mut bad = "a,b,level,y\n".to_owned();
    (400..420).for_each(|k| bad += &line(k));
    let _ = writeln!(bad, "1,NaN,low,3");
    folder.write("bad-3.csv", &bad);
    let refused = |arguments: &str| {
        let ran = folder.tautnet(&format!("train {arguments} --quiet --out no.json"));
        assert!(ran.code == Some(2) && !folder.path().join("no.json").exists(), "{arguments}: {ran:?}");
        ran.err
    };
    let price = "--hidden 5 --lipschitz-price 0.1";
    for (arguments, what) in [
        (format!("bad-3.csv {price} --memory 1GiB"), "bad-3.csv: row 21 (line 22), column `b` is missing"),
        (format!("*-?.csv {price}"), "bad-3.csv: row 21"),
        (format!("part-*.csv {price} --tolerance 0.1sd"), "tolerance"),
        ("part-*.csv --tolerance nothing=1".to_owned(), "the table has no such input"),
        ("part-*.csv --tolerance a=5%".to_owned(), "but the values go from -1"),
        (format!("part-*.csv {price} --memory 1MiB"), "1 MiB of memory are not enough"),
        (format!("part-*.csv {price} --memory 1GiB --report r.html"), "needs all rows in memory"),
        (format!("part-*.csv {price} --loss absolute"), "the loss `absolute` needs all rows in memory"),
        (format!("part-*.csv {price} --method walk"), "the method `walk` needs all rows in memory"),
        (format!("part-*.csv {price} --target level"), "the loss `logistic` needs all rows in memory"),
        (format!("part-*.csv {price} --target nothing"), "has no column `nothing`"),
        (format!("machine {price} --memory 1GiB"), "no file that can be read a block at a time"),
        (format!("part-*.csv {price} --cache ."), "--memory"),
    ] {
        let told = refused(&arguments);
        assert!(told.contains(what), "{arguments}: {told}");
    }
}
