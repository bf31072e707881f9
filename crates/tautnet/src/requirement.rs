//! What a choice asks of the other settings, and the one check of it.
//!
//! A method, a start, a loss or a norm says beside its definition which settings it does not use, which values it works
//! with, and what it cannot do without. [`check`] holds all choices of a recipe against what was asked for and refuses
//! what does not go together before any work: by name, and with what would do.

use crate::error::{Error, Result};

/// A setting by which a user asks for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// The price of the bound, above 0.
    Lipschitz,
    /// The penalty, where it is the price on L².
    Penalty,
    /// The limit on the bound.
    MaxLipschitz,
    /// The price of the weights, above 0.
    Decay,
    /// The norm of input changes.
    Norm,
    /// Whether the output bias is free.
    OutputBias,
    /// Whether the network has a linear part.
    LinearPart,
    /// How wrong the inputs can be.
    Tolerance,
    /// The most rounds.
    Rounds,
    /// The relative gap to reach.
    Tol,
    /// The most iterations of one convex program.
    Iterations,
    /// The effort, where it is high.
    Effort,
    /// Multipliers to begin with: callers of the library only.
    Multipliers,
    /// What a wrong prediction costs.
    Loss,
    /// The method of a polish.
    Method,
    /// Random starts of an attack.
    Restarts,
}

/// What a choice asks of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// It does not use the setting, so that nothing may be asked for by it.
    Unused,
    /// It works with these values only, for the reason given.
    OneOf(&'static [&'static str], &'static str),
    /// The setting, or one of these in its place, must be asked for: without them the choice does what is said here.
    Needed(&'static [Setting], &'static str),
}

/// One line of what a choice asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requirement {
    /// The setting that it is about.
    pub setting: Setting,
    /// What is asked of the setting.
    pub demand: Demand,
    /// What the user can give instead.
    pub hint: &'static str,
}

/// A choice that was made, such as the method `joint`.
#[derive(Debug, Clone, Copy)]
pub struct Choice<'a> {
    /// What is chosen: "method", "start", "loss", "norm".
    pub kind: &'a str,
    /// The name by which it was chosen.
    pub name: &'a str,
    /// What the choice asks of the settings.
    pub requires: &'static [Requirement],
}

/// What was asked for by a setting.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// The value by name, without its parameter.
    pub value: String,
    /// All of it in words: "the price `lipschitz_price` 0.3".
    pub words: String,
}

impl Asked {
    /// A value and how it is told.
    pub fn new(value: impl Into<String>, words: impl Into<String>) -> Self {
        Self { value: value.into(), words: words.into() }
    }
}

/// Whether a choice uses a setting.
pub fn uses(requires: &[Requirement], setting: Setting) -> bool {
    !requires.iter().any(|requirement| requirement.setting == setting && requirement.demand == Demand::Unused)
}

/// What would do where a choice does not use a setting; nothing where it does.
pub fn hint(requires: &[Requirement], setting: Setting) -> &'static str {
    let unused = |requirement: &&Requirement| requirement.setting == setting && requirement.demand == Demand::Unused;
    requires.iter().find(unused).map_or("", |requirement| requirement.hint)
}

/// Refuse the first pair that does not go together. `asked` says what was asked for by a setting, if anything.
pub fn check(choices: &[Choice<'_>], asked: &dyn Fn(Setting) -> Option<Asked>) -> Result<()> {
    choices
        .iter()
        .flat_map(|choice| choice.requires.iter().map(move |requirement| (choice, requirement)))
        .try_for_each(|(choice, requirement)| choice.check(requirement, asked))
}

/// The same where several choices share their settings: what one of them does not use is left out for it, and not refused.
pub fn check_shared(choice: &Choice<'_>, asked: &dyn Fn(Setting) -> Option<Asked>) -> Result<()> {
    let used = choice.requires.iter().filter(|requirement| requirement.demand != Demand::Unused);
    used.into_iter().try_for_each(|requirement| choice.check(requirement, asked))
}

impl Choice<'_> {
    fn check(&self, requirement: &Requirement, asked: &dyn Fn(Setting) -> Option<Asked>) -> Result<()> {
        let Self { kind, name, .. } = self;
        let refused = |what: String| Err(Error::new(what, requirement.hint));
        match (requirement.demand, asked(requirement.setting)) {
            (Demand::Unused, Some(asked)) => {
                refused(format!("the {kind} `{name}` was given {}, which it does not use", asked.words))
            }
            (Demand::OneOf(values, why), Some(asked)) if !values.contains(&&*asked.value) => {
                refused(format!("the {kind} `{name}` {why}, and {} was asked for", asked.words))
            }
            (Demand::Needed(others, without), None) if others.iter().all(|other| asked(*other).is_none()) => {
                refused(format!("the {kind} `{name}` {without}"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUIRES: &[Requirement] = &[
        Requirement { setting: Setting::Effort, demand: Demand::Unused, hint: "leave it out" },
        Requirement { setting: Setting::Loss, demand: Demand::OneOf(&["a"], "works with a"), hint: "take a" },
        Requirement {
            setting: Setting::Lipschitz,
            demand: Demand::Needed(&[Setting::MaxLipschitz], "has nothing to do without a price"),
            hint: "give one",
        },
    ];

    const CHOICE: Choice<'static> = Choice { kind: "method", name: "m", requires: REQUIRES };

    fn told(asked: &[(Setting, &str)]) -> Result<()> {
        let asked = |setting| {
            let found = asked.iter().find(|(name, _)| *name == setting);
            found.map(|(_, value)| Asked::new(*value, format!("the thing `{value}`")))
        };
        check(&[CHOICE], &asked)
    }

    #[test]
    fn what_is_required_is_accepted_and_the_rest_refused_by_name() {
        let price = (Setting::Lipschitz, "0.1");
        assert_eq!(told(&[price]), Ok(()));
        assert_eq!(told(&[(Setting::MaxLipschitz, "1")]), Ok(()));
        assert_eq!(told(&[price, (Setting::Loss, "a")]), Ok(()));
        for (asked, what, hint) in [
            (
                vec![price, (Setting::Effort, "high")],
                "the method `m` was given the thing `high`, which it does not use",
                "leave it out",
            ),
            (
                vec![price, (Setting::Loss, "b")],
                "the method `m` works with a, and the thing `b` was asked for",
                "take a",
            ),
            (vec![], "the method `m` has nothing to do without a price", "give one"),
        ] {
            assert_eq!(told(&asked), Err(Error::new(what, hint)));
        }
    }

    #[test]
    fn what_is_shared_and_not_used_is_left_out() {
        let all = |_: Setting| Some(Asked::new("a", "anything"));
        assert!(check(&[CHOICE], &all).is_err() && check_shared(&CHOICE, &all).is_ok());
        assert!(check_shared(&CHOICE, &|_| None).is_err());
    }

    #[test]
    fn what_is_not_used_has_a_hint() {
        assert!(!uses(REQUIRES, Setting::Effort) && uses(REQUIRES, Setting::Loss) && uses(&[], Setting::Effort));
        assert_eq!((hint(REQUIRES, Setting::Effort), hint(REQUIRES, Setting::Decay)), ("leave it out", ""));
    }
}
