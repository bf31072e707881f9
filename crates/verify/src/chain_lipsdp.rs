//! Bounds on chains of layers by multipliers of the hidden units: LipSDP of chains, in the norm 2.
//!
//! **The theorem.** Let X and Y be two inputs, `Δ_0 = diag(κ)⁻¹(X − Y)`, h_l the difference of the sums of layer l, Δ_l that of what it hands on,
//! so `h_l = W_l Δ_{l−1}`. For every activation there are numbers c and r (`sector`) and numbers e of each unit, as many as r has rows, with
//!
//! ```text
//!     Δ = c h + Σ_k r_k e_k,        Σ_k e_k² ≤ h².
//! ```
//!
//! Let τ_l > 0 be a number for each unit of the hidden layers (its square is the multiplier), and let Q_L = I and
//!
//! ```text
//!     P_l ⪰ W̃ᵀ Q_{l+1} W̃,      W̃ = diag(τ_{l+1}) W_{l+1} diag(τ_l)⁻¹      (τ_0 = 1, τ_L = 1)
//!     ⎡ Q_l − I − CᵀP_l C    −CᵀP_l R ⎤
//!     ⎣   −RᵀP_l C         I − RᵀP_l R ⎦  ⪰ 0        for l = L−1 … 1.
//! ```
//!
//! Then `‖f(X) − f(Y)‖² ≤ Δ_0ᵀ P_0 Δ_0`. *Proof.* The second line says, with h̃ = τh and ẽ = τe, that `Δ̃ᵀP_l Δ̃ ≤ h̃ᵀQ_l h̃ + |ẽ|² − |h̃|²`, and
//! `|ẽ|² ≤ |h̃|²`. So `h̃_{l+1}ᵀ Q_{l+1} h̃_{l+1} ≤ Δ̃_lᵀ P_l Δ̃_l ≤ h̃_lᵀ Q_l h̃_l`, and the first of these is `‖W_L Δ_{L−1}‖²` for l = L − 1. ∎
//! A unit with τ = 0 is left out; then all weights from it have to be 0.
//!
//! **The proof** computes P_l and Q_l in doubles, adds to their diagonals what rounding may have taken, and proves the second line by a
//! factorization. Rounding is derived in `docs/mathematics/deep.md`, section 8.

use crate::certificate::Norm;
use crate::norms::{product_up, sum_up};
use crate::refusal::Refusal;
use crate::verify::{Units, dot, rounding_allowance};
use crate::weights::Chain;
use crate::wide::{Wide, power_of_two};
use serde::{Deserialize, Serialize};

/// A hidden layer may have this many units, so that the factorizations stay small.
pub const MOST_UNITS: usize = 2048;

/// The unit of rounding.
const U: f64 = f64::EPSILON / 2.0;

/// More than everything that underflows, in numbers that are about 1.
const UNDERFLOW: f64 = 1e-270;

/// A bound on a chain, with the multipliers that prove it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainLipsdp {
    /// The output whose constant it is; without one, all outputs together.
    pub output: Option<usize>,
    /// The output that is subtracted from it, where there is one.
    pub minus: Option<usize>,
    /// An upper bound on the constant of the layers alone, without linear part and unit of the outputs.
    pub chain: f64,
    /// An upper bound on the Lipschitz constant.
    pub bound: f64,
    /// For each hidden layer the square roots of the multipliers of its units.
    pub roots: Vec<Vec<f64>>,
}

/// What changes: all outputs, one, or the difference of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All outputs together.
    All,
    /// One output.
    Output(usize),
    /// The first minus the second.
    Pair(usize, usize),
}

impl ChainLipsdp {
    /// What is bounded; `None` where that is not one of so many outputs.
    pub fn part(&self, outputs: usize) -> Option<Part> {
        match (self.output, self.minus) {
            (None, None) => Some(Part::All),
            (Some(j), None) if j < outputs => Some(Part::Output(j)),
            (Some(j), Some(k)) if j < outputs && k < outputs && j != k => Some(Part::Pair(j, k)),
            _ => None,
        }
    }
}

/// What a unit makes of the difference h of its sums: of each branch c h + Σ_k r_k e_k, where Σ e_k² ≤ h².
#[derive(Debug, Clone)]
pub struct Sector {
    /// The number c of each branch.
    pub center: Vec<f64>,
    /// The numbers r_k, for each k those of the branches. None where the slope is known.
    pub swings: Vec<Vec<f64>>,
}

