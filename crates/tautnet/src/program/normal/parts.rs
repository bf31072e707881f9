//! What the elimination keeps between the factorization and the solves, on either route.

use crate::program::{cholesky::Cholesky, training::TrainingProgram};
use faer::{Mat, MatRef};
use tautnet_cone::Scaling;

/// Which of the two routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    Dense,
    Units,
}

/// A clique's scaling, ready for elimination.
pub(super) struct Clique {
    /// `Ĝ_u⁻¹`.
    pub(super) inverse: Mat<f64>,
    /// `F g̃`.
    pub(super) h: Vec<f64>,
    /// `∂ svec F(g̃ ζᵀ + ζ g̃ᵀ + 2ℓ g̃ g̃ᵀ)Fᵀ` by the unit's variables, pairs × width.
    pub(super) coupling: Mat<f64>,
}

pub(super) enum Factor {
    None,
    Dense(Cholesky),
    Units(Units),
}

/// Solves the normal equations of a training program.
pub(crate) struct StructuredNormal<'a> {
    pub(super) program: &'a TrainingProgram,
    pub route: Route,
    pub(super) cliques: Vec<Clique>,
    /// The scaling, where terms have variables of their own.
    pub(super) scaling: Vec<Scaling>,
    /// The variables at which ψ is curved as in the factor.
    pub(super) at: Vec<f64>,
    /// `F`, upper triangular, of order d + 1.
    pub(super) frame: Mat<f64>,
    /// `R̂⁻¹`'s Cholesky factor.
    pub(super) coupling: Option<Cholesky>,
    /// Barrier weights of the loss's exits.
    pub(super) exits: Vec<f64>,
    /// √χ of every point: the loss's curvature in f, once its exits are eliminated.
    pub(super) root: Vec<f64>,
    pub(super) factor: Factor,
}

/// The second route's factors.
pub(super) struct Units {
    /// Cholesky factor of every unit's block.
    pub(super) blocks: Vec<Cholesky>,
    /// Cholesky factor of the matrix that is left, of order n + pairs.
    pub(super) rest: Cholesky,
    /// The shared scalars' own block, and the factor of its Schur complement.
    pub(super) shared_block: Option<Mat<f64>>,
    pub(super) shared: Option<Cholesky>,
    /// Shared columns of the low-rank part, (n + pairs) × shared.
    pub(super) columns: Mat<f64>,
}

pub(super) fn column(slice: &[f64]) -> MatRef<'_, f64> {
    MatRef::from_column_major_slice(slice, slice.len(), 1)
}

pub(super) fn regularize(matrix: &mut Mat<f64>, relative: f64) {
    let largest = (0..matrix.nrows()).fold(0.0f64, |m, j| m.max(matrix[(j, j)]));
    for j in 0..matrix.nrows() {
        matrix[(j, j)] += relative * (matrix[(j, j)] + 1e-3 * largest) + f64::MIN_POSITIVE;
    }
}
