//! What is true of a network, in exact arithmetic: the gradients that it has in a region, and the values that it takes
//! there.

use crate::arrangement::{Plane, Point, cells, meeting, vertices};
use crate::number::{Dyadic, Ratio};
use std::collections::HashSet;
use tautnet::certify::Region;
use tautnet::{Norm, Shallow, scaling::Scaler};

/// A network as fractions: `f(x) = (c·q + Σ v_i relu(h_i(x))) / q` with the hyperplanes h_i.
pub struct Exact {
    /// h_i.
    pub planes: Vec<Plane>,
    v: Vec<Dyadic>,
    c: Dyadic,
    q: Dyadic,
}

impl Exact {
    /// The network itself.
    pub fn of(network: &Shallow) -> Self {
        let plane = |i: usize| Plane {
            a: (0..network.inputs()).map(|k| Dyadic::of(network.w()[(i, k)])).collect(),
            b: Dyadic::of(network.b()[i]),
        };
        // A linear part is two units: a·x = relu(a·x) − relu(−a·x).
        let side = |sign: f64| Plane {
            a: network.a().unwrap_or_default().iter().map(|a| Dyadic::of(sign * a)).collect(),
            b: Dyadic::zero(),
        };
        let sides: &[f64] = if network.a().is_some_and(|a| a.iter().any(|a| *a != 0.0)) { &[1.0, -1.0] } else { &[] };
        Self {
            planes: (0..network.units()).map(plane).chain(sides.iter().map(|sign| side(*sign))).collect(),
            v: network.v().iter().chain(sides).map(|v| Dyadic::of(*v)).collect(),
            c: Dyadic::of(network.c()),
            q: Dyadic::one(),
        }
    }

    /// The network around a row of a table, as a function of the change of the standardized inputs:
    /// `Δ ↦ f((X − x_mean)/κ + Δ)`.
    pub fn around(network: &Shallow, scaler: &Scaler, row: &[f64]) -> Self {
        let plain = Self::of(network);
        let sigma: Vec<Dyadic> = scaler.input_scale.iter().map(|s| Dyadic::of(*s)).collect();
        let product = |left_out: Option<usize>| {
            let kept = sigma.iter().enumerate().filter(|(k, _)| Some(*k) != left_out);
            kept.fold(Dyadic::one(), |product, (_, s)| &product * s)
        };
        let q = product(None);
        let center: Vec<Dyadic> = (0..row.len())
            .map(|k| &(&Dyadic::of(row[k]) - &Dyadic::of(scaler.input_mean[k])) * &product(Some(k)))
            .collect();
        let moved = |plane: &Plane| Plane {
            a: plane.a.iter().map(|a| a * &q).collect(),
            b: plane.value_at(&Point { x: center.clone(), q: q.clone() }),
        };
        Self { planes: plain.planes.iter().map(moved).collect(), q, ..plain }
    }

    fn inputs(&self) -> usize {
        self.planes[0].a.len()
    }

    /// f at a point.
    pub fn value(&self, point: &Point) -> Ratio {
        let relu = |(plane, v): (&Plane, &Dyadic)| {
            let h = plane.value_at(point);
            if h.sign() > 0 { v * &h } else { Dyadic::zero() }
        };
        let units: Dyadic = self.planes.iter().zip(&self.v).map(relu).sum();
        &Ratio::whole(self.c.clone()) + &Ratio::new(units, &self.q * &point.q)
    }

    /// The gradient, times q, on a cell.
    fn gradient(&self, signs: &[i8]) -> Vec<Dyadic> {
        let on = |k: usize| {
            self.planes
                .iter()
                .zip(&self.v)
                .zip(signs)
                .filter(|(_, sign)| **sign > 0)
                .map(move |((p, v), _)| v * &p.a[k])
        };
        (0..self.inputs()).map(|k| on(k).sum()).collect()
    }

    /// Every gradient that f has inside the region, times q (1 for a plain network). `None` for a Euclidean ball in
    /// three dimensions.
    pub fn gradients(&self, region: &Region) -> Option<Vec<Vec<Dyadic>>> {
        let units = self.planes.len();
        let signs: HashSet<Vec<i8>> = match sides(region, self.inputs()) {
            Some(sides) => {
                let all: Vec<Plane> = self.planes.iter().cloned().chain(sides).collect();
                let required: Vec<i8> = (0..all.len()).map(|j| i8::from(j >= units)).collect();
                cells(&all, &required).into_iter().map(|signs| signs[..units].to_vec()).collect()
            }
            None => self.cells_of_disc(&Disc::of(region)?)?,
        };
        Some(signs.iter().map(|signs| self.gradient(signs)).collect())
    }

