//! Networks with any number of layers: what files hold and what predicts.
//!
//! Training, bounds and attacks are about [`Shallow`] networks; [`Network::shallow`] is the way there, with the one error for
//! a network that is none.

use crate::activation::Activation;
use crate::error::{Error, Result};
use crate::shallow::{Parts, Shallow};
use faer::{Mat, MatRef};
use rayon::prelude::*;

/// Multiplications from which several threads are worth it.
const WORTH_A_THREAD: usize = 1 << 20;

/// What [`Network::one_output`] takes, for a network of one hidden layer of relu units and for any other.
const ONE_OUTPUT: &str = "one output";
const RELU_AND_ONE_OUTPUT: &str = "one hidden layer of relu units and one output";

/// One layer: `activation(weights · x + bias)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    weights: Mat<f64>,
    bias: Vec<f64>,
    activation: Activation,
}

impl Layer {
    /// A layer of weights (units × inputs), one bias a unit, and what becomes of the sums. [`Network::new`] checks them.
    pub fn new(weights: Mat<f64>, bias: Vec<f64>, activation: Activation) -> Self {
        Self { weights, bias, activation }
    }

    /// The weights, one row a unit.
    pub fn weights(&self) -> &Mat<f64> {
        &self.weights
    }

    /// The biases, one a unit.
    pub fn bias(&self) -> &[f64] {
        &self.bias
    }

    /// What becomes of the sums.
    pub fn activation(&self) -> &Activation {
        &self.activation
    }

    /// Number of units.
    pub fn units(&self) -> usize {
        self.weights.nrows()
    }

    /// Number of inputs.
    pub fn inputs(&self) -> usize {
        self.weights.ncols()
    }

    /// How many numbers it hands on: one a unit, or two where the activation makes two of one.
    pub fn outputs(&self) -> usize {
        self.units() * self.activation.branches()
    }

    /// The slopes of some numbers in the sums of the layer, one row each, from those in what it hands on.
    pub(crate) fn slopes(&self, h: &[f64], of_handed_on: &Mat<f64>) -> Mat<f64> {
        // Columns are what lies together.
        let (by_column, mut of_sums) = (of_handed_on.transpose().to_owned(), Mat::zeros(h.len(), of_handed_on.nrows()));
        for j in 0..of_handed_on.nrows() {
            self.activation.slopes(h, by_column.col_as_slice(j), of_sums.col_as_slice_mut(j));
        }
        of_sums.transpose().to_owned()
    }

    /// The sums of all units into `h`. Entries of `x` that are 0 are passed by.
    fn sums(&self, x: &[f64], h: &mut Vec<f64>) {
        h.clear();
        h.extend_from_slice(&self.bias);
        self.add_products(x, h);
    }

    fn add_products(&self, x: &[f64], h: &mut [f64]) {
        for (k, &xk) in x.iter().enumerate().filter(|(_, xk)| **xk != 0.0) {
            h.iter_mut().zip(self.weights.col_as_slice(k)).for_each(|(h, w)| *h += w * xk);
        }
    }
}

impl InReluUnits {
    /// What a user should know of a network that was rewritten.
    pub fn note(&self, before: &Network) -> String {
        let how = if self.exact { "the same function" } else { "the same function up to the rounding of its weights" };
        format!(
            "the network ({}) was rewritten with relu units: {}; {how}",
            before.described(),
            self.network.described()
        )
    }
}

/// Layers one after the other, and beside them an optional *linear part*: `f(x) = (chain of layers)(x) + A x`.
///
/// The last layer's activation is the identity, and its units are the outputs.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    layers: Vec<Layer>,
    linear: Option<Mat<f64>>,
}

/// A network rewritten with relu units.
#[derive(Debug, Clone, PartialEq)]
pub struct InReluUnits {
    /// The network: one hidden layer of relu units, and a linear part where it takes one.
    pub network: Network,
    /// Whether it is the same function. Otherwise it is the same up to the rounding of its weights.
    pub exact: bool,
}

