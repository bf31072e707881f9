//! Worst cases of rows: for each row an interval that f cannot leave while the inputs are off by errors within a tolerance.
//!
//! **The claim.** Row x with the tolerance τ ≥ 0 stands for the points `x + τ∘u`, u in the ball B: `‖u‖_∞ ≤ 1` for the shape `box`, `‖u‖₂ ≤ 1`
//! for `ball`. The claim is `lower ≤ f(x + τ∘u) ≤ upper` for every u of B. Weights, x, τ and the ends are the exact values of their doubles.
//!
//! **The proof.** A tree for each end. At a node the ball is cut in two: where unit i has `h_i(u) ≤ 0` (*off*), and where `h_i(u) ≥ 0` (*on*),
//! `h_i(u) = b_i + w_i·(x + τ∘u)`. So every u belongs to a leaf, on whose path P unit i is on or off at u. A leaf has a multiplier `μ_i ≥ 0`
//! for each unit of its path.
//!
//! **The theorem.** For every u of B that belongs to the leaf,
//!
//! ```text
//!     f(x + τ∘u)  ≤  A(u) = c + a·(x + τ∘u) + Σ_{i on} (v_i + μ_i) h_i(u) − Σ_{i off} μ_i h_i(u) + Σ_{i not in P} r_i(u)
//! ```
//!
//! where `r_i ≥ v_i relu(h_i)` is affine: with `l ≤ h_i ≤ h` everywhere in B, r_i is 0 if h ≤ 0, `v_i h_i` if l ≥ 0, and otherwise `v_i k (h_i − l)` with
//! `k ≥ h/(h − l)` if v_i > 0, and `v_i h_i` or 0 if v_i < 0. A is affine, so its largest value over B is A(0) plus the dual norm of its slope.
//!
//! *Proof.* On the leaf `μ_i h_i ≥ 0` for a unit that is on, whose `v_i relu(h_i)` is `v_i h_i`, and `−μ_i h_i ≥ 0` for one that is off, whose
//! `v_i relu(h_i)` is 0. For the others: relu is convex, so below the line through (l, 0) and (h, h) on [l, h]; and it is above both 0 and its argument. ∎
//!
//! The lower end is the same for −f. **Rounding.** Every number is kept as a range of doubles that holds the exact one; each operation
//! rounds its ends to the next double outward. What is compared with a claim is the upper end.

use crate::refusal::Refusal;
use crate::weights::{Weights, fingerprint};
use serde::{Deserialize, Serialize};

/// The `format` of files of worst cases.
pub const WORST_CASES: &str = "tautnet worst cases";

/// The version of the format.
const VERSION: u32 = 1;

/// The shape of a tolerance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// Every input within its own tolerance.
    Box,
    /// An ellipsoid whose half axes are the tolerances.
    Ball,
}

/// A node of a tree that is written node, off, on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Node {
    /// The number of the unit at which it is cut.
    Cut(usize),
    /// A leaf, with the multipliers of the units on its path, from the root on.
    Leaf(Vec<f64>),
}

/// What is claimed of one row, with its proof.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The d inputs, in the units of the network.
    pub x: Vec<f64>,
    /// The tolerance of each input, in the same units; 0 for one that is exact.
    pub tolerance: Vec<f64>,
    /// f is nowhere smaller.
    pub lower: f64,
    /// f is nowhere larger.
    pub upper: f64,
    /// The tree that proves the lower end.
    pub below: Vec<Node>,
    /// The tree that proves the upper end.
    pub above: Vec<Node>,
}

/// A file of worst cases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorstCases {
    /// Always [`WORST_CASES`].
    pub format: String,
    /// The version of the format: 1.
    pub version: u32,
    /// [`fingerprint`](crate::fingerprint) of the network.
    pub network: String,
    /// The shape of the tolerances.
    pub shape: Shape,
    /// The rows.
    pub rows: Vec<Row>,
}

impl WorstCases {
    /// What is claimed of rows of this network.
    pub fn new(network: &Weights<'_>, shape: Shape, rows: Vec<Row>) -> Self {
        Self { format: WORST_CASES.into(), version: VERSION, network: fingerprint(network), shape, rows }
    }

    /// The file's bytes. Every number is written so that reading it gives the same double back.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(self).expect("plain data with text keys always serializes");
        bytes.push(b'\n');
        bytes
    }
}

/// Worst cases that have been proved. Only [`verify_worst_cases`] makes them.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedWorstCases(WorstCases);

impl VerifiedWorstCases {
    /// What is proved.
    pub fn worst_cases(&self) -> &WorstCases {
        &self.0
    }
}

