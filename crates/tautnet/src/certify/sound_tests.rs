//! Bounds against arithmetic without rounding: at extreme scales, where everything cancels, and on ties.

use super::*;
use crate::exact_numbers::{self, Exact, compare_length};
use crate::outward::tests::network_of_any_scale;
use crate::{Norm, Shallow};
use faer::Mat;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use std::cmp::Ordering;
use std::ops::ControlFlow;

const NORMS: [Norm; 3] = [Norm::One, Norm::Two, Norm::Infinity];

fn network(w: &[&[f64]], b: &[f64], v: &[f64]) -> Shallow {
    Shallow::new(Mat::from_fn(w.len(), w[0].len(), |i, k| w[i][k]), b.to_vec(), v.to_vec(), 0.0).unwrap()
}

fn go_on<T>() -> impl FnMut(T) -> ControlFlow<()> + Send {
    |_| ControlFlow::Continue(())
}

/// The gradient at x in exact arithmetic, if no unit with an effect is on its boundary there.
fn gradient_at(network: &Shallow, x: &[f64]) -> Option<Vec<Exact>> {
    let d = network.inputs();
    let active: Option<Vec<bool>> = (0..network.units())
        .map(|i| {
            let h = exact_numbers::pre_activation(network, i, x);
            let constant = network.v()[i] == 0.0 || (0..d).all(|k| network.w()[(i, k)] == 0.0);
            (constant || h != Exact::zero()).then_some(!constant && h.positive())
        })
        .collect();
    Some(exact_numbers::gradient(network, &active?))
}

/// Whether a double is at least the length.
fn above(norm: Norm, bound: f64, gradient: &[Exact]) -> bool {
    bound == f64::INFINITY || compare_length(norm, gradient, bound) != Ordering::Greater
}

fn exact(network: &Shallow, region: &Region, norm: Norm) -> Enclosure {
    let start = GradientSearchSettings { starts: 4, questions: 30, ..GradientSearchSettings::default() };
    let settings = ExactSettings { nodes: 200, start, ..ExactSettings::default() };
    exact_lipschitz(network, region, norm, None, &settings, &mut |_| ControlFlow::Continue(())).unwrap()
}

/// Every bound there is, by name.
fn upper_bounds(network: &Shallow, region: &Region, norm: Norm) -> Vec<(&'static str, f64)> {
    let mut bounds = vec![("local", local_upper_bound(network, region, norm).unwrap().upper_bound)];
    bounds.push(("exact", exact(network, region, norm).upper_bound));
    bounds.push(("path norm", path_norm(network, norm)));
    bounds.push(("norm product", norm_product(network, norm)));
    bounds.push(("LipSDP", lipsdp(network, norm, &mut go_on()).unwrap().lipschitz_upper_bound));
    if norm == Norm::One {
        bounds.push(("sums by column", column_sums(network)));
    }
    if let Ok(certificate) = prove(network, norm, None, &mut go_on()) {
        bounds.push(("certificate", certificate.standardized.bound));
    }
    bounds
}

/// A size that underflows is no proof: all three units are on at (−5e-31, 1e-31, 1e300), and the gradient there is
/// (2e30, 2e30, 1e-300).
#[test]
fn an_input_whose_weights_vanish_in_a_product_still_counts() {
    for (size, tiny) in [(1e30, 1e-300), (1e10, 1e-320), (1.0, 1e-310), (1e30, 5e-324)] {
        let network =
            network(&[&[size, 0.0, tiny], &[0.0, size, 0.0], &[-size, -size, 0.0]], &[0.0; 3], &[1.0, 1.0, -1.0]);
        let bound = exact(&network, &Region::Everywhere, Norm::Two).upper_bound;
        assert!(bound >= 2.0 * std::f64::consts::SQRT_2 * size * (1.0 - 1e-15), "{size} {tiny}: {bound}");
    }
}

