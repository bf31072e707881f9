//! Archives of public data sets.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tautnet_tables::public_data::SETS;

fuzz_target!(|bytes: &[u8]| {
    for set in SETS {
        let _ = set.csv_from_archive(bytes);
    }
});
