//! The second route: for few rows, block elimination of the units.
//!
//! ```text
//! [ K    0     Φ_Vᵀ ] [ z̃   ]   [ r_z ]
//! [ 0    K_g   Φ_gᵀ ] [ z_g ] = [ r_g ]      Φ_V = [√χ Φ; V],  Ĩ = blockdiag(I, R̂⁻¹),  K̃ = Ĩ + Φ_V K⁻¹ Φ_Vᵀ
//! [ Φ_V  Φ_g   −Ĩ   ] [ w   ]   [ 0   ]
//! ```

use super::parts::{Clique, Factor, StructuredNormal, Units, column, regularize};
use crate::program::{
    cholesky::{Cholesky, symmetric_product},
    term::Blocks,
};
use faer::{
    Accum, Mat, MatMut, Par,
    linalg::{matmul::matmul, triangular_solve::solve_lower_triangular_in_place},
    prelude::*,
};
use rayon::prelude::*;
use tautnet_cone::{NotPositiveDefinite, Stop};

/// A vector of the augmented system of the second route.
///
/// Its refinement is what keeps digits: a unit's own block may be 1e-10 of the loss's curvature in some direction, and
/// `K⁻¹(r_z − Φ_Vᵀw)` then loses ten digits of what `Φ_V z̃ = Ĩ w` still knows.
struct Augmented {
    units: Vec<f64>,
    scalars: Vec<f64>,
    rank: Vec<f64>,
}

/// Steps of refinement of the augmented system.
const AUGMENTED_REFINEMENTS: usize = 1;

impl Augmented {
    fn add(&mut self, other: &Self) {
        let pairs =
            [(&mut self.units, &other.units), (&mut self.scalars, &other.scalars), (&mut self.rank, &other.rank)];
        for (to, from) in pairs {
            to.iter_mut().zip(from).for_each(|(a, b)| *a += b);
        }
    }
}

