//! The alternating direction method of multipliers on (6), for any loss.
//!
//! Weights that fit the data (u), weights that are short (v) and products that are in the cells (e) are variables of their own, which are made equal:
//!
//! ```text
//! minimize    Σ_k ω_k loss(f_k, y_k) + λ_w Σ_i ‖v_i‖      s.t.  u = v,   (G u)_ik = σ_ik x̄_k·u_i = e_ik ≥ 0,    f = c + Σ_i s_i D_i X̄ u_i
//!
//! u, c ← argmin   loss + ρ/2 ‖u − v + α‖² + ρθ/2 ‖G u − e + β‖²          one linear system; every G_iᵀG_i = X̄ᵀX̄
//! v_i  ← (1 − λ_w / ρ‖u_i + α_i‖)₊ (u_i + α_i)
//! e    ← (G u + β)₊
//! α    ← α + u − v,     β ← β + G u − e
//! ```
//!
//! (with γ u + (1 − γ)v in the place of u in all but the first, γ = [`RELAX`]). For the squared loss the first step is exact, with κ = 2 and the targets as
//! g. For any other one the predictions are a further copy, t = f, with τ its multiplier:
//! g = t − τ, then `t_k ← argmin loss(t_k, y_k) + κ/2 (t_k − f_k − τ_k)²` row by row, by Newton's method in a bracket, and `τ ← τ + f − t`. So a loss
//! may have kinks, and the matrix of the linear system is the same for all.
//!
//! **What the papers leave open.** Theirs has θ = 1 and ρ for a sum of losses; here the loss is a mean, and θ is [`CONES`] over the mean eigenvalue of
//! X̄ᵀX̄, so that neither depends on the number of rows. ρ, where none is given, begins at κ/4 and is looked at
//! after 10, 20, 40, … iterations: where one of the two residuals is [`APART`] times the other it is multiplied by the root of their ratio, by ten at most.
//! It changes ever more rarely, so that what is known of the method with ρ held is so in the end.
//!
//! **Residuals and the end.** Primal: (u − v, √θ (G u − e)), relative to the length of v, and f − t relative to that of t. Dual: the multipliers
//! ρα_i against the slopes `−Φ_iᵀ(ω∘g) + G_iᵀY_i` of the loss g and the cones Y = −ρθβ ≥ 0, relative to λ_w √groups. The slopes give a lower
//! bound (`dual.rs`), whatever the residuals are. A run is solved when the primal residual is small, and so the units are in their cells up to that, and
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

/// γ.
const RELAX: f64 = 1.6;
/// Residuals that are so many times apart change ρ.
const APART: f64 = 2.0;
/// θ times the mean eigenvalue of X̄ᵀX̄. From 5 to 100 it matters little; with 1 cones are met late.
const CONES: f64 = 30.0;
/// κ where the loss is not squared.
const CURVATURE: f64 = 1.0;
/// Iterations between two looks at the network, the residuals and the bound; the first so many are looked at each.
const CHECK: usize = 10;

