//! What is proved about the predictions of a network behind its scaler, in the units of the target.
//!
//! All rows are bounded at once first ([`linear_bounds`](super::linear_bounds)). Then branch and bound makes intervals smaller: those of all rows, or,
//! where there are so many that each would have a single node, those of the widest ([`Effort`]).

use super::effort::Effort;
use super::linear_bounds::{Bounded, LANES, LinearBounds, Sizes};
use super::sample::{SampleInterval, sample_interval};
use super::within::interval_within;
use crate::error::Result;
use crate::outward::{Interval, add_down, add_up, distance_up, div_down, div_up, mul_up};
use crate::scaling::Scaler;
use crate::tolerance::Tolerance;
use crate::{Norm, Shallow};
use faer::Mat;
use rayon::prelude::*;
use tautnet_cone::Stop;
use tautnet_verify::Certificate;

/// The intervals of all rows, and what they took.
#[derive(Debug, Clone, PartialEq)]
pub struct Intervals {
    /// One a row.
    pub rows: Vec<SampleInterval>,
    /// What was to be spent.
    pub effort: Effort,
    /// How many rows branch and bound was run for.
    pub refined: usize,
}

/// How far the intervals of many rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntervalProgress {
    /// Whether branch and bound is at work; before, all rows are bounded at once.
    pub refining: bool,
    /// So many rows are done.
    pub done: usize,
    /// Of so many.
    pub of: usize,
    /// For so many rows branch and bound was run since the last word.
    pub refined: usize,
}

/// Called between blocks of rows.
pub type IntervalObserver<'a> = dyn FnMut(&IntervalProgress) + 'a;

/// For every row of `x`, in the units of the target: the interval that the output cannot leave when the standardized
/// inputs move by at most `radius` in the norm. `lipschitz_upper_bound` is proved of the network in that norm, or
/// infinite.
///
/// The output is the real number that the stored weights, scaler and row define, so the rounding of standardizing,
/// evaluating and scaling back is inside, at radius 0 too; and so is the prediction, which is that number rounded.
pub fn prediction_intervals(
    (network, scaler): (&Shallow, &Scaler),
    x: Mat<f64>,
    (norm, radius): (Norm, f64),
    lipschitz_upper_bound: f64,
    effort: Effort,
    observer: &mut IntervalObserver<'_>,
) -> Result<Intervals> {
    let effort = if radius == 0.0 { Effort::NONE } else { effort };
    // The ball around the row of real numbers lies in a ball around the row as computed.
    let reach = |user: &[f64], row: &[f64]| add_up(radius, scaler.standardizing_error(user, row));
    let search = |_, user: &[f64], row: &[f64], nodes| {
        let reach = reach(user, row);
        if !reach.is_finite() {
            return Ok(UNKNOWN);
        }
        let interval = sample_interval(network, row, norm, reach, lipschitz_upper_bound, nodes)?;
        Ok(SampleInterval { closed: interval.closed || radius == 0.0, ..interval })
    };
    let ones = vec![1.0; network.inputs()];
    let bounds = LinearBounds::new(network, norm, Sizes::Same(&ones));
    let off = |_, user: &[f64], row: &[f64]| Off { scale: reach(user, row), error: 0.0 };
    let rows = Rows { network, scaler, bounds, lipschitz: lipschitz_upper_bound, off: &off, search: &search };
    rows.intervals(x, effort, observer)
}

/// [`prediction_intervals`] of inputs that are off by errors within a tolerance, which is given in the units of the rows.
pub fn prediction_intervals_within(
    (network, scaler): (&Shallow, &Scaler),
    x: Mat<f64>,
    tolerance: &Tolerance,
    effort: Effort,
    observer: &mut IntervalObserver<'_>,
) -> Result<Intervals> {
    let d = network.inputs();
    let effort = if tolerance.is_none() { Effort::NONE } else { effort };
    let standardized = tolerance.divided(&scaler.input_scale);
    let slope = |j: usize| {
        let own = network.a().map_or(0.0, |a| a[j].abs());
        (0..network.units()).fold(own, |sum, i| add_up(sum, mul_up(network.v()[i].abs(), network.w()[(i, j)].abs())))
    };
    let slopes: Vec<f64> = (0..d).map(slope).collect();
    // How much f can change between the row and errors of real numbers and those as computed.
    let off = |k: usize, user: &[f64], row: &[f64]| {
        let error = (0..d).fold(0.0, |sum, j| {
            let (size, computed, scale) = (tolerance.size(k, j), standardized.size(k, j), scaler.input_scale[j]);
            let size = distance_up(div_up(size, scale), computed).max(distance_up(div_down(size, scale), computed));
            let error = add_up(scaler.standardizing_error_of(j, user[j], row[j]), size);
            add_up(sum, mul_up(slopes[j], error))
        });
        Off { scale: 1.0, error }
    };
    let search = |k, user: &[f64], row: &[f64], nodes| {
        let Off { error: off, .. } = off(k, user, row);
        if !off.is_finite() {
            return Ok(UNKNOWN);
        }
        let interval = interval_within(network, row, k, &standardized, nodes)?;
        Ok(widened(interval, off))
    };
    let same: Vec<f64> = (0..d).map(|j| standardized.size(0, j)).collect();
    let sizes = if standardized.is_same() { Sizes::Same(&same) } else { Sizes::Rows(&standardized) };
    let bounds = LinearBounds::new(network, tolerance.shape().norm(), sizes);
    Rows { network, scaler, bounds, lipschitz: f64::INFINITY, off: &off, search: &search }
        .intervals(x, effort, observer)
}

