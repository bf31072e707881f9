//! What a method of [`polish`](super::polish()) is: its name, its sentence, what it asks for, and how it is told.

use crate::requirement::{self, Choice, Demand, Requirement, Setting};
use std::fmt;

/// A method, described. What runs it stands beside it in the registry.
#[derive(PartialEq)]
pub struct Described {
    /// The name by which users choose it.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub help: &'static str,
    /// What it asks of the other settings. All methods use the norm: where the bound is not in the objective, it is the norm of
    /// the bound that is told and proved.
    pub requires: &'static [Requirement],
    /// λ_L and λ_w where the user gives none.
    pub prices: (f64, f64),
    /// What it did, for the readers of a report: `{goal}` stands for the objective, `{bound}` for what L is, `{gap}` and
    /// `{in the last}` for how good it is proved to be, of all networks and of those of the last program.
    pub story: &'static str,
}

/// The method of a polish: one convex program, or a sequence of them.
#[derive(Clone, Copy, PartialEq)]
pub struct Method(pub(super) &'static Described);

impl Method {
    /// The name by which users choose it.
    pub const fn name(self) -> &'static str {
        self.0.name
    }

    /// What it is, in a sentence.
    pub const fn help(self) -> &'static str {
        self.0.help
    }

    /// What it asks of the other settings.
    pub const fn requires(self) -> &'static [Requirement] {
        self.0.requires
    }

    /// How reports tell of it: [`Described::story`].
    pub const fn story(self) -> &'static str {
        self.0.story
    }

    /// Whether its result depends on the setting.
    pub fn uses(self, setting: Setting) -> bool {
        requirement::uses(self.requires(), setting)
    }

    /// λ_L and λ_w where the user gives none.
    pub fn default_prices(self) -> (f64, f64) {
        self.0.prices
    }

    /// The method as a choice that was made.
    pub fn choice(self) -> Choice<'static> {
        Choice { kind: "method", name: self.name(), requires: self.requires() }
    }
}

// Prices are numbers.
impl Eq for Method {}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// It has no use for more time.
pub(super) const NO_EFFORT: Requirement = Requirement {
    setting: Setting::Effort,
    demand: Demand::Unused,
    hint: "only the method `walk` can use more time; leave the method or the effort out",
};

/// It begins with no multipliers.
pub(super) const NO_MULTIPLIERS: Requirement = Requirement {
    setting: Setting::Multipliers,
    demand: Demand::Unused,
    hint: "leave them out: only `alternating` begins with multipliers",
};

/// It does not price the bound.
pub(super) const NO_PRICE: Requirement = Requirement {
    setting: Setting::Lipschitz,
    demand: Demand::Unused,
    hint: "leave the price out or give 0; the method `joint` prices the bound beside the weights",
};

/// It does not price the bound, nor its square.
pub(super) const NO_PENALTY: Requirement = Requirement {
    setting: Setting::Penalty,
    demand: Demand::Unused,
    hint: "leave the penalty out; the method `joint` prices the bound beside the weights",
};

/// It keeps no limit.
pub(super) const NO_LIMIT: Requirement = Requirement {
    setting: Setting::MaxLipschitz,
    demand: Demand::Unused,
    hint: "leave the limit out; the method `joint` keeps one, with a price of the bound of 0 too",
};

/// Its objective is the loss of the rows as they are.
pub(super) const NO_TOLERANCE: Requirement = Requirement {
    setting: Setting::Tolerance,
    demand: Demand::Unused,
    hint: "leave the tolerance out, or take the method `convex`, which makes the worst case within it small",
};

/// It has no rounds, or ends them by itself.
pub(super) const NO_ROUNDS: Requirement = Requirement {
    setting: Setting::Rounds,
    demand: Demand::Unused,
    hint: "leave the rounds out; the methods `convex` and `alternating` have some",
};
