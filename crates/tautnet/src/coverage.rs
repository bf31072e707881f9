//! Intervals that hold the target itself in a share of the rows that is asked for, whatever errors within the tolerance the inputs have.
//!
//! The *score* of a row is how far its prediction is off, |y − f(x)|, with the input as it stands in the table, by a network that did not
//! learn from the row. Of N scores q is the ⌈(N + 1) · coverage⌉-th smallest. A new row (x, y) that comes about like those has a score of at
//! most q with at least the probability `coverage` (split conformal prediction). Let z be what is read in the place of x, off
//! by an error within the tolerance. Then x lies within the tolerance around z, where f stays between proved ends Lo(z) and U(z); so y lies in
//! [Lo(z) − q, U(z) + q]: wherever the score is at most q, this holds for every such z at once. The derivation is in `docs/mathematics/coverage.md`.

use crate::choose::Chosen;
use crate::error::{Error, Result};
use crate::outward::{add_down, add_up};
use crate::range::Range;
use crate::{Dataset, Scaler, Shallow};
use serde::{Deserialize, Serialize};

/// The shares of rows that can be asked for.
pub const COVERAGE: Range = Range::Share;

/// Most scores that are kept: of more rows, those at equal distances.
const MOST: usize = 10_000;

/// Where scores are from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Rows that nothing was learned or chosen from: the coverage is a theorem.
    HeldOut,
    /// Rows that were held out in turn, each predicted by networks like the result that did not learn from it: the coverage is
    /// approximate.
    CrossValidated,
}

/// The scores of rows, in the units of the target, the smallest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    source: Source,
    scores: Vec<f64>,
}

impl Calibration {
    /// From scores in any order.
    fn of(source: Source, scores: &[f64]) -> Result<Self> {
        let count = scores.len().min(MOST);
        let mut scores: Vec<f64> = (0..count).map(|k| scores[k * scores.len() / count]).collect();
        scores.sort_by(f64::total_cmp);
        let calibration = Self { source, scores };
        calibration.check()?;
        Ok(calibration)
    }

    /// From rows that were held out; like the network they are in standardized units. A row counts once, whatever its weight; one with
    /// the weight 0 does not count.
    pub fn held_out(network: &Shallow, rows: &Dataset, scaler: &Scaler) -> Result<Self> {
        Self::of(Source::HeldOut, &scores(network, rows, 0..rows.rows(), scaler))
    }

    /// From the rows that were held out in turn while a network was chosen; `None` where there were none.
    pub fn cross_validated(chosen: &Chosen, data: &Dataset, scaler: &Scaler) -> Result<Option<Self>> {
        let parts = &chosen.choice.parts;
        let all = parts.iter().flat_map(|part| scores(&part.result, data, part.held_out.iter().copied(), scaler));
        let all: Vec<f64> = all.collect();
        if all.is_empty() { Ok(None) } else { Self::of(Source::CrossValidated, &all).map(Some) }
    }

    /// Where the scores are from.
    pub fn source(&self) -> Source {
        self.source
    }

    /// The scores, the smallest first.
    pub fn scores(&self) -> &[f64] {
        &self.scores
    }

    /// Refuse what is no list of scores.
    pub fn check(&self) -> Result<()> {
        let sorted = self.scores.is_sorted() && self.scores.iter().all(|score| score.is_finite() && *score >= 0.0);
        if sorted {
            return Ok(());
        }
        Err(Error::new(
            "the scores of the calibration are not finite numbers of at least 0, the smallest first",
            "calibrate again, on rows whose predictions are finite",
        ))
    }

    /// q: what the ends of an interval of predictions are to be moved out by, so that it holds the target.
    pub fn margin(&self, coverage: f64) -> Result<f64> {
        COVERAGE.check("coverage", coverage)?;
        let rows = self.scores.len();
        let place = place(rows, coverage);
        if place <= rows {
            return Ok(self.scores[place - 1]);
        }
        let rows = if rows == 1 { "1 row is".to_owned() } else { format!("{rows} rows are") };
        Err(Error::new(
            format!("{rows} too few for the coverage {coverage}: there are no more in the model's calibration"),
            format!("calibrate on {} rows or more, or ask for less", rows_needed(coverage)),
        ))
    }
}

/// Around the ends of an interval of predictions, in the units of the target, that of the target itself.
pub fn around((lower, upper): (f64, f64), margin: f64) -> (f64, f64) {
    (add_down(lower, -margin), add_up(upper, margin))
}

/// How far predictions are off, in the units of the target.
fn scores(network: &Shallow, data: &Dataset, rows: impl Iterator<Item = usize>, scaler: &Scaler) -> Vec<f64> {
    let row = |k: usize| (0..data.columns()).map(|j| data.x[(k, j)]).collect::<Vec<f64>>();
    let counts = |k: &usize| data.weights.as_ref().is_none_or(|weights| weights[*k] > 0.0);
    rows.filter(counts).map(|k| scaler.target_scale * (data.y[k] - network.value(&row(k))).abs()).collect()
}

/// ⌈(N + 1) · coverage⌉, from 1 on. What rounding adds to the product does not count.
fn place(rows: usize, coverage: f64) -> usize {
    let product = (rows + 1) as f64 * coverage;
    (product * (1.0 - 4.0 * f64::EPSILON)).ceil() as usize
}

