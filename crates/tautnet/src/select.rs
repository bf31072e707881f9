//! Choosing the price λ of the Lipschitz bound by validation on the error under attack.
//!
//! ```text
//! error(f, ε) = mean_k max_{‖Δ‖ ≤ ε} (f(x_k + Δ) − y_k)²,   k held out
//! ratio(λ, ε) = geometric mean over the parts held out of  error(f_λ, ε) / error(f_0, ε)
//! chosen λ = argmin over a grid of λ:   geometric mean over the radii ε of ratio(λ, ε),
//!            among the λ with ratio(λ, 0) ≤ 1.02 and ratio(λ, ε) ≤ 1 for every ε > 0
//! ```
//!
//! f_0 is the starting network and f_λ the network polished at price λ, both made of the rows not held out. Every λ
//! starts from the same network, so that all candidates share their activation patterns and differ in nothing but the
//! price. The inner maximum is replaced by the worst point that the attack finds. A high price buys little error at
//! large radii with much at small ones; hence the condition: nothing may be lost against the start, but one part in
//! fifty where there is no attack. Where no price holds to it, the one that exceeds it least is chosen. Of equals it is
//! the highest.
//!
//! One part of a small table says little: a few rows that are hard to predict decide. So other parts are held out in
//! turn, each with a starting network of its own, until enough rows have been judged. We average quotients, not
//! errors. Otherwise the part with the hardest rows would decide alone. The parts do not depend on each other
//! and are worked on at the same time.

use crate::error::{Error, Result};
use crate::polish::{self, Polished};
use crate::requirement::{self, Setting};
use crate::rows::Rows;
use crate::split::{self, Split};
use crate::{Dataset, Shallow, attack, train};
use rayon::prelude::*;
use serde::{Serialize, Serializer};
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};
use tautnet_cone::Stop;

/// The prices to choose from, and how they are judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The prices λ to choose from, above 0 and in any order.
    pub prices: Vec<f64>,
    /// The radii at which the held-out rows are attacked, in the units of the data and in the norm of the polish.
    pub radii: Vec<f64>,
    /// The share of the rows that is held out at a time.
    pub fraction: f64,
    /// Parts are held out in turn until so many rows have been judged, or all.
    pub judged: usize,
    /// The relative gap to which the candidates are solved, if that is coarser than what the polish asks for.
    pub tolerance: f64,
    /// The largest number of iterations of each candidate, if that is fewer than what the polish asks for.
    pub iterations: usize,
    /// The seed of the split and of the attack.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            prices: vec![1.0, 0.3, 0.1, 0.03, 0.01, 0.003],
            radii: attack::RADII.to_vec(),
            fraction: 0.25,
            judged: 1000,
            tolerance: 1e-3,
            iterations: 30,
            seed: 0,
        }
    }
}

/// What validation says of one network, or on average of one a part.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Judgement {
    /// The price λ; `None` for the starting network.
    pub price: Option<f64>,
    /// Mean loss on the held-out rows.
    #[serde(rename = "error")]
    pub clean: f64,
    /// Mean over the radii of the error under attack found on the held-out rows.
    #[serde(rename = "error_under_attack")]
    pub attacked: f64,
    /// Geometric mean over the radii (and parts) of the error against that of the starting network.
    #[serde(rename = "against_start")]
    pub quotient: f64,
    /// The largest, over the radii, of that error's share of what is allowed; above 1 the price loses something.
    #[serde(rename = "share_of_allowed")]
    pub share: f64,
    /// The network's Lipschitz bound.
    pub lipschitz: f64,
}

/// Clean error allowed, against that of the starting network.
const CLEAN_ALLOWED: f64 = 1.02;

/// The path of candidates, from the highest price to the lowest one tried. Its networks are left out where it is kept.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Path {
    /// The starting networks, not polished.
    pub start: Judgement,
    /// The networks polished at each price.
    pub steps: Vec<Judgement>,
    /// Index of the best step; `None` when the observer ended the path before its first step was done.
    pub chosen: Option<usize>,
    /// Rows trained on at a time, and rows judged in all.
    #[serde(serialize_with = "with_names")]
    pub rows: (usize, usize),
    /// How many parts were held out in turn.
    pub folds: usize,
    /// The starting network of the first part with its history.
    #[serde(skip)]
    pub trained: train::Trained,
    /// The network of the best step, of the first part.
    #[serde(skip)]
    pub polished: Option<Polished>,
}

fn with_names<S: Serializer>(rows: &(usize, usize), serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_map([("learned", rows.0), ("held_out", rows.1)])
}

