//! Convex post-processing of a given network: never worse than what it was given.
//!
//! ```text
//! objective(f) = Σ_k ω_k (f(x_k) − y_k)² / Σω + λ_w Σ_i |v_i| ‖(w_i, b_i)‖₂ + λ_L L   (or λ_L L²)
//! ```
//!
//! with `L` the LipSDP bound of `f`. The second term is `½(‖W̄‖² + ‖v‖²)` at each unit's best scaling. Patterns and
//! signs of the given network stay, everything else is optimized by one convex program (or by a sequence of them); only
//! [`Method::Walk`] goes on to better patterns.
//! The objective before and after is recomputed from the weights: the loss by evaluating the network, the bound as an
//! eigenvalue of a matrix of order d + 1 that the multipliers define, neither of them by the solver. The multipliers may
//! be the solver's, of this program or of LipSDP for the result: the eigenvalue is a bound for any of them.

mod alternate;
mod descent;
mod landscape;
mod names;
mod record;
mod run;
mod uses;
mod walk;

use crate::{
    Dataset, Loss, Network, Norm,
    error::{Error, Result},
    program::build::{Held, Prices, affordable},
};
use run::{Candidate, Run};
use std::ops::ControlFlow;
use tautnet_cone::Stop;

pub use crate::ending::{Cause, Early, Ending};
pub use names::Effort;
pub use uses::{Setting, USES, Uses};
pub use walk::Walk;

/// Which convex program is solved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// (6): weight decay only.
    WeightDecay,
    /// Algorithm 1 of the paper: multipliers, then weights, in turn.
    Alternating,
    /// (J): weights and multipliers together.
    Joint,
    /// (J), then better patterns by descent and by what presses against them, then (J) again, in turn.
    Walk,
}

/// How the bound enters the objective.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Penalty {
    /// λ·L
    L,
    /// λ·L²
    LSquared,
}

/// The objective and the program; checked once, by [`polish`]. Not every method uses everything ([`USES`]): what it does not use is
/// refused.
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
    /// given one comes back as it is, [`Ending::Unchanged`].
    pub output_bias: bool,
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

impl Default for Settings {
    fn default() -> Self {
        Self {
            method: Method::Joint,
            loss: Loss::default(),
            lipschitz: 0.01,
            decay: 0.0,
            max_lipschitz: None,
            norm: Norm::Two,
            penalty: Penalty::L,
            output_bias: true,
            tolerance: 1e-8,
            iterations: 100,
            rounds: 20,
            multipliers: None,
            walk: Walk::default(),
        }
    }
}

/// A network's objective and its parts, recomputed from its weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// loss + penalties, as asked.
    pub objective: f64,
    /// (Weighted) mean loss.
    pub loss: f64,
    /// LipSDP upper bound of the network in the chosen norm.
    pub lipschitz: f64,
    /// Σ ‖w̄_i‖ |v_i| (what λ_w multiplies, at the best scaling of each unit).
    pub decay: f64,
}

/// One iteration's facts, for progress displays and reports.
#[derive(Debug, Clone, Copy, PartialEq)]
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
    pub network: Network,
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

/// Solve the convex program of the network's activation patterns on the data. [`Stop::here`] ends it like the observer.
pub fn polish(network: &Network, data: &Dataset, settings: &Settings, observer: &mut Observer<'_>) -> Result<Polished> {
    // Inside the pool of threads, so that its thousands of short loops need no handing over.
    let stop = Stop::here();
    rayon::join(|| stop.during(|| polish_here(network, data, settings, observer)), || ()).0
}

