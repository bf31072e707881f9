//! The normal equations by preconditioned conjugate gradients, where there are too many unknowns for a factor.
//!
//! With the blocks K_i of the units (cells and lengths), Φ the outputs of the points and χ the loss's curvature, the matrix is
//! `K + Φᵀdiag(χ)Φ`. Shared scalars, whose features are linear in the inputs, are eliminated in closed form. What is left is
//! preconditioned by the same matrix with a model of `Φᵀdiag(χ)Φ` that is exact on each unit, on what is linear in the inputs, and on the
//! lengths of all units together. With a direction along_i of each unit,
//!
//! ```text
//! all = X̄ᵀdiag(χ)X̄        gram_i = X̄ᵀdiag(χ)D_i X̄        rest_i = gram_i − gram_i all⁻¹ gram_i
//! Push_i = rest_i along_i / along_iᵀ rest_i along_i        Common = Alongᵀ (Φᵀdiag(χ)Φ without its linear part) Along
//!
//! model = blockdiag( rest_i − rest_i along_i along_iᵀ rest_i / along_iᵀ rest_i along_i ) + Push Common Pushᵀ + linear part
//! ```
//!
//! where AlongᵀPush = I. The first part joins K, the others are of rank m + d + 1: Woodbury.

use super::products::Products;
use crate::program::{
    cholesky::Cholesky, layout::Layout, loss_term::LossTerm, term::Blocks, training::TrainingProgram,
};
use faer::{Accum, Mat, MatMut, MatRef, Par, Side, linalg::matmul::matmul, prelude::*};
use rayon::prelude::*;
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};
use tautnet_cone::{
    NormalEquations, NotPositiveDefinite, Scaling, Stop,
    vector::{add, dot},
};

/// Small multiples of the largest diagonal entry, where columns may depend on each other: of the shared scalars, and in the model.
const RIDGE: [f64; 2] = [1e-13, 1e-9];
/// Conjugate gradients end after so many steps.
const STEPS: usize = 80;
/// How much the error of a solution is to fall, in the norm of the matrix; of the first for each matrix, the predictor's, less.
const ACCURACY: [f64; 2] = [0.1, 0.03];
/// And how much more may be left of the predictor's equations.
const PREDICTED: f64 = 10.0;
/// Directions that are kept for the next right-hand sides of the same matrix.
const KEPT: usize = 100;
/// The model's directions are chosen anew when so large a part of the units has turned away from them, by this cosine.
const TURNED: (f64, f64) = (0.05, 0.95);

/// What does not change between iterations.
pub(super) struct Fixed {
    pub products: Products,
    /// gram_i.
    grams: Vec<Mat<f64>>,
    /// all⁻¹.
    linear: Mat<f64>,
    /// A root of all⁻¹ without what the shared scalars take up, e × rank.
    free: Mat<f64>,
    /// Φᵀdiag(χ)[X, 1], of the units' weights × the shared scalars.
    border: Mat<f64>,
    shared: Option<Cholesky>,
    model: Mutex<Option<Arc<Model>>>,
}

/// The directions of the model, and a triangular root of Common.
struct Model {
    along: Mat<f64>,
    root: Mat<f64>,
}

