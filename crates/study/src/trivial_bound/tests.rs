use super::*;
use crate::claims::Claim;
use crate::experiment::{Journal, Task, Trials};
use std::ops::ControlFlow;
use tautnet::shown::shortened;
use tautnet::{Dataset, Norm};
use tautnet_tables::atomic::Existing;

const FILE: &str = include_str!("../../../../experiments/trivial-bound.toml");

/// Three classes, told apart by two waves.
fn classes(n: usize, seed: u64) -> Sample {
    let data = crate::toy::toy(n, 2, seed);
    let y = data.y.iter().map(|y| if *y > 0.3 { 2.0 } else { f64::from(u8::from(*y > -0.3)) }).collect();
    Sample { rows: Dataset::new(data.x, y, None).unwrap(), held_out: None, classes: 3 }
}

fn smoke() -> Plan {
    parse("t", FILE, "smoke").unwrap().plan
}

fn run(plan: &Plan, sample: &Sample, task: Task) -> Vec<Row> {
    let data = std::slice::from_ref(sample);
    trial(plan, data, task, &|| 0.0, &|| ControlFlow::Continue(())).unwrap().unwrap()
}

/// As text, for what is not measured has numbers that equal nothing.
fn text(plan: &Plan, rows: &[Row]) -> String {
    plan.to_csv(rows, "f00", true)
}

#[test]
fn the_file_that_comes_with_the_program_is_good_in_every_tier() {
    // Networks: in each norm every map by three methods, and a plain one.
    for (tier, trials, networks) in [("smoke", 1, 10), ("quick", 1, 40), ("paper", 5, 40), ("high", 3, 40)] {
        let experiment = parse("t", FILE, tier).unwrap();
        assert!(experiment.choices.iter().flatten().all(|word| !word.is_empty()));
        let plan = &experiment.plan;
        assert_eq!((plan.settings.data.len(), plan.settings.trials, plan.arms().len()), (1, trials, networks));
        assert_eq!(plan.tasks().len() as u64, 1 + trials * networks as u64);
        let value = |name: &str| experiment.choices.iter().find(|choice| choice[0] == name).unwrap()[1].clone();
        assert_eq!(value("passes"), plan.settings.passes.to_string());
        assert!(value("norms").starts_with("bound trivial, held 0."), "{}", value("norms"));
    }
}

#[test]
fn what_is_wrong_in_a_file_is_told() {
    for (from, to, what) in [
        ("[tiers.smoke]", "[tiers.smok]", "t.toml has no tier `smoke`"),
        ("trials = 1\nlayers", "trials = 0\nlayers", "`trials` is 0"),
        ("value = 0.3", "value = 1.5", "`held_out` is 1.5"),
        ("value = 0.002", "value = nan", "`rate` is NaN"),
        ("value = 0.6", "value = 2.0", "`ramp` is 2"),
        ("layers = [8, 8]", "layers = []", "the layers are []"),
        ("layers = [8, 8]", "layers = [8, 0]", "the layers are [8, 0]"),
        ("passes = 20\nbatch", "passes = 0\nbatch", "`epochs` is 0"),
        ("batch = 16", "batch = \"a\"", "expected usize"),
        ("batch = 16", "badge = 16", "unknown field `badge`"),
        ("jacobians = 100\nnorms", "jacobians = 0\nnorms", "`jacobians` is 0"),
        ("radii = [0.1, 0.3] }", "radii = [0.3, 0.1] }", "the radii [0.3, 0.1] of the norm 2 do not increase"),
        ("radii = [0.1, 0.3] }", "radii = [] }", "the radii [] of the norm 2 do not increase"),
        ("radii = [0.1, 0.3] }", "radii = [-0.1] }", "`radii` is -0.1"),
        ("radius = 0.2, ", "radius = inf, ", "`radius` is inf"),
        (
            "price = 0.02, held = 0.02, bound = \"trivial\", radius = 0.2",
            "price = -1, held = 0.02, bound = \"trivial\", radius = 0.2",
            "`price` is -1",
        ),
        ("bound = \"trivial\", radius = 0.2", "bound = \"bound\", radius = 0.2", "there is no bound \"bound\""),
        (
            "{ norm = \"2\", price = 0.02, held = 0.02, bound = \"trivial\", radius = 0.2",
            "{ norm = \"3\", price = 0.02, held = 0.02, bound = \"trivial\", radius = 0.2",
            "there is no norm called `3`",
        ),
        ("map = \"relu\", norms = [\"2\"]", "map = \"relu\", norms = [\"1\"]", "the norm `1`, which `norms` has not"),
        ("map = \"relu\", norms = [\"2\"]", "map = \"rely\", norms = [\"2\"]", "`plain` asks for `relu`"),
        ("map = \"abs\", norms = [\"2\", \"inf\"]", "map = \"abz\", norms = [\"2\", \"inf\"]", "abz"),
        ("map = \"abs\", norms = [\"2\", \"inf\"]", "map = \"relu\", norms = [\"2\"]", "the map `relu` is named twice"),
        ("[choices.seed]\nvalue", "[choices.seed]\nvalve", "unknown field `valve`"),
    ] {
        assert!(FILE.contains(from), "{from}");
        let error = parse("t.toml", &FILE.replace(from, to), "smoke").unwrap_err();
        assert!(error.what.contains(what) && error.what.starts_with("t.toml"), "{what}: {error:?}");
    }
    let mut plan = smoke();
    plan.settings.maps.clear();
    plan.settings.plain.clear();
    assert!(plan.check().unwrap_err().what.contains("has no network"));
}

