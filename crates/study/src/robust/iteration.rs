//! The alternating direction method of multipliers on the program; the module's page says which copies there are.

use super::problem::{Candidate, Problem};
use super::repair::Repair;
use super::row::{Penalties, Row};
use super::settings::Settings;
use crate::admm::Groups;
use crate::admm::products::{gram_eigenvectors, product_by};
use faer::{Mat, MatRef};
use rayon::prelude::*;
use std::ops::ControlFlow;
use tautnet::ending::{Cause, Early, Ending};
use tautnet::unit::{Affine, Unit, from_units};
use tautnet::{Dataset, Shallow, Stop, error::Result};

/// How far the copies are taken beyond what the linear system makes.
const RELAX: f64 = 1.6;
/// Iterations between two looks at the network and the bound.
const CHECK: usize = 20;
/// Residuals that are so many times apart change a penalty.
const APART: f64 = 1.5;
/// The square of what is little beside products whose sum is as large as the targets.
const LITTLE: f64 = 0.01;
/// Columns of a product that one thread makes at a time.
const COLUMNS: usize = 12;

/// What is known after some iterations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// The number of iterations so far.
    pub iteration: usize,
    /// The objective of the weights at hand.
    pub objective: f64,
    /// The least of these so far.
    pub best: f64,
    /// The best lower bound on the optimum so far.
    pub lower_bound: f64,
}

/// Called whenever these are known; `Break` ends the run with the best network so far.
pub type Observer<'a> = dyn FnMut(&Progress) -> ControlFlow<()> + Send + 'a;

/// A network with what is known of its objective.
#[derive(Debug, Clone, PartialEq)]
pub struct Robust {
    /// The best network that was seen. With hard cells its units are in theirs.
    pub network: Shallow,
    /// Its objective in the program: worst-case loss by the labels given, and λ_w times the lengths of the units.
    pub objective: f64,
    /// The mean worst-case loss by the labels.
    pub loss: f64,
    /// The value of a feasible dual point: no network has a smaller objective in the program, up to rounding.
    pub lower_bound: f64,
    /// The number of iterations.
    pub iterations: usize,
    /// How it ended.
    pub ending: Ending,
    /// What was known on the way.
    pub trace: Vec<Progress>,
}

impl Robust {
    /// How much less the optimum could be, relative to the objective.
    pub fn gap(&self) -> f64 {
        (self.objective - self.lower_bound) / self.objective
    }
}

