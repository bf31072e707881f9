//! The tables of a NOTATION.md: no symbol stands in two rows.

use std::collections::BTreeMap;

/// The heading of the first column of every table of symbols.
const SYMBOL: &str = "symbol";

/// The symbols of a text with the lines in which they stand, in tables whose first column is headed `symbol`.
pub fn symbols(text: &str) -> BTreeMap<String, Vec<usize>> {
    let mut symbols: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut inside = false;
    for (at, line) in text.lines().enumerate() {
        let Some(cell) = line.strip_prefix('|').and_then(|rest| rest.split('|').next()).map(str::trim) else {
            inside = false;
            continue;
        };
        if cell == SYMBOL {
            inside = true;
        } else if inside && !cell.starts_with("---") {
            for symbol in split(cell) {
                symbols.entry(symbol).or_default().push(at + 1);
            }
        }
    }
    symbols
}

/// The symbols of a cell. Commas and semicolons part them, but not inside brackets; what a symbol depends on, in brackets
/// after it, is no part of it.
fn split(cell: &str) -> Vec<String> {
    let mut symbols = vec![String::new()];
    let mut depth = 0;
    for character in cell.chars() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' | ';' if depth == 0 => symbols.push(String::new()),
            _ if depth == 0 => symbols.last_mut().expect("there is one").push(character),
            _ => {}
        }
    }
    // A symbol that is all brackets, such as the name of a formula, is not one.
    symbols.iter().map(|symbol| symbol.trim().to_owned()).filter(|symbol| !symbol.is_empty()).collect()
}

/// Every symbol that has two rows, with the lines, as sentences.
pub fn doubles(file: &str, text: &str) -> Vec<String> {
    let twice = symbols(text).into_iter().filter(|(_, lines)| lines.len() > 1);
    twice
        .map(|(symbol, lines)| {
            let lines: Vec<String> = lines.iter().map(usize::to_string).collect();
            format!("{file}: `{symbol}` stands in the lines {}; give one of them another letter", lines.join(" and "))
        })
        .collect()
}
