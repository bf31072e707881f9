//! The exact Lipschitz constant, by branch and bound over the units.
//!
//! f is piecewise linear, so over a convex region with interior its constant is the largest `‖Σ_{i on} v_i w_i‖_q` over the cells
//! that meet the interior. A node fixes some units on or off and leaves the others free. It is
//!
//! - *tightened*: a free unit whose other sign is proved unattainable in the node is fixed too. Inputs met on the way are
//!   kept: one on each side of a hyperplane answers the question for all nodes that still contain both, and each is
//!   also a candidate for the lower bound;
//! - *bounded*: with p the sum of the slopes that are on, a free unit contributes `½(1 + σ_i) a_i`, so that the largest gradient
//!   over all patterns of the free units is the signed-sum problem of [`super::max_cut`] for the free rows and the row
//!   `2p + Σ_free a_i`: LipSDP with pinned slopes, one row shorter with every unit fixed (column sums for q = ∞);
//! - *branched* on the free unit with the largest multiplier, the node with the largest bound first.
//!
//! Whenever it is stopped, the upper bound covers all nodes that are open, were pruned, or could not be decided, and
//! the lower bound is a gradient validated at an input. [`ExactSearch::run`] goes on from there,
//! and [`super::search_state`] keeps it on disk meanwhile.

use super::cell::{Attainability, Cells};
use super::gradient_search::{Attained, GradientSearchSettings, attained_at, climb_by_flips, largest_gradient_found};
use super::local::{pinned_bound, with_rounding};
use super::max_cut::Limits;
use super::open_nodes::{Node, OpenNodes};
use super::region::Region;
use super::slopes::Slopes;
use crate::error::{Error, Result};
use crate::{Norm, Shallow};
use faer::MatRef;
use std::ops::ControlFlow;
use tautnet_cone::Stop;

/// When branch and bound stops by itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExactSettings {
    /// Relative gap at which the constant counts as closed.
    pub relative_gap: f64,
    /// The largest number of nodes in one call of [`ExactSearch::run`].
    pub nodes: usize,
    /// The settings of the search for a first lower bound.
    pub start: GradientSearchSettings,
}

impl Default for ExactSettings {
    fn default() -> Self {
        Self { relative_gap: 1e-9, nodes: usize::MAX, start: GradientSearchSettings::default() }
    }
}

/// How far the search is: the lower and the upper bound as they stand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExactProgress {
    /// The length of the largest gradient found.
    pub lower_bound: f64,
    /// No gradient in the region is larger.
    pub upper_bound: f64,
    /// How many nodes have been bounded so far.
    pub explored: usize,
    /// How many nodes are waiting.
    pub open: usize,
}

/// Called for every node, and within a node for every unit of a wide network; `Break` stops with both bounds valid.
pub type ExactObserver<'a> = dyn FnMut(&ExactProgress) -> ControlFlow<()> + 'a;

/// An enclosure of the Lipschitz constant over a region.
#[derive(Debug, Clone, PartialEq)]
pub struct Enclosure {
    /// The largest gradient found, with the input that attains it.
    pub found: Option<Attained>,
    /// The length of that gradient, a lower bound on the constant; 0 where nothing was found.
    pub lower_bound: f64,
    /// An upper bound on the constant.
    pub upper_bound: f64,
    /// `(upper − lower) / upper`; 0 for a constant network.
    pub relative_gap: f64,
    /// Whether the gap that was asked for has been reached.
    pub closed: bool,
    /// How many nodes were bounded.
    pub explored: usize,
    /// How many nodes are waiting.
    pub open: usize,
    /// Full patterns whose attainability rounding left undecided and whose gradient exceeds the one found.
    pub undecided: usize,
}

/// Most inputs that a node hands down.
const KEPT_POINTS: usize = 32;

/// Nodes from which the search for a larger gradient always sets out; later only every so often.
const ALWAYS_CLIMB: usize = 100;
const CLIMB_EVERY: usize = 16;
const CLIMB_QUESTIONS: usize = 60;

