//! Which on/off patterns of the units an input attains.
//!
//! The hyperplanes `w_i·x + b_i = 0` cut space into open cells; a (partial) pattern σ_i ∈ {−1, +1} is *attainable* in a
//! region if some interior x has `σ_i (w_i·x + b_i) > 0` for all its units. With homogeneous coordinates x = y/t this
//! is a question about a cone: is there u = (y, t) with `g·u > 0` for every generator g — the rows `σ_i (w_i, b_i)` and
//! the region's own half-spaces (t > 0; or t ± y_k > 0 for a box; or t > ‖y‖ for a ball, infinitely many)?
//!
//! By Gordan's theorem the answer is in the point of the convex hull of the generators that is nearest to the origin.
//! If it is not 0, the point itself is such a u (the one with the widest margin); if it is 0, the convex combination is
//! a proof that there is none. Wolfe's algorithm finds it in a number of steps near d, touching at most d + 2
//! generators at a time, and needs the generators only through "which of them has the smallest product with u?": balls
//! need no cutting planes.
//!
//! **What is relied on.** Attained patterns are validated at the input itself ([`pattern_at`]), with the rounding of
//! each pre-activation. A pattern is declared unattainable only when the weights λ of the combination are *verified*
//! against the network's own numbers:
//!
//! - in a bounded region: `max_x Σ λ_i σ_i (w_i·x + b_i) < 0`, evaluated with rounding bounds;
//! - in all of space, or where the units exclude each other anyway, the combination of normals must vanish *exactly*. If the normals in it have full column rank, with
//!   smallest singular value s, weights within ‖Σλ_iσ_iw_i‖/s of λ do that; they must stay positive and keep
//!   `Σ λ_i σ_i b_i ≤ 0` (or make it vanish too). Two parallel normals are compared exactly.
//!
//! Everything else is undecided, and whoever asked must keep the pattern.

use super::region::Region;
use crate::dense::EPSILON;
use crate::{Norm, Shallow};
use tautnet_cone::Stop;

/// The answer for one partial pattern.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Attainability {
    /// Homogeneous frame coordinates of a point believed to be inside.
    Attainable(Vec<f64>),
    /// Proved empty.
    Unattainable,
    /// Neither could be shown.
    Undecided,
}

/// The sign of every unit's pre-activation at x, if rounding cannot change one that matters (v_i ≠ 0); constant units
/// (w_i = 0) count as off when b_i = 0.
pub(crate) fn pattern_at(network: &Shallow, x: &[f64]) -> Option<Vec<bool>> {
    if !x.iter().all(|a| a.is_finite()) {
        return None;
    }
    (0..network.units())
        .map(|i| {
            let mut size = network.b()[i].abs();
            let mut constant = true;
            for (k, a) in x.iter().enumerate() {
                size += (network.w()[(i, k)] * a).abs();
                constant &= network.w()[(i, k)] == 0.0;
            }
            let value = network.pre_activation(i, x);
            // The smallest normal number covers underflow in the products.
            let rounding = (x.len() + 2) as f64 * (EPSILON * size + f64::MIN_POSITIVE);
            if constant {
                Some(network.b()[i] > 0.0)
            } else if network.v()[i] == 0.0 || value.abs() > rounding {
                Some(value > 0.0)
            } else {
                None
            }
        })
        .collect()
}

/// The hyperplanes of the units that matter, seen from a region.
pub(crate) struct Cells<'a> {
    pub(super) network: &'a Shallow,
    /// The units whose sign is asked, in the order of the sign vectors.
    pub(super) units: &'a [usize],
    pub(super) region: &'a Region,
    pub(super) center: Vec<f64>,
    pub(super) half: Vec<f64>,
    /// Normalized generators (w_i∘half, w_i·center + b_i), one a unit.
    rows: Vec<Vec<f64>>,
}

/// From so many coordinates on a single question takes long enough to be ended early, undecided.
const ASKING: usize = 32;

/// Bounded regions are widened by this fraction when attainability is asked, and only there: a combination that
/// vanishes for the wider region is below 0 in the region itself, by more than rounding.
const WIDENING: f64 = 1e-9;

/// Where a generator comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Origin {
    /// A unit, by its position in `units`.
    Unit(usize),
    /// A half-space on which an objective exceeds a value.
    Objective,
    /// The region.
    Wall,
}

/// One generator in the current combination.
pub(super) struct Member {
    pub vector: Vec<f64>,
    pub origin: Origin,
}