/// The least worst case over a network with given patterns and signs.
pub fn robust(groups: &Groups, data: &Dataset, settings: &Settings, observer: &mut Observer<'_>) -> Result<Robust> {
    let problem = Problem::new(groups, data, settings)?;
    let stop = Stop::here();
    let mut best = problem.candidate(vec![0.0; problem.m() * problem.e()]);
    let (mut trace, mut lower_bound, mut iteration) = (Vec::new(), 0.0f64, 0);
    let early = |cause| Ending::from(Early { cause, gap: None });
    let mut ending = early(Cause::Interrupted(None));
    if !stop.asked() {
        let mut run = Run::new(&problem)?;
        let mut repair = Repair::new(&problem);
        let mut balance_at = CHECK;
        while !stop.asked() {
            iteration += 1;
            let balance = iteration == balance_at;
            if balance {
                balance_at += CHECK.max(balance_at / 3);
            }
            run.step(balance);
            let last = iteration >= settings.iterations;
            if !iteration.is_multiple_of(CHECK) && !last {
                continue;
            }
            let mut weights = run.short.clone();
            repair.put_right(&mut weights);
            let now = problem.candidate(weights);
            let objective = now.objective;
            if objective < best.objective {
                best = now;
            }
            lower_bound = lower_bound.max(problem.bound(&run.sides, run.multipliers()));
            let told = Progress { iteration, objective, best: best.objective, lower_bound };
            trace.push(told);
            let verdict = observer(&told);
            if best.objective - lower_bound <= settings.tolerance * best.objective {
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
        }
    }
    let Candidate { weights, bias, loss, objective } = best;
    let e = problem.e();
    let units: Vec<Unit> = weights
        .chunks(e)
        .zip(&problem.plain.signs)
        .map(|(weights, &sign)| {
            let mut z = vec![0.0; data.columns()];
            problem.columns.iter().zip(weights).for_each(|(&j, weight)| z[j] = *weight);
            Unit { z, bias: weights[e - 1], sign }
        })
        .collect();
    let network = from_units(units.iter(), data.columns(), Affine::constant(bias))?;
    Ok(Robust { network, objective, loss, lower_bound, iterations: iteration, ending, trace })
}

/// The iterate.
struct Run<'a> {
    problem: &'a Problem,
    /// Eigenvalues and eigenvectors of X̄ᵀX̄ and of SᵀS.
    columns: (Vec<f64>, Mat<f64>),
    units: (Vec<f64>, Mat<f64>),
    /// β and γ, those of the copies of z̄ and of u; and those of the outputs.
    beta: f64,
    gamma: f64,
    penalties: Penalties,
    /// z̄ and u, from the linear system, their copies, and their multipliers over β and γ.
    weights: Vec<f64>,
    short: Vec<f64>,
    lift: Vec<f64>,
    reach: Vec<f64>,
    wide: Vec<f64>,
    push: Vec<f64>,
    bias: f64,
    /// The outputs' copies and their multipliers over the penalties, row by row.
    outputs: Vec<f64>,
    forces: Vec<f64>,
    /// a⁺ and a⁻ of every row.
    sides: Vec<[f64; 2]>,
}

impl<'a> Run<'a> {
    fn new(problem: &'a Problem) -> Result<Self> {
        let (n, m, e) = (problem.n(), problem.m(), problem.e());
        let signed = Mat::from_fn(n, m, |k, i| if problem.row(k)[i] { problem.plain.signs[i] } else { 0.0 });
        let omega = 1.0 / n as f64;
        Ok(Self {
            problem,
            columns: gram_eigenvectors(problem.plain.x.as_ref())?,
            units: gram_eigenvectors(signed.as_ref())?,
            beta: problem.lambda,
            gamma: 1.0,
            penalties: Penalties { products: omega, reaches: omega, slopes: omega },
            weights: vec![0.0; m * e],
            short: vec![0.0; m * e],
            lift: vec![0.0; m * e],
            reach: vec![0.0; m],
            wide: vec![0.0; m],
            push: vec![0.0; m],
            bias: 0.0,
            outputs: vec![0.0; n * problem.width()],
            forces: vec![0.0; n * problem.width()],
            sides: vec![[0.0; 2]; n],
        })
    }

    /// Whether u of a unit has a part in a row's loss.
    fn counts(&self, k: usize, i: usize) -> bool {
        self.problem.hard || self.problem.side(k).is_none_or(|side| side == self.problem.plain.signs[i])
    }

    /// One iteration; `balance` the penalties after it.
    fn step(&mut self, balance: bool) {
        let before = balance.then(|| (self.outputs.clone(), self.short.clone(), self.wide.clone()));
        self.linear();
        let problem = self.problem;
        let (products, slopes) = (problem.products(&self.weights), problem.slopes(&self.weights));
        self.copies(&products, &slopes);
        if let Some((outputs, short, wide)) = before {
            self.balance(&products, &slopes, &outputs, &short, &wide);
        }
    }

