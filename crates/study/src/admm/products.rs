//! Products of matrices, and Cholesky factors, with the same bytes on any number of threads.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt;
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::linalg::matmul::matmul;
use faer::{Accum, Col, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;
use tautnet::{Error, error::Result};

/// Columns that one thread multiplies at a time.
const COLUMNS: usize = 32;
/// Multiplications from which a second thread is worth it.
const WORTH_A_THREAD: usize = 1 << 20;

/// A B, with the columns of B one after another, and so the result's.
pub(super) fn product(a: MatRef<'_, f64>, b: &[f64]) -> Vec<f64> {
    product_by(COLUMNS, a, MatRef::from_column_major_slice(b, a.ncols(), b.len() / a.ncols()))
}

/// The same for any matrix B, with so many columns at a time.
pub(crate) fn product_by(columns: usize, a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Vec<f64> {
    let rows = a.nrows();
    let mut out = vec![0.0; rows * b.ncols()];
    let work = |(part, out): (usize, &mut [f64])| {
        let width = out.len() / rows;
        let b = b.subcols(part * columns, width);
        matmul(MatMut::from_column_major_slice_mut(out, rows, width), Accum::Replace, a, b, 1.0, Par::Seq);
    };
    if rows * b.nrows() * b.ncols() < WORTH_A_THREAD {
        out.chunks_mut(columns * rows).enumerate().for_each(work);
    } else {
        out.par_chunks_mut(columns * rows).enumerate().for_each(work);
    }
    out
}

/// The Cholesky factor of a symmetric positive definite matrix.
pub(super) struct Factor(Mat<f64>);

impl Factor {
    /// From the lower triangle; none where the matrix is not positive definite in floating point.
    pub fn of(mut matrix: Mat<f64>) -> Option<Self> {
        let n = matrix.nrows();
        let mut memory = MemBuffer::new(llt::factor::cholesky_in_place_scratch::<f64>(n, Par::Seq, Default::default()));
        let stack = MemStack::new(&mut memory);
        llt::factor::cholesky_in_place(matrix.as_mut(), Default::default(), Par::Seq, stack, Default::default())
            .ok()?;
        Some(Self(matrix))
    }

    /// The solutions for right sides that stand one after another.
    pub fn solve(&self, sides: &mut [f64]) {
        let n = self.0.nrows();
        let columns = sides.len() / n;
        let mut memory = MemBuffer::new(llt::solve::solve_in_place_scratch::<f64>(n, columns, Par::Seq));
        let sides = MatMut::from_column_major_slice_mut(sides, n, columns);
        llt::solve::solve_in_place(self.0.as_ref(), sides, Par::Seq, MemStack::new(&mut memory));
    }
}

/// The eigenvalues of AᵀA, none below 0, and the eigenvectors as columns.
pub(crate) fn gram_eigenvectors(a: MatRef<'_, f64>) -> Result<(Vec<f64>, Mat<f64>)> {
    let n = a.ncols();
    let gram = product_by(COLUMNS, a.transpose(), a);
    let (mut values, mut vectors) = (Col::<f64>::zeros(n), Mat::<f64>::zeros(n, n));
    let scratch = self_adjoint_evd_scratch::<f64>(n, ComputeEigenvectors::Yes, Par::Seq, Default::default());
    let mut memory = MemBuffer::new(scratch);
    let gram = MatRef::from_column_major_slice(&gram, n, n);
    let stack = MemStack::new(&mut memory);
    let space = Some(vectors.as_mut());
    self_adjoint_evd(gram, values.as_diagonal_mut(), space, Par::Seq, stack, Default::default()).map_err(|_| {
        Error::new(
            "the eigenvalues of the rows' products were not found",
            "look for numbers of very different size in the inputs",
        )
    })?;
    Ok(((0..n).map(|i| values[i].max(0.0)).collect(), vectors))
}

/// Σ a b.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// ‖a‖₂.
pub(crate) fn length(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}
