//! Relu networks by an augmented Lagrangian (Mishkin, Sahiner and Pilanci, arXiv:2202.01331): program (6).
//!
//! ```text
//! minimize over z̄, c    Σ_k ω_k (f(x_k) − y_k)² + λ_w Σ_j ‖z̄_j‖₂     s.t.  (B_j z̄_j)_k = σ_jk x̄_k·z̄_j ≥ 0
//!
//! z̄ ← argmin   loss(Φz) + λ_w Σ ‖z̄_j‖ + β/2 Σ_jk (Y_jk/β − (B_j z̄_j)_k)₊²        by restarted FISTA, from the last z̄
//! Y ← (Y − β B z̄)₊
//! ```
//!
//! At an optimum a group touches few of its n cones, about d of them, so only those that were violated lately are kept,
//! as a list of pairs (j, k): of size n × groups a step knows nothing but the bits of the patterns. After every inner
//! problem all cones of the groups that are not 0 are looked at, n products for each of these, and those violated most
//! join the list. The penalty's curvature β Σ x̄_k x̄_kᵀ over a group's list goes into the metric of the steps, so that
//! a stiff penalty does not shorten them.
//!
//! Upper bound: each z̄_j is projected a little into its cell, by some sweeps over the rows that are close, then moved
//! by the least multiple of a point inside that satisfies every cone: of the given unit's own weights, or where these
//! have a pre-activation of 0, of weights with another bias that have none. Where the pattern is there with both signs,
//! the other sign may be moved by as much: the function then stays the same and only λ_w Σ ‖z̄_j‖ grows, which is
//! better while z̄ is far from its cells. Both are tried. A cell that is as thin as rounding may have no such point
//! inside, and a move may fail: what comes out counts only if every cone then holds, and with the objective of its relu
//! network.
//!
//! A run that is stopped early has a third candidate, the network whose units have left their cells a little: it is
//! judged as any relu network is, by its objective recomputed.

use super::fista::{Descent, Point, Smooth, Spectrum, Step};
use super::problem::{Fit, Problem, dot, length};
use super::settings::Settings;
use super::solution::{Observer, Progress, Solution, judge, loss_of};
use faer::{Accum, Mat, MatRef, Par, Side, linalg::matmul::matmul};
use std::ops::ControlFlow;
use tautnet::ending::Ending;
use tautnet::unit::{Affine, Unit, from_units};
use tautnet::{Dataset, Shallow, error::Result};

/// Cones of one group that join the list at a time, at most, per entry of z̄_j.
const JOIN: usize = 1;
/// Updates of the multipliers after which a cone that did not matter leaves the list. Long lists are most of a step's
/// work: with 10 (and 4 to join) the lists were three times as long at the start of a run, and so were the times.
const IDLE: u32 = 3;
/// Steps of one inner problem, at least and at most; and a part of all steps so far, at most: early on, while cones
/// that matter are still missing from the lists, an exact solution is of the wrong problem.
const LEAST: usize = 50;
const INNER: usize = 1000;
const PART: usize = 4;
/// An inner problem ends when a step is worth this part of the gap: less exact ones mislead the multipliers.
const ACCURATE: f64 = 1e-9;
/// β times the mean square of a group of d + 1 violated cones, over the loss's curvature. It may be large, since the
/// cones' own curvature does not shorten the steps; how large matters little within a factor of 10.
const STIFF: f64 = 30.0;
/// Points are projected into their cells every so many steps, at least.
const REPAIR: usize = 400;
/// What rounding may leave of a violation, −σ_jk x̄_k·z̄_j / (‖x̄_k‖ max_j ‖z̄_j‖), in a point that is in its cells;
/// and of a pre-activation that is 0, over ‖x̄_k‖ ‖w̄_j‖.
const ROUNDING: f64 = 1e-12;

/// A relu network with the evidence; units that the program made 0 are left out.
pub type Relu = Solution<Shallow>;

