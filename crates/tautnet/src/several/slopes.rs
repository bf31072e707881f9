//! How far margins and outputs move.

use super::margins::margin;
use crate::certify::{self, GapObserver};
use crate::error::Result;
use crate::outward::{Sum, mul_up, two_sum};
use crate::{Norm, Shallow};

/// A bound on the Lipschitz constant of the margin of class `y` over class `j`, proved: that of the margin with its weights rounded, and what
/// the rounding can come to.
pub fn lipschitz(network: &Shallow, (y, j): (usize, usize), norm: Norm, observer: &mut GapObserver<'_>) -> Result<f64> {
    let rounded = margin(network, y, j)?;
    let mut bound = Sum::default();
    bound.add(certify::prove(&rounded, norm, None, observer)?.standardized.bound);
    let parts = network.clone().into_parts();
    // In every norm a vector is as long as its entries together at most.
    for i in 0..parts.w.nrows() {
        let error = two_sum(parts.v[(i, y)], -parts.v[(i, j)]).1.abs();
        (0..parts.w.ncols()).for_each(|a| bound.add(mul_up(error, parts.w[(i, a)].abs())));
    }
    for a in parts.a.iter().flat_map(|a| (0..a.nrows()).map(move |k| two_sum(a[(k, y)], -a[(k, j)]).1.abs())) {
        bound.add(a);
    }
    Ok(bound.interval().high)
}

/// A bound on the Lipschitz constant of one output, proved.
pub fn lipschitz_of_output(
    network: &Shallow,
    output: usize,
    norm: Norm,
    observer: &mut GapObserver<'_>,
) -> Result<f64> {
    Ok(certify::prove(&network.output(output), norm, None, observer)?.standardized.bound)
}
