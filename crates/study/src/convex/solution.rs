//! What both methods tell on their way and return.

use super::settings::Settings;
use std::ops::ControlFlow;
use tautnet::Dataset;
use tautnet::ending::{Cause, Early, Ending};

/// Steps between two computations of the bounds.
pub(super) const CHECK: usize = 20;

/// The bounds at some step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// The number of steps so far.
    pub iteration: usize,
    /// The objective of the program.
    pub objective: f64,
    /// Objective of the best network so far, that which a run stopped here returns: for `relu` it may have units
    /// outside of their cells, and so be below the program's optimum.
    pub network: f64,
    /// The best lower bound on the optimum so far.
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

/// A network with what is known of its objective.
#[derive(Debug, Clone, PartialEq)]
pub struct Solution<N> {
    /// The network.
    pub network: N,
    /// Loss + λ_w times the lengths of the units, recomputed from the network.
    pub objective: f64,
    /// The mean squared error, weighted where the rows have weights.
    pub loss: f64,
    /// No network of the program (for `relu`: with its units in their cells) has a smaller objective: a feasible dual
    /// point's value, computed in floating point and so up to rounding (unlike a certificate).
    pub lower_bound: f64,
    /// The number of steps taken.
    pub iterations: usize,
    /// How it ended.
    pub ending: Ending,
    /// The bounds whenever they were computed.
    pub trace: Vec<Progress>,
}

impl<N> Solution<N> {
    /// (objective − lower bound) / objective. Of a relu network whose units are outside of their cells, because a run
    /// was stopped before any inside was as good, it says nothing: the bound is not one on such networks, and the gap
    /// is told as 0 where they are below it.
    pub fn duality_gap(&self) -> f64 {
        relative_gap(self.objective, self.lower_bound)
    }
}

fn relative_gap(objective: f64, lower_bound: f64) -> f64 {
    if objective > 0.0 { (objective - lower_bound).max(0.0) / objective } else { 0.0 }
}

/// Record the bounds, tell the observer, decide whether to go on.
pub(super) fn judge(
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
pub(super) fn loss_of(predictions: &[f64], data: &Dataset) -> f64 {
    let weight = |k: usize| data.weights.as_ref().map_or(1.0, |weights| weights[k]);
    let total: f64 = (0..data.rows()).map(weight).sum();
    (0..data.rows()).map(|k| weight(k) * (predictions[k] - data.y[k]).powi(2)).sum::<f64>() / total
}
