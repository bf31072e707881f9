//! The main job on numbers: starting network → price of the bound → convex polish.
//!
//! With a fixed price the starting network is trained on all rows and polished on all rows. With the price left open,
//! [`select::path`] chooses it on a part of the rows first, and then the same is done with the price chosen. What comes
//! out is ready for [`certify::prove`](fn@crate::certify::prove).

use crate::choose::{self, Choice, Chosen};
use crate::error::Result;
use crate::polish::{self, Polished};
use crate::select::{self, Path};
use crate::{Dataset, Loss, Scaler, Shallow, several, train};
use serde::Serialize;
use std::ops::ControlFlow;
use tautnet_cone::Stop;

/// λ_w, the price of the weights, with which the main job works where no other is given.
///
/// Without a price of the weights the program fits small tables more closely than the start, which has one
/// (0.005), and predicts new rows worse. Of values from 0 to 0.04 and multiples of λ this one did best on
/// rows held out of servo, machine and rastrigin (`docs/results.md`): a reasonable value, not an optimum.
pub const DECAY: f64 = 0.01;

/// Equal rows are merged where at least so many are left: fewer are not worth being held out from each other.
const FEWEST: usize = 5;

/// Rows as a fit learns from them: in standardized units, with equal rows as one row of their common weight. So a weight means
/// what repeating the row means, and equal rows are not held out from themselves; but where hardly any would be left, the
/// rows are taken as they come.
pub fn learn(mut data: Dataset, loss: &Loss) -> Result<(Scaler, Dataset)> {
    if let Some(merged) = data.merge_equal_rows().filter(|merged| merged.rows() >= FEWEST) {
        data = merged;
    }
    let scaler = Scaler::of(&data, loss)?;
    scaler.standardize_in_place(&mut data);
    Ok((scaler, data))
}

/// The price λ of the bound: given, or to be chosen by validation.
#[derive(Debug, Clone, PartialEq)]
pub enum Price {
    /// This one.
    Fixed(f64),
    /// The best of a path.
    Chosen(select::Settings),
}

/// The settings of a fit: its start, its polish and its price. The price in `polish` is not used.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The starting network.
    pub start: train::Settings,
    /// The polish, but for its price.
    pub polish: polish::Settings,
    /// The price λ of the bound.
    pub price: Price,
}

impl Settings {
    /// The program at a price.
    fn at(&self, price: f64) -> polish::Settings {
        polish::Settings { lipschitz_price: price, ..self.polish.clone() }
    }

    /// The price, and how it was chosen on these rows where it is left open.
    pub(crate) fn choose(&self, data: &Dataset, observer: &mut Observer<'_>) -> Result<(Option<Path>, Option<f64>)> {
        match &self.price {
            Price::Fixed(price) => Ok((None, Some(*price))),
            Price::Chosen(grid) => {
                let mut observe = |progress: &select::Progress<'_>| observer(&Progress::Path(progress));
                // It must leave time for the fit that uses the price.
                let early = Stop::here().early();
                let path = early.during(|| select::path(data, &self.start, &self.polish, grid, &mut observe))?;
                let price = path.price();
                Ok((Some(path), price))
            }
        }
    }

    /// Refuse what would fail later, before any work.
    pub fn check(&self) -> Result<()> {
        self.start.check()?;
        match &self.price {
            Price::Fixed(price) => self.at(*price).check_run(),
            Price::Chosen(grid) => grid.prices.iter().try_for_each(|price| self.at(*price).check_run()),
        }
    }
}

