//! The Lipschitz constant of a chain over a box or a ball, by branch and bound over the inputs.
//!
//! A part of the region is a box. The sums of all units are enclosed in it in two ways, whose intersection is taken: layer by layer, and by the mean value
//! theorem,
//!
//! ```text
//!     h_l(x) ∈ h_l(c) ± Σ_k |J_l|_k half_k,        J_l ∋ ∂h_l/∂x in all of the box, c its center,
//! ```
//!
//! so that a range shrinks with the box as fast as it can. The ranges bound the slopes (`slope_range.rs`), these the next J_l and in the end the Jacobian (`chain_parts.rs`).
//! Where few questions are open, and each has two answers, the Jacobian is bounded for every combination of answers: then a part
//! is done with when the largest of these has been found. The box with the largest bound is halved, in the input that moves the open sums most.
//!
//! A chain is Lipschitz, so its constant over a convex region is the largest norm of its Jacobian where it has one, and the theorem holds with any matrices that
//! hold the Jacobians of the box. Whenever the search is stopped, the upper bound covers all boxes that wait or were given up. The lower one is a directional derivative at an input
//! in the interior of the region, rounded down.

use super::ball_matrix::{Balls, middle_and_radius};
use super::chain_parts::{Best, ChainEnclosure, ChainParts, ChainSearchSettings, FEW, ROUNDING};
use super::directional::{Ball, Of, affine, handed_on};
use super::exact::{ExactObserver, ExactProgress};
use super::open_nodes::{Node, OpenNodes};
use super::region::Region;
use super::slope_range::{both, is_of_lines, openness, through, values};
use crate::dense::EPSILON;
use crate::error::{Error, Result};
use crate::network::Layer;
use crate::outward::{Interval, add_down, add_up, distance_up, mul_up};
use crate::{Network, Norm, ball};
use faer::MatRef;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use tautnet_cone::Stop;

/// Inputs that are tried at first, beside the rows.
const FIRST: usize = 64;

/// The most rows that are tried.
const ROWS: usize = 256;

/// A box of inputs.
#[derive(Debug, Clone, PartialEq)]
struct Place {
    lower: Vec<f64>,
    upper: Vec<f64>,
}

impl Place {
    fn center(&self) -> Vec<f64> {
        self.lower.iter().zip(&self.upper).map(|(a, b)| 0.5 * a + 0.5 * b).collect()
    }
}

/// What was seen of a place.
struct Seen {
    bound: f64,
    /// How much each input moves the open sums.
    moves: Vec<f64>,
}

/// Encloses the constant over a box or a ball, inputs and outputs being measured in the norm. `rows` are inputs that are tried, and `known` is an upper bound on the
/// constant over all inputs. It ends where the gap is reached, at the largest number of nodes, where the observer breaks, or where it is time to
/// stop ([`Stop::here`]).
pub fn chain_local(
    network: &Network,
    (region, norm, of): (&Region, Norm, Of),
    rows: Option<MatRef<'_, f64>>,
    known: f64,
    settings: &ChainSearchSettings,
    observer: &mut ExactObserver<'_>,
) -> Result<ChainEnclosure> {
    let parts = ChainParts::new(network, norm, of, known, settings)?;
    region.check(network.inputs())?;
    if let Some(rows) = rows.filter(|rows| rows.ncols() != network.inputs()) {
        return Err(Error::new(
            format!("the data has {} columns but the network has {} inputs", rows.ncols(), network.inputs()),
            "give the data the network was trained on",
        ));
    }
    let place = match region {
        Region::Everywhere => {
            return Err(Error::new(
                "a bound over a region was asked for, and the region is all of space",
                "give a box or a ball",
            ));
        }
        Region::Box { lower, upper } => Place { lower: lower.clone(), upper: upper.clone() },
        Region::Ball { center, radius, .. } => Place {
            lower: center.iter().map(|c| add_down(*c, -radius)).collect(),
            upper: center.iter().map(|c| add_up(*c, *radius)).collect(),
        },
    };
    if !place.lower.iter().chain(&place.upper).all(|end| end.is_finite()) {
        return Err(Error::new("the ball's ends are no doubles", "give a smaller radius"));
    }
    let mut search = Search {
        best: Best::nothing(place.center()),
        parts,
        region,
        open: OpenNodes::new(),
        given_up: 0.0,
        stuck: Vec::new(),
        explored: 0,
        gap: settings.relative_gap.max(ROUNDING),
        random: Pcg64::seed_from_u64(settings.seed),
        stop: Stop::here(),
    };
    search.first_inputs(&place, rows);
    search.run(place, known, settings.nodes, observer);
    let known = search.progress(known);
    let threshold = search.threshold();
    let stuck = search.stuck.iter().filter(|&&bound| bound > threshold).count();
    Ok(search.best.enclosure(known, stuck, settings.relative_gap.max(ROUNDING)))
}

