//! Kernels for matrices of order five to fifty, of which an iteration meets thousands: what a general library spends
//! on dispatch and memory is most of its time there.

use faer::Mat;

/// Smallest eigenvalue of a symmetric matrix (its lower triangle): Householder tridiagonalization, then bisection on
/// the number of negative pivots of `T − x I`. The matrix is overwritten.
pub(super) fn smallest_eigenvalue(a: &mut Mat<f64>) -> f64 {
    let k = a.nrows();
    let (mut diagonal, mut below) = (vec![0.0; k], vec![0.0; k]);
    let mut w = vec![0.0; k];
    for j in 0..k {
        diagonal[j] = a[(j, j)];
        if j + 1 == k {
            break;
        }
        // Reflect column j below the diagonal onto its first entry.
        let column = &a.col_as_slice(j)[j + 1..];
        let length = column.iter().map(|x| x * x).sum::<f64>().sqrt();
        let rest = column[1..].iter().map(|x| x * x).sum::<f64>();
        if rest == 0.0 {
            below[j] = column[0];
            continue;
        }
        let alpha = if column[0] > 0.0 { -length } else { length };
        below[j] = alpha;
        let mut v = column.to_vec();
        v[0] -= alpha;
        let half = 1.0 / (length * (length + column[0].abs()));
        // A ← A − v wᵀ − w vᵀ with p = A v / h, w = p − (pᵀv/2h) v.
        let size = v.len();
        w[..size].fill(0.0);
        for c in 0..size {
            let own = &a.col_as_slice(j + 1 + c)[j + 1 + c..];
            let mut sum = own[0] * v[c];
            for r in 1..own.len() {
                sum += own[r] * v[c + r];
                w[c + r] += own[r] * v[c];
            }
            w[c] += sum;
        }
        let along: f64 = (0..size).map(|r| w[r] * v[r]).sum::<f64>() * half * half * 0.5;
        (0..size).for_each(|r| w[r] = half * w[r] - along * v[r]);
        for c in 0..size {
            let own = &mut a.col_as_slice_mut(j + 1 + c)[j + 1 + c..];
            for r in 0..own.len() {
                own[r] -= v[c] * w[c + r] + w[c] * v[c + r];
            }
        }
    }
    let radius = |j: usize| below[j].abs() + if j > 0 { below[j - 1].abs() } else { 0.0 };
    let mut low = (0..k).fold(f64::INFINITY, |low, j| low.min(diagonal[j] - radius(j)));
    let mut high = (0..k).fold(f64::INFINITY, |high, j| high.min(diagonal[j]));
    let scale = low.abs().max(high.abs());
    let negative = |x: f64| {
        let mut pivot = diagonal[0] - x;
        (1..k).any(|j| {
            let stop = pivot < 0.0;
            pivot = diagonal[j] - x - below[j - 1] * below[j - 1] / pivot;
            stop
        }) || pivot < 0.0
    };
    while high - low > 1e-14 * scale {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        *(if negative(middle) { &mut high } else { &mut low }) = middle;
    }
    0.5 * (low + high)
}

/// `B` with `BᵀB = MᵀM` and rows that decrease in length, by Householder's triangularization with column exchanges.
pub(super) fn graded_root(m: &Mat<f64>) -> Mat<f64> {
    let k = m.nrows();
    let mut a = m.clone();
    let mut order: Vec<usize> = (0..k).collect();
    for j in 0..k {
        let length = |c: usize| a.col_as_slice(c)[j..].iter().map(|x| x * x).sum::<f64>();
        let lengths: Vec<f64> = (j..k).map(length).collect();
        let longest = (j..k).max_by(|&p, &q| lengths[p - j].total_cmp(&lengths[q - j])).expect("a column is left");
        order.swap(j, longest);
        if longest != j {
            for r in 0..k {
                let kept = a[(r, j)];
                a[(r, j)] = a[(r, longest)];
                a[(r, longest)] = kept;
            }
        }
        let norm = lengths[longest - j].sqrt();
        if norm == 0.0 {
            break;
        }
        let mut v = a.col_as_slice(j)[j..].to_vec();
        let alpha = if v[0] > 0.0 { -norm } else { norm };
        let scale = 1.0 / (norm * (norm + v[0].abs()));
        v[0] -= alpha;
        a.col_as_slice_mut(j)[j..].fill(0.0);
        a[(j, j)] = alpha;
        for c in j + 1..k {
            let column = &mut a.col_as_slice_mut(c)[j..];
            let along = scale * column.iter().zip(&v).map(|(x, v)| x * v).sum::<f64>();
            column.iter_mut().zip(&v).for_each(|(x, v)| *x -= along * v);
        }
    }
    let mut root = Mat::zeros(k, k);
    for (j, &column) in order.iter().enumerate() {
        root.col_as_slice_mut(column)[..=j].copy_from_slice(&a.col_as_slice(j)[..=j]);
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::Side;
    use rand::{RngExt, SeedableRng};

    /// Rows of very different length, as near an optimum.
    fn graded(k: usize, seed: u64) -> Mat<f64> {
        let mut rng = rand_pcg::Pcg64::seed_from_u64(seed);
        let mut uniform = || -> f64 { rng.random::<f64>() - 0.5 };
        let scale: Vec<f64> = (0..k).map(|_| 10f64.powf(8.0 * uniform())).collect();
        Mat::from_fn(k, k, |i, _| scale[i] * uniform())
    }

    #[test]
    fn smallest_eigenvalue_is_that_of_the_library() {
        for k in 1..24 {
            for seed in 0..20 {
                let m = graded(k, seed);
                let sum = &m + m.transpose();
                let known = sum.self_adjoint_eigenvalues(Side::Lower).unwrap();
                let size = known[0].abs().max(known[k - 1].abs());
                let found = smallest_eigenvalue(&mut sum.clone());
                assert!((found - known[0]).abs() <= 1e-13 * size, "{k} {seed}: {found} {}", known[0]);
            }
        }
    }

    #[test]
    fn graded_roots_are_roots() {
        for k in 1..24 {
            let m = graded(k, 100 + k as u64);
            let root = graded_root(&m);
            let (square, known) = (root.transpose() * &root, m.transpose() * &m);
            assert!((&square - &known).norm_max() <= 1e-13 * known.norm_max());
            let lengths: Vec<f64> = (0..k).map(|i| root.row(i).norm_l2()).collect();
            assert!(lengths.windows(2).all(|pair| pair[1] <= 1.5 * (k as f64).sqrt() * pair[0]));
        }
    }
}
