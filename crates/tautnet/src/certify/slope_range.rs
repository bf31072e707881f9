//! How steep the units of a layer can be where their sums lie within ranges.
//!
//! A *question* of a layer is whether a number is above 0 or below: the sum of a unit, or for `maxmin` the difference of two. Where the branches of a unit are two
//! lines that meet in 0, the answer is all there is to know of its slopes; slopes that change smoothly lie within an interval, which is narrow where
//! the range of the sum is.

use super::ball_matrix::Balls;
use super::directional::PLATFORM;
use crate::Norm;
use crate::activation::{Activation, Unit};
use crate::dense::EPSILON;
use crate::network::Layer;
use crate::outward::{Interval, add_down, add_up, mul_up, sqrt_up};
use faer::Mat;

/// Above 0 or 0.
pub(super) const POSITIVE: Interval = Interval { low: 0.0, high: f64::INFINITY };
/// Below 0 or 0.
pub(super) const NEGATIVE: Interval = Interval { low: f64::NEG_INFINITY, high: 0.0 };

/// How many questions a layer has.
pub(super) fn questions(layer: &Layer) -> usize {
    layer.units() / layer.activation().group()
}

/// Whether the answer to a question is all there is to know of the slopes.
pub(super) fn is_of_lines(activation: &Activation) -> bool {
    activation.unit().is_none() || activation.is_piecewise_linear()
}

/// Whether the slopes are the same on either side.
pub(super) fn is_linear(activation: &Activation) -> bool {
    let same = |unit: &dyn Unit, branch: usize| unit.pieces(branch).is_some_and(|[left, right]| left == right);
    activation.unit().is_some_and(|unit| (0..unit.branches()).all(|branch| same(unit, branch)))
}

/// The range of the sign: 1, −1, or 0 where it is not known.
pub(super) fn side(sign: i8) -> Interval {
    match sign {
        0 => Interval::EVERYTHING,
        1.. => POSITIVE,
        _ => NEGATIVE,
    }
}

/// What is in both.
pub(super) fn both(a: Interval, b: Interval) -> Interval {
    Interval { low: a.low.max(b.low), high: a.high.min(b.high) }
}

/// The slopes of a branch where the sum is in the range. At a kink every number between the two slopes may be meant, since a sum that is 0 on a set with
/// an interior does not change there.
pub(super) fn slopes(unit: &dyn Unit, branch: usize, range: Interval) -> Interval {
    let exactly = |slope: f64| Interval { low: slope, high: slope };
    let [low, high] = unit.sector(branch);
    match unit.pieces(branch) {
        Some([_, right]) if range.low >= 0.0 => exactly(right),
        Some([left, _]) if range.high <= 0.0 => exactly(left),
        Some([left, right]) if left == right => exactly(left),
        Some(_) => Interval { low, high },
        None => {
            let sector = Interval { low, high };
            let middle = 0.5 * range.low + 0.5 * range.high;
            let radius = add_up(range.high, -middle).max(add_up(middle, -range.low));
            if !radius.is_finite() {
                return sector;
            }
            let off = add_up(mul_up(unit.bend(), radius), PLATFORM);
            let slope = unit.slope(middle, branch);
            both(sector, Interval { low: add_down(slope, -off), high: add_up(slope, off) })
        }
    }
}

/// The slopes of all branches of all units, in the order in which a layer hands them on, each with its unit.
fn factors(layer: &Layer, unit: &dyn Unit, ranges: &[Interval]) -> Vec<(usize, Interval)> {
    let of_branch = |branch: usize| ranges.iter().enumerate().map(move |(i, &range)| (i, slopes(unit, branch, range)));
    debug_assert_eq!(layer.units(), ranges.len());
    (0..unit.branches()).flat_map(of_branch).collect()
}

/// How what the layer hands on changes, from how its sums do.
pub(super) fn through(layer: &Layer, ranges: &[Interval], of_sums: &Balls) -> Balls {
    if let Some(unit) = layer.activation().unit() {
        return of_sums.scaled_rows(&factors(layer, unit, ranges));
    }
    let half = ranges.len();
    let mut out = Balls::exact(Mat::zeros(2 * half, of_sums.columns()));
    for (i, range) in ranges.iter().enumerate() {
        for (to, larger) in [(i, true), (half + i, false)] {
            let row = |from: usize| {
                (0..of_sums.columns()).map(move |k| (of_sums.middle[(from, k)], of_sums.radius[(from, k)])).unzip()
            };
            let (middle, radius): (Vec<f64>, Vec<f64>) = match range {
                Interval { low, .. } if *low >= 0.0 => row(if larger { i } else { half + i }),
                Interval { high, .. } if *high <= 0.0 => row(if larger { half + i } else { i }),
                _ => of_sums.hull_of_rows(i, half + i),
            };
            for k in 0..of_sums.columns() {
                (out.middle[(to, k)], out.radius[(to, k)]) = (middle[k], radius[k]);
            }
        }
    }
    out
}

