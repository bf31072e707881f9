//! How runs on degenerate data end: solved, or with a cause that says why not.
//!
//! `cargo run --release -p tautnet --example degenerate_endings -- 0 2000 stopped` counts the same runs in greater number.

use crate::degenerate::{Case, case};
use std::ops::ControlFlow;
use tautnet::{
    Loss,
    polish::{Cause, Ending, Method, Polished, Settings, polish},
};

fn run(case: &Case) -> Polished {
    polish(&case.network, &case.data, &case.settings, &mut |_| ControlFlow::Continue(())).unwrap()
}

fn no_worse(found: &Polished) -> bool {
    found.after.objective <= found.before.objective || found.before.objective.is_nan()
}

/// Causes that are no matter of numerics: nobody interrupts, and the limit of rounds is set low on purpose.
fn by_numerics(ending: &Ending) -> bool {
    matches!(ending, Ending::Stopped(early) if !matches!(early.cause, Cause::RoundLimit(_)))
}

#[test]
fn degenerate_runs_are_solved_or_say_why_not() {
    let (mut early, count) = (Vec::new(), 300);
    for seed in 0..count {
        let case = case(seed);
        let found = run(&case);
        let told = format!("{seed}: {}: {:?} {:?}", case.kind, found.ending, found.after);
        assert!(found.duality_gap.is_none_or(|gap| gap.is_finite() && gap >= 0.0), "{told}");
        if case.settings.max_lipschitz.is_none_or(|limit| found.before.lipschitz <= limit) {
            assert!(no_worse(&found), "{told} {:?}", found.before);
        }
        if found.ending == Ending::Solved && case.settings.method != Method::WALK {
            assert!(found.duality_gap.unwrap() <= case.settings.tol, "{told} {:?}", found.duality_gap);
        }
        if by_numerics(&found.ending) {
            assert!(!case.ordinary, "{told}");
            early.push(told);
        }
    }
    assert!(early.len() <= count as usize / 100, "{early:#?}");
}

/// The cells do not change where output weights are scaled, so neither does the optimal value: whatever attempt found it.
#[test]
fn a_solved_value_does_not_depend_on_the_start() {
    let mut compared = 0;
    for seed in 1000..1200 {
        let one = case(seed);
        if !matches!(one.settings.method, Method::JOINT | Method::WEIGHT_DECAY) {
            continue;
        }
        let mut other = case(seed);
        let scale = |i: usize| [0.01, 30.0, 1.7, 0.4][(seed as usize + i) % 4];
        let scaled = other.network.edited(|parts| (0..parts.b.len()).for_each(|i| parts.v[(i, 0)] *= scale(i)));
        other.network = scaled.unwrap();
        let (first, second) = (run(&one), run(&other));
        if first.ending != Ending::Solved || second.ending != Ending::Solved {
            continue;
        }
        compared += 1;
        let total = one.data.weights.as_ref().map_or(one.data.rows() as f64, |w| w.iter().sum());
        let square = |k: usize| one.data.weights.as_ref().map_or(1.0, |w| w[k]) * one.data.y[k].powi(2);
        let size = (0..one.data.rows()).map(square).sum::<f64>() / total;
        // Targets of zero have no size: absolute accuracy is all that was asked for.
        let size = if size > 0.0 { size } else { 1.0 };
        let (a, b) = (first.after.objective, second.after.objective);
        let room = 1e-6 * a.abs().max(b.abs()).max(1e-3 * size).max(f64::MIN_POSITIVE);
        assert!((a - b).abs() <= room, "{seed}: {}: {a} {b}", one.kind);
    }
    assert!(compared > 80, "{compared}");
}

/// Prices at which the objective of the given network is not a number: what comes back is one, and meets the contract.
#[test]
fn prices_of_any_size_end_with_numbers() {
    for seed in 0..40 {
        let Case { network, data, settings, kind, .. } = case(seed);
        for price in [1e-308, 1e150, 1e308] {
            for settings in
                [Settings { lipschitz_price: price, ..settings.clone() }, Settings { decay: price, ..settings.clone() }]
            {
                let settings = match settings.method {
                    Method::WEIGHT_DECAY => Settings { lipschitz_price: 0.0, ..settings },
                    _ => settings,
                };
                let found = polish(&network, &data, &settings, &mut |_| ControlFlow::Continue(())).unwrap();
                assert!(found.duality_gap.is_none_or(f64::is_finite), "{seed} {price}: {kind}");
                assert!(Loss::default().mean(&found.network, &data).is_finite(), "{seed} {price}: {kind}");
                assert!(no_worse(&found) || settings.max_lipschitz.is_some());
            }
        }
    }
}

/// The other losses on the same data: solved, or a cause; never worse; and no gap that is not a number.
#[test]
fn other_losses_end_with_numbers_too() {
    let (mut early, mut solved, count) = (Vec::new(), 0, 150);
    for seed in 0..count {
        for loss in ["huber:0.3", "quantile:0.2"] {
            let mut case = case(seed);
            case.settings.loss = loss.parse().unwrap();
            let found = run(&case);
            let told = format!("{seed}: {loss}; {}: {:?} {:?}", case.kind, found.ending, found.after);
            assert!(found.duality_gap.is_none_or(|gap| gap.is_finite() && gap >= 0.0), "{told}");
            if case.settings.max_lipschitz.is_none_or(|limit| found.before.lipschitz <= limit) {
                assert!(no_worse(&found), "{told} {:?}", found.before);
            }
            solved += usize::from(found.ending == Ending::Solved);
            if by_numerics(&found.ending) {
                early.push(told);
            }
        }
    }
    assert!(early.len() <= 2 * count as usize / 50, "{} of {}: {early:#?}", early.len(), 2 * count);
    assert!(solved > count as usize, "{solved}");
}
