//! What is asked of the training of a deep network.

use super::steps::Optimizer;
use crate::activation::Activation;
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::{Loss, Network, Norm};

/// What there is a price on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// U, the product of the norms.
    #[default]
    Product,
    /// log U.
    Logarithm,
    /// The sum of the norms of the layers.
    Sum,
}

impl Form {
    /// All of them.
    pub const ALL: [Form; 3] = [Form::Product, Form::Logarithm, Form::Sum];

    /// The name by which it is asked for.
    pub fn name(self) -> &'static str {
        match self {
            Form::Product => "trivial",
            Form::Logarithm => "log-trivial",
            Form::Sum => "layers",
        }
    }

    /// What it is, in a sentence.
    pub fn help(self) -> &'static str {
        match self {
            Form::Product => "the product of the norms of the layers",
            Form::Logarithm => "the logarithm of the product",
            Form::Sum => "the sum of the norms of the layers",
        }
    }
}

impl std::str::FromStr for Form {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|form| form.name() == text).ok_or_else(|| {
            Error::new(
                format!("there is no bound {text:?}"),
                format!("choose one of: {}", Self::ALL.map(Self::name).join(", ")),
            )
        })
    }
}

/// What the weights of hidden layers may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Weights {
    /// Any.
    #[default]
    Free,
    /// Orthonormal rows, or columns where these are fewer: the norm of each layer is 1 for p = 2.
    Orthonormal,
    /// Within a ball: no column (p = 1), or no row (p = ∞), has sizes with a larger sum than a fixed one.
    Bounded,
}

impl Weights {
    /// All of them.
    pub const ALL: [Weights; 3] = [Weights::Free, Weights::Orthonormal, Weights::Bounded];

    /// The name by which it is asked for.
    pub fn name(self) -> &'static str {
        match self {
            Weights::Free => "free",
            Weights::Orthonormal => "orthonormal",
            Weights::Bounded => "bounded",
        }
    }

    /// What it is, in a sentence.
    pub fn help(self) -> &'static str {
        match self {
            Weights::Free => "any weights",
            Weights::Orthonormal => {
                "orthonormal rows, or columns where these are fewer: every hidden layer has the norm 1"
            }
            Weights::Bounded => "columns (norm 1) or rows (norm inf) whose sizes have at most a fixed sum",
        }
    }
}

impl std::str::FromStr for Weights {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|weights| weights.name() == text).ok_or_else(|| {
            Error::new(
                format!("hidden layers are to be {text:?}"),
                format!("choose one of: {}", Self::ALL.map(Self::name).join(", ")),
            )
        })
    }
}

/// A price on the trivial bound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price {
    /// How much of it is added to the loss.
    pub amount: f64,
    /// What it is on.
    pub form: Form,
}

/// How a deep network is trained.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The sums of each hidden layer.
    pub layers: Vec<usize>,
    /// What becomes of them.
    pub activation: Activation,
    /// Whether layers have biases.
    pub biases: bool,
    /// What the weights of hidden layers may be.
    pub hidden: Weights,
    /// How many classes the target has; `None` where it is a number.
    pub classes: Option<usize>,
    /// What missing a number costs, or a margin between classes (`hinge`, `squared-hinge`): their mean is the multi-margin loss. With any other loss
    /// classes cost the cross-entropy.
    pub loss: Loss,
    /// The norm of changes of the inputs.
    pub norm: Norm,
    /// How far inputs may be off, in this norm, in the loss of the worst margins.
    pub radius: f64,
    /// The share of all steps during which the radius grows from 0.
    pub ramp: f64,
    /// A price on the trivial bound.
    pub price: Price,
    /// The trivial bound is never above this.
    pub most: Option<f64>,
    /// Passes over the rows.
    pub epochs: usize,
    /// Rows of one step.
    pub batch: usize,
    /// The first length of a step; it falls to 0 along a cosine.
    pub rate: f64,
    /// Who takes the steps.
    pub optimizer: Optimizer,
    /// The share of rows by which the best pass is chosen, and which are not learned from.
    pub validation: f64,
    /// The seed of what is drawn.
    pub seed: u64,
    /// Where it goes on from, instead of random weights.
    pub start: Option<Network>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            layers: vec![64, 64],
            activation: "maxmin".parse().expect("an activation of the table"),
            biases: true,
            hidden: Weights::Free,
            classes: None,
            loss: Loss::default(),
            norm: Norm::Two,
            radius: 0.1,
            ramp: 0.6,
            price: Price { amount: 0.0, form: Form::Product },
            most: None,
            epochs: 60,
            batch: 256,
            rate: 2e-3,
            optimizer: Optimizer::Adam,
            validation: 0.05,
            seed: 0,
            start: None,
        }
    }
}

