//! Adversarial training (Madry et al., arXiv:1706.06083).
//!
//! ```text
//! minimize over W̄, v, c:   mean_k ω_k max_{‖Δ_k‖ ≤ ε} loss(f(x_k + Δ_k), y_k)  +  λ_w/2 (‖W̄‖² + ‖v‖²)
//! ```
//!
//! The inner maximum is taken anew for every batch by `steps` projected steps along the steepest direction of the norm,
//! from a random point of the ball; one step goes from the row itself to the boundary: the fast gradient method. Where rows
//! have a tolerance ([`Tolerance`]) it stands in the place of the ball, and the steps go on from where they ended when the row
//! was last visited: then two of them do what seven do from a random point.
//! The outer descent is that of [`super::gradient_descent`], the gradient taken at the perturbed rows.

use super::gradient_descent::{Descent, descend};
use super::outcome::{Observer, Trained};
use super::start::{Common, Start, Starter};
use crate::ball::{project, random_point, steepest};
use crate::range::{RADIUS, at_least_one};
use crate::tolerance::Tolerance;
use crate::weights::{Batch, InputDifferentiator, Weights};
use crate::{Dataset, Loss, Norm, error::Result};
use rand_pcg::Pcg64;

/// The settings of adversarial training. Ranges: radius ≥ 0, steps ≥ 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Adversarial {
    /// The settings of the outer descent.
    pub descent: Descent,
    /// The norm of the perturbations.
    pub norm: Norm,
    /// The radius ε, in the units of the data given.
    pub radius: f64,
    /// The number of steps of the inner maximization; 1 is the fast gradient method.
    pub steps: usize,
    /// The perturbations of each row, in the place of the ball.
    pub tolerance: Option<Tolerance>,
}

impl Default for Adversarial {
    fn default() -> Self {
        Self { descent: Descent::default(), norm: Norm::Two, radius: 0.2, steps: 7, tolerance: None }
    }
}

impl Adversarial {
    /// Refuse an inner maximization that is none; the descent is checked by itself.
    pub fn check(&self) -> Result<()> {
        RADIUS.check("adversarial_radius", self.radius)?;
        at_least_one("adversarial_steps", self.steps)
    }
}

impl Starter for Adversarial {
    fn name(&self) -> &'static str {
        "adversarial"
    }

    fn help(&self) -> &'static str {
        "gradient descent on rows under attack"
    }

    fn within(&self, norm: Norm, _: Option<f64>) -> Option<Start> {
        Some(Self { norm, ..self.clone() }.into())
    }

    fn priced(&self, decay: f64) -> Option<Start> {
        let dearer = || Self { descent: Descent { decay, ..self.descent.clone() }, ..self.clone() };
        (decay > self.descent.decay).then(|| dearer().into())
    }

    fn train(&self, data: &Dataset, common: &Common, observer: &mut Observer<'_>) -> Result<Trained> {
        train(data, common, self, observer)
    }
}

/// Train against perturbed rows.
pub fn train(
    data: &Dataset,
    common: &Common,
    adversarial: &Adversarial,
    observer: &mut Observer<'_>,
) -> Result<Trained> {
    let Adversarial { descent, norm, radius, steps, tolerance } = adversarial;
    adversarial.check()?;
    let (norm, radius) = match tolerance {
        // In parts of each column's tolerance.
        Some(tolerance) => (tolerance.shape().norm(), if tolerance.is_none() { 0.0 } else { 1.0 }),
        None => (*norm, *radius),
    };
    let loss = common.loss.clone();
    let mut inner = Inner { norm, radius, steps: *steps, loss, tolerance: tolerance.as_ref(), ..Inner::default() };
    if tolerance.is_some() {
        inner.last = vec![0.0; data.rows() * data.columns()];
    }
    descend(data, common, descent, |weights, batch, random| inner.perturb(weights, batch, random), observer)
}

/// The inner maximization, with its scratch.
struct Inner<'a> {
    norm: Norm,
    radius: f64,
    steps: usize,
    loss: Loss,
    /// Perturbations are in parts of these sizes, where they are given.
    tolerance: Option<&'a Tolerance>,
    /// Where the search of each row of the data ended last; empty where each begins anew.
    last: Vec<f64>,
    inputs: InputDifferentiator,
    clean: Vec<f64>,
    signs: Vec<f64>,
    delta: Vec<f64>,
    direction: Vec<f64>,
}

impl Default for Inner<'_> {
    fn default() -> Self {
        Self {
            norm: Norm::Two,
            radius: 0.0,
            steps: 1,
            loss: Loss::default(),
            tolerance: None,
            last: Vec::new(),
            inputs: InputDifferentiator::default(),
            clean: Vec::new(),
            signs: Vec::new(),
            delta: Vec::new(),
            direction: Vec::new(),
        }
    }
}