struct Search<'a> {
    parts: ChainParts<'a>,
    region: &'a Region,
    best: Best,
    open: OpenNodes<Place>,
    /// The largest bound of a box that was given up.
    given_up: f64,
    /// The bounds of boxes that cannot be halved.
    stuck: Vec<f64>,
    explored: usize,
    gap: f64,
    random: Pcg64,
    stop: Stop,
}

impl Search<'_> {
    fn threshold(&self) -> f64 {
        self.best.value * (1.0 + 0.9 * self.gap)
    }

    fn progress(&self, known: f64) -> ExactProgress {
        let stuck = self.stuck.iter().copied().fold(0.0, f64::max);
        let open = self.open.largest().unwrap_or(if self.explored == 0 { known } else { 0.0 });
        let upper_bound = open.max(self.given_up).max(stuck).max(self.best.value);
        ExactProgress { lower_bound: self.best.value, upper_bound, explored: self.explored, open: self.open.len() }
    }

    fn offer(&mut self, x: &[f64]) {
        self.best.offer(&self.parts, self.region, x);
    }

    /// The middle, rows of the data and random inputs of the region.
    fn first_inputs(&mut self, place: &Place, rows: Option<MatRef<'_, f64>>) {
        self.offer(&place.center());
        if let Some(rows) = rows.filter(|rows| rows.nrows() > 0) {
            let count = rows.nrows().min(ROWS);
            for row in (0..count).map(|at| at * rows.nrows() / count) {
                if self.stop.asked() {
                    return;
                }
                let x: Vec<f64> = (0..rows.ncols()).map(|k| rows[(row, k)]).collect();
                self.offer(&x);
            }
        }
        for _ in 0..FIRST {
            if self.stop.asked() {
                return;
            }
            let x = self.input_of(place);
            self.offer(&x);
        }
    }

    /// A random input of a box, or of the ball.
    fn input_of(&mut self, place: &Place) -> Vec<f64> {
        if let Region::Ball { center, radius, norm } = self.region
            && self.explored == 0
        {
            let mut delta = vec![0.0; center.len()];
            ball::random_point(*norm, *radius, &mut delta, &mut self.random);
            return center.iter().zip(&delta).map(|(c, delta)| c + delta).collect();
        }
        let random = &mut self.random;
        let between = |(a, b): (&f64, &f64)| a + random.random::<f64>() * (b - a);
        place.lower.iter().zip(&place.upper).map(between).collect()
    }

    fn run(&mut self, place: Place, known: f64, nodes: usize, observer: &mut ExactObserver<'_>) {
        if self.stop.asked() {
            return;
        }
        let root = match self.region {
            Region::Ball { center, radius, norm } => {
                // The middle of the box around the ball is its center up to rounding.
                let apart: Vec<f64> = place.center().iter().zip(center).map(|(a, b)| distance_up(*a, *b)).collect();
                let room = 1.0 + (center.len() + 6) as f64 * EPSILON;
                Some((add_up(*radius, mul_up(norm.of(&apart), room).next_up()), *norm))
            }
            _ => None,
        };
        self.examine(place, root, known);
        while self.explored < nodes && self.open.largest().is_some_and(|bound| bound > self.threshold()) {
            if observer(&self.progress(known)).is_break() || self.stop.asked() {
                return;
            }
            let Some(node) = self.open.pop() else { return };
            let k = node.branch;
            let (low, high) = (node.payload.lower[k], node.payload.upper[k]);
            let middle = 0.5 * low + 0.5 * high;
            if !(low < middle && middle < high) {
                self.stuck.push(node.bound);
                continue;
            }
            let (mut left, mut right) = (node.payload.clone(), node.payload);
            (left.upper[k], right.lower[k]) = (middle, middle);
            for half in [left, right] {
                if !self.is_outside(&half) {
                    self.examine(half, None, node.bound);
                }
            }
        }
    }

    /// Whether a box has no input in common with the ball.
    fn is_outside(&self, place: &Place) -> bool {
        let Region::Ball { center, radius, norm } = self.region else { return false };
        // The distance of each input, from below: a box that is nearer for certain is never left out.
        let apart = |k: usize| {
            let c = center[k];
            add_down(place.lower[k], -c).max(add_down(c, -place.upper[k])).max(0.0)
        };
        let least: Vec<f64> = (0..center.len()).map(apart).collect();
        norm.of(&least) > radius * (1.0 + 1e-9)
    }

    /// Bounds a box and puts it where it belongs.
    fn examine(&mut self, place: Place, ball: Option<(f64, Norm)>, inherited: f64) {
        self.explored += 1;
        let center = place.center();
        self.offer(&center);
        if self.explored > 1 {
            let x = self.input_of(&place);
            self.offer(&x);
        }
        let seen = self.look(&place, &center, ball);
        let bound = if seen.bound.is_nan() { inherited } else { seen.bound.min(inherited) };
        if bound <= self.threshold() {
            self.given_up = self.given_up.max(bound);
            return;
        }
        let widest = |k: &usize| place.upper[*k] - place.lower[*k];
        let moves = |k: &usize| if seen.moves[*k].is_finite() { seen.moves[*k] } else { 0.0 };
        let by =
            |a: &usize, b: &usize| moves(a).total_cmp(&moves(b)).then(widest(a).total_cmp(&widest(b))).then(b.cmp(a));
        let branch = (0..center.len()).max_by(by).unwrap_or(0);
        self.open.push(Node { bound, signs: Vec::new(), branch, number: self.explored, payload: place });
    }

    /// Bounds the Jacobians of a box.
    fn look(&self, place: &Place, center: &[f64], ball: Option<(f64, Norm)>) -> Seen {
        let (parts, d) = (&self.parts, center.len());
        let half: Vec<f64> = (0..d)
            .map(|k| distance_up(place.upper[k], center[k]).max(distance_up(center[k], place.lower[k])))
            .collect();
        let mut seen = Seen { bound: f64::INFINITY, moves: vec![0.0; d] };
        if parts.hidden().is_empty() {
            seen.bound = parts.constant().norm_at_most(parts.norm);
            return seen;
        }
        let enclosed = |range: Interval| {
            let (middle, radius) = middle_and_radius(range);
            Ball { middle, radius }
        };
        let mut inputs: Vec<Ball> =
            (0..d).map(|k| enclosed(Interval { low: place.lower[k], high: place.upper[k] })).collect();
        let mut at_center: Vec<Ball> = center.iter().map(|&middle| Ball { middle, radius: 0.0 }).collect();
        let mut all = Vec::new();
        let mut handed = None;
        for (l, layer) in parts.hidden().iter().enumerate() {
            let of_sums = match &handed {
                None => parts.weights[0].clone(),
                Some(handed) => parts.weights[l].times(handed),
            };
            let sums_at_center = affine(layer.weights(), &at_center, Some(layer.bias()));
            let layerwise = affine(layer.weights(), &inputs, Some(layer.bias()));
            let about = Around { center: &sums_at_center, of_sums: &of_sums, half: &half, ball };
            let sums: Vec<Interval> =
                layerwise.iter().enumerate().map(|(i, ball)| both(interval(*ball), about.sum(i))).collect();
            let ranges = match layer.activation().unit() {
                Some(_) => sums.clone(),
                None => about.differences(&sums),
            };
            seen.bound = seen.bound.min(parts.bound_after(l, &ranges, &of_sums));
            about.moves(layer, &ranges, &mut seen.moves);
            inputs = values(layer, &sums).into_iter().map(enclosed).collect();
            let still = vec![Ball::default(); sums_at_center.len()];
            at_center = handed_on(layer, &sums_at_center, &still).0;
            handed = Some(through(layer, &ranges, &of_sums));
            all.push(ranges);
            if self.stop.asked() {
                return seen;
            }
        }
        let handed = handed.expect("there is a hidden layer");
        seen.bound = seen.bound.min(parts.jacobian(&handed).norm_at_most(parts.norm));
        let open = |(layer, ranges): (&Layer, &Vec<Interval>)| {
            let open = ranges.iter().filter(|range| openness(layer, **range) > 0.0).count();
            if is_of_lines(layer.activation()) { open } else { 0 }
        };
        let open: usize = parts.hidden().iter().zip(&all).map(open).sum();
        if (1..=FEW).contains(&open) && seen.bound > self.threshold() {
            seen.bound = seen.bound.min(parts.largest_answer(&all, &parts.weights[0], 0));
        }
        seen
    }
}

