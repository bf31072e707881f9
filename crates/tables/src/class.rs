//! Classes as numbers, and as words in messages.

use tautnet::error::{Error, Result};
use tautnet::printable::shown;

/// What stands for the class at a place among so many: −1 and 1 of two, the place itself of several.
pub fn class_number(place: usize, of: usize) -> f64 {
    if of > 2 { place as f64 } else { 2.0 * place as f64 - 1.0 }
}

/// Classes as alternatives, the first of them where there are many.
pub fn either(classes: &[String]) -> String {
    const SHOWN: usize = 6;
    let names: Vec<String> = classes.iter().map(|class| format!("`{}`", shown(class))).collect();
    match names.as_slice() {
        [first @ .., last] if names.len() <= SHOWN => format!("{} or {last}", first.join(", ")),
        _ => format!("{} or {} others", names[..SHOWN].join(", "), names.len() - SHOWN),
    }
}

/// Refuse targets to learn from that lack one of the classes; say of a class that it has fewer rows than `parts`, which are held out in
/// turn.
pub fn check_learned(classes: &[String], y: &[f64], parts: usize) -> Result<Option<String>> {
    let rows = y.len();
    let counted = classes.iter().enumerate().map(|(place, class)| {
        let count = y.iter().filter(|y| **y == class_number(place, classes.len())).count();
        (count, class)
    });
    let (fewest, class) = counted.min_by_key(|(count, _)| *count).expect("there are classes");
    let class = shown(class);
    if fewest == 0 {
        return Err(Error::new(
            format!("none of the {rows} rows to learn from is of the class `{class}`"),
            "give rows of every class; where rows are held out by chance, hold out fewer or take another ⟨seed⟩",
        ));
    }
    let are = if fewest == 1 { "is" } else { "are" };
    Ok((fewest < parts).then(|| {
        format!(
            "only {fewest} of the {rows} rows to learn from {are} of the class `{class}`, fewer than the {parts} parts that are held out in \
             turn: what is told of this class is little more than a guess; give more rows of it"
        )
    }))
}
