//! `admm`: gradient descent and a semidefinite program in turn (Pauli, Koch, Berberich, Kohler and Allgöwer,
//! arXiv:2005.02929).
//!
//! # The problem
//!
//! ```text
//! minimize over W, b, v, c, ρ     loss(W, b, v, c) + λ_L ρ        subject to (LMI), which proves ‖∇f‖ ≤ √ρ
//! ```
//!
//! with `loss = Σ_k ω_k (f(x_k) − y_k)² / n`. [`super::projection`] states (LMI) and its multipliers T. Two forms:
//!
//! - *penalized*: the price λ_L of `ρ = L²` is given;
//! - *enforced bound*: `ρ = L_max²` is given ([`Admm::bound`]), and nothing is paid.
//!
//! # The method
//!
//! The loss is easy for gradient steps, (LMI) for a semidefinite solver. So W and v get copies Ŵ, v̂, which have to
//! satisfy (LMI); biases have none. With multipliers Y (of W = Ŵ and of v = v̂) and a penalty β,
//!
//! ```text
//! 𝓛 = loss(W, b, v, c) + λ_L ρ + ⟨Y, W − Ŵ⟩ + β/2 ‖W − Ŵ‖²             (v along with W in the last two terms)
//! ```
//!
//! is made small in turn:
//!
//! 1. in (W, b, v, c), by some thousand steps of the optimizer: the last two terms are `β/2 ‖W − A‖²` up to a
//!    constant, with the anchor `A = Ŵ − Y/β`, and add `β (W − A)` to the gradient;
//! 2. in (Ŵ, v̂, ρ), T fixed, exactly: the point of (LMI)'s set that is nearest to `W + Y/β`, ρ priced or fixed;
//! 3. `Y ← Y + β (W − Ŵ)`.
//!
//! Then T is computed anew for the copy by LipSDP, `t_i = L v̂_i²/ℓ_i`. That is safe: the new T proves the smallest
//! bound that any T proves for (Ŵ, v̂), which stays in the set. The start is a network with weight decay, or any
//! network that is given; Ŵ = W and Y = 0. It ends when 𝓛 no longer changes.
//!
//! # What comes back
//!
//! The copy, with the biases at hand, of the iteration with the smallest objective: `loss + λ_L L²`, or in the enforced
//! form the loss, both recomputed from its weights and its own LipSDP bound. In the enforced form *every* copy has a
//! bound of at most L_max; so has the first, which is the start's projection where the start itself is too steep. In
//! the penalized form the start is a candidate too: it is never made worse.
//!
//! # Units without effect
//!
//! Where v̂_i = 0 or ŵ_i = 0 LipSDP has no multiplier (t_i would be 0 or ∞, and neither layer could ever grow again).
//! Any t_i is sound, so such a unit takes one that costs `SHARE`/m of the bound.

use super::gradient_descent::{self, Descent, Step};
use super::outcome::{Ending, Observer, Progress, Trained};
use super::projection::{Square, project};
use super::start::{Common, Start, Starter};
use crate::certify::lipsdp;
use crate::random::shuffle;
use crate::range::{Range, at_least_one};
use crate::requirement::{Demand, Requirement, Setting};
use crate::weights::{Batch, Differentiator, Weights};
use crate::{Dataset, Error, Loss, Norm, Shallow, error::Result};
use rand::SeedableRng;
use rand_pcg::Pcg64;
use std::ops::ControlFlow;
use tautnet_cone::Stop;

/// Share of the bound that all units without effect may cost together.
const SHARE: f64 = 1e-3;
/// Within an iteration the rate falls to this fraction: the projection should see weights, not the noise of batches.
const LAST_RATE: f64 = 1e-2;

/// Penalties r.
pub const PENALTY: Range = Range::Positive;

/// What governs the alternation. Ranges: penalty, price and bound > 0, steps and iterations ≥ 1, 0 ≤ tolerance < 1.
///
/// Penalty and price are those of the authors' example with two inputs.
#[derive(Debug, Clone, PartialEq)]
pub struct Admm {
    /// The weight-decay start; optimizer, first rate and batch also of the gradient steps, which have no decay.
    pub descent: Descent,
    /// β. For an enforced bound well below the start's 1 does better than the default: with 40 units at a bound of 0.5,
    /// ten iterations then end at a loss of 0.52 instead of 0.62 on servo and of 0.136 instead of 0.173 on machine. A
    /// smaller tolerance at the default does not make up for that.
    pub penalty: f64,
    /// λ_L, the price of L²; not used when there is a bound.
    pub price: f64,
    /// L_max, in the Euclidean norm: the enforced form.
    pub bound: Option<f64>,
    /// Gradient steps an iteration, rounded up to whole passes over the data.
    pub steps: usize,
    /// Most iterations.
    pub iterations: usize,
    /// Relative change of 𝓛 that ends the alternation.
    pub tolerance: f64,
}

