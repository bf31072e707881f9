//! The sampled program: hidden weights are drawn, output weights are fitted with a price on the sum of their sizes.
//!
//! ```text
//! minimize over v, c    Σ_k ω_k loss(f_k, y_k) + λ_w Σ_i |v_i|       f_k = c + Σ_i v_i feature_ik,   feature_ik = relu(x̄_k·w̄_i)
//!
//! v_i ← argmin over v   slope v + ½ curvature (v − v_i)² + λ_w |v|
//!       slope = Σ_k ω_k feature_ik loss′(f_k, y_k),   curvature = Σ_k ω_k feature_ik² loss″(f_k, y_k)
//! ```
//!
//! Sweeps of coordinate descent, one output weight after the other, and between two sweeps Newton's steps on the weights that are not 0, each
//! up to the first weight that becomes 0: units that are all but the same would need very many sweeps. For the
//! squared loss each step is exact; for another one it is halved until the objective falls as it should (Tseng and Yun 2009). An
//! optimum has |slope| ≤ λ_w for every unit, and equality with the sign of −v_i where v_i ≠ 0. A loss whose slope jumps is refused: there coordinate descent can
//! stop where no single weight can be bettered though two can.

use super::dual;
use super::products::{Factor, dot};
use super::settings::{Settings, shares};
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, Par};
use rand::SeedableRng;
use rand_pcg::Pcg64;
use std::ops::ControlFlow;
use tautnet::ending::{Cause, Early, Ending};
use tautnet::random::normal;
use tautnet::{Dataset, Error, Loss, Shallow, Stop, error::Result};

/// The most weights that Newton's steps are taken on, what is added to their matrix over its largest entry, and the part of the objective that a step
/// must bring for another one.
const LARGEST: usize = 1000;
const RIDGE: f64 = 1e-12;
const ENOUGH: f64 = 1e-12;
/// The curvature is at least this part of what a curvature of 1 makes it.
const FLAT: f64 = 1e-3;
/// The part of the promised decrease that a step must bring, and how often it is halved.
const DECREASE: f64 = 0.1;
const HALVINGS: usize = 40;

/// What is known after a sweep over all weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sweep {
    /// The number of sweeps so far.
    pub sweep: usize,
    /// The objective.
    pub objective: f64,
    /// The best lower bound on the optimum so far.
    pub lower_bound: f64,
}

/// A network with what is known of its objective.
#[derive(Debug, Clone, PartialEq)]
pub struct Lasso {
    /// The network; units with an output weight of 0 are left out.
    pub network: Shallow,
    /// Loss + λ_w Σ |v_i| with hidden weights of length 1, recomputed.
    pub objective: f64,
    /// The mean loss, weighted where the rows have weights.
    pub loss: f64,
    /// No output weights have a smaller objective: the value of a feasible dual point, up to rounding.
    pub lower_bound: f64,
    /// The number of sweeps.
    pub sweeps: usize,
    /// How it ended.
    pub ending: Ending,
    /// What was known on the way.
    pub trace: Vec<Sweep>,
}

/// Directions ḡ ~ N(0, I) over (x, 1), divided by their lengths: units × (d + 1).
pub fn directions(inputs: usize, units: usize, seed: u64) -> Mat<f64> {
    let mut random = Pcg64::seed_from_u64(seed);
    let mut drawn = Mat::zeros(units, inputs + 1);
    for i in 0..units {
        let direction: Vec<f64> = (0..=inputs).map(|_| normal(&mut random)).collect();
        let length = dot(&direction, &direction).sqrt();
        (0..=inputs).for_each(|a| drawn[(i, a)] = direction[a] / length);
    }
    drawn
}

/// Fit the output weights of hidden units with given weights (the bias last), such as those of [`directions`].
pub fn sampled_lasso(
    hidden: &Mat<f64>,
    data: &Dataset,
    settings: &Settings,
    observer: &mut dyn FnMut(&Sweep) -> ControlFlow<()>,
) -> Result<Lasso> {
    settings.check(data)?;
    check(hidden, data, &settings.loss)?;
    let (lambda, stop) = (settings.decay, Stop::here());
    let mut fit = Fit::new(hidden, data, settings);
    let (mut trace, mut sweeps, mut lower_bound) = (Vec::<Sweep>::new(), 0, 0.0f64);
    let early = |cause, gap| Ending::from(Early { cause, gap });
    let ending = loop {
        fit.sweep(&stop);
        sweeps += 1;
        lower_bound = lower_bound.max(fit.lower_bound());
        let objective = fit.objective();
        let told = Sweep { sweep: sweeps, objective, lower_bound };
        trace.push(told);
        let verdict = observer(&told);
        let gap = if objective > 0.0 { ((objective - lower_bound) / objective).max(0.0) } else { 0.0 };
        match () {
            _ if gap <= settings.tolerance => break Ending::Solved,
            _ if verdict.is_break() || stop.asked() => break early(Cause::Interrupted(None), Some(gap)),
            _ if sweeps >= settings.iterations => break early(Cause::StepLimit(sweeps), Some(gap)),
            _ => {}
        }
        while !stop.asked() && fit.newton().is_some() {}
    };
    let used: Vec<usize> = (0..hidden.nrows()).filter(|&i| fit.v[i] != 0.0).collect();
    let d = data.columns();
    let network = if used.is_empty() {
        Shallow::new(Mat::zeros(1, d), vec![0.0], vec![0.0], fit.bias)?
    } else {
        Shallow::new(
            Mat::from_fn(used.len(), d, |i, j| hidden[(used[i], j)]),
            used.iter().map(|&i| hidden[(i, d)]).collect(),
            used.iter().map(|&i| fit.v[i]).collect(),
            fit.bias,
        )?
    };
    let loss = settings.loss.mean(&network, data);
    let objective = loss + lambda * fit.v.iter().map(|v| v.abs()).sum::<f64>();
    Ok(Lasso { network, objective, loss, lower_bound, sweeps, ending, trace })
}

