//! A chain of layers in single precision: values of many rows at once, and the slopes of a loss in every weight.
//!
//! ```text
//! A_0 = X,   H_l = W_l A_(l−1) + b_l,   A_l = σ(H_l),   F = H_L           a column a row of the data
//! ∂A_(l−1) = W_lᵀ ∂H_l,   ∂H_l = σ'(H_l)ᵀ ∂A_l,   ∂W_l = ∂H_l A_(l−1)ᵀ,   ∂b_l = ∂H_l 1
//! ```
//!
//! A batch is taken in parts of [`PART`] rows, and a gradient in tiles of columns, so that neither depends on the number of threads.

use crate::activation::Activation;
use crate::error::Result;
use crate::network::{Layer, Network};
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;

/// Rows that are taken through the chain at once.
pub(super) const PART: usize = 64;
/// Columns of a gradient that are taken at once.
pub(super) const TILE: usize = 128;

/// Where a layer's numbers stand: the weights, units × inputs, column by column, and behind them the biases.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub units: usize,
    pub inputs: usize,
    pub start: usize,
    pub biases: bool,
}

impl Place {
    fn weights(&self) -> usize {
        self.units * self.inputs
    }

    fn len(&self) -> usize {
        self.weights() + if self.biases { self.units } else { 0 }
    }

    /// The layer's part of all numbers: the weights and the biases, none of them where the layer has none.
    pub fn of<'a>(&self, numbers: &'a [f32]) -> (MatRef<'a, f32>, &'a [f32]) {
        let (weights, bias) = numbers[self.start..][..self.len()].split_at(self.weights());
        (MatRef::from_column_major_slice(weights, self.units, self.inputs), bias)
    }

    /// The weights as they lie, to change them.
    pub fn plain_weights_mut<'a>(&self, numbers: &'a mut [f32]) -> &'a mut [f32] {
        &mut numbers[self.start..][..self.weights()]
    }

    /// The weights, to change them.
    pub fn weights_mut<'a>(&self, numbers: &'a mut [f32]) -> MatMut<'a, f32> {
        MatMut::from_column_major_slice_mut(&mut numbers[self.start..][..self.weights()], self.units, self.inputs)
    }
}

/// Layers one after the other, the same activation between all of them.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    pub activation: Activation,
    pub places: Vec<Place>,
    pub numbers: Vec<f32>,
}

impl Chain {
    /// A chain of so many inputs, units and outputs whose numbers are 0.
    pub fn zeros(inputs: usize, units: &[usize], outputs: usize, activation: &Activation, biases: bool) -> Self {
        let (mut places, mut start, mut given) = (Vec::new(), 0, inputs);
        for &units in units.iter().chain([&outputs]) {
            let place = Place { units, inputs: given, start, biases };
            start += place.len();
            given = units * activation.branches();
            places.push(place);
        }
        Self { activation: activation.clone(), places, numbers: vec![0.0; start] }
    }

    /// Whether some layer of a network has a bias.
    pub fn has_biases(network: &Network) -> bool {
        network.layers().iter().any(|layer| layer.bias().iter().any(|bias| *bias != 0.0))
    }

    /// The chain of a network whose hidden layers have one activation, in single precision, with biases or without.
    pub fn of(network: &Network, biases: bool) -> Option<Self> {
        let (last, hidden) = network.layers().split_last()?;
        let activation = hidden.first()?.activation();
        if network.linear().is_some() || hidden.iter().any(|layer| layer.activation() != activation) {
            return None;
        }
        let units: Vec<usize> = hidden.iter().map(Layer::units).collect();
        let mut chain = Self::zeros(network.inputs(), &units, last.units(), activation, biases);
        for (place, layer) in chain.places.clone().into_iter().zip(network.layers()) {
            let columns = (0..place.inputs).flat_map(|k| layer.weights().col_as_slice(k));
            let numbers = columns.chain(layer.bias()).map(|number| *number as f32);
            chain.numbers[place.start..][..place.len()].iter_mut().zip(numbers).for_each(|(to, from)| *to = from);
        }
        Some(chain)
    }

    /// The network of these numbers, exactly.
    pub fn network(&self) -> Result<Network> {
        let last = self.places.len() - 1;
        let layer = |(l, place): (usize, &Place)| {
            let (weights, bias) = place.of(&self.numbers);
            let weights = Mat::from_fn(place.units, place.inputs, |i, k| f64::from(weights[(i, k)]));
            let mut biases = vec![0.0; place.units];
            biases.iter_mut().zip(bias).for_each(|(to, from)| *to = f64::from(*from));
            Layer::new(weights, biases, if l == last { Activation::identity() } else { self.activation.clone() })
        };
        Network::new(self.places.iter().enumerate().map(layer).collect(), None)
    }

