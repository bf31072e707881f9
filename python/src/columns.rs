//! From arrays and columns of Python to numbers, each copied once.
//!
//! The Python side hands over either one matrix (an array of any numeric type and any strides) or a list of named columns
//! (arrays of numbers, or lists of words and numbers). Complaints are those of a table from a file, made by the same code;
//! the inputs are called `X` in them, the target `y`.

use crate::errors::{OrRaise, refused};
use faer::Mat;
use numpy::ndarray::{ArrayView1, ArrayView2};
use numpy::{PyReadonlyArray1, PyReadonlyArray2, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyList, PyString};
use tautnet::Error;
use tautnet::error::Result;
use tautnet::recipe::without;
use tautnet_tables::dates::AskedDate;
use tautnet_tables::{Cell, Column, ColumnChoice, Encoder, Missing, Table, Task, UnknownLevels, Values};

/// What messages call the inputs.
pub const INPUTS: &str = "X";
/// What messages call the target.
pub const TARGET: &str = "y";

/// Numeric types whose values are numbers as they are.
macro_rules! numeric_types {
    ($with:ident) => {
        $with!(f64, f32, i64, i32, i16, i8, u64, u32, u16, u8, bool)
    };
}

/// A number of any of these types as a double.
trait Number: Copy + std::fmt::Display {
    fn double(self) -> f64;

    /// Whether no double is equal to it.
    fn is_rounded(self) -> bool {
        false
    }
}

macro_rules! numbers {
    ($($kind:ty),*) => { $(impl Number for $kind {
        #[inline]
        fn double(self) -> f64 {
            f64::from(self)
        }
    })* };
}
numbers!(f32, i32, i16, i8, u32, u16, u8, bool);

impl Number for f64 {
    fn double(self) -> f64 {
        self
    }
}

impl Number for i64 {
    fn double(self) -> f64 {
        self as f64
    }

    fn is_rounded(self) -> bool {
        self as f64 as i128 != i128::from(self)
    }
}

impl Number for u64 {
    fn double(self) -> f64 {
        self as f64
    }

    fn is_rounded(self) -> bool {
        self as f64 as u128 != u128::from(self)
    }
}

/// Say once a column which integer no double is equal to; `place` is what messages call the column.
fn note_rounded<T: Number>(
    py: Python<'_>,
    values: impl Iterator<Item = T>,
    place: impl Fn(usize) -> String,
) -> PyResult<()> {
    let mut rounded = values.enumerate().filter(|(_, value)| value.is_rounded());
    let Some((k, value)) = rounded.next() else { return Ok(()) };
    let more = match rounded.count() {
        0 => String::new(),
        count => format!(" (and {count} more)"),
    };
    let note = format!(
        "{} is {value}{more}, which is kept as {}: above 2^53 not every integer is a double",
        place(k + 1),
        value.double()
    );
    crate::errors::warn(py, Some(&note))
}

/// Rows copied at a time, so that a matrix stored by rows and one stored by columns both pass through the cache once.
const BLOCK: usize = 256;

fn copy_matrix<T: Number>(from: ArrayView2<'_, T>) -> Mat<f64> {
    let (n, d) = from.dim();
    let mut x = Mat::zeros(n, d);
    for first in (0..n).step_by(BLOCK) {
        for j in 0..d {
            for k in first..n.min(first + BLOCK) {
                x[(k, j)] = from[(k, j)].double();
            }
        }
    }
    x
}

/// Doubles or floats, copied.
pub fn copied<T: Copy + Into<f64>>(from: ArrayView2<'_, T>) -> Mat<f64> {
    let mut x = Mat::zeros(from.nrows(), from.ncols());
    for (from, to) in from.columns().into_iter().zip(x.col_iter_mut()) {
        from.iter().zip(to.iter_mut()).for_each(|(from, to)| *to = (*from).into());
    }
    x
}

fn copy_column<T: Number>(from: ArrayView1<'_, T>) -> Vec<f64> {
    from.iter().map(|value| value.double()).collect()
}

/// An array of two dimensions, its columns called so in messages.
pub fn matrix(array: &Bound<'_, PyAny>, names: Option<&[String]>) -> PyResult<Mat<f64>> {
    let py = array.py();
    macro_rules! try_each {
        ($($kind:ty),*) => { $(
            if let Ok(array) = array.extract::<PyReadonlyArray2<'_, $kind>>() {
                let array = array.as_array();
                for j in 0..array.ncols() {
                    let name = || names.and_then(|names| names.get(j).cloned()).unwrap_or_else(|| default_name(j));
                    let place = |row| format!("{INPUTS}: row {row}, column `{}`", name());
                    note_rounded(py, array.column(j).iter().copied(), place)?;
                }
                return Ok(copy_matrix(array));
            }
        )* };
    }
    numeric_types!(try_each);
    Err(not_numbers(array, INPUTS, "two dimensions, one row a sample"))
}

