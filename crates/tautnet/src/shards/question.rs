//! What is asked of rows, and how a shard answers.
//!
//! Everything here sees the rows in the units of the question's scaler, x̄ = (x, 1), in blocks of [`TOGETHER`]. Of units z̄_i on the rows
//! of their patterns D,
//!
//! ```text
//! (ΦᵀΩΦ)_ij = s_i s_j Σ_k ω_k D_ik D_jk x̄_k x̄_kᵀ
//! ```
//!
//! is symmetric within each pair of units: the products x̄_a x̄_b (a ≤ b) of all rows times the products D_i D_j (i ≤ j) give it as one
//! product of matrices, with half of the multiplications of ΦᵀΦ. A unit 0 that is always on brings the output bias and a linear part.

use super::answer::{Answer, Pick, Picks, Piece, merge_spread};
use super::forest::Forest;
use super::plain::{Layers, Share, drawn, matrix};
use super::shard::Shard;
use super::smoothed::Smoothed;
use super::within::Within;
use crate::scaling::Scaler;
use crate::tolerance::ByColumn;
use crate::{Loss, error::Result};
use faer::{Accum, Mat, MatMut, Par, linalg::matmul::matmul};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Rows that are worked on at once.
const TOGETHER: usize = 256;
/// Products of two patterns that are held at once, where there are many units.
const PAIRS: usize = 4096;
/// Rows that are told of each unit: the closest to its boundary.
const CLOSEST: usize = 40;
/// Rows that are told of each unit: the furthest on its wrong side.
const WRONG: usize = 100;

/// One thing that is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Asked {
    /// How many rows there are, what the columns are like, and samples of the rows.
    ///
    /// Sums: rows to learn from, rows held out. Spread and least: of the rows to learn from, the inputs and the target. Picks: samples of the
    /// rows to learn from and of those held out, `[x…, y, ω]`, which are not in the scaler's units.
    Look {
        /// The rows of a sample.
        sample: usize,
        /// Only of this share of the rows, which is drawn; 1 for all of them.
        of: f64,
    },
    /// The squared error of all networks with the patterns of these units, as a quadratic.
    ///
    /// Sums: Σω; on how many rows each unit is on, and on how many it is a tie; then the packed products and ΦᵀΩy, and Σωy². Picks: of
    /// each unit the rows closest to its boundary, `x`.
    Normal(Layers),
    /// Which rows are on the wrong side of other units.
    ///
    /// Sums: Σ|x̄·z̄_i| of each unit. Picks: of each unit the rows furthest on the wrong side, `x`.
    Sides {
        /// The units whose patterns are meant.
        of: Layers,
        /// z̄ of the others, as in [`Layers`].
        z: Vec<f64>,
    },
    /// How large the losses of networks are.
    ///
    /// Sums: Σω of the rows to learn from and of those held out; for each network its summed loss on both.
    Errors {
        /// The networks.
        networks: Vec<Layers>,
        /// What a wrong prediction costs.
        loss: String,
    },
    /// How large the losses of networks can be within a tolerance: at the worst points that are found, and as their own patterns bound it.
    ///
    /// Sums: Σω of the rows to learn from and of those held out; for each network its summed loss found on both, then the bound on both.
    Worst {
        /// The networks, as [`Layers::signed`] has them.
        networks: Vec<Layers>,
        /// What a wrong prediction costs.
        loss: String,
        /// How wrong the inputs can be.
        tolerance: ByColumn,
    },
    /// The loss of one network at the worst points that are found, and its slope there.
    ///
    /// Sums: Σω of the rows to learn from, their summed loss, and its slope in the order of [`Layers::numbers`].
    Slope {
        /// The network, as [`Layers::signed`] has it.
        network: Layers,
        /// What a wrong prediction costs.
        loss: String,
        /// How wrong the inputs can be.
        tolerance: ByColumn,
    },
    /// The worst case within a tolerance by held labels, as (R) has it, and smoothed.
    ///
    /// Sums: Σω of the rows to learn from; for each point the summed worst case, and smoothed; where the slope is asked for, of the first
    /// point what the tangent plane has at 0, its slope, and the curvature as a square matrix of which the lower triangle is meant.
    Smoothed {
        /// The networks whose patterns the labels are of, as [`Layers::signed`] has them: of a later one where its own worst case is lower by
        /// them than by those before, row by row.
        labels: Vec<Layers>,
        /// Numbers of networks with the same signs, with the reaches of their units.
        points: Vec<Vec<f64>>,
        /// What a wrong prediction costs.
        loss: String,
        /// How wrong the inputs can be.
        tolerance: ByColumn,
        /// How far kinks are smoothed.
        smoothing: f64,
        /// Whether the slope and the curvature are asked for.
        slope: bool,
    },
}

