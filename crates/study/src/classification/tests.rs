use super::*;
use crate::claims::Claim;
use crate::experiment::{Journal, Task, Trials};
use std::ops::ControlFlow;
use tautnet::Dataset;
use tautnet_tables::atomic::Existing;

const FILE: &str = include_str!("../../../../experiments/robust-classification.toml");

/// Two classes, told apart by a wave.
fn classes(n: usize, seed: u64) -> Sample {
    let data = crate::toy::toy(n, 2, seed);
    let y = data.y.iter().map(|y| if *y > 0.0 { 1.0 } else { -1.0 }).collect();
    Sample { rows: Dataset::new(data.x, y, None).unwrap(), held_out: None }
}

fn smoke() -> Plan {
    parse("r", FILE, "smoke").unwrap().plan
}

fn run(plan: &Plan, sample: &Sample, task: Task) -> Vec<Row> {
    trial(plan, sample, task, &|| 0.0, &|| ControlFlow::Continue(())).unwrap().unwrap()
}

/// As text, for what is not measured has numbers that equal nothing.
fn text(plan: &Plan, rows: &[Row]) -> String {
    plan.to_csv(rows, "f00", true)
}

#[test]
fn the_file_that_comes_with_the_program_is_good_in_every_tier() {
    for (tier, sets, trials) in [("smoke", 1, 2), ("quick", 2, 1), ("paper", 3, 3), ("high", 1, 1)] {
        let experiment = parse("r", FILE, tier).unwrap();
        assert!(experiment.choices.iter().flatten().all(|word| !word.is_empty()));
        let settings = &experiment.plan.settings;
        assert_eq!((settings.data.len(), settings.trials), (sets, trials));
        // Something is there to run on every machine.
        let built_in = tautnet_tables::builtin::table(&settings.data[0].data).unwrap().is_some();
        assert_eq!(built_in, tier != "high");
        let value = |name: &str| experiment.choices.iter().find(|choice| choice[0] == name).unwrap()[1].clone();
        assert_eq!(value("patterns"), settings.patterns.to_string());
        assert!(value("data").starts_with(&settings.data[0].data), "{}", value("data"));
    }
    assert_eq!(parse("r", FILE, "paper").unwrap().plan.settings.patterns, 36);
}

#[test]
fn what_is_wrong_in_a_file_is_told() {
    for (from, to, what) in [
        ("[tiers.smoke]", "[tiers.smok]", "r.toml has no tier `smoke`"),
        ("value = \"hinge\"", "value = \"squared\"", "the loss `squared` is for numbers"),
        ("value = \"hinge\"", "value = \"hing\"", "there is no loss `hing`"),
        ("value = 0.001", "value = -1", "`decay` is -1"),
        ("value = 0.25", "value = 1.5", "`held_out` is 1.5"),
        ("patterns = 4", "patterns = 0", "`patterns` is 0"),
        ("patterns = 4", "patterns = \"a\"", "expected usize"),
        ("patterns = 4", "pattern = 4", "unknown field `pattern`"),
        ("trials = 2", "trials = 0", "1 data sets and 0 trials"),
        ("radius = 0.2 }]", "radius = -0.2 }]", "`radius` is -0.2"),
        ("radius = 0.2 }]", "radius = 0.2, radios = 1 }]", "unknown field `radios`"),
        ("[choices.seed]\nvalue", "[choices.seed]\nvalve", "unknown field `valve`"),
        ("interior_gaps = [0.01, 1e-6]", "interior_gaps = [0.01, 2]", "`interior_gaps` is 2"),
        ("admm_iterations = [10, 100]", "admm_iterations = [0]", "`admm_iterations` is 0"),
        ("sampled_sweeps = [1, 10]", "sampled_sweeps = [0]", "`sampled_sweeps` is 0"),
    ] {
        assert!(FILE.contains(from), "{from}");
        let error = parse("r.toml", &FILE.replace(from, to), "smoke").unwrap_err();
        assert!(error.what.contains(what) && error.what.starts_with("r.toml"), "{what}: {error:?}");
    }
    let set = "{ name = \"breast\", data = \"breast\", standardized = true, radius = 0.2 }]";
    let twice = FILE.replace(set, &format!("{}, {set}", set.trim_end_matches(']')));
    assert!(parse("r", &twice, "smoke").unwrap_err().what.contains("`breast` is named twice"));
}

