//! The largest gradient found: a lower bound on the Lipschitz constant, with the input that attains it.
//!
//! On the interior of a cell f is linear with gradient `g = Σ_{i on} v_i w_i`, so ‖g‖ in the dual norm is a lower bound
//! on the constant of f over any region that the cell meets. From random inputs and data rows, the search climbs
//! from cell to cell:
//!
//! 1. *crossing*: step just across the hyperplane of a unit whose flip would lengthen the gradient (other units may flip on the
//!    way; the gradient at the new input decides). One product with W a step, for networks of any width.
//! 2. *flipping*: ask whether the pattern with exactly that unit flipped is attainable, wherever its cell lies.
//!
//! Everything reported is validated at the input itself: every pre-activation is away from 0 by more than its rounding.

use super::cell::{Attainability, Cells, pattern_at};
use super::region::Region;
use super::slope_sum::SlopeSum;
use super::slopes::Slopes;
use crate::error::{Error, Result};
use crate::random::normal;
use crate::{Norm, Shallow};
use faer::MatRef;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use std::ops::ControlFlow;
use tautnet_cone::Stop;

/// A gradient and the input inside whose cell it holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Attained {
    /// At most the length of the exact gradient in the dual norm: a lower bound on the constant.
    pub value: f64,
    /// The length as computed, to nearest; what searches compare.
    pub(crate) nearest: f64,
    /// The gradient of f at the point, to nearest.
    pub gradient: Vec<f64>,
    /// An input strictly inside its cell.
    pub point: Vec<f64>,
    /// Which units are on there.
    pub active: Vec<bool>,
}

/// Operations, units × inputs an evaluation, that evaluations of gradients may take where nothing was said.
const EVALUATED: usize = 1_000_000_000;

/// So many evaluations are made for networks of any size.
const LEAST: usize = 100;

/// How long the search for a large gradient may take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GradientSearchSettings {
    /// How many random inputs the search starts from, beside those of the data.
    pub starts: usize,
    /// The largest number of rows of the data that the search starts from; they are spread evenly.
    pub rows: usize,
    /// Most evaluations of a gradient, in all; they cost about units × inputs operations each.
    pub evaluations: usize,
    /// Most attainability questions, in all; they cost about units × inputs × inputs operations each.
    pub questions: usize,
    /// The seed of the random starts.
    pub seed: u64,
}

impl Default for GradientSearchSettings {
    fn default() -> Self {
        Self { starts: 32, rows: 64, evaluations: usize::MAX, questions: 2000, seed: 0 }
    }
}

impl GradientSearchSettings {
    /// The default, with less to do for wide networks: about a billion operations for each part of the search, which is seconds.
    pub fn scaled_to(network: &Shallow) -> Self {
        let (m, d) = (network.units(), network.inputs());
        let all = Self::default();
        let climbs = 2_000_000_000 / (m * m * d);
        Self {
            starts: all.starts.min(climbs.max(4)),
            rows: all.rows.min(climbs.max(4)),
            evaluations: (EVALUATED / (m * d)).max(LEAST),
            questions: all.questions.min(1_000_000_000 / (m * d * d + d * d * d * d)),
            ..all
        }
    }

    /// The same with so many evaluations: where that is more than [`Self::scaled_to`] takes, with as many times the starts and questions.
    pub fn with_evaluations(network: &Shallow, evaluations: usize) -> Self {
        let usual = Self::scaled_to(network);
        let times = |count: usize| (count as u128 * evaluations as u128 / usual.evaluations as u128) as usize;
        Self {
            starts: usual.starts.max(times(usual.starts)),
            rows: usual.rows.max(times(usual.rows)),
            questions: usual.questions.max(times(usual.questions.max(1))),
            evaluations,
            ..usual
        }
    }
}

/// How far a search for a large gradient is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GradientSearchProgress {
    /// The largest gradient found so far.
    pub largest: f64,
    /// The number of starting inputs from which hyperplanes have been crossed.
    pub starts: usize,
    /// How many gradients have been evaluated.
    pub evaluations: usize,
    /// How many attainability questions have been asked.
    pub questions: usize,
}

