//! The alternating direction method of multipliers on (6), for any loss.
//!
//! Weights that fit the data (z̄), weights that are short (ẑ), products that are in the cells (ê) and, where the loss is not squared, predictions that are good (f̂)
//! are variables of their own, which are made equal. Ỹ are the multipliers over the penalties β, β_e and β_f ω_k:
//!
//! ```text
//! minimize    Σ_k ω_k loss(f̂_k, y_k) + λ_w Σ_i ‖ẑ_i‖      s.t.  z̄_i = ẑ_i,   σ_ik x̄_k·z̄_i = ê_ik ≥ 0,   f_k = c + Σ_i s_i D_ik x̄_k·z̄_i = f̂_k
//!
//! z̄, c ← argmin   β_f/2 Σ_k ω_k (f_k − f̂_k + Ỹ_k)² + β/2 Σ_i ‖z̄_i − ẑ_i + Ỹ_i‖² + β_e/2 Σ_ik (σ_ik x̄_k·z̄_i − ê_ik + Ỹ_ik)²
//! ẑ_i  ← (1 − λ_w / β‖z̄_i + Ỹ_i‖)₊ (z̄_i + Ỹ_i)                       Ỹ_i  ← Ỹ_i + z̄_i − ẑ_i
//! ê_ik ← (σ_ik x̄_k·z̄_i + Ỹ_ik)₊                                      Ỹ_ik ← Ỹ_ik + σ_ik x̄_k·z̄_i − ê_ik
//! f̂_k  ← argmin   loss(f̂_k, y_k) + β_f/2 (f̂_k − f_k − Ỹ_k)²            Ỹ_k  ← Ỹ_k + f_k − f̂_k
//! ```
//!
//! with [`RELAX`] times what the first line made, and 1 − [`RELAX`] times its last copy, in the place of z̄, of the products and of f in the others.
//! The first line is one linear system (`linear.rs`). For the squared loss it has the loss itself: β_f = 2, and y_k in the place of f̂_k − Ỹ_k. For any other one the last line is
//! done row by row, by Newton's method in a bracket. So a loss may have kinks, and the matrix of the linear system is the same for all. (The paper's method has the loss
//! in the first line always, and block coordinate descent or conjugate gradients on it.)
//!
//! **What the papers leave open.** Theirs have β_e = β and a sum of losses; here the loss is a mean, and β_e is [`CONES`] β over the mean eigenvalue of
//! X̄ᵀX̄, so that neither depends on the number of rows. β, where none is given, begins at β_f/4 and is looked at
//! after 10, 20, 40, … iterations: where one of the two residuals is [`APART`] times the other it is multiplied by the root of their ratio, by ten at most.
//! It changes ever more rarely, so that what is known of the method with β held is so in the end.
//!
//! **Residuals and the end.** Primal: (z̄ − ẑ, √(β_e/β) (products − ê)), relative to the length of ẑ, and f − f̂ relative to that of f̂. Dual: the multipliers
//! βỸ_i against the slopes `−Σ_k (ω_k slope_k s_i D_ik + β_e Ỹ_ik σ_ik) x̄_k` of the loss and the cones, relative to λ_w √groups. The slopes give a lower
//! bound (`dual.rs`), whatever the residuals are, since Ỹ_ik ≤ 0. A run is solved when the primal residual is small, and so the units are in their cells up to that, and
//! the objective of the network is no further from the bound than asked for. On the way it may be below: relu networks whose units are outside of their
//! cells can be better than the program's optimum.

use super::dual;
use super::groups::{Groups, Program};
use super::linear::Linear;
use super::products::{dot, length, product};
use super::settings::Settings;
use std::ops::ControlFlow;
use tautnet::ending::{Cause, Early, Ending};
use tautnet::unit::{Affine, Unit, from_units};
use tautnet::{Dataset, Loss, Shallow, Stop, error::Result};

