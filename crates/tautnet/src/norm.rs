//! The norm in which input perturbations are measured.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// The norm of an input perturbation; outputs are scalars.
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
    /// `‖x‖`.
    pub fn of(self, x: &[f64]) -> f64 {
        match self {
            Norm::One => x.iter().map(|a| a.abs()).sum(),
            Norm::Two => x.iter().map(|a| a * a).sum::<f64>().sqrt(),
            Norm::Infinity => x.iter().fold(0.0, |m, a| m.max(a.abs())),
        }
    }

    /// As users and files write it.
    pub fn name(self) -> &'static str {
        match self {
            Norm::One => "1",
            Norm::Two => "2",
            Norm::Infinity => "inf",
        }
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
    fn norms_are_found_by_their_names() {
        for norm in [Norm::One, Norm::Two, Norm::Infinity] {
            assert_eq!(norm.name().parse::<Norm>().unwrap(), norm);
        }
        assert!("3".parse::<Norm>().unwrap_err().what.contains("`3`"));
    }
}
