//! Passes over the rows: what a layer is given, how the outputs hang on its sums while the later patterns are held, and the outputs themselves.
//!
//! A column is a row of the data. Rows are taken in blocks of [`BLOCK`], and sums over rows in tiles of columns, so that nothing depends on the number of threads.

use super::cost::Target;
use crate::dataset::importances;
use crate::error::{Error, Result};
use crate::network::Layer;
use crate::{Dataset, Loss, Network};
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;

/// Rows that are taken through the layers at once.
const BLOCK: usize = 256;
/// Columns of a sum over all rows that are taken at once.
const TILE: usize = 64;
/// The most numbers by which outputs hang on sums: one for each row, unit and output.
const MOST: usize = 1 << 29;

/// The rows.
pub(super) struct Rows {
    /// Inputs × rows.
    pub x: Mat<f64>,
    pub target: Target,
    /// What each row counts; all together 1.
    pub shares: Vec<f64>,
}

impl Rows {
    pub fn of(data: &Dataset, classes: Option<usize>, loss: &Loss) -> Self {
        let target = match classes {
            Some(count) => Target::Classes(data.y.iter().map(|y| *y as usize).collect(), count),
            None => Target::Numbers(data.y.clone(), loss.clone()),
        };
        let rows = data.rows() as f64;
        let shares = importances(data).into_iter().map(|importance| importance / rows).collect();
        Self { x: data.x.transpose().to_owned(), target, shares }
    }

    pub fn count(&self) -> usize {
        self.shares.len()
    }
}

fn product(w: MatRef<'_, f64>, x: MatRef<'_, f64>) -> Mat<f64> {
    let mut out = Mat::zeros(w.nrows(), x.ncols());
    matmul(out.as_mut(), Accum::Replace, w, x, 1.0, Par::Seq);
    out
}

fn add_bias(sums: &mut Mat<f64>, bias: &[f64]) {
    for r in 0..sums.ncols() {
        sums.col_as_slice_mut(r).iter_mut().zip(bias).for_each(|(sum, bias)| *sum += bias);
    }
}

/// The sums of a layer.
fn sums(layer: &Layer, given: MatRef<'_, f64>) -> Mat<f64> {
    let mut sums = product(layer.weights().as_ref(), given);
    add_bias(&mut sums, layer.bias());
    sums
}

/// What it hands on.
fn handed_on(layer: &Layer, sums: &Mat<f64>) -> Mat<f64> {
    let mut out = Mat::zeros(layer.outputs(), sums.ncols());
    let mut one = Vec::new();
    for r in 0..sums.ncols() {
        layer.activation().apply(sums.col_as_slice(r), &mut one);
        out.col_as_slice_mut(r).copy_from_slice(&one);
    }
    out
}

/// The blocks of so many rows, each the first row and their number.
fn blocks(rows: usize) -> Vec<(usize, usize)> {
    (0..rows).step_by(BLOCK).map(|first| (first, BLOCK.min(rows - first))).collect()
}

/// Side by side.
fn joined(parts: Vec<Mat<f64>>, height: usize, rows: usize) -> Mat<f64> {
    let mut all = Mat::zeros(height, rows);
    let mut first = 0;
    for part in parts {
        all.submatrix_mut(0, first, height, part.ncols()).copy_from(&part);
        first += part.ncols();
    }
    all
}

/// What layer l of the network is given on all rows: inputs of the layer × rows.
pub(super) fn given(network: &Network, l: usize, rows: &Rows) -> Mat<f64> {
    through(&network.layers()[..l], rows.x.as_ref())
}

/// What some layers hand on.
pub(super) fn through(layers: &[Layer], x: MatRef<'_, f64>) -> Mat<f64> {
    let Some(last) = layers.last() else { return x.to_owned() };
    let one = |(first, count): (usize, usize)| {
        let mut at = x.subcols(first, count).to_owned();
        for layer in layers {
            at = handed_on(layer, &sums(layer, at.as_ref()));
        }
        at
    };
    let parts = blocks(x.ncols()).into_par_iter().map(one).collect();
    joined(parts, last.outputs(), x.ncols())
}

/// One layer on the rows, the patterns of it and of all later ones held: the outputs are `offset + J (W̃ ã)` with ã = (a, 1) where the layer has a bias.
pub(super) struct Held {
    /// ã: what the layer is given, and 1 where it has a bias; × rows.
    pub given: Mat<f64>,
    /// J of every row, output by output; `None` of the last layer, where it is I.
    slopes: Option<Vec<f64>>,
    offset: Mat<f64>,
    units: usize,
    outputs: usize,
}

