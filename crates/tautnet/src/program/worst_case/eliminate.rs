//! The elimination of the variables that belong to the rows. With barrier weights p, r of `t ≥ 0`, `t ≥ w` and α, β of the two
//! inequalities of a row,
//!
//! ```text
//! κ = p r/(p + r),   ρ = r/(p + r),   1/α' = 1/α + Σ_+ 1/(p + r),   1/β' = 1/β + Σ_− 1/(p + r)
//! Σ_i κ_ik w_ik² + α' (u/A − Y_+ − g')² + β' (u/B − Y_− − g')² + c u² + φ g'² + Gᵀ W G
//! Y_± = ± lin + M·G + Σ_{s_i = ±} ρ_ik w_ik
//! ```
//!
//! (with ς_ki for s_i: `1/α' = 1/α + Σ_+ ς²/(p + r)` and `Σ_+ |ς| ρ w`)
//!
//! where c is the curvature of the loss in u, and φ, M, W are what the cone of the gradient leaves: of a box `1/φ = Σ_j τ_j²/D_j`,
//! `M_j = τ_j (p − r)/D_j`, `W = diag(4pr/D)`; of a second-order cone with scaling (η, w) `φ = η⁻²(2w_0² − 1)`,
//! `M = 2w_0 τ∘w_1/(2w_0² − 1)`, `W = η⁻² diag(τ)(I − 2 w_1w_1ᵀ/(2w_0² − 1)) diag(τ)`. Eliminating u and g' leaves a quadratic
//! form in (Y_+, Y_−), the inverse of `diag(1/α', 1/β') + (1, 1)ᵀ(1, 1)/φ + (1/A, 1/B)ᵀ(1/A, 1/B)/c`: two rows of features for
//! each row of the data. Where rows share a u, they have the features of a u that is held, from which a reflection takes it.

use super::{
    super::{cholesky::symmetric_product, layout::Layout, term::Own},
    DOWN, PAIRS, UP, WorstCase,
    products::{TOGETHER, add_lower},
};
use faer::{Mat, prelude::*};
use rayon::prelude::*;
use std::{ops::Range, sync::Arc};
use tautnet_cone::Scaling;

impl WorstCase {
    /// What the elimination of a row's own variables asks of the barrier weights.
    fn eliminated(&self, layout: &Layout, at: &[f64], scaling: &[Scaling]) -> Vec<Row> {
        let (n, h, parts) = (self.rows.n(), self.numbers(scaling), self.parts());
        let mut curves = vec![0.0; self.weight.len()];
        for (g, loss, f, size) in self.curved(layout, at) {
            curves[g] = self.weight[g] * loss.curvature(f, size);
        }
        let mut rows: Vec<Row> = self
            .grouped()
            .map(|(k, g)| {
                let stiffness = self.cost.quadratic.map_or(0.0, |q| 2.0 * q * self.weight[g]);
                let curvature = match self.cost.exit {
                    Some(_) => 1.0 / (1.0 / stiffness + 1.0 / h[parts.exits.start + g]),
                    None => stiffness + curves[g],
                };
                let gradient = if self.balls() {
                    let cone = self.ball(scaling, k);
                    cone.eta * cone.eta / (2.0 * cone.w[0] * cone.w[0] - 1.0)
                } else {
                    let soft = |at: usize| {
                        let tau = self.tolerances[(k, self.gradients.1[at])];
                        tau * tau / (h[parts.minus.start + at] + h[parts.plus.start + at])
                    };
                    (self.gradients.0[k]..self.gradients.0[k + 1]).map(soft).sum()
                };
                let sides = [1.0 / h[parts.up.start + k], 1.0 / h[parts.down.start + k]];
                let (only, mut slopes) = (self.only(k), self.cost.sides.map(f64::recip));
                if let Some(only) = only {
                    slopes[1 - only] = 0.0;
                }
                Row { curvature, gradient, sides, slopes, only }
            })
            .collect();
        if self.cost.margin.is_some() {
            // u ≥ 0, once for every row of its group.
            for g in 0..self.weight.len() {
                let side = |k: usize| if rows[k].only == Some(UP) { parts.down.start } else { parts.up.start };
                let floors: f64 = self.group(g).map(|k| self.floor() * h[side(k) + k]).sum();
                self.group(g).for_each(|k| rows[k].curvature += floors);
            }
        }
        if self.soft {
            let (leave, cells) = (&h[parts.leave], &h[parts.cells]);
            rows.par_chunks_mut(TOGETHER).enumerate().for_each(|(block, rows)| {
                for (i, (p, r)) in leave.chunks(n).zip(cells.chunks(n)).enumerate() {
                    let from = block * TOGETHER;
                    for (k, (row, (p, r))) in (from..).zip(rows.iter_mut().zip(p[from..].iter().zip(&r[from..]))) {
                        let (side, size) = self.leaving(k, i);
                        row.sides[side] += size * size / (p + r);
                    }
                }
            });
        }
        rows
    }

