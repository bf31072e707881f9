//! Intervals of many rows at once: each unit between two lines, and the sum of the lines at its extremes.
//!
//! While the inputs of a row are `x + τ∘u` with ‖u‖ ≤ 1, a pre-activation h stays within `[l, u]`, its value at x less and plus
//! `‖w∘τ‖` in the dual norm. There relu lies between lines:
//!
//! ```text
//!     relu(h) ≤ h  where l ≥ 0,   0  where u ≤ 0,   u/(u − l)·(h − l)  else          the chord
//!     relu(h) ≥ h  where the unit is on at x, and 0 else
//! ```
//!
//! Every unit takes the line for its sign of v, so f is at most a linear function, whose largest value is that at x and the dual norm of its
//! slope times τ; and at least another one. That is what the first node of the search of [`output_range`](super::output_range) proves, where no
//! unit is fixed by a branch; here it is computed for a block of rows at a time. Where no unit can switch, both lines are f itself, and the
//! interval is exact.
//!
//! **Rounding.** With `M_i = |b_i| + Σ_k |w_ik|(|x_k| + τ_k)` and `S = |c| + Σ_k |a_k|(|x_k| + τ_k) + Σ_i |v_i| M_i`, computed l and u are off by
//! at most (3d + 20)η M_i, η = 2⁻⁵³; a line that they make is below relu, or above it, by at most three times that and 4ηM_i. The m + d sums
//! of values and slopes lose at most (2m + 2d + 30)η S more. All of it is less than 64 (m + d + 8)η S. What underflows is at most the smallest
//! normal number each, times what it is multiplied with. Section 11 of `docs/mathematics/bounds.md`.

use crate::dense::EPSILON;
use crate::outward::{Interval, add_down, add_up, mul_up, sqrt_up};
use crate::tolerance::Tolerance;
use crate::{Norm, Shallow};
use faer::traits::pulp::{Arch, Simd, WithSimd};

/// So many rows are bounded together.
pub(super) const LANES: usize = 16;

/// Entries below the root of the smallest normal number vanish when they are squared: no more than this each.
const VANISHING: f64 = 1.5e-154;

/// How far the inputs of rows can be off.
pub(super) enum Sizes<'a> {
    /// By these sizes, times a number of the row.
    Same(&'a [f64]),
    /// By those of the row.
    Rows(&'a Tolerance),
}

/// What is proved of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bounded {
    /// No value is smaller.
    pub lower: f64,
    /// No value is larger.
    pub upper: f64,
    /// Around f(x).
    pub value: Interval,
    /// What rounding can hide at either end.
    pub rounding: f64,
    /// Whether no unit can switch, so that both ends are attained, but for the rounding.
    pub linear: bool,
}

/// A network and a norm, ready for many rows.
pub(super) struct LinearBounds<'a> {
    network: &'a Shallow,
    norm: Norm,
    sizes: Sizes<'a>,
    /// The units with an output weight: its weight, its bias and, for sizes that are the same, how far its pre-activation moves.
    units: Vec<(f64, f64, f64)>,
    /// Their input weights, unit by unit.
    weights: Vec<f64>,
    /// Σ|v_i||w_ik| + |a_k| and Σ|w_ik|, one an input, and the same of the biases, with c.
    magnitudes: Vec<(f64, f64)>,
    constants: (f64, f64),
    /// Σ|v_i|.
    outputs: f64,
}

impl<'a> LinearBounds<'a> {
    pub fn new(network: &'a Shallow, norm: Norm, sizes: Sizes<'a>) -> Self {
        let (m, d) = (network.units(), network.inputs());
        let kept: Vec<usize> = (0..m).filter(|&i| network.v()[i] != 0.0).collect();
        let unit = |&i: &usize| {
            let reach = match &sizes {
                Sizes::Same(sizes) => {
                    let entries = (0..d).map(|k| mul_up(network.w()[(i, k)].abs(), sizes[k]));
                    dual_up(norm, entries) * (1.0 + 4.0 * EPSILON)
                }
                Sizes::Rows(_) => 0.0,
            };
            (network.v()[i], network.b()[i], reach)
        };
        let units: Vec<_> = kept.iter().map(unit).collect();
        let weights = kept.iter().flat_map(|&i| (0..d).map(move |k| network.w()[(i, k)])).collect();
        let magnitude = |k: usize| {
            let own = network.a().map_or(0.0, |a| a[k].abs());
            kept.iter().fold((own, 0.0), |(outer, inner), &i| {
                let w = network.w()[(i, k)].abs();
                (outer + network.v()[i].abs() * w, inner + w)
            })
        };
        let constants = units
            .iter()
            .fold((network.c().abs(), 0.0), |(outer, inner), (v, b, _)| (outer + v.abs() * b.abs(), inner + b.abs()));
        let outputs = units.iter().map(|(v, _, _)| v.abs()).sum();
        let magnitudes = (0..d).map(magnitude).collect();
        Self { network, norm, sizes, units, weights, magnitudes, constants, outputs }
    }

