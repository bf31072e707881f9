//! Rows beyond memory: one or many files, read in blocks, as often as it takes.
//!
//! A [`Source`] is a file, the files that are like a pattern, or the Parquet files of a folder, one after another in the order of their names. A
//! first pass, [`Source::survey`], finds what every wanted column is taken for, which only all rows together say (`1,234` may be a thousand or
//! one and a quarter), and refuses what is no value, with its file and its row. Every later pass,
//! [`Source::blocks`], gives tables of [`Survey::rows_at_once`] rows, the last one fewer, whose columns are those of the table that has all rows:
//! cut at the same rows, they are the same to the last bit.
//!
//! Where a block ends depends on the rows and on the number of wanted columns alone, on no thread and on no budget. What is held is a block,
//! and of Parquet a page of each wanted column; [`Limits`](tautnet::Limits) hold for a row and for a page.

mod part;
mod paths;

use crate::column::{ColumnBuilder, Verdict};
use crate::csv::Units;
use crate::table::{ReadOptions, Table, absent, check_names, empty};
use part::Part;
pub use paths::files;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tautnet::Stop;
use tautnet::error::{Error, Result};
use tautnet::printable::shown;
use tautnet::shards::rows_in_shard;

/// Files with the same columns, one after another.
#[derive(Debug, Clone)]
pub struct Source {
    name: String,
    files: Vec<PathBuf>,
    /// Bytes of all files.
    bytes: u64,
    /// Whether some of them are text, which takes long to read.
    slow: bool,
    /// The names of the columns, in the order of the first file.
    names: Vec<String>,
    /// The row of units of the first file; in another one a row is left out where it is the same.
    units: Units,
    notes: Vec<String>,
    options: ReadOptions,
}

/// A column that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// Whether it must be numbers.
    pub numbers: bool,
    /// Whether no value may be missing.
    pub whole: bool,
}

/// How far a pass over a source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Read {
    /// Bytes that were read.
    pub bytes: u64,
    /// Of so many.
    pub of: u64,
    /// Rows that were read.
    pub rows: u64,
}

/// What the first pass has found of the columns that are wanted.
#[derive(Debug, Clone)]
pub struct Survey {
    verdicts: Vec<Verdict>,
    wanted: Vec<String>,
    rows: u64,
    at_once: usize,
}

/// Some rows of a source.
#[derive(Debug, Clone)]
pub struct Block {
    /// The wanted columns.
    pub table: Table,
    /// How many rows are before it.
    pub before: u64,
}

/// One pass over a source.
pub struct Blocks<'a> {
    source: &'a Source,
    survey: &'a Survey,
    rows: Rows<'a>,
    before: u64,
}

impl Source {
    /// Whether a path is for a source alone: a pattern, or a folder.
    pub fn is_for(path: &Path) -> bool {
        paths::is_pattern(path) || path.is_dir()
    }