/// Prove what is claimed of every row of this network, or refuse. Never panics, whatever the bytes.
pub fn verify_worst_cases(bytes: &[u8], network: &Weights<'_>) -> Result<VerifiedWorstCases, Refusal> {
    let read: WorstCases = serde_json::from_slice(bytes).map_err(|error| Refusal::Unreadable(error.to_string()))?;
    if read.format != WORST_CASES || read.version != VERSION {
        return Err(Refusal::Unsupported(format!(
            "it says \"{}\" version {}, not \"{WORST_CASES}\" version {VERSION}",
            read.format, read.version
        )));
    }
    crate::verify::check_network(network)?;
    if read.network != fingerprint(network) {
        return Err(Refusal::WrongNetwork("the weights have another fingerprint".into()));
    }
    for (k, row) in read.rows.iter().enumerate() {
        prove_row(network, read.shape, row).map_err(|refusal| match refusal {
            Refusal::Malformed(what) => Refusal::Malformed(format!("row {}: {what}", k + 1)),
            Refusal::NotProved(what) => Refusal::NotProved(format!("row {}: {what}", k + 1)),
            other => other,
        })?;
    }
    Ok(VerifiedWorstCases(read))
}

fn malformed(what: impl Into<String>) -> Refusal {
    Refusal::Malformed(what.into())
}

fn prove_row(network: &Weights<'_>, shape: Shape, row: &Row) -> Result<(), Refusal> {
    let d = network.inputs;
    if row.x.len() != d || row.tolerance.len() != d {
        return Err(malformed(format!(
            "it has {} inputs and {} tolerances where {d} are due",
            row.x.len(),
            row.tolerance.len()
        )));
    }
    let finite = row.x.iter().chain([&row.lower, &row.upper]).all(|number| number.is_finite());
    if !finite || !row.tolerance.iter().all(|size| size.is_finite() && *size >= 0.0) {
        return Err(malformed("a number is not finite, or a tolerance is below 0"));
    }
    for (sign, claim, tree, end) in [(1.0, row.upper, &row.above, "upper"), (-1.0, -row.lower, &row.below, "lower")] {
        let near = Near::new(network, &row.x, &row.tolerance, shape, sign);
        let bound = bound_of_tree(&near, tree, end)?;
        if bound > claim {
            return Err(Refusal::NotProved(format!(
                "the leaves of the {end} end show {:?}, not {:?}",
                sign * bound,
                sign * claim
            )));
        }
    }
    Ok(())
}

/// The largest bound of the leaves of a tree, which must be whole.
fn bound_of_tree(near: &Near, tree: &[Node], end: &str) -> Result<f64, Refusal> {
    let wrong = |what: &str| malformed(format!("the tree of the {end} end {what}"));
    let mut path: Vec<(usize, bool)> = Vec::new();
    let mut bound = f64::NEG_INFINITY;
    let mut whole = false;
    for node in tree {
        if whole {
            return Err(wrong("goes on after its last leaf"));
        }
        match node {
            Node::Cut(unit) => {
                if *unit >= near.units.len() || path.iter().any(|(other, _)| other == unit) {
                    return Err(wrong("cuts at a unit that is not there, or twice at one"));
                }
                path.push((*unit, false));
            }
            Node::Leaf(multipliers) => {
                let good = multipliers.iter().all(|multiplier| multiplier.is_finite() && *multiplier >= 0.0);
                if multipliers.len() != path.len() || !good {
                    return Err(wrong("has a leaf whose multipliers are not one number of at least 0 for each cut"));
                }
                bound = bound.max(near.bound(&path, multipliers));
                // The next leaf is the nearest that is on where this one was off.
                while path.last().is_some_and(|(_, on)| *on) {
                    path.pop();
                }
                match path.last_mut() {
                    Some((_, on)) => *on = true,
                    None => whole = true,
                }
            }
        }
    }
    if whole { Ok(bound) } else { Err(wrong("has too few leaves")) }
}

/// f or −f around one row, as a function of u in the ball.
#[derive(Debug, Clone)]
pub struct Near {
    shape: Shape,
    /// The value of the linear part at u = 0, and its slope.
    constant: Range,
    slope: Vec<Range>,
    units: Vec<UnitNear>,
}

/// A unit around one row.
#[derive(Debug, Clone)]
struct UnitNear {
    /// The output weight.
    v: f64,
    /// h at u = 0, and its slope.
    h: Range,
    slope: Vec<Range>,
    /// h lies between these everywhere in the ball.
    low: f64,
    high: f64,
}

