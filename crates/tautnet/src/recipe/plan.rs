//! From what was said to what is done.

use super::deep::METHOD;
use super::field::{Command, Value};
use super::settings::Recipe;
use super::table::Table;
use crate::error::{Error, Result};
use crate::fit::{self, Price};
use crate::polish::{self, Effort, Method, Setting};
use crate::requirement::{self, Asked};
use crate::{choose, select, tolerance, train};
use std::collections::BTreeMap;

/// The tolerance of a fit where nothing else is said.
pub const USUAL: &str = "0.1sd";

/// λ_w where a network is polished within a tolerance. Found on ten tables that networks of scikit-learn were polished on: more makes
/// the worst case on rows held out smaller still, but may raise it on those learned from.
pub(super) const WITHIN_DECAY: f64 = 3e-3;

/// The settings that something was made by: each by its name, with the command and the name of the data.
pub type Record = BTreeMap<String, Value>;

/// What is done, checked: every setting has a value, and all of them go together.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The command that the plan is for.
    pub command: Command,
    /// The recipe with a value wherever something was decided.
    pub recipe: Recipe,
    /// The starting network, the convex program and the price.
    pub settings: fit::Settings,
    /// What the network is chosen from, where a fit makes the worst case within a tolerance small.
    pub choice: Option<choose::Settings>,
}

impl Recipe {
    /// What is done where this is asked for, or why it cannot be done.
    pub fn resolve(&self, command: Command) -> Result<Plan> {
        if self.deep {
            return Err(match command {
                Command::Polish => Error::new(
                    format!("the method `{METHOD}` trains deep networks, and a polish was asked for"),
                    "leave it out: deep networks are polished layer by layer, others by the methods of their convex programs",
                ),
                _ => Error::new(
                    format!("the method `{METHOD}` is about deep networks, and no layers were asked for"),
                    "give the units of the hidden layers too: ⟨layers=64,64⟩",
                ),
            });
        }
        Self::FIELDS.iter().try_for_each(|field| field.check(&(field.get)(self)))?;
        if command == Command::Train {
            if let Some(plan) = self.within_tolerance()? {
                return Ok(plan);
            }
            // Every input is exact.
            let exact = Self { tolerance: tolerance::Asked::default(), ..self.clone() };
            return exact.at_a_price(command);
        }
        if command == Command::Polish && !self.tolerance.is_exact() {
            self.check_norm("a polish for ")?;
            return self.within_a_tolerance().at_a_price(command);
        }
        self.at_a_price(command)
    }

    /// The fit that makes the worst case within the tolerance small: where one was asked for, and where nothing was asked for that
    /// belongs to the objective with prices.
    fn within_tolerance(&self) -> Result<Option<Plan>> {
        let usual = Self::default();
        let given = !self.tolerance.entries.is_empty();
        let priced = [
            ("lipschitz_price", self.lipschitz_price.is_some()),
            ("max-lipschitz", self.max_lipschitz.is_some()),
            ("method", self.method.is_some()),
            // A choice can use more time, too.
            ("effort", !given && self.effort != usual.effort),
            ("penalty", self.penalty != usual.penalty),
            ("start", self.start != usual.start),
            ("tol", self.tol != usual.tol),
            ("iterations", self.iterations != usual.iterations),
        ];
        let priced = priced.iter().find_map(|(name, asked)| asked.then_some(*name));
        let asked = match (given, priced) {
            (false, Some(_)) => return Ok(None),
            (false, None) => tolerance::Asked { entries: vec![USUAL.parse()?], ..self.tolerance.clone() },
            (true, _) if self.tolerance.is_zero() => return Ok(None),
            (true, Some(_)) if self.tolerance.is_exact() => return Ok(None),
            (true, Some(name)) => {
                return Err(Error::new(
                    format!(
                        "`{name}` was given with a tolerance of the inputs; it belongs to the objective with prices"
                    ),
                    format!("leave ⟨{}⟩ out, or give ⟨tolerance=0⟩: then every input is exact", name.replace('-', "_")),
                ));
            }
            (true, None) => self.tolerance.clone(),
        };
        // Said here, where the tolerance is still known.
        if given {
            self.check_norm("a fit for ")?;
        }
        let exact = Self { tolerance: tolerance::Asked::default(), effort: usual.effort, ..self.clone() };
        let plan = exact.at_a_price(Command::Train)?;
        let Plan { settings, recipe, .. } = plan;
        let common = settings.start.common();
        let choice = choose::Settings {
            common,
            units: self.hidden,
            decay: self.decay,
            effort: self.effort.of_a_choice(),
            classes: None,
        };
        let recipe = Self {
            tolerance: asked,
            hidden: self.hidden,
            decay: self.decay,
            method: None,
            effort: self.effort,
            lipschitz_price: None,
            ..recipe
        };
        Ok(Some(Plan { command: Command::Train, recipe, settings, choice: Some(choice) }))
    }

    /// The recipe of a polish within a tolerance, with the method and the prices that are usual there in the place of what was not
    /// said. A tolerance in numbers, which a recipe has no words for, needs it said.
    pub fn within_a_tolerance(&self) -> Self {
        let method = self.method_within(true);
        let mut recipe = Self { method: Some(method), ..self.clone() };
        if method.uses(Setting::Tolerance) {
            // A tolerance stands where a price of the bound would.
            recipe.lipschitz_price = self.lipschitz_price.or(Some(0.0));
            recipe.decay = self.decay.or(Some(WITHIN_DECAY));
        }
        recipe
    }