impl Inner<'_> {
    /// Move every row of the batch to (about) the worst point of its ball.
    fn perturb(&mut self, weights: &Weights, batch: &mut Batch, random: &mut Pcg64) {
        if self.radius == 0.0 {
            return;
        }
        let (d, rows) = (weights.inputs, batch.rows());
        self.clean.clone_from(&batch.x);
        self.inputs.load(weights);
        self.direction.resize(d, 0.0);
        self.delta.clear();
        self.delta.resize(rows * d, 0.0);
        let length = if self.steps == 1 { self.radius } else { 2.5 * self.radius / self.steps as f64 };
        if !self.last.is_empty() {
            for (delta, &k) in self.delta.chunks_exact_mut(d).zip(&batch.origin) {
                delta.copy_from_slice(&self.last[k * d..(k + 1) * d]);
            }
            self.apply(batch, d);
        } else if self.steps > 1 {
            self.delta.chunks_exact_mut(d).for_each(|delta| random_point(self.norm, self.radius, delta, random));
            self.apply(batch, d);
        }
        for step in 0..self.steps {
            self.inputs.evaluate(weights, &batch.x);
            if step == 0 {
                // Ascent of a loss never lets the residual change sign, so the sign at the start decides.
                self.signs.clear();
                let sign = |(f, y): (&f64, &f64)| self.loss.harm(*y).unwrap_or(if f < y { -1.0 } else { 1.0 });
                self.signs.extend(self.inputs.values.iter().zip(&batch.y).map(sign));
            }
            for k in 0..rows {
                let stride = self.inputs.stride();
                let gradient = &mut self.inputs.gradients[k * stride..][..d];
                if let Some(tolerance) = self.tolerance {
                    let sizes = (0..d).map(|j| tolerance.size(batch.origin[k], j));
                    gradient.iter_mut().zip(sizes).for_each(|(gradient, size)| *gradient *= size);
                }
                let delta = &mut self.delta[k * d..(k + 1) * d];
                steepest(self.norm, gradient, &mut self.direction);
                delta.iter_mut().zip(&self.direction).for_each(|(a, u)| *a += length * self.signs[k] * u);
                project(self.norm, self.radius, delta);
            }
            self.apply(batch, d);
        }
        if !self.last.is_empty() {
            for (delta, &k) in self.delta.chunks_exact(d).zip(&batch.origin) {
                self.last[k * d..(k + 1) * d].copy_from_slice(delta);
            }
        }
    }

    /// batch.x ← clean + Δ, the column of ones untouched.
    fn apply(&self, batch: &mut Batch, d: usize) {
        for (k, delta) in self.delta.chunks_exact(d).enumerate() {
            for j in 0..d {
                let size = self.tolerance.map_or(1.0, |tolerance| tolerance.size(batch.origin[k], j));
                batch.x[k * (d + 1) + j] = self.clean[k * (d + 1) + j] + size * delta[j];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attack;
    use crate::tolerance::Shape;
    use crate::train::Settings;
    use crate::train::{Descent, Schedule};
    use crate::train::{Start, tests::toy, train};
    use rand::SeedableRng;
    use std::ops::ControlFlow;

    #[test]
    fn it_lowers_the_error_under_attack() {
        let data = toy(150, 2, 11);
        let radius = 0.3;
        let descent = Descent { rate: 1e-2, epochs: 150, decay: 1e-4, ..Descent::default() };
        for norm in [Norm::Two, Norm::Infinity] {
            let attacked = |start| {
                let settings = Settings { start, units: 40, ..Settings::default() };
                let network = train(&data, &settings, &mut |_| ControlFlow::Continue(())).unwrap().network;
                let settings = attack::Settings::new(f64::INFINITY);
                attack::attack(&network, &data, norm, &[radius], &settings).unwrap()[0].found
            };
            let plain = attacked(Start::from(descent.clone()));
            for steps in [1, 5] {
                let start = Start::from(Adversarial { descent: descent.clone(), norm, radius, steps, tolerance: None });
                let robust = attacked(start);
                assert!(robust < 0.9 * plain, "{norm:?}, {steps} steps: {robust} against {plain}");
            }
        }
    }

    #[test]
    fn perturbed_rows_stay_in_the_ball_and_hurt() {
        let data = toy(40, 3, 12);
        let mut random = Pcg64::seed_from_u64(1);
        let weights = Weights::random(&data, 20, (true, false), &mut random);
        let network = weights.network().unwrap();
        let clean = Batch::all(&data);
        let error = |batch: &Batch| -> f64 {
            (0..40).map(|k| (network.value(&batch.x[k * 4..k * 4 + 3]) - batch.y[k]).powi(2)).sum()
        };
        for norm in [Norm::One, Norm::Two, Norm::Infinity] {
            for steps in [1, 4] {
                let mut batch = clean.clone();
                Inner { norm, radius: 0.2, steps, ..Inner::default() }.perturb(&weights, &mut batch, &mut random);
                for k in 0..40 {
                    let delta: Vec<f64> = (0..3).map(|j| batch.x[k * 4 + j] - clean.x[k * 4 + j]).collect();
                    assert!(norm.of(&delta) <= 0.2 * (1.0 + 1e-12));
                    assert_eq!(batch.x[k * 4 + 3], 1.0);
                }
                assert!(error(&batch) > 1.1 * error(&clean));
            }
        }
    }

    /// One step is the attack of the same name, row by row; more steps hurt more.
    #[test]
    fn one_step_is_the_fast_gradient_method() {
        let data = toy(60, 4, 13);
        let mut random = Pcg64::seed_from_u64(2);
        let weights = Weights::random(&data, 30, (true, false), &mut random);
        let network = weights.network().unwrap();
        let clean = Batch::all(&data);
        let row = |batch: &Batch, k: usize| batch.x[k * 5..k * 5 + 4].to_vec();
        for norm in [Norm::Two, Norm::Infinity] {
            let mut perturbed = |steps| {
                let mut batch = clean.clone();
                Inner { norm, radius: 0.4, steps, ..Inner::default() }.perturb(&weights, &mut batch, &mut random);
                batch
            };
            let (one, many) = (perturbed(1), perturbed(20));
            for k in 0..60 {
                let x = row(&clean, k);
                let delta = attack::fast_gradient(&network, &x, data.y[k], norm, 0.4);
                for (moved, (x, delta)) in row(&one, k).into_iter().zip(x.iter().zip(delta)) {
                    assert!((moved - x - delta).abs() < 1e-12);
                }
            }
            let error =
                |batch: &Batch| -> f64 { (0..60).map(|k| (network.value(&row(batch, k)) - data.y[k]).powi(2)).sum() };
            assert!(error(&many) > error(&one), "{norm:?}: {} {}", error(&many), error(&one));
        }
    }

    #[test]
    fn rows_stay_within_their_own_tolerance_and_training_within_it_lowers_the_worst_case() {
        let data = toy(60, 3, 13);
        let mut random = Pcg64::seed_from_u64(2);
        let weights = Weights::random(&data, 20, (true, false), &mut random);
        let sizes = faer::Mat::from_fn(60, 3, |k, j| 0.1 * ((k + 2 * j) % 4) as f64);
        for shape in Shape::ALL {
            let tolerance = Tolerance::of_rows(shape, sizes.clone()).unwrap();
            let last = vec![0.0; 60 * 3];
            let mut inner =
                Inner { norm: shape.norm(), radius: 1.0, last, tolerance: Some(&tolerance), ..Inner::default() };
            let all = Batch::all(&data);
            let mut batch = Batch::default();
            for rows in [[3, 50, 7], [7, 3, 59]] {
                batch.gather(&all, &rows);
                inner.perturb(&weights, &mut batch, &mut random);
                for (r, &k) in rows.iter().enumerate() {
                    let moved = (0..3).map(|j| (batch.x[r * 4 + j] - data.x[(k, j)]).abs());
                    let parts: Vec<f64> = moved
                        .zip(0..3)
                        .map(|(moved, j)| if sizes[(k, j)] > 0.0 { moved / sizes[(k, j)] } else { moved * 1e12 })
                        .collect();
                    assert!(shape.norm().of(&parts) <= 1.0 + 1e-9, "{parts:?}");
                }
            }
        }
        let data = toy(150, 2, 13);
        let tolerance = Tolerance::same(Shape::Box, &[0.4, 0.2]).unwrap();
        let descent =
            Descent { rate: 1e-2, epochs: 150, decay: 1e-4, schedule: Schedule::Cosine, ..Descent::default() };
        let worst = |start| {
            let settings = Settings { start, units: 30, ..Settings::default() };
            let network = train(&data, &settings, &mut |_| ControlFlow::Continue(())).unwrap().network;
            attack::within(&network, &data, &tolerance, &attack::Settings::new(f64::INFINITY)).unwrap().found
        };
        let within = Adversarial {
            descent: descent.clone(),
            steps: 1,
            tolerance: Some(tolerance.clone()),
            ..Adversarial::default()
        };
        let (plain, robust) = (worst(Start::from(descent)), worst(Start::from(within)));
        assert!(robust < 0.9 * plain, "{robust} against {plain}");
    }

    #[test]
    fn a_cosine_ends_at_a_rate_of_nothing_and_keeps_the_last_weights() {
        let data = toy(60, 2, 14);
        let descent = Descent { rate: 1e-2, epochs: 100, schedule: Schedule::Cosine, ..Descent::default() };
        let settings = Settings { start: descent.clone().into(), units: 20, ..Settings::default() };
        let trained = train(&data, &settings, &mut |_| ControlFlow::Continue(())).unwrap();
        assert_eq!(trained.trace.len(), 100);
        let rates: Vec<f64> = trained.trace.iter().map(|progress| progress.rate).collect();
        assert!(rates.windows(2).all(|pair| pair[1] < pair[0]) && rates[99] < 0.01 * descent.rate);
        let spread = data.y.iter().map(|y| y * y).sum::<f64>() / data.rows() as f64;
        assert!(trained.loss < 0.5 * spread, "{} of {spread}", trained.loss);
    }
}