impl Path {
    /// The chosen λ.
    pub fn price(&self) -> Option<f64> {
        self.chosen.and_then(|chosen| self.steps[chosen].price)
    }

    /// Which rows were judged, for people.
    pub fn rows_judged(&self) -> String {
        let (learned, judged) = self.rows;
        match self.folds {
            1 => format!("{judged} rows held out, after learning from {learned}"),
            folds => format!("{judged} rows held out in {folds} parts, after learning from {learned} each time"),
        }
    }
}

/// What [`path`] is at work on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Progress<'a> {
    /// An epoch of a starting network.
    Start(&'a train::Progress),
    /// An iteration of the polish at a price.
    Polish {
        /// λ.
        price: f64,
        /// How many polishes were done before.
        done: usize,
        /// How many there are: one a price and part.
        polishes: usize,
        /// The iteration.
        progress: &'a polish::Progress,
    },
}

/// Called at every epoch and iteration, from whatever thread is at work; `Break` ends the path where it is. What was
/// done before counts.
pub type Observer<'a> = dyn FnMut(&Progress<'_>) -> ControlFlow<()> + Send + 'a;

/// Train and polish at every price for every part, and judge every result on the rows held out. The price in `polish`
/// is not used; where its method is `walk`, the walks are short. [`Stop::here`] ends the path like the observer.
pub fn path(
    data: &Dataset,
    start: &train::Settings,
    polish: &polish::Settings,
    settings: &Settings,
    observer: &mut Observer<'_>,
) -> Result<Path> {
    settings.check(data.rows())?;
    if !polish.method.uses(Setting::Lipschitz) {
        return Err(Error::new(
            format!("the method `{}` has no price of the bound to choose", polish.method.name()),
            requirement::hint(polish.method.requires(), Setting::Lipschitz),
        ));
    }
    let splits = settings.splits(data.rows())?;
    let mut prices = settings.prices.clone();
    prices.sort_by(|a, b| b.total_cmp(a));
    let tolerance = polish.tol.max(settings.tolerance);
    let iterations = polish.iterations.min(settings.iterations);
    // A walk fits closer than the joint program and asks for a higher price: it is judged by a short one.
    let polish = polish::Settings { walk: polish.walk.short(), tol: tolerance, iterations, ..polish.clone() };
    // What the method does not use is not asked of it.
    let polish = polish.with_method(polish.method);
    let shared = Shared { observer: Mutex::new((observer, 0)), polishes: prices.len() * splits.len() };
    let stop = Stop::here();
    let parts: Vec<Part> = splits
        .par_iter()
        .map(|split| stop.during(|| settings.part(data, split, start, &polish, &prices, &shared)))
        .collect::<Result<_>>()?;

    // Those that were finished; if none was, the one that got farthest.
    let whole = |part: &&Part| part.steps.len() == prices.len();
    let mut counted: Vec<&Part> = parts.iter().filter(whole).collect();
    if counted.is_empty() {
        counted = parts.iter().rev().max_by_key(|part| part.steps.len()).into_iter().collect();
    }
    let first = counted[0];
    let judgement = |price, of: &dyn Fn(&Part) -> &Errors| settings.judgement(price, &counted, of);
    let steps: Vec<Judgement> =
        (0..first.steps.len()).map(|k| judgement(Some(prices[k]), &|part| &part.steps[k].0)).collect();
    let chosen = choice(&steps);
    Ok(Path {
        start: judgement(None, &|part| &part.start),
        chosen,
        rows: (splits[0].train.len(), counted.len() * judged_of(&splits[0]).len()),
        folds: counted.len(),
        trained: first.trained.clone(),
        polished: chosen.map(|chosen| first.steps[chosen].1.clone()),
        steps,
    })
}

/// Most rows of a part that are judged: an attack on every one of very many takes minutes and says nothing more.
const MOST_JUDGED: usize = 1000;

/// The rows of a part that are judged: those held out, or some of them at equal distances.
fn judged_of(rows: &Split) -> Vec<usize> {
    let count = rows.test.len().min(MOST_JUDGED);
    (0..count).map(|k| rows.test[k * rows.test.len() / count]).collect()
}

/// What the parts have in common: the observer, and how many polishes have been done.
struct Shared<'a, 'b> {
    observer: Mutex<(&'a mut Observer<'b>, usize)>,
    polishes: usize,
}

