//! `descent`: gradient descent on the objective itself, over all patterns at once.
//!
//! The descent of [`super::walk`] without the convex programs between: its objective is not convex, so nothing is known of how far
//! from the best the result is. A step costs one pass over the rows and one bound; no matrix grows with the units, so that networks are
//! polished whose convex program does not fit into memory.

use super::landscape::Landscape;
use super::method::{Described, Method, NO_EFFORT, NO_LIMIT, NO_MULTIPLIERS, NO_ROUNDS, NO_TOLERANCE};
use super::run::{Run, Standing};
use super::walk::RATE;
use crate::{
    ending::{Cause, Early, Ending},
    error::Result,
    requirement::{Demand, Requirement, Setting},
};

/// It solves no convex program.
const NO_ITERATIONS: Requirement = Requirement {
    setting: Setting::Iterations,
    demand: Demand::Unused,
    hint: "leave the iterations out: a descent solves no convex program",
};

/// It has no gap to reach.
const NO_GAP: Requirement =
    Requirement { setting: Setting::Tol, demand: Demand::Unused, hint: "leave the gap out: a descent has none" };

/// The method.
pub const METHOD: Method = Method(&Described {
    name: "descent",
    help: "gradient descent on the objective, patterns and all: no convex program, and no gap",
    requires: &[NO_LIMIT, NO_GAP, NO_ITERATIONS, NO_EFFORT, NO_MULTIPLIERS, NO_TOLERANCE, NO_ROUNDS],
    prices: (0.01, 0.0),
    story: "The polish lowered {goal}, {bound}, by gradient descent. Nothing is known of how far from the best the result is.",
});

/// One descent from the network given.
pub(super) fn run(run: &mut Run<'_, '_>, at: &mut Standing) -> Result<()> {
    let mut landscape = Landscape::new(run.data, &run.prices, None, 0.0);
    let units = run.units.len();
    let lowest = run.descended(&mut landscape, &at.best, units, RATE, 1)?;
    let steps = run.settings.walk.steps;
    let mut ending = Ending::Solved;
    at.best = run.better(at.best.clone(), lowest, &mut ending);
    at.ending = match ending {
        Ending::Solved if run.interrupted => Early { cause: Cause::Interrupted(None), gap: None }.into(),
        Ending::Solved => Early { cause: Cause::StepLimit(steps), gap: None }.into(),
        unchanged => unchanged,
    };
    Ok(())
}
