use super::text::choices;
use super::*;
use crate::fit::{DECAY, Price, fit};
use crate::polish::{self, Effort, Method, Penalty, Setting};
use crate::train::{Descent, tests::toy};
use crate::{Dataset, Loss, Norm, loss};
use std::ops::ControlFlow;

#[test]
fn what_was_not_said_is_the_method_s_own() {
    for method in Method::all() {
        let asked = Recipe { method: Some(method), ..Recipe::default() };
        let polish = asked.resolve(Command::Polish).unwrap().settings.polish;
        assert_eq!((polish.lipschitz_price, polish.decay), method.default_prices());
        let plan = asked.resolve(Command::Train).unwrap();
        assert_eq!(plan.settings.polish.decay, DECAY);
        let record = plan.record("X", Some(0.0));
        let chosen = method.uses(Setting::Lipschitz);
        assert_eq!(record["lipschitz_price_chosen"], Value::Switch(chosen), "{method:?}");
        assert_eq!(record["method"], Value::Word(method.name().into()));
        assert_eq!(matches!(plan.settings.price, Price::Chosen(_)), chosen);
    }
    let polish = Recipe::default().resolve(Command::Polish).unwrap().settings.polish;
    assert_eq!(polish, polish::Settings::default());
}

#[test]
fn a_tolerance_has_prices_of_its_own() {
    let of = |amount: &str, method: Method, decay: Option<f64>| {
        let entries = vec![amount.parse().unwrap()];
        let tolerance = crate::tolerance::Asked { entries, ..Default::default() };
        let asked = Recipe { tolerance, method: Some(method), decay, ..Recipe::default() };
        let polish = asked.resolve(Command::Polish).unwrap().settings.polish;
        (polish.lipschitz_price, polish.decay)
    };
    for method in [Method::CONVEX, Method::ROBUST_CELLS, Method::SCENARIOS, Method::WALK] {
        assert_eq!(of("0.1sd", method, None), (0.0, plan::WITHIN_DECAY));
        assert_eq!(of("0.1sd", method, Some(0.0)), (0.0, 0.0));
        assert_eq!(of("0", method, None), method.default_prices());
    }
}

#[test]
fn the_start_has_the_price_of_the_weights_where_that_is_above_the_usual_one() {
    let own = Descent::default().decay;
    for start in ["sgd", "adversarial", "average"] {
        let decay = |decay: Option<f64>| {
            let asked =
                Recipe { start: start.parse().unwrap(), decay, lipschitz_price: Some(0.1), ..Recipe::default() };
            let start = asked.resolve(Command::Train).unwrap().settings.start.start;
            // Whatever is not dearer than what it has leaves it as it is.
            (start.priced(0.05).is_some(), start.priced(own).is_some(), start.priced(0.2).is_some())
        };
        assert!(decay(None).0);
        assert_eq!(decay(Some(DECAY)), decay(None));
        assert_eq!(decay(Some(0.05)), (false, false, true));
    }
}

#[test]
fn what_would_fail_later_is_refused_at_once() {
    let refused = |recipe: &Recipe| recipe.resolve(Command::Train).unwrap_err().what;
    let alternating = Recipe { method: Some(Method::ALTERNATING), lipschitz_price: Some(0.0), ..Recipe::default() };
    assert!(refused(&alternating).contains("the method `alternating` has nothing to alternate"));
    assert!(Recipe { max_lipschitz: Some(1.0), ..alternating }.resolve(Command::Train).is_ok());
    let priced = Recipe { method: Some(Method::WEIGHT_DECAY), lipschitz_price: Some(0.1), ..Recipe::default() };
    assert!(refused(&priced).contains("`lipschitz_price` 0.1"));
    assert_eq!(refused(&Recipe { hidden: Some(0), ..Recipe::default() }), "`hidden` is 0");
    assert_eq!(refused(&Recipe { max_lipschitz: Some(0.0), ..Recipe::default() }), "`max-lipschitz` is 0");
    assert_eq!(refused(&Recipe { tol: f64::NAN, ..Recipe::default() }), "`tol` is NaN");
}

