//! Choosing the price λ of the Lipschitz bound by validation on the error under attack.
//!
//! ```text
//! λ* = argmin over a grid of λ:   mean over the radii ε of  mean_k max_{‖δ‖ ≤ ε} (f_λ(x_k + δ) − y_k)²,    k held out
//! ```
//!
//! f_λ is the network polished at price λ on the rows not held out. Every λ starts from the same network, so that all
//! candidates share their activation patterns and differ in nothing but the price. The inner maximum is replaced by
//! the worst point that the attack finds. Prices are tried from high to low: of equals the higher one is kept.

use crate::error::{Error, Result};
use crate::metrics::mean_squared_error;
use crate::polish::{self, Polished};
use crate::{Dataset, Network, attack, split, train};
use std::ops::ControlFlow;

/// The grid and the judge.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// λ, in any order; positive.
    pub prices: Vec<f64>,
    /// ε at which the held-out rows are attacked, in the units of the data and in the norm of the polish.
    pub radii: Vec<f64>,
    /// Share of the rows held out.
    pub fraction: f64,
    /// Relative gap to which the candidates are solved, if that is coarser than what the polish asks for.
    pub tolerance: f64,
    /// Most iterations of each candidate, if that is fewer than what the polish asks for.
    pub iterations: usize,
    /// Seed of the split and of the attack.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            prices: vec![0.3, 0.1, 0.03, 0.01, 0.003],
            radii: vec![0.0, 0.1, 0.2, 0.3, 0.4, 0.5],
            fraction: 0.2,
            tolerance: 1e-4,
            iterations: 50,
            seed: 0,
        }
    }
}

/// What validation says of one network.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// λ; `None` for the starting network.
    pub price: Option<f64>,
    /// Mean squared error on the held-out rows.
    pub clean: f64,
    /// Mean over the radii of the error under attack found on the held-out rows.
    pub attacked: f64,
    /// The network's Lipschitz bound.
    pub lipschitz: f64,
}

/// The path of candidates, from the highest price to the lowest one tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// The starting network, not polished.
    pub start: Judgement,
    /// The polished ones.
    pub steps: Vec<Judgement>,
    /// Index of the best step; `None` when the observer ended the path before its first step was done.
    pub chosen: Option<usize>,
    /// Rows trained on and rows held out.
    pub rows: (usize, usize),
    /// The starting network with its history.
    pub trained: train::Trained,
    /// The network of the best step.
    pub polished: Option<Polished>,
}

impl Path {
    /// λ*.
    pub fn price(&self) -> Option<f64> {
        self.chosen.and_then(|chosen| self.steps[chosen].price)
    }
}

/// What [`path`] is at work on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Progress<'a> {
    /// An epoch of the starting network.
    Start(&'a train::Progress),
    /// An iteration of the polish at a price.
    Polish {
        /// λ.
        price: f64,
        /// How many prices were done before.
        done: usize,
        /// How many there are.
        prices: usize,
        /// The iteration.
        progress: &'a polish::Progress,
    },
}

/// Called at every epoch and iteration; `Break` ends the path where it is. What was done before counts.
pub type Observer<'a> = dyn FnMut(&Progress<'_>) -> ControlFlow<()> + 'a;

