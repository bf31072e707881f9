//! Conditioned coordinates: `x = shift + scale ∘ x'`, `f = y_scale · f'`, so that badly scaled columns cost no digits.

use super::start::Given;
use crate::{Dataset, unit::Unit};
use faer::Mat;

/// Coordinates in which the program is well scaled.
#[derive(Debug, Clone)]
pub(crate) struct Conditioning {
    pub shift: Vec<f64>,
    pub scale: Vec<f64>,
    pub y_scale: f64,
    /// `κ̄`, the geometric mean of the columns' scales: with the corner of `E` and of every clique scaled by it,
    /// `E = diag(κ_k²/κ̄² L, L)` is balanced whatever units the columns are in.
    pub middle: f64,
}

impl Conditioning {
    /// Mean and spread of each column, root mean square of the targets.
    pub fn of(data: &Dataset) -> Self {
        let n = data.rows() as f64;
        let (mut shift, mut scale) = (Vec::new(), Vec::new());
        for j in 0..data.columns() {
            let mean = data.x.col(j).iter().sum::<f64>() / n;
            let spread = (data.x.col(j).iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
            // A column that is constant up to rounding carries no information.
            let constant = !(spread > 1e-12 * mean.abs() && spread.is_normal());
            shift.push(mean);
            scale.push(if constant { 1.0 } else { spread });
        }
        let square = data.y.iter().map(|y| y * y).sum::<f64>() / n;
        let y_scale = if square.is_normal() && square > 0.0 { square.sqrt() } else { 1.0 };
        let middle = (scale.iter().map(|c: &f64| c.ln()).sum::<f64>() / scale.len() as f64).exp();
        Self { shift, scale, y_scale, middle }
    }

    /// No data, only a network: unit columns.
    pub fn none(inputs: usize, y_scale: f64) -> Self {
        Self { shift: vec![0.0; inputs], scale: vec![1.0; inputs], y_scale, middle: 1.0 }
    }

    /// What a bound or a multiplier is divided by: L and ℓ in these coordinates are L·c̄/y_scale and ℓ·c̄/y_scale.
    pub fn bound_scale(&self) -> f64 {
        self.y_scale / self.middle
    }

    /// Units and a linear part in these coordinates.
    pub fn given(&self, units: &[Unit], linear: Option<&[f64]>) -> Given {
        let d = self.scale.len();
        let z = Mat::from_fn(d + 1, units.len(), |a, i| {
            let unit = &units[i];
            let value = if a < d {
                unit.z[a] * self.scale[a]
            } else {
                unit.bias + unit.z.iter().zip(&self.shift).map(|(z, s)| z * s).sum::<f64>()
            };
            value / self.y_scale
        });
        let given = linear.map_or_else(|| vec![0.0; d], <[f64]>::to_vec);
        Given { z, linear: given.iter().zip(&self.scale).map(|(a, scale)| a * scale / self.y_scale).collect() }
    }
}
