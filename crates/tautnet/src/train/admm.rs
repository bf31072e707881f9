//! `admm`: gradient descent and a semidefinite program in turn (Pauli, Koch, Berberich, Kohler and Allgöwer,
//! arXiv:2005.02929).
//!
//! # The problem
//!
//! ```text
//! minimize over W, b, v, c, ρ     Loss(W, b, v, c) + μ ρ        subject to (LMI), which proves ‖∇f‖ ≤ √ρ
//! ```
//!
//! with `Loss = Σ_k ω_k (f(x_k) − y_k)² / n`. [`super::projection`] states (LMI) and its multipliers T. Two forms:
//!
//! - *penalized*: the price μ of `ρ = L²` is given;
//! - *enforced bound*: `ρ = L_max²` is given ([`Admm::bound`]), and nothing is paid.
//!
//! # The method
//!
//! The loss is easy for gradient steps, (LMI) for a semidefinite solver. So W and v get copies W̄, v̄, which have to
//! satisfy (LMI); biases have none. With multipliers Y (of W = W̄ and of v = v̄) and a penalty r,
//!
//! ```text
//! 𝓛 = Loss(W, b, v, c) + μ ρ + ⟨Y, W − W̄⟩ + r/2 ‖W − W̄‖²             (v along with W in the last two terms)
//! ```
//!
//! is made small in turn:
//!
//! 1. in (W, b, v, c), by some thousand steps of the optimizer: the last two terms are `r/2 ‖W − A‖²` up to a
//!    constant, with the anchor `A = W̄ − Y/r`, and add `r (W − A)` to the gradient;
//! 2. in (W̄, v̄, ρ), T fixed, exactly: the point of (LMI)'s set that is nearest to `W + Y/r`, ρ priced or fixed;
//! 3. `Y ← Y + r (W − W̄)`.
//!
//! Then T is computed anew for the copy by LipSDP, `t_i = L v̄_i²/ℓ_i`. That is safe: the new T proves the smallest bound
//! that any T proves for (W̄, v̄), which stays in the set. The start is a network with weight decay, or any network that
//! is given; W̄ = W and Y = 0. It ends when 𝓛 no longer changes.
//!
//! # What comes back
//!
//! The copy, with the biases at hand, of the iteration with the smallest objective: `loss + μL²`, or in the enforced form
//! the loss, both recomputed from its weights and its own LipSDP bound. In the enforced form *every* copy has a bound
//! of at most L_max; so has the first, which is the start's projection where the start itself is too steep. In the penalized
//! form the start is a candidate too: it is never made worse.
//!
//! # Units without effect
//!
//! Where v̄_i = 0 or w̄_i = 0 LipSDP has no multiplier (t_i would be 0 or ∞, and neither layer could ever grow again). Any
//! t_i is sound, so such a unit takes one that costs `SHARE`/m of the bound.

use super::gradient_descent::{self, Step, shuffle};
use super::outcome::{Ending, Observer, Progress, Trained};
use super::projection::{Square, project};
use super::settings::Settings;
use super::starts::Admm;
use crate::certify::lipsdp;
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
pub fn train(data: &Dataset, settings: &Settings, admm: &Admm, observer: &mut Observer<'_>) -> Result<Trained> {
    admm.check()?;
    settings.check()?;
    let mut stopped = false;
    let start = gradient_descent::train(data, settings, &admm.descent, &mut |progress| {
        let verdict = observer(progress);
        stopped |= verdict.is_break();
        verdict
    })?;
    alternate(start, data, settings, admm, &mut |progress| {
        let verdict = observer(progress);
        if stopped { ControlFlow::Break(()) } else { verdict }
    })
}