/// Every setting of a table is read as it is written.
fn check_table<T: Table + PartialEq + std::fmt::Debug>() {
    for (k, field) in T::FIELDS.iter().enumerate() {
        assert!(T::FIELDS[..k].iter().all(|other| other.name != field.name), "`{}` twice", field.name);
        assert!(!field.help.is_empty() && !field.help.ends_with('.') && !field.commands.is_empty());
        assert!(field.auto.iter().all(|command| field.has(*command)));
        let value = (field.get)(&T::default());
        field.check(&value).unwrap();
        let mut table = T::default();
        table.set(field.name, &value).unwrap();
        assert_eq!(table, T::default(), "`{}`", field.name);
        // Every word is read, whole as it is shown.
        if let Kind::Word(words) | Kind::WordWithNumber(words) = field.kind {
            for word in words() {
                table.set(field.name, &Value::Word(word.name.clone())).unwrap();
                assert_eq!((field.get)(&table), Value::Word(word.name));
            }
        } else if let Kind::Count(least, _) = field.kind {
            table.set(field.name, &Value::Count(least)).unwrap();
            assert_eq!((field.get)(&table), Value::Count(least), "`{}`", field.name);
        }
    }
}

#[test]
fn every_setting_has_one_line_that_reads_what_it_writes() {
    check_table::<Recipe>();
    check_table::<Starts>();
    check_table::<Rounds>();
    check_table::<Judge>();
    check_table::<Search>();
    check_table::<Interval>();
    check_table::<Run>();
    let mut run = Run::default();
    run.set("time_limit", &Value::Number(1.5)).unwrap();
    assert_eq!((Run::FIELDS[0].get)(&run), Value::Number(1.5));
    for seconds in [-3.0, f64::NAN, 1e300] {
        assert!(run.set("time_limit", &Value::Number(seconds)).is_err());
    }
    let error = Recipe::default().set("lamda", &Value::Number(1.0)).unwrap_err();
    assert!(error.what.contains("`lamda`") && error.hint.contains("lipschitz_price, "), "{error:?}");
    let error = Recipe::default().set("hidden", &Value::Word("many".into())).unwrap_err();
    assert_eq!(error.what, "`hidden` is many");
}

#[test]
fn a_recipe_is_an_object_whose_every_name_is_known() {
    let recipe = Recipe {
        hidden: Some(7),
        start: "random".parse().unwrap(),
        loss: "quantile:0.9".parse().unwrap(),
        lipschitz_price: Some(0.125),
        method: Some(Method::WALK),
        effort: Effort::High,
        max_lipschitz: Some(2.0),
        norm: Norm::Infinity,
        penalty: Penalty::LSquared,
        output_bias: false,
        seed: u64::MAX,
        ..Recipe::default()
    };
    let text = serde_json::to_string(&recipe).unwrap();
    assert_eq!(serde_json::from_str::<Recipe>(&text).unwrap(), recipe);
    assert_eq!(serde_json::from_str::<Recipe>("{}").unwrap(), Recipe::default());
    for (text, wrong) in [
        ("{\"hiden\": 3}", "there is no setting called `hiden`"),
        ("{\"hidden\": 0}", "`hidden` is 0"),
        ("{\"hidden\": [3]}", "expected a number, a word, true or false for `hidden`"),
        ("{\"norm\": 2}", "`norm` is 2"),
        ("{\"loss\": \"cubic\"}", "there is no loss `cubic`"),
    ] {
        let error = serde_json::from_str::<Recipe>(text).unwrap_err().to_string();
        assert!(error.contains(wrong), "{text}: {error}");
    }
}

