//! The program of one layer: its objective with the barrier, slopes, and products with the matrix of second derivatives.
//!
//! ```text
//! Σ_k ω_k cost( offset_k + J_k W̃ ã_k ; s m + spread )  +  λ u s  +  μ barrier(W, s)  +  ½ γ Σ_k ω_k |(W̃ − W̃_0) ã_k|²
//! ```
//!
//! s is at least the norm of W that counts, u the bound for each unit of it, and s m what the outputs may be off by. The last term holds the sums of the layer
//! near to what they were, where γ > 0.

use super::ball::{Barrier, inner};
use super::bounds::OfLayer;
use super::cost::Slopes;
use super::passes::{Held, Rows};
use super::spread::Spread;
use crate::{Norm, dense};
use faer::Mat;
use rayon::prelude::*;

/// Rows whose costs are added up at once.
const BLOCK: usize = 256;

/// What does not change while the program is solved.
pub(super) struct Program<'a> {
    pub rows: &'a Rows,
    pub held: &'a Held,
    pub layer: &'a OfLayer,
    /// Inputs of the layer, without the 1 of a bias.
    pub inputs: usize,
    pub norm: Norm,
    /// The price of s.
    pub price: f64,
    /// s stays below it.
    pub most: Option<f64>,
    /// γ, and what it is about: W̃_0 and the second moments of ã.
    pub damping: f64,
    pub start: &'a Mat<f64>,
    pub moments: &'a Mat<f64>,
}

/// How smooth it is: everything goes to 0 towards the end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Smoothing {
    /// μ.
    pub barrier: f64,
    /// What the cost of a row may be off by.
    pub soft: f64,
    /// ε of lengths.
    pub corner: f64,
}

/// W̃ and s.
#[derive(Debug, Clone)]
pub(super) struct Point {
    pub w: Mat<f64>,
    pub size: f64,
}

/// The objective at a point, with its slopes.
pub(super) struct Evaluated {
    pub value: f64,
    pub slopes: Mat<f64>,
    pub of_size: f64,
    outputs: Mat<f64>,
    moves: Vec<f64>,
    /// The slopes of the costs in what the outputs may be off by.
    of_moves: Vec<f64>,
    pub barrier: Option<Barrier>,
}

