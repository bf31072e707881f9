//! What must hold wherever work is told to end: it ends, with the best so far, and what it claims is true.
//!
//! No clock is read here. A stop that says yes after a number of questions ends each stage at every place that asks.

use crate::random::{data, network};
use faer::Mat;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use tautnet::{
    Dataset, Network, Norm, Shallow, Stage, Stop,
    attack::{self, attack},
    certify::{
        ChainKnown, ChainLipsdpSettings, ExactProgress, ExactSettings, GradientSearchSettings, JacobianSearchSettings,
        Of, RangeSettings, Region, chain_certificate, chain_constant, exact_lipschitz, largest_gradient_found,
        largest_jacobian_found, local_upper_bound, no_chain_exact, output_range, path_norm, prove, verify,
        verify_chain, with_chain_lipsdp,
    },
    deep_polish,
    fit::{self, Price, fit},
    network::Layer,
    polish::{self, Ending, Method, polish},
    select,
    train::{self, Start, train},
};

/// Says yes from the question number `after` on; what must be done late is done.
fn stop(after: usize) -> Stop {
    let asked = AtomicUsize::new(0);
    Stop::when(move || asked.fetch_add(1, Ordering::Relaxed) >= after)
}

/// The same, but there is no time for what must be done late either.
fn harsh(after: usize) -> Stop {
    let asked = AtomicUsize::new(0);
    Stop::staged(move |_| asked.fetch_add(1, Ordering::Relaxed) >= after)
}

/// At once, within the first stages, and late enough that short work is done.
const AFTER: [usize; 7] = [0, 1, 3, 10, 40, 200, 3000];

fn trained(data: &Dataset, start: Start, units: usize) -> train::Trained {
    let settings = train::Settings { start, units, ..train::Settings::default() };
    train(data, &settings, &mut |_| ControlFlow::Continue(())).unwrap()
}

/// Found ≤ proved, and what is proved verifies.
fn check_proof(network: &Shallow, norm: Norm) -> f64 {
    let certificate = prove(network, norm, None, &mut |_| ControlFlow::Continue(())).unwrap();
    verify(&certificate.to_json(), network).unwrap();
    certificate.standardized.bound
}

#[test]
fn every_start_ends_with_a_network() {
    let data = data(60, 3, 1);
    for start in Start::all() {
        for after in AFTER {
            for stop in [stop(after), harsh(after)] {
                let trained = stop.during(|| trained(&data, start.clone(), 150));
                assert_eq!((trained.network.units(), trained.network.inputs()), (150, 3), "{start:?} {after}");
                assert!(trained.loss.is_finite() && !trained.trace.is_empty());
                assert!(after > 0 || trained.ending == train::Ending::Observer, "{start:?}: {:?}", trained.ending);
            }
        }
    }
}

#[test]
fn a_first_epoch_that_is_cut_short_has_learned_something() {
    let data = data(200, 2, 2);
    let run = |after| stop(after).during(|| trained(&data, train::Descent::default().into(), 50));
    // One question a batch, seven batches an epoch.
    assert!(run(5).loss < run(0).loss);
    assert_eq!(run(5).trace.len(), 1);
}

/// Networks whose programs take the dense route in several blocks, and the route by units.
fn programs() -> [(Dataset, Shallow); 2] {
    [(data(150, 5, 3), network(40, 5, 3)), (data(12, 3, 4), network(30, 3, 4))]
}

#[test]
fn a_polish_that_is_stopped_anywhere_is_never_worse() {
    for (data, network) in programs() {
        for method in [Method::JOINT, Method::WEIGHT_DECAY, Method::ALTERNATING, Method::WALK] {
            let walk = polish::Walk { rounds: 1, steps: 20, restarts: 0, flips: 1, soft: 1 };
            let lipschitz = if method == Method::WEIGHT_DECAY { 0.0 } else { 0.05 };
            let settings =
                polish::Settings { method, lipschitz_price: lipschitz, walk, rounds: 2, ..polish::Settings::default() };
            for after in AFTER {
                let stop = stop(after);
                let polished =
                    stop.during(|| polish(&network, &data, &settings, &mut |_| ControlFlow::Continue(()))).unwrap();
                assert!(polished.after.objective <= polished.before.objective, "{method:?} {after}");
                assert!(after > 40 || polished.ending != Ending::Solved, "{method:?} {after}");
                let again = polish::score(&polished.network, &data, &settings).unwrap();
                assert!((again.loss, again.decay) == (polished.after.loss, polished.after.decay));
                assert!((again.lipschitz - polished.after.lipschitz).abs() <= 1e-6 * again.lipschitz);
                if let Ending::Unchanged(_) = polished.ending {
                    assert_eq!(polished.network, network);
                }
                check_proof(&polished.network, settings.norm);
            }
        }
    }
}

