//! Activation patterns: on which rows of the data each hidden unit is on.

use crate::{
    Shallow,
    rows::{Block, Pass, Rows},
};
use faer::MatRef;
use serde::{Deserialize, Serialize};

/// The pattern of every unit: on which rows it is on, `D_ik = 1[x̄_k·w̄_i ≥ 0]`. A sum that is exactly 0, a *tie*,
/// counts as on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patterns {
    rows: usize,
    active: Vec<bool>,
}

impl Patterns {
    /// The patterns of a network's units on the rows of `x`.
    pub fn of(network: &Shallow, x: MatRef<'_, f64>) -> Self {
        Self::with_ties(network, x).0
    }

    /// The patterns, and on how many rows each unit's pre-activation is exactly 0.
    pub fn with_ties(network: &Shallow, x: MatRef<'_, f64>) -> (Self, Vec<usize>) {
        Rows::inputs(x).sweep(&Sides { network, rows: x.nrows() })
    }

    /// The patterns of the units that have an output weight, in the order of [`Unit::of`](crate::unit::Unit::of).
    pub fn signed(network: &Shallow, x: MatRef<'_, f64>) -> Self {
        Self::of(network, x).pick((0..network.units()).filter(|&i| network.v()[i] != 0.0))
    }

    /// The patterns of some of the units, in this order.
    pub fn pick(&self, units: impl Iterator<Item = usize>) -> Self {
        Self::from_units(self.rows, units.map(|i| self.unit(i).to_vec()))
    }

    /// Patterns from one list of n truth values a unit.
    pub fn from_units(rows: usize, units: impl IntoIterator<Item = Vec<bool>>) -> Self {
        let active: Vec<bool> = units.into_iter().flatten().collect();
        assert_eq!(active.len() % rows.max(1), 0, "every unit needs one value per row");
        Self { rows, active }
    }

    /// The patterns on some of the rows, in their order.
    pub fn select(&self, rows: &[usize]) -> Self {
        Self::from_units(rows.len(), (0..self.units()).map(|i| rows.iter().map(|&k| self.unit(i)[k]).collect()))
    }

    /// Number of rows, n.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of units, m; 0 where there are no rows.
    pub fn units(&self) -> usize {
        self.active.len() / self.rows.max(1)
    }

    /// The pattern of unit `i`.
    pub fn unit(&self, i: usize) -> &[bool] {
        &self.active[i * self.rows..(i + 1) * self.rows]
    }

    /// Turn unit `i` off on row `k` where it is on, and on where it is off.
    pub fn flip(&mut self, i: usize, k: usize) {
        self.active[i * self.rows + k] ^= true;
    }

    /// Whether unit `i` is off on every row.
    pub fn is_dead(&self, i: usize) -> bool {
        !self.unit(i).contains(&true)
    }

    /// Whether unit `i` is on on every row.
    pub fn is_linear(&self, i: usize) -> bool {
        !self.unit(i).contains(&false)
    }
}

/// On which side of each unit's boundary the rows are.
struct Sides<'a> {
    network: &'a Shallow,
    /// Of all blocks.
    rows: usize,
}

/// The same for one block: patterns unit by unit, and the ties of each unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct SidesOfBlock {
    first: usize,
    active: Vec<bool>,
    ties: Vec<usize>,
}

impl Pass for Sides<'_> {
    type Part = SidesOfBlock;
    type Sum = (Patterns, Vec<usize>);

    fn work(&self) -> usize {
        self.network.inputs() * self.network.units()
    }

    fn nothing(&self) -> Self::Sum {
        let units = self.network.units();
        (Patterns { rows: self.rows, active: vec![false; self.rows * units] }, vec![0; units])
    }

    fn visit(&self, block: &Block<'_>) -> SidesOfBlock {
        let mut h = vec![0.0; block.rows()];
        let mut active = Vec::with_capacity(block.rows() * self.network.units());
        let ties = (0..self.network.units()).map(|i| {
            h.fill(self.network.b()[i]);
            for j in 0..block.x.ncols() {
                let w = self.network.w()[(i, j)];
                h.iter_mut().zip(block.x.col(j).iter()).for_each(|(h, &x)| *h += w * x);
            }
            active.extend(h.iter().map(|h| *h >= 0.0));
            h.iter().filter(|h| **h == 0.0).count()
        });
        let ties = ties.collect();
        SidesOfBlock { first: block.first, active, ties }
    }

    fn merge(&self, (into, ties): &mut Self::Sum, next: SidesOfBlock) {
        let rows = next.active.len() / ties.len();
        for (i, side) in next.active.chunks(rows).enumerate() {
            into.active[i * self.rows + next.first..][..rows].copy_from_slice(side);
            ties[i] += next.ties[i];
        }
    }
}