    /// The cells that a Euclidean ball meets in two dimensions: those whose closed polygon has a point nearer than the
    /// radius. The nearest point is the centre, its foot on a side, or a corner.
    fn cells_of_disc(&self, disc: &Disc) -> Option<HashSet<Vec<i8>>> {
        if self.inputs() != 2 {
            return None;
        }
        let mut near = vertices(&self.planes, 2);
        near.push(disc.middle());
        near.extend(self.planes.iter().filter_map(|plane| disc.foot(plane)));
        near.retain(|point| disc.contains(point, false));
        let touches = |signs: &Vec<i8>| {
            let inside =
                |point: &Point| self.planes.iter().zip(signs).all(|(plane, sign)| plane.sign_at(point) * sign >= 0);
            near.iter().any(inside)
        };
        Some(cells(&self.planes, &vec![0; self.planes.len()]).into_iter().filter(touches).collect())
    }

    /// The smallest and the largest value over a box or ball. In a Euclidean ball of more than one dimension they are
    /// attained but need not be the extremes: then `complete` is false.
    pub fn range(&self, region: &Region) -> Range {
        let d = self.inputs();
        let (points, complete) = match sides(region, d) {
            Some(sides) => {
                let all: Vec<Plane> = self.planes.iter().cloned().chain(sides.iter().cloned()).collect();
                let inside = |point: &Point| sides.iter().all(|side| side.sign_at(point) >= 0);
                (vertices(&all, d).into_iter().filter(inside).collect(), true)
            }
            None => (self.points_of_ball(&Disc::of(region).expect("space has no range")), false),
        };
        let mut values = points.iter().map(|point| self.value(point));
        let first = values.next().expect("a region has vertices");
        let (mut lowest, mut highest) = (first.clone(), first);
        for value in values {
            if value < lowest {
                lowest = value;
            } else if value > highest {
                highest = value;
            }
        }
        Range { lowest, highest, complete }
    }

    /// Points of a Euclidean ball at which f is likely to be extreme: vertices, the ends of the gradients, and in two
    /// dimensions the ends of the lines through the centre along which a unit does not change.
    fn points_of_ball(&self, disc: &Disc) -> Vec<Point> {
        let d = self.inputs();
        let mut points = vertices(&self.planes, d);
        points.retain(|point| disc.contains(point, true));
        points.push(disc.middle());
        let gradients = cells(&self.planes, &vec![0; self.planes.len()]).into_iter().map(|signs| self.gradient(&signs));
        let lines = self.planes.iter().filter(|_| d == 2).map(|plane| vec![-&plane.a[1], plane.a[0].clone()]);
        for direction in gradients.chain(lines) {
            let largest = direction.iter().map(Dyadic::abs).max().expect("there is an input");
            if largest.is_zero() {
                continue;
            }
            let shape: Vec<f64> =
                direction.iter().map(|g| Ratio::new(g.clone(), largest.clone()).approximate()).collect();
            let length = shape.iter().map(|g| g * g).sum::<f64>().sqrt();
            for side in [1.0, -1.0] {
                // On the boundary or a hair inside of it: the farthest point that rounding leaves in the ball.
                let on_the_way = |shrink: f64| {
                    let step = side * disc.radius * (1.0 - shrink) / length;
                    let x: Vec<f64> = (0..d).map(|k| disc.center[k] + step * shape[k]).collect();
                    x.iter().all(|x| x.is_finite()).then(|| exact_point(&x)).filter(|point| disc.contains(point, true))
                };
                points.extend([0.0, 1e-16, 1e-15, 1e-12, 1e-3].into_iter().find_map(on_the_way));
            }
        }
        points
    }
}

/// A point of doubles.
pub fn exact_point(x: &[f64]) -> Point {
    Point { x: x.iter().map(|x| Dyadic::of(*x)).collect(), q: Dyadic::one() }
}

/// Values of f.
pub struct Range {
    /// The smallest.
    pub lowest: Ratio,
    /// The largest.
    pub highest: Ratio,
    /// Whether no other value is smaller or larger.
    pub complete: bool,
}

impl Range {
    /// The largest distance from a target.
    pub fn worst_error(&self, target: &Ratio) -> Ratio {
        (&self.lowest - target).abs().max((&self.highest - target).abs())
    }
}

