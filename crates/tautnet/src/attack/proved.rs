//! What is proved of the worst case of rows.

/// What branch and bound proves about the rows one by one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WorstCase {
    /// The (weighted) mean loss that no attack exceeds: at most the ceiling.
    pub proved: f64,
    /// How many rows have a worst case that is known exactly.
    pub closed_rows: usize,
}
