//! Numbers without rounding: m·2^e for doubles and what sums and products make of them, and fractions of two of these.

use num_bigint::{BigInt, Sign};
use std::cmp::Ordering;
use std::ops::{Add, Mul, Neg, Sub};

/// A whole number times a power of two.
#[derive(Debug, Clone)]
pub struct Dyadic {
    mantissa: BigInt,
    exponent: i64,
}

impl Dyadic {
    /// 0.
    pub fn zero() -> Self {
        Self { mantissa: BigInt::ZERO, exponent: 0 }
    }

    /// 1.
    pub fn one() -> Self {
        Self::of(1.0)
    }

    /// The exact value of a finite double.
    pub fn of(value: f64) -> Self {
        assert!(value.is_finite(), "{value} is not a number");
        let bits = value.to_bits();
        let (field, fraction) = ((bits >> 52 & 0x7ff) as i64, bits & ((1 << 52) - 1));
        // Subnormal numbers have no hidden bit and the exponent of the smallest normal ones.
        let (mantissa, exponent) = if field == 0 { (fraction, -1074) } else { (fraction | 1 << 52, field - 1075) };
        let mantissa = if value < 0.0 { -BigInt::from(mantissa) } else { BigInt::from(mantissa) };
        Self { mantissa, exponent }.trimmed()
    }

    /// Powers of two go to the exponent, so that numbers stay short.
    fn trimmed(mut self) -> Self {
        match self.mantissa.trailing_zeros() {
            None => Self::zero(),
            Some(zeros) => {
                self.mantissa >>= zeros;
                self.exponent += zeros as i64;
                self
            }
        }
    }

    /// −1, 0 or 1.
    pub fn sign(&self) -> i8 {
        match self.mantissa.sign() {
            Sign::Minus => -1,
            Sign::NoSign => 0,
            Sign::Plus => 1,
        }
    }

    /// Whether it is 0.
    pub fn is_zero(&self) -> bool {
        self.sign() == 0
    }

    /// |self|.
    pub fn abs(&self) -> Self {
        if self.sign() < 0 { -self } else { self.clone() }
    }

    /// About this, for messages.
    pub fn approximate(&self) -> f64 {
        if self.is_zero() {
            return 0.0;
        }
        // 60 leading bits, then the power of two in steps that neither overflow nor vanish early.
        let shift = (self.mantissa.bits() as i64 - 60).max(0);
        let leading: i64 = (&self.mantissa >> shift as u64).try_into().expect("60 bits");
        let mut value = leading as f64;
        let mut exponent = self.exponent + shift;
        while exponent != 0 && value != 0.0 && value.is_finite() {
            let step = exponent.clamp(-500, 500);
            value *= (step as f64).exp2();
            exponent -= step;
        }
        value
    }

    /// Both mantissas at the smaller exponent.
    fn aligned(&self, other: &Self) -> (BigInt, BigInt, i64) {
        let exponent = self.exponent.min(other.exponent);
        let shifted = |number: &Self| &number.mantissa << (number.exponent - exponent) as u64;
        (shifted(self), shifted(other), exponent)
    }
}

impl Neg for &Dyadic {
    type Output = Dyadic;

    fn neg(self) -> Dyadic {
        Dyadic { mantissa: -&self.mantissa, exponent: self.exponent }
    }
}

impl Add for &Dyadic {
    type Output = Dyadic;

    fn add(self, other: Self) -> Dyadic {
        if self.is_zero() {
            return other.clone();
        }
        if other.is_zero() {
            return self.clone();
        }
        let (a, b, exponent) = self.aligned(other);
        Dyadic { mantissa: a + b, exponent }.trimmed()
    }
}

impl Sub for &Dyadic {
    type Output = Dyadic;

    fn sub(self, other: Self) -> Dyadic {
        self + &-other
    }
}

impl Mul for &Dyadic {
    type Output = Dyadic;

    fn mul(self, other: Self) -> Dyadic {
        // The product of odd numbers is odd.
        Dyadic { mantissa: &self.mantissa * &other.mantissa, exponent: self.exponent + other.exponent }
    }
}

