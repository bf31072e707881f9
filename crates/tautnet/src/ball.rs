//! The ball ‖Δ‖ ≤ ε in its three norms: steepest direction, projection, chords, random points.

use crate::Norm;
use crate::outward::{distance_up, length_at_most};
use crate::random::normal;
use rand::RngExt;
use rand_pcg::Pcg64;

/// A maximizer `u` of g·u over ‖u‖ ≤ 1; zero where g is.
pub(crate) fn steepest(norm: Norm, gradient: &[f64], u: &mut [f64]) {
    match norm {
        Norm::Two => {
            let length = Norm::Two.of(gradient);
            let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
            u.iter_mut().zip(gradient).for_each(|(u, g)| *u = scale * g);
        }
        Norm::Infinity => {
            let sign = |g: f64| if g == 0.0 { 0.0 } else { g.signum() };
            u.iter_mut().zip(gradient).for_each(|(u, &g)| *u = sign(g));
        }
        Norm::One => {
            u.fill(0.0);
            let largest =
                (0..u.len()).fold(0, |best, k| if gradient[k].abs() > gradient[best].abs() { k } else { best });
            if gradient[largest] != 0.0 {
                u[largest] = gradient[largest].signum();
            }
        }
    }
}

/// The nearest point of the ball in the Euclidean sense.
pub(crate) fn project(norm: Norm, radius: f64, delta: &mut [f64]) {
    match norm {
        Norm::Infinity => delta.iter_mut().for_each(|a| *a = a.clamp(-radius, radius)),
        Norm::Two => pull(norm, radius, delta),
        Norm::One => {
            if Norm::One.of(delta) > radius {
                // A soft threshold t with Σ (|Δ_k| − t)₊ = ε, found among the sorted magnitudes.
                let mut sizes: Vec<f64> = delta.iter().map(|a| a.abs()).collect();
                sizes.sort_unstable_by(|a, b| b.total_cmp(a));
                let (mut total, mut threshold) = (0.0, 0.0);
                for (k, size) in sizes.iter().enumerate() {
                    total += size;
                    let candidate = (total - radius) / (k + 1) as f64;
                    if *size > candidate {
                        threshold = candidate;
                    }
                }
                delta.iter_mut().for_each(|a| *a = a.signum() * (a.abs() - threshold).max(0.0));
            }
            pull(norm, radius, delta);
        }
    }
}

/// Shrink Δ towards 0 until its norm, as computed, is at most the radius.
pub(crate) fn pull(norm: Norm, radius: f64, delta: &mut [f64]) {
    let mut length = norm.of(delta);
    while length > radius {
        let scale = (radius / length).min(1.0 - f64::EPSILON);
        delta.iter_mut().for_each(|a| *a *= scale);
        length = norm.of(delta);
    }
}

/// A point near x + Δ whose distance from x is at most the radius for certain: where the sum of two doubles is rounded
/// away from x it is rounded towards it instead, and a Δ on the boundary is drawn in by its rounding. x itself where
/// nothing else will do.
pub(crate) fn placed(norm: Norm, radius: f64, x: &[f64], delta: &[f64]) -> Vec<f64> {
    let mut shrink = 0.0;
    for _ in 0..20 {
        let place = |(&x, &delta): (&f64, &f64)| {
            let step = delta * (1.0 - shrink);
            let point = x + step;
            match distance_up(point, x) > step.abs() {
                true if point > x => point.next_down(),
                true => point.next_up(),
                false => point,
            }
        };
        let point: Vec<f64> = x.iter().zip(delta).map(place).collect();
        if length_at_most(norm, point.iter().zip(x).map(|(a, b)| distance_up(*a, *b)), radius) {
            return point;
        }
        shrink = (2.0 * shrink).max(f64::EPSILON);
    }
    x.to_vec()
}

/// The range of t with ‖Δ + t s‖ ≤ ε, for Δ in the ball.
pub(crate) fn chord(norm: Norm, radius: f64, delta: &[f64], s: &[f64]) -> (f64, f64) {
    if s.iter().all(|&s| s == 0.0) {
        return (0.0, 0.0);
    }
    match norm {
        Norm::Two => {
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let (a, b, c) = (dot(s, s), dot(delta, s), (dot(delta, delta) - radius * radius).min(0.0));
            let root = (b * b - a * c).max(0.0).sqrt();
            (((-b - root) / a).min(0.0), ((-b + root) / a).max(0.0))
        }
        Norm::Infinity => {
            let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
            for (&a, &s) in delta.iter().zip(s) {
                if s != 0.0 {
                    let (one, other) = ((-radius - a) / s, (radius - a) / s);
                    low = low.max(one.min(other));
                    high = high.min(one.max(other));
                }
            }
            (low.min(0.0), high.max(0.0))
        }
        Norm::One => (-end_in_one_norm(radius, delta, s, -1.0), end_in_one_norm(radius, delta, s, 1.0)),
    }
}

