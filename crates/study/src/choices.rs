//! Experiment files of plain settings: TOML in which every choice has a sentence that says why, and tiers that replace some of them.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use tautnet::error::{Error, Result};

/// What a file says of one tier.
pub(crate) struct Chosen<S> {
    /// What it is about.
    pub title: String,
    /// Every choice in words: name, value, why.
    pub choices: Vec<[String; 3]>,
    /// The same as settings.
    pub settings: S,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    title: String,
    choices: BTreeMap<String, Choice>,
    tiers: BTreeMap<String, BTreeMap<String, toml::Value>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Choice {
    value: toml::Value,
    why: String,
}

/// Read the text of a file; `source` is what messages call it.
pub(crate) fn parse<S: DeserializeOwned>(source: &str, text: &str, tier: &str) -> Result<Chosen<S>> {
    const HINT: &str = "every choice is a table [choices.NAME] with `value` and `why`";
    let wrong = |what: &str| {
        let what = what.lines().collect::<Vec<_>>().join(" ");
        Error::new(format!("{source}: {what}"), HINT)
    };
    let mut file: File = toml::from_str(text).map_err(|error| wrong(&error.to_string()))?;
    let names = file.tiers.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    let mut chosen = file
        .tiers
        .remove(tier)
        .ok_or_else(|| Error::new(format!("{source} has no tier `{tier}`"), format!("choose one of: {names}")))?;
    let why = match chosen.remove("why") {
        Some(toml::Value::String(why)) => why,
        _ => return Err(wrong(&format!("the tier `{tier}` has no `why`"))),
    };
    let mut choices = Vec::new();
    for (name, choice) in file.choices {
        let (value, why) = match chosen.get(&name) {
            Some(value) => (value, format!("this tier: {why}")),
            None => (&choice.value, choice.why),
        };
        choices.push([name.replace('_', " "), in_words(value), why]);
        chosen.entry(name).or_insert(choice.value);
    }
    let table = toml::Value::Table(chosen.into_iter().collect());
    let settings = table.try_into().map_err(|error: toml::de::Error| wrong(&error.to_string()))?;
    Ok(Chosen { title: file.title, choices, settings })
}

/// Data sets as every command takes them, other tables as their names and values, everything else as it is written.
fn in_words(value: &toml::Value) -> String {
    match value {
        toml::Value::Array(values) if values.iter().any(is_record) => list(values, "; "),
        toml::Value::Array(values) => list(values, ", "),
        toml::Value::Table(set) => match set.get("data") {
            Some(data) => in_words(data),
            None => {
                set.iter().map(|(name, value)| format!("{name} {}", in_words(value))).collect::<Vec<_>>().join(", ")
            }
        },
        toml::Value::String(word) => word.clone(),
        toml::Value::Integer(value) => value.to_string(),
        toml::Value::Float(value) => value.to_string(),
        toml::Value::Boolean(value) => if *value { "yes" } else { "no" }.into(),
        toml::Value::Datetime(time) => time.to_string(),
    }
}

/// A table that is no data set.
fn is_record(value: &toml::Value) -> bool {
    value.as_table().is_some_and(|table| !table.contains_key("data"))
}

fn list(values: &[toml::Value], between: &str) -> String {
    values.iter().map(in_words).collect::<Vec<_>>().join(between)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_told_as_people_write_them() {
        let text = "a = true\nb = [{c = false, d = [1, 2.5]}, {c = true, d = 'word'}]\ne = 2024-01-31\nf = [{name = 'n', data = 'x'}]";
        let table: toml::Table = toml::from_str(text).unwrap();
        let told: Vec<String> = table.values().map(in_words).collect();
        assert_eq!(told, ["yes", "c no, d 1, 2.5; c yes, d word", "2024-01-31", "x"]);
    }
}
