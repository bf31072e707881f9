//! The search for the members of the mean.

use super::candidate::{Candidate, Convex};
use super::judge::Losses;
use super::outcome::{Choice, Chosen, Judgement, Part};
use super::temperature::temperature;
use crate::error::{Error, Result};
use crate::moments::{Moments, moments};
use crate::rows::Rows;
use crate::several::divided;
use crate::split::{self, Split};
use crate::tolerance::{Shape, Tolerance};
use crate::train::{Common, average};
use crate::{Dataset, Shallow};
use rayon::prelude::*;
use std::ops::ControlFlow;
use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};
use tautnet_cone::Stop;

/// What may be chosen from.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What all candidates have in common, the units and the linear part where these are not chosen.
    pub common: Common,
    /// The hidden units of each network; `None` where they are chosen.
    pub units: Option<usize>,
    /// The price of the weights in training; `None` where it is chosen.
    pub decay: Option<f64>,
    /// How many times the usual work the choice may do.
    pub effort: f64,
    /// How many classes there are, where the targets are their numbers: a network has an output for each.
    pub classes: Option<usize>,
}

/// What [`choose`] is at work on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Judging candidates.
    Candidates,
    /// Putting the mean together.
    Members,
    /// Learning from all rows.
    AllRows,
    /// Of rows that are not in memory: descending on all of them.
    Descent,
}

/// How far it is: pieces of work done, of those that are known of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The stage.
    pub stage: Stage,
    /// Networks made.
    pub done: usize,
    /// Networks to make.
    pub of: usize,
}

/// Called after every network, from whatever thread is at work; `Break` ends the stage at hand.
pub type Observer<'a> = dyn FnMut(&Progress) -> ControlFlow<()> + Send + 'a;

/// Parts that the rows are cut into, to be held out in turn.
pub const PARTS: usize = 5;
/// Most rows that candidates are compared on.
const MOST_ROWS: usize = 4000;
/// Multiplications that a choice may take, about, where there are few rows: ten seconds of one processor; and so many times
/// that where there are many.
const WORK: (f64, f64) = (1.5e11, 6.0);
/// As many rows are few.
const FEW: f64 = 300.0;
/// Units of each network where they are chosen, and of a wide one.
const UNITS: (usize, usize) = (50, 200);
/// Candidates that stay after the first parts: at most, and at least.
const STAY: (usize, usize) = (24, 6);
const REACHES: [f64; 5] = [0.0, 0.5, 1.0, 1.5, 2.0];
const DECAYS: [f64; 6] = [1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1];
/// Standard deviations of every input that training knows as its tolerance where every input is exact.
pub const SMOOTHING: f64 = 0.1;
/// Tolerance and decay of the convex programs that are tried, the first ones first.
const CONVEX: [(f64, f64); 6] = [(1.0, 1e-2), (1.0, 1e-3), (0.5, 1e-2), (1.0, 3e-2), (0.5, 1e-3), (1.0, 0.0)];

/// Choose a network for the tolerance, and make it. [`Stop::here`] ends the choice early with what it has, and the work too:
/// where there is no time to learn from all rows, the networks of the first part are the result.
pub fn choose(
    data: &Dataset,
    tolerance: &Tolerance,
    settings: &Settings,
    observer: &mut Observer<'_>,
) -> Result<Chosen> {
    let rows = data.rows();
    if rows < PARTS {
        let rows = if rows == 1 { "1 sample is".to_owned() } else { format!("{rows} rows are") };
        return Err(Error::new(
            format!("{rows} too few to choose a network for the tolerance by validation"),
            match settings.classes {
                None if data.targets() == 1 => {
                    format!(
                        "give {PARTS} rows at least, or say the tolerance 0 and a price, such as ⟨lipschitz_price=0.03⟩"
                    )
                }
                _ => format!("give {PARTS} rows at least"),
            },
        ));
    }
    let work = Work::new(data, tolerance, settings, observer)?;
    let found = Stop::here().early().during(|| work.search())?;
    work.make(found)
}

/// What rows are attacked within in training where every input is exact: training against small errors makes a network smooth,
/// which can lessen its error where there are none.
fn smoothing(data: &Dataset) -> Result<Tolerance> {
    let deviation = |of: &Moments| SMOOTHING * of.variance.unwrap_or(0.0).sqrt();
    let sizes: Vec<f64> = moments(data)[..data.columns()].iter().map(deviation).collect();
    Tolerance::same(Shape::Ball, &sizes)
}

