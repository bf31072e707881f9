//! The polish of deep networks: slopes against differences, optima against other ways to them, and what holds of every result.

use super::ball::Ball;
use super::bounds::Bounds;
use super::newton;
use super::passes::{Held, Rows, mean_cost, weights};
use super::program::{Point, Program, Smoothing};
use super::*;
use crate::certify::{JacobianSearchSettings, Of, largest_jacobian_found};
use crate::network::Layer;
use crate::{Activation, Dataset, Network, Norm, Stop};
use faer::Mat;
use proptest::prelude::*;
use std::ops::ControlFlow;

/// Numbers between −1/2 and 1/2.
fn numbers(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as f64 / (1u64 << 31) as f64 - 0.5
    }
}

fn chain(activation: &str, widths: &[usize], seed: u64) -> Network {
    let mut next = numbers(seed);
    let activation: Activation = activation.parse().unwrap();
    let (mut given, last) = (widths[0], widths.len() - 2);
    let layer = |(l, &units): (usize, &usize)| {
        let one = if l == last { Activation::identity() } else { activation.clone() };
        let w = Mat::from_fn(units, given, |_, _| 2.0 * next() / (given as f64).sqrt());
        given = units * one.branches();
        Layer::new(w, (0..units).map(|_| 0.4 * next()).collect(), one)
    };
    Network::new(widths[1..].iter().enumerate().map(layer).collect(), None).unwrap()
}

/// Rows whose target is a number, −1 or 1, or one of some classes.
fn rows(columns: usize, count: usize, outputs: usize, margin: bool, seed: u64) -> Dataset {
    let mut next = numbers(seed + 77);
    let x = Mat::from_fn(count, columns, |_, _| 3.0 * next());
    let y = (0..count)
        .map(|k| {
            let t = x[(k, 0)] - (x[(k, 1)]).abs() + 0.5 * next();
            match (outputs, margin) {
                (1, false) => t,
                (1, true) => (t + 0.3).signum(),
                _ => ((t + 1.5).max(0.0) * 1.2).floor().min(outputs as f64 - 1.0),
            }
        })
        .collect();
    Dataset::new(x, y, None).unwrap()
}

const ACTIVATIONS: [&str; 7] = ["relu", "abs", "crelu", "leaky-relu:0.1", "maxmin", "tanh", "sincos"];
const NORMS: [Norm; 3] = [Norm::Two, Norm::Infinity, Norm::One];

struct Case {
    network: Network,
    data: Dataset,
    settings: Settings,
}

/// One of many combinations of activations, losses, norms and what the bound counts for.
fn case(which: usize, seed: u64) -> Case {
    let activation = ACTIVATIONS[which % 7];
    let (outputs, loss) = [(1, "squared"), (1, "logistic"), (3, "logistic"), (1, "absolute")][which / 7 % 4];
    let norm = NORMS[which / 28 % 3];
    let network = chain(activation, &[3, 4, 4, outputs], seed);
    let data = rows(3, 30, outputs, loss == "logistic", seed);
    let mut settings = Settings {
        loss: loss.parse().unwrap(),
        norm,
        rounds: 2,
        tolerance: 1e-3,
        products: 150,
        ..Settings::default()
    };
    let product = crate::certify::trivial_bound(&network, norm).bound;
    match which / 84 % 5 {
        0 => {}
        1 => settings.lipschitz_price = 0.05,
        2 => settings.radius = 0.05,
        3 => settings.most = Some(0.7 * product),
        _ if norm == Norm::Two && activation != "maxmin" => {
            (settings.bound, settings.lipschitz_price) = (Bound::Lipsdp, 0.05);
        }
        _ => (settings.lipschitz_price, settings.radius) = (0.01, 0.02),
    }
    Case { network, data, settings }
}

