//! Networks with a linear part: every bound against the same function without one, whose linear part is two units.

use super::tests::{formal_maximum, random_network, random_network_with_linear_part};
use super::*;
use crate::random::normal;
use crate::{Norm, Shallow};
use faer::Mat;
use rand::SeedableRng;
use rand_pcg::Pcg64;
use std::ops::ControlFlow;

const NORMS: [Norm; 3] = [Norm::One, Norm::Two, Norm::Infinity];

/// The same function with `a·x = relu(a·x) − relu(−a·x)`.
fn with_two_units(network: &Shallow) -> Shallow {
    let (m, d, a) = (network.units(), network.inputs(), network.a().unwrap().to_vec());
    let changed = network.clone().edited(|parts| {
        let (w, v) = (parts.w.clone(), parts.v.clone());
        parts.w = Mat::from_fn(m + 2, d, |i, k| if i < m { w[(i, k)] } else { [1.0, -1.0][i - m] * a[k] });
        parts.v = Mat::from_fn(m + 2, 1, |i, _| if i < m { v[(i, 0)] } else { [1.0, -1.0][i - m] });
        parts.b.extend([0.0; 2]);
        parts.a = None;
    });
    changed.unwrap()
}

fn of_lipsdp(network: &Shallow, norm: Norm) -> f64 {
    lipsdp(network, norm, &mut |_| ControlFlow::Continue(())).unwrap().lipschitz_upper_bound
}

fn closed(network: &Shallow, region: &Region, norm: Norm) -> Enclosure {
    let settings = ExactSettings::default();
    let found = exact_lipschitz(network, region, norm, None, &settings, &mut |_| ControlFlow::Continue(())).unwrap();
    assert!(found.closed, "{found:?}");
    found
}

#[test]
fn the_constant_is_that_of_the_same_function_and_the_bounds_are_in_order() {
    for seed in 0..12 {
        let d = 1 + seed as usize % 3;
        let network = random_network_with_linear_part(9, d, seed);
        let same = with_two_units(&network);
        let boxed = Region::Box { lower: vec![-0.7; d], upper: vec![1.1; d] };
        for norm in NORMS {
            for region in [&Region::Everywhere, &boxed] {
                let (one, other) = (closed(&network, region, norm), closed(&same, region, norm));
                assert!((one.upper_bound - other.upper_bound).abs() <= 1e-8 * one.upper_bound, "{one:?} {other:?}");
                let judge = largest_gradient_by_enumeration(&network, region, norm).unwrap().unwrap();
                assert!(judge.value <= one.upper_bound && one.lower_bound >= judge.value * (1.0 - 1e-12));
                let local = local_upper_bound(&network, region, norm).unwrap().upper_bound;
                assert!(one.upper_bound <= local * (1.0 + 1e-8), "{one:?} {local}");
            }
            let bound = of_lipsdp(&network, norm);
            assert!(closed(&network, &Region::Everywhere, norm).upper_bound <= bound * (1.0 + 1e-8));
            // Two units are on and off by themselves as far as LipSDP knows, a linear part is not.
            assert!(bound <= of_lipsdp(&same, norm) * (1.0 + 1e-8), "{bound}");
            assert!(bound <= path_norm(&network, norm) && bound <= norm_product(&network, norm) * (1.0 + 1e-8));
            let found = prove(&network, norm, None, &mut |_| ControlFlow::Continue(())).unwrap().standardized.bound;
            assert!(found >= bound * (1.0 - 1e-9) && found <= bound * (1.0 + 1e-6), "{found} {bound}");
        }
    }
}

