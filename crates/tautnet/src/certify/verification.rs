//! What the verifier is told of a network: its weights as plain numbers, row by row.

use crate::{Norm, Shallow, scaling};
use tautnet_verify::{Refusal, Scaler, Verified, Weights};

/// A network with its hidden weights in the order in which the verifier takes them.
pub(super) struct RowByRow<'a> {
    network: &'a Shallow,
    w: Vec<f64>,
}

impl<'a> RowByRow<'a> {
    pub fn of(network: &'a Shallow) -> Self {
        let (units, inputs) = (network.units(), network.inputs());
        let w = (0..units).flat_map(|i| (0..inputs).map(move |k| network.w()[(i, k)])).collect();
        Self { network, w }
    }

    pub fn weights(&self) -> Weights<'_> {
        let network = self.network;
        let (b, v, c) = (network.b(), network.v(), network.c());
        Weights { units: network.units(), inputs: network.inputs(), w: &self.w, b, v, c, a: network.a() }
    }
}

/// Prove every claim of the certificate about this network, or refuse. Never panics, whatever the bytes.
///
/// The scaler is part of the certificate, not of the network: where the model file has one, compare the two.
pub fn verify(bytes: &[u8], network: &Shallow) -> Result<Verified, Refusal> {
    tautnet_verify::verify(bytes, &RowByRow::of(network).weights())
}

/// Whether this is a fingerprint of the network, of any version.
pub(crate) fn is_fingerprint(text: &str, network: &Shallow) -> bool {
    let rows = RowByRow::of(network);
    let weights = rows.weights();
    text == tautnet_verify::fingerprint(&weights)
        || tautnet_verify::fingerprint_1(&weights).is_some_and(|own| own == text)
}

/// SHA-256 of the network's shape and weights, in hexadecimal: [`tautnet_verify::fingerprint`].
pub fn fingerprint(network: &Shallow) -> String {
    tautnet_verify::fingerprint(&RowByRow::of(network).weights())
}

impl From<Refusal> for crate::Error {
    fn from(refusal: Refusal) -> Self {
        let hint = match refusal {
            Refusal::Unreadable(_) | Refusal::Malformed(_) => {
                "the file was damaged or edited: issue the certificate again"
            }
            Refusal::Unsupported(_) => "give a certificate of the version that this program reads",
            Refusal::WrongNetwork(_) => {
                "give the model file for which the certificate was issued: a file in single precision, or with its scaler folded in, has other weights"
            }
            Refusal::NotProved(_) => "trust none of its numbers: issue the certificate again from the model",
        };
        Self::new(refusal.to_string(), hint)
    }
}

impl From<Norm> for tautnet_verify::Norm {
    fn from(norm: Norm) -> Self {
        match norm {
            Norm::One => Self::One,
            Norm::Two => Self::Two,
            Norm::Infinity => Self::Infinity,
        }
    }
}

impl From<tautnet_verify::Norm> for Norm {
    fn from(norm: tautnet_verify::Norm) -> Self {
        match norm {
            tautnet_verify::Norm::One => Self::One,
            tautnet_verify::Norm::Two => Self::Two,
            tautnet_verify::Norm::Infinity => Self::Infinity,
        }
    }
}

impl From<&scaling::Scaler> for Scaler {
    fn from(scaler: &scaling::Scaler) -> Self {
        Self {
            x_mean: scaler.input_mean.clone(),
            x_scale: scaler.input_scale.clone(),
            y_mean: scaler.target_mean,
            y_scale: scaler.target_scale,
        }
    }
}
