//! What a polish tells on its way, and what it returns.

use crate::{Shallow, ending::Ending};
use serde::Serialize;
use std::ops::ControlFlow;

/// A network's objective and its parts, recomputed from its weights.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Score {
    /// loss + penalties, as asked.
    pub objective: f64,
    /// (Weighted) mean loss.
    pub loss: f64,
    /// At least the (weighted) mean worst-case loss within the tolerance, where there is one: it is in the objective in the
    /// place of the loss.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst_case: Option<f64>,
    /// LipSDP upper bound of the network in the chosen norm.
    pub lipschitz: f64,
    /// Σ ‖w̄_i‖ |v_i| (what λ_w multiplies, at the best scaling of each unit).
    pub decay: f64,
}

/// One iteration's facts, for progress displays and reports.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Progress {
    /// Round of `alternating` and of `walk` (0 otherwise).
    pub round: usize,
    /// Interior-point iteration, or step of descent, within the round.
    pub iteration: usize,
    /// Primal objective of the convex program, or the objective where a descent stands.
    pub objective: f64,
    /// Relative duality gap (`INFINITY` before there is one, and in a descent).
    pub gap: f64,
}

/// Called every iteration; `Break` stops the solve with the best point so far.
pub type Observer<'a> = dyn FnMut(&Progress) -> ControlFlow<()> + Send + 'a;

/// A polished network with the evidence.
#[derive(Debug, Clone, PartialEq)]
pub struct Polished {
    /// The network (the input itself when `ending` is `Unchanged`).
    pub network: Shallow,
    /// The input's score.
    pub before: Score,
    /// The result's score.
    pub after: Score,
    /// Relative duality gap of the last program; `None` where a method has none, or where it is not a number. It is relative to
    /// the objective, or to 1e-4 of the mean square of the targets where the objective is less.
    pub duality_gap: Option<f64>,
    /// Interior-point iterations, summed over solves.
    pub iterations: usize,
    /// How it ended.
    pub ending: Ending,
    /// What was noticed: dead units dropped, ties, v_i = 0.
    pub notes: Vec<String>,
    /// Every iteration; of a descent the last step.
    pub trace: Vec<Progress>,
    /// The scores of the networks that were accepted one after the other, beginning with `before`: the objective falls.
    pub accepted: Vec<Score>,
}
