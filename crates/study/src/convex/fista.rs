//! Accelerated proximal gradient steps with backtracking and restarts.
//!
//! ```text
//! minimize   smooth(z̄) + λ_w Σ_j ‖z̄_j‖,      smooth is convex,       metric = χ I + own,  own block diagonal
//!
//! z̄⁺ = argmin  ∇smooth(z̄°)·(z̄ − z̄°) + ½ ‖z̄ − z̄°‖²_metric + λ_w Σ_j ‖z̄_j‖
//!      χ raised until the part of smooth beyond own is at most χ/2 ‖z̄⁺ − z̄°‖²
//! z̄° = z̄⁺ + (t − 1)/t⁺ (z̄⁺ − z̄)                                  t⁺ = (1 + √(1 + 4t²))/2,  or 1 when the momentum points uphill
//! ```
//!
//! (Beck and Teboulle 2009; restarts by O'Donoghue and Candès 2015, arXiv:1204.3982: (z̄° − z̄⁺)·metric (z̄⁺ − z̄) >
//! 0.) Everything that the smooth part needs of z̄ is a linear image of it, which is carried along: one product
//! forwards and one backwards a step. The own curvature, where there is one, is curvature that belongs to single groups
//! and would force short steps on all of them: it is taken exactly.

use super::problem::{dot, length};
use std::ops::ControlFlow;

/// A smooth convex function of a linear image of z̄.
pub(crate) trait Smooth {
    /// All that the function needs of z̄, linear in z̄.
    fn image(&self, u: &[f64]) -> Vec<f64>;
    /// The gradient from the image.
    fn gradient(&self, image: &[f64]) -> Vec<f64>;
    /// What smooth(to) − smooth(from) − ∇smooth(from)·(to − from) may be beyond ½ ‖to − from‖²_own, from the difference
    /// of the images.
    fn excess(&self, step: &[f64]) -> f64;
    /// a·own b from the images of two differences.
    fn product(&self, a: &[f64], b: &[f64]) -> f64;
    /// The own curvature of group j; none where it is 0.
    fn spectrum(&self, group: usize) -> Option<&Spectrum>;
}

/// The own curvature of a group, Σ_a values_a basis_a basis_aᵀ.
pub(crate) struct Spectrum {
    /// basis_a one after another, padded.
    pub basis: Vec<f64>,
    pub values: Vec<f64>,
}

/// What is minimized beside the smooth part, and the steps so far.
pub(crate) struct Descent {
    pub lambda: f64,
    pub width: usize,
    /// χ, kept from one call to the next.
    pub curvature: f64,
    /// Steps taken in all calls.
    pub steps: usize,
}

/// A point with its image.
#[derive(Clone)]
pub(crate) struct Point {
    pub u: Vec<f64>,
    pub image: Vec<f64>,
}

/// What the caller is shown after a step.
pub(crate) struct Step<'a> {
    pub point: &'a Point,
    /// ‖z̄⁺ − z̄°‖²_metric: 0 at the optimum, in the units of the objective.
    pub decrement: f64,
}

fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

