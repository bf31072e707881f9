//! The rows of the data, visited in blocks: nothing of size n × N is ever stored.
//!
//! With `X̄` the inputs and a column of ones (e = d + 1 columns) and unit `i` on where `D_ik = 1`, σ = 2D − 1:
//!
//! ```text
//! cones     (B z)_ik = σ_ik x̄_k·z̄_i                      n·m rows, unit by unit
//! output    (Φ z)_k  = Σ_i s_i D_ik x̄_k·z̄_i
//! ```
//!
//! Work is cut into fixed groups of units or the blocks of [`crate::rows`], so results do not depend on the number of threads.

use crate::patterns::Patterns;
use crate::rows::{self, BLOCK, Pass, blocks};
use faer::{
    Accum, Mat, MatMut, MatRef, Par,
    linalg::matmul::{
        matmul,
        triangular::{self, BlockStructure},
    },
    prelude::*,
};
use rayon::prelude::*;
use tautnet_cone::Stop;

/// Units in a group.
const GROUP: usize = 16;

/// The data part of a training program, in conditioned coordinates.
pub(crate) struct Rows {
    /// `X̄`, n × e.
    pub x: Mat<f64>,
    /// Patterns of the units.
    pub active: Patterns,
    /// `s_i`.
    pub sign: Vec<f64>,
    /// `ς_ki` in the place of `s_i`, n × m, where the rows are margins of several outputs. Only a worst case has it.
    pub margins: Option<Mat<f64>>,
}

impl Rows {
    pub fn n(&self) -> usize {
        self.x.nrows()
    }

    /// e = d + 1.
    pub fn e(&self) -> usize {
        self.x.ncols()
    }

    pub fn units(&self) -> usize {
        self.sign.len()
    }

    /// What a unit has in the output of a row: `s_i`, or `ς_ki`.
    pub fn coefficient(&self, k: usize, i: usize) -> f64 {
        self.margins.as_ref().map_or(self.sign[i], |margins| margins[(k, i)])
    }

    /// Some of the rows.
    pub fn select(&self, chosen: &[usize]) -> Self {
        Self {
            x: Mat::from_fn(chosen.len(), self.e(), |k, j| self.x[(chosen[k], j)]),
            active: self.active.select(chosen),
            sign: self.sign.clone(),
            margins: self
                .margins
                .as_ref()
                .map(|margins| Mat::from_fn(chosen.len(), self.units(), |k, i| margins[(chosen[k], i)])),
        }
    }

    /// What a pass comes to on all rows, or `None` where it is time to stop.
    pub fn sweep<P: Pass>(&self, pass: &P) -> Option<P::Sum> {
        rows::Rows::inputs(self.x.as_ref()).sweep_until(pass, &Stop::here())
    }