/// The fewest rows that a calibration for this coverage takes.
pub fn rows_needed(coverage: f64) -> usize {
    let about = (coverage / (1.0 - coverage)).floor() as usize;
    (about.saturating_sub(1)..).find(|&rows| place(rows, coverage) <= rows).expect("numbers go on")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certify::interval_within;
    use crate::tolerance::{Shape, Tolerance};
    use faer::Mat;
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64;

    fn calibration(scores: &[f64]) -> Calibration {
        Calibration::of(Source::HeldOut, scores).unwrap()
    }

    #[test]
    fn the_margin_is_the_score_at_its_place() {
        let scores: Vec<f64> = (1..=19).rev().map(f64::from).collect();
        let calibration = calibration(&scores);
        for (coverage, margin) in [(0.5, 10.0), (0.9, 18.0), (0.901, 19.0), (0.95, 19.0), (1e-9, 1.0)] {
            assert_eq!(calibration.margin(coverage).unwrap(), margin, "{coverage}");
        }
        let error = calibration.margin(0.96).unwrap_err();
        assert_eq!(
            error.what,
            "19 rows are too few for the coverage 0.96: there are no more in the model's calibration"
        );
        assert!(error.hint.starts_with("calibrate on 24 rows or more"), "{}", error.hint);
        for coverage in [0.0, 1.0, f64::NAN, -1.0] {
            assert!(calibration.margin(coverage).is_err(), "{coverage}");
        }
        for (coverage, rows) in [(0.5, 1), (0.8, 4), (0.9, 9), (0.95, 19), (0.99, 99), (0.999, 999)] {
            assert_eq!(rows_needed(coverage), rows, "{coverage}");
        }
    }

    #[test]
    fn what_is_no_score_is_refused() {
        assert!(Calibration::of(Source::HeldOut, &[1.0, f64::INFINITY]).is_err());
        assert!(Calibration::of(Source::HeldOut, &[1.0, f64::NAN]).is_err());
        assert!(Calibration { source: Source::HeldOut, scores: vec![2.0, 1.0] }.check().is_err());
        assert_eq!(calibration(&vec![1.0; 3 * MOST]).scores().len(), MOST);
    }

    fn network(rng: &mut Pcg64) -> Shallow {
        let mut number = || rng.random_range(-1.5..1.5);
        let w = Mat::from_fn(12, 2, |_, _| number());
        let [b, v] = [0, 1].map(|_| (0..12).map(|_| number()).collect::<Vec<f64>>());
        Shallow::new(w, b, v, 0.0).unwrap()
    }

    /// Rows around a network; the noise grows with the first input.
    fn rows(rng: &mut Pcg64, network: &Shallow, count: usize) -> Dataset {
        let x = Mat::from_fn(count, 2, |_, _| rng.random_range(-1.0..1.0f64));
        let noise = |k: usize, rng: &mut Pcg64| (0.05f64 + f64::abs(x[(k, 0)])) * rng.random_range(-1.0..1.0);
        let y = (0..count).map(|k| network.value(&[x[(k, 0)], x[(k, 1)]]) + noise(k, rng)).collect();
        Dataset::new(x, y, None).unwrap()
    }

    /// In many draws of 39 rows to calibrate by and one new row, the share of new rows whose target is in the interval, with the input
    /// as it is and with the error within the tolerance that moves the interval away from the target most.
    #[test]
    fn a_new_target_is_covered_whatever_the_input_error() {
        let mut rng = Pcg64::seed_from_u64(7);
        let (coverage, draws, scaler) = (0.9, 1500, Scaler::identity(2));
        let sizes = [0.1, 0.05];
        let tolerance = Tolerance::same(Shape::Box, &sizes).unwrap();
        let network = network(&mut rng);
        let (mut clean, mut attacked, mut without_tolerance, mut forgetful) = (0, 0, 0, 0);
        for _ in 0..draws {
            let calibration = Calibration::held_out(&network, &rows(&mut rng, &network, 39), &scaler).unwrap();
            let margin = calibration.margin(coverage).unwrap();
            let new = rows(&mut rng, &network, 1);
            let (x, y) = ([new.x[(0, 0)], new.x[(0, 1)]], new.y[0]);
            let off = |z: &[f64]| (network.value(z) - y).abs();
            let holds = |z: &[f64]| {
                let interval = interval_within(&network, z, 0, &tolerance, 200).unwrap();
                let (lower, upper) = around((interval.lower, interval.upper), margin);
                lower <= y && y <= upper
            };
            let worst = (0..25)
                .map(|k| [x[0] + sizes[0] * f64::from(k % 5 - 2) / 2.0, x[1] + sizes[1] * f64::from(k / 5 - 2) / 2.0])
                .max_by(|a, b| off(a).total_cmp(&off(b)))
                .unwrap();
            clean += usize::from(holds(&x));
            attacked += usize::from(holds(&worst));
            without_tolerance += usize::from(off(&x) <= margin);
            forgetful += usize::from(off(&worst) <= margin);
        }
        let share = |count: usize| count as f64 / draws as f64;
        let band = 3.5 * (coverage * (1.0 - coverage) / draws as f64).sqrt();
        assert!(share(clean) >= coverage - band, "{}", share(clean));
        assert!(share(attacked) >= coverage - band, "{}", share(attacked));
        // Where inputs are exact the share is the one asked for, neither more nor less; and an interval that forgets the errors of
        // the inputs fails under attack, so that this test can.
        assert!((share(without_tolerance) - coverage).abs() <= band, "{}", share(without_tolerance));
        assert!(share(forgetful) < coverage - band, "{}", share(forgetful));
    }
}
