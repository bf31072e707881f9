//! Two methods for the convex program of weight decay by the authors of convex adversarial training (Bai, Gautam, Gai
//! and Sojoudi, arXiv:2105.12237 and arXiv:2201.01965).
//!
//! ```text
//! admm            minimize over z̄, c    Σ_k ω_k loss(f_k, y_k) + λ_w Σ_i ‖z̄_i‖₂     s.t. σ_ik x̄_k·z̄_i ≥ 0      f = c + Σ_i s_i D_i X̄ z̄_i
//! sampled_lasso   minimize over v, c    Σ_k ω_k loss(f_k, y_k) + λ_w Σ_i |v_i|                                 f = c + Σ_i v_i relu(X̄ w̄_i)
//! ```
//!
//! The first is (6), for any loss. [`admm`] is the alternating direction method of multipliers: where patterns and rows are many,
//! its iteration costs much less than that of the interior-point method of [`polish`](mod@tautnet::polish), and it needs more of
//! them. The second draws the hidden weights w̄_i, with ‖w̄_i‖₂ = 1, and fits the output weights alone, so that λ_w |v_i| is λ_w ‖z̄_i‖₂.
//!
//! Both tell the objective of the network they have so far, recomputed from its weights, and a lower bound on the optimum of
//! their program. They have no clock: who wants seconds reads them in the observer. Columns should be standardized.

mod dual;
pub(crate) mod groups;
pub(crate) mod iteration;
mod lasso;
mod linear;
pub(crate) mod products;
pub(crate) mod settings;

pub use groups::Groups;
pub use iteration::{Admm, Observer, Progress, admm};
pub use lasso::{Lasso, Sweep, directions, sampled_lasso};
pub use settings::{LinearSolver, Settings};

#[cfg(test)]
mod tests;
