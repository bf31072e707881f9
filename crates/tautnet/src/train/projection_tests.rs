//! The semidefinite step against its statement: the whole matrix of (LMI), and a dual bound by elimination in every unit.

use super::projection::{Projected, Square, project};
use crate::certify::lipsdp;
use crate::dense;
use crate::random::normal;
use crate::{Norm, Shallow};
use faer::{Mat, Side};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use std::ops::ControlFlow;

fn random(m: usize, d: usize, seed: u64) -> (Shallow, Vec<f64>, Pcg64) {
    let mut random = Pcg64::seed_from_u64(seed);
    let w = Mat::from_fn(m, d, |_, _| normal(&mut random));
    let v = (0..m).map(|_| normal(&mut random) / (m as f64).sqrt()).collect();
    let t = (0..m).map(|_| (1.5 * normal(&mut random)).exp()).collect();
    (Shallow::new(w, vec![0.5; m], v, 1.0).unwrap(), t, random)
}

/// (LMI)'s matrix, entry by entry.
fn matrix(network: &Shallow, t: &[f64], square: f64) -> Mat<f64> {
    let (m, d) = (network.units(), network.inputs());
    let mut matrix = Mat::zeros(d + m + 1, d + m + 1);
    (0..d).for_each(|k| matrix[(k, k)] = square);
    for i in 0..m {
        matrix[(d + i, d + i)] = 2.0 * t[i];
        for k in 0..d {
            matrix[(d + i, k)] = -t[i] * network.w()[(i, k)];
            matrix[(k, d + i)] = matrix[(d + i, k)];
        }
        matrix[(d + i, d + m)] = -network.v()[i];
        matrix[(d + m, d + i)] = -network.v()[i];
    }
    matrix[(d + m, d + m)] = 1.0;
    matrix
}

fn smallest(matrix: &Mat<f64>) -> f64 {
    matrix.self_adjoint_eigenvalues(Side::Lower).unwrap()[0]
}

fn distance(target: &Shallow, result: &Shallow) -> f64 {
    let (m, d) = (target.units(), target.inputs());
    (0..m)
        .map(|i| {
            let w: f64 = (0..d).map(|k| (target.w()[(i, k)] - result.w()[(i, k)]).powi(2)).sum();
            w + (target.v()[i] - result.v()[i]).powi(2)
        })
        .sum()
}

/// What X proves, from the statement of the problem: a quadratic minimized in every unit, by elimination.
fn dual(target: &Shallow, t: &[f64], square: Square, penalty: f64, x: &Mat<f64>) -> f64 {
    let (m, d) = (target.units(), target.inputs());
    let trace: f64 = (0..d).map(|k| x[(k, k)]).sum();
    let mut x = x.clone();
    let mut value = 0.0;
    match square {
        Square::Fixed(square) => value -= square * trace,
        Square::Priced(_) if trace == 0.0 => (),
        Square::Priced(price) => {
            let by = |k: usize| if k < d { (price / trace).sqrt() } else { 1.0 };
            x = Mat::from_fn(d + 1, d + 1, |a, b| by(a) * by(b) * x[(a, b)]);
        }
    }
    value -= x[(d, d)];
    for i in 0..m {
        let by = |k: usize| if k < d { t[i] } else { 1.0 };
        let a =
            Mat::from_fn(d + 1, d + 1, |a, b| (if a == b { penalty } else { 0.0 }) + by(a) * x[(a, b)] * by(b) / t[i]);
        let p = Mat::from_fn(d + 1, 1, |k, _| if k < d { target.w()[(i, k)] } else { target.v()[i] });
        let mut solved = &p * penalty;
        let mut factor = a;
        assert!(dense::cholesky(&mut factor));
        dense::solve_lower(factor.as_ref(), solved.as_mut());
        dense::solve_lower_transposed(factor.as_ref(), solved.as_mut());
        value += 0.5 * penalty * ((p.transpose() * &p)[(0, 0)] - (p.transpose() * &solved)[(0, 0)]);
    }
    value
}