/// Units × inputs² from which a single unit's question takes long enough to ask whether to go on. A node that is interrupted stays
/// as far as it was tightened.
const WIDE: usize = 2_000_000;

/// Inputs of a node, in homogeneous frame coordinates.
type Points = Vec<Vec<f64>>;

/// A branch and bound that can be stopped and resumed.
pub struct ExactSearch<'a> {
    pub(super) network: &'a Shallow,
    pub(super) region: &'a Region,
    pub(super) norm: Norm,
    settings: ExactSettings,
    pub(super) slopes: Slopes,
    rounding: f64,
    pub(super) found: Option<Attained>,
    pub(super) open: OpenNodes<Points>,
    /// Largest bound of a node given up because it was at most the lower bound (times 1 + the gap asked for).
    pub(super) pruned: f64,
    /// Largest gradient of a full pattern of unknown attainability, and how many there are.
    pub(super) undecided: Vec<f64>,
    pub(super) explored: usize,
    pub(super) started: bool,
}

impl<'a> ExactSearch<'a> {
    /// Checks the input and finds a first lower bound; `data` supplies starting inputs, `norm` measures inputs.
    pub fn new(
        network: &'a Shallow,
        region: &'a Region,
        norm: Norm,
        data: Option<MatRef<'_, f64>>,
        settings: &ExactSettings,
    ) -> Result<Self> {
        let found = largest_gradient_found(network, region, norm, data, &settings.start)?;
        Self::from_input(network, region, norm, found.as_ref().map(|found| &found.point[..]), settings)
    }

    /// Checks the input; the first lower bound is the gradient at `start`, which a search of the caller's found
    /// ([`search_gradients`](super::search_gradients)), if f is differentiable there for certain.
    pub fn from_input(
        network: &'a Shallow,
        region: &'a Region,
        norm: Norm,
        start: Option<&[f64]>,
        settings: &ExactSettings,
    ) -> Result<Self> {
        if settings.relative_gap.is_nan() || settings.relative_gap < 0.0 {
            return Err(Error::new(
                format!("the relative gap of the exact search is {}", settings.relative_gap),
                "give a gap that is zero or positive, such as 1e-9",
            ));
        }
        region.check(network.inputs())?;
        if let Some(start) = start
            && start.len() != network.inputs()
        {
            return Err(Error::new(
                format!(
                    "the starting input has {} entries but the network has {} inputs",
                    start.len(),
                    network.inputs()
                ),
                "give one entry per input",
            ));
        }
        let found = start.and_then(|start| attained_at(network, region, norm, start));
        let slopes = Slopes::of(network)?;
        let cells = Cells::new(network, &slopes.units, region);
        let rounding = slopes.rounding_of(norm.dual(), |r| cells.fixed_sign(r) != Some(-1));
        Ok(Self {
            network,
            region,
            norm,
            settings: *settings,
            slopes,
            rounding,
            found,
            open: OpenNodes::new(),
            pruned: 0.0,
            undecided: Vec::new(),
            explored: 0,
            started: false,
        })
    }

