//! Several targets against one, whose programs have other code, and against attacks.

use super::tests::optimum;
use super::*;
use crate::attack;
use crate::choose::{self, OfTarget};
use crate::random::normal;
use crate::shallow::Parts;
use crate::tolerance::{Input, Shape, Tolerance};
use crate::train::{self, Common, tests::toy};
use crate::{Dataset, Loss, Norm, Scaler, Shallow, polish as of_one};
use faer::Mat;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use std::ops::ControlFlow;

const LOSSES: [&str; 4] = ["squared", "huber:0.5", "absolute", "quantile:0.3"];

/// Rows of the plane with two targets, one smooth and one with a kink, each with noise.
fn two(n: usize, seed: u64) -> Dataset {
    let mut random = Pcg64::seed_from_u64(seed);
    let data = toy(n, 2, seed);
    let other = |k: usize| (data.x[(k, 0)] - data.x[(k, 1)]).abs() - 1.0 + 0.1 * normal(&mut random);
    let others = (0..n).map(other).collect();
    data.with_others(vec![others]).unwrap()
}

fn plan(outputs: usize, units: usize, seed: u64) -> Plan {
    Plan {
        outputs,
        loss: Some(Loss::default()),
        units,
        linear_part: false,
        output_bias: true,
        decay: 1e-3,
        rate: 1e-2,
        epochs: 60,
        batch: 16,
        steps: 1,
        seed,
    }
}

