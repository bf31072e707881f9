//! The arrows of a workspace.

use std::collections::BTreeSet;

use crate::names::Names;

/// `from` names, in `line`, something that `to` defines.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrow {
    /// The file that uses.
    pub from: String,
    /// The file that is used.
    pub to: String,
    /// The line in `from`.
    pub line: usize,
    /// The path as it is written there.
    pub path: String,
}

impl std::fmt::Display for Arrow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: `{}` is defined in {}", self.from, self.line, self.path, self.to)
    }
}

/// All arrows between different files, in the order of their files and lines.
pub fn arrows(names: &Names) -> BTreeSet<Arrow> {
    let mut arrows = BTreeSet::new();
    for (at, module) in names.modules.iter().enumerate() {
        for written in &module.scope.written {
            if let Some(to) = names.defined_in(at, &written.path)
                && to != module.file
            {
                let (from, to, path) = (module.file.clone(), to.to_string(), written.path.join("::"));
                arrows.insert(Arrow { from, to, line: written.line, path });
            }
        }
    }
    arrows
}
