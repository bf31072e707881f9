//! How fast a network changes in a direction, from below: a number that is true of the function of real numbers.
//!
//! For an input x and a direction t, both exact doubles, the directional derivative `f′(x; t)` of the chain
//! `f(x) = W_L σ_{L−1}( … σ_1(W_1 x + b_1) … ) + b_L + W_0 x` is found layer by layer: `h = W x + b` and `t ← W t` at the sums, and `t ← σ′(h) t` at the units.
//! It exists at kinks too, where σ′ is one of the two slopes. Since `‖f(x + st) − f(x)‖ ≤ L s‖t‖` for every s > 0, `‖f′(x; t)‖ / ‖t‖ ≤ L`.
//!
//! **Rounding.** Every number is kept as a middle and a radius that hold the exact one. A sum of n products, computed in any order, is off by at most
//! (n + 1)u of the sum of the absolute values of its terms, to first order; (n + 4)·2u is taken, and 2⁻¹⁰²² for each product that may underflow. A slope
//! is that of the side on which h lies for certain, or any between the two; where it changes smoothly it is off by `bend · radius`, and by 2⁻⁴⁸ for the functions of
//! the platform, which are taken to be right to 2 units in the last place.

use crate::activation::Unit;
use crate::dense::EPSILON;
use crate::network::Layer;
use crate::outward::div_down;
use crate::{Network, Norm};
use faer::Mat;

/// Which of the outputs are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// All of them together, measured in the norm of the inputs.
    All,
    /// One of them.
    Output(usize),
    /// The difference of two.
    Pair(usize, usize),
}

impl Of {
    /// Whether there is that among so many outputs.
    pub fn is_of(self, outputs: usize) -> bool {
        match self {
            Self::All => true,
            Self::Output(j) => j < outputs,
            Self::Pair(j, k) => j < outputs && k < outputs && j != k,
        }
    }
}

/// A number that is off by at most a radius.
#[derive(Clone, Copy, Default)]
pub(super) struct Ball {
    pub middle: f64,
    pub radius: f64,
}

/// What the platform's functions may be off by, and what is made of them in a few operations.
pub(super) const PLATFORM: f64 = 16.0 * EPSILON;

/// `W x + bias` of balls.
pub(super) fn affine(w: &Mat<f64>, x: &[Ball], bias: Option<&[f64]>) -> Vec<Ball> {
    let (m, n) = (w.nrows(), w.ncols());
    let mut sums: Vec<f64> = bias.map_or(vec![0.0; m], <[f64]>::to_vec);
    let mut sizes: Vec<f64> = sums.iter().map(|sum| sum.abs()).collect();
    let mut radii = vec![0.0; m];
    for (k, x) in x.iter().enumerate() {
        for (i, &w) in w.col_as_slice(k).iter().enumerate() {
            sums[i] += w * x.middle;
            sizes[i] += (w * x.middle).abs();
            radii[i] += w.abs() * x.radius;
        }
    }
    let factor = (n + 4) as f64 * EPSILON;
    let room = 1.0 + (n + 8) as f64 * EPSILON;
    let tiny = (2 * n + 4) as f64 * f64::MIN_POSITIVE;
    let one = |i: usize| Ball { middle: sums[i], radius: (factor * sizes[i] + radii[i]) * room + tiny };
    (0..m).map(one).collect()
}

/// What a branch of a unit makes of a ball, and its slope there.
fn through(activation: &dyn Unit, h: Ball, branch: usize) -> (Ball, Ball) {
    let Ball { middle, radius } = h;
    let value = activation.value(middle, branch);
    let [low, high] = activation.sector(branch);
    let steepest = low.abs().max(high.abs());
    let rounding = 2.0 * EPSILON * value.abs() + f64::MIN_POSITIVE;
    let exactly = |slope: f64| Ball { middle: slope, radius: 0.0 };
    let within = |radius: f64| Ball { middle: value, radius: radius * (1.0 + 4.0 * EPSILON) };
    match activation.pieces(branch) {
        Some([_, right]) if middle > radius => (within(right.abs() * radius + rounding), exactly(right)),
        Some([left, _]) if middle < -radius => (within(left.abs() * radius + rounding), exactly(left)),
        Some([left, right]) if left == right => (within(steepest * radius + rounding), exactly(left)),
        Some(_) => {
            let slope = Ball { middle: 0.5 * (low + high), radius: 0.5 * (high - low) + 4.0 * EPSILON };
            (within(steepest * radius + rounding), slope)
        }
        None => {
            let slope = activation.slope(middle, branch);
            let off = activation.bend() * radius * (1.0 + 4.0 * EPSILON) + PLATFORM;
            (
                within(steepest * radius + rounding + PLATFORM * value.abs().max(1.0)),
                Ball { middle: slope, radius: off },
            )
        }
    }
}

