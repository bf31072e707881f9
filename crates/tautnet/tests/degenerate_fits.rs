//! The whole job on degenerate tables, from every start: training, the choice of λ, the polish, the proof and the attack.

use crate::degenerate::case;
use std::ops::ControlFlow;
use tautnet::{Recipe, attack, certify, fit, recipe::Command, train::Start};

#[test]
fn every_start_ends_in_a_proved_network() {
    let (mut fits, mut refused) = (0, 0);
    for seed in 0..48 {
        let case = case(seed);
        let start = Start::all().nth(seed as usize % Start::all().count()).unwrap();
        // Numbers that cannot be standardized are refused, with a reason.
        let learned = fit::learn(case.data.clone(), &tautnet::Loss::default());
        let Ok((scaler, data)) = learned else {
            refused += 1;
            continue;
        };
        let recipe = Recipe {
            start,
            hidden: Some(1 + seed as usize % 7),
            norm: case.settings.norm,
            // Few rows are too few to choose the price by.
            lipschitz_price: (seed % 3 > 0 || data.rows() < 10).then_some([0.0, 1e-3, 0.5][seed as usize % 3]),
            max_lipschitz: (seed % 5 == 0).then_some(0.3),
            seed,
            ..Recipe::default()
        };
        let told = format!("{seed}: {} ({}); {}", case.kind, case.ordinary, recipe.start.name());
        let fitted = recipe
            .resolve(Command::Train)
            .and_then(|plan| fit::fit(&data, &plan.settings, &mut |_| ControlFlow::Continue(())))
            .unwrap_or_else(|error| panic!("{told}: {error}"));
        let limit = recipe.max_lipschitz.filter(|_| fitted.polished.is_some()).unwrap_or(f64::INFINITY);
        // The network that was drawn too: some are huge, tiny or constant.
        for (network, limit) in [(fitted.network(), limit), (&case.network, f64::INFINITY)] {
            let mut observer = |_| ControlFlow::Continue(());
            let certificate = certify::prove(network, recipe.norm, Some(&scaler), &mut observer).unwrap();
            certify::verify(&certificate.to_json(), network).unwrap_or_else(|refusal| panic!("{told}: {refusal:?}"));
            let bound = certificate.standardized.bound;
            assert!(bound <= limit * (1.0 + 1e-9), "{told}: {bound}");
            let settings = attack::Settings { restarts: 0, steps: 2, refinements: 1, ..attack::Settings::new(bound) };
            for report in attack::attack(network, &data, recipe.norm, &[0.0, 0.1], &settings).unwrap() {
                assert!(report.found <= report.ceiling, "{told}: {report:?}");
            }
        }
        fits += 1;
    }
    assert!(fits >= 40, "{fits} fits, {refused} refused");
}
