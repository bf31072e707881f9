//! What a solver made for generic data stumbles over, case by case.
//!
//! Optimal values of such cases, from an independent solver, are in `known_optima`. Here stand the identities that
//! need no stored number: what must stay the same, what must be reported, what must stay finite.

use crate::random::{data, network, normal};
use faer::Mat;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use std::ops::ControlFlow;
use tautnet::shallow::Parts;
use tautnet::{
    Dataset, Norm, Shallow,
    certify::{GradientSearchSettings, Region, largest_gradient_found, prove, verify},
    polish::{Ending, Method, Polished, Settings, polish, score},
    rows::Rows,
};

const METHODS: [Method; 3] = [Method::JOINT, Method::ALTERNATING, Method::WEIGHT_DECAY];

fn settings(lipschitz: f64) -> Settings {
    Settings { lipschitz_price: lipschitz, rounds: 3, ..Settings::default() }
}

/// Polish, and hold the result against everything that must be true of any result.
fn polished(network: &Shallow, data: &Dataset, settings: &Settings) -> Polished {
    let polished = polish(network, data, settings, &mut |_| ControlFlow::Continue(())).unwrap();
    let (before, after) = (polished.before, polished.after);
    let kind = format!("{:?} {:?} {:?}", settings.method, polished.ending, polished.notes);
    assert!(after.objective.is_finite() && after.objective >= 0.0, "{kind}: {after:?}");
    match settings.max_lipschitz {
        None => assert!(after.objective <= before.objective, "{kind}: {} became {}", before.objective, after.objective),
        Some(limit) => assert!(after.lipschitz <= limit || polished.network == *network, "{kind}: {after:?}"),
    }
    if matches!(polished.ending, Ending::Unchanged(_)) {
        assert_eq!((&polished.network, before), (network, after), "{kind}");
    }
    // The score is that of the weights, whoever asks; multipliers found afresh can only prove a smaller bound.
    let again = score(&polished.network, data, settings).unwrap();
    assert_eq!((again.loss, again.decay), (after.loss, after.decay), "{kind}");
    let room = 1e-6 * before.lipschitz.max(again.lipschitz);
    assert!(again.lipschitz <= after.lipschitz + room, "{kind}: {again:?} {after:?}");
    // Multipliers that have no price, or are held, need not be the best ones.
    if settings.method == Method::JOINT && settings.lipschitz_price > 0.0 {
        assert!(after.lipschitz <= again.lipschitz + room, "{kind}: {again:?} {after:?}");
    }
    // found ≤ proved, and what is proved verifies.
    let search = GradientSearchSettings::default();
    let found = largest_gradient_found(&polished.network, &Region::Everywhere, settings.norm, None, &search).unwrap();
    let certificate = prove(&polished.network, settings.norm, None, &mut |_| ControlFlow::Continue(())).unwrap();
    verify(&certificate.to_json(), &polished.network).unwrap();
    let found = found.map_or(0.0, |found| found.value);
    assert!(found <= certificate.standardized.bound, "{kind}: {found} {certificate:?}");
    assert!(found <= after.lipschitz * (1.0 + 1e-9), "{kind}: {found} {after:?}");
    polished
}

fn solved(network: &Shallow, data: &Dataset, settings: &Settings) -> Polished {
    let polished = polished(network, data, settings);
    let gap = polished.duality_gap.unwrap();
    assert!(polished.ending == Ending::Solved || gap < 1e-6, "{:?} {gap:e}", polished.ending);
    polished
}

fn close(a: f64, b: f64, relative: f64) {
    assert!((a - b).abs() <= relative * a.abs().max(b.abs()), "{a} and {b}");
}

/// The network with the units of these indices, in this order.
fn pick(network: &Shallow, units: &[usize]) -> Shallow {
    let w = Mat::from_fn(units.len(), network.inputs(), |i, k| network.w()[(units[i], k)]);
    let pick = |values: &[f64]| units.iter().map(|&i| values[i]).collect::<Vec<_>>();
    Shallow::new(w, pick(network.b()), pick(network.v()), network.c()).unwrap()
}

