//! Convex adversarial training (Bai, Gautam, Gai and Sojoudi, arXiv:2105.12237) where inputs are many, by a first-order method with a lower bound.
//!
//! Every row may move by δ with ‖δ‖ ≤ ε, in any of the three norms; ‖·‖ without δ is the dual norm. Labels D_ik and signs s_i are given, σ = 2D − 1 and
//!
//! ```text
//! h_ik = x̄_k·z̄_i      f_k = c + Σ_i s_i D_ik h_ik      G_k = Σ_i s_i D_ik z_i      t_ik = (ε‖z_i‖ − σ_ik h_ik)₊
//! U_k = f_k + ε‖G_k‖ + Σ_{s_i=+} t_ik                  Lo_k = f_k − ε‖G_k‖ − Σ_{s_i=−} t_ik
//!
//! minimize over z̄, c    Σ_k ω_k max( loss(U_k, y_k), loss(Lo_k, y_k) ) + λ_w Σ_i ‖z̄_i‖₂
//! ```
//!
//! f of the network stays within \[Lo_k, U_k\] whatever δ is. With *soft cells* this is (R) of
//! `docs/mathematics/tolerance.md`; with *hard cells* t_ik = 0 is asked for in all rows, and it is the
//! published program. A loss of the margin meets only one of U_k and Lo_k; any other must be the same function of f − y above and below the
//! target, and so is one of the *height* w_k = max(U_k − y_k, y_k − Lo_k).
//!
//! # The method
//!
//! The alternating direction method of multipliers with copies of everything that has a kink, so that every step is exact:
//!
//! - Row by row, of h_ik, of the reach u_i ≥ ε‖z_i‖ of every unit, of G_k and of c. Together they are what the worst-case loss of
//!   a row is a function of, and its proximal step comes down to one number, or to two (`row.rs`).
//! - Of z̄_i and u_i, for λ_w‖z̄_i‖ and ε‖z_i‖ ≤ u_i: one number for each unit (`problem.rs`).
//! - The linear system for z̄ is `β Z + ρ_h X̄ᵀX̄ Z + ρ_G Z SᵀS` with S_ki = s_i D_ik, where Z has a column for each unit. The eigenvectors of X̄ᵀX̄ and of SᵀS, found
//!   once, solve it for any penalties. For that G has a row for the hidden biases too, whose copy is free. u and c are means.
//!
//! So an iteration is a few products with X̄, D and the eigenvectors, and n m numbers are all that pairs of units and rows need. Every kind of copy has a penalty of
//! its own, by which its two relative residuals become alike; it changes ever more rarely. c has the penalty of h: with
//! one of its own the bound came slowly. Columns that are 0 in all rows are left out.
//!
//! # The lower bound
//!
//! Let a_k⁺, a_k⁻ ≥ 0 be multipliers of U_k − y_k and y_k − Lo_k, b_k = a_k⁺ − a_k⁻, Δ_k any with ‖Δ_k‖_δ ≤ ε (a_k⁺ + a_k⁻) in the norm of the perturbations, and p_ik ≥ 0 with
//! p_ik ≤ a_k^{s_i} where cells are soft. Then Σ_{s_i=+} a_k⁺ t_ik ≥ Σ p_ik (ε‖z_i‖ − σ_ik h_ik), and so on; by Fenchel's inequality
//! the worst-case loss of row k is at least
//!
//! ```text
//! b_k (f_k − y_k) + Δ_k·G_k + Σ_i p_ik (ε‖z_i‖ − σ_ik h_ik) − ω_k conjugate_k((a_k⁺ + a_k⁻)/ω_k)
//! ```
//!
//! with the conjugate of the loss as a function of the height; with hard cells for weights in them. Sum over the rows. What depends on z̄_i is
//!
//! ```text
//! q_i·z̄_i + r_i ε‖z_i‖ + λ_w‖z̄_i‖₂        q_i = Σ_k ( b_k s_i D_ik x̄_k + s_i D_ik (Δ_k, 0) − p_ik σ_ik x̄_k )        r_i = Σ_k p_ik
//! ```
//!
//! and this is never negative exactly if q_i is no further than λ_w from the ball of radius ε r_i of the perturbations, in its first d entries: if what the proximal step of r_i ε‖·‖ leaves of q_i has
//! length λ_w at most. Σ_k b_k = 0 makes c drop out. Then
//!
//! ```text
//! −Σ_k ( b_k y_k + ω_k conjugate_k((a_k⁺ + a_k⁻)/ω_k) )
//! ```
//!
//! is no more than the optimum. The multipliers of the proximal steps of the rows have all but the two conditions on sums, whatever the residuals are. The
//! rows of the heavier side are scaled down for Σ b_k = 0, and then all rows for the lengths. This keeps the others.
//!
//! The network's objective is computed from its weights, soft or after they have been put into their cells (`repair.rs`), with the best c. It has no clock: who wants seconds reads them in the observer.

mod iteration;
mod norms;
mod problem;
mod repair;
mod row;
mod settings;

pub use iteration::{Observer, Progress, Robust, robust};
pub use settings::{Cells, Settings};

#[cfg(test)]
mod tests;
