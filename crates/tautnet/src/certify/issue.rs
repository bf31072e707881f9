//! Issuing certificates: from approximate multipliers of any origin to a certificate that verifies.
//!
//! For held multipliers ℓ and shares of the input weights (π = L times them), every column of the matrix M of
//! [`tautnet_verify`] carries the factor 1/√L, and M_a carries 1/L. So the least bound they prove is in closed form,
//!
//! ```text
//!     L = L₀ λ_max(MᵀM + M_a)(L₀),    any L₀ > 0.
//! ```
//!
//! and a certificate needs no more than that L and the verifier's rounding allowance. The multipliers themselves may
//! come from a solver that stopped anywhere: each is first repaired (a missing, negative or vanishing one would ask
//! for an infinite L), then their common scale t, ℓ → tℓ, is chosen by a search in one dimension, where the largest
//! eigenvalue is convex in log t. Multipliers in proportion to the norms |v_i| ‖w_i‖ always compete, so that the
//! result is never worse than what they prove. Where [`Stop::here`] says that it is time to end, they are taken without
//! a search: with `ℓ_i = ‖z_i‖` and shares in proportion to the column sums of `|Z|` and `|a|`, `L = ‖a‖ + Σ ‖z_i‖` is
//! proved by Cauchy's inequality.

use super::verification::{RowByRow, verify};
use crate::error::{Error, Result};
use crate::{Norm, Shallow};
use faer::{Mat, Side};
use tautnet_cone::Stop;
use tautnet_verify::evidence::{self, Units, Vectors};
use tautnet_verify::{Certificate, Claim, FORMAT, Scaler, VERSION, Weights};

/// What a solver found: the network's LipSDP multipliers in one system of units.
///
/// ℓ is that of the matrix `[diag π, −Zᵀ, −a; −Z, 2Λ, −Λs; −aᵀ, −sᵀΛ, L] ⪰ 0` with `z_i = |v_i| w_i`; from the form
/// with `T = diag(t)`, `ℓ_i = v_i² / t_i`. For raw units it is that of the network with the weights `w_ik / κ_k`,
/// `κ_y v_i` and `κ_y a_k / κ_k`. Only ratios matter: the common scale of ℓ, and that of the input weights, are chosen anew.
#[derive(Debug, Clone, PartialEq)]
pub struct Approximation {
    /// ℓ, one a hidden unit.
    pub multipliers: Vec<f64>,
    /// For the ℓ∞ norm, the weights of the inputs (the diagonal `π` that replaces `L·I`), one an input.
    pub input_weights: Option<Vec<f64>>,
}

/// A certificate that [`verify`](fn@super::verify) accepts, with the least bounds that the given multipliers, or
/// failing them the norms of the units, can prove.
///
/// `standardized` is about the network itself, `raw` about the model in the scaler's units; where `raw` is not given,
/// its multipliers are derived from the standardized ones, which proves less than a solution in raw units would when
/// the columns' scales differ. The ℓ1 norm needs no multipliers. Fails only if lengths disagree, the scaler is no
/// scaler, or the bound is outside the range of doubles.
pub fn issue(
    network: &Shallow,
    norm: Norm,
    standardized: Option<&Approximation>,
    scaler: Option<&Scaler>,
    raw: Option<&Approximation>,
) -> Result<Certificate> {
    let (inputs, rows) = (network.inputs(), RowByRow::of(network));
    for approximation in standardized.iter().chain(&raw) {
        check_lengths(network, approximation)?;
    }
    let standard_claim = claim(
        network,
        &rows.weights(),
        norm,
        &Units::standardized(inputs),
        standardized.cloned().into_iter().collect(),
    )?;
    let raw_claim = match scaler {
        None => None,
        Some(scaler) => {
            let units = Units::of_user(scaler, inputs)?;
            let derived = Approximation {
                multipliers: standard_claim.multipliers.clone(),
                input_weights: standard_claim.input_weights.as_ref().map(|weights| {
                    let largest = scaler.x_scale.iter().fold(0.0, |a: f64, &s| a.max(s));
                    weights.iter().zip(&scaler.x_scale).map(|(r, s)| r * (largest / s) * (largest / s)).collect()
                }),
            };
            Some(claim(network, &rows.weights(), norm, &units, raw.cloned().into_iter().chain([derived]).collect())?)
        }
    };
    let certificate = Certificate {
        format: FORMAT.into(),
        version: VERSION,
        network: tautnet_verify::fingerprint(&rows.weights()),
        norm: norm.into(),
        scaler: scaler.cloned(),
        standardized: standard_claim,
        raw: raw_claim,
    };
    verify(&certificate.to_json(), network)?;
    Ok(certificate)
}

