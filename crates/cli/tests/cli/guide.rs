//! Every command of the guide runs, and prints what the guide says, but for the numbers.

use crate::run::{Folder, Ran, TAUTNET};
use std::path::PathBuf;

/// Commands of a page with the lines that it shows of their output.
fn commands(page: &str) -> Vec<(String, Vec<String>)> {
    let mut commands: Vec<(String, Vec<String>)> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        match (line, inside) {
            ("```console", _) => inside = true,
            ("```", _) => inside = false,
            (line, true) => match line.strip_prefix("$ ") {
                Some(command) => commands.push((command.to_owned(), Vec::new())),
                None => commands.last_mut().expect("a block begins with a command").1.push(line.to_owned()),
            },
            _ => {}
        }
    }
    commands
}

/// The words of a line; numbers count as nothing, for they change whenever the solver takes other steps.
fn words(line: &str) -> Vec<&str> {
    let words = line.split([' ', ',']).map(|word| word.trim_matches(['(', ')', ':', ';']));
    words.filter(|word| !["", "…"].contains(word) && word.parse::<f64>().is_err()).collect()
}

/// Whether the words of `shown` are in `line`, one after the other.
fn is_in(shown: &str, line: &str) -> bool {
    let (shown, line) = (words(shown), words(line));
    line.windows(shown.len()).any(|part| part == shown)
}

fn run_page(name: &str, at_least: usize) {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = std::fs::read_to_string(root.join("docs/guide").join(name)).unwrap();
    let folder = Folder::new();
    std::fs::create_dir(folder.path().join("examples")).unwrap();
    for file in ["rastrigin.csv", "rastrigin-network.json"] {
        std::fs::copy(root.join("examples").join(file), folder.path().join("examples").join(file)).unwrap();
    }
    let commands = commands(&page);
    assert!(commands.len() >= at_least, "{name} has {} commands", commands.len());
    for (command, shown) in commands {
        let arguments = command.strip_prefix("tautnet ").unwrap_or_else(|| panic!("{name}: {command}"));
        let ran = Ran::of(folder.command(TAUTNET).args(arguments.split_whitespace()));
        assert_eq!(ran.code, Some(0), "{name}: {command}: {ran:?}");
        let mut lines = ran.out.lines();
        for line in shown.into_iter().filter(|line| !words(line).is_empty()) {
            assert!(lines.any(|printed| is_in(&line, printed)), "{name}: {command}: no `{line}` (any more) in {ran:?}");
        }
        // What the command writes is there.
        let mut arguments = arguments.split_whitespace();
        while let Some(argument) = arguments.next() {
            if ["--out", "--report", "--plot", "--certificate"].contains(&argument) {
                let file = arguments.next().unwrap();
                let file = file.split_once('=').map_or(file, |(_, file)| file);
                assert!(folder.path().join(file).is_file(), "{name}: {command}: {file}");
            }
        }
    }
}

#[test]
fn a_first_model() {
    run_page("first-model.md", 8);
}

#[test]
fn polishing() {
    run_page("polishing.md", 3);
}

#[test]
fn reading_a_certificate() {
    run_page("reading-a-certificate.md", 6);
}

#[test]
fn choosing_lambda() {
    run_page("choosing-lambda.md", 5);
}

#[test]
fn interchange() {
    run_page("interchange.md", 8);
}

#[test]
fn comparing_methods() {
    run_page("comparing-methods.md", 2);
}

#[test]
fn numbers_are_free_and_words_are_not() {
    assert!(is_in("LipSDP, proved  ≤ 1.12", "LipSDP, proved                   ≤ 1.12282  65 ms"));
    assert!(!is_in("LipSDP, proved  ≥ 1.12", "LipSDP, proved                   ≤ 1.12282  65 ms"));
    assert!(!is_in("λ chosen", "chosen λ"));
}
