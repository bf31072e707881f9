//! Numbers ready for training: inputs, targets and sample weights.

use crate::error::{Error, Result};
use faer::Mat;

/// n rows of d inputs, n targets, and optionally n non-negative sample weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// Inputs, n × d.
    pub x: Mat<f64>,
    /// Targets, n.
    pub y: Vec<f64>,
    /// Sample weights, n; `None` means all equal.
    pub weights: Option<Vec<f64>>,
}

impl Dataset {
    /// A data set from its parts; refuses empty, mismatched or non-finite ones.
    pub fn new(x: Mat<f64>, y: Vec<f64>, weights: Option<Vec<f64>>) -> Result<Self> {
        let (n, d) = (x.nrows(), x.ncols());
        if n == 0 || d == 0 {
            return Err(Error::new(
                format!("the data has {n} rows and {d} input columns"),
                "at least one row and one input column are needed",
            ));
        }
        if y.len() != n {
            return Err(Error::new(
                format!("there are {} targets for {n} rows of inputs", y.len()),
                "give one target per row",
            ));
        }
        for k in 0..n {
            for j in 0..d {
                if !x[(k, j)].is_finite() {
                    return Err(Error::new(
                        format!("row {k}, input column {j} is {}", x[(k, j)]),
                        "every input must be a finite number; drop or fill the row",
                    ));
                }
            }
            if !y[k].is_finite() {
                return Err(Error::new(
                    format!("the target in row {k} is {}", y[k]),
                    "every target must be a finite number; drop or fill the row",
                ));
            }
        }
        if let Some(weights) = &weights {
            if weights.len() != n {
                return Err(Error::new(
                    format!("there are {} sample weights for {n} rows", weights.len()),
                    "give one weight per row",
                ));
            }
            if let Some(k) = weights.iter().position(|w| !w.is_finite() || *w < 0.0) {
                return Err(Error::new(
                    format!("the sample weight of row {k} is {}", weights[k]),
                    "sample weights must be finite and not negative",
                ));
            }
            if weights.iter().sum::<f64>() <= 0.0 {
                return Err(Error::new("all sample weights are zero", "at least one row must count"));
            }
        }
        Ok(Self { x, y, weights })
    }

    /// Number of rows, n.
    pub fn rows(&self) -> usize {
        self.x.nrows()
    }

    /// Number of input columns, d.
    pub fn columns(&self) -> usize {
        self.x.ncols()
    }

    /// The rows of these indices, in their order.
    pub fn select(&self, rows: &[usize]) -> Self {
        Self {
            x: Mat::from_fn(rows.len(), self.columns(), |k, j| self.x[(rows[k], j)]),
            y: rows.iter().map(|&k| self.y[k]).collect(),
            weights: self.weights.as_ref().map(|weights| rows.iter().map(|&k| weights[k]).collect()),
        }
    }
}
