//! The crates of this workspace on disk.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::names::Sources;

/// The root of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The sources of `crates/*` and `python`, and of each crate its name in Rust and the file of its root.
pub fn read(root: &Path) -> io::Result<(Sources, Vec<(String, String)>)> {
    let mut folders = vec!["python".to_string()];
    for entry in fs::read_dir(root.join("crates"))? {
        folders.push(format!("crates/{}", entry?.file_name().to_string_lossy()));
    }
    folders.sort();
    let (mut sources, mut crates) = (Sources::new(), Vec::new());
    for folder in folders {
        let Ok(manifest) = fs::read_to_string(root.join(&folder).join("Cargo.toml")) else { continue };
        let name = manifest.lines().find_map(|line| line.strip_prefix("name = ")).unwrap_or(&folder);
        let name = name.trim_matches('"').replace('-', "_");
        files(root, &format!("{folder}/src"), &mut sources)?;
        for file in ["lib.rs", "main.rs"] {
            let path = format!("{folder}/src/{file}");
            if sources.contains_key(&path) {
                crates.push((name.clone(), path));
            }
        }
    }
    Ok((sources, crates))
}

fn files(root: &Path, folder: &str, sources: &mut Sources) -> io::Result<()> {
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            files(root, &path, sources)?;
        } else if path.ends_with(".rs") {
            sources.insert(path.clone(), fs::read_to_string(entry.path())?);
        }
    }
    Ok(())
}
