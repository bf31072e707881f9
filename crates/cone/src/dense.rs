//! Explicit matrices and the naive normal equations: slow, simple, and the judge of every structured implementation.

use crate::{
    cone::{Cone, Scaling, ranges},
    program::{Linear, NormalEquations, NotPositiveDefinite, Quadratic},
};
use faer::{Mat, Side, prelude::*};

/// A program given by explicit matrices.
#[derive(Debug, Clone)]
pub struct Dense {
    /// The matrix `P`, N × N, symmetric and positive semidefinite.
    pub p: Mat<f64>,
    /// The N entries of `q`.
    pub q: Vec<f64>,
    /// The matrix `A`, M × N.
    pub a: Mat<f64>,
    /// The M entries of `b`.
    pub b: Vec<f64>,
    /// The constant `o` of the objective.
    pub offset: f64,
    /// The cones whose product is `K`.
    pub cones: Vec<Cone>,
}

impl Dense {
    /// Write out any quadratic program by applying its operators to unit vectors.
    pub fn of(program: &impl Quadratic) -> Self {
        let (n, rows) = (program.linear().len(), program.constant().len());
        let (mut p, mut a) = (Mat::zeros(n, n), Mat::zeros(rows, n));
        let (mut unit, mut column, mut long) = (vec![0.0; n], vec![0.0; n], vec![0.0; rows]);
        for j in 0..n {
            unit[j] = 1.0;
            program.quadratic(&unit, &mut column);
            program.apply(&unit, &mut long);
            (0..n).for_each(|i| p[(i, j)] = column[i]);
            (0..rows).for_each(|i| a[(i, j)] = long[i]);
            unit[j] = 0.0;
        }
        Self {
            p,
            q: program.linear().to_vec(),
            a,
            b: program.constant().to_vec(),
            offset: program.offset(),
            cones: program.cones().to_vec(),
        }
    }

    /// `P + AᵀH A`, one column of `A` at a time.
    pub fn normal_matrix(&self, scaling: &[Scaling]) -> Mat<f64> {
        let (rows, n) = (self.a.nrows(), self.a.ncols());
        let mut ha = Mat::zeros(rows, n);
        let (mut column, mut out) = (vec![0.0; rows], vec![0.0; rows]);
        for j in 0..n {
            (0..rows).for_each(|i| column[i] = self.a[(i, j)]);
            for (c, range) in ranges(&self.cones) {
                scaling[c].apply(&column[range.clone()], &mut out[range]);
            }
            (0..rows).for_each(|i| ha[(i, j)] = out[i]);
        }
        &self.p + self.a.transpose() * ha
    }
}

impl Linear for Dense {
    fn cones(&self) -> &[Cone] {
        &self.cones
    }
    fn linear(&self) -> &[f64] {
        &self.q
    }
    fn constant(&self) -> &[f64] {
        &self.b
    }
    fn offset(&self) -> f64 {
        self.offset
    }
    fn apply(&self, x: &[f64], out: &mut [f64]) {
        times(self.a.as_ref(), x, out);
    }
    fn adjoint(&self, z: &[f64], out: &mut [f64]) {
        times(self.a.transpose(), z, out);
    }
}

impl Quadratic for Dense {
    fn quadratic(&self, x: &[f64], out: &mut [f64]) {
        times(self.p.as_ref(), x, out);
    }
}

fn times(matrix: MatRef<'_, f64>, x: &[f64], out: &mut [f64]) {
    out.fill(0.0);
    for j in 0..matrix.ncols() {
        for i in 0..matrix.nrows() {
            out[i] += matrix[(i, j)] * x[j];
        }
    }
}

/// The normal equations of a [`Dense`] program, by a Cholesky factorization of the matrix written out.
pub struct DenseNormal<'a> {
    program: &'a Dense,
    factor: Option<faer::linalg::solvers::Llt<f64>>,
}

impl<'a> DenseNormal<'a> {
    /// Normal equations of a program, for which nothing has been factored yet.
    pub fn new(program: &'a Dense) -> Self {
        Self { program, factor: None }
    }
}

impl NormalEquations for DenseNormal<'_> {
    fn factor(&mut self, _at: &[f64], scaling: &[Scaling], regularization: f64) -> Result<(), NotPositiveDefinite> {
        let mut matrix = self.program.normal_matrix(scaling);
        let largest = (0..matrix.nrows()).fold(0.0f64, |m, j| m.max(matrix[(j, j)]));
        for j in 0..matrix.nrows() {
            matrix[(j, j)] += regularization * (matrix[(j, j)] + largest * 1e-3) + f64::MIN_POSITIVE;
        }
        self.factor = Some(matrix.llt(Side::Lower).map_err(|_| NotPositiveDefinite)?);
        Ok(())
    }

    fn solve(&self, r: &mut [f64]) {
        let factor = self.factor.as_ref().expect("factor comes before solve");
        factor.solve_in_place(MatMut::from_column_major_slice_mut(r, self.program.q.len(), 1));
    }
}