/// How far the copies are taken beyond what the linear system makes: the usual over-relaxation.
const RELAX: f64 = 1.6;
/// Residuals that are so many times apart change the penalty.
const APART: f64 = 2.0;
/// β_e/β times the mean eigenvalue of X̄ᵀX̄. From 5 to 100 it mattered little on small tables; with 1 it took up to seven times as many iterations.
const CONES: f64 = 30.0;
/// β_f where the loss is not squared.
const STIFFNESS: f64 = 1.0;
/// Iterations between two looks at the network, the residuals and the bound; the first so many are looked at each.
const CHECK: usize = 10;

/// What is known after some iteration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// The number of iterations so far.
    pub iteration: usize,
    /// Objective of the network at hand: its units are the short weights, judged as relu units, in their cells or not.
    pub objective: f64,
    /// The least of these so far: what a run stopped here returns.
    pub best: f64,
    /// The best lower bound on the optimum of the program so far.
    pub lower_bound: f64,
    /// How far apart the copies are.
    pub primal: f64,
    /// How far the multipliers are from slopes of the loss.
    pub dual: f64,
    /// Largest violation of a cone, `max −σ_ik x̄_k·z̄_i / (‖x̄_k‖ max_i ‖z̄_i‖)`.
    pub violation: f64,
    /// β.
    pub penalty: f64,
}

/// Called whenever these are known; `Break` ends the run with the best network so far.
pub type Observer<'a> = dyn FnMut(&Progress) -> ControlFlow<()> + Send + 'a;

/// A network with what is known of its objective.
#[derive(Debug, Clone, PartialEq)]
pub struct Admm {
    /// Where the run was solved, the network of the program, whose units are in their cells up to the residual; else the best one so far, as a relu network.
    pub network: Shallow,
    /// Loss + λ_w times the lengths of the units, recomputed from the network.
    pub objective: f64,
    /// The mean loss, weighted where the rows have weights.
    pub loss: f64,
    /// No network with its units in their cells has a smaller objective: the value of a feasible dual point, up to rounding.
    pub lower_bound: f64,
    /// The number of iterations.
    pub iterations: usize,
    /// How it ended.
    pub ending: Ending,
    /// What was known on the way.
    pub trace: Vec<Progress>,
}

/// Train a relu network with given patterns and signs.
pub fn admm(groups: &Groups, data: &Dataset, settings: &Settings, observer: &mut Observer<'_>) -> Result<Admm> {
    let program = Program::new(groups, data, settings)?;
    let (loss, lambda) = (&settings.loss, settings.decay);
    let mut run = Run::new(&program, data, settings)?;
    let (mut best, mut trace) = (run.network(loss), Vec::<Progress>::new());
    let (mut lower_bound, mut balance_at) = (0.0f64, CHECK);
    let early = |cause| Ending::from(Early { cause, gap: None });
    let stop = Stop::here();
    let mut iteration = 0;
    let mut ready =
        !stop.asked() && run.linear.set_penalty(&program, settings.penalty.unwrap_or(run.linear.penalty))?.is_some();
    let mut ending = early(Cause::Interrupted(None));
    while ready && !stop.asked() {
        run.step(loss);
        iteration += 1;
        let last = iteration >= settings.iterations;
        if iteration > CHECK && !iteration.is_multiple_of(CHECK) && !last {
            continue;
        }
        let (primal, dual, bound) = run.residuals(loss);
        lower_bound = lower_bound.max(bound);
        let network = run.network(loss);
        let (objective, violation) = (network.objective, network.violation);
        let solved = primal <= settings.tolerance && (objective - lower_bound).abs() <= settings.tolerance * objective;
        if solved || objective < best.objective {
            best = network;
        }
        let told = Progress {
            iteration,
            objective,
            best: best.objective,
            lower_bound,
            primal,
            dual,
            violation,
            penalty: run.linear.penalty,
        };
        trace.push(told);
        let verdict = observer(&told);
        if solved {
            ending = Ending::Solved;
            break;
        }
        if last {
            ending = early(Cause::StepLimit(iteration));
            break;
        }
        if verdict.is_break() {
            break;
        }
        let ratio = primal / dual;
        if settings.penalty.is_none() && iteration >= balance_at {
            balance_at *= 2;
            if !(1.0 / APART..=APART).contains(&ratio) && ratio.is_finite() && ratio > 0.0 {
                ready = run.change_penalty(ratio.sqrt().clamp(0.1, 10.0))?.is_some();
            }
        }
    }
    let e = program.e();
    let units: Vec<Unit> = best
        .weights
        .chunks(e)
        .zip(&program.signs)
        .map(|(z, &sign)| Unit { z: z[..e - 1].to_vec(), bias: z[e - 1], sign })
        .collect();
    let network = from_units(units.iter(), data.columns(), Affine::constant(best.bias))?;
    let loss = loss.mean(&network, data);
    let objective = loss + lambda * units.iter().map(Unit::length).sum::<f64>();
    Ok(Admm { network, objective, loss, lower_bound, iterations: iteration, ending, trace })
}

