//! Conjugate gradients against what a factor finds, and against sums written out.

use super::{lists, normal::ConjugateNormal, normal::Fixed, products::Products};
use crate::{
    Dataset, Loss, Norm,
    patterns::Patterns,
    program::{
        build::{Built, Held, Prices, affordable},
        layout::Layout,
        listed::Listed,
        rows::Rows,
        size,
        term::Place,
        training::{Near, Terms},
    },
    random::normal,
    unit::Unit,
};
use faer::{Mat, Side, prelude::*};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use std::{
    ops::ControlFlow,
    sync::{Arc, atomic::AtomicU64},
};
use tautnet_cone::{Cone, Dense, Linear, NormalEquations, Outcome, Scaling, Settings, Status, Stop};

fn go_on(_: &tautnet_cone::Iteration) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Weight decay of random units on random rows.
fn built(n: usize, d: usize, m: usize, decay: f64, flags: [bool; 2], seed: u64) -> Built {
    let random = &mut Pcg64::seed_from_u64(seed);
    let x = Mat::from_fn(n, d, |_, j| (1.0 + j as f64) * normal(random) + j as f64);
    let y = (0..n).map(|k| (x[(k, 0)]).sin() + 0.3 * x[(k, d - 1)].abs() + 0.1 * normal(random)).collect();
    let weights = (0..n).map(|_| random.random_range(0.5..2.0)).collect();
    let data = Dataset::new(x, y, Some(weights)).unwrap();
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
    let [output_bias, linear_part] = flags;
    let prices = Prices {
        lipschitz: 0.0,
        squared: false,
        decay,
        max_lipschitz: None,
        norm: Norm::Two,
        output_bias,
        linear_part,
        loss: Loss::default(),
    };
    let linear = vec![0.0; d];
    Built::training(&data, (&units, linear_part.then_some(&*linear)), active, &prices, Held::Nothing)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Few lists, many products: the optimum of the dense route, between the value and the bound that are told, inside all cells.
    #[test]
    fn the_optimum_is_that_of_a_factor(
        n in 20usize..400, d in 1usize..5, m in 1usize..8, decay in 1e-3..0.3f64,
        flags in any::<[bool; 2]>(), seed in any::<u64>(),
    ) {
        let mut built = built(n, d, m, decay, flags, seed);
        let settings = Settings { gap_relative: 1e-5, feasibility: 1e-5, gap_absolute: 1e-9, ..Settings::default() };
        let found = built.solve_large(&settings, &mut go_on);
        let exact = Settings { gap_relative: 1e-9, ..Settings::default() };
        let known = built.solve(&exact, &mut go_on);
        prop_assume!(known.status == Status::Solved);
        prop_assert_eq!(found.status, Status::Solved);
        let size = known.last.primal.abs().max(1e-4 * n as f64);
        let Outcome { last, x, .. } = found;
        prop_assert!(last.primal - known.last.primal <= 1.01e-5 * size, "{} {}", last.primal, known.last.primal);
        prop_assert!(last.dual <= known.last.primal + 1e-7 * size, "{} {}", last.dual, known.last.primal);
        let cells = built.program.terms.cells.as_ref().unwrap();
        let mut sides = vec![0.0; n * m];
        cells.rows.cones(built.program.weights(&x), &mut sides);
        let mean = sides.iter().map(|side| side.abs()).sum::<f64>() / sides.len() as f64;
        prop_assert!(sides.iter().all(|side| *side >= -1e-6 * mean));
    }
}

/// Programs of which rows and units fill more than a block and a group, on one thread and on three: the same bytes, and the gap told
/// is that of the objective, recomputed as a sum over the rows.
#[test]
fn the_same_bytes_whatever_the_number_of_threads() {
    let settings = Settings { gap_relative: 1e-4, feasibility: 1e-4, ..Settings::default() };
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| built(3000, 4, 70, 0.01, [true, false], 3).solve_large(&settings, &mut go_on))
    };
    let (one, three) = (on(1), on(3));
    assert_eq!(one.status, Status::Solved);
    assert!(one.x.iter().zip(&three.x).all(|(a, b)| a.to_bits() == b.to_bits()));
    assert_eq!(one.last.dual.to_bits(), three.last.dual.to_bits());
    let built = built(3000, 4, 70, 0.01, [true, false], 3);
    let (loss, lengths) = (built.program.terms.loss.as_ref().unwrap(), built.program.terms.lengths.as_ref().unwrap());
    let f = loss.output(&built.program.layout, &one.x);
    let rows = (0..f.len()).map(|k| loss.targets.weight[k] * (f[k] - loss.targets.y[k]).powi(2)).sum::<f64>();
    let turned = &lengths.turn * built.program.weights(&one.x);
    let naive = rows + lengths.price * (0..70).map(|i| turned.col(i).norm_l2()).sum::<f64>();
    assert!((naive / one.last.primal - 1.0).abs() < 1e-12);
    assert!((naive - one.last.dual) / naive <= 1e-4 && one.last.dual < naive);
}

