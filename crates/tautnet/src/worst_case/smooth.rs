//! The worst case of rows by held labels as a smooth convex function of the weights, with its slope, its curvature and a tangent plane that
//! the worst case itself never falls below.
//!
//! The worst case of (R) is made of `|x|`, `(x)₊` and maxima. With a smoothing ϱ these become
//!
//! ```text
//! |x|        √(x² + ϱ²) − ϱ                      slope within (−1, 1)
//! (x)₊       ½ (x + √(x² + ϱ²))                  slope within (0, 1)
//! max(p, q)  ½ (p + q) + √(¼ (p − q)² + ϱ²)      slopes within (0, 1) that add up to 1
//! ```
//!
//! which are convex still, and increase where the whole increases in them. The slopes are multipliers that (R) allows: with these the
//! function `Σ λ_k (…)` that they stand for is affine in the weights, has the slope of the smoothed worst case, and is nowhere above the true
//! one, however large ϱ is. So every pass over the rows proves a lower bound. Sums over many rows are smooth by themselves, which is
//! why few passes come a long way where there are many rows.
//!
//! How far a unit's sum can move, `‖z_i‖_τ`, is given as *reaches*: variables of the unit that [`Reach`](crate::program) bounds.

use crate::loss::Cost;
use crate::tolerance::{Shape, Tolerance};
use faer::linalg::matmul::{matmul, triangular, triangular::BlockStructure};
use faer::{Accum, Mat, MatMut, MatRef, Par};

/// Curvatures below this, where that of a squared error is 2, are left out of the matrix: they cost as much as large ones.
const FAINT: f64 = 1e-7;

/// How a unit tells its reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reached {
    /// Every input is exact.
    Exact,
    /// By one number, which is that of every row.
    One,
    /// By the size of its weight in every column with a tolerance, within a box.
    Columns,
}

/// Where the numbers stand: unit by unit z̄ and its reaches, then a linear part, then the output bias.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Packing {
    pub inputs: usize,
    pub units: usize,
    /// Reaches of a unit.
    pub reaches: usize,
    /// Numbers of a linear part.
    pub linear: usize,
}

impl Packing {
    /// Numbers of a unit.
    pub fn width(self) -> usize {
        self.inputs + 1 + self.reaches
    }

    /// Where those that belong to no unit begin.
    pub fn affine(self) -> usize {
        self.units * self.width()
    }

    /// How many there are.
    pub fn size(self) -> usize {
        self.affine() + self.linear + 1
    }

    /// z̄ of all units, (d + 1) × m.
    pub fn weights(self, point: &[f64]) -> MatRef<'_, f64> {
        MatRef::from_column_major_slice_with_stride(&point[..self.affine()], self.inputs + 1, self.units, self.width())
    }
}

/// The function, without its rows and its point.
#[derive(Debug, Clone)]
pub(crate) struct Smooth {
    pub cost: Cost,
    pub signs: Vec<f64>,
    pub at: Packing,
    pub reached: Reached,
    /// The columns that have a tolerance somewhere.
    pub columns: Vec<usize>,
}

/// Some rows with their labels.
pub(crate) struct Labelled<'a> {
    /// X̄, rows × (d + 1).
    pub x: MatRef<'a, f64>,
    pub y: &'a [f64],
    pub omega: &'a [f64],
    /// D, rows × units.
    pub labels: MatRef<'a, f64>,
    pub tolerance: &'a Tolerance,
    /// The number of the first row in the tolerance.
    pub first: usize,
}

/// What is the same whatever the smoothing is.
struct Parts {
    /// `s_i D_ik`.
    signed: Mat<f64>,
    /// `σ_ik h_ik`.
    inside: Mat<f64>,
    /// `lin_k`.
    lin: Vec<f64>,
    /// `τ_kj G_kj`, rows × columns.
    gradient: Mat<f64>,
}

/// A row with its ends.
struct Ends {
    up: Vec<f64>,
    down: Vec<f64>,
}

/// u of a row, its slopes by up and by down, and its curvature along their difference.
struct Size {
    u: f64,
    by: [f64; 2],
    along: f64,
}