/// The stage that [`fit`] is at, with its progress.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Progress<'a> {
    /// Choosing the price.
    Path(&'a select::Progress<'a>),
    /// Choosing a network for a tolerance, and making it.
    Choice(&'a choose::Progress),
    /// An epoch of the starting network on all rows.
    Start(&'a train::Progress),
    /// An iteration of the polish on all rows.
    Polish(&'a polish::Progress),
}

/// Called at every epoch and iteration; `Break` ends the stage at hand with the best so far.
pub type Observer<'a> = dyn FnMut(&Progress<'_>) -> ControlFlow<()> + Send + 'a;

/// What a fit made: the networks, the price, and how it was chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// What a wrong prediction costs.
    pub loss: Loss,
    /// The starting network.
    pub start: Shallow,
    /// The result; `None` when the observer ended the fit before there was one, the starting network being the best so far.
    pub polished: Option<Polished>,
    /// The price λ of the bound, where there was one.
    pub price: Option<f64>,
    /// How the price λ was chosen, where it was.
    pub path: Option<Path>,
    /// Whether all rows were used: not so when the observer ended the fit while λ was being chosen.
    pub all_rows: bool,
}

impl Fitted {
    /// The network to use: the polished one, or the start where there is none.
    pub fn network(&self) -> &Shallow {
        self.polished.as_ref().map_or(&self.start, |polished| &polished.network)
    }

    /// What is kept of the fit; `data` are the rows learned from, and `stopped` is why the observer ended the fit, where it did.
    pub fn record(&self, data: &Dataset, stopped: Option<&str>) -> Record {
        let outcome = match &self.polished {
            Some(polished) => Outcome::Polished(polished.record(stopped)),
            None => Outcome::Start {
                loss: self.loss.mean(&self.start, data),
                ending: "stopped before the convex program",
                reason: stopped.map(str::to_owned),
                notes: [],
            },
        };
        Record { outcome, all_rows: Some(self.all_rows), path: self.path.clone(), choice: None, seen: None }
    }
}

/// What is kept of a fit or a polish: objective, ending, iterations, and how the price was chosen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Record {
    /// The result of the work.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Whether all rows were used; `None` of a polish.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub all_rows: Option<bool>,
    /// How the price λ was chosen, where it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<Path>,
    /// How the network was chosen, where it was chosen for a tolerance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub choice: Option<Choice>,
    /// The errors of that choice within the tolerance, on rows that were not learned from, where there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<choose::Seen>,
}

/// A polish, or a start that was not polished any more.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Outcome {
    /// The last program was begun.
    Polished(polish::Record),
    /// The observer ended the fit before that, or there was none to begin.
    Start {
        /// Mean loss of the network.
        loss: f64,
        /// In words.
        ending: &'static str,
        /// Why the observer ended it.
        reason: Option<String>,
        /// None.
        notes: [String; 0],
    },
}

impl Record {
    /// The record of a polish alone.
    pub fn of(polished: polish::Record) -> Self {
        Self { outcome: Outcome::Polished(polished), all_rows: None, path: None, choice: None, seen: None }
    }

    /// The record of a choice and of its errors; `data` are the rows learned from, and `stopped` is why it ended early, where it did.
    pub fn of_choice(
        chosen: &Chosen,
        seen: Option<choose::Seen>,
        loss: &Loss,
        data: &Dataset,
        stopped: Option<&str>,
    ) -> Self {
        let outcome = Outcome::Start {
            loss: loss.mean(&chosen.network, data),
            ending: if stopped.is_some() { "stopped" } else { "chosen by cross-validation" },
            reason: stopped.map(str::to_owned),
            notes: [],
        };
        let choice = chosen.choice.clone();
        Self { outcome, all_rows: Some(choice.all_rows), path: None, choice: Some(choice), seen }
    }

    /// The record of a polish of several outputs.
    pub fn of_several(polished: &several::Polished, loss: &Loss, data: &Dataset, stopped: Option<&str>) -> Self {
        let ending = match stopped {
            Some(_) => "stopped",
            None => polished.ending(),
        };
        let loss = loss.mean(&polished.network, data);
        let outcome = Outcome::Start { loss, ending, reason: stopped.map(str::to_owned), notes: [] };
        Self { outcome, all_rows: None, path: None, choice: None, seen: None }
    }

    /// How it ended, in words, and why.
    pub fn ending(&self) -> (&'static str, Option<&str>) {
        match &self.outcome {
            Outcome::Polished(record) => (record.ending, record.reason.as_deref()),
            Outcome::Start { ending, reason, .. } => (ending, reason.as_deref()),
        }
    }
}

