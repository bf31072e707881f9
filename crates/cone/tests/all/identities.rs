//! What must hold of any symmetric cone's scaling, checked by one function for all of them.

use crate::random::{generator, interior, vector};
use proptest::prelude::*;
use tautnet_cone::{
    Cone, Scaling,
    cone::{margin, smat, svec},
    vector::dot,
};

fn close(a: &[f64], b: &[f64], tolerance: f64) {
    let scale = a.iter().chain(b).fold(1e-300f64, |m, x| m.max(x.abs()));
    for k in 0..a.len() {
        assert!((a[k] - b[k]).abs() <= tolerance * scale, "entry {k}: {} against {}", a[k], b[k]);
    }
}

/// `z ↦ −∇F(z)`, the inverse in the Jordan algebra, by each cone's textbook formula.
fn inverse(cone: Cone, z: &[f64]) -> Vec<f64> {
    match cone {
        Cone::Nonnegative(_) => z.iter().map(|z| 1.0 / z).collect(),
        Cone::SecondOrder(_) => {
            let hyperbolic = z[0] * z[0] - z[1..].iter().map(|a| a * a).sum::<f64>();
            z.iter().enumerate().map(|(k, z)| if k == 0 { z / hyperbolic } else { -z / hyperbolic }).collect()
        }
        Cone::Semidefinite(k) => {
            use faer::linalg::solvers::DenseSolveCore;
            let inverse = smat(k, z).partial_piv_lu().inverse();
            let mut out = vec![0.0; z.len()];
            svec(inverse.as_ref(), &mut out);
            out
        }
    }
}

fn identities(cone: Cone, seed: u64) {
    let rng = &mut generator(seed);
    let n = cone.length();
    let (s, z) = (interior(rng, &[cone]), interior(rng, &[cone]));
    let (u, v) = (vector(rng, n), vector(rng, n));
    let mut scaling = Scaling::identity(cone);
    assert!(scaling.update(&s, &z), "an interior pair is accepted");
    let apply = |v: &[f64]| {
        let mut out = vec![0.0; n];
        scaling.apply(v, &mut out);
        out
    };
    let corrector = |ds: &[f64], dz: &[f64], nu: f64| {
        let mut out = vec![0.0; n];
        scaling.corrector([&s, &z], [ds, dz], nu, &mut out);
        out
    };
    // H s = z; H is symmetric and positive; H maps the inverse of z to the inverse of s.
    close(&apply(&s), &z, 1e-8);
    assert!(
        (dot(&u, &apply(&v)) - dot(&v, &apply(&u))).abs() <= 1e-9 * (1.0 + dot(&u, &apply(&u)) + dot(&v, &apply(&v)))
    );
    let length = scaling.length_squared(&u);
    assert!(length > 0.0 && (dot(&u, &apply(&u)) - length).abs() <= 1e-8 * length);
    close(&apply(&inverse(cone, &z)), &inverse(cone, &s), 1e-6);
    // Degree: sᵀ s⁻¹.
    assert!((dot(&s, &inverse(cone, &s)) - cone.degree() as f64).abs() < 1e-6);
    // Corrector: with no direction it is s − ν z⁻¹; along (αs, βz) it is (1 + αβ)s; it is bilinear.
    let zero = vec![0.0; n];
    let expected: Vec<f64> = s.iter().zip(inverse(cone, &z)).map(|(s, i)| s - 0.3 * i).collect();
    close(&corrector(&zero, &zero, 0.3), &expected, 1e-7);
    let scaled = |v: &[f64], a: f64| v.iter().map(|x| a * x).collect::<Vec<f64>>();
    close(&corrector(&scaled(&s, -0.7), &scaled(&z, 0.4), 0.0), &scaled(&s, 1.0 - 0.28), 1e-8);
    let (one, two) = (corrector(&u, &v, 0.0), corrector(&scaled(&u, 2.0), &v, 0.0));
    let bilinear: Vec<f64> = (0..n).map(|k| 2.0 * one[k] - s[k]).collect();
    close(&two, &bilinear, 1e-7);
    // ⟨z, g⟩ = ⟨s, z⟩ + ⟨ds, dz⟩ − ν·degree: the trace of the complementarity equation.
    let trace = dot(&z, &corrector(&u, &v, 0.25));
    let expected = dot(&s, &z) + dot(&u, &v) - 0.25 * cone.degree() as f64;
    assert!((trace - expected).abs() <= 1e-7 * (1.0 + expected.abs() + dot(&u, &u) + dot(&v, &v)));
    // The longest step ends on the boundary and not before.
    let step = scaling.longest_step([&s, &z], [&u, &v]);
    if step < 1e6 {
        let at = |t: f64| {
            let moved = |p: &[f64], d: &[f64]| (0..n).map(|k| p[k] + t * d[k]).collect::<Vec<f64>>();
            margin(&[cone], &moved(&s, &u)).min(margin(&[cone], &moved(&z, &v)))
        };
        assert!(at(step * 0.999) > 0.0 && at(step * 1.001) < 0.0, "step {step}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn of_the_nonnegative_cone(n in 1usize..30, seed: u64) { identities(Cone::Nonnegative(n), seed); }
    #[test]
    fn of_the_second_order_cone(n in 1usize..12, seed: u64) { identities(Cone::SecondOrder(n), seed); }
    #[test]
    fn of_the_semidefinite_cone(k in 1usize..8, seed: u64) { identities(Cone::Semidefinite(k), seed); }
}

#[test]
fn points_outside_are_refused() {
    for (cone, outside) in [
        (Cone::Nonnegative(2), vec![1.0, -1e-9]),
        (Cone::SecondOrder(3), vec![1.0, 1.0, 0.1]),
        (Cone::Semidefinite(2), vec![1.0, 2.0, 1.0]),
    ] {
        let inside = interior(&mut generator(1), &[cone]);
        assert!(!Scaling::identity(cone).update(&outside, &inside), "{cone:?}");
        assert!(!Scaling::identity(cone).update(&inside, &outside), "{cone:?}");
    }
}