impl Shared<'_, '_> {
    fn tell(&self, progress: impl FnOnce(&mut Observer<'_>, usize) -> ControlFlow<()>) -> ControlFlow<()> {
        let mut observer = self.observer.lock().unwrap_or_else(PoisonError::into_inner);
        let (observer, done) = &mut *observer;
        progress(&mut **observer, *done)
    }

    fn count(&self) {
        self.observer.lock().unwrap_or_else(PoisonError::into_inner).1 += 1;
    }
}

/// The step with the least quotient among those that lose nothing; if there is none, the one that loses least.
fn choice(steps: &[Judgement]) -> Option<usize> {
    let key = |step: &Judgement| if step.share <= 1.0 { (1.0, step.quotient) } else { (step.share, 0.0) };
    let mut chosen: Option<usize> = None;
    for (k, step) in steps.iter().enumerate() {
        if chosen.is_none_or(|chosen| key(step) < key(&steps[chosen])) {
            chosen = Some(k);
        }
    }
    chosen
}

/// A network's error at every radius on the rows held out, and its bound.
struct Errors {
    clean: f64,
    attacked: Vec<f64>,
    lipschitz: f64,
}

/// The candidates of one part of the rows.
struct Part {
    trained: train::Trained,
    start: Errors,
    steps: Vec<(Errors, Polished)>,
}

impl Settings {
    /// Parts to hold out in turn.
    fn splits(&self, rows: usize) -> Result<Vec<Split>> {
        let held_out = (rows as f64 * self.fraction).round().max(1.0) as usize;
        split::by_folds(rows, self.fraction, self.judged.div_ceil(held_out), self.seed)
    }

    /// One starting network and its polishes, `prices` from high to low.
    fn part(
        &self,
        data: &Dataset,
        rows: &Split,
        start: &train::Settings,
        polish: &polish::Settings,
        prices: &[f64],
        shared: &Shared<'_, '_>,
    ) -> Result<Part> {
        let (fitted, held_out) = (Rows::of(data).pick(&rows.train), Rows::of(data).pick(&judged_of(rows)));
        let mut stopped = false;
        let trained = train::train(&fitted, start, &mut |progress| {
            let verdict = shared.tell(|observer, _| observer(&Progress::Start(progress)));
            stopped |= verdict.is_break();
            verdict
        })?;
        let stop = Stop::here();
        let bound = polish::score(&trained.network, &fitted, polish)?.lipschitz;
        let first = self.judge(&trained.network, &held_out, polish, bound)?;
        let mut part = Part { trained, start: first, steps: Vec::new() };
        for &price in prices {
            if stopped || stop.asked() {
                break;
            }
            let asked = polish::Settings { lipschitz_price: price, ..polish.clone() };
            let polished = polish::polish(&part.trained.network, &fitted, &asked, &mut |progress| {
                let polishes = shared.polishes;
                let verdict =
                    shared.tell(|observer, done| observer(&Progress::Polish { price, done, polishes, progress }));
                stopped |= verdict.is_break();
                verdict
            })?;
            shared.count();
            if (stopped || stop.asked()) && !part.steps.is_empty() {
                break; // A solve cut short would be judged unfairly.
            }
            let bound = polished.after.lipschitz;
            let judged = self.judge(&polished.network, &held_out, polish, bound)?;
            if stop.asked() && !part.steps.is_empty() {
                break; // And so would be one whose attack was cut short.
            }
            part.steps.push((judged, polished));
        }
        Ok(part)
    }

    fn judge(
        &self,
        network: &Shallow,
        held_out: &Dataset,
        polish: &polish::Settings,
        lipschitz: f64,
    ) -> Result<Errors> {
        // The bound of the score is the solver's word, not a proof: it is not what the attack is held against.
        let loss = polish.loss.clone();
        let search = attack::Settings { loss, seed: self.seed, ..attack::Settings::new(f64::INFINITY) };
        let reports = attack::attack(network, held_out, polish.norm, &self.radii, &search)?;
        let attacked = reports.iter().map(|report| report.found).collect();
        Ok(Errors { clean: polish.loss.mean(network, held_out), attacked, lipschitz })
    }

