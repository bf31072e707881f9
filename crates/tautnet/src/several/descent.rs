//! Training by gradient descent on the cross-entropy of classes, or on the sum of the losses of targets, on rows as they are or under attack.
//!
//! ```text
//! minimize  mean_k ω_k max_δ cost_k(f(x_k + δ))  +  λ_w/2 (‖W̄‖² + ‖V‖²)
//!
//! cost_k(f) = log Σ_j exp f_j − f_y      of classes, y being that of the row
//!           = Σ_j loss(f_j, y_kj)        of targets
//! ```
//!
//! The inner maximum is taken by steps of ascent within the row's tolerance, which go on from where they ended when the row was last
//! visited.

use super::margins::number;
use crate::ball::{project, steepest};
use crate::dataset::importances;
use crate::error::{Error, Result};
use crate::random::normal;
use crate::shallow::Parts;
use crate::tolerance::Tolerance;
use crate::{Dataset, Loss, Shallow};
use faer::{Accum, Mat, MatRef, Par, linalg::matmul::matmul};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use tautnet_cone::Stop;

/// How a network is trained.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    /// The outputs: one a class, or one a target.
    pub outputs: usize,
    /// What a wrong prediction of a target costs; `None` where the outputs are classes.
    pub loss: Option<Loss>,
    pub units: usize,
    pub linear_part: bool,
    pub output_bias: bool,
    pub decay: f64,
    pub rate: f64,
    pub epochs: usize,
    pub batch: usize,
    /// Steps of ascent at every visit.
    pub steps: usize,
    pub seed: u64,
}

/// The weights, or a gradient, or a moment of it: W̄ (m × (d+1), the bias last), V (m × c), A (d × c, or empty), c.
#[derive(Clone)]
struct Weights {
    hidden: Mat<f64>,
    outer: Mat<f64>,
    linear: Mat<f64>,
    bias: Mat<f64>,
}

impl Weights {
    fn zeros(inputs: usize, plan: &Plan) -> Self {
        Self {
            hidden: Mat::zeros(plan.units, inputs + 1),
            outer: Mat::zeros(plan.units, plan.outputs),
            linear: Mat::zeros(if plan.linear_part { inputs } else { 0 }, plan.outputs),
            bias: Mat::zeros(1, plan.outputs),
        }
    }

    fn random(inputs: usize, plan: &Plan, random: &mut Pcg64) -> Self {
        let hidden = (2.0 / (inputs + 1) as f64).sqrt();
        let outer = 1.0 / (plan.units as f64).sqrt();
        Self {
            hidden: Mat::from_fn(plan.units, inputs + 1, |_, _| hidden * normal(random)),
            outer: Mat::from_fn(plan.units, plan.outputs, |_, _| outer * normal(random)),
            ..Self::zeros(inputs, plan)
        }
    }

    /// The parts, each with whether a decay prices it.
    fn parts(&mut self) -> [(&mut Mat<f64>, bool); 4] {
        [(&mut self.hidden, true), (&mut self.outer, true), (&mut self.linear, false), (&mut self.bias, false)]
    }

    fn network(&self) -> Result<Shallow> {
        let (m, d) = (self.hidden.nrows(), self.hidden.ncols() - 1);
        Shallow::from_parts(Parts {
            w: self.hidden.as_ref().subcols(0, d).to_owned(),
            b: (0..m).map(|i| self.hidden[(i, d)]).collect(),
            v: self.outer.clone(),
            c: self.bias.row(0).iter().copied().collect(),
            a: (self.linear.nrows() > 0).then(|| self.linear.clone()),
        })
    }
}

/// Some rows, whose outputs and their gradients are taken, X̄ with a column of ones.
struct Visit {
    /// H, rows × m, with what is not above 0 as 0.
    active: Mat<f64>,
    /// The loss's slopes in the outputs, rows × c.
    slopes: Mat<f64>,
    /// The losses.
    losses: Vec<f64>,
}

/// What the outputs are to be.
enum Goal<'a> {
    /// The largest one: the class of each row of the data.
    Classes(Vec<usize>),
    /// The targets.
    Targets(&'a Loss, &'a Dataset),
}

impl<'a> Goal<'a> {
    fn of(data: &'a Dataset, plan: &'a Plan) -> Self {
        match &plan.loss {
            Some(loss) => Self::Targets(loss, data),
            None => Self::Classes(data.y.iter().map(|y| number(*y)).collect()),
        }
    }

