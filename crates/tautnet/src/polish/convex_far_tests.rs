//! (R) of rows that are elsewhere is that of the same rows in memory.

use super::*;
use crate::choose_far::on_rows;
use crate::polish::outcome::Progress;
use crate::polish::passes::{Why, wanted};
use crate::polish::run::Run;
use crate::shards::{Held, Share, tests::data};
use crate::tolerance::Tolerance;
use crate::train::{self, Random};
use crate::{Dataset, Scaler};
use std::ops::ControlFlow;

fn start(data: &Dataset, units: usize) -> Shallow {
    let start = train::Start::from(Random::default());
    let settings = train::Settings { start, units, ..train::Settings::default() };
    train::train(data, &settings, &mut |_| ControlFlow::Continue(())).unwrap().network
}

fn far(
    network: &Shallow,
    (raw, scaler): (&Dataset, &Scaler),
    (settings, within): (&Settings, &ByColumn),
) -> FarPolished {
    let far = &mut Far {
        shards: &mut Held::of(raw),
        share: Share::default(),
        scaler: scaler.clone(),
        rows: raw.rows() as u64,
        sample: Vec::new(),
    };
    polish_within_far(network, far, (settings, within), &mut |_| ControlFlow::Continue(())).unwrap().unwrap()
}

/// Shape, percent of the values of the first column, loss.
const CASES: [(Shape, f64, &str); 8] = [
    (Shape::Box, 0.0, "squared"),
    (Shape::Ball, 0.0, "squared"),
    (Shape::Box, 4.0, "squared"),
    (Shape::Box, 0.0, "squared"),
    (Shape::Box, 0.0, "huber:0.5"),
    (Shape::Box, 4.0, "logistic"),
    (Shape::Ball, 0.0, "hinge"),
    (Shape::Box, 0.0, "absolute"),
];

#[test]
fn rows_elsewhere_come_to_the_same_optimum() {
    for (case, (shape, percent, loss)) in CASES.into_iter().enumerate() {
        let loss: Loss = loss.parse().unwrap();
        let mut raw = data(700, 3, 40 + case as u64, case == 1);
        if loss.is_margin() {
            let middle = raw.y.iter().sum::<f64>() / raw.y.len() as f64;
            raw.y.iter_mut().for_each(|y| *y = (*y - middle).signum());
        }
        let scaler = Scaler::fit(&raw).unwrap().for_loss(&loss);
        let near = scaler.standardize(&raw);
        let within = ByColumn { shape, percent: vec![percent, 0.0, 0.0], absolute: vec![0.05, 0.0, 0.3] };
        let mut settings = Settings { loss, rounds: 1, decay: 0.002, tol: 1e-5, ..Settings::of(Method::CONVEX) };
        match case {
            0 => settings.lipschitz_price = 0.02,
            2 => (settings.linear_part, settings.lipschitz_price) = (true, 0.02),
            3 => (settings.output_bias, settings.decay) = (false, 0.0),
            _ => (),
        }
        let network = start(&near, 8);
        let found = far(&network, (&raw, &scaler), (&settings, &within));
        let in_memory = Settings { tolerance: Some(on_rows(&within, &scaler, &near).unwrap()), tol: 1e-8, ..settings };
        let memory = super::super::polish(&network, &near, &in_memory, &mut |_| ControlFlow::Continue(())).unwrap();
        let polished = &found.polished;
        let close = |one: f64, other: f64, digits: f64| {
            assert!((one - other).abs() <= digits * one.abs(), "{case}: {one} {other}")
        };
        close(memory.before.objective, polished.before.objective, 1e-9);
        assert_eq!(polished.ending, Ending::Solved, "{case}: {:?}", polished.trace.last());
        assert!(polished.duality_gap.unwrap() <= 1e-5);
        close(memory.labelled.unwrap(), polished.labelled.unwrap(), 1.1e-5);
        // The optima may be several, and the labels of one's own are better or worse for it.
        assert!(polished.after.objective <= polished.labelled.unwrap() * (1.0 + 1e-9));
        let [before, after] = found.within.unwrap();
        for bounded in [before, after] {
            let [clean, found, bound] = [bounded.clean, bounded.found, bounded.bound].map(|mean| mean.learned);
            assert!(clean <= found + 1e-12 && found <= bound + 1e-12, "{case}: {clean} {found} {bound}");
        }
        assert!(polished.after.worst_case.unwrap() <= after.bound.learned + 1e-12);
        close(in_memory.loss.mean(&polished.network, &near), polished.after.loss, 1e-9);
    }
}

