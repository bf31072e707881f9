//! Robust classification: convex adversarial training (Bai, Gautam, Gai and Sojoudi, arXiv:2105.12237) and what it is compared with, on tables and
//! images of two classes.
//!
//! Every trial of a data set has two halves, each with rows of its own.
//!
//! *Networks* ([`NETWORKS`]): the same number of units, the same loss and price of the weights, every row within ±ε in every input.
//!
//! ```text
//! gd-std, gd-fgsm, gd-pgd    gradient descent on the rows as they are, moved by one step (FGSM) or by several (PGD)
//! published                  hard cells; P_s patterns of Gaussian half-spaces on the rows and on sign-perturbed copies of them, each with both signs
//! soft-clean, soft-pgd       soft cells, that is (R) of docs/mathematics/tolerance.md; the patterns of gd-std and of gd-pgd
//! ```
//!
//! All are judged by the share of rows held out whose class is right: as they are, after FGSM, after PGD, and proved for every row by
//! branch and bound. What is proved is at most what PGD leaves right, that at most what FGSM does, and that at most what is right without an attack.
//!
//! *Solvers* ([`SOLVERS`]): programs without perturbations, with squared loss, given more and more work.
//!
//! ```text
//! admm         (6) with P_s Gaussian patterns and both signs, by ADMM
//! sampled      hidden weights drawn, output weights fitted: another program, and an upper bound of none of the others
//! interior     the program of admm by the interior-point method, where it is not too large
//! ```

mod claims;
mod file;
mod measure;
mod networks;
mod plan;
mod row;
mod settings;
mod solvers;
#[cfg(test)]
mod tests;
mod trial;

pub use claims::{Mean, claims, means};
pub use file::{Experiment, parse, read};
pub use networks::NETWORKS;
pub use plan::Plan;
pub use row::{Half, Row};
pub use settings::{Sample, Set, Settings};
pub use solvers::SOLVERS;
pub use trial::trial;
