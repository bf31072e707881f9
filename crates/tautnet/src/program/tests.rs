//! The structured program and its normal equations against what the formulas say, written out naively.

use super::{
    build::{Built, Held, Prices},
    cells::Cells,
    inequality::Inequality,
    layout::{Exits, Layout, Worst},
    lengths::Lengths,
    loss_term::Targets,
    normal::{Route, StructuredNormal},
    rows::Rows,
    training::{Near, Parts, TrainingProgram},
};
use crate::unit::Unit;
use crate::{Dataset, Loss, Norm, loss::Form, patterns::Patterns, random::normal};
use faer::{Mat, Side, prelude::*};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use std::ops::ControlFlow;
use tautnet_cone::{
    Cone, Dense, Linear, Scaling, Settings, Status,
    cone::{smat, svec},
    dense::DenseNormal,
    solve,
};

/// Forms of losses: without exits, between exits, exits alone.
const FORMS: [Form; 3] = [
    Form { quadratic: Some(1.0), above: None, below: None },
    Form { quadratic: Some(0.7), above: Some(0.8), below: Some(0.5) },
    Form { quadratic: None, above: Some(0.3), below: Some(0.9) },
];

/// Any layout that the library can ask for: (J), (12), (6), both penalties, LipSDP, in either norm.
///
/// Flags: weights held, no matrix inequality, multipliers held, decay, infinity norm, output bias, hard limit, L²,
/// linear part.
fn random_program(n: usize, d: usize, m: usize, flags: [bool; 9], form: Form, random: &mut Pcg64) -> TrainingProgram {
    let [no_weights, no_lmi, held_multipliers, decay, infinity, bias, bounded, squared, linear] = flags;
    let weights = !no_weights;
    let lmi = !(weights && no_lmi);
    let decay = weights && decay;
    let e = d + 1;
    // Without a penalty the data alone must determine the weights.
    let linear = linear && (!weights || lmi || n > d);
    let n = if !weights { 0 } else { n + if lmi || decay { 0 } else { e } + if linear { d } else { 0 } };
    let layout = Layout {
        n,
        d,
        m,
        weights,
        lmi,
        multipliers: !(weights && held_multipliers),
        decay,
        infinity,
        linear: weights && linear,
        biases: usize::from(weights && bias),
        exits: Exits::default(),
        reach: 0,
        worst: Worst::default(),
    };
    let sign: Vec<f64> = (0..m).map(|_| if random.random_bool(0.5) { 1.0 } else { -1.0 }).collect();
    let positive = |random: &mut Pcg64| random.random_range(-1.0..1.0f64).exp();
    let rows = weights.then(|| Rows {
        x: Mat::from_fn(n, e, |_, j| if j < d { normal(random) } else { 1.0 }),
        active: Patterns::from_units(n, (0..m).map(|_| (0..n).map(|_| random.random_bool(0.6)).collect())),
        sign: sign.clone(),
        margins: None,
    });
    // Some targets may count for nothing, not all of them; with exits there may be several at a point.
    let count = if form.above.is_some() && weights { n + 2 } else { n };
    let targets = weights.then(|| Targets {
        point: (0..count).map(|t| t % n).collect(),
        y: (0..count).map(|_| normal(random)).collect(),
        weight: (0..count).map(|k| if k > 0 && random.random_bool(0.1) { 0.0 } else { positive(random) }).collect(),
        form,
    });
    let layout = Layout { exits: targets.as_ref().map_or(Exits::default(), Targets::exits), ..layout };
    TrainingProgram::new(Parts {
        rows,
        targets,
        gathered: None,
        linear: layout.linear.then(|| Mat::from_fn(n, d, |_, _| normal(random))),
        spread: 0.3,
        sign,
        metric: (0..d).map(|_| positive(random)).collect(),
        turn: Mat::from_fn(e, e, |a, b| if a == b { 2.0 } else { 0.5 * normal(random) }),
        lipschitz: positive(random),
        squared: lmi && squared,
        decay: positive(random),
        max_lipschitz: (lmi && bounded).then(|| positive(random)),
        ridge: (0..m).map(|_| if random.random_bool(0.5) { 0.1 } else { 0.0 }).collect(),
        held_z: no_weights.then(|| Mat::from_fn(d, m, |_, _| normal(random))),
        held_linear: (!weights && linear).then(|| vector(d, random)),
        reach: None,
        worst: None,
        held_ell: (lmi && !layout.multipliers).then(|| (0..m).map(|_| positive(random)).collect()),
        layout,
    })
}

