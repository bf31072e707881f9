//! The loss over the rows, as a term of the program: its variables, its inequalities, its part of the normal equations.
//!
//! With f = Φz + Xa + c at the *points* (distinct inputs) and targets y_t of weight ω_t, each at a point, a loss of the
//! form (η, α⁺, α⁻) of [`Form`] is
//!
//! ```text
//! Σ_t ω_t ( η (f_t − y_t − ξ⁺_t + ξ⁻_t)² + α⁺ ξ⁺_t + α⁻ ξ⁻_t )     ξ⁺, ξ⁻ ≥ 0            η finite
//! Σ_t ω_t ( (α⁺ + α⁻) ξ⁺_t − α⁻ (f_t − y_t) )                      ξ⁺, ξ⁺ − f + y ≥ 0    η infinite: ξ⁻ = ξ⁺ − f + y
//! ```
//!
//! Without exits ξ⁺ and ξ⁻ are absent: the squared error, a quadratic in z alone.
//!
//! **Elimination.** With barrier weights H⁺_t of ξ⁺ ≥ 0 and H⁻_t of ξ⁻ ≥ 0 and the stiffness `χ° = 2ηω`, what is left
//! of a target once its exits are eliminated is a curvature in f_t alone, as of springs in a row:
//!
//! ```text
//! 1/χ_t = 1/χ°_t + 1/H⁺_t + 1/H⁻_t
//! ```
//!
//! so the normal matrix is that of a squared error with other weights, new in every iteration.

use super::{
    layout::{Exits, Layout},
    rows::Rows,
    term::{Place, Term},
};
use crate::loss::Form;
use faer::{Accum, Mat, MatMut, MatRef, Par, linalg::matmul::matmul};
use std::sync::Arc;
use tautnet_cone::Cone;

/// Targets, their weights and the form of their loss, in conditioned coordinates.
pub(crate) struct Targets {
    /// The point of each target.
    pub point: Vec<usize>,
    pub y: Vec<f64>,
    pub weight: Vec<f64>,
    pub form: Form,
}

/// The loss of rows that are elsewhere, or a model of it, as `½xᵀHx + slope·x + offset` over `(z̄_1, …, z̄_m, a, c)`, with the reaches of a unit
/// after its z̄.
#[derive(Clone)]
pub(crate) struct Gathered {
    /// H, lower triangle.
    pub hessian: Arc<Mat<f64>>,
    pub slope: Vec<f64>,
    pub offset: f64,
}

/// The term.
#[derive(Clone)]
pub(crate) struct LossTerm {
    /// The points, all of them.
    pub rows: Arc<Rows>,
    pub targets: Arc<Targets>,
    /// X, the points' inputs as a linear part sees them (n × d), where there is one.
    pub linear: Option<Arc<Mat<f64>>>,
    /// The Hessian over `(z̄_1, …, z̄_m, a, c)`, lower triangle, where it is constant and stored.
    pub hessian: Option<Arc<Mat<f64>>>,
    /// What rows that are elsewhere come to; there are no points here then.
    pub gathered: Option<Gathered>,
    pub place: Place,
}

impl Targets {
    /// Which exits a program has with these targets.
    pub fn exits(&self) -> Exits {
        let Form { quadratic, above, below } = self.form;
        debug_assert_eq!(above.is_some(), below.is_some());
        Exits { targets: if above.is_some() { self.y.len() } else { 0 }, quadratic: quadratic.is_some() }
    }

    /// `χ° = 2ηω` of a target.
    fn stiffness(&self, t: usize) -> Option<f64> {
        self.form.quadratic.map(|eta| 2.0 * eta * self.weight[t])
    }

    /// `α⁺ω` and `α⁻ω` of a target.
    fn prices(&self, t: usize) -> [f64; 2] {
        [self.form.above, self.form.below].map(|price| price.unwrap_or(0.0) * self.weight[t])
    }
}

impl LossTerm {
    fn count(&self) -> usize {
        self.targets.y.len()
    }

    /// The Hessian at these roots of the curvatures.
    pub fn hessian_at(&self, root: &[f64]) -> Mat<f64> {
        self.rows.loss_hessian(root, self.linear.as_ref().map(|linear| linear.as_ref().as_ref()))
    }

    /// X and where a stands, where there is a linear part.
    pub fn linear_part(&self, layout: &Layout) -> Option<(MatRef<'_, f64>, std::ops::Range<usize>)> {
        Some((self.linear.as_ref()?.as_ref().as_ref(), layout.linear_part()?))
    }

    /// f at every point.
    pub fn output(&self, layout: &Layout, x: &[f64]) -> Vec<f64> {
        let mut f = vec![0.0; self.rows.n()];
        self.rows.output(layout.weights_of(x), &mut f);
        if let Some((inputs, a)) = self.linear_part(layout) {
            let out = MatMut::from_column_major_slice_mut(&mut f, inputs.nrows(), 1);
            matmul(out, Accum::Add, inputs, column(&x[a]), 1.0, Par::Seq);
        }
        let c = layout.output_bias().map_or(0.0, |c| x[c]);
        f.iter_mut().for_each(|f| *f += c);
        f
    }

