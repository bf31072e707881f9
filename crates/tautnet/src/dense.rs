//! The few dense kernels that the bounds need, on one thread so that results do not depend on the machine.
//!
//! Branch and bound factors matrices of five rows a million times; the LipSDP of a wide network factors one of two
//! thousand a few dozen times. Hence a plain loop below [`SMALL`] rows and faer's blocked kernels above.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{cholesky_in_place, cholesky_in_place_scratch};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::linalg::svd::{ComputeSvdVectors, svd, svd_scratch};
use faer::linalg::triangular_solve::{solve_lower_triangular_in_place, solve_upper_triangular_in_place};
use faer::{Accum, Mat, MatMut, MatRef, Par};
use tautnet_cone::Stop;

/// Up to this many rows a plain loop beats the blocked kernels.
const SMALL: usize = 24;

/// From this many rows on a kernel takes long enough to be left behind where it is time to stop.
const LARGE: usize = 192;

/// Twice the unit roundoff: every rounding bound here is stated with it, which leaves room for second-order terms.
pub(crate) const EPSILON: f64 = f64::EPSILON;

/// Overwrites the lower triangle of `a` with its Cholesky factor; false when a pivot is not positive, and where it is
/// time to stop.
pub(crate) fn cholesky(a: &mut Mat<f64>) -> bool {
    let n = a.nrows();
    if n > LARGE {
        let mut own = std::mem::replace(a, Mat::new());
        let factored = Stop::here().unless(move || {
            let done = blocked_cholesky(&mut own);
            (own, done)
        });
        let Some((factor, done)) = factored else { return false };
        *a = factor;
        return done;
    }
    if n > SMALL {
        return blocked_cholesky(a);
    }
    for j in 0..n {
        let pivot = a[(j, j)];
        if !(pivot > 0.0 && pivot.is_finite()) {
            return false;
        }
        let root = pivot.sqrt();
        let column = a.col_as_slice_mut(j);
        column[j] = root;
        for i in j + 1..n {
            column[i] /= root;
        }
        for k in j + 1..n {
            let factor = a[(k, j)];
            for i in k..n {
                a[(i, k)] -= a[(i, j)] * factor;
            }
        }
    }
    true
}

fn blocked_cholesky(a: &mut Mat<f64>) -> bool {
    let n = a.nrows();
    let mut memory = MemBuffer::new(cholesky_in_place_scratch::<f64>(n, Par::Seq, Default::default()));
    let stack = MemStack::new(&mut memory);
    let done = cholesky_in_place(a.as_mut(), Default::default(), Par::Seq, stack, Default::default());
    done.is_ok() && (0..n).all(|i| a[(i, i)].is_finite() && a[(i, i)] > 0.0)
}

/// `x ← L⁻¹ x`.
pub(crate) fn solve_lower(l: MatRef<'_, f64>, mut x: MatMut<'_, f64>) {
    let n = l.nrows();
    if n > SMALL {
        return solve_lower_triangular_in_place(l, x, Par::Seq);
    }
    for c in 0..x.ncols() {
        for j in 0..n {
            let value = x[(j, c)] / l[(j, j)];
            x[(j, c)] = value;
            for i in j + 1..n {
                x[(i, c)] -= l[(i, j)] * value;
            }
        }
    }
}

/// `x ← L⁻ᵀ x`.
pub(crate) fn solve_lower_transposed(l: MatRef<'_, f64>, mut x: MatMut<'_, f64>) {
    let n = l.nrows();
    if n > SMALL {
        return solve_upper_triangular_in_place(l.transpose(), x, Par::Seq);
    }
    for c in 0..x.ncols() {
        for j in (0..n).rev() {
            let mut value = x[(j, c)];
            for i in j + 1..n {
                value -= l[(i, j)] * x[(i, c)];
            }
            x[(j, c)] = value / l[(j, j)];
        }
    }
}