    fn block(&self, range: &std::ops::Range<usize>) -> MatRef<'_, f64> {
        self.x.as_ref().subrows(range.start, range.len())
    }

    /// `out = B z`, with `z` m consecutive `z̄_i` given as an e × m matrix.
    pub fn cones(&self, z: MatRef<'_, f64>, out: &mut [f64]) {
        let n = self.n();
        out.par_chunks_mut(GROUP * n).enumerate().for_each(|(group, out)| {
            let units = out.len() / n;
            let z = z.subcols(group * GROUP, units);
            for range in blocks(n, BLOCK) {
                let part = MatMut::from_column_major_slice_mut(out, n, units).subrows_mut(range.start, range.len());
                matmul(part, Accum::Replace, self.block(&range), z, 1.0, Par::Seq);
            }
            for (u, column) in out.chunks_mut(n).enumerate() {
                for (value, &on) in column.iter_mut().zip(self.active.unit(group * GROUP + u)) {
                    *value = if on { *value } else { -*value };
                }
            }
        });
    }

    /// `Σ_k σ_ik v_ik x̄_k` for every unit: `Bᵀ v` as an e × m matrix.
    pub fn cones_adjoint(&self, v: &[f64]) -> Mat<f64> {
        let n = self.n();
        self.gather(|i, range, out| {
            let (v, on) = (&v[i * n..][range.clone()], &self.active.unit(i)[range]);
            out.iter_mut().zip(v.iter().zip(on)).for_each(|(out, (&v, &on))| *out = if on { v } else { -v });
        })
    }

    /// `Φᵀ v` as an e × m matrix.
    pub fn output_adjoint(&self, v: &[f64]) -> Mat<f64> {
        self.gather(|i, range, out| {
            let (v, on) = (&v[range.clone()], &self.active.unit(i)[range.clone()]);
            for ((k, out), (&v, &on)) in range.zip(out).zip(v.iter().zip(on)) {
                *out = if on { self.coefficient(k, i) * v } else { 0.0 };
            }
        })
    }

    /// `Σ_k value_ik x̄_k` for every unit, e × m; `write` writes the values of a unit in a range of rows.
    fn gather(&self, write: impl Fn(usize, std::ops::Range<usize>, &mut [f64]) + Sync) -> Mat<f64> {
        let (n, e, m) = (self.n(), self.e(), self.units());
        let mut out = vec![0.0; e * m];
        out.par_chunks_mut(GROUP * e).enumerate().for_each(|(group, out)| {
            let units = out.len() / e;
            let mut part = Mat::zeros(n.min(BLOCK), units);
            for range in blocks(n, BLOCK) {
                for u in 0..units {
                    let column = part.col_mut(u).try_as_col_major_mut().expect("columns are contiguous").as_slice_mut();
                    write(group * GROUP + u, range.clone(), &mut column[..range.len()]);
                }
                let out = MatMut::from_column_major_slice_mut(out, e, units);
                let part = part.as_ref().subrows(0, range.len());
                matmul(out, Accum::Add, self.block(&range).transpose(), part, 1.0, Par::Seq);
            }
        });
        Mat::from_fn(e, m, |j, i| out[i * e + j])
    }

    /// `out = Φ z`.
    pub fn output(&self, z: MatRef<'_, f64>, out: &mut [f64]) {
        out.par_chunks_mut(BLOCK).enumerate().for_each(|(b, out)| {
            let range = b * BLOCK..b * BLOCK + out.len();
            let mut pre = Mat::zeros(out.len(), self.units());
            matmul(pre.as_mut(), Accum::Replace, self.block(&range), z, 1.0, Par::Seq);
            out.fill(0.0);
            for i in 0..self.units() {
                let on = &self.active.unit(i)[range.clone()];
                for ((k, f), (&h, &on)) in range.clone().zip(&mut *out).zip(pre.col(i).iter().zip(on)) {
                    *f += if on { self.coefficient(k, i) * h } else { 0.0 };
                }
            }
        });
    }

    /// `X̄ᵀ diag(h_i) X̄` for every unit: lower triangles column by column, e(e+1)/2 × m.
    ///
    /// All units share the products `x̄_ka x̄_kb`, so this is one matrix product of a block of them with `h`. Where it is
    /// time to stop, what comes out is of no use.
    pub fn weighted_grams(&self, h: &[f64]) -> Mat<f64> {
        let (n, e, m) = (self.n(), self.e(), self.units());
        let pairs = e * (e + 1) / 2;
        let stop = Stop::here();
        let mut out = vec![0.0; pairs * m];
        out.par_chunks_mut(GROUP * pairs).enumerate().for_each(|(group, out)| {
            let units = out.len() / pairs;
            let mut products = Mat::zeros(n.min(BLOCK), pairs);
            for range in blocks(n, BLOCK) {
                if stop.asked() {
                    return;
                }
                let mut p = 0;
                for a in 0..e {
                    for b in a..e {
                        for (r, k) in range.clone().enumerate() {
                            products[(r, p)] = self.x[(k, a)] * self.x[(k, b)];
                        }
                        p += 1;
                    }
                }
                let h = MatRef::from_column_major_slice(&h[group * GROUP * n..][..units * n], n, units);
                let out = MatMut::from_column_major_slice_mut(out, pairs, units);
                let products = products.as_ref().subrows(0, range.len()).transpose();
                matmul(out, Accum::Add, products, h.subrows(range.start, range.len()), 1.0, Par::Seq);
            }
        });
        Mat::from_fn(pairs, m, |p, i| out[i * pairs + p])
    }

    /// Columns of `diag(root) Φ` for the units of `range`, rows of `rows`: rows × (e · units). `root` is of all rows.
    pub fn features(&self, rows: std::ops::Range<usize>, units: std::ops::Range<usize>, root: &[f64]) -> Mat<f64> {
        let e = self.e();
        let mut phi = Mat::zeros(rows.len(), e * units.len());
        let root = &root[rows.clone()];
        for (u, i) in units.enumerate() {
            let (on, sign) = (&self.active.unit(i)[rows.clone()], self.sign[i]);
            for a in 0..e {
                let x = self.x.col(a).subrows(rows.start, rows.len());
                let column = phi.col_mut(u * e + a);
                for (((out, &x), &root), &on) in column.iter_mut().zip(x.iter()).zip(root).zip(on) {
                    *out = if on { sign * root * x } else { 0.0 };
                }
            }
        }
        phi
    }

    /// `Φ'ᵀ diag(root²) Φ'` with `Φ' = [Φ, X, 1]` (X the inputs of a linear part, where there is one; the ones for an output bias): lower
    /// triangle, of order e·m + d + 1 or e·m + 1. Where it is time to stop, what comes out is of no use.
    pub fn loss_hessian(&self, root: &[f64], linear: Option<MatRef<'_, f64>>) -> Mat<f64> {
        let (n, own) = (self.n(), self.e() * self.units());
        let size = own + linear.map_or(0, |linear| linear.ncols()) + 1;
        // A few fixed parts: enough for two threads, little enough memory.
        let parts = if n >= 16 * BLOCK && size <= 1500 { 4 } else { 1 };
        let each = n.div_ceil(parts).next_multiple_of(BLOCK);
        let stop = Stop::here();
        let sums: Vec<Mat<f64>> = (0..parts)
            .into_par_iter()
            .map(|part| {
                let mut sum = Mat::zeros(size, size);
                for range in blocks(n, BLOCK).filter(|r| r.start / each == part) {
                    if stop.asked() {
                        break;
                    }
                    let features = self.features(range.clone(), 0..self.units(), root);
                    let phi = Mat::from_fn(range.len(), size, |r, j| match linear {
                        _ if j < own => features[(r, j)],
                        Some(linear) if j + 1 < size => root[range.start + r] * linear[(range.start + r, j - own)],
                        _ => root[range.start + r],
                    });
                    add_gram(sum.as_mut(), phi.as_ref(), &stop);
                }
                sum
            })
            .collect();
        let mut sums = sums.into_iter();
        let mut total = sums.next().expect("at least one part");
        sums.for_each(|sum| total += sum);
        total
    }
}

/// Columns that are multiplied at once, so that the product of many can be stopped.
const TOGETHER: usize = 4096;

/// `out += ΦᵀΦ`, lower triangle.
fn add_gram(mut out: MatMut<'_, f64>, phi: MatRef<'_, f64>, stop: &Stop) {
    let size = phi.ncols();
    for start in (0..size).step_by(TOGETHER) {
        if stop.asked() {
            return;
        }
        let width = TOGETHER.min(size - start);
        let own = phi.subcols(start, width);
        let mut part = out.rb_mut().submatrix_mut(start, start, size - start, width);
        let (lower, full) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
        let corner = part.rb_mut().subrows_mut(0, width);
        triangular::matmul(corner, lower, Accum::Add, own.transpose(), full, own, full, 1.0, Par::Seq);
        if width < size - start {
            let below = phi.subcols(start + width, size - start - width);
            matmul(part.subrows_mut(width, size - start - width), Accum::Add, below.transpose(), own, 1.0, Par::Seq);
        }
    }
}
