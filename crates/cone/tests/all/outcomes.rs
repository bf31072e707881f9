//! Every way a solve can end, and what `verify` refuses.

use crate::{
    agreement::{run, settings},
    random::{generator, interior, solvable, vector},
};
use faer::Mat;
use proptest::prelude::*;
use std::ops::ControlFlow;
use tautnet_cone::{Cone, Dense, Settings, Status, dense::DenseNormal, solve};

fn cones() -> Vec<Cone> {
    vec![Cone::Nonnegative(4), Cone::SecondOrder(3), Cone::Semidefinite(3)]
}

/// `Aᵀz = 0` and `bᵀz = −1` for an interior `z`: no point satisfies `Ax + b ∈ K`.
fn primal_infeasible(seed: u64) -> Dense {
    let mut program = solvable(seed, 4, 2, &cones());
    let z = interior(&mut generator(seed ^ 7), &cones());
    let zz: f64 = z.iter().map(|a| a * a).sum();
    for j in 0..4 {
        let inner: f64 = (0..z.len()).map(|i| program.a[(i, j)] * z[i]).sum();
        (0..z.len()).for_each(|i| program.a[(i, j)] -= inner / zz * z[i]);
    }
    let inner: f64 = z.iter().zip(&program.b).map(|(z, b)| z * b).sum();
    (0..z.len()).for_each(|i| program.b[i] -= (inner + 1.0) / zz * z[i]);
    program
}

/// `A x` interior, `P x = 0`, `qᵀx = −1`: unbounded below.
fn dual_infeasible(seed: u64) -> Dense {
    let rng = &mut generator(seed);
    let mut program = solvable(seed, 4, 0, &cones());
    let (x, target) = (vector(rng, 4), interior(rng, &cones()));
    let xx: f64 = x.iter().map(|a| a * a).sum();
    for i in 0..program.a.nrows() {
        let inner: f64 = (0..4).map(|j| program.a[(i, j)] * x[j]).sum();
        (0..4).for_each(|j| program.a[(i, j)] += (target[i] - inner) / xx * x[j]);
    }
    let inner: f64 = (0..4).map(|j| program.q[j] * x[j]).sum();
    (0..4).for_each(|j| program.q[j] -= (inner + 1.0) / xx * x[j]);
    program
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn infeasible_programs_get_a_witness(seed: u64) {
        for (program, expected) in [
            (primal_infeasible(seed), Status::PrimalInfeasible),
            (dual_infeasible(seed), Status::DualInfeasible),
        ] {
            let outcome = run(&program);
            prop_assert_eq!(outcome.status, expected);
            outcome.verify(&program, &settings()).map_err(TestCaseError::fail)?;
        }
    }

    #[test]
    fn a_spoilt_answer_does_not_verify(seed: u64) {
        let program = solvable(seed, 4, 2, &cones());
        let good = run(&program);
        prop_assert_eq!(good.status, Status::Solved);
        let settings = settings();
        let mut wrong = good.clone();
        wrong.x[0] += 1e-3;
        prop_assert!(wrong.verify(&program, &settings).is_err());
        let mut wrong = good.clone();
        wrong.z[0] = -1.0;
        prop_assert!(wrong.verify(&program, &settings).is_err());
        let mut wrong = good.clone();
        wrong.status = Status::PrimalInfeasible;
        prop_assert!(wrong.verify(&program, &settings).is_err());
        let mut wrong = good;
        wrong.status = Status::DualInfeasible;
        prop_assert!(wrong.verify(&program, &settings).is_err());
    }
}

#[test]
fn stops_at_the_limit_and_at_the_observers_word() {
    let program = solvable(3, 4, 2, &cones());
    let limited = Settings { iterations: 2, ..Settings::default() };
    let outcome = solve(&program, &mut DenseNormal::new(&program), &limited, None, &mut |_| ControlFlow::Continue(()));
    assert_eq!(outcome.status, Status::IterationLimit);
    assert_eq!(outcome.trace.len(), 3);
    let mut told = Vec::new();
    let outcome = solve(&program, &mut DenseNormal::new(&program), &Settings::default(), None, &mut |facts| {
        told.push(*facts);
        if facts.iteration == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(outcome.status, Status::Interrupted);
    assert_eq!(told, outcome.trace);
    assert!(outcome.x.iter().all(|x| x.is_finite()));
}

/// An unbounded optimal face, a feasible set without interior, and a matrix `A` with dependent columns.
#[test]
fn degenerate_programs_still_end_well() {
    let face = Dense {
        p: Mat::zeros(2, 2),
        q: vec![1.0, -1.0],
        a: Mat::from_fn(2, 2, |i, j| [[1.0, -1.0], [1.0, 1.0]][i][j]),
        b: vec![-1.0, 0.0],
        offset: 0.0,
        cones: vec![Cone::Nonnegative(2)],
    };
    let thin = Dense {
        p: Mat::identity(1, 1),
        q: vec![1.0],
        a: Mat::from_fn(2, 1, |i, _| [1.0, -1.0][i]),
        b: vec![-2.0, 2.0],
        offset: 0.0,
        cones: vec![Cone::Nonnegative(2)],
    };
    let mut dependent = solvable(5, 3, 3, &cones());
    let column: Vec<f64> = (0..dependent.a.nrows()).map(|i| dependent.a[(i, 0)]).collect();
    dependent.a = Mat::from_fn(column.len(), 3, |i, j| if j < 2 { column[i] } else { dependent.a[(i, 2)] });
    let z = interior(&mut generator(8), &cones());
    dependent.q = (0..3).map(|j| (0..z.len()).map(|i| dependent.a[(i, j)] * z[i]).sum()).collect();
    dependent.p = Mat::zeros(3, 3);
    dependent.b = interior(&mut generator(9), &cones());
    for (name, program, optimum) in
        [("face", &face, Some(1.0)), ("thin", &thin, Some(4.0)), ("dependent", &dependent, None)]
    {
        let outcome = run(program);
        let relative = outcome.last.gap;
        assert!(
            outcome.status == Status::Solved || (outcome.status == Status::NumericalTrouble && relative < 1e-6),
            "{name}: {:?} {:?}",
            outcome.status,
            outcome.last
        );
        if let Some(optimum) = optimum {
            assert!((outcome.last.primal - optimum).abs() < 1e-5, "{name}: {}", outcome.last.primal);
        }
    }
}
