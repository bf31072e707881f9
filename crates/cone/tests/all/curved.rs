//! Programs whose objective is no quadratic: Σ log(1 + exp(t_k)) of affine t over random cones.

use crate::random::{generator, interior, matrix, vector};
use faer::{Mat, Side, prelude::*};
use proptest::prelude::*;
use std::ops::ControlFlow;
use tautnet_cone::{
    Cone, Curved, Dense, Linear, NormalEquations, NotPositiveDefinite, Outcome, Program, Scaling, Settings, Start,
    Status, solve,
};

/// `ψ(x) = Σ_k weight_k log(1 + exp(t_k))`, `t = T x`; the cones are those of a dense program without a `P`.
struct Logistic {
    t: Mat<f64>,
    weight: Vec<f64>,
    rest: Dense,
}

impl Logistic {
    fn arguments(&self, x: &[f64]) -> Vec<f64> {
        (0..self.t.nrows()).map(|k| (0..x.len()).map(|j| self.t[(k, j)] * x[j]).sum()).collect()
    }
}

/// log(1 + exp(t)) without overflow, its slope and its curvature.
fn softplus(t: f64) -> [f64; 3] {
    let slope = if t >= 0.0 { 1.0 / (1.0 + (-t).exp()) } else { t.exp() / (1.0 + t.exp()) };
    [t.max(0.0) + (-t.abs()).exp().ln_1p(), slope, slope * (1.0 - slope)]
}

impl Linear for Logistic {
    fn cones(&self) -> &[Cone] {
        self.rest.cones()
    }
    fn linear(&self) -> &[f64] {
        self.rest.linear()
    }
    fn constant(&self) -> &[f64] {
        self.rest.constant()
    }
    fn offset(&self) -> f64 {
        self.rest.offset()
    }
    fn apply(&self, x: &[f64], out: &mut [f64]) {
        self.rest.apply(x, out);
    }
    fn adjoint(&self, z: &[f64], out: &mut [f64]) {
        self.rest.adjoint(z, out);
    }
}

impl Program for Logistic {
    fn curved(&self, x: &[f64], gradient: &mut [f64]) -> Curved {
        let arguments = self.arguments(x);
        gradient.fill(0.0);
        let mut value = 0.0;
        for (k, &t) in arguments.iter().enumerate() {
            let [height, slope, _] = softplus(t);
            value += self.weight[k] * height;
            (0..x.len()).for_each(|j| gradient[j] += self.weight[k] * slope * self.t[(k, j)]);
        }
        Curved { value, below: value - gradient.iter().zip(x).map(|(g, x)| g * x).sum::<f64>() }
    }

    fn curvature(&self, at: &[f64], v: &[f64], out: &mut [f64]) {
        out.fill(0.0);
        for (k, (t, along)) in self.arguments(at).into_iter().zip(self.arguments(v)).enumerate() {
            let share = self.weight[k] * softplus(t)[2] * along;
            (0..v.len()).for_each(|j| out[j] += share * self.t[(k, j)]);
        }
    }
}

/// The normal matrix written out.
struct Explicit<'a> {
    program: &'a Logistic,
    factor: Option<faer::linalg::solvers::Llt<f64>>,
}

impl NormalEquations for Explicit<'_> {
    fn factor(&mut self, at: &[f64], scaling: &[Scaling], regularization: f64) -> Result<(), NotPositiveDefinite> {
        let mut matrix = self.program.rest.normal_matrix(scaling);
        let (mut unit, mut column) = (vec![0.0; at.len()], vec![0.0; at.len()]);
        for j in 0..at.len() {
            unit[j] = 1.0;
            self.program.curvature(at, &unit, &mut column);
            unit[j] = 0.0;
            (0..at.len()).for_each(|i| matrix[(i, j)] += column[i]);
        }
        (0..at.len()).for_each(|j| matrix[(j, j)] *= 1.0 + regularization);
        self.factor = Some(matrix.llt(Side::Lower).map_err(|_| NotPositiveDefinite)?);
        Ok(())
    }
    fn solve(&self, r: &mut [f64]) {
        let n = r.len();
        self.factor.as_ref().unwrap().solve_in_place(MatMut::from_column_major_slice_mut(r, n, 1));
    }
}

