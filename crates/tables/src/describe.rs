//! What each column of a table is taken for, what would be done with it, and what had better be said about it.

use crate::dates::written;
use crate::encoder::{Chosen, ColumnChoice};
use crate::preparation::Missing;
use crate::table::{Column, Content, Table, Values};
use crate::target::{Task, classes};
use std::collections::HashSet;
use tautnet::error::Result;
use tautnet::printable::shown;

/// A column, described.
#[derive(Debug, Clone, PartialEq)]
pub struct Described {
    /// The name.
    pub name: String,
    /// What its values are taken for.
    pub kind: Kind,
    /// Rows without a value.
    pub missing: usize,
    /// What it is used for.
    pub role: Role,
    /// What is odd about it.
    pub oddity: Option<Oddity>,
}

/// What the values of a column are taken for.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Numbers.
    Numbers {
        /// The least one.
        least: f64,
        /// The largest one.
        largest: f64,
    },
    /// Words.
    Words {
        /// The different ones, sorted.
        levels: Vec<String>,
    },
    /// Dates.
    Dates {
        /// The first in the table, as it is written.
        first: String,
        /// The earliest one.
        earliest: String,
        /// The latest one.
        latest: String,
        /// The orders of day, month and year in which they can be read.
        orders: Vec<&'static str>,
    },
    /// Nothing that could be used.
    Unusable {
        /// Why.
        what: String,
        /// What would do.
        hint: String,
    },
}

/// What a column is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// An input.
    Input,
    /// A target of numbers.
    Target,
    /// A target that is a class.
    Class,
    /// Left out.
    LeftOut,
}

/// What is odd about an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oddity {
    /// Its numbers count the rows.
    Counts,
    /// It has a different word in every row.
    AllDifferent,
    /// It is the same in every row.
    Constant,
    /// It is the same in all rows but so many.
    NearlyConstant(usize),
}

/// From so many rows on, numbers that count up count the rows, and a value that all rows but a few have is nearly constant.
const SOME_ROWS: usize = 20;

/// The columns of a table, as the choice would use them.
pub fn describe(table: &Table, choice: &ColumnChoice<'_>) -> Result<Vec<Described>> {
    let Chosen { targets, inputs, .. } = choice.of(table)?;
    let [inputs, target_names] =
        [&inputs, &targets].map(|columns| columns.iter().map(|column| &*column.name).collect::<HashSet<&str>>());
    let task = if targets.len() > 1 { Task::Regress } else { choice.task };
    let role = |column: &Column| match &*column.name {
        name if inputs.contains(name) => Role::Input,
        name if !target_names.contains(name) => Role::LeftOut,
        _ => match column.known().and_then(|_| classes(task, table.source(), column)) {
            Ok(Some(_)) => Role::Class,
            _ => Role::Target,
        },
    };
    let described = table.columns().iter().map(|column| {
        let role = role(column);
        let oddity = if role == Role::Input { oddity(column) } else { None };
        Described { name: column.name.clone(), kind: kind(column), missing: column.missing().len(), role, oddity }
    });
    Ok(described.collect())
}

fn kind(column: &Column) -> Kind {
    match &column.content {
        Ok(Content::Values(Values::Words { levels, .. })) => Kind::Words { levels: levels.clone() },
        Ok(Content::Values(Values::Numbers(numbers))) if column.missing().len() < numbers.len() => {
            let (least, largest) = column.range().unwrap_or_default();
            Kind::Numbers { least, largest }
        }
        Ok(Content::Values(Values::Numbers(_))) => {
            Kind::Unusable { what: "it has no value in any row".into(), hint: "leave the column out".into() }
        }
        Ok(Content::Dates { first, readings, .. }) => {
            let seconds = readings.first().map_or(&[][..], |(_, seconds)| seconds);
            let known = || column.known_rows(seconds.len()).map(|k| seconds[k]);
            Kind::Dates {
                first: first.clone(),
                earliest: written(known().fold(f64::INFINITY, f64::min)),
                latest: written(known().fold(f64::NEG_INFINITY, f64::max)),
                orders: readings.iter().map(|(order, _)| order.name()).collect(),
            }
        }
        Err(flaw) => Kind::Unusable { what: flaw.what.clone(), hint: flaw.hint.clone() },
    }
}

