//! How large a program is, and which way of solving it that leaves.

use super::{
    large,
    layout::Layout,
    normal::{Route, StructuredNormal},
    working_set::MANY,
};

/// More memory than this a program may not take, in bytes.
pub(crate) const MOST_MEMORY: f64 = 16e9;
/// Operations of a factorization above which conjugate gradients are taken in its place, where they serve.
const MOST_OPERATIONS: f64 = 1e12;

/// About how much memory a solve takes, in bytes; `squared` where the loss is the squared error.
pub(super) fn bytes(layout: &Layout, squared: bool) -> f64 {
    if squared && too_large(layout) { large::bytes(layout) } else { factor_bytes(layout) }
}

/// Whether the normal equations are too large for a factor and conjugate gradients serve.
pub(super) fn too_large(layout: &Layout) -> bool {
    large::serves(layout) && (operations(layout) > MOST_OPERATIONS || factor_bytes(layout) > MOST_MEMORY)
}

/// The same with a factor.
fn factor_bytes(layout: &Layout) -> f64 {
    let many = layout.n > MANY;
    let layout = Layout { n: layout.n.min(MANY), ..layout.clone() };
    let dense = many || StructuredNormal::cheaper(&layout) == Route::Dense;
    layout.bytes(dense, if many { 2 } else { usize::from(dense) })
}

/// Operations of a factorization by the cheaper of its routes.
fn operations(layout: &Layout) -> f64 {
    let (size, n) = (layout.reduced() as f64, layout.n as f64);
    let units = if layout.n > MANY { f64::INFINITY } else { n * n * size + n.powi(3) / 3.0 };
    (size.powi(3) / 3.0).min(units)
}
