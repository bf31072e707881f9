//! Whoever answers for all rows.

use super::answer::Answer;
use super::question::Question;
use crate::error::Result;

/// Rows that can be asked.
pub trait Shards {
    /// How many inputs a row has.
    fn inputs(&self) -> usize;

    /// How many shards there are at most: their numbers are below.
    fn shards(&self) -> u64;

    /// How many rows there are at least, where that is known beforehand: then less of them moves for a sample.
    fn rows(&self) -> Option<u64> {
        None
    }

    /// What all rows answer, or those of the shards that are asked; `None` where it was time to end before the last.
    fn ask(&mut self, question: &Question) -> Result<Option<Answer>>;
}