/// The data under `x ↦ x'`.
fn moved(data: &Dataset, columns: usize, x: impl Fn(&[f64], usize) -> f64) -> Dataset {
    let row = |k: usize| (0..data.columns()).map(|j| data.x[(k, j)]).collect::<Vec<_>>();
    let x = Mat::from_fn(data.rows(), columns, |k, j| x(&row(k), j));
    Dataset::new(x, data.y.clone(), data.weights.clone()).unwrap()
}

// 1. Dead units.

#[test]
fn dead_units_are_dropped_and_reported_and_change_nothing() {
    let (data, alive) = (data(30, 2, 1), network(4, 2, 1));
    let with = pick(&alive, &[0, 1, 2, 3, 0, 1]).edited(|parts| parts.b[4..].fill(-100.0)).unwrap();
    for method in METHODS {
        let settings = Settings { decay: 0.01, ..settings(0.05).with_method(method) };
        let found = polished(&with, &data, &settings);
        let note = "2 units without an active row dropped";
        assert!(found.notes.iter().any(|n| n.starts_with(note)), "{:?}", found.notes);
        close(found.after.objective, polished(&alive, &data, &settings).after.objective, 1e-6);
        assert!(found.network.units() <= 4);
    }
}

#[test]
fn only_dead_units_leave_the_best_constant() {
    let data = data(20, 2, 2);
    let dead = network(3, 2, 2).edited(|parts| parts.b.fill(-100.0)).unwrap();
    for method in METHODS {
        let found = solved(&dead, &data, &settings(0.05).with_method(method));
        let mean = data.y.iter().sum::<f64>() / 20.0;
        close(found.after.loss, data.y.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / 20.0, 1e-12);
        assert_eq!((found.after.lipschitz, found.duality_gap, found.network.units()), (0.0, Some(0.0), 1));
    }
}

// 2. Units that are on everywhere trade their biases for ever.

#[test]
fn biases_that_can_be_traded_for_ever_stay_finite() {
    let data = data(30, 2, 3);
    let linear = network(4, 2, 3).edited(|parts| {
        parts.v = Mat::from_fn(4, 1, |i, _| [1.0, -1.0, 0.5, -0.5][i]);
        parts.b[..3].fill(50.0);
    });
    let linear = linear.unwrap();
    for output_bias in [true, false] {
        let found = solved(&linear, &data, &Settings { output_bias, ..settings(0.05) });
        let largest = (0..found.network.units())
            .map(|i| (found.network.b()[i] * found.network.v()[i]).abs())
            .fold(found.network.c().abs(), f64::max);
        assert!(largest < 1e3, "{output_bias}: {largest} in {:?}", found.network);
    }
}

// 3. Cells without an interior.

#[test]
fn polishing_what_was_polished_ends_and_is_never_worse() {
    // Solutions lie on the boundary of their cell: their own patterns are a matter of rounding.
    for (seed, norm) in [(4, Norm::Two), (5, Norm::Infinity), (6, Norm::Two)] {
        let (data, mut network) = (data(40, 2, seed), network(8, 2, seed));
        let settings = Settings { norm, ..settings(0.05) };
        let mut last = f64::INFINITY;
        for _ in 0..4 {
            let found = polished(&network, &data, &settings);
            assert!(found.after.objective <= last * (1.0 + 1e-9), "{} after {last}", found.after.objective);
            last = found.after.objective;
            network = found.network;
        }
    }
}