/// Where standardizing overflows, nothing is known of the output.
const UNKNOWN: SampleInterval = SampleInterval {
    lower: f64::NEG_INFINITY,
    upper: f64::INFINITY,
    lowest_found: f64::INFINITY,
    highest_found: f64::NEG_INFINITY,
    closed: false,
};

/// The same where outputs are off by at most this.
fn widened(interval: SampleInterval, off: f64) -> SampleInterval {
    SampleInterval {
        lower: add_down(interval.lower, -off),
        upper: add_up(interval.upper, off),
        lowest_found: add_up(interval.lowest_found, off),
        highest_found: add_down(interval.highest_found, -off),
        closed: interval.closed,
    }
}

/// What is narrower of two intervals of one row, which hold the same values.
fn both(a: SampleInterval, b: SampleInterval) -> SampleInterval {
    SampleInterval {
        lower: a.lower.max(b.lower),
        upper: a.upper.min(b.upper),
        lowest_found: a.lowest_found.min(b.lowest_found),
        highest_found: a.highest_found.max(b.highest_found),
        closed: a.closed || b.closed,
    }
}

/// What is known of a row beside its inputs.
struct Off {
    /// How far its inputs move, in terms of the sizes that all rows have.
    scale: f64,
    /// How far its outputs are off, because of rounding.
    error: f64,
}

/// Something of a row from its number, the row as given, and the row in standardized units as computed.
type OfRow<'a, T> = dyn Fn(usize, &[f64], &[f64]) -> T + Sync + 'a;

/// The interval of the network at a row, which gets the nodes to spend too.
type Search<'a> = dyn Fn(usize, &[f64], &[f64], usize) -> Result<SampleInterval> + Sync + 'a;

/// So many rows are bounded at once between two words of progress, and so many searched.
const AT_ONCE: [usize; 2] = [1 << 16, 512];

/// How the intervals of rows are found.
struct Rows<'a> {
    network: &'a Shallow,
    scaler: &'a Scaler,
    bounds: LinearBounds<'a>,
    /// Of the network in the norm of the bounds, for sizes of 1.
    lipschitz: f64,
    off: &'a OfRow<'a, Off>,
    search: &'a Search<'a>,
}