impl Smooth {
    /// Of units with these signs, for tolerances of this kind: the same in every row or not.
    pub fn new(
        cost: Cost,
        signs: Vec<f64>,
        (inputs, linear): (usize, bool),
        (same, columns): (bool, Vec<usize>),
    ) -> Self {
        let reached = match (columns.is_empty(), same) {
            (true, _) => Reached::Exact,
            (_, true) => Reached::One,
            _ => Reached::Columns,
        };
        let reaches = match reached {
            Reached::Exact => 0,
            Reached::One => 1,
            Reached::Columns => columns.len(),
        };
        let at = Packing { inputs, units: signs.len(), reaches, linear: if linear { inputs } else { 0 } };
        Self { cost, signs, at, reached, columns }
    }

    /// The point of a network whose reaches are as small as they can be. `tolerance` is that of all rows where it is one.
    pub fn point(&self, numbers: &[f64], tolerance: Option<&Tolerance>) -> Vec<f64> {
        let (e, at) = (self.at.inputs + 1, self.at);
        let mut point = Vec::with_capacity(at.size());
        let (z, affine) = numbers.split_at(e * at.units);
        for z in z.chunks_exact(e) {
            point.extend_from_slice(z);
            match self.reached {
                Reached::Exact => {}
                Reached::One => point.push(tolerance.map_or(0.0, |tolerance| tolerance.reach(0, &z[..at.inputs]))),
                Reached::Columns => point.extend(self.columns.iter().map(|c| z[*c].abs())),
            }
        }
        point.extend_from_slice(affine);
        point
    }

    /// The numbers of the network alone.
    pub fn numbers(&self, point: &[f64]) -> Vec<f64> {
        let e = self.at.inputs + 1;
        let (units, affine) = point.split_at(self.at.affine());
        units.chunks_exact(self.at.width()).flat_map(|unit| &unit[..e]).chain(affine).copied().collect()
    }

    /// A typical size of the worst residual where the mean worst case is this.
    pub fn typical(&self, worst: f64) -> f64 {
        let worst = worst.max(f64::MIN_POSITIVE);
        self.cost.quadratic.map_or(worst, |q| (worst / q).sqrt())
    }

    fn parts(&self, rows: &Labelled<'_>, point: &[f64]) -> Parts {
        let (n, at) = (rows.x.nrows(), self.at);
        let z = at.weights(point);
        let mut inside = Mat::<f64>::zeros(n, at.units);
        matmul(inside.as_mut(), Accum::Replace, rows.x, z, 1.0, Par::Seq);
        let signed = Mat::from_fn(n, at.units, |k, i| self.signs[i] * rows.labels[(k, i)]);
        let affine = &point[at.affine()..];
        let mut lin = vec![affine[at.linear]; n];
        for i in 0..at.units {
            let (s, h) = (signed.col_as_slice(i), inside.col_as_slice_mut(i));
            for (k, (s, h)) in s.iter().zip(h).enumerate() {
                lin[k] += s * *h;
                // The label's own side.
                *h = if *s == 0.0 { -*h } else { *h };
            }
        }
        for (j, a) in affine[..at.linear].iter().enumerate() {
            lin.iter_mut().zip(rows.x.col(j).iter()).for_each(|(lin, x)| *lin += a * x);
        }
        let slopes = Mat::from_fn(at.units, self.columns.len(), |i, c| z[(self.columns[c], i)]);
        let mut gradient = Mat::<f64>::zeros(n, self.columns.len());
        matmul(gradient.as_mut(), Accum::Replace, signed.as_ref(), slopes.as_ref(), 1.0, Par::Seq);
        for (c, &j) in self.columns.iter().enumerate() {
            let own = affine[..at.linear].get(j).copied().unwrap_or(0.0);
            let column = gradient.col_as_slice_mut(c).iter_mut().enumerate();
            column.for_each(|(k, g)| *g = (*g + own) * rows.tolerance.size(rows.first + k, j));
        }
        Parts { signed, inside, lin, gradient }
    }

