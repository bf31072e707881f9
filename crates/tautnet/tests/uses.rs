//! The table of methods and settings, over all of it: what a method uses changes its result, what it does not use is refused.

use crate::random::{data, network};
use std::ops::ControlFlow;
use tautnet::{
    Dataset, Norm, Recipe, Shallow,
    error::Result,
    fit::{Price, fit},
    polish::{Effort, Ending, Method, Penalty, Polished, Setting, Settings, polish, score},
    recipe::Command,
    requirement::hint,
    select,
    tolerance::{Shape, Tolerance},
    train,
};

fn run(network: &Shallow, data: &Dataset, settings: &Settings) -> Result<Polished> {
    polish(network, data, settings, &mut |_| ControlFlow::Continue(()))
}

/// What a user can ask for, and multipliers.
const SETTINGS: [Setting; 14] = [
    Setting::Lipschitz,
    Setting::Penalty,
    Setting::MaxLipschitz,
    Setting::Decay,
    Setting::Norm,
    Setting::OutputBias,
    Setting::LinearPart,
    Setting::Tolerance,
    Setting::Rounds,
    Setting::Tol,
    Setting::Iterations,
    Setting::Effort,
    Setting::Multipliers,
    Setting::Loss,
];

/// Something that is not what holds where nothing was said.
fn asked(setting: Setting, recipe: &mut Recipe) {
    match setting {
        Setting::Lipschitz => recipe.lipschitz_price = Some(0.3),
        Setting::Penalty => recipe.penalty = Penalty::LSquared,
        Setting::MaxLipschitz => recipe.max_lipschitz = Some(0.2),
        Setting::Decay => recipe.decay = Some(0.2),
        Setting::Norm => recipe.norm = Norm::Infinity,
        Setting::OutputBias => recipe.output_bias = false,
        Setting::LinearPart => recipe.linear_part = true,
        Setting::Tolerance => recipe.tolerance.entries = vec!["0.2".parse().unwrap()],
        Setting::Rounds => recipe.rounds = 1,
        Setting::Tol => recipe.tol = 1e-2,
        Setting::Iterations => recipe.iterations = 4,
        Setting::Effort => recipe.effort = Effort::High,
        Setting::Loss => recipe.loss = "quantile:0.7".parse().unwrap(),
        Setting::Method | Setting::Restarts => (),
        Setting::Multipliers => (), // No one but a caller of the library can ask for multipliers.
    }
}

#[test]
fn what_a_method_uses_changes_its_result_and_the_rest_is_refused() {
    let (data, network) = (data(30, 2, 3), network(6, 2, 3).with_c(2.0));
    for method in Method::all() {
        // A price, so that it makes a difference what is priced.
        let price = method.uses(Setting::Lipschitz).then_some(0.01);
        let plain = Recipe { method: Some(method), lipschitz_price: price, ..Recipe::default() };
        let polish = |recipe: &Recipe| recipe.resolve(Command::Polish).map(|plan| plan.settings.polish);
        let without = run(&network, &data, &polish(&plain).unwrap()).unwrap();
        for setting in SETTINGS {
            let mut recipe = plain.clone();
            asked(setting, &mut recipe);
            let settings = match (setting, polish(&recipe)) {
                (Setting::Multipliers, settings) => {
                    settings.map(|settings| Settings { multipliers: Some(vec![1.0; 6]), ..settings })
                }
                // What was said of columns meets the rows where these are known.
                (Setting::Tolerance, settings) => {
                    let tolerance = Tolerance::same(Shape::Box, &[0.2, 0.2]).unwrap();
                    settings.map(|settings| Settings { tolerance: Some(tolerance), ..settings })
                }
                (_, settings) => settings,
            };
            let with = settings.and_then(|settings| run(&network, &data, &settings));
            let pair = format!("{method:?} and {setting:?}");
            match with {
                Ok(with) => {
                    assert!(method.uses(setting), "{pair}: ignored");
                    assert_ne!((&with.network, with.after), (&without.network, without.after), "{pair}: no change");
                }
                Err(error) => {
                    assert!(!method.uses(setting), "{pair}: {error:?}");
                    let named = error.what.contains(method.name());
                    assert!(named && error.hint == hint(method.requires(), setting), "{pair}: {error:?}");
                    // A fit refuses it too, but for what no one can ask of a fit.
                    let fit = recipe.resolve(Command::Train);
                    assert!(fit.is_err() || setting == Setting::Multipliers, "{pair}");
                }
            }
        }
    }
}

#[test]
fn settings_that_methods_share_are_cut_to_what_each_uses() {
    let all = Settings {
        lipschitz_price: 0.1,
        decay: 0.2,
        penalty: Penalty::LSquared,
        max_lipschitz: Some(3.0),
        norm: Norm::Infinity,
        output_bias: false,
        ..Settings::default()
    };
    for method in Method::all() {
        let own = all.with_method(method);
        own.check_run().unwrap();
        assert_eq!(own.method, method);
        assert_eq!(own.lipschitz_price > 0.0, method.uses(Setting::Lipschitz));
        assert_eq!(own.max_lipschitz.is_some(), method.uses(Setting::MaxLipschitz));
        assert_eq!((own.decay, own.norm, own.output_bias), (0.2, Norm::Infinity, false));
    }
}

