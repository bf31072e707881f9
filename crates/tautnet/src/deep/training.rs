//! The training itself.

use super::chain::{Chain, PART, Part, Place};
use super::cost::{self, Cost, Target};
use super::norms::{Growth, Memory};
use super::settings::{Form, Settings, Weights};
use super::steps::Steps;
use super::{bounded, orthonormal};
use crate::activation::Activation;
use crate::certify::trivial_bound;
use crate::dataset::importances;
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::network::Layer;
use crate::random::normal;
use crate::{Dataset, Network, Norm, split};
use faer::{Mat, MatRef};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use rayon::prelude::*;
use std::ops::ControlFlow;
use tautnet_cone::Stop;

/// How far the training is, and what it has reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Passes that are over.
    pub epoch: usize,
    /// All that there will be.
    pub epochs: usize,
    /// Steps taken in this pass, and all of a pass.
    pub steps: (usize, usize),
    /// The mean loss of the last whole pass, at its radius.
    pub loss: f64,
    /// The trivial bound, as power iteration has it.
    pub bound: f64,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    /// The network of the best pass.
    pub network: Network,
    /// The pass that it is of.
    pub epoch: usize,
    /// What was reached after each pass.
    pub history: Vec<Progress>,
    /// The mean loss of the rows that were not learned from, at the full radius, after the best pass; NaN without such rows.
    pub validation: f64,
    /// The numbers of these rows.
    pub put_aside: Vec<usize>,
}

/// Rows in single precision, a column a row.
struct Rows<'a> {
    inputs: usize,
    x: Vec<f32>,
    target: Target<'a>,
    importances: Vec<f32>,
}

impl<'a> Rows<'a> {
    fn of(data: &Dataset, settings: &'a Settings) -> Result<Self> {
        let (n, d) = (data.rows(), data.columns());
        let mut x = vec![0.0; n * d];
        x.par_chunks_mut(d).enumerate().for_each(|(k, row)| {
            row.iter_mut().enumerate().for_each(|(j, to)| *to = data.x[(k, j)] as f32);
        });
        let target = match settings.classes {
            None => {
                let numbers = (0..n).flat_map(|k| data.targets_of(k)).map(|y| y as f32).collect();
                Target::Numbers(numbers, data.targets(), &settings.loss)
            }
            Some(count) => {
                let of_margins = settings.loss.is_margin() && settings.loss.name() != "logistic";
                Target::Classes(classes(&data.y, count)?, count, of_margins.then_some(&settings.loss))
            }
        };
        Ok(Self { inputs: d, x, target, importances: importances(data).iter().map(|share| *share as f32).collect() })
    }

    fn row(&self, k: usize) -> &[f32] {
        &self.x[k * self.inputs..][..self.inputs]
    }
}

/// The numbers of classes, or of two classes from −1 and 1.
fn classes(y: &[f64], count: usize) -> Result<Vec<usize>> {
    let of = |y: f64| match y {
        -1.0 if count == 2 => Some(0),
        _ => (y >= 0.0 && y.fract() == 0.0 && y < count as f64).then_some(y as usize),
    };
    y.iter()
        .map(|y| {
            of(*y).ok_or_else(|| {
                Error::new(format!("a class is {y}"), format!("give the numbers of classes, from 0 to {}", count - 1))
            })
        })
        .collect()
}

/// The norms of all layers with their growth.
struct Bounds {
    hidden: Vec<(f32, Growth)>,
    last: (f32, Growth),
    /// The product over the hidden layers, activations included.
    product: f64,
    /// κ of the outputs.
    steepness: Vec<f32>,
}

impl Bounds {
    fn of(chain: &Chain, norm: Norm, classes: bool, memories: &mut [Memory]) -> Self {
        let mut norms: Vec<(f32, Growth)> = chain
            .places
            .iter()
            .zip(memories)
            .map(|(place, memory)| memory.norm(place.of(&chain.numbers).0, norm))
            .collect();
        let last = norms.pop().expect("a chain has a last layer");
        let between = chain.activation.lipschitz(norm).powi(norms.len() as i32);
        let product = norms.iter().map(|(size, _)| f64::from(*size)).product::<f64>() * between;
        let steepness = cost::steepness(chain.places[norms.len()].of(&chain.numbers).0, norm, classes);
        Self { hidden: norms, last, product, steepness }
    }

    fn trivial(&self) -> f64 {
        self.product * f64::from(self.last.0)
    }
}

