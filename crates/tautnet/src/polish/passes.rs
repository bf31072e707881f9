//! (R) by passes over the rows, in the place of a variable for every unit in every row: what rows in memory and rows elsewhere share, and
//! the passes over rows in memory.

use super::outcome::Progress;
use super::settings::{Settings, of_solver};
use crate::Dataset;
use crate::ending::{Cause, Early};
use crate::error::{Error, Result};
use crate::patterns::Patterns;
use crate::program::build::Solution;
use crate::program::size::MOST_MEMORY;
use crate::program::smoothed::{Ask, Found, Told};
use crate::tolerance::{Shape, Tolerance};
use crate::unit::{Affine, Unit};
use crate::worst_case::{Labelled, Smooth};
use faer::Mat;
use rayon::prelude::*;
use tautnet_cone::{Iteration, Status, Stop};

/// The relative gap that is enough where no other is asked for than that of all programs.
const ENOUGH: f64 = 1e-4;
/// Pairs of a unit and a row from which passes take less time, where a gap of `COARSE` or more is asked for.
const MANY: usize = 1 << 19;
const COARSE: f64 = 1e-5;
/// Pairs that memory has no room for with variables of their own.
const TOO_MANY: usize = 25_000_000;
/// Rows that are worked on at once, and those that one thread adds up.
const TOGETHER: usize = 512;
const GROUP: usize = 16 * TOGETHER;

/// Why the program of rows in memory goes by passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// It takes less time, or fewer iterations than there are.
    Faster,
    /// There is no room for variables of pairs.
    Room,
}

/// Whether there are passes: not for a ball that is of another size in every row, nor for a hard limit of the bound.
pub(super) fn can(tolerance: &Tolerance, settings: &Settings) -> bool {
    settings.max_lipschitz.is_none() && (tolerance.shape() == Shape::Box || tolerance.is_same())
}

/// Whether so many pairs go by passes.
pub(super) fn wanted(pairs: usize, tolerance: &Tolerance, settings: &Settings) -> Option<Why> {
    match pairs {
        _ if !can(tolerance, settings) => None,
        pairs if pairs >= TOO_MANY => Some(Why::Room),
        pairs if pairs >= MANY && settings.tol >= COARSE => Some(Why::Faster),
        _ => None,
    }
}

/// What is asked of such a solve.
pub(super) fn of_passes(settings: &Settings) -> tautnet_cone::Settings {
    let enough = if settings.tol == Settings::default().tol { ENOUGH } else { settings.tol };
    tautnet_cone::Settings { gap_relative: enough, gap_absolute: 1e-4 * enough, ..of_solver(settings) }
}

/// Refuse a function of so many numbers that its curvature does not fit.
pub(super) fn affordable(smooth: &Smooth) -> Result<()> {
    let size = smooth.at.size();
    // What every thread adds up, and what it is added to: of shards, an answer a level of their tree.
    let bytes = 8.0 * (size as f64).powi(2) * (rayon::current_num_threads() as f64 + 20.0);
    if bytes <= MOST_MEMORY {
        return Ok(());
    }
    Err(Error::new(
        format!("the convex program of {size} unknowns needs about {:.0} GB of memory", bytes / 1e9),
        "use fewer units or fewer columns",
    ))
}

/// The network at the point that was found.
pub(super) fn solution(smooth: &Smooth, found: &Found) -> Solution {
    let numbers = smooth.numbers(&found.point);
    let (inputs, units) = (smooth.at.inputs, smooth.at.units);
    let (z, affine) = numbers.split_at(units * (inputs + 1));
    let unit = |(z, sign): (&[f64], &f64)| Unit { z: z[..inputs].to_vec(), bias: z[inputs], sign: *sign };
    let (a, c) = affine.split_at(smooth.at.linear);
    let (multipliers, p) = found.multipliers.clone().unzip();
    Solution {
        units: z.chunks_exact(inputs + 1).zip(&smooth.signs).map(unit).collect(),
        affine: Affine { c: c[0], a: (!a.is_empty()).then(|| a.to_vec()) },
        biases: c.to_vec(),
        multipliers,
        p: p.flatten(),
    }
}

/// Why a solve ended before its tolerance, if it did.
pub(super) fn early(status: Status, gap: Option<f64>, round: Option<usize>) -> Option<Early> {
    let cause = match status {
        Status::Solved => return None,
        Status::IterationLimit => Cause::IterationLimit,
        Status::Interrupted => Cause::Interrupted(round),
        _ => Cause::Rounding,
    };
    Some(Early { cause, gap })
}

/// What is told of an iteration.
pub(super) fn progress(round: usize, facts: &Iteration) -> Progress {
    Progress { round, iteration: facts.iteration, objective: facts.primal, gap: facts.gap }
}

/// Rows in memory with their labels.
pub(super) struct Near<'a> {
    pub data: &'a Dataset,
    pub labels: &'a Patterns,
    pub tolerance: &'a Tolerance,
}

impl Near<'_> {
    /// What all rows answer: the same bytes on any number of threads. `None` where it is time to stop.
    pub fn ask(&self, ask: &Ask<'_>, smooth: &Smooth) -> Result<Option<Told>> {
        let (n, stop) = (self.data.rows(), Stop::here());
        let mut sums = vec![0.0; smooth.sums(ask.points.len(), ask.slope)];
        let groups: Vec<usize> = (0..n).step_by(GROUP).collect();
        for some in groups.chunks(rayon::current_num_threads().max(1)) {
            if stop.asked() {
                return Ok(None);
            }
            let parts: Vec<Vec<f64>> = some.par_iter().map(|first| self.group(*first, ask, smooth)).collect();
            for part in parts {
                sums.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
            }
        }
        Told::of(&sums, ask, smooth).map(Some)
    }

    fn group(&self, first: usize, ask: &Ask<'_>, smooth: &Smooth) -> Vec<f64> {
        let (data, d) = (self.data, self.data.columns());
        let mut sums = vec![0.0; smooth.sums(ask.points.len(), ask.slope)];
        let end = data.rows().min(first + GROUP);
        for start in (first..end).step_by(TOGETHER) {
            let count = TOGETHER.min(end - start);
            let x = Mat::from_fn(count, d + 1, |k, j| if j < d { data.x[(start + k, j)] } else { 1.0 });
            let ones;
            let omega = match &data.weights {
                Some(weights) => &weights[start..start + count],
                None => {
                    ones = vec![1.0; count];
                    &ones
                }
            };
            let on = |k: usize, i: usize| f64::from(u8::from(self.labels.unit(i)[start + k]));
            let labels = Mat::from_fn(count, smooth.at.units, on);
            let rows = Labelled {
                x: x.as_ref(),
                y: &data.y[start..start + count],
                omega,
                labels: labels.as_ref(),
                tolerance: self.tolerance,
                first: start,
            };
            smooth.add_points(&rows, ask.points, (ask.smoothing, ask.slope), &mut sums);
        }
        sums
    }
}
