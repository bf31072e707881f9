//! From fields to a column: numbers where every field is one, words otherwise.
//!
//! The kind of a column is known only after its last field, and a file is read once. So a column collects numbers
//! until its first word; from then on it holds words, and the numbers before and after count by their shortest
//! decimal form (`1`, `1.0` and `01` are the same word). Hence a column of codes keeps its levels in a second file
//! in which all codes happen to look like numbers.
//!
//! Fields without a value are remembered, row by row. Numbers with separators and dates are told apart from words by the whole column
//! (see [`readings`](crate::readings)).
//!
//! What a column is taken for is a [`Verdict`], for which a builder need keep no values: of rows beyond memory a first pass finds the verdict, and
//! a later one makes columns of a part of the rows by it. A column that is read at once goes the same way.

use crate::dates::{Order, written};
use crate::readings::{Kind, Numbers, Readings};
use crate::table::{Column, Content, FILL, Gaps, Values};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
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

/// What a whole column is taken for, and what is to be said of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Verdict {
    /// The name of the column.
    pub(crate) name: String,
    /// What its fields are, or why they cannot be used.
    taken: Result<Taken>,
    /// Of dates and words the first, as it is written.
    first: String,
    /// Where the first word is.
    first_word: String,
    note: Option<String>,
    /// The first field without a value, in words, where there is one.
    complaint: Option<String>,
    /// The different values, in order, up to one more than there may be levels; none where the values were kept.
    different: Values,
}

/// What the fields of a column are.
#[derive(Debug, Clone, PartialEq)]
enum Taken {
    Numbers,
    /// Numbers with separators.
    Separated(Kind),
    /// Dates in one of these orders.
    Dates(Vec<Order>),
    Words,
}

impl Verdict {
    /// What is to be said of the values.
    pub(crate) fn note(&self) -> Option<&str> {
        self.note.as_deref().filter(|_| self.taken.is_ok())
    }

    /// How many different values are known.
    pub(crate) fn different(&self) -> usize {
        match &self.different {
            Values::Numbers(numbers) => numbers.len(),
            Values::Words { levels, .. } => levels.len(),
        }
    }

    /// A column of so many rows that has every value that is known to be different, over and over: what can be learned of its kind, its
    /// levels and its classes can be learned of it.
    pub(crate) fn digest(&self, source: &str, rows: usize) -> Column {
        let around = |numbers: &[f64]| (0..rows).map(|k| numbers[k % numbers.len().max(1)]).collect();
        let content = match (&self.taken, &self.different) {
            (Err(error), _) => Err(error.clone()),
            (Ok(Taken::Dates(_)), _) => return Column::of_dates(source, &self.name, &self.first),
            (Ok(Taken::Numbers), Values::Numbers(numbers)) if !numbers.is_empty() => {
                Ok(Values::Numbers(around(numbers)))
            }
            (Ok(Taken::Words), Values::Words { levels, .. }) => {
                let codes = (0..rows).map(|k| (k % levels.len().max(1)) as u32).collect();
                Ok(Values::Words { levels: levels.clone(), codes })
            }
            // Numbers with separators are told from words by all of them, and their values are not known.
            _ => Ok(Values::Numbers(around(&[0.0, 2.5, 3.5]))),
        };
        Column { name: self.name.clone(), content: content.map(Content::Values), note: self.note.clone(), gaps: None }
    }

    /// Refuse a column that cannot be used, where it must be numbers, or have a value in every row.
    pub(crate) fn check(&self, source: &str, numbers: bool, whole: bool) -> Result<()> {
        let taken = self.taken.as_ref().map_err(Error::clone)?;
        match (taken, &self.complaint) {
            (Taken::Dates(_), _) if numbers => Column::of_dates(source, &self.name, &self.first).values().map(drop),
            (_, Some(complaint)) if whole => Err(Error::new(complaint, FILL)),
            (Taken::Words, _) if numbers => Err(Error::new(
                format!("{} is `{}` where a number was learned", self.first_word, shown(&self.first)),
                "give the column as numbers",
            )),
            _ => Ok(()),
        }
    }
}

/// Collects the fields of one column.
#[derive(Default)]
pub(crate) struct ColumnBuilder {
    /// Where values are not kept, the different numbers before the first word, but for those beyond what words may be.
    unkept: Option<HashSet<u64>>,
    /// The file that is read now, where there are several, and the rows before it.
    file: Option<Arc<str>>,
    before: usize,
    rows: usize,
    numbers: Vec<f64>,
    words: Option<Words>,
    /// What the column could be other than words, from its first word on.
    readings: Readings,
    number_count: usize,
    /// Whether a plain number was written with a decimal point.
    pointed: bool,
    missing: Vec<usize>,
    missing_count: usize,
    first_missing: Option<Place>,
    infinite: Option<Place>,
    first_word: Option<Place>,
    rounded: Option<Rounded>,
    /// Whether the numbers are dates, in seconds since 1970.
    stamps: bool,
    first_stamp: Option<f64>,
}

