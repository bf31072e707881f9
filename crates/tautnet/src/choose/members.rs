//! The members of the mean, and the units that it needs.

use super::compress::compressed;
use super::judge::Losses;
use super::search::{Stage, Tried, Work};
use crate::Shallow;
use crate::error::Result;
use crate::train::average;
use rayon::prelude::*;
use tautnet_cone::Stop;

/// Most members of the mean, the candidates that they come from, and the most units of all of them together.
const MEMBERS: usize = 8;
const POOL: usize = 12;
const MEAN_UNITS: usize = 800;
/// Units to which the mean is compressed, and the most that a result has.
const FEWER_UNITS: [usize; 8] = [25, 50, 75, 100, 150, 200, 300, MOST_UNITS];
const MOST_UNITS: usize = 400;
/// The share of itself by which the score may rise when units are left out, and how far values may move: on rows held out, of
/// the squared errors there. Of few rows the score alone says little.
const NOTHING_LOST: f64 = 2e-3;
const NEAR: f64 = 1e-4;

impl Work<'_, '_> {
    /// The members of the mean: the best candidate, and what makes the mean better. It begins from one seed of the best, and from
    /// two; one seed alone is not trusted where there are two.
    pub(super) fn members(&self, tried: &[Tried], parts: usize) -> Result<Vec<usize>> {
        let twin = (1..tried.len()).find(|&k| tried[k].candidate == tried[0].candidate);
        let (score, members) = self.grow(tried, vec![0], parts)?;
        let Some(twin) = twin.filter(|_| 2 * tried[0].candidate.units <= MEAN_UNITS) else { return Ok(members) };
        let (of_two, from_two) = self.grow(tried, vec![0, twin], parts)?;
        Ok(if members.len() > 1 && score <= of_two { members } else { from_two })
    }

    /// Add members while the mean gets better, and the score that it has then.
    fn grow(&self, tried: &[Tried], mut members: Vec<usize>, parts: usize) -> Result<(f64, Vec<usize>)> {
        let stop = Stop::here();
        let pool = 0..tried.len().min(POOL);
        let units = |members: &[usize]| members.iter().map(|&k| tried[k].candidate.units).sum::<usize>();
        let score = |members: &Vec<usize>| -> Result<f64> {
            let losses = (0..parts)
                .map(|part| stop.during(|| self.losses_of_mean(tried, members, part)))
                .collect::<Result<Vec<_>>>()?;
            Ok(Losses::joined(&losses).score())
        };
        let mut best = score(&members)?;
        while members.len() < MEMBERS {
            let further: Vec<Vec<usize>> = pool
                .clone()
                .filter(|k| !members.contains(k))
                .map(|k| [&members[..], &[k]].concat())
                .filter(|members| units(members) <= MEAN_UNITS)
                .collect();
            if further.is_empty() || self.over(&stop) {
                break;
            }
            self.begin(Stage::Members, further.len());
            let told = |members: &Vec<usize>| score(members).inspect(|_| self.done());
            let scores = further.par_iter().map(told).collect::<Result<Vec<_>>>()?;
            let least = (0..scores.len()).min_by(|&a, &b| scores[a].total_cmp(&scores[b])).expect("there are some");
            if self.over(&stop) || scores[least] >= best {
                break;
            }
            (best, members) = (scores[least], further[least].clone());
        }
        Ok((best, members))
    }

    /// The members that stay, and to how many units their mean is compressed: to the fewest at no loss on rows held out, or not
    /// at all. Where it is too large and cannot do with less, its first members stay.
    pub(super) fn fewer_units(
        &self,
        tried: &[Tried],
        members: Vec<usize>,
        parts: usize,
    ) -> Result<(Vec<usize>, Option<usize>)> {
        let stop = Stop::here();
        let units = |members: &[usize]| members.iter().map(|&k| tried[k].candidate.units).sum::<usize>();
        let levels: Vec<usize> = FEWER_UNITS.into_iter().filter(|&level| level < units(&members)).collect();
        if parts > 0 && !levels.is_empty() && self.outputs() == 1 && !self.over(&stop) {
            self.begin(Stage::Members, parts);
            // Of every level, and at last of the mean, losses and squares: of the distance to the mean, and of its own errors.
            let one = |part: usize| -> Result<Vec<(Losses, f64)>> {
                stop.during(|| {
                    let mean = self.mean_of(tried, &members, part)?;
                    let rows = &self.parts[part].judged.0;
                    let squares = |network: &Shallow, from: &[f64]| {
                        let values = network.predict(rows.x.as_ref());
                        values.iter().zip(from).map(|(value, from)| (value - from).powi(2)).sum::<f64>()
                    };
                    let of_mean = mean.predict(rows.x.as_ref());
                    let smaller = self.compressed(&mean, Some(part), &levels)?;
                    let smaller = smaller.iter().map(|one| Ok((self.losses_of(one, part)?, squares(one, &of_mean))));
                    smaller
                        .chain([Ok((self.losses_of(&mean, part)?, squares(&mean, &rows.y)))])
                        .collect::<Result<Vec<_>>>()
                })
                .inspect(|_| self.done())
            };
            let seen = (0..parts).into_par_iter().map(one).collect::<Result<Vec<_>>>()?;
            let score = |network: usize| {
                Losses::joined(&seen.iter().map(|part| part[network].0.clone()).collect::<Vec<_>>()).score()
            };
            let squares = |network: usize| seen.iter().map(|part| part[network].1).sum::<f64>();
            let mean = levels.len();
            let nothing_lost = |level: usize| {
                squares(level) <= NEAR * squares(mean) && score(level) <= (1.0 + NOTHING_LOST) * score(mean)
            };
            let enough = (0..mean).find(|&level| nothing_lost(level));
            if let Some(level) = enough.filter(|_| !self.over(&stop)) {
                return Ok((members, Some(levels[level])));
            }
        }
        let mut members = members;
        while members.len() > 1 && units(&members) > MOST_UNITS {
            members.pop();
        }
        Ok((members, None))
    }

    /// A mean with so many units at most, matched on the rows that a part learns from, or on all rows.
    pub(super) fn compressed(&self, mean: &Shallow, part: Option<usize>, most: &[usize]) -> Result<Vec<Shallow>> {
        let (data, tolerance) = match part {
            Some(part) => (&self.parts[part].learned.0, &self.parts[part].learned.1),
            None => (self.data, &self.training),
        };
        compressed(mean, data, tolerance, self.settings.common.seed, most)
    }

    pub(super) fn mean_of(&self, tried: &[Tried], members: &[usize], part: usize) -> Result<Shallow> {
        let networks: Vec<Shallow> = members.iter().map(|&k| tried[k].networks[part].clone()).collect();
        average::mean_of(&networks)
    }

    pub(super) fn losses_of(&self, network: &Shallow, part: usize) -> Result<Losses> {
        let (judged, tolerance) = &self.parts[part].judged;
        Losses::of(network, judged, tolerance, &self.settings.common.loss)
    }

    fn losses_of_mean(&self, tried: &[Tried], members: &[usize], part: usize) -> Result<Losses> {
        self.losses_of(&self.mean_of(tried, members, part)?, part)
    }
}