/// What is asked of rows: plain data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// Which rows are held out.
    pub share: Share,
    /// The units in which rows are meant.
    pub scaler: Scaler,
    /// The numbers of the shards that are asked, in their order; `None` for all of them.
    pub shards: Option<Vec<u64>>,
    /// What is asked.
    pub asked: Vec<Asked>,
}

impl Question {
    /// How many inputs the rows have.
    pub fn inputs(&self) -> usize {
        self.scaler.input_mean.len()
    }

    /// What no rows answer.
    fn nothing(&self) -> Result<Vec<Work>> {
        self.asked.iter().map(|asked| Work::of(asked, self.inputs())).collect()
    }

    /// Refuse what cannot be answered.
    pub fn check(&self) -> Result<()> {
        self.nothing().map(drop)
    }

    /// What all shards that were asked answer together; no rows at all have an answer too.
    pub(super) fn finished(&self, forest: Forest) -> Answer {
        let nothing =
            || self.nothing().map(|work| Answer { pieces: work.into_iter().map(|work| work.piece).collect() });
        forest.finish().unwrap_or_else(|| nothing().unwrap_or_default())
    }

    /// Whether a shard is asked.
    pub fn is_for(&self, number: u64) -> bool {
        self.shards.as_ref().is_none_or(|shards| shards.binary_search(&number).is_ok())
    }

    /// What a shard answers.
    pub fn visit(&self, shard: &Shard) -> Answer {
        let Ok(mut work) = self.nothing() else { return Answer::default() };
        let n = shard.data.rows();
        if work.iter().any(Work::is_by_block) {
            for start in (0..n).step_by(TOGETHER) {
                let block = Block::of(self, shard, start..n.min(start + TOGETHER));
                work.iter_mut().for_each(|work| work.visit(&block));
            }
        }
        for work in &mut work {
            if work.visit_whole((self.share, &self.scaler), shard).is_err() {
                // A tolerance that is no number: so is the answer.
                work.piece.sums.fill(f64::NAN);
            }
        }
        let settled = |mut work: Work| {
            work.piece.picks.iter_mut().for_each(Picks::settle);
            work.piece
        };
        Answer { pieces: work.into_iter().map(settled).collect() }
    }
}

/// Some rows of a shard, in the scaler's units.
struct Block<'a> {
    shard: &'a Shard,
    range: Range<usize>,
    /// x̄, rows × (d + 1).
    x: Mat<f64>,
    y: Vec<f64>,
    /// ω of the rows to learn from, 0 of the others.
    learned: Vec<f64>,
    /// ω of the rows held out, 0 of the others.
    held_out: Vec<f64>,
}

impl<'a> Block<'a> {
    fn of(question: &Question, shard: &'a Shard, range: Range<usize>) -> Self {
        let (scaler, data, d) = (&question.scaler, &shard.data, question.inputs());
        let scaled = |r: usize, j: usize| (data.x[(range.start + r, j)] - scaler.input_mean[j]) / scaler.input_scale[j];
        let weight = |k: usize| data.weights.as_ref().map_or(1.0, |weights| weights[k]);
        let held = |k: usize| question.share.holds_out(shard.first + k as u64);
        Self {
            x: Mat::from_fn(range.len(), d + 1, |r, j| if j < d { scaled(r, j) } else { 1.0 }),
            y: range.clone().map(|k| (data.y[k] - scaler.target_mean) / scaler.target_scale).collect(),
            learned: range.clone().map(|k| if held(k) { 0.0 } else { weight(k) }).collect(),
            held_out: range.clone().map(|k| if held(k) { weight(k) } else { 0.0 }).collect(),
            shard,
            range,
        }
    }

    fn rows(&self) -> usize {
        self.range.len()
    }

    fn number(&self, r: usize) -> u64 {
        self.shard.first + (self.range.start + r) as u64
    }

    /// x of a row.
    fn inputs(&self, r: usize) -> Vec<f64> {
        (0..self.x.ncols() - 1).map(|j| self.x[(r, j)]).collect()
    }

