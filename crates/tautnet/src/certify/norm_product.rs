//! Bounds that need no optimization: products and sums of norms.
//!
//! For inputs measured in the norm p (dual norm q) and `f(x) = c + a·x + Σ_i v_i relu(w_i·x + b_i)`:
//!
//! ```text
//!     path norm       ‖a‖_q + Σ_i |v_i| ‖w_i‖_q
//!     norm product    ‖a‖_q +  ‖v‖₂ ‖W‖₂  (p = 2),   ‖v‖₁ max_i ‖w_i‖₁  (p = ∞),   max_i |v_i| · max_k Σ_i |w_ik|  (p = 1)
//!     column sums     max_k max( a_k + Σ_i (v_i w_ik)₊ , −a_k + Σ_i (v_i w_ik)₋ )       (p = 1 only)
//! ```
//!
//! The norm product is relu's 1-Lipschitz continuity in ℓ_p between two operator norms; unlike f and the path norm it
//! changes when a unit is rescaled (`αw_i`, `v_i/α`), and at the balanced scaling `‖w_i‖_q = |v_i|` it is at most the path norm for
//! p = 2. The column sums are the *formal* constant of p = 1 — the largest gradient over all 2^m on/off patterns,
//! attainable or not — because the largest entry of a sum splits by columns; no relaxation can be tighter without
//! asking which patterns are attainable.

use super::verification::RowByRow;
use crate::dense;
use crate::{Norm, Shallow};
use faer::Mat;
use tautnet_verify::evidence::{Units, sensitivities};

/// Room for the rounding of a sum of nonnegative terms, each the result of a few operations. The next double is for what
/// underflows.
fn rounded_up(value: f64, operations: usize) -> f64 {
    if value == 0.0 { 0.0 } else { (value * (1.0 + (operations + 4) as f64 * dense::EPSILON)).next_up() }
}

/// A product that is 0 only where a factor is, and not lost where it underflows.
fn product_up(a: f64, b: f64) -> f64 {
    if a == 0.0 || b == 0.0 { 0.0 } else { (a * b).next_up() }
}

/// The norm of a row, with the double that a length below the normal range may have lost.
fn row_norm(network: &Shallow, i: usize, norm: Norm) -> f64 {
    let row: Vec<f64> = (0..network.inputs()).map(|k| network.w()[(i, k)]).collect();
    let length = norm.of(&row);
    if length == 0.0 { 0.0 } else { length.next_up() }
}

/// `‖a‖_q` of the linear part, 0 where there is none, with the double that a length below the normal range may have lost.
fn linear_norm(network: &Shallow, norm: Norm) -> f64 {
    let length = network.a().map_or(0.0, |a| norm.of(a));
    if length == 0.0 { 0.0 } else { length.next_up() }
}

/// `‖a‖_q + Σ_i |v_i| ‖w_i‖_q`: an upper bound on the Lipschitz constant, independent of the scaling of units.
pub fn path_norm(network: &Shallow, norm: Norm) -> f64 {
    let dual = norm.dual();
    let units = (0..network.units()).map(|i| product_up(network.v()[i].abs(), row_norm(network, i, dual))).sum::<f64>();
    rounded_up(
        units + linear_norm(network, dual),
        network.units() + network.inputs() + usize::from(network.a().is_some()),
    )
}

/// The product of the layers' operator norms: the bound that most tools print.
pub fn norm_product(network: &Shallow, norm: Norm) -> f64 {
    let (m, d) = (network.units(), network.inputs());
    let product = match norm {
        Norm::Two => {
            let length = Norm::Two.of(network.v());
            product_up(if length == 0.0 { 0.0 } else { length.next_up() }, spectral_norm(network))
        }
        Norm::Infinity => {
            let longest = (0..m).map(|i| row_norm(network, i, Norm::One)).fold(0.0, f64::max);
            product_up(Norm::One.of(network.v()), longest)
        }
        Norm::One => {
            let column = |k: usize| (0..m).map(|i| network.w()[(i, k)].abs()).sum::<f64>();
            product_up(Norm::Infinity.of(network.v()), (0..d).map(column).fold(0.0, f64::max))
        }
    };
    rounded_up(product + linear_norm(network, norm.dual()), m + d + usize::from(network.a().is_some()))
}

/// At least `‖W‖₂`, up to rounding of a few operations.
fn spectral_norm(network: &Shallow) -> f64 {
    let (m, d) = (network.units(), network.inputs());
    let largest = (0..d).map(|k| Norm::Infinity.of(network.w().col_as_slice(k))).fold(0.0, f64::max);
    if largest == 0.0 {
        return 0.0;
    }
    // A power of two, so that no square that counts vanishes or overflows.
    let scale = largest.log2().floor().clamp(-1000.0, 1000.0).exp2();
    let scaled = Mat::from_fn(m, d, |i, k| network.w()[(i, k)] / scale);
    let square = dense::largest_gram_eigenvalue_upper_bound(scaled.as_ref());
    (square.unwrap_or(f64::INFINITY).sqrt() * scale).next_up()
}

/// The largest `‖Σ_i D_i v_i w_i‖_∞` over all D ∈ {0,1}^m, in closed form: bounds the constant for ℓ1 inputs. It is the largest
/// sensitivity as the verifier computes it.
pub fn column_sums(network: &Shallow) -> f64 {
    sensitivities(&RowByRow::of(network).weights(), &Units::standardized(network.inputs()))
        .into_iter()
        .fold(0.0, f64::max)
}

/// How much of an upper bound may be slack: `(upper − lower) / upper`, 0 where both are 0, 1 where nothing is known.
pub fn relative_gap(lower: f64, upper: f64) -> f64 {
    match upper {
        0.0 => 0.0,
        f64::INFINITY => 1.0,
        _ => ((upper - lower) / upper).max(0.0),
    }
}
