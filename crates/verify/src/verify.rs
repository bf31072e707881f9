//! The verifier: accepts a certificate only if its numbers are theorems about the network. It contains no solver,
//! and is given two plain structures, a [`Certificate`] and the network's [`Weights`].
//!
//! **The model.** `F(X) = y_mean + κ_y f((X − x_mean)/κ)` with `f(x) = c + a·x + Σ_i v_i relu(w_i·x + b_i)`. In
//! standardized units y = 1 and s = 1. Every weight is the exact value of its stored double, and F is a function of
//! real numbers.
//!
//! **The theorem.** Given L > 0, multipliers ℓ_i > 0 for the m units that are not constant, and π_k ≥ 0 with π_k = L
//! (ℓ2) or Σ π_k ≤ L (ℓ∞), form the m × (d+1) matrix M and the symmetric matrix M_a of order d+1, which is 0 but for
//! its last row and column (where π_k = 0, a_k and all w_ik must be 0, and the entries are 0)
//!
//! ```text
//!     M_ik = κ_y v_i w_ik / ( κ_k √(2 ℓ_i π_k) ),  k = 1..d,        M_i,d+1 = √( ℓ_i / (2L) ),
//!     (M_a)_k,d+1 = (M_a)_d+1,k = κ_y a_k / ( κ_k √(π_k L) ),  k = 1..d.
//! ```
//!
//! If I − MᵀM − M_a ⪰ 0 then |F(X) − F(Y)| ≤ L ‖X − Y‖ for all X and Y. Without a linear part that is ‖M‖₂ ≤ 1.
//!
//! *Proof.* Let Δ = X − Y, g_i = κ_y v_i w_i·(Δ/κ), α = κ_y a·(Δ/κ), t real. The condition, applied to the vector (√π_k
//! Δ_k, √L t), says Σ (g_i + ℓ_i t)² / (2ℓ_i) + 2tα ≤ Σ π_k Δ_k² + L t². Relu has slopes in [0, 1], so unit i changes F
//! by φ_i = g_i/2 + ρ_i with |ρ_i| ≤ |g_i|/2, and (g_i + ℓ_i t)²/(2ℓ_i) − 2tφ_i = g_i²/(2ℓ_i) + ℓ_i t²/2 − 2tρ_i ≥
//! ½(|g_i|/√ℓ_i − √ℓ_i |t|)² ≥ 0. Summed over the units, with t = (F(X) − F(Y))/L = (α + Σφ_i)/L: 2Lt² ≤ Σ π_k Δ_k² +
//! Lt², so (F(X) − F(Y))² ≤ L Σ π_k Δ_k², which is at most L²‖Δ‖² in either norm. ∎
//!
//! **One input at a time.** Along e_k unit i changes F by θ_i κ_y v_i w_ik/κ_k per unit, θ_i ∈ [0, 1], and the linear
//! part by κ_y a_k/κ_k. So F changes by at most κ_y/κ_k · max(a_k + Σ_i (v_i w_ik)₊, −a_k + Σ_i (v_i w_ik)₋), and the
//! largest of these is a bound for the ℓ1 norm.
//!
//! **Rounding.** The condition is proved by a floating-point Cholesky factorization of I − MᵀM − M_a − ν_n I (or,
//! without a linear part, I − MMᵀ − ν_n I if that is smaller) that runs to completion, where ν_n exceeds every rounding
//! error made on the way. The derivation of ν_n and of every other constant is `docs/mathematics/verification.md`,
//! cited below as (V1), (V2) … IEEE doubles, rounding to nearest, are assumed. A bound claimed in floating point is
//! compared with one rounded upwards.

use crate::certificate::{Certificate, Claim, FORMAT, Norm, Scaler, VERSION};
use crate::refusal::Refusal;
use crate::weights::{Weights, fingerprint, fingerprint_1};
use crate::wide::{Wide, power_of_two};
use serde::de::DeserializeOwned;

/// A certificate whose every claim has been proved. Only [`verify`] makes one.
#[derive(Debug, Clone, PartialEq)]
pub struct Verified(Certificate);

