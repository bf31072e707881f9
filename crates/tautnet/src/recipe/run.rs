//! What a user may ask of a run: how long it takes and how much of the machine it uses.

use super::field::{Command, Field, Kind, Value, put_count, put_number};
use super::table::Table;
use std::time::Duration;

/// What is asked of a run. It is not a part of the recipe, and no file keeps it: a result does not depend on the threads, and
/// a time limit says only when to stop.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Run {
    /// When to stop with the best so far.
    pub time_limit: Option<Duration>,
    /// How many threads compute; `None` for one a core.
    pub threads: Option<usize>,
}

/// The most threads that can be asked for.
const MOST_THREADS: u64 = 1024;

impl Table for Run {
    const FIELDS: &'static [Field<Self>] = &[
        Field {
            name: "time_limit",
            group: "Solver",
            symbol: "TIME",
            kind: Kind::Seconds,
            help: "Stop after this long with the best so far",
            more: "A number of seconds. On the command line, `s`, `m` or `h` may follow it: `30s`, `5m`, `2h`.",
            commands: &Command::ALL,
            unsaid: |_| Some("no limit".into()),
            get: |run| run.time_limit.map_or(Value::Nothing, |time| Value::Number(time.as_secs_f64())),
            set: |run, value| {
                put_number(value, &mut |seconds| run.time_limit = Duration::try_from_secs_f64(seconds).ok())
            },
            ..Field::PLAIN
        },
        Field {
            name: "threads",
            group: "Solver",
            symbol: "NUMBER",
            kind: Kind::Count(1, MOST_THREADS),
            help: "Threads to compute with",
            more: "The result does not depend on their number.",
            commands: &[Command::Train, Command::Polish, Command::Compare, Command::Attack, Command::Reproduce],
            unsaid: |_| Some("one a core".into()),
            get: |run| run.threads.map_or(Value::Nothing, |threads| Value::Count(threads as u64)),
            set: |run, value| put_count(value, &mut |threads| run.threads = Some(threads as usize)),
            ..Field::PLAIN
        },
    ];
}
