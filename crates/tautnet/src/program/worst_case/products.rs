//! Products of matrices, blocks of their rows apart.

use faer::{
    Accum, Mat, MatMut, MatRef, Par,
    linalg::matmul::{
        matmul,
        triangular::{self, BlockStructure},
    },
};
use rayon::prelude::*;

/// Rows whose features are multiplied at once.
pub(super) const TOGETHER: usize = 512;

pub(super) fn column(values: &[f64]) -> MatRef<'_, f64> {
    MatRef::from_column_major_slice(values, values.len(), 1)
}

/// `A B`, blocks of rows apart.
pub(super) fn by_rows(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
    let mut out = Mat::<f64>::zeros(a.nrows(), b.ncols());
    out.as_mut().par_row_chunks_mut(TOGETHER).enumerate().for_each(|(block, out)| {
        let part = a.subrows(block * TOGETHER, out.nrows());
        matmul(out, Accum::Replace, part, b, 1.0, Par::Seq);
    });
    out
}

/// `AᵀB`, blocks of A's columns apart.
pub(super) fn by_columns(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
    let mut out = Mat::<f64>::zeros(a.ncols(), b.ncols());
    out.as_mut().par_row_chunks_mut(32).enumerate().for_each(|(block, out)| {
        let part = a.subcols(block * 32, out.nrows());
        matmul(out, Accum::Replace, part.transpose(), b, 1.0, Par::Seq);
    });
    out
}

/// `out += AᵀB`, lower triangle.
pub(super) fn add_lower(out: MatMut<'_, f64>, a: MatRef<'_, f64>, b: MatRef<'_, f64>) {
    let (lower, full) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
    triangular::matmul(out, lower, Accum::Add, a.transpose(), full, b, full, 1.0, Par::Seq);
}
