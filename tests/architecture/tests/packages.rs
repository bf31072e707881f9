//! What a registry is given of each crate: that it is described, has its licences, and needs no file outside of its folder.

use std::fs;
use std::path::Path;

use tautnet_architecture::workspace;

/// The folders of the crates that are published.
const PUBLISHED: [&str; 8] = ["verify", "cone", "tautnet", "tables", "models", "study", "report", "cli"];

#[test]
fn what_is_published_is_described() {
    let root = workspace::root();
    for name in PUBLISHED {
        let folder = root.join("crates").join(name);
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        for key in [
            "description",
            "readme",
            "keywords",
            "categories",
            "include",
            "license.workspace",
            "rust-version.workspace",
        ] {
            assert!(manifest.lines().any(|line| line.starts_with(&format!("{key} = "))), "crates/{name}: {key}");
        }
        assert!(!manifest.lines().any(|line| line.starts_with("publish")), "crates/{name}");
        for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
            let both = [folder.join(licence), root.join(licence)].map(|path| fs::read_to_string(path).unwrap());
            assert_eq!(both[0], both[1], "crates/{name}/{licence}");
        }
        let readme = fs::read_to_string(folder.join("README.md")).unwrap();
        let package = manifest.lines().find_map(|line| line.strip_prefix("name = ")).unwrap().trim_matches('"');
        assert!(readme.starts_with(&format!("# {package}\n")) && readme.contains("```"), "crates/{name}/README.md");
    }
    let members = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let default = members.lines().find(|line| line.starts_with("default-members")).unwrap();
    assert_eq!(default.matches("\"crates/").count(), PUBLISHED.len(), "`cargo package` takes the default members");
    for folder in ["python", "fuzz", "tests/adversarial", "tests/architecture", "tests/furniture"] {
        let manifest = fs::read_to_string(root.join(folder).join("Cargo.toml")).unwrap();
        assert!(manifest.lines().any(|line| line == "publish = false"), "{folder}");
    }
}

/// A file that is compiled in and lies outside of the crate's folder is not in its package.
#[test]
fn what_is_compiled_in_is_in_the_package() {
    let root = workspace::root();
    let (sources, _) = workspace::read(&root).unwrap();
    let mut seen = 0;
    for (file, text) in sources.iter().filter(|(file, _)| file.starts_with("crates/")) {
        let depth = file.split('/').count() - 3; // folders between the crate's own and the file
        if file.ends_with("tests.rs") {
            continue;
        }
        for line in text.lines().take_while(|line| *line != "#[cfg(test)]") {
            let Some((_, rest)) = line.split_once("include_str!(\"").or_else(|| line.split_once("include_bytes!(\""))
            else {
                continue;
            };
            let path = rest.split('"').next().unwrap();
            seen += 1;
            assert!(path.matches("../").count() <= depth, "{file} compiles in {path}, which is outside of its crate");
            assert!(Path::new(&root.join(file)).with_file_name(path).is_file(), "{file}: {path} is not there");
        }
    }
    assert!(seen >= 10, "{seen} files are compiled in");
}