#[test]
fn a_fit_that_is_stopped_anywhere_gives_a_network_and_says_so() {
    let data = data(60, 2, 5);
    let start = train::Settings { start: "random".parse().unwrap(), units: 8, ..train::Settings::default() };
    let grid = select::Settings { prices: vec![0.3, 0.03], ..select::Settings::default() };
    let settings = fit::Settings { start, polish: polish::Settings::default(), price: Price::Chosen(grid) };
    for after in AFTER {
        let fitted = stop(after).during(|| fit(&data, &settings, &mut |_| ControlFlow::Continue(()))).unwrap();
        let finished = fitted.polished.as_ref().is_some_and(|polished| polished.ending == Ending::Solved);
        assert!(after > 0 || !finished);
        check_proof(fitted.network(), Norm::Two);
    }
    // The early part alone is ended: the fit goes on with what it chose.
    let early = Stop::staged(|stage| stage == Stage::Early);
    let fitted = early.during(|| fit(&data, &settings, &mut |_| ControlFlow::Continue(()))).unwrap();
    assert!(!fitted.all_rows || fitted.price.is_some());
    // A path that has a price by then leaves the rest of the time to the fit on all rows.
    let asked = AtomicUsize::new(0);
    let later = Stop::staged(move |stage| stage == Stage::Early && asked.fetch_add(1, Ordering::Relaxed) >= 100_000);
    let fitted = later.during(|| fit(&data, &settings, &mut |_| ControlFlow::Continue(()))).unwrap();
    assert!(fitted.all_rows && fitted.price.is_some());
}

#[test]
fn a_certificate_proves_at_most_the_sum_over_units_wherever_it_is_stopped() {
    // The last one is so large that its kernels are left behind, and the Gram matrices of the proof too.
    for (network, afters) in [(network(12, 4, 6), &AFTER[..]), (network(515, 520, 7), &[0, 4][..])] {
        for norm in [Norm::One, Norm::Two, Norm::Infinity] {
            for &after in afters {
                for (harsh, stop) in [(false, stop(after)), (true, harsh(after))] {
                    if network.units() > 500 && !harsh {
                        continue; // There would be all the time for a large proof.
                    }
                    let certificate =
                        stop.during(|| prove(&network, norm, None, &mut |_| ControlFlow::Continue(()))).unwrap();
                    verify(&certificate.to_json(), &network).unwrap();
                    let bound = certificate.standardized.bound;
                    assert!(bound <= path_norm(&network, norm) * (1.0 + 1e-6), "{norm:?} {after}: {bound}");
                }
            }
        }
    }
}

