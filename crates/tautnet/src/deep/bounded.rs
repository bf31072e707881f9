//! Layers held in a ball of the norms 1 and ∞: no column (p = 1), or no row (p = ∞), has sizes whose sum is above a length.
//!
//! After every step each of them is brought to the nearest point of the ball, `w_i ← sign(w_i) max(|w_i| − t, 0)`, with the t ≥ 0 at which the sum
//! of sizes is the length. With the numbers above t known to be among some, t is at least what these would have; it grows to the right value as those
//! below it are left out.

use super::norms::sign;
use crate::Norm;
use rayon::prelude::*;

/// The length, in a hidden layer of m × n: a third or so of what the columns or rows of orthonormal weights have. Only its ratio to the length of a
/// step matters, where the layers behind make up for it.
pub(super) fn length(m: usize, n: usize, norm: Norm) -> f32 {
    let numbers = if norm == Norm::One { m } else { n };
    0.25 * (numbers as f32).sqrt()
}

/// Bring each column, or each row for p = ∞, to the nearest point of the ball of this length. The numbers are in columns.
pub(super) fn back(weights: &mut [f32], m: usize, n: usize, (norm, length): (Norm, f32)) {
    if norm == Norm::One {
        weights.par_chunks_mut(m).for_each(|column| nearest(column, length));
        return;
    }
    let mut rows = vec![0.0; m * n];
    let given = &*weights;
    rows.par_chunks_mut(n).enumerate().for_each(|(i, row)| {
        row.iter_mut().enumerate().for_each(|(k, to)| *to = given[k * m + i]);
        nearest(row, length);
    });
    weights.par_chunks_mut(m).enumerate().for_each(|(k, column)| {
        column.iter_mut().enumerate().for_each(|(i, to)| *to = rows[i * n + k]);
    });
}

/// Bring numbers to the nearest ones whose sizes have a sum of at most `length`.
fn nearest(numbers: &mut [f32], length: f32) {
    let (length, mut above, mut threshold) = (f64::from(length), numbers.len() + 1, 0.0);
    loop {
        let (mut sum, mut count) = (0.0, 0);
        for size in numbers.iter().map(|number| f64::from(number.abs())).filter(|size| *size >= threshold) {
            sum += size;
            count += 1;
        }
        // What is inside stays; what is no number is told by the loss.
        if above > numbers.len() && !(sum > length && sum.is_finite()) {
            return;
        }
        if count >= above {
            break;
        }
        (above, threshold) = (count, (sum - length) / count as f64);
    }
    let threshold = threshold as f32;
    numbers.iter_mut().for_each(|number| *number = sign(*number) * (number.abs() - threshold).max(0.0));
}
