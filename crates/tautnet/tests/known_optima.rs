//! Polishing reaches the optimal values that an independent solver found.
//!
//! `known_optima/*.json` are small seeded instances with the optima of every program, written by
//! `tests/known_optima/generate.py` (CVXPY and a generic conic solver, on a formulation that shares nothing with this
//! crate). What is compared is the objective *recomputed from the returned network*, so one number judges the program,
//! the solver, the recovery of the weights and the bound at once.

use faer::Mat;
use serde::Deserialize;
use std::{ops::ControlFlow, path::Path};
use tautnet::{
    Dataset, Norm, Shallow,
    polish::{Method, Penalty, Polished, Settings, polish},
};

/// Relative and absolute agreement asked of every objective.
const RELATIVE: f64 = 1e-6;
const ABSOLUTE: f64 = 1e-9;

#[derive(Deserialize)]
struct Instance {
    name: String,
    x: Vec<Vec<f64>>,
    y: Vec<f64>,
    weights: Vec<f64>,
    w: Vec<Vec<f64>>,
    b: Vec<f64>,
    v: Vec<f64>,
    answers: Vec<Answer>,
}

#[derive(Deserialize)]
struct Answer {
    program: String,
    lipschitz: f64,
    decay: f64,
    penalty: String,
    output_bias: bool,
    weighted: bool,
    max_lipschitz: Option<f64>,
    objective: f64,
    /// The loss, where it is not the squared error.
    formula: Option<String>,
    /// Whether there is a linear part.
    #[serde(default)]
    linear_part: bool,
    /// Of (12) only: the multipliers that were held, one for each unit with v ≠ 0.
    ell: Option<Vec<f64>>,
    /// Of (12) only: the objectives of the alternation's first rounds.
    rounds: Option<Vec<f64>>,
}

impl Instance {
    fn network(&self) -> Shallow {
        let w = Mat::from_fn(self.w.len(), self.w[0].len(), |i, k| self.w[i][k]);
        Shallow::new(w, self.b.clone(), self.v.clone(), 0.0).unwrap()
    }

    fn data(&self, weighted: bool) -> Dataset {
        let x = Mat::from_fn(self.x.len(), self.x[0].len(), |k, j| self.x[k][j]);
        Dataset::new(x, self.y.clone(), weighted.then(|| self.weights.clone())).unwrap()
    }

    fn answer(&self, program: &str) -> Option<&Answer> {
        self.answers.iter().find(|a| a.program == program)
    }

    fn polish(&self, answer: &Answer, method: Method, rounds: usize) -> Polished {
        let settings = Settings {
            method,
            loss: answer.formula.as_deref().unwrap_or("squared").parse().unwrap(),
            lipschitz_price: answer.lipschitz,
            decay: answer.decay,
            max_lipschitz: answer.max_lipschitz,
            norm: if answer.program.ends_with("-inf") { Norm::Infinity } else { Norm::Two },
            penalty: if answer.penalty == "L2" { Penalty::LSquared } else { Penalty::L },
            output_bias: answer.output_bias,
            linear_part: answer.linear_part,
            tol: 1e-9,
            rounds,
            multipliers: answer.ell.clone(),
            ..Settings::default()
        };
        polish(&self.network(), &self.data(answer.weighted), &settings, &mut |_| ControlFlow::Continue(())).unwrap()
    }
}

fn instances() -> Vec<Instance> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/known_optima");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "json"));
    paths.sort();
    let read = |path| serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    paths.iter().map(read).collect()
}

fn agree(found: f64, known: f64) -> bool {
    (found - known).abs() <= RELATIVE * known.abs() + ABSOLUTE
}

fn report(compared: usize, at_least: usize, failures: &[String]) {
    assert!(failures.is_empty(), "{} of {compared} comparisons failed:\n{}", failures.len(), failures.join("\n"));
    assert!(compared >= at_least, "only {compared} comparisons were made, {at_least} were expected");
}