/// A program with a point inside its cones and multipliers inside them, hence with a solution.
fn program(seed: u64, variables: usize, terms: usize, cones: &[Cone]) -> Logistic {
    let rng = &mut generator(seed);
    let rows = cones.iter().map(|cone| cone.length()).sum();
    let t = matrix(rng, terms, variables);
    let weight = vector(rng, terms).into_iter().map(f64::abs).collect();
    let (a, x) = (matrix(rng, rows, variables), vector(rng, variables));
    let (s, z) = (interior(rng, cones), interior(rng, cones));
    let b = (0..rows).map(|i| s[i] - (0..variables).map(|j| a[(i, j)] * x[j]).sum::<f64>()).collect();
    let empty = Mat::zeros(variables, variables);
    let rest = Dense { p: empty, q: vec![0.0; variables], a, b, offset: 0.25, cones: cones.to_vec() };
    let mut program = Logistic { t, weight, rest };
    // ∇ψ(x) + q = Aᵀz at this point.
    let (mut gradient, mut adjoint) = (vec![0.0; variables], vec![0.0; variables]);
    program.curved(&x, &mut gradient);
    program.rest.adjoint(&z, &mut adjoint);
    program.rest.q = adjoint.iter().zip(&gradient).map(|(a, g)| a - g).collect();
    program
}

fn run(program: &Logistic, start: Option<Start>) -> Outcome {
    let mut normal = Explicit { program, factor: None };
    let settings = Settings { gap_absolute: 1e-6, ..Settings::default() };
    solve(program, &mut normal, &settings, start, &mut |_| ControlFlow::Continue(()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// The certificate of optimality is recomputed, lower bound included: that needs ψ and its gradient, not the method.
    #[test]
    fn optima_are_proved(seed in any::<u64>(), variables in 1usize..8, terms in 1usize..12) {
        let cones = [Cone::Nonnegative(variables + 2), Cone::SecondOrder(variables + 1), Cone::Semidefinite(3)];
        let program = program(seed, variables, terms, &cones);
        let outcome = run(&program, None);
        prop_assert_eq!(outcome.status, Status::Solved);
        let settings = Settings { gap_absolute: 1e-6, ..Settings::default() };
        prop_assert!(outcome.verify(&program, &settings).is_ok(), "{:?}", outcome.verify(&program, &settings));
    }
}

/// min log(1 + exp(x)) − a x has its optimum at log(a/(1 − a)), inside the bounds −10 ≤ x ≤ 10, and in closed form.
#[test]
fn a_known_optimum_is_found() {
    for a in [0.02f64, 0.3, 0.5, 0.9, 0.999] {
        let rest = Dense {
            p: Mat::zeros(1, 1),
            q: vec![-a],
            a: faer::mat![[1.0], [-1.0]],
            b: vec![10.0, 10.0],
            offset: 0.0,
            cones: vec![Cone::Nonnegative(2)],
        };
        let program = Logistic { t: Mat::full(1, 1, 1.0), weight: vec![1.0], rest };
        let outcome = run(&program, None);
        let optimum = -(a * a.ln() + (1.0 - a) * (1.0 - a).ln());
        assert_eq!(outcome.status, Status::Solved);
        assert!((outcome.last.primal - optimum).abs() < 1e-6, "{a}: {} {optimum}", outcome.last.primal);
        assert!(outcome.last.dual <= optimum + 1e-7);
    }
}

/// Nothing finite proves that a curved objective is unbounded: such a program is not solved, and no witness is claimed.
#[test]
fn an_unbounded_curved_program_claims_nothing() {
    let rest = Dense {
        p: Mat::zeros(1, 1),
        q: vec![-2.0],
        a: Mat::full(1, 1, 1.0),
        b: vec![0.0],
        offset: 0.0,
        cones: vec![Cone::Nonnegative(1)],
    };
    let outcome = run(&Logistic { t: Mat::full(1, 1, 1.0), weight: vec![1.0], rest }, None);
    assert!(
        !matches!(outcome.status, Status::Solved | Status::DualInfeasible | Status::PrimalInfeasible),
        "{outcome:?}"
    );
}

/// Where the cones are empty the witness has nothing to do with the objective.
#[test]
fn empty_cones_are_proved_empty() {
    let rest = Dense {
        p: Mat::zeros(1, 1),
        q: vec![0.0],
        a: faer::mat![[1.0], [-1.0]],
        b: vec![-1.0, -1.0],
        offset: 0.0,
        cones: vec![Cone::Nonnegative(2)],
    };
    let program = Logistic { t: Mat::full(1, 1, 1.0), weight: vec![1.0], rest };
    let outcome = run(&program, None);
    assert_eq!(outcome.status, Status::PrimalInfeasible);
    outcome.verify(&program, &Settings::default()).unwrap();
}
