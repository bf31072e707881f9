//! Delimited text: what separates the fields, whether there is a header, and the columns.
//!
//! The delimiter is the candidate that gives most of the first lines the same number of fields, more than one.
//! The first row is a header when none of its fields is a number, or when a column of numbers begins with a word in it and its own numbers
//! could be names (`2020`). A row of units behind the header (`°C`, `[bar]`) is left out. Both are told.

use crate::column::{ColumnBuilder, is_missing};
use crate::limited::{Capped, unreadable};
use crate::line_numbers::LineNumbers;
use crate::table::{ReadOptions, Table};
use std::io::Read;
use std::sync::Arc;
use tautnet::error::{Error, Result};
use tautnet::limits::{Limit, Limits};
use tautnet::printable::shown;

/// How much of a file is looked at to detect delimiter and header.
const SAMPLE: u64 = 64 * 1024;
const CANDIDATES: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Read delimited text; `source` is what messages call it.
pub(crate) fn read(source: String, reader: impl Read, options: &ReadOptions) -> Result<Table> {
    let limits = &options.limits;
    let mut records = Records::open(&source, Capped::new(reader, &source, limits), (options, None))?;
    let mut builders: Vec<ColumnBuilder> = records.first.iter().map(|_| ColumnBuilder::default()).collect();
    while let Some(row) = records.next()? {
        if row.number > limits.rows {
            return Err(limits.beyond(Limit::Rows, &source, None));
        }
        if row.number.saturating_mul(builders.len() as u64) > limits.cells {
            return Err(limits.beyond(Limit::Cells, &source, None));
        }
        for (j, builder) in builders.iter_mut().enumerate() {
            builder.push_text(row.field(j)?, Some(row.line));
        }
    }
    let (names, notes, rows) = (records.names(), std::mem::take(&mut records.notes), records.rows as usize);
    let columns = builders.into_iter().zip(names).map(|(builder, name)| builder.finish(&source, name)).collect();
    drop(records);
    Table::with_rows(source, columns, rows).map(|table| table.with_notes(notes))
}

/// A row of units below the names, where there is one.
pub(crate) type Units = Option<Vec<String>>;

/// What was looked at to begin with, and the rest.
type Whole<R> = std::io::Chain<std::io::Cursor<Vec<u8>>, R>;

/// The rows of delimited text, one after another.
pub(crate) struct Records<R> {
    source: Arc<str>,
    records: csv::Reader<LineNumbers<Narrow<Whole<R>>>>,
    record: csv::ByteRecord,
    /// The fields of the first record, which may be names.
    first: Vec<String>,
    has_header: bool,
    /// The row of units, where there is one.
    pub(crate) units: Units,
    delimiter: u8,
    /// Rows so far, those of names and units not counted.
    pub(crate) rows: u64,
    /// Whether the record at hand has not been given away yet: a first record that has no names is a row.
    waiting: bool,
    /// What is to be said of how it was read.
    pub(crate) notes: Vec<String>,
}

/// A row: its number, the line that it begins on, and its fields.
pub(crate) struct Row<'a> {
    pub(crate) number: u64,
    pub(crate) line: u64,
    source: &'a str,
    record: &'a csv::ByteRecord,
}

impl Row<'_> {
    /// A field as text.
    pub(crate) fn field(&self, j: usize) -> Result<&str> {
        text(self.record, j).map_err(|error| no_unicode(self.source, self.line, j, error))
    }
}