#[test]
fn the_worst_case_falls_from_program_to_program() {
    let raw = data(900, 2, 3, false);
    let scaler = Scaler::fit(&raw).unwrap();
    let within = ByColumn { shape: Shape::Box, percent: vec![0.0; 2], absolute: vec![0.1, 0.2] };
    let network = start(&scaler.standardize(&raw), 10);
    let settings = Settings { rounds: 3, decay: 1e-4, ..Settings::of(Method::CONVEX) };
    let found = far(&network, (&raw, &scaler), (&settings, &within)).polished;
    assert!(found.accepted.len() > 2, "{:?}", found.ending);
    let objectives: Vec<f64> = found.accepted.iter().map(|score| score.objective).collect();
    assert!(objectives.windows(2).all(|pair| pair[1] < pair[0]), "{objectives:?}");
    assert!(found.trace.iter().any(|progress| progress.round > 0));
}

#[test]
fn what_needs_rows_in_memory_is_refused() {
    let raw = data(200, 2, 5, false);
    let scaler = Scaler::fit(&raw).unwrap();
    let network = start(&scaler.standardize(&raw), 4);
    let same = ByColumn { shape: Shape::Box, percent: vec![0.0; 2], absolute: vec![0.1, 0.2] };
    let of_value = ByColumn { shape: Shape::Ball, percent: vec![1.0, 0.0], absolute: vec![0.1, 0.2] };
    let settings = Settings::of(Method::CONVEX);
    let limited = Settings { max_lipschitz: Some(1.0), ..settings.clone() };
    let cells = Settings::of(Method::ROBUST_CELLS);
    for (settings, within, what) in [
        (&limited, &same, "a limit of the bound"),
        (&settings, &of_value, "another size in every row"),
        (&cells, &same, "robust-cells"),
    ] {
        let far = &mut Far {
            shards: &mut Held::of(&raw),
            share: Share::default(),
            scaler: scaler.clone(),
            rows: 200,
            sample: Vec::new(),
        };
        let refused =
            polish_within_far(&network, far, (settings, within), &mut |_| ControlFlow::Continue(())).unwrap_err();
        assert!(refused.what.contains(what) && refused.what.contains("in memory"), "{}", refused.what);
    }
}

#[test]
fn it_can_be_ended_and_is_never_worse() {
    let raw = data(600, 2, 5, false);
    let scaler = Scaler::fit(&raw).unwrap();
    let network = start(&scaler.standardize(&raw), 6);
    let within = ByColumn { shape: Shape::Box, percent: vec![0.0; 2], absolute: vec![0.1, 0.2] };
    let settings = Settings { decay: 1e-3, ..Settings::of(Method::CONVEX) };
    for after in [0, 2] {
        let far = &mut Far {
            shards: &mut Held::of(&raw),
            share: Share::default(),
            scaler: scaler.clone(),
            rows: 600,
            sample: Vec::new(),
        };
        let mut ended = |progress: &Progress| match progress.iteration >= after {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        };
        let found = polish_within_far(&network, far, (&settings, &within), &mut ended).unwrap().unwrap().polished;
        assert!(found.after.objective <= found.before.objective);
        assert_eq!(after == 0, matches!(found.ending, Ending::Unchanged(_)), "{:?}", found.ending);
        assert_eq!(after == 2, matches!(found.ending, Ending::Stopped(_)), "{:?}", found.ending);
    }
}

