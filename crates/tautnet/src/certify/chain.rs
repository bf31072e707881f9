//! Bounds for networks with any number of layers: products of norms, and the certificates that prove them.
//!
//! For `f(x) = W_L σ_{L−1}( … σ_1(W_1 x + b_1) … ) + b_L + W_0 x`, inputs and outputs measured in the norm p:
//!
//! ```text
//!     all outputs       U   = ‖W_1‖ K_1 ‖W_2‖ K_2 ⋯ K_{L−1} ‖W_L‖ + ‖W_0‖
//!     one output        U_j = ‖W_1‖ K_1 ⋯ ‖W_{L−1}‖ K_{L−1} ‖row j of W_L‖_q + ‖row j of W_0‖_q
//!     outputs j and k         the same with the differences of the rows
//! ```
//!
//! K_l being the constant of the activation ([`Formula::lipschitz`](crate::activation::Formula::lipschitz)). It is called the *trivial bound*.
//! Networks can be trained so that little is lost by it. The derivation, rounding included, is `docs/mathematics/deep.md`.
//!
//! The norms 1 and ∞ of a matrix are sums. The norm 2 is the root of the largest eigenvalue of `WᵀW` (or `WWᵀ`, where that is smaller), as an
//! eigenvalue decomposition has it, and a little more: by so much that a factorization proves it. The proof is the one that the verifier will do.

use super::layered::{Layered, row_by_row};
use crate::error::{Error, Result};
use crate::{Network, Norm, dense, scaling};
use faer::{Mat, MatRef};
use tautnet_cone::Stop;
use tautnet_verify::evidence::{Follows, Matrix, Units, rounding_allowance};
use tautnet_verify::{Chain, ChainCertificate, ChainClaim, Refusal, Scaler, VerifiedChain};

/// From this many outputs on the pairs of outputs are left out: there are about half as many as the square.
const MOST_OUTPUTS: usize = 128;

/// From this many rows and columns on a factorization takes long enough to be left behind where it is time to stop.
const LARGE: usize = 192;

/// At least the operator norm of a matrix W, its inputs and its outputs being measured in the norm; infinite where that is not a double.
///
/// It is the norm up to rounding: at most 1e-9 of it is added for 1000 rows and columns. Where it is time to stop ([`Stop::here`]) the norm 2 is
/// bounded by the Frobenius norm.
pub fn layer_norm_upper_bound(w: MatRef<'_, f64>, norm: Norm) -> f64 {
    matrix_norm(&Matrix { columns: w.ncols(), numbers: &row_by_row(w), scales: None }, norm)
}

fn matrix_norm(matrix: &Matrix<'_>, norm: Norm) -> f64 {
    match norm {
        Norm::One | Norm::Infinity => matrix.norm_by_sums(norm.into()),
        Norm::Two => spectral_norm(matrix),
    }
}

fn spectral_norm(matrix: &Matrix<'_>) -> f64 {
    let frobenius = matrix.norm_by_sums(tautnet_verify::Norm::Two);
    let (m, d) = (matrix.numbers.len() / matrix.columns, matrix.columns);
    if m.min(d) == 1 || frobenius == 0.0 || !frobenius.is_finite() {
        return frobenius;
    }
    // Only an estimate, in units of a power of two, so that no square vanishes or overflows.
    let unit = frobenius.log2().floor().clamp(-1000.0, 1000.0).exp2();
    let entry = |i: usize, k: usize| matrix.numbers[i * d + k] / matrix.scales.map_or(1.0, |scales| scales[k]) / unit;
    // With the longer side in the columns of memory.
    let tall = if m >= d { Mat::from_fn(m, d, entry) } else { Mat::from_fn(d, m, |k, i| entry(i, k)) };
    let Some(square) = dense::largest_eigenvalue(&dense::gram(tall.as_ref())) else { return frobenius };
    let estimate = square.max(0.0).sqrt() * unit;
    let allowance = rounding_allowance(m.min(d), m.max(d), false);
    let mut excess = 2.0 * allowance;
    while excess < 1e-2 {
        let claimed = estimate * (1.0 + excess);
        if claimed >= frobenius {
            break;
        }
        if proves(matrix, claimed) {
            return claimed;
        }
        if Stop::here().asked() {
            break;
        }
        excess *= 2.0;
    }
    frobenius
}

/// Whether the verifier's factorization proves the norm 2 of a matrix to be at most this; it is left behind where it is time to stop.
fn proves(matrix: &Matrix<'_>, claimed: f64) -> bool {
    let two = tautnet_verify::Norm::Two;
    if matrix.columns.min(matrix.numbers.len() / matrix.columns) <= LARGE {
        return matrix.norm_is_at_most(two, claimed);
    }
    let (columns, numbers, scales) = (matrix.columns, matrix.numbers.to_vec(), matrix.scales.map(<[f64]>::to_vec));
    let proof = move || Matrix { columns, numbers: &numbers, scales: scales.as_deref() }.norm_is_at_most(two, claimed);
    Stop::here().unless(proof).unwrap_or(false)
}