    /// Add what is left of the rows to the lower triangle of the reduced matrix; blocks of units have theirs already.
    pub fn add_dense(&self, layout: &Layout, at: &[f64], scaling: &[Scaling], matrix: &mut Mat<f64>) {
        let (n, e, h, parts) = (self.rows.n(), layout.e(), self.numbers(scaling), self.parts());
        let rows = self.eliminated(layout, at, scaling);
        let alone = |g: usize| self.group(g).len() == 1;
        let root = |(k, g): (usize, usize)| if alone(g) { rows[k].root() } else { rows[k].root_beside_u() };
        let roots: Vec<[f64; 3]> = self.grouped().map(root).collect();
        let shift = self.shift(scaling);
        let stop = tautnet_cone::Stop::here();
        for groups in self.together() {
            if stop.asked() {
                return;
            }
            let range = self.groups[groups.start]..self.groups[groups.end];
            let (start, count) = (range.start, range.len());
            let mut features = Mat::<f64>::zeros(2 * count, layout.reduced());
            let (units, shared) = features.as_mut().split_at_col_mut(layout.shared());
            units.par_col_chunks_mut(layout.width()).enumerate().for_each(|(i, mut part)| {
                let on = self.rows.active.unit(i);
                // Coefficients of x̄, of M, and of the reach, in either feature.
                let mut own = vec![[0.0; 6]; count];
                for (r, k) in range.clone().enumerate() {
                    let [l11, l21, l22] = roots[k];
                    let at = i * n + k;
                    let rho = if self.soft {
                        let (p, r) = (h[parts.leave.start + at], h[parts.cells.start + at]);
                        r / (p + r)
                    } else {
                        0.0
                    };
                    let active = self.signed[(k, i)];
                    let (towards, size) = self.leaving(k, i);
                    let [plus, minus] = if towards == UP { [size * rho, 0.0] } else { [0.0, size * rho] };
                    let side = if on[k] { 1.0 } else { -1.0 };
                    let (up, down) = (active - plus * side, -active - minus * side);
                    own[r] = [
                        l11 * up + l21 * down,
                        l22 * down,
                        (l11 + l21) * active,
                        l22 * active,
                        l11 * plus + l21 * minus,
                        l22 * minus,
                    ];
                }
                let mut write = |column: usize, value: &mut Written<'_>| {
                    let column = part.rb_mut().col_mut(column).try_as_col_major_mut().expect("columns are whole");
                    let (first, second) = column.as_slice_mut().split_at_mut(count);
                    for (r, own) in own.iter().enumerate() {
                        [first[r], second[r]] = value(r, start + r, own);
                    }
                };
                for a in 0..e {
                    let x = self.rows.x.col(a);
                    match self.columns.iter().position(|&j| j == a) {
                        Some(c) => write(a, &mut |_, k, own| {
                            let (x, shift) = (x[k], shift[(k, c)]);
                            [own[0] * x + own[2] * shift, own[1] * x + own[3] * shift]
                        }),
                        None => write(a, &mut |_, k, own| [own[0] * x[k], own[1] * x[k]]),
                    }
                }
                for v in 0..self.coefficients.ncols() {
                    let reach = self.coefficients.col(v);
                    write(layout.z_len() + v, &mut |_, k, own| [own[4] * reach[k], own[5] * reach[k]]);
                }
            });
            let mut shared = shared;
            let mut write = |at: usize, value: &dyn Fn(usize) -> [f64; 2]| {
                for (r, k) in range.clone().enumerate() {
                    // (Y₊, Y₋) of the scalar's own part.
                    let ([l11, l21, l22], [up, down]) = (roots[k], value(k));
                    shared[(r, at - layout.shared())] = l11 * up + l21 * down;
                    shared[(count + r, at - layout.shared())] = l22 * down;
                }
            };
            if let (Some(inputs), Some(a)) = (&self.linear, layout.linear_part()) {
                for (j, at) in a.enumerate() {
                    let c = self.columns.iter().position(|&column| column == j);
                    write(at, &|k| {
                        let shift = c.map_or(0.0, |c| shift[(k, c)]);
                        [inputs[(k, j)] + shift, shift - inputs[(k, j)]]
                    });
                }
            }
            for (output, at) in layout.output_biases().enumerate() {
                write(at, &|k| if self.outputs[k] == output { [1.0, -1.0] } else { [0.0; 2] });
            }
            let turns: Vec<(usize, Turn)> = groups
                .filter(|&g| !alone(g))
                .map(|g| (self.groups[g] - start, Turn::of(&rows[self.group(g)], &roots[self.group(g)])))
                .collect();
            if !turns.is_empty() {
                features.as_mut().par_col_iter_mut().for_each(|column| {
                    let column = column.try_as_col_major_mut().expect("columns are whole").as_slice_mut();
                    let (first, second) = column.split_at_mut(count);
                    turns.iter().for_each(|(at, turn)| turn.take_u_out(&mut first[*at..], &mut second[*at..]));
                });
            }
            symmetric_product(matrix.as_mut(), features.as_ref());
        }
        self.add_gradients(layout, scaling, matrix);
    }

    /// Groups whose features are multiplied at once: of [`TOGETHER`] rows, or one group that is larger.
    fn together(&self) -> Vec<Range<usize>> {
        let mut blocks: Vec<Range<usize>> = Vec::new();
        for g in 0..self.weight.len() {
            match blocks.last_mut() {
                Some(block) if self.groups[g + 1] - self.groups[block.start] <= TOGETHER => block.end = g + 1,
                _ => blocks.push(g..g + 1),
            }
        }
        blocks
    }

    /// M, n × columns.
    fn shift(&self, scaling: &[Scaling]) -> Mat<f64> {
        let (n, h, parts) = (self.rows.n(), self.numbers(scaling), self.parts());
        let mut shift = Mat::<f64>::zeros(n, self.columns.len());
        for k in 0..n {
            if self.balls() {
                let cone = self.ball(scaling, k);
                let factor = 2.0 * cone.w[0] / (2.0 * cone.w[0] * cone.w[0] - 1.0);
                (0..self.columns.len()).for_each(|c| shift[(k, c)] = factor * self.tolerances[(k, c)] * cone.w[1 + c]);
            }
            for at in self.gradients.0[k]..self.gradients.0[k + 1] {
                let (p, r, c) = (h[parts.minus.start + at], h[parts.plus.start + at], self.gradients.1[at]);
                shift[(k, c)] = self.tolerances[(k, c)] * (p - r) / (p + r);
            }
        }
        shift
    }

    /// `Gᵀ W G` of all rows.
    fn add_gradients(&self, layout: &Layout, scaling: &[Scaling], matrix: &mut Mat<f64>) {
        let (n, m, h, parts) = (self.rows.n(), layout.m, self.numbers(scaling), self.parts());
        let count = self.columns.len();
        if count == 0 {
            return;
        }
        // Where the diagonal of W is all there is of it, only that.
        let pairs: Vec<(usize, usize)> =
            (0..count).flat_map(|b| (b..count).map(move |a| (a, b))).filter(|(a, b)| self.balls() || a == b).collect();
        // The linear part is a unit that is on everywhere.
        let extended = match layout.linear_part() {
            Some(_) => Arc::new(Mat::from_fn(n, m + 1, |k, i| if i < m { self.signed[(k, i)] } else { 1.0 })),
            None => self.signed.clone(),
        };
        let place = |i: usize, c: usize| match layout.linear_part() {
            Some(a) if i == m => a.start + self.columns[c],
            _ => layout.unit(i) + self.columns[c],
        };
        let weight = |a: usize, b: usize, k: usize| {
            if !self.balls() {
                let all = self.gradients.0[k]..self.gradients.0[k + 1];
                let at = all.clone().find(|&at| self.gradients.1[at] == a);
                return at.map_or(0.0, |at| {
                    let (p, r) = (h[parts.minus.start + at], h[parts.plus.start + at]);
                    4.0 * p * r / (p + r)
                });
            }
            let cone = self.ball(scaling, k);
            let tail: f64 = cone.w[1..].iter().map(|w| w * w).sum();
            // I − 2 w₁w₁ᵀ/(2w₀² − 1), across and along w₁: the second is 1/(2w₀² − 1).
            let along = if tail > 0.0 { cone.w[1 + a] * cone.w[1 + b] / tail } else { 0.0 };
            let identity = f64::from(u8::from(a == b));
            let inner = identity - along + along / (2.0 * cone.w[0] * cone.w[0] - 1.0);
            self.tolerances[(k, a)] * self.tolerances[(k, b)] * inner / (cone.eta * cone.eta)
        };
        let units = extended.ncols();
        for group in pairs.chunks(PAIRS) {
            let grams: Vec<Mat<f64>> = group
                .par_iter()
                .map(|&(a, b)| {
                    let mut gram = Mat::<f64>::zeros(units, units);
                    for start in (0..n).step_by(TOGETHER) {
                        let length = TOGETHER.min(n - start);
                        let part = extended.as_ref().as_ref().subrows(start, length);
                        let weights: Vec<f64> = (0..length).map(|r| weight(a, b, start + r)).collect();
                        let scaled = Mat::from_fn(length, units, |r, i| weights[r] * part[(r, i)]);
                        add_lower(gram.as_mut(), scaled.as_ref(), part);
                    }
                    gram
                })
                .collect();
            for (&(a, b), gram) in group.iter().zip(&grams) {
                for j in 0..units {
                    for i in j..units {
                        let value = gram[(i, j)];
                        let mut add = |row: usize, column: usize| {
                            if row >= column {
                                matrix[(row, column)] += value;
                            }
                        };
                        // (i, a)(j, b) and, for a ≠ b, (i, b)(j, a); within a unit the block is symmetric by itself.
                        add(place(i, a), place(j, b));
                        if a != b {
                            add(place(i, b), place(j, a));
                        }
                    }
                }
            }
        }
    }
}

