//! Experiment files: TOML in which every choice has a sentence that says why, and tiers that replace some of them.

use crate::experiment::{Arm, Plan, Sample, Settings, base, digest_samples, method};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::path::Path;
use tautnet::Recipe;
use tautnet::attack;
use tautnet::error::{Error, Result};
use tautnet::limits::{Limit, Limits};
use tautnet::polish;
use tautnet::recipe::{Front, Judge, Kind, Rounds, Search, Starts, Table, Value, told};
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
    /// The rows that each trial holds out, where they are given: a file with a column for each trial, 1 in the rows held out and 0 in
    /// the others, named as `data` is.
    #[serde(default)]
    pub splits: Option<String>,
}

/// As the table of choices shows it.
impl std::fmt::Debug for Set {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.data.strip_prefix(&self.name) {
            Some(rest) if !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_') => write!(f, "{}", self.data)?,
            _ => write!(f, "{} = {}", self.name, self.data)?,
        }
        self.splits.as_ref().map_or(Ok(()), |splits| write!(f, " by {splits}"))
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

impl Experiment {
    /// A digest of everything that the numbers depend on but the program itself: its version, what the file says, and the data.
    ///
    /// It is that of the file's words, not of the program's settings: a setting that is new to the program, and that the file
    /// does not name, leaves results what they are.
    pub fn fingerprint(&self, version: &str, data: &[Sample]) -> String {
        let Plan { data: names, trials, arms, settings: _ } = &self.plan;
        let values: Vec<_> = self.choices.iter().map(|[name, value, _]| [name, value]).collect();
        digest_samples(&format!("{version} {names:?} {trials} {arms:?} {values:?}"), data)
    }
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
#[serde(rename_all = "snake_case")]
enum Price {
    LipschitzPrice,
    Decay,
}

/// A choice that is a setting of the library: its type, its range and its words are those of the library's table.
trait OfTable {
    type Table: InTables;
    /// The name in the file.
    const KEY: &'static str;
    /// The name of the setting.
    const NAME: &'static str;
}

/// The value of such a choice, which goes into the table as it is.
struct Setting<Of> {
    value: Value,
    of: PhantomData<Of>,
}

impl<Of> Clone for Setting<Of> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), of: PhantomData }
    }
}

/// As the table of choices shows it.
impl<Of> std::fmt::Debug for Setting<Of> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.value {
            Value::Switch(value) => write!(f, "{value}"),
            Value::Number(value) => write!(f, "{value:?}"),
            Value::Numbers(values) => write!(f, "{values:?}"),
            other => f.write_str(&other.in_words()),
        }
    }
}

impl<'de, Of: OfTable> Deserialize<'de> for Setting<Of> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let refused = |what: String| D::Error::custom(format!("`{}` {what}", Of::KEY));
        let field = Of::Table::field(Of::NAME).ok_or_else(|| refused("is no setting".into()))?;
        let value = of_toml(&field.kind, toml::Value::deserialize(deserializer)?)
            .map_err(|what| refused(format!("is {what}; give {}", field.kind.in_words())))?;
        Of::Table::default().set(Of::NAME, &value).map_err(|error| {
            // The file has its own names.
            let what = error.what.replacen(&format!("`{}`", field.flag()), &format!("`{}`", Of::KEY), 1);
            D::Error::custom(format!("{what}; {}", told(&error.hint, Front::CommandLine)))
        })?;
        Ok(Self { value, of: PhantomData })
    }
}

/// A value of TOML as one of a setting of this kind, or what it is where there is none.
fn of_toml(kind: &Kind, given: toml::Value) -> std::result::Result<Value, &'static str> {
    let number = |given: &toml::Value| match given {
        toml::Value::Float(value) => Ok(*value),
        toml::Value::Integer(value) => Ok(*value as f64),
        toml::Value::Array(_) => Err("a list"),
        toml::Value::Table(_) => Err("a table"),
        toml::Value::Datetime(_) => Err("a date"),
        toml::Value::Boolean(_) | toml::Value::String(_) => Err("a list of something else than numbers"),
    };
    Ok(match (kind, given) {
        (_, toml::Value::Boolean(value)) => Value::Switch(value),
        (_, toml::Value::String(value)) => Value::Word(value),
        (Kind::Count(..), toml::Value::Integer(value)) if value >= 0 => Value::Count(value as u64),
        (Kind::Numbers(_), toml::Value::Array(values)) => {
            Value::Numbers(values.iter().map(number).collect::<std::result::Result<_, _>>()?)
        }
        (_, given) => Value::Number(number(&given)?),
    })
}