impl GradientSearchProgress {
    /// How much of what the search may spend is spent.
    pub fn share(&self, settings: &GradientSearchSettings) -> f64 {
        let of = |used: usize, most: usize| used as f64 / most.max(1) as f64;
        of(self.evaluations, settings.evaluations).max(of(self.questions, settings.questions)).min(1.0)
    }
}

/// Called before every step of a climb, and once the search has ended; `Break` ends it with the best so far.
pub type GradientSearchObserver<'a> = dyn FnMut(&GradientSearchProgress) -> ControlFlow<()> + 'a;

/// The gradient at x, if x lies in the region and strictly inside a cell; `norm` measures inputs.
pub fn attained_at(network: &Shallow, region: &Region, norm: Norm, x: &[f64]) -> Option<Attained> {
    if !region.contains(x) {
        return None;
    }
    let active = pattern_at(network, x)?;
    let SlopeSum { gradient, nearest, below } = SlopeSum::of(network, &active, norm.dual());
    Some(Attained { value: below, nearest, gradient, point: x.to_vec(), active })
}

/// Searches the region for a large gradient. `None` only when no start fell strictly inside a cell.
pub fn largest_gradient_found(
    network: &Shallow,
    region: &Region,
    norm: Norm,
    data: Option<MatRef<'_, f64>>,
    settings: &GradientSearchSettings,
) -> Result<Option<Attained>> {
    search_gradients(network, region, norm, data, settings, &mut |_| ControlFlow::Continue(()))
}

/// [`largest_gradient_found`], watched: a search that is ended early returns the largest gradient so far.
pub fn search_gradients(
    network: &Shallow,
    region: &Region,
    norm: Norm,
    data: Option<MatRef<'_, f64>>,
    settings: &GradientSearchSettings,
    observer: &mut GradientSearchObserver<'_>,
) -> Result<Option<Attained>> {
    region.check(network.inputs())?;
    if let Some(data) = data
        && data.ncols() != network.inputs()
    {
        return Err(Error::new(
            format!("the data has {} columns but the network has {} inputs", data.ncols(), network.inputs()),
            "give the data the network was trained on",
        ));
    }
    let slopes = Slopes::of(network)?;
    let cells = Cells::new(network, &slopes.units, region);
    let most = (settings.evaluations, settings.questions);
    let mut search = Search::new(network, region, norm, (&slopes, &cells), most, observer);
    let mut random = Pcg64::seed_from_u64(settings.seed);
    let rows = data.map_or(0, |data| data.nrows().min(settings.rows));
    let mut climbed = Vec::new();
    let starts = rows + settings.starts;
    for start in 0..starts {
        let x: Vec<f64> = match data {
            Some(data) if start < rows => {
                let k = start * data.nrows() / rows;
                (0..data.ncols()).map(|j| data[(k, j)]).collect()
            }
            _ => cells.input(&random_point(region, network.inputs(), start, &mut random)),
        };
        search.progress.evaluations += 1;
        // Each start has its share of what is left.
        let left = search.evaluations.saturating_sub(search.progress.evaluations) / (starts - start);
        if let Some(start) = attained_at(network, region, norm, &x) {
            climbed.push(search.cross(start, left));
        }
        search.progress.starts += 1;
        if search.progress.evaluations >= search.evaluations {
            break;
        }
        if search.stopped {
            break;
        }
    }
    // The costly climb from the best ends of the cheap one.
    climbed.sort_by(|a, b| b.nearest.total_cmp(&a.nearest));
    climbed.dedup_by(|a, b| a.active == b.active);
    let mut best: Option<Attained> = None;
    for start in climbed {
        let end = search.flip(start);
        if best.as_ref().is_none_or(|best| end.nearest > best.nearest) {
            best = Some(end);
        }
        if search.stopped || search.progress.questions == search.questions {
            break;
        }
    }
    if !search.stopped {
        // What the whole search took.
        search.progress.largest = best.as_ref().map_or(0.0, |best| best.value);
        let _ = (search.observer)(&search.progress);
    }
    Ok(best)
}

