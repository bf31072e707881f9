//! From fields to a column: numbers where every field is one, words otherwise.
//!
//! The kind of a column is known only after its last field, and a file is read once. So a column collects numbers
//! until its first word; from then on it holds words, and the numbers before and after count by their shortest
//! decimal form (`1`, `1.0` and `01` are the same word). Hence a column of codes keeps its levels in a second file
//! in which all codes happen to look like numbers.
//!
//! Fields without a value are remembered, row by row. Numbers with separators and dates are told apart from words by the whole column
//! (see [`readings`](crate::readings)).

use crate::dates::{Order, written};
use crate::readings::{Kind, Numbers, Readings};
use crate::table::{Column, Content, Gaps, Values};
use std::collections::HashMap;
use tautnet::error::{Error, Result};
use tautnet::printable::shown;

/// A column of words with more levels than this is refused: it is an identifier, a date or free text.
const MOST_LEVELS: usize = 256;

/// One field of a column that does not come from a file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    /// A number; not finite where it is missing or wrong.
    Number(f64),
    /// Text, read as in a file: a number, a word, or nothing at all.
    Text(&'a str),
}

impl Column {
    /// A column from fields, judged as those of a file are; `source` is what messages call the table.
    pub fn collect<'a>(source: &str, name: impl Into<String>, cells: impl IntoIterator<Item = Cell<'a>>) -> Self {
        let mut builder = ColumnBuilder::default();
        for cell in cells {
            match cell {
                Cell::Number(number) => builder.push_value(number),
                Cell::Text(text) => builder.push_text(text, None),
            }
        }
        builder.finish(source, name.into())
    }
}

/// Collects the fields of one column.
#[derive(Default)]
pub(crate) struct ColumnBuilder {
    rows: usize,
    numbers: Vec<f64>,
    words: Option<Words>,
    /// What the column could be other than words, from its first word on.
    readings: Readings,
    number_count: usize,
    /// Whether a plain number was written with a decimal point.
    pointed: bool,
    missing: Vec<usize>,
    first_missing: Option<Place>,
    infinite: Option<Place>,
    first_word: Option<Place>,
    rounded: Option<Rounded>,
    /// Whether the numbers are dates, in seconds since 1970.
    stamps: bool,
}

#[derive(Default)]
struct Words {
    codes: Vec<u32>,
    index: HashMap<String, u32>,
    too_many: bool,
}

struct Place {
    row: usize,
    line: Option<u64>,
    text: String,
}

/// The first integer that no double is equal to, and how many there are.
struct Rounded {
    first: Place,
    count: usize,
}

impl ColumnBuilder {
    /// The next field, as text; `line` is where it stands in the file.
    pub(crate) fn push_text(&mut self, field: &str, line: Option<u64>) {
        let field = field.trim();
        match field.parse::<f64>() {
            Ok(number) if !number.is_nan() => {
                if is_rounded(field, number) {
                    self.push_rounded(field, line);
                }
                self.push_number(number, field, line);
            }
            _ if is_missing(field) => self.push_missing(field, line),
            _ => {
                self.rows += 1;
                let rows = self.rows;
                self.first_word.get_or_insert_with(|| Place { row: rows, line, text: field.to_owned() });
                self.push_word(field);
                self.readings.push_word(field);
            }
        }
    }

    /// The next value, as an integer.
    #[cfg(feature = "parquet")]
    pub(crate) fn push_integer(&mut self, integer: i128) {
        let number = integer as f64;
        if number as i128 != integer {
            self.push_rounded(&integer.to_string(), None);
        }
        self.push_number(number, "", None);
    }

    /// The next value, as a date in seconds since 1970.
    #[cfg(feature = "parquet")]
    pub(crate) fn push_date(&mut self, seconds: f64) {
        self.stamps = true;
        self.push_number(seconds, "", None);
    }

    /// Rows so far.
    #[cfg(feature = "parquet")]
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The next value, which is not counted yet, is an integer that no double is equal to.
    fn push_rounded(&mut self, field: &str, line: Option<u64>) {
        let first = || Place { row: self.rows + 1, line, text: field.to_owned() };
        self.rounded.get_or_insert_with(|| Rounded { first: first(), count: 0 }).count += 1;
    }