impl PartialEq for Dyadic {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Dyadic {}

impl PartialOrd for Dyadic {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Dyadic {
    fn cmp(&self, other: &Self) -> Ordering {
        let signs = self.sign().cmp(&other.sign());
        if signs != Ordering::Equal || self.is_zero() {
            return signs;
        }
        let (a, b, _) = self.aligned(other);
        a.cmp(&b)
    }
}

impl<'a> std::iter::Sum<&'a Dyadic> for Dyadic {
    fn sum<I: Iterator<Item = &'a Dyadic>>(numbers: I) -> Dyadic {
        numbers.fold(Dyadic::zero(), |sum, number| &sum + number)
    }
}

impl std::iter::Sum for Dyadic {
    fn sum<I: Iterator<Item = Dyadic>>(numbers: I) -> Dyadic {
        numbers.fold(Dyadic::zero(), |sum, number| &sum + &number)
    }
}

/// A quotient, not reduced: the denominator is above 0.
#[derive(Debug, Clone)]
pub struct Ratio {
    numerator: Dyadic,
    denominator: Dyadic,
}

impl Ratio {
    /// A quotient; the denominator must not be 0.
    pub fn new(numerator: Dyadic, denominator: Dyadic) -> Self {
        match denominator.sign() {
            1 => Self { numerator, denominator },
            -1 => Self { numerator: -&numerator, denominator: -&denominator },
            _ => panic!("a denominator is 0"),
        }
    }

    /// The exact value of a finite double.
    pub fn of(value: f64) -> Self {
        Self::whole(Dyadic::of(value))
    }

    /// A number without a denominator.
    pub fn whole(value: Dyadic) -> Self {
        Self { numerator: value, denominator: Dyadic::one() }
    }

    /// 0.
    pub fn zero() -> Self {
        Self::whole(Dyadic::zero())
    }

    /// |self|.
    pub fn abs(&self) -> Self {
        Self { numerator: self.numerator.abs(), denominator: self.denominator.clone() }
    }

    /// 1/self, of a number above 0.
    pub fn inverse(&self) -> Self {
        Self::new(self.denominator.clone(), self.numerator.clone())
    }

    /// About this, for messages. What a double cannot hold is 0 or infinite.
    pub fn approximate(&self) -> f64 {
        // A power of two is taken out of both parts first, so that a quotient of huge parts does not become NaN.
        let size = |number: &Dyadic| number.mantissa.bits() as i64 + number.exponent;
        let scaled = |number: &Dyadic| Dyadic { exponent: number.exponent - size(number), ..number.clone() };
        if self.numerator.is_zero() {
            return 0.0;
        }
        let quotient = scaled(&self.numerator).approximate() / scaled(&self.denominator).approximate();
        let whole = Dyadic::of(quotient);
        let exponent = whole.exponent + size(&self.numerator) - size(&self.denominator);
        Dyadic { exponent, ..whole }.approximate()
    }
}

impl Add for &Ratio {
    type Output = Ratio;

    fn add(self, other: Self) -> Ratio {
        let numerator = &(&self.numerator * &other.denominator) + &(&other.numerator * &self.denominator);
        Ratio { numerator, denominator: &self.denominator * &other.denominator }
    }
}

impl Sub for &Ratio {
    type Output = Ratio;

    fn sub(self, other: Self) -> Ratio {
        let numerator = &(&self.numerator * &other.denominator) - &(&other.numerator * &self.denominator);
        Ratio { numerator, denominator: &self.denominator * &other.denominator }
    }
}

impl Mul for &Ratio {
    type Output = Ratio;

    fn mul(self, other: Self) -> Ratio {
        Ratio { numerator: &self.numerator * &other.numerator, denominator: &self.denominator * &other.denominator }
    }
}

impl PartialEq for Ratio {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Ratio {}

impl PartialOrd for Ratio {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ratio {
    fn cmp(&self, other: &Self) -> Ordering {
        (&self.numerator * &other.denominator).cmp(&(&other.numerator * &self.denominator))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_what_they_are() {
        for value in [0.0, -0.0, 1.0, -0.1, 5e-324, -1e-310, f64::MIN_POSITIVE, 1e300, f64::MAX] {
            assert_eq!(Dyadic::of(value).approximate(), value);
            assert_eq!(Ratio::of(value).approximate(), value);
        }
        let tenth = Dyadic::of(0.1);
        let three: Dyadic = [&tenth, &tenth, &tenth].into_iter().sum();
        assert!(three > Dyadic::of(0.3) && three < Dyadic::of(0.1 + 0.2)); // neither of the two is three times 0.1
        assert_eq!(
            &Dyadic::of(1e300) * &Dyadic::of(1e300),
            &(&Dyadic::of(1e300) * &Dyadic::of(1e300)) + &Dyadic::zero()
        );
        let third = Ratio::new(Dyadic::one(), Dyadic::of(-3.0));
        assert_eq!(&(&third + &third) + &third, Ratio::of(-1.0));
        assert!(third < Ratio::of(-1.0 / 3.0) && third.abs().inverse() == Ratio::of(3.0));
        assert_eq!(third.approximate(), -1.0 / 3.0);
    }
}