    /// What the parts say together.
    fn judgement(&self, price: Option<f64>, parts: &[&Part], of: &dyn Fn(&Part) -> &Errors) -> Judgement {
        let mean =
            |value: &dyn Fn(&Part) -> f64| parts.iter().map(|part| value(part)).sum::<f64>() / parts.len() as f64;
        // A start without error leaves nothing to win: what equals it counts as 1.
        let quotient = |k: usize| {
            let smallest = f64::MIN_POSITIVE;
            mean(&|part| (of(part).attacked[k].max(smallest) / part.start.attacked[k].max(smallest)).ln()).exp()
        };
        let quotients: Vec<f64> = (0..self.radii.len()).map(quotient).collect();
        let allowed = |k: usize| if self.radii[k] == 0.0 { CLEAN_ALLOWED } else { 1.0 };
        let count = self.radii.len() as f64;
        Judgement {
            price,
            clean: mean(&|part| of(part).clean),
            attacked: mean(&|part| of(part).attacked.iter().sum::<f64>() / count),
            quotient: (quotients.iter().map(|quotient| quotient.ln()).sum::<f64>() / count).exp(),
            share: quotients.iter().enumerate().map(|(k, quotient)| quotient / allowed(k)).fold(0.0, f64::max),
            lipschitz: mean(&|part| of(part).lipschitz),
        }
    }

