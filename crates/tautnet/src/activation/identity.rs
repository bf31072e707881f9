//! `identity`: h itself.

use super::formula::{Entry, Unit};
use super::spelling::Spelling;
use crate::norm::Norm;
use std::sync::Arc;

/// The identity.
#[derive(Debug)]
pub(super) struct Identity;

pub(super) const ENTRY: Entry =
    Entry { name: "identity", parameter: None, help: "the sum as it is", make: |_| Some(Arc::new(Identity)) };

impl Unit for Identity {
    fn value(&self, h: f64, _: usize) -> f64 {
        h
    }
    fn slope(&self, _: f64, _: usize) -> f64 {
        1.0
    }
    fn pieces(&self, _: usize) -> Option<[f64; 2]> {
        Some([1.0, 1.0])
    }
    fn sector(&self, _: usize) -> [f64; 2] {
        [1.0, 1.0]
    }
    fn steepness(&self) -> f64 {
        1.0
    }
    fn lipschitz(&self, _: Norm) -> f64 {
        1.0
    }
    fn spellings(&self) -> Vec<Spelling> {
        vec![Spelling::Input]
    }
    fn name(&self) -> String {
        ENTRY.name.to_owned()
    }
}
