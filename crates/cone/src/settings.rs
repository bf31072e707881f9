//! What can be set, and what is told of every iteration.

use std::ops::ControlFlow;

/// When to stop, and how carefully to solve.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The largest number of iterations.
    pub iterations: usize,
    /// The relative duality gap to reach, |primal − dual| / |objective|. It says how far the point may be from the
    /// optimum.
    pub gap_relative: f64,
    /// The absolute duality gap that is enough.
    pub gap_absolute: f64,
    /// The largest residual of both feasibility conditions, relative to the data.
    pub feasibility: f64,
    /// The relative size at which a direction counts as a proof of infeasibility.
    pub infeasibility: f64,
    /// The fraction of the way to the boundary that a step goes.
    pub step: f64,
    /// The largest number of corrections of centrality in one iteration.
    pub correctors: usize,
    /// The largest number of steps of iterative refinement of one linear solve.
    pub refinements: usize,
    /// Diagonal regularization of the normal matrix, relative to its diagonal; undone by refinement.
    pub regularization: f64,
    /// For a second attempt at programs that are nearly singular: refine by conjugate gradients, which is several times
    /// dearer, and end where the program's own lower bound proves the point to be optimal, whatever the multipliers say.
    pub careful: bool,
}

impl Settings {
    /// The relative gap, as it is held against [`Settings::gap_relative`]: |primal − dual| relative to the larger of the two, or
    /// to the size below which the absolute tolerance is the one that counts.
    pub fn gap(&self, primal: f64, dual: f64) -> f64 {
        let difference = (primal - dual).abs();
        let size = primal.abs().max(dual.abs()).max(self.gap_absolute / self.gap_relative);
        if difference == 0.0 { 0.0 } else { difference / size }
    }

    /// How far a point is from solved: the worst of the three conditions, each in units of its tolerance.
    pub fn merit(&self, facts: &Iteration) -> f64 {
        (facts.gap / self.gap_relative)
            .min((facts.primal - facts.dual).abs() / self.gap_absolute)
            .max(facts.primal_residual / self.feasibility)
            .max(facts.dual_residual / self.feasibility)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            iterations: 100,
            gap_relative: 1e-8,
            gap_absolute: 1e-12,
            feasibility: 1e-8,
            infeasibility: 1e-8,
            step: 0.99,
            correctors: 2,
            refinements: 12,
            regularization: 1e-14,
            careful: false,
        }
    }
}

/// What is known after one iteration.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Iteration {
    /// The number of the iteration; 0 is the starting point.
    pub iteration: usize,
    /// The objective.
    pub primal: f64,
    /// The dual objective.
    pub dual: f64,
    /// |primal − dual| relative to the objective, as [`Settings::gap`] measures it.
    pub gap: f64,
    /// The relative residual of `s = Ax + b`.
    pub primal_residual: f64,
    /// The relative residual of `∇ψ(x) + q = Aᵀz`.
    pub dual_residual: f64,
    /// The complementarity μ.
    pub mu: f64,
    /// The length of the step that led here.
    pub step: f64,
}

/// Called once an iteration; `Break` stops with the best point so far.
pub type Observer<'a> = dyn FnMut(&Iteration) -> ControlFlow<()> + Send + 'a;
