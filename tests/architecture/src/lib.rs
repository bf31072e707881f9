//! Who uses whom among the files of a workspace, read from their imports and from the paths written inside their code.
//!
//! An arrow runs from the file that names an item to the file that defines it. A re-export is followed to the
//! definition. `mod x;` alone is not an arrow, and neither is the name of a module without one of its items. What
//! stands under `#[cfg(test)]` is not read. A call of a method names no file, but the type of its receiver was named
//! somewhere.
//!
//! `tests/workspace.rs` asks two things of the workspace: no circle of files ([`circle`]), and no arrow between rooms
//! that the table in ARCHITECTURE.md does not have ([`table`]). It also asks that no symbol
//! stands in two rows of NOTATION.md ([`notation`]). `tests/made_up.rs` shows that these questions can fail.

pub mod arrows;
pub mod circle;
pub mod names;
pub mod notation;
pub mod source;
pub mod table;
pub mod workspace;