#[test]
fn joint_and_weight_decay_reach_the_known_optimum_and_are_never_worse() {
    let (mut compared, mut failures) = (0, vec![]);
    for instance in instances() {
        for answer in &instance.answers {
            let method = match answer.program.as_str() {
                "decay" => Method::WEIGHT_DECAY,
                "joint" | "joint-inf" => Method::JOINT,
                _ => continue,
            };
            let polished = instance.polish(answer, method, 1);
            let (before, after) = (polished.before.objective, polished.after.objective);
            let context = format!(
                "{} {} {} lipschitz {} decay {} {} bias {} linear {} weighted {} limit {:?}: {:?}",
                instance.name,
                answer.program,
                answer.formula.as_deref().unwrap_or("squared"),
                answer.lipschitz,
                answer.decay,
                answer.penalty,
                answer.output_bias,
                answer.linear_part,
                answer.weighted,
                answer.max_lipschitz,
                polished.ending
            );
            compared += 1;
            if !agree(after, answer.objective) {
                let relative = (after - answer.objective) / answer.objective;
                failures.push(format!("{context}: {after} where {} is known ({relative:.1e})", answer.objective));
            }
            match answer.max_lipschitz {
                // The network given need not respect the limit, so the limit and not the objective is what must hold.
                Some(limit) if polished.after.lipschitz > limit * (1.0 + RELATIVE) => {
                    failures.push(format!("{context}: the bound {} is above the limit", polished.after.lipschitz));
                }
                None if after > before => failures.push(format!("{context}: {after} is worse than {before}")),
                _ => {}
            }
        }
    }
    report(compared, 482, &failures);
}

#[test]
fn lipschitz_bounds_agree() {
    let (mut compared, mut failures) = (0, vec![]);
    for instance in instances() {
        for (bound, program) in [("lipsdp", "joint"), ("lipsdp-inf", "joint-inf")] {
            if let (Some(known), Some(answer)) = (instance.answer(bound), instance.answer(program)) {
                let found = instance.polish(answer, Method::JOINT, 1).before.lipschitz;
                compared += 1;
                if !agree(found, known.objective) {
                    failures.push(format!("{} {bound}: {found} where {} is known", instance.name, known.objective));
                }
            }
        }
    }
    report(compared, 90, &failures);
}

#[test]
fn joint_is_no_worse_than_every_round_of_the_alternation() {
    const ROUNDS: usize = 4;
    let (mut compared, mut exact, mut failures) = (0, 0, vec![]);
    for instance in instances() {
        let (Some(paper), Some(joint)) = (instance.answer("paper"), instance.answer("joint")) else { continue };
        let best = instance.polish(joint, Method::JOINT, 1).after.objective;
        let polished = instance.polish(paper, Method::ALTERNATING, ROUNDS);
        let name = &instance.name;
        let limit = |value: f64| value * (1.0 + RELATIVE) + ABSOLUTE;

        // Where a round's convex program ended, for every round that ran.
        let mut ends: Vec<(usize, f64)> = vec![];
        for progress in polished.trace.iter().filter(|progress| progress.round > 0) {
            match ends.last_mut() {
                Some(last) if last.0 == progress.round => last.1 = progress.objective,
                _ => ends.push((progress.round, progress.objective)),
            }
        }
        if ends.is_empty() {
            failures.push(format!("{name}: no round of the alternation in the trace"));
        }
        let known = paper.rounds.iter().flatten().copied();
        for value in ends.iter().map(|end| end.1).chain(known).chain([polished.after.objective]) {
            compared += 1;
            if best > limit(value) {
                failures.push(format!("{name}: joint {best} is above an iterate of the alternation, {value}"));
            }
        }
        if polished.after.objective > polished.before.objective {
            failures.push(format!("{name}: the alternation made the network worse"));
        }
        let first = ends.first().map_or(f64::NAN, |end| end.1);
        exact += 1;
        if !agree(first, paper.objective) {
            failures.push(format!("{name}: first round {first} where {} is known", paper.objective));
        }
    }
    report(compared, 200, &failures);
    assert!(exact >= 48, "only {exact} first rounds were compared");
}

/// The absolute error is the quantile loss of the level 0.5 twice: at twice the prices the networks and their objectives are the same.
#[test]
fn the_absolute_error_is_twice_a_quantile_loss() {
    let mut compared = 0;
    for instance in instances().iter().filter(|instance| instance.y.len() > 10).take(12) {
        let halved =
            Settings { loss: "quantile:0.5".parse().unwrap(), lipschitz_price: 0.01, tol: 1e-9, ..Settings::default() };
        let whole = Settings { loss: "absolute".parse().unwrap(), lipschitz_price: 0.02, ..halved.clone() };
        let run = |settings: &Settings| {
            let go_on = &mut |_: &_| ControlFlow::Continue(());
            polish(&instance.network(), &instance.data(true), settings, go_on).unwrap().after.objective
        };
        let (one, two) = (run(&whole), 2.0 * run(&halved));
        assert!((one - two).abs() < 1e-6 * one, "{}: {one} {two}", instance.name);
        compared += 1;
    }
    assert_eq!(compared, 12);
}
