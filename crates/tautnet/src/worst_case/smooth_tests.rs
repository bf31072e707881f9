//! The smoothed worst case against the worst case itself, and its slope and curvature against differences.

use super::*;
use crate::loss::Cost;
use crate::patterns::Patterns;
use crate::random::normal;
use crate::shards::Layers;
use crate::tolerance::Shape;
use faer::Mat;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

const LOSSES: [&str; 7] = ["squared", "huber:0.5", "quantile:0.3", "absolute", "hinge", "squared-hinge", "logistic"];

/// Rows with labels that need not be the patterns of the point.
struct Instance {
    smooth: Smooth,
    data: Dataset,
    x: Mat<f64>,
    omega: Vec<f64>,
    labels: Mat<f64>,
    tolerance: Tolerance,
    units: Vec<Unit>,
    affine: Affine,
    random: Pcg64,
}

impl Instance {
    /// Flags: ball, tolerances of their own in every row, linear part, no tolerance.
    fn new(loss: &str, [ball, own, linear, exact]: [bool; 4], seed: u64) -> Self {
        let random = &mut Pcg64::seed_from_u64(seed);
        let (n, d, m) = (14, 3, 5);
        let loss: Loss = loss.parse().unwrap();
        let y = (0..n).map(|_| if loss.is_margin() { normal(random).signum() } else { normal(random) }).collect();
        let omega: Vec<f64> = (0..n).map(|_| random.random_range(0.2..2.0)).collect();
        let data = Dataset::new(Mat::from_fn(n, d, |_, _| normal(random)), y, Some(omega.clone())).unwrap();
        let unit = |i: usize, random: &mut Pcg64| Unit {
            z: (0..d).map(|_| normal(random)).collect(),
            bias: normal(random),
            sign: if i.is_multiple_of(2) { 1.0 } else { -1.0 },
        };
        let units: Vec<Unit> = (0..m).map(|i| unit(i, random)).collect();
        let affine = Affine { c: normal(random), a: linear.then(|| (0..d).map(|_| normal(random)).collect()) };
        let sizes = Mat::from_fn(if own && !ball { n } else { 1 }, d, |_, j| {
            if exact || j == 1 { 0.0 } else { random.random_range(0.05..0.6) }
        });
        let tolerance = Tolerance::of_rows(if ball { Shape::Ball } else { Shape::Box }, sizes).unwrap();
        let signs = units.iter().map(|unit| unit.sign).collect();
        let columns = if exact { Vec::new() } else { vec![0, 2] };
        let cost = Cost::of_worst_case(&loss).unwrap();
        let smooth = Smooth::new(cost, signs, (d, linear), (tolerance.is_same(), columns));
        Self {
            x: Mat::from_fn(n, d + 1, |k, j| if j < d { data.x[(k, j)] } else { 1.0 }),
            labels: Mat::from_fn(n, m, |_, _| f64::from(u8::from(random.random_bool(0.5)))),
            smooth,
            data,
            omega,
            tolerance,
            units,
            affine,
            random: random.clone(),
        }
    }

