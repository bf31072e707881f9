//! Many rows: the cones of a few of them decide.
//!
//! The loss is of order m(d+2) in the normal equations whatever n is, so the rows cost most through their n·m cones, and
//! at the optimum at most a few per unit are tight. So the program is solved with the cones of some rows; rows whose
//! pre-activations come out on the wrong side join them; and so on until none does. Each program in between is a
//! relaxation of the whole, hence the last one's optimum, which satisfies all cones, is the optimum of the whole, and
//! its dual bound holds for it.

use super::{
    normal::StructuredNormal,
    picks::{Closest, Sizes, WrongSide, numbers},
    rows::Rows,
    start::{Given, starting_point},
    training::TrainingProgram,
};
use faer::Mat;
use std::ops::ControlFlow;
use tautnet_cone::{Iteration, Observer, Outcome, Settings, Status, interior_point::interior_point};

/// From so many rows on it is worth it.
pub(crate) const MANY: usize = 5000;
/// Rows to begin with that are evenly spaced; the closest to each unit's boundary come to them.
const SPACED: usize = 1024;
/// How far a pre-activation may be on the wrong side, relative to the unit's mean and to that of all units.
pub(super) const TOLERANCE: (f64, f64) = (1e-8, 1e-10);

/// Solve `program`, which holds all rows and, where it is constant, the loss's Hessian, from the given network.
pub(crate) fn solve_many_rows(
    program: &TrainingProgram,
    start: &Given,
    settings: &Settings,
    observer: &mut Observer<'_>,
) -> Outcome {
    let rows = &*program.terms.cells.as_ref().expect("there are many rows").rows;
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
