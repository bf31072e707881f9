//! What is proved about the output of one row within its tolerance.
//!
//! With `x + τ∘u` a tolerance is a unit ball of u: in the norm ∞ for a box, in the norm 2 for an ellipsoid. In these coordinates f is
//! again a network of relu units. A unit that cannot switch within the tolerance becomes a part of the linear part, a column with
//! τ = 0 disappears, and the search of [`output_range`](super::output_range) does the rest. The weights of that network are rounded. How much f can differ
//! by that is bounded and added at both ends (section 11 of `docs/mathematics/bounds.md`).

use super::output_range::{RangeSettings, highest_value};
use super::region::Region;
use super::sample::SampleInterval;
use crate::ball::{placed, steepest};
use crate::error::{Error, Result};
use crate::outward::{Sum, add_down, add_up, enclose, mul_up, product_and_error, sqrt_up};
use crate::tolerance::{Shape, Tolerance};
use crate::{Norm, Shallow};
use faer::Mat;

/// The interval of `f(x + δ)` over all perturbations δ within the tolerance of row `row`. At most `nodes` nodes of branch and
/// bound are spent at each end; with 0 the interval is that of interval arithmetic.
///
/// f, x and the tolerance are the real numbers that the doubles stand for, and so are the perturbations: what is found is a value
/// of f at some `x + δ` that need not consist of doubles.
pub fn interval_within(
    network: &Shallow,
    x: &[f64],
    row: usize,
    tolerance: &Tolerance,
    nodes: usize,
) -> Result<SampleInterval> {
    wanted_interval_within(network, x, row, tolerance, nodes, &|_| true)
}

/// [`interval_within`], where an end is searched for only if the value that interval arithmetic gives for it is wanted; an end
/// that is not counts as closed.
pub(crate) fn wanted_interval_within(
    network: &Shallow,
    x: &[f64],
    row: usize,
    tolerance: &Tolerance,
    nodes: usize,
    wanted: &dyn Fn(f64) -> bool,
) -> Result<SampleInterval> {
    let d = network.inputs();
    if x.len() != d || tolerance.columns() != d || !(tolerance.is_same() || row < tolerance.sizes().nrows()) {
        return Err(Error::new(
            format!(
                "the network has {d} inputs, the row {} entries, and the tolerance {} columns and {} rows, where row {row} is asked for",
                x.len(),
                tolerance.columns(),
                tolerance.sizes().nrows()
            ),
            "give the tolerance of these very columns and rows",
        ));
    }
    let value = enclose(network, x);
    let mut interval = SampleInterval {
        lower: f64::NEG_INFINITY,
        upper: f64::INFINITY,
        lowest_found: value.high,
        highest_found: value.low,
        closed: false,
    };
    let sizes: Vec<f64> = (0..d).map(|j| tolerance.size(row, j)).collect();
    let moving: Vec<usize> = (0..d).filter(|&j| sizes[j] > 0.0).collect();
    if moving.is_empty() {
        return Ok(SampleInterval { lower: value.low, upper: value.high, closed: true, ..interval });
    }
    // Where something overflows nothing is known.
    let Some(seen) = Seen::of(network, x, &sizes, &moving, tolerance.shape()) else { return Ok(interval) };
    (interval.lower, interval.upper) = seen.without_search();
    if seen.is_linear() {
        let (lowest, highest) = seen.ends();
        interval.lowest_found = interval.lowest_found.min(add_up(lowest, seen.off));
        interval.highest_found = interval.highest_found.max(add_down(highest, -seen.off));
        interval.closed = true;
    } else if nodes > 0 {
        let (region, settings) = (seen.region(), RangeSettings { nodes, ..RangeSettings::default() });
        interval.closed = true;
        if wanted(interval.upper) {
            let highest = highest_value(&seen.network, &region, &settings);
            interval.upper = interval.upper.min(add_up(highest.bound, seen.off));
            interval.highest_found = interval.highest_found.max(add_down(highest.found, -seen.off));
            interval.closed &= highest.closed;
        }
        if wanted(interval.lower) {
            // The smallest value is minus the largest one of −f.
            let lowest = highest_value(&seen.network.negated(), &region, &settings);
            interval.lower = interval.lower.max(add_down(-lowest.bound, -seen.off));
            interval.lowest_found = interval.lowest_found.min(add_up(-lowest.found, seen.off));
            interval.closed &= lowest.closed;
        }
    }
    Ok(interval)
}

/// A network as its row and tolerance see it: a function of u in the unit ball, close to `f(x + τ∘u)`.
struct Seen {
    /// The units that may switch; one without effect where there is none.
    network: Shallow,
    norm: Norm,
    /// The two differ by at most this, everywhere in the ball.
    off: f64,
    /// What the units that may switch add at least and at most.
    units: (f64, f64),
}

