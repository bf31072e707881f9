//! `random`: hidden units drawn at random, output weights by least squares.
//!
//! ```text
//! w̄_i ~ N(0, I_{d+1}),      minimize over v, a, c:   Σ_k ω_k loss(c + a·x_k + Φ_k·v, y_k) / n  +  ridge (‖v‖² + ‖a‖²),      Φ_ki = relu(x̄_k·w̄_i)
//! ```
//!
//! a = 0 unless there is a linear part. For the squared error that is one ridge regression. For another loss a few of
//! them, each with the weights `ω ℓ'(r)/2r` of the residuals r before, under which a square has the loss's slope.
//!
//! Gaussian directions sample the activation patterns of the data (Pilanci and Ergen, arXiv:2002.10553), which is what
//! the convex programs want of a start. A unit that is zero on every row is drawn again: it would have no gradient and
//! no use. With a free c both Φ and y are centred first, so that c is not charged.

use super::outcome::{Ending, Observer, Progress, Trained};
use super::start::{Common, Starter};
use crate::dataset::importances;
use crate::random::normal;
use crate::range::Range;
use crate::{Dataset, Error, Loss, Shallow, error::Result};
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::{cholesky::llt, matmul::matmul};
use faer::{Accum, Mat, Par};
use rand::SeedableRng;
use rand_pcg::Pcg64;
use tautnet_cone::Stop;

/// The Gram matrix of more units does not fit in the memory of ordinary machines.
const MOST_UNITS: usize = 30_000;

/// A unit that is zero on all rows is drawn again, this often at most.
const DRAWS: usize = 100;

/// The settings of the start `random`. Range: ridge > 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Random {
    /// The ridge: what the squares of the weights cost, over the loss.
    pub ridge: f64,
}

impl Default for Random {
    fn default() -> Self {
        Self { ridge: 1e-3 }
    }
}

impl Starter for Random {
    fn name(&self) -> &'static str {
        "random"
    }

    fn help(&self) -> &'static str {
        "random hidden units, output weights by the least loss"
    }

    fn by(&self) -> &'static str {
        "drawing its hidden units at random and fitting its output weights"
    }

    /// The values of all units on all rows, and their products.
    fn numbers(&self, rows: u128, inputs: u128, units: u128) -> u128 {
        units * (inputs + 2) + rows * units + units * units
    }

    fn train(&self, data: &Dataset, common: &Common, observer: &mut Observer<'_>) -> Result<Trained> {
        train(data, common, self, observer)
    }
}

/// Draw the hidden layer and solve for the output layer; the observer hears of the one result.
pub fn train(data: &Dataset, common: &Common, random: &Random, observer: &mut Observer<'_>) -> Result<Trained> {
    Range::Positive.check("ridge", random.ridge)?;
    let (n, d, m) = (data.rows(), data.columns(), common.units);
    if m > MOST_UNITS {
        return Err(Error::new(
            format!("the least squares problem of {m} random units needs a matrix of {m} rows and columns"),
            format!("give at most {MOST_UNITS} units, or make the starting network by `sgd`"),
        ));
    }
    let stop = Stop::here();
    let mut source = Pcg64::seed_from_u64(common.seed);
    let mut w = Mat::zeros(m, d);
    let mut b = vec![0.0; m];
    // With the inputs beside the units where there is a linear part.
    let linear = if common.linear_part { d } else { 0 };
    let mut phi = Mat::from_fn(n, m + linear, |k, i| if i < m { 0.0 } else { data.x[(k, i - m)] });
    for i in 0..m {
        // What is not drawn any more stays 0: such a unit does nothing.
        if stop.asked() {
            break;
        }
        for _ in 0..DRAWS {
            (0..d).for_each(|k| w[(i, k)] = normal(&mut source));
            b[i] = normal(&mut source);
            for k in 0..n {
                let h = (0..d).fold(b[i], |h, j| h + w[(i, j)] * data.x[(k, j)]);
                phi[(k, i)] = h.max(0.0);
            }
            if (0..n).any(|k| phi[(k, i)] > 0.0) {
                break;
            }
        }
    }
    let (own, ridge, output_bias, loss) = (data.clone(), random.ridge, common.output_bias, common.loss.clone());
    let asked = stop.clone();
    let solved = stop.unless(move || fitted(phi, &own, &loss, ridge, output_bias, &asked));
    let ending = if solved.is_some() { Ending::Solved } else { Ending::Observer };
    // Without the time to solve: the constant that fits best.
    let (mut v, c) = solved.unwrap_or_else(|| {
        Ok((vec![0.0; m + linear], if output_bias { common.loss.best_constant(data) } else { 0.0 }))
    })?;
    let squared: f64 = v.iter().map(|v| v * v).sum();
    let a = v.split_off(m);
    let network = Shallow::with_linear(w, b, v, c, common.linear_part.then_some(a))?;
    let loss = common.loss.mean(&network, data);
    let progress = Progress { epoch: 1, objective: loss + random.ridge * squared, loss, rate: 0.0, bound: None };
    // There is nothing left to stop.
    let _ = observer(&progress);
    Ok(Trained { network, trace: vec![progress], ending, loss })
}

