//! (R): the least worst case within the tolerance, by one convex program for given labels, and better labels in turn.
//!
//! Where nothing is said of a tolerance, every input is exact, and the worst case is the loss itself: with soft cells the program
//! is then (J) with cells that can be left at a price, so its optimum is never above that of (J).

use super::{
    method::{Described, Method, NO_EFFORT, NO_MULTIPLIERS, NO_ROUNDS},
    run::{Run, Standing},
};
use crate::{
    ending::{Cause, Early, Ending},
    error::Result,
};

/// Soft cells.
pub const METHOD: Method = Method(&Described {
    name: "convex",
    help: "the least worst case within the tolerance; units may leave their labels at a price, and better labels come in turn",
    requires: &[NO_EFFORT, NO_MULTIPLIERS],
    prices: (0.0, 0.0),
    story: "The polish lowered {goal}, {bound}, by convex programs, each with labels that say on which side of its kink every unit is \
            taken to be in every row{in the last}.",
});

/// Hard cells.
pub const CELLS: Method = Method(&Described {
    name: "robust-cells",
    help: "the same with units that keep their labels everywhere within the tolerance: convex adversarial training",
    requires: &[NO_EFFORT, NO_MULTIPLIERS, NO_ROUNDS],
    prices: (0.0, 0.0),
    story: "Of all networks whose units are on and off on the same rows, and stay so everywhere within the tolerance, the polish looked \
            for the one with the least {goal}, {bound}, by one convex program{gap}.",
});

/// A round gains little when the objective falls by less than this fraction of itself: the last one.
pub(super) const LITTLE: f64 = 1e-3;

pub(super) fn run(run: &mut Run<'_, '_>, at: &mut Standing) -> Result<()> {
    rounds(run, at, true)
}

pub(super) fn run_cells(run: &mut Run<'_, '_>, at: &mut Standing) -> Result<()> {
    rounds(run, at, false)
}

/// Programs, each with the labels that the last one left: row by row the better of its own labels and of the new patterns. So the
/// bound on the worst case never rises from one to the next.
fn rounds(run: &mut Run<'_, '_>, at: &mut Standing, soft: bool) -> Result<()> {
    let most = if soft { run.settings.rounds.max(1) } else { 1 };
    for round in 0..most {
        let before = at.best.score.objective;
        let (candidate, solved) = run.solve_within(soft, round)?;
        if round == 0 || run.improves(&at.best, &candidate) {
            at.gap = solved.gap;
            at.best = run.better(at.best.clone(), candidate.clone(), &mut at.ending);
            if !matches!(at.ending, Ending::Unchanged(_)) {
                at.labelled = run.trace.last().map(|last| last.objective);
            }
            if let (Ending::Solved | Ending::Stopped(_), reason) = (&at.ending, solved.stopped) {
                at.ending = reason.map_or(Ending::Solved, Ending::Stopped);
            }
        }
        if run.interrupted {
            at.ending = Early { cause: Cause::Interrupted(Some(round)), gap: at.gap }.into();
            return Ok(());
        }
        if before - candidate.score.objective < LITTLE * before.abs() {
            break;
        }
        run.adopt(&candidate.network, solved.labels.as_ref());
        if run.units.is_empty() {
            break;
        }
    }
    Ok(())
}
