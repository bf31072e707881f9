//! The whole fit of a deep network, for every front end: from rows and what was asked to a network in standardized units, its bound, what it does on
//! rows, and the records that a model file keeps.
//!
//! ```text
//! rows ─► units ─► train ─► network ─► bound, proved ─► rows seen, proved ─► Fitted
//! ```
//!
//! The front end brings a [`Watch`], its clock and its signals, and an observer to show progress by, as in [`job`](crate::job).

use crate::activation::Activation;
use crate::certify::{self, Bounded, TrivialBound};
use crate::choose::{Beside, Clean, Judged};
use crate::deep::{self, Progress, Settings, Trained};
use crate::error::{Error, Result};
use crate::job::{Interruption, Watch};
use crate::limits::Limits;
use crate::network::Layer;
use crate::recipe::{Deep, Table, Value};
use crate::{Dataset, Network, Recipe, Scaler};
use faer::Mat;
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use tautnet_cone::{Stage, Stop};

pub use crate::recipe::METHOD;

/// The loss of classes, of which the cross-entropy of several is the same.
pub const CLASSES: &str = "logistic";

/// Most numbers that simple rules learn from: those of images are many.
const NUMBERS: usize = 1 << 24;

/// What is asked of a fit.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    /// The settings that deep networks share with others.
    pub recipe: &'a Recipe,
    /// Those of deep networks.
    pub deep: &'a Deep,
    /// How many classes the target has; `None` where it is a number.
    pub classes: Option<usize>,
    /// Whether the columns are standardized, else they are taken as they are.
    pub standardize: bool,
    /// A network to go on from, and its units; none: those of these rows.
    pub start: Option<(&'a Network, Option<&'a Scaler>)>,
}

/// What a network does on rows, and what is proved of it within the radius.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Seen {
    /// Rows of classes.
    Classes {
        /// How many.
        rows: usize,
        /// The share of those whose class is right.
        accuracy: f64,
        /// The share of those whose class is right however the inputs change within the radius.
        proved_accuracy: f64,
    },
    /// Rows of numbers.
    Numbers {
        /// How many.
        rows: usize,
        /// The mean loss: of several targets the sum of theirs.
        clean: f64,
        /// The mean of the largest losses within the radius, from above; of several targets the sum of theirs.
        proved: f64,
        /// The same of each target, where there are several.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        targets: Vec<OfTarget>,
    },
}

/// What a network does of one of several targets.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct OfTarget {
    /// The mean loss.
    pub clean: f64,
    /// The mean of the largest losses within the radius, from above.
    pub proved: f64,
}

/// A network with its bound, and how it came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// The network in standardized units. Of two classes it has one output, which is above 0 for the second.
    pub network: Network,
    /// The units.
    pub scaler: Scaler,
    /// The settings of the training.
    pub settings: Settings,
    /// What came of it.
    pub trained: Trained,
    /// The bound, proved.
    pub bound: TrivialBound,
    /// The rows that were learned from.
    pub learned: Seen,
    /// Those among them by which the best pass was chosen, and which no step learned from, where there are any.
    pub put_aside: Option<Seen>,
    /// Those that were held out, where there are any.
    pub held_out: Option<Seen>,
    /// What simple rules achieve on the rows held out; where there are none on those put aside, and where there are none either, on those
    /// that were learned from.
    pub beside: Option<Beside>,
    /// Why it ended before it was done.
    pub interruption: Option<Interruption>,
    /// How long it took.
    pub seconds: f64,
}

/// What a model file keeps of the result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Objective<'a> {
    trivial_bound: f64,
    layers: &'a [f64],
    norm: &'static str,
    radius: f64,
    epochs: usize,
    epoch: usize,
    ending: &'static str,
    learned: &'a Seen,
    #[serde(skip_serializing_if = "Option::is_none")]
    put_aside: Option<&'a Seen>,
    #[serde(skip_serializing_if = "Option::is_none")]
    held_out: Option<&'a Seen>,
    #[serde(skip_serializing_if = "Option::is_none")]
    beside: Option<&'a Beside>,
}

