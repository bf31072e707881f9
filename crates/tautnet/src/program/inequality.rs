//! The linear matrix inequality that bounds the Lipschitz constant, as cliques and their coupling.
//!
//! ```text
//! C_i = ⎡ U_i   ζ_i  ⎤ ⪰ 0,   ζ_i = (z_i ; s_i ℓ_i)      one clique a unit, order d + 2
//!       ⎣ ζ_iᵀ  2ℓ_i ⎦
//! E(L, π, a) − Σ_i U_i ⪰ 0                               the coupling, order d + 1
//! ```
//!
//! The cliques are the inequality `Ξ ⪰ 0` of (J), exactly: `Ξ` is an arrow whose m diagonal entries are `2ℓ_i`, so
//! `Ξ ⪰ 0` iff `E − Σ ζ_i ζ_iᵀ/(2ℓ_i) ⪰ 0`, iff symmetric `U_i ⪰ ζ_i ζ_iᵀ/(2ℓ_i)` exist with `Σ U_i ⪯ E`. E has the diagonal
//! `(κ_1² L, …, κ_d² L, L)` for the Euclidean norm (κ_k the scale of column k) and `(π, L)` for the largest absolute
//! value; a linear part a stands in its last row and column as −a.
//!
//! What it adds to the normal equations is in [`super::normal`], which eliminates the `U_i`.

use super::{
    layout::Layout,
    term::{Place, Term},
};
use faer::Mat;
use std::{f64::consts::SQRT_2, ops::Range, sync::Arc};
use tautnet_cone::Cone;

/// The term.
#[derive(Clone)]
pub(crate) struct Inequality {
    /// `s_i`.
    pub sign: Vec<f64>,
    /// `κ_k²`.
    pub metric: Arc<[f64]>,
    /// `z_i` (d × m) where Z is held.
    pub held_z: Option<Mat<f64>>,
    /// The linear part where it is held with Z.
    pub held_linear: Option<Vec<f64>>,
    /// `ℓ` where it is held.
    pub held_ell: Option<Vec<f64>>,
    pub place: Place,
}

impl Inequality {
    /// The rows of one clique.
    pub fn clique_rows(&self, layout: &Layout, i: usize) -> Range<usize> {
        let first = self.place.row + i * layout.clique_len();
        first..first + layout.clique_len()
    }

    /// The rows of the coupling.
    pub fn coupling_rows(&self, layout: &Layout) -> Range<usize> {
        let first = self.place.row + layout.m * layout.clique_len();
        first..first + layout.pairs()
    }

    /// The cone of the coupling.
    pub fn coupling_cone(&self, layout: &Layout) -> usize {
        self.place.cone + layout.m
    }
}

impl Term for Inequality {
    fn cones(&self, layout: &Layout) -> Vec<Cone> {
        let mut cones = vec![Cone::Semidefinite(layout.d + 2); layout.m];
        cones.push(Cone::Semidefinite(layout.separator()));
        cones
    }

    fn place(&mut self, place: Place) {
        self.place = place;
    }

    fn constant(&self, layout: &Layout, constant: &mut [f64]) {
        let coupling = self.coupling_rows(layout).start;
        for (k, a) in self.held_linear.iter().flatten().enumerate() {
            constant[coupling + corner_of(layout.d, k)] = -SQRT_2 * a;
        }
        for i in 0..layout.m {
            let clique = &mut constant[self.clique_rows(layout, i)];
            if let Some(z) = &self.held_z {
                (0..layout.d).for_each(|a| clique[column_of(layout.d, a)] = SQRT_2 * z[(a, i)]);
            }
            if let Some(ell) = &self.held_ell {
                clique[column_of(layout.d, layout.d)] = SQRT_2 * self.sign[i] * ell[i];
                clique[layout.clique_len() - 1] = 2.0 * ell[i];
            }
        }
    }

    fn apply(&self, layout: &Layout, x: &[f64], out: &mut [f64]) {
        let (d, pairs, bound) = (layout.d, layout.pairs(), layout.bound());
        let mut coupling = vec![0.0; pairs];
        let mut p = 0;
        for a in 0..=d {
            coupling[p] = match a {
                a if a == d => x[bound],
                a if layout.infinity => x[layout.p() + a],
                a => self.metric[a] * x[bound],
            };
            p += d + 1 - a;
        }
        for (k, at) in layout.linear_part().into_iter().flatten().enumerate() {
            coupling[corner_of(d, k)] = -SQRT_2 * x[at];
        }
        for i in 0..layout.m {
            let clique = &mut out[self.clique_rows(layout, i)];
            let u = &x[layout.separators() + i * pairs..][..pairs];
            let ell = layout.ell().map_or(0.0, |l| x[layout.unit(i) + l]);
            let (mut row, mut p) = (0, 0);
            for a in 0..=d {
                let length = d + 1 - a;
                clique[row..row + length].copy_from_slice(&u[p..p + length]);
                row += length;
                p += length;
                clique[row] = SQRT_2
                    * match a {
                        a if a == d => self.sign[i] * ell,
                        a if layout.weights => x[layout.unit(i) + a],
                        _ => 0.0,
                    };
                row += 1;
            }
            clique[row] = 2.0 * ell;
            coupling.iter_mut().zip(u).for_each(|(c, u)| *c -= u);
        }
        out[self.coupling_rows(layout)].copy_from_slice(&coupling);
    }

    fn add_adjoint(&self, layout: &Layout, z: &[f64], out: &mut [f64]) {
        let (d, pairs, bound) = (layout.d, layout.pairs(), layout.bound());
        let coupling = &z[self.coupling_rows(layout)];
        let mut p = 0;
        for a in 0..=d {
            match a {
                a if a == d => out[bound] += coupling[p],
                a if layout.infinity => out[layout.p() + a] += coupling[p],
                a => out[bound] += self.metric[a] * coupling[p],
            }
            p += d + 1 - a;
        }
        for (k, at) in layout.linear_part().into_iter().flatten().enumerate() {
            out[at] -= SQRT_2 * coupling[corner_of(d, k)];
        }
        for i in 0..layout.m {
            let clique = &z[self.clique_rows(layout, i)];
            let mut ell = 2.0 * clique[layout.clique_len() - 1];
            let (mut row, mut p) = (0, 0);
            let separator = layout.separators() + i * pairs;
            for a in 0..=d {
                let length = d + 1 - a;
                for l in 0..length {
                    out[separator + p + l] += clique[row + l] - coupling[p + l];
                }
                row += length;
                p += length;
                if a == d {
                    ell += SQRT_2 * self.sign[i] * clique[row];
                } else if layout.weights {
                    out[layout.unit(i) + a] += SQRT_2 * clique[row];
                }
                row += 1;
            }
            if let Some(l) = layout.ell() {
                out[layout.unit(i) + l] += ell;
            }
        }
    }
}

/// Position of entry a of `ζ` within the `svec` of a clique of order d + 2.
pub(crate) fn column_of(d: usize, a: usize) -> usize {
    // Columns before a hold d + 2, d + 1, … entries; the last of column a is row d + 1.
    (0..=a).map(|j| d + 2 - j).sum::<usize>() - 1
}

/// Position of entry (d, a) within the `svec` of the coupling, of order d + 1.
fn corner_of(d: usize, a: usize) -> usize {
    (0..=a).map(|j| d + 1 - j).sum::<usize>() - 1
}
