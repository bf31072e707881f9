//! The cells: every unit keeps its activation pattern on the points, `σ_ik x̄_k·z̄_i ≥ 0`, one inequality a point and unit.

use super::{
    layout::Layout,
    rows::Rows,
    term::{Blocks, Place, Term},
};
use std::{ops::Range, sync::Arc};
use tautnet_cone::{Cone, Scaling};

/// The term, with the ridge on biases that could be traded for ever.
#[derive(Clone)]
pub(crate) struct Cells {
    pub rows: Arc<Rows>,
    /// Twice the ridge on each unit's bias.
    pub ridge: Vec<f64>,
    pub place: Place,
}

impl Cells {
    /// The same of some points only.
    pub fn of_rows(&self, chosen: &[usize]) -> Self {
        Self { rows: Arc::new(self.rows.select(chosen)), ..self.clone() }
    }

    /// The rows of A: unit by unit, each with all points.
    pub fn range(&self) -> Range<usize> {
        self.place.row..self.place.row + self.rows.n() * self.rows.units()
    }
}

/// Add the gradient of the ridge on each unit's bias.
pub(super) fn add_ridge(ridge: &[f64], layout: &Layout, x: &[f64], out: &mut [f64]) {
    for (i, ridge) in ridge.iter().enumerate() {
        let bias = layout.unit(i) + layout.d;
        out[bias] += ridge * x[bias];
    }
}

impl Term for Cells {
    fn cones(&self, _: &Layout) -> Vec<Cone> {
        vec![Cone::Nonnegative(self.range().len())]
    }

    fn place(&mut self, place: Place) {
        self.place = place;
    }

    fn add_product(&self, layout: &Layout, x: &[f64], out: &mut [f64]) {
        add_ridge(&self.ridge, layout, x, out);
    }

    fn apply(&self, layout: &Layout, x: &[f64], out: &mut [f64]) {
        self.rows.cones(layout.weights_of(x), &mut out[self.range()]);
    }

    fn add_adjoint(&self, layout: &Layout, z: &[f64], out: &mut [f64]) {
        let sums = self.rows.cones_adjoint(&z[self.range()]);
        for i in 0..layout.m {
            (0..layout.e()).for_each(|a| out[layout.unit(i) + a] += sums[(a, i)]);
        }
    }

    fn add_blocks(&self, layout: &Layout, scaling: &[Scaling], blocks: &mut Blocks) {
        let Scaling::Nonnegative(h) = &scaling[self.place.cone] else { unreachable!("the cells are nonnegative") };
        let grams = self.rows.weighted_grams(h);
        for (i, block) in blocks.units.iter_mut().enumerate() {
            let mut p = 0;
            for a in 0..layout.e() {
                for b in a..layout.e() {
                    block[(b, a)] += grams[(p, i)];
                    if a != b {
                        block[(a, b)] += grams[(p, i)];
                    }
                    p += 1;
                }
            }
            block[(layout.d, layout.d)] += self.ridge[i];
        }
    }
}
