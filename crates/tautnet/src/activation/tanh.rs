//! `tanh`: the hyperbolic tangent. It has no pieces, so that networks with it are evaluated and exported, not polished.

use super::formula::{Entry, Formula};
use super::spelling::Spelling;
use std::sync::Arc;

/// The hyperbolic tangent.
#[derive(Debug)]
struct Tanh;

pub(super) const ENTRY: Entry =
    Entry { name: "tanh", parameter: None, help: "the hyperbolic tangent of the sum", make: |_| Some(Arc::new(Tanh)) };

impl Formula for Tanh {
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
    fn spellings(&self) -> Vec<Spelling> {
        vec![Spelling::operator("Tanh")]
    }
    fn name(&self) -> String {
        ENTRY.name.to_owned()
    }
}
