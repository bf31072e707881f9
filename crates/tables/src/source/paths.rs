//! The files that a path means: a file, those that are like a pattern, or the Parquet files of a folder; sorted by name.

use crate::limited::unreadable;
use crate::pattern::matches;
use std::path::{Component, Path, PathBuf};
use tautnet::error::{Error, Result};

/// Whether a path is a pattern: it has `*` or `?`, and there is no file of that name.
pub(crate) fn is_pattern(path: &Path) -> bool {
    path.to_str().is_some_and(|text| text.contains(['*', '?'])) && !path.exists()
}

/// The files that a path means; at least one.
pub fn files(path: &Path) -> Result<Vec<PathBuf>> {
    match () {
        () if is_pattern(path) => like(path),
        () if path.is_dir() => of_folder(path),
        () => Ok(vec![path.to_owned()]),
    }
}

/// The files whose paths are like a pattern. `*` and `?` stand for no separator, and for no point at the beginning of a name.
fn like(pattern: &Path) -> Result<Vec<PathBuf>> {
    let mut found = vec![PathBuf::new()];
    for component in pattern.components() {
        let text = component.as_os_str().to_str().unwrap_or_default();
        if !matches!(component, Component::Normal(_)) || !text.contains(['*', '?']) {
            found.iter_mut().for_each(|path| path.push(component));
            continue;
        }
        let signs: Vec<char> = text.chars().collect();
        let mut longer = Vec::new();
        for folder in found {
            // Of what is no folder there are no entries.
            let here = if folder.as_os_str().is_empty() { Path::new(".") } else { &folder };
            for name in here.is_dir().then(|| names(here)).transpose()?.unwrap_or_default() {
                let hidden = name.starts_with('.') && !text.starts_with('.');
                if !hidden && matches(&signs, &name) {
                    longer.push(folder.join(name));
                }
            }
        }
        found = longer;
    }
    found.retain(|path| path.is_file());
    if found.is_empty() {
        return Err(Error::new(
            format!("no file is like {}", pattern.display()),
            "check the folder and the pattern, and put it into quotation marks: `*` stands for any text and `?` for one character",
        ));
    }
    Ok(found)
}

/// The Parquet files of a folder.
fn of_folder(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for name in names(folder)? {
        let path = folder.join(&name);
        if name.starts_with(['.', '_']) {
            continue;
        }
        if path.is_dir() && name.contains('=') {
            return Err(Error::new(
                format!(
                    "{} has folders such as `{name}`, whose names hold a column, which is not read",
                    folder.display()
                ),
                format!(
                    "write the column into the files; or read them without it, by a pattern: '{}/*/*.parquet'",
                    folder.display()
                ),
            ));
        }
        let is_parquet = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet"));
        if is_parquet && path.is_file() {
            found.push(path);
        }
    }
    if found.is_empty() {
        return Err(Error::new(
            format!("{} is a folder without Parquet files (*.parquet)", folder.display()),
            format!("give the path of a file, or a pattern in quotation marks, such as '{}/*.csv'", folder.display()),
        ));
    }
    Ok(found)
}

/// The names in a folder, sorted; a name that is no text is left out.
fn names(folder: &Path) -> Result<Vec<String>> {
    let failed = |error| unreadable(&folder.display().to_string(), &error);
    let mut names = Vec::new();
    for entry in folder.read_dir().map_err(failed)? {
        names.extend(entry.map_err(failed)?.file_name().to_str().map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{create_dir_all, write};

    fn shown(folder: &Path, path: &str) -> Result<Vec<String>> {
        let inside = |path: &PathBuf| path.strip_prefix(folder).unwrap().to_str().unwrap().replace('\\', "/");
        Ok(files(&folder.join(path))?.iter().map(inside).collect())
    }

    #[test]
    fn a_pattern_means_files_in_the_order_of_their_names() {
        let folder = tempfile::tempdir().unwrap();
        for name in
            ["b/2.csv", "b/10.csv", "b/.3.csv", "a/1.csv", "a/x.parquet", "b/y.parquet", "b/_z.parquet", "odd[1]*.csv"]
        {
            let path = folder.path().join(name);
            create_dir_all(path.parent().unwrap()).unwrap();
            write(path, "").unwrap();
        }
        create_dir_all(folder.path().join("b/4.csv")).unwrap();
        let shown = |path: &str| shown(folder.path(), path);
        assert_eq!(shown("b/*.csv").unwrap(), ["b/10.csv", "b/2.csv"]);
        assert_eq!(shown("?/?.csv").unwrap(), ["a/1.csv", "b/2.csv"]);
        assert_eq!(shown("b/.*.csv").unwrap(), ["b/.3.csv"]);
        assert_eq!(shown("b").unwrap(), ["b/y.parquet"]);
        // A file of that very name is that file.
        assert_eq!(shown("odd[1]*.csv").unwrap(), ["odd[1]*.csv"]);
        assert!(shown("b/*.tsv").unwrap_err().what.starts_with("no file is like "));
        assert!(shown("c*/*.csv").unwrap_err().what.starts_with("no file is like "));
        create_dir_all(folder.path().join("c/k=1")).unwrap();
        let error = shown("c").unwrap_err();
        assert!(
            error.what.ends_with("c has folders such as `k=1`, whose names hold a column, which is not read"),
            "{error:?}"
        );
        assert!(error.hint.ends_with("c/*/*.parquet'"), "{error:?}");
        create_dir_all(folder.path().join("d")).unwrap();
        assert!(shown("d").unwrap_err().what.ends_with("d is a folder without Parquet files (*.parquet)"));
    }
}