impl Held {
    /// Layer l of a network. Refuses where J would be too large.
    pub fn new(network: &Network, l: usize, rows: &Rows, bias: bool) -> Result<Self> {
        let (layer, later) = (&network.layers()[l], &network.layers()[l..]);
        let (units, outputs, count) = (layer.units(), network.outputs(), rows.count());
        let last = later.len() == 1;
        let numbers = units.saturating_mul(outputs).saturating_mul(count);
        if !last && numbers > MOST {
            return Err(Error::new(
                format!(
                    "the program of layer {} has {numbers} slopes ({count} rows, {units} units, {outputs} outputs)",
                    l + 1
                ),
                "polish on fewer rows",
            ));
        }
        let plain = given(network, l, rows);
        let one = |(first, count): (usize, usize)| {
            let mut given = plain.subcols(first, count).to_owned();
            let mut kept = Vec::with_capacity(later.len());
            for layer in later {
                let h = sums(layer, given.as_ref());
                given = handed_on(layer, &h);
                kept.push(h);
            }
            let values = given;
            if last {
                return (Vec::new(), values);
            }
            // From the outputs back: a column for each row and output.
            let end = &later[later.len() - 1];
            let mut back = Mat::zeros(end.inputs(), count * outputs);
            for r in 0..count {
                for j in 0..outputs {
                    let column = back.col_as_slice_mut(r * outputs + j);
                    column.iter_mut().enumerate().for_each(|(k, to)| *to = end.weights()[(j, k)]);
                }
            }
            for (depth, layer) in later[..later.len() - 1].iter().enumerate().rev() {
                let mut of_sums = Mat::zeros(layer.units(), count * outputs);
                for r in 0..count {
                    let h = kept[depth].col_as_slice(r);
                    for j in 0..outputs {
                        let c = r * outputs + j;
                        layer.activation().slopes(h, back.col_as_slice(c), of_sums.col_as_slice_mut(c));
                    }
                }
                back = if depth == 0 { of_sums } else { product(layer.weights().transpose(), of_sums.as_ref()) };
            }
            let slopes = (0..count * outputs).flat_map(|c| back.col_as_slice(c).iter().copied()).collect();
            (slopes, values)
        };
        let parts: Vec<(Vec<f64>, Mat<f64>)> = blocks(count).into_par_iter().map(one).collect();
        let (slopes, values): (Vec<Vec<f64>>, Vec<Mat<f64>>) = parts.into_iter().unzip();
        let values = joined(values, outputs, count);
        let given = match bias {
            true => Mat::from_fn(plain.nrows() + 1, count, |k, r| if k < plain.nrows() { plain[(k, r)] } else { 1.0 }),
            false => plain,
        };
        let slopes = (!last).then(|| slopes.concat());
        let mut held = Self { given, slopes, offset: Mat::zeros(outputs, count), units, outputs };
        // The outputs less what W̃ makes of them; a bias that is held is part of the rest.
        let linear = held.change(&weights(layer, bias));
        held.offset = values - linear;
        Ok(held)
    }

    fn apply(&self, r: usize, h: &[f64], out: &mut [f64]) {
        match &self.slopes {
            None => out.copy_from_slice(h),
            Some(slopes) => {
                let of_row = &slopes[r * self.units * self.outputs..][..self.units * self.outputs];
                for (out, slopes) in out.iter_mut().zip(of_row.chunks(self.units)) {
                    *out = slopes.iter().zip(h).map(|(slope, h)| slope * h).sum();
                }
            }
        }
    }

    /// What a change of W̃ does to the outputs: outputs × rows.
    pub fn change(&self, w: &Mat<f64>) -> Mat<f64> {
        let one = |(first, count): (usize, usize)| {
            let h = product(w.as_ref(), self.given.subcols(first, count));
            let mut out = Mat::zeros(self.outputs, count);
            for r in 0..count {
                self.apply(first + r, h.col_as_slice(r), out.col_as_slice_mut(r));
            }
            out
        };
        let parts = blocks(self.given.ncols()).into_par_iter().map(one).collect();
        joined(parts, self.outputs, self.given.ncols())
    }

