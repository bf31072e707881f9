//! Algorithm 1 of the paper: multipliers, then weights, in turn.

use super::method::{Described, Method, NO_EFFORT, NO_TOLERANCE};
use super::run::{Run, Standing};
use crate::{
    Shallow,
    certify::units_lipsdp,
    ending::{Cause, Early, Ending},
    error::{Error, Result},
    patterns::Patterns,
    program::build::Held,
    requirement::{Demand, Requirement, Setting},
    unit::Unit,
};
use std::ops::ControlFlow;
use tautnet_cone::Stop;

const PRICE_OR_LIMIT: Requirement = Requirement {
    setting: Setting::Lipschitz,
    demand: Demand::Needed(
        &[Setting::MaxLipschitz],
        "has nothing to alternate between where the price `lipschitz_price` is 0 and the bound has no limit",
    ),
    hint: "give a price above 0 or a limit, or use the method `weight-decay`",
};

const NUMBERS: Requirement = Requirement {
    setting: Setting::Loss,
    demand: Demand::OneOf(&["squared", "huber", "quantile", "absolute"], "has no steps for losses of the margin"),
    hint: "take the method `joint` or `convex`",
};

/// The method.
pub const METHOD: Method = Method(&Described {
    name: "alternating",
    help: "multipliers, then weights, in turn",
    requires: &[NO_EFFORT, PRICE_OR_LIMIT, NUMBERS, NO_TOLERANCE],
    prices: (0.01, 0.0),
    story: "The polish lowered {goal}, {bound}, by convex programs over weights and proofs in turn, every unit staying on and off on the \
            rows where it was.",
});

pub(super) fn run(run: &mut Run<'_, '_>, at: &mut Standing) -> Result<()> {
    if run.settings.rounds == 0 {
        return Err(Error::new(
            "`alternating` was given 0 rounds",
            format!("give at least 1; the default is {}", super::Settings::default().rounds),
        ));
    }
    run.alternate(at)
}

impl Run<'_, '_> {
    /// Algorithm 1: multipliers by (2), then weights by (12), until the objective no longer falls.
    fn alternate(&mut self, at: &mut Standing) -> Result<()> {
        let Standing { best, ending, gap, .. } = at;
        let mut current = self.units.clone();
        for round in 1..=self.settings.rounds {
            let given = self.given_multipliers.take();
            let ell = given.unwrap_or_else(|| self.multipliers(&current, best.network.a()));
            if self.interrupted {
                *ending = Early { cause: Cause::Interrupted(Some(round - 1)), gap: *gap }.into();
                return Ok(());
            }
            let (candidate, solved) = self.solve(Held::Multipliers(&ell), round)?;
            *gap = solved.gap;
            let old = best.clone();
            let mut verdict = Ending::Solved;
            *best = self.better(old.clone(), candidate, &mut verdict);
            let gained = verdict == Ending::Solved;
            // Whether anything was gained at all, the first round decides.
            *ending = match solved.stopped {
                _ if round == 1 && !gained => verdict,
                Some(reason) => Ending::Stopped(reason),
                None if self.interrupted => Early { cause: Cause::Interrupted(Some(round)), gap: *gap }.into(),
                None => Ending::Solved,
            };
            // A program that ended early is no reason to end here: the next begins from what it found.
            if !gained || self.interrupted || self.hardly_below(best, &old) {
                return Ok(());
            }
            current = self.left(&solved.kept, &best.network);
            if current.is_empty() {
                return Ok(());
            }
        }
        *ending = Early { cause: Cause::RoundLimit(self.settings.rounds), gap: *gap }.into();
        Ok(())
    }

    /// The units of the network that the last program gave. Those that it left at zero are given up: (12) could only keep
    /// them there, since their ℓ is 0.
    fn left(&mut self, kept: &[usize], network: &Shallow) -> Vec<Unit> {
        let units: Vec<Unit> = Unit::of(network).into_iter().map(|(_, unit)| unit).collect();
        debug_assert_eq!(units.len(), kept.len());
        if kept.len() < self.units.len() {
            self.active = Patterns::from_units(self.data.rows(), kept.iter().map(|&i| self.active.unit(i).to_vec()));
            self.units = units.clone();
        }
        units
    }

    /// LipSDP's multipliers for units and the linear part beside them, floored so that the held inequality keeps an interior.
    fn multipliers(&mut self, units: &[Unit], linear: Option<&[f64]>) -> Vec<f64> {
        let (observer, interrupted) = (&mut *self.observer, &mut self.interrupted);
        let last = self.trace.last().copied();
        let bound = units_lipsdp(units, linear, self.data.columns(), self.prices.norm, &mut |_| match last {
            Some(progress) => {
                let verdict = observer(&progress);
                *interrupted |= verdict.is_break();
                verdict
            }
            None => ControlFlow::Continue(()),
        });
        self.interrupted |= Stop::here().asked();
        self.iterations += bound.iterations;
        let largest = bound.multipliers.iter().fold(0.0f64, |m, &l| m.max(l));
        let floor = if largest > 0.0 { 1e-9 * largest } else { 1.0 };
        // (Z, ℓ, L) is homogeneous: with ℓ scaled, the network scaled down to below a hard limit satisfies (12).
        let above = self.prices.max_lipschitz.map_or(0.0, |limit| bound.lipschitz_upper_bound / (0.9 * limit));
        let scale = if above > 1.0 { 1.0 / above } else { 1.0 };
        bound.multipliers.iter().map(|l| scale * l.max(floor)).collect()
    }
}
