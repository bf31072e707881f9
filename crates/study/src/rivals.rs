//! Rivals of polishing: patterns that do not come from a trained network.
//!
//! The first two return a network whose units have the patterns asked for, every pattern with both signs: the convex programs of
//! [`polish`](mod@tautnet::polish) and [`convex`](crate::convex) run from there.
//!
//! * *samp-ℓ2, samp-lip* ([`sampled`]): a random half of a network's patterns, used for both signs (P⁺ = P⁻, so again m
//!   units). The half that is left out may hold what the network needs, so the result may be worse than the network:
//!   the comparison is with the network's own objective, and nothing is taken back.
//! * *Gaussian* ([`gaussian`]): the patterns of random half-spaces (Pilanci and Ergen, arXiv:2002.10553). No network is
//!   needed, and training is convex from end to end.
//! * *Gaussian, of perturbed rows too* ([`perturbed`]): what convex adversarial training samples (Bai, Gautam, Gai and Sojoudi, arXiv:2105.12237), and
//!   how many of them are enough ([`patterns_needed`]). Such a pattern need not be one of any weights on the rows as they are, so patterns come back
//!   and no network: [`admm`](mod@crate::admm) takes them.

use faer::Mat;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use std::collections::HashSet;
use tautnet::error::Result;
use tautnet::patterns::Patterns;
use tautnet::polish::{self, Polished};
use tautnet::random::normal;
use tautnet::range::{RADIUS, Range};
use tautnet::{Dataset, Error, Shallow};

/// A network of half of the units, chosen at random, each once with either sign: unit i becomes (w̄_i, |v_i|) and
/// (w̄_i, −|v_i|). As a function it is the constant c; what it stands for are its patterns, its signs and the sizes of its
/// weights. Half of an odd number is rounded up.
pub fn sampled_half(network: &Shallow, seed: u64) -> Result<Shallow> {
    let mut random = Pcg64::seed_from_u64(seed);
    let mut signed: Vec<usize> = (0..network.units()).filter(|&i| network.v()[i] != 0.0).collect();
    if signed.is_empty() {
        return Err(Error::new(
            "every output weight of the network is 0",
            "give a trained network: there is no pattern to sample",
        ));
    }
    let half = signed.len().div_ceil(2);
    for i in 0..half {
        let j = random.random_range(i..signed.len());
        signed.swap(i, j);
    }
    signed.truncate(half);
    signed.sort_unstable();
    let both = |i: usize| (signed[i / 2], if i.is_multiple_of(2) { 1.0 } else { -1.0 });
    Shallow::new(
        Mat::from_fn(2 * half, network.inputs(), |i, k| network.w()[(both(i).0, k)]),
        (0..2 * half).map(|i| network.b()[both(i).0]).collect(),
        (0..2 * half).map(|i| both(i).1 * network.v()[both(i).0].abs()).collect(),
        network.c(),
    )
}

/// [`polish`](tautnet::polish::polish) from [`sampled_half`]: samp-ℓ2 with the method `WeightDecay`, samp-lip with
/// `Alternating`. `before` is the score of the given network, not of the half: what follows in `accepted`, and `after`, may be worse. Where
/// nothing was gained, the network is the half.
pub fn sampled(
    network: &Shallow,
    data: &Dataset,
    settings: &polish::Settings,
    seed: u64,
    observer: &mut polish::Observer<'_>,
) -> Result<Polished> {
    let before = polish::score(network, data, settings)?;
    let mut polished = polish::polish(&sampled_half(network, seed)?, data, settings, observer)?;
    polished.before = before;
    polished.accepted[0] = before;
    Ok(polished)
}

/// A pattern that has been drawn already, or is empty, is drawn again, this often in a row at most.
const DRAWS: usize = 1000;

/// Half-spaces ḡ ~ N(0, I) over (x, 1) with distinct patterns `1[x̄_k·ḡ ≥ 0]` that are on somewhere, each once with either
/// sign: `patterns` · 2 units, v = ±1/patterns, the mean target as output bias. Few data have few patterns: when new ones
/// are no longer found, there are fewer units.
pub fn gaussian(data: &Dataset, patterns: usize, seed: u64) -> Result<Shallow> {
    if patterns == 0 {
        return Err(Error::new("0 patterns were asked for", "give at least 1; half as many as there are to be units"));
    }
    let (n, d) = (data.rows(), data.columns());
    let mut random = Pcg64::seed_from_u64(seed);
    let mut known = HashSet::new();
    let mut gates: Vec<Vec<f64>> = Vec::new();
    let mut missed = 0;
    while gates.len() < patterns && missed < DRAWS {
        let gate: Vec<f64> = (0..=d).map(|_| normal(&mut random)).collect();
        let on: Vec<bool> = (0..n).map(|k| (0..d).fold(gate[d], |h, j| h + gate[j] * data.x[(k, j)]) >= 0.0).collect();
        missed += 1;
        if on.contains(&true) && known.insert(on) {
            gates.push(gate);
            missed = 0;
        }
    }
    let size = 1.0 / patterns as f64;
    Shallow::new(
        Mat::from_fn(2 * gates.len(), d, |i, k| gates[i / 2][k]),
        (0..2 * gates.len()).map(|i| gates[i / 2][d]).collect(),
        (0..2 * gates.len()).map(|i| if i % 2 == 0 { size } else { -size }).collect(),
        mean_target(data),
    )
}

