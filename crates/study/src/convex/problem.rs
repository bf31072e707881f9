//! The data part that both convex programs share.
//!
//! Group j is a pattern `q(j)` with a sign `s_j`; its weights are `z̄_j ∈ R^{d+1}`.
//!
//! ```text
//! f = Φ z + c,   (Φ z)_k = x̄_k · Σ_j s_j D_{q(j)k} z̄_j          loss = Σ_k ω_k (f_k − y_k)²,   Σ ω_k = 1
//! ```
//!
//! A free output bias c is optimal for every z̄, by being the mean residual: the loss is then a function of z̄ alone,
//! its gradient that of the residuals at this c. Rows with the same inputs are one row, groups with the same pattern
//! and sign one group: neither changes the optimum.
//!
//! Lower bound. For any ν (with Σ ν_k = 0 where c is free) and any Y_j ≥ 0, with B_j z̄_j the products that the cones
//! of group j ask to be non-negative (none of them for a gated network),
//!
//! ```text
//! max_t { t Σ ν_k y_k − t² Σ ν_k²/4ω_k }     over 0 ≤ t ≤ λ_w / max_j ‖Φ_jᵀν + B_jᵀY_j‖
//! ```
//!
//! is no more than the optimum (Fenchel's dual at (tν, tY)). ν = 2ω∘(y − f), from the residuals at hand, makes it tight
//! at the optimum.

use super::masks::{LANES, Masks};
use super::settings::Settings;
use std::collections::HashMap;
use tautnet::{Dataset, Error, Shallow, distinct::Distinct, error::Result, patterns::Patterns};

/// A pattern with a sign.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Group {
    pub pattern: usize,
    pub sign: f64,
    /// A unit of the network that has them.
    pub unit: usize,
}

/// The data, the groups and the price.
pub(crate) struct Problem {
    /// d + 1, and its padded value, in which all vectors are stored.
    pub e: usize,
    pub width: usize,
    /// x̄_k, n × width.
    pub x: Vec<f64>,
    pub y: Vec<f64>,
    pub omega: Vec<f64>,
    /// Loss that no network can reach: of rows with the same inputs and different targets.
    spread: f64,
    pub groups: Vec<Group>,
    pub lambda: f64,
    /// Whether the output bias is free.
    free_bias: bool,
    patterns: usize,
    by_row: Masks,
    by_pattern: Masks,
}

/// The loss at an output of the network without its bias.
pub(crate) struct Fit {
    pub loss: f64,
    pub bias: f64,
    /// y − f.
    pub residual: Vec<f64>,
}

impl Problem {
    /// The patterns of a network on the data, with the signs of its output weights or (`signed` false) all with sign +.
    /// Units without an active row have nothing to contribute and no group; nor, where signs count, have those with v =
    /// 0.
    pub fn new(network: &Shallow, data: &Dataset, settings: &Settings, signed: bool) -> Result<Self> {
        settings.check()?;
        if network.inputs() != data.columns() {
            return Err(Error::new(
                format!(
                    "the network has {} inputs but the data has {} input columns",
                    network.inputs(),
                    data.columns()
                ),
                "give the columns the network was made for, in that order",
            ));
        }
        let total = data.weights.as_ref().map_or(data.rows() as f64, |w| w.iter().sum());
        let omega: Vec<f64> = (0..data.rows()).map(|k| data.weights.as_ref().map_or(1.0, |w| w[k]) / total).collect();
        let Distinct { rows, y, weight: omega, spread, .. } = Distinct::of(data, &data.y, &omega);
        let (n, e) = (rows.len(), data.columns() + 1);
        let width = e.next_multiple_of(LANES);
        let mut x = vec![0.0; n * width];
        for (k, row) in x.chunks_mut(width).enumerate() {
            (0..e - 1).for_each(|j| row[j] = data.x[(rows[k], j)]);
            row[e - 1] = 1.0;
        }
        let all = Patterns::of(network, data.x.as_ref()).select(&rows);
        let (mut place, mut first, mut groups) = (HashMap::new(), Vec::new(), Vec::<Group>::new());
        let mut seen = std::collections::HashSet::new();
        for unit in (0..network.units()).filter(|&i| !(all.is_dead(i) || signed && network.v()[i] == 0.0)) {
            let pattern = *place.entry(all.unit(unit)).or_insert_with(|| {
                first.push(unit);
                first.len() - 1
            });
            let sign = if signed { network.v()[unit].signum() } else { 1.0 };
            if seen.insert((pattern, sign > 0.0)) {
                groups.push(Group { pattern, sign, unit });
            }
        }
        let by_row = Masks::from_fn(n, first.len(), |k, q| all.unit(first[q])[k]);
        let by_pattern = Masks::from_fn(first.len(), n, |q, k| all.unit(first[q])[k]);
        let (lambda, patterns) = (settings.decay, first.len());
        let free_bias = settings.output_bias;
        Ok(Self { e, width, x, y, omega, spread, groups, lambda, free_bias, patterns, by_row, by_pattern })
    }

