//! Bounds on the Lipschitz constant of a network, from cheap to exact, and files that prove them.
//!
//! For one network and one norm of the inputs, in ascending order:
//!
//! ```text
//!     largest gradient found  ≤  the constant over a region  ≤  local LipSDP  ≤  LipSDP  ≤  path norm, norm product
//! ```
//!
//! | bound | function | side |
//! |---|---|---|
//! | largest gradient found | [`largest_gradient_found`], [`search_gradients`] | lower, with the input that attains it |
//! | largest Jacobian found, any layers | [`largest_jacobian_found`] | lower, with the input that attains it |
//! | exact constant | [`exact_lipschitz`], [`ExactSearch`] (any time, resumable from a [`SearchState`]) | both |
//! | exact, at most three inputs | [`largest_gradient_by_enumeration`] | the judge of the exact one |
//! | over a box or ball | [`local_upper_bound`] | upper |
//! | LipSDP | [`lipsdp`](fn@lipsdp) | upper, with its multipliers |
//! | products of norms, any layers | [`trivial_bound`], [`layer_norm_upper_bound`] | upper |
//! | norms | [`path_norm`], [`norm_product`](fn@norm_product), [`column_sums`] | upper |
//!
//! [`output_range`](fn@output_range) bounds the values of f, not its slopes, over a box or ball; [`sample_interval`] makes
//! it a guarantee per sample, and [`interval_within`] one for each row of a table within a tolerance of its inputs.
//! [`worst_cases`](fn@worst_cases) writes the latter into a file that [`verify_worst_cases`] checks.
//! [`steepest_pattern`](fn@steepest_pattern) says how much of LipSDP's slack is due to patterns that no input attains.
//!
//! Every constant of these modules, and why each bound is one, is derived in `docs/mathematics/bounds.md`; those of the verifier in
//! `docs/mathematics/verification.md`.
//!
//! [`issue`](fn@issue::issue) turns approximate multipliers of any origin into a [`Certificate`](tautnet_verify::Certificate) ([`prove`](fn@prove)
//! finds them first), and [`verify`](fn@verify) accepts a certificate only if its numbers are theorems about the
//! network. The certificate and its verifier are a crate of their own,
//! [`tautnet_verify`], which contains no solver.

mod arrangement;
mod ball_matrix;
mod box_maximum;
mod cell;
mod cell_maximum;
mod chain;
mod chain_cells;
mod chain_constant;
mod chain_exact;
mod chain_layers;
mod chain_lipsdp;
mod chain_local;
mod chain_newton;
mod chain_parts;
mod chain_problem;
mod chain_recursion;
mod chain_start;
mod chain_steps;
mod class_margins;
mod directional;
mod effort;
mod emptiness;
mod exact;
mod exact_emptiness;
mod gradient_search;
mod implied_bound;
mod interior_lipsdp;
pub mod issue;
mod jacobian_search;
mod layered;
mod linear_bounds;
mod lipsdp;
mod lipsdp_bound;
mod lipsdp_gradient;
mod local;
mod max_cut;
mod norm_product;
mod open_nodes;
mod output_range;
mod prediction;
mod prove;
mod radius;
mod region;
pub(crate) mod sample;
mod search_state;
mod seen_rows;
mod slope_range;
mod slope_sum;
mod slopes;
mod steepest_pattern;
mod verification;
mod within;
mod worst_cases;

pub use crate::outward::{Interval, enclose, mul_up};
pub use arrangement::largest_gradient_by_enumeration;
pub use chain::{TrivialBound, chain_certificate, layer_norm_upper_bound, trivial_bound, verify_chain};
pub use chain_constant::{ChainKnown, chain_constant, chain_local_is_cheap};
pub use chain_exact::{chain_exact, no_chain_exact};
pub use chain_layers::{LayerNorm, layer_norms_by_multipliers};
pub use chain_lipsdp::{
    ChainLipsdpBound, ChainLipsdpSettings, ChainMultipliers, chain_lipsdp, chain_lipsdp_is_cheap, no_chain_lipsdp,
    with_chain_lipsdp,
};
pub use chain_local::chain_local;
pub use chain_parts::{ChainEnclosure, ChainSearchSettings};
pub use class_margins::{class_margins, verify_class_margins};
pub use directional::Of;
pub use effort::{Effort, Widest, affordable_nodes};
pub use exact::{Enclosure, ExactObserver, ExactProgress, ExactSearch, ExactSettings, exact_lipschitz};
pub use gradient_search::{
    Attained, GradientSearchObserver, GradientSearchProgress, GradientSearchSettings, attained_at,
    largest_gradient_found, search_gradients,
};
pub use issue::{Approximation, issue};
pub use jacobian_search::{JacobianFound, JacobianSearchSettings, largest_jacobian_found};
pub use lipsdp::lipsdp;
pub(crate) use lipsdp::{bound_by, units_lipsdp};
pub use lipsdp_bound::{Bound, GapObserver};
pub(crate) use lipsdp_gradient::lipsdp_gradient;
pub use local::{LocalBound, local_upper_bound};
pub use norm_product::{column_sums, norm_product, path_norm, relative_gap};
pub use output_range::{Extreme, OutputRange, RangeSettings, output_range};
pub use prediction::{
    IntervalObserver, IntervalProgress, Intervals, prediction_intervals, prediction_intervals_within, prediction_reach,
    sensitivities,
};
pub use prove::prove;
pub use radius::{Bounded, predictions_within_radius, within_radius};
pub use region::Region;
pub use sample::{SampleInterval, sample_interval};
pub use search_state::SearchState;
pub use seen_rows::SeenRows;
pub use steepest_pattern::{SteepestPattern, steepest_pattern};
pub use verification::{fingerprint, verify};
pub(crate) use within::wanted_interval_within;
pub use within::{interval_within, keeps_sign};
pub use worst_cases::{verify_worst_cases, worst_cases};

#[cfg(test)]
mod tests;

#[cfg(test)]
mod sound_tests;

#[cfg(test)]
mod linear_part_tests;
