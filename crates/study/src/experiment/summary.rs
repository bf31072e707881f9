//! What trials say together.
//!
//! ```text
//! reduction of a statistic S of the objective   100 (1 − S_t(method) / S_t(base)) %,       S = min, max, mean over trials t
//! score of a method                             median over radii of (median over trials of the error under attack)
//! ```
//!
//! Trials in which the method or its base failed are left out of both sides, and counted.

use super::arm::prices_in_words;
use super::method::base;
use super::rows::Row;
use tautnet::choose::Accuracy;

/// How much lower a method's objective is than that of the networks it started from.
#[derive(Debug, Clone, PartialEq)]
pub struct Reduction {
    /// The data set.
    pub data: String,
    /// The starting networks.
    pub base: String,
    /// The method.
    pub method: String,
    /// λ_L.
    pub lipschitz_price: f64,
    /// λ_w.
    pub decay: f64,
    /// Trials that count.
    pub trials: usize,
    /// Trials in which the method or its base failed.
    pub failed: usize,
    /// Of the least objective, in %.
    pub min: f64,
    /// Of the largest objective, in %.
    pub max: f64,
    /// Of the mean objective, in %.
    pub mean: f64,
    /// The least of any one trial, in %: a method that is never worse has none below 0. As the three above, NaN where no trial
    /// counts.
    pub least: f64,
    /// Median of the seconds that the method took; NaN where it failed in every trial.
    pub seconds: f64,
}

/// The trials of each method, data set, base and price, in the order of their first rows.
fn groups<'a>(rows: impl Iterator<Item = &'a Row>) -> Vec<Vec<&'a Row>> {
    let mut groups: Vec<Vec<&Row>> = Vec::new();
    for row in rows {
        let same = |first: &Row| (&first.data, &first.method, first.key()) == (&row.data, &row.method, row.key());
        match groups.iter_mut().find(|group| same(group[0])) {
            Some(group) => group.push(row),
            None => groups.push(vec![row]),
        }
    }
    groups
}

/// The row of another method, or of the base, in the trial of a row.
fn beside<'a>(rows: &'a [Row], row: &Row, method: &str) -> Option<&'a Row> {
    rows.iter().find(|other| {
        other.method == method && (&other.data, other.trial, other.key()) == (&row.data, row.trial, row.key())
    })
}

/// The reductions of every method, data set, base and price, in the order of their first rows.
pub fn reductions(rows: &[Row]) -> Vec<Reduction> {
    let reduction = |group: Vec<&Row>| {
        let first = group[0];
        let pair = |row: &&Row| {
            let base = beside(rows, row, Row::BASE)?.objective;
            (base.is_finite() && row.objective.is_finite()).then_some((base, row.objective))
        };
        let pairs: Vec<(f64, f64)> = group.iter().filter_map(pair).collect();
        let percent = |(base, objective): (f64, f64)| 100.0 * (1.0 - objective / base);
        let of = |statistic: &dyn Fn(&mut dyn Iterator<Item = f64>) -> f64| {
            percent((statistic(&mut pairs.iter().map(|pair| pair.0)), statistic(&mut pairs.iter().map(|pair| pair.1))))
        };
        let mut seconds: Vec<f64> = group.iter().filter(|row| !row.failed()).map(|row| row.seconds).collect();
        Reduction {
            data: first.data.clone(),
            base: first.base.clone(),
            method: first.method.clone(),
            lipschitz_price: first.lipschitz_price,
            decay: first.decay,
            trials: pairs.len(),
            failed: group.len() - pairs.len(),
            min: of(&|values| values.fold(f64::INFINITY, f64::min)),
            max: of(&|values| values.fold(f64::NEG_INFINITY, f64::max)),
            mean: of(&|values| values.sum()),
            least: pairs.iter().copied().map(percent).reduce(f64::min).unwrap_or(f64::NAN),
            seconds: quantile(&mut seconds, 0.5),
        }
    };
    groups(rows.iter().filter(|row| row.method != Row::BASE)).into_iter().map(reduction).collect()
}

/// A method and a weaker one in one trial, on the same starting network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair<'a> {
    /// The row of the method.
    pub row: &'a Row,
    /// The objective of the starting network; NaN where it failed.
    pub base: f64,
    /// The objective of the weaker method; NaN where it failed.
    pub weaker: f64,
}

impl Pair<'_> {
    /// By how many percent of the base's objective the method's is below that of the weaker one; `None` where one of the three
    /// failed.
    pub fn points(&self) -> Option<f64> {
        let all = [self.base, self.weaker, self.row.objective];
        let difference = self.weaker - self.row.objective;
        // Nothing is nothing of a base of 0, too.
        let percent = if difference == 0.0 { 0.0 } else { 100.0 * difference / self.base };
        all.iter().all(|objective| objective.is_finite()).then_some(percent)
    }
}

/// Every trial in which both methods were applied, failed or not; the weaker one may be [`Row::BASE`].
pub fn pairs<'a>(rows: &'a [Row], method: &str, weaker: &str) -> Vec<Pair<'a>> {
    let pair = |row: &'a Row| {
        let weaker = beside(rows, row, weaker)?.objective;
        Some(Pair { row, base: beside(rows, row, Row::BASE)?.objective, weaker })
    };
    rows.iter().filter(|row| row.method == method).filter_map(pair).collect()
}

