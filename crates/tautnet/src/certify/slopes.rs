//! The slopes a_i = v_i w_i: all of a network that its gradients are made of.

use super::norm_product::path_norm;
use super::slope_sum::{LEAST, nothing_rounded};
use crate::dense;
use crate::error::{Error, Result};
use crate::unit::Unit;
use crate::{Norm, Shallow};
use faer::Mat;

/// The slopes that have an effect, scaled by a power of two so that squares neither overflow nor vanish.
pub(crate) struct Slopes {
    /// Effective slopes, one row a unit of `units`.
    pub rows: Mat<f64>,
    /// Which unit each row is.
    pub units: Vec<usize>,
    /// True slope = row × scale.
    pub scale: f64,
    /// More than any norm of what the products, and the rows by their scale, lost by underflow, all together.
    lost: f64,
    /// Whether no product, and no sum of the rows' entries, was rounded.
    pub exact: bool,
}

impl Slopes {
    pub fn of(network: &Shallow) -> Result<Self> {
        let (m, d) = (network.units(), network.inputs());
        // A unit without effect is one whose weights are 0: products that vanish make none.
        let effective = |i: usize| network.v()[i] != 0.0 && (0..d).any(|k| network.w()[(i, k)] != 0.0);
        let mut slopes = Self::from_entries(m, d, effective, |i, k| network.v()[i] * network.w()[(i, k)]);
        if let Some(slopes) = &mut slopes {
            let weights = |i: usize, k: usize| (network.v()[i], network.w()[(i, k)]);
            let vanishing = |(v, w): (f64, f64)| v != 0.0 && w != 0.0 && (v * w).abs() < f64::MIN_POSITIVE;
            let vanished =
                (0..m).flat_map(|i| (0..d).map(move |k| weights(i, k))).filter(|&pair| vanishing(pair)).count();
            slopes.exact = slopes.lost == 0.0
                && (0..d).all(|k| {
                    let size = (0..m).map(|i| (network.v()[i] * network.w()[(i, k)]).abs()).sum();
                    nothing_rounded(size, (0..m).map(|i| weights(i, k)))
                });
            slopes.lost += vanished as f64 * LEAST;
        }
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
        let d = units[0].z.len();
        let effective = |i: usize| units[i].z.iter().any(|z| *z != 0.0);
        Self::from_entries(units.len(), d, effective, |i, k| units[i].sign * units[i].z[k])
    }

    fn from_entries(
        m: usize,
        d: usize,
        effective: impl Fn(usize) -> bool,
        entry: impl Fn(usize, usize) -> f64,
    ) -> Option<Self> {
        if !(0..m).all(|i| (0..d).all(|k| entry(i, k).is_finite())) {
            return None;
        }
        let largest =
            (0..m).flat_map(|i| (0..d).map(move |k| (i, k))).fold(0.0, |a: f64, (i, k)| a.max(entry(i, k).abs()));
        let scale = if largest > 0.0 { largest.log2().floor().clamp(-1000.0, 1000.0).exp2() } else { 1.0 };
        let units: Vec<usize> = (0..m).filter(|&i| effective(i)).collect();
        let rows = Mat::from_fn(units.len(), d, |r, k| entry(units[r], k) / scale);
        // Far below the largest a slope loses digits by the scale, which may be the only slope of a region.
        let faint = |r: usize, k: usize| entry(units[r], k) != 0.0 && rows[(r, k)].abs() < f64::MIN_POSITIVE;
        let lost = (0..units.len()).map(|r| (0..d).filter(|&k| faint(r, k)).count()).sum::<usize>();
        let lost = lost as f64 * LEAST * scale.max(1.0);
        Some(Self { rows, units, scale, lost, exact: false })
    }

    /// What rounding in forming the slopes and their sum can hide, in the norm; 0 only where there are none.
    pub fn rounding(&self, dual: Norm) -> f64 {
        self.rounding_of(dual, |_| true)
    }

    /// The same for sums of some of the slopes.
    pub fn rounding_of(&self, dual: Norm, of: impl Fn(usize) -> bool) -> f64 {
        let (m, d) = (self.rows.nrows(), self.rows.ncols());
        let mut row = vec![0.0; d];
        let (mut path, mut none) = (0.0, true);
        for i in (0..m).filter(|&i| of(i)) {
            none = false;
            (0..d).for_each(|k| row[k] = self.rows[(i, k)]);
            path += dual.of(&row);
        }
        if none {
            return 0.0;
        }
        // The next double, for this product and those by the scale may vanish themselves.
        (2.0 * (m + d + 4) as f64 * dense::EPSILON * path * self.scale).next_up() + self.lost
    }

    /// Σ_i a_i, by column, in the scaled rows.
    pub fn sum(&self) -> Vec<f64> {
        (0..self.rows.ncols()).map(|k| (0..self.rows.nrows()).map(|r| self.rows[(r, k)]).sum()).collect()
    }
}
