//! Products with the loss's Hessian `Φᵀdiag(χ)Φ` that never hold it; χ is the curvature of the loss at each point.

use crate::{
    program::{cholesky::symmetric_product, rows::Rows},
    rows::blocks,
};
use faer::{Accum, Mat, MatMut, MatRef, Par, linalg::matmul::matmul, prelude::*};
use rayon::prelude::*;
use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tautnet_cone::Stop;

/// Points in a block of a product: its sums of all units stay in the second-level cache.
const BLOCK: usize = 256;
/// Points in a block of sums of pairs.
const LONG: usize = 1024;
/// Fixed parts of the points, each of which one thread visits: the sums do not depend on the number of threads.
const PARTS: usize = 16;
/// Units in a group of sums of pairs.
const GROUP: usize = 64;

/// The points in single precision, and their weights.
pub(super) struct Products {
    rows: Arc<Rows>,
    x: Mat<f32>,
    /// χ.
    pub weight: Vec<f64>,
    /// How many products there were.
    count: AtomicUsize,
}

impl Products {
    pub fn new(rows: Arc<Rows>, weight: Vec<f64>) -> Self {
        let x = Mat::from_fn(rows.n(), rows.e(), |k, j| rows.x[(k, j)] as f32);
        Self { rows, x, weight, count: AtomicUsize::new(0) }
    }

    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// The points in fixed parts of whole blocks.
    fn parts(&self) -> Vec<Range<usize>> {
        let n = self.rows.n();
        blocks(n, n.div_ceil(PARTS).next_multiple_of(BLOCK)).collect()
    }

    /// `Φᵀdiag(χ)Φ z`, in single precision; z and the product are e × m. Of no use where it is time to stop.
    pub fn hessian(&self, z: MatRef<'_, f64>) -> Mat<f64> {
        self.count.fetch_add(1, Ordering::Relaxed);
        let (e, m, sign) = (self.rows.e(), self.rows.units(), &self.rows.sign);
        let signed = Mat::from_fn(e, m, |a, i| (sign[i] * z[(a, i)]) as f32);
        let stop = Stop::here();
        let sums: Vec<Mat<f64>> = self
            .parts()
            .into_par_iter()
            .map(|part| {
                let mut sum = Mat::<f64>::zeros(e, m);
                let mut h = Mat::<f32>::zeros(BLOCK.min(part.len()), m);
                let mut product = Mat::<f32>::zeros(e, m);
                let mut f = vec![0.0f32; h.nrows()];
                for range in blocks(part.len(), BLOCK) {
                    if stop.asked() {
                        break;
                    }
                    let range = part.start + range.start..part.start + range.end;
                    let x = self.x.as_ref().subrows(range.start, range.len());
                    let mut h = h.as_mut().subrows_mut(0, range.len());
                    matmul(h.rb_mut(), Accum::Replace, x, signed.as_ref(), 1.0, Par::Seq);
                    let f = &mut f[..range.len()];
                    f.fill(0.0);
                    for i in 0..m {
                        let on = &self.rows.active.unit(i)[range.clone()];
                        add_masked(f, column(h.rb_mut(), i), on);
                    }
                    let weight = &self.weight[range.clone()];
                    f.iter_mut().zip(weight).for_each(|(f, w)| *f *= *w as f32);
                    for i in 0..m {
                        let on = &self.rows.active.unit(i)[range.clone()];
                        mask(column(h.rb_mut(), i), f, on);
                    }
                    matmul(product.as_mut(), Accum::Replace, x.transpose(), h.rb(), 1.0, Par::Seq);
                    for (sum, product) in sum.col_iter_mut().zip(product.col_iter()) {
                        sum.iter_mut().zip(product.iter()).for_each(|(sum, product)| *sum += f64::from(*product));
                    }
                }
                sum
            })
            .collect();
        let mut total = Mat::<f64>::zeros(e, m);
        sums.iter().for_each(|sum| total += sum);
        Mat::from_fn(e, m, |a, i| sign[i] * total[(a, i)])
    }

