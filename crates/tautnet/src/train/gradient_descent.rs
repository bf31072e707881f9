//! `sgd`: mini-batch gradient descent.
//!
//! ```text
//! minimize over W̄, v, a, c:   Σ_k ω_k loss(f(x_k), y_k) / n  +  λ_w/2 (‖W̄‖² + ‖v‖²)
//! ```
//!
//! with Σω = n, one batch at a time in an order shuffled anew every epoch, by heavy-ball momentum or Adam (Kingma and
//! Ba, arXiv:1412.6980). The decay is part of the gradient, as the objective says, not a separate shrinking of the
//! weights.
//!
//! By plateaus: when the objective, averaged over an epoch's batches as they pass, has not fallen for `patience` epochs, the
//! rate is cut tenfold; after `reductions` cuts the next plateau ends the run. The weights at the end of the best epoch come
//! back. By a cosine: the rate falls from its first value to 0 over all the epochs, and the last weights come back.

use super::outcome::{Ending, Observer, Progress, Trained};
use super::start::{Common, Start, Starter};
use crate::random::shuffle;
use crate::range::{Range, at_least_one};
use crate::vector::{LANES, arch, group, group_mut, sum};
use crate::weights::{Batch, Differentiator, Weights};
use crate::{Dataset, Error, error::Result};
use faer::traits::pulp::{Simd, WithSimd};
use rand::SeedableRng;
use rand_pcg::Pcg64;
use std::ops::ControlFlow;
use tautnet_cone::Stop;

/// How a step is made of a gradient.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Optimizer {
    /// mean ← keep·mean + gradient, weights ← weights − rate·mean.
    Momentum {
        /// keep, in [0, 1); 0 is plain gradient descent.
        momentum: f64,
    },
    /// Adam with decay rates 0.9 and 0.999 and ε = 1e-8.
    Adam,
}

/// Learning rates.
pub const RATE: Range = Range::Positive;

/// The μ of momentum, where nothing else is said.
const MOMENTUM: f64 = 0.9;

impl Optimizer {
    /// All of them, with what is usual.
    pub const ALL: &[Self] = &[Self::Adam, Self::Momentum { momentum: MOMENTUM }];

    /// The name by which users choose it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Adam => "adam",
            Self::Momentum { .. } => "momentum",
        }
    }

    /// What it is, in a sentence.
    pub fn help(self) -> &'static str {
        match self {
            Self::Adam => "steps scaled by the running mean of the squared gradients, weight by weight",
            Self::Momentum { .. } => "each step adds nine tenths of the last one",
        }
    }
}

impl std::str::FromStr for Optimizer {
    type Err = Error;

    /// The optimizer of that name, with what is usual.
    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.iter().copied().find(|optimizer| optimizer.name() == name).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|optimizer| optimizer.name()).collect();
            Error::new(format!("there is no optimizer called `{name}`"), format!("choose one of: {}", names.join(", ")))
        })
    }
}

/// How the rate falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    /// Tenfold at every plateau of the objective; the best epoch counts.
    Plateaus,
    /// Along a half cosine to 0 over all the epochs; the last one counts.
    Cosine,
}

/// What governs the descent. The default decay was chosen among 1e-4 to 2e-2 by a look at the clean and attacked error
/// on small tables (servo, machine, red wine; 100 units, standardized): a reasonable value, not an optimum.
/// Ranges: rate > 0, batch ≥ 1, epochs ≥ 1, decay ≥ 0, 0 ≤ tolerance < 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Descent {
    /// The step rule.
    pub optimizer: Optimizer,
    /// The first learning rate.
    pub rate: f64,
    /// The number of rows for each step.
    pub batch: usize,
    /// The largest number of passes over the data.
    pub epochs: usize,
    /// The price λ_w of the weights.
    pub decay: f64,
    /// Epochs without improvement that make a plateau.
    pub patience: usize,
    /// An improvement is a fall by more than this fraction of the best objective.
    pub tolerance: f64,
    /// How often a plateau cuts the rate tenfold before one ends the run.
    pub reductions: usize,
    /// How the rate falls; patience, tolerance and reductions are those of plateaus.
    pub schedule: Schedule,
}

