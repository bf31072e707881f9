//! Steps that are done to a row, and the network and the scaler that they amount to.
//!
//! Between two activations everything is affine, and [`affine`] multiplies it out. A number that is met by no other number
//! keeps its bits.

use faer::Mat;
use tautnet::activation::{Activation, Spelling};
use tautnet::error::{Error, Result};
use tautnet::network::{Layer, Network};
use tautnet::scaling::Scaler;

/// What is done to every row. A vector of one number stands for that number in every column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    Add(Vec<f64>),
    Subtract(Vec<f64>),
    Multiply(Vec<f64>),
    Divide(Vec<f64>),
    /// Outputs × inputs.
    Linear(Mat<f64>),
    /// What an activation does, or a part of one.
    Shape(Spelling),
}

/// Steps from the inputs to the outputs, and the steps that go past them where there is a linear part.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Path {
    /// First to last.
    pub steps: Vec<Step>,
    /// The linear part.
    pub side: Option<Side>,
}

/// Affine steps that leave the main ones and are added to them later.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Side {
    /// After how many of the main steps it begins.
    pub from: usize,
    /// Its own steps.
    pub steps: Vec<Step>,
    /// After how many of the main steps it is added.
    pub to: usize,
}

const HINT: &str = "between two activations, and after the last one, there must be a Gemm or a MatMul";

impl Path {
    /// The scaler around everything, in the form in which it is written, and what it is around.
    pub fn without_scaler(&self) -> Option<(Scaler, Self)> {
        let [
            Step::Subtract(mean),
            Step::Divide(scale),
            inner @ ..,
            Step::Multiply(target_scale),
            Step::Add(target_mean),
        ] = self.steps.as_slice()
        else {
            return None;
        };
        let last = inner.iter().rposition(|step| matches!(step, Step::Shape(_))).map_or(0, |shape| shape + 1);
        let (Some(Step::Linear(w)), Some(Step::Linear(v))) = (inner.first(), inner.get(last)) else { return None };
        let (inputs, outputs) = (w.ncols(), v.nrows());
        let wide = |row: &[f64]| if row.len() == 1 { vec![row[0]; inputs] } else { row.to_vec() };
        let scaler = Scaler {
            input_mean: wide(mean),
            input_scale: wide(scale),
            target_mean: *target_mean.first()?,
            target_scale: *target_scale.first()?,
            other_target_means: target_mean[1..].to_vec(),
            other_target_scales: target_scale[1..].to_vec(),
            constant_inputs: Vec::new(),
        };
        // One for all outputs, or one each.
        let fit = |row: &[f64]| row.len() == 1 || row.len() == outputs;
        if scaler.check(inputs).is_err() || !fit(target_scale) || !fit(target_mean) {
            return None;
        }
        let side = match &self.side {
            None => None,
            Some(side) if side.from >= 2 && side.to - 2 <= inner.len() => {
                Some(Side { from: side.from - 2, steps: side.steps.clone(), to: side.to - 2 })
            }
            Some(_) => return None,
        };
        Some((scaler, Self { steps: inner.to_vec(), side }))
    }

    /// The network that does all this; an error where it is none.
    pub fn network(&self) -> Result<Network> {
        let shapes: Vec<usize> = (0..self.steps.len()).filter(|&at| matches!(self.steps[at], Step::Shape(_))).collect();
        let refuse = |what: &str| Error::new(what, HINT);
        // The linear part may leave before the first activation only, and come back after the last.
        let past_all = |side: &Side| shapes.iter().all(|&shape| side.from <= shape && shape < side.to);
        if self.side.as_ref().is_some_and(|side| !past_all(side)) {
            return Err(Error::new(
                "it adds two branches that do not both go from the inputs to the outputs",
                "beside the layers there may be one linear part, from the inputs to the outputs",
            ));
        }
        let (mut layers, mut from) = (Vec::new(), 0);
        for (place, end) in shapes.iter().copied().chain([self.steps.len()]).enumerate() {
            let activation = match self.steps.get(end) {
                None => Activation::identity(),
                Some(Step::Shape(spelling)) => Activation::spelled(spelling).ok_or_else(|| {
                    Error::new(
                        "an operator of the graph is a part of an activation, but the rest of it is missing",
                        READ,
                    )
                })?,
                Some(_) => unreachable!("the places of shapes are gone through"),
            };
            let (w, b) = affine(&self.steps[from..end]).ok_or_else(|| {
                refuse(match (place, end == self.steps.len()) {
                    (0, true) => "the graph has no matrix",
                    (0, false) => "there is no matrix before the first activation",
                    (_, true) => "there is no matrix after the last activation",
                    (_, false) => "there is no matrix between two activations",
                })
            })?;
            let units = w.nrows();
            layers.push(Layer::new(w, b.unwrap_or_else(|| vec![0.0; units]), activation));
            from = end + 1;
        }
        let Some(side) = &self.side else { return Network::new(layers, None) };
        // What is added to the sum is added once; what multiplies it multiplies both.
        let after = self.steps[side.to..].iter().filter(|step| !matches!(step, Step::Add(_) | Step::Subtract(_)));
        let steps: Vec<Step> = self.steps[..side.from].iter().chain(&side.steps).chain(after).cloned().collect();
        let (a, bias) = affine(&steps).ok_or_else(|| refuse("there is no matrix in the linear part"))?;
        if let Some(bias) = bias
            && let Some(last) = layers.pop()
        {
            let sum = last.bias().iter().zip(bias).map(|(one, other)| one + other).collect();
            layers.push(Layer::new(last.weights().clone(), sum, Activation::identity()));
        }
        Network::new(layers, Some(a))
    }
}

