//! What a user may ask of the training of a deep network, beside the settings that it shares with a fit.

use super::field::{Command, Field, Kind, Value, Word, put_count, put_number, put_switch, put_word};
use super::settings::Recipe;
use super::table::Table;
use crate::Norm;
use crate::activation::{self, Activation};
use crate::deep::{Form, Optimizer, Price, Settings, Weights};
use crate::error::{Error, Result};
use crate::range::Range;
use Command::Train;

/// The name of the method by which deep networks are trained. Records tell by it what kind of network a model has.
pub const METHOD: &str = "trivial-bound";

/// What is asked of a deep network. `None` where nothing was said.
#[derive(Debug, Clone, PartialEq)]
pub struct Deep {
    /// The sums of each hidden layer. Without them no deep network is asked for.
    pub layers: Option<Vec<usize>>,
    /// What becomes of the sums.
    pub activation: Option<Activation>,
    /// Whether layers have biases.
    pub biases: bool,
    /// What the weights of hidden layers may be.
    pub hidden_weights: Option<Weights>,
    /// What a price is on.
    pub bound: Form,
    /// How far inputs may be off, in the norm.
    pub radius: Option<f64>,
    /// The share of the steps during which the radius grows.
    pub ramp: f64,
    /// Passes over the rows.
    pub epochs: Option<usize>,
    /// Rows of a step.
    pub batch: Option<usize>,
    /// The first length of a step.
    pub rate: f64,
    /// Who takes the steps.
    pub optimizer: Optimizer,
    /// The share of rows by which the best pass is chosen.
    pub validation: f64,
}

impl Default for Deep {
    fn default() -> Self {
        let Settings { biases, ramp, rate, optimizer, validation, .. } = Settings::default();
        let (bound, layers, activation, hidden_weights, radius) = (Form::default(), None, None, None, None);
        Self {
            layers,
            activation,
            biases,
            hidden_weights,
            bound,
            radius,
            ramp,
            epochs: None,
            batch: None,
            rate,
            optimizer,
            validation,
        }
    }
}

/// What the settings of the recipe mean for a deep network; others of them have no meaning for it.
pub const SHARED: [&str; 5] = ["loss", "lipschitz_price", "max_lipschitz", "norm", "seed"];

/// The fewest rows of a step, and the fewest steps, where nothing was said.
const LEAST_BATCH: usize = 16;
const LEAST_STEPS: usize = 6000;

impl Deep {
    /// The settings of the training on so many rows, where a deep network is asked for.
    pub fn resolve(&self, recipe: &Recipe, classes: Option<usize>, rows: usize) -> Option<Settings> {
        let layers = self.layers.clone()?;
        let usual = Settings::default();
        let batch = self.batch.unwrap_or((rows / 10).clamp(LEAST_BATCH, usual.batch));
        let enough = LEAST_STEPS.div_ceil(rows.max(1).div_ceil(batch));
        // Where there is a price or a limit, it takes the place of the usual radius.
        let paid = recipe.lipschitz_price.is_some() || recipe.max_lipschitz.is_some();
        let radius = if paid { 0.0 } else { usual.radius };
        let all_even = layers.iter().all(|units| units % 2 == 0);
        let activation = if all_even { usual.activation } else { "crelu".parse().expect("it is in the table") };
        let hidden = if recipe.norm == Norm::Two { Weights::Orthonormal } else { Weights::Bounded };
        Some(Settings {
            layers,
            activation: self.activation.clone().unwrap_or(activation),
            biases: self.biases,
            hidden: self.hidden_weights.unwrap_or(hidden),
            classes,
            loss: recipe.loss.clone(),
            norm: recipe.norm,
            radius: self.radius.unwrap_or(radius),
            ramp: self.ramp,
            price: Price { amount: recipe.lipschitz_price.unwrap_or(0.0), form: self.bound },
            most: recipe.max_lipschitz,
            epochs: self.epochs.unwrap_or(enough.max(usual.epochs)),
            batch,
            rate: self.rate,
            optimizer: self.optimizer,
            validation: self.validation,
            seed: recipe.seed,
            start: None,
        })
    }
}

/// The widths of layers, from numbers.
fn widths(value: &Value) -> Result<Option<Vec<usize>>> {
    let Value::Numbers(numbers) = value else { return Ok(None) };
    let whole = |number: &f64| (number.fract() == 0.0 && *number >= 1.0 && *number < 1e9).then_some(*number as usize);
    numbers.iter().map(whole).collect::<Option<Vec<_>>>().filter(|widths| !widths.is_empty()).map(Some).ok_or_else(
        || {
            Error::new(
                format!("`layers` is {}", value.in_words()),
                "give the units of every hidden layer, each a whole number, 1 or more: ⟨layers=64,64⟩",
            )
        },
    )
}