/// Train a relu network with the patterns and signs of `network`; its weights only say where each cell is.
pub fn relu(network: &Shallow, data: &Dataset, settings: &Settings, observer: &mut Observer<'_>) -> Result<Relu> {
    let problem = Problem::new(network, data, settings, true)?;
    let cells = Cells::new(&problem, network);
    let mut descent = Descent { lambda: problem.lambda, width: problem.width, curvature: 1e-3, steps: 0 };
    let mut augmented =
        Augmented { problem: &problem, pairs: Vec::new(), gamma: Vec::new(), delta: 0.0, spectra: Vec::new() };
    augmented.decompose();
    let mut point = Point { u: vec![0.0; problem.size()], image: vec![0.0; problem.n()] };
    let (mut ending, mut trace) = (Ending::Solved, Vec::new());
    // The zero network is feasible, and 0 is a lower bound.
    let fit = problem.fit(&point.image);
    let (mut best, mut lower_bound) = (Best { u: point.u.clone(), bias: fit.bias, objective: fit.loss }, 0.0f64);
    // The best network whose units may have left their cells.
    let mut outside = Best { u: Vec::new(), bias: 0.0, objective: f64::INFINITY };
    let mut repair = 0;
    let mut accuracy = problem.lambda;
    loop {
        let first = descent.steps;
        let most = (first / PART).clamp(LEAST, INNER);
        point = descent.run(&augmented, point, |descent, Step { decrement, .. }| {
            let taken = descent.steps - first;
            match (taken >= LEAST && decrement <= accuracy) || taken >= most || descent.steps >= settings.iterations {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        augmented.update(&point);
        let slacks = cells.slacks(&point.u);
        let fit = problem.fit(&point.image[..problem.n()]);
        lower_bound = lower_bound.max(augmented.lower_bound(&fit));
        best.offer_inside(&cells, cells.balanced(&point.u, &slacks));
        if descent.steps >= repair || descent.steps >= settings.iterations {
            best.offer_inside(&cells, cells.repaired(&point.u, &slacks));
            repair = descent.steps + (descent.steps / 8).max(REPAIR);
        }
        outside.offer(&problem, (problem.fit(&slacks.output), point.u.clone()));
        let progress = Progress {
            iteration: descent.steps,
            objective: best.objective,
            network: outside.objective.min(best.objective),
            lower_bound,
            violation: cells.violation(&slacks),
        };
        if judge(progress, settings, &mut trace, observer, &mut ending).is_break() {
            break;
        }
        if augmented.delta == 0.0 {
            // The penalty of a group that violates e cones is then as steep as the loss.
            let square = problem.x.chunks(problem.width).map(|x| dot(x, x)).sum::<f64>() / problem.n() as f64;
            augmented.delta = STIFF * descent.curvature / (square * problem.e as f64);
        }
        accuracy = ACCURATE * (best.objective - lower_bound);
        augmented.join(&slacks, &point.image[problem.n()..]);
        point.image = augmented.image(&point.u);
    }
    best.offer_inside(&cells, cells.repaired(&point.u, &cells.slacks(&point.u)));
    let chosen = if ending != Ending::Solved && outside.objective < best.objective { &outside } else { &best };
    let units: Vec<Unit> = chosen
        .u
        .chunks(problem.width)
        .zip(&problem.groups)
        .map(|(u, group)| Unit { z: u[..problem.e - 1].to_vec(), bias: u[problem.e - 1], sign: group.sign })
        .collect();
    let network = from_units(units.iter(), data.columns(), Affine::constant(chosen.bias))?;
    let loss = loss_of(&network.predict(data.x.as_ref()), data);
    let objective = loss + problem.penalty(&chosen.u);
    Ok(Relu { network, objective, loss, lower_bound, iterations: descent.steps, ending, trace })
}

/// The best point of some kind.
struct Best {
    u: Vec<f64>,
    bias: f64,
    objective: f64,
}

impl Best {
    fn offer(&mut self, problem: &Problem, (fit, u): (Fit, Vec<f64>)) {
        let objective = fit.loss + problem.penalty(&u);
        if objective < self.objective {
            *self = Self { u, bias: fit.bias, objective };
        }
    }

    /// A point that counts only if it is in its cells, and then with the objective of its relu network.
    fn offer_inside(&mut self, cells: &Cells<'_>, u: Vec<f64>) {
        let slacks = cells.slacks(&u);
        if cells.violation(&slacks) <= ROUNDING {
            self.offer(cells.problem, (cells.problem.fit(&slacks.output), u));
        }
    }
}

/// One cone that is kept: σ_jk x̄_k·z̄_j ≥ 0.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Pair {
    group: usize,
    row: usize,
    /// σ_jk.
    side: f64,
    /// Updates since it mattered.
    idle: u32,
}

/// The smooth part of the augmented Lagrangian on the cones of the list.
struct Augmented<'a> {
    problem: &'a Problem,
    /// By group, then by row.
    pairs: Vec<Pair>,
    gamma: Vec<f64>,
    delta: f64,
    /// β B_jᵀB_j on the list.
    spectra: Vec<Option<Spectrum>>,
}

impl Augmented<'_> {
    /// σ_jk x̄_k·z̄_j.
    fn product(&self, pair: &Pair, u: &[f64]) -> f64 {
        let width = self.problem.width;
        pair.side * dot(self.problem.row(pair.row), &u[pair.group * width..][..width])
    }

    /// `out_j += Σ_k value_jk σ_jk x̄_k`.
    fn add_adjoint(&self, values: &[f64], out: &mut [f64]) {
        let width = self.problem.width;
        for (pair, &value) in self.pairs.iter().zip(values).filter(|(_, value)| **value != 0.0) {
            let out = &mut out[pair.group * width..][..width];
            let scale = pair.side * value;
            out.iter_mut().zip(self.problem.row(pair.row)).for_each(|(out, x)| *out += scale * x);
        }
    }

    /// The multipliers' lower bound on the optimum.
    fn lower_bound(&self, fit: &Fit) -> f64 {
        let mut slopes = self.problem.adjoint(&self.problem.theta(fit));
        self.add_adjoint(&self.gamma, &mut slopes);
        self.problem.lower_bound(fit, &slopes)
    }

    /// Y ← (Y − β B z̄)₊.
    fn update(&mut self, point: &Point) {
        let slacks = &point.image[self.problem.n()..];
        self.gamma.iter_mut().zip(slacks).for_each(|(gamma, slack)| *gamma = (*gamma - self.delta * slack).max(0.0));
    }

    /// Take in the cones violated most.
    fn join(&mut self, slacks: &Slacks, list_slacks: &[f64]) {
        // A cone that neither pushes nor is pushed for long is left alone until it is violated again.
        for (pair, (gamma, slack)) in self.pairs.iter_mut().zip(self.gamma.iter().zip(list_slacks)) {
            pair.idle = if *gamma > 0.0 || *slack < 0.0 { 0 } else { pair.idle + 1 };
        }
        let mut joined: Vec<(Pair, f64)> =
            self.pairs.drain(..).zip(self.gamma.drain(..)).filter(|(pair, _)| pair.idle < IDLE).collect();
        let known: std::collections::HashSet<(usize, usize)> =
            joined.iter().map(|(pair, _)| (pair.group, pair.row)).collect();
        for (place, &group) in slacks.groups.iter().enumerate() {
            let slack = |k: usize| slacks.values[(k, place)];
            let mut violated: Vec<usize> =
                (0..self.problem.n()).filter(|&k| slack(k) < 0.0 && !known.contains(&(group, k))).collect();
            violated.sort_by(|&a, &b| slack(a).total_cmp(&slack(b)));
            violated.truncate(JOIN * self.problem.e);
            let side = |row: usize| self.problem.orientation(group, row);
            joined.extend(violated.into_iter().map(|row| (Pair { group, row, side: side(row), idle: 0 }, 0.0)));
        }
        joined.sort_by_key(|(pair, _)| (pair.group, pair.row));
        (self.pairs, self.gamma) = joined.into_iter().unzip();
        self.decompose();
    }

    /// The list of each group.
    fn lists(&self) -> impl Iterator<Item = &[Pair]> {
        self.pairs.chunk_by(|a, b| a.group == b.group)
    }

    /// The penalty's curvature of group j, β Σ x̄_k x̄_kᵀ over the list.
    fn decompose(&mut self) {
        let (e, width) = (self.problem.e, self.problem.width);
        let mut spectra: Vec<Option<Spectrum>> = (0..self.problem.groups.len()).map(|_| None).collect();
        for list in self.lists() {
            let rows = Mat::from_fn(list.len(), e, |p, a| self.problem.row(list[p].row)[a]);
            let mut gram = Mat::<f64>::zeros(e, e);
            matmul(&mut gram, Accum::Replace, rows.transpose(), &rows, self.delta, Par::Seq);
            let Ok(eigen) = gram.self_adjoint_eigen(Side::Lower) else { continue };
            let mut basis = vec![0.0; e * width];
            for (a, q) in basis.chunks_mut(width).enumerate() {
                (0..e).for_each(|k| q[k] = eigen.U()[(k, a)]);
            }
            let values = (0..e).map(|a| eigen.S()[a].max(0.0)).collect();
            spectra[list[0].group] = Some(Spectrum { basis, values });
        }
        self.spectra = spectra;
    }
}

