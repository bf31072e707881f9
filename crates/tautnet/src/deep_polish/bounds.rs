//! The bounds of a network as the objective has them, and what one layer can do about them.

use super::ball::Ball;
use super::settings::{Bound, Settings};
use super::spread::Spread;
use crate::certify::{ChainLipsdpSettings, Of, chain_lipsdp, layer_norm_upper_bound, layer_norms_by_multipliers};
use crate::error::{Error, Result};
use crate::{Network, Norm, certify};
use faer::Mat;
use tautnet_verify::ChainLipsdp;
use tautnet_verify::evidence::Units;

/// What is known of a network.
#[derive(Debug, Clone)]
pub(super) struct Bounds {
    /// The norms of the layers.
    pub layers: Vec<f64>,
    /// The constants of the activations, all together.
    pub between: f64,
    /// The bound that has the price and the limit.
    pub bound: f64,
    /// The multipliers that prove it, where it is LipSDP.
    pub proof: Option<ChainLipsdp>,
}

/// What one layer can do about the bounds.
#[derive(Debug)]
pub(super) struct OfLayer {
    /// The norm of its weights that counts.
    pub ball: Ball,
    /// The bound that has a price, for each unit of that norm.
    pub bound: f64,
    /// How far the outputs may be off for each unit of the norm: `None` where that is no matter of one number.
    pub moves: Option<Vec<f64>>,
    /// How far they may be off for each unit of the lengths of the last layer's rows, where this is the last layer and has several.
    pub spread: Option<f64>,
}

/// How far outputs may be off at a distance of 1 in what the last layer is given.
fn steepness(last: &Mat<f64>, inputs: usize, norm: Norm) -> Vec<f64> {
    let count = last.nrows();
    let row = |j: usize| (0..inputs).map(move |k| last[(j, k)]);
    if count == 1 {
        return vec![Spread::exact(norm, row(0))];
    }
    let pair = |y: usize, j: usize| Spread::exact(norm, row(y).zip(row(j)).map(|(a, b)| a - b));
    (0..count * count).map(|at| pair(at / count, at % count)).collect()
}

impl Bounds {
    /// All of them, computed anew; `None` where it is time to stop before they are.
    pub fn of(network: &Network, settings: &Settings) -> Result<Self> {
        let trivial = certify::trivial_bound(network, settings.norm);
        if !trivial.bound.is_finite() {
            return Err(Error::new(
                format!("the product of the norms of the layers is {}", trivial.bound),
                "give a network whose weights are smaller",
            ));
        }
        let hidden = &network.layers()[..network.layers().len() - 1];
        let between = hidden.iter().map(|layer| layer.activation().lipschitz(settings.norm)).product();
        let (mut bound, mut proof) = (trivial.bound, None);
        if settings.bound == Bound::Lipsdp && settings.has_price() {
            let units = Units::standardized(network.inputs());
            let lipsdp = ChainLipsdpSettings { tolerance: 1e-6, ..ChainLipsdpSettings::default() };
            proof = chain_lipsdp(network, Of::All, (&units, None), &lipsdp, &mut |_| {}).best;
            if let Some(proof) = &proof {
                bound = bound.min(proof.bound);
            }
        }
        Ok(Self { layers: trivial.layers, between, bound, proof })
    }

    /// How far outputs may be off within the radius, by the product of norms: for each pair of classes, or of the one output.
    pub fn moves(&self, network: &Network, settings: &Settings) -> Vec<f64> {
        let count = network.outputs();
        if settings.radius == 0.0 {
            return vec![0.0; count * count];
        }
        let last = network.layers().last().expect("a network has a layer");
        let before: f64 = self.layers[..self.layers.len() - 1].iter().product::<f64>() * self.between;
        let mut moves = steepness(last.weights(), last.inputs(), settings.norm);
        moves.iter_mut().for_each(|size| *size *= settings.radius * before);
        moves
    }

    /// What layer l can do.
    pub fn of_layer(&self, network: &Network, l: usize, settings: &Settings) -> Option<OfLayer> {
        let last = self.layers.len() - 1;
        let others: f64 = self.between * (0..=last).filter(|&k| k != l).map(|k| self.layers[k]).product::<f64>();
        let weighted = match (&self.proof, settings.bound, settings.has_price()) {
            (Some(proof), Bound::Lipsdp, true) => {
                let norms = layer_norms_by_multipliers(network, proof)?;
                Some(norms.into_iter().nth(l)?)
            }
            (None, Bound::Lipsdp, true) => return None,
            _ => None,
        };
        let bound = weighted.as_ref().map_or(others, |weighted| weighted.unit);
        let (mut moves, mut spread) = (None, None);
        if settings.radius > 0.0 {
            let weights = network.layers()[last].weights();
            let hidden: f64 = self.between * self.layers[..last].iter().product::<f64>();
            if l < last {
                let each = settings.radius * hidden / self.layers[l];
                let all = steepness(weights, weights.ncols(), settings.norm);
                moves = Some(all.into_iter().map(|size| each * size).collect());
            } else if network.outputs() == 1 {
                moves = Some(vec![settings.radius * hidden]);
            } else {
                spread = Some(settings.radius * hidden);
            }
        }
        let ball = weighted.map_or_else(|| Ball::plain(settings.norm), Ball::weighted);
        let finite = bound.is_finite() && moves.iter().flatten().all(|size: &f64| size.is_finite());
        finite.then_some(OfLayer { ball, bound, moves, spread })
    }

    /// The bounds where layer l has other weights: exactly those of the product of norms, and at least LipSDP.
    pub fn with_layer(&self, l: usize, w: &Mat<f64>, of_layer: &OfLayer, settings: &Settings) -> Self {
        let mut with = self.clone();
        with.layers[l] = layer_norm_upper_bound(w.as_ref(), settings.norm);
        let product = with.between * with.layers.iter().product::<f64>();
        with.bound = match self.proof {
            Some(_) => product.min(of_layer.bound * of_layer.ball.size(w)),
            None => product,
        };
        with
    }
}