impl<R: Read> Records<R> {
    /// Find out what separates the fields, and whether there are names and units. `like` is another file with the same columns: then a row is one of
    /// units where it is that of the other one.
    pub(crate) fn open(source: &str, mut reader: R, (options, like): (&ReadOptions, Option<&Units>)) -> Result<Self> {
        let limits = &options.limits;
        let mut sample = Vec::new();
        reader.by_ref().take(SAMPLE).read_to_end(&mut sample).map_err(|e| unreadable(source, &e))?;
        if sample.starts_with(b"\xef\xbb\xbf") {
            sample.drain(..3);
        }
        refuse_what_is_no_text(source, &sample)?;
        let delimiter = options.delimiter.unwrap_or_else(|| detect_delimiter(&sample));
        let begins = first_records(&sample, delimiter);
        let source: Arc<str> = source.into();
        let records = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true) // lengths are checked here, with a message that names the row
            .delimiter(delimiter)
            .buffer_capacity(1 << 18)
            .from_reader(LineNumbers::new(Narrow::new(
                std::io::Cursor::new(sample).chain(reader),
                &source,
                limits,
                delimiter,
            )));
        let record = csv::ByteRecord::new();
        let (first, notes, rows, waiting, units) = (Vec::new(), Vec::new(), 0, false, None);
        let mut all = Self { source, records, record, first, has_header: true, units, delimiter, rows, waiting, notes };
        if !all.advance()? {
            return Err(Error::new(
                format!("{} is empty", all.source),
                "give a table with a header and rows of values",
            ));
        }
        limits.check(Limit::Columns, &all.source, all.record.len() as u64)?;
        let line = line_of(&all.record, all.records.get_mut());
        let field = |j: usize| text(&all.record, j).map_err(|error| no_unicode(&all.source, line, j, error));
        all.first =
            (0..all.record.len()).map(|j| field(j).map(|field| field.trim().to_owned())).collect::<Result<_>>()?;
        all.has_header = options.header.unwrap_or_else(|| match &begins[..] {
            _ if all.first.iter().all(|field| !is_number(field)) => true,
            [_, second, ..] if names_with_numbers(&all.first, second) => {
                let number = all.first.iter().find(|field| is_number(field)).map_or("", String::as_str);
                all.notes.push(format!(
                    "{}: the first row is taken for the names of the columns, though `{}` is a number; if it is data, say --header no",
                    all.source,
                    shown(number)
                ));
                true
            }
            _ => false,
        });
        all.waiting = if all.has_header { all.advance()? } else { true };
        let found = match (&begins[..], like) {
            ([_, units, numbers, ..], None) => are_units(all.first.len(), units, numbers).then_some(units),
            ([_, units, ..], Some(like)) => like.as_ref().filter(|like| *like == units),
            _ => None,
        };
        if let Some(units) = found.filter(|_| all.has_header) {
            let line = line_of(&all.record, all.records.get_mut());
            let unit = units.iter().find(|unit| !unit.is_empty()).map_or("", String::as_str);
            all.notes.push(format!(
                "{}: line {line} has the units of the columns, such as `{}`, and is left out",
                all.source,
                shown(unit)
            ));
            all.units = Some(units.clone());
            all.waiting = all.advance()?;
        }
        Ok(all)
    }

    /// The names of the columns.
    pub(crate) fn names(&self) -> Vec<String> {
        let name = |(j, name): (usize, &String)| match name.as_str() {
            name if self.has_header && !name.is_empty() => name.to_owned(),
            _ => format!("column_{}", j + 1),
        };
        self.first.iter().enumerate().map(name).collect()
    }

    /// Whether the first row has the names.
    pub(crate) fn has_header(&self) -> bool {
        self.has_header
    }

    /// The next row; `None` after the last.
    pub(crate) fn next(&mut self) -> Result<Option<Row<'_>>> {
        if !std::mem::take(&mut self.waiting) && !self.advance()? {
            return Ok(None);
        }
        self.rows += 1;
        let (source, line) = (&*self.source, line_of(&self.record, self.records.get_mut()));
        if self.record.len() != self.first.len() {
            return Err(ragged(source, &self.record, self.rows, line, self.first.len(), self.delimiter));
        }
        Ok(Some(Row { number: self.rows, line, source, record: &self.record }))
    }

    /// Read the next record, if there is one.
    fn advance(&mut self) -> Result<bool> {
        let source = &*self.source;
        self.records.get_mut().inner_mut().begin_row();
        self.records.read_byte_record(&mut self.record).map_err(|error| match error.into_kind() {
            csv::ErrorKind::Io(error) => unreadable(source, &error),
            other => Error::new(format!("{source} could not be read: {other:?}"), "check that the file is a CSV table"),
        })
    }
}

/// The first three records of a sample, trimmed; fewer where it has fewer whole ones.
fn first_records(sample: &[u8], delimiter: u8) -> Vec<Vec<String>> {
    let mut records =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(sample);
    let fields = |record: csv::ByteRecord| {
        record.iter().map(|field| String::from_utf8_lossy(field).trim().to_owned()).collect::<Vec<_>>()
    };
    records.byte_records().take(3).map_while(|record| record.ok().map(fields)).collect()
}