/// A thousand units on a hundred columns: weight decay is served, the bound and other losses are refused, and small programs have a factor.
#[test]
fn only_what_no_factor_serves_is_taken() {
    let data =
        |n: usize, d: usize| Dataset::new(Mat::from_fn(n, d, |k, j| (k * (j + 1)) as f64), vec![1.0; n], None).unwrap();
    let prices = |lipschitz: f64, decay: f64, loss: &str| Prices {
        lipschitz,
        squared: false,
        decay,
        max_lipschitz: None,
        norm: Norm::Two,
        output_bias: true,
        linear_part: false,
        loss: loss.parse().unwrap(),
    };
    let many = data(6000, 100);
    let asked = |prices: &Prices| affordable(&many, 1000, prices, Held::Nothing);
    asked(&prices(0.0, 0.01, "squared")).unwrap();
    assert!(asked(&prices(0.1, 0.01, "squared")).unwrap_err().hint.contains("weight-decay"));
    assert!(asked(&prices(0.0, 0.0, "squared")).is_err() && asked(&prices(0.0, 0.01, "absolute")).is_err());
    let layout = |n: usize, m: usize| Layout { n, m, ..built(5, 3, 1, 0.1, [true, false], 1).program.layout.clone() };
    assert!(!size::too_large(&layout(1_000_000, 2000)) && size::too_large(&layout(1_000_000, 4000)));
    assert!(!size::too_large(&layout(100, 4000)), "few rows have a factor of their own");
    let largest = Layout { d: 100, ..layout(100_000, 1000) };
    assert!(size::too_large(&largest) && size::bytes(&largest, true) < 4e9);
}

