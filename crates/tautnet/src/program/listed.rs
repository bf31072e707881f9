//! The cells where they have too many inequalities to hold them all: `σ_ik x̄_k·z̄_i ≥ 0` for a list of points of each unit.

use super::{
    cells::add_ridge,
    layout::Layout,
    rows::Rows,
    term::{Blocks, Place, Term},
};
use faer::{
    Accum, Mat, Par,
    linalg::matmul::triangular::{self, BlockStructure},
};
use rayon::prelude::*;
use std::{ops::Range, sync::Arc};
use tautnet_cone::{Cone, Scaling, vector::dot};

/// The term.
#[derive(Clone)]
pub(crate) struct Listed {
    pub rows: Arc<Rows>,
    /// X̄, row after row.
    pub flat: Arc<Vec<f64>>,
    /// The points of each unit, ascending.
    pub lists: Arc<Vec<Vec<u32>>>,
    /// Twice the ridge on each unit's bias.
    pub ridge: Vec<f64>,
    pub place: Place,
}

impl Listed {
    /// How many inequalities there are.
    fn count(&self) -> usize {
        self.lists.iter().map(Vec::len).sum()
    }

    /// The rows of A: unit by unit, each with its list.
    pub fn range(&self) -> Range<usize> {
        self.place.row..self.place.row + self.count()
    }

    /// x̄_k.
    pub fn point(&self, k: u32) -> &[f64] {
        let e = self.rows.e();
        &self.flat[k as usize * e..][..e]
    }

    /// σ_ik.
    pub fn side(&self, i: usize, k: u32) -> f64 {
        if self.rows.active.unit(i)[k as usize] { 1.0 } else { -1.0 }
    }

    /// The parts of a vector with a number for every inequality, unit by unit.
    pub fn parts<'a>(&self, values: &'a [f64]) -> Vec<&'a [f64]> {
        let mut left = values;
        let mut part = |list: &Vec<u32>| left.split_off(..list.len()).expect("there is one for every inequality");
        self.lists.iter().map(&mut part).collect()
    }

    /// `Σ_k h_k x̄_k x̄_kᵀ` of one unit, lower triangle.
    pub fn gram(&self, i: usize, h: &[f64]) -> Mat<f64> {
        let e = self.rows.e();
        let mut scaled = Mat::<f64>::zeros(e, h.len());
        for ((column, &k), h) in scaled.col_iter_mut().zip(&self.lists[i]).zip(h) {
            let root = h.sqrt();
            column.iter_mut().zip(self.point(k)).for_each(|(out, x)| *out = root * x);
        }
        let (lower, full) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
        let mut gram = Mat::<f64>::zeros(e, e);
        let (out, own) = (gram.as_mut(), scaled.as_ref());
        triangular::matmul(out, lower, Accum::Replace, own, full, own.transpose(), full, 1.0, Par::Seq);
        gram
    }

    /// `Σ_k values_k σ_ik x̄_k` of one unit, added.
    pub fn add_sum(&self, i: usize, values: &[f64], out: &mut [f64]) {
        for (&k, value) in self.lists[i].iter().zip(values) {
            let scale = self.side(i, k) * value;
            out.iter_mut().zip(self.point(k)).for_each(|(out, x)| *out += scale * x);
        }
    }
}

impl Term for Listed {
    fn cones(&self, _: &Layout) -> Vec<Cone> {
        vec![Cone::Nonnegative(self.count())]
    }

    fn place(&mut self, place: Place) {
        self.place = place;
    }

    fn add_product(&self, layout: &Layout, x: &[f64], out: &mut [f64]) {
        add_ridge(&self.ridge, layout, x, out);
    }

    fn apply(&self, layout: &Layout, x: &[f64], out: &mut [f64]) {
        let mut left = &mut out[self.range()];
        let split = |list: &Vec<u32>| left.split_off_mut(..list.len()).expect("there is one for every inequality");
        let parts: Vec<&mut [f64]> = self.lists.iter().map(split).collect();
        parts.into_par_iter().enumerate().for_each(|(i, part)| {
            let z = &x[layout.unit(i)..][..layout.e()];
            for (out, &k) in part.iter_mut().zip(&self.lists[i]) {
                *out = self.side(i, k) * dot(self.point(k), z);
            }
        });
    }

    fn add_adjoint(&self, layout: &Layout, z: &[f64], out: &mut [f64]) {
        let parts = self.parts(&z[self.range()]);
        let units = out[..layout.shared()].par_chunks_mut(layout.width());
        units.zip(parts).enumerate().for_each(|(i, (out, values))| self.add_sum(i, values, &mut out[..layout.e()]));
    }

    fn add_blocks(&self, layout: &Layout, scaling: &[Scaling], blocks: &mut Blocks) {
        let Scaling::Nonnegative(h) = &scaling[self.place.cone] else { unreachable!("the cells are nonnegative") };
        let e = layout.e();
        blocks.units.par_iter_mut().zip(self.parts(h)).enumerate().for_each(|(i, (block, h))| {
            let gram = self.gram(i, h);
            for b in 0..e {
                block[(b, b)] += gram[(b, b)];
                for a in b + 1..e {
                    block[(a, b)] += gram[(a, b)];
                    block[(b, a)] += gram[(a, b)];
                }
            }
            block[(layout.d, layout.d)] += self.ridge[i];
        });
    }
}