/// Both features of a row in one column: of the row's place in its block, its number, and the coefficients of a unit.
type Written<'a> = dyn FnMut(usize, usize, &[f64; 6]) -> [f64; 2] + 'a;

/// A row with its t, u and gradient eliminated.
struct Row {
    /// c.
    curvature: f64,
    /// 1/φ; 0 where there is no tolerance.
    gradient: f64,
    /// 1/α' and 1/β'.
    sides: [f64; 2],
    /// 1/A and 1/B; 0 of a side that the row does not have.
    slopes: [f64; 2],
    /// The only side, where there is one.
    only: Option<usize>,
}

impl Row {
    /// `(c·det K, bᵀ adj(K) b)` for `K = diag(sides) + gradient·(1, 1)ᵀ(1, 1)`, `b` the slopes.
    fn determinants(&self) -> [f64; 2] {
        let ([k1, k2], [b1, b2], g) = (self.sides, self.slopes, self.gradient);
        if let Some(only) = self.only {
            return [self.sides[only] + g, 1.0];
        }
        [k1 * k2 + (k1 + k2) * g, k1 * b2 * b2 + k2 * b1 * b1 + g * (b1 - b2) * (b1 - b2)]
    }

    /// The triangular root (l11, l21, l22) of the form Ψ in (Y₊, Y₋): `Ψ = LLᵀ`, so its features are `Lᵀ(Y₊, Y₋)`.
    fn root(&self) -> [f64; 3] {
        let ([_, k2], [b1, b2], g, c) = (self.sides, self.slopes, self.gradient, self.curvature);
        let [inner, outer] = self.determinants();
        let determinant = c * inner + outer;
        if let Some(only) = self.only {
            return of_one(only, (c / determinant).sqrt());
        }
        let first = (c * (k2 + g) + b2 * b2) / determinant;
        let cross = -(c * g + b1 * b2) / determinant;
        let l11 = first.sqrt();
        // det Ψ = c / (c·det K + …).
        [l11, cross / l11, (c / determinant / first).sqrt()]
    }