/// The library's tables of which an experiment file says something.
#[derive(Default)]
struct Tables {
    recipe: Recipe,
    starts: Starts,
    rounds: Rounds,
    judge: Judge,
    search: Search,
}

/// A table among them.
trait InTables: Table {
    fn of(tables: &mut Tables) -> &mut Self;
}

macro_rules! in_tables {
    ($($table:ident: $name:ident),*) => {
        $(
            impl InTables for $table {
                fn of(tables: &mut Tables) -> &mut Self {
                    &mut tables.$name
                }
            }
        )*
    };
}

in_tables!(Recipe: recipe, Starts: starts, Rounds: rounds, Judge: judge, Search: search);

/// A choice that may have a place in a table.
trait Put {
    fn put(&self, tables: &mut Tables);
}

impl<Of: OfTable> Put for Setting<Of> {
    fn put(&self, tables: &mut Tables) {
        Of::Table::of(tables).set(Of::NAME, &self.value).expect("it was checked where it was read");
    }
}

/// Of a list, each value is for an arm of its own.
impl<T> Put for Vec<T> {
    fn put(&self, _: &mut Tables) {}
}

/// The numbers of a choice that is a list of values of one setting.
fn numbers<Of>(list: &[Setting<Of>]) -> impl Iterator<Item = f64> {
    list.iter().filter_map(|setting| match setting.value {
        Value::Number(value) => Some(value),
        _ => None,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Choice<T> {
    value: T,
    why: String,
}

/// Every choice, once: in the file with its reason, in a tier without, and resolved; and which setting of the library it is.
macro_rules! choices {
    ($($name:ident: $kind:ty $(= $table:ident $setting:literal)?;)*) => {
        /// The choices that are settings of a table, as types of their names.
        #[allow(non_camel_case_types)]
        mod of {
            $($(
                #[doc = $setting]
                pub enum $name {}
            )?)*
        }

        $($(
            impl OfTable for of::$name {
                type Table = $table;
                const KEY: &'static str = stringify!($name);
                const NAME: &'static str = $setting;
            }
        )?)*

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

        impl Chosen {
            /// The settings of the library, with what was chosen in its place.
            fn tables(&self) -> Tables {
                let mut tables = Tables::default();
                $(self.$name.put(&mut tables);)*
                tables
            }
        }

        /// Which setting of which table a choice is.
        #[cfg(test)]
        const SETTINGS: &[(&str, &str)] = &[$($((stringify!($table), $setting),)?)*];
    };
}

choices! {
    data: Vec<Set>;
    trials: Setting<of::trials> = Judge "trials";
    hidden_units: Setting<of::hidden_units> = Recipe "hidden";
    held_out: Setting<of::held_out> = Judge "test";
    seed: Setting<of::seed> = Recipe "seed";
    loss: Setting<of::loss> = Recipe "loss";
    lipschitz_price: Vec<Setting<of::lipschitz_price>> = Recipe "lipschitz_price";
    decay: Vec<Setting<of::decay>> = Recipe "decay";
    penalty: Setting<of::penalty> = Recipe "penalty";
    output_bias: Setting<of::output_bias> = Recipe "output_bias";
    start_decay: Setting<of::start_decay> = Starts "start_decay";
    optimizer: Setting<of::optimizer> = Starts "optimizer";
    rate: Setting<of::rate> = Starts "rate";
    batch: Setting<of::batch> = Starts "batch";
    epochs: Setting<of::epochs> = Starts "epochs";
    adversarial_radius: Setting<of::adversarial_radius> = Starts "adversarial_radius";
    adversarial_steps: Setting<of::adversarial_steps> = Starts "adversarial_steps";
    admm_penalty: Setting<of::admm_penalty> = Starts "admm_penalty";
    admm_steps: Setting<of::admm_steps> = Starts "admm_steps";
    admm_iterations: Setting<of::admm_iterations> = Starts "admm_iterations";
    rounds: Setting<of::rounds> = Recipe "rounds";
    walk_rounds: Setting<of::walk_rounds> = Rounds "walk_rounds";
    walk_steps: Setting<of::walk_steps> = Rounds "walk_steps";
    walk_restarts: Setting<of::walk_restarts> = Rounds "walk_restarts";
    walk_flips: Setting<of::walk_flips> = Rounds "walk_flips";
    walk_soft: Setting<of::walk_soft> = Rounds "walk_soft";
    tol: Setting<of::tol> = Recipe "tol";
    radii: Setting<of::radii> = Judge "radius";
    restarts: Setting<of::restarts> = Search "restarts";
    attack_steps: Setting<of::attack_steps> = Search "attack_steps";
}

/// Read a file on the disk.
pub fn read(path: &Path, tier: &str, limits: &Limits) -> Result<Experiment> {
    parse(&path.display().to_string(), &text(path, limits)?, tier)
}

/// The text of a file on the disk.
pub(crate) fn text(path: &Path, limits: &Limits) -> Result<String> {
    let source = path.display().to_string();
    let bytes = read_file(path, &source, limits)?;
    let text = String::from_utf8(bytes)
        .map_err(|error| Error::new(format!("{source} is not UTF-8 text ({error})"), "save the file as UTF-8"))?;
    // A value may be two bytes long; with its place and its key it is kept in several hundred.
    const CELLS_OF_VALUE: u64 = 10;
    let values = text.bytes().filter(|byte| b",=[{\n".contains(byte)).count() as u64;
    limits.check(Limit::Cells, &source, CELLS_OF_VALUE * values)?;
    Ok(text)
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
            lipschitz_price: lipschitz,
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
    let tables = chosen.tables();
    let plan = Plan {
        data: chosen.data.iter().map(|set| set.name.clone()).collect(),
        trials: tables.judge.trials,
        arms,
        settings: settings(tables),
    };
    plan.check().map_err(|error| Error::new(format!("{source}: {}", error.what), error.hint))?;
    Ok(Experiment { title: file.title.clone(), choices, sets: chosen.data, plan })
}

impl ArmEntry {
    /// λ_L and λ_w of every arm that the entry stands for.
    fn prices(&self, chosen: &Chosen) -> Vec<(f64, f64)> {
        match self.price {
            Price::LipschitzPrice => numbers(&chosen.lipschitz_price).map(|price| (price, 0.0)).collect(),
            Price::Decay => numbers(&chosen.decay).map(|price| (0.0, price)).collect(),
        }
    }
}

fn settings(tables: Tables) -> Settings {
    let Tables { recipe, starts, rounds, judge, search } = tables;
    let attack = attack::Settings::new(f64::INFINITY);
    let polish = polish::Settings {
        loss: recipe.loss.clone(),
        penalty: recipe.penalty,
        output_bias: recipe.output_bias,
        rounds: recipe.rounds,
        walk: rounds.walk,
        tol: recipe.tol,
        ..polish::Settings::default()
    };
    Settings {
        units: recipe.units(),
        held_out: judge.test,
        seed: recipe.seed,
        radii: judge.radius,
        attack: attack::Settings {
            loss: recipe.loss,
            restarts: search.restarts.unwrap_or(attack.restarts),
            steps: search.steps,
            ..attack
        },
        descent: starts.descent,
        adversarial_radius: starts.adversarial.radius,
        adversarial_steps: starts.adversarial.steps,
        admm: starts.admm,
        polish,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tautnet::polish::Walk;
    use tautnet::recipe::Command;

    const TABLE: &str = include_str!("../../../experiments/table-1.toml");

    #[test]
    fn the_files_that_come_with_the_program_are_good_in_every_tier() {
        for (name, text) in [
            ("t", TABLE),
            ("f", include_str!("../../../experiments/figure-1.toml")),
            ("t-splits", include_str!("../../../experiments/table-1-given-splits.toml")),
            ("f-splits", include_str!("../../../experiments/figure-1-given-splits.toml")),
        ] {
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
        assert_eq!(walks, [Walk::default(), Walk::thorough()].map(|walk| Walk { soft: 0, ..walk }));
    }

    #[test]
    fn a_fingerprint_is_of_what_the_file_says_and_not_of_its_reasons() {
        let print = |text: &str| parse("t", text, "smoke").unwrap().fingerprint("1", &[]);
        let why = TABLE.find("why = \"").unwrap() + 7;
        let reasoned = format!("{}Because. {}", &TABLE[..why], &TABLE[why..]);
        assert_eq!(print(TABLE), print(&reasoned));
        let value = TABLE.replace("[choices.seed]\nvalue = 0", "[choices.seed]\nvalue = 1");
        let arm = TABLE.replacen("\"c-l2\"", "\"joint\"", 1);
        assert!(value != TABLE && arm != TABLE);
        assert!([value, arm].iter().all(|other| print(other) != print(TABLE)));
        let paper = parse("t", TABLE, "paper").unwrap();
        assert_ne!(paper.fingerprint("1", &[]), print(TABLE));
        assert_ne!(paper.fingerprint("1", &[]), paper.fingerprint("2", &[]));
    }

    #[test]
    fn the_choices_are_the_settings_that_experiment_files_have() {
        fn of<T: Table>(table: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
            T::fields(Command::Reproduce).map(move |field| (table, field.name))
        }
        let mut known: Vec<_> =
            of::<Recipe>("Recipe").chain(of::<Starts>("Starts")).chain(of::<Rounds>("Rounds")).collect();
        known.extend(of::<Judge>("Judge").chain(of::<Search>("Search")));
        let mut chosen = SETTINGS.to_vec();
        known.sort_unstable();
        chosen.sort_unstable();
        assert_eq!(chosen, known);
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
            ("value = 100", "value = \"a\"", "smoke", "`hidden_units` is a"),
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
        let error =
            parse("x.toml", &TABLE.replace("lipschitz_price = [0.01]", "lipschitz_price = [-1]"), "high").unwrap_err();
        assert!(error.what.contains("`lipschitz_price` is -1"), "{error:?}");
        let error = parse("x.toml", TABLE, "smok").unwrap_err();
        assert_eq!(
            (&*error.what, &*error.hint),
            ("x.toml has no tier `smok`", "choose one of: high, paper, quick, smoke")
        );
        for (choice, what) in [
            ("held_out]\nvalue = 1.2", "`held_out` is 1.2; give a number between 0 and 1"),
            ("radii]\nvalue = [0.1, -1]", "`radii` is 0.1, -1; give a list of numbers"),
            ("radii]\nvalue = 0.1", "`radii` is 0.1; give a list of numbers"),
            ("optimizer]\nvalue = \"newton\"", "there is no optimizer called `newton`; choose one of: adam, momentum"),
            ("rate]\nvalue = 0", "`rate` is 0; give a finite number above 0"),
            ("epochs]\nvalue = 0", "`epochs` is 0; give a whole number, 1 or more"),
            ("trials]\nvalue = [3]", "`trials` is a list; give a whole number from 1 to 10000"),
        ] {
            let (head, _) = choice.split_once('\n').unwrap();
            let at = TABLE.find(&format!("[choices.{head}")).unwrap() + "[choices.".len();
            let end = at + TABLE[at..].find("\nwhy").unwrap();
            let text = [&TABLE[..at], choice, &TABLE[end..]].concat();
            let error = parse("x.toml", &text, "paper").unwrap_err();
            assert!(error.what.contains(what) && error.what.contains(": line "), "{choice}: {error:?}");
        }
        let error = parse("x.toml", "", "paper").unwrap_err();
        assert!(error.what.contains("missing field"), "{error:?}");
    }
}