    /// Branches until the gap is closed, the node limit is reached or the observer breaks. Call again to go on.
    pub fn run(&mut self, observer: &mut ExactObserver<'_>) -> Enclosure {
        let units = self.slopes.units.clone();
        let (network, region) = (self.network, self.region);
        let cells = Cells::new(network, &units, region);
        let stop = Stop::here();
        if !self.started {
            let progress = self.progress();
            self.started = true;
            let signs: Vec<i8> = (0..units.len()).map(|r| cells.fixed_sign(r).unwrap_or(0)).collect();
            let points = self.found.iter().map(|found| cells.point(&found.point)).collect();
            let mut ends = false;
            self.examine(&cells, signs, points, f64::INFINITY, &mut || {
                ends = ends || observer(&progress).is_break();
                ends
            });
            if ends {
                return self.enclosure();
            }
        }
        let mut left = self.settings.nodes;
        while left > 0 && self.open.largest().is_some_and(|bound| bound > self.threshold()) {
            let progress = self.progress();
            if observer(&progress).is_break() || stop.asked() {
                break;
            }
            left -= 1;
            let Some(node) = self.open.pop() else { break };
            let mut ends = false;
            self.climb(&cells, &node);
            for sign in [1_i8, -1] {
                let mut signs = node.signs.clone();
                signs[node.branch] = sign;
                let side = |point: &&Vec<f64>| f64::from(sign) * cells.side(node.branch, point) > 0.0;
                let points = node.payload.iter().filter(side).cloned().collect();
                self.examine(&cells, signs, points, node.bound, &mut || {
                    ends = ends || observer(&progress).is_break();
                    ends
                });
            }
            if ends {
                break;
            }
        }
        self.enclosure()
    }

    /// The lower and the upper bound as they stand, without further work.
    pub fn enclosure(&self) -> Enclosure {
        let progress = self.progress();
        let (lower_bound, upper_bound) = (progress.lower_bound, progress.upper_bound);
        let relative_gap = if upper_bound > 0.0 { (upper_bound - lower_bound) / upper_bound } else { 0.0 };
        Enclosure {
            found: self.found.clone(),
            lower_bound,
            upper_bound,
            relative_gap,
            // The second term is what rounding alone leaves when no gap is allowed: a quarter of it at most is in the lower bound.
            closed: self.started
                && relative_gap <= self.settings.relative_gap.max(self.rounding / upper_bound * 1.5) + 1e-15,
            explored: self.explored,
            open: self.open.len(),
            undecided: self.undecided.iter().filter(|&&value| value > self.threshold()).count(),
        }
    }

    /// The largest gradient found, to nearest: what nodes are compared with, whose own rounding is added in the end.
    fn lower(&self) -> f64 {
        self.found.as_ref().map_or(0.0, |found| found.nearest)
    }

    /// Nodes with a bound up to this need no work.
    fn threshold(&self) -> f64 {
        self.lower() * (1.0 + 0.9 * self.settings.relative_gap)
    }

    fn progress(&self) -> ExactProgress {
        let lower_bound = self.found.as_ref().map_or(0.0, |found| found.value);
        let open = self.open.largest().unwrap_or(if self.started { 0.0 } else { f64::INFINITY });
        let undecided = self.undecided.iter().copied().fold(0.0, f64::max);
        let largest = open.max(self.pruned).max(undecided).max(self.lower());
        let upper_bound = with_rounding(largest, self.rounding, &self.slopes);
        ExactProgress { lower_bound, upper_bound, explored: self.explored, open: self.open.len() }
    }

    /// Now and then, climbs from the newest input of a promising node.
    fn climb(&mut self, cells: &Cells<'_>, node: &Node<Points>) {
        if self.explored > ALWAYS_CLIMB && !node.number.is_multiple_of(CLIMB_EVERY) {
            return;
        }
        let start = node
            .payload
            .iter()
            .filter_map(|point| attained_at(self.network, self.region, self.norm, &cells.input(point)))
            .max_by(|a, b| a.nearest.total_cmp(&b.nearest));
        if let Some(start) = start {
            let end = climb_by_flips(self.network, self.region, self.norm, &self.slopes, cells, start, CLIMB_QUESTIONS);
            if end.nearest > self.lower() {
                self.found = Some(end);
            }
        }
    }

    fn offer(&mut self, x: &[f64]) -> bool {
        match attained_at(self.network, self.region, self.norm, x) {
            Some(candidate) => {
                if candidate.nearest > self.lower() {
                    self.found = Some(candidate);
                }
                true
            }
            None => false,
        }
    }