/// The sector of an activation; `None` for one that is not known.
pub fn sector(activation: &str) -> Option<Sector> {
    let one = |center: f64, swing: f64| Sector { center: vec![center], swings: vec![vec![swing]] };
    Some(match activation {
        "identity" => Sector { center: vec![1.0], swings: Vec::new() },
        "relu" | "tanh" => one(0.5, 0.5),
        "abs" => one(0.0, 1.0),
        "crelu" => Sector { center: vec![0.5, -0.5], swings: vec![vec![0.5, 0.5]] },
        "sine-pair" => Sector { center: vec![0.5, 0.5], swings: vec![vec![0.5, -0.5]] },
        "sincos" => Sector { center: vec![0.0; 2], swings: vec![vec![1.0, 0.0], vec![0.0, 1.0]] },
        _ => {
            let alpha: f64 = activation.strip_prefix("leaky-relu:")?.parse().ok()?;
            if alpha == 1.0 {
                return sector("identity");
            }
            // The interval of c and r holds α and 1, whatever the rounding.
            let swing = if alpha == -1.0 { 1.0 } else { (1.0 - alpha) / 2.0 + 4.0 * U };
            (alpha.abs() <= 1.0).then(|| one((1.0 + alpha) / 2.0, swing))?
        }
    })
}

/// A symmetric matrix, row by row.
#[derive(Debug, Clone)]
struct Square {
    n: usize,
    numbers: Vec<f64>,
}

impl Square {
    fn from_lower(n: usize, mut entry: impl FnMut(usize, usize) -> f64) -> Self {
        let mut numbers = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..=i {
                let value = entry(i, j);
                numbers[i * n + j] = value;
                numbers[j * n + i] = value;
            }
        }
        Self { n, numbers }
    }

    fn identity(n: usize) -> Self {
        Self::from_lower(n, |i, j| f64::from(u8::from(i == j)))
    }

    fn at(&self, i: usize, j: usize) -> f64 {
        self.numbers[i * self.n + j]
    }

    fn row(&self, i: usize) -> &[f64] {
        &self.numbers[i * self.n..(i + 1) * self.n]
    }

    fn add_to_diagonal(&mut self, i: usize, what: f64) {
        let at = i * self.n + i;
        self.numbers[at] = (self.numbers[at] + what).next_up();
    }

    /// At least the Frobenius norm.
    fn size(&self) -> f64 {
        size(&self.numbers)
    }

    /// A lower triangular J, row by row, with `S ⪰ σI + JJᵀ − D` for a diagonal D that is at most what [`exceeds`](Self::exceeds) allows; `None`
    /// where a pivot is not positive.
    fn factor(&self, sigma: f64) -> Option<Vec<Vec<f64>>> {
        let mut factor: Vec<Vec<f64>> = Vec::with_capacity(self.n);
        for i in 0..self.n {
            let mut row: Vec<f64> = self.row(i)[..=i].to_vec();
            row[i] -= sigma;
            for j in 0..i {
                row[j] = (row[j] - dot(&row[..j], &factor[j][..j])) / factor[j][j];
            }
            let pivot = row[i] - dot(&row[..i], &row[..i]);
            if !(pivot > 0.0 && pivot.is_finite()) {
                return None;
            }
            row[i] = pivot.sqrt();
            factor.push(row);
        }
        Some(factor)
    }

    /// Whether it is proved that S ⪰ σI: rows and columns are multiplied by powers of two, so that the diagonal is between 1/4 and 1, and the rest
    /// is (V5) of `docs/mathematics/verification.md`.
    fn exceeds(&self, sigma: f64) -> bool {
        let nu = rounding_allowance(self.n, 0, false);
        let mut powers = Vec::with_capacity(self.n);
        for i in 0..self.n {
            let pivot = self.at(i, i);
            if !(pivot > 1e-200 && pivot < 1e200) {
                return false;
            }
            // 4^k is above the pivot, and at most four times it.
            let (mut k, mut square) = (0i64, 1.0);
            while square < pivot {
                (k, square) = (k + 1, square * 4.0);
            }
            while square / 4.0 >= pivot {
                (k, square) = (k - 1, square / 4.0);
            }
            powers.push(power_of_two(-k));
        }
        let mut scaled = Self::from_lower(self.n, |i, j| self.at(i, j) * powers[i] * powers[j]);
        for (i, power) in powers.iter().enumerate() {
            let at = i * self.n + i;
            let less = (sigma * power * power).next_up();
            scaled.numbers[at] = ((scaled.numbers[at] - less).next_down() - nu).next_down();
        }
        scaled.factor(0.0).is_some()
    }
}