    /// x̄·z̄_i of all units, added up as [`Unit::sum`] does: to the last bit the same of a row wherever it is, for its side of a boundary may
    /// depend on that bit.
    fn sums(&self, z: &Mat<f64>) -> Mat<f64> {
        let (d, mut h) = (self.x.ncols() - 1, Mat::zeros(self.rows(), z.ncols()));
        for (z, h) in z.col_iter().zip(h.col_iter_mut()) {
            let h = h.try_as_col_major_mut().expect("columns are contiguous");
            let h = h.as_slice_mut();
            h.fill(z[d]);
            for j in 0..d {
                h.iter_mut().zip(self.x.col_as_slice(j)).for_each(|(h, x)| *h += z[j] * x);
            }
        }
        h
    }
}

/// What is asked, ready to be worked on, and what has come of it so far.
struct Work {
    what: What,
    piece: Piece,
}

enum What {
    Look { seed: u64, inputs: usize, of: f64 },
    Normal { z: Mat<f64>, at: Packed },
    Sides { of: Mat<f64>, z: Mat<f64> },
    Errors { networks: Vec<(Mat<f64>, Layers)>, loss: Loss },
    Worst(Within),
    Slope(Within),
    Smoothed(Smoothed),
}

impl Work {
    fn of(asked: &Asked, inputs: usize) -> Result<Self> {
        let sums = |count: usize| vec![0.0; count];
        Ok(match asked {
            Asked::Look { sample, of } => {
                let columns = inputs + 1;
                let piece = Piece {
                    sums: sums(2),
                    spread: sums(1 + 2 * columns),
                    least: vec![f64::INFINITY; 2 * columns],
                    picks: vec![Picks::none(*sample), Picks::none(*sample)],
                };
                Self { what: What::Look { seed: 0x5eed, inputs, of: *of }, piece }
            }
            Asked::Normal(of) => {
                let at = Packed { e: inputs + 1, m: of.units() };
                let picks = vec![Picks::none(CLOSEST); at.m];
                let piece = Piece { sums: sums(at.len()), picks, ..Piece::default() };
                Self { what: What::Normal { z: of.matrix(), at }, piece }
            }
            Asked::Sides { of, z } => {
                let m = of.units();
                let piece = Piece { sums: sums(m), picks: vec![Picks::none(WRONG); m], ..Piece::default() };
                Self { what: What::Sides { of: of.matrix(), z: matrix(z, m) }, piece }
            }
            Asked::Errors { networks, loss } => {
                let piece = Piece { sums: sums(2 + 2 * networks.len()), ..Piece::default() };
                let networks = networks.iter().map(|network| (network.matrix(), network.clone())).collect();
                Self { what: What::Errors { networks, loss: loss.parse()? }, piece }
            }
            Asked::Worst { networks, loss, tolerance } => {
                let within = Within::of(networks, loss, tolerance, inputs)?;
                Self {
                    what: What::Worst(within),
                    piece: Piece { sums: sums(2 + 4 * networks.len()), ..Piece::default() },
                }
            }
            Asked::Slope { network, loss, tolerance } => {
                let within = Within::of(std::slice::from_ref(network), loss, tolerance, inputs)?;
                let piece = Piece { sums: sums(2 + network.numbers().len()), ..Piece::default() };
                Self { what: What::Slope(within), piece }
            }
            Asked::Smoothed { labels, points, loss, tolerance, smoothing, slope } => {
                let smoothed = Smoothed::of(labels, points, (loss, tolerance), (*smoothing, *slope))?;
                let piece = Piece { sums: sums(smoothed.sums()), ..Piece::default() };
                Self { what: What::Smoothed(smoothed), piece }
            }
        })
    }

    fn is_by_block(&self) -> bool {
        !matches!(self.what, What::Worst(_) | What::Slope(_) | What::Smoothed(_))
    }

    fn visit_whole(&mut self, by: (Share, &Scaler), shard: &Shard) -> Result<()> {
        match &self.what {
            What::Worst(within) => within.add_losses(by, shard, &mut self.piece.sums),
            What::Slope(within) => within.add_slope(by, shard, &mut self.piece.sums),
            What::Smoothed(smoothed) => smoothed.add(by, shard, &mut self.piece.sums),
            _ => Ok(()),
        }
    }

    fn visit(&mut self, block: &Block<'_>) {
        let Self { what, piece } = self;
        match what {
            What::Look { seed, inputs, of } => look(block, (*seed, *of), *inputs, piece),
            What::Normal { z, at } => normal(block, z, *at, piece),
            What::Sides { of, z } => sides(block, of, z, piece),
            What::Errors { networks, loss } => errors(block, networks, loss, piece),
            What::Worst(_) | What::Slope(_) | What::Smoothed(_) => {}
        }
    }
}

