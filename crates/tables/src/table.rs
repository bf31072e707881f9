//! Tables as files hold them: named columns of numbers or words.
//!
//! A table is read once, whole, and judged column by column: a column that cannot be used (a missing value, an
//! infinity, words among numbers) keeps its complaint, with file, row and column, until somebody asks for its
//! values. So a file with an unusable column is still good for everything that leaves this column out.
//!
//! Rows are counted from 1 and do not include the header; lines, where a message names one, are lines of the file.

use crate::dates::Order;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use tautnet::error::{Error, Result, mention};
use tautnet::limits::Limits;
use tautnet::printable::{list, shown};

/// Columns of equal length, with the name of where they came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    source: String,
    rows: usize,
    columns: Vec<Column>,
    /// Where each name stands: tables may have very many columns.
    places: HashMap<String, usize>,
    /// What is to be said of how it was read.
    notes: Vec<String>,
    /// Where it is from several files, or a part of them: for each the first row that it has here, what it is called, and how many of its own
    /// rows are before.
    parts: Vec<(usize, Arc<str>, u64)>,
}

/// A column with its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its name, from the header, or `column_1`, `column_2`, … in a file without one.
    pub name: String,
    pub(crate) content: Result<Content>,
    pub(crate) note: Option<String>,
    pub(crate) gaps: Option<Gaps>,
}

/// What a column holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    /// Numbers or words.
    Values(Values),
    /// Dates, in seconds since 1970, in every order that they may be written in.
    Dates {
        /// The first of them, as it is written.
        first: String,
        /// Where they are from, for messages.
        source: String,
        /// The orders, each with the dates that it gives.
        readings: Vec<(Order, Vec<f64>)>,
    },
}

/// The rows of a column that have no value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Gaps {
    /// Counted from 0, increasing.
    pub(crate) rows: Vec<usize>,
    /// The first of them, in words.
    pub(crate) complaint: String,
}

/// The values of a column: numbers or words.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// One finite number a row.
    Numbers(Vec<f64>),
    /// One word a row: `levels[codes[k]]` is the word of row k; levels are sorted.
    Words {
        /// The different words, sorted.
        levels: Vec<String>,
        /// Index of each row's word in `levels`.
        codes: Vec<u32>,
    },
}

/// How to read a file; the default detects everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadOptions {
    /// Whether the first row names the columns; `None` detects it.
    pub header: Option<bool>,
    /// What separates the fields of a row; `None` detects it among `,` `;` tab and `|`.
    pub delimiter: Option<u8>,
    /// The most that is read.
    pub limits: Limits,
}

impl Table {
    /// A table from its columns; refuses empty tables, unequal lengths and duplicate names.
    pub fn new(source: impl Into<String>, columns: Vec<Column>) -> Result<Self> {
        let source = source.into();
        let rows = columns.iter().find_map(|c| c.content.as_ref().ok()).map_or(usize::MAX, Content::len);
        Self::with_rows(source, columns, rows)
    }

    /// The same, the number of rows being known (a flawed column has no length of its own).
    pub(crate) fn with_rows(source: String, columns: Vec<Column>, rows: usize) -> Result<Self> {
        if columns.is_empty() {
            return Err(Error::new(
                format!("{source} has no columns"),
                "give a table with a header and rows of values",
            ));
        }
        if rows == 0 {
            return Err(empty(&source));
        }
        let places = check_names(&source, columns.iter().map(|column| &*column.name))?;
        for column in &columns {
            if let Some(length) = column.content.as_ref().ok().map(Content::len).filter(|length| *length != rows) {
                return Err(Error::new(
                    format!("{source}: column `{}` has {length} rows where {rows} are due", column.name),
                    "give columns of equal length",
                ));
            }
        }
        Ok(Self { source, rows, columns, places, notes: Vec::new(), parts: Vec::new() })
    }

    /// The table with what is to be said of how it was read.
    pub(crate) fn with_notes(self, notes: Vec<String>) -> Self {
        Self { notes, ..self }
    }

    /// The table with the files that its rows are from.
    pub(crate) fn with_parts(self, parts: Vec<(usize, Arc<str>, u64)>) -> Self {
        Self { parts, ..self }
    }

