//! Multipliers of LipSDP of a chain from which a Newton method has not far to go: chosen layer by layer, each for itself, in a few sweeps.
//!
//! With the second moments Ω of the sums h of a layer, the multipliers of that layer alone are best where
//!
//! ```text
//!     tr Ω Q(t) − μ log det A(t)        (chain_recursion.rs; μ > 0 small)
//! ```
//!
//! is least: Q of later layers is what it is, and `tr Ω Q` is what is left of the bound for these sums. It is convex, and with `S = K Ω Kᵀ` its slopes
//! in t_i are `Ω_ii − Σ_k (S + μ A⁻¹)_kk`, its second derivatives `Σ_kl A⁻¹_kl (2 S + μ A⁻¹)_kl`, over the numbers e of both units. A sweep goes from the
//! outputs to the inputs. The moments are at first those of numbers e that are as large as they may be, and depend on nothing; then those that the
//! multipliers of the last sweep have as their worst case.

use super::chain_problem::{Hidden, Problem};
use super::chain_recursion::{
    Eliminated, Pass, Step, conjugated, eliminate, finish, greedy, inverse, last, left_by, step,
};
use crate::dense::{self, Scaled};
use faer::Mat;
use tautnet_cone::Stop;

/// Sweeps at most; fewer where one gains less than this share.
const SWEEPS: usize = 8;
const LITTLE: f64 = 0.05;
/// Newton steps of a layer, and where they end.
const STEPS: usize = 30;
const SMALL: f64 = 1e-3;
/// The weight μ of the barrier, of the mean of the numbers Ω_ii t_i.
const BARRIER: f64 = 1e-2;
/// How much of moments that depend on nothing is added to those of the worst case.
const SPREAD: f64 = 1e-2;

/// Multipliers with their pass: the greedy ones, or better ones.
pub(super) fn start(problem: &Problem, room: f64) -> Option<(Vec<Vec<f64>>, Pass)> {
    let mut best = greedy(problem, room)?;
    let mut least = dense::largest_eigenvalue(&best.1.least)?;
    let independent = moments(problem, None);
    let mut known = independent.clone();
    let mut from = best.0.clone();
    for _ in 0..SWEEPS {
        let Some((t, pass)) = sweep(problem, &known, &from) else { break };
        let Some(bound) = dense::largest_eigenvalue(&pass.least) else { break };
        known = moments(problem, Some(&pass));
        for (known, independent) in known.iter_mut().zip(&independent) {
            let share = SPREAD * trace(known) / trace(independent).max(f64::MIN_POSITIVE);
            *known = Mat::from_fn(known.nrows(), known.ncols(), |i, j| known[(i, j)] + share * independent[(i, j)]);
        }
        from.clone_from(&t);
        let gained = bound < (1.0 - LITTLE) * least;
        if bound < least {
            (best, least) = ((t, pass), bound);
        }
        if !gained || Stop::here().asked() {
            break;
        }
    }
    Some(best)
}

fn trace(a: &Mat<f64>) -> f64 {
    (0..a.nrows()).map(|i| a[(i, i)]).sum()
}

/// The second moments of the sums of each layer, for Δ with the moments 1: of the worst case of a pass with every e made as large as it may be, or of
/// e that depend on nothing. They are scaled to have the trace 1.
fn moments(problem: &Problem, pass: Option<&Pass>) -> Vec<Mat<f64>> {
    let scaled = |mut h: Mat<f64>| {
        let size = trace(&h);
        if size > 0.0 && size.is_finite() {
            h *= faer::Scale(1.0 / size);
        }
        h
    };
    let inputs = problem.first.ncols();
    let mut h = scaled(conjugated(&problem.first, &Mat::identity(inputs, inputs)));
    let mut all = Vec::new();
    for (l, hidden) in problem.hidden.iter().enumerate() {
        let next = match pass {
            Some(pass) => left_by(hidden, &pass.layers[l], &h),
            None => {
                let kinds = hidden.kinds as f64;
                let e = Mat::from_fn(hidden.swing.ncols(), hidden.swing.ncols(), |i, j| {
                    if i == j { h[(i % hidden.units(), i % hidden.units())] / kinds } else { 0.0 }
                });
                let mut next = conjugated(&hidden.center, &h);
                next += conjugated(&hidden.swing, &e);
                next
            }
        };
        all.push(std::mem::replace(&mut h, scaled(next)));
    }
    all
}

