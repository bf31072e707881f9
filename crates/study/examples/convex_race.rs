//! Not for users: one timed run of a convex first-order method, for `benchmarks/convex.py`.
//!
//! `convex_race gated|relu FILE GATES DECAY TOLERANCE SECONDS` reads rows of comma-separated numbers, target last, and gates (one
//! a line, the bias last). It prints one JSON object: when bounds were known, in seconds, the objective of the best network
//! and the lower bound then, and the objective of the network at the end. For `relu` every gate has both signs. There is
//! no output bias.

use std::{ops::ControlFlow, time::Instant};
use tautnet::{Dataset, Shallow};
use tautnet_study::convex;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [_, what, file, gates, decay, tolerance, limit] = std::env::args()
        .collect::<Vec<_>>()
        .try_into()
        .map_err(|given| format!("usage: convex_race gated|relu FILE GATES DECAY TOLERANCE SECONDS, got {given:?}"))?;
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
    let settings = convex::Settings {
        decay: decay.parse()?,
        tolerance: tolerance.parse()?,
        output_bias: false,
        iterations: 10_000_000,
    };
    let limit: f64 = limit.parse()?;
    let mut trace = Vec::new();
    let start = Instant::now();
    let mut observe = |progress: &convex::Progress| {
        trace.push((start.elapsed().as_secs_f64(), progress.network, progress.lower_bound));
        if start.elapsed().as_secs_f64() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    let (objective, bound, steps) = match what.as_str() {
        "gated" => {
            let run = convex::gated_relu(&network, &data, &settings, &mut observe)?;
            (run.objective, run.lower_bound, run.iterations)
        }
        _ => {
            let run = convex::relu(&network, &data, &settings, &mut observe)?;
            (run.objective, run.lower_bound, run.iterations)
        }
    };
    let total = start.elapsed().as_secs_f64();
    let list = |value: &dyn Fn(&(f64, f64, f64)) -> f64| format!("{:?}", trace.iter().map(value).collect::<Vec<f64>>());
    println!(
        "{{\"seconds\": {}, \"objectives\": {}, \"objective\": {objective:?}, \"lower_bound\": {bound:?}, \"steps\": {steps}, \
         \"total\": {total:?}}}",
        list(&|t| t.0),
        list(&|t| t.1),
    );
    Ok(())
}

fn read(file: &str) -> Result<Vec<Vec<f64>>, Box<dyn std::error::Error>> {
    let lines = std::fs::read_to_string(file)?;
    let rows = lines.lines().map(|line| line.split(',').map(|cell| cell.trim().parse()).collect::<Result<_, _>>());
    Ok(rows.collect::<Result<_, _>>()?)
}
