//! What governs both methods.

use tautnet::error::Result;
use tautnet::range::{Range, at_least_one};
use tautnet::{Dataset, Error, Loss};

/// The settings of both methods.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What a wrong prediction costs.
    pub loss: Loss,
    /// λ_w > 0, the price of the weights, as in [`polish`](mod@tautnet::polish).
    pub decay: f64,
    /// Whether the output bias is free (else it is 0).
    pub output_bias: bool,
    /// The relative gap to reach, how much better the optimum could be at most; for `admm` the primal residual too.
    pub tolerance: f64,
    /// The largest number of iterations, or of sweeps over the output weights.
    pub iterations: usize,
    /// β, the penalty of `admm`, held. Where there is none it is chosen, and changed as the residuals ask for.
    pub penalty: Option<f64>,
    /// How `admm` solves its linear systems.
    pub linear: LinearSolver,
}

/// How the linear systems of `admm` are solved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinearSolver {
    /// By one factor while that is small, else by conjugate gradients.
    Automatic,
    /// By the Cholesky factor of a matrix with a column for each weight of each pattern.
    WeightFactor,
    /// By the Cholesky factor of a matrix with a column for each row of the data.
    RowFactor,
    /// By preconditioned conjugate gradients.
    ConjugateGradients,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            loss: Loss::default(),
            decay: 0.001,
            output_bias: true,
            tolerance: 1e-4,
            iterations: 10_000,
            penalty: None,
            linear: LinearSolver::Automatic,
        }
    }
}

impl Settings {
    pub(super) fn check(&self, data: &Dataset) -> Result<()> {
        if !(self.decay.is_finite() && self.decay > 0.0) {
            return Err(Error::new(
                format!("`decay` is {}", self.decay),
                "these methods need a price of the weights above 0, such as 0.001",
            ));
        }
        Range::Share.check("tolerance", self.tolerance)?;
        at_least_one("iterations", self.iterations)?;
        self.loss.check_targets(&data.y)?;
        self.penalty.map_or(Ok(()), |penalty| Range::Positive.check("penalty", penalty))
    }
}

/// ω_k, scaled to sum to 1.
pub(crate) fn shares(data: &Dataset) -> Vec<f64> {
    let n = data.rows() as f64;
    tautnet::dataset::importances(data).iter().map(|omega| omega / n).collect()
}
