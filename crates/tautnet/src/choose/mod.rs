//! The network for a tolerance: candidates, chosen by cross-validation on the worst case, and their mean.
//!
//! Rows are cut into five parts. A *candidate* ([`Candidate`]) learns from four of them and is judged on the fifth: by the
//! worst losses that an attack finds within the tolerance there (its losses, where every input is exact; then training may
//! attack within [`SMOOTHING`] all the same). First come many candidates on one part or two, then the better ones
//! on all; then those of the best with the convex program (R) and a few variations of them. A *wild* row, one with an error like
//! no other, does not decide: its loss counts as the next smaller one.
//!
//! The result is a mean of networks. Since the worst-case loss is convex in the prediction, that of a mean is never above the mean
//! of the worst-case losses, so only its members have to be found: the best candidate is the first, and others, or the same
//! from another seed, are added while the worst case on the rows held out falls. Then every member learns from all rows.

mod baselines;
mod beside;
mod candidate;
mod compress;
mod evaluate;
mod judge;
mod members;
mod outcome;
mod search;
mod seen;
mod temperature;

pub use beside::{Beside, Clean, Judged};
pub use candidate::{Candidate, Convex};
pub use evaluate::{Case, Watching, accuracy, cases, confusion, evaluate, evaluate_at_tolerance};
pub use outcome::{Choice, Chosen, Judgement, Part};
pub use search::{Observer, PARTS, Progress, SMOOTHING, Settings, Stage, choose};
pub use seen::{Accuracy, AtSize, Errors, Evaluation, OfTarget, Seen, Simple, Typical, Verdict};
