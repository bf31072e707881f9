//! How wrong the inputs of any row can be, column by column: what was said, once the columns are known.

use super::set::{Shape, Tolerance};
use crate::error::Result;
use faer::Mat;
use serde::{Deserialize, Serialize};

/// Of a column, `percent` of the value in the row and `absolute` beside it, in the units of the table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ByColumn {
    /// The shape of the set.
    pub shape: Shape,
    /// Percent of the value, a number a column.
    pub percent: Vec<f64>,
    /// A part that does not depend on the value.
    pub absolute: Vec<f64>,
}

impl ByColumn {
    /// The tolerance of so many rows, whose values in the units of the table are `x`.
    pub fn on(&self, rows: usize, x: impl Fn(usize, usize) -> f64) -> Result<Tolerance> {
        // Rows differ only where a percentage of their values is asked for.
        let rows = if self.percent.iter().all(|percent| *percent == 0.0) { rows.min(1) } else { rows };
        let size = |k: usize, j: usize| match self.percent[j] {
            0.0 => self.absolute[j],
            percent => percent / 100.0 * x(k, j).abs() + self.absolute[j],
        };
        Tolerance::of_rows(self.shape, Mat::from_fn(rows, self.percent.len(), size))
    }

    /// The least and the largest tolerance of each column, of rows whose values are within these ranges.
    pub fn ranges(&self, ranges: &[(f64, f64)]) -> Vec<(f64, f64)> {
        let of = |(j, &(low, high)): (usize, &(f64, f64))| {
            let (one, other) = (low.abs(), high.abs());
            let nearest = if low <= 0.0 && high >= 0.0 { 0.0 } else { one.min(other) };
            let size = |value: f64| self.percent[j] / 100.0 * value + self.absolute[j];
            (size(nearest), size(one.max(other)))
        };
        ranges.iter().enumerate().map(of).collect()
    }
}
