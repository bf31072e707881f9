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
use std::ops::ControlFlow;

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
            let highest = highest_value(&seen.network, &region, &settings, &mut |_, _| ControlFlow::Continue(()));
            interval.upper = interval.upper.min(add_up(highest.bound, seen.off));
            interval.highest_found = interval.highest_found.max(add_down(highest.found, -seen.off));
            interval.closed &= highest.closed;
        }
        if wanted(interval.lower) {
            // The smallest value is minus the largest one of −f.
            let negated = seen.network.negated();
            let lowest = highest_value(&negated, &region, &settings, &mut |_, _| ControlFlow::Continue(()));
            interval.lower = interval.lower.max(add_down(-lowest.bound, -seen.off));
            interval.lowest_found = interval.lowest_found.min(add_up(-lowest.found, seen.off));
            interval.closed &= lowest.closed;
        }
    }
    Ok(interval)
}

/// Whether `sign·f(x + δ) > 0` for every perturbation δ within the tolerance of row `row`, proved by at most `nodes` nodes of branch and
/// bound. `false` where it is not so, and where the nodes do not suffice. The search ends as soon as it is decided, which takes far
/// fewer nodes than the ends of [`interval_within`].
pub fn keeps_sign(
    network: &Shallow,
    x: &[f64],
    row: usize,
    tolerance: &Tolerance,
    sign: f64,
    nodes: usize,
) -> Result<bool> {
    let interval = interval_within(network, x, row, tolerance, 0)?;
    let (least, found) =
        if sign > 0.0 { (interval.lower, interval.lowest_found) } else { (-interval.upper, -interval.highest_found) };
    if least > 0.0 || found <= 0.0 || nodes == 0 {
        return Ok(least > 0.0);
    }
    let sizes: Vec<f64> = (0..x.len()).map(|j| tolerance.size(row, j)).collect();
    let moving: Vec<usize> = (0..x.len()).filter(|&j| sizes[j] > 0.0).collect();
    let seen = if moving.is_empty() { None } else { Seen::of(network, x, &sizes, &moving, tolerance.shape()) };
    let Some(seen) = seen else { return Ok(false) };
    let against = if sign > 0.0 { seen.network.clone().negated() } else { seen.network.clone() };
    let settings = RangeSettings { nodes, ..RangeSettings::default() };
    let highest = highest_value(&against, &seen.region(), &settings, &mut |found, bound| {
        if found >= seen.off || add_up(bound, seen.off) < 0.0 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    Ok(add_up(highest.bound, seen.off) < 0.0)
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
        let norm = shape.norm();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certify::sample_interval;
    use crate::certify::tests::{random_network, random_network_with_linear_part};
    use crate::exact_numbers::{self, Exact, compare_length};
    use crate::outward::tests::network_of_any_scale;
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64;
    use std::cmp::Ordering;

    fn network(m: usize, d: usize, seed: u64) -> Shallow {
        if seed.is_multiple_of(2) { random_network(m, d, seed) } else { random_network_with_linear_part(m, d, seed) }
    }

    /// f(x + τ∘u), exactly.
    fn exact_value(network: &Shallow, x: &[f64], tau: &[f64], u: &[f64]) -> Exact {
        let point: Vec<Exact> = (0..x.len()).map(|j| Exact::of(x[j]) + Exact::of(tau[j]) * Exact::of(u[j])).collect();
        let along = |start: f64, row: &dyn Fn(usize) -> f64| {
            point.iter().enumerate().fold(Exact::of(start), |sum, (j, x)| sum + Exact::of(row(j)) * x.clone())
        };
        let start = along(network.c(), &|j| network.a().map_or(0.0, |a| a[j]));
        (0..network.units()).fold(start, |f, i| {
            let h = along(network.b()[i], &|j| network.w()[(i, j)]);
            if h.positive() { f + Exact::of(network.v()[i]) * h } else { f }
        })
    }

    fn holds(interval: &SampleInterval, value: &Exact) -> bool {
        (interval.lower == f64::NEG_INFINITY || Exact::of(interval.lower) <= *value)
            && (interval.upper == f64::INFINITY || *value <= Exact::of(interval.upper))
    }

    proptest! {
        /// No value on a dense grid leaves the interval, and where it closes the grid comes close to both ends.
        #[test]
        fn a_grid_fills_the_interval(
            m in 1usize..12, d in 1usize..3, seed in any::<u64>(), ball in any::<bool>(),
            sizes in prop::collection::vec(prop_oneof![1 => Just(0.0), 3 => 0.001..1.5f64], 6),
        ) {
            let network = network(m, d, seed);
            let shape = if ball { Shape::Ball } else { Shape::Box };
            let tolerance = Tolerance::of_rows(shape, Mat::from_fn(3, d, |k, j| sizes[2 * k + j])).unwrap();
            let x: Vec<f64> = (0..d).map(|j| (seed as f64 + j as f64).sin()).collect();
            let side = if d == 1 { 1000 } else { 80 };
            for row in 0..3 {
                let interval = interval_within(&network, &x, row, &tolerance, 5000).unwrap();
                prop_assert!(interval.closed);
                prop_assert!(interval.lower <= interval.lowest_found && interval.highest_found <= interval.upper);
                let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
                for point in 0..(side + 1usize).pow(d as u32) {
                    let step = |j: usize| 2.0 * (point / (side + 1).pow(j as u32) % (side + 1)) as f64 / side as f64 - 1.0;
                    let mut u: Vec<f64> = (0..d).map(step).collect();
                    if ball {
                        crate::ball::project(Norm::Two, 1.0, &mut u);
                    }
                    let at: Vec<f64> = (0..d).map(|j| x[j] + tolerance.size(row, j) * u[j]).collect();
                    let value = network.value(&at);
                    (low, high) = (low.min(value), high.max(value));
                }
                let slope: f64 = (0..d).map(|j| {
                    let own = network.a().map_or(0.0, |a| a[j].abs());
                    tolerance.size(row, j) * (own + (0..m).map(|i| (network.v()[i] * network.w()[(i, j)]).abs()).sum::<f64>())
                }).sum();
                let (gap, rounding) = (2.0 * slope / side as f64 + 1e-5 * slope, 1e-12);
                prop_assert!(interval.lower <= low + rounding && low <= interval.lower + gap + rounding, "{interval:?} {low}");
                prop_assert!(high - rounding <= interval.upper && interval.upper <= high + gap + rounding, "{interval:?} {high}");
            }
        }

        /// A tolerance that is the same for all columns is a ball around the sample.
        #[test]
        fn a_ball_has_the_interval_of_the_sample(m in 1usize..15, d in 1usize..5, seed in any::<u64>(), radius in 0.01..0.8f64) {
            let network = network(m, d, seed);
            let x: Vec<f64> = (0..d).map(|j| (seed as f64 - j as f64).cos()).collect();
            for (shape, norm) in [(Shape::Box, Norm::Infinity), (Shape::Ball, Norm::Two)] {
                let tolerance = Tolerance::same(shape, &vec![radius; d]).unwrap();
                let own = interval_within(&network, &x, 7, &tolerance, 5000).unwrap();
                let known = sample_interval(&network, &x, norm, radius, f64::INFINITY, 5000).unwrap();
                prop_assert!(own.closed && known.closed);
                let size = 1e-5 * crate::certify::path_norm(&network, norm) + 1e-12;
                for (own, known) in [
                    (own.lower, known.lower), (own.upper, known.upper),
                    (own.lowest_found, known.lowest_found), (own.highest_found, known.highest_found),
                ] {
                    prop_assert!((own - known).abs() <= size, "{shape} {own} {known}");
                }
                // More nodes never widen it.
                let [none, one] = [0, 1].map(|nodes| interval_within(&network, &x, 0, &tolerance, nodes).unwrap());
                for (wide, narrow) in [(none, one), (one, own)] {
                    prop_assert!(wide.lower <= narrow.lower && narrow.upper <= wide.upper, "{wide:?} {narrow:?}");
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        /// At every scale and without rounding: no value leaves the interval. Where all output weights have one sign the worst
        /// corner of a box is the worst case, and nothing found is beyond it.
        #[test]
        fn no_value_leaves_it(
            m in 1usize..7, d in 1usize..4, seed in any::<u64>(), at in any::<u64>(), kind in 0..3, ball in any::<bool>(),
        ) {
            let network = network_of_any_scale(m, d, seed);
            let convex = kind == 1;
            let network = if convex {
                network.edited(|parts| parts.v = Mat::from_fn(m, 1, |i, _| parts.v[(i, 0)].abs())).unwrap()
            } else {
                network
            };
            let mut random = Pcg64::seed_from_u64(at);
            let mut draw = |most: i32| random.random_range(-1.0..1.0f64) * 10f64.powi(random.random_range(-most..=most));
            let x: Vec<f64> = (0..d).map(|_| draw(3)).collect();
            let most = if kind == 2 { 150 } else { 6 };
            let tau: Vec<f64> = (0..d).map(|_| if draw(0) > 0.7 { 0.0 } else { draw(most).abs() }).collect();
            let shape = if ball { Shape::Ball } else { Shape::Box };
            let tolerance = Tolerance::same(shape, &tau).unwrap();
            let corners = (0..1 << d).map(|corner: usize| (0..d).map(|j| if corner >> j & 1 == 1 { 1.0 } else { -1.0 }).collect());
            let corners: Vec<Vec<f64>> = corners.collect();
            let moving: Vec<usize> = (0..d).filter(|&j| tau[j] > 0.0).collect();
            let seen = if moving.is_empty() { None } else { Seen::of(&network, &x, &tau, &moving, shape) };
            let inner: Vec<Vec<f64>> = (0..10).map(|_| (0..d).map(|_| draw(0)).collect()).collect();
            let in_set = |u: &[f64]| {
                let sizes: Vec<Exact> = u.iter().map(|u| Exact::of(*u)).collect();
                !ball || compare_length(Norm::Two, &sizes, 1.0) != Ordering::Greater
            };
            // The network in other coordinates is as far off as it says.
            for (seen, u) in seen.iter().flat_map(|seen| corners.iter().chain(&inner).map(move |u| (seen, u))) {
                let own: Vec<f64> = moving.iter().map(|&j| u[j]).collect();
                let difference = exact_value(&network, &x, &tau, u) - exact_numbers::value(&seen.network, &own);
                prop_assert!(!in_set(u) || difference.abs() <= Exact::of(seen.off), "{} at {u:?}", seen.off);
            }
            for nodes in [0, 1, 30] {
                let interval = interval_within(&network, &x, 0, &tolerance, nodes).unwrap();
                prop_assert!(interval.lower <= interval.lowest_found && interval.highest_found <= interval.upper, "{interval:?}");
                for u in corners.iter().chain(&inner) {
                    if !in_set(u) { continue; }
                    let value = exact_value(&network, &x, &tau, u);
                    prop_assert!(holds(&interval, &value), "{nodes} {interval:?} at {u:?}");
                }
                if convex && !ball && interval.highest_found.is_finite() {
                    let found = Exact::of(interval.highest_found);
                    let reached = corners.iter().any(|u| found <= exact_value(&network, &x, &tau, u));
                    prop_assert!(reached, "{nodes} {interval:?}");
                }
            }
        }
    }

    /// Weights and sizes of order one are off by their last digits, and short ones by nothing.
    #[test]
    fn the_other_coordinates_cost_next_to_nothing() {
        let network = random_network_with_linear_part(20, 3, 4);
        let off = |sizes: &[f64]| Seen::of(&network, &[0.3, 0.2, -0.1], sizes, &[0, 1, 2], Shape::Box).unwrap().off;
        assert!(off(&[0.3, 0.7, 0.2]) < 1e-13 && off(&[0.3, 0.7, 0.2]) > 0.0);
        let short = Shallow::new(faer::mat![[3.0, -4.0]], vec![0.5], vec![2.0], -1.0).unwrap();
        assert_eq!(Seen::of(&short, &[1.0, 1.0], &[0.5, 0.25], &[0, 1], Shape::Ball).unwrap().off, 0.0);
    }

    /// The sign is kept exactly where the interval of branch and bound lies on its side of 0.
    #[test]
    fn a_sign_is_kept_where_the_interval_does_not_hold_0() {
        let (mut kept, mut lost) = (0, 0);
        for seed in 0..60 {
            let network = random_network_with_linear_part(12, 3, seed);
            for shape in [Shape::Box, Shape::Ball] {
                let tolerance = Tolerance::same(shape, &[0.2, 0.0, 0.1 * (seed % 7) as f64]).unwrap();
                let x = [0.3, -0.2, 0.1 * seed as f64 - 3.0];
                let interval = interval_within(&network, &x, 0, &tolerance, 10_000).unwrap();
                for sign in [1.0, -1.0] {
                    let sure = if sign > 0.0 { interval.lower > 0.0 } else { interval.upper < 0.0 };
                    assert_eq!(keeps_sign(&network, &x, 0, &tolerance, sign, 10_000).unwrap(), sure, "{interval:?}");
                    // With fewer nodes less is known, and nothing wrong.
                    assert!(sure || !keeps_sign(&network, &x, 0, &tolerance, sign, 1).unwrap());
                    if sure { kept += 1 } else { lost += 1 }
                }
            }
        }
        assert!(kept > 30 && lost > 130, "{kept} {lost}");
    }

    #[test]
    fn where_all_columns_are_exact_the_value_itself_is_left() {
        let network = random_network(5, 2, 1);
        let tolerance = Tolerance::same(Shape::Ball, &[0.0, 0.0]).unwrap();
        let interval = interval_within(&network, &[1.0, 2.0], 0, &tolerance, 10).unwrap();
        assert!(interval.closed && interval.upper <= interval.lower.next_up().next_up().next_up());
        assert!(holds(&interval, &exact_numbers::value(&network, &[1.0, 2.0])));
    }

    #[test]
    fn where_no_unit_switches_both_ends_are_known_at_once() {
        let network = Shallow::new(faer::mat![[3.0, -4.0]], vec![100.0], vec![2.0], -200.0).unwrap();
        for (shape, reach) in [(Shape::Box, 2.0 * (3.0 * 0.5 + 4.0 * 0.25)), (Shape::Ball, 2.0 * 1.5f64.hypot(1.0))] {
            let tolerance = Tolerance::same(shape, &[0.5, 0.25]).unwrap();
            for nodes in [0, 1] {
                let interval = interval_within(&network, &[0.0, 0.0], 0, &tolerance, nodes).unwrap();
                assert!(interval.closed && (interval.upper - reach).abs() < 1e-12, "{shape} {interval:?}");
                assert!(
                    interval.upper - interval.highest_found < 1e-12 && interval.lowest_found - interval.lower < 1e-12
                );
            }
        }
    }

    #[test]
    fn what_overflows_is_not_known_and_what_does_not_fit_is_refused() {
        let network = Shallow::new(faer::mat![[1e200], [1.0]], vec![0.0, 0.0], vec![1e200, 1.0], 0.0).unwrap();
        let tolerance = Tolerance::of_rows(Shape::Box, faer::mat![[1.0], [1e200]]).unwrap();
        for row in 0..2 {
            let interval = interval_within(&network, &[1.0], row, &tolerance, 10).unwrap();
            assert_eq!((interval.lower, interval.upper, interval.closed), (f64::NEG_INFINITY, f64::INFINITY, false));
        }
        for (x, row) in [(vec![1.0], 2), (vec![1.0, 2.0], 0)] {
            assert!(
                interval_within(&network, &x, row, &tolerance, 10).unwrap_err().what.contains("1 columns and 2 rows")
            );
        }
    }
}
