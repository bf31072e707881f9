//! Data sets by name, and rows held out.

use crate::run::{Folder, Ran, TAUTNET};

#[test]
fn built_in_sets_and_sets_in_a_folder_have_names() {
    let folder = Folder::new();
    folder.write("net.json", r#"{"w": [[1, -1, 0, 0, 1, 2]], "b": [0], "v": [1]}"#);
    assert_eq!(folder.tautnet("polish net.json machine --json").code, Some(0));
    let shown = folder.tautnet("data show rastrigin:n=10,d=3 --json").json();
    assert_eq!((shown["rows"].as_u64(), shown["columns"].as_array().unwrap().len()), (Some(10), 4));

    std::fs::create_dir_all(folder.path().join("sets/uci")).unwrap();
    let flares = "zurich_class,area,target_c,target_m,target_x\nH,1,0,0,0\nD,1,2,1,0\nC,2,1,0,1\n";
    folder.write("sets/uci/solar_flare.csv", flares);
    folder.write("net4.json", r#"{"w": [[1, -1, 0, 1]], "b": [0], "v": [1]}"#);
    // Of the three targets one is the target and none an input.
    for target in ["", "--target target_m"] {
        let ran = folder.tautnet(&format!("polish net4.json solar --data-dir sets --json {target}"));
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
    let ran = Ran::of(folder.command(TAUTNET).args(["data", "show", "solar"]).env("TAUTNET_DATA", "sets"));
    assert!(ran.out.contains("zurich_class") && ran.out.contains("C D H"), "{ran:?}");
    let list = folder.tautnet("data list --data-dir sets --json").json();
    let place = |name: &str| {
        let sets = list["sets"].as_array().unwrap();
        sets.iter().find(|set| set["name"] == name).unwrap()["place"].clone()
    };
    assert_eq!(place("machine"), "built in");
    assert!(place("solar_flare").as_str().unwrap().ends_with("solar_flare.csv"));
    assert!(folder.tautnet("data list --data-dir none").out.contains("tautnet data fetch servo"));
}

/// Rows held out are drawn by the seed, or come from another table.
#[test]
fn rows_are_held_out_by_fraction_or_file() {
    let folder = Folder::new();
    folder.write("net.json", r#"{"w": [[1, -1, 0, 0, 1, 2]], "b": [0], "v": [1]}"#);
    let run = |flags: &str| {
        let mut result = folder.tautnet(&format!("polish net.json machine --json {flags}")).json();
        result["seconds"] = serde_json::Value::Null;
        result
    };
    assert!(run("").get("test_loss").is_none());
    let held = run("--test 0.2 --seed 1");
    assert!(held["test_loss"].is_f64() && held["before"]["test_loss"].is_f64());
    assert_eq!(held, run("--test 0.2 --seed 1"));
    assert_ne!(held["before"], run("--test 0.2 --seed 2")["before"]);
    // Tested on its own rows, the test error is the training error.
    let own = run("--test machine");
    let (test, train) = (own["test_loss"].as_f64().unwrap(), own["loss"].as_f64().unwrap());
    assert!((test - train).abs() < 1e-9 * train, "{own:#}");
}

/// Where the public sets lie beside the project (or in `TAUTNET_DATA`), their bytes are the ones that fetching demands.
#[test]
fn public_sets_at_hand_have_the_checksums_of_the_catalogue() {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");
    let folder = std::env::var("TAUTNET_DATA").unwrap_or_else(|_| beside.to_owned());
    for set in tautnet_tables::public_data::SETS {
        let path = std::path::Path::new(&folder).join("uci").join(format!("{}.csv", set.name));
        let Ok(bytes) = std::fs::read(&path) else {
            eprintln!("skipped: {} is not here", path.display());
            continue;
        };
        set.check(&bytes).unwrap();
        let lines = std::str::from_utf8(&bytes).unwrap().lines().collect::<Vec<_>>();
        assert_eq!((lines[0], lines.len()), (set.columns.join(",").as_str(), set.rows + 1));
        let shown = Folder::new().tautnet(&format!("data show {} --data-dir {folder} --json", set.name)).json();
        assert!(shown["columns"].as_array().unwrap().iter().all(|column| column["kind"] != "unusable"), "{shown:#}");
    }
}
