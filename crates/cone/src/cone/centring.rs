//! Where an eigenvalue of `s∘z` is asked back to.

/// What takes an eigenvalue of `s∘z` to the nearer bound, at most as far as the upper bound's own size.
///
/// Not by `clamp`, which panics where rounding made the bounds NaN or turned them over.
pub(super) fn towards(value: f64, [low, high]: [f64; 2]) -> f64 {
    (value.max(low).min(high) - value).max(-high)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bounds that rounding turned over or made NaN, and values of any kind: a correction, or NaN, but no panic.
    #[test]
    fn corrections_exist_for_any_bounds() {
        let (nan, tiny) = (f64::NAN, 2.5e-26);
        for value in [0.0, -0.0, 1.0, -1.0, 1e-300, f64::MAX, f64::INFINITY, f64::NEG_INFINITY, nan] {
            for bounds in [[0.1, 10.0], [0.0, 0.0], [-tiny, -100.0 * tiny], [nan, nan], [0.0, f64::INFINITY]] {
                towards(value, bounds);
            }
        }
        assert_eq!((towards(0.5, [0.1, 10.0]), towards(0.05, [0.1, 10.0])), (0.0, 0.1 - 0.05));
        assert_eq!((towards(12.0, [0.1, 10.0]), towards(99.0, [0.1, 10.0])), (-2.0, -10.0));
    }
}
