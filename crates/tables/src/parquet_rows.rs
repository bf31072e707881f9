//! The rows of a Parquet file, a part of them at a time: of the file only its footer is held, and a page of each column that is asked for.

use crate::column::ColumnBuilder;
use crate::limited::unreadable;
use crate::parquet::{
    Damage, column_reader, is_row_label, kind_of, place, push_records, quietly, rows_in, rows_of, unread, unsupported,
};
use crate::parquet_guard as guard;
use parquet::column::reader::ColumnReader;
use parquet::file::reader::{FileReader, SerializedFileReader};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;
use tautnet::error::{Error, Result};
use tautnet::limits::{Limit, Limits};

/// A file, at some row.
pub(crate) struct Groups {
    source: Arc<str>,
    file: File,
    limits: Limits,
    reader: SerializedFileReader<File>,
    /// The columns that are read, by their places in the file.
    wanted: Vec<usize>,
    /// The next row group, and the rows that are left of the one at hand.
    next: usize,
    left: u64,
    columns: Vec<ColumnReader>,
    /// Rows of the file, and those that were read.
    pub(crate) due: u64,
    pub(crate) rows: u64,
}

impl Groups {
    /// Read and check the footer.
    pub(crate) fn open(source: &Arc<str>, mut file: File, limits: &Limits) -> Result<Self> {
        let damage = Damage(source);
        let failed = |error: std::io::Error| unreadable(source, &error);
        let length = file.metadata().map_err(failed)?.len();
        // Eight bytes at the end tell how long the footer is.
        let mut end = [0; 8];
        if length < 12 {
            return Err(damage.error(&"it is cut short"));
        }
        file.seek(SeekFrom::End(-8)).and_then(|_| file.read_exact(&mut end)).map_err(failed)?;
        let footer = u64::from(u32::from_le_bytes([end[0], end[1], end[2], end[3]]));
        let mut bytes = end.to_vec();
        // One that is longer than the file is told by the check.
        if footer + 8 <= length {
            limits.check(Limit::Bytes, &format!("the footer of {source}"), footer)?;
            bytes = vec![0; (footer + 8) as usize];
            file.seek(SeekFrom::Start(length - footer - 8))
                .and_then(|_| file.read_exact(&mut bytes))
                .map_err(failed)?;
        }
        guard::check_schema(&bytes, limits).map_err(|what| damage.error(&what))?;
        let opened = file.try_clone().map_err(failed)?;
        let reader = Self::guarded(source, || SerializedFileReader::new(opened).map_err(|error| damage.error(&error)))?;
        let due = rows_of(source, reader.metadata())?;
        limits.check(Limit::Columns, source, reader.metadata().file_metadata().schema_descr().num_columns() as u64)?;
        let (wanted, columns) = (Vec::new(), Vec::new());
        let (source, limits) = (Arc::clone(source), *limits);
        Ok(Self { source, file, limits, reader, wanted, next: 0, left: 0, columns, due, rows: 0 })
    }

    /// A decoder that panics over a damaged file has found the damage.
    fn guarded<T>(source: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        quietly(work).unwrap_or_else(|| Err(Damage(source).error(&"its contents contradict each other")))
    }

    /// The columns with their places, but for row labels.
    fn places(&self) -> impl Iterator<Item = (usize, String)> {
        let columns = self.reader.metadata().file_metadata().schema_descr().columns().iter().enumerate();
        columns.map(|(j, column)| (j, column.path().string())).filter(|(_, name)| !is_row_label(name))
    }

    /// The names of the columns.
    pub(crate) fn names(&self) -> Vec<String> {
        self.places().map(|(_, name)| name).collect()
    }

    /// What a column holds, in a word.
    pub(crate) fn kind(&self, name: &str) -> Option<&'static str> {
        let (j, _) = self.places().find(|(_, other)| other == name)?;
        Some(kind_of(&self.reader.metadata().file_metadata().schema_descr().column(j)))
    }

    /// Choose the columns that are read; refuse those that cannot be.
    pub(crate) fn want(&mut self, names: &[String]) -> Result<()> {
        let metadata = self.reader.metadata();
        let mut wanted = Vec::with_capacity(names.len());
        for name in names {
            let found = self.places().find(|(_, other)| other == name);
            let (j, _) = found.ok_or_else(|| {
                Error::new(format!("{} has no column `{name}`", self.source), "give a file with this column")
            })?;
            let description = metadata.file_metadata().schema_descr().column(j);
            let mut chunks = metadata.row_groups().iter().map(|group| group.column(j));
            let flaw = unsupported(&self.source, name, &description);
            if let Some(flaw) = flaw.or_else(|| unread(&self.source, name, &mut chunks)) {
                return Err(flaw);
            }
            wanted.push(j);
        }
        self.wanted = wanted;
        Ok(())
    }

    /// The next rows, `most` at most, each column to its builder; returns how many there were.
    pub(crate) fn push(&mut self, builders: &mut [ColumnBuilder], most: usize) -> Result<usize> {
        while self.left == 0 {
            if self.next == self.reader.num_row_groups() {
                return Ok(0);
            }
            self.begin_group()?;
        }
        let most = most.min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let source = Arc::clone(&self.source);
        Self::guarded(&source, || {
            let descriptions = self.reader.metadata().file_metadata().schema_descr();
            for ((column, &j), builder) in self.columns.iter_mut().zip(&self.wanted).zip(builders) {
                let read = push_records(column, &descriptions.column(j), builder, most);
                let read = read.map_err(|error| Damage(&self.source).error(&error))?;
                if read != most {
                    let what = format!("column `{}` has fewer values than rows", descriptions.column(j).path());
                    return Err(Damage(&self.source).error(&what));
                }
            }
            Ok(())
        })?;
        self.left -= most as u64;
        self.rows += most as u64;
        Ok(most)
    }

    /// Go to the next row group; the headers of its pages are checked before a decoder makes room for what they announce.
    fn begin_group(&mut self) -> Result<()> {
        let source = Arc::clone(&self.source);
        let damage = Damage(&source);
        let metadata = self.reader.metadata();
        let descriptions = metadata.file_metadata().schema_descr();
        let group = metadata.row_group(self.next);
        for &j in &self.wanted {
            let name = descriptions.column(j).path().string();
            let chunk = place(&source, &name, group, group.column(j))?;
            let file = &mut self.file;
            let mut read = |at: u64, buffer: &mut [u8]| {
                let read = file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(buffer));
                read.map_err(|error| format!("a column's pages are not where its footer says ({error})"))
            };
            guard::check_pages_in(&mut read, &chunk, &self.limits).map_err(|what| damage.error(&what))?;
        }
        let reader = &self.reader;
        let (next, wanted) = (self.next, &self.wanted);
        self.columns = Self::guarded(&source, || {
            let group = reader.get_row_group(next).map_err(|error| damage.error(&error))?;
            let of =
                |&j: &usize| column_reader(&*group, j, &descriptions.column(j)).map_err(|error| damage.error(&error));
            wanted.iter().map(of).collect()
        })?;
        (self.left, self.next) = (rows_in(group), self.next + 1);
        Ok(())
    }
}