impl Settings {
    /// Refuse what makes no sense, for rows of so many inputs.
    pub fn check(&self, inputs: usize, limits: &Limits) -> Result<()> {
        if self.layers.is_empty() || self.layers.contains(&0) {
            return Err(Error::new(
                format!("the layers are {:?}", self.layers),
                "give every hidden layer at least one unit: ⟨layers=64,64⟩",
            ));
        }
        let group = self.activation.group();
        if let Some(units) = self.layers.iter().find(|units| **units % group != 0) {
            return Err(Error::new(
                format!("a layer has {units} units, and {} takes them {group} at a time", self.activation),
                format!("give every hidden layer a multiple of {group} units"),
            ));
        }
        let mut given = inputs;
        for &units in self.layers.iter().chain([&self.classes.unwrap_or(1)]) {
            limits.check_network(units, given)?;
            given = units.saturating_mul(self.activation.branches());
        }
        let positive = [("batch", self.batch), ("epochs", self.epochs)];
        if let Some((name, _)) = positive.into_iter().find(|(_, count)| *count == 0) {
            return Err(Error::new(format!("`{name}` is 0"), "give a whole number, 1 or more"));
        }
        let shares = [("ramp", self.ramp, 1.0), ("validation", self.validation, 0.9)];
        if let Some((name, value, most)) = shares.into_iter().find(|(_, share, most)| !(0.0..=*most).contains(share)) {
            return Err(Error::new(format!("`{name}` is {value}"), format!("give a share from 0 to {most}")));
        }
        let sizes = [("radius", self.radius), ("price", self.price.amount), ("rate", self.rate)];
        if let Some((name, value)) = sizes.into_iter().find(|(_, size)| !(size.is_finite() && *size >= 0.0)) {
            return Err(Error::new(format!("`{name}` is {value}"), "give a number, 0 or more"));
        }
        if self.most.is_some_and(|most| !(most.is_finite() && most > 0.0)) {
            return Err(Error::new(
                format!("the largest bound is {}", self.most.unwrap_or_default()),
                "give a number above 0",
            ));
        }
        if self.hidden == Weights::Orthonormal && self.norm != Norm::Two {
            return Err(Error::new(
                "hidden layers are to be orthonormal, and the norm is not 2",
                "orthonormal layers keep lengths in the norm 2: leave one of them out",
            ));
        }
        if self.hidden == Weights::Bounded && self.norm == Norm::Two {
            return Err(Error::new(
                "hidden layers are to be bounded by their columns or rows, and the norm is 2",
                "ask for orthonormal layers, which have the norm 1 there, or for the norm 1 or inf",
            ));
        }
        if self.classes.is_none() && self.loss.is_margin() {
            return Err(Error::new(
                format!("the loss `{}` is one of classes, and the target is a number", self.loss.name()),
                "choose another loss, or take the target for classes",
            ));
        }
        if self.activation.is_identity() {
            return Err(Error::new(
                "the activation is identity",
                "layers without a bend are one layer: choose crelu or abs",
            ));
        }
        Ok(())
    }
}