/// Distinct patterns that are on somewhere, of half-spaces ḡ ~ N(0, I) over (x, 1): `1[x̄_k·ḡ ≥ 0]`, and for each of `copies` draws of R ~ N(0, I) those of
/// the rows X + radius · sgn(R). So many of them as were asked for, or fewer where new ones are no longer found.
pub fn perturbed(data: &Dataset, patterns: usize, radius: f64, copies: usize, seed: u64) -> Result<Patterns> {
    if patterns == 0 {
        return Err(Error::new("0 patterns were asked for", "give at least 1; half as many as there are to be units"));
    }
    RADIUS.check("radius", radius)?;
    let (n, d) = (data.rows(), data.columns());
    let mut random = Pcg64::seed_from_u64(seed);
    let mut known = HashSet::new();
    let mut kept: Vec<Vec<bool>> = Vec::new();
    let mut missed = 0;
    while kept.len() < patterns && missed < DRAWS {
        let gate: Vec<f64> = (0..=d).map(|_| normal(&mut random)).collect();
        missed += 1;
        for copy in 0..=copies {
            let mut moved = |x: f64| if copy == 0 { x } else { x + radius * normal(&mut random).signum() };
            let on: Vec<bool> =
                (0..n).map(|k| (0..d).fold(gate[d], |h, j| h + gate[j] * moved(data.x[(k, j)])) >= 0.0).collect();
            if kept.len() < patterns && on.contains(&true) && known.insert(on.clone()) {
                kept.push(on);
                missed = 0;
            }
        }
    }
    Ok(Patterns::from_units(n, kept))
}

/// How many distinct patterns are enough:
///
/// ```text
/// P ≥ min{ (n + 1)/(ψξ) − 1,   (2/ξ)(n + 1 − log ψ) }
/// ```
///
/// With so many, one more pattern makes the optimum of the robust program better with a probability of at most ξ, at the confidence 1 − ψ
/// (arXiv:2105.12237, whose result is about sampled constraints of the dual problem, which has n + 1 unknowns). It is far more than
/// what is used: for 600 rows and ψ = ξ = 0.1 it is 12067, where the paper's own experiments have 36.
pub fn patterns_needed(rows: usize, psi: f64, xi: f64) -> Result<usize> {
    Range::Share.check("psi", psi)?;
    Range::Share.check("xi", xi)?;
    let unknowns = rows as f64 + 1.0;
    Ok((unknowns / (psi * xi) - 1.0).min(2.0 / xi * (unknowns - psi.ln())).ceil() as usize)
}