impl Smooth for Augmented<'_> {
    fn image(&self, u: &[f64]) -> Vec<f64> {
        let mut image = self.problem.output(u);
        image.extend(self.pairs.iter().map(|pair| self.product(pair, u)));
        image
    }

    fn gradient(&self, image: &[f64]) -> Vec<f64> {
        let (output, slacks) = image.split_at(self.problem.n());
        let mut slopes = self.problem.adjoint(&self.problem.theta(&self.problem.fit(output)));
        let forces: Vec<f64> =
            self.gamma.iter().zip(slacks).map(|(gamma, slack)| (gamma - self.delta * slack).max(0.0)).collect();
        self.add_adjoint(&forces, &mut slopes);
        slopes.iter_mut().for_each(|slope| *slope = -*slope);
        slopes
    }

    fn excess(&self, step: &[f64]) -> f64 {
        // The cones' part is at most what that curvature has.
        self.problem.curvature(&step[..self.problem.n()])
    }

    fn product(&self, a: &[f64], b: &[f64]) -> f64 {
        let n = self.problem.n();
        self.delta * a[n..].iter().zip(&b[n..]).map(|(a, b)| a * b).sum::<f64>()
    }

    fn spectrum(&self, group: usize) -> Option<&Spectrum> {
        self.spectra[group].as_ref()
    }
}

