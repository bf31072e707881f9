//! What is known of one setting, for every front end.

use super::settings::Recipe;
use crate::error::{Error, Result};
use crate::range::Range;
use serde::{Serialize, Serializer};
use std::time::Duration;

/// What is done with a recipe. A setting says which of them have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// A fit: start, price, polish.
    Train,
    /// A polish of a network that exists.
    Polish,
    /// All methods side by side.
    Compare,
    /// Errors under attack of a network that exists.
    Attack,
    /// Predictions of a network that exists.
    Predict,
    /// What an experiment file says.
    Reproduce,
}

impl Command {
    /// All of them.
    pub const ALL: [Command; 6] =
        [Command::Train, Command::Polish, Command::Compare, Command::Attack, Command::Predict, Command::Reproduce];

    /// The name of the command.
    pub fn name(self) -> &'static str {
        match self {
            Command::Train => "train",
            Command::Polish => "polish",
            Command::Compare => "compare",
            Command::Attack => "attack",
            Command::Predict => "predict",
            Command::Reproduce => "reproduce",
        }
    }
}

/// One setting of the values `R`.
#[derive(Debug)]
pub struct Field<R: 'static = Recipe> {
    /// The name in files; a flag has hyphens for its underscores, and [`parameter`](Field::parameter) is the name in Python.
    pub name: &'static str,
    /// Names that it had before, which are understood still.
    pub before: &'static [&'static str],
    /// The group of settings that it stands in.
    pub group: &'static str,
    /// What stands for a value in texts of help.
    pub symbol: &'static str,
    /// Type and range.
    pub kind: Kind,
    /// One sentence.
    pub help: &'static str,
    /// More sentences, or none.
    pub more: &'static str,
    /// The commands that have it.
    pub commands: &'static [Command],
    /// The commands in which the word `auto` asks for what holds where nothing is said.
    pub auto: &'static [Command],
    /// What holds where nothing is said, where that is no value.
    pub(super) unsaid: fn(Command) -> Option<String>,
    pub(super) get: fn(&R) -> Value,
    pub(super) set: fn(&mut R, &Value) -> Result<()>,
}

/// Type and range of a setting.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A whole number from the first to the last.
    Count(u64, u64),
    /// A number.
    Number(Range),
    /// A list of numbers.
    Numbers(Range),
    /// Texts, each read by what they are about; a flag may be given several times.
    Texts(&'static str),
    /// A time.
    Seconds,
    /// One of these words.
    Word(fn() -> Vec<Word>),
    /// One of these words, some of them with a number, as in `huber:0.5`.
    WordWithNumber(fn() -> Vec<Word>),
    /// Yes or no, and what the one does that is not the default.
    Switch(&'static str),
}

/// A word that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The word, with an example of the number that may follow it.
    pub name: String,
    /// What it asks for, in a sentence.
    pub help: String,
    /// The commands that it can be said to, of those that have the setting; others refuse it, with what would do.
    pub commands: &'static [Command],
}

impl Word {
    /// A word and what it asks for.
    pub fn new(name: impl Into<String>, help: impl Into<String>) -> Self {
        Self { name: name.into(), help: help.into(), commands: &Command::ALL }
    }

    /// The same for some commands alone.
    pub fn only(self, commands: &'static [Command]) -> Self {
        Self { commands, ..self }
    }
}

/// A value of a setting.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing was said.
    Nothing,
    /// A whole number.
    Count(u64),
    /// A number.
    Number(f64),
    /// A list of numbers.
    Numbers(Vec<f64>),
    /// Texts.
    Texts(Vec<String>),
    /// A word.
    Word(String),
    /// Yes or no.
    Switch(bool),
}

impl Value {
    /// As people read it.
    pub fn in_words(&self) -> String {
        match self {
            Value::Nothing => "none".into(),
            Value::Count(value) => value.to_string(),
            Value::Number(value) if *value != 0.0 && value.abs() < 1e-4 => format!("{value:e}"),
            Value::Number(value) => value.to_string(),
            Value::Numbers(values) if values.is_empty() => "none".into(),
            Value::Numbers(values) => {
                values.iter().map(|value| Value::Number(*value).in_words()).collect::<Vec<_>>().join(", ")
            }
            Value::Texts(texts) if texts.is_empty() => "none".into(),
            Value::Texts(texts) => texts.join(", "),
            Value::Word(value) => value.clone(),
            Value::Switch(value) => if *value { "yes" } else { "no" }.into(),
        }
    }
}

