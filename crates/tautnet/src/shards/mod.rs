//! Rows that are not in memory together: questions that are asked of them, a shard at a time, and answers that merge.
//!
//! A *shard* is a run of rows: the first [`rows_in_shard`] rows are shard 0, and so on. A [`Question`] is plain data. Whoever holds a shard
//! answers it ([`Question::visit`]), wherever that is; answers of neighbours are merged ([`Answer::merge`]) in the order of a binary tree over the
//! numbers of the shards ([`Forest`]). So an answer depends on the rows and on their order alone: it has the same bytes on any number of threads,
//! with any amount of memory, and on any number of machines.
//!
//! ```text
//! shards    0   1   2   3   4          a forest of the shards 1 to 3:  {1}, {2,3}
//!            \ /     \ /    |          what it comes to with {0} and {4}: ((0 1)(2 3)) 4
//!             ·───────·     |
//!                 ·─────────·
//! ```

mod answer;
mod forest;
mod local;
mod question;

pub use answer::{Answer, Pick, Picks, Piece};
pub use forest::{Forest, Tree};
pub use local::{Feed, Held, Refeed, sweep};
pub use question::{Asked, Layers, Packed, Question, Share};

use crate::Dataset;
use crate::error::{Error, Result};
use std::sync::Arc;

/// Rows of a shard, where they are not wide.
const ROWS: usize = 1 << 16;
/// Cells of a shard, where they are.
const CELLS: usize = 1 << 23;

/// How many rows a shard has, of rows with so many inputs; the last one may have fewer.
pub fn rows_in_shard(inputs: usize) -> usize {
    let most = CELLS / inputs.max(1) / 256 * 256;
    most.clamp(256, ROWS)
}

/// A run of rows, and its place among all.
#[derive(Debug, Clone)]
pub struct Shard {
    /// How many shards are before it.
    pub number: u64,
    /// The number of its first row, from 0.
    pub first: u64,
    /// The rows, with one target.
    pub data: Arc<Dataset>,
}

/// Rows that can be asked.
pub trait Shards {
    /// How many inputs a row has.
    fn inputs(&self) -> usize;

    /// How many rows there are at least, where that is known beforehand: then less of them moves for a sample.
    fn rows(&self) -> Option<u64> {
        None
    }

    /// What all rows answer; `None` where it was time to end before the last.
    fn ask(&mut self, question: &Question) -> Result<Option<Answer>>;
}

/// Rows have answered something else than what they were asked.
pub(crate) fn odd() -> Error {
    Error::new(
        "the rows gave no answer that fits the question",
        "all machines must have the same version of the program",
    )
}

#[cfg(test)]
pub(crate) mod tests;
