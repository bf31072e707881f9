//! The reach of a unit: how far its sum can move within a tolerance, `‖z_i‖_τ`, as variables of the unit.
//!
//! ```text
//! ball                         ‖τ_g ∘ z_i‖ ≤ N_ig                          N_ig, one for each tolerance g that occurs
//! box, the same in every row   Σ_j τ_j A_ij ≤ N_i,   |z_ij| ≤ A_ij         N_i in the unit, A_ij its own
//! box, rows with their own     |z_ij| ≤ A_ij                               A_ij in the unit
//! ```
//!
//! What a [row](super::worst_case) takes of them is `coefficients` times these variables. In the second form the A_ij meet nothing
//! else and are eliminated: with barrier weights p, r of `A ∓ z ≥ 0`, ν of the sum, `D = p + r` and `M_j = τ_j (p − r)/D`,
//!
//! ```text
//! Σ_j 4pr/D z_j² + ν φ/(ν + φ) (N − M·z)²,      1/φ = Σ_j τ_j²/D_j
//! ```

use super::{
    layout::Layout,
    term::{Blocks, Own, Place, Term},
};
use crate::tolerance::{Shape, Tolerance};
use faer::{Mat, MatRef};
use std::ops::Range;
use tautnet_cone::{Cone, Scaling};

/// How the reach of a unit is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A second-order cone for each tolerance.
    Cones,
    /// The sum of all columns, whose sizes are variables of their own.
    Sum,
    /// The size of every column.
    Sizes,
}

/// The term.
#[derive(Clone)]
pub(crate) struct Reach {
    form: Form,
    /// The columns that have a tolerance in some row.
    pub columns: Vec<usize>,
    /// The tolerances that occur, in these columns.
    tolerances: Mat<f64>,
    pub place: Place,
}

impl Reach {
    /// The term, and what each row takes of a unit's variables (n × variables); nothing where every column is exact.
    pub fn of(tolerance: &Tolerance, rows: usize) -> Option<(Self, Mat<f64>)> {
        let held = tolerance.sizes();
        let columns: Vec<usize> =
            (0..tolerance.columns()).filter(|&j| held.col(j).iter().any(|&size| size > 0.0)).collect();
        if columns.is_empty() {
            return None;
        }
        // Which of the tolerances that occur each row has.
        let mut occurring: Vec<usize> = Vec::new();
        let mut which = vec![0; rows];
        if tolerance.is_same() {
            occurring.push(0);
        } else {
            let mut seen = std::collections::HashMap::new();
            for (k, which) in which.iter_mut().enumerate() {
                let bits: Vec<u64> = columns.iter().map(|&j| held[(k, j)].to_bits()).collect();
                *which = *seen.entry(bits).or_insert_with(|| {
                    occurring.push(k);
                    occurring.len() - 1
                });
            }
        }
        let form = match tolerance.shape() {
            Shape::Ball => Form::Cones,
            Shape::Box if occurring.len() == 1 => Form::Sum,
            Shape::Box => Form::Sizes,
        };
        let tolerances = Mat::from_fn(occurring.len(), columns.len(), |g, c| held[(occurring[g], columns[c])]);
        let coefficients = match form {
            Form::Sum => Mat::from_fn(rows, 1, |_, _| 1.0),
            Form::Cones => Mat::from_fn(rows, occurring.len(), |k, g| f64::from(u8::from(which[k] == g))),
            Form::Sizes => Mat::from_fn(rows, columns.len(), |k, c| tolerances[(which[k], c)]),
        };
        let place = Place::default();
        Some((Self { form, columns, tolerances, place }, coefficients))
    }

    /// Of rows that are elsewhere: by one variable a unit for the one tolerance that all rows have, or, within a box, by the sizes of the weights in
    /// these columns. Nothing where every column is exact.
    pub fn elsewhere(columns: &[usize], one: Option<&Tolerance>) -> Option<Self> {
        match one {
            Some(tolerance) => Self::of(tolerance, 0).map(|(reach, _)| reach),
            None => {
                let tolerances = Mat::zeros(1, columns.len());
                let (form, columns, place) = (Form::Sizes, columns.to_vec(), Place::default());
                (!columns.is_empty()).then_some(Self { form, columns, tolerances, place })
            }
        }
    }

