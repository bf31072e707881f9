//! Small seeded data and networks for the tests of polishing.

use faer::Mat;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use tautnet::{Dataset, Shallow};

/// The sum of twelve uniforms: near enough to a normal number.
pub fn normal(random: &mut Pcg64) -> f64 {
    (0..12).map(|_| random.random_range(0.0..1.0)).sum::<f64>() - 6.0
}

/// Normal inputs; targets that bend, with noise.
pub fn data(n: usize, d: usize, seed: u64) -> Dataset {
    let mut random = Pcg64::seed_from_u64(seed);
    let x = Mat::from_fn(n, d, |_, _| normal(&mut random));
    let y = (0..n).map(|k| (2.0 * x[(k, 0)]).sin() + x[(k, d - 1)].abs() + 0.1 * normal(&mut random)).collect();
    Dataset::new(x, y, None).unwrap()
}

/// Normal weights.
pub fn network(m: usize, d: usize, seed: u64) -> Shallow {
    let mut random = Pcg64::seed_from_u64(1000 ^ seed);
    let w = Mat::from_fn(m, d, |_, _| normal(&mut random));
    let b = (0..m).map(|_| 0.5 * normal(&mut random)).collect();
    let v = (0..m).map(|_| normal(&mut random) / (m as f64).sqrt()).collect();
    Shallow::new(w, b, v, 0.1).unwrap()
}
