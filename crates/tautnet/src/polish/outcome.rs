//! What a polish tells on its way, and what it returns.

use crate::{Shallow, ending::Ending};
use serde::Serialize;
use std::ops::ControlFlow;

/// A network's objective and its parts, recomputed from its weights.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Score {
    /// The loss and everything that has a price, added up.
    pub objective: f64,
    /// The mean loss, weighted where the rows have weights.
    pub loss: f64,
    /// At least the (weighted) mean worst-case loss within the tolerance, where there is one: it is in the objective in the
    /// place of the loss, where nothing found is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst_case: Option<f64>,
    /// The (weighted) mean worst-case loss found within the tolerance, of the method `scenarios`: there it is in the objective.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<f64>,
    /// The network's bound by LipSDP, in the norm of the settings.
    pub lipschitz: f64,
    /// Σ ‖w̄_i‖ |v_i| (what λ_w multiplies, at the best scaling of each unit).
    pub decay: f64,
}

/// What is known after one iteration, for displays of the progress and for reports.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Progress {
    /// Round of `alternating` and of `walk` (0 otherwise).
    pub round: usize,
    /// Interior-point iteration, or step of descent, within the round.
    pub iteration: usize,
    /// The objective of the convex program at its current point, or the objective where a descent stands.
    pub objective: f64,
    /// The relative gap; `INFINITY` before there is one, and in a descent.
    pub gap: f64,
}

/// Called every iteration; `Break` stops the solve with the best point so far.
pub type Observer<'a> = dyn FnMut(&Progress) -> ControlFlow<()> + Send + 'a;

/// A polished network, its scores, and how it was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Polished {
    /// The network; the given one where `ending` is `Unchanged`.
    pub network: Shallow,
    /// The score of the given network.
    pub before: Score,
    /// The score of the result.
    pub after: Score,
    /// The objective of the last program, at its labels, where programs have labels and a network of theirs came back. `after` may
    /// be less: it has better labels in some rows.
    pub labelled: Option<f64>,
    /// Relative duality gap of the last program; `None` where a method has none, or where it is not a number. It is relative to
    /// the objective, or to 1e-4 of the mean square of the targets where the objective is less.
    pub duality_gap: Option<f64>,
    /// Interior-point iterations, summed over solves.
    pub iterations: usize,
    /// How it ended.
    pub ending: Ending,
    /// What was noticed on the way: units that were dropped, ties, output weights of 0.
    pub notes: Vec<String>,
    /// Every iteration, and of a descent the last step.
    pub trace: Vec<Progress>,
    /// The scores of the networks that were accepted one after the other, beginning with `before`: the objective falls.
    pub accepted: Vec<Score>,
}