#[test]
fn a_cell_that_only_rounding_made_still_gives_a_valid_answer() {
    // Rows on a line through the origin and a unit orthogonal to it: its pre-activations are exactly 0, computed as
    // ±1e-17, and no weights but those have all their signs.
    let mut random = Pcg64::seed_from_u64(7);
    let along: Vec<f64> = (0..12).map(|_| normal(&mut random)).collect();
    let line = Mat::from_fn(12, 2, |k, j| along[k] * [0.3, 0.7][j]);
    let data = Dataset::new(line.clone(), along.iter().map(|t| t.sin()).collect(), None).unwrap();
    let zero = |parts: &mut Parts| (parts.w[(0, 0)], parts.w[(0, 1)], parts.b[0]) = (0.7, -0.3, 0.0);
    let network = network(3, 2, 7).edited(zero).unwrap();
    let h: Vec<f64> = (0..12).map(|k| 0.7 * line[(k, 0)] - 0.3 * line[(k, 1)]).collect();
    assert!(h.iter().any(|&h| h < 0.0) && h.iter().any(|&h| h > 0.0) && h.iter().all(|h| h.abs() < 1e-15), "{h:?}");
    for method in METHODS {
        for decay in [0.0, 0.01] {
            polished(&network, &data, &Settings { decay, ..settings(0.05).with_method(method) });
        }
    }
}

#[test]
fn ties_count_as_on_and_are_reported() {
    let data = data(20, 2, 8);
    // Unit 0 is exactly 0 on row 0.
    let tie = |parts: &mut Parts| parts.b[0] = -(0..2).map(|k| parts.w[(0, k)] * data.x[(0, k)]).sum::<f64>();
    let network = network(3, 2, 8).edited(tie).unwrap();
    let exact = network.b()[0] + network.w()[(0, 0)] * data.x[(0, 0)] + network.w()[(0, 1)] * data.x[(0, 1)] == 0.0;
    let shifted = moved(&data, 2, |row, j| row[j] - data.x[(0, j)]);
    let (data, network) =
        if exact { (data, network) } else { (shifted, network.edited(|p| p.b = vec![0.0, 0.3, 0.2]).unwrap()) };
    let found = solved(&network, &data, &settings(0.05));
    assert!(found.notes.iter().any(|note| note.contains("exactly 0 and count as on")), "{:?}", found.notes);
    // The tie moved off its boundary by a hair, to the side it counts for: the same program.
    let lifted = network.clone().edited(|parts| parts.b[0] += 1e-9).unwrap();
    close(found.after.objective, solved(&lifted, &data, &settings(0.05)).after.objective, 1e-7);
}

// 4. Data: repeated rows, constant columns, few rows, one-hot columns.

#[test]
fn a_row_repeated_is_a_row_with_more_weight() {
    let (data, network) = (data(15, 2, 9), network(5, 2, 9));
    let times = |k: usize| 1 + k % 3;
    let rows: Vec<usize> = (0..15).flat_map(|k| vec![k; times(k)]).collect();
    let repeated = Rows::of(&data).pick(&rows);
    let weighted = Dataset { weights: Some((0..15).map(|k| times(k) as f64).collect()), ..data };
    for method in METHODS {
        let settings = Settings { decay: 0.01, ..settings(0.05).with_method(method) };
        let (one, other) = (polished(&network, &repeated, &settings), polished(&network, &weighted, &settings));
        close(one.before.objective, other.before.objective, 1e-12);
        close(one.after.objective, other.after.objective, 1e-6);
    }
}

#[test]
fn repeated_rows_with_different_targets_are_their_mean_and_spread() {
    let (data, network) = (data(15, 2, 10), network(5, 2, 10));
    let mut pairs = Rows::of(&data).pick(&(0..30).map(|k| k / 2).collect::<Vec<_>>());
    for (k, y) in pairs.y.iter_mut().enumerate() {
        *y += if k % 2 == 0 { 0.4 } else { -0.4 };
    }
    let (single, double) = (solved(&network, &data, &settings(0.05)), solved(&network, &pairs, &settings(0.05)));
    close(double.after.objective, single.after.objective + 0.16, 1e-7);
    // A hair between the rows of a pair, and they are not merged any more: the same answer.
    let apart = moved(&pairs, 2, |row, j| row[j]);
    let apart = Dataset {
        x: Mat::from_fn(30, 2, |k, j| apart.x[(k, j)] + if j == 0 && k % 2 == 0 { 1e-11 } else { 0.0 }),
        ..apart
    };
    close(polished(&network, &apart, &settings(0.05)).after.objective, double.after.objective, 1e-6);
}

