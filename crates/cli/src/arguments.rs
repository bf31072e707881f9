//! Every flag, once: the parser, the help, the completions and the manual page all come from here.

use crate::files::{PlotFile, plot_parser};
use crate::limits;
use crate::output;
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;
use tautnet::Norm;
use tautnet::limits::{Limit, Limits};
use tautnet::recipe::{Kind, Value};
use tautnet_tables::atomic::Existing;
use tautnet_tables::dates::AskedDate;
use tautnet_tables::{Missing, ReadOptions, Task, UnknownLevels};

/// How DATA is found and read.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Data")]
pub struct FileArguments {
    /// Whether the first row of the file names the columns
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Header::Auto)]
    pub header: Header,

    #[command(flatten)]
    pub folder: FolderArguments,
}

/// Where data sets with a name are.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Data")]
pub struct FolderArguments {
    /// Folder of data sets: NAME stands for NAME.csv in it, mnist for its idx files [default: the platform's cache]
    #[arg(long, value_name = "FOLDER", env = "TAUTNET_DATA", hide_env_values = true)]
    pub data_dir: Option<PathBuf>,
}

impl FileArguments {
    /// For the library.
    pub fn options(&self) -> ReadOptions {
        let header = match self.header {
            Header::Auto => None,
            Header::Yes => Some(true),
            Header::No => Some(false),
        };
        ReadOptions { header, delimiter: None, limits: *limits::now() }
    }
}

/// How rows beyond memory are learned from.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Rows beyond memory")]
pub struct MemoryArguments {
    /// Learn from files a block of rows at a time, with no more memory than this: 2GiB, 500MB
    ///
    /// Files by a pattern and folders of Parquet files are always read so, with 2GiB where nothing is said. Rows that have room are held as
    /// numbers; others are read again, or, where reading is slow, kept in a temporary file. The result is the same to the last bit whatever the
    /// memory is.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub memory: Option<u64>,

    /// Put the temporary file of rows that do not fit into memory into this folder [default: that of the system]
    #[arg(long, value_name = "FOLDER", requires = "memory")]
    pub cache: Option<PathBuf>,
}

/// Which columns of DATA are used.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Data")]
pub struct ColumnArguments {
    /// Column to predict, or several of numbers: A,B, or the flag for each [default: the last column]
    #[arg(long, value_name = "COLUMN")]
    pub target: Vec<String>,

    /// Leave a column out; may be given several times
    ///
    /// `*` stands for any text and `?` for one character: `--drop 'raw_*'`.
    #[arg(long, value_name = "COLUMN")]
    pub drop: Vec<String>,

    /// Take this column for an input, and no other that is not named so; may be given several times
    ///
    /// `*` stands for any text and `?` for one character: `--keep 'temp_*'`.
    #[arg(long, value_name = "COLUMN")]
    pub keep: Vec<String>,

    /// What is made of a column of dates: COLUMN=parts or COLUMN=days; may be given several times
    ///
    /// `parts` are year, month, day, weekday (from 1 for Monday), hour and minute, those of them that vary; `days` are days since 1970.
    /// Where day and month could be either, the order follows: `--date when=parts,dmy` (or `mdy`, `ymd`). Dates are exact inputs.
    #[arg(long, value_name = "COLUMN=FORM")]
    pub date: Vec<AskedDate>,

    /// What is done with rows in which a value is missing [default: refuse]
    ///
    /// `drop` leaves out such rows; `median` takes the median of the column in their place, and the most frequent one of words;
    /// `indicator` does the same, and adds an input that tells where a value was missing. A model remembers it. Rows without a target are
    /// left out, but with `refuse`.
    #[arg(long, value_name = "HOW", value_enum)]
    pub missing: Option<MissingChoice>,
}

/// What is done with missing values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MissingChoice {
    /// Refuse the table, naming the columns
    Refuse,
    /// Leave out the rows
    Drop,
    /// Fill in the median, or the most frequent word
    Median,
    /// Fill it in, and tell where in an input of its own
    Indicator,
}

impl ColumnArguments {
    /// Whether it looks as if several targets were named. A column whose name has a comma may yet be one.
    pub fn several(&self) -> bool {
        self.target.len() > 1 || self.target.iter().any(|name| name.contains(','))
    }