/// Every pair of a method, a start, a loss and a norm: accepted, and then it runs, or refused with a message that names both.
#[test]
fn every_pair_runs_or_is_refused_by_name() {
    let numbers = toy(24, 2, 3);
    let classes = Dataset { y: numbers.y.iter().map(|y| y.signum()).collect(), ..numbers.clone() };
    let (mut ran, mut refused) = (0, Vec::new());
    let all = choices();
    for (k, one) in all.iter().enumerate() {
        for other in &all[k + 1..] {
            if one.kind == other.kind {
                continue;
            }
            let mut recipe = Recipe {
                hidden: Some(4),
                lipschitz_price: Some(0.05),
                start: "random".parse().unwrap(),
                ..Recipe::default()
            };
            for choice in [one, other] {
                recipe.set(choice.kind, &Value::Word(choice.name.into())).unwrap();
            }
            if recipe.method == Some(Method::WEIGHT_DECAY) {
                recipe.lipschitz_price = None;
            }
            let pair = format!("{} `{}` and {} `{}`", one.kind, one.name, other.kind, other.name);
            match recipe.resolve(Command::Train) {
                Ok(plan) => {
                    let data = if plan.settings.polish.loss.is_margin() { &classes } else { &numbers };
                    fit(data, &plan.settings, &mut |_| ControlFlow::Continue(()))
                        .unwrap_or_else(|error| panic!("{pair}: accepted, and then {error}"));
                    ran += 1;
                }
                Err(error) => {
                    let names = |choice: &&crate::requirement::Choice<'_>| {
                        error.what.contains(&format!("`{}`", choice.name))
                            || choice.kind == "loss" && error.what.contains(&format!("`{}:", choice.name))
                    };
                    // The norm 1 is for bounds alone, whatever stands beside it.
                    let told = [one, other].iter().filter(|choice| names(choice)).count();
                    assert!(told == 2 || error.what.contains("norm `1`"), "{pair}: {error}");
                    refused.push(pair);
                }
            }
        }
    }
    assert!(ran > 40, "{ran}");
    refused.retain(|pair| !pair.contains("norm `1`"));
    let others = loss::ALL.iter().map(|entry| entry.name).filter(|name| *name != "squared");
    let classes = ["hinge", "squared-hinge", "logistic"].map(|name| format!("method `alternating` and loss `{name}`"));
    let due = classes.into_iter().chain(others.map(|name| format!("start `admm` and loss `{name}`")));
    assert_eq!(refused, due.collect::<Vec<_>>());
}

/// Every value of every setting beside every method: accepted, or refused with a message that names both.
#[test]
fn every_setting_is_accepted_or_refused_by_name_for_every_method() {
    let asked = [
        ("lipschitz_price", Value::Number(0.3)),
        ("penalty", Value::Word("L2".into())),
        ("max_lipschitz", Value::Number(0.4)),
        ("decay", Value::Number(0.05)),
        ("norm", Value::Word("inf".into())),
        ("output_bias", Value::Switch(false)),
        ("linear_part", Value::Switch(true)),
        ("effort", Value::Word("high".into())),
        ("tolerance", Value::Texts(vec!["0.1sd".into()])),
        ("rounds", Value::Count(3)),
        ("tol", Value::Number(1e-4)),
        ("iterations", Value::Count(5)),
        ("loss", Value::Word("huber:1".into())),
    ];
    for method in Method::all() {
        let mut refused = Vec::new();
        for (name, value) in &asked {
            let mut recipe = Recipe { method: Some(method), ..Recipe::default() };
            recipe.set(name, value).unwrap();
            for command in [Command::Train, Command::Polish] {
                // A fit does not take one, whatever the method is.
                if *name == "tolerance" && command == Command::Train {
                    assert!(recipe.resolve(command).is_err());
                    continue;
                }
                if let Err(error) = recipe.resolve(command) {
                    let method = format!("the method `{}`", method.name());
                    let named = error.what.contains(&method) && error.what.contains(&value.in_words());
                    assert!(named && !error.hint.is_empty(), "{name}: {error:?}");
                    refused.push(*name);
                }
            }
        }
        refused.dedup();
        let expected: &[&str] = match method {
            Method::WALK => &["rounds"],
            Method::JOINT | Method::CELLS => &["effort", "tolerance", "rounds"],
            Method::ALTERNATING => &["effort", "tolerance"],
            Method::CONVEX => &["effort"],
            Method::SCENARIOS => &["max_lipschitz", "effort"],
            Method::ROBUST_CELLS => &["effort", "rounds"],
            Method::WEIGHT_DECAY => &["lipschitz_price", "penalty", "max_lipschitz", "effort", "tolerance", "rounds"],
            other if other.name() == "descent" => {
                &["max_lipschitz", "effort", "tolerance", "rounds", "tol", "iterations"]
            }
            other => panic!("say here what {other:?} refuses"),
        };
        assert_eq!(refused, expected, "{method:?}");
    }
    assert!(Loss::default().is_squared());
}

