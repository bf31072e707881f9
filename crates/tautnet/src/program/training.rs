//! The convex programs (J), (12), (6) and the LipSDP bound (2), as one conic program.
//!
//! ```text
//! minimize    Σ_t weight_t ℓ(f_t, y_t) + λ·L (or λ·L²) + decay·Σ_i u_i + ridge·Σ b_i²
//! subject to  σ_ik x̄_k·z̄_i ≥ 0                                     f = Φ z + c
//!             ‖T z̄_i‖ ≤ u_i
//!             K_i = ⎡ U_i   c_i  ⎤ ⪰ 0,   c_i = (z_i ; s_i ℓ_i)      one clique a unit, order d + 2
//!                   ⎣ c_iᵀ  2ℓ_i ⎦
//!             E(L, p) − Σ_i U_i ⪰ 0                                  the coupling, order d + 1
//! ```
//!
//! The cliques are the linear matrix inequality `S ⪰ 0` of (J), exactly: `S` is an arrow whose m diagonal entries are
//! `2ℓ_i`, so `S ⪰ 0` iff `E − Σ c_i c_iᵀ/(2ℓ_i) ⪰ 0`, iff symmetric `U_i ⪰ c_i c_iᵀ/(2ℓ_i)` exist with `Σ U_i ⪯ E`.
//! `E = diag(c_1² L, …, c_d² L, L)` for the Euclidean norm (c_k the scale of column k) and `diag(p, L)` for the largest
//! absolute value, with `Σ p_k / c_k² ≤ L`.

use super::{
    layout::Layout,
    loss_term::{LossTerm, Targets},
    rows::Rows,
};
use faer::{Accum, Mat, MatRef, Par, linalg::matmul::matmul};
use std::{f64::consts::SQRT_2, sync::Arc};
use tautnet_cone::{Cone, Linear, Quadratic};

/// A conic program in conditioned coordinates.
pub(crate) struct TrainingProgram {
    pub layout: Layout,
    /// The points with their cones.
    pub rows: Option<Arc<Rows>>,
    /// The loss, of all points.
    pub loss: Option<LossTerm>,
    /// `s_i`.
    pub sign: Vec<f64>,
    /// `c_k²`.
    pub metric: Vec<f64>,
    /// `T`, e × e: takes `z̄` to the coordinates in which its length is penalized.
    pub radius: Mat<f64>,
    /// `2λ` on `L²`.
    pub square: f64,
    /// Twice the ridge on each unit's bias.
    pub ridge: Vec<f64>,
    linear: Vec<f64>,
    constant: Vec<f64>,
    offset: f64,
    /// Loss that no network can reach.
    spread: f64,
    cones: Vec<Cone>,
}

/// What a [`TrainingProgram`] is made of.
pub(crate) struct Parts {
    pub layout: Layout,
    pub rows: Option<Rows>,
    pub targets: Option<Targets>,
    /// Loss that no network can reach: of rows with the same inputs and different targets.
    pub spread: f64,
    pub sign: Vec<f64>,
    pub metric: Vec<f64>,
    pub radius: Mat<f64>,
    /// λ of `L` (or of `L²`), already in the objective's units.
    pub lipschitz: f64,
    pub squared: bool,
    pub decay: f64,
    pub max_lipschitz: Option<f64>,
    pub ridge: Vec<f64>,
    /// `z_i` (d × m) where Z is held.
    pub held_z: Option<Mat<f64>>,
    /// `ℓ` where it is held.
    pub held_ell: Option<Vec<f64>>,
}

impl TrainingProgram {
    /// Assemble the constant parts.
    pub fn new(parts: Parts) -> Self {
        let Parts { layout, rows, targets, sign, metric, radius, lipschitz, squared, decay, .. } = parts;
        let rows = rows.map(Arc::new);
        let loss = rows.clone().zip(targets).map(|(rows, targets)| LossTerm {
            rows,
            targets: Arc::new(targets),
            hessian: None,
        });
        let mut linear = vec![0.0; layout.variables()];
        let mut constant = vec![0.0; layout.rows()];
        let mut offset = parts.spread;
        if let Some(loss) = &loss {
            offset += loss.linear(&layout, &mut linear);
        }
        if let (Some(bound), false) = (layout.bound(), squared) {
            linear[bound] = lipschitz;
        }
        if let Some(radius) = layout.radius() {
            (0..layout.m).for_each(|i| linear[layout.unit(i) + radius] = decay);
        }
        if let Some(limit) = parts.max_lipschitz {
            constant[layout.radius_rows() - 1] = limit;
        }
        if let Some(loss) = &loss {
            loss.constant(&layout, &mut constant);
        }
        for i in 0..layout.m {
            let clique = layout.clique_rows() + i * layout.clique_len();
            if let Some(z) = &parts.held_z {
                (0..layout.d).for_each(|a| constant[clique + clique_column(layout.d, a)] = SQRT_2 * z[(a, i)]);
            }
            if let Some(ell) = &parts.held_ell {
                constant[clique + clique_column(layout.d, layout.d)] = SQRT_2 * sign[i] * ell[i];
                constant[clique + layout.clique_len() - 1] = 2.0 * ell[i];
            }
        }
        let cones = layout.cones();
        let square = if squared { 2.0 * lipschitz } else { 0.0 };
        let ridge = parts.ridge;
        let spread = parts.spread;
        Self { layout, rows, loss, sign, metric, radius, square, ridge, linear, constant, offset, spread, cones }
    }

