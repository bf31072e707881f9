//! Positive semidefinite matrices.
//!
//! `S = L_S L_Sᵀ`, `Z = L_Z L_Zᵀ`, `L_Zᵀ L_S = U Λ Vᵀ` give `R = L_S V Λ^{-1/2}` and `R⁻¹ = Λ^{-1/2} Uᵀ L_Zᵀ` with
//! `Rᵀ Z R = R⁻¹ S R⁻ᵀ = Λ`. Then `W Z = RᵀZR` and `H S = G S G` with `G = R⁻ᵀR⁻¹`.

use super::small::{graded_root, smallest_eigenvalue};
use faer::{Mat, MatRef, Par, Side, linalg::matmul::matmul};
use std::f64::consts::SQRT_2;

/// The scaling of one semidefinite cone.
#[derive(Debug, Clone)]
pub struct SemidefiniteScaling {
    r: Mat<f64>,
    r_inverse: Mat<f64>,
    /// `B` with `BᵀB = G` and rows of decreasing length.
    root: Mat<f64>,
    lambda: Vec<f64>,
}

/// The length of the `svec` of a matrix of this order.
pub fn svec_length(k: usize) -> usize {
    k * (k + 1) / 2
}

/// Positions of the diagonal within `svec`.
pub(super) fn diagonal(k: usize) -> impl Iterator<Item = usize> {
    (0..k).scan(0, move |position, j| {
        let here = *position;
        *position += k - j;
        Some(here)
    })
}

/// `svec` of the symmetric part of a matrix.
///
/// A computed product `Bᵀ X B` is symmetric only to the rounding of its large directions; reading one triangle would
/// turn that rounding out of those directions, the mean of both keeps it there.
pub fn svec(matrix: MatRef<'_, f64>, out: &mut [f64]) {
    let k = matrix.nrows();
    let mut p = 0;
    for j in 0..k {
        out[p] = matrix[(j, j)];
        p += 1;
        for i in j + 1..k {
            out[p] = SQRT_2 * 0.5 * (matrix[(i, j)] + matrix[(j, i)]);
            p += 1;
        }
    }
}

/// The symmetric matrix of an `svec`.
pub fn smat(k: usize, v: &[f64]) -> Mat<f64> {
    let mut matrix = Mat::zeros(k, k);
    let mut p = 0;
    for j in 0..k {
        matrix[(j, j)] = v[p];
        p += 1;
        for i in j + 1..k {
            let entry = v[p] / SQRT_2;
            matrix[(i, j)] = entry;
            matrix[(j, i)] = entry;
            p += 1;
        }
    }
    matrix
}

pub(super) fn margin(k: usize, v: &[f64]) -> f64 {
    smat(k, v).self_adjoint_eigenvalues(Side::Lower).map_or(f64::NEG_INFINITY, |e| e[0])
}

fn product(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
    let mut out = Mat::zeros(a.nrows(), b.ncols());
    matmul(out.as_mut(), faer::Accum::Replace, a, b, 1.0, Par::Seq);
    out
}

impl SemidefiniteScaling {
    pub(super) fn identity(k: usize) -> Self {
        let eye = Mat::identity(k, k);
        Self { r: eye.clone(), r_inverse: eye.clone(), root: eye, lambda: vec![1.0; k] }
    }