/// Everything that changes from step to step.
struct State<'a> {
    settings: &'a Settings,
    rows: &'a Rows<'a>,
    chain: Chain,
    memories: Vec<Memory>,
    parts: Vec<Part>,
    gradient: Vec<f32>,
    steps: Steps,
}

impl<'a> State<'a> {
    fn new(chain: Chain, rows: &'a Rows<'a>, settings: &'a Settings, batch: usize) -> Self {
        Self {
            settings,
            rows,
            memories: vec![Memory::default(); chain.places.len()],
            parts: vec![Part::of(&chain); batch.div_ceil(PART)],
            gradient: vec![0.0; chain.numbers.len()],
            steps: Steps::new(settings.optimizer, chain.numbers.len()),
            chain,
        }
    }

    /// Take rows through the chain, and add up what they cost.
    fn cost(&mut self, rows: &[usize], moves: &[f32], backward: bool) -> Cost {
        let (data, chain) = (self.rows, &self.chain);
        let outputs = data.target.outputs();
        let used = rows.len().div_ceil(PART);
        let one = |(part, of_part): (&mut Part, &[usize])| {
            part.rows = of_part.len();
            for (&k, place) in of_part.iter().zip(part.given[0].chunks_mut(data.inputs)) {
                place.copy_from_slice(data.row(k));
            }
            part.forward(chain);
            let mut cost = Cost::zeros(moves.len());
            let last = chain.places.len() - 1;
            let values = part.sums[last].chunks(outputs).zip(part.slopes[last].chunks_mut(outputs));
            for (&k, (values, slopes)) in of_part.iter().zip(values) {
                let share = data.importances[k] / rows.len() as f32;
                cost::of_row(&data.target, k, (values, moves, share), slopes, &mut cost);
            }
            if backward {
                part.backward(chain);
            }
            cost
        };
        let costs: Vec<Cost> = self.parts[..used].par_iter_mut().zip(rows.par_chunks(PART)).map(one).collect();
        let mut all = Cost::zeros(moves.len());
        costs.iter().for_each(|cost| all.add(cost));
        all
    }

    /// The slopes of the objective of some rows at a radius, into `gradient`; their loss, and the trivial bound.
    fn slopes(&mut self, rows: &[usize], radius: f64) -> (f64, f64) {
        let (norm, price) = (self.settings.norm, self.settings.price);
        let bounds = Bounds::of(&self.chain, norm, self.settings.classes.is_some(), &mut self.memories);
        let scale = radius * bounds.product;
        let moves: Vec<f32> = bounds.steepness.iter().map(|size| (scale * f64::from(*size)) as f32).collect();
        let cost = self.cost(rows, &moves, true);
        let used = rows.len().div_ceil(PART);
        self.chain.gradient(&self.parts[..used], &mut self.gradient);
        // The bounds have slopes in the last layer, and in the norm of each before it.
        let last = self.chain.places[bounds.hidden.len()];
        if radius > 0.0 {
            let of_steepness: Vec<f32> = cost.of_bounds.iter().map(|slope| (slope * scale) as f32).collect();
            let weights = last.of(&self.chain.numbers).0;
            cost::add_slopes(weights, norm, (&bounds.steepness, &of_steepness), last.weights_mut(&mut self.gradient));
        }
        let pairs = cost.of_bounds.iter().zip(&bounds.steepness);
        let of_product = radius * pairs.map(|(slope, size)| slope * f64::from(*size)).sum::<f64>();
        let trivial = bounds.trivial();
        let priced = |size: f64| match price.form {
            Form::Product => price.amount * trivial / size,
            Form::Logarithm => price.amount / size,
            Form::Sum => price.amount,
        };
        // Layers in a ball are brought back to it, and their norms are what they are.
        let first = if self.settings.hidden == Weights::Bounded { bounds.hidden.len() } else { 0 };
        for (l, (size, growth)) in bounds.hidden.iter().chain([&bounds.last]).enumerate().skip(first) {
            let size = f64::from(*size);
            let of_loss = if l < bounds.hidden.len() { of_product * bounds.product / size } else { 0.0 };
            let amount = (of_loss + priced(size)) as f32;
            if size > 0.0 && amount != 0.0 {
                let place = self.chain.places[l];
                growth.add(amount, place.of(&self.chain.numbers).0, place.weights_mut(&mut self.gradient));
            }
        }
        (cost.loss, trivial)
    }

