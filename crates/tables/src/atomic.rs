//! Files that are whole or not there.
//!
//! The bytes go to a temporary file in the folder of the destination, are forced to the disk, and only then take the
//! final name, in one step of the file system. Whatever happens on the way, a full disk or a killed process
//! included, the final name holds either the old file or the complete new one.
//!
//! A process that is killed leaves its temporary file behind, and the next one that writes to the folder removes it. A file
//! that somebody is writing is locked, and the system drops the lock with the process: what has our name and no lock has no
//! owner.

use std::fs::{File, TryLockError};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use tautnet::error::{Error, Result};

/// Whether two paths lead to one file, links followed; a file need not be there yet.
pub fn same_file(a: &Path, b: &Path) -> bool {
    let whole = |path: &Path| {
        let parent = || {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            Some(folder.canonicalize().ok()?.join(path.file_name()?))
        };
        path.canonicalize().ok().or_else(parent).unwrap_or_else(|| path.to_owned())
    };
    whole(a) == whole(b)
}

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
    let mut writing = Writing::begin(path, existing)?;
    writing.put(bytes)?;
    writing.finish()
}

/// A file that is being written, part by part: it has its name once it is finished, and where it is not there is none.
pub struct Writing {
    file: BufWriter<tempfile::NamedTempFile>,
    destination: PathBuf,
    folder: PathBuf,
    existing: Existing,
}

impl Writing {
    /// Begin a file; what is there already stays until it is finished.
    pub fn begin(path: &Path, existing: Existing) -> Result<Self> {
        let (destination, folder) = destination(path, existing)?;
        let file = BufWriter::with_capacity(1 << 16, temporary(&destination, &folder)?);
        Ok(Self { file, destination, folder, existing })
    }

    /// The next bytes.
    pub fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|error| unwritable(&self.destination, &error))
    }

    /// The file that it becomes.
    pub fn path(&self) -> &Path {
        &self.destination
    }

    /// Force the bytes to the disk and give the file its name.
    pub fn finish(self) -> Result<()> {
        let Self { file, destination, folder, existing } = self;
        let file = file.into_inner().map_err(|error| unwritable(&destination, error.error()))?;
        file.as_file().sync_all().map_err(|error| unwritable(&destination, &error))?;
        let persisted = match existing {
            Existing::Replace => file.persist(&destination),
            Existing::Refuse => file.persist_noclobber(&destination),
        };
        persisted.map_err(|e| match e.error.kind() {
            std::io::ErrorKind::AlreadyExists => exists(&destination),
            _ => unwritable(&destination, &e.error),
        })?;
        // The name itself is forced to the disk where the system lets one open a folder; the file is complete either way.
        if let Ok(folder) = File::open(&folder) {
            let _ = folder.sync_all();
        }
        Ok(())
    }
}

/// For writers of formats, which write to anything.
impl Write for Writing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
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

const PREFIX: &str = ".tautnet-";
const SUFFIX: &str = ".part";
/// Characters between the two, which are drawn.
const DRAWN: usize = 6;

/// Remove what processes that were killed have left in a folder. What cannot be removed stays.
fn sweep(folder: &Path) {
    let ours = |name: &str| {
        let drawn = name.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(SUFFIX));
        drawn.is_some_and(|drawn| drawn.len() == DRAWN && drawn.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    };
    for entry in folder.read_dir().into_iter().flatten().flatten() {
        if !entry.file_name().to_str().is_some_and(ours) || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        // Removed with the lock in hand: whoever has just made it does not get the lock, and makes another (`temporary`).
        if let Ok(file) = File::options().write(true).open(entry.path())
            && file.try_lock().is_ok()
        {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// A temporary file of our own, locked where the file system has locks.
fn temporary(destination: &Path, folder: &Path) -> Result<tempfile::NamedTempFile> {
    sweep(folder);
    // Another process may take a file for left behind in the moment before it is locked; hardly twice.
    const TRIES: usize = 8;
    for _ in 1..TRIES {
        let file = created(destination, folder)?;
        let locked = !matches!(file.as_file().try_lock(), Err(TryLockError::WouldBlock));
        if locked && file.path().exists() {
            return Ok(file);
        }
    }
    created(destination, folder)
}

fn created(destination: &Path, folder: &Path) -> Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX).rand_bytes(DRAWN);
    #[cfg(unix)]
    {
        // As an ordinary program creates files; the process's mask applies. (A temporary file is private otherwise.)
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder).map_err(|e| unwritable(destination, &e))
}

fn exists(path: &Path) -> Error {
    Error::new(format!("{} exists already", path.display()), "give another name, or replace it with ⟨replace⟩")
}

pub(crate) fn unwritable(path: &Path, error: &std::io::Error) -> Error {
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
    fn what_a_killed_process_left_is_removed_and_what_is_in_use_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.json");
        let left = folder.path().join(".tautnet-aB3xYz.part");
        let others = [".tautnet-aB3xYz.part.txt", ".tautnet-.part", ".tautnet-aB3x_z.part", ".29-x.zip.part"];
        for other in others {
            std::fs::write(folder.path().join(other), b"not ours").unwrap();
        }
        let in_use = temporary(&path, folder.path()).unwrap();
        std::fs::write(&left, b"half").unwrap();
        write(&path, b"one", Existing::Refuse).unwrap();
        assert!(!left.exists());
        assert!(in_use.path().exists(), "somebody else is writing it");
        std::fs::write(&left, b"half").unwrap();
        check(&path, Existing::Replace).unwrap();
        assert!(!left.exists());
        drop(in_use);
        let mut expected = [&others[..], &["model.json"]].concat();
        expected.sort();
        assert_eq!(entries(folder.path()), expected);
    }

    #[test]
    fn many_writers_to_one_folder_leave_whole_files_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for writer in 0..8 {
                let path = folder.path().join(format!("{writer}"));
                scope.spawn(move || {
                    for turn in 0..25 {
                        write(&path, format!("{turn}").repeat(1000).as_bytes(), Existing::Replace).unwrap();
                    }
                });
            }
        });
        assert_eq!(entries(folder.path()), (0..8).map(|writer| writer.to_string()).collect::<Vec<_>>());
        for writer in 0..8 {
            assert_eq!(std::fs::read(folder.path().join(format!("{writer}"))).unwrap(), b"24".repeat(1000));
        }
    }

    #[test]
    fn one_file_is_known_by_all_its_names() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        assert!(same_file(&at("new"), &at("./new")) && !same_file(&at("new"), &at("old")));
        std::fs::create_dir(at("sub")).unwrap();
        assert!(same_file(&at("new"), &at("sub/../new")));
        assert!(same_file(Path::new("z"), Path::new("./z")));
        std::fs::write(at("old"), b"").unwrap();
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(at("old"), at("link")).unwrap();
            assert!(same_file(&at("link"), &at("old")));
        }
        assert!(!same_file(&at("old"), &at("none/old")));
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