/// What is odd about a column that is to be an input.
pub fn oddity(column: &Column) -> Option<Oddity> {
    let values = column.known().ok()?;
    let rows: Vec<usize> = column.known_rows(values.len()).collect();
    if column.is_constant() {
        return (rows.len() > 1).then_some(Oddity::Constant);
    }
    if rows.len() <= SOME_ROWS {
        return None;
    }
    // How many rows do not have the value that most of them have, where it is nearly all of them: that of two of any three rows.
    fn others<T: PartialEq + Copy>(of: impl Fn(usize) -> T, rows: &[usize]) -> Option<usize> {
        let (a, b, c) = (of(rows[0]), of(rows[rows.len() / 2]), of(rows[rows.len() - 1]));
        let most = if b == c { b } else { a };
        let others = rows.iter().filter(|&&k| of(k) != most).count();
        (others * 200 <= rows.len()).then_some(others)
    }
    match values {
        Values::Numbers(numbers) => {
            let counts = rows.windows(2).all(|pair| numbers[pair[1]] - numbers[pair[0]] == (pair[1] - pair[0]) as f64);
            if counts && numbers[rows[0]].fract() == 0.0 {
                return Some(Oddity::Counts);
            }
            others(|k| numbers[k], &rows).map(Oddity::NearlyConstant)
        }
        Values::Words { .. } if column.is_all_different() => Some(Oddity::AllDifferent),
        Values::Words { codes, .. } => others(|k| codes[k], &rows).map(Oddity::NearlyConstant),
    }
}

impl Described {
    /// What had better be said of the column, as a flag of the command line; `--missing` is said once for all columns.
    pub fn flag(&self) -> Option<String> {
        let name = shown(&self.name);
        let quoted = if name.contains([' ', '"', '$', '*', '?', '\'', '&', ';', '(', ')']) {
            |text: String| format!("'{text}'")
        } else {
            |text: String| text
        };
        match (&self.kind, self.role, self.oddity) {
            (_, Role::LeftOut | Role::Target | Role::Class, _) => None,
            (Kind::Unusable { .. }, ..) | (_, _, Some(Oddity::Counts | Oddity::AllDifferent | Oddity::Constant)) => {
                Some(format!("--drop {}", quoted(name)))
            }
            (Kind::Dates { orders, .. }, ..) => {
                let order = if orders.len() > 1 { format!(",{}", orders[0]) } else { String::new() };
                Some(format!("--date {}", quoted(format!("{name}=parts{order}"))))
            }
            _ => None,
        }
    }

    /// What would be done with the column, in a sentence.
    pub fn in_words(&self, missing: Missing, asked_of_dates: bool) -> String {
        let gaps = match (self.missing, missing, self.role) {
            (0, ..) | (.., Role::LeftOut) => "",
            (_, Missing::Refuse, _) => "; refused, for values are missing",
            (_, _, Role::Target | Role::Class) => "; rows without it are left out",
            (_, Missing::Drop, _) => "; rows without it are left out",
            (_, Missing::Median, _) => "; what is missing is filled",
            (_, Missing::Indicator, _) => "; what is missing is filled, an input tells where",
        };
        let base = match (self.role, &self.kind, self.oddity) {
            (Role::LeftOut, ..) => "left out".to_owned(),
            (_, Kind::Unusable { hint, .. }, _) => format!("cannot be used: {hint}"),
            (Role::Target, ..) => "the target, a number".to_owned(),
            (Role::Class, ..) => "the target, a class".to_owned(),
            (_, _, Some(Oddity::Counts)) => {
                "an input, but it counts the rows: leave it out if it only names them".to_owned()
            }
            (_, _, Some(Oddity::AllDifferent)) => "refused: it has another word in every row; leave it out".to_owned(),
            (_, _, Some(Oddity::Constant)) => "an input that tells nothing: it is the same in every row".to_owned(),
            (_, _, Some(Oddity::NearlyConstant(rows))) => {
                format!("an input that tells little: it is the same in all rows but {rows}")
            }
            (_, Kind::Dates { .. }, _) if asked_of_dates => "dates, of which inputs are made".to_owned(),
            (_, Kind::Dates { .. }, _) => "refused: say what to make of the dates, parts or days".to_owned(),
            (_, Kind::Words { levels }, _) => {
                format!("an input, one column of 0 and 1 for each of {} words", levels.len())
            }
            (_, Kind::Numbers { .. }, _) => "an input".to_owned(),
        };
        base + gaps
    }
}
