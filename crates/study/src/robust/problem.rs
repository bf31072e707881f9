//! The program's numbers, its objective at weights, and the lower bound of a dual point.

use super::norms::{dual, left, shrink};
use super::settings::{Cells, Settings};
use crate::admm::Groups;
use crate::admm::groups::Program;
use crate::admm::products::{length, product_by};
use faer::{Mat, MatRef};
use tautnet::{Dataset, Loss, Norm, error::Result};

/// Columns of a product that one thread makes at a time.
const COLUMNS: usize = 12;
/// What rounding may have made of a dual point.
const ROUNDING: f64 = 1e-9;

/// The data and the groups.
pub(super) struct Problem {
    /// Without columns that are 0 everywhere: their weights are 0.
    pub plain: Program,
    /// The columns that are left.
    pub columns: Vec<usize>,
    /// D of the distinct patterns, n × P.
    pub patterns: Mat<f64>,
    /// D_ik, row by row.
    on: Vec<bool>,
    pub loss: Loss,
    pub lambda: f64,
    pub radius: f64,
    pub norm: Norm,
    pub hard: bool,
}

/// Where a candidate stands: z̄ one after another, c, and the objective.
#[derive(Clone)]
pub(super) struct Candidate {
    pub weights: Vec<f64>,
    pub bias: f64,
    pub loss: f64,
    pub objective: f64,
}

impl Problem {
    pub fn new(groups: &Groups, data: &Dataset, settings: &Settings) -> Result<Self> {
        settings.check()?;
        let n = data.rows();
        let mut columns: Vec<usize> = (0..data.columns()).filter(|&j| (0..n).any(|k| data.x[(k, j)] != 0.0)).collect();
        if columns.is_empty() {
            columns.push(0);
        }
        let x = Mat::from_fn(n, columns.len(), |k, j| data.x[(k, columns[j])]);
        let reduced = Dataset { x, y: data.y.clone(), others: Vec::new(), weights: data.weights.clone() };
        let plain = Program::new(groups, &reduced, &settings.plain())?;
        let on = |k: usize, p: usize| plain.on(p)[k];
        Ok(Self {
            patterns: Mat::from_fn(n, plain.count.len(), |k, p| f64::from(u8::from(on(k, p)))),
            on: (0..n).flat_map(|k| plain.pattern.iter().map(move |&p| on(k, p))).collect(),
            columns,
            loss: settings.loss.clone(),
            lambda: settings.decay,
            radius: settings.radius,
            norm: settings.norm,
            hard: settings.cells == Cells::Hard,
            plain,
        })
    }

    pub fn n(&self) -> usize {
        self.plain.n()
    }

    pub fn e(&self) -> usize {
        self.plain.e()
    }

    pub fn m(&self) -> usize {
        self.plain.signs.len()
    }

    /// The labels of a row.
    pub fn row(&self, k: usize) -> &[bool] {
        &self.on[k * self.m()..][..self.m()]
    }

    /// Which side of the target costs where only one does.
    pub fn side(&self, k: usize) -> Option<f64> {
        self.loss.harm(self.plain.y[k])
    }

    /// h, m a row.
    pub fn products(&self, weights: &[f64]) -> Vec<f64> {
        let weights = MatRef::from_column_major_slice(weights, self.e(), self.m());
        product_by(COLUMNS, weights.transpose(), self.plain.x.transpose())
    }

    /// G, e a row; the last of each is that of the hidden biases, which no perturbation moves.
    pub fn slopes(&self, weights: &[f64]) -> Vec<f64> {
        let sums = self.signed_sums(weights);
        product_by(
            COLUMNS,
            MatRef::from_column_major_slice(&sums, self.e(), sums.len() / self.e()),
            self.patterns.transpose(),
        )
    }

    /// The numbers of a row of outputs: h and u of every unit, G, c.
    pub fn width(&self) -> usize {
        2 * self.m() + self.e() + 1
    }

