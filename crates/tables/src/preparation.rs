//! What is done with a table before its columns become inputs: rows without a value, and dates.
//!
//! A [`Preparation`] is learned with the columns, kept with them in the model, and done with every later table in the same way:
//!
//! ```text
//! drop         rows without a value are left out of what is learned or measured; what is to be predicted needs its values
//! median       a missing number becomes the median of those that were learned, a missing word the most frequent one
//! indicator    the same, and an input `COLUMN=missing` that is 1 in these rows, where the column had such rows
//! when=days    the column `when` becomes the input `when.days`, days since 1970
//! when=parts   it becomes `when.year`, `when.month`, `when.day`, `when.weekday`, `when.hour` and `when.minute`, those that vary
//! ```

use crate::dates::{AskedDate, Order, Part};
use crate::table::{Column, Content, FILL, Table, Values};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::str::FromStr;
use tautnet::error::{Error, Result, mention};
use tautnet::printable::{list, shown};

/// What is done with rows that have no value in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// Such tables are refused.
    #[default]
    Refuse,
    /// Such rows are left out.
    Drop,
    /// The median, or the most frequent word.
    Median,
    /// The same, and an input that tells that there was none.
    Indicator,
}

impl Missing {
    /// All of them, by name.
    pub const ALL: [(&'static str, Self); 4] =
        [("refuse", Self::Refuse), ("drop", Self::Drop), ("median", Self::Median), ("indicator", Self::Indicator)];
}

impl FromStr for Missing {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|(name, _)| *name == text).map(|(_, missing)| missing).ok_or_else(|| {
            Error::new(
                format!("nothing called `{}` can be done with missing values", shown(text)),
                format!("choose one of {}", list(Self::ALL.iter().map(|(name, _)| *name))),
            )
        })
    }
}

/// What is done with tables before their columns become inputs.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preparation {
    /// What is done with rows that have no value.
    #[serde(default)]
    pub missing: Missing,
    /// The columns of dates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dates: Vec<DateColumn>,
    /// What stands for missing values, column by column.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fills: Vec<Fill>,
}

/// A column of dates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DateColumn {
    /// The name of the column.
    pub column: String,
    /// The order in which it has year, month and day.
    pub order: Order,
    /// The inputs that are made of it.
    pub parts: Vec<Part>,
}

/// What stands for the missing values of a column: a number, of dates in seconds since 1970, or a word.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fill {
    /// The name of the column.
    pub column: String,
    /// The number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<f64>,
    /// The word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word: Option<String>,
    /// Whether an input tells where there was no value.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub indicator: bool,
}

/// The input that is made of a column of dates.
fn part_name(column: &str, part: Part) -> String {
    format!("{column}.{}", part.name())
}

/// The input that tells where a column had no value.
fn indicator_name(column: &str) -> String {
    format!("{column}{INDICATOR}")
}

const INDICATOR: &str = "=missing";

impl Preparation {
    /// Whether nothing is done.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Learn what is to be done with these columns of a table, which are to be inputs.
    pub(crate) fn fit(table: &Table, columns: &[&Column], missing: Missing, asked: &[AskedDate]) -> Result<Self> {
        for AskedDate { column, .. } in asked {
            let known = table.column(column)?;
            if !columns.iter().any(|other| other.name == known.name) {
                return Err(Error::new(
                    format!("`{}` is no input, and dates are to be made of it", shown(column)),
                    "leave out what is said of its dates, or do not leave out the column",
                ));
            }
        }
        let mut dates = Vec::new();
        for column in columns {
            if let Some(asked) = asked.iter().find(|asked| asked.column == column.name) {
                dates.push(date_column(table.source(), column, asked)?);
            }
        }
        refuse_gaps(table.source(), columns, missing)?;
        let mut fills = Vec::new();
        if matches!(missing, Missing::Median | Missing::Indicator) {
            for column in columns {
                let date = dates.iter().find(|date| date.column == column.name);
                fills.push(fill(table.source(), column, date, missing == Missing::Indicator)?);
            }
        }
        Ok(Self { missing, dates, fills })
    }

