//! The normal equations `(P + AᵀHA) x = r` of a [`TrainingProgram`], with every separator `U_i` eliminated.
//!
//! **Cliques.** Let `G` be the scaling of clique i, split as `[G_u, g; gᵀ, g₀]`, `g̃ = G_u⁻¹ g`, `g̃₀ = g₀ − gᵀg̃`.
//! With `Ũ = U + g̃ ζᵀ + ζ g̃ᵀ + 2ℓ g̃ g̃ᵀ` and `ζ̃ = ζ + 2ℓ g̃` (increments throughout),
//!
//! ```text
//! tr(G C G C) = tr(G_u Ũ G_u Ũ) + 2g̃₀ ζ̃ᵀG_u ζ̃ + 4g̃₀² ℓ²
//! ```
//!
//! so in the variables `(z̃, Ũ)` the unit's own block is explicit and the separators meet only in the coupling
//! `E − ΣU_i = V z̃ − ΣŨ_i`, where `V z̃ = E(L, π) + Σ_i (g̃_i ζ_iᵀ + ζ_i g̃_iᵀ + 2ℓ_i g̃_i g̃_iᵀ)`. Eliminating them,
//!
//! ```text
//! (K + VᵀR V) z̃ = r_z + VᵀR r_Θ,   R = ( G_T⁻¹⊗G_T⁻¹ + Σ_i G_u,i⁻¹⊗G_u,i⁻¹ )⁻¹,   r_Θ = Σ_i G_u,i⁻¹ r_i G_u,i⁻¹
//! Θ = R (V z̃ − r_Θ),   Ũ_i = G_u,i⁻¹ (r_i + Θ) G_u,i⁻¹
//! ```
//!
//! with `R` of order (d+1)(d+2)/2 only.
//!
//! **Digits.** Near the optimum every `G_u` and `G_T` has eigenvalues `1/√μ` along the range of the dual separator and
//! `√μ` across it, so `R⁻¹` as written has condition `1/μ²` and is lost at `μ = 1e-8`. But they share that range. With
//! `G_T = FᵀF`, F triangular (the *frame*), everything about the separators is expressed as `Û = F U Fᵀ`: there
//! `R̂⁻¹ = I + Σ Ĝ_i⁻¹⊗Ĝ_i⁻¹` with `Ĝ_i⁻¹ = (F root_i⁻¹)(F root_i⁻¹)ᵀ` of moderate condition. `G_u = rootᵀ root`, `g̃`
//! and `g̃₀` come from the triangular factor of the scaling's root, never from `G` itself.
//!
//! **Two routes** to `z̃`, chosen by operation count: a dense Cholesky factorization of the reduced matrix, or, for few
//! rows, block elimination of the units (`K` is block diagonal), leaving a matrix of order n + (d+1)(d+2)/2.

mod parts;
mod units;

use super::{
    cholesky::{Cholesky, symmetric_product},
    inequality::Inequality,
    loss_term::LossTerm,
    term::{Blocks, Own},
    training::TrainingProgram,
};
use faer::{
    Accum, Mat, MatMut, MatRef, Par,
    linalg::{
        matmul::matmul,
        triangular_solve::{solve_lower_triangular_in_place, solve_upper_triangular_in_place},
    },
};
use parts::{Clique, Factor, column, regularize};
pub(crate) use parts::{Route, StructuredNormal};
use rayon::prelude::*;
use std::sync::Arc;
use tautnet_cone::{
    Linear, NormalEquations, NotPositiveDefinite, Scaling, Stop,
    cone::{SemidefiniteScaling, smat, svec, svec_length},
};

impl<'a> StructuredNormal<'a> {
    /// The cheaper route for the program's size; the dense one where the loss's Hessian is stored, or is of more points
    /// than there are cones of.
    pub fn new(program: &'a TrainingProgram) -> Self {
        let dense = |loss: &LossTerm| loss.hessian.is_some() || loss.rows.n() > program.layout.n;
        let dense = program.terms.worst.is_some() || program.terms.loss.as_ref().is_some_and(dense);
        let route = if dense { Route::Dense } else { Self::cheaper(&program.layout) };
        let (exits, root) = (Vec::new(), Vec::new());
        Self {
            program,
            route,
            cliques: Vec::new(),
            scaling: Vec::new(),
            at: Vec::new(),
            frame: Mat::new(),
            coupling: None,
            exits,
            root,
            factor: Factor::None,
        }
    }