    /// `B`, a square root of the metric: `H V = G V G` with `G = BᵀB`. Its rows decrease in length.
    pub fn root(&self) -> MatRef<'_, f64> {
        self.root.as_ref()
    }

    fn order(&self) -> usize {
        self.lambda.len()
    }

    pub(super) fn update(&mut self, s: &[f64], z: &[f64]) -> bool {
        let k = self.order();
        let (Ok(ls), Ok(lz)) = (smat(k, s).llt(Side::Lower), smat(k, z).llt(Side::Lower)) else {
            return false;
        };
        let (ls, lz) = (ls.L(), lz.L());
        let Ok(svd) = product(lz.transpose(), ls).svd() else { return false };
        let sigma = svd.S().column_vector();
        for j in 0..k {
            self.lambda[j] = sigma[j];
            if !(sigma[j] > 0.0 && sigma[j].is_finite()) {
                return false;
            }
        }
        self.r = product(ls, svd.V());
        self.r_inverse = product(svd.U().transpose(), lz.transpose());
        for j in 0..k {
            let root = self.lambda[j].sqrt();
            for i in 0..k {
                self.r[(i, j)] /= root;
                self.r_inverse[(j, i)] /= root;
            }
        }
        self.root = graded_root(&self.r_inverse);
        true
    }

    /// `G V G` as `Bᵀ (B V Bᵀ) B`: the rows of `B` are graded, so rounding stays along the large directions of `H`.
    /// The plain product (and any root whose rows mix them, such as `R⁻¹` where singular values coincide, which is
    /// everywhere on the central path) spreads `ε‖G‖²‖V‖` over all directions and drowns the small ones.
    pub(super) fn apply(&self, v: &[f64], out: &mut [f64]) {
        let root = self.root.as_ref();
        let scaled = product(product(root, smat(self.order(), v).as_ref()).as_ref(), root.transpose());
        svec(product(product(root.transpose(), scaled.as_ref()).as_ref(), root).as_ref(), out);
    }

    pub(super) fn length_squared(&self, v: &[f64]) -> f64 {
        let half = product(self.r_inverse.as_ref(), smat(self.order(), v).as_ref());
        product(half.as_ref(), self.r_inverse.transpose()).squared_norm_l2()
    }

    /// `(W⁻ᵀds, W dz)` as matrices.
    fn scaled(&self, [ds, dz]: [&[f64]; 2]) -> [Mat<f64>; 2] {
        let k = self.order();
        let (r, ri) = (self.r.as_ref(), self.r_inverse.as_ref());
        [
            product(product(ri, smat(k, ds).as_ref()).as_ref(), ri.transpose()),
            product(product(r.transpose(), smat(k, dz).as_ref()).as_ref(), r),
        ]
    }

    pub(super) fn corrector(&self, direction: [&[f64]; 2], nu: f64, out: &mut [f64]) {
        let k = self.order();
        let [ds, dz] = self.scaled(direction);
        let both = product(ds.as_ref(), dz.as_ref());
        let mut u = Mat::zeros(k, k);
        for j in 0..k {
            for i in 0..k {
                let own = if i == j { self.lambda[i] * self.lambda[i] - nu } else { 0.0 };
                u[(i, j)] = (2.0 * own + both[(i, j)] + both[(j, i)]) / (self.lambda[i] + self.lambda[j]);
            }
        }
        let moved = product(product(self.r.as_ref(), u.as_ref()).as_ref(), self.r.transpose());
        svec(moved.as_ref(), out);
    }

    pub(super) fn recentre(&self, direction: [&[f64]; 2], step: f64, bounds: [f64; 2], out: &mut [f64]) {
        let k = self.order();
        let [mut s, mut z] = self.scaled(direction);
        for trial in [&mut s, &mut z] {
            *trial *= faer::Scale(step);
            (0..k).for_each(|i| trial[(i, i)] += self.lambda[i]);
        }
        let both = product(s.as_ref(), z.as_ref());
        let products = Mat::from_fn(k, k, |i, j| 0.5 * (both[(i, j)] + both[(j, i)]));
        let Ok(eigen) = products.self_adjoint_eigen(Side::Lower) else { return };
        let (values, vectors) = (eigen.S().column_vector(), eigen.U());
        let turned = Mat::from_fn(k, k, |i, j| vectors[(i, j)] * super::centring::towards(values[j], bounds));
        let mut t = product(turned.as_ref(), vectors.transpose());
        for j in 0..k {
            for i in 0..k {
                t[(i, j)] *= 2.0 / (self.lambda[i] + self.lambda[j]);
            }
        }
        let moved = product(product(self.r.as_ref(), t.as_ref()).as_ref(), self.r.transpose());
        let mut change = vec![0.0; out.len()];
        svec(moved.as_ref(), &mut change);
        out.iter_mut().zip(&change).for_each(|(out, t)| *out -= t);
    }

    pub(super) fn longest_step(&self, direction: [&[f64]; 2]) -> f64 {
        let k = self.order();
        let mut longest = f64::INFINITY;
        for mut d in self.scaled(direction) {
            for j in 0..k {
                for i in 0..k {
                    d[(i, j)] /= (self.lambda[i] * self.lambda[j]).sqrt();
                }
            }
            match smallest_eigenvalue(&mut d) {
                least if least < 0.0 => longest = longest.min(-1.0 / least),
                least if least.is_nan() => return 0.0,
                _ => {}
            }
        }
        longest
    }
}