fn go_on(_: &of_one::Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn settings(loss: &Loss, tolerance: &Tolerance, decay: f64) -> Settings {
    Settings { loss: loss.clone(), tolerance: tolerance.clone(), decay, soft: true, rounds: 1, gap: (1e-9, 200) }
}

fn within(network: &Shallow, data: &Dataset, tolerance: &Tolerance, loss: &Loss, nodes: usize) -> attack::WithinReport {
    let settings = attack::Settings { loss: loss.clone(), nodes, ..attack::Settings::new(f64::INFINITY) };
    attack::within(network, data, tolerance, &settings).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// One target by this way has the optimum of the way for one output, whose loss has signs and not coefficients, and a bias of its own.
    #[test]
    fn one_target_is_one_output(seed in any::<u64>(), loss in 0..LOSSES.len(), ball in any::<bool>(), soft in any::<bool>(), weighted in any::<bool>()) {
        let loss: Loss = LOSSES[loss].parse().unwrap();
        let mut data = toy(25, 2, seed);
        if weighted {
            data.weights = Some((0..25).map(|k| (k % 4) as f64).collect());
        }
        let start = train::Settings { start: "random".parse().unwrap(), units: 5, seed, loss: loss.clone(), ..train::Settings::default() };
        let one = train::train(&data, &start, &mut |_| ControlFlow::Continue(())).unwrap().network;
        let tolerance = Tolerance::same(if ball { Shape::Ball } else { Shape::Box }, &[0.1, 0.05]).unwrap();
        let several = Settings { soft, ..settings(&loss, &tolerance, 0.02) };
        let (found, after) = optimum(|observer| polish(&one, &data, &several, observer));
        let method = if soft { of_one::Method::CONVEX } else { "robust-cells".parse().unwrap() };
        let known = of_one::Settings {
            loss, tolerance: Some(tolerance), decay: 0.02, rounds: 1, tol: 1e-9, ..of_one::Settings::of(method)
        };
        let (known, optimal) = optimum(|observer| of_one::polish(&one, &data, &known, observer));
        let before = found.objective[0];
        prop_assert!((before - known.before.objective).abs() < 1e-9 * before, "{before} {}", known.before.objective);
        prop_assert!((after - optimal).abs() < 1e-7 * after, "{after} {optimal}");
        prop_assert!(found.objective[1] < after * (1.0 + 1e-7) && found.gap < 1e-8, "{found:?} {after}");
    }

    /// A target twice costs twice as much, at the same optimum: the units are √2 times as long, and their price is divided by that.
    #[test]
    fn two_copies_are_one(seed in any::<u64>(), loss in 0..LOSSES.len(), ball in any::<bool>()) {
        let loss: Loss = LOSSES[loss].parse().unwrap();
        let data = toy(25, 2, seed);
        let start = train(&data, None, &Plan { epochs: 20, ..plan(1, 5, seed) }).unwrap();
        let twice = start.clone().edited(|parts: &mut Parts| {
            parts.v = Mat::from_fn(parts.v.nrows(), 2, |i, _| parts.v[(i, 0)]);
            parts.c = vec![parts.c[0]; 2];
        }).unwrap();
        let copies = data.clone().with_others(vec![data.y.clone()]).unwrap();
        let tolerance = Tolerance::same(if ball { Shape::Ball } else { Shape::Box }, &[0.1, 0.2]).unwrap();
        let settings = |decay| settings(&loss, &tolerance, decay);
        let (one, optimal) = optimum(|observer| polish(&start, &data, &settings(0.02), observer));
        let (both, of_both) = optimum(|observer| polish(&twice, &copies, &settings(0.02 * 2f64.sqrt()), observer));
        for (one, both) in [(one.objective[0], both.objective[0]), (optimal, of_both)] {
            prop_assert!((both - 2.0 * one).abs() < 1e-7 * both, "{both} {one}");
        }
    }

    /// The bound is never above where it started, and what is proved of the result never above the bound; more rounds never raise it.
    #[test]
    fn the_bound_falls_and_holds(seed in any::<u64>(), loss in 0..LOSSES.len(), ball in any::<bool>(), linear_part in any::<bool>()) {
        let loss: Loss = LOSSES[loss].parse().unwrap();
        let mut data = two(30, seed);
        let mut random = Pcg64::seed_from_u64(seed);
        data.weights = Some((0..30).map(|_| f64::from(random.random_range(0..3u8))).collect());
        let tolerance = Tolerance::same(if ball { Shape::Ball } else { Shape::Box }, &[0.2, 0.1]).unwrap();
        let start = train(&data, None, &Plan { epochs: 30, linear_part, ..plan(2, 6, seed) }).unwrap();
        let settings = |rounds| Settings { rounds, gap: (1e-7, 100), ..settings(&loss, &tolerance, 1e-3) };
        let [once, thrice] = [1, 3].map(|rounds| polish(&start, &data, &settings(rounds), &mut go_on).unwrap());
        prop_assert!(once.objective[1] <= once.objective[0] && thrice.objective[1] <= once.objective[1]);
        prop_assert!(once.objective[1] < 0.98 * once.objective[0] && once.gap < 1e-6, "{once:?}");
        for (network, bound) in [(&start, thrice.objective[0]), (&thrice.network, thrice.objective[1])] {
            let report = within(network, &data, &tolerance, &loss, 300);
            let proved = report.worst_case.unwrap().proved;
            prop_assert!(loss.mean(network, &data) <= report.found * (1.0 + 1e-9) && report.found <= proved);
            prop_assert!(proved <= bound * (1.0 + 1e-9), "{proved} {bound}");
            // The parts are those of each target alone.
            let alone = |target: usize| within(&network.output(target), &data.of_target(target), &tolerance, &loss, 300);
            let parts = [alone(0), alone(1)];
            let sum = |of: &dyn Fn(&attack::WithinReport) -> f64| parts.iter().map(of).sum::<f64>();
            prop_assert!((sum(&|part| part.found) - report.found).abs() < 1e-9 * report.found);
            prop_assert!((sum(&|part| part.worst_case.unwrap().proved) - proved).abs() < 1e-9 * proved);
        }
    }
}

/// With exact inputs and no price, the bound is the loss itself, and soft cells fit at least as well as the start.
#[test]
fn exact_inputs_have_the_loss_itself() {
    let (data, loss) = (two(40, 2), Loss::default());
    let start = train(&data, None, &plan(2, 6, 1)).unwrap();
    let polished = polish(&start, &data, &settings(&loss, &Tolerance::none(2), 0.0), &mut go_on).unwrap();
    let [before, after] = polished.objective;
    assert!((before - loss.mean(&start, &data)).abs() < 1e-12 * before);
    assert!((after - loss.mean(&polished.network, &data)).abs() < 1e-9 * before && after < before);
    // Of these patterns nothing fits better than least squares of every output for itself can: the sum of the two is below.
    let alone: f64 = (0..2)
        .map(|target| {
            let (network, rows) = (start.output(target), data.of_target(target));
            let settings = of_one::Settings { tol: 1e-9, rounds: 1, ..of_one::Settings::of(of_one::Method::CONVEX) };
            of_one::polish(&network, &rows, &settings, &mut |_| ControlFlow::Continue(())).unwrap().after.objective
        })
        .sum();
    assert!(alone <= after * (1.0 + 1e-6), "{alone} {after}");
}

#[test]
fn training_under_attack_lessens_the_worst_case() {
    let (data, loss) = (two(90, 1), Loss::default());
    let tolerance = Tolerance::same(Shape::Ball, &[0.4; 2]).unwrap();
    for linear_part in [false, true] {
        let plan = Plan { linear_part, decay: 0.0, epochs: 400, ..plan(2, 30, 3) };
        let [clean, attacked] = [None, Some(&tolerance)].map(|within| train(&data, within, &plan).unwrap());
        assert_eq!((clean.outputs(), clean.units()), (2, 30));
        let found = |network: &Shallow| within(network, &data, &tolerance, &loss, 0).found;
        assert!(found(&attacked) < 0.9 * found(&clean), "{} {}", found(&attacked), found(&clean));
        assert!(loss.mean(&clean, &data) < loss.mean(&attacked, &data));
        assert!(loss.mean(&clean, &data) < 0.3, "{}", loss.mean(&clean, &data));
    }
}

/// The network is chosen by both targets, and each is told for itself.
#[test]
fn a_network_is_chosen_for_all_targets() {
    let data = two(60, 4);
    let tolerance = Tolerance::same(Shape::Ball, &[0.3, 0.3]).unwrap();
    let settings =
        choose::Settings { common: Common::default(), units: Some(6), decay: Some(3e-3), effort: 1.0, classes: None };
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| choose::choose(&data, &tolerance, &settings, &mut |_| ControlFlow::Continue(())).unwrap())
    };
    let chosen = run(2);
    assert_eq!(chosen, run(1));
    assert_eq!((chosen.network.outputs(), chosen.start.outputs()), (2, 2));
    let loss = Loss::default();
    let inputs = ["a", "b"].map(|name| Input { name, numeric: true, width: 1 });
    let all = choose::evaluate(&chosen, (&data, &tolerance), None, &inputs, &loss, &mut |_, _| ()).unwrap().unwrap();
    let at = all.at_tolerance();
    assert!(at.result.accuracy.is_none() && all.confusion.is_none());
    assert!(at.result.found < 0.98 * at.start.found && at.result.found <= at.result.proved, "{at:?}");
    let each = &all.targets;
    assert_eq!(each.len(), 2);
    let clean: f64 = each.iter().map(|of| of.at.result.clean).sum();
    assert!((clean - at.result.clean).abs() < 1e-9 * clean);
    assert_eq!(all.seen(&chosen.choice).targets, *each);
    assert!(
        each.iter().all(|OfTarget { at, .. }| at.result.found <= at.result.proved && at.start.found <= at.start.proved)
    );
}

