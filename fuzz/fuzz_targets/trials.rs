//! The rows of an experiment that is gone on with.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tautnet_study::experiment::rows_from_csv;

fuzz_target!(|bytes: &[u8]| {
    let _ = rows_from_csv("file", &String::from_utf8_lossy(bytes), &[0.0, 0.1]);
});
