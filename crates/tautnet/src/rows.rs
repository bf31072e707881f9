//! What runs over the rows of the data: a *pass*, block by block.
//!
//! A pass says what one block of rows adds, and how these parts are taken together. Blocks may be visited on any thread and in
//! any order; their parts are taken together in the order of the blocks, and where a block ends depends on the number of
//! rows alone. So the result has the same bytes on any number of threads.
//!
//! A pass and its parts are plain data that refer to no row: rows that are elsewhere can be visited where they are.
//!
//! ```text
//! counts, minima, picks of few rows     a part is what the block comes to
//! sums that depend on the blocks        a part is the block's sum (gradients: a matrix product a block)
//! sums that go on from row to row       a part has a term a row, and `merge` adds them one by one
//! ```
//!
//! Sums of the last kind have the bytes of one loop over all rows, wherever the blocks end.

use crate::Dataset;
use faer::{Mat, MatRef};
use rayon::prelude::*;
use std::ops::Range;
use tautnet_cone::Stop;

/// Rows in a block: a block of inputs stays in the second-level cache.
pub(crate) const BLOCK: usize = 1024;
/// Multiplications from which several threads are worth it.
const WORTH_A_THREAD: usize = 1 << 20;
/// Blocks that are visited before their parts are taken together: the parts of no more are held at once.
const TOGETHER: usize = 64;

/// The blocks of `n` rows, `size` in each but the last.
pub(crate) fn blocks(n: usize, size: usize) -> impl Iterator<Item = Range<usize>> {
    (0..n.div_ceil(size)).map(move |b| b * size..((b + 1) * size).min(n))
}

/// Rows in memory: inputs, and targets and weights where they have any.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    x: MatRef<'a, f64>,
    /// The same, row after row, where they stand so.
    flat: Option<&'a [f64]>,
    y: &'a [f64],
    others: &'a [Vec<f64>],
    weights: Option<&'a [f64]>,
}

/// Some rows that stand together.
#[derive(Debug, Clone, Copy)]
pub struct Block<'a> {
    /// The number of its first row.
    pub first: usize,
    /// Inputs, rows × d.
    pub x: MatRef<'a, f64>,
    /// The same, row after row, where they stand so in memory.
    pub flat: Option<&'a [f64]>,
    /// Targets; none where the rows are inputs alone.
    pub y: &'a [f64],
    /// Further targets of all rows, not of the block alone, where rows have several.
    pub others: &'a [Vec<f64>],
    /// Sample weights; `None` means all equal.
    pub weights: Option<&'a [f64]>,
}

impl Block<'_> {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.x.nrows()
    }

    /// The weight of a row of the block.
    pub fn weight(&self, r: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[r])
    }

    /// How many targets a row has.
    pub fn targets(&self) -> usize {
        1 + self.others.len()
    }

    /// One of the targets of a row of the block.
    pub fn target(&self, r: usize, number: usize) -> f64 {
        if number == 0 { self.y[r] } else { self.others[number - 1][self.first + r] }
    }

    /// Numbers that come to the sum of the weights, where they are added one by one.
    pub fn weight_terms(&self) -> Vec<f64> {
        self.weights.map_or_else(|| vec![self.rows() as f64], <[f64]>::to_vec)
    }
}

/// What runs over rows.
pub trait Pass: Sync {
    /// Rows in a block.
    const ROWS: usize = BLOCK;
    /// What one block adds.
    type Part: Send;
    /// What all blocks come to.
    type Sum;

    /// Multiplications a row, about: threads are waked for much work only.
    fn work(&self) -> usize;
    /// What no rows come to.
    fn nothing(&self) -> Self::Sum;
    /// What one block adds.
    fn visit(&self, block: &Block<'_>) -> Self::Part;
    /// Add the part of the next block.
    fn merge(&self, into: &mut Self::Sum, next: Self::Part);
}

impl<'a> Rows<'a> {
    /// All rows of a data set.
    pub fn of(data: &'a Dataset) -> Self {
        Self { x: data.x.as_ref(), flat: None, y: &data.y, others: &data.others, weights: data.weights.as_deref() }
    }

    /// Inputs alone.
    pub fn inputs(x: MatRef<'a, f64>) -> Self {
        Self { x, flat: None, y: &[], others: &[], weights: None }
    }

    /// Inputs row after row, with a target and a weight each.
    pub fn flat(flat: &'a [f64], y: &'a [f64], weights: &'a [f64]) -> Self {
        let x = MatRef::from_row_major_slice(flat, y.len(), flat.len() / y.len().max(1));
        Self { x, flat: Some(flat), y, others: &[], weights: Some(weights) }
    }

    /// Number of rows, n.
    pub fn n(&self) -> usize {
        self.x.nrows()
    }

    /// Number of input columns, d.
    pub fn d(&self) -> usize {
        self.x.ncols()
    }

    /// The rows of these numbers, in their order.
    pub fn pick(&self, rows: &[usize]) -> Dataset {
        Dataset {
            x: Mat::from_fn(rows.len(), self.d(), |k, j| self.x[(rows[k], j)]),
            y: rows.iter().map(|&k| self.y[k]).collect(),
            others: self.others.iter().map(|other| rows.iter().map(|&k| other[k]).collect()).collect(),
            weights: self.weights.map(|weights| rows.iter().map(|&k| weights[k]).collect()),
        }
    }

    /// What the pass comes to on all rows. Much work is shared by the pool at hand, the common one where the caller has made none;
    /// a process that was forked has no threads of the common one, so there the caller makes a pool.
    pub fn sweep<P: Pass>(&self, pass: &P) -> P::Sum {
        self.sweep_until(pass, &Stop::default()).expect("nothing stops it")
    }

    /// The same, or `None` where it is time to stop before the last block.
    pub fn sweep_until<P: Pass>(&self, pass: &P, stop: &Stop) -> Option<P::Sum> {
        let visit = |range: &Range<usize>| (!stop.asked()).then(|| pass.visit(&self.block(range)));
        let blocks: Vec<Range<usize>> = blocks(self.n(), P::ROWS).collect();
        let mut sum = pass.nothing();
        if blocks.len() < 2 || self.n() * pass.work() < WORTH_A_THREAD {
            for range in &blocks {
                pass.merge(&mut sum, visit(range)?);
            }
            return Some(sum);
        }
        for together in blocks.chunks(TOGETHER) {
            let parts: Vec<Option<P::Part>> = together.par_iter().map(visit).collect();
            for part in parts {
                pass.merge(&mut sum, part?);
            }
        }
        Some(sum)
    }

    fn block(&self, range: &Range<usize>) -> Block<'a> {
        Block {
            first: range.start,
            x: self.x.subrows(range.start, range.len()),
            flat: self.flat.map(|flat| &flat[range.start * self.d()..range.end * self.d()]),
            y: if self.y.is_empty() { self.y } else { &self.y[range.clone()] },
            others: self.others,
            weights: self.weights.map(|weights| &weights[range.clone()]),
        }
    }
}

#[cfg(test)]
mod tests;