/// All cones, for the groups that are not 0.
struct Cells<'a> {
    problem: &'a Problem,
    /// A point of each group's cell, padded, if its unit's bias alone leads to one.
    inside: Vec<f64>,
    /// ‖x̄_k‖.
    depth: Vec<f64>,
}

/// `σ_jk x̄_k·z̄_j` for the groups that are not 0, n × groups.
struct Slacks {
    groups: Vec<usize>,
    values: Mat<f64>,
    largest: f64,
    /// Σ_j s_j relu(x̄_k·z̄_j): what the units do as a relu network, inside their cells or not.
    output: Vec<f64>,
}

impl<'a> Cells<'a> {
    fn new(problem: &'a Problem, network: &Shallow) -> Self {
        let mut inside = vec![0.0; problem.size()];
        for (j, inside) in inside.chunks_mut(problem.width).enumerate() {
            let unit = problem.groups[j].unit;
            (0..problem.e - 1).for_each(|k| inside[k] = network.w()[(unit, k)]);
            inside[problem.e - 1] = network.b()[unit];
            if let Some(bias) = untied(problem, j, inside) {
                inside[problem.e - 1] = bias;
            }
        }
        let depth = problem.x.chunks(problem.width).map(length).collect();
        Self { problem, inside, depth }
    }

    /// Products with all rows.
    fn slacks(&self, u: &[f64]) -> Slacks {
        let (problem, width) = (self.problem, self.problem.width);
        let lengths: Vec<f64> = u.chunks(width).map(length).collect();
        let groups: Vec<usize> = (0..lengths.len()).filter(|&j| lengths[j] > 0.0).collect();
        let columns = Mat::from_fn(width, groups.len(), |a, j| u[groups[j] * width + a]);
        let x = MatRef::from_row_major_slice(&problem.x, problem.n(), width);
        let mut values = Mat::zeros(problem.n(), groups.len());
        matmul(&mut values, Accum::Replace, x, &columns, 1.0, Par::Seq);
        let mut output = vec![0.0; problem.n()];
        for (place, &group) in groups.iter().enumerate() {
            let sign = problem.groups[group].sign;
            for (k, (value, out)) in values.col_as_slice_mut(place).iter_mut().zip(&mut output).enumerate() {
                *out += sign * value.max(0.0);
                *value *= problem.orientation(group, k);
            }
        }
        let largest = lengths.iter().fold(0.0f64, |most, &l| most.max(l));
        Slacks { groups, values, largest, output }
    }

    /// max −σ_jk x̄_k·z̄_j / (‖x̄_k‖ max_j ‖z̄_j‖), or 0 where no cone is violated.
    fn violation(&self, slacks: &Slacks) -> f64 {
        let columns =
            (0..slacks.groups.len()).flat_map(|place| slacks.values.col_as_slice(place).iter().zip(&self.depth));
        let worst = columns.fold(0.0f64, |worst, (slack, depth)| worst.max(-slack / depth));
        if slacks.largest > 0.0 { worst / slacks.largest } else { 0.0 }
    }