#[test]
fn rows_that_are_all_the_same_are_fitted_by_their_mean() {
    let data = Dataset::new(Mat::from_fn(8, 2, |_, j| [3.0, -7.0][j]), (0..8).map(f64::from).collect(), None).unwrap();
    for method in METHODS {
        for output_bias in [true, false] {
            let settings = Settings { output_bias, ..settings(0.01).with_method(method) };
            let found = polished(&network(4, 2, 11).with_c(0.0), &data, &settings);
            close(found.after.loss, 63.0 / 12.0, 1e-4);
        }
    }
}

#[test]
fn a_constant_column_is_a_bias() {
    // A column of fives adds nothing: at the optimum its weights only cost slope, so they move into the bias.
    let (data, plain) = (data(25, 2, 12), network(4, 2, 12));
    let wide = moved(&data, 3, |row, j| if j == 2 { 5.0 } else { row[j] });
    let widened = |parts: &mut Parts| {
        parts.w = Mat::from_fn(4, 3, |i, k| if k < 2 { plain.w()[(i, k)] } else { 0.02 * (i as f64 - 1.0) });
        (0..4).for_each(|i| parts.b[i] -= 5.0 * parts.w[(i, 2)]);
    };
    let network = plain.clone().edited(widened).unwrap();
    for norm in [Norm::Two, Norm::Infinity] {
        let settings = Settings { norm, ..settings(0.05) };
        let (found, known) = (polished(&network, &wide, &settings), polished(&plain, &data, &settings));
        close(found.after.objective, known.after.objective, 1e-6);
    }
}

#[test]
fn one_hot_columns_need_no_column_left_out() {
    // Three columns that sum to the bias column; shifting all of their weights by a constant, and the bias back, is free.
    let mut random = Pcg64::seed_from_u64(13);
    let level: Vec<usize> = (0..30).map(|_| random.random_range(0..3)).collect();
    let x = Mat::from_fn(30, 4, |k, j| if j == 3 { normal(&mut random) } else { f64::from(level[k] == j) });
    let y = (0..30).map(|k| level[k] as f64 - x[(k, 3)].abs()).collect();
    let (data, network) = (Dataset::new(x, y, None).unwrap(), network(5, 4, 13));
    let shift = |parts: &mut Parts| {
        for i in 0..5 {
            (0..3).for_each(|k| parts.w[(i, k)] += 1e3);
            parts.b[i] -= 1e3;
        }
    };
    let shifted = network.clone().edited(shift).unwrap();
    let (one, other) = (solved(&network, &data, &settings(0.05)), solved(&shifted, &data, &settings(0.05)));
    close(one.after.objective, other.after.objective, 1e-6);
}

#[test]
fn fewer_rows_than_columns_can_be_fitted_as_closely_as_the_price_allows() {
    let (data, network) = (data(3, 6, 14), network(4, 6, 14));
    for method in METHODS {
        let settings = Settings { decay: 1e-4, ..settings(1e-4).with_method(method) };
        polished(&network, &data, &settings);
    }
    let cheap = solved(&network, &data, &settings(1e-4)).after.loss;
    let dear = solved(&network, &data, &settings(1e-1)).after.loss;
    assert!(cheap < dear && cheap < 1e-2, "{cheap} {dear}");
}

// 5. Units: v = 0, w̄ = 0, twins, one unit; one row.

#[test]
fn units_without_an_output_weight_are_dropped_and_reported() {
    let without = |parts: &mut Parts| (parts.v[(1, 0)], parts.v[(3, 0)]) = (0.0, -0.0);
    let (data, network) = (data(20, 2, 15), network(5, 2, 15).edited(without).unwrap());
    for method in METHODS {
        let found = polished(&network, &data, &Settings { decay: 0.01, ..settings(0.05).with_method(method) });
        assert!(found.notes.iter().any(|note| note.starts_with("2 units with output weight 0 dropped")));
        let known = polished(
            &pick(&network, &[0, 2, 4]),
            &data,
            &Settings { decay: 0.01, ..settings(0.05).with_method(method) },
        );
        close(found.after.objective, known.after.objective, 1e-9);
    }
}

