//! First-order methods for the convex programs of weight decay, for many patterns.
//!
//! ```text
//! gated   minimize over u      Σ_k ω_k (f_k − y_k)² + λ Σ_j ‖ū_j‖₂                          f = c + Σ_j D_j X̄ ū_j
//! relu    minimize over z̄      Σ_k ω_k (f_k − y_k)² + λ Σ_i ‖z̄_i‖₂   s.t. σ_ik x̄_k·z̄_i ≥ 0    f = c + Σ_i s_i D_i X̄ z̄_i
//! ```
//!
//! The second is (6), which [`polish`](mod@crate::polish) solves by an interior-point method: to more digits, at a cost that grows
//! with the cube of the number of weights. Here a step costs two passes over the patterns, a bit an entry. Patterns and
//! signs are those of a given [`Network`](crate::Network), as they are for `polish`; [`crate::rivals::gaussian`] samples them.
//!
//! Both return a lower bound on their optimum, computed from a point of the dual problem that is feasible to rounding, and
//! stop by the distance to it. Columns should be standardized: the methods work in the units of the data.

mod fista;
mod gated;
mod masks;
mod problem;
mod relu;

pub use gated::{Gated, GatedNetwork, gated_relu};
pub use relu::{Relu, relu};

use crate::ending::{Cause, Early, Ending};
use crate::{Dataset, Error, error::Result};
use faer::MatRef;
use std::ops::ControlFlow;

/// Steps between two computations of the bounds.
const CHECK: usize = 20;

/// What governs both methods.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// λ > 0, the price of the weights: λ_w of [`polish`](mod@crate::polish).
    pub decay: f64,
    /// Whether the output bias is free (else it is 0).
    pub output_bias: bool,
    /// Relative duality gap to reach, between 0 and 1.
    pub tolerance: f64,
    /// Most steps.
    pub iterations: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { decay: 0.001, output_bias: true, tolerance: 1e-6, iterations: 100_000 }
    }
}

impl Settings {
    fn check(&self) -> Result<()> {
        if !(self.decay.is_finite() && self.decay > 0.0) {
            return Err(Error::new(
                format!("`decay` is {}", self.decay),
                "the convex first-order methods need a price of the weights above 0, such as 0.001",
            ));
        }
        if !(self.tolerance > 0.0 && self.tolerance < 1.0) {
            return Err(Error::new(format!("`tolerance` is {}", self.tolerance), "give a relative gap such as 1e-6"));
        }
        if self.iterations == 0 {
            return Err(Error::new("`iterations` is 0", "give at least one step; 100000 is the default"));
        }
        Ok(())
    }
}

/// The bounds at some step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Steps so far.
    pub iteration: usize,
    /// Objective of the program.
    pub objective: f64,
    /// Objective of the best network so far, that which a run stopped here returns: for `relu` it may have units outside of
    /// their cells, and so be below the program's optimum.
    pub network: f64,
    /// Best lower bound on its optimum so far.
    pub lower_bound: f64,
    /// Largest violation of a cone, `max −σ_ik x̄_k·z̄_i / (‖x̄_k‖ max_i ‖z̄_i‖)`; 0 where there are no cones.
    pub violation: f64,
}

impl Progress {
    /// (objective − lower bound) / objective.
    pub fn gap(&self) -> f64 {
        relative_gap(self.objective, self.lower_bound)
    }
}

/// Called whenever the bounds were computed; `Break` ends the run with the point so far.
pub type Observer<'a> = dyn FnMut(&Progress) -> ControlFlow<()> + Send + 'a;

/// A network with the evidence.
#[derive(Debug, Clone, PartialEq)]
pub struct Solution<N> {
    /// The network.
    pub network: N,
    /// Loss + λ times the lengths of the units, recomputed from the network.
    pub objective: f64,
    /// (Weighted) mean squared error.
    pub loss: f64,
    /// No network of the program (for `relu`: with its units in their cells) has a smaller objective: a feasible dual
    /// point's value, computed in floating point and so up to rounding (unlike a certificate).
    pub lower_bound: f64,
    /// Steps taken.
    pub iterations: usize,
    /// How it ended.
    pub ending: Ending,
    /// The bounds whenever they were computed.
    pub trace: Vec<Progress>,
}

impl<N> Solution<N> {
    /// (objective − lower bound) / objective. Of a relu network whose units are outside of their cells, because a run was
    /// stopped before any inside was as good, it says nothing: the bound is not one on such networks, and the gap is told
    /// as 0 where they are below it.
    pub fn duality_gap(&self) -> f64 {
        relative_gap(self.objective, self.lower_bound)
    }
}

fn relative_gap(objective: f64, lower_bound: f64) -> f64 {
    if objective > 0.0 { (objective - lower_bound).max(0.0) / objective } else { 0.0 }
}

/// Record the bounds, tell the observer, decide whether to go on.
fn judge(
    progress: Progress,
    settings: &Settings,
    trace: &mut Vec<Progress>,
    observer: &mut Observer<'_>,
    ending: &mut Ending,
) -> ControlFlow<()> {
    trace.push(progress);
    let verdict = observer(&progress);
    let gap = progress.gap();
    let known = Some(gap).filter(|gap| gap.is_finite());
    if gap <= settings.tolerance {
        *ending = Ending::Solved;
        return ControlFlow::Break(());
    }
    if progress.iteration >= settings.iterations {
        *ending = Early { cause: Cause::StepLimit(settings.iterations), gap: known }.into();
        return ControlFlow::Break(());
    }
    if verdict.is_break() {
        *ending = Early { cause: Cause::Interrupted(None), gap: known }.into();
    }
    verdict
}

/// (Weighted) mean squared error of predictions.
fn loss_of(predictions: &[f64], data: &Dataset) -> f64 {
    let weight = |k: usize| data.weights.as_ref().map_or(1.0, |weights| weights[k]);
    let total: f64 = (0..data.rows()).map(weight).sum();
    (0..data.rows()).map(|k| weight(k) * (predictions[k] - data.y[k]).powi(2)).sum::<f64>() / total
}

/// The least τ ≥ 0 for which `u + τ g` is on the same side as `g` of every row (x, 1).
fn feasible_shift(u: &[f64], g: &[f64], x: MatRef<'_, f64>) -> f64 {
    let d = x.ncols();
    let product = |a: &[f64], k: usize| (0..d).fold(a[d], |sum, j| sum + a[j] * x[(k, j)]);
    let mut tau = 0.0f64;
    for k in 0..x.nrows() {
        let (have, inside) = (product(u, k), product(g, k));
        let have = if inside >= 0.0 { have } else { -have };
        if have < 0.0 && inside != 0.0 {
            tau = tau.max(-have / inside.abs());
        }
    }
    tau
}

#[cfg(test)]
mod tests;