/// From the outputs to the inputs, the best multipliers of each layer for these moments.
fn sweep(problem: &Problem, moments: &[Mat<f64>], from: &[Vec<f64>]) -> Option<(Vec<Vec<f64>>, Pass)> {
    let mut q = last(problem);
    let (mut layers, mut chosen) = (Vec::new(), Vec::new());
    for l in (0..problem.hidden.len()).rev() {
        let parts = step(problem, l, &q);
        let (t, eliminated, before) = of_layer(&problem.hidden[l], parts, &moments[l], &from[l])?;
        layers.push(eliminated);
        chosen.push(t);
        q = before;
    }
    chosen.reverse();
    Some((chosen, finish(problem, layers, &q)))
}

/// The best multipliers of one layer.
fn of_layer(
    hidden: &Hidden,
    parts: Step,
    moments: &Mat<f64>,
    from: &[f64],
) -> Option<(Vec<f64>, Eliminated, Mat<f64>)> {
    let m = hidden.units();
    let value =
        |q: &Mat<f64>| -> f64 { (0..m).map(|j| (0..m).map(|i| moments[(i, j)] * q[(i, j)]).sum::<f64>()).sum() };
    // Those of before, made larger together until they prove something; those that are the same for all units always do.
    let mut t = from.to_vec();
    let mut here = eliminate(&t, parts.clone());
    for _ in 0..60 {
        if here.is_some() {
            break;
        }
        t.iter_mut().for_each(|t| *t *= 2.0);
        here = eliminate(&t, parts.clone());
    }
    let (mut eliminated, mut q) = here?;
    let weight = BARRIER * (0..m).map(|i| moments[(i, i)] * t[i]).sum::<f64>() / (m * hidden.kinds) as f64;
    let barrier = |eliminated: &Eliminated| -weight * super::chain_recursion::log_determinant(&eliminated.factor);
    for _ in 0..STEPS {
        let inverted = inverse(&eliminated.factor);
        let worst = conjugated(&eliminated.gain, moments);
        let pairs = |i: usize, j: usize| {
            let kinds = hidden.kinds;
            (0..kinds).flat_map(move |k| (0..kinds).map(move |o| (k * m + i, o * m + j)))
        };
        let slopes: Vec<f64> = (0..m)
            .map(|i| {
                let of = |k: usize| worst[(k * m + i, k * m + i)] + weight * inverted[(k * m + i, k * m + i)];
                moments[(i, i)] - (0..hidden.kinds).map(of).sum::<f64>()
            })
            .collect();
        let bends = Mat::from_fn(m, m, |i, j| {
            pairs(i, j).map(|place| inverted[place] * (2.0 * worst[place] + weight * inverted[place])).sum()
        });
        let system = Scaled::new(bends)?;
        let newton: Vec<f64> = system.solve(&slopes).into_iter().map(|x| -x).collect();
        let decrement = -slopes.iter().zip(&newton).map(|(slope, x)| slope * x).sum::<f64>();
        if !(decrement > SMALL * weight) {
            break;
        }
        let now = value(&q) + barrier(&eliminated);
        let mut length = 1.0;
        let moved = loop {
            let next: Vec<f64> = t.iter().zip(&newton).map(|(t, x)| t + length * x).collect();
            if next.iter().all(|t| *t > 0.0)
                && let Some((eliminated, q)) = eliminate(&next, parts.clone())
                && value(&q) + barrier(&eliminated) <= now - 0.1 * length * decrement
            {
                break Some((next, eliminated, q));
            }
            length *= 0.6;
            if length < 1e-6 || Stop::here().asked() {
                break None;
            }
        };
        let Some(moved) = moved else { break };
        (t, eliminated, q) = moved;
    }
    Some((t, eliminated, q))
}
