//! The worst-case loss of the rows within a tolerance, as a term of the program (R).
//!
//! With labels D, σ = 2D − 1, the [reach](super::reach) `‖·‖_τk` of row k and `G_k = a + Σ_i s_i D_ik z_i`,
//!
//! ```text
//! t_ik ≥ 0,  t_ik ≥ w_ik = ‖z_i‖_τk − σ_ik x̄_k·z̄_i           what unit i can add by leaving its label (soft cells)
//! up_k   = lin_k + ‖G_k‖_τk + Σ_{s_i = +} t_ik − y_k         lin = Φz + Xa + c
//! down_k = y_k − lin_k + ‖G_k‖_τk + Σ_{s_i = −} t_ik
//! u_k ≥ A up_k,  u_k ≥ B down_k                              loss ω_k ( q (u_k − p_k)² + α p_k ), p_k ≥ 0, or ω_k u_k
//! ```
//!
//! A loss of the margin, for targets ±1, has the row of the side that its class says, and `u_k ≥ 0` in the place of the other (for a loss
//! that is no quadratic with exits: no other, and ω_k times its value at u_k).
//!
//! Rows can share a u, each with its own y and labels: these are a *group*, whose loss is that of its worst row. With hard cells t
//! is absent and `w_ik ≤ 0`. A loss with a quadratic has A = B = 1; one without has the prices of its exits
//! for A and B. `‖G_k‖_τk` is `g_k` with a second-order cone, or `Σ_j τ_kj H_kj` with `|G_kj| ≤ H_kj`.
//!
//! What the normal equations leave of it is in [`eliminate`].

mod eliminate;
mod products;

use super::{
    layout::{Layout, Worst},
    rows::Rows,
    term::{Blocks, Place, Term},
};
use crate::{
    Loss,
    loss::Cost,
    tolerance::{Shape, Tolerance},
};
use faer::{Accum, Mat, MatMut, MatRef, Par, linalg::matmul::matmul};
use products::{TOGETHER, add_lower, by_columns, by_rows, column};
use rayon::prelude::*;
use std::{ops::Range, sync::Arc};
use tautnet_cone::{Cone, Curved, Scaling};

/// The sides of a row.
const UP: usize = 0;
const DOWN: usize = 1;

/// The term.
#[derive(Clone)]
pub(crate) struct WorstCase {
    /// The rows with their labels.
    pub rows: Arc<Rows>,
    /// `s_i D_ik` (or `ς_ki D_ik`), n × m.
    pub signed: Arc<Mat<f64>>,
    /// What a row takes of a unit's reach, n × variables; no columns where every input is exact.
    pub coefficients: Arc<Mat<f64>>,
    /// The columns with a tolerance.
    pub columns: Vec<usize>,
    /// Their tolerances in every row, n × columns.
    pub tolerances: Arc<Mat<f64>>,
    pub shape: Shape,
    /// X, the rows' inputs as a linear part sees them, where there is one.
    pub linear: Option<Arc<Mat<f64>>>,
    pub y: Arc<Vec<f64>>,
    /// What the output of each row has beside the units, where that is held.
    held: Arc<Vec<f64>>,
    /// The output of each row, whose bias it has where biases are free.
    outputs: Arc<Vec<usize>>,
    /// Of every group.
    pub weight: Arc<Vec<f64>>,
    /// The first row of each group, and the number of rows.
    groups: Arc<Vec<usize>>,
    pub cost: Cost,
    pub soft: bool,
    /// Twice the ridge on each unit's weights.
    ridge: Vec<f64>,
    /// For a box: the first of each row's gradients, and the columns' numbers of all.
    gradients: Arc<(Vec<usize>, Vec<usize>)>,
    pub place: Place,
}