    /// Compare the operations of both routes.
    pub fn cheaper(layout: &super::layout::Layout) -> Route {
        let rows = if layout.weights { layout.n } else { 0 };
        let (size, rank) = (layout.reduced() as f64, (rows + if layout.lmi { layout.pairs() } else { 0 }) as f64);
        let dense = size.powi(3) / 3.0 + size * size * layout.pairs() as f64;
        let units = rank * rank * size + rank.powi(3) / 3.0;
        if units < dense { Route::Units } else { Route::Dense }
    }

    /// The clique of unit `i` and its contribution to the unit's block.
    fn clique(&self, i: usize, scaling: &SemidefiniteScaling, block: &mut Mat<f64>) -> Clique {
        let layout = &self.program.layout;
        let (d, q, width) = (layout.d, layout.separator(), layout.width());
        let t = triangular_root(scaling);
        let t_u = t.submatrix(0, 0, q, q);
        let mut h = Mat::from_fn(q, 1, |a, _| t[(a, q)]);
        solve_upper_triangular_in_place(t_u, h.as_mut(), Par::Seq);
        let mut root = Mat::<f64>::identity(q, q);
        solve_upper_triangular_in_place(t_u, root.as_mut(), Par::Seq);
        let frame = &self.frame;
        let root = frame * root;
        let inverse = &root * root.transpose();
        let gamma = t[(q, q)] * t[(q, q)];
        // ζ̃ as a matrix times the unit's variables: a column for each z_k and one for ℓ.
        let (z_len, ell, s) = (layout.z_len(), layout.ell(), self.program.sign[i]);
        let mut c = Mat::<f64>::zeros(q, width);
        (0..d.min(z_len)).for_each(|k| c[(k, k)] = 1.0);
        if let Some(l) = ell {
            (0..q).for_each(|a| c[(a, l)] = 2.0 * h[(a, 0)]);
            c[(d, l)] += s;
        }
        let turned = t_u * &c;
        matmul(block.as_mut(), Accum::Add, turned.transpose(), turned.as_ref(), 2.0 * gamma, Par::Seq);
        if let Some(l) = ell {
            block[(l, l)] += 4.0 * gamma * gamma;
        }
        let h = frame * &h;
        let mut coupling = Mat::zeros(svec_length(q), width);
        let mut matrix = Mat::<f64>::zeros(q, q);
        for v in 0..width {
            let is_ell = Some(v) == ell;
            if !(is_ell || v < d.min(z_len)) {
                continue;
            }
            // F e_k for z_k; s F e_corner + F g̃ (twice half of 2 g̃ g̃ᵀ) for ℓ.
            let own = if is_ell {
                Mat::from_fn(q, 1, |a, _| s * frame[(a, d)] + h[(a, 0)])
            } else {
                Mat::from_fn(q, 1, |a, _| frame[(a, v)])
            };
            for b in 0..q {
                for a in 0..q {
                    matrix[(a, b)] = own[(a, 0)] * h[(b, 0)] + h[(a, 0)] * own[(b, 0)];
                }
            }
            svec(matrix.as_ref(), coupling.col_as_slice_mut(v));
        }
        Clique { inverse, h: (0..q).map(|a| h[(a, 0)]).collect(), coupling }
    }

    /// `F E Fᵀ`'s columns for the shared scalars: pairs × shared.
    fn shared_coupling(&self) -> Mat<f64> {
        let (layout, frame) = (&self.program.layout, &self.frame);
        let (d, q) = (layout.d, layout.separator());
        let mut out = Mat::zeros(layout.pairs(), layout.shared_len());
        let Some(inequality) = &self.program.terms.inequality else { return out };
        // Σ_k weight_k (F e_k)(F e_k)ᵀ over the entries of E that the scalar stands on.
        let mut add = |scalar: usize, k: usize, weight: f64| {
            let square = Mat::from_fn(q, q, |a, b| frame[(a, k)] * frame[(b, k)]);
            let mut vector = vec![0.0; layout.pairs()];
            svec(square.as_ref(), &mut vector);
            vector.iter().enumerate().for_each(|(p, v)| out[(p, scalar)] += weight * v);
        };
        add(0, d, 1.0);
        for k in 0..d {
            if layout.infinity { add(1 + k, k, 1.0) } else { add(0, k, inequality.metric[k]) }
        }
        // −a_k in the corner's row and column.
        for (k, at) in layout.linear_part().into_iter().flatten().enumerate() {
            let pair = Mat::from_fn(q, q, |a, b| -(frame[(a, k)] * frame[(b, d)] + frame[(a, d)] * frame[(b, k)]));
            svec(pair.as_ref(), out.col_as_slice_mut(at - layout.shared()));
        }
        out
    }