    /// How far each unit's sum can move in each row, rows × units: of the weights themselves where `exact`, else as the point tells.
    fn moves(&self, rows: &Labelled<'_>, point: &[f64], exact: bool) -> Mat<f64> {
        let (n, at) = (rows.x.nrows(), self.at);
        let (width, e) = (at.width(), at.inputs + 1);
        let unit = |i: usize| &point[i * width..][..width];
        if self.reached == Reached::Exact {
            return Mat::zeros(n, at.units);
        }
        if !exact && self.reached == Reached::One {
            return Mat::from_fn(n, at.units, |_, i| unit(i)[e]);
        }
        if rows.tolerance.is_same() {
            let all: Vec<f64> = (0..at.units).map(|i| rows.tolerance.reach(0, &unit(i)[..at.inputs])).collect();
            return Mat::from_fn(n, at.units, |_, i| all[i]);
        }
        let ball = rows.tolerance.shape() == Shape::Ball;
        let size = |k: usize, c: usize| rows.tolerance.size(rows.first + k, self.columns[c]);
        let sizes = Mat::from_fn(n, self.columns.len(), |k, c| if ball { size(k, c).powi(2) } else { size(k, c) });
        let told = Mat::from_fn(self.columns.len(), at.units, |c, i| {
            let of = unit(i);
            let z = of[self.columns[c]];
            match (ball, exact) {
                (true, _) => z * z,
                (false, true) => z.abs(),
                (false, false) => of[e + c],
            }
        });
        let mut out = Mat::<f64>::zeros(n, at.units);
        matmul(out.as_mut(), Accum::Replace, sizes.as_ref(), told.as_ref(), 1.0, Par::Seq);
        if ball {
            out.col_iter_mut().for_each(|column| column.iter_mut().for_each(|reach| *reach = reach.sqrt()));
        }
        out
    }

    /// How far predictions can be off above and below, with a smoothing, which may be 0.
    fn ends(&self, rows: &Labelled<'_>, parts: &Parts, moves: &Mat<f64>, smoothing: f64) -> Ends {
        let n = rows.x.nrows();
        let mut reach = vec![0.0; n];
        if rows.tolerance.shape() == Shape::Ball {
            for column in parts.gradient.col_iter() {
                reach.iter_mut().zip(column.iter()).for_each(|(sum, g)| *sum += g * g);
            }
            reach.iter_mut().for_each(|sum| *sum = (*sum + smoothing * smoothing).sqrt() - smoothing);
        } else {
            for column in parts.gradient.col_iter() {
                let size = |g: f64| (g * g + smoothing * smoothing).sqrt() - smoothing;
                reach.iter_mut().zip(column.iter()).for_each(|(sum, g)| *sum += size(*g));
            }
        }
        let mut left = [vec![0.0; n], vec![0.0; n]];
        for i in 0..self.at.units {
            let side = &mut left[usize::from(self.signs[i] < 0.0)];
            let (moves, inside) = (moves.col_as_slice(i), parts.inside.col_as_slice(i));
            for ((sum, reach), inside) in side.iter_mut().zip(moves).zip(inside) {
                let w = reach - inside;
                *sum += 0.5 * (w + (w * w + smoothing * smoothing).sqrt());
            }
        }
        let up = (0..n).map(|k| parts.lin[k] + reach[k] + left[0][k] - rows.y[k]).collect();
        let down = (0..n).map(|k| rows.y[k] - parts.lin[k] + reach[k] + left[1][k]).collect();
        Ends { up, down }
    }

    /// u of a row.
    fn size(&self, y: f64, up: f64, down: f64, smoothing: f64) -> Size {
        let Cost { sides: [a, b], margin, .. } = &self.cost;
        let (p, q, a, b) = match (margin, y > 0.0) {
            (None, _) => (a * up, b * down, *a, *b),
            (_, true) => (0.0, down, 0.0, 1.0),
            (_, false) => (up, 0.0, 1.0, 0.0),
        };
        if self.cost.curve().is_some() {
            return Size { u: p + q, by: [a, b], along: 0.0 };
        }
        let half = 0.5 * (p - q);
        let root = (half * half + smoothing * smoothing).sqrt();
        let tilt = if root > 0.0 { half / root } else { 1.0 };
        let along = if root > 0.0 { 0.25 * smoothing * smoothing / (root * root * root) } else { 0.0 };
        Size { u: 0.5 * (p + q) + root, by: [0.5 * a * (1.0 + tilt), 0.5 * b * (1.0 - tilt)], along }
    }

    /// The losses of the rows: the worst cases by these labels, or smoothed where there is a smoothing.
    pub fn losses(&self, rows: &Labelled<'_>, point: &[f64], smoothing: Option<f64>) -> Vec<f64> {
        self.losses_of(rows, point, &self.parts(rows, point), smoothing)
    }