impl Fixed {
    /// `None` where it is time to stop.
    pub fn new(layout: &Layout, loss: &LossTerm) -> Option<Self> {
        let (e, m, d) = (layout.e(), layout.m, layout.d);
        let products = Products::new(loss.rows.clone(), loss.curvature(&[]));
        let grams = products.grams();
        if Stop::here().asked() {
            return None;
        }
        let x = loss.rows.x.as_ref();
        let weighted = Mat::from_fn(x.nrows(), e, |k, j| products.weight[k] * x[(k, j)]);
        let whole = x.transpose() * &weighted;
        // A linear part's columns may be shifted against those of the units.
        let mut gamma = Mat::<f64>::zeros(e, layout.shared_len());
        if let Some((inputs, _)) = loss.linear_part(layout) {
            for j in 0..d {
                (gamma[(j, j)], gamma[(d, j)]) = (1.0, inputs[(0, j)] - x[(0, j)]);
            }
        }
        if layout.output_bias().is_some() {
            gamma[(d, layout.shared_len() - 1)] = 1.0;
        }
        let inner = gamma.transpose() * (&whole * &gamma);
        let shared = (layout.shared_len() > 0).then(|| Cholesky::new(ridged(inner, RIDGE[0])).ok()).flatten();
        let mut border = Mat::zeros(e * m, gamma.ncols());
        for (i, gram) in grams.iter().enumerate() {
            border.as_mut().subrows_mut(i * e, e).copy_from(loss.rows.sign[i] * (gram * &gamma));
        }
        let linear = ridged(whole, RIDGE[1]).llt(Side::Lower).ok()?.solve(Mat::<f64>::identity(e, e));
        let mut left = linear.clone();
        if let Some(shared) = &shared {
            let mut side = gamma.transpose().to_owned();
            shared.solve_in_place(side.as_mut());
            left -= &gamma * side;
        }
        let eigen = left.self_adjoint_eigen(Side::Lower).ok()?;
        let values: Vec<f64> = eigen.S().column_vector().iter().copied().collect();
        let top = linear.diagonal().column_vector().iter().fold(0.0f64, |m, v| m.max(*v));
        let kept: Vec<usize> = (0..e).filter(|&j| values[j] > 1e-10 * top).collect();
        let free = Mat::from_fn(e, kept.len(), |a, j| eigen.U()[(a, kept[j])] * values[kept[j]].sqrt());
        Some(Self { products, grams, linear, free, border, shared, model: Mutex::new(None) })
    }

    /// The model's directions: along the units' weights, anew where many have turned.
    fn model(&self, sign: &[f64], z: MatRef<'_, f64>) -> Result<Arc<Model>, NotPositiveDefinite> {
        let mut held = self.model.lock().expect("no solve panics");
        let (e, m) = (z.nrows(), z.ncols());
        let mut r = Mat::<f64>::zeros(e, m);
        for i in 0..m {
            let length = z.col(i).norm_l2();
            (0..e).for_each(|a| r[(a, i)] = if length > 0.0 { z[(a, i)] / length } else { f64::from(a + 1 == e) });
        }
        if let Some(held) = held.as_ref() {
            let turned = (0..m).filter(|&i| (held.along.col(i).transpose() * r.col(i)).abs() < TURNED.1).count();
            if turned as f64 <= TURNED.0 * m as f64 {
                return Ok(held.clone());
            }
        }
        let mut together = self.products.outputs(r.as_ref());
        let linear: Vec<Mat<f64>> =
            self.grams.par_iter().enumerate().map(|(i, gram)| sign[i] * (gram * r.as_ref().subcols(i, 1))).collect();
        let linear = Mat::from_fn(e, m, |a, i| linear[i][(a, 0)]);
        let through = &self.linear * &linear;
        let outer = linear.transpose() * through;
        for j in 0..m {
            (j..m).for_each(|i| together[(i, j)] -= outer[(i, j)]);
        }
        let largest = (0..m).fold(0.0f64, |largest, i| largest.max(together[(i, i)]));
        (0..m).for_each(|i| together[(i, i)] += 1e-9 * largest + f64::MIN_POSITIVE);
        let factor = Cholesky::new(together)?;
        let root = Mat::from_fn(m, m, |a, b| if a >= b { factor.l()[(a, b)] } else { 0.0 });
        let model = Arc::new(Model { along: r, root });
        *held = Some(model.clone());
        Ok(model)
    }

    /// `([X, 1]ᵀdiag(χ)[X, 1])⁻¹ r`, where there are shared scalars.
    pub fn shared(&self, r: &[f64]) -> Mat<f64> {
        let mut out = Mat::from_fn(r.len(), 1, |a, _| r[a]);
        if let Some(shared) = &self.shared {
            shared.solve_in_place(out.as_mut());
        }
        out
    }
}

fn ridged(mut matrix: Mat<f64>, ridge: f64) -> Mat<f64> {
    let largest = (0..matrix.nrows()).fold(0.0f64, |largest, a| largest.max(matrix[(a, a)]));
    (0..matrix.nrows()).for_each(|a| matrix[(a, a)] += ridge * largest + f64::MIN_POSITIVE);
    matrix
}

