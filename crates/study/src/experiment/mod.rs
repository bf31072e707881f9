//! Experiments: every method on the same data, trial by trial, and what the trials say together.
//!
//! ```text
//! Plan ─► Task (data set × arm × trial) ─► trial ─► Row (one a method) ─► Journal (a CSV file)
//!                                                       └─► reductions, bands ─► tables, figures
//! ```
//!
//! An [`Arm`] is a starting network and the methods that post-process it, at one price. A trial splits the rows, trains the
//! starting network, applies each method *to that very network*, and measures all of them alike: the objective
//!
//! ```text
//! (4)   mean squared error + λ_w Σ_i |v_i| ‖(w_i, b_i)‖₂ + λ_L L        (or λ_L L²),    on the rows learned from
//! ```
//!
//! recomputed from the weights ([`polish::score`](tautnet::polish::score)), and the error on the rows held out, without attack and under it. The second
//! term is `½ λ_w (‖W̄‖² + ‖v‖²)` at the best scaling of each unit, for the starting network too: otherwise a part of what a
//! method gains would be the rescaling alone, which costs nothing.
//!
//! Trials do not depend on each other, so that they can be run in any order, at the same time, and on another day.

mod arm;
mod check;
mod journal;
mod method;
mod plan;
mod problem;
mod rows;
mod summary;
mod task;
#[cfg(test)]
mod tests;
mod trial;
mod within;

pub use arm::{Applied, Arm, Base, GoOn, Job, Method, Settings, prices_in_words};
pub use journal::Journal;
pub use method::{BASES, METHODS, base, base_title, method, method_title};
pub use plan::Plan;
pub(crate) use plan::{digest_rows, digest_samples, told};
pub use problem::{Problem, Sample};
pub use rows::{Row, rows_from_csv, rows_of_classes_to_csv, rows_to_csv};
pub(crate) use rows::{csv_of, rows_of};
pub use summary::{Band, Pair, Reduction, Spread, arms, bands, pairs, quantile, reductions, winner};
pub(crate) use task::tasks;
pub use task::{Task, Trials};
pub use trial::{Clock, trial};
