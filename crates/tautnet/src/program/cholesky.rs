//! Dense symmetric algebra in blocks that the pool of threads shares out.
//!
//! The library's own parallel kernels wait for each other in barriers that spin: on a machine with other work, a late
//! thread then costs more than it brings. Here every block is one sequential kernel, and results do not depend on the
//! number of threads.

use faer::{
    Accum, Mat, MatMut, MatRef, Par,
    dyn_stack::{MemBuffer, MemStack},
    linalg::{
        cholesky::llt::factor::{cholesky_in_place, cholesky_in_place_scratch},
        matmul::{
            matmul,
            triangular::{self, BlockStructure},
        },
        triangular_solve::{solve_lower_triangular_in_place, solve_upper_triangular_in_place},
    },
    prelude::*,
};
use rayon::prelude::*;
use tautnet_cone::{NotPositiveDefinite, Stop};

/// Columns of a block.
const BLOCK: usize = 96;

/// `A = L Lᵀ`.
pub(crate) struct Cholesky {
    l: Mat<f64>,
}

impl Cholesky {
    /// Factor a matrix given by its lower triangle; an error too where it is time to stop.
    pub fn new(mut a: Mat<f64>) -> Result<Self, NotPositiveDefinite> {
        let n = a.nrows();
        let stop = if n > BLOCK { Stop::here() } else { Stop::default() };
        for start in (0..n).step_by(BLOCK) {
            if stop.asked() {
                return Err(NotPositiveDefinite);
            }
            let width = BLOCK.min(n - start);
            let (mut panel, mut rest) =
                a.as_mut().submatrix_mut(start, start, n - start, n - start).split_at_col_mut(width);
            let (mut corner, mut below) = panel.rb_mut().split_at_row_mut(width);
            let mut memory = MemBuffer::new(cholesky_in_place_scratch::<f64>(width, Par::Seq, Default::default()));
            let stack = MemStack::new(&mut memory);
            cholesky_in_place(corner.rb_mut(), Default::default(), Par::Seq, stack, Default::default())
                .map_err(|_| NotPositiveDefinite)?;
            let corner = corner.rb();
            below.rb_mut().par_row_chunks_mut(BLOCK).for_each(|rows| {
                if stop.asked() {
                    return;
                }
                solve_lower_triangular_in_place(corner, rows.transpose_mut(), Par::Seq);
            });
            let below = below.rb();
            let left = rest.rb_mut().subrows_mut(width, n - start - width);
            by_columns(left, below.transpose(), -1.0, &stop);
        }
        Ok(Self { l: a })
    }

    /// `L`; what stands above the diagonal is not part of it.
    pub fn l(&self) -> MatRef<'_, f64> {
        self.l.as_ref()
    }

    /// Overwrite the columns with `A⁻¹` of them.
    pub fn solve_in_place(&self, mut columns: MatMut<'_, f64>) {
        solve_lower_triangular_in_place(self.l(), columns.rb_mut(), Par::Seq);
        solve_upper_triangular_in_place(self.l().transpose(), columns, Par::Seq);
    }

    /// Overwrite many columns with `L⁻¹` of them; where it is time to stop, only some of them.
    pub fn half_solve_in_place(&self, columns: MatMut<'_, f64>) {
        let stop = Stop::here();
        let each = |part: MatMut<'_, f64>| {
            if !stop.asked() {
                solve_lower_triangular_in_place(self.l(), part, Par::Seq);
            }
        };
        columns.par_col_chunks_mut(BLOCK).for_each(each);
    }

    /// `L Lᵀ w`.
    pub fn times(&self, w: MatRef<'_, f64>) -> Mat<f64> {
        let (lower, full) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
        let upper = BlockStructure::TriangularUpper;
        let (mut half, mut out) = (Mat::zeros(w.nrows(), w.ncols()), Mat::zeros(w.nrows(), w.ncols()));
        let l = self.l();
        triangular::matmul(half.as_mut(), full, Accum::Replace, l.transpose(), upper, w, full, 1.0, Par::Seq);
        triangular::matmul(out.as_mut(), full, Accum::Replace, l, lower, half.as_ref(), full, 1.0, Par::Seq);
        out
    }
}

/// `out += AᵀA`, lower triangle; where it is time to stop, only a part of it.
pub(crate) fn symmetric_product(out: MatMut<'_, f64>, a: MatRef<'_, f64>) {
    by_columns(out, a, 1.0, &Stop::here());
}

/// `out += factor AᵀA`, lower triangle, block columns apart.
fn by_columns(out: MatMut<'_, f64>, a: MatRef<'_, f64>, factor: f64, stop: &Stop) {
    let n = out.nrows();
    out.par_col_chunks_mut(BLOCK).enumerate().for_each(|(block, part)| {
        if stop.asked() {
            return;
        }
        let start = block * BLOCK;
        let width = part.ncols();
        let (mut corner, below) = part.subrows_mut(start, n - start).split_at_row_mut(width);
        let own = a.subcols(start, width);
        let (lower, full) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
        triangular::matmul(corner.rb_mut(), lower, Accum::Add, own.transpose(), full, own, full, factor, Par::Seq);
        let under = a.subcols(start + width, n - start - width);
        matmul(below, Accum::Add, under.transpose(), own, factor, Par::Seq);
    });
}
