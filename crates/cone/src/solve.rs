//! A solve: the interior-point method, and a second opinion where it does not converge.

use crate::{
    infeasible,
    interior_point::interior_point,
    outcome::{Outcome, Status},
    point::Start,
    program::{NormalEquations, Program},
    settings::{Observer, Settings},
};

/// Solve the program. Without a start, one is made by least squares.
///
/// Silent: progress goes to the observer, which may stop the solve. [`Stop::here`](crate::Stop::here) is asked within an iteration too.
pub fn solve(
    program: &impl Program,
    normal: &mut impl NormalEquations,
    settings: &Settings,
    start: Option<Start>,
    observer: &mut Observer<'_>,
) -> Outcome {
    let outcome = interior_point(program, normal, settings, start, observer);
    match outcome.status {
        Status::NumericalTrouble | Status::IterationLimit => {
            infeasible::witness(program, normal, settings, &outcome, observer).unwrap_or(outcome)
        }
        _ => outcome,
    }
}