impl Default for Descent {
    fn default() -> Self {
        Self {
            optimizer: Optimizer::Adam,
            rate: 3e-3,
            batch: 32,
            epochs: 400,
            decay: 5e-3,
            patience: 10,
            tolerance: 1e-3,
            reductions: 1,
            schedule: Schedule::Plateaus,
        }
    }
}

impl Descent {
    /// Refuse settings outside their ranges.
    pub fn check(&self) -> Result<()> {
        RATE.check("rate", self.rate)?;
        at_least_one("batch", self.batch)?;
        at_least_one("epochs", self.epochs)?;
        at_least_one("patience", self.patience)?;
        Range::NotNegative.check("decay", self.decay)?;
        Range::BelowOne.check("tolerance", self.tolerance)?;
        if let Optimizer::Momentum { momentum } = self.optimizer {
            Range::BelowOne.check("momentum", momentum)?;
        }
        Ok(())
    }
}

impl Starter for Descent {
    fn name(&self) -> &'static str {
        "sgd"
    }

    fn help(&self) -> &'static str {
        "mini-batch gradient descent"
    }

    fn by(&self) -> &'static str {
        "stochastic gradient descent"
    }

    fn priced(&self, decay: f64) -> Option<Start> {
        (decay > self.decay).then(|| Self { decay, ..self.clone() }.into())
    }

    fn train(&self, data: &Dataset, common: &Common, observer: &mut Observer<'_>) -> Result<Trained> {
        train(data, common, self, observer)
    }
}

/// Train by descent on the rows as they are.
pub fn train(data: &Dataset, common: &Common, descent: &Descent, observer: &mut Observer<'_>) -> Result<Trained> {
    descend(data, common, descent, |_, _, _| (), observer)
}

/// The one descent loop. `perturb` may move each batch's inputs before its gradient is taken.
pub(crate) fn descend(
    data: &Dataset,
    common: &Common,
    descent: &Descent,
    mut perturb: impl FnMut(&Weights, &mut Batch, &mut Pcg64),
    observer: &mut Observer<'_>,
) -> Result<Trained> {
    descent.check()?;
    let mut random = Pcg64::seed_from_u64(common.seed);
    let affine = (common.output_bias, common.linear_part);
    let mut weights = Weights::random(data, common.units, affine, &mut random);
    let mut gradient = weights.zeros();
    let mut step = Step::new(descent, &weights);
    let mut differentiator = Differentiator::of(&common.loss);
    let all = Batch::all(data);
    let mut batch = Batch::default();
    let mut order: Vec<usize> = (0..data.rows()).collect();
    let mut plateau = Plateau { best: f64::INFINITY, waited: 0 };
    let mut best = weights.clone();
    let mut trace: Vec<Progress> = Vec::new();
    let mut reductions = descent.reductions;
    let mut ending = Ending::Limit;
    let stop = Stop::here();
    let steps = (descent.epochs * data.rows().div_ceil(descent.batch)) as f64;
    let mut taken = 0.0;

    for epoch in 1..=descent.epochs {
        shuffle(&mut order, &mut random);
        let (mut loss, mut decay) = (0.0, 0.0);
        for rows in order.chunks(descent.batch) {
            if stop.asked() {
                ending = Ending::Observer;
                break;
            }
            batch.gather(&all, rows);
            perturb(&weights, &mut batch, &mut random);
            let share = rows.len() as f64 / data.rows() as f64;
            loss += share * differentiator.gradient(&weights, &batch, &mut gradient);
            if !common.output_bias {
                *gradient.parts_mut().3 = 0.0;
            }
            if descent.schedule == Schedule::Cosine {
                step.rate = 0.5 * descent.rate * (1.0 + (std::f64::consts::PI * taken / steps).cos());
                taken += 1.0;
            }
            decay += share * step.take(&mut weights, &gradient, descent.decay);
        }
        if ending == Ending::Observer {
            // An epoch that was cut short counts only where there is no other.
            if trace.is_empty() {
                best.flat.copy_from_slice(&weights.flat);
                let loss = common.loss.mean(&best.network()?, data);
                trace.push(Progress { epoch, objective: loss, loss, rate: step.rate, bound: None });
            }
            break;
        }
        let objective = loss + 0.5 * descent.decay * decay;
        if !objective.is_finite() {
            return Err(Error::new(
                format!(
                    "the training diverged: the objective of epoch {epoch} is {objective} at the rate {}",
                    step.rate
                ),
                "lower the rate, or standardize the columns and the target",
            ));
        }
        if descent.schedule == Schedule::Cosine || trace.iter().all(|earlier| objective < earlier.objective) {
            best.flat.copy_from_slice(&weights.flat);
        }
        let progress = Progress { epoch, objective, loss, rate: step.rate, bound: None };
        trace.push(progress);
        if observer(&progress) == ControlFlow::Break(()) {
            ending = Ending::Observer;
            break;
        }
        if descent.schedule == Schedule::Plateaus && plateau.reached(objective, descent) {
            if reductions == 0 {
                ending = Ending::Plateau;
                break;
            }
            reductions -= 1;
            step.rate /= 10.0;
        }
    }
    let network = best.network()?;
    let loss = common.loss.mean(&network, data);
    Ok(Trained { network, trace, ending, loss })
}

