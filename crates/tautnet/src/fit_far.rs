//! The main job on rows that are not in memory: units → starting network → price of the bound → convex polish.
//!
//! A first pass learns the units of the columns and draws a sample of the rows. The starting network is trained on the sample, and the price of
//! the bound is chosen on it where it is left open. The polish is of all rows.

use crate::error::{Error, Result};
use crate::fit::{self, Fitted, Observer, Progress};
use crate::moments::Moments;
use crate::polish::{self, Far, FarPolished, check_far, polish_far, polish_within_far};
use crate::shards::{Answer, Asked, Picks, Question, Shards, Share, rows_in_shard};
use crate::tolerance::ByColumn;
use crate::{Dataset, Loss, Scaler, Shallow, train};
use faer::Mat;
use tautnet_cone::Stop;

/// Rows of the sample that the first working set has.
const MEMBERS: usize = 1024;

/// A fit of rows that are not in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct FarFitted {
    /// The networks and the price. The polished network is that of `polished`.
    pub fitted: Fitted,
    /// The polish with its losses on all rows; `None` where the fit was ended before.
    pub polished: Option<FarPolished>,
    /// What was learned of all rows before.
    pub seen: Seen,
}

/// What the first pass over the rows has found.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// The units of the columns.
    pub scaler: Scaler,
    /// Rows to learn from.
    pub learned: u64,
    /// Rows held out.
    pub held_out: u64,
    /// A sample of the rows to learn from, in standardized units, and their numbers.
    pub sample: Dataset,
    /// The numbers of its rows.
    pub numbers: Vec<u64>,
    /// A sample of the rows held out, in standardized units, where there are any.
    pub sample_held_out: Option<Dataset>,
    /// The standard deviation of each input in the rows to learn from; 0 where it is constant.
    pub deviations: Vec<f64>,
    /// The least and the largest value of each input in these rows.
    pub ranges: Vec<(f64, f64)>,
}

/// Go through all rows once: their number, the units of their columns for this loss where none are given, and samples of so many rows. `None`
/// where it was time to end.
pub fn look(
    shards: &mut dyn Shards,
    (share, sample): (Share, usize),
    loss: &Loss,
    given: Option<&Scaler>,
) -> Result<Option<Seen>> {
    let inputs = shards.inputs();
    // Of twice as many rows as the sample has: that it is not full is as good as impossible, and would do no harm.
    let of = shards.rows().map_or(1.0, |rows| 2.0 * sample as f64 / rows as f64 / (1.0 - share.held_out)).min(1.0);
    let asked = vec![Asked::Look { sample, of }];
    let question = Question { share, scaler: Scaler::identity(inputs), shards: None, asked };
    let Some(Answer { pieces }) = shards.ask(&question)? else { return Ok(None) };
    let [piece] = &pieces[..] else { return Err(crate::shards::odd()) };
    let (learned, held_out) = (piece.sums[0] as u64, piece.sums[1] as u64);
    if learned < 2 {
        return Err(Error::new(format!("there are {learned} rows to learn from"), "at least two rows are needed"));
    }
    let columns = inputs + 1;
    let (spread, least) = (&piece.spread, &piece.least);
    let of = |j: usize| match least[j] == -least[columns + j] {
        true => Moments { mean: least[j], variance: None },
        false => Moments { mean: spread[1 + j], variance: Some(spread[1 + columns + j] / spread[0]) },
    };
    let scaler = match given {
        Some(given) => given.clone(),
        None => Scaler::of_moments(inputs, 1, (0..columns).map(of))?.for_loss(loss),
    };
    if least[inputs] == -least[columns + inputs] {
        return Err(Error::new(
            format!("the target is {} in every row", least[inputs]),
            "choose another target, or rows in which it varies",
        ));
    }
    let rows = |picks: &Picks| {
        let rows = &picks.rows;
        let x = Mat::from_fn(rows.len(), inputs, |k, j| rows[k].values[j]);
        let weights: Vec<f64> = rows.iter().map(|row| row.values[columns]).collect();
        let weights = weights.iter().any(|weight| *weight != 1.0).then_some(weights);
        let mut data = Dataset::new(x, rows.iter().map(|row| row.values[inputs]).collect(), weights)?;
        scaler.standardize_in_place(&mut data);
        Ok::<_, Error>(data)
    };
    let [own, others] = &piece.picks[..] else { return Err(crate::shards::odd()) };
    Ok(Some(Seen {
        learned,
        held_out,
        sample: rows(own)?,
        numbers: own.rows.iter().map(|row| row.row).collect(),
        sample_held_out: (held_out > 0).then(|| rows(others)).transpose()?,
        deviations: (0..inputs).map(|j| of(j).variance.map_or(0.0, f64::sqrt)).collect(),
        ranges: (0..inputs).map(|j| (least[j], -least[columns + j])).collect(),
        scaler,
    }))
}

/// Train a starting network on a sample, choose the price on it where that is asked for, and polish on all rows.
pub fn fit_far(
    shards: &mut dyn Shards,
    share: Share,
    settings: &fit::Settings,
    observer: &mut Observer<'_>,
) -> Result<FarFitted> {
    settings.check()?;
    check_far(&settings.polish)?;
    let sample = rows_in_shard(shards.inputs());
    let seen = look(shards, (share, sample), &settings.polish.loss, None)?.ok_or_else(too_early)?;
    let data = &seen.sample;
    let (path, price) = settings.choose(data, observer)?;
    let trained = train::train(data, &settings.start, &mut |progress| observer(&Progress::Start(progress)))?;
    let (polished, start) = match price {
        Some(price) if !Stop::here().asked() => {
            let asked = polish::Settings { lipschitz_price: price, ..settings.polish.clone() };
            let polished = go_on(shards, share, &seen, (&trained.network, None), &asked, observer)?;
            (polished, trained.network)
        }
        _ => (None, trained.network),
    };
    let fitted = Fitted {
        loss: settings.polish.loss.clone(),
        start,
        polished: polished.as_ref().map(|found| found.polished.clone()),
        price,
        path,
        all_rows: polished.is_some(),
    };
    Ok(FarFitted { fitted, polished, seen })
}

