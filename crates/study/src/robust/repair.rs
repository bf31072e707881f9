//! Weights of hard cells that are in them.
//!
//! A cell is a convex cone, and the *room* `min over k of σ_ik x̄_k·z̄ − ε‖z‖` of weights in it is concave and grows with their size. So weights that are short of
//! room by a little are put right by adding enough of a direction with room. Such directions are looked for once a unit,
//! when it is needed, by the perceptron for perturbed rows: from the weights at hand, steps along the row with the least
//! room. Where none is found in [`STEPS`] the unit is taken to have no cell, and gets the weights 0, which are always allowed.

use super::norms::{dual, shrink};
use super::problem::Problem;
use crate::admm::products::length;

/// Steps of the perceptron for one unit.
const STEPS: usize = 2000;
/// What rounding may take away.
const ROUNDING: f64 = 1e-12;

/// The directions that were found.
pub(super) struct Repair<'a> {
    problem: &'a Problem,
    /// A direction of length 1 and its room; none where none was found.
    directions: Vec<Option<Option<(Vec<f64>, f64)>>>,
    /// Rows one after another.
    rows: Vec<f64>,
}

impl<'a> Repair<'a> {
    pub fn new(problem: &'a Problem) -> Self {
        let (n, e) = (problem.n(), problem.e());
        let rows = (0..n * e).map(|at| problem.plain.x[(at / e, at % e)]).collect();
        Self { problem, directions: vec![None; problem.m()], rows }
    }

    /// Put every unit into its cell.
    pub fn into_cells(&mut self, weights: &mut [f64]) {
        if !self.problem.hard {
            return;
        }
        for (i, z) in weights.chunks_mut(self.problem.e()).enumerate() {
            let size = length(z);
            if size == 0.0 {
                continue;
            }
            let short = ROUNDING * size - self.room(i, z).0;
            if short <= 0.0 {
                continue;
            }
            if self.directions[i].is_none() {
                self.directions[i] = Some(self.direction(i, z));
            }
            match self.directions[i].as_ref().and_then(Option::as_ref) {
                Some((direction, room)) => {
                    z.iter_mut().zip(direction).for_each(|(z, direction)| *z += short / room * direction);
                }
                None => z.fill(0.0),
            }
        }
    }

    /// The room of a unit's weights, and the row with the least.
    fn room(&self, i: usize, z: &[f64]) -> (f64, usize) {
        let (reach, e) = (self.problem.reach(z), z.len());
        let room = |(k, x): (usize, &[f64])| {
            let h: f64 = x.iter().zip(z).map(|(x, z)| x * z).sum();
            (if self.problem.row(k)[i] { h } else { -h }) - reach
        };
        let all = self.rows.chunks(e).enumerate().map(|row| (room(row), row.0));
        all.fold((f64::INFINITY, 0), |least, next| if next.0 < least.0 { next } else { least })
    }

    /// A direction with room.
    fn direction(&self, i: usize, start: &[f64]) -> Option<(Vec<f64>, f64)> {
        let (e, norm) = (start.len(), self.problem.norm);
        let scale = 1.0 / length(start);
        let mut z: Vec<f64> = start.iter().map(|z| scale * z).collect();
        let mut best: Option<(Vec<f64>, f64)> = None;
        for step in 0..STEPS {
            let (room, k) = self.room(i, &z);
            let size = length(&z);
            if room > best.as_ref().map_or(1e-6 * size, |best| best.1 * size) {
                best = Some((z.iter().map(|z| z / size).collect(), room / size));
            }
            // Steps for more room where there is some, too.
            let row = &self.rows[k * e..][..e];
            let by = size / ((1.0 + step as f64).sqrt() * length(row));
            let sigma = if self.problem.row(k)[i] { by } else { -by };
            z.iter_mut().zip(row).for_each(|(z, x)| *z += sigma * x);
            shrink(norm, by * self.problem.radius, &mut z[..e - 1]);
            if dual(norm, &z) == 0.0 {
                break;
            }
            let size = length(&z);
            z.iter_mut().for_each(|z| *z /= size);
        }
        best
    }
}
