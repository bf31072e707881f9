//! Gated relu networks by restarted FISTA (Mishkin, Sahiner and Pilanci, arXiv:2202.01331).
//!
//! The gates decide which units are on, the weights what they then do:
//!
//! ```text
//! f(x) = c + Σ_j 1[ḡ_j·x̄ ≥ 0] z̄_j·x̄
//! minimize over z̄, c    Σ_k ω_k (f(x_k) − y_k)²  +  λ_w Σ_j ‖z̄_j‖₂
//! ```
//!
//! This is (6) without its cones, and with one group a pattern, since z̄_j may point anywhere. Its optimum is a lower
//! bound on that of (6) with the same patterns, whatever their signs.

use super::fista::{Descent, Point, Smooth, Spectrum};
use super::problem::Problem;
use super::settings::Settings;
use super::solution::{CHECK, Observer, Progress, Solution, judge, loss_of};
use faer::{Mat, MatRef};
use std::ops::ControlFlow;
use tautnet::ending::Ending;
use tautnet::unit::{Affine, Unit, from_units};
use tautnet::{Dataset, Shallow, error::Result};

/// A network whose units are switched by gates of their own.
#[derive(Debug, Clone, PartialEq)]
pub struct GatedNetwork {
    /// The gates ḡ_j, one in each row of d + 1 numbers.
    pub gates: Mat<f64>,
    /// The weights z̄_j, one row of d + 1 numbers for each gate.
    pub weights: Mat<f64>,
    /// Output bias.
    pub c: f64,
}

impl GatedNetwork {
    /// Number of gates.
    pub fn units(&self) -> usize {
        self.gates.nrows()
    }

    /// Number of inputs, d.
    pub fn inputs(&self) -> usize {
        self.gates.ncols() - 1
    }

    /// `f(x)` for one point.
    pub fn value(&self, x: &[f64]) -> f64 {
        let d = self.inputs();
        let product = |a: &Mat<f64>, j: usize| (0..d).fold(a[(j, d)], |sum, k| sum + a[(j, k)] * x[k]);
        let on = (0..self.units()).filter(|&j| product(&self.gates, j) >= 0.0);
        self.c + on.map(|j| product(&self.weights, j)).sum::<f64>()
    }

    /// `f` at every row of `x` (n × d).
    pub fn predict(&self, x: MatRef<'_, f64>) -> Vec<f64> {
        assert_eq!(x.ncols(), self.inputs(), "checked where data and network meet");
        (0..x.nrows()).map(|k| self.value(&(0..x.ncols()).map(|j| x[(k, j)]).collect::<Vec<f64>>())).collect()
    }

    /// A relu network with the same values on the rows of `data`: `z̄_j = (z̄_j + t ḡ_j) − t ḡ_j`, with the least t ≥ 0
    /// that puts the first into the gate's cell, where ḡ_j itself lies. A row on the very boundary of a gate limits t
    /// to what rounding allows, and the two may then differ there.
    pub fn to_relu(&self, data: &Dataset) -> Result<Shallow> {
        let d = self.inputs();
        let mut units: Vec<Unit> = Vec::new();
        let mut push = |mut z: Vec<f64>, sign: f64| {
            let bias = z.pop().expect("the bias is last");
            units.push(Unit { z, bias, sign });
        };
        for j in 0..self.units() {
            let gate: Vec<f64> = (0..=d).map(|k| self.gates[(j, k)]).collect();
            let weights: Vec<f64> = (0..=d).map(|k| self.weights[(j, k)]).collect();
            let tau = feasible_shift(&weights, &gate, data.x.as_ref());
            if weights.iter().any(|&u| u != 0.0) {
                push(weights.iter().zip(&gate).map(|(u, g)| u + tau * g).collect(), 1.0);
            }
            if tau > 0.0 {
                push(gate.iter().map(|g| tau * g).collect(), -1.0);
            }
        }
        from_units(units.iter(), d, Affine::constant(self.c))
    }
}

/// A gated network with the evidence; gates whose weights are 0 are left out.
pub type Gated = Solution<GatedNetwork>;

/// Train a gated network whose gates are the hidden weights of `gates` (its output weights do not matter).
pub fn gated_relu(gates: &Shallow, data: &Dataset, settings: &Settings, observer: &mut Observer<'_>) -> Result<Gated> {
    let problem = Problem::new(gates, data, settings, false)?;
    let mut descent = Descent { lambda: problem.lambda, width: problem.width, curvature: 1e-3, steps: 0 };
    let start = Point { u: vec![0.0; problem.size()], image: vec![0.0; problem.n()] };
    let mut ending = Ending::Solved;
    let mut trace = Vec::new();
    let mut best = f64::NEG_INFINITY;
    let last = descent.run(&Loss(&problem), start, |descent, step| {
        if descent.steps % CHECK != 0 && descent.steps < settings.iterations {
            return ControlFlow::Continue(());
        }
        let fit = problem.fit(&step.point.image);
        best = f64::max(best, problem.lower_bound(&fit, &problem.adjoint(&problem.theta(&fit))));
        let objective = fit.loss + problem.penalty(&step.point.u);
        let progress =
            Progress { iteration: descent.steps, objective, network: objective, lower_bound: best, violation: 0.0 };
        judge(progress, settings, &mut trace, observer, &mut ending)
    });
    let d = data.columns();
    let fit = problem.fit(&last.image);
    let kept: Vec<usize> = (0..problem.groups.len())
        .filter(|&j| last.u[j * problem.width..][..problem.e].iter().any(|&u| u != 0.0))
        .collect();
    let gate = |j: usize| problem.groups[kept[j]].unit;
    let network = GatedNetwork {
        gates: Mat::from_fn(kept.len(), d + 1, |j, k| if k < d { gates.w()[(gate(j), k)] } else { gates.b()[gate(j)] }),
        weights: Mat::from_fn(kept.len(), d + 1, |j, k| last.u[kept[j] * problem.width + k]),
        c: fit.bias,
    };
    let loss = loss_of(&network.predict(data.x.as_ref()), data);
    let objective = loss + problem.penalty(&last.u);
    Ok(Gated { network, objective, loss, lower_bound: best, iterations: descent.steps, ending, trace })
}

/// The loss as a function of Φ z.
struct Loss<'a>(&'a Problem);

impl Smooth for Loss<'_> {
    fn image(&self, u: &[f64]) -> Vec<f64> {
        self.0.output(u)
    }

    fn gradient(&self, image: &[f64]) -> Vec<f64> {
        let fit = self.0.fit(image);
        let mut slopes = self.0.adjoint(&self.0.theta(&fit));
        slopes.iter_mut().for_each(|slope| *slope = -*slope);
        slopes
    }

    fn excess(&self, step: &[f64]) -> f64 {
        self.0.curvature(step)
    }

    fn product(&self, _: &[f64], _: &[f64]) -> f64 {
        0.0
    }

    fn spectrum(&self, _: usize) -> Option<&Spectrum> {
        None
    }
}

/// The least t ≥ 0 for which `u + t g` is on the same side as `g` of every row (x, 1).
fn feasible_shift(u: &[f64], g: &[f64], x: MatRef<'_, f64>) -> f64 {
    let d = x.ncols();
    let product = |a: &[f64], k: usize| (0..d).fold(a[d], |sum, j| sum + a[j] * x[(k, j)]);
    let mut tau = 0.0f64;
    for k in 0..x.nrows() {
        let (have, inside) = (product(u, k), product(g, k));
        let have = if inside >= 0.0 { have } else { -have };
        if have < 0.0 && inside != 0.0 {
            tau = tau.max(-have / inside.abs());
        }
    }
    tau
}
