//! What a user may ask of an attack, beside the settings that it shares with a fit.

use super::field::{Command, Field, Kind, Value, Word, put_count, put_word};
use super::table::Table;
use crate::attack::{self, Method, STEPS};
use crate::error::Result;
use crate::requirement::{self, Asked, Setting};
use Command::{Attack, Reproduce};

/// What is asked of an attack. `None` where nothing was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Search {
    /// How the worst perturbation is searched for.
    pub method: Method,
    /// Random starts of each row and radius.
    pub restarts: Option<usize>,
    /// Projected steps from each start.
    pub steps: usize,
    /// Nodes of branch and bound.
    pub nodes: Option<usize>,
}

impl Default for Search {
    fn default() -> Self {
        Self { method: Method::default(), restarts: None, steps: STEPS, nodes: None }
    }
}

impl Search {
    /// Refuse what the method does not use.
    pub fn check(&self) -> Result<()> {
        let asked = |setting| match setting {
            Setting::Restarts => {
                self.restarts.map(|count| Asked::new(count.to_string(), format!("{count} random starts")))
            }
            _ => None,
        };
        requirement::check(&[self.method.choice()], &asked)
    }

    /// The settings of the attack; `nodes` are those that are spent where nothing was said.
    pub fn resolve(&self, nodes: usize, settings: attack::Settings) -> Result<attack::Settings> {
        self.check()?;
        let restarts = self.restarts.unwrap_or(settings.restarts);
        let nodes = self.nodes.unwrap_or(nodes);
        Ok(attack::Settings { method: self.method, restarts, steps: self.steps, nodes, ..settings })
    }
}

impl Table for Search {
    const FIELDS: &'static [Field<Self>] = &[
        Field {
            name: "method",
            group: "Attack",
            symbol: "METHOD",
            kind: Kind::Word(|| Method::ALL.iter().map(|method| Word::new(method.name(), method.help())).collect()),
            help: "How the worst perturbation is searched for",
            commands: &[Attack],
            get: |search| Value::Word(search.method.name().into()),
            set: |search, value| put_word(value, &mut |method| search.method = method),
            ..Field::PLAIN
        },
        Field {
            name: "restarts",
            group: "Attack",
            symbol: "NUMBER",
            kind: Kind::Count(0, u16::MAX as u64),
            help: "Random starts of each row and radius",
            commands: &[Attack, Reproduce],
            unsaid: |_| {
                let [with, without] = [Method::ProjectedAscent, Method::FastGradient].map(Method::name);
                Some(format!("{} for the method `{with}`; `{without}` has none", attack::RESTARTS))
            },
            get: |search| search.restarts.map_or(Value::Nothing, |count| Value::Count(count as u64)),
            set: |search, value| put_count(value, &mut |count| search.restarts = Some(count as usize)),
            ..Field::PLAIN
        },
        Field {
            name: "attack_steps",
            group: "Attack",
            symbol: "NUMBER",
            kind: Kind::Count(0, u64::MAX),
            help: "Projected steps from each start of an attack",
            commands: &[Reproduce],
            get: |search| Value::Count(search.steps as u64),
            set: |search, value| put_count(value, &mut |count| search.steps = count as usize),
            ..Field::PLAIN
        },
        Field {
            name: "nodes",
            group: "Attack",
            symbol: "NUMBER",
            kind: Kind::Count(0, u32::MAX as u64),
            help: "Nodes of branch and bound for each row, radius and end of the range; 0 for none",
            commands: &[Attack],
            unsaid: |_| Some("as many as take a few seconds".into()),
            get: |search| search.nodes.map_or(Value::Nothing, |count| Value::Count(count as u64)),
            set: |search, value| put_count(value, &mut |count| search.nodes = Some(count as usize)),
            ..Field::PLAIN
        },
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attack_has_what_was_asked_for_or_is_refused_by_name() {
        let usual = Search::default().resolve(7, attack::Settings::new(1.0)).unwrap();
        assert_eq!(usual, attack::Settings { nodes: 7, ..attack::Settings::new(1.0) });
        let mut search = Search::default();
        search.set("restarts", &Value::Count(9)).unwrap();
        search.set("nodes", &Value::Count(0)).unwrap();
        let asked = search.resolve(7, attack::Settings::new(1.0)).unwrap();
        assert_eq!((asked.restarts, asked.nodes), (9, 0));
        search.set("method", &Value::Word("fast-gradient".into())).unwrap();
        let error = search.resolve(7, attack::Settings::new(1.0)).unwrap_err();
        assert_eq!(error.what, "the attack `fast-gradient` was given 9 random starts, which it does not use");
        assert!(Search { restarts: None, ..search }.check().is_ok());
        let error = search.set("method", &Value::Word("guess".into())).unwrap_err();
        assert!(error.hint.contains("projected-ascent, fast-gradient"), "{error:?}");
    }
}