    fn losses_of(&self, rows: &Labelled<'_>, point: &[f64], parts: &Parts, smoothing: Option<f64>) -> Vec<f64> {
        let moves = self.moves(rows, point, smoothing.is_none());
        let smoothing = smoothing.unwrap_or(0.0);
        let Ends { up, down } = self.ends(rows, parts, &moves, smoothing);
        let one = |k: usize| {
            let y = rows.y[k];
            self.cost.at(self.size(y, up[k], down[k], smoothing).u, y.abs()).value
        };
        (0..rows.y.len()).map(one).collect()
    }

    /// How many sums there are of so many points.
    pub fn sums(&self, points: usize, slope: bool) -> usize {
        let size = self.at.size();
        1 + 2 * points + if slope { 1 + size + size * size } else { 0 }
    }

    /// Add Σω; for each point the summed worst case, and smoothed; then, where that is asked for, what [`Smooth::add`] has of the first point.
    pub fn add_points(
        &self,
        rows: &Labelled<'_>,
        points: &[Vec<f64>],
        (smoothing, slope): (f64, bool),
        sums: &mut [f64],
    ) {
        sums[0] += rows.omega.iter().sum::<f64>();
        for (which, point) in points.iter().enumerate() {
            let parts = self.parts(rows, point);
            for (kind, smoothing) in [None, Some(smoothing)].into_iter().enumerate() {
                let losses = self.losses_of(rows, point, &parts, smoothing);
                sums[1 + 2 * which + kind] +=
                    losses.iter().zip(rows.omega).map(|(loss, omega)| loss * omega).sum::<f64>();
            }
        }
        if let Some(point) = points.first().filter(|_| slope) {
            self.add(rows, point, smoothing, &mut sums[1 + 2 * points.len()..]);
        }
    }