fn ended(_: &Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    /// The objective of the result, computed anew, is not above that of what was given; its bound keeps its limit and is not below any slope found.
    #[test]
    fn a_polish_is_never_worse_and_its_bound_is_one(which in 0usize..420, seed in 0u64..1000) {
        let Case { network, data, settings } = case(which, seed);
        let polished = polish(&network, &data, &settings, &mut ended).unwrap();
        let anew = score(&polished.network, &data, &settings).unwrap();
        prop_assert_eq!(anew, polished.after);
        prop_assert_eq!(score(&network, &data, &settings).unwrap(), polished.before);
        let start = polished.steps.iter().find(|step| step.what == What::Limit).map_or(polished.before.objective, |step| step.after);
        prop_assert!(anew.objective <= start, "{} {}", start, anew.objective);
        prop_assert!(settings.most.is_none_or(|most| anew.bound <= most));
        prop_assert!(anew.clean <= anew.loss * (1.0 + 1e-12));
        for step in &polished.steps {
            prop_assert!(step.what == What::Limit || step.after <= step.before, "{step:?}");
        }
        let search = JacobianSearchSettings::default();
        let found = largest_jacobian_found(&polished.network, settings.norm, Of::All, None, &search).unwrap().value;
        prop_assert!(found <= anew.bound, "{found} {}", anew.bound);
        let shape = |network: &Network| network.layers().iter().map(|layer| (layer.units(), layer.inputs(), layer.activation().clone())).collect::<Vec<_>>();
        prop_assert_eq!(shape(&network), shape(&polished.network));
    }
}