    fn check(&self, rows: usize) -> Result<()> {
        if self.prices.is_empty() || self.radii.is_empty() {
            return Err(Error::new(
                format!("there are {} prices and {} radii to choose by", self.prices.len(), self.radii.len()),
                "give at least one of each, such as the defaults",
            ));
        }
        if let Some(price) = self.prices.iter().find(|price| !(price.is_finite() && **price > 0.0)) {
            return Err(Error::new(
                format!("{price} is among the prices to choose from"),
                "every price on the path must be a finite number above 0",
            ));
        }
        if rows < 5 {
            let rows = if rows == 1 { "1 sample is".to_owned() } else { format!("{rows} rows are") };
            return Err(Error::new(
                format!("{rows} too few to choose the price of the Lipschitz bound by validation"),
                "give the price, such as 0.03",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::tests::toy;

    fn start() -> train::Settings {
        train::Settings { start: "random".parse().unwrap(), units: 8, ..train::Settings::default() }
    }

    #[test]
    fn the_chosen_price_is_the_best_of_the_path_on_the_rows_held_out() {
        let data = toy(60, 2, 3);
        let settings = Settings { prices: vec![0.01, 1.0, 0.1], judged: 1, ..Settings::default() };
        let polish = polish::Settings::default();
        let path = path(&data, &start(), &polish, &settings, &mut |_| ControlFlow::Continue(())).unwrap();
        let prices: Vec<f64> = path.steps.iter().map(|step| step.price.unwrap()).collect();
        assert_eq!((prices, path.rows, path.folds), (vec![1.0, 0.1, 0.01], (45, 15), 1));
        let chosen = &path.steps[path.chosen.unwrap()];
        assert!(path.steps.iter().all(|step| step.attacked >= step.clean));
        let fair = |step: &&Judgement| step.share <= 1.0;
        assert!(
            path.steps.iter().filter(fair).all(|step| fair(&chosen) && chosen.quotient <= step.quotient),
            "{path:?}"
        );
        assert_eq!(path.start.quotient, 1.0);
        assert!(path.steps.windows(2).all(|pair| pair[0].lipschitz <= pair[1].lipschitz * 1.001), "{path:?}");
        // The network that comes with the path is the one that was judged.
        let rows = split::by_fraction(60, 0.25, 0).unwrap();
        let again =
            crate::Loss::default().mean(&path.polished.as_ref().unwrap().network, &Rows::of(&data).pick(&rows.test));
        assert_eq!(again, chosen.clean);
    }

    #[test]
    fn a_path_that_is_ended_early_keeps_what_it_has() {
        let data = toy(60, 2, 3);
        for allowed in [0, 1, 2] {
            let mut observe = |progress: &Progress<'_>| match progress {
                Progress::Polish { done, .. } if *done >= allowed => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            };
            let settings = Settings { judged: 1, ..Settings::default() };
            let path = path(&data, &start(), &polish::Settings::default(), &settings, &mut observe).unwrap();
            assert_eq!(path.steps.len(), allowed.max(1));
            assert!(path.price().is_some() && path.polished.is_some());
        }
        let mut never = |_: &Progress<'_>| ControlFlow::Break(());
        let path = path(&data, &start(), &polish::Settings::default(), &Settings::default(), &mut never).unwrap();
        assert_eq!((path.steps.len(), path.price()), (0, None));
    }

    /// Every row is judged once, and a price by the mean over the parts; the parts may come in any order.
    #[test]
    fn parts_are_held_out_in_turn_and_averaged() {
        let data = toy(60, 2, 3);
        let polish = polish::Settings::default();
        let grid = |judged| Settings { prices: vec![0.3, 0.03], judged, seed: 2, ..Settings::default() };
        let polishes = std::sync::atomic::AtomicUsize::new(0);
        let all = path(&data, &start(), &polish, &grid(60), &mut |progress| {
            if let Progress::Polish { polishes: count, done, .. } = progress {
                assert!(*done < *count);
                polishes.store(*count, std::sync::atomic::Ordering::SeqCst);
            }
            ControlFlow::Continue(())
        })
        .unwrap();
        assert_eq!((all.folds, all.rows, polishes.into_inner()), (4, (45, 60), 8));
        let mut sums = [0.0; 2];
        for split in split::by_folds(60, 0.25, 4, 2).unwrap() {
            let (fitted, held_out) = (Rows::of(&data).pick(&split.train), Rows::of(&data).pick(&split.test));
            let trained = train::train(&fitted, &start(), &mut |_| ControlFlow::Continue(())).unwrap();
            for (sum, price) in sums.iter_mut().zip([0.3, 0.03]) {
                let grid = grid(60);
                let tolerance = polish.tol.max(grid.tolerance);
                let asked = polish::Settings {
                    lipschitz_price: price,
                    tol: tolerance,
                    iterations: grid.iterations,
                    ..polish.clone()
                };
                let go_on = &mut |_: &polish::Progress| ControlFlow::Continue(());
                let polished = polish::polish(&trained.network, &fitted, &asked, go_on).unwrap();
                let errors = grid.judge(&polished.network, &held_out, &polish, 0.0).unwrap().attacked;
                *sum += errors.iter().sum::<f64>() / (4 * errors.len()) as f64;
            }
        }
        for (step, sum) in all.steps.iter().zip(sums) {
            assert!((step.attacked - sum).abs() < 1e-9 * sum, "{step:?} {sum}");
        }
    }

    /// Hand-made judgements: a price that loses something does not count while another loses nothing.
    #[test]
    fn the_choice_loses_nothing_where_it_can_and_else_the_least() {
        let step =
            |quotient, share| Judgement { price: None, clean: 0.0, attacked: 0.0, quotient, share, lipschitz: 0.0 };
        assert_eq!(choice(&[]), None);
        assert_eq!(choice(&[step(0.5, 1.01), step(0.8, 1.0), step(0.7, 0.9), step(0.7, 0.8)]), Some(2));
        assert_eq!(choice(&[step(0.5, 1.3), step(0.8, 1.2), step(0.7, 1.4)]), Some(1));
    }

    /// Two parts and two radii, by hand: the part with the large errors weighs no more than the other.
    #[test]
    fn quotients_are_geometric_means_over_parts_and_radii() {
        let data = toy(20, 2, 1);
        let settings = Settings { radii: vec![0.0, 0.1], ..Settings::default() };
        let trained = train::train(&data, &start(), &mut |_| ControlFlow::Continue(())).unwrap();
        let errors = |attacked: [f64; 2]| Errors { clean: attacked[0], attacked: attacked.to_vec(), lipschitz: 1.0 };
        let polished =
            polish::polish(&trained.network, &data, &polish::Settings::default(), &mut |_| ControlFlow::Continue(()));
        let polished = polished.unwrap();
        let part = |start, step| Part {
            trained: trained.clone(),
            start: errors(start),
            steps: vec![(errors(step), polished.clone())],
        };
        let (small, large) = (part([0.1, 0.2], [0.2, 0.1]), part([100.0, 200.0], [50.0, 200.0]));
        let judgement = settings.judgement(Some(0.1), &[&small, &large], &|part| &part.steps[0].0);
        // Clean: √(2 · ½) = 1. Attacked: √(½ · 1) = 0.707.
        assert!((judgement.quotient - 0.5f64.powf(0.25)).abs() < 1e-12, "{judgement:?}");
        assert!((judgement.share - 1.0 / CLEAN_ALLOWED).abs() < 1e-12);
        assert!((judgement.clean - 25.1).abs() < 1e-12 && (judgement.attacked - 0.5 * (0.15 + 125.0)).abs() < 1e-12);
    }

    #[test]
    fn bad_grids_and_too_few_rows_are_refused() {
        let refused = |rows, settings: Settings| {
            let go_on = &mut |_: &Progress<'_>| ControlFlow::Continue(());
            path(&toy(rows, 2, 1), &start(), &polish::Settings::default(), &settings, go_on).unwrap_err().what
        };
        assert!(refused(4, Settings::default()).contains("4 rows"));
        assert!(refused(20, Settings { prices: vec![0.1, 0.0], ..Settings::default() }).starts_with("0 is among"));
        assert!(refused(20, Settings { radii: vec![], ..Settings::default() }).contains("0 radii"));
        assert!(refused(20, Settings { fraction: 1.0, ..Settings::default() }).contains("fraction"));
    }
}