/// A candidate with its networks and what the rows held out say of each, part by part.
pub(super) struct Tried {
    pub candidate: Candidate,
    seed: u64,
    pub networks: Vec<Shallow>,
    losses: Vec<Losses>,
}

impl Tried {
    pub fn joined(&self) -> Losses {
        Losses::joined(&self.losses)
    }

    fn judgement(&self) -> Judgement {
        judgement(self.candidate, &self.joined())
    }
}

/// The best first.
fn sort(tried: &mut [Tried]) {
    // Scores are not negative, and then their bits are in the same order.
    tried.sort_by_cached_key(|one| one.joined().score().to_bits());
}

fn judgement(candidate: Candidate, losses: &Losses) -> Judgement {
    let (clean, found) = losses.means();
    Judgement { candidate, clean, found, score: losses.score() }
}

/// The rows in parts, and what everything needs.
pub(super) struct Work<'a, 'o> {
    pub data: &'a Dataset,
    /// What rows are attacked within in training, where a candidate has them attacked.
    pub training: Tolerance,
    pub settings: &'a Settings,
    observer: Mutex<(&'a mut Observer<'o>, Progress)>,
    ended: AtomicBool,
    pub parts: Vec<Cut>,
}

/// Rows to learn from and rows held out.
pub(super) struct Cut {
    held_out: Vec<usize>,
    pub learned: (Dataset, Tolerance),
    pub judged: (Dataset, Tolerance),
}

impl<'a, 'o> Work<'a, 'o> {
    fn new(
        data: &'a Dataset,
        tolerance: &'a Tolerance,
        settings: &'a Settings,
        observer: &'a mut Observer<'o>,
    ) -> Result<Self> {
        let all: Vec<usize> = if data.rows() > MOST_ROWS {
            split::by_fraction(data.rows(), MOST_ROWS as f64 / data.rows() as f64, settings.common.seed)?.test
        } else {
            (0..data.rows()).collect()
        };
        // Parts of the same size; a few rows may be in none.
        let share = (all.len() / PARTS).max(1) as f64 / all.len() as f64;
        let training = if tolerance.is_none() { smoothing(data)? } else { tolerance.clone() };
        let picked = |rows: &[usize], within: &Tolerance| (Rows::of(data).pick(rows), within.select(rows));
        let cut = |split: &Split| {
            let [train, test] =
                [&split.train, &split.test].map(|rows| rows.iter().map(|&k| all[k]).collect::<Vec<_>>());
            Cut { learned: picked(&train, &training), judged: picked(&test, tolerance), held_out: test }
        };
        let parts = split::by_folds(all.len(), share, PARTS, settings.common.seed)?.iter().map(cut).collect();
        let start = Progress { stage: Stage::Candidates, done: 0, of: 0 };
        Ok(Self {
            data,
            training,
            settings,
            observer: Mutex::new((observer, start)),
            ended: AtomicBool::new(false),
            parts,
        })
    }

    /// The candidates that come first.
    fn grid(&self) -> Vec<Candidate> {
        let Settings { common, units, decay, .. } = self.settings;
        let units = units.unwrap_or(UNITS.0);
        let linear: &[bool] = if common.linear_part { &[true] } else { &[false, true] };
        let decays: Vec<f64> = decay.map_or(DECAYS.to_vec(), |decay| vec![decay]);
        let each = linear.iter().flat_map(|&linear_part| REACHES.iter().map(move |&reach| (linear_part, reach)));
        each.flat_map(|(linear_part, reach)| {
            decays.iter().map(move |&decay| Candidate { linear_part, reach, ..Candidate::ordinary(units, decay) })
        })
        .collect()
    }

    /// The outputs of a network: one, or one a class or a target.
    pub fn outputs(&self) -> usize {
        self.settings.classes.unwrap_or(self.data.targets())
    }

    /// Tell that a stage has so many further pieces of work.
    pub fn begin(&self, stage: Stage, pieces: usize) {
        let told = &mut self.observer.lock().unwrap_or_else(PoisonError::into_inner).1;
        let (done, of) = if told.stage == stage { (told.done, told.of) } else { (0, 0) };
        *told = Progress { stage, done, of: of + pieces };
        self.ended.store(false, Ordering::Relaxed);
    }

    pub fn done(&self) {
        let (observer, told) = &mut *self.observer.lock().unwrap_or_else(PoisonError::into_inner);
        told.done += 1;
        if observer(told).is_break() {
            self.ended.store(true, Ordering::Relaxed);
        }
    }

