//! The rows of a source as shards that can be asked: held in memory where the budget has room for them, read again for every question where
//! not. What is slow to read is kept as numbers in a temporary file.

use crate::encoder::{ColumnChoice, Encoder, UnknownLevels};
use crate::preparation::Missing;
use crate::source::{Blocks, Read, Source, Survey, Wanted};
use crate::table::{Column, Table, Values};
use faer::Mat;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write};
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
        // Those that are read, those that wait and those that are worked on, row by row too; a shard that is read is columns, fields and numbers.
        let least = BESIDE + shard * (4 * self.threads as u64 + 4);
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
    if let Some(count) = encoder.several() {
        return Err(Error::new(
            format!(
                "the target `{}` is taken for a class, one of {count}, and more than two classes need all rows in memory",
                encoder.target
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

/// What rows are gone through for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// All of them, every time.
    AllAtOnce,
    /// Some of them, in any order, too: of files that are read from one end to the other a copy in numbers is kept.
    InParts,
}

/// Hears how far the pass of this number is.
pub type Watcher<'a> = Box<dyn FnMut(usize, Read) + Send + 'a>;

enum Place {
    Source,
    Memory(Vec<Shard>),
    File(Kept<File>),
}

enum Keeping {
    Nothing,
    Memory(Vec<Shard>),
    File(Kept<BufWriter<File>>),
}

/// A file of shards, and where in it they are.
struct Kept<F> {
    file: F,
    /// Number and first byte of each.
    at: Vec<(u64, u64)>,
    /// Bytes in all.
    bytes: u64,
}

impl Kept<BufWriter<File>> {
    fn begin(folder: Option<&Path>) -> Result<Self> {
        Ok(Self { file: BufWriter::with_capacity(1 << 20, temporary(folder)?), at: Vec::new(), bytes: 0 })
    }

    fn push(&mut self, shard: &Shard) -> std::io::Result<()> {
        self.at.push((shard.number, self.bytes));
        self.bytes += write(&mut self.file, shard)?;
        Ok(())
    }
}

impl<'a> SourceRows<'a> {
    /// The rows of a source in the columns of an encoder.
    pub fn new(
        source: &'a Source,
        survey: &'a Survey,
        (encoder, unknown): (&'a Encoder, UnknownLevels),
        (budget, use_of): (&Budget, Use),
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
        } else if source.is_slow() || use_of == Use::InParts {
            Keeping::File(Kept::begin(rows.folder.as_deref())?)
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

    fn shards(&self) -> u64 {
        self.survey.rows().div_ceil(self.survey.rows_at_once() as u64)
    }

    fn feed(&mut self, numbers: Option<&[u64]>) -> Result<Box<dyn Feed + '_>> {
        self.passes += usize::from(numbers.is_none());
        let (inputs, folder) = (self.encoder.width(), self.folder.as_deref());
        let is_for = |number: u64| numbers.is_none_or(|numbers| numbers.binary_search(&number).is_ok());
        Ok(match &mut self.place {
            Place::Memory(shards) => {
                Box::new(OfMemory { shards: shards.iter().filter(|shard| is_for(shard.number)).collect(), next: 0 })
            }
            Place::File(Kept { file, at, bytes }) => {
                let wanted = at.iter().filter(|(number, _)| is_for(*number)).map(|(_, byte)| *byte).collect();
                // Of a few shards nobody needs to be told.
                let watch = numbers.is_none().then_some((&mut self.watch, self.passes));
                let file = BufReader::with_capacity(1 << 20, file);
                Box::new(OfFile { file, inputs, bytes: *bytes, wanted, next: 0, at: None, rows: 0, folder, watch })
            }
            Place::Source => {
                // A pass before this one may have been ended.
                match &mut self.keeping {
                    Keeping::Memory(shards) => shards.clear(),
                    Keeping::File(kept) if !kept.at.is_empty() => *kept = Kept::begin(folder)?,
                    Keeping::Nothing | Keeping::File(_) => {}
                }
                Box::new(OfSource {
                    blocks: self.source.blocks(self.survey),
                    encoder: self.encoder,
                    unknown: self.unknown,
                    keeping: Some(&mut self.keeping).filter(|_| numbers.is_none()),
                    numbers: numbers.map(<[u64]>::to_vec),
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
            Keeping::File(Kept { file, at, bytes }) => {
                // What cannot be written out is read again.
                if let Ok(file) = file.into_inner() {
                    self.place = Place::File(Kept { file, at, bytes });
                }
            }
        }
    }
}

struct OfSource<'a, 'w> {
    blocks: Blocks<'a>,
    encoder: &'a Encoder,
    unknown: UnknownLevels,
    /// Where the shards are kept, in a pass over all of them.
    keeping: Option<&'a mut Keeping>,
    /// The shards that are wanted, where these are not all.
    numbers: Option<Vec<u64>>,
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
            if self.numbers.as_ref().is_some_and(|numbers| numbers.binary_search(&number).is_err()) {
                continue;
            }
            // A block may have no row that misses no value.
            let Some(data) = self.encoder.dataset_of_some(&block.table, self.unknown)? else { continue };
            let shard = Shard { number, first: block.before, data: Arc::new(data) };
            match &mut self.keeping {
                None | Some(Keeping::Nothing) => {}
                Some(Keeping::Memory(shards)) => shards.push(shard.clone()),
                Some(Keeping::File(kept)) => kept.push(&shard).map_err(|error| unkept(self.folder, &error))?,
            }
            return Ok(Some(shard));
        }
    }
}

struct OfMemory<'a> {
    shards: Vec<&'a Shard>,
    next: usize,
}

impl Feed for OfMemory<'_> {
    fn next(&mut self) -> Result<Option<Shard>> {
        self.next += 1;
        Ok(self.shards.get(self.next - 1).map(|shard| (*shard).clone()))
    }
}

/// A shard in the file: its number, its first row, its rows, then the columns and the target, all as numbers of eight bytes. Returns how many
/// bytes there are.
fn write(file: &mut impl Write, shard: &Shard) -> std::io::Result<u64> {
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
    Ok(24 + 8 * data.rows() as u64 * (data.columns() as u64 + 1))
}

struct OfFile<'a, 'w> {
    file: BufReader<&'a mut File>,
    inputs: usize,
    /// The bytes of all shards.
    bytes: u64,
    /// The first bytes of the shards that are wanted, and how many of these were read.
    wanted: Vec<u64>,
    next: usize,
    /// The byte at which the file is, once that is known.
    at: Option<u64>,
    rows: u64,
    folder: Option<&'a Path>,
    /// Who hears of it, and the number of the pass.
    watch: Option<(&'a mut Watcher<'w>, usize)>,
}

impl OfFile<'_, '_> {
    fn read(&mut self) -> std::io::Result<Option<Shard>> {
        let Some(&first) = self.wanted.get(self.next) else { return Ok(None) };
        self.next += 1;
        if self.at != Some(first) {
            self.file.seek(SeekFrom::Start(first))?;
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
        self.at = Some(first + 24 + 8 * rows as u64 * (self.inputs as u64 + 1));
        self.rows += rows as u64;
        let data = Dataset { x, y, others: Vec::new(), weights: None };
        Ok(Some(Shard { number: place, first, data: Arc::new(data) }))
    }
}

impl Feed for OfFile<'_, '_> {
    fn next(&mut self) -> Result<Option<Shard>> {
        let shard = self.read().map_err(|error| unkept(self.folder, &error))?;
        if let Some((watch, pass)) = &mut self.watch {
            watch(*pass, Read { bytes: self.at.unwrap_or(0), of: self.bytes, rows: self.rows });
        }
        Ok(shard)
    }
}

#[cfg(test)]
#[path = "source_rows_tests.rs"]
mod tests;