#[test]
fn it_ends_when_told() {
    let mut built = built(300, 3, 5, 0.01, [true, true], 4);
    let at_once = Stop::when(|| true).during(|| built.solve_large(&Settings::default(), &mut go_on));
    assert_eq!(at_once.status, Status::Interrupted);
    assert!(at_once.last.gap.is_infinite() && at_once.x.len() == built.program.linear().len());
    let mut told = 0;
    let found = built.solve_large(&Settings::default(), &mut |_| {
        told += 1;
        if told > 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(found.status, Status::Interrupted);
    assert_eq!(told, found.trace.len());
    assert!(found.trace.is_sorted_by(|a, b| a.iteration < b.iteration));
}

/// Products in blocks against the sums written out.
#[test]
fn products_are_the_sums_written_out() {
    let (n, d, m) = (1500, 2, 3);
    let random = &mut Pcg64::seed_from_u64(6);
    let x = Mat::from_fn(n, d + 1, |_, j| if j < d { normal(random) } else { 1.0 });
    let active = Patterns::from_units(n, (0..m).map(|_| (0..n).map(|_| random.random_bool(0.5)).collect()));
    let sign = vec![1.0, -1.0, 1.0];
    let weight: Vec<f64> = (0..n).map(|_| random.random_range(0.5..2.0)).collect();
    let rows = Arc::new(Rows { x, active, sign, margins: None });
    let phi = Mat::from_fn(n, m * (d + 1), |k, column| {
        let (i, a) = (column / (d + 1), column % (d + 1));
        if rows.active.unit(i)[k] { rows.sign[i] * rows.x[(k, a)] } else { 0.0 }
    });
    let weighted = Mat::from_fn(n, m * (d + 1), |k, column| weight[k] * phi[(k, column)]);
    let hessian = phi.transpose() * &weighted;
    let products = Products::new(rows.clone(), weight.clone());
    let z = Mat::from_fn(d + 1, m, |_, _| normal(random));
    let flat = Mat::from_fn(m * (d + 1), 1, |column, _| z[(column % (d + 1), column / (d + 1))]);
    let known = &hessian * &flat;
    let (found, scale) = (products.hessian(z.as_ref()), known.norm_max());
    let outputs = products.outputs(z.as_ref());
    let grams = products.grams();
    let of = |i: usize, j: usize| hessian.submatrix(i * (d + 1), j * (d + 1), d + 1, d + 1);
    for i in 0..m {
        for a in 0..=d {
            assert!((found[(a, i)] - known[(i * (d + 1) + a, 0)]).abs() < 1e-5 * scale);
        }
        assert!((&grams[i] - of(i, i)).norm_max() < 1e-9);
        for j in 0..=i {
            let known = z.col(i).transpose() * (of(i, j) * z.col(j));
            assert!((outputs[(i, j)] - known).abs() < 1e-9 * scale.max(1.0));
        }
    }
}

/// The equations that conjugate gradients solve are those of the program, shared scalars and all.
#[test]
fn the_equations_are_those_of_the_program() {
    for (m, flags) in [(1, [true, false]), (4, [true, true]), (4, [false, true]), (3, [false, false])] {
        let built = built(60, 3, m, 0.05, flags, 7);
        let (program, random) = (&built.program, &mut Pcg64::seed_from_u64(8));
        let (layout, loss) = (&program.layout, program.terms.loss.as_ref().unwrap());
        let rows = loss.rows.clone();
        let z = Mat::from_fn(layout.e(), m, |_, _| normal(random));
        let flat = (0..rows.n()).flat_map(|k| (0..layout.e()).map(move |a| (k, a))).map(|at| rows.x[at]).collect();
        let listed = Listed {
            rows: rows.clone(),
            flat: Arc::new(flat),
            lists: Arc::new(lists::closest(&rows, z.as_ref(), 7).unwrap()),
            ridge: vec![0.0; m],
            place: Place::default(),
        };
        let part = program.with(Terms { cells: None, listed: Some(listed), ..program.terms.clone() });
        let scaling: Vec<Scaling> = part
            .cones()
            .iter()
            .map(|cone| {
                let mut scaling = Scaling::identity(*cone);
                let inside = |random: &mut Pcg64| -> Vec<f64> {
                    let first = |k: usize| matches!(cone, Cone::SecondOrder(_)) && k > 0;
                    let mut entry =
                        |k: usize| if first(k) { 0.1 * normal(random) } else { random.random_range(0.5..2.0) };
                    (0..cone.length()).map(&mut entry).collect()
                };
                assert!(scaling.update(&inside(random), &inside(random)));
                scaling
            })
            .collect();
        let fixed = Fixed::new(layout, loss).unwrap();
        let left = AtomicU64::new(1e-7f64.to_bits());
        let mut normal_equations = ConjugateNormal::new(&part, &fixed, &left);
        let mut at = vec![0.0; layout.variables()];
        (0..m).for_each(|i| (0..layout.e()).for_each(|a| at[layout.unit(i) + a] = z[(a, i)]));
        normal_equations.factor(&at, &scaling, 0.0).unwrap();
        let before = fixed.products.count();
        let dense = Dense::of(&Near::nothing(&part));
        let mut matrix = dense.p.clone();
        let mut first = 0;
        for scaling in &scaling {
            for column in 0..layout.variables() {
                let rows = match scaling {
                    Scaling::Nonnegative(h) => h.len(),
                    _ => layout.e() + 1,
                };
                let mut image = vec![0.0; rows];
                let own: Vec<f64> = (0..rows).map(|k| dense.a[(first + k, column)]).collect();
                scaling.apply(&own, &mut image);
                for other in 0..layout.variables() {
                    matrix[(other, column)] += (0..rows).map(|k| dense.a[(first + k, other)] * image[k]).sum::<f64>();
                }
            }
            first += match scaling {
                Scaling::Nonnegative(h) => h.len(),
                _ => layout.e() + 1,
            };
        }
        let right: Vec<f64> = (0..layout.variables()).map(|_| normal(random)).collect();
        let known = matrix.llt(Side::Lower).unwrap().solve(ColRef::from_slice(&right));
        let scale = known.norm_max();
        // The first is the predictor's, less accurate; the next begins where it ended.
        for _ in 0..2 {
            let mut found = right.clone();
            normal_equations.solve(&mut found);
            let off = (0..found.len()).map(|a| (found[a] - known[a]).abs()).fold(0.0, f64::max);
            assert!(off < 1e-4 * scale, "{m} {flags:?}: {off} of {scale}");
        }
        if m == 1 {
            // Of one unit the model is exact.
            assert!(fixed.products.count() - before <= 3, "{}", fixed.products.count() - before);
        }
    }
}