/// Climbs from a known gradient by single flips, with at most so many attainability questions.
pub(crate) fn climb_by_flips(
    network: &Shallow,
    region: &Region,
    norm: Norm,
    slopes: &Slopes,
    cells: &Cells<'_>,
    start: Attained,
    questions: usize,
) -> Attained {
    let proceed = &mut |_: &GradientSearchProgress| ControlFlow::Continue(());
    Search::new(network, region, norm, (slopes, cells), (usize::MAX, questions), proceed).flip(start)
}

/// A point in homogeneous frame coordinates: in the frame for a bounded region, at several scales for all of space.
fn random_point(region: &Region, inputs: usize, start: usize, random: &mut Pcg64) -> Vec<f64> {
    let mut point: Vec<f64> = match region {
        Region::Everywhere => {
            let scale = [1.0, 3.0, 0.3, 30.0][start % 4];
            (0..inputs).map(|_| scale * normal(random)).collect()
        }
        Region::Box { .. } => (0..inputs).map(|_| 2.0 * random.random::<f64>() - 1.0).collect(),
        Region::Ball { norm, .. } => {
            let direction: Vec<f64> = (0..inputs).map(|_| normal(random)).collect();
            let length = norm.of(&direction) / random.random::<f64>().powf(1.0 / inputs as f64);
            direction.iter().map(|a| 0.999 * a / length).collect()
        }
    };
    point.push(1.0);
    point
}

struct Search<'a, 'o> {
    network: &'a Shallow,
    region: &'a Region,
    norm: Norm,
    slopes: &'a Slopes,
    cells: &'a Cells<'a>,
    /// Most evaluations.
    evaluations: usize,
    /// Most questions.
    questions: usize,
    /// The input weights, unit by unit.
    weights: Vec<f64>,
    progress: GradientSearchProgress,
    observer: &'a mut GradientSearchObserver<'o>,
    stopped: bool,
}

impl<'a, 'o> Search<'a, 'o> {
    fn new(
        network: &'a Shallow,
        region: &'a Region,
        norm: Norm,
        (slopes, cells): (&'a Slopes, &'a Cells<'a>),
        (evaluations, questions): (usize, usize),
        observer: &'a mut GradientSearchObserver<'o>,
    ) -> Self {
        let progress = GradientSearchProgress { largest: 0.0, starts: 0, evaluations: 0, questions: 0 };
        let (m, d) = (network.units(), network.inputs());
        let weights = (0..m).flat_map(|i| (0..d).map(move |k| network.w()[(i, k)])).collect();
        let stopped = false;
        Self { network, region, norm, slopes, cells, evaluations, questions, weights, progress, observer, stopped }
    }

    /// The length of the gradient at x as [`attained_at`] computes it, without what proves it.
    fn length_at(&mut self, x: &[f64]) -> f64 {
        self.progress.evaluations += 1;
        let network = self.network;
        let mut gradient = network.a().map_or_else(|| vec![0.0; x.len()], <[f64]>::to_vec);
        for (i, w) in self.weights.chunks_exact(x.len()).enumerate() {
            let v = network.v()[i];
            let h = w.iter().zip(x).fold(network.b()[i], |h, (w, x)| h + w * x);
            if h > 0.0 && v != 0.0 {
                gradient.iter_mut().zip(w).for_each(|(g, w)| *g += v * w);
            }
        }
        self.norm.dual().of(&gradient)
    }

    /// Tells the observer where a climb is, and whether it wants no more.
    fn goes_on(&mut self, at: &Attained) -> bool {
        self.progress.largest = self.progress.largest.max(at.value);
        self.stopped = self.stopped || (self.observer)(&self.progress).is_break() || Stop::here().asked();
        !self.stopped
    }

    /// Units in falling order of the length of the gradient after their flip, those that lengthen it.
    fn promising(&self, at: &Attained) -> Vec<usize> {
        let d = at.gradient.len();
        let mut trial = vec![0.0; d];
        let mut gains: Vec<(f64, usize)> = Vec::new();
        for (r, &i) in self.slopes.units.iter().enumerate() {
            let sign = if at.active[i] { -self.slopes.scale } else { self.slopes.scale };
            (0..d).for_each(|k| trial[k] = at.gradient[k] + sign * self.slopes.rows[(r, k)]);
            let length = self.norm.dual().of(&trial);
            if length > at.nearest * (1.0 + 1e-12) {
                gains.push((length, r));
            }
        }
        gains.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        gains.into_iter().map(|(_, r)| r).collect()
    }

    /// Crosses hyperplanes while that lengthens the gradient, with about so many evaluations.
    fn cross(&mut self, mut at: Attained, evaluations: usize) -> Attained {
        let (d, end) = (at.point.len(), self.progress.evaluations + evaluations);
        'climb: while self.progress.evaluations < end && self.goes_on(&at) {
            for r in self.promising(&at).into_iter().take(20) {
                let i = self.slopes.units[r];
                let square: f64 = (0..d).map(|k| self.network.w()[(i, k)].powi(2)).sum();
                let value = self.network.pre_activation(i, &at.point);
                for overshoot in [1.001, 1.1] {
                    let step = overshoot * value / square;
                    let x: Vec<f64> = (0..d).map(|k| at.point[k] - step * self.network.w()[(i, k)]).collect();
                    if self.length_at(&x) > at.nearest
                        && let Some(next) = attained_at(self.network, self.region, self.norm, &x)
                        && next.nearest > at.nearest * (1.0 + 1e-12)
                    {
                        at = next;
                        continue 'climb;
                    }
                }
            }
            break;
        }
        at
    }

