//! A network's parameters as one flat vector, the layout in which they are trained.
//!
//! `[ W̄ᵀ (d+1 rows of `width`) | v (`width`) | a | c ]`, `width` = m rounded up to whole vector groups; the linear
//! part a is d rounded up to whole groups, or absent. The padding has zero weights and zero gradients for ever, so an
//! optimizer may treat the vector as a whole.

use crate::dataset::importances;
use crate::random::normal;
use crate::rows::{BLOCK, Block, Pass, Rows};
use crate::vector::{self, BatchGradient, Outputs, Product, Strided, arch, padded};
use crate::{Dataset, Loss, Shallow};
use faer::Mat;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;

/// Rows whose gradients are taken at once: fewer than the other blocks have, so that few rows too have work for several
/// threads.
const PIECE: usize = BLOCK / 4;

/// The parameters (or a gradient, or a moment: anything of the same shape).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Weights {
    pub inputs: usize,
    pub units: usize,
    /// Whether there is a linear part.
    pub linear: bool,
    pub flat: Vec<f64>,
}

impl Weights {
    /// Zeros of this shape.
    pub fn zero(inputs: usize, units: usize, linear: bool) -> Self {
        let own = if linear { padded(inputs) } else { 0 };
        Self { inputs, units, linear, flat: vec![0.0; (inputs + 2) * padded(units) + own + 1] }
    }

    /// Zeros of the same shape.
    pub fn zeros(&self) -> Self {
        Self::zero(self.inputs, self.units, self.linear)
    }

    /// w̄_i ~ N(0, 2/(d+1)), v_i ~ N(0, 1/m), a = 0 where there is a linear part, c the mean target where there is one:
    /// activations and outputs of order one on standardized data.
    pub fn random(data: &Dataset, units: usize, affine: (bool, bool), random: &mut Pcg64) -> Self {
        let (output_bias, linear) = affine;
        let mut weights = Self::zero(data.columns(), units, linear);
        let width = weights.width();
        let hidden = (2.0 / (data.columns() + 1) as f64).sqrt();
        for i in 0..units {
            for k in 0..=data.columns() {
                weights.flat[k * width + i] = hidden * normal(random);
            }
        }
        let (_, v, _, c) = weights.parts_mut();
        v[..units].iter_mut().for_each(|v| *v = normal(random) / (units as f64).sqrt());
        if output_bias {
            let omega = importances(data);
            *c = omega.iter().zip(&data.y).map(|(o, y)| o * y).sum::<f64>() / data.rows() as f64;
        }
        weights
    }

    pub fn width(&self) -> usize {
        padded(self.units)
    }

    /// How many of the parameters are weights of units, which a decay prices: all that stand before a and c.
    pub fn decayed(&self) -> usize {
        (self.inputs + 2) * self.width()
    }

    /// W̄ᵀ, v, a (empty where there is none), c.
    pub fn parts(&self) -> (&[f64], &[f64], &[f64], f64) {
        let (hidden, rest) = self.flat.split_at((self.inputs + 1) * self.width());
        let (v, rest) = rest.split_at(self.width());
        (hidden, v, &rest[..rest.len() - 1], rest[rest.len() - 1])
    }

    pub fn parts_mut(&mut self) -> (&mut [f64], &mut [f64], &mut [f64], &mut f64) {
        let (inputs, width) = (self.inputs, self.width());
        let (hidden, rest) = self.flat.split_at_mut((inputs + 1) * width);
        let (v, rest) = rest.split_at_mut(width);
        let (a, c) = rest.split_at_mut(rest.len() - 1);
        (hidden, v, a, &mut c[0])
    }

    pub fn network(&self) -> crate::error::Result<Shallow> {
        let (hidden, v, a, c) = self.parts();
        let width = self.width();
        let w = Mat::from_fn(self.units, self.inputs, |i, k| hidden[k * width + i]);
        let b = hidden[self.inputs * width..][..self.units].to_vec();
        let a = self.linear.then(|| a[..self.inputs].to_vec());
        Shallow::with_linear(w, b, v[..self.units].to_vec(), c, a)
    }

    pub fn from_network(network: &Shallow) -> Self {
        let mut weights = Self::zero(network.inputs(), network.units(), network.a().is_some());
        let width = weights.width();
        for i in 0..network.units() {
            for k in 0..network.inputs() {
                weights.flat[k * width + i] = network.w()[(i, k)];
            }
            weights.flat[network.inputs() * width + i] = network.b()[i];
        }
        let (_, v, a, c) = weights.parts_mut();
        v[..network.units()].copy_from_slice(network.v());
        a.iter_mut().zip(network.a().unwrap_or_default()).for_each(|(a, given)| *a = *given);
        *c = network.c();
        weights
    }
}

/// Rows of a batch, gathered: X̄ row-major with its column of ones, targets, importances.
#[derive(Debug, Clone, Default)]
pub(crate) struct Batch {
    pub x: Vec<f64>,
    pub y: Vec<f64>,
    pub omega: Vec<f64>,
    /// Which rows of the data they are.
    pub origin: Vec<usize>,
}

