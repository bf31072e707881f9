//! What the searches for the constants of chains share: the chain as they look at it, the best Jacobian so far, and what comes out.
//!
//! A bound on the Jacobian `J = W_L S_{L−1} W_{L−1} ⋯ S_1 W_1 + W_0`, where the slopes S lie within ranges, is the least of two kinds: the norm of the whole product, entry
//! by entry within radii, and for each hidden layer l
//!
//! ```text
//!     ‖diag(K_li) J_l‖ ‖W_{l+1}‖ K_{l+1} ⋯ K_{L−1} ‖W_L‖ + ‖W_0‖,        J_l = W_l S_{l−1} ⋯ S_1 W_1,
//! ```
//!
//! K_li being the p-norm of the largest slopes of unit i of layer l. The first is close where few slopes are open, the second where many are.

use super::ball_matrix::Balls;
use super::directional::{Of, change_at_least};
use super::exact::ExactProgress;
use super::jacobian_search::looked_at;
use super::region::Region;
use super::slope_range::{NEGATIVE, POSITIVE, is_of_lines, openness, steepest, through};
use crate::error::{Error, Result};
use crate::network::Layer;
use crate::outward::{Interval, add_up, mul_up};
use crate::{Network, Norm};

/// Up to so many open questions every combination of answers is looked at.
pub(super) const FEW: usize = 6;

/// Rounding alone leaves something of a gap of 0.
pub(super) const ROUNDING: f64 = 1e-12;

/// When a search over a chain stops by itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChainSearchSettings {
    /// Relative gap at which the constant counts as found.
    pub relative_gap: f64,
    /// The largest number of parts that are bounded.
    pub nodes: usize,
    /// The seed of the inputs that are tried.
    pub seed: u64,
}

impl Default for ChainSearchSettings {
    fn default() -> Self {
        Self { relative_gap: 1e-6, nodes: 100_000, seed: 0 }
    }
}

impl ChainSearchSettings {
    /// The default, with less to do for wide networks: about so many operations.
    pub fn scaled_to(network: &Network, operations: f64) -> Self {
        let weights: usize = network.layers().iter().map(|layer| layer.units() * layer.inputs()).sum();
        let node = 10.0 * weights as f64 * (network.inputs() + 1) as f64 + 3000.0;
        let nodes = (operations / node).clamp(1.0, 2e5);
        Self { nodes: nodes as usize, ..Self::default() }
    }

    fn check(&self) -> Result<()> {
        if self.relative_gap.is_nan() || self.relative_gap < 0.0 {
            return Err(Error::new(
                format!("the relative gap of the search is {}", self.relative_gap),
                "give a gap that is zero or positive, such as 1e-6",
            ));
        }
        Ok(())
    }
}

/// The Lipschitz constant of a chain over a region, from below and from above, as far as a search came.
#[derive(Debug, Clone, PartialEq)]
pub struct ChainEnclosure {
    /// At most the norm of the Jacobian at the point: a lower bound on the constant.
    pub lower_bound: f64,
    /// The input, inside the region.
    pub point: Vec<f64>,
    /// The direction in which the outputs change so fast there.
    pub direction: Vec<f64>,
    /// An upper bound on the constant.
    pub upper_bound: f64,
    /// `(upper − lower) / upper`; 0 for a constant network.
    pub relative_gap: f64,
    /// Whether the gap that was asked for has been reached.
    pub closed: bool,
    /// How many parts were bounded.
    pub explored: usize,
    /// How many parts wait.
    pub open: usize,
    /// How many parts cannot be divided any more, and have a larger bound than what was found; whether they hold an input may be unknown.
    pub undecided: usize,
}

/// A chain, and which of its outputs are looked at in which norm.
pub(super) struct ChainParts<'a> {
    pub network: &'a Network,
    pub norm: Norm,
    pub of: Of,
    /// The weights of the hidden layers.
    pub weights: Vec<Balls>,
    /// The weights of the last layer, of the outputs looked at, and the linear part of these.
    last: Balls,
    linear: Option<(Balls, f64)>,
    /// Of each hidden layer: at least the constant from what it hands on to the outputs.
    after: Vec<f64>,
}

impl<'a> ChainParts<'a> {
    pub fn new(network: &'a Network, norm: Norm, of: Of, known: f64, settings: &ChainSearchSettings) -> Result<Self> {
        settings.check()?;
        if known.is_nan() || known < 0.0 {
            return Err(Error::new(
                format!("the bound that is known of the constant is {known}"),
                "give an upper bound, which may be infinite",
            ));
        }
        if !of.is_of(network.outputs()) {
            return Err(Error::new(
                format!("{of:?} was asked for; the network has {} outputs, counted from 0", network.outputs()),
                "ask for outputs that there are, and for two that differ",
            ));
        }
        let (last, hidden) = network.layers().split_last().expect("a network has a layer");
        let picked = |w: &faer::Mat<f64>| match of {
            Of::All => Balls::exact(w.clone()),
            Of::Output(j) => Balls::exact(w.as_ref().subrows(j, 1).to_owned()),
            Of::Pair(j, k) => Balls::difference(w, j, k),
        };
        let linear = network.linear().map(picked).map(|linear| {
            let norm = linear.norm_at_most(norm);
            (linear, norm)
        });
        let weights: Vec<Balls> = hidden.iter().map(|layer| Balls::exact(layer.weights().clone())).collect();
        let last = picked(last.weights());
        let mut after = vec![last.norm_at_most(norm)];
        for (layer, weights) in hidden.iter().zip(&weights).skip(1).rev() {
            let steep = mul_up(weights.norm_at_most(norm), layer.activation().lipschitz(norm));
            after.push(mul_up(steep, after[after.len() - 1]));
        }
        after.reverse();
        Ok(Self { network, norm, of, weights, last, linear, after })
    }

