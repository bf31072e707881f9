//! From what was said to what is done.

use super::field::{Command, Value};
use super::settings::Recipe;
use crate::error::{Error, Result};
use crate::fit::{self, Price};
use crate::polish::{self, Setting};
use crate::requirement::{self, Asked};
use crate::{select, train};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value as Json, json};

/// What is done, checked: every setting has a value, and all of them go together.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What for.
    pub command: Command,
    /// The recipe with a value wherever something was decided.
    pub recipe: Recipe,
    /// The starting network, the convex program and the price.
    pub settings: fit::Settings,
}

impl Recipe {
    /// Set the setting of this name; nothing changes where the value says nothing.
    pub fn set(&mut self, name: &str, value: &Value) -> Result<()> {
        let Some(field) = Self::field(name) else {
            let names: Vec<&str> = Self::FIELDS.iter().map(|field| field.name).collect();
            return Err(Error::new(
                format!("there is no setting called `{name}`"),
                format!("choose one of: {}", names.join(", ")),
            ));
        };
        field.check(value)?;
        if *value == Value::Nothing { Ok(()) } else { (field.set)(self, value) }
    }

    /// What is done where this is asked for, or why it cannot be done.
    pub fn resolve(&self, command: Command) -> Result<Plan> {
        Self::FIELDS.iter().try_for_each(|field| field.check(&(field.get)(self)))?;
        let method = self.method.unwrap_or(self.effort.method());
        let own = polish::Settings::of(method);
        let decay = if command == Command::Train { fit::DECAY } else { own.decay };
        let polish = polish::Settings {
            loss: self.loss.clone(),
            lipschitz: self.lipschitz.unwrap_or(own.lipschitz),
            decay: self.decay.unwrap_or(decay),
            max_lipschitz: self.max_lipschitz,
            norm: self.norm,
            penalty: self.penalty,
            output_bias: self.output_bias,
            linear_part: self.linear_part,
            tolerance: self.tolerance,
            walk: self.effort.walk(),
            ..own
        };
        self.check(command, &polish)?;
        let price = match self.lipschitz {
            None if command == Command::Train && method.uses(Setting::Lipschitz) => {
                Price::Chosen(select::Settings { seed: self.seed, ..select::Settings::default() })
            }
            // Where the method has no price, there is nothing to choose.
            _ => Price::Fixed(polish.lipschitz),
        };
        let start = self.start.within(self.norm, self.max_lipschitz).unwrap_or_else(|| self.start.clone());
        let start = train::Settings {
            start,
            loss: self.loss.clone(),
            units: self.hidden,
            output_bias: self.output_bias,
            linear_part: self.linear_part,
            seed: self.seed,
        };
        let recipe = Self {
            method: Some(method),
            decay: Some(polish.decay),
            lipschitz: if let Price::Fixed(price) = price { Some(price) } else { None },
            ..self.clone()
        };
        let settings = fit::Settings { start, polish, price };
        match command {
            Command::Train => settings.check()?,
            _ => settings.polish.check_run()?,
        }
        Ok(Plan { command, recipe, settings })
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
                other => polish.asked(other),
            }
        };
        requirement::check(&choices, &asked)
    }
}

impl Plan {
    /// The settings as a model file keeps them; `data` is what the data are called, `price` the λ that was used. Nothing in it
    /// depends on the clock or on the number of threads.
    pub fn record(&self, data: &str, price: Option<f64>) -> Json {
        let recipe = Recipe { lipschitz: price, ..self.recipe.clone() };
        let mut record: Map<String, Json> =
            Recipe::fields(self.command).map(|field| (field.name.to_owned(), (field.get)(&recipe).to_json())).collect();
        record.insert("command".into(), json!(self.command.name()));
        record.insert("data".into(), json!(data));
        if self.command == Command::Train {
            let chosen = matches!(self.settings.price, Price::Chosen(_));
            record.insert("lipschitz_chosen".into(), json!(chosen));
        }
        Json::Object(record)
    }

    /// The settings of the convex program; `price` stands in for a price that is to be chosen.
    pub fn polish_at(&self, price: Option<f64>) -> polish::Settings {
        let polish = self.settings.polish.clone();
        match (&self.settings.price, price) {
            (Price::Chosen(_), Some(price)) => polish::Settings { lipschitz: price, ..polish },
            _ => polish,
        }
    }

    /// The record of a polish, whose price is in the settings.
    pub fn polish_record(&self, data: &str) -> Json {
        self.record(data, Some(self.settings.polish.lipschitz))
    }
}

impl Serialize for Recipe {
    /// As an object of all settings.
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_map(Self::FIELDS.iter().map(|field| (field.name, (field.get)(self).to_json())))
    }
}

impl<'de> Deserialize<'de> for Recipe {
    /// From an object: what it does not say is as by default, and what no setting has as its name is refused.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let mut recipe = Self::default();
        for (name, value) in Map::<String, Json>::deserialize(deserializer)? {
            let value = match value {
                Json::Null => Value::Nothing,
                Json::Bool(value) => Value::Switch(value),
                Json::String(value) => Value::Word(value),
                Json::Number(value) => match (Self::field(&name).map(|field| field.kind), value.as_u64()) {
                    (Some(super::Kind::Count(..)), Some(count)) => Value::Count(count),
                    _ => Value::Number(value.as_f64().unwrap_or(f64::NAN)),
                },
                other => return Err(D::Error::custom(format!("`{name}` is {other}"))),
            };
            recipe.set(&name, &value).map_err(|error| D::Error::custom(format!("{error}; {}", error.hint)))?;
        }
        Ok(recipe)
    }
}