/// Train a starting network, choose the price where that is asked for, and polish. `Break` while the price is chosen
/// ends the choice; where `Break` is still the answer at the first epoch of the training on all rows, the best network
/// met so far is the result.
pub fn fit(data: &Dataset, settings: &Settings, observer: &mut Observer<'_>) -> Result<Fitted> {
    settings.check()?;
    data.check_one_target("an objective with prices")?;
    let loss = settings.polish.loss.clone();
    // With a price, so that the largest program counts. No price makes the program smaller.
    let priced = match &settings.price {
        Price::Fixed(price) => *price,
        Price::Chosen(_) => 1.0,
    };
    polish::check_size(data, settings.start.units, &settings.at(priced))?;
    let (path, price) = settings.choose(data, observer)?;
    let mut epochs = 0;
    let mut ended_at_once = Stop::here().asked();
    let trained = train::train(data, &settings.start, &mut |progress| {
        let verdict = observer(&Progress::Start(progress));
        epochs += 1;
        ended_at_once |= verdict.is_break() && epochs == 1;
        verdict
    })?;
    // Within the first epoch is at once, too.
    ended_at_once |= trained.ending == train::Ending::Observer && trained.trace.len() <= 1;
    match (path, price) {
        (Some(path), price) if ended_at_once || price.is_none() => Ok(Fitted {
            loss,
            start: path.trained.network.clone(),
            polished: path.polished.clone(),
            price,
            path: Some(path),
            all_rows: false,
        }),
        (path, price) => {
            let asked = settings.at(price.unwrap_or(0.0));
            let mut observe = |progress: &polish::Progress| observer(&Progress::Polish(progress));
            let polished = polish::polish(&trained.network, data, &asked, &mut observe)?;
            Ok(Fitted { loss, start: trained.network, polished: Some(polished), price, path, all_rows: true })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::tests::toy;

    fn settings(price: Price) -> Settings {
        let start = train::Settings { start: "random".parse().unwrap(), units: 8, ..train::Settings::default() };
        Settings { start, polish: polish::Settings::default(), price }
    }

    #[test]
    fn a_chosen_price_gives_what_the_same_price_gives_when_it_is_fixed() {
        let data = toy(50, 2, 4);
        let grid = select::Settings { prices: vec![0.3, 0.03], ..select::Settings::default() };
        let go_on = &mut |_: &Progress<'_>| ControlFlow::Continue(());
        let chosen = fit(&data, &settings(Price::Chosen(grid)), go_on).unwrap();
        let fixed = fit(&data, &settings(Price::Fixed(chosen.price.unwrap())), go_on).unwrap();
        assert_eq!(chosen.price, chosen.path.as_ref().unwrap().price());
        assert_eq!((chosen.network(), &chosen.start), (fixed.network(), &fixed.start));
        let polished = chosen.polished.as_ref().unwrap();
        assert!(chosen.all_rows && polished.after.objective <= polished.before.objective);
    }

    #[test]
    fn a_fit_that_is_ended_gives_the_best_so_far() {
        let data = toy(50, 2, 4);
        let mut never = |_: &Progress<'_>| ControlFlow::Break(());
        let none = fit(&data, &settings(Price::Chosen(select::Settings::default())), &mut never).unwrap();
        assert!(none.polished.is_none() && !none.all_rows && none.network() == &none.start);
        let fixed = fit(&data, &settings(Price::Fixed(0.1)), &mut never).unwrap();
        assert!(fixed.all_rows && fixed.polished.is_some());
        let mut after_path = |progress: &Progress<'_>| match progress {
            Progress::Path(_) => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        };
        let path = fit(&data, &settings(Price::Chosen(select::Settings::default())), &mut after_path).unwrap();
        assert!(!path.all_rows && path.network() == &path.path.as_ref().unwrap().polished.as_ref().unwrap().network);
    }
}
