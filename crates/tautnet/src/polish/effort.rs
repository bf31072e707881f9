//! How much time is given to the search for better patterns.

use super::method::Method;
use super::settings::Walk;
use super::{joint, walk};
use crate::error::{Error, Result};
use crate::requirement::Asked;

/// How much time the search for better activation patterns is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Effort {
    /// As much as the method asks for.
    #[default]
    Normal,
    /// The method `walk` with longer and more searches: several times its time. Where a network is chosen for a tolerance, four times
    /// the work of the choice.
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

    /// Both efforts.
    pub fn all() -> [Effort; 2] {
        [Effort::Normal, Effort::High]
    }

    /// What it is, in a sentence.
    pub fn help(self) -> &'static str {
        match self {
            Effort::Normal => "as much as the method asks for",
            Effort::High => {
                "the method `walk`, with longer and more searches: several times its time; in `train` with a tolerance, four times the usual \
                 work of the choice"
            }
        }
    }

    /// The method where none is given.
    pub fn method(self) -> Method {
        match self {
            Effort::Normal => joint::METHOD,
            Effort::High => walk::METHOD,
        }
    }

    /// How much work a walk may do.
    pub fn walk(self) -> Walk {
        match self {
            Effort::Normal => Walk::default(),
            Effort::High => Walk::thorough(),
        }
    }

    /// How many times its usual work a choice for a tolerance may do.
    pub fn of_a_choice(self) -> f64 {
        match self {
            Effort::Normal => 1.0,
            Effort::High => 4.0,
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