    pub fn over(&self, stop: &Stop) -> bool {
        stop.asked() || self.ended.load(Ordering::Relaxed)
    }

    fn common(&self, seed: u64) -> Common {
        Common { seed: self.settings.common.seed.wrapping_add(seed), ..self.settings.common.clone() }
    }

    /// The network of a candidate that learns from these rows.
    fn network(&self, candidate: Candidate, (data, tolerance): (&Dataset, &Tolerance), seed: u64) -> Result<Shallow> {
        let common = self.common(seed);
        match self.outputs() {
            1 => candidate.make(data, tolerance, &common),
            outputs => candidate.make_for_several(data, tolerance, &common, outputs),
        }
    }

    /// Networks of candidates on some parts, judged. `None` where it was time to stop: what was cut short is not to be compared.
    fn judge(&self, candidates: &[(Candidate, u64)], parts: &[usize]) -> Result<Option<Vec<Tried>>> {
        let stop = Stop::here();
        self.begin(Stage::Candidates, candidates.len() * parts.len());
        let pieces: Vec<(usize, usize)> =
            (0..candidates.len()).flat_map(|c| parts.iter().map(move |&part| (c, part))).collect();
        let one = |&(c, part): &(usize, usize)| -> Result<Option<(Shallow, Losses)>> {
            if self.over(&stop) {
                return Ok(None);
            }
            let Cut { learned, judged, .. } = &self.parts[part];
            let (candidate, seed) = candidates[c];
            let made = stop.during(|| -> Result<_> {
                let network = self.network(candidate, (&learned.0, &learned.1), seed)?;
                let losses = Losses::of(&network, &judged.0, &judged.1, &self.settings.common.loss)?;
                Ok((network, losses))
            })?;
            self.done();
            Ok(Some(made).filter(|_| !self.over(&stop)))
        };
        let mut made = pieces.par_iter().map(one).collect::<Result<Vec<_>>>()?.into_iter();
        let tried: Option<Vec<Tried>> = candidates
            .iter()
            .map(|&(candidate, seed)| {
                let own: Option<Vec<_>> = made.by_ref().take(parts.len()).collect();
                let (networks, losses) = own?.into_iter().unzip();
                Some(Tried { candidate, seed, networks, losses })
            })
            .collect();
        Ok(tried)
    }

    /// Judge candidates on the parts that are left, where there is time.
    fn go_on(&self, tried: &mut [Tried], from: usize) -> Result<bool> {
        let candidates: Vec<_> = tried.iter().map(|tried| (tried.candidate, tried.seed)).collect();
        let parts: Vec<usize> = (from..self.parts.len()).collect();
        let Some(more) = self.judge(&candidates, &parts)? else { return Ok(false) };
        for (tried, more) in tried.iter_mut().zip(more) {
            tried.networks.extend(more.networks);
            tried.losses.extend(more.losses);
        }
        Ok(true)
    }

    fn search(&self) -> Result<Found> {
        let grid: Vec<_> = self.grid().into_iter().map(|candidate| (candidate, 0)).collect();
        let whole = self.parts.len();
        let (rows, columns) = (self.parts[0].learned.0.rows(), self.data.columns());
        let mut left = self.settings.effort * WORK.0 * (rows as f64 / FEW).clamp(1.0, WORK.1);
        // Where there are few rows, one part says little.
        let work: f64 = grid.iter().map(|(candidate, _)| candidate.work(rows, columns, self.outputs())).sum();
        let first = ((0.4 * left / work) as usize).clamp(1, whole);
        left -= first as f64 * work;
        let Some(mut tried) = self.judge(&grid, &(0..first).collect::<Vec<_>>())? else {
            return Ok(Found::none(self));
        };
        let mut candidates = tried.len();
        sort(&mut tried);
        // The start is the best by its errors without input error.
        let ordinary = |tried: &&Tried| {
            tried.candidate.reach == 0.0 && tried.candidate.linear_part == self.settings.common.linear_part
        };
        let start = tried
            .iter()
            .filter(ordinary)
            .min_by(|a, b| a.joined().clean_score().total_cmp(&b.joined().clean_score()))
            .map(|start| start.candidate)
            .expect("ordinary training is among them");
        let rest = (whole - first) as f64 * work / tried.len() as f64;
        let stay = ((0.5 * left / rest.max(1.0)) as usize).clamp(STAY.1, STAY.0);
        let mut place = 0;
        tried.retain(|one| {
            place += 1;
            place <= stay || one.candidate == start
        });
        left -= rest * tried.len() as f64;
        let mut judged = whole;
        if first < whole && !self.go_on(&mut tried, first)? {
            judged = first;
        }
        if judged == whole {
            let before = tried.len();
            self.refine(&mut tried, rows, left)?;
            candidates += tried.iter().filter(|one| one.seed == 0).count() - before;
        }
        sort(&mut tried);
        let start = tried.iter().position(|one| one.candidate == start && one.seed == 0).expect("the start stays");
        let members = self.members(&tried, judged)?;
        let (members, units) = self.fewer_units(&tried, members, judged)?;
        Ok(Found { candidates, tried, start, members, units, judged })
    }

