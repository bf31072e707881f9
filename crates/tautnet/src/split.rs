//! Rows for training and rows held out, the same for the same seed on every machine.

use crate::error::{Error, Result};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

/// Indices of the rows on either side, each in increasing order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Rows to learn from.
    pub train: Vec<usize>,
    /// Rows held out.
    pub test: Vec<usize>,
}

/// Hold out a random `fraction` of `rows` rows, rounded, but at least one and not all.
pub fn by_fraction(rows: usize, fraction: f64, seed: u64) -> Result<Split> {
    Ok(by_folds(rows, fraction, 1, seed)?.swap_remove(0))
}

/// Hold out a random `fraction` of the rows several times, never a row twice: `folds` times, or as often as the rows
/// allow. The first split is that of [`by_fraction`].
pub fn by_folds(rows: usize, fraction: f64, folds: usize, seed: u64) -> Result<Vec<Split>> {
    if !(fraction > 0.0 && fraction < 1.0) {
        return Err(Error::new(
            format!("the fraction of rows to hold out is {fraction}"),
            "give a number between 0 and 1, such as 0.2",
        ));
    }
    if rows < 2 {
        return Err(Error::new(
            format!("there is {rows} row to share between training and test"),
            "at least two rows are needed",
        ));
    }
    let held_out = ((rows as f64 * fraction).round() as usize).clamp(1, rows - 1);
    let folds = folds.clamp(1, rows / held_out);
    // The first places of a Fisher–Yates shuffle.
    let mut rng = Pcg64::seed_from_u64(seed);
    let mut order: Vec<usize> = (0..rows).collect();
    for k in 0..folds * held_out {
        let other = rng.random_range(k as u64..rows as u64) as usize;
        order.swap(k, other);
    }
    let fold = |k: usize| {
        let (from, to) = (k * held_out, (k + 1) * held_out);
        let mut test = order[from..to].to_vec();
        let mut train = [&order[..from], &order[to..]].concat();
        test.sort_unstable();
        train.sort_unstable();
        Split { train, test }
    };
    Ok((0..folds).map(fold).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_row_is_on_one_side(rows in 2usize..300, fraction in 0.001..0.999f64, seed: u64) {
            let split = by_fraction(rows, fraction, seed).unwrap();
            prop_assert_eq!(&split, &by_fraction(rows, fraction, seed).unwrap());
            let mut all = [split.train.clone(), split.test.clone()].concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..rows).collect::<Vec<_>>());
            prop_assert!(!split.train.is_empty() && !split.test.is_empty());
            prop_assert!((split.test.len() as f64 - fraction * rows as f64).abs() <= 1.0);
        }
    }

    proptest! {
        #[test]
        fn no_row_is_held_out_twice(rows in 2usize..200, fraction in 0.01..0.99f64, folds in 0usize..9, seed: u64) {
            let splits = by_folds(rows, fraction, folds, seed).unwrap();
            prop_assert_eq!(&splits[0], &by_fraction(rows, fraction, seed).unwrap());
            prop_assert!(!splits.is_empty() && splits.len() <= folds.max(1));
            let mut seen = vec![false; rows];
            for split in &splits {
                prop_assert_eq!(split.test.len(), splits[0].test.len());
                prop_assert_eq!(split.test.len() + split.train.len(), rows);
                for row in &split.test {
                    prop_assert!(!seen[*row] && !split.train.contains(row));
                    seen[*row] = true;
                }
            }
        }
    }

    #[test]
    fn seeds_differ_and_bad_fractions_are_refused() {
        assert_ne!(by_fraction(100, 0.2, 0).unwrap(), by_fraction(100, 0.2, 1).unwrap());
        for fraction in [0.0, 1.0, -0.1, 1.5, f64::NAN] {
            assert!(by_fraction(10, fraction, 0).is_err());
        }
        assert!(by_fraction(1, 0.5, 0).is_err());
    }
}
