//! The mean loss of a network, as a pass over the rows.

use super::Loss;
use crate::{
    Shallow,
    rows::{Block, Pass},
};
use serde::{Deserialize, Serialize};

/// The losses of a network's predictions.
pub(super) struct Losses<'a> {
    pub loss: &'a Loss,
    pub network: &'a Shallow,
}

/// Sums over rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Total {
    /// Σ ω loss(f(x_k), y_k).
    pub loss: f64,
    /// Σ ω.
    pub weight: f64,
}

/// The terms of both sums.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Terms {
    loss: Vec<f64>,
    weight: Vec<f64>,
}

/// The blocks evaluate the network; their terms are added one by one, so that the sum is that of one loop over all
/// rows.
impl Pass for Losses<'_> {
    type Part = Terms;
    type Sum = Total;

    fn work(&self) -> usize {
        self.network.inputs() * self.network.units()
    }

    fn nothing(&self) -> Total {
        Total { loss: 0.0, weight: 0.0 }
    }

    fn visit(&self, block: &Block<'_>) -> Terms {
        if self.network.outputs() > 1 {
            let row = |k: usize| block.x.row(k).iter().copied().collect::<Vec<f64>>();
            let targets = |k: usize| (0..block.targets()).map(|number| block.target(k, number)).collect::<Vec<f64>>();
            let one = |k: usize| block.weight(k) * self.loss.of_row(self.network, &row(k), &targets(k));
            return Terms { loss: (0..block.rows()).map(one).collect(), weight: block.weight_terms() };
        }
        let mut loss = self.network.predict(block.x);
        let ones = if block.weights.is_none() { vec![1.0; block.rows()] } else { Vec::new() };
        self.loss.terms(&mut loss, block.y, block.weights.unwrap_or(&ones));
        Terms { loss, weight: block.weight_terms() }
    }

    fn merge(&self, into: &mut Total, next: Terms) {
        next.loss.iter().for_each(|term| into.loss += term);
        next.weight.iter().for_each(|term| into.weight += term);
    }
}