impl Network {
    /// A network from its layers and its linear part (outputs × inputs): the one constructor, which checks them.
    pub fn new(layers: Vec<Layer>, linear: Option<Mat<f64>>) -> Result<Self> {
        let Some((first, last)) = layers.first().zip(layers.last()) else {
            return Err(Error::new("the network has no layer", "a network needs at least one layer"));
        };
        for (l, layer) in layers.iter().enumerate() {
            let (units, inputs) = (layer.units(), layer.inputs());
            if units == 0 || inputs == 0 {
                return Err(Error::new(
                    format!("layer {} has {units} units and {inputs} inputs", l + 1),
                    "a layer needs at least one unit and one input",
                ));
            }
            let group = layer.activation.group();
            if units % group != 0 {
                return Err(Error::new(
                    format!("layer {} has {units} units, and {} takes them {group} at a time", l + 1, layer.activation),
                    format!("give the layer a multiple of {group} units"),
                ));
            }
            if layer.bias.len() != units {
                return Err(Error::new(
                    format!("layer {} has {} biases for {units} units", l + 1, layer.bias.len()),
                    "give every row of the weights one bias",
                ));
            }
        }
        for (l, pair) in layers.windows(2).enumerate() {
            let (before, after) = (&pair[0], &pair[1]);
            if after.inputs() != before.outputs() {
                return Err(Error::new(
                    format!(
                        "layer {} takes {} inputs, and layer {} ({} units, {}) hands on {}",
                        l + 2,
                        after.inputs(),
                        l + 1,
                        before.units(),
                        before.activation,
                        before.outputs()
                    ),
                    "give the weights of a layer one column for every number that the layer before hands on",
                ));
            }
        }
        if !last.activation.is_identity() {
            return Err(Error::new(
                format!("the last layer's activation is {}", last.activation),
                "the last layer must be `identity`: add a layer of outputs after it",
            ));
        }
        if let Some(linear) = &linear
            && (linear.nrows(), linear.ncols()) != (last.units(), first.inputs())
        {
            return Err(Error::new(
                format!(
                    "the linear part is {} × {} for {} outputs and {} inputs",
                    linear.nrows(),
                    linear.ncols(),
                    last.units(),
                    first.inputs()
                ),
                "give the linear part one row an output and one column an input",
            ));
        }
        let network = Self { layers, linear };
        match network.not_finite() {
            None => Ok(network),
            Some((name, value)) => {
                Err(Error::new(format!("the network's {name} is {value}"), "every weight must be a finite number"))
            }
        }
    }

    /// The first number that is not finite, with its name.
    fn not_finite(&self) -> Option<(String, f64)> {
        let in_matrix = |matrix: &Mat<f64>| {
            let entries = (0..matrix.nrows()).flat_map(|i| (0..matrix.ncols()).map(move |k| (i, k)));
            entries.map(|at| (at, matrix[at])).find(|(_, value)| !value.is_finite())
        };
        for (l, layer) in self.layers.iter().enumerate() {
            if let Some(((i, k), value)) = in_matrix(&layer.weights) {
                return Some((format!("layers[{l}].weights[{i}][{k}]"), value));
            }
            if let Some(i) = layer.bias.iter().position(|value| !value.is_finite()) {
                return Some((format!("layers[{l}].bias[{i}]"), layer.bias[i]));
            }
        }
        let ((j, k), value) = in_matrix(self.linear.as_ref()?)?;
        Some((format!("linear[{j}][{k}]"), value))
    }

    /// Its layers and its linear part, to make another network of them.
    pub fn into_parts(self) -> (Vec<Layer>, Option<Mat<f64>>) {
        (self.layers, self.linear)
    }

    /// The layers, first to last.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// The linear part, outputs × inputs, where there is one.
    pub fn linear(&self) -> Option<&Mat<f64>> {
        self.linear.as_ref()
    }

    /// Number of inputs.
    pub fn inputs(&self) -> usize {
        self.layers[0].inputs()
    }

    /// Number of outputs.
    pub fn outputs(&self) -> usize {
        self.last().units()
    }

    fn last(&self) -> &Layer {
        self.layers.last().expect("checked in `new`")
    }

    fn hidden(&self) -> &[Layer] {
        &self.layers[..self.layers.len() - 1]
    }

    /// The number of units of all hidden layers.
    pub fn hidden_units(&self) -> usize {
        self.hidden().iter().map(Layer::units).sum()
    }

    /// Every number, as a file has them: layer by layer the weights row by row and the biases, then the linear part.
    pub fn numbers(&self) -> Vec<f64> {
        let rows = |matrix: &Mat<f64>| {
            (0..matrix.nrows()).flat_map(|i| matrix.row(i).iter().copied().collect::<Vec<_>>()).collect::<Vec<_>>()
        };
        let layers = self.layers.iter().flat_map(|layer| [rows(&layer.weights), layer.bias.clone()]).flatten();
        layers.chain(self.linear.iter().flat_map(rows)).collect()
    }

