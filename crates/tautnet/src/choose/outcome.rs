//! What comes of a choice.

use super::candidate::Candidate;
use crate::Shallow;
use serde::Serialize;

/// What validation says of a candidate, or of the mean of several: mean losses on rows held out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judgement {
    /// What was judged.
    pub candidate: Candidate,
    /// Without input error.
    pub clean: f64,
    /// The worst found within the tolerance.
    pub found: f64,
    /// What decides: the same, where the losses of wild rows count as the next smaller one.
    pub score: f64,
}

/// How a network was chosen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Choice {
    /// Rows that candidates were judged on, and the parts that they came in.
    pub rows: usize,
    /// How many parts were held out in turn.
    pub folds: usize,
    /// How many candidates were judged at all.
    pub candidates: usize,
    /// The starting network: that of ordinary training with the least error without input error.
    pub start: Judgement,
    /// The candidates that were judged on all parts, the best first.
    pub judged: Vec<Judgement>,
    /// The members of the mean.
    pub members: Vec<Candidate>,
    /// Mean losses of the mean of the members: without input error, and the worst found.
    pub result: (f64, f64),
    /// Whether all rows were learned from at the end.
    pub all_rows: bool,
    /// The networks of each part, with the rows that they did not learn from: start and result.
    #[serde(skip)]
    pub parts: Vec<Part>,
}

/// The networks that did not learn from some rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// The rows.
    pub held_out: Vec<usize>,
    /// The starting network.
    pub start: Shallow,
    /// The mean of the members.
    pub result: Shallow,
}

/// The networks of a choice.
#[derive(Debug, Clone, PartialEq)]
pub struct Chosen {
    /// Ordinary training.
    pub start: Shallow,
    /// The mean of the members.
    pub network: Shallow,
    /// How it was chosen.
    pub choice: Choice,
}

impl Chosen {
    /// One output of every network, by its number from 0.
    pub fn of_output(&self, output: usize) -> Self {
        let parts = self.choice.parts.iter().map(|part| Part {
            held_out: part.held_out.clone(),
            start: part.start.output(output),
            result: part.result.output(output),
        });
        Self {
            start: self.start.output(output),
            network: self.network.output(output),
            choice: Choice { parts: parts.collect(), ..self.choice.clone() },
        }
    }
}
