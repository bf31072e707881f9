//! The files of a command, checked before any work is done: no two of them may be one file.

use crate::input;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use tautnet::atomic::{self, Existing};
use tautnet::error::{Error, Result};

/// What a command reads and what it writes.
#[derive(Default)]
pub struct Files<'a> {
    read: Vec<PathBuf>,
    written: Vec<(&'a Path, Existing)>,
}

impl<'a> Files<'a> {
    /// It reads this file.
    pub fn reads(mut self, path: &Path) -> Self {
        self.read.push(path.to_owned());
        self
    }

    /// It reads what DATA names, which may be a file.
    pub fn reads_data(mut self, data: Option<&OsString>) -> Self {
        self.read.extend(data.and_then(|data| input::file_of(data)).map(Path::to_owned));
        self
    }

    /// It writes these files.
    pub fn writes(mut self, paths: impl IntoIterator<Item = &'a PathBuf>, existing: Existing) -> Self {
        self.written.extend(paths.into_iter().map(|path| (path.as_path(), existing)));
        self
    }

    /// Refuse files that could not be written, one file for two results, and a result in the place of what is read.
    pub fn check(&self) -> Result<()> {
        for (k, (path, existing)) in self.written.iter().enumerate() {
            if self.written[..k].iter().any(|(other, _)| atomic::same_file(other, path)) {
                return Err(Error::new(
                    format!("{} is given for two results", path.display()),
                    "give each result a file of its own",
                ));
            }
            atomic::check(path, *existing)?;
            if self.read.iter().any(|read| atomic::same_file(read, path)) {
                return Err(Error::new(
                    format!("{} is read and written", path.display()),
                    "give the result a file of its own",
                ));
            }
        }
        Ok(())
    }
}

/// A name and a value that were given as NAME=VALUE, where the value may be any text that the system allows.
pub fn name_and_value(text: &OsStr) -> Option<(&str, &OsStr)> {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        let bytes = text.as_bytes();
        let at = bytes.iter().position(|byte| *byte == b'=')?;
        Some((std::str::from_utf8(&bytes[..at]).ok()?, OsStr::from_bytes(&bytes[at + 1..])))
    }
    #[cfg(not(unix))]
    {
        text.to_str()?.split_once('=').map(|(name, value)| (name, OsStr::new(value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_ends_at_the_first_equals_sign() {
        assert_eq!(name_and_value(OsStr::new("a=b=c")), Some(("a", OsStr::new("b=c"))));
        assert_eq!(name_and_value(OsStr::new("abc")), None);
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStrExt;
            let text = OsStr::from_bytes(b"fit=\xff.svg");
            assert_eq!(name_and_value(text), Some(("fit", OsStr::from_bytes(b"\xff.svg"))));
        }
    }
}
