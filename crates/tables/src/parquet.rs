//! Parquet files: flat columns of numbers, booleans and text. Booleans become the words `false` and `true`.

use crate::column::ColumnBuilder;
use crate::limited::{read_to_end, unreadable};
use crate::parquet_guard::{self as guard, Chunk};
use crate::table::{Column, Table, Values};
use parquet::basic::{ConvertedType, Encoding, LogicalType, TimeUnit, Type};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl, get_column_reader};
use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;
use std::cell::Cell;
use std::fs::File;
use std::io::Seek;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Once};
use tautnet::error::{Error, Result};
use tautnet::limits::{Limit, Limits};

/// Values decoded at once.
const BATCH: usize = 16 * 1024;

/// What is wrong with a file that is damaged.
pub(crate) struct Damage<'a>(pub(crate) &'a str);

impl Damage<'_> {
    pub(crate) fn error(&self, what: &dyn std::fmt::Display) -> Error {
        let hint = "the file is damaged or cut short; write it again";
        Error::new(format!("{} could not be read: {what}", self.0), hint)
    }
}

/// Read a Parquet file; `source` is what messages call it.
///
/// What the file's headers announce is checked first, for the decoder makes room for it, and a decoder that panics over a
/// damaged file has found the damage.
pub(crate) fn read(source: String, mut file: File, limits: &Limits) -> Result<Table> {
    let bytes = read_to_end(&file, &source, limits)?;
    file.rewind().map_err(|error| unreadable(&source, &error))?;
    quietly(|| decode(&source, file, &bytes, limits))
        .unwrap_or_else(|| Err(Damage(&source).error(&"its contents contradict each other")))
}

/// Do what may panic, without a word on standard error; `None` where it did.
pub(crate) fn quietly<T>(work: impl FnOnce() -> T) -> Option<T> {
    thread_local! {
        static QUIET: Cell<bool> = const { Cell::new(false) };
    }
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                usual(panic);
            }
        }));
    });
    QUIET.set(true);
    // What the work leaves behind in a panic is dropped with it.
    let done = catch_unwind(AssertUnwindSafe(work));
    QUIET.set(false);
    done.ok()
}

fn decode(source: &str, file: File, bytes: &[u8], limits: &Limits) -> Result<Table> {
    let damage = Damage(source);
    let failed = |error: ParquetError| damage.error(&error);
    guard::check_schema(bytes, limits).map_err(|what| damage.error(&what))?;
    let reader = SerializedFileReader::new(file).map_err(failed)?;
    let metadata = reader.metadata();
    let due = rows_of(source, metadata)?;
    if due == 0 {
        return Err(Error::new(format!("{source} has no rows"), "at least one row of values is needed"));
    }
    let descriptions = metadata.file_metadata().schema_descr().columns();
    limits.check(Limit::Rows, source, due)?;
    limits.check(Limit::Columns, source, descriptions.len() as u64)?;
    limits.check_cells(source, due, descriptions.len() as u64)?;
    let rows = usize::try_from(due).unwrap_or(usize::MAX);
    let mut columns = Vec::new();
    let mut unpacked = 0;
    for (j, description) in descriptions.iter().enumerate() {
        let name = description.path().string();
        // Data frames store their row labels under such names.
        if is_row_label(&name) {
            continue;
        }
        let chunks = || metadata.row_groups().iter().map(|group| group.column(j));
        if let Some(flaw) = unsupported(source, &name, description).or_else(|| unread(source, &name, chunks())) {
            columns.push(Column { content: Err(flaw), ..Column::new(name, Values::Numbers(Vec::new())) });
            continue;
        }
        let mut builder = ColumnBuilder::default();
        for (group, chunk) in metadata.row_groups().iter().zip(chunks()) {
            let chunk = place(source, &name, group, chunk)?;
            unpacked += guard::check_pages(bytes, &chunk, limits).map_err(|what| damage.error(&what))?;
            limits.check(Limit::Bytes, source, unpacked)?;
        }
        for group in 0..reader.num_row_groups() {
            let group = reader.get_row_group(group).map_err(failed)?;
            let mut column = column_reader(&*group, j, description).map_err(failed)?;
            // One more than there may be, so that too many are met.
            let most = (rows - builder.rows()).saturating_add(1);
            push_records(&mut column, description, &mut builder, most).map_err(failed)?;
            if builder.rows() > rows {
                return Err(damage.error(&format!("a column has more than {rows} values")));
            }
        }
        columns.push(builder.finish(source, name));
    }
    Table::with_rows(source.to_owned(), columns, rows)
}