#[test]
fn a_function_whose_slopes_vanish_is_not_constant() {
    let small = network(&[&[1e-200]], &[0.0], &[1e-200]);
    let boxed = Region::Box { lower: vec![-1.0], upper: vec![1.0] };
    for norm in NORMS {
        for region in [&Region::Everywhere, &boxed] {
            for (name, bound) in upper_bounds(&small, region, norm) {
                assert!(bound > 0.0 && bound < 1e-150, "{name} {norm:?} {bound}");
            }
        }
    }
    // Off in all of the box, and truly constant there.
    let off = Region::Box { lower: vec![-2.0], upper: vec![-1.0] };
    assert_eq!(local_upper_bound(&small, &off, Norm::Two).unwrap().upper_bound, 0.0);
    assert_eq!(exact(&small, &off, Norm::Two).upper_bound, 0.0);
    // Slopes that cancel as computed, and not exactly: 3 · 0.1 and 0.3·1 are neighbours.
    let cancelling = network(&[&[0.1], &[1.0]], &[0.0, 0.0], &[3.0, -0.30000000000000004]);
    for norm in NORMS {
        assert!(exact(&cancelling, &Region::Everywhere, norm).upper_bound > 2.7e-17);
    }
}

/// The constant of this network is 2⁻⁵⁵, and what a computer makes of its slopes is twice that.
/// Beside a unit of 1e215 that is off in the box, slopes of 1e53: products of the multipliers fall below the normal numbers.
#[test]
fn small_slopes_beside_a_huge_one_that_is_off_keep_their_bound() {
    let network = network(&[&[-3.375e-63], &[-1.929e52]], &[-3.126e-51, -3.03e107], &[-4.998e115, -5.195e162]);
    let region = Region::Box { lower: vec![-3.3e54], upper: vec![2.7e54] };
    let gradient = gradient_at(&network, &[-1e54]).unwrap();
    for norm in NORMS {
        for (name, bound) in upper_bounds(&network, &region, norm) {
            assert!(above(norm, bound, &gradient), "{name}, {norm:?}: {bound:e}");
        }
    }
}

/// A unit that is constant and beyond the largest double: nothing is known of the range, and that is not NaN.
#[test]
fn a_range_that_overflows_is_infinite() {
    let network = network(&[&[0.0], &[1.0]], &[1e155, 0.0], &[1e155, 1.0]);
    let region = Region::Ball { center: vec![0.0], radius: 1.0, norm: Norm::Two };
    let range = output_range(&network, &region, &RangeSettings::default(), &mut |_, _| ControlFlow::Continue(()));
    let range = range.unwrap();
    assert_eq!((range.lowest.bound, range.highest.bound), (f64::NEG_INFINITY, f64::INFINITY));
}

