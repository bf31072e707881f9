//! What governs an attack.

use crate::Loss;
use crate::error::{Error, Result};
use crate::requirement::{Choice, Demand, Requirement, Setting};

/// How the worst point of a ball is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// Projected steps, restarts, exact line searches.
    #[default]
    ProjectedAscent,
    /// One step to the boundary.
    FastGradient,
}

/// Random starts of each row, radius and sign, where nothing else is said.
pub const RESTARTS: usize = 3;
/// Projected steps from each start, where nothing else is said.
pub const STEPS: usize = 15;
/// The radii, where nothing else is said; in standardized units.
pub const RADII: [f64; 6] = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5];

/// The multiples of a tolerance, where nothing else is said.
pub const SIZES: [f64; 5] = [0.0, 0.5, 1.0, 1.5, 2.0];

impl Method {
    /// Every method.
    pub const ALL: [Self; 2] = [Self::ProjectedAscent, Self::FastGradient];

    /// The name by which users choose it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ProjectedAscent => "projected-ascent",
            Self::FastGradient => "fast-gradient",
        }
    }

    /// What it is, in a sentence.
    pub fn help(self) -> &'static str {
        match self {
            Self::ProjectedAscent => "Projected steps (as PGD), restarts and exact line searches",
            Self::FastGradient => "One step along the steepest direction, to the boundary (FGSM)",
        }
    }

    /// What it asks of the other settings.
    pub fn requires(self) -> &'static [Requirement] {
        match self {
            Self::ProjectedAscent => &[],
            Self::FastGradient => &[Requirement {
                setting: Setting::Restarts,
                demand: Demand::Unused,
                hint: "leave them out, or attack by `projected-ascent`",
            }],
        }
    }

    /// The method as a choice that was made.
    pub fn choice(self) -> Choice<'static> {
        Choice { kind: "attack", name: self.name(), requires: self.requires() }
    }
}

impl std::str::FromStr for Method {
    type Err = Error;

    /// The method of that name.
    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::new(format!("there is no attack called `{name}`"), format!("choose one of: {names}"))
        })
    }
}

/// The settings of an attack.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What a wrong prediction costs.
    pub loss: Loss,
    /// L in the norm of the attack; `INFINITY` where none is known (the ceiling is then infinite).
    pub lipschitz_upper_bound: f64,
    /// How the worst point is searched for.
    pub method: Method,
    /// Random starts of each row, radius and sign, besides the two that are not random.
    pub restarts: usize,
    /// How many projected steps are taken from each start.
    pub steps: usize,
    /// The largest number of rounds of line searches.
    pub refinements: usize,
    /// The seed. The same seed gives the same attack, whatever the number of threads.
    pub seed: u64,
    /// The largest number of nodes of branch and bound for each row, radius and end of the range; 0 for no branch and
    /// bound.
    pub nodes: usize,
}

impl Settings {
    /// The strong attack, to be held against the given bound.
    pub fn new(lipschitz_upper_bound: f64) -> Self {
        Self {
            loss: Loss::default(),
            lipschitz_upper_bound,
            method: Method::ProjectedAscent,
            restarts: RESTARTS,
            steps: STEPS,
            refinements: 10,
            seed: 0,
            nodes: 0,
        }
    }
}
