//! Decides whether a certificate's numbers are theorems.
//!
//! A certificate claims bounds on how fast a network `f(x) = c + a·x + Σ_i v_i relu(w_i·x + b_i)` can change, and carries the numbers
//! that prove them. [`verify`](fn@verify) accepts it only if the claims are theorems about the function of real numbers that the stored
//! weights define. This crate contains no solver and no training, and shares no code with any: it depends on a reader of
//! JSON and on SHA-256 only. The network is given as plain numbers, [`Weights`].
//!
//! [`verify_worst_cases`] does the same for files of worst cases: intervals that f cannot leave around the rows of a table, while the inputs are
//! off by errors within a tolerance.
//!
//! [`verify_chain`] does it for networks with any number of layers, and several outputs: [`ChainCertificate`].
//!
//! [`verify_class_margins`] does it for files of class margins: which rows keep their class while their inputs are changed within a radius.
//!
//! The file is described in `docs/certificate-format.md`, the constants are derived in `docs/mathematics/verification.md`.
//! Whoever issues certificates finds in [`evidence`] the parts of the proof that have to be computed in the same way.

pub mod certificate;
mod chain;
mod chain_lipsdp;
mod class_margins;
mod enclosure;
mod norms;
mod refusal;
mod verify;
mod weights;
mod wide;
mod worst_cases;

pub use certificate::{Certificate, Claim, FORMAT, Norm, Scaler, VERSION};
pub use chain::{CHAIN, ChainCertificate, ChainClaim, VerifiedChain, verify_chain};
pub use chain_lipsdp::ChainLipsdp;
pub use class_margins::{CLASS_MARGINS, ClassMargins, MarginRow, MarginsAsked, VerifiedMargins, verify_class_margins};
pub use refusal::Refusal;
pub use verify::{Verified, verify};
pub use weights::{Chain, LayerWeights, Weights, fingerprint, fingerprint_1, fingerprint_of_layers, sha256};
pub use worst_cases::{Node, Row, Shape, VerifiedWorstCases, WORST_CASES, WorstCases, verify_worst_cases};

/// The parts of a proof, for whoever looks for one: what is computed here is what [`verify`](fn@verify) will compute.
pub mod evidence {
    pub use crate::chain::{Follows, activation_constant, prove as prove_chain};
    pub use crate::chain_lipsdp::{MOST_UNITS, Part, Remaining, Sector, least_bound, sector};
    pub use crate::norms::Matrix;
    pub use crate::verify::{Units, Vectors, prove, rounding_allowance, scaled_matrix, sensitivities};
    pub use crate::worst_cases::Near;
}

/// The examples of the file that a registry shows.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