/// A point well inside the cone.
fn interior(cone: Cone, random: &mut Pcg64) -> Vec<f64> {
    match cone {
        Cone::Nonnegative(n) => (0..n).map(|_| random.random_range(-1.5..1.5f64).exp()).collect(),
        Cone::SecondOrder(n) => {
            let tail: Vec<f64> = (1..n).map(|_| normal(random)).collect();
            let head = Norm::Two.of(&tail) + random.random_range(0.1..2.0);
            std::iter::once(head).chain(tail).collect()
        }
        Cone::Semidefinite(k) => {
            let root = Mat::from_fn(k, k, |_, _| normal(random));
            let matrix = &root * root.transpose() + Mat::<f64>::identity(k, k) * Scale(0.2);
            let mut vector = vec![0.0; cone.length()];
            svec(matrix.as_ref(), &mut vector);
            vector
        }
    }
}

pub(super) fn random_scaling(cones: &[Cone], random: &mut Pcg64) -> Vec<Scaling> {
    let one = |&cone: &Cone| {
        let mut scaling = Scaling::identity(cone);
        assert!(scaling.update(&interior(cone, random), &interior(cone, random)));
        scaling
    };
    cones.iter().map(one).collect()
}

fn vector(length: usize, random: &mut Pcg64) -> Vec<f64> {
    (0..length).map(|_| normal(random)).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn column(values: &[f64]) -> Mat<f64> {
    Mat::from_fn(values.len(), 1, |i, _| values[i])
}

/// What the variables of unit `i` stand for: `z̄_i`, `ℓ_i` and `ζ_i = (z_i ; s_i ℓ_i)`, held parts included.
fn unit_of(program: &TrainingProgram, x: &[f64], i: usize) -> (Vec<f64>, f64, Vec<f64>) {
    let layout = &program.layout;
    let clique = |term: &Inequality| &program.constant()[term.clique_rows(layout, i)];
    let clique = program.terms.inequality.as_ref().map(clique);
    let held = |a: usize| smat(layout.d + 2, clique.expect("there is one"))[(layout.d + 1, a)];
    let z: Vec<f64> = match layout.weights {
        true => x[layout.unit(i)..][..layout.e()].to_vec(),
        false => (0..layout.d).map(held).chain([0.0]).collect(),
    };
    let ell = match layout.ell() {
        Some(l) => x[layout.unit(i) + l],
        None if layout.lmi => 0.5 * held(layout.d + 1),
        None => 0.0,
    };
    let c = z[..layout.d].iter().copied().chain([program.sign[i] * ell]).collect();
    (z, ell, c)
}

/// `Ax + b` and the objective, from the program's statement in `training.rs`, entry by entry.
fn as_stated(program: &TrainingProgram, parts_spread: f64, prices: [f64; 3], x: &[f64]) -> (Vec<f64>, f64) {
    let layout = &program.layout;
    let (d, e, m) = (layout.d, layout.e(), layout.m);
    let [lipschitz, square, decay] = prices;
    let (mut s, mut objective, mut last) = (vec![], parts_spread, vec![]);
    let units: Vec<_> = (0..m).map(|i| unit_of(program, x, i)).collect();
    let linear_at = layout.linear_part().map_or(0, |at| at.start);
    let held = program.terms.inequality.as_ref().and_then(|term| term.held_linear.clone());
    let own = layout.linear_part().map(|at| x[at].to_vec()).or(held).unwrap_or_else(|| vec![0.0; d]);
    if let Some(Cells { rows, ridge, .. }) = &program.terms.cells {
        let h = |i: usize, k: usize| (0..e).map(|a| rows.x[(k, a)] * units[i].0[a]).sum::<f64>();
        for i in 0..m {
            s.extend((0..layout.n).map(|k| if rows.active.unit(i)[k] { h(i, k) } else { -h(i, k) }));
            objective += 0.5 * ridge[i] * units[i].0[d].powi(2);
        }
        let targets = &program.terms.loss.as_ref().unwrap().targets;
        let Form { quadratic, above, below } = targets.form;
        let (exits, count) = (layout.exits(), targets.y.len());
        for t in 0..count {
            let k = targets.point[t];
            let on = (0..m).filter(|&i| rows.active.unit(i)[k]);
            let linear = program.terms.loss.as_ref().unwrap().linear.as_ref();
            let linear = linear.map_or(0.0, |inputs| (0..d).map(|j| inputs[(k, j)] * x[linear_at + j]).sum::<f64>());
            let f = on.map(|i| program.sign[i] * h(i, k)).sum::<f64>()
                + linear
                + layout.output_bias().map_or(0.0, |c| x[c]);
            let residual = f - targets.y[t];
            let (p, n) = match (layout.exits.targets, quadratic) {
                (0, _) => (0.0, 0.0),
                (_, Some(_)) => (x[exits + t], x[exits + count + t]),
                (_, None) => (x[exits + t], x[exits + t] - residual),
            };
            if layout.exits.targets > 0 {
                last.push([p, n]);
            }
            let inner = quadratic.map_or(0.0, |q| q * (residual - p + n).powi(2));
            objective += targets.weight[t] * (inner + above.unwrap_or(0.0) * p + below.unwrap_or(0.0) * n);
        }
    }
    let bound = if layout.lmi { x[layout.bound()] } else { 0.0 };
    let term = program.terms.bound.as_ref();
    let p = &x[layout.p().min(x.len())..][..layout.p_len()];
    if layout.p_len() > 0 {
        s.extend(p);
        s.push(bound - (0..d).map(|k| p[k] / term.unwrap().metric[k]).sum::<f64>());
    }
    if let Some(limit) = term.and_then(|term| term.limit) {
        s.push(limit - bound);
    }
    objective += lipschitz * bound + 0.5 * square * bound * bound;
    if let Some(Lengths { turn, .. }) = &program.terms.lengths {
        for (i, (z, ..)) in units.iter().enumerate() {
            s.push(x[layout.length(i)]);
            s.extend((0..e).map(|a| (0..e).map(|b| turn[(a, b)] * z[b]).sum::<f64>()));
            objective += decay * x[layout.length(i)];
        }
    }
    if layout.lmi {
        let mut rest = Mat::from_fn(e, e, |a, b| match (a == b, a) {
            (false, _) if a.max(b) == d => -own[a.min(b)],
            (false, _) => 0.0,
            (_, a) if a == d => bound,
            (_, a) if layout.infinity => p[a],
            (_, a) => term.unwrap().metric[a] * bound,
        });
        for (i, (_, ell, c)) in units.iter().enumerate() {
            let u = smat(e, &x[layout.separators() + i * layout.pairs()..][..layout.pairs()]);
            let clique = Mat::from_fn(d + 2, d + 2, |a, b| match (a <= d, b <= d) {
                (true, true) => u[(a, b)],
                (true, false) => c[a],
                (false, true) => c[b],
                (false, false) => 2.0 * ell,
            });
            let at = s.len();
            s.resize(at + layout.clique_len(), 0.0);
            svec(clique.as_ref(), &mut s[at..]);
            rest -= u;
        }
        let at = s.len();
        s.resize(at + layout.pairs(), 0.0);
        svec(rest.as_ref(), &mut s[at..]);
    }
    s.extend(last.iter().map(|[p, _]| p));
    s.extend(last.iter().map(|[_, n]| n));
    (s, objective)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_operators_are_the_program_as_stated(
        n in 1_usize..6, d in 1_usize..6, m in 1_usize..6, flags in any::<[bool; 9]>(), form in 0..FORMS.len(),
        seed in any::<u64>(),
    ) {
        let mut random = Pcg64::seed_from_u64(seed);
        let mut program = random_program(n, d, m, flags, FORMS[form], &mut random);
        let (columns, rows) = (program.linear().len(), program.constant().len());
        prop_assert_eq!(columns, program.layout.variables());
        prop_assert_eq!(rows, program.cones().iter().map(|cone| cone.length()).sum::<usize>());
        let (x, y, z) = (vector(columns, &mut random), vector(columns, &mut random), vector(rows, &mut random));
        let (bound, lengths) = (program.terms.bound.as_ref(), program.terms.lengths.as_ref());
        let prices =
            [bound.map_or(0.0, |term| term.linear), bound.map_or(0.0, |term| term.square), lengths.map_or(0.0, |term| term.price)];
        let (stated, objective) = as_stated(&program, 0.3, prices, &x);

        let (mut ax, mut az) = (vec![0.0; rows], vec![0.0; columns]);
        program.apply(&x, &mut ax);
        for (k, stated) in stated.iter().enumerate() {
            prop_assert!((ax[k] + program.constant()[k] - stated).abs() < 1e-12, "row {} of Ax + b", k);
        }
        program.adjoint(&z, &mut az);
        let (left, right) = (dot(&ax, &z), dot(&x, &az));
        prop_assert!((left - right).abs() < 1e-12 * (1.0 + dot(&ax, &ax) + dot(&z, &z)), "⟨Ax, z⟩ {left} ⟨x, Aᵀz⟩ {right}");

        // Both ways to multiply with P: rows visited, and the Hessian stored.
        for stored in [false, true] {
            if stored {
                program.store_hessian();
            }
            let (mut px, mut py) = (vec![0.0; columns], vec![0.0; columns]);
            program.product(&x, &mut px);
            program.product(&y, &mut py);
            let value = 0.5 * dot(&x, &px) + dot(program.linear(), &x) + program.offset();
            prop_assert!((value - objective).abs() < 1e-11 * (1.0 + objective.abs()), "{value} {objective}");
            prop_assert!((dot(&x, &py) - dot(&y, &px)).abs() < 1e-11 * (1.0 + dot(&px, &px)), "P is not symmetric");
            prop_assert!(dot(&x, &px) >= 0.0);
        }
    }

    /// The whole point of `normal.rs`: its matrix is `P + AᵀHA` with the separators eliminated, entry by entry, and
    /// both routes solve with it.
    #[test]
    fn the_structured_normal_matrix_is_the_dense_one(
        n in 1_usize..6, d in 1_usize..6, m in 1_usize..6, flags in any::<[bool; 9]>(), form in 0..FORMS.len(),
        seed in any::<u64>(),
    ) {
        let mut random = Pcg64::seed_from_u64(seed);
        let mut program = random_program(n, d, m, flags, FORMS[form], &mut random);
        let scaling = random_scaling(program.cones(), &mut random);
        let judge = Dense::of(&Near::nothing(&program)).normal_matrix(&scaling);
        let r = vector(judge.nrows(), &mut random);
        let known = judge.llt(Side::Lower).expect("the scaling is interior").solve(column(&r));
        let largest = known.norm_max();

        let mut normal = StructuredNormal::new(&program);
        normal.route = Route::Units;
        check_solve(&mut normal, &scaling, &r, &known, largest)?;
        program.store_hessian();
        let mut normal = StructuredNormal::new(&program);
        normal.route = Route::Dense;
        check_solve(&mut normal, &scaling, &r, &known, largest)?;

        let size = program.layout.reduced();
        let (found, separators) = (normal.reduced(&scaling), judge.nrows() - size);
        let mut schur = judge.submatrix(0, 0, size, size).to_owned();
        if separators > 0 {
            let across = judge.submatrix(size, 0, separators, size);
            let inner = judge.submatrix(size, size, separators, separators).llt(Side::Lower).unwrap();
            schur -= across.transpose() * inner.solve(across);
        }
        for a in 0..size {
            for b in 0..=a {
                let scale = (schur[(a, a)] * schur[(b, b)]).sqrt();
                let (found, known) = (found[(a, b)], schur[(a, b)]);
                prop_assert!((found - known).abs() <= 1e-9 * scale, "entry ({a}, {b}): {found} {known}");
            }
        }
    }

    /// `det Ξ = Π 2ℓ_i · det(E − Σ ζ_i ζ_iᵀ/2ℓ_i)`, the identity behind the cliques, and `Ξ ⪰ 0` exactly when the
    /// smallest separators `U_i = ζ_i ζ_iᵀ/2ℓ_i` leave a positive coupling.
    #[test]
    fn the_cliques_are_the_matrix_inequality(
        d in 1_usize..6, m in 1_usize..6, room in 0.1_f64..4.0, seed in any::<u64>(),
    ) {
        let mut random = Pcg64::seed_from_u64(seed);
        let z = Mat::from_fn(m, d, |_, _| normal(&mut random));
        let ell: Vec<f64> = (0..m).map(|_| random.random_range(-1.0..1.0f64).exp()).collect();
        let sign: Vec<f64> = (0..m).map(|_| if random.random_bool(0.5) { 1.0 } else { -1.0 }).collect();
        let mut c = Mat::<f64>::zeros(d + 1, d + 1);
        for i in 0..m {
            let entry = |a: usize| if a < d { z[(i, a)] } else { sign[i] * ell[i] };
            for b in 0..=d {
                for a in 0..=d {
                    c[(a, b)] += entry(a) * entry(b) / (2.0 * ell[i]);
                }
            }
        }
        let least = *c.self_adjoint_eigenvalues(Side::Lower).unwrap().last().unwrap();
        let bound = room * least;
        let rest = Mat::from_fn(d + 1, d + 1, |a, b| if a == b { bound } else { 0.0 } - c[(a, b)]);
        let s = Mat::from_fn(d + m + 1, d + m + 1, |a, b| {
            let (a, b) = (a.max(b), a.min(b));
            match (a, b) {
                (a, b) if a == b && (a < d || a == d + m) => bound,
                (a, b) if a == b => 2.0 * ell[a - d],
                (a, b) if a == d + m && b >= d => -ell[b - d] * sign[b - d],
                (a, b) if a >= d && a < d + m && b < d => -z[(a - d, b)],
                _ => 0.0,
            }
        });
        let product: f64 = ell.iter().map(|l| 2.0 * l).product();
        let (left, right) = (s.determinant(), product * rest.determinant());
        let size = product * bound.max(least).powi(d as i32 + 1);
        prop_assert!((left - right).abs() < 1e-10 * size, "{left} {right}");
        if (room - 1.0).abs() > 1e-6 {
            prop_assert_eq!(s.llt(Side::Lower).is_ok(), room > 1.0);
        }
    }
}

fn check_solve(
    normal: &mut StructuredNormal<'_>,
    scaling: &[Scaling],
    r: &[f64],
    known: &Mat<f64>,
    largest: f64,
) -> Result<(), TestCaseError> {
    use tautnet_cone::NormalEquations;
    let route = normal.route;
    normal.factor(&[], scaling, 0.0).map_err(|e| TestCaseError::fail(format!("{route:?}: {e}")))?;
    let mut x = r.to_vec();
    normal.solve(&mut x);
    for (a, found) in x.iter().enumerate() {
        let known = known[(a, 0)];
        prop_assert!((found - known).abs() <= 1e-8 * largest, "{route:?} {a}: {found} {known}");
    }
    Ok(())
}

/// A program of the library, as `polish` builds it, with the units of a random network.
fn built(seed: u64, prices: &Prices, held: Held<'_>) -> Built {
    let mut random = Pcg64::seed_from_u64(seed);
    let (n, d, m) = (12, 2, 4);
    let x = Mat::from_fn(n, d, |_, _| normal(&mut random));
    let y = (0..n).map(|k| x[(k, 0)].sin() + 0.3 * normal(&mut random)).collect::<Vec<_>>();
    let units: Vec<Unit> = (0..m)
        .map(|i| Unit {
            z: vector(d, &mut random),
            bias: normal(&mut random),
            sign: if i % 2 == 0 { 1.0 } else { -1.0 },
        })
        .collect();
    let on = |unit: &Unit, k: usize| unit.bias + (0..d).map(|a| unit.z[a] * x[(k, a)]).sum::<f64>() >= 0.0;
    let active = Patterns::from_units(n, units.iter().map(|unit| (0..n).map(|k| on(unit, k)).collect()));
    let data = Dataset::new(x, y, None).unwrap();
    let linear = prices.linear_part.then(|| vector(d, &mut random));
    Built::training(&data, (&units, linear.as_deref()), active, prices, held)
}

/// The naive normal matrix and the least-squares start, the structured one by either route: one optimum.
#[test]
fn both_routes_end_where_the_dense_judge_does() {
    let plain = Prices {
        lipschitz: 0.1,
        squared: false,
        decay: 0.0,
        max_lipschitz: None,
        norm: Norm::Two,
        output_bias: true,
        linear_part: false,
        loss: Loss::default(),
    };
    let cases = [
        plain.clone(),
        Prices { squared: true, output_bias: false, ..plain.clone() },
        Prices { norm: Norm::Infinity, ..plain.clone() },
        Prices { decay: 0.05, max_lipschitz: Some(0.4), ..plain.clone() },
        Prices { lipschitz: 0.0, decay: 0.05, ..plain.clone() },
        Prices { linear_part: true, ..plain.clone() },
        Prices { linear_part: true, output_bias: false, norm: Norm::Infinity, ..plain.clone() },
        Prices { linear_part: true, decay: 0.05, max_lipschitz: Some(0.4), ..plain.clone() },
        Prices { linear_part: true, lipschitz: 0.0, decay: 0.05, ..plain.clone() },
    ];
    // Small enough for the hard limit: (12) needs ½Σℓ below it.
    let ell = [0.05, 0.1, 0.07, 0.2];
    for (seed, prices) in cases.iter().enumerate() {
        for held in [Held::Nothing, Held::Multipliers(&ell)] {
            let settings = Settings::default();
            let proceed = &mut |_: &_| ControlFlow::Continue(());
            let mut built = built(seed as u64, prices, held);
            let judge = Dense::of(&Near::nothing(&built.program));
            let known = solve(&judge, &mut DenseNormal::new(&judge), &settings, None, proceed);
            known.verify(&judge, &settings).unwrap();
            assert_eq!(known.status, Status::Solved, "{prices:?}");
            built.program.store_hessian();
            let mut normal = StructuredNormal::new(&built.program);
            for route in [Route::Units, Route::Dense] {
                normal.route = route;
                let found = solve(&built.program, &mut normal, &settings, None, proceed);
                found.verify(&judge, &settings).unwrap();
                assert_eq!(found.status, Status::Solved, "{route:?} {prices:?}");
                assert!((found.last.primal / known.last.primal - 1.0).abs() < 3e-8, "{route:?} {prices:?}");
            }
            // And from the start that is made for the program.
            let found = built.solve(&settings, proceed);
            found.verify(&judge, &settings).unwrap();
            assert_eq!(found.status, Status::Solved, "{prices:?}");
            assert!((found.last.primal / known.last.primal - 1.0).abs() < 3e-8, "{prices:?}");
        }
    }
}

/// Visiting the rows in blocks is the same as not: more rows than a block, against the sums written out.
#[test]
fn blocks_of_rows_add_up() {
    let (n, d, m) = (2500, 2, 3);
    let mut random = Pcg64::seed_from_u64(5);
    let x = Mat::from_fn(n, d + 1, |_, j| if j < d { normal(&mut random) } else { 1.0 });
    let active = Patterns::from_units(n, (0..m).map(|_| (0..n).map(|_| random.random_bool(0.5)).collect()));
    let h = vector(n * m, &mut random);
    let rows = Rows { x, active, sign: vec![1.0, -1.0, 1.0], margins: None };
    let grams = rows.weighted_grams(&h);
    let adjoint = rows.cones_adjoint(&h);
    let hessian = rows.loss_hessian(&vec![2.0f64.sqrt(); n], None);
    for i in 0..m {
        let on = rows.active.unit(i);
        let mut pair = 0;
        for a in 0..=d {
            let known: f64 = (0..n).map(|k| if on[k] { h[i * n + k] } else { -h[i * n + k] } * rows.x[(k, a)]).sum();
            assert!((adjoint[(a, i)] - known).abs() < 1e-9);
            for b in a..=d {
                let known: f64 = (0..n).map(|k| h[i * n + k] * rows.x[(k, a)] * rows.x[(k, b)]).sum();
                assert!((grams[(pair, i)] - known).abs() < 1e-9);
                pair += 1;
                for j in 0..=i {
                    let both = (0..n).filter(|&k| on[k] && rows.active.unit(j)[k]);
                    let known: f64 = both.map(|k| 2.0 * rows.x[(k, a)] * rows.x[(k, b)]).sum();
                    // The lower triangle is what is stored.
                    let (row, column) = (i * (d + 1) + b, j * (d + 1) + a);
                    let found = hessian[(row, column)];
                    assert!((found - rows.sign[i] * rows.sign[j] * known).abs() < 1e-9, "{i} {j} {a} {b}");
                }
            }
        }
    }
}

/// The cones of a few rows decide: the same optimum as with all of them, and no row on the wrong side.
#[test]
fn the_working_set_ends_where_all_rows_do() {
    let random = &mut Pcg64::seed_from_u64(11);
    let (n, d, m) = (6000, 3, 6);
    let x = Mat::from_fn(n, d, |_, _| normal(random));
    let y: Vec<f64> = (0..n).map(|k| (2.0 * x[(k, 0)]).sin() + x[(k, 1)].abs() + 0.1 * normal(random)).collect();
    let data = Dataset::new(x, y, None).unwrap();
    let units: Vec<Unit> = (0..m)
        .map(|i| Unit {
            z: (0..d).map(|_| normal(random)).collect(),
            bias: 0.5 * normal(random),
            sign: if i % 2 == 0 { 1.0 } else { -1.0 },
        })
        .collect();
    let pre = |unit: &Unit, k: usize| unit.bias + (0..d).map(|j| unit.z[j] * data.x[(k, j)]).sum::<f64>();
    let active =
        Patterns::from_units(n, units.iter().map(|unit| (0..n).map(|k| pre(unit, k) >= 0.0).collect::<Vec<_>>()));
    let prices = Prices {
        lipschitz: 0.01,
        squared: false,
        decay: 0.0,
        max_lipschitz: None,
        norm: Norm::Two,
        output_bias: true,
        linear_part: false,
        loss: Loss::default(),
    };
    for linear_part in [false, true] {
        let prices = Prices { linear_part, ..prices.clone() };
        the_working_set_is_enough(&data, &units, &active, &prices);
    }
}

fn the_working_set_is_enough(data: &Dataset, units: &[Unit], active: &Patterns, prices: &Prices) {
    let n = data.rows();
    let pre = |unit: &Unit, k: usize| unit.bias + (0..data.columns()).map(|j| unit.z[j] * data.x[(k, j)]).sum::<f64>();
    let build = || Built::training(data, (units, None), active.clone(), prices, Held::Nothing);
    let settings = Settings { gap_relative: 1e-9, ..Settings::default() };
    let mut few = build();
    let mut told = Vec::new();
    let found = few.solve(&settings, &mut |facts| {
        told.push(facts.iteration);
        ControlFlow::Continue(())
    });
    let mut all = build();
    all.program.store_hessian();
    let mut normal_equations = StructuredNormal::new(&all.program);
    let known = solve(&all.program, &mut normal_equations, &settings, None, &mut |_| ControlFlow::Continue(()));
    assert_eq!((found.status, known.status), (Status::Solved, Status::Solved));
    assert!((found.last.primal - known.last.primal).abs() <= 1e-7 * known.last.primal);
    assert!(told.is_sorted() && found.trace.len() == told.len(), "one sequence of iterations: {told:?}");
    let solution = few.solution(&found.x);
    let largest = solution.units.iter().map(Unit::length).fold(0.0, f64::max);
    for (i, unit) in solution.units.iter().enumerate() {
        // A unit that the price has put out is rounding.
        let size = unit.length() + 1e-3 * largest;
        for k in 0..n {
            let h = pre(unit, k);
            assert!(if active.unit(i)[k] { h } else { -h } >= -1e-6 * size, "unit {i}, row {k}: {h}");
        }
    }
}
