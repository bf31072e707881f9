//! What a user may ask of a walk, beside its effort: only experiment files do.

use super::field::{Command, Field, Kind, Value, put_count};
use super::table::Table;
use crate::polish::Walk;
use Command::Reproduce;

/// What a walk may spend.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rounds {
    /// What the method `walk` may spend.
    pub walk: Walk,
}

impl Table for Rounds {
    const FIELDS: &'static [Field<Self>] = &[
        Field {
            name: "walk_rounds",
            group: "Solver",
            symbol: "NUMBER",
            kind: Kind::Count(0, u64::MAX),
            help: "Most rounds of descent and joint program in one series of the method `walk`",
            commands: &[Reproduce],
            get: |rounds| Value::Count(rounds.walk.rounds as u64),
            set: |rounds, value| put_count(value, &mut |count| rounds.walk.rounds = count as usize),
            ..Field::PLAIN
        },
        Field {
            name: "walk_steps",
            group: "Solver",
            symbol: "NUMBER",
            kind: Kind::Count(0, u64::MAX),
            help: "Steps of each descent of a walk",
            commands: &[Reproduce],
            get: |rounds| Value::Count(rounds.walk.steps as u64),
            set: |rounds, value| put_count(value, &mut |count| rounds.walk.steps = count as usize),
            ..Field::PLAIN
        },
        Field {
            name: "walk_restarts",
            group: "Solver",
            symbol: "NUMBER",
            kind: Kind::Count(0, u64::MAX),
            help: "Further series of a walk, each from the best network with its weights moved at random",
            commands: &[Reproduce],
            get: |rounds| Value::Count(rounds.walk.restarts as u64),
            set: |rounds, value| put_count(value, &mut |count| rounds.walk.restarts = count as usize),
            ..Field::PLAIN
        },
        Field {
            name: "walk_flips",
            group: "Solver",
            symbol: "NUMBER",
            kind: Kind::Count(0, u64::MAX),
            help: "Most times that a walk turns over entries of its patterns at the end",
            commands: &[Reproduce],
            get: |rounds| Value::Count(rounds.walk.flips as u64),
            set: |rounds, value| put_count(value, &mut |count| rounds.walk.flips = count as usize),
            ..Field::PLAIN
        },
        Field {
            name: "walk_soft",
            group: "Solver",
            symbol: "NUMBER",
            kind: Kind::Count(0, u64::MAX),
            help: "Most rounds of descent and program with soft cells at the end of a walk",
            commands: &[Reproduce],
            get: |rounds| Value::Count(rounds.walk.soft as u64),
            set: |rounds, value| put_count(value, &mut |count| rounds.walk.soft = count as usize),
            ..Field::PLAIN
        },
    ];
}
