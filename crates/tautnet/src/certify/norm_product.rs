//! Bounds that need no optimization: products and sums of norms.
//!
//! For inputs measured in the norm p (dual norm q) and `f(x) = c + Σ_i v_i relu(w_i·x + b_i)`:
//!
//! ```text
//!     path norm       Σ_i |v_i| ‖w_i‖_q
//!     norm product    ‖v‖₂ ‖W‖₂  (p = 2),   ‖v‖₁ max_i ‖w_i‖₁  (p = ∞),   max_i |v_i| · max_k Σ_i |w_ik|  (p = 1)
//!     column sums     max_k max( Σ_i (v_i w_ik)₊ , Σ_i (v_i w_ik)₋ )       (p = 1 only)
//! ```
//!
//! The norm product is relu's 1-Lipschitz continuity in ℓ_p between two operator norms; unlike f and the path norm it
//! changes when a unit is rescaled (`αw_i`, `v_i/α`), and at the balanced scaling `‖w_i‖_q = |v_i|` it is at most the path norm for
//! p = 2. The column sums are the *formal* constant of p = 1 — the largest gradient over all 2^m on/off patterns,
//! attainable or not — because the largest entry of a sum splits by columns; no relaxation can be tighter without
//! asking which patterns are attainable.

use super::dense;
use crate::{Network, Norm};

/// Room for the rounding of a sum of nonnegative terms, each the result of a few operations.
fn rounded_up(value: f64, operations: usize) -> f64 {
    value * (1.0 + (operations + 4) as f64 * dense::EPSILON)
}

fn row(network: &Network, i: usize) -> Vec<f64> {
    (0..network.inputs()).map(|k| network.w[(i, k)]).collect()
}

/// `Σ_i |v_i| ‖w_i‖_q`: an upper bound on the Lipschitz constant, independent of the scaling of units.
pub fn path_norm(network: &Network, norm: Norm) -> f64 {
    let dual = norm.dual();
    let sum = (0..network.units()).map(|i| network.v[i].abs() * dual.of(&row(network, i))).sum();
    rounded_up(sum, network.units() + network.inputs())
}

/// The product of the layers' operator norms: the bound that most tools print.
pub fn norm_product(network: &Network, norm: Norm) -> f64 {
    let (m, d) = (network.units(), network.inputs());
    let product = match norm {
        Norm::Two => {
            let spectral = dense::largest_gram_eigenvalue_upper_bound(network.w.as_ref());
            Norm::Two.of(&network.v) * spectral.unwrap_or(f64::INFINITY).sqrt()
        }
        Norm::Infinity => Norm::One.of(&network.v) * (0..m).map(|i| Norm::One.of(&row(network, i))).fold(0.0, f64::max),
        Norm::One => {
            let column = |k: usize| (0..m).map(|i| network.w[(i, k)].abs()).sum::<f64>();
            Norm::Infinity.of(&network.v) * (0..d).map(column).fold(0.0, f64::max)
        }
    };
    rounded_up(product, m + d)
}

/// The largest `‖Σ_i D_i v_i w_i‖_∞` over all D ∈ {0,1}^m, in closed form: bounds the constant for ℓ1 inputs.
pub fn column_sums(network: &Network) -> f64 {
    let mut largest = 0.0_f64;
    for k in 0..network.inputs() {
        let (mut positive, mut negative) = (0.0, 0.0);
        for i in 0..network.units() {
            let entry = network.v[i] * network.w[(i, k)];
            if entry > 0.0 {
                positive += entry;
            } else {
                negative -= entry;
            }
        }
        largest = largest.max(positive).max(negative);
    }
    rounded_up(largest, network.units())
}

/// How much of an upper bound may be slack: `(upper − lower) / upper`, 0 where both are 0, 1 where nothing is known.
pub fn relative_gap(lower: f64, upper: f64) -> f64 {
    match upper {
        0.0 => 0.0,
        f64::INFINITY => 1.0,
        _ => ((upper - lower) / upper).max(0.0),
    }
}