/// A network of the short weights.
struct Network {
    weights: Vec<f64>,
    bias: f64,
    objective: f64,
    violation: f64,
}

/// The iterate.
struct Run<'a> {
    program: &'a Program,
    linear: Linear,
    lambda: f64,
    /// β_e/β.
    cones: f64,
    /// The signed sums of the patterns.
    sums: Vec<f64>,
    /// z̄, ẑ and Ỹ_i.
    weights: Vec<f64>,
    short: Vec<f64>,
    lift: Vec<f64>,
    /// σ_ik x̄_k·z̄_i, ê and Ỹ_ik, group by group.
    products: Vec<f64>,
    inside: Vec<f64>,
    push: Vec<f64>,
    bias: f64,
    f: Vec<f64>,
    /// f̂ and Ỹ_k; none for the squared loss.
    copy: Option<(Vec<f64>, Vec<f64>)>,
    /// ‖x̄_k‖.
    depth: Vec<f64>,
    /// The length of weights whose products are as large as the targets.
    size: f64,
}

impl<'a> Run<'a> {
    fn new(program: &'a Program, data: &Dataset, settings: &Settings) -> Result<Self> {
        let (n, e, m) = (program.n(), program.e(), program.signs.len());
        let depth: Vec<f64> = (0..n).map(|k| (0..e).map(|a| program.x[(k, a)].powi(2)).sum::<f64>().sqrt()).collect();
        let squares: f64 = depth.iter().map(|depth| depth * depth).sum();
        let cones = CONES * e as f64 / squares;
        let squared = settings.loss.is_squared();
        let stiffness = if squared { 2.0 } else { STIFFNESS };
        let mut linear = Linear::new(program, stiffness, cones, settings.linear)?;
        linear.penalty = stiffness / 4.0;
        Ok(Self {
            program,
            linear,
            lambda: settings.decay,
            cones,
            sums: vec![0.0; program.count.len() * e],
            weights: vec![0.0; m * e],
            short: vec![0.0; m * e],
            lift: vec![0.0; m * e],
            products: vec![0.0; m * n],
            inside: vec![0.0; m * n],
            push: vec![0.0; m * n],
            bias: if program.free_bias { settings.loss.best_constant(data) } else { 0.0 },
            f: vec![0.0; n],
            copy: (!squared).then(|| (program.y.clone(), vec![0.0; n])),
            size: (program.y.iter().zip(&program.omega).map(|(y, omega)| omega * y * y).sum::<f64>()
                / dot(&program.omega, &depth).powi(2))
            .sqrt()
            .max(f64::MIN_POSITIVE),
            depth,
        })
    }