/// At least the length of a vector of at most 2²⁶ numbers.
fn size(numbers: &[f64]) -> f64 {
    dot(numbers, numbers).sqrt() * (1.0 + power_of_two(-20)) + UNDERFLOW
}

/// A matrix of at least WᵀQW, in the order of symmetric matrices, W being given by its columns, whose entries are right to 8u.
fn at_least(q: &Square, columns: &[Vec<f64>]) -> Square {
    let images: Vec<Vec<f64>> =
        columns.iter().map(|column| (0..q.n).map(|i| dot(q.row(i), column)).collect()).collect();
    let mut product = Square::from_lower(columns.len(), |k, l| dot(&columns[k], &images[l]));
    let square: f64 = columns.iter().map(|column| size(column)).map(|size| size * size).sum();
    let roundings = (2 * (q.n.div_ceil(16) + 16) + 24) as f64;
    let error = roundings * U * (1.0 + power_of_two(-8)) * square * q.size()
        + UNDERFLOW * (1.0 + square) * (1.0 + q.size()) * (1.0 + square);
    (0..columns.len()).for_each(|k| product.add_to_diagonal(k, error));
    product
}

/// Q of a layer from P: `None` where no Q is proved.
fn before(p: &Square, sector: &Sector) -> Option<Square> {
    let branches = sector.center.len();
    let units = p.n / branches;
    if sector.swings.is_empty() {
        return Some(p.clone());
    }
    let fold = |a: &[f64], b: &[f64], i: usize, j: usize| {
        let mut sum = 0.0;
        for (s, &a) in a.iter().enumerate().filter(|(_, a)| **a != 0.0) {
            for (t, &b) in b.iter().enumerate().filter(|(_, b)| **b != 0.0) {
                sum += a * b * p.at(s * units + i, t * units + j);
            }
        }
        sum
    };
    let swings = sector.swings.len() * units;
    let swing = |e: usize| (&sector.swings[e / units][..], e % units);
    let of_swings = |e: usize, f: usize| {
        let ((a, i), (b, j)) = (swing(e), swing(f));
        fold(a, b, i, j)
    };
    let one = |i: usize, j: usize| f64::from(u8::from(i == j));
    let rest = Square::from_lower(swings, |e, f| one(e, f) - of_swings(e, f));
    let error = |q: f64, n: usize| 32.0 * U * (p.size() + q + n as f64) + UNDERFLOW;
    if sector.center.iter().all(|&c| c == 0.0) {
        return rest.exceeds(error(0.0, swings)).then(|| Square::identity(units));
    }
    let cross = |e: usize, j: usize| {
        let (a, i) = swing(e);
        -fold(a, &sector.center, i, j)
    };
    let all = units + swings;
    let nu = rounding_allowance(all, 0, false);
    let middle = Square::from_lower(units, |i, j| fold(&sector.center, &sector.center, i, j));
    let mut margin = 2.0 * (error(2.0 * units as f64, all) + 4.0 * nu);
    for _ in 0..8 {
        let factor = rest.factor(margin)?;
        // The columns of J⁻¹ (RᵀPC).
        let solved: Vec<Vec<f64>> = (0..units)
            .map(|j| {
                let mut column: Vec<f64> = Vec::with_capacity(swings);
                for (e, row) in factor.iter().enumerate() {
                    column.push((cross(e, j) - dot(&row[..e], &column)) / row[e]);
                }
                column
            })
            .collect();
        let mut q = Square::from_lower(units, |i, j| one(i, j) + middle.at(i, j) + dot(&solved[i], &solved[j]));
        for (i, solved) in solved.iter().enumerate() {
            q.add_to_diagonal(i, margin * (1.0 + dot(solved, solved)));
        }
        let size = q.size();
        let whole = Square::from_lower(all, |i, j| match (i.checked_sub(units), j.checked_sub(units)) {
            (None, _) => q.at(i, j) - one(i, j) - middle.at(i, j),
            (Some(e), None) => cross(e, j),
            (Some(e), Some(f)) => rest.at(e, f),
        });
        if whole.exceeds(error(size, all)) {
            return Some(q);
        }
        margin *= 8.0;
    }
    None
}

