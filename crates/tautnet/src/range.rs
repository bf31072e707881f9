//! Ranges of numbers that a user gives: one check and one set of words for every front end.

use crate::error::{Error, Result};

/// The numbers that a setting may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// A finite number, 0 or more.
    NotNegative,
    /// A finite number above 0.
    Positive,
    /// A number between 0 and 1, without both.
    Share,
    /// A number from 0 to 1, without 1.
    BelowOne,
}

impl Range {
    /// The numbers of the range in words.
    pub fn in_words(self) -> &'static str {
        match self {
            Range::NotNegative => "a finite number, 0 or more",
            Range::Positive => "a finite number above 0",
            Range::Share => "a number between 0 and 1",
            Range::BelowOne => "a number below 1, 0 or more",
        }
    }

    /// What is wrong with a number, if anything.
    pub fn refusal(self, value: f64) -> Option<&'static str> {
        match self {
            _ if !value.is_finite() => Some("it must be finite"),
            Range::NotNegative if value < 0.0 => Some("it must not be negative"),
            Range::Positive if value <= 0.0 => Some("it must be above zero"),
            Range::BelowOne if !(0.0..1.0).contains(&value) => Some("it must be at least 0 and below 1"),
            Range::Share if value <= 0.0 || value >= 1.0 => Some("it must be between 0 and 1"),
            _ => None,
        }
    }

    /// Refuse a number of the setting `name` that is out of range.
    pub fn check(self, name: &str, value: f64) -> Result<()> {
        match self.refusal(value) {
            None => Ok(()),
            Some(_) => Err(Error::new(format!("`{name}` is {value}"), format!("give {}", self.in_words()))),
        }
    }
}

/// How far inputs may move.
pub const RADIUS: Range = Range::NotNegative;

/// Refuse a count of the setting `name` that is 0.
pub fn at_least_one(name: &str, count: usize) -> Result<()> {
    if count > 0 {
        return Ok(());
    }
    Err(Error::new(format!("`{name}` is 0"), "give a whole number, 1 or more"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_in_a_range_or_told_why_not() {
        for (range, good, bad) in [
            (Range::NotNegative, [0.0, 1e300], [-1e-300, f64::INFINITY]),
            (Range::Positive, [1e-300, 2.0], [0.0, f64::NAN]),
            (Range::Share, [1e-8, 0.999], [0.0, 1.0]),
            (Range::BelowOne, [0.0, 0.999], [-1e-300, 1.0]),
        ] {
            good.iter().for_each(|value| range.check("x", *value).unwrap());
            for value in bad {
                let error = range.check("x", value).unwrap_err();
                assert_eq!(error.what, format!("`x` is {value}"));
                assert!(error.hint.ends_with(range.in_words()));
            }
        }
        assert!(at_least_one("x", 1).is_ok());
        assert_eq!(at_least_one("x", 0).unwrap_err().what, "`x` is 0");
    }
}