/// Most regressions for a loss that is no square.
const REGRESSIONS: usize = 30;
/// A residual counts as at least this, in standard deviations of the target, where it is divided by.
const LEAST: f64 = 1e-3;

/// The output layer of the least loss, or close to it.
fn fitted(
    mut phi: Mat<f64>,
    data: &Dataset,
    loss: &Loss,
    ridge: f64,
    output_bias: bool,
    stop: &Stop,
) -> Result<(Vec<f64>, f64)> {
    let omega = importances(data);
    if loss.is_squared() {
        return output_layer(&mut phi, None, &data.y, &omega, data.rows() as f64, ridge, output_bias);
    }
    let (n, m) = (phi.nrows(), phi.ncols());
    let mut weighted = omega.clone();
    let mut scaled = Mat::zeros(n, m);
    let mut best: Option<(f64, Vec<f64>, f64)> = None;
    for _ in 0..REGRESSIONS {
        let (v, c) =
            output_layer(&mut scaled, Some(&phi), &data.y, &weighted, weighted.iter().sum(), ridge, output_bias)?;
        let f: Vec<f64> = (0..n).map(|k| (0..m).fold(c, |f, i| f + phi[(k, i)] * v[i])).collect();
        let objective =
            loss.weighted(&mut f.clone(), &data.y, &omega) / n as f64 + ridge * v.iter().map(|v| v * v).sum::<f64>();
        let better = best.as_ref().is_none_or(|(least, ..)| objective < least * (1.0 - 1e-6));
        if !better || stop.asked() {
            break;
        }
        best = Some((objective, v, c));
        for k in 0..n {
            let r = f[k] - data.y[k];
            let r = LEAST.max(r.abs()).copysign(r);
            // On the side where a margin costs nothing a row pulls hardly at all.
            let pull = loss.slope(data.y[k] + r, data.y[k]) / (2.0 * r);
            weighted[k] = omega[k] * if loss.is_margin() { pull.max(LEAST) } else { pull };
        }
    }
    best.map(|(_, v, c)| (v, c)).ok_or_else(|| {
        Error::new("the least squares of the random start gave no number", "standardize the columns and the target")
    })
}