/// Whether a field is a number, as opposed to a name: `inf` and `nan` may be names.
fn is_number(field: &str) -> bool {
    field.parse::<f64>().is_ok_and(f64::is_finite)
}

/// Whether the first row has names, some of which are numbers: all numbers could be names, and a column of numbers has a name that is none.
fn names_with_numbers(first: &[String], second: &[String]) -> bool {
    let like_a_name = |field: &&String| field.bytes().all(|byte| byte.is_ascii_digit());
    let mut numbers: Vec<_> = first.iter().filter(|field| is_number(field)).collect();
    let count = numbers.len();
    numbers.sort();
    numbers.dedup();
    let mut columns = first.iter().zip(second);
    first.len() == second.len()
        && numbers.len() == count
        && numbers.iter().all(like_a_name)
        && columns.any(|(name, value)| is_word(name) && !begins_with_digit(name) && is_number(value))
}

/// Whether a row behind the header has units: no number, and words above numbers.
fn are_units(columns: usize, units: &[String], numbers: &[String]) -> bool {
    let mut pairs = units.iter().zip(numbers);
    units.len() == columns
        && numbers.len() == columns
        && units.iter().all(|unit| !is_number(unit) && unit.chars().count() <= 16 && !unit.contains(['\r', '\n']) && !begins_with_digit(unit))
        // Above words there is nothing, or a word for nothing.
        && units.iter().zip(numbers).all(|(unit, value)| begins_with_digit(value) || !is_word(unit) || unit.starts_with(['-', '[', '(']))
        && pairs.any(|(unit, value)| is_word(unit) && is_number(value))
}

/// Whether a field has text that stands for something.
fn is_word(field: &str) -> bool {
    !is_missing(field) && !is_number(field) && !field.eq_ignore_ascii_case("inf") && !field.eq_ignore_ascii_case("-inf")
}

fn begins_with_digit(field: &str) -> bool {
    field.trim_start_matches(['+', '-', '.', '"', '\'']).starts_with(|sign: char| sign.is_ascii_digit())
}

/// A reader that fails once a line has far more delimiters than a table may have columns, or more bytes than a file: a row is held whole
/// before its fields can be counted.
struct Narrow<R> {
    reader: R,
    source: Arc<str>,
    limits: Limits,
    delimiter: u8,
    met: u64,
    /// Bytes since a row was asked for.
    bytes: u64,
}

impl<R> Narrow<R> {
    fn new(reader: R, source: &Arc<str>, limits: &Limits, delimiter: u8) -> Self {
        Self { reader, source: Arc::clone(source), limits: *limits, delimiter, met: 0, bytes: 0 }
    }

    /// The next row is asked for.
    fn begin_row(&mut self) {
        self.bytes = 0;
    }
}

impl<R: Read> Read for Narrow<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        // Of what was read before the row only a part can belong to it.
        if self.bytes > self.limits.bytes {
            return Err(std::io::Error::other(self.limits.beyond(
                Limit::Bytes,
                &format!("a row of {}", self.source),
                None,
            )));
        }
        let count = self.reader.read(buffer)?;
        self.bytes += count as u64;
        let read = &buffer[..count];
        let delimiters = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == self.delimiter).count() as u64;
        // Lines that begin and end in this buffer are shorter than it, which is not much to hold.
        match read.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => self.met = delimiters(&read[end + 1..]),
            None => self.met += delimiters(read),
        }
        // A text in quotation marks may have some delimiters more.
        if self.met > self.limits.columns.saturating_add(1 << 16) {
            return Err(std::io::Error::other(self.limits.beyond(Limit::Columns, &self.source, None)));
        }
        Ok(count)
    }
}

fn text(record: &csv::ByteRecord, j: usize) -> std::result::Result<&str, std::str::Utf8Error> {
    std::str::from_utf8(&record[j])
}

/// The line on which a record begins. The parser knows the byte where it began to look, which may be the second of the
/// line break before, or that of a blank line.
fn line_of<R>(record: &csv::ByteRecord, lines: &mut LineNumbers<R>) -> u64 {
    lines.of_text_from(record.position().map_or(0, csv::Position::byte))
}