impl Batch {
    pub fn rows(&self) -> usize {
        self.y.len()
    }

    /// All rows of the data, importances of mean one.
    pub fn all(data: &Dataset) -> Self {
        let mut x = Vec::with_capacity(data.rows() * (data.columns() + 1));
        for k in 0..data.rows() {
            x.extend((0..data.columns()).map(|j| data.x[(k, j)]));
            x.push(1.0);
        }
        Self { x, y: data.y.clone(), omega: importances(data), origin: (0..data.rows()).collect() }
    }

    /// Replace the content by the given rows of `all`, importances divided by their number.
    pub fn gather(&mut self, all: &Batch, rows: &[usize]) {
        let depth = all.x.len() / all.rows();
        self.x.clear();
        self.y.clear();
        self.omega.clear();
        self.origin.clear();
        self.origin.extend(rows.iter().map(|&k| all.origin[k]));
        for &k in rows {
            self.x.extend_from_slice(&all.x[k * depth..(k + 1) * depth]);
            self.y.push(all.y[k]);
            self.omega.push(all.omega[k] / rows.len() as f64);
        }
    }
}

/// Loss and gradient of batches; keeps its scratch between calls.
#[derive(Default)]
pub(crate) struct Differentiator {
    loss: Loss,
    scratch: Scratch,
}

impl Differentiator {
    /// For this loss.
    pub fn of(loss: &Loss) -> Self {
        Self { loss: loss.clone(), scratch: Scratch::default() }
    }

    /// Σ_k ω_k loss(f(x_k), y_k) and its gradient, written over `gradient`.
    pub fn gradient(&mut self, weights: &Weights, batch: &Batch, gradient: &mut Weights) -> f64 {
        let pass = Gradient { loss: &self.loss, weights };
        if batch.rows() <= Gradient::ROWS {
            return pass.write(&batch.x, &batch.y, &batch.omega, &mut self.scratch, gradient);
        }
        let Sloped { loss, gradient: sum } = Rows::flat(&batch.x, &batch.y, &batch.omega).sweep(&pass);
        gradient.flat.copy_from_slice(&sum.flat);
        loss
    }
}

/// The loss and its gradient as a pass, over rows X̄ with their column of ones.
struct Gradient<'a> {
    loss: &'a Loss,
    weights: &'a Weights,
}

/// A loss and its gradient.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Sloped {
    loss: f64,
    gradient: Weights,
}

#[derive(Default)]
struct Scratch {
    h: Vec<f64>,
    e: Vec<f64>,
}

thread_local! {
    /// As large as a block: it is kept, because filling it anew would take longer than a few units do.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl Gradient<'_> {
    fn write(&self, x: &[f64], y: &[f64], omega: &[f64], scratch: &mut Scratch, gradient: &mut Weights) -> f64 {
        scratch.h.resize(y.len() * self.weights.width(), 0.0);
        scratch.e.resize(y.len(), 0.0);
        let (weights, v, a, c) = self.weights.parts();
        let (out_weights, out_v, out_a, out_c) = gradient.parts_mut();
        let (h, e) = (&mut *scratch.h, &mut *scratch.e);
        let loss = &**self.loss;
        arch().dispatch(BatchGradient { loss, e, weights, v, a, c, x, y, omega, h, out_weights, out_v, out_a, out_c })
    }
}

/// A part is a block's own sum, since it comes out of a product of matrices.
impl Pass for Gradient<'_> {
    const ROWS: usize = PIECE;
    type Part = Sloped;
    type Sum = Sloped;

    fn work(&self) -> usize {
        (self.weights.inputs + 1) * self.weights.width()
    }

    fn nothing(&self) -> Sloped {
        Sloped { loss: 0.0, gradient: self.weights.zeros() }
    }

    fn visit(&self, block: &Block<'_>) -> Sloped {
        let x = block.flat.expect("batches stand row after row");
        let omega = block.weights.expect("batches have importances");
        let mut part = self.nothing();
        part.loss = SCRATCH.with_borrow_mut(|scratch| self.write(x, block.y, omega, scratch, &mut part.gradient));
        part
    }

    fn merge(&self, into: &mut Sloped, next: Sloped) {
        into.loss += next.loss;
        into.gradient.flat.iter_mut().zip(&next.gradient.flat).for_each(|(into, next)| *into += next);
    }
}

/// f and ∂f/∂x at every row of a batch; keeps its scratch between calls.
#[derive(Default)]
pub(crate) struct InputDifferentiator {
    /// W, one row a unit, padded to `stride` columns.
    rows: Vec<f64>,
    stride: usize,
    h: Vec<f64>,
    /// f at each row.
    pub values: Vec<f64>,
    /// ∂f/∂x at each row, `stride()` apart.
    pub gradients: Vec<f64>,
}