impl Verified {
    /// The proved certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.0
    }
}

/// Prove every claim of the certificate about this network, or refuse. Never panics, whatever the bytes.
///
/// The scaler is part of the certificate, not of the network: where the model file has one, compare the two.
pub fn verify(bytes: &[u8], network: &Weights<'_>) -> Result<Verified, Refusal> {
    let certificate = read(bytes)?;
    let inputs = network.inputs;
    check_network(network)?;
    let own = if certificate.version == 1 { fingerprint_1(network) } else { Some(fingerprint(network)) };
    if own.is_none_or(|own| certificate.network != own) {
        return Err(Refusal::WrongNetwork("the weights have another fingerprint".into()));
    }
    let standard = Units::standardized(inputs);
    prove(network, certificate.norm, &standard, &certificate.standardized, "standardized")?;
    match (&certificate.scaler, &certificate.raw) {
        (None, None) => {}
        (Some(scaler), Some(claim)) => {
            prove(network, certificate.norm, &Units::of_user(scaler, inputs)?, claim, "raw")?;
        }
        _ => return Err(malformed("`scaler` and `raw` go together, but only one is given")),
    }
    Ok(Verified(certificate))
}

fn malformed(what: impl Into<String>) -> Refusal {
    Refusal::Malformed(what.into())
}

/// One JSON object with exactly the certificate's fields, and nothing but white space after it: of a network and of a chain alike.
pub(crate) fn read_object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    let unreadable = |error: serde_json::Error| Refusal::Unreadable(error.to_string());
    let certificate: T = serde_json::from_slice(bytes).map_err(unreadable)?;
    // The derived reader also takes an array for a structure and an object for a choice; the format does not.
    let value: serde_json::Value = serde_json::from_slice(bytes).map_err(unreadable)?;
    let object_or_null = |key: &str| value[key].is_object() || value[key].is_null();
    let shaped = value.is_object()
        && value["norm"].is_string()
        && value["standardized"].is_object()
        && object_or_null("scaler")
        && object_or_null("raw");
    if !shaped {
        return Err(Refusal::Unreadable("a part of it is an array or an object where it should not be".into()));
    }
    Ok(certificate)
}

fn read(bytes: &[u8]) -> Result<Certificate, Refusal> {
    let certificate: Certificate = read_object(bytes)?;
    if certificate.format != FORMAT || !(1..=VERSION).contains(&certificate.version) {
        return Err(Refusal::Unsupported(format!(
            "it says \"{}\" version {}, not \"{FORMAT}\" version {VERSION} or 1",
            certificate.format, certificate.version
        )));
    }
    Ok(certificate)
}

pub(crate) fn check_network(network: &Weights<'_>) -> Result<(), Refusal> {
    let (units, inputs) = (network.units, network.inputs);
    // (V7) is derived for these sizes.
    let sizes = 1..=(1 << 20) - 1;
    let lengths = [(network.w.len(), units.saturating_mul(inputs)), (network.b.len(), units), (network.v.len(), units)];
    let agree =
        lengths.iter().all(|(length, expected)| length == expected) && network.a.is_none_or(|a| a.len() == inputs);
    if !sizes.contains(&units) || !sizes.contains(&inputs) || !agree {
        return Err(Refusal::WrongNetwork(format!("it has {units} units and {inputs} inputs, or parts that disagree")));
    }
    let linear = network.a.unwrap_or_default();
    let mut weights = network.w.iter().chain(network.b).chain(network.v).chain([&network.c]).chain(linear);
    let finite = weights.all(|weight| weight.is_finite());
    if finite { Ok(()) } else { Err(Refusal::WrongNetwork("it has a weight that is not a finite number".into())) }
}

/// The units of a claim: the scales κ and κ_y of the model. The means drop out of every difference.
#[derive(Debug, Clone)]
pub struct Units {
    x_scale: Vec<f64>,
    y_scale: f64,
}

impl Units {
    /// The network's own units.
    pub fn standardized(inputs: usize) -> Self {
        Self { x_scale: vec![1.0; inputs], y_scale: 1.0 }
    }

