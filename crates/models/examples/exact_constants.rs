//! How fast the bounds are, and how far they close: the tables of `docs/bounds.md`.
//!
//! ```text
//! cargo run --release -p tautnet-models --example exact_constants [SECONDS [MODEL]...]
//! ```
//!
//! Random networks with standard normal weights, seeds 0 to 19; then those of the files given, plain networks or models.
//! SECONDS (60) is the most that one branch and bound may take.

use faer::Mat;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};
use tautnet::certify::{
    ExactSettings, RangeSettings, Region, exact_lipschitz, largest_gradient_found, lipsdp, output_range,
};
use tautnet::{Norm, Shallow};
use tautnet_models::Stored;

fn random_network(units: usize, inputs: usize, seed: u64) -> Shallow {
    let mut random = Pcg64::seed_from_u64(seed);
    let mut normal = || {
        let radius = (-2.0 * (1.0 - random.random::<f64>()).ln()).sqrt();
        radius * (std::f64::consts::TAU * random.random::<f64>()).cos()
    };
    let w = Mat::from_fn(units, inputs, |_, _| normal());
    let b = (0..units).map(|_| normal()).collect();
    let v = (0..units).map(|_| normal()).collect();
    Shallow::new(w, b, v, 0.0).expect("normal numbers are finite")
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let started = Instant::now();
    let result = work();
    (result, started.elapsed().as_secs_f64())
}

/// One row: the bounds, how long each took, and whether branch and bound closed.
fn constants(name: &str, network: &Shallow, norm: Norm, limit: Duration) -> bool {
    let proceed = &mut |_: f64| ControlFlow::Continue(());
    let settings = ExactSettings::default();
    let (found, search) =
        timed(|| largest_gradient_found(network, &Region::Everywhere, norm, None, &settings.start).unwrap());
    let (bound, solve) = timed(|| lipsdp(network, norm, proceed).unwrap());
    let deadline = Instant::now() + limit;
    let mut observer =
        |_: &_| if Instant::now() < deadline { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
    let (exact, branch) =
        timed(|| exact_lipschitz(network, &Region::Everywhere, norm, None, &settings, &mut observer).unwrap());
    println!(
        "{name:24} {:>4} {:>4} {:>4}  found {:>10.6} {search:7.3} s  exact {:>10.6} .. {:>10.6} gap {:8.1e} nodes {:>7} \
         {branch:7.3} s  LipSDP {:>10.6} (+{:4.1} %) {solve:7.4} s",
        network.units(),
        network.inputs(),
        norm.name(),
        found.map_or(0.0, |found| found.value),
        exact.lower_bound,
        exact.upper_bound,
        exact.relative_gap,
        exact.explored,
        bound.lipschitz_upper_bound,
        100.0 * (bound.lipschitz_upper_bound / exact.upper_bound - 1.0),
    );
    exact.closed
}

/// Ranges of the output over balls around 20 random inputs.
fn ranges(name: &str, network: &Shallow, norm: Norm, radius: f64, nodes: usize) {
    let mut random = Pcg64::seed_from_u64(1);
    let settings = RangeSettings { nodes, ..RangeSettings::default() };
    let (mut closed, mut explored, mut slowest) = (0, 0, 0.0_f64);
    let started = Instant::now();
    for _ in 0..20 {
        let center = (0..network.inputs()).map(|_| 2.0 * random.random::<f64>() - 1.0).collect();
        let region = Region::Ball { center, radius, norm };
        let (range, time) =
            timed(|| output_range(network, &region, &settings, &mut |_, _| ControlFlow::Continue(())).unwrap());
        closed += usize::from(range.lowest.closed && range.highest.closed);
        explored += range.lowest.explored + range.highest.explored;
        slowest = slowest.max(time);
    }
    println!(
        "{name:24} {:>4} {:>4} {:>4}  radius {radius}: {closed} of 20 ranges closed, {explored} nodes, mean {:.4} s, \
         slowest {slowest:.4} s",
        network.units(),
        network.inputs(),
        norm.name(),
        started.elapsed().as_secs_f64() / 20.0,
    );
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let limit = arguments.first().map_or(60.0, |seconds| seconds.parse().expect("SECONDS is a number"));
    let limit = Duration::from_secs_f64(limit);
    let given: Vec<(String, Shallow)> = arguments
        .iter()
        .skip(1)
        .map(|path| {
            (
                path.clone(),
                Stored::read(Path::new(path)).expect("a network file").network().shallow("this program").expect("relu"),
            )
        })
        .collect();
    if given.is_empty() {
        for norm in [Norm::Two, Norm::Infinity, Norm::One] {
            let close =
                |seed: u64| constants(&format!("normal, seed {seed}"), &random_network(20, 5, seed), norm, limit);
            println!("closed: {} of 20\n", (0..20).filter(|&seed| close(seed)).count());
        }
        for (units, inputs) in [(50, 5), (50, 10), (100, 5), (100, 10)] {
            constants("normal, seed 0", &random_network(units, inputs, 0), Norm::Two, limit);
        }
        let proceed = &mut |_: f64| ControlFlow::Continue(());
        for (units, inputs) in [(100, 10), (500, 20), (1000, 50), (2000, 100)] {
            for norm in [Norm::Two, Norm::Infinity] {
                let network = random_network(units, inputs, 0);
                let (bound, time) = timed(|| lipsdp(&network, norm, proceed).unwrap());
                println!(
                    "LipSDP {units} {inputs} {}: gap {:.1e}, {} steps, {time:.4} s",
                    norm.name(),
                    bound.gap,
                    bound.iterations
                );
            }
        }
        for radius in [0.1, 0.5] {
            for norm in [Norm::Two, Norm::Infinity] {
                ranges("normal, seed 0", &random_network(20, 5, 0), norm, radius, 2000);
                ranges("normal, seed 0", &random_network(100, 10, 0), norm, radius, 2000);
            }
        }
    }
    for (name, network) in &given {
        for norm in [Norm::Two, Norm::Infinity, Norm::One] {
            constants(name, network, norm, limit);
        }
        for radius in [0.1, 0.5] {
            for norm in [Norm::Two, Norm::Infinity] {
                ranges(name, network, norm, radius, 2000);
            }
        }
    }
}