impl InputDifferentiator {
    /// To be called whenever the weights changed.
    pub fn load(&mut self, weights: &Weights) {
        let (hidden, ..) = weights.parts();
        let width = weights.width();
        self.stride = padded(weights.inputs);
        self.rows.resize(width * self.stride, 0.0);
        for k in 0..weights.inputs {
            for i in 0..width {
                self.rows[i * self.stride + k] = hidden[k * width + i];
            }
        }
    }

    /// Distance between the gradients of two rows.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// Fill `values` and `gradients` for rows `x` (row-major X̄).
    pub fn evaluate(&mut self, weights: &Weights, x: &[f64]) {
        let (hidden, v, linear, c) = weights.parts();
        let (width, depth) = (weights.width(), weights.inputs + 1);
        let rows = x.len() / depth;
        self.h.resize(rows * width, 0.0);
        self.values.resize(rows, 0.0);
        self.gradients.resize(rows * self.stride, 0.0);
        let arch = arch();
        let a = Strided { values: x, row: depth, column: 1 };
        arch.dispatch(Product { a, b: hidden, c: &mut self.h, rows, depth, width });
        arch.dispatch(Outputs { h: &self.h, v, out: &mut self.values });
        self.values.iter_mut().for_each(|f| *f += c);
        for h in self.h.chunks_exact_mut(width) {
            h.iter_mut().zip(v).for_each(|(h, &v)| *h = if *h > 0.0 { v } else { 0.0 });
        }
        let a = Strided { values: &self.h, row: width, column: 1 };
        arch.dispatch(Product { a, b: &self.rows, c: &mut self.gradients, rows, depth: width, width: self.stride });
        if !linear.is_empty() {
            for (value, x) in self.values.iter_mut().zip(x.chunks_exact(depth)) {
                *value += vector::linear(linear, &x[..depth - 1]);
            }
            for gradient in self.gradients.chunks_exact_mut(self.stride) {
                gradient.iter_mut().zip(linear).for_each(|(gradient, a)| *gradient += a);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::tests::toy;
    use rand::SeedableRng;

    fn setting(rows: usize, weighted: bool, linear: bool) -> (Dataset, Weights, Batch) {
        let mut data = toy(rows, 3, 1);
        if weighted {
            data.weights = Some((0..rows).map(|k| 0.5 + (k % 3) as f64).collect());
        }
        let mut weights = Weights::random(&data, 11, (true, linear), &mut Pcg64::seed_from_u64(2));
        weights.parts_mut().2.iter_mut().take(3).enumerate().for_each(|(k, a)| *a = [0.3, -1.0, 0.5][k]);
        let mut batch = Batch::default();
        batch.gather(&Batch::all(&data), &(0..rows).collect::<Vec<_>>());
        (data, weights, batch)
    }

    fn loss(weights: &Weights, data: &Dataset) -> f64 {
        Loss::default().mean(&weights.network().unwrap(), data)
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        for (rows, weighted, linear) in
            [(7, false, false), (7, false, true), (40, true, false), (PIECE + 33, true, true)]
        {
            let (data, weights, batch) = setting(rows, weighted, linear);
            let mut gradient = weights.zeros();
            let value = Differentiator::default().gradient(&weights, &batch, &mut gradient);
            assert!((value - loss(&weights, &data)).abs() < 1e-12 * (1.0 + value));
            let step = 1e-6;
            for p in 0..weights.flat.len() {
                let mut side = [weights.clone(), weights.clone()];
                side[0].flat[p] += step;
                side[1].flat[p] -= step;
                let slope = (loss(&side[0], &data) - loss(&side[1], &data)) / (2.0 * step);
                // Perturbing the padding changes no network: both sides are exactly zero there.
                assert!(
                    (gradient.flat[p] - slope).abs() < 2e-5 * (1.0 + slope.abs()),
                    "{p}: {} {slope}",
                    gradient.flat[p]
                );
            }
        }
    }

    #[test]
    fn input_gradients_are_the_networks_own() {
        for linear in [false, true] {
            let (data, weights, batch) = setting(9, false, linear);
            let network = weights.network().unwrap();
            let mut inputs = InputDifferentiator::default();
            inputs.load(&weights);
            inputs.evaluate(&weights, &batch.x);
            for k in 0..data.rows() {
                let x: Vec<f64> = (0..3).map(|j| data.x[(k, j)]).collect();
                assert!((inputs.values[k] - network.value(&x)).abs() < 1e-12);
                for (j, g) in network.gradient(&x).into_iter().enumerate() {
                    assert!((inputs.gradients[k * inputs.stride() + j] - g).abs() < 1e-12);
                }
            }
        }
    }

    #[test]
    fn weights_and_network_are_two_views_of_one_thing() {
        for linear in [false, true] {
            let (_, weights, _) = setting(5, false, linear);
            assert_eq!(weights, Weights::from_network(&weights.network().unwrap()));
        }
    }
}