impl<'a> Cells<'a> {
    pub fn new(network: &'a Shallow, units: &'a [usize], region: &'a Region) -> Self {
        let d = network.inputs();
        let (center, mut half) = region.frame(d);
        if *region == Region::Everywhere {
            // A length at which biases and weights weigh alike: the median distance of the hyperplanes from 0.
            let mut distances: Vec<f64> = units
                .iter()
                .map(|&i| {
                    let row: Vec<f64> = (0..d).map(|k| network.w()[(i, k)]).collect();
                    network.b()[i].abs() / Norm::Two.of(&row)
                })
                .filter(|a| *a > 0.0 && a.is_finite())
                .collect();
            distances.sort_by(f64::total_cmp);
            half.fill(distances.get(distances.len() / 2).copied().unwrap_or(1.0));
        }
        let rows = units
            .iter()
            .map(|&i| {
                let mut row: Vec<f64> = (0..d).map(|k| network.w()[(i, k)] * half[k]).collect();
                row.push(network.pre_activation(i, &center));
                let length = Norm::Two.of(&row);
                row.iter_mut().for_each(|a| *a /= length);
                row
            })
            .collect();
        Self { network, units, region, center, half, rows }
    }

    /// The sign that unit r has everywhere in the region, if interval arithmetic shows one.
    pub fn fixed_sign(&self, r: usize) -> Option<i8> {
        let i = self.units[r];
        let row: Vec<f64> = (0..self.network.inputs()).map(|k| self.network.w()[(i, k)]).collect();
        if self.region.largest_value(&row, self.network.b()[i]) <= 0.0 {
            return Some(-1);
        }
        let negated: Vec<f64> = row.iter().map(|a| -a).collect();
        (self.region.largest_value(&negated, -self.network.b()[i]) <= 0.0).then_some(1)
    }

    /// The input of homogeneous frame coordinates.
    pub fn input(&self, point: &[f64]) -> Vec<f64> {
        let d = self.center.len();
        (0..d).map(|k| self.center[k] + self.half[k] * (point[k] / point[d])).collect()
    }

    /// Moves an input that rounding left just outside the region towards its middle, until it is inside.
    pub fn pull_inside(&self, x: &mut [f64]) {
        let mut shrink = EPSILON;
        while !self.region.contains(x) && shrink < 1e-6 {
            (0..x.len()).for_each(|k| x[k] = self.center[k] + (x[k] - self.center[k]) * (1.0 - shrink));
            shrink *= 4.0;
        }
    }

    /// The homogeneous frame coordinates of an input.
    pub fn point(&self, x: &[f64]) -> Vec<f64> {
        let mut point: Vec<f64> = (0..x.len()).map(|k| (x[k] - self.center[k]) / self.half[k]).collect();
        point.push(1.0);
        point
    }

    /// The normalized generator of unit r.
    pub(super) fn generator(&self, r: usize) -> &[f64] {
        &self.rows[r]
    }

    /// The product of unit r's generator with a point: the sign of its pre-activation there, nearly.
    pub fn side(&self, r: usize, point: &[f64]) -> f64 {
        dot(&self.rows[r], point)
    }

    /// Whether the partial pattern (0: free) meets the interior of the region. `centered` asks for a point with the
    /// widest margin rather than the first one found.
    pub fn decide(&self, signs: &[i8], centered: bool) -> Attainability {
        let ask = |widening: f64| {
            self.separate(signs, None, widening, centered, &mut |members, weights| {
                self.proves_empty(signs, members, weights)
            })
        };
        let answer = ask(WIDENING);
        let outside = match &answer {
            Attainability::Attainable(point) => !self.region.contains(&self.input(point)),
            Attainability::Undecided => true,
            Attainability::Unattainable => false,
        };
        // Between the region and the wider one, or touching it.
        if outside && *self.region != Region::Everywhere { ask(0.0) } else { answer }
    }