/// What a [`WorstCase`] is made of.
pub(crate) struct Given {
    pub rows: Rows,
    pub columns: Vec<usize>,
    pub coefficients: Mat<f64>,
    pub linear: Option<Mat<f64>>,
    pub y: Vec<f64>,
    pub held: Vec<f64>,
    pub outputs: Vec<usize>,
    pub weight: Vec<f64>,
    pub groups: Vec<usize>,
    pub cost: Cost,
    pub ridge: Vec<f64>,
    pub soft: bool,
}

impl WorstCase {
    pub fn new(given: Given, tolerance: &Tolerance) -> Self {
        let Given { rows, columns, coefficients, linear, y, held, outputs, weight, groups, cost, ridge, soft } = given;
        let (n, m) = (rows.n(), rows.units());
        let tolerances = Mat::from_fn(n, columns.len(), |k, c| tolerance.size(k, columns[c]));
        let signed = Mat::from_fn(n, m, |k, i| if rows.active.unit(i)[k] { rows.coefficient(k, i) } else { 0.0 });
        let (mut first, mut all) = (vec![0], Vec::new());
        for k in 0..n {
            let boxed = tolerance.shape() == Shape::Box;
            all.extend((0..columns.len()).filter(|&c| boxed && tolerances[(k, c)] > 0.0));
            first.push(all.len());
        }
        Self {
            rows: Arc::new(rows),
            signed: Arc::new(signed),
            coefficients: Arc::new(coefficients),
            columns,
            tolerances: Arc::new(tolerances),
            shape: tolerance.shape(),
            linear: linear.map(Arc::new),
            y: Arc::new(y),
            held: Arc::new(held),
            outputs: Arc::new(outputs),
            weight: Arc::new(weight),
            groups: Arc::new(groups),
            cost,
            soft,
            ridge,
            gradients: Arc::new((first, all)),
            place: Place::default(),
        }
    }

    /// The variables that a program has with it.
    pub fn variables(&self, sizes: usize) -> Worst {
        let (n, m) = (self.rows.n(), self.rows.units());
        Worst {
            groups: self.weight.len(),
            exits: self.cost.exit.is_some(),
            gradient: if self.balls() { n } else { self.gradients.1.len() },
            leave: if self.soft { n * m } else { 0 },
            sizes,
        }
    }

    /// The rows of a group.
    fn group(&self, g: usize) -> Range<usize> {
        self.groups[g]..self.groups[g + 1]
    }

    /// Every row with the number of its group.
    fn grouped(&self) -> impl Iterator<Item = (usize, usize)> {
        (0..self.weight.len()).flat_map(|g| self.group(g).map(move |k| (k, g)))
    }

    /// The only side of a row, where the loss is one of the margin.
    fn only(&self, k: usize) -> Option<usize> {
        self.cost.margin.as_ref().map(|_| if self.y[k] > 0.0 { DOWN } else { UP })
    }

    /// What u has in the row of the side that a row does not have: 1 for u ≥ 0, or 0 for no inequality.
    fn floor(&self) -> f64 {
        if self.cost.curve().is_some() { 0.0 } else { 1.0 }
    }

