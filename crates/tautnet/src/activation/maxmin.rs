//! `maxmin`: of every two sums the larger and the smaller.

use super::formula::{Entry, Formula, Unit};
use super::spelling::Spelling;
use crate::norm::Norm;
use std::sync::Arc;

/// Pairs of sums, sorted: of m sums, the i-th goes with the one m/2 further on.
#[derive(Debug)]
pub(super) struct MaxMin;

pub(super) const ENTRY: Entry = Entry {
    name: "maxmin",
    parameter: None,
    help: "of every two sums the larger and the smaller; a layer has an even number of units",
    make: |_| Some(Arc::new(MaxMin)),
};

impl Formula for MaxMin {
    fn branches(&self) -> usize {
        1
    }
    fn group(&self) -> usize {
        2
    }
    fn apply(&self, h: &[f64], out: &mut Vec<f64>) {
        let (first, second) = h.split_at(h.len() / 2);
        let pairs = || first.iter().zip(second);
        out.clear();
        // A comparison with NaN is false, and NaN goes on: max(NaN, 0) would be 0.
        out.extend(pairs().map(|(&a, &b)| if a > b || a.is_nan() { a } else { b }));
        out.extend(pairs().map(|(&a, &b)| if a > b || a.is_nan() { b } else { a }));
    }
    fn slopes(&self, h: &[f64], of_out: &[f64], of_h: &mut [f64]) {
        let half = h.len() / 2;
        for i in 0..half {
            let swap = h[i] <= h[half + i];
            (of_h[i], of_h[half + i]) =
                if swap { (of_out[half + i], of_out[i]) } else { (of_out[i], of_out[half + i]) };
        }
    }
    fn apply_single(&self, h: &[f32], out: &mut [f32]) {
        let (first, second) = h.split_at(h.len() / 2);
        let (larger, smaller) = out.split_at_mut(first.len());
        for ((larger, smaller), (a, b)) in larger.iter_mut().zip(smaller).zip(first.iter().zip(second)) {
            (*larger, *smaller) = (a.max(*b), a.min(*b));
        }
    }
    fn slopes_single(&self, h: &[f32], of_out: &[f32], of_h: &mut [f32]) {
        let (first, second) = h.split_at(h.len() / 2);
        let (of_larger, of_smaller) = of_out.split_at(first.len());
        let (of_first, of_second) = of_h.split_at_mut(first.len());
        let out = of_larger.iter().zip(of_smaller);
        for (((of_first, of_second), (larger, smaller)), (a, b)) in
            of_first.iter_mut().zip(of_second).zip(out).zip(first.iter().zip(second))
        {
            (*of_first, *of_second) = if a > b { (*larger, *smaller) } else { (*smaller, *larger) };
        }
    }
    fn lipschitz(&self, _: Norm) -> f64 {
        // Two sorted pairs are no farther apart than the pairs, in any of the norms.
        1.0
    }
    fn spellings(&self) -> Vec<Spelling> {
        let half = |which| Box::new(Spelling::Half(which, Box::new(Spelling::Input)));
        vec![Spelling::Concat(vec![Spelling::Max(half(0), half(1)), Spelling::Min(half(0), half(1))])]
    }
    fn name(&self) -> String {
        ENTRY.name.to_owned()
    }
    fn unit(&self) -> Option<&dyn Unit> {
        None
    }
}