#[test]
fn a_unit_of_zeros_is_on_everywhere_and_useful() {
    // w̄ = 0 and v ≠ 0: every pre-activation is a tie, so the unit is linear and can only help.
    let zero = |parts: &mut Parts| {
        (0..2).for_each(|k| parts.w[(0, k)] = 0.0);
        parts.b[0] = 0.0;
    };
    let (data, network) = (data(20, 2, 16), network(3, 2, 16).edited(zero).unwrap());
    for method in METHODS {
        let settings = Settings { decay: 0.01, ..settings(0.05).with_method(method) };
        let with = polished(&network, &data, &settings).after.objective;
        let without = polished(&pick(&network, &[1, 2]), &data, &settings).after.objective;
        assert!(with <= without * (1.0 + 1e-7) || method == Method::ALTERNATING, "{method:?}: {with} {without}");
    }
}

/// A unit without slopes has no bound to alternate with; rounding made the complementarity of its programs negative, which
/// was a panic.
#[test]
fn one_constant_unit_and_any_row_end_without_a_panic() {
    let row =
        Dataset::new(faer::mat![[-1.3244837289151359, 0.12390822755521096]], vec![-1.469797040179233], None).unwrap();
    let unit = |b: f64, v: f64, c: f64| Shallow::new(Mat::zeros(1, 2), vec![b], vec![v], c).unwrap();
    let mut networks = vec![unit(1.1289489585840438, -0.8414090782772282, 1.8885793354112548)];
    let mut random = Pcg64::seed_from_u64(24);
    networks.extend((0..60).map(|_| unit(normal(&mut random).abs(), normal(&mut random), normal(&mut random))));
    for network in &networks {
        for norm in [Norm::Two, Norm::Infinity] {
            for method in [Method::JOINT, Method::ALTERNATING, Method::WEIGHT_DECAY, Method::WALK] {
                let settings =
                    Settings { method, norm, ..settings(if method == Method::WEIGHT_DECAY { 0.0 } else { 0.01 }) };
                let found = polished(network, &row, &settings);
                assert!(found.duality_gap.is_none_or(f64::is_finite), "{method:?} {norm:?}: {found:?}");
            }
        }
    }
}

#[test]
fn a_network_of_zeros_leaves_the_best_constant() {
    let data = data(20, 2, 17);
    let zero = Shallow::new(Mat::zeros(3, 2), vec![0.0; 3], vec![0.0; 3], 0.0).unwrap();
    let mean = data.y.iter().sum::<f64>() / 20.0;
    let least = data.y.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / 20.0;
    for method in METHODS {
        let free = polished(&zero, &data, &settings(0.05).with_method(method));
        close(free.after.objective, least, 1e-12);
        let held = polished(&zero, &data, &Settings { output_bias: false, ..settings(0.05).with_method(method) });
        assert!(matches!(held.ending, Ending::Unchanged(_)), "{:?}", held.ending);
    }
}

#[test]
fn twins_stay_two_units_under_a_lipschitz_price() {
    // The pattern multiset is what counts. Three rows, one input; a unit on for x ≥ 0, the same unit twice, and both
    // signs of it. Two units with equal patterns and signs can be merged (z̄ adds, so does ℓ), so the twin must not
    // help; a unit of the opposite sign must not be merged with them: its difference fits what neither can.
    let x = Mat::from_fn(5, 1, |k, _| k as f64 - 2.0);
    let data = Dataset::new(x, vec![0.0, 0.0, 0.5, 0.9, 1.1], None).unwrap();
    let unit =
        |v: &[f64]| Shallow::new(Mat::from_fn(v.len(), 1, |_, _| 1.0), vec![0.5; v.len()], v.to_vec(), 0.0).unwrap();
    let objective = |v: &[f64]| {
        let settings = Settings { output_bias: false, ..settings(0.01) };
        solved(&unit(v), &data, &settings).after.objective
    };
    let (one, twins, both) = (objective(&[1.0]), objective(&[0.5, 0.5]), objective(&[1.5, -0.5]));
    close(one, twins, 1e-6);
    assert!(both < 0.9 * one, "{both} {one}");
}

