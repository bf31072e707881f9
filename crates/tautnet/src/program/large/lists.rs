//! Which points' cones a unit has, and weights in the middle of its cell.

use crate::program::{listed::Listed, rows::Rows};
use faer::{
    Accum, Mat, Par,
    linalg::matmul::{
        matmul,
        triangular::{self, BlockStructure},
    },
    prelude::*,
};
use rayon::prelude::*;
use tautnet_cone::{Stop, vector::dot};

/// Units whose pre-activations on all points are held at once.
const GROUP: usize = 8;
/// Points that join a unit's list at once, at most, in parts of the length of its weights.
const JOINING: usize = 2;
/// Newton steps towards the middle of a cell, at most, and the decrement at which they end: roughly in the middle is enough.
const STEPS: usize = 40;
const MIDDLE: f64 = 0.3;

/// What `of` makes of every unit's `x̄_k·z̄_i` on all points; `None` where it is time to stop.
pub(super) fn by_unit<T: Send>(
    rows: &Rows,
    z: MatRef<'_, f64>,
    of: impl Fn(usize, &[f64]) -> T + Sync,
) -> Option<Vec<T>> {
    let (n, m) = (rows.n(), z.ncols());
    let stop = Stop::here();
    let groups: Option<Vec<Vec<T>>> = (0..m.div_ceil(GROUP))
        .into_par_iter()
        .map(|group| {
            if stop.asked() {
                return None;
            }
            let first = group * GROUP;
            let units = GROUP.min(m - first);
            let mut h = Mat::<f64>::zeros(n, units);
            matmul(h.as_mut(), Accum::Replace, rows.x.as_ref(), z.subcols(first, units), 1.0, Par::Seq);
            Some((0..units).map(|u| of(first + u, h.col_as_slice(u))).collect())
        })
        .collect();
    Some(groups?.into_iter().flatten().collect())
}

