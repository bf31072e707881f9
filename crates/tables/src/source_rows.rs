//! The rows of a source as shards that can be asked: held in memory where the budget has room for them, read again for every question where
//! not. What is slow to read is kept as numbers in a temporary file.

use crate::encoder::{ColumnChoice, Encoder, UnknownLevels};
use crate::preparation::Missing;
use crate::source::{Blocks, Read, Source, Survey, Wanted};
use crate::table::{Column, Table, Values};
use faer::Mat;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read as _, Seek as _, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tautnet::dataset::Dataset;
use tautnet::error::{Error, Result};
use tautnet::shards::{Feed, Refeed, Shard, rows_in_shard};

/// What is held beside the rows: the program, the model, what a library of files needs.
const BESIDE: u64 = 192 << 20;

/// How much memory there is, and where a temporary file may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// Bytes.
    pub memory: u64,
    /// Threads that work at the same time.
    pub threads: usize,
    /// The folder of the temporary file; that of the system where none is named.
    pub folder: Option<PathBuf>,
}

impl Budget {
    /// Bytes that are left for rows that are held, beside the shards that are worked on; an error where not even these have room.
    fn left(&self, shard: u64) -> Result<u64> {
        // Those that are read, those that wait and those that are worked on; a shard that is read is columns, fields and numbers.
        let least = BESIDE + shard * (3 * self.threads as u64 + 4);
        self.memory.checked_sub(least).ok_or_else(|| {
            Error::new(
                format!(
                    "{} MiB of memory are not enough for shards of {} MiB",
                    self.memory >> 20,
                    shard.div_ceil(1 << 20)
                ),
                format!("give {} MiB or more, or fewer threads or columns", least.div_ceil(1 << 20)),
            )
        })
    }
}

/// The columns of a source that are chosen, by a first pass over all rows.
pub fn choose(source: &Source, choice: &ColumnChoice<'_>, watch: &mut dyn FnMut(Read)) -> Result<(Encoder, Survey)> {
    if let Some(date) = choice.dates.first() {
        return Err(Error::new(
            format!("inputs were asked for of the dates in `{}`, which needs all rows in memory", date.column),
            "leave the column out, or write numbers in its place",
        ));
    }
    if let Missing::Median | Missing::Indicator = choice.missing {
        return Err(Error::new(
            "a median of all rows was asked for in the place of missing values, which needs all rows in memory",
            "leave out rows without a value (`drop`), or fill the values before",
        ));
    }
    let names = |name: &String| Column::new(name.clone(), Values::Numbers(vec![0.0]));
    let named = Table::with_rows(source.name().to_owned(), source.columns().iter().map(names).collect(), 1)?;
    let chosen = choice.of(&named)?;
    let whole = choice.missing == Missing::Refuse;
    let columns = chosen.inputs.iter().chain(&chosen.targets);
    let wanted = columns.map(|column| Wanted { name: column.name.clone(), numbers: false, whole });
    let survey = source.survey(&wanted.collect::<Vec<_>>(), watch)?;
    let encoder = Encoder::choose(&survey.digest(source.name())?, choice)?;
    let survey = survey.with_rows_at_once(rows_in_shard(encoder.width()));
    if let Some(classes) = &encoder.classes {
        return Err(Error::new(
            format!(
                "the target `{}` is taken for a class, one of {}, and classes need all rows in memory",
                encoder.target,
                classes.len()
            ),
            "have it taken for a number: ⟨regress⟩",
        ));
    }
    encoder.check_one_target("learning from rows beyond memory")?;
    Ok((encoder, survey))
}

/// The columns that a model has, and its target, by a first pass over all rows.
pub fn of_model(source: &Source, columns: &Encoder, watch: &mut dyn FnMut(Read)) -> Result<Survey> {
    // Rows without a target are left out where anything is done with missing values.
    let whole = columns.preparation.missing == Missing::Refuse;
    let mut wanted = columns.wanted();
    let drops = columns.preparation.missing == Missing::Drop;
    wanted.iter_mut().for_each(|column| column.whole &= !drops);
    wanted.push(Wanted { name: columns.target.clone(), numbers: columns.classes.is_none(), whole });
    Ok(source.survey(&wanted, watch)?.with_rows_at_once(rows_in_shard(columns.width())))
}