#[test]
fn merging_units_of_opposite_sign_changes_their_bound() {
    // Both are on on every row, where their difference has the slope 0.2 of one merged unit. But between −1.125 and −1
    // only the second is on, with slope 0.8: the bound must be that of the two.
    let w = Mat::from_fn(2, 1, |i, _| [1.0, 0.8][i]);
    let network = Shallow::new(w, vec![1.0, 0.9], vec![1.0, -1.0], 0.0).unwrap();
    let data = Dataset::new(Mat::from_fn(3, 1, |k, _| k as f64), vec![0.1, 0.3, 0.5], None).unwrap();
    let before = score(&network, &data, &settings(0.05)).unwrap();
    let found =
        largest_gradient_found(&network, &Region::Everywhere, Norm::Two, None, &GradientSearchSettings::default());
    let found = found.unwrap().unwrap().value;
    assert!(found > 0.79 && before.lipschitz >= found, "{found} {before:?}");
}

#[test]
fn one_unit_and_one_row() {
    let data = Dataset::new(Mat::from_fn(1, 2, |_, j| [2.0, -1.0][j]), vec![3.0], None).unwrap();
    let one = Shallow::new(faer::mat![[1.0, 0.5]], vec![0.2], vec![1.0], 0.0).unwrap();
    for method in METHODS {
        // With an output bias the row costs nothing at all.
        let free = polished(&one, &data, &settings(0.1).with_method(method));
        assert!(free.after.objective < 1e-6 || method == Method::ALTERNATING, "{method:?}: {:?}", free.after);
        // Without one a unit's own bias can do the same.
        let held = polished(&one, &data, &Settings { output_bias: false, ..settings(0.1).with_method(method) });
        assert!(held.after.objective < 1e-6 || method == Method::ALTERNATING, "{method:?}: {:?}", held.after);
    }
}

// 6. Prices: none, huge, a perfect fit.

#[test]
fn without_prices_the_loss_alone_is_minimized() {
    let (data, network) = (data(30, 2, 18), network(4, 2, 18));
    for method in [Method::JOINT, Method::WEIGHT_DECAY] {
        let free = polished(&network, &data, &settings(0.0).with_method(method));
        let priced = polished(&network, &data, &Settings { decay: 0.01, ..settings(0.01).with_method(method) });
        assert!(free.after.loss <= priced.after.loss * (1.0 + 1e-7), "{method:?}");
        assert_eq!(free.after.objective, free.after.loss);
    }
}

#[test]
fn an_interpolating_network_has_objective_zero_and_keeps_it() {
    let network = network(4, 2, 19);
    let bare = data(25, 2, 19);
    let data = Dataset { y: network.predict(bare.x.as_ref()), ..bare };
    for method in [Method::JOINT, Method::WEIGHT_DECAY] {
        let found = polished(&network, &data, &settings(0.0));
        assert!(found.after.objective <= 1e-9, "{method:?}: {:?} {:?}", found.after, found.ending);
        // Started elsewhere in the same cells, it is found again.
        let other = network.clone().times(1.7);
        let found = polished(&other, &data, &settings(0.0).with_method(method));
        assert!(found.after.objective <= 1e-6 * found.before.objective, "{method:?}: {:?}", found.after);
    }
}

#[test]
fn a_huge_price_leaves_the_best_constant() {
    let (data, network) = (data(30, 2, 20), network(4, 2, 20));
    let mean = data.y.iter().sum::<f64>() / 30.0;
    let least = data.y.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / 30.0;
    for price in [1e3, 1e6, 1e9] {
        let found = polished(&network, &data, &settings(price));
        close(found.after.objective, least, 1e-4);
        let found =
            polished(&network, &data, &Settings { method: Method::WEIGHT_DECAY, decay: price, ..settings(0.0) });
        close(found.after.objective, least, 1e-4);
    }
}