#[test]
fn trials_measure_what_they_say_and_repeat_themselves() {
    let plan = smoke();
    let sample = classes(80, 3);
    let mut all = Vec::new();
    for task in plan.tasks() {
        let rows = run(&plan, &sample, task);
        assert_eq!(text(&plan, &rows), text(&plan, &run(&plan, &sample, task)), "the same seed");
        let places: Vec<_> = rows.iter().map(|row| plan.place(row).unwrap()).collect();
        assert_eq!(places, (0..plan.rows_of(task)).map(|at| (task, at)).collect::<Vec<_>>());
        assert!(rows.iter().all(|row| !row.failed()), "{rows:#?}");
        all.extend(rows);
    }
    let claims = claims(&all);
    let theorems: Vec<&Claim> = claims.iter().filter(|claim| claim.theorem).collect();
    assert_eq!(theorems.len(), 3);
    assert!(
        theorems.iter().all(|claim| claim.holds == Some(true)),
        "{:?}",
        theorems.iter().map(|c| &c.text).collect::<Vec<_>>()
    );
    // The programs minimize what they are judged by: none is worse than the network whose patterns it has.
    for row in &all {
        let better = match row.method.as_str() {
            "soft-clean" => "gd-std",
            "soft-pgd" => "gd-pgd",
            _ => continue,
        };
        let start = all.iter().find(|other| other.method == better && other.trial == row.trial).unwrap();
        assert!(row.objective < start.objective, "{row:?} {start:?}");
    }
    // Where nothing is left to measure, nothing is claimed.
    assert!(super::claims(&[])[0].holds.is_none());
    // A contradiction is told.
    all[0].proved = 1.5;
    assert_eq!(super::claims(&all)[0].holds, Some(false));
    let means = means(&all, Half::Networks);
    assert_eq!((means.len(), means[0].trials, means[0].failed), (6, 2, 0));
    assert_eq!(
        means[1].row.clean,
        0.5 * (all[1].clean + all.iter().rfind(|row| row.method == "gd-fgsm").unwrap().clean)
    );
}

#[test]
fn what_is_too_large_for_the_interior_point_method_is_left_out_and_has_not_failed() {
    let mut plan = smoke();
    plan.settings.interior_unknowns = 10;
    let rows = run(&plan, &classes(60, 4), Task { data: 0, arm: 1, trial: 0 });
    let left_out: Vec<&Row> = rows.iter().filter(|row| row.ending.starts_with("left out: 24 unknowns")).collect();
    assert_eq!(left_out.len(), 2);
    assert!(left_out.iter().all(|row| row.method == "interior" && !row.failed() && row.objective.is_nan()));
}

#[test]
fn an_interrupted_trial_has_no_rows_and_a_cut_file_goes_on() {
    let plan = smoke();
    let sample = classes(60, 5);
    let tasks = plan.tasks();
    let stopped = trial(&plan, &sample, tasks[0], &|| 0.0, &|| ControlFlow::Break(())).unwrap();
    assert!(stopped.is_none());
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
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let (left, rows) = finish();
    assert!(left > 0 && left < tasks.len());
    assert_eq!(std::fs::read(&path).unwrap(), whole);
    assert_eq!(plan.to_csv(&rows, "f00", true).as_bytes(), whole);
    let other = Journal::open(&path, &plan, "f01", Existing::Refuse).unwrap_err();
    assert!(other.what.contains("other settings: f00"), "{other:?}");
    std::fs::write(&path, "a,b\n").unwrap();
    let other = Journal::open(&path, &plan, "f00", Existing::Refuse).unwrap_err();
    assert!(other.what.contains("does not name the columns"), "{other:?}");
}

/// The numbers of the page are those of the rows that are kept.
#[test]
fn the_page_has_the_numbers_of_the_rows() {
    const PAGE: &str = include_str!("../../../../docs/second-paper.md");
    let mut found = Vec::new();
    for (tier, rows) in [
        ("quick", include_str!("../../../../experiments/measured/robust-classification-quick.csv")),
        ("paper", include_str!("../../../../experiments/measured/robust-classification-paper.csv")),
    ] {
        let plan = parse("r", FILE, tier).unwrap().plan;
        let rows: Vec<Row> = plan.read_csv(tier, rows).unwrap().into_iter().map(|(_, row)| row).collect();
        assert!(rows.iter().all(|row| plan.place(row).is_some()));
        assert!(claims(&rows).iter().all(|claim| !claim.theorem || claim.holds != Some(false)));
        let share = |share: f64| format!("{:.1}", 100.0 * share);
        let number = |value: f64| if value.is_nan() { "–".to_owned() } else { format!("{value:.4}") };
        let networks = means(&rows, Half::Networks).into_iter().map(|mean| {
            let row = mean.row;
            let [clean, fgsm, pgd, proved] = [row.clean, row.fgsm, row.pgd, row.proved].map(share);
            let [objective, bound] = [row.objective, row.lower_bound].map(number);
            format!(
                "| {} | {tier} | {} | {clean} | {fgsm} | {pgd} | {proved} | {objective} | {bound} |",
                row.data, row.method
            )
        });
        let solvers = means(&rows, Half::Solvers).into_iter().filter(|mean| !mean.row.objective.is_nan()).map(|mean| {
            let row = mean.row;
            let ([objective, bound], right) = ([row.objective, row.lower_bound].map(number), share(row.clean));
            let seconds = format!("{:.2}", row.seconds);
            format!(
                "| {} | {tier} | {} | {} | {objective} | {bound} | {right} | {seconds} |",
                row.data, row.method, row.effort
            )
        });
        found.extend(networks.chain(solvers));
    }
    let told: Vec<&str> =
        PAGE.lines().filter(|line| ["| breast |", "| mnist "].iter().any(|start| line.starts_with(start))).collect();
    let missing: Vec<&String> = found.iter().filter(|line| !told.contains(&line.as_str())).collect();
    assert!(
        missing.is_empty(),
        "not in the page:\n{}",
        missing.iter().map(|line| format!("{line}\n")).collect::<String>()
    );
    assert_eq!(told.len(), found.len(), "the page has lines that no rows have");
}