impl Serialize for Value {
    /// As itself: a number, a list of numbers or of texts, a word, true or false, or nothing.
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Value::Nothing => serializer.serialize_none(),
            Value::Count(value) => serializer.serialize_u64(*value),
            Value::Number(value) => serializer.serialize_f64(*value),
            Value::Numbers(values) => values.serialize(serializer),
            Value::Texts(texts) => texts.serialize(serializer),
            Value::Word(value) => serializer.serialize_str(value),
            Value::Switch(value) => serializer.serialize_bool(*value),
        }
    }
}

impl Kind {
    /// The values in words.
    pub fn in_words(&self) -> String {
        self.among(&|_| true)
    }

    /// The values that can be said to a command, in words.
    pub fn in_words_of(&self, command: Command) -> String {
        self.among(&|word| word.commands.contains(&command))
    }

    fn among(&self, taken: &dyn Fn(&Word) -> bool) -> String {
        let names = |words: fn() -> Vec<Word>| {
            let words = words().into_iter().filter(taken);
            words.map(|word| word.name).collect::<Vec<_>>().join(", ")
        };
        match self {
            Kind::Count(least, u64::MAX) => format!("a whole number, {least} or more"),
            Kind::Count(least, most) => format!("a whole number from {least} to {most}"),
            Kind::Number(range) => range.in_words().into(),
            Kind::Numbers(range) => format!("a list of numbers, each {}", range.in_words()),
            Kind::Texts(what) => (*what).into(),
            Kind::Seconds => "a number of seconds, 0 or more".into(),
            Kind::Word(words) | Kind::WordWithNumber(words) => format!("one of: {}", names(*words)),
            Kind::Switch(_) => "yes or no".into(),
        }
    }

    /// A value from text, or what is wrong with the text.
    pub fn read(&self, text: &str) -> std::result::Result<Value, String> {
        let text = text.trim();
        match self {
            Kind::Count(..) => match text.parse() {
                Ok(value) => self.count(value).map(Value::Count),
                Err(_) => Err(format!("it must be {}", self.in_words())),
            },
            Kind::Number(range) => number(text, *range).map(Value::Number),
            Kind::Numbers(range) => numbers(text, *range).map(Value::Numbers),
            Kind::Texts(_) => Ok(Value::Texts(vec![text.into()])),
            Kind::Seconds => seconds(text).map(Value::Number),
            Kind::Word(_) | Kind::WordWithNumber(_) => Ok(Value::Word(text.into())),
            Kind::Switch(_) => match text {
                "yes" | "true" => Ok(Value::Switch(true)),
                "no" | "false" => Ok(Value::Switch(false)),
                _ => Err("it must be yes or no".into()),
            },
        }
    }

    /// A value, which is written as on the command line, in the words of Python.
    pub(super) fn in_python(&self, text: &str) -> String {
        match self {
            _ if text == "auto" => "\"auto\"".into(),
            Kind::Count(..) | Kind::Number(_) | Kind::Seconds => text.into(),
            Kind::Numbers(_) => match text.split(',').map(str::trim).collect::<Vec<_>>().as_slice() {
                [one] => format!("({one},)"),
                several => format!("({})", several.join(", ")),
            },
            Kind::Texts(_) | Kind::Word(_) | Kind::WordWithNumber(_) => format!("\"{text}\""),
            Kind::Switch(_) => if text == "yes" { "True" } else { "False" }.into(),
        }
    }

    fn count(&self, value: u64) -> std::result::Result<u64, String> {
        match self {
            Kind::Count(least, most) if !(*least..=*most).contains(&value) => {
                Err(format!("it must be {}", self.in_words()))
            }
            _ => Ok(value),
        }
    }
}

impl<R: 'static> Field<R> {
    /// A setting of which nothing is said yet: what stands here need not be said of another.
    pub(super) const PLAIN: Self = Self {
        name: "",
        before: &[],
        group: "",
        symbol: "",
        kind: Kind::Count(0, u64::MAX),
        help: "",
        more: "",
        commands: &[],
        auto: &[],
        unsaid: |_| None,
        get: |_| Value::Nothing,
        set: |_, _| Ok(()),
    };
}