    /// What is done with missing values, for the library.
    pub fn missing(&self) -> Missing {
        match self.missing {
            None | Some(MissingChoice::Refuse) => Missing::Refuse,
            Some(MissingChoice::Drop) => Missing::Drop,
            Some(MissingChoice::Median) => Missing::Median,
            Some(MissingChoice::Indicator) => Missing::Indicator,
        }
    }

    /// Whether anything was said.
    pub fn is_empty(&self) -> bool {
        let Self { target, drop, keep, date, missing } = self;
        target.is_empty() && drop.is_empty() && keep.is_empty() && date.is_empty() && missing.is_none()
    }
}

/// What the target is taken for.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Data")]
pub struct TaskArguments {
    /// What the column to predict is taken for
    #[arg(long, value_name = "TASK", value_enum, default_value_t = TaskChoice::Auto)]
    task: TaskChoice,
}

impl TaskArguments {
    /// For the library.
    pub fn task(self) -> Task {
        match self.task {
            TaskChoice::Auto => Task::Auto,
            TaskChoice::Classify => Task::Classify,
            TaskChoice::Regress => Task::Regress,
        }
    }
}

/// What a target can be taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TaskChoice {
    /// A class where it is words, or the numbers 0 and 1 or -1 and 1; else a number
    Auto,
    /// A class
    Classify,
    /// A number
    Regress,
}

/// What a word means that was not there when the columns were learned.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Data")]
pub struct LevelArguments {
    /// What to do with words that were not learned
    #[arg(long, value_name = "HOW", value_enum, default_value_t = LevelChoice::Refuse)]
    pub unknown_levels: LevelChoice,
}

impl LevelArguments {
    /// For the library.
    pub fn unknown(&self) -> UnknownLevels {
        match self.unknown_levels {
            LevelChoice::Refuse => UnknownLevels::Refuse,
            LevelChoice::Ignore => UnknownLevels::Ignore,
        }
    }
}

/// What to do with unknown levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LevelChoice {
    /// Refuse the table, naming the word
    Refuse,
    /// Encode them as all zeros
    Ignore,
}

/// Whether there is a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Header {
    /// It is one when no field of the first row is a number
    Auto,
    /// The first row is the header
    Yes,
    /// The first row is data
    No,
}

/// The units in which the network meets the data.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Data")]
pub struct UnitArguments {
    /// Use the columns as they are, the network being stated in the units of the file
    ///
    /// Without it, every input column and the target are standardized (mean 0, standard deviation 1 on DATA) before
    /// they meet the network: a plain network file is then one for standardized columns.
    #[arg(long)]
    pub no_standardize: bool,

    /// Standardize the columns, the plain network being stated in the units of the file all the same
    ///
    /// The network is brought to standardized units for the work and back for FILE. Objective, λ, radii and bounds are in
    /// standardized units.
    #[arg(long, conflicts_with = "no_standardize")]
    pub raw_network: bool,
}

/// How a network that exists meets DATA.
#[derive(Debug, Clone, Args)]
pub struct MeetingArguments {
    #[command(flatten)]
    pub file: FileArguments,

    #[command(flatten)]
    pub columns: ColumnArguments,

    #[command(flatten)]
    pub levels: LevelArguments,

    #[command(flatten)]
    pub units: UnitArguments,
}

/// Norm of input changes, where a bound is all that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BoundNormChoice {
    /// Euclidean length of the change
    #[value(name = "2")]
    Two,
    /// Largest change of any input, so that all may be off by as much at once
    #[value(name = "inf")]
    Infinity,
    /// Sum of the changes of all inputs
    #[value(name = "1")]
    One,
}

impl BoundNormChoice {
    /// For the library.
    pub fn norm(self) -> Norm {
        match self {
            BoundNormChoice::Two => Norm::Two,
            BoundNormChoice::Infinity => Norm::Infinity,
            BoundNormChoice::One => Norm::One,
        }
    }
}

/// Where the result goes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub struct OutArguments {
    /// Write the result to this file, whole or not at all
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Replace FILE if it exists
    #[arg(long)]
    pub force: bool,
}

impl OutArguments {
    /// For the library.
    pub fn existing(&self) -> Existing {
        if self.force { Existing::Replace } else { Existing::Refuse }
    }
}