impl Seen {
    /// `None` where something overflows.
    fn of(network: &Shallow, x: &[f64], sizes: &[f64], moving: &[usize], shape: Shape) -> Option<Self> {
        let norm = if shape == Shape::Box { Norm::Infinity } else { Norm::Two };
        let mut constant = Sum::default();
        constant.add(network.c());
        let mut slopes = vec![Sum::default(); moving.len()];
        if let Some(a) = network.a() {
            a.iter().zip(x).for_each(|(&a, &x)| constant.add_product(a, x));
            slopes.iter_mut().zip(moving).for_each(|(slope, &j)| slope.add_product(a[j], sizes[j]));
        }
        let (mut w, mut b, mut v) = (Vec::new(), Vec::new(), Vec::new());
        let (mut off, mut units) = (0.0, (0.0, 0.0));
        for (i, &weight) in network.v().iter().enumerate().filter(|(_, weight)| **weight != 0.0) {
            let mut h = Sum::default();
            h.add(network.b()[i]);
            x.iter().enumerate().for_each(|(j, &x)| h.add_product(network.w()[(i, j)], x));
            let (h, error) = h.value_and_error();
            let (low, high) = (add_down(h, -error), add_up(h, error));
            let reach = reach(norm, moving.iter().map(|&j| mul_up(network.w()[(i, j)].abs(), sizes[j])));
            if high <= -reach {
                continue;
            }
            let row: Vec<(f64, f64)> =
                moving.iter().map(|&j| product_and_error(network.w()[(i, j)], sizes[j])).collect();
            let error = row.iter().fold(error, |sum, (_, error)| add_up(sum, *error));
            off = add_up(off, mul_up(weight.abs(), error));
            if low >= reach {
                constant.add_product(weight, h);
                slopes.iter_mut().zip(&row).for_each(|(slope, (w, _))| slope.add_product(weight, *w));
                continue;
            }
            let most = mul_up(weight.abs(), add_up(high, reach));
            if weight > 0.0 {
                units.1 = add_up(units.1, most);
            } else {
                units.0 = add_down(units.0, -most);
            }
            w.push(row);
            b.push(h);
            v.push(weight);
        }
        let mut rounded = |sum: &Sum| {
            let (value, error) = sum.value_and_error();
            off = add_up(off, error);
            value
        };
        let c = rounded(&constant);
        let a = slopes.iter().map(&mut rounded).collect();
        if v.is_empty() {
            w.push(vec![(0.0, 0.0); moving.len()]);
            b.push(0.0);
            v.push(0.0);
        }
        if !off.is_finite() {
            return None;
        }
        let w = Mat::from_fn(w.len(), moving.len(), |i, j| w[i][j].0);
        let network = Shallow::with_linear(w, b, v, c, Some(a)).ok()?;
        Some(Self { network, norm, off, units })
    }

    /// Whether no unit switches within the tolerance.
    fn is_linear(&self) -> bool {
        self.network.v().iter().all(|v| *v == 0.0)
    }

    fn region(&self) -> Region {
        Region::Ball { center: vec![0.0; self.network.inputs()], radius: 1.0, norm: self.norm }
    }

    fn slope(&self) -> &[f64] {
        self.network.a().unwrap_or_default()
    }

    /// Bounds on f from below and above: the linear part and every unit at their own worst.
    fn without_search(&self) -> (f64, f64) {
        let (region, slope, c) = (self.region(), self.slope(), self.network.c());
        let negated: Vec<f64> = slope.iter().map(|a| -a).collect();
        let low = add_down(-region.largest_value(&negated, -c), self.units.0);
        let high = add_up(region.largest_value(slope, c), self.units.1);
        (add_down(low, -self.off), add_up(high, self.off))
    }

    /// Values at the two points of the ball that are furthest along the linear part: at least the one, at most the other.
    fn ends(&self) -> (f64, f64) {
        let origin = vec![0.0; self.slope().len()];
        let mut u = origin.clone();
        steepest(self.norm, self.slope(), &mut u);
        let opposite: Vec<f64> = u.iter().map(|u| -u).collect();
        let at = |u: &[f64]| enclose(&self.network, &placed(self.norm, 1.0, &origin, u));
        (at(&opposite).high, at(&u).low)
    }
}

/// At least the dual norm of entries that are not negative.
fn reach(norm: Norm, entries: impl Iterator<Item = f64>) -> f64 {
    match norm {
        Norm::Two => sqrt_up(entries.fold(0.0, |sum, a| add_up(sum, mul_up(a, a)))),
        _ => entries.fold(0.0, add_up),
    }
}