impl<R: Default> Field<R> {
    /// The value that was asked for.
    pub fn value(&self, asked: &R) -> Value {
        (self.get)(asked)
    }

    /// The name with hyphens, as in a flag and in messages.
    pub fn flag(&self) -> String {
        self.name.replace('_', "-")
    }

    /// The name of the parameter in Python.
    pub fn parameter(&self) -> &'static str {
        // As scikit-learn calls it.
        if self.name == "seed" { "random_state" } else { self.name }
    }

    /// The flag of a switch: that of the value which is not the default.
    pub fn switch(&self) -> String {
        if self.switched() { self.flag() } else { format!("no-{}", self.flag()) }
    }

    /// The value that a switch's flag stands for.
    pub fn switched(&self) -> bool {
        (self.get)(&R::default()) == Value::Switch(false)
    }

    /// Whether a command has it.
    pub fn has(&self, command: Command) -> bool {
        self.commands.contains(&command)
    }

    /// The value that holds where nothing is said; none where that depends on something else.
    pub fn default_value(&self, command: Command) -> Value {
        if (self.unsaid)(command).is_some() { Value::Nothing } else { (self.get)(&R::default()) }
    }

    /// What holds where nothing is said, in words.
    pub fn default_in_words(&self, command: Command) -> String {
        (self.unsaid)(command).unwrap_or_else(|| (self.get)(&R::default()).in_words())
    }

    /// A value from text, or what is wrong with the text; the word `auto` says nothing where it is taken.
    pub fn read(&self, command: Command, text: &str) -> std::result::Result<Value, String> {
        let auto = self.auto.contains(&command);
        match self.kind.read(text) {
            _ if auto && text.trim() == "auto" => Ok(Value::Nothing),
            Err(wrong) if auto => Err(format!("{wrong}, or `auto`")),
            read => read,
        }
    }

    /// The error of a value of the wrong type or out of range; `value` is how it is told.
    pub fn refused(&self, value: &str) -> Error {
        let auto = if self.auto.is_empty() { "" } else { ", or `auto`" };
        Error::new(format!("`{}` is {value}", self.flag()), format!("give {}{auto}", self.kind.in_words()))
    }

    /// Refuse a value of the wrong type or out of range. What is wrong with a word is told where it is read.
    pub fn check(&self, value: &Value) -> Result<()> {
        let good = match (self.kind, value) {
            (_, Value::Nothing) => true,
            (Kind::Count(..), Value::Count(value)) => self.kind.count(*value).is_ok(),
            (Kind::Number(range), Value::Number(value)) => range.refusal(*value).is_none(),
            (Kind::Numbers(range), Value::Numbers(values)) => {
                values.iter().all(|value| range.refusal(*value).is_none())
            }
            (Kind::Seconds, Value::Number(value)) => Duration::try_from_secs_f64(*value).is_ok(),
            (Kind::Word(_) | Kind::WordWithNumber(_), Value::Word(_)) | (Kind::Switch(_), Value::Switch(_)) => true,
            (Kind::Texts(_), Value::Texts(_)) => true,
            _ => false,
        };
        if good { Ok(()) } else { Err(self.refused(&value.in_words())) }
    }
}

/// Set a count, where the value is one.
pub(super) fn put_count(value: &Value, set: &mut dyn FnMut(u64)) -> Result<()> {
    if let Value::Count(count) = value {
        set(*count);
    }
    Ok(())
}

/// Set a number, where the value is one.
pub(super) fn put_number(value: &Value, set: &mut dyn FnMut(f64)) -> Result<()> {
    if let Value::Number(number) = value {
        set(*number);
    }
    Ok(())
}

/// Set what a word stands for, where the value is one.
pub(super) fn put_word<T: std::str::FromStr<Err = Error>>(value: &Value, set: &mut dyn FnMut(T)) -> Result<()> {
    if let Value::Word(word) = value {
        set(word.parse()?);
    }
    Ok(())
}

