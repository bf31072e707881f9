//! All modules of all crates, and where a path that is written in one of them leads.

use std::collections::BTreeMap;

use crate::source::{self, Scope};

/// The text of every file, by its path from the root of the workspace.
pub type Sources = BTreeMap<String, String>;

/// A module of the workspace.
pub struct Module {
    /// The file that it is in.
    pub file: String,
    /// What is in it.
    pub scope: Scope,
    parent: Option<usize>,
    root: usize,
    children: BTreeMap<String, usize>,
}

/// The modules of all crates.
#[derive(Default)]
pub struct Names {
    /// Each after the one that declares it.
    pub modules: Vec<Module>,
    /// The root of each crate, by the name that other crates use.
    crates: BTreeMap<String, usize>,
}

/// Where a path leads.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Module(usize),
    /// An item that this module defines.
    Item(usize),
}

/// Re-exports of re-exports are followed this far; a circle of them would not compile.
const DEEPEST: usize = 32;

impl Names {
    /// Reads the crates, each given by its name and the file of its root.
    pub fn read(sources: &Sources, crates: &[(String, String)]) -> Result<Names, String> {
        let mut names = Names::default();
        for (name, root) in crates {
            let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder).to_string();
            let module = names.file(sources, root, &folder, None)?;
            names.crates.insert(name.clone(), module);
        }
        Ok(names)
    }

    /// Reads a file and the files of its modules, which stand in `folder`.
    fn file(&mut self, sources: &Sources, path: &str, folder: &str, parent: Option<usize>) -> Result<usize, String> {
        let text = sources.get(path).ok_or_else(|| format!("{path}: no such file"))?;
        let scope = source::read(text).map_err(|error| format!("{path}:{error}"))?;
        self.module(sources, scope, path, folder, parent)
    }

    fn module(
        &mut self,
        sources: &Sources,
        mut scope: Scope,
        path: &str,
        folder: &str,
        parent: Option<usize>,
    ) -> Result<usize, String> {
        let at = self.modules.len();
        let root = parent.map_or(at, |parent| self.modules[parent].root);
        let (files, inline) = (std::mem::take(&mut scope.files), std::mem::take(&mut scope.inline));
        self.modules.push(Module { file: path.into(), scope, parent, root, children: BTreeMap::new() });
        for name in files {
            let inside = format!("{folder}/{name}");
            let file = [format!("{inside}.rs"), format!("{inside}/mod.rs")]
                .into_iter()
                .find(|path| sources.contains_key(path))
                .ok_or_else(|| format!("{path}: the file of `mod {name}` is not in {folder}"))?;
            let child = self.file(sources, &file, &inside, Some(at))?;
            self.modules[at].children.insert(name, child);
        }
        for (name, scope) in inline {
            let child = self.module(sources, scope, path, &format!("{folder}/{name}"), Some(at))?;
            self.modules[at].children.insert(name, child);
        }
        Ok(at)
    }

    /// The file that defines what `path`, written in `module`, names: `None` for a module, and for what is of another
    /// crate or of the function itself.
    pub fn defined_in(&self, module: usize, path: &[String]) -> Option<&str> {
        match self.resolve(module, path, 0)? {
            Place::Item(at) => Some(&self.modules[at].file),
            Place::Module(_) => None,
        }
    }

    fn resolve(&self, module: usize, path: &[String], depth: usize) -> Option<Place> {
        let (first, rest) = path.split_first()?;
        let here = &self.modules[module];
        match first.as_str() {
            "crate" => self.inside(here.root, rest, depth),
            "self" => self.inside(module, rest, depth),
            "super" if rest.first().is_some_and(|next| next == "super") => self.resolve(here.parent?, rest, depth),
            "super" => self.inside(here.parent?, rest, depth),
            name => match self.lookup(module, name, rest, depth) {
                None => self.crates.get(name).and_then(|&root| self.inside(root, rest, depth)),
                place => place,
            },
        }
    }

    /// `path` as it is read from outside `module`. What is not found was made by a macro of that module.
    fn inside(&self, module: usize, path: &[String], depth: usize) -> Option<Place> {
        let Some((first, rest)) = path.split_first() else { return Some(Place::Module(module)) };
        Some(self.lookup(module, first, rest, depth).unwrap_or(Place::Item(module)))
    }

    fn lookup(&self, module: usize, name: &str, rest: &[String], depth: usize) -> Option<Place> {
        if depth > DEEPEST {
            return None;
        }
        let here = &self.modules[module];
        // A module and a function may have one name: at the end of a path it is the function that is meant.
        let shared = rest.is_empty() && (here.scope.items.contains(name) || here.scope.imports.contains_key(name));
        if let Some(&child) = here.children.get(name)
            && !shared
        {
            return self.inside(child, rest, depth);
        }
        // Likewise a function may have the name of an import, which is meant where more of a path follows.
        let import = here.scope.imports.get(name);
        if here.scope.items.contains(name) && (rest.is_empty() || import.is_none()) {
            return Some(Place::Item(module));
        }
        if let Some(path) = import
            && (path.len() > 1 || path[0] != name)
        {
            return match self.resolve(module, path, depth + 1)? {
                Place::Module(at) => self.inside(at, rest, depth + 1),
                item => Some(item),
            };
        }
        let own = |glob: &&Vec<String>| ["crate", "self", "super"].contains(&glob[0].as_str());
        here.scope.globs.iter().filter(own).find_map(|glob| match self.resolve(module, glob, depth + 1)? {
            Place::Module(at) => self.lookup(at, name, rest, depth + 1),
            Place::Item(_) => None,
        })
    }
}