    /// Bounds of the rows from `first` on, of which `row` gives the inputs and `scale` what multiplies sizes that are the same.
    pub fn block(&self, first: usize, rows: &[&[f64]], scale: &[f64]) -> Vec<Bounded> {
        let d = self.network.inputs();
        let mut block = Block {
            bounds: self,
            x: vec![[0.0; LANES]; d],
            sizes: vec![[0.0; LANES]; d],
            scale: [1.0; LANES],
            slopes: [vec![[0.0; LANES]; d], vec![[0.0; LANES]; d]],
            ends: [[0.0; LANES]; 2],
            values: [0.0; LANES],
            switching: [0.0; LANES],
        };
        for (r, row) in rows.iter().enumerate() {
            for k in 0..d {
                block.x[k][r] = row[k];
                block.sizes[k][r] = match &self.sizes {
                    Sizes::Same(sizes) => sizes[k],
                    Sizes::Rows(tolerance) => tolerance.size(first + r, k),
                };
                let own = self.network.a().map_or(0.0, |a| a[k]);
                block.slopes.iter_mut().for_each(|slopes| slopes[k][r] = own);
            }
            if let Sizes::Same(_) = self.sizes {
                block.scale[r] = scale[r];
            }
        }
        Arch::new().dispatch(Pass(&mut block));
        (0..rows.len()).map(|r| block.finish(r)).collect()
    }
}

/// At least the dual norm of entries that are not negative.
fn dual_up(norm: Norm, entries: impl Iterator<Item = f64>) -> f64 {
    match norm {
        Norm::Two => sqrt_up(entries.fold(0.0, |sum, a| add_up(sum, mul_up(a, a)))),
        Norm::Infinity => entries.fold(0.0, add_up),
        // A number that is none must not be lost.
        Norm::One => entries.fold(0.0, |most: f64, a| if a.is_nan() || a > most { a } else { most }),
    }
}

/// A block of rows; what each row has stands in a lane.
struct Block<'a> {
    bounds: &'a LinearBounds<'a>,
    x: Vec<[f64; LANES]>,
    sizes: Vec<[f64; LANES]>,
    scale: [f64; LANES],
    /// Slopes of the linear functions above and below f.
    slopes: [Vec<[f64; LANES]>; 2],
    /// What the units add to these functions at x.
    ends: [[f64; LANES]; 2],
    /// What they add to f.
    values: [f64; LANES],
    /// How many can switch.
    switching: [f64; LANES],
}

/// The units, one after the other.
struct Pass<'b, 'a>(&'b mut Block<'a>);