#[test]
fn what_is_found_is_a_lower_bound() {
    let cancelling = network(&[&[0.1], &[1.0]], &[0.0, 0.0], &[3.0, -0.3]);
    for norm in NORMS {
        let found = exact(&cancelling, &Region::Everywhere, norm);
        let both = exact_numbers::gradient(&cancelling, &[true, true]);
        assert!(compare_length(norm, &both, found.lower_bound) != Ordering::Less, "{}", found.lower_bound);
        assert!(above(norm, found.upper_bound, &both));
        let search = largest_gradient_found(&cancelling, &Region::Everywhere, norm, None, &Default::default());
        assert!(search.unwrap().is_none_or(|found| compare_length(norm, &both, found.value) != Ordering::Less));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Gradients in exact arithmetic at random inputs and at the inputs that searches report, over all of space, boxes and balls.
    #[test]
    fn no_gradient_is_above_a_bound_and_none_found_is_above_the_gradient(
        m in 1usize..7, d in 1usize..4, seed in any::<u64>(), at in any::<u64>(), kind in 0..3,
    ) {
        let network = network_of_any_scale(m, d, seed);
        if path_norm(&network, Norm::Infinity).is_infinite() { return Ok(()); }
        let mut random = Pcg64::seed_from_u64(at);
        let mut draw = |most: i32| random.random_range(-1.0..1.0f64) * 10f64.powi(random.random_range(-most..=most));
        let size = draw(6).abs() + 1e-6;
        let center: Vec<f64> = (0..d).map(|_| draw(3)).collect();
        for norm in NORMS {
            let region = match kind {
                0 => Region::Everywhere,
                1 => {
                    let ends = |sign: f64| center.iter().map(|c| c + sign * size).collect();
                    Region::Box { lower: ends(-1.0), upper: ends(1.0) }
                }
                _ => Region::Ball { center: center.clone(), radius: size, norm },
            };
            if region.check(d).is_err() { continue; }
            let bounds = upper_bounds(&network, &region, norm);
            let found = exact(&network, &region, norm).found;
            let searched = largest_gradient_found(&network, &region, norm, None, &GradientSearchSettings { questions: 30, ..Default::default() });
            for attained in found.iter().chain(searched.unwrap().iter()) {
                let gradient = gradient_at(&network, &attained.point);
                prop_assert!(gradient.is_some(), "on a boundary");
                let gradient = gradient.unwrap();
                prop_assert!(compare_length(norm.dual(), &gradient, attained.value) != Ordering::Less, "{:?}", attained);
                for (name, bound) in &bounds {
                    prop_assert!(above(norm.dual(), *bound, &gradient), "{} {:?}: {} {:?}", name, norm, bound, attained);
                }
            }
            for _ in 0..20 {
                let spread = if kind == 0 { 10f64.powi(random_power(&mut draw)) } else { 0.3 * size };
                let x: Vec<f64> = center.iter().map(|c| c + spread * draw(0)).collect();
                if !region.contains(&x) { continue; }
                if let Some(gradient) = gradient_at(&network, &x) {
                    for (name, bound) in &bounds {
                        prop_assert!(above(norm.dual(), *bound, &gradient), "{} {:?}: {} at {:?}", name, norm, bound, x);
                    }
                }
            }
        }
    }

    /// Values of f in exact arithmetic never leave an interval around a sample, nor the range over a ball or box.
    #[test]
    fn no_value_leaves_its_interval(m in 1usize..7, d in 1usize..4, seed in any::<u64>(), at in any::<u64>()) {
        let network = network_of_any_scale(m, d, seed);
        let mut random = Pcg64::seed_from_u64(at);
        let mut draw = |most: i32| random.random_range(-1.0..1.0f64) * 10f64.powi(random.random_range(-most..=most));
        let radius = draw(3).abs() + 1e-9;
        let center: Vec<f64> = (0..d).map(|_| draw(3)).collect();
        for norm in NORMS {
            let bound = if path_norm(&network, norm.dual()).is_finite() {
                prove(&network, norm, None, &mut go_on()).map_or(f64::INFINITY, |certificate| certificate.standardized.bound)
            } else {
                f64::INFINITY
            };
            for nodes in [0, 30] {
                let interval = sample_interval(&network, &center, norm, radius, bound, nodes).unwrap();
                prop_assert!(interval.lower <= interval.lowest_found && interval.highest_found <= interval.upper, "{interval:?}");
                let ball = Region::Ball { center: center.clone(), radius, norm };
                for step in 0..15 {
                    let x: Vec<f64> = center.iter().map(|c| c + if step == 0 { 0.0 } else { radius * draw(0) }).collect();
                    if !ball.contains(&x) { continue; }
                    let value = exact_numbers::value(&network, &x);
                    let low = interval.lower == f64::NEG_INFINITY || Exact::of(interval.lower) <= value.clone();
                    prop_assert!(low, "{norm:?} {nodes} {interval:?} at {x:?}");
                    let high = interval.upper == f64::INFINITY || value <= Exact::of(interval.upper);
                    prop_assert!(high, "{norm:?} {nodes} {interval:?} at {x:?}");
                }
            }
        }
    }
}

fn random_power(draw: &mut impl FnMut(i32) -> f64) -> i32 {
    (draw(0) * 12.0) as i32
}