    /// One step at a radius.
    fn step(&mut self, rows: &[usize], radius: f64, rate: f64) -> (f64, f64) {
        let seen = self.slopes(rows, radius);
        if self.settings.hidden == Weights::Orthonormal {
            for place in self.hidden() {
                let weights = place.of(&self.chain.numbers).0;
                orthonormal::along(weights, place.plain_weights_mut(&mut self.gradient));
            }
        }
        self.steps.take(&mut self.chain.numbers, &self.gradient, rate);
        self.back();
        if let Some(most) = self.settings.most {
            self.hold(most);
        }
        seen
    }

    /// The places of the hidden layers.
    fn hidden(&self) -> Vec<Place> {
        self.chain.places[..self.chain.places.len() - 1].to_vec()
    }

    /// Bring hidden layers that are held back to where they belong.
    fn back(&mut self) {
        for place in self.hidden() {
            let weights = place.plain_weights_mut(&mut self.chain.numbers);
            match self.settings.hidden {
                Weights::Free => {}
                Weights::Orthonormal => orthonormal::back(weights, place.units, place.inputs),
                Weights::Bounded => {
                    let (m, n, norm) = (place.units, place.inputs, self.settings.norm);
                    bounded::back(weights, m, n, (norm, bounded::length(m, n, norm)));
                }
            }
        }
    }

    /// Scale layers whose norm is above their share of the largest bound down to it.
    fn hold(&mut self, most: f64) {
        let count = self.chain.places.len();
        let (norm, hidden) = (self.settings.norm, self.hidden());
        let between = self.chain.activation.lipschitz(norm).powi(count as i32 - 1);
        // Where hidden layers are held, the last one has all the rest of the bound.
        let length = |place: &Place| f64::from(bounded::length(place.units, place.inputs, norm));
        let (first, share) = match self.settings.hidden {
            Weights::Free => (0, (most / between).powf(1.0 / count as f64)),
            Weights::Orthonormal => (count - 1, most / between),
            Weights::Bounded => (count - 1, most / between / hidden.iter().map(length).product::<f64>()),
        };
        if self.settings.hidden == Weights::Bounded {
            let last = self.chain.places[first];
            let weights = last.plain_weights_mut(&mut self.chain.numbers);
            return bounded::back(weights, last.units, last.inputs, (norm, share as f32));
        }
        for (place, memory) in self.chain.places.clone().iter().zip(&mut self.memories).skip(first) {
            let (size, _) = memory.norm(place.of(&self.chain.numbers).0, norm);
            if f64::from(size) > share {
                let scale = (share / f64::from(size)) as f32;
                let mut weights = place.weights_mut(&mut self.chain.numbers);
                weights.as_mut().col_iter_mut().for_each(|column| column.iter_mut().for_each(|w| *w *= scale));
            }
        }
    }

    /// Make hidden layers that are held orthonormal so to the last digit.
    fn finish(&mut self) {
        if self.settings.hidden != Weights::Orthonormal {
            return;
        }
        for place in self.hidden() {
            let (weights, _) = place.of(&self.chain.numbers);
            let nearest =
                orthonormal::nearest(&Mat::from_fn(place.units, place.inputs, |i, k| f64::from(weights[(i, k)])));
            let mut weights = place.weights_mut(&mut self.chain.numbers);
            for k in 0..place.inputs {
                (0..place.units).for_each(|i| weights[(i, k)] = nearest[(i, k)] as f32);
            }
        }
    }

    /// Take from all outputs what they have in common, which moves no margin: the mean for p = 2, and a median for p = 1, with which the last
    /// layer's norm is the least. What would be best for p = ∞ has no formula, and nothing is taken.
    fn centre(&mut self) {
        let (norm, place) = (self.settings.norm, self.chain.places[self.chain.places.len() - 1]);
        let mut weights = place.weights_mut(&mut self.chain.numbers);
        for k in 0..place.inputs {
            let column: Vec<f64> = (0..place.units).map(|j| f64::from(weights[(j, k)])).collect();
            let common = match norm {
                Norm::Two => column.iter().sum::<f64>() / column.len() as f64,
                Norm::One => median(column.clone()),
                Norm::Infinity => 0.0,
            };
            (0..place.units).for_each(|j| weights[(j, k)] = (column[j] - common) as f32);
        }
    }

