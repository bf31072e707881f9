//! Doubles with a wider exponent, and powers of two.

/// 2^exponent for −1022 ≤ exponent ≤ 1023.
pub(crate) fn power_of_two(exponent: i64) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

/// A number `fraction · 2^exponent` with 1 ≤ |fraction| < 2, or 0: products and quotients of doubles without overflow
/// or underflow. Each operation rounds once, with relative error at most u.
#[derive(Clone, Copy)]
pub(crate) struct Wide {
    fraction: f64,
    exponent: i64,
}

impl Wide {
    /// The exact value of a finite double.
    pub(crate) fn new(x: f64) -> Self {
        if x == 0.0 {
            return Self { fraction: 0.0, exponent: 0 };
        }
        // A subnormal number is first made normal, exactly.
        let (normal, shift) = if x.is_normal() { (x, 0) } else { (x * power_of_two(64), -64) };
        let bits = normal.to_bits();
        let exponent = ((bits >> 52) & 0x7ff) as i64 - 1023;
        let fraction = f64::from_bits((bits & !(0x7ff << 52)) | (1023 << 52));
        Self { fraction, exponent: exponent + shift }
    }

    fn shifted(self, exponent: i64) -> Self {
        Self { exponent: self.exponent + exponent, ..self }
    }

    /// The product, rounded once.
    pub(crate) fn times(self, other: Self) -> Self {
        Self::new(self.fraction * other.fraction).shifted(self.exponent + other.exponent)
    }

    /// The quotient, rounded once.
    pub(crate) fn over(self, other: Self) -> Self {
        Self::new(self.fraction / other.fraction).shifted(self.exponent - other.exponent)
    }

    /// The square root, rounded once.
    pub(crate) fn root(self) -> Self {
        let odd = self.exponent.rem_euclid(2);
        Self::new((self.fraction * (1 + odd) as f64).sqrt()).shifted((self.exponent - odd) / 2)
    }

    /// As a double: exact between 2⁻¹⁰⁰⁰ and 2¹⁰⁰⁰, else 0 or infinite.
    pub(crate) fn value(self) -> f64 {
        if self.fraction == 0.0 || self.exponent < -1000 {
            0.0
        } else if self.exponent <= 1000 {
            self.fraction * power_of_two(self.exponent)
        } else {
            self.fraction * f64::INFINITY
        }
    }
}
