//! Operator norms of matrices, from above.
//!
//! **The claim.** A matrix W of doubles and scales κ_k > 0 of its columns (1 where there are none) stand for the matrix with the entries
//! `w_ik / κ_k`. In the norm p its operator norm is at most a claimed s.
//!
//! **The proof.** For p = 1 and p = ∞ the norm is the largest sum of the absolute values of a column or row; each operation is rounded
//! upwards. For p = 2 it is at most the Frobenius norm, summed in the same way, which is all of it for a single row or column. Else `‖W/s‖₂ ≤ 1` is
//! proved by a factorization, as the condition of the other certificates is: (V2) to (V7) of `docs/mathematics/verification.md` hold for the
//! matrix M of the entries `w_ik / (κ_k s)`, which take three roundings.
//!
//! The slope of a single output is a row. How fast the output can change is the *dual* norm of it: the sum of absolute values for p = ∞, the
//! length for p = 2, the largest absolute value for p = 1.

use crate::certificate::Norm;
use crate::verify::{Vectors, at_most_one};
use crate::wide::Wide;

/// A matrix of finite doubles, row by row, whose columns may be divided by scales.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    /// Number of columns.
    pub columns: usize,
    /// The entries, row by row.
    pub numbers: &'a [f64],
    /// What each column is divided by: positive finite numbers.
    pub scales: Option<&'a [f64]>,
}

/// At least a + b of numbers that are not negative, and equal where one of them is 0.
pub(crate) fn sum_up(a: f64, b: f64) -> f64 {
    if a == 0.0 || b == 0.0 { a + b } else { (a + b).next_up() }
}

/// At least ab of numbers that are not negative, and equal where one of them is 0 or 1.
pub(crate) fn product_up(a: f64, b: f64) -> f64 {
    if a == 0.0 || b == 0.0 {
        0.0
    } else if a == 1.0 || b == 1.0 {
        a * b
    } else {
        (a * b).next_up()
    }
}

/// At least the length of a vector with these absolute values.
fn length_up(entries: &[f64]) -> f64 {
    let largest = entries.iter().fold(0.0, |largest: f64, &entry| largest.max(entry));
    let mut others = entries.iter().filter(|&&entry| entry != 0.0);
    if largest == 0.0 || !largest.is_finite() || (others.next().is_some() && others.next().is_none()) {
        return largest;
    }
    // In units of the largest, so that no square that counts vanishes or overflows.
    let unit = Wide::new(largest);
    let square = |&entry: &f64| {
        // What is shorter than 1e-300 is taken to be as long.
        let share = Wide::new(entry).over(unit).value().max(1e-300).next_up();
        (share * share).next_up()
    };
    let squares = entries.iter().filter(|&&entry| entry != 0.0).map(square).fold(0.0, sum_up);
    (squares.sqrt().next_up() * largest).next_up()
}

impl Matrix<'_> {
    fn scale(&self, column: usize) -> f64 {
        self.scales.map_or(1.0, |scales| scales[column])
    }

    /// At least `|w| / κ_k`, and equal where that is `|w|`.
    fn size(&self, w: f64, column: usize) -> f64 {
        let scale = self.scale(column);
        if w == 0.0 || scale == 1.0 { w.abs() } else { (w.abs() / scale).next_up() }
    }

    fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.numbers.chunks_exact(self.columns)
    }

    fn sizes<'r>(&'r self, row: &'r [f64]) -> impl Iterator<Item = f64> + 'r {
        row.iter().enumerate().map(|(k, &w)| self.size(w, k))
    }

    /// At least the operator norm, by sums alone: exact up to rounding for p = 1 and p = ∞, the Frobenius norm for p = 2.
    pub fn norm_by_sums(&self, norm: Norm) -> f64 {
        match norm {
            Norm::Infinity => self.rows().map(|row| self.sizes(row).fold(0.0, sum_up)).fold(0.0, f64::max),
            Norm::One => {
                let mut sums = vec![0.0; self.columns];
                for row in self.rows() {
                    sums.iter_mut().zip(self.sizes(row)).for_each(|(sum, size)| *sum = sum_up(*sum, size));
                }
                sums.into_iter().fold(0.0, f64::max)
            }
            Norm::Two => length_up(&self.rows().flat_map(|row| self.sizes(row)).collect::<Vec<_>>()),
        }
    }

    /// Whether it is proved that the operator norm is at most this number.
    pub fn norm_is_at_most(&self, norm: Norm, claimed: f64) -> bool {
        if !(claimed >= 0.0 && claimed.is_finite()) {
            return false;
        }
        self.norm_by_sums(norm) <= claimed || (norm == Norm::Two && claimed > 0.0 && self.factorized(claimed))
    }

    /// Whether a factorization proves `‖W/s‖₂ ≤ 1`.
    fn factorized(&self, s: f64) -> bool {
        let divisors: Vec<Wide> = (0..self.columns).map(|k| Wide::new(self.scale(k)).times(Wide::new(s))).collect();
        let entry = |w: f64, k: usize| Wide::new(w).over(divisors[k]).value();
        let rows: Vec<Vec<f64>> =
            self.rows().map(|row| row.iter().enumerate().map(|(k, &w)| entry(w, k)).collect()).collect();
        let (m, d) = (rows.len(), self.columns);
        let vectors = if m <= d { rows } else { (0..d).map(|k| rows.iter().map(|row| row[k]).collect()).collect() };
        at_most_one(Vectors { vectors, length: m.max(d), cross: None })
    }

    /// At least the dual norm of a row: how fast that output can change.
    pub fn slope(&self, norm: Norm, row: usize) -> f64 {
        let row = &self.numbers[row * self.columns..(row + 1) * self.columns];
        dual_norm(norm, &self.sizes(row).collect::<Vec<_>>())
    }

    /// At least the dual norm of the difference of two rows.
    pub fn slope_of_difference(&self, norm: Norm, row: usize, other: usize) -> f64 {
        let [row, other] = [row, other].map(|j| &self.numbers[j * self.columns..(j + 1) * self.columns]);
        let entry = |(k, (&a, &b)): (usize, (&f64, &f64))| {
            let difference = if a == b || a == 0.0 || b == 0.0 { (a - b).abs() } else { (a - b).abs().next_up() };
            self.size(difference, k)
        };
        dual_norm(norm, &row.iter().zip(other).enumerate().map(entry).collect::<Vec<_>>())
    }
}

fn dual_norm(norm: Norm, sizes: &[f64]) -> f64 {
    match norm {
        Norm::Infinity => sizes.iter().copied().fold(0.0, sum_up),
        Norm::One => sizes.iter().copied().fold(0.0, f64::max),
        Norm::Two => length_up(sizes),
    }
}
