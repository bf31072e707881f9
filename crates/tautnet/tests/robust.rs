//! The program (R) reaches the optimal values that an independent solver found, and keeps what the theory promises.
//!
//! `known_robust_optima.json` was written by `tests/known_optima/robust.py` (CVXPY and a generic conic solver, from a statement of
//! the program that eliminates nothing).

use faer::Mat;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use serde::Deserialize;
use std::{ops::ControlFlow, path::Path};
use tautnet::{
    Dataset, Shallow, attack,
    polish::{Ending, Method, Polished, Settings, Walk, polish},
    tolerance::{Shape, Tolerance},
};

#[derive(Deserialize)]
struct Instance {
    seed: u64,
    x: Vec<Vec<f64>>,
    y: Vec<f64>,
    w: Vec<Vec<f64>>,
    b: Vec<f64>,
    v: Vec<f64>,
    tolerance: Vec<Vec<f64>>,
    shape: Shape,
    cells: String,
    loss: String,
    decay: f64,
    lipschitz: f64,
    linear_part: bool,
    output_bias: bool,
    objective: f64,
}

fn matrix(rows: &[Vec<f64>]) -> Mat<f64> {
    Mat::from_fn(rows.len(), rows[0].len(), |k, j| rows[k][j])
}

impl Instance {
    fn settings(&self, method: Method) -> Settings {
        Settings {
            method,
            loss: self.loss.parse().unwrap(),
            tolerance: Some(Tolerance::of_rows(self.shape, matrix(&self.tolerance)).unwrap()),
            lipschitz_price: self.lipschitz,
            decay: self.decay,
            linear_part: self.linear_part,
            output_bias: self.output_bias,
            tol: 1e-9,
            rounds: 1,
            ..Settings::default()
        }
    }

    fn polish(&self, settings: &Settings) -> Polished {
        let network = Shallow::new(matrix(&self.w), self.b.clone(), self.v.clone(), 0.0).unwrap();
        let data = Dataset::new(matrix(&self.x), self.y.clone(), None).unwrap();
        polish(&network, &data, settings, &mut |_| ControlFlow::Continue(())).unwrap()
    }
}

fn instances() -> Vec<Instance> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/known_robust_optima.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// What the last program ended with.
fn told(polished: &Polished) -> f64 {
    polished.trace.last().unwrap().objective
}

