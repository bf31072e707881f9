//! The names by which users choose methods and penalties, and what goes with them.

use super::settings::{Method, Penalty, Settings, Walk};
use super::uses::Setting;
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
        if self.uses(Setting::Lipschitz) { (0.01, 0.0) } else { (0.0, 1e-3) }
    }
}

impl Settings {
    /// The settings of a method at its own prices.
    pub fn of(method: Method) -> Self {
        let (lipschitz, decay) = method.default_prices();
        Self { method, lipschitz, decay, ..Self::default() }
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

/// How much time the search for better activation patterns is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Effort {
    /// As much as the method asks for.
    #[default]
    Normal,
    /// [`Method::Walk`] with longer and more searches: several times its time.
    High,
}

impl Effort {
    /// The name by which users choose it.
    pub fn name(self) -> &'static str {
        match self {
            Effort::Normal => "normal",
            Effort::High => "high",
        }
    }

    /// The method, [`Method::Joint`] where none is given at normal effort, and what a walk may spend.
    pub fn method(self, given: Option<Method>) -> Result<(Method, Walk)> {
        match (self, given) {
            (Effort::Normal, given) => Ok((given.unwrap_or(Method::Joint), Walk::default())),
            (Effort::High, Some(method)) if !method.uses(Setting::Effort) => Err(Error::new(
                format!("the effort `high` was asked for with the method `{}`", method.name()),
                Setting::Effort.uses().hint,
            )),
            (Effort::High, given) => Ok((given.unwrap_or(Method::Walk), Walk::thorough())),
        }
    }
}

impl std::str::FromStr for Effort {
    type Err = Error;

    /// The effort of that name.
    fn from_str(name: &str) -> Result<Self> {
        [Effort::Normal, Effort::High]
            .into_iter()
            .find(|effort| effort.name() == name)
            .ok_or_else(|| Error::new(format!("there is no effort called `{name}`"), "choose one of: normal, high"))
    }
}
