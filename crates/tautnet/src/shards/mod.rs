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
mod asking;
mod forest;
mod local;
mod plain;
mod question;
mod shard;
mod smoothed;
mod within;

pub use answer::{Answer, Pick, Picks, Piece};
pub use asking::Shards;
pub use forest::{Forest, Tree};
pub use local::{Feed, Held, Refeed, sweep};
pub(crate) use plain::odd;
pub use plain::{Layers, Share};
pub use question::{Asked, Packed, Question};
pub use shard::{Shard, rows_in_shard};
pub(crate) use smoothed::smooth;

#[cfg(test)]
pub(crate) mod tests;