    /// All outputs at one point.
    pub fn values(&self, x: &[f64]) -> Vec<f64> {
        let (mut out, mut scratch) = (Vec::new(), Scratch::default());
        self.values_into(x, &mut scratch, &mut out);
        out
    }

    /// The order of the sums is that of [`Shallow::value`], so that both give the same bits.
    fn values_into(&self, x: &[f64], scratch: &mut Scratch, out: &mut Vec<f64>) {
        let Scratch { h, handed_on } = scratch;
        handed_on.clear();
        handed_on.extend_from_slice(x);
        for layer in self.hidden() {
            layer.sums(handed_on, h);
            layer.activation.apply(h, handed_on);
        }
        out.clear();
        out.extend_from_slice(&self.last().bias);
        if let Some(linear) = &self.linear {
            for (k, &xk) in x.iter().enumerate() {
                out.iter_mut().zip(linear.col_as_slice(k)).for_each(|(out, a)| *out += a * xk);
            }
        }
        self.last().add_products(handed_on, out);
    }

    /// All outputs at every row of `x`: rows × outputs.
    pub fn predict(&self, x: MatRef<'_, f64>) -> Mat<f64> {
        let (outputs, predicted) = (self.outputs(), self.predict_row_by_row(x));
        Mat::from_fn(x.nrows(), outputs, |k, j| predicted[k * outputs + j])
    }

    /// The same as one list: all outputs of the first row, then all of the second.
    pub fn predict_row_by_row(&self, x: MatRef<'_, f64>) -> Vec<f64> {
        assert_eq!(x.ncols(), self.inputs(), "checked where data and network meet");
        let one = |(row, out, scratch): &mut (Vec<f64>, Vec<f64>, Scratch), (k, place): (usize, &mut [f64])| {
            row.clear();
            row.extend((0..x.ncols()).map(|j| x[(k, j)]));
            self.values_into(row, scratch, out);
            place.copy_from_slice(out);
        };
        let scratch = <(Vec<f64>, Vec<f64>, Scratch)>::default;
        let weights: usize = self.layers.iter().map(|layer| layer.units() * layer.inputs()).sum();
        // Only inside a pool that the caller has made: a process that was forked has no threads of the common one.
        let pooled = rayon::current_thread_index().is_some();
        let mut predicted = vec![0.0; x.nrows() * self.outputs()];
        if !pooled || x.nrows().saturating_mul(weights) < WORTH_A_THREAD {
            let mut state = scratch();
            predicted.chunks_mut(self.outputs()).enumerate().for_each(|row| one(&mut state, row));
        } else {
            predicted.par_chunks_mut(self.outputs()).enumerate().for_each_init(scratch, one);
        }
        predicted
    }

    /// The derivatives of all outputs at a point: outputs × inputs. At a kink those of its left side are taken.
    pub fn jacobian(&self, x: &[f64]) -> Mat<f64> {
        let (mut handed_on, mut sums) = (x.to_vec(), Vec::new());
        for layer in self.hidden() {
            let mut h = Vec::new();
            layer.sums(&handed_on, &mut h);
            layer.activation.apply(&h, &mut handed_on);
            sums.push(h);
        }
        let mut of_handed_on = self.last().weights.clone();
        for (layer, h) in self.hidden().iter().zip(&sums).rev() {
            let of_sums = layer.slopes(h, &of_handed_on);
            of_handed_on = product(&of_sums, &layer.weights);
        }
        match &self.linear {
            Some(linear) => of_handed_on + linear,
            None => of_handed_on,
        }
    }

    /// What it is, in words: "two hidden layers of 64 and 32 units, relu".
    pub fn described(&self) -> String {
        let hidden = self.hidden();
        let units: Vec<String> = hidden.iter().map(|layer| layer.units().to_string()).collect();
        let mut activations: Vec<String> = hidden.iter().map(|layer| layer.activation.name()).collect();
        activations.dedup();
        let number = ["no", "one", "two", "three", "four", "five", "six"].get(hidden.len());
        let number = number.map_or_else(|| hidden.len().to_string(), |&word| word.to_owned());
        let mut text = match hidden {
            [] => "no hidden layer".to_owned(),
            [one] => {
                let plural = if one.units() == 1 { "" } else { "s" };
                format!("one hidden layer of {} unit{plural}, {}", one.units(), listed(&activations))
            }
            _ if units.iter().all(|one| *one == units[0]) => {
                format!("{number} hidden layers of {} units each, {}", units[0], listed(&activations))
            }
            _ => format!("{number} hidden layers of {} units, {}", listed(&units), listed(&activations)),
        };
        if self.outputs() > 1 {
            text += &format!(", {} outputs", self.outputs());
        }
        if self.linear.is_some() {
            text += ", a linear part";
        }
        text
    }