    /// Store the loss's Hessian, where it is constant: worth it when the factor is dense anyway.
    pub fn store_hessian(&mut self) {
        if let Some(loss) = self.loss.as_mut().filter(|_| self.layout.exits.targets == 0) {
            let root: Vec<f64> = loss.curvature(&[]).into_iter().map(f64::sqrt).collect();
            loss.hessian = Some(Arc::new(loss.rows.loss_hessian(&root)));
        }
    }

    /// The same program with the cones of some points only; the loss stays that of all.
    pub fn restricted(&self, chosen: &[usize]) -> Self {
        let rows = self.rows.as_ref().map(|rows| Arc::new(rows.select(chosen)));
        let loss = self.loss.as_ref().map(|loss| LossTerm {
            rows: loss.rows.clone(),
            targets: loss.targets.clone(),
            hessian: loss.hessian.clone(),
        });
        let layout = Layout { n: chosen.len(), ..self.layout.clone() };
        let mut constant = vec![0.0; layout.relu_rows()];
        constant.extend_from_slice(&self.constant[self.layout.relu_rows()..]);
        Self {
            rows,
            loss,
            sign: self.sign.clone(),
            metric: self.metric.clone(),
            radius: self.radius.clone(),
            square: self.square,
            ridge: self.ridge.clone(),
            linear: self.linear.clone(),
            constant,
            offset: self.offset,
            spread: self.spread,
            cones: layout.cones(),
            layout,
        }
    }

    /// The z̄ part of a vector of variables, e × m.
    pub fn weights<'a>(&self, x: &'a [f64]) -> MatRef<'a, f64> {
        self.layout.weights_of(x)
    }
}

/// Position of `c_a` within the `svec` of a clique of order d + 2.
pub(crate) fn clique_column(d: usize, a: usize) -> usize {
    // Columns before a hold d + 2, d + 1, … entries; the last of column a is row d + 1.
    (0..=a).map(|j| d + 2 - j).sum::<usize>() - 1
}

impl Quadratic for TrainingProgram {
    fn quadratic(&self, x: &[f64], out: &mut [f64]) {
        out.fill(0.0);
        if let Some(loss) = &self.loss {
            loss.add_product(&self.layout, x, out);
        }
        let layout = &self.layout;
        if layout.weights {
            for i in 0..layout.m {
                let b = layout.unit(i) + layout.d;
                out[b] += self.ridge[i] * x[b];
            }
        }
        if let Some(bound) = layout.bound() {
            out[bound] += self.square * x[bound];
        }
    }
}

impl Linear for TrainingProgram {
    fn cones(&self) -> &[Cone] {
        &self.cones
    }
    fn linear(&self) -> &[f64] {
        &self.linear
    }
    fn constant(&self) -> &[f64] {
        &self.constant
    }
    fn offset(&self) -> f64 {
        self.offset
    }

    fn lower_bound(&self) -> f64 {
        // Squares, lengths and bounds are not negative.
        self.spread
    }

