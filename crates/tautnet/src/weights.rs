//! A network's parameters as one flat vector, the layout in which they are trained.
//!
//! `[ W̄ᵀ (d+1 rows of `width`) | v (`width`) | c ]`, `width` = m rounded up to whole vector groups. The padding has zero
//! weights and zero gradients for ever, so an optimizer may treat the vector as a whole.

use crate::dataset::importances;
use crate::random::normal;
use crate::rows::{BLOCK, Block, Pass, Rows};
use crate::vector::{BatchGradient, Outputs, Product, Strided, arch, padded};
use crate::{Dataset, Loss, Shallow};
use faer::Mat;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;

/// Rows whose gradients are taken at once: fewer than the other blocks have, so that few rows too have work for several threads.
const PIECE: usize = BLOCK / 4;

/// The parameters (or a gradient, or a moment: anything of the same shape).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Weights {
    pub inputs: usize,
    pub units: usize,
    pub flat: Vec<f64>,
}

impl Weights {
    pub fn zero(inputs: usize, units: usize) -> Self {
        Self { inputs, units, flat: vec![0.0; (inputs + 2) * padded(units) + 1] }
    }

    /// w̄_i ~ N(0, 2/(d+1)), v_i ~ N(0, 1/m), c the mean target where there is one: activations and outputs of order one
    /// on standardized data.
    pub fn random(data: &Dataset, units: usize, output_bias: bool, random: &mut Pcg64) -> Self {
        let mut weights = Self::zero(data.columns(), units);
        let width = weights.width();
        let hidden = (2.0 / (data.columns() + 1) as f64).sqrt();
        for i in 0..units {
            for k in 0..=data.columns() {
                weights.flat[k * width + i] = hidden * normal(random);
            }
        }
        let (_, v, c) = weights.parts_mut();
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

    /// W̄ᵀ, v, c.
    pub fn parts(&self) -> (&[f64], &[f64], f64) {
        let (hidden, rest) = self.flat.split_at((self.inputs + 1) * self.width());
        (hidden, &rest[..rest.len() - 1], rest[rest.len() - 1])
    }

    pub fn parts_mut(&mut self) -> (&mut [f64], &mut [f64], &mut f64) {
        let (inputs, width) = (self.inputs, self.width());
        let (hidden, rest) = self.flat.split_at_mut((inputs + 1) * width);
        let (v, c) = rest.split_at_mut(width);
        (hidden, v, &mut c[0])
    }

    pub fn network(&self) -> crate::error::Result<Shallow> {
        let (hidden, v, c) = self.parts();
        let width = self.width();
        let w = Mat::from_fn(self.units, self.inputs, |i, k| hidden[k * width + i]);
        let b = hidden[self.inputs * width..][..self.units].to_vec();
        Shallow::new(w, b, v[..self.units].to_vec(), c)
    }

    pub fn from_network(network: &Shallow) -> Self {
        let mut weights = Self::zero(network.inputs(), network.units());
        let width = weights.width();
        for i in 0..network.units() {
            for k in 0..network.inputs() {
                weights.flat[k * width + i] = network.w()[(i, k)];
            }
            weights.flat[network.inputs() * width + i] = network.b()[i];
        }
        let (_, v, c) = weights.parts_mut();
        v[..network.units()].copy_from_slice(&network.v());
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
        Self { x, y: data.y.clone(), omega: importances(data) }
    }

    /// Replace the content by the given rows of `all`, importances divided by their number.
    pub fn gather(&mut self, all: &Batch, rows: &[usize]) {
        let depth = all.x.len() / all.rows();
        self.x.clear();
        self.y.clear();
        self.omega.clear();
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

    /// Σ_k ω_k ℓ(f(x_k), y_k) and its gradient, written over `gradient`.
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
        let (hidden, v, c) = self.weights.parts();
        let (out_weights, out_v, out_c) = gradient.parts_mut();
        let (h, e) = (&mut *scratch.h, &mut *scratch.e);
        let loss = &**self.loss;
        arch().dispatch(BatchGradient { loss, e, weights: hidden, v, c, x, y, omega, h, out_weights, out_v, out_c })
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
        Sloped { loss: 0.0, gradient: Weights::zero(self.weights.inputs, self.weights.units) }
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
        let (hidden, _, _) = weights.parts();
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
        let (hidden, v, c) = weights.parts();
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
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::tests::toy;
    use rand::SeedableRng;

    fn setting(rows: usize, weighted: bool) -> (Dataset, Weights, Batch) {
        let mut data = toy(rows, 3, 1);
        if weighted {
            data.weights = Some((0..rows).map(|k| 0.5 + (k % 3) as f64).collect());
        }
        let weights = Weights::random(&data, 11, true, &mut Pcg64::seed_from_u64(2));
        let mut batch = Batch::default();
        batch.gather(&Batch::all(&data), &(0..rows).collect::<Vec<_>>());
        (data, weights, batch)
    }

    fn loss(weights: &Weights, data: &Dataset) -> f64 {
        Loss::default().mean(&weights.network().unwrap(), data)
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        for (rows, weighted) in [(7, false), (40, true), (PIECE + 33, true)] {
            let (data, weights, batch) = setting(rows, weighted);
            let mut gradient = Weights::zero(3, 11);
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
        let (data, weights, batch) = setting(9, false);
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

    #[test]
    fn weights_and_network_are_two_views_of_one_thing() {
        let (_, weights, _) = setting(5, false);
        assert_eq!(weights, Weights::from_network(&weights.network().unwrap()));
    }
}