    /// A row of each group, u, and what the loss sees there: a prediction that is as short of the target.
    fn curved<'a>(&'a self, layout: &'a Layout, x: &'a [f64]) -> impl Iterator<Item = (usize, &'a Loss, f64, f64)> {
        self.cost.curve().into_iter().flat_map(move |loss| {
            (0..self.weight.len()).map(move |g| {
                let size = self.y[self.groups[g]].abs();
                (g, loss, size - x[layout.worst() + g], size)
            })
        })
    }

    /// Which side of a row a unit that leaves its label counts for, and how much of it.
    fn leaving(&self, k: usize, i: usize) -> (usize, f64) {
        let coefficient = self.rows.coefficient(k, i);
        (if coefficient < 0.0 { DOWN } else { UP }, coefficient.abs())
    }

    fn balls(&self) -> bool {
        self.shape == Shape::Ball && !self.columns.is_empty()
    }

    /// `lin` of every row.
    fn output(&self, layout: &Layout, x: &[f64]) -> Vec<f64> {
        let n = self.rows.n();
        let mut f = vec![0.0; n];
        self.rows.output(layout.weights_of(x), &mut f);
        if let (Some(inputs), Some(a)) = (&self.linear, layout.linear_part()) {
            let out = MatMut::from_column_major_slice_mut(&mut f, n, 1);
            matmul(out, Accum::Add, inputs.as_ref(), column(&x[a]), 1.0, Par::Seq);
        }
        let biases = &x[layout.output_biases()];
        if !biases.is_empty() {
            f.iter_mut().zip(self.outputs.iter()).for_each(|(f, output)| *f += biases[*output]);
        }
        f
    }

    /// `G`, n × columns.
    fn gradient(&self, layout: &Layout, x: &[f64]) -> Mat<f64> {
        let (m, count) = (layout.m, self.columns.len());
        let slopes = Mat::from_fn(m, count, |i, c| x[layout.unit(i) + self.columns[c]]);
        let mut gradient = by_rows(self.signed.as_ref().as_ref(), slopes.as_ref());
        if let Some(a) = layout.linear_part() {
            for c in 0..count {
                let own = x[a.start + self.columns[c]];
                gradient.col_mut(c).iter_mut().for_each(|g| *g += own);
            }
        }
        gradient
    }

    /// `σ x̄·z̄ − ‖z‖_τ`, unit by unit: how far each unit is inside its label.
    fn inside(&self, layout: &Layout, x: &[f64]) -> Vec<f64> {
        let (n, m) = (self.rows.n(), self.rows.units());
        let mut out = vec![0.0; n * m];
        self.rows.cones(layout.weights_of(x), &mut out);
        if self.coefficients.ncols() > 0 {
            let reach = MatRef::from_column_major_slice_with_stride(
                &x[layout.z_len()..layout.shared()],
                layout.reach,
                m,
                layout.width(),
            );
            out.par_chunks_mut(n).enumerate().for_each(|(i, out)| {
                let out = MatMut::from_column_major_slice_mut(out, n, 1);
                matmul(out, Accum::Add, self.coefficients.as_ref(), reach.subcols(i, 1), -1.0, Par::Seq);
            });
        }
        out
    }

    /// `Σ t` over the units of either sign, row by row.
    fn left(&self, layout: &Layout, x: &[f64]) -> Vec<[f64; 2]> {
        let n = self.rows.n();
        let mut sums = vec![[0.0; 2]; n];
        if self.soft {
            let t = &x[layout.leave()..][..n * self.rows.units()];
            sums.par_chunks_mut(TOGETHER).enumerate().for_each(|(block, sums)| {
                let first = block * TOGETHER;
                for (i, t) in t.chunks(n).enumerate() {
                    for (k, (sum, t)) in (first..).zip(sums.iter_mut().zip(&t[first..])) {
                        let (side, size) = self.leaving(k, i);
                        sum[side] += size * t;
                    }
                }
            });
        }
        sums
    }

    /// Where the rows of the numbers stand: up, down, exits, `H − G`, `H + G`, `t`, cells.
    fn parts(&self) -> Parts {
        let (n, m) = (self.rows.n(), self.rows.units());
        let mut at = 0;
        let mut next = |length: usize| {
            at += length;
            at - length..at
        };
        Parts {
            up: next(n),
            down: next(n),
            exits: next(if self.cost.exit.is_some() { self.weight.len() } else { 0 }),
            minus: next(self.gradients.1.len()),
            plus: next(self.gradients.1.len()),
            leave: next(if self.soft { n * m } else { 0 }),
            cells: next(n * m),
        }
    }

    fn cone_rows(&self, k: usize) -> Range<usize> {
        let length = self.columns.len() + 1;
        let first = self.place.row + self.parts().cells.end + k * length;
        first..first + length
    }

    fn ball<'a>(&self, scaling: &'a [Scaling], k: usize) -> &'a tautnet_cone::cone::SecondOrderScaling {
        match &scaling[self.place.cone + 1 + k] {
            Scaling::SecondOrder(cone) => cone,
            _ => unreachable!("a gradient within a ball has a second-order cone"),
        }
    }

    fn numbers<'a>(&self, scaling: &'a [Scaling]) -> &'a [f64] {
        match &scaling[self.place.cone] {
            Scaling::Nonnegative(h) => h,
            _ => unreachable!("the first cone is of numbers"),
        }
    }
}

