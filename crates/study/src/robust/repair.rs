//! Weights of hard cells that are in them.
//!
//! A cell is a convex cone, and the *room* `min over k of σ_ik x̄_k·z̄ − ε‖z‖` of weights in it is concave and grows with their size. So weights that are short of
//! room by a little are put right by adding enough of a direction with room. Such directions are looked for
//! by the perceptron for perturbed rows, all units at the same time: from the weights that were seen first, steps along the row with the least
//! room, [`STEPS`] before every look at the network and [`MOST`] in all. A unit without such a direction gets the weights 0, which are always allowed.

use super::norms::shrink;
use super::problem::Problem;
use crate::admm::products::length;

/// Steps of the perceptron before a look.
const STEPS: usize = 20;
/// Looks that have such steps.
const MOST: usize = 200;
/// What rounding may take away.
const ROUNDING: f64 = 1e-12;

/// The directions that were found.
pub(super) struct Repair<'a> {
    problem: &'a Problem,
    looks: usize,
    /// Where the perceptron of every unit stands; of length 1, or 0 before it begins.
    at: Vec<f64>,
    /// The directions of length 1 with the most room so far, and that room.
    directions: Vec<f64>,
    rooms: Vec<f64>,
}

impl<'a> Repair<'a> {
    pub fn new(problem: &'a Problem) -> Self {
        let (m, size) = (problem.m(), problem.m() * problem.e());
        Self { problem, looks: 0, at: vec![0.0; size], directions: vec![0.0; size], rooms: vec![0.0; m] }
    }

    /// Put every unit into its cell.
    pub fn put_right(&mut self, weights: &mut [f64]) {
        if !self.problem.hard {
            return;
        }
        let e = self.problem.e();
        let short: Vec<f64> = self
            .least(weights)
            .iter()
            .zip(weights.chunks(e))
            .map(|((room, _), z)| ROUNDING * length(z) - room)
            .collect();
        if short.iter().any(|short| *short > 0.0) && self.looks < MOST {
            self.looks += 1;
            self.seek(weights);
        }
        for (i, z) in weights.chunks_mut(e).enumerate().filter(|(i, _)| short[*i] > 0.0) {
            if self.rooms[i] > 0.0 {
                let by = short[i] / self.rooms[i];
                z.iter_mut().zip(&self.directions[i * e..]).for_each(|(z, direction)| *z += by * direction);
            } else {
                z.fill(0.0);
            }
        }
    }

    /// The room of every unit's weights, and the row with the least.
    fn least(&self, weights: &[f64]) -> Vec<(f64, usize)> {
        let m = self.problem.m();
        let reaches: Vec<f64> = weights.chunks(self.problem.e()).map(|z| self.problem.reach(z)).collect();
        let mut least = vec![(f64::INFINITY, 0); m];
        for (k, row) in self.problem.products(weights).chunks(m).enumerate() {
            for (i, (h, &on)) in row.iter().zip(self.problem.row(k)).enumerate() {
                let room = if on { *h } else { -h } - reaches[i];
                if room < least[i].0 {
                    least[i] = (room, k);
                }
            }
        }
        least
    }

    /// Steps towards more room.
    fn seek(&mut self, weights: &[f64]) {
        let (problem, e) = (self.problem, self.problem.e());
        for (at, z) in self.at.chunks_mut(e).zip(weights.chunks(e)).filter(|(at, _)| length(at) == 0.0) {
            at.copy_from_slice(z);
            normalize(at);
        }
        for step in 0..STEPS {
            let by = 1.0 / (((self.looks - 1) * STEPS + step + 1) as f64).sqrt();
            let least = self.least(&self.at);
            for (i, (at, (room, k))) in self.at.chunks_mut(e).zip(least).enumerate() {
                if length(at) == 0.0 {
                    continue;
                }
                if room > self.rooms[i] {
                    self.rooms[i] = room;
                    self.directions[i * e..][..e].copy_from_slice(at);
                }
                let row = problem.plain.x.row(k);
                let by = by / row.norm_l2();
                let sigma = if problem.row(k)[i] { by } else { -by };
                at.iter_mut().zip(row.iter()).for_each(|(z, x)| *z += sigma * x);
                shrink(problem.norm, by * problem.radius, &mut at[..e - 1]);
                normalize(at);
            }
        }
    }
}

fn normalize(z: &mut [f64]) {
    let size = length(z);
    if size > 0.0 {
        z.iter_mut().for_each(|z| *z /= size);
    }
}