impl Table for Deep {
    const FIELDS: &'static [Field<Self>] = &[
        Field {
            name: "layers",
            group: "Deep network",
            symbol: "UNITS,UNITS",
            kind: Kind::Numbers(Range::Positive),
            help: "Train a network of hidden layers with so many sums each, whose bound is the product of their norms",
            more: "The network is trained by mini-batches so that the product of its layers' norms, its trivial bound, is small. The bound is \
                   proved. Of the settings of other networks, the loss, the norm, the seed, --lipschitz-price (a price on the bound) and \
                   --max-lipschitz (a limit of it) go with it.",
            commands: &[Train],
            unsaid: |_| Some("one hidden layer, by convex programs".into()),
            get: |deep| {
                let widths = |layers: &Vec<usize>| Value::Numbers(layers.iter().map(|units| *units as f64).collect());
                deep.layers.as_ref().map_or(Value::Nothing, widths)
            },
            set: |deep, value| {
                deep.layers = widths(value)?;
                Ok(())
            },
            ..Field::PLAIN
        },
        Field {
            name: "activation",
            group: "Deep network",
            symbol: "ACTIVATION",
            kind: Kind::WordWithNumber(|| {
                let all = activation::ALL.iter().filter(|entry| entry.name != "identity");
                all.map(|entry| Word::new(entry.example(), entry.help)).collect()
            }),
            help: "What becomes of the sums of a hidden layer",
            commands: &[Train],
            unsaid: |_| Some("maxmin, or crelu where a layer has an odd number of units".into()),
            get: |deep| deep.activation.as_ref().map_or(Value::Nothing, |activation| Value::Word(activation.name())),
            set: |deep, value| put_word(value, &mut |activation| deep.activation = Some(activation)),
            ..Field::PLAIN
        },
        Field {
            name: "biases",
            group: "Deep network",
            kind: Kind::Switch("Leave out the biases of all layers"),
            help: "Whether layers have biases",
            commands: &[Train],
            get: |deep| Value::Switch(deep.biases),
            set: |deep, value| put_switch(value, &mut |biases| deep.biases = biases),
            ..Field::PLAIN
        },
        Field {
            name: "hidden_weights",
            group: "Deep network",
            symbol: "WEIGHTS",
            kind: Kind::Word(|| Weights::ALL.map(|weights| Word::new(weights.name(), weights.help())).to_vec()),
            help: "What the weights of hidden layers may be",
            more: "Orthonormal layers lose nothing of what comes through them, and the bound is the norm of the last layer alone; they are for \
                   the norm 2. Bounded ones are for the norms 1 and inf: after every step their columns (norm 1) or rows (norm inf) are \
                   brought back to the ball of a fixed length, which only the last layer's weights make up for.",
            commands: &[Train],
            unsaid: |_| Some("orthonormal in the norm 2, bounded in others".into()),
            get: |deep| deep.hidden_weights.map_or(Value::Nothing, |weights| Value::Word(weights.name().into())),
            set: |deep, value| put_word(value, &mut |weights| deep.hidden_weights = Some(weights)),
            ..Field::PLAIN
        },
        Field {
            name: "bound",
            group: "Deep network",
            symbol: "BOUND",
            kind: Kind::Word(|| Form::ALL.map(|form| Word::new(form.name(), form.help())).to_vec()),
            help: "What --lipschitz-price is a price on, where there are layers",
            commands: &[Train],
            get: |deep| Value::Word(deep.bound.name().into()),
            set: |deep, value| put_word(value, &mut |form| deep.bound = form),
            ..Field::PLAIN
        },
        Field {
            name: "radius",
            group: "Deep network",
            symbol: "RADIUS",
            kind: Kind::Number(Range::NotNegative),
            help: "How far inputs may be off in training, in the norm: each row costs its worst case by the bound",
            more: "In the units in which the network meets the data: standard deviations of the columns, or the columns' own with \
                   --no-standardize. Images are taken as they are, from 0 to 1.",
            commands: &[Train],
            unsaid: |_| {
                let usual = Settings::default().radius;
                Some(format!("{usual}; 0 where --lipschitz-price or --max-lipschitz is given"))
            },
            get: |deep| deep.radius.map_or(Value::Nothing, Value::Number),
            set: |deep, value| put_number(value, &mut |radius| deep.radius = Some(radius)),
            ..Field::PLAIN
        },
        Field {
            name: "ramp",
            group: "Deep network",
            symbol: "SHARE",
            kind: Kind::Number(Range::BelowOne),
            help: "The share of all steps during which the radius grows from 0",
            commands: &[Train],
            get: |deep| Value::Number(deep.ramp),
            set: |deep, value| put_number(value, &mut |ramp| deep.ramp = ramp),
            ..Field::PLAIN
        },
        Field {
            name: "epochs",
            group: "Deep network",
            symbol: "NUMBER",
            kind: Kind::Count(1, 1_000_000),
            help: "Passes over the rows",
            commands: &[Train],
            unsaid: |_| {
                Some(format!("{}, and more where that is fewer than {LEAST_STEPS} steps", Settings::default().epochs))
            },
            get: |deep| deep.epochs.map_or(Value::Nothing, |count| Value::Count(count as u64)),
            set: |deep, value| put_count(value, &mut |count| deep.epochs = Some(count as usize)),
            ..Field::PLAIN
        },
        Field {
            name: "batch",
            group: "Deep network",
            symbol: "NUMBER",
            kind: Kind::Count(1, 1_000_000),
            help: "Rows of one step",
            commands: &[Train],
            unsaid: |_| Some(format!("a tenth of the rows, from {LEAST_BATCH} to {}", Settings::default().batch)),
            get: |deep| deep.batch.map_or(Value::Nothing, |count| Value::Count(count as u64)),
            set: |deep, value| put_count(value, &mut |count| deep.batch = Some(count as usize)),
            ..Field::PLAIN
        },
        Field {
            name: "rate",
            group: "Deep network",
            symbol: "NUMBER",
            kind: Kind::Number(Range::Positive),
            help: "The first length of a step; it falls to 0 along a cosine",
            commands: &[Train],
            get: |deep| Value::Number(deep.rate),
            set: |deep, value| put_number(value, &mut |rate| deep.rate = rate),
            ..Field::PLAIN
        },
        Field {
            name: "optimizer",
            group: "Deep network",
            symbol: "OPTIMIZER",
            kind: Kind::Word(|| Optimizer::ALL.map(|one| Word::new(one.name(), one.help())).to_vec()),
            help: "Who takes the steps",
            commands: &[Train],
            get: |deep| Value::Word(deep.optimizer.name().into()),
            set: |deep, value| put_word(value, &mut |optimizer| deep.optimizer = optimizer),
            ..Field::PLAIN
        },
        Field {
            name: "validation",
            group: "Deep network",
            symbol: "SHARE",
            kind: Kind::Number(Range::BelowOne),
            help: "The share of rows that are not learned from, by which the best pass is chosen",
            more: "Where that is fewer than 20 rows, all are learned from, and the last pass is taken.",
            commands: &[Train],
            get: |deep| Value::Number(deep.validation),
            set: |deep, value| put_number(value, &mut |share| deep.validation = share),
            ..Field::PLAIN
        },
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deep_network_is_asked_for_by_its_layers() {
        let mut deep = Deep::default();
        let recipe = Recipe::default();
        assert_eq!(deep.resolve(&recipe, None, 100), None);
        deep.set("layers", &Value::Numbers(vec![8.0, 4.0])).unwrap();
        let usual = deep.resolve(&recipe, Some(3), 100).unwrap();
        assert_eq!(
            (&usual.layers[..], usual.classes, usual.radius),
            (&[8, 4][..], Some(3), Settings::default().radius)
        );
        assert_eq!((usual.batch, usual.epochs), (16, 858));
        assert_eq!((usual.activation.name().as_str(), usual.hidden), ("maxmin", Weights::Orthonormal));
        let odd = Deep { layers: Some(vec![8, 5]), ..Deep::default() };
        let odd = odd.resolve(&Recipe { norm: Norm::One, ..Recipe::default() }, None, 100).unwrap();
        assert_eq!((odd.activation.name().as_str(), odd.hidden), ("crelu", Weights::Bounded));
        let priced = deep.resolve(&Recipe { lipschitz_price: Some(0.5), ..recipe }, None, 100).unwrap();
        assert_eq!((priced.price.amount, priced.radius), (0.5, 0.0));
        for wrong in [vec![], vec![8.5], vec![1e12]] {
            let error = deep.set("layers", &Value::Numbers(wrong)).unwrap_err();
            assert!(error.hint.contains("64,64"), "{error:?}");
        }
        assert!(deep.set("layers", &Value::Numbers(vec![0.0])).is_err());
    }
}
