//! What a user says of the inputs, column by column, and what it comes to on rows.
//!
//! ```text
//! temp=0.5        half a unit of the column, either way
//! flow=2%         two percent of the value in that row
//! flow=2%+0.1     the same and a tenth of a unit, as data sheets of instruments have it
//! temp=0.1sd      a tenth of the column's standard deviation in the rows learned from
//! temp=exact      no error at all
//! 0.1sd           every column of numbers that is not named
//! ```

use super::by_column::ByColumn;
use super::set::{Shape, Tolerance};
use crate::error::{Error, Result, mention};
use crate::printable::{list, shown};
use faer::MatRef;
use std::fmt;
use std::str::FromStr;

/// How wrong the values of one column can be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Amount {
    /// No error at all.
    Exact,
    /// `percent` of the value in the row and `absolute` beside it, both in the units of the column.
    Value {
        /// Percent of the value.
        percent: f64,
        /// A part that does not depend on the value.
        absolute: f64,
    },
    /// Standard deviations of the column in the rows learned from.
    Deviations(f64),
}

impl Amount {
    /// The amount 0.
    pub const ZERO: Self = Self::Value { percent: 0.0, absolute: 0.0 };

    /// Whether it is no error at all, in whatever words.
    pub fn is_exact(self) -> bool {
        self == Self::Exact || self == Self::ZERO || self == Self::Deviations(0.0)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Exact => f.write_str("exact"),
            Self::Deviations(number) => write!(f, "{number}sd"),
            Self::Value { percent: 0.0, absolute } => write!(f, "{absolute}"),
            Self::Value { percent, absolute: 0.0 } => write!(f, "{percent}%"),
            Self::Value { percent, absolute } => write!(f, "{percent}%+{absolute}"),
        }
    }
}

impl FromStr for Amount {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = |what: &str| {
            Error::new(
                format!("the tolerance `{}` {what}", shown(text)),
                "write a number such as 0.5 in the units of the column, 2% of the value, 2%+0.1, 0.1sd for a part of the standard \
                 deviation, or exact",
            )
        };
        let number = |text: &str| match text.trim().parse::<f64>() {
            Ok(number) if number.is_finite() && number >= 0.0 => Ok(number),
            Ok(number) if number < 0.0 => Err(wrong("is negative")),
            _ => Err(wrong("is no amount")),
        };
        let trimmed = text.trim();
        match trimmed {
            "exact" => return Ok(Self::Exact),
            "any" => {
                return Err(Error::new(
                    "the tolerance `any` of words is not built yet",
                    "leave the column out: columns of words are exact unless they are named",
                ));
            }
            _ => {}
        }
        if let Some(deviations) = trimmed.strip_suffix("sd") {
            return number(deviations).map(Self::Deviations);
        }
        match trimmed.split_once('%') {
            None => Ok(Self::Value { percent: 0.0, absolute: number(trimmed)? }),
            Some((percent, "")) => Ok(Self::Value { percent: number(percent)?, absolute: 0.0 }),
            Some((percent, rest)) => {
                let absolute = rest.trim().strip_prefix('+').ok_or_else(|| wrong("is no amount"))?;
                Ok(Self::Value { percent: number(percent)?, absolute: number(absolute)? })
            }
        }
    }
}

/// One thing that was said: of a column, or of all columns of numbers that are not named.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The name of the column.
    pub column: Option<String>,
    /// How wrong its values can be.
    pub amount: Amount,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.column.as_ref().map_or(Ok(()), |column| write!(f, "{column}="))?;
        self.amount.fmt(f)
    }
}

impl FromStr for Entry {
    type Err = Error;

    /// `COLUMN=AMOUNT`, or an amount alone. A name may have an equals sign in it: the last one counts.
    fn from_str(text: &str) -> Result<Self> {
        let (column, amount) = match text.rsplit_once('=') {
            Some((column, amount)) => (Some(column.trim().to_owned()), amount),
            None => (None, text),
        };
        Ok(Self { column, amount: amount.parse()? })
    }
}

/// What was said of all columns.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Asked {
    /// One by one.
    pub entries: Vec<Entry>,
    /// The shape of the set.
    pub shape: Shape,
}

/// One input of a table, as tolerances see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Input<'a> {
    /// Its name.
    pub name: &'a str,
    /// Whether it has numbers; else it has words, and a column for each.
    pub numeric: bool,
    /// The columns that a network has for it.
    pub width: usize,
}

impl Asked {
    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The amount 0 for every input.
    pub fn zero() -> Self {
        Self { entries: vec![Entry { column: None, amount: Amount::ZERO }], ..Self::default() }
    }