    /// The outputs at W̃.
    pub fn outputs(&self, w: &Mat<f64>) -> Mat<f64> {
        self.change(w) + &self.offset
    }

    /// Slopes in W̃ from those in the outputs.
    pub fn back(&self, of_outputs: &Mat<f64>) -> Mat<f64> {
        let (rows, units, outputs) = (self.given.ncols(), self.units, self.outputs);
        let of_sums = match &self.slopes {
            None => of_outputs.to_owned(),
            Some(slopes) => {
                let mut all = vec![0.0; units * rows];
                all.par_chunks_mut(units * BLOCK).enumerate().for_each(|(block, part)| {
                    for (r, to) in part.chunks_mut(units).enumerate() {
                        let r = block * BLOCK + r;
                        let of_row = slopes[r * units * outputs..][..units * outputs].chunks(units);
                        for (slopes, &amount) in of_row.zip(of_outputs.col_as_slice(r)) {
                            to.iter_mut().zip(slopes).for_each(|(to, slope)| *to += amount * slope);
                        }
                    }
                });
                MatRef::from_column_major_slice(&all, units, rows).to_owned()
            }
        };
        let inputs = self.given.nrows();
        let mut out = vec![0.0; units * inputs];
        out.par_chunks_mut(units * TILE).enumerate().for_each(|(tile, part)| {
            let columns = part.len() / units;
            let given = self.given.subrows(tile * TILE, columns);
            let to = MatMut::from_column_major_slice_mut(part, units, columns);
            matmul(to, Accum::Replace, of_sums.as_ref(), given.transpose(), 1.0, Par::Seq);
        });
        MatRef::from_column_major_slice(&out, units, inputs).to_owned()
    }

    /// `Σ share ã ãᵀ`.
    pub fn moments(&self, shares: &[f64]) -> Mat<f64> {
        let n = self.given.nrows();
        let weighted = Mat::from_fn(n, shares.len(), |k, r| self.given[(k, r)] * shares[r]);
        let mut out = vec![0.0; n * n];
        out.par_chunks_mut(n * TILE).enumerate().for_each(|(tile, part)| {
            let columns = part.len() / n;
            let given = self.given.subrows(tile * TILE, columns);
            let to = MatMut::from_column_major_slice_mut(part, n, columns);
            matmul(to, Accum::Replace, weighted.as_ref(), given.transpose(), 1.0, Par::Seq);
        });
        MatRef::from_column_major_slice(&out, n, n).to_owned()
    }

    /// The mean of `Jᵀ J` over at most so many rows, evenly chosen.
    pub fn mean_of_slopes(&self, most: usize) -> Mat<f64> {
        let Some(slopes) = &self.slopes else { return Mat::identity(self.units, self.units) };
        let (rows, size) = (self.given.ncols(), self.units * self.outputs);
        let step = rows.div_ceil(most.max(1));
        let chosen: Vec<usize> = (0..rows).step_by(step).collect();
        let columns = chosen.len() * self.outputs;
        let all = Mat::from_fn(self.units, columns, |i, c| {
            slopes[chosen[c / self.outputs] * size + (c % self.outputs) * self.units + i]
        });
        let mut mean = product(all.as_ref(), all.transpose());
        mean *= faer::Scale(1.0 / chosen.len() as f64);
        mean
    }
}

/// W̃: the weights of a layer, and its biases as a last column where they are free.
pub(super) fn weights(layer: &Layer, bias: bool) -> Mat<f64> {
    let (w, inputs) = (layer.weights(), layer.inputs());
    Mat::from_fn(layer.units(), inputs + usize::from(bias), |i, k| if k < inputs { w[(i, k)] } else { layer.bias()[i] })
}

/// The layer with other W̃.
pub(super) fn with_weights(layer: &Layer, w: &Mat<f64>, bias: bool) -> Layer {
    let inputs = layer.inputs();
    let biases = if bias { (0..layer.units()).map(|i| w[(i, inputs)]).collect() } else { layer.bias().to_vec() };
    let weights = Mat::from_fn(layer.units(), inputs, |i, k| w[(i, k)]);
    Layer::new(weights, biases, layer.activation().clone())
}

/// The mean cost of outputs.
pub(super) fn mean_cost(rows: &Rows, outputs: &Mat<f64>, moves: &[f64]) -> f64 {
    (0..rows.count()).map(|r| rows.shares[r] * rows.target.value(r, outputs.col_as_slice(r), moves)).sum()
}
