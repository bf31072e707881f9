//! What is read has limits, which are told and can be raised, and files that lie about themselves are messages.

use crate::run::{Folder, Ran, TAUTNET};
use std::io::Write;
use std::process::Stdio;

const NETWORK: &str = r#"{"w": [[1, -1], [0.5, 2]], "b": [0, -1], "v": [1, -2], "c": 0.5}"#;
const DATA: &str = "a,b,y\n1,2,3\n2,1,4\n0,5,2\n4,4,1\n3,1,0\n";

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("net.json", NETWORK);
    folder.write("data.csv", DATA);
    folder
}

/// The refusal of a run, without standard output.
fn refused(ran: &Ran) -> &str {
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{ran:?}");
    assert!(ran.err.starts_with("error: ") && ran.err.lines().count() == 2, "{ran:?}");
    &ran.err
}

#[test]
fn every_reader_has_every_limit_that_can_be_met() {
    let folder = folder();
    let certified = folder.tautnet("certify net.json --certificate c.json --exact --resume search.json --quiet");
    assert_eq!(certified.code, Some(0), "{certified:?}");
    for name in ["net.onnx", "net.safetensors"] {
        assert_eq!(folder.tautnet(&format!("export net.json --out {name}")).code, Some(0));
    }
    let toml = include_str!("../../../../experiments/table-1.toml");
    folder.write("table.toml", toml);
    for (command, limits) in [
        ("data show data.csv", &["bytes", "rows", "columns", "cells"][..]),
        ("certify net.json", &["bytes", "cells", "nesting"]),
        ("certify net.onnx", &["bytes", "cells"]),
        ("certify net.safetensors", &["bytes", "cells", "nesting"]),
        ("verify c.json net.json", &["bytes", "cells", "nesting"]),
        ("certify net.json --exact --resume search.json --quiet", &["bytes", "cells", "nesting"]),
        ("data show rastrigin", &["rows", "columns", "cells"]),
        ("reproduce table-1 --tier smoke --experiment table.toml --out results", &["bytes", "cells"]),
    ] {
        for limit in limits {
            let ran = folder.tautnet(&format!("{command} --limit {limit}=1"));
            let error = refused(&ran);
            assert!(error.contains("limit of 1") || error.contains("which is the limit"), "{command}: {error}");
            let raised = format!("--limit {limit}=");
            assert!(error.contains(&raised) || *limit == "nesting", "{command}: {error}");
        }
    }
    let ran = folder.tautnet("data show data.csv --limit rows=4 --limit columns=3");
    let expected = "error: data.csv has more than 4 rows, which is the limit\nhint: check that it is the right file; the limit is \
                    raised with `--limit rows=8`\n";
    assert_eq!(refused(&ran), expected);
    assert_eq!(folder.tautnet("--limit rows=5 data show data.csv --limit columns=3").code, Some(0));
    assert_eq!(folder.tautnet("data show data.csv --limit rows=5 --limit cells=15 --limit bytes=36").code, Some(0));
    for wrong in ["rows", "row=5", "rows=0", "rows=-2", "nesting=1000"] {
        let ran = folder.tautnet(&format!("data show data.csv --limit {wrong}"));
        assert!(ran.code == Some(2) && ran.err.contains("invalid value"), "{ran:?}");
    }
}

#[test]
fn what_unpacks_to_far_more_than_it_is_stops_at_the_limit() {
    let folder = folder();
    // A megabyte of zeros, packed to a kilobyte; the program's own limit is a gibibyte.
    let mut zip = folder.command("gzip");
    let Ok(mut gzip) = zip.arg("-c").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() else { return };
    let mut input = gzip.stdin.take().unwrap();
    let writer = std::thread::spawn(move || input.write_all("1,2\n".repeat(1 << 18).as_bytes()));
    let packed = gzip.wait_with_output().unwrap().stdout;
    writer.join().unwrap().unwrap();
    folder.write("large.csv.gz", &packed);
    let ran = folder.tautnet("data show large.csv.gz --limit bytes=100000");
    assert!(refused(&ran).contains("large.csv.gz has, or unpacks to, more than 100000 bytes"), "{ran:?}");
    assert_eq!(folder.tautnet("data show large.csv.gz").code, Some(0));
}

