//! `leaky-relu:α`: max(h, αh).

use super::formula::{Entry, Unit};
use super::spelling::Spelling;
use crate::norm::Norm;
use std::sync::Arc;

/// The sum where it is positive, and a part of it elsewhere.
#[derive(Debug)]
pub(super) struct LeakyRelu {
    /// The slope left of 0.
    alpha: f64,
}

pub(super) const ENTRY: Entry = Entry {
    name: "leaky-relu",
    parameter: Some(("α", 0.01, "above -1 and below 1")),
    help: "the sum where it is positive, and α times it elsewhere",
    make: |alpha| (alpha > -1.0 && alpha < 1.0).then(|| Arc::new(LeakyRelu { alpha }) as _),
};

impl Unit for LeakyRelu {
    fn value(&self, h: f64, _: usize) -> f64 {
        if h > 0.0 { h } else { self.alpha * h }
    }
    fn slope(&self, h: f64, _: usize) -> f64 {
        if h > 0.0 { 1.0 } else { self.alpha }
    }
    fn pieces(&self, _: usize) -> Option<[f64; 2]> {
        Some([self.alpha, 1.0])
    }
    fn sector(&self, _: usize) -> [f64; 2] {
        [self.alpha, 1.0]
    }
    fn steepness(&self) -> f64 {
        1.0
    }
    fn apply_single(&self, h: &[f32], out: &mut [f32]) {
        let alpha = self.alpha as f32;
        out.iter_mut().zip(h).for_each(|(out, h)| *out = if *h > 0.0 { *h } else { alpha * h });
    }
    fn slopes_single(&self, h: &[f32], of_out: &[f32], of_h: &mut [f32]) {
        let alpha = self.alpha as f32;
        for ((of_h, of_out), h) in of_h.iter_mut().zip(of_out).zip(h) {
            *of_h = if *h > 0.0 { *of_out } else { alpha * of_out };
        }
    }
    fn lipschitz(&self, _: Norm) -> f64 {
        1.0
    }
    fn spellings(&self) -> Vec<Spelling> {
        let (h, part) = (Box::new(Spelling::Input), Box::new(Spelling::times(self.alpha)));
        // The operator of this name holds α in single precision, and common programs have it in single precision alone.
        vec![
            Spelling::Max(h.clone(), part.clone()),
            Spelling::Max(part, h),
            Spelling::operator_with("LeakyRelu", ("alpha", self.alpha)),
        ]
    }
    fn name(&self) -> String {
        format!("{}:{}", ENTRY.name, self.alpha)
    }
}
