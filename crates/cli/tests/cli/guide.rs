//! Every command of the guide runs, and prints what the guide says: the words, and the numbers to the digits shown.

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

/// What stands in a line, but for spaces, commas, brackets and the sign `…` for what is left out. A time is left out too,
/// the number with its unit: it is that of the machine and of the day.
fn tokens(line: &str) -> Vec<&str> {
    const TIME: [&str; 4] = ["ms", "s", "min", "h"];
    let words = line.split([' ', ',']).map(|word| word.trim_matches(['(', ')', ':', ';']));
    let mut tokens: Vec<&str> = Vec::new();
    for word in words.filter(|word| !["", "…"].contains(word)) {
        if TIME.contains(&word) && tokens.last().is_some_and(|last| Number::of(last).is_some()) {
            tokens.pop();
        } else {
            tokens.push(word);
        }
    }
    tokens
}

/// A number as it is written: `2.64`, `6.4e-9`, `+0.0`; `244.12…` where the digits after these are left out.
struct Number {
    value: f64,
    /// Digits after the point, less the exponent; `None` of a whole number.
    decimals: Option<i32>,
}

impl Number {
    fn of(word: &str) -> Option<Self> {
        let digits = word.trim_end_matches('…');
        // Words such as `inf` are numbers to the parser, but not to a reader.
        let value = digits.parse::<f64>().ok().filter(|_| digits.contains(|c: char| c.is_ascii_digit()))?;
        let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
        let exponent: i32 = exponent.parse().ok()?;
        let decimals = match mantissa.split_once('.') {
            Some((_, after)) => Some(after.len() as i32 - exponent),
            None if digits.len() > mantissa.len() || word.ends_with('…') => Some(-exponent),
            None => None,
        };
        Some(Self { value, decimals })
    }

    /// Counts are equal. Other numbers differ by at most one in the last digit shown, for that digit may be another where
    /// a processor or a mathematical library rounds otherwise. What is shown without a point had zeros after it, which the
    /// program does not print: it has six digits.
    fn agrees(&self, printed: &Self) -> bool {
        let unit = match (self.decimals, printed.decimals) {
            (None, None) => 0.0,
            (None, Some(_)) => 1e-5 * self.value.abs(),
            (Some(decimals), _) => 10f64.powi(-decimals),
        };
        (self.value - printed.value).abs() <= unit * (1.0 + 1e-6)
    }
}

/// Whether what is shown is in a printed line, one token after the other: the same words, and numbers that agree.
fn is_in(shown: &str, line: &str) -> bool {
    let (shown, line) = (tokens(shown), tokens(line));
    let same = |shown: &str, printed: &str| match (Number::of(shown), Number::of(printed)) {
        (Some(shown), Some(printed)) => shown.agrees(&printed),
        (None, None) => shown == printed,
        _ => false,
    };
    line.windows(shown.len()).any(|part| shown.iter().zip(part).all(|(shown, printed)| same(shown, printed)))
}

