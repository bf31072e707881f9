//! Defaults that are written by hand, in the README, the guide and the results, are those of the recipe.

use std::collections::BTreeSet;
use std::path::PathBuf;

use tautnet::recipe::{Command, Recipe, Run, Table, Value};
use tautnet::select;

/// The pages that are read, from the root of the repository.
fn pages() -> Vec<(String, String)> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut paths =
        ["README.md", "python/README.md", "docs/commands.md", "docs/results.md"].map(|page| root.join(page)).to_vec();
    paths.extend(std::fs::read_dir(root.join("docs/guide")).unwrap().map(|entry| entry.unwrap().path()));
    let name = |path: &PathBuf| path.strip_prefix(&root).unwrap().display().to_string();
    paths.iter().map(|path| (name(path), std::fs::read_to_string(path).unwrap())).collect()
}

fn page(name: &str) -> String {
    pages().into_iter().find(|(page, _)| page == name).unwrap_or_else(|| panic!("{name}")).1
}

/// The words of a text with one space between them.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The default of a setting of a command, by its name in files or in a flag: the value where it is one, and the words.
fn default(command: Command, name: &str) -> Option<(Value, String)> {
    let name = name.trim_start_matches("--").replace('-', "_");
    let name = if name == "random_state" { "seed" } else { &name };
    let recipe = Recipe::field(name).filter(|field| field.has(command));
    let run = Run::field(name).filter(|field| field.has(command));
    let of = |value: Value, words: String| Some((value, words));
    match (recipe, run) {
        (Some(field), _) => of(field.default_value(command), field.default_in_words(command)),
        (None, Some(field)) => of(field.default_value(command), field.default_in_words(command)),
        (None, None) => None,
    }
}

/// The default of a number, which is the first of the words where something else decides in some cases.
fn number(command: Command, name: &str) -> f64 {
    let (value, words) = default(command, name).unwrap_or_else(|| panic!("{name}"));
    match value {
        Value::Number(number) => number,
        Value::Count(count) => count as f64,
        _ => words.split([' ', ';']).next().unwrap().parse().unwrap_or_else(|_| panic!("{name}: {words}")),
    }
}

/// What stands between backticks in a text.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Every `name=value` in a text, with a name that is a setting of `train`, against the default. The names that were met.
fn parameters(text: &str) -> Result<BTreeSet<String>, String> {
    let mut met = BTreeSet::new();
    for (name, written) in quoted(text).filter_map(|parameter| parameter.split_once('=')) {
        let Some((value, words)) = default(Command::Train, name) else { continue };
        let right = match (&value, written.trim_matches('"')) {
            // What something else decides is `None` in Python, or the word that asks for it.
            (Value::Nothing, written) => ["None", "auto"].contains(&written),
            (Value::Switch(yes), written) => written == if *yes { "True" } else { "False" },
            (Value::Count(_) | Value::Number(_), written) => written.parse() == Ok(number(Command::Train, name)),
            (Value::Texts(texts), written) => written == texts.join(","),
            (Value::Word(word), written) => written == word,
            (Value::Numbers(numbers), written) => {
                let items = written.trim_matches(['(', ')', '[', ']']).split(',').map(|item| item.trim().parse());
                items.collect::<Result<Vec<f64>, _>>().as_ref() == Ok(numbers)
            }
        };
        if !right {
            return Err(format!("`{name}={written}` where the default is {words}"));
        }
        met.insert(name.to_owned());
    }
    Ok(met)
}

/// The column of parameters of the guide to Python.
#[test]
fn parameters_of_python_show_their_defaults() {
    let page = page("docs/guide/python.md");
    let rows =
        page.lines().skip_while(|line| *line != "| parameter | meaning |").take_while(|line| line.starts_with('|'));
    let column: Vec<&str> = rows.map(|row| row.split('|').nth(1).unwrap()).collect();
    let met = parameters(&column.join(" ")).unwrap_or_else(|wrong| panic!("docs/guide/python.md: {wrong}"));
    for name in
        ["hidden", "lipschitz_price", "method", "effort", "start", "loss", "norm", "penalty", "output_bias", "tol"]
    {
        assert!(met.contains(name), "{name} in {met:?}");
    }
}