impl StructuredNormal<'_> {
    pub(super) fn factor_units(
        &self,
        blocks: Blocks,
        cliques: &[Clique],
        inverse: Option<&Mat<f64>>,
        regularization: f64,
    ) -> Result<Factor, NotPositiveDefinite> {
        let (program, layout) = (self.program, &self.program.layout);
        let (width, e) = (layout.width(), layout.e());
        let n = if layout.weights { layout.n } else { 0 };
        let rank = n + inverse.map_or(0, Mat::nrows);
        let mut rest = Mat::<f64>::zeros(rank, rank);
        (0..n).for_each(|k| rest[(k, k)] = 1.0);
        if let Some(inverse) = inverse {
            rest.as_mut().submatrix_mut(n, n, rank - n, rank - n).copy_from(inverse);
        }
        let factors: Vec<Cholesky> = blocks
            .units
            .into_par_iter()
            .map(|mut block| {
                regularize(&mut block, regularization);
                Cholesky::new(block)
            })
            .collect::<Result<_, _>>()?;
        // Units in groups: [Φ_i, V_i]ᵀ whitened by the unit's factor, stacked, and multiplied by itself at once.
        const TOGETHER: usize = 16;
        let stop = Stop::here();
        for first in (0..layout.m).step_by(TOGETHER) {
            if stop.asked() {
                return Err(NotPositiveDefinite);
            }
            let group = first..(first + TOGETHER).min(layout.m);
            let mut stacked = Mat::<f64>::zeros(width * group.len(), rank);
            let features = program.terms.loss.as_ref().map(|loss| loss.rows.features(0..n, group.clone(), &self.root));
            for (u, i) in group.clone().enumerate() {
                let mut part = stacked.as_mut().subrows_mut(u * width, width);
                if let Some(features) = &features {
                    part.rb_mut().submatrix_mut(0, 0, e, n).copy_from(features.as_ref().subcols(u * e, e).transpose());
                }
                if inverse.is_some() {
                    part.rb_mut().subcols_mut(n, rank - n).copy_from(cliques[i].coupling.transpose());
                }
                solve_lower_triangular_in_place(factors[i].l(), part, Par::Seq);
            }
            symmetric_product(rest.as_mut(), stacked.as_ref());
        }
        let rest = Cholesky::new(rest)?;
        let mut columns = Mat::<f64>::zeros(rank, layout.shared_len());
        if layout.lmi {
            columns.as_mut().subrows_mut(n, rank - n).copy_from(self.shared_coupling());
        }
        if let (Some(c), true) = (layout.output_bias(), layout.weights) {
            (0..n).for_each(|k| columns[(k, c - layout.shared())] = self.root[k]);
        }
        if let Some((inputs, at)) = program.terms.loss.as_ref().and_then(|loss| loss.linear_part(layout)) {
            for (j, at) in at.enumerate() {
                (0..n).for_each(|k| columns[(k, at - layout.shared())] = self.root[k] * inputs[(k, j)]);
            }
        }
        let own = blocks.shared;
        let shared = if layout.shared_len() > 0 {
            let mut half = columns.clone();
            rest.half_solve_in_place(half.as_mut());
            let mut schur = own.clone();
            matmul(schur.as_mut(), Accum::Add, half.transpose(), half.as_ref(), 1.0, Par::Seq);
            regularize(&mut schur, regularization);
            Some(Cholesky::new(schur)?)
        } else {
            None
        };
        let shared_block = shared.is_some().then_some(own);
        Ok(Factor::Units(Units { blocks: factors, rest, shared_block, shared, columns }))
    }

    /// `Φ_V z̃` over the units, and its transpose.
    fn low_rank(&self, y: &[f64], n: usize, rank: usize) -> Mat<f64> {
        let (program, layout) = (self.program, &self.program.layout);
        let mut out = Mat::<f64>::zeros(rank, 1);
        if let Some(loss) = &program.terms.loss {
            let mut f = vec![0.0; n];
            loss.rows.output(program.weights(y), &mut f);
            (0..n).for_each(|k| out[(k, 0)] = self.root[k] * f[k]);
        }
        for (i, clique) in self.cliques.iter().enumerate() {
            let unit = column(&y[layout.unit(i)..][..layout.width()]);
            let tail = out.as_mut().subrows_mut(n, rank - n);
            matmul(tail, Accum::Add, clique.coupling.as_ref(), unit, 1.0, Par::Seq);
        }
        out
    }

    fn low_rank_transposed(&self, w: &[f64], n: usize, y: &mut [f64]) {
        let (program, layout) = (self.program, &self.program.layout);
        let width = layout.width();
        y.fill(0.0);
        if let Some(loss) = &program.terms.loss {
            let v: Vec<f64> = (0..n).map(|k| self.root[k] * w[k]).collect();
            let sums = loss.rows.output_adjoint(&v);
            for i in 0..layout.m {
                (0..layout.e()).for_each(|a| y[layout.unit(i) + a] = sums[(a, i)]);
            }
        }
        for (i, clique) in self.cliques.iter().enumerate() {
            let unit = MatMut::from_column_major_slice_mut(&mut y[layout.unit(i)..][..width], width, 1);
            matmul(unit, Accum::Add, clique.coupling.transpose(), column(&w[n..]), 1.0, Par::Seq);
        }
    }

    /// Solve for `z̃` in place.
    pub(super) fn solve_by_units(&self, factor: &Units, y: &mut [f64]) {
        let (units, scalars) = y.split_at_mut(self.program.layout.shared());
        let wanted =
            Augmented { units: units.to_vec(), scalars: scalars.to_vec(), rank: vec![0.0; factor.columns.nrows()] };
        let mut found = self.solve_augmented(factor, &wanted);
        for _ in 0..AUGMENTED_REFINEMENTS {
            let missing = self.augmented_residual(factor, &wanted, &found);
            let more = self.solve_augmented(factor, &missing);
            found.add(&more);
        }
        units.copy_from_slice(&found.units);
        scalars.copy_from_slice(&found.scalars);
    }

    /// `[K, 0, Φ_Vᵀ; 0, K_g, Φ_gᵀ; Φ_V, Φ_g, −Ĩ]⁻¹` times `(units, scalars, rank)` by the factors at hand, with
    /// `K̃ = Ĩ + Φ_V K⁻¹ Φ_Vᵀ`.
    fn solve_augmented(&self, factor: &Units, wanted: &Augmented) -> Augmented {
        let n = self.rows();
        let rank = wanted.rank.len();
        // K̃ w = Φ_V K⁻¹ units + Φ_g z_g − rank,   (K_g + Φ_gᵀK̃⁻¹Φ_g) z_g = scalars − Φ_gᵀ K̃⁻¹ (Φ_V K⁻¹ units − rank)
        let mut units = wanted.units.clone();
        self.solve_blocks(&factor.blocks, &mut units);
        let mut w = self.low_rank(&units, n, rank);
        (0..rank).for_each(|k| w[(k, 0)] -= wanted.rank[k]);
        factor.rest.solve_in_place(w.as_mut());
        let mut scalars = wanted.scalars.clone();
        if let Some(shared) = &factor.shared {
            let along = factor.columns.transpose() * &w;
            (0..scalars.len()).for_each(|a| scalars[a] -= along[(a, 0)]);
            let count = scalars.len();
            shared.solve_in_place(MatMut::from_column_major_slice_mut(&mut scalars, count, 1));
            let mut more = &factor.columns * column(&scalars);
            factor.rest.solve_in_place(more.as_mut());
            w += more;
        }
        let rank = w.col_as_slice(0).to_vec();
        self.low_rank_transposed(&rank, n, &mut units);
        units.iter_mut().zip(&wanted.units).for_each(|(low, wanted)| *low = wanted - *low);
        self.solve_blocks(&factor.blocks, &mut units);
        Augmented { units, scalars, rank }
    }

    /// What is left of the augmented system's right-hand side.
    fn augmented_residual(&self, factor: &Units, wanted: &Augmented, found: &Augmented) -> Augmented {
        let (n, rank, width) = (self.rows(), wanted.rank.len(), self.program.layout.width());
        let mut units = vec![0.0; wanted.units.len()];
        self.low_rank_transposed(&found.rank, n, &mut units);
        for ((block, part), y) in factor.blocks.iter().zip(units.chunks_mut(width)).zip(found.units.chunks(width)) {
            let product = block.times(column(y));
            (0..width).for_each(|a| part[a] += product[(a, 0)]);
        }
        units.iter_mut().zip(&wanted.units).for_each(|(u, a)| *u = a - *u);
        let w = column(&found.rank);
        let mut low = self.low_rank(&found.units, n, rank);
        (0..n).for_each(|k| low[(k, 0)] -= found.rank[k]);
        if let Some(coupling) = &self.coupling {
            // Ĩ is the factor times its transpose there.
            let mut tail = low.as_mut().subrows_mut(n, rank - n);
            tail -= coupling.times(w.subrows(n, rank - n));
        }
        let mut scalars = wanted.scalars.clone();
        if let Some(block) = &factor.shared_block {
            let g = column(&found.scalars);
            low += &factor.columns * g;
            let product = block * g + factor.columns.transpose() * w;
            (0..scalars.len()).for_each(|a| scalars[a] -= product[(a, 0)]);
        }
        let rank = (0..rank).map(|k| wanted.rank[k] - low[(k, 0)]).collect();
        Augmented { units, scalars, rank }
    }

    /// Rows of the data in the low-rank part.
    fn rows(&self) -> usize {
        if self.program.layout.weights { self.program.layout.n } else { 0 }
    }

    fn solve_blocks(&self, blocks: &[Cholesky], y: &mut [f64]) {
        let width = self.program.layout.width();
        for (block, part) in blocks.iter().zip(y.chunks_mut(width)) {
            block.solve_in_place(MatMut::from_column_major_slice_mut(part, width, 1));
        }
    }
}
