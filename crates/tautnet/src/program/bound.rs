//! The bound L: its price λ_L L or λ_L L², its limit, and for the largest absolute value `π ≥ 0`, `Σ π_k / κ_k² ≤ L`.

use super::{
    layout::Layout,
    term::{Blocks, Place, Term},
};
use std::sync::Arc;
use tautnet_cone::{Cone, Scaling};

/// The term.
#[derive(Clone)]
pub(crate) struct Bound {
    /// `κ_k²`.
    pub metric: Arc<[f64]>,
    /// λ on L, where L is priced.
    pub linear: f64,
    /// `2λ` on `L²`, where that is priced.
    pub square: f64,
    pub limit: Option<f64>,
    pub place: Place,
}

impl Bound {
    fn rows(&self, layout: &Layout) -> usize {
        layout.p_len() + usize::from(layout.p_len() > 0) + usize::from(self.limit.is_some())
    }

    /// The row of `L ≤ L_max`.
    pub fn limit_row(&self, layout: &Layout) -> Option<usize> {
        self.limit.map(|_| self.place.row + self.rows(layout) - 1)
    }
}

impl Term for Bound {
    fn cones(&self, layout: &Layout) -> Vec<Cone> {
        let rows = self.rows(layout);
        if rows > 0 { vec![Cone::Nonnegative(rows)] } else { Vec::new() }
    }

    fn place(&mut self, place: Place) {
        self.place = place;
    }

    fn objective(&self, layout: &Layout, linear: &mut [f64]) -> f64 {
        linear[layout.bound()] += self.linear;
        0.0
    }

    fn constant(&self, layout: &Layout, constant: &mut [f64]) {
        if let Some((row, limit)) = self.limit_row(layout).zip(self.limit) {
            constant[row] = limit;
        }
    }

    fn add_product(&self, layout: &Layout, x: &[f64], out: &mut [f64]) {
        out[layout.bound()] += self.square * x[layout.bound()];
    }

    fn apply(&self, layout: &Layout, x: &[f64], out: &mut [f64]) {
        let d = layout.p_len();
        if d > 0 {
            let (p, rows) = (&x[layout.p()..layout.p() + d], &mut out[self.place.row..]);
            rows[..d].copy_from_slice(p);
            rows[d] = x[layout.bound()] - p.iter().zip(self.metric.iter()).map(|(p, c)| p / c).sum::<f64>();
        }
        if let Some(row) = self.limit_row(layout) {
            out[row] = -x[layout.bound()];
        }
    }

    fn add_adjoint(&self, layout: &Layout, z: &[f64], out: &mut [f64]) {
        let d = layout.p_len();
        if d > 0 {
            let rows = &z[self.place.row..];
            (0..d).for_each(|k| out[layout.p() + k] += rows[k] - rows[d] / self.metric[k]);
            out[layout.bound()] += rows[d];
        }
        if let Some(row) = self.limit_row(layout) {
            out[layout.bound()] -= z[row];
        }
    }

    fn add_blocks(&self, layout: &Layout, scaling: &[Scaling], blocks: &mut Blocks) {
        let block = &mut blocks.shared;
        block[(0, 0)] += self.square;
        if self.rows(layout) == 0 {
            return;
        }
        let Scaling::Nonnegative(h) = &scaling[self.place.cone] else { unreachable!("these are numbers") };
        let d = layout.p_len();
        if d > 0 {
            // Row L − Σ π_k/κ_k² ≥ 0.
            let row: Vec<f64> = std::iter::once(1.0).chain(self.metric.iter().map(|c| -1.0 / c)).collect();
            for a in 0..=d {
                for b in 0..=d {
                    block[(a, b)] += h[d] * row[a] * row[b];
                }
                if a < d {
                    block[(a + 1, a + 1)] += h[a];
                }
            }
        }
        if self.limit.is_some() {
            block[(0, 0)] += h[h.len() - 1];
        }
    }
}