    /// Rows.
    pub fn n(&self) -> usize {
        self.y.len()
    }

    /// Entries of z̄.
    pub fn size(&self) -> usize {
        self.groups.len() * self.width
    }

    /// σ_jk of a group on a row.
    pub fn orientation(&self, group: usize, row: usize) -> f64 {
        if self.by_pattern.get(self.groups[group].pattern, row) { 1.0 } else { -1.0 }
    }

    /// x̄_k.
    pub fn row(&self, k: usize) -> &[f64] {
        &self.x[k * self.width..][..self.width]
    }

    /// Φ z.
    pub fn output(&self, u: &[f64]) -> Vec<f64> {
        let width = self.width;
        let mut sums = vec![0.0; self.patterns * width];
        for (group, u) in self.groups.iter().zip(u.chunks(width)) {
            let sum = &mut sums[group.pattern * width..][..width];
            sum.iter_mut().zip(u).for_each(|(sum, u)| *sum += group.sign * u);
        }
        let mut rows = vec![0.0; self.n() * width];
        self.by_row.sums(&sums, width, &mut rows);
        rows.chunks(width).zip(self.x.chunks(width)).map(|(sum, x)| dot(sum, x)).collect()
    }

    /// Φᵀ ν.
    pub fn adjoint(&self, theta: &[f64]) -> Vec<f64> {
        let width = self.width;
        let mut rows = self.x.clone();
        rows.chunks_mut(width).zip(theta).for_each(|(row, t)| row.iter_mut().for_each(|x| *x *= t));
        let mut sums = vec![0.0; self.patterns * width];
        self.by_pattern.sums(&rows, width, &mut sums);
        let mut out = Vec::with_capacity(self.size());
        for group in &self.groups {
            out.extend(sums[group.pattern * width..][..width].iter().map(|sum| group.sign * sum));
        }
        out
    }

    /// Loss, best output bias and residuals of an output Φ z.
    pub fn fit(&self, output: &[f64]) -> Fit {
        let mut residual: Vec<f64> = self.y.iter().zip(output).map(|(y, f)| y - f).collect();
        let bias = self.mean(&residual);
        residual.iter_mut().for_each(|r| *r -= bias);
        let loss = self.spread + residual.iter().zip(&self.omega).map(|(r, w)| w * r * r).sum::<f64>();
        Fit { loss, bias, residual }
    }

    /// The mean that a free output bias takes away; 0 where it is held.
    fn mean(&self, values: &[f64]) -> f64 {
        if self.free_bias { values.iter().zip(&self.omega).map(|(r, w)| w * r).sum() } else { 0.0 }
    }

    /// loss(a + step) − loss(a) − gradient·step for a step of the output: the loss is quadratic, so it is that of the
    /// step.
    pub fn curvature(&self, step: &[f64]) -> f64 {
        let mean = self.mean(step);
        step.iter().zip(&self.omega).map(|(s, w)| w * (s - mean).powi(2)).sum()
    }

    /// ν of a fit.
    pub fn theta(&self, fit: &Fit) -> Vec<f64> {
        fit.residual.iter().zip(&self.omega).map(|(r, w)| 2.0 * w * r).collect()
    }

    /// λ_w Σ ‖z̄_j‖.
    pub fn penalty(&self, u: &[f64]) -> f64 {
        self.lambda * u.chunks(self.width).map(length).sum::<f64>()
    }

    /// The lower bound from a fit and the vectors Φ_jᵀν + B_jᵀY_j.
    pub fn lower_bound(&self, fit: &Fit, slopes: &[f64]) -> f64 {
        let steepest = slopes.chunks(self.width).map(length).fold(0.0, f64::max);
        let linear: f64 = (0..self.n()).map(|k| 2.0 * self.omega[k] * fit.residual[k] * self.y[k]).sum();
        let square = fit.loss - self.spread;
        let longest = if steepest > 0.0 { self.lambda / steepest } else { f64::INFINITY };
        let t = if square > 0.0 { (0.5 * linear / square).clamp(0.0, longest) } else { 0.0 };
        self.spread + t * linear - t * t * square
    }
}

/// a·b of padded vectors.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut total = [0.0; LANES];
    for (a, b) in a.chunks_exact(LANES).zip(b.chunks_exact(LANES)) {
        for q in 0..LANES {
            total[q] += a[q] * b[q];
        }
    }
    (total[0] + total[2]) + (total[1] + total[3])
}

/// ‖a‖ of a padded vector.
pub(crate) fn length(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}