/// What is proved of all layers after the sums of the first: Q_1, and the roots of its units.
#[derive(Debug, Clone)]
pub struct Remaining<'a> {
    chain: &'a Chain<'a>,
    q: Square,
    part: Part,
    first: Option<&'a [f64]>,
}

/// A number of a row of the last layer, as the part asks for it.
fn last_row(chain: &Chain<'_>, part: Part, row: usize, k: usize, columns: usize) -> f64 {
    let weights = chain.layers[chain.layers.len() - 1].weights;
    match part {
        Part::All => weights[row * columns + k],
        Part::Output(j) => weights[j * columns + k],
        Part::Pair(j, other) => weights[j * columns + k] - weights[other * columns + k],
    }
}

impl<'a> Remaining<'a> {
    /// From roots for every hidden layer of a chain that passes [`Chain::check`]; `None` where nothing is proved.
    pub fn new(chain: &'a Chain<'a>, part: Part, roots: &'a [Vec<f64>]) -> Option<Self> {
        let hidden = chain.layers.len().checked_sub(1)?;
        let outputs = if part == Part::All { chain.outputs() } else { 1 };
        let fits = |(roots, layer): (&Vec<f64>, &crate::LayerWeights<'_>)| {
            let usual = |root: &f64| root.is_finite() && *root >= 0.0;
            layer.outputs <= MOST_UNITS && roots.len() == layer.outputs && roots.iter().all(usual)
        };
        if roots.len() != hidden || !roots.iter().zip(chain.layers).all(fits) || outputs > MOST_UNITS {
            return None;
        }
        let mut q = Square::identity(outputs);
        for l in (0..hidden).rev() {
            let before_it = sector(chain.layers[l].activation)?;
            let branches = before_it.center.len();
            let units = chain.layers[l].outputs;
            let columns = units * branches;
            let mut scaled = Vec::with_capacity(columns);
            for k in 0..columns {
                let from = roots[l][k % units];
                let to = roots.get(l + 1);
                let entry = |i: usize| {
                    let w = match to {
                        None => last_row(chain, part, i, k, columns),
                        Some(_) => chain.layers[l + 1].weights[i * columns + k],
                    };
                    if w == 0.0 {
                        return Some(0.0);
                    }
                    let to = Wide::new(to.map_or(1.0, |to| to[i]));
                    (from > 0.0).then(|| Wide::new(w).times(to).over(Wide::new(from)).value())
                };
                scaled.push((0..q.n).map(entry).collect::<Option<Vec<f64>>>()?);
            }
            q = before(&at_least(&q, &scaled), &before_it)?;
        }
        Some(Self { chain, q, part, first: roots.first().map(Vec::as_slice) })
    }

    /// Whether it is proved that the layers have at most this constant, inputs being measured in these units.
    pub fn is_at_most(&self, units: &Units, claimed: f64) -> bool {
        if !(claimed > 0.0 && claimed.is_finite()) {
            return false;
        }
        let inputs = self.chain.inputs;
        let entry = |i: usize, k: usize| {
            let w = match self.first {
                None => last_row(self.chain, self.part, i, k, inputs),
                Some(_) => self.chain.layers[0].weights[i * inputs + k],
            };
            let root = Wide::new(self.first.map_or(1.0, |first| first[i]));
            Wide::new(w).times(root).over(Wide::new(units.x_scale(k)).times(Wide::new(claimed))).value()
        };
        let least = if inputs <= self.q.n {
            let columns: Vec<Vec<f64>> = (0..inputs).map(|k| (0..self.q.n).map(|i| entry(i, k)).collect()).collect();
            at_least(&self.q, &columns)
        } else {
            // Q ⪯ JJᵀ, and the eigenvalues of WᵀJJᵀW are those of JᵀWWᵀJ.
            let rows: Vec<Vec<f64>> = (0..self.q.n).map(|i| (0..inputs).map(|k| entry(i, k)).collect()).collect();
            let gram = gram_at_least(&rows);
            let Some(factor) = above(&self.q) else { return false };
            at_least(&gram, &factor)
        };
        let error = 4.0 * U * (least.size() + least.n as f64);
        Square::from_lower(least.n, |i, j| f64::from(u8::from(i == j)) - least.at(i, j)).exceeds(error)
    }
}