    /// `s_i s_j (D_i X̄ r_i)ᵀ diag(χ) (D_j X̄ r_j)` of all pairs of units, lower triangle: how the outputs of units with weights `r`, e × m, meet.
    pub fn outputs(&self, r: MatRef<'_, f64>) -> Mat<f64> {
        let (n, m) = (self.rows.n(), self.rows.units());
        let (stop, mut total) = (Stop::here(), Mat::<f64>::zeros(m, m));
        let root: Vec<f64> = self.weight.iter().map(|w| w.sqrt()).collect();
        for range in blocks(n, LONG) {
            if stop.asked() {
                break;
            }
            let x = self.rows.x.as_ref().subrows(range.start, range.len());
            let mut h = Mat::<f64>::zeros(range.len(), m);
            h.as_mut().par_col_chunks_mut(GROUP).enumerate().for_each(|(group, mut part)| {
                let first = group * GROUP;
                let own = r.subcols(first, part.ncols());
                matmul(part.rb_mut(), Accum::Replace, x, own, 1.0, Par::Seq);
                for u in 0..part.ncols() {
                    let on = &self.rows.active.unit(first + u)[range.clone()];
                    let sign = self.rows.sign[first + u];
                    let h = part.rb_mut().col_mut(u).iter_mut();
                    for ((h, &on), root) in h.zip(on).zip(&root[range.clone()]) {
                        *h = if on { sign * root * *h } else { 0.0 };
                    }
                }
            });
            symmetric_product(total.as_mut(), h.as_ref());
        }
        total
    }

    /// `X̄ᵀ diag(χ) D_i X̄` of every unit, e × e each. Of no use where it is time to stop.
    pub fn grams(&self) -> Vec<Mat<f64>> {
        let (n, e, m) = (self.rows.n(), self.rows.e(), self.rows.units());
        let pairs = e * (e + 1) / 2;
        let stop = Stop::here();
        let mut sums = Mat::<f64>::zeros(pairs, m);
        let mut products = Mat::<f64>::zeros(n.min(LONG), pairs);
        for range in blocks(n, LONG) {
            if stop.asked() {
                break;
            }
            let x = self.rows.x.as_ref().subrows(range.start, range.len());
            let pair: Vec<(usize, usize)> = (0..e).flat_map(|a| (a..e).map(move |b| (a, b))).collect();
            products.as_mut().par_col_chunks_mut(GROUP).enumerate().for_each(|(group, mut part)| {
                for p in 0..part.ncols() {
                    let (a, b) = pair[group * GROUP + p];
                    let out = part.rb_mut().col_mut(p).subrows_mut(0, range.len());
                    for (((out, a), b), w) in
                        out.iter_mut().zip(x.col(a).iter()).zip(x.col(b).iter()).zip(&self.weight[range.clone()])
                    {
                        *out = a * b * w;
                    }
                }
            });
            let products = products.as_ref().subrows(0, range.len()).transpose();
            sums.as_mut().par_col_chunks_mut(GROUP).enumerate().for_each(|(group, part)| {
                let on = |u: usize| &self.rows.active.unit(group * GROUP + u)[range.clone()];
                let ons: Vec<&[bool]> = (0..part.ncols()).map(on).collect();
                let mask = Mat::from_fn(range.len(), part.ncols(), |k, u| f64::from(u8::from(ons[u][k])));
                matmul(part, Accum::Add, products, mask.as_ref(), 1.0, Par::Seq);
            });
        }
        let of = |i: usize| {
            let mut gram = Mat::<f64>::zeros(e, e);
            let mut p = 0;
            for a in 0..e {
                for b in a..e {
                    (gram[(a, b)], gram[(b, a)]) = (sums[(p, i)], sums[(p, i)]);
                    p += 1;
                }
            }
            gram
        };
        (0..m).into_par_iter().map(of).collect()
    }
}

fn column<'a>(h: MatMut<'a, f32>, i: usize) -> &'a mut [f32] {
    h.col_mut(i).try_as_col_major_mut().expect("columns are contiguous").as_slice_mut()
}

/// `f += h` where the unit is on.
fn add_masked(f: &mut [f32], h: &[f32], on: &[bool]) {
    for ((f, &h), &on) in f.iter_mut().zip(h).zip(on) {
        *f += if on { h } else { 0.0 };
    }
}

/// `h = f` where the unit is on, 0 elsewhere.
fn mask(h: &mut [f32], f: &[f32], on: &[bool]) {
    for ((h, &f), &on) in h.iter_mut().zip(f).zip(on) {
        *h = if on { f } else { 0.0 };
    }
}
