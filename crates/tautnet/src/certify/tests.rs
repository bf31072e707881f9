//! The order of the bounds, and each fast path against a slow twin.

use super::*;
use crate::exact_numbers::{self, Exact};
use crate::random::normal;
use crate::unit::Unit;
use crate::{Norm, Shallow};
use faer::Mat;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use std::ops::ControlFlow;

/// A network with normal weights.
pub(super) fn random_network(units: usize, inputs: usize, seed: u64) -> Shallow {
    let mut random = Pcg64::seed_from_u64(seed);
    let mut draw = || normal(&mut random);
    let w = Mat::from_fn(units, inputs, |_, _| draw());
    let b = (0..units).map(|_| draw()).collect();
    let v = (0..units).map(|_| draw()).collect();
    Shallow::new(w, b, v, 0.5).unwrap()
}

/// A network with normal weights and a linear part.
pub(super) fn random_network_with_linear_part(units: usize, inputs: usize, seed: u64) -> Shallow {
    let mut random = Pcg64::seed_from_u64(!seed);
    let a = Mat::from_fn(inputs, 1, |_, _| 2.0 * normal(&mut random));
    random_network(units, inputs, seed).edited(|parts| parts.a = Some(a)).unwrap()
}

/// relu(x) − relu(x − 1): its constant is 1, which unsound multipliers miss.
pub(super) fn counterexample() -> Shallow {
    Shallow::new(Mat::from_fn(2, 1, |_, _| 1.0), vec![0.0, -1.0], vec![1.0, -1.0], 0.0).unwrap()
}

fn lipsdp_of(network: &Shallow, norm: Norm) -> Bound {
    lipsdp(network, norm, &mut |_| ControlFlow::Continue(())).unwrap()
}

/// The largest gradient over all 2^m patterns, by trying them.
pub(super) fn formal_maximum(network: &Shallow, norm: Norm) -> f64 {
    let (m, d) = (network.units(), network.inputs());
    (0..1_u32 << m)
        .map(|pattern| {
            let mut sum = network.a().map_or_else(|| vec![0.0; d], <[f64]>::to_vec);
            for i in (0..m).filter(|i| pattern >> i & 1 == 1) {
                (0..d).for_each(|k| sum[k] += network.v()[i] * network.w()[(i, k)]);
            }
            norm.dual().of(&sum)
        })
        .fold(0.0, f64::max)
}

/// The smallest eigenvalue of S in (J), over L.
fn lmi_margin(network: &Shallow, norm: Norm, bound: &Bound) -> f64 {
    let (m, d) = (network.units(), network.inputs());
    let (l, ell) = (bound.lipschitz_upper_bound, &bound.multipliers);
    let s = Mat::from_fn(d + m + 1, d + m + 1, |a, b| {
        let (a, b) = (a.max(b), a.min(b));
        let sign = |i: usize| if network.v()[i] < 0.0 { -1.0 } else { 1.0 };
        if a < d {
            match (a == b, norm) {
                (true, Norm::Infinity) => bound.p.as_ref().unwrap()[a],
                (true, _) => l,
                _ => 0.0,
            }
        } else if a < d + m {
            let i = a - d;
            if b < d {
                -network.v()[i].abs() * network.w()[(i, b)]
            } else if a == b {
                2.0 * ell[i]
            } else {
                0.0
            }
        } else if b < d {
            network.a().map_or(0.0, |a| -a[b])
        } else if b < d + m {
            -ell[b - d] * sign(b - d)
        } else {
            l
        }
    });
    let values = s.self_adjoint_eigenvalues(faer::Side::Lower).unwrap();
    values[0] / l
}

#[test]
fn the_two_unit_counterexample_gets_at_least_one() {
    for norm in [Norm::One, Norm::Two, Norm::Infinity] {
        let bound = lipsdp_of(&counterexample(), norm);
        assert!(bound.lipschitz_upper_bound >= 1.0 && bound.lipschitz_upper_bound < 1.2, "{bound:?}");
    }
}