fn check(hidden: &Mat<f64>, data: &Dataset, loss: &Loss) -> Result<()> {
    if hidden.nrows() == 0 || hidden.ncols() != data.columns() + 1 {
        return Err(Error::new(
            format!("the hidden weights are {} × {}", hidden.nrows(), hidden.ncols()),
            format!("give at least one row of {} weights, the bias last, as `directions` does", data.columns() + 1),
        ));
    }
    for i in 0..hidden.nrows() {
        let square: f64 = (0..hidden.ncols()).map(|a| hidden[(i, a)].powi(2)).sum();
        if square.is_nan() || (square - 1.0).abs() > 1e-9 {
            return Err(Error::new(
                format!("the hidden weights of unit {i} have the length {}", square.sqrt()),
                "divide them by their length: the price is on units of length 1",
            ));
        }
    }
    let near = |y: f64| 1e-9 * (1.0 + y.abs());
    let jumps = |&y: &f64| (loss.slope(y + near(y), y) - loss.slope(y - near(y), y)).abs() > 1e3 * near(y);
    if data.y.iter().any(jumps) {
        return Err(Error::new(
            format!("the slope of the loss `{loss}` jumps, and the sampled program is solved for smooth ones only"),
            "choose a loss without a kink, such as `huber`, or the method `admm`",
        ));
    }
    Ok(())
}

/// The output weights, and what goes with them.
struct Fit<'a> {
    loss: &'a Loss,
    lambda: f64,
    free_bias: bool,
    y: &'a [f64],
    omega: Vec<f64>,
    /// feature_ik, unit by unit, and Σ_k ω_k feature_ik².
    features: Vec<f64>,
    squares: Vec<f64>,
    v: Vec<f64>,
    bias: f64,
    f: Vec<f64>,
    /// ω_k loss′(f_k, y_k), and Σ_k ω_k loss(f_k, y_k).
    slopes: Vec<f64>,
    value: f64,
}

impl<'a> Fit<'a> {
    fn new(hidden: &Mat<f64>, data: &'a Dataset, settings: &'a Settings) -> Self {
        let (n, d) = (data.rows(), data.columns());
        let omega = shares(data);
        let unit =
            |i: usize, k: usize| (0..d).fold(hidden[(i, d)], |h, j| h + hidden[(i, j)] * data.x[(k, j)]).max(0.0);
        let features: Vec<f64> = (0..hidden.nrows()).flat_map(|i| (0..n).map(move |k| unit(i, k))).collect();
        let squares =
            features.chunks(n).map(|phi| phi.iter().zip(&omega).map(|(phi, omega)| omega * phi * phi).sum()).collect();
        let bias = if settings.output_bias { settings.loss.best_constant(data) } else { 0.0 };
        let mut fit = Self {
            loss: &settings.loss,
            lambda: settings.decay,
            free_bias: settings.output_bias,
            y: &data.y,
            omega,
            features,
            squares,
            v: vec![0.0; hidden.nrows()],
            bias,
            f: vec![bias; n],
            slopes: Vec::new(),
            value: 0.0,
        };
        (fit.value, fit.slopes) = fit.at(&fit.f);
        fit
    }

    /// The loss and its slopes at predictions.
    fn at(&self, f: &[f64]) -> (f64, Vec<f64>) {
        let mut slopes = f.to_vec();
        let value = self.loss.weighted(&mut slopes, self.y, &self.omega);
        (value, slopes)
    }

    fn objective(&self) -> f64 {
        self.value + self.lambda * self.v.iter().map(|v| v.abs()).sum::<f64>()
    }

    /// One step on the bias and on each of the weights.
    fn sweep(&mut self, stop: &Stop) {
        if self.free_bias {
            self.step(None);
        }
        (0..self.v.len()).take_while(|_| !stop.asked()).for_each(|i| self.step(Some(i)));
    }