impl Program<'_> {
    /// Whether s is there at all.
    pub fn has_size(&self) -> bool {
        self.price > 0.0 || self.most.is_some() || self.layer.moves.is_some()
    }

    /// The weights without biases.
    pub fn plain(&self, w: &Mat<f64>) -> Mat<f64> {
        w.subcols(0, self.inputs).to_owned()
    }

    fn spread(&self, smoothing: Smoothing) -> Spread {
        Spread { norm: self.norm, corner: smoothing.corner }
    }

    fn moves(&self, at: &Point, smoothing: Smoothing) -> Vec<f64> {
        match (&self.layer.moves, self.layer.spread) {
            (Some(each), _) => each.iter().map(|each| each * at.size).collect(),
            (None, Some(scale)) => {
                let lengths = self.spread(smoothing).lengths(&at.w, self.inputs);
                lengths.into_iter().map(|length| scale * length).collect()
            }
            (None, None) => vec![0.0; self.rows.target.moves()],
        }
    }

    /// Some function of every row that fills slopes in the outputs, and adds to numbers for what they may be off by.
    fn over_rows(&self, one: impl Fn(usize, Slopes<'_>) -> f64 + Sync) -> (f64, Mat<f64>, Vec<f64>) {
        let (count, outputs, moves) = (self.rows.count(), self.rows.target.outputs(), self.rows.target.moves());
        let mut slopes = vec![0.0; count * outputs];
        let of_block = |(block, part): (usize, &mut [f64])| {
            let (mut sum, mut of_moves) = (0.0, vec![0.0; moves]);
            for (r, to) in part.chunks_mut(outputs).enumerate() {
                sum += one(block * BLOCK + r, Slopes { outputs: to, moves: &mut of_moves });
            }
            (sum, of_moves)
        };
        let parts: Vec<(f64, Vec<f64>)> = slopes.par_chunks_mut(outputs * BLOCK).enumerate().map(of_block).collect();
        let (mut sum, mut of_moves) = (0.0, vec![0.0; moves]);
        for (part, of_part) in parts {
            sum += part;
            of_moves.iter_mut().zip(of_part).for_each(|(all, one)| *all += one);
        }
        (sum, faer::MatRef::from_column_major_slice(&slopes, outputs, count).to_owned(), of_moves)
    }

    fn of_size_by_moves(&self, of_moves: &[f64]) -> f64 {
        let each = self.layer.moves.as_deref().unwrap_or_default();
        each.iter().zip(of_moves).map(|(each, slope)| each * slope).sum()
    }

    /// The objective and its slopes; `None` where the point is not inside.
    pub fn at(&self, at: &Point, smoothing: Smoothing) -> Option<Evaluated> {
        let barrier = match self.has_size() {
            true => Some(self.layer.ball.at(&self.plain(&at.w), at.size, smoothing.corner)?),
            false => None,
        };
        let room = self.most.map(|most| most - at.size);
        if room.is_some_and(|room| room.is_nan() || room <= 0.0) {
            return None;
        }
        let outputs = self.held.outputs(&at.w);
        let moves = self.moves(at, smoothing);
        let (mut value, of_outputs, of_moves) = self.over_rows(|r, to| {
            let row = (outputs.col_as_slice(r), &moves[..]);
            self.rows.target.slopes(r, row, smoothing.soft, self.rows.shares[r], to)
        });
        let mut slopes = self.held.back(&of_outputs);
        let mut of_size = self.of_size_by_moves(&of_moves);
        if let (None, Some(scale)) = (&self.layer.moves, self.layer.spread) {
            let of_lengths: Vec<f64> = of_moves.iter().map(|slope| slope * scale).collect();
            self.spread(smoothing).add_slopes(&at.w, &of_lengths, self.inputs, &mut slopes);
        }
        if let Some(barrier) = &barrier {
            let mu = smoothing.barrier;
            value += self.price * at.size + mu * barrier.value;
            of_size += self.price + mu * barrier.of_size;
            add(&mut slopes, mu, &barrier.slopes);
            if let Some(room) = room {
                value -= mu * room.ln();
                of_size += mu / room;
            }
        }
        if self.damping > 0.0 {
            let moved = &at.w - self.start;
            let back = dense::multiply(moved.as_ref(), self.moments.as_ref());
            value += 0.5 * self.damping * inner(&moved, &back);
            add(&mut slopes, self.damping, &back);
        }
        value.is_finite().then_some(Evaluated { value, slopes, of_size, outputs, moves, of_moves, barrier })
    }

    /// About how much the cost of a row bends in its outputs, on the average.
    pub fn curvature(&self, here: &Evaluated, smoothing: Smoothing) -> f64 {
        let (count, still) = (self.rows.target.outputs(), vec![0.0; self.rows.target.moves()]);
        let (sum, ..) = self.over_rows(|r, to| {
            let change: Vec<f64> = (0..count).map(|j| if (r + j) % 2 == 0 { 1.0 } else { -1.0 }).collect();
            let row = (here.outputs.col_as_slice(r), &here.moves[..]);
            let Slopes { outputs, moves } = to;
            let bent = Slopes { outputs: &mut *outputs, moves };
            self.rows.target.bend(r, row, (&change, &still), (smoothing.soft, self.rows.shares[r]), bent);
            outputs.iter().zip(&change).map(|(bent, change)| bent * change).sum::<f64>() / count as f64
        });
        sum
    }

    /// What the matrix of second derivatives makes of a change.
    pub fn product(
        &self,
        (at, here): (&Point, &Evaluated),
        change: &Mat<f64>,
        of_size: f64,
        smoothing: Smoothing,
    ) -> (Mat<f64>, f64) {
        let of_outputs = self.held.change(change);
        let spread = self.layer.spread.filter(|_| self.layer.moves.is_none());
        let of_moves: Vec<f64> = match (&self.layer.moves, spread) {
            (Some(each), _) => each.iter().map(|each| each * of_size).collect(),
            (None, Some(scale)) => {
                let changes = self.spread(smoothing).changes(&at.w, change, self.inputs);
                changes.into_iter().map(|change| scale * change).collect()
            }
            (None, None) => vec![0.0; self.rows.target.moves()],
        };
        let (_, bent, in_moves) = self.over_rows(|r, to| {
            let row = (here.outputs.col_as_slice(r), &here.moves[..]);
            let changes = (of_outputs.col_as_slice(r), &of_moves[..]);
            self.rows.target.bend(r, row, changes, (smoothing.soft, self.rows.shares[r]), to);
            0.0
        });
        let mut out = self.held.back(&bent);
        let mut in_size = self.of_size_by_moves(&in_moves);
        if let Some(scale) = spread {
            let scaled = |all: &[f64]| -> Vec<f64> { all.iter().map(|one| scale * one).collect() };
            let spread = self.spread(smoothing);
            spread.add_slopes(&at.w, &scaled(&in_moves), self.inputs, &mut out);
            spread.add_bends(&at.w, change, &scaled(&here.of_moves), self.inputs, &mut out);
        }
        if let Some(barrier) = &here.barrier {
            let (bent, bent_size) = self.layer.ball.product(barrier, &self.plain(change), of_size);
            add(&mut out, smoothing.barrier, &bent);
            in_size += smoothing.barrier * bent_size;
            if let Some(most) = self.most {
                in_size += smoothing.barrier * of_size / (most - at.size).powi(2);
            }
        }
        if self.damping > 0.0 {
            add(&mut out, self.damping, &dense::multiply(change.as_ref(), self.moments.as_ref()));
        }
        (out, in_size)
    }
}

/// Add so many times a matrix to the first columns of another.
pub(super) fn add(to: &mut Mat<f64>, amount: f64, from: &Mat<f64>) {
    for k in 0..from.ncols() {
        to.col_as_slice_mut(k).iter_mut().zip(from.col_as_slice(k)).for_each(|(to, from)| *to += amount * from);
    }
}