/// The half-spaces whose intersection a region is; `None` for a Euclidean ball of more than one dimension.
pub fn sides(region: &Region, d: usize) -> Option<Vec<Plane>> {
    let one = |k: usize, sign: f64, b: Dyadic| {
        let mut a = vec![Dyadic::zero(); d];
        a[k] = Dyadic::of(sign);
        Plane { a, b }
    };
    match region {
        Region::Everywhere => Some(Vec::new()),
        Region::Box { lower, upper } => Some(
            (0..d).flat_map(|k| [one(k, 1.0, -&Dyadic::of(lower[k])), one(k, -1.0, Dyadic::of(upper[k]))]).collect(),
        ),
        Region::Ball { center, radius, norm } => {
            let (center, radius): (Vec<Dyadic>, _) =
                (center.iter().map(|c| Dyadic::of(*c)).collect(), Dyadic::of(*radius));
            match norm {
                Norm::Two if d > 1 => None,
                Norm::One => {
                    // radius − Σ ±(x_k − center_k) ≥ 0, for all signs.
                    let side = |signs: usize| {
                        let sign = |k: usize| Dyadic::of(if signs >> k & 1 == 1 { 1.0 } else { -1.0 });
                        let a: Vec<Dyadic> = (0..d).map(sign).collect();
                        let b = &radius - &a.iter().zip(&center).map(|(a, c)| a * c).sum::<Dyadic>();
                        Plane { a, b }
                    };
                    Some((0..1 << d).map(side).collect())
                }
                _ => Some(
                    (0..d)
                        .flat_map(|k| [one(k, 1.0, &radius - &center[k]), one(k, -1.0, &radius + &center[k])])
                        .collect(),
                ),
            }
        }
    }
}

/// Whether a point lies in the (closed) region, without rounding.
pub fn contains(region: &Region, x: &[f64]) -> bool {
    let point = exact_point(x);
    match sides(region, x.len()) {
        Some(sides) => sides.iter().all(|side| side.sign_at(&point) >= 0),
        None => Disc::of(region).is_some_and(|disc| disc.contains(&point, true)),
    }
}

/// A Euclidean ball.
struct Disc {
    center: Vec<f64>,
    radius: f64,
}

impl Disc {
    fn of(region: &Region) -> Option<Self> {
        match region {
            Region::Ball { center, radius, norm: Norm::Two } => Some(Self { center: center.clone(), radius: *radius }),
            _ => None,
        }
    }

    fn middle(&self) -> Point {
        exact_point(&self.center)
    }

    fn contains(&self, point: &Point, closed: bool) -> bool {
        let offset = |(x, c): (&Dyadic, &f64)| x - &(&Dyadic::of(*c) * &point.q);
        let square = |number: Dyadic| &number * &number;
        let distance: Dyadic = point.x.iter().zip(&self.center).map(offset).map(square).sum();
        let reach = square(&Dyadic::of(self.radius) * &point.q);
        distance < reach || (closed && distance == reach)
    }

    /// The point of a line that is nearest to the centre.
    fn foot(&self, plane: &Plane) -> Option<Point> {
        // The line through the centre along the normal: a_2 (x_1 − c_1) − a_1 (x_2 − c_2) = 0.
        let center = self.middle();
        let a = vec![plane.a[1].clone(), -&plane.a[0]];
        let b = -&a.iter().zip(&center.x).map(|(a, c)| a * c).sum::<Dyadic>();
        meeting(&[plane, &Plane { a, b }])
    }
}

/// The length of a gradient in a norm; for the Euclidean one, its square.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Length {
    power: Ratio,
    euclidean: bool,
}

impl Length {
    /// Of the gradient's entries, in the dual of the norm of inputs.
    pub fn of(gradient: &[Ratio], norm: Norm) -> Self {
        let sum = |terms: &mut dyn Iterator<Item = Ratio>| terms.fold(Ratio::zero(), |sum, term| &sum + &term);
        let power = match norm.dual() {
            Norm::One => sum(&mut gradient.iter().map(Ratio::abs)),
            Norm::Two => sum(&mut gradient.iter().map(|g| g * g)),
            Norm::Infinity => gradient.iter().map(Ratio::abs).max().expect("there is an input"),
        };
        Self { power, euclidean: norm == Norm::Two }
    }

    /// The longest of some gradients whose entry k is multiplied by `factors[k]`.
    pub fn longest(gradients: &[Vec<Dyadic>], factors: &[Ratio], norm: Norm) -> Self {
        let scaled = |gradient: &Vec<Dyadic>| -> Vec<Ratio> {
            gradient.iter().zip(factors).map(|(g, factor)| &Ratio::whole(g.clone()) * factor).collect()
        };
        gradients.iter().map(|gradient| Self::of(&scaled(gradient), norm)).max().expect("there is a cell")
    }

