//! The lengths of the units, priced: `‖turn z̄_i‖ ≤ u_i`, λ_w Σ u_i.

use super::{
    layout::Layout,
    term::{Blocks, Place, Term},
};
use faer::{
    Accum, Mat, MatRef, Par,
    linalg::{matmul::matmul, triangular_solve::solve_upper_triangular_in_place},
};
use tautnet_cone::{Cone, Scaling, cone::SecondOrderScaling};

/// The term.
#[derive(Clone)]
pub(crate) struct Lengths {
    /// e × e: takes `z̄` to the coordinates in which its length is penalized.
    pub turn: Mat<f64>,
    /// The price of a unit's length.
    pub price: f64,
    pub place: Place,
}

impl Lengths {
    /// The rows of one unit: u, then turn z̄.
    pub fn rows_of(&self, layout: &Layout, i: usize) -> std::ops::Range<usize> {
        let first = self.place.row + i * (layout.e() + 1);
        first..first + layout.e() + 1
    }

    /// `turn⁻ᵀ v` of every unit: the length of a slope in z̄ that a price is held against. turn is lower triangular.
    pub fn turned_back(&self, mut v: Mat<f64>) -> Mat<f64> {
        solve_upper_triangular_in_place(self.turn.transpose(), v.as_mut(), Par::Seq);
        v
    }
}

impl Term for Lengths {
    fn cones(&self, layout: &Layout) -> Vec<Cone> {
        vec![Cone::SecondOrder(layout.e() + 1); layout.m]
    }

    fn place(&mut self, place: Place) {
        self.place = place;
    }

    fn objective(&self, layout: &Layout, linear: &mut [f64]) -> f64 {
        (0..layout.m).for_each(|i| linear[layout.length(i)] += self.price);
        0.0
    }

    fn apply(&self, layout: &Layout, x: &[f64], out: &mut [f64]) {
        let (e, m) = (layout.e(), layout.m);
        let mut turned = Mat::zeros(e, m);
        matmul(turned.as_mut(), Accum::Replace, self.turn.as_ref(), layout.weights_of(x), 1.0, Par::Seq);
        for i in 0..m {
            let rows = &mut out[self.rows_of(layout, i)];
            rows[0] = x[layout.length(i)];
            (0..e).for_each(|a| rows[1 + a] = turned[(a, i)]);
        }
    }

    fn add_adjoint(&self, layout: &Layout, z: &[f64], out: &mut [f64]) {
        let (e, m) = (layout.e(), layout.m);
        let cones = &z[self.place.row..][..m * (e + 1)];
        let cones = MatRef::from_column_major_slice(cones, e + 1, m);
        let mut turned = Mat::zeros(e, m);
        matmul(turned.as_mut(), Accum::Replace, self.turn.transpose(), cones.subrows(1, e), 1.0, Par::Seq);
        for i in 0..m {
            out[layout.length(i)] += cones[(0, i)];
            (0..e).for_each(|a| out[layout.unit(i) + a] += turned[(a, i)]);
        }
    }

    fn add_blocks(&self, layout: &Layout, scaling: &[Scaling], blocks: &mut Blocks) {
        for (i, block) in blocks.units.iter_mut().enumerate() {
            let Scaling::SecondOrder(cone) = &scaling[self.place.cone + i] else {
                unreachable!("lengths have second-order cones")
            };
            add_block(block, layout.length(i) - layout.unit(i), cone, self.turn.as_ref());
        }
    }
}

/// `AᵀHA` of the cone `(u, turn z̄)` for the unit's variables.
fn add_block(block: &mut Mat<f64>, length: usize, cone: &SecondOrderScaling, t: MatRef<'_, f64>) {
    let e = t.nrows();
    let scale = 1.0 / (cone.eta * cone.eta);
    // H = scale·(2 (Jw)(Jw)ᵀ − J); rows of A: u first, then turn z̄.
    let tail = Mat::from_fn(e, 1, |a, _| -cone.w[a + 1]);
    let along = t.transpose() * &tail;
    let square = t.transpose() * t;
    for a in 0..e {
        for b in 0..e {
            block[(a, b)] += scale * (2.0 * along[(a, 0)] * along[(b, 0)] + square[(a, b)]);
        }
        let cross = scale * 2.0 * cone.w[0] * along[(a, 0)];
        block[(a, length)] += cross;
        block[(length, a)] += cross;
    }
    block[(length, length)] += scale * (2.0 * cone.w[0] * cone.w[0] - 1.0);
}