    /// Try variations of the best, as far as the work allows: long training and wide networks first, since both change what is
    /// best; then their neighbours, and the convex program.
    fn refine(&self, tried: &mut Vec<Tried>, rows: usize, mut left: f64) -> Result<()> {
        let mut attempt = |tried: &mut Vec<Tried>, next: Vec<Candidate>| -> Result<()> {
            let mut further: Vec<(Candidate, u64)> = Vec::new();
            for candidate in next {
                let work = candidate.work(rows, self.data.columns(), self.outputs()) * self.parts.len() as f64;
                let known =
                    tried.iter().any(|one| one.candidate == candidate) || further.iter().any(|one| one.0 == candidate);
                if !known && work <= left {
                    left -= work;
                    further.push((candidate, 0));
                }
            }
            let parts: Vec<usize> = (0..self.parts.len()).collect();
            tried.extend(self.judge(&further, &parts)?.unwrap_or_default());
            sort(tried);
            Ok(())
        };
        sort(tried);
        let fixed = self.settings.units.is_some();
        let larger = |best: Candidate| {
            let wide = Candidate { units: if fixed { best.units } else { UNITS.1 }, ..best };
            [Candidate { long: true, ..best }, wide, Candidate { long: true, ..wide }]
        };
        attempt(tried, tried.iter().take(3).flat_map(|one| larger(one.candidate)).collect())?;
        let best = tried[0].candidate;
        let mut near = Vec::new();
        if self.settings.common.loss == crate::Loss::default() {
            near.extend(tried.iter().take(2).map(|one| Candidate { capped: true, ..one.candidate }));
        }
        if self.settings.decay.is_none() {
            near.extend([1.0 / 3.0, 3.0].map(|factor| Candidate { decay: factor * best.decay, ..best }));
        }
        near.extend([0.75, 1.25].map(|factor| Candidate { reach: factor * best.reach, ..best }));
        attempt(tried, near)?;
        let small = |one: &&Tried| fixed || one.candidate.units == UNITS.0;
        // The program for several outputs has no linear part.
        let small = |one: &&Tried| small(one) && (self.outputs() == 1 || !one.candidate.linear_part);
        let best = tried.iter().find(small).map(|one| one.candidate);
        let ordinary = tried.iter().filter(small).find(|one| one.candidate.reach == 0.0).map(|one| one.candidate);
        let programs = best.iter().flat_map(|best| CONVEX.iter().map(move |program| (best, program)));
        let programs =
            programs.chain(ordinary.iter().flat_map(|one| CONVEX[..2].iter().map(move |program| (one, program))));
        let convex =
            programs.map(|(&from, &(reach, decay))| Candidate { convex: Some(Convex { reach, decay }), ..from });
        attempt(tried, convex.collect())?;
        // The best from another seed, so that they can be members twice.
        let again: Vec<_> = tried.iter().take(2).map(|one| (one.candidate, 1)).collect();
        let parts: Vec<usize> = (0..self.parts.len()).collect();
        tried.extend(self.judge(&again, &parts)?.unwrap_or_default());
        Ok(())
    }