/// What the preconditioner has of one unit.
struct Unit {
    factor: Cholesky,
    /// Push_i.
    push: Vec<f64>,
    /// Of Push and of the linear factor: how K⁻¹ takes them to themselves and to each other.
    own: f64,
    side: Vec<f64>,
    linear: Mat<f64>,
}

/// A direction p, its product with the matrix, and pᵀ times that.
type Kept = (Vec<f64>, Vec<f64>, f64);

/// Solves the normal equations of a program whose cells are listed, to an accuracy.
pub(super) struct ConjugateNormal<'a> {
    program: &'a TrainingProgram,
    fixed: &'a Fixed,
    /// K_i.
    blocks: Vec<Mat<f64>>,
    units: Vec<Unit>,
    model: Option<Arc<Model>>,
    rest: Option<Cholesky>,
    /// Directions with their products, of solves with this matrix.
    kept: Mutex<Vec<Kept>>,
    solves: AtomicUsize,
    /// The part of the price of a unit's length that may be left of its equations, as the bits of a number: it falls with the gap.
    left: &'a AtomicU64,
}

impl<'a> ConjugateNormal<'a> {
    pub fn new(program: &'a TrainingProgram, fixed: &'a Fixed, left: &'a AtomicU64) -> Self {
        Self {
            program,
            fixed,
            blocks: Vec::new(),
            units: Vec::new(),
            model: None,
            rest: None,
            kept: Mutex::new(Vec::new()),
            solves: AtomicUsize::new(0),
            left,
        }
    }

    fn unit(&self, i: usize, block: &Mat<f64>, model: &Model) -> Result<Unit, NotPositiveDefinite> {
        let (width, e) = (self.program.layout.width(), self.program.layout.e());
        let gram = &self.fixed.grams[i];
        let rem = gram - gram * (&self.fixed.linear * gram);
        let r = model.along.as_ref().subcols(i, 1);
        let c = &rem * r;
        let along = (r.transpose() * &c)[(0, 0)];
        let some = along > 1e-12 * gram[(e - 1, e - 1)];
        let push: Vec<f64> = (0..width).map(|a| if some && a < e { c[(a, 0)] / along } else { 0.0 }).collect();
        let mut matrix = block.clone();
        for b in 0..e {
            for a in 0..e {
                matrix[(a, b)] += rem[(a, b)] - if some { c[(a, 0)] * c[(b, 0)] / along } else { 0.0 };
            }
        }
        let factor = Cholesky::new(matrix)?;
        let y = self.program.sign[i] * (gram * &self.fixed.free);
        let mut solved = Mat::from_fn(width, 1 + y.ncols(), |a, j| match (a < e, j) {
            (_, 0) => push[a],
            (true, j) => y[(a, j - 1)],
            _ => 0.0,
        });
        let right = solved.clone();
        factor.solve_in_place(solved.as_mut());
        let all = right.transpose() * &solved;
        let side = (0..y.ncols()).map(|j| all[(1 + j, 0)]).collect();
        let linear = all.submatrix(1, 1, y.ncols(), y.ncols()).to_owned();
        Ok(Unit { factor, push, own: all[(0, 0)], side, linear })
    }

    /// `(K + Φᵀdiag(χ)Φ) p`, the shared scalars eliminated.
    fn product(&self, p: &[f64]) -> Vec<f64> {
        let layout = &self.program.layout;
        let (width, e) = (layout.width(), layout.e());
        let weights = self.weights(p);
        let mut through = self.fixed.products.hessian(weights.as_ref());
        let border = &self.fixed.border;
        if border.ncols() > 0 {
            let flat = Mat::from_fn(e * layout.m, 1, |a, _| weights[(a % e, a / e)]);
            let shared = border.transpose() * flat;
            let shared = self.fixed.shared(shared.col_as_slice(0));
            let away = border * shared;
            for i in 0..layout.m {
                (0..e).for_each(|a| through[(a, i)] -= away[(i * e + a, 0)]);
            }
        }
        let mut out = vec![0.0; p.len()];
        out.par_chunks_mut(width).zip(&self.blocks).enumerate().for_each(|(i, (out, block))| {
            let target = MatMut::from_column_major_slice_mut(out, width, 1);
            let own = MatRef::from_column_major_slice(&p[i * width..][..width], width, 1);
            matmul(target, Accum::Replace, block.as_ref(), own, 1.0, Par::Seq);
            (0..e).for_each(|a| out[a] += through[(a, i)]);
        });
        out
    }

