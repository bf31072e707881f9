//! What is asked of whole shards: losses within a tolerance, and their slopes.

use super::plain::{Layers, Share};
use super::shard::Shard;
use crate::error::Result;
use crate::tolerance::{ByColumn, Tolerance};
use crate::weights::{Batch, Differentiator, Weights};
use crate::worst_case::worst_points;
use crate::{Loss, Scaler};

/// Networks within a tolerance.
pub(super) struct Within {
    pub networks: Vec<Weights>,
    pub loss: Loss,
    pub tolerance: ByColumn,
}

impl Within {
    pub fn of(networks: &[Layers], loss: &str, tolerance: &ByColumn, inputs: usize) -> Result<Self> {
        let networks = networks.iter().map(|network| weights(network, inputs)).collect();
        Ok(Self { networks, loss: loss.parse()?, tolerance: tolerance.clone() })
    }

    /// Add Σω of both kinds of rows, and the summed losses of each network on both, found and bounded.
    pub fn add_losses(&self, by: (Share, &Scaler), shard: &Shard, sums: &mut [f64]) -> Result<()> {
        let (rows, tolerance) = (Rows::of(by, shard), self.on(by.1, shard)?);
        let parts = [&rows.learned, &rows.held_out];
        for (sum, omega) in sums.iter_mut().zip(parts) {
            *sum += omega.iter().sum::<f64>();
        }
        for (which, network) in self.networks.iter().enumerate() {
            let points = worst_points(&self.loss, &tolerance, network, (&rows.x, &rows.y));
            for (kind, losses) in [points.found, points.bound].into_iter().enumerate() {
                for (part, omega) in parts.into_iter().enumerate() {
                    // What is no number in a row that does not count is not told.
                    let counts = losses.iter().zip(omega).filter(|(_, omega)| **omega > 0.0);
                    sums[2 + 4 * which + 2 * kind + part] += counts.map(|(loss, omega)| loss * omega).sum::<f64>();
                }
            }
        }
        Ok(())
    }

    /// Add Σω of the rows to learn from, the summed loss of the network at their worst points that are found, and its slope there, in the order
    /// of [`Layers::numbers`].
    pub fn add_slope(&self, by: (Share, &Scaler), shard: &Shard, sums: &mut [f64]) -> Result<()> {
        let (rows, tolerance) = (Rows::of(by, shard), self.on(by.1, shard)?);
        let [network] = &self.networks[..] else { return Ok(()) };
        sums[0] += rows.learned.iter().sum::<f64>();
        let x = match tolerance.is_none() {
            true => rows.x,
            false => worst_points(&self.loss, &tolerance, network, (&rows.x, &rows.y)).x,
        };
        let batch = Batch { x, y: rows.y, omega: rows.learned, origin: Vec::new() };
        let mut slope = network.zeros();
        sums[1] += Differentiator::of(&self.loss).gradient(network, &batch, &mut slope);
        sums[2..].iter_mut().zip(numbers(&slope)).for_each(|(sum, slope)| *sum += slope);
        Ok(())
    }

    fn on(&self, scaler: &Scaler, shard: &Shard) -> Result<Tolerance> {
        let x = &shard.data.x;
        Ok(self.tolerance.on(x.nrows(), |k, j| x[(k, j)])?.divided(&scaler.input_scale))
    }
}

/// The rows of a shard one after another, in the scaler's units, with their column of ones.
struct Rows {
    x: Vec<f64>,
    y: Vec<f64>,
    /// ω of the rows to learn from, 0 of the others.
    learned: Vec<f64>,
    /// ω of the rows held out, 0 of the others.
    held_out: Vec<f64>,
}

impl Rows {
    fn of((share, scaler): (Share, &Scaler), shard: &Shard) -> Self {
        let (data, d) = (&shard.data, scaler.input_mean.len());
        let n = data.rows();
        let mut x = vec![1.0; n * (d + 1)];
        for j in 0..d {
            let (mean, scale) = (scaler.input_mean[j], scaler.input_scale[j]);
            let column = x[j..].iter_mut().step_by(d + 1);
            column.zip(data.x.col_as_slice(j)).for_each(|(to, x)| *to = (x - mean) / scale);
        }
        let weight = |k: usize| data.weights.as_ref().map_or(1.0, |weights| weights[k]);
        let held = |k: usize| share.holds_out(shard.first + k as u64);
        Self {
            x,
            y: data.y.iter().map(|y| (y - scaler.target_mean) / scaler.target_scale).collect(),
            learned: (0..n).map(|k| if held(k) { 0.0 } else { weight(k) }).collect(),
            held_out: (0..n).map(|k| if held(k) { weight(k) } else { 0.0 }).collect(),
        }
    }
}

/// The network as it is trained; its output weights are signs.
fn weights(network: &Layers, inputs: usize) -> Weights {
    let (z, v) = (&network.z, &network.v);
    let mut weights = Weights::zero(inputs, v.len(), !network.a.is_empty());
    let width = weights.width();
    for (i, z) in z.chunks_exact(inputs + 1).enumerate() {
        z.iter().enumerate().for_each(|(j, z)| weights.flat[j * width + i] = *z);
    }
    let (_, signs, a, c) = weights.parts_mut();
    signs[..v.len()].copy_from_slice(v);
    a.iter_mut().zip(&network.a).for_each(|(to, a)| *to = *a);
    *c = network.c;
    weights
}

/// What belongs to [`Layers::numbers`] of a slope.
fn numbers(slope: &Weights) -> Vec<f64> {
    let (hidden, _, a, c) = slope.parts();
    let width = slope.width();
    let unit = |i: usize| (0..=slope.inputs).map(move |j| hidden[j * width + i]);
    let a = if slope.linear { &a[..slope.inputs] } else { &[] };
    (0..slope.units).flat_map(unit).chain(a.iter().copied()).chain([c]).collect()
}
