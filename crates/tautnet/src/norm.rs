//! The norm in which input perturbations are measured.

use crate::error::{Error, Result};
use crate::requirement::{Choice, Demand, Requirement, Setting};
use serde::{Deserialize, Serialize};

/// The norm in which changes of the inputs are measured. The output is a single number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Norm {
    /// Sum of absolute values.
    #[serde(rename = "1")]
    One,
    /// Euclidean length.
    #[serde(rename = "2")]
    Two,
    /// Largest absolute value.
    #[serde(rename = "inf")]
    Infinity,
}

impl Norm {
    /// The norm ‖x‖ of a vector.
    pub fn of(self, x: &[f64]) -> f64 {
        match self {
            Norm::One => x.iter().map(|a| a.abs()).sum(),
            Norm::Two => {
                let sum: f64 = x.iter().map(|a| a * a).sum();
                // Squares that overflow, or vanish where the length does not.
                if sum.is_finite() && sum > 1e-280 { sum.sqrt() } else { scaled_length(x) }
            }
            Norm::Infinity => x.iter().fold(0.0, |m, a| m.max(a.abs())),
        }
    }

    /// The name by which users and files call it.
    pub fn name(self) -> &'static str {
        match self {
            Norm::One => "1",
            Norm::Two => "2",
            Norm::Infinity => "inf",
        }
    }

    /// What it is, in a sentence.
    pub fn help(self) -> &'static str {
        match self {
            Norm::One => "sum of the changes of all inputs; for bounds, attacks and deep networks",
            Norm::Two => "Euclidean length of the change",
            Norm::Infinity => "largest change of any input, so that all may be off by as much at once",
        }
    }

    /// What it asks of the other settings.
    pub fn requires(self) -> &'static [Requirement] {
        match self {
            Norm::One => &[Requirement {
                setting: Setting::Method,
                demand: Demand::OneOf(&[], "is for bounds only"),
                hint: "fits and polishes work with the norms 2 and inf; networks with layers take all three",
            }],
            Norm::Two | Norm::Infinity => &[],
        }
    }

    /// The norm as a choice that was made.
    pub fn choice(self) -> Choice<'static> {
        Choice { kind: "norm", name: self.name(), requires: self.requires() }
    }

    /// The norm `q` with `|g·x| ≤ ‖g‖_q ‖x‖`: the one in which gradients are measured.
    pub fn dual(self) -> Norm {
        match self {
            Norm::One => Norm::Infinity,
            Norm::Two => Norm::Two,
            Norm::Infinity => Norm::One,
        }
    }
}

/// The Euclidean length by way of the largest entry.
fn scaled_length(x: &[f64]) -> f64 {
    let largest = Norm::Infinity.of(x);
    if largest == 0.0 || !largest.is_finite() {
        return x.iter().map(|a| a * a).sum::<f64>().sqrt();
    }
    largest * x.iter().map(|a| (a / largest).powi(2)).sum::<f64>().sqrt()
}

impl std::str::FromStr for Norm {
    type Err = Error;

    /// The norm of that name.
    fn from_str(name: &str) -> Result<Self> {
        [Norm::Two, Norm::Infinity, Norm::One].into_iter().find(|norm| norm.name() == name).ok_or_else(|| {
            Error::new(format!("there is no norm called `{name}`"), "choose one of: 2, inf, 1 (for bounds only)")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_right_at_every_scale() {
        for scale in [1e-310, 1e-200, 1e-150, 1.0, 1e150, 1e200, 1e307] {
            for norm in [Norm::One, Norm::Two, Norm::Infinity] {
                let expected = norm.of(&[3.0, -4.0, 0.0]) * scale;
                let length = norm.of(&[3.0 * scale, -4.0 * scale, 0.0]);
                assert!((length / expected - 1.0).abs() < 1e-12, "{norm:?} {scale}: {length}");
            }
        }
        assert_eq!(Norm::Two.of(&[0.0, -0.0]), 0.0);
        assert_eq!(Norm::Two.of(&[1.0, f64::INFINITY]), f64::INFINITY);
        assert!(Norm::Two.of(&[0.0, f64::NAN]).is_nan());
    }

    #[test]
    fn norms_are_found_by_their_names() {
        for norm in [Norm::One, Norm::Two, Norm::Infinity] {
            assert_eq!(norm.name().parse::<Norm>().unwrap(), norm);
        }
        assert!("3".parse::<Norm>().unwrap_err().what.contains("`3`"));
    }
}
