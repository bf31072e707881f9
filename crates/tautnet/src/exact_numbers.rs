//! Numbers that are never rounded, for the tests: an integer times a power of two, which every double, sum and product is.

use crate::{Norm, Shallow};
use num_bigint::BigInt;
use std::cmp::Ordering;
use std::ops::{Add, Mul, Neg, Sub};

/// integer · 2^exponent.
#[derive(Debug, Clone)]
pub(crate) struct Exact {
    integer: BigInt,
    exponent: i64,
}

impl Exact {
    /// The double, which is finite.
    pub fn of(x: f64) -> Self {
        assert!(x.is_finite(), "{x}");
        let bits = x.to_bits();
        let (exponent, fraction) = ((bits >> 52 & 0x7ff) as i64, (bits & ((1 << 52) - 1)) as i64);
        let (size, exponent) = if exponent == 0 { (fraction, -1074) } else { (fraction | 1 << 52, exponent - 1075) };
        Self { integer: BigInt::from(if x < 0.0 { -size } else { size }), exponent }
    }

    pub fn zero() -> Self {
        Self::of(0.0)
    }

    pub fn positive(&self) -> bool {
        self.integer > BigInt::from(0)
    }

    pub fn abs(self) -> Self {
        if self.positive() { self } else { -self }
    }

    fn at(&self, exponent: i64) -> BigInt {
        &self.integer << (self.exponent - exponent) as usize
    }

    fn together(&self, other: &Self) -> (BigInt, BigInt, i64) {
        let exponent = self.exponent.min(other.exponent);
        (self.at(exponent), other.at(exponent), exponent)
    }
}

impl Add for Exact {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let (a, b, exponent) = self.together(&other);
        Self { integer: a + b, exponent }
    }
}

impl Neg for Exact {
    type Output = Self;
    fn neg(self) -> Self {
        Self { integer: -self.integer, exponent: self.exponent }
    }
}

impl Sub for Exact {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for Exact {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self { integer: self.integer * other.integer, exponent: self.exponent + other.exponent }
    }
}

impl PartialEq for Exact {
    fn eq(&self, other: &Self) -> bool {
        self.partial_cmp(other) == Some(Ordering::Equal)
    }
}

impl PartialOrd for Exact {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let (a, b, _) = self.together(other);
        a.partial_cmp(&b)
    }
}

/// f(x).
pub(crate) fn value(network: &Shallow, x: &[f64]) -> Exact {
    let affine = network.a().unwrap_or_default().iter().zip(x);
    let affine = affine.fold(Exact::of(network.c()), |f, (a, x)| f + Exact::of(*a) * Exact::of(*x));
    (0..network.units()).fold(affine, |f, i| {
        let h = pre_activation(network, i, x);
        if h.positive() { f + Exact::of(network.v()[i]) * h } else { f }
    })
}

/// w_i·x + b_i.
pub(crate) fn pre_activation(network: &Shallow, i: usize, x: &[f64]) -> Exact {
    (0..x.len()).fold(Exact::of(network.b()[i]), |h, k| h + Exact::of(network.w()[(i, k)]) * Exact::of(x[k]))
}

/// a + Σ v_i w_i over the units that are on.
pub(crate) fn gradient(network: &Shallow, active: &[bool]) -> Vec<Exact> {
    (0..network.inputs())
        .map(|k| {
            let own = network.a().map_or_else(Exact::zero, |a| Exact::of(a[k]));
            (0..network.units())
                .filter(|&i| active[i])
                .fold(own, |sum, i| sum + Exact::of(network.v()[i]) * Exact::of(network.w()[(i, k)]))
        })
        .collect()
}

/// How ‖x‖ compares with a double that is not negative.
pub(crate) fn compare_length(norm: Norm, x: &[Exact], bound: f64) -> Ordering {
    let bound = Exact::of(bound);
    let sizes = x.iter().map(|a| a.clone().abs());
    let order = match norm {
        Norm::One => sizes.fold(Exact::zero(), |sum, a| sum + a).partial_cmp(&bound),
        Norm::Two => sizes.fold(Exact::zero(), |sum, a| sum + a.clone() * a).partial_cmp(&(bound.clone() * bound)),
        Norm::Infinity => sizes.fold(Exact::zero(), |most, a| if a > most { a } else { most }).partial_cmp(&bound),
    };
    order.expect("numbers compare")
}
