//! Where data sets with a name are kept.

use crate::arguments::FolderArguments;
use std::path::PathBuf;
#[cfg(feature = "fetch")]
use tautnet::error::{Error, Result};

/// The folder to keep fetched sets in: the one given, else `tautnet` where the platform keeps caches.
#[cfg(feature = "fetch")]
pub fn data(arguments: &FolderArguments) -> Result<PathBuf> {
    arguments.data_dir.clone().or_else(cache).ok_or_else(|| {
        Error::new("this system names no folder for caches", "give a folder with --data-dir or TAUTNET_DATA")
    })
}

/// The file of a set: NAME.csv, plain or gzip, in the folder or in its subfolder `uci`.
pub fn find(arguments: &FolderArguments, name: &str) -> Option<PathBuf> {
    // Reject names with path separators, so that a name cannot leave the folder.
    if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || "_-".contains(c)) {
        return None;
    }
    first(arguments, "uci", [format!("{name}.csv"), format!("{name}.csv.gz")])
}

/// A file of MNIST, plain or gzip, in the folder or in its subfolder `mnist`.
pub fn find_mnist(arguments: &FolderArguments, file: &str) -> Option<PathBuf> {
    first(arguments, "mnist", [file.to_owned(), format!("{file}.gz")])
}

/// The first file of one of these names in the folders of data sets or in their subfolder of that name.
fn first(arguments: &FolderArguments, subfolder: &str, names: [String; 2]) -> Option<PathBuf> {
    let folders = [arguments.data_dir.clone(), cache()];
    let files = |folder: PathBuf| {
        let parts = ["", subfolder].map(|part| folder.join(part));
        parts.map(|part| names.each_ref().map(|name| part.join(name)))
    };
    folders.into_iter().flatten().flat_map(files).flatten().find(|path| path.is_file())
}

fn cache() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = if cfg!(windows) {
        variable("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        variable("HOME").map(|home| home.join("Library/Caches"))
    } else {
        variable("XDG_CACHE_HOME").or_else(|| variable("HOME").map(|home| home.join(".cache")))
    };
    caches.map(|caches| caches.join("tautnet"))
}