/// From a network of any origin. Of `settings` the seed and the output bias are used, the units are those of the network.
///
/// The first thing the observer hears of is the copy before the first iteration.
pub fn from_network(
    network: &Shallow,
    data: &Dataset,
    settings: &Settings,
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
    let c = if settings.output_bias { network.c() } else { 0.0 };
    let network = network.clone().with_c(c);
    let start = Trained { network, trace: Vec::new(), ending: Ending::Limit, loss: f64::INFINITY };
    alternate(start, data, settings, admm, observer)
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
    settings: &Settings,
    admm: &Admm,
    observer: &mut Observer<'_>,
) -> Result<Trained> {
    let mut weights = Weights::from_network(&start.network);
    let mut steps = GradientSteps::new(data, settings, admm, &weights);
    // Y, in the layout of the weights.
    let mut dual = Weights::zero(weights.inputs, weights.units);
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

/// The copy (W̄, v̄) with the biases at hand, and what is known of it.
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
    fn new(data: &Dataset, settings: &Settings, admm: &'a Admm, weights: &Weights) -> Self {
        Self {
            admm,
            output_bias: settings.output_bias,
            all: Batch::all(data),
            batch: Batch::default(),
            order: (0..data.rows()).collect(),
            random: Pcg64::seed_from_u64(settings.seed),
            step: Step::new(&admm.descent, weights.flat.len()),
            differentiator: Differentiator::default(),
            gradient: Weights::zero(weights.inputs, weights.units),
        }
    }

    /// Steps on `Loss + r/2 ‖W − A‖²`; the passes taken.
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
                    *self.gradient.parts_mut().2 = 0.0;
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
mod tests {
    use super::*;
    use crate::train::Descent;
    use crate::train::{Start, tests::toy, train};
    use faer::Mat;

    const GO_ON: fn(&Progress) -> ControlFlow<()> = |_| ControlFlow::Continue(());

    fn bound(network: &Shallow) -> f64 {
        multipliers(network, None).unwrap().bound
    }

    fn settings(admm: &Admm, units: usize) -> Settings {
        Settings { start: Start::Admm(admm.clone()), units, ..Settings::default() }
    }

    /// Two inputs, the published r and μ.
    #[test]
    fn penalized_on_two_inputs_it_is_below_its_start_and_the_copies_meet() {
        let data = toy(200, 2, 31);
        let admm = Admm { iterations: 12, ..Admm::default() };
        assert_eq!((admm.penalty, admm.price), (0.25, 1e-5));
        let start = Start::Sgd(admm.descent.clone());
        let start = train(&data, &Settings { start, units: 20, ..Settings::default() }, &mut { GO_ON }).unwrap();
        let trained = train(&data, &settings(&admm, 20), &mut { GO_ON }).unwrap();
        let objective = |network: &Shallow, loss: f64| loss + admm.price * bound(network).powi(2);
        let (before, after) = (objective(&start.network, start.loss), objective(&trained.network, trained.loss));
        assert!(after < 0.9 * before, "{before} {after}");
        let iterations: Vec<&Progress> = trained.trace.iter().filter(|progress| progress.bound.is_some()).collect();
        assert!(iterations.len() > 2 && trained.trace.len() == start.trace.len() + iterations.len());
        let least = iterations.iter().map(|progress| progress.objective).fold(f64::INFINITY, f64::min);
        assert!((least - after).abs() < 1e-9 * after);
        // A higher price gives a smaller bound.
        let dear = Admm { price: 1e-2, ..admm };
        let dear = train(&data, &settings(&dear, 20), &mut { GO_ON }).unwrap();
        assert!(bound(&dear.network) < 0.9 * bound(&trained.network));
    }

    #[test]
    fn the_weights_and_their_copy_meet() {
        let data = toy(100, 2, 32);
        for limit in [None, Some(1.5)] {
            let admm = Admm { price: 1e-3, bound: limit, steps: 1000, ..Admm::default() };
            let settings = Settings { units: 10, ..Settings::default() };
            let start = gradient_descent::train(&data, &settings, &admm.descent, &mut { GO_ON }).unwrap();
            let mut weights = Weights::from_network(&start.network);
            let mut steps = GradientSteps::new(&data, &settings, &admm, &weights);
            let mut copy = Copied::first(&start.network, &data, &admm).unwrap();
            let mut dual = Weights::zero(2, 10);
            let mut apart = Vec::new();
            for _ in 0..40 {
                steps.run(&mut weights, &copy.weights, &dual).unwrap();
                let target = shifted(&weights, &dual, 1.0 / admm.penalty).network().unwrap();
                let found = project(&target, &copy.multipliers, admm.square(), admm.penalty).unwrap();
                copy = Copied::of(found.network, &data, &admm).unwrap();
                dual = shifted(&dual, &difference(&weights, &copy.weights), admm.penalty);
                let rest = difference(&weights, &copy.weights);
                apart.push(coupled(&rest).into_iter().flat_map(|r| &rest.flat[r]).map(|a| a * a).sum::<f64>().sqrt());
            }
            assert!(apart[39] < 0.1 * apart[0].max(apart[1]), "{limit:?} {apart:?}");
        }
    }

    /// Every copy is a certified network: the claim of the enforced form.
    #[test]
    fn an_enforced_bound_holds_at_every_iteration() {
        let data = toy(120, 2, 33);
        for limit in [0.3, 1.0, 1e4] {
            let admm = Admm { bound: Some(limit), steps: 500, iterations: 8, tolerance: 0.0, ..Admm::default() };
            let start = Start::Sgd(admm.descent.clone());
            let start = train(&data, &Settings { start, units: 15, ..Settings::default() }, &mut { GO_ON }).unwrap();
            let mut losses = Vec::new();
            let settings = settings(&admm, 15);
            let trained = from_network(&start.network, &data, &settings, &admm, &mut |progress| {
                assert!(progress.bound.unwrap() <= limit * (1.0 + 1e-9), "{progress:?}");
                losses.push(progress.loss);
                ControlFlow::Continue(())
            })
            .unwrap();
            assert_eq!((losses.len(), trained.ending), (9, Ending::Limit));
            assert_eq!(trained.loss, losses.iter().copied().fold(f64::INFINITY, f64::min));
            assert!(limit > 1e3 || trained.loss < 0.98 * losses[0], "{losses:?}");
            // The same from the weights of each, by stopping there; the best of the copies so far comes back.
            for last in 0..4 {
                let mut heard = 0;
                let stopped = from_network(&start.network, &data, &settings, &admm, &mut |_| {
                    heard += 1;
                    if heard > last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                })
                .unwrap();
                assert_eq!((stopped.ending, stopped.trace.len()), (Ending::Observer, last + 1));
                assert!(bound(&stopped.network) <= limit * (1.0 + 1e-9));
            }
            if limit > 1e3 {
                assert!(trained.loss <= start.loss);
            }
        }
    }

    #[test]
    fn a_start_that_is_stopped_keeps_the_bound_all_the_same() {
        let data = toy(60, 2, 34);
        let admm = Admm { bound: Some(0.5), ..Admm::default() };
        let mut heard = 0;
        let trained = train(&data, &settings(&admm, 10), &mut |_| {
            heard += 1;
            if heard == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
        assert_eq!(trained.ending, Ending::Observer);
        assert!(bound(&trained.network) <= 0.5 * (1.0 + 1e-9));
    }

    #[test]
    fn dead_units_zero_layers_and_constants() {
        let data = toy(40, 2, 35);
        let admm = Admm { steps: 100, iterations: 3, ..Admm::default() };
        let run = |network: &Shallow, admm: &Admm| {
            from_network(network, &data, &settings(admm, 1), admm, &mut { GO_ON }).unwrap()
        };
        let normal = |i: usize, k: usize| ((3 * i + 5 * k) as f64).sin();
        let base = Shallow::new(Mat::from_fn(5, 2, normal), vec![0.1; 5], vec![1.0, -1.0, 0.5, 0.0, 1.0], 0.2);
        let mut dead = base.unwrap();
        // A unit that no row turns on, one without output weight, one without input weights.
        dead.b_mut()[0] = -100.0;
        (dead.w_mut()[(4, 0)], dead.w_mut()[(4, 1)]) = (0.0, 0.0);
        let mut constant = dead.clone();
        constant.v_mut().fill(0.0);
        let mut empty = constant.clone();
        empty.w_mut().fill(0.0);
        for network in [&dead, &constant, &empty] {
            for limit in [None, Some(0.4)] {
                let admm = Admm { bound: limit, ..admm.clone() };
                let trained = run(network, &admm);
                assert!(trained.loss.is_finite());
                assert!(bound(&trained.network) <= limit.map_or(f64::INFINITY, |limit| limit * (1.0 + 1e-9)));
                let start = Loss::default().mean(network, &data) + 1e-5 * bound(network).powi(2);
                assert!(limit.is_some() || trained.loss <= start);
            }
        }
        // Zero output weights are no trap: the hidden units are put to use.
        assert!(run(&constant, &Admm { steps: 500, iterations: 8, ..admm }).network.v().iter().any(|v| v.abs() > 1e-3));
    }

    #[test]
    fn one_unit_one_row_and_no_output_bias() {
        let data = Dataset::new(Mat::full(1, 1, 0.5), vec![1.0], None).unwrap();
        let admm = Admm { steps: 50, iterations: 3, bound: Some(0.1), ..Admm::default() };
        let settings = Settings { output_bias: false, ..settings(&admm, 1) };
        let trained = train(&data, &settings, &mut { GO_ON }).unwrap();
        assert_eq!(trained.network.c(), 0.0);
        assert!(bound(&trained.network) <= 0.1 * (1.0 + 1e-9));
    }

    #[test]
    fn threads_do_not_change_a_byte() {
        let data = toy(1500, 3, 36);
        let descent = Descent { batch: 1024, epochs: 3, ..Descent::default() };
        let admm = Admm { descent, steps: 4, iterations: 2, tolerance: 0.0, ..Admm::default() };
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| train(&data, &settings(&admm, 120), &mut { GO_ON }).unwrap())
        };
        assert_eq!(run(1), run(2));
    }

    #[test]
    fn bad_settings_are_refused_with_their_value() {
        let data = toy(10, 2, 37);
        let base = Admm::default();
        let refused = |admm: Admm| train(&data, &settings(&admm, 3), &mut { GO_ON }).unwrap_err().what;
        assert!(refused(Admm { penalty: 0.0, ..base.clone() }).contains("`penalty` of ADMM is 0"));
        assert!(refused(Admm { price: f64::NAN, ..base.clone() }).contains("NaN"));
        assert!(refused(Admm { bound: Some(-2.0), ..base.clone() }).contains("-2"));
        assert!(refused(Admm { steps: 0, ..base.clone() }).contains("steps"));
        assert!(refused(Admm { iterations: 0, ..base.clone() }).contains("iterations"));
        assert!(refused(Admm { tolerance: 1.0, ..base.clone() }).contains("tolerance"));
        let network = Shallow::new(Mat::full(2, 3, 1.0), vec![0.0; 2], vec![1.0; 2], 0.0).unwrap();
        let error = from_network(&network, &data, &settings(&base, 2), &base, &mut { GO_ON }).unwrap_err();
        assert!(error.what.contains("3 inputs"));
    }
}