/// The ridge regression, by its normal equations: (Φᵀ diag(ω) Φ/n + ridge·I) v = Φᵀ diag(ω) y/n, centred by means over
/// weights of this total. On one thread, so that the number of threads changes nothing. `phi` is overwritten by the
/// centred and weighted features: of `kept`, or of its own where those are not needed again.
fn output_layer(
    phi: &mut Mat<f64>,
    kept: Option<&Mat<f64>>,
    y: &[f64],
    omega: &[f64],
    total: f64,
    ridge: f64,
    output_bias: bool,
) -> Result<(Vec<f64>, f64)> {
    let (n, m) = (phi.nrows(), phi.ncols());
    let mean = |value: &dyn Fn(usize) -> f64| (0..n).map(|k| omega[k] * value(k)).sum::<f64>() / total;
    let (mut centre, mut y_centre) = (vec![0.0; m], 0.0);
    if output_bias {
        let features = kept.unwrap_or(phi);
        (0..m).for_each(|i| centre[i] = mean(&|k| features[(k, i)]));
        y_centre = mean(&|k| y[k]);
    }
    let root: Vec<f64> = omega.iter().map(|o| (o / n as f64).sqrt()).collect();
    for i in 0..m {
        for k in 0..n {
            phi[(k, i)] = root[k] * (kept.unwrap_or(phi)[(k, i)] - centre[i]);
        }
    }
    let y = Mat::from_fn(n, 1, |k, _| root[k] * (y[k] - y_centre));
    let mut gram = Mat::from_fn(m, m, |i, j| if i == j { ridge } else { 0.0 });
    matmul(&mut gram, Accum::Add, phi.transpose(), &*phi, 1.0, Par::Seq);
    let mut v = Mat::zeros(m, 1);
    matmul(&mut v, Accum::Replace, phi.transpose(), &y, 1.0, Par::Seq);
    let mut memory = MemBuffer::new(llt::factor::cholesky_in_place_scratch::<f64>(m, Par::Seq, Default::default()));
    let stack = MemStack::new(&mut memory);
    llt::factor::cholesky_in_place(gram.as_mut(), Default::default(), Par::Seq, stack, Default::default()).map_err(
        |_| {
            Error::new(
                format!("the least squares problem of the random start is singular with the ridge {ridge}"),
                "raise the ridge, or standardize the columns",
            )
        },
    )?;
    let mut memory = MemBuffer::new(llt::solve::solve_in_place_scratch::<f64>(m, 1, Par::Seq));
    llt::solve::solve_in_place(gram.as_ref(), v.as_mut(), Par::Seq, MemStack::new(&mut memory));
    let v: Vec<f64> = (0..m).map(|i| v[(i, 0)]).collect();
    let c = y_centre - v.iter().zip(&centre).map(|(v, mean)| v * mean).sum::<f64>();
    Ok((v, c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Settings;
    use crate::train::{Start, tests::toy, train};
    use std::ops::ControlFlow;

    /// At the optimum the gradient of the ridge objective vanishes.
    #[test]
    fn the_output_layer_is_stationary() {
        let mut data = toy(80, 3, 21);
        data.weights = Some((0..80).map(|k| (k % 4) as f64).collect());
        for output_bias in [true, false] {
            let ridge = 1e-2;
            let start = Start::from(Random { ridge });
            let settings = Settings { start, units: 30, output_bias, seed: 5, ..Settings::default() };
            let trained = train(&data, &settings, &mut |_| ControlFlow::Continue(())).unwrap();
            let network = &trained.network;
            let (omega, f) = (importances(&data), network.predict(data.x.as_ref()));
            let mut slopes = vec![0.0; 31];
            for k in 0..80 {
                let row: Vec<f64> = (0..3).map(|j| data.x[(k, j)]).collect();
                let e = 2.0 * omega[k] * (f[k] - data.y[k]) / 80.0;
                (0..30).for_each(|i| slopes[i] += e * network.pre_activation(i, &row).max(0.0));
                slopes[30] += e;
            }
            (0..30).for_each(|i| slopes[i] += 2.0 * ridge * network.v()[i]);
            let free = if output_bias { 31 } else { 30 };
            assert!(slopes[..free].iter().all(|s| s.abs() < 1e-10), "{slopes:?}");
            assert_eq!(network.c() != 0.0, output_bias);
        }
    }

    #[test]
    fn every_unit_is_alive_and_the_fit_is_useful() {
        let data = toy(100, 2, 22);
        let settings = Settings { start: Start::from(Random::default()), units: 60, ..Settings::default() };
        let trained = train(&data, &settings, &mut |_| ControlFlow::Continue(())).unwrap();
        for i in 0..60 {
            assert!((0..100).any(|k| trained.network.pre_activation(i, &[data.x[(k, 0)], data.x[(k, 1)]]) > 0.0));
        }
        assert!(trained.loss < 0.2, "{}", trained.loss);
    }

    #[test]
    fn more_units_than_rows_is_fine() {
        let data = toy(3, 2, 23);
        let settings = Settings { start: Start::from(Random::default()), units: 50, ..Settings::default() };
        assert!(train(&data, &settings, &mut |_| ControlFlow::Continue(())).unwrap().loss < 0.1);
    }
}
