//! Parquet files: flat columns of numbers, booleans and text. Booleans become the words `false` and `true`.

use crate::error::{Error, Result};
use crate::table::{Column, Table, Values};
use crate::table_column::ColumnBuilder;
use parquet::basic::{ConvertedType, LogicalType, Type};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;
use std::fs::File;

/// Values decoded at once.
const BATCH: usize = 16 * 1024;

/// Read a Parquet file; `source` is what messages call it.
pub(crate) fn read(source: String, file: File) -> Result<Table> {
    let failed = |e: parquet::errors::ParquetError| {
        Error::new(format!("{source} could not be read: {e}"), "the file is damaged or cut short; write it again")
    };
    let reader = SerializedFileReader::new(file).map_err(failed)?;
    let metadata = reader.metadata();
    let rows = usize::try_from(metadata.file_metadata().num_rows()).unwrap_or(0);
    if rows == 0 {
        return Err(Error::new(format!("{source} has no rows"), "at least one row of values is needed"));
    }
    let mut columns = Vec::new();
    for (j, description) in metadata.file_metadata().schema_descr().columns().iter().enumerate() {
        let name = description.path().string();
        // Data frames store their row labels under such names.
        if name.starts_with("__index_level_") {
            continue;
        }
        if let Some(flaw) = unsupported(&source, &name, description) {
            columns.push(Column { name, values: Values::Numbers(Vec::new()), flaw: Some(flaw) });
            continue;
        }
        let mut builder = ColumnBuilder::default();
        for group in 0..reader.num_row_groups() {
            let group = reader.get_row_group(group).map_err(failed)?;
            let column = group.get_column_reader(j).map_err(failed)?;
            push_column(column, description, &mut builder).map_err(failed)?;
        }
        columns.push(builder.finish(&source, name));
    }
    Table::with_rows(source, columns, rows)
}

/// Why a column cannot be read as numbers or words.
fn unsupported(source: &str, name: &str, description: &ColumnDescriptor) -> Option<Error> {
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
        Type::INT32 | Type::INT64 => number,
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

type Outcome = std::result::Result<(), parquet::errors::ParquetError>;

fn push_column(column: ColumnReader, description: &ColumnDescriptor, builder: &mut ColumnBuilder) -> Outcome {
    let unsigned = matches!(description.logical_type_ref(), Some(LogicalType::Integer(integer)) if !integer.is_signed)
        || matches!(
            description.converted_type(),
            ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64
        );
    let levels = description.max_def_level();
    match column {
        ColumnReader::BoolColumnReader(c) => each(c, levels, builder, |b, v| b.push_text(&v.to_string(), None)),
        ColumnReader::Int32ColumnReader(c) if unsigned => {
            each(c, levels, builder, |b, v| b.push_value(f64::from(*v as u32)))
        }
        ColumnReader::Int64ColumnReader(c) if unsigned => {
            each(c, levels, builder, |b, v| b.push_value(*v as u64 as f64))
        }
        ColumnReader::Int32ColumnReader(c) => each(c, levels, builder, |b, v| b.push_value(f64::from(*v))),
        ColumnReader::Int64ColumnReader(c) => each(c, levels, builder, |b, v| b.push_value(*v as f64)),
        ColumnReader::FloatColumnReader(c) => each(c, levels, builder, |b, v| b.push_value(f64::from(*v))),
        ColumnReader::DoubleColumnReader(c) => each(c, levels, builder, |b, v| b.push_value(*v)),
        ColumnReader::ByteArrayColumnReader(c) => {
            each(c, levels, builder, |b, v| b.push_text(&String::from_utf8_lossy(v.data()), None))
        }
        _ => unreachable!("refused by `unsupported`"),
    }
}

/// Every value of a flat column, missing ones included: one below the highest definition level says that.
fn each<T: DataType>(
    mut column: ColumnReaderImpl<T>,
    highest: i16,
    builder: &mut ColumnBuilder,
    push: impl Fn(&mut ColumnBuilder, &T::T),
) -> Outcome {
    loop {
        let (mut levels, mut values) = (Vec::with_capacity(BATCH), Vec::with_capacity(BATCH));
        let (records, _, _) = column.read_records(BATCH, Some(&mut levels), None, &mut values)?;
        if records == 0 {
            return Ok(());
        }
        let mut values = values.iter();
        for k in 0..records {
            if highest > 0 && levels[k] < highest {
                builder.push_text("", None);
            } else if let Some(value) = values.next() {
                push(builder, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::table::{ReadOptions, Table, Values};
    use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, FloatType, Int32Type, Int64Type};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;
    use std::path::Path;
    use std::sync::Arc;

    /// Two row groups of three rows each, with one missing `hole`.
    fn write(path: &Path, compression: parquet::basic::Compression) {
        let schema = "message m {
            required double a; required float f; required int32 u (INTEGER(32,false)); required int64 i;
            required boolean flag; required binary word (UTF8); optional double hole; required int32 day (DATE);
            required double y;
        }";
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let properties = Arc::new(WriterProperties::builder().set_compression(compression).build());
        let mut writer = SerializedFileWriter::new(std::fs::File::create(path).unwrap(), schema, properties).unwrap();
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
            assert!(hole.ends_with("t.parquet: row 2, column `hole` is missing"), "{hole}");
            assert!(values("day").unwrap_err().what.contains("neither numbers nor text"));
        }
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 9]).unwrap();
        assert!(Table::read(&path, &ReadOptions::default()).unwrap_err().what.contains("could not be read"));
    }
}