    /// Whether every input is exact because the number 0 was said of all of them.
    pub fn is_zero(&self) -> bool {
        let number = |entry: &Entry| entry.column.is_none() && entry.amount != Amount::Exact;
        self.is_exact() && self.entries.iter().any(number)
    }

    /// Whether every input is exact, by what was said or because nothing was.
    pub fn is_exact(&self) -> bool {
        self.entries.iter().all(|entry| entry.amount.is_exact())
    }

    /// Refuse what these inputs cannot have.
    pub fn check(&self, inputs: &[Input<'_>]) -> Result<()> {
        self.amounts(inputs).map(drop)
    }

    /// What it comes to on rows `x`, in the units of the table; `deviations` are those of the rows learned from.
    pub fn on(&self, inputs: &[Input<'_>], x: MatRef<'_, f64>, deviations: &[f64]) -> Result<Tolerance> {
        self.on_part(inputs, x, deviations, (0, None))
    }

    /// The same of a part of the rows of a table: how many are before it, and the first row of all, where that is not its own first.
    pub fn on_part(
        &self,
        inputs: &[Input<'_>],
        x: MatRef<'_, f64>,
        deviations: &[f64],
        (before, first_of_all): (u64, Option<&[f64]>),
    ) -> Result<Tolerance> {
        let sign = |j: usize| first_of_all.map_or_else(|| x[(0, j)], |row| row[j]);
        for (input, first, percent) in self.shares(inputs)? {
            let odd = |&k: &usize| x[(k, first)] == 0.0 || x[(k, first)] * sign(first) < 0.0;
            if let Some(k) = (0..x.nrows()).find(odd) {
                let where_it_is = format!("the value is {} in row {}", x[(k, first)], before + k as u64 + 1);
                return Err(crosses(input, percent, &where_it_is));
            }
        }
        self.by_column(inputs, deviations)?.on(x.nrows(), |k, j| x[(k, j)])
    }

    /// What it comes to on any rows that have values within `ranges`, the least and the largest of each column.
    pub fn on_ranges(&self, inputs: &[Input<'_>], ranges: &[(f64, f64)], deviations: &[f64]) -> Result<ByColumn> {
        for (input, first, percent) in self.shares(inputs)? {
            let (low, high) = ranges[first];
            if low <= 0.0 && high >= 0.0 {
                return Err(crosses(input, percent, &format!("the values go from {low} to {high}")));
            }
        }
        self.by_column(inputs, deviations)
    }

    /// The columns whose tolerance is a share of the value alone: the input, its first column, percent.
    fn shares<'i>(&self, inputs: &'i [Input<'i>]) -> Result<Vec<(&'i Input<'i>, usize, f64)>> {
        let mut first = 0;
        let mut shares = Vec::new();
        for (input, amount) in inputs.iter().zip(self.amounts(inputs)?) {
            if let Amount::Value { percent, absolute: 0.0 } = amount
                && percent > 0.0
            {
                shares.push((input, first, percent));
            }
            first += input.width;
        }
        Ok(shares)
    }

    fn by_column(&self, inputs: &[Input<'_>], deviations: &[f64]) -> Result<ByColumn> {
        let (mut percents, mut absolutes) = (Vec::new(), Vec::new());
        for (input, amount) in inputs.iter().zip(self.amounts(inputs)?) {
            for _ in 0..input.width {
                let (percent, absolute) = match amount {
                    Amount::Exact => (0.0, 0.0),
                    Amount::Value { percent, absolute } => (percent, absolute),
                    Amount::Deviations(number) => (0.0, number * deviations[absolutes.len()]),
                };
                percents.push(percent);
                absolutes.push(absolute);
            }
        }
        Ok(ByColumn { shape: self.shape, percent: percents, absolute: absolutes })
    }

    /// The amount of every input: the last word on it, that on all numbers where there is none, or none at all.
    fn amounts(&self, inputs: &[Input<'_>]) -> Result<Vec<Amount>> {
        for entry in &self.entries {
            let Some(name) = &entry.column else { continue };
            let Some(input) = inputs.iter().find(|input| input.name == name) else {
                return Err(Error::new(
                    format!("there is a tolerance for the input `{}`, but the table has no such input", shown(name)),
                    format!("its inputs are {}", list(inputs.iter().map(|input| input.name))),
                ));
            };
            if !input.numeric && !entry.amount.is_exact() {
                let what = if input.width > 1 { "has words" } else { "is no number that was measured" };
                return Err(Error::new(
                    format!("the input `{}` {what}, and the tolerance {} is a number", shown(name), entry.amount),
                    "leave it out: words, dates and what tells that a value is missing are exact",
                ));
            }
        }
        let amount = |input: &Input<'_>| {
            let said = |column: Option<&str>| {
                let mut said = self.entries.iter().rev();
                said.find(|entry| entry.column.as_deref() == column).map(|entry| entry.amount)
            };
            let all = || said(None).filter(|_| input.numeric);
            said(Some(input.name)).or_else(all).unwrap_or(Amount::Exact)
        };
        Ok(inputs.iter().map(amount).collect())
    }
}

/// A share of a value that is 0, or of either sign.
fn crosses(input: &Input<'_>, percent: f64, where_it_is: &str) -> Error {
    let name = shown(input.name);
    Error::new(
        format!(
            "the tolerance of `{name}` is {percent} % of its value, but {where_it_is}: there it would be exact or the sign changes on the way"
        ),
        format!(
            "add a part that does not depend on the value, such as {}",
            mention("tolerance", &format!("{name}={percent}%+0.1"))
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const INPUTS: [Input<'static>; 3] = [
        Input { name: "temp", numeric: true, width: 1 },
        Input { name: "kind", numeric: false, width: 2 },
        Input { name: "a=b", numeric: true, width: 1 },
    ];

    fn asked(entries: &[&str]) -> Asked {
        Asked { entries: entries.iter().map(|entry| entry.parse().unwrap()).collect(), shape: Shape::Box }
    }

    fn on(entries: &[&str]) -> Result<Tolerance> {
        let x = faer::mat![[10.0, 1.0, 0.0, -4.0], [20.0, 0.0, 1.0, -2.0]];
        asked(entries).on(&INPUTS, x.as_ref(), &[2.0, 1.0, 1.0, 3.0])
    }

    #[test]
    fn what_was_said_is_what_it_comes_to() {
        let sizes = |entries: &[&str]| {
            let tolerance = on(entries).unwrap();
            (0..2).map(|k| (0..4).map(|j| tolerance.size(k, j)).collect()).collect::<Vec<Vec<f64>>>()
        };
        assert_eq!(sizes(&[]), [[0.0; 4]; 2]);
        assert_eq!(sizes(&["0.1sd"]), [[0.2, 0.0, 0.0, 0.1 * 3.0]; 2]);
        assert_eq!(sizes(&["0.5", "temp=exact"]), [[0.0, 0.0, 0.0, 0.5]; 2]);
        assert_eq!(sizes(&["temp=10%", "a=b=1"]), [[1.0, 0.0, 0.0, 1.0], [2.0, 0.0, 0.0, 1.0]]);
        assert_eq!(sizes(&["a=b= 50%+0.25", "kind=exact"]), [[0.0, 0.0, 0.0, 2.25], [0.0, 0.0, 0.0, 1.25]]);
        // The last word counts.
        assert_eq!(sizes(&["temp=1", "temp=2"]), [[2.0, 0.0, 0.0, 0.0]; 2]);
    }

    #[test]
    fn entries_are_written_as_they_are_read() {
        for text in ["0.1sd", "temp=0.5", "temp=2%", "temp=2%+0.1", "a=b=exact", "1e-7"] {
            let entry: Entry = text.parse().unwrap();
            assert_eq!(entry.to_string().parse::<Entry>().unwrap(), entry, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_would_do() {
        for (text, what) in [
            ("temp=-1", "is negative"),
            ("temp=-2%", "is negative"),
            ("temp=nan", "is no amount"),
            ("temp=inf", "is no amount"),
            ("temp=", "is no amount"),
            ("temp=2%0.1", "is no amount"),
            ("warm", "is no amount"),
            ("kind=any", "not built yet"),
        ] {
            let error = text.parse::<Entry>().unwrap_err();
            assert!(error.what.contains(what) && !error.hint.is_empty(), "{text}: {}", error.what);
        }
        assert!(asked(&[]).is_exact() && asked(&["0", "temp=exact"]).is_exact() && !asked(&["0", "temp=1"]).is_exact());
        for (entries, what) in
            [(["pressure=1"], "`pressure`, but the table has no such input"), (["kind=0.5"], "`kind` has words")]
        {
            let error = on(&entries).unwrap_err();
            assert!(error.what.contains(what), "{}", error.what);
            assert_eq!(asked(&entries).check(&INPUTS).unwrap_err(), error);
        }
        let x = faer::mat![[1.0], [-1.0]];
        let input = [Input { name: "t", numeric: true, width: 1 }];
        let error = asked(&["t=1%"]).on(&input, x.as_ref(), &[1.0]).unwrap_err();
        assert!(error.what.contains("-1 in row 2") && error.hint.contains("t=1%+0.1"), "{}", error.what);
        assert!(asked(&["t=1%+0.1"]).on(&input, x.as_ref(), &[1.0]).is_ok());
    }
}