fn mean_target(data: &Dataset) -> f64 {
    let omega = tautnet::dataset::importances(data);
    omega.iter().zip(&data.y).map(|(o, y)| o * y).sum::<f64>() / data.rows() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toy::toy;
    use std::ops::ControlFlow;
    use tautnet::polish::{Method, Settings};
    use tautnet::train;

    fn trained(data: &Dataset, units: usize) -> Shallow {
        let settings = train::Settings { start: "random".parse().unwrap(), units, ..train::Settings::default() };
        train::train(data, &settings, &mut |_| ControlFlow::Continue(())).unwrap().network
    }

    #[test]
    fn half_of_the_units_come_back_with_both_signs() {
        let data = toy(40, 2, 1);
        for units in [1, 2, 7, 8] {
            let network = trained(&data, units);
            let half = sampled_half(&network, 5).unwrap();
            assert_eq!(half.units(), 2 * units.div_ceil(2));
            let (all, kept) = (Patterns::of(&network, data.x.as_ref()), Patterns::of(&half, data.x.as_ref()));
            for i in (0..half.units()).step_by(2) {
                assert!(kept.unit(i) == kept.unit(i + 1) && half.v()[i] == -half.v()[i + 1] && half.v()[i] > 0.0);
                assert!((0..units).any(|j| all.unit(j) == kept.unit(i) && network.v()[j].abs() == half.v()[i]));
            }
            assert_eq!(half, sampled_half(&network, 5).unwrap());
            let values = half.predict(data.x.as_ref());
            assert!(values.iter().all(|f| (f - network.c()).abs() < 1e-12));
        }
        let network = trained(&data, 20);
        assert!((0..5).any(|seed| sampled_half(&network, seed).unwrap() != sampled_half(&network, 9).unwrap()));
        let silent = Shallow::new(Mat::full(1, 2, 1.0), vec![0.0], vec![0.0], 1.0).unwrap();
        assert!(sampled_half(&silent, 0).unwrap_err().what.contains("output weight"));
    }

    #[test]
    fn sampled_results_are_measured_against_the_network_itself() {
        let data = toy(60, 2, 2);
        let network = trained(&data, 12);
        for (method, lipschitz, decay) in [(Method::WEIGHT_DECAY, 0.0, 0.01), (Method::ALTERNATING, 0.01, 0.0)] {
            let settings = Settings { method, lipschitz_price: lipschitz, decay, rounds: 3, ..Settings::default() };
            let result = sampled(&network, &data, &settings, 3, &mut |_| ControlFlow::Continue(())).unwrap();
            assert_eq!(result.before, polish::score(&network, &data, &settings).unwrap());
            let own = polish::score(&result.network, &data, &settings).unwrap();
            assert!((result.after.objective - own.objective).abs() < 1e-6 * own.objective);
        }
    }

    /// From a file that was reported: c = 3 stayed 3. `crates/tautnet/tests/uses.rs` has the same test for every method itself.
    #[test]
    fn the_reported_network_loses_its_output_bias() {
        let network = Shallow::new(faer::mat![[1.0], [-0.5]], vec![0.1, 0.2], vec![0.01, 0.02], 3.0).unwrap();
        let data = Dataset::new(faer::mat![[0.0], [1.0], [2.0], [3.0]], vec![0.0, 5.0, -5.0, 5.0], None).unwrap();
        for method in Method::all() {
            let settings = Settings { output_bias: false, ..Settings::of(method) };
            let half = sampled(&network, &data, &settings, 0, &mut |_| ControlFlow::Continue(())).unwrap();
            assert!(
                half.network.c() == 0.0 || matches!(half.ending, polish::Ending::Unchanged(_)),
                "{method:?} {half:?}"
            );
        }
    }

    #[test]
    fn gaussian_patterns_are_distinct_alive_and_have_both_signs() {
        let data = toy(30, 2, 3);
        let network = gaussian(&data, 25, 4).unwrap();
        let patterns = Patterns::of(&network, data.x.as_ref());
        assert_eq!(network.units(), 50);
        for i in (0..50).step_by(2) {
            assert!(patterns.unit(i) == patterns.unit(i + 1) && network.v()[i] == -network.v()[i + 1]);
            assert!(!patterns.is_dead(i) && (0..i).all(|j| patterns.unit(j) != patterns.unit(i)));
        }
        assert_eq!(network, gaussian(&data, 25, 4).unwrap());
        assert_ne!(network, gaussian(&data, 25, 5).unwrap());
        assert!(gaussian(&data, 0, 4).unwrap_err().what.contains('0'));
    }

    #[test]
    fn few_data_have_few_patterns() {
        let data = Dataset::new(Mat::from_fn(2, 1, |k, _| k as f64), vec![0.0, 1.0], None).unwrap();
        // On the first, on the second, on both.
        assert_eq!(gaussian(&data, 100, 1).unwrap().units(), 6);
    }

    #[test]
    fn patterns_of_perturbed_rows_are_distinct_and_alive() {
        let data = toy(30, 2, 3);
        let own = perturbed(&data, 25, 0.0, 0, 4).unwrap();
        // The first ones are those of the Gaussian network with this seed.
        let network = gaussian(&data, 25, 4).unwrap();
        let judge = Patterns::of(&network, data.x.as_ref());
        assert!((0..25).all(|i| own.unit(i) == judge.unit(2 * i)));
        let moved = perturbed(&data, 200, 0.3, 2, 4).unwrap();
        assert_eq!(moved.units(), 200);
        for i in 0..200 {
            assert!(!moved.is_dead(i) && (0..i).all(|j| moved.unit(j) != moved.unit(i)));
        }
        assert_eq!(moved, perturbed(&data, 200, 0.3, 2, 4).unwrap());
        // Two rows have three patterns that are on somewhere, whatever moves.
        let few = Dataset::new(Mat::from_fn(2, 1, |k, _| k as f64), vec![0.0, 1.0], None).unwrap();
        assert_eq!(perturbed(&few, 100, 1.0, 3, 1).unwrap().units(), 3);
        assert!(perturbed(&data, 0, 0.1, 1, 1).unwrap_err().what.contains('0'));
        assert!(perturbed(&data, 1, -0.1, 1, 1).unwrap_err().what.contains("radius"));
        assert!(perturbed(&data, 1, f64::NAN, 1, 1).unwrap_err().what.contains("NaN"));
    }

    #[test]
    fn the_number_of_patterns_is_that_of_the_formula() {
        // 601/0.01 − 1 = 60099; 20 (601 + log 10) = 12066.05…
        assert_eq!(patterns_needed(600, 0.1, 0.1).unwrap(), 12067);
        // 3/0.81 − 1 = 2.70…; 2/0.9 (3 + 0.105…) = 6.9…
        assert_eq!(patterns_needed(2, 0.9, 0.9).unwrap(), 3);
        assert!(patterns_needed(2, 0.0, 0.5).unwrap_err().what.contains("psi"));
        assert!(patterns_needed(2, 0.5, f64::NAN).unwrap_err().what.contains("xi"));
    }
}