    /// The table with rows from the same files as those of another one.
    pub(crate) fn with_parts_of(self, other: &Self) -> Self {
        self.with_parts(other.parts.clone())
    }

    /// The rows of this range (from 0), which messages call by their numbers in the whole.
    pub fn slice(&self, rows: Range<usize>) -> Table {
        let (file, number) = self.origin(rows.start);
        let parts = vec![(0, file.into(), number - 1)];
        self.select(&rows.collect::<Vec<_>>()).with_parts(parts)
    }

    /// The file of a row (counted from 0), and its number there, counted from 1.
    pub(crate) fn origin(&self, row: usize) -> (&str, u64) {
        match self.parts.iter().rfind(|(first, ..)| *first <= row) {
            Some((first, file, before)) => (file, before + (row - first) as u64 + 1),
            None => (&self.source, row as u64 + 1),
        }
    }

    /// What is to be said of how it was read: a row of units that was left out, a header that has numbers.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Where the table came from, for messages.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// All columns, in the order of the file.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The column of this name, whether or not it can be used.
    pub fn column(&self, name: &str) -> Result<&Column> {
        let found = self.places.get(name).map(|&place| &self.columns[place]);
        found.ok_or_else(|| absent(&self.source, self.columns.iter().map(|column| &*column.name), name))
    }

    /// The rows of these indices (from 0), in this order.
    pub fn select(&self, rows: &[usize]) -> Table {
        let pick = |column: &Column| {
            let content = column.content.as_ref().map_err(Error::clone).map(|content| content.select(rows));
            let gaps = column.gaps.as_ref().and_then(|gaps| gaps.select(rows));
            Column { name: column.name.clone(), content, note: column.note.clone(), gaps }
        };
        let columns = self.columns.iter().map(pick).collect();
        let (source, places, notes) = (self.source.clone(), self.places.clone(), self.notes.clone());
        Table { source, rows: rows.len(), columns, places, notes, parts: Vec::new() }
    }
}

/// The refusal of a table without rows.
pub(crate) fn empty(source: &str) -> Error {
    Error::new(
        format!("{source} has a header but no rows"),
        "at least one row of values is needed; if the first row is data, say that there is no header",
    )
}

/// The refusal of a name that no column has.
pub(crate) fn absent<'a>(source: &str, mut names: impl Iterator<Item = &'a str> + Clone, name: &str) -> Error {
    let hint = match names.clone().find(|other| other.eq_ignore_ascii_case(name)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("its columns are {}", list(names.by_ref())),
    };
    Error::new(format!("{source} has no column `{name}`"), hint)
}

/// The places of columns by their names; no two may have one name.
pub(crate) fn check_names<'a>(source: &str, names: impl Iterator<Item = &'a str>) -> Result<HashMap<String, usize>> {
    let mut places = HashMap::with_capacity(names.size_hint().0);
    for (j, name) in names.enumerate() {
        if let Some(i) = places.insert(name.to_owned(), j) {
            return Err(Error::new(
                format!("{source}: columns {} and {} are both named `{name}`", i + 1, j + 1),
                "rename one of them in the header",
            ));
        }
    }
    Ok(places)
}

impl Column {
    /// A column of dates without any, for what is said of them.
    pub(crate) fn of_dates(source: &str, name: &str, first: &str) -> Self {
        let content = Content::Dates { first: first.to_owned(), source: source.to_owned(), readings: Vec::new() };
        Self { name: name.to_owned(), content: Ok(content), note: None, gaps: None }
    }

    /// A column from its values, which are taken as they are.
    pub fn new(name: impl Into<String>, values: Values) -> Self {
        let content = Ok(Content::Values(values));
        Self { name: name.into(), content, note: None, gaps: None }
    }

    /// The values, or why they cannot be used.
    pub fn values(&self) -> Result<&Values> {
        let values = self.known()?;
        match &self.gaps {
            Some(gaps) => Err(Error::new(&*gaps.complaint, FILL)),
            None => Ok(values),
        }
    }

