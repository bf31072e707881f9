//! Not for users: one timed solve of weight decay with many unknowns, for `benchmarks/many_unknowns.py`.
//!
//! `many_unknowns ROWS COLUMNS UNITS DECAY TOL [SEED]` draws rows of a network with noise, trains a start for a few epochs, polishes it by the method
//! `weight-decay`, and prints one JSON object.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use std::{ops::ControlFlow, time::Instant};
use tautnet::{Dataset, polish, train};

/// Units of the network that the rows are drawn from.
const TEACHER: usize = 20;
/// The noise, beside targets of about 1.
const NOISE: f64 = 0.3;
const EPOCHS: usize = 3;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let [n, d, units] = [0, 1, 2].map(|k| given[k].parse::<usize>().expect("a whole number"));
    let [decay, tol] = [3, 4].map(|k| given[k].parse::<f64>().expect("a number"));
    let seed = given.get(5).map_or(Ok(1), |seed| seed.parse())?;
    let random = &mut Pcg64::seed_from_u64(seed);
    let mut normal = || {
        let [a, b]: [f64; 2] = [random.random_range(f64::MIN_POSITIVE..1.0), random.random_range(0.0..1.0)];
        (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
    };
    let x = faer::Mat::from_fn(n, d, |_, _| normal());
    let teacher: Vec<Vec<f64>> = (0..TEACHER).map(|_| (0..d).map(|_| normal() / (d as f64).sqrt()).collect()).collect();
    let outer: Vec<f64> = (0..TEACHER).map(|_| 2.0 * normal() / (TEACHER as f64).sqrt()).collect();
    let y: Vec<f64> = (0..n)
        .map(|k| {
            let unit = |w: &Vec<f64>| w.iter().enumerate().map(|(j, w)| w * x[(k, j)]).sum::<f64>().max(0.0);
            teacher.iter().zip(&outer).map(|(w, v)| v * unit(w)).sum::<f64>() + NOISE * normal()
        })
        .collect();
    let data = Dataset::new(x, y, None)?;
    let descent =
        train::Descent { rate: 1e-3, batch: 256, epochs: EPOCHS, decay, patience: EPOCHS, ..Default::default() };
    let settings = train::Settings { start: descent.into(), units, ..Default::default() };
    let start = Instant::now();
    let trained = train::train(&data, &settings, &mut |_| ControlFlow::Continue(()))?;
    let trained_in = start.elapsed().as_secs_f64();
    let settings = polish::Settings { decay, tol, ..polish::Settings::of(polish::Method::WEIGHT_DECAY) };
    let start = Instant::now();
    let polished = polish::polish(&trained.network, &data, &settings, &mut |_| ControlFlow::Continue(()))?;
    let seconds = start.elapsed().as_secs_f64();
    // Where a factor was too large, a note tells how many products with the rows were taken.
    let number = |note: &String| note.split_whitespace().find_map(|word| word.parse::<usize>().ok());
    let products = polished.notes.iter().filter(|note| note.contains("conjugate")).find_map(number);
    println!(
        "{{\"rows\": {n}, \"columns\": {d}, \"units\": {units}, \"training_seconds\": {trained_in:.2}, \"seconds\": {seconds:.2}, \
         \"iterations\": {}, \"products\": {}, \"gap\": {}, \"before\": {}, \"objective\": {}, \"ending\": \"{}\"}}",
        polished.iterations,
        products.map_or_else(|| "null".into(), |products| products.to_string()),
        polished.duality_gap.map_or_else(|| "null".into(), |gap| gap.to_string()),
        polished.before.objective,
        polished.after.objective,
        if polished.ending == polish::Ending::Solved { "solved" } else { "stopped early" },
    );
    Ok(())
}