/// Not even the first pass came to its end.
pub(crate) fn too_early() -> Error {
    Error::new("it was time to end before all rows had been gone through once", "give it more time, or fewer rows")
}

/// Polish a network on all rows, of which [`look`] has told, within a tolerance where there is one. `None` where it was time to end before all
/// rows had been gone through.
pub fn go_on(
    shards: &mut dyn Shards,
    share: Share,
    seen: &Seen,
    (network, within): (&Shallow, Option<&ByColumn>),
    settings: &polish::Settings,
    observer: &mut Observer<'_>,
) -> Result<Option<FarPolished>> {
    let inputs = |k: usize| seen.sample.x.row(k).iter().copied().collect();
    let sample = (0..seen.numbers.len().min(MEMBERS)).map(|k| (seen.numbers[k], inputs(k))).collect();
    let far = &mut Far { shards, share, scaler: seen.scaler.clone(), rows: seen.learned, sample };
    let observer = &mut |progress: &polish::Progress| observer(&Progress::Polish(progress));
    // Inside the pool of threads, so that its thousands of short loops need no handing over.
    match within {
        Some(within) => polish_within_far(network, far, (settings, within), observer),
        None => polish_far(network, far, settings, observer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::Price;
    use crate::select;
    use crate::shards::{Held, tests::data};
    use std::ops::ControlFlow;

    fn settings(price: Price) -> fit::Settings {
        let start = train::Settings { start: "random".parse().unwrap(), units: 8, ..train::Settings::default() };
        fit::Settings { start, polish: polish::Settings::default(), price }
    }

    /// Where the sample is all rows, it is the fit of rows in memory.
    #[test]
    fn few_rows_come_to_what_they_come_to_in_memory() {
        let raw = data(400, 2, 3, false);
        for price in
            [Price::Fixed(0.02), Price::Chosen(select::Settings { prices: vec![0.1, 0.01], ..Default::default() })]
        {
            let settings = settings(price);
            let mut go_on = |_: &Progress<'_>| ControlFlow::Continue(());
            let far = fit_far(&mut Held::of(&raw), Share::default(), &settings, &mut go_on).unwrap();
            let seen = &far.seen;
            assert_eq!((seen.learned, seen.held_out, seen.sample.rows()), (400, 0, 400));
            // The sample is in another order than the rows, so that the start is another one; the scaler is the same but for rounding.
            let scaler = Scaler::fit(&raw).unwrap();
            for (one, other) in scaler.input_scale.iter().zip(&seen.scaler.input_scale) {
                assert!((one - other).abs() < 1e-12 * one);
            }
            let (near, asked) = (seen.scaler.standardize(&raw), far.fitted.price.unwrap());
            let asked = polish::Settings { lipschitz_price: asked, ..settings.polish.clone() };
            let memory = polish::polish(&far.fitted.start, &near, &asked, &mut |_| ControlFlow::Continue(())).unwrap();
            let polished = far.polished.unwrap().polished;
            assert!((memory.after.objective - polished.after.objective).abs() < 1e-6 * memory.after.objective);
        }
    }

    #[test]
    fn rows_held_out_are_counted_and_not_learned_from() {
        let raw = data(1000, 2, 3, false);
        let share = Share { seed: 4, held_out: 0.2 };
        let mut go_on = |_: &Progress<'_>| ControlFlow::Continue(());
        let far = fit_far(&mut Held::of(&raw), share, &settings(Price::Fixed(0.02)), &mut go_on).unwrap();
        assert_eq!(far.seen.learned + far.seen.held_out, 1000);
        let held: Vec<usize> = (0..1000).filter(|k| share.holds_out(*k as u64)).collect();
        assert_eq!(far.seen.held_out as usize, held.len());
        let held = far.seen.scaler.standardize(&crate::rows::Rows::of(&raw).pick(&held));
        let polished = far.polished.unwrap();
        let loss = settings(Price::Fixed(0.0)).polish.loss.mean(&polished.polished.network, &held);
        assert!((polished.after.held_out.unwrap() - loss).abs() < 1e-10);
    }

    #[test]
    fn what_cannot_be_learned_from_is_refused() {
        let go_on = &mut |_: &Progress<'_>| ControlFlow::Continue(());
        let constant = Dataset::new(Mat::from_fn(5, 1, |k, _| k as f64), vec![3.0; 5], None).unwrap();
        let refused = fit_far(&mut Held::of(&constant), Share::default(), &settings(Price::Fixed(0.1)), go_on);
        assert!(refused.unwrap_err().what.contains("is 3 in every row"));
        let one = Dataset::new(Mat::from_fn(1, 1, |_, _| 1.0), vec![3.0], None).unwrap();
        assert!(
            look(&mut Held::of(&one), (Share::default(), 9), &Loss::default(), None)
                .unwrap_err()
                .what
                .contains("1 rows")
        );
        let ended = Stop::when(|| true)
            .during(|| fit_far(&mut Held::of(&constant), Share::default(), &settings(Price::Fixed(0.1)), go_on));
        assert!(ended.unwrap_err().what.contains("time to end"));
    }
}
