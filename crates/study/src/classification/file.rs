//! The experiment file: TOML in which every choice has a sentence that says why, and tiers that replace some of them.

use super::plan::Plan;
use super::settings::Settings;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use tautnet::error::{Error, Result};
use tautnet::limits::Limits;

/// What is to be run, and how it came to be so.
#[derive(Debug)]
pub struct Experiment {
    /// What it is about.
    pub title: String,
    /// Every choice in words: name, value, why.
    pub choices: Vec<[String; 3]>,
    /// The plan.
    pub plan: Plan,
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

/// Read a file on the disk.
pub fn read(path: &Path, tier: &str, limits: &Limits) -> Result<Experiment> {
    parse(&path.display().to_string(), &crate::experiment_file::text(path, limits)?, tier)
}

/// Read the text of a file; `source` is what messages call it.
pub fn parse(source: &str, text: &str, tier: &str) -> Result<Experiment> {
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
    let settings: Settings = table.try_into().map_err(|error: toml::de::Error| wrong(&error.to_string()))?;
    let plan = Plan { settings };
    plan.check().map_err(|error| Error::new(format!("{source}: {}", error.what), error.hint))?;
    Ok(Experiment { title: file.title, choices, plan })
}

/// Data sets as every command takes them, everything else as it is written.
fn in_words(value: &toml::Value) -> String {
    match value {
        toml::Value::Array(values) => values.iter().map(in_words).collect::<Vec<_>>().join(", "),
        toml::Value::Table(set) => set.get("data").map(in_words).unwrap_or_default(),
        toml::Value::String(word) => word.clone(),
        toml::Value::Integer(value) => value.to_string(),
        toml::Value::Float(value) => value.to_string(),
        other => format!("{other:?}"),
    }
}
