//! Walking between patterns: (J), then better patterns, then (J) again.
//!
//! (J) is the best network of one cell, the set of weights with given patterns and signs. Its optimum usually lies on
//! walls of its cell, and the objective
//!
//! ```text
//! Ψ(z̄, a, c) = loss + λ_w Σ_i ‖z̄_i‖ + λ_L L
//! ```
//!
//! goes on falling behind some of them. Two ways to get there, both from a solution of (J):
//!
//! **Descent.** Ψ is continuous and its gradient is known everywhere but on walls ([`super::landscape`]). Steps of Adam
//! on all rows at once, with a rate that falls to zero, cross walls as they come ([`super::descent`]); the patterns of
//! the lowest point found make the next (J). Methods that trust the slope (L-BFGS with a line search was tried) do not
//! move at all from a solution of (J): every direction that they build meets a wall at once.
//!
//! **Flips.** A cone constraint `σ_ik x̄_k·z̄_i ≥ 0` that is active with a multiplier above zero says that Ψ would fall
//! if the pre-activation could change its sign. With `D_ik` turned over the present point lies in the new cell too, on
//! its wall, so the new (J) cannot be worse. One entry a unit is turned over, that with the largest multiplier; if
//! nothing is gained by all units at once (degenerate cells are hard to solve), by a quarter of them.
//!
//! **Soft cells.** (R) of exact inputs is (J) with units that may leave their patterns at a price. For every network it is at least Ψ, and
//! for the present one it is Ψ itself: its optimum is not above Ψ here, and may lie in another cell. In the place of (J) it makes a
//! further series with descent, from where flips end.
//!
//! Descent takes milliseconds a step and crosses thousands of walls, a flip crosses m of them for one solve of (J): so
//! descent comes first and flips come later; (R) costs several times as much as (J) and comes last. Units that (J) or descent
//! left at zero are replaced by halves of the largest: a unit and its two halves are the same function at the same decay and
//! bound, but the halves can part.
//!
//! Whatever proposes a network, it is accepted only if its objective, recomputed from its weights, is below that of the
//! best so far. The first proposal is (J) for the patterns given, so the result is never worse than that one.
//!
//! Where inputs have a tolerance, (R) with soft cells is in the place of (J), and the [bound](crate::worst_case) on the worst case in
//! the place of the loss. There are no flips: (R) leaves labels by itself where that pays.

use super::{
    descent::descend,
    landscape::Landscape,
    method::{Described, Method, NO_MULTIPLIERS, NO_ROUNDS},
    outcome::Progress,
    run::{Candidate, Run, Solved, Standing},
};
use crate::{
    ending::{Cause, Early, Ending},
    error::Result,
    program::{build::Held, working_set::MANY},
    random::normal,
    unit::{Affine, Unit, from_units},
};
use rand::SeedableRng;
use rand_pcg::Pcg64;
use tautnet_cone::Stop;

/// First rate of a descent, relative to the root mean square of the weights it moves.
pub(super) const RATE: f64 = 0.05;
/// What the rate is divided by after a round that gained little.
const CUT: f64 = 4.0;
/// A round gains little when the objective falls by less than this fraction of itself.
const LITTLE: f64 = 1e-3;
/// Rounds of little gain that end a series.
const PATIENCE: usize = 2;
/// How far the halves of a unit are parted, and how far all units are moved at a restart, relative to their length.
const PARTED: f64 = 0.1;
const MOVED: f64 = 0.3;

/// The method.
pub const METHOD: Method = Method(&Described {
    name: "walk",
    help: "`joint`, or `convex` where there is a tolerance, then better patterns, in turn: lower objectives for more time",
    requires: &[NO_MULTIPLIERS, NO_ROUNDS],
    prices: (0.01, 0.0),
    story: "The polish lowered {goal}, {bound}, by convex programs, each over all networks whose units are on and off on the same rows, \
            and by steps from one such set of networks to a better one{in the last}.",
});

pub(super) fn run(run: &mut Run<'_, '_>, at: &mut Standing) -> Result<()> {
    run.walk(at)
}

/// Which programs are solved between descents.
#[derive(Clone, Copy, PartialEq)]
enum Cells {
    /// (J): no unit leaves its patterns.
    Hard,
    /// (R): units leave their patterns at a price.
    Soft,
}

/// What all series of a walk share.
struct Trail {
    landscape: Landscape,
    /// How many units a descent begins with.
    units: usize,
    /// Rounds so far.
    round: usize,
}

