//! One file of a source, at some row.

use crate::column::ColumnBuilder;
use crate::csv::{Records, Units};
use crate::limited::{start_of, unreadable};
#[cfg(feature = "parquet")]
use crate::parquet_rows::Groups;
use crate::read::refuse_other_formats;
use crate::table::ReadOptions;
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tautnet::error::{Error, Result};

/// A file that is read row by row.
pub(crate) struct Part {
    /// What messages call it.
    pub(crate) source: Arc<str>,
    /// The bytes of the file.
    pub(crate) bytes: u64,
    /// Those that were read of it.
    read: Arc<AtomicU64>,
    rows: Rows,
    /// The places of the columns that are read.
    wanted: Vec<usize>,
}

enum Rows {
    Text(Box<Records<Box<dyn Read + Send>>>),
    #[cfg(feature = "parquet")]
    Groups(Box<Groups>),
}

/// Counts what comes out of a file.
struct Counted(File, Arc<AtomicU64>);

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.0.read(buffer)?;
        self.1.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

impl Part {
    /// Open a file and find out what its columns are called; `like` is the row of units of the first file, where this is another one.
    pub(crate) fn open(path: &Path, options: &ReadOptions, like: Option<&Units>) -> Result<Self> {
        let source: Arc<str> = path.display().to_string().into();
        let failed = |error: std::io::Error| unreadable(&source, &error);
        let file = File::open(path).map_err(failed)?;
        let bytes = file.metadata().map_err(failed)?.len();
        if bytes == 0 {
            return Err(Error::new(format!("{source} is empty"), "give a table with a header and rows of values"));
        }
        let read = Arc::new(AtomicU64::new(0));
        let packed = {
            let mut first = [0; 2];
            let count = (&file).read(&mut first).map_err(failed)?;
            first[..count] == [0x1f, 0x8b]
        };
        std::io::Seek::rewind(&mut &file).map_err(failed)?;
        let start = start_of(&file).map_err(failed)?;
        #[cfg(feature = "parquet")]
        if start == b"PAR1" && !packed {
            let rows = Rows::Groups(Box::new(Groups::open(&source, file, &options.limits)?));
            return Ok(Self { source, bytes, read, rows, wanted: Vec::new() });
        }
        refuse_other_formats(&source, &start)?;
        let counted = Counted(file, Arc::clone(&read));
        let reader: Box<dyn Read + Send> =
            if packed { Box::new(MultiGzDecoder::new(counted)) } else { Box::new(counted) };
        let rows = Rows::Text(Box::new(Records::open(&source, reader, (options, like))?));
        Ok(Self { source, bytes, read, rows, wanted: Vec::new() })
    }

    /// Whether it is text.
    pub(crate) fn is_text(&self) -> bool {
        matches!(self.rows, Rows::Text(_))
    }

    /// The names of its columns.
    pub(crate) fn names(&self) -> Vec<String> {
        match &self.rows {
            Rows::Text(records) => records.names(),
            #[cfg(feature = "parquet")]
            Rows::Groups(groups) => groups.names(),
        }
    }

    /// Whether the names are those of a header.
    pub(crate) fn has_names(&self) -> bool {
        match &self.rows {
            Rows::Text(records) => records.has_header(),
            #[cfg(feature = "parquet")]
            Rows::Groups(_) => true,
        }
    }

    /// Its row of units.
    pub(crate) fn units(&self) -> Units {
        match &self.rows {
            Rows::Text(records) => records.units.clone(),
            #[cfg(feature = "parquet")]
            Rows::Groups(_) => None,
        }
    }

    /// What a column holds, in a word, where the file says that: text does not.
    pub(crate) fn kind(
        &self,
        #[cfg_attr(not(feature = "parquet"), expect(unused_variables))] name: &str,
    ) -> Option<&'static str> {
        match &self.rows {
            Rows::Text(_) => None,
            #[cfg(feature = "parquet")]
            Rows::Groups(groups) => groups.kind(name),
        }
    }

    /// How many rows it has, where it says so.
    pub(crate) fn due(&self) -> Option<u64> {
        match &self.rows {
            Rows::Text(_) => None,
            #[cfg(feature = "parquet")]
            Rows::Groups(groups) => Some(groups.due),
        }
    }

    /// What is to be said of how it is read.
    pub(crate) fn notes(&self) -> &[String] {
        match &self.rows {
            Rows::Text(records) => &records.notes,
            #[cfg(feature = "parquet")]
            Rows::Groups(_) => &[],
        }
    }

    /// Rows that were read.
    pub(crate) fn rows(&self) -> u64 {
        match &self.rows {
            Rows::Text(records) => records.rows,
            #[cfg(feature = "parquet")]
            Rows::Groups(groups) => groups.rows,
        }
    }

    /// Bytes that were read; of Parquet as many as its share of the rows.
    pub(crate) fn bytes_read(&self) -> u64 {
        match self.due() {
            None => self.read.load(Ordering::Relaxed).min(self.bytes),
            Some(due) => (self.bytes as f64 * (self.rows() as f64 / due.max(1) as f64)) as u64,
        }
    }

    /// Choose the columns that are read, each of which it has.
    pub(crate) fn want(&mut self, wanted: &[String]) -> Result<()> {
        match &mut self.rows {
            Rows::Text(records) => {
                let names = records.names();
                let place = |name: &String| names.iter().position(|other| other == name);
                self.wanted = wanted.iter().filter_map(place).collect();
                Ok(())
            }
            #[cfg(feature = "parquet")]
            Rows::Groups(groups) => groups.want(wanted),
        }
    }

    /// The next rows, `most` at most, each column to its builder; returns how many there were.
    pub(crate) fn push(&mut self, builders: &mut [ColumnBuilder], most: usize) -> Result<usize> {
        match &mut self.rows {
            Rows::Text(records) => {
                for read in 0..most {
                    let Some(row) = records.next()? else { return Ok(read) };
                    for (builder, &place) in builders.iter_mut().zip(&self.wanted) {
                        builder.push_text(row.field(place)?, Some(row.line));
                    }
                }
                Ok(most)
            }
            #[cfg(feature = "parquet")]
            Rows::Groups(groups) => groups.push(builders, most),
        }
    }
}
