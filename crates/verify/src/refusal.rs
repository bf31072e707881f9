//! Why a certificate is not accepted.

use std::fmt;

/// Why a certificate was not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The bytes are not one JSON object with exactly the fields of a certificate.
    Unreadable(String),
    /// Another format, or another version of it.
    Unsupported(String),
    /// The certificate is about another network, or the network is not one.
    WrongNetwork(String),
    /// A number or a length that no certificate may have.
    Malformed(String),
    /// The evidence does not prove the claim.
    NotProved(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, what) = match self {
            Self::Unreadable(what) => ("the certificate cannot be read", what),
            Self::Unsupported(what) => ("the certificate is of another kind", what),
            Self::WrongNetwork(what) => ("the certificate does not belong to this network", what),
            Self::Malformed(what) => ("the certificate is malformed", what),
            Self::NotProved(what) => ("not proved", what),
        };
        write!(out, "{kind}: {what}")
    }
}

impl std::error::Error for Refusal {}
