//! `crelu`: max(h, 0) and max(−h, 0), side by side.

use super::formula::{Entry, Unit};
use super::spelling::Spelling;
use crate::norm::Norm;
use std::sync::Arc;

/// Positive part and negative part, both kept.
#[derive(Debug)]
pub(super) struct Crelu;

pub(super) const ENTRY: Entry = Entry {
    name: "crelu",
    parameter: None,
    help: "the positive and the negative part of the sum, as two numbers",
    make: |_| Some(Arc::new(Crelu)),
};

impl Unit for Crelu {
    fn branches(&self) -> usize {
        2
    }
    fn value(&self, h: f64, branch: usize) -> f64 {
        match branch {
            0 if h > 0.0 => h,
            1 if h < 0.0 => -h,
            _ => 0.0,
        }
    }
    fn slope(&self, h: f64, branch: usize) -> f64 {
        match branch {
            0 if h > 0.0 => 1.0,
            1 if h <= 0.0 => -1.0,
            _ => 0.0,
        }
    }
    fn pieces(&self, branch: usize) -> Option<[f64; 2]> {
        Some(if branch == 0 { [0.0, 1.0] } else { [-1.0, 0.0] })
    }
    fn sector(&self, branch: usize) -> [f64; 2] {
        if branch == 0 { [0.0, 1.0] } else { [-1.0, 0.0] }
    }
    fn steepness(&self) -> f64 {
        1.0
    }
    fn apply_single(&self, h: &[f32], out: &mut [f32]) {
        let (above, below) = out.split_at_mut(h.len());
        for ((above, below), h) in above.iter_mut().zip(below).zip(h) {
            (*above, *below) = (h.max(0.0), (-h).max(0.0));
        }
    }
    fn slopes_single(&self, h: &[f32], of_out: &[f32], of_h: &mut [f32]) {
        let (above, below) = of_out.split_at(h.len());
        for (((of_h, above), below), h) in of_h.iter_mut().zip(above).zip(below).zip(h) {
            *of_h = if *h > 0.0 { *above } else { -*below };
        }
    }
    fn lipschitz(&self, _: Norm) -> f64 {
        1.0
    }
    fn spellings(&self) -> Vec<Spelling> {
        let relu = Spelling::operator("Relu");
        vec![Spelling::Concat(vec![relu.clone(), relu.of(&Spelling::times(-1.0))])]
    }
    fn name(&self) -> String {
        ENTRY.name.to_owned()
    }
}