/// The lower triangle of `aᵀa`; not a number where it is time to stop.
pub(crate) fn gram(a: MatRef<'_, f64>) -> Mat<f64> {
    let n = a.ncols();
    if n > SMALL {
        return gram_of_rows(a.transpose());
    }
    let mut product = Mat::zeros(n, n);
    for j in 0..n {
        for i in j..n {
            product[(i, j)] = (0..a.nrows()).map(|k| a[(k, i)] * a[(k, j)]).sum();
        }
    }
    product
}

/// `a b`, or `aᵀ b` by passing the transpose.
pub(crate) fn multiply(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
    let mut product = Mat::zeros(a.nrows(), b.ncols());
    faer::linalg::matmul::matmul(product.as_mut(), Accum::Replace, a, b, 1.0, Par::Seq);
    product
}

/// `Some(θ)` with `θ ≥ λ_max(aᵀa)`, proved up to the rounding analysis below; `None` when `a` is not finite.
///
/// The eigenvalue solver only proposes θ. What is relied on is that the Cholesky factorization of `θI − M`, M the
/// computed Gram matrix, ran to completion: then `λ_max(M) ≤ θ + γ_(n+1)/(1 − γ_(n+1)) tr(θI − M)` (Rump, BIT 46,
/// 2006), and `‖M − aᵀa‖ ≤ γ_N tr M` for inner products of rounded factors.
pub(crate) fn largest_gram_eigenvalue_upper_bound(a: MatRef<'_, f64>) -> Option<f64> {
    let a = if a.nrows() < a.ncols() { a.transpose() } else { a };
    let (inner, n) = (a.nrows(), a.ncols());
    let m = gram(a);
    let trace: f64 = (0..n).map(|i| m[(i, i)]).sum();
    if !trace.is_finite() {
        return None;
    }
    if trace < 1e-280 {
        // Squares may have vanished: the same with entries near 1.
        let largest = (0..inner).flat_map(|i| (0..n).map(move |j| a[(i, j)].abs())).fold(0.0, f64::max);
        if largest == 0.0 {
            return Some(0.0);
        }
        let scale = largest.log2().floor().max(-1074.0).exp2();
        let scaled = Mat::from_fn(inner, n, |i, j| a[(i, j)] / scale);
        let theta = largest_gram_eigenvalue_upper_bound(scaled.as_ref())?;
        return Some(theta * scale * scale * (1.0 + 4.0 * EPSILON) + f64::MIN_POSITIVE);
    }
    let mut theta = largest_eigenvalue(&m)?.clamp(trace / n as f64, trace);
    let mut step = 1e-14 * theta;
    for _ in 0..80 {
        let mut shifted = Mat::from_fn(n, n, |i, j| if i == j { theta - m[(i, i)] } else { -m[(i, j)] });
        if cholesky(&mut shifted) {
            let rounding = EPSILON * ((n + 4) as f64 * n as f64 * theta + (inner + 10) as f64 * trace);
            return Some((theta + rounding) * (1.0 + 4.0 * EPSILON));
        }
        theta += step;
        step *= 2.0;
    }
    None
}

/// `Some(s)` with `0 < s ≤ λ_min(aᵀa)`, where each entry of `a` may be off by a relative [`EPSILON`]; `None` where that
/// cannot be shown.
///
/// Again the eigenvalue solver only proposes, and a Cholesky factorization of `M − sI` that runs to completion decides.
pub(crate) fn smallest_gram_eigenvalue_lower_bound(a: MatRef<'_, f64>) -> Option<f64> {
    let (inner, n) = (a.nrows(), a.ncols());
    let m = gram(a);
    let trace: f64 = (0..n).map(|i| m[(i, i)]).sum();
    // Squares below the normal range are not covered by relative bounds.
    if !(trace.is_finite() && trace > 1e-280) {
        return None;
    }
    let negated = Mat::from_fn(n, n, |i, j| -m[(i, j)]);
    let theta = (1.0 - 1e-3) * -largest_eigenvalue(&negated)?;
    let mut shifted = Mat::from_fn(n, n, |i, j| if i == j { m[(i, i)] - theta } else { m[(i, j)] });
    let rounding = EPSILON * (n + inner + 16) as f64 * trace;
    (theta > rounding && cholesky(&mut shifted)).then_some((theta - rounding) * (1.0 - 4.0 * EPSILON))
}

