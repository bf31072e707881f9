//! The two inner loops of training: a dense product and the gradient of one batch.
//!
//! For a batch of B rows `x̄_k = (x_k, 1)`, weights `W̄ᵀ` (one column a unit) and importances ω_k:
//!
//! ```text
//! H = X̄ W̄ᵀ               f_k = c + a·x_k + Σ_i v_i relu(H_ki)    loss = Σ_k ω_k loss(f_k, y_k)
//! e_k = ω_k ℓ'(f_k, y_k)  G_ki = e_k v_i [H_ki > 0]
//! ∂W̄ᵀ = X̄ᵀ G        ∂v_i = Σ_k e_k relu(H_ki)                   ∂a = Σ_k e_k x_k,   ∂c = Σ_k e_k
//! ```
//!
//! A network without a linear part has an empty a.
//!
//! All loops run over units in groups of `LANES`, so the compiler turns them into vector instructions; AVX2 is used
//! where the processor, asked when the program runs, has it. Products and sums are never fused and are taken in one
//! fixed order per entry, so neither the width of the vectors nor the number of threads changes a byte. Fused
//! multiply-add could make the two products faster, at the price of that.

use crate::loss::Formula;
use faer::traits::pulp::{Arch, Simd, WithSimd};

/// Units are stored in groups of this size, the last one padded with zero weights.
pub(crate) const LANES: usize = 8;

/// `count` rounded up to whole groups.
pub(crate) fn padded(count: usize) -> usize {
    count.div_ceil(LANES) * LANES
}

/// One group, as an array of known length: the compiler keeps it in registers.
#[inline(always)]
pub(crate) fn group(values: &[f64], start: usize) -> &[f64; LANES] {
    values[start..start + LANES].try_into().expect("a slice of LANES values")
}

/// [`group`], to write.
#[inline(always)]
pub(crate) fn group_mut(values: &mut [f64], start: usize) -> &mut [f64; LANES] {
    (&mut values[start..start + LANES]).try_into().expect("a slice of LANES values")
}

/// `Σ` of one group, as a balanced tree.
#[inline(always)]
pub(crate) fn sum(a: &[f64; LANES]) -> f64 {
    ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]))
}

/// A matrix read with strides: entry (r, l) is `values[r * row + l * column]`.
#[derive(Clone, Copy)]
pub(crate) struct Strided<'a> {
    pub values: &'a [f64],
    pub row: usize,
    pub column: usize,
}

/// `C = A B` with A of `rows` × `depth`, B row-major of `depth` × `width` and `width` a multiple of [`LANES`].
pub(crate) struct Product<'a> {
    pub a: Strided<'a>,
    pub b: &'a [f64],
    pub c: &'a mut [f64],
    pub rows: usize,
    pub depth: usize,
    pub width: usize,
}

impl WithSimd for Product<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Product { a, b, c, rows, depth, width } = self;
        for j in (0..width).step_by(LANES) {
            let mut r = 0;
            while r + 4 <= rows {
                tile::<4>(a, b, c, r, j, depth, width);
                r += 4;
            }
            while r < rows {
                tile::<1>(a, b, c, r, j, depth, width);
                r += 1;
            }
        }
    }
}

/// R rows of one column group of the product, summed in registers.
#[inline(always)]
fn tile<const R: usize>(a: Strided<'_>, b: &[f64], c: &mut [f64], r: usize, j: usize, depth: usize, width: usize) {
    let mut total = [[0.0; LANES]; R];
    for l in 0..depth {
        let row = group(b, l * width + j);
        for i in 0..R {
            let scale = a.values[(r + i) * a.row + l * a.column];
            for q in 0..LANES {
                total[i][q] += scale * row[q];
            }
        }
    }
    for i in 0..R {
        *group_mut(c, (r + i) * width + j) = total[i];
    }
}

/// The loss and gradient of one batch; `h` (rows × width) and `e` (rows) are scratch.
pub(crate) struct BatchGradient<'a> {
    pub loss: &'a dyn Formula,
    pub e: &'a mut [f64],
    /// W̄ᵀ, (d+1) × width.
    pub weights: &'a [f64],
    pub v: &'a [f64],
    /// At least d, or none.
    pub a: &'a [f64],
    pub c: f64,
    /// X̄, rows × (d+1).
    pub x: &'a [f64],
    pub y: &'a [f64],
    /// ω, already divided by whatever the loss is a mean over.
    pub omega: &'a [f64],
    pub h: &'a mut [f64],
    pub out_weights: &'a mut [f64],
    pub out_v: &'a mut [f64],
    pub out_a: &'a mut [f64],
    pub out_c: &'a mut f64,
}