    /// The blocks of all terms, and the cliques, which add to them.
    fn blocks(&self, scaling: &[Scaling]) -> (Blocks, Vec<Clique>) {
        let (program, layout) = (self.program, &self.program.layout);
        let mut blocks = Blocks {
            units: vec![Mat::zeros(layout.width(), layout.width()); layout.m],
            shared: Mat::zeros(layout.shared_len(), layout.shared_len()),
        };
        program.terms.each().for_each(|term| term.add_blocks(layout, scaling, &mut blocks));
        let stop = Stop::here();
        let clique = |inequality: &Inequality, i: usize, block: &mut Mat<f64>| match &scaling[inequality.place.cone + i]
        {
            Scaling::Semidefinite(cone) => (!stop.asked()).then(|| self.clique(i, cone, block)),
            _ => unreachable!("cliques are semidefinite"),
        };
        let cliques: Vec<Option<Clique>> = match &program.terms.inequality {
            Some(inequality) => {
                blocks.units.par_iter_mut().enumerate().map(|(i, block)| clique(inequality, i, block)).collect()
            }
            None => Vec::new(),
        };
        (blocks, cliques.into_iter().flatten().collect())
    }

    /// `R̂⁻¹ = I + Σ_i Ĝ_i⁻¹⊗Ĝ_i⁻¹` on `svec`s, lower triangle. Where it is time to stop, a part of it or nothing.
    fn coupling_inverse(&self, cliques: &[Clique]) -> Mat<f64> {
        let layout = &self.program.layout;
        let q = layout.separator();
        // svec entries by column pairs; sums over units are independent of threads: each column adds in order.
        let all: Vec<MatRef<'_, f64>> = cliques.iter().map(|c| c.inverse.as_ref()).collect();
        let index: Vec<(usize, usize)> = (0..q).flat_map(|b| (b..q).map(move |a| (a, b))).collect();
        let size = index.len();
        let weight = |a: usize, b: usize| if a == b { 1.0 } else { std::f64::consts::SQRT_2 };
        let stop = Stop::here();
        let columns: Vec<Vec<f64>> = (0..size)
            .into_par_iter()
            .map(|column| {
                if stop.asked() {
                    return Vec::new();
                }
                let (c, e) = index[column];
                let mut sums = vec![0.0; size - column];
                for matrix in &all {
                    let (left, right) = (matrix.col(c), matrix.col(e));
                    let mut r = 0;
                    for b in 0..q {
                        let (lb, rb) = (left[b], right[b]);
                        let start = if b < e { continue } else { if b == e { c } else { b } };
                        for a in start..q {
                            sums[r] += 0.5 * (left[a] * rb + right[a] * lb);
                            r += 1;
                        }
                    }
                }
                let scale = weight(c, e);
                for (r, &(a, b)) in index[column..].iter().enumerate() {
                    sums[r] *= scale * weight(a, b);
                }
                sums
            })
            .collect();
        if stop.asked() {
            return Mat::new();
        }
        let mut out = Mat::zeros(size, size);
        for (column, sums) in columns.into_iter().enumerate() {
            if stop.asked() {
                break;
            }
            let below = &mut out.col_as_slice_mut(column)[column..];
            below[..sums.len()].copy_from_slice(&sums);
            below[0] += 1.0;
        }
        out
    }

    fn factor_dense(
        &self,
        blocks: &Blocks,
        cliques: &[Clique],
        coupling: Option<&Cholesky>,
        regularization: f64,
    ) -> Result<Factor, NotPositiveDefinite> {
        let mut matrix = self.reduced_matrix(blocks, cliques, coupling);
        regularize(&mut matrix, regularization);
        Ok(Factor::Dense(Cholesky::new(matrix)?))
    }

