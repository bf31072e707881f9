//! One network: trained and judged.

use super::examples::examples;
use super::plan::{EXAMPLES, Plan};
use super::row::Row;
use super::settings::{OfNorm, Sample};
use crate::experiment::{Clock, GoOn, Task};
use crate::held_out::halves;
use tautnet::certify::{self, JacobianSearchSettings, Of};
use tautnet::error::Result;
use tautnet::{Dataset, Limits, Network, Norm, deep};

/// Run a task: a row for each norm, or for each example and norm. `None` when `go_on` ended it. What fails gets a row that says so.
pub fn trial(
    plan: &Plan,
    data: &[Sample],
    task: Task,
    clock: &Clock<'_>,
    go_on: &GoOn<'_>,
) -> Result<Option<Vec<Row>>> {
    let settings = &plan.settings;
    if go_on().is_break() {
        return Ok(None);
    }
    if task.data == EXAMPLES {
        return of_examples().map(Some);
    }
    let (set, sample) = (&settings.data[task.data - 1], &data[task.data - 1]);
    let seed = settings.seed_of(task.trial);
    let arm = plan.arms()[task.arm];
    let rows = (&sample.rows, sample.held_out.as_ref());
    let (learned, held_out) = halves(rows, settings.held_out, set.standardized, seed)?;
    let started = clock();
    let asked = plan.training(arm, sample.classes, seed)?;
    let trained = deep::train(&learned, &asked, &Limits::default(), &mut |_| go_on());
    let seconds = clock() - started;
    if go_on().is_break() {
        return Ok(None);
    }
    let judge = |of: &OfNorm| -> Row {
        let row = Row::empty((&set.name, task.trial, seed), arm.method, &arm.map.map, &of.norm);
        let row = Row { seconds, ..row };
        let judged = trained.as_ref().map_err(Clone::clone).and_then(|trained| {
            let network = &trained.network;
            let norm: Norm = of.norm.parse()?;
            let (bound, found) = steepness(network, norm, Some(&learned), (settings.jacobians, seed))?;
            let mut proved = Vec::with_capacity(of.radii.len());
            let mut clean = f64::NAN;
            for radius in &of.radii {
                let [right, within] = right(network, &held_out, norm, *radius)?;
                clean = right;
                proved.push(within);
            }
            Ok(Row { bound, found, clean, radii: of.radii.clone(), proved, ..row.clone() })
        });
        judged.unwrap_or_else(|error| Row { ending: format!("failed: {}", error.what), ..row })
    };
    let rows: Vec<Row> = plan.judged(arm).into_iter().map(judge).collect();
    Ok(go_on().is_continue().then_some(rows))
}

/// U, and the largest Jacobian found.
fn steepness(
    network: &Network,
    norm: Norm,
    rows: Option<&Dataset>,
    (jacobians, seed): (usize, u64),
) -> Result<(f64, f64)> {
    let default = JacobianSearchSettings::default();
    let (starts, of_rows) = (default.starts.min(jacobians.div_ceil(10)), default.rows.min(jacobians.div_ceil(4)));
    let search = JacobianSearchSettings { starts, rows: of_rows, jacobians, seed, ..default };
    let rows = rows.map(|rows| rows.x.as_ref());
    let found = certify::largest_jacobian_found(network, norm, Of::All, rows, &search)?;
    Ok((certify::trivial_bound(network, norm).bound, found.value))
}

fn of_examples() -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for example in examples()? {
        for &norm in example.norms {
            let (bound, found) =
                steepness(&example.network, norm, None, (JacobianSearchSettings::default().jacobians, 0))?;
            rows.push(Row::of_example(&example, norm, bound, found));
        }
    }
    Ok(rows)
}

/// The shares of rows whose class is right, as they are and proved within a radius.
fn right(network: &Network, rows: &Dataset, norm: Norm, radius: f64) -> Result<[f64; 2]> {
    let bounded = certify::within_radius(network, rows.x.as_ref(), (norm, radius))?;
    // Of two classes the first is −1.
    let of_class = |y: f64| if y < 0.0 { 0 } else { y as usize };
    let is_right = |k: &usize| bounded[*k].class() == of_class(rows.y[*k]);
    let right: Vec<usize> = (0..bounded.len()).filter(is_right).collect();
    let proved = right.iter().filter(|k| bounded[**k].is_certain()).count();
    Ok([right.len(), proved].map(|count| count as f64 / rows.rows() as f64))
}