/// An array of one dimension.
fn column(array: &Bound<'_, PyAny>, name: &str) -> PyResult<Vec<f64>> {
    let py = array.py();
    macro_rules! try_each {
        ($($kind:ty),*) => { $(
            if let Ok(array) = array.extract::<PyReadonlyArray1<'_, $kind>>() {
                let array = array.as_array();
                note_rounded(py, array.iter().copied(), |row| format!("row {row} of `{name}`"))?;
                return Ok(copy_column(array));
            }
        )* };
    }
    numeric_types!(try_each);
    Err(not_numbers(array, name, "one dimension, one number a row"))
}

fn not_numbers(array: &Bound<'_, PyAny>, name: &str, due: &str) -> PyErr {
    match array.cast::<PyUntypedArray>() {
        Ok(array) => refused(
            format!("{name} is an array of {} dimensions and type {}", array.ndim(), array.dtype()),
            format!("give numbers in {due}"),
        ),
        Err(_) => refused(format!("{name} is not an array"), format!("give an array of numbers in {due}")),
    }
}

/// The inputs as they were given.
pub enum Inputs {
    /// Numbers only; `names` where the columns have any.
    Numbers { names: Option<Vec<String>>, x: Mat<f64> },
    /// Columns with words among them.
    Table(Table),
}

/// What is done with missing values, and what is made of dates.
#[derive(Debug, Clone, Default)]
pub struct Prepared {
    pub missing: Missing,
    pub dates: Vec<AskedDate>,
}

/// Columns that have been learned, their inputs, and the rows that are left of those that were given, where some are not.
pub struct Learned {
    pub columns: Encoder,
    pub x: Mat<f64>,
    pub rows: Option<Vec<usize>>,
}

