//! The length of a gradient, from below.
//!
//! The gradient on a cell is `g = a + Σ v_i w_i` over the units that are on. It is computed by columns with the sums of the
//! magnitudes, from which its rounding follows (`docs/mathematics/bounds.md`, section 2); where the numbers are so short that
//! nothing can have been rounded, which the trailing zeros of their binary digits show, nothing is subtracted.

use crate::dense::EPSILON;
use crate::outward::{add_down, mul_down, sqrt_down};
use crate::{Norm, Shallow};

/// The smallest positive double, 2⁻¹⁰⁷⁴: more than what a product can lose by underflow.
pub(super) const LEAST: f64 = f64::from_bits(1);

/// `g = a + Σ v_i w_i` over the units that are on, and its length in the norm.
pub(super) struct SlopeSum {
    /// As computed.
    pub gradient: Vec<f64>,
    /// ‖g‖, as computed.
    pub nearest: f64,
    /// ‖g‖ is at least this.
    pub below: f64,
}

impl SlopeSum {
    pub fn of(network: &Shallow, active: &[bool], dual: Norm) -> Self {
        let d = network.inputs();
        let (mut gradient, mut size, mut terms) = (vec![0.0; d], vec![0.0_f64; d], 0);
        if let Some(a) = network.a() {
            gradient.copy_from_slice(a);
            size.iter_mut().zip(a).for_each(|(size, a)| *size = a.abs());
            terms = 1;
        }
        for i in (0..network.units()).filter(|&i| active[i] && network.v()[i] != 0.0) {
            terms += 1;
            for k in 0..d {
                let slope = network.v()[i] * network.w()[(i, k)];
                gradient[k] += slope;
                size[k] += slope.abs();
            }
        }
        let on = |i: &usize| active[*i];
        let from_below = |k: usize| {
            let entry = gradient[k].abs();
            let products = (0..network.units()).filter(on).map(|i| (network.v()[i], network.w()[(i, k)]));
            if nothing_rounded(size[k], products.chain(network.a().map(|a| (1.0, a[k])))) {
                entry
            } else {
                // The error is at most (n + 1)u·size and half the smallest double a product.
                let error = (terms + 2) as f64 * EPSILON * size[k] + terms as f64 * LEAST;
                add_down(entry, -error).max(0.0)
            }
        };
        let entries: Vec<f64> = (0..d).map(from_below).collect();
        Self { nearest: dual.of(&gradient), below: length_below(&entries, dual), gradient }
    }
}

/// At most the norm of entries that are not negative.
fn length_below(entries: &[f64], norm: Norm) -> f64 {
    match norm {
        Norm::Infinity => entries.iter().copied().fold(0.0, f64::max),
        Norm::One => entries.iter().copied().fold(0.0, add_down),
        Norm::Two => {
            let largest = entries.iter().copied().fold(0.0, f64::max);
            if !(largest > 0.0 && largest.is_finite()) {
                return if largest.is_finite() { largest } else { f64::MAX };
            }
            if entries.iter().filter(|a| **a != 0.0).count() == 1 {
                return largest;
            }
            // By a power of two, which rounds nothing but what vanishes beside the largest, and that from below.
            let scale = largest.log2().floor().clamp(-1000.0, 1000.0).exp2();
            let square = entries.iter().fold(0.0, |sum, a| {
                let entry = mul_down(*a, scale.recip());
                add_down(sum, mul_down(entry, entry).max(0.0))
            });
            mul_down(sqrt_down(square.max(0.0)), scale)
        }
    }
}

/// Whether sums of the products a·b in any order are exact, `size` being the computed sum of their magnitudes: all of them are
/// multiples of 2^q, and no partial sum reaches 2^(q + 53).
pub(super) fn nothing_rounded(size: f64, products: impl Iterator<Item = (f64, f64)>) -> bool {
    let mut lowest = i32::MAX;
    for (a, b) in products {
        if a == 0.0 || b == 0.0 {
            continue;
        }
        lowest = lowest.min(trailing_exponent(a) + trailing_exponent(b));
        // Doubles above 2^q·2⁵³ need not be multiples of 2^q; those below are kept, and so are their sums.
        if lowest < -1074 || size >= f64::from((lowest + 53).min(1023)).exp2() {
            return false;
        }
    }
    true
}

/// e with `a = odd integer × 2^e`, for finite a ≠ 0.
pub(super) fn trailing_exponent(a: f64) -> i32 {
    let bits = a.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as i32;
    let fraction = bits & ((1 << 52) - 1);
    let (mantissa, exponent) = if exponent == 0 { (fraction, -1074) } else { (fraction | 1 << 52, exponent - 1075) };
    exponent + mantissa.trailing_zeros() as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exact_numbers::{compare_length, gradient};
    use crate::outward::tests::network_of_any_scale;
    use proptest::prelude::*;
    use std::cmp::Ordering;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3000))]

        /// Every double above the lower bound that is more than the rounding away is above the length too.
        #[test]
        fn the_length_is_from_below_and_close(m in 1usize..9, d in 1usize..5, seed in any::<u64>(), on in any::<u16>()) {
            let network = network_of_any_scale(m, d, seed);
            let active: Vec<bool> = (0..m).map(|i| on >> i & 1 == 1).collect();
            let exact = gradient(&network, &active);
            for norm in [Norm::One, Norm::Two, Norm::Infinity] {
                let sum = SlopeSum::of(&network, &active, norm);
                prop_assert!(sum.below.is_finite());
                prop_assert!(compare_length(norm, &exact, sum.below) != Ordering::Less, "{norm:?} {}", sum.below);
                let size = (0..m).filter(|&i| active[i]).map(|i| {
                    (0..d).map(|k| (network.v()[i] * network.w()[(i, k)]).abs()).sum::<f64>()
                }).sum::<f64>() + network.a().unwrap_or_default().iter().map(|a| a.abs()).sum::<f64>();
                if size.is_finite() {
                    let above = sum.below + 40.0 * EPSILON * size + 1e-321;
                    prop_assert!(compare_length(norm, &exact, above) != Ordering::Greater);
                }
            }
        }
    }

    #[test]
    fn whole_numbers_lose_nothing() {
        let network = Shallow::new(faer::mat![[3.0, 4.0], [1.0, 2.0]], vec![0.0; 2], vec![2.0, -1.0], 0.0).unwrap();
        for (norm, length) in [(Norm::One, 14.0), (Norm::Two, 10.0), (Norm::Infinity, 8.0)] {
            assert_eq!(SlopeSum::of(&network, &[true, false], norm).below, length);
        }
        assert_eq!(SlopeSum::of(&network, &[true, true], Norm::One).below, 11.0);
        let below = SlopeSum::of(&network, &[true, true], Norm::Two).below;
        assert!(below * below <= 61.0 && below.next_up() * below.next_up() > 61.0);
    }

    #[test]
    fn trailing_exponents_leave_odd_integers() {
        for a in [1.0, -3.0, 0.1, 6.0, 1e300, 5e-324, f64::MIN_POSITIVE, 0.75] {
            let e = trailing_exponent(a);
            if (-1000..=1000).contains(&e) {
                let odd = a / f64::from(e).exp2();
                assert!(odd.fract() == 0.0 && (odd / 2.0).fract() != 0.0, "{a} {e}");
            }
        }
    }
}
