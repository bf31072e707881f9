//! JSON as this program takes it: no key twice, and no more of it than the limits allow.
//!
//! A parser keeps the last of two equal keys, other parsers the first: a file with both would be two networks. So it is
//! refused.

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use tautnet::error::Error;
use tautnet::limits::{Limit, Limits};
use tautnet::printable::shown;
use tautnet_tables::is_rounded;

/// Why a text is refused.
pub enum Fault {
    /// It is no JSON, or has a key twice; with its place.
    Syntax(serde_json::Error),
    /// It is more than is allowed.
    Refused(Error),
}

/// The value of a text; `source` is what messages call it.
pub fn value(bytes: &[u8], source: &str, limits: &Limits) -> Result<Value, Fault> {
    let (cells, refusal) = (Cell::new(0), RefCell::new(None));
    let seed = Strict { source, limits, depth: 0, cells: &cells, refusal: &refusal };
    let mut text = serde_json::Deserializer::from_slice(bytes);
    let value = seed.deserialize(&mut text).and_then(|value| text.end().map(|()| value));
    match refusal.take() {
        Some(error) => Err(Fault::Refused(error)),
        None => value.map_err(Fault::Syntax),
    }
}

/// One value at some depth, and what was counted before it.
#[derive(Clone, Copy)]
struct Strict<'a> {
    source: &'a str,
    limits: &'a Limits,
    depth: u64,
    cells: &'a Cell<u64>,
    refusal: &'a RefCell<Option<Error>>,
}

impl Strict<'_> {
    fn refuse<E: serde::de::Error>(&self, limit: Limit) -> E {
        *self.refusal.borrow_mut() = Some(self.limits.beyond(limit, self.source, None));
        E::custom("more than the limit")
    }

    fn count<E: serde::de::Error>(&self) -> Result<(), E> {
        self.cells.set(self.cells.get() + 1);
        if self.cells.get() > self.limits.cells { Err(self.refuse(Limit::Cells)) } else { Ok(()) }
    }

    fn inside<E: serde::de::Error>(&self) -> Result<Self, E> {
        let depth = self.depth + 1;
        if depth > self.limits.nesting { Err(self.refuse(Limit::Nesting)) } else { Ok(Self { depth, ..*self }) }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.count()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut list = Vec::new();
        while let Some(entry) = entries.next_element_seed(inside)? {
            list.push(entry);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if object.contains_key(&key) {
                return Err(A::Error::custom(format!("the key `{}` is given twice", shown(&key))));
            }
            object.insert(key, entries.next_value_seed(inside)?);
        }
        Ok(Value::Object(object))
    }
}

/// A note about the integers of a text that no double is equal to and that became one of these numbers, if there are any.
pub fn rounded_integers(bytes: &[u8], numbers: impl Iterator<Item = f64>, source: &str) -> Option<String> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let large: HashSet<u64> = numbers.map(f64::abs).filter(|number| *number >= EXACT).map(f64::to_bits).collect();
    if large.is_empty() {
        return None;
    }
    let mut found: Option<(u64, String, f64)> = None;
    let (mut count, mut line, mut at) = (0, 1, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at += 1;
                while bytes.get(at).is_some_and(|byte| *byte != b'"') {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                at += 1;
            }
            b'-' | b'0'..=b'9' => {
                let part = |byte: &&u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
                let length = bytes[at..].iter().take_while(part).count();
                let text = String::from_utf8_lossy(&bytes[at..at + length]);
                if let Ok(number) = text.parse::<f64>()
                    && large.contains(&number.abs().to_bits())
                    && is_rounded(&text, number)
                {
                    found.get_or_insert_with(|| (line, text.into_owned(), number));
                    count += 1;
                }
                at += length;
            }
            other => {
                line += u64::from(*other == b'\n');
                at += 1;
            }
        }
    }
    let (line, text, number) = found?;
    let more = if count > 1 { format!(" (and {} more)", count - 1) } else { String::new() };
    let text = shown(&text);
    Some(format!(
        "{source}: line {line} has {text}{more}, which is kept as {number}: above 2^53 not every integer is a double"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str, limits: &Limits) -> String {
        match value(text.as_bytes(), "t", limits) {
            Ok(value) => panic!("{value}"),
            Err(Fault::Syntax(error)) => error.to_string(),
            Err(Fault::Refused(error)) => error.what,
        }
    }

    #[test]
    fn ordinary_texts_are_what_the_plain_parser_makes_of_them() {
        for text in ["null", "[1, -2, 3.5e10, 18446744073709551615, true]", r#"{"a": {"b": [], "é\n": "x"}, "c": 1}"#]
        {
            let plain: Value = serde_json::from_str(text).unwrap();
            assert!(value(text.as_bytes(), "t", &Limits::default()).is_ok_and(|value| value == plain), "{text}");
        }
    }

    #[test]
    fn keys_given_twice_and_too_much_of_anything_are_refused() {
        let limits = Limits::default();
        assert_eq!(refused(r#"{"a": 1, "a": 1}"#, &limits), "the key `a` is given twice at line 1 column 12");
        assert!(refused(r#"[{"b": {"a": 1, "\u0061": 1}}]"#, &limits).starts_with("the key `a` is given twice"));
        assert!(refused("[1] 2", &limits).starts_with("trailing characters"));
        let deep = "[".repeat(100_000);
        assert_eq!(refused(&deep, &limits), "t is nested more than 64 deep, which is the limit");
        let few = Limits { cells: 3, ..limits };
        assert_eq!(refused("[1, 2, 3]", &few), "t has more than 3 cells, which is the limit");
        assert!(value(b"[1, 2]", "t", &few).is_ok());
    }

    #[test]
    fn integers_that_become_other_numbers_are_noted_once() {
        let text = "{\"w\": [9007199254740993,\n 36893488147419103233, 9007199254740992, 1e300, \"9007199254740993\"]}";
        let note = |numbers: &[f64]| rounded_integers(text.as_bytes(), numbers.iter().copied(), "t");
        assert_eq!(note(&[1.0, 2.0]), None);
        assert_eq!(note(&[1e300]), None);
        let both = note(&[9007199254740992.0, 36893488147419103232.0]).unwrap();
        assert!(both.starts_with("t: line 1 has 9007199254740993 (and 1 more), which is kept as 9007199254740992:"));
        let second = note(&[-36893488147419103232.0]).unwrap();
        assert!(second.starts_with("t: line 2 has 36893488147419103233, which is kept as"), "{second}");
    }
}