fn look(block: &Block<'_>, (seed, of): (u64, f64), inputs: usize, piece: &mut Piece) {
    let columns = inputs + 1;
    let data = &block.shard.data;
    let value = |k: usize, j: usize| if j < inputs { data.x[(k, j)] } else { data.y[k] };
    for (r, k) in block.range.clone().enumerate() {
        let (learned, held_out) = (block.learned[r], block.held_out[r]);
        let weight = learned + held_out;
        let which = usize::from(held_out > 0.0);
        if weight <= 0.0 {
            continue;
        }
        piece.sums[which] += 1.0;
        let (number, picks) = (block.number(r), &mut piece.picks[which]);
        let key = drawn(seed, number);
        if key < of && picks.wants(key, number) {
            let values = (0..columns).map(|j| value(k, j)).chain([weight]).collect();
            picks.offer(Pick { key, row: number, values });
        }
    }
    // The moments of the block, which are then those of one part more.
    let total: f64 = block.learned.iter().sum();
    if total <= 0.0 {
        return;
    }
    let mut spread = vec![0.0; 1 + 2 * columns];
    spread[0] = total;
    for j in 0..columns {
        let values = block.range.clone().map(|k| value(k, j)).zip(&block.learned).filter(|(_, omega)| **omega > 0.0);
        let mean = values.clone().map(|(value, omega)| omega * value).sum::<f64>() / total;
        // Rounding must not move the mean of a column that is constant.
        let (low, high) = values
            .clone()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), (value, _)| (low.min(value), high.max(value)));
        let mean = mean.clamp(low, high);
        spread[1 + j] = mean;
        spread[1 + columns + j] = values.map(|(value, omega)| omega * (value - mean).powi(2)).sum();
        piece.least[j] = piece.least[j].min(low);
        piece.least[columns + j] = piece.least[columns + j].min(-high);
    }
    merge_spread(&mut piece.spread, &spread);
}

/// Where the sums of [`Asked::Normal`] stand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Packed {
    /// d + 1.
    pub e: usize,
    /// Units, without the one that is always on.
    pub m: usize,
}

impl Packed {
    /// Products x̄_a x̄_b with a ≤ b.
    fn products(self) -> usize {
        self.e * (self.e + 1) / 2
    }

    /// Pairs of units i ≤ j that come before those of unit i; 0 is the unit that is always on.
    fn pairs_before(self, i: usize) -> usize {
        i * (self.m + 1) - i * i.saturating_sub(1) / 2
    }

    fn first_product(self) -> usize {
        1 + 2 * self.m
    }

    fn first_target(self) -> usize {
        self.first_product() + self.products() * self.pairs_before(self.m + 1)
    }

    fn len(self) -> usize {
        self.first_target() + self.e * (self.m + 1) + 1
    }

    /// On how many rows a unit is on.
    pub fn on(self, i: usize) -> usize {
        1 + i
    }

    /// On how many rows its sum is exactly 0.
    pub fn ties(self, i: usize) -> usize {
        1 + self.m + i
    }

    /// Where Σ ω D_i D_j x̄_a x̄_b is, of units i and j, of which 0 is always on.
    pub fn product(self, (i, a): (usize, usize), (j, b): (usize, usize)) -> usize {
        let (i, j) = (i.min(j), i.max(j));
        let (a, b) = (a.min(b), a.max(b));
        let within = a * self.e - a * a.saturating_sub(1) / 2 + b - a;
        self.first_product() + self.products() * (self.pairs_before(i) + j - i) + within
    }

    /// Where Σ ω y D_i x̄_a is.
    pub fn target(self, i: usize, a: usize) -> usize {
        self.first_target() + i * self.e + a
    }

    /// Where Σ ω y² is.
    pub fn square(self) -> usize {
        self.len() - 1
    }
}

