//! What `predict` does with models of deep networks, whose intervals are those of the product of their layers' norms.

use super::predict_rows::write;
use super::told::write_json;
use crate::arguments::OutArguments;
use crate::output;
use crate::stop::Stop;
use serde_json::{Map, Value, json};
use std::process::ExitCode;
use tautnet::certify::Bounded;
use tautnet::error::{Error, Result};
use tautnet::recipe::Interval;
use tautnet::several;
use tautnet_models::Model;
use tautnet_tables::results::{Cells, Columns};
use tautnet_tables::{Table, UnknownLevels};

/// What was asked of a prediction.
pub struct Asked<'a> {
    pub interval: Interval,
    /// Whether there is a tolerance.
    pub within: bool,
    pub unknown: UnknownLevels,
    pub out: &'a OutArguments,
    pub json: bool,
}

/// Whether what is known of one hidden layer of relu units says nothing of this model's network.
pub fn is_for(model: &Model) -> bool {
    model.network.shallow("`predict`").is_err()
}

/// Predictions of every row, and with a radius what holds of them within it.
pub fn run(asked: &Asked<'_>, (model, table): (&Model, &Table), stop: &Stop) -> Result<ExitCode> {
    let interval = asked.interval;
    let refused = [
        (asked.within, "a tolerance"),
        (interval.nodes.is_some(), "--nodes"),
        (interval.coverage.is_some(), "--coverage"),
    ];
    if let Some((_, what)) = refused.into_iter().find(|(given, _)| *given) {
        return Err(Error::new(
            format!("{what} is for one hidden layer of relu units; this model has {}", model.network.described()),
            "say by --radius how far the standardized inputs may move, in the norm that the model was made for",
        ));
    }
    let norm = model.own_norm()?;
    let x = model.columns.encode(table, asked.unknown)?;
    let all = stop.during(|| model.within_radius(x, interval.radius.unwrap_or(0.0)))?;
    if stop.reason().is_some() {
        output::note("the time is over: norms that were not proved in time make intervals wider than they need be");
    }
    let radius = interval.radius;
    let mut result = match model.columns.other_targets.is_empty() {
        true => json!({"target": model.columns.target}),
        false => json!({}),
    };
    if let Some(radius) = radius {
        (result["radius"], result["norm"]) = (json!(radius), json!(norm.name()));
    }
    let of = |of: &dyn Fn(&Bounded) -> Value| all.iter().map(of).collect::<Value>();
    let Some(classes) = &model.columns.classes else {
        if !model.columns.other_targets.is_empty() {
            return of_targets(asked, (model, &all), result);
        }
        if asked.json {
            result["predictions"] = of(&|row| json!(row.outputs[0]));
            if radius.is_some() {
                result["lower"] = of(&|row| json!(row.lower[0]));
                result["upper"] = of(&|row| json!(row.upper[0]));
            }
            return write_json(&result, asked.out);
        }
        write(&columns(model, &all, radius.is_some()), asked.out)?;
        return Ok(ExitCode::SUCCESS);
    };
    let told: Vec<(usize, Vec<f64>, bool)> = all.iter().map(told).collect();
    if asked.json {
        result["classes"] = json!(classes);
        result["predictions"] = told.iter().map(|row| json!(classes[row.0])).collect();
        result["probability"] = told.iter().map(|row| json!(row.1[row.0])).collect();
        result["probabilities"] = told.iter().map(|row| json!(row.1)).collect();
        if radius.is_some() {
            result["certain"] = told.iter().map(|row| json!(row.2)).collect();
        }
        return write_json(&result, asked.out);
    }
    write(&columns(model, &all, radius.is_some()), asked.out)?;
    Ok(ExitCode::SUCCESS)
}

/// The class of a row, how likely each is, and whether no input within the radius has another one. One output is the margin of the second of two
/// classes.
fn told(row: &Bounded) -> (usize, Vec<f64>, bool) {
    match row.outputs[..] {
        [margin] => {
            let likely = 1.0 / (1.0 + (-margin).exp());
            let certain = if margin > 0.0 { row.lower[0] > 0.0 } else { row.upper[0] < 0.0 };
            (usize::from(margin > 0.0), vec![1.0 - likely, likely], certain)
        }
        _ => (row.class(), several::probabilities(&row.outputs), row.is_certain()),
    }
}

/// Predictions of some rows without a radius.
pub fn plain(model: &Model, table: &Table, unknown: UnknownLevels) -> Result<Columns> {
    let x = model.columns.encode(table, unknown)?;
    Ok(columns(model, &model.within_radius(x, 0.0)?, false))
}

/// As columns; where there is a radius, with what holds within it.
fn columns(model: &Model, all: &[Bounded], within: bool) -> Columns {
    let numbers = |of: &dyn Fn(&Bounded) -> f64| Cells::Numbers(all.iter().map(of).collect());
    let mut columns = Columns::new();
    if let Some(classes) = &model.columns.classes {
        let told: Vec<(usize, Vec<f64>, bool)> = all.iter().map(told).collect();
        let names = told.iter().map(|row| classes[row.0].clone()).collect();
        columns.push(("prediction".into(), Cells::Words(names)));
        columns.push(("probability".into(), Cells::Numbers(told.iter().map(|row| row.1[row.0]).collect())));
        if within {
            let certain = told.iter().map(|row| if row.2 { "yes" } else { "no" }.to_owned()).collect();
            columns.push(("certain".into(), Cells::Words(certain)));
        }
        return columns;
    }
    let several = !model.columns.other_targets.is_empty();
    let names = if several { model.columns.target_names() } else { vec!["prediction"] };
    for (j, name) in names.into_iter().enumerate() {
        let end = |end: &str| if several { format!("{name}_{end}") } else { end.to_owned() };
        columns.push((name.to_owned(), numbers(&|row| row.outputs[j])));
        if within {
            columns.push((end("lower"), numbers(&|row| row.lower[j])));
            columns.push((end("upper"), numbers(&|row| row.upper[j])));
        }
    }
    columns
}

/// Predictions of several targets, each in its units, and with a radius the ends of their intervals; in the form of those of one hidden layer.
fn of_targets(asked: &Asked<'_>, (model, all): (&Model, &[Bounded]), mut result: Value) -> Result<ExitCode> {
    let (names, within) = (model.columns.target_names(), asked.interval.radius.is_some());
    if asked.json {
        let by_name = |of: fn(&Bounded) -> &Vec<f64>| -> Value {
            let one = |j: usize| all.iter().map(|row| json!(of(row)[j])).collect::<Value>();
            names.iter().enumerate().map(|(j, name)| ((*name).to_owned(), one(j))).collect::<Map<_, _>>().into()
        };
        (result["targets"], result["predictions"]) = (json!(names), by_name(|row| &row.outputs));
        if within {
            (result["lower"], result["upper"]) = (by_name(|row| &row.lower), by_name(|row| &row.upper));
        }
        return write_json(&result, asked.out);
    }
    write(&columns(model, all, within), asked.out)?;
    Ok(ExitCode::SUCCESS)
}
