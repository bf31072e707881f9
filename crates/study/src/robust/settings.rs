//! What is asked for.

use crate::admm;
use tautnet::error::Result;
use tautnet::range::RADIUS;
use tautnet::{Error, Loss, Norm};

/// What becomes of a unit whose kink comes within the perturbations of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cells {
    /// It costs what it can add to the worst case.
    Soft,
    /// It is not allowed: convex adversarial training.
    Hard,
}

/// The settings of [`robust`](super::robust()).
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What a wrong prediction costs: a loss of the margin, or one that is the same above the target and below it.
    pub loss: Loss,
    /// λ_w > 0, the price of the weights.
    pub decay: f64,
    /// ε ≥ 0, how far every row can move.
    pub radius: f64,
    /// The norm of the perturbations.
    pub norm: Norm,
    /// Soft or hard cells.
    pub cells: Cells,
    /// Whether the output bias is free (else it is 0).
    pub output_bias: bool,
    /// The relative gap to reach.
    pub tolerance: f64,
    /// The largest number of iterations.
    pub iterations: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            loss: Loss::default(),
            decay: 0.001,
            radius: 0.1,
            norm: Norm::Infinity,
            cells: Cells::Soft,
            output_bias: true,
            tolerance: 1e-3,
            iterations: 100_000,
        }
    }
}

impl Settings {
    pub(super) fn check(&self) -> Result<()> {
        RADIUS.check("radius", self.radius)?;
        let asymmetric = self.loss.value(1.0, 0.0) != self.loss.value(-1.0, 0.0);
        if asymmetric && !self.loss.is_margin() {
            return Err(Error::new(
                format!("the loss `{}` differs above and below the target", self.loss),
                "take `squared`, `absolute`, `huber` or a loss of the margin; `polish` takes any with the method `convex`",
            ));
        }
        Ok(())
    }

    /// The part that the method without perturbations has too, which checks it.
    pub(super) fn plain(&self) -> admm::Settings {
        admm::Settings {
            loss: self.loss.clone(),
            decay: self.decay,
            output_bias: self.output_bias,
            tolerance: self.tolerance,
            iterations: self.iterations,
            ..Default::default()
        }
    }
}