impl Descent {
    /// Steps from a point until `done` says so.
    pub fn run(
        &mut self,
        smooth: &impl Smooth,
        start: Point,
        mut done: impl FnMut(&mut Self, Step<'_>) -> ControlFlow<()>,
    ) -> Point {
        let (mut current, mut ahead, mut t) = (start.clone(), start, 1.0f64);
        loop {
            let gradient = smooth.gradient(&ahead.image);
            let (next, step) = self.backtrack(smooth, &ahead, &gradient);
            self.steps += 1;
            let decrement = self.curvature * dot(&step.u, &step.u) + smooth.product(&step.image, &step.image);
            let gained = Point { u: difference(&next.u, &current.u), image: difference(&next.image, &current.image) };
            let along = self.curvature * dot(&step.u, &gained.u) + smooth.product(&step.image, &gained.image);
            if along < 0.0 {
                t = 1.0;
                self.curvature *= 0.7;
            }
            let longer = 0.5 * (1.0 + (1.0 + 4.0 * t * t).sqrt());
            let momentum = (t - 1.0) / longer;
            t = longer;
            let beyond = |next: &[f64], gained: &[f64]| -> Vec<f64> {
                next.iter().zip(gained).map(|(next, gained)| next + momentum * gained).collect()
            };
            ahead = Point { u: beyond(&next.u, &gained.u), image: beyond(&next.image, &gained.image) };
            current = next;
            if done(self, Step { point: &current, decrement }).is_break() {
                return current;
            }
        }
    }

    /// The proximal step from `ahead`: where it leads, and the step itself.
    fn backtrack(&mut self, smooth: &impl Smooth, ahead: &Point, gradient: &[f64]) -> (Point, Point) {
        loop {
            let mut u = ahead.u.clone();
            for (j, (u, slope)) in u.chunks_mut(self.width).zip(gradient.chunks(self.width)).enumerate() {
                match smooth.spectrum(j) {
                    Some(spectrum) => spectrum.step(u, slope, self.curvature, self.lambda),
                    None => {
                        u.iter_mut().zip(slope).for_each(|(u, slope)| *u -= slope / self.curvature);
                        shrink(u, self.lambda / self.curvature);
                    }
                }
            }
            let image = smooth.image(&u);
            let step = Point { u: difference(&u, &ahead.u), image: difference(&image, &ahead.image) };
            let moved = dot(&step.u, &step.u);
            let excess = smooth.excess(&step.image);
            // Down where steps are rounding no comparison means anything.
            if excess <= 0.5 * self.curvature * moved * (1.0 + 1e-9) || moved <= 1e-30 * dot(&u, &u) {
                return (Point { u, image }, step);
            }
            self.curvature = (1.2 * self.curvature).max(2.0 * excess / moved);
        }
    }
}

/// A length reduced by `by`, to 0 at most.
fn shrink(u: &mut [f64], by: f64) {
    let size = length(u);
    let keep = if size > by { 1.0 - by / size } else { 0.0 };
    u.iter_mut().for_each(|u| *u *= keep);
}

impl Spectrum {
    /// `u ← argmin slope·(x − u) + ½ (x − u)ᵀ(χI + own)(x − u) + λ_w‖x‖`.
    ///
    /// In the basis of the own curvature with eigenvalues e of χI + own and b = e∘u − slope: 0 where ‖b‖ ≤ λ_w;
    /// otherwise x = b/(e + λ_w/s) with s = ‖x‖ the root of phi(s) = Σ (b/(e s + λ_w))² = 1. phi^(−1/2) is concave and
    /// all but linear in s: Newton's method on it climbs to the root from below.
    fn step(&self, u: &mut [f64], slope: &[f64], curvature: f64, lambda: f64) {
        let width = u.len();
        let mu: Vec<f64> = self.values.iter().map(|value| curvature + value).collect();
        let b: Vec<f64> = self.basis.chunks(width).zip(&mu).map(|(q, mu)| mu * dot(q, u) - dot(q, slope)).collect();
        let size = b.iter().map(|b| b * b).sum::<f64>().sqrt();
        u.fill(0.0);
        if size <= lambda {
            return;
        }
        let steepest = mu.iter().fold(0.0f64, |most, &mu| most.max(mu));
        let mut r = (size - lambda) / steepest;
        for _ in 0..50 {
            let (mut phi, mut slope) = (0.0, 0.0);
            for (b, mu) in b.iter().zip(&mu) {
                let whole = 1.0 / (mu * r + lambda);
                let part = (b * whole).powi(2);
                phi += part;
                slope += part * mu * whole;
            }
            let change = phi * (phi.sqrt() - 1.0) / slope;
            r += change;
            // It climbs until rounding is all that is left.
            if change <= 1e-13 * r {
                break;
            }
        }
        for ((q, b), mu) in self.basis.chunks(width).zip(&b).zip(&mu) {
            let part = b / (mu + lambda / r);
            u.iter_mut().zip(q).for_each(|(u, q)| *u += part * q);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::{Mat, Side};
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        /// 0 ∈ slope + (χI + own)(x − u) + λ_w ∂‖x‖, also where the own curvature is singular and λ_w decides that x =
        /// 0.
        #[test]
        fn the_step_in_the_metric_is_stationary(seed in 0u64..1000, rank in 0usize..4, lambda in 1e-6f64..20.0) {
            let mut random = rand_pcg::Pcg64::seed_from_u64(seed);
            let mut vector = || -> Vec<f64> { (0..4).map(|_| random.random_range(-1.0..1.0)).collect() };
            let rows: Vec<Vec<f64>> = (0..rank).map(|_| vector()).collect();
            let (u, slope, stiff) = (vector(), vector(), 100.0);
            let s = Mat::from_fn(4, 4, |a, b| rows.iter().map(|row| stiff * row[a] * row[b]).sum::<f64>());
            let eigen = s.self_adjoint_eigen(Side::Lower).unwrap();
            let basis = (0..16).map(|i| eigen.U()[(i % 4, i / 4)]).collect();
            let spectrum = Spectrum { basis, values: (0..4).map(|a| eigen.S()[a].max(0.0)).collect() };
            let mut x = u.clone();
            spectrum.step(&mut x, &slope, 0.5, lambda);
            let pull: Vec<f64> = (0..4)
                .map(|a| slope[a] + 0.5 * (x[a] - u[a]) + (0..4).map(|b| s[(a, b)] * (x[b] - u[b])).sum::<f64>())
                .collect();
            let size = length(&x);
            if size == 0.0 {
                prop_assert!(length(&pull) <= lambda * (1.0 + 1e-9) + 1e-9);
            } else {
                for a in 0..4 {
                    prop_assert!((pull[a] + lambda * x[a] / size).abs() < 1e-8 * (1.0 + lambda), "{:?}", pull);
                }
            }
        }
    }
}
