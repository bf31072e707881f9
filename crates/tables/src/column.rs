//! From fields to a column: numbers where every field is one, words otherwise.
//!
//! The kind of a column is known only after its last field, and a file is read once. So a column collects numbers
//! until its first word; from then on it holds words, and the numbers before and after count by their shortest
//! decimal form (`1`, `1.0` and `01` are the same word). Hence a column of codes keeps its levels in a second file
//! in which all codes happen to look like numbers.

use crate::table::{Column, Values};
use std::collections::HashMap;
use tautnet::error::Error;
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
    number_count: usize,
    missing: Option<Place>,
    infinite: Option<Place>,
    first_word: Option<Place>,
    rounded: Option<Rounded>,
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
        match self.words {
            None => self.numbers.push(number),
            Some(_) => self.push_word(&canonical(number)),
        }
    }

    fn push_missing(&mut self, field: &str, line: Option<u64>) {
        self.rows += 1;
        let row = self.rows;
        self.missing.get_or_insert_with(|| Place { row, line, text: field.to_owned() });
        // The column is flawed from here on; a value keeps the rows in step until its end.
        match self.words {
            None => self.numbers.push(0.0),
            Some(_) => self.push_word(field),
        }
    }

    fn push_word(&mut self, word: &str) {
        let numbers = &mut self.numbers;
        let words = self.words.get_or_insert_with(|| {
            let mut words = Words::default();
            std::mem::take(numbers).into_iter().for_each(|number| words.push(&canonical(number)));
            words
        });
        words.push(word);
    }

    /// The column, with its complaint if it has one.
    pub(crate) fn finish(self, source: &str, name: String) -> Column {
        let at = |place: &Place| match place.line {
            Some(line) => format!("{source}: row {} (line {line}), column `{name}`", place.row),
            None => format!("{source}: row {}, column `{name}`", place.row),
        };
        let word_count = self.rows - self.number_count;
        let mixed = self.words.is_some() && self.number_count > word_count;
        let flaw = if let (true, Some(place)) = (mixed, &self.first_word) {
            let hint = if looks_decimal_comma(&place.text) {
                "write numbers with a decimal point and without separators of thousands"
            } else {
                "mend the value or leave the column out; a column counts as words when at least half of it is"
            };
            Some(Error::new(format!("{} is `{}` where most values are numbers", at(place), shown(&place.text)), hint))
        } else if let Some(place) = &self.missing {
            let text = if place.text.is_empty() { String::new() } else { format!(" (`{}`)", shown(&place.text)) };
            Some(Error::new(
                format!("{} is missing{text}", at(place)),
                "fill the value or drop the row, or leave the column out",
            ))
        } else if let (None, Some(place)) = (&self.words, &self.infinite) {
            Some(Error::new(
                format!("{} is `{}`, which is not a finite number", at(place), shown(&place.text)),
                "mend the value or drop the row, or leave the column out",
            ))
        } else if self.words.as_ref().is_some_and(|words| words.too_many) {
            let hint = match &self.first_word {
                Some(place) if looks_decimal_comma(&place.text) => {
                    "write numbers with a decimal point and without separators of thousands"
                }
                _ => "leave the column out: words become one input column each, which is for few levels",
            };
            Some(Error::new(format!("{source}: column `{name}` has more than {MOST_LEVELS} different words"), hint))
        } else {
            None
        };
        let note = self.rounded.as_ref().map(|rounded| {
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
        });
        let values = match (self.words, &flaw) {
            (_, Some(_)) => Values::Numbers(Vec::new()),
            (None, None) => Values::Numbers(self.numbers),
            (Some(words), None) => words.finish(),
        };
        Column { name, values, flaw, note }
    }
}

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
fn is_missing(field: &str) -> bool {
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