#[test]
fn the_known_optima_are_reached_and_the_recomputed_objective_is_no_worse() {
    let mut failures = vec![];
    for instance in instances() {
        let method = if instance.cells == "hard" { Method::ROBUST_CELLS } else { Method::CONVEX };
        let polished = instance.polish(&instance.settings(method));
        let (found, known) = (told(&polished), instance.objective);
        if (found - known).abs() > 1e-6 * known.abs() + 1e-9 {
            failures.push(format!("{}: {found} where {known} is known; {:?}", instance.seed, polished.ending));
        }
        // Labels by rows only lower what the program said; the start is there whatever happens.
        let (before, after) = (polished.before.objective, polished.after.objective);
        if after > (known * (1.0 + 1e-6) + 1e-9).min(before) {
            failures.push(format!("{}: {after} after {before}, with {known} known", instance.seed));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn hard_cells_of_exact_inputs_are_joint_and_soft_ones_never_worse() {
    for instance in instances() {
        let exact = |method| Settings { tolerance: None, ..instance.settings(method) };
        let [hard, soft] = [Method::ROBUST_CELLS, Method::CONVEX].map(|method| told(&instance.polish(&exact(method))));
        let joint = told(&instance.polish(&exact(Method::JOINT)));
        // Targets are of order one.
        assert!((hard - joint).abs() <= 1e-8 * (1.0 + joint), "{}: {hard} and {joint}", instance.seed);
        assert!(soft <= hard + 1e-8 * (1.0 + hard), "{}: {soft} above {hard}", instance.seed);
    }
}

#[test]
fn cells_is_another_name_of_joint_and_takes_no_tolerance() {
    let instance = &instances()[0];
    let exact = |method| Settings { tolerance: None, ..instance.settings(method) };
    let [joint, cells] = ["joint", "cells"].map(|name| instance.polish(&exact(name.parse().unwrap())));
    assert_eq!(joint.network, cells.network);
    let within = Settings { rounds: Settings::of(Method::CELLS).rounds, ..instance.settings(Method::CELLS) };
    let network = Shallow::new(matrix(&instance.w), instance.b.clone(), instance.v.clone(), 0.0).unwrap();
    let data = Dataset::new(matrix(&instance.x), instance.y.clone(), None).unwrap();
    let error = polish(&network, &data, &within, &mut |_| ControlFlow::Continue(())).unwrap_err().to_string();
    assert!(error.contains("`cells`") && error.contains("tolerance"), "{error}");
}

#[test]
fn rounds_never_raise_the_bound() {
    for instance in instances().iter().filter(|instance| instance.cells == "soft") {
        let settings = Settings { rounds: 6, tol: 1e-8, ..instance.settings(Method::CONVEX) };
        let polished = instance.polish(&settings);
        let falling = polished.accepted.windows(2).all(|pair| pair[1].objective < pair[0].objective);
        assert!(falling, "{}: {:?}", instance.seed, polished.accepted);
        for score in &polished.accepted {
            assert!(score.loss <= score.worst_case.unwrap() * (1.0 + 1e-12), "{}: {score:?}", instance.seed);
        }
    }
}

/// The bound on the worst case of what comes back is never above that of what was given, whatever the network (trained or not), the
/// tolerances, the weights of the rows and the loss; and no round raises it.
#[test]
fn what_comes_back_is_never_worse_than_what_was_given() {
    for seed in 0..48 {
        let (network, data, tolerance) = drawn(seed);
        let cells = if seed % 5 == 4 { Method::ROBUST_CELLS } else { Method::CONVEX };
        let settings = Settings {
            loss: ["squared", "huber:0.5", "quantile:0.3", "absolute"][seed as usize % 4].parse().unwrap(),
            tolerance: Some(tolerance),
            lipschitz_price: 0.0,
            decay: 0.0,
            rounds: 4,
            ..Settings::of(cells)
        };
        let settings = if cells == Method::ROBUST_CELLS { Settings { rounds: 1, ..settings } } else { settings };
        let polished = polish(&network, &data, &settings, &mut |_| ControlFlow::Continue(())).unwrap();
        let mut bounds = vec![polished.before.worst_case.unwrap()];
        bounds.extend(polished.accepted.iter().map(|score| score.worst_case.unwrap()));
        assert!(bounds.windows(2).all(|pair| pair[1] <= pair[0]), "{seed}: {bounds:?}");
        assert_eq!(polished.after.worst_case.unwrap(), *bounds.last().unwrap(), "{seed}");
        assert!(polished.after.loss <= bounds[bounds.len() - 1] * (1.0 + 1e-12), "{seed}");
    }
}

/// A network, rows and tolerances of all kinds: some rows count for nothing, and some inputs are exact.
fn drawn(seed: u64) -> (Shallow, Dataset, Tolerance) {
    let mut random = Pcg64::seed_from_u64(seed);
    let mut drawn = |rows: usize, columns: usize, size: f64| {
        Mat::from_fn(rows, columns, |_, _| size * random.random_range(-1.0..1.0))
    };
    let (n, d, m) = (20 + seed as usize % 7, 1 + seed as usize % 4, 1 + seed as usize % 5);
    let (x, noise, w) = (drawn(n, d, 2.0), drawn(n, 3, 1.0), drawn(m, d, 1.0));
    let (b, v, sizes) = (drawn(m, 1, 1.0), drawn(m, 1, 2.0), drawn(n, d, 0.4));
    let y = (0..n).map(|k| x[(k, 0)].sin() + 0.3 * noise[(k, 0)]).collect();
    let weights = (0..n).map(|k| (noise[(k, 1)] + 0.8).max(0.0)).collect();
    let sizes = Mat::from_fn(n, d, |k, j| sizes[(k, j)].max(0.0));
    let column = |values: &Mat<f64>| (0..m).map(|i| values[(i, 0)]).collect::<Vec<f64>>();
    let data = Dataset::new(x, y, seed.is_multiple_of(2).then_some(weights)).unwrap();
    let network = Shallow::new(w, column(&b), column(&v), noise[(0, 2)]).unwrap();
    let shape = if seed.is_multiple_of(3) { Shape::Ball } else { Shape::Box };
    (network, data, Tolerance::of_rows(shape, sizes).unwrap())
}

fn polished(network: &Shallow, data: &Dataset, settings: &Settings) -> Polished {
    polish(network, data, settings, &mut |_| ControlFlow::Continue(())).unwrap()
}

/// What `scenarios` finds in the worst case never rises, and lies between the loss and the bound; another attack agrees.
#[test]
fn scenarios_never_raise_what_is_found() {
    let (mut lower, mut below) = (0, 0);
    for seed in 0..32 {
        let (network, data, tolerance) = drawn(seed);
        let settings = Settings {
            loss: ["squared", "huber:0.5", "quantile:0.3", "absolute"][seed as usize % 4].parse().unwrap(),
            tolerance: Some(tolerance.clone()),
            lipschitz_price: if seed % 7 == 0 { 0.01 } else { 0.0 },
            decay: if seed % 5 == 0 { 0.01 } else { 0.0 },
            linear_part: seed % 11 == 0,
            rounds: 4,
            ..Settings::of(Method::SCENARIOS)
        };
        let made = polished(&network, &data, &settings);
        assert_eq!((made.before, made.after), (made.accepted[0], *made.accepted.last().unwrap()), "{seed}");
        let falling = made.accepted.windows(2).all(|pair| pair[1].objective < pair[0].objective);
        assert!(
            falling && (made.accepted.len() > 1) != matches!(made.ending, Ending::Unchanged(_)),
            "{seed}: {made:?}"
        );
        for (score, network) in [(made.before, &network), (made.after, &made.network)] {
            let [found, most] = [score.found.unwrap(), score.worst_case.unwrap()];
            assert!(score.loss <= found * (1.0 + 1e-12) && found <= most * (1.0 + 1e-12), "{seed}: {score:?}");
            let settings = attack::Settings { loss: settings.loss.clone(), ..attack::Settings::new(f64::INFINITY) };
            let again = attack::within(network, &data, &tolerance, &settings).unwrap().found;
            assert!(found >= again * (1.0 - 1e-2), "{seed}: {found}, and {again} by another attack");
        }
        lower += usize::from(made.accepted.len() > 1);
        let bound = polished(&network, &data, &Settings { method: Method::CONVEX, ..settings.clone() });
        let settings = attack::Settings { loss: settings.loss.clone(), ..attack::Settings::new(f64::INFINITY) };
        let found = |network: &Shallow| attack::within(network, &data, &tolerance, &settings).unwrap().found;
        below += usize::from(found(&made.network) < found(&bound.network));
    }
    // It is found to be below what the bound comes to more often than not.
    assert!(lower >= 28 && below >= 18, "{lower} {below}");
}

/// With a unit that is on everywhere the network can be any affine function: the least worst case of these, by a search of its
/// slope and height, is reached at least.
#[test]
fn scenarios_reach_the_least_worst_case_of_affine_functions() {
    let (tau, n) = (0.4, 15);
    let x = Mat::from_fn(n, 1, |k, _| 1.0 + 0.2 * k as f64);
    let y: Vec<f64> = (0..n).map(|k| 2.0 * x[(k, 0)] + (7.0 * k as f64).sin()).collect();
    let worst = |slope: f64, height: f64| {
        let of = |k: usize| ((slope * x[(k, 0)] + height - y[k]).abs() + tau * slope.abs()).powi(2);
        (0..n).map(of).sum::<f64>() / n as f64
    };
    let (mut best, mut at, mut size) = (f64::INFINITY, (2.0, 0.0), 2.0);
    while size > 1e-5 {
        let (slope, height) = at;
        for (i, j) in (-10..=10).flat_map(|i| (-10..=10).map(move |j| (f64::from(i), f64::from(j)))) {
            let here = (slope + 0.1 * size * i, height + 0.1 * size * j);
            if worst(here.0, here.1) < best {
                (best, at) = (worst(here.0, here.1), here);
            }
        }
        size *= 0.7;
    }
    let data = Dataset::new(x.clone(), y.clone(), None).unwrap();
    let network = Shallow::new(Mat::from_fn(1, 1, |_, _| 1.0), vec![10.0], vec![1.0], -8.0).unwrap();
    let tolerance = Some(Tolerance::same(Shape::Box, &[tau]).unwrap());
    let made = polished(&network, &data, &Settings { tolerance, ..Settings::of(Method::SCENARIOS) });
    let found = made.after.found.unwrap();
    assert!(found < best * (1.0 + 1e-4) && found > 0.5 * best, "{found} where {best} is known");
}

/// Then a row is its only scenario, and every program is (R) of exact inputs with the patterns for labels.
#[test]
fn scenarios_of_exact_inputs_are_the_rows() {
    for seed in 0..8 {
        let (network, data, _) = drawn(seed);
        let settings = Settings { rounds: 1, decay: 0.01, ..Settings::of(Method::SCENARIOS) };
        let made = polished(&network, &data, &settings);
        let convex = polished(&network, &data, &Settings { method: Method::CONVEX, ..settings });
        let found = made.after.found.unwrap();
        assert!((found - made.after.loss).abs() < 1e-12 * found && made.after.worst_case.is_none(), "{seed}: {made:?}");
        assert!(
            (made.after.objective - convex.after.objective).abs() < 1e-6 * (1.0 + convex.after.objective),
            "{seed}"
        );
    }
}

/// Descent on the bound and (R) in turn: never above (R) alone, and below it more often than not.
#[test]
fn walks_within_a_tolerance_go_on_from_the_first_program() {
    let mut below = 0;
    for seed in 0..12 {
        let (network, data, tolerance) = drawn(seed);
        let settings = Settings {
            loss: ["squared", "huber:0.5"][seed as usize % 2].parse().unwrap(),
            tolerance: Some(tolerance),
            lipschitz_price: if seed % 3 == 0 { 0.01 } else { 0.0 },
            decay: 0.001,
            walk: Walk { rounds: 2, steps: 100, ..Walk::default() },
            ..Settings::of(Method::WALK)
        };
        let walked = polished(&network, &data, &settings);
        let first = polished(&network, &data, &Settings { method: Method::CONVEX, rounds: 1, ..settings });
        let [walked, first] = [walked.after, first.after];
        assert!(walked.objective <= first.objective * (1.0 + 1e-9), "{seed}: {walked:?} {first:?}");
        assert!(walked.loss <= walked.worst_case.unwrap() * (1.0 + 1e-12), "{seed}");
        below += usize::from(walked.objective < 0.99 * first.objective);
    }
    assert!(below >= 7, "{below}");
}

/// All points of a box at which a network of one or two inputs can have its largest or its least value: it is linear between its kinks, so these are the
/// corners, and where kinks meet each other or the sides.
fn vertices(network: &Shallow, x: &[f64], size: f64) -> Vec<Vec<f64>> {
    let (low, high) = (|j: usize| x[j] - size, |j: usize| x[j] + size);
    // Lines w·x + b = 0: the kinks, and the sides of the box.
    let mut lines: Vec<(Vec<f64>, f64)> =
        (0..network.units()).map(|i| ((0..x.len()).map(|j| network.w()[(i, j)]).collect(), network.b()[i])).collect();
    for j in 0..x.len() {
        let along: Vec<f64> = (0..x.len()).map(|other| if other == j { 1.0 } else { 0.0 }).collect();
        lines.extend([(along.clone(), -low(j)), (along, -high(j))]);
    }
    let crossing = |a: &(Vec<f64>, f64), b: &(Vec<f64>, f64)| {
        let det = a.0[0] * b.0[1] - a.0[1] * b.0[0];
        vec![(a.0[1] * b.1 - b.0[1] * a.1) / det, (b.0[0] * a.1 - a.0[0] * b.1) / det]
    };
    let points: Vec<Vec<f64>> = match x.len() {
        1 => lines.iter().map(|(w, b)| vec![-b / w[0]]).collect(),
        _ => (0..lines.len())
            .flat_map(|i| (0..i).map(move |j| (i, j)))
            .map(|(i, j)| crossing(&lines[i], &lines[j]))
            .collect(),
    };
    // Parallel lines meet nowhere, which is no number, or beyond the box.
    let inside = |point: &Vec<f64>| (0..x.len()).all(|j| (point[j] - x[j]).abs() <= size * (1.0 + 1e-12));
    points.into_iter().filter(inside).collect()
}

/// The mean over the rows of the largest loss at any of these points.
fn exhaustive(network: &Shallow, data: &Dataset, size: f64, loss: &tautnet::Loss) -> f64 {
    let worst = |k: usize| {
        let x: Vec<f64> = (0..data.columns()).map(|j| data.x[(k, j)]).collect();
        let points = vertices(network, &x, size);
        assert!(points.len() >= 1 << x.len(), "the corners are among them: {points:?}");
        points.iter().map(|point| loss.value(network.value(point), data.y[k])).fold(0.0, f64::max)
    };
    (0..data.rows()).map(worst).sum::<f64>() / data.rows() as f64
}

/// The claim of convex adversarial training: the optimum of the hard program is the loss of the network that it gives under the worst attack
/// there is, and the price of the weights.
#[test]
fn the_hard_optimum_is_the_loss_under_an_exhaustive_attack() {
    let (size, decay) = (0.05, 1e-3);
    let mut better = 0;
    for d in [1, 2] {
        for seed in 0..6 {
            let mut random = Pcg64::seed_from_u64(100 * d + seed);
            let mut draw = || random.random_range(-1.0..1.0f64);
            let (n, m, d) = (10, 8, d as usize);
            // Rows on a grid, so that kinks have room between them.
            let x = Mat::from_fn(n, d, |k, j| if j == 0 { 0.4 * k as f64 - 1.8 } else { (0.9 * (k * k) as f64).sin() });
            let y: Vec<f64> =
                (0..n).map(|k| if (k / 3 + seed as usize).is_multiple_of(2) { 1.0 } else { -1.0 }).collect();
            let data = Dataset::new(x, y, None).unwrap();
            // Every kink goes through a point between two rows. The output bias is so bad that nothing of the start is kept.
            let w = Mat::from_fn(m, d, |_, _| draw());
            let b =
                (0..m).map(|i| -w[(i, 0)] * (0.4 * (i % 9) as f64 - 1.6) - if d == 2 { 0.2 * w[(i, 1)] } else { 0.0 });
            let v = (0..m).map(|i| if i % 2 == 0 { 0.1 } else { -0.1 }).collect();
            let network = Shallow::new(w.clone(), b.collect(), v, 50.0).unwrap();
            for name in ["hinge", "logistic", "squared"] {
                let loss: tautnet::Loss = name.parse().unwrap();
                let settings = Settings {
                    loss: loss.clone(),
                    tolerance: Some(Tolerance::same(Shape::Box, &vec![size; d]).unwrap()),
                    decay,
                    lipschitz_price: 0.0,
                    tol: 1e-9,
                    ..Settings::of(Method::ROBUST_CELLS)
                };
                let polished = polish(&network, &data, &settings, &mut |_| ControlFlow::Continue(())).unwrap();
                let optimum = told(&polished);
                let attacked = exhaustive(&polished.network, &data, size, &loss) + decay * polished.after.decay;
                assert!(
                    (optimum - attacked).abs() <= 1e-6,
                    "d {d}, seed {seed}, {name}: {optimum} and {attacked}, {:?}",
                    polished.ending
                );
                let constant = Shallow::new(Mat::zeros(1, d), vec![0.0], vec![0.0], loss.best_constant(&data)).unwrap();
                better += usize::from(optimum < 0.9 * exhaustive(&constant, &data, size, &loss));
            }
        }
    }
    // Where all cells are empty the network is a constant, and there is nothing to attack.
    assert!(better >= 18, "only {better} of 36 networks are more than a constant");
}