/// At least the p-norm of the slopes of each unit, all branches together; of `maxmin`, whose Jacobian is a permutation, 1.
pub(super) fn steepest(layer: &Layer, ranges: &[Interval], norm: Norm) -> Vec<f64> {
    let Some(unit) = layer.activation().unit() else { return vec![1.0; layer.units()] };
    let most = layer.activation().lipschitz(norm);
    let of_unit = |&range: &Interval| {
        let sizes: Vec<f64> = (0..unit.branches())
            .map(|branch| {
                let slopes = slopes(unit, branch, range);
                slopes.low.abs().max(slopes.high.abs())
            })
            .collect();
        let together = match (norm, &sizes[..]) {
            (_, [size]) => *size,
            (Norm::Infinity, _) => sizes.iter().copied().fold(0.0, f64::max),
            (Norm::One, _) => sizes.iter().copied().fold(0.0, add_up),
            (Norm::Two, _) => sqrt_up(sizes.iter().fold(0.0, |sum, size| add_up(sum, mul_up(*size, *size)))),
        };
        together.min(most)
    };
    ranges.iter().map(of_unit).collect()
}

/// How far apart the slopes of a question can be: 0 where they are known.
pub(super) fn openness(layer: &Layer, range: Interval) -> f64 {
    match layer.activation().unit() {
        None => f64::from(u8::from(range.low < 0.0 && range.high > 0.0)),
        Some(unit) => (0..unit.branches())
            .map(|branch| slopes(unit, branch, range))
            .map(|slopes| slopes.high - slopes.low)
            .fold(0.0, f64::max),
    }
}

/// What the layer hands on where its sums are in ranges.
pub(super) fn values(layer: &Layer, sums: &[Interval]) -> Vec<Interval> {
    let Some(unit) = layer.activation().unit() else {
        let half = sums.len() / 2;
        let pair = |i: usize| (sums[i], sums[half + i]);
        let larger = (0..half).map(pair).map(|(a, b)| Interval { low: a.low.max(b.low), high: a.high.max(b.high) });
        let smaller = (0..half).map(pair).map(|(a, b)| Interval { low: a.low.min(b.low), high: a.high.min(b.high) });
        return larger.chain(smaller).collect();
    };
    (0..unit.branches()).flat_map(|branch| sums.iter().map(move |&sum| value(unit, branch, sum))).collect()
}

/// A branch of a unit, where its sum is in a range.
fn value(unit: &dyn Unit, branch: usize, sum: Interval) -> Interval {
    let [low, high] = unit.sector(branch);
    let steep = low.abs().max(high.abs());
    let room = |value: f64| {
        let rounding =
            if unit.pieces(branch).is_some() { 2.0 * EPSILON * value.abs() } else { PLATFORM * value.abs().max(1.0) };
        rounding + f64::MIN_POSITIVE
    };
    // Of two lines, and of what rises or falls all the way, the ends are at ends of the range, or at 0.
    let at_ends = unit.pieces(branch).is_some() || low >= 0.0 || high <= 0.0;
    if !(sum.low.is_finite() && sum.high.is_finite()) {
        return Interval::EVERYTHING;
    }
    if at_ends {
        let ends = [unit.value(sum.low, branch), unit.value(sum.high, branch)];
        let kink = sum.low < 0.0 && sum.high > 0.0 && unit.pieces(branch).is_some();
        let least = ends[0].min(ends[1]).min(if kink { 0.0 } else { f64::INFINITY });
        let most = ends[0].max(ends[1]).max(if kink { 0.0 } else { f64::NEG_INFINITY });
        return Interval { low: add_down(least, -room(least)), high: add_up(most, room(most)) };
    }
    let middle = 0.5 * sum.low + 0.5 * sum.high;
    let value = unit.value(middle, branch);
    let off = add_up(mul_up(steep, add_up(sum.high, -middle).max(add_up(middle, -sum.low))), room(value));
    Interval { low: add_down(value, -off), high: add_up(value, off) }
}
