//! Networks whose Lipschitz constant is told by the product U of their layers' norms (arXiv:2603.28113).
//!
//! Two parts, whose rows stand in one file.
//!
//! *Obstructions* ([`examples`]): three reasons why U is far above the Lipschitz constant L, each with a network of a few units whose L is known in
//! closed form, and its cure.
//!
//! *Networks*: deep networks for rows of several classes, one for each map (what becomes of the sums of a layer) and each norm, by four methods.
//!
//! ```text
//! plain      the cross-entropy alone
//! price      the cross-entropy and λ U, or λ log U: what the paper minimizes
//! held       the same as `price` with hidden layers held: orthonormal for p = 2, in a ball for p = 1 and p = ∞
//! margins    the cross-entropy of the worst margins at a radius (section 7 of docs/mathematics/deep.md), with hidden layers held
//! ```
//!
//! All are judged by U, by the largest Jacobian found, which is at most L, and by the share of rows held out that are right, as they are and proved
//! for all changes of the inputs within radii.

mod claims;
mod examples;
mod file;
mod plan;
mod row;
mod settings;
#[cfg(test)]
mod tests;
mod trial;

pub use claims::{Mean, claims, means};
pub use examples::{Example, Role, examples};
pub use file::{Experiment, parse, read};
pub use plan::{Arm, Plan};
pub use row::Row;
pub use settings::{Method, OfMap, OfNorm, Sample, Set, Settings};
pub use trial::trial;
