use super::*;
use crate::rivals;
use crate::toy::toy;
use faer::Mat;
use std::ops::ControlFlow;
use tautnet::ending::Ending;
use tautnet::patterns::Patterns;
use tautnet::polish::{self, Method};
use tautnet::{Dataset, Loss, Shallow, Stop};

fn go_on(_: &Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn all(_: &Sweep) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// (6) by the interior-point method.
fn judge(network: &Shallow, data: &Dataset, settings: &Settings) -> f64 {
    polish::polish(network, data, &asked(settings), &mut |_| ControlFlow::Continue(())).unwrap().after.objective
}

fn asked(settings: &Settings) -> polish::Settings {
    polish::Settings {
        method: Method::WEIGHT_DECAY,
        lipschitz_price: 0.0,
        decay: settings.decay,
        output_bias: settings.output_bias,
        loss: settings.loss.clone(),
        ..Default::default()
    }
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

const SOLVERS: [LinearSolver; 3] =
    [LinearSolver::WeightFactor, LinearSolver::RowFactor, LinearSolver::ConjugateGradients];

#[test]
fn it_has_the_optimum_of_weight_decay() {
    for (data, patterns, decay, output_bias) in
        [(toy(60, 2, 1), 8, 0.01, true), (toy(40, 3, 2), 12, 0.1, false), (awkward(), 6, 0.03, true)]
    {
        let network = rivals::gaussian(&data, patterns, 7).unwrap();
        let groups = Groups::of(&network, &data).unwrap();
        for loss in ["squared", "huber:1", "huber:0.3"] {
            let settings =
                Settings { decay, output_bias, loss: loss.parse().unwrap(), tolerance: 5e-5, ..Settings::default() };
            let optimum = judge(&network, &data, &settings);
            for linear in SOLVERS {
                let settings = Settings { linear, ..settings.clone() };
                let ours = admm(&groups, &data, &settings, &mut go_on).unwrap();
                assert_eq!(ours.ending, Ending::Solved, "{loss} {linear:?}");
                let apart = (ours.objective - optimum) / optimum;
                assert!(apart.abs() < 1e-4, "{loss} {linear:?}: {} {optimum}", ours.objective);
                assert!(ours.lower_bound <= optimum * (1.0 + 1e-8) && ours.lower_bound > optimum * (1.0 - 1e-4));
                // The objective is that of the network, by the code that scores polished networks.
                let score = polish::score(&ours.network, &data, &asked(&settings)).unwrap();
                assert!((score.objective - ours.objective).abs() < 1e-12 && (score.loss - ours.loss).abs() < 1e-12);
                assert!(output_bias || ours.network.c() == 0.0);
            }
        }
    }
}

/// The bound is that of the program, whose optimum the network has: each says how good the other one is.
#[test]
fn every_loss_closes_its_gap() {
    let mut data = toy(50, 2, 5);
    data.y.iter_mut().for_each(|y| *y = if *y > 0.0 { 1.0 } else { -1.0 });
    let network = rivals::gaussian(&data, 8, 3).unwrap();
    let groups = Groups::of(&network, &data).unwrap();
    for entry in tautnet::loss::ALL {
        for output_bias in [true, false] {
            let loss: Loss = entry.example().parse().unwrap();
            let settings = Settings { decay: 0.05, output_bias, loss, ..Settings::default() };
            let ours = admm(&groups, &data, &settings, &mut go_on).unwrap();
            let gap = (ours.objective - ours.lower_bound) / ours.objective;
            assert_eq!(ours.ending, Ending::Solved, "{} {output_bias}", entry.name);
            assert!(gap.abs() <= 1e-4, "{}: {} {}", entry.name, ours.objective, ours.lower_bound);
            let optimum = judge(&network, &data, &settings);
            assert!((ours.objective - optimum).abs() < 2e-4 * optimum, "{}: {} {optimum}", entry.name, ours.objective);
        }
    }
}

#[test]
fn a_held_penalty_leads_to_the_same() {
    let data = toy(60, 2, 8);
    let groups = Groups::of(&rivals::gaussian(&data, 6, 2).unwrap(), &data).unwrap();
    let settings = Settings { decay: 0.05, ..Settings::default() };
    let free = admm(&groups, &data, &settings, &mut go_on).unwrap();
    for penalty in [0.05, 0.5] {
        let held = admm(&groups, &data, &Settings { penalty: Some(penalty), ..settings.clone() }, &mut go_on).unwrap();
        assert!(held.trace.iter().all(|told| told.penalty == penalty));
        assert!(
            (held.objective - free.objective).abs() < 1e-4 * free.objective,
            "{} {}",
            held.objective,
            free.objective
        );
    }
}

#[test]
fn limits_are_what_they_must_be() {
    let data = toy(30, 2, 9);
    let network = rivals::gaussian(&data, 5, 1).unwrap();
    let groups = Groups::of(&network, &data).unwrap();
    let mean = data.y.iter().sum::<f64>() / 30.0;
    let solve = |groups: &Groups, decay: f64| {
        admm(groups, &data, &Settings { decay, ..Settings::default() }, &mut go_on).unwrap()
    };
    // A high price leaves the output bias.
    let dear = solve(&groups, 100.0);
    assert!(dear.network.v() == [0.0] && (dear.network.c() - mean).abs() < 1e-3, "{dear:?}");
    assert!(dear.ending == Ending::Solved && dear.lower_bound > dear.objective * (1.0 - 1e-4));
    // The optimum rises with the price and falls with the patterns.
    let (a, b) = (solve(&groups, 0.02), solve(&groups, 0.04));
    assert!(a.objective < b.objective && b.objective <= 2.0 * a.objective, "{} {}", a.objective, b.objective);
    let half = Groups { patterns: groups.patterns.pick(0..6), signs: groups.signs[..6].to_vec() };
    assert!(solve(&half, 0.02).objective > a.objective);
    // A group that is there twice is one, and one that is on nowhere none.
    let more = Groups {
        patterns: Patterns::from_units(
            30,
            (0..12).map(|i| if i < 10 { groups.patterns.unit(i).to_vec() } else { vec![i == 10; 30] }),
        ),
        signs: [&groups.signs[..], &[1.0, 1.0]].concat(),
    };
    let twice = Groups {
        patterns: more.patterns.pick([0, 0].into_iter().chain(0..12)),
        signs: [&[1.0, 1.0], &more.signs[..]].concat(),
    };
    let kept = Groups { patterns: more.patterns.pick(0..11), signs: more.signs[..11].to_vec() };
    assert_eq!(solve(&twice, 0.02), solve(&kept, 0.02));
    // No weights have this pattern on four rows in a square: its cell is a point.
    let square =
        Dataset::new(faer::mat![[-1.0, -1.0], [1.0, 1.0], [1.0, -1.0], [-1.0, 1.0]], vec![1.0, 1.0, -1.0, -1.0], None)
            .unwrap();
    let crossed = Groups::both(&Patterns::from_units(4, [vec![true, true, false, false]]));
    let nothing = admm(&crossed, &square, &Settings { decay: 0.01, ..Settings::default() }, &mut go_on).unwrap();
    assert!((nothing.objective - 1.0).abs() < 1e-4 && nothing.ending == Ending::Solved, "{nothing:?}");
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let data = toy(900, 4, 3);
    let patterns = rivals::perturbed(&data, 150, 0.2, 1, 5).unwrap();
    let groups = Groups::both(&patterns);
    let hidden = directions(4, 60, 1);
    for (loss, linear) in [("squared", LinearSolver::Automatic), ("huber:1", LinearSolver::ConjugateGradients)] {
        let settings =
            Settings { loss: loss.parse().unwrap(), linear, iterations: 12, decay: 0.01, ..Settings::default() };
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                (
                    admm(&groups, &data, &settings, &mut go_on).unwrap(),
                    sampled_lasso(&hidden, &data, &settings, &mut all).unwrap(),
                )
            })
        };
        assert_eq!(run(1), run(3));
    }
}

