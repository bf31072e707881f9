//! The certificate file: what is claimed about a network, and the multipliers that prove it.
//!
//! This module is data and nothing else. [`verify`](fn@crate::verify) is the only judge of a certificate, and
//! `docs/certificate-format.md` describes the file for readers in other languages.
//!
//! With a scaler the model is `F(X) = y_mean + y_scale · f((X − x_mean) / x_scale)`, entry by entry: the network `f`
//! acts on standardized inputs and the user sees `F`. A certificate then makes two claims of the same shape: one
//! about `f` and one about `F`.

use serde::{Deserialize, Serialize};

/// The `format` of every certificate file.
pub const FORMAT: &str = "tautnet certificate";

/// The version of the format that this library writes; it reads version 1 too.
pub const VERSION: u32 = 2;

/// The norm in which changes of the inputs are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Norm {
    /// Sum of absolute values.
    #[serde(rename = "1")]
    One,
    /// Euclidean length.
    #[serde(rename = "2")]
    Two,
    /// Largest absolute value.
    #[serde(rename = "inf")]
    Infinity,
}

/// How the user's units relate to the network's: `x = (X − x_mean) / x_scale`, `F = y_mean + y_scale · f`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scaler {
    /// The mean of each of the d input columns.
    pub x_mean: Vec<f64>,
    /// The scale of each of the d input columns, above 0.
    pub x_scale: Vec<f64>,
    /// The mean of the target.
    pub y_mean: f64,
    /// The scale of the target, above 0.
    pub y_scale: f64,
}

/// One proved statement in one system of units, with its evidence.
///
/// `|F(X) − F(Y)| ≤ bound · ‖X − Y‖` for all X, Y, and `|F(X + t e_k) − F(X)| ≤ sensitivities[k] · |t|` for all X, t.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// An upper bound L on the Lipschitz constant in the norm of the certificate.
    pub bound: f64,
    /// For each of the d inputs, an upper bound on the change for each unit of change of that input alone.
    pub sensitivities: Vec<f64>,
    /// The multipliers ℓ, one for each hidden unit and 0 where the unit is constant. There are none for the ℓ1 norm,
    /// which needs none.
    pub multipliers: Vec<f64>,
    /// The weights π of the inputs, with Σ π_k ≤ L, for the ℓ∞ norm only.
    pub input_weights: Option<Vec<f64>>,
}

/// A bound on the Lipschitz constant of one network, with what is needed to check it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// The name of the format, which is always [`FORMAT`].
    pub format: String,
    /// The version of the format: [`VERSION`], or 1 in files from before there were linear parts.
    pub version: u32,
    /// [`fingerprint`](crate::fingerprint) of the network the claims are about, [`fingerprint_1`](crate::fingerprint_1)
    /// in version 1.
    pub network: String,
    /// The norm in which changes of the inputs are measured.
    pub norm: Norm,
    /// The units of `raw`; `None` when the network acts on the user's own numbers.
    pub scaler: Option<Scaler>,
    /// The claim about the network itself.
    pub standardized: Claim,
    /// The claim in the user's units: present exactly when `scaler` is.
    pub raw: Option<Claim>,
}

impl Certificate {
    /// The file's bytes. Every number is written so that reading it gives the same double back.
    pub fn to_json(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("plain data with text keys always serializes");
        bytes.push(b'\n');
        bytes
    }
}