    fn step(&mut self, loss: &Loss) {
        let (program, e) = (self.program, self.program.e());
        // z̄, c.
        let mut pull: Vec<f64> = self.inside.iter().zip(&self.push).map(|(inside, push)| inside - push).collect();
        program.orient(&mut pull);
        let mut side = product(program.x.transpose(), &pull);
        for ((side, v), lift) in side.iter_mut().zip(&self.short).zip(&self.lift) {
            *side = v - lift + self.cones * *side;
        }
        self.weights = product(self.linear.inverse.as_ref(), &side);
        let start = self.signed_sums(&self.weights);
        let goal: Vec<f64> = match &self.copy {
            None => program.y.clone(),
            Some((t, force)) => t.iter().zip(force).map(|(t, force)| t - force).collect(),
        };
        self.sums = self.linear.solve(program, &start, &goal, &self.sums);
        for ((u, &p), sign) in self.weights.chunks_mut(e).zip(&program.pattern).zip(&program.signs) {
            for (a, u) in u.iter_mut().enumerate() {
                *u += sign * (self.sums[p * e + a] - start[p * e + a]) / program.count[p];
            }
        }
        self.products = product(program.x.as_ref(), &self.weights);
        program.orient(&mut self.products);
        self.f = program.outputs(&self.products);
        self.bias = program.mean(goal.iter().zip(&self.f).map(|(goal, f)| goal - f));
        self.f.iter_mut().for_each(|f| *f += self.bias);
        // ẑ and Ỹ_i.
        let by = self.lambda / self.linear.penalty;
        for ((u, v), lift) in self.weights.chunks(e).zip(self.short.chunks_mut(e)).zip(self.lift.chunks_mut(e)) {
            for ((lift, u), v) in lift.iter_mut().zip(u).zip(&*v) {
                *lift += RELAX * u + (1.0 - RELAX) * v;
            }
            let size = length(lift);
            let keep = if size > by { 1.0 - by / size } else { 0.0 };
            for (v, lift) in v.iter_mut().zip(lift) {
                *v = keep * *lift;
                *lift -= *v;
            }
        }
        // ê and Ỹ_ik.
        for ((product, inside), push) in self.products.iter().zip(&mut self.inside).zip(&mut self.push) {
            let value = RELAX * product + (1.0 - RELAX) * *inside + *push;
            *inside = value.max(0.0);
            *push = value.min(0.0);
        }
        // f̂ and Ỹ_k.
        if let Some((t, force)) = &mut self.copy {
            for (k, (t, force)) in t.iter_mut().zip(force).enumerate() {
                let value = RELAX * self.f[k] + (1.0 - RELAX) * *t + *force;
                *t = nearest(loss, value, program.y[k], self.linear.stiffness);
                *force = value - *t;
            }
        }
    }

    /// Σ_i s_i z̄_i over the groups of every pattern.
    fn signed_sums(&self, u: &[f64]) -> Vec<f64> {
        let e = self.program.e();
        let mut sums = vec![0.0; self.program.count.len() * e];
        for ((u, &p), sign) in u.chunks(e).zip(&self.program.pattern).zip(&self.program.signs) {
            sums[p * e..][..e].iter_mut().zip(u).for_each(|(sum, u)| *sum += sign * u);
        }
        sums
    }