#[test]
fn units_without_effect_change_nothing() {
    let mut network = random_network(6, 3, 1);
    let bound = |network: &Shallow| lipsdp_of(network, Norm::Two);
    network.v_mut()[2] = 0.0;
    (0..3).for_each(|k| network.w_mut()[(4, k)] = 0.0);
    let kept = [0, 1, 3, 5];
    let pick = |values: &[f64]| kept.iter().map(|&i| values[i]).collect::<Vec<_>>();
    let reduced =
        Shallow::new(Mat::from_fn(4, 3, |i, k| network.w()[(kept[i], k)]), pick(network.b()), pick(network.v()), 0.0)
            .unwrap();
    let (full, reduced) = (bound(&network), bound(&reduced));
    assert_eq!(full.lipschitz_upper_bound, reduced.lipschitz_upper_bound);
    assert_eq!((full.multipliers[2], full.multipliers[4]), (0.0, 0.0));
    network.v_mut().fill(0.0);
    assert_eq!(bound(&network).lipschitz_upper_bound, 0.0);
}

#[test]
fn one_unit_is_exact() {
    let network = Shallow::new(Mat::from_fn(1, 2, |_, k| [3.0, 4.0][k]), vec![0.0], vec![-2.0], 0.0).unwrap();
    for (norm, constant) in [(Norm::Two, 10.0), (Norm::Infinity, 14.0), (Norm::One, 8.0)] {
        let bound = lipsdp_of(&network, norm).lipschitz_upper_bound;
        for bound in [bound, path_norm(&network, norm), norm_product(&network, norm)] {
            assert!(bound >= constant && bound < constant * (1.0 + 1e-9), "{norm:?} {bound}");
        }
    }
}

#[test]
fn extreme_scales_do_not_matter() {
    let network = random_network(8, 3, 5);
    let reference = lipsdp_of(&network, Norm::Two).lipschitz_upper_bound;
    for scale in [1e-150, 1e150] {
        let mut scaled = network.clone();
        scaled.v_mut().iter_mut().for_each(|v| *v *= scale);
        let bound = lipsdp_of(&scaled, Norm::Two).lipschitz_upper_bound;
        assert!((bound / scale / reference - 1.0).abs() < 1e-8);
        scaled.w_mut().col_as_slice_mut(0).iter_mut().for_each(|w| *w *= 1e200);
        assert_eq!(lipsdp(&scaled, Norm::Two, &mut |_| ControlFlow::Continue(())).is_err(), scale > 1.0);
    }
}

/// Interior-point bound against coordinate ascent on the low-rank factor (Burer and Monteiro), its slow twin.
#[test]
fn the_relaxation_agrees_with_coordinate_ascent() {
    for (units, inputs) in [(12, 3), (40, 4), (30, 12)] {
        let network = random_network(units, inputs, units as u64);
        let bound = lipsdp_of(&network, Norm::Two);
        let n = units + 1;
        let a = Mat::from_fn(n, inputs, |i, k| match i {
            0 => (0..units).map(|j| network.v()[j] * network.w()[(j, k)]).sum(),
            _ => network.v()[i - 1] * network.w()[(i - 1, k)],
        });
        let gram = &a * a.transpose();
        let rank = 2 + ((2 * n) as f64).sqrt() as usize;
        let mut random = Pcg64::seed_from_u64(7);
        let mut q = Mat::from_fn(n, rank, |_, _| normal(&mut random));
        for _ in 0..4000 {
            for i in 0..n {
                let mut row = vec![0.0; rank];
                for j in (0..n).filter(|&j| j != i) {
                    (0..rank).for_each(|r| row[r] += gram[(i, j)] * q[(j, r)]);
                }
                let length = Norm::Two.of(&row);
                (0..rank).for_each(|r| q[(i, r)] = row[r] / length);
            }
        }
        let x = &q * q.transpose();
        let value: f64 = (0..n).flat_map(|i| (0..n).map(move |j| (i, j))).map(|(i, j)| gram[(i, j)] * x[(i, j)]).sum();
        let value = 0.5 * value.sqrt();
        assert!((bound.lipschitz_upper_bound / value - 1.0).abs() < 1e-6, "{} {value}", bound.lipschitz_upper_bound);
        assert!(bound.gap < 1e-8);
    }
}