/// Counts the epochs since the objective last fell by enough.
struct Plateau {
    best: f64,
    waited: usize,
}

impl Plateau {
    fn reached(&mut self, objective: f64, descent: &Descent) -> bool {
        if self.best == f64::INFINITY || objective < self.best * (1.0 - descent.tolerance) {
            (self.best, self.waited) = (objective, 0);
        } else {
            self.waited += 1;
        }
        let reached = self.waited >= descent.patience;
        if reached {
            self.waited = 0;
        }
        reached
    }
}

/// The optimizer's state.
pub(super) struct Step {
    optimizer: Optimizer,
    pub rate: f64,
    /// So many parameters have a decay.
    decayed: usize,
    /// Moving mean of the gradient (momentum's u), and of its square.
    first: Vec<f64>,
    second: Vec<f64>,
    /// 0.9^t and 0.999^t.
    powers: (f64, f64),
}

const ADAM: (f64, f64, f64) = (0.9, 0.999, 1e-8);

impl Step {
    pub fn new(descent: &Descent, weights: &Weights) -> Self {
        let parameters = weights.flat.len();
        let second = if descent.optimizer == Optimizer::Adam { parameters } else { 0 };
        Self {
            optimizer: descent.optimizer,
            rate: descent.rate,
            decayed: weights.decayed(),
            first: vec![0.0; parameters],
            second: vec![0.0; second],
            powers: (1.0, 1.0),
        }
    }

    /// One step against the gradient of loss + decay; gives ‖W̄‖² + ‖v‖² of the weights before it.
    pub fn take(&mut self, weights: &mut Weights, gradient: &Weights, decay: f64) -> f64 {
        let (first, second) = (&mut self.first[..], &mut self.second[..]);
        let (weights, gradient) = (&mut weights.flat[..], &gradient.flat[..]);
        let decayed = self.decayed;
        match self.optimizer {
            Optimizer::Momentum { momentum } => {
                arch().dispatch(MomentumStep { weights, gradient, first, decayed, decay, rate: self.rate, momentum })
            }
            Optimizer::Adam => {
                self.powers = (self.powers.0 * ADAM.0, self.powers.1 * ADAM.1);
                let scale = self.rate / (1.0 - self.powers.0);
                let stretch = 1.0 / (1.0 - self.powers.1).sqrt();
                arch().dispatch(AdamStep { weights, gradient, first, second, decayed, decay, scale, stretch })
            }
        }
    }
}

