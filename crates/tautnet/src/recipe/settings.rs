//! What a user may ask for, as data.

use crate::polish::{self, Effort, Method, Penalty};
use crate::train::{self, Start};
use crate::{Loss, Norm, tolerance};

/// What was asked for. `None` where nothing was said.
///
/// Every setting has a line in [`Recipe::FIELDS`](Recipe#associatedconstant.FIELDS), by whose name it is set, written and read.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// Hidden units of a network that is trained; `None` where they are chosen, or [`Recipe::units`].
    pub hidden: Option<usize>,
    /// How it is made.
    pub start: Start,
    /// What a wrong prediction costs.
    pub loss: Loss,
    /// λ. `None`: in a polish the method's own; in a fit chosen by validation, where the method has a price of the bound.
    pub lipschitz_price: Option<f64>,
    /// The convex program; `None` for that of the effort.
    pub method: Option<Method>,
    /// Whether the method was named that trains deep networks, [`METHOD`](super::METHOD), which is no convex program. It goes with the layers of
    /// [`Deep`](super::Deep) alone.
    pub deep: bool,
    /// How much time to give to the search for better patterns.
    pub effort: Effort,
    /// λ_w. `None`: in a polish the method's own, and a small one within a tolerance; in a fit [`fit::DECAY`](crate::fit::DECAY).
    /// Where it is above that, the starting network has this price, too.
    pub decay: Option<f64>,
    /// Hard limit on the bound.
    pub max_lipschitz: Option<f64>,
    /// Norm of input changes.
    pub norm: Norm,
    /// Whether the bound or its square is priced.
    pub penalty: Penalty,
    /// Whether the output bias is free, else it is 0.
    pub output_bias: bool,
    /// Whether the network has a linear part beside its units.
    pub linear_part: bool,
    /// How wrong the inputs can be.
    pub tolerance: tolerance::Asked,
    /// Most rounds of the methods that have rounds.
    pub rounds: usize,
    /// Relative duality gap to reach.
    pub tol: f64,
    /// Most iterations of one convex program.
    pub iterations: usize,
    /// Seed of everything that is drawn.
    pub seed: u64,
}

impl Default for Recipe {
    fn default() -> Self {
        let (polish, train) = (polish::Settings::default(), train::Settings::default());
        Self {
            hidden: None,
            start: train.start,
            loss: polish.loss,
            lipschitz_price: None,
            method: None,
            deep: false,
            effort: Effort::default(),
            decay: None,
            max_lipschitz: None,
            norm: polish.norm,
            penalty: polish.penalty,
            output_bias: polish.output_bias,
            linear_part: polish.linear_part,
            tolerance: tolerance::Asked::default(),
            rounds: polish.rounds,
            tol: polish.tol,
            iterations: polish.iterations,
            seed: train.seed,
        }
    }
}

impl Recipe {
    /// Hidden units where they are not chosen.
    pub fn units(&self) -> usize {
        self.hidden.unwrap_or(train::Settings::default().units)
    }
}