    fn rows(&self) -> Labelled<'_> {
        let Self { x, omega, labels, tolerance, .. } = self;
        Labelled { x: x.as_ref(), y: &self.data.y, omega, labels: labels.as_ref(), tolerance, first: 0 }
    }

    fn point(&self) -> Vec<f64> {
        let a = self.affine.a.clone().unwrap_or_default();
        let numbers = Layers { c: self.affine.c, a, ..Layers::of_units(&self.units) }.numbers();
        self.smooth.point(&numbers, Some(&self.tolerance))
    }

    fn total(&self, point: &[f64], smoothing: Option<f64>) -> f64 {
        let losses = self.smooth.losses(&self.rows(), point, smoothing);
        losses.iter().zip(&self.omega).map(|(loss, omega)| loss * omega).sum()
    }

    /// What the tangent plane has at 0, the slope, and the curvature.
    fn plane(&self, point: &[f64], smoothing: f64) -> (f64, Vec<f64>, Mat<f64>) {
        let size = self.smooth.at.size();
        let mut sums = vec![0.0; 1 + size + size * size];
        self.smooth.add(&self.rows(), point, smoothing, &mut sums);
        let square = &sums[1 + size..];
        let whole = Mat::from_fn(size, size, |a, b| square[a.min(b) * size + a.max(b)]);
        (sums[0], sums[1..=size].to_vec(), whole)
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

proptest! {
    #[test]
    fn without_smoothing_it_is_the_worst_case_by_these_labels(
        loss in 0..LOSSES.len(), flags in any::<[bool; 4]>(), seed in any::<u64>(),
    ) {
        let of = Instance::new(LOSSES[loss], flags, seed);
        let labels = of.labels.col_iter().map(|column| column.iter().map(|on| *on > 0.0).collect::<Vec<bool>>());
        let labels = Patterns::from_units(of.data.rows(), labels);
        let within = Within { units: &of.units, affine: &of.affine, tolerance: &of.tolerance };
        let (mean, _) = within.bound(&of.data, &LOSSES[loss].parse().unwrap(), [&labels, &labels]);
        let total = of.omega.iter().sum::<f64>() * mean;
        let told = of.total(&of.point(), None);
        prop_assert!((told - total).abs() < 1e-10 * (1.0 + total), "{told} {total}");
        // Little smoothing changes little.
        let near = of.total(&of.point(), Some(1e-9));
        prop_assert!((near - total).abs() < 1e-6 * (1.0 + total), "{near} {total}");
    }

    #[test]
    fn its_tangent_plane_is_nowhere_above_the_worst_case(
        loss in 0..LOSSES.len(), flags in any::<[bool; 4]>(), seed in any::<u64>(), smoothing in 1e-4..1.0f64,
    ) {
        let mut of = Instance::new(LOSSES[loss], flags, seed);
        let (below, slope, _) = of.plane(&of.point(), smoothing);
        for _ in 0..20 {
            for unit in &mut of.units {
                unit.z.iter_mut().chain([&mut unit.bias]).for_each(|z| *z += 0.5 * normal(&mut of.random));
            }
            of.affine.c += normal(&mut of.random);
            let point = of.point();
            let (plane, worst) = (below + dot(&slope, &point), of.total(&point, None));
            prop_assert!(plane <= worst + 1e-9 * (1.0 + worst), "{plane} {worst}");
        }
    }

    #[test]
    fn its_slope_and_curvature_are_what_differences_tell(
        loss in 0..LOSSES.len(), flags in any::<[bool; 4]>(), seed in any::<u64>(),
    ) {
        let mut of = Instance::new(LOSSES[loss], flags, seed);
        let (point, smoothing, step) = (of.point(), 0.4, 1e-5);
        let (_, slope, curvature) = of.plane(&point, smoothing);
        let along: Vec<f64> = point.iter().map(|_| normal(&mut of.random)).collect();
        let moved = |by: f64| -> Vec<f64> { point.iter().zip(&along).map(|(at, along)| at + by * along).collect() };
        let value = |by: f64| of.total(&moved(by), Some(smoothing));
        let (told, found) = (dot(&slope, &along), (value(step) - value(-step)) / (2.0 * step));
        prop_assert!((told - found).abs() < 1e-5 * (1.0 + found.abs()), "{told} {found}");
        // A quadratic that can be left has a kink in its slope.
        if LOSSES[loss].starts_with("huber") {
            return Ok(());
        }
        let [ahead, behind] = [step, -step].map(|by| of.plane(&moved(by), smoothing).1);
        for a in 0..point.len() {
            let found = (ahead[a] - behind[a]) / (2.0 * step);
            let told: f64 = (0..point.len()).map(|b| curvature[(a, b)] * along[b]).sum();
            prop_assert!((told - found).abs() < 1e-3 * (1.0 + found.abs()), "{a}: {told} {found}");
        }
    }
}