fn no_unicode(source: &str, line: u64, j: usize, error: std::str::Utf8Error) -> Error {
    Error::new(format!("{source}: line {line}, field {} is not UTF-8 text ({error})", j + 1), "save the file as UTF-8")
}

fn ragged(source: &str, record: &csv::ByteRecord, row: u64, line: u64, due: usize, delimiter: u8) -> Error {
    let fields = if record.len() == 1 { "field" } else { "fields" };
    let hint = if record.iter().any(|field| field.contains(&b'\n')) {
        "a quotation mark seems not to be closed".to_owned()
    } else {
        format!("every row needs as many fields as the first; fields are separated by `{}`", delimiter.escape_ascii())
    };
    Error::new(format!("{source}: row {row} (line {line}) has {} {fields} where {due} are due", record.len()), hint)
}

fn refuse_what_is_no_text(source: &str, sample: &[u8]) -> Result<()> {
    if sample.trim_ascii_start().first() == Some(&b'{') {
        return Err(Error::new(
            format!("{source} looks like JSON, not like a table"),
            "give the network first and the data second",
        ));
    }
    match sample.iter().position(|&byte| byte == 0) {
        Some(at) => Err(Error::new(
            format!("{source} is not a text file (byte {at} is 0)"),
            "give a CSV file, plain or compressed with gzip",
        )),
        None => Ok(()),
    }
}

