//! Numbers ready for training: inputs, targets and sample weights.

use crate::error::{Error, Result};
use faer::Mat;
use std::cmp::Ordering;

/// n rows of d inputs, n targets (or several lists of n), and optionally n non-negative sample weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// The inputs, n × d.
    pub x: Mat<f64>,
    /// The n targets; the first ones where there are several a row.
    pub y: Vec<f64>,
    /// Further targets, n of each, where a row has several: numbers, each of which a network has an output for.
    pub others: Vec<Vec<f64>>,
    /// The n sample weights; `None` where all rows count alike.
    pub weights: Option<Vec<f64>>,
}

impl Dataset {
    /// A data set from its parts; refuses empty, mismatched or non-finite ones.
    pub fn new(x: Mat<f64>, y: Vec<f64>, weights: Option<Vec<f64>>) -> Result<Self> {
        let (n, d) = (x.nrows(), x.ncols());
        if n == 0 || d == 0 {
            return Err(Error::new(
                format!("the data has {n} rows and {d} input columns"),
                "at least one row and one input column are needed",
            ));
        }
        if y.len() != n {
            return Err(Error::new(
                format!("there are {} targets for {n} rows of inputs", y.len()),
                "give one target per row",
            ));
        }
        for k in 0..n {
            for j in 0..d {
                if !x[(k, j)].is_finite() {
                    return Err(Error::new(
                        format!("row {k}, input column {j} is {}", x[(k, j)]),
                        "every input must be a finite number; drop or fill the row",
                    ));
                }
            }
            if !y[k].is_finite() {
                return Err(Error::new(
                    format!("the target in row {k} is {}", y[k]),
                    "every target must be a finite number; drop or fill the row",
                ));
            }
        }
        if let Some(weights) = &weights {
            if weights.len() != n {
                return Err(Error::new(
                    format!("there are {} sample weights for {n} rows", weights.len()),
                    "give one weight per row",
                ));
            }
            if let Some(k) = weights.iter().position(|w| !w.is_finite() || *w < 0.0) {
                return Err(Error::new(
                    format!("the sample weight of row {k} is {}", weights[k]),
                    "sample weights must be finite and not negative",
                ));
            }
            if weights.iter().sum::<f64>() <= 0.0 {
                return Err(Error::new("all sample weights are zero", "at least one row must count"));
            }
        }
        Ok(Self { x, y, others: Vec::new(), weights })
    }

    /// The same rows with further targets, one list of n each; refuses lists of another length and numbers that are not finite.
    pub fn with_others(self, others: Vec<Vec<f64>>) -> Result<Self> {
        for (o, other) in others.iter().enumerate() {
            if other.len() != self.rows() {
                return Err(Error::new(
                    format!("there are {} targets in list {} for {} rows of inputs", other.len(), o + 2, self.rows()),
                    "give every target once per row",
                ));
            }
            if let Some(k) = other.iter().position(|y| !y.is_finite()) {
                return Err(Error::new(
                    format!("target {} in row {k} is {}", o + 2, other[k]),
                    "every target must be a finite number; drop or fill the row",
                ));
            }
        }
        Ok(Self { others, ..self })
    }

    /// How many targets a row has.
    pub fn targets(&self) -> usize {
        1 + self.others.len()
    }

    /// One of the targets, by its number from 0, of every row.
    pub fn target(&self, number: usize) -> &[f64] {
        if number == 0 { &self.y } else { &self.others[number - 1] }
    }

    /// All targets of a row.
    pub fn targets_of(&self, row: usize) -> Vec<f64> {
        (0..self.targets()).map(|number| self.target(number)[row]).collect()
    }

    /// The rows with one of their targets alone, by its number from 0.
    pub fn of_target(&self, number: usize) -> Self {
        Self { x: self.x.clone(), y: self.target(number).to_vec(), others: Vec::new(), weights: self.weights.clone() }
    }

    /// The rows of these numbers, in this order.
    pub fn select(&self, rows: &[usize]) -> Self {
        let of = |values: &[f64]| rows.iter().map(|row| values[*row]).collect::<Vec<_>>();
        Self {
            x: Mat::from_fn(rows.len(), self.columns(), |k, j| self.x[(rows[k], j)]),
            y: of(&self.y),
            others: self.others.iter().map(|other| of(other)).collect(),
            weights: self.weights.as_deref().map(of),
        }
    }

    /// Refuse several targets a row; `asked` says what is for one.
    pub fn check_one_target(&self, asked: &str) -> Result<()> {
        match self.targets() {
            1 => Ok(()),
            targets => Err(Error::new(
                format!("{asked} is for one target, and the rows have {targets} targets each"),
                "give one target, or say a tolerance of the inputs: then networks of several outputs are trained and polished",
            )),
        }
    }

    /// Weigh the rows so that each of the targets' values, which are classes, counts the same: the n rows of one of k classes n/k in all.
    pub fn balance(&mut self) {
        let rows = self.rows() as f64;
        let mut counts: Vec<(f64, f64)> = Vec::new();
        for y in &self.y {
            match counts.iter_mut().find(|(class, _)| class == y) {
                Some((_, count)) => *count += 1.0,
                None => counts.push((*y, 1.0)),
            }
        }
        let classes = counts.len() as f64;
        let weight =
            |y: &f64| counts.iter().find(|(class, _)| class == y).map_or(0.0, |(_, count)| rows / (classes * count));
        self.weights = Some(self.y.iter().map(weight).collect());
    }

    /// Number of rows, n.
    pub fn rows(&self) -> usize {
        self.x.nrows()
    }

    /// Number of input columns, d.
    pub fn columns(&self) -> usize {
        self.x.ncols()
    }