    /// z̄ of the units, e × m.
    fn weights(&self, p: &[f64]) -> Mat<f64> {
        let (width, e) = (self.program.layout.width(), self.program.layout.e());
        Mat::from_fn(e, self.program.layout.m, |a, i| p[i * width + a])
    }

    /// The preconditioner.
    fn precondition(&self, r: &[f64]) -> Vec<f64> {
        let (width, e) = (self.program.layout.width(), self.program.layout.e());
        let (model, rest) = (self.model.as_ref().expect("factored"), self.rest.as_ref().expect("factored"));
        let (m, rank) = (self.units.len(), self.fixed.free.ncols());
        let mut out = r.to_vec();
        let parts: Vec<(f64, Mat<f64>)> = out
            .par_chunks_mut(width)
            .zip(&self.units)
            .enumerate()
            .map(|(i, (v, unit))| {
                unit.factor.solve_in_place(MatMut::from_column_major_slice_mut(v, width, 1));
                let own = MatRef::from_column_major_slice(&v[..e], e, 1);
                (dot(&unit.push, v), self.program.sign[i] * (&self.fixed.grams[i] * own))
            })
            .collect();
        let along = Mat::from_fn(m, 1, |i, _| parts[i].0);
        let mut linear = Mat::<f64>::zeros(e, 1);
        parts.iter().for_each(|(_, part)| linear += part);
        let (top, bottom) = (model.root.transpose() * along, self.fixed.free.transpose() * linear);
        let mut t = Mat::from_fn(m + rank, 1, |a, _| if a < m { top[(a, 0)] } else { bottom[(a - m, 0)] });
        rest.solve_in_place(t.as_mut());
        let along = &model.root * t.as_ref().subrows(0, m);
        let linear = &self.fixed.free * t.as_ref().subrows(m, rank);
        out.par_chunks_mut(width).zip(&self.units).enumerate().for_each(|(i, (v, unit))| {
            let y = self.program.sign[i] * (&self.fixed.grams[i] * &linear);
            let back = |a: usize| along[(i, 0)] * unit.push[a] + if a < e { y[(a, 0)] } else { 0.0 };
            let mut back = Mat::from_fn(width, 1, |a, _| back(a));
            unit.factor.solve_in_place(back.as_mut());
            v.iter_mut().zip(back.col_as_slice(0)).for_each(|(v, b)| *v -= b);
        });
        out
    }

    /// The largest length of what is left of a unit's equations, as prices measure it.
    fn steepest(&self, r: &[f64]) -> f64 {
        let (width, e) = (self.program.layout.width(), self.program.layout.e());
        let lengths = self.program.terms.lengths.as_ref().expect("lengths have a price");
        let turned = lengths.turned_back(self.weights(r));
        (0..self.blocks.len()).map(|i| turned.col(i).norm_l2().max(r[i * width + e].abs())).fold(0.0, f64::max)
    }

    /// Conjugate gradients for the units' part of a right-hand side.
    fn conjugate(&self, r: &mut [f64]) -> Vec<f64> {
        let stop = Stop::here();
        let first = self.solves.fetch_add(1, Ordering::Relaxed) == 0;
        let accuracy = ACCURACY[usize::from(!first)];
        let lengths = self.program.terms.lengths.as_ref().expect("lengths have a price");
        let left = f64::from_bits(self.left.load(Ordering::Relaxed)) * if first { PREDICTED } else { 1.0 };
        let allowed = left * lengths.price;
        let mut kept = self.kept.lock().expect("no solve panics");
        let mut turned = self.precondition(r);
        let whole = dot(r, &turned);
        let mut x = vec![0.0; r.len()];
        if whole <= 0.0 || whole.is_nan() {
            return x;
        }
        for (p, product, curvature) in kept.iter() {
            let step = dot(p, r) / curvature;
            add(&mut x, step, p);
            add(r, -step, product);
        }
        if !kept.is_empty() {
            turned = self.precondition(r);
        }
        let mut energy = dot(r, &turned);
        let mut p = turned;
        for _ in 0..STEPS {
            let near = energy <= accuracy * accuracy * whole && self.steepest(r) <= allowed;
            if near || stop.asked() {
                break;
            }
            let product = self.product(&p);
            let curvature = dot(&p, &product);
            let step = energy / curvature;
            if !(curvature > 0.0 && step.is_finite()) {
                break;
            }
            add(&mut x, step, &p);
            add(r, -step, &product);
            let turned = self.precondition(r);
            let next = dot(r, &turned);
            let mut along = turned;
            add(&mut along, next / energy, &p);
            energy = next;
            if kept.len() < KEPT {
                kept.push((p, product, curvature));
            }
            p = along;
        }
        x
    }
}