    /// Add what the rows come to with the smoothing ϱ: `[below, slope (size), curvature (size × size, lower triangle)]`, where `below` is
    /// what the tangent plane has at 0.
    pub fn add(&self, rows: &Labelled<'_>, point: &[f64], smoothing: f64, out: &mut [f64]) {
        let (n, at) = (rows.x.nrows(), self.at);
        let (e, width, size, columns) = (at.inputs + 1, at.width(), at.size(), self.columns.len());
        let parts = self.parts(rows, point);
        let moves = self.moves(rows, point, false);
        let ends = self.ends(rows, &parts, &moves, smoothing);
        let (below, rest) = out.split_at_mut(1);
        let (slope, matrix) = rest.split_at_mut(size);
        let mut matrix = MatMut::from_column_major_slice_mut(&mut matrix[..size * size], size, size);
        // Row by row: the slope in u, the curvature in u, the slopes of u and its curvature.
        let [mut first, mut second, mut across] = [(); 3].map(|()| vec![0.0; n]);
        let mut by = [vec![0.0; n], vec![0.0; n]];
        for k in 0..n {
            let (y, omega) = (rows.y[k], rows.omega[k]);
            let of = self.size(y, ends.up[k], ends.down[k], smoothing);
            let loss = self.cost.at(of.u, y.abs());
            first[k] = omega * loss.slope;
            second[k] = omega * loss.curvature;
            across[k] = omega * loss.slope * of.along;
            (by[0][k], by[1][k]) = (of.by[0], of.by[1]);
            below[0] += omega * (loss.below + loss.slope * y * (of.by[1] - of.by[0]));
        }
        // The slope of the gradient's reach by the columns, rows × columns, and its norm within a ball.
        let ball = rows.tolerance.shape() == Shape::Ball;
        let tau = |k: usize, c: usize| rows.tolerance.size(rows.first + k, self.columns[c]);
        let norm = |k: usize, c: usize| {
            let square: f64 = match ball {
                true => (0..columns).map(|c| parts.gradient[(k, c)].powi(2)).sum(),
                false => parts.gradient[(k, c)].powi(2),
            };
            (square + smoothing * smoothing).sqrt()
        };
        let norms = Mat::from_fn(n, if ball { columns.min(1) } else { columns }, norm);
        let norm = |k: usize, c: usize| norms[(k, if ball { 0 } else { c })];
        let pull = Mat::from_fn(n, columns, |k, c| tau(k, c) * parts.gradient[(k, c)] / norm(k, c));
        // What a unit has in a row if it leaves: the slope of (w)₊ and its curvature.
        let mut leaves = Mat::<f64>::zeros(n, at.units);
        for i in 0..at.units {
            let (moves, inside) = (moves.col_as_slice(i), parts.inside.col_as_slice(i));
            for ((out, reach), inside) in leaves.col_as_slice_mut(i).iter_mut().zip(moves).zip(inside) {
                let w = reach - inside;
                *out = 0.5 * (1.0 + w / (w * w + smoothing * smoothing).sqrt());
            }
        }
        let reached = |k: usize, v: usize| if self.reached == Reached::Columns { tau(k, v) } else { 1.0 };
        let sides = Sides { smooth: self, rows, parts: &parts, leaves: &leaves, pull: &pull, reached: &reached };
        // ∇u of every row.
        let all: Vec<usize> = (0..n).collect();
        let mut features = sides.features(&all, |k| (by[0][k], by[1][k]));
        let force = MatRef::from_column_major_slice(&first, n, 1);
        let into = MatMut::from_column_major_slice_mut(slope, size, 1);
        matmul(into, Accum::Add, features.transpose(), force, 1.0, Par::Seq);
        second.iter_mut().for_each(|second| *second = second.sqrt());
        for column in features.col_iter_mut() {
            column.iter_mut().zip(&second).for_each(|(value, root)| *value *= root);
        }
        add_square(matrix.as_mut(), features.as_ref(), 1.0);
        // Where both sides count.
        let some: Vec<usize> = (0..n).filter(|k| across[*k] > FAINT * rows.omega[*k]).collect();
        let [a, b] = self.cost.sides;
        let sizes = match self.cost.margin {
            None => [(a, -b); 2],
            Some(_) => [(1.0, 0.0), (0.0, -1.0)],
        };
        let mut features = sides.features(&some, |k| sizes[usize::from(rows.y[k] > 0.0)]);
        let roots: Vec<f64> = some.iter().map(|k| across[*k].sqrt()).collect();
        for column in features.col_iter_mut() {
            column.iter_mut().zip(&roots).for_each(|(value, root)| *value *= root);
        }
        add_square(matrix.as_mut(), features.as_ref(), 1.0);
        self.add_reach(rows, (&parts, &norm, ball), (&first, &by, smoothing), matrix.as_mut());
        // Of (w)₊, unit by unit.
        for i in 0..at.units {
            let side = usize::from(self.signs[i] < 0.0);
            let curvature = |k: usize| {
                let w = moves[(k, i)] - parts.inside[(k, i)];
                let square = w * w + smoothing * smoothing;
                first[k] * by[side][k] * 0.5 * smoothing * smoothing / (square * square.sqrt())
            };
            let some: Vec<(usize, f64)> =
                (0..n).map(|k| (k, curvature(k))).filter(|(k, c)| *c > FAINT * rows.omega[*k]).collect();
            let features = Mat::from_fn(some.len(), width, |r, a| {
                let (k, curvature) = some[r];
                let own = if a < e { -(2.0 * rows.labels[(k, i)] - 1.0) * rows.x[(k, a)] } else { reached(k, a - e) };
                own * curvature.sqrt()
            });
            add_square(matrix.as_mut().submatrix_mut(i * width, i * width, width, width), features.as_ref(), 1.0);
        }
    }

    /// Add the curvature of the gradient's reach.
    fn add_reach(
        &self,
        rows: &Labelled<'_>,
        (parts, norm, ball): (&Parts, &dyn Fn(usize, usize) -> f64, bool),
        (first, by, smoothing): (&[f64], &[Vec<f64>; 2], f64),
        mut matrix: MatMut<'_, f64>,
    ) {
        let (at, width) = (self.at, self.at.width());
        let force = |k: usize| first[k] * (by[0][k] + by[1][k]);
        let with_linear = usize::from(at.linear > 0);
        for (c, &j) in self.columns.iter().enumerate() {
            let curvature = |k: usize| {
                let (tau, norm) = (rows.tolerance.size(rows.first + k, j), norm(k, c));
                force(k) * tau * tau * if ball { 1.0 / norm } else { smoothing * smoothing / (norm * norm * norm) }
            };
            let some: Vec<(usize, f64)> = (0..first.len())
                .map(|k| (k, curvature(k)))
                .filter(|(k, curvature)| *curvature > FAINT * rows.omega[*k])
                .collect();
            let features = Mat::from_fn(some.len(), at.units + with_linear, |r, i| {
                let (k, curvature) = some[r];
                curvature.sqrt() * if i < at.units { parts.signed[(k, i)] } else { 1.0 }
            });
            let mut square = Mat::<f64>::zeros(at.units + with_linear, at.units + with_linear);
            add_square(square.as_mut(), features.as_ref(), 1.0);
            let place = |i: usize| if i < at.units { i * width + j } else { at.affine() + j };
            for one in 0..square.ncols() {
                for other in one..square.nrows() {
                    matrix[(place(other), place(one))] += square[(other, one)];
                }
            }
        }
        if !ball {
            return;
        }
        // Within a ball the columns share one root.
        let curvature = |k: usize| force(k) / (norm(k, 0) * norm(k, 0) * norm(k, 0));
        let features = Mat::from_fn(first.len(), at.size(), |k, place| {
            let (i, j) = (place / width, if place < at.affine() { place % width } else { place - at.affine() });
            let Some(c) = self.columns.iter().position(|column| *column == j) else { return 0.0 };
            let own = match place < at.affine() {
                true => parts.signed[(k, i)],
                false if j < at.linear => 1.0,
                false => 0.0,
            };
            let tau = rows.tolerance.size(rows.first + k, j);
            own * tau * parts.gradient[(k, c)] * curvature(k).sqrt()
        });
        add_square(matrix, features.as_ref(), -1.0);
    }
}

