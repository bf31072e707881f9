//! Losses: what a wrong prediction costs.
//!
//! A loss is a convex function loss(f, y) of the prediction f and the target y, zero where they agree and nowhere
//! negative. It says everything that training, the convex program, attacks and reports need to know of it, so that a
//! further loss is one file of this folder and one line of [`ALL`].
//!
//! | loss | loss(r) of the residual r = f − y | what fits best |
//! |---|---|---|
//! | `squared` | r² | the mean |
//! | `absolute` | \|r\| | the median |
//! | `huber:δ` | r² up to \|r\| = δ, then 2δ\|r\| − δ² | the mean, with little heed to outliers |
//! | `quantile:τ` | (1 − τ)r above the target, −τr below | the level that a share τ of the targets stays under |
//! | `hinge` | (1 − yf)₊ for y = ±1 | the class that most have |
//! | `squared-hinge` | (1 − yf)₊² for y = ±1 | how much more likely one class is than the other |
//! | `logistic` | log(1 + exp(−yf)) for y = ±1 | the logarithm of how many times more likely one class is |
//!
//! **In the program.** A loss of this kind is a quadratic with exits. With prices α⁺ and α⁻ of leaving it above and
//! below,
//!
//! ```text
//! loss(r) = min over ξ⁺, ξ⁻ ≥ 0 of   η (r − ξ⁺ + ξ⁻)² + α⁺ ξ⁺ + α⁻ ξ⁻          (η = ∞:  r = ξ⁺ − ξ⁻)
//! ```
//!
//! and the [`Form`] tells η, α⁺ and α⁻. The hinge losses are of this kind, each class with prices of its own; the logistic loss is not:
//! the program takes its values and derivatives.

mod absolute;
mod cost;
mod formula;
mod hinge;
mod huber;
mod logistic;
mod margin;
mod mean;
mod quantile;
mod squared;
mod squared_hinge;
mod units;

pub(crate) use cost::Cost;
pub use formula::{Entry, Form, Formula, Loss};

use crate::{
    Dataset, Shallow,
    error::{Error, Result},
    requirement::{Asked, Choice},
    rows::Rows,
    shallow::worst_margin,
};
use std::{str::FromStr, sync::Arc};

/// Every loss.
pub const ALL: &[Entry] = &[
    squared::ENTRY,
    absolute::ENTRY,
    huber::ENTRY,
    quantile::ENTRY,
    hinge::ENTRY,
    squared_hinge::ENTRY,
    logistic::ENTRY,
];

impl Loss {
    /// Σ ω loss(f(x_k), y_k) / Σ ω, with weights of 1 where the rows have none; of several targets, the sum of their losses.
    pub fn mean(&self, network: &Shallow, data: &Dataset) -> f64 {
        let total = Rows::of(data).sweep(&mean::Losses { loss: self, network });
        total.loss / total.weight
    }

    /// The loss of one row with these targets. With several targets it is the sum over the outputs. A network with several outputs
    /// and one target has an output a class, and the target is the number of a class: the loss is that of the worst margin.
    pub fn of_row(&self, network: &Shallow, x: &[f64], targets: &[f64]) -> f64 {
        match targets {
            [y] if network.outputs() == 1 => self.value(network.value(x), *y),
            [y] => self.value(worst_margin(&network.outputs_of(x), *y as usize), 1.0),
            _ => network.outputs_of(x).iter().zip(targets).map(|(f, y)| self.value(*f, *y)).sum(),
        }
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

    /// What it is, and what can be asked for of its kind.
    pub fn entry(&self) -> &'static Entry {
        let name = self.name();
        let own = name.split(':').next();
        ALL.iter().find(|entry| Some(entry.name) == own).expect("every loss has its line")
    }

    /// What is asked for by it.
    pub fn asked(&self) -> Asked {
        Asked::new(self.entry().name, format!("the loss `{self}`"))
    }

    /// The loss as a choice that was made.
    pub fn choice(&self) -> Choice<'static> {
        let entry = self.entry();
        Choice { kind: "loss", name: entry.name, requires: entry.requires }
    }

    /// The sign of the residuals f − y that cost, where those of the other sign cost less than those at 0.
    pub fn harm(&self, y: f64) -> Option<f64> {
        self.is_margin().then(|| -margin::sign(y))
    }

    /// Refuse targets that it is not made for.
    pub fn check_targets(&self, y: &[f64]) -> Result<()> {
        match y.iter().position(|y| y.abs() != 1.0).filter(|_| self.is_margin()) {
            None => Ok(()),
            Some(k) => Err(Error::new(
                format!("the loss `{self}` takes the targets -1 and 1, but that of row {} is {}", k + 1, y[k]),
                "give the two classes as -1 and 1, or another loss",
            )),
        }
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
                    format!("`{word}` is not a number for the loss `{name}`"),
                    format!("give it as in `{}`", entry.example()),
                ));
            }
        };
        Self::of(entry, parameter)
    }
}

#[cfg(test)]
mod tests;