#[test]
fn a_run_that_is_stopped_returns_the_best_so_far() {
    let data = toy(60, 2, 1);
    let groups = Groups::of(&rivals::gaussian(&data, 8, 7).unwrap(), &data).unwrap();
    let settings = Settings { decay: 0.01, ..Settings::default() };
    let interrupted =
        |ending: &Ending| matches!(ending, Ending::Stopped(early) if early.to_string().contains("interrupted"));
    for looks in 1..15 {
        let mut left = looks;
        let mut counted = |_: &Progress| {
            left -= 1;
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let run = admm(&groups, &data, &settings, &mut counted).unwrap();
        let least = run.trace.iter().map(|told| told.objective).fold(f64::INFINITY, f64::min);
        assert!(run.trace.len() == looks && interrupted(&run.ending));
        let told = run.trace.last().unwrap().best;
        assert!(told <= least && (run.objective - told).abs() < 1e-12, "{looks}: {} {told} {least}", run.objective);
    }
    // Told to stop before it begins: the best constant, and no network is better than 0.
    let mean = data.y.iter().sum::<f64>() / 60.0;
    let hidden = directions(2, 10, 1);
    Stop::when(|| true).during(|| {
        let run = admm(&groups, &data, &settings, &mut go_on).unwrap();
        assert!(run.iterations == 0 && interrupted(&run.ending) && (run.network.c() - mean).abs() < 1e-12);
        assert_eq!((run.network.v(), run.lower_bound), (&[0.0][..], 0.0));
        let run = sampled_lasso(&hidden, &data, &settings, &mut all).unwrap();
        assert!(interrupted(&run.ending) && run.lower_bound <= run.objective && run.network.v() == [0.0]);
    });
    let few = Settings { iterations: 3, ..settings };
    let run = admm(&groups, &data, &few, &mut go_on).unwrap();
    assert!(run.iterations == 3 && matches!(run.ending, Ending::Stopped(early) if early.to_string().contains('3')));
    let mut first = |_: &Sweep| ControlFlow::Break(());
    let run = sampled_lasso(&hidden, &data, &few, &mut first).unwrap();
    assert!(run.sweeps == 1 && interrupted(&run.ending) && run.objective == run.trace[0].objective);
}

/// Every coordinate's slope is within the price, and at it where the weight is not 0.
#[test]
fn the_sampled_program_ends_where_no_weight_can_be_bettered() {
    for data in [toy(80, 3, 4), awkward()] {
        let hidden = directions(data.columns(), 30, 2);
        for (loss, output_bias, decay) in
            [("squared", true, 0.02), ("squared", false, 0.002), ("huber:1", true, 0.02), ("huber:0.3", false, 0.01)]
        {
            let loss: Loss = loss.parse().unwrap();
            let settings = Settings {
                decay,
                output_bias,
                loss: loss.clone(),
                tolerance: 1e-9,
                iterations: 100_000,
                ..Settings::default()
            };
            let run = sampled_lasso(&hidden, &data, &settings, &mut all).unwrap();
            assert_eq!(run.ending, Ending::Solved);
            let f = run.network.predict(data.x.as_ref());
            let omega = tautnet::dataset::importances(&data);
            let slope = |phi: &dyn Fn(usize) -> f64| -> f64 {
                (0..data.rows()).map(|k| omega[k] / data.rows() as f64 * loss.slope(f[k], data.y[k]) * phi(k)).sum()
            };
            let mut used = 0;
            for i in 0..hidden.nrows() {
                let d = data.columns();
                let h = |k: usize| (0..d).map(|j| hidden[(i, j)] * data.x[(k, j)]).sum::<f64>() + hidden[(i, d)];
                let g = slope(&|k| h(k).max(0.0));
                assert!(g.abs() <= decay * (1.0 + 1e-3), "{loss} {i}: {g}");
                let place = (0..run.network.units()).find(|&u| run.network.b()[u] == hidden[(i, d)]);
                if let Some(v) = place.map(|u| run.network.v()[u]).filter(|v| v.abs() > 1e-3) {
                    used += 1;
                    assert!((g + decay * v.signum()).abs() <= 1e-3 * decay, "{loss} {i}: {g} {v}");
                }
            }
            assert!(used > 1 && (!output_bias || slope(&|_| 1.0).abs() < 1e-5));
            assert!(run.trace.windows(2).all(|pair| pair[1].objective <= pair[0].objective * (1.0 + 1e-14)));
            assert!(run.trace.iter().all(|told| told.lower_bound <= run.objective));
            // The price is on v, and the network's own decay is no more: its units have length 1 here.
            let total: f64 = run.network.v().iter().map(|v| v.abs()).sum();
            assert!((run.objective - run.loss - decay * total).abs() < 1e-12);
        }
    }
}

/// Proximal gradient steps of a fixed length on the whole matrix.
fn naive_lasso(hidden: &Mat<f64>, data: &Dataset, decay: f64) -> f64 {
    let (n, d, m) = (data.rows(), data.columns(), hidden.nrows());
    let phi = Mat::from_fn(n, m, |k, i| {
        ((0..d).map(|j| hidden[(i, j)] * data.x[(k, j)]).sum::<f64>() + hidden[(i, d)]).max(0.0)
    });
    let step = n as f64 / (2.0 * phi.squared_norm_l2());
    let mut v = Mat::<f64>::zeros(m, 1);
    let y = Mat::from_fn(n, 1, |k, _| data.y[k]);
    let mut objective = f64::INFINITY;
    for _ in 0..200_000 {
        let residual = &phi * &v - &y;
        objective = residual.squared_norm_l2() / n as f64 + decay * v.norm_l1();
        let g = phi.transpose() * residual * faer::Scale(2.0 / n as f64);
        for i in 0..m {
            let goal = v[(i, 0)] - step * g[(i, 0)];
            v[(i, 0)] = goal.signum() * (goal.abs() - step * decay).max(0.0);
        }
    }
    objective
}

#[test]
fn the_sampled_program_has_the_optimum_of_the_naive_method() {
    let data = toy(40, 2, 6);
    let hidden = directions(2, 12, 3);
    let settings =
        Settings { decay: 0.05, output_bias: false, tolerance: 1e-10, iterations: 100_000, ..Settings::default() };
    let run = sampled_lasso(&hidden, &data, &settings, &mut all).unwrap();
    let naive = naive_lasso(&hidden, &data, 0.05);
    assert!((run.objective - naive).abs() < 1e-8 * naive, "{} {naive}", run.objective);
    // A high price leaves the output bias; more directions do no harm.
    let dear =
        sampled_lasso(&hidden, &data, &Settings { decay: 100.0, output_bias: true, ..settings.clone() }, &mut all)
            .unwrap();
    assert!(dear.network.v() == [0.0] && dear.ending == Ending::Solved);
    let more = directions(2, 50, 3);
    assert!((0..12).all(|i| (0..3).all(|a| more[(i, a)] == hidden[(i, a)])));
    assert!(sampled_lasso(&more, &data, &settings, &mut all).unwrap().objective <= run.objective);
}

#[test]
fn bad_input_is_refused_with_its_value() {
    let data = toy(10, 2, 1);
    let network = rivals::gaussian(&data, 3, 1).unwrap();
    let groups = Groups::of(&network, &data).unwrap();
    let hidden = directions(2, 5, 1);
    let refused = |settings: Settings| {
        let what = admm(&groups, &data, &settings, &mut go_on).unwrap_err().what;
        assert_eq!(what, sampled_lasso(&hidden, &data, &settings, &mut all).unwrap_err().what);
        what
    };
    assert!(refused(Settings { decay: 0.0, ..Settings::default() }).contains("`decay` is 0"));
    assert!(refused(Settings { decay: -1.0, ..Settings::default() }).contains("`decay` is -1"));
    assert!(refused(Settings { decay: f64::NAN, ..Settings::default() }).contains("NaN"));
    assert!(refused(Settings { tolerance: 1.0, ..Settings::default() }).contains("tolerance"));
    assert!(refused(Settings { iterations: 0, ..Settings::default() }).contains("iterations"));
    assert!(refused(Settings { penalty: Some(0.0), ..Settings::default() }).contains("penalty"));
    let margin = refused(Settings { loss: "logistic".parse().unwrap(), ..Settings::default() });
    assert!(margin.contains("logistic"), "{margin}");
    let wrong = |groups: &Groups| admm(groups, &data, &Settings::default(), &mut go_on).unwrap_err();
    let dead = Groups::both(&Patterns::from_units(10, [vec![false; 10]]));
    assert!(wrong(&dead).what.contains("no pattern is on"));
    assert!(wrong(&Groups::both(&Patterns::from_units(10, []))).what.contains("no pattern is on"));
    assert!(wrong(&Groups::both(&Patterns::from_units(9, [vec![true; 9]]))).what.contains("9 rows"));
    assert!(wrong(&Groups { signs: vec![1.0], ..groups.clone() }).what.contains("1 signs for 6"));
    assert!(wrong(&Groups { signs: vec![f64::NAN; 6], ..groups.clone() }).what.contains("NaN"));
    let other = rivals::gaussian(&toy(10, 3, 1), 3, 1).unwrap();
    assert!(Groups::of(&other, &data).unwrap_err().what.contains("3 inputs"));
    let wrong = |hidden: &Mat<f64>| sampled_lasso(hidden, &data, &Settings::default(), &mut all).unwrap_err().what;
    assert!(wrong(&directions(3, 5, 1)).contains("5 × 4") && wrong(&directions(2, 0, 1)).contains("0 × 3"));
    assert!(wrong(&Mat::full(1, 3, 1.0)).contains("unit 0 have the length"));
    assert!(wrong(&Mat::full(1, 3, f64::NAN)).contains("NaN"));
    let settings = Settings { loss: "absolute".parse().unwrap(), ..Settings::default() };
    assert!(sampled_lasso(&hidden, &data, &settings, &mut all).unwrap_err().what.contains("`absolute` jumps"));
}