    /// The networks that learn from all rows.
    fn make(&self, found: Found) -> Result<Chosen> {
        let Found { candidates, tried, start, members, units, judged } = found;
        let stop = Stop::here();
        let smaller = |mean: Shallow, part: Option<usize>| -> Result<Shallow> {
            let smaller = units.map(|units| self.compressed(&mean, part, &[units])).transpose()?;
            Ok(smaller.and_then(|mut one| one.pop()).unwrap_or(mean))
        };
        let all: Vec<(Candidate, u64)> =
            [start].iter().chain(&members).map(|&k| (tried[k].candidate, tried[k].seed)).collect();
        self.begin(Stage::AllRows, all.len());
        let made = all
            .par_iter()
            .map(|&(candidate, seed)| {
                let network = stop.during(|| self.network(candidate, (self.data, &self.training), seed));
                self.done();
                network
            })
            .collect::<Result<Vec<Shallow>>>()?;
        let all_rows = !self.over(&stop) || judged == 0;
        let mut parts = (0..judged)
            .map(|part| {
                Ok(Part {
                    held_out: self.parts[part].held_out.clone(),
                    start: tried[start].networks[part].clone(),
                    result: Stop::here()
                        .late()
                        .during(|| smaller(self.mean_of(&tried, &members, part)?, Some(part)))?,
                })
            })
            .collect::<Result<Vec<Part>>>()?;
        let each: Vec<(&Shallow, &Dataset)> =
            parts.iter().zip(&self.parts).map(|(part, cut)| (&part.result, &cut.judged.0)).collect();
        let loss = &self.settings.common.loss;
        let temperature = if loss.is_margin() { temperature(&each, loss) } else { 1.0 };
        if temperature != 1.0 {
            for part in &mut parts {
                part.result = divided(&part.result, temperature)?;
            }
        }
        let (first, network) = match parts.first() {
            Some(part) if !all_rows => (part.start.clone(), part.result.clone()),
            _ => (made[0].clone(), Stop::here().late().during(|| smaller(average::mean_of(&made[1..])?, None))?),
        };
        let network = if all_rows { divided(&network, temperature)? } else { network };
        let losses = (0..judged)
            .map(|part| Stop::here().late().during(|| self.losses_of(&parts[part].result, part)))
            .collect::<Result<Vec<_>>>()?;
        let result = Losses::joined(&losses).means();
        let choice = Choice {
            rows: parts.iter().map(|part| part.held_out.len()).sum(),
            folds: judged,
            candidates,
            start: tried[start].judgement(),
            judged: tried.iter().map(Tried::judgement).collect(),
            members: members.iter().map(|&k| tried[k].candidate).collect(),
            result,
            all_rows,
            parts,
        };
        Ok(Chosen { start: first, network, choice })
    }
}

/// What the search found: candidates, the best first, which of them is the start, the members, and how many parts they were judged on.
struct Found {
    candidates: usize,
    tried: Vec<Tried>,
    start: usize,
    members: Vec<usize>,
    /// The units of the mean, where it is compressed.
    units: Option<usize>,
    judged: usize,
}

impl Found {
    /// Nothing was judged: ordinary training, and training under attack within the tolerance at a middling decay.
    fn none(work: &Work<'_, '_>) -> Self {
        let Settings { common, units, decay, .. } = work.settings;
        let ordinary = Candidate::ordinary(units.unwrap_or(UNITS.0), decay.unwrap_or(1e-2));
        let ordinary = Candidate { linear_part: common.linear_part, ..ordinary };
        let tried = |candidate| Tried { candidate, seed: 0, networks: Vec::new(), losses: Vec::new() };
        let tried = vec![tried(Candidate { reach: 1.0, ..ordinary }), tried(ordinary)];
        Self { candidates: 0, tried, start: 1, members: vec![0], units: None, judged: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Loss;
    use crate::attack;
    use crate::choose::{cases, evaluate};
    use crate::tolerance::Input;
    use crate::train::tests::toy;
    use std::sync::atomic::AtomicUsize;

    fn settings(units: usize) -> Settings {
        Settings { common: Common::default(), units: Some(units), decay: Some(3e-3), effort: 1.0, classes: None }
    }

    fn go_on(_: &Progress) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn found(network: &Shallow, data: &Dataset, tolerance: &Tolerance) -> f64 {
        attack::within(network, data, tolerance, &attack::Settings::new(f64::INFINITY)).unwrap().found
    }

    #[test]
    fn what_is_chosen_is_better_than_its_start_on_rows_that_neither_saw() {
        let (data, fresh) = (toy(120, 2, 3), toy(300, 2, 4));
        let tolerance = Tolerance::same(Shape::Ball, &[0.3, 0.3]).unwrap();
        let chosen = choose(&data, &tolerance, &settings(12), &mut go_on).unwrap();
        let choice = &chosen.choice;
        assert!(choice.all_rows && choice.folds == PARTS && choice.candidates > 2 * REACHES.len());
        let (old, new) = (found(&chosen.start, &fresh, &tolerance), found(&chosen.network, &fresh, &tolerance));
        assert!(new < 0.95 * old, "{new} against {old}");
        // The start is ordinary training, the members are in the table, and every one has the units that were asked for.
        assert_eq!((choice.start.candidate.reach, choice.start.candidate.convex), (0.0, None));
        assert!(choice.members.iter().all(|member| choice.judged.iter().any(|one| one.candidate == *member)));
        assert!(choice.judged.iter().all(|one| one.candidate.units == 12 && one.clean <= one.found));
        assert!(choice.judged.windows(2).all(|pair| pair[0].score <= pair[1].score));
        // Every row is held out at most once, by networks that are judged together.
        let mut rows: Vec<usize> = choice.parts.iter().flat_map(|part| part.held_out.clone()).collect();
        rows.sort_unstable();
        assert!(rows.windows(2).all(|pair| pair[0] < pair[1]) && rows.len() == choice.rows);
        // Found, proved and the causes are in order; a tolerance of 0 adds nothing.
        let inputs = ["a", "b"].map(|name| Input { name, numeric: true, width: 1 });
        let seen =
            evaluate(&chosen, (&data, &tolerance), None, &inputs, &Loss::default(), &mut |_, _| ()).unwrap().unwrap();
        assert_eq!((seen.rows, seen.cross_validated, seen.causes.len()), (choice.rows, true, 2));
        for at in &seen.sizes {
            for errors in [&at.start, &at.result] {
                assert!(errors.clean <= errors.found * (1.0 + 1e-12) && errors.found <= errors.proved);
                assert!(at.size > 0.0 || errors.proved <= errors.clean * (1.0 + 1e-9));
            }
        }
        assert!(seen.causes.iter().all(|cause| (0.0..=1.0).contains(cause)) && seen.causes.iter().sum::<f64>() > 0.5);
        assert_eq!(cases(&chosen, (&data, &tolerance), None).len(), PARTS);
    }

    #[test]
    fn threads_do_not_change_a_byte() {
        let data = toy(50, 2, 5);
        let tolerance = Tolerance::same(Shape::Box, &[0.1, 0.2]).unwrap();
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| choose(&data, &tolerance, &settings(5), &mut go_on).unwrap())
        };
        assert_eq!(run(1), run(2));
    }