    /// The table as its columns become inputs.
    pub(crate) fn apply<'a>(&self, table: &'a Table) -> Result<Cow<'a, Table>> {
        if self.dates.is_empty() && self.fills.is_empty() {
            return Ok(Cow::Borrowed(table));
        }
        // A column that is to be there and is not is told by whoever looks for its inputs.
        for date in &self.dates {
            table.column(&date.column)?;
        }
        let fills: HashMap<&str, &Fill> = self.fills.iter().map(|fill| (&*fill.column, fill)).collect();
        let mut columns = Vec::with_capacity(table.columns().len());
        for column in table.columns() {
            let fill = fills.get(&*column.name).copied();
            match self.dates.iter().find(|date| date.column == column.name) {
                Some(date) => columns.extend(date.inputs(table.source(), column, fill)?),
                None => columns.push(match fill {
                    Some(fill) => fill.column(table.source(), column)?,
                    None => column.clone(),
                }),
            }
            if fill.is_some_and(|fill| fill.indicator) {
                let mut numbers = vec![0.0; table.rows()];
                column.missing().iter().for_each(|&k| numbers[k] = 1.0);
                columns.push(Column::new(indicator_name(&column.name), Values::Numbers(numbers)));
            }
        }
        Table::with_rows(table.source().to_owned(), columns, table.rows())
            .map(|made| Cow::Owned(made.with_parts_of(table)))
    }

    /// The column of a file that an input is made of, where it is not the column itself; `None` for what tells that a value is missing.
    pub(crate) fn origin(&self, input: &str) -> Option<&str> {
        let made = |date: &&DateColumn| date.parts.iter().any(|part| part_name(&date.column, *part) == input);
        self.dates.iter().find(made).map(|date| date.column.as_str())
    }

    /// Whether an input tells that a value is missing.
    pub(crate) fn is_indicator(&self, input: &str) -> bool {
        let column = input.strip_suffix(INDICATOR);
        column.is_some_and(|column| self.fills.iter().any(|fill| fill.indicator && fill.column == column))
    }

    /// Refuse one that was not learned from a table.
    pub(crate) fn check(&self, inputs: &HashSet<&str>) -> Result<()> {
        let wrong = |what: String| Err(Error::new(what, "the file was changed after it was written; make it anew"));
        for date in &self.dates {
            if date.parts.is_empty() || !date.parts.iter().all(|part| inputs.contains(&*part_name(&date.column, *part)))
            {
                return wrong(format!("the dates of `{}` are no inputs", shown(&date.column)));
            }
        }
        for Fill { column, number, word, indicator } in &self.fills {
            let known = inputs.contains(&**column) || self.dates.iter().any(|date| date.column == *column);
            if !known || (*indicator && !inputs.contains(&*indicator_name(column))) {
                return wrong(format!("`{}` is no input, and its missing values are filled", shown(column)));
            }
            if number.is_some_and(|number| !number.is_finite()) || number.is_some() == word.is_some() {
                return wrong(format!("what stands for missing values of `{}` is no value", shown(column)));
            }
        }
        Ok(())
    }
}

/// Refuse missing values, all columns at once.
fn refuse_gaps(source: &str, columns: &[&Column], missing: Missing) -> Result<()> {
    let gaps: Vec<_> = columns.iter().filter_map(|column| Some((column, column.gaps.as_ref()?))).collect();
    match (missing, &gaps[..]) {
        (Missing::Refuse, [(_, gaps)]) => Err(Error::new(&*gaps.complaint, FILL)),
        (Missing::Refuse, [(_, first), ..]) => {
            const SHOWN: usize = 8;
            let told = gaps
                .iter()
                .take(SHOWN)
                .map(|(column, gaps)| format!("`{}` ({})", shown(&column.name), gaps.rows.len()));
            let told = told.collect::<Vec<_>>().join(", ");
            let more = if gaps.len() > SHOWN { format!(" and {} more", gaps.len() - SHOWN) } else { String::new() };
            let what = format!(
                "{source}: values are missing in {} columns (in brackets in how many rows): {told}{more}; the first: {}",
                gaps.len(),
                first.complaint
            );
            Err(Error::new(what, FILL))
        }
        _ => Ok(()),
    }
}

/// A column of dates in the order in which they are.
fn date_column(source: &str, column: &Column, asked: &AskedDate) -> Result<DateColumn> {
    let name = shown(&column.name);
    let Content::Dates { readings, first, .. } = column.content.as_ref().map_err(Error::clone)? else {
        return Err(Error::new(
            format!("{source}: column `{name}` holds no dates"),
            "dates are written as 2024-01-31, 31.01.2024 or 01/31/2024, with or without a time such as 12:30",
        ));
    };
    let orders = || list(readings.iter().map(|(order, _)| order.name()));
    let (order, seconds) = match (asked.order, &readings[..]) {
        (None, [one]) => one,
        (None, _) => {
            return Err(Error::new(
                format!("{source}: the dates of column `{name}`, such as `{}`, may be {}", shown(first), orders()),
                format!("say which: {}, for example", mention("date", &format!("{}=parts,dmy", column.name))),
            ));
        }
        (Some(order), _) => readings.iter().find(|(other, _)| *other == order).ok_or_else(|| {
            let what = format!("{source}: the dates of column `{name}` are not in the order {}", order.name());
            Error::new(what, format!("they may be {}", orders()))
        })?,
    };
    let known: Vec<f64> = column.known_rows(seconds.len()).map(|k| seconds[k]).collect();
    let varies = |part: &&Part| known.iter().any(|one| part.of(*one) != part.of(known[0]));
    let parts: Vec<Part> = asked.form.parts().iter().filter(varies).copied().collect();
    if parts.is_empty() {
        return Err(Error::new(
            format!("{source}: the dates of column `{name}` are the same in every row"),
            "leave the column out",
        ));
    }
    Ok(DateColumn { column: column.name.clone(), order: *order, parts })
}