impl WithSimd for Pass<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Block { bounds, x, sizes, scale, slopes, ends, values, switching } = self.0;
        let d = x.len();
        let [above, below] = slopes;
        for (i, &(v, b, known)) in bounds.units.iter().enumerate() {
            let w = &bounds.weights[i * d..(i + 1) * d];
            let mut h = [b; LANES];
            for (w, x) in w.iter().zip(x.iter()) {
                (0..LANES).for_each(|r| h[r] += w * x[r]);
            }
            let mut reach = [0.0; LANES];
            match bounds.sizes {
                Sizes::Same(_) => (0..LANES).for_each(|r| reach[r] = known * scale[r]),
                Sizes::Rows(_) => own_reach(bounds.norm, w, sizes, &mut reach),
            }
            let (mut upper, mut lower) = ([0.0; LANES], [0.0; LANES]);
            let (mut chord, mut line) = ([0.0; LANES], [0.0; LANES]);
            for r in 0..LANES {
                let (l, u) = (h[r] - reach[r], h[r] + reach[r]);
                let (on, off) = (l >= 0.0, u <= 0.0);
                let slope = u / (u - l);
                chord[r] = if on {
                    1.0
                } else if off {
                    0.0
                } else {
                    slope
                };
                upper[r] = if on {
                    h[r]
                } else if off {
                    0.0
                } else {
                    slope * (h[r] - l)
                };
                line[r] = if h[r] > 0.0 { 1.0 } else { 0.0 };
                lower[r] = if h[r] > 0.0 { h[r] } else { 0.0 };
                switching[r] += if on || off { 0.0 } else { 1.0 };
                values[r] += v * lower[r];
            }
            let ((up, up_slope), (low, low_slope)) = match v > 0.0 {
                true => ((&upper, &mut chord), (&lower, &mut line)),
                false => ((&lower, &mut line), (&upper, &mut chord)),
            };
            for r in 0..LANES {
                ends[0][r] += v * up[r];
                ends[1][r] += v * low[r];
                up_slope[r] *= v;
                low_slope[r] *= v;
            }
            for (k, w) in w.iter().enumerate() {
                for r in 0..LANES {
                    above[k][r] += up_slope[r] * w;
                    below[k][r] += low_slope[r] * w;
                }
            }
        }
    }
}

/// At least how far a pre-activation moves, where each row has sizes of its own.
#[inline(always)]
fn own_reach(norm: Norm, w: &[f64], sizes: &[[f64; LANES]], reach: &mut [f64; LANES]) {
    let d = w.len() as f64;
    for (w, size) in w.iter().zip(sizes) {
        for r in 0..LANES {
            let entry = w.abs() * size[r];
            reach[r] = match norm {
                Norm::Two => reach[r] + entry * entry,
                Norm::Infinity => reach[r] + entry,
                Norm::One => reach[r].max(entry),
            };
        }
    }
    for reach in reach {
        *reach = if norm == Norm::Two { reach.sqrt() + d * VANISHING } else { *reach };
        *reach *= 1.0 + (d + 4.0) * EPSILON;
    }
}

impl Block<'_> {
    fn finish(&self, r: usize) -> Bounded {
        let (bounds, d) = (self.bounds, self.x.len());
        let (network, scale) = (bounds.network, self.scale[r]);
        let (mut size, mut factors) = bounds.constants;
        let (mut own, mut extent) = (network.c(), 0.0);
        for k in 0..d {
            let (x, (outer, inner)) = (self.x[k][r], bounds.magnitudes[k]);
            let far = x.abs() + self.sizes[k][r] * scale;
            size += outer * far;
            factors += inner * far;
            extent += far;
            own += network.a().map_or(0.0, |a| a[k] * x);
        }
        factors += size + bounds.outputs + extent + scale + 1.0;
        let terms = (bounds.units.len() + d + 8) as f64;
        let rounding = 32.0 * terms * (EPSILON * size + factors * f64::MIN_POSITIVE);
        let moved = |slopes: &[[f64; LANES]]| {
            mul_up(scale, dual_up(bounds.norm, (0..d).map(|k| mul_up(slopes[k][r].abs(), self.sizes[k][r]))))
        };
        let upper = add_up(add_up(own + self.ends[0][r], moved(&self.slopes[0])), rounding);
        let lower = add_down(add_down(own + self.ends[1][r], -moved(&self.slopes[1])), -rounding);
        let value = own + self.values[r];
        if !(rounding.is_finite() && value.is_finite() && upper.is_finite() && lower.is_finite()) {
            let known = rounding.is_finite() && value.is_finite();
            let value = if known { around(value, rounding) } else { Interval::EVERYTHING };
            let (lower, upper) = (f64::NEG_INFINITY, f64::INFINITY);
            return Bounded { lower, upper, value, rounding: f64::INFINITY, linear: false };
        }
        Bounded { lower, upper, value: around(value, rounding), rounding, linear: self.switching[r] == 0.0 }
    }
}

