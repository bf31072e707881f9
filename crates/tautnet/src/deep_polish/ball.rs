//! The set of weights and sizes (W, s) with ‖Aᵀ W B‖ ≤ s, as a barrier: a convex function that goes to infinity towards its edge.
//!
//! ```text
//! norm 2      −log det(s² I − G Gᵀ) + (k − 1) log s,        G = Aᵀ W B with k rows and at least as many columns (else its transpose)
//! norm ∞      −Σ_i log( s − Σ_k |w_ik| )                    the sizes rounded off, √(w² + ε²)
//! norm 1      the same with the columns
//! ```
//!
//! The first is −log det(s I − G Gᵀ/s) − log s. At a minimum of `objective + μ · barrier` the objective is within μ times [`Ball::parameter`] of its least value.

use crate::certify::LayerNorm;
use crate::{Norm, dense};
use faer::Mat;

/// Which norm.
#[derive(Debug, Clone)]
pub(super) struct Ball {
    norm: Norm,
    weighted: LayerNorm,
}

/// The barrier at a point.
pub(super) struct Barrier {
    /// Its value.
    pub value: f64,
    /// Its slopes in W.
    pub slopes: Mat<f64>,
    /// Its slope in s.
    pub of_size: f64,
    kind: Kind,
}

enum Kind {
    /// G as it is used (whether it is the transpose), Z = (s² I − G Gᵀ)⁻¹ and s.
    Spectral { g: Mat<f64>, flipped: bool, z: Mat<f64>, size: f64 },
    /// What is left of s in each row, or each column; the slopes and the curvatures of the rounded sizes.
    Sums { rest: Vec<f64>, by_rows: bool, slope: Mat<f64>, curve: Mat<f64> },
}

fn transposed(a: &Mat<f64>) -> Mat<f64> {
    a.transpose().to_owned()
}

/// `Σ a b` over all entries.
pub(super) fn inner(a: &Mat<f64>, b: &Mat<f64>) -> f64 {
    (0..a.ncols()).map(|k| a.col_as_slice(k).iter().zip(b.col_as_slice(k)).map(|(a, b)| a * b).sum::<f64>()).sum()
}

impl Ball {
    /// The norm of the weights from p to p.
    pub fn plain(norm: Norm) -> Self {
        Self { norm, weighted: LayerNorm { left: None, right: None, unit: 1.0 } }
    }

    /// The weighted norm 2; its unit is not counted.
    pub fn weighted(weighted: LayerNorm) -> Self {
        Self { norm: Norm::Two, weighted }
    }

    /// G, which for norms other than 2 is W.
    fn inside(&self, w: &Mat<f64>) -> Mat<f64> {
        let left = self.weighted.left.as_ref().map(|a| dense::multiply(a.transpose(), w.as_ref()));
        let left = left.as_ref().unwrap_or(w);
        match &self.weighted.right {
            Some(b) => dense::multiply(left.as_ref(), b.as_ref()),
            None => left.to_owned(),
        }
    }

    /// From slopes in G to those in W.
    fn outside(&self, g: Mat<f64>) -> Mat<f64> {
        let left = self.weighted.left.as_ref().map(|a| dense::multiply(a.as_ref(), g.as_ref()));
        let left = left.unwrap_or(g);
        match &self.weighted.right {
            Some(b) => dense::multiply(left.as_ref(), b.transpose()),
            None => left,
        }
    }

    /// The norm; not a number where it is time to stop.
    pub fn size(&self, w: &Mat<f64>) -> f64 {
        match self.norm {
            Norm::Two => {
                let g = self.inside(w);
                let gram =
                    if g.nrows() <= g.ncols() { dense::gram_of_rows(g.as_ref()) } else { dense::gram(g.as_ref()) };
                dense::largest_eigenvalue(&gram).map_or(f64::NAN, |square| square.max(0.0).sqrt())
            }
            norm => sums(w, norm == Norm::Infinity, f64::abs).into_iter().fold(0.0, f64::max),
        }
    }

    /// How far from the least objective a centered point is, for each unit of the weight of the barrier.
    pub fn parameter(&self, w: &Mat<f64>) -> f64 {
        match self.norm {
            Norm::Two => w.nrows().min(w.ncols()) as f64 + 1.0,
            Norm::Infinity => w.nrows() as f64,
            Norm::One => w.ncols() as f64,
        }
    }

