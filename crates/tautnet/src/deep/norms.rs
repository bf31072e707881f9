//! Norms of layers as they are trained, each with the direction in which it grows.
//!
//! The norm of W as a map from ℓp to ℓp is the largest singular value (p = 2), the largest sum of sizes in a row (p = ∞) or in a column (p =
//! 1). For p = 2 one step of power iteration is taken at every visit, from where the last one ended; what is proved of the network that comes out
//! is proved by [`certify`](crate::certify).

use crate::Norm;
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

/// Rows and columns count as the largest where they come this close to it.
const CLOSE: f32 = 0.99;
/// Steps of power iteration where nothing was known.
const FIRST: usize = 30;

/// What is remembered of a layer's norm from visit to visit: the right singular vector of its largest singular value.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory {
    right: Vec<f32>,
}

/// In which direction a norm grows.
#[derive(Debug, Clone)]
pub(super) enum Growth {
    /// That of the outer product.
    Outer(Vec<f32>, Vec<f32>),
    /// That of the signs in these rows.
    Rows(Vec<usize>),
    /// That of the signs in these columns.
    Columns(Vec<usize>),
}

fn length(x: &[f32]) -> f32 {
    x.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt() as f32
}

fn times(w: MatRef<'_, f32>, x: &[f32]) -> Vec<f32> {
    let mut out = vec![0.0; w.nrows()];
    let y = MatMut::from_column_major_slice_mut(&mut out, w.nrows(), 1);
    matmul(y, Accum::Replace, w, MatRef::from_column_major_slice(x, x.len(), 1), 1.0, Par::Seq);
    out
}

/// The sums of sizes in the rows, or in the columns.
fn sums(w: MatRef<'_, f32>, rows: bool) -> Vec<f32> {
    let mut out = vec![0.0; if rows { w.nrows() } else { w.ncols() }];
    for (k, column) in w.col_iter().enumerate() {
        for (i, entry) in column.iter().enumerate() {
            out[if rows { i } else { k }] += entry.abs();
        }
    }
    out
}

impl Memory {
    /// The norm of W, and how it grows.
    pub fn norm(&mut self, w: MatRef<'_, f32>, norm: Norm) -> (f32, Growth) {
        let close = |sums: &[f32]| {
            let largest = sums.iter().fold(0.0_f32, |largest, sum| largest.max(*sum));
            let places = (0..sums.len()).filter(|&i| sums[i] >= CLOSE * largest).collect();
            (largest, places)
        };
        match norm {
            Norm::Infinity => {
                let (largest, rows) = close(&sums(w, true));
                (largest, Growth::Rows(rows))
            }
            Norm::One => {
                let (largest, columns) = close(&sums(w, false));
                (largest, Growth::Columns(columns))
            }
            Norm::Two => self.spectral(w),
        }
    }

    fn spectral(&mut self, w: MatRef<'_, f32>) -> (f32, Growth) {
        let steps = if self.right.len() == w.ncols() { 1 } else { FIRST };
        if steps == FIRST {
            // No singular vector is at right angles to it but by chance.
            self.right = (0..w.ncols()).map(|k| 1.0 + 0.5 * (1.7 * k as f32).sin()).collect();
            let size = length(&self.right);
            self.right.iter_mut().for_each(|x| *x /= size);
        }
        let (mut value, mut left) = (0.0, Vec::new());
        for _ in 0..steps {
            left = times(w, &self.right);
            value = length(&left);
            if value == 0.0 {
                return (0.0, Growth::Outer(vec![0.0; w.nrows()], vec![0.0; w.ncols()]));
            }
            left.iter_mut().for_each(|x| *x /= value);
            self.right = times(w.transpose(), &left);
            let size = length(&self.right).max(f32::MIN_POSITIVE);
            self.right.iter_mut().for_each(|x| *x /= size);
        }
        (value, Growth::Outer(left, self.right.clone()))
    }
}

impl Growth {
    /// Add so many times the direction to the slopes in W.
    pub fn add(&self, amount: f32, w: MatRef<'_, f32>, mut slopes: MatMut<'_, f32>) {
        match self {
            Growth::Outer(left, right) => {
                for (k, right) in right.iter().enumerate() {
                    let scale = amount * right;
                    slopes.as_mut().col_mut(k).iter_mut().zip(left).for_each(|(slope, left)| *slope += scale * left);
                }
            }
            Growth::Rows(rows) => {
                let share = amount / rows.len().max(1) as f32;
                for k in 0..w.ncols() {
                    rows.iter().for_each(|&i| slopes[(i, k)] += share * sign(w[(i, k)]));
                }
            }
            Growth::Columns(columns) => {
                let share = amount / columns.len().max(1) as f32;
                for &k in columns {
                    (0..w.nrows()).for_each(|i| slopes[(i, k)] += share * sign(w[(i, k)]));
                }
            }
        }
    }
}

/// −1, 0 or 1.
pub(super) fn sign(x: f32) -> f32 {
    if x == 0.0 { 0.0 } else { x.signum() }
}
