//! What governs an attack.

use crate::Loss;
use crate::error::{Error, Result};

/// How the worst point of a ball is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// One step to the boundary.
    FastGradient,
    /// Projected steps, restarts, exact line searches.
    ProjectedAscent,
}

impl Method {
    /// The random starts asked for, or the usual ones; refused where the method has none.
    pub fn restarts(self, asked: Option<usize>) -> Result<usize> {
        match (self, asked) {
            (Method::FastGradient, Some(asked)) => Err(Error::new(
                format!("the attack `fast-gradient` was given {asked} random starts, which it does not use"),
                "leave them out, or attack by `projected-ascent`",
            )),
            (_, asked) => Ok(asked.unwrap_or(3)),
        }
    }
}

/// What governs an attack.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What a wrong prediction costs.
    pub loss: Loss,
    /// L in the norm of the attack; `INFINITY` where none is known (the ceiling is then infinite).
    pub lipschitz_upper_bound: f64,
    /// The search.
    pub method: Method,
    /// Random starts of each row, radius and sign, besides the two that are not random.
    pub restarts: usize,
    /// Projected steps from each start.
    pub steps: usize,
    /// Most rounds of line searches.
    pub refinements: usize,
    /// Same seed, same attack, whatever the number of threads.
    pub seed: u64,
    /// Most nodes of branch and bound for each row, radius and end of the range; 0 for none.
    pub nodes: usize,
}

impl Settings {
    /// The strong attack, to be held against the given bound.
    pub fn new(lipschitz_upper_bound: f64) -> Self {
        Self {
            loss: Loss::default(),
            lipschitz_upper_bound,
            method: Method::ProjectedAscent,
            restarts: 3,
            steps: 15,
            refinements: 10,
            seed: 0,
            nodes: 0,
        }
    }
}