    /// The root of the form in (Y₊ − u/A, Y₋ − u/B), u held: the inverse of K.
    fn root_beside_u(&self) -> [f64; 3] {
        let ([k1, k2], g) = (self.sides, self.gradient);
        if let Some(only) = self.only {
            return of_one(only, (1.0 / (self.sides[only] + g)).sqrt());
        }
        let determinant = k1 * k2 + (k1 + k2) * g;
        let l11 = ((k2 + g) / determinant).sqrt();
        [l11, -g / determinant / l11, (1.0 / (k2 + g)).sqrt()]
    }

    /// `adj(K) v`.
    fn adjoint(&self, v: [f64; 2]) -> [f64; 2] {
        let ([k1, k2], g) = (self.sides, self.gradient);
        match self.only {
            Some(UP) => return [v[UP], 0.0],
            Some(_) => return [0.0, v[DOWN]],
            None => {}
        }
        [(k2 + g) * v[0] - g * v[1], (k1 + g) * v[1] - g * v[0]]
    }

    /// u for free positions of both sides of the rows of a group and a right-hand side of u.
    fn middle(group: &[Self], free: &[[f64; 2]], r: f64) -> f64 {
        let pulled = |row: &Self, free: [f64; 2]| {
            let ([b1, b2], h) = (row.slopes, row.adjoint(free));
            b1 * h[0] + b2 * h[1]
        };
        if let ([row], [free]) = (group, free) {
            let ([inner, outer], [b1, b2], h) = (row.determinants(), row.slopes, row.adjoint(*free));
            return (inner * r + b1 * h[0] + b2 * h[1]) / (inner * row.curvature + outer);
        }
        let (mut force, mut stiffness) = (r, group[0].curvature);
        for (row, free) in group.iter().zip(free) {
            let [inner, outer] = row.determinants();
            force += pulled(row, *free) / inner;
            stiffness += outer / inner;
        }
        force / stiffness
    }