    /// The units of the scaler, whose every number is checked.
    pub fn of_user(scaler: &Scaler, inputs: usize) -> Result<Self, Refusal> {
        if scaler.x_mean.len() != inputs || scaler.x_scale.len() != inputs {
            return Err(malformed(format!(
                "the scaler has {} means and {} scales for {inputs} inputs",
                scaler.x_mean.len(),
                scaler.x_scale.len()
            )));
        }
        if !scaler.x_mean.iter().chain([&scaler.y_mean]).all(|mean| mean.is_finite()) {
            return Err(malformed("a mean of the scaler is not a finite number"));
        }
        if !scaler.x_scale.iter().chain([&scaler.y_scale]).all(|scale| scale.is_finite() && *scale > 0.0) {
            return Err(malformed("a scale of the scaler is not a positive finite number"));
        }
        Ok(Self { x_scale: scaler.x_scale.clone(), y_scale: scaler.y_scale })
    }

    /// The scales of the inputs alone.
    pub(crate) fn of_scales(scales: &[f64], inputs: usize) -> Result<Self, Refusal> {
        if scales.len() != inputs {
            return Err(malformed(format!("there are {} scales for {inputs} inputs", scales.len())));
        }
        if !scales.iter().all(|scale| scale.is_finite() && *scale > 0.0) {
            return Err(malformed("a scale is not a positive finite number"));
        }
        Ok(Self { x_scale: scales.to_vec(), y_scale: 1.0 })
    }

    /// The scale κ_k of an input column.
    pub fn x_scale(&self, input: usize) -> f64 {
        self.x_scale[input]
    }

    /// The scales κ of all input columns.
    pub(crate) fn x_scales(&self) -> &[f64] {
        &self.x_scale
    }

    /// The scale κ_y of the target.
    pub fn y_scale(&self) -> f64 {
        self.y_scale
    }
}

/// Prove one claim in its units, about a network whose parts agree; `name` is what refusals call the claim.
pub fn prove(network: &Weights<'_>, norm: Norm, units: &Units, claim: &Claim, name: &str) -> Result<(), Refusal> {
    let inputs = network.inputs;
    let lengths = [
        ("sensitivities", claim.sensitivities.len(), inputs),
        ("multipliers", claim.multipliers.len(), if norm == Norm::One { 0 } else { network.units }),
        (
            "input weights",
            claim.input_weights.iter().flatten().count(),
            if norm == Norm::Infinity { inputs } else { 0 },
        ),
    ];
    for (what, length, expected) in lengths {
        if length != expected {
            return Err(malformed(format!("the {name} claim has {length} {what}, not {expected}")));
        }
    }
    if claim.input_weights.is_some() != (norm == Norm::Infinity) {
        return Err(malformed(format!("the {name} claim's input weights belong to the norm \"inf\" only")));
    }
    let numbers = [&claim.bound].into_iter().chain(&claim.sensitivities).chain(&claim.multipliers);
    if !numbers.chain(claim.input_weights.iter().flatten()).all(|number| number.is_finite() && *number >= 0.0) {
        return Err(malformed(format!("a number of the {name} claim is negative or not finite")));
    }

    let proved = sensitivities(network, units);
    let shown = |&k: &usize| proved[k] <= claim.sensitivities[k];
    if let Some(k) = (0..inputs).find(|k| !shown(k)) {
        return Err(Refusal::NotProved(format!(
            "the {name} sensitivity to input {k} is claimed to be {}, but {} is what can be shown",
            claim.sensitivities[k], proved[k]
        )));
    }
    if norm == Norm::One {
        if proved.iter().all(|&sensitivity| sensitivity <= claim.bound) {
            return Ok(());
        }
        return Err(Refusal::NotProved(format!("the {name} bound {} is below a sensitivity", claim.bound)));
    }
    if at_most_one(scaled_matrix(network, norm, units, claim)?) {
        Ok(())
    } else {
        Err(Refusal::NotProved(format!("the multipliers do not show the {name} bound {}", claim.bound)))
    }
}

