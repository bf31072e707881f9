//! Networks and models in ONNX.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tautnet_models::{Format, parse};

fuzz_target!(|bytes: &[u8]| {
    let _ = parse(bytes, Format::Onnx, "file");
});