#[test]
fn every_hard_limit_can_be_met() {
    let (data, network) = (data(30, 2, 21), network(4, 2, 21));
    let mut last = 0.0;
    for limit in [10.0, 1.0, 1e-2, 1e-4] {
        let settings = Settings { max_lipschitz: Some(limit), ..settings(0.0) };
        let found = polished(&network, &data, &settings);
        assert!(found.after.lipschitz <= limit, "{limit}: {:?} {:?}", found.after, found.ending);
        assert!(found.after.loss >= last * (1.0 - 1e-6), "a tighter limit cannot fit better");
        last = found.after.loss;
    }
}

/// Far below what the solver can reach the network is scaled down, or a constant: a limit is kept, and the ending says how.
#[test]
fn limits_out_of_reach_are_kept_all_the_same() {
    let (data, network) = (data(30, 2, 21), network(4, 2, 21));
    for limit in [1e-12, 1e-100, 1e-300, 5e-324] {
        for method in [Method::JOINT, Method::ALTERNATING, Method::WALK] {
            for output_bias in [true, false] {
                let settings = Settings { method, output_bias, max_lipschitz: Some(limit), ..settings(0.0) };
                let found = polished(&network, &data, &settings);
                assert!(found.after.lipschitz <= limit, "{limit} {method:?}: {:?} {:?}", found.after, found.ending);
            }
        }
    }
}

// 7. Scales.

#[test]
fn units_of_measurement_do_not_matter() {
    let (data, plain) = (data(30, 2, 22), network(5, 2, 22));
    let known = solved(&plain, &data, &settings(0.05)).after;
    for (input, shift, output) in [(1e3, 0.0, 1.0), (1e-2, 0.0, 1e4), (1.0, 1e5, 1e-4), (1e2, -1e4, 1e3)] {
        let mut there = moved(&data, 2, |row, j| input * row[j] + shift);
        there.y.iter_mut().for_each(|y| *y *= output);
        let w = Mat::from_fn(5, 2, |i, k| plain.w()[(i, k)] / input);
        let b = (0..5).map(|i| plain.b()[i] - shift * (w[(i, 0)] + w[(i, 1)])).collect();
        let v = plain.v().iter().map(|v| output * v).collect();
        let network = Shallow::new(w, b, v, output * plain.c()).unwrap();
        // f' = output·f(x/input): L' = output/input·L, and the objective is output² of the plain one.
        let found = polished(&network, &there, &settings(0.05 * output * input)).after;
        close(found.objective, output * output * known.objective, 1e-6);
        close(found.lipschitz, output / input * known.lipschitz, 1e-3);
    }
}

#[test]
fn a_rotation_of_badly_scaled_columns_changes_nothing() {
    // Scales apart by 1e4 and then mixed: no scaling of columns can take them apart again.
    let (data, plain) = (data(30, 2, 23), network(5, 2, 23));
    let apart = moved(&data, 2, |row, j| [1e2, 1e-2][j] * row[j]);
    let network = plain.clone().edited(|parts| parts.w = Mat::from_fn(5, 2, |i, k| plain.w()[(i, k)] / [1e2, 1e-2][k]));
    let network = network.unwrap();
    let (cos, sin) = (0.8, 0.6);
    let turn = move |a: f64, b: f64, j: usize| if j == 0 { cos * a - sin * b } else { sin * a + cos * b };
    let turned = moved(&apart, 2, |row, j| turn(row[0], row[1], j));
    let turned_weights = Mat::from_fn(5, 2, |i, k| turn(network.w()[(i, 0)], network.w()[(i, 1)], k));
    let other = network.clone().edited(|parts| parts.w = turned_weights).unwrap();
    for price in [1e-2, 1e-4] {
        let one = polished(&network, &apart, &settings(price)).after;
        let two = polished(&other, &turned, &settings(price)).after;
        close(one.objective, two.objective, 1e-6);
    }
}