    /// The barrier at a point; `None` outside of the set, and where it is time to stop. Sizes are rounded off by `corner`.
    pub fn at(&self, w: &Mat<f64>, size: f64, corner: f64) -> Option<Barrier> {
        if !(size > 0.0 && size.is_finite()) {
            return None;
        }
        if self.norm != Norm::Two {
            let by_rows = self.norm == Norm::Infinity;
            let rounded = |w: f64| w.hypot(corner);
            let sums = sums(w, by_rows, rounded);
            let rest: Vec<f64> = sums.iter().map(|sum| size - sum).collect();
            if !rest.iter().all(|rest| *rest > 0.0) {
                return None;
            }
            let slope = Mat::from_fn(w.nrows(), w.ncols(), |i, k| w[(i, k)] / rounded(w[(i, k)]));
            let curve = Mat::from_fn(w.nrows(), w.ncols(), |i, k| corner * corner / rounded(w[(i, k)]).powi(3));
            let of = |i: usize, k: usize| if by_rows { i } else { k };
            return Some(Barrier {
                value: -rest.iter().map(|rest| rest.ln()).sum::<f64>(),
                slopes: Mat::from_fn(w.nrows(), w.ncols(), |i, k| slope[(i, k)] / rest[of(i, k)]),
                of_size: -rest.iter().map(|rest| 1.0 / rest).sum::<f64>(),
                kind: Kind::Sums { rest, by_rows, slope, curve },
            });
        }
        let mut g = self.inside(w);
        let flipped = g.nrows() > g.ncols();
        if flipped {
            g = transposed(&g);
        }
        let k = g.nrows();
        let gram = dense::gram_of_rows(g.as_ref());
        let mut factor =
            Mat::from_fn(k, k, |i, j| if i == j { size * size - gram[(i, i)] } else { -gram[(i.max(j), i.min(j))] });
        if !dense::cholesky(&mut factor) {
            return None;
        }
        let logarithms: f64 = 2.0 * (0..k).map(|i| factor[(i, i)].ln()).sum::<f64>();
        let mut z = Mat::identity(k, k);
        dense::solve_lower(factor.as_ref(), z.as_mut());
        dense::solve_lower_transposed(factor.as_ref(), z.as_mut());
        let trace: f64 = (0..k).map(|i| z[(i, i)]).sum();
        let mut slopes = dense::multiply(z.as_ref(), g.as_ref());
        slopes *= faer::Scale(2.0);
        let slopes = self.outside(if flipped { transposed(&slopes) } else { slopes });
        let rest = k as f64 - 1.0;
        let value = -logarithms + rest * size.ln();
        value.is_finite().then(|| Barrier {
            value,
            slopes,
            of_size: -2.0 * size * trace + rest / size,
            kind: Kind::Spectral { g, flipped, z, size },
        })
    }

    /// What the matrix of second derivatives makes of a change of W and s.
    pub fn product(&self, at: &Barrier, change: &Mat<f64>, of_size: f64) -> (Mat<f64>, f64) {
        match &at.kind {
            Kind::Sums { rest, by_rows, slope, curve } => {
                let of = |i: usize, k: usize| if *by_rows { i } else { k };
                let mut along = vec![-of_size; rest.len()];
                for k in 0..change.ncols() {
                    for i in 0..change.nrows() {
                        along[of(i, k)] += slope[(i, k)] * change[(i, k)];
                    }
                }
                let out = Mat::from_fn(change.nrows(), change.ncols(), |i, k| {
                    let rest = rest[of(i, k)];
                    curve[(i, k)] * change[(i, k)] / rest + slope[(i, k)] * along[of(i, k)] / (rest * rest)
                });
                let size = -along.iter().zip(rest).map(|(along, rest)| along / (rest * rest)).sum::<f64>();
                (out, size)
            }
            Kind::Spectral { g, flipped, z, size } => {
                let mut d = self.inside(change);
                if *flipped {
                    d = transposed(&d);
                }
                let zd = dense::multiply(z.as_ref(), d.as_ref());
                let zg = dense::multiply(z.as_ref(), g.as_ref());
                // Z (D Gᵀ + G Dᵀ − 2 s ds I) Z G, and what it does to the slope in s.
                let mut middle = dense::multiply(zd.as_ref(), g.transpose());
                middle += dense::multiply(zg.as_ref(), d.transpose());
                for i in 0..middle.nrows() {
                    for j in 0..middle.ncols() {
                        middle[(i, j)] -= 2.0 * size * of_size * z[(i, j)];
                    }
                }
                let mut out = zd;
                out += dense::multiply(middle.as_ref(), zg.as_ref());
                out *= faer::Scale(2.0);
                // The trace of Z changes by that of `middle` Z, and middle is Z (…) already.
                let k = z.nrows();
                let trace: f64 = (0..k).map(|i| z[(i, i)]).sum();
                let change_of_trace = inner(&transposed(&middle), z);
                let in_size =
                    -2.0 * of_size * trace - 2.0 * size * change_of_trace - (k as f64 - 1.0) * of_size / (size * size);
                (self.outside(if *flipped { transposed(&out) } else { out }), in_size)
            }
        }
    }

    /// About how much the barrier bends in an entry of W.
    pub fn curvature(&self, at: &Barrier) -> f64 {
        match &at.kind {
            Kind::Sums { rest, curve, .. } => {
                let entries = (curve.nrows() * curve.ncols()) as f64;
                let mean: f64 = (0..curve.ncols()).flat_map(|k| curve.col_as_slice(k)).sum::<f64>() / entries;
                mean * rest.iter().map(|rest| 1.0 / rest).sum::<f64>() / rest.len() as f64
            }
            Kind::Spectral { z, size, .. } => {
                let k = z.nrows() as f64;
                let scale = |a: &Option<Mat<f64>>| a.as_ref().map_or(1.0, |a| inner(a, a) / a.nrows() as f64);
                // The smallest entry of Z is 1/s²; directions at the edge are left to the steps.
                2.0 * scale(&self.weighted.left) * scale(&self.weighted.right) * (1.0 + 1.0 / k) / (size * size)
            }
        }
    }
}

fn sums(w: &Mat<f64>, by_rows: bool, size: impl Fn(f64) -> f64) -> Vec<f64> {
    let mut sums = vec![0.0; if by_rows { w.nrows() } else { w.ncols() }];
    for k in 0..w.ncols() {
        for i in 0..w.nrows() {
            sums[if by_rows { i } else { k }] += size(w[(i, k)]);
        }
    }
    sums
}
