//! Tables as they come: dates, missing values, units, separators, identifiers.

use crate::run::{Folder, Ran};

/// Thirty rows: a number of the row, a date, two measured columns with gaps, a word with gaps, and a target with a gap.
fn table() -> String {
    let mut text = String::from("id;when;temp;flow;kind;yield\n;;°C;m3/h;;t\n");
    for k in 0..30 {
        let (temp, kind) = (f64::from(k * 7 % 11), ["a", "b", "c"][k as usize % 3]);
        let flow = 900.5 + 50.0 * f64::from(k * 3 % 17);
        let flow = if flow >= 1000.0 {
            format!("{},{:05.1}", (flow / 1000.0) as u32, flow % 1000.0)
        } else {
            format!("{flow:.1}")
        };
        let gap = |at: i32, text: String| if k % 10 == at { String::new() } else { text };
        let (temp_text, kind) = (gap(3, format!("{temp:.1}")), gap(5, kind.to_owned()));
        let target = if k == 7 { String::from("NA") } else { format!("{:.2}", 0.3 * temp + f64::from(k % 3)) };
        text += &format!(
            "{};{:02}.{:02}.2024 {:02}:00;{temp_text};{flow};{kind};{target}\n",
            k + 1,
            k % 28 + 1,
            k % 5 + 1,
            k % 24
        );
    }
    text
}

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("t.csv", table());
    folder
}

const QUICK: &str = "--lipschitz-price 0.01 --hidden 6 --quiet";

#[test]
fn a_table_is_described_before_anything_is_done() {
    let folder = folder();
    let ran = folder.tautnet("data describe t.csv");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for line in [
        "t.csv: 30 rows, 6 columns",
        "counts the rows: leave it out if it only names them",
        "such as 01.01.2024 00:00 (dmy)",
        "refused: say what to make of the dates, parts or days",
        "an input, one column of 0 and 1 for each of 3 words; refused, for values are missing",
        "This table is refused as it is; try: tautnet train t.csv --drop id --date when=parts --missing median",
    ] {
        assert!(ran.out.contains(line), "{line}: {ran:?}");
    }
    assert!(ran.err.contains("line 2 has the units of the columns, such as `°C`"), "{ran:?}");
    assert!(ran.err.contains("column `flow` is `1,050.5`: numbers with separators of thousands"), "{ran:?}");
    let told = folder.tautnet("data describe t.csv --json").json();
    let column =
        |name: &str| told["columns"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap().clone();
    assert_eq!(told["advice"], serde_json::json!(["--drop id", "--date when=parts", "--missing median"]));
    assert_eq!((column("temp")["missing"].as_u64(), column("temp")["kind"].as_str()), (Some(3), Some("numbers")));
    assert_eq!((column("when")["orders"][0].as_str(), column("yield")["role"].as_str()), (Some("dmy"), Some("target")));
    assert!(told["refused"]["error"].as_str().unwrap().contains("values are missing in 2 columns"), "{told}");
    // What it says to do does.
    let advised = folder.tautnet("data describe t.csv --drop id --date when=parts --missing median");
    assert!(advised.out.contains("takes this table as it is"), "{advised:?}");
    let advised = folder.tautnet("data describe t.csv --drop id --date when=parts --missing median --json").json();
    assert!(advised["refused"].is_null() && advised["advice"] == serde_json::json!([]), "{advised}");
    folder.write("bad.csv", "a,b,y\n1,2,3\nx,5,6\n7,8,9\n");
    let bad = folder.tautnet("data describe bad.csv --json").json();
    assert_eq!((bad["columns"][0]["kind"].as_str(), bad["advice"][0].as_str()), (Some("unusable"), Some("--drop a")));
    let bad = folder.tautnet("data describe bad.csv");
    assert!(bad.out.contains("cannot be used: mend the value or leave the column out"), "{bad:?}");
    assert_eq!(
        folder.tautnet(&format!("train t.csv --drop id --date when=parts --missing median {QUICK}")).code,
        Some(0)
    );
    // Built-in tables are good as they are, and a target can be a class.
    assert!(folder.tautnet("data describe machine").out.contains("`tautnet train machine` takes this table as it is."));
    assert!(folder.tautnet("data describe iris").out.contains("the target, a class"));
    for (arguments, what) in [
        ("none.csv", "none.csv"),
        ("t.csv --drop x*", "has no column like `x*`"),
        ("t.csv --target no", "has no column `no`"),
        ("t.csv --date when=weeks", "does not say what to do with dates"),
        ("t.csv --missing mean", "mean"),
    ] {
        let ran = folder.tautnet(&format!("data describe {arguments}"));
        assert!(ran.code == Some(2) && ran.err.contains(what), "{arguments}: {ran:?}");
    }
}

#[test]
fn missing_values_are_filled_as_the_model_remembers() {
    let folder = folder();
    let train = |flags: &str, name: &str| {
        folder.tautnet(&format!("train t.csv --drop id {flags} {QUICK} --out {name} --force"))
    };
    let refused = train("--date when=days", "m.json");
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.err.contains("values are missing in 2 columns (in brackets in how many rows): `temp` (3), `kind` (3)"),
        "{refused:?}"
    );
    assert!(refused.err.contains("`--missing drop`, median or indicator"), "{refused:?}");
    let refused = train("--date when=days --missing refuse --drop temp --drop kind", "m.json");
    assert!(refused.err.contains("column `yield` is missing (`NA`)"), "{refused:?}");
    // One row without a target, and where that was asked for those with another gap.
    for (missing, left_out) in
        [("median", "1 of 30 rows are left out: their target"), ("drop", "7 of 30 rows are left out: a value")]
    {
        let ran = train(&format!("--date when=days --missing {missing}"), &format!("{missing}.json"));
        assert!(ran.code == Some(0) && ran.err.contains(left_out), "{ran:?}");
    }
    let ran = train("--date when=parts --missing indicator", "indicator.json");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    // A row with nothing but a date, in a file that says less and in another order.
    folder.write("new.csv", "kind,flow,temp,when\n,1000,,02.03.2024\nb,1000,5,02.03.2024\n");
    for model in ["median.json", "indicator.json"] {
        let ran = folder.tautnet(&format!("predict {model} new.csv --json"));
        assert_eq!(ran.json()["predictions"].as_array().map(Vec::len), Some(2), "{ran:?}");
    }
    let ran = folder.tautnet("predict drop.json new.csv");
    assert!(ran.code == Some(2) && ran.err.contains("row 1 (line 2), column `temp` is missing"), "{ran:?}");
    // The same rows are measured, and the same inputs named.
    let attacked = folder.tautnet("attack drop.json t.csv --json");
    assert!(attacked.code == Some(0) && attacked.err.contains("7 of 30 rows are left out"), "{attacked:?}");
    let certified = folder.tautnet("certify indicator.json");
    for input in ["when.month", "temp=missing", "kind=missing", "kind=a"] {
        assert!(certified.out.contains(input), "{input}: {certified:?}");
    }
    // What a model has of its own is not said anew.
    let ran = folder.tautnet("attack median.json t.csv --missing drop");
    assert!(
        ran.code == Some(2) && ran.err.contains("leave out --target, --drop, --keep, --date, --missing"),
        "{ran:?}"
    );
    // The other formats of a model keep it.
    let ran = folder.tautnet("export indicator.json --out indicator.onnx");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let predicted =
        |model: &str| folder.tautnet(&format!("predict {model} new.csv --json")).json()["predictions"].clone();
    assert_eq!(predicted("indicator.json"), predicted("indicator.onnx"));
}