    fn apply(&self, x: &[f64], out: &mut [f64]) {
        let layout = &self.layout;
        let (d, e, m) = (layout.d, layout.e(), layout.m);
        if let Some(rows) = &self.rows {
            rows.cones(self.weights(x), &mut out[..layout.relu_rows()]);
        }
        let scalars = &mut out[layout.relu_rows()..layout.radius_rows()];
        if layout.p_len() > 0 {
            let p = &x[layout.p()..layout.p() + d];
            scalars[..d].copy_from_slice(p);
            scalars[d] = x[layout.shared()] - p.iter().zip(&self.metric).map(|(p, c)| p / c).sum::<f64>();
        }
        if let (true, Some(bound)) = (layout.bounded, layout.bound()) {
            scalars[layout.scalar_rows() - 1] = -x[bound];
        }
        if let Some(radius) = layout.radius() {
            let mut turned = Mat::zeros(e, m);
            matmul(turned.as_mut(), Accum::Replace, self.radius.as_ref(), self.weights(x), 1.0, Par::Seq);
            for i in 0..m {
                let row = layout.radius_rows() + i * (e + 1);
                out[row] = x[layout.unit(i) + radius];
                (0..e).for_each(|a| out[row + 1 + a] = turned[(a, i)]);
            }
        }
        if let Some(bound) = layout.bound() {
            let pairs = layout.pairs();
            let (above, coupling) = out.split_at_mut(layout.coupling_rows());
            coupling.fill(0.0);
            let mut p = 0;
            for a in 0..=d {
                coupling[p] = match a {
                    a if a == d => x[bound],
                    a if layout.infinity => x[layout.p() + a],
                    a => self.metric[a] * x[bound],
                };
                p += d + 1 - a;
            }
            for i in 0..m {
                let clique = &mut above[layout.clique_rows() + i * layout.clique_len()..][..layout.clique_len()];
                let u = &x[layout.separators() + i * pairs..][..pairs];
                let ell = layout.ell().map_or(0.0, |l| x[layout.unit(i) + l]);
                let (mut row, mut p) = (0, 0);
                for a in 0..=d {
                    let length = d + 1 - a;
                    clique[row..row + length].copy_from_slice(&u[p..p + length]);
                    row += length;
                    p += length;
                    clique[row] = SQRT_2
                        * match a {
                            a if a == d => self.sign[i] * ell,
                            a if layout.weights => x[layout.unit(i) + a],
                            _ => 0.0,
                        };
                    row += 1;
                }
                clique[row] = 2.0 * ell;
                coupling.iter_mut().zip(u).for_each(|(c, u)| *c -= u);
            }
        }
        if let Some(loss) = &self.loss {
            loss.apply(layout, x, out);
        }
    }

    fn adjoint(&self, y: &[f64], out: &mut [f64]) {
        let layout = &self.layout;
        let (d, e, m) = (layout.d, layout.e(), layout.m);
        out.fill(0.0);
        if let Some(rows) = &self.rows {
            let sums = rows.cones_adjoint(&y[..layout.relu_rows()]);
            for i in 0..m {
                (0..e).for_each(|a| out[layout.unit(i) + a] = sums[(a, i)]);
            }
        }
        let scalars = &y[layout.relu_rows()..layout.radius_rows()];
        if layout.p_len() > 0 {
            (0..d).for_each(|k| out[layout.p() + k] += scalars[k] - scalars[d] / self.metric[k]);
            out[layout.shared()] += scalars[d];
        }
        if let (true, Some(bound)) = (layout.bounded, layout.bound()) {
            out[bound] -= scalars[layout.scalar_rows() - 1];
        }
        if let Some(radius) = layout.radius() {
            let cones = &y[layout.radius_rows()..layout.clique_rows()];
            let cones = MatRef::from_column_major_slice(cones, e + 1, m);
            let mut turned = Mat::zeros(e, m);
            matmul(turned.as_mut(), Accum::Replace, self.radius.transpose(), cones.subrows(1, e), 1.0, Par::Seq);
            for i in 0..m {
                out[layout.unit(i) + radius] = cones[(0, i)];
                (0..e).for_each(|a| out[layout.unit(i) + a] += turned[(a, i)]);
            }
        }
        if let Some(bound) = layout.bound() {
            let pairs = layout.pairs();
            let coupling = &y[layout.coupling_rows()..];
            let mut p = 0;
            for a in 0..=d {
                match a {
                    a if a == d => out[bound] += coupling[p],
                    a if layout.infinity => out[layout.p() + a] += coupling[p],
                    a => out[bound] += self.metric[a] * coupling[p],
                }
                p += d + 1 - a;
            }
            for i in 0..m {
                let clique = &y[layout.clique_rows() + i * layout.clique_len()..][..layout.clique_len()];
                let mut ell = 2.0 * clique[layout.clique_len() - 1];
                let (mut row, mut p) = (0, layout.separators() + i * pairs);
                for a in 0..=d {
                    let length = d + 1 - a;
                    for l in 0..length {
                        out[p + l] = clique[row + l] - coupling[p - (layout.separators() + i * pairs) + l];
                    }
                    row += length;
                    p += length;
                    if a == d {
                        ell += SQRT_2 * self.sign[i] * clique[row];
                    } else if layout.weights {
                        out[layout.unit(i) + a] += SQRT_2 * clique[row];
                    }
                    row += 1;
                }
                if let Some(l) = layout.ell() {
                    out[layout.unit(i) + l] = ell;
                }
            }
        }
        if let Some(loss) = &self.loss {
            loss.add_adjoint_of_rows(layout, y, out);
        }
    }
}