    /// The mean loss of rows at the full radius.
    fn seen(&mut self, rows: &[usize]) -> f64 {
        let bounds = Bounds::of(&self.chain, self.settings.norm, self.settings.classes.is_some(), &mut self.memories);
        let scale = self.settings.radius * bounds.product;
        let moves: Vec<f32> = bounds.steepness.iter().map(|size| (scale * f64::from(*size)) as f32).collect();
        let mut loss = 0.0;
        for some in rows.chunks(self.parts.len() * PART) {
            loss += self.cost(some, &moves, false).loss * some.len() as f64;
        }
        loss / rows.len() as f64
    }
}

/// Train a network. [`Stop::here`], or the observer, ends it with the best so far.
pub fn train(
    data: &Dataset,
    settings: &Settings,
    limits: &Limits,
    observe: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Trained> {
    settings.check(data.columns(), limits)?;
    if settings.classes.is_some() {
        data.check_one_target("a network of classes")?;
    }
    let rows = Rows::of(data, settings)?;
    let mut random = Pcg64::seed_from_u64(settings.seed);
    let chain = start(&rows, settings, &mut random)?;
    let (mut learned, held_out) = match settings.validation * data.rows() as f64 {
        held_out if held_out < 20.0 => ((0..data.rows()).collect(), Vec::new()),
        _ => {
            let split = split::by_fraction(data.rows(), settings.validation, settings.seed)?;
            (split.train, split.test)
        }
    };
    let batch = settings.batch.min(learned.len());
    let mut state = State::new(chain, &rows, settings, batch);
    if settings.start.is_some() {
        state.finish();
    }
    if settings.hidden == Weights::Bounded {
        state.back();
    }
    if let Some(most) = settings.most {
        state.hold(most);
    }
    let per_epoch = learned.len().div_ceil(batch);
    let all = (settings.epochs * per_epoch) as f64;
    let stop = Stop::here();
    let mut history: Vec<Progress> = Vec::new();
    let mut best: Option<(f64, usize, Vec<f32>)> = None;
    let (mut taken, mut over) = (0.0, false);
    for epoch in 0..settings.epochs {
        for last in (1..learned.len()).rev() {
            learned.swap(last, random.random_range(0..last as u64 + 1) as usize);
        }
        let (mut loss, mut bound) = (0.0, 0.0);
        for (step, some) in learned.chunks(batch).enumerate() {
            let before = history.last().map_or(f64::NAN, |last| last.loss);
            let progress = Progress { epoch, epochs: settings.epochs, steps: (step, per_epoch), loss: before, bound };
            over = over || stop.asked() || (step % 16 == 0 && observe(&progress).is_break());
            if over {
                break;
            }
            let grown = if settings.ramp > 0.0 { f64::min(taken / (settings.ramp * all), 1.0) } else { 1.0 };
            let rate = 0.5 * settings.rate * (1.0 + (std::f64::consts::PI * taken / all).cos());
            let (of_step, trivial) = state.step(some, grown * settings.radius, rate);
            loss += of_step * some.len() as f64 / learned.len() as f64;
            bound = trivial;
            taken += 1.0;
        }
        if over {
            break;
        }
        let progress =
            Progress { epoch: epoch + 1, epochs: settings.epochs, steps: (per_epoch, per_epoch), loss, bound };
        over = observe(&progress).is_break();
        history.push(progress);
        if !loss.is_finite() {
            return Err(Error::new(
                format!("the training diverged: the loss of pass {} is {loss}", epoch + 1),
                "standardize the columns, or take shorter steps with a smaller rate",
            ));
        }
        if !held_out.is_empty() {
            let seen = state.seen(&held_out);
            if best.as_ref().is_none_or(|(least, ..)| seen < *least) {
                best = Some((seen, epoch + 1, state.chain.numbers.clone()));
            }
        }
        if over {
            break;
        }
    }
    let (validation, epoch) = match best {
        Some((seen, epoch, numbers)) => {
            state.chain.numbers = numbers;
            (seen, epoch)
        }
        None => (f64::NAN, history.len()),
    };
    state.finish();
    if settings.classes.is_some() {
        state.centre();
    }
    let network = match settings.most {
        Some(most) => within(state.chain.network()?, most, settings.norm)?,
        None => state.chain.network()?,
    };
    Ok(Trained { network, epoch, history, validation, put_aside: held_out })
}

/// The network with its last layer scaled down by the little by which its proved bound is above the limit: what training knows of norms is not proved.
fn within(mut network: Network, most: f64, norm: Norm) -> Result<Network> {
    // A bound that is stopped is larger, and still one.
    for _ in 0..3 {
        let bound = trivial_bound(&network, norm).bound;
        if bound <= most {
            break;
        }
        let scale = most / bound * (1.0 - 1e-12);
        let (mut layers, linear) = network.into_parts();
        let last = layers.pop().expect("a network has a layer");
        let weights = Mat::from_fn(last.units(), last.inputs(), |j, k| scale * last.weights()[(j, k)]);
        layers.push(Layer::new(weights, last.bias().to_vec(), Activation::identity()));
        network = Network::new(layers, linear)?;
    }
    Ok(network)
}

/// The median that is nearest to 0, of those that an even count of numbers has.
fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let (low, high) = (numbers[(numbers.len() - 1) / 2], numbers[numbers.len() / 2]);
    0.0_f64.max(low).min(high)
}

