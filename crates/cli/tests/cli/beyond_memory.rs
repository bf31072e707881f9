//! `predict` on files that are read in blocks: the same predictions as of the table in memory, and what is wrong told with file and row.

use crate::run::Folder;
use serde_json::Value;
use std::fmt::Write as _;
use std::io::Write as _;
use tautnet_tables::{ReadOptions, Table, Values};

const INPUTS: usize = 8;

/// More rows than a block has.
const ROWS: usize = 70_000;

fn header() -> String {
    (0..INPUTS).map(|j| format!("x{j}")).collect::<Vec<_>>().join(",")
}

fn row(k: usize) -> String {
    let value = |j: usize| ((7 * k + 13 * j * j + k * j) % 1009) as f64 / 500.0 - 1.0;
    (0..INPUTS).map(|j| value(j).to_string()).collect::<Vec<_>>().join(",")
}

/// A folder with a model of so many units.
fn with_model(units: usize) -> Folder {
    let folder = Folder::new();
    let mut text = header() + ",y\n";
    for k in 0..60 {
        let _ = writeln!(text, "{},{}", row(17 * k), (k * k % 23) as f64 / 7.0);
    }
    folder.write("train.csv", &text);
    let ran = folder.tautnet(&format!(
        "train train.csv --target y --start random --hidden {units} --lipschitz-price 0.1 --tol 1e-1 --out m.json --quiet"
    ));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    folder
}

fn write_rows(folder: &Folder, name: &str, rows: std::ops::Range<usize>) {
    folder.write(name, header() + "\n" + &rows.map(|k| row(k) + "\n").collect::<String>());
}

fn pack(folder: &Folder, name: &str) {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&std::fs::read(folder.path().join(name)).unwrap()).unwrap();
    std::fs::write(folder.path().join(format!("{name}.gz")), encoder.finish().unwrap()).unwrap();
}

