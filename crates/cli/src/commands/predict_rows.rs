//! The rows of DATA in blocks, for `predict`: passes over them, how far each is, and the results that are written as they come.

use crate::arguments::OutArguments;
use crate::input::{self, Data};
use crate::output;
use crate::progress::Display;
use crate::stop::{self, Stop};
use std::time::Duration;
use tautnet::error::{Error, Result};
use tautnet_tables::results::{self, Columns, Results};
use tautnet_tables::source::{Read, Survey, Wanted};
use tautnet_tables::{Encoder, Table};

/// Progress is shown of what takes longer than this.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Rows of a table in memory that are looked at together.
const AT_ONCE: usize = 1 << 16;

/// The rows of DATA, of which a first pass has found what their columns are.
pub struct Rows<'a> {
    data: &'a Data,
    /// Of files.
    survey: Option<Survey>,
    display: Option<Display>,
    /// Rows that are looked at together.
    at_once: usize,
}

impl<'a> Rows<'a> {
    /// Look at all rows once.
    pub fn of(data: &'a Data, columns: &Encoder) -> Result<Self> {
        Self::wanting(data, &columns.wanted()).inspect(|rows| match data {
            Data::Held(table) => input::note_columns(columns, table),
            Data::Read(_) => rows.note(),
        })
    }

    /// The same for columns that are all numbers.
    pub fn of_numbers(data: &'a Data, columns: &Encoder) -> Result<Self> {
        Self::wanting(data, &columns.wanted()).inspect(|rows| match data {
            Data::Held(table) => input::note_columns_of(columns.given(), table),
            Data::Read(_) => rows.note(),
        })
    }

    /// A table whose rows are looked at together, however many there are.
    pub fn at_once(data: &'a Data, columns: &Encoder) -> Self {
        if let Data::Held(table) = data {
            input::note_columns(columns, table);
        }
        Self { data, survey: None, display: None, at_once: usize::MAX }
    }

    fn wanting(data: &'a Data, wanted: &[Wanted]) -> Result<Self> {
        let Data::Read(source) = data else { return Ok(Self { data, survey: None, display: None, at_once: AT_ONCE }) };
        let mut display = Display::after(PATIENCE);
        let survey = source.survey(wanted, &mut |read| show(&mut display, "looking at all rows first", read))?;
        // Of few rows intervals tell how far they are.
        let at_once = survey.rows_at_once();
        let display = (survey.rows() > at_once as u64).then_some(display);
        Ok(Self { data, survey: Some(survey), display, at_once })
    }

    /// What is to be said of how the files were read.
    fn note(&self) {
        if let (Data::Read(source), Some(survey)) = (self.data, &self.survey) {
            source.notes().iter().map(String::as_str).chain(survey.notes()).for_each(output::note);
        }
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        match (self.data, &self.survey) {
            (Data::Held(table), _) => table.rows() as u64,
            (_, survey) => survey.as_ref().map_or(0, Survey::rows),
        }
    }

    /// Whether all of them are looked at together.
    pub fn is_one_block(&self) -> bool {
        self.count() <= self.at_once as u64
    }

    /// Go through all rows, a block at a time, which comes with the number of rows before it; `each` says whether to go on. Where there are
    /// several blocks, Ctrl-C ends the pass with an error, and so does the time limit where `ends` says that nothing is there to be cut short.
    pub fn pass(
        &mut self,
        what: &str,
        (stop, ends): (&Stop, bool),
        each: &mut dyn FnMut(&Table, u64) -> Result<bool>,
    ) -> Result<()> {
        let (all, one) = (self.count(), self.is_one_block());
        let go_on = |done: u64| match stop.reason() {
            Some(reason) if !one && (ends || stop::interrupted()) => Err(Error::new(
                format!("{reason} after {done} of {all} rows"),
                "no file was written: let it run to its end, or give fewer rows",
            )),
            _ => Ok(()),
        };
        if let Some(display) = &mut self.display {
            display.stage(what);
        }
        if let Data::Held(table) = self.data {
            if one {
                return each(table, 0).map(drop);
            }
            for start in (0..table.rows()).step_by(self.at_once) {
                go_on(start as u64)?;
                if !each(&table.slice(start..table.rows().min(start + self.at_once)), start as u64)? {
                    return Ok(());
                }
            }
            return Ok(());
        }
        let (Data::Read(source), Some(survey)) = (self.data, &self.survey) else { return Ok(()) };
        let mut blocks = source.blocks(survey);
        while let Some(block) = blocks.next()? {
            if !each(&block.table, block.before)? {
                return Ok(());
            }
            if let Some(display) = &mut self.display {
                show(display, what, blocks.read());
            }
            go_on(block.before + block.table.rows() as u64)?;
        }
        Ok(())
    }
}

/// How far a pass is.
pub fn show(display: &mut Display, what: &str, read: Read) {
    let share = read.bytes as f64 / read.of.max(1) as f64;
    display.line(share, || format!("{what}: {} of {} read, {} rows", size(read.bytes), size(read.of), read.rows));
}

/// A number of bytes for people.
fn size(bytes: u64) -> String {
    match bytes as f64 {
        few if few < 1e6 => format!("{:.0} kB", few / 1e3),
        some if some < 1e9 => format!("{:.1} MB", some / 1e6),
        many => format!("{:.2} GB", many / 1e9),
    }
}

/// Where rows are written as they come: a file, which is there once it is whole, or standard output.
pub struct Sink {
    file: Option<Results>,
    begun: bool,
}

impl Sink {
    /// Begin.
    pub fn begin(out: &OutArguments) -> Result<Self> {
        let file = out.out.as_ref().map(|path| Results::begin(path, out.existing())).transpose()?;
        Ok(Self { file, begun: false })
    }

    /// The next rows; whether somebody still reads them.
    pub fn put(&mut self, columns: &Columns) -> Result<bool> {
        let begun = std::mem::replace(&mut self.begun, true);
        match &mut self.file {
            Some(file) => file.put(columns).map(|()| true),
            None if begun => output::print_on(&results::lines(columns)),
            None => output::print_on(&(results::header(columns) + &results::lines(columns))),
        }
    }

    /// All rows are written.
    pub fn finish(self) -> Result<()> {
        self.file.map_or(Ok(()), Results::finish)
    }
}

/// All rows at once, where they are in memory.
pub fn write(columns: &Columns, out: &OutArguments) -> Result<()> {
    let mut sink = Sink::begin(out)?;
    sink.put(columns)?;
    sink.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_told_in_the_units_people_use() {
        for (bytes, told) in [(1500, "2 kB"), (2_340_000, "2.3 MB"), (5_670_000_000, "5.67 GB")] {
            assert_eq!(size(bytes), told);
        }
    }
}
