//! What a program is made of. Each term owns its inequalities, its part of the objective and its part of the normal equations.
//!
//! The variables have their positions from [`Layout`], since a unit's variables lie together whatever terms use them. The
//! inequalities of a term lie together, and where is told to it once, when the program is put together ([`Term::place`]).
//! A further kind of constraint or price is a further term: nothing else counts rows or cones.

use super::layout::Layout;
use faer::Mat;
use std::ops::Range;
use tautnet_cone::{Cone, Curved, Scaling};

/// Where the first inequality of a term stands: its row, and the index of its cone.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Place {
    pub row: usize,
    pub cone: usize,
}

/// The normal matrix without the parts that tie several units: one block a unit, and one of the shared scalars.
pub(crate) struct Blocks {
    pub units: Vec<Mat<f64>>,
    pub shared: Mat<f64>,
}

/// A term of `min ψ(x) + qᵀx + o  s.t.  Ax + b ∈ K` with ψ(x) = ½xᵀPx, or more. What is said to be added is added to what the other terms gave.
pub(crate) trait Term: Sync {
    /// Its cones, in order; none where it has no inequalities.
    fn cones(&self, layout: &Layout) -> Vec<Cone>;
    /// Told once where its inequalities stand.
    fn place(&mut self, place: Place);
    /// Add its part of q; gives its part of o.
    fn objective(&self, _layout: &Layout, _linear: &mut [f64]) -> f64 {
        0.0
    }
    /// Write its rows of b, which are 0 before.
    fn constant(&self, _layout: &Layout, _constant: &mut [f64]) {}
    /// Add its part of `P x`.
    fn add_product(&self, _layout: &Layout, _x: &[f64], _out: &mut [f64]) {}
    /// Its part of ψ beside the quadratic ½xᵀPx, whose gradient is added.
    fn add_curved(&self, _layout: &Layout, _x: &[f64], _gradient: &mut [f64]) -> Curved {
        Curved::default()
    }
    /// Add what that has in `∇²ψ(at) v`.
    fn add_curvature(&self, _layout: &Layout, _at: &[f64], _v: &[f64], _out: &mut [f64]) {}
    /// Whether ψ is the quadratic alone.
    fn is_quadratic(&self) -> bool {
        true
    }
    /// Write its rows of `A x`.
    fn apply(&self, layout: &Layout, x: &[f64], out: &mut [f64]);
    /// Add its part of `Aᵀ z`.
    fn add_adjoint(&self, layout: &Layout, z: &[f64], out: &mut [f64]);
    /// Add its part of `P + AᵀH A`, as far as it is in the blocks. Where it is time to stop, what comes out is of no use.
    fn add_blocks(&self, _layout: &Layout, _scaling: &[Scaling], _blocks: &mut Blocks) {}
}

/// A term with variables that no other term sees. They are eliminated before the rest is factored: what is left in their place
/// is in the blocks, or in what the term adds to the reduced matrix.
pub(crate) trait Own: Term {
    /// Where these variables stand.
    fn own(&self, layout: &Layout) -> Range<usize>;
    /// Its inequalities.
    fn rows(&self, layout: &Layout) -> Range<usize>;
    /// Overwrite a right-hand side of these variables with the solution, all others held at 0; `at` are the variables for which
    /// the normal equations are.
    fn solve_own(&self, layout: &Layout, at: &[f64], scaling: &[Scaling], r: &mut [f64]);
}
