//! Not for users: one timed run of the `sgd` start, for `benchmarks/sgd_versus_torch.py`.
//!
//! `sgd_race FILE UNITS BATCH RATE EPOCHS` reads rows of comma-separated numbers, target last, and prints one JSON object:
//! seconds since the start and training loss (mean over the epoch's batches) after each epoch.

use std::{ops::ControlFlow, time::Instant};
use tautnet::{Dataset, train};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [_, file, units, batch, rate, epochs] = std::env::args()
        .collect::<Vec<_>>()
        .try_into()
        .map_err(|given| format!("usage: sgd_race FILE UNITS BATCH RATE EPOCHS, got {given:?}"))?;
    let mut rows: Vec<Vec<f64>> = Vec::new();
    for line in std::fs::read_to_string(file)?.lines() {
        rows.push(line.split(',').map(|cell| cell.trim().parse()).collect::<Result<_, _>>()?);
    }
    let d = rows.first().ok_or("the file is empty")?.len() - 1;
    let x = faer::Mat::from_fn(rows.len(), d, |k, j| rows[k][j]);
    let data = Dataset::new(x, rows.iter().map(|row| row[d]).collect(), None)?;
    let epochs: usize = epochs.parse()?;
    let descent = train::Descent {
        rate: rate.parse()?,
        batch: batch.parse()?,
        epochs,
        decay: 0.0,
        patience: epochs,
        ..Default::default()
    };
    let settings = train::Settings { start: descent.into(), units: units.parse()?, ..Default::default() };
    let start = Instant::now();
    let mut seconds = Vec::new();
    let trained = train::train(&data, &settings, &mut |_| {
        seconds.push(start.elapsed().as_secs_f64());
        ControlFlow::Continue(())
    })?;
    let losses: Vec<f64> = trained.trace.iter().map(|progress| progress.loss).collect();
    println!("{{\"seconds\": {seconds:?}, \"losses\": {losses:?}, \"final_loss\": {:?}}}", trained.loss);
    Ok(())
}