impl WithSimd for BatchGradient<'_> {
    type Output = f64;
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let BatchGradient { loss, e, weights, v, a, c, x, y, omega, h, out_weights, out_v, out_a, out_c } = self;
        let (rows, width) = (y.len(), v.len());
        let depth = weights.len() / width;
        let by_row = Strided { values: x, row: depth, column: 1 };
        Product { a: by_row, b: weights, c: &mut *h, rows, depth, width }.with_simd(simd);
        out_v.fill(0.0);
        *out_c = 0.0;
        e.iter_mut().zip(h.chunks_exact(width)).for_each(|(f, h)| *f = c + output(h, v));
        if !a.is_empty() {
            e.iter_mut().zip(x.chunks_exact(depth)).for_each(|(f, x)| *f += linear(a, &x[..depth - 1]));
        }
        let loss = loss.weighted(e, y, omega);
        out_a.fill(0.0);
        for k in 0..rows {
            let h = &mut h[k * width..(k + 1) * width];
            let e = e[k];
            *out_c += e;
            let x = &x[k * depth..(k + 1) * depth - 1];
            out_a.iter_mut().zip(x).for_each(|(out, x)| *out += e * x);
            for j in (0..width).step_by(LANES) {
                // Copies: the compiler need not fear that the three overlap.
                let (mut active, mut total, v) = (*group(h, j), *group(out_v, j), *group(v, j));
                for q in 0..LANES {
                    let through = e * v[q];
                    total[q] += e * positive(active[q]);
                    active[q] = if active[q] > 0.0 { through } else { 0.0 };
                }
                *group_mut(h, j) = active;
                *group_mut(out_v, j) = total;
            }
        }
        let by_column = Strided { values: x, row: 1, column: depth };
        Product { a: by_column, b: h, c: out_weights, rows: depth, depth: rows, width }.with_simd(simd);
        loss
    }
}

/// `relu`, as the one comparison that compiles to one instruction.
#[inline(always)]
pub(crate) fn positive(h: f64) -> f64 {
    if h > 0.0 { h } else { 0.0 }
}

/// `Σ_i v_i relu(h_i)`.
#[inline(always)]
pub(crate) fn output(h: &[f64], v: &[f64]) -> f64 {
    let mut total = [0.0; LANES];
    for j in (0..v.len()).step_by(LANES) {
        let (h, v) = (group(h, j), group(v, j));
        for q in 0..LANES {
            total[q] += v[q] * positive(h[q]);
        }
    }
    sum(&total)
}

/// `a·x`.
#[inline(always)]
pub(crate) fn linear(a: &[f64], x: &[f64]) -> f64 {
    a.iter().zip(x).map(|(a, x)| a * x).sum()
}

/// [`output`] of every row of `h`, into `out`.
pub(crate) struct Outputs<'a> {
    pub h: &'a [f64],
    pub v: &'a [f64],
    pub out: &'a mut [f64],
}

impl WithSimd for Outputs<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (out, h) in self.out.iter_mut().zip(self.h.chunks_exact(self.v.len())) {
            *out = output(h, self.v);
        }
    }
}

/// The widest vector instructions of this processor.
pub fn arch() -> Arch {
    Arch::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::Mat;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_product_is_the_dense_one(rows in 1usize..11, depth in 1usize..9, groups in 1usize..4, seed in any::<u64>()) {
            use rand::{RngExt, SeedableRng};
            let width = groups * LANES;
            let mut random = rand_pcg::Pcg64::seed_from_u64(seed);
            let mut draw = |n: usize| (0..n).map(|_| random.random::<f64>() - 0.5).collect::<Vec<_>>();
            let (a, b) = (draw(rows * depth), draw(depth * width));
            for transposed in [false, true] {
                let (row, column) = if transposed { (1, rows) } else { (depth, 1) };
                let mut c = vec![f64::NAN; rows * width];
                arch().dispatch(Product { a: Strided { values: &a, row, column }, b: &b, c: &mut c, rows, depth, width });
                let dense = Mat::from_fn(rows, depth, |r, l| a[r * row + l * column])
                    * Mat::from_fn(depth, width, |l, j| b[l * width + j]);
                for r in 0..rows {
                    for j in 0..width {
                        prop_assert!((c[r * width + j] - dense[(r, j)]).abs() < 1e-13);
                    }
                }
            }
        }
    }
}
