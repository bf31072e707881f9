use super::*;
use crate::rivals;
use crate::toy::toy;
use faer::Mat;
use rand::{RngExt, SeedableRng};
use std::ops::ControlFlow;
use tautnet::Dataset;
use tautnet::Shallow;
use tautnet::ending::Ending;
use tautnet::polish::{self, Method};

fn go_on(_: &Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// (6) by the interior-point method.
fn judge(network: &Shallow, data: &Dataset, settings: &Settings) -> f64 {
    let asked = polish::Settings {
        method: Method::WEIGHT_DECAY,
        lipschitz_price: 0.0,
        decay: settings.decay,
        output_bias: settings.output_bias,
        ..Default::default()
    };
    polish::polish(network, data, &asked, &mut |_| ControlFlow::Continue(())).unwrap().after.objective
}

/// Data with weights (some 0), a repeated row, and a column far from 0.
fn awkward() -> Dataset {
    let mut data = toy(60, 2, 31);
    data.weights = Some((0..60).map(|k| (k % 4) as f64).collect());
    for j in 0..2 {
        data.x[(7, j)] = data.x[(6, j)];
    }
    for k in 0..60 {
        data.x[(k, 1)] += 2.0;
    }
    data
}

#[test]
fn the_augmented_lagrangian_has_the_optimum_of_weight_decay() {
    for (data, patterns, decay, output_bias) in
        [(toy(60, 2, 1), 8, 0.01, true), (toy(40, 3, 2), 12, 0.1, false), (awkward(), 6, 0.03, true)]
    {
        let network = rivals::gaussian(&data, patterns, 7).unwrap();
        let settings = Settings { decay, output_bias, tolerance: 1e-6, ..Settings::default() };
        let ours = relu(&network, &data, &settings, &mut go_on).unwrap();
        let optimum = judge(&network, &data, &settings);
        assert_eq!(ours.ending, Ending::Solved);
        assert!((ours.objective - optimum).abs() < 1e-5 * optimum, "{} {optimum}", ours.objective);
        assert!(ours.lower_bound <= optimum * (1.0 + 1e-9), "{} {optimum}", ours.lower_bound);
        // The objective is that of the network, by the code that scores polished networks.
        let asked = polish::Settings { decay, lipschitz_price: 0.0, output_bias, ..Default::default() };
        let score = polish::score(&ours.network, &data, &asked).unwrap();
        assert!((score.objective - ours.objective).abs() < 1e-12 && (score.loss - ours.loss).abs() < 1e-12);
        assert_eq!(ours, relu(&network, &data, &settings, &mut go_on).unwrap());
    }
}

/// What a run says of its network is so, however it ended: the objective is the network's own, and no other than the optimum of
/// (6) where the run says that it was solved.
fn honest(network: &Shallow, data: &Dataset, settings: &Settings) -> Relu {
    let ours = relu(network, data, settings, &mut go_on).unwrap();
    let asked = polish::Settings {
        decay: settings.decay,
        lipschitz_price: 0.0,
        output_bias: settings.output_bias,
        ..Default::default()
    };
    let score = polish::score(&ours.network, data, &asked).unwrap();
    assert!((score.objective - ours.objective).abs() <= 1e-12 * (1.0 + score.objective), "{score:?} {ours:?}");
    if ours.ending == Ending::Solved {
        let optimum = judge(network, data, settings);
        assert!((ours.objective - optimum).abs() <= 1e-5 * optimum, "{} {optimum}", ours.objective);
        assert!(ours.lower_bound <= optimum * (1.0 + 1e-5), "{} {optimum}", ours.lower_bound);
        assert!(ours.duality_gap() <= settings.tolerance);
        assert!(ours.lower_bound <= ours.objective * (1.0 + 1e-9), "{} {}", ours.lower_bound, ours.objective);
    }
    ours
}

/// The row at 0 is on by a tie. Without its cone the fit is all but exact, so the optimum is told by whether it is kept.
#[test]
fn a_pre_activation_of_0_is_a_cone_like_any_other() {
    let data = Dataset::new(Mat::from_fn(3, 1, |k, _| k as f64 - 1.0), vec![0.0, -1.0, 1.0], None).unwrap();
    let network = Shallow::new(Mat::full(1, 1, 1.0), vec![0.0], vec![1.0], 0.0).unwrap();
    let settings = Settings { decay: 0.01, output_bias: false, ..Settings::default() };
    let ours = honest(&network, &data, &settings);
    assert_eq!(ours.ending, Ending::Solved);
    // u = (w, 0) with loss (1 + (w − 1)²)/3, least at w = 1 − 3λ/2.
    let w = 1.0 - 1.5 * 0.01;
    let optimum = (1.0 + (w - 1.0) * (w - 1.0)) / 3.0 + 0.01 * w;
    assert!((ours.objective - optimum).abs() < 1e-6, "{} {optimum}", ours.objective);
}

/// Rows are small whole numbers and weights multiples of `unit`: equal rows, rows and units that are 0, and ties everywhere.
/// How many of the runs were solved.
fn solved_with_ties(seeds: std::ops::Range<u64>, most: i32, unit: f64) -> usize {
    let solved = |&seed: &u64| {
        let mut random = rand_pcg::Pcg64::seed_from_u64(seed);
        let (n, d, m) = (random.random_range(3..9), random.random_range(1..4), random.random_range(1..5));
        let mut whole = |most: i32| random.random_range(-most..=most) as f64;
        let x = Mat::from_fn(n, d, |_, _| whole(most));
        let data = Dataset::new(x, (0..n).map(|_| whole(3)).collect(), None).unwrap();
        let w = Mat::from_fn(m, d, |_, _| unit * whole(most));
        let b = (0..m).map(|i| if i % 2 == 0 { 0.0 } else { unit * whole(most) }).collect();
        let network = Shallow::new(w, b, (0..m).map(|_| whole(1)).collect(), 0.0).unwrap();
        let settings = Settings { decay: 0.03, output_bias: seed % 2 == 0, iterations: 20_000, ..Settings::default() };
        honest(&network, &data, &settings).ending == Ending::Solved
    };
    seeds.filter(solved).count()
}

#[test]
fn small_problems_full_of_ties_are_solved() {
    assert_eq!(solved_with_ties(0..60, 1, 1.0), 60);
}

/// Pre-activations that should be 0 then are so up to rounding, and rows on a line may be on, off and on again.
#[test]
fn ties_hidden_by_rounding_are_told_no_better_than_they_are() {
    let solved = solved_with_ties(100..160, 3, 0.1);
    assert!(solved >= 50, "{solved}");
}

#[test]
fn a_trained_network_s_own_patterns_and_signs_are_kept() {
    let data = toy(50, 2, 3);
    let start = tautnet::train::Settings { start: "random".parse().unwrap(), units: 10, ..Default::default() };
    let network = tautnet::train::train(&data, &start, &mut |_| ControlFlow::Continue(())).unwrap().network;
    let settings = Settings { decay: 0.01, ..Settings::default() };
    let ours = relu(&network, &data, &settings, &mut go_on).unwrap();
    let optimum = judge(&network, &data, &settings);
    assert!((ours.objective - optimum).abs() < 1e-5 * optimum, "{} {optimum}", ours.objective);
}

/// Unaccelerated proximal gradient on the whole matrix Φ.
fn naive_gated(network: &Shallow, data: &Dataset, decay: f64) -> f64 {
    let (n, d, m) = (data.rows(), data.columns(), network.units());
    let active = tautnet::patterns::Patterns::of(network, data.x.as_ref());
    let phi = Mat::from_fn(n, m * (d + 1), |k, c| {
        let (i, a) = (c / (d + 1), c % (d + 1));
        if !active.unit(i)[k] {
            0.0
        } else if a < d {
            data.x[(k, a)]
        } else {
            1.0
        }
    });
    let curvature = 2.0 / n as f64 * phi.squared_norm_l2();
    let mut u = Mat::<f64>::zeros(m * (d + 1), 1);
    let mut objective = f64::INFINITY;
    for _ in 0..60_000 {
        let f = &phi * &u;
        let residual: Vec<f64> = (0..n).map(|k| data.y[k] - f[(k, 0)]).collect();
        let mean = residual.iter().sum::<f64>() / n as f64;
        let residual = Mat::from_fn(n, 1, |k, _| residual[k] - mean);
        let size = |u: &Mat<f64>, i: usize| (0..=d).map(|a| u[(i * (d + 1) + a, 0)].powi(2)).sum::<f64>().sqrt();
        objective = residual.squared_norm_l2() / n as f64 + decay * (0..m).map(|i| size(&u, i)).sum::<f64>();
        u += phi.transpose() * residual * faer::Scale(2.0 / (n as f64 * curvature));
        for i in 0..m {
            let keep = 1.0 - (decay / curvature / size(&u, i)).min(1.0);
            (0..=d).for_each(|a| u[(i * (d + 1) + a, 0)] *= keep);
        }
    }
    objective
}

#[test]
fn gated_networks_have_the_optimum_of_the_naive_method() {
    let data = toy(40, 2, 4);
    let gates = tautnet::train::Settings { start: "random".parse().unwrap(), units: 8, ..Default::default() };
    let gates = tautnet::train::train(&data, &gates, &mut |_| ControlFlow::Continue(())).unwrap().network;
    let settings = Settings { decay: 0.02, tolerance: 1e-7, ..Settings::default() };
    let ours = gated_relu(&gates, &data, &settings, &mut go_on).unwrap();
    assert_eq!(ours.ending, Ending::Solved);
    let naive = naive_gated(&gates, &data, 0.02);
    assert!((ours.objective - naive).abs() < 1e-6 * naive, "{} {naive}", ours.objective);
    assert!(ours.lower_bound <= naive && ours.duality_gap() <= 1e-7);
    // Without cones the optimum can only be lower.
    let optimum = judge(&gates, &data, &settings);
    assert!(ours.lower_bound <= optimum && ours.objective < optimum);
}

#[test]
fn bounds_close_on_awkward_data_and_never_cross() {
    let data = awkward();
    let network = rivals::gaussian(&data, 10, 3).unwrap();
    let settings = Settings { decay: 0.01, ..Settings::default() };
    let gated = gated_relu(&network, &data, &settings, &mut go_on).unwrap();
    assert_eq!(gated.ending, Ending::Solved);
    for progress in &gated.trace {
        assert!(progress.lower_bound <= gated.objective * (1.0 + 1e-12) && gated.lower_bound <= progress.objective);
    }
    let held = Settings { output_bias: false, ..settings };
    let gated = gated_relu(&network, &data, &held, &mut go_on).unwrap();
    assert_eq!((gated.ending.clone(), gated.network.c), (Ending::Solved, 0.0));
}

#[test]
fn a_gated_network_becomes_a_relu_network_with_the_same_values() {
    let data = toy(50, 3, 8);
    let network = rivals::gaussian(&data, 9, 2).unwrap();
    let settings = Settings { decay: 0.01, ..Settings::default() };
    let gated = gated_relu(&network, &data, &settings, &mut go_on).unwrap().network;
    let (f, g) = (gated.predict(data.x.as_ref()), gated.to_relu(&data).unwrap().predict(data.x.as_ref()));
    assert!(f.iter().zip(&g).all(|(f, g)| (f - g).abs() < 1e-9), "{f:?} {g:?}");
}

#[test]
fn a_high_price_leaves_the_output_bias() {
    let data = toy(30, 2, 9);
    let network = rivals::gaussian(&data, 5, 1).unwrap();
    let settings = Settings { decay: 100.0, ..Settings::default() };
    let mean = data.y.iter().sum::<f64>() / 30.0;
    let gated = gated_relu(&network, &data, &settings, &mut go_on).unwrap();
    assert!(gated.network.units() == 0 && (gated.network.c - mean).abs() < 1e-12);
    let relu = relu(&network, &data, &settings, &mut go_on).unwrap();
    assert!(relu.network.v() == [0.0] && (relu.network.c() - mean).abs() < 1e-12);
    assert!(gated.duality_gap() < 1e-12 && relu.duality_gap() < 1e-12);
}

#[test]
fn a_run_can_be_ended_and_says_so() {
    let data = toy(30, 2, 9);
    let network = rivals::gaussian(&data, 5, 1).unwrap();
    let settings = Settings { tolerance: 1e-12, ..Settings::default() };
    let mut never = |_: &Progress| ControlFlow::Break(());
    let gated = gated_relu(&network, &data, &settings, &mut never).unwrap();
    let relu_run = relu(&network, &data, &settings, &mut never).unwrap();
    for (ending, objective, bound) in [
        (gated.ending, gated.objective, gated.lower_bound),
        (relu_run.ending, relu_run.objective, relu_run.lower_bound),
    ] {
        assert!(
            matches!(ending, Ending::Stopped(reason) if reason.to_string().contains("interrupted"))
                && bound <= objective
        );
    }
    // Stopped at any time, relu returns the network whose objective it told, in its cells or not.
    for updates in 1..12 {
        let mut left = updates;
        let mut counted = |_: &Progress| {
            left -= 1;
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let run = relu(&network, &data, &settings, &mut counted).unwrap();
        let told = run.trace.last().unwrap();
        assert!(told.network <= told.objective && run.objective <= told.network * (1.0 + 1e-12), "{updates}: {told:?}");
    }
    let few = Settings { iterations: 3, ..settings };
    let gated = gated_relu(&network, &data, &few, &mut go_on).unwrap();
    assert!(
        gated.iterations == 3 && matches!(gated.ending, Ending::Stopped(reason) if reason.to_string().contains('3'))
    );
}

#[test]
fn bad_input_is_refused_with_its_value() {
    let data = toy(10, 2, 1);
    let network = rivals::gaussian(&data, 3, 1).unwrap();
    let refused = |settings: Settings| {
        let gated = gated_relu(&network, &data, &settings, &mut go_on).unwrap_err();
        assert_eq!(gated.what, relu(&network, &data, &settings, &mut go_on).unwrap_err().what);
        gated.what
    };
    assert!(refused(Settings { decay: 0.0, ..Settings::default() }).contains("`decay` is 0"));
    assert!(refused(Settings { decay: f64::NAN, ..Settings::default() }).contains("NaN"));
    assert!(refused(Settings { tolerance: 1.0, ..Settings::default() }).contains("tolerance"));
    assert!(refused(Settings { iterations: 0, ..Settings::default() }).contains("iterations"));
    let other = rivals::gaussian(&toy(10, 3, 1), 3, 1).unwrap();
    assert!(gated_relu(&other, &data, &Settings::default(), &mut go_on).unwrap_err().what.contains("3 inputs"));
}
