//! The slopes a_i = v_i w_i: all of a network that its gradients are made of.

use super::dense;
use super::norm_product::path_norm;
use crate::error::{Error, Result};
use crate::program::build::Unit;
use crate::{Network, Norm};
use faer::Mat;

/// The slopes that have an effect, scaled by a power of two so that squares neither overflow nor vanish.
pub(crate) struct Slopes {
    /// Effective slopes, one row a unit of `units`.
    pub rows: Mat<f64>,
    /// Which unit each row is.
    pub units: Vec<usize>,
    /// True slope = row × scale.
    pub scale: f64,
}

impl Slopes {
    pub fn of(network: &Network) -> Result<Self> {
        let (m, d) = (network.units(), network.inputs());
        let slopes = Self::from_entries(m, d, |i, k| network.v[i] * network.w[(i, k)]);
        // The sum of the absolute values bounds every sum that will be formed.
        slopes.filter(|_| path_norm(network, Norm::Infinity).is_finite()).ok_or_else(|| {
            Error::new(
                "the products v[i]·w[i][k] of the network's weights overflow",
                "rescale the units (w[i]·α, v[i]/α leaves the network unchanged) or the inputs",
            )
        })
    }

    /// Of units, at least one; `None` when an entry is not finite.
    pub fn of_units(units: &[Unit]) -> Option<Self> {
        Self::from_entries(units.len(), units[0].z.len(), |i, k| units[i].sign * units[i].z[k])
    }

    fn from_entries(m: usize, d: usize, entry: impl Fn(usize, usize) -> f64) -> Option<Self> {
        if !(0..m).all(|i| (0..d).all(|k| entry(i, k).is_finite())) {
            return None;
        }
        let largest =
            (0..m).flat_map(|i| (0..d).map(move |k| (i, k))).fold(0.0, |a: f64, (i, k)| a.max(entry(i, k).abs()));
        let scale = if largest > 0.0 { largest.log2().floor().clamp(-1000.0, 1000.0).exp2() } else { 1.0 };
        let units: Vec<usize> = (0..m).filter(|&i| (0..d).any(|k| entry(i, k) != 0.0)).collect();
        let rows = Mat::from_fn(units.len(), d, |r, k| entry(units[r], k) / scale);
        Some(Self { rows, units, scale })
    }

    /// What rounding in forming the slopes and their sum can hide, in any of the norms.
    pub fn rounding(&self, dual: Norm) -> f64 {
        let (m, d) = (self.rows.nrows(), self.rows.ncols());
        let mut row = vec![0.0; d];
        let mut path = 0.0;
        for i in 0..m {
            (0..d).for_each(|k| row[k] = self.rows[(i, k)]);
            path += dual.of(&row);
        }
        2.0 * (m + d + 4) as f64 * dense::EPSILON * path * self.scale
    }

    /// Σ_i a_i, by column, in the scaled rows.
    pub fn sum(&self) -> Vec<f64> {
        (0..self.rows.ncols()).map(|k| (0..self.rows.nrows()).map(|r| self.rows[(r, k)]).sum()).collect()
    }
}