/// Pairs of columns whose sums are held at once.
const PAIRS: usize = 64;

/// The rows of the numbers.
struct Parts {
    up: Range<usize>,
    down: Range<usize>,
    exits: Range<usize>,
    minus: Range<usize>,
    plus: Range<usize>,
    leave: Range<usize>,
    cells: Range<usize>,
}

impl Term for WorstCase {
    fn cones(&self, _: &Layout) -> Vec<Cone> {
        let mut cones = vec![Cone::Nonnegative(self.parts().cells.end)];
        if self.balls() {
            cones.extend(vec![Cone::SecondOrder(self.columns.len() + 1); self.rows.n()]);
        }
        cones
    }

    fn place(&mut self, place: Place) {
        self.place = place;
    }

    fn objective(&self, layout: &Layout, linear: &mut [f64]) -> f64 {
        for (g, weight) in self.weight.iter().enumerate() {
            linear[layout.worst() + g] = self.cost.price * weight;
            if let Some(exit) = self.cost.exit {
                linear[layout.worst_exits() + g] = exit * weight;
            }
        }
        0.0
    }

    fn constant(&self, _: &Layout, constant: &mut [f64]) {
        let parts = self.parts();
        for (k, short) in self.y.iter().zip(self.held.iter()).map(|(y, held)| y - held).enumerate() {
            let sides = match self.only(k) {
                None => [short, -short],
                Some(UP) => [short, 1.0 - self.floor()],
                Some(_) => [1.0 - self.floor(), -short],
            };
            constant[self.place.row + parts.up.start + k] = sides[UP];
            constant[self.place.row + parts.down.start + k] = sides[DOWN];
        }
    }

    fn add_curved(&self, layout: &Layout, x: &[f64], gradient: &mut [f64]) -> Curved {
        let mut all = Curved::default();
        for (g, loss, f, size) in self.curved(layout, x) {
            let (u, weight) = (layout.worst() + g, self.weight[g]);
            let (value, slope) = (weight * loss.value(f, size), -weight * loss.slope(f, size));
            gradient[u] += slope;
            all.value += value;
            all.below += value - slope * x[u];
        }
        all
    }

    fn add_curvature(&self, layout: &Layout, at: &[f64], v: &[f64], out: &mut [f64]) {
        for (g, loss, f, size) in self.curved(layout, at) {
            let u = layout.worst() + g;
            out[u] += self.weight[g] * loss.curvature(f, size) * v[u];
        }
    }

    fn is_quadratic(&self) -> bool {
        self.cost.curve().is_none()
    }

    fn add_product(&self, layout: &Layout, x: &[f64], out: &mut [f64]) {
        for (i, ridge) in self.ridge.iter().enumerate() {
            (layout.unit(i)..layout.unit(i) + layout.e()).for_each(|at| out[at] += ridge * x[at]);
        }
        let Some(q) = self.cost.quadratic else { return };
        for (g, weight) in self.weight.iter().enumerate() {
            let (u, exit) = (layout.worst() + g, layout.worst_exits() + g);
            let left = if self.cost.exit.is_some() { x[exit] } else { 0.0 };
            let force = 2.0 * q * weight * (x[u] - left);
            out[u] += force;
            if self.cost.exit.is_some() {
                out[exit] -= force;
            }
        }
    }

