//! Activations: what a hidden unit makes of its weighted sum h.
//!
//! An activation says everything that evaluating, differentiating, describing and exporting a network needs to know of it, so
//! that a further activation is one file of this folder and one line of [`ALL`].
//!
//! | activation | what becomes of h | slopes |
//! |---|---|---|
//! | `identity` | h | 1 |
//! | `relu` | max(h, 0) | 0 and 1 |
//! | `leaky-relu:α` | max(h, αh) | α and 1 |
//! | `abs` | \|h\| | −1 and 1 |
//! | `crelu` | max(h, 0) and max(−h, 0) | 0 and 1, −1 and 0 |
//! | `sincos` | sin h and cos h | from −1 to 1 |
//! | `tanh` | tanh h | from 0 to 1 |
//! | `sine-pair` | (h + sin h)/2 and (h − sin h)/2 | from 0 to 1 |
//! | `maxmin` | of two sums the larger and the smaller | 0 and 1 |
//!
//! What makes two numbers of one has two *branches*. The next layer is given the first branch of all units, and then the
//! second of all units. `maxmin` takes the sums two by two; all others take each by itself, and have the formulas of one
//! [`Unit`].

mod abs;
mod crelu;
mod formula;
mod identity;
mod leaky_relu;
mod maxmin;
mod relu;
mod sincos;
mod sine_pair;
mod spelling;
mod tanh;

pub use formula::{Activation, Entry, Formula, Unit};
pub use spelling::Spelling;

use crate::error::{Error, Result};
use std::{str::FromStr, sync::Arc};

/// Every activation.
pub const ALL: &[Entry] = &[
    identity::ENTRY,
    relu::ENTRY,
    leaky_relu::ENTRY,
    abs::ENTRY,
    crelu::ENTRY,
    sincos::ENTRY,
    tanh::ENTRY,
    sine_pair::ENTRY,
    maxmin::ENTRY,
];

impl Activation {
    /// The activation max(h, 0).
    pub fn relu() -> Self {
        Self(Arc::new(relu::Relu))
    }

    /// The activation that hands on h itself. The last layer of a network has it.
    pub fn identity() -> Self {
        Self(Arc::new(identity::Identity))
    }

    /// Whether this is the activation max(h, 0).
    pub fn is_relu(&self) -> bool {
        self.name() == relu::ENTRY.name
    }

    /// Whether this activation hands on every number as it is.
    pub fn is_identity(&self) -> bool {
        self.name() == identity::ENTRY.name
    }

    /// Whether every branch is two lines that meet in (0, 0): what relu units and a linear part can say instead.
    pub fn is_piecewise_linear(&self) -> bool {
        self.unit().is_some_and(|unit| (0..unit.branches()).all(|branch| unit.pieces(branch).is_some()))
    }

    /// The same activation with another number, where it has one.
    pub fn with_number(&self, change: impl FnOnce(f64) -> f64) -> Result<Self> {
        let name = self.name();
        match name.split_once(':') {
            None => Ok(self.clone()),
            Some((kind, number)) => {
                let number: f64 = number.parse().expect("an activation writes its number as it is read");
                format!("{kind}:{}", change(number)).parse()
            }
        }
    }

    /// The activation that is spelled so, where there is one.
    pub fn spelled(spelling: &Spelling) -> Option<Self> {
        with_numbers(spelling).find(|activation| activation.spellings().contains(spelling))
    }

    /// Whether some activation is spelled so, or in a way of which this is a part.
    pub fn is_in_a_spelling(part: &Spelling) -> bool {
        with_numbers(part).any(|activation| activation.spellings().iter().any(|spelling| spelling.contains(part)))
    }

    fn of(entry: &Entry, parameter: Option<f64>) -> Result<Self> {
        let (usual, range) = match (entry.parameter, parameter) {
            (None, Some(given)) => {
                return Err(Error::new(
                    format!("the activation `{}` was given the number {given}", entry.name),
                    format!("write `{}` without a number", entry.name),
                ));
            }
            (None, None) => (0.0, ""),
            (Some((_, usual, range)), _) => (usual, range),
        };
        let value = parameter.unwrap_or(usual);
        (entry.make)(value).map(Self).ok_or_else(|| {
            Error::new(
                format!("the activation `{}:{value}` was asked for", entry.name),
                format!("the number must be {range}"),
            )
        })
    }
}

/// Every activation with the numbers that are in a spelling.
fn with_numbers(spelling: &Spelling) -> impl Iterator<Item = Activation> {
    let numbers = spelling.numbers();
    ALL.iter().flat_map(move |entry| {
        let given = if entry.parameter.is_some() { numbers.clone() } else { vec![0.0] };
        given.into_iter().filter_map(entry.make).map(Activation)
    })
}

impl FromStr for Activation {
    type Err = Error;

    /// `name` or `name:number`.
    fn from_str(text: &str) -> Result<Self> {
        let (name, number) = text.split_once(':').map_or((text, None), |(name, number)| (name, Some(number)));
        let Some(entry) = ALL.iter().find(|entry| entry.name == name.trim()) else {
            let known: Vec<&str> = ALL.iter().map(|entry| entry.name).collect();
            let name: String = name.chars().take(40).collect();
            return Err(Error::new(
                format!("there is no activation {name:?}"),
                format!("choose one of: {}", known.join(", ")),
            ));
        };
        let parameter = match number.map(|number| (number, number.trim().parse::<f64>())) {
            None => None,
            Some((_, Ok(number))) => Some(number),
            Some((word, Err(_))) => {
                let word: String = word.chars().take(40).collect();
                return Err(Error::new(
                    format!("{word:?} is not a number for the activation `{}`", entry.name),
                    format!("write it as in `{}`", entry.example()),
                ));
            }
        };
        Self::of(entry, parameter)
    }
}

#[cfg(test)]
mod tests;
