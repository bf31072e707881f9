//! The maximum of a linear function over a cell of a bounded region, with proof.
//!
//! The upper bounds are Lagrangian and hold for any multipliers, so that nothing here has to converge to be right.

use super::box_maximum::{self, Found};
use super::cell::{Attainability, Cells, Member, Origin, dot};
use super::region::Region;
use crate::Norm;
use crate::dense::EPSILON;
use tautnet_cone::Stop;

impl Cells<'_> {
    /// The largest value of `g·x + offset` on the closure of the pattern's cell in a bounded region: an upper bound
    /// from Lagrange multipliers (minus infinity when the cell is proved empty), and the best point met.
    ///
    /// Bisection on the value t: is there a point of the cell with `g·x + offset > t`? A vanishing combination with
    /// the weight λ_g on that half-space and λ_i on the units bounds the maximum by that of
    /// `g·x + offset + Σ (λ_i/λ_g) σ_i (w_i·x + b_i)` over the region, which is a dual norm.
    ///
    /// In a box the simplex method finds it, mostly at once. In a round ball that bound is mostly smooth in the multipliers, and descending on them one at a time is tried
    /// first.
    ///
    /// A point `near` that lies in the cell is where the search begins.
    pub fn maximize(
        &self,
        signs: &[i8],
        (g, offset): (&[f64], f64),
        tolerance: f64,
        near: &[f64],
    ) -> (f64, Option<Vec<f64>>) {
        if let Some(found) = self.maximize_in_box(signs, (g, offset), tolerance) {
            return found;
        }
        let start = match self.is_inside(signs, near) {
            true => Some(near.to_vec()),
            false => match self.decide(signs, false) {
                Attainability::Unattainable => return (f64::NEG_INFINITY, None),
                Attainability::Attainable(point) => Some(self.input(&point)),
                Attainability::Undecided => None,
            },
        };
        let mut round = f64::INFINITY;
        if let Region::Ball { norm: Norm::Two, radius, .. } = self.region {
            let (upper, maximizer) = self.maximize_round(signs, g, offset, *radius, tolerance);
            // It can stall where the norm has its kink: when the maximizer lies inside the ball.
            if let Some(x) = maximizer
                && (upper - dot(g, &x) - offset).abs() <= tolerance
                && self.is_inside(signs, &x)
            {
                return (upper, Some(x));
            }
            round = upper;
        }
        let (upper, maximizer) = self.maximize_by_bisection(signs, g, offset, tolerance, start, round);
        (upper.min(round), maximizer)
    }

    /// Whether an input is in the closure of the pattern's cell in a bounded region, up to rounding.
    fn is_inside(&self, signs: &[i8], x: &[f64]) -> bool {
        let point = self.point(x);
        let norm = if let Region::Ball { norm, .. } = self.region { *norm } else { Norm::Infinity };
        norm.of(&point[..x.len()]) <= 1.0 + 1e-10
            && (0..signs.len()).all(|r| signs[r] == 0 || f64::from(signs[r]) * self.side(r, &point) >= -1e-10)
    }

    /// What [`Cells::maximize`] says where the region is a box, if the simplex method finds it.
    fn maximize_in_box(
        &self,
        signs: &[i8],
        (g, offset): (&[f64], f64),
        tolerance: f64,
    ) -> Option<(f64, Option<Vec<f64>>)> {
        let (Region::Box { .. } | Region::Ball { norm: Norm::Infinity, .. }) = self.region else { return None };
        let d = g.len();
        let asked: Vec<usize> = (0..signs.len()).filter(|&r| signs[r] != 0).collect();
        let c: Vec<f64> = (0..d).map(|k| g[k] * self.half[k]).collect();
        let row = |&r: &usize| self.generator(r).iter().map(|a| f64::from(signs[r]) * a).collect();
        let rows: Vec<Vec<f64>> = asked.iter().map(row).collect();
        let of_units = |multipliers: Vec<f64>| {
            let one = |(&r, t): (&usize, f64)| (r, t * self.normalization(r));
            asked.iter().zip(multipliers).filter(|(_, t)| *t > 0.0).map(one).collect::<Vec<_>>()
        };
        match box_maximum::maximize(&c, &rows)? {
            Found::Empty(multipliers) => {
                let sum = self.bound_by(signs, of_units(multipliers).into_iter(), (&vec![0.0; d], 0.0));
                (sum < 0.0).then_some((f64::NEG_INFINITY, None))
            }
            Found::Maximum(point, multipliers) => {
                let x: Vec<f64> = (0..d).map(|k| self.center[k] + self.half[k] * point[k]).collect();
                let bound = self.bound_by(signs, of_units(multipliers).into_iter(), (g, offset));
                let attained = bound - dot(g, &x) - offset <= tolerance && self.is_inside(signs, &x);
                attained.then_some((bound.min(self.region.largest_value(g, offset)), Some(x)))
            }
        }
    }

    /// What [`Cells::maximize`] says where the region is a ball of the norm ∞ and its best corner for `g` lies in the cell: the
    /// bound is then that over the region, and attained.
    pub fn maximize_at_corner(&self, signs: &[i8], g: &[f64], offset: f64) -> Option<(f64, Option<Vec<f64>>)> {
        let Region::Ball { norm: Norm::Infinity, radius, .. } = self.region else { return None };
        let step = |k: usize| if g[k] < 0.0 { -radius } else { *radius };
        let corner: Vec<f64> = (0..g.len()).map(|k| self.center[k] + step(k)).collect();
        self.is_inside(signs, &corner).then(|| (self.region.largest_value(g, offset), Some(corner)))
    }

    /// Coordinate descent on `λ ↦ offset + Σλ_i a_i + r‖g + Σ λ_i σ_i w_i‖₂ (+ g·center)`, a_i the signed
    /// pre-activation at the center.
    ///
    /// With `u + tσw`, C = ‖w‖², B = σw·u, E = ‖u‖²C − B², the derivative in t vanishes where `q = Ct + B` has
    /// `q/√(q² + E) = −a/(r√C)`. The maximizer is `center + r u/‖u‖`.
    fn maximize_round(
        &self,
        signs: &[i8],
        g: &[f64],
        offset: f64,
        radius: f64,
        tolerance: f64,
    ) -> (f64, Option<Vec<f64>>) {
        let d = g.len();
        // Signed bias, signed pre-activation at the center, signed row.
        let pinned: Vec<(f64, f64, Vec<f64>)> = (0..signs.len())
            .filter(|&r| signs[r] != 0)
            .map(|r| {
                let (i, sign) = (self.units[r], f64::from(signs[r]));
                let row = (0..d).map(|k| sign * self.network.w()[(i, k)]).collect();
                (sign * self.network.b()[i], sign * self.network.pre_activation(i, &self.center), row)
            })
            .collect();
        let mut multipliers = vec![0.0_f64; pinned.len()];
        let mut u = g.to_vec();
        let dual_value = |multipliers: &[f64], u: &[f64]| {
            let lifted: f64 = pinned.iter().zip(multipliers).map(|((_, a, _), t)| a * t).sum();
            lifted + radius * Norm::Two.of(u)
        };
        let mut value = dual_value(&multipliers, &u);
        let stop = Stop::here();
        for _ in 0..2000 {
            for ((_, a, row), multiplier) in pinned.iter().zip(multipliers.iter_mut()) {
                let (square, along) = (dot(row, row), dot(row, &u));
                let kappa = -a / (radius * square.sqrt());
                let spread = (dot(&u, &u) * square - along * along).max(0.0);
                let change = if kappa >= 1.0 {
                    0.0 // no point of the ball is on this side: the bound stays as it is
                } else if kappa <= -1.0 {
                    -*multiplier
                } else {
                    (kappa * (spread / (1.0 - kappa * kappa)).sqrt() - along) / square
                };
                let next = (*multiplier + change).max(0.0);
                let change = next - *multiplier;
                *multiplier = next;
                u.iter_mut().zip(row).for_each(|(a, w)| *a += change * w);
            }
            let next = dual_value(&multipliers, &u);
            // The bound holds for any multipliers.
            let done = value - next <= 1e-3 * tolerance || stop.asked();
            value = next;
            if done {
                break;
            }
        }
        // Afresh, with every rounding accounted for.
        let (mut u, mut total) = (g.to_vec(), offset);
        let reach = |k: usize| self.center[k].abs() + self.half[k];
        let mut slack: f64 = offset.abs() + (0..d).map(|k| g[k].abs() * reach(k)).sum::<f64>();
        for ((bias, _, row), multiplier) in pinned.iter().zip(&multipliers).filter(|(_, t)| **t > 0.0) {
            total += multiplier * bias;
            slack += (multiplier * bias).abs();
            for k in 0..d {
                u[k] += multiplier * row[k];
                slack += (multiplier * row[k]).abs() * reach(k);
            }
        }
        let rounding = (pinned.len() + 4) as f64 * EPSILON * slack + self.region.underflow(d, pinned.len() + 1);
        let upper = self.region.largest_value(&u, total) + rounding;
        let length = Norm::Two.of(&u);
        let maximizer = (length > 0.0).then(|| (0..d).map(|k| self.center[k] + radius * u[k] / length).collect());
        (upper.min(self.region.largest_value(g, offset)), maximizer)
    }

    fn maximize_by_bisection(
        &self,
        signs: &[i8],
        g: &[f64],
        offset: f64,
        tolerance: f64,
        start: Option<Vec<f64>>,
        known: f64,
    ) -> (f64, Option<Vec<f64>>) {
        let d = g.len();
        let mut upper = self.region.largest_value(g, offset).min(known);
        let value = |x: &[f64]| dot(g, x) + offset;
        let at_center = value(&self.center);
        let mut lower = start.as_deref().map_or(2.0 * at_center - upper, value);
        let mut best = start;
        let mut active: Vec<Vec<f64>> = Vec::new();
        let mut row: Vec<f64> = (0..d).map(|k| g[k] * self.half[k]).collect();
        row.push(0.0);
        // Values up to here are reached, or too close to the maximum for the question to be decided.
        let mut floor = lower;
        let stop = Stop::here();
        for _ in 0..100 {
            if upper - floor <= tolerance || stop.asked() {
                break;
            }
            let gamma = 0.5 * (floor + upper);
            row[d] = at_center - gamma;
            let length = Norm::Two.of(&row);
            let objective: Vec<f64> = row.iter().map(|a| a / length).collect();
            let mut proved = f64::INFINITY;
            let answer = self.separate(signs, Some(&objective), 0.0, false, &mut |members, weights| {
                let bound = self.lagrangian_bound(signs, members, weights, (g, offset), length);
                if bound < proved {
                    proved = bound;
                    let tight = members.iter().filter(|member| member.origin != Origin::Objective);
                    active = tight.map(|member| member.vector.clone()).collect();
                }
                proved <= gamma + 0.1 * tolerance
            });
            if proved < upper {
                upper = proved;
                // The constraints that the proof uses hold with equality at the maximizer, where the proof is the best.
                let x = self.snap(best.as_deref().unwrap_or(&self.center), &active);
                if value(&x) > lower && self.is_inside(signs, &x) {
                    lower = value(&x);
                    floor = floor.max(lower).min(upper);
                    best = Some(x);
                }
            }
            match answer {
                Attainability::Attainable(point) => {
                    let x = self.input(&point);
                    if value(&x) > lower {
                        lower = value(&x);
                        best = Some(x);
                    }
                    floor = gamma.max(lower).min(upper);
                }
                Attainability::Undecided => floor = gamma.min(upper),
                Attainability::Unattainable => {}
            }
        }
        // A thin cone's points are known to few digits. The constraints that the best proof uses hold with equality at
        // the maximizer: project onto them.
        if upper - lower > tolerance
            && let Some(x) = best.as_deref().map(|x| self.snap(x, &active))
            && value(&x) > lower
            && value(&x) <= upper + tolerance
        {
            best = Some(x);
        }
        (upper, best)
    }

    /// The input whose homogeneous coordinates are those of x without their components along the given generators.
    fn snap(&self, x: &[f64], active: &[Vec<f64>]) -> Vec<f64> {
        let mut point = self.point(x);
        let mut basis: Vec<Vec<f64>> = Vec::new();
        for generator in active {
            let mut direction = generator.clone();
            for _ in 0..2 {
                for known in &basis {
                    let along = dot(known, &direction);
                    direction.iter_mut().zip(known).for_each(|(a, q)| *a -= along * q);
                }
            }
            let length = Norm::Two.of(&direction);
            if length > 1e-10 {
                direction.iter_mut().for_each(|a| *a /= length);
                basis.push(direction);
            }
        }
        for _ in 0..2 {
            for direction in &basis {
                let along = dot(direction, &point);
                point.iter_mut().zip(direction).for_each(|(a, q)| *a -= along * q);
            }
        }
        self.input(&point)
    }

    /// See [`Cells::maximize`]; `length` is what the objective's generator was divided by.
    fn lagrangian_bound(
        &self,
        signs: &[i8],
        members: &[Member],
        weights: &[f64],
        (g, offset): (&[f64], f64),
        length: f64,
    ) -> f64 {
        let weight_of = |origin: Origin| -> f64 {
            members.iter().zip(weights).filter(|(m, _)| m.origin == origin).map(|(_, weight)| *weight).sum()
        };
        let objective = weight_of(Origin::Objective) / length;
        if objective <= 0.0 {
            return f64::INFINITY;
        }
        let of_unit = |(member, weight): (&Member, &f64)| match member.origin {
            Origin::Unit(r) => Some((r, weight * self.normalization(r) / objective)),
            _ => None,
        };
        self.bound_by(signs, members.iter().zip(weights).filter_map(of_unit), (g, offset))
    }

    /// The largest value over the region of `g·x + offset + Σ t_r σ_r (w_r·x + b_r)`, with every rounding accounted for: no value of
    /// `g·x + offset` in the cell is larger, for any t ≥ 0.
    fn bound_by(
        &self,
        signs: &[i8],
        multipliers: impl Iterator<Item = (usize, f64)>,
        (g, offset): (&[f64], f64),
    ) -> f64 {
        let (mut u, mut total) = (g.to_vec(), offset);
        let (mut slack, mut terms) = (0.0, 4.0);
        for (r, multiplier) in multipliers {
            let i = self.units[r];
            for k in 0..g.len() {
                let term = multiplier * f64::from(signs[r]) * self.network.w()[(i, k)];
                u[k] += term;
                slack += term.abs() * (self.center[k].abs() + self.half[k]);
            }
            total += multiplier * f64::from(signs[r]) * self.network.b()[i];
            slack += (multiplier * self.network.b()[i]).abs();
            terms += 1.0;
        }
        for k in 0..g.len() {
            slack += g[k].abs() * (self.center[k].abs() + self.half[k]);
        }
        let underflow = self.region.underflow(g.len(), terms as usize);
        self.region.largest_value(&u, total) + terms * EPSILON * (slack + offset.abs()) + underflow
    }
}