    /// The next value, as a number.
    pub(crate) fn push_value(&mut self, number: f64) {
        if number.is_finite() {
            self.push_number(number, "", None);
        } else {
            self.push_text(&number.to_string(), None);
        }
    }

    fn push_number(&mut self, number: f64, field: &str, line: Option<u64>) {
        self.rows += 1;
        if number.is_infinite() {
            let row = self.rows;
            self.infinite.get_or_insert_with(|| Place { row, line, text: field.to_owned() });
        }
        self.number_count += 1;
        match &mut self.words {
            None => {
                self.pointed |= field.contains('.');
                self.numbers.push(number);
            }
            Some(words) => {
                words.push(&canonical(number));
                self.readings.push_number(number, field);
            }
        }
    }

    fn push_missing(&mut self, field: &str, line: Option<u64>) {
        self.missing.push(self.rows);
        self.rows += 1;
        let row = self.rows;
        self.first_missing.get_or_insert_with(|| Place { row, line, text: field.to_owned() });
        // A value keeps the rows in step.
        match &mut self.words {
            None => self.numbers.push(0.0),
            Some(words) => words.push_missing(),
        }
        self.readings.push_missing();
    }

    fn push_word(&mut self, word: &str) {
        if self.words.is_none() {
            self.readings = Readings::after(&self.numbers, self.number_count, self.pointed);
            let mut words = Words::default();
            let mut missing = self.missing.iter().peekable();
            for (k, number) in std::mem::take(&mut self.numbers).into_iter().enumerate() {
                match missing.next_if_eq(&&k) {
                    Some(_) => words.push_missing(),
                    None => words.push(&canonical(number)),
                }
            }
            self.words = Some(words);
        }
        self.words.get_or_insert_default().push(word);
    }

    /// The column, with its complaint if it has one.
    pub(crate) fn finish(self, source: &str, name: String) -> Column {
        let at = |place: &Place| match place.line {
            Some(line) => format!("{source}: row {} (line {line}), column `{name}`", place.row),
            None => format!("{source}: row {}, column `{name}`", place.row),
        };
        let mut notes: Vec<String> = Vec::new();
        let known = self.rows - self.missing.len();
        let infinite = |column: Content| match &self.infinite {
            Some(place) => Err(Error::new(
                format!("{} is `{}`, which is not a finite number", at(place), shown(&place.text)),
                "mend the value or drop the row, or leave the column out",
            )),
            None => Ok(column),
        };
        let word = self.first_word.as_ref();
        let content: Result<Content> = match (self.words, self.readings.numbers()) {
            (None, _) if self.stamps => {
                let first = (0..self.rows).find(|k| self.missing.binary_search(k).is_err());
                let first = first.map_or(String::new(), |k| written(self.numbers[k]));
                let readings = vec![(Order::Ymd, self.numbers)];
                Ok(Content::Dates { first, source: source.to_owned(), readings })
            }
            (None, _) => infinite(Content::Values(Values::Numbers(self.numbers))),
            (Some(_), Numbers::One(reading)) if reading.kind != Kind::DecimalComma || 2 * reading.count >= known => {
                let how = match reading.kind {
                    Kind::DecimalComma => "a decimal comma",
                    _ => "separators of thousands",
                };
                notes.extend(word.map(|word| format!("{} is `{}`: numbers with {how}", at(word), shown(&word.text))));
                infinite(Content::Values(Values::Numbers(reading.values.clone())))
            }
            (Some(_), Numbers::Either) if 2 * (known - self.number_count) >= known => Err(Error::new(
                format!(
                    "{source}: column `{name}` has numbers such as `{}`, whose comma may stand between thousands or before decimals",
                    word.map_or(String::new(), |word| shown(&word.text))
                ),
                PLAIN_NUMBERS,
            )),
            (Some(words), _) => {
                let dates = self.readings.dates();
                let mixed = 2 * self.number_count > known;
                let first = || word.map_or(String::new(), at);
                let text = word.map_or("", |word| &word.text);
                if !dates.is_empty() {
                    Ok(Content::Dates { first: text.to_owned(), source: source.to_owned(), readings: dates })
                } else if mixed {
                    let hint = if looks_decimal_comma(text) {
                        PLAIN_NUMBERS
                    } else {
                        "mend the value or leave the column out; a column counts as words when at least half of it is"
                    };
                    Err(Error::new(format!("{} is `{}` where most values are numbers", first(), shown(text)), hint))
                } else if words.too_many {
                    let hint = if looks_decimal_comma(text) {
                        PLAIN_NUMBERS
                    } else {
                        "leave the column out: words become one input column each, which is for few levels"
                    };
                    let what = format!("{source}: column `{name}` has more than {MOST_LEVELS} different words");
                    Err(Error::new(what, hint))
                } else {
                    Ok(Content::Values(words.finish()))
                }
            }
        };
        notes.extend(self.rounded.as_ref().map(|rounded| {
            let more = match rounded.count {
                1 => String::new(),
                count => format!(" (and {} more)", count - 1),
            };
            let text = &rounded.first.text;
            let number = text.parse::<f64>().unwrap_or(f64::NAN);
            format!(
                "{} is {}{more}, which is kept as {number}: above 2^53 not every integer is a double",
                at(&rounded.first),
                shown(text)
            )
        }));
        let complaint = self.first_missing.as_ref().map(|place| {
            let text = if place.text.is_empty() { String::new() } else { format!(" (`{}`)", shown(&place.text)) };
            let more = match self.missing.len() {
                1 => String::new(),
                count => format!(", as {} more of the column", are(count - 1)),
            };
            format!("{} is missing{text}{more}", at(place))
        });
        let note = (!notes.is_empty()).then(|| notes.join("; "));
        let gaps = complaint.map(|complaint| Gaps { rows: self.missing, complaint });
        Column { name, content, note, gaps }
    }
}

