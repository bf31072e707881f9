//! Which reader a file wants, told by its first bytes.

use crate::csv;
use crate::idx::{Choice, Images, begins};
use crate::limited::{Capped, start_of, unreadable};
#[cfg(feature = "parquet")]
use crate::parquet;
use crate::table::{ReadOptions, Table};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use tautnet::error::{Error, Result};
use tautnet::limits::Limit;

impl Table {
    /// Read a CSV file, plain or gzip, a Parquet file, or images with labels (see [`idx`](crate::idx)); delimiter and header are
    /// detected unless told.
    pub fn read(path: &Path, options: &ReadOptions) -> Result<Self> {
        let source = path.display().to_string();
        let file = File::open(path).map_err(|e| unreadable(&source, &e))?;
        let metadata = file.metadata().map_err(|e| unreadable(&source, &e))?;
        if metadata.is_dir() {
            return Err(Error::new(format!("{source} is a folder"), "give the path of a CSV file"));
        }
        if metadata.is_file() {
            options.limits.check(Limit::Bytes, &source, metadata.len())?;
        }
        if metadata.is_file() {
            let start = start_of(&file).map_err(|e| unreadable(&source, &e))?;
            if begins(&start) {
                return Images::new(path).table(&source, &Choice::default(), &options.limits);
            }
            #[cfg(feature = "parquet")]
            if start == b"PAR1" {
                return parquet::read(source, file, &options.limits);
            }
        }
        Self::from_reader(source, file, options)
    }

    /// Read a table from anything; `source` is what messages call it.
    pub fn from_reader(source: impl Into<String>, mut reader: impl Read, options: &ReadOptions) -> Result<Self> {
        let source = source.into();
        let mut magic = Vec::new();
        reader.by_ref().take(4).read_to_end(&mut magic).map_err(|e| unreadable(&source, &e))?;
        // What is packed has a limit of its own: the name in its header may be of any length.
        let name = source.clone();
        let whole = Capped::new(std::io::Cursor::new(magic.clone()).chain(reader), &name, &options.limits);
        refuse_other_formats(&source, &magic)?;
        match magic.as_slice() {
            [0x1f, 0x8b, ..] => csv::read(source, flate2::read::MultiGzDecoder::new(whole), options),
            _ => csv::read(source, whole, options),
        }
    }
}

/// Refuse what begins like a file that is no delimited text.
pub(crate) fn refuse_other_formats(source: &str, start: &[u8]) -> Result<()> {
    Err(match start {
        b"PK\x03\x04" => Error::new(
            format!("{source} is a zip archive or a spreadsheet, not a table"),
            "unpack it, or export the sheet as CSV",
        ),
        b"PAR1" => Error::new(
            format!("{source} is a Parquet file that cannot be read here"),
            if cfg!(feature = "parquet") { "give the file by its path" } else { "write the table as CSV" },
        ),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Error::new(format!("{source} is UTF-16 text"), "save the file as UTF-8"),
        start if begins(start) => Error::new(
            format!("{source} is an idx file of images or labels"),
            "give the file of the images by its path",
        ),
        _ => return Ok(()),
    })
}
