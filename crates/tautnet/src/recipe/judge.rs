//! What results are judged by: the rows held out, the trials, the radii of attacks.

use super::field::{Command, Field, Kind, Value, put_count, put_number};
use super::table::Table;
use crate::attack::RADII;
use crate::range::{RADIUS, Range};
use Command::{Attack, Compare, Polish, Reproduce, Train};

/// What results are judged by.
#[derive(Debug, Clone, PartialEq)]
pub struct Judge {
    /// Share of the rows held out.
    pub test: f64,
    /// How often a comparison holds out rows, trains and measures.
    pub trials: u64,
    /// Radii of attacks.
    pub radius: Vec<f64>,
}

/// The most trials that can be asked for.
const MOST_TRIALS: u64 = 10_000;

impl Default for Judge {
    fn default() -> Self {
        Self { test: 0.2, trials: 5, radius: RADII.to_vec() }
    }
}

impl Table for Judge {
    const FIELDS: &'static [Field<Self>] = &[
        Field {
            name: "test",
            group: "Data",
            symbol: "FRACTION",
            kind: Kind::Number(Range::Share),
            help: "Share of the rows that is held out, drawn at random",
            more: "In a comparison every trial draws its own. `train` and `polish` take a file in place of the share, too: its rows \
                   are the rows held out.",
            commands: &[Train, Polish, Compare, Reproduce],
            unsaid: |command| matches!(command, Train | Polish).then(|| "no row is held out".into()),
            get: |judge| Value::Number(judge.test),
            set: |judge, value| put_number(value, &mut |share| judge.test = share),
            ..Field::PLAIN
        },
        Field {
            name: "trials",
            group: "Comparison",
            symbol: "NUMBER",
            kind: Kind::Count(1, MOST_TRIALS),
            help: "Trials: each has its own split, starting weights and attack",
            commands: &[Compare, Reproduce],
            get: |judge| Value::Count(judge.trials),
            set: |judge, value| put_count(value, &mut |trials| judge.trials = trials),
            ..Field::PLAIN
        },
        Field {
            name: "radius",
            group: "Attack",
            symbol: "RADII",
            kind: Kind::Numbers(RADIUS),
            help: "Radii of attacks",
            more: "On the command line `FIRST:LAST:STEP`, or numbers separated by commas. In a comparison they increase.",
            commands: &[Attack, Compare, Reproduce],
            unsaid: |command| {
                (command == Attack).then(|| {
                    let radii = Value::Numbers(RADII.to_vec()).in_words();
                    format!("{radii}; none where there is a tolerance, of which 0, 1/2, 1, 3/2 and 2 times are told")
                })
            },
            get: |judge| Value::Numbers(judge.radius.clone()),
            set: |judge, value| {
                if let Value::Numbers(radii) = value {
                    judge.radius.clone_from(radii);
                }
                Ok(())
            },
            ..Field::PLAIN
        },
    ];
}
