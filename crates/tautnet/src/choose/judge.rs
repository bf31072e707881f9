//! What rows held out say of a network.

use crate::attack;
use crate::error::Result;
use crate::tolerance::Tolerance;
use crate::{Dataset, Loss, Shallow};

/// The losses of rows held out: at the rows as they are, and the worst that was found within the tolerance.
#[derive(Debug, Clone, Default)]
pub(super) struct Losses {
    pub clean: Vec<f64>,
    pub worst: Vec<f64>,
    pub weights: Vec<f64>,
}

/// The share of the rows whose worst losses are not believed.
const WILD: f64 = 0.02;

impl Losses {
    /// Judge a network by a quick attack, the same for all that are compared.
    pub fn of(network: &Shallow, held_out: &Dataset, tolerance: &Tolerance, loss: &Loss) -> Result<Self> {
        let search = attack::Settings {
            loss: loss.clone(),
            restarts: 1,
            steps: 8,
            refinements: 3,
            ..attack::Settings::new(f64::INFINITY)
        };
        let worst = attack::found_within(network, held_out, tolerance, &search)?;
        let row = |k: usize| (0..held_out.columns()).map(|j| held_out.x[(k, j)]).collect::<Vec<_>>();
        let clean = (0..held_out.rows()).map(|k| loss.of_row(network, &row(k), &held_out.targets_of(k))).collect();
        let weights = held_out.weights.clone().unwrap_or_else(|| vec![1.0; held_out.rows()]);
        Ok(Self { clean, worst, weights })
    }

    /// All of them together.
    pub fn joined(parts: &[Self]) -> Self {
        let all = |of: fn(&Self) -> &Vec<f64>| parts.iter().flat_map(of).copied().collect();
        Self { clean: all(|part| &part.clean), worst: all(|part| &part.worst), weights: all(|part| &part.weights) }
    }

    /// The mean of the worst losses, where those of the worst rows count as the next one: a single wild row does not decide.
    pub fn score(&self) -> f64 {
        capped_mean(&self.worst, &self.weights)
    }

    /// The same of the losses without input error.
    pub fn clean_score(&self) -> f64 {
        capped_mean(&self.clean, &self.weights)
    }

    /// The means as they are: without input error, and within the tolerance.
    pub fn means(&self) -> (f64, f64) {
        (mean(&self.clean, &self.weights), mean(&self.worst, &self.weights))
    }
}

fn mean(losses: &[f64], weights: &[f64]) -> f64 {
    losses.iter().zip(weights).map(|(loss, weight)| loss * weight).sum::<f64>() / weights.iter().sum::<f64>()
}

/// The mean, where the largest losses that have at most a fiftieth of the weight, one at least, count as the next smaller one.
fn capped_mean(losses: &[f64], weights: &[f64]) -> f64 {
    let mut order: Vec<usize> = (0..losses.len()).collect();
    order.sort_by(|&a, &b| losses[b].total_cmp(&losses[a]).then(a.cmp(&b)));
    let wild = WILD * weights.iter().sum::<f64>();
    let mut above = 0.0;
    let cap = order.iter().enumerate().find_map(|(place, &k)| {
        above += weights[k];
        (place > 0 && above > wild).then(|| losses[k])
    });
    let cap = cap.unwrap_or(f64::INFINITY);
    mean(&losses.iter().map(|loss| loss.min(cap)).collect::<Vec<_>>(), weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_wild_row_counts_as_the_next() {
        let mut losses: Vec<f64> = (0..20).map(|k| k as f64 / 10.0).collect();
        let before = capped_mean(&losses, &[1.0; 20]);
        losses[19] = 1e6;
        assert_eq!(capped_mean(&losses, &[1.0; 20]), before);
        losses[18] = 1e6;
        assert!(capped_mean(&losses, &[1.0; 20]) > 1e3);
        // Of a hundred rows two are not believed, in whatever order they come; and a weight of 2 is two rows.
        let mut many: Vec<f64> = (0..100).map(|k| (k as f64 * 0.37).sin().powi(2)).collect();
        let mut sorted = many.clone();
        sorted.sort_by(f64::total_cmp);
        let expected = (sorted[..98].iter().sum::<f64>() + 2.0 * sorted[97]) / 100.0;
        assert!((capped_mean(&many, &[1.0; 100]) - expected).abs() < 1e-12);
        many.truncate(50);
        let twice: Vec<f64> = many.iter().flat_map(|loss| [*loss; 2]).collect();
        assert!((capped_mean(&many, &[2.0; 50]) - capped_mean(&twice, &[1.0; 100])).abs() < 1e-12);
        // A single row is what it is.
        assert_eq!(capped_mean(&[3.0], &[1.0]), 3.0);
    }
}
