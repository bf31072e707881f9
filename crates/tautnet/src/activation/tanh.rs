//! `tanh`: the hyperbolic tangent. It has no pieces, so that networks with it are evaluated and exported, not polished.

use super::formula::{Entry, Unit};
use super::spelling::Spelling;
use crate::norm::Norm;
use std::sync::Arc;

/// The hyperbolic tangent.
#[derive(Debug)]
struct Tanh;

pub(super) const ENTRY: Entry =
    Entry { name: "tanh", parameter: None, help: "the hyperbolic tangent of the sum", make: |_| Some(Arc::new(Tanh)) };

impl Unit for Tanh {
    fn value(&self, h: f64, _: usize) -> f64 {
        h.tanh()
    }
    fn slope(&self, h: f64, _: usize) -> f64 {
        // 1 − tanh² loses its digits where tanh is close to 1.
        h.cosh().powi(-2)
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
    fn lipschitz(&self, _: Norm) -> f64 {
        1.0
    }
    fn bend(&self) -> f64 {
        // 2 tanh h / cosh² h, which is largest where tanh² h = 1/3.
        0.77
    }
    fn spellings(&self) -> Vec<Spelling> {
        vec![Spelling::operator("Tanh")]
    }
    fn name(&self) -> String {
        ENTRY.name.to_owned()
    }
}