impl Rows<'_> {
    fn intervals(&self, mut x: Mat<f64>, effort: Effort, observer: &mut IntervalObserver<'_>) -> Result<Intervals> {
        let given = x.clone();
        self.scaler.standardize_inputs_in_place(x.as_mut());
        let (n, row) = (x.nrows(), |of: &Mat<f64>, k: usize| of.row(k).iter().copied().collect::<Vec<f64>>());
        let search = |k: usize, nodes: usize| {
            let (user, row) = (row(&given, k), row(&x, k));
            (self.search)(k, &user, &row, nodes).map(|interval| self.to_user(interval, &row))
        };
        if effort.nodes == 0 {
            let mut rows = Vec::with_capacity(n);
            for start in (0..n).step_by(AT_ONCE[0]) {
                let end = n.min(start + AT_ONCE[0]);
                rows.extend((start..end).into_par_iter().map(|k| search(k, 0)).collect::<Result<Vec<_>>>()?);
                observer(&IntervalProgress { refining: false, done: end, of: n, refined: 0 });
            }
            return Ok(Intervals { rows, effort, refined: 0 });
        }
        let mut rows = Vec::with_capacity(n);
        for start in (0..n).step_by(AT_ONCE[0]) {
            let end = n.min(start + AT_ONCE[0]);
            let blocks: Vec<Vec<SampleInterval>> = (start..end)
                .into_par_iter()
                .step_by(LANES)
                .map(|first| {
                    let of = |of: &Mat<f64>| (first..end.min(first + LANES)).map(|k| row(of, k)).collect::<Vec<_>>();
                    self.at_once(first, &of(&given), &of(&x))
                })
                .collect();
            rows.extend(blocks.into_iter().flatten());
            observer(&IntervalProgress { refining: false, done: end, of: n, refined: 0 });
        }
        let chosen = effort.choose(&rows);
        // Where it is time to end, what needs no search has to do.
        let (stop, mut refined) = (Stop::here(), 0);
        for (number, part) in chosen.chunks(AT_ONCE[1]).enumerate() {
            if stop.asked() {
                break;
            }
            let one = |&k: &usize| match stop.asked() {
                true => Ok(None),
                false => stop.during(|| search(k, effort.nodes)).map(Some),
            };
            let before = refined;
            for (&k, found) in part.iter().zip(part.par_iter().map(one).collect::<Result<Vec<_>>>()?) {
                if let Some(found) = found {
                    rows[k] = both(rows[k], found);
                    refined += 1;
                }
            }
            let done = number * AT_ONCE[1] + part.len();
            observer(&IntervalProgress { refining: true, done, of: chosen.len(), refined: refined - before });
        }
        Ok(Intervals { rows, effort, refined })
    }

    /// What is known of a block of rows without a search, in the units of the target.
    fn at_once(&self, first: usize, given: &[Vec<f64>], x: &[Vec<f64>]) -> Vec<SampleInterval> {
        let off: Vec<Off> = (0..x.len()).map(|r| (self.off)(first + r, &given[r], &x[r])).collect();
        let scales: Vec<f64> = off.iter().map(|off| off.scale).collect();
        let rows: Vec<&[f64]> = x.iter().map(Vec::as_slice).collect();
        let known = self.bounds.block(first, &rows, &scales).into_iter().zip(&off).zip(x);
        known.map(|((bounded, off), row)| self.to_user(self.without_search(&bounded, off), row)).collect()
    }

    fn without_search(&self, bounded: &Bounded, off: &Off) -> SampleInterval {
        if !(off.scale.is_finite() && off.error.is_finite()) {
            return UNKNOWN;
        }
        let reach = mul_up(off.scale, self.lipschitz);
        let Bounded { value, rounding, .. } = *bounded;
        // The ends of a function that is linear there are attained.
        let (lowest, highest) = match bounded.linear {
            true => (add_up(bounded.lower, 2.0 * rounding), add_down(bounded.upper, -2.0 * rounding)),
            false => (f64::INFINITY, f64::NEG_INFINITY),
        };
        let interval = SampleInterval {
            lower: bounded.lower.max(add_down(value.low, -reach)),
            upper: bounded.upper.min(add_up(value.high, reach)),
            lowest_found: value.high.min(lowest),
            highest_found: value.low.max(highest),
            closed: bounded.linear,
        };
        widened(interval, off.error)
    }

    /// An interval of the network at a row in standardized units, in the units of the target.
    fn to_user(&self, interval: SampleInterval, row: &[f64]) -> SampleInterval {
        if interval == UNKNOWN {
            return UNKNOWN;
        }
        let user = |low: f64, high: f64| self.scaler.outputs_to_user(Interval { low, high });
        let outer = user(interval.lower, interval.upper);
        let found = user(interval.highest_found, interval.lowest_found);
        let prediction = self.scaler.target_to_user(self.network.value(row));
        SampleInterval {
            lower: outer.low.min(prediction),
            upper: outer.high.max(prediction),
            lowest_found: found.high,
            highest_found: found.low,
            closed: interval.closed,
        }
    }
}

/// How far a prediction can move, in the units of the target, when the standardized inputs move by at most `radius` in
/// the norm of the bound L on the network: κ_y L ε, rounded up.
pub fn prediction_reach(scaler: &Scaler, lipschitz_upper_bound: f64, radius: f64) -> f64 {
    mul_up(mul_up(scaler.target_scale, lipschitz_upper_bound), radius)
}

