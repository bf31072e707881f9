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

#[cfg(test)]
mod tests {
    use super::super::{Method, Settings, attack};
    use super::*;
    use crate::Dataset;

    /// A margin above 1 is above its target, and what costs is still to go down.
    #[test]
    fn a_class_that_is_right_by_far_is_moved_towards_the_other() {
        // f = 3 x at x = 1 and x = -1, which are right by 3.
        let network = Shallow::new(faer::mat![[1.0], [-1.0]], vec![0.0, 0.0], vec![3.0, -3.0], 0.0).unwrap();
        let data = Dataset::new(faer::mat![[1.0], [-1.0]], vec![1.0, -1.0], None).unwrap();
        let settings = Settings { method: Method::FastGradient, loss: "hinge".parse().unwrap(), ..Settings::new(3.0) };
        let report = &attack(&network, &data, Norm::Infinity, &[0.9], &settings).unwrap()[0];
        // 1 − 3 · 0.1 is left of the margin's loss.
        assert!((report.found - 0.7).abs() < 1e-9, "{}", report.found);
        assert_eq!(fast_gradient_towards(&network, &[1.0], -1.0, Norm::Infinity, 0.5), [-0.5]);
    }
}
