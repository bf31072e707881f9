//! Experiment files: TOML in which every choice has a sentence that says why, and tiers that replace some of them.

use crate::experiment::{Arm, Plan, Settings, base, method};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::path::Path;
use tautnet::Recipe;
use tautnet::attack;
use tautnet::error::{Error, Result};
use tautnet::limits::{Limit, Limits};
use tautnet::polish::{self, Walk};
use tautnet::recipe::{Kind, Search, Table, Value};
use tautnet::train::{Admm, Descent, Optimizer};
use tautnet_tables::limited::read_file;
use toml::Spanned;

/// A data set: what the experiment calls it, and DATA as every command takes it.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// The name in tables.
    pub name: String,
    /// A name that `tautnet data list` shows, or a file.
    pub data: String,
}

/// As the table of choices shows it.
impl std::fmt::Debug for Set {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.data.strip_prefix(&self.name) {
            Some(rest) if !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_') => write!(f, "{}", self.data),
            _ => write!(f, "{} = {}", self.name, self.data),
        }
    }
}

/// What is to be run, and how it came to be so.
#[derive(Debug)]
pub struct Experiment {
    /// What it is about.
    pub title: String,
    /// Every choice in words: name, value, why.
    pub choices: Vec<[String; 3]>,
    /// The data sets, in the order of the plan.
    pub sets: Vec<Set>,
    /// The plan.
    pub plan: Plan,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    title: String,
    arms: Vec<ArmEntry>,
    choices: Choices,
    tiers: BTreeMap<String, Tier>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ArmEntry {
    base: Spanned<String>,
    methods: Vec<Spanned<String>>,
    price: Price,
    why: String,
}

/// Which price the objective of an arm has.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Price {
    Lipschitz,
    Decay,
}

/// A choice that is a setting of the library: its type, its range and its words are those of the library's table.
trait OfTable {
    type Table: Table;
    const NAME: &'static str;
}

/// The value of such a choice, which goes into the table as it is.
#[derive(Clone)]
struct Setting<Of> {
    value: Value,
    of: PhantomData<Of>,
}

/// As the table of choices shows it.
impl<Of> std::fmt::Debug for Setting<Of> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.value {
            Value::Switch(value) => write!(f, "{value}"),
            Value::Number(value) => write!(f, "{value:?}"),
            other => f.write_str(&other.in_words()),
        }
    }
}

impl<'de, Of: OfTable> Deserialize<'de> for Setting<Of> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let given = toml::Value::deserialize(deserializer)?;
        let whole = matches!(Of::Table::field(Of::NAME).map(|field| field.kind), Some(Kind::Count(..)));
        let value = match given {
            toml::Value::Boolean(value) => Value::Switch(value),
            toml::Value::String(value) => Value::Word(value),
            toml::Value::Float(value) => Value::Number(value),
            toml::Value::Integer(value) if whole && value >= 0 => Value::Count(value as u64),
            toml::Value::Integer(value) => Value::Number(value as f64),
            other => return Err(D::Error::custom(format!("`{}` is {other:?}", Of::NAME))),
        };
        let set = Of::Table::default().set(Of::NAME, &value);
        set.map_err(|error| D::Error::custom(format!("{error}; {}", error.hint)))?;
        Ok(Self { value, of: PhantomData })
    }
}

macro_rules! of_table {
    ($($choice:ident: $table:ty, $name:literal;)*) => {
        $(
            #[derive(Clone, Copy)]
            struct $choice;

            impl OfTable for $choice {
                type Table = $table;
                const NAME: &'static str = $name;
            }
        )*
    };
}

of_table! {
    Hidden: Recipe, "hidden";
    Seed: Recipe, "seed";
    LossOf: Recipe, "loss";
    PriceOfBound: Recipe, "lipschitz";
    PriceOfWeights: Recipe, "decay";
    PenaltyOf: Recipe, "penalty";
    OutputBias: Recipe, "output_bias";
    Tolerance: Recipe, "tolerance";
    Restarts: Search, "restarts";
}

impl<Of: OfTable> Setting<Of> {
    fn put(&self, table: &mut Of::Table) {
        table.set(Of::NAME, &self.value).expect("it was checked where it was read");
    }
}