    /// The files that a path means: a CSV file (plain or gzip), a Parquet file, a pattern with `*` and `?`, or a folder of Parquet files. All have
    /// the same columns, in any order; a header without rows is fine.
    pub fn open(path: &Path, options: &ReadOptions) -> Result<Self> {
        let name = path.display().to_string();
        let (files, options) = (files(path)?, *options);
        let mut source =
            Self { name, files, bytes: 0, slow: false, names: Vec::new(), units: None, notes: Vec::new(), options };
        let mut first: Option<Part> = None;
        for path in &source.files {
            let part = Part::open(path, &options, first.is_some().then_some(&source.units))?;
            source.bytes += part.bytes;
            source.slow |= part.is_text();
            source.notes.extend_from_slice(part.notes());
            match &first {
                None => {
                    (source.names, source.units) = (part.names(), part.units());
                    check_names(&part.source, source.names.iter().map(String::as_str))?;
                    first = Some(part);
                }
                Some(first) => same_columns(first, &part)?,
            }
        }
        Ok(source)
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is slow to read.
    pub fn is_slow(&self) -> bool {
        self.slow
    }

    /// Its files.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The names of its columns, in the order of the first file.
    pub fn columns(&self) -> &[String] {
        &self.names
    }

    /// What is to be said of how it is read: a row of units that is left out, a header that has numbers.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The first pass over all rows: what the wanted columns are taken for, and that their values can be used. It ends early where they cannot.
    pub fn survey(&self, wanted: &[Wanted], watch: &mut dyn FnMut(Read)) -> Result<Survey> {
        for Wanted { name, .. } in wanted {
            if !self.names.contains(name) {
                return Err(absent(&self.name, self.names.iter().map(String::as_str), name));
            }
        }
        let names: Vec<String> = wanted.iter().map(|wanted| wanted.name.clone()).collect();
        let at_once = rows_in_shard(names.len());
        let mut rows = Rows::of(self, &names);
        let mut builders: Vec<ColumnBuilder> = names.iter().map(|_| ColumnBuilder::unkept()).collect();
        let (stop, mut early) = (Stop::here(), false);
        while rows.push(&mut builders, at_once)? > 0 {
            watch(rows.read());
            let hopeless =
                |(builder, wanted): (&ColumnBuilder, &Wanted)| builder.is_hopeless(wanted.numbers, wanted.whole);
            if builders.iter().zip(wanted).any(hopeless) {
                early = true;
                break;
            }
            if stop.asked() {
                let what = format!("reading {} was to end after {} rows", self.name, rows.done);
                return Err(Error::new(what, "give it more time, or fewer rows"));
            }
        }
        let verdicts: Vec<Verdict> =
            builders.iter().zip(&names).map(|(builder, name)| builder.verdict(&self.name, name.clone())).collect();
        for (verdict, Wanted { numbers, whole, .. }) in verdicts.iter().zip(wanted) {
            verdict.check(&self.name, *numbers, *whole)?;
        }
        if early {
            return Err(Error::new(
                format!("{} has values that cannot be used", self.name),
                "mend them, or leave their columns out",
            ));
        }
        if rows.done == 0 {
            return Err(empty(&self.name));
        }
        Ok(Survey { verdicts, wanted: names, rows: rows.done, at_once })
    }

    /// A pass over all rows, in blocks.
    pub fn blocks<'a>(&'a self, survey: &'a Survey) -> Blocks<'a> {
        Blocks { source: self, survey, rows: Rows::of(self, &survey.wanted), before: 0 }
    }

    /// One table of all rows, up to the limits. A single file is as [`Table::read`] has it.
    pub fn table(&self) -> Result<Table> {
        if let [file] = &self.files[..] {
            return Table::read(file, &self.options);
        }
        let limits = &self.options.limits;
        let mut rows = Rows::of(self, &self.names);
        let mut builders: Vec<ColumnBuilder> = self.names.iter().map(|_| ColumnBuilder::default()).collect();
        while rows.push(&mut builders, rows_in_shard(self.names.len()))? > 0 {
            limits.check(tautnet::limits::Limit::Rows, &self.name, rows.done)?;
            limits.check_cells(&self.name, rows.done, self.names.len() as u64)?;
        }
        let parts = rows.parts(0);
        let columns =
            builders.into_iter().zip(&self.names).map(|(builder, name)| builder.finish(&self.name, name.clone()));
        let count = usize::try_from(rows.done).unwrap_or(usize::MAX);
        let table = Table::with_rows(self.name.clone(), columns.collect(), count)?;
        Ok(table.with_notes(self.notes.clone()).with_parts(parts))
    }
}

impl Survey {
    /// How many rows there are.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// How many rows a block has; the last one may have fewer.
    pub fn rows_at_once(&self) -> usize {
        self.at_once
    }

    /// What is to be said of the values of the wanted columns.
    pub fn notes(&self) -> impl Iterator<Item = &str> {
        self.verdicts.iter().filter_map(Verdict::note)
    }

    /// A small table with the columns that were wanted and all levels of their words, for [`Encoder::choose`](crate::Encoder::choose): what is
    /// learned of it is learned of all rows, but for medians and for the parts of dates.
    pub fn digest(&self, source: &str) -> Result<Table> {
        let rows = 2 * self.verdicts.iter().map(Verdict::different).max().unwrap_or(0).max(3);
        let columns = self.verdicts.iter().map(|verdict| verdict.digest(source, rows)).collect();
        Table::with_rows(source.to_owned(), columns, rows)
    }

    /// Blocks of another number of rows.
    pub fn with_rows_at_once(self, at_once: usize) -> Self {
        Self { at_once: at_once.max(1), ..self }
    }
}

impl Blocks<'_> {
    /// The next block; `None` after the last.
    #[expect(clippy::should_implement_trait, reason = "an iterator could not tell how far it is while it is used")]
    pub fn next(&mut self) -> Result<Option<Block>> {
        let mut builders: Vec<ColumnBuilder> = self.survey.wanted.iter().map(|_| ColumnBuilder::default()).collect();
        let rows = self.rows.push(&mut builders, self.survey.at_once)?;
        let (name, before) = (&self.source.name, self.before);
        self.before += rows as u64;
        if self.before > self.survey.rows || (rows == 0 && self.before < self.survey.rows) {
            return Err(Error::new(
                format!("{name} has another number of rows than when it was read first"),
                "leave the files alone while they are read, and try again",
            ));
        }
        if rows == 0 {
            return Ok(None);
        }
        let columns = builders.into_iter().zip(&self.survey.verdicts);
        let columns = columns.map(|(builder, verdict)| builder.finish_by(name, verdict)).collect();
        let table = Table::with_rows(name.clone(), columns, rows)?.with_parts(self.rows.parts(before));
        Ok(Some(Block { table, before }))
    }

