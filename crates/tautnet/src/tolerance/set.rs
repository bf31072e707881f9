//! How wrong the inputs of a row can be: a set of perturbations, in the units in which a network meets its inputs.

use crate::error::{Error, Result};
use crate::norm::Norm;
use faer::{Mat, MatRef};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The shape of the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// Every column within its own tolerance, whatever the others are.
    #[default]
    Box,
    /// An ellipsoid: the columns' parts of their tolerances, squared and added, come to at most 1.
    Ball,
}

impl Shape {
    /// Every shape.
    pub const ALL: [Shape; 2] = [Shape::Box, Shape::Ball];

    /// The name by which users choose it.
    pub fn name(self) -> &'static str {
        match self {
            Shape::Box => "box",
            Shape::Ball => "ball",
        }
    }

    /// The norm of the parts: at most 1 within the tolerance.
    pub fn norm(self) -> Norm {
        match self {
            Shape::Box => Norm::Infinity,
            Shape::Ball => Norm::Two,
        }
    }

    /// What it is, in a few words.
    pub fn help(self) -> &'static str {
        match self {
            Shape::Box => "every column within its own tolerance, whatever the others are",
            Shape::Ball => "an ellipsoid: the columns' parts of their tolerances, squared and added, come to at most 1",
        }
    }
}

impl std::str::FromStr for Shape {
    type Err = Error;

    /// The shape of that name.
    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|shape| shape.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::new(format!("there is no shape of a tolerance called `{name}`"), format!("choose one of: {names}"))
        })
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The tolerances of the rows of a table: `|Δ_j| ≤ τ_kj` for the box, `Σ_j (Δ_j / τ_kj)² ≤ 1` for the ball. A column whose
/// tolerance is 0 is exact.
#[derive(Debug, Clone, PartialEq)]
pub struct Tolerance {
    shape: Shape,
    /// One row where all rows have the same tolerance, or a row for each.
    sizes: Mat<f64>,
}

impl Tolerance {
    /// The same tolerance for every row.
    pub fn same(shape: Shape, sizes: &[f64]) -> Result<Self> {
        Self::of_rows(shape, Mat::from_fn(1, sizes.len(), |_, j| sizes[j]))
    }

    /// A tolerance for each row; a single row of numbers is for all of them.
    pub fn of_rows(shape: Shape, sizes: Mat<f64>) -> Result<Self> {
        for j in 0..sizes.ncols() {
            for k in 0..sizes.nrows() {
                let size = sizes[(k, j)];
                if !(size.is_finite() && size >= 0.0) {
                    return Err(Error::new(
                        format!("the tolerance of input column {} is {size} in row {}", j + 1, k + 1),
                        "give a finite number of at least 0; 0 for a column that is exact",
                    ));
                }
            }
        }
        Ok(Self { shape, sizes })
    }

    /// No tolerance: every column is exact.
    pub fn none(columns: usize) -> Self {
        Self { shape: Shape::Box, sizes: Mat::zeros(1, columns) }
    }

    /// The shape of the set.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The number of input columns.
    pub fn columns(&self) -> usize {
        self.sizes.ncols()
    }

    /// Whether every row has the same tolerance.
    pub fn is_same(&self) -> bool {
        self.sizes.nrows() == 1
    }

    /// Whether every column is exact.
    pub fn is_none(&self) -> bool {
        self.sizes.col_iter().all(|column| column.iter().all(|&size| size == 0.0))
    }

    /// The tolerance of one column in one row.
    pub fn size(&self, row: usize, column: usize) -> f64 {
        self.sizes[(if self.is_same() { 0 } else { row }, column)]
    }