/// p ← p − scale·m / (stretch·√s + ε) with the moving means m, s of g and g² brought up to date.
struct AdamStep<'a> {
    weights: &'a mut [f64],
    gradient: &'a [f64],
    first: &'a mut [f64],
    second: &'a mut [f64],
    decayed: usize,
    decay: f64,
    scale: f64,
    stretch: f64,
}

impl WithSimd for AdamStep<'_> {
    /// ‖p‖² of what is decayed, before the step.
    type Output = f64;
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f64 {
        let AdamStep { weights, gradient, first, second, decayed, decay, scale, stretch } = self;
        // All but the output bias: whole groups by construction, those of the linear part without a decay. Copies, so
        // that the compiler need not fear that the four overlap.
        let last = weights.len() - 1;
        let mut norm = [0.0; LANES];
        for j in (0..last).step_by(LANES) {
            let (mut p, mut g) = (*group(weights, j), *group(gradient, j));
            let (mut m, mut s) = (*group(first, j), *group(second, j));
            let (counts, decay) = if j < decayed { (1.0, decay) } else { (0.0, 0.0) };
            for q in 0..LANES {
                norm[q] += counts * (p[q] * p[q]);
                g[q] += decay * p[q];
                m[q] = ADAM.0 * m[q] + (1.0 - ADAM.0) * g[q];
                s[q] = ADAM.1 * s[q] + (1.0 - ADAM.1) * g[q] * g[q];
                p[q] -= scale * m[q] / (stretch * s[q].sqrt() + ADAM.2);
            }
            *group_mut(weights, j) = p;
            *group_mut(first, j) = m;
            *group_mut(second, j) = s;
        }
        let (p, g, m, s) = (&mut weights[last], gradient[last], &mut first[last], &mut second[last]);
        *m = ADAM.0 * *m + (1.0 - ADAM.0) * g;
        *s = ADAM.1 * *s + (1.0 - ADAM.1) * g * g;
        *p -= scale * *m / (stretch * s.sqrt() + ADAM.2);
        sum(&norm)
    }
}

/// mean ← keep·mean + gradient, weights ← weights − rate·mean.
struct MomentumStep<'a> {
    weights: &'a mut [f64],
    gradient: &'a [f64],
    first: &'a mut [f64],
    decayed: usize,
    decay: f64,
    rate: f64,
    momentum: f64,
}