    fn apply(&self, layout: &Layout, x: &[f64], out: &mut [f64]) {
        let (n, parts) = (self.rows.n(), self.parts());
        let lin = self.output(layout, x);
        let left = self.left(layout, x);
        let gradient = self.gradient(layout, x);
        let inside = self.inside(layout, x);
        if self.balls() {
            for k in 0..n {
                let rows = &mut out[self.cone_rows(k)];
                rows[0] = x[layout.gradients() + k];
                (0..self.columns.len()).for_each(|c| rows[1 + c] = self.tolerances[(k, c)] * gradient[(k, c)]);
            }
        }
        let out = &mut out[self.place.row..][..parts.cells.end];
        for (k, g) in self.grouped() {
            let mut reach = if self.balls() { x[layout.gradients() + k] } else { 0.0 };
            for at in self.gradients.0[k]..self.gradients.0[k + 1] {
                let (c, size) = (self.gradients.1[at], x[layout.gradients() + at]);
                out[parts.minus.start + at] = size - gradient[(k, c)];
                out[parts.plus.start + at] = size + gradient[(k, c)];
                reach += self.tolerances[(k, c)] * size;
            }
            let u = x[layout.worst() + g];
            let [above, below] = self.cost.sides;
            out[parts.up.start + k] = u / above - lin[k] - reach - left[k][UP];
            out[parts.down.start + k] = u / below + lin[k] - reach - left[k][DOWN];
            match self.only(k) {
                Some(UP) => out[parts.down.start + k] = self.floor() * u,
                Some(_) => out[parts.up.start + k] = self.floor() * u,
                None => {}
            }
        }
        let exits = parts.exits.len();
        out[parts.exits].copy_from_slice(&x[layout.worst_exits()..][..exits]);
        let cells = &mut out[parts.cells.clone()];
        if self.soft {
            let t = &x[layout.leave()..][..cells.len()];
            let each = cells.par_chunks_mut(n).zip(inside.par_chunks(n)).zip(t.par_chunks(n));
            each.for_each(|((cells, inside), t)| {
                cells.iter_mut().zip(inside.iter().zip(t)).for_each(|(cell, (inside, t))| *cell = inside + t);
            });
            out[parts.leave].copy_from_slice(t);
        } else {
            cells.copy_from_slice(&inside);
        }
    }

    fn add_adjoint(&self, layout: &Layout, z: &[f64], out: &mut [f64]) {
        let (n, m, parts, count) = (self.rows.n(), self.rows.units(), self.parts(), self.columns.len());
        let mut gradient = Mat::<f64>::zeros(n, count);
        if self.balls() {
            for k in 0..n {
                let rows = &z[self.cone_rows(k)];
                out[layout.gradients() + k] += rows[0];
                (0..count).for_each(|c| gradient[(k, c)] = self.tolerances[(k, c)] * rows[1 + c]);
            }
        }
        let z = &z[self.place.row..][..parts.cells.end];
        let mut v = vec![0.0; n];
        for (exit, z) in out[layout.worst_exits()..].iter_mut().zip(&z[parts.exits.clone()]) {
            *exit += z;
        }
        let mut sides = [&z[parts.up.clone()], &z[parts.down.clone()]].map(<[f64]>::to_vec);
        for (k, g) in self.grouped() {
            if let Some(only) = self.only(k) {
                out[layout.worst() + g] += self.floor() * std::mem::take(&mut sides[1 - only][k]);
            }
            let [up, down] = [sides[UP][k], sides[DOWN][k]];
            v[k] = down - up;
            out[layout.worst() + g] += up / self.cost.sides[UP] + down / self.cost.sides[DOWN];
            if self.balls() {
                out[layout.gradients() + k] -= up + down;
            }
            for at in self.gradients.0[k]..self.gradients.0[k + 1] {
                let (c, minus, plus) = (self.gradients.1[at], z[parts.minus.start + at], z[parts.plus.start + at]);
                out[layout.gradients() + at] += minus + plus - self.tolerances[(k, c)] * (up + down);
                gradient[(k, c)] += plus - minus;
            }
        }
        let cells = &z[parts.cells.clone()];
        let mut weights = self.rows.cones_adjoint(cells);
        weights += self.rows.output_adjoint(&v);
        let slopes = by_columns(self.signed.as_ref().as_ref(), gradient.as_ref());
        for i in 0..m {
            (0..layout.e()).for_each(|a| out[layout.unit(i) + a] += weights[(a, i)]);
            (0..count).for_each(|c| out[layout.unit(i) + self.columns[c]] += slopes[(i, c)]);
        }
        if self.coefficients.ncols() > 0 {
            let cells = MatRef::from_column_major_slice(cells, n, m);
            let taken = by_columns(self.coefficients.as_ref().as_ref(), cells);
            for i in 0..m {
                (0..layout.reach).for_each(|v| out[layout.unit(i) + layout.z_len() + v] -= taken[(v, i)]);
            }
        }
        if self.soft {
            let t = &mut out[layout.leave()..][..n * m];
            let pairs = cells.par_chunks(n).zip(z[parts.leave.clone()].par_chunks(n));
            t.par_chunks_mut(n).zip(pairs).enumerate().for_each(|(i, (t, (cells, leave)))| {
                for (k, ((t, cell), leave)) in t.iter_mut().zip(cells).zip(leave).enumerate() {
                    let (side, size) = self.leaving(k, i);
                    *t += cell + leave - size * sides[side][k];
                }
            });
        }
        if let (Some(inputs), Some(a)) = (&self.linear, layout.linear_part()) {
            let part = MatMut::from_column_major_slice_mut(&mut out[a.clone()], inputs.ncols(), 1);
            matmul(part, Accum::Add, inputs.transpose(), column(&v), 1.0, Par::Seq);
            for c in 0..count {
                out[a.start + self.columns[c]] += gradient.col(c).iter().sum::<f64>();
            }
        }
        let biases = &mut out[layout.output_biases()];
        if !biases.is_empty() {
            v.iter().zip(self.outputs.iter()).for_each(|(v, output)| biases[*output] += v);
        }
    }

