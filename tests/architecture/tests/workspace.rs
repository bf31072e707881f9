//! The sources of this workspace against its architecture.

use std::collections::BTreeSet;
use std::fs;

use tautnet_architecture::arrows::{Arrow, arrows};
use tautnet_architecture::names::Names;
use tautnet_architecture::{circle, notation, table, workspace};

/// The files that are compiled, and the arrows between them.
fn found() -> (BTreeSet<String>, BTreeSet<Arrow>) {
    let (sources, crates) = workspace::read(&workspace::root()).unwrap();
    let names = Names::read(&sources, &crates).unwrap_or_else(|error| panic!("{error}"));
    (names.modules.iter().map(|module| module.file.clone()).collect(), arrows(&names))
}

#[test]
fn no_circle_of_files() {
    let circles = circle::circles(&found().1);
    let told: Vec<String> = circles.iter().map(|circle| circle::told(circle)).collect();
    assert!(told.is_empty(), "\n{}", told.join("\n"));
}

#[test]
fn rooms_use_what_the_table_says() {
    let text = fs::read_to_string(workspace::root().join("ARCHITECTURE.md")).unwrap();
    let rooms = table::read(&text).unwrap_or_else(|error| panic!("ARCHITECTURE.md: {error}"));
    let (files, arrows) = found();
    let told = table::differences(&rooms, &files, &arrows);
    assert!(told.is_empty(), "\n{}", told.join("\n"));
}

/// What is read is the workspace: some arrows and files that everyone knows.
#[test]
fn the_sources_are_read() {
    let (files, arrows) = found();
    assert!(files.len() > 150, "{}", files.len());
    let has = |from: &str, to: &str| arrows.iter().any(|arrow| arrow.from == from && arrow.to == to);
    assert!(has("crates/tautnet/src/polish/run.rs", "crates/tautnet/src/program/build.rs"));
    assert!(has("crates/cli/src/commands/train.rs", "crates/tautnet/src/shallow.rs"));
    assert!(has("python/src/fitting.rs", "python/src/watch.rs"));
    assert!(!files.iter().any(|file| file.ends_with("/tests.rs")));
}

/// Networks and numbers alone: what a file looks like is for the crates that open files.
#[test]
fn no_public_item_of_tautnet_speaks_of_a_file_format() {
    const FORMATS: [&str; 8] = ["json", "csv", "onnx", "parquet", "safetensors", "gzip", "svg", "png"];
    let (sources, _) = workspace::read(&workspace::root()).unwrap();
    let core = sources.iter().filter(|(file, _)| file.starts_with("crates/tautnet/src/"));
    for (file, text) in core.filter(|(file, _)| !file.ends_with("tests.rs")) {
        for (number, line) in text.lines().enumerate().take_while(|(_, line)| *line != "#[cfg(test)]") {
            let shown = ["pub ", "///", "//!"].iter().any(|public| line.trim_start().starts_with(public));
            let line = line.to_lowercase();
            let named = FORMATS.iter().find(|format| line.contains(*format));
            assert!(!shown || named.is_none(), "{file}, line {}: `{}`", number + 1, named.unwrap_or(&""));
        }
    }
}

/// One letter, one meaning. The solver's letters are a world of their own.
#[test]
fn no_symbol_stands_in_two_rows() {
    for (file, at_least) in [("NOTATION.md", 120), ("crates/cone/NOTATION.md", 25)] {
        let text = fs::read_to_string(workspace::root().join(file)).unwrap();
        let found = notation::symbols(&text).len();
        assert!(found >= at_least, "{file}: {found} symbols");
        let told = notation::doubles(file, &text);
        assert!(told.is_empty(), "\n{}", told.join("\n"));
    }
}