/// `κ_y/κ_k · max(a_k + Σ_i (v_i w_ik)₊, −a_k + Σ_i (v_i w_ik)₋)` for every k, each operation rounded upwards (V1).
pub fn sensitivities(network: &Weights<'_>, units: &Units) -> Vec<f64> {
    let one = |k: usize| {
        let mut sums = [0.0, 0.0];
        for i in 0..network.units {
            let (v, w) = (network.v[i], network.w(i, k));
            if v != 0.0 && w != 0.0 {
                let sum = &mut sums[usize::from((v > 0.0) != (w > 0.0))];
                *sum = (*sum + (v * w).abs().next_up()).next_up();
            }
        }
        let linear = network.a(k);
        if linear != 0.0 {
            for (sum, linear) in sums.iter_mut().zip([linear, -linear]) {
                *sum = if *sum == 0.0 { linear } else { (*sum + linear).next_up() };
            }
        }
        let largest = f64::max(sums[0], sums[1]);
        if largest == 0.0 { 0.0 } else { ((largest * units.y_scale).next_up() / units.x_scale[k]).next_up() }
    };
    (0..network.inputs).map(one).collect()
}

/// Vectors of equal length, whose Gram matrix is formed: the columns of M; or its rows, if they are fewer and there is
/// no linear part.
#[derive(Debug, Clone)]
pub struct Vectors {
    /// The vectors.
    pub vectors: Vec<Vec<f64>>,
    /// The length of each.
    pub length: usize,
    /// The last row of M_a but for its last entry, where there is a linear part.
    pub cross: Option<Vec<f64>>,
}

impl Vectors {
    /// What M_a adds to the product of two of the vectors, the first of them not before the second.
    pub fn cross(&self, i: usize, j: usize) -> f64 {
        let last = i + 1 == self.vectors.len() && j < i;
        self.cross.as_ref().filter(|_| last).map_or(0.0, |cross| cross[j])
    }
}

/// M and M_a with every entry correct to a few units in the last place (V2). Refuses what the theorem's conditions
/// exclude.
pub fn scaled_matrix(network: &Weights<'_>, norm: Norm, units: &Units, claim: &Claim) -> Result<Vectors, Refusal> {
    let (m, d) = (network.units, network.inputs);
    let active: Vec<usize> =
        (0..m).filter(|&i| network.v[i] != 0.0 && (0..d).any(|k| network.w(i, k) != 0.0)).collect();
    let mut is_active = vec![false; m];
    for &i in &active {
        is_active[i] = true;
        if claim.multipliers[i] == 0.0 {
            return Err(Refusal::NotProved(format!("the multiplier of unit {i}, which is not constant, is 0")));
        }
    }
    if let Some(i) = (0..m).find(|&i| !is_active[i] && claim.multipliers[i] != 0.0) {
        return Err(malformed(format!("the multiplier of unit {i}, which is constant, is not 0")));
    }
    if let Some(weights) = &claim.input_weights {
        let sum = weights.iter().fold(0.0, |sum, &r| if r == 0.0 { sum } else { f64::next_up(sum + r) });
        let within = sum <= claim.bound;
        if !within {
            return Err(Refusal::NotProved(format!("the input weights sum to more than the bound {}", claim.bound)));
        }
    }
    if active.is_empty() && network.has_no_linear_part() {
        return Ok(Vectors { vectors: Vec::new(), length: 0, cross: None });
    }
    if claim.bound == 0.0 {
        return Err(Refusal::NotProved("the bound is 0 but the network is not constant".into()));
    }

    let two = Wide::new(2.0);
    let bound = Wide::new(claim.bound);
    let multiplier = |i: usize| Wide::new(claim.multipliers[i]);
    let rows: Vec<Wide> = active // κ_y v_i / √(2ℓ_i)
        .iter()
        .map(|&i| Wide::new(units.y_scale).times(Wide::new(network.v[i])).over(two.times(multiplier(i)).root()))
        .collect();
    let (mut columns, mut cross) = (Vec::with_capacity(d + 1), Vec::with_capacity(d));
    for k in 0..d {
        let r = if norm == Norm::Infinity { claim.input_weights.as_ref().map_or(0.0, |r| r[k]) } else { claim.bound };
        if r == 0.0 {
            if let Some(i) = active.iter().find(|&&i| network.w(i, k) != 0.0) {
                return Err(Refusal::NotProved(format!("input {k} has weight 0 but moves unit {i}")));
            }
            if network.a(k) != 0.0 {
                return Err(Refusal::NotProved(format!("input {k} has weight 0 but moves the linear part")));
            }
            continue;
        }
        let scale = Wide::new(units.x_scale[k]).times(Wide::new(r).root());
        let entry = |(&i, row): (&usize, &Wide)| row.times(Wide::new(network.w(i, k))).over(scale).value();
        columns.push(active.iter().zip(&rows).map(entry).collect());
        let linear = Wide::new(units.y_scale).times(Wide::new(network.a(k)));
        cross.push(linear.over(scale.times(bound.root())).value());
    }
    columns.push(active.iter().map(|&i| multiplier(i).over(two.times(bound)).root().value()).collect());

    let length = active.len();
    let linear = !network.has_no_linear_part();
    if linear || columns.len() <= length {
        return Ok(Vectors { vectors: columns, length, cross: linear.then_some(cross) });
    }
    let vectors = (0..length).map(|i| columns.iter().map(|column: &Vec<f64>| column[i]).collect()).collect();
    Ok(Vectors { vectors, length: columns.len(), cross: None })
}