/// The pages with commands, and how many numbers each shows of their output at least.
const PAGES: [(&str, usize); 12] = [
    ("first-model.md", 20),
    ("polishing.md", 15),
    ("tolerance.md", 60),
    ("reading-a-certificate.md", 15),
    ("choosing-lambda.md", 40),
    ("interchange.md", 8),
    ("comparing-methods.md", 12),
    ("classes.md", 25),
    ("targets.md", 19),
    ("deep.md", 5),
    ("messy-tables.md", 25),
    ("more-rows-than-memory.md", 0),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn page(name: &str) -> String {
    std::fs::read_to_string(root().join("docs/guide").join(name)).unwrap()
}

fn run_page(name: &str, at_least: usize) {
    let page = page(name);
    let folder = Folder::new();
    std::fs::create_dir(folder.path().join("examples")).unwrap();
    for file in ["rastrigin.csv", "rastrigin-network.json", "plant.csv"] {
        std::fs::copy(root().join("examples").join(file), folder.path().join("examples").join(file)).unwrap();
    }
    let commands = commands(&page);
    assert!(commands.len() >= at_least, "{name} has {} commands", commands.len());
    for (command, shown) in commands {
        let arguments = command.strip_prefix("tautnet ").unwrap_or_else(|| panic!("{name}: {command}"));
        let ran = Ran::of(folder.command(TAUTNET).args(arguments.split_whitespace()));
        assert_eq!(ran.code, Some(0), "{name}: {command}: {ran:?}");
        let mut lines = ran.out.lines();
        for line in shown.into_iter().filter(|line| !tokens(line).is_empty()) {
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
fn tables_as_they_come() {
    run_page("messy-tables.md", 6);
}

#[test]
fn more_rows_than_memory() {
    run_page("more-rows-than-memory.md", 5);
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
fn a_tolerance() {
    run_page("tolerance.md", 9);
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
fn classes() {
    run_page("classes.md", 3);
}

#[test]
fn targets() {
    run_page("targets.md", 5);
}

#[test]
fn deep() {
    run_page("deep.md", 5);
}

#[test]
fn interchange() {
    run_page("interchange.md", 8);
}

#[test]
fn comparing_methods() {
    run_page("comparing-methods.md", 2);
}

/// The numbers of a cell such as `− 3.4 % to + 0.5 %`.
fn of_cell(cell: &str) -> Vec<f64> {
    let plain = cell.replace('−', "-").replace([' ', '+', '%'], "");
    plain.split("to").map(|number| number.parse().unwrap_or_else(|_| panic!("`{cell}` in the table"))).collect()
}

/// The table of ten runs with other rows held out: in how many the result loses against its start, and by how much.
#[test]
fn choosing_lambda_tells_how_often_the_choice_loses() {
    let page = page("choosing-lambda.md");
    let rows: Vec<Vec<Vec<f64>>> = page
        .lines()
        .filter(|line| line.starts_with("| 0"))
        .map(|line| line.trim_matches('|').split('|').map(of_cell).collect())
        .collect();
    assert_eq!(rows.len(), 6);
    for (first, flags) in [(1, "rastrigin --hidden 30"), (4, "machine --hidden 20")] {
        let mut quotients = vec![Vec::new(); rows.len()];
        for seed in 0..10 {
            let run = format!("train {flags} --tolerance 0 --test 0.25 --seed {seed} --json --quiet");
            let attack = &Folder::new().tautnet(&run).json()["attack"];
            for (k, row) in rows.iter().enumerate() {
                let number = |of: &str, key: &str| attack[of][k][key].as_f64().unwrap();
                assert_eq!(number("result", "radius"), row[0][0]);
                quotients[k].push(100.0 * (number("result", "found") / number("start", "found") - 1.0));
            }
        }
        for (row, mut of) in rows.iter().zip(quotients) {
            of.sort_by(f64::total_cmp);
            // Those that are equal but for rounding may be counted either way.
            let above = |limit: f64| of.iter().filter(|&&percent| percent > limit).count() as f64;
            assert!(above(0.01) <= row[first][0] && row[first][0] <= above(-0.01), "{flags}: {of:?}");
            let found = [(of[4] + of[5]) / 2.0, of[0], of[9]];
            let shown = row[first + 1].iter().chain(&row[first + 2]);
            for (shown, found) in shown.zip(found) {
                assert!((shown - found).abs() <= 0.1, "{flags} at radius {:?}: {shown} where {found} is found", row[0]);
            }
        }
    }
}

/// The pages show results, not only forms: a page without numbers would pass for whatever is printed.
#[test]
fn the_pages_show_numbers() {
    for (name, at_least) in PAGES {
        let shown = commands(&page(name)).into_iter().flat_map(|(_, shown)| shown);
        let numbers = shown.map(|line| tokens(&line).into_iter().filter_map(Number::of).count()).sum::<usize>();
        assert!(numbers >= at_least, "{name} shows {numbers} numbers");
    }
}

#[test]
fn words_and_digits_count_and_times_do_not() {
    let line = "LipSDP, proved                   ≤ 1.12282  65 ms";
    for shown in
        ["LipSDP, proved  ≤ 1.12282  71 ms", "proved ≤ 1.12", "proved ≤ 1.1228…", "≤ 1.12281", "LipSDP, proved …"]
    {
        assert!(is_in(shown, line), "{shown}");
    }
    for shown in ["LipSDP, proved  ≥ 1.12282", "proved ≤ 1.14", "≤ 1.12284", "≤ 1.1230…", "≤ 1", "proved 1.12282"]
    {
        assert!(!is_in(shown, line), "{shown}");
    }
    assert!(!is_in("λ chosen", "chosen λ"));
    // Counts are exact; a whole number that is printed as one in another run may have digits after the point.
    assert!(is_in("157 rows", "machine: 157 rows") && !is_in("157 rows", "machine: 156 rows"));
    assert!(is_in("≤ 40", "≤ 40.0001") && !is_in("≤ 40", "≤ 40.01") && !is_in("≤ 40", "≤ 41"));
    assert!(is_in("gap 6.4e-9", "gap 6.3e-9") && !is_in("gap 6.4e-9", "gap 6.4e-8"));
    assert!(is_in("244.121…,226.1…", "244.1218703746682,226.10679715155266") && is_in("98.…", "98.7955"));
    // `inf` is the name of a norm, and a number under no name.
    assert!(is_in("found inf", "found inf 3") && !is_in("found inf", "found 2"));
}
