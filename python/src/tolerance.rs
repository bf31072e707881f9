//! How wrong inputs can be, as Python says it: of columns, as in the library, or in arrays of numbers.

use crate::columns;
use crate::errors::OrRaise;
use crate::options::{said, texts};
use faer::Mat;
use numpy::{PyReadonlyArray1, PyUntypedArray};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde_json::{Value, json};
use tautnet::Recipe;
use tautnet::error::{Error, Result};
use tautnet::recipe::{Command, Plan, USUAL};
use tautnet::tolerance::{Amount, Asked, Entry, Shape, Tolerance};
use tautnet_tables::Encoder;

/// What was said.
pub struct Said {
    amounts: Amounts,
    shape: Option<Shape>,
}

enum Amounts {
    Nothing,
    Entries(Vec<Entry>),
    /// In the units of the data, a column for each column of the data: one row for all, or one for each.
    Sizes(Mat<f64>),
}

impl Said {
    /// From a dictionary of settings.
    pub fn of_settings(asked: &Bound<'_, PyDict>) -> PyResult<Self> {
        let amounts = asked.get_item("tolerance")?.filter(|amounts| !amounts.is_none());
        let shape = if said(asked, "tolerance_shape")? { asked.get_item("tolerance_shape")? } else { None };
        let shape = shape.map(|shape| shape.extract::<String>()).transpose()?;
        Self::read(amounts.as_ref(), shape.as_deref())
    }

    fn read(amounts: Option<&Bound<'_, PyAny>>, shape: Option<&str>) -> PyResult<Self> {
        let shape = shape.map(str::parse).transpose().or_raise()?;
        let amounts = match amounts {
            None => Amounts::Nothing,
            Some(array) if array.is_instance_of::<PyUntypedArray>() => Amounts::Sizes(sizes(array)?),
            Some(amounts) => {
                let entries = texts(amounts)?.iter().map(|text| text.parse()).collect::<Result<_>>();
                Amounts::Entries(entries.or_raise()?)
            }
        };
        Ok(Self { amounts, shape })
    }

    /// Whether nothing was said of columns or rows.
    pub fn is_nothing(&self) -> bool {
        matches!(self.amounts, Amounts::Nothing)
    }

    /// Whether every input is exact by it, as it is where nothing was said.
    pub fn is_exact(&self) -> bool {
        match &self.amounts {
            Amounts::Sizes(sizes) => is_zero(sizes),
            _ => self.over(Asked::default()).is_exact(),
        }
    }

    /// Whether each row has a tolerance of its own.
    pub fn is_rows(&self) -> bool {
        matches!(&self.amounts, Amounts::Sizes(sizes) if sizes.nrows() > 1)
    }

    /// What a fit is to do. Where numbers are given, the recipe has no words for them: the tolerance is not in its record.
    pub fn plan(&self, recipe: &Recipe) -> Result<Plan> {
        let tolerance = match &self.amounts {
            Amounts::Sizes(sizes) if is_zero(sizes) => Asked::zero(),
            Amounts::Sizes(_) => Asked { entries: vec![USUAL.parse()?], ..self.over(Asked::default()) },
            _ => self.over(recipe.tolerance.clone()),
        };
        let mut plan = Recipe { tolerance, ..recipe.clone() }.resolve(Command::Train)?;
        if matches!(self.amounts, Amounts::Sizes(_)) {
            plan.recipe.tolerance.entries.clear();
        }
        Ok(plan)
    }

    /// The same number in every row of each column is something that can be said of columns.
    pub fn of_columns(self, columns: &Encoder) -> Result<Self> {
        match self.amounts {
            Amounts::Sizes(sizes) if sizes.nrows() == 1 => {
                check_columns(&sizes, columns)?;
                if is_zero(&sizes) {
                    return Ok(Self { amounts: Amounts::Entries(Asked::zero().entries), ..self });
                }
                let entry = |(j, input): (usize, &tautnet::tolerance::Input<'_>)| Entry {
                    column: Some(input.name.to_owned()),
                    amount: Amount::Value { percent: 0.0, absolute: sizes[(0, j)] },
                };
                let entries = columns.tolerated().iter().enumerate().map(entry).collect();
                Ok(Self { amounts: Amounts::Entries(entries), ..self })
            }
            _ => Ok(self),
        }
    }

    /// What was said of columns; `known` where nothing was.
    pub fn over(&self, known: Asked) -> Asked {
        let entries = match &self.amounts {
            Amounts::Entries(entries) => entries.clone(),
            _ => known.entries,
        };
        Asked { entries, shape: self.shape.unwrap_or(known.shape) }
    }

    /// What was said of rows, in the units of the data, where it was.
    pub fn of_rows(&self, columns: &Encoder, rows: usize) -> Result<Option<Tolerance>> {
        let Amounts::Sizes(sizes) = &self.amounts else { return Ok(None) };
        check_columns(sizes, columns)?;
        if sizes.nrows() != 1 && sizes.nrows() != rows {
            return Err(Error::new(
                format!("the tolerance has {} rows and the data {rows}", sizes.nrows()),
                "give one row for each row of the data, or an array of one dimension for all of them",
            ));
        }
        let inputs = columns.tolerated();
        let of: Vec<usize> =
            inputs.iter().enumerate().flat_map(|(j, input)| std::iter::repeat_n(j, input.width)).collect();
        let sizes = Mat::from_fn(sizes.nrows(), of.len(), |k, j| sizes[(k, of[j])]);
        Tolerance::of_rows(self.shape.unwrap_or_default(), sizes).map(Some)
    }
}

/// What is told of it: the entries, or nothing where numbers were given for rows; and the shape.
pub fn told(asked: Option<&Asked>, tolerance: &Tolerance) -> (Value, Value) {
    let entries = asked.map(|asked| asked.entries.iter().map(Entry::to_string).collect::<Vec<_>>());
    (json!(entries), json!(tolerance.shape()))
}

/// An array of one dimension, as a row, or of two.
fn sizes(array: &Bound<'_, PyAny>) -> PyResult<Mat<f64>> {
    let numbers = array.call_method1("astype", ("float64",))?;
    if let Ok(row) = numbers.extract::<PyReadonlyArray1<'_, f64>>() {
        let row = row.as_array().to_vec();
        return Ok(Mat::from_fn(1, row.len(), |_, j| row[j]));
    }
    columns::matrix(&numbers, None)
}

fn is_zero(sizes: &Mat<f64>) -> bool {
    sizes.col_iter().all(|column| column.iter().all(|&size| size == 0.0))
}

/// Refuse sizes of other columns than these, and of words.
fn check_columns(sizes: &Mat<f64>, columns: &Encoder) -> Result<()> {
    let inputs = columns.tolerated();
    if sizes.ncols() != inputs.len() {
        return Err(Error::new(
            format!("the tolerance has {} columns and the data {}", sizes.ncols(), inputs.len()),
            "give one number for each column, in their order; 0 for a column that is exact",
        ));
    }
    let moving = |j: usize| (0..sizes.nrows()).any(|k| sizes[(k, j)] != 0.0);
    match inputs.iter().enumerate().find(|(j, input)| !input.numeric && moving(*j)) {
        Some((_, input)) => Err(Error::new(
            format!("the input `{}` has words, and its tolerance is a number", input.name),
            "give 0 for it: columns of words are exact",
        )),
        None => Ok(()),
    }
}
