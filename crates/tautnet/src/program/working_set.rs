//! Many rows: the cones of a few of them decide.
//!
//! The loss is of order m(d+2) in the normal equations whatever n is, so the rows cost most through their n·m cones, and
//! at the optimum at most a few per unit are tight. So the program is solved with the cones of some rows; rows whose
//! pre-activations come out on the wrong side join them; and so on until none does. Each program in between is a
//! relaxation of the whole, hence the last one's optimum, which satisfies all cones, is the optimum of the whole, and
//! its dual bound holds for it.

use super::{
    normal::StructuredNormal,
    rows::Rows,
    start::{Given, starting_point},
    training::TrainingProgram,
};
use crate::{
    patterns::Patterns,
    rows::{Block, Pass},
};
use faer::{Accum, Mat, Par, linalg::matmul::matmul};
use std::ops::ControlFlow;
use tautnet_cone::{Iteration, Observer, Outcome, Settings, Status, interior_point::interior_point};

/// From so many rows on it is worth it.
pub(crate) const MANY: usize = 5000;
/// Rows to begin with: this many evenly spaced, and this many of each unit's closest to its boundary.
const SPACED: usize = 1024;
const CLOSEST: usize = 40;
/// Most rows that join for one unit in one round.
const JOINING: usize = 100;
/// How far a pre-activation may be on the wrong side, relative to the unit's mean and to that of all units.
const TOLERANCE: (f64, f64) = (1e-8, 1e-10);

/// Solve `program`, which holds all rows and, where it is constant, the loss's Hessian, from the given network.
pub(crate) fn solve_many_rows(
    program: &TrainingProgram,
    start: &Given,
    settings: &Settings,
    observer: &mut Observer<'_>,
) -> Outcome {
    let rows = &*program.cells.as_ref().expect("there are many rows").rows;
    let n = rows.n();
    let mut member = vec![false; n];
    (0..SPACED.min(n)).for_each(|k| member[k * n / SPACED.min(n)] = true);
    // Where it is time to stop, the solve below ends at its first question.
    let near = rows.sweep(&Closest { z: &start.z }).map_or_else(Vec::new, numbers);
    near.into_iter().for_each(|k| member[k] = true);
    let mut given = start.clone();
    let mut trace: Vec<Iteration> = Vec::new();
    loop {
        let chosen: Vec<usize> = (0..n).filter(|&k| member[k]).collect();
        let part = program.restricted(&chosen);
        let before = trace.len();
        let mut stopped = false;
        let mut outcome = interior_point(
            &part,
            &mut StructuredNormal::new(&part),
            settings,
            starting_point(&part, &given, 0.0),
            &mut |facts| {
                // The iterations of all rounds are one sequence to whoever watches.
                let verdict = observer(&Iteration { iteration: before + facts.iteration, ..*facts });
                stopped |= verdict == ControlFlow::Break(());
                verdict
            },
        );
        trace.extend(outcome.trace.iter().map(|facts| Iteration { iteration: before + facts.iteration, ..*facts }));
        let found = part.weights(&outcome.x).to_owned();
        let solved = outcome.status == Status::Solved;
        let wrong = if solved { wrong_side(rows, &found, &member) } else { Some(Vec::new()) };
        let none = wrong.as_ref().is_some_and(Vec::is_empty);
        if none || stopped || wrong.is_none() {
            if !none || !solved {
                // The relaxation's gap says nothing about the whole.
                outcome.last.gap = f64::INFINITY;
            }
            if !none {
                outcome.status = Status::Interrupted;
            }
            return Outcome { trace, ..outcome };
        }
        wrong.into_iter().flatten().for_each(|k| member[k] = true);
        let linear = part.layout.linear_part().map_or_else(|| given.linear.clone(), |at| outcome.x[at].to_vec());
        given = Given { z: found, linear };
    }
}

