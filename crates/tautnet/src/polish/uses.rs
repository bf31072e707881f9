//! What each method asks of the other settings. What a method does not use is refused where it is given, before any work.
//!
//! A method's line is in [`Method::requires`]. [`super::polish`] refuses by it, the command line and Python through it, and
//! experiments, whose methods share their settings, leave out by it what is not for a method ([`Settings::with_method`]).
//!
//! Limits of the work are not in it: `iterations`, `rounds` and `walk` bound what a method does that does it, and ask for
//! nothing.

use super::settings::{Method, Penalty, Settings, Walk};
use crate::error::{Error, Result};
use crate::requirement::{self, Asked, Choice, Demand, Requirement, Setting};

const NO_EFFORT: Requirement = Requirement {
    setting: Setting::Effort,
    demand: Demand::Unused,
    hint: "only the method `walk` can use more time; leave the method or the effort out",
};

const NO_MULTIPLIERS: Requirement = Requirement {
    setting: Setting::Multipliers,
    demand: Demand::Unused,
    hint: "leave them out: only `alternating` begins with multipliers",
};

const NO_PRICE: Requirement = Requirement {
    setting: Setting::Lipschitz,
    demand: Demand::Unused,
    hint: "leave the price out or give 0; the method `joint` prices the bound beside the weights",
};

const NO_PENALTY: Requirement = Requirement {
    setting: Setting::Penalty,
    demand: Demand::Unused,
    hint: "leave the penalty out; the method `joint` prices the bound beside the weights",
};

const NO_LIMIT: Requirement = Requirement {
    setting: Setting::MaxLipschitz,
    demand: Demand::Unused,
    hint: "leave the limit out; the method `joint` keeps one, with a price of the bound of 0 too",
};

const PRICE_OR_LIMIT: Requirement = Requirement {
    setting: Setting::Lipschitz,
    demand: Demand::Needed(
        &[Setting::MaxLipschitz],
        "has nothing to alternate between where the price `lipschitz` is 0 and the bound has no limit",
    ),
    hint: "give a price above 0 or a limit, or use the method `weight-decay`",
};

impl Method {
    /// What it asks of the other settings. All methods use the norm: where the bound is not in the objective, it is the norm
    /// of the bound that is told and proved.
    pub const fn requires(self) -> &'static [Requirement] {
        match self {
            Method::Joint => &[NO_EFFORT, NO_MULTIPLIERS],
            Method::Walk => &[NO_MULTIPLIERS],
            Method::Alternating => &[NO_EFFORT, PRICE_OR_LIMIT],
            Method::WeightDecay => &[NO_PRICE, NO_PENALTY, NO_LIMIT, NO_EFFORT, NO_MULTIPLIERS],
        }
    }

    /// Whether its result depends on the setting.
    pub fn uses(self, setting: Setting) -> bool {
        requirement::uses(self.requires(), setting)
    }

    /// The method as a choice that was made.
    pub fn choice(self) -> Choice<'static> {
        Choice { kind: "method", name: self.name(), requires: self.requires() }
    }
}

impl Settings {
    /// What the settings ask for by one of them; `None` where they ask for nothing, or for what every choice allows. (The
    /// effort is asked for before there are settings.)
    pub fn asked(&self, setting: Setting) -> Option<Asked> {
        match setting {
            Setting::Lipschitz => {
                (self.lipschitz > 0.0).then(|| Asked::new("price", format!("the price `lipschitz` {}", self.lipschitz)))
            }
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
            Setting::Decay | Setting::Norm | Setting::OutputBias | Setting::Tolerance | Setting::Effort => None,
        }
    }

    /// [`Self::check`], and refuse what the method does not use ([`Method::requires`]) or could not do.
    pub fn check_run(&self) -> Result<()> {
        self.check()?;
        requirement::check(&[self.method.choice(), self.loss.choice()], &|setting| self.asked(setting))?;
        if self.method == Method::Alternating && self.rounds == 0 {
            return Err(Error::new("`alternating` was given 0 rounds", "give at least 1; 20 are the default"));
        }
        Ok(())
    }

    /// These settings for another method, without what it does not use: for settings that several methods share.
    pub fn with_method(&self, method: Method) -> Self {
        let mut settings = Self { method, ..self.clone() };
        let unused = method.requires().iter().filter(|requirement| requirement.demand == Demand::Unused);
        for requirement in unused {
            match requirement.setting {
                Setting::Lipschitz => settings.lipschitz = 0.0,
                Setting::Penalty => settings.penalty = Penalty::L,
                Setting::MaxLipschitz => settings.max_lipschitz = None,
                Setting::Multipliers => settings.multipliers = None,
                Setting::Effort => settings.walk = Walk::default(),
                Setting::Decay | Setting::Norm | Setting::OutputBias | Setting::LinearPart | Setting::Tolerance => (),
                Setting::Loss | Setting::Method => (),
            }
        }
        settings
    }
}