/// Data frames store their row labels under such names.
pub(crate) fn is_row_label(name: &str) -> bool {
    name.starts_with("__index_level_")
}

/// The rows of a group.
pub(crate) fn rows_in(group: &RowGroupMetaData) -> u64 {
    u64::try_from(group.num_rows()).unwrap_or(0)
}

/// The rows of a file, of which its groups and the whole speak.
pub(crate) fn rows_of(source: &str, metadata: &ParquetMetaData) -> Result<u64> {
    let due = metadata.row_groups().iter().map(rows_in).fold(0, u64::saturating_add);
    if due != u64::try_from(metadata.file_metadata().num_rows()).unwrap_or(0) {
        return Err(Damage(source).error(&"its parts have another number of rows than the whole"));
    }
    Ok(due)
}

/// Where a column of a row group is; an error where the footer says nonsense.
pub(crate) fn place(source: &str, name: &str, group: &RowGroupMetaData, chunk: &ColumnChunkMetaData) -> Result<Chunk> {
    let start = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
    let number =
        |number: i64| u64::try_from(number).map_err(|_| Damage(source).error(&"its footer has a negative length"));
    number(group.num_rows())?;
    let chunk =
        Chunk { start: number(start)?, length: number(chunk.compressed_size())?, values: number(chunk.num_values())? };
    if chunk.values != rows_in(group) {
        let what = format!("column `{name}` has {} values in {} rows", chunk.values, rows_in(group));
        return Err(Damage(source).error(&what));
    }
    Ok(chunk)
}

/// The reader of a column of a row group.
pub(crate) fn column_reader(
    group: &dyn RowGroupReader,
    j: usize,
    description: &Arc<ColumnDescriptor>,
) -> parquet::errors::Result<ColumnReader> {
    let pages = group.get_column_page_reader(j)?;
    let pages = Box::new(Pages { pages, levels: description.max_def_level() > 0 });
    Ok(get_column_reader(Arc::clone(description), pages))
}

/// Encodings that are not read: how much they unpack to cannot be told beforehand.
const UNREAD: [Encoding; 2] = [Encoding::DELTA_BYTE_ARRAY, Encoding::ALP];

/// Why a column is stored in a way that is not read.
pub(crate) fn unread<'a>(
    source: &str,
    name: &str,
    mut chunks: impl Iterator<Item = &'a ColumnChunkMetaData>,
) -> Option<Error> {
    let encoding = chunks.find_map(|chunk| chunk.encodings().find(|encoding| UNREAD.contains(encoding)))?;
    Some(Error::new(
        format!("{source}: column `{name}` is stored as {encoding}, which is not read"),
        "leave the column out, or write it with plain or dictionary encoding",
    ))
}

/// The pages of a column, each checked before its values are decoded.
struct Pages {
    pages: Box<dyn PageReader>,
    /// Whether the values of a page stand behind marks of what is missing.
    levels: bool,
}

