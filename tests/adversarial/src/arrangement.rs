//! Every cell and every vertex of a few hyperplanes, without rounding.
//!
//! A hyperplane is `a·x + b = 0`. A *cell* is a part of space into which no hyperplane enters; it is told by the sign of every
//! `a·x + b`. Where there is a hyperplane at all, every cell has a face on one of them, and the faces on a hyperplane are the
//! cells of the others' intersections with it, in one dimension less. So all cells are found by going through the hyperplanes,
//! eliminating one coordinate, and asking again.

use crate::number::Dyadic;
use std::collections::HashSet;

/// `a·x + b`.
#[derive(Debug, Clone)]
pub struct Plane {
    /// Normal.
    pub a: Vec<Dyadic>,
    /// Offset.
    pub b: Dyadic,
}

impl Plane {
    fn is_constant(&self) -> bool {
        self.a.iter().all(Dyadic::is_zero)
    }

    /// The sign at the point `x/q`, q > 0.
    pub fn sign_at(&self, point: &Point) -> i8 {
        self.value_at(point).sign()
    }

    /// `q·(a·x/q + b)`.
    pub fn value_at(&self, point: &Point) -> Dyadic {
        let products: Dyadic = self.a.iter().zip(&point.x).map(|(a, x)| a * x).sum();
        &products + &(&self.b * &point.q)
    }
}

/// The point `x/q`, q > 0.
#[derive(Debug, Clone)]
pub struct Point {
    /// Numerators.
    pub x: Vec<Dyadic>,
    /// The denominator they share.
    pub q: Dyadic,
}

/// The signs of every cell. Where `required` is not 0 only cells on that side of the plane count.
///
/// A plane without a normal has the sign of its offset, which may be 0.
pub fn cells(planes: &[Plane], required: &[i8]) -> HashSet<Vec<i8>> {
    let fits = |j: usize, sign: i8| required[j] == 0 || required[j] == sign;
    let constant: Vec<bool> = planes.iter().map(Plane::is_constant).collect();
    let mut found = HashSet::new();
    if (0..planes.len()).any(|j| constant[j] && !fits(j, planes[j].b.sign())) {
        return found;
    }
    if constant.iter().all(|constant| *constant) {
        found.insert(planes.iter().map(|plane| plane.b.sign()).collect());
        return found;
    }
    let mut done = vec![false; planes.len()];
    for i in (0..planes.len()).filter(|&i| !constant[i]) {
        if done[i] {
            continue;
        }
        let k = planes[i].a.iter().position(|a| !a.is_zero()).expect("it is not constant");
        // Planes that are this one have its sign or the opposite one; the others are asked about on it.
        let mut same: Vec<(usize, i8)> = vec![(i, 1)];
        let (mut others, mut indices, mut others_required) = (Vec::new(), Vec::new(), Vec::new());
        for j in (0..planes.len()).filter(|&j| j != i) {
            let cut = restricted(&planes[j], &planes[i], k);
            if !constant[j] && cut.is_constant() && cut.b.is_zero() {
                same.push((j, planes[j].a[k].sign() * planes[i].a[k].sign()));
                done[j] = true;
            } else {
                others.push(cut);
                indices.push(j);
                others_required.push(required[j]);
            }
        }
        for side in [1, -1] {
            if !same.iter().all(|&(j, orientation)| fits(j, side * orientation)) {
                continue;
            }
            for signs in cells(&others, &others_required) {
                let mut whole = vec![0; planes.len()];
                same.iter().for_each(|&(j, orientation)| whole[j] = side * orientation);
                indices.iter().zip(signs).for_each(|(&j, sign)| whole[j] = sign);
                found.insert(whole);
            }
        }
    }
    found
}

/// `plane` on the hyperplane `on`, without the coordinate k, times |on.a_k|: its signs are kept.
fn restricted(plane: &Plane, on: &Plane, k: usize) -> Plane {
    let (size, turned) = (on.a[k].abs(), on.a[k].sign());
    let eliminate = |own: &Dyadic, other: &Dyadic| {
        let taken = &plane.a[k] * other;
        &(own * &size) - &(if turned > 0 { taken } else { -&taken })
    };
    let a = (0..plane.a.len()).filter(|&l| l != k).map(|l| eliminate(&plane.a[l], &on.a[l])).collect();
    Plane { a, b: eliminate(&plane.b, &on.b) }
}

