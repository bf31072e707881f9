//! Starting networks: from a [`Dataset`] (standardized by the caller) to a [`Shallow`](crate::Shallow) worth polishing.
//!
//! Every start is one file of this folder, which implements [`Starter`], and one line of [`ALL`]. All return
//! [`Trained`]; none has a duality gap, for the problems they solve are not convex in all weights.

pub mod admm;
pub mod adversarial;
pub mod average;
pub mod gradient_descent;
mod outcome;
pub mod projection;
mod projection_newton;
#[cfg(test)]
mod projection_tests;
pub mod random;
mod settings;
mod start;

use crate::limits::room;
use crate::{Dataset, Error, error::Result};

pub use admm::Admm;
pub use adversarial::Adversarial;
pub use average::Average;
pub use gradient_descent::{Descent, Optimizer, RATE, Schedule};
pub use outcome::{Ending, Observer, Progress, Trained};
pub use random::Random;
pub use settings::Settings;
pub use start::{Common, Start, Starter};

/// Every start, with its default settings.
pub const ALL: &[fn() -> Start] = &[
    || Descent::default().into(),
    || Random::default().into(),
    || Adversarial::default().into(),
    || Admm::default().into(),
    || Average::default().into(),
];

impl Start {
    /// Every start with its default settings.
    pub fn all() -> impl Iterator<Item = Start> {
        ALL.iter().map(|start| start())
    }
}

impl std::str::FromStr for Start {
    type Err = Error;

    /// The start of that name, with its defaults.
    fn from_str(name: &str) -> Result<Self> {
        Self::all().find(|start| start.name() == name).ok_or_else(|| {
            let names: Vec<_> = Self::all().map(|start| start.name()).collect();
            Error::new(format!("there is no start called `{name}`"), format!("choose one of: {}", names.join(", ")))
        })
    }
}

/// Make a starting network. [`Stop::here`](crate::Stop::here) ends the training like the observer, within an epoch too.
///
/// ```
/// use tautnet::{Dataset, train};
/// use std::ops::ControlFlow;
/// let x = faer::Mat::from_fn(50, 1, |k, _| k as f64 / 25.0 - 1.0);
/// let y = (0..50).map(|k| x[(k, 0)].abs()).collect();
/// let data = Dataset::new(x, y, None)?;
/// let settings = train::Settings { units: 20, ..Default::default() };
/// let trained = train::train(&data, &settings, &mut |_| ControlFlow::Continue(()))?;
/// assert!(trained.loss < 0.01);
/// # Ok::<(), tautnet::Error>(())
/// ```
pub fn train(data: &Dataset, settings: &Settings, observer: &mut Observer<'_>) -> Result<Trained> {
    if settings.units == 0 {
        return Err(Error::new("the network was asked to have 0 hidden units", "give at least 1; 100 is a good start"));
    }
    data.check_one_target("this start")?;
    let (n, d, m) = (data.rows() as u128, data.columns() as u128, settings.units as u128);
    let numbers = settings.start.numbers(n, d, m);
    let what = || format!("a starting network of {m} hidden units for {n} rows of {d} inputs");
    room(what, numbers, "ask for fewer hidden units, or leave columns out")?;
    settings.check()?;
    settings.loss.check_targets(&data.y)?;
    settings.start.train(data, &settings.common(), observer)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::ops::ControlFlow;

    /// Rows to learn from.
    pub(crate) fn toy(n: usize, d: usize, seed: u64) -> Dataset {
        let (x, y) = tautnet_furniture::toy(n, d, seed);
        Dataset::new(x, y, None).unwrap()
    }

    #[test]
    fn every_start_is_found_by_its_name_and_repeats_itself() {
        let data = toy(40, 2, 1);
        for start in Start::all() {
            assert_eq!(start.name().parse::<Start>().unwrap(), start);
            let run = |seed| {
                let settings = Settings { start: start.clone(), units: 12, seed, ..Settings::default() };
                train(&data, &settings, &mut |_| ControlFlow::Continue(())).unwrap()
            };
            assert_eq!(run(3), run(3));
            assert_ne!(run(3).network, run(4).network);
        }
        assert!("adam".parse::<Start>().unwrap_err().hint.contains("sgd, random, adversarial, admm"));
    }

    #[test]
    fn bad_settings_are_refused_with_their_value() {
        let data = toy(10, 2, 1);
        let refused = |settings: Settings| train(&data, &settings, &mut |_| ControlFlow::Continue(())).unwrap_err();
        let sgd = |descent| Settings { start: Start::from(descent), ..Settings::default() };
        let base = Descent::default();
        assert!(refused(Settings { units: 0, ..Settings::default() }).what.contains('0'));
        for start in Start::all() {
            let error = refused(Settings { units: 1_000_000_000_000, start, ..Settings::default() });
            assert!(error.what.contains("of 1000000000000 hidden units for 10 rows of 2 inputs needs more than"));
        }
        assert!(refused(sgd(Descent { rate: -1.0, ..base.clone() })).what.contains("-1"));
        assert!(refused(sgd(Descent { batch: 0, ..base.clone() })).what.contains("batch"));
        assert!(refused(sgd(Descent { decay: f64::NAN, ..base.clone() })).what.contains("NaN"));
        let momentum = Optimizer::Momentum { momentum: 1.0 };
        assert!(refused(sgd(Descent { optimizer: momentum, ..base })).what.contains("momentum"));
        let start = Start::from(Random { ridge: 0.0 });
        assert!(refused(Settings { start, ..Settings::default() }).what.contains("ridge"));
        for (radius, steps) in [(-0.1, 1), (0.1, 0)] {
            let start = Start::from(Adversarial { radius, steps, ..Adversarial::default() });
            assert!(refused(Settings { start, ..Settings::default() }).what.contains("`adversarial_"));
        }
    }
}