impl Near {
    /// `sign · f`, the sign being 1 or −1.
    pub fn new(network: &Weights<'_>, x: &[f64], tolerance: &[f64], shape: Shape, sign: f64) -> Self {
        let d = network.inputs;
        let at = |start: f64, row: &dyn Fn(usize) -> f64| {
            let value = (0..d).fold(Range::of(start), |sum, j| sum.plus(Range::of(row(j)).times(Range::of(x[j]))));
            (value, (0..d).map(|j| Range::of(row(j)).times(Range::of(tolerance[j]))).collect::<Vec<_>>())
        };
        let unit = |i: usize| {
            let (h, slope) = at(network.b[i], &|j| network.w(i, j));
            let reach = length(shape, &slope);
            let (low, high) = (h.plus(Range::of(-reach)).low, h.plus(Range::of(reach)).high);
            UnitNear { v: sign * network.v[i], h, slope, low, high }
        };
        let (constant, slope) = at(sign * network.c, &|j| sign * network.a(j));
        Self { shape, constant, slope, units: (0..network.units).map(unit).collect() }
    }

    /// The bound of the leaf with this path and these multipliers, rounded up; it is a number.
    pub fn bound(&self, path: &[(usize, bool)], multipliers: &[f64]) -> f64 {
        let (mut constant, mut slope) = (self.constant, self.slope.clone());
        let mut add = |unit: &UnitNear, factor: Range| {
            constant = constant.plus(factor.times(unit.h));
            slope.iter_mut().zip(&unit.slope).for_each(|(sum, slope)| *sum = sum.plus(factor.times(*slope)));
        };
        let mut shift = Range::of(0.0);
        for (i, unit) in self.units.iter().enumerate() {
            if let Some(at) = path.iter().position(|(other, _)| *other == i) {
                let multiplier = Range::of(multipliers[at]);
                add(unit, if path[at].1 { Range::of(unit.v).plus(multiplier) } else { multiplier.negated() });
            } else if let Some((factor, less)) = unit.relaxed() {
                add(unit, factor);
                shift = shift.plus(factor.times(Range::of(-less)));
            }
        }
        let reach = length(self.shape, &slope);
        constant.plus(shift).plus(Range::of(reach)).high
    }
}

impl UnitNear {
    /// `r(u) = factor · (h(u) − less)`, at least `v relu(h(u))` everywhere in the ball; `None` for 0.
    fn relaxed(&self) -> Option<(Range, f64)> {
        let v = Range::of(self.v);
        if self.high <= 0.0 || self.v == 0.0 {
            None
        } else if self.low >= 0.0 {
            Some((v, 0.0))
        } else if self.v > 0.0 {
            // At least high/(high − low).
            let k = (self.high / (self.high - self.low).next_down()).next_up();
            Some((v.times(Range::of(k)), self.low))
        } else {
            (self.high > -self.low).then_some((v, 0.0))
        }
    }
}

/// At least the dual norm of a slope.
fn length(shape: Shape, slope: &[Range]) -> f64 {
    let sizes = slope.iter().map(|range| range.size());
    match shape {
        Shape::Box => sizes.fold(0.0, |sum, size| (sum + size).next_up()),
        Shape::Ball => sizes.fold(0.0, |sum, size| (sum + (size * size).next_up()).next_up()).sqrt().next_up(),
    }
}

/// Two doubles that hold a real number between them.
#[derive(Debug, Clone, Copy)]
struct Range {
    low: f64,
    high: f64,
}

impl Range {
    /// The exact value of a double.
    fn of(x: f64) -> Self {
        Self::between(x, x)
    }

    /// All of the line where something is not a number.
    fn between(low: f64, high: f64) -> Self {
        if low.is_nan() || high.is_nan() {
            Self { low: f64::NEG_INFINITY, high: f64::INFINITY }
        } else {
            Self { low, high }
        }
    }

    /// Rounded outward, but for sums and products with 0, which are exact.
    fn plus(self, other: Self) -> Self {
        let add = |a: f64, b: f64, out: fn(f64) -> f64| if a == 0.0 || b == 0.0 { a + b } else { out(a + b) };
        Self::between(add(self.low, other.low, f64::next_down), add(self.high, other.high, f64::next_up))
    }

    fn times(self, other: Self) -> Self {
        let pairs = [(self.low, other.low), (self.low, other.high), (self.high, other.low), (self.high, other.high)];
        if pairs.iter().any(|(a, b)| (a * b).is_nan()) {
            return Self::between(f64::NAN, f64::NAN);
        }
        let rounded = |out: fn(f64) -> f64| pairs.map(|(a, b)| if a == 0.0 || b == 0.0 { 0.0 } else { out(a * b) });
        Self {
            low: rounded(f64::next_down).into_iter().fold(f64::INFINITY, f64::min),
            high: rounded(f64::next_up).into_iter().fold(f64::NEG_INFINITY, f64::max),
        }
    }

    fn negated(self) -> Self {
        Self { low: -self.high, high: -self.low }
    }

    /// The largest absolute value.
    fn size(self) -> f64 {
        self.low.abs().max(self.high.abs())
    }
}
