//! Seeded random points and programs.

use faer::Mat;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use tautnet_cone::{Cone, Dense, cone::svec};

pub fn generator(seed: u64) -> Pcg64 {
    Pcg64::seed_from_u64(seed)
}

pub fn normal(rng: &mut Pcg64) -> f64 {
    let (u, v): (f64, f64) = (rng.random(), rng.random());
    (-2.0 * (1.0 - u).ln()).sqrt() * (2.0 * std::f64::consts::PI * v).cos()
}

pub fn vector(rng: &mut Pcg64, n: usize) -> Vec<f64> {
    (0..n).map(|_| normal(rng)).collect()
}

pub fn matrix(rng: &mut Pcg64, rows: usize, columns: usize) -> Mat<f64> {
    Mat::from_fn(rows, columns, |_, _| normal(rng))
}

/// A point inside the product cone, at a random distance from the boundary.
pub fn interior(rng: &mut Pcg64, cones: &[Cone]) -> Vec<f64> {
    let mut out = Vec::new();
    for &cone in cones {
        match cone {
            Cone::Nonnegative(n) => out.extend(vector(rng, n).iter().map(|a| a.exp())),
            Cone::SecondOrder(n) => {
                let tail = vector(rng, n - 1);
                let length = tail.iter().map(|a| a * a).sum::<f64>().sqrt();
                out.push(length + normal(rng).exp());
                out.extend(tail);
            }
            Cone::Semidefinite(k) => {
                let root = matrix(rng, k, k);
                let mut square = &root * root.transpose();
                (0..k).for_each(|j| square[(j, j)] += 0.1 * normal(rng).exp());
                let mut v = vec![0.0; cone.length()];
                svec(square.as_ref(), &mut v);
                out.extend(v);
            }
        }
    }
    out
}

/// A program with strictly feasible primal and dual points, hence solvable. `rank` is that of `P`.
pub fn solvable(seed: u64, variables: usize, rank: usize, cones: &[Cone]) -> Dense {
    let rng = &mut generator(seed);
    let rows = cones.iter().map(|c| c.length()).sum();
    let (a, root) = (matrix(rng, rows, variables), matrix(rng, variables, rank));
    let p = &root * root.transpose();
    let (x, s, z) = (vector(rng, variables), interior(rng, cones), interior(rng, cones));
    let b = (0..rows).map(|i| s[i] - (0..variables).map(|j| a[(i, j)] * x[j]).sum::<f64>()).collect();
    let q = (0..variables)
        .map(|j| {
            (0..rows).map(|i| a[(i, j)] * z[i]).sum::<f64>() - (0..variables).map(|l| p[(j, l)] * x[l]).sum::<f64>()
        })
        .collect();
    Dense { p, q, a, b, offset: 0.5, cones: cones.to_vec() }
}