impl Default for Admm {
    fn default() -> Self {
        Self {
            descent: Descent::default(),
            penalty: 0.25,
            price: 1e-5,
            bound: None,
            steps: 2000,
            iterations: 30,
            tolerance: 1e-3,
        }
    }
}

impl Admm {
    /// Refuse settings outside their ranges.
    pub fn check(&self) -> Result<()> {
        self.descent.check()?;
        PENALTY.check("admm_penalty", self.penalty)?;
        Range::Positive.check("admm_price", self.price)?;
        self.bound.map_or(Ok(()), |bound| Range::Positive.check("admm_bound", bound))?;
        at_least_one("admm_steps", self.steps)?;
        at_least_one("admm_iterations", self.iterations)?;
        Range::BelowOne.check("admm_tolerance", self.tolerance)
    }
}

impl Starter for Admm {
    fn name(&self) -> &'static str {
        "admm"
    }

    fn help(&self) -> &'static str {
        "gradient descent and a semidefinite program in turn (ADMM); keeps the limit on the bound when the norm is 2"
    }

    fn by(&self) -> &'static str {
        "gradient descent and a semidefinite program in turn"
    }

    fn requires(&self) -> &'static [Requirement] {
        &[
            Requirement {
                setting: Setting::Loss,
                demand: Demand::OneOf(&["squared"], "minimizes the squared error"),
                hint: "leave the loss out, or start by `sgd`, `adversarial` or `random`",
            },
            Requirement {
                setting: Setting::LinearPart,
                demand: Demand::Unused,
                hint: "leave the linear part out, or start by `sgd`, `adversarial` or `random`",
            },
        ]
    }

    /// Its bound is Euclidean.
    fn within(&self, norm: Norm, limit: Option<f64>) -> Option<Start> {
        (norm == Norm::Two).then(|| Self { bound: limit, ..self.clone() }.into())
    }

    fn train(&self, data: &Dataset, common: &Common, observer: &mut Observer<'_>) -> Result<Trained> {
        train(data, common, self, observer)
    }
}

impl Admm {
    fn square(&self) -> Square {
        match self.bound {
            Some(bound) => Square::Fixed(bound * bound),
            None => Square::Priced(self.price),
        }
    }

    /// What a copy is judged by.
    fn objective(&self, loss: f64, bound: f64) -> f64 {
        if self.bound.is_some() { loss } else { loss + self.price * bound * bound }
    }
}

/// From a network with weight decay, trained first; the observer hears of its epochs and then of every iteration.
///
/// `Break` during the first part still gives a network that respects an enforced bound.
pub fn train(data: &Dataset, common: &Common, admm: &Admm, observer: &mut Observer<'_>) -> Result<Trained> {
    admm.check()?;
    let mut stopped = false;
    let start = gradient_descent::train(data, common, &admm.descent, &mut |progress| {
        let verdict = observer(progress);
        stopped |= verdict.is_break();
        verdict
    })?;
    alternate(start, data, common, admm, &mut |progress| {
        let verdict = observer(progress);
        if stopped { ControlFlow::Break(()) } else { verdict }
    })
}

/// From a network of any origin. Of what is common the seed and the output bias are used, the units are those of the
/// network.
///
/// The first thing the observer hears of is the copy before the first iteration.
pub fn from_network(
    network: &Shallow,
    data: &Dataset,
    common: &Common,
    admm: &Admm,
    observer: &mut Observer<'_>,
) -> Result<Trained> {
    admm.check()?;
    if network.inputs() != data.columns() {
        return Err(Error::new(
            format!("the network has {} inputs but the data has {} columns", network.inputs(), data.columns()),
            "give the data in the columns for which the network was trained",
        ));
    }
    if network.a().is_some() {
        return Err(Error::new(
            "the network has a linear part, which ADMM does not move",
            "give a network without a linear part, or start by `sgd`, `adversarial` or `random`",
        ));
    }
    let c = if common.output_bias { network.c() } else { 0.0 };
    let network = network.clone().with_c(c);
    let start = Trained { network, trace: Vec::new(), ending: Ending::Limit, loss: f64::INFINITY };
    alternate(start, data, common, admm, observer)
}

/// A network with its LipSDP bound and the multipliers T that prove it.
#[derive(Debug, Clone, PartialEq)]
pub struct Multiplied {
    /// L.
    pub bound: f64,
    /// T of (LMI) at `ρ = level²`, where the level is L if none is given.
    pub multipliers: Vec<f64>,
}

