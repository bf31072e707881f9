//! Runs of rows, and where they end.

use crate::Dataset;
use std::sync::Arc;

/// Rows of a shard, where they are not wide.
const ROWS: usize = 1 << 16;
/// Cells of a shard, where they are.
const CELLS: usize = 1 << 23;

/// How many rows a shard has, of rows with so many inputs; the last one may have fewer. It is a multiple of how many rows are bounded together.
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