    /// The tolerances as they are held: one row, or one for each.
    pub fn sizes(&self) -> MatRef<'_, f64> {
        self.sizes.as_ref()
    }

    /// The same set with the unit of every column divided by its scale: what a network sees whose inputs are scaled.
    pub fn divided(&self, scale: &[f64]) -> Self {
        self.each(|j, size| size / scale[j])
    }

    /// The same set, larger or smaller.
    pub fn times(&self, factor: f64) -> Self {
        self.each(|_, size| size * factor)
    }

    /// The same set with some columns exact.
    pub fn exact_in(&self, columns: std::ops::Range<usize>) -> Self {
        self.each(|j, size| if columns.contains(&j) { 0.0 } else { size })
    }

    fn each(&self, of: impl Fn(usize, f64) -> f64) -> Self {
        let sizes = Mat::from_fn(self.sizes.nrows(), self.sizes.ncols(), |k, j| of(j, self.sizes[(k, j)]));
        Self { shape: self.shape, sizes }
    }

    /// Of some of the rows, in their order.
    pub fn select(&self, rows: &[usize]) -> Self {
        if self.is_same() {
            return self.clone();
        }
        Self { shape: self.shape, sizes: Mat::from_fn(rows.len(), self.columns(), |r, j| self.sizes[(rows[r], j)]) }
    }

    /// How far `a·x` can move within the tolerance of a row: `max over Δ of Δ·a`.
    pub fn reach(&self, row: usize, a: &[f64]) -> f64 {
        let parts = a.iter().enumerate().map(|(j, a)| self.size(row, j) * a);
        match self.shape {
            Shape::Box => parts.map(f64::abs).sum(),
            Shape::Ball => parts.map(|part| part * part).sum::<f64>().sqrt(),
        }
    }

    /// A perturbation that moves `a·x` furthest upward.
    pub fn furthest(&self, row: usize, a: &[f64]) -> Vec<f64> {
        let sizes = (0..a.len()).map(|j| self.size(row, j));
        match self.shape {
            Shape::Box => sizes.zip(a).map(|(size, a)| if *a == 0.0 { 0.0 } else { size * a.signum() }).collect(),
            Shape::Ball => {
                let reach = self.reach(row, a);
                let scale = if reach > 0.0 { 1.0 / reach } else { 0.0 };
                sizes.zip(a).map(|(size, a)| size * size * a * scale).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_furthest_perturbation_reaches_what_is_told_and_lies_in_the_set(
            sizes in prop::collection::vec(prop_oneof![Just(0.0), 0.01..3.0f64], 3),
            a in prop::collection::vec(-2.0..2.0f64, 3),
            other in prop::collection::vec(-1.0..1.0f64, 3),
            ball in any::<bool>(),
        ) {
            let shape = if ball { Shape::Ball } else { Shape::Box };
            let tolerance = Tolerance::same(shape, &sizes).unwrap();
            let along = |delta: &[f64]| delta.iter().zip(&a).map(|(delta, a)| delta * a).sum::<f64>();
            let furthest = tolerance.furthest(0, &a);
            prop_assert!((along(&furthest) - tolerance.reach(0, &a)).abs() < 1e-12);
            let inside = |delta: &[f64]| match shape {
                Shape::Box => delta.iter().zip(&sizes).all(|(delta, size)| delta.abs() <= size + 1e-12),
                Shape::Ball => {
                    let part = |(delta, size): (&f64, &f64)| if *size > 0.0 { (delta / size).powi(2) } else { delta * 1e12 };
                    delta.iter().zip(&sizes).map(part).sum::<f64>() <= 1.0 + 1e-12
                }
            };
            prop_assert!(inside(&furthest));
            // No other perturbation of the set reaches further.
            let length = other.iter().map(|o| o * o).sum::<f64>().sqrt().max(1.0);
            let scale = if ball { 1.0 / length } else { 1.0 };
            let other: Vec<f64> = other.iter().zip(&sizes).map(|(o, size)| o * size * scale).collect();
            prop_assert!(inside(&other) && along(&other) <= tolerance.reach(0, &a) + 1e-12);
        }
    }

    #[test]
    fn what_is_no_tolerance_is_refused_by_column_and_row() {
        for bad in [-1.0, f64::NAN, f64::INFINITY] {
            let error = Tolerance::same(Shape::Box, &[0.0, bad]).unwrap_err();
            assert!(error.what.contains("input column 2"), "{}", error.what);
        }
    }
}