#[test]
fn a_linear_part_alone_has_the_length_of_its_weights() {
    let a = [3.0, -4.0, 0.0];
    let network =
        Shallow::with_linear(Mat::zeros(2, 3), vec![1.0, -1.0], vec![1.0, 0.0], 0.5, Some(a.to_vec())).unwrap();
    for (norm, length) in [(Norm::One, 4.0), (Norm::Two, 5.0), (Norm::Infinity, 7.0)] {
        let certificate = prove(&network, norm, None, &mut |_| ControlFlow::Continue(())).unwrap();
        let exact = closed(&network, &Region::Everywhere, norm);
        let local = local_upper_bound(&network, &Region::Everywhere, norm).unwrap().upper_bound;
        let bounds = [of_lipsdp(&network, norm), path_norm(&network, norm), norm_product(&network, norm), local];
        for bound in bounds.into_iter().chain([certificate.standardized.bound, exact.upper_bound]) {
            assert!((length..length * (1.0 + 1e-12)).contains(&bound), "{norm:?} {bound}");
        }
        assert_eq!(exact.lower_bound, length);
        for (sensitivity, a) in certificate.standardized.sensitivities.iter().zip(a) {
            assert!((a.abs()..=a.abs() * (1.0 + 1e-15)).contains(sensitivity), "{certificate:?}");
        }
    }
    // Of zeros it is none.
    let zero = network.edited(|parts| parts.a = Some(Mat::zeros(3, 1))).unwrap();
    for norm in NORMS {
        assert_eq!((of_lipsdp(&zero, norm), closed(&zero, &Region::Everywhere, norm).upper_bound), (0.0, 0.0));
        assert_eq!(prove(&zero, norm, None, &mut |_| ControlFlow::Continue(())).unwrap().standardized.bound, 0.0);
    }
}

#[test]
fn a_range_is_that_of_the_same_function() {
    for seed in 20..30 {
        let network = random_network_with_linear_part(10, 3, seed);
        let same = with_two_units(&network);
        for norm in NORMS {
            let bound = of_lipsdp(&network, norm);
            let ball =
                |network: &Shallow| sample_interval(network, &[0.3, -0.2, 0.7], norm, 0.5, bound, 10_000).unwrap();
            let (one, other) = (ball(&network), ball(&same));
            assert!(one.closed && other.closed);
            assert!(
                (one.lower - other.lower).abs() + (one.upper - other.upper).abs() < 1e-5 * bound,
                "{one:?} {other:?}"
            );
        }
    }
}

#[test]
fn the_steepest_pattern_counts_it() {
    for seed in 0..8 {
        let network = random_network_with_linear_part(10, 3, seed);
        for norm in NORMS {
            let bound = lipsdp(&network, norm, &mut |_| ControlFlow::Continue(())).unwrap();
            let found = steepest_pattern(&network, norm, &bound, 20, 1).unwrap().value;
            let formal = formal_maximum(&network, norm);
            assert!(found <= formal * (1.0 + 1e-12) && formal <= bound.lipschitz_upper_bound * (1.0 + 1e-8));
            assert!(found >= 0.95 * formal, "{norm:?}: {found} {formal}");
        }
    }
}

/// The derivative by the linear part too, by differences of the bound itself.
#[test]
fn the_derivative_of_the_bound_is_by_the_linear_part_too() {
    for (m, d, norm) in [(7, 3, Norm::Two), (3, 8, Norm::Two), (7, 3, Norm::Infinity), (3, 8, Norm::Infinity)] {
        let mut random = Pcg64::seed_from_u64((10 * m + d) as u64);
        let a: Vec<f64> = (0..d).map(|_| normal(&mut random)).collect();
        let network = random_network(m, d, 5).edited(|parts| parts.v = Mat::from_fn(m, 1, |_, _| 1.0)).unwrap();
        let bound = |a: &[f64]| {
            let own = Mat::from_fn(d, 1, |k, _| a[k]);
            of_lipsdp(&network.clone().edited(|parts| parts.a = Some(own)).unwrap(), norm)
        };
        let (value, gradient) = lipsdp_gradient(network.w().as_ref(), Some(&a), norm, 1e-12).unwrap();
        assert!((value - bound(&a)).abs() <= 1e-8 * value);
        for k in 0..d {
            let side = |step: f64| bound(&(0..d).map(|j| a[j] + if j == k { step } else { 0.0 }).collect::<Vec<_>>());
            let difference = (side(1e-4) - side(-1e-4)) / 2e-4;
            assert!((gradient[(m, k)] - difference).abs() < 2e-4, "{k}: {} {difference}", gradient[(m, k)]);
        }
    }
}
