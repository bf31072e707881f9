//! What networks with a tight trivial bound have shown, for people, as Markdown and as JSON.

use super::reproduce_text::Finding;
use super::trial_text::{failed, time};
use crate::output;
use serde_json::{Value, json};
use tautnet_study::claims::NONE;
use tautnet_study::trivial_bound::{Mean, Plan, Row, claims, means};

/// The examples, and a table for each norm.
pub fn table(plan: &Plan, rows: &[Row], trials: (usize, usize)) -> Finding {
    let means = means(rows);
    let examples: Vec<&Row> = rows.iter().filter(|row| row.is_example()).collect();
    let mut tables = Vec::new();
    if !examples.is_empty() {
        tables.push((
            "Three obstructions and their cures, in networks whose constant is known".to_owned(),
            example_lines(&examples),
        ));
    }
    for of in &plan.settings.norms {
        let own: Vec<&Mean> = means.iter().filter(|mean| mean.row.norm == of.norm).collect();
        if !own.is_empty() {
            let heading = format!("Norm {}: right of the rows held out, %, and U; mean over the trials", of.norm);
            tables.push((heading, network_lines(&own, &of.radii)));
        }
    }
    let facts = json!({
        "examples": examples.iter().map(|row| example_json(row)).collect::<Vec<_>>(),
        "networks": means.iter().map(mean_json).collect::<Vec<_>>(),
    });
    Finding { tables, claims: claims(rows), trials, facts }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn example_lines(rows: &[&Row]) -> Vec<Vec<String>> {
    let head = words(&["obstruction", "side", "map", "norm", "found", "constant", "U", "U / constant"]);
    let line = |row: &&Row| {
        let mut line = words(&[&row.data, &row.method, &row.map, &row.norm]);
        line.extend([output::at_least(row.found), number(row.exact), output::at_most(row.bound)]);
        line.push(format!("{:.4}", row.bound / row.exact));
        line
    };
    [head].into_iter().chain(rows.iter().map(line)).collect()
}

fn network_lines(means: &[&Mean], radii: &[f64]) -> Vec<Vec<String>> {
    let mut head = words(&["data", "method", "map", "clean"]);
    head.extend(radii.iter().map(|radius| format!("proved at {radius}")));
    head.extend(words(&["U", "found", "U / found", "trials", "seconds"]));
    let line = |mean: &&Mean| {
        let row = &mean.row;
        let mut line = words(&[&row.data, &row.method, &row.map]);
        line.push(percent(row.clean));
        line.extend((0..radii.len()).map(|k| row.proved.get(k).map_or(NONE.into(), |share| percent(*share))));
        line.extend([output::at_most(row.bound), output::at_least(row.found)]);
        line.push(if mean.ratio.is_nan() { NONE.to_owned() } else { format!("{:.4}", mean.ratio) });
        line.push(format!("{}{}", mean.trials, failed(mean.failed)));
        line.push(time(row.seconds));
        line
    };
    [head].into_iter().chain(means.iter().map(line)).collect()
}

fn number(value: f64) -> String {
    if value.is_nan() { NONE.to_owned() } else { output::number(value) }
}

fn percent(share: f64) -> String {
    if share.is_nan() { NONE.to_owned() } else { format!("{:.1}", 100.0 * share) }
}

fn example_json(row: &Row) -> Value {
    json!({
        "obstruction": row.data,
        "side": row.method,
        "map": row.map,
        "norm": row.norm,
        "found": row.found,
        "exact": row.exact,
        "bound": row.bound,
    })
}

fn mean_json(mean: &Mean) -> Value {
    let Row { data, method, map, norm, clean, bound, found, radii, proved, seconds, .. } = &mean.row;
    json!({
        "data": data,
        "method": method,
        "map": map,
        "norm": norm,
        "trials": mean.trials,
        "failed": mean.failed,
        "clean": clean,
        "bound": bound,
        "found": found,
        "ratio": mean.ratio,
        "radii": radii,
        "proved": proved,
        "seconds": seconds,
    })
}