    pub fn hidden(&self) -> &[Layer] {
        &self.network.layers()[..self.weights.len()]
    }

    /// The Jacobian, from how what the last hidden layer hands on changes.
    pub fn jacobian(&self, handed_on: &Balls) -> Balls {
        let product = self.last.times(handed_on);
        match &self.linear {
            Some((linear, _)) => product.plus(linear),
            None => product,
        }
    }

    /// The Jacobian of a chain without hidden layers.
    pub fn constant(&self) -> Balls {
        match &self.linear {
            Some((linear, _)) => self.last.plus(linear),
            None => self.last.clone(),
        }
    }

    /// A bound on the Jacobian by way of a hidden layer, from how its sums change.
    pub fn bound_after(&self, layer: usize, ranges: &[Interval], of_sums: &Balls) -> f64 {
        let steep = steepest(&self.hidden()[layer], ranges, self.norm);
        let exactly = |(i, steep): (usize, f64)| (i, Interval { low: steep, high: steep });
        let units: Vec<(usize, Interval)> = steep.into_iter().enumerate().map(exactly).collect();
        let before = of_sums.scaled_rows(&units).norm_at_most(self.norm);
        let bound = mul_up(before, self.after[layer]);
        let bound = self.linear.as_ref().map_or(bound, |(_, linear)| add_up(bound, *linear));
        if bound.is_nan() { f64::INFINITY } else { bound }
    }

    /// The largest bound over all answers to the open questions of a layer and those after it.
    pub fn largest_answer(&self, ranges: &[Vec<Interval>], of_sums: &Balls, l: usize) -> f64 {
        let layer = &self.hidden()[l];
        let lines = is_of_lines(layer.activation());
        let open: Vec<usize> = (0..ranges[l].len()).filter(|&i| lines && openness(layer, ranges[l][i]) > 0.0).collect();
        let mut largest = 0.0_f64;
        for answers in 0..1_usize << open.len() {
            let mut chosen = ranges[l].clone();
            for (at, &i) in open.iter().enumerate() {
                chosen[i] = if answers >> at & 1 == 1 { POSITIVE } else { NEGATIVE };
            }
            let handed = through(layer, &chosen, of_sums);
            let bound = match self.weights.get(l + 1) {
                Some(weights) => self.largest_answer(ranges, &weights.times(&handed), l + 1),
                None => self.jacobian(&handed).norm_at_most(self.norm),
            };
            largest = largest.max(bound);
        }
        largest
    }
}

/// The largest Jacobian so far.
#[derive(Debug, Clone)]
pub(super) struct Best {
    /// From below, as it is told.
    pub value: f64,
    pub point: Vec<f64>,
    pub direction: Vec<f64>,
}

impl Best {
    /// Nothing but an input of the region.
    pub fn nothing(point: Vec<f64>) -> Self {
        Self { value: 0.0, direction: vec![0.0; point.len()], point }
    }

    /// Takes an input where it lies inside the region and has a larger Jacobian. Whether it was looked at.
    pub fn offer(&mut self, parts: &ChainParts<'_>, region: &Region, x: &[f64]) -> bool {
        if !lies_inside(region, x) {
            return false;
        }
        let Some((size, direction)) = looked_at(parts.network, parts.norm, parts.of, x) else { return false };
        // Compared with what is told: at a kink the Jacobian may be large, and little can be said of it.
        if size > self.value * (1.0 + ROUNDING) {
            let value = change_at_least(parts.network, parts.norm, parts.of, x, &direction);
            if value > self.value {
                *self = Self { value, point: x.to_vec(), direction };
            }
        }
        true
    }

    /// What came out.
    pub fn enclosure(&self, progress: ExactProgress, undecided: usize, gap: f64) -> ChainEnclosure {
        let upper_bound = progress.upper_bound.max(self.value);
        let relative_gap = super::norm_product::relative_gap(self.value, upper_bound);
        ChainEnclosure {
            lower_bound: self.value,
            point: self.point.clone(),
            direction: self.direction.clone(),
            upper_bound,
            relative_gap,
            closed: relative_gap <= gap,
            explored: progress.explored,
            open: progress.open,
            undecided,
        }
    }
}

/// Whether an input lies in the interior of the region for certain: what changes in any direction from there then does so in the region.
pub(super) fn lies_inside(region: &Region, x: &[f64]) -> bool {
    let finite = x.iter().all(|x| x.is_finite());
    finite
        && match region {
            Region::Everywhere => true,
            Region::Box { lower, upper } => (0..x.len()).all(|k| lower[k] < x[k] && x[k] < upper[k]),
            Region::Ball { center, radius, norm } => {
                let radius = radius.next_down();
                radius > 0.0 && Region::Ball { center: center.clone(), radius, norm: *norm }.contains(x)
            }
        }
}