    /// The network as theory covers it: one hidden layer of relu units. A network without a hidden layer is given one unit of
    /// weight 0, with all of it in the linear part. `asked` says who asks, in a message: "`certify`".
    pub fn shallow(&self, asked: &str) -> Result<Shallow> {
        match self.hidden() {
            [hidden] if hidden.activation.is_relu() => {
                let last = self.last();
                let [v, a] = [Some(&last.weights), self.linear.as_ref()].map(|part| part.map(transposed));
                let (w, b, c) = (hidden.weights.clone(), hidden.bias.clone(), last.bias.clone());
                Shallow::from_parts(Parts { w, b, v: v.expect("it is there"), c, a })
            }
            [] => {
                let last = self.last();
                let a = match &self.linear {
                    Some(linear) => &last.weights + linear,
                    None => last.weights.clone(),
                };
                Shallow::from_parts(Parts {
                    w: Mat::zeros(1, self.inputs()),
                    b: vec![0.0],
                    v: Mat::zeros(1, self.outputs()),
                    c: last.bias.clone(),
                    a: Some(transposed(&a)),
                })
            }
            _ => Err(self.cannot(asked, "one hidden layer of relu units")),
        }
    }

    /// The same for what takes one output only.
    pub fn one_output(&self, asked: &str) -> Result<Shallow> {
        match self.shallow(asked) {
            Ok(shallow) if shallow.outputs() == 1 => Ok(shallow),
            Ok(_) => Err(self.cannot(asked, ONE_OUTPUT)),
            Err(_) if self.outputs() > 1 => Err(self.cannot(asked, RELU_AND_ONE_OUTPUT)),
            refused => refused,
        }
    }

    /// The same with any number of outputs: one a class.
    pub fn with_outputs(&self, asked: &str, outputs: usize) -> Result<Shallow> {
        if outputs == 1 { self.one_output(asked) } else { self.shallow(asked) }
    }

    /// The one error for what cannot be done with a network: what the network is, what is taken, what would do.
    pub fn cannot(&self, asked: &str, takes: &str) -> Error {
        let rewritable = self.hidden().len() == 1 && self.hidden()[0].activation.is_piecewise_linear();
        let hint = match takes {
            ONE_OUTPUT => "give a network for each output, or use ⟨every_network⟩",
            RELU_AND_ONE_OUTPUT if rewritable => {
                "give a network for each output, and rewrite it with relu units: ⟨relu_units⟩"
            }
            RELU_AND_ONE_OUTPUT => {
                "give a network for each output, with one hidden layer of relu units, or use ⟨every_network⟩"
            }
            _ if rewritable => "rewrite it with relu units: ⟨relu_units⟩",
            _ => "give a network with one hidden layer of relu units, or use ⟨every_network⟩",
        };
        Error::new(format!("{asked} takes networks with {takes}; this one has {}", self.described()), hint)
    }