#[derive(Default)]
struct Words {
    codes: Vec<u32>,
    index: HashMap<String, u32>,
    too_many: bool,
    /// Whether the words of the rows are not kept.
    unkept: bool,
}

struct Place {
    file: Option<Arc<str>>,
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
    /// One that keeps no values: for the verdict alone.
    pub(crate) fn unkept() -> Self {
        Self { unkept: Some(HashSet::new()), ..Self::default() }
    }

    /// The rows from here on are those of another file; `rows` of it were read before.
    pub(crate) fn begin(&mut self, file: &Arc<str>, rows: usize) {
        self.file = Some(Arc::clone(file));
        // Rows are counted in their file. What comes before the first row of a builder belongs to no builder.
        self.before = self.rows.wrapping_sub(rows);
    }

    /// The place of the row of this number, counted from 1 over all files.
    fn place(&self, row: usize, line: Option<u64>, text: &str) -> Place {
        Place { file: self.file.clone(), row: row.wrapping_sub(self.before), line, text: text.to_owned() }
    }

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
                if self.first_word.is_none() {
                    self.first_word = Some(self.place(self.rows, line, field));
                }
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
        self.first_stamp.get_or_insert(seconds);
        self.push_number(seconds, "", None);
    }

    /// Rows so far.
    #[cfg(feature = "parquet")]
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The next value, which is not counted yet, is an integer that no double is equal to.
    fn push_rounded(&mut self, field: &str, line: Option<u64>) {
        match &mut self.rounded {
            Some(rounded) => rounded.count += 1,
            None => self.rounded = Some(Rounded { first: self.place(self.rows + 1, line, field), count: 1 }),
        }
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
        if number.is_infinite() && self.infinite.is_none() {
            self.infinite = Some(self.place(self.rows, line, field));
        }
        self.number_count += 1;
        match &mut self.words {
            None => {
                self.pointed |= field.contains('.');
                match &mut self.unkept {
                    None => self.numbers.push(number),
                    // As many as there may be words, and one that is too many.
                    Some(unkept) if unkept.len() <= MOST_LEVELS => drop(unkept.insert((number + 0.0).to_bits())),
                    Some(_) => {}
                }
            }
            Some(words) => {
                words.push(&canonical(number));
                self.readings.push_number(number, field);
            }
        }
    }

    fn push_missing(&mut self, field: &str, line: Option<u64>) {
        self.rows += 1;
        self.missing_count += 1;
        if self.first_missing.is_none() {
            self.first_missing = Some(self.place(self.rows, line, field));
        }
        self.readings.push_missing();
        if self.unkept.is_some() {
            return;
        }
        self.missing.push(self.rows - 1);
        // A value keeps the rows in step.
        match &mut self.words {
            None => self.numbers.push(0.0),
            Some(words) => words.push_missing(),
        }
    }

    fn push_word(&mut self, word: &str) {
        if self.words.is_none() {
            let kept = self.unkept.is_none().then_some(self.numbers.as_slice());
            self.readings = Readings::after(kept, self.number_count, self.pointed);
            self.begin_words();
        }
        self.words.get_or_insert_default().push(word);
    }

    /// From here on the column is one of words, and its numbers count by their shortest decimal form.
    fn begin_words(&mut self) {
        let mut words = Words { unkept: self.unkept.is_some(), ..Words::default() };
        let mut missing = self.missing.iter().peekable();
        for (k, number) in std::mem::take(&mut self.numbers).into_iter().enumerate() {
            match missing.next_if_eq(&&k) {
                Some(_) => words.push_missing(),
                None => words.push(&canonical(number)),
            }
        }
        let unkept = self.unkept.iter().flatten();
        unkept.for_each(|bits| words.push(&canonical(f64::from_bits(*bits))));
        self.words = Some(words);
    }

    /// Whether no further field can make the column usable, where it must be numbers, or have a value in every row.
    pub(crate) fn is_hopeless(&self, numbers: bool, whole: bool) -> bool {
        let words = self.words.as_ref().filter(|_| self.readings.is_empty());
        (whole && self.missing_count > 0)
            || (numbers && (words.is_some() || self.infinite.is_some()))
            || words.is_some_and(|words| words.too_many)
    }

    /// The column, with its complaint if it has one.
    pub(crate) fn finish(self, source: &str, name: String) -> Column {
        let verdict = self.verdict(source, name);
        self.finish_by(source, &verdict)
    }

    /// What the column is taken for; `source` is what messages call what it is from.
    pub(crate) fn verdict(&self, source: &str, name: String) -> Verdict {
        let at = |place: &Place| {
            let source = place.file.as_deref().unwrap_or(source);
            match place.line {
                Some(line) => format!("{source}: row {} (line {line}), column `{name}`", place.row),
                None => format!("{source}: row {}, column `{name}`", place.row),
            }
        };
        let mut notes: Vec<String> = Vec::new();
        let word = self.first_word.as_ref();
        let mut first = word.map_or(String::new(), |word| word.text.clone());
        let known = self.rows - self.missing_count;
        let infinite = |taken: Taken| match &self.infinite {
            Some(place) => Err(Error::new(
                format!("{} is `{}`, which is not a finite number", at(place), shown(&place.text)),
                "mend the value or drop the row, or leave the column out",
            )),
            None => Ok(taken),
        };
        let taken: Result<Taken> = match (&self.words, self.readings.numbers()) {
            (None, _) if self.stamps => {
                first = self.first_stamp.map_or(String::new(), written);
                Ok(Taken::Dates(vec![Order::Ymd]))
            }
            (None, _) => infinite(Taken::Numbers),
            (Some(_), Numbers::One(reading)) if reading.kind != Kind::DecimalComma || 2 * reading.count >= known => {
                let how = match reading.kind {
                    Kind::DecimalComma => "a decimal comma",
                    _ => "separators of thousands",
                };
                notes.extend(word.map(|word| format!("{} is `{}`: numbers with {how}", at(word), shown(&word.text))));
                infinite(Taken::Separated(reading.kind))
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
                let text = word.map_or("", |word| &word.text);
                if !dates.is_empty() {
                    Ok(Taken::Dates(dates))
                } else if mixed {
                    let hint = if looks_decimal_comma(text) {
                        PLAIN_NUMBERS
                    } else {
                        "mend the value or leave the column out; a column counts as words when at least half of it is"
                    };
                    Err(Error::new(
                        format!(
                            "{} is `{}` where most values are numbers",
                            word.map_or(String::new(), at),
                            shown(text)
                        ),
                        hint,
                    ))
                } else if words.too_many {
                    let hint = if looks_decimal_comma(text) {
                        PLAIN_NUMBERS
                    } else {
                        "leave the column out: words become one input column each, which is for few levels"
                    };
                    let what = format!("{source}: column `{name}` has more than {MOST_LEVELS} different words");
                    Err(Error::new(what, hint))
                } else {
                    Ok(Taken::Words)
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
            let more = match self.missing_count {
                1 => String::new(),
                count => format!(", as {} more of the column", are(count - 1)),
            };
            format!("{} is missing{text}{more}", at(place))
        });
        let note = (!notes.is_empty()).then(|| notes.join("; "));
        let first_word = word.map_or(String::new(), at);
        let different = match (&self.words, &self.unkept) {
            (Some(words), Some(_)) => {
                let mut levels: Vec<String> = words.index.keys().cloned().collect();
                levels.sort();
                Values::Words { levels, codes: Vec::new() }
            }
            (None, Some(unkept)) => {
                let mut numbers: Vec<f64> = unkept.iter().map(|bits| f64::from_bits(*bits)).collect();
                numbers.sort_by(f64::total_cmp);
                Values::Numbers(numbers)
            }
            (_, None) => Values::Numbers(Vec::new()),
        };
        Verdict { name, taken, first, first_word, note, complaint, different }
    }

    /// The column of some rows of a whole column of which this is known.
    pub(crate) fn finish_by(mut self, source: &str, verdict: &Verdict) -> Column {
        // What the whole column is, a part of it is, unless it is another one by now.
        let changed = || {
            let what = format!("{source}: column `{}` is not what it was when it was read first", verdict.name);
            Error::new(what, "leave the file alone while it is read, and try again")
        };
        let reading = |builder: &Self, kind| match builder.words {
            None => Ok(builder.numbers.clone()),
            Some(_) => builder.readings.of(kind).map(<[f64]>::to_vec).ok_or_else(changed),
        };
        let content = match verdict.taken.as_ref().map_err(Error::clone) {
            Err(error) => Err(error),
            Ok(Taken::Numbers) if self.words.is_some() => Err(changed()),
            Ok(Taken::Numbers) => Ok(Content::Values(Values::Numbers(std::mem::take(&mut self.numbers)))),
            Ok(Taken::Separated(kind)) => reading(&self, *kind).map(|values| Content::Values(Values::Numbers(values))),
            Ok(Taken::Dates(orders)) => {
                let of = |order: &Order| Ok((*order, reading(&self, Kind::Date(*order))?));
                orders.iter().map(of).collect::<Result<_>>().map(|readings| Content::Dates {
                    first: verdict.first.clone(),
                    source: source.to_owned(),
                    readings,
                })
            }
            Ok(Taken::Words) => {
                if self.words.is_none() {
                    self.begin_words();
                }
                let words = self.words.take().unwrap_or_default();
                if words.too_many { Err(changed()) } else { Ok(Content::Values(words.finish())) }
            }
        };
        let gaps = (!self.missing.is_empty()).then(|| verdict.complaint.clone().ok_or_else(changed)).transpose();
        let (content, gaps) = match gaps {
            Ok(gaps) => (content, gaps.map(|complaint| Gaps { rows: self.missing, complaint })),
            Err(error) => (Err(error), None),
        };
        Column { name: verdict.name.clone(), content, note: verdict.note.clone(), gaps }
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
        if !self.unkept {
            self.codes.push(code);
        }
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
            // Where no row of a part has a value there is no word.
            codes: self.codes.into_iter().map(|code| rank.get(code as usize).copied().unwrap_or(0)).collect(),
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