/// What stands for the missing values of a column.
fn fill(source: &str, column: &Column, date: Option<&DateColumn>, indicate: bool) -> Result<Fill> {
    let of = |number, word| Fill {
        column: column.name.clone(),
        number,
        word,
        indicator: indicate && !column.missing().is_empty(),
    };
    let none = || {
        Error::new(
            format!("{source}: column `{}` has no value in any row", shown(&column.name)),
            "leave the column out",
        )
    };
    if let Some(date) = date {
        let seconds = date.seconds(source, column)?;
        return Ok(of(Some(median(column.known_rows(seconds.len()).map(|k| seconds[k])).ok_or_else(none)?), None));
    }
    match column.known()? {
        Values::Numbers(numbers) => {
            Ok(of(Some(median(column.known_rows(numbers.len()).map(|k| numbers[k])).ok_or_else(none)?), None))
        }
        Values::Words { levels, codes } => {
            let mut counts = vec![0usize; levels.len()];
            column.known_rows(codes.len()).for_each(|k| counts[codes[k] as usize] += 1);
            // Of equally frequent ones the first.
            let most = (0..levels.len()).rev().max_by_key(|&level| counts[level]).ok_or_else(none)?;
            Ok(of(None, Some(levels[most].clone())))
        }
    }
}

/// The median, where there is a number.
fn median(numbers: impl Iterator<Item = f64>) -> Option<f64> {
    let mut sorted: Vec<f64> = numbers.collect();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = (sorted.len().checked_sub(1)? / 2, sorted.len() / 2);
    Some(sorted[low] + (sorted[high] - sorted[low]) / 2.0)
}

impl DateColumn {
    /// Its dates, in seconds.
    fn seconds<'a>(&self, source: &str, column: &'a Column) -> Result<&'a [f64]> {
        let found = match column.content.as_ref().map_err(Error::clone)? {
            Content::Dates { readings, .. } => readings.iter().find(|(order, _)| *order == self.order),
            Content::Values(_) => None,
        };
        found.map(|(_, seconds)| seconds.as_slice()).ok_or_else(|| {
            Error::new(
                format!(
                    "{source}: column `{}` does not hold dates in the order {}",
                    shown(&self.column),
                    self.order.name()
                ),
                "give the dates as they were learned",
            )
        })
    }

    /// The inputs of a column.
    fn inputs(&self, source: &str, column: &Column, fill: Option<&Fill>) -> Result<Vec<Column>> {
        let mut seconds = self.seconds(source, column)?.to_vec();
        match (fill.and_then(|fill| fill.number), &column.gaps) {
            (Some(number), _) => column.missing().iter().for_each(|&k| seconds[k] = number),
            (None, Some(gaps)) => return Err(Error::new(&*gaps.complaint, FILL)),
            (None, None) => {}
        }
        let part = |part: &Part| {
            let numbers = seconds.iter().map(|one| part.of(*one)).collect();
            Column::new(part_name(&self.column, *part), Values::Numbers(numbers))
        };
        Ok(self.parts.iter().map(part).collect())
    }
}

impl Fill {
    /// A column with its missing values filled.
    fn column(&self, source: &str, column: &Column) -> Result<Column> {
        let missing = column.missing();
        if missing.is_empty() {
            return Ok(column.clone());
        }
        let values = match (column.known()?, self.number, &self.word) {
            (Values::Numbers(numbers), Some(number), _) => {
                let mut numbers = numbers.clone();
                missing.iter().for_each(|&k| numbers[k] = number);
                Values::Numbers(numbers)
            }
            // A column without any value is one of numbers until it is filled.
            (Values::Numbers(numbers), None, Some(word)) if missing.len() == numbers.len() => {
                Values::Words { levels: vec![word.clone()], codes: vec![0; numbers.len()] }
            }
            (Values::Words { levels, codes }, None, Some(word)) => {
                let mut levels = levels.clone();
                let code = levels.iter().position(|level| level == word).unwrap_or_else(|| {
                    levels.push(word.clone());
                    levels.len() - 1
                });
                let mut codes = codes.clone();
                missing.iter().for_each(|&k| codes[k] = code as u32);
                // Levels are sorted, wherever a table is looked at.
                sorted(levels, codes)
            }
            _ => {
                let due = if self.number.is_some() { "numbers" } else { "words" };
                return Err(Error::new(
                    format!("{source}: column `{}` does not hold {due}", shown(&column.name)),
                    format!("{due} were learned of it; give the column as it was"),
                ));
            }
        };
        Ok(Column { content: Ok(Content::Values(values)), gaps: None, ..column.clone() })
    }
}

/// Words with their levels in order.
fn sorted(levels: Vec<String>, codes: Vec<u32>) -> Values {
    let mut order: Vec<usize> = (0..levels.len()).collect();
    order.sort_by(|&a, &b| levels[a].cmp(&levels[b]));
    let mut rank = vec![0u32; levels.len()];
    order.iter().enumerate().for_each(|(place, &level)| rank[level] = place as u32);
    Values::Words {
        levels: order.iter().map(|&level| levels[level].clone()).collect(),
        codes: codes.into_iter().map(|code| rank[code as usize]).collect(),
    }
}