    /// The cost of the outputs of row `k`, in whose place its slopes come.
    fn cost(&self, k: usize, outputs: &mut [f64]) -> f64 {
        match self {
            Self::Classes(classes) => {
                let largest = outputs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let of_class = outputs[classes[k]] - largest;
                let mut all = 0.0;
                for output in outputs.iter_mut() {
                    *output = (*output - largest).exp();
                    all += *output;
                }
                outputs.iter_mut().for_each(|output| *output /= all);
                outputs[classes[k]] -= 1.0;
                all.ln() - of_class
            }
            Self::Targets(loss, data) => {
                let one = |(number, output): (usize, &mut f64)| {
                    let (f, y) = (*output, data.target(number)[k]);
                    *output = loss.slope(f, y);
                    loss.value(f, y)
                };
                outputs.iter_mut().enumerate().map(one).sum()
            }
        }
    }
}

fn product(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
    let mut out = Mat::zeros(a.nrows(), b.ncols());
    matmul(out.as_mut(), Accum::Replace, a, b, 1.0, Par::Seq);
    out
}

impl Visit {
    fn of(weights: &Weights, x: MatRef<'_, f64>, rows: &[usize], goal: &Goal<'_>) -> Self {
        let d = x.ncols() - 1;
        let mut active = product(x, weights.hidden.transpose());
        active.col_iter_mut().for_each(|column| column.iter_mut().for_each(|h| *h = h.max(0.0)));
        let mut slopes = product(active.as_ref(), weights.outer.as_ref());
        if weights.linear.nrows() > 0 {
            matmul(slopes.as_mut(), Accum::Add, x.subcols(0, d), weights.linear.as_ref(), 1.0, Par::Seq);
        }
        let mut outputs = vec![0.0; slopes.ncols()];
        let mut losses = Vec::with_capacity(rows.len());
        for (r, &k) in rows.iter().enumerate() {
            outputs.iter_mut().enumerate().for_each(|(j, f)| *f = slopes[(r, j)] + weights.bias[(0, j)]);
            losses.push(goal.cost(k, &mut outputs));
            outputs.iter().enumerate().for_each(|(j, slope)| slopes[(r, j)] = *slope);
        }
        Self { active, slopes, losses }
    }

    /// The slopes in the units' sums.
    fn of_units(&self, weights: &Weights) -> Mat<f64> {
        let mut back = product(self.slopes.as_ref(), weights.outer.transpose());
        for (back, active) in back.col_iter_mut().zip(self.active.col_iter()) {
            back.iter_mut().zip(active.iter()).for_each(|(back, h)| *back = if *h > 0.0 { *back } else { 0.0 });
        }
        back
    }

    /// The slopes in the inputs, rows × d.
    fn of_inputs(&self, weights: &Weights) -> Mat<f64> {
        let d = weights.hidden.ncols() - 1;
        let mut slopes = product(self.of_units(weights).as_ref(), weights.hidden.as_ref().subcols(0, d));
        if weights.linear.nrows() > 0 {
            matmul(slopes.as_mut(), Accum::Add, self.slopes.as_ref(), weights.linear.transpose(), 1.0, Par::Seq);
        }
        slopes
    }
}

/// Where the attack on every row stands, in parts of its tolerance.
struct Attack<'a> {
    tolerance: &'a Tolerance,
    last: Mat<f64>,
    steps: usize,
}

impl Attack<'_> {
    /// Move the rows of a batch, which are these rows of the data, to worse points.
    fn perturb(&mut self, weights: &Weights, x: &mut Mat<f64>, rows: &[usize], goal: &Goal<'_>) {
        let d = x.ncols() - 1;
        let clean = x.clone();
        let norm = self.tolerance.shape().norm();
        let length = if self.steps == 1 { 1.0 } else { 2.5 / self.steps as f64 };
        let (mut gradient, mut direction, mut delta) = (vec![0.0; d], vec![0.0; d], vec![0.0; d]);
        let place = |last: &Mat<f64>, x: &mut Mat<f64>| {
            for (r, &k) in rows.iter().enumerate() {
                (0..d).for_each(|a| x[(r, a)] = clean[(r, a)] + self.tolerance.size(k, a) * last[(k, a)]);
            }
        };
        place(&self.last, x);
        for _ in 0..self.steps {
            let slopes = Visit::of(weights, x.as_ref(), rows, goal).of_inputs(weights);
            for (r, &k) in rows.iter().enumerate() {
                (0..d).for_each(|a| gradient[a] = slopes[(r, a)] * self.tolerance.size(k, a));
                steepest(norm, &gradient, &mut direction);
                (0..d).for_each(|a| delta[a] = self.last[(k, a)] + length * direction[a]);
                project(norm, 1.0, &mut delta);
                (0..d).for_each(|a| self.last[(k, a)] = delta[a]);
            }
            place(&self.last, x);
        }
    }
}