/// Every point in which d hyperplanes meet in nothing else.
pub fn vertices(planes: &[Plane], d: usize) -> Vec<Point> {
    let mut found = Vec::new();
    let mut chosen = Vec::new();
    choose(planes, d, 0, &mut chosen, &mut found);
    found
}

fn choose<'a>(planes: &'a [Plane], d: usize, first: usize, chosen: &mut Vec<&'a Plane>, found: &mut Vec<Point>) {
    if chosen.len() == d {
        found.extend(meeting(chosen));
        return;
    }
    for j in first..planes.len() {
        if !planes[j].is_constant() {
            chosen.push(&planes[j]);
            choose(planes, d, j + 1, chosen, found);
            chosen.pop();
        }
    }
}

/// Cramer's rule.
pub fn meeting(planes: &[&Plane]) -> Option<Point> {
    let d = planes.len();
    let matrix = |replaced: Option<usize>| -> Vec<Vec<Dyadic>> {
        let entry = |plane: &Plane, k: usize| if replaced == Some(k) { -&plane.b } else { plane.a[k].clone() };
        planes.iter().map(|plane| (0..d).map(|k| entry(plane, k)).collect()).collect()
    };
    let q = determinant(&matrix(None));
    if q.is_zero() {
        return None;
    }
    let positive = |number: Dyadic| if q.sign() > 0 { number } else { -&number };
    Some(Point { x: (0..d).map(|k| positive(determinant(&matrix(Some(k))))).collect(), q: q.abs() })
}

/// By the first column; matrices have at most three rows.
fn determinant(matrix: &[Vec<Dyadic>]) -> Dyadic {
    if matrix.is_empty() {
        return Dyadic::one();
    }
    let mut sum = Dyadic::zero();
    for i in 0..matrix.len() {
        if matrix[i][0].is_zero() {
            continue;
        }
        let minor: Vec<Vec<Dyadic>> =
            (0..matrix.len()).filter(|&row| row != i).map(|row| matrix[row][1..].to_vec()).collect();
        let term = &matrix[i][0] * &determinant(&minor);
        sum = if i % 2 == 0 { &sum + &term } else { &sum - &term };
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plane(a: &[f64], b: f64) -> Plane {
        Plane { a: a.iter().map(|a| Dyadic::of(*a)).collect(), b: Dyadic::of(b) }
    }

    fn count(planes: &[Plane]) -> usize {
        cells(planes, &vec![0; planes.len()]).len()
    }

    /// m hyperplanes in general position have Σ_{k ≤ d} C(m, k) cells.
    #[test]
    fn cells_are_as_many_as_theory_says() {
        let general = |m: usize, d: usize| -> Vec<Plane> {
            // On the moment curve any d normals are independent; offsets of another degree avoid common points.
            (0..m)
                .map(|i| {
                    let t = (i + 1) as f64;
                    plane(&(0..d).map(|k| t.powi(k as i32)).collect::<Vec<_>>(), t.powi(7))
                })
                .collect()
        };
        for (m, d, expected) in [(1, 1, 2), (5, 1, 6), (1, 2, 2), (4, 2, 11), (6, 2, 22), (4, 3, 15), (6, 3, 42)] {
            assert_eq!(count(&general(m, d)), expected, "{m} planes in {d} dimensions");
        }
        // Parallel, coincident and constant ones.
        assert_eq!(count(&[plane(&[1.0, 0.0], 0.0), plane(&[2.0, 0.0], 1.0), plane(&[-3.0, 0.0], 0.0)]), 3);
        assert_eq!(count(&[plane(&[0.0, 0.0], 1.0)]), 1);
        assert_eq!(count(&[plane(&[1.0, 0.0], 0.0), plane(&[0.0, 1.0], 0.0), plane(&[1.0, 1.0], 0.0)]), 6);
    }

    #[test]
    fn cells_on_one_side_are_those_inside() {
        // Three lines through a point of the box, one outside of it.
        let lines =
            [plane(&[1.0, 0.0], 0.0), plane(&[0.0, 1.0], 0.0), plane(&[1.0, 1.0], 0.0), plane(&[1.0, 0.0], 5.0)];
        let sides =
            [plane(&[1.0, 0.0], 1.0), plane(&[-1.0, 0.0], 1.0), plane(&[0.0, 1.0], 1.0), plane(&[0.0, -1.0], 1.0)];
        let all: Vec<Plane> = lines.into_iter().chain(sides).collect();
        assert_eq!(cells(&all, &[0, 0, 0, 0, 1, 1, 1, 1]).len(), 6);
        assert_eq!(vertices(&all[..3], 2).len(), 3);
    }
}