/// The matrix inequality (J) with the weights held, solved as it stands, is the judge of the relaxation and of its dual
/// point: with generic weights the multipliers are unique.
#[test]
fn the_relaxation_agrees_with_the_matrix_inequality() {
    for (units, inputs) in [(3, 2), (12, 5), (25, 4), (6, 9)] {
        let seed = 3 * units as u64;
        for network in [random_network(units, inputs, seed), random_network_with_linear_part(units, inputs, seed)] {
            let all: Vec<Unit> = Unit::of(&network).into_iter().map(|(_, unit)| unit).collect();
            for norm in [Norm::Two, Norm::Infinity] {
                let bound = lipsdp_of(&network, norm);
                assert!(bound.gap < 1e-9, "{bound:?}");
                let judge =
                    interior_lipsdp::interior_lipsdp(&all, network.a(), norm, &mut |_| ControlFlow::Continue(()));
                assert!((judge.lipschitz_upper_bound / bound.lipschitz_upper_bound - 1.0).abs() < 1e-8);
                let largest = judge.multipliers.iter().copied().fold(0.0, f64::max);
                for (found, known) in bound.multipliers.iter().zip(&judge.multipliers) {
                    assert!((found - known).abs() < 1e-4 * largest, "{norm:?} {found} {known}");
                }
                assert_eq!(units_lipsdp(&all, network.a(), inputs, norm, &mut |_| ControlFlow::Continue(())), bound);
                let (implied, _) =
                    implied_bound::units_bound(&all, network.a(), &bound.multipliers, bound.p.as_deref(), norm);
                assert!((implied / bound.lipschitz_upper_bound - 1.0).abs() < 1e-8, "{implied}");
                let proved = bound_by(&all, network.a(), &bound.multipliers, bound.p.as_deref(), norm);
                assert!(proved >= bound.lipschitz_upper_bound * (1.0 - bound.gap), "{proved} {bound:?}");
                assert!(proved / bound.lipschitz_upper_bound - 1.0 < 1e-8, "{proved}");
            }
        }
    }
}

/// A solve that is stopped at once returns a bound all the same.
#[test]
fn a_bound_holds_wherever_the_solver_stopped() {
    let network = random_network(20, 4, 2);
    for norm in [Norm::Two, Norm::Infinity] {
        let bound = lipsdp(&network, norm, &mut |_| ControlFlow::Break(())).unwrap();
        assert!(bound.iterations <= 1 && bound.gap > 1e-6);
        assert!(bound.lipschitz_upper_bound >= lipsdp_of(&network, norm).lipschitz_upper_bound);
        assert!(lmi_margin(&network, norm, &bound) > -1e-12);
    }
}