    /// Tightens and bounds a node and puts it where it belongs: nowhere (empty), pruned, undecided or open.
    fn examine(
        &mut self,
        cells: &Cells<'_>,
        mut signs: Vec<i8>,
        mut points: Points,
        inherited: f64,
        ends: &mut dyn FnMut() -> bool,
    ) {
        self.explored += 1;
        if !self.tighten(cells, &mut signs, &mut points, ends) {
            return;
        }
        if signs.iter().all(|&sign| sign != 0) {
            return self.conclude_leaf(cells, &signs, &points);
        }
        let threshold = self.threshold();
        let limits = Limits { tolerance: 1e-10, iterations: 60, enough_below: threshold, hopeless_above: threshold };
        let (bound, branch) = pinned_bound(&self.slopes, self.norm, &signs, &limits);
        let bound = bound.min(inherited);
        if bound <= self.threshold() {
            self.pruned = self.pruned.max(bound);
            return;
        }
        // Points in the middle of the list serve as well as any; the first ones are the oldest.
        points.truncate(KEPT_POINTS);
        self.open.push(Node { bound, signs, branch, number: self.explored, payload: points });
    }

    /// Fixes free units with only one attainable sign; false when the node is empty.
    fn tighten(
        &mut self,
        cells: &Cells<'_>,
        signs: &mut [i8],
        points: &mut Points,
        ends: &mut dyn FnMut() -> bool,
    ) -> bool {
        let inputs = self.network.inputs();
        let wide = signs.len() * inputs * inputs >= WIDE;
        for r in 0..signs.len() {
            if signs[r] != 0 {
                continue;
            }
            if wide && ends() {
                break;
            }
            let mut possible = [false, false];
            for point in points.iter() {
                let side = cells.side(r, point);
                possible[0] |= side < 0.0;
                possible[1] |= side > 0.0;
            }
            for (slot, sign) in [(0, -1_i8), (1, 1)] {
                if possible[slot] {
                    continue;
                }
                signs[r] = sign;
                possible[slot] = match cells.decide(signs, false) {
                    Attainability::Attainable(point) => {
                        self.offer(&cells.input(&point));
                        points.push(point);
                        true
                    }
                    Attainability::Undecided => true,
                    Attainability::Unattainable => false,
                };
            }
            signs[r] = match possible {
                [true, true] => 0,
                [false, true] => 1,
                [true, false] => -1,
                [false, false] => return false,
            };
        }
        true
    }

    fn conclude_leaf(&mut self, cells: &Cells<'_>, signs: &[i8], points: &[Vec<f64>]) {
        let value = pinned_bound(&self.slopes, self.norm, signs, &Limits::default()).0;
        if value <= self.threshold() {
            self.pruned = self.pruned.max(value);
            return;
        }
        let wanted = |search: &Self| search.lower() * (1.0 + 1e-12) >= value;
        for point in points {
            self.offer(&cells.input(point));
            if wanted(self) {
                self.pruned = self.pruned.max(value);
                return;
            }
        }
        match cells.decide(signs, true) {
            Attainability::Unattainable => return,
            Attainability::Attainable(point) => {
                self.offer(&cells.input(&point));
            }
            Attainability::Undecided => {}
        }
        if wanted(self) {
            self.pruned = self.pruned.max(value);
        } else if Stop::here().asked() {
            // There was no time to decide: it stays open. Whoever goes on examines it again, on either side of a unit.
            let (signs, payload) = (signs.to_vec(), points.to_vec());
            self.open.push(Node { bound: value, signs, branch: 0, number: self.explored, payload });
        } else {
            self.undecided.push(value);
        }
    }
}

/// The Lipschitz constant over a region, run until closed or stopped.
pub fn exact_lipschitz(
    network: &Shallow,
    region: &Region,
    norm: Norm,
    data: Option<MatRef<'_, f64>>,
    settings: &ExactSettings,
    observer: &mut ExactObserver<'_>,
) -> Result<Enclosure> {
    Ok(ExactSearch::new(network, region, norm, data, settings)?.run(observer))
}