/// The largest eigenvalue of a symmetric matrix given by its lower triangle, to working accuracy; `None` where it is
/// time to stop.
pub(crate) fn largest_eigenvalue(m: &Mat<f64>) -> Option<f64> {
    let (values, _) = decompose(m, false)?;
    values.last().copied()
}

/// Eigenvalues in ascending order, and eigenvectors as columns.
pub(crate) fn eigenvectors(m: &Mat<f64>) -> Option<(Vec<f64>, Mat<f64>)> {
    let (values, vectors) = decompose(m, true)?;
    Some((values, vectors?))
}

fn decompose(m: &Mat<f64>, vectors: bool) -> Option<(Vec<f64>, Option<Mat<f64>>)> {
    let n = m.nrows();
    if !(0..n).all(|j| m.col_as_slice(j)[j..].iter().all(|a| a.is_finite())) {
        return None;
    }
    if n > LARGE {
        let own = m.clone();
        return Stop::here().unless(move || decompose_finite(&own, vectors))?;
    }
    decompose_finite(m, vectors)
}

fn decompose_finite(m: &Mat<f64>, vectors: bool) -> Option<(Vec<f64>, Option<Mat<f64>>)> {
    let n = m.nrows();
    let mut values = faer::Col::<f64>::zeros(n);
    let mut u = vectors.then(|| Mat::<f64>::zeros(n, n));
    let wanted = if vectors { ComputeEigenvectors::Yes } else { ComputeEigenvectors::No };
    let mut memory = MemBuffer::new(self_adjoint_evd_scratch::<f64>(n, wanted, Par::Seq, Default::default()));
    let stack = MemStack::new(&mut memory);
    let space = u.as_mut().map(|u| u.as_mut());
    self_adjoint_evd(m.as_ref(), values.as_diagonal_mut(), space, Par::Seq, stack, Default::default()).ok()?;
    let values: Vec<f64> = (0..n).map(|i| values[i]).collect();
    values.iter().all(|a| a.is_finite()).then_some((values, u))
}

/// `(U, S, V)` of a square matrix, `a = U diag(S) Vᵀ`.
pub(crate) fn singular_vectors(a: &Mat<f64>) -> Option<(Mat<f64>, Vec<f64>, Mat<f64>)> {
    let n = a.nrows();
    if !(0..n).all(|j| a.col_as_slice(j).iter().all(|a| a.is_finite())) {
        return None;
    }
    let (mut u, mut v, mut values) = (Mat::zeros(n, n), Mat::zeros(n, n), faer::Col::<f64>::zeros(n));
    let all = ComputeSvdVectors::Full;
    let mut memory = MemBuffer::new(svd_scratch::<f64>(n, n, all, all, Par::Seq, Default::default()));
    let stack = MemStack::new(&mut memory);
    let (left, right) = (Some(u.as_mut()), Some(v.as_mut()));
    svd(a.as_ref(), values.as_diagonal_mut(), left, right, Par::Seq, stack, Default::default()).ok()?;
    Some((u, (0..n).map(|i| values[i]).collect(), v))
}