/// Rows that are gone through again and again.
pub struct SourceRows<'a> {
    source: &'a Source,
    survey: &'a Survey,
    encoder: &'a Encoder,
    unknown: UnknownLevels,
    watch: Watcher<'a>,
    folder: Option<PathBuf>,
    /// Where the rows are from the second pass on.
    place: Place,
    /// What the pass at hand keeps of them.
    keeping: Keeping,
    passes: usize,
}

/// Hears how far the pass of this number is.
pub type Watcher<'a> = Box<dyn FnMut(usize, Read) + Send + 'a>;

enum Place {
    Source,
    Memory(Vec<Shard>),
    File(File),
}

enum Keeping {
    Nothing,
    Memory(Vec<Shard>),
    File(BufWriter<File>),
}

impl<'a> SourceRows<'a> {
    /// The rows of a source in the columns of an encoder.
    pub fn new(
        source: &'a Source,
        survey: &'a Survey,
        (encoder, unknown): (&'a Encoder, UnknownLevels),
        budget: &Budget,
        watch: Watcher<'a>,
    ) -> Result<Self> {
        let row = 8 * (encoder.width() as u64 + 1);
        let shard = row * rows_in_shard(encoder.width()) as u64;
        let left = budget.left(shard.min(row.saturating_mul(survey.rows())))?;
        let folder = budget.folder.clone();
        let mut rows = Self {
            source,
            survey,
            encoder,
            unknown,
            watch,
            folder,
            place: Place::Source,
            keeping: Keeping::Nothing,
            passes: 0,
        };
        rows.keeping = if row.saturating_mul(survey.rows()) <= left {
            Keeping::Memory(Vec::new())
        } else if source.is_slow() {
            Keeping::File(BufWriter::new(temporary(rows.folder.as_deref())?))
        } else {
            Keeping::Nothing
        };
        Ok(rows)
    }
}

fn temporary(folder: Option<&Path>) -> Result<File> {
    let made = folder.map_or_else(tempfile::tempfile, tempfile::tempfile_in);
    made.map_err(|error| unkept(folder, &error))
}

fn unkept(folder: Option<&Path>, error: &std::io::Error) -> Error {
    let folder = folder.map_or_else(std::env::temp_dir, Path::to_owned);
    Error::new(
        format!("the rows cannot be kept in a temporary file in {}: {error}", folder.display()),
        "name a folder with more room by ⟨cache⟩, give more memory, or give Parquet files, which are read again instead",
    )
}

impl Refeed for SourceRows<'_> {
    fn inputs(&self) -> usize {
        self.encoder.width()
    }

    fn rows(&self) -> Option<u64> {
        // Rows that miss a value may be left out.
        (self.encoder.preparation.missing == Missing::Refuse).then(|| self.survey.rows())
    }

    fn feed(&mut self) -> Result<Box<dyn Feed + '_>> {
        self.passes += 1;
        let (inputs, folder) = (self.encoder.width(), self.folder.as_deref());
        Ok(match &mut self.place {
            Place::Memory(shards) => Box::new(OfMemory { shards, next: 0 }),
            Place::File(file) => {
                let bytes = file.metadata().map(|about| about.len());
                let bytes =
                    bytes.and_then(|bytes| file.rewind().map(|()| bytes)).map_err(|error| unkept(folder, &error))?;
                let file = BufReader::with_capacity(1 << 20, file);
                let (watch, pass) = (&mut self.watch, self.passes);
                Box::new(OfFile { file, inputs, bytes, done: 0, rows: 0, folder, watch, pass })
            }
            Place::Source => {
                // A pass before this one may have been ended.
                match &mut self.keeping {
                    Keeping::Nothing => {}
                    Keeping::Memory(shards) => shards.clear(),
                    Keeping::File(_) if self.passes > 1 => {
                        self.keeping = Keeping::File(BufWriter::new(temporary(folder)?));
                    }
                    Keeping::File(_) => {}
                }
                Box::new(OfSource {
                    blocks: self.source.blocks(self.survey),
                    encoder: self.encoder,
                    unknown: self.unknown,
                    keeping: &mut self.keeping,
                    folder,
                    watch: &mut self.watch,
                    pass: self.passes,
                    number: 0,
                })
            }
        })
    }

    fn done(&mut self) {
        match std::mem::replace(&mut self.keeping, Keeping::Nothing) {
            Keeping::Nothing => {}
            Keeping::Memory(shards) => self.place = Place::Memory(shards),
            Keeping::File(file) => {
                // What cannot be written out is read again.
                if let Ok(file) = file.into_inner() {
                    self.place = Place::File(file);
                }
            }
        }
    }
}