/// What slopes of rows are made of.
struct Sides<'a> {
    smooth: &'a Smooth,
    rows: &'a Labelled<'a>,
    parts: &'a Parts,
    leaves: &'a Mat<f64>,
    pull: &'a Mat<f64>,
    reached: &'a dyn Fn(usize, usize) -> f64,
}

impl Sides<'_> {
    /// `p ∇up + q ∇down` of some rows, rows × size.
    fn features(&self, some: &[usize], of: impl Fn(usize) -> (f64, f64)) -> Mat<f64> {
        let Self { smooth, rows, parts, leaves, pull, reached } = self;
        let (at, e, count) = (smooth.at, smooth.at.inputs + 1, some.len());
        let mut out = Mat::<f64>::zeros(count, at.size());
        let of: Vec<(f64, f64)> = some.iter().map(|k| of(*k)).collect();
        // Which of the columns with a tolerance an input is.
        let mut which = vec![None; e];
        smooth.columns.iter().enumerate().for_each(|(c, j)| which[*j] = Some(c));
        let [mut along, mut by_gradient, mut leaving] = [(); 3].map(|()| vec![0.0; count]);
        for i in 0..at.units {
            let positive = smooth.signs[i] > 0.0;
            for (r, (&k, &(p, q))) in some.iter().zip(&of).enumerate() {
                let signed = parts.signed[(k, i)];
                leaving[r] = leaves[(k, i)] * if positive { p } else { q };
                along[r] = (p - q) * signed - leaving[r] * (2.0 * rows.labels[(k, i)] - 1.0);
                by_gradient[r] = (p + q) * signed;
            }
            for a in 0..e {
                let (x, column) = (rows.x.col(a), out.col_as_slice_mut(i * at.width() + a));
                for (r, &k) in some.iter().enumerate() {
                    column[r] = along[r] * x[k];
                }
                if let Some(c) = which[a] {
                    let pull = pull.col_as_slice(c);
                    some.iter().enumerate().for_each(|(r, &k)| column[r] += by_gradient[r] * pull[k]);
                }
            }
            for v in 0..at.reaches {
                let column = out.col_as_slice_mut(i * at.width() + e + v);
                some.iter().enumerate().for_each(|(r, &k)| column[r] = leaving[r] * reached(k, v));
            }
        }
        for j in 0..at.linear {
            let column = out.col_as_slice_mut(at.affine() + j);
            for (r, (&k, &(p, q))) in some.iter().zip(&of).enumerate() {
                column[r] = (p - q) * rows.x[(k, j)] + which[j].map_or(0.0, |c| (p + q) * pull[(k, c)]);
            }
        }
        let column = out.col_as_slice_mut(at.affine() + at.linear);
        column.iter_mut().zip(&of).for_each(|(out, (p, q))| *out = p - q);
        out
    }
}

/// `out += scale · AᵀA`, lower triangle.
fn add_square(out: MatMut<'_, f64>, a: MatRef<'_, f64>, scale: f64) {
    if a.nrows() == 0 {
        return;
    }
    let (lower, full) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
    triangular::matmul(out, lower, Accum::Add, a.transpose(), full, a, full, scale, Par::Seq);
}
