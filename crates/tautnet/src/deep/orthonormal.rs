//! Layers whose rows, or columns where these are fewer, are orthonormal: their norm for p = 2 is 1, and they keep the lengths of all slopes
//! that come back through them where the rows are.
//!
//! With W of m × n, m ≤ n, and W Wᵀ = I, the directions in which W may move and stay so are those with `G Wᵀ + W Gᵀ = 0`; the slopes of a loss in
//! them are
//!
//! ```text
//! G − S W,        S = (G Wᵀ + W Gᵀ) / 2
//! ```
//!
//! After a step along them W has left the set a little, and is brought back by the iteration of Newton and Schulz, `W ← W + (I − W Wᵀ) W / 2`, which
//! squares what its singular values are off 1 by, for those below √3. Where n < m everything is transposed. Products are made in tiles of columns, so that
//! nothing depends on the number of threads.

use super::chain::TILE;
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;

/// Where the rows of |W Wᵀ − I| have sums no larger than this, one iteration is enough.
const NEAR: f32 = 0.25;
/// Where those of W Wᵀ are above this, iterations might not converge.
const FAR: f32 = 2.5;
/// Iterations at most, where W is far off.
const MOST: usize = 40;

/// Columns of `out` in tiles, each by `of`, which is given the first column, and the tile.
fn tiles(out: &mut [f32], rows: usize, of: impl Fn(usize, MatMut<'_, f32>) + Sync) {
    out.par_chunks_mut(rows * TILE).enumerate().for_each(|(tile, out)| {
        let columns = out.len() / rows;
        of(tile * TILE, MatMut::from_column_major_slice_mut(out, rows, columns));
    });
}

/// The smaller of `A Bᵀ` and `Aᵀ B`, of two matrices of one shape.
fn smaller_product(a: MatRef<'_, f32>, b: MatRef<'_, f32>) -> Vec<f32> {
    let side = a.nrows().min(a.ncols());
    let (left, right) = if a.nrows() <= a.ncols() { (a, b.transpose()) } else { (a.transpose(), b) };
    let mut out = vec![0.0; side * side];
    tiles(&mut out, side, |first, out| {
        let columns = out.ncols();
        matmul(out, Accum::Replace, left, right.subcols(first, columns), 1.0, Par::Seq);
    });
    out
}

/// Add `factor` times S W, or W S where S is of the other side, to `out`.
fn add_product(out: &mut [f32], square: &[f32], w: MatRef<'_, f32>, factor: f32) {
    let (m, n) = (w.nrows(), w.ncols());
    let s = MatRef::from_column_major_slice(square, m.min(n), m.min(n));
    tiles(out, m, |first, out| {
        let columns = out.ncols();
        let (left, right) = if m <= n { (s, w.subcols(first, columns)) } else { (w, s.subcols(first, columns)) };
        matmul(out, Accum::Add, left, right, factor, Par::Seq);
    });
}

/// Take from the slopes in W what would only move it away.
pub(super) fn along(w: MatRef<'_, f32>, slopes: &mut [f32]) {
    let (m, n) = (w.nrows(), w.ncols());
    let side = m.min(n);
    let mut s = smaller_product(MatRef::from_column_major_slice(slopes, m, n), w);
    for i in 0..side {
        for k in 0..i {
            let mean = 0.5 * (s[i * side + k] + s[k * side + i]);
            (s[i * side + k], s[k * side + i]) = (mean, mean);
        }
    }
    add_product(slopes, &s, w, -1.0);
}

/// Bring W back after a step.
pub(super) fn back(weights: &mut [f32], m: usize, n: usize) {
    let side = m.min(n);
    for _ in 0..MOST {
        let before = weights.to_vec();
        let w = MatRef::from_column_major_slice(&before, m, n);
        let gram = smaller_product(w, w);
        let sums = |unit: f32| {
            let sum = |(i, column): (usize, &[f32])| -> f32 {
                column.iter().enumerate().map(|(k, a)| (a - if i == k { unit } else { 0.0 }).abs()).sum()
            };
            gram.chunks(side).enumerate().map(sum).fold(0.0_f32, f32::max)
        };
        let (off, size) = (sums(1.0), sums(0.0));
        if !off.is_finite() {
            return;
        }
        if size > FAR {
            // No singular value is above the root of the largest sum.
            let scale = (FAR / size).sqrt() * (1.0 - 1e-3);
            weights.iter_mut().for_each(|w| *w *= scale);
            continue;
        }
        weights.iter_mut().for_each(|w| *w *= 1.5);
        add_product(weights, &gram, w, -0.5);
        if off <= NEAR {
            return;
        }
    }
}

/// The nearest matrix with orthonormal rows, or columns where these are fewer.
pub(super) fn nearest(w: &Mat<f64>) -> Mat<f64> {
    match w.thin_svd() {
        Ok(svd) => svd.U() * svd.V().transpose(),
        Err(_) => w.clone(),
    }
}
