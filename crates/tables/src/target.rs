//! What a target can be: numbers that vary, or a few classes that no other column tells.

use crate::column::canonical;
use crate::table::{Column, Table, Values};
use tautnet::error::{Error, Result};
use tautnet::printable::{list, shown};

/// What the target of a table is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Task {
    /// Words, or the numbers 0 and 1 or −1 and 1, are classes; other numbers are numbers.
    #[default]
    Auto,
    /// Classes, whatever they are written as.
    Classify,
    /// A number.
    Regress,
}

/// Refuse a target that is named twice, and several targets that are to be classes.
pub(crate) fn check_targets_asked(task: Task, targets: &[&str]) -> Result<()> {
    if let Some((_, name)) = targets.iter().enumerate().find(|(k, name)| targets[..*k].contains(name)) {
        return Err(Error::new(format!("the target `{}` is named twice", shown(name)), "name every target once"));
    }
    if targets.len() > 1 && task == Task::Classify {
        return Err(Error::new(
            format!("{} targets are to be classes", targets.len()),
            "several targets are numbers; name one target, or leave out ⟨classify⟩",
        ));
    }
    Ok(())
}

/// Refuse targets that are the same in every row.
pub(crate) fn check_varies(source: &str, name: &str, y: &[f64]) -> Result<()> {
    if y.len() > 1 && y.iter().all(|value| *value == y[0]) {
        return Err(Error::new(
            format!("{source}: the target column `{name}` is {} in every row", y[0]),
            "name the column to predict as the target; there is nothing to learn in a constant",
        ));
    }
    Ok(())
}

/// The classes of a target column, where it is taken for a class.
pub(crate) fn classes(task: Task, source: &str, column: &Column) -> Result<Option<Vec<String>>> {
    let (found, usual): (Vec<String>, bool) = match column.values()? {
        _ if task == Task::Regress => return Ok(None),
        Values::Words { levels, .. } => (levels.clone(), true),
        Values::Numbers(numbers) => {
            let mut distinct: Vec<f64> = Vec::new();
            for number in numbers {
                // So many are too many already.
                if distinct.len() <= MOST_CLASSES && !distinct.contains(number) {
                    distinct.push(*number);
                }
            }
            distinct.sort_by(f64::total_cmp);
            let usual = distinct == [0.0, 1.0] || distinct == [-1.0, 1.0];
            (distinct.into_iter().map(canonical).collect(), usual)
        }
    };
    if task == Task::Auto && !usual {
        return Ok(None);
    }
    let number = found.iter().find(|class| class.parse::<f64>().is_ok());
    let word = found.iter().find(|class| class.parse::<f64>().is_err());
    if let (Some(number), Some(word), Task::Auto) = (number, word, task) {
        return Err(Error::new(
            format!(
                "{source}: the target column `{}` has numbers and words: `{}` and `{}`",
                column.name,
                shown(number),
                shown(word)
            ),
            "mend the rows; where they are classes as they stand, ask for it by ⟨classify⟩",
        ));
    }
    if (2..=MOST_CLASSES).contains(&found.len()) {
        return Ok(Some(found));
    }
    let many = if found.len() > 2 { format!("more than {MOST_CLASSES} classes") } else { "only one class".into() };
    let words = list(found.iter().take(3).map(String::as_str));
    let others = if found.len() > 3 { ", …" } else { "" };
    Err(Error::new(
        format!("{source}: the target column `{}` has {many}: {words}{others}", column.name),
        "name a column of a few classes, or of numbers, as the target; each class needs rows to learn from",
    ))
}

/// A target of more classes is hardly one.
const MOST_CLASSES: usize = 100;

pub(crate) fn no_inputs(table: &Table) -> Error {
    Error::new(
        format!("{} has no input column beside the target", table.source()),
        "at least one input column and one target column are needed; is the delimiter right?",
    )
}

/// Refuse a target that is one of several columns of 0 and 1 for one class, the others being inputs: they say what it is.
pub(crate) fn check_one_column(table: &Table, target: &Column, inputs: &[&str]) -> Result<()> {
    fn zeros_and_ones(column: &Column) -> Option<&[f64]> {
        match column.values() {
            Ok(Values::Numbers(numbers)) => numbers.iter().all(|one| *one == 0.0 || *one == 1.0).then_some(numbers),
            _ => None,
        }
    }
    let Some(mut sum) = zeros_and_ones(target).map(<[f64]>::to_vec) else { return Ok(()) };
    let at = table.columns().iter().position(|column| column.name == target.name).unwrap_or_default();
    let (before, after) = table.columns().split_at(at);
    let is_input = |column: &&Column| inputs.contains(&&*column.name);
    let mut names = vec![target.name.as_str()];
    // Those next to the target first.
    for column in before.iter().rev().chain(after).filter(is_input) {
        let Some(numbers) = zeros_and_ones(column).filter(|numbers| numbers.contains(&1.0)) else { continue };
        if numbers.iter().zip(&sum).any(|(one, sum)| one + sum > 1.0) {
            continue;
        }
        sum.iter_mut().zip(numbers).for_each(|(sum, one)| *sum += one);
        names.push(&column.name);
        if sum.iter().all(|sum| *sum == 1.0) {
            return Err(Error::new(
                format!(
                    "{}: in every row exactly one of the columns {} is 1: they are one class, and tell the target",
                    table.source(),
                    list(names.into_iter())
                ),
                format!(
                    "make one column of words of them, to be the target; or leave out all of them but `{}`, which asks whether it is that one",
                    target.name
                ),
            ));
        }
    }
    Ok(())
}