/// The program of a layer, for a test.
fn with_program<T>(case: &Case, l: usize, damping: f64, test: impl FnOnce(&Program<'_>, &Mat<f64>) -> T) -> T {
    let Case { network, data, settings } = case;
    let classes = settings.check_on(network, data).unwrap();
    let rows = Rows::of(data, classes, &settings.loss);
    let bounds = Bounds::of(network, settings).unwrap();
    let layer = bounds.of_layer(network, l, settings).unwrap();
    let held = Held::new(network, l, &rows, true).unwrap();
    let start = weights(&network.layers()[l], true);
    let moments = held.moments(&rows.shares);
    let program = Program {
        rows: &rows,
        held: &held,
        layer: &layer,
        inputs: network.layers()[l].inputs(),
        norm: settings.norm,
        price: settings.lipschitz_price * layer.bound,
        most: settings.most.map(|most| 2.0 * most / layer.bound),
        damping,
        start: &start,
        moments: &moments,
    };
    test(&program, &start)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    /// Slopes and bends of the program are those of its values, at points that are not at a corner of anything that is not rounded off.
    #[test]
    fn slopes_and_bends_of_the_program_are_those_of_its_values(which in 0usize..420, seed in 0u64..1000, l in 0usize..3) {
        let case = case(which, seed);
        with_program(&case, l, 0.3, |program, start| {
            let mut next = numbers(seed + 5);
            let w = Mat::from_fn(start.nrows(), start.ncols(), |i, k| start[(i, k)] + 0.1 * next());
            let change = Mat::from_fn(start.nrows(), start.ncols(), |_, _| next());
            let size = 1.2 * program.layer.ball.size(&program.plain(&w)) + 0.1;
            let of_size = if program.has_size() { 0.3 } else { 0.0 };
            let smoothing = Smoothing { barrier: 0.01, soft: 0.1, corner: 0.05 };
            let point = Point { w, size };
            let moved = |t: f64| Point {
                w: Mat::from_fn(start.nrows(), start.ncols(), |i, k| point.w[(i, k)] + t * change[(i, k)]),
                size: size + t * of_size,
            };
            let Some(here) = program.at(&point, smoothing) else { return Ok(()) };
            let t = 1e-5;
            let (Some(up), Some(down)) = (program.at(&moved(t), smoothing), program.at(&moved(-t), smoothing)) else { return Ok(()) };
            let slope = ball::inner(&here.slopes, &change) + here.of_size * of_size;
            let seen = (up.value - down.value) / (2.0 * t);
            prop_assert!((slope - seen).abs() < 1e-4 * (1.0 + seen.abs()), "{slope} {seen}");
            let (bent, bent_size) = program.product((&point, &here), &change, of_size, smoothing);
            let bend = ball::inner(&bent, &change) + bent_size * of_size;
            let slope_at = |at: &program::Evaluated| ball::inner(&at.slopes, &change) + at.of_size * of_size;
            let seen = (slope_at(&up) - slope_at(&down)) / (2.0 * t);
            // Parabolas end somewhere.
            if case.settings.loss.name() != "absolute" {
                prop_assert!((bend - seen).abs() < 1e-3 * (1.0 + seen.abs()), "{bend} {seen}");
            }
            prop_assert!(bend >= -1e-9);
            Ok(())
        })?;
    }
}

/// The objective of the program, nothing rounded off and no barrier.
fn plainly(program: &Program<'_>, w: &Mat<f64>) -> f64 {
    let size = program.layer.ball.size(&program.plain(w));
    let count = program.rows.target.outputs();
    let moves = match (&program.layer.moves, program.layer.spread) {
        (Some(each), _) => each.iter().map(|each| each * size).collect(),
        (None, Some(scale)) => {
            let row = |j: usize| (0..program.inputs).map(move |k| w[(j, k)]);
            let pair = |y: usize, j: usize| spread::Spread::exact(program.norm, row(y).zip(row(j)).map(|(a, b)| a - b));
            (0..count * count).map(|at| scale * pair(at / count, at % count)).collect()
        }
        (None, None) => vec![0.0; count * count],
    };
    mean_cost(program.rows, &program.held.outputs(w), &moves) + program.price * size
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    /// The program is convex, so a point from which no direction leads down is its optimum.
    #[test]
    fn the_step_of_a_layer_is_the_optimum_of_its_program(which in 0usize..420, seed in 0u64..1000, l in 0usize..3) {
        let mut case = case(which, seed);
        // With a limit the optimum is at its edge, and directions lead out of it.
        if case.settings.most.take().is_some() {
            case.settings.lipschitz_price = 0.02;
        }
        with_program(&case, l, 0.0, |program, start| {
            let point = Point { w: start.to_owned(), size: 1.05 * program.layer.ball.size(&program.plain(start)) };
            let found = newton::solve(program, point, (1e-5, 20_000), &mut |_| ControlFlow::Continue(())).unwrap();
            let least = plainly(program, &found.point.w);
            prop_assert!(least <= plainly(program, start) + 1e-9);
            // What says that it did not get there is no optimum; the next test counts these.
            if !found.solved {
                return Ok(());
            }
            // Where nothing holds the weights, the least value may be far away.
            let scale = plainly(program, start);
            let mut next = numbers(seed + 9);
            for trial in 0..300 {
                let far = 10f64.powi(-(trial % 5));
                let w = Mat::from_fn(start.nrows(), start.ncols(), |i, k| found.point.w[(i, k)] + far * next());
                let there = plainly(program, &w);
                prop_assert!(there >= least - 3e-4 * scale, "{there} {least} {scale} {}", found.solved);
            }
            for k in 0..start.ncols() {
                for i in 0..start.nrows() {
                    for t in [1e-3, -1e-3, 1e-2, -1e-2] {
                        let mut w = found.point.w.clone();
                        w[(i, k)] += t;
                        prop_assert!(plainly(program, &w) >= least - 3e-4 * scale, "{} {least}", found.solved);
                    }
                }
            }
            Ok(())
        })?;
    }
}

/// Four of five programs are solved to their gap of 1e-5; the others say that they are not.
#[test]
fn most_steps_of_layers_end_at_their_optimum() {
    let (mut all, mut solved) = (0, 0);
    for which in (0..420).step_by(11) {
        for l in 0..3 {
            let mut case = case(which, which as u64);
            if case.settings.most.take().is_some() {
                case.settings.lipschitz_price = 0.02;
            }
            with_program(&case, l, 0.0, |program, start| {
                let point = Point { w: start.to_owned(), size: 1.05 * program.layer.ball.size(&program.plain(start)) };
                let found = newton::solve(program, point, (1e-5, 20_000), &mut |_| ControlFlow::Continue(())).unwrap();
                all += 1;
                solved += usize::from(found.solved);
            });
        }
    }
    assert!(5 * solved >= 4 * all, "{solved} of {all}");
}

/// The last layer of one output with a price on its length: w = (C + ν I)⁻¹ c with ν = λ/(2‖w‖), found by bisection.
#[test]
fn the_last_layer_is_what_another_way_finds() {
    for seed in 0..5 {
        let network = chain("crelu", &[3, 4, 3, 1], seed);
        let data = rows(3, 40, 1, false, seed);
        let case = Case { network, data, settings: Settings { lipschitz_price: 0.1, ..Settings::default() } };
        with_program(&case, 2, 0.0, |program, start| {
            let n = program.inputs;
            let a = &program.held.given;
            let y = &case.data.y;
            let count = y.len() as f64;
            let mean = |of: &dyn Fn(usize) -> f64| (0..y.len()).map(of).sum::<f64>() / count;
            let means: Vec<f64> = (0..n).map(|k| mean(&|r| a[(k, r)])).collect();
            let middle = mean(&|r| y[r]);
            let c: Vec<f64> = (0..n).map(|k| mean(&|r| (a[(k, r)] - means[k]) * (y[r] - middle))).collect();
            let solved = |nu: f64| {
                let mut m = Mat::from_fn(n, n, |i, j| {
                    mean(&|r| (a[(i, r)] - means[i]) * (a[(j, r)] - means[j])) + if i == j { nu } else { 0.0 }
                });
                assert!(crate::dense::cholesky(&mut m));
                let mut x = Mat::from_fn(n, 1, |i, _| c[i]);
                crate::dense::solve_lower(m.as_ref(), x.as_mut());
                crate::dense::solve_lower_transposed(m.as_ref(), x.as_mut());
                x
            };
            let (mut low, mut high) = (1e-12_f64, 1e3_f64);
            for _ in 0..200 {
                let nu = (low * high).sqrt();
                let length = solved(nu).norm_l2();
                if nu > program.price / (2.0 * length) { high = nu } else { low = nu }
            }
            let w = solved(high);
            let bias = middle - (0..n).map(|k| w[(k, 0)] * means[k]).sum::<f64>();
            let best = Mat::from_fn(1, n + 1, |_, k| if k < n { w[(k, 0)] } else { bias });
            let point = Point { w: start.to_owned(), size: 1.05 * program.layer.ball.size(&program.plain(start)) };
            let found = newton::solve(program, point, (1e-6, 5000), &mut |_| ControlFlow::Continue(())).unwrap();
            let (least, other) = (plainly(program, &found.point.w), plainly(program, &best));
            assert!(
                found.solved && (least - other).abs() < 1e-4 * other && least >= other * (1.0 - 1e-9),
                "{least} {other}"
            );
        });
    }
}

/// The last two layers of relu units are polished as a shallow network on the features is.
#[test]
fn the_head_is_the_optimum_of_the_shallow_program_on_the_features() {
    let network = chain("relu", &[3, 5, 4, 1], 3);
    let data = rows(3, 60, 1, false, 3);
    let settings = Settings { bound: Bound::Lipsdp, lipschitz_price: 0.05, ..Settings::default() };
    let classes = settings.check_on(&network, &data).unwrap();
    let rows = Rows::of(&data, classes, &settings.loss);
    let bounds = Bounds::of(&network, &settings).unwrap();
    assert!(head::is_for(&network, &settings));
    let found =
        head::head(&network, &data, (&rows, &bounds), &settings, &mut || ControlFlow::Continue(())).unwrap().unwrap();
    let features = passes::given(&network, 1, &rows);
    let features = Dataset::new(features.transpose().to_owned(), data.y.clone(), None).unwrap();
    let of = |network: &Network| {
        let (layers, _) = network.clone().into_parts();
        Network::new(layers[1..].to_vec(), None).unwrap().shallow("a test").unwrap()
    };
    let asked = crate::polish::Settings {
        lipschitz_price: settings.lipschitz_price * bounds.layers[0],
        ..crate::polish::Settings::of(crate::polish::Method::JOINT)
    };
    let best = crate::polish::polish(&of(&network), &features, &asked, &mut |_| ControlFlow::Continue(())).unwrap();
    let own = crate::polish::score(&of(&found), &features, &asked).unwrap();
    assert!(
        (own.objective - best.after.objective).abs() < 1e-5 * own.objective,
        "{} {}",
        own.objective,
        best.after.objective
    );
    assert_eq!(found.layers()[0], network.layers()[0]);
    assert_eq!(found.layers()[1].units(), 4);
}

#[test]
fn a_limit_that_the_network_breaks_is_kept_by_the_result() {
    let Case { network, data, .. } = case(0, 4);
    for bound in Bound::ALL {
        let settings = Settings { most: Some(0.2), bound, rounds: 2, ..Settings::default() };
        let polished = polish(&network, &data, &settings, &mut ended).unwrap();
        assert!(polished.before.bound > 0.2 && polished.after.bound <= 0.2);
        assert_eq!(polished.steps[0].what, What::Limit);
        assert!(polished.after.objective <= polished.steps[0].after);
    }
}

#[test]
fn it_ends_with_the_best_so_far_when_it_is_told_to() {
    let Case { network, data, settings } = case(84, 4);
    for most in [0, 1, 3, 10] {
        let mut heard = 0;
        let polished = polish(&network, &data, &settings, &mut |_| {
            heard += 1;
            if heard > most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
        assert_eq!(polished.ending, Ending::Stopped);
        assert!(polished.after.objective <= polished.before.objective);
    }
    let stopped = Stop::when(|| true).during(|| polish(&network, &data, &settings, &mut ended)).unwrap();
    assert_eq!((&stopped.network, stopped.ending), (&network, Ending::Stopped));
}

#[test]
fn the_same_bytes_come_out_for_any_number_of_threads() {
    let Case { network, data, settings } = case(84 + 14, 8);
    let of = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| polish(&network, &data, &settings, &mut ended).unwrap())
    };
    assert_eq!(of(1), of(3));
}

#[test]
fn what_makes_no_sense_is_refused_with_what_would() {
    let Case { network, data, settings } = case(0, 1);
    let refused = |network: &Network, data: &Dataset, change: &dyn Fn(&mut Settings)| {
        let mut settings = settings.clone();
        change(&mut settings);
        polish(network, data, &settings, &mut ended).unwrap_err().what
    };
    let of = |change: &dyn Fn(&mut Settings)| refused(&network, &data, change);
    assert!(of(&|s| s.radius = f64::NAN).contains("`radius` is NaN"));
    assert!(of(&|s| s.lipschitz_price = -1.0).contains("`lipschitz_price` is -1"));
    assert!(of(&|s| s.tolerance = 0.0).contains("`tolerance` is 0"));
    assert!(of(&|s| s.most = Some(0.0)).contains("the largest bound is 0"));
    let lipsdp = |s: &mut Settings| (s.bound, s.lipschitz_price) = (Bound::Lipsdp, 0.1);
    assert!(of(&|s| (lipsdp(s), s.norm = Norm::One).1).contains("the norm is 1"));
    assert!(of(&|s| (lipsdp(s), s.radius = 0.1).1).contains("a radius and the bound `lipsdp`"));
    assert!(refused(&chain("maxmin", &[3, 4, 1], 1), &data, &lipsdp).contains("there is none"));
    assert!(of(&|s| s.loss = "logistic".parse().unwrap()).contains("takes the targets -1 and 1"));
    assert!(refused(&chain("relu", &[2, 4, 1], 1), &data, &|_| {}).contains("2 inputs but the data has 3"));
    assert!(refused(&chain("relu", &[3, 1], 1), &data, &|_| {}).contains("no hidden layer"));
    let classes = chain("relu", &[3, 4, 3], 1);
    assert!(refused(&classes, &data, &|_| {}).contains("the loss is `squared`"));
    assert!(refused(&classes, &data, &|s| s.loss = "logistic".parse().unwrap()).contains("has 3 classes"));
    let linear = Network::new(network.layers().to_vec(), Some(Mat::zeros(1, 3))).unwrap();
    assert!(refused(&linear, &data, &|_| {}).contains("linear part"));
    let huge = Mat::from_fn(1, 4, |_, _| 1e300);
    let (mut layers, _) = network.clone().into_parts();
    layers[2] = Layer::new(huge, vec![0.0], Activation::identity());
    let huge = Network::new(layers, None).unwrap();
    assert!(refused(&huge, &data, &|_| {}).contains("the objective of the network is"));
    assert!("path".parse::<Bound>().unwrap_err().hint.contains("lipsdp"));
}

#[test]
fn a_ball_holds_what_is_smaller_than_its_size() {
    let mut next = numbers(1);
    for norm in NORMS {
        for (m, n) in [(1, 4), (4, 1), (3, 5), (5, 3)] {
            let w = Mat::from_fn(m, n, |_, _| next());
            let ball = Ball::plain(norm);
            let size = ball.size(&w);
            let proved = crate::certify::layer_norm_upper_bound(w.as_ref(), norm);
            assert!((size / proved - 1.0).abs() < 1e-6, "{size} {proved}");
            assert!(ball.at(&w, 1.001 * size, 1e-9).is_some() && ball.at(&w, 0.999 * size, 1e-9).is_none());
        }
    }
}