/// T for a network: `t_i = level·v_i²/ℓ_i` for the multipliers ℓ of LipSDP.
///
/// Below the network's own bound no T satisfies (LMI); a level there gives the T that would, were all weights scaled
/// down evenly.
pub fn multipliers(network: &Shallow, level: Option<f64>) -> Result<Multiplied> {
    // A copy without its bound is of no use: also where it is time to stop.
    let found = Stop::here().late().during(|| lipsdp(network, Norm::Two, &mut |_| ControlFlow::Continue(())))?;
    let bound = found.lipschitz_upper_bound;
    let level = match level {
        Some(level) => level,
        None if bound > 0.0 => bound,
        // A constant function has no scale of its own.
        None => 1.0,
    };
    let share = SHARE / network.units() as f64;
    let multiplier = |i: usize| {
        let v = network.v()[i];
        let t = level * v * v / found.multipliers[i];
        if t.is_normal() && t > 0.0 {
            return t;
        }
        let w = (0..network.inputs()).map(|k| network.w()[(i, k)].powi(2)).sum::<f64>();
        // t‖w‖²/2 of ρ, or v²/2t of 1, is what the unit costs.
        let t = if w > 0.0 && v == 0.0 { 2.0 * share * level * level / w } else { 0.5 * v * v / share };
        if t.is_normal() { t } else { level }
    };
    Ok(Multiplied { bound, multipliers: (0..network.units()).map(multiplier).collect() })
}

/// The alternation.
fn alternate(
    start: Trained,
    data: &Dataset,
    common: &Common,
    admm: &Admm,
    observer: &mut Observer<'_>,
) -> Result<Trained> {
    let mut weights = Weights::from_network(&start.network);
    let mut steps = GradientSteps::new(data, common, admm, &weights);
    // Y, in the layout of the weights.
    let mut dual = weights.zeros();
    let mut copy = Copied::first(&start.network, data, admm)?;
    let mut trace = start.trace;
    let mut ending = Ending::Limit;
    let mut epoch = trace.last().map_or(0, |progress| progress.epoch);
    let mut best = copy.clone();
    let mut lagrangian = f64::INFINITY;

    let stop = Stop::here();
    for iteration in 0..=admm.iterations {
        if iteration > 0 {
            epoch += steps.run(&mut weights, &copy.weights, &dual)?;
            if stop.asked() {
                ending = Ending::Observer;
                break;
            }
            let target = shifted(&weights, &dual, 1.0 / admm.penalty);
            let projected = project(&target.network()?, &copy.multipliers, admm.square(), admm.penalty)?;
            copy = Copied::of(projected.network, data, admm)?;
            let last = lagrangian;
            lagrangian = augmented(&weights, &copy.weights, &dual, data, admm, projected.square)?;
            dual = shifted(&dual, &difference(&weights, &copy.weights), admm.penalty);
            if (last - lagrangian).abs() <= admm.tolerance * lagrangian.abs() {
                ending = Ending::Plateau;
            }
        }
        if copy.objective < best.objective {
            best = copy.clone();
        }
        let Copied { objective, loss, bound, .. } = copy;
        let rate = if iteration > 0 { admm.descent.rate } else { 0.0 };
        let progress = Progress { epoch, objective, loss, rate, bound: Some(bound) };
        trace.push(progress);
        if observer(&progress).is_break() {
            ending = Ending::Observer;
        }
        if ending != Ending::Limit {
            break;
        }
    }
    Ok(Trained { network: best.network, trace, ending, loss: best.loss })
}

/// The copy (Ŵ, v̂) with the biases at hand, and what is known of it.
#[derive(Clone)]
struct Copied {
    network: Shallow,
    weights: Weights,
    loss: f64,
    bound: f64,
    multipliers: Vec<f64>,
    objective: f64,
}

impl Copied {
    /// The start, or in the enforced form its projection where it is too steep.
    fn first(network: &Shallow, data: &Dataset, admm: &Admm) -> Result<Self> {
        let own = multipliers(network, admm.bound)?;
        match admm.bound {
            Some(bound) if own.bound > bound => {
                let projected = project(network, &own.multipliers, admm.square(), admm.penalty)?;
                Self::of(projected.network, data, admm)
            }
            _ => Self::of(network.clone(), data, admm),
        }
    }