    /// Equal rows as one, their weights added, in an order that depends on nothing but the rows; rows of weight 0 are left
    /// out. So a weight means exactly what repeating the row means, also where rows are drawn or held out. `None` for data
    /// without weights and without equal rows, which may stay as they are.
    pub fn merge_equal_rows(&self) -> Option<Self> {
        let n = self.rows();
        if self.weights.is_none() && !self.may_have_equal_rows() {
            return None;
        }
        let weight = |k: usize| self.weights.as_ref().map_or(1.0, |weights| weights[k]);
        let compare = |a: usize, b: usize| {
            let entries = (0..self.columns()).map(|j| self.x[(a, j)].partial_cmp(&self.x[(b, j)]));
            let targets = (0..self.targets()).map(|number| self.target(number)[a].partial_cmp(&self.target(number)[b]));
            let mut orders = entries.chain(targets).flatten();
            orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        };
        let mut order: Vec<usize> = (0..n).filter(|&k| weight(k) > 0.0).collect();
        order.sort_by(|&a, &b| compare(a, b));
        let groups: Vec<&[usize]> = order.chunk_by(|&a, &b| compare(a, b).is_eq()).collect();
        if self.weights.is_none() && groups.len() == n {
            return None;
        }
        let first: Vec<usize> = groups.iter().map(|group| group[0]).collect();
        let weights = groups.iter().map(|group| group.iter().map(|&k| weight(k)).sum()).collect();
        Some(Self {
            x: Mat::from_fn(first.len(), self.columns(), |k, j| self.x[(first[k], j)]),
            y: first.iter().map(|&k| self.y[k]).collect(),
            others: self.others.iter().map(|other| first.iter().map(|&k| other[k]).collect()).collect(),
            weights: Some(weights),
        })
    }

    /// Whether two rows have the same hash: with a hash of 64 bits, hardly ever without two equal rows.
    fn may_have_equal_rows(&self) -> bool {
        let mut hashes = vec![0_u64; self.rows()];
        let mut mix = |k: usize, value: f64| {
            // −0 + 0 is 0, which it equals. The rest is an ordinary mixing of bits.
            let mut bits = (hashes[k].rotate_left(5) ^ (value + 0.0).to_bits()).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            bits ^= bits >> 29;
            hashes[k] = bits.wrapping_mul(0xbf58_476d_1ce4_e5b9);
        };
        for j in 0..self.columns() {
            for k in 0..self.rows() {
                mix(k, self.x[(k, j)]);
            }
        }
        for number in 0..self.targets() {
            self.target(number).iter().enumerate().for_each(|(k, y)| mix(k, *y));
        }
        hashes.sort_unstable();
        hashes.windows(2).any(|pair| pair[0] == pair[1])
    }
}

/// Sample weights scaled to mean one.
pub fn importances(data: &Dataset) -> Vec<f64> {
    match &data.weights {
        None => vec![1.0; data.rows()],
        Some(weights) => {
            let mean = weights.iter().sum::<f64>() / data.rows() as f64;
            weights.iter().map(|w| w / mean).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(rows: &[[f64; 3]], weights: Option<Vec<f64>>) -> Dataset {
        let x = Mat::from_fn(rows.len(), 2, |k, j| rows[k][j]);
        Dataset::new(x, rows.iter().map(|row| row[2]).collect(), weights).unwrap()
    }

    const ROWS: [[f64; 3]; 4] = [[2.0, 1.0, 5.0], [0.0, 3.0, 1.0], [2.0, 1.0, 4.0], [0.0, -1.0, 1.0]];

    #[test]
    fn a_weight_is_a_repetition_whatever_the_order() {
        let weighted = data(&ROWS, Some(vec![2.0, 0.0, 1.0, 3.0])).merge_equal_rows().unwrap();
        let [a, _, c, d] = ROWS;
        let repeated = data(&[d, a, d, c, a, [-0.0, -1.0, 1.0]], None).merge_equal_rows().unwrap();
        assert_eq!(weighted, repeated);
        assert_eq!((weighted.y, weighted.weights), (vec![1.0, 4.0, 5.0], Some(vec![3.0, 1.0, 2.0])));
    }

    #[test]
    fn every_class_counts_the_same() {
        let mut data = data(&[[0.0, 1.0, -1.0], [1.0, 1.0, 1.0], [2.0, 1.0, -1.0], [3.0, 1.0, -1.0]], None);
        data.balance();
        assert_eq!(data.weights, Some(vec![4.0 / 6.0, 2.0, 4.0 / 6.0, 4.0 / 6.0]));
    }

    #[test]
    fn rows_are_equal_where_all_their_targets_are() {
        let two = |others: [f64; 3]| {
            let rows = data(&[ROWS[0], ROWS[0], ROWS[1]], None).with_others(vec![others.to_vec()]).unwrap();
            (rows.targets_of(1), rows.merge_equal_rows())
        };
        assert_eq!(two([1.0, 2.0, 3.0]), (vec![5.0, 2.0], None));
        let merged = two([2.0, 2.0, 3.0]).1.unwrap();
        assert_eq!((merged.others.clone(), merged.of_target(1).y), (vec![vec![3.0, 2.0]], vec![3.0, 2.0]));
        let refused = |others: Vec<f64>| data(&ROWS, None).with_others(vec![others]).unwrap_err().what;
        assert!(refused(vec![1.0; 3]).contains("3 targets in list 2 for 4 rows"));
        assert!(refused(vec![1.0, f64::NAN, 0.0, 0.0]).contains("target 2 in row 1 is NaN"));
    }

    #[test]
    fn rows_that_differ_stay_as_they_are() {
        assert_eq!(data(&ROWS, None).merge_equal_rows(), None);
    }
}