    /// The same where rows without a value are allowed: at those rows, which [`missing`](Self::missing) tells, the values mean nothing.
    pub fn known(&self) -> Result<&Values> {
        match self.content.as_ref().map_err(Error::clone)? {
            Content::Values(values) => Ok(values),
            Content::Dates { first, source, .. } => Err(Error::new(
                format!("{source}: column `{}` holds dates, such as `{}`", self.name, shown(first)),
                format!(
                    "leave the column out; or say what to make of them: {} or {}",
                    mention("date", &format!("{}=parts", shown(&self.name))),
                    mention("date", &format!("{}=days", shown(&self.name)))
                ),
            )),
        }
    }

    /// The rows that have no value, counted from 0.
    pub fn missing(&self) -> &[usize] {
        self.gaps.as_ref().map_or(&[], |gaps| &gaps.rows)
    }

    /// What is to be said of the values, if anything: an integer above 2^53 becomes the nearest double, numbers had separators.
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref().filter(|_| self.content.is_ok())
    }

    /// Least and largest number, of a column of numbers.
    pub fn range(&self) -> Option<(f64, f64)> {
        let Ok(Values::Numbers(v)) = self.known() else { return None };
        let known = self.known_rows(v.len()).map(|k| v[k]);
        Some(known.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x))))
    }

    /// Whether the value is the same in every row that has one.
    pub fn is_constant(&self) -> bool {
        fn same<T: PartialEq>(mut values: impl Iterator<Item = T>) -> bool {
            let first = values.next();
            values.all(|value| Some(value) == first)
        }
        match self.known() {
            Ok(Values::Numbers(v)) => same(self.known_rows(v.len()).map(|k| v[k])),
            Ok(Values::Words { codes, .. }) => same(self.known_rows(codes.len()).map(|k| codes[k])),
            Err(_) => false,
        }
    }

    /// Whether it has another word in every row that has one, of more than a few.
    pub(crate) fn is_all_different(&self) -> bool {
        const FEW: usize = 20;
        match self.known() {
            Ok(Values::Words { levels, codes }) => {
                levels.len() > FEW && levels.len() == codes.len() - self.missing().len()
            }
            _ => false,
        }
    }

    /// The rows that have a value, of so many.
    pub(crate) fn known_rows(&self, rows: usize) -> impl Iterator<Item = usize> {
        let mut missing = self.missing().iter().peekable();
        (0..rows).filter(move |k| missing.next_if_eq(&k).is_none())
    }
}

/// What to do about missing values.
pub(crate) const FILL: &str = "fill the values or drop the rows, or leave the column out; or say what to do with all of them: ⟨missing=drop⟩, median or \
                    indicator";

impl Content {
    /// Number of rows.
    fn len(&self) -> usize {
        match self {
            Self::Values(values) => values.len(),
            Self::Dates { readings, .. } => readings.first().map_or(0, |(_, seconds)| seconds.len()),
        }
    }

    /// The rows of these indices.
    fn select(&self, rows: &[usize]) -> Self {
        let pick = |numbers: &Vec<f64>| rows.iter().map(|&k| numbers[k]).collect();
        match self {
            Self::Values(Values::Numbers(numbers)) => Self::Values(Values::Numbers(pick(numbers))),
            Self::Values(Values::Words { levels, codes }) => {
                Self::Values(Values::Words { levels: levels.clone(), codes: rows.iter().map(|&k| codes[k]).collect() })
            }
            Self::Dates { first, source, readings } => Self::Dates {
                first: first.clone(),
                source: source.clone(),
                readings: readings.iter().map(|(order, seconds)| (*order, pick(seconds))).collect(),
            },
        }
    }
}

impl Gaps {
    /// The gaps among the rows of these indices.
    fn select(&self, rows: &[usize]) -> Option<Self> {
        let is_gap = |k: &usize| self.rows.binary_search(k).is_ok();
        let left: Vec<usize> = (0..rows.len()).filter(|&k| is_gap(&rows[k])).collect();
        (!left.is_empty()).then(|| Self { rows: left, complaint: self.complaint.clone() })
    }
}

impl Values {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Values::Numbers(v) => v.len(),
            Values::Words { codes, .. } => codes.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