    /// `out += [Φ, X, 1]ᵀ v`.
    pub fn add_to_weights(&self, layout: &Layout, v: &[f64], out: &mut [f64]) {
        let gradient = self.rows.output_adjoint(v);
        for i in 0..layout.m {
            (0..layout.e()).for_each(|a| out[layout.unit(i) + a] += gradient[(a, i)]);
        }
        if let Some((inputs, a)) = self.linear_part(layout) {
            let out = MatMut::from_column_major_slice_mut(&mut out[a], inputs.ncols(), 1);
            matmul(out, Accum::Add, inputs.transpose(), column(v), 1.0, Par::Seq);
        }
        if let Some(c) = layout.output_bias() {
            out[c] += v.iter().sum::<f64>();
        }
    }

    /// Add a vector over `(z̄_1, …, z̄_m, a, c)`, with the reaches of a unit after its z̄, where these variables stand.
    fn unpack(&self, layout: &Layout, packed: &[f64], out: &mut [f64]) {
        let (own, m) = (layout.e() + layout.reach, layout.m);
        for i in 0..m {
            (0..own).for_each(|a| out[layout.unit(i) + a] += packed[i * own + a]);
        }
        for (k, at) in layout.linear_part().into_iter().flatten().enumerate() {
            out[at] += packed[own * m + k];
        }
        if let Some(c) = layout.output_bias() {
            out[c] += packed[own * m + layout.linear_len()];
        }
    }

    /// χ of every point, for the barrier weights of the exits.
    pub fn curvature(&self, barrier: &[f64]) -> Vec<f64> {
        let mut curvature = vec![0.0; self.rows.n()];
        let count = self.count();
        for t in 0..count {
            curvature[self.targets.point[t]] += match (self.targets.stiffness(t), barrier.is_empty()) {
                (Some(stiffness), true) => stiffness,
                (None, true) => 0.0,
                (stiffness, false) => {
                    let (above, below) = (barrier[t], barrier[count + t]);
                    1.0 / (stiffness.map_or(0.0, |stiffness| 1.0 / stiffness) + 1.0 / above + 1.0 / below)
                }
            };
        }
        curvature
    }

    /// Move the exits' part of a right-hand side onto the other variables.
    pub fn eliminate(&self, layout: &Layout, barrier: &[f64], r: &mut [f64]) {
        if layout.exits.targets == 0 {
            return;
        }
        let (count, exits) = (self.count(), layout.exits());
        let mut v = vec![0.0; self.rows.n()];
        for t in 0..count {
            let (above, below) = (barrier[t], barrier[count + t]);
            v[self.targets.point[t]] += match self.targets.stiffness(t) {
                Some(stiffness) => {
                    let determinant = stiffness * (above + below) + above * below;
                    stiffness * (below * r[exits + t] - above * r[exits + count + t]) / determinant
                }
                None => below * r[exits + t] / (above + below),
            };
        }
        self.add_to_weights(layout, &v, r);
    }

    /// Overwrite the exits' part with their solution, once that of the other variables is known.
    pub fn recover(&self, layout: &Layout, barrier: &[f64], r: &mut [f64]) {
        if layout.exits.targets == 0 {
            return;
        }
        let f = self.output(layout, r);
        let (count, exits) = (self.count(), layout.exits());
        for t in 0..count {
            let (above, below, f) = (barrier[t], barrier[count + t], f[self.targets.point[t]]);
            match self.targets.stiffness(t) {
                Some(stiffness) => {
                    let (up, down) = (r[exits + t] + stiffness * f, r[exits + count + t] - stiffness * f);
                    let determinant = stiffness * (above + below) + above * below;
                    r[exits + t] = ((stiffness + below) * up + stiffness * down) / determinant;
                    r[exits + count + t] = (stiffness * up + (stiffness + above) * down) / determinant;
                }
                None => r[exits + t] = (r[exits + t] + below * f) / (above + below),
            }
        }
    }

    /// Exits for a first point whose other variables are set: those that the residuals ask for, and room.
    pub fn start(&self, layout: &Layout, x: &mut [f64]) {
        if layout.exits.targets == 0 {
            return;
        }
        let f = self.output(layout, x);
        let (count, exits) = (self.count(), layout.exits());
        let residual = |t: usize| f[self.targets.point[t]] - self.targets.y[t];
        let mean = (0..count).map(|t| residual(t).abs()).sum::<f64>() / count as f64;
        let room = mean.max(START_ROOM);
        for t in 0..count {
            let r = residual(t);
            x[exits + t] = r.max(0.0) + room;
            if layout.exits.quadratic {
                x[exits + count + t] = (-r).max(0.0) + room;
            }
        }
    }
}

impl Term for LossTerm {
    fn cones(&self, layout: &Layout) -> Vec<Cone> {
        if layout.exits.targets > 0 { vec![Cone::Nonnegative(layout.exits.rows())] } else { Vec::new() }
    }

    fn place(&mut self, place: Place) {
        self.place = place;
    }