    /// The forces (e₊, e₋) for free positions of both sides, u where it is.
    fn forces(&self, free: [f64; 2], u: f64) -> [f64; 2] {
        let ([inner, _], [b1, b2]) = (self.determinants(), self.slopes);
        self.adjoint([b1 * u - free[0], b2 * u - free[1]]).map(|e| e / inner)
    }
}

/// The root of a form in one side alone.
fn of_one(side: usize, root: f64) -> [f64; 3] {
    if side == UP { [root, 0.0, 0.0] } else { [0.0, 0.0, root] }
}

/// What eliminates the u of a group from the features of its rows, u held: Householder's reflection that takes their dependence on
/// u, with √c for u itself, to a feature of its own, which the best u makes 0.
struct Turn {
    /// Its vector, of the first and of the second features.
    along: Vec<[f64; 2]>,
    scale: f64,
}

impl Turn {
    fn of(group: &[Row], roots: &[[f64; 3]]) -> Self {
        let dependence = |(row, [l11, l21, l22]): (&Row, &[f64; 3])| {
            let [b1, b2] = row.slopes;
            [l11 * b1 + l21 * b2, l22 * b2]
        };
        let along: Vec<[f64; 2]> = group.iter().zip(roots).map(dependence).collect();
        let own = group[0].curvature.sqrt();
        let length = along.iter().flatten().fold(own, |length: f64, a| length.hypot(*a));
        Self { along, scale: 1.0 / (length * (length + own)) }
    }