    /// The point moved into the cells.
    fn repaired(&self, u: &[f64], slacks: &Slacks) -> Vec<f64> {
        let (problem, width) = (self.problem, self.problem.width);
        let mut moved = u.to_vec();
        let depth = &self.depth;
        for (place, &group) in slacks.groups.iter().enumerate() {
            let own = &mut moved[group * width..][..width];
            let slack = slacks.values.col(place);
            let worst = (0..problem.n()).fold(0.0f64, |worst, k| worst.max(-slack[k] / depth[k]));
            if worst > 0.0 {
                // A little deeper than the boundary: some sweeps then end inside.
                let rows: Vec<(&[f64], f64)> = (0..problem.n())
                    .filter(|&k| slack[k] < 3.0 * worst * depth[k])
                    .map(|k| (problem.row(k), problem.orientation(group, k)))
                    .collect();
                project(own, &rows, worst);
            }
        }
        let slacks = self.slacks(&moved);
        for (group, shift) in self.shifts(&slacks) {
            moved[group * width..][..width].iter_mut().zip(shift).for_each(|(u, shift)| *u += shift);
        }
        moved
    }

    /// The point moved into the cells as [`Cells::repaired`] does it in the end, and the groups of the other sign,
    /// where there are any, by as much.
    fn balanced(&self, u: &[f64], slacks: &Slacks) -> Vec<f64> {
        let (groups, width) = (&self.problem.groups, self.problem.width);
        let mut moved = u.to_vec();
        for (group, shift) in self.shifts(slacks) {
            let pattern = groups[group].pattern;
            for j in (0..groups.len()).filter(|&j| groups[j].pattern == pattern) {
                moved[j * width..][..width].iter_mut().zip(&shift).for_each(|(u, shift)| *u += shift);
            }
        }
        moved
    }

    /// For each group that violates a cone, the least multiple of its point inside that satisfies all in which this
    /// point has a margin.
    fn shifts(&self, slacks: &Slacks) -> Vec<(usize, Vec<f64>)> {
        let (problem, width) = (self.problem, self.problem.width);
        let mut shifts = Vec::new();
        for (place, &group) in slacks.groups.iter().enumerate() {
            let inside = &self.inside[group * width..][..width];
            let slack = slacks.values.col_as_slice(place);
            let tau = (0..problem.n())
                .filter(|&k| slack[k] < 0.0)
                .map(|k| (-slack[k], problem.orientation(group, k) * dot(problem.row(k), inside)))
                .filter(|(_, margin)| *margin > 0.0)
                .fold(0.0, |tau: f64, (lacking, margin)| tau.max(lacking / margin));
            if tau > 0.0 {
                shifts.push((group, inside.iter().map(|g| tau * g).collect()));
            }
        }
        shifts
    }
}

/// Another bias for a unit that has a pre-activation of 0, up to rounding: halfway between the rows that are on and
/// those that are off. As 0 counts as on there is room between them, except where rounding has put such rows on either
/// side.
fn untied(problem: &Problem, group: usize, unit: &[f64]) -> Option<f64> {
    let (size, bias) = (length(unit), unit[problem.e - 1]);
    let (mut tied, mut on, mut off) = (false, f64::INFINITY, f64::INFINITY);
    for k in 0..problem.n() {
        let (row, side) = (problem.row(k), problem.orientation(group, k));
        let margin = side * dot(row, unit);
        tied |= margin <= ROUNDING * length(row) * size;
        let least = if side > 0.0 { &mut on } else { &mut off };
        *least = least.min(margin);
    }
    // Where all rows are on, any higher bias will do; a unit of zeros has none of its own scale.
    let room = if off < f64::INFINITY { off - on } else { 2.0 * if size > 0.0 { size } else { 1.0 } };
    tied.then_some(bias + 0.5 * room)
}

/// Towards the nearest point with `side x·u ≥ 0` for all rows: Hildreth's method, dual coordinate ascent, some sweeps.
fn project(u: &mut [f64], rows: &[(&[f64], f64)], depth: f64) {
    const SWEEPS: usize = 30;
    let squares: Vec<f64> = rows.iter().map(|(x, _)| dot(x, x)).collect();
    let mut forces = vec![0.0f64; rows.len()];
    for _ in 0..SWEEPS {
        let mut changed = false;
        for (r, (x, side)) in rows.iter().enumerate() {
            let force = (forces[r] - (side * dot(x, u) - depth * squares[r].sqrt()) / squares[r]).max(0.0);
            let change = force - forces[r];
            if change != 0.0 {
                forces[r] = force;
                changed = true;
                u.iter_mut().zip(*x).for_each(|(u, x)| *u += change * side * x);
            }
        }
        if !changed {
            return;
        }
    }
}