/// Median and quartiles.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The lower quartile.
    pub lower: f64,
    /// The median.
    pub median: f64,
    /// The upper quartile.
    pub upper: f64,
}

impl Spread {
    /// Of some values; NaN of none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().filter(|value| !value.is_nan()).collect();
        let [lower, median, upper] = [0.25, 0.5, 0.75].map(|share| quantile(&mut values, share));
        Self { lower, median, upper }
    }
}

/// The value that this share of the values is below: between two of them, by a straight line. NaN of no values. Sorts them.
pub fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let Some(last) = values.len().checked_sub(1) else { return f64::NAN };
    let place = share * last as f64;
    let (below, above) = (values[place.floor() as usize], values[place.ceil() as usize]);
    if below == above { below } else { below + (place - place.floor()) * (above - below) }
}

/// One method on one data set from one base at one price, over the trials.
#[derive(Debug, Clone, PartialEq)]
pub struct Band {
    /// The data set.
    pub data: String,
    /// The starting networks.
    pub base: String,
    /// The method, or [`Row::BASE`].
    pub method: String,
    /// λ_L.
    pub lipschitz_price: f64,
    /// λ_w.
    pub decay: f64,
    /// Trials that count.
    pub trials: usize,
    /// Trials in which it failed.
    pub failed: usize,
    /// The error under attack, one a radius.
    pub attacked: Vec<Spread>,
    /// The shares of the rows whose class is right, without input error, found and proved, one entry a radius; empty where targets are
    /// numbers.
    pub right: Vec<[Spread; 3]>,
    /// The error without attack.
    pub clean: Spread,
    /// The objective (4) on the rows learned from.
    pub objective: Spread,
    /// Its mean squared error.
    pub loss: Spread,
    /// Its Lipschitz bound.
    pub bound: Spread,
    /// Seconds of the method alone.
    pub seconds: Spread,
}

impl Band {
    /// The median over the radii of the medians over the trials: the lower the better.
    pub fn score(&self) -> f64 {
        Spread::of(self.attacked.iter().map(|spread| spread.median)).median
    }

    /// Whether both start from the same base at the same price.
    pub fn same_arm(&self, other: &Self) -> bool {
        (&self.base, self.lipschitz_price, self.decay) == (&other.base, other.lipschitz_price, other.decay)
    }
}

/// The first band of every arm, in the order in which they come, and what the arm is called: the title of its base, and its price
/// where there is more than one.
pub fn arms(bands: &[Band]) -> Vec<(&Band, String)> {
    let mut firsts: Vec<&Band> = Vec::new();
    for band in bands {
        if !firsts.iter().any(|first| first.same_arm(band)) {
            firsts.push(band);
        }
    }
    let prices = |band: &Band| (band.lipschitz_price, band.decay);
    let priced = firsts.iter().any(|band| prices(band) != prices(firsts[0]));
    let called = |band: &Band| {
        let title = base(&band.base).map_or(&*band.base, |base| base.title);
        let price = || format!(" at {}", prices_in_words(band.lipschitz_price, band.decay));
        format!("{title}{}", if priced { price() } else { String::new() })
    };
    firsts.iter().map(|band| (*band, called(band))).collect()
}

/// Median and quartiles over the trials of everything, in the order of the first rows.
pub fn bands(rows: &[Row]) -> Vec<Band> {
    let band = |group: Vec<&Row>| {
        let counted: Vec<&Row> = group.iter().copied().filter(|row| !row.failed()).collect();
        let spread = |value: &dyn Fn(&Row) -> f64| Spread::of(counted.iter().map(|row| value(row)));
        let right = |k: usize| {
            let all: [fn(&Accuracy) -> f64; 3] = [|right| right.clean, |right| right.found, |right| right.proved];
            all.map(|share| spread(&|row| share(&row.right[k])))
        };
        Band {
            data: group[0].data.clone(),
            base: group[0].base.clone(),
            method: group[0].method.clone(),
            lipschitz_price: group[0].lipschitz_price,
            decay: group[0].decay,
            trials: counted.len(),
            failed: group.len() - counted.len(),
            attacked: (0..group[0].attacked.len()).map(|k| spread(&|row| row.attacked[k])).collect(),
            right: (0..counted.first().map_or(0, |row| row.right.len())).map(right).collect(),
            clean: spread(&|row| row.clean),
            objective: spread(&|row| row.objective),
            loss: spread(&|row| row.loss),
            bound: spread(&|row| row.bound),
            seconds: spread(&|row| row.seconds),
        }
    };
    groups(rows.iter()).into_iter().map(band).collect()
}

/// The band with the lowest score; `None` where no score is a number, or the lowest is that of two.
pub fn winner<'a>(bands: &[&'a Band]) -> Option<&'a Band> {
    let best =
        bands.iter().copied().filter(|band| !band.score().is_nan()).min_by(|a, b| a.score().total_cmp(&b.score()))?;
    let equal = bands.iter().filter(|band| band.score() == best.score()).count();
    (equal == 1).then_some(best)
}