    fn take_u_out(&self, first: &mut [f64], second: &mut [f64]) {
        let each = self.along.iter().zip(&*first).zip(&*second);
        let moved = self.scale * each.map(|(([a, b], first), second)| a * first + b * second).sum::<f64>();
        for (([a, b], first), second) in self.along.iter().zip(first).zip(second) {
            *first -= a * moved;
            *second -= b * moved;
        }
    }
}

impl Own for WorstCase {
    fn own(&self, layout: &Layout) -> Range<usize> {
        layout.worst()..layout.sizes()
    }

    fn rows(&self, _: &Layout) -> Range<usize> {
        let cones = if self.balls() { self.rows.n() * (self.columns.len() + 1) } else { 0 };
        self.place.row..self.place.row + self.parts().cells.end + cones
    }

    fn solve_own(&self, layout: &Layout, at: &[f64], scaling: &[Scaling], r: &mut [f64]) {
        let (n, h, parts) = (self.rows.n(), self.numbers(scaling), self.parts());
        let rows = self.eliminated(layout, at, scaling);
        let base = layout.worst();
        let (leave, cells) = (&h[parts.leave.clone()], &h[parts.cells.clone()]);
        // Where t and the gradient would be without forces of the row.
        let mut free = vec![[0.0; 2]; n];
        if self.soft {
            let t = &r[layout.leave() - base..];
            free.par_chunks_mut(TOGETHER).enumerate().for_each(|(block, free)| {
                for (i, ((t, p), c)) in t.chunks(n).zip(leave.chunks(n)).zip(cells.chunks(n)).enumerate() {
                    let from = block * TOGETHER;
                    let each = free.iter_mut().zip(&t[from..]).zip(&p[from..]).zip(&c[from..]);
                    for (k, (((free, t), p), c)) in (from..).zip(each) {
                        let (side, size) = self.leaving(k, i);
                        free[side] += size * t / (p + c);
                    }
                }
            });
        }
        let mut forces = vec![[0.0; 2]; n];
        let gradients = layout.gradients() - base;
        for g in 0..self.weight.len() {
            let group = self.group(g);
            for k in group.clone() {
                let mut own = 0.0;
                if self.balls() {
                    own = rows[k].gradient * r[gradients + k];
                }
                for at in self.gradients.0[k]..self.gradients.0[k + 1] {
                    let tau = self.tolerances[(k, self.gradients.1[at])];
                    own += tau * r[gradients + at] / (h[parts.minus.start + at] + h[parts.plus.start + at]);
                }
                free[k].iter_mut().for_each(|free| *free += own);
            }
            // The exit gives way: u alone sees r_u + r_p a/(a + h).
            let stiffness = self.cost.quadratic.map_or(0.0, |q| 2.0 * q * self.weight[g]);
            let exit = self.cost.exit.map(|_| (layout.worst_exits() - base + g, h[parts.exits.start + g]));
            let moved = exit.map_or(0.0, |(at, h)| r[at] * stiffness / (stiffness + h));
            let u = Row::middle(&rows[group.clone()], &free[group.clone()], r[g] + moved);
            r[g] = u;
            if let Some((at, h)) = exit {
                r[at] = (r[at] + stiffness * u) / (stiffness + h);
            }
            for k in group {
                forces[k] = rows[k].forces(free[k], u);
                let both = forces[k][0] + forces[k][1];
                if self.balls() {
                    r[gradients + k] = rows[k].gradient * (r[gradients + k] + both);
                }
                for at in self.gradients.0[k]..self.gradients.0[k + 1] {
                    let tau = self.tolerances[(k, self.gradients.1[at])];
                    r[gradients + at] =
                        (r[gradients + at] + tau * both) / (h[parts.minus.start + at] + h[parts.plus.start + at]);
                }
            }
        }
        if self.soft {
            let t = &mut r[layout.leave() - base..];
            let pairs = leave.par_chunks(n).zip(cells.par_chunks(n));
            t.par_chunks_mut(n).zip(pairs).enumerate().for_each(|(i, (t, (p, c)))| {
                for (k, (((t, force), p), c)) in t.iter_mut().zip(&forces).zip(p).zip(c).enumerate() {
                    let (side, size) = self.leaving(k, i);
                    *t = (*t + size * force[side]) / (p + c);
                }
            });
        }
    }
}
