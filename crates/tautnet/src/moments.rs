//! Means and spreads of the columns, as passes over the rows.

use crate::Dataset;
use crate::rows::{Block, Pass, Rows};
use serde::{Deserialize, Serialize};

/// Of one column, over the rows that count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Moments {
    pub mean: f64,
    /// Around the mean; `None` for a column that is exactly constant: rounding must not make a spread of it.
    pub variance: Option<f64>,
}

/// The moments of the inputs, then of the targets, by the sample weights where there are any.
pub(crate) fn moments(data: &Dataset) -> Vec<Moments> {
    let rows = Rows::of(data);
    let columns = rows.d() + data.targets();
    let Seen { total, first, constant } = rows.sweep(&Look { columns });
    let first = first.unwrap_or_else(|| vec![0.0; columns]);
    // Shifted by a value of the column, so that a large mean does not cost the digits of a small spread.
    let mut deviations = Deviations { total, first, shift: vec![0.0; columns], squared: false };
    deviations.shift = rows.sweep(&deviations);
    deviations.squared = true;
    let variances = rows.sweep(&deviations);
    let of = |j: usize| match constant[j] {
        true => Moments { mean: deviations.first[j], variance: None },
        false => Moments { mean: deviations.first[j] + deviations.shift[j], variance: Some(variances[j]) },
    };
    (0..columns).map(of).collect()
}

/// The entries of a column of the block, the targets after the inputs, for the rows that count: with their weights.
fn entries<'b>(block: &'b Block<'_>, j: usize) -> impl Iterator<Item = (f64, f64)> + 'b {
    let d = block.x.ncols();
    let value = move |r: usize| if j < d { block.x[(r, j)] } else { block.target(r, j - d) };
    (0..block.rows()).map(move |r| (block.weight(r), value(r))).filter(|(weight, _)| *weight > 0.0)
}

/// A first look: what the rows weigh together, and which columns are constant.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Look {
    columns: usize,
}

/// What is seen of some rows. As a part, `total` is a sum that is not yet taken.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Seen<T> {
    total: T,
    /// The first row that counts.
    first: Option<Vec<f64>>,
    constant: Vec<bool>,
}

impl Pass for Look {
    type Part = Seen<Vec<f64>>;
    type Sum = Seen<f64>;

    /// Less than the reading of the rows.
    fn work(&self) -> usize {
        0
    }

    fn nothing(&self) -> Self::Sum {
        Seen { total: 0.0, first: None, constant: vec![true; self.columns] }
    }

    fn visit(&self, block: &Block<'_>) -> Self::Part {
        let firsts: Vec<Option<(f64, f64)>> = (0..self.columns).map(|j| entries(block, j).next()).collect();
        let constant = firsts.iter().enumerate();
        Seen {
            total: block.weight_terms(),
            constant: constant
                .map(|(j, first)| first.is_none_or(|(_, first)| entries(block, j).all(|(_, value)| value == first)))
                .collect(),
            first: firsts.into_iter().map(|first| first.map(|(_, value)| value)).collect(),
        }
    }

    fn merge(&self, into: &mut Self::Sum, next: Self::Part) {
        next.total.iter().for_each(|term| into.total += term);
        let Some(first) = next.first else { return };
        let known = into.first.get_or_insert_with(|| first.clone());
        for j in 0..self.columns {
            into.constant[j] &= next.constant[j] && first[j] == known[j];
        }
    }
}

/// `Σ ω (value − first − shift) / Σω` of every column, or of the square.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Deviations {
    /// Σω.
    total: f64,
    first: Vec<f64>,
    shift: Vec<f64>,
    squared: bool,
}

/// A part has the terms themselves, as many for every column: means have the bytes of one loop over all rows, and there is no
/// such sum of sums.
impl Pass for Deviations {
    type Part = Vec<f64>;
    type Sum = Vec<f64>;

    /// The terms are added one by one, which is most of the work.
    fn work(&self) -> usize {
        0
    }

    fn nothing(&self) -> Vec<f64> {
        vec![0.0; self.first.len()]
    }

    fn visit(&self, block: &Block<'_>) -> Vec<f64> {
        let mut terms = Vec::with_capacity(self.first.len() * block.rows());
        for j in 0..self.first.len() {
            terms.extend(entries(block, j).map(|(weight, value)| {
                let away = value - self.first[j] - self.shift[j];
                weight / self.total * if self.squared { away * away } else { away }
            }));
        }
        terms
    }

    fn merge(&self, into: &mut Vec<f64>, next: Vec<f64>) {
        for (sum, terms) in into.iter_mut().zip(next.chunks((next.len() / self.first.len()).max(1))) {
            terms.iter().for_each(|term| *sum += term);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::BLOCK;
    use faer::Mat;

    /// Written out over all rows at once: the same bytes, wherever blocks end.
    #[test]
    fn moments_are_those_of_one_loop() {
        for n in [2, BLOCK, BLOCK + 1, 3 * BLOCK - 5] {
            let x = Mat::from_fn(n, 3, |k, j| if j == 1 { 0.1 } else { 1e3 + ((k * (j + 7) + 3) % 101) as f64 / 7.0 });
            let y = (0..n).map(|k| (k as f64).sin()).collect();
            // The first row has no weight.
            let weights = Some((0..n).map(|k| (k % 3) as f64 / 3.0).collect());
            for data in [Dataset::new(x.clone(), y, None), Dataset::new(x.clone(), vec![2.0; n], weights)] {
                let data = data.unwrap();
                let weight = |k: usize| data.weights.as_ref().map_or(1.0, |weights| weights[k]);
                let total: f64 = (0..n).map(weight).sum();
                for (j, found) in moments(&data).into_iter().enumerate() {
                    let value = |k: usize| if j < 3 { data.x[(k, j)] } else { data.y[k] };
                    let counted = || (0..n).filter(|&k| weight(k) > 0.0);
                    let first = value(counted().next().unwrap());
                    let shift = counted().map(|k| weight(k) / total * (value(k) - first)).sum::<f64>();
                    let square = |k: usize| weight(k) / total * (value(k) - first - shift).powi(2);
                    let constant = counted().all(|k| value(k) == first);
                    let variance = (!constant).then(|| counted().map(square).sum::<f64>());
                    assert_eq!(found, Moments { mean: first + shift, variance }, "{n} rows, column {j}");
                }
            }
        }
    }
}
