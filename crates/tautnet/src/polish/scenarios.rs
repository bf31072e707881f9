//! Scenarios: the worst points found within the tolerance as further rows, and worse ones in turn (cutting planes).
//!
//! An attack on the present network looks for the worst point of every row. A row has the loss of its worst point of all that were
//! ever found, its *scenarios*, of which the row itself is one. At labels that are the patterns of the present network on these
//! points, (R) with exact inputs and soft cells bounds that loss for every other network, and says no more than it for the present
//! one: its optimum is not above where it started, on these points. An attack on that optimum finds further points, and so on. The
//! first program is (R) within the tolerance: few points say little of a network that is far away.
//!
//! ```text
//! min Σ_k ω_k max over the scenarios x of row k of loss at x + prices
//! ```
//!
//! A program has the points of every row that are worst for the best network and for the last one: others would only make it larger. The
//! best network attains its worst case at points that its program has, so the optimum is not above where it started, on these.
//!
//! Where nothing is said of a tolerance, the rows themselves are all scenarios. What is compared is the loss of all networks that
//! were made, recomputed at all points that were found by then.

use super::{
    method::{Described, Method, NO_EFFORT, NO_LIMIT, NO_MULTIPLIERS},
    outcome::Score,
    run::{Candidate, Run, Standing},
};
use crate::{
    Dataset, Loss, Shallow, attack,
    ending::{Cause, Early, Ending},
    error::Result,
    patterns::Patterns,
    rows::Rows,
    tolerance::Tolerance,
};
use faer::Mat;

/// The method.
pub const METHOD: Method = Method(&Described {
    name: "scenarios",
    help: "the least worst case found within the tolerance, by convex programs at the worst points found, with worse ones in turn",
    requires: &[NO_EFFORT, NO_MULTIPLIERS, NO_LIMIT],
    prices: (0.0, 0.0),
    story: "The polish lowered {goal}, {bound}, by convex programs. Each has the worst points that attacks had found by then, and counts \
            the worst of each row{in the last}.",
});

/// A round gains little when the objective falls by less than this fraction of itself.
const LITTLE: f64 = 1e-3;
/// Rounds of little gain that end the work.
const PATIENCE: usize = 2;
/// A point whose loss is less than this part of the worst of its row is no scenario.
const MATTERS: f64 = 0.25;
/// Scenarios of a row that a program has for each of two networks, beside the row itself; after a round of little gain twice as many.
const MOST: usize = 8;

