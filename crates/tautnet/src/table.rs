//! Tables as files hold them: named columns of numbers or words.
//!
//! A table is read once, whole, and judged column by column: a column that cannot be used (a missing value, an
//! infinity, words among numbers) keeps its complaint, with file, row and column, until somebody asks for its
//! values. So a file with an unusable column is still good for everything that leaves this column out.
//!
//! Rows are counted from 1 and do not include the header; lines, where a message names one, are lines of the file.

use crate::error::{Error, Result};
use crate::limits::{Capped, Limit, Limits};
use crate::table_column::ColumnBuilder;
use crate::table_csv;
use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Columns of equal length, with the name of where they came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    source: String,
    rows: usize,
    columns: Vec<Column>,
    /// Where each name stands: tables may have very many columns.
    places: HashMap<String, usize>,
}

/// One named column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its name, from the header, or `column_1`, `column_2`, … in a file without one.
    pub name: String,
    pub(crate) values: Values,
    pub(crate) flaw: Option<Error>,
    pub(crate) note: Option<String>,
}

/// What a column holds.
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

/// One field of a column that does not come from a file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    /// A number; not finite where it is missing or wrong.
    Number(f64),
    /// Text, read as in a file: a number, a word, or nothing at all.
    Text(&'a str),
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

    /// Read a CSV file, plain or gzip, or a Parquet file; delimiter and header are detected unless told.
    pub fn read(path: &Path, options: &ReadOptions) -> Result<Self> {
        let source = path.display().to_string();
        let file = File::open(path).map_err(|e| unreadable(&source, &e))?;
        let metadata = file.metadata().map_err(|e| unreadable(&source, &e))?;
        if metadata.is_dir() {
            return Err(Error::new(format!("{source} is a folder"), "give the path of a CSV file"));
        }
        if metadata.is_file() {
            options.limits.check(Limit::Bytes, &source, metadata.len())?;
        }
        #[cfg(feature = "parquet")]
        if metadata.is_file() && starts_with_parquet(&file).map_err(|e| unreadable(&source, &e))? {
            return crate::table_parquet::read(source, file, &options.limits);
        }
        Self::from_reader(source, file, options)
    }

    /// Read a table from anything; `source` is what messages call it.
    pub fn from_reader(source: impl Into<String>, mut reader: impl Read, options: &ReadOptions) -> Result<Self> {
        let source = source.into();
        let mut magic = Vec::new();
        reader.by_ref().take(4).read_to_end(&mut magic).map_err(|e| unreadable(&source, &e))?;
        // What is packed has a limit of its own: the name in its header may be of any length.
        let name = source.clone();
        let whole = Capped::new(std::io::Cursor::new(magic.clone()).chain(reader), &name, &options.limits);
        match magic.as_slice() {
            [0x1f, 0x8b, ..] => table_csv::read(source, flate2::read::MultiGzDecoder::new(whole), options),
            b"PK\x03\x04" => Err(Error::new(
                format!("{source} is a zip archive or a spreadsheet, not a table"),
                "unpack it, or export the sheet as CSV",
            )),
            b"PAR1" => Err(Error::new(
                format!("{source} is a Parquet file that cannot be read here"),
                if cfg!(feature = "parquet") { "give the file by its path" } else { "write the table as CSV" },
            )),
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
                Err(Error::new(format!("{source} is UTF-16 text"), "save the file as UTF-8"))
            }
            _ => table_csv::read(source, whole, options),
        }
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

    /// A column from fields, judged as those of a file are; `source` is what messages call the table.
    pub fn collect<'a>(source: &str, name: impl Into<String>, cells: impl IntoIterator<Item = Cell<'a>>) -> Self {
        let mut builder = ColumnBuilder::default();
        for cell in cells {
            match cell {
                Cell::Number(number) => builder.push_value(number),
                Cell::Text(text) => builder.push_text(text, None),
            }
        }
        builder.finish(source, name.into())
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

    /// Whether every row says the same.
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

/// Whether a file says of itself that it is Parquet; the place in the file is left at its start.
#[cfg(feature = "parquet")]
fn starts_with_parquet(mut file: &File) -> std::io::Result<bool> {
    use std::io::Seek;
    let mut magic = Vec::new();
    file.take(4).read_to_end(&mut magic)?;
    file.rewind()?;
    Ok(magic == b"PAR1")
}

/// An error for a file that the system would not read.
pub(crate) fn unreadable(source: &str, error: &std::io::Error) -> Error {
    use std::io::ErrorKind::{InvalidData, InvalidInput, NotFound, PermissionDenied, UnexpectedEof};
    // A reader with a limit says so in words of its own.
    if let Some(refusal) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        return refusal.clone();
    }
    let hint = match error.kind() {
        NotFound => "check the path",
        PermissionDenied => "check the permissions of the file and its folder",
        InvalidData | InvalidInput | UnexpectedEof => "the file is damaged or cut short; fetch or write it again",
        _ => "check the file and the disk it is on",
    };
    Error::new(format!("{source} could not be read: {error}"), hint)
}

/// "`a`, `b`, `c` and 4 more".
pub(crate) fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.map(|name| format!("`{}`", shown(name))).collect();
    const SHOWN: usize = 12;
    if names.len() <= SHOWN + 1 {
        names.join(", ")
    } else {
        format!("{} and {} more", names[..SHOWN].join(", "), names.len() - SHOWN)
    }
}

/// A word from a file, fit for one line of a message.
pub(crate) fn shown(word: &str) -> String {
    const SHOWN: usize = 40;
    let mut text: String = word.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if word.chars().count() > SHOWN {
        text.push('…');
    }
    text
}
