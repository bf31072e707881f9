//! Files that are whole or not there.
//!
//! The bytes go to a temporary file in the folder of the destination, are forced to the disk, and only then take the
//! final name, in one step of the file system. Whatever happens on the way, a full disk or a killed process
//! included, the final name holds either the old file or the complete new one.

use crate::error::{Error, Result};
use std::io::Write;
use std::path::{Path, PathBuf};

/// What to do with a file that is already there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Leave it alone and say so.
    Refuse,
    /// Put the new one in its place.
    Replace,
}

/// Refuse a destination that could not be written, before any work is done for it. Leaves nothing behind.
pub fn check(path: &Path, existing: Existing) -> Result<()> {
    let (destination, folder) = destination(path, existing)?;
    temporary(&destination, &folder).map(drop)
}

/// Write a file, whole or not at all.
pub fn write(path: &Path, bytes: &[u8], existing: Existing) -> Result<()> {
    let (destination, folder) = destination(path, existing)?;
    let mut file = temporary(&destination, &folder)?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(|e| unwritable(&destination, &e))?;
    let persisted = match existing {
        Existing::Replace => file.persist(&destination),
        Existing::Refuse => file.persist_noclobber(&destination),
    };
    persisted.map_err(|e| match e.error.kind() {
        std::io::ErrorKind::AlreadyExists => exists(&destination),
        _ => unwritable(&destination, &e.error),
    })?;
    // The name itself is forced to the disk where the system lets one open a folder; the file is complete either way.
    if let Ok(folder) = std::fs::File::open(&folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// The file to be written (a link's target, not the link) and its folder.
fn destination(path: &Path, existing: Existing) -> Result<(PathBuf, PathBuf)> {
    let destination = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if let Ok(metadata) = destination.metadata() {
        if !metadata.is_file() {
            let what = if metadata.is_dir() { "a folder" } else { "not a regular file" };
            return Err(Error::new(
                format!("{} is {what} and cannot be written", path.display()),
                "give the path of a file to write",
            ));
        }
        if existing == Existing::Refuse {
            return Err(exists(path));
        }
    }
    if destination.file_name().is_none() {
        return Err(Error::new(
            format!("`{}` is not the name of a file", path.display()),
            "give the path of a file to write",
        ));
    }
    let folder = match destination.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    Ok((destination, folder))
}

fn temporary(destination: &Path, folder: &Path) -> Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".tautnet-").suffix(".part");
    #[cfg(unix)]
    {
        // As an ordinary program creates files; the process's mask applies. (A temporary file is private otherwise.)
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder).map_err(|e| unwritable(destination, &e))
}

fn exists(path: &Path) -> Error {
    Error::new(format!("{} exists already", path.display()), "give another name, or replace it with `--force`")
}

fn unwritable(path: &Path, error: &std::io::Error) -> Error {
    let hint = match error.kind() {
        std::io::ErrorKind::NotFound => "make the folder first",
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => "make room on the disk",
        _ => "check the folder, its permissions and the room on the disk",
    };
    // What the system said, without the temporary name that means nothing to the reader.
    let said = error.to_string();
    let said = said.split(" at path ").next().unwrap_or_default();
    Error::new(format!("{} could not be written: {said}", path.display()), hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            folder.read_dir().unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn writes_refuses_and_replaces_without_leaving_anything_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.json");
        check(&path, Existing::Refuse).unwrap();
        assert!(entries(folder.path()).is_empty());
        write(&path, b"one", Existing::Refuse).unwrap();
        let error = write(&path, b"two", Existing::Refuse).unwrap_err();
        assert!(error.what.ends_with("model.json exists already"), "{error:?}");
        assert_eq!(check(&path, Existing::Refuse).unwrap_err(), error);
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        write(&path, b"two", Existing::Replace).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(entries(folder.path()), ["model.json"]);
    }

    #[test]
    fn impossible_destinations_are_named() {
        let folder = tempfile::tempdir().unwrap();
        for (path, part) in [
            (folder.path().to_owned(), "is a folder"),
            (folder.path().join("none/model.json"), "could not be written"),
            (PathBuf::from(".."), "is a folder"),
            (PathBuf::new(), "is not the name of a file"),
        ] {
            let error = check(&path, Existing::Replace).unwrap_err();
            assert!(error.what.contains(part), "{error:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link_and_permissions_are_ordinary() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        std::fs::write(&target, b"old").unwrap();
        let ordinary = target.metadata().unwrap().permissions().mode();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        write(&link, b"new", Existing::Replace).unwrap();
        assert!(link.symlink_metadata().unwrap().is_symlink());
        assert_eq!(std::fs::read(&target).unwrap(), b"new");
        assert_eq!(target.metadata().unwrap().permissions().mode(), ordinary);
    }
}