/// The numbers of a choice that is a list.
fn numbers<Of>(list: &[Setting<Of>]) -> impl Iterator<Item = f64> {
    list.iter().filter_map(|setting| match setting.value {
        Value::Number(value) => Some(value),
        _ => None,
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum OptimizerName {
    Adam,
    Momentum,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Choice<T> {
    value: T,
    why: String,
}

/// Every choice, once: in the file with its reason, in a tier without, and resolved.
macro_rules! choices {
    ($($name:ident: $kind:ty),* $(,)?) => {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Choices {
            $($name: Choice<$kind>,)*
        }

        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Tier {
            why: String,
            $($name: Option<$kind>,)*
        }

        struct Chosen {
            $($name: $kind,)*
        }

        impl Choices {
            fn of(&self, tier: &Tier) -> Chosen {
                Chosen { $($name: tier.$name.clone().unwrap_or_else(|| self.$name.value.clone()),)* }
            }

            fn in_words(&self, tier: &Tier) -> Vec<[String; 3]> {
                vec![$({
                    let (value, why) = match &tier.$name {
                        Some(value) => (format!("{value:?}"), format!("this tier: {}", tier.why)),
                        None => (format!("{:?}", self.$name.value), self.$name.why.clone()),
                    };
                    [stringify!($name).replace('_', " "), value, why]
                },)*]
            }
        }
    };
}

choices! {
    data: Vec<Set>,
    trials: u64,
    hidden_units: Setting<Hidden>,
    held_out: f64,
    seed: Setting<Seed>,
    loss: Setting<LossOf>,
    lipschitz: Vec<Setting<PriceOfBound>>,
    decay: Vec<Setting<PriceOfWeights>>,
    penalty: Setting<PenaltyOf>,
    output_bias: Setting<OutputBias>,
    start_decay: f64,
    optimizer: OptimizerName,
    rate: f64,
    batch: usize,
    epochs: usize,
    adversarial_radius: f64,
    adversarial_steps: usize,
    admm_penalty: f64,
    admm_steps: usize,
    admm_iterations: usize,
    rounds: usize,
    walk_rounds: usize,
    walk_steps: usize,
    walk_restarts: usize,
    walk_flips: usize,
    tolerance: Setting<Tolerance>,
    radii: Vec<f64>,
    restarts: Setting<Restarts>,
    attack_steps: usize,
}

/// Read a file on the disk.
pub fn read(path: &Path, tier: &str, limits: &Limits) -> Result<Experiment> {
    let source = path.display().to_string();
    let bytes = read_file(path, &source, limits)?;
    let text = String::from_utf8(bytes)
        .map_err(|error| Error::new(format!("{source} is not UTF-8 text ({error})"), "save the file as UTF-8"))?;
    // A value may be two bytes long; with its place and its key it is kept in several hundred.
    const CELLS_OF_VALUE: u64 = 10;
    let values = text.bytes().filter(|byte| b",=[{\n".contains(byte)).count() as u64;
    limits.check(Limit::Cells, &source, CELLS_OF_VALUE * values)?;
    parse(&source, &text, tier)
}

/// Read the text of a file; `source` is what messages call it.
pub fn parse(source: &str, text: &str, tier: &str) -> Result<Experiment> {
    let place = |at: usize| {
        let before = &text[..at.min(text.len())];
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|character| *character != '\n').count() + 1;
        format!("{source}: line {line}, column {column}")
    };
    let file: File = toml::from_str(text).map_err(|error| {
        let place = error.span().map_or(source.to_owned(), |span| place(span.start));
        let what = error.message().lines().collect::<Vec<_>>().join(" ");
        Error::new(format!("{place}: {what}"), "every choice is a table [choices.NAME] with `value` and `why`")
    })?;
    let tiers = || file.tiers.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    let tier = file
        .tiers
        .get(tier)
        .ok_or_else(|| Error::new(format!("{source} has no tier `{tier}`"), format!("choose one of: {}", tiers())))?;
    let chosen = file.choices.of(tier);
    let mut arms = Vec::new();
    for entry in &file.arms {
        let at = |name: &Spanned<String>, error: Error| {
            Error::new(format!("{}: {}", place(name.span().start), error.what), error.hint)
        };
        let base = base(entry.base.get_ref()).map_err(|error| at(&entry.base, error))?;
        let methods = entry.methods.iter().map(|name| method(name.get_ref()).map_err(|error| at(name, error)));
        let methods = methods.collect::<Result<Vec<_>>>()?;
        arms.extend(entry.prices(&chosen).into_iter().map(|(lipschitz, decay)| Arm {
            base,
            methods: methods.clone(),
            lipschitz,
            decay,
        }));
    }
    let mut choices = file.choices.in_words(tier);
    // An arm that has no price in this tier is not run.
    let run = file.arms.iter().filter(|entry| !entry.prices(&chosen).is_empty());
    choices.extend(run.map(|entry| {
        let methods: Vec<&str> = entry.methods.iter().map(|name| name.get_ref().as_str()).collect();
        [format!("from {}", entry.base.get_ref()), methods.join(", "), entry.why.clone()]
    }));
    let plan = Plan {
        data: chosen.data.iter().map(|set| set.name.clone()).collect(),
        trials: chosen.trials,
        arms,
        settings: settings(&chosen),
    };
    plan.check().map_err(|error| Error::new(format!("{source}: {}", error.what), error.hint))?;
    Ok(Experiment { title: file.title.clone(), choices, sets: chosen.data, plan })
}

impl ArmEntry {
    /// λ_L and λ_w of every arm that the entry stands for.
    fn prices(&self, chosen: &Chosen) -> Vec<(f64, f64)> {
        match self.price {
            Price::Lipschitz => numbers(&chosen.lipschitz).map(|price| (price, 0.0)).collect(),
            Price::Decay => numbers(&chosen.decay).map(|price| (0.0, price)).collect(),
        }
    }
}

impl Chosen {
    /// The choices that are settings of the recipe.
    fn recipe(&self) -> Recipe {
        let mut recipe = Recipe::default();
        self.hidden_units.put(&mut recipe);
        self.seed.put(&mut recipe);
        self.loss.put(&mut recipe);
        self.penalty.put(&mut recipe);
        self.output_bias.put(&mut recipe);
        self.tolerance.put(&mut recipe);
        recipe
    }
}

fn settings(chosen: &Chosen) -> Settings {
    let recipe = chosen.recipe();
    let mut search = Search::default();
    chosen.restarts.put(&mut search);
    let attack = attack::Settings::new(f64::INFINITY);
    let polish = polish::Settings {
        loss: recipe.loss.clone(),
        penalty: recipe.penalty,
        output_bias: recipe.output_bias,
        rounds: chosen.rounds,
        walk: Walk {
            rounds: chosen.walk_rounds,
            steps: chosen.walk_steps,
            restarts: chosen.walk_restarts,
            flips: chosen.walk_flips,
        },
        tolerance: recipe.tolerance,
        ..polish::Settings::default()
    };
    let optimizer = match chosen.optimizer {
        OptimizerName::Adam => Optimizer::Adam,
        OptimizerName::Momentum => Optimizer::Momentum { momentum: 0.9 },
    };
    Settings {
        units: recipe.hidden,
        held_out: chosen.held_out,
        seed: recipe.seed,
        radii: chosen.radii.clone(),
        attack: attack::Settings {
            loss: recipe.loss,
            restarts: search.restarts.unwrap_or(attack.restarts),
            steps: chosen.attack_steps,
            ..attack
        },
        descent: Descent {
            optimizer,
            rate: chosen.rate,
            batch: chosen.batch,
            epochs: chosen.epochs,
            decay: chosen.start_decay,
            ..Descent::default()
        },
        adversarial_radius: chosen.adversarial_radius,
        adversarial_steps: chosen.adversarial_steps,
        admm: Admm {
            penalty: chosen.admm_penalty,
            steps: chosen.admm_steps,
            iterations: chosen.admm_iterations,
            ..Admm::default()
        },
        polish,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = include_str!("../../../experiments/table-1.toml");

    #[test]
    fn the_files_that_come_with_the_program_are_good_in_every_tier() {
        for (name, text) in [("t", TABLE), ("f", include_str!("../../../experiments/figure-1.toml"))] {
            for tier in ["smoke", "quick", "paper"] {
                let experiment = parse(name, text, tier).unwrap();
                assert!(experiment.choices.iter().flatten().all(|word| !word.is_empty()));
                // Only the paper's own needs data that are no part of the program.
                let built_in =
                    experiment.sets.iter().all(|set| tautnet_tables::builtin::table(&set.data).unwrap().is_some());
                assert_eq!(built_in, tier != "paper");
            }
        }
        let paper = parse("t", TABLE, "paper").unwrap();
        assert_eq!((paper.plan.settings.units, paper.plan.trials, paper.sets.len()), (100, 10, 5));
        let high = parse("t", TABLE, "high").unwrap();
        assert_eq!((high.plan.arms.len(), high.sets), (1, paper.sets));
        let arms = |choices: &[[String; 3]]| choices.iter().filter(|[name, ..]| name.starts_with("from ")).count();
        assert_eq!((arms(&paper.choices), arms(&high.choices)), (2, 1), "what has no price is not run, and not listed");
        let walks = [paper.plan, high.plan].map(|plan| plan.settings.polish.walk);
        assert_eq!(walks, [Walk::default(), Walk::thorough()]);
    }

    #[test]
    fn a_loss_is_for_the_polish_and_for_the_attack() {
        let text = TABLE.replacen("value = \"squared\"", "value = \"huber:1\"", 1);
        // The start `admm` has the squared error alone, and says so.
        let error = parse("t", &text, "smoke").unwrap_err();
        assert!(error.what.contains("`admm` minimizes the squared error"), "{error:?}");
        let settings = parse("t", &text.replace("base = \"admm\"", "base = \"pgd\""), "smoke").unwrap().plan.settings;
        let loss: tautnet::Loss = "huber:1".parse().unwrap();
        assert_eq!((settings.polish.loss, settings.attack.loss), (loss.clone(), loss));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let line_of = |text: &str, part: &str| text.lines().position(|line| line.contains(part)).unwrap() + 1;
        for (from, to, tier, what) in [
            ("value = 100", "value = \"a\"", "smoke", "`hidden` is a"),
            ("value = \"L2\"", "value = \"L3\"", "smoke", "there is no penalty called `L3`"),
            ("value = \"squared\"", "value = \"cubic\"", "smoke", "there is no loss `cubic`"),
            ("value = 100", "valve = 100", "smoke", "unknown field `valve`"),
            ("value = 100", "value = = 100", "smoke", "line"),
            ("[choices.seed]", "[choices.sede]", "smoke", "unknown field `sede`"),
            ("\"c-l2\"", "\"c-l3\"", "smoke", "there is no method called `c-l3`"),
            ("base = \"sgd\"", "base = \"sdg\"", "smoke", "there is no starting network called `sdg`"),
            ("price = \"decay\"", "price = \"dekay\"", "smoke", "unknown variant `dekay`"),
        ] {
            let text = TABLE.replacen(from, to, 1);
            let error = parse("x.toml", &text, tier).unwrap_err();
            let place = format!("x.toml: line {}, column ", line_of(&text, to));
            assert!(error.what.starts_with(&place) && error.what.contains(what), "{place} {what}: {error:?}");
        }
        let error =
            parse("x.toml", &TABLE.replace("restarts]\nvalue = 3", "restarts]\nvalue = -3"), "smoke").unwrap_err();
        assert!(error.what.contains("`restarts` is -3"), "{error:?}");
        let error = parse("x.toml", &TABLE.replace("lipschitz = [0.01]", "lipschitz = [-1]"), "high").unwrap_err();
        assert!(error.what.contains("`lipschitz` is -1"), "{error:?}");
        let error = parse("x.toml", TABLE, "smok").unwrap_err();
        assert_eq!(
            (&*error.what, &*error.hint),
            ("x.toml has no tier `smok`", "choose one of: high, paper, quick, smoke")
        );
        let error = parse("x.toml", &TABLE.replace("value = 0.2", "value = 1.2"), "paper").unwrap_err();
        assert_eq!(error.what, "x.toml: the share of rows held out is 1.2");
        let error = parse("x.toml", "", "paper").unwrap_err();
        assert!(error.what.contains("missing field"), "{error:?}");
    }
}
