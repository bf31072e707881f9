//! What is asked of a polish: the objective, the program and what it may spend.

use super::method::Method;
use crate::{
    Loss, Norm,
    error::Result,
    program::build::Prices,
    range::Range,
    requirement::{Asked, Setting, check},
};

/// Prices of the bound and of the weights.
pub const PRICE: Range = Range::NotNegative;
/// Limits on the bound.
pub const LIMIT: Range = Range::Positive;
/// Relative gaps.
pub const TOLERANCE: Range = Range::Share;

/// Rounds of `alternating`, where nothing else is said.
pub const ROUNDS: usize = 20;

/// How the bound enters the objective.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Penalty {
    /// λ·L
    L,
    /// λ·L²
    LSquared,
}

/// The objective and the program; checked once, by [`polish`](super::polish()). Not every method uses everything
/// ([`Method::requires`]): what it does not use is refused.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Which program.
    pub method: Method,
    /// What a wrong prediction costs.
    pub loss: Loss,
    /// λ_L ≥ 0, the price of the Lipschitz bound.
    pub lipschitz: f64,
    /// λ_w ≥ 0, the price of the weights.
    pub decay: f64,
    /// Hard bound L ≤ L_max.
    pub max_lipschitz: Option<f64>,
    /// Norm of input perturbations (`Two` or `Infinity`).
    pub norm: Norm,
    /// λ·L or λ·L².
    pub penalty: Penalty,
    /// Whether the output bias is free (else it is 0). Where the given network has another and none without one is better, the
    /// given one comes back as it is, [`Ending::Unchanged`](super::Ending::Unchanged).
    pub output_bias: bool,
    /// Whether a linear part is free, beside the units. It is too where the given network has one.
    pub linear_part: bool,
    /// Relative duality gap to reach.
    pub tolerance: f64,
    /// Most interior-point iterations of one solve.
    pub iterations: usize,
    /// Most rounds of `alternating`.
    pub rounds: usize,
    /// Multipliers ℓ that `alternating` begins with, one for each unit with `v ≠ 0`, in place of those of the given
    /// network's bound: to judge (12) by itself, or to continue. No unit is dropped then.
    pub multipliers: Option<Vec<f64>>,
    /// What `walk` may spend.
    pub walk: Walk,
}

impl Settings {
    /// The settings of a method at its own prices.
    pub fn of(method: Method) -> Self {
        let (lipschitz, decay) = method.default_prices();
        Self {
            method,
            loss: Loss::default(),
            lipschitz,
            decay,
            max_lipschitz: None,
            norm: Norm::Two,
            penalty: Penalty::L,
            output_bias: true,
            linear_part: false,
            tolerance: 1e-8,
            iterations: 100,
            rounds: ROUNDS,
            multipliers: None,
            walk: Walk::default(),
        }
    }

    /// Refuse prices, limits and tolerances out of range.
    pub fn check(&self) -> Result<()> {
        PRICE.check("lipschitz", self.lipschitz)?;
        PRICE.check("decay", self.decay)?;
        self.max_lipschitz.map_or(Ok(()), |limit| LIMIT.check("max-lipschitz", limit))?;
        TOLERANCE.check("tolerance", self.tolerance)?;
        // Whatever the method is: some norms are for bounds only.
        let polish = |setting| (setting == Setting::Method).then(|| Asked::new("polish", "a polish"));
        check(&[self.norm.choice()], &polish)
    }

    pub(crate) fn prices(&self) -> Prices {
        Prices {
            lipschitz: self.lipschitz,
            squared: self.penalty == Penalty::LSquared,
            decay: self.decay,
            max_lipschitz: self.max_lipschitz,
            norm: self.norm,
            output_bias: self.output_bias,
            linear_part: self.linear_part,
            loss: self.loss.clone(),
        }
    }
}

/// What `walk` may spend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walk {
    /// Most rounds of descent and (J) in a series; a series ends earlier when its rounds gain little.
    pub rounds: usize,
    /// Steps of each descent.
    pub steps: usize,
    /// Further series, each from the best network with its weights moved at random.
    pub restarts: usize,
    /// Most times that entries of the patterns are turned over at the end.
    pub flips: usize,
}

impl Default for Walk {
    fn default() -> Self {
        Self { rounds: 6, steps: 500, restarts: 0, flips: 2 }
    }
}

impl Walk {
    /// Some six times the work of the default.
    pub fn thorough() -> Self {
        Self { rounds: 10, steps: 500, restarts: 6, flips: 6 }
    }

    /// The beginning of this walk, which brings most of its gain: to compare prices by.
    pub fn short(&self) -> Self {
        Self { rounds: self.rounds.min(2), steps: self.steps.min(300), restarts: 0, flips: 0 }
    }
}