/// The method that is usual is none that was asked for.
#[test]
fn what_nobody_asked_for_is_not_named() {
    let refused = |command, said: &[(&str, Value)]| {
        let mut recipe = Recipe { norm: Norm::One, ..Recipe::default() };
        said.iter().for_each(|(name, value)| recipe.set(name, value).unwrap());
        recipe.resolve(command).unwrap_err().what
    };
    let amounts = |amounts: &[&str]| Value::Texts(amounts.iter().map(ToString::to_string).collect());
    let tolerance = ("tolerance", amounts(&["0.1", "a=2%"]));
    let method = ("method", Value::Word("walk".into()));
    for (command, said, asked) in [
        (Command::Train, vec![], "a fit"),
        (Command::Train, vec![("tolerance", amounts(&["0"]))], "a fit"),
        (Command::Train, vec![tolerance.clone()], "a fit for the tolerance `0.1, a=2%`"),
        (Command::Train, vec![method.clone()], "the method `walk`"),
        (Command::Polish, vec![], "a polish"),
        (Command::Polish, vec![tolerance], "a polish for the tolerance `0.1, a=2%`"),
        (Command::Polish, vec![method], "the method `walk`"),
        (Command::Compare, vec![], "a comparison"),
    ] {
        let what = format!("the norm `1` is for bounds only, and {asked} was asked for");
        assert_eq!(refused(command, &said), what);
    }
}

/// Beside a tolerance more effort is more search for what is asked: a walk within it, or more of the choice.
#[test]
fn effort_beside_a_tolerance() {
    let within = |effort, amount: &str| {
        let mut recipe = Recipe { effort, ..Recipe::default() };
        recipe.set("tolerance", &Value::Texts(vec![amount.into()])).unwrap();
        recipe
    };
    let polish = |effort| within(effort, "0.1sd").resolve(Command::Polish).unwrap().settings.polish;
    let [normal, high] = Effort::all().map(polish);
    assert_eq!((normal.method, high.method), (Method::CONVEX, Method::WALK));
    assert_eq!(high.walk, polish::Walk::thorough());
    let train = |effort| within(effort, "0.1sd").resolve(Command::Train).unwrap();
    let [normal, high] = Effort::all().map(train);
    assert_eq!(high.recipe, Recipe { effort: Effort::High, ..normal.recipe });
    let [normal, high] = [normal.choice, high.choice].map(Option::unwrap);
    assert_eq!(high, crate::choose::Settings { effort: 4.0, ..normal.clone() });
    assert_eq!(normal.effort, 1.0);
    // Without one, and with that of 0, it is the objective with prices.
    for recipe in [Recipe { effort: Effort::High, ..Recipe::default() }, within(Effort::High, "0")] {
        let plan = recipe.resolve(Command::Train).unwrap();
        assert_eq!((plan.settings.polish.method, plan.choice), (Method::WALK, None));
    }
}

#[test]
fn the_reference_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/settings.md");
    let page = reference();
    if std::env::var_os("TAUTNET_REFERENCE").is_some() {
        std::fs::create_dir_all(std::path::Path::new(path).parent().unwrap()).unwrap();
        std::fs::write(path, &page).unwrap();
    }
    let stored = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        stored == page,
        "make it anew: TAUTNET_REFERENCE=1 cargo test --release -p tautnet the_reference_is_up_to_date"
    );
}

#[test]
fn the_method_of_deep_networks_is_a_word_that_needs_layers() {
    let mut recipe = Recipe::default();
    recipe.set("method", &Value::Word(METHOD.into())).unwrap();
    assert!(recipe.deep && recipe.method.is_none());
    let field = Recipe::field("method").unwrap();
    assert_eq!(field.value(&recipe), Value::Word(METHOD.into()));
    let text = serde_json::to_string(&recipe).unwrap();
    assert_eq!(serde_json::from_str::<Recipe>(&text).unwrap(), recipe);
    for (command, what) in [(Command::Train, "no layers were asked for"), (Command::Polish, "a polish was asked for")] {
        let error = recipe.resolve(command).unwrap_err();
        assert!(error.what.contains(METHOD) && error.what.contains(what), "{error:?}");
    }
    // Another one takes its place, and a word that is none is refused with all that there are.
    recipe.set("method", &Value::Word("walk".into())).unwrap();
    assert!(!recipe.deep && recipe.resolve(Command::Train).is_ok());
    let error = recipe.set("method", &Value::Word("trivial".into())).unwrap_err();
    assert!(error.hint.contains("walk") && error.hint.contains(METHOD), "{error:?}");
}