/// The constant by the naive twin: differences over a grid of one or two inputs. And U is what the table says.
#[test]
fn the_constants_of_the_examples_are_those_of_their_functions() {
    let grid: Vec<f64> = (-400..400).map(|k| f64::from(k) / 32.0 + 1.0 / 64.0).collect();
    for example in examples().unwrap() {
        let network = &example.network;
        let points: Vec<Vec<f64>> = match network.inputs() {
            1 => grid.iter().map(|x| vec![*x]).collect(),
            _ => grid.iter().step_by(31).flat_map(|x| grid.iter().step_by(37).map(|y| vec![*x, *y])).collect(),
        };
        for &norm in example.norms {
            let slope = |x: &Vec<f64>| {
                let jacobian = network.jacobian(x);
                let column = |k: usize| norm.of(jacobian.col_as_slice(k));
                let row = |j: usize| (0..jacobian.ncols()).map(|k| jacobian[(j, k)].abs()).sum::<f64>();
                match norm {
                    Norm::One => (0..jacobian.ncols()).map(column).fold(0.0, f64::max),
                    Norm::Infinity => (0..jacobian.nrows()).map(row).fold(0.0, f64::max),
                    // Diagonal, or of one column or row.
                    Norm::Two if jacobian.ncols() == 1 => column(0),
                    Norm::Two => (0..2).map(|k| jacobian[(k, k)].abs()).fold(0.0, f64::max),
                }
            };
            let steepest = points.iter().map(slope).fold(0.0, f64::max);
            let off = (steepest - example.exact).abs();
            assert!(off <= 2e-3 * example.exact, "{} {norm:?}: {steepest}", example.obstruction);
            let bound = tautnet::certify::trivial_bound(network, norm).bound;
            match example.role {
                Role::Cure => assert!(bound <= example.exact * (1.0 + 1e-12), "{}: {bound}", example.obstruction),
                Role::Obstruction => assert!(bound >= 1.4 * example.exact, "{}: {bound}", example.obstruction),
            }
        }
    }
}

#[test]
fn cures_of_dead_units_and_of_weights_are_the_same_functions() {
    let all = examples().unwrap();
    let mut compared = 0;
    for cure in all.iter().filter(|example| example.role == Role::Cure && example.obstruction != "biases") {
        let same = |other: &&Example| other.role == Role::Obstruction && other.obstruction == cure.obstruction;
        let obstruction = all.iter().find(same).unwrap();
        for k in 0..200 {
            let x: Vec<f64> =
                (0..cure.network.inputs()).map(|j| f64::from((k * (7 + j as i32)) % 41 - 20) / 8.0).collect();
            assert_eq!(cure.network.values(&x), obstruction.network.values(&x), "{} at {x:?}", cure.obstruction);
            compared += 1;
        }
    }
    assert_eq!(compared, 600);
}

