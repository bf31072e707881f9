//! The program of rows that are elsewhere is that of the same rows in memory.

use super::*;
use crate::shards::{Held, Share, tests::data};
use crate::train::{self, Random};
use crate::{Norm, Scaler};
use std::ops::ControlFlow;

fn start(data: &Dataset, units: usize, linear_part: bool) -> Shallow {
    let start = train::Start::from(Random::default());
    let settings = train::Settings { start, units, linear_part, ..train::Settings::default() };
    train::train(data, &settings, &mut |_| ControlFlow::Continue(())).unwrap().network
}

fn far(network: &Shallow, raw: &Dataset, scaler: &Scaler, settings: &Settings) -> FarPolished {
    let mut held = Held::of(raw);
    let share = Share::default();
    let rows = raw.weights.as_ref().map_or(raw.rows(), |weights| weights.iter().filter(|w| **w > 0.0).count()) as u64;
    let far = &mut Far { shards: &mut held, share, scaler: scaler.clone(), rows, sample: Vec::new() };
    polish_far(network, far, settings, &mut |_| ControlFlow::Continue(())).unwrap().unwrap()
}

#[test]
fn rows_elsewhere_come_to_the_same_optimum() {
    for (case, weighted) in [(0, false), (1, true), (2, false), (3, false), (4, false)] {
        let raw = data(900, 3, 40 + case, weighted);
        let scaler = Scaler::fit(&raw).unwrap();
        // Rows without a weight count for nothing here, and in memory they have cells.
        let counted: Vec<usize> =
            (0..raw.rows()).filter(|k| raw.weights.as_ref().is_none_or(|w| w[*k] > 0.0)).collect();
        let near = scaler.standardize(&crate::rows::Rows::of(&raw).pick(&counted));
        let mut settings = Settings { lipschitz_price: 0.05, decay: 0.002, ..Settings::of(Method::JOINT) };
        match case {
            2 => (settings.norm, settings.linear_part) = (Norm::Infinity, true),
            3 => settings = Settings { decay: 0.01, ..Settings::of(Method::WEIGHT_DECAY) },
            4 => (settings.max_lipschitz, settings.output_bias) = (Some(0.8), false),
            _ => (),
        }
        let network = start(&near, 12, settings.linear_part);
        let memory = polish(&network, &near, &settings, &mut |_| ControlFlow::Continue(())).unwrap();
        let found = far(&network, &raw, &scaler, &settings);
        let (one, other) = (memory.after, found.polished.after);
        let close = |one: f64, other: f64, digits: f64| {
            assert!((one - other).abs() <= digits * (1.0 + one.abs()), "{case}: {one} {other}")
        };
        close(memory.before.objective, found.polished.before.objective, 1e-10);
        close(one.objective, other.objective, 1e-6);
        close(settings.loss.mean(&found.polished.network, &near), other.loss, 1e-10);
        assert!(other.objective <= found.polished.before.objective);
        assert_eq!(memory.ending, found.polished.ending, "{case}");
        assert!(found.polished.duality_gap.is_some_and(|gap| gap < 1e-7), "{:?}", found.polished.duality_gap);
        let Simple { constant, linear } = found.beside.unwrap();
        assert!(linear.learned <= constant.learned && constant.learned > 0.9);
        assert_eq!(found.after.held_out, None);
    }
}

#[test]
fn what_needs_all_rows_is_refused() {
    for (settings, what) in [
        (Settings::of(Method::WALK), "walk"),
        (Settings { loss: "absolute".parse().unwrap(), ..Settings::default() }, "absolute"),
    ] {
        assert!(check_far(&settings).unwrap_err().what.contains(what));
    }
}

#[test]
fn a_stop_before_all_rows_were_seen_leaves_nothing_and_later_the_network_given() {
    let raw = data(300, 2, 1, false);
    let scaler = Scaler::fit(&raw).unwrap();
    let network = start(&scaler.standardize(&raw), 6, false);
    let mut held = Held::of(&raw);
    let (settings, rows) = (Settings::default(), raw.rows() as u64);
    let far = &mut Far { shards: &mut held, share: Share::default(), scaler, rows, sample: Vec::new() };
    let ended = Stop::when(|| true).during(|| polish_far(&network, far, &settings, &mut |_| ControlFlow::Continue(())));
    assert_eq!(ended.unwrap(), None);
    let broken = polish_far(&network, far, &settings, &mut |_| ControlFlow::Break(())).unwrap().unwrap();
    assert_eq!((&broken.polished.network, broken.polished.duality_gap), (&network, None));
    assert!(matches!(broken.polished.ending, Ending::Stopped(_)));
}
