//! Fields that are no plain numbers, and could be something other than words: numbers with separators, and dates.
//!
//! `1,234` may be a thousand or one and a quarter, `03/04/2024` a day of March or of April. Which it is only a whole column can say. So
//! every reading that fits all fields so far is followed side by side, and is given up at the first field that it does not fit.

use crate::dates::Order;

/// A way to read the fields of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Numbers whose thousands are separated by this sign, with a decimal point.
    Thousands(char),
    /// Numbers with a decimal comma, and points between thousands.
    DecimalComma,
    /// Dates.
    Date(Order),
}

/// A reading that fits all fields so far.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    pub(crate) kind: Kind,
    /// What it makes of every row; 0 where there is no value.
    pub(crate) values: Vec<f64>,
    /// Whether a field had what only this reading has.
    pub(crate) certain: bool,
    /// How many fields it was needed for.
    pub(crate) count: usize,
}

/// The readings of a column that are left.
#[derive(Debug, Clone, Default)]
pub(crate) struct Readings {
    left: Vec<Reading>,
    /// Whether what they make of the rows is kept.
    keeps: bool,
}

/// A narrow space, and one that does not break, stand for the space.
const SPACES: [char; 3] = [' ', '\u{a0}', '\u{202f}'];

impl Readings {
    /// All readings that go with the plain numbers before; `pointed` tells that some had a decimal point, `number_count` how many
    /// there were beside missing values. `numbers` is `None` where values are not kept.
    pub(crate) fn after(numbers: Option<&[f64]>, number_count: usize, pointed: bool) -> Self {
        let keeps = numbers.is_some();
        let numbers = numbers.unwrap_or(&[]);
        let of = |kind| Reading { kind, values: numbers.to_vec(), certain: false, count: 0 };
        let mut kinds: Vec<Kind> = [',', '\'', ' '].map(Kind::Thousands).to_vec();
        if !pointed {
            kinds.push(Kind::DecimalComma);
        }
        if number_count == 0 {
            kinds.extend(Order::ALL.map(Kind::Date));
        }
        Self { left: kinds.into_iter().map(of).collect(), keeps }
    }

    /// A field that is no plain number.
    pub(crate) fn push_word(&mut self, field: &str) {
        let keeps = self.keeps;
        self.left.retain_mut(|reading| match reading.kind.read(field) {
            Some((value, certain)) => {
                reading.values.extend(keeps.then_some(value));
                reading.certain |= certain;
                reading.count += 1;
                true
            }
            None => false,
        });
    }

    /// A plain number, as it is written.
    pub(crate) fn push_number(&mut self, number: f64, field: &str) {
        let (keeps, pointed) = (self.keeps, field.contains('.'));
        self.left.retain_mut(|reading| {
            reading.values.extend(keeps.then_some(number));
            match reading.kind {
                Kind::Thousands(_) => true,
                Kind::DecimalComma => !pointed,
                Kind::Date(_) => false,
            }
        });
    }

    /// A field without a value.
    pub(crate) fn push_missing(&mut self) {
        if self.keeps {
            self.left.iter_mut().for_each(|reading| reading.values.push(0.0));
        }
    }

    /// Whether none fits.
    pub(crate) fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// The dates that the column may be.
    pub(crate) fn dates(&self) -> Vec<Order> {
        let date = |reading: &Reading| match reading.kind {
            Kind::Date(order) => Some(order),
            _ => None,
        };
        self.left.iter().filter_map(date).collect()
    }

    /// What a reading makes of every row, where it fits them all.
    pub(crate) fn of(&self, kind: Kind) -> Option<&[f64]> {
        self.left.iter().find(|reading| reading.kind == kind).map(|reading| reading.values.as_slice())
    }

    /// The numbers that the column is, or the two that it could be.
    pub(crate) fn numbers(&self) -> Numbers<'_> {
        let left: Vec<&Reading> = self.left.iter().filter(|reading| !matches!(reading.kind, Kind::Date(_))).collect();
        let certain: Vec<&Reading> = left.iter().filter(|reading| reading.certain).copied().collect();
        match (&left[..], &certain[..]) {
            ([], _) => Numbers::None,
            ([one], _) | (_, [one]) => Numbers::One(one),
            _ => Numbers::Either,
        }
    }
}

/// What a column with separators is.
pub(crate) enum Numbers<'a> {
    /// No numbers.
    None,
    /// Numbers in one reading.
    One(&'a Reading),
    /// Numbers in two ways, with nothing to tell which.
    Either,
}

impl Kind {
    /// The number, or the seconds, that a field is, and whether only this kind reads it.
    fn read(self, field: &str) -> Option<(f64, bool)> {
        match self {
            Self::Thousands(separator) => thousands(field, separator, '.'),
            Self::DecimalComma => match thousands(field, '.', ',') {
                Some(read) => Some(read),
                // `0,5` or `1234,5`: no points between thousands.
                None => {
                    let (whole, part) = field.split_once(',')?;
                    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
                    let unsigned = whole.strip_prefix(['+', '-']).unwrap_or(whole);
                    let good = digits(unsigned) && digits(part) && !part.is_empty();
                    let number = good.then(|| format!("{whole}.{part}").parse().ok()).flatten()?;
                    // `1,234` could be a thousand as well.
                    let open = part.len() == 3 && (1..=3).contains(&unsigned.len()) && !unsigned.starts_with('0');
                    Some((number, !open))
                }
            },
            Self::Date(order) => order.seconds(field).map(|seconds| (seconds, true)),
        }
    }
}

/// A number with groups of three digits before its decimal sign, and whether it is certain that they are groups.
fn thousands(field: &str, separator: char, decimal: char) -> Option<(f64, bool)> {
    let (sign, unsigned) = match field.strip_prefix(['+', '-']) {
        Some(rest) => (&field[..1], rest),
        None => ("", field),
    };
    let (whole, part) = unsigned.split_once(decimal).map_or((unsigned, None), |(whole, part)| (whole, Some(part)));
    let split = |c: char| if separator == ' ' { SPACES.contains(&c) } else { c == separator };
    let groups: Vec<&str> = whole.split(split).collect();
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (first, rest) = groups.split_first()?;
    let good = digits(first)
        && first.len() <= 3
        && !first.starts_with('0')
        && !rest.is_empty()
        && rest.iter().all(|group| group.len() == 3 && digits(group))
        && part.is_none_or(digits);
    let text = format!("{sign}{}{}{}", groups.concat(), if part.is_some() { "." } else { "" }, part.unwrap_or(""));
    // A single point between digits would be a decimal point, and a comma may be one.
    let certain = part.is_some() || rest.len() > 1 || !",.".contains(separator);
    let read = if separator == '.' && !certain { None } else { text.parse().ok() };
    good.then_some(read).flatten().map(|number| (number, certain))
}