/// `is 1`, `are 2`.
fn are(count: usize) -> String {
    if count == 1 { "is 1".into() } else { format!("are {count}") }
}

const PLAIN_NUMBERS: &str = "write numbers with a decimal point and without separators of thousands";

impl Words {
    fn push(&mut self, word: &str) {
        if self.too_many {
            return;
        }
        let code = match self.index.get(word) {
            Some(&code) => code,
            None => {
                let code = self.index.len() as u32;
                self.index.insert(word.to_owned(), code);
                self.too_many = self.index.len() > MOST_LEVELS;
                code
            }
        };
        self.codes.push(code);
    }

    /// A row without a value: the first word keeps its place.
    fn push_missing(&mut self) {
        if !self.too_many {
            self.codes.push(0);
        }
    }

    /// Levels sorted, so that they do not depend on the order of the rows.
    fn finish(self) -> Values {
        let mut levels: Vec<(String, u32)> = self.index.into_iter().collect();
        levels.sort();
        let mut rank = vec![0; levels.len()];
        for (position, (_, code)) in levels.iter().enumerate() {
            rank[*code as usize] = position as u32;
        }
        Values::Words {
            levels: levels.into_iter().map(|(word, _)| word).collect(),
            codes: self.codes.into_iter().map(|code| rank[code as usize]).collect(),
        }
    }
}

/// How a number is spelled where words are due.
pub(crate) fn canonical(number: f64) -> String {
    format!("{}", number + 0.0) // −0 + 0 is 0
}

/// What files write where there is no value.
pub(crate) fn is_missing(field: &str) -> bool {
    matches!(field, "" | "?" | "NA" | "N/A" | "n/a" | "#N/A" | ".")
        || ["nan", "+nan", "-nan", "null"].iter().any(|missing| field.eq_ignore_ascii_case(missing))
}

/// `3,14` or `1,000.5`: a number to its writer.
fn looks_decimal_comma(field: &str) -> bool {
    field.contains(',') && field.chars().all(|c| c.is_ascii_digit() || ",.+-eE".contains(c))
}
/// Whether a text is an integer that no double is equal to. Integers of up to 15 digits are all doubles.
pub fn is_rounded(text: &str, number: f64) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    digits.len() > 15
        && number.is_finite()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        // All digits of the double are written.
        && format!("{:.0}", number.abs()) != digits.trim_start_matches('0')
        && number != 0.0
}
