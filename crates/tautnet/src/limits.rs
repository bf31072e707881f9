//! What a reader may be asked to hold.
//!
//! A small file can stand for a large one: a few megabytes may unpack to gigabytes, a header of some bytes may ask for
//! 10¹² numbers. So every reader has limits, all of them here. What goes beyond one is refused before it is held, with the
//! limit, what was met where that is known, and how to raise it.
//!
//! | limit | what is counted |
//! |---|---|
//! | bytes | of a file, and of what it unpacks to |
//! | rows, columns | of a table |
//! | cells | rows times columns of a table; numbers of a network; values in a text of lists and objects |
//! | nesting | lists in lists, objects in objects |
//!
//! A reader holds about 40 bytes a cell at most, beside the bytes of the file itself: 32 for a value as it is read and 8 for
//! the number made of it.

use crate::error::{Error, Result};

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Bytes of a file, unpacked.
    Bytes,
    /// Rows of a table.
    Rows,
    /// Columns of a table.
    Columns,
    /// Cells of a table, numbers of a network, values in a text of lists and objects.
    Cells,
    /// Lists in lists.
    Nesting,
}

impl Limit {
    /// Every limit.
    pub const ALL: [Self; 5] = [Self::Bytes, Self::Rows, Self::Columns, Self::Cells, Self::Nesting];

    /// The name by which users set it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Rows => "rows",
            Self::Columns => "columns",
            Self::Cells => "cells",
            Self::Nesting => "nesting",
        }
    }
}

impl std::str::FromStr for Limit {
    type Err = Error;

    /// The limit of that name.
    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|limit| limit.name() == name).ok_or_else(|| {
            Error::new(
                format!("there is no limit called `{name}`"),
                format!("choose one of: {}", Self::ALL.map(Self::name).join(", ")),
            )
        })
    }
}

/// The most that a reader may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a file, and of what it unpacks to.
    pub bytes: u64,
    /// Rows of a table.
    pub rows: u64,
    /// Columns of a table.
    pub columns: u64,
    /// Rows times columns of a table; numbers of a network; values in a text of lists and objects.
    pub cells: u64,
    /// Lists in lists; more than [`Limits::DEEPEST`] cannot be asked for.
    pub nesting: u64,
}

/// A gibibyte, a hundred million rows, a million columns, a hundred million cells, 64 levels.
impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 1 << 30, rows: 100_000_000, columns: 1_000_000, cells: 100_000_000, nesting: 64 }
    }
}

impl Limits {
    /// Readers follow nesting on the stack, so this is as deep as any may be allowed to go.
    pub const DEEPEST: u64 = 100;

    /// The limit on one of them.
    pub fn get(&self, limit: Limit) -> u64 {
        match limit {
            Limit::Bytes => self.bytes,
            Limit::Rows => self.rows,
            Limit::Columns => self.columns,
            Limit::Cells => self.cells,
            Limit::Nesting => self.nesting,
        }
    }

    /// The same limits with another one in the place of this one.
    pub fn with(mut self, limit: Limit, most: u64) -> Result<Self> {
        let slot = match limit {
            Limit::Bytes => &mut self.bytes,
            Limit::Rows => &mut self.rows,
            Limit::Columns => &mut self.columns,
            Limit::Cells => &mut self.cells,
            Limit::Nesting => &mut self.nesting,
        };
        *slot = most;
        let hint = match most {
            0 => "give at least 1".to_owned(),
            _ if self.nesting > Self::DEEPEST => format!("give at most {}", Self::DEEPEST),
            _ => return Ok(self),
        };
        Err(Error::new(format!("the limit `{}` cannot be {most}", limit.name()), hint))
    }

    /// Refuse what is more than is allowed; `source` is what messages call it, and `met` how much there is.
    pub fn check(&self, limit: Limit, source: &str, met: u64) -> Result<()> {
        if met <= self.get(limit) { Ok(()) } else { Err(self.beyond(limit, source, Some(met))) }
    }

    /// Refuse to make a network with more numbers than are allowed.
    pub fn check_network(&self, units: usize, inputs: usize) -> Result<()> {
        let source = format!("a network of {units} hidden units and {inputs} inputs");
        self.check_cells(&source, units as u64, (inputs as u64).saturating_add(2))
    }