/// The result satisfies (LMI), by the eigenvalues of its whole matrix, and has the objective it says.
fn feasible(target: &Shallow, t: &[f64], square: Square, penalty: f64) -> Projected {
    let found = project(target, t, square, penalty).unwrap();
    let scale = t.iter().fold(1.0, |a: f64, b| a.max(2.0 * b)).max(found.square);
    let least = smallest(&matrix(&found.network, t, found.square));
    assert!(least >= -1e-14 * (t.len() + 10) as f64 * scale, "{least:e}");
    let price = if let Square::Priced(price) = square { price * found.square } else { 0.0 };
    let objective = price + 0.5 * penalty * distance(target, &found.network);
    assert!((objective - found.objective).abs() <= 1e-9 * objective + 1e-13, "{objective} {}", found.objective);
    found
}

/// [`feasible`], and optimal by weak duality.
fn judge(target: &Shallow, t: &[f64], square: Square, penalty: f64, tolerance: f64) -> Projected {
    let found = feasible(target, t, square, penalty);
    assert!(smallest(&found.dual) >= -1e-12 * (1.0 + found.dual.norm_max()));
    let lower = dual(target, t, square, penalty, &found.dual);
    let objective = found.objective;
    assert!(lower <= objective * (1.0 + 1e-9) + 1e-13, "weak duality: {lower} {objective}");
    assert!(objective - lower <= tolerance * objective + 1e-12, "{objective} {lower} {square:?}");
    found
}

#[test]
fn it_is_feasible_and_optimal() {
    for (seed, (m, d)) in [(1, 1), (5, 2), (30, 4), (3, 9), (60, 11), (8, 8)].into_iter().enumerate() {
        let (target, t, _) = random(m, d, seed as u64);
        for square in [Square::Fixed(1.0), Square::Fixed(1e-3), Square::Priced(1e-5), Square::Priced(0.3)] {
            let found = judge(&target, &t, square, 0.25, 1e-8);
            assert!(found.gap < 1e-8 && found.iterations <= 40, "{found:?}");
            // What the multipliers prove, LipSDP proves.
            let bound = lipsdp(&found.network, Norm::Two, &mut |_| ControlFlow::Continue(())).unwrap();
            assert!(bound.lipschitz_upper_bound <= found.square.sqrt() * (1.0 + 1e-9));
        }
    }
}

#[test]
fn one_unit_with_one_input_by_hand() {
    // ρ ≥ t w²/2 / (1 − v²/2t): with t = 1, ρ = 1 the set is w² + v² ≤ 2, and the nearest point of (3, 1) is radial.
    let target = Shallow::new(Mat::full(1, 1, 3.0), vec![0.0], vec![1.0], 0.0).unwrap();
    let found = project(&target, &[1.0], Square::Fixed(1.0), 1.0).unwrap();
    let by = (2.0f64 / 10.0).sqrt();
    assert!((found.network.w()[(0, 0)] - 3.0 * by).abs() < 1e-7 && (found.network.v()[0] - by).abs() < 1e-7);
}

#[test]
fn what_is_inside_stays_to_the_bit() {
    let (target, t, _) = random(10, 3, 5);
    let wide: Vec<f64> = t.iter().map(|t| t + 10.0).collect();
    let found = project(&target, &wide, Square::Fixed(1e6), 0.25).unwrap();
    assert_eq!((found.network, found.objective, found.gap), (target, 0.0, 0.0));
}