impl Asked<'_> {
    /// The settings of the training on so many rows. Refuses to be asked where no layers are.
    pub fn settings(&self, rows: usize) -> Result<Settings> {
        if self.classes.is_some() && !self.recipe.loss.is_margin() {
            return Err(Error::new(
                format!("the loss is `{}`, and deep networks learn classes by a loss of margins", self.recipe.loss),
                format!("leave the loss out, which is the cross-entropy ({CLASSES}), or say hinge or squared-hinge"),
            ));
        }
        self.deep.resolve(self.recipe, self.classes, rows).ok_or_else(|| {
            Error::new(
                "a deep network was asked for without its layers",
                "give the units of every hidden layer: ⟨layers=64,64⟩",
            )
        })
    }

    /// Learn units from rows, train, prove. The watch, or the observer, ends it with the best so far, whose proof takes a short time more.
    pub fn fit(
        &self,
        mut learned: Dataset,
        held_out: Option<Dataset>,
        limits: &Limits,
        watch: &Arc<dyn Watch>,
        hear: &mut dyn FnMut(&Progress),
    ) -> Result<Fitted> {
        let mut settings = self.settings(learned.rows())?;
        let mut scaler = match self.standardize {
            true => Scaler::fit(&learned)?,
            false => Scaler::identity_of(learned.columns(), learned.targets()),
        };
        if self.classes.is_some() {
            (scaler.target_mean, scaler.target_scale) = (0.0, 1.0);
        }
        scaler.standardize_in_place(&mut learned);
        let held_out = held_out.map(|rows| scaler.standardize(&rows));
        settings.start = self.start.map(|(network, units)| self.going_on(network, units, &scaler)).transpose()?;
        let began = watch.seconds();
        let stop = {
            let watch = Arc::clone(watch);
            Stop::staged(move |stage| watch.interruption(stage).is_some())
        };
        let trained = stop.during(|| {
            deep::train(&learned, &settings, limits, &mut |progress| {
                hear(progress);
                ControlFlow::Continue(())
            })
        })?;
        watch.kept();
        let interruption = watch.interruption(Stage::Main);
        let network = match self.classes {
            Some(2) => deep::difference(&trained.network, 1, 0)?,
            _ => trained.network.clone(),
        };
        settings.start = None;
        stop.late().during(|| {
            let bound = certify::trivial_bound(&network, settings.norm);
            let seen = Seen::of(&network, &learned, &settings)?;
            let beside = self.beside(&network, (&learned, held_out.as_ref(), &trained.put_aside), &settings)?;
            let put_aside = learned.select(&trained.put_aside);
            // Rows that count for nothing have no mean.
            let counts = put_aside.weights.as_ref().is_none_or(|weights| weights.iter().sum::<f64>() > 0.0);
            let put_aside = (counts && put_aside.rows() > 0).then(|| Seen::of(&network, &put_aside, &settings));
            let put_aside = put_aside.transpose()?;
            let held_out = held_out.map(|rows| Seen::of(&network, &rows, &settings)).transpose()?;
            let (learned, seconds) = (seen, watch.seconds() - began);
            Ok(Fitted {
                network,
                scaler,
                settings,
                trained,
                bound,
                learned,
                put_aside,
                held_out,
                beside,
                interruption,
                seconds,
            })
        })
    }

    /// The network beside simple rules, which learn from what it learned from.
    fn beside(
        &self,
        network: &Network,
        (learned, held_out, put_aside): (&Dataset, Option<&Dataset>, &[usize]),
        settings: &Settings,
    ) -> Result<Option<Beside>> {
        let mut others = vec![true; learned.rows()];
        put_aside.iter().for_each(|&row| others[row] = false);
        let others: Vec<usize> = (0..learned.rows()).filter(|&row| others[row]).collect();
        let others = some(&others, NUMBERS / learned.columns());
        let parts = (held_out.is_none() && !put_aside.is_empty() && !others.is_empty())
            .then(|| (learned.select(&others), learned.select(put_aside)));
        let (learned, held_out) = match &parts {
            Some((learned, aside)) => (learned, Some(aside)),
            None => (learned, held_out),
        };
        let rows = held_out.unwrap_or(learned);
        // At no radius what is proved is what is there.
        let seen = Seen::of(network, rows, &Settings { radius: 0.0, ..settings.clone() })?;
        let (errors, predicted) = match seen {
            Seen::Classes { accuracy, .. } => (Clean { clean: None, accuracy: Some(accuracy) }, None),
            Seen::Numbers { clean, .. } => {
                let one = network.outputs() == 1;
                (Clean { clean: Some(clean), accuracy: None }, one.then(|| network.predict_row_by_row(rows.x.as_ref())))
            }
        };
        let classes = settings.classes.filter(|count| *count > 2);
        let loss = if settings.classes.is_some() { CLASSES.parse()? } else { settings.loss.clone() };
        Ok(Beside::of(learned, held_out, classes, &loss, Judged { errors, predicted }))
    }

    /// The network to go on from with an output for each class, in the units of the rows.
    fn going_on(&self, network: &Network, units: Option<&Scaler>, rows: &Scaler) -> Result<Network> {
        if network.inputs() != rows.input_mean.len() {
            return Err(Error::new(
                format!(
                    "the network to go on from has {} inputs but the data has {} input columns",
                    network.inputs(),
                    rows.input_mean.len()
                ),
                "give the columns the network was trained on, in that order",
            ));
        }
        let network = match units {
            Some(units) if units != rows => in_other_units(network, units, rows)?,
            _ => network.clone(),
        };
        match (self.classes, network.outputs()) {
            // A margin is the difference of two outputs, each of which has half of it.
            (Some(2), 1) => with_last(network, |w, bias| {
                let half = |j: usize| if j == 0 { -0.5 } else { 0.5 };
                (Mat::from_fn(2, w.ncols(), |j, k| half(j) * w[(0, k)]), vec![-0.5 * bias[0], 0.5 * bias[0]])
            }),
            _ => Ok(network),
        }
    }
}

