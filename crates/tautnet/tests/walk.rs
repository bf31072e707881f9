//! What must hold of every walk between patterns: never above the joint program it begins with, falling all the way,
//! re-verified, valid wherever it is ended, the same for any number of threads.

use crate::objectives::objective;
use crate::random::{data, network};
use proptest::prelude::*;
use std::ops::ControlFlow;
use tautnet::rows::Rows;
use tautnet::{
    Dataset, Shallow,
    certify::{GradientSearchSettings, Region, largest_gradient_found, prove, verify},
    polish::{Ending, Method, Polished, Settings, Walk, polish, score},
};

const SHORT: Walk = Walk { rounds: 3, steps: 60, restarts: 1, flips: 2, soft: 2 };

fn run(network: &Shallow, data: &Dataset, settings: &Settings) -> Polished {
    polish(network, data, settings, &mut |_| ControlFlow::Continue(())).unwrap()
}

/// The history of accepted networks falls, from the given one to the result, whose score is that of its weights.
fn check(polished: &Polished, network: &Shallow, data: &Dataset, settings: &Settings) -> Result<(), TestCaseError> {
    prop_assert_eq!(polished.accepted[0], polished.before);
    prop_assert_eq!(polished.accepted[polished.accepted.len() - 1], polished.after);
    if settings.max_lipschitz.is_none() {
        prop_assert!(polished.accepted.windows(2).all(|pair| pair[1].objective < pair[0].objective));
    }
    prop_assert_eq!(polished.before, score(network, data, settings).unwrap());
    let again = score(&polished.network, data, settings).unwrap();
    let room = 1e-6 * again.lipschitz.max(polished.before.lipschitz);
    prop_assert_eq!((again.loss, again.decay), (polished.after.loss, polished.after.decay));
    prop_assert!((again.lipschitz - polished.after.lipschitz).abs() <= room, "{again:?} {:?}", polished.after);
    prop_assert!(polished.network.units() <= network.units());
    if matches!(polished.ending, Ending::Unchanged(_)) {
        prop_assert_eq!(&polished.network, network);
    }
    // found ≤ proved, and what is proved verifies.
    let search = GradientSearchSettings { starts: 4, ..GradientSearchSettings::default() };
    let everywhere = Region::Everywhere;
    let found = largest_gradient_found(&polished.network, &everywhere, settings.norm, None, &search).unwrap();
    let found = found.map_or(0.0, |found| found.value);
    let certificate = prove(&polished.network, settings.norm, None, &mut |_| ControlFlow::Continue(())).unwrap();
    verify(&certificate.to_json(), &polished.network).unwrap();
    prop_assert!(found <= certificate.standardized.bound && found <= polished.after.lipschitz * (1.0 + 1e-9));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn a_walk_is_never_above_the_joint_program(
        n in 1_usize..25, d in 1_usize..5, m in 1_usize..8, price in -3.0..0.5_f64, decay in any::<bool>(),
        infinity in any::<bool>(), squared in any::<bool>(), output_bias in any::<bool>(), seed in any::<u64>(),
    ) {
        let (data, network) = (data(n, d, seed), network(m, d, seed));
        let joint = objective(price, decay, infinity, squared, output_bias);
        let settings = Settings { method: Method::WALK, walk: SHORT, ..joint.clone() };
        let (convex, walked) = (run(&network, &data, &joint), run(&network, &data, &settings));
        prop_assert!(walked.after.objective <= convex.after.objective, "{:?} {:?}", walked.after, convex.after);
        check(&walked, &network, &data, &settings)?;
    }

    #[test]
    fn a_hard_limit_holds_and_the_walk_lowers_what_is_left(
        n in 5_usize..25, d in 1_usize..4, m in 1_usize..6, limit in -1.0..0.5_f64, seed in any::<u64>(),
    ) {
        let (data, network) = (data(n, d, seed), network(m, d, seed));
        let limit = 10f64.powf(limit);
        let joint = Settings { lipschitz_price: 0.0, max_lipschitz: Some(limit), ..Settings::default() };
        let settings = Settings { method: Method::WALK, walk: SHORT, ..joint.clone() };
        let (convex, walked) = (run(&network, &data, &joint), run(&network, &data, &settings));
        prop_assert!(walked.after.lipschitz <= limit, "{:?}", walked.after);
        prop_assert!(walked.after.objective <= convex.after.objective, "{:?} {:?}", walked.after, convex.after);
        check(&walked, &network, &data, &settings)?;
    }

    #[test]
    fn a_walk_that_is_ended_gives_the_best_so_far(most in 0_usize..400, seed in 0_u64..8) {
        let (data, network) = (data(20, 2, seed), network(5, 2, seed));
        let settings = Settings { method: Method::WALK, walk: SHORT, lipschitz_price: 0.05, ..Settings::default() };
        let (mut heard, mut ended) = (0, false);
        let walked = polish(&network, &data, &settings, &mut |_| {
            heard += 1;
            ended |= heard > most;
            if heard > most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }).unwrap();
        prop_assert!(walked.after.objective <= walked.before.objective);
        prop_assert!(!ended || !matches!(walked.ending, Ending::Solved), "{:?}", walked.ending);
        // A gap of 0 is that of a network without units, which needs no program.
        prop_assert!(walked.duality_gap != Some(0.0) || walked.network.v().iter().all(|v| *v == 0.0));
        // Ended means ended: a call or two for what was under way, no more.
        prop_assert!(heard <= most + 3, "{heard} {most}");
        check(&walked, &network, &data, &settings)?;
    }
}