/// Orthonormal columns that span the rows of `a` (Gram and Schmidt, twice each).
pub(crate) fn orthonormal_rows(a: MatRef<'_, f64>) -> Mat<f64> {
    let d = a.ncols();
    let mut basis: Vec<Vec<f64>> = Vec::new();
    let length = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
    for i in 0..a.nrows() {
        let largest = (0..d).fold(0.0, |m: f64, k| m.max(a[(i, k)].abs()));
        if largest == 0.0 {
            continue;
        }
        let mut row: Vec<f64> = (0..d).map(|k| a[(i, k)] / largest).collect();
        let whole = length(&row);
        for _ in 0..2 {
            for known in &basis {
                let along: f64 = row.iter().zip(known).map(|(x, e)| x * e).sum();
                row.iter_mut().zip(known).for_each(|(x, e)| *x -= along * e);
            }
        }
        let left = length(&row);
        if left > 1e-14 * whole && basis.len() < d {
            basis.push(row.into_iter().map(|x| x / left).collect());
        }
    }
    Mat::from_fn(d, basis.len(), |k, j| basis[j][k])
}

/// An n×n matrix C with `C Cᵀ = B Bᵀ` up to rounding, for B with fewer rows than columns.
pub(crate) fn row_space_coordinates(b: MatRef<'_, f64>) -> Mat<f64> {
    let gram = gram_of_rows(b);
    match eigenvectors(&gram) {
        Some((values, u)) => Mat::from_fn(b.nrows(), b.nrows(), |i, j| u[(i, j)] * values[j].max(0.0).sqrt()),
        None => Mat::zeros(b.nrows(), b.nrows()),
    }
}

/// The lower triangle of `a aᵀ`; not a number where it is time to stop.
pub(crate) fn gram_of_rows(a: MatRef<'_, f64>) -> Mat<f64> {
    let n = a.nrows();
    if n <= LARGE {
        return product_with_itself(a);
    }
    let stop = Stop::here();
    // A copy that lies in memory as `a` does.
    let product = if a.row_stride() == 1 {
        let own = a.to_owned();
        stop.unless(move || product_with_itself(own.as_ref()))
    } else {
        let own = a.transpose().to_owned();
        stop.unless(move || product_with_itself(own.transpose()))
    };
    product.unwrap_or_else(|| Mat::full(n, n, f64::NAN))
}

fn product_with_itself(a: MatRef<'_, f64>) -> Mat<f64> {
    let n = a.nrows();
    let mut product = Mat::zeros(n, n);
    matmul(
        product.as_mut(),
        BlockStructure::TriangularLower,
        Accum::Replace,
        a,
        BlockStructure::Rectangular,
        a.transpose(),
        BlockStructure::Rectangular,
        1.0,
        Par::Seq,
    );
    product
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against matrices with known singular values: columns of different lengths at right angles, turned.
    #[test]
    fn gram_eigenvalues_are_enclosed_at_every_scale() {
        for scale in [1e-300, 1e-160, 1e-130, 1.0, 1e100] {
            let lengths = [3.0 * scale, 0.5 * scale, scale];
            // A reflection: I − 2vvᵀ/‖v‖², v = (1, 2, 3, 4).
            let v = [1.0, 2.0, 3.0, 4.0];
            let entry = |i: usize, j: usize| f64::from(u8::from(i == j)) - v[i] * v[j] / 15.0;
            let a = Mat::from_fn(4, 3, |i, j| entry(i, j) * lengths[j]);
            let upper = largest_gram_eigenvalue_upper_bound(a.as_ref()).unwrap();
            assert!(upper >= 9.0 * scale * scale * (1.0 - 1e-15), "{scale} {upper}");
            assert!(upper <= 9.0 * scale * scale * (1.0 + 1e-12) + f64::MIN_POSITIVE, "{scale} {upper}");
            match smallest_gram_eigenvalue_lower_bound(a.as_ref()) {
                Some(lower) => {
                    let exact = 0.25 * scale * scale;
                    assert!(lower <= exact && lower > 0.99 * exact, "{scale} {lower}");
                }
                None => assert!(scale < 1e-135, "{scale}"),
            }
            let dependent = Mat::from_fn(4, 3, |i, _| v[i] * scale);
            assert_eq!(smallest_gram_eigenvalue_lower_bound(dependent.as_ref()), None);
        }
    }
}
