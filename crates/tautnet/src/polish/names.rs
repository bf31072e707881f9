//! The names by which users choose penalties.

use super::settings::Penalty;
use crate::error::{Error, Result};

impl Penalty {
    /// The name by which users choose it.
    pub fn name(self) -> &'static str {
        match self {
            Penalty::L => "L",
            Penalty::LSquared => "L2",
        }
    }

    /// Every penalty.
    pub fn all() -> [Penalty; 2] {
        [Penalty::L, Penalty::LSquared]
    }

    /// What is priced, in a sentence.
    pub fn help(self) -> &'static str {
        match self {
            Penalty::L => "λ·L",
            Penalty::LSquared => "λ·L²",
        }
    }
}

impl std::str::FromStr for Penalty {
    type Err = Error;

    /// The penalty of that name.
    fn from_str(name: &str) -> Result<Self> {
        Self::all()
            .into_iter()
            .find(|penalty| penalty.name() == name)
            .ok_or_else(|| Error::new(format!("there is no penalty called `{name}`"), "choose one of: L, L2"))
    }
}