/// Intervals are in the units of each target, and no error within the tolerance leaves them; bounds of outputs hold.
#[test]
fn every_target_has_intervals_and_a_bound_of_its_own() {
    let rows = two(30, 5);
    let user = Dataset { x: Mat::from_fn(30, 2, |k, j| 10.0 + 3.0 * rows.x[(k, j)]), ..rows.clone() };
    let user = Dataset { others: vec![rows.others[0].iter().map(|y| 500.0 + 70.0 * y).collect()], ..user };
    let scaler = Scaler::fit(&user).unwrap();
    let data = scaler.standardize(&user);
    assert!((data.others[0].iter().map(|y| y * y).sum::<f64>() / 30.0 - 1.0).abs() < 1e-9);
    let network = train(&data, None, &Plan { linear_part: true, ..plan(2, 8, 2) }).unwrap();
    let folded = scaler.network_to_user(&network).unwrap();
    let back = scaler.network_to_standardized(&folded).unwrap();
    let tolerance = Tolerance::same(Shape::Box, &[0.4, 0.1]).unwrap();
    let all = of_targets(&network, &scaler, &user.x, &tolerance, None, &mut |_| {}).unwrap();
    let mut random = Pcg64::seed_from_u64(3);
    for (k, target) in (0..30).flat_map(|k| [(k, 0), (k, 1)]) {
        let interval = &all[target][k];
        let x = |t: [f64; 2]| [user.x[(k, 0)] + 0.4 * t[0], user.x[(k, 1)] + 0.1 * t[1]];
        let mut seen = [f64::INFINITY, f64::NEG_INFINITY];
        for _ in 0..200 {
            let f = folded.outputs_of(&x([random.random_range(-1.0..1.0), random.random_range(-1.0..1.0)]))[target];
            seen = [seen[0].min(f), seen[1].max(f)];
        }
        let slack = 1e-9 * seen[1].abs().max(1.0);
        assert!(interval.lower <= seen[0] + slack && seen[1] <= interval.upper + slack, "{interval:?} {seen:?}");
        assert!(interval.upper - interval.lower < 2.0 * (seen[1] - seen[0]) + slack);
        let standardized: Vec<f64> = data.x.row(k).iter().copied().collect();
        let [ours, theirs] = [&network, &back].map(|one| one.outputs_of(&standardized)[target]);
        assert!((ours - theirs).abs() < 1e-9, "{ours} {theirs}");
        for norm in [Norm::One, Norm::Two, Norm::Infinity] {
            let bound = lipschitz_of_output(&network, target, norm, &mut |_| ControlFlow::Continue(())).unwrap();
            let gradient = norm.dual().of(&network.output(target).gradient(&standardized));
            assert!(gradient <= bound, "{norm:?}: {gradient} {bound}");
        }
    }
}

