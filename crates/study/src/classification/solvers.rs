//! Methods for programs without perturbations, each given more and more work.

use super::networks::Made;
use super::settings::Settings;
use crate::admm::{self, Groups, admm, directions, sampled_lasso};
use crate::experiment::GoOn;
use crate::rivals;
use tautnet::Dataset;
use tautnet::error::{Error, Result};
use tautnet::polish::{self, polish};

/// Every method with what it is.
pub const SOLVERS: [(&str, &str); 3] = [
    ("admm", "(6) with Gaussian patterns by ADMM"),
    ("sampled", "drawn hidden weights, fitted output weights"),
    ("interior", "the program of admm by the interior-point method"),
];

/// A method with its work.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Run {
    /// So many iterations.
    Admm(usize),
    /// So many sweeps.
    Sampled(usize),
    /// Up to this relative gap.
    Interior(f64),
}

/// All runs in their order.
pub(super) fn runs(settings: &Settings) -> Vec<Run> {
    let admm = settings.admm_iterations.iter().map(|count| Run::Admm(*count));
    let sampled = settings.sampled_sweeps.iter().map(|count| Run::Sampled(*count));
    let interior = settings.interior_gaps.iter().map(|gap| Run::Interior(*gap));
    admm.chain(sampled).chain(interior).collect()
}

/// A gap that first-order methods are not stopped by: they have their iterations.
const NO_GAP: f64 = 1e-12;

impl Run {
    pub fn name(self) -> &'static str {
        match self {
            Run::Admm(_) => SOLVERS[0].0,
            Run::Sampled(_) => SOLVERS[1].0,
            Run::Interior(_) => SOLVERS[2].0,
        }
    }

    pub fn effort(self) -> String {
        match self {
            Run::Admm(count) => format!("{count} iterations"),
            Run::Sampled(count) => format!("{count} sweeps"),
            Run::Interior(gap) => format!("gap {gap:e}"),
        }
    }

    /// Solve it.
    pub fn solve(self, data: &Dataset, settings: &Settings, seed: u64, go_on: &GoOn<'_>) -> Result<Made> {
        let Settings { patterns, decay, interior_unknowns, .. } = *settings;
        let plain = |iterations| admm::Settings { decay, iterations, tolerance: NO_GAP, ..admm::Settings::default() };
        let gap = |gap: f64, count: usize, what: &str| format!("gap {gap:.1e} after {count} {what}");
        match self {
            Run::Admm(iterations) => {
                let groups = Groups::of(&rivals::gaussian(data, patterns, seed)?, data)?;
                let run = admm(&groups, data, &plain(iterations), &mut |_| go_on())?;
                let ending = gap((run.objective - run.lower_bound) / run.objective, run.iterations, "iterations");
                Ok(Made { network: run.network, objective: run.objective, lower_bound: run.lower_bound, ending })
            }
            Run::Sampled(iterations) => {
                let hidden = directions(data.columns(), 2 * patterns, seed);
                let run = sampled_lasso(&hidden, data, &plain(iterations), &mut |_| go_on())?;
                let ending = gap((run.objective - run.lower_bound) / run.objective, run.sweeps, "sweeps");
                Ok(Made { network: run.network, objective: run.objective, lower_bound: run.lower_bound, ending })
            }
            Run::Interior(tol) => {
                let unknowns = 2 * patterns * (data.columns() + 1);
                if unknowns > interior_unknowns {
                    return Err(Error::new(
                        format!("left out: {unknowns} unknowns, more than {interior_unknowns}"),
                        "the lower bound of admm is that of the same program",
                    ));
                }
                let network = rivals::gaussian(data, patterns, seed)?;
                let settings = polish::Settings { decay, tol, ..polish::Settings::of(polish::Method::WEIGHT_DECAY) };
                let run = polish(&network, data, &settings, &mut |_| go_on())?;
                let relative = run.duality_gap.unwrap_or(f64::NAN);
                let objective = run.after.objective;
                Ok(Made {
                    network: run.network,
                    objective,
                    lower_bound: objective * (1.0 - relative),
                    ending: gap(relative, run.iterations, "iterations"),
                })
            }
        }
    }
}
