//! How large the losses of rows can be within a tolerance, from both sides: at the worst points that a few steps of an attack find, and as the
//! patterns of the weights [bound](super::slope) it.
//!
//! A step goes to the end of the tolerance along the gradient at the point before it, upward and downward: where f is affine within the tolerance
//! of a row, the first step is at its worst point.

use super::slope::{PIECE, Row, Slope};
use crate::{
    Loss,
    rows::{Block, Pass, Rows},
    tolerance::Tolerance,
    weights::Weights,
};

/// Steps of the attack.
const STEPS: usize = 2;

/// The worst points of rows, with their column of ones, and the losses there; and what the losses cannot exceed.
#[derive(Default)]
pub(crate) struct Points {
    pub x: Vec<f64>,
    pub found: Vec<f64>,
    pub bound: Vec<f64>,
}

/// Of all rows; `x` are rows X̄ with their column of ones. Output weights are signs.
pub(crate) fn worst_points(loss: &Loss, tolerance: &Tolerance, weights: &Weights, (x, y): (&[f64], &[f64])) -> Points {
    Rows::flat(x, y, y).sweep(&Search(Slope { loss, tolerance, weights }))
}

struct Search<'a>(Slope<'a>);

impl Search<'_> {
    /// The worst point of row `k` that is found, written to `worst`, and the loss there.
    fn find(&self, k: usize, (x, y): (&[f64], f64), row: &mut Row, worst: &mut Vec<f64>) -> f64 {
        let Slope { loss, tolerance, weights } = self.0;
        let d = weights.inputs;
        let f = self.0.at(x, row);
        let first = row.slope.clone();
        let (first_of_worst, mut found) = (worst.len(), loss.value(f, y));
        worst.extend_from_slice(x);
        let mut point = x.to_vec();
        for side in [1.0, -1.0] {
            row.slope.copy_from_slice(&first);
            for _ in 0..STEPS {
                let furthest = tolerance.furthest(k, &row.slope);
                (0..d).for_each(|j| point[j] = x[j] + side * furthest[j]);
                let value = loss.value(self.0.at(&point, row), y);
                if value > found {
                    found = value;
                    worst[first_of_worst..].copy_from_slice(&point);
                }
            }
        }
        found
    }
}

impl Pass for Search<'_> {
    const ROWS: usize = PIECE;
    type Part = Points;
    type Sum = Points;

    fn work(&self) -> usize {
        4 * (2 + 2 * STEPS) * (self.0.weights.inputs + 1) * self.0.weights.width()
    }

    fn nothing(&self) -> Points {
        Points::default()
    }

    fn visit(&self, block: &Block<'_>) -> Points {
        let flat = block.flat.expect("batches stand row after row");
        let mut row = self.0.begin();
        let mut points = Points::default();
        for (r, x) in flat.chunks_exact(self.0.weights.inputs + 1).enumerate() {
            let (k, y) = (block.first + r, block.y[r]);
            let [up, down] = self.0.ends(k, x, &mut row).map(|end| self.0.loss.value(end, y));
            // Where either is not a number, it is told.
            points.bound.push(if up >= down { up } else { down });
            points.found.push(self.find(k, (x, y), &mut row, &mut points.x));
        }
        points
    }

    fn merge(&self, into: &mut Points, next: Points) {
        into.x.extend(next.x);
        into.found.extend(next.found);
        into.bound.extend(next.bound);
    }
}
