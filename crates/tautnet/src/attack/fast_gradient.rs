//! The fast gradient method: one step to the boundary (Goodfellow et al., arXiv:1412.6572).
//!
//! ```text
//! Δ = ε · argmax { ± ∇f(x)·u : ‖u‖ ≤ 1 },     ± the sign of f(x) − y
//! ```
//!
//! Cheap, and exact where the network is linear on the ball; elsewhere it can even lower the error, and then the row
//! stays where it was.

use crate::ball::{pull, steepest};
use crate::{Norm, Shallow};

/// The step from one row; zero where the gradient is.
pub fn fast_gradient(network: &Shallow, x: &[f64], y: f64, norm: Norm, radius: f64) -> Vec<f64> {
    fast_gradient_towards(network, x, if network.value(x) < y { -1.0 } else { 1.0 }, norm, radius)
}

/// The same along the sign of the residual that costs, as of a loss of the margin ([`Loss::harm`](crate::Loss::harm)).
pub fn fast_gradient_towards(network: &Shallow, x: &[f64], sign: f64, norm: Norm, radius: f64) -> Vec<f64> {
    let mut delta = vec![0.0; x.len()];
    steepest(norm, &network.gradient(x), &mut delta);
    delta.iter_mut().for_each(|u| *u *= sign * radius);
    pull(norm, radius, &mut delta);
    delta
}