/// Words that a table calls the default: the first cell, of the setting that the head of the table names.
fn called_default(page: &str) -> Vec<(String, String)> {
    let (mut head, mut found) = (None, Vec::new());
    for line in page.lines() {
        let Some(row) = line.strip_prefix('|') else {
            head = None;
            continue;
        };
        let first = row.split('|').next().and_then(|cell| quoted(cell).next()).unwrap_or("");
        let head = head.get_or_insert(first);
        if row.contains("the default") && head.starts_with("--") {
            found.push((head.to_string(), first.to_owned()));
        }
    }
    found
}

#[test]
fn words_that_a_table_calls_the_default_are_it() {
    let mut met = 0;
    for (name, page) in pages() {
        for (flag, word) in called_default(&page) {
            let (_, words) = default(Command::Train, &flag).unwrap_or_else(|| panic!("{name}: {flag} is no setting"));
            assert_eq!(word, words, "{name}: {flag}");
            met += 1;
        }
    }
    assert!(met >= 1);
    let python = plain(&page("docs/guide/python.md"));
    let method = default(Command::Train, "method").unwrap().1;
    let method = method.split(';').next().unwrap();
    assert!(python.contains(&format!("the convex program: `\"{method}\"`, which is the default")), "{method}");
}

/// Sentences with a default in them, as they read with the value that the library has.
fn sentences() -> Vec<(&'static str, String)> {
    let choice = select::Settings::default();
    let (least, most) = (choice.radii[0], choice.radii[choice.radii.len() - 1]);
    let decay = tautnet::fit::DECAY;
    let path = "docs/guide/choosing-lambda.md";
    vec![
        ("docs/results.md", format!("The price of the weights ({decay}) and the rule")),
        ("docs/results.md", format!("A price of {} for the weights, twice the default", 2.0 * decay)),
        (path, format!("at radii from {least} to {most} standard deviations")),
        (path, format!("until {} rows or all have been judged", choice.judged)),
    ]
}

#[test]
fn sentences_with_a_default_have_its_value() {
    for (name, sentence) in sentences() {
        let page = plain(&page(name));
        assert!(page.contains(&sentence), "{name} does not say (any more): {sentence}");
    }
}

/// Sentences in which a number stands beside the word `default`, outside of blocks of code.
fn beside_a_number(page: &str) -> Vec<String> {
    let prose: Vec<&str> = page.split("\n```").step_by(2).collect();
    let prose = plain(&prose.join("\n"));
    let sentences = prose.split(". ").flat_map(|sentence| sentence.split(" | ")).flat_map(|part| part.split(" - "));
    let named = |part: &&str| part.to_lowercase().contains("default");
    let counts = |part: &&str| {
        let words = part.split([' ', '(', ')', ',', ';', ':', '`']);
        words.filter(|word| word.parse::<f64>().is_ok()).any(|word| word.contains(|c: char| c.is_ascii_digit()))
    };
    sentences.filter(named).filter(counts).map(str::to_owned).collect()
}

/// A new sentence with a default gets a line in [`sentences`].
#[test]
fn every_sentence_with_a_number_and_a_default_is_checked() {
    /// Sentences about other programs.
    const OTHERS: [&str; 1] = ["its default of at most 10000 steps"];
    for (name, page) in pages() {
        for part in beside_a_number(&page) {
            let checked = sentences().iter().any(|(of, sentence)| *of == name && part.contains(sentence.as_str()));
            let other = OTHERS.iter().any(|other| part.contains(other));
            assert!(checked || other, "{name}: no test compares this with the recipe: {part}");
        }
    }
}

/// The checks can fail.
#[test]
fn wrong_defaults_are_found() {
    assert!(parameters("`seed=0`, `decay`, `verbose=False`, `lipschitz_price=\"auto\"`").is_ok());
    for wrong in ["`seed=1`", "`lipschitz_price=0.01`", "`norm=\"inf\"`", "`output_bias=False`", "`tol=1e-6`"] {
        assert!(parameters(wrong).is_err(), "{wrong}");
    }
    let table = "| `--start` | how |\n|---|---|\n| `sgd` | well; the default |\n| `admm` | slowly |\n\nthe default\n";
    assert_eq!(called_default(table), [("--start".to_owned(), "sgd".to_owned())]);
    assert_eq!(beside_a_number("It is 3. The default is 0.5 here. Defaults are good."), ["The default is 0.5 here"]);
    assert!(beside_a_number("See:\n```\nthe default is 3\n```\n").is_empty());
}
