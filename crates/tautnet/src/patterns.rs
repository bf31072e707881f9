//! Activation patterns: on which rows of the data each hidden unit is on.

use crate::Shallow;
use faer::MatRef;
use rayon::prelude::*;

/// Multiplications from which several threads are worth it.
const WORTH_A_THREAD: usize = 1 << 22;

/// The pattern of every unit: `D_ik = 1[x̄_k·w̄_i ≥ 0]`, with ties on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patterns {
    rows: usize,
    active: Vec<bool>,
}

impl Patterns {
    /// The patterns of a network's units on the rows of `x`.
    pub fn of(network: &Shallow, x: MatRef<'_, f64>) -> Self {
        let (n, d) = (x.nrows(), x.ncols());
        let mut active = vec![false; n * network.units()];
        let one = |h: &mut Vec<f64>, (i, active): (usize, &mut [bool])| {
            h.fill(network.b()[i]);
            for j in 0..d {
                let w = network.w()[(i, j)];
                for (h, &x) in h.iter_mut().zip(x.col(j).iter()) {
                    *h += w * x;
                }
            }
            active.iter_mut().zip(h).for_each(|(active, h)| *active = *h >= 0.0);
        };
        let scratch = || vec![0.0; n];
        if n * d * network.units() < WORTH_A_THREAD {
            let mut h = scratch();
            active.chunks_mut(n.max(1)).enumerate().for_each(|unit| one(&mut h, unit));
        } else {
            active.par_chunks_mut(n.max(1)).enumerate().for_each_init(scratch, one);
        }
        Self { rows: n, active }
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

    /// Number of units, m.
    pub fn units(&self) -> usize {
        self.active.len() / self.rows
    }

    /// The pattern of unit `i`.
    pub fn unit(&self, i: usize) -> &[bool] {
        &self.active[i * self.rows..(i + 1) * self.rows]
    }

    /// Turn the entry of unit `i` on row `k` over.
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
