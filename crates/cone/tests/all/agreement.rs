//! Random programs: every optimum is verified by its own certificate, and linear, quadratic and second-order ones
//! are compared with Clarabel.

use crate::random::solvable;
use clarabel::{algebra::CscMatrix, solver::*};
use proptest::prelude::*;
use std::ops::ControlFlow;
use tautnet_cone::{Cone, Dense, Outcome, Settings, Status, dense::DenseNormal, solve};

/// The random programs' data are of size 10 to 1000 while their optimum may be near 0, so an absolute gap ends too.
pub fn settings() -> Settings {
    Settings { gap_absolute: 1e-6, ..Settings::default() }
}

pub fn run(program: &Dense) -> Outcome {
    solve(program, &mut DenseNormal::new(program), &settings(), None, &mut |_| ControlFlow::Continue(()))
}

/// The judge's optimum, where it claims one.
fn clarabel_optimum(program: &Dense) -> Option<f64> {
    let rows: Vec<Vec<f64>> =
        (0..program.a.nrows()).map(|i| (0..program.a.ncols()).map(|j| -program.a[(i, j)]).collect()).collect();
    let upper: Vec<Vec<f64>> = (0..program.p.nrows())
        .map(|i| (0..program.p.ncols()).map(|j| if i <= j { program.p[(i, j)] } else { 0.0 }).collect())
        .collect();
    let cones: Vec<SupportedConeT<f64>> = program
        .cones
        .iter()
        .map(|cone| match *cone {
            Cone::Nonnegative(n) => NonnegativeConeT(n),
            Cone::SecondOrder(n) => SecondOrderConeT(n),
            Cone::Semidefinite(_) => unreachable!("Clarabel's semidefinite cone needs a BLAS"),
        })
        .collect();
    let settings = DefaultSettings {
        verbose: false,
        tol_gap_abs: 1e-10,
        tol_gap_rel: 1e-10,
        tol_feas: 1e-10,
        ..DefaultSettings::default()
    };
    let mut solver = DefaultSolver::new(
        &CscMatrix::from(upper.iter()),
        &program.q,
        &CscMatrix::from(rows.iter()),
        &program.b,
        &cones,
        settings,
    )
    .expect("the judge accepts the program");
    solver.solve();
    (solver.solution.status == SolverStatus::Solved).then_some(solver.solution.obj_val + program.offset)
}

fn cones() -> impl Strategy<Value = Vec<Cone>> {
    prop::collection::vec(
        prop_oneof![(1usize..12).prop_map(Cone::Nonnegative), (1usize..7).prop_map(Cone::SecondOrder)],
        1..5,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]
    #[test]
    fn with_clarabel(cones in cones(), variables in 1usize..9, rank in 0usize..9, seed: u64) {
        let program = solvable(seed, variables, rank.min(variables), &cones);
        let outcome = run(&program);
        prop_assert_eq!(outcome.status, Status::Solved);
        let found = outcome.verify(&program, &settings()).map_err(TestCaseError::fail)?;
        // Refinement by conjugate gradients ends at the same optimum.
        let careful = Settings { careful: true, ..settings() };
        let mut go_on = |_: &_| ControlFlow::Continue(());
        let again = solve(&program, &mut DenseNormal::new(&program), &careful, None, &mut go_on);
        prop_assert_eq!(again.status, Status::Solved);
        let again = again.verify(&program, &careful).map_err(TestCaseError::fail)?;
        prop_assert!((found.primal - again.primal).abs() <= 2e-6 * (1.0 + found.primal.abs()));
        // Where the judge gives up, the certificate verified above is all there is.
        let judge = clarabel_optimum(&program);
        prop_assume!(judge.is_some());
        let judge = judge.unwrap();
        prop_assert!((found.primal - judge).abs() <= 1e-6 * (1.0 + judge.abs()), "{} against {judge}", found.primal);
    }

    #[test]
    fn semidefinite_programs_verify(orders in prop::collection::vec(1usize..6, 1..4), extra in 0usize..6,
                                    variables in 1usize..9, rank in 0usize..4, seed: u64) {
        let mut cones: Vec<Cone> = orders.into_iter().map(Cone::Semidefinite).collect();
        cones.push(Cone::Nonnegative(extra));
        cones.push(Cone::SecondOrder(extra + 1));
        let program = solvable(seed, variables, rank.min(variables), &cones);
        let outcome = run(&program);
        prop_assert_eq!(outcome.status, Status::Solved);
        outcome.verify(&program, &settings()).map_err(TestCaseError::fail)?;
    }
}

/// `min −t  s.t.  M − t I ⪰ 0` is the smallest eigenvalue of `M`.
#[test]
fn smallest_eigenvalue_as_a_semidefinite_program() {
    use crate::random::{generator, matrix};
    use faer::{Mat, Side};
    for k in [1, 2, 5, 9] {
        let root = matrix(&mut generator(k as u64), k, k);
        let m = &root + root.transpose();
        let mut b = vec![0.0; k * (k + 1) / 2];
        tautnet_cone::cone::svec(m.as_ref(), &mut b);
        let mut unit = vec![0.0; b.len()];
        tautnet_cone::cone::svec(Mat::<f64>::identity(k, k).as_ref(), &mut unit);
        let a = Mat::from_fn(b.len(), 1, |i, _| -unit[i]);
        let cones = vec![Cone::Semidefinite(k)];
        let outcome = run(&Dense { p: Mat::zeros(1, 1), q: vec![-1.0], a, b, offset: 0.0, cones });
        let expected = m.self_adjoint_eigenvalues(Side::Lower).unwrap()[0];
        assert_eq!(outcome.status, Status::Solved);
        assert!((outcome.x[0] - expected).abs() < 1e-7 * (1.0 + expected.abs()), "{} {expected}", outcome.x[0]);
    }
}