#[test]
fn a_preparation_that_does_not_fit_its_columns_is_refused() {
    let folder = folder();
    let ran =
        folder.tautnet(&format!("train t.csv --drop id --date when=parts --missing indicator {QUICK} --out m.json"));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let text = std::fs::read_to_string(folder.path().join("m.json")).unwrap();
    let broken = |from: &str, to: &str, what: &str| {
        assert!(text.contains(from), "{from}");
        folder.write("broken.json", text.replacen(from, to, 1));
        let ran: Ran = folder.tautnet("predict broken.json t.csv");
        assert!(ran.code == Some(2) && ran.err.contains(what), "{from}: {ran:?}");
    };
    broken("\"missing\": \"indicator\"", "\"missing\": \"somehow\"", "unknown variant `somehow`");
    broken("\"order\": \"dmy\"", "\"order\": \"dym\"", "unknown variant `dym`");
    broken("\"column\": \"when\"", "\"column\": \"then\"", "the dates of `then` are no inputs");
}

#[test]
fn inputs_are_kept_by_pattern_and_words_that_name_rows_are_refused() {
    let folder = Folder::new();
    let rows: String = (0..40).map(|k| format!("r{k},{},{},{}\n", k % 7, k % 5, k % 7 + k % 5)).collect();
    folder.write("t.csv", format!("name,raw_1,raw_2,y\n{rows}"));
    let ran = folder.tautnet(&format!("train t.csv {QUICK}"));
    assert!(ran.code == Some(2) && ran.err.contains("column `name` has another word in every row"), "{ran:?}");
    let kept = folder.tautnet(&format!("train t.csv --keep raw_* {QUICK} --out m.json"));
    assert_eq!(kept.code, Some(0), "{kept:?}");
    let certified = folder.tautnet("certify m.json");
    assert!(
        certified.out.contains("raw_1") && certified.out.contains("raw_2") && !certified.out.contains("name"),
        "{certified:?}"
    );
}