/// Set what texts stand for, where the value is some.
pub(super) fn put_texts<T: std::str::FromStr<Err = Error>>(value: &Value, set: &mut dyn FnMut(Vec<T>)) -> Result<()> {
    if let Value::Texts(texts) = value {
        set(texts.iter().map(|text| text.parse()).collect::<Result<_>>()?);
    }
    Ok(())
}

/// Set a switch, where the value is one.
pub(super) fn put_switch(value: &Value, set: &mut dyn FnMut(bool)) -> Result<()> {
    if let Value::Switch(switch) = value {
        set(*switch);
    }
    Ok(())
}

/// A number in a range.
fn number(text: &str, range: Range) -> std::result::Result<f64, String> {
    let value = text.trim().parse().map_err(|_| "it must be a number")?;
    range.refusal(value).map_or(Ok(value), |wrong| Err(wrong.into()))
}

/// `FIRST:LAST:STEP`, or numbers separated by commas.
fn numbers(text: &str, range: Range) -> std::result::Result<Vec<f64>, String> {
    let list = |separator: char| {
        text.split(separator).map(|text| number(text, range)).collect::<std::result::Result<Vec<_>, _>>()
    };
    if !text.contains(':') {
        return list(',');
    }
    let &[first, last, step] = list(':')?.as_slice() else { return Err("write FIRST:LAST:STEP".into()) };
    if !(step > 0.0 && first <= last) {
        return Err("FIRST must not be above LAST, and STEP must be above zero".into());
    }
    let count = ((last - first) / step * (1.0 + 1e-12)).floor();
    if count > 10_000.0 {
        return Err("these are more than 10000 numbers".into());
    }
    // Each is the double nearest to what a person would write: 0.3 and not 0.30000000000000004.
    let decimals = |value: f64| format!("{value}").split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let decimals = decimals(first).max(decimals(step)).min(15);
    let at = |k: f64| format!("{:.decimals$}", first + k * step).parse().expect("a number was written");
    Ok((0..=count as u64).map(|k| at(k as f64)).collect())
}

/// Seconds, or a number with `s`, `m` or `h`.
fn seconds(text: &str) -> std::result::Result<f64, String> {
    let (digits, unit) = match text.char_indices().last() {
        Some((at, 's')) => (&text[..at], 1.0),
        Some((at, 'm')) => (&text[..at], 60.0),
        Some((at, 'h')) => (&text[..at], 3600.0),
        _ => (text, 1.0),
    };
    let number: f64 = digits.trim().parse().map_err(|_| "it must be a number, or one with `s`, `m` or `h`")?;
    if let Some(wrong) = Range::NotNegative.refusal(number) {
        return Err(wrong.into());
    }
    let seconds = number * unit;
    if Duration::try_from_secs_f64(seconds).is_ok() { Ok(seconds) } else { Err("it is too long".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_a_range_or_a_list() {
        let grid = vec![0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];
        let kind = Kind::Numbers(Range::NotNegative);
        for (text, expected) in [
            ("0:1:0.1", grid),
            ("0.5", vec![0.5]),
            ("0.3,0,1e-3", vec![0.3, 0.0, 0.001]),
            ("1:2.5:1", vec![1.0, 2.0]),
            ("1:1:5", vec![1.0]),
        ] {
            assert_eq!(kind.read(text), Ok(Value::Numbers(expected)), "{text}");
        }
        for text in ["", "1:2", "0:1:0", "1:0:0.1", "0:1:1e-9", "-1:1:0.5", "0:inf:1", "0:1:0.1:2", "a"] {
            assert!(kind.read(text).is_err(), "{text}");
        }
        assert_eq!(Value::Numbers(vec![0.0, 1e-5, 2.5]).in_words(), "0, 1e-5, 2.5");
    }

    #[test]
    fn times_have_units() {
        for (text, seconds) in [("30", 30.0), ("0.5s", 0.5), ("5m", 300.0), (" 2h ", 7200.0), ("0", 0.0)] {
            assert_eq!(Kind::Seconds.read(text), Ok(Value::Number(seconds)), "{text}");
        }
        for text in ["", "m", "-1", "1d", "nan", "inf", "1e300"] {
            assert!(Kind::Seconds.read(text).is_err(), "{text}");
        }
    }
}
