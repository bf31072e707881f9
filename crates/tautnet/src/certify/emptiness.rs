//! Proofs that a pattern is not attainable, from the network's own numbers (see the head of [`super::cell`]).

use super::cell::{Cells, Member, Origin};
use super::region::Region;
use crate::Norm;
use crate::dense::{self, EPSILON};
use faer::Mat;

impl Cells<'_> {
    /// Verifies a combination with the network's own numbers (see the module's head).
    pub(super) fn proves_empty(&self, signs: &[i8], members: &[Member], weights: &[f64]) -> bool {
        self.proves_empty_in_floats(signs, members, weights) || self.proves_empty_exactly(signs, members)
    }

    fn proves_empty_in_floats(&self, signs: &[i8], members: &[Member], weights: &[f64]) -> bool {
        let d = self.center.len();
        // Weights of the original rows, from those of the normalized generators.
        let support: Vec<(usize, f64)> = members
            .iter()
            .zip(weights)
            .filter_map(|(member, weight)| match member.origin {
                Origin::Unit(r) if *weight > 0.0 => Some((r, *weight)),
                _ => None,
            })
            .map(|(r, weight)| (r, weight * f64::from(signs[r]) * self.normalization(r)))
            // A coefficient that vanished has lost its sign; its row is left out, which changes no other.
            .filter(|(_, weight)| *weight != 0.0 && weight.is_finite())
            .collect();
        if support.is_empty() {
            return false;
        }
        let (mut u, mut size) = (vec![0.0; d], vec![0.0; d]);
        let (mut offset, mut offset_size) = (0.0, 0.0);
        for &(r, weight) in &support {
            let i = self.units[r];
            for k in 0..d {
                let term = weight * self.network.w()[(i, k)];
                u[k] += term;
                size[k] += term.abs();
            }
            offset += weight * self.network.b()[i];
            offset_size += (weight * self.network.b()[i]).abs();
        }
        let rounding = (support.len() + 4) as f64 * EPSILON;
        if *self.region != Region::Everywhere {
            // Each |u_k| may be off by rounding·size_k: widen through the same support function, at |x| ≤ |c| + h.
            let slack: f64 = (0..d).map(|k| size[k] * (self.center[k].abs() + self.half[k])).sum();
            let underflow = self.region.underflow(d, support.len());
            if self.region.largest_value(&u, offset) + rounding * (slack + offset_size) + underflow < 0.0 {
                return true;
            }
        }
        self.proves_empty_everywhere(&support, &u, &size, offset, offset_size, rounding)
    }

    fn proves_empty_everywhere(
        &self,
        support: &[(usize, f64)],
        u: &[f64],
        size: &[f64],
        offset: f64,
        offset_size: f64,
        rounding: f64,
    ) -> bool {
        if let [(r, a), (s, c)] = *support {
            return self.parallel_rows_exclude(r, a > 0.0, s, c > 0.0);
        }
        // What follows compares relative errors, which a product that underflows does not have: an input is absent only if all
        // its weights are 0, and the offsets only if all biases are.
        let weights =
            |k: usize| support.iter().map(move |&(r, a)| (a, self.network.w()[(self.units[r], k)], self.half[k]));
        let biases = || support.iter().map(|&(r, a)| (a, self.network.b()[self.units[r]], 1.0));
        if (0..u.len()).any(|k| weights(k).any(underflows)) || biases().any(underflows) {
            return false;
        }
        let weight_column = |k: usize| -> Vec<f64> {
            support.iter().map(|&(r, a)| a * self.network.w()[(self.units[r], k)] * self.half[k]).collect()
        };
        let columns: Vec<usize> = (0..u.len()).filter(|&k| size[k] > 0.0).collect();
        let mut matrix: Vec<Vec<f64>> = columns.iter().map(|&k| weight_column(k)).collect();
        let mut residual: Vec<f64> =
            columns.iter().map(|&k| (u[k].abs() + rounding * size[k]) * self.half[k]).collect();
        if let Some(change) = vanishing_change(&matrix, &residual)
            && (offset_size == 0.0 || offset + (rounding + change) * offset_size < 0.0)
        {
            return true;
        }
        // The offsets may cancel too, which takes one more row.
        matrix.push(support.iter().map(|&(r, a)| a * self.network.b()[self.units[r]]).collect());
        residual.push(offset.abs() + rounding * offset_size);
        offset_size > 0.0 && vanishing_change(&matrix, &residual).is_some()
    }

    /// Whether the open half-spaces of two units, with the given signs, are disjoint because the normals are exactly
    /// antiparallel (as signed) and the offsets leave no room.
    fn parallel_rows_exclude(&self, r: usize, r_on: bool, s: usize, s_on: bool) -> bool {
        let d = self.center.len();
        let w = |r: usize, k: usize| self.network.w()[(self.units[r], k)];
        let b = |r: usize| self.network.b()[self.units[r]];
        let pivot = (0..d).fold(0, |best, k| if w(r, k).abs() > w(r, best).abs() { k } else { best });
        let (p, q) = (w(r, pivot), w(s, pivot));
        if p == 0.0 || q == 0.0 || !(0..d).all(|k| products_compare(p, w(s, k), q, w(r, k)) == Some(0)) {
            return false;
        }
        // w_s = (q/p) w_r exactly: with t = w_r·x the signed constraints are σ_r(t + b_r) > 0, σ_s(t + b_s p/q)·sign(q/p) > 0.
        let sign_r = if r_on { 1 } else { -1 };
        let sign_s = if s_on { 1 } else { -1 } * if (p > 0.0) == (q > 0.0) { 1 } else { -1 };
        if sign_r == sign_s {
            return false;
        }
        // Disjoint iff σ_r(b_r − b_s p/q) ≤ 0, that is iff σ_r·sign(q)·(b_r q − b_s p) ≤ 0.
        let sign_q = if q > 0.0 { 1 } else { -1 };
        products_compare(b(r), q, b(s), p).is_some_and(|order| sign_r * sign_q * order <= 0)
    }
}

