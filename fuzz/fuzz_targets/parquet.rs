//! Parquet files, which are read by their path.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::io::Write;
use tautnet_tables::{ReadOptions, Table};

fuzz_target!(|bytes: &[u8]| {
    // Without the first four bytes it is text, which has a target of its own.
    let mut file = tempfile::NamedTempFile::new().expect("there is a folder for temporary files");
    file.write_all(b"PAR1").and_then(|()| file.write_all(bytes)).expect("it can be written");
    let _ = Table::read(file.path(), &ReadOptions::default());
});