fn times(a: Ball, b: Ball) -> Ball {
    let middle = a.middle * b.middle;
    let off = a.middle.abs() * b.radius + a.radius * b.middle.abs() + a.radius * b.radius;
    Ball { middle, radius: (off + EPSILON * middle.abs()) * (1.0 + 8.0 * EPSILON) + 4.0 * f64::MIN_POSITIVE }
}

fn plus(a: Ball, b: Ball) -> Ball {
    let middle = a.middle + b.middle;
    Ball { middle, radius: (a.radius + b.radius + EPSILON * middle.abs()) * (1.0 + 4.0 * EPSILON) + f64::MIN_POSITIVE }
}

/// At most `‖f′(x; t)‖ / ‖t‖` of the outputs looked at, hence of their Lipschitz constant; 0 where nothing can be said.
pub(super) fn change_at_least(network: &Network, norm: Norm, of: Of, x: &[f64], t: &[f64]) -> f64 {
    let exact = |x: &[f64]| x.iter().map(|&middle| Ball { middle, radius: 0.0 }).collect::<Vec<_>>();
    let (input, direction) = (exact(x), exact(t));
    let (mut x, mut t) = (input.clone(), direction.clone());
    let (last, hidden) = network.layers().split_last().expect("a network has a layer");
    for layer in hidden {
        (x, t) = step(layer, &x, &t);
    }
    let mut change = affine(last.weights(), &t, None);
    if let Some(linear) = network.linear() {
        change = change.into_iter().zip(affine(linear, &direction, None)).map(|(a, b)| plus(a, b)).collect();
    }
    let change = match of {
        Of::All => change,
        Of::Output(j) => vec![change[j]],
        Of::Pair(j, k) => vec![plus(change[j], Ball { middle: -change[k].middle, ..change[k] })],
    };
    if !change.iter().all(|ball| ball.middle.is_finite() && ball.radius.is_finite()) {
        return 0.0;
    }
    let sizes: Vec<f64> = change.iter().map(|ball| (ball.middle.abs() - ball.radius).next_down().max(0.0)).collect();
    let room = |count: usize| (count + 8) as f64 * EPSILON;
    let moved: Vec<f64> = direction.iter().map(|t| t.middle).collect();
    let longest = (norm.of(&moved) * (1.0 + room(moved.len()))).next_up();
    let least = if sizes.len() == 1 { sizes[0] } else { (norm.of(&sizes) * (1.0 - room(sizes.len()))).next_down() };
    if longest.is_finite() && longest > 0.0 { div_down(least.max(0.0), longest) } else { 0.0 }
}

/// Through a hidden layer: what it hands on, and how that changes.
fn step(layer: &Layer, x: &[Ball], t: &[Ball]) -> (Vec<Ball>, Vec<Ball>) {
    let (h, change) = (affine(layer.weights(), x, Some(layer.bias())), affine(layer.weights(), t, None));
    handed_on(layer, &h, &change)
}

/// What a hidden layer makes of its sums, and how that changes where they do.
pub(super) fn handed_on(layer: &Layer, h: &[Ball], change: &[Ball]) -> (Vec<Ball>, Vec<Ball>) {
    let mut handed_on = (Vec::new(), Vec::new());
    match layer.activation().unit() {
        Some(unit) => {
            for branch in 0..unit.branches() {
                for (h, change) in h.iter().zip(change) {
                    let (value, slope) = through(unit, *h, branch);
                    handed_on.0.push(value);
                    handed_on.1.push(times(slope, *change));
                }
            }
        }
        // Pairs, sorted: the larger of each, then the smaller.
        None => {
            let half = h.len() / 2;
            for larger in [true, false] {
                for i in 0..half {
                    let (value, change) = of_pair((h[i], h[half + i]), (change[i], change[half + i]), larger);
                    handed_on.0.push(value);
                    handed_on.1.push(change);
                }
            }
        }
    }
    handed_on
}

/// The larger or the smaller of two balls, and how that changes.
fn of_pair((a, b): (Ball, Ball), (of_a, of_b): (Ball, Ball), larger: bool) -> (Ball, Ball) {
    let off = (a.radius + b.radius) * (1.0 + EPSILON);
    if (a.middle - b.middle).abs() > off * (1.0 + EPSILON) {
        return if (a.middle > b.middle) == larger { (a, of_a) } else { (b, of_b) };
    }
    // Either may be it. It moves by no more than the two of them, and changes as one of them does.
    let middle = if larger { a.middle.max(b.middle) } else { a.middle.min(b.middle) };
    let value = Ball { middle, radius: a.radius.max(b.radius) };
    let half = |x: f64, y: f64| 0.5 * x + 0.5 * y;
    let middle = half(of_a.middle, of_b.middle);
    let to = |ball: Ball| (ball.middle - middle).abs() + ball.radius;
    let radius = to(of_a).max(to(of_b)) * (1.0 + 4.0 * EPSILON) + EPSILON * middle.abs() + f64::MIN_POSITIVE;
    (value, Ball { middle, radius })
}
