//! What must hold of every polish, on random networks: one convex program is no worse than any alternation, nothing gets
//! worse, found ≤ proved, and neither threads, nor the order of units and rows, nor their scaling matter.

use crate::objectives::objective;
use crate::random::{data, network};
use faer::{Mat, prelude::Solve};
use proptest::prelude::*;
use std::ops::ControlFlow;
use tautnet::shallow::Parts;
use tautnet::{
    Dataset, Norm, Shallow,
    certify::{
        Approximation, ExactSettings, GradientSearchSettings, Region, exact_lipschitz, issue,
        largest_gradient_by_enumeration, largest_gradient_found, lipsdp, verify,
    },
    polish::{Ending, Method, Penalty, Polished, Settings, polish, score},
    rows::Rows,
};

fn run(network: &Shallow, data: &Dataset, settings: &Settings) -> Polished {
    polish(network, data, settings, &mut |_| ControlFlow::Continue(())).unwrap()
}

/// Where the convex program of every round ended, if it was solved.
fn round_ends(polished: &Polished) -> Vec<f64> {
    let rounds = polished.trace.chunk_by(|one, next| one.round == next.round);
    rounds.filter_map(|round| round.last()).filter(|end| end.gap < 1e-7).map(|end| end.objective).collect()
}

/// Whether every unit lies in the cell of a unit of the start, up to what solvers leave. A program that ended early may return
/// units outside, and the optimum over the cells says nothing about them: as tiny units of a nearly constant network did,
/// whose objective was below that optimum by two parts in a million.
fn keeps_its_cells(start: &Shallow, end: &Shallow, data: &Dataset) -> bool {
    let row = |k: usize| (0..data.columns()).map(|j| data.x[(k, j)]).collect::<Vec<_>>();
    let length = |values: &[f64]| (values.iter().map(|a| a * a).sum::<f64>() + 1.0).sqrt();
    let unit_length = |i: usize| {
        let weights = (0..end.inputs()).map(|k| end.w()[(i, k)]).chain([end.b()[i]]);
        weights.map(|a| a * a).sum::<f64>().sqrt()
    };
    (0..end.units()).filter(|&i| end.v()[i] != 0.0).all(|i| {
        (0..start.units()).filter(|&j| (start.v()[j] > 0.0) == (end.v()[i] > 0.0)).any(|j| {
            (0..data.rows()).all(|k| {
                let x = row(k);
                let side = if start.pre_activation(j, &x) >= 0.0 { 1.0 } else { -1.0 };
                side * end.pre_activation(i, &x) >= -1e-6 * unit_length(i) * length(&x)
            })
        })
    })
}