    /// The residuals and the lower bound.
    fn residuals(&self, loss: &Loss) -> (f64, f64, f64) {
        let (program, e, penalty) = (self.program, self.program.e(), self.linear.penalty);
        let apart = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
        let gap = apart(&self.weights, &self.short) + self.cones * apart(&self.products, &self.inside);
        let mut primal = gap.sqrt() / length(&self.short).max(self.size);
        let mut slopes: Vec<f64> = match &self.copy {
            None => self.f.iter().zip(&program.y).map(|(&f, &y)| loss.slope(f, y)).collect(),
            Some((t, force)) => {
                let weighted = |values: &dyn Fn(usize) -> f64| {
                    program.omega.iter().enumerate().map(|(k, o)| o * values(k).powi(2)).sum::<f64>().sqrt()
                };
                let scale = weighted(&|k| t[k]).max(weighted(&|k| program.y[k])).max(f64::MIN_POSITIVE);
                primal = primal.max(weighted(&|k| self.f[k] - t[k]) / scale);
                force.iter().map(|force| self.linear.stiffness * force).collect()
            }
        };
        if program.free_bias {
            dual::balance(&mut slopes, &program.omega);
        }
        let weighted: Vec<f64> = slopes.iter().zip(&program.omega).map(|(g, omega)| -omega * g).collect();
        let by_pattern = program.pattern_adjoint(&weighted);
        let mut forces = self.push.clone();
        program.orient(&mut forces);
        let forces = product(program.x.transpose(), &forces);
        let (mut steepest, mut apart) = (0.0f64, 0.0);
        for (i, (lift, force)) in self.lift.chunks(e).zip(forces.chunks(e)).enumerate() {
            let pull = &by_pattern[program.pattern[i] * e..][..e];
            let slope: Vec<f64> =
                (0..e).map(|a| program.signs[i] * pull[a] - penalty * self.cones * force[a]).collect();
            steepest = steepest.max(length(&slope));
            apart += slope.iter().zip(lift).map(|(slope, lift)| (slope - penalty * lift).powi(2)).sum::<f64>();
        }
        let dual = apart.sqrt() / (self.lambda * (program.signs.len() as f64).sqrt());
        (primal, dual, dual::bound(loss, &slopes, &program.y, &program.omega, steepest, self.lambda))
    }

    /// The network of the short weights, as the relu network that it is.
    fn network(&self, loss: &Loss) -> Network {
        let (program, n, e) = (self.program, self.program.n(), self.program.e());
        let lengths: Vec<f64> = self.short.chunks(e).map(length).collect();
        let some: Vec<usize> = (0..lengths.len()).filter(|&i| lengths[i] > 0.0).collect();
        let weights: Vec<f64> = some.iter().flat_map(|&i| &self.short[i * e..][..e]).copied().collect();
        let (mut f, mut violation) = (vec![self.bias; n], 0.0f64);
        for (h, &i) in product(program.x.as_ref(), &weights).chunks(n).zip(&some) {
            let (sign, on) = (program.signs[i], program.on(program.pattern[i]));
            for k in 0..n {
                f[k] += sign * h[k].max(0.0);
                violation = violation.max(if on[k] { -h[k] } else { h[k] } / self.depth[k]);
            }
        }
        loss.terms(&mut f, &program.y, &program.omega);
        let objective = f.iter().sum::<f64>() + self.lambda * lengths.iter().sum::<f64>();
        let largest = lengths.iter().fold(f64::MIN_POSITIVE, |most, &length| most.max(length));
        Network { weights: self.short.clone(), bias: self.bias, objective, violation: violation / largest }
    }

    /// The penalty times a factor; the multipliers stay what they are.
    fn change_penalty(&mut self, factor: f64) -> Result<Option<()>> {
        self.lift.iter_mut().chain(&mut self.push).for_each(|multiplier| *multiplier /= factor);
        self.linear.set_penalty(self.program, self.linear.penalty * factor)
    }
}

/// argmin over t of loss(t, y) + stiffness/2 (t − a)²: the root of an increasing function, which lies between a and a − slope(a)/stiffness.
pub(crate) fn nearest(loss: &Loss, a: f64, y: f64, stiffness: f64) -> f64 {
    let slope = loss.slope(a, y);
    let end = a - slope / stiffness;
    let (mut low, mut high) = (a.min(end), a.max(end));
    let mut t = 0.5 * (low + high);
    for step in 0..200 {
        if high - low <= 4.0 * f64::EPSILON * a.abs().max(end.abs()) {
            break;
        }
        let rise = loss.slope(t, y) + stiffness * (t - a);
        if rise > 0.0 {
            high = t
        } else {
            low = t
        }
        let newton = t - rise / (stiffness + loss.curvature(t, y));
        if (newton - t).abs() <= f64::EPSILON * t.abs() {
            return newton.clamp(low, high);
        }
        // Where the slope jumps, Newton's steps need not end: every other one halves the bracket.
        t = if step % 2 == 0 && low < newton && newton < high { newton } else { 0.5 * (low + high) };
    }
    t
}
