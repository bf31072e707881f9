//! The range of f over a box or ball: per-sample guarantees under attack.
//!
//! `max { f(x) : x ∈ region }` by branch and bound over the units. In a node, units that are fixed are linear; a free unit with
//! pre-activation h ∈ [l, u] over the region is replaced by a linear function above v·relu(h):
//!
//! ```text
//!     v > 0:   v·u/(u − l) · (h − l)         the chord
//!     v < 0:   0  or  v·h                    whichever touches at the parent's maximizer
//! ```
//!
//! The maximum of the resulting linear function over the node's cell and the region is bounded by Lagrange multipliers
//! ([`Cells::maximize`]); its maximizer is a candidate for the attack; the unit with the largest error there is branched on. When no
//! error is left the bound is attained. The minimum is minus the maximum of −f.
//!
//! Both sides are valid whenever the search is stopped. With x_0 the center and a radius ε this is the exact worst case
//! under attack, which `ε·L` bounds from above and gradient attacks from below.

use super::cell::Cells;
use super::open_nodes::{Node, OpenNodes};
use super::region::Region;
use crate::Shallow;
use crate::dense::EPSILON;
use crate::error::{Error, Result};
use crate::outward::enclose;
use std::ops::ControlFlow;
use tautnet_cone::Stop;

/// When the search for one end of the range stops.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RangeSettings {
    /// The gap at which the search stops, relative to the width of the range that interval arithmetic gives.
    pub relative_gap: f64,
    /// The largest number of nodes for each end.
    pub nodes: usize,
}

impl Default for RangeSettings {
    fn default() -> Self {
        Self { relative_gap: 1e-7, nodes: usize::MAX }
    }
}

/// One end of the range.
#[derive(Debug, Clone, PartialEq)]
pub struct Extreme {
    /// The most extreme value found: f at `point`, or what rounding leaves of it. Infinite, to the inner side, where f overflows
    /// there.
    pub found: f64,
    /// The input that attains it, in the region.
    pub point: Vec<f64>,
    /// No value in the region is more extreme.
    pub bound: f64,
    /// Whether the gap that was asked for has been reached.
    pub closed: bool,
    /// How many nodes were bounded.
    pub explored: usize,
}

/// The range of f over a region, each end from both sides.
#[derive(Debug, Clone, PartialEq)]
pub struct OutputRange {
    /// The smallest value: `bound ≤ min f ≤ found`.
    pub lowest: Extreme,
    /// The largest value: `found ≤ max f ≤ bound`.
    pub highest: Extreme,
}

/// The range of f over a bounded region. The observer is called for every node with the (found, bound) of the end in work;
/// `Break` stops with both sides valid.
pub fn output_range(
    network: &Shallow,
    region: &Region,
    settings: &RangeSettings,
    observer: &mut dyn FnMut(f64, f64) -> ControlFlow<()>,
) -> Result<OutputRange> {
    region.check(network.inputs())?;
    if *region == Region::Everywhere {
        return Err(Error::new(
            "the range of a network over all of space is unbounded",
            "give a box, or a ball around a sample",
        ));
    }
    if settings.relative_gap.is_nan() || settings.relative_gap <= 0.0 {
        return Err(Error::new(
            format!("the relative gap of the output range is {}", settings.relative_gap),
            "give a positive gap, such as 1e-7",
        ));
    }
    let highest = Maximization::new(network, region, settings).run(observer);
    let lowest = Maximization::new(&network.clone().negated(), region, settings)
        .run(&mut |found, bound| observer(-found, -bound));
    Ok(OutputRange { lowest: Extreme { found: -lowest.found, bound: -lowest.bound, ..lowest }, highest })
}

/// The largest value of f over a bounded region, for many regions: corners of boxes are looked at first, which
/// [`output_range`] leaves out.
pub(super) fn highest_value(
    network: &Shallow,
    region: &Region,
    settings: &RangeSettings,
    observer: &mut dyn FnMut(f64, f64) -> ControlFlow<()>,
) -> Extreme {
    let mut search = Maximization::new(network, region, settings);
    search.corners = true;
    search.run(observer)
}

