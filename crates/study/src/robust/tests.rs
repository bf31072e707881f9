use super::*;
use crate::admm::Groups;
use crate::rivals;
use crate::toy::toy;
use faer::Mat;
use std::ops::ControlFlow;
use tautnet::ending::Ending;
use tautnet::patterns::Patterns;
use tautnet::polish::{self, Method};
use tautnet::tolerance::{Shape, Tolerance};
use tautnet::unit::Unit;
use tautnet::{Dataset, Norm, Shallow, Stop};

fn go_on(_: &Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// The optimum of the program by the interior-point method.
fn judge(network: &Shallow, data: &Dataset, settings: &Settings) -> f64 {
    let shape = if settings.norm == Norm::Two { Shape::Ball } else { Shape::Box };
    let asked = polish::Settings {
        method: if settings.cells == Cells::Hard { Method::ROBUST_CELLS } else { Method::CONVEX },
        lipschitz_price: 0.0,
        decay: settings.decay,
        output_bias: settings.output_bias,
        loss: settings.loss.clone(),
        tolerance: Some(Tolerance::same(shape, &vec![settings.radius; data.columns()]).unwrap()),
        rounds: 1,
        ..Default::default()
    };
    let run = polish::polish(network, data, &asked, &mut |_| ControlFlow::Continue(())).unwrap();
    run.trace.last().unwrap().objective
}

fn classes(n: usize, d: usize, seed: u64) -> Dataset {
    let mut data = toy(n, d, seed);
    data.y.iter_mut().for_each(|y| *y = if *y > 0.0 { 1.0 } else { -1.0 });
    data
}

/// The gap that small runs are to reach.
const GAP: f64 = 2e-4;

fn settings(loss: &str, norm: Norm, cells: Cells) -> Settings {
    Settings { loss: loss.parse().unwrap(), norm, cells, decay: 0.01, tolerance: GAP, ..Settings::default() }
}

#[test]
fn it_has_the_optimum_of_the_interior_point_method() {
    let losses = ["hinge", "logistic", "squared-hinge", "squared", "absolute", "huber:0.5"];
    let mut told = 0;
    for (seed, loss) in losses.into_iter().enumerate() {
        for (norm, cells, output_bias) in [
            (Norm::Infinity, Cells::Soft, true),
            (Norm::Infinity, Cells::Hard, seed % 2 == 0),
            (Norm::Two, Cells::Soft, seed % 2 == 1),
            (Norm::Two, Cells::Hard, true),
        ] {
            let mut data = classes(40, 1 + seed, seed as u64);
            if seed == 5 {
                // Numbers, rows with weights, and one input of no use.
                data.y = toy(40, 1, 7).y;
                data.weights = Some((0..40).map(|k| 0.5 + (k % 3) as f64).collect());
                (0..40).for_each(|k| data.x[(k, 2)] = 0.0);
            }
            let network = rivals::gaussian(&data, 5, 3).unwrap();
            let groups = Groups::of(&network, &data).unwrap();
            let settings = Settings { output_bias, ..settings(loss, norm, cells) };
            let optimum = judge(&network, &data, &settings);
            let ours = robust(&groups, &data, &settings, &mut go_on).unwrap();
            let what =
                format!("{loss} {norm:?} {cells:?} {output_bias}: {} {} {optimum}", ours.objective, ours.lower_bound);
            assert_eq!(ours.ending, Ending::Solved, "{what}");
            assert!(ours.gap() <= GAP && ours.lower_bound <= optimum * (1.0 + 1e-7), "{what}");
            assert!(ours.objective >= optimum * (1.0 - 1e-6) && ours.objective <= optimum * (1.0 + GAP), "{what}");
            assert!(output_bias || ours.network.c() == 0.0);
            told += usize::from(ours.network.v() != [0.0]);
        }
    }
    // Most optima are no constants.
    assert!(told > 16, "{told}");
}

/// The objective by the formulas, at the labels, and the least room of a unit in its cell, relative to its length.
fn formulas(network: &Shallow, groups: &Groups, data: &Dataset, settings: &Settings) -> (f64, f64) {
    let units: Vec<(usize, Unit)> = Unit::of(network);
    // Every unit of the network is one of the groups, in their order: those with weights 0 are left out.
    let reach = |z: &[f64]| settings.radius * settings.norm.dual().of(z);
    let n = data.rows() as f64;
    let (mut loss, mut least) = (0.0, f64::INFINITY);
    for k in 0..data.rows() {
        let x = |j: usize| data.x[(k, j)];
        let (mut f, mut g, mut leaves) = (network.c(), vec![0.0; data.columns()], [0.0; 2]);
        for (i, unit) in &units {
            let h: f64 = unit.z.iter().enumerate().map(|(j, z)| z * x(j)).sum::<f64>() + unit.bias;
            let on = groups.patterns.unit(*i)[k];
            assert_eq!(unit.sign, groups.signs[*i]);
            if on {
                f += unit.sign * h;
                g.iter_mut().zip(&unit.z).for_each(|(g, z)| *g += unit.sign * z);
            }
            let room = if on { h } else { -h } - reach(&unit.z);
            least = least.min(room / unit.length());
            leaves[usize::from(unit.sign < 0.0)] += (-room).max(0.0);
        }
        let value = |f: f64| settings.loss.value(f, data.y[k]);
        loss += value(f + reach(&g) + leaves[0]).max(value(f - reach(&g) - leaves[1])) / n;
    }
    (loss + settings.decay * units.iter().map(|(_, unit)| unit.length()).sum::<f64>(), least)
}

/// In all norms, of which the interior-point method has two.
#[test]
fn the_objective_is_what_the_formulas_make_of_the_network_and_hard_cells_are_kept() {
    let data = classes(40, 3, 11);
    // Halves that the data have with room: so no unit is left out at a low price.
    let sides = |j: usize, at: f64| (0..40).map(|k| data.x[(k, j)] > at).collect::<Vec<bool>>();
    let patterns = Patterns::from_units(40, [vec![true; 40], sides(0, 0.0), sides(1, 0.3)]);
    let groups = Groups::both(&patterns);
    for norm in [Norm::One, Norm::Two, Norm::Infinity] {
        for cells in [Cells::Soft, Cells::Hard] {
            let settings = Settings { radius: 0.01, decay: 0.003, ..settings("logistic", norm, cells) };
            let ours = robust(&groups, &data, &settings, &mut go_on).unwrap();
            assert!(ours.ending == Ending::Solved && ours.gap() <= GAP, "{norm:?} {cells:?}");
            let kept: Vec<usize> = kept(&ours.network, &groups, &data, &settings);
            let groups = Groups {
                patterns: groups.patterns.pick(kept.iter().copied()),
                signs: kept.iter().map(|&i| groups.signs[i]).collect(),
            };
            let (objective, room) = formulas(&ours.network, &groups, &data, &settings);
            assert!((objective - ours.objective).abs() < 1e-9, "{norm:?} {cells:?}: {objective} {}", ours.objective);
            assert!(cells == Cells::Soft || room > -1e-11, "{norm:?}: {room}");
            assert!(!kept.is_empty());
        }
    }
}

/// Which groups the units are of: the only ones in order that give the objective least, by trying all.
fn kept(network: &Shallow, groups: &Groups, data: &Dataset, settings: &Settings) -> Vec<usize> {
    let (all, units) = (groups.signs.len(), network.units());
    let choices = (0..1usize << all).filter(|bits| bits.count_ones() as usize == units);
    let tried = choices.map(|bits| (0..all).filter(|i| bits >> i & 1 == 1).collect::<Vec<usize>>());
    let fits = |kept: &Vec<usize>| (0..units).all(|u| network.v()[u].signum() == groups.signs[kept[u]]);
    let value = |kept: &Vec<usize>| {
        let some = Groups {
            patterns: groups.patterns.pick(kept.iter().copied()),
            signs: kept.iter().map(|&i| groups.signs[i]).collect(),
        };
        formulas(network, &some, data, settings).0
    };
    tried.filter(fits).min_by(|a, b| value(a).total_cmp(&value(b))).unwrap()
}

/// A smaller set of perturbations costs less, and so do soft cells; without any, hard cells are those of weight decay.
#[test]
fn limits_are_what_they_must_be() {
    let data = classes(40, 2, 5);
    let network = rivals::gaussian(&data, 6, 3).unwrap();
    let groups = Groups::of(&network, &data).unwrap();
    let solve = |radius: f64, norm: Norm, cells: Cells| {
        robust(&groups, &data, &Settings { radius, ..settings("hinge", norm, cells) }, &mut go_on).unwrap()
    };
    for cells in [Cells::Soft, Cells::Hard] {
        let [one, two, infinity] = [Norm::One, Norm::Two, Norm::Infinity].map(|norm| solve(0.1, norm, cells));
        assert!(one.lower_bound <= two.objective && two.lower_bound <= infinity.objective);
        assert!(cells == Cells::Hard || one.objective < infinity.objective);
    }
    let (soft, hard) = (solve(0.1, Norm::Two, Cells::Soft), solve(0.1, Norm::Two, Cells::Hard));
    assert!(soft.objective < hard.objective);
    let exact = solve(0.0, Norm::Infinity, Cells::Hard);
    let plain = crate::admm::Settings { loss: "hinge".parse().unwrap(), decay: 0.01, ..Default::default() };
    let judge = crate::admm::admm(&groups, &data, &plain, &mut |_| ControlFlow::Continue(())).unwrap();
    assert!(
        (exact.objective - judge.objective).abs() < 3e-4 * judge.objective,
        "{} {}",
        exact.objective,
        judge.objective
    );
    // A high price leaves the output bias; rows of zeros too.
    let dear = Settings { decay: 100.0, ..settings("logistic", Norm::Two, Cells::Soft) };
    let dear = robust(&groups, &data, &dear, &mut go_on).unwrap();
    assert!(dear.network.v() == [0.0] && dear.ending == Ending::Solved);
    let empty = Dataset::new(Mat::zeros(40, 2), data.y.clone(), None).unwrap();
    let ours = robust(&groups, &empty, &settings("logistic", Norm::Infinity, Cells::Soft), &mut go_on).unwrap();
    assert!((ours.objective - dear.objective).abs() < 1e-4, "{} {}", ours.objective, dear.objective);
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let data = classes(300, 60, 3);
    let groups = Groups::both(&rivals::perturbed(&data, 40, 0.2, 1, 5).unwrap());
    for cells in [Cells::Soft, Cells::Hard] {
        let settings = Settings { iterations: 40, ..settings("logistic", Norm::Infinity, cells) };
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| robust(&groups, &data, &settings, &mut go_on).unwrap())
        };
        let one = run(1);
        assert!(
            one.iterations == 40 && matches!(&one.ending, Ending::Stopped(early) if early.to_string().contains("40"))
        );
        assert_eq!(one, run(3));
    }
}