    /// `K + P + VᵀR V`, lower triangle.
    fn reduced_matrix(&self, blocks: &Blocks, cliques: &[Clique], coupling: Option<&Cholesky>) -> Mat<f64> {
        let (program, layout) = (self.program, &self.program.layout);
        let (size, width, e) = (layout.reduced(), layout.width(), layout.e());
        let mut matrix = Mat::<f64>::zeros(size, size);
        let stored = program.terms.loss.as_ref().and_then(|loss| loss.hessian.clone());
        let hessian = || program.terms.loss.as_ref().map(|loss| Arc::new(loss.hessian_at(&self.root)));
        if let Some(hessian) = stored.or_else(hessian) {
            // The affine part: where its variables stand, here and in the Hessian.
            let each = e + layout.reach;
            let own = each * layout.m;
            let affine = layout.linear_part().into_iter().flatten().chain(layout.output_bias());
            let bias = own + layout.linear_len();
            let affine: Vec<(usize, usize)> = affine
                .enumerate()
                .map(|(k, at)| (at, if layout.output_bias() == Some(at) { bias } else { own + k }))
                .collect();
            for i in 0..layout.m {
                for a in 0..each {
                    let (from, to) = (i * each + a, layout.unit(i) + a);
                    for j in i..layout.m {
                        for b in if i == j { a } else { 0 }..each {
                            matrix[(layout.unit(j) + b, to)] = hessian[(j * each + b, from)];
                        }
                    }
                    for &(at, row) in &affine {
                        matrix[(at, to)] = hessian[(row, from)];
                    }
                }
            }
            for (first, &(to, from)) in affine.iter().enumerate() {
                for &(at, row) in &affine[first..] {
                    matrix[(at, to)] = hessian[(row, from)];
                }
            }
        }
        if let Some(worst) = &program.terms.worst {
            worst.add_dense(layout, &self.at, &self.scaling, &mut matrix);
        }
        for (i, block) in blocks.units.iter().enumerate() {
            let start = layout.unit(i);
            for a in 0..width {
                for b in a..width {
                    matrix[(start + b, start + a)] += block[(b, a)];
                }
            }
        }
        for a in 0..layout.shared_len() {
            for b in a..layout.shared_len() {
                matrix[(layout.shared() + b, layout.shared() + a)] += blocks.shared[(b, a)];
            }
        }
        if let Some(coupling) = coupling {
            let mut v = Mat::zeros(layout.pairs(), size);
            for (i, clique) in cliques.iter().enumerate() {
                v.as_mut().subcols_mut(layout.unit(i), width).copy_from(&clique.coupling);
            }
            v.as_mut().subcols_mut(layout.shared(), layout.shared_len()).copy_from(self.shared_coupling());
            coupling.half_solve_in_place(v.as_mut());
            symmetric_product(matrix.as_mut(), v.as_ref());
        }
        matrix
    }

    /// Solve for `z̃` in place.
    fn solve_reduced(&self, y: &mut [f64]) {
        match &self.factor {
            Factor::None => unreachable!("factor comes before solve"),
            Factor::Dense(factor) => {
                let size = y.len();
                factor.solve_in_place(MatMut::from_column_major_slice_mut(y, size, 1));
            }
            Factor::Units(factor) => self.solve_by_units(factor, y),
        }
    }
}

