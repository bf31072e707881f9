//! What is asked of the polish of a deep network.

use crate::certify::no_chain_lipsdp;
use crate::error::{Error, Result};
use crate::{Dataset, Loss, Network, Norm};

/// Which bound has a price or a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bound {
    /// The product of the layers' norms.
    #[default]
    Product,
    /// LipSDP, in the norm 2.
    Lipsdp,
}

impl Bound {
    /// All of them.
    pub const ALL: [Bound; 2] = [Bound::Product, Bound::Lipsdp];

    /// The name by which it is asked for.
    pub fn name(self) -> &'static str {
        match self {
            Bound::Product => "trivial",
            Bound::Lipsdp => "lipsdp",
        }
    }

    /// What it is, in a sentence.
    pub fn help(self) -> &'static str {
        match self {
            Bound::Product => "the product of the norms of the layers",
            Bound::Lipsdp => "LipSDP of the layers, in the norm 2",
        }
    }
}

impl std::str::FromStr for Bound {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|bound| bound.name() == text).ok_or_else(|| {
            Error::new(
                format!("a polish has no bound {text:?}"),
                format!("choose one of: {}", Self::ALL.map(Self::name).join(", ")),
            )
        })
    }
}

/// The objective, and how much may be done for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What a wrong prediction costs. Several outputs are classes, which cost their cross-entropy: then it has to be `logistic`.
    pub loss: Loss,
    /// The norm of changes of the inputs.
    pub norm: Norm,
    /// How far inputs may be off, in this norm: every output is taken to be wrong by the radius times its bound by the product of norms.
    pub radius: f64,
    /// Which bound has the price and the limit.
    pub bound: Bound,
    /// The price of the bound.
    pub lipschitz_price: f64,
    /// The bound is never above this.
    pub most: Option<f64>,
    /// The most sweeps over the layers.
    pub rounds: usize,
    /// Another sweep is made where one gained at least this share of the objective.
    pub gain: f64,
    /// The relative gap to which the program of a layer is solved.
    pub tolerance: f64,
    /// The most products with the matrix of second derivatives in the program of a layer.
    pub products: usize,
    /// Whether the last two layers are tried at once, where they can be.
    pub head: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            loss: Loss::default(),
            norm: Norm::Two,
            radius: 0.0,
            bound: Bound::Product,
            lipschitz_price: 0.0,
            most: None,
            rounds: 20,
            gain: 1e-3,
            tolerance: 1e-4,
            products: 600,
            head: true,
        }
    }
}

impl Settings {
    /// Whether the bound counts for anything but the radius.
    pub(super) fn has_price(&self) -> bool {
        self.lipschitz_price > 0.0 || self.most.is_some()
    }

    /// Refuse numbers out of range, and what does not go together.
    pub fn check(&self) -> Result<()> {
        let sizes = [("radius", self.radius), ("lipschitz_price", self.lipschitz_price), ("gain", self.gain)];
        if let Some((name, value)) = sizes.into_iter().find(|(_, size)| !(size.is_finite() && *size >= 0.0)) {
            return Err(Error::new(format!("`{name}` is {value}"), "give a number, 0 or more"));
        }
        if !(self.tolerance > 0.0 && self.tolerance < 1.0) {
            return Err(Error::new(
                format!("`tolerance` is {}", self.tolerance),
                "give a relative gap above 0 and below 1",
            ));
        }
        if let Some(most) = self.most.filter(|most| !(most.is_finite() && *most > 0.0)) {
            return Err(Error::new(format!("the largest bound is {most}"), "give a number above 0"));
        }
        if self.bound == Bound::Lipsdp && self.norm != Norm::Two {
            return Err(Error::new(
                format!("the bound is `lipsdp`, and the norm is {}", self.norm.name()),
                "LipSDP of layers is in the norm 2: leave one of them out",
            ));
        }
        if self.bound == Bound::Lipsdp && self.radius > 0.0 {
            return Err(Error::new(
                "a radius and the bound `lipsdp` are asked for",
                "the worst case within a radius is that of the product of norms: give a price or a limit in its place, or leave out the bound",
            ));
        }
        Ok(())
    }

    /// Refuse a network or rows for which it makes no sense. The number of classes, where the outputs are some.
    pub(super) fn check_on(&self, network: &Network, data: &Dataset) -> Result<Option<usize>> {
        self.check()?;
        data.check_one_target("the polish of a deep network")?;
        if network.inputs() != data.columns() {
            return Err(Error::new(
                format!(
                    "the network has {} inputs but the data has {} input columns",
                    network.inputs(),
                    data.columns()
                ),
                "give the columns the network was trained on, in that order",
            ));
        }
        if network.linear().is_some() {
            return Err(Error::new(
                format!("the network ({}) has a linear part beside its layers", network.described()),
                "give a network of layers alone",
            ));
        }
        if network.layers().len() < 2 {
            return Err(Error::new(
                format!("the network has {}", network.described()),
                "give one with at least one hidden layer",
            ));
        }
        if self.bound == Bound::Lipsdp
            && self.has_price()
            && let Some(reason) = no_chain_lipsdp(network)
        {
            return Err(Error::new(
                format!("the bound `lipsdp` is asked for, and there is none: {reason}"),
                "leave out the bound: then it is the product of the layers' norms",
            ));
        }
        if network.outputs() == 1 {
            self.loss.check_targets(&data.y)?;
            return Ok(None);
        }
        let classes = network.outputs();
        if self.loss.name() != "logistic" {
            return Err(Error::new(
                format!("the network has {classes} outputs, which are classes, and the loss is `{}`", self.loss),
                "classes of a deep network cost their cross-entropy: say logistic, or give a network with one output",
            ));
        }
        let wrong = data.y.iter().position(|y| !(y.fract() == 0.0 && *y >= 0.0 && *y < classes as f64));
        if let Some(k) = wrong {
            return Err(Error::new(
                format!("the target of row {} is {}, and the network has {classes} classes", k + 1, data.y[k]),
                format!("give the numbers of classes, 0 to {}", classes - 1),
            ));
        }
        Ok(Some(classes))
    }
}