/// What is known of the sums of a layer around the center of a box.
struct Around<'a> {
    center: &'a [Ball],
    of_sums: &'a Balls,
    half: &'a [f64],
    ball: Option<(f64, Norm)>,
}

impl Around<'_> {
    /// At least how far the inputs of the box move something that changes by at most so much an input.
    fn reach(&self, change: impl Fn(usize) -> f64) -> f64 {
        let (d, half) = (self.half.len(), self.half);
        let room = 1.0 + (d + 6) as f64 * EPSILON;
        let in_box = (0..d).map(|k| change(k) * half[k]).sum::<f64>() * room + d as f64 * f64::MIN_POSITIVE;
        let in_ball = self.ball.map_or(f64::INFINITY, |(radius, norm)| {
            let row: Vec<f64> = (0..d).map(&change).collect();
            mul_up(radius, norm.dual().of(&row).next_up() * room).next_up()
        });
        in_box.min(in_ball)
    }

    fn sum(&self, i: usize) -> Interval {
        let reach = self.reach(|k| self.of_sums.middle[(i, k)].abs() + self.of_sums.radius[(i, k)]);
        widened(interval(self.center[i]), reach)
    }

    /// The ranges of the differences of two sums.
    fn differences(&self, sums: &[Interval]) -> Vec<Interval> {
        let half = sums.len() / 2;
        let of_pair = |i: usize| {
            let (a, b) = (i, half + i);
            let layerwise =
                Interval { low: add_down(sums[a].low, -sums[b].high), high: add_up(sums[a].high, -sums[b].low) };
            let (at_a, at_b) = (interval(self.center[a]), interval(self.center[b]));
            let at_center = Interval { low: add_down(at_a.low, -at_b.high), high: add_up(at_a.high, -at_b.low) };
            let g = self.of_sums;
            let reach = self.reach(|k| {
                let apart = distance_up(g.middle[(a, k)], g.middle[(b, k)]);
                apart + g.radius[(a, k)] + g.radius[(b, k)]
            });
            both(layerwise, widened(at_center, reach))
        };
        (0..half).map(of_pair).collect()
    }

    /// How much each input moves the sums whose slopes are open.
    fn moves(&self, layer: &Layer, ranges: &[Interval], moves: &mut [f64]) {
        for (i, range) in ranges.iter().enumerate() {
            let open = openness(layer, *range);
            let width = range.high - range.low;
            if open > 0.0 && width > 0.0 && width.is_finite() {
                for (k, moves) in moves.iter_mut().enumerate() {
                    let size = |i: usize| self.of_sums.middle[(i, k)].abs() + self.of_sums.radius[(i, k)];
                    let change =
                        if layer.activation().unit().is_some() { size(i) } else { size(i) + size(ranges.len() + i) };
                    *moves += open * change * self.half[k] / width;
                }
            }
        }
    }
}

fn interval(ball: Ball) -> Interval {
    widened(Interval { low: ball.middle, high: ball.middle }, ball.radius)
}

fn widened(range: Interval, by: f64) -> Interval {
    if by.is_nan() || range.low.is_nan() || range.high.is_nan() {
        return Interval::EVERYTHING;
    }
    Interval { low: add_down(range.low, -by), high: add_up(range.high, by) }
}
