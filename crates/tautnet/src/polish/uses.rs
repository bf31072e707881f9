//! What a method does not use is refused by [`check_run`](Settings::check_run), and left out where settings are shared.

use super::method::Method;
use super::settings::{Penalty, Settings, Walk};
use crate::error::Result;
use crate::requirement::{self, Asked, Demand, Setting};

impl Settings {
    /// What the settings ask for by one of them; `None` where they ask for nothing, or for what every choice allows. (The
    /// effort is asked for before there are settings.)
    pub fn asked(&self, setting: Setting) -> Option<Asked> {
        match setting {
            Setting::Lipschitz => (self.lipschitz_price > 0.0)
                .then(|| Asked::new("price", format!("the price `lipschitz_price` {}", self.lipschitz_price))),
            Setting::Penalty => (self.penalty != Penalty::L)
                .then(|| Asked::new(self.penalty.name(), format!("the penalty `{}`", self.penalty.name()))),
            Setting::MaxLipschitz => {
                self.max_lipschitz.map(|limit| Asked::new("limit", format!("the limit `max-lipschitz` {limit}")))
            }
            Setting::Multipliers => {
                self.multipliers.as_ref().map(|given| Asked::new("multipliers", format!("{} multipliers", given.len())))
            }
            Setting::Loss => Some(self.loss.asked()),
            Setting::LinearPart => self.linear_part.then(|| Asked::new("linear part", "a linear part")),
            Setting::Method => Some(Asked::new(self.method.name(), format!("the method `{}`", self.method.name()))),
            Setting::Iterations => (self.iterations != Self::of(self.method).iterations)
                .then(|| Asked::new("iterations", format!("the limit of {} `iterations`", self.iterations))),
            Setting::Tolerance => self.tolerance.as_ref().map(|_| Asked::new("tolerance", "a tolerance of the inputs")),
            Setting::Tol => (self.tol != Self::of(self.method).tol)
                .then(|| Asked::new("gap", format!("the relative gap `tol` {}", self.tol))),
            // A limit of rounds holds for whatever has some.
            Setting::Rounds => None,
            Setting::Decay | Setting::Norm | Setting::OutputBias | Setting::Effort | Setting::Restarts => None,
        }
    }

    /// [`Self::check`], and refuse what the method does not use ([`Method::requires`]) or could not do.
    pub fn check_run(&self) -> Result<()> {
        self.check()?;
        requirement::check(&[self.method.choice(), self.loss.choice()], &|setting| self.asked(setting))
    }

    /// These settings for another method, without what it does not use: for settings that several methods share.
    pub fn with_method(&self, method: Method) -> Self {
        let mut settings = Self { method, ..self.clone() };
        let unused = method.requires().iter().filter(|requirement| requirement.demand == Demand::Unused);
        for requirement in unused {
            match requirement.setting {
                Setting::Lipschitz => settings.lipschitz_price = 0.0,
                Setting::Penalty => settings.penalty = Penalty::L,
                Setting::MaxLipschitz => settings.max_lipschitz = None,
                Setting::Multipliers => settings.multipliers = None,
                Setting::Effort => settings.walk = Walk::default(),
                Setting::Iterations => settings.iterations = Self::of(method).iterations,
                Setting::Tolerance => settings.tolerance = None,
                Setting::Tol => settings.tol = Self::of(method).tol,
                Setting::Decay | Setting::Norm | Setting::OutputBias | Setting::LinearPart => (),
                Setting::Loss | Setting::Method | Setting::Restarts | Setting::Rounds => (),
            }
        }
        settings
    }
}
