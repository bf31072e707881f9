//! Many unknowns: weight decay where the normal equations are too large for a factor.
//!
//! Three things make the program (6) affordable with a hundred thousand unknowns and a hundred thousand rows:
//!
//! 1. The normal equations are solved by conjugate gradients (`normal`), whose preconditioner knows all but a moderate part of them.
//!    A product with the loss's Hessian is a pass over the rows (`products`).
//! 2. Every unit has the cones of the points close to its own boundary (`lists`), and others as they come to matter.
//! 3. The start is in the middle of every unit's cell, and on the central path but for the loss's gradient.
//!
//! The end is judged by a lower bound that counts every residual (`bound`): the multipliers of the cones and the residuals of the loss,
//! scaled until they are feasible for the dual.

mod bound;
mod lists;
mod normal;
mod products;
#[cfg(test)]
mod tests;

use super::{
    layout::Layout,
    listed::Listed,
    start::{Given, central_start},
    term::Place,
    training::{Terms, TrainingProgram},
};
use bound::Proved;
use faer::Mat;
use normal::{ConjugateNormal, Fixed};
use std::{
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tautnet_cone::{
    Iteration, Linear, Observer, Outcome, Settings, Start, Status, Stop, interior_point::interior_point,
};

/// Points on a unit's list at the beginning, in parts of the length of its weights, and at least.
const CLOSEST: usize = 8;
const FEW: usize = 64;
/// Lists are looked over when the gap has come down to these.
const STAGES: [f64; 2] = [0.1, 0.01];
/// How far a point may be on the wrong side of a unit, relative to the unit's mean pre-activation: this, or this part of the gap.
const WRONG: (f64, f64) = (1e-8, 1e-3);
/// The same for points on the list, whose cones hold as far as the method's residuals allow, in parts of the mean of all units.
const LISTED: f64 = 1e-6;
/// What may be left of the equations of a direction, in parts of the gap.
const LEFT: f64 = 0.3;
/// A cone that joins is at least so far inside, in parts of the mean of its unit's others.
const INSIDE: f64 = 0.1;
/// Each time the bound falls short, the gap of the method and its residuals are to be so much smaller, this often at most.
const BETTER: f64 = 0.2;
const TRIES: usize = 6;

/// Whether the program is one that this solves: the squared error with weight decay alone.
pub(super) fn serves(layout: &Layout) -> bool {
    layout.weights
        && layout.decay
        && !layout.lmi
        && layout.exits.targets == 0
        && layout.worst.groups == 0
        && layout.reach == 0
}

/// About how much memory a solve takes, in bytes.
pub(super) fn bytes(layout: &Layout) -> f64 {
    let (n, m, e, width) = (layout.n as f64, layout.m as f64, layout.e() as f64, layout.width() as f64);
    let shared = layout.shared_len() as f64;
    // The rows thrice, one of them in single precision, and the patterns.
    let rows = n * (2.5 * e * 8.0 + m);
    // Grams, their sums of pairs, blocks, factors, and what is left of them.
    let units = 8.0 * m * (2.5 * e * e + 3.0 * width * width + e * shared);
    let together = 8.0 * 4.0 * (m + e) * (m + e);
    let pairs = 8.0 * 1024.0 * e * (e + 1.0) / 2.0;
    let listed = m * (CLOSEST as f64 * e).max(FEW as f64).min(n);
    let vectors = 8.0 * (20.0 * listed + (2.0 * 100.0 + 20.0) * m * width);
    rows + units + together + pairs + vectors
}

/// Solve `program`, which holds the cells of all rows, from the given network. Second, how many products with the
/// rows that took.
pub(super) fn solve(
    program: &TrainingProgram,
    start: &Given,
    settings: &Settings,
    observer: &mut Observer<'_>,
) -> (Outcome, usize) {
    let mut search = Search { program, settings, observer, trace: Vec::new(), products: 0, stopped: false };
    (search.run(start).unwrap_or_else(|| search.nothing()), search.products)
}

/// One solve.
struct Search<'a, 'o> {
    program: &'a TrainingProgram,
    settings: &'a Settings,
    observer: &'a mut Observer<'o>,
    trace: Vec<Iteration>,
    products: usize,
    stopped: bool,
}

impl Search<'_, '_> {
    fn run(&mut self, start: &Given) -> Option<Outcome> {
        let (program, settings) = (self.program, self.settings);
        let terms = &program.terms;
        let (loss, cells) = (terms.loss.as_ref()?, terms.cells.as_ref()?);
        let rows = &*cells.rows;
        let layout = &program.layout;
        let (n, e) = (rows.n(), layout.e());
        let first = (CLOSEST * e).max(FEW).min(n);
        let flat: Vec<f64> = (0..n).flat_map(|k| (0..e).map(move |a| rows.x[(k, a)])).collect();
        let mut listed = Listed {
            rows: cells.rows.clone(),
            flat: Arc::new(flat),
            lists: Arc::new(lists::closest(rows, start.z.as_ref(), first)?),
            ridge: cells.ridge.clone(),
            place: Place::default(),
        };
        let mut given = start.clone();
        let turn = &terms.lengths.as_ref()?.turn;
        given.z = middles(&mut listed, turn, &start.z)?;
        let fixed = Fixed::new(layout, loss)?;
        let mut part = self.with(&listed);
        let mut point = central_start(&part, &given)?;
        let mut aims: Vec<f64> = STAGES.into_iter().filter(|gap| *gap > settings.gap_relative).collect();
        aims.push(settings.gap_relative);
        let (mut aim, mut closer, mut best) = (0, 1.0, None::<Outcome>);
        let mut tries = 0;
        loop {
            let last = aim + 1 == aims.len();
            let gap = aims[aim] * if last { 0.5 * closer } else { 1.0 };
            let mut outcome = self.stage(&part, &fixed, point, gap);
            let found = part.weights(&outcome.x).to_owned();
            let wrong = wrong_side(&listed, &found, settings);
            let none = wrong.as_ref().is_some_and(|wrong| wrong.iter().all(Vec::is_empty));
            self.products = fixed.products.count();
            let stop = self.stopped || Stop::here().asked() || wrong.is_none();
            if last || stop || self.left() == 0 {
                // The bound counts the cones that are listed, and with fewer of them it is still one.
                Proved::at(&part, &fixed, &listed, &outcome).write(&part, &mut outcome, settings);
            } else {
                outcome.last.gap = f64::INFINITY;
            }
            let reached = outcome.last.gap <= settings.gap_relative && listed_hold(&listed, &found).unwrap_or(false);
            if none && best.as_ref().is_none_or(|best| outcome.last.gap < best.last.gap) {
                best = Some(outcome.clone());
            }
            tries += usize::from(last && !reached);
            if none && reached || stop || tries > TRIES || self.left() == 0 {
                let kept =
                    best.unwrap_or(Outcome { last: Iteration { gap: f64::INFINITY, ..outcome.last }, ..outcome });
                let status = match () {
                    () if kept.last.gap <= settings.gap_relative => Status::Solved,
                    () if stop => Status::Interrupted,
                    () if self.left() == 0 => Status::IterationLimit,
                    () => Status::NumericalTrouble,
                };
                return Some(Outcome { status, trace: std::mem::take(&mut self.trace), ..kept });
            }
            // Close ones join while it is early, and with those on the wrong side: what is close may be next.
            if !last || !none {
                let typical = typical(&listed, &outcome.s);
                let close = lists::below(rows, found.as_ref(), &listed.lists, &typical);
                // Where it is time to stop, the next stage ends at its first question.
                let close = close.unwrap_or_else(|| vec![Vec::new(); layout.m]);
                let before = listed.lists.clone();
                listed.lists = Arc::new(joined(&before, close));
                part = self.with(&listed);
                point = Start { x: outcome.x, s: outcome.s, z: outcome.z };
                point = widened(&part, &listed, (&before, &typical), point, outcome.last.mu);
            } else {
                point = Start { x: outcome.x, s: outcome.s, z: outcome.z };
            }
            if !last {
                aim += 1;
            } else if !reached {
                closer *= BETTER;
            }
        }
    }

    fn left(&self) -> usize {
        (self.settings.iterations + 1).saturating_sub(self.trace.len())
    }

    /// The program with these cells in the place of all.
    fn with(&self, listed: &Listed) -> TrainingProgram {
        let terms = Terms { cells: None, listed: Some(listed.clone()), ..self.program.terms.clone() };
        self.program.with(terms)
    }

    /// The interior-point method down to a gap.
    fn stage(&mut self, part: &TrainingProgram, fixed: &Fixed, start: Start, gap: f64) -> Outcome {
        let settings = Settings {
            gap_relative: gap,
            feasibility: gap,
            iterations: self.left().saturating_sub(1),
            refinements: 0,
            ..self.settings.clone()
        };
        let left = AtomicU64::new((LEFT * gap).to_bits());
        let mut normal = ConjugateNormal::new(part, fixed, &left);
        let before = self.trace.len();
        let (observer, stopped) = (&mut *self.observer, &mut self.stopped);
        let mut outcome = interior_point(part, &mut normal, &settings, Some(start), &mut |facts| {
            left.store((LEFT * facts.gap.clamp(gap, 1.0)).to_bits(), Ordering::Relaxed);
            let verdict = observer(&Iteration { iteration: before + facts.iteration, ..*facts });
            *stopped |= verdict == ControlFlow::Break(());
            verdict
        });
        let facts = outcome.trace.iter().map(|facts| Iteration { iteration: before + facts.iteration, ..*facts });
        self.trace.extend(facts);
        outcome.last.iteration += before;
        outcome
    }

    /// Nothing was found: it was time to stop before the first iteration.
    fn nothing(&mut self) -> Outcome {
        Outcome {
            status: if Stop::here().asked() { Status::Interrupted } else { Status::NumericalTrouble },
            x: vec![0.0; self.program.linear().len()],
            s: Vec::new(),
            z: Vec::new(),
            last: Iteration { gap: f64::INFINITY, ..Iteration::default() },
            trace: std::mem::take(&mut self.trace),
        }
    }
}

/// Weights in the middle of the cells, as the lists have them; points that these are on the wrong side of join.
fn middles(listed: &mut Listed, turn: &Mat<f64>, given: &Mat<f64>) -> Option<Mat<f64>> {
    let rows = listed.rows.clone();
    let mut which = vec![true; given.ncols()];
    let mut z = given.clone();
    for _ in 0..TRIES {
        let next = lists::middles(listed, turn, given.as_ref(), &which);
        (0..which.len()).filter(|&i| which[i]).for_each(|i| z.as_mut().col_mut(i).copy_from(next.col(i)));
        let wrong = lists::below(&rows, z.as_ref(), &listed.lists, &vec![0.0; given.ncols()])?;
        which = wrong.iter().map(|wrong| !wrong.is_empty()).collect();
        if !which.contains(&true) {
            break;
        }
        listed.lists = Arc::new(joined(&listed.lists, wrong));
    }
    Some(z)
}

/// Points on the wrong side of a unit that are not on its list.
fn wrong_side(listed: &Listed, z: &Mat<f64>, settings: &Settings) -> Option<Vec<Vec<u32>>> {
    let means = lists::means(&listed.rows, z.as_ref())?;
    let (all, part) = (means.iter().sum::<f64>() / means.len() as f64, WRONG.0.max(WRONG.1 * settings.gap_relative));
    let allowed: Vec<f64> = means.iter().map(|mean| -part * (mean + 1e-2 * all)).collect();
    lists::below(&listed.rows, z.as_ref(), &listed.lists, &allowed)
}

/// Whether no point is further on the wrong side than those on a list may be.
fn listed_hold(listed: &Listed, z: &Mat<f64>) -> Option<bool> {
    let means = lists::means(&listed.rows, z.as_ref())?;
    let all = means.iter().sum::<f64>() / means.len() as f64;
    let (none, allowed) = (vec![Vec::new(); means.len()], vec![-LISTED * all; means.len()]);
    Some(lists::below(&listed.rows, z.as_ref(), &none, &allowed)?.iter().all(Vec::is_empty))
}

/// The geometric mean of each unit's slacks.
fn typical(listed: &Listed, s: &[f64]) -> Vec<f64> {
    let mean = |s: &[f64]| (s.iter().map(|s| s.ln()).sum::<f64>() / s.len().max(1) as f64).exp();
    listed.parts(&s[listed.range()]).into_iter().map(mean).collect()
}

/// Lists with further points.
fn joined(lists: &[Vec<u32>], wrong: Vec<Vec<u32>>) -> Vec<Vec<u32>> {
    let join = |(list, wrong): (&Vec<u32>, Vec<u32>)| {
        let mut list: Vec<u32> = list.iter().copied().chain(wrong).collect();
        list.sort_unstable();
        list
    };
    lists.iter().zip(wrong).map(join).collect()
}

/// A point with the cones of lists that have become longer. The cells' inequalities are the first of the program.
fn widened(
    part: &TrainingProgram,
    listed: &Listed,
    (before, typical): (&[Vec<u32>], &[f64]),
    point: Start,
    mu: f64,
) -> Start {
    let Start { x, s, z } = point;
    let (mut slack, mut dual) = (Vec::with_capacity(s.len()), Vec::with_capacity(z.len()));
    let mut at = 0;
    for (i, (list, before)) in listed.lists.iter().zip(before).enumerate() {
        let old = at..at + before.len();
        at = old.end;
        let mut known = before.iter().zip(s[old.clone()].iter().zip(&z[old])).peekable();
        let weights = &x[part.layout.unit(i)..][..part.layout.e()];
        for k in list {
            match known.next_if(|(old, _)| *old == k) {
                Some((_, (s, z))) => {
                    slack.push(*s);
                    dual.push(*z);
                }
                None => {
                    let side = listed.side(i, *k) * tautnet_cone::vector::dot(listed.point(*k), weights);
                    let room = side.max(INSIDE * typical[i]);
                    slack.push(room);
                    dual.push(mu / room);
                }
            }
        }
    }
    slack.extend(&s[at..]);
    dual.extend(&z[at..]);
    Start { x, s: slack, z: dual }
}