    fn compare(&self, bound: f64) -> std::cmp::Ordering {
        let bound = Ratio::of(bound);
        self.power.cmp(&if self.euclidean { &bound * &bound } else { bound })
    }

    /// Whether it is at most this bound.
    pub fn is_at_most(&self, bound: f64) -> bool {
        bound == f64::INFINITY || (bound >= 0.0 && self.compare(bound).is_le())
    }

    /// Whether it is at least this bound.
    pub fn is_at_least(&self, bound: f64) -> bool {
        bound <= 0.0 || (bound.is_finite() && self.compare(bound).is_ge())
    }

    /// About this, for messages: the smallest double for what is smaller still.
    pub fn approximate(&self) -> f64 {
        let power = match self.power.approximate() {
            0.0 if self.power != Ratio::zero() => f64::from_bits(1),
            power => power,
        };
        if self.euclidean { power.sqrt() } else { power }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::mat;

    /// relu(x) − relu(x − 1): slope 1 between 0 and 1, values from 0 to 1.
    #[test]
    fn the_step_is_known() {
        let network = Shallow::new(mat![[1.0], [1.0]], vec![0.0, -1.0], vec![1.0, -1.0], 0.0).unwrap();
        let exact = Exact::of(&network);
        for norm in [Norm::One, Norm::Two, Norm::Infinity] {
            let length = |region: &Region| Length::longest(&exact.gradients(region).unwrap(), &[Ratio::of(1.0)], norm);
            let everywhere = length(&Region::Everywhere);
            assert!(
                everywhere.is_at_most(1.0)
                    && everywhere.is_at_least(1.0)
                    && !everywhere.is_at_most(1.0_f64.next_down())
            );
            let ball = Region::Ball { center: vec![0.5], radius: 3.0, norm };
            let range = exact.range(&ball);
            assert!(range.complete && range.lowest == Ratio::zero() && range.highest == Ratio::of(1.0));
            assert_eq!(range.worst_error(&Ratio::of(0.25)), Ratio::of(0.75));
            let flat = Region::Box { lower: vec![-2.0], upper: vec![0.0] };
            assert!(length(&flat).is_at_most(0.0) && !length(&flat).is_at_least(5e-324));
        }
    }

    /// |x_1| + |x_2| in a disc around (2, 0): it reaches the upper and the lower half of the plane, but not the left one.
    #[test]
    fn a_disc_meets_the_cells_it_meets() {
        let w = mat![[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]];
        let network = Shallow::new(w, vec![0.0; 4], vec![1.0; 4], 0.0).unwrap();
        let exact = Exact::of(&network);
        let gradients = |radius| {
            let region = Region::Ball { center: vec![2.0, 0.0], radius, norm: Norm::Two };
            let mut all = exact.gradients(&region).unwrap();
            all.sort();
            all
        };
        let ints = |all: &[[f64; 2]]| -> Vec<Vec<Dyadic>> {
            all.iter().map(|g| g.iter().map(|g| Dyadic::of(*g)).collect()).collect()
        };
        assert_eq!(gradients(2.0), ints(&[[1.0, -1.0], [1.0, 1.0]]));
        assert_eq!(gradients(2.5).len(), 4);
        let range = exact.range(&Region::Ball { center: vec![2.0, 0.0], radius: 1.0, norm: Norm::Two });
        let highest = range.highest.approximate();
        assert!(!range.complete && highest <= 2.0 + 2f64.sqrt() && highest > 2.0 + 2f64.sqrt() - 1e-12, "{highest}");
        assert_eq!(range.lowest.approximate(), 1.0);
    }

    #[test]
    fn a_model_is_its_network_in_other_units() {
        let network = Shallow::new(mat![[1.0, 2.0]], vec![0.5], vec![3.0], 1.0).unwrap();
        let scaler = Scaler { input_mean: vec![1.0, -1.0], input_scale: vec![3.0, 0.7], ..Scaler::identity(2) };
        let around = Exact::around(&network, &scaler, &[4.0, -1.0]);
        // (4 − 1)/3 = 1, (−1 + 1)/0.7 = 0: h = 1.5.
        assert_eq!(around.value(&exact_point(&[0.0, 0.0])), Ratio::of(5.5));
        assert_eq!(around.value(&exact_point(&[1.0, 0.5])), Ratio::of(11.5));
    }
}