fn check_lengths(network: &Shallow, approximation: &Approximation) -> Result<()> {
    let inputs = approximation.input_weights.as_ref().map_or(network.inputs(), Vec::len);
    if approximation.multipliers.len() == network.units() && inputs == network.inputs() {
        return Ok(());
    }
    Err(Error::new(
        format!(
            "{} multipliers and {inputs} input weights were given for a network of {} units and {} inputs",
            approximation.multipliers.len(),
            network.units(),
            network.inputs()
        ),
        "give one multiplier per hidden unit and one weight per input",
    ))
}

/// The least claim that one of the approximations, repaired and rescaled, proves in these units.
fn claim(
    network: &Shallow,
    weights: &Weights<'_>,
    norm: Norm,
    units: &Units,
    approximations: Vec<Approximation>,
) -> Result<Claim> {
    let inputs = network.inputs();
    let sensitivities = evidence::sensitivities(weights, units);
    if let Some(k) = sensitivities.iter().position(|sensitivity| !sensitivity.is_finite()) {
        return Err(too_large(&format!("the sensitivity to input {k}")));
    }
    if norm == Norm::One {
        let bound = sensitivities.iter().fold(0.0, |a: f64, &b| a.max(b));
        return Ok(Claim { bound, sensitivities, multipliers: Vec::new(), input_weights: None });
    }
    let norms = unit_norms(network, norm, units);
    let reference: f64 = norms.iter().sum::<f64>() + linear_norm(network, norm, units);
    if !reference.is_finite() {
        return Err(too_large("the sum of the units' norms"));
    }
    if reference == 0.0 {
        let input_weights = (norm == Norm::Infinity).then(|| vec![0.0; network.inputs()]);
        return Ok(Claim { bound: 0.0, sensitivities, multipliers: vec![0.0; network.units()], input_weights });
    }

    let search = Search { network, weights, norm, units, norms: &norms, sensitivities: &sensitivities, reference };
    let (least, evidence) = search.best(&approximations);
    let linear = network.a().is_some();
    let (few, many) = (network.units().min(network.inputs() + 1), network.units().max(network.inputs() + 1));
    let (count, length) = if linear { (network.inputs() + 1, network.units()) } else { (few, many) };
    let mut margin = evidence::rounding_allowance(count, length, linear) + sum_loss(network.inputs());
    while margin < 16.0 {
        let bound = least * (1.0 + margin);
        if !bound.is_finite() {
            break;
        }
        if count > CHECKED && Stop::here().asked() {
            return Err(Error::new(
                format!("there was no time to check a proof about {} units and {} inputs", network.units(), inputs),
                "give more time: after the limit, or Ctrl-C, only a second is left",
            ));
        }
        let claim = search.claim(&evidence, bound);
        if evidence::prove(weights, norm.into(), units, &claim, "issued").is_ok() {
            return Ok(claim);
        }
        margin *= 1.5;
    }
    Err(too_large("the bound"))
}

fn too_large(what: &str) -> Error {
    Error::new(
        format!("{what} is outside the range of double-precision numbers"),
        "rescale the network: multiply w and b of a unit by a positive number and divide its v by it",
    )
}