    /// Wolfe's algorithm on the generators of the pattern and, if given, one more. `accept` judges a combination
    /// that (nearly) vanishes.
    pub(super) fn separate(
        &self,
        signs: &[i8],
        objective: Option<&[f64]>,
        widening: f64,
        centered: bool,
        accept: &mut dyn FnMut(&[Member], &[f64]) -> bool,
    ) -> Attainability {
        let size = self.center.len() + 1;
        let mut members: Vec<Member> = Vec::with_capacity(size + 1);
        let mut weights: Vec<f64> = Vec::with_capacity(size + 1);
        let (mut basis, mut ideal) = (Basis::new(size), Vec::with_capacity(size + 1));
        let (mut x, mut wall) = (vec![0.0; size], vec![0.0; size]);
        x[size - 1] = 1.0;
        let mut conclude = |members: &[Member], weights: &[f64]| {
            if accept(members, weights) { Attainability::Unattainable } else { Attainability::Undecided }
        };
        // A question about few inputs is answered before it is worth asking.
        let stop = if size > ASKING { Stop::here() } else { Stop::default() };
        for _ in 0..40 * (size + 2) {
            if stop.asked() {
                return Attainability::Undecided;
            }
            let (product, next) = self.most_violated(signs, objective, widening, &x, &mut wall);
            let square = dot(&x, &x);
            let started = !members.is_empty();
            if started && square < 1e-18 && conclude(&members, &weights) == Attainability::Unattainable {
                return Attainability::Unattainable;
            }
            let inside = product > 1e-11 * square.sqrt();
            if inside && (!centered || (started && product >= square * (1.0 - 1e-6))) {
                return Attainability::Attainable(x);
            }
            let known = members.iter().any(|member| member.vector == next.vector);
            if started && (known || square < 1e-30 || product >= square * (1.0 - 1e-12)) {
                return if inside { Attainability::Attainable(x) } else { conclude(&members, &weights) };
            }
            members.push(next);
            weights.push(if started { 0.0 } else { 1.0 });
            // Towards the nearest point of the affine hull, dropping members until it lies in the convex hull.
            loop {
                if !basis.nearest_affine(&members, &stop, &mut ideal) {
                    // Affinely dependent up to rounding: the newest member says nothing new.
                    members.pop();
                    weights.pop();
                    return if inside { Attainability::Attainable(x) } else { conclude(&members, &weights) };
                }
                if ideal.iter().all(|a| *a > 1e-14) {
                    weights.clone_from(&ideal);
                    break;
                }
                let length = weights
                    .iter()
                    .zip(&ideal)
                    .filter(|(_, b)| **b <= 1e-14)
                    .map(|(a, b)| if a > b { a / (a - b) } else { 1.0 })
                    .fold(1.0, f64::min);
                weights.iter_mut().zip(&ideal).for_each(|(a, b)| *a += length * (b - *a));
                let floor = weights.iter().copied().fold(f64::INFINITY, f64::min).max(1e-14);
                basis.keep(weights.iter().take_while(|a| **a > floor).count());
                let mut kept = weights.iter().map(|a| *a > floor);
                members.retain(|_| kept.next().unwrap_or(false));
                weights.retain(|a| *a > floor);
                if members.is_empty() {
                    return Attainability::Undecided;
                }
            }
            x.fill(0.0);
            for (member, weight) in members.iter().zip(&weights) {
                x.iter_mut().zip(&member.vector).for_each(|(a, g)| *a += weight * g);
            }
        }
        Attainability::Undecided
    }

    /// The generator with the smallest product with u.
    fn most_violated(
        &self,
        signs: &[i8],
        objective: Option<&[f64]>,
        widening: f64,
        u: &[f64],
        wall: &mut [f64],
    ) -> (f64, Member) {
        let mut best = (f64::INFINITY, 0);
        for (r, row) in self.rows.iter().enumerate() {
            if signs[r] != 0 {
                let product = f64::from(signs[r]) * dot(row, u);
                if product < best.0 {
                    best = (product, r);
                }
            }
        }
        self.wall(u, widening, wall);
        let product = dot(wall, u);
        if let Some(objective) = objective
            && let along = dot(objective, u)
            && along <= product.min(best.0)
        {
            return (along, Member { vector: objective.to_vec(), origin: Origin::Objective });
        }
        if best.0 < product {
            let sign = f64::from(signs[best.1]);
            let vector = self.rows[best.1].iter().map(|a| sign * a).collect();
            (best.0, Member { vector, origin: Origin::Unit(best.1) })
        } else {
            (product, Member { vector: wall.to_vec(), origin: Origin::Wall })
        }
    }