/// Pictures of the result.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub struct PictureArguments {
    /// Write a report to this HTML file: one page that opens offline
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,

    /// Write a chart to a .svg or .png file; may be given several times
    ///
    /// CHART is `tolerance` (worst-case error against the size of the tolerance; the default where there is one), `causes` (what each
    /// input causes of it), `attack` (error against attack radius; the default without a tolerance), `bounds` (on the Lipschitz constant),
    /// `fit` (predicted against true), `path` (of the prices λ) or `convergence` (objective and gap): `--plot a.svg --plot fit=b.png`.
    #[arg(long, value_name = "[CHART=]FILE", value_parser = plot_parser())]
    pub plot: Vec<PlotFile>,
}

impl PictureArguments {
    /// Whether there is anything to draw.
    pub fn wanted(&self) -> bool {
        self.report.is_some() || !self.plot.is_empty()
    }
}

/// How a command talks.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub struct TalkArguments {
    /// Print one JSON object on standard output
    #[arg(long)]
    pub json: bool,

    /// Show no progress
    #[arg(long, short)]
    pub quiet: bool,
}

/// `LOW:HIGH`.
pub fn interval(text: &str) -> Result<(f64, f64), String> {
    let (low, high) = text.split_once(':').ok_or("write LOW:HIGH")?;
    let (low, high) = (number(low)?, number(high)?);
    if low < high { Ok((low, high)) } else { Err("LOW must be below HIGH".into()) }
}

/// `NAME=NUMBER` of a limit.
pub fn limit(text: &str) -> Result<(Limit, u64), String> {
    let told = |error: tautnet::Error| format!("{error}; {}", output::hint(&error));
    let (name, most) = text.split_once('=').ok_or("write NAME=NUMBER")?;
    let limit: Limit = name.parse().map_err(told)?;
    let most = most.parse().map_err(|_| "the number must be a whole one")?;
    // What cannot be is said here, with the flag.
    Limits::default().with(limit, most).map_err(told)?;
    Ok((limit, most))
}

/// A finite number.
pub fn number(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        Ok(_) => Err("it must be finite".into()),
        Err(_) => Err("it must be a number".into()),
    }
}

/// A finite number that is at least 0.
pub fn radius(text: &str) -> Result<f64, String> {
    let value = number(text)?;
    if value >= 0.0 { Ok(value) } else { Err(format!("{value} is below 0")) }
}

/// A finite number > 0.
pub fn positive(text: &str) -> Result<f64, String> {
    number(text).and_then(|value| if value > 0.0 { Ok(value) } else { Err("it must be above zero".into()) })
}

/// A number of bytes: `500MB`, `2GiB`, `1.5G`.
pub fn size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let end = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "t" | "tb" => 1e12,
        "kib" => 1024.0,
        "mib" => 1048576.0,
        "gib" => 1073741824.0,
        "tib" => 1099511627776.0,
        _ => return Err("give a size such as 2GiB or 500MB".into()),
    };
    let bytes = positive(number)? * unit;
    if bytes < 1e18 { Ok(bytes as u64) } else { Err("it is more than there is".into()) }
}

/// Seconds, or a number with `s`, `m` or `h`.
pub fn duration(text: &str) -> Result<Duration, String> {
    match Kind::Seconds.read(text)? {
        Value::Number(seconds) => Duration::try_from_secs_f64(seconds).map_err(|_| "it is too long".into()),
        _ => Err("it must be a time".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn limits_have_a_name_and_a_number() {
        assert_eq!(limit("rows=7"), Ok((Limit::Rows, 7)));
        for text in ["", "rows", "rows=", "rows=0", "rows=-1", "row=3", "nesting=101", "bytes=1e9"] {
            assert!(limit(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in
            [("2GiB", 2 << 30), ("500MB", 500_000_000), ("1.5g", 1_500_000_000), ("64 MiB", 64 << 20), ("7", 7)]
        {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "GiB", "0", "-1GB", "1e30GB", "nanGB", "2 apples"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn intervals_have_two_ends_in_order() {
        assert_eq!(interval("-1:2.5"), Ok((-1.0, 2.5)));
        for text in ["", "1", "2:1", "1:1", "0:inf", "nan:1"] {
            assert!(interval(text).is_err(), "{text}");
        }
    }
}