impl NormalEquations for ConjugateNormal<'_> {
    fn factor(&mut self, at: &[f64], scaling: &[Scaling], regularization: f64) -> Result<(), NotPositiveDefinite> {
        let layout = &self.program.layout;
        let (width, m, rank) = (layout.width(), layout.m, self.fixed.free.ncols());
        let shared = layout.shared_len();
        let mut blocks = Blocks { units: vec![Mat::zeros(width, width); m], shared: Mat::zeros(shared, shared) };
        for term in self.program.terms.each() {
            term.add_blocks(layout, scaling, &mut blocks);
        }
        let stop = Stop::here();
        if stop.asked() {
            return Err(NotPositiveDefinite);
        }
        let mut units = blocks.units;
        for block in &mut units {
            let largest = (0..width).fold(0.0f64, |largest, a| largest.max(block[(a, a)]));
            (0..width).for_each(|a| {
                block[(a, a)] += regularization * (block[(a, a)] + 1e-3 * largest) + f64::MIN_POSITIVE;
            });
        }
        let model = self.fixed.model(&self.program.sign, layout.weights_of(at))?;
        let parts: Result<Vec<Unit>, _> =
            units.par_iter().enumerate().map(|(i, block)| self.unit(i, block, &model)).collect();
        let parts = parts?;
        let mut rest = Mat::<f64>::identity(m + rank, m + rank);
        let scaled = Mat::from_fn(m, m, |i, j| if i >= j { parts[i].own.sqrt() * model.root[(i, j)] } else { 0.0 });
        crate::program::cholesky::symmetric_product(rest.as_mut().submatrix_mut(0, 0, m, m), scaled.as_ref());
        let side = Mat::from_fn(rank, m, |a, i| parts[i].side[a]);
        let side = side * &model.root;
        rest.as_mut().submatrix_mut(m, 0, rank, m).copy_from(&side);
        for part in &parts {
            let mut corner = rest.as_mut().submatrix_mut(m, m, rank, rank);
            corner += &part.linear;
        }
        self.rest = Some(Cholesky::new(rest)?);
        (self.units, self.blocks, self.model) = (parts, units, Some(model));
        self.kept.lock().expect("no solve panics").clear();
        self.solves.store(0, Ordering::Relaxed);
        Ok(())
    }

    fn solve(&self, r: &mut [f64]) {
        let layout = &self.program.layout;
        let (width, e, m) = (layout.width(), layout.e(), layout.m);
        let shared = self.fixed.shared(&r[layout.shared()..layout.reduced()]);
        let mut own = r[..layout.shared()].to_vec();
        let border = &self.fixed.border;
        if border.ncols() > 0 {
            let away = border * &shared;
            (0..m).for_each(|i| (0..e).for_each(|a| own[i * width + a] -= away[(i * e + a, 0)]));
        }
        let x = self.conjugate(&mut own);
        if border.ncols() > 0 {
            let flat = Mat::from_fn(e * m, 1, |a, _| x[a / e * width + a % e]);
            let back = self.fixed.shared((border.transpose() * flat).col_as_slice(0));
            for (a, r) in r[layout.shared()..layout.reduced()].iter_mut().enumerate() {
                *r = shared[(a, 0)] - back[(a, 0)];
            }
        }
        r[..layout.shared()].copy_from_slice(&x);
    }
}
