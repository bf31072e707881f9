//! Algorithm 1 of the paper: multipliers, then weights, in turn.

use super::{
    Ending,
    run::{Candidate, Run},
};
use crate::{
    Dataset, Network,
    activation::Patterns,
    certify::units_lipsdp,
    error::Result,
    program::build::{Held, Unit},
};
use std::ops::ControlFlow;

impl Run<'_, '_> {
    /// Algorithm 1: multipliers by (2), then weights by (12), until the objective no longer falls.
    pub fn alternate(&mut self, best: &mut Candidate, ending: &mut Ending, gap: &mut Option<f64>) -> Result<()> {
        for round in 1..=self.settings.rounds {
            let current = self.current_units(&best.network, round);
            let given = self.given_multipliers.take();
            let ell = given.unwrap_or_else(|| self.multipliers(&current));
            if self.interrupted {
                *ending = Ending::Stopped("interrupted".into());
                return Ok(());
            }
            let (candidate, solved) = self.solve(Held::Multipliers(&ell), round)?;
            *gap = Some(solved.gap);
            debug_assert!(solved.multipliers.is_some());
            let old = best.score.objective;
            let mut verdict = Ending::Solved;
            let given = std::mem::replace(best, Candidate { network: best.network.clone(), score: best.score });
            *best = self.better(given, candidate, &mut verdict);
            if verdict != Ending::Solved {
                // The first round decides whether anything was gained at all.
                if round == 1 {
                    *ending = verdict;
                }
                return Ok(());
            }
            if let Some(reason) = solved.stopped {
                *ending = Ending::Stopped(reason);
                return Ok(());
            }
            if old - best.score.objective <= 1e-9 * old.abs() {
                return Ok(());
            }
        }
        *ending = Ending::Stopped(format!("{} rounds done and the objective still falls", self.settings.rounds));
        Ok(())
    }

    /// The units that the program's patterns belong to, at their present weights (zero if they were dropped).
    fn current_units(&mut self, network: &Network, round: usize) -> Vec<Unit> {
        if round == 1 {
            return self.units.clone();
        }
        // Dropped units are exactly 0 from here on: (12) could only keep them there, since their ℓ is 0.
        let present = Patterns::of(network, self.data.x.as_ref());
        let units: Vec<Unit> = Unit::of(network).into_iter().map(|(_, unit)| unit).collect();
        if units.len() != self.units.len() {
            let mut kept = Vec::new();
            let mut next = 0;
            for i in 0..self.units.len() {
                let same = next < units.len()
                    && units[next].sign == self.units[i].sign
                    && agrees(&present, next, &self.active, i, &units[next], self.data);
                if same {
                    kept.push(self.active.unit(i).to_vec());
                    next += 1;
                }
            }
            if next == units.len() {
                self.active = Patterns::from_units(self.data.rows(), kept);
                self.units = units.clone();
            }
        }
        units
    }

    /// LipSDP's multipliers for units, floored so that the held inequality keeps an interior.
    fn multipliers(&mut self, units: &[Unit]) -> Vec<f64> {
        let (observer, interrupted) = (&mut *self.observer, &mut self.interrupted);
        let last = self.trace.last().copied();
        let bound = units_lipsdp(units, self.prices.norm, &mut |_| match last {
            Some(progress) => {
                let verdict = observer(&progress);
                *interrupted |= verdict.is_break();
                verdict
            }
            None => ControlFlow::Continue(()),
        });
        self.iterations += bound.iterations;
        let largest = bound.multipliers.iter().fold(0.0f64, |m, &l| m.max(l));
        let floor = if largest > 0.0 { 1e-9 * largest } else { 1.0 };
        // (Z, ℓ, L) is homogeneous: with ℓ scaled, the network scaled down to below a hard limit satisfies (12).
        let above = self.prices.max_lipschitz.map_or(0.0, |limit| bound.lipschitz_upper_bound / (0.9 * limit));
        let scale = if above > 1.0 { 1.0 / above } else { 1.0 };
        bound.multipliers.iter().map(|l| scale * l.max(floor)).collect()
    }
}

/// Whether unit `a` of `present` can be the solution that belongs to pattern `b` of `wanted`: same signs but for
/// pre-activations at rounding level.
fn agrees(present: &Patterns, a: usize, wanted: &Patterns, b: usize, unit: &Unit, data: &Dataset) -> bool {
    (0..data.rows()).all(|k| {
        present.unit(a)[k] == wanted.unit(b)[k] || {
            let h: f64 = unit.bias + (0..data.columns()).map(|j| unit.z[j] * data.x[(k, j)]).sum::<f64>();
            let size = 1.0 + (0..data.columns()).map(|j| data.x[(k, j)].abs()).sum::<f64>();
            h.abs() <= 1e-5 * unit.length() * size
        }
    })
}