    #[test]
    fn it_can_be_ended_at_any_moment() {
        let data = toy(50, 2, 6);
        let tolerance = Tolerance::same(Shape::Box, &[0.2, 0.0]).unwrap();
        let all = AtomicUsize::new(0);
        let mut count = |_: &Progress| {
            all.fetch_add(1, Ordering::SeqCst);
            ControlFlow::Continue(())
        };
        choose(&data, &tolerance, &settings(4), &mut count).unwrap();
        let (mut seen, all) = ([false; 2], all.into_inner());
        for most in [0, 1, all / 3, 2 * all / 3, all - 1] {
            let mut heard = 0;
            let mut end = |_: &Progress| {
                heard += 1;
                if heard > most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            let chosen = choose(&data, &tolerance, &settings(4), &mut end).unwrap();
            let choice = &chosen.choice;
            assert_eq!(choice.parts.len(), choice.folds);
            assert!(!choice.members.is_empty() && found(&chosen.network, &data, &tolerance).is_finite());
            seen[usize::from(choice.folds > 0)] = true;
            // So does the clock, from the beginning.
            let stopped = Stop::when(|| true).during(|| choose(&data, &tolerance, &settings(4), &mut go_on)).unwrap();
            assert_eq!(stopped.choice.folds, 0);
        }
        assert_eq!(seen, [true; 2]);
    }

    #[test]
    fn rows_have_weights_and_tolerances_of_their_own() {
        let mut data = toy(60, 2, 7);
        data.weights = Some((0..60).map(|k| 0.5 + (k % 3) as f64).collect());
        let rows = faer::Mat::from_fn(60, 2, |k, j| if j == 0 { 0.05 * (k % 4) as f64 } else { 0.1 });
        let tolerance = Tolerance::of_rows(Shape::Ball, rows).unwrap();
        let chosen = choose(&data, &tolerance, &settings(5), &mut go_on).unwrap();
        let ordinary = found(&chosen.start, &data, &tolerance);
        assert!(found(&chosen.network, &data, &tolerance) < 1.2 * ordinary);
        let with_linear = Settings { common: Common { linear_part: true, ..Common::default() }, ..settings(5) };
        let chosen = choose(&data, &tolerance, &with_linear, &mut go_on).unwrap();
        assert!(chosen.network.a().is_some() && chosen.choice.judged.iter().all(|one| one.candidate.linear_part));
    }
}