    fn of(mut network: Shallow, data: &Dataset, admm: &Admm) -> Result<Self> {
        let mut own = multipliers(&network, admm.bound)?;
        if let Some(limit) = admm.bound
            && own.bound > limit
        {
            // The projection respects the bound; what LipSDP's gap or rounding adds is taken off the output weights.
            network = network.times(limit / own.bound * (1.0 - f64::EPSILON));
            own = Multiplied { bound: limit, ..multipliers(&network, admm.bound)? };
        }
        let loss = Loss::default().mean(&network, data);
        if !loss.is_finite() {
            return Err(Error::new(
                format!("ADMM diverged: the loss of a copy is {loss}"),
                "lower the rate, raise the penalty, or standardize the columns and the target",
            ));
        }
        let Multiplied { bound, multipliers } = own;
        let objective = admm.objective(loss, bound);
        Ok(Self { weights: Weights::from_network(&network), network, loss, bound, multipliers, objective })
    }
}

/// Step 1, with its scratch.
struct GradientSteps<'a> {
    admm: &'a Admm,
    output_bias: bool,
    all: Batch,
    batch: Batch,
    order: Vec<usize>,
    random: Pcg64,
    step: Step,
    differentiator: Differentiator,
    gradient: Weights,
}

impl<'a> GradientSteps<'a> {
    fn new(data: &Dataset, common: &Common, admm: &'a Admm, weights: &Weights) -> Self {
        Self {
            admm,
            output_bias: common.output_bias,
            all: Batch::all(data),
            batch: Batch::default(),
            order: (0..data.rows()).collect(),
            random: Pcg64::seed_from_u64(common.seed),
            step: Step::new(&admm.descent, weights),
            differentiator: Differentiator::default(),
            gradient: weights.zeros(),
        }
    }

    /// Steps on `Loss + β/2 ‖W − A‖²`; the passes taken.
    fn run(&mut self, weights: &mut Weights, copy: &Weights, dual: &Weights) -> Result<usize> {
        let Admm { descent, penalty, steps, .. } = self.admm;
        let anchor = shifted(copy, dual, -1.0 / penalty);
        let passes = steps.div_ceil(self.order.len().div_ceil(descent.batch));
        let stop = Stop::here();
        for pass in 0..passes {
            self.step.rate = descent.rate * (1.0 - (1.0 - LAST_RATE) * pass as f64 / passes as f64);
            shuffle(&mut self.order, &mut self.random);
            for rows in self.order.chunks(descent.batch) {
                if stop.asked() {
                    return Ok(pass);
                }
                self.batch.gather(&self.all, rows);
                self.differentiator.gradient(weights, &self.batch, &mut self.gradient);
                if !self.output_bias {
                    *self.gradient.parts_mut().3 = 0.0;
                }
                for range in coupled(weights) {
                    let gradient = &mut self.gradient.flat[range.clone()];
                    let pairs = weights.flat[range.clone()].iter().zip(&anchor.flat[range]);
                    gradient.iter_mut().zip(pairs).for_each(|(g, (w, a))| *g += penalty * (w - a));
                }
                self.step.take(weights, &self.gradient, 0.0);
            }
        }
        if weights.flat.iter().all(|w| w.is_finite()) {
            return Ok(passes);
        }
        Err(Error::new(
            format!("ADMM diverged: a weight is no longer finite at the rate {}", descent.rate),
            "lower the rate, or standardize the columns and the target",
        ))
    }
}

/// Where W and v stand among the weights: not the biases.
fn coupled(weights: &Weights) -> [std::ops::Range<usize>; 2] {
    let (d, width) = (weights.inputs, weights.width());
    [0..d * width, (d + 1) * width..(d + 2) * width]
}

/// `a + factor·b` in W and v, `a` in the biases.
fn shifted(a: &Weights, b: &Weights, factor: f64) -> Weights {
    let mut sum = a.clone();
    for range in coupled(a) {
        sum.flat[range.clone()].iter_mut().zip(&b.flat[range]).for_each(|(a, b)| *a += factor * b);
    }
    sum
}

fn difference(a: &Weights, b: &Weights) -> Weights {
    shifted(a, b, -1.0)
}

/// 𝓛.
fn augmented(
    weights: &Weights,
    copy: &Weights,
    dual: &Weights,
    data: &Dataset,
    admm: &Admm,
    square: f64,
) -> Result<f64> {
    let apart = difference(weights, copy);
    let mut value = Loss::default().mean(&weights.network()?, data);
    if admm.bound.is_none() {
        value += admm.price * square;
    }
    for range in coupled(weights) {
        let pairs = apart.flat[range.clone()].iter().zip(&dual.flat[range]);
        value += pairs.map(|(a, y)| a * (y + 0.5 * admm.penalty * a)).sum::<f64>();
    }
    Ok(value)
}

#[cfg(test)]
#[path = "admm_tests.rs"]
mod tests;
