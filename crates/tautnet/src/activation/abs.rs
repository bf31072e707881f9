//! `abs`: |h|.

use super::formula::{Entry, Unit};
use super::spelling::Spelling;
use crate::norm::Norm;
use std::sync::Arc;

/// The absolute value.
#[derive(Debug)]
pub(super) struct Abs;

pub(super) const ENTRY: Entry =
    Entry { name: "abs", parameter: None, help: "the absolute value of the sum", make: |_| Some(Arc::new(Abs)) };

impl Unit for Abs {
    fn value(&self, h: f64, _: usize) -> f64 {
        h.abs()
    }
    fn slope(&self, h: f64, _: usize) -> f64 {
        if h > 0.0 { 1.0 } else { -1.0 }
    }
    fn pieces(&self, _: usize) -> Option<[f64; 2]> {
        Some([-1.0, 1.0])
    }
    fn sector(&self, _: usize) -> [f64; 2] {
        [-1.0, 1.0]
    }
    fn steepness(&self) -> f64 {
        1.0
    }
    fn apply_single(&self, h: &[f32], out: &mut [f32]) {
        out.iter_mut().zip(h).for_each(|(out, h)| *out = h.abs());
    }
    fn slopes_single(&self, h: &[f32], of_out: &[f32], of_h: &mut [f32]) {
        for ((of_h, of_out), h) in of_h.iter_mut().zip(of_out).zip(h) {
            *of_h = if *h > 0.0 { *of_out } else { -*of_out };
        }
    }
    fn lipschitz(&self, _: Norm) -> f64 {
        1.0
    }
    fn spellings(&self) -> Vec<Spelling> {
        let (h, minus) = (Box::new(Spelling::Input), Box::new(Spelling::times(-1.0)));
        vec![Spelling::operator("Abs"), Spelling::Max(h.clone(), minus.clone()), Spelling::Max(minus, h)]
    }
    fn name(&self) -> String {
        ENTRY.name.to_owned()
    }
}