fn normal(block: &Block<'_>, z: &Mat<f64>, at: Packed, piece: &mut Piece) {
    let (n, e, m) = (block.rows(), at.e, at.m);
    let h = block.sums(z);
    let omega = &block.learned;
    let mut on = Mat::<f64>::zeros(n, m + 1);
    on.col_mut(0).iter_mut().for_each(|on| *on = 1.0);
    for i in 0..m {
        let (mut count, mut ties) = (0, 0);
        for (r, &h) in h.col(i).iter().enumerate().filter(|(r, _)| omega[*r] > 0.0) {
            let is_on = h >= 0.0;
            on[(r, i + 1)] = f64::from(u8::from(is_on));
            count += usize::from(is_on);
            ties += usize::from(h == 0.0);
            let (number, picks) = (block.number(r), &mut piece.picks[i]);
            if picks.wants(h.abs(), number) {
                picks.offer(Pick { key: h.abs(), row: number, values: block.inputs(r) });
            }
        }
        piece.sums[at.on(i)] += count as f64;
        piece.sums[at.ties(i)] += ties as f64;
    }
    piece.sums[0] += omega.iter().sum::<f64>();
    // ω x̄_a x̄_b.
    let mut products = Mat::<f64>::zeros(n, at.products());
    let mut p = 0;
    for a in 0..e {
        for b in a..e {
            let column = products.col_mut(p);
            let (one, other) = (block.x.col(a), block.x.col(b));
            for (((out, one), other), omega) in column.iter_mut().zip(one.iter()).zip(other.iter()).zip(omega) {
                *out = omega * one * other;
            }
            p += 1;
        }
    }
    let mut i = 0;
    while i <= m {
        // So many units that their pairs with those after them fit.
        let mut end = i + 1;
        while end <= m && at.pairs_before(end + 1) - at.pairs_before(i) <= PAIRS {
            end += 1;
        }
        let pairs = at.pairs_before(end) - at.pairs_before(i);
        let mut both = Mat::<f64>::zeros(n, pairs);
        let mut c = 0;
        for one in i..end {
            for other in one..=m {
                let (one, other) = (on.col(one), on.col(other));
                let column = both.col_mut(c);
                column.iter_mut().zip(one.iter()).zip(other.iter()).for_each(|((out, one), other)| *out = one * other);
                c += 1;
            }
        }
        let first = at.first_product() + at.products() * at.pairs_before(i);
        let out = &mut piece.sums[first..first + at.products() * pairs];
        let out = MatMut::from_column_major_slice_mut(out, at.products(), pairs);
        matmul(out, Accum::Add, products.transpose(), both.as_ref(), 1.0, Par::Seq);
        i = end;
    }
    let weighted: Vec<f64> = block.y.iter().zip(omega).map(|(y, omega)| y * omega).collect();
    for i in 0..=m {
        (0..n).for_each(|r| on[(r, i)] *= weighted[r]);
    }
    let out = &mut piece.sums[at.first_target()..at.first_target() + e * (m + 1)];
    let out = MatMut::from_column_major_slice_mut(out, e, m + 1);
    matmul(out, Accum::Add, block.x.transpose(), on.as_ref(), 1.0, Par::Seq);
    piece.sums[at.square()] += block.y.iter().zip(&weighted).map(|(y, weighted)| y * weighted).sum::<f64>();
}

fn sides(block: &Block<'_>, of: &Mat<f64>, z: &Mat<f64>, piece: &mut Piece) {
    let (patterns, sums) = (block.sums(of), block.sums(z));
    for i in 0..z.ncols() {
        let mut size = 0.0;
        for r in (0..block.rows()).filter(|r| block.learned[*r] > 0.0) {
            let h = sums[(r, i)];
            size += h.abs();
            let side = if patterns[(r, i)] >= 0.0 { h } else { -h };
            let (number, picks) = (block.number(r), &mut piece.picks[i]);
            if side < 0.0 && picks.wants(side, number) {
                picks.offer(Pick { key: side, row: number, values: block.inputs(r) });
            }
        }
        piece.sums[i] += size;
    }
}

fn errors(block: &Block<'_>, networks: &[(Mat<f64>, Layers)], loss: &Loss, piece: &mut Piece) {
    let parts = [&block.learned, &block.held_out];
    for (sum, omega) in piece.sums.iter_mut().zip(parts) {
        *sum += omega.iter().sum::<f64>();
    }
    for (which, (z, network)) in networks.iter().enumerate() {
        let h = block.sums(z);
        let mut f = vec![network.c; block.rows()];
        for (i, v) in network.v.iter().enumerate() {
            f.iter_mut().zip(h.col(i).iter()).for_each(|(f, h)| *f += v * h.max(0.0));
        }
        for (j, a) in network.a.iter().enumerate() {
            f.iter_mut().zip(block.x.col(j).iter()).for_each(|(f, x)| *f += a * x);
        }
        for (part, omega) in parts.into_iter().enumerate() {
            let mut terms = f.clone();
            loss.terms(&mut terms, &block.y, omega);
            piece.sums[2 + 2 * which + part] += terms.iter().sum::<f64>();
        }
    }
}
