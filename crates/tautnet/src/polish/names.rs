//! The names by which users choose methods and penalties, and what goes with them.

use super::{Method, Penalty};
use crate::error::{Error, Result};

impl Method {
    /// Every method.
    pub fn all() -> [Method; 4] {
        [Method::Joint, Method::Walk, Method::Alternating, Method::WeightDecay]
    }

    /// The name by which users choose it.
    pub fn name(self) -> &'static str {
        match self {
            Method::Joint => "joint",
            Method::Walk => "walk",
            Method::Alternating => "alternating",
            Method::WeightDecay => "weight-decay",
        }
    }

    /// λ_L and λ_w where the user gives none.
    pub fn default_prices(self) -> (f64, f64) {
        if self == Method::WeightDecay { (0.0, 1e-3) } else { (0.01, 0.0) }
    }
}

impl std::str::FromStr for Method {
    type Err = Error;

    /// The method of that name.
    fn from_str(name: &str) -> Result<Self> {
        Self::all().into_iter().find(|method| method.name() == name).ok_or_else(|| {
            let names: Vec<_> = Self::all().into_iter().map(Self::name).collect();
            Error::new(format!("there is no method called `{name}`"), format!("choose one of: {}", names.join(", ")))
        })
    }
}

impl Penalty {
    /// The name by which users choose it.
    pub fn name(self) -> &'static str {
        match self {
            Penalty::L => "L",
            Penalty::LSquared => "L2",
        }
    }
}

impl std::str::FromStr for Penalty {
    type Err = Error;

    /// The penalty of that name.
    fn from_str(name: &str) -> Result<Self> {
        [Penalty::L, Penalty::LSquared]
            .into_iter()
            .find(|penalty| penalty.name() == name)
            .ok_or_else(|| Error::new(format!("there is no penalty called `{name}`"), "choose one of: L, L2"))
    }
}