/// What is known after some iteration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// The number of iterations so far.
    pub iteration: usize,
    /// Objective of the network at hand: its units are the short weights v, judged as relu units, in their cells or not.
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
    /// ρ.
    pub rho: f64,
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
    let mut ready = !stop.asked() && run.linear.set_rho(&program, settings.rho.unwrap_or(run.linear.rho))?.is_some();
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
            rho: run.linear.rho,
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
        if settings.rho.is_none() && iteration >= balance_at {
            balance_at *= 2;
            if !(1.0 / APART..=APART).contains(&ratio) && ratio.is_finite() && ratio > 0.0 {
                ready = run.change_rho(ratio.sqrt().clamp(0.1, 10.0))?.is_some();
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
    /// θ.
    cones: f64,
    /// q, the signed sums of the patterns.
    sums: Vec<f64>,
    u: Vec<f64>,
    v: Vec<f64>,
    alpha: Vec<f64>,
    /// G u, e and β, group by group.
    products: Vec<f64>,
    inside: Vec<f64>,
    beta: Vec<f64>,
    bias: f64,
    f: Vec<f64>,
    /// t and τ; none for the squared loss.
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
        let curvature = if squared { 2.0 } else { CURVATURE };
        let mut linear = Linear::new(program, curvature, cones, settings.linear)?;
        linear.rho = curvature / 4.0;
        Ok(Self {
            program,
            linear,
            lambda: settings.decay,
            cones,
            sums: vec![0.0; program.count.len() * e],
            u: vec![0.0; m * e],
            v: vec![0.0; m * e],
            alpha: vec![0.0; m * e],
            products: vec![0.0; m * n],
            inside: vec![0.0; m * n],
            beta: vec![0.0; m * n],
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
        // u, c.
        let mut pull: Vec<f64> = self.inside.iter().zip(&self.beta).map(|(inside, beta)| inside - beta).collect();
        program.orient(&mut pull);
        let mut side = product(program.x.transpose(), &pull);
        for ((side, v), alpha) in side.iter_mut().zip(&self.v).zip(&self.alpha) {
            *side = v - alpha + self.cones * *side;
        }
        self.u = product(self.linear.inverse.as_ref(), &side);
        let start = self.signed_sums(&self.u);
        let goal: Vec<f64> = match &self.copy {
            None => program.y.clone(),
            Some((t, tau)) => t.iter().zip(tau).map(|(t, tau)| t - tau).collect(),
        };
        self.sums = self.linear.solve(program, &start, &goal, &self.sums);
        for ((u, &p), sign) in self.u.chunks_mut(e).zip(&program.pattern).zip(&program.signs) {
            for (a, u) in u.iter_mut().enumerate() {
                *u += sign * (self.sums[p * e + a] - start[p * e + a]) / program.count[p];
            }
        }
        self.products = product(program.x.as_ref(), &self.u);
        program.orient(&mut self.products);
        self.f = program.outputs(&self.products);
        self.bias = program.mean(goal.iter().zip(&self.f).map(|(goal, f)| goal - f));
        self.f.iter_mut().for_each(|f| *f += self.bias);
        // v and α.
        let short = self.lambda / self.linear.rho;
        for ((u, v), alpha) in self.u.chunks(e).zip(self.v.chunks_mut(e)).zip(self.alpha.chunks_mut(e)) {
            for ((alpha, u), v) in alpha.iter_mut().zip(u).zip(&*v) {
                *alpha += RELAX * u + (1.0 - RELAX) * v;
            }
            let size = length(alpha);
            let keep = if size > short { 1.0 - short / size } else { 0.0 };
            for (v, alpha) in v.iter_mut().zip(alpha) {
                *v = keep * *alpha;
                *alpha -= *v;
            }
        }
        // e and β.
        for ((product, inside), beta) in self.products.iter().zip(&mut self.inside).zip(&mut self.beta) {
            let value = RELAX * product + (1.0 - RELAX) * *inside + *beta;
            *inside = value.max(0.0);
            *beta = value.min(0.0);
        }
        // t and τ.
        if let Some((t, tau)) = &mut self.copy {
            for (k, (t, tau)) in t.iter_mut().zip(tau).enumerate() {
                let value = RELAX * self.f[k] + (1.0 - RELAX) * *t + *tau;
                *t = nearest(loss, value, program.y[k], self.linear.curvature);
                *tau = value - *t;
            }
        }
    }

    /// Σ_{i∈p} s_i u_i.
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
        let (program, e, rho) = (self.program, self.program.e(), self.linear.rho);
        let apart = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
        let gap = apart(&self.u, &self.v) + self.cones * apart(&self.products, &self.inside);
        let mut primal = gap.sqrt() / length(&self.v).max(self.size);
        let mut slopes: Vec<f64> = match &self.copy {
            None => self.f.iter().zip(&program.y).map(|(&f, &y)| loss.slope(f, y)).collect(),
            Some((t, tau)) => {
                let weighted = |values: &dyn Fn(usize) -> f64| {
                    program.omega.iter().enumerate().map(|(k, o)| o * values(k).powi(2)).sum::<f64>().sqrt()
                };
                let scale = weighted(&|k| t[k]).max(weighted(&|k| program.y[k])).max(f64::MIN_POSITIVE);
                primal = primal.max(weighted(&|k| self.f[k] - t[k]) / scale);
                tau.iter().map(|tau| self.linear.curvature * tau).collect()
            }
        };
        if program.free_bias {
            dual::balance(&mut slopes, &program.omega);
        }
        let weighted: Vec<f64> = slopes.iter().zip(&program.omega).map(|(g, omega)| -omega * g).collect();
        let by_pattern = program.pattern_adjoint(&weighted);
        let mut forces = self.beta.clone();
        program.orient(&mut forces);
        let forces = product(program.x.transpose(), &forces);
        let (mut steepest, mut apart) = (0.0f64, 0.0);
        for (i, (alpha, force)) in self.alpha.chunks(e).zip(forces.chunks(e)).enumerate() {
            let pull = &by_pattern[program.pattern[i] * e..][..e];
            let slope: Vec<f64> = (0..e).map(|a| program.signs[i] * pull[a] - rho * self.cones * force[a]).collect();
            steepest = steepest.max(length(&slope));
            apart += slope.iter().zip(alpha).map(|(slope, alpha)| (slope - rho * alpha).powi(2)).sum::<f64>();
        }
        let dual = apart.sqrt() / (self.lambda * (program.signs.len() as f64).sqrt());
        (primal, dual, dual::bound(loss, &slopes, &program.y, &program.omega, steepest, self.lambda))
    }

    /// The network of the short weights, as the relu network that it is.
    fn network(&self, loss: &Loss) -> Network {
        let (program, n, e) = (self.program, self.program.n(), self.program.e());
        let lengths: Vec<f64> = self.v.chunks(e).map(length).collect();
        let some: Vec<usize> = (0..lengths.len()).filter(|&i| lengths[i] > 0.0).collect();
        let weights: Vec<f64> = some.iter().flat_map(|&i| &self.v[i * e..][..e]).copied().collect();
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
        Network { weights: self.v.clone(), bias: self.bias, objective, violation: violation / largest }
    }

    /// ρ times a factor; the multipliers stay what they are.
    fn change_rho(&mut self, factor: f64) -> Result<Option<()>> {
        self.alpha.iter_mut().chain(&mut self.beta).for_each(|multiplier| *multiplier /= factor);
        self.linear.set_rho(self.program, self.linear.rho * factor)
    }
}

/// argmin over t of loss(t, y) + κ/2 (t − a)²: the root of an increasing function, which lies between a and a − loss′(a)/κ.
fn nearest(loss: &Loss, a: f64, y: f64, curvature: f64) -> f64 {
    let slope = loss.slope(a, y);
    let end = a - slope / curvature;
    let (mut low, mut high) = (a.min(end), a.max(end));
    let mut t = 0.5 * (low + high);
    for step in 0..200 {
        if high - low <= 4.0 * f64::EPSILON * a.abs().max(end.abs()) {
            break;
        }
        let rise = loss.slope(t, y) + curvature * (t - a);
        if rise > 0.0 {
            high = t
        } else {
            low = t
        }
        let newton = t - rise / (curvature + loss.curvature(t, y));
        if (newton - t).abs() <= f64::EPSILON * t.abs() {
            return newton.clamp(low, high);
        }
        // Where the slope jumps, Newton's steps need not end: every other one halves the bracket.
        t = if step % 2 == 0 && low < newton && newton < high { newton } else { 0.5 * (low + high) };
    }
    t
}