    /// How far it is.
    pub fn read(&self) -> Read {
        self.rows.read()
    }
}

/// The rows of all files, from the first one on.
struct Rows<'a> {
    source: &'a Source,
    wanted: Vec<String>,
    /// The files that are still to be opened.
    next: usize,
    part: Option<Part>,
    /// Bytes of the files that are done with, and rows that were read.
    bytes: u64,
    done: u64,
    /// Where files begin: the rows before each, and what it is called. Only what may still be asked for.
    begun: Vec<(u64, Arc<str>)>,
}

impl<'a> Rows<'a> {
    fn of(source: &'a Source, wanted: &[String]) -> Self {
        Self { source, wanted: wanted.to_vec(), next: 0, part: None, bytes: 0, done: 0, begun: Vec::new() }
    }

    /// The next rows of the wanted columns, each to its builder: `most` of them, or fewer at the end.
    fn push(&mut self, builders: &mut [ColumnBuilder], most: usize) -> Result<usize> {
        let mut read = 0;
        if let Some(part) = &self.part {
            builders.iter_mut().for_each(|builder| builder.begin(&part.source, part.rows() as usize));
        }
        while read < most {
            let Some(part) = &mut self.part else {
                let Some(path) = self.source.files.get(self.next) else { break };
                let like = (self.next > 0).then_some(&self.source.units);
                let mut part = Part::open(path, &self.source.options, like)?;
                part.want(&self.wanted)?;
                builders.iter_mut().for_each(|builder| builder.begin(&part.source, 0));
                self.begun.push((self.done, Arc::clone(&part.source)));
                (self.part, self.next) = (Some(part), self.next + 1);
                continue;
            };
            match part.push(builders, most - read)? {
                0 => {
                    self.bytes += part.bytes;
                    self.part = None;
                }
                count => {
                    read += count;
                    self.done += count as u64;
                }
            }
        }
        Ok(read)
    }

    /// The files that the rows from this one on are of: for each the first of these rows that it has, and how many of its own are before.
    fn parts(&mut self, before: u64) -> Vec<(usize, Arc<str>, u64)> {
        let last = self.begun.iter().rposition(|(start, _)| *start <= before).unwrap_or(0);
        self.begun.drain(..last);
        let part = |(start, file): &(u64, Arc<str>)| {
            (start.saturating_sub(before) as usize, Arc::clone(file), before.saturating_sub(*start))
        };
        self.begun.iter().map(part).collect()
    }

    fn read(&self) -> Read {
        let bytes = self.bytes + self.part.as_ref().map_or(0, Part::bytes_read);
        Read { bytes, of: self.source.bytes, rows: self.done }
    }
}

/// Refuse a file with other columns than the first.
fn same_columns(first: &Part, other: &Part) -> Result<()> {
    let (names, others) = (first.names(), other.names());
    let set: BTreeSet<&String> = names.iter().collect();
    let other_set: BTreeSet<&String> = others.iter().collect();
    check_names(&other.source, others.iter().map(String::as_str))?;
    let what = match (set.difference(&other_set).next(), other_set.difference(&set).next()) {
        (Some(name), _) => format!("{} has no column `{}`, and {} has it", other.source, shown(name), first.source),
        (None, Some(name)) => {
            format!("{} has a column `{}`, and {} does not have it", other.source, shown(name), first.source)
        }
        (None, None) => {
            let kinds = |name: &String| Some((name.clone(), first.kind(name)?, other.kind(name)?));
            let Some((name, one, another)) = names.iter().filter_map(kinds).find(|(_, one, another)| one != another)
            else {
                return Ok(());
            };
            return Err(Error::new(
                format!("{}: column `{}` holds {another}, and in {} {one}", other.source, shown(&name), first.source),
                "write the files with the same types, or leave this one out",
            ));
        }
    };
    let hint = match first.has_names() == other.has_names() {
        true => "give files with the same columns, in any order",
        false => "one has a header and the other seems to have none: say --header yes or --header no, or mend the file",
    };
    Err(Error::new(what, hint))
}

#[cfg(test)]
mod tests;
