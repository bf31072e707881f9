//! Arithmetic whose result lies on a known side of the exact one, and the one evaluation of f that everything certified uses.
//!
//! Weights, inputs and targets are the exact values of the stored doubles, and f is a function of real numbers. What a computer
//! makes of f(x) differs from that by its rounding, so whatever is told about f is told of an interval around f(x).
//!
//! **Single operations.** The error of a rounded sum, product, quotient or root is itself a double, or its sign is known from one
//! (Dekker; Knuth): where it shows that the rounded result is already on the wanted side, or exact, that result is returned,
//! and else the next double. Where the error cannot be had because of underflow, the next double is returned.
//!
//! **Sums.** [`Sum`] keeps the errors of its additions and adds them up: what is left is of second order,
//! (n + 2)²ε² times the sum of the magnitudes, and nothing at all where no addition was rounded.
//!
//! **f(x).** [`enclose`] evaluates f with such sums, relu being applied to sum and correction together: the error is at
//! most (m + d + 8)²ε² times `|c| + Σ|a_k x_k| + Σ|v_i|(|b_i| + Σ|w_ik x_k|)`, plus 2⁻¹⁰²² for what underflows; with a linear part,
//! whose d products are terms of the outer sum too, (m + 2d + 8)²ε² times it. The derivation is section 9 of
//! `docs/mathematics/bounds.md`.

use crate::dense::EPSILON;
use crate::{Norm, Shallow};

/// Products, quotients and squares above this have errors that are doubles.
const ERROR_FREE: f64 = 1e-270;

/// A rounded result, and where the exact one lies beside it: the sign of `exact − rounded`, if it is known.
#[derive(Clone, Copy)]
struct Rounded {
    result: f64,
    rest: Option<f64>,
}

impl Rounded {
    fn up(self) -> f64 {
        if self.rest.is_some_and(|rest| rest <= 0.0) { self.result } else { self.result.next_up() }
    }

    fn down(self) -> f64 {
        if self.rest.is_some_and(|rest| rest >= 0.0) { self.result } else { self.result.next_down() }
    }
}

/// `(s, e)` with s the rounded sum and s + e = a + b exactly; e is NaN where s overflows.
pub(crate) fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let s = a + b;
    let t = s - a;
    (s, (a - (s - t)) + (b - t))
}

fn sum(a: f64, b: f64) -> Rounded {
    let (result, rest) = two_sum(a, b);
    Rounded { result, rest: rest.is_finite().then_some(rest) }
}

fn product(a: f64, b: f64) -> Rounded {
    let result = a * b;
    if a == 0.0 || b == 0.0 {
        // Also of an infinite bound, at the radius 0.
        return Rounded { result: if a.is_nan() || b.is_nan() { f64::NAN } else { 0.0 }, rest: Some(0.0) };
    }
    let known = result.is_finite() && result.abs() > ERROR_FREE;
    Rounded { result, rest: known.then(|| a.mul_add(b, -result)) }
}

fn quotient(a: f64, b: f64) -> Rounded {
    let result = a / b;
    if a == 0.0 {
        return Rounded { result, rest: Some(0.0) };
    }
    let known = result.is_finite() && result.abs() > ERROR_FREE && a.abs() > ERROR_FREE && b.is_finite();
    Rounded { result, rest: known.then(|| (-result).mul_add(b, a) * b.signum()) }
}

fn root(x: f64) -> Rounded {
    let result = x.sqrt();
    if x == 0.0 {
        return Rounded { result, rest: Some(0.0) };
    }
    Rounded { result, rest: (x > ERROR_FREE && x.is_finite()).then(|| (-result).mul_add(result, x)) }
}

/// At least a + b.
pub(crate) fn add_up(a: f64, b: f64) -> f64 {
    sum(a, b).up()
}

/// At most a + b.
pub(crate) fn add_down(a: f64, b: f64) -> f64 {
    sum(a, b).down()
}

/// At least ab.
pub fn mul_up(a: f64, b: f64) -> f64 {
    product(a, b).up()
}

/// At most ab.
pub(crate) fn mul_down(a: f64, b: f64) -> f64 {
    product(a, b).down()
}

/// At least a/b.
pub(crate) fn div_up(a: f64, b: f64) -> f64 {
    quotient(a, b).up()
}

/// At most a/b.
pub(crate) fn div_down(a: f64, b: f64) -> f64 {
    quotient(a, b).down()
}

/// At least √x.
pub(crate) fn sqrt_up(x: f64) -> f64 {
    root(x).up()
}

/// At most √x.
pub(crate) fn sqrt_down(x: f64) -> f64 {
    root(x).down().max(0.0)
}

/// At least |a − b|, and equal to it where that is a double.
pub(crate) fn distance_up(a: f64, b: f64) -> f64 {
    if a >= b { add_up(a, -b) } else { add_up(b, -a) }
}

/// ab rounded, and how far from ab that is at most.
pub(crate) fn product_and_error(a: f64, b: f64) -> (f64, f64) {
    let Rounded { result, rest } = product(a, b);
    // Where the error is not known to be a double, it is one up to the smallest double.
    let error = rest.map_or_else(|| add_up(a.mul_add(b, -result).abs(), f64::MIN_POSITIVE), f64::abs);
    (result, if error.is_nan() { f64::INFINITY } else { error })
}