/// The candidate with most lines like the first, then with most fields; a comma if none occurs.
fn detect_delimiter(sample: &[u8]) -> u8 {
    let fields = |delimiter: u8| {
        let mut records =
            csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(sample);
        let lengths: Vec<usize> = records.byte_records().take(50).map_while(|r| r.ok()).map(|r| r.len()).collect();
        // The last line of a sample may be cut.
        let whole = if lengths.len() > 2 { &lengths[..lengths.len() - 1] } else { &lengths[..] };
        let first = whole.first().copied().unwrap_or(0);
        let alike = whole.iter().filter(|length| **length == first).count();
        (if first > 1 { alike } else { 0 }, first)
    };
    // `max_by_key` takes the last of equals: reversed, the order of the candidates is the order of preference.
    CANDIDATES.into_iter().rev().max_by_key(|&delimiter| fields(delimiter)).unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use crate::table::{ReadOptions, Table, Values};
    use proptest::prelude::*;
    use std::io::{Read, Write};
    use tautnet::limits::Limits;

    fn parse(text: &str) -> tautnet::error::Result<Table> {
        Table::from_reader("t.csv", text.as_bytes(), &ReadOptions::default())
    }

    fn numbers<'a>(table: &'a Table, name: &str) -> &'a [f64] {
        match table.column(name).unwrap().values().unwrap() {
            Values::Numbers(v) => v,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn delimiters_and_headers_are_detected() {
        for delimiter in [",", ";", "\t", "|"] {
            let text = "a,b,target\n1,x y,3\n4,\"z\",6.5\n".replace(',', delimiter);
            for text in [text.clone(), text.replace('\n', "\r\n"), format!("\u{feff}{text}")] {
                let table = parse(&text).unwrap();
                assert_eq!(table.columns().iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["a", "b", "target"]);
                assert_eq!(numbers(&table, "target"), [3.0, 6.5]);
            }
        }
        let table = parse("E,E,5,4,0.28\nB,D,6,5,0.5\n").unwrap();
        assert_eq!(table.rows(), 2);
        assert_eq!(numbers(&table, "column_5"), [0.28, 0.5]);
        let forced = ReadOptions { header: Some(true), delimiter: Some(b','), ..ReadOptions::default() };
        assert_eq!(Table::from_reader("t", "0,1\n5,6\n".as_bytes(), &forced).unwrap().columns()[1].name, "1");
    }

    #[test]
    fn gzip_is_read_and_a_cut_one_refused() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        let text: String = "a,b\n".to_owned() + &(0..1000).map(|k| format!("{k},{}\n", k * 7 % 13)).collect::<String>();
        encoder.write_all(text.as_bytes()).unwrap();
        let bytes = encoder.finish().unwrap();
        let table = Table::from_reader("t.csv.gz", &bytes[..], &ReadOptions::default()).unwrap();
        assert_eq!(table.columns(), parse(&text).unwrap().columns());
        let error = Table::from_reader("t.csv.gz", &bytes[..bytes.len() / 2], &ReadOptions::default()).unwrap_err();
        assert!(error.what.contains("t.csv.gz could not be read"), "{error:?}");
        assert!(error.hint.contains("cut short"), "{error:?}");
    }

    #[test]
    fn more_than_the_limits_allow_is_refused_before_it_is_held() {
        let default = Limits::default();
        let read = |bytes: &[u8], limits: Limits| {
            Table::from_reader("t.csv", bytes, &ReadOptions { limits, ..ReadOptions::default() }).map(|_| ())
        };
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        (0..2000).for_each(|_| encoder.write_all("1,2\n".repeat(1000).as_bytes()).unwrap());
        let packed = encoder.finish().unwrap();
        assert!(packed.len() < 80_000);
        for (bytes, limits, what) in [
            (
                &packed[..],
                Limits { bytes: 1 << 20, ..default },
                "t.csv has, or unpacks to, more than 1048576 bytes, which is the limit",
            ),
            (b"a,b\n1,2\n3,4\n", Limits { rows: 1, ..default }, "t.csv has more than 1 rows, which is the limit"),
            (b"a,b\n1,2\n3,4\n", Limits { cells: 3, ..default }, "t.csv has more than 3 cells, which is the limit"),
            (b"a,b\n1,2\n", Limits { columns: 1, ..default }, "t.csv has 2 columns, more than the limit of 1"),
            (",".repeat(1_200_000).as_bytes(), default, "t.csv has more than 1000000 columns, which is the limit"),
        ] {
            let error = read(bytes, limits).unwrap_err();
            assert_eq!(error.what, what);
            assert!(error.hint.contains("⟨limit="), "{error:?}");
        }
        assert!(read(b"a,b\n1,2\n3,4\n", Limits { bytes: 12, rows: 2, columns: 2, cells: 4, ..default }).is_ok());
        // A packed file whose name does not end.
        let endless = Read::chain(&b"\x1f\x8b\x08\x08\0\0\0\0\0\x03"[..], std::io::repeat(b'a'));
        let options = ReadOptions { limits: Limits { bytes: 1000, ..default }, ..ReadOptions::default() };
        let error = Table::from_reader("t.csv", endless, &options).unwrap_err();
        assert!(error.what.contains("more than 1000 bytes"), "{error:?}");
        assert!(read(b"a,b\n1,2\n3,4\n", Limits { bytes: 11, ..default }).is_err());
    }

    #[test]
    fn wide_tables_and_long_cells_are_read() {
        let line = |text: &dyn Fn(usize) -> String| (0..50_000).map(text).collect::<Vec<_>>().join(",");
        let table = parse(&format!("{}\n{}\n", line(&|j| format!("c{j}")), line(&|j| j.to_string()))).unwrap();
        assert_eq!(numbers(&table, "c49999"), [49999.0]);
        let long = "x".repeat(70_000);
        let table = parse(&format!("{long},y\n{long},1\nz,2\n")).unwrap();
        let Values::Words { levels, .. } = table.column(&long).unwrap().values().unwrap() else { panic!() };
        assert_eq!(levels, &[long, "z".into()]);
    }

    #[test]
    fn integers_that_no_double_is_equal_to_are_noted_once_a_column() {
        let table = parse("a,b,c,d\n9007199254740993,9007199254740992,-00009007199254740995,1e300\n1,9,7,1\n").unwrap();
        let note = |name: &str| table.column(name).unwrap().note();
        let a = "t.csv: row 1 (line 2), column `a` is 9007199254740993, which is kept as 9007199254740992: above 2^53 not \
                 every integer is a double";
        assert_eq!(note("a"), Some(a));
        assert_eq!((note("b"), note("d")), (None, None));
        assert!(note("c").unwrap().contains("is -00009007199254740995, which is kept as -9007199254740996"));
        let many = parse("a,b\nid,1\nno,2\n12345678901234567891,2\n12345678901234567892,3\n").unwrap();
        assert!(many.column("a").unwrap().note().unwrap().contains("12345678901234567891 (and 1 more)"));
    }

    #[test]
    fn a_bad_file_is_refused_with_its_place() {
        for (text, what) in [
            ("", "t.csv is empty"),
            ("\n\n", "t.csv is empty"),
            ("a,b\n", "t.csv has a header but no rows"),
            ("a,b\n1,2\n3\n", "t.csv: row 2 (line 3) has 1 field where 2 are due"),
            ("a,b\n1,2\n\n3,4,5\n", "t.csv: row 2 (line 4) has 3 fields where 2 are due"),
            ("a,b,a\n1,2,3\n", "t.csv: columns 1 and 3 are both named `a`"),
            ("{\"w\": [[1]]}", "t.csv looks like JSON, not like a table"),
            ("a,b\n1,\0\n", "t.csv is not a text file (byte 6 is 0)"),
            ("PK\x03\x04abc", "t.csv is a zip archive or a spreadsheet, not a table"),
        ] {
            assert_eq!(parse(text).unwrap_err().what, what, "{text:?}");
        }
        let latin = Table::from_reader("t", &b"a,b\n1,\xe9t\xe9\n"[..], &ReadOptions::default()).unwrap_err();
        assert!(latin.what.starts_with("t: line 2, field 2 is not UTF-8 text"), "{latin:?}");
    }

    #[test]
    fn a_bad_value_is_refused_when_its_column_is_used() {
        for (value, what) in [
            ("", "t.csv: row 3 (line 4), column `a` is missing"),
            ("NA", "t.csv: row 3 (line 4), column `a` is missing (`NA`)"),
            ("?", "t.csv: row 3 (line 4), column `a` is missing (`?`)"),
            ("NaN", "t.csv: row 3 (line 4), column `a` is missing (`NaN`)"),
            ("inf", "t.csv: row 3 (line 4), column `a` is `inf`, which is not a finite number"),
            ("-1e999", "t.csv: row 3 (line 4), column `a` is `-1e999`, which is not a finite number"),
            ("12a", "t.csv: row 3 (line 4), column `a` is `12a` where most values are numbers"),
            ("\"3,14\"", "t.csv: row 3 (line 4), column `a` is `3,14` where most values are numbers"),
        ] {
            let table = parse(&format!("a,b\n1,2\n2,5\n{value},4\n7,1\n9,9\n")).unwrap();
            assert_eq!(table.column("a").unwrap().values().unwrap_err().what, what);
            assert_eq!(numbers(&table, "b"), [2.0, 5.0, 4.0, 1.0, 9.0], "the other column stays good");
        }
        let many: String = (0..300).map(|k| format!("id{k},{k}\n")).collect();
        let table = parse(&format!("a,b\n{many}")).unwrap();
        assert!(table.column("a").unwrap().values().unwrap_err().what.contains("more than 256 different words"));
    }

    #[test]
    fn words_are_levels_whatever_the_order_of_the_rows() {
        let table = parse("a,b\nz,1\nx,2\ny,3\n01,4\nx,5\n1.0,6\n").unwrap();
        let Values::Words { levels, codes } = table.column("a").unwrap().values().unwrap() else { panic!() };
        assert_eq!(levels, &["1", "x", "y", "z"]);
        assert_eq!(codes, &[3, 1, 2, 0, 1, 0]);
    }

    #[test]
    fn names_may_be_numbers_and_units_may_stand_below_them() {
        let names = |table: &Table| table.columns().iter().map(|column| column.name.clone()).collect::<Vec<_>>();
        let table = parse("site,2020,2021,inf\nx,1,2,3\ny,4,5,6\n").unwrap();
        assert_eq!(
            (names(&table), table.rows()),
            (["column_1", "column_2", "column_3", "column_4"].map(String::from).to_vec(), 3)
        );
        let table = parse("temp,2020,inf\n5,1,2\n6,4,5\n").unwrap();
        assert_eq!((names(&table), table.rows()), (["temp", "2020", "inf"].map(String::from).to_vec(), 2));
        assert!(table.notes()[0].contains("though `2020` is a number"), "{:?}", table.notes());
        assert_eq!(names(&parse("nan,inf\n5,1\n").unwrap()), ["nan", "inf"]);
        // A bad number in the first row is no name, and neither are decimals.
        for text in ["12a,5\n3,7\n", "a,0.5\n1,0.7\n", "1,2\n3,4\n", "a,5,5\n1,2,3\n"] {
            assert_eq!(parse(text).unwrap().columns()[0].name, "column_1", "{text}");
        }
        let table = parse("temp;flow;kind\n°C;[m3/h];-\n1;2;a\n3;4;b\n").unwrap();
        assert_eq!((numbers(&table, "temp"), table.rows()), (&[1.0, 3.0][..], 2));
        assert_eq!(table.notes(), ["t.csv: line 2 has the units of the columns, such as `°C`, and is left out"]);
        for text in
            ["a,b\nx,NA\ny,2\n", "a,b\n12a,x\n3,y\n", "a,b\nx,y\nz,u\n", "a,b\n?,?\n1,2\n", "a,b\n-inf,x\n1,y\n"]
        {
            let table = parse(text).unwrap();
            assert_eq!((table.rows(), table.notes().len()), (2, 0), "{text}");
        }
    }

    #[test]
    fn numbers_with_separators_are_read_where_the_column_tells_which() {
        let column = |values: &[&str]| {
            let rows: String = values.iter().map(|value| format!("\"{value}\";1\n")).collect();
            let table = parse(&format!("a;b\n{rows}")).unwrap();
            table.column("a").unwrap().clone()
        };
        for (values, read, how) in [
            (&["1,234.5", "12", "2,000"][..], [1234.5, 12.0, 2000.0], "separators of thousands"),
            (&["1'234", "12", "2'000.25"], [1234.0, 12.0, 2000.25], "separators of thousands"),
            (&["1 234", "1\u{a0}000 000", "7"], [1234.0, 1e6, 7.0], "separators of thousands"),
            (&["1,234", "0.5", "2,000"], [1234.0, 0.5, 2000.0], "separators of thousands"),
            (&["3,25", "2", "-0,5"], [3.25, 2.0, -0.5], "a decimal comma"),
            (&["1.234,5", "3,125", "-2"], [1234.5, 3.125, -2.0], "a decimal comma"),
            (&["1.234.567", "1.000,5", "0,001"], [1_234_567.0, 1000.5, 0.001], "a decimal comma"),
        ] {
            let column = column(values);
            let Values::Numbers(numbers) = column.values().unwrap() else { panic!("{values:?}") };
            assert_eq!(numbers, &read, "{values:?}");
            assert!(column.note().unwrap().contains(how), "{:?}", column.note());
        }
        let open = column(&["1,234", "5,678", "12"]).values().unwrap_err();
        assert!(open.what.contains("`1,234`, whose comma may stand between thousands or before decimals"), "{open:?}");
        for values in [&["1,234.5", "0,5", "7"][..], &["12,34,5", "1", "2"], &["3,14", "2.5", "7"]] {
            assert!(
                column(values).values().is_err() || matches!(column(values).values(), Ok(Values::Words { .. })),
                "{values:?}"
            );
        }
    }

    #[test]
    fn dates_are_told_from_words_and_missing_values_are_remembered() {
        let table = parse("when,t,k\n2024-01-05,1,a\n,NA,\n2024-02-05,3,b\n").unwrap();
        let error = table.column("when").unwrap().values().unwrap_err();
        assert_eq!(error.what, "t.csv: column `when` holds dates, such as `2024-01-05`");
        assert!(error.hint.contains("⟨date=when=parts⟩"), "{error:?}");
        for name in ["when", "t", "k"] {
            assert_eq!(table.column(name).unwrap().missing(), [1], "{name}");
        }
        assert_eq!(table.column("t").unwrap().range(), Some((1.0, 3.0)));
        let less = table.select(&[2, 0]);
        assert_eq!(less.column("t").unwrap().values(), Ok(&Values::Numbers(vec![3.0, 1.0])));
        let many = parse("a,b\n,1\n2,\n,3\n").unwrap();
        assert_eq!(
            many.column("a").unwrap().values().unwrap_err().what,
            "t.csv: row 1 (line 2), column `a` is missing, as is 1 more of the column"
        );
    }

    proptest! {
        #[test]
        fn written_numbers_come_back_bit_for_bit(values in prop::collection::vec(-1e300..1e300f64, 1..40)) {
            let text: String = "a,b\n".to_owned() + &values.iter().map(|v| format!("{v},{v:e}\n")).collect::<String>();
            let table = parse(&text).unwrap();
            prop_assert_eq!(numbers(&table, "a"), &values[..]);
            prop_assert_eq!(numbers(&table, "b"), &values[..]);
        }
    }
}
