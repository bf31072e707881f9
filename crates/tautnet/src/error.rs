//! The one error type of the library: what is wrong and where, and what would do.

/// A mistake that the caller can mend. It is shown as `error: <what>` and `hint: <hint>`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Error {
    /// What is wrong, where, and the value received.
    pub what: String,
    /// What the caller can do about it. What a user says stands in it by name, between marks that no front end prints:
    /// `⟨missing=drop⟩` is the setting `missing` with the value `drop`, and `⟨norm⟩` the setting alone. The command line and
    /// Python write these each in its own way, by [`recipe::told`](crate::recipe::told).
    pub hint: String,
}

/// What stands around the name of a setting in a hint.
pub(crate) const MARKS: (char, char) = ('⟨', '⟩');

/// The mention of a setting with a value in a hint, where the value is not known beforehand: the closing mark may stand in it.
pub fn mention(name: &str, value: &str) -> String {
    let (open, close) = MARKS;
    let value = value.replace(close, &format!("{close}{close}"));
    format!("{open}{name}={value}{close}")
}

impl Error {
    /// An error from its two lines.
    pub fn new(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { what: what.into(), hint: hint.into() }
    }
}

/// A result whose failure is an [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
