//! What was found for many rows, written as they come: columns of numbers or words, as CSV or Parquet.

use crate::atomic::{Existing, Writing};
pub use crate::cells::{Cells, Columns};
#[cfg(feature = "parquet")]
use crate::parquet_write::Groups;
use std::borrow::Cow;
use std::fmt::Write;
use std::path::Path;
#[cfg(not(feature = "parquet"))]
use tautnet::error::Error;
use tautnet::error::Result;

/// A word as a field of CSV.
pub fn field(word: &str) -> Cow<'_, str> {
    match word.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", word.replace('"', "\"\"")).into(),
        false => word.into(),
    }
}

/// The names of columns as a line of CSV.
pub fn header(columns: &Columns) -> String {
    let names: Vec<Cow<'_, str>> = columns.iter().map(|(name, _)| field(name)).collect();
    names.join(",") + "\n"
}

/// The rows of columns as lines of CSV; numbers with the digits that tell them from all others.
pub fn lines(columns: &Columns) -> String {
    let rows = columns.first().map_or(0, |(_, cells)| cells.len());
    let mut text = String::with_capacity(rows * columns.len() * 18);
    for k in 0..rows {
        for (j, (_, cells)) in columns.iter().enumerate() {
            if j > 0 {
                text.push(',');
            }
            match cells {
                Cells::Numbers(numbers) => drop(write!(text, "{}", numbers[k])),
                Cells::Words(words) => text.push_str(&field(&words[k])),
            }
        }
        text.push('\n');
    }
    text
}

/// Whether the name of a file asks for Parquet.
pub fn is_parquet(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet"))
}

/// A file of results that is being written: Parquet where its name ends so, else CSV. It is there once it is finished.
pub struct Results {
    file: Kind,
}

enum Kind {
    Text {
        writing: Writing,
        begun: bool,
    },
    #[cfg(feature = "parquet")]
    Parquet(Box<Groups>),
}

impl Results {
    /// Begin a file.
    pub fn begin(path: &Path, existing: Existing) -> Result<Self> {
        let writing = Writing::begin(path, existing)?;
        let file = match is_parquet(path) {
            false => Kind::Text { writing, begun: false },
            #[cfg(feature = "parquet")]
            true => Kind::Parquet(Box::new(Groups::begin(writing))),
            #[cfg(not(feature = "parquet"))]
            true => {
                return Err(Error::new(
                    format!("{} would be a Parquet file, which this build does not write", path.display()),
                    "give it a name that ends in .csv",
                ));
            }
        };
        Ok(Self { file })
    }

    /// The next rows: lines of CSV, or a row group.
    pub fn put(&mut self, columns: &Columns) -> Result<()> {
        match &mut self.file {
            Kind::Text { writing, begun } => {
                if !std::mem::replace(begun, true) {
                    writing.put(header(columns).as_bytes())?;
                }
                writing.put(lines(columns).as_bytes())
            }
            #[cfg(feature = "parquet")]
            Kind::Parquet(groups) => groups.put(columns),
        }
    }

    /// The file is whole.
    pub fn finish(self) -> Result<()> {
        match self.file {
            Kind::Text { writing, .. } => writing.finish(),
            #[cfg(feature = "parquet")]
            Kind::Parquet(groups) => groups.finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(from: usize, to: usize) -> Columns {
        let words = (from..to).map(|k| ["a", "b,\"c\"", "d\ne"][k % 3].to_owned()).collect();
        let numbers = (from..to).map(|k| k as f64 / 7.0).collect();
        vec![("f".to_owned(), Cells::Numbers(numbers)), ("k,l".to_owned(), Cells::Words(words))]
    }

    #[test]
    fn what_is_written_in_blocks_is_read_as_one_table() {
        let folder = tempfile::tempdir().unwrap();
        let names: &[&str] = if cfg!(feature = "parquet") { &["t.csv", "t.PARQUET"] } else { &["t.csv"] };
        for name in names {
            let path = folder.path().join(name);
            let mut results = Results::begin(&path, Existing::Refuse).unwrap();
            for (from, to) in [(0, 5), (5, 6), (6, 20)] {
                results.put(&columns(from, to)).unwrap();
                assert!(!path.exists());
            }
            results.finish().unwrap();
            let table = crate::Table::read(&path, &crate::ReadOptions::default()).unwrap();
            let expected: Vec<f64> = (0..20).map(|k| f64::from(k) / 7.0).collect();
            assert_eq!(table.column("f").unwrap().values(), Ok(&crate::Values::Numbers(expected)));
            let Ok(crate::Values::Words { levels, codes }) = table.column("k,l").unwrap().values() else { panic!() };
            assert_eq!((levels.len(), codes[4] == codes[19]), (3, true));
            // What is not finished is not there.
            drop(Results::begin(&folder.path().join(format!("half-{name}")), Existing::Refuse).unwrap());
        }
        assert_eq!(folder.path().read_dir().unwrap().count(), names.len());
    }
}