impl Run<'_, '_> {
    /// (J), then series of descents and (J), then flips and (J), then a series of descents and (R). Within a tolerance (R) alone.
    fn walk(&mut self, at: &mut Standing) -> Result<()> {
        let cells = if self.settings.tolerance.is_none() { Cells::Hard } else { Cells::Soft };
        let units = self.units.len();
        let (candidate, solved) = self.convex(cells, 0)?;
        at.gap = solved.gap;
        at.best = self.better(at.best.clone(), candidate, &mut at.ending);
        if let (Ending::Solved, Some(reason)) = (&at.ending, solved.stopped) {
            at.ending = Ending::Stopped(reason);
        }
        let landscape = Landscape::new(self.data, &self.prices, self.settings.tolerance.as_ref(), solved.limit_price);
        let mut trail = Trail { landscape, units, round: 0 };
        let walk = &self.settings.walk;
        for restart in 0..=walk.restarts {
            let from = if restart > 0 { self.moved(&at.best, units, restart)? } else { at.best.clone() };
            self.series(from, cells, walk.rounds, &mut trail, at)?;
        }
        if cells == Cells::Hard {
            self.flip(at, trail.round)?;
            // Of many rows (J) needs few, and (R) all of them.
            let rounds = if self.data.rows() > MANY { 0 } else { walk.soft };
            let from = at.best.clone();
            if let Err(error) = self.series(from, Cells::Soft, rounds, &mut trail, at) {
                self.notes.push(format!("no program with soft cells: {}", error.what));
            }
        }
        if self.interrupted {
            at.ending = Early { cause: Cause::Interrupted(Some(trail.round)), gap: at.gap }.into();
        }
        Ok(())
    }

    /// Rounds of descent and program until they gain little.
    fn series(
        &mut self,
        mut current: Candidate,
        cells: Cells,
        most: usize,
        trail: &mut Trail,
        at: &mut Standing,
    ) -> Result<()> {
        let (mut rate, mut failures) = (RATE, 0);
        for _ in 0..most {
            if self.interrupted || failures == PATIENCE {
                break;
            }
            trail.round += 1;
            let before = current.score.objective;
            let proposed = self.descended(&mut trail.landscape, &current, trail.units, rate, trail.round)?;
            let solved = self.program_of(&mut current, proposed, cells, trail.round)?;
            if self.accept(&mut at.best, &current) {
                at.gap = match &solved {
                    Some(solved) => solved.gap,
                    None if self.interrupted => None, // No program was asked.
                    None => Some(0.0),
                };
                let reason = solved.and_then(|solved| solved.stopped);
                at.ending = reason.map_or(Ending::Solved, Ending::Stopped);
            }
            if before - current.score.objective < LITTLE * before {
                rate /= CUT;
                failures += 1;
            }
        }
        Ok(())
    }

    fn convex(&mut self, cells: Cells, round: usize) -> Result<(Candidate, Solved)> {
        match cells {
            Cells::Hard => self.solve(Held::Nothing, round),
            Cells::Soft => self.solve_within(true, round),
        }
    }

    /// The lowest point of a descent from `current`.
    pub(super) fn descended(
        &mut self,
        landscape: &mut Landscape,
        current: &Candidate,
        units: usize,
        rate: f64,
        round: usize,
    ) -> Result<Candidate> {
        let mut random = Pcg64::seed_from_u64(round as u64);
        let mut all: Vec<Unit> = Unit::of(&current.network).into_iter().map(|(_, unit)| unit).collect();
        split_largest(&mut all, units, &mut random);
        if all.is_empty() {
            return Ok(current.clone()); // A constant: there is nothing to move or to split.
        }
        let start = landscape.point(&all, &self.affine(&Affine::of(&current.network)));
        let (observer, interrupted) = (&mut *self.observer, &mut self.interrupted);
        let unit = landscape.objective(1.0);
        let mut last = None;
        let lowest = descend(landscape, start, self.settings.walk.steps, rate, &mut |step, value| {
            let progress = Progress { round, iteration: step, objective: unit * value, gap: f64::INFINITY };
            last = Some(progress);
            let verdict = observer(&progress);
            *interrupted |= verdict.is_break();
            verdict
        });
        self.interrupted |= Stop::here().asked();
        self.trace.extend(last);
        let (units, affine) = landscape.units(&lowest.point);
        self.within_limit(&units, affine)
    }

    /// A candidate of these units, scaled down to a hard limit where it exceeds one.
    fn within_limit(&self, units: &[Unit], affine: Affine) -> Result<Candidate> {
        let mut network = from_units(units.iter(), self.data.columns(), affine)?;
        let mut score = self.score(&network, None)?;
        if let Some(limit) = self.prices.max_lipschitz
            && score.lipschitz > limit
        {
            // Rounding may leave the bound a little above what was asked for.
            let shrink = limit / score.lipschitz * (1.0 - 1e-12);
            network = network.times(shrink);
            score = self.score(&network, None)?;
        }
        Ok(Candidate { network, score })
    }

