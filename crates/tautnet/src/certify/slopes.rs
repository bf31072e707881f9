//! The slopes a_i = v_i w_i, and the linear part: all of a network that its gradients are made of.

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
    /// The linear part, in the units of the rows; where there is none, or it is 0, `None`.
    pub linear: Option<Vec<f64>>,
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
        let linear = network.a();
        let mut slopes = Self::from_entries(m, d, effective, |i, k| network.v()[i] * network.w()[(i, k)], linear);
        if let Some(slopes) = &mut slopes {
            let weights = |i: usize, k: usize| (network.v()[i], network.w()[(i, k)]);
            let vanishing = |(v, w): (f64, f64)| v != 0.0 && w != 0.0 && (v * w).abs() < f64::MIN_POSITIVE;
            let vanished =
                (0..m).flat_map(|i| (0..d).map(move |k| weights(i, k))).filter(|&pair| vanishing(pair)).count();
            slopes.exact = slopes.lost == 0.0
                && (0..d).all(|k| {
                    let own = linear.map_or(0.0, |a| a[k]);
                    let size = (0..m).map(|i| (network.v()[i] * network.w()[(i, k)]).abs()).sum::<f64>() + own.abs();
                    nothing_rounded(size, (0..m).map(|i| weights(i, k)).chain([(1.0, own)]))
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

    /// Of units with a linear part beside them, of `d` inputs; `None` when an entry is not finite.
    pub fn of_units(units: &[Unit], linear: Option<&[f64]>, d: usize) -> Option<Self> {
        let effective = |i: usize| units[i].z.iter().any(|z| *z != 0.0);
        Self::from_entries(units.len(), d, effective, |i, k| units[i].sign * units[i].z[k], linear)
    }

    fn from_entries(
        m: usize,
        d: usize,
        effective: impl Fn(usize) -> bool,
        entry: impl Fn(usize, usize) -> f64,
        linear: Option<&[f64]>,
    ) -> Option<Self> {
        let linear = linear.filter(|linear| linear.iter().any(|a| *a != 0.0));
        let own = linear.unwrap_or_default();
        if !(0..m).all(|i| (0..d).all(|k| entry(i, k).is_finite())) || !own.iter().all(|a| a.is_finite()) {
            return None;
        }
        let entries = (0..m).flat_map(|i| (0..d).map(move |k| (i, k))).map(|(i, k)| entry(i, k));
        let largest = entries.chain(own.iter().copied()).fold(0.0, |a: f64, b| a.max(b.abs()));
        let scale = if largest > 0.0 { largest.log2().floor().clamp(-1000.0, 1000.0).exp2() } else { 1.0 };
        let units: Vec<usize> = (0..m).filter(|&i| effective(i)).collect();
        let rows = Mat::from_fn(units.len(), d, |r, k| entry(units[r], k) / scale);
        // Far below the largest a slope loses digits by the scale, which may be the only slope of a region.
        let faint = |r: usize, k: usize| entry(units[r], k) != 0.0 && rows[(r, k)].abs() < f64::MIN_POSITIVE;
        let lost = (0..units.len()).map(|r| (0..d).filter(|&k| faint(r, k)).count()).sum::<usize>();
        let linear: Option<Vec<f64>> = linear.map(|linear| linear.iter().map(|a| a / scale).collect());
        let faint = |(scaled, own): (&f64, &f64)| *own != 0.0 && scaled.abs() < f64::MIN_POSITIVE;
        let lost = lost + linear.iter().flatten().zip(own).filter(|&pair| faint(pair)).count();
        let lost = lost as f64 * LEAST * scale.max(1.0);
        Some(Self { rows, units, linear, scale, lost, exact: false })
    }

    /// What rounding in forming the slopes and their sum can hide, in the norm; 0 only where there are none.
    pub fn rounding(&self, dual: Norm) -> f64 {
        self.rounding_of(dual, |_| true)
    }

    /// The same for sums of some of the slopes.
    pub fn rounding_of(&self, dual: Norm, of: impl Fn(usize) -> bool) -> f64 {
        let (m, d) = (self.rows.nrows(), self.rows.ncols());
        let mut row = vec![0.0; d];
        let (mut path, mut none) = (self.linear.as_ref().map_or(0.0, |linear| dual.of(linear)), self.linear.is_none());
        for i in (0..m).filter(|&i| of(i)) {
            none = false;
            (0..d).for_each(|k| row[k] = self.rows[(i, k)]);
            path += dual.of(&row);
        }
        if none {
            return 0.0;
        }
        // The next double, for this product and those by the scale may vanish themselves.
        let terms = m + d + 4 + usize::from(self.linear.is_some());
        (2.0 * terms as f64 * dense::EPSILON * path * self.scale).next_up() + self.lost
    }

    /// `ã_0 = 2a + Σ_i a_i`, by column, in the scaled rows: twice the gradient on the mean of all patterns.
    pub fn twice_the_mean(&self) -> Vec<f64> {
        let mut sum: Vec<f64> =
            (0..self.rows.ncols()).map(|k| (0..self.rows.nrows()).map(|r| self.rows[(r, k)]).sum()).collect();
        sum.iter_mut().zip(self.linear.iter().flatten()).for_each(|(sum, a)| *sum += 2.0 * a);
        sum
    }

    /// The gradient where every unit is off: the linear part, in the scaled rows.
    pub fn without_units(&self) -> Vec<f64> {
        self.linear.clone().unwrap_or_else(|| vec![0.0; self.rows.ncols()])
    }
}
