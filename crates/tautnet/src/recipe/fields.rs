//! Every setting, once: flags, Python's parameters, files and documentation are made of these lines.

use super::deep::METHOD;
use super::field::{Command, Field, Kind, Value, Word, put_count, put_number, put_switch, put_texts, put_word};
use super::plan::{USUAL, WITHIN_DECAY};
use super::settings::Recipe;
use super::table::Table;
use crate::deep_polish;
use crate::error::Error;
use crate::fit::DECAY;
use crate::polish::{Effort, LIMIT, Method, PRICE, Penalty, TOLERANCE};
use crate::requirement::Setting;
use crate::train::{Descent, Start};
use crate::{Loss, Norm, loss, tolerance::Shape};
use Command::{Attack, Compare, Polish, Predict, Reproduce, Train};

impl Table for Recipe {
    const FIELDS: &'static [Field] = &[
        Field {
            name: "hidden",
            group: "Network",
            symbol: "NUMBER",
            kind: Kind::Count(1, u64::MAX),
            help: "Hidden units",
            commands: &[Train, Compare, Reproduce],
            auto: &[Train],
            unsaid: |command| {
                let units = Recipe::default().units();
                Some(match command {
                    Train => format!("chosen by validation where there is a tolerance, else {units}"),
                    _ => units.to_string(),
                })
            },
            get: |recipe| recipe.hidden.map_or(Value::Nothing, |units| Value::Count(units as u64)),
            set: |recipe, value| put_count(value, &mut |count| recipe.hidden = Some(count as usize)),
            ..Field::PLAIN
        },
        Field {
            name: "start",
            group: "Network",
            symbol: "START",
            kind: Kind::Word(|| Start::all().map(|start| Word::new(start.name(), start.help())).collect()),
            help: "How the starting network is made",
            commands: &[Train],
            get: |recipe| Value::Word(recipe.start.name().into()),
            set: |recipe, value| put_word(value, &mut |start| recipe.start = start),
            ..Field::PLAIN
        },
        Field {
            name: "loss",
            group: "Objective",
            symbol: "LOSS",
            kind: Kind::WordWithNumber(|| {
                loss::ALL.iter().map(|entry| Word::new(entry.example(), entry.help_in_full())).collect()
            }),
            help: "What a wrong prediction costs",
            more: "In units in which the network meets the data: a threshold is in standard deviations of the target, unless the \
                   columns are used as they are.",
            commands: &[Train, Polish, Compare, Attack, Reproduce],
            unsaid: |command| match command {
                Polish | Attack => Some(format!("that of the model file; {} for a plain network", Loss::default())),
                _ => None,
            },
            get: |recipe| Value::Word(recipe.loss.name()),
            set: |recipe, value| put_word(value, &mut |loss| recipe.loss = loss),
            ..Field::PLAIN
        },
        Field {
            name: "lipschitz_price",
            before: &["lipschitz"],
            group: "Objective",
            symbol: "λ",
            kind: Kind::Number(PRICE),
            help: "Price λ of the Lipschitz bound",
            more: "The methods of weight decay have none.",
            commands: &[Train, Polish, Compare, Reproduce],
            auto: &[Train],
            unsaid: |command| {
                let price = Method::JOINT.default_prices().0;
                let none: Vec<String> = Method::all()
                    .filter(|method| {
                        method.default_prices().0 == 0.0 && (command != Train || !method.uses(Setting::Lipschitz))
                    })
                    .map(|method| format!("`{}`", method.name()))
                    .collect();
                let none = format!("0 within a tolerance and for {}", none.join(", "));
                Some(match command {
                    Train => format!("chosen by validation on the error under attack; {none}"),
                    _ => format!("{price}; {none}"),
                })
            },
            get: |recipe| recipe.lipschitz_price.map_or(Value::Nothing, Value::Number),
            set: |recipe, value| put_number(value, &mut |price| recipe.lipschitz_price = Some(price)),
        },
        Field {
            name: "method",
            group: "Objective",
            symbol: "METHOD",
            kind: Kind::Word(|| {
                let deep = Word::new(METHOD, "deep networks (`layers`), by the product of the norms of their layers")
                    .only(&[Train]);
                Method::all().map(|method| Word::new(method.name(), method.help())).chain([deep]).collect()
            }),
            help: "Which convex program is solved",
            commands: &[Train, Polish],
            unsaid: |command| {
                let [normal, high] = Effort::all().map(|effort| effort.method().name());
                let convex = Method::CONVEX.name();
                let high = format!("{high} where the effort is `{}`", Effort::High.name());
                Some(match command {
                    Polish => format!("{normal}; {high}; else {convex} where there is a tolerance"),
                    _ => format!("{normal}; {high}"),
                })
            },
            get: |recipe| match (recipe.method, recipe.deep) {
                (Some(method), _) => Value::Word(method.name().into()),
                (None, true) => Value::Word(METHOD.into()),
                (None, false) => Value::Nothing,
            },
            set: |recipe, value| {
                recipe.deep = *value == Value::Word(METHOD.into());
                if recipe.deep {
                    recipe.method = None;
                    return Ok(());
                }
                put_word(value, &mut |method| recipe.method = Some(method))
                    .map_err(|error| Error::new(error.what, format!("{}; or {METHOD}", error.hint)))
            },
            ..Field::PLAIN
        },
        Field {
            name: "effort",
            group: "Objective",
            symbol: "EFFORT",
            kind: Kind::Word(|| Effort::all().iter().map(|effort| Word::new(effort.name(), effort.help())).collect()),
            help: "How much time to give to the search for better activation patterns",
            commands: &[Train, Polish],
            get: |recipe| Value::Word(recipe.effort.name().into()),
            set: |recipe, value| put_word(value, &mut |effort| recipe.effort = effort),
            ..Field::PLAIN
        },
        Field {
            name: "decay",
            group: "Objective",
            symbol: "λ",
            kind: Kind::Number(PRICE),
            help: "Price of the weights, Σ ‖(w_i, b_i)‖ |v_i|",
            commands: &[Train, Polish, Compare, Reproduce],
            unsaid: |command| {
                let (none, decay) = (Method::JOINT.default_prices().1, Method::WEIGHT_DECAY.default_prices().1);
                Some(match command {
                    Train => format!("chosen by validation where there is a tolerance, else {DECAY}"),
                    Compare => format!(
                        "{} for the starting networks and the methods of weight decay",
                        Descent::default().decay
                    ),
                    _ => format!(
                        "{none}; {WITHIN_DECAY} within a tolerance, {decay} for the method `{}`",
                        Method::WEIGHT_DECAY.name()
                    ),
                })
            },
            get: |recipe| recipe.decay.map_or(Value::Nothing, Value::Number),
            set: |recipe, value| put_number(value, &mut |price| recipe.decay = Some(price)),
            ..Field::PLAIN
        },
        Field {
            name: "max_lipschitz",
            group: "Objective",
            symbol: "L",
            kind: Kind::Number(LIMIT),
            help: "Keep the Lipschitz bound at or below this",
            commands: &[Train, Polish],
            unsaid: |_| Some("no limit".into()),
            get: |recipe| recipe.max_lipschitz.map_or(Value::Nothing, Value::Number),
            set: |recipe, value| put_number(value, &mut |limit| recipe.max_lipschitz = Some(limit)),
            ..Field::PLAIN
        },
        Field {
            name: "norm",
            group: "Objective",
            symbol: "NORM",
            kind: Kind::Word(|| {
                let norms = [Norm::Two, Norm::Infinity, Norm::One].into_iter();
                norms.map(|norm| Word::new(norm.name(), norm.help())).collect()
            }),
            help: "Norm of input changes",
            commands: &[Train, Polish, Compare, Attack],
            unsaid: |command| {
                let usual = Recipe::default().norm.name();
                match command {
                    Attack => Some(format!("that of the model's certificate; {usual} without one")),
                    Polish => Some(format!("{usual}; that of the model file where the network is deep")),
                    _ => None,
                }
            },
            get: |recipe| Value::Word(recipe.norm.name().into()),
            set: |recipe, value| put_word(value, &mut |norm| recipe.norm = norm),
            ..Field::PLAIN
        },
        Field {
            name: "penalty",
            group: "Objective",
            symbol: "PENALTY",
            kind: Kind::Word(|| {
                Penalty::all().iter().map(|penalty| Word::new(penalty.name(), penalty.help())).collect()
            }),
            help: "Whether the price is on the bound or on its square",
            commands: &[Train, Polish, Compare, Reproduce],
            get: |recipe| Value::Word(recipe.penalty.name().into()),
            set: |recipe, value| put_word(value, &mut |penalty| recipe.penalty = penalty),
            ..Field::PLAIN
        },
        Field {
            name: "output_bias",
            group: "Objective",
            kind: Kind::Switch("Hold the output bias at zero"),
            help: "Whether the output bias is free; if not, it is held at zero",
            more: "In the units in which the network is stated here: standardized ones, if nothing else is said. Where a polish finds \
                   no network without an output bias that is better than the given one, which has one, the given one comes back, \
                   and the reason.",
            commands: &[Train, Polish, Compare, Reproduce],
            get: |recipe| Value::Switch(recipe.output_bias),
            set: |recipe, value| put_switch(value, &mut |free| recipe.output_bias = free),
            ..Field::PLAIN
        },
        Field {
            name: "linear_part",
            group: "Network",
            kind: Kind::Switch("Give the network a linear part a·x beside its units"),
            help: "Whether the network has a linear part a·x beside its units",
            more: "The decay does not price it; the bound counts it. A network that has one keeps it.",
            commands: &[Train, Polish, Compare],
            get: |recipe| Value::Switch(recipe.linear_part),
            set: |recipe, value| put_switch(value, &mut |wanted| recipe.linear_part = wanted),
            ..Field::PLAIN
        },
        Field {
            name: "tolerance",
            group: "Tolerance",
            symbol: "COLUMN=AMOUNT",
            kind: Kind::Texts("COLUMN=AMOUNT or an amount: 0.5, 2%, 2%+0.1, 0.1sd or exact"),
            help: "How wrong the values of an input can be",
            more: "An amount is a number in the units of the column (0.5), a part of the value in the row (2%, or 2%+0.1 with a part \
                   beside it), a part of the column's standard deviation in the rows learned from (0.1sd), or exact. An amount alone is \
                   for every input of numbers that is not named. Inputs of words are exact. `exact` alone says that every input is; so \
                   does the tolerance 0, with which `train` minimizes an objective with prices in the place of the error on other rows. \
                   What is made then has a small worst case within it, and the model keeps it. An attack and a prediction tell what \
                   errors within it can do.",
            commands: &[Train, Polish, Attack, Predict],
            unsaid: |command| {
                Some(match command {
                    Train => format!("{USUAL}, unless a price, a limit or a method is given"),
                    Attack | Predict => "what the model was made for".into(),
                    _ => "every input is exact".into(),
                })
            },
            get: |recipe| Value::Texts(recipe.tolerance.entries.iter().map(ToString::to_string).collect()),
            set: |recipe, value| put_texts(value, &mut |entries| recipe.tolerance.entries = entries),
            ..Field::PLAIN
        },
        Field {
            name: "tolerance_shape",
            group: "Tolerance",
            symbol: "SHAPE",
            kind: Kind::Word(|| Shape::ALL.map(|shape| Word::new(shape.name(), shape.help())).to_vec()),
            help: "How the errors of several inputs come together",
            commands: &[Train, Polish, Attack, Predict],
            unsaid: |command| {
                matches!(command, Attack | Predict)
                    .then(|| format!("that of the model; {} where it has none", Shape::default()))
            },
            get: |recipe| Value::Word(recipe.tolerance.shape.name().into()),
            set: |recipe, value| put_word(value, &mut |shape| recipe.tolerance.shape = shape),
            ..Field::PLAIN
        },
        Field {
            name: "rounds",
            group: "Objective",
            symbol: "NUMBER",
            kind: Kind::Count(1, u64::MAX),
            help: "Most rounds of the methods that have rounds",
            more: "Those are `convex`, which ends earlier where a round gains little, and `alternating`.",
            commands: &[Polish, Reproduce],
            get: |recipe| Value::Count(recipe.rounds as u64),
            set: |recipe, value| put_count(value, &mut |count| recipe.rounds = count as usize),
            ..Field::PLAIN
        },
        Field {
            name: "tol",
            group: "Objective",
            symbol: "GAP",
            kind: Kind::Number(TOLERANCE),
            help: "Relative duality gap to reach",
            commands: &[Train, Polish, Reproduce],
            unsaid: |command| {
                let [usual, deep] = [Recipe::default().tol, deep_polish::Settings::default().tolerance];
                (command == Polish).then(|| format!("{usual:e}; {deep:e} where the network is deep"))
            },
            get: |recipe| Value::Number(recipe.tol),
            set: |recipe, value| put_number(value, &mut |gap| recipe.tol = gap),
            ..Field::PLAIN
        },
        Field {
            name: "iterations",
            group: "Objective",
            symbol: "NUMBER",
            kind: Kind::Count(1, 100_000),
            help: "Most iterations of one convex program",
            more: "The best so far comes back, with the gap that was reached.",
            commands: &[Train, Polish],
            get: |recipe| Value::Count(recipe.iterations as u64),
            set: |recipe, value| put_count(value, &mut |count| recipe.iterations = count as usize),
            ..Field::PLAIN
        },
        Field {
            name: "seed",
            group: "Data",
            symbol: "NUMBER",
            kind: Kind::Count(0, u64::MAX),
            help: "Seed of everything that is drawn",
            commands: &[Train, Polish, Compare, Attack, Reproduce],
            get: |recipe| Value::Count(recipe.seed),
            set: |recipe, value| put_count(value, &mut |seed| recipe.seed = seed),
            ..Field::PLAIN
        },
    ];
}