/// The points of the smallest values, at most `count`, ascending.
fn smallest(mut values: Vec<(f64, u32)>, count: usize) -> Vec<u32> {
    if values.len() > count {
        values.select_nth_unstable_by(count, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        values.truncate(count);
    }
    let mut points: Vec<u32> = values.into_iter().map(|(_, k)| k).collect();
    points.sort_unstable();
    points
}

/// The `count` points closest to each unit's boundary.
pub(super) fn closest(rows: &Rows, z: MatRef<'_, f64>, count: usize) -> Option<Vec<Vec<u32>>> {
    by_unit(rows, z, |_, h| smallest(h.iter().zip(0..).map(|(h, k)| (h.abs(), k)).collect(), count))
}

/// How far from its boundary a unit is on all points, on the mean.
pub(super) fn means(rows: &Rows, z: MatRef<'_, f64>) -> Option<Vec<f64>> {
    by_unit(rows, z, |_, h| h.iter().map(|h| h.abs()).sum::<f64>() / h.len() as f64)
}

/// Points whose `σ_ik x̄_k·z̄_i` is below a number of the unit and that are not on its list.
pub(super) fn below(rows: &Rows, z: MatRef<'_, f64>, lists: &[Vec<u32>], numbers: &[f64]) -> Option<Vec<Vec<u32>>> {
    by_unit(rows, z, |i, h| {
        let sides = h.iter().zip(rows.active.unit(i)).zip(0..).map(|((&h, &on), k)| (if on { h } else { -h }, k));
        let found = sides.filter(|(side, k)| *side < numbers[i] && lists[i].binary_search(k).is_err()).collect();
        smallest(found, JOINING * rows.e())
    })
}

/// Weights in the middle of each unit's listed cell, as long as the given ones: the least of `−Σ_k log σ_ik x̄_k·z + (count/2) ‖turn z‖²`,
/// scaled. The given ones where they are not inside.
pub(super) fn middles(cells: &Listed, turn: &Mat<f64>, z: MatRef<'_, f64>, which: &[bool]) -> Mat<f64> {
    let (e, m) = (z.nrows(), z.ncols());
    let metric = turn.transpose() * turn;
    let stop = Stop::here();
    let middles: Vec<Option<Vec<f64>>> = (0..m)
        .into_par_iter()
        .map(|i| {
            let own: Vec<f64> = z.col(i).iter().copied().collect();
            if stop.asked() || !which[i] { None } else { middle(cells, i, &metric, own) }
        })
        .collect();
    Mat::from_fn(e, m, |a, i| middles[i].as_ref().map_or(z[(a, i)], |middle| middle[a]))
}

fn middle(cells: &Listed, i: usize, metric: &Mat<f64>, given: Vec<f64>) -> Option<Vec<f64>> {
    let (e, list) = (given.len(), &cells.lists[i]);
    let count = list.len() as f64;
    let length = |z: &[f64]| {
        let along = metric * ColRef::from_slice(z);
        (0..e).map(|a| z[a] * along[a]).sum::<f64>().sqrt()
    };
    let long = length(&given);
    if !long.is_normal() {
        return None;
    }
    let mut sides = Mat::<f64>::zeros(e, list.len());
    for (column, &k) in sides.col_iter_mut().zip(list) {
        let side = cells.side(i, k);
        column.iter_mut().zip(cells.point(k)).for_each(|(out, x)| *out = side * x);
    }
    let slacks = |z: &[f64]| -> Vec<f64> { (0..list.len()).map(|k| dot(sides.col_as_slice(k), z)).collect() };
    let mut z: Vec<f64> = given.iter().map(|z| z / long).collect();
    let mut s = slacks(&z);
    if !s.iter().all(|s| *s > 0.0) {
        return None;
    }
    for _ in 0..STEPS {
        let mut scaled = sides.clone();
        let mut gradient: Vec<f64> = (metric * ColRef::from_slice(&z)).iter().map(|g| count * g).collect();
        for (column, s) in scaled.col_iter_mut().zip(&s) {
            for (g, x) in gradient.iter_mut().zip(column.iter_mut()) {
                *x /= s;
                *g -= *x;
            }
        }
        let mut hessian = Mat::from_fn(e, e, |a, b| count * metric[(a, b)]);
        let (lower, full) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
        let (h, own) = (hessian.as_mut(), scaled.as_ref());
        triangular::matmul(h, lower, Accum::Add, own, full, own.transpose(), full, 1.0, Par::Seq);
        let step = hessian.llt(faer::Side::Lower).ok()?.solve(ColRef::from_slice(&gradient));
        let step: Vec<f64> = step.iter().map(|d| -d).collect();
        let decrement = -dot(&gradient, &step);
        if decrement < MIDDLE * MIDDLE || decrement.is_nan() {
            break;
        }
        let change = slacks(&step);
        let room = s.iter().zip(&change).filter(|(_, d)| **d < 0.0).map(|(s, d)| -s / d).fold(f64::INFINITY, f64::min);
        // Convex along the step: go on until the slope is small or turns.
        let (square, cross) = (length(&step).powi(2), {
            let along = metric * ColRef::from_slice(&step);
            (0..e).map(|a| z[a] * along[a]).sum::<f64>()
        });
        let slope = |t: f64| {
            let logs: f64 = s.iter().zip(&change).map(|(s, d)| d / (s + t * d)).sum();
            count * (cross + t * square) - logs
        };
        let (mut low, mut high) = (0.0, (0.99 * room).min(20.0));
        for _ in 0..12 {
            let t = 0.5 * (low + high);
            if slope(t) < 0.0 { low = t } else { high = t }
        }
        let t = if low > 0.0 { low } else { high };
        z.iter_mut().zip(&step).for_each(|(z, d)| *z += t * d);
        s = slacks(&z);
        if !s.iter().all(|s| *s > 0.0) {
            return None;
        }
    }
    let own = length(&z);
    Some(z.into_iter().map(|z| z * long / own).collect())
}