    /// What multipliers of the outputs come to at the weights of every unit.
    pub fn adjoint(&self, outputs: &[f64]) -> Vec<f64> {
        let (n, m, e, width) = (self.n(), self.m(), self.e(), self.width());
        let part =
            |from: usize, rows: usize| MatRef::from_column_major_slice_with_stride(&outputs[from..], rows, n, width);
        let mut q = product_by(COLUMNS, self.plain.x.transpose(), part(0, m).transpose());
        let sums = product_by(COLUMNS, part(2 * m, e), self.patterns.as_ref());
        for ((q, &p), sign) in q.chunks_mut(e).zip(&self.plain.pattern).zip(&self.plain.signs) {
            q.iter_mut().zip(&sums[p * e..]).for_each(|(q, sum)| *q += sign * sum);
        }
        q
    }

    fn signed_sums(&self, weights: &[f64]) -> Vec<f64> {
        let e = self.e();
        let mut sums = vec![0.0; self.plain.count.len() * e];
        for ((z, &p), sign) in weights.chunks(e).zip(&self.plain.pattern).zip(&self.plain.signs) {
            sums[p * e..][..e].iter_mut().zip(z).for_each(|(sum, z)| *sum += sign * z);
        }
        sums
    }

    /// ε‖z‖ in the dual norm.
    pub fn reach(&self, z: &[f64]) -> f64 {
        self.radius * dual(self.norm, &z[..z.len() - 1])
    }

    /// The objective at weights, with the best output bias.
    pub fn candidate(&self, weights: Vec<f64>) -> Candidate {
        let (m, e) = (self.m(), self.e());
        let reaches: Vec<f64> = weights.chunks(e).map(|z| self.reach(z)).collect();
        let (products, slopes) = (self.products(&weights), self.slopes(&weights));
        // U_k − c − y_k and y_k − (Lo_k − c).
        let sides: Vec<[f64; 2]> = (0..self.n())
            .map(|k| {
                let (mut lin, mut leaves) = (-self.plain.y[k], [0.0; 2]);
                for (i, &on) in self.row(k).iter().enumerate() {
                    let (h, sign) = (products[k * m + i], self.plain.signs[i]);
                    lin += if on { sign * h } else { 0.0 };
                    leaves[usize::from(sign < 0.0)] += (reaches[i] - if on { h } else { -h }).max(0.0);
                }
                let reach = self.reach(&slopes[k * e..][..e]);
                [lin + reach + leaves[0], -lin + reach + leaves[1]]
            })
            .collect();
        let bias = if self.plain.free_bias { self.best_bias(&sides) } else { 0.0 };
        let loss = (0..self.n()).map(|k| self.plain.omega[k] * self.row_loss(k, &sides[k], bias).0).sum();
        let objective = loss + self.lambda * weights.chunks(e).map(length).sum::<f64>();
        Candidate { weights, bias, loss, objective }
    }

    /// The worst-case loss of a row and its slope in c.
    fn row_loss(&self, k: usize, sides: &[f64; 2], bias: f64) -> (f64, f64) {
        let y = self.plain.y[k];
        let up = self.side(k).map_or(sides[0] + bias > sides[1] - bias, |side| side > 0.0);
        let f = if up { y + sides[0] + bias } else { y - sides[1] + bias };
        (self.loss.value(f, y), self.loss.slope(f, y))
    }