#[test]
fn the_search_finds_the_constants_of_the_examples() {
    let plan = smoke();
    let rows = run(&plan, &classes(40, 1), plan.tasks()[0]);
    assert_eq!(rows.len(), plan.rows_of(plan.tasks()[0]));
    for row in &rows {
        assert!(row.is_example() && row.found <= row.exact && row.exact <= row.bound, "{row:?}");
        assert!(row.found >= row.exact * (1.0 - 1e-6), "{row:?}");
    }
    let bound = |name: &str, map: &str, norm: &str| {
        rows.iter().find(|row| (&*row.data, &*row.map, &*row.norm) == (name, map, norm)).unwrap().bound
    };
    for norm in ["2", "1", "inf"] {
        assert!((bound("dead units", "relu", norm) - 8.0).abs() < 1e-9);
        assert!((bound("biases", "abs", norm) - 4.0).abs() < 1e-9);
        assert!((bound("ill-conditioned weights", "abs", norm) - 8.0).abs() < 1e-9);
    }
    assert!((bound("dead units (two outputs)", "relu", "2") - 2.0_f64.sqrt()).abs() < 1e-9);
    assert!((bound("dead units (two outputs)", "relu", "1") - 2.0).abs() < 1e-9);
}

#[test]
fn trials_measure_what_they_say_and_repeat_themselves() {
    let plan = smoke();
    let sample = classes(90, 3);
    let mut all = Vec::new();
    for task in plan.tasks() {
        let rows = run(&plan, &sample, task);
        assert_eq!(text(&plan, &rows), text(&plan, &run(&plan, &sample, task)), "the same seed");
        let places: Vec<_> = rows.iter().map(|row| plan.place(row).unwrap()).collect();
        assert_eq!(places, (0..plan.rows_of(task)).map(|at| (task, at)).collect::<Vec<_>>());
        assert!(rows.iter().all(|row| !row.failed()), "{rows:#?}");
        all.extend(rows);
    }
    let theorems: Vec<Claim> = claims(&all).into_iter().filter(|claim| claim.theorem).collect();
    assert_eq!(theorems.len(), 3);
    let told: Vec<&String> = theorems.iter().map(|claim| &claim.text).collect();
    assert!(theorems.iter().all(|claim| claim.holds == Some(true)), "{told:?}");
    let networks: Vec<&Row> = all.iter().filter(|row| !row.is_example()).collect();
    assert_eq!(networks.len(), 11, "the plain network in two norms, nine others");
    // A price makes the bound smaller than that of the network which knows of none.
    let of = |method: &str| networks.iter().find(|row| (&*row.method, &*row.map, &*row.norm) == (method, "relu", "2"));
    assert!(of("price").unwrap().bound < of("plain").unwrap().bound);
    // Where nothing is left to measure, nothing is claimed.
    assert!(claims(&[])[0].holds.is_none());
    // A contradiction is told.
    let last = all.len() - 1;
    all[last].proved[1] = 1.5;
    assert_eq!(claims(&all)[2].holds, Some(false));
    all[last].found = 2.0 * all[last].bound;
    assert_eq!(claims(&all)[0].holds, Some(false));
}

#[test]
fn means_leave_out_what_failed() {
    let plan = smoke();
    let rows = run(&plan, &classes(60, 4), Task { data: 1, arm: 1, trial: 0 });
    let other = Row { trial: 1, bound: 3.0 * rows[0].bound, ..rows[0].clone() };
    let failed =
        Row { trial: 2, proved: Vec::new(), radii: Vec::new(), ending: "failed: no".into(), ..rows[0].clone() };
    let means = means(&[failed, rows[0].clone(), other]);
    assert_eq!((means.len(), means[0].trials, means[0].failed), (1, 2, 1));
    assert!((means[0].row.bound - 2.0 * rows[0].bound).abs() < 1e-9 * rows[0].bound);
    assert_eq!(means[0].row.proved, rows[0].proved);
}

