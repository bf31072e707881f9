//! `sine-pair`: (h + sin h)/2 and (h − sin h)/2, side by side.

use super::formula::{Entry, Unit};
use super::spelling::Spelling;
use crate::norm::Norm;
use std::sync::Arc;

/// Two increasing functions whose sum is h.
#[derive(Debug)]
pub(super) struct SinePair;

pub(super) const ENTRY: Entry = Entry {
    name: "sine-pair",
    parameter: None,
    help: "half of the sum plus its sine and half of the sum minus its sine, as two numbers",
    make: |_| Some(Arc::new(SinePair)),
};

impl Unit for SinePair {
    fn branches(&self) -> usize {
        2
    }
    fn value(&self, h: f64, branch: usize) -> f64 {
        0.5 * if branch == 0 { h + h.sin() } else { h - h.sin() }
    }
    fn slope(&self, h: f64, branch: usize) -> f64 {
        0.5 * if branch == 0 { 1.0 + h.cos() } else { 1.0 - h.cos() }
    }
    fn pieces(&self, _: usize) -> Option<[f64; 2]> {
        None
    }
    fn sector(&self, _: usize) -> [f64; 2] {
        [0.0, 1.0]
    }
    fn steepness(&self) -> f64 {
        1.0
    }
    fn apply_single(&self, h: &[f32], out: &mut [f32]) {
        let (above, below) = out.split_at_mut(h.len());
        for ((above, below), h) in above.iter_mut().zip(below).zip(h) {
            let sine = h.sin();
            (*above, *below) = (0.5 * (h + sine), 0.5 * (h - sine));
        }
    }
    fn slopes_single(&self, h: &[f32], of_out: &[f32], of_h: &mut [f32]) {
        let (of_above, of_below) = of_out.split_at(h.len());
        for (((of_h, of_above), of_below), h) in of_h.iter_mut().zip(of_above).zip(of_below).zip(h) {
            *of_h = 0.5 * (of_above + of_below + (of_above - of_below) * h.cos());
        }
    }
    fn lipschitz(&self, _: Norm) -> f64 {
        // The slopes are not negative and their sum is 1, so every norm of them is at most 1; at h = 0 they are 1 and 0.
        1.0
    }
    fn bend(&self) -> f64 {
        0.5
    }
    fn spellings(&self) -> Vec<Spelling> {
        let sine = Spelling::operator("Sin");
        let half = |inner: Spelling| Spelling::times(0.5).of(&inner);
        let sum = |other: Spelling| Spelling::Sum(Box::new(Spelling::Input), Box::new(other));
        let difference = Spelling::Difference(Box::new(Spelling::Input), Box::new(sine.clone()));
        let negative = Spelling::times(-1.0).of(&sine);
        vec![
            Spelling::Concat(vec![half(sum(sine.clone())), half(difference)]),
            Spelling::Concat(vec![half(sum(sine)), half(sum(negative))]),
        ]
    }
    fn name(&self) -> String {
        ENTRY.name.to_owned()
    }
}
