//! What a loss is: its formulas, how the program sees it, how it is asked for.

use crate::outward::{Interval, add_down, add_up};
use crate::requirement::Requirement;
use std::{fmt, ops::Deref, sync::Arc};

/// The formulas of a loss. Blocks of rows are handed over whole, so that a formula is looked up once a block.
pub trait Formula: fmt::Debug + Send + Sync {
    /// loss(f, y), the loss of the prediction f for the target y.
    fn value(&self, f: f64, y: f64) -> f64;
    /// A slope of the loss in f: the derivative, or one between those of both sides.
    fn slope(&self, f: f64, y: f64) -> f64;
    /// The second derivative in f, where there is one.
    fn curvature(&self, f: f64, y: f64) -> f64;
    /// `sup over f of slope·f − loss(f, y)`; infinite for slopes that the loss does not have.
    fn conjugate(&self, slope: f64, y: f64) -> f64;
    /// What rises and falls with the loss of a residual, to compare two of them by.
    fn height(&self, r: f64) -> f64 {
        self.value(r, 0.0)
    }
    /// At least the largest loss of a prediction within `reach` of the interval.
    fn worst(&self, f: Interval, reach: f64, y: f64) -> f64;
    /// At most the least loss of a prediction in the interval.
    fn least(&self, f: Interval, y: f64) -> f64;
    /// How the convex program sees it at the target y; nothing where it is no quadratic with exits.
    fn form(&self, y: f64) -> Option<Form>;
    /// Whether it is a loss of the margin: then targets are the classes −1 and 1, and only one sign of the residual costs.
    fn is_margin(&self) -> bool {
        false
    }
    /// loss(cf, cy) = cʲ loss(f, y) for this j, where a parameter in the units of the target grows with c.
    fn degree(&self) -> i32;
    /// The same loss with the unit of the target multiplied by `unit`.
    fn rescaled(&self, unit: f64) -> Loss;
    /// The name and the parameter, as they are asked for.
    fn name(&self) -> String;

    /// `ω_k loss(f_k, y_k)` of every row of a block, written over the predictions.
    fn terms(&self, f: &mut [f64], y: &[f64], omega: &[f64]) {
        for ((f, &y), &omega) in f.iter_mut().zip(y).zip(omega) {
            *f = omega * self.value(*f, y);
        }
    }

    /// `Σ ω_k loss(f_k, y_k)` over a block; the predictions are overwritten with its derivatives by them,
    /// `ω_k loss′(f_k, y_k)`.
    fn weighted(&self, f: &mut [f64], y: &[f64], omega: &[f64]) -> f64 {
        let mut total = 0.0;
        for ((f, &y), &omega) in f.iter_mut().zip(y).zip(omega) {
            total += omega * self.value(*f, y);
            *f = omega * self.slope(*f, y);
        }
        total
    }
}

/// A loss as a quadratic that may be left above and below at a price, its *exits*; `None` is infinite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Form {
    /// η: half the curvature of the quadratic.
    pub quadratic: Option<f64>,
    /// α⁺: the price of leaving it above the target.
    pub above: Option<f64>,
    /// α⁻: the price of leaving it below.
    pub below: Option<f64>,
}

/// One of [`ALL`](super::ALL), with its parameter.
#[derive(Clone)]
pub struct Loss(pub(super) Arc<dyn Formula>);

/// A loss that can be asked for: its name, its parameter with the usual value, and what it is in a few words.
#[derive(Clone, Copy)]
pub struct Entry {
    /// The name by which it is asked for.
    pub name: &'static str,
    /// What the parameter is called, its usual value and its range in words.
    pub parameter: Option<(&'static str, f64, &'static str)>,
    /// What it is, in one sentence.
    pub help: &'static str,
    /// What it asks of the other settings.
    pub requires: &'static [Requirement],
    /// The loss with its parameter, or nothing where that is out of range.
    pub(super) make: fn(f64) -> Option<Arc<dyn Formula>>,
}

impl Deref for Loss {
    type Target = dyn Formula;
    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl PartialEq for Loss {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl fmt::Debug for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl Entry {
    /// What it is, and what its number is, in a sentence.
    pub fn help_in_full(&self) -> String {
        self.parameter.map_or(self.help.to_owned(), |(name, usual, range)| {
            format!("{} ({name}: {range}, {usual} where none is given)", self.help)
        })
    }

    /// How it is asked for, with the usual number.
    pub fn example(&self) -> String {
        self.parameter.map_or(self.name.to_owned(), |(_, usual, _)| format!("{}:{usual}", self.name))
    }
}

/// The residuals f − y of an interval of predictions, outward.
fn residuals(f: Interval, y: f64) -> (f64, f64) {
    (add_down(f.low, -y), add_up(f.high, -y))
}

/// The worst of an interval of residuals, for a loss that grows away from 0 on both sides.
pub(super) fn worst(f: Interval, reach: f64, y: f64, at_most: impl Fn(f64) -> f64) -> f64 {
    let (low, high) = residuals(f, y);
    let (low, high) = (add_down(low, -reach), add_up(high, reach));
    let worst = at_most(low).max(at_most(high));
    // Where the interval is all of the line, so is the loss.
    if low.is_nan() || high.is_nan() { f64::INFINITY } else { worst }
}

/// The least of an interval of residuals: 0 where it holds 0.
pub(super) fn least(f: Interval, y: f64, at_least: impl Fn(f64) -> f64) -> f64 {
    let (low, high) = residuals(f, y);
    match () {
        _ if low > 0.0 => at_least(low).max(0.0),
        _ if high < 0.0 => at_least(high).max(0.0),
        _ => 0.0,
    }
}