/// `|b_i|` and the largest `Σ|w_ik x_k|` over a region's frame.
fn magnitude(network: &Shallow, i: usize, center: &[f64], half: &[f64]) -> f64 {
    let reach = |k: usize| network.w()[(i, k)].abs() * (center[k].abs() + half[k]);
    network.b()[i].abs() + (0..center.len()).map(reach).sum::<f64>()
}

struct Maximization<'a> {
    network: &'a Shallow,
    region: &'a Region,
    nodes: usize,
    units: Vec<usize>,
    /// The output bias and the units that do not depend on x.
    constant: f64,
    /// [l, u] of the pre-activations, one a unit of `units`.
    ranges: Vec<(f64, f64)>,
    /// Absolute gap at which an end is closed.
    tolerance: f64,
    /// What rounding in forming and evaluating the linear functions can hide.
    rounding: f64,
    found: f64,
    point: Vec<f64>,
    /// With the input at which the node's linear function is largest.
    open: OpenNodes<Vec<f64>>,
    /// Largest bound of a node given up for good.
    settled: f64,
    explored: usize,
    /// Whether a node's linear function is first taken to its best corner of a box, which may lie in the node's cell.
    corners: bool,
}

impl<'a> Maximization<'a> {
    fn new(network: &'a Shallow, region: &'a Region, settings: &RangeSettings) -> Self {
        let (m, d) = (network.units(), network.inputs());
        let row = |i: usize| -> Vec<f64> { (0..d).map(|k| network.w()[(i, k)]).collect() };
        let (moving, still): (Vec<usize>, Vec<usize>) =
            (0..m).filter(|&i| network.v()[i] != 0.0).partition(|&i| row(i).iter().any(|a| *a != 0.0));
        let constant = network.c() + still.iter().map(|&i| network.v()[i] * network.b()[i].max(0.0)).sum::<f64>();
        let ranges: Vec<(f64, f64)> = moving
            .iter()
            .map(|&i| {
                let negated: Vec<f64> = row(i).iter().map(|a| -a).collect();
                (-region.largest_value(&negated, -network.b()[i]), region.largest_value(&row(i), network.b()[i]))
            })
            .collect();
        let (center, half) = region.frame(d);
        let own = network.a().map_or(0.0, |a| (0..d).map(|k| a[k].abs() * (center[k].abs() + half[k])).sum::<f64>());
        let size = (0..m).fold(network.c().abs() + own, |size, i| {
            size + network.v()[i].abs() * magnitude(network, i, &center, &half)
        });
        // Factors and rows may lose the smallest double each, which the others then multiply.
        let extent: f64 = center.iter().zip(&half).map(|(c, h)| c.abs() + h).sum();
        let factors: f64 = size + (0..m).map(|i| magnitude(network, i, &center, &half)).sum::<f64>() + extent + 1.0;
        let linear: f64 = network.a().map_or(0.0, |a| (0..d).map(|k| 2.0 * a[k].abs() * half[k]).sum());
        let width: f64 = linear
            + moving
                .iter()
                .zip(&ranges)
                .map(|(&i, (l, u))| network.v()[i].abs() * (u.max(0.0) - l.max(0.0)))
                .sum::<f64>();
        let terms = m + d + 8 + usize::from(network.a().is_some());
        let rounding = 8.0 * terms as f64 * (EPSILON * size + factors * f64::MIN_POSITIVE);
        // Where a chord's slope or a size overflows nothing is bounded.
        let tame = rounding.is_finite() && ranges.iter().all(|(l, u)| (u - l).is_finite());
        let rounding = if tame { rounding } else { f64::INFINITY };
        Self {
            network,
            region,
            nodes: settings.nodes,
            units: moving,
            constant,
            ranges,
            tolerance: settings.relative_gap * width + rounding,
            rounding,
            found: f64::NEG_INFINITY,
            point: center,
            open: OpenNodes::new(),
            settled: f64::NEG_INFINITY,
            explored: 0,
            corners: false,
        }
    }