#[test]
fn multipliers_and_weights_of_any_size() {
    for seed in 0..40 {
        let (m, d) = (1 + seed as usize % 23, 1 + seed as usize % 7);
        let (start, multipliers, mut random) = random(m, d, 100 + seed);
        // Twelve orders of magnitude to the last digits; far beyond that, feasible all the same.
        for power in [2, 4] {
            let (mut target, mut t) = (start.clone(), multipliers.clone());
            for i in 0..m {
                let size = (f64::from(power) * normal(&mut random)).exp();
                (0..d).for_each(|k| target.w_mut()[(i, k)] *= size);
                t[i] = t[i].powi(power);
                // Dead units, and units that only one layer knows.
                match random.random_range(0..5u64) {
                    0 => (0..d).for_each(|k| target.w_mut()[(i, k)] = 0.0),
                    1 => target.v_mut()[i] = 0.0,
                    _ => (),
                }
            }
            for (square, penalty) in [(Square::Fixed(0.1), 0.25), (Square::Priced(1e-3), 2.0)] {
                let found = match power {
                    2 => judge(&target, &t, square, penalty, 1e-6),
                    _ => feasible(&target, &t, square, penalty),
                };
                assert!((0.0..=1.0).contains(&found.gap));
            }
        }
    }
}

#[test]
fn units_without_multiplier_lose_their_output_weight_only() {
    let (target, mut t, _) = random(6, 3, 9);
    (t[1], t[4]) = (0.0, 0.0);
    for square in [Square::Fixed(0.5), Square::Priced(0.01)] {
        let found = project(&target, &t, square, 0.25).unwrap();
        assert!(smallest(&matrix(&found.network, &t, found.square)) > -1e-12);
        for i in [1, 4] {
            assert!(found.network.v()[i] == 0.0 && (0..3).all(|k| found.network.w()[(i, k)] == target.w()[(i, k)]));
        }
        let objective = 0.125 * distance(&target, &found.network);
        let price = if square == Square::Fixed(0.5) { 0.0 } else { 0.01 * found.square };
        assert!((objective + price - found.objective).abs() < 1e-12);
        // None at all, and zero weights.
        let none = feasible(&target, &[0.0; 6], square, 0.25);
        assert!(none.network.v() == [0.0; 6] && none.network.w() == target.w() && none.gap == 0.0);
        let zero = Shallow::new(Mat::zeros(6, 3), vec![0.0; 6], vec![0.0; 6], 0.0).unwrap();
        assert_eq!(project(&zero, &t, square, 0.25).unwrap().network, zero);
    }
}

#[test]
fn many_inputs_go_by_conjugate_gradients_to_the_same_end() {
    // 57 inputs and more make 1711 unknowns; padding with columns of zeros changes nothing.
    let (small, t, _) = random(70, 6, 11);
    let w = Mat::from_fn(70, 60, |i, k| if k < 6 { small.w()[(i, k)] } else { 0.0 });
    let wide = Shallow::new(w, small.b().to_vec(), small.v().to_vec(), small.c()).unwrap();
    for square in [Square::Fixed(0.3), Square::Priced(1e-2)] {
        let (few, many) = (judge(&small, &t, square, 0.25, 1e-8), judge(&wide, &t, square, 0.25, 1e-6));
        assert!((few.objective / many.objective - 1.0).abs() < 1e-6);
    }
    let (target, t, _) = random(80, 58, 12);
    judge(&target, &t, Square::Fixed(1.0), 0.25, 1e-6);
}

#[test]
fn bad_input_is_refused_with_its_value() {
    let (target, t, _) = random(3, 2, 1);
    let refused = |t: &[f64], square, penalty| project(&target, t, square, penalty).unwrap_err().what;
    assert!(refused(&t, Square::Fixed(0.0), 1.0).contains("bound of a projection is 0"));
    assert!(refused(&t, Square::Priced(-1.0), 1.0).contains("price of a projection is -1"));
    assert!(refused(&t, Square::Fixed(1.0), f64::NAN).contains("NaN"));
    assert!(refused(&t[1..], Square::Fixed(1.0), 1.0).contains("2 multipliers"));
    assert!(refused(&[1.0, -2.0, 1.0], Square::Fixed(1.0), 1.0).contains("unit 1 is -2"));
}
