//! One trial: a split, a starting network, and every method of the arm on it.

use super::arm::{Applied, Arm, GoOn, Job, Settings};
use super::problem::Problem;
use super::rows::Row;
use tautnet::certify::affordable_nodes;
use tautnet::choose::{self, Accuracy};
use tautnet::error::Result;
use tautnet::tolerance::Tolerance;
use tautnet::{Shallow, attack, polish};

/// Seconds since whenever: the caller's clock, for this library has none.
pub type Clock<'a> = dyn Fn() -> f64 + 'a;

/// Run a trial: a row of the starting network, then one of each method. `None` when `go_on` ended it.
///
/// What fails gets a row that says so, for the other methods have nothing to do with it.
pub fn trial(
    problem: &Problem,
    arm: &Arm,
    settings: &Settings,
    clock: &Clock<'_>,
    go_on: &GoOn<'_>,
) -> Option<Vec<Row>> {
    let linear_part = settings.polish.linear_part;
    let job = Job { data: &problem.learned, arm, settings, seed: settings.seed_of(problem.trial), linear_part, go_on };
    let measured = |method: &str, run: &dyn Fn() -> Result<Applied>| -> Option<(Row, Option<Shallow>)> {
        let started = clock();
        let applied = run();
        let seconds = clock() - started;
        if go_on().is_break() {
            return None;
        }
        let row = Row::empty(problem, arm, method, settings.radii.len(), seconds);
        let measured =
            applied.and_then(|applied| Ok((measure(row.clone(), &applied, problem, &job)?, applied.network)));
        Some(match measured {
            Ok((row, network)) => (row, Some(network)),
            Err(error) => (Row { ending: format!("failed: {}", error.what), ..row }, None),
        })
    };
    let (row, start) = measured(Row::BASE, &|| arm.base.make(&job))?;
    let mut rows = vec![row];
    for method in &arm.methods {
        let Some(start) = &start else {
            let row = Row::empty(problem, arm, method.name, settings.radii.len(), 0.0);
            rows.push(Row { ending: "failed: there is no starting network".into(), ..row });
            continue;
        };
        rows.push(measured(method.name, &|| method.apply(&job, start))?.0);
    }
    Some(rows)
}

/// There are about so many networks to prove classes of in the seconds that one alone would be given.
const NETWORKS: usize = 10;

/// Judge a network: by the objective of the arm on the rows learned from, by its errors on those held out.
fn measure(row: Row, applied: &Applied, problem: &Problem, job: &Job<'_>) -> Result<Row> {
    let Applied { network, ending } = applied;
    let Settings { radii, attack, polish, .. } = job.settings;
    let score = polish::score(network, &problem.learned, &job.objective())?;
    let attack = attack::Settings { lipschitz_upper_bound: score.lipschitz, seed: job.seed, ..attack.clone() };
    let rows = &problem.held_out;
    let (attacked, right) = if polish.loss.is_margin() {
        // Classes are proved row by row.
        let one = Tolerance::same(job.settings.shape()?, &vec![1.0; rows.columns()])?;
        let nodes = affordable_nodes(network, NETWORKS * radii.len() * rows.rows());
        let reports = attack::within_multiples(network, rows, &one, radii, &attack::Settings { nodes, ..attack })?;
        let clean = choose::accuracy(network, rows);
        let right = reports.iter().filter_map(|report| report.right);
        let right = right.map(|right| Accuracy { clean, found: right.found, proved: right.proved }).collect();
        (reports.iter().map(|report| report.found).collect(), right)
    } else {
        let reports = attack::attack(network, rows, polish.norm, radii, &attack)?;
        (reports.iter().map(|report| report.found).collect(), Vec::new())
    };
    Ok(Row {
        objective: score.objective,
        loss: score.loss,
        bound: score.lipschitz,
        weights: score.decay,
        units: network.units(),
        clean: polish.loss.mean(network, rows),
        attacked,
        right,
        ending: ending.clone(),
        ..row
    })
}