#[test]
fn bounds_and_searches_that_are_stopped_are_true() {
    let (wide, narrow) = (network(8, 40, 8), network(9, 2, 9));
    for network in [wide, narrow] {
        let d = network.inputs();
        let regions = [
            Region::Everywhere,
            Region::Box { lower: vec![-1.0; d], upper: vec![1.0; d] },
            Region::Ball { center: vec![0.1; d], radius: 0.7, norm: Norm::Two },
        ];
        for region in regions {
            for norm in [Norm::One, Norm::Two, Norm::Infinity] {
                let search = GradientSearchSettings { starts: 4, questions: 20, ..Default::default() };
                let found = largest_gradient_found(&network, &region, norm, None, &search).unwrap();
                let found = found.map_or(0.0, |found| found.value);
                for after in [0, 2, 30] {
                    for stop in [stop(after), harsh(after)] {
                        let (local, enclosure) = stop.during(|| {
                            let local = local_upper_bound(&network, &region, norm).unwrap();
                            let settings = ExactSettings { nodes: 30, start: search, ..ExactSettings::default() };
                            let exact = exact_lipschitz(&network, &region, norm, None, &settings, &mut |_| {
                                ControlFlow::Continue(())
                            })
                            .unwrap();
                            (local.upper_bound, exact)
                        });
                        assert!(found <= local * (1.0 + 1e-12) && local.is_finite(), "{region:?} {norm:?} {after}");
                        assert!(found <= enclosure.upper_bound * (1.0 + 1e-12), "{region:?} {norm:?} {after}");
                        assert!(enclosure.lower_bound <= enclosure.upper_bound);
                        assert!(after > 0 || !enclosure.closed || enclosure.upper_bound <= found * (1.0 + 1e-6));
                    }
                }
            }
        }
    }
}

/// A chain of hidden layers of eight units.
fn chain(seed: u64, activation: &str, hidden: usize) -> Network {
    let mut random = Pcg64::seed_from_u64(seed);
    let mut number = || random.random_range(-1.0..1.0);
    let layers = (0..=hidden).map(|l| {
        let (given, units) = (if l == 0 { 3 } else { 8 }, if l == hidden { 2 } else { 8 });
        let weights = Mat::from_fn(units, given, |_, _| number());
        let name = if l == hidden { "identity" } else { activation };
        Layer::new(weights, (0..units).map(|_| number()).collect(), name.parse().unwrap())
    });
    Network::new(layers.collect(), None).unwrap()
}

#[test]
fn bounds_of_deep_networks_that_are_stopped_are_true() {
    for (activation, hidden) in [("relu", 2), ("leaky-relu:0.2", 14), ("tanh", 4)] {
        let network = chain(hidden as u64, activation, hidden);
        let regions = [Region::Box { lower: vec![-1.0; 3], upper: vec![1.0; 3] }, Region::Everywhere];
        let few = JacobianSearchSettings { starts: 4, rows: 0, climbs: 2, jacobians: 60, seed: 0 };
        let found = largest_jacobian_found(&network, Norm::Two, Of::All, None, &few).unwrap();
        for after in AFTER {
            for stop in [stop(after), harsh(after)] {
                let (certificate, shorter, enclosures) = stop.during(|| {
                    let product = chain_certificate(&network, Norm::Two, None).unwrap();
                    let settings = ChainLipsdpSettings::default();
                    let certificate = with_chain_lipsdp(&network, product, &[], &settings, &mut |_| ()).unwrap().0;
                    let shorter = largest_jacobian_found(&network, Norm::Two, Of::All, None, &few).unwrap().value;
                    let bound = certificate.standardized.least();
                    let known = ChainKnown { rows: None, found: None, bound, thorough: false };
                    let of = |region: &Region| {
                        let everywhere = *region == Region::Everywhere;
                        if everywhere && (no_chain_exact(&network).is_some() || hidden > 2) {
                            return None;
                        }
                        let mut nodes = 0;
                        let mut observer = |_: &ExactProgress| {
                            nodes += 1;
                            if nodes < 20 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
                        };
                        let asked = (region, Norm::Two, Of::All);
                        let found = chain_constant(&network, asked, &known, everywhere, &mut observer).unwrap();
                        Some((found.lower_bound, found.upper_bound))
                    };
                    (certificate, shorter, regions.each_ref().map(of))
                });
                let claim = &certificate.standardized;
                verify_chain(&certificate.to_bytes(), &network).unwrap();
                assert!(found.value <= claim.least() && claim.least() <= claim.bound, "{activation} {after}");
                assert!(shorter <= claim.least());
                for (lower, upper) in enclosures.into_iter().flatten() {
                    assert!(lower <= upper && upper <= claim.least(), "{activation} {after} {lower} {upper}");
                }
                // Over all of space nothing that is found is above what is proved.
                assert!(enclosures[1].is_none_or(|(_, upper)| found.value <= upper), "{activation} {after}");
            }
        }
    }
}