    fn add_blocks(&self, layout: &Layout, scaling: &[Scaling], blocks: &mut Blocks) {
        let (n, e, reach) = (self.rows.n(), layout.e(), self.coefficients.ncols());
        let (h, parts) = (self.numbers(scaling), self.parts());
        let stop = tautnet_cone::Stop::here();
        blocks.units.par_iter_mut().enumerate().for_each(|(i, block)| {
            let on = self.rows.active.unit(i);
            let mut sum = Mat::<f64>::zeros(e + reach, e + reach);
            for start in (0..n).step_by(TOGETHER) {
                if stop.asked() {
                    return;
                }
                let length = TOGETHER.min(n - start);
                let here = i * n + start..i * n + start + length;
                let cells = &h[parts.cells.clone()][here.clone()];
                let roots: Vec<f64> = if self.soft {
                    let leave = &h[parts.leave.clone()][here];
                    leave.iter().zip(cells).map(|(leave, cell)| (leave * cell / (leave + cell)).sqrt()).collect()
                } else {
                    cells.iter().map(|cell| cell.sqrt()).collect()
                };
                // −σ √κ
                let sided = |(root, on): (&f64, &bool)| if *on { -root } else { *root };
                let sided: Vec<f64> = roots.iter().zip(&on[start..]).map(sided).collect();
                let mut w = Mat::<f64>::zeros(length, e + reach);
                for a in 0..e + reach {
                    let (from, factors) =
                        if a < e { (self.rows.x.col(a), &sided) } else { (self.coefficients.col(a - e), &roots) };
                    let from = from.subrows(start, length);
                    let column = w.col_mut(a).iter_mut().zip(from.iter());
                    column.zip(factors).for_each(|((w, value), factor)| *w = factor * value);
                }
                add_lower(sum.as_mut(), w.as_ref(), w.as_ref());
            }
            (0..e).for_each(|a| sum[(a, a)] += self.ridge[i]);
            for a in 0..e + reach {
                for b in 0..=a {
                    block[(a, b)] += sum[(a, b)];
                    if a != b {
                        block[(b, a)] += sum[(a, b)];
                    }
                }
            }
        });
    }
}