    /// Offer `current` what was proposed, and the program for its patterns.
    fn program_of(
        &mut self,
        current: &mut Candidate,
        proposed: Candidate,
        cells: Cells,
        round: usize,
    ) -> Result<Option<Solved>> {
        self.adopt(&proposed.network, None);
        if self.improves(current, &proposed) {
            *current = proposed;
        }
        if self.interrupted {
            return Ok(None);
        }
        if self.only_a_constant() {
            let candidate = self.constant()?;
            if self.improves(current, &candidate) {
                *current = candidate;
            }
            return Ok(None);
        }
        let (candidate, solved) = self.convex(cells, round)?;
        if self.improves(current, &candidate) {
            *current = candidate;
        }
        Ok(Some(solved))
    }

    /// The network with every weight moved at random, whatever that does to its objective.
    fn moved(&self, given: &Candidate, units: usize, restart: usize) -> Result<Candidate> {
        let mut random = Pcg64::seed_from_u64(u64::MAX - restart as u64);
        let mut all: Vec<Unit> = Unit::of(&given.network).into_iter().map(|(_, unit)| unit).collect();
        split_largest(&mut all, units, &mut random);
        for unit in &mut all {
            let size = MOVED * unit.length() / ((unit.z.len() + 1) as f64).sqrt();
            unit.z.iter_mut().for_each(|z| *z += size * normal(&mut random));
            unit.bias += size * normal(&mut random);
        }
        self.within_limit(&all, self.affine(&Affine::of(&given.network)))
    }

    /// Flips and (J) until nothing is gained.
    fn flip(&mut self, at: &mut Standing, round: usize) -> Result<()> {
        let Standing { best, ending, gap, .. } = at;
        let mut at_best: Option<Solved> = None;
        for turn in 1..=self.settings.walk.flips {
            let solved = match at_best.take() {
                Some(solved) => solved,
                None => {
                    self.adopt(&best.network, None);
                    if self.interrupted || self.units.is_empty() {
                        return Ok(());
                    }
                    self.solve(Held::Nothing, round)?.1
                }
            };
            let mut pressing = solved.pressing;
            pressing.sort_by(|a, b| b.multiplier.total_cmp(&a.multiplier));
            let kept = self.active.clone();
            self.units = solved.units;
            self.linear = solved.linear;
            let mut count = pressing.len();
            while count > 0 && at_best.is_none() && !self.interrupted {
                self.active = kept.clone();
                for entry in &pressing[..count] {
                    entry.rows.iter().for_each(|&k| self.active.flip(entry.unit, k));
                }
                let (candidate, next) = self.solve(Held::Nothing, round + turn)?;
                if self.accept(best, &candidate) {
                    *gap = next.gap;
                    *ending = next.stopped.map_or(Ending::Solved, Ending::Stopped);
                    at_best = Some(next);
                }
                count /= 4;
            }
            if at_best.is_none() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Replace the best so far by what is better; its score goes into the history.
    fn accept(&mut self, best: &mut Candidate, candidate: &Candidate) -> bool {
        let better = self.improves(best, candidate);
        if better {
            *best = candidate.clone();
            self.accepted.push(best.score);
        }
        better
    }
}

/// Until there are `wanted` units, the largest becomes two: about half of it each, a little apart, with the same sum.
fn split_largest(units: &mut Vec<Unit>, wanted: usize, random: &mut Pcg64) {
    while units.len() < wanted {
        let longest = (0..units.len()).max_by(|&a, &b| units[a].length().total_cmp(&units[b].length()));
        let Some(i) = longest else { return };
        let mut half = units[i].clone();
        let size = PARTED * half.length() / ((half.z.len() + 1) as f64).sqrt();
        for (z, rest) in half.z.iter_mut().zip(&mut units[i].z) {
            *z = 0.5 * *z + size * normal(random);
            *rest -= *z;
        }
        half.bias = 0.5 * half.bias + size * normal(random);
        units[i].bias -= half.bias;
        units.push(half);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitting_keeps_the_sum_and_the_signs() {
        let unit = |size: f64, sign: f64| Unit { z: vec![size, -2.0 * size], bias: 0.5 * size, sign };
        let given = vec![unit(1.0, 1.0), unit(4.0, -1.0)];
        let mut units = given.clone();
        split_largest(&mut units, 7, &mut Pcg64::seed_from_u64(1));
        assert_eq!(units.len(), 7);
        for sign in [-1.0, 1.0] {
            let sum =
                |units: &[Unit]| units.iter().filter(|u| u.sign == sign).map(|u| u.z[0] + 3.0 * u.bias).sum::<f64>();
            assert!((sum(&units) - sum(&given)).abs() < 1e-12);
        }
        split_largest(&mut Vec::new(), 3, &mut Pcg64::seed_from_u64(1));
    }
}