/// Whether MᵀM + M_a ⪯ I is proved for the exact M and M_a that were computed so (V3)–(V8).
pub(crate) fn at_most_one(matrix: Vectors) -> bool {
    let count = matrix.vectors.len();
    let allowance = rounding_allowance(count, matrix.length, matrix.cross.is_some());
    // Below the diagonal −G − M_a, on it 1 − ν_n − G rounded downwards, G being the Gram matrix: then Cholesky in
    // place.
    let diagonal = (1.0 - allowance).next_down();
    let mut factor: Vec<Vec<f64>> = Vec::with_capacity(count);
    for i in 0..count {
        let product = |j: usize| dot(&matrix.vectors[i], &matrix.vectors[j]) + matrix.cross(i, j);
        let mut row: Vec<f64> = (0..=i).map(|j| -product(j)).collect();
        row[i] = (diagonal + row[i]).next_down();
        for j in 0..i {
            row[j] = (row[j] - dot(&row[..j], &factor[j][..j])) / factor[j][j];
        }
        let pivot = row[i] - dot(&row[..i], &row[..i]);
        if !(pivot > 0.0 && pivot.is_finite()) {
            return false;
        }
        row[i] = pivot.sqrt();
        factor.push(row);
    }
    true
}

/// ν_n of (V7): (n + β + 20) n u, rounded up, for n vectors of the given length, β roundings at most on the way of a
/// product into its sum of products, and u = 2⁻⁵³; with a linear part (n + β + 40) n u, by (V8).
pub fn rounding_allowance(count: usize, length: usize, linear: bool) -> f64 {
    let roundings = length.div_ceil(LANES) + LANES;
    ((count + roundings + if linear { 40 } else { 20 }) * count) as f64 * power_of_two(-53) * (1.0 + power_of_two(-10))
}

/// Partial sums in which a product of vectors is accumulated: fewer roundings on each product's way, and faster.
const LANES: usize = 16;

pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; LANES];
    let (a_blocks, b_blocks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest = a_blocks.remainder().iter().zip(b_blocks.remainder());
    let mut rest_lanes = [0.0; LANES];
    for (lane, (x, y)) in rest_lanes.iter_mut().zip(rest) {
        *lane = x * y;
    }
    for (x, y) in a_blocks.zip(b_blocks) {
        for lane in 0..LANES {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    lanes.iter().zip(&rest_lanes).fold(0.0, |sum, (lane, rest)| sum + (lane + rest))
}