    /// A network with one hidden layer of a piecewise linear activation, rewritten with relu units: by
    /// |h| = relu(h) + relu(−h) and its like where the slopes are −1, 0 and 1, which is the same function, and by
    /// αh + (1 − α) relu(h) elsewhere, where αh becomes part of the linear part.
    pub fn in_relu_units(&self, asked: &str) -> Result<InReluUnits> {
        let hidden = match self.hidden() {
            [] => return Ok(InReluUnits { network: self.clone(), exact: true }),
            [one] if one.activation.is_relu() => return Ok(InReluUnits { network: self.clone(), exact: true }),
            [one] if one.activation.is_piecewise_linear() => one,
            _ => return Err(self.cannot(asked, "one hidden layer of relu, leaky relu, abs, crelu or identity units")),
        };
        let (m, last) = (hidden.units(), self.last());
        // Every entry: a unit, the sign with which its sum is taken, and a column of output weights with a factor.
        let mut units: Vec<(usize, f64, usize, f64)> = Vec::new();
        // What goes past the units: a column of output weights times the sum of a unit times a slope.
        let mut past: Vec<(usize, usize, f64)> = Vec::new();
        let unit = hidden.activation.unit().expect("it is piecewise linear");
        for branch in 0..unit.branches() {
            let [left, right] = unit.pieces(branch).expect("it is piecewise linear");
            let whole = |slope: f64| [-1.0, 0.0, 1.0].contains(&slope);
            for i in 0..m {
                let column = branch * m + i;
                if left == right {
                    past.push((i, column, left));
                } else if whole(left) && whole(right) {
                    units.extend(
                        [(i, 1.0, column, right), (i, -1.0, column, -left)].iter().filter(|unit| unit.3 != 0.0),
                    );
                } else {
                    past.push((i, column, left));
                    units.push((i, 1.0, column, right - left));
                }
            }
        }
        let exact = past.is_empty();
        let outputs = self.outputs();
        let mut bias = last.bias.clone();
        let mut linear = (!exact).then(|| self.linear.clone().unwrap_or_else(|| Mat::zeros(outputs, self.inputs())));
        for (i, column, slope) in past {
            for j in 0..outputs {
                let factor = last.weights[(j, column)] * slope;
                bias[j] += factor * hidden.bias[i];
                if let Some(linear) = &mut linear {
                    (0..self.inputs()).for_each(|k| linear[(j, k)] += factor * hidden.weights[(i, k)]);
                }
            }
        }
        let linear = linear.or_else(|| self.linear.clone());
        let layers = if units.is_empty() {
            vec![Layer::new(linear.clone().expect("all is past the units"), bias, Activation::identity())]
        } else {
            let weights =
                Mat::from_fn(units.len(), self.inputs(), |at, k| units[at].1 * hidden.weights[(units[at].0, k)]);
            let hidden_bias = units.iter().map(|unit| unit.1 * hidden.bias[unit.0]).collect();
            let of_units = Mat::from_fn(outputs, units.len(), |j, at| units[at].3 * last.weights[(j, units[at].2)]);
            let last = Layer::new(of_units, bias, Activation::identity());
            vec![Layer::new(weights, hidden_bias, Activation::relu()), last]
        };
        let linear = linear.filter(|_| layers.len() > 1);
        Ok(InReluUnits { network: Self::new(layers, linear)?, exact })
    }

    /// Hidden layers whose activation is the identity, multiplied into the layers after them: the same function up to
    /// rounding. A network without such layers is left as it is.
    pub fn merged(self) -> Result<Self> {
        if self.hidden().iter().all(|layer| !layer.activation.is_identity()) {
            return Ok(self);
        }
        let mut layers: Vec<Layer> = Vec::new();
        for layer in self.layers {
            match layers.pop() {
                Some(before) if before.activation.is_identity() => {
                    let mut bias = layer.bias.clone();
                    layer.add_products(&before.bias, &mut bias);
                    layers.push(Layer::new(product(&layer.weights, &before.weights), bias, layer.activation));
                }
                before => layers.extend(before.into_iter().chain([layer])),
            }
        }
        Self::new(layers, self.linear)
    }
}

impl From<Shallow> for Network {
    fn from(shallow: Shallow) -> Self {
        let Parts { w, b, v, c, a } = shallow.into_parts();
        let hidden = Layer::new(w, b, Activation::relu());
        let last = Layer::new(transposed(&v), c, Activation::identity());
        // What `Shallow` has checked is what `new` checks.
        Self { layers: vec![hidden, last], linear: a.as_ref().map(transposed) }
    }
}

impl From<&Shallow> for Network {
    fn from(shallow: &Shallow) -> Self {
        shallow.clone().into()
    }
}

#[derive(Default)]
struct Scratch {
    h: Vec<f64>,
    handed_on: Vec<f64>,
}

fn transposed(matrix: &Mat<f64>) -> Mat<f64> {
    Mat::from_fn(matrix.ncols(), matrix.nrows(), |i, k| matrix[(k, i)])
}

/// Entry by entry in a fixed order: the same bits whatever the number of threads.
fn product(left: &Mat<f64>, right: &Mat<f64>) -> Mat<f64> {
    Mat::from_fn(left.nrows(), right.ncols(), |i, k| (0..right.nrows()).map(|j| left[(i, j)] * right[(j, k)]).sum())
}

/// "64, 32 and 16".
fn listed(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [many @ .., last] => format!("{} and {last}", many.join(", ")),
    }
}

#[cfg(test)]
#[path = "network_tests.rs"]
mod tests;