/// Whether the norm of entries that are not negative is at most the radius, for certain.
pub(crate) fn length_at_most(norm: Norm, entries: impl Iterator<Item = f64>, radius: f64) -> bool {
    match norm {
        Norm::One => entries.fold(0.0, add_up) <= radius,
        Norm::Infinity => entries.fold(0.0, f64::max) <= radius,
        Norm::Two => {
            // In units of about the radius, by a power of two.
            let unit = radius.log2().floor().clamp(-1000.0, 1000.0).exp2().recip();
            let square = entries.fold(0.0, |sum, a| {
                let entry = mul_up(a, unit);
                add_up(sum, mul_up(entry, entry))
            });
            let side = mul_down(radius, unit);
            square <= mul_down(side, side)
        }
    }
}

/// A sum whose rounding is kept beside it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sum {
    sum: f64,
    correction: f64,
    /// Σ|terms|, as computed.
    size: f64,
    terms: usize,
    /// Whether anything was rounded.
    rounded: bool,
}

impl Sum {
    /// One more term.
    pub fn add(&mut self, x: f64) {
        let (sum, rest) = two_sum(self.sum, x);
        self.sum = sum;
        self.correction += rest;
        self.rounded |= rest != 0.0;
        self.size += x.abs();
        self.terms += 1;
    }

    /// One more term, a product.
    pub fn add_product(&mut self, a: f64, b: f64) {
        let product = a * b;
        let rest = a.mul_add(b, -product);
        // Where the product underflows its error may not be a double.
        let vanishing = product.abs() < ERROR_FREE && a != 0.0 && b != 0.0;
        self.add(product);
        self.correction += rest;
        self.rounded |= rest != 0.0 || vanishing;
    }

    fn value(&self) -> f64 {
        self.sum + self.correction
    }

    /// Around the exact sum of terms that were added by [`Self::add`].
    pub fn interval(&self) -> Interval {
        let factor = (self.terms + 2) as f64 * EPSILON;
        self.within(factor * factor * self.size)
    }

    /// A double near the exact sum of terms and products, and how far from it that is at most; infinite where something
    /// overflows.
    pub fn value_and_error(&self) -> (f64, f64) {
        // A product counts for two terms.
        let factor = (2 * self.terms + 2) as f64 * EPSILON;
        let around = self.within(factor * factor * self.size + self.terms as f64 * f64::MIN_POSITIVE);
        let value = self.value();
        let error = distance_up(value, around.low).max(distance_up(value, around.high));
        (value, if error.is_nan() { f64::INFINITY } else { error })
    }

    /// Around what lies within `error` of the sum and its correction.
    fn within(&self, error: f64) -> Interval {
        if !self.rounded {
            let unbounded = !self.sum.is_finite();
            return if unbounded { Interval::EVERYTHING } else { Interval { low: self.sum, high: self.sum } };
        }
        let (value, rest) = two_sum(self.sum, self.correction);
        let error = add_up(error, rest.abs());
        let interval = Interval { low: add_down(value, -error), high: add_up(value, error) };
        if interval.low.is_finite() && interval.high.is_finite() { interval } else { Interval::EVERYTHING }
    }
}

/// Real numbers between two doubles.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// No number is smaller.
    pub low: f64,
    /// No number is larger.
    pub high: f64,
}

impl Interval {
    /// Where nothing is known.
    pub const EVERYTHING: Interval = Interval { low: f64::NEG_INFINITY, high: f64::INFINITY };

    /// At most every |number − y|.
    pub fn distance_down(&self, y: f64) -> f64 {
        add_down(self.low, -y).max(add_down(y, -self.high)).max(0.0)
    }
}

/// An interval that holds the real number f(x), for the weights and the input exactly as stored. All of the line where an
/// intermediate result overflows.
pub fn enclose(network: &Shallow, x: &[f64]) -> Interval {
    let (m, d) = (network.units(), network.inputs());
    let mut f = Sum::default();
    f.add(network.c());
    let (mut size, mut weights) = (network.c().abs(), 1.0);
    if let Some(a) = network.a() {
        a.iter().zip(x).for_each(|(&a, &x)| f.add_product(a, x));
        size = f.size;
        weights += d as f64;
    }
    for i in (0..m).filter(|&i| network.v()[i] != 0.0) {
        let mut h = Sum::default();
        h.add(network.b()[i]);
        (0..d).for_each(|k| h.add_product(network.w()[(i, k)], x[k]));
        let v = network.v()[i];
        size += v.abs() * h.size;
        weights += v.abs();
        // A NaN goes on, so that it is noticed at the end.
        let off = h.value() <= 0.0;
        f.rounded |= h.rounded;
        if !off {
            f.add_product(v, h.sum);
            f.correction += v * h.correction;
        }
    }
    let terms = m + d + 8 + network.a().map_or(0, <[f64]>::len);
    let factor = terms as f64 * EPSILON;
    f.within(factor * factor * size + (m + d) as f64 * weights * f64::MIN_POSITIVE)
}

#[cfg(test)]
#[path = "outward_tests.rs"]
pub(crate) mod tests;