    /// By bisection.
    fn best_bias(&self, sides: &[[f64; 2]]) -> f64 {
        let slope = |c: f64| (0..self.n()).map(|k| self.plain.omega[k] * self.row_loss(k, &sides[k], c).1).sum::<f64>();
        let widest = 2.0 + 2.0 * sides.iter().flatten().fold(0.0, |most: f64, side| most.max(side.abs()));
        let (mut low, mut high) = (-widest, widest);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if slope(middle) < 0.0 { low = middle } else { high = middle }
        }
        0.5 * (low + high)
    }

    /// The lower bound of the multipliers a⁺ and a⁻ of every row and those of the outputs, made feasible.
    pub fn bound(&self, sides: &[[f64; 2]], mut outputs: Vec<f64>) -> f64 {
        let (m, e) = (self.m(), self.e());
        // Rows of the heavier side are taken less, so that the output bias has no slope.
        let total = |side: f64| -> f64 { sides.iter().map(|[up, down]| (side * (up - down)).max(0.0)).sum() };
        let (above, below) = (total(1.0), total(-1.0));
        let least = if self.plain.free_bias { above.min(below) } else { f64::INFINITY };
        let keep = |total: f64| if total > least { least / total } else { 1.0 };
        let (above, below) = (keep(above), keep(below));
        let keep: Vec<f64> = sides.iter().map(|[up, down]| if up > down { above } else { below }).collect();
        let mut reaches = vec![0.0; m];
        for (row, keep) in outputs.chunks_mut(self.width()).zip(&keep) {
            row.iter_mut().for_each(|value| *value *= keep);
            reaches.iter_mut().zip(&row[m..]).for_each(|(sum, value)| *sum += value);
        }
        let steepest = self
            .adjoint(&outputs)
            .chunks_mut(e)
            .zip(&reaches)
            .map(|(q, reach)| {
                shrink(self.norm, self.radius * reach, &mut q[..e - 1]);
                length(q)
            })
            .fold(0.0, f64::max);
        let scale = (1.0 - ROUNDING) * if steepest > self.lambda { self.lambda / steepest } else { 1.0 };
        // A row without weight has no multipliers.
        let bound: f64 = (0..self.n())
            .filter(|&k| self.plain.omega[k] > 0.0)
            .map(|k| {
                let ([up, down], y, omega) = (sides[k], self.plain.y[k], self.plain.omega[k]);
                let (slope, size) = (scale * keep[k] * (up - down), scale * keep[k] * (up + down));
                match self.side(k) {
                    Some(_) => -omega * self.loss.conjugate(slope / omega, y),
                    None => -slope * y - omega * self.loss.conjugate(size / omega, 0.0),
                }
            })
            .sum();
        if bound > 0.0 { bound } else { 0.0 }
    }

    /// `argmin over z̄, u of λ‖z̄‖ + β/2 ‖z̄ − v‖² + γ/2 (u − u₀)²` with ε‖z‖ ≤ u: by the multiplier r of the constraint, the root of a decreasing function.
    pub fn nearest_unit(&self, beta: f64, gamma: f64, v: &mut [f64], u: f64) -> f64 {
        let d = v.len() - 1;
        let keep = |size: f64| if size > self.lambda / beta { 1.0 - self.lambda / beta / size } else { 0.0 };
        let excess = |r: f64, v: &mut Vec<f64>, from: &[f64]| {
            v.clear();
            v.extend_from_slice(from);
            shrink(self.norm, r * self.radius / beta, &mut v[..d]);
            let keep = keep(length(v));
            v.iter_mut().for_each(|v| *v *= keep);
            self.reach(v) - u - r / gamma
        };
        let (from, mut at) = (v.to_vec(), Vec::new());
        let first = excess(0.0, &mut at, &from);
        let mut r = 0.0;
        if first > 0.0 {
            let (mut low, mut high) = ((0.0, first), (gamma * first, f64::NAN));
            high.1 = excess(high.0, &mut at, &from);
            r = high.0;
            // Regula falsi; the value of an end that stays is halved (Illinois).
            let mut last = 0;
            for _ in 0..60 {
                if high.1 >= 0.0 || high.0 - low.0 <= 1e-14 * high.0 {
                    break;
                }
                r = low.0 + (high.0 - low.0) * low.1 / (low.1 - high.1);
                let value = excess(r, &mut at, &from);
                if value.abs() <= 1e-14 * first {
                    break;
                }
                if value > 0.0 {
                    low = (r, value);
                    high.1 *= if last == 1 { 0.5 } else { 1.0 };
                    last = 1;
                } else {
                    high = (r, value);
                    low.1 *= if last == -1 { 0.5 } else { 1.0 };
                    last = -1;
                }
            }
        }
        v.copy_from_slice(&at);
        (u + r / gamma).max(self.reach(v))
    }

    /// The dual norm of G_k after a proximal step.
    pub fn reach_left(&self, t: f64, g: &[f64]) -> f64 {
        self.radius * left(self.norm, self.radius * t, &g[..g.len() - 1])
    }

    /// That step.
    pub fn shrink_slope(&self, t: f64, g: &mut [f64]) {
        let d = g.len() - 1;
        shrink(self.norm, self.radius * t, &mut g[..d]);
    }
}
