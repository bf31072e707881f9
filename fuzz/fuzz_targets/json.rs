//! Networks and models as JSON: what is read can be written, and is then read as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tautnet_models::{Format, Options, parse, to_bytes};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(stored) = parse(bytes, Format::Json, "file")
        && let Ok(written) = to_bytes(&stored, Format::Json, &Options::default())
    {
        assert_eq!(parse(&written, Format::Json, "written").as_ref(), Ok(&stored));
    }
});
