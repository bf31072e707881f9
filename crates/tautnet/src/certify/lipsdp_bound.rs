//! What the ways to LipSDP have in common: who is told of their progress, and what they return.

use std::ops::ControlFlow;

/// Told the relative gap once an iteration; `Break` stops with the best bound so far, valid as it is.
pub type GapObserver<'a> = dyn FnMut(f64) -> ControlFlow<()> + Send + 'a;

/// A Lipschitz bound with the multipliers that prove it.
#[derive(Debug, Clone, PartialEq)]
pub struct Bound {
    /// The upper bound, in the dual of the input norm: valid wherever the solver stopped.
    pub lipschitz_upper_bound: f64,
    /// ℓ of every unit of the network; 0 where `v_i w_i = 0`. Empty for [`Norm::One`](crate::Norm::One), which needs none.
    pub multipliers: Vec<f64>,
    /// The weight π of every input, for [`Norm::Infinity`](crate::Norm::Infinity).
    pub p: Option<Vec<f64>>,
    /// How many iterations the solver took.
    pub iterations: usize,
    /// The relative gap between the bound and a lower bound on the optimum of LipSDP.
    pub gap: f64,
}
