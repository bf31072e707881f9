//! Where inputs may lie.

use crate::dense::EPSILON;
use crate::error::{Error, Result};
use crate::{Norm, outward};
use faer::MatRef;
use serde::{Deserialize, Serialize};

/// A set of inputs with an interior.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Region {
    /// All of R^d.
    Everywhere,
    /// `lower ≤ x ≤ upper`, entry by entry.
    Box {
        /// Lower ends.
        lower: Vec<f64>,
        /// Upper ends, each above its lower end.
        upper: Vec<f64>,
    },
    /// `‖x − center‖ ≤ radius`.
    Ball {
        /// Center.
        center: Vec<f64>,
        /// Radius, positive.
        radius: f64,
        /// The norm of the ball.
        norm: Norm,
    },
}

impl Region {
    /// The smallest box around the rows of `points` (n × d, n > 0); a constant column gets a side of a millionth of its
    /// size (of 1 where it is smaller), for a region needs an interior.
    pub fn bounding_box(points: MatRef<'_, f64>) -> Self {
        let side = |k: usize| {
            let column = (0..points.nrows()).map(|i| points[(i, k)]);
            let (low, high) = column.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(x), h.max(x)));
            let widening = if low < high { 0.0 } else { 5e-7 * low.abs().max(1.0) };
            (low - widening, high + widening)
        };
        let (lower, upper) = (0..points.ncols()).map(side).unzip();
        Region::Box { lower, upper }
    }

    /// Refuses a region of another dimension, with a number that is not finite, or without interior.
    pub fn check(&self, inputs: usize) -> Result<()> {
        let length = |name: &str, len: usize| {
            if len == inputs {
                Ok(())
            } else {
                Err(Error::new(
                    format!("the {name} has {len} entries but the network has {inputs} inputs"),
                    "give one entry per input",
                ))
            }
        };
        match self {
            Region::Everywhere => Ok(()),
            Region::Box { lower, upper } => {
                length("box's lower end", lower.len())?;
                length("box's upper end", upper.len())?;
                for k in 0..inputs {
                    let width = upper[k] - lower[k];
                    if !(lower[k].is_finite() && width > 0.0 && width.is_finite()) {
                        return Err(Error::new(
                            format!("the box's side {k} runs from {} to {}", lower[k], upper[k]),
                            "each side needs finite ends, the upper above the lower; widen it or drop the constant input",
                        ));
                    }
                }
                Ok(())
            }
            Region::Ball { center, radius, .. } => {
                length("ball's center", center.len())?;
                if let Some(k) = center.iter().position(|c| !c.is_finite()) {
                    return Err(Error::new(
                        format!("entry {k} of the ball's center is {}", center[k]),
                        "give finite numbers",
                    ));
                }
                if !(*radius > 0.0 && radius.is_finite()) {
                    return Err(Error::new(format!("the ball's radius is {radius}"), "give a positive, finite radius"));
                }
                Ok(())
            }
        }
    }

    /// What products below the normal range can hide in sums of `terms` weighted rows at the inputs of a bounded region.
    pub(crate) fn underflow(&self, inputs: usize, terms: usize) -> f64 {
        let (center, half) = self.frame(inputs);
        let reach: f64 = 1.0 + center.iter().zip(&half).map(|(c, h)| c.abs() + h).sum::<f64>();
        terms as f64 * reach * f64::MIN_POSITIVE
    }

    /// The middle of the region and its half-widths; 0 and 1 for all of space.
    pub(crate) fn frame(&self, inputs: usize) -> (Vec<f64>, Vec<f64>) {
        match self {
            Region::Everywhere => (vec![0.0; inputs], vec![1.0; inputs]),
            Region::Box { lower, upper } => (
                (0..inputs).map(|k| lower[k] + 0.5 * (upper[k] - lower[k])).collect(),
                (0..inputs).map(|k| 0.5 * (upper[k] - lower[k])).collect(),
            ),
            Region::Ball { center, radius, .. } => (center.clone(), vec![*radius; inputs]),
        }
    }

    /// An upper bound on `max u·x + offset` over the region (closed), rounding included; infinite for all of space
    /// unless u = 0.
    pub(crate) fn largest_value(&self, u: &[f64], offset: f64) -> f64 {
        if u.iter().all(|a| *a == 0.0) {
            return offset;
        }
        let (center, half) = match self {
            Region::Everywhere => return f64::INFINITY,
            _ => self.frame(u.len()),
        };
        let reach = match self {
            // The next double, for a length below the normal range is rounded to what is a lot for it.
            Region::Ball { radius, norm, .. } => radius * norm.dual().of(u).next_up(),
            _ => u.iter().zip(&half).map(|(a, h)| a.abs() * h).sum(),
        };
        let at_center: f64 = u.iter().zip(&center).map(|(a, c)| a * c).sum();
        // The box's middle and half-width are rounded: an error of ε(|c| + h) each, and of half the smallest double.
        let extent = |c: f64, h: f64| c.abs() + h + f64::MIN_POSITIVE;
        let size: f64 = u.iter().zip(&center).zip(&half).map(|((a, c), h)| a.abs() * extent(*c, *h)).sum();
        // The smallest normal number covers underflow in the products.
        at_center + offset + reach + (u.len() + 8) as f64 * (EPSILON * (size + offset.abs()) + f64::MIN_POSITIVE)
    }

    /// Whether x lies in the region for certain. For a ball an input on its boundary may be refused, for rounding.
    pub fn contains(&self, x: &[f64]) -> bool {
        match self {
            Region::Everywhere => true,
            Region::Box { lower, upper } => (0..x.len()).all(|k| lower[k] <= x[k] && x[k] <= upper[k]),
            Region::Ball { center, radius, norm } => {
                let offset = x.iter().zip(center).map(|(a, c)| outward::distance_up(*a, *c));
                outward::length_at_most(*norm, offset, *radius)
            }
        }
    }
}
