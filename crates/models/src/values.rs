//! JSON values where lists and numbers are due, with the place of what is none.

use serde_json::Value;
use tautnet::error::{Error, Result};

/// A list; `shape` is said where there is none.
pub(crate) fn array<'a>(value: &'a Value, source: &str, place: &str, shape: &str) -> Result<&'a [Value]> {
    match value {
        Value::Array(array) => Ok(array),
        other => Err(Error::new(format!("{source}: {place} is {} where a list is due", kind(other)), shape)),
    }
}

/// A list of numbers.
pub(crate) fn vector(value: &Value, source: &str, place: &str, shape: &str) -> Result<Vec<f64>> {
    let entries = array(value, source, place, shape)?.iter().enumerate();
    entries.map(|(i, entry)| number(entry, source, &format_args!("{place}[{i}]"))).collect()
}

/// A finite number.
pub(crate) fn number(value: &Value, source: &str, place: &dyn std::fmt::Display) -> Result<f64> {
    value.as_f64().filter(|number| number.is_finite()).ok_or_else(|| {
        Error::new(
            format!("{source}: {place} is {} where a number is due", kind(value)),
            "every weight must be a finite number",
        )
    })
}

/// What a value is, in words, with the value where it is short.
pub(crate) fn kind(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(value) => format!("{value}"),
        Value::Number(value) => format!("the number {value}"),
        Value::String(text) if text.chars().count() <= 40 => format!("the text {text:?}"),
        Value::String(_) => "a text".into(),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "an object".into(),
    }
}