/// At x = 0 both hidden units are off by the formula, in no neighbourhood of it are both.
#[test]
fn a_gradient_on_a_boundary_does_not_count() {
    let network =
        Shallow::new(faer::mat![[1.0], [1.0], [-1.0]], vec![1e6, 0.0, 0.0], vec![1.0, -1.0, 1.0], 0.0).unwrap();
    assert_eq!(network.gradient(&[0.0]), [1.0]);
    assert_eq!(attained_at(&network, &Region::Everywhere, Norm::Two, &[0.0]), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_bounds_keep_their_order(units in 1_usize..11, inputs in 1_usize..7, seed in any::<u64>()) {
        let network = random_network(units, inputs, seed);
        for norm in [Norm::One, Norm::Two, Norm::Infinity] {
            let bound = lipsdp_of(&network, norm);
            let formal = formal_maximum(&network, norm);
            prop_assert!(bound.lipschitz_upper_bound >= formal);
            let steepest = steepest_pattern(&network, norm, &bound, 16, seed).unwrap();
            prop_assert!(steepest.value <= formal * (1.0 + 1e-12));
            prop_assert!(steepest.value >= 0.7 * formal);
            prop_assert!(bound.lipschitz_upper_bound <= path_norm(&network, norm) * (1.0 + 1e-9));
            prop_assert!(bound.lipschitz_upper_bound <= norm_product(&network, norm) * (1.0 + 1e-9));
            prop_assert!(bound.gap <= 1e-7 && bound.gap >= 0.0, "{:?}", bound);
            if norm != Norm::One {
                prop_assert!(lmi_margin(&network, norm, &bound) > -1e-12, "{}", lmi_margin(&network, norm, &bound));
                let pi: f64 = bound.p.iter().flatten().sum();
                prop_assert!(pi <= bound.lipschitz_upper_bound * (1.0 + 1e-12));
            }
        }
    }
}

fn closed(network: &Shallow, region: &Region, norm: Norm) -> Enclosure {
    exact_lipschitz(network, region, norm, None, &ExactSettings::default(), &mut |_| ControlFlow::Continue(())).unwrap()
}

fn unit_box(inputs: usize, half: f64) -> Region {
    Region::Box { lower: vec![-half; inputs], upper: vec![half; inputs] }
}

#[test]
fn weights_whose_squares_vanish_or_overflow_are_bounded_too() {
    // v relu(w x − w/10), twice, in the plane: on over some of the ball, off over the rest.
    for size in [1e-320, 1e-300, 1e-200, 1.0, 1e200] {
        let w = Mat::from_fn(2, 2, |i, k| if i == k { size } else { 0.0 });
        let network = Shallow::new(w, vec![-0.1 * size; 2], vec![1.0 / size.max(1e-300); 2], 0.0).unwrap();
        for norm in [Norm::One, Norm::Two, Norm::Infinity] {
            let ball = Region::Ball { center: vec![0.0; 2], radius: 1.0, norm: Norm::Two };
            let expected = norm.dual().of(&[1.0, 1.0]) * (size * network.v()[0]);
            let local = local_upper_bound(&network, &ball, norm).unwrap();
            assert_eq!(local.free, 2, "{size}");
            assert!(local.upper_bound >= expected * (1.0 - 1e-12), "{size} {norm:?} {local:?}");
            assert!(norm_product(&network, norm) >= expected * (1.0 - 1e-12), "{size} {norm:?}");
            let found = largest_gradient_found(&network, &Region::Everywhere, norm, None, &Default::default());
            assert!(found.unwrap().is_none_or(|found| found.value <= expected * (1.0 + 1e-12)), "{size} {norm:?}");
        }
    }
}

#[test]
fn the_exact_constant_of_the_counterexample_is_one() {
    for norm in [Norm::One, Norm::Two, Norm::Infinity] {
        let enclosure = closed(&counterexample(), &Region::Everywhere, norm);
        assert!(enclosure.closed && enclosure.lower_bound == 1.0, "{enclosure:?}");
        let beyond = Region::Box { lower: vec![1.5], upper: vec![2.0] };
        assert_eq!(closed(&counterexample(), &beyond, norm).upper_bound, 0.0);
    }
}

#[test]
fn twenty_units_and_five_inputs_close() {
    for seed in 0..20 {
        let network = random_network(20, 5, seed);
        for norm in [Norm::One, Norm::Two, Norm::Infinity] {
            let enclosure = closed(&network, &Region::Everywhere, norm);
            assert!(enclosure.closed && enclosure.undecided == 0, "{seed} {norm:?} {enclosure:?}");
            let lipsdp = lipsdp_of(&network, norm);
            assert!(enclosure.upper_bound <= lipsdp.lipschitz_upper_bound * (1.0 + 1e-9));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// found ≤ exact ≤ LipSDP ≤ path norm and norm product, and what is issued as a proof of LipSDP is one.
    #[test]
    fn every_bound_is_on_its_side_of_the_constant(units in 1_usize..16, inputs in 1_usize..7, seed in any::<u64>()) {
        let network = random_network(units, inputs, seed);
        let settings = GradientSearchSettings { starts: 4, questions: 20, ..GradientSearchSettings::default() };
        for norm in [Norm::One, Norm::Two, Norm::Infinity] {
            let found = largest_gradient_found(&network, &Region::Everywhere, norm, None, &settings).unwrap().unwrap();
            let exact = closed(&network, &Region::Everywhere, norm);
            prop_assert!(exact.closed, "{:?}", exact);
            prop_assert!(found.value <= exact.upper_bound && exact.lower_bound <= exact.upper_bound);
            let bound = lipsdp_of(&network, norm).lipschitz_upper_bound;
            prop_assert!(exact.lower_bound <= bound && exact.upper_bound <= bound * (1.0 + 1e-9));
            prop_assert!(bound <= path_norm(&network, norm).min(norm_product(&network, norm)) * (1.0 + 1e-9));
            let certificate = prove(&network, norm, None, &mut |_| ControlFlow::Continue(())).unwrap();
            verify(&certificate.to_json(), &network).unwrap();
            prop_assert!(exact.lower_bound <= certificate.standardized.bound);
            let proved = certificate.standardized.bound;
            prop_assert!(proved <= bound * (1.0 + 1e-9), "{:?} {} {}", norm, proved, bound);
        }
    }
}

#[test]
fn the_bounding_box_holds_the_points_and_has_an_interior() {
    let points = faer::mat![[1.0, 5.0], [-2.0, 5.0], [0.5, 5.0]];
    let Region::Box { lower, upper } = Region::bounding_box(points.as_ref()) else { panic!("not a box") };
    assert_eq!((lower[0], upper[0]), (-2.0, 1.0));
    assert!(lower[1] < 5.0 && upper[1] > 5.0 && upper[1] - lower[1] < 1e-5);
}

#[test]
fn a_search_for_gradients_can_be_ended_anywhere() {
    let network = random_network(30, 6, 2);
    let settings = GradientSearchSettings { starts: 8, questions: 50, ..GradientSearchSettings::default() };
    let search = |most: usize| {
        let mut calls = 0;
        let mut last = None;
        let found = search_gradients(&network, &Region::Everywhere, Norm::Two, None, &settings, &mut |progress| {
            calls += 1;
            last = Some(*progress);
            if calls > most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        (found.unwrap().unwrap(), calls, last.unwrap())
    };
    let (whole, all, end) = search(usize::MAX);
    assert_eq!((end.starts, end.questions, end.largest), (8, 50, whole.value));
    assert_eq!(
        largest_gradient_found(&network, &Region::Everywhere, Norm::Two, None, &settings),
        Ok(Some(whole.clone()))
    );
    let mut before = 0.0;
    for most in (0..all).step_by(all / 10) {
        let (part, calls, end) = search(most);
        assert_eq!(calls, most + 1);
        assert!(before <= end.largest && end.largest <= part.value && part.value <= whole.value);
        assert_eq!(attained_at(&network, &Region::Everywhere, Norm::Two, &part.point).unwrap(), part);
        before = end.largest;
    }
}

#[test]
fn a_search_resumes_where_it_stopped() {
    let network = random_network(25, 5, 3);
    let through = closed(&network, &Region::Everywhere, Norm::Two);
    let settings = ExactSettings { nodes: 3, ..ExactSettings::default() };
    let mut search = ExactSearch::new(&network, &Region::Everywhere, Norm::Two, None, &settings).unwrap();
    assert_eq!(search.enclosure().upper_bound, f64::INFINITY);
    let mut enclosure = search.run(&mut |_| ControlFlow::Break(()));
    assert!(!enclosure.closed && enclosure.open == 1);
    let mut calls = 0;
    while !enclosure.closed {
        let next = search.run(&mut |_| ControlFlow::Continue(()));
        assert!(next.upper_bound <= enclosure.upper_bound && next.lower_bound >= enclosure.lower_bound);
        assert!(next.upper_bound >= through.lower_bound);
        enclosure = next;
        calls += 1;
    }
    assert!(calls > 1);
    assert_eq!((enclosure.found, enclosure.upper_bound), (through.found, through.upper_bound));
}

#[test]
fn a_wide_network_can_be_interrupted_within_a_node() {
    let network = random_network(60, 190, 1);
    let settings = ExactSettings { nodes: 1, ..ExactSettings::default() };
    let start = vec![0.1; 190];
    let search = || ExactSearch::from_input(&network, &Region::Everywhere, Norm::Two, Some(&start), &settings).unwrap();
    let mut calls = 0;
    let mut interrupted = search();
    let first = interrupted.run(&mut |progress| {
        calls += 1;
        assert_eq!(progress.upper_bound, f64::INFINITY);
        if calls == 5 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!((first.open, first.explored, first.closed), (1, 1, false));
    let lipsdp = lipsdp_of(&network, Norm::Two).lipschitz_upper_bound;
    // A bound that only orders nodes is a little rough.
    let over = first.upper_bound / lipsdp - 1.0;
    assert!((-1e-9..1e-2).contains(&over) && first.lower_bound <= first.upper_bound, "{over}");
}

#[test]
fn networks_without_bias_or_with_parallel_units_close() {
    let mut network = random_network(10, 3, 11);
    network.b_mut().fill(0.0);
    for k in 0..3 {
        network.w_mut()[(4, k)] = 2.0 * network.w()[(3, k)];
        network.w_mut()[(6, k)] = -network.w()[(5, k)];
    }
    for bias in [0.0, 0.3] {
        network.b_mut()[4] = bias;
        network.b_mut()[6] = -bias;
        for norm in [Norm::One, Norm::Two, Norm::Infinity] {
            let judge = largest_gradient_by_enumeration(&network, &Region::Everywhere, norm).unwrap().unwrap();
            let enclosure = closed(&network, &Region::Everywhere, norm);
            assert!(enclosure.lower_bound >= judge.value * (1.0 - 1e-12));
            assert!(enclosure.closed, "{bias} {norm:?} {enclosure:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn branch_and_bound_agrees_with_enumeration(
        units in 1_usize..13, inputs in 1_usize..4, boxed in any::<bool>(), seed in any::<u64>(),
    ) {
        let network = random_network(units, inputs, seed);
        let region = if boxed { unit_box(inputs, 0.7) } else { Region::Everywhere };
        for norm in [Norm::One, Norm::Two, Norm::Infinity] {
            let judge = largest_gradient_by_enumeration(&network, &region, norm).unwrap().unwrap();
            let enclosure = closed(&network, &region, norm);
            prop_assert!(enclosure.closed, "{:?}", enclosure);
            prop_assert!((enclosure.lower_bound - judge.value).abs() <= 1e-9 * judge.value.max(1e-300),
                "{} {}", enclosure.lower_bound, judge.value);
            prop_assert!(enclosure.upper_bound >= judge.value);
            let local = local_upper_bound(&network, &region, norm).unwrap();
            let global = lipsdp_of(&network, norm);
            prop_assert!(enclosure.upper_bound <= local.upper_bound * (1.0 + 1e-9));
            prop_assert!(local.upper_bound <= global.lipschitz_upper_bound * (1.0 + 1e-8));
            let found = enclosure.found.unwrap();
            prop_assert!(region.contains(&found.point));
            // The gradient is that of finite differences at the point.
            prop_assert_eq!(&found.gradient, &network.gradient(&found.point));
        }
    }

    #[test]
    fn sampled_slopes_in_a_ball_stay_below_the_bounds(
        units in 1_usize..16, inputs in 1_usize..6, radius in 0.05_f64..3.0, seed in any::<u64>(),
    ) {
        let network = random_network(units, inputs, seed);
        let mut random = Pcg64::seed_from_u64(seed ^ 1);
        let center: Vec<f64> = (0..inputs).map(|_| normal(&mut random)).collect();
        for ball in [Norm::One, Norm::Two, Norm::Infinity] {
            let region = Region::Ball { center: center.clone(), radius, norm: ball };
            for norm in [Norm::One, Norm::Two, Norm::Infinity] {
                let enclosure = closed(&network, &region, norm);
                let local = local_upper_bound(&network, &region, norm).unwrap();
                prop_assert!(enclosure.relative_gap < 1e-6, "{:?} {:?}", region, enclosure);
                prop_assert!(enclosure.upper_bound <= local.upper_bound * (1.0 + 1e-9));
                for _ in 0..20 {
                    let mut offset: Vec<f64> = (0..inputs).map(|_| normal(&mut random)).collect();
                    let length = ball.of(&offset) / radius / 0.99;
                    offset.iter_mut().for_each(|a| *a /= length);
                    let x: Vec<f64> = center.iter().zip(&offset).map(|(a, b)| a + b).collect();
                    prop_assert!(norm.dual().of(&network.gradient(&x)) <= enclosure.upper_bound);
                    let change = (network.value(&x) - network.value(&center)).abs();
                    prop_assert!(change <= enclosure.upper_bound * norm.of(&offset) * (1.0 + 1e-9) + 1e-12);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn the_output_range_is_tight_and_contains_what_sampling_finds(
        units in 1_usize..13, inputs in 1_usize..5, radius in 0.05_f64..2.0, seed in any::<u64>(),
    ) {
        let network = random_network(units, inputs, seed);
        let mut random = Pcg64::seed_from_u64(seed ^ 2);
        let center: Vec<f64> = (0..inputs).map(|_| normal(&mut random)).collect();
        for norm in [Norm::One, Norm::Two, Norm::Infinity] {
            let region = Region::Ball { center: center.clone(), radius, norm };
            let range = output_range(&network, &region, &RangeSettings::default(), &mut |_, _| ControlFlow::Continue(()))
                .unwrap();
            let (low, high) = (&range.lowest, &range.highest);
            prop_assert!(low.closed && high.closed, "{:?}", range);
            prop_assert!(region.contains(&low.point) && region.contains(&high.point));
            // What is found is the value there, from the inside, and nearly the computed one.
            let exact = [low, high].map(|end| exact_numbers::value(&network, &end.point));
            prop_assert!(exact[0] <= Exact::of(low.found) && Exact::of(high.found) <= exact[1]);
            prop_assert!((network.value(&low.point) - low.found).abs() + (network.value(&high.point) - high.found).abs() < 1e-12);
            let mut sampled = (f64::INFINITY, f64::NEG_INFINITY);
            for _ in 0..300 {
                let mut offset: Vec<f64> = (0..inputs).map(|_| normal(&mut random)).collect();
                let length = norm.of(&offset) / radius;
                offset.iter_mut().for_each(|a| *a /= length);
                let x: Vec<f64> = center.iter().zip(&offset).map(|(a, b)| a + b).collect();
                let value = network.value(&x);
                prop_assert!(low.bound <= value + 1e-12 && value <= high.bound + 1e-12);
                sampled = (sampled.0.min(value), sampled.1.max(value));
            }
            // The change from the center is at most radius times the constant over the ball.
            let constant = closed(&network, &region, norm).upper_bound;
            let middle = network.value(&center);
            prop_assert!((high.found - middle).max(middle - low.found) <= constant * radius * (1.0 + 1e-9) + 1e-12);
            let target = middle + 1.0;
            let (found, certified) = ((target - low.found).max(high.found - target), (target - low.bound).max(high.bound - target));
            prop_assert!(found <= certified && certified <= found + 1e-6 * (1.0 + constant));
            if inputs == 1 {
                // The ends of an interval are sampled, and a kink is the only other place for an extreme.
                let kinks = (0..units).map(|i| -network.b()[i] / network.w()[(i, 0)]).filter(|x| (x - center[0]).abs() < radius);
                let values: Vec<f64> = kinks.map(|x| network.value(&[x])).collect();
                let highest = values.iter().copied().fold(sampled.1, f64::max);
                prop_assert!((highest - high.found).abs() <= 1e-6 * (1.0 + constant), "{} {}", highest, high.found);
            }
        }
    }
}

/// Small integers: concurrent and repeated hyperplanes, units without effect, boxes touched in a corner.
fn integer_network(units: usize, inputs: usize, seed: u64) -> Shallow {
    let mut random = Pcg64::seed_from_u64(seed);
    let mut integer = |size: i32| f64::from(random.random_range(-size..=size));
    let w = Mat::from_fn(units, inputs, |_, _| integer(2));
    let b = (0..units).map(|_| integer(1)).collect();
    let v = (0..units).map(|_| integer(2)).collect();
    Shallow::new(w, b, v, 0.0).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn degenerate_arrangements_stay_sound(
        units in 1_usize..12, inputs in 1_usize..4, boxed in any::<bool>(), seed in any::<u64>(),
    ) {
        let network = integer_network(units, inputs, seed);
        let region = if boxed { unit_box(inputs, 1.0) } else { Region::Everywhere };
        for norm in [Norm::One, Norm::Two, Norm::Infinity] {
            let judge = largest_gradient_by_enumeration(&network, &region, norm).unwrap().map_or(0.0, |at| at.value);
            let enclosure = closed(&network, &region, norm);
            prop_assert!(enclosure.upper_bound >= judge);
            prop_assert!((enclosure.lower_bound - judge).abs() <= 1e-12 * judge, "{:?} {}", enclosure, judge);
        }
    }
}

#[test]
fn bad_input_is_refused_with_advice() {
    let network = random_network(3, 2, 0);
    let refused = |region: Region| {
        let error = local_upper_bound(&network, &region, Norm::Two).unwrap_err();
        assert!(!error.what.is_empty() && !error.hint.is_empty());
        error.what
    };
    assert!(refused(Region::Box { lower: vec![0.0, 1.0], upper: vec![1.0, 1.0] }).contains("side 1"));
    assert!(refused(Region::Box { lower: vec![0.0], upper: vec![1.0] }).contains("1 entries"));
    assert!(refused(Region::Ball { center: vec![0.0, f64::NAN], radius: 1.0, norm: Norm::Two }).contains("NaN"));
    assert!(refused(Region::Ball { center: vec![0.0; 2], radius: -1.0, norm: Norm::Two }).contains("-1"));
    let everywhere = Region::Everywhere;
    let proceed = &mut |_: f64, _: f64| ControlFlow::Continue(());
    assert!(output_range(&network, &everywhere, &RangeSettings::default(), proceed).is_err());
    let wide = Mat::<f64>::zeros(4, 3);
    let search = GradientSearchSettings::default();
    assert!(largest_gradient_found(&network, &everywhere, Norm::Two, Some(wide.as_ref()), &search).is_err());
    assert!(largest_gradient_by_enumeration(&random_network(3, 4, 0), &everywhere, Norm::Two).is_err());
}

/// Training leaves units that have all but vanished; the bound of the others stays a number.
#[test]
fn vanishing_units_leave_the_bound_finite() {
    for (seed, small) in [(1, 1e-9), (2, 1e-20), (3, 1e-100), (4, 1e-160), (5, 1e-200), (6, 1e-300)] {
        let all = random_network(12, 2, seed);
        let w = Mat::from_fn(12, 2, |i, k| if i % 2 == 0 { all.w()[(i, k)] } else { small * all.w()[(i, k)] });
        let network = Shallow::new(w, all.b().to_vec(), all.v().to_vec(), 0.0).unwrap();
        for norm in [Norm::Two, Norm::Infinity] {
            let bound = lipsdp_of(&network, norm);
            let found = largest_gradient_found(&network, &Region::Everywhere, norm, None, &Default::default());
            let found = found.unwrap().map_or(0.0, |found| found.value);
            assert!(bound.lipschitz_upper_bound.is_finite() && found <= bound.lipschitz_upper_bound * (1.0 + 1e-9));
            assert!(bound.lipschitz_upper_bound <= path_norm(&network, norm) * (1.0 + 1e-9), "{small} {norm:?}");
        }
    }
}