    fn objective(&self, layout: &Layout, linear: &mut [f64]) -> f64 {
        let (targets, mut offset) = (&self.targets, 0.0);
        let mut v = vec![0.0; self.rows.n()];
        let (exits, count) = (layout.exits(), self.count());
        for t in 0..count {
            let [above, below] = targets.prices(t);
            let y = targets.y[t];
            match targets.form.quadratic {
                Some(eta) => {
                    let slope = -2.0 * eta * targets.weight[t] * y;
                    v[targets.point[t]] += slope;
                    offset += eta * targets.weight[t] * y * y;
                    if layout.exits.targets > 0 {
                        linear[exits + t] = above - slope;
                        linear[exits + count + t] = below + slope;
                    }
                }
                None => {
                    v[targets.point[t]] -= below;
                    offset += below * y;
                    linear[exits + t] = above + below;
                }
            }
        }
        self.add_to_weights(layout, &v, linear);
        if let Some(gathered) = &self.gathered {
            self.unpack(layout, &gathered.slope, linear);
            offset += gathered.offset;
        }
        offset
    }

    fn constant(&self, layout: &Layout, constant: &mut [f64]) {
        if layout.exits.targets > 0 && !layout.exits.quadratic {
            constant[self.place.row + self.count()..][..self.count()].copy_from_slice(&self.targets.y);
        }
    }

    fn add_product(&self, layout: &Layout, x: &[f64], out: &mut [f64]) {
        let (own, m) = (layout.e() + layout.reach, layout.m);
        if let Some(hessian) = &self.hessian {
            let affine = own * m + layout.linear_len();
            let mut packed = Mat::<f64>::zeros(affine + 1, 1);
            for i in 0..m {
                (0..own).for_each(|a| packed[(i * own + a, 0)] = x[layout.unit(i) + a]);
            }
            for (k, at) in layout.linear_part().into_iter().flatten().enumerate() {
                packed[(own * m + k, 0)] = x[at];
            }
            if let Some(c) = layout.output_bias() {
                packed[(affine, 0)] = x[c];
            }
            let product = symmetric_times(hessian.as_ref().as_ref(), packed.as_ref());
            self.unpack(layout, product.col_as_slice(0), out);
            return;
        }
        if self.targets.form.quadratic.is_none() {
            return;
        }
        let f = self.output(layout, x);
        let (exits, count) = (layout.exits(), self.count());
        let mut v = vec![0.0; f.len()];
        for t in 0..count {
            let point = self.targets.point[t];
            let out_of = if layout.exits.targets > 0 { x[exits + t] - x[exits + count + t] } else { 0.0 };
            let force = self.targets.stiffness(t).expect("there is a quadratic") * (f[point] - out_of);
            v[point] += force;
            if layout.exits.targets > 0 {
                out[exits + t] -= force;
                out[exits + count + t] += force;
            }
        }
        self.add_to_weights(layout, &v, out);
    }

    fn apply(&self, layout: &Layout, x: &[f64], out: &mut [f64]) {
        if layout.exits.targets == 0 {
            return;
        }
        let count = self.count();
        let exits = &x[layout.exits()..];
        let (above, below) = out[self.place.row..][..2 * count].split_at_mut(count);
        above.copy_from_slice(&exits[..count]);
        if layout.exits.quadratic {
            below.copy_from_slice(&exits[count..]);
            return;
        }
        let f = self.output(layout, x);
        (0..count).for_each(|t| below[t] = exits[t] - f[self.targets.point[t]]);
    }

    fn add_adjoint(&self, layout: &Layout, z: &[f64], out: &mut [f64]) {
        if layout.exits.targets == 0 {
            return;
        }
        let (count, exits) = (self.count(), layout.exits());
        let (above, below) = z[self.place.row..][..2 * count].split_at(count);
        (0..count).for_each(|t| out[exits + t] += above[t]);
        if layout.exits.quadratic {
            (0..count).for_each(|t| out[exits + count + t] += below[t]);
            return;
        }
        let mut v = vec![0.0; self.rows.n()];
        for t in 0..count {
            out[exits + t] += below[t];
            v[self.targets.point[t]] -= below[t];
        }
        self.add_to_weights(layout, &v, out);
    }
}

/// The least room of a first point's exits, in units of the target's size.
const START_ROOM: f64 = 1e-2;

fn column(values: &[f64]) -> MatRef<'_, f64> {
    MatRef::from_column_major_slice(values, values.len(), 1)
}

/// `A x` from the lower triangle of a symmetric matrix.
pub(super) fn symmetric_times(lower: MatRef<'_, f64>, x: MatRef<'_, f64>) -> Mat<f64> {
    use faer::linalg::matmul::triangular::{self, BlockStructure as B};
    let n = lower.nrows();
    let mut out = Mat::zeros(n, 1);
    let rect = B::Rectangular;
    triangular::matmul(out.as_mut(), rect, Accum::Replace, lower, B::TriangularLower, x, rect, 1.0, Par::Seq);
    let strict = B::StrictTriangularUpper;
    triangular::matmul(out.as_mut(), rect, Accum::Add, lower.transpose(), strict, x, rect, 1.0, Par::Seq);
    out
}
