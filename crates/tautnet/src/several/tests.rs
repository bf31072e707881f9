//! Several classes against two, whose programs have other code, and against attacks.

use super::*;
use crate::attack;
use crate::error::Result;
use crate::random::normal;
use crate::shallow::Parts;
use crate::tolerance::{Shape, Tolerance};
use crate::train::{self, tests::toy};
use crate::{Dataset, Loss, Shallow, polish as of_two};
use faer::Mat;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use std::ops::ControlFlow;

/// Three classes about three points of the plane.
pub(crate) fn three(n: usize, seed: u64) -> Dataset {
    let mut random = Pcg64::seed_from_u64(seed);
    let y: Vec<f64> = (0..n).map(|k| (k % 3) as f64).collect();
    let x = Mat::from_fn(n, 2, |k, a| {
        let angle = 2.1 * y[k];
        if a == 0 { angle.cos() } else { angle.sin() }
    });
    let x = Mat::from_fn(n, 2, |k, a| x[(k, a)] + 0.3 * normal(&mut random));
    Dataset::new(x, y, None).unwrap()
}

fn plan(units: usize, seed: u64) -> Plan {
    Plan {
        outputs: 3,
        loss: None,
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

fn go_on(_: &of_two::Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

#[test]
fn training_under_attack_keeps_more_rows_right() {
    let data = three(90, 1);
    let tolerance = Tolerance::same(Shape::Ball, &[0.4; 2]).unwrap();
    let right = |network: &Shallow| {
        let settings =
            attack::Settings { loss: "logistic".parse().unwrap(), nodes: 500, ..attack::Settings::new(f64::INFINITY) };
        let report = attack::within(network, &data, &tolerance, &settings).unwrap();
        let (right, proved) = (report.right.unwrap(), report.worst_case.unwrap());
        assert!(right.proved <= right.found && report.found <= proved.proved);
        // With two inputs and few units the search closes.
        assert!(right.found - right.proved < 0.05, "{right:?}");
        right.proved
    };
    for linear_part in [false, true] {
        let plan = Plan { linear_part, ..plan(20, 3) };
        let [clean, attacked] = [None, Some(&tolerance)].map(|within| train(&data, within, &plan).unwrap());
        assert_eq!((clean.outputs(), clean.units()), (3, 20));
        let classes = classes_of(&clean, data.x.as_ref());
        let count = classes.iter().zip(&data.y).filter(|(class, y)| **class as f64 == **y).count();
        assert!(count > 80, "{count}");
        assert!(right(&attacked) > right(&clean) + 0.02);
    }
}

/// The objective of the last program, where its solver ended. What the network is worth with better labels is at most that, and differs
/// between two ends of one program.
pub(crate) fn optimum<T>(run: impl FnOnce(&mut of_two::Observer<'_>) -> Result<T>) -> (T, f64) {
    let mut last = f64::NAN;
    let found = run(&mut |progress: &of_two::Progress| {
        last = progress.objective;
        ControlFlow::Continue(())
    });
    (found.unwrap(), last)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Two classes with an output each are two classes with one output: f_1 − f_0 = f. Their programs have the same optimum.
    #[test]
    fn two_outputs_are_one(seed in any::<u64>(), loss in 0..3usize, ball in any::<bool>(), soft in any::<bool>()) {
        let loss: Loss = ["logistic", "hinge", "squared-hinge"][loss].parse().unwrap();
        let mut data = toy(25, 2, seed);
        data.y.iter_mut().for_each(|y| *y = if *y < 0.0 { -1.0 } else { 1.0 });
        let start = train::Settings { start: "random".parse().unwrap(), units: 5, seed, loss: loss.clone(), ..train::Settings::default() };
        let one = train::train(&data, &start, &mut |_| ControlFlow::Continue(())).unwrap().network.with_c(0.0);
        let half = std::f64::consts::FRAC_1_SQRT_2;
        // ‖v‖ as it is, so that the units have the same length; the outputs' difference is √2 f.
        let two = one.clone().edited(|parts: &mut Parts| {
            parts.v = Mat::from_fn(parts.v.nrows(), 2, |i, j| half * parts.v[(i, 0)] * if j == 0 { -half } else { half });
            parts.c = vec![0.0; 2];
        }).unwrap();
        let numbers = Dataset { y: data.y.iter().map(|y| 0.5 * (y + 1.0)).collect(), ..data.clone() };
        let tolerance = Tolerance::same(if ball { Shape::Ball } else { Shape::Box }, &[0.1, 0.05]).unwrap();
        // z̄ of two outputs is 1/√2 of that of one, and so is its length.
        let settings = Settings {
            loss: loss.clone(), tolerance: tolerance.clone(), decay: 0.02 / half, soft, rounds: 1, gap: (1e-9, 200),
        };
        let (several, after) = optimum(|observer| polish(&two, &numbers, &settings, observer));
        let method = if soft { of_two::Method::CONVEX } else { "robust-cells".parse().unwrap() };
        let of_one = of_two::Settings {
            loss, tolerance: Some(tolerance), decay: 0.02, output_bias: false, rounds: 1, tol: 1e-9, ..of_two::Settings::of(method)
        };
        let (known, optimal) = optimum(|observer| of_two::polish(&one, &data, &of_one, observer));
        let before = several.objective[0];
        prop_assert!((before - known.before.objective).abs() < 1e-9 * before, "{before} {}", known.before.objective);
        prop_assert!((after - optimal).abs() < 1e-7 * after, "{after} {optimal}");
        prop_assert!(several.objective[1] < after * (1.0 + 1e-7) && several.gap < 1e-8, "{several:?} {after}");
    }

    /// The bound is never above where it started, and no attack goes beyond it; more rounds never raise it.
    #[test]
    fn the_bound_falls_and_holds(seed in any::<u64>(), ball in any::<bool>(), weighted in any::<bool>()) {
        let mut data = three(30, seed);
        let mut random = Pcg64::seed_from_u64(seed);
        if weighted {
            data.weights = Some((0..30).map(|_| f64::from(random.random_range(0..3u8))).collect());
        }
        let loss: Loss = "logistic".parse().unwrap();
        let tolerance = Tolerance::same(if ball { Shape::Ball } else { Shape::Box }, &[0.2, 0.1]).unwrap();
        let start = train(&data, None, &Plan { epochs: 30, ..plan(6, seed) }).unwrap();
        let settings = |rounds| Settings {
            loss: loss.clone(), tolerance: tolerance.clone(), decay: 1e-3, soft: true, rounds, gap: (1e-7, 100),
        };
        let [once, thrice] = [1, 3].map(|rounds| polish(&start, &data, &settings(rounds), &mut go_on).unwrap());
        prop_assert!(once.objective[1] <= once.objective[0] && thrice.objective[1] <= once.objective[1]);
        prop_assert!(once.objective[1] < 0.98 * once.objective[0], "{:?}", once.objective);
        let attacks = attack::Settings { loss: loss.clone(), ..attack::Settings::new(f64::INFINITY) };
        let found = attack::within(&thrice.network, &data, &tolerance, &attacks).unwrap().found;
        prop_assert!(found <= thrice.objective[1] * (1.0 + 1e-9), "{found} {}", thrice.objective[1]);
    }
}

/// A linear part becomes units: the objective begins with the loss of the network that was given, and the weights that this has.
#[test]
fn a_linear_part_is_polished_as_units() {
    let data = three(30, 2);
    let start = train(&data, None, &Plan { linear_part: true, ..plan(4, 1) }).unwrap();
    let loss: Loss = "logistic".parse().unwrap();
    let settings = |tolerance: Tolerance| Settings {
        loss: loss.clone(),
        tolerance,
        decay: 0.0,
        soft: true,
        rounds: 2,
        gap: (1e-7, 100),
    };
    let exact = polish(&start, &data, &settings(Tolerance::none(2)), &mut go_on).unwrap();
    assert!((exact.objective[0] - loss.mean(&start, &data)).abs() < 1e-12, "{:?}", exact.objective);
    let tolerance = Tolerance::same(Shape::Box, &[0.2, 0.1]).unwrap();
    let polished = polish(&start, &data, &settings(tolerance.clone()), &mut go_on).unwrap();
    assert!(polished.objective[1] < 0.98 * polished.objective[0], "{:?}", polished.objective);
    let attacks = attack::Settings { loss, ..attack::Settings::new(f64::INFINITY) };
    let found = |network: &Shallow| attack::within(network, &data, &tolerance, &attacks).unwrap().found;
    assert!(found(&start) <= polished.objective[0] * (1.0 + 1e-9));
    assert!(found(&polished.network) <= polished.objective[1] * (1.0 + 1e-9));
}

#[test]
fn what_has_no_program_is_said() {
    let data = three(20, 1);
    let network = train(&data, None, &plan(4, 1)).unwrap();
    let settings = |loss: &str| Settings {
        loss: loss.parse().unwrap(),
        tolerance: Tolerance::none(2),
        decay: 0.01,
        soft: true,
        rounds: 1,
        gap: (1e-6, 50),
    };
    let error = polish(&network, &data, &settings("squared"), &mut go_on).unwrap_err();
    assert!(error.what.contains("for numbers"), "{error}");
    let attacks = attack::Settings::new(f64::INFINITY);
    let error = attack::within(&network, &data, &Tolerance::none(2), &attacks).unwrap_err();
    assert!(error.what.contains("an output for each of 3 classes"), "{error}");
    let mut other = data.clone();
    other.y[4] = 3.0;
    let attacks = attack::Settings { loss: "hinge".parse().unwrap(), ..attacks };
    let error = attack::within(&network, &other, &Tolerance::none(2), &attacks).unwrap_err();
    assert!(error.what.contains("row 5") && error.hint.contains("0 to 2"), "{error}");
}
