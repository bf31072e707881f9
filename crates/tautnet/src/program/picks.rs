//! Passes that pick rows by their place relative to the units' boundaries, for the working set.

use crate::{
    patterns::Patterns,
    rows::{Block, Pass},
};
use faer::{Accum, Mat, Par, linalg::matmul::matmul};

/// Rows of each unit that begin: the closest to its boundary.
const CLOSEST: usize = 40;
/// Most rows that join for one unit in one round.
const JOINING: usize = 100;

/// The rows of the smallest values, at most `count`.
fn smallest(values: &mut Vec<(f64, usize)>, count: usize) {
    if values.len() > count {
        values.select_nth_unstable_by(count, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        values.truncate(count);
    }
}

/// Rows with a value each, unit by unit.
type Picked = Vec<Vec<(f64, usize)>>;

pub(super) fn numbers(picked: Picked) -> Vec<usize> {
    picked.into_iter().flatten().map(|(_, k)| k).collect()
}

/// Take what was picked of the next block to the rest.
fn pick_on(into: &mut Picked, next: Picked, count: usize) {
    for (into, next) in into.iter_mut().zip(next) {
        into.extend(next);
        smallest(into, count);
    }
}

/// What `of` makes of every unit's `x̄_k·z̄_i` on a block.
fn by_unit<T>(block: &Block<'_>, z: &Mat<f64>, of: impl Fn(usize, &[f64]) -> T) -> Vec<T> {
    let mut h = Mat::<f64>::zeros(block.rows(), 1);
    let one = |i: usize| {
        matmul(h.as_mut(), Accum::Replace, block.x, z.as_ref().subcols(i, 1), 1.0, Par::Seq);
        of(i, h.col_as_slice(0))
    };
    (0..z.ncols()).map(one).collect()
}

/// The rows closest to each unit's boundary.
pub(super) struct Closest<'a> {
    pub z: &'a Mat<f64>,
}

impl Pass for Closest<'_> {
    type Part = Picked;
    type Sum = Picked;

    fn work(&self) -> usize {
        self.z.nrows() * self.z.ncols()
    }

    fn nothing(&self) -> Picked {
        vec![Vec::new(); self.z.ncols()]
    }

    fn visit(&self, block: &Block<'_>) -> Picked {
        by_unit(block, self.z, |_, h| {
            let mut values = h.iter().zip(block.first..).map(|(h, k)| (h.abs(), k)).collect();
            smallest(&mut values, CLOSEST);
            values
        })
    }

    fn merge(&self, into: &mut Picked, next: Picked) {
        pick_on(into, next, CLOSEST);
    }
}

/// `Σ_k |x̄_k·z̄_i|` of every unit. A sum of the blocks' sums: it only sets a tolerance, and no digit of a result comes from it.
pub(super) struct Sizes<'a> {
    pub z: &'a Mat<f64>,
}

impl Pass for Sizes<'_> {
    type Part = Vec<f64>;
    type Sum = Vec<f64>;

    fn work(&self) -> usize {
        self.z.nrows() * self.z.ncols()
    }

    fn nothing(&self) -> Vec<f64> {
        vec![0.0; self.z.ncols()]
    }

    fn visit(&self, block: &Block<'_>) -> Vec<f64> {
        by_unit(block, self.z, |_, h| h.iter().map(|h| h.abs()).sum())
    }

    fn merge(&self, into: &mut Vec<f64>, next: Vec<f64>) {
        into.iter_mut().zip(next).for_each(|(into, next)| *into += next);
    }
}

/// The rows furthest on the wrong side of each unit.
pub(super) struct WrongSide<'a> {
    pub z: &'a Mat<f64>,
    /// How far they may be there, unit by unit.
    pub allowed: Vec<f64>,
    pub active: &'a Patterns,
    /// Rows that are not asked for.
    pub member: &'a [bool],
}

impl Pass for WrongSide<'_> {
    type Part = Picked;
    type Sum = Picked;

    fn work(&self) -> usize {
        self.z.nrows() * self.z.ncols()
    }

    fn nothing(&self) -> Picked {
        vec![Vec::new(); self.z.ncols()]
    }

    fn visit(&self, block: &Block<'_>) -> Picked {
        by_unit(block, self.z, |i, h| {
            let on = self.active.unit(i);
            let sides = h.iter().zip(block.first..).map(|(&h, k)| (if on[k] { h } else { -h }, k));
            let mut wrong = sides.filter(|&(side, k)| !self.member[k] && side < -self.allowed[i]).collect();
            smallest(&mut wrong, JOINING);
            wrong
        })
    }

    fn merge(&self, into: &mut Picked, next: Picked) {
        pick_on(into, next, JOINING);
    }
}
