//! Identities of the summaries on rows made by hand, files that survive an interrupt, and trials that are what they say.

use super::*;
use crate::toy::toy;
use proptest::prelude::*;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use tautnet::Dataset;
use tautnet::Shallow;
use tautnet::polish::Penalty;
use tautnet::train::{Admm, Descent};
use tautnet_tables::atomic::Existing;

fn row(data: &str, trial: u64, method: &str, objective: f64, attacked: &[f64]) -> Row {
    Row {
        data: data.into(),
        trial,
        base: "sgd".into(),
        method: method.into(),
        lipschitz_price: 0.01,
        decay: 0.0,
        objective,
        loss: 0.5 * objective,
        bound: 2.0 * objective,
        weights: 1.0,
        units: 3,
        clean: attacked.first().copied().unwrap_or(0.25),
        attacked: attacked.to_vec(),
        right: Vec::new(),
        seconds: 0.125,
        ending: "solved, \"as asked\"".into(),
    }
}

fn plan(methods: &[&str]) -> Plan {
    let methods: Vec<_> = methods.iter().map(|name| method(name).unwrap()).collect();
    let arm = |name, lipschitz, decay| Arm {
        base: base(name).unwrap(),
        methods: methods.clone(),
        lipschitz_price: lipschitz,
        decay,
    };
    Plan {
        data: vec!["a".into(), "b".into()],
        trials: 2,
        arms: vec![arm("sgd", 0.05, 0.0), arm("sgd", 0.0, 0.02), arm("pgd", 0.05, 0.0), arm("admm", 0.05, 0.0)],
        settings: Settings {
            units: 6,
            radii: vec![0.0, 0.3],
            descent: Descent { epochs: 30, ..Descent::default() },
            admm: Admm { steps: 50, iterations: 3, ..Admm::default() },
            ..Settings::default()
        },
    }
}

fn run(plan: &Plan, data: &Dataset, task: Task) -> Vec<Row> {
    let problem = Problem::split(&plan.data[task.data], &data.clone().into(), &plan.settings, task.trial).unwrap();
    let arm = &plan.arms[task.arm];
    trial(&problem, arm, &plan.settings, &|| 0.0, &|| ControlFlow::Continue(())).unwrap()
}

#[test]
fn reductions_are_those_of_the_statistics() {
    let rows = [
        row("a", 0, "base", 4.0, &[]),
        row("a", 0, "joint", 3.0, &[]),
        row("a", 1, "base", 2.0, &[]),
        row("a", 1, "joint", 1.9, &[]),
        row("a", 2, "base", 10.0, &[]),
        Row { ending: "failed: no".into(), objective: f64::NAN, ..row("a", 2, "joint", 0.0, &[]) },
        row("b", 0, "base", 1.0, &[]),
        row("b", 0, "joint", 1.5, &[]),
    ];
    let found = reductions(&rows);
    assert_eq!(found.len(), 2);
    let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
    assert_eq!((found[0].trials, found[0].failed), (2, 1));
    near(found[0].min, 100.0 * (1.0 - 1.9 / 2.0));
    near(found[0].max, 100.0 * (1.0 - 3.0 / 4.0));
    near(found[0].mean, 100.0 * (1.0 - 4.9 / 6.0));
    near(found[0].least, 100.0 * (1.0 - 1.9 / 2.0));
    near(found[1].mean, -50.0);
}

#[test]
fn where_no_trial_counts_there_are_no_numbers() {
    let failed = Row { ending: "failed: no".into(), objective: f64::NAN, ..row("a", 0, "joint", 0.0, &[]) };
    let found = reductions(&[row("a", 0, "base", 4.0, &[]), failed]);
    assert_eq!((found.len(), found[0].trials, found[0].failed), (1, 0, 1));
    let Reduction { min, max, mean, least, seconds, .. } = found[0];
    assert!([min, max, mean, least, seconds].iter().all(|value| value.is_nan()), "{found:?}");
}