/// `κ_y |v_i| ‖w_i/κ‖` in the norm of gradients, at least the smallest normal number where it is not 0.
fn unit_norms(network: &Shallow, norm: Norm, units: &Units) -> Vec<f64> {
    let one = |i: usize| {
        let row: Vec<f64> = (0..network.inputs()).map(|k| network.w()[(i, k)] / units.x_scale(k)).collect();
        let largest = row.iter().fold(0.0, |a: f64, w| a.max(w.abs()));
        if network.v()[i] == 0.0 || (0..network.inputs()).all(|k| network.w()[(i, k)] == 0.0) {
            return 0.0;
        }
        let shape =
            if largest > 0.0 { norm.dual().of(&row.iter().map(|w| w / largest).collect::<Vec<_>>()) } else { 1.0 };
        (network.v()[i].abs() * largest * (units.y_scale() * shape)).max(f64::MIN_POSITIVE)
    };
    (0..network.units()).map(one).collect()
}

/// `κ_y ‖a/κ‖` in the norm of gradients, at least the smallest normal number where it is not 0.
fn linear_norm(network: &Shallow, norm: Norm, units: &Units) -> f64 {
    let Some(a) = network.a().filter(|a| a.iter().any(|a| *a != 0.0)) else { return 0.0 };
    let scaled: Vec<f64> = a.iter().enumerate().map(|(k, a)| a / units.x_scale(k)).collect();
    (norm.dual().of(&scaled) * units.y_scale()).max(f64::MIN_POSITIVE)
}

/// What the shares of the input weights give up so that their rounded sum stays below the bound.
fn sum_loss(inputs: usize) -> f64 {
    (inputs + 3) as f64 * f64::EPSILON
}

/// Multipliers of the non-constant units, 0 elsewhere, and shares of the input weights that sum to 1.
#[derive(Clone)]
struct Evidence {
    multipliers: Vec<f64>,
    shares: Vec<f64>,
}

struct Search<'a> {
    network: &'a Shallow,
    /// The same network, for the verifier.
    weights: &'a Weights<'a>,
    norm: Norm,
    units: &'a Units,
    norms: &'a [f64],
    sensitivities: &'a [f64],
    /// L₀: the sum of the norms of the units and of the linear part, itself an upper bound, so that the entries of
    /// M(L₀) have a moderate size.
    reference: f64,
}

/// Smallest multiplier and share that a repair leaves, relative to those made of norms. Several compete.
const FLOORS: [f64; 3] = [1e-13, 1e-9, 1e-4];

/// Gram matrices above this size are not worth a search over the scale: one eigenvalue problem takes too long.
const SEARCHED: usize = 256;

/// Up to this size the verifier's factorization takes a fraction of a second.
const CHECKED: usize = 1500;

/// From this size on one eigenvalue problem takes long enough to be left behind where it is time to stop.
const LARGE: usize = 192;

/// Up to this size the scale of every candidate is searched for, and not only that of the best one.
const COMPARED: usize = 32;