impl Inputs {
    /// Read `(names or None, matrix)` or a list of `(name, column)`.
    pub fn read(given: &Bound<'_, PyAny>) -> PyResult<Self> {
        let Ok(columns) = given.cast::<PyList>() else {
            let (names, array): (Option<Vec<String>>, Bound<'_, PyAny>) = given.extract()?;
            let x = matrix(&array, names.as_deref())?;
            return Self::numbers(names, x);
        };
        let columns: Vec<(String, Bound<'_, PyAny>)> = columns.extract()?;
        if columns.iter().all(|(_, values)| values.cast::<PyList>().is_err()) {
            return Self::gathered(columns);
        }
        let columns = columns.into_iter().map(|(name, values)| match values.cast::<PyList>() {
            Ok(cells) => words(name, cells),
            Err(_) => column(&values, &name).map(|numbers| match numbers.iter().all(|number| number.is_finite()) {
                true => Column::new(name, Values::Numbers(numbers)),
                false => Column::collect(INPUTS, name, numbers.into_iter().map(Cell::Number)),
            }),
        });
        let columns = columns.collect::<PyResult<Vec<_>>>()?;
        let rows = columns.iter().find_map(|column| column.values().ok().map(Values::len));
        if rows == Some(0) {
            return Err(raised_empty());
        }
        Table::new(INPUTS, columns).or_raise().map(Self::Table)
    }

    /// Columns of numbers, each copied to its place.
    fn gathered(columns: Vec<(String, Bound<'_, PyAny>)>) -> PyResult<Self> {
        let mut x = Mat::zeros(0, 0);
        let mut names = Vec::with_capacity(columns.len());
        let count = columns.len();
        for (j, (name, values)) in columns.into_iter().enumerate() {
            let numbers = column(&values, &name)?;
            if j == 0 {
                x = Mat::zeros(numbers.len(), count);
            }
            if numbers.len() != x.nrows() {
                return Err(refused(
                    format!("{INPUTS}: column `{name}` has {} rows where {} are due", numbers.len(), x.nrows()),
                    "give columns of equal length",
                ));
            }
            numbers.into_iter().enumerate().for_each(|(k, number)| x[(k, j)] = number);
            names.push(name);
        }
        Self::numbers(Some(names), x)
    }

    /// Refuse names that occur twice. Where numbers are not finite, a table knows what is to be said of it.
    fn numbers(names: Option<Vec<String>>, x: Mat<f64>) -> PyResult<Self> {
        if x.nrows() == 0 {
            return Err(raised_empty());
        }
        if let Some(names) = &names {
            if names.len() != x.ncols() {
                let (names, columns) = (names.len(), x.ncols());
                return Err(refused(
                    format!("{INPUTS}: there are {names} names for {columns} columns"),
                    "give one name per column",
                ));
            }
            let one = names.iter().map(|name| Column::new(name, Values::Numbers(vec![0.0])));
            Table::new(INPUTS, one.collect()).or_raise()?;
        }
        let all = &x;
        let column = |j: usize| (0..all.nrows()).map(move |k| all[(k, j)]);
        if (0..x.ncols()).any(|j| !column(j).all(f64::is_finite)) {
            let name = |j: usize| names.as_ref().map_or_else(|| default_name(j), |names| names[j].clone());
            let columns =
                (0..x.ncols()).map(|j| Column::collect(INPUTS, name(j), column(j).map(Cell::Number))).collect();
            return Table::new(INPUTS, columns).or_raise().map(Self::Table);
        }
        Ok(Self::Numbers { names, x })
    }

    /// Names of the columns, or those that a file without a header would give them.
    fn names(&self) -> Vec<String> {
        match self {
            Self::Numbers { names: Some(names), .. } => names.clone(),
            Self::Numbers { names: None, x } => (0..x.ncols()).map(default_name).collect(),
            Self::Table(table) => table.columns().iter().map(|column| column.name.clone()).collect(),
        }
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        match self {
            Self::Numbers { x, .. } => x.ncols(),
            Self::Table(table) => table.columns().len(),
        }
    }

    /// What a target without a name is called: as in a file without a header, where the columns are called so too.
    pub fn target_name(&self) -> String {
        let plain = self.names().into_iter().enumerate().all(|(j, name)| name == default_name(j));
        if plain { default_name(self.columns()) } else { "target".into() }
    }

    /// The same for a target and so many others.
    pub fn target_names(&self, others: usize) -> (String, Vec<String>) {
        let first = self.target_name();
        let plain = first == default_name(self.columns());
        let other = |k: usize| if plain { default_name(self.columns() + k) } else { format!("target_{}", k + 1) };
        match others {
            0 => (first, Vec::new()),
            _ => (if plain { first } else { "target_1".into() }, (1..=others).map(other).collect()),
        }
    }

    /// Refuse values that are not finite numbers, where there is nothing but numbers to be.
    pub fn check_values(&self) -> Result<()> {
        match self {
            Self::Numbers { .. } => Ok(()),
            Self::Table(table) => {
                table.columns().iter().try_for_each(|column| column.values().map(|_| ())).map_err(as_they_are)
            }
        }
    }

    /// Learn what the columns mean, beside a target of that name, and encode them.
    pub fn learn(self, target: String, y: &[f64], prepared: &Prepared) -> Result<Learned> {
        let as_they_are = prepared.missing == Missing::Refuse && prepared.dates.is_empty();
        let columns = match self {
            Self::Numbers { names, x } if as_they_are => {
                let names = names.unwrap_or_else(|| (0..x.ncols()).map(default_name).collect());
                if names.contains(&target) {
                    return Err(both(&target));
                }
                let columns = Encoder::of_numbers(names, target);
                columns.check_targets(TARGET, y)?;
                return Ok(Learned { columns, x, rows: None });
            }
            Self::Numbers { names, x } => {
                let names = names.unwrap_or_else(|| (0..x.ncols()).map(default_name).collect());
                let numbers = |j: usize| Values::Numbers((0..x.nrows()).map(|k| x[(k, j)]).collect());
                names.into_iter().enumerate().map(|(j, name)| Column::new(name, numbers(j))).collect()
            }
            Self::Table(table) => table.columns().to_vec(),
        };
        if columns.iter().any(|column| column.name == target) {
            return Err(both(&target));
        }
        let columns = [columns, vec![Column::new(&target, Values::Numbers(y.to_vec()))]].concat();
        let table = Table::new(INPUTS, columns)?;
        let Prepared { missing, dates } = prepared;
        let choice = ColumnChoice {
            task: Task::Regress,
            targets: &[&target],
            missing: *missing,
            dates,
            ..ColumnChoice::default()
        };
        let columns = Encoder::choose(&table, &choice)?;
        let rows = columns.whole_rows(&table)?;
        let x = match &rows {
            Some(rows) => columns.encode(&table.select(rows), UnknownLevels::Refuse)?,
            None => columns.encode(&table, UnknownLevels::Refuse)?,
        };
        Ok(Learned { columns, x, rows })
    }

    /// Encode the columns as they were learned: by their names where they have any, else by their order.
    pub fn encode(self, encoder: &Encoder) -> Result<Mat<f64>> {
        self.encoded(encoder).map_err(as_they_are)
    }

    fn encoded(self, encoder: &Encoder) -> Result<Mat<f64>> {
        let known = || encoder.given().into_iter().map(String::from).collect::<Vec<_>>();
        match self {
            Self::Numbers { names, x } => {
                let plain = encoder.preparation.dates.is_empty()
                    && encoder.inputs.iter().all(|input| input.levels.is_none() && !input.exact);
                let in_order = names.as_ref().is_none_or(|names| *names == known());
                if in_order && x.ncols() != known().len() {
                    return Err(Error::new(
                        format!("{INPUTS} has {} input columns where {} are due", x.ncols(), known().len()),
                        "give the columns the network was trained on, in that order",
                    ));
                }
                if plain && in_order {
                    return Ok(x);
                }
                let names = names.unwrap_or_else(known);
                let numbers = |j: usize| Values::Numbers((0..x.nrows()).map(|k| x[(k, j)]).collect());
                let columns = names.into_iter().enumerate().map(|(j, name)| Column::new(name, numbers(j)));
                encoder.encode(&Table::new(INPUTS, columns.collect())?, UnknownLevels::Refuse)
            }
            Self::Table(table) => encoder.encode(&table, UnknownLevels::Refuse),
        }
    }
}

/// As a file without a header names its columns, so that a model of plain arrays fits such a file.
pub fn default_name(j: usize) -> String {
    format!("column_{}", j + 1)
}

/// The error where columns are taken as they are: only a fit can be told what to do with missing values and dates of the inputs.
pub fn as_they_are(error: Error) -> Error {
    Error { hint: without(&error.hint, &["missing", "date"]), ..error }
}

/// A name that an input and a target have.
pub fn both(target: &str) -> Error {
    Error::new(
        format!("`{target}` is both an input column and the target"),
        format!("leave `{target}` out of {INPUTS}, or rename one of them"),
    )
}

fn raised_empty() -> PyErr {
    refused(format!("{INPUTS} has no rows"), "at least one row of values is needed")
}

/// A column of words and numbers, as a file would have it.
fn words(name: String, cells: &Bound<'_, PyList>) -> PyResult<Column> {
    let mut texts: Vec<std::result::Result<f64, String>> = Vec::with_capacity(cells.len());
    for (k, cell) in cells.iter().enumerate() {
        texts.push(if cell.is_none() {
            Err(String::new())
        } else if let Ok(text) = cell.cast::<PyString>() {
            Err(text.to_string())
        } else if let Ok(number) = cell.cast::<PyFloat>() {
            Ok(number.extract()?)
        } else {
            return Err(refused(
                format!("{INPUTS}: row {}, column `{name}` is a value of type {}", k + 1, cell.get_type().name()?),
                "give numbers, or words for a column of words",
            ));
        });
    }
    let cells = texts.iter().map(|cell| match cell {
        Ok(number) => Cell::Number(*number),
        Err(text) => Cell::Text(text),
    });
    Ok(Column::collect(INPUTS, name, cells))
}

/// The target, finite.
pub fn targets(array: &Bound<'_, PyAny>, name: &str, inputs: &Inputs) -> PyResult<Vec<f64>> {
    let y = match array.cast::<PyList>() {
        Ok(cells) => {
            // A table with the names of the inputs, for these are what the complaint about words suggests.
            let column = words(name.to_owned(), cells)?;
            let others = inputs.names().into_iter().filter(|other| other != name);
            let others = others.map(|other| Column::new(other, Values::Numbers(vec![0.0; cells.len()])));
            let table = Table::new(TARGET, others.chain([column]).collect()).or_raise()?;
            Encoder::of_numbers([], name).targets(&table).map_err(as_they_are).or_raise()?
        }
        Err(_) => column(array, TARGET)?,
    };
    if !y.iter().all(|value| value.is_finite()) {
        Column::collect(TARGET, name, y.iter().map(|value| Cell::Number(*value)))
            .values()
            .map_err(as_they_are)
            .or_raise()?;
    }
    Ok(y)
}

/// Sample weights, which the data set checks.
pub fn weights(array: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Vec<f64>>> {
    array.map(|array| column(array, "sample_weight")).transpose()
}
