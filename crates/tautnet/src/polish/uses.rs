//! Which method uses which setting. What a method does not use is refused where it is given, before any work.
//!
//! The table is [`USES`]. [`super::polish`] refuses by it, the command line and Python through it, and experiments, whose methods
//! share their settings, leave out by it what is not for a method ([`Settings::with_method`]).
//!
//! Limits of the work are not in it: `iterations`, `rounds` and `walk` bound what a method does that does it, and ask for
//! nothing.

use super::settings::{Method, Penalty, Settings, Walk};
use crate::error::{Error, Result};

/// A setting by which a user asks for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// [`Settings::lipschitz`] above 0.
    Lipschitz,
    /// [`Settings::penalty`], the price on L².
    Penalty,
    /// [`Settings::max_lipschitz`].
    MaxLipschitz,
    /// [`Settings::decay`].
    Decay,
    /// [`Settings::norm`].
    Norm,
    /// [`Settings::output_bias`].
    OutputBias,
    /// [`Settings::tolerance`].
    Tolerance,
    /// [`Effort::High`](super::Effort::High).
    Effort,
    /// [`Settings::multipliers`].
    Multipliers,
}

/// One setting, the methods that use it, and what would do where another method is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Uses {
    /// The setting.
    pub setting: Setting,
    /// The methods whose result depends on it.
    pub methods: &'static [Method],
    /// What would do.
    pub hint: &'static str,
}

const ALL: &[Method] = &[Method::Joint, Method::Walk, Method::Alternating, Method::WeightDecay];
/// The methods with the bound in their objective.
const BOUND: &[Method] = &[Method::Joint, Method::Walk, Method::Alternating];
const NO_HINT: &str = "";

/// The table. All methods use the norm: where the bound is not in the objective, it is the norm of the bound that is told and
/// proved.
pub const USES: [Uses; 9] = [
    Uses {
        setting: Setting::Lipschitz,
        methods: BOUND,
        hint: "leave the price out or give 0; the method `joint` prices the bound beside the weights",
    },
    Uses {
        setting: Setting::Penalty,
        methods: BOUND,
        hint: "leave the penalty out; the method `joint` prices the bound beside the weights",
    },
    Uses {
        setting: Setting::MaxLipschitz,
        methods: BOUND,
        hint: "leave the limit out; the method `joint` keeps one, with a price of the bound of 0 too",
    },
    Uses { setting: Setting::Decay, methods: ALL, hint: NO_HINT },
    Uses { setting: Setting::Norm, methods: ALL, hint: NO_HINT },
    Uses { setting: Setting::OutputBias, methods: ALL, hint: NO_HINT },
    Uses { setting: Setting::Tolerance, methods: ALL, hint: NO_HINT },
    Uses {
        setting: Setting::Effort,
        methods: &[Method::Walk],
        hint: "only the method `walk` can use more time; leave the method or the effort out",
    },
    Uses {
        setting: Setting::Multipliers,
        methods: &[Method::Alternating],
        hint: "leave them out: only `alternating` begins with multipliers",
    },
];

impl Setting {
    /// Its line of the table.
    pub fn uses(self) -> &'static Uses {
        USES.iter().find(|uses| uses.setting == self).expect("every setting has its line")
    }

    /// What the settings ask for by it, in words; `None` where they ask for nothing. (The effort is asked for before there
    /// are settings, and the settings that every method uses need no words.)
    fn given(self, settings: &Settings) -> Option<String> {
        match self {
            Setting::Lipschitz => {
                (settings.lipschitz > 0.0).then(|| format!("the price `lipschitz` {}", settings.lipschitz))
            }
            Setting::Penalty => {
                (settings.penalty != Penalty::L).then(|| format!("the penalty `{}`", settings.penalty.name()))
            }
            Setting::MaxLipschitz => settings.max_lipschitz.map(|limit| format!("the limit `max-lipschitz` {limit}")),
            Setting::Multipliers => settings.multipliers.as_ref().map(|given| format!("{} multipliers", given.len())),
            Setting::Decay | Setting::Norm | Setting::OutputBias | Setting::Tolerance | Setting::Effort => None,
        }
    }
}

impl Method {
    /// Whether its result depends on the setting.
    pub fn uses(self, setting: Setting) -> bool {
        setting.uses().methods.contains(&self)
    }
}

impl Settings {
    /// [`Self::check`], and refuse what the method does not use ([`USES`]) or could not do.
    pub fn check_run(&self) -> Result<()> {
        self.check()?;
        self.check_uses()?;
        if self.method == Method::Alternating && self.rounds == 0 {
            return Err(Error::new("`alternating` was given 0 rounds", "give at least 1; 20 are the default"));
        }
        if self.method == Method::Alternating && self.lipschitz == 0.0 && self.max_lipschitz.is_none() {
            return Err(Error::new(
                "`alternating` with `lipschitz` 0 has nothing to alternate between",
                "give a price above 0, or use the method `weight-decay`",
            ));
        }
        Ok(())
    }

    /// Refuse what the method does not use.
    fn check_uses(&self) -> Result<()> {
        for uses in USES.iter().filter(|uses| !uses.methods.contains(&self.method)) {
            if let Some(given) = uses.setting.given(self) {
                return Err(Error::new(
                    format!("the method `{}` was given {given}, which it does not use", self.method.name()),
                    uses.hint,
                ));
            }
        }
        Ok(())
    }

    /// These settings for another method, without what it does not use: for settings that several methods share.
    pub fn with_method(&self, method: Method) -> Self {
        let mut settings = Self { method, ..self.clone() };
        for uses in USES.iter().filter(|uses| !uses.methods.contains(&method)) {
            match uses.setting {
                Setting::Lipschitz => settings.lipschitz = 0.0,
                Setting::Penalty => settings.penalty = Penalty::L,
                Setting::MaxLipschitz => settings.max_lipschitz = None,
                Setting::Multipliers => settings.multipliers = None,
                Setting::Effort => settings.walk = Walk::default(),
                Setting::Decay | Setting::Norm | Setting::OutputBias | Setting::Tolerance => (),
            }
        }
        settings
    }
}