/// The first weights: layers with orthonormal rows or columns, or those of the network that is gone on from.
fn start(rows: &Rows<'_>, settings: &Settings, random: &mut Pcg64) -> Result<Chain> {
    let outputs = rows.target.outputs();
    let mut chain = Chain::zeros(rows.inputs, &settings.layers, outputs, &settings.activation, settings.biases);
    if let Some(network) = &settings.start {
        if !settings.biases && Chain::has_biases(network) {
            return Err(Error::new(
                format!("the network to go on from ({}) has biases, and none are asked for", network.described()),
                "ask for biases, or give a network without them",
            ));
        }
        let given = Chain::of(network, settings.biases).filter(|given| {
            let shape =
                |chain: &Chain| chain.places.iter().map(|place| (place.units, place.inputs)).collect::<Vec<_>>();
            given.activation == chain.activation && shape(given) == shape(&chain)
        });
        let given = given.ok_or_else(|| {
            Error::new(
                format!("the network to go on from ({}) is not of these layers", network.described()),
                "give the same layers, activation, inputs and classes as it has",
            )
        })?;
        return match given.numbers.iter().all(|number| number.is_finite()) {
            true => Ok(given),
            false => Err(Error::new(
                format!("the network to go on from ({}) has a weight of 3.4e38 or more", network.described()),
                "give one with smaller weights: the training is in single precision",
            )),
        };
    }
    for place in chain.places.clone() {
        let weights = orthonormal(place.units, place.inputs, random);
        let mut to = place.weights_mut(&mut chain.numbers);
        (0..place.inputs).for_each(|k| (0..place.units).for_each(|i| to[(i, k)] = weights[(i, k)] as f32));
    }
    Ok(chain)
}

/// A random matrix with orthonormal rows, or columns where these are fewer.
fn orthonormal(rows: usize, columns: usize, random: &mut Pcg64) -> Mat<f64> {
    let (long, short) = (rows.max(columns), rows.min(columns));
    let drawn = Mat::from_fn(long, short, |_, _| normal(random));
    let q = drawn.qr().compute_thin_Q();
    let entry = |matrix: MatRef<'_, f64>| matrix.to_owned();
    if rows >= columns { q } else { entry(q.transpose()) }
}

/// The network of one output that is the difference of two, one less the other, whose weights are rounded.
pub fn difference(network: &Network, one: usize, other: usize) -> Result<Network> {
    let (mut layers, linear) = network.clone().into_parts();
    let last = layers.pop().expect("a network has a layer");
    let of = |w: &Mat<f64>| Mat::from_fn(1, w.ncols(), |_, k| w[(one, k)] - w[(other, k)]);
    let bias = vec![last.bias()[one] - last.bias()[other]];
    layers.push(Layer::new(of(last.weights()), bias, Activation::identity()));
    Network::new(layers, linear.as_ref().map(of))
}

/// The slopes of the objective of some rows, for tests.
#[cfg(test)]
pub(super) fn slopes(chain: &Chain, data: &Dataset, settings: &Settings, some: &[usize]) -> Vec<f32> {
    let rows = Rows::of(data, settings).expect("rows of classes or numbers");
    let mut state = State::new(chain.clone(), &rows, settings, some.len());
    // The norm is found to the last digit.
    (0..100).for_each(|_| _ = state.slopes(some, settings.radius));
    state.slopes(some, settings.radius);
    state.gradient
}