/// The rows of the smallest values, at most `count`.
fn smallest(values: &mut Vec<(f64, usize)>, count: usize) {
    if values.len() > count {
        values.select_nth_unstable_by(count, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        values.truncate(count);
    }
}

/// Rows that are no members and lie on the wrong side of a unit, the worst first where there are many. `None` where it is time
/// to stop.
fn wrong_side(rows: &Rows, z: &Mat<f64>, member: &[bool]) -> Option<Vec<usize>> {
    let sizes = rows.sweep(&Sizes { z })?;
    let means: Vec<f64> = sizes.iter().map(|size| size / rows.n() as f64).collect();
    let all = means.iter().sum::<f64>() / means.len() as f64;
    let allowed = means.iter().map(|mean| TOLERANCE.0 * mean + TOLERANCE.1 * all).collect();
    let wrong = rows.sweep(&WrongSide { z, allowed, active: &rows.active, member })?;
    Some(numbers(wrong))
}

/// Rows with a value each, unit by unit.
type Picked = Vec<Vec<(f64, usize)>>;

fn numbers(picked: Picked) -> Vec<usize> {
    picked.into_iter().flatten().map(|(_, k)| k).collect()
}

/// Take what was picked of the next block to the rest.
fn pick_on(into: &mut Picked, next: Picked, count: usize) {
    for (into, next) in into.iter_mut().zip(next) {
        into.extend(next);
        smallest(into, count);
    }
}

/// What `of` makes of every unit's `x̄_k·z̄_i` on a block.
fn by_unit<T>(block: &Block<'_>, z: &Mat<f64>, of: impl Fn(usize, &[f64]) -> T) -> Vec<T> {
    let mut h = Mat::<f64>::zeros(block.rows(), 1);
    let one = |i: usize| {
        matmul(h.as_mut(), Accum::Replace, block.x, z.as_ref().subcols(i, 1), 1.0, Par::Seq);
        of(i, h.col_as_slice(0))
    };
    (0..z.ncols()).map(one).collect()
}

/// The rows closest to each unit's boundary.
struct Closest<'a> {
    z: &'a Mat<f64>,
}

impl Pass for Closest<'_> {
    type Part = Picked;
    type Sum = Picked;

    fn work(&self) -> usize {
        self.z.nrows() * self.z.ncols()
    }

    fn nothing(&self) -> Picked {
        vec![Vec::new(); self.z.ncols()]
    }

    fn visit(&self, block: &Block<'_>) -> Picked {
        by_unit(block, self.z, |_, h| {
            let mut values = h.iter().zip(block.first..).map(|(h, k)| (h.abs(), k)).collect();
            smallest(&mut values, CLOSEST);
            values
        })
    }

    fn merge(&self, into: &mut Picked, next: Picked) {
        pick_on(into, next, CLOSEST);
    }
}

/// `Σ_k |x̄_k·z̄_i|` of every unit. A sum of the blocks' sums: it only sets a tolerance, and no digit of a result comes from it.
struct Sizes<'a> {
    z: &'a Mat<f64>,
}

impl Pass for Sizes<'_> {
    type Part = Vec<f64>;
    type Sum = Vec<f64>;

    fn work(&self) -> usize {
        self.z.nrows() * self.z.ncols()
    }

    fn nothing(&self) -> Vec<f64> {
        vec![0.0; self.z.ncols()]
    }

    fn visit(&self, block: &Block<'_>) -> Vec<f64> {
        by_unit(block, self.z, |_, h| h.iter().map(|h| h.abs()).sum())
    }

    fn merge(&self, into: &mut Vec<f64>, next: Vec<f64>) {
        into.iter_mut().zip(next).for_each(|(into, next)| *into += next);
    }
}

/// The rows furthest on the wrong side of each unit.
struct WrongSide<'a> {
    z: &'a Mat<f64>,
    /// How far they may be there, unit by unit.
    allowed: Vec<f64>,
    active: &'a Patterns,
    /// Rows that are not asked for.
    member: &'a [bool],
}

impl Pass for WrongSide<'_> {
    type Part = Picked;
    type Sum = Picked;

    fn work(&self) -> usize {
        self.z.nrows() * self.z.ncols()
    }

    fn nothing(&self) -> Picked {
        vec![Vec::new(); self.z.ncols()]
    }

    fn visit(&self, block: &Block<'_>) -> Picked {
        by_unit(block, self.z, |i, h| {
            let on = self.active.unit(i);
            let sides = h.iter().zip(block.first..).map(|(&h, k)| (if on[k] { h } else { -h }, k));
            let mut wrong = sides.filter(|&(side, k)| !self.member[k] && side < -self.allowed[i]).collect();
            smallest(&mut wrong, JOINING);
            wrong
        })
    }

    fn merge(&self, into: &mut Picked, next: Picked) {
        pick_on(into, next, JOINING);
    }
}