fn around(value: f64, error: f64) -> Interval {
    Interval { low: add_down(value, -error), high: add_up(value, error) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certify::tests::{random_network, random_network_with_linear_part};
    use crate::certify::{interval_within, sample_interval};
    use crate::exact_numbers::{Exact, value};
    use crate::outward::tests::network_of_any_scale;
    use crate::tolerance::Shape;
    use faer::Mat;
    use proptest::prelude::*;

    fn network(m: usize, d: usize, seed: u64) -> Shallow {
        if seed.is_multiple_of(2) { random_network(m, d, seed) } else { random_network_with_linear_part(m, d, seed) }
    }

    /// A row of some size, by its number.
    fn row(d: usize, k: usize) -> Vec<f64> {
        (0..d).map(|j| 1.5 * (1.0 + k as f64 + 2.3 * j as f64).sin()).collect()
    }

    fn all(bounds: &LinearBounds<'_>, rows: &[Vec<f64>], scale: f64) -> Vec<Bounded> {
        let mut known = Vec::new();
        for (number, part) in rows.chunks(LANES).enumerate() {
            let part: Vec<&[f64]> = part.iter().map(Vec::as_slice).collect();
            known.extend(bounds.block(number * LANES, &part, &vec![scale; part.len()]));
        }
        known
    }

    proptest! {
        /// The first node of branch and bound proves the same, more nodes prove more, and what they find lies within.
        #[test]
        fn the_first_node_of_a_search_is_no_better(
            m in 1usize..30, d in 1usize..6, n in 1usize..40, seed in any::<u64>(), radius in 0.001..1.0f64,
        ) {
            let network = network(m, d, seed);
            let rows: Vec<Vec<f64>> = (0..n).map(|k| row(d, k)).collect();
            for norm in [Norm::One, Norm::Two, Norm::Infinity] {
                let ones = vec![1.0; d];
                let known = all(&LinearBounds::new(&network, norm, Sizes::Same(&ones)), &rows, radius);
                let size = 1e-11 * (1.0 + crate::certify::path_norm(&network, norm));
                for (row, known) in rows.iter().zip(known) {
                    let of = |nodes| sample_interval(&network, row, norm, radius, f64::INFINITY, nodes).unwrap();
                    let (one, more) = (of(1), of(50));
                    prop_assert!((known.lower - one.lower).abs() < size && (known.upper - one.upper).abs() < size, "{known:?} {one:?}");
                    prop_assert!(known.lower <= more.lower + size && more.upper <= known.upper + size);
                    prop_assert!(known.lower <= more.lowest_found && more.highest_found <= known.upper);
                    let exact = value(&network, row);
                    prop_assert!(Exact::of(known.value.low) <= exact && exact <= Exact::of(known.value.high));
                    if known.linear {
                        // The points that a search offers are drawn a little into the ball.
                        let near = size + 1e-6 * radius * crate::certify::path_norm(&network, norm);
                        prop_assert!(known.upper - more.highest_found < near && more.lowest_found - known.lower < near, "{known:?} {more:?}");
                    }
                }
            }
        }

        /// The same of rows with tolerances of their own, of which some columns are exact.
        #[test]
        fn so_it_is_within_the_tolerances_of_rows(
            m in 1usize..30, d in 1usize..5, seed in any::<u64>(),
            sizes in prop::collection::vec(prop_oneof![1 => Just(0.0), 3 => 0.001..1.5f64], 20 * 5),
        ) {
            let (network, n) = (network(m, d, seed), 20);
            let rows: Vec<Vec<f64>> = (0..n).map(|k| row(d, k)).collect();
            for shape in Shape::ALL {
                let tolerance = Tolerance::of_rows(shape, Mat::from_fn(n, d, |k, j| sizes[5 * k + j])).unwrap();
                let known = all(&LinearBounds::new(&network, shape.norm(), Sizes::Rows(&tolerance)), &rows, f64::NAN);
                let size = 1e-11 * (1.0 + crate::certify::path_norm(&network, shape.norm()));
                for (k, known) in known.iter().enumerate() {
                    let one = interval_within(&network, &rows[k], k, &tolerance, 1).unwrap();
                    prop_assert!(known.lower <= one.lower + size && one.upper <= known.upper + size, "{known:?} {one:?}");
                    let more = interval_within(&network, &rows[k], k, &tolerance, 200).unwrap();
                    prop_assert!(known.lower <= more.lowest_found && more.highest_found <= known.upper, "{known:?} {more:?}");
                    let same: Vec<f64> = (0..d).map(|j| tolerance.size(k, j)).collect();
                    let alone = LinearBounds::new(&network, shape.norm(), Sizes::Same(&same)).block(0, &[&rows[k]], &[1.0])[0];
                    prop_assert!((alone.lower - known.lower).abs() < size && (alone.upper - known.upper).abs() < size);
                    prop_assert_eq!(alone.value, known.value);
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        /// No exact value in the set leaves the interval, whatever the scales are: the row, the corners and points between.
        #[test]
        fn exact_values_stay_inside(
            m in 1usize..6, d in 1usize..5, seed in any::<u64>(), at in prop::collection::vec(-2.0..2.0f64, 8), far in -40..40i32,
            tau in prop::collection::vec(prop_oneof![Just(0.0), (-300..300i32).prop_map(|e| f64::from(e).exp2())], 8),
            u in prop::collection::vec(-8i32..=8, 8), rows in any::<bool>(),
        ) {
            let network = network_of_any_scale(m, d, seed);
            let x: Vec<f64> = at[..d].iter().map(|x| x * f64::from(far).exp2()).collect();
            let tau = &tau[..d];
            let u: Vec<f64> = u[..d].iter().map(|u| f64::from(*u) / 8.0).collect();
            for norm in [Norm::One, Norm::Two, Norm::Infinity] {
                // In the unit ball, exactly: a power of two below it.
                let shrink = if norm == Norm::Infinity { 1.0 } else { 0.125 };
                let tolerance = Tolerance::same(Shape::Box, tau).unwrap();
                let sizes = if rows { Sizes::Rows(&tolerance) } else { Sizes::Same(tau) };
                let known = LinearBounds::new(&network, norm, sizes).block(0, &[&x], &[1.0])[0];
                let inside = |f: &Exact| {
                    (known.lower == f64::NEG_INFINITY || Exact::of(known.lower) <= *f)
                        && (known.upper == f64::INFINITY || *f <= Exact::of(known.upper))
                };
                let at = value(&network, &x);
                prop_assert!(inside(&at), "{known:?}");
                prop_assert!(known.value.low == f64::NEG_INFINITY || Exact::of(known.value.low) <= at);
                prop_assert!(known.value.high == f64::INFINITY || at <= Exact::of(known.value.high));
                let point: Vec<Exact> =
                    (0..d).map(|k| Exact::of(x[k]) + Exact::of(tau[k]) * Exact::of(u[k] * shrink)).collect();
                let along = |start: f64, row: &dyn Fn(usize) -> f64| {
                    point.iter().enumerate().fold(Exact::of(start), |sum, (k, x)| sum + Exact::of(row(k)) * x.clone())
                };
                let start = along(network.c(), &|k| network.a().map_or(0.0, |a| a[k]));
                let moved = (0..network.units()).fold(start, |f, i| {
                    let h = along(network.b()[i], &|k| network.w()[(i, k)]);
                    if h.positive() { f + Exact::of(network.v()[i]) * h } else { f }
                });
                prop_assert!(inside(&moved), "{known:?} {norm:?} {tau:?} {u:?}");
            }
        }
    }

    /// Where something overflows nothing is claimed.
    #[test]
    fn nothing_is_known_where_it_overflows() {
        let network = Shallow::new(Mat::from_fn(1, 1, |_, _| 1e300), vec![0.0], vec![1e300], 0.0).unwrap();
        let known = LinearBounds::new(&network, Norm::Two, Sizes::Same(&[1.0])).block(0, &[&[1.0]], &[1.0])[0];
        assert_eq!((known.lower, known.upper, known.linear), (f64::NEG_INFINITY, f64::INFINITY, false));
        let known =
            LinearBounds::new(&network, Norm::Two, Sizes::Same(&[1.0])).block(0, &[&[-1.0]], &[f64::INFINITY])[0];
        assert_eq!((known.lower, known.upper, known.linear), (f64::NEG_INFINITY, f64::INFINITY, false));
    }
}