/// Rows in memory by passes, too, with the labels that they are given.
#[test]
fn rows_in_memory_come_to_the_same_optimum_by_passes() {
    for (case, (shape, percent, loss)) in CASES.into_iter().take(5).enumerate() {
        let raw = data(9_000, 2, 8 + case as u64, case != 3);
        let counted: Vec<usize> = (0..700).filter(|k| raw.weights.as_ref().is_none_or(|w| w[*k] > 0.0)).collect();
        let raw = crate::rows::Rows::of(&raw).pick(&counted);
        let scaler = Scaler::fit(&raw).unwrap();
        let near = scaler.standardize(&raw);
        let within = ByColumn { shape, percent: vec![percent, 0.0], absolute: vec![0.05, 0.2] };
        let tolerance = on_rows(&within, &scaler, &near).unwrap();
        let lipschitz_price = if case == 2 { 0.02 } else { 0.0 };
        let settings = Settings {
            loss: loss.parse().unwrap(),
            decay: 1e-3,
            lipschitz_price,
            linear_part: case == 1,
            tol: 1e-5,
            tolerance: Some(tolerance.clone()),
            ..Settings::of(Method::CONVEX)
        };
        let network = start(&near, 8);
        let solved = |passes: bool| {
            let mut go_on = |_: &Progress| ControlFlow::Continue(());
            let mut run = Run::new(&network, &near, &settings, &mut go_on);
            let (candidate, solved) = match passes {
                true => run.solve_by_passes(&tolerance, Why::Faster, 0).unwrap(),
                false => run.solve_within(true, 0).unwrap(),
            };
            assert!(solved.stopped.is_none(), "{case}: {:?}", solved.stopped);
            let labelled = run.trace.last().unwrap().objective;
            // With better labels in some rows it may be less.
            assert!(candidate.score.objective <= labelled * (1.0 + 1e-9), "{case}");
            labelled
        };
        let (one, other) = (solved(true), solved(false));
        assert!((one - other).abs() < 2e-5 * other, "{case}: {one} {other}");
    }
}

#[test]
fn many_pairs_go_by_passes_where_there_are_passes() {
    let same = Tolerance::same(Shape::Ball, &[0.1, 0.2]).unwrap();
    let own = Tolerance::of_rows(Shape::Ball, faer::Mat::from_fn(2, 1, |k, _| k as f64)).unwrap();
    let fine = Settings::of(Method::CONVEX);
    let coarse = Settings { tol: 1e-4, ..fine.clone() };
    let limited = Settings { max_lipschitz: Some(1.0), ..coarse.clone() };
    for (pairs, tolerance, settings, why) in [
        (1_000_000_000, &same, &fine, Some(Why::Room)),
        (1_000_000, &same, &coarse, Some(Why::Faster)),
        (1_000_000, &same, &fine, None),
        (1_000, &same, &coarse, None),
        (1_000_000_000, &own, &coarse, None),
        (1_000_000_000, &same, &limited, None),
    ] {
        assert_eq!(wanted(pairs, tolerance, settings), why, "{pairs}");
    }
}

/// A program with 600 000 variables of pairs, tolerances of their own in every row among them, within a few seconds and never worse.
#[test]
fn many_rows_in_memory_go_by_passes() {
    let raw = data(12_000, 2, 8, true);
    let scaler = Scaler::fit(&raw).unwrap();
    let near = scaler.standardize(&raw);
    let within = ByColumn { shape: Shape::Box, percent: vec![3.0, 0.0], absolute: vec![0.05, 0.2] };
    let tolerance = Some(on_rows(&within, &scaler, &near).unwrap());
    let network = start(&near, 50);
    let settings = Settings { rounds: 2, decay: 1e-3, tol: 1e-3, tolerance, ..Settings::of(Method::CONVEX) };
    let mut go_on = |_: &Progress| ControlFlow::Continue(());
    let polished = super::super::polish(&network, &near, &settings, &mut go_on).unwrap();
    let objectives: Vec<f64> = polished.accepted.iter().map(|score| score.objective).collect();
    assert!(objectives.len() == 3 && objectives.windows(2).all(|pair| pair[1] < pair[0]), "{objectives:?}");
    assert!(polished.duality_gap.unwrap() <= 1e-3 && polished.ending == Ending::Solved);
    // Ended at once, by whoever watches and by the clock.
    let mut ends = |_: &Progress| ControlFlow::Break(());
    for ended in [
        super::super::polish(&network, &near, &settings, &mut ends).unwrap(),
        Stop::when(|| true).during(|| super::super::polish(&network, &near, &settings, &mut go_on).unwrap()),
    ] {
        assert!(ended.after.objective <= ended.before.objective);
    }
}
