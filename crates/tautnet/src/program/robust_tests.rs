//! The program (R) against what its formulas say, written out naively, and against the dense judge.

use super::{
    build::{Built, Margins, Prices, Robust},
    normal::StructuredNormal,
    training::{Near, TrainingProgram},
};
use crate::{
    Dataset, Loss, Norm,
    patterns::Patterns,
    random::normal,
    tolerance::{Shape, Tolerance},
    unit::Unit,
};
use faer::{Mat, Side, prelude::*};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use std::ops::ControlFlow;
use tautnet_cone::{Dense, Linear, NormalEquations, Quadratic, Scaling, Settings, Status};

struct Instance {
    data: Dataset,
    units: Vec<Unit>,
    linear: Option<Vec<f64>>,
    labels: Patterns,
    tolerance: Tolerance,
    prices: Prices,
    soft: bool,
    groups: Option<Vec<usize>>,
    margins: Option<Margins>,
}

const LOSSES: [&str; 7] = ["squared", "huber:0.5", "quantile:0.3", "absolute", "hinge", "squared-hinge", "logistic"];

/// Flags: ball, soft, rows of their own, bound priced, decay, bias, linear part, some columns exact, rows in groups, rows as
/// margins of several outputs.
fn instance(n: usize, d: usize, m: usize, loss: usize, flags: [bool; 10], random: &mut Pcg64) -> Instance {
    let [ball, soft, own, lmi, decay, bias, linear, exact, grouped, several] = flags;
    let (lmi, decay) = (lmi && !several, decay || several);
    let x = Mat::from_fn(n, d, |_, _| normal(random));
    let loss: Loss = LOSSES[loss].parse().unwrap();
    let mut y: Vec<f64> = (0..n).map(|k| x[(k, 0)].sin() + 0.3 * normal(random)).collect();
    // Classes that can be told apart have no best network without a price of all its slopes.
    let linear = linear && (lmi || !loss.is_margin());
    if loss.is_margin() {
        y.iter_mut().for_each(|y| *y = y.signum());
    }
    let units: Vec<Unit> = (0..m)
        .map(|i| Unit {
            z: (0..d).map(|_| normal(random)).collect(),
            bias: normal(random),
            sign: if several || i % 2 == 0 { 1.0 } else { -1.0 },
        })
        .collect();
    let on = |unit: &Unit, k: usize| unit.bias + (0..d).map(|a| unit.z[a] * x[(k, a)]).sum::<f64>() >= 0.0;
    let labels = Patterns::from_units(n, units.iter().map(|unit| (0..n).map(|k| on(unit, k)).collect()));
    let sizes = Mat::from_fn(if own { n } else { 1 }, d, |_, j| {
        if exact && j == 0 || random.random_bool(0.1) { 0.0 } else { random.random_range(0.01..0.3) }
    });
    let coefficient = |random: &mut Pcg64| if random.random_bool(0.2) { 0.0 } else { normal(random) };
    let margins = several.then(|| Margins {
        coefficients: Mat::from_fn(n, m, |_, _| coefficient(random)),
        held: (0..n).map(|_| 0.3 * normal(random)).collect(),
        // Outputs with a bias each, or margins.
        outputs: if bias && exact { (0..n).map(|k| k % 2).collect() } else { Vec::new() },
    });
    Instance {
        data: Dataset::new(x, y, None).unwrap(),
        units,
        linear: linear.then(|| (0..d).map(|_| 0.3 * normal(random)).collect()),
        labels,
        tolerance: Tolerance::of_rows(if ball { Shape::Ball } else { Shape::Box }, sizes).unwrap(),
        prices: Prices {
            lipschitz: if lmi { 0.05 } else { 0.0 },
            squared: false,
            decay: if decay || loss.is_margin() { 0.01 } else { 0.0 },
            max_lipschitz: None,
            norm: Norm::Two,
            output_bias: bias,
            linear_part: linear,
            loss,
        },
        soft,
        groups: grouped.then(|| (0..n).filter(|k| k % 5 != 1 && k % 7 != 5).chain([n]).collect()),
        margins,
    }
}

impl Instance {
    fn built(&self) -> Built {
        let (groups, margins) = (self.groups.as_deref(), self.margins.as_ref());
        let robust = Robust { tolerance: &self.tolerance, soft: self.soft, groups, margins };
        Built::robust(&self.data, (&self.units, self.linear.as_deref()), &self.labels, robust, &self.prices).unwrap()
    }

    /// The mean worst-case loss, of a solution in the caller's units, by the formulas.
    fn loss(&self, units: &[Unit], a: &[f64], biases: &[f64]) -> f64 {
        let (n, d) = (self.data.rows(), self.data.columns());
        let mut losses = Vec::new();
        for k in 0..n {
            let x: Vec<f64> = (0..d).map(|j| self.data.x[(k, j)]).collect();
            let dot = |w: &[f64]| w.iter().zip(&x).map(|(w, x)| w * x).sum::<f64>();
            let held = self.margins.as_ref().map_or(0.0, |of| of.held[k]);
            let output = self.margins.as_ref().and_then(|of| of.outputs.get(k).copied()).unwrap_or(0);
            let c = biases.get(output).copied().unwrap_or(0.0);
            let (mut lin, mut slope, mut left) = (c + held + dot(a), a.to_vec(), [0.0; 2]);
            for (i, unit) in units.iter().enumerate() {
                let (h, on) = (dot(&unit.z) + unit.bias, self.labels.unit(i)[k]);
                let coefficient = self.margins.as_ref().map_or(unit.sign, |of| of.coefficients[(k, i)]);
                if on {
                    lin += coefficient * h;
                    slope.iter_mut().zip(&unit.z).for_each(|(s, z)| *s += coefficient * z);
                }
                let t = (self.tolerance.reach(k, &unit.z) - if on { h } else { -h }).max(0.0);
                left[usize::from(coefficient < 0.0)] += coefficient.abs() * t;
            }
            let reach = self.tolerance.reach(k, &slope);
            let (up, down) = (lin + reach + left[0], lin - reach - left[1]);
            let of = |f: f64| self.prices.loss.value(f, self.data.y[k]);
            losses.push(of(up).max(of(down)));
        }
        let groups = self.groups.clone().unwrap_or_else(|| (0..=n).collect());
        let worst = |group: &[usize]| losses[group[0]..group[1]].iter().fold(0.0, |worst: f64, &loss| worst.max(loss));
        groups.windows(2).map(worst).sum::<f64>() / (groups.len() - 1) as f64
    }
}