#[test]
fn pairs_are_of_one_trial_and_count_where_all_three_have_an_objective() {
    let failed = |trial, method| Row { objective: f64::NAN, ..row("a", trial, method, 0.0, &[]) };
    let rows = [
        row("a", 0, "base", 4.0, &[]),
        row("a", 0, "c-lip", 3.0, &[]),
        row("a", 0, "joint", 2.0, &[]),
        row("a", 1, "base", 10.0, &[]),
        failed(1, "c-lip"),
        row("a", 1, "joint", 9.0, &[]),
        failed(2, "base"),
        row("a", 2, "c-lip", 1.0, &[]),
        row("a", 2, "joint", 1.0, &[]),
        row("a", 3, "base", 1.0, &[]),
        row("a", 3, "c-lip", 1.0, &[]),
        Row { lipschitz_price: 0.1, ..row("a", 0, "joint", 7.0, &[]) },
    ];
    let points = |method, weaker| pairs(&rows, method, weaker).iter().map(Pair::points).collect::<Vec<_>>();
    assert_eq!(points("joint", "c-lip"), [Some(25.0), None, None]);
    assert_eq!(points("joint", Row::BASE), [Some(50.0), Some(10.0), None]);
    assert_eq!(points("c-lip", "joint"), [Some(-25.0), None, None]);
    assert_eq!(points("walk", "joint"), []);
}

/// One base at two prices is two arms, and named so.
#[test]
fn bands_of_two_prices_are_told_apart() {
    let at = |base: &str, lipschitz, decay| Row {
        base: base.into(),
        lipschitz_price: lipschitz,
        decay,
        ..row("a", 0, "joint", 1.0, &[1.0])
    };
    let titles = |rows: &[Row]| arms(&bands(rows)).into_iter().map(|(_, title)| title).collect::<Vec<_>>();
    assert_eq!(titles(&[at("sgd", 0.01, 0.0), at("pgd", 0.01, 0.0), at("sgd", 0.01, 0.0)]), ["SGD", "PGD"]);
    let rows = [at("sgd", 0.01, 0.0), at("sgd", 0.1, 0.0), at("sgd", 0.0, 0.1), at("mine", 0.1, 0.1)];
    let named = ["SGD at λ_L 0.01", "SGD at λ_L 0.1", "SGD at λ_w 0.1", "mine at λ_L 0.1, λ_w 0.1"];
    assert_eq!(titles(&rows), named);
    assert!(
        bands(&rows)
            .iter()
            .zip(&rows)
            .all(|(band, row)| (band.lipschitz_price, band.decay) == (row.lipschitz_price, row.decay))
    );
}