    /// How many variables of a unit it is told by.
    pub fn variables(&self) -> usize {
        match self.form {
            Form::Cones => self.tolerances.nrows(),
            Form::Sum => 1,
            Form::Sizes => self.columns.len(),
        }
    }

    /// How many variables of its own there are, of m units.
    pub fn sizes(&self, m: usize) -> usize {
        if self.form == Form::Sum { m * self.columns.len() } else { 0 }
    }

    /// The rows of the inequalities between numbers: the sums, then `A − z`, then `A + z`.
    fn parts(&self, layout: &Layout) -> [Range<usize>; 3] {
        let (row, sums) = (self.place.row, if self.form == Form::Sum { layout.m } else { 0 });
        let each = layout.m * self.columns.len();
        [row..row + sums, row + sums..row + sums + each, row + sums + each..row + sums + 2 * each]
    }

    /// Position of A_ij for the column of that number.
    fn size(&self, layout: &Layout, i: usize, c: usize) -> usize {
        match self.form {
            Form::Sum => layout.sizes() + i * self.columns.len() + c,
            _ => layout.unit(i) + layout.z_len() + c,
        }
    }

    fn cone_rows(&self, i: usize, g: usize) -> Range<usize> {
        let length = self.columns.len() + 1;
        let first = self.place.row + (i * self.tolerances.nrows() + g) * length;
        first..first + length
    }
}

impl Term for Reach {
    fn cones(&self, layout: &Layout) -> Vec<Cone> {
        match self.form {
            Form::Cones => vec![Cone::SecondOrder(self.columns.len() + 1); layout.m * self.tolerances.nrows()],
            _ => vec![Cone::Nonnegative(self.parts(layout).iter().map(Range::len).sum())],
        }
    }

    fn place(&mut self, place: Place) {
        self.place = place;
    }

    fn apply(&self, layout: &Layout, x: &[f64], out: &mut [f64]) {
        let count = self.columns.len();
        if self.form == Form::Cones {
            for i in 0..layout.m {
                for g in 0..self.tolerances.nrows() {
                    let rows = &mut out[self.cone_rows(i, g)];
                    rows[0] = x[layout.unit(i) + layout.z_len() + g];
                    (0..count)
                        .for_each(|c| rows[1 + c] = self.tolerances[(g, c)] * x[layout.unit(i) + self.columns[c]]);
                }
            }
            return;
        }
        let [sums, minus, plus] = self.parts(layout);
        for i in 0..layout.m {
            let mut sum = 0.0;
            for c in 0..count {
                let (size, z) = (x[self.size(layout, i, c)], x[layout.unit(i) + self.columns[c]]);
                out[minus.start + i * count + c] = size - z;
                out[plus.start + i * count + c] = size + z;
                sum += self.tolerances[(0, c)] * size;
            }
            if !sums.is_empty() {
                out[sums.start + i] = x[layout.unit(i) + layout.z_len()] - sum;
            }
        }
    }

    fn add_adjoint(&self, layout: &Layout, z: &[f64], out: &mut [f64]) {
        let count = self.columns.len();
        if self.form == Form::Cones {
            for i in 0..layout.m {
                for g in 0..self.tolerances.nrows() {
                    let rows = &z[self.cone_rows(i, g)];
                    out[layout.unit(i) + layout.z_len() + g] += rows[0];
                    (0..count)
                        .for_each(|c| out[layout.unit(i) + self.columns[c]] += self.tolerances[(g, c)] * rows[1 + c]);
                }
            }
            return;
        }
        let [sums, minus, plus] = self.parts(layout);
        for i in 0..layout.m {
            let sum = if sums.is_empty() { 0.0 } else { z[sums.start + i] };
            for c in 0..count {
                let (below, above) = (z[minus.start + i * count + c], z[plus.start + i * count + c]);
                out[self.size(layout, i, c)] += below + above - self.tolerances[(0, c)] * sum;
                out[layout.unit(i) + self.columns[c]] += above - below;
            }
            if !sums.is_empty() {
                out[layout.unit(i) + layout.z_len()] += sum;
            }
        }
    }

