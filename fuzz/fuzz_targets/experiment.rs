//! Experiment files, which the program reads and not the library.
#![no_main]

use libfuzzer_sys::fuzz_target;

/// What the reader takes from the rest of the program: the limits of readers.
mod limits {
    use std::sync::LazyLock;
    use tautnet::limits::Limits;

    static LIMITS: LazyLock<Limits> = LazyLock::new(Limits::default);

    pub fn now() -> &'static Limits {
        &LIMITS
    }
}

#[allow(dead_code)]
#[path = "../../crates/cli/src/experiment_file.rs"]
mod experiment_file;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    for tier in ["smoke", "paper"] {
        let _ = experiment_file::parse("file", &text, tier);
    }
});
