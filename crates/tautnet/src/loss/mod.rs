//! Losses: what a wrong prediction costs.
//!
//! A loss is a convex function ℓ(f, y) of the prediction f and the target y, zero where they agree and nowhere negative. It
//! says everything that training, the convex program, attacks and reports need to know of it, so that a further loss is one
//! file of this folder and one line of [`ALL`].
//!
//! | loss | ℓ for the residual r = f − y | what fits best |
//! |---|---|---|
//! | `squared` | r² | the mean |
//! | `huber:δ` | r² up to \|r\| = δ, then 2δ\|r\| − δ² | the mean, with little heed to outliers |
//! | `quantile:τ` | (1 − τ)r above the target, −τr below | the level that a share τ of the targets stays under |
//!
//! **In the program.** A loss of this kind is a quadratic with exits. With prices α and β of leaving it above and below,
//!
//! ```text
//! ℓ(r) = min over p, n ≥ 0 of   q (r − p + n)² + α p + β n          (q = ∞:  r = p − n)
//! ```
//!
//! and the [`Form`] tells q, α and β.

mod huber;
mod quantile;
mod squared;

use crate::{
    Dataset, Network,
    error::{Error, Result},
    outward::{Interval, add_down, add_up},
};
use std::{fmt, ops::Deref, str::FromStr, sync::Arc};

/// The formulas of a loss. Blocks of rows are handed over whole, so that a formula is looked up once a block.
pub trait Formula: fmt::Debug + Send + Sync {
    /// ℓ(f, y).
    fn value(&self, f: f64, y: f64) -> f64;
    /// A slope of ℓ in f: the derivative, or one between those of both sides.
    fn slope(&self, f: f64, y: f64) -> f64;
    /// The second derivative in f, where there is one.
    fn curvature(&self, f: f64, y: f64) -> f64;
    /// `sup over f of slope·f − ℓ(f, y)`; infinite for slopes that ℓ does not have.
    fn conjugate(&self, slope: f64, y: f64) -> f64;
    /// What rises and falls with the loss of a residual, to compare two of them by.
    fn height(&self, r: f64) -> f64 {
        self.value(r, 0.0)
    }
    /// At least the largest ℓ of a prediction within `reach` of the interval.
    fn worst(&self, f: Interval, reach: f64, y: f64) -> f64;
    /// At most the least ℓ of a prediction in the interval.
    fn least(&self, f: Interval, y: f64) -> f64;
    /// How the convex program sees it.
    fn form(&self) -> Form;
    /// ℓ(cf, cy) = cⁿ ℓ(f, y) for this n, where a parameter in the units of the target grows with c.
    fn degree(&self) -> i32;
    /// The same loss with the unit of the target multiplied by `unit`.
    fn rescaled(&self, unit: f64) -> Loss;
    /// The name and the parameter, as they are asked for.
    fn name(&self) -> String;

    /// `Σ ω_k ℓ(f_k, y_k)` over a block; the predictions are overwritten with its derivatives by them, `ω_k ℓ'(f_k, y_k)`.
    fn weighted(&self, f: &mut [f64], y: &[f64], omega: &[f64]) -> f64 {
        let mut total = 0.0;
        for ((f, &y), &omega) in f.iter_mut().zip(y).zip(omega) {
            total += omega * self.value(*f, y);
            *f = omega * self.slope(*f, y);
        }
        total
    }
}

/// A loss as a quadratic with exits; `None` is infinite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Form {
    /// q: half the curvature of the quadratic.
    pub quadratic: Option<f64>,
    /// α: the price of leaving it above the target.
    pub above: Option<f64>,
    /// β: the price of leaving it below.
    pub below: Option<f64>,
}

/// One of [`ALL`], with its parameter.
#[derive(Clone)]
pub struct Loss(Arc<dyn Formula>);

/// What can be asked for: name, what its parameter is and its usual value, what the loss is in a few words.
#[derive(Clone, Copy)]
pub struct Entry {
    /// As it is asked for.
    pub name: &'static str,
    /// What the parameter is called, its usual value and its range in words.
    pub parameter: Option<(&'static str, f64, &'static str)>,
    /// One sentence.
    pub help: &'static str,
    /// The loss with its parameter, or nothing where that is out of range.
    make: fn(f64) -> Option<Arc<dyn Formula>>,
}