#[test]
fn a_run_that_is_stopped_returns_the_best_so_far() {
    let data = classes(60, 2, 1);
    let groups = Groups::of(&rivals::gaussian(&data, 8, 7).unwrap(), &data).unwrap();
    let settings = Settings { tolerance: 1e-9, ..settings("hinge", Norm::Infinity, Cells::Soft) };
    let interrupted =
        |ending: &Ending| matches!(ending, Ending::Stopped(early) if early.to_string().contains("interrupted"));
    for looks in 1..8 {
        let mut left = looks;
        let mut counted = |_: &Progress| {
            left -= 1;
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let run = robust(&groups, &data, &settings, &mut counted).unwrap();
        let least = run.trace.iter().map(|told| told.objective).fold(f64::INFINITY, f64::min);
        assert!(run.trace.len() == looks && interrupted(&run.ending));
        assert!(run.objective <= least && run.objective == run.trace[looks - 1].best);
        assert!(run.lower_bound == run.trace[looks - 1].lower_bound && run.lower_bound <= run.objective);
    }
    // Told to stop before it begins: the best constant, and no loss is negative.
    Stop::when(|| true).during(|| {
        let run = robust(&groups, &data, &settings, &mut go_on).unwrap();
        assert!(run.iterations == 0 && interrupted(&run.ending) && run.network.v() == [0.0] && run.lower_bound == 0.0);
    });
}

#[test]
fn bad_input_is_refused_with_its_value() {
    let data = classes(10, 2, 1);
    let groups = Groups::of(&rivals::gaussian(&data, 3, 1).unwrap(), &data).unwrap();
    let refused = |settings: Settings| robust(&groups, &data, &settings, &mut go_on).unwrap_err().what;
    assert!(refused(Settings { radius: -1.0, ..Settings::default() }).contains("`radius` is -1"));
    assert!(refused(Settings { radius: f64::NAN, ..Settings::default() }).contains("NaN"));
    assert!(refused(Settings { decay: 0.0, ..Settings::default() }).contains("`decay` is 0"));
    assert!(refused(Settings { tolerance: 1.0, ..Settings::default() }).contains("tolerance"));
    assert!(refused(Settings { iterations: 0, ..Settings::default() }).contains("iterations"));
    assert!(
        refused(Settings { loss: "quantile:0.9".parse().unwrap(), ..Settings::default() }).contains("quantile:0.9")
    );
    let numbers = toy(10, 2, 1);
    let margin = Settings { loss: "hinge".parse().unwrap(), ..Settings::default() };
    assert!(robust(&groups, &numbers, &margin, &mut go_on).unwrap_err().what.contains("hinge"));
    let dead = Groups::both(&Patterns::from_units(10, [vec![false; 10]]));
    assert!(robust(&dead, &data, &margin, &mut go_on).unwrap_err().what.contains("no pattern is on"));
    let nine = Groups::both(&Patterns::from_units(9, [vec![true; 9]]));
    assert!(robust(&nine, &data, &margin, &mut go_on).unwrap_err().what.contains("9 rows"));
}
