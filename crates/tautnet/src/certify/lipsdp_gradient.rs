//! The derivative of the LipSDP bound by the network's slopes.
//!
//! With `ã_0 = 2a + Σ a_i`, `ã_i = a_i` and the linear part a the bound is (see [`super::lipsdp`] and
//! [`super::max_cut`], here for ℓ2)
//!
//! ```text
//!     L(a) = ½ max { Σ_{i≥0} √(ã_iᵀ Γ ã_i) : Γ ⪰ 0, tr Γ = 1 } ,
//! ```
//!
//! a maximum of convex functions of a, hence convex, and by the envelope theorem
//!
//! ```text
//!     ∂L/∂a_i = ½ ( Γ a_i / ℓ′_i + Γ ã_0 / ℓ′_0 ),       ∂L/∂a = Γ ã_0 / ℓ′_0,       ℓ′_i = √(ã_iᵀ Γ ã_i)
//! ```
//!
//! at the maximizer Γ: one solve with matrices as small as the input gives the value and all m·d derivatives. Where the
//! maximizer is not unique, or a slope is 0, L has a kink and this is one of its subgradients.

use super::max_cut::{Limits, signed_sum_derivative};
use crate::Norm;
use faer::{Mat, MatRef};

/// LipSDP for slopes (m × d, one a unit) and the linear part, to the relative gap `tolerance` and from below, and its
/// derivative by each: a row a unit, and one for the linear part where there is one. `norm` measures the inputs and is
/// not ℓ1. `None` where rounding left no usable point.
pub(crate) fn lipsdp_gradient(
    slopes: MatRef<'_, f64>,
    linear: Option<&[f64]>,
    norm: Norm,
    tolerance: f64,
) -> Option<(f64, Mat<f64>)> {
    let (m, d) = (slopes.nrows(), slopes.ncols());
    let all = m + usize::from(linear.is_some());
    let own = linear.unwrap_or_default();
    let entries = (0..d).flat_map(|k| (0..m).map(move |i| slopes[(i, k)].abs())).chain(own.iter().map(|a| a.abs()));
    // Not by a maximum of the entries, which would pass over a NaN.
    if !entries.clone().all(f64::is_finite) {
        return None;
    }
    let largest = entries.fold(0.0, f64::max);
    if largest == 0.0 {
        return Some((0.0, Mat::zeros(all, d)));
    }
    // A power of two: the bound is homogeneous, its derivative is not changed by scaling.
    let scale = largest.log2().floor().clamp(-1000.0, 1000.0).exp2();
    let mut sum: Vec<f64> = (0..d).map(|k| (0..m).map(|i| slopes[(i, k)] / scale).sum()).collect();
    sum.iter_mut().zip(own).for_each(|(sum, a)| *sum += 2.0 * (a / scale));
    let b = Mat::from_fn(m + 1, d, |i, k| if i == 0 { sum[k] } else { slopes[(i - 1, k)] / scale });
    let limits = Limits { tolerance, ..Limits::default() };
    let (value, slope) = signed_sum_derivative(b.as_ref(), norm.dual(), &limits)?;
    let by = |i: usize, k: usize| if i < m { slope[(i + 1, k)] + slope[(0, k)] } else { 2.0 * slope[(0, k)] };
    Some((value * scale, Mat::from_fn(all, d, by)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Shallow;
    use crate::certify::lipsdp;
    use crate::random::normal;
    use rand::SeedableRng;
    use rand_pcg::Pcg64;
    use std::ops::ControlFlow;

    fn bound(slopes: &Mat<f64>, norm: Norm) -> f64 {
        let m = slopes.nrows();
        let network = Shallow::new(slopes.clone(), vec![0.0; m], vec![1.0; m], 0.0).unwrap();
        lipsdp(&network, norm, &mut |_| ControlFlow::Continue(())).unwrap().lipschitz_upper_bound
    }

    /// Narrow and wide, more inputs than units too; the judge is the certified bound itself.
    #[test]
    fn the_gradient_agrees_with_differences_of_the_bound() {
        for (m, d, norm) in [
            (1, 1, Norm::Two),
            (7, 3, Norm::Two),
            (3, 8, Norm::Two),
            (30, 4, Norm::Two),
            (1, 4, Norm::Infinity),
            (7, 3, Norm::Infinity),
            (3, 8, Norm::Infinity),
            (30, 4, Norm::Infinity),
        ] {
            let mut random = Pcg64::seed_from_u64((10 * m + d) as u64);
            // A unit of size 0 in passing: it may not disturb the others.
            let slopes = Mat::from_fn(m, d, |i, _| if i == 5 { 0.0 } else { normal(&mut random) * (1 + i % 3) as f64 });
            let (value, gradient) = lipsdp_gradient(slopes.as_ref(), None, norm, 1e-12).unwrap();
            let exact = bound(&slopes, norm);
            assert!((value - exact).abs() <= 1e-8 * exact, "{m} {d} {norm:?}: {value} {exact}");
            // Homogeneous of degree one: Euler's identity, which kinks do not break.
            let euler: f64 = (0..m).flat_map(|i| (0..d).map(move |k| (i, k))).map(|e| slopes[e] * gradient[e]).sum();
            assert!((euler - value).abs() <= 1e-9 * value);
            for (i, k) in (0..m).filter(|&i| i != 5).flat_map(|i| (0..d).map(move |k| (i, k))) {
                let step = 1e-4;
                let side = |sign: f64| {
                    let mut moved = slopes.clone();
                    moved[(i, k)] += sign * step;
                    bound(&moved, norm)
                };
                let difference = (side(1.0) - side(-1.0)) / (2.0 * step);
                let error = (gradient[(i, k)] - difference).abs();
                assert!(error < 2e-4, "{m} {d} {norm:?} [{i}, {k}]: {} {difference}", gradient[(i, k)]);
            }
        }
    }

    #[test]
    fn slopes_of_zero_and_of_any_size() {
        let (value, gradient) = lipsdp_gradient(Mat::zeros(3, 2).as_ref(), None, Norm::Two, 1e-9).unwrap();
        assert!(value == 0.0 && gradient == Mat::<f64>::zeros(3, 2));
        let slopes = faer::mat![[1.0, 2.0], [-3.0, 0.5], [0.0, 1.0]];
        let (_, known) = lipsdp_gradient(slopes.as_ref(), None, Norm::Two, 1e-9).unwrap();
        for power in [-300, -20, 40, 300] {
            let scaled = &slopes * faer::Scale(2f64.powi(power));
            let (value, gradient) = lipsdp_gradient(scaled.as_ref(), None, Norm::Two, 1e-9).unwrap();
            assert!(value > 0.0 && gradient == known);
        }
        assert!(lipsdp_gradient(faer::mat![[f64::NAN]].as_ref(), None, Norm::Two, 1e-9).is_none());
    }
}
