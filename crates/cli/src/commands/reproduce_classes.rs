//! What robust classification found, for people, as Markdown and as JSON.

use super::reproduce_text::Finding;
use super::trial_text::{failed, time};
use crate::output;
use serde_json::{Value, json};
use tautnet::error::Result;
use tautnet_study::claims::NONE;
use tautnet_study::classification::{Half, Mean, Plan, Row, Sample, claims, means};
use tautnet_study::rivals::patterns_needed;

/// The tables of both halves.
pub fn table(plan: &Plan, data: &[Sample], rows: &[Row], trials: (usize, usize)) -> Result<Finding> {
    let settings = &plan.settings;
    let mut needed = Vec::new();
    for (set, sample) in settings.data.iter().zip(data) {
        let own = || (sample.rows.rows() as f64 * (1.0 - settings.held_out)).round() as usize;
        let learned = if sample.held_out.is_some() { sample.rows.rows() } else { own() };
        needed.push((set, learned, patterns_needed(learned, settings.psi, settings.xi)?));
    }
    let sampled =
        vec![vec!["data".to_owned(), "rows".into(), "ε".into(), "P_s sampled".into(), "P_s of the formula".into()]];
    let sampled = sampled.into_iter().chain(needed.iter().map(|(set, learned, needed)| {
        let patterns = settings.patterns.to_string();
        vec![set.name.clone(), learned.to_string(), output::number(set.radius), patterns, needed.to_string()]
    }));
    let [networks, solvers] = Half::ALL.map(|half| means(rows, half));
    let tables = vec![
        ("Right of the rows held out, %, mean over the trials".to_owned(), network_lines(&networks)),
        ("Programs without perturbations: what they reach in how many seconds".to_owned(), solver_lines(&solvers)),
        ("Patterns of `published`".to_owned(), sampled.collect()),
    ];
    let facts = json!({
        "networks": networks.iter().map(mean_json).collect::<Vec<_>>(),
        "solvers": solvers.iter().map(mean_json).collect::<Vec<_>>(),
    });
    Ok(Finding { tables, claims: claims(rows), trials, facts })
}

fn network_lines(means: &[Mean]) -> Vec<Vec<String>> {
    let head =
        ["data", "method", "clean", "FGSM", "PGD", "proved", "objective", "lower bound", "units", "trials", "seconds"];
    lines(&head, means, |mean| {
        let row = &mean.row;
        let mut line = vec![row.data.clone(), row.method.clone()];
        line.extend([row.clean, row.fgsm, row.pgd, row.proved].map(percent));
        line.extend([row.objective, row.lower_bound].map(number));
        line.push(row.units.to_string());
        line
    })
}

fn solver_lines(means: &[Mean]) -> Vec<Vec<String>> {
    let head = ["data", "method", "work", "objective", "lower bound", "right, %", "trials", "seconds"];
    lines(&head, means, |mean| {
        let row = &mean.row;
        let mut line = vec![row.data.clone(), row.method.clone(), row.effort.clone()];
        line.extend([row.objective, row.lower_bound].map(number));
        line.push(percent(row.clean));
        line
    })
}

/// A head, and a line for each method that ends with its trials and seconds.
fn lines(head: &[&str], means: &[Mean], cells: impl Fn(&Mean) -> Vec<String>) -> Vec<Vec<String>> {
    let of = |mean: &Mean| {
        let mut line = cells(mean);
        line.push(format!("{}{}", mean.trials, failed(mean.failed)));
        line.push(time(mean.row.seconds));
        line
    };
    let head = head.iter().map(|word| (*word).to_owned()).collect();
    [head].into_iter().chain(means.iter().map(of)).collect()
}

fn number(value: f64) -> String {
    if value.is_nan() { NONE.to_owned() } else { output::number(value) }
}

fn percent(share: f64) -> String {
    if share.is_nan() { NONE.to_owned() } else { format!("{:.1}", 100.0 * share) }
}

fn mean_json(mean: &Mean) -> Value {
    let Row { data, method, effort, objective, lower_bound, units, clean, fgsm, pgd, proved, seconds, .. } = &mean.row;
    json!({
        "data": data,
        "method": method,
        "effort": effort,
        "trials": mean.trials,
        "failed": mean.failed,
        "objective": objective,
        "lower_bound": lower_bound,
        "units": units,
        "clean": clean,
        "fgsm": fgsm,
        "pgd": pgd,
        "proved": proved,
        "seconds": seconds,
    })
}
