//! Weights of hard cells that are in them.

use super::problem::Problem;

/// Placeholder.
pub(super) struct Repair<'a> {
    problem: &'a Problem,
}

impl<'a> Repair<'a> {
    pub fn new(problem: &'a Problem) -> Self {
        Self { problem }
    }

    pub fn into_cells(&mut self, weights: &mut [f64]) {
        if !self.problem.hard {
            return;
        }
        let _ = weights;
    }
}
