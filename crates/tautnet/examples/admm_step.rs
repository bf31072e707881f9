//! Not for users: how long the semidefinite step of ADMM takes.
//!
//! `admm_step UNITS INPUTS ROWS` trains a start on a generated table, runs ten iterations of the alternation in both forms and
//! prints, for each, the milliseconds of every projection alone (repeated on the network of that iteration).

use faer::Mat;
use std::{ops::ControlFlow, time::Instant};
use tautnet::train::projection::{Square, project};
use tautnet::train::{Admm, Common, admm, gradient_descent};
use tautnet::{Dataset, Shallow};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let numbers: Vec<usize> = std::env::args().skip(1).map(|text| text.parse()).collect::<Result<_, _>>()?;
    let &[units, inputs, rows] = &numbers[..] else { return Err("usage: admm_step UNITS INPUTS ROWS".into()) };
    let entry = |k: usize, j: usize| ((k * (3 * j + 7) + j * j) as f64 * 0.618).sin() * 1.7;
    let x = Mat::from_fn(rows, inputs, entry);
    let y = (0..rows).map(|k| (0..inputs).map(|j| (2.0 * x[(k, j)]).sin() / (1 + j) as f64).sum()).collect();
    let data = Dataset::new(x, y, None)?;
    let settings = Common { units, ..Common::default() };
    let go_on = &mut |_: &_| ControlFlow::Continue(());
    let start = gradient_descent::train(&data, &settings, &Default::default(), go_on)?.network;
    let steepness = admm::multipliers(&start, None)?.bound;
    println!("{units} units, {inputs} inputs, {rows} rows; the start's bound is {steepness:.4}");
    for (name, bound) in [("penalized", None), ("enforced at half of it", Some(0.5 * steepness))] {
        println!("{name}:");
        for iterations in 1..=10 {
            let own = Admm { bound, iterations, tolerance: 0.0, steps: 200, ..Admm::default() };
            let trained = admm::from_network(&start, &data, &settings, &own, go_on)?;
            let network = steeper(&trained.network, bound.map_or(1.0, |_| 1.2));
            let square = bound.map_or(Square::Priced(own.price), |bound| Square::Fixed(bound * bound));
            let multipliers = admm::multipliers(&trained.network, bound)?.multipliers;
            let clock = Instant::now();
            let found = project(&network, &multipliers, square, own.penalty)?;
            let milliseconds = 1e3 * clock.elapsed().as_secs_f64();
            println!("  {milliseconds:8.2} ms, {:2} iterations, gap {:.1e}", found.iterations, found.gap);
        }
    }
    Ok(())
}

/// The step of an enforced bound has work to do only where its target is too steep.
fn steeper(network: &Shallow, factor: f64) -> Shallow {
    network.clone().times(factor)
}
