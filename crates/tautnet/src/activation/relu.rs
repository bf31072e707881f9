//! `relu`: max(h, 0).

use super::formula::{Entry, Unit};
use super::spelling::Spelling;
use crate::norm::Norm;
use std::sync::Arc;

/// The positive part.
#[derive(Debug)]
pub(super) struct Relu;

pub(super) const ENTRY: Entry = Entry {
    name: "relu",
    parameter: None,
    help: "the sum where it is positive, and 0 elsewhere",
    make: |_| Some(Arc::new(Relu)),
};

impl Unit for Relu {
    fn value(&self, h: f64, _: usize) -> f64 {
        if h > 0.0 { h } else { 0.0 }
    }
    fn slope(&self, h: f64, _: usize) -> f64 {
        if h > 0.0 { 1.0 } else { 0.0 }
    }
    fn pieces(&self, _: usize) -> Option<[f64; 2]> {
        Some([0.0, 1.0])
    }
    fn sector(&self, _: usize) -> [f64; 2] {
        [0.0, 1.0]
    }
    fn steepness(&self) -> f64 {
        1.0
    }
    fn apply_single(&self, h: &[f32], out: &mut [f32]) {
        out.iter_mut().zip(h).for_each(|(out, h)| *out = h.max(0.0));
    }
    fn slopes_single(&self, h: &[f32], of_out: &[f32], of_h: &mut [f32]) {
        for ((of_h, of_out), h) in of_h.iter_mut().zip(of_out).zip(h) {
            *of_h = if *h > 0.0 { *of_out } else { 0.0 };
        }
    }
    fn lipschitz(&self, _: Norm) -> f64 {
        1.0
    }
    fn spellings(&self) -> Vec<Spelling> {
        vec![Spelling::operator("Relu")]
    }
    fn name(&self) -> String {
        ENTRY.name.to_owned()
    }
}