/// Adam's moments and their powers.
struct Adam {
    moments: [Weights; 2],
    powers: [f64; 2],
}

const ADAM: ([f64; 2], f64) = ([0.9, 0.999], 1e-8);

impl Adam {
    fn step(&mut self, weights: &mut Weights, gradient: &mut Weights, rate: f64, decay: f64) {
        self.powers = [0, 1].map(|i| self.powers[i] * ADAM.0[i]);
        let [first, second] = &mut self.moments;
        let parts = weights.parts().into_iter().zip(gradient.parts()).zip(first.parts()).zip(second.parts());
        for ((((weight, decayed), (gradient, _)), (first, _)), (second, _)) in parts {
            for j in 0..weight.ncols() {
                for i in 0..weight.nrows() {
                    let at = (i, j);
                    let slope = gradient[at] + if decayed { decay * weight[at] } else { 0.0 };
                    first[at] += (1.0 - ADAM.0[0]) * (slope - first[at]);
                    second[at] += (1.0 - ADAM.0[1]) * (slope * slope - second[at]);
                    let size = (second[at] / (1.0 - self.powers[1])).sqrt() + ADAM.1;
                    weight[at] -= rate * first[at] / (1.0 - self.powers[0]) / size;
                }
            }
        }
    }
}

/// Train a network. [`Stop::here`] ends it with what there is.
pub(crate) fn train(data: &Dataset, tolerance: Option<&Tolerance>, plan: &Plan) -> Result<Shallow> {
    let (n, d) = (data.rows(), data.columns());
    let mut random = Pcg64::seed_from_u64(plan.seed);
    let mut weights = Weights::random(d, plan, &mut random);
    let zeros = Weights::zeros(d, plan);
    let mut gradient = zeros.clone();
    let mut adam = Adam { moments: [zeros.clone(), zeros], powers: [1.0; 2] };
    let mut attack = tolerance.map(|tolerance| Attack { tolerance, last: Mat::zeros(n, d), steps: plan.steps });
    let omega = importances(data);
    let goal = Goal::of(data, plan);
    let mut order: Vec<usize> = (0..n).collect();
    let stop = Stop::here();
    let all = (plan.epochs * n.div_ceil(plan.batch)) as f64;
    let mut taken = 0.0;
    for epoch in 1..=plan.epochs {
        for last in (1..n).rev() {
            order.swap(last, random.random_range(0..last as u64 + 1) as usize);
        }
        let mut loss = 0.0;
        for rows in order.chunks(plan.batch) {
            if stop.asked() {
                return weights.network();
            }
            let mut x = Mat::from_fn(rows.len(), d + 1, |r, a| if a < d { data.x[(rows[r], a)] } else { 1.0 });
            if let Some(attack) = &mut attack {
                attack.perturb(&weights, &mut x, rows, &goal);
            }
            let mut visit = Visit::of(&weights, x.as_ref(), rows, &goal);
            for (r, &k) in rows.iter().enumerate() {
                let share = omega[k] / rows.len() as f64;
                loss += share * visit.losses[r];
                (0..plan.outputs).for_each(|j| visit.slopes[(r, j)] *= share);
            }
            let of_units = visit.of_units(&weights);
            gradient.hidden = product(of_units.transpose(), x.as_ref());
            gradient.outer = product(visit.active.transpose(), visit.slopes.as_ref());
            if plan.linear_part {
                gradient.linear = product(x.as_ref().subcols(0, d).transpose(), visit.slopes.as_ref());
            }
            for j in 0..plan.outputs {
                gradient.bias[(0, j)] = if plan.output_bias { visit.slopes.col(j).iter().sum() } else { 0.0 };
            }
            let rate = 0.5 * plan.rate * (1.0 + (std::f64::consts::PI * taken / all).cos());
            taken += 1.0;
            adam.step(&mut weights, &mut gradient, rate, plan.decay);
        }
        if !loss.is_finite() {
            return Err(Error::new(
                format!("the training diverged: the loss of epoch {epoch} is {loss}"),
                "standardize the columns",
            ));
        }
    }
    weights.network()
}