impl WithSimd for MomentumStep<'_> {
    /// ‖p‖² of what is decayed, before the step.
    type Output = f64;
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f64 {
        let MomentumStep { weights, gradient, first, decayed, decay, rate, momentum } = self;
        let last = weights.len() - 1;
        let mut norm = [0.0; LANES];
        for j in (0..last).step_by(LANES) {
            let (mut p, g, mut u) = (*group(weights, j), *group(gradient, j), *group(first, j));
            let (counts, decay) = if j < decayed { (1.0, decay) } else { (0.0, 0.0) };
            for q in 0..LANES {
                norm[q] += counts * (p[q] * p[q]);
                u[q] = momentum * u[q] + (g[q] + decay * p[q]);
                p[q] -= rate * u[q];
            }
            *group_mut(weights, j) = p;
            *group_mut(first, j) = u;
        }
        first[last] = momentum * first[last] + gradient[last];
        weights[last] -= rate * first[last];
        sum(&norm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Settings;
    use crate::train::{Start, tests::toy, train};

    fn settings(optimizer: Optimizer, batch: usize) -> Settings {
        let rate = if optimizer == Optimizer::Adam { 1e-2 } else { 2e-2 };
        let descent = Descent { optimizer, rate, batch, epochs: 200, decay: 1e-4, ..Descent::default() };
        Settings { start: Start::from(descent), units: 30, ..Settings::default() }
    }

    #[test]
    fn both_optimizers_fit_a_smooth_function() {
        let data = toy(200, 2, 3);
        for optimizer in [Optimizer::Adam, Optimizer::Momentum { momentum: 0.9 }] {
            let trained = train(&data, &settings(optimizer, 32), &mut |_| ControlFlow::Continue(())).unwrap();
            assert!(trained.loss < 0.05, "{optimizer:?}: {}", trained.loss);
            assert!((trained.loss - crate::Loss::default().mean(&trained.network, &data)).abs() < 1e-15);
        }
    }

    #[test]
    fn full_batch_descent_with_a_tiny_rate_is_monotone() {
        let data = toy(60, 2, 4);
        let descent = Descent {
            optimizer: Optimizer::Momentum { momentum: 0.0 },
            rate: 1e-3,
            batch: 60,
            epochs: 100,
            decay: 0.1,
            ..Descent::default()
        };
        let settings = Settings { start: Start::from(descent), units: 10, ..Settings::default() };
        let trained = train(&data, &settings, &mut |_| ControlFlow::Continue(())).unwrap();
        assert!(trained.trace.windows(2).all(|pair| pair[1].objective < pair[0].objective));
    }

    #[test]
    fn threads_do_not_change_a_byte() {
        // Batches of 2048 rows are cut into pieces that threads share; those of 32 are not.
        let data = toy(3000, 4, 5);
        for batch in [32, 2048] {
            let descent = Descent { batch, epochs: 3, ..Descent::default() };
            let settings = Settings { start: Start::from(descent), units: 100, ..Settings::default() };
            let run = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| train(&data, &settings, &mut |_| ControlFlow::Continue(())).unwrap())
            };
            assert_eq!(run(1), run(2));
        }
    }

    #[test]
    fn a_plateau_ends_the_run_and_an_observer_too() {
        let data = toy(50, 2, 6);
        let descent = Descent { rate: 1e-2, batch: 50, decay: 1e-4, ..Descent::default() };
        let descent = Descent { tolerance: 0.9, patience: 5, epochs: 1000, ..descent };
        let flat = Settings { start: descent.into(), ..settings(Optimizer::Adam, 50) };
        let trained = train(&data, &flat, &mut |_| ControlFlow::Continue(())).unwrap();
        assert_eq!(trained.ending, Ending::Plateau);
        let rates: Vec<f64> = trained.trace.iter().map(|progress| progress.rate).collect();
        assert!((rates[0] / rates[rates.len() - 1] - 10.0).abs() < 1e-9);
        let mut seen = 0;
        let stopped = train(&data, &flat, &mut |progress| {
            seen = progress.epoch;
            if progress.epoch == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
        assert_eq!((stopped.ending, stopped.trace.len(), seen), (Ending::Observer, 3, 3));
    }

    #[test]
    fn divergence_is_an_error_that_names_the_rate() {
        let data = toy(50, 2, 7);
        let optimizer = Optimizer::Momentum { momentum: 0.9 };
        let descent = Descent { optimizer, rate: 1e6, batch: 10, epochs: 200, decay: 1e-4, ..Descent::default() };
        let wild = Settings { start: descent.into(), ..settings(optimizer, 10) };
        let error = train(&data, &wild, &mut |_| ControlFlow::Continue(())).unwrap_err();
        assert!(error.what.contains("1000000") && error.hint.contains("rate"), "{error:?}");
    }

    #[test]
    fn without_an_output_bias_it_stays_zero() {
        let data = toy(50, 2, 8);
        let settings = Settings { output_bias: false, ..settings(Optimizer::Adam, 16) };
        assert_eq!(train(&data, &settings, &mut |_| ControlFlow::Continue(())).unwrap().network.c(), 0.0);
    }
}