/// So many of the rows, at equal distances; all where they are fewer.
fn some(rows: &[usize], most: usize) -> Vec<usize> {
    let count = rows.len().min(most.max(1));
    (0..count).map(|k| rows[k * rows.len() / count]).collect()
}

/// The same function of the user's inputs, between the standardized inputs and targets of other units.
pub fn in_other_units(network: &Network, from: &Scaler, to: &Scaler) -> Result<Network> {
    if network.linear().is_some() {
        return Err(Error::new(
            format!("the network to go on from ({}) has a linear part", network.described()),
            "give a network that was trained with layers",
        ));
    }
    let (mut layers, _) = network.clone().into_parts();
    let first = layers.remove(0);
    let (w, d) = (first.weights(), first.inputs());
    let moved = |k: usize| (to.input_mean[k] - from.input_mean[k]) / from.input_scale[k];
    let weights = Mat::from_fn(first.units(), d, |i, k| w[(i, k)] * (to.input_scale[k] / from.input_scale[k]));
    let bias = (0..first.units()).map(|i| first.bias()[i] + (0..d).map(|k| w[(i, k)] * moved(k)).sum::<f64>());
    layers.insert(0, Layer::new(weights, bias.collect(), first.activation().clone()));
    with_last(Network::new(layers, None)?, |w, bias| {
        let of = |output: usize| {
            let ((from_mean, from_scale), (to_mean, to_scale)) = (from.target(output), to.target(output));
            (from_scale / to_scale, (from_mean - to_mean) / to_scale)
        };
        let weights = Mat::from_fn(w.nrows(), w.ncols(), |j, k| of(j).0 * w[(j, k)]);
        (weights, bias.iter().enumerate().map(|(j, bias)| of(j).0 * bias + of(j).1).collect())
    })
}

/// The network with another last layer.
fn with_last(network: Network, of: impl FnOnce(&Mat<f64>, &[f64]) -> (Mat<f64>, Vec<f64>)) -> Result<Network> {
    let (mut layers, linear) = network.into_parts();
    let last = layers.pop().expect("a network has a layer");
    let (weights, bias) = of(last.weights(), last.bias());
    layers.push(Layer::new(weights, bias, Activation::identity()));
    Network::new(layers, linear)
}

impl Seen {
    /// What a network does on rows, in its units; of the settings the classes, the loss, the norm and the radius count.
    pub fn of(network: &Network, data: &Dataset, settings: &Settings) -> Result<Self> {
        let bounded = certify::within_radius(network, data.x.as_ref(), (settings.norm, settings.radius))?;
        let weights = data.weights.clone().unwrap_or_else(|| vec![1.0; data.rows()]);
        let all: f64 = weights.iter().sum();
        let mean = |target: usize, of: &dyn Fn(&Bounded, f64) -> f64| {
            let terms = bounded.iter().zip(data.target(target)).zip(&weights);
            terms.map(|((bounded, y), weight)| weight * of(bounded, *y)).sum::<f64>() / all
        };
        let share = |is: bool| f64::from(u8::from(is));
        let (rows, loss) = (data.rows(), &settings.loss);
        Ok(match settings.classes {
            Some(2) => Self::Classes {
                rows,
                accuracy: mean(0, &|bounded, y| share(bounded.outputs[0] * y > 0.0)),
                proved_accuracy: mean(0, &|bounded, y| {
                    share(if y > 0.0 { bounded.lower[0] > 0.0 } else { bounded.upper[0] < 0.0 })
                }),
            },
            Some(_) => Self::Classes {
                rows,
                accuracy: mean(0, &|bounded, y| share(bounded.class() == y as usize)),
                proved_accuracy: mean(0, &|bounded, y| share(bounded.class() == y as usize && bounded.is_certain())),
            },
            None => {
                let each: Vec<OfTarget> = (0..data.targets())
                    .map(|j| OfTarget {
                        clean: mean(j, &|bounded, y| loss.value(bounded.outputs[j], y)),
                        proved: mean(j, &|bounded, y| {
                            loss.value(bounded.lower[j], y).max(loss.value(bounded.upper[j], y))
                        }),
                    })
                    .collect();
                let sum = |of: fn(&OfTarget) -> f64| each.iter().map(of).sum();
                let (clean, proved) = (sum(|target| target.clean), sum(|target| target.proved));
                Self::Numbers { rows, clean, proved, targets: if each.len() > 1 { each } else { Vec::new() } }
            }
        })
    }
}