    /// The region's half-space that u violates most (or satisfies least), in `wall`.
    fn wall(&self, u: &[f64], widening: f64, wall: &mut [f64]) {
        let d = u.len() - 1;
        wall.fill(0.0);
        wall[d] = 1.0;
        let norm = match self.region {
            Region::Everywhere => return,
            Region::Box { .. } => Norm::Infinity,
            Region::Ball { norm, .. } => *norm,
        };
        wall[d] += widening;
        match norm {
            Norm::Infinity => {
                let k = (0..d).fold(0, |best, k| if u[k].abs() > u[best].abs() { k } else { best });
                wall[k] = if u[k] > 0.0 { -1.0 } else { 1.0 };
            }
            Norm::One => (0..d).for_each(|k| wall[k] = if u[k] > 0.0 { -1.0 } else { 1.0 }),
            Norm::Two => {
                let length = Norm::Two.of(&u[..d]);
                if length > 0.0 {
                    (0..d).for_each(|k| wall[k] = -u[k] / length);
                }
            }
        }
        let length = Norm::Two.of(wall);
        wall.iter_mut().for_each(|a| *a /= length);
    }

    /// Factor from a normalized generator's weight to its row's: 1/‖(w∘half, w·center + b)‖.
    pub(super) fn normalization(&self, r: usize) -> f64 {
        let i = self.units[r];
        let at_center = self.network.pre_activation(i, &self.center);
        let entry = |k: usize| self.network.w()[(i, k)] * self.half[k];
        let square = (0..self.center.len()).fold(at_center.powi(2), |square, k| square + entry(k).powi(2));
        if (1e-280..1e280).contains(&square) {
            return square.sqrt().recip();
        }
        let row: Vec<f64> = (0..self.center.len()).map(entry).chain([at_center]).collect();
        Norm::Two.of(&row).recip()
    }
}

/// In four sums, which a processor forms at once.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 4];
    let (a, b) = (a.chunks_exact(4), b.chunks_exact(4));
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        for k in 0..4 {
            sums[k] += a[k] * b[k];
        }
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

/// An orthogonalization of the vectors (1, g) of members, in their order: what is known of the first of them is kept while they stay.
struct Basis {
    /// Entries of a vector.
    size: usize,
    count: usize,
    /// One direction after the other.
    directions: Vec<f64>,
    /// The columns of the triangular factor R one after the other, each down to its diagonal.
    factor: Vec<f64>,
    /// The vector at hand.
    column: Vec<f64>,
}

impl Basis {
    /// Of members with so many entries.
    fn new(entries: usize) -> Self {
        let size = entries + 1;
        Self { size, count: 0, directions: Vec::new(), factor: Vec::new(), column: vec![0.0; size] }
    }

    /// Only so many of the first members stay.
    fn keep(&mut self, count: usize) {
        self.count = self.count.min(count);
        self.directions.truncate(self.count * self.size);
        self.factor.truncate(self.count * (self.count + 1) / 2);
    }

    /// Takes the next member; `false` where it depends affinely on those before it, up to rounding.
    fn push(&mut self, member: &Member) -> bool {
        let first = self.factor.len();
        self.factor.resize(first + self.count + 1, 0.0);
        self.column[0] = 1.0;
        self.column[1..].copy_from_slice(&member.vector);
        // Twice is enough.
        for _ in 0..2 {
            for (entry, direction) in self.factor[first..].iter_mut().zip(self.directions.chunks_exact(self.size)) {
                let along = dot(direction, &self.column);
                *entry += along;
                self.column.iter_mut().zip(direction).for_each(|(a, q)| *a -= along * q);
            }
        }
        let length = Norm::Two.of(&self.column);
        if length < 1e-10 {
            self.factor.truncate(first);
            return false;
        }
        self.factor[first + self.count] = length;
        self.directions.extend(self.column.iter().map(|a| a / length));
        self.count += 1;
        true
    }

    /// The weights (summing to 1) of the point nearest to 0 in the affine hull of the members, in `weights`; `false` when they are
    /// affinely dependent up to rounding. Solves (RᵀR)λ = 1.
    fn nearest_affine(&mut self, members: &[Member], stop: &Stop, weights: &mut Vec<f64>) -> bool {
        let k = members.len();
        if k > self.size {
            return false;
        }
        for member in &members[self.count..] {
            if stop.asked() || !self.push(member) {
                return false;
            }
        }
        let column = |j: usize| &self.factor[j * (j + 1) / 2..(j + 1) * (j + 2) / 2];
        weights.clear();
        for i in 0..k {
            let of_row = column(i);
            weights.push((1.0 - dot(&of_row[..i], weights)) / of_row[i]);
        }
        for j in (0..k).rev() {
            let of_row = column(j);
            let (before, after) = weights.split_at_mut(j);
            after[0] /= of_row[j];
            before.iter_mut().zip(of_row).for_each(|(x, r)| *x -= r * after[0]);
        }
        let total: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|a| *a /= total);
        total > 0.0 && total.is_finite()
    }
}
