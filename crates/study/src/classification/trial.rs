//! One half of one trial.

use super::measure::{Right, clean, measure};
use super::networks::{Job, Made, NETWORKS};
use super::plan::Plan;
use super::row::{Half, Row};
use super::settings::Sample;
use super::solvers::runs;
use crate::experiment::{Clock, GoOn, Task};
use crate::held_out::halves;
use tautnet::error::{Error, Result};

/// Run it: a row for each method. `None` when `go_on` ended it. What fails gets a row that says so.
pub fn trial(
    plan: &Plan,
    sample: &Sample,
    task: Task,
    clock: &Clock<'_>,
    go_on: &GoOn<'_>,
) -> Result<Option<Vec<Row>>> {
    let settings = &plan.settings;
    let set = &settings.data[task.data];
    let half = Half::ALL[task.arm];
    let seed = settings.seed_of(task.trial);
    let rows = (&sample.rows, sample.held_out.as_ref());
    let (learned, held_out) = halves(rows, settings.held_out, set.standardized, seed)?;
    let timed = |method: &str, effort: String, run: &dyn Fn() -> Result<Made>| -> Option<(Row, Option<Made>)> {
        let started = clock();
        let made = run();
        let row = Row { seconds: clock() - started, ..Row::empty(&set.name, task.trial, half, method, effort) };
        if go_on().is_break() {
            return None;
        }
        Some(match made {
            Ok(made) => {
                let Made { objective, lower_bound, ref ending, ref network } = made;
                let (units, ending) = (network.units(), ending.clone());
                (Row { objective, lower_bound, units, ending, ..row }, Some(made))
            }
            Err(error) => (Row { ending: failure(error), ..row }, None),
        })
    };
    let mut rows = Vec::new();
    match half {
        Half::Networks => {
            let (radius, nodes) = (set.radius, set.nodes.unwrap_or(settings.nodes));
            let iterations = set.iterations.unwrap_or(settings.iterations);
            let job = Job { data: &learned, settings, radius, iterations, seed, go_on };
            let mut all: Vec<(&str, Made)> = Vec::new();
            for (method, _) in NETWORKS {
                let before = |name: &str| {
                    let known = all.iter().find(|(other, _)| *other == name);
                    known
                        .map(|(_, made)| made.network.clone())
                        .ok_or_else(|| Error::new(format!("there is no network of {name}"), "see why that failed"))
                };
                let Some((row, made)) = timed(method, String::new(), &|| job.make(method, &before)) else {
                    return Ok(None);
                };
                rows.push(match &made {
                    None => row,
                    Some(made) => match measure(&made.network, &held_out, (radius, nodes), settings, seed) {
                        Ok(Right { clean, fgsm, pgd, proved }) => Row { clean, fgsm, pgd, proved, ..row },
                        Err(error) => Row { ending: failure(error), ..row },
                    },
                });
                all.extend(made.map(|made| (method, made)));
            }
        }
        Half::Solvers => {
            for run in runs(settings) {
                let solve = || run.solve(&learned, settings, seed, go_on);
                let Some((row, made)) = timed(run.name(), run.effort(), &solve) else { return Ok(None) };
                rows.push(Row { clean: made.map_or(f64::NAN, |made| clean(&made.network, &held_out)), ..row });
            }
        }
    }
    Ok(Some(rows))
}

/// What is left out on purpose has not failed.
fn failure(error: Error) -> String {
    if error.what.starts_with("left out") { error.what } else { format!("failed: {}", error.what) }
}