/// Attack, program, attack, and so on. The best of all that was made comes back.
pub(super) fn run(run: &mut Run<'_, '_>, at: &mut Standing) -> Result<()> {
    let (settings, exact) = (run.settings, Tolerance::none(run.data.columns()));
    let tolerance = settings.tolerance.as_ref().unwrap_or(&exact);
    let mut found = Scenarios::of(run.data);
    found.attack(&at.best.network, tolerance, &settings.loss, 0)?;
    let mut made = vec![(at.best.clone(), None, None)];
    let (mut best, mut low) = (0, found.score(run, &at.best).objective);
    let mut idle = 0;
    for round in 0..settings.rounds.max(1) {
        let proposed = if round == 0 && settings.tolerance.is_some() {
            run.solve_within(true, round).map(|solved| (solved, f64::NEG_INFINITY))
        } else {
            let from = &made[best].0.network;
            let last = &made[made.len() - 1].0.network;
            let (rows, groups) = found.worst([from, last], MOST << idle, &settings.loss);
            let patterns = Patterns::signed(from, rows.x.as_ref());
            run.adopt(from, Some(&patterns));
            if run.only_a_constant() {
                break;
            }
            let of_rows = run.active.select(&groups[..run.data.rows()]);
            let labels = std::mem::replace(&mut run.active, of_rows);
            let solved = run.solve_groups(&rows, &groups, &labels, round);
            let least = run.trace.last().map_or(f64::NEG_INFINITY, |last| last.objective);
            solved.map(|solved| (solved, least))
        };
        // What the program promises of the points it has.
        let ((candidate, solved), least) = match proposed {
            // The points do not fit in memory any more.
            Err(error) if round > 0 => {
                run.notes.push(format!("ended after {round} rounds: {}", error.what));
                break;
            }
            proposed => proposed?,
        };
        found.attack(&candidate.network, tolerance, &settings.loss, round as u64 + 1)?;
        made.push((candidate, solved.gap, solved.stopped));
        let before = low;
        for (i, (candidate, ..)) in made.iter().enumerate() {
            let objective = found.score(run, candidate).objective;
            if i == 0 || objective < low {
                (best, low) = (i, objective);
            }
        }
        idle = if before - low < LITTLE * before.abs() { idle + 1 } else { 0 };
        if run.interrupted || idle == PATIENCE || before - least < LITTLE * before.abs() {
            break;
        }
    }
    let scores: Vec<Score> = made.iter().map(|(candidate, ..)| found.score(run, candidate)).collect();
    run.accepted.clear();
    for score in &scores {
        if run.accepted.last().is_none_or(|last| score.objective < last.objective) {
            run.accepted.push(*score);
        }
    }
    let rounds = made.len() - 1;
    let (candidate, gap, stopped) = made.swap_remove(best);
    at.best = Candidate { score: scores[best], ..candidate };
    at.gap = gap;
    at.ending = match stopped {
        _ if best == 0 => {
            let others = scores[1..].iter().map(|score| score.objective).fold(f64::INFINITY, f64::min);
            let start = scores[0].objective;
            Ending::Unchanged(format!(
                "at all points found the objective of the given network is {start:.9}, and of no result less than {others:.9}"
            ))
        }
        _ if run.interrupted => Early { cause: Cause::Interrupted(Some(rounds)), gap }.into(),
        Some(early) => Ending::Stopped(early),
        None => Ending::Solved,
    };
    Ok(())
}

/// The scenarios of every row.
struct Scenarios<'a> {
    data: &'a Dataset,
    /// All points, those of a row together, the row itself first.
    rows: Dataset,
    /// The first point of each row, and the number of points.
    groups: Vec<usize>,
}

impl<'a> Scenarios<'a> {
    fn of(data: &'a Dataset) -> Self {
        Self { data, rows: data.clone(), groups: (0..=data.rows()).collect() }
    }

    /// The losses of a network at all points, row by row.
    fn losses(&self, network: &Shallow, loss: &Loss) -> Vec<f64> {
        let predicted = network.predict(self.rows.x.as_ref());
        predicted.iter().zip(&self.rows.y).map(|(f, y)| loss.value(*f, *y)).collect()
    }

    /// The score of a network whose worst case is that of the points found.
    fn score(&self, run: &Run<'_, '_>, candidate: &Candidate) -> Score {
        let losses = self.losses(&candidate.network, &run.settings.loss);
        let (mut sum, mut total) = (0.0, 0.0);
        for (k, group) in self.groups.windows(2).enumerate() {
            let weight = self.data.weights.as_ref().map_or(1.0, |weights| weights[k]);
            sum += weight * losses[group[0]..group[1]].iter().fold(0.0, |worst: f64, &loss| worst.max(loss));
            total += weight;
        }
        run.with_found(candidate.score, sum / total)
    }

    /// The points that a program has, and the first of each row: the row itself and the `most` that are worst for each network.
    fn worst(&self, networks: [&Shallow; 2], most: usize, loss: &Loss) -> (Dataset, Vec<usize>) {
        let losses = networks.map(|network| self.losses(network, loss));
        let (mut kept, mut groups) = (Vec::new(), vec![0]);
        for group in self.groups.windows(2) {
            let mut points: Vec<usize> = (group[0] + 1..group[1]).collect();
            let mut chosen = vec![group[0]];
            for losses in &losses {
                points.sort_by(|&a, &b| losses[b].total_cmp(&losses[a]));
                chosen.extend(points.iter().take(most));
            }
            chosen.sort_unstable();
            chosen.dedup();
            kept.extend(chosen);
            groups.push(kept.len());
        }
        (Rows::of(&self.rows).pick(&kept), groups)
    }