impl NormalEquations for StructuredNormal<'_> {
    fn factor(&mut self, at: &[f64], scaling: &[Scaling], regularization: f64) -> Result<(), NotPositiveDefinite> {
        let layout = &self.program.layout;
        let stop = Stop::here();
        if let Some(inequality) = &self.program.terms.inequality {
            self.frame = match &scaling[inequality.coupling_cone(layout)] {
                Scaling::Semidefinite(cone) => triangular_root(cone),
                _ => unreachable!("the coupling is semidefinite"),
            };
        }
        if self.program.terms.own().next().is_some() {
            self.scaling = scaling.to_vec();
            self.at = at.to_vec();
        }
        if let Some(loss) = &self.program.terms.loss {
            self.exits = match scaling.get(loss.place.cone) {
                Some(Scaling::Nonnegative(h)) => h.clone(),
                _ => Vec::new(),
            };
            self.root = loss.curvature(&self.exits).into_iter().map(f64::sqrt).collect();
        }
        let (blocks, cliques) = self.blocks(scaling);
        // What a loop left out in its hurry must not be used.
        if stop.asked() {
            return Err(NotPositiveDefinite);
        }
        let inverse = layout.lmi.then(|| self.coupling_inverse(&cliques));
        if stop.asked() {
            return Err(NotPositiveDefinite);
        }
        // Of order (d+1)(d+2)/2: kept beside its factor only where the route needs both.
        let (inverse, own) = match self.route {
            Route::Dense => (None, inverse),
            Route::Units => (inverse.clone(), inverse),
        };
        self.coupling = own.map(Cholesky::new).transpose()?;
        self.factor = match self.route {
            Route::Dense => self.factor_dense(&blocks, &cliques, self.coupling.as_ref(), regularization)?,
            Route::Units => self.factor_units(blocks, &cliques, inverse.as_ref(), regularization)?,
        };
        if stop.asked() {
            return Err(NotPositiveDefinite);
        }
        self.cliques = cliques;
        Ok(())
    }

    fn solve(&self, r: &mut [f64]) {
        let (terms, layout) = (&self.program.terms, &self.program.layout);
        terms.loss.iter().for_each(|loss| loss.eliminate(layout, &self.exits, r));
        terms.own().for_each(|term| self.eliminate(term, r));
        self.solve_without_exits(&mut r[..layout.exits()]);
        terms.own().for_each(|term| self.recover(term, r));
        terms.loss.iter().for_each(|loss| loss.recover(layout, &self.exits, r));
    }
}

