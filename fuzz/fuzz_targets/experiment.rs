//! Experiment files.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tautnet_study::experiment_file::parse;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    for tier in ["smoke", "paper"] {
        let _ = parse("file", &text, tier);
    }
});
