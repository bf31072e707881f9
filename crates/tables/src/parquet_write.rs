//! Columns as a Parquet file, a row group for each block.

use crate::atomic::{Writing, unwritable};
use crate::cells::{Cells, Columns};
use parquet::basic::{Compression, ConvertedType, LogicalType, Repetition, Type};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type as Schema;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tautnet::error::Result;

/// A file that is being written.
pub(crate) struct Groups {
    path: PathBuf,
    state: State,
}

/// Its schema is that of the first block.
enum State {
    Waiting(Writing),
    Begun(Box<SerializedFileWriter<Writing>>),
    Lost,
}

impl Groups {
    /// Nothing is known of its columns yet.
    pub(crate) fn begin(writing: Writing) -> Self {
        Self { path: writing.path().to_owned(), state: State::Waiting(writing) }
    }

    /// A row group.
    pub(crate) fn put(&mut self, columns: &Columns) -> Result<()> {
        let path = self.path.clone();
        let failed = |error: ParquetError| failure(&path, error);
        let mut writer = match std::mem::replace(&mut self.state, State::Lost) {
            State::Waiting(writing) => Box::new(begun(writing, columns).map_err(failed)?),
            State::Begun(writer) => writer,
            State::Lost => return Ok(()),
        };
        write_group(&mut writer, columns).map_err(failed)?;
        self.state = State::Begun(writer);
        Ok(())
    }

    /// The footer, and the name.
    pub(crate) fn finish(self) -> Result<()> {
        match self.state {
            State::Begun(writer) => writer.into_inner().map_err(|error| failure(&self.path, error))?.finish(),
            State::Waiting(writing) => writing.finish(),
            State::Lost => Ok(()),
        }
    }
}

fn begun(writing: Writing, columns: &Columns) -> parquet::errors::Result<SerializedFileWriter<Writing>> {
    let column = |(name, cells): &(String, Cells)| {
        let builder = match cells {
            Cells::Numbers(_) => Schema::primitive_type_builder(name, Type::DOUBLE),
            Cells::Words(_) => Schema::primitive_type_builder(name, Type::BYTE_ARRAY)
                .with_logical_type(Some(LogicalType::String))
                .with_converted_type(ConvertedType::UTF8),
        };
        builder.with_repetition(Repetition::REQUIRED).build().map(Arc::new)
    };
    let fields = columns.iter().map(column).collect::<parquet::errors::Result<_>>()?;
    let schema = Schema::group_type_builder("predictions").with_fields(fields).build()?;
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    SerializedFileWriter::new(writing, Arc::new(schema), Arc::new(properties))
}

fn write_group(writer: &mut SerializedFileWriter<Writing>, columns: &Columns) -> parquet::errors::Result<()> {
    let mut group = writer.next_row_group()?;
    for (_, cells) in columns {
        let Some(mut column) = group.next_column()? else { break };
        match cells {
            Cells::Numbers(numbers) => drop(column.typed::<DoubleType>().write_batch(numbers, None, None)?),
            Cells::Words(words) => {
                let words: Vec<ByteArray> = words.iter().map(|word| ByteArray::from(word.as_str())).collect();
                column.typed::<ByteArrayType>().write_batch(&words, None, None)?;
            }
        }
        column.close()?;
    }
    group.close().map(drop)
}

/// What the system said, where it was the system.
fn failure(path: &Path, error: ParquetError) -> tautnet::error::Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
            Ok(error) => unwritable(path, &error),
            Err(other) => unwritable(path, &std::io::Error::other(other.to_string())),
        },
        other => unwritable(path, &std::io::Error::other(other.to_string())),
    }
}