struct OfSource<'a, 'w> {
    blocks: Blocks<'a>,
    encoder: &'a Encoder,
    unknown: UnknownLevels,
    keeping: &'a mut Keeping,
    folder: Option<&'a Path>,
    watch: &'a mut Watcher<'w>,
    pass: usize,
    number: u64,
}

impl Feed for OfSource<'_, '_> {
    fn next(&mut self) -> Result<Option<Shard>> {
        loop {
            let Some(block) = self.blocks.next()? else { return Ok(None) };
            (self.watch)(self.pass, self.blocks.read());
            let number = self.number;
            self.number += 1;
            // A block may have no row that misses no value.
            let Some(data) = self.encoder.dataset_of_some(&block.table, self.unknown)? else { continue };
            let shard = Shard { number, first: block.before, data: Arc::new(data) };
            match self.keeping {
                Keeping::Nothing => {}
                Keeping::Memory(shards) => shards.push(shard.clone()),
                Keeping::File(file) => write(file, &shard).map_err(|error| unkept(self.folder, &error))?,
            }
            return Ok(Some(shard));
        }
    }
}

struct OfMemory<'a> {
    shards: &'a [Shard],
    next: usize,
}

impl Feed for OfMemory<'_> {
    fn next(&mut self) -> Result<Option<Shard>> {
        self.next += 1;
        Ok(self.shards.get(self.next - 1).cloned())
    }
}

/// A shard in the file: its number, its first row, its rows, then the columns and the target, all as numbers of eight bytes.
fn write(file: &mut impl Write, shard: &Shard) -> std::io::Result<()> {
    let data = &shard.data;
    for number in [shard.number, shard.first, data.rows() as u64] {
        file.write_all(&number.to_le_bytes())?;
    }
    let mut bytes = Vec::with_capacity(8 * data.rows());
    let columns = (0..data.columns()).map(|j| data.x.col_as_slice(j));
    for column in columns.chain([&*data.y]) {
        bytes.clear();
        bytes.extend(column.iter().flat_map(|number| number.to_le_bytes()));
        file.write_all(&bytes)?;
    }
    Ok(())
}

struct OfFile<'a, 'w> {
    file: BufReader<&'a mut File>,
    inputs: usize,
    /// The bytes of all shards, and those that were read.
    bytes: u64,
    done: u64,
    rows: u64,
    folder: Option<&'a Path>,
    watch: &'a mut Watcher<'w>,
    pass: usize,
}

impl OfFile<'_, '_> {
    fn read(&mut self) -> std::io::Result<Option<Shard>> {
        if self.done >= self.bytes {
            return Ok(None);
        }
        let mut eight = [0; 8];
        let mut number = |file: &mut BufReader<&mut File>| {
            file.read_exact(&mut eight)?;
            Ok::<_, std::io::Error>(u64::from_le_bytes(eight))
        };
        let (place, first, rows) = (number(&mut self.file)?, number(&mut self.file)?, number(&mut self.file)?);
        let rows = rows as usize;
        let mut bytes = vec![0; 8 * rows];
        let mut column = |file: &mut BufReader<&mut File>| {
            file.read_exact(&mut bytes)?;
            let number = |eight: &[u8]| f64::from_le_bytes(eight.try_into().unwrap_or_default());
            Ok::<Vec<f64>, std::io::Error>(bytes.chunks_exact(8).map(number).collect())
        };
        let mut x = Mat::zeros(rows, self.inputs);
        for j in 0..self.inputs {
            x.col_as_slice_mut(j).copy_from_slice(&column(&mut self.file)?);
        }
        let y = column(&mut self.file)?;
        self.done += 24 + 8 * rows as u64 * (self.inputs as u64 + 1);
        self.rows += rows as u64;
        let data = Dataset { x, y, others: Vec::new(), weights: None };
        Ok(Some(Shard { number: place, first, data: Arc::new(data) }))
    }
}

impl Feed for OfFile<'_, '_> {
    fn next(&mut self) -> Result<Option<Shard>> {
        let shard = self.read().map_err(|error| unkept(self.folder, &error))?;
        (self.watch)(self.pass, Read { bytes: self.done, of: self.bytes, rows: self.rows });
        Ok(shard)
    }
}

#[cfg(test)]
#[path = "source_rows_tests.rs"]
mod tests;