proptest! {
    /// Scaling every objective changes no reduction; a method that scales every base by a factor reduces all alike; the order of
    /// the rows is nobody's business.
    #[test]
    fn reductions_have_no_units(bases in proptest::collection::vec(0.1..9.0f64, 1..8), factor in 0.1..2.0f64, scale in 0.01..99.0f64) {
        let rows = |scale: f64| -> Vec<Row> {
            let of = |(trial, base): (usize, &f64)| {
                [row("a", trial as u64, "base", scale * base, &[]), row("a", trial as u64, "joint", scale * factor * base, &[])]
            };
            bases.iter().enumerate().flat_map(of).collect()
        };
        let mut backwards = rows(scale);
        backwards.reverse();
        for found in [reductions(&rows(1.0)), reductions(&backwards)] {
            for value in [found[0].min, found[0].max, found[0].mean, found[0].least] {
                prop_assert!((value - 100.0 * (1.0 - factor)).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn quantiles_are_between_the_ends_and_in_order(mut values in proptest::collection::vec(-9.0..9.0f64, 1..12), share in 0.0..1.0f64) {
        let found = quantile(&mut values, share);
        prop_assert!(values[0] <= found && found <= values[values.len() - 1]);
        prop_assert!(quantile(&mut values, 0.5 * share) <= found);
        let (mut shifted, mut doubled) = (values.clone(), values.repeat(2));
        shifted.iter_mut().for_each(|value| *value += 3.0);
        prop_assert!((quantile(&mut shifted, share) - found - 3.0).abs() < 1e-12);
        prop_assert!((quantile(&mut doubled, 0.5) - quantile(&mut values, 0.5)).abs() < 1e-12);
    }
}

#[test]
fn the_winner_has_the_lowest_median_over_radii_of_medians_over_trials() {
    // Medians over trials: base 1, 2, 6; c-lip 3, 3, 3; joint 2, 2, 2.
    let rows = [
        row("a", 0, "base", 1.0, &[1.0, 2.0, 6.0]),
        row("a", 0, "c-lip", 1.0, &[3.0, 3.0, 3.0]),
        row("a", 0, "joint", 1.0, &[0.0, 0.0, 0.0]),
        row("a", 1, "joint", 1.0, &[2.0, 2.0, 2.0]),
        row("a", 2, "joint", 1.0, &[5.0, 6.0, 7.0]),
    ];
    let found = bands(&rows);
    assert_eq!(found.iter().map(Band::score).collect::<Vec<_>>(), [2.0, 3.0, 2.0]);
    assert_eq!(found[2].attacked[0], Spread { lower: 1.0, median: 2.0, upper: 3.5 });
    let all: Vec<&Band> = found.iter().collect();
    assert_eq!(winner(&all), None, "two are equal");
    assert_eq!(winner(&all[1..]).unwrap().method, "joint");
    assert_eq!(winner(&[]), None);
    assert!(bands(&[row("a", 0, "base", 1.0, &[])])[0].score().is_nan());
}

#[test]
fn every_name_has_one_entry() {
    for (name, title) in BASES.iter().map(|b| (b.name, b.title)).chain(METHODS.iter().map(|m| (m.name, m.title))) {
        assert!(!title.is_empty() && name != Row::BASE);
        assert_eq!(METHODS.iter().filter(|method| method.name == name).count().max(1), 1);
    }
    assert!(method("jiont").unwrap_err().hint.contains("joint"));
    assert!(base("sdg").unwrap_err().hint.contains("sgd"));
}

#[test]
fn rows_read_back_as_they_were_written() {
    let radii = [0.0, 0.1];
    let mut rows = vec![row("a,b", 3, "c-lip", 1.0 / 3.0, &[1e-9, 2.5e7])];
    rows.push(Row { bound: f64::INFINITY, ending: "failed: a\nb".into(), ..row("z", 0, "base", 0.1, &[0.1, 0.2]) });
    let text = rows_to_csv(&rows, "f00", Some(&radii));
    let read = rows_from_csv("t.csv", &text, &radii).unwrap();
    assert_eq!(read, rows.iter().map(|row| ("f00".to_owned(), row.clone())).collect::<Vec<_>>());
    let error = rows_from_csv("t.csv", &text, &[0.0]).unwrap_err();
    assert!(error.what.starts_with("t.csv: line 1 does not name the columns"), "{error:?}");
    let error = rows_from_csv("t.csv", &text.replace("c-lip,0.01", "c-lip,x"), &radii).unwrap_err();
    assert!(error.what.starts_with("t.csv: line 2 is no row"), "{error:?}");
}

/// Cut anywhere, the file gives whole trials only; and going on from it ends in the same bytes.
#[test]
fn a_run_that_was_cut_anywhere_goes_on_to_the_same_file() {
    let plan = plan(&["joint"]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.csv");
    let rows = |task: Task| {
        let arm = &plan.arms[task.arm];
        let of = |method: &str| Row {
            base: arm.base.name.into(),
            lipschitz_price: arm.lipschitz_price,
            decay: arm.decay,
            ..row(&plan.data[task.data], task.trial, method, 0.1 + task.trial as f64, &[0.5, 1.5])
        };
        vec![of("base"), of("joint")]
    };
    let tasks = plan.tasks();
    assert_eq!(tasks.len(), 16);
    let finish = |reversed: bool| {
        let mut journal = Journal::open(&path, &plan, "f00", Existing::Refuse).unwrap();
        let mut left: Vec<Task> = tasks.iter().copied().filter(|task| !journal.has(*task)).collect();
        if reversed {
            left.reverse();
        }
        let missing = left.len();
        left.into_iter().for_each(|task| journal.append(task, rows(task)).unwrap());
        let rows = journal.close().unwrap();
        assert_eq!(rows.len(), 32);
        missing
    };
    assert_eq!(finish(true), 16);
    let whole = std::fs::read(&path).unwrap();
    assert_eq!(finish(false), 0, "nothing is left to do");
    assert_eq!(std::fs::read(&path).unwrap(), whole);
    for cut in (0..whole.len()).step_by(97).chain([whole.len() - 1]) {
        std::fs::write(&path, &whole[..cut]).unwrap();
        assert!(finish(cut % 2 == 0) > 0);
        assert_eq!(std::fs::read(&path).unwrap(), whole, "cut at {cut}");
    }
    let error = Journal::open(&path, &plan, "f01", Existing::Refuse).unwrap_err();
    assert!(error.what.ends_with("holds rows of other settings: f00 where these are f01"), "{error:?}");
    assert_eq!(std::fs::read(&path).unwrap(), whole);
    assert!(!Journal::open(&path, &plan, "f01", Existing::Replace).unwrap().has(tasks[0]));
}

/// The theorems, on recomputed numbers: no convex method is worse than its base, and (J) is at least as good as (12).
#[test]
fn trials_measure_what_they_say() {
    let mut plan = plan(&["c-l2", "c-lip", "joint", "admm", "walk", "relu-al", "gated", "samp-l2"]);
    // In one of the arms two methods cannot but fail, which trials outlive.
    plan.check().unwrap_err();
    let data = toy(60, 2, 3);
    let tasks = plan.tasks();
    for &task in tasks.iter().filter(|task| task.data == 0) {
        let rows = run(&plan, &data, task);
        // As text, for what failed has numbers that equal nothing.
        let text = |rows: &[Row]| rows_to_csv(rows, "", None);
        assert_eq!(text(&rows), text(&run(&plan, &data, task)), "the same seed");
        assert_eq!(rows.len(), plan.rows_of(task));
        assert!(rows.iter().all(|row| plan.place(row).is_some_and(|(own, _)| own == task)));
        let arm = &plan.arms[task.arm];
        for row in &rows {
            let objective = row.loss + arm.lipschitz_price * row.bound + arm.decay * row.weights;
            assert!(row.failed() || (row.objective - objective).abs() < 1e-12 * objective, "{row:?}");
            assert!(row.failed() || (row.attacked[0] - row.clean).abs() < 1e-12 && row.attacked[1] >= row.clean);
        }
        let objective = |method: &str| rows.iter().find(|row| row.method == method).unwrap().objective;
        let (c_l2, al) = (&rows[1], &rows[6]);
        let sum = |row: &Row| row.loss + 0.02 * row.weights;
        if arm.decay == 0.02 {
            assert!((sum(c_l2) - sum(al)).abs() < 1e-5 * sum(c_l2), "two methods for one program: {c_l2:?} {al:?}");
        }
        if arm.lipschitz_price > 0.0 {
            assert!(objective("walk") <= objective("joint") * (1.0 + 1e-6), "{rows:?}");
            assert!(objective("c-lip") <= objective("base") && objective("joint") <= objective("base"));
            assert!(objective("joint") <= objective("c-lip") * (1.0 + 1e-6), "{rows:?}");
        } else {
            assert!(objective("c-l2") <= objective("base"));
            // There is nothing to alternate between without a price: that method fails alone.
            assert!(rows[2].failed() && rows[2].objective.is_nan() && !rows[3].failed(), "{rows:?}");
        }
    }
    // ADMM is never worse in the objective that it has, nor in the one that its own is an upper bound of.
    for penalty in [Penalty::L, Penalty::LSquared] {
        plan.settings.polish.penalty = penalty;
        let rows = run(&plan, &data, Task { data: 0, arm: 0, trial: 1 });
        assert!(rows[4].method == "admm" && rows[4].objective <= rows[0].objective * (1.0 + 1e-9), "{rows:?}");
    }
    assert_ne!(run(&plan, &data, tasks[0])[0].objective, run(&plan, &data, tasks[tasks.len() - 1])[0].objective);
}

#[test]
fn a_trial_that_is_ended_has_no_rows() {
    let (plan, data) = (plan(&["joint"]), toy(40, 2, 1).into());
    let problem = Problem::split("a", &data, &plan.settings, 0).unwrap();
    let asked = AtomicUsize::new(0);
    let go_on = || match asked.fetch_add(1, Ordering::SeqCst) {
        0..40 => ControlFlow::Continue(()),
        _ => ControlFlow::Break(()),
    };
    assert_eq!(trial(&problem, &plan.arms[0], &plan.settings, &|| 0.0, &go_on), None);
}

#[test]
fn plans_that_cannot_be_run_say_why() {
    let good = plan(&["joint"]);
    good.check().unwrap();
    let refused = |change: &dyn Fn(&mut Plan)| {
        let mut plan = good.clone();
        change(&mut plan);
        plan.check().unwrap_err().what
    };
    assert!(refused(&|plan| plan.trials = 0).contains("0 trials"));
    assert!(refused(&|plan| plan.data[1] = "a".into()).contains("`a` is named twice"));
    assert!(refused(&|plan| plan.arms[1].decay = -1.0).contains("`decay` is -1"));
    assert!(refused(&|plan| plan.settings.polish.rounds = 0).contains("`rounds` is 0"));
    assert!(refused(&|plan| plan.settings.polish.tol = 0.0).contains("`tol` is 0"));
    assert!(
        refused(&|plan| plan.settings.polish.norm = tautnet::Norm::One).contains("the norm `1` is for bounds only")
    );
    assert!(refused(&|plan| plan.settings.polish.max_lipschitz = Some(0.0)).contains("`max-lipschitz` is 0"));
    assert!(refused(&|plan| plan.settings.polish.multipliers = Some(vec![1.0])).contains("have multipliers"));
    assert!(refused(&|plan| plan.settings.adversarial_radius = -0.1).contains("`adversarial_radius` is -0.1"));
    assert!(refused(&|plan| plan.settings.adversarial_steps = 0).contains("`adversarial_steps` is 0"));
    assert!(refused(&|plan| plan.settings.admm.penalty = 0.0).contains("`admm_penalty` is 0"));
    assert!(refused(&|plan| plan.settings.admm.iterations = 0).contains("`admm_iterations` is 0"));
    let joint = method("joint").unwrap();
    assert_eq!(
        refused(&|plan| plan.arms[2].methods.push(joint)),
        "the method `joint` is named twice for `pgd`",
        "the journal would wait for a row that never comes"
    );
    assert!(refused(&|plan| plan.arms[3].lipschitz_price = 0.0).contains("starting network `admm` needs a price"));
    assert!(refused(&|plan| plan.arms[1] = plan.arms[0].clone()).contains("two arms start from `sgd`"));
    assert!(refused(&|plan| plan.settings.held_out = 1.0).contains("`held_out` is 1"));
    assert!(refused(&|plan| plan.settings.radii = vec![0.1, 0.1]).contains("do not increase"));
    assert!(refused(&|plan| plan.settings.units = 0).contains("`hidden_units` is 0"));
    assert!(refused(&|plan| plan.settings.descent.rate = 0.0).contains("`rate` is 0"));
    let data = toy(9, 2, 1);
    let sample = Sample::from(data.clone());
    let print = |plan: &Plan| plan.fingerprint("1", std::slice::from_ref(&sample));
    assert_eq!(print(&good), print(&good.clone()));
    let mut other = good.clone();
    other.settings.polish.rounds += 1;
    assert_ne!(print(&good), print(&other));
    assert_ne!(print(&good), good.fingerprint("2", std::slice::from_ref(&sample)));
    assert_ne!(print(&good), good.fingerprint("1", &[toy(9, 2, 2).into()]));
    let weighted = |weight: f64| Dataset { weights: Some(vec![weight; 9]), ..data.clone() };
    let prints = [data.clone(), weighted(1.0), weighted(2.0)].map(|data| good.fingerprint("1", &[data.into()]));
    assert!(prints[0] != prints[1] && prints[1] != prints[2] && prints[0] != prints[2], "{prints:?}");
    let split = |held_out: usize| {
        let marks = (0..9).map(|k| f64::from(u8::from(k == held_out))).collect();
        Sample::with_splits(data.clone(), &[marks]).unwrap()
    };
    let prints = [sample.clone(), split(0), split(1)].map(|sample| good.fingerprint("1", &[sample]));
    assert!(prints[0] != prints[1] && prints[1] != prints[2] && prints[0] != prints[2], "{prints:?}");
}

#[test]
fn given_splits_are_those_of_the_trials() {
    let (data, settings) = (toy(5, 2, 1), Settings::default());
    let marks = [vec![0.0, 1.0, 0.0, 0.0, 1.0], vec![1.0, 0.0, 0.0, 0.0, 0.0]];
    let sample = Sample::with_splits(data.clone(), &marks).unwrap();
    let problem = |trial| Problem::split("a", &sample, &settings, trial);
    let (first, second) = (problem(0).unwrap(), problem(1).unwrap());
    assert_eq!((first.held_out.rows(), second.held_out.rows()), (2, 1));
    let learned = tautnet::rows::Rows::of(&data).pick(&[0, 2, 3]);
    let scaler = tautnet::Scaler::fit(&learned).unwrap();
    assert_eq!(first.learned, scaler.standardize(&learned));
    assert_eq!(first.held_out, scaler.standardize(&tautnet::rows::Rows::of(&data).pick(&[1, 4])));
    assert!(problem(2).unwrap_err().what.contains("the trial 3 has no split: 2 are given"));
    for (marks, what) in [
        (vec![0.0, 1.0], "the split 1 has 2 rows and the data have 5"),
        (vec![0.0, 1.0, 0.5, 0.0, 0.0], "the split 1 has 0.5 in row 3"),
        (vec![0.0; 5], "the split 1 has all rows on one side"),
    ] {
        assert_eq!(Sample::with_splits(data.clone(), &[marks]).unwrap_err().what, what);
    }
}

/// `convex` is (J) with cells that can be left, and `robust` pays for errors in the inputs.
#[test]
fn soft_cells_are_no_worse_and_a_tolerance_makes_the_bound_smaller() {
    let data = toy(60, 2, 1);
    let mut plan = plan(&["joint", "convex", "robust"]);
    plan.settings.adversarial_radius = 0.5;
    let rows = run(&plan, &data, plan.tasks()[0]);
    assert!(rows.iter().all(|row| !row.failed()), "{rows:?}");
    assert!(rows[2].objective <= rows[1].objective * (1.0 + 1e-6), "{rows:?}");
    assert!(rows[3].bound < rows[2].bound && rows[3].loss > rows[2].loss, "{rows:?}");
}

/// A method is refused at the prices at which it fails, and at no other.
#[test]
fn what_is_refused_is_what_fails() {
    let data = toy(40, 2, 1);
    let changing: Vec<&Method> = METHODS.iter().filter(|method| !method.anew).collect();
    for (lipschitz, decay, start_decay, limit) in [
        (0.0, 0.02, 0.005, None),
        (0.0, 0.02, 0.005, Some(2.0)),
        (0.0, 0.02, 0.0, None),
        (0.05, 0.0, 0.005, None),
        (0.05, 0.0, 0.0, None),
        (0.0, 0.0, 0.0, None),
    ] {
        let mut plan = plan(&[]);
        plan.settings.descent.decay = start_decay;
        plan.settings.polish.max_lipschitz = limit;
        plan.arms =
            vec![Arm { base: base("sgd").unwrap(), methods: changing.clone(), lipschitz_price: lipschitz, decay }];
        let rows = run(&plan, &data, plan.tasks()[0]);
        for (method, row) in changing.iter().zip(&rows[1..]) {
            let refused = plan.settings.check_method(&plan.arms[0], method);
            let at = format!("λ_L {lipschitz}, λ_w {decay}, at the start {start_decay}, limit {limit:?}");
            assert_eq!(refused.is_err(), row.failed(), "{at}: {refused:?} {row:?}");
        }
        plan.arms[0] = Arm { base: base("admm").unwrap(), methods: vec![], ..plan.arms[0].clone() };
        let row = &run(&plan, &data, plan.tasks()[0])[0];
        assert_eq!(plan.check().is_err(), row.failed(), "{row:?}");
    }
}

/// Networks for an input error are made for the first radius above 0, and do not depend on the start.
#[test]
fn networks_for_an_input_error_do_not_depend_on_the_start() {
    let (data, names) = (toy(60, 2, 1), ["within-tolerance", "adversarial-tuned"]);
    let mut plan = plan(&names);
    let mut of = |start: &str, radius: f64| {
        plan.settings.radii = vec![0.0, radius, 0.5];
        plan.arms[0].base = base(start).unwrap();
        run(&plan, &data, plan.tasks()[0])
    };
    let (rows, other, small) = (of("sgd", 0.4), of("gaussian", 0.4), of("sgd", 0.01));
    for k in 1..=2 {
        assert!(!rows[k].failed() && rows[k].ending.starts_with("chosen"), "{rows:?}");
        assert_eq!((rows[k].attacked.clone(), rows[k].bound), (other[k].attacked.clone(), other[k].bound));
        // What is made for the larger error is better there and worse without one.
        assert!(rows[k].attacked[2] < small[k].attacked[2] && rows[k].clean > small[k].clean, "{rows:?} {small:?}");
    }
    // Without a radius there is no error to make them for.
    plan.settings.radii = vec![0.0];
    assert!(plan.check().unwrap_err().what.contains("needs a radius above 0"));
    let rows = run(&plan, &data, plan.tasks()[0]);
    assert!(rows[1].failed() && rows[2].failed());
}

#[test]
fn seeds_count_on_past_the_largest() {
    let mut plan = plan(&[]);
    let data = toy(40, 2, 1);
    plan.settings.seed = u64::MAX;
    let last = run(&plan, &data, Task { data: 0, arm: 0, trial: 1 });
    plan.settings.seed = 0;
    let first = run(&plan, &data, Task { data: 0, arm: 0, trial: 0 });
    assert_eq!(last[0].objective, first[0].objective);
}

/// ADMM's price on L² is λ over twice the bound of its starting network, which may be 0.
#[test]
fn admm_gives_a_constant_network_back() {
    let (mut plan, data) = (plan(&[]), toy(20, 2, 1));
    plan.settings.polish.penalty = Penalty::L;
    let constant = Shallow::new(faer::Mat::zeros(1, 2), vec![0.0], vec![0.0], 0.3).unwrap();
    let go_on = || ControlFlow::Continue(());
    let job =
        Job { data: &data, arm: &plan.arms[0], settings: &plan.settings, seed: 0, linear_part: false, go_on: &go_on };
    let applied = method("admm").unwrap().apply(&job, &constant).unwrap();
    assert_eq!((applied.network, &*applied.ending), (constant, "unchanged: the network is constant"));
}
