//! (J): weights and multipliers in one convex program.

use super::method::{Described, Method, NO_EFFORT, NO_MULTIPLIERS, NO_ROUNDS, NO_TOLERANCE};
use super::run::{Run, Standing};
use crate::{ending::Ending, error::Result, program::build::Held};

/// The method.
pub const METHOD: Method = Method(&Described {
    name: "joint",
    help: "weights and multipliers together: the best of all networks with these activation patterns",
    requires: &[NO_EFFORT, NO_MULTIPLIERS, NO_TOLERANCE, NO_ROUNDS],
    prices: (0.01, 0.0),
    story: "Of all networks whose units are on and off on the same rows, the polish looked for the one with the least {goal}, {bound}, \
            by one convex program{gap}.",
});

/// The same by the name that says what it holds, beside `robust-cells`.
pub const CELLS: Method = Method(&Described {
    name: "cells",
    help: "another name of `joint`: the cells of these patterns, of exact inputs",
    ..*METHOD.0
});

/// One program for what the settings price.
pub(super) fn run(run: &mut Run<'_, '_>, at: &mut Standing) -> Result<()> {
    let (candidate, outcome) = run.solve(Held::Nothing, 0)?;
    at.gap = outcome.gap;
    at.best = run.better(at.best.clone(), candidate, &mut at.ending);
    if let (Ending::Solved, Some(reason)) = (&at.ending, outcome.stopped) {
        at.ending = Ending::Stopped(reason);
    }
    Ok(())
}
