//! What a user may ask of the interval around a prediction.

use super::field::{Command, Field, Kind, Value, put_count, put_number};
use super::table::Table;
use crate::coverage::COVERAGE;
use crate::range::RADIUS;
use Command::Predict;

/// The interval around a prediction. `None` where nothing was said.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Interval {
    /// How far the inputs may move; without it there is no interval.
    pub radius: Option<f64>,
    /// Nodes of branch and bound.
    pub nodes: Option<usize>,
    /// The share of rows whose target is in the interval; without it the interval is one of predictions.
    pub coverage: Option<f64>,
}

impl Table for Interval {
    const FIELDS: &'static [Field<Self>] = &[
        Field {
            name: "radius",
            group: "Output",
            symbol: "RADIUS",
            kind: Kind::Number(RADIUS),
            help: "Add the interval that no perturbation of the standardized inputs by at most this can leave",
            more: "The bound behind it is that of the model's certificate, which is checked first, and where it is tighter the range of \
                   the network over the ball itself, by branch and bound.",
            commands: &[Predict],
            unsaid: |_| Some("no interval".into()),
            get: |interval| interval.radius.map_or(Value::Nothing, Value::Number),
            set: |interval, value| put_number(value, &mut |radius| interval.radius = Some(radius)),
            ..Field::PLAIN
        },
        Field {
            name: "nodes",
            group: "Output",
            symbol: "NUMBER",
            kind: Kind::Count(0, u32::MAX as u64),
            help: "Nodes of branch and bound for each end of each interval; 0 for the Lipschitz bound alone",
            more: "Where nothing is said, a table of so many rows that each would have a single node has all its intervals proved at once by a linear \
                   bound of each unit, and branch and bound makes the widest smaller. A number is for every row.",
            commands: &[Predict],
            unsaid: |_| Some("as many as take a few seconds".into()),
            get: |interval| interval.nodes.map_or(Value::Nothing, |count| Value::Count(count as u64)),
            set: |interval, value| put_count(value, &mut |count| interval.nodes = Some(count as usize)),
            ..Field::PLAIN
        },
        Field {
            name: "coverage",
            group: "Output",
            symbol: "SHARE",
            kind: Kind::Number(COVERAGE),
            help: "Add the interval that holds the target itself in this share of rows, such as 0.9",
            more: "Whatever errors within the tolerance, or within the radius, the inputs have. The model knows from training how far its predictions \
                   of rows that it did not learn from are off.",
            commands: &[Predict],
            unsaid: |_| Some("no such interval".into()),
            get: |interval| interval.coverage.map_or(Value::Nothing, Value::Number),
            set: |interval, value| put_number(value, &mut |coverage| interval.coverage = Some(coverage)),
            ..Field::PLAIN
        },
    ];
}
