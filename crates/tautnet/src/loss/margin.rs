//! What losses of a margin have in common. The targets are two classes, −1 and 1; the *margin* of a prediction f is yf, and says how far
//! it is on the right side of 0. With s = |y| every loss here is a function of the margin that grows with the unit of the
//! targets, so that it has a degree as the others have.

use crate::outward::{Interval, add_down, add_up};

/// On the side of its class, in the unit of the targets, and how large that is.
pub(super) fn margin(f: f64, y: f64) -> (f64, f64) {
    (sign(y) * f, y.abs())
}

/// Of the class.
pub(super) fn sign(y: f64) -> f64 {
    if y < 0.0 { -1.0 } else { 1.0 }
}

/// The worst of an interval for a loss that falls with the margin: at its lower end.
pub(super) fn worst(f: Interval, reach: f64, y: f64, at_most: impl Fn(f64, f64) -> f64) -> f64 {
    let low = if y < 0.0 { -add_up(f.high, reach) } else { add_down(f.low, -reach) };
    // Where the interval is all of the line, so is the loss.
    if low.is_nan() || f.low.is_nan() || f.high.is_nan() { f64::INFINITY } else { at_most(low, y.abs()) }
}

/// The least of an interval: at the upper end of the margin.
pub(super) fn least(f: Interval, y: f64, at_least: impl Fn(f64, f64) -> f64) -> f64 {
    let high = if y < 0.0 { -f.low } else { f.high };
    if high.is_nan() { 0.0 } else { at_least(high, y.abs()).max(0.0) }
}
