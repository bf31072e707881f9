//! Exact searches that were stopped: what is read can be gone on with, or is refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::ops::ControlFlow;
use tautnet::Norm;
use tautnet::certify::{ExactSearch, ExactSettings, Region};
use tautnet_models::SearchFile;

fuzz_target!(|bytes: &[u8]| {
    let Ok(file) = SearchFile::parse(bytes, "file") else { return };
    let network = tautnet_fuzz::network();
    let settings = ExactSettings { nodes: 10, ..ExactSettings::default() };
    if let Ok(Some(state)) = file.of(&network, &Region::Everywhere, Norm::Two)
        && let Ok(mut search) = ExactSearch::resume(&network, &Region::Everywhere, Norm::Two, state, &settings)
    {
        search.run(&mut |_| ControlFlow::Continue(()));
    }
});