impl StructuredNormal<'_> {
    /// `AᵀHA x` of one term.
    fn product(&self, term: &dyn Own, x: &[f64]) -> Vec<f64> {
        let (program, layout) = (self.program, &self.program.layout);
        let (mut slack, mut forces) = (vec![0.0; program.constant().len()], vec![0.0; program.constant().len()]);
        term.apply(layout, x, &mut slack);
        let mut row = 0;
        for (cone, scaling) in program.cones().iter().zip(&self.scaling) {
            let rows = row..row + cone.length();
            row = rows.end;
            if term.rows(layout).contains(&rows.start) {
                scaling.apply(&slack[rows.clone()], &mut forces[rows]);
            }
        }
        let mut out = vec![0.0; x.len()];
        term.add_adjoint(layout, &forces, &mut out);
        out
    }

    /// Move a term's own part of a right-hand side onto the other variables.
    fn eliminate(&self, term: &dyn Own, r: &mut [f64]) {
        let (layout, own) = (&self.program.layout, term.own(&self.program.layout));
        let mut alone = vec![0.0; r.len()];
        alone[own.clone()].copy_from_slice(&r[own.clone()]);
        term.solve_own(layout, &self.at, &self.scaling, &mut alone[own.clone()]);
        let moved = self.product(term, &alone);
        r.iter_mut().zip(moved).enumerate().filter(|(at, _)| !own.contains(at)).for_each(|(_, (r, moved))| *r -= moved);
    }

    /// Overwrite a term's own part with its solution, once that of the other variables is known.
    fn recover(&self, term: &dyn Own, r: &mut [f64]) {
        let (layout, own) = (&self.program.layout, term.own(&self.program.layout));
        let mut others = r.to_vec();
        others[own.clone()].fill(0.0);
        let moved = self.product(term, &others);
        r[own.clone()].iter_mut().zip(&moved[own.clone()]).for_each(|(r, moved)| *r -= moved);
        term.solve_own(layout, &self.at, &self.scaling, &mut r[own]);
    }

    fn solve_without_exits(&self, r: &mut [f64]) {
        let layout = &self.program.layout;
        let (d, q, pairs, width) = (layout.d, layout.separator(), layout.pairs(), layout.width());
        let (y, separators) = r.split_at_mut(layout.separators());
        let Some(coupling) = &self.coupling else {
            self.solve_reduced(y);
            return;
        };
        // r_z ← r_z − Σ (∂Ũ_i/∂z̃)ᵀ r_i + VᵀR r_Θ.
        let (moved, inside): (Vec<Mat<f64>>, Vec<Vec<f64>>) = separators
            .par_chunks_mut(pairs)
            .zip(&self.cliques)
            .map(|(separator, clique)| {
                let mut matrix = smat(q, separator);
                // r̂ = F⁻ᵀ r F⁻¹.
                solve_lower_triangular_in_place(self.frame.transpose(), matrix.as_mut(), Par::Seq);
                solve_lower_triangular_in_place(self.frame.transpose(), matrix.transpose_mut(), Par::Seq);
                svec(matrix.as_ref(), separator);
                let inside = &clique.inverse * &matrix * &clique.inverse;
                let mut vector = vec![0.0; pairs];
                svec(inside.as_ref(), &mut vector);
                (matrix, vector)
            })
            .unzip();
        let mut rho = Mat::<f64>::zeros(pairs, 1);
        for vector in inside {
            (0..pairs).for_each(|p| rho[(p, 0)] += vector[p]);
        }
        let mut theta = rho.clone();
        coupling.solve_in_place(theta.as_mut());
        for (i, clique) in self.cliques.iter().enumerate() {
            let difference = Mat::from_fn(pairs, 1, |p, _| theta[(p, 0)] - separators[i * pairs + p]);
            let unit = MatMut::from_column_major_slice_mut(&mut y[layout.unit(i)..][..width], width, 1);
            matmul(unit, Accum::Add, clique.coupling.transpose(), difference.as_ref(), 1.0, Par::Seq);
        }
        let shared_coupling = self.shared_coupling();
        let scalars = shared_coupling.transpose() * &theta;
        (0..layout.shared_len()).for_each(|a| y[layout.shared() + a] += scalars[(a, 0)]);
        self.solve_reduced(y);
        // Θ = R (V z̃ − r_Θ).
        let mut theta = &shared_coupling * column(&y[layout.shared()..]) - rho;
        for (i, clique) in self.cliques.iter().enumerate() {
            let unit = column(&y[layout.unit(i)..][..width]);
            matmul(theta.as_mut(), Accum::Add, clique.coupling.as_ref(), unit, 1.0, Par::Seq);
        }
        coupling.solve_in_place(theta.as_mut());
        let theta = smat(q, theta.col_as_slice(0));
        let y = &*y;
        separators.par_chunks_mut(pairs).zip(&self.cliques).enumerate().for_each(|(i, (separator, clique))| {
            let mut u = &clique.inverse * (&moved[i] + &theta) * &clique.inverse;
            let unit = &y[layout.unit(i)..][..width];
            let ell = layout.ell().map_or(0.0, |l| unit[l]);
            // Û = Ũ − (g̃ ζᵀ + ζ g̃ᵀ + 2ℓ g̃ g̃ᵀ) in the frame, with ζ + ℓ g̃ standing for ζ in both products.
            let own = Mat::from_fn(q, 1, |a, _| match a {
                a if a == d => self.program.sign[i] * ell,
                a if layout.weights => unit[a],
                _ => 0.0,
            });
            let mut own = &self.frame * own;
            (0..q).for_each(|a| own[(a, 0)] += ell * clique.h[a]);
            for b in 0..q {
                for a in 0..q {
                    u[(a, b)] -= clique.h[a] * own[(b, 0)] + own[(a, 0)] * clique.h[b];
                }
            }
            solve_upper_triangular_in_place(self.frame.as_ref(), u.as_mut(), Par::Seq);
            solve_upper_triangular_in_place(self.frame.as_ref(), u.transpose_mut(), Par::Seq);
            svec(u.as_ref(), separator);
        });
    }
}

/// `G = R⁻ᵀR⁻¹ = tᵀt` with `t` upper triangular, from `R⁻¹ = Q t`.
fn triangular_root(scaling: &SemidefiniteScaling) -> Mat<f64> {
    scaling.root().qr().R().to_owned()
}

#[cfg(test)]
impl StructuredNormal<'_> {
    /// The reduced matrix of the dense route at a scaling that was just factored, lower triangle.
    pub fn reduced(&self, scaling: &[Scaling]) -> Mat<f64> {
        let (blocks, cliques) = self.blocks(scaling);
        self.reduced_matrix(&blocks, &cliques, self.coupling.as_ref())
    }
}
