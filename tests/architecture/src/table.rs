//! The table of ARCHITECTURE.md that says who may use whom.
//!
//! A row is a room: its name, its files and folders, and the rooms that it uses. It may use rooms of earlier rows only, so
//! that rooms form no circle. A path that begins with neither `crates/` nor `python/` is inside `crates/tautnet/src`.

use std::collections::BTreeSet;

use crate::arrows::Arrow;

/// The first line of the table.
pub const HEADER: &str = "| room | files | uses |";

/// A row.
#[derive(Debug, PartialEq)]
pub struct Room {
    /// What it is called.
    pub name: String,
    /// Its line in ARCHITECTURE.md.
    pub line: usize,
    /// Files, and folders with a slash at the end.
    pub files: Vec<String>,
    /// The rooms that it may use.
    pub uses: Vec<String>,
}

impl Room {
    fn has(&self, file: &str) -> bool {
        self.files.iter().any(|entry| matches(entry, file))
    }
}

fn matches(entry: &str, file: &str) -> bool {
    if entry.ends_with('/') { file.starts_with(entry) } else { file == entry }
}

/// The rows of the table in the text of ARCHITECTURE.md.
pub fn read(text: &str) -> Result<Vec<Room>, String> {
    let lines: Vec<&str> = text.lines().collect();
    let start = lines.iter().position(|line| *line == HEADER).ok_or(format!("there is no table `{HEADER}`"))?;
    let mut rooms = Vec::new();
    for (at, line) in lines.iter().enumerate().skip(start + 2).take_while(|(_, line)| line.starts_with('|')) {
        let cells: Vec<Vec<String>> = line.trim_matches('|').split('|').map(words).collect();
        let [name, files, uses] = cells.as_slice() else {
            return Err(format!("line {}: a row has three cells: {HEADER}", at + 1));
        };
        let [name] = name.as_slice() else { return Err(format!("line {}: a room has one name, `so`", at + 1)) };
        let files = files.iter().map(|file| whole(file)).collect();
        rooms.push(Room { name: name.clone(), line: at + 1, files, uses: uses.clone() });
    }
    Ok(rooms)
}

/// The words of a cell that stand between backticks.
fn words(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn whole(path: &str) -> String {
    let known = path.starts_with("crates/") || path.starts_with("python/");
    if known { path.into() } else { format!("crates/tautnet/src/{path}") }
}

/// Everything in which files and arrows differ from the table.
pub fn differences(rooms: &[Room], files: &BTreeSet<String>, arrows: &BTreeSet<Arrow>) -> Vec<String> {
    let mut told = Vec::new();
    for (at, room) in rooms.iter().enumerate() {
        for entry in room.files.iter().filter(|entry| !files.iter().any(|file| matches(entry, file))) {
            told.push(format!(
                "ARCHITECTURE.md:{}: `{entry}` of `{}` is no source file; leave it out",
                room.line, room.name
            ));
        }
        for used in room.uses.iter().filter(|used| !rooms[..at].iter().any(|room| room.name == **used)) {
            told.push(format!(
                "ARCHITECTURE.md:{}: `{}` uses `{used}`, which is no row above it; a room may use earlier rooms only",
                room.line, room.name
            ));
        }
    }
    let of = |file: &str| rooms.iter().find(|room| room.has(file));
    for file in files {
        let owners: Vec<&str> = rooms.iter().filter(|room| room.has(file)).map(|room| room.name.as_str()).collect();
        match owners.len() {
            1 => {}
            0 if is_root(file) => {}
            0 => told.push(format!("{file}: it is in no room; add it to a row of the table in ARCHITECTURE.md")),
            _ => told.push(format!("{file}: it is in several rooms, {}; leave it in one", owners.join(" and "))),
        }
    }
    let mut used = BTreeSet::new();
    for arrow in arrows {
        // The root of a crate may gather names from all of its rooms.
        let Some(from) = of(&arrow.from) else { continue };
        let Some(to) = of(&arrow.to) else {
            if is_root(&arrow.to) {
                told.push(format!("{arrow}, the root of its crate; move it into a file of a room"));
            }
            continue;
        };
        let allowed = from.name == to.name || from.uses.contains(&to.name);
        // Of several arrows between two rooms the first is told.
        if used.insert((&from.name, &to.name)) && !allowed {
            let (from, to) = (&from.name, &to.name);
            told.push(format!(
                "{arrow}, so `{from}` would use `{to}`; move what both need into a room that both may use, or, where `{to}` \
                 stands above `{from}` in the table of ARCHITECTURE.md, add `{to}` to the row of `{from}`"
            ));
        }
    }
    for room in rooms {
        for name in room.uses.iter().filter(|name| !used.contains(&(&room.name, name))) {
            let (line, room) = (room.line, &room.name);
            told.push(format!("ARCHITECTURE.md:{line}: `{room}` no longer uses `{name}`; take it out of the row"));
        }
    }
    told
}

fn is_root(file: &str) -> bool {
    file.ends_with("/src/lib.rs") || file.ends_with("/src/main.rs")
}
