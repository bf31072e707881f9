//! Files that Python asks to be written.

use crate::errors::OrRaise;
use pyo3::prelude::*;
use std::path::Path;
use tautnet_tables::atomic::{self, Existing};

/// Write a file, whole or not at all.
pub fn save(path: &Path, bytes: &[u8], overwrite: bool) -> PyResult<()> {
    atomic::write(path, bytes, existing(overwrite)).or_raise()
}

/// What becomes of a file that is there.
pub fn existing(overwrite: bool) -> Existing {
    if overwrite { Existing::Replace } else { Existing::Refuse }
}
