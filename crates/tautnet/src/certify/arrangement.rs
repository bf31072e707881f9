//! The exact constant in up to three dimensions, by visiting every cell: the judge of branch and bound.
//!
//! Every full-dimensional cell of an arrangement of hyperplanes has a facet on one of them (or there is no hyperplane), and
//! facets are the cells of the arrangement that the others cut out on it, one dimension lower. So points inside
//! all cells are found by recursion: on each hyperplane, points inside all cells of the restricted arrangement, then one
//! step off it to either side, shorter than the distance to the next hyperplane. In one dimension the cells are the
//! intervals between sorted breakpoints. About 4 m^d points of m·d operations each.
//!
//! A box is added as 2d more hyperplanes, and points outside are skipped. Nothing is shared with [`super::exact`] but the
//! validation of a gradient at its input. Cells thinner than rounding are missed: that is the branch and bound's strength.

use super::gradient_search::{Attained, attained_at};
use super::region::Region;
use super::slopes::Slopes;
use crate::error::{Error, Result};
use crate::{Norm, Shallow};

/// Relative size below which a value counts as zero.
const TINY: f64 = 1e-11;

/// n·x + offset = 0 in the coordinates of a subspace.
#[derive(Clone)]
struct Plane {
    normal: Vec<f64>,
    offset: f64,
}

/// The largest gradient over all cells, for networks with at most three inputs, everywhere or over a box.
pub fn largest_gradient_by_enumeration(network: &Shallow, region: &Region, norm: Norm) -> Result<Option<Attained>> {
    let d = network.inputs();
    region.check(d)?;
    if d > 3 {
        return Err(Error::new(
            format!("enumerating all cells takes about units^inputs steps, and the network has {d} inputs"),
            "use branch and bound (`exact_lipschitz`) beyond three inputs",
        ));
    }
    if let Region::Ball { .. } = region {
        return Err(Error::new(
            "cells are enumerated over a box or all of space, not over a ball",
            "use branch and bound (`exact_lipschitz`) for a ball",
        ));
    }
    let slopes = Slopes::of(network)?;
    let normalized = |normal: Vec<f64>, offset: f64| {
        let length = Norm::Two.of(&normal);
        Plane { normal: normal.iter().map(|a| a / length).collect(), offset: offset / length }
    };
    let mut planes: Vec<Plane> = slopes
        .units
        .iter()
        .map(|&i| normalized((0..d).map(|k| network.w()[(i, k)]).collect(), network.b()[i]))
        .collect();
    if let Region::Box { lower, upper } = region {
        for k in 0..d {
            for end in [lower[k], upper[k]] {
                planes.push(Plane { normal: (0..d).map(|j| f64::from(u8::from(j == k))).collect(), offset: -end });
            }
        }
    }
    let scale = planes.iter().map(|plane| plane.offset.abs()).fold(1.0, f64::max);
    let mut best: Option<Attained> = None;
    let linear = slopes.without_units();
    let mut gradient = vec![0.0; d];
    visit_cells(&planes, d, scale, &mut |x| {
        gradient.copy_from_slice(&linear);
        for (r, &i) in slopes.units.iter().enumerate() {
            if network.pre_activation(i, x) > 0.0 {
                (0..d).for_each(|k| gradient[k] += slopes.rows[(r, k)]);
            }
        }
        let value = norm.dual().of(&gradient) * slopes.scale;
        if best.as_ref().is_none_or(|best| value > best.nearest)
            && let Some(attained) = attained_at(network, region, norm, x)
        {
            best = Some(attained);
        }
    });
    Ok(best)
}

/// Calls `visit` with a point inside every cell that the planes cut out of R^d.
fn visit_cells(planes: &[Plane], d: usize, scale: f64, visit: &mut dyn FnMut(&[f64])) {
    let proper: Vec<&Plane> = planes.iter().filter(|plane| Norm::Two.of(&plane.normal) > TINY).collect();
    if proper.is_empty() {
        return visit(&vec![0.0; d]);
    }
    if d == 1 {
        let mut breaks: Vec<f64> = proper.iter().map(|plane| -plane.offset / plane.normal[0]).collect();
        breaks.sort_by(f64::total_cmp);
        visit(&[breaks[0] - scale]);
        for pair in breaks.windows(2) {
            if pair[1] - pair[0] > TINY * (scale + pair[0].abs()) {
                visit(&[0.5 * (pair[0] + pair[1])]);
            }
        }
        return visit(&[breaks[breaks.len() - 1] + scale]);
    }
    for plane in &proper {
        let length = Norm::Two.of(&plane.normal);
        let normal: Vec<f64> = plane.normal.iter().map(|a| a / length).collect();
        let origin: Vec<f64> = normal.iter().map(|a| -a * plane.offset / length).collect();
        let basis = complement(&normal);
        let restricted: Vec<Plane> = proper
            .iter()
            .map(|other| Plane {
                normal: basis.iter().map(|direction| dot(&other.normal, direction)).collect(),
                offset: other.offset + dot(&other.normal, &origin),
            })
            .collect();
        visit_cells(&restricted, d - 1, scale, &mut |y| {
            let mut x = origin.clone();
            for (direction, along) in basis.iter().zip(y) {
                x.iter_mut().zip(direction).for_each(|(a, q)| *a += along * q);
            }
            // Half way to the nearest hyperplane that does not contain x.
            let size = scale + Norm::Two.of(&x);
            let mut step = scale;
            for other in &proper {
                let value = (dot(&other.normal, &x) + other.offset).abs();
                if value > TINY * size {
                    step = step.min(0.5 * value / dot(&other.normal, &normal).abs().max(TINY));
                }
            }
            for sign in [step, -step] {
                let beside: Vec<f64> = x.iter().zip(&normal).map(|(a, n)| a + sign * n).collect();
                visit(&beside);
            }
        });
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// An orthonormal basis of the vectors orthogonal to a unit vector: a Householder reflection without its pivot's column.
fn complement(normal: &[f64]) -> Vec<Vec<f64>> {
    let d = normal.len();
    let pivot = (0..d).fold(0, |best, k| if normal[k].abs() > normal[best].abs() { k } else { best });
    let mut u = normal.to_vec();
    u[pivot] += normal[pivot].signum();
    let scale = 2.0 / dot(&u, &u);
    (0..d)
        .filter(|&j| j != pivot)
        .map(|j| (0..d).map(|i| f64::from(u8::from(i == j)) - scale * u[i] * u[j]).collect())
        .collect()
}
