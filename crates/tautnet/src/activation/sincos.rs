//! `sincos`: sin h and cos h, side by side.

use super::formula::{Entry, Unit};
use super::spelling::Spelling;
use crate::norm::Norm;
use std::sync::Arc;

/// A point of the circle.
#[derive(Debug)]
pub(super) struct SinCos;

pub(super) const ENTRY: Entry = Entry {
    name: "sincos",
    parameter: None,
    help: "the sine and the cosine of the sum, as two numbers",
    make: |_| Some(Arc::new(SinCos)),
};

impl Unit for SinCos {
    fn branches(&self) -> usize {
        2
    }
    fn value(&self, h: f64, branch: usize) -> f64 {
        if branch == 0 { h.sin() } else { h.cos() }
    }
    fn slope(&self, h: f64, branch: usize) -> f64 {
        if branch == 0 { h.cos() } else { -h.sin() }
    }
    fn pieces(&self, _: usize) -> Option<[f64; 2]> {
        None
    }
    fn sector(&self, _: usize) -> [f64; 2] {
        [-1.0, 1.0]
    }
    fn steepness(&self) -> f64 {
        1.0
    }
    fn apply_single(&self, h: &[f32], out: &mut [f32]) {
        let (sines, cosines) = out.split_at_mut(h.len());
        for ((sine, cosine), h) in sines.iter_mut().zip(cosines).zip(h) {
            (*sine, *cosine) = h.sin_cos();
        }
    }
    fn slopes_single(&self, h: &[f32], of_out: &[f32], of_h: &mut [f32]) {
        let (of_sine, of_cosine) = of_out.split_at(h.len());
        for (((of_h, of_sine), of_cosine), h) in of_h.iter_mut().zip(of_sine).zip(of_cosine).zip(h) {
            let (sine, cosine) = h.sin_cos();
            *of_h = of_sine * cosine - of_cosine * sine;
        }
    }
    fn lipschitz(&self, norm: Norm) -> f64 {
        match norm {
            // |cos h| + |sin h| is at most √2.
            Norm::One => std::f64::consts::SQRT_2.next_up(),
            Norm::Two | Norm::Infinity => 1.0,
        }
    }
    fn bend(&self) -> f64 {
        1.0
    }
    fn spellings(&self) -> Vec<Spelling> {
        vec![Spelling::Concat(vec![Spelling::operator("Sin"), Spelling::operator("Cos")])]
    }
    fn name(&self) -> String {
        ENTRY.name.to_owned()
    }
}