#[test]
fn a_class_without_a_place_among_the_outputs_is_a_failure_that_is_told() {
    let plan = smoke();
    let sample = Sample { classes: 2, ..classes(60, 5) };
    let rows = run(&plan, &sample, Task { data: 1, arm: 1, trial: 0 });
    assert!(rows[0].failed() && rows[0].ending.contains("a class is 2") && rows[0].bound.is_nan(), "{rows:?}");
}

#[test]
fn an_interrupted_trial_has_no_rows_and_a_cut_file_goes_on() {
    let plan = smoke();
    let sample = classes(60, 5);
    let tasks = plan.tasks();
    for task in &tasks[..2] {
        let data = std::slice::from_ref(&sample);
        assert!(trial(&plan, data, *task, &|| 0.0, &|| ControlFlow::Break(())).unwrap().is_none());
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.csv");
    let of_tasks: Vec<Vec<Row>> = tasks.iter().map(|task| run(&plan, &sample, *task)).collect();
    let finish = || {
        let mut journal = Journal::open(&path, &plan, "f00", Existing::Refuse).unwrap();
        let left: Vec<usize> = (0..tasks.len()).rev().filter(|&k| !journal.has(tasks[k])).collect();
        left.iter().for_each(|&k| journal.append(tasks[k], of_tasks[k].clone()).unwrap());
        (left.len(), journal.close().unwrap())
    };
    assert_eq!(finish().0, tasks.len());
    let whole = std::fs::read(&path).unwrap();
    for cut in [whole.len() / 4, whole.len() / 2, whole.len() - 3] {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let (left, rows) = finish();
        assert!(left > 0);
        assert_eq!(std::fs::read(&path).unwrap(), whole);
        assert_eq!(plan.to_csv(&rows, "f00", true).as_bytes(), whole);
    }
    std::fs::write(&path, "a,b\n").unwrap();
    let other = Journal::open(&path, &plan, "f00", Existing::Refuse).unwrap_err();
    assert!(other.what.contains("does not name the columns"), "{other:?}");
}

/// The numbers of the page are those of the rows that are kept.
#[test]
fn the_page_has_the_numbers_of_the_rows() {
    let read = |name: &str| std::fs::read_to_string(format!("{}/../../{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let page = read("docs/third-paper.md");
    let plan = parse("t", FILE, "quick").unwrap().plan;
    let rows = read("experiments/measured/trivial-bound-quick.csv");
    let rows: Vec<Row> = plan.read_csv("quick", &rows).unwrap().into_iter().map(|(_, row)| row).collect();
    assert!(rows.iter().all(|row| plan.place(row).is_some()));
    assert!(claims(&rows).iter().all(|claim| !claim.theorem || claim.holds != Some(false)));
    let [above, below] = [true, false].map(|up| move |value: f64| shortened(value, 4, up));
    let share = |share: f64| format!("{:.1}", 100.0 * share);
    let of_examples = rows.iter().filter(|row| row.is_example()).map(|row| {
        let Row { data, method, map, norm, found, exact, bound, .. } = row;
        format!("| {data} | {method} | {map} | {norm} | {} | {exact} | {} |", below(*found), above(*bound))
    });
    let networks = means(&rows).into_iter().map(|mean| {
        let Row { norm, method, map, clean, bound, found, proved, .. } = mean.row;
        let proved = proved.into_iter().map(share).collect::<Vec<_>>().join(" | ");
        let [bound, found, ratio] = [above(bound), below(found), above(mean.ratio)];
        format!("| mnist | {norm} | {method} | {map} | {} | {proved} | {bound} | {found} | {ratio} |", share(clean))
    });
    let found: Vec<String> = of_examples.chain(networks).collect();
    let starts = ["| dead units", "| biases |", "| ill-conditioned", "| mnist |"];
    let told: Vec<&str> = page.lines().filter(|line| starts.iter().any(|start| line.starts_with(start))).collect();
    let missing: Vec<&String> = found.iter().filter(|line| !told.contains(&line.as_str())).collect();
    let lines = missing.iter().map(|line| format!("{line}\n")).collect::<String>();
    assert!(missing.is_empty(), "not in the page:\n{lines}");
    assert_eq!(told.len(), found.len(), "the page has lines that no rows have");
}
