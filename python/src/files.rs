//! Files that Python asks to be written.

use crate::errors::{OrRaise, refused};
use pyo3::prelude::*;
use std::path::Path;
use tautnet_tables::atomic::{self, Existing};

/// Write a file, whole or not at all.
pub fn save(path: &Path, bytes: &[u8], overwrite: bool) -> PyResult<()> {
    atomic::write(path, bytes, existing(path, overwrite)?).or_raise()
}

pub fn existing(path: &Path, overwrite: bool) -> PyResult<Existing> {
    if !overwrite && path.exists() && !path.is_dir() {
        // The library's hint names a flag of the command line.
        return Err(refused(
            format!("{} exists already", path.display()),
            "give another name, or replace it with `overwrite=True`",
        ));
    }
    Ok(if overwrite { Existing::Replace } else { Existing::Refuse })
}