/// The better of the two bounds that a certificate proves for the change of the target per unit of each column alone,
/// in the units of the data.
pub fn sensitivities(certificate: &Certificate, scaler: &Scaler) -> Vec<f64> {
    let all = scaler.bound_per_column(certificate.standardized.bound);
    match &certificate.raw {
        Some(raw) => all.iter().zip(&raw.sensitivities).map(|(a, b)| a.min(*b)).collect(),
        None => all,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certify::tests::random_network;
    use crate::tolerance::Shape;

    fn rows(n: usize) -> (Shallow, Scaler, Mat<f64>) {
        let mut scaler = Scaler::identity(3);
        (scaler.input_mean, scaler.input_scale) = (vec![0.3, -7.0, 1e3], vec![0.7, 3.0, 110.0]);
        (scaler.target_mean, scaler.target_scale) = (11.0, 2.3);
        let at =
            |k: usize, j: usize| scaler.input_mean[j] + scaler.input_scale[j] * (1.0 + 1.7 * k as f64 + j as f64).sin();
        let x = Mat::from_fn(n, 3, at);
        (random_network(25, 3, 8), scaler, x)
    }

    /// The intervals of `effort`, by radius and within tolerances that are the same, or those of the rows, with the progress that was told.
    fn all(effort: Effort, n: usize) -> Vec<(Intervals, Vec<IntervalProgress>)> {
        let (network, scaler, x) = rows(n);
        let of_rows = Mat::from_fn(n, 3, |k, j| [0.05, 0.3, 7.0][j] * (1.0 + (k % 3) as f64));
        let tolerances = [
            Tolerance::same(Shape::Box, &[0.05, 0.0, 7.0]).unwrap(),
            Tolerance::of_rows(Shape::Ball, of_rows).unwrap(),
        ];
        let mut told = vec![Vec::new(); 3];
        let radius =
            prediction_intervals((&network, &scaler), x.clone(), (Norm::Two, 0.2), 9.0, effort, &mut |progress| {
                told[0].push(*progress);
            });
        let mut known = vec![radius.unwrap()];
        for (tolerance, told) in tolerances.iter().zip(&mut told[1..]) {
            let within =
                prediction_intervals_within((&network, &scaler), x.clone(), tolerance, effort, &mut |progress| {
                    told.push(*progress);
                });
            known.push(within.unwrap());
        }
        known.into_iter().zip(told).collect()
    }

    /// Rows that are not refined have wider intervals that hold those of rows that are; which are refined depends on no thread.
    #[test]
    fn the_widest_are_refined_and_the_others_hold() {
        let n = 700;
        let (each, some) = (Effort::each(200), Effort { nodes: 200, rows: 530 });
        for ((full, _), (known, told)) in all(each, n).into_iter().zip(all(some, n)) {
            assert_eq!((full.refined, full.rows.len(), known.rows.len()), (n, n, n));
            assert!(known.refined <= 530 && known.refined > 100, "{}", known.refined);
            let narrower = |(a, b): &(&SampleInterval, &SampleInterval)| a.lower < b.lower || a.upper > b.upper;
            let pairs = || known.rows.iter().zip(&full.rows);
            assert!(pairs().all(|(a, b)| a.lower <= b.lower && b.upper <= a.upper));
            assert!(pairs().all(|(a, b)| a.lower <= b.lowest_found && b.highest_found <= a.upper));
            let left = pairs().filter(narrower).count();
            assert!(left > 0 && left <= n - known.refined, "{left}");
            assert_eq!(told.last().map(|last| (last.refining, last.done)), Some((true, known.refined)));
            assert_eq!(told.iter().map(|one| one.refined).sum::<usize>(), known.refined);
            assert_eq!(told.first().map(|first| (first.refining, first.done, first.of)), Some((false, n, n)));
        }
        let pool = |threads: usize| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let runs = [1, 2, 3].map(|threads| pool(threads).install(|| all(some, n)));
        assert!(runs[0] == runs[1] && runs[1] == runs[2]);
    }

    /// Without time, and without nodes, intervals hold; those of the bounds of all rows at once are no wider than the Lipschitz bound's.
    #[test]
    fn what_is_stopped_holds() {
        let stop = || Stop::when(|| true);
        let none = all(Effort::NONE, 60);
        let stopped = stop().during(|| all(Effort::each(100), 60));
        let full = all(Effort::each(100), 60);
        for (((none, _), (stopped, _)), (full, _)) in none.iter().zip(&stopped).zip(&full) {
            assert_eq!((none.refined, stopped.refined, full.refined), (0, 0, 60));
            for ((none, stopped), full) in none.rows.iter().zip(&stopped.rows).zip(&full.rows) {
                assert!(stopped.lower <= full.lower && full.upper <= stopped.upper);
                assert!(none.lower <= full.lower && full.upper <= none.upper);
            }
        }
        let (none, stopped) = (&none[0].0.rows, &stopped[0].0.rows);
        assert!(
            none.iter()
                .zip(stopped)
                .all(|(none, stopped)| stopped.upper - stopped.lower <= none.upper - none.lower + 1e-9)
        );
    }
}