/// The trivial bound of a network, whole and in parts. Every number is rounded up, and infinite where it is not a double.
#[derive(Debug, Clone, PartialEq)]
pub struct TrivialBound {
    /// The norm in which inputs, and all outputs together, are measured.
    pub norm: Norm,
    /// At least the operator norm of the weights of each layer.
    pub layers: Vec<f64>,
    /// At least the operator norm of the linear part, where there is one.
    pub linear: Option<f64>,
    /// A bound on the Lipschitz constant of all outputs together.
    pub bound: f64,
    /// A bound on the Lipschitz constant of each output.
    pub outputs: Vec<f64>,
    /// Bounds on the Lipschitz constants of the differences of outputs 0 and 1, 0 and 2, …, 1 and 2, …; left out where the outputs are too many.
    pub pairs: Option<Vec<f64>>,
}

impl TrivialBound {
    /// A bound on the Lipschitz constant of the difference of two outputs; of an output and itself it is 0.
    pub fn pair(&self, j: usize, k: usize) -> f64 {
        let (low, high, outputs) = (j.min(k), j.max(k), self.outputs.len());
        assert!(high < outputs, "there are {outputs} outputs");
        match &self.pairs {
            _ if low == high => 0.0,
            Some(pairs) => pairs[low * (2 * outputs - low - 1) / 2 + high - low - 1],
            None => crate::outward::add_up(self.outputs[j], self.outputs[k]),
        }
    }

    fn claim(self) -> ChainClaim {
        let Self { layers, linear, bound, outputs, pairs, .. } = self;
        ChainClaim { layers, linear, bound, outputs, pairs, lipsdp: None }
    }
}

/// The product of the norms of the layers, with the constants of the activations, and the norm of the linear part: for all outputs together,
/// for each output, and for each pair of outputs.
pub fn trivial_bound(network: &Network, norm: Norm) -> TrivialBound {
    Layered::of(network).told(|chain| bounds(chain, norm, &Units::standardized(chain.inputs), None))
}

/// At least the operator norms of the weights of all layers, in some units.
pub(super) fn norms_of_layers(chain: &Chain<'_>, norm: Norm, units: &Units) -> Vec<f64> {
    (0..chain.layers.len()).map(|l| matrix_norm(&chain.matrix(l, units), norm)).collect()
}

/// The bounds in some units. The norms of all layers but the first are those of `known`, the bounds in other units.
fn bounds(chain: &Chain<'_>, norm: Norm, units: &Units, known: Option<&TrivialBound>) -> TrivialBound {
    let of_layer = |l: usize| match known {
        Some(known) if l > 0 => known.layers[l],
        _ => matrix_norm(&chain.matrix(l, units), norm),
    };
    let layers: Vec<f64> = (0..chain.layers.len()).map(of_layer).collect();
    let linear = chain.linear_matrix(units).map(|linear| matrix_norm(&linear, norm));
    let follows = Follows::new(chain, norm.into(), units, &layers, linear);
    let outputs = (0..chain.outputs()).map(|j| follows.output(j)).collect();
    let pairs = (chain.outputs() <= MOST_OUTPUTS).then(|| follows.pairs());
    TrivialBound { norm, bound: follows.bound(), outputs, pairs, layers, linear }
}

/// A certificate of the trivial bound, in the units of the scaler too where there is one, of one target or of classes: of several targets, each of which
/// has units of its own, it is in those of the network alone. Refuses a network whose bound is not a double.
pub fn chain_certificate(network: &Network, norm: Norm, scaler: Option<&scaling::Scaler>) -> Result<ChainCertificate> {
    if let Some(scaler) = scaler {
        scaler.check(network.inputs())?;
    }
    Layered::of(network).told(|chain| {
        chain.check()?;
        let standardized = bounds(chain, norm, &Units::standardized(chain.inputs), None);
        let raw = match scaler.filter(|scaler| scaler.targets() == 1).map(Scaler::from) {
            None => None,
            Some(scaler) => {
                let units = Units::of_user(&scaler, chain.inputs)?;
                Some((scaler, bounds(chain, norm, &units, Some(&standardized))))
            }
        };
        for bound in [&standardized].into_iter().chain(raw.iter().map(|(_, bound)| bound)) {
            let numbers =
                bound.layers.iter().chain([&bound.bound]).chain(&bound.outputs).chain(bound.pairs.iter().flatten());
            if !numbers.chain(&bound.linear).all(|number| number.is_finite()) {
                return Err(Error::new(
                    format!("a bound of the network in the norm {} is larger than every double", norm.name()),
                    "give a network whose weights are smaller, or inputs in other units",
                ));
            }
        }
        let raw = raw.map(|(scaler, bound)| (scaler, bound.claim()));
        Ok(ChainCertificate::new(chain, norm.into(), standardized.claim(), raw))
    })
}

/// Prove every claim of the certificate about this network, or refuse. Never panics, whatever the bytes.
///
/// The scaler is part of the certificate, not of the network: where the model file has one, compare the two.
pub fn verify_chain(bytes: &[u8], network: &Network) -> std::result::Result<VerifiedChain, Refusal> {
    Layered::of(network).told(|chain| tautnet_verify::verify_chain(bytes, chain))
}

#[cfg(test)]
#[path = "chain_tests.rs"]
pub(crate) mod tests;
