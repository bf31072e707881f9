//! A recipe as an object of its settings, read and written by whatever format serde is given.

use super::field::{Kind, Value};
use super::settings::Recipe;
use super::table::Table;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

impl Serialize for Recipe {
    /// As an object of all settings.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(Self::FIELDS.iter().map(|field| (field.name, (field.get)(self))))
    }
}

impl<'de> Deserialize<'de> for Recipe {
    /// From an object: what it does not say is as by default, and what no setting has as its name is refused.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Settings)
    }
}

struct Settings;

impl<'de> Visitor<'de> for Settings {
    type Value = Recipe;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of settings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Recipe, A::Error> {
        let mut recipe = Recipe::default();
        while let Some(name) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(Setting(&name))?;
            recipe.set(&name, &value).map_err(|error| A::Error::custom(format!("{error}; {}", error.hint)))?;
        }
        Ok(recipe)
    }
}

/// The value of the setting of this name.
struct Setting<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for Setting<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Setting<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts = matches!(Recipe::field(self.0).map(|field| field.kind), Some(Kind::Texts(_)));
        let what = if texts { "a list of texts" } else { "a number, a word, true or false" };
        write!(f, "{what} for `{}`", self.0)
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Nothing)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Switch(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        let whole = matches!(Recipe::field(self.0).map(|field| field.kind), Some(Kind::Count(..)));
        Ok(if whole { Value::Count(value) } else { Value::Number(value as f64) })
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        // Some formats have no other whole numbers.
        u64::try_from(value).map_or(Ok(Value::Number(value as f64)), |value| self.visit_u64(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Number(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Word(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        if !matches!(Recipe::field(self.0).map(|field| field.kind), Some(Kind::Texts(_))) {
            return Err(A::Error::invalid_type(Unexpected::Seq, &self));
        }
        let mut texts = Vec::new();
        while let Some(text) = items.next_element()? {
            texts.push(text);
        }
        Ok(Value::Texts(texts))
    }
}