#[test]
fn what_does_not_fit_is_said() {
    let (data, loss) = (two(20, 1), Loss::default());
    let network = train(&data, None, &plan(2, 4, 1)).unwrap();
    let none = Tolerance::none(2);
    let error = polish(&network, &data.of_target(0), &settings(&loss, &none, 0.1), &mut go_on).unwrap_err();
    assert!(error.what.contains("is for numbers") && error.hint.contains("as many targets as outputs"), "{error}");
    let three = data.clone().with_others(vec![data.y.clone(), data.y.clone()]).unwrap();
    let error = attack::within(&network, &three, &none, &attack::Settings::new(f64::INFINITY)).unwrap_err();
    assert!(error.what.contains("and 3 targets"), "{error}");
    let error = attack::within(&network.output(0), &data, &none, &attack::Settings::new(f64::INFINITY)).unwrap_err();
    assert!(error.what.contains("1 outputs"), "{error}");
    let one = of_one::Settings::default();
    let error = of_one::polish(&network.output(0), &data, &one, &mut |_| ControlFlow::Continue(())).unwrap_err();
    assert!(
        error.what.contains("is for one target, and the rows have 2") && error.hint.contains("tolerance"),
        "{error}"
    );
    let error = train::train(&data, &train::Settings::default(), &mut |_| ControlFlow::Continue(())).unwrap_err();
    assert!(error.what.contains("is for one target"), "{error}");
    let large = Dataset { others: vec![vec![1e308; 20]], ..data };
    assert!(Scaler::fit(&large).is_ok_and(|scaler| scaler.check(2).is_ok()) || Scaler::fit(&large).is_err());
}