    /// One Newton step on the bias and the weights that are not 0, up to the first that becomes 0; nothing where that is not left to be done.
    fn newton(&mut self) -> Option<()> {
        let (n, used) = (self.f.len(), (0..self.v.len()).filter(|&i| self.v[i] != 0.0).collect::<Vec<usize>>());
        if used.len() > LARGEST {
            return None;
        }
        let bias = usize::from(self.free_bias);
        let phi = |a: usize| used.get(a).map(|&i| &self.features[i * n..][..n]);
        let value = |a: usize, k: usize| phi(a).map_or(1.0, |phi| phi[k]);
        let root: Vec<f64> =
            (0..n).map(|k| (self.omega[k] * self.loss.curvature(self.f[k], self.y[k])).sqrt()).collect();
        let scaled = Mat::from_fn(n, used.len() + bias, |k, a| root[k] * value(a, k));
        let mut matrix = Mat::<f64>::zeros(scaled.ncols(), scaled.ncols());
        matmul(&mut matrix, Accum::Replace, scaled.transpose(), &scaled, 1.0, Par::Seq);
        let ridge = RIDGE * (0..scaled.ncols()).fold(f64::MIN_POSITIVE, |most, a| most.max(matrix[(a, a)]));
        (0..scaled.ncols()).for_each(|a| matrix[(a, a)] += ridge);
        let downhill: Vec<f64> = (0..scaled.ncols())
            .map(|a| match used.get(a) {
                Some(&i) => -dot(&self.features[i * n..][..n], &self.slopes) - self.lambda * self.v[i].signum(),
                None => -self.slopes.iter().sum::<f64>(),
            })
            .collect();
        let mut change = downhill.clone();
        Factor::of(matrix)?.solve(&mut change);
        let zero = |a: usize| -self.v[used[a]] / change[a];
        let first = (0..used.len()).filter(|&a| zero(a) > 0.0).min_by(|&a, &b| zero(a).total_cmp(&zero(b)));
        let first = first.filter(|&a| zero(a) <= 1.0);
        let (mut t, promised, now) = (first.map_or(1.0, zero), -dot(&downhill, &change), self.objective());
        for halving in 0..HALVINGS {
            let mut v = self.v.clone();
            used.iter().zip(&change).for_each(|(&i, change)| v[i] += t * change);
            if let (0, Some(a)) = (halving, first) {
                v[used[a]] = 0.0;
            }
            let step = |k: usize| (0..scaled.ncols()).map(|a| change[a] * value(a, k)).sum::<f64>();
            let f: Vec<f64> = (0..n).map(|k| self.f[k] + t * step(k)).collect();
            let (value, slopes) = self.at(&f);
            let objective = value + self.lambda * v.iter().map(|v| v.abs()).sum::<f64>();
            if objective - now <= DECREASE * t * promised {
                self.bias += if self.free_bias { t * change[used.len()] } else { 0.0 };
                (self.v, self.f, self.value, self.slopes) = (v, f, value, slopes);
                return (objective < now - ENOUGH * now).then_some(());
            }
            t *= 0.5;
        }
        None
    }

    /// One step on a weight, or on the bias, which has no price.
    fn step(&mut self, unit: Option<usize>) {
        let n = self.f.len();
        let ones = if unit.is_none() { vec![1.0; n] } else { Vec::new() };
        let (phi, now, lambda, square) = match unit {
            Some(i) => (&self.features[i * n..][..n], self.v[i], self.lambda, self.squares[i]),
            None => (&ones[..], self.bias, 0.0, 1.0),
        };
        let slope = dot(phi, &self.slopes);
        if square == 0.0 || now == 0.0 && slope.abs() <= lambda {
            return;
        }
        let curvature: f64 = if self.loss.is_squared() {
            2.0 * square
        } else {
            let row = |k: usize| self.omega[k] * phi[k] * phi[k] * self.loss.curvature(self.f[k], self.y[k]);
            (0..n).map(row).sum::<f64>().max(FLAT * square)
        };
        let goal = now - slope / curvature;
        let next = goal.signum() * (goal.abs() - lambda / curvature).max(0.0);
        let mut change = next - now;
        let price = |v: f64| lambda * v.abs();
        for _ in 0..HALVINGS {
            if change == 0.0 {
                break;
            }
            let f: Vec<f64> = self.f.iter().zip(phi).map(|(f, phi)| f + change * phi).collect();
            let (value, slopes) = self.at(&f);
            let promised = slope * change + price(now + change) - price(now);
            // For the squared loss the step is the minimum; what rounding makes of it is no reason to halve it.
            if self.loss.is_squared() || value + price(now + change) - self.value - price(now) <= DECREASE * promised {
                (self.f, self.value, self.slopes) = (f, value, slopes);
                match unit {
                    Some(i) => self.v[i] += change,
                    None => self.bias += change,
                }
                return;
            }
            change *= 0.5;
        }
    }

    fn lower_bound(&self) -> f64 {
        let mut slopes: Vec<f64> = self.f.iter().zip(self.y).map(|(&f, &y)| self.loss.slope(f, y)).collect();
        if self.free_bias {
            dual::balance(&mut slopes, &self.omega);
        }
        let weighted: Vec<f64> = slopes.iter().zip(&self.omega).map(|(g, omega)| omega * g).collect();
        let steepest = self.features.chunks(self.f.len()).fold(0.0f64, |most, phi| most.max(dot(phi, &weighted).abs()));
        dual::bound(self.loss, &slopes, self.y, &self.omega, steepest, self.lambda)
    }
}