fn reordered(network: &Shallow, by: usize) -> Shallow {
    let m = network.units();
    let at = |i: usize| (i + by) % m;
    let pick = |values: &[f64]| (0..m).map(|i| values[at(i)]).collect::<Vec<_>>();
    let w = Mat::from_fn(m, network.inputs(), |i, k| network.w()[(at(i), k)]);
    Shallow::new(w, pick(network.b()), pick(network.v()), network.c()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn the_joint_program_is_no_worse_than_start_or_alternation(
        n in 2_usize..25, d in 1_usize..5, m in 1_usize..8, price in -3.0..0.0_f64, decay in any::<bool>(),
        infinity in any::<bool>(), squared in any::<bool>(), output_bias in any::<bool>(), seed in any::<u64>(),
    ) {
        let (data, network) = (data(n, d, seed), network(m, d, seed));
        let joint = objective(price, decay, infinity, squared, output_bias);
        let alternating = Settings { method: Method::ALTERNATING, rounds: 3, ..joint.clone() };
        let (best, other) = (run(&network, &data, &joint), run(&network, &data, &alternating));
        let size = data.y.iter().map(|y| y * y).sum::<f64>() / n as f64;
        let end = Some(other.after.objective).filter(|_| keeps_its_cells(&network, &other.network, &data));
        for value in round_ends(&other).into_iter().chain(end).chain([best.before.objective]) {
            prop_assert!(best.after.objective <= value * (1.0 + 1e-6) + 1e-8 * size,
                "joint {} {:?} is above {value}", best.after.objective, best.ending);
        }
        for (polished, settings) in [(&best, &joint), (&other, &alternating)] {
            prop_assert!(polished.after.objective <= polished.before.objective);
            prop_assert_eq!(polished.before, score(&network, &data, settings).unwrap());
            let search = GradientSearchSettings { starts: 4, ..GradientSearchSettings::default() };
            let everywhere = Region::Everywhere;
            let found = largest_gradient_found(&polished.network, &everywhere, joint.norm, None, &search).unwrap();
            let found = found.map_or(0.0, |found| found.value);
            prop_assert!(found <= polished.after.lipschitz * (1.0 + 1e-9), "{found} {:?}", polished.after);
            // The rounds of the alternation fall.
            for pair in round_ends(polished).windows(2) {
                prop_assert!(pair[1] <= pair[0] * (1.0 + 1e-6) + 1e-8 * size, "{pair:?}");
            }
        }
    }

    #[test]
    fn neither_order_nor_scaling_of_units_and_rows_matters(
        n in 2_usize..25, d in 1_usize..4, m in 1_usize..6, by in 0_usize..25, power in -20_i32..20, seed in any::<u64>(),
    ) {
        let (data, network) = (data(n, d, seed), network(m, d, seed));
        let settings = Settings { lipschitz_price: 0.05, ..Settings::default() };
        let known = run(&network, &data, &settings);

        // (w̄, v) → (α w̄, v/α) with α a power of 2 is exact, and so is the answer.
        let alpha = 2f64.powi(power);
        let scale = |parts: &mut Parts| {
            parts.w *= faer::Scale(alpha);
            parts.b.iter_mut().for_each(|b| *b *= alpha);
            parts.v *= faer::Scale(1.0 / alpha);
        };
        let scaled = network.clone().edited(scale).unwrap();
        prop_assert_eq!(&run(&scaled, &data, &settings).network, &known.network);

        let rows: Vec<usize> = (0..n).map(|k| (k + by) % n).collect();
        let moved = run(&reordered(&network, by), &Rows::of(&data).pick(&rows), &settings);
        let (one, other) = (known.after.objective, moved.after.objective);
        prop_assert!((one - other).abs() <= 1e-6 * one + 1e-9, "{one} {other}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// exact constant ≤ LipSDP's optimum ≤ the bound, after however few iterations; and its multipliers prove it.
    #[test]
    fn a_bound_is_valid_after_any_number_of_iterations(
        m in 1_usize..9, d in 1_usize..4, infinity in any::<bool>(), seed in any::<u64>(),
    ) {
        let network = network(m, d, seed);
        let norm = if infinity { Norm::Infinity } else { Norm::Two };
        let best = lipsdp(&network, norm, &mut |_| ControlFlow::Continue(())).unwrap().lipschitz_upper_bound;
        let exact = largest_gradient_by_enumeration(&network, &Region::Everywhere, norm).unwrap();
        let exact = exact.map_or(0.0, |attained| attained.value);
        prop_assert!(exact <= best * (1.0 + 1e-12), "{exact} {best}");
        let mut last = f64::INFINITY;
        for most in 0..8 {
            let mut heard = 0;
            let stop = &mut |_: f64| {
                heard += 1;
                if heard > most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            let bound = lipsdp(&network, norm, stop).unwrap();
            let upper = bound.lipschitz_upper_bound;
            prop_assert!(upper >= exact && upper >= best * (1.0 - 2e-9), "{most}: {exact} {best} {upper}");
            prop_assert!(upper <= last * (1.0 + 1e-12), "{most}: {last} {upper}");
            last = upper;
            // The true gap is no larger than the one that is reported.
            prop_assert!(upper * (1.0 - bound.gap) <= best * (1.0 + 2e-9), "{most}: {bound:?} {best}");
            let proof = Approximation { multipliers: bound.multipliers, input_weights: bound.p };
            let certificate = issue(&network, norm, Some(&proof), None, None).unwrap();
            verify(&certificate.to_json(), &network).unwrap();
            prop_assert!(certificate.standardized.bound >= exact);
        }
    }
}

/// relu(x) − relu(x − 1), whose constant is 1, and why only diagonal multipliers are used: the published matrix with a
/// coupling λ(e₁ − e₂)(e₁ − e₂)ᵀ is positive semidefinite for any L > 0, which would prove a falsehood.
#[test]
fn coupled_multipliers_would_prove_a_falsehood() {
    let hat = Shallow::new(faer::mat![[1.0], [1.0]], vec![0.0, -1.0], vec![1.0, -1.0], 0.0).unwrap();
    // T = diag(t) + λ [1, −1; −1, 1] in [L·I, −WᵀT, 0; −TW, 2T, −v; 0, −vᵀ, L].
    let least = |l: f64, t: [f64; 2], coupling: f64| {
        let multiplier = |i: usize, j: usize| if i == j { t[i] + coupling } else { -coupling };
        let m = Mat::from_fn(4, 4, |a, b| match (a.max(b), a.min(b)) {
            (0, 0) | (3, 3) => l,
            (a, 0) if a < 3 => -(multiplier(a - 1, 0) + multiplier(a - 1, 1)),
            (3, 0) => 0.0,
            (3, b) => -hat.v()[b - 1],
            (a, b) => 2.0 * multiplier(a - 1, b - 1),
        });
        m.self_adjoint_eigenvalues(faer::Side::Lower).unwrap()[0]
    };
    assert!(least(1e-3, [0.0; 2], 600.0) >= -1e-9, "{}", least(1e-3, [0.0; 2], 600.0));
    for power in -20..20 {
        let t = 2f64.powi(power);
        assert!(least(0.99, [t, t], 0.0) < 0.0 && least(0.99, [t, 2.0 * t], 0.0) < 0.0, "{t}");
    }
    assert!(least(1.0, [1.0, 1.0], 0.0) >= -1e-12);
    let bound = lipsdp(&hat, Norm::Two, &mut |_| ControlFlow::Continue(())).unwrap().lipschitz_upper_bound;
    assert!((1.0..1.0 + 1e-6).contains(&bound), "{bound}");

    // What polish reports of such a network is no falsehood either.
    let data = Dataset::new(Mat::from_fn(9, 1, |k, _| 0.5 * k as f64 - 1.5), (0..9).map(f64::from).collect(), None);
    let polished = run(&hat, &data.unwrap(), &Settings { lipschitz_price: 0.1, ..Settings::default() });
    let proceed = &mut |_: &_| ControlFlow::Continue(());
    let everywhere = Region::Everywhere;
    let exact = exact_lipschitz(&polished.network, &everywhere, Norm::Two, None, &ExactSettings::default(), proceed);
    assert!(polished.after.lipschitz >= exact.unwrap().lower_bound, "{polished:?}");
}

/// Enough rows and units for several blocks and groups of them, by both routes to the normal equations.
#[test]
fn the_same_bytes_whatever_the_number_of_threads() {
    for (n, d, m) in [(2600, 2, 20), (60, 4, 40)] {
        let (data, network) = (data(n, d, 3), network(m, d, 3));
        let settings = Settings { iterations: 8, ..Settings::default() };
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| run(&network, &data, &settings))
        };
        let (one, three) = (with(1), with(3));
        assert_eq!(one.trace, three.trace);
        assert_eq!(one.network, three.network);
    }
}

/// A linear part that is free can only help: 0 is one. And where no unit is left, it is fitted alone.
#[test]
fn a_linear_part_is_never_worse_than_none() {
    for seed in 0..40 {
        let (data, network) = (data(30, 1 + seed as usize % 4, seed), network(5, 1 + seed as usize % 4, seed));
        let plain = Settings { lipschitz_price: 0.05, ..Settings::default() };
        for settings in [
            plain.clone(),
            Settings { norm: Norm::Infinity, decay: 0.01, ..plain.clone() },
            Settings { output_bias: false, penalty: Penalty::LSquared, ..plain.clone() },
            Settings { max_lipschitz: Some(0.3), lipschitz_price: 0.0, ..plain.clone() },
            plain.with_method(Method::ALTERNATING),
            Settings { decay: 0.02, ..plain.with_method(Method::WEIGHT_DECAY) },
        ] {
            let network = if settings.output_bias { network.clone() } else { network.clone().with_c(0.0) };
            let without = run(&network, &data, &settings);
            let with = run(&network, &data, &Settings { linear_part: true, ..settings.clone() });
            if settings.method != Method::ALTERNATING {
                assert!(with.after.objective <= without.after.objective * (1.0 + 1e-6), "{settings:?}: {with:?}");
            }
            assert!(with.after.objective <= with.before.objective || settings.max_lipschitz.is_some());
            assert!(with.network.a().is_some() || matches!(with.ending, Ending::Unchanged(_)), "{:?}", with.ending);
            assert!(settings.max_lipschitz.is_none_or(|limit| with.after.lipschitz <= limit));
            // A network that has one keeps it, whether it is asked for or not.
            let again = run(&with.network, &data, &settings);
            assert!(again.after.objective <= with.after.objective * (1.0 + 1e-9));
            assert_eq!(again.network.a().is_some(), with.network.a().is_some());
        }
        // Units that are on nowhere: a line through the data, with the price of its slope.
        let dead = network.clone().edited(|parts| parts.b.fill(-100.0)).unwrap();
        for method in Method::all() {
            let settings = Settings { linear_part: true, ..Settings::of(method) };
            let settings =
                Settings { lipschitz_price: if method == Method::WEIGHT_DECAY { 0.0 } else { 1e-6 }, ..settings };
            let found = run(&dead, &data, &settings);
            let d = data.columns();
            let inputs = Mat::from_fn(30, d + 1, |k, j| if j < d { data.x[(k, j)] } else { 1.0 });
            let targets = Mat::from_fn(30, 1, |k, _| data.y[k]);
            let fitted = (inputs.transpose() * &inputs).partial_piv_lu().solve(inputs.transpose() * &targets);
            let residual = &inputs * fitted - targets;
            let least = residual.squared_norm_l2() / 30.0;
            assert!(
                found.after.loss >= least * (1.0 - 1e-9) && found.after.loss <= least + 1e-4,
                "{method:?}: {found:?}"
            );
        }
    }
}