    fn add_blocks(&self, layout: &Layout, scaling: &[Scaling], blocks: &mut Blocks) {
        let (count, first) = (self.columns.len(), layout.z_len());
        for (i, block) in blocks.units.iter_mut().enumerate() {
            if self.form == Form::Cones {
                for g in 0..self.tolerances.nrows() {
                    let Scaling::SecondOrder(cone) = &scaling[self.place.cone + i * self.tolerances.nrows() + g] else {
                        unreachable!("the reach within a ball has second-order cones")
                    };
                    // H = η⁻² (2 (Jw)(Jw)ᵀ − J).
                    let scale = 1.0 / (cone.eta * cone.eta);
                    let along: Vec<f64> = (0..count).map(|c| -cone.w[1 + c] * self.tolerances[(g, c)]).collect();
                    let at = first + g;
                    block[(at, at)] += scale * (2.0 * cone.w[0] * cone.w[0] - 1.0);
                    for a in 0..count {
                        let cross = scale * 2.0 * cone.w[0] * along[a];
                        block[(self.columns[a], at)] += cross;
                        block[(at, self.columns[a])] += cross;
                        for b in 0..count {
                            block[(self.columns[a], self.columns[b])] += scale * 2.0 * along[a] * along[b];
                        }
                        block[(self.columns[a], self.columns[a])] += scale * self.tolerances[(g, a)].powi(2);
                    }
                }
                continue;
            }
            let Scaling::Nonnegative(h) = &scaling[self.place.cone] else { unreachable!("these are numbers") };
            let [sums, minus, plus] =
                self.parts(layout).map(|part| part.start - self.place.row..part.end - self.place.row);
            let pair = |c: usize| (h[minus.start + i * count + c], h[plus.start + i * count + c]);
            if self.form == Form::Sizes {
                for c in 0..count {
                    let ((p, r), j, at) = (pair(c), self.columns[c], first + c);
                    block[(j, j)] += p + r;
                    block[(at, at)] += p + r;
                    block[(j, at)] += r - p;
                    block[(at, j)] += r - p;
                }
                continue;
            }
            let nu = h[sums.start + i];
            let mut softness = 1.0 / nu;
            let mut row = vec![0.0; count];
            for c in 0..count {
                let ((p, r), tau) = (pair(c), self.tolerances[(0, c)]);
                softness += tau * tau / (p + r);
                row[c] = -tau * (p - r) / (p + r);
                block[(self.columns[c], self.columns[c])] += 4.0 * p * r / (p + r);
            }
            let weight = 1.0 / softness;
            block[(first, first)] += weight;
            for a in 0..count {
                block[(self.columns[a], first)] += weight * row[a];
                block[(first, self.columns[a])] += weight * row[a];
                (0..count).for_each(|b| block[(self.columns[a], self.columns[b])] += weight * row[a] * row[b]);
            }
        }
    }
}

impl Own for Reach {
    fn own(&self, layout: &Layout) -> Range<usize> {
        layout.sizes()..layout.sizes() + layout.worst.sizes
    }

    fn rows(&self, layout: &Layout) -> Range<usize> {
        let length: usize = self.cones(layout).iter().map(|cone| cone.length()).sum();
        self.place.row..self.place.row + length
    }

    /// `(D + ν τ τᵀ)⁻¹`, unit by unit.
    fn solve_own(&self, layout: &Layout, _: &[f64], scaling: &[Scaling], r: &mut [f64]) {
        if self.form != Form::Sum {
            return;
        }
        let Scaling::Nonnegative(h) = &scaling[self.place.cone] else { unreachable!("these are numbers") };
        let (count, m) = (self.columns.len(), layout.m);
        let minus = MatRef::from_column_major_slice(&h[m..m + m * count], count, m);
        let plus = MatRef::from_column_major_slice(&h[m + m * count..], count, m);
        for (i, r) in r.chunks_mut(count).enumerate() {
            let stiff = |c: usize| minus[(c, i)] + plus[(c, i)];
            let tau = |c: usize| self.tolerances[(0, c)];
            let softness: f64 = (0..count).map(|c| tau(c) * tau(c) / stiff(c)).sum();
            let free: f64 = (0..count).map(|c| tau(c) * r[c] / stiff(c)).sum();
            let force = free / (1.0 / h[i] + softness);
            (0..count).for_each(|c| r[c] = (r[c] - tau(c) * force) / stiff(c));
        }
    }
}
