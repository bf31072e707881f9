//! Runs the command in a folder of its own.

pub use tautnet_furniture::{Folder, Ran};

pub const TAUTNET: &str = env!("CARGO_BIN_EXE_tautnet");
