//! Dates and times as tables write them, and the numbers that are made of them.
//!
//! A date is held as seconds since the first of January 1970; times with an offset are taken in UTC, times without one as they
//! stand. The order of day and month in `03/04/2024` is what the whole column says: it may have a `25` in one of the two places.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use tautnet::error::{Error, Result};
use tautnet::printable::shown;

/// In which order a date has its year, its month and its day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// `2024-01-31`
    Ymd,
    /// `31.01.2024`
    Dmy,
    /// `01/31/2024`
    Mdy,
}

impl Order {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ymd, Self::Dmy, Self::Mdy];

    /// How it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ymd => "ymd",
            Self::Dmy => "dmy",
            Self::Mdy => "mdy",
        }
    }

    /// Seconds since the first of January 1970, where the text is a date in this order, with or without a time.
    pub(crate) fn seconds(self, text: &str) -> Option<f64> {
        let (date, time) = match text.find(['T', ' ']) {
            Some(at) => (&text[..at], Some(text[at + 1..].trim_start())),
            None => (text, None),
        };
        let separator = date.chars().find(|c| !c.is_ascii_digit()).filter(|c| "-/.".contains(*c))?;
        let fields: Vec<&str> = date.split(separator).collect();
        let [a, b, c] = fields[..] else { return None };
        let (year, month, day) = match self {
            Self::Ymd => (a, b, c),
            Self::Dmy => (c, b, a),
            Self::Mdy => (c, a, b),
        };
        let number = |text: &str, most: usize| {
            let good = !text.is_empty() && text.len() <= most && text.bytes().all(|byte| byte.is_ascii_digit());
            good.then(|| text.parse::<i16>().ok()).flatten()
        };
        let year = number(year, 4).filter(|_| year.len() == 4)?;
        let date = Date::new(year, number(month, 2)? as i8, number(day, 2)? as i8).ok()?;
        let Some(time) = time else { return Some(seconds_of(date.at(0, 0, 0, 0))) };
        // A sign or a Z behind the time of day is an offset.
        if time.contains(['Z', 'z', '+', '-']) {
            let instant: Timestamp = format!("{date}T{time}").parse().ok()?;
            return Some(instant.as_second() as f64 + f64::from(instant.subsec_nanosecond()) * 1e-9);
        }
        let time: Time = time.parse().ok()?;
        Some(seconds_of(date.to_datetime(time)))
    }
}

/// A date of so many seconds since the first of January 1970, as it is written.
pub(crate) fn written(seconds: f64) -> String {
    Timestamp::from_second(seconds.floor() as i64)
        .map_or_else(|_| format!("{seconds} s since 1970"), |at| at.to_string())
}

/// Seconds since the first of January 1970.
fn seconds_of(at: DateTime) -> f64 {
    let days = at.date().duration_since(Date::constant(1970, 1, 1)).as_secs();
    let time = at.time().duration_since(Time::midnight());
    days as f64 + time.as_secs_f64()
}

/// What is made of a column of dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DateForm {
    /// Days since the first of January 1970, with fractions.
    Days,
    /// Year, month, day of the month, weekday, hour and minute, those of them that are not the same in every row.
    Parts,
}

/// A part of a date, as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Days since the first of January 1970, with fractions.
    Days,
    /// The year.
    Year,
    /// The month, from 1.
    Month,
    /// The day of the month, from 1.
    Day,
    /// The day of the week, from 1 for Monday.
    Weekday,
    /// The hour, from 0.
    Hour,
    /// The minute, from 0.
    Minute,
}

impl Part {
    /// How it is called: behind the name of the column and a point.
    pub fn name(self) -> &'static str {
        match self {
            Self::Days => "days",
            Self::Year => "year",
            Self::Month => "month",
            Self::Day => "day",
            Self::Weekday => "weekday",
            Self::Hour => "hour",
            Self::Minute => "minute",
        }
    }

    /// Of a date in seconds.
    pub(crate) fn of(self, seconds: f64) -> f64 {
        if self == Self::Days {
            return seconds / 86_400.0;
        }
        let at = Timestamp::from_second(seconds.floor() as i64).unwrap_or_default();
        let at = jiff::tz::Offset::UTC.to_datetime(at);
        f64::from(match self {
            Self::Days => 0,
            Self::Year => at.year(),
            Self::Month => at.month().into(),
            Self::Day => at.day().into(),
            Self::Weekday => at.weekday().to_monday_one_offset().into(),
            Self::Hour => at.hour().into(),
            Self::Minute => at.minute().into(),
        })
    }
}

impl DateForm {
    /// Its parts, all of them.
    pub fn parts(self) -> &'static [Part] {
        match self {
            Self::Days => &[Part::Days],
            Self::Parts => &[Part::Year, Part::Month, Part::Day, Part::Weekday, Part::Hour, Part::Minute],
        }
    }
}