    /// The slopes of a loss in all numbers, from those in the sums of the rows of every part.
    pub fn gradient(&self, parts: &[Part], gradient: &mut [f32]) {
        let mut tasks = Vec::new();
        let mut rest = gradient;
        for (l, place) in self.places.iter().enumerate() {
            let (weights, others) = rest.split_at_mut(place.weights());
            let (bias, others) = others.split_at_mut(place.len() - place.weights());
            rest = others;
            let tiles = weights.chunks_mut(place.units * TILE).enumerate();
            tasks.extend(tiles.map(|(tile, out)| (l, Some(tile * TILE), out)));
            if place.biases {
                tasks.push((l, None, bias));
            }
        }
        tasks.into_par_iter().for_each(|(l, first, out)| {
            let place = &self.places[l];
            out.fill(0.0);
            for part in parts {
                let slopes = part.slopes(l, place.units);
                match first {
                    Some(first) => {
                        let columns = out.len() / place.units;
                        let given = part.given(l, place.inputs).subrows(first, columns);
                        let out = MatMut::from_column_major_slice_mut(out, place.units, columns);
                        matmul(out, Accum::Add, slopes, given.transpose(), 1.0, Par::Seq);
                    }
                    None => {
                        for r in 0..part.rows {
                            let of_row = &part.slopes[l][r * place.units..][..place.units];
                            out.iter_mut().zip(of_row).for_each(|(out, slope)| *out += slope);
                        }
                    }
                }
            }
        });
    }
}

/// Some rows on their way through the chain.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub rows: usize,
    /// What each layer is given, a column a row; the first is given the inputs.
    pub given: Vec<Vec<f32>>,
    /// The sums of each layer; the last are the outputs.
    pub sums: Vec<Vec<f32>>,
    /// The slopes of the loss in the sums.
    pub slopes: Vec<Vec<f32>>,
    /// Those in what a layer is given.
    back: Vec<f32>,
}

impl Part {
    /// Room for [`PART`] rows.
    pub fn of(chain: &Chain) -> Self {
        let room = |of: fn(&Place) -> usize| chain.places.iter().map(|place| vec![0.0; of(place) * PART]).collect();
        let widest = chain.places.iter().map(|place| place.inputs).max().unwrap_or(0);
        Self {
            rows: 0,
            given: room(|place| place.inputs),
            sums: room(|place| place.units),
            slopes: room(|place| place.units),
            back: vec![0.0; widest * PART],
        }
    }

    fn given(&self, l: usize, inputs: usize) -> MatRef<'_, f32> {
        MatRef::from_column_major_slice(&self.given[l][..inputs * self.rows], inputs, self.rows)
    }

    fn slopes(&self, l: usize, units: usize) -> MatRef<'_, f32> {
        MatRef::from_column_major_slice(&self.slopes[l][..units * self.rows], units, self.rows)
    }

    /// From the inputs to the outputs.
    pub fn forward(&mut self, chain: &Chain) {
        for (l, place) in chain.places.iter().enumerate() {
            let (weights, bias) = place.of(&chain.numbers);
            let sums = &mut self.sums[l][..place.units * self.rows];
            let given =
                MatRef::from_column_major_slice(&self.given[l][..place.inputs * self.rows], place.inputs, self.rows);
            let out = MatMut::from_column_major_slice_mut(sums, place.units, self.rows);
            matmul(out, Accum::Replace, weights, given, 1.0, Par::Seq);
            if place.biases {
                for of_row in sums.chunks_mut(place.units) {
                    of_row.iter_mut().zip(bias).for_each(|(sum, bias)| *sum += bias);
                }
            }
            if let Some(next) = self.given.get_mut(l + 1) {
                let handed_on = place.units * chain.activation.branches();
                for (sums, out) in sums.chunks(place.units).zip(next.chunks_mut(handed_on)) {
                    chain.activation.apply_single(sums, out);
                }
            }
        }
    }

    /// From the slopes in the outputs to those in every layer's sums.
    pub fn backward(&mut self, chain: &Chain) {
        for l in (1..chain.places.len()).rev() {
            let (place, before) = (&chain.places[l], &chain.places[l - 1]);
            self.back_through(chain, l);
            let rows = self.back[..place.inputs * self.rows].chunks(place.inputs);
            let sums = self.sums[l - 1].chunks(before.units).zip(self.slopes[l - 1].chunks_mut(before.units));
            for (of_given, (sums, slopes)) in rows.zip(sums) {
                chain.activation.slopes_single(sums, of_given, slopes);
            }
        }
    }

    /// The slopes in the inputs, a column a row, once those in the sums are there.
    #[cfg(test)]
    pub fn of_inputs(&mut self, chain: &Chain) -> &[f32] {
        self.back_through(chain, 0);
        &self.back[..chain.places[0].inputs * self.rows]
    }

    fn back_through(&mut self, chain: &Chain, l: usize) {
        let place = &chain.places[l];
        let (weights, _) = place.of(&chain.numbers);
        let slopes =
            MatRef::from_column_major_slice(&self.slopes[l][..place.units * self.rows], place.units, self.rows);
        let back =
            MatMut::from_column_major_slice_mut(&mut self.back[..place.inputs * self.rows], place.inputs, self.rows);
        matmul(back, Accum::Replace, weights.transpose(), slopes, 1.0, Par::Seq);
    }
}