    /// The method, beside a tolerance or without.
    fn method_within(&self, tolerance: bool) -> Method {
        let convex = tolerance && self.effort == Effort::Normal;
        self.method.unwrap_or(if convex { Method::CONVEX } else { self.effort.method() })
    }

    fn at_a_price(&self, command: Command) -> Result<Plan> {
        let method = self.method_within(!self.tolerance.is_empty());
        let own = polish::Settings::of(method);
        let decay = if command == Command::Train { fit::DECAY } else { own.decay };
        let polish = polish::Settings {
            loss: self.loss.clone(),
            lipschitz_price: self.lipschitz_price.unwrap_or(own.lipschitz_price),
            decay: self.decay.unwrap_or(decay),
            max_lipschitz: self.max_lipschitz,
            norm: self.norm,
            penalty: self.penalty,
            output_bias: self.output_bias,
            linear_part: self.linear_part,
            tol: self.tol,
            rounds: self.rounds,
            iterations: self.iterations,
            walk: self.effort.walk(),
            ..own
        };
        self.check(command, &polish)?;
        if command != Command::Polish && !self.tolerance.is_empty() {
            return Err(Error::new(
                format!("`{}` was given a tolerance of the inputs, which it does not use", command.name()),
                "leave it out; ⟨tolerated⟩",
            ));
        }
        let price = match self.lipschitz_price {
            None if command == Command::Train && method.uses(Setting::Lipschitz) => {
                Price::Chosen(select::Settings { seed: self.seed, ..select::Settings::default() })
            }
            // Where the method has no price, there is nothing to choose.
            _ => Price::Fixed(polish.lipschitz_price),
        };
        let start = self.start.within(self.norm, self.max_lipschitz).unwrap_or_else(|| self.start.clone());
        // Σ ‖z̄_i‖ is ½ ‖θ‖² of balanced weights: a price above the usual one is one and the same in both.
        let dear = self.decay.filter(|decay| *decay > fit::DECAY);
        let start = dear.and_then(|decay| start.priced(decay)).unwrap_or(start);
        let start = train::Settings {
            start,
            loss: self.loss.clone(),
            units: self.units(),
            output_bias: self.output_bias,
            linear_part: self.linear_part,
            seed: self.seed,
        };
        let recipe = Self {
            method: Some(method),
            decay: Some(polish.decay),
            lipschitz_price: if let Price::Fixed(price) = price { Some(price) } else { None },
            ..self.clone()
        };
        let settings = fit::Settings { start, polish, price };
        match command {
            Command::Train => settings.check()?,
            _ => settings.polish.check_run()?,
        }
        Ok(Plan { command, recipe, settings, choice: None })
    }

    /// The tolerance as it was said, behind these words.
    fn tolerance_in_words(&self, before: &str) -> String {
        let entries = self.tolerance.entries.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        format!("{before}the tolerance `{entries}`")
    }

    /// Refuse a norm in which nothing can be done for a tolerance, where no method was asked for.
    fn check_norm(&self, what: &str) -> Result<()> {
        let asked = |setting| {
            let usual = setting == Setting::Method && self.method.is_none();
            usual.then(|| Asked::new("usual", self.tolerance_in_words(what)))
        };
        requirement::check(&[self.norm.choice()], &asked)
    }

    /// Refuse choices that do not go together.
    fn check(&self, command: Command, polish: &polish::Settings) -> Result<()> {
        let mut choices = vec![polish.method.choice(), self.loss.choice(), self.norm.choice()];
        if command == Command::Train {
            choices.push(self.start.choice());
        }
        let asked = |setting| -> Option<Asked> {
            match setting {
                Setting::Effort => self.effort.asked(),
                Setting::Rounds => (self.rounds != polish::ROUNDS)
                    .then(|| Asked::new("rounds", format!("the limit of {} `rounds`", self.rounds))),
                Setting::Tolerance => {
                    (!self.tolerance.is_empty()).then(|| Asked::new("tolerance", self.tolerance_in_words("")))
                }
                // Nobody asked for the method that is usual.
                Setting::Method if self.method.is_none() => {
                    let words = match command {
                        Command::Train => "a fit",
                        Command::Compare => "a comparison",
                        _ => "a polish",
                    };
                    Some(Asked::new(polish.method.name(), words))
                }
                other => polish.asked(other),
            }
        };
        requirement::check(&choices, &asked)
    }
}

impl Plan {
    /// The settings as they are kept; `data` is what the data are called, `price` the λ that was used. Nothing in it
    /// depends on the clock or on the number of threads.
    pub fn record(&self, data: &str, price: Option<f64>) -> Record {
        let recipe = Recipe { lipschitz_price: price, ..self.recipe.clone() };
        let mut record: Record =
            Recipe::fields(self.command).map(|field| (field.name.to_owned(), (field.get)(&recipe))).collect();
        record.insert("command".into(), Value::Word(self.command.name().into()));
        record.insert("data".into(), Value::Word(data.into()));
        if self.command == Command::Train {
            let chosen = self.choice.is_none() && matches!(self.settings.price, Price::Chosen(_));
            record.insert("lipschitz_price_chosen".into(), Value::Switch(chosen));
        }
        record
    }

    /// The settings of the convex program; `price` stands in for a price that is to be chosen.
    pub fn polish_at(&self, price: Option<f64>) -> polish::Settings {
        let polish = self.settings.polish.clone();
        match (&self.settings.price, price) {
            (Price::Chosen(_), Some(price)) => polish::Settings { lipschitz_price: price, ..polish },
            _ => polish,
        }
    }

    /// The record of a polish, whose price is in the settings.
    pub fn polish_record(&self, data: &str) -> Record {
        self.record(data, Some(self.settings.polish.lipschitz_price))
    }
}