#[test]
fn a_polish_of_deep_networks_that_is_stopped_anywhere_is_never_worse() {
    let mut rows = data(60, 3, 5);
    rows.y.iter_mut().for_each(|y| *y = f64::from(u8::from(*y > 0.0)));
    let network = chain(3, "relu", 2);
    for after in AFTER {
        for stop in [stop(after), harsh(after)] {
            let settings = deep_polish::Settings {
                loss: "logistic".parse().unwrap(),
                lipschitz_price: 0.01,
                rounds: 1,
                ..Default::default()
            };
            let polished = stop
                .during(|| deep_polish::polish(&network, &rows, &settings, &mut |_| ControlFlow::Continue(())))
                .unwrap();
            assert!(polished.after.objective <= polished.before.objective, "{after}");
            assert!(polished.after.objective.is_finite());
        }
    }
}

#[test]
fn ranges_and_attacks_that_are_stopped_are_true() {
    let (data, network) = (data(20, 3, 10), network(15, 3, 10));
    let region = Region::Ball { center: vec![0.0; 3], radius: 1.0, norm: Norm::Two };
    let settings = RangeSettings { nodes: 200, ..RangeSettings::default() };
    let range = || output_range(&network, &region, &settings, &mut |_, _| ControlFlow::Continue(())).unwrap();
    let full = range();
    let bound = check_proof(&network, Norm::Two);
    let radii = [0.0, 0.2, 0.5];
    let governed = attack::Settings { nodes: 20, ..attack::Settings::new(bound) };
    let attacked = || attack(&network, &data, Norm::Two, &radii, &governed).unwrap();
    let whole = attacked();
    for after in AFTER {
        let (part, reports) = stop(after).during(|| (range(), attacked()));
        assert!(part.highest.bound >= full.highest.found && part.lowest.bound <= full.lowest.found, "{after}");
        for (report, whole) in reports.iter().zip(&whole) {
            assert!(report.found <= report.row_by_row() && report.row_by_row() <= report.ceiling);
            assert!(whole.found <= report.row_by_row() * (1.0 + 1e-12), "{after}");
            assert_eq!(report.ceiling, whole.ceiling);
        }
    }
    // Where nothing is searched the error without attack is what is found.
    let plain = attack::Settings::new(bound);
    let reports = stop(0).during(|| attack(&network, &data, Norm::Two, &radii, &plain)).unwrap();
    assert!(reports.iter().all(|report| report.found == reports[0].found && report.found > 0.0));
}

/// Questions change no digit: not in small work, and not in kernels that run on a thread of their own.
#[test]
fn a_stop_that_never_says_yes_changes_nothing() {
    let never = Stop::staged(|_| false);
    let (data, network) = (data(150, 5, 3), network(40, 5, 3));
    let settings = polish::Settings { lipschitz_price: 0.05, iterations: 5, ..polish::Settings::default() };
    let run = || {
        let trained = trained(&data, "random".parse().unwrap(), 30);
        (trained, polish(&network, &data, &settings, &mut |_| ControlFlow::Continue(())).unwrap())
    };
    assert_eq!(never.during(run), run());
    let large = crate::random::network(515, 520, 7);
    let shortly = || prove(&large, Norm::Two, None, &mut |_| ControlFlow::Break(())).unwrap();
    assert_eq!(never.during(shortly), shortly());
}

#[test]
fn a_program_that_does_not_fit_is_refused_before_it_is_built() {
    // 400 columns: one matrix of the inequality alone would be of order 80 000.
    let (data, network) = (data(20, 400, 11), network(2, 400, 11));
    let settings = polish::Settings { lipschitz_price: 0.05, ..polish::Settings::default() };
    let refused = polish(&network, &data, &settings, &mut |_| ControlFlow::Continue(())).unwrap_err();
    assert!(refused.what.contains("400 columns") && refused.what.contains("GB"), "{refused:?}");
    assert!(refused.hint.contains("weight-decay"), "{refused:?}");
    let settings = polish::Settings { method: Method::WEIGHT_DECAY, lipschitz_price: 0.0, iterations: 3, ..settings };
    polish(&network, &data, &settings, &mut |_| ControlFlow::Continue(())).unwrap();
}