/// Whether the product, in this order, leaves the normal range though no factor is 0.
fn underflows((a, b, c): (f64, f64, f64)) -> bool {
    let below = |product: f64| product.abs() < f64::MIN_POSITIVE;
    b != 0.0 && (below(a * b) || below(a * b * c))
}

/// The columns of `matrix` sum to at most `residual` in absolute value. If relative changes of the rows, each below
/// ½, make all sums exactly 0, returns a bound on the largest: ‖residual‖/s with s the smallest singular value.
fn vanishing_change(matrix: &[Vec<f64>], residual: &[f64]) -> Option<f64> {
    // Where every coefficient underflows there is nothing to argue with.
    let (columns, rows) = (matrix.len(), matrix.first()?.len());
    if rows <= columns {
        return None;
    }
    let scaled = Mat::from_fn(rows, columns, |i, k| matrix[k][i]);
    let square = dense::smallest_gram_eigenvalue_lower_bound(scaled.as_ref())?;
    let change = 1.01 * Norm::Two.of(residual) / square.sqrt();
    (change < 0.5).then_some(change)
}

/// The exact sign of ab − cd, or `None` where underflow or overflow makes the error-free products inexact.
fn products_compare(a: f64, b: f64, c: f64, d: f64) -> Option<i32> {
    let exact = |x: f64, y: f64| -> Option<(f64, f64)> {
        let product = x * y;
        let zero = x == 0.0 || y == 0.0;
        let safe = product.abs() > 1e-250 && product.is_finite();
        if !(zero || safe) {
            return None;
        }
        Some((product, x.mul_add(y, -product)))
    };
    let (p, e) = exact(a, b)?;
    let (q, f) = exact(c, d)?;
    if p == q {
        return Some(if e > f { 1 } else { -i32::from(e < f) });
    }
    // The errors are below EPSILON of the products; neighbours within a few units in the last place are not worth the care.
    if (p - q).abs() <= 4.0 * EPSILON * p.abs().max(q.abs()) {
        return None;
    }
    Some(if p > q { 1 } else { -1 })
}
