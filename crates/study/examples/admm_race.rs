//! Not for users: timed runs of the methods for (6), for `benchmarks/admm.py`.
//!
//! `admm_race admm|gradients|interior|iterations FILE GATES DECAY TOLERANCE SECONDS [LOSS]` reads rows of comma-separated numbers, target last, and
//! gates (one a line, the bias last), each of which has both signs. There is no output bias. It prints one JSON object: when the objective was known, in seconds, that of the network then and the
//! lower bound, and how it ended. `iterations` tells the seconds to the end of the first iteration and those of a
//! later one, with the row factor, the weight factor and conjugate gradients.

use std::{ops::ControlFlow, time::Instant};
use tautnet::polish::{self, Method};
use tautnet::{Dataset, Shallow};
use tautnet_study::admm::{self, Groups, LinearSolver, Progress};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().collect::<Vec<_>>();
    if arguments.len() == 7 {
        arguments.push("squared".to_owned());
    }
    let [_, what, file, gates, decay, tolerance, limit, loss] = arguments
        .try_into()
        .map_err(|given| format!("usage: admm_race METHOD FILE GATES DECAY TOLERANCE SECONDS [LOSS], got {given:?}"))?;
    let loss: tautnet::Loss = loss.parse()?;
    let (rows, gates) = (read(&file)?, read(&gates)?);
    let d = rows.first().ok_or("the file is empty")?.len() - 1;
    let x = faer::Mat::from_fn(rows.len(), d, |k, j| rows[k][j]);
    let data = Dataset::new(x, rows.iter().map(|row| row[d]).collect(), None)?;
    let network = Shallow::new(
        faer::Mat::from_fn(2 * gates.len(), d, |i, k| gates[i / 2][k]),
        (0..2 * gates.len()).map(|i| gates[i / 2][d]).collect(),
        (0..2 * gates.len()).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 }).collect(),
        0.0,
    )?;
    let (decay, tolerance, limit): (f64, f64, f64) = (decay.parse()?, tolerance.parse()?, limit.parse()?);
    let settings = admm::Settings {
        decay,
        tolerance,
        loss: loss.clone(),
        output_bias: false,
        iterations: 10_000_000,
        ..Default::default()
    };
    if what == "iterations" {
        return iterations(&Groups::of(&network, &data)?, &data, &settings);
    }
    let mut trace = Vec::new();
    let start = Instant::now();
    let (objective, bound, steps, ending) = if what == "interior" {
        let settings =
            polish::Settings { decay, loss, output_bias: false, ..polish::Settings::of(Method::WEIGHT_DECAY) };
        let run = polish::polish(&network, &data, &settings, &mut |_| {
            if start.elapsed().as_secs_f64() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        (run.after.objective, f64::NAN, 0, run.ending)
    } else {
        let linear = match what.as_str() {
            "gradients" => LinearSolver::ConjugateGradients,
            _ => LinearSolver::Automatic,
        };
        let run = admm::admm(
            &Groups::of(&network, &data)?,
            &data,
            &admm::Settings { linear, ..settings },
            &mut |told: &Progress| {
                trace.push((start.elapsed().as_secs_f64(), *told));
                if start.elapsed().as_secs_f64() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            },
        )?;
        (run.objective, run.lower_bound, run.iterations, run.ending)
    };
    let total = start.elapsed().as_secs_f64();
    let seconds: Vec<f64> = trace.iter().map(|(seconds, _)| *seconds).collect();
    let objectives: Vec<f64> = trace.iter().map(|(_, told)| told.objective).collect();
    let violations: Vec<f64> = trace.iter().map(|(_, told)| told.violation).collect();
    let bound = if bound.is_nan() { "null".into() } else { format!("{bound:?}") };
    let solved = ending == tautnet::ending::Ending::Solved;
    println!(
        "{{\"seconds\": {seconds:?}, \"objectives\": {objectives:?}, \"violations\": {violations:?}, \"objective\": {objective:?}, \
         \"lower_bound\": {bound}, \"iterations\": {steps}, \"solved\": {solved}, \"total\": {total:?}}}"
    );
    Ok(())
}

/// Seconds to the end of the first iteration, and of one of ten with a look at the network, where ten took the least time.
fn iterations(groups: &Groups, data: &Dataset, settings: &admm::Settings) -> Result<(), Box<dyn std::error::Error>> {
    let mut parts = Vec::new();
    for (name, linear) in [
        ("rows", LinearSolver::RowFactor),
        ("weights", LinearSolver::WeightFactor),
        ("gradients", LinearSolver::ConjugateGradients),
    ] {
        let start = Instant::now();
        let mut looks = Vec::new();
        let settings =
            admm::Settings { linear, iterations: 500, penalty: Some(0.1), tolerance: 1e-12, ..settings.clone() };
        admm::admm(groups, data, &settings, &mut |_| {
            looks.push(start.elapsed().as_secs_f64());
            if looks.len() < 20 || looks[looks.len() - 1] < 1.0 {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })?;
        let each = looks[9..].windows(2).map(|pair| (pair[1] - pair[0]) / 10.0).fold(f64::INFINITY, f64::min);
        parts.push(format!("\"{name}_start\": {:?}, \"{name}_iteration\": {each:?}", looks[0]));
    }
    println!("{{{}}}", parts.join(", "));
    Ok(())
}

fn read(file: &str) -> Result<Vec<Vec<f64>>, Box<dyn std::error::Error>> {
    let lines = std::fs::read_to_string(file)?;
    let rows = lines.lines().map(|line| line.split(',').map(|cell| cell.trim().parse()).collect::<Result<_, _>>());
    Ok(rows.collect::<Result<_, _>>()?)
}