/// Every loss.
pub const ALL: &[Entry] = &[squared::ENTRY, huber::ENTRY, quantile::ENTRY];

impl Loss {
    /// Σ ω ℓ(f(x_k), y_k) / Σ ω, with weights of 1 where the rows have none.
    pub fn mean(&self, network: &Network, data: &Dataset) -> f64 {
        let mut f = network.predict(data.x.as_ref());
        let ones = if data.weights.is_none() { vec![1.0; f.len()] } else { Vec::new() };
        let omega = data.weights.as_deref().unwrap_or(&ones);
        self.weighted(&mut f, &data.y, omega) / omega.iter().sum::<f64>()
    }

    /// The constant prediction of the least mean loss.
    pub fn best_constant(&self, data: &Dataset) -> f64 {
        let weight = |k: usize| data.weights.as_ref().map_or(1.0, |weights| weights[k]);
        if self.is_squared() {
            let total: f64 = (0..data.rows()).map(weight).sum();
            return (0..data.rows()).map(|k| weight(k) * data.y[k]).sum::<f64>() / total;
        }
        // The slope of the mean rises from one side of the targets to the other.
        let slope = |c: f64| (0..data.rows()).map(|k| weight(k) * self.slope(c, data.y[k])).sum::<f64>();
        let (mut low, mut high) =
            data.y.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &y| (low.min(y), high.max(y)));
        for _ in 0..200 {
            let middle = 0.5 * (low + high);
            if slope(middle) < 0.0 { low = middle } else { high = middle }
        }
        high
    }

    /// Whether it is the squared error.
    pub fn is_squared(&self) -> bool {
        self.name() == squared::ENTRY.name
    }

    fn of(entry: &Entry, parameter: Option<f64>) -> Result<Self> {
        let refused = |what: String, range: &str| Error::new(what, format!("{} must be {range}", entry.name));
        let (usual, range) = match (entry.parameter, parameter) {
            (None, Some(given)) => {
                return Err(refused(
                    format!("the loss `{}` was given the number {given}", entry.name),
                    "without a number",
                ));
            }
            (None, None) => (0.0, ""),
            (Some((_, usual, range)), _) => (usual, range),
        };
        let value = parameter.unwrap_or(usual);
        (entry.make)(value).map(Self).ok_or_else(|| {
            Error::new(
                format!("the loss `{}:{value}` was asked for", entry.name),
                format!("the number must be {range}"),
            )
        })
    }
}

impl Default for Loss {
    fn default() -> Self {
        Self(Arc::new(squared::Squared))
    }
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

impl FromStr for Loss {
    type Err = Error;

    /// `name` or `name:number`.
    fn from_str(text: &str) -> Result<Self> {
        let (name, number) = text.split_once(':').map_or((text, None), |(name, number)| (name, Some(number)));
        let Some(entry) = ALL.iter().find(|entry| entry.name == name.trim()) else {
            let known: Vec<&str> = ALL.iter().map(|entry| entry.name).collect();
            return Err(Error::new(
                format!("there is no loss `{name}`"),
                format!("choose one of: {}", known.join(", ")),
            ));
        };
        let parameter = match number.map(|number| (number, number.trim().parse::<f64>())) {
            None => None,
            Some((_, Ok(number))) => Some(number),
            Some((word, Err(_))) => {
                return Err(Error::new(
                    format!("`{word}` is no number for the loss `{name}`"),
                    format!("give it as in `{}`", entry.example()),
                ));
            }
        };
        Self::of(entry, parameter)
    }
}

impl Entry {
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
fn worst(f: Interval, reach: f64, y: f64, at_most: impl Fn(f64) -> f64) -> f64 {
    let (low, high) = residuals(f, y);
    let (low, high) = (add_down(low, -reach), add_up(high, reach));
    let worst = at_most(low).max(at_most(high));
    // Where the interval is all of the line, so is the loss.
    if low.is_nan() || high.is_nan() { f64::INFINITY } else { worst }
}

/// The least of an interval of residuals: 0 where it holds 0.
fn least(f: Interval, y: f64, at_least: impl Fn(f64) -> f64) -> f64 {
    let (low, high) = residuals(f, y);
    match () {
        _ if low > 0.0 => at_least(low).max(0.0),
        _ if high < 0.0 => at_least(high).max(0.0),
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests;
