//! What is asked of a polish: the objective, the program and what it may spend.

use super::method::Method;
use crate::{
    Loss, Norm,
    error::{Error, Result},
    program::build::Prices,
    range::Range,
    requirement::{Asked, Setting, check},
    tolerance::Tolerance,
};

/// The numbers that prices of the bound and of the weights may be.
pub const PRICE: Range = Range::NotNegative;
/// The numbers that a limit on the bound may be.
pub const LIMIT: Range = Range::Positive;
/// The numbers that a relative gap may be.
pub const TOLERANCE: Range = Range::Share;

/// Rounds of `alternating`, where nothing else is said.
pub const ROUNDS: usize = 20;

/// Whether the objective has the bound or its square.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Penalty {
    /// The price is on the bound: λ·L.
    L,
    /// The price is on the square of the bound: λ·L².
    LSquared,
}

/// The objective and the program; checked once, by [`polish`](super::polish()). Not every method uses everything
/// ([`Method::requires`]): what it does not use is refused.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The convex program, or the sequence of them.
    pub method: Method,
    /// What a wrong prediction costs.
    pub loss: Loss,
    /// How wrong the inputs of the rows can be: the objective is then the worst case within it. `None` where every input is exact.
    pub tolerance: Option<Tolerance>,
    /// λ_L ≥ 0, the price of the Lipschitz bound.
    pub lipschitz_price: f64,
    /// λ_w ≥ 0, the price of the weights.
    pub decay: f64,
    /// A limit L_max that the bound must not exceed.
    pub max_lipschitz: Option<f64>,
    /// Norm of input perturbations (`Two` or `Infinity`).
    pub norm: Norm,
    /// Whether the price is on the bound or on its square.
    pub penalty: Penalty,
    /// Whether the output bias is free (else it is 0). Where the given network has another and none without one is better, the
    /// given one comes back as it is, [`Ending::Unchanged`](super::Ending::Unchanged).
    pub output_bias: bool,
    /// Whether a linear part is free, beside the units. It is too where the given network has one.
    pub linear_part: bool,
    /// The relative gap at which the solver stops.
    pub tol: f64,
    /// The largest number of iterations of one convex program.
    pub iterations: usize,
    /// The largest number of rounds of `alternating` and of `convex`.
    pub rounds: usize,
    /// Multipliers ℓ that `alternating` begins with, one for each unit with `v ≠ 0`, in place of those of the given
    /// network's bound: to judge (12) by itself, or to continue. No unit is dropped then.
    pub multipliers: Option<Vec<f64>>,
    /// How much work `walk` may do.
    pub walk: Walk,
}

impl Settings {
    /// The settings of a method at its own prices.
    pub fn of(method: Method) -> Self {
        let (lipschitz, decay) = method.default_prices();
        Self {
            method,
            loss: Loss::default(),
            tolerance: None,
            lipschitz_price: lipschitz,
            decay,
            max_lipschitz: None,
            norm: Norm::Two,
            penalty: Penalty::L,
            output_bias: true,
            linear_part: false,
            tol: 1e-8,
            iterations: 100,
            rounds: ROUNDS,
            multipliers: None,
            walk: Walk::default(),
        }
    }

    /// Refuse prices, limits and tolerances out of range.
    pub fn check(&self) -> Result<()> {
        PRICE.check("lipschitz_price", self.lipschitz_price)?;
        PRICE.check("decay", self.decay)?;
        self.max_lipschitz.map_or(Ok(()), |limit| LIMIT.check("max-lipschitz", limit))?;
        TOLERANCE.check("tol", self.tol)?;
        // Whatever the method is: some norms are for bounds only.
        let polish = |setting| (setting == Setting::Method).then(|| Asked::new("polish", "a polish"));
        check(&[self.norm.choice()], &polish)
    }

    /// Refuse what there is for one output only: a network with an output for each of several classes or targets has (R), and no bound.
    pub fn check_several(&self) -> Result<()> {
        let what = if ![Method::CONVEX, Method::ROBUST_CELLS].contains(&self.method) {
            format!("the method `{}`", self.method.name())
        } else if self.lipschitz_price > 0.0 || self.max_lipschitz.is_some() {
            "a price or a limit of the Lipschitz bound".to_owned()
        } else if self.linear_part {
            "a linear part".to_owned()
        } else if !self.output_bias {
            "leaving out the output bias".to_owned()
        } else {
            return Ok(());
        };
        Err(Error::new(
            format!(
                "{what} is for networks with one output, and this one has an output for each of several classes or targets"
            ),
            "say a tolerance of the inputs: then it is polished by the method `convex`; `robust-cells` is the other one",
        ))
    }

    pub(crate) fn prices(&self) -> Prices {
        Prices {
            lipschitz: self.lipschitz_price,
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

/// How much work `walk` may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walk {
    /// Most rounds of descent and (J) in a series; a series ends earlier when its rounds gain little.
    pub rounds: usize,
    /// How many steps each descent takes.
    pub steps: usize,
    /// Further series, each from the best network with its weights moved at random.
    pub restarts: usize,
    /// Most times that entries of the patterns are turned over at the end.
    pub flips: usize,
    /// Most rounds of descent and (R) of exact inputs after all that: programs whose units may leave their patterns at a price. None
    /// where there are more than 5000 rows, as (R) would take many times the time of all else.
    pub soft: usize,
}

impl Default for Walk {
    fn default() -> Self {
        Self { rounds: 6, steps: 500, restarts: 0, flips: 2, soft: 3 }
    }
}

impl Walk {
    /// A walk of about six times the work of the default.
    pub fn thorough() -> Self {
        Self { rounds: 10, steps: 500, restarts: 6, flips: 6, soft: 10 }
    }

    /// The beginning of this walk, which brings most of its gain: to compare prices by.
    pub fn short(&self) -> Self {
        Self { rounds: self.rounds.min(2), steps: self.steps.min(300), restarts: 0, flips: 0, soft: 0 }
    }
}

/// What the solver is asked for.
pub(super) fn of_solver(settings: &Settings) -> tautnet_cone::Settings {
    tautnet_cone::Settings {
        iterations: settings.iterations,
        gap_relative: settings.tol,
        // Of the mean square target, which is 1 here.
        gap_absolute: 1e-4 * settings.tol.min(1e-2),
        feasibility: 1e-8_f64.max(settings.tol),
        ..tautnet_cone::Settings::default()
    }
}