impl Fitted {
    /// The settings, by the names under which they are asked for; `data` is what the data are called.
    pub fn record(&self, asked: &Asked<'_>, data: &str) -> BTreeMap<&'static str, Value> {
        let Settings { epochs, batch, radius, norm, seed, price, most, .. } = &self.settings;
        let mut record: BTreeMap<&'static str, Value> =
            Deep::FIELDS.iter().map(|field| (field.name, field.value(asked.deep))).collect();
        let loss = self.settings.loss.name();
        record.extend([
            ("activation", Value::Word(self.settings.activation.name())),
            ("hidden_weights", Value::Word(self.settings.hidden.name().into())),
            ("epochs", Value::Count(*epochs as u64)),
            ("batch", Value::Count(*batch as u64)),
            ("radius", Value::Number(*radius)),
            ("norm", Value::Word(norm.name().into())),
            ("seed", Value::Count(*seed)),
            ("lipschitz_price", Value::Number(price.amount)),
            ("max_lipschitz", most.map_or(Value::Nothing, Value::Number)),
            ("loss", Value::Word(loss)),
            ("method", Value::Word(METHOD.into())),
            ("data", Value::Word(data.into())),
            ("standardized", Value::Switch(asked.standardize)),
        ]);
        if asked.start.is_some() {
            record.insert("warm_start", Value::Switch(true));
        }
        record
    }

    /// The result as a model file keeps it.
    pub fn objective(&self) -> Objective<'_> {
        Objective {
            trivial_bound: self.bound.bound,
            layers: &self.bound.layers,
            norm: self.settings.norm.name(),
            radius: self.settings.radius,
            epochs: self.trained.history.len(),
            epoch: self.trained.epoch,
            ending: self.interruption.map_or("done", Interruption::in_words),
            learned: &self.learned,
            put_aside: self.put_aside.as_ref(),
            held_out: self.held_out.as_ref(),
            beside: self.beside.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_in_other_units_is_the_same_function() {
        let w =
            |rows: usize, columns: usize| Mat::from_fn(rows, columns, |i, k| 0.3 * (i as f64 - 0.7 * k as f64 + 0.2));
        let layer = |rows, columns, name: &str| Layer::new(w(rows, columns), vec![0.1; rows], name.parse().unwrap());
        let network = Network::new(vec![layer(3, 2, "crelu"), layer(1, 6, "identity")], None).unwrap();
        let units = |mean: f64, scale: f64| {
            let mut units = Scaler::identity(2);
            (units.input_mean, units.input_scale) = (vec![mean, -mean], vec![scale, 2.0 * scale]);
            (units.target_mean, units.target_scale) = (3.0 * mean, 0.5 * scale);
            units
        };
        let (from, to) = (units(1.0, 2.0), units(-4.0, 0.5));
        let other = in_other_units(&network, &from, &to).unwrap();
        for x in [[0.0, 0.0], [3.0, -7.0], [-20.0, 11.0]] {
            let [one, same] = [(&network, &from), (&other, &to)].map(|(network, units)| {
                let z: Vec<f64> = (0..2).map(|k| (x[k] - units.input_mean[k]) / units.input_scale[k]).collect();
                units.target_to_user(network.values(&z)[0])
            });
            assert!((one - same).abs() < 1e-9 * (1.0 + one.abs()), "{one} {same}");
        }
        // So it is of several targets, each with units of its own.
        let two = Network::new(vec![layer(3, 2, "crelu"), layer(2, 6, "identity")], None).unwrap();
        let [from_two, to_two] = [(&from, 7.0, 0.1), (&to, -2.0, 30.0)].map(|(units, mean, scale)| Scaler {
            other_target_means: vec![mean],
            other_target_scales: vec![scale],
            ..units.clone()
        });
        let moved = in_other_units(&two, &from_two, &to_two).unwrap();
        let x = [3.0, -7.0];
        for j in 0..2 {
            let [one, same] = [(&two, &from_two), (&moved, &to_two)].map(|(network, units)| {
                let z: Vec<f64> = (0..2).map(|k| (x[k] - units.input_mean[k]) / units.input_scale[k]).collect();
                let (mean, scale) = units.target(j);
                mean + scale * network.values(&z)[j]
            });
            assert!((one - same).abs() < 1e-9 * (1.0 + one.abs()), "{j}: {one} {same}");
        }
        let linear = Network::new(network.layers().to_vec(), Some(w(1, 2))).unwrap();
        assert!(in_other_units(&linear, &from, &to).unwrap_err().what.contains("linear part"));
    }

    #[test]
    fn rows_of_several_targets_cost_what_each_costs() {
        let layer = |rows: usize, columns: usize, name: &str| {
            let w = Mat::from_fn(rows, columns, |i, k| 0.4 * (i as f64 - 0.6 * k as f64 + 0.1));
            Layer::new(w, vec![0.2; rows], name.parse().unwrap())
        };
        let network = Network::new(vec![layer(4, 2, "abs"), layer(3, 4, "identity")], None).unwrap();
        let x = Mat::from_fn(9, 2, |k, j| (k as f64 * 0.7 + j as f64).sin());
        let target = |j: usize| (0..9).map(|k| (k as f64 - j as f64).cos()).collect::<Vec<f64>>();
        let weights = Some((0..9).map(|k| f64::from(k % 3)).collect());
        let data = Dataset::new(x, target(0), weights).unwrap().with_others(vec![target(1), target(2)]).unwrap();
        for radius in [0.0, 0.3] {
            let settings = Settings { radius, ..Settings::default() };
            let Seen::Numbers { rows, clean, proved, targets } = Seen::of(&network, &data, &settings).unwrap() else {
                panic!("they are numbers")
            };
            assert_eq!((rows, targets.len()), (9, 3));
            assert!(clean <= proved && (radius == 0.0) == (proved - clean < 1e-9 * clean), "{clean} {proved}");
            let mut sum = OfTarget { clean: 0.0, proved: 0.0 };
            for (j, of_target) in targets.iter().enumerate() {
                // The network of that output alone, on that target alone.
                let last = network.layers()[1].weights();
                let row = Mat::from_fn(1, 4, |_, k| last[(j, k)]);
                let one = Layer::new(row, vec![0.2], Activation::identity());
                let alone = Network::new(vec![network.layers()[0].clone(), one], None).unwrap();
                let seen = Seen::of(&alone, &data.of_target(j), &settings).unwrap();
                let Seen::Numbers { clean, proved, .. } = seen else { panic!("they are numbers") };
                assert!((of_target.clean - clean).abs() < 1e-12 * clean, "{j}");
                assert!((of_target.proved - proved).abs() < 1e-9 * proved, "{j}: {} {proved}", of_target.proved);
                sum = OfTarget { clean: sum.clean + clean, proved: sum.proved + proved };
            }
            assert!((sum.clean - clean).abs() < 1e-12 * clean && (sum.proved - proved).abs() < 1e-9 * proved);
        }
        let some = data.select(&[7, 0, 7]);
        assert_eq!((some.rows(), some.targets_of(0), some.targets_of(1)), (3, data.targets_of(7), data.targets_of(0)));
        assert_eq!(some.weights, Some(vec![1.0, 0.0, 1.0]));
        assert_eq!(some.x[(2, 1)], data.x[(7, 1)]);
    }

    #[test]
    fn classes_cost_their_margins_and_layers_have_to_be_there() {
        let (mut recipe, deep) = (Recipe::default(), Deep { layers: Some(vec![4]), ..Deep::default() });
        let asked = |recipe: &Recipe, deep: &Deep, classes| {
            Asked { recipe, deep, classes, standardize: true, start: None }.settings(20).map(|settings| settings.layers)
        };
        assert_eq!(asked(&recipe, &deep, None), Ok(vec![4]));
        assert!(asked(&recipe, &deep, Some(2)).unwrap_err().what.contains("loss of margins"));
        for loss in [CLASSES, "hinge", "squared-hinge"] {
            recipe.loss = loss.parse().unwrap();
            assert_eq!(asked(&recipe, &deep, Some(2)), Ok(vec![4]));
        }
        assert!(asked(&recipe, &Deep::default(), None).unwrap_err().hint.contains("64,64"));
    }
}