/// Prices count in the score, whatever the method is.
#[test]
fn the_score_counts_every_price() {
    let (data, network) = (data(10, 2, 1), network(4, 2, 1));
    for method in Method::all() {
        let settings = Settings { lipschitz_price: 0.5, decay: 0.25, ..Settings::of(method) };
        let score = score(&network, &data, &settings).unwrap();
        assert_eq!(score.objective, score.loss + 0.25 * score.decay + 0.5 * score.lipschitz, "{method:?}");
    }
}

/// With the price left open, every method that has one is fitted; the price in the settings of the program does not matter.
#[test]
fn every_method_is_fitted_with_its_defaults() {
    let data = data(25, 2, 5);
    for method in Method::all() {
        let start = train::Start::from(train::Random::default());
        let recipe = Recipe { method: Some(method), start, hidden: Some(4), ..Recipe::default() };
        let mut settings = recipe.resolve(Command::Train).unwrap().settings;
        let fitted = fit(&data, &settings, &mut |_| ControlFlow::Continue(())).unwrap();
        assert_eq!(fitted.path.is_some(), method.uses(Setting::Lipschitz), "{method:?}");
        assert_eq!(matches!(settings.price, Price::Chosen(_)), fitted.path.is_some());
        if fitted.path.is_some() {
            settings.polish.lipschitz_price = 0.0;
            assert_eq!(fit(&data, &settings, &mut |_| ControlFlow::Continue(())).unwrap(), fitted);
        } else {
            let grid = select::Settings::default();
            let path =
                select::path(&data, &settings.start, &settings.polish, &grid, &mut |_| ControlFlow::Continue(()));
            assert!(path.unwrap_err().what.contains("no price of the bound"));
        }
    }
}

/// Of no method does an output bias come out where none was asked for, but for the given network itself.
#[test]
fn an_output_bias_is_held_at_zero_or_the_given_network_comes_back() {
    let mut unchanged = 0;
    for seed in 0..6 {
        // A bias that helps, one that is far off, and none.
        for c in [0.8, -5.0, 0.0] {
            let (data, network) = (data(20, 2, seed), network(4, 2, seed).with_c(c));
            for method in Method::all() {
                let settings = Settings { output_bias: false, ..Settings::of(method) };
                let found = run(&network, &data, &settings).unwrap();
                assert!(found.after.objective <= found.before.objective);
                let noted = found.notes.iter().any(|note| note.contains("output bias is held at 0"));
                assert_eq!(noted, c != 0.0, "{:?}", found.notes);
                match &found.ending {
                    Ending::Unchanged(why) => {
                        unchanged += 1;
                        assert_eq!(found.network, network);
                        assert!(c == 0.0 || why.contains("with an output bias of 0 the objective is"), "{why}");
                    }
                    _ => assert_eq!(found.network.c(), 0.0, "{method:?} {seed} {c}"),
                }
            }
        }
    }
    // No unit is left, and the constant is a good one: nothing without an output bias is better.
    let data = data(20, 2, 9);
    let mean = data.y.iter().sum::<f64>() / 20.0;
    let constant = network(3, 2, 9).times(0.0).with_c(mean);
    let found = run(&constant, &data, &Settings { output_bias: false, ..Settings::default() }).unwrap();
    assert!(matches!(&found.ending, Ending::Unchanged(why) if why.contains("output bias")), "{found:?}");
    assert_eq!(found.network, constant);
    assert!(unchanged < 60, "{unchanged}");
}

/// From a file that was reported: c = 3 stayed 3. `rivals` has the same test for samp-ℓ2.
#[test]
fn the_reported_network_loses_its_output_bias() {
    let network = Shallow::new(faer::mat![[1.0], [-0.5]], vec![0.1, 0.2], vec![0.01, 0.02], 3.0).unwrap();
    let data = Dataset::new(faer::mat![[0.0], [1.0], [2.0], [3.0]], vec![0.0, 5.0, -5.0, 5.0], None).unwrap();
    for method in Method::all() {
        let settings = Settings { output_bias: false, ..Settings::of(method) };
        let found = run(&network, &data, &settings).unwrap();
        assert!(found.network.c() == 0.0 || matches!(found.ending, Ending::Unchanged(_)), "{method:?} {found:?}");
    }
    let found = run(&network, &data, &Settings { output_bias: false, ..Settings::of(Method::WEIGHT_DECAY) }).unwrap();
    assert!(found.network.c() == 0.0 && found.after.objective < found.before.objective, "{found:?}");
}