/// Which activations are read.
pub(crate) const READ: &str = "activations that are read: Relu, LeakyRelu, Abs, Tanh, Relu beside Relu of Neg, Sin beside Cos, half of h + Sin beside half of \
     h - Sin, and Max beside Min of the two halves of the columns (Concat)";

/// The weights (outputs × inputs) and the bias of affine steps, multiplied out; `None` where there is no matrix. A bias to
/// which nothing was added is `None` too.
fn affine(steps: &[Step]) -> Option<(Mat<f64>, Option<Vec<f64>>)> {
    let first = steps.iter().position(|step| matches!(step, Step::Linear(_)))?;
    let Step::Linear(matrix) = &steps[first] else { return None };
    let (mut w, mut b) = (matrix.clone(), None::<Vec<f64>>);
    // From the matrix backwards: W((x + p) ∘ s) = (W diag s) x + W(s ∘ p).
    for step in steps[..first].iter().rev() {
        let columns = w.ncols();
        let at = |row: &[f64], k: usize| if row.len() == 1 { row[0] } else { row[k] };
        match step {
            Step::Multiply(s) => w = Mat::from_fn(w.nrows(), columns, |i, k| w[(i, k)] * at(s, k)),
            Step::Divide(s) => w = Mat::from_fn(w.nrows(), columns, |i, k| w[(i, k)] / at(s, k)),
            Step::Add(p) | Step::Subtract(p) => {
                let sign = if matches!(step, Step::Add(_)) { 1.0 } else { -1.0 };
                let moved = |i: usize| sign * (0..columns).map(|k| w[(i, k)] * at(p, k)).sum::<f64>();
                b = Some((0..w.nrows()).map(|i| b.as_ref().map_or(0.0, |b| b[i]) + moved(i)).collect());
            }
            Step::Linear(_) | Step::Shape(_) => return None,
        }
    }
    for step in &steps[first + 1..] {
        let rows = w.nrows();
        let at = |row: &[f64], i: usize| if row.len() == 1 { row[0] } else { row[i] };
        let with = |b: &Option<Vec<f64>>, of: &dyn Fn(f64, usize) -> f64| {
            b.as_ref().map(|b| b.iter().enumerate().map(|(i, &b)| of(b, i)).collect::<Vec<_>>())
        };
        match step {
            Step::Add(p) => b = with(&b, &|b, i| b + at(p, i)).or_else(|| Some((0..rows).map(|i| at(p, i)).collect())),
            Step::Subtract(p) => {
                b = with(&b, &|b, i| b - at(p, i)).or_else(|| Some((0..rows).map(|i| -at(p, i)).collect()));
            }
            Step::Multiply(s) => {
                w = Mat::from_fn(rows, w.ncols(), |i, k| w[(i, k)] * at(s, i));
                b = with(&b, &|b, i| b * at(s, i));
            }
            Step::Divide(s) => {
                w = Mat::from_fn(rows, w.ncols(), |i, k| w[(i, k)] / at(s, i));
                b = with(&b, &|b, i| b / at(s, i));
            }
            Step::Linear(next) => {
                let sum = |i: usize, b: &[f64]| (0..rows).map(|j| next[(i, j)] * b[j]).sum::<f64>();
                b = b.map(|b| (0..next.nrows()).map(|i| sum(i, &b)).collect());
                // Entry by entry in a fixed order: the same bits whatever the number of threads.
                let entry = |i, k| (0..rows).map(|j| next[(i, j)] * w[(j, k)]).sum();
                w = Mat::from_fn(next.nrows(), w.ncols(), entry);
            }
            Step::Shape(_) => return None,
        }
    }
    Some((w, b))
}
