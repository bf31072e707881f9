//! Deep networks made better layer by layer: what a convex program of one layer finds, never worse than what was there.
//!
//! ```text
//! objective(f) = mean loss, of the worst case within a radius where there is one  +  λ · (bound on the Lipschitz constant)
//! ```
//!
//! With the patterns of one layer and all later ones held on every row, the outputs are affine in the weights of that layer, W. The bound is a norm of W: the
//! product of norms is ‖W‖ times a number, and LipSDP with its multipliers held is at most `unit · ‖Aᵀ W B‖₂`
//! ([`LayerNorm`](crate::certify::LayerNorm)). So the objective is convex in W, and a barrier method finds its least value (`newton`). Patterns change on the way
//! to it, so the segment from the old weights to the new ones is searched for the least *true* objective, and a step that gains nothing is not taken. Sweeps go
//! over the layers, last to first, until a sweep gains little.
//!
//! Where the activation is relu and there is one output, the last two layers are a shallow network on the features that the rest makes of the inputs, and the
//! program (J) of both at once is tried first ([`polish`](crate::polish)).
//!
//! The derivation is `docs/mathematics/deep.md`, section 10.

mod ball;
mod bounds;
mod cost;
mod head;
mod newton;
mod passes;
mod program;
mod settings;
mod spread;
mod sweeps;

pub use settings::{Bound, Settings};
pub use sweeps::{Ending, Polished, Progress, Score, Step, What, polish, score};

#[cfg(test)]
mod tests;