    fn run(mut self, observer: &mut dyn FnMut(f64, f64) -> ControlFlow<()>) -> Extreme {
        let units = self.units.clone();
        let cells = Cells::new(self.network, &units, self.region);
        let center = self.point.clone();
        self.found = self.network.value(&center);
        let signs: Vec<i8> = self.ranges.iter().map(|&(l, u)| if u <= 0.0 { -1 } else { i8::from(l >= 0.0) }).collect();
        self.examine(&cells, signs, &center, f64::INFINITY);
        let stop = Stop::here();
        while self.explored < self.nodes && self.open.largest().is_some_and(|bound| bound > self.found + self.tolerance)
        {
            if observer(self.found, self.bound()).is_break() || stop.asked() {
                break;
            }
            let Some(node) = self.open.pop() else { break };
            for sign in [1_i8, -1] {
                let mut signs = node.signs.clone();
                signs[node.branch] = sign;
                self.examine(&cells, signs, &node.payload, node.bound);
            }
        }
        let bound = self.bound();
        let closed = bound.is_finite() && bound <= self.found + 1.5 * self.tolerance + 2.0 * self.rounding;
        // The search compares values as computed; what is told is below the exact one.
        let found = enclose(self.network, &self.point).low;
        Extreme { found, point: self.point, bound, closed, explored: self.explored }
    }

    fn bound(&self) -> f64 {
        // Where something overflows nothing is known; and −∞ + ∞ is not a number.
        if self.rounding == f64::INFINITY {
            return f64::INFINITY;
        }
        let open = self.open.largest().unwrap_or(f64::NEG_INFINITY);
        open.max(self.settled).max(self.found) + self.rounding
    }

    /// Bounds a node and offers its maximizer; keeps it open if branching can help.
    fn examine(&mut self, cells: &Cells<'_>, signs: Vec<i8>, reference: &[f64], inherited: f64) {
        self.explored += 1;
        let network = self.network;
        let d = network.inputs();
        let mut g = network.a().map_or_else(|| vec![0.0; d], <[f64]>::to_vec);
        let mut offset = self.constant;
        for (r, &i) in self.units.iter().enumerate() {
            let (l, u) = self.ranges[r];
            let v = network.v()[i];
            let (slope, lift) = match signs[r] {
                1 => (1.0, 0.0),
                0 if v > 0.0 => (u / (u - l), -l),
                0 if network.pre_activation(i, reference) > 0.0 => (1.0, 0.0),
                _ => (0.0, 0.0),
            };
            (0..d).for_each(|k| g[k] += v * slope * network.w()[(i, k)]);
            offset += v * slope * (network.b()[i] + lift);
        }
        // Where all of the region is on a unit's side, the cell is that of the others.
        let sides = |(sign, (l, u)): (&i8, &(f64, f64))| if *l >= 0.0 || *u <= 0.0 { 0 } else { *sign };
        let cut: Vec<i8> = signs.iter().zip(&self.ranges).map(sides).collect();
        let corner = if self.corners { cells.maximize_at_corner(&cut, &g, offset) } else { None };
        let (bound, maximizer) =
            corner.unwrap_or_else(|| cells.maximize(&cut, (&g, offset), 0.1 * self.tolerance, reference));
        if bound == f64::NEG_INFINITY {
            return;
        }
        let bound = bound.min(inherited);
        let mut maximizer = maximizer.unwrap_or_else(|| reference.to_vec());
        cells.pull_inside(&mut maximizer);
        if self.region.contains(&maximizer) {
            let value = network.value(&maximizer);
            if value > self.found {
                self.found = value;
                self.point.clone_from(&maximizer);
            }
        }
        let error = |r: usize| {
            let (l, u) = self.ranges[r];
            let (v, h) = (network.v()[self.units[r]], network.pre_activation(self.units[r], &maximizer));
            match v > 0.0 {
                true => v * (u / (u - l) * (h - l) - h.max(0.0)),
                false if network.pre_activation(self.units[r], reference) > 0.0 => v * (h - h.max(0.0)),
                false => -v * h.max(0.0),
            }
        };
        let branch = (0..signs.len()).filter(|&r| signs[r] == 0).max_by(|&a, &b| error(a).total_cmp(&error(b)));
        match branch {
            Some(branch) if bound > self.found + self.tolerance => {
                self.open.push(Node { bound, signs, branch, number: self.explored, payload: maximizer });
            }
            _ => self.settled = self.settled.max(bound),
        }
    }
}