/// A scaling at random interior points of every cone.
fn scaling_of(program: &TrainingProgram, random: &mut Pcg64) -> Vec<Scaling> {
    super::tests::random_scaling(program.cones(), random)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn the_normal_matrix_is_the_dense_one(
        n in 1_usize..6, d in 1_usize..4, m in 1_usize..5, loss in 0..LOSSES.len(), flags in any::<[bool; 10]>(), seed in any::<u64>(),
    ) {
        let mut random = Pcg64::seed_from_u64(seed);
        // Enough rows that every direction of the variables meets one.
        let built = instance(n + 2 * d + 1, d, m, loss, flags, &mut random).built();
        let program = &built.program;
        let (columns, rows) = (program.linear().len(), program.constant().len());
        let vector = |length: usize, random: &mut Pcg64| (0..length).map(|_| normal(random)).collect::<Vec<f64>>();
        let (x, z) = (vector(columns, &mut random), vector(rows, &mut random));
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let (mut ax, mut az, mut px) = (vec![0.0; rows], vec![0.0; columns], vec![0.0; columns]);
        program.apply(&x, &mut ax);
        program.adjoint(&z, &mut az);
        let near = Near { program, at: vector(columns, &mut random) };
        near.quadratic(&x, &mut px);
        prop_assert!((dot(&ax, &z) - dot(&x, &az)).abs() < 1e-11 * (1.0 + dot(&ax, &ax) + dot(&z, &z)));
        prop_assert!(dot(&x, &px) >= 0.0);

        let scaling = scaling_of(program, &mut random);
        let judge = Dense::of(&near).normal_matrix(&scaling);
        let r = vector(columns, &mut random);
        let known = judge.llt(Side::Lower).expect("the scaling is interior").solve(Mat::from_fn(columns, 1, |a, _| r[a]));
        let mut normal = StructuredNormal::new(program);
        normal.factor(&near.at, &scaling, 0.0).map_err(|e| TestCaseError::fail(e.to_string()))?;
        let mut found = r;
        normal.solve(&mut found);
        for (a, found) in found.iter().enumerate() {
            prop_assert!((found - known[(a, 0)]).abs() <= 1e-7 * known.norm_max(), "{a}: {found} {}", known[(a, 0)]);
        }
    }

    #[test]
    fn the_optimum_is_what_the_formulas_make_of_it(
        n in 24_usize..40, d in 1_usize..4, m in 1_usize..5, loss in 0..LOSSES.len(), flags in any::<[bool; 10]>(), seed in any::<u64>(),
    ) {
        let mut random = Pcg64::seed_from_u64(seed);
        let instance = instance(n, d, m, loss, flags, &mut random);
        let mut built = instance.built();
        let settings = Settings { gap_relative: 1e-7, gap_absolute: 1e-9, feasibility: 1e-7, ..Settings::default() };
        let outcome = built.solve(&settings, &mut |_| ControlFlow::Continue(()));
        // Hard cells may leave a unit nothing but 0.
        if instance.soft || instance.tolerance.is_none() {
            prop_assert_eq!(outcome.status, Status::Solved, "{:?}", outcome.last);
        } else if outcome.status != Status::Solved {
            return Ok(());
        }
        let solution = built.solution(&outcome.x);
        let a = solution.affine.a.clone().unwrap_or_else(|| vec![0.0; d]);
        let mut objective = instance.loss(&solution.units, &a, &solution.biases);
        objective += instance.prices.decay * solution.units.iter().map(Unit::length).sum::<f64>();
        if instance.prices.lipschitz > 0.0 {
            let lipschitz = built.lipschitz(&outcome.x);
            objective += instance.prices.lipschitz * lipschitz;
        }
        let told = built.objective(outcome.last.primal);
        let off = 2e-6 * (1.0 + objective.abs());
        prop_assert!(objective <= told + off, "told {told}, by the formulas {objective}");
        // A hard cell can be so thin that what rounding leaves of it costs much: there the formulas, which are of soft ones, say less.
        if instance.soft {
            prop_assert!(told <= objective + off, "told {told}, by the formulas {objective}");
        }
        // Nothing is better than the optimum: not the network that it started from.
        let start = instance.loss(&instance.units, &instance.linear.clone().unwrap_or_else(|| vec![0.0; d]), &[])
            + instance.prices.decay * instance.units.iter().map(Unit::length).sum::<f64>();
        if instance.soft && instance.prices.lipschitz == 0.0 {
            prop_assert!(objective <= start * (1.0 + 1e-6), "{objective} {start}");
        }
    }
}