/// The largest t ≥ 0 with ‖Δ + t·sign·s‖₁ ≤ ε: Newton's method from outside, which on a convex piecewise linear
/// function never overshoots and ends after finitely many pieces.
fn end_in_one_norm(radius: f64, delta: &[f64], s: &[f64], sign: f64) -> f64 {
    let mut t = 2.0 * radius / Norm::One.of(s);
    for _ in 0..=delta.len() {
        let (mut length, mut slope) = (0.0, 0.0);
        for (&a, &s) in delta.iter().zip(s) {
            let moved = a + t * sign * s;
            length += moved.abs();
            slope += sign * s * if moved == 0.0 { 0.0 } else { moved.signum() };
        }
        if length <= radius || slope <= 0.0 {
            break;
        }
        t -= (length - radius) / slope;
    }
    t.max(0.0)
}

/// A point of the ball in a Gaussian direction, further out more often, as volume is.
pub(crate) fn random_point(norm: Norm, radius: f64, delta: &mut [f64], random: &mut Pcg64) {
    delta.iter_mut().for_each(|a| *a = normal(random));
    let length = norm.of(delta);
    let scale =
        if length > 0.0 { radius * random.random::<f64>().powf(1.0 / delta.len() as f64) / length } else { 0.0 };
    delta.iter_mut().for_each(|a| *a *= scale);
    pull(norm, radius, delta);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exact_numbers::{Exact, compare_length};
    use proptest::prelude::*;
    use rand::SeedableRng;

    const NORMS: [Norm; 3] = [Norm::One, Norm::Two, Norm::Infinity];

    proptest! {
        #[test]
        fn the_ball_is_what_it_says(d in 1usize..6, radius in 0.01..3.0f64, seed in any::<u64>()) {
            let mut random = Pcg64::seed_from_u64(seed);
            let mut draw = |scale: f64| (0..d).map(|_| scale * normal(&mut random)).collect::<Vec<f64>>();
            let (g, far, s) = (draw(1.0), draw(3.0), draw(1.0));
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            for norm in NORMS {
                let mut u = vec![0.0; d];
                steepest(norm, &g, &mut u);
                // Hölder's inequality holds with equality.
                prop_assert!((dot(&g, &u) - norm.dual().of(&g)).abs() < 1e-12 && norm.of(&u) < 1.0 + 1e-12);

                // The projection p of x satisfies (x − p)·(q − p) ≤ 0 for all q of the ball: the worst q is steepest.
                let mut p = far.clone();
                project(norm, radius, &mut p);
                prop_assert!(norm.of(&p) <= radius);
                let outward: Vec<f64> = far.iter().zip(&p).map(|(x, p)| x - p).collect();
                steepest(norm, &outward, &mut u);
                let worst = radius * dot(&outward, &u) - dot(&outward, &p);
                prop_assert!(worst < 1e-12 * (1.0 + dot(&far, &far)), "{:?} {}", norm, worst);

                // The ends of a chord lie on the sphere.
                let (low, high) = chord(norm, radius, &p, &s);
                for t in [low, high] {
                    let end: Vec<f64> = p.iter().zip(&s).map(|(p, s)| p + t * s).collect();
                    prop_assert!((norm.of(&end) - radius).abs() < 1e-12 * (1.0 + radius), "{:?} {}", norm, norm.of(&end));
                }
                prop_assert!(low <= 0.0 && 0.0 <= high);
            }
        }
    }

    /// Exactly, beside inputs of any size; and no further from x + Δ than rounding.
    #[test]
    fn points_are_placed_inside() {
        let mut random = Pcg64::seed_from_u64(2);
        for trial in 0..3000 {
            let size = [0.0, 1.0, 1e3, 1e16, 1e300][trial % 5];
            let radius = [1e-3, 0.5, 1.0, 1e-200, 3.0][trial / 5 % 5];
            for norm in NORMS {
                let x: Vec<f64> = (0..3).map(|_| size * normal(&mut random)).collect();
                let mut delta = [0.0; 3];
                random_point(norm, radius, &mut delta, &mut random);
                let length = norm.of(&delta);
                delta.iter_mut().for_each(|a| *a *= radius / length);
                pull(norm, radius, &mut delta);
                let point = placed(norm, radius, &x, &delta);
                let moved: Vec<Exact> = point.iter().zip(&x).map(|(a, b)| Exact::of(*a) - Exact::of(*b)).collect();
                assert!(
                    compare_length(norm, &moved, radius) != std::cmp::Ordering::Greater,
                    "{norm:?} {size} {radius}"
                );
                let far = point
                    .iter()
                    .zip(&x)
                    .zip(&delta)
                    .any(|((p, x), a)| (p - (x + a)).abs() > 1e-15 * (x.abs() + a.abs()) + 1e-13 * radius);
                assert!(!far, "{norm:?} {size} {radius} {point:?} {x:?} {delta:?}");
            }
        }
    }

    #[test]
    fn random_points_lie_in_the_ball_and_not_all_near_its_centre() {
        let mut random = Pcg64::seed_from_u64(1);
        for norm in NORMS {
            let mut largest = 0.0f64;
            for _ in 0..100 {
                let mut delta = [0.0; 3];
                random_point(norm, 0.5, &mut delta, &mut random);
                assert!(norm.of(&delta) <= 0.5);
                largest = largest.max(norm.of(&delta));
            }
            assert!(largest > 0.45);
        }
    }
}
