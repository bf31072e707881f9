//! Not for users: one timed fit as a Rust caller has it, for `benchmarks/python.py`.
//!
//! `fit_race FILE HIDDEN PRICE THREADS` reads numbers from a CSV file, target last, and prints one JSON object: the seconds from
//! the rows in memory to a model whose certificate has passed the verifier, and its objective.

use faer::Mat;
use std::{ops::ControlFlow, time::Instant};
use tautnet::{Dataset, certify, fit, polish, train};
use tautnet_models::Model;
use tautnet_tables::Encoder;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [_, file, hidden, price, threads] = std::env::args()
        .collect::<Vec<_>>()
        .try_into()
        .map_err(|given| format!("usage: fit_race FILE HIDDEN PRICE THREADS, got {given:?}"))?;
    let text = std::fs::read_to_string(&file)?;
    let rows = text.lines().skip(1).map(|line| line.split(',').map(str::parse).collect::<Result<Vec<f64>, _>>());
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    let inputs = rows[0].len() - 1;
    let start = train::Settings { units: hidden.parse()?, ..train::Settings::default() };
    let polish = polish::Settings { decay: fit::DECAY, ..polish::Settings::default() };
    let settings = fit::Settings { start, polish, price: fit::Price::Fixed(price.parse()?) };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.parse()?).build()?;

    let clock = Instant::now();
    let model = pool.install(|| -> tautnet::error::Result<Model> {
        let x = Mat::from_fn(rows.len(), inputs, |k, j| rows[k][j]);
        let (scaler, data) = fit::learn(
            Dataset::new(x, rows.iter().map(|row| row[inputs]).collect(), None)?,
            &tautnet::Loss::default(),
        )?;
        let fitted = fit::fit(&data, &settings, &mut |_| ControlFlow::Continue(()))?;
        let network = fitted.network().clone();
        let norm = settings.polish.norm;
        let certificate = certify::prove(&network, norm, Some(&scaler), &mut |_| ControlFlow::Continue(()))?;
        let names = (1..=inputs).map(|j| format!("column_{j}"));
        let model = Model {
            network: network.into(),
            columns: Encoder::of_numbers(names, "target"),
            scaler,
            settings: serde_json::json!({}),
            objective: serde_json::json!(fitted.polished.map(|polished| polished.after.objective)),
            certificate: Some(certificate),
            calibration: None,
        };
        model.proved()?;
        Ok(model)
    })?;
    let seconds = clock.elapsed().as_secs_f64();
    println!("{}", serde_json::json!({"seconds": seconds, "objective": model.objective}));
    Ok(())
}
