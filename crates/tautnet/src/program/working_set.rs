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
use faer::{Accum, Mat, Par, linalg::matmul::matmul};
use rayon::prelude::*;
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
    closest(rows, &start.z).into_iter().for_each(|k| member[k] = true);
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
        let wrong = if outcome.status == Status::Solved { wrong_side(rows, &found, &member) } else { Vec::new() };
        if wrong.is_empty() || stopped {
            if !wrong.is_empty() || outcome.status != Status::Solved {
                // The relaxation's gap says nothing about the whole.
                outcome.last.gap = f64::INFINITY;
            }
            if !wrong.is_empty() {
                outcome.status = Status::Interrupted;
            }
            return Outcome { trace, ..outcome };
        }
        wrong.into_iter().for_each(|k| member[k] = true);
        let linear = part.layout.linear_part().map_or_else(|| given.linear.clone(), |at| outcome.x[at].to_vec());
        given = Given { z: found, linear };
    }
}

/// `x̄_k·z̄_i` of one unit on all rows.
fn pre_activations(rows: &Rows, z: &Mat<f64>, i: usize) -> Vec<f64> {
    let mut h = Mat::<f64>::zeros(rows.n(), 1);
    matmul(h.as_mut(), Accum::Replace, rows.x.as_ref(), z.as_ref().subcols(i, 1), 1.0, Par::Seq);
    h.col_as_slice(0).to_vec()
}

/// The rows of the smallest values, at most `count`.
fn smallest(mut values: Vec<(f64, usize)>, count: usize) -> Vec<usize> {
    if values.len() > count {
        values.select_nth_unstable_by(count, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        values.truncate(count);
    }
    values.into_iter().map(|(_, k)| k).collect()
}

fn closest(rows: &Rows, z: &Mat<f64>) -> Vec<usize> {
    let of_unit = |i: usize| {
        let h = pre_activations(rows, z, i);
        smallest(h.iter().enumerate().map(|(k, h)| (h.abs(), k)).collect(), CLOSEST)
    };
    (0..rows.units()).into_par_iter().flat_map_iter(of_unit).collect()
}

/// Rows that are no members and lie on the wrong side of a unit, the worst first where there are many.
fn wrong_side(rows: &Rows, z: &Mat<f64>, member: &[bool]) -> Vec<usize> {
    let n = rows.n();
    let mean = |h: &[f64]| h.iter().map(|h| h.abs()).sum::<f64>() / n as f64;
    let means: Vec<f64> = (0..rows.units()).into_par_iter().map(|i| mean(&pre_activations(rows, z, i))).collect();
    let all = means.iter().sum::<f64>() / means.len() as f64;
    let of_unit = |i: usize| {
        let allowed = TOLERANCE.0 * means[i] + TOLERANCE.1 * all;
        let h = pre_activations(rows, z, i);
        let on = rows.active.unit(i);
        let side = |k: usize| if on[k] { h[k] } else { -h[k] };
        let wrong = (0..n).filter(|&k| !member[k] && side(k) < -allowed).map(|k| (side(k), k)).collect();
        smallest(wrong, JOINING)
    };
    (0..rows.units()).into_par_iter().flat_map_iter(of_unit).collect()
}
