//! Networks in files.

pub mod json;