impl Pages {
    fn check(&self, page: &Page) -> Outcome {
        let fault = |what: &str| Err(ParquetError::General(what.to_owned()));
        let encoding = page.encoding();
        if UNREAD.contains(&encoding) {
            return fault("a page is stored in another way than its column says");
        }
        if ![Encoding::DELTA_BINARY_PACKED, Encoding::DELTA_LENGTH_BYTE_ARRAY].contains(&encoding) {
            return Ok(());
        }
        let bytes: &[u8] = page.buffer();
        let start = match page {
            Page::DataPageV2 { def_levels_byte_len, rep_levels_byte_len, .. } => {
                *def_levels_byte_len as usize + *rep_levels_byte_len as usize
            }
            _ if self.levels => match bytes.first_chunk() {
                Some(length) => 4 + u32::from_le_bytes(*length) as usize,
                None => return fault("a page is cut short"),
            },
            _ => 0,
        };
        let Some(values) = bytes.get(start..) else { return fault("a page is cut short") };
        match guard::count_of_differences(values) {
            _ if values.is_empty() => Ok(()),
            Ok(count) if count <= u64::from(page.num_values()) => Ok(()),
            _ => fault("a page announces more values than it has"),
        }
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> parquet::errors::Result<Option<Page>> {
        let page = self.pages.get_next_page()?;
        page.as_ref().map_or(Ok(()), |page| self.check(page))?;
        Ok(page)
    }

    fn peek_next_page(&mut self) -> parquet::errors::Result<Option<PageMetadata>> {
        self.pages.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Outcome {
        self.pages.skip_next_page()
    }
}

impl Iterator for Pages {
    type Item = parquet::errors::Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

/// Why a column cannot be read as numbers or words.
pub(crate) fn unsupported(source: &str, name: &str, description: &ColumnDescriptor) -> Option<Error> {
    let nested = description.max_rep_level() > 0 || description.path().parts().len() > 1;
    let number = matches!(description.logical_type_ref(), None | Some(LogicalType::Integer { .. }))
        && !matches!(
            description.converted_type(),
            ConvertedType::DATE
                | ConvertedType::DECIMAL
                | ConvertedType::TIME_MILLIS
                | ConvertedType::TIME_MICROS
                | ConvertedType::TIMESTAMP_MILLIS
                | ConvertedType::TIMESTAMP_MICROS
        );
    let good = match description.physical_type() {
        Type::BOOLEAN | Type::FLOAT | Type::DOUBLE => true,
        Type::INT32 | Type::INT64 => number || ticks_of_date(description).is_some(),
        Type::BYTE_ARRAY => matches!(description.converted_type(), ConvertedType::UTF8 | ConvertedType::ENUM),
        _ => false,
    };
    if good && !nested {
        return None;
    }
    let kind = match description.logical_type_ref() {
        _ if nested => "nested".to_owned(),
        Some(logical) => format!("of the type {logical:?}"),
        None => format!("of the type {}", description.physical_type()),
    };
    Some(Error::new(
        format!("{source}: column `{name}` is {kind}, which is neither numbers nor text"),
        "leave the column out, or write it as numbers or text",
    ))
}

/// What a column holds, in a word.
pub(crate) fn kind_of(description: &ColumnDescriptor) -> &'static str {
    match description.physical_type() {
        _ if ticks_of_date(description).is_some() => "dates",
        Type::BOOLEAN => "truth values",
        Type::FLOAT | Type::DOUBLE | Type::INT32 | Type::INT64 => "numbers",
        _ => "text",
    }
}

type Outcome = parquet::errors::Result<()>;

/// For a column of dates or of times with a date: how many of its units are a second; days have no such number, and 1 stands for it.
fn ticks_of_date(description: &ColumnDescriptor) -> Option<f64> {
    match (description.logical_type_ref(), description.converted_type()) {
        (Some(LogicalType::Date), _) | (None, ConvertedType::DATE) => Some(1.0),
        (Some(LogicalType::Timestamp(stamp)), _) => Some(match stamp.unit {
            TimeUnit::MILLIS => 1e3,
            TimeUnit::MICROS => 1e6,
            TimeUnit::NANOS => 1e9,
        }),
        (None, ConvertedType::TIMESTAMP_MILLIS) => Some(1e3),
        (None, ConvertedType::TIMESTAMP_MICROS) => Some(1e6),
        _ => None,
    }
}

/// The next values of a column, `most` at most; returns how many there were.
pub(crate) fn push_records(
    column: &mut ColumnReader,
    description: &ColumnDescriptor,
    builder: &mut ColumnBuilder,
    most: usize,
) -> parquet::errors::Result<usize> {
    let unsigned = matches!(description.logical_type_ref(), Some(LogicalType::Integer(integer)) if !integer.is_signed)
        || matches!(
            description.converted_type(),
            ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64
        );
    let levels = description.max_def_level();
    let per_second = ticks_of_date(description);
    match column {
        ColumnReader::Int32ColumnReader(c) if per_second.is_some() => {
            each(c, levels, builder, most, |b, v| b.push_date(f64::from(*v) * 86_400.0))
        }
        ColumnReader::Int64ColumnReader(c) if per_second.is_some() => {
            let ticks = per_second.unwrap_or(1.0);
            each(c, levels, builder, most, |b, v| b.push_date(*v as f64 / ticks))
        }
        ColumnReader::BoolColumnReader(c) => each(c, levels, builder, most, |b, v| b.push_text(&v.to_string(), None)),
        ColumnReader::Int32ColumnReader(c) if unsigned => {
            each(c, levels, builder, most, |b, v| b.push_integer(i128::from(*v as u32)))
        }
        ColumnReader::Int64ColumnReader(c) if unsigned => {
            each(c, levels, builder, most, |b, v| b.push_integer(i128::from(*v as u64)))
        }
        ColumnReader::Int32ColumnReader(c) => each(c, levels, builder, most, |b, v| b.push_integer(i128::from(*v))),
        ColumnReader::Int64ColumnReader(c) => each(c, levels, builder, most, |b, v| b.push_integer(i128::from(*v))),
        ColumnReader::FloatColumnReader(c) => each(c, levels, builder, most, |b, v| b.push_value(f64::from(*v))),
        ColumnReader::DoubleColumnReader(c) => each(c, levels, builder, most, |b, v| b.push_value(*v)),
        ColumnReader::ByteArrayColumnReader(c) => {
            each(c, levels, builder, most, |b, v| b.push_text(&String::from_utf8_lossy(v.data()), None))
        }
        _ => unreachable!("refused by `unsupported`"),
    }
}

/// The next values of a flat column, missing ones included: one below the highest definition level says that.
fn each<T: DataType>(
    column: &mut ColumnReaderImpl<T>,
    highest: i16,
    builder: &mut ColumnBuilder,
    most: usize,
    push: impl Fn(&mut ColumnBuilder, &T::T),
) -> parquet::errors::Result<usize> {
    let mut read = 0;
    while read < most {
        let batch = BATCH.min(most - read);
        let (mut levels, mut values) = (Vec::with_capacity(batch), Vec::with_capacity(batch));
        let (records, _, _) = column.read_records(batch, Some(&mut levels), None, &mut values)?;
        if records == 0 {
            break;
        }
        read += records;
        let mut values = values.iter();
        for k in 0..records {
            if highest > 0 && levels[k] < highest {
                builder.push_text("", None);
            } else if let Some(value) = values.next() {
                push(builder, value);
            }
        }
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{ReadOptions, Table, Values};
    use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, FloatType, Int32Type, Int64Type};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;
    use std::path::Path;

    /// Two row groups of three rows each, with one missing `hole`.
    fn write(path: &Path, compression: parquet::basic::Compression) {
        let schema = "message m {
            required double a; required float f; required int32 u (INTEGER(32,false)); required int64 i;
            required boolean flag; required binary word (UTF8); optional double hole; required int32 day (DATE);
            required double y;
        }";
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let properties = Arc::new(WriterProperties::builder().set_compression(compression).build());
        let mut writer = SerializedFileWriter::new(File::create(path).unwrap(), schema, properties).unwrap();
        for g in 0..2 {
            let words: Vec<ByteArray> = ["b", "a", "b"].into_iter().map(ByteArray::from).collect();
            let mut group = writer.next_row_group().unwrap();
            macro_rules! column {
                ($kind:ty, $values:expr, $levels:expr) => {
                    let mut column = group.next_column().unwrap().unwrap();
                    column.typed::<$kind>().write_batch($values, $levels, None).unwrap();
                    column.close().unwrap();
                };
            }
            let shift = f64::from(g);
            column!(DoubleType, &[0.1 + shift, 2.0, 3.0], None);
            column!(FloatType, &[0.5, 1.5, 2.5], None);
            column!(Int32Type, &[-1, 2, 3], None);
            column!(Int64Type, &[-1, 2, 3], None);
            column!(BoolType, &[true, false, true], None);
            column!(ByteArrayType, &words, None);
            column!(DoubleType, &[7.0, 8.0], Some(&[1, 0, 1]));
            column!(Int32Type, &[1, 2, 3], None);
            column!(DoubleType, &[1.0, 2.0, 3.0], None);
            group.close().unwrap();
        }
        writer.close().unwrap();
    }

    #[test]
    fn flat_columns_are_read_whatever_their_compression() {
        use parquet::basic::Compression;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.parquet");
        for compression in [
            Compression::UNCOMPRESSED,
            Compression::SNAPPY,
            Compression::GZIP(Default::default()),
            Compression::ZSTD(Default::default()),
        ] {
            write(&path, compression);
            let table = Table::read(&path, &ReadOptions::default()).unwrap();
            let values = |name: &str| table.column(name).unwrap().values();
            let numbers = |v: &[f64]| Ok(Values::Numbers(v.to_vec()));
            let words = |levels: [&str; 2], codes: &[u32]| {
                Ok(Values::Words { levels: levels.map(str::to_owned).to_vec(), codes: codes.to_vec() })
            };
            assert_eq!(table.rows(), 6);
            assert_eq!(values("a").cloned(), numbers(&[0.1, 2.0, 3.0, 1.1, 2.0, 3.0]));
            assert_eq!(values("f").cloned(), numbers(&[0.5, 1.5, 2.5, 0.5, 1.5, 2.5]));
            assert_eq!(values("u").cloned(), numbers(&[4294967295.0, 2.0, 3.0, 4294967295.0, 2.0, 3.0]));
            assert_eq!(values("i").cloned(), numbers(&[-1.0, 2.0, 3.0, -1.0, 2.0, 3.0]));
            assert_eq!(values("flag").cloned(), words(["false", "true"], &[1, 0, 1, 1, 0, 1]));
            assert_eq!(values("word").cloned(), words(["a", "b"], &[1, 0, 1, 1, 0, 1]));
            let hole = values("hole").unwrap_err().what;
            assert!(hole.ends_with("t.parquet: row 2, column `hole` is missing, as is 1 more of the column"), "{hole}");
            assert!(values("day").unwrap_err().what.contains("holds dates, such as `1970-01-02T00:00:00Z`"));
        }
        let limits = Limits { cells: 53, ..Limits::default() };
        let error = Table::read(&path, &ReadOptions { limits, ..ReadOptions::default() }).unwrap_err();
        assert!(error.what.ends_with("has 54 cells, more than the limit of 53"), "{error:?}");
        let limits = Limits { columns: 8, ..Limits::default() };
        let error = Table::read(&path, &ReadOptions { limits, ..ReadOptions::default() }).unwrap_err();
        assert!(error.what.ends_with("has 9 columns, more than the limit of 8"), "{error:?}");
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 9]).unwrap();
        assert!(Table::read(&path, &ReadOptions::default()).unwrap_err().what.contains("could not be read"));
    }

    /// Read these bytes as a file; whatever they are, with an answer.
    fn read_bytes(path: &Path, bytes: &[u8]) -> Result<Table> {
        std::fs::write(path, bytes).unwrap();
        Table::read(path, &ReadOptions::default())
    }

    #[test]
    fn a_damaged_file_is_a_message() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.parquet");
        for bytes in [
            &include_bytes!("../tests/files/damaged-375.parquet")[..],
            include_bytes!("../tests/files/damaged-3727.parquet"),
            // A list of 2³⁰ lists where a header should end: the decoder would go through them for minutes.
            include_bytes!("../tests/files/damaged-lists.parquet"),
        ] {
            let error = read_bytes(&path, bytes).unwrap_err();
            assert!(error.what.contains("t.parquet could not be read: "), "{error:?}");
            assert_eq!(error.hint, "the file is damaged or cut short; write it again");
        }
    }

    #[test]
    fn no_damage_makes_it_panic_or_take_the_memory() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.parquet");
        write(&path, parquet::basic::Compression::SNAPPY);
        let good = std::fs::read(&path).unwrap();
        let mut bytes = good.clone();
        for at in 0..good.len() {
            for value in [good[at] ^ 1, good[at] ^ 0x80] {
                bytes[at] = value;
                let _ = read_bytes(&path, &bytes);
            }
            // A number that does not end soon: lengths of 2^56 and more.
            let end = good.len().min(at + 8);
            bytes[at..end].fill(0xff);
            let _ = read_bytes(&path, &bytes);
            bytes[at..end].copy_from_slice(&good[at..end]);
        }
        assert!(read_bytes(&path, &bytes).is_ok());
    }

    #[test]
    fn integers_that_no_double_is_equal_to_are_noted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.parquet");
        let schema = Arc::new(parse_message_type("message m { required int64 id; required int64 y; }").unwrap());
        let mut writer = SerializedFileWriter::new(File::create(&path).unwrap(), schema, Default::default()).unwrap();
        let mut group = writer.next_row_group().unwrap();
        for values in [[1, (1 << 53) + 1, -(1 << 53) - 1], [1, 2, 1 << 60]] {
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<Int64Type>().write_batch(&values, None, None).unwrap();
            column.close().unwrap();
        }
        group.close().unwrap();
        writer.close().unwrap();
        let table = Table::read(&path, &ReadOptions::default()).unwrap();
        let note = table.column("id").unwrap().note().unwrap();
        assert!(note.contains("row 2, column `id` is 9007199254740993 (and 1 more)"), "{note}");
        assert_eq!(table.column("y").unwrap().note(), None);
    }
}