    /// Add the worst points of a network, where they are beyond what the row has.
    fn attack(&mut self, network: &Shallow, tolerance: &Tolerance, loss: &Loss, seed: u64) -> Result<()> {
        let settings = attack::Settings { loss: loss.clone(), seed, ..attack::Settings::new(f64::INFINITY) };
        let points = attack::points_within(network, self.data, tolerance, &settings)?;
        let known = network.predict(self.rows.x.as_ref());
        let (mut all, mut groups): (Vec<Vec<f64>>, _) = (Vec::new(), vec![0]);
        for (k, points) in points.into_iter().enumerate() {
            let group = self.groups[k]..self.groups[k + 1];
            let y = self.data.y[k];
            let values = &known[group.clone()];
            let (low, high) = values.iter().fold((y, y), |(low, high), &f| (low.min(f), high.max(f)));
            let value = |x: &[f64]| network.value(x);
            let worst =
                points.iter().map(|x| value(x)).chain([low, high]).map(|f| loss.value(f, y)).fold(0.0, f64::max);
            let beyond = |x: &Vec<f64>| {
                let (f, little) = (value(x), 1e-9 * (high - low));
                (f > high + little || f < low - little) && loss.value(f, y) >= MATTERS * worst
            };
            all.extend(group.map(|at| self.rows.x.row(at).iter().copied().collect()));
            all.extend(points.into_iter().filter(beyond));
            groups.push(all.len());
        }
        let row_of: Vec<usize> = groups.windows(2).enumerate().flat_map(|(k, g)| vec![k; g[1] - g[0]]).collect();
        self.rows = Dataset {
            x: Mat::from_fn(all.len(), self.data.columns(), |at, j| all[at][j]),
            y: row_of.iter().map(|&k| self.data.y[k]).collect(),
            others: Vec::new(),
            weights: self.data.weights.as_ref().map(|weights| row_of.iter().map(|&k| weights[k]).collect()),
        };
        self.groups = groups;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tolerance::Shape;
    use crate::train::{self, tests::toy};
    use std::ops::ControlFlow;

    #[test]
    fn a_program_has_the_rows_and_what_is_worst_in_each() {
        let data = toy(30, 2, 5);
        let network = |seed: u64| {
            let start = "random".parse().unwrap();
            let start = train::Settings { start, units: 6, seed, ..train::Settings::default() };
            train::train(&data, &start, &mut |_| ControlFlow::Continue(())).unwrap().network
        };
        let networks: Vec<Shallow> = (0..6).map(network).collect();
        let tolerance = Tolerance::of_rows(Shape::Ball, Mat::full(1, 2, 0.3)).unwrap();
        let mut found = Scenarios::of(&data);
        for (seed, network) in networks.iter().enumerate() {
            found.attack(network, &tolerance, &Loss::default(), seed as u64).unwrap();
        }
        let pair = [&networks[0], &networks[5]];
        let (rows, groups) = found.worst(pair, 1, &Loss::default());
        assert!(rows.rows() < found.rows.rows());
        let kept = Scenarios { data: &data, rows, groups };
        for network in pair {
            let [some, all] = [&kept, &found].map(|points| points.losses(network, &Loss::default()));
            for k in 0..data.rows() {
                assert_eq!(kept.rows.x.row(kept.groups[k]), data.x.row(k));
                let worst = |losses: &[f64], groups: &[usize]| {
                    losses[groups[k]..groups[k + 1]].iter().fold(0.0, |worst: f64, &loss| worst.max(loss))
                };
                assert_eq!(worst(&some, &kept.groups), worst(&all, &found.groups));
                assert!(kept.groups[k + 1] - kept.groups[k] <= 3);
            }
        }
        assert_eq!(found.worst(pair, 100, &Loss::default()).0, found.rows);
    }
}