/// Train once, polish at every price, and judge every result on rows held out. The price in `polish` is not used.
pub fn path(
    data: &Dataset,
    start: &train::Settings,
    polish: &polish::Settings,
    settings: &Settings,
    observer: &mut Observer<'_>,
) -> Result<Path> {
    settings.check(data.rows())?;
    let rows = split::by_fraction(data.rows(), settings.fraction, settings.seed)?;
    let (fitted, held_out) = (data.select(&rows.train), data.select(&rows.test));
    let mut stopped = false;
    let trained = train::train(&fitted, start, &mut |progress| {
        let verdict = observer(&Progress::Start(progress));
        stopped |= verdict.is_break();
        verdict
    })?;
    let judge = |network: &Network, price, lipschitz| settings.judge(network, &held_out, polish, price, lipschitz);
    let first = polish::score(&trained.network, &fitted, polish)?;
    let first = judge(&trained.network, None, first.lipschitz)?;

    let mut path = Path {
        start: first,
        steps: Vec::new(),
        chosen: None,
        rows: (rows.train.len(), rows.test.len()),
        polished: None,
        trained,
    };
    let mut prices = settings.prices.clone();
    prices.sort_by(|a, b| b.total_cmp(a));
    for (done, &price) in prices.iter().enumerate() {
        if stopped {
            break;
        }
        let tolerance = polish.tolerance.max(settings.tolerance);
        let iterations = polish.iterations.min(settings.iterations);
        let asked = polish::Settings { lipschitz: price, tolerance, iterations, ..polish.clone() };
        let polished = polish::polish(&path.trained.network, &fitted, &asked, &mut |progress| {
            let verdict = observer(&Progress::Polish { price, done, prices: prices.len(), progress });
            stopped |= verdict.is_break();
            verdict
        })?;
        if stopped && path.chosen.is_some() {
            break; // A solve cut short would be judged unfairly.
        }
        let step = judge(&polished.network, Some(price), polished.after.lipschitz)?;
        if path.chosen.is_none_or(|chosen| step.attacked < path.steps[chosen].attacked) {
            path.chosen = Some(path.steps.len());
            path.polished = Some(polished);
        }
        path.steps.push(step);
    }
    Ok(path)
}

impl Settings {
    fn judge(
        &self,
        network: &Network,
        held_out: &Dataset,
        polish: &polish::Settings,
        price: Option<f64>,
        lipschitz: f64,
    ) -> Result<Judgement> {
        // The bound of the score is the solver's word, not a proof: it is not what the attack is held against.
        let search = attack::Settings { seed: self.seed, ..attack::Settings::new(f64::INFINITY) };
        let reports = attack::attack(network, held_out, polish.norm, &self.radii, &search)?;
        let attacked = reports.iter().map(|report| report.found).sum::<f64>() / reports.len() as f64;
        Ok(Judgement { price, clean: mean_squared_error(network, held_out), attacked, lipschitz })
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
            return Err(Error::new(
                format!("{rows} rows are too few to choose the price of the Lipschitz bound by validation"),
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
        let settings = Settings { prices: vec![0.01, 1.0, 0.1], ..Settings::default() };
        let polish = polish::Settings::default();
        let path = path(&data, &start(), &polish, &settings, &mut |_| ControlFlow::Continue(())).unwrap();
        let prices: Vec<f64> = path.steps.iter().map(|step| step.price.unwrap()).collect();
        assert_eq!((prices, path.rows), (vec![1.0, 0.1, 0.01], (48, 12)));
        let chosen = &path.steps[path.chosen.unwrap()];
        assert!(path.steps.iter().all(|step| chosen.attacked <= step.attacked && step.attacked >= step.clean));
        assert!(path.steps.windows(2).all(|pair| pair[0].lipschitz <= pair[1].lipschitz * 1.001), "{path:?}");
        // The network that comes with the path is the one that was judged.
        let rows = split::by_fraction(60, 0.2, 0).unwrap();
        let again = mean_squared_error(&path.polished.as_ref().unwrap().network, &data.select(&rows.test));
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
            let path = path(&data, &start(), &polish::Settings::default(), &Settings::default(), &mut observe).unwrap();
            assert_eq!(path.steps.len(), allowed.max(1));
            assert!(path.price().is_some() && path.polished.is_some());
        }
        let mut never = |_: &Progress<'_>| ControlFlow::Break(());
        let path = path(&data, &start(), &polish::Settings::default(), &Settings::default(), &mut never).unwrap();
        assert_eq!((path.steps.len(), path.price()), (0, None));
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