impl Search<'_> {
    /// The best evidence that can be made of the approximations, with the bound that it proves.
    fn best(&self, approximations: &[Approximation]) -> (f64, Evidence) {
        let mut candidates = Vec::new();
        for approximation in approximations {
            for floor in FLOORS {
                let evidence = Evidence {
                    multipliers: repaired(&approximation.multipliers, self.norms, floor, self.reference),
                    shares: self.shares(approximation.input_weights.as_deref(), floor),
                };
                // A solver's own scale is as good as its multipliers.
                let total: f64 = approximation.multipliers.iter().filter(|l| l.is_finite() && **l > 0.0).sum();
                let scale = total / self.reference;
                if scale.is_finite() && scale > 0.0 {
                    candidates.push(evidence.scaled(scale));
                }
                candidates.push(evidence);
            }
        }
        candidates.push(Evidence { multipliers: self.norms.to_vec(), shares: self.shares(None, 1.0) });

        let mut best: Option<(f64, Evidence)> = None;
        let mut consider = |evidence: Evidence| {
            let bound = self.least_bound(&evidence);
            if best.as_ref().is_none_or(|(least, _)| bound < *least) {
                best = Some((bound, evidence));
            }
        };
        let stop = Stop::here();
        for candidate in candidates {
            if stop.asked() {
                break;
            }
            // Before its scale is refined a candidate may be a factor of 2 off: where time allows, compare afterwards.
            if self.order() <= COMPARED {
                consider(self.refine(&candidate).1);
            } else if let Some(scale) = self.balance(&candidate) {
                consider(candidate.scaled(scale));
            }
            consider(candidate);
        }
        let Some((bound, evidence)) = best.filter(|(bound, _)| !stop.asked() || *bound < self.reference) else {
            return (self.reference, self.by_norms());
        };
        let (refined_bound, refined) = self.refine(&evidence);
        if refined_bound < bound { (refined_bound, refined) } else { (bound, evidence) }
    }

    /// What proves the sum of the units' norms, without a search.
    fn by_norms(&self) -> Evidence {
        let entry = |i: usize, k: usize| (self.network.v()[i] * self.network.w()[(i, k)]).abs() / self.units.x_scale(k);
        let own = |k: usize| self.network.a().map_or(0.0, |a| a[k].abs() / self.units.x_scale(k));
        let sum = |k: usize| (0..self.network.units()).map(|i| entry(i, k)).sum::<f64>() + own(k);
        let sums: Vec<f64> = (0..self.network.inputs()).map(sum).collect();
        Evidence { multipliers: self.norms.to_vec(), shares: self.shares(Some(&sums), 1e-13) }
    }

    /// The order of the smaller Gram matrix.
    fn order(&self) -> usize {
        let inputs = self.network.inputs() + 1;
        if self.network.a().is_some() { inputs } else { self.network.units().min(inputs) }
    }

    /// Shares of the input weights, in proportion to the given ones or else to the sensitivities.
    fn shares(&self, weights: Option<&[f64]>, floor: f64) -> Vec<f64> {
        let sum: f64 = self.sensitivities.iter().sum();
        let natural: Vec<f64> = self.sensitivities.iter().map(|s| s / sum).collect();
        let shares = repaired(weights.unwrap_or(&natural), &natural, floor, 1.0);
        let sum: f64 = shares.iter().sum();
        shares.iter().map(|share| share / sum).collect()
    }

    /// The claim that this evidence is for, with this bound.
    fn claim(&self, evidence: &Evidence, bound: f64) -> Claim {
        let whole = bound * (1.0 - sum_loss(evidence.shares.len()));
        Claim {
            bound,
            sensitivities: self.sensitivities.to_vec(),
            multipliers: evidence.multipliers.clone(),
            input_weights: (self.norm == Norm::Infinity)
                .then(|| evidence.shares.iter().map(|share| share * whole).collect()),
        }
    }

    fn matrix(&self, evidence: &Evidence) -> Option<Vectors> {
        evidence::scaled_matrix(self.weights, self.norm.into(), self.units, &self.claim(evidence, self.reference)).ok()
    }

    /// `L₀ λ_max(MᵀM + M_a)(L₀)`, infinite where the evidence proves nothing.
    fn least_bound(&self, evidence: &Evidence) -> f64 {
        let Some(matrix) = self.matrix(evidence) else { return f64::INFINITY };
        self.reference * largest_eigenvalue(&matrix)
    }

    /// The t at which the inputs' part of MᵀM, over t, and the last entry, times t, are equal. The best t is within a
    /// factor of 2: the largest eigenvalue is at least either part, and at their balance at most twice both.
    fn balance(&self, evidence: &Evidence) -> Option<f64> {
        let total: f64 = evidence.multipliers.iter().sum();
        let corner = total / self.reference / 2.0;
        // An overwhelming last entry is scaled away, so that the eigenvalue left is that of the inputs' part.
        let shrink = 2f64.powi(-60).min(2f64.powi(-60) / corner);
        let inputs = self.least_bound(&evidence.scaled(shrink)) / self.reference * shrink;
        let scale = (inputs / corner).sqrt();
        (scale.is_finite() && scale > 0.0).then_some(scale)
    }

    /// Golden-section search for the best common scale of the multipliers, in its logarithm.
    fn refine(&self, evidence: &Evidence) -> (f64, Evidence) {
        let unimproved = || (f64::INFINITY, evidence.clone());
        if self.order() > SEARCHED {
            return unimproved();
        }
        let Some(center) = self.balance(evidence) else { return unimproved() };
        let stop = Stop::here();
        let value = |exponent: f64| self.least_bound(&evidence.scaled(center * exponent.exp2()));
        let golden = (5f64.sqrt() - 1.0) / 2.0;
        // With a linear part the best scale may lie farther off, where the eigenvalue is nearly flat.
        let reach = if self.network.a().is_some() { 3.01 } else { 1.01 };
        let (mut low, mut high) = (-reach, reach);
        let mut left = high - golden * (high - low);
        let mut right = low + golden * (high - low);
        let (mut at_left, mut at_right) = (value(left), value(right));
        for _ in 0..40 {
            if stop.asked() {
                break;
            }
            if at_left <= at_right {
                (high, right, at_right) = (right, left, at_left);
                left = high - golden * (high - low);
                at_left = value(left);
            } else {
                (low, left, at_left) = (left, right, at_right);
                right = low + golden * (high - low);
                at_right = value(right);
            }
        }
        let exponent = if at_left <= at_right { left } else { right };
        (at_left.min(at_right), evidence.scaled(center * exponent.exp2()))
    }
}