/// The least bound that follows from a constant of the layers alone; `None` where it is not a double.
pub fn least_bound(
    chain: &Chain<'_>,
    part: Part,
    units: &Units,
    of_layers: f64,
    linear: Option<f64>,
    roots: Vec<Vec<f64>>,
) -> Option<ChainLipsdp> {
    let (output, minus) = match part {
        Part::All => (None, None),
        Part::Output(j) => (Some(j), None),
        Part::Pair(j, k) => (Some(j), Some(k)),
    };
    let bound = follows(chain, part, units, of_layers, linear);
    bound.is_finite().then_some(ChainLipsdp { output, minus, chain: of_layers, bound, roots })
}

/// What follows from a constant of the layers alone, and a norm of the linear part where there is one.
fn follows(chain: &Chain<'_>, part: Part, units: &Units, of_layers: f64, linear: Option<f64>) -> f64 {
    let slope = match (chain.linear_matrix(units), part) {
        (None, _) => 0.0,
        (Some(_), Part::All) => linear.unwrap_or(f64::INFINITY),
        (Some(matrix), Part::Output(j)) => matrix.slope(Norm::Two, j),
        (Some(matrix), Part::Pair(j, k)) => matrix.slope_of_difference(Norm::Two, j, k),
    };
    product_up(units.y_scale(), sum_up(of_layers, slope))
}

/// Prove one bound in its units, about a network that passes [`Chain::check`]; `linear` is a proved norm of its linear part, and `name` is what
/// refusals call the claim.
pub(crate) fn prove(
    chain: &Chain<'_>,
    units: &Units,
    claim: &ChainLipsdp,
    linear: Option<f64>,
    name: &str,
) -> Result<(), Refusal> {
    let Some(part) = claim.part(chain.outputs()) else {
        return Err(Refusal::Malformed(format!("a multiplier bound of the {name} claim is of no output")));
    };
    let hidden = chain.layers.len() - 1;
    let fits = claim.roots.len() == hidden
        && claim.roots.iter().zip(chain.layers).all(|(roots, layer)| roots.len() == layer.outputs);
    let usual = |number: &f64| number.is_finite() && *number >= 0.0;
    if !fits || ![claim.chain, claim.bound].iter().chain(claim.roots.iter().flatten()).all(usual) {
        return Err(Refusal::Malformed(format!(
            "the multipliers of the {name} claim do not fit the layers, or one is negative or not finite"
        )));
    }
    let shown = follows(chain, part, units, claim.chain, linear);
    if shown > claim.bound {
        return Err(Refusal::NotProved(format!("the {name} multipliers show {shown:?}, not {:?}", claim.bound)));
    }
    match Remaining::new(chain, part, &claim.roots).is_some_and(|it| it.is_at_most(units, claim.chain)) {
        true => Ok(()),
        false => Err(Refusal::NotProved(format!("the {name} multipliers do not show {:?}", claim.chain))),
    }
}

/// A matrix of at least the products of these rows, whose entries are right to 8u.
fn gram_at_least(rows: &[Vec<f64>]) -> Square {
    let mut gram = Square::from_lower(rows.len(), |i, j| dot(&rows[i], &rows[j]));
    let square: f64 = rows.iter().map(|row| size(row)).map(|size| size * size).sum();
    let length = rows.first().map_or(0, Vec::len);
    let roundings = (length.div_ceil(16) + 16 + 24) as f64;
    let error = roundings * U * (1.0 + power_of_two(-8)) * square + UNDERFLOW * (1.0 + square);
    (0..rows.len()).for_each(|i| gram.add_to_diagonal(i, error));
    gram
}

/// The columns of a J with `Q ⪯ JJᵀ`, for Q ⪰ I up to a little.
fn above(q: &Square) -> Option<Vec<Vec<f64>>> {
    let mut more = q.clone();
    // (V5): JJᵀ is off by less than (n + 2) u times the trace.
    let trace: f64 = (0..q.n).map(|i| q.at(i, i)).sum();
    let off = (q.n + 40) as f64 * U * (1.0 + power_of_two(-8)) * trace + UNDERFLOW;
    (0..q.n).for_each(|i| more.add_to_diagonal(i, 2.0 * off));
    let factor = more.factor(0.0)?;
    let column = |j: usize| (0..q.n).map(|i| if j <= i { factor[i][j] } else { 0.0 }).collect();
    Some((0..q.n).map(column).collect())
}