    /// Flips single units while an attainable flip lengthens the gradient.
    fn flip(&mut self, mut at: Attained) -> Attained {
        'climb: loop {
            let mut signs: Vec<i8> = self.slopes.units.iter().map(|&i| if at.active[i] { 1 } else { -1 }).collect();
            for r in self.promising(&at) {
                if self.progress.questions == self.questions || !self.goes_on(&at) {
                    return at;
                }
                self.progress.questions += 1;
                signs[r] = -signs[r];
                if let Attainability::Attainable(point) = self.cells.decide(&signs, true)
                    && let Some(next) = attained_at(self.network, self.region, self.norm, &self.cells.input(&point))
                    && next.nearest > at.nearest * (1.0 + 1e-12)
                {
                    at = next;
                    continue 'climb;
                }
                signs[r] = -signs[r];
            }
            return at;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certify::tests::random_network;

    /// Fewer evaluations find no more, are kept to the end of a step, and are counted.
    #[test]
    fn a_search_for_gradients_keeps_to_its_evaluations() {
        let network = random_network(60, 5, 4);
        let search = |evaluations: usize| {
            let settings = GradientSearchSettings { starts: 6, evaluations, questions: 0, ..Default::default() };
            let mut last = None;
            let found = search_gradients(&network, &Region::Everywhere, Norm::Two, None, &settings, &mut |progress| {
                last = Some(*progress);
                ControlFlow::Continue(())
            });
            (found.unwrap().map_or(0.0, |found| found.value), last.unwrap())
        };
        let (whole, all) = search(usize::MAX);
        assert!(all.starts == 6 && all.evaluations > 100, "{all:?}");
        for evaluations in [1, 6, 50, all.evaluations / 2, all.evaluations, 2 * all.evaluations] {
            let (found, took) = search(evaluations);
            assert!(found <= whole && took.evaluations <= evaluations + 6 * 41, "{took:?}");
        }
        assert_eq!(search(20 * all.evaluations).0, whole);
        // What is asked for beyond the usual is shared by more starts and more questions.
        let usual = GradientSearchSettings::scaled_to(&network);
        let more = GradientSearchSettings::with_evaluations(&network, 3 * usual.evaluations);
        assert_eq!((more.starts, more.questions), (3 * usual.starts, 3 * usual.questions));
        let fewer = GradientSearchSettings::with_evaluations(&network, 10);
        assert_eq!((fewer.starts, fewer.questions, fewer.evaluations), (usual.starts, usual.questions, 10));
    }
}