impl Evidence {
    fn scaled(&self, factor: f64) -> Self {
        let scale = |&l: &f64| if l == 0.0 { 0.0 } else { (l * factor).clamp(f64::MIN_POSITIVE, f64::MAX) };
        Self { multipliers: self.multipliers.iter().map(scale).collect(), shares: self.shares.clone() }
    }
}

/// The values brought to the sum `total` (of `natural`), each at least `floor` times its natural one, and 0 where
/// that is 0; what is not a positive number counts as 0.
fn repaired(values: &[f64], natural: &[f64], floor: f64, total: f64) -> Vec<f64> {
    let usable: Vec<f64> =
        values.iter().zip(natural).map(|(&x, &n)| if x.is_finite() && x > 0.0 && n > 0.0 { x } else { 0.0 }).collect();
    let largest = usable.iter().fold(0.0, |a: f64, &x| a.max(x));
    if largest == 0.0 {
        return natural.to_vec();
    }
    let sum: f64 = usable.iter().map(|x| x / largest).sum();
    let keep = |(x, &n): (&f64, &f64)| {
        if n == 0.0 { 0.0 } else { (x / largest / sum * total).max(floor * n).max(f64::MIN_POSITIVE) }
    };
    usable.iter().zip(natural).map(keep).collect()
}

/// The largest eigenvalue of the vectors' Gram matrix and what M_a adds to it; infinite if it cannot be had.
fn largest_eigenvalue(matrix: &Vectors) -> f64 {
    let count = matrix.vectors.len();
    let columns = Mat::from_fn(matrix.length, count, |i, j| matrix.vectors[j][i]);
    let cross = matrix.cross.clone().unwrap_or_default();
    if count > LARGE {
        let known = Stop::here().unless(move || largest_gram_eigenvalue(&columns, &cross));
        return known.unwrap_or(f64::INFINITY);
    }
    largest_gram_eigenvalue(&columns, &cross)
}

fn largest_gram_eigenvalue(columns: &Mat<f64>, cross: &[f64]) -> f64 {
    let count = columns.ncols();
    let mut gram = columns.transpose() * columns;
    for (k, entry) in cross.iter().enumerate() {
        gram[(count - 1, k)] += entry;
        gram[(k, count - 1)] += entry;
    }
    if (0..count).any(|i| !gram[(i, i)].is_finite()) || !cross.iter().all(|entry| entry.is_finite()) {
        return f64::INFINITY;
    }
    match gram.self_adjoint_eigenvalues(Side::Lower) {
        Ok(values) => values.iter().fold(0.0, |a: f64, &b| a.max(b)),
        Err(_) => f64::INFINITY,
    }
}