/// An object of JSON is made of all rows at once, and lines of CSV of one block after the other; the numbers are the same to the last bit. So
/// they are whatever the files are, and wherever the rows are written to.
#[test]
fn rows_in_blocks_are_predicted_as_at_once() {
    let folder = with_model(150);
    write_rows(&folder, "whole.csv", 0..ROWS);
    for (name, rows) in [("part-1.csv", 0..10), ("part-2.csv", 10..66_000), ("part-3.csv", 66_000..ROWS)] {
        write_rows(&folder, name, rows);
        pack(&folder, name);
    }
    folder.write("part-4.csv", header() + "\n");
    for asked in ["", "--radius 0.1", "--tolerance 1%+0.01"] {
        let whole = folder.tautnet(&format!("predict m.json whole.csv {asked} --json"));
        let json = whole.json();
        let keys = if asked.is_empty() { &["predictions"][..] } else { &["predictions", "lower", "upper"] };
        let columns: Vec<&Vec<Value>> = keys.iter().map(|key| json[key].as_array().unwrap()).collect();
        let mut expected = if asked.is_empty() { "prediction\n" } else { "prediction,lower,upper\n" }.to_owned();
        for k in 0..ROWS {
            let cells: Vec<String> = columns.iter().map(|column| column[k].as_f64().unwrap().to_string()).collect();
            let _ = writeln!(expected, "{}", cells.join(","));
        }
        let notes = |text: &str| {
            text.lines().filter(|line| line.starts_with("note: of")).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(notes(&whole.err).len(), usize::from(!asked.is_empty()), "{}", whole.err);
        for data in ["whole.csv", "part-*.csv", "part-?.csv.gz"] {
            let ran = folder.tautnet(&format!("predict m.json {data} {asked}"));
            assert!(ran.out == expected, "{asked} {data}: {}", ran.err);
            assert_eq!(notes(&ran.err), notes(&whole.err));
        }
        let ran = folder.tautnet(&format!("predict m.json part-*.csv {asked} --out out.csv --force"));
        assert_eq!((ran.code, &*ran.out), (Some(0), ""), "{ran:?}");
        assert!(std::fs::read_to_string(folder.path().join("out.csv")).unwrap() == expected);
        folder.tautnet(&format!("predict m.json part-*.csv {asked} --out out.parquet --force"));
        let table = Table::read(&folder.path().join("out.parquet"), &ReadOptions::default()).unwrap();
        for (column, expected) in table.columns().iter().zip(columns) {
            let numbers: Vec<f64> = expected.iter().map(|value| value.as_f64().unwrap()).collect();
            assert!(column.values().unwrap() == &Values::Numbers(numbers), "{}", column.name);
        }
    }
    // Nothing else is left beside them.
    let hidden = |name: &str| name.starts_with('.');
    let names = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(!names.into_iter().any(|name| hidden(&name.to_string_lossy())));
}

/// The same of several targets within a tolerance, of which each has its own widest rows.
#[test]
fn several_targets_are_bounded_as_at_once() {
    let folder = Folder::new();
    let mut text = header() + ",y,z\n";
    for k in 0..60 {
        let _ = writeln!(text, "{},{},{}", row(17 * k), (k * k % 23) as f64 / 7.0, (k * k % 19) as f64);
    }
    folder.write("train.csv", &text);
    let ran =
        folder.tautnet("train train.csv --target y,z --tolerance 0.01sd --hidden 24 --decay 0.1 --out m.json --quiet");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    write_rows(&folder, "part-1.csv", 0..40_000);
    write_rows(&folder, "part-2.csv", 40_000..ROWS);
    let ran = folder.tautnet("predict m.json part-*.csv");
    let json = folder.tautnet("predict m.json part-*.csv --json").json();
    let mut expected = "y,y_lower,y_upper,z,z_lower,z_upper\n".to_owned();
    for k in 0..ROWS {
        let cells =
            ["y", "z"].iter().flat_map(|name| ["predictions", "lower", "upper"].map(|key| &json[key][*name][k]));
        let cells: Vec<String> = cells.map(|cell| cell.as_f64().unwrap().to_string()).collect();
        let _ = writeln!(expected, "{}", cells.join(","));
    }
    assert!(ran.out == expected, "{}", ran.err);
    assert!(ran.err.contains("widest were refined by branch and bound"), "{}", ran.err);
}

/// What only one file of many has wrong is told with the file and the row; nothing is printed, and no file is written.
#[test]
fn a_bad_file_among_many_is_told_before_anything_is_written() {
    let folder = with_model(3);
    write_rows(&folder, "part-1.csv", 0..100);
    write_rows(&folder, "part-3.csv", 0..100);
    let second = |at: usize, bad: &str| {
        let mut rows: Vec<String> = (0..20_000).map(row).collect();
        rows[at] = bad.to_owned();
        folder.write("part-2.csv", header() + "\n" + &rows.join("\n") + "\n");
    };
    let told = |data: &str, what: &str, hint: &str| {
        for out in ["", "--out out.csv"] {
            let ran = folder.tautnet(&format!("predict m.json {data} {out}"));
            assert_eq!((ran.code, &*ran.out), (Some(2), ""), "{ran:?}");
            assert!(ran.err.contains(what) && ran.err.contains(hint), "{}", ran.err);
            assert!(!folder.path().join("out.csv").exists());
        }
    };
    let nines = |value: &str| format!("{value}{}", ",1".repeat(INPUTS - 1));
    second(16_999, &nines("NaN"));
    told(
        "part-*.csv",
        "part-2.csv: row 17000 (line 17001), column `x0` is missing (`NaN`)",
        "fill the values or drop the rows",
    );
    second(16_999, &nines("warm"));
    told("part-*.csv", "part-2.csv: row 17000 (line 17001), column `x0` is `warm` where most", "mend the value");
    second(16_999, &nines("-inf"));
    told("part-*.csv", "part-2.csv: row 17000 (line 17001), column `x0` is `-inf`", "mend the value");
    second(16_999, "1,2");
    told("part-*.csv", "part-2.csv: row 17000 (line 17001) has 2 fields where 8 are due", "every row needs");
    second(0, &row(0));
    folder.write("part-3.csv", "x0,x1\n1,2\n");
    told("part-*.csv", "part-3.csv has no column `x2`, and part-1.csv has it", "the same columns, in any order");
    folder.write("part-3.csv", row(0) + "\n" + &row(1) + "\n");
    told("part-*.csv", "part-3.csv has no column `x0`, and part-1.csv has it", "--header no");
    folder.write("part-3.csv", "");
    told("part-*.csv", "part-3.csv is empty", "a header and rows");
    pack(&folder, "part-2.csv");
    let packed = std::fs::read(folder.path().join("part-2.csv.gz")).unwrap();
    std::fs::write(folder.path().join("part-2.csv.gz"), &packed[..packed.len() - 20]).unwrap();
    told("part-2.csv.gz", "part-2.csv.gz could not be read", "cut short");
    std::fs::write(folder.path().join("half.parquet"), b"PAR1 and no more of it").unwrap();
    told("half.parquet", "half.parquet could not be read", "cut short");
    told("none-*.csv", "no file is like none-*.csv", "put it into quotation marks");
    std::fs::create_dir_all(folder.path().join("folder/k=1")).unwrap();
    told("folder", "folder has folders such as `k=1`", "'folder/*/*.parquet'");
    std::fs::remove_dir(folder.path().join("folder/k=1")).unwrap();
    told("folder", "folder is a folder without Parquet files", "'folder/*.csv'");
}

/// A file that is read is not written, and JSON is not Parquet.
#[test]
fn results_have_files_of_their_own() {
    let folder = with_model(3);
    write_rows(&folder, "part-1.csv", 0..1000);
    write_rows(&folder, "part-2.csv", 0..1000);
    let ran = folder.tautnet("predict m.json part-*.csv --out part-2.csv --force");
    assert!(ran.code == Some(2) && ran.err.contains("part-2.csv is read and written"), "{ran:?}");
    let ran = folder.tautnet("predict m.json part-1.csv --json --out new.parquet");
    assert!(ran.code == Some(2) && ran.err.contains("a Parquet file by its name"), "{ran:?}");
    // Of many files JSON has all rows.
    let json = folder.tautnet("predict m.json part-*.csv --json").json();
    assert_eq!(json["predictions"].as_array().map(Vec::len), Some(2000));
    let few = folder.tautnet("predict m.json part-*.csv --json --limit cells=10000");
    assert!(few.code == Some(2) && few.err.contains("part-*.csv has 16000 cells"), "{few:?}");
    // A limit on what is held does not hold for rows that are not.
    assert_eq!(folder.tautnet("predict m.json part-*.csv --limit cells=10000").code, Some(0));
}

/// Times are of the day; all else in what is told.
fn without_seconds(mut told: Value) -> Value {
    match &mut told {
        Value::Object(entries) => {
            entries.retain(|key, _| key != "seconds");
            entries.values_mut().for_each(|value| *value = without_seconds(value.take()));
        }
        Value::Array(entries) => entries.iter_mut().for_each(|value| *value = without_seconds(value.take())),
        _ => {}
    }
    told
}

/// Few rows are all looked at, and the box around them is the same, so that all bounds are, of one hidden layer and of several.
#[test]
fn a_network_is_bounded_around_rows_in_blocks_as_around_all_at_once() {
    let folder = with_model(6);
    let deep = "train train.csv --target y --layers 4,4 --activation abs --epochs 3 --out deep.json --quiet";
    assert_eq!(folder.tautnet(deep).code, Some(0));
    let with_target = |name: &str, rows: std::ops::Range<usize>| {
        folder.write(name, header() + ",y\n" + &rows.map(|k| row(k) + ",1\n").collect::<String>());
    };
    with_target("whole.csv", 0..300);
    with_target("part-1.csv", 0..7);
    with_target("part-2.csv", 7..300);
    for (model, asked) in [("m.json", "--exact --evaluations 2000"), ("deep.json", "--norm inf")] {
        let told =
            |data: &str| without_seconds(folder.tautnet(&format!("certify {model} {data} {asked} --json")).json());
        let parts = told("part-*.csv");
        assert!(parts["local"].is_object());
        assert_eq!(parts, told("whole.csv"), "{model}");
    }
    for (asked, what) in [
        ("--worst-cases w.json", "`--worst-cases` has an entry for every row"),
        ("--target y", "m.json is a model with its own columns and units"),
    ] {
        let ran = folder.tautnet(&format!("certify m.json part-*.csv {asked}"));
        assert!(ran.code == Some(2) && ran.err.contains(what), "{ran:?}");
    }
    folder.write("part-3.csv", format!("{},y\nwrong{}\n", header(), ",1".repeat(INPUTS)));
    let ran = folder.tautnet("certify m.json part-*.csv");
    assert!(ran.code == Some(2) && ran.err.contains("part-3.csv"), "{ran:?}");
}
