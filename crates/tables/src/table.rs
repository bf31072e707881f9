//! Tables as files hold them: named columns of numbers or words.
//!
//! A table is read once, whole, and judged column by column: a column that cannot be used (a missing value, an
//! infinity, words among numbers) keeps its complaint, with file, row and column, until somebody asks for its
//! values. So a file with an unusable column is still good for everything that leaves this column out.
//!
//! Rows are counted from 1 and do not include the header; lines, where a message names one, are lines of the file.

use std::collections::HashMap;
use tautnet::error::{Error, Result};
use tautnet::limits::Limits;
use tautnet::printable::list;

/// Columns of equal length, with the name of where they came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    source: String,
    rows: usize,
    columns: Vec<Column>,
    /// Where each name stands: tables may have very many columns.
    places: HashMap<String, usize>,
}

/// A column with its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its name, from the header, or `column_1`, `column_2`, … in a file without one.
    pub name: String,
    pub(crate) values: Values,
    pub(crate) flaw: Option<Error>,
    pub(crate) note: Option<String>,
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
        let rows = columns.iter().find(|c| c.flaw.is_none()).map_or(usize::MAX, |c| c.values.len());
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
            return Err(Error::new(
                format!("{source} has a header but no rows"),
                "at least one row of values is needed; if the first row is data, say that there is no header",
            ));
        }
        let mut places = HashMap::with_capacity(columns.len());
        for (j, column) in columns.iter().enumerate() {
            if let Some(i) = places.insert(column.name.clone(), j) {
                return Err(Error::new(
                    format!("{source}: columns {} and {} are both named `{}`", i + 1, j + 1, column.name),
                    "rename one of them in the header",
                ));
            }
            if column.flaw.is_none() && column.values.len() != rows {
                return Err(Error::new(
                    format!("{source}: column `{}` has {} rows where {rows} are due", column.name, column.values.len()),
                    "give columns of equal length",
                ));
            }
        }
        Ok(Self { source, rows, columns, places })
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
        self.places.get(name).map(|&place| &self.columns[place]).ok_or_else(|| {
            let near = self.columns.iter().find(|c| c.name.eq_ignore_ascii_case(name));
            let hint = match near {
                Some(near) => format!("did you mean `{}`?", near.name),
                None => format!("its columns are {}", list(self.columns.iter().map(|c| c.name.as_str()))),
            };
            Error::new(format!("{} has no column `{name}`", self.source), hint)
        })
    }

    /// The rows of these indices (from 0), in this order.
    pub fn select(&self, rows: &[usize]) -> Table {
        let pick = |column: &Column| Column {
            name: column.name.clone(),
            flaw: column.flaw.clone(),
            note: column.note.clone(),
            values: match (&column.values, &column.flaw) {
                (_, Some(_)) => Values::Numbers(Vec::new()),
                (Values::Numbers(v), None) => Values::Numbers(rows.iter().map(|&k| v[k]).collect()),
                (Values::Words { levels, codes }, None) => {
                    Values::Words { levels: levels.clone(), codes: rows.iter().map(|&k| codes[k]).collect() }
                }
            },
        };
        let columns = self.columns.iter().map(pick).collect();
        Table { source: self.source.clone(), rows: rows.len(), columns, places: self.places.clone() }
    }
}

impl Column {
    /// A column from its values, which are taken as they are.
    pub fn new(name: impl Into<String>, values: Values) -> Self {
        Self { name: name.into(), values, flaw: None, note: None }
    }

    /// The values, or why they cannot be used.
    pub fn values(&self) -> Result<&Values> {
        match &self.flaw {
            Some(flaw) => Err(flaw.clone()),
            None => Ok(&self.values),
        }
    }

    /// What was not kept of the file's values, if anything: an integer above 2^53 becomes the nearest double.
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref().filter(|_| self.flaw.is_none())
    }

    /// Least and largest number, of a usable column of numbers.
    pub fn range(&self) -> Option<(f64, f64)> {
        match (&self.values, &self.flaw) {
            (Values::Numbers(v), None) => {
                Some(v.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(*x), high.max(*x))))
            }
            _ => None,
        }
    }

    /// Whether the value is the same in every row.
    pub fn is_constant(&self) -> bool {
        self.flaw.is_none()
            && match &self.values {
                Values::Numbers(v) => v.iter().all(|x| *x == v[0]),
                Values::Words { codes, .. } => codes.iter().all(|x| *x == codes[0]),
            }
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