fn polish_here(
    network: &Network,
    data: &Dataset,
    settings: &Settings,
    observer: &mut Observer<'_>,
) -> Result<Polished> {
    settings.check_run()?;
    if network.inputs() != data.columns() {
        return Err(Error::new(
            format!("the network has {} inputs but the data has {} input columns", network.inputs(), data.columns()),
            "give the columns the network was trained on, in that order",
        ));
    }
    let signed = network.v.iter().filter(|&&v| v != 0.0).count();
    if let Some(given) = &settings.multipliers
        && (given.len() != signed || given.iter().any(|l| !(l.is_finite() && *l > 0.0)))
    {
        return Err(Error::new(
            format!("the {} multipliers given are not positive numbers, one for each of {signed} units", given.len()),
            "give one finite multiplier above 0 for each unit whose output weight is not 0",
        ));
    }
    let mut run = Run::new(network, data, settings, observer);
    let before = run.score(network, None)?;
    run.accepted.push(before);
    if run.units.is_empty() {
        run.notes.push("no unit is left: only the output bias is fitted".into());
    }
    let mut best = Candidate { network: network.clone(), score: before };
    let mut ending = Ending::Solved;
    let mut gap = None;
    match settings.method {
        _ if run.units.is_empty() => {
            let candidate = run.constant()?;
            gap = Some(0.0);
            best = run.better(best, candidate, &mut ending);
        }
        Method::Joint | Method::WeightDecay => {
            let (candidate, outcome) = run.solve(Held::Nothing, 0)?;
            gap = outcome.gap;
            best = run.better(best, candidate, &mut ending);
            if let (Ending::Solved, Some(reason)) = (&ending, outcome.stopped) {
                ending = Ending::Stopped(reason);
            }
        }
        Method::Alternating => run.alternate(&mut best, &mut ending, &mut gap)?,
        Method::Walk => run.walk(&mut best, &mut ending, &mut gap)?,
    }
    if run.keep_limit(&mut best)? {
        (ending, gap) = (Early { cause: Cause::ScaledToLimit, gap: None }.into(), None);
    }
    Ok(Polished {
        network: best.network,
        before,
        after: best.score,
        duality_gap: gap,
        iterations: run.iterations,
        ending,
        notes: run.notes,
        trace: run.trace,
        accepted: run.accepted,
    })
}

/// Refuse a program for so many units on these data that would not fit in memory, before anything is trained.
pub(crate) fn check_size(data: &Dataset, units: usize, settings: &Settings) -> Result<()> {
    affordable(data, units, &settings.prices(), Held::Nothing)
}

/// The objective of a network under the settings, recomputed from its weights: every price counts, whatever the method.
pub fn score(network: &Network, data: &Dataset, settings: &Settings) -> Result<Score> {
    settings.check()?;
    run::score(network, data, &settings.prices(), None)
}

impl Settings {
    /// The settings of a method at its own prices.
    pub fn of(method: Method) -> Self {
        let (lipschitz, decay) = method.default_prices();
        Self { method, lipschitz, decay, ..Self::default() }
    }

    /// Refuse prices, limits and tolerances out of range.
    pub fn check(&self) -> Result<()> {
        let price = |name: &str, value: f64| {
            if value.is_finite() && value >= 0.0 {
                Ok(())
            } else {
                Err(Error::new(
                    format!("`{name}` is {value}"),
                    format!("`{name}` is a price: give a finite number, 0 or more"),
                ))
            }
        };
        price("lipschitz", self.lipschitz)?;
        price("decay", self.decay)?;
        if let Some(limit) = self.max_lipschitz
            && !(limit.is_finite() && limit > 0.0)
        {
            return Err(Error::new(
                format!("`max-lipschitz` is {limit}"),
                "the largest bound allowed is a finite number above 0",
            ));
        }
        if self.norm == Norm::One {
            return Err(Error::new("the norm is 1", "polishing works with the norms 2 and inf"));
        }
        if !(self.tolerance > 0.0 && self.tolerance < 1.0) {
            return Err(Error::new(format!("`tolerance` is {}", self.tolerance), "give a relative gap such as 1e-8"));
        }
        Ok(())
    }

    /// [`Self::check`], and refuse what the method does not use ([`USES`]) or could not do.
    pub fn check_run(&self) -> Result<()> {
        self.check()?;
        self.check_uses()?;
        if self.method == Method::Alternating && self.rounds == 0 {
            return Err(Error::new("`alternating` was given 0 rounds", "give at least 1; 20 are the default"));
        }
        if self.method == Method::Alternating && self.lipschitz == 0.0 && self.max_lipschitz.is_none() {
            return Err(Error::new(
                "`alternating` with `lipschitz` 0 has nothing to alternate between",
                "give a price above 0, or use the method `weight-decay`",
            ));
        }
        Ok(())
    }

    pub(crate) fn prices(&self) -> Prices {
        Prices {
            lipschitz: self.lipschitz,
            squared: self.penalty == Penalty::LSquared,
            decay: self.decay,
            max_lipschitz: self.max_lipschitz,
            norm: self.norm,
            output_bias: self.output_bias,
            loss: self.loss.clone(),
        }
    }
}
