//! (6): weight decay alone, one convex program.

use super::method::{
    Described, Method, NO_EFFORT, NO_LIMIT, NO_MULTIPLIERS, NO_PENALTY, NO_PRICE, NO_ROUNDS, NO_TOLERANCE,
};

pub(super) use super::joint::run;

/// The method. It is (J) where the bound has neither a price nor a limit.
pub const METHOD: Method = Method(&Described {
    name: "weight-decay",
    help: "weight decay only",
    requires: &[NO_PRICE, NO_PENALTY, NO_LIMIT, NO_EFFORT, NO_MULTIPLIERS, NO_TOLERANCE, NO_ROUNDS],
    prices: (0.0, 1e-3),
    story: super::joint::METHOD.story(),
});