    /// z̄, u and c.
    fn linear(&mut self) {
        let (problem, penalties) = (self.problem, self.penalties);
        let (m, e, n) = (problem.m(), problem.e(), problem.n());
        let goals = self.scaled(|copy, force| copy - force);
        let mut side = problem.adjoint(&goals);
        for ((side, short), lift) in side.iter_mut().zip(&self.short).zip(&self.lift) {
            *side += self.beta * (short - lift);
        }
        let square = |values: &[f64], matrix: MatRef<'_, f64>| {
            product_by(COLUMNS, MatRef::from_column_major_slice(values, e, m), matrix)
        };
        let column = |matrix: MatRef<'_, f64>, values: &[f64]| {
            product_by(COLUMNS, matrix, MatRef::from_column_major_slice(values, e, m))
        };
        let mut turned = square(&column(self.columns.1.transpose(), &side), self.units.1.as_ref());
        for (turned, unit) in turned.chunks_mut(e).zip(&self.units.0) {
            for (value, eigen) in turned.iter_mut().zip(&self.columns.0) {
                *value /= self.beta + penalties.products * eigen + penalties.slopes * unit;
            }
        }
        self.weights = column(self.columns.1.as_ref(), &square(&turned, self.units.1.transpose()));
        let width = problem.width();
        for i in 0..m {
            let (mut sum, mut count) = (self.gamma * (self.wide[i] - self.push[i]), self.gamma);
            for k in (0..n).filter(|&k| self.counts(k, i)) {
                sum += goals[k * width + m + i];
                count += penalties.reaches;
            }
            self.reach[i] = sum / count;
        }
        if problem.plain.free_bias {
            self.bias = goals.chunks(width).map(|row| row[width - 1]).sum::<f64>() / (penalties.products * n as f64);
        }
    }

    /// A number of every output's copy and multiplier, times its penalty.
    fn scaled(&self, of: impl Fn(f64, f64) -> f64 + Sync) -> Vec<f64> {
        let (m, width, penalties) = (self.problem.m(), self.problem.width(), self.penalties);
        let mut scaled = vec![0.0; self.outputs.len()];
        let rows = self.outputs.par_chunks(width).zip(self.forces.par_chunks(width));
        scaled.par_chunks_mut(width).zip(rows).for_each(|(to, (copies, forces))| {
            let mut part = |range: std::ops::Range<usize>, penalty: f64| {
                for j in range {
                    to[j] = penalty * of(copies[j], forces[j]);
                }
            };
            part(0..m, penalties.products);
            part(m..2 * m, penalties.reaches);
            part(2 * m..width - 1, penalties.slopes);
            part(width - 1..width, penalties.products);
        });
        scaled
    }

    /// The multipliers of the outputs.
    fn multipliers(&self) -> Vec<f64> {
        self.scaled(|_, force| force)
    }

    /// The proximal steps, and the multipliers.
    fn copies(&mut self, products: &[f64], slopes: &[f64]) {
        let (problem, penalties, bias) = (self.problem, self.penalties, self.bias);
        let (m, e, width) = (problem.m(), problem.e(), problem.width());
        let relaxed = |new: f64, old: f64, force: f64| RELAX * new + (1.0 - RELAX) * old + force;
        let reach = &self.reach;
        let rows = self.outputs.par_chunks_mut(width).zip(self.forces.par_chunks_mut(width));
        rows.zip(&mut self.sides).enumerate().for_each(|(k, ((copy, force), sides))| {
            let ours = products[k * m..][..m].iter().chain(reach).chain(&slopes[k * e..][..e]).chain([&bias]);
            for ((copy, force), new) in copy.iter_mut().zip(&mut *force).zip(ours) {
                *copy = relaxed(*new, *copy, *force);
                *force = *copy;
            }
            let (h, rest) = copy.split_at_mut(m);
            let (u, rest) = rest.split_at_mut(m);
            let (g, c) = rest.split_at_mut(e);
            Row { problem, k, h, u, g, c: &mut c[0], penalties }.step(sides);
            force.iter_mut().zip(copy).for_each(|(force, copy)| *force -= *copy);
        });
        let (beta, gamma) = (self.beta, self.gamma);
        let weights = self.short.par_chunks_mut(e).zip(self.lift.par_chunks_mut(e)).zip(self.weights.par_chunks(e));
        let reaches = self.wide.par_iter_mut().zip(&mut self.push).zip(&self.reach);
        weights.zip(reaches).for_each(|(((short, lift), new), ((wide, push), reach))| {
            for ((short, lift), new) in short.iter_mut().zip(&mut *lift).zip(new) {
                *short = relaxed(*new, *short, *lift);
                *lift = *short;
            }
            let goal = relaxed(*reach, *wide, *push);
            *wide = problem.nearest_unit(beta, gamma, short, goal);
            *push = goal - *wide;
            lift.iter_mut().zip(short).for_each(|(lift, short)| *lift -= *short);
        });
    }

    /// Penalties for which copies are as far apart, relative to their size, as multipliers move relative to theirs; each kind of copy by itself.
    fn balance(&mut self, products: &[f64], slopes: &[f64], outputs: &[f64], short: &[f64], wide: &[f64]) {
        let (m, e, width) = (self.problem.m(), self.problem.e(), self.problem.width());
        let mut sums = [Sums::default(); 5];
        for k in 0..self.problem.n() {
            let at = k * width;
            let now = |j: usize| (self.outputs[at + j], outputs[at + j], self.forces[at + j]);
            (0..m).for_each(|i| sums[0].add(products[k * m + i], now(i)));
            (0..m).filter(|&i| self.counts(k, i)).for_each(|i| sums[1].add(self.reach[i], now(m + i)));
            (0..e - 1).for_each(|j| sums[2].add(slopes[k * e + j], now(2 * m + j)));
        }
        for (j, new) in self.weights.iter().enumerate() {
            sums[3].add(*new, (self.short[j], short[j], self.lift[j]));
        }
        for (i, new) in self.reach.iter().enumerate() {
            sums[4].add(*new, (self.wide[i], wide[i], self.push[i]));
        }
        // Where copies come to nothing, as where hard cells hold no weights, they are small beside what would be of use.
        let n = self.problem.n() as f64;
        let squares = |values: &[f64]| values.iter().map(|value| value * value).sum::<f64>();
        let product = LITTLE * squares(&self.problem.plain.y) / (n * m as f64);
        let weight = product * n / self.columns.0.iter().sum::<f64>();
        let (units, inputs) = (m as f64, e as f64);
        let pairs = n * units * product;
        let least = [pairs, pairs, n * inputs * units * weight, units * inputs * weight, units * product];
        let factor: [f64; 5] = std::array::from_fn(|kind| sums[kind].factor(least[kind]));
        for row in self.forces.chunks_mut(width) {
            row[..m].iter_mut().for_each(|force| *force /= factor[0]);
            row[m..2 * m].iter_mut().for_each(|force| *force /= factor[1]);
            row[2 * m..width - 1].iter_mut().for_each(|force| *force /= factor[2]);
            row[width - 1] /= factor[0];
        }
        self.lift.iter_mut().for_each(|lift| *lift /= factor[3]);
        self.push.iter_mut().for_each(|push| *push /= factor[4]);
        self.penalties.products *= factor[0];
        self.penalties.reaches *= factor[1];
        self.penalties.slopes *= factor[2];
        self.beta *= factor[3];
        self.gamma *= factor[4];
    }
}

/// Squares of one kind of copy.
#[derive(Clone, Copy, Default)]
struct Sums {
    apart: f64,
    size: f64,
    moved: f64,
    force: f64,
}

impl Sums {
    fn add(&mut self, new: f64, (copy, before, force): (f64, f64, f64)) {
        self.apart += (new - copy).powi(2);
        self.size += copy * copy;
        self.moved += (copy - before).powi(2);
        self.force += force * force;
    }

    /// What the penalty is multiplied by; copies have at least this size.
    fn factor(&self, least: f64) -> f64 {
        let ratio = ((self.apart / self.size.max(least)) / (self.moved / self.force)).sqrt();
        if !ratio.is_finite() || ratio == 0.0 || (1.0 / APART..=APART).contains(&ratio) {
            return 1.0;
        }
        ratio.sqrt().clamp(0.2, 5.0)
    }
}