/// Soft cells come last and only what is better is kept: never above the walk without them, and below it more often than not.
#[test]
fn soft_cells_go_on_from_where_the_walk_ends() {
    let mut below = 0;
    for seed in 0..8 {
        let (data, network) = (data(60, 2, seed), network(8, 2, seed));
        let loss = ["squared", "huber:0.5", "absolute", "quantile:0.3"][seed as usize % 4].parse().unwrap();
        let limit = (seed % 3 == 2).then_some(0.5);
        let settings = Settings {
            loss,
            lipschitz_price: 0.01,
            max_lipschitz: limit,
            linear_part: seed % 2 == 0,
            ..Settings::of(Method::WALK)
        };
        let with = |soft: usize| {
            let walk = Walk { rounds: 1, steps: 60, flips: 1, restarts: 0, soft };
            run(&network, &data, &Settings { walk, ..settings.clone() })
        };
        let (without, one, three) = (with(0), with(1), with(3));
        let objectives = [&three, &one, &without].map(|walked| walked.after.objective);
        assert!(objectives.is_sorted(), "{seed}: {objectives:?}");
        assert!(limit.is_none_or(|limit| three.after.lipschitz <= limit), "{seed}");
        assert!(three.accepted.starts_with(&without.accepted), "{seed}");
        check(&three, &network, &data, &settings).unwrap();
        below += usize::from(objectives[0] < 0.99 * objectives[2]);
    }
    assert!(below >= 6, "{below}");
}

/// That it gains anything, beyond the theorem: descents alone, and flips alone, go below the joint program.
#[test]
fn descents_and_flips_both_leave_the_first_cell() {
    let (mut by_descent, mut by_flips) = (0, 0);
    for seed in 0..6 {
        let (data, network) = (data(60, 2, seed), network(10, 2, seed));
        let joint = Settings { lipschitz_price: 0.03, ..Settings::default() };
        let convex = run(&network, &data, &joint).after.objective;
        let with = |walk: Walk| run(&network, &data, &Settings { method: Method::WALK, walk, ..joint.clone() });
        let descents = with(Walk { flips: 0, restarts: 0, soft: 0, ..Walk::default() }).after.objective;
        let flips = with(Walk { rounds: 0, restarts: 0, flips: 4, soft: 0, ..Walk::default() }).after.objective;
        by_descent += usize::from(descents < 0.99 * convex);
        by_flips += usize::from(flips < 0.999 * convex);
    }
    assert!(by_descent >= 5 && by_flips >= 4, "{by_descent} {by_flips}");
}

#[test]
fn the_same_bytes_whatever_the_number_of_threads() {
    let (data, network) = (data(300, 3, 3), network(12, 3, 3));
    let settings = Settings { method: Method::WALK, walk: SHORT, iterations: 8, ..Settings::default() };
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| run(&network, &data, &settings))
    };
    let (one, three) = (with(1), with(3));
    assert_eq!((one.trace, one.network), (three.trace, three.network));
}

#[test]
fn degenerate_data_and_networks_are_walked_too() {
    let (data, network) = (data(12, 2, 1), network(4, 2, 1));
    let settings = Settings { method: Method::WALK, walk: SHORT, lipschitz_price: 0.05, ..Settings::default() };
    // Every row twice, a unit that is never on, one without output weight, one that is always on.
    let twice = Rows::of(&data).pick(&(0..24).map(|k| k % 12).collect::<Vec<_>>());
    let odd = network.clone().edited(|parts| {
        (parts.b[0], parts.v[(1, 0)], parts.b[2]) = (-100.0, 0.0, 100.0);
    });
    let odd = odd.unwrap();
    for (data, network) in [(&twice, &network), (&data, &odd), (&twice, &odd)] {
        let walked = run(network, data, &settings);
        check(&walked, network, data, &settings).unwrap();
    }
    // No unit is left: the best constant.
    let dead = network.clone().edited(|parts| parts.b.fill(-100.0)).unwrap();
    let walked = run(&dead, &data, &settings);
    let mean = data.y.iter().sum::<f64>() / 12.0;
    assert!((walked.network.value(&[0.0, 0.0]) - mean).abs() < 1e-12);
    let refused = Settings { multipliers: Some(vec![1.0; 4]), ..settings.clone() };
    let error = polish(&network, &data, &refused, &mut |_| ControlFlow::Continue(())).unwrap_err();
    assert!(error.to_string().contains("walk"), "{error}");
    // A high price: nothing is left but the mean.
    let walked = run(&network, &data, &Settings { lipschitz_price: 1e4, ..settings });
    assert!((walked.after.objective - walked.after.loss).abs() < 1e-3 * walked.after.loss, "{:?}", walked.after);
}

/// Descent alone: below what it was given, without a gap, and never above where a walk's own descent from the same network is.
#[test]
fn descent_alone_lowers_the_objective_and_claims_nothing() {
    for seed in 0..6 {
        let (data, network) = (data(40, 2, seed), network(8, 2, seed));
        for settings in [
            Settings { lipschitz_price: 0.05, ..Settings::of("descent".parse().unwrap()) },
            Settings {
                lipschitz_price: 0.0,
                decay: 0.02,
                linear_part: true,
                ..Settings::of("descent".parse().unwrap())
            },
        ] {
            let found = run(&network, &data, &settings);
            assert!(found.after.objective < 0.9 * found.before.objective, "{found:?}");
            assert_eq!(found.duality_gap, None);
            let recomputed = score(&found.network, &data, &settings).unwrap();
            assert!((recomputed.objective - found.after.objective).abs() < 1e-12 * recomputed.objective);
        }
    }
}