/// What was said of a column of dates: `COLUMN=parts`, `COLUMN=days`, and behind a comma the order where the column leaves it open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedDate {
    /// The name of the column.
    pub column: String,
    /// What is made of it.
    pub form: DateForm,
    /// The order of day, month and year, where it was said.
    pub order: Option<Order>,
}

impl FromStr for AskedDate {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            Error::new(
                format!("`{}` does not say what to do with dates", shown(text)),
                "write ⟨date=COLUMN=parts⟩ for year, month, day, weekday, hour and minute, or ⟨date=COLUMN=days⟩ for days since 1970; behind a comma \
                 the order of the dates may follow: ymd, dmy or mdy",
            )
        };
        let (column, asked) = text.rsplit_once('=').ok_or_else(wrong)?;
        let (form, order) = asked.split_once(',').map_or((asked, None), |(form, order)| (form, Some(order)));
        let form = match form.trim() {
            "parts" => DateForm::Parts,
            "days" => DateForm::Days,
            _ => return Err(wrong()),
        };
        let order = match order.map(str::trim) {
            None => None,
            Some(name) => Some(Order::ALL.into_iter().find(|order| order.name() == name).ok_or_else(wrong)?),
        };
        match column.trim() {
            "" => Err(wrong()),
            column => Ok(Self { column: column.to_owned(), form, order }),
        }
    }
}

impl fmt::Display for AskedDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let form = if self.form == DateForm::Days { "days" } else { "parts" };
        write!(f, "{}={form}", self.column)?;
        self.order.map_or(Ok(()), |order| write!(f, ",{}", order.name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dates_are_read_in_their_order_or_not_at_all() {
        let day = 86_400.0;
        for (order, text, seconds) in [
            (Order::Ymd, "1970-01-02", Some(day)),
            (Order::Ymd, "1969/12/31", Some(-day)),
            (Order::Ymd, "2024-02-30", None),
            (Order::Ymd, "24-02-03", None),
            (Order::Dmy, "2.1.1970", Some(day)),
            (Order::Mdy, "01/02/1970", Some(day)),
            (Order::Mdy, "13/02/1970", None),
            (Order::Ymd, "1970-01-02T06:30", Some(day * 1.25 + 1800.0)),
            (Order::Ymd, "1970-01-02 06:30:15.5", Some(day * 1.25 + 1815.5)),
            (Order::Ymd, "1970-01-02T06:30:00Z", Some(day * 1.25 + 1800.0)),
            (Order::Ymd, "1970-01-02T06:30:00+01:00", Some(day * 1.25 - 1800.0)),
            (Order::Dmy, "02.01.1970 06:00", Some(day * 1.25)),
            (Order::Ymd, "1970-01-02T25:00", None),
            (Order::Ymd, "1970-01", None),
            (Order::Ymd, "", None),
            (Order::Ymd, "1-2-3-4", None),
            (Order::Ymd, "1970-01/02", None),
            (Order::Ymd, "99999-01-02", None),
        ] {
            assert_eq!(order.seconds(text), seconds, "{text}");
        }
    }

    #[test]
    fn what_is_asked_of_dates_is_read_and_written() {
        for text in ["when=parts", "when=days", "a=b=days,dmy", "the day=parts,mdy"] {
            assert_eq!(text.parse::<AskedDate>().unwrap().to_string(), text);
        }
        for text in ["when", "when=", "=days", "when=weeks", "when=days,ydm", ""] {
            assert!(text.parse::<AskedDate>().unwrap_err().hint.contains("COLUMN=parts"), "{text}");
        }
    }

    proptest! {
        /// The parts of a date are those that it was written with, and Monday is the first day of the week.
        #[test]
        fn parts_are_those_that_were_written(year in 1i16..=9999, month in 1i8..=12, day in 1i8..=28, hour in 0i8..24, minute in 0i8..60) {
            let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}");
            let seconds = Order::Ymd.seconds(&text).unwrap();
            let of = |part: Part| part.of(seconds);
            prop_assert_eq!([of(Part::Year), of(Part::Month), of(Part::Day)], [f64::from(year), f64::from(month), f64::from(day)]);
            prop_assert_eq!([of(Part::Hour), of(Part::Minute)], [f64::from(hour), f64::from(minute)]);
            // The first of January 1970 was a Thursday.
            prop_assert_eq!(of(Part::Weekday), (of(Part::Days).floor() + 3.0).rem_euclid(7.0) + 1.0);
            let other = format!("{day}.{month}.{year:04} {hour:02}:{minute:02}");
            prop_assert_eq!(Order::Dmy.seconds(&other), Some(seconds));
        }
    }
}
