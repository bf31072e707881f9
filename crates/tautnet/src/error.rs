//! The one error type of the library: what is wrong and where, and what would do.

/// A mistake that the caller can mend. It is shown as `error: <what>` and `hint: <hint>`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Error {
    /// What is wrong, where, and the value received.
    pub what: String,
    /// What the caller can do about it.
    pub hint: String,
}

impl Error {
    /// An error from its two lines.
    pub fn new(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { what: what.into(), hint: hint.into() }
    }
}

/// A result whose failure is an [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