    /// Refuse a product that is more cells than are allowed.
    pub fn check_cells(&self, source: &str, rows: u64, columns: u64) -> Result<()> {
        self.check(Limit::Cells, source, rows.saturating_mul(columns))
    }

    /// The refusal of more than is allowed. `met` is how much there is, where that is known.
    pub fn beyond(&self, limit: Limit, source: &str, met: Option<u64>) -> Error {
        let (name, most) = (limit.name(), self.get(limit));
        let has = match (limit, met) {
            (Limit::Nesting, Some(met)) => format!("is nested {met} deep"),
            (Limit::Nesting, None) => format!("is nested more than {most} deep"),
            (Limit::Bytes, None) => format!("has, or unpacks to, more than {most} bytes"),
            (_, Some(met)) => format!("has {met} {name}"),
            (_, None) => format!("has more than {most} {name}"),
        };
        let told =
            if met.is_some() { format!(", more than the limit of {most}") } else { ", which is the limit".into() };
        let enough = met.unwrap_or_else(|| most.saturating_mul(2));
        let hint = if limit == Limit::Nesting && enough > Self::DEEPEST {
            "no file of this program is so deep: check that it is the right one".to_owned()
        } else {
            format!("check that it is the right file; the limit is raised with ⟨limit={name}={enough}⟩")
        };
        Error::new(format!("{source} {has}{told}"), hint)
    }
}

/// Refuse work that needs more memory than the system gives; `what` is what it is for, and `numbers` how many doubles it holds
/// at the least. Without it the program would be ended by the system in the middle of the work.
///
/// The room is asked for and given back untouched. A system that promises more than it has may still say yes.
pub(crate) fn room(what: impl FnOnce() -> String, numbers: u128, hint: &str) -> Result<()> {
    let bytes = numbers.saturating_mul(8);
    let had = usize::try_from(bytes).is_ok_and(|bytes| Vec::<u8>::new().try_reserve_exact(bytes).is_ok());
    if had {
        return Ok(());
    }
    let gigabytes = bytes / 1_000_000_000;
    Err(Error::new(
        format!("{} needs more than {gigabytes} GB of memory, which the system does not give", what()),
        hint,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_tells_the_limit_what_was_met_and_how_to_raise_it() {
        let limits = Limits::default();
        assert!(limits.check(Limit::Columns, "t.csv", 1_000_000).is_ok());
        let error = limits.check(Limit::Columns, "t.csv", 1_000_001).unwrap_err();
        assert_eq!(error.what, "t.csv has 1000001 columns, more than the limit of 1000000");
        assert!(error.hint.contains("⟨limit=columns=1000001⟩"), "{error:?}");
        let error = limits.check_cells("n", u64::MAX, 3).unwrap_err();
        assert!(error.what.starts_with("n has 18446744073709551615 cells"), "{error:?}");
        for limit in Limit::ALL {
            assert_eq!(limit.name().parse(), Ok(limit));
            let small = limits.with(limit, 7).unwrap();
            assert_eq!(small.get(limit), 7);
            assert!(small.check(limit, "t", 7).is_ok() && small.check(limit, "t", 8).is_err());
            assert!(limits.with(limit, 0).unwrap_err().what.contains("cannot be 0"));
        }
        assert!(limits.with(Limit::Nesting, 101).unwrap_err().hint.contains("at most 100"));
        assert!("byte".parse::<Limit>().unwrap_err().hint.contains("bytes, rows, columns, cells, nesting"));
    }

    #[test]
    fn memory_that_is_not_to_be_had_is_refused() {
        assert!(room(|| "it".into(), 1000, "").is_ok());
        for numbers in [1 << 60, u128::from(u64::MAX), u128::MAX] {
            let error = room(|| "a network of 3 units".into(), numbers, "ask for less").unwrap_err();
            assert!(error.what.starts_with("a network of 3 units needs more than "), "{error:?}");
            assert_eq!(error.hint, "ask for less");
        }
        let error = Limits::default().check_network(1_000_000_000_000, 2).unwrap_err();
        assert!(error.what.starts_with("a network of 1000000000000 hidden units and 2 inputs has 4000000000000 cells"));
    }
}