#[test]
fn standard_input_without_end_stops_at_the_limit() {
    let folder = folder();
    let mut child = folder
        .command(TAUTNET)
        .args(["data", "show", "-", "--limit", "bytes=1000000"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    // Until the other side has had enough.
    while input.write_all(&b"1,2\n".repeat(1000)).is_ok() {}
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(err.contains("standard input has, or unpacks to, more than 1000000 bytes"), "{err}");
}

#[test]
fn nesting_without_end_is_a_message() {
    let folder = folder();
    folder.write("deep.json", "[".repeat(1 << 20));
    folder.write("model.json", format!("{{\"format\": \"tautnet-model\", \"settings\": {}", "{\"a\":".repeat(1 << 18)));
    folder.write("deep.toml", format!("title = {}", "[".repeat(1 << 16)));
    for command in
        ["certify deep.json", "certify model.json", "verify deep.json net.json", "predict model.json data.csv"]
    {
        let ran = folder.tautnet(command);
        assert!(refused(&ran).contains("is nested more than 64 deep"), "{ran:?}");
    }
    refused(&folder.tautnet("reproduce table-1 --experiment deep.toml"));
    let ran = folder.tautnet("certify net.json --exact --resume deep.json");
    assert!(refused(&ran).contains("is nested more than 64 deep"), "{ran:?}");
}

#[test]
fn keys_given_twice_are_refused_in_every_file() {
    let folder = folder();
    let made =
        folder.tautnet("train data.csv --hidden 2 --start random --lipschitz-price 0.1 --out model.json --quiet");
    assert_eq!(made.code, Some(0), "{made:?}");
    let made = folder.tautnet("certify net.json --certificate c.json --exact --resume search.json --quiet");
    assert_eq!(made.code, Some(0), "{made:?}");
    folder.write("table.toml", include_str!("../../../../experiments/table-1.toml"));
    for (file, key, command) in [
        ("net.json", "\"c\"", "certify net.json"),
        ("model.json", "\"target\"", "predict model.json data.csv"),
        ("model.json", "\"input_mean\"", "polish model.json data.csv"),
        ("c.json", "\"bound\"", "verify c.json net.json"),
        ("search.json", "\"pruned\"", "certify net.json --exact --resume search.json"),
        ("table.toml", "seed]", "reproduce table-1 --tier smoke --experiment table.toml"),
    ] {
        let text = folder.read(file);
        let twice = match file {
            "table.toml" => format!("{text}\n[choices.seed]\nvalue = 3\nwhy = \"again\"\n"),
            _ => {
                let at = text.find(key).unwrap();
                format!("{}{key}: 0, {}", &text[..at], &text[at..])
            }
        };
        folder.write(file, twice);
        let ran = folder.tautnet(command);
        let error = refused(&ran);
        assert!(error.contains("twice") || error.contains("duplicate"), "{file}: {error}");
        folder.write(file, text);
    }
}

#[test]
fn cells_and_names_of_any_length_are_shown_and_learned_from() {
    let folder = Folder::new();
    let long = "x".repeat(70_000);
    folder.write("long.csv", format!("word,{long}n,y\n{long},1,1\nb,2,3\n{long},4,2\nb,3,5\n{long},0,1\n"));
    let shown = folder.tautnet("data show long.csv");
    assert_eq!((shown.code, shown.err.as_str()), (Some(0), ""));
    assert!(shown.out.contains(&format!("b {long}\n")));
    let report = "--report r.html --plot a.svg --plot bounds=b.png";
    let ran = folder.tautnet(&format!(
        "train long.csv --hidden 2 --start random --lipschitz-price 0.1 --out m.json --quiet {report}"
    ));
    assert_eq!(ran.code, Some(0), "{:?}", &ran.err);
    for command in
        ["certify m.json", "attack m.json long.csv", "predict m.json long.csv", "polish m.json long.csv --quiet"]
    {
        let ran = folder.tautnet(command);
        assert_eq!(ran.code, Some(0), "{command}: {}", &ran.err[..ran.err.len().min(300)]);
    }
}

#[test]
fn integers_that_no_double_is_equal_to_are_noted() {
    let folder = folder();
    folder.write("ids.csv", "id,b,y\n9007199254740993,2,3\n2,1,4\n9007199254740995,5,2\n4,4,1\n3,1,0\n");
    let note = "note: ids.csv: row 1 (line 2), column `id` is 9007199254740993 (and 1 more), which is kept as \
                9007199254740992: above 2^53 not every integer is a double\n";
    for command in ["data show ids.csv", "polish net.json ids.csv --quiet", "attack net.json ids.csv --norm 2"] {
        let ran = folder.tautnet(command);
        assert_eq!(ran.err.matches(note).count(), 1, "{ran:?}");
    }
    let ran = folder.tautnet("train ids.csv --drop id --hidden 2 --start random --lipschitz-price 0.1 --quiet");
    assert_eq!(ran.err, "", "a column that is not used is not spoken of");
    folder.write("large.json", r#"{"w": [[1, -1], [0.5, 2]], "b": [0, -1], "v": [1, -9007199254740993]}"#);
    let ran = folder.tautnet("certify large.json --quiet");
    assert!(ran.err.starts_with("note: large.json: line 1 has -9007199254740993, which is kept as -9007199254740992:"));
    assert_eq!(ran.code, Some(0));
}

#[test]
fn networks_that_cannot_be_held_are_refused_before_they_are_made() {
    let folder = folder();
    let ran = folder.tautnet("train data.csv --hidden 1000000 --limit cells=3999999");
    assert!(refused(&ran).contains("a network of 1000000 hidden units and 2 inputs has 4000000 cells"), "{ran:?}");
    let ran = folder.tautnet("train rastrigin:n=1000000000000");
    assert!(refused(&ran).contains("has 1000000000000 rows, more than the limit of 100000000"), "{ran:?}");
}
