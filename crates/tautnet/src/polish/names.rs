//! The names by which users choose methods and penalties, and what goes with them.

use super::settings::{Method, Penalty, Settings, Walk};
use crate::error::{Error, Result};
use crate::requirement::{Asked, Setting};

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

    /// What it is, in a sentence.
    pub fn help(self) -> &'static str {
        match self {
            Method::Joint => {
                "weights and multipliers together: the best of all networks with these activation patterns"
            }
            Method::Walk => "`joint`, then better patterns, in turn: lower objectives for more time",
            Method::Alternating => "multipliers, then weights, in turn",
            Method::WeightDecay => "weight decay only",
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

    /// Both.
    pub fn all() -> [Effort; 2] {
        [Effort::Normal, Effort::High]
    }

    /// What it is, in a sentence.
    pub fn help(self) -> &'static str {
        match self {
            Effort::Normal => "as much as the method asks for",
            Effort::High => "the method `walk`, with longer and more searches: several times its time",
        }
    }

    /// The method where none is given.
    pub fn method(self) -> Method {
        match self {
            Effort::Normal => Method::Joint,
            Effort::High => Method::Walk,
        }
    }

    /// What a walk may spend.
    pub fn walk(self) -> Walk {
        match self {
            Effort::Normal => Walk::default(),
            Effort::High => Walk::thorough(),
        }
    }

    /// What is asked for by it, where it is more than usual.
    pub fn asked(self) -> Option<Asked> {
        (self != Effort::Normal).then(|| Asked::new(self.name(), format!("the effort `{}`", self.name())))
    }
}

impl std::str::FromStr for Effort {
    type Err = Error;

    /// The effort of that name.
    fn from_str(name: &str) -> Result<Self> {
        Self::all()
            .into_iter()
            .find(|effort| effort.name() == name)
            .ok_or_else(|| Error::new(format!("there is no effort called `{name}`"), "choose one of: normal, high"))
    }
}
