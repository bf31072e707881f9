//! LipSDP of networks with any number of layers, in the norm 2: better than the product of the layers' norms, and proved.
//!
//! Of each hidden unit a multiplier, its square root being stored, proves a bound (`crates/verify/src/chain_lipsdp.rs` has the theorem). The best
//! multipliers are those of a semidefinite program, which an interior-point method solves (`chain_newton.rs`); one choice layer by layer, the same for all
//! units of a layer, is the *greedy* bound. So
//!
//! ```text
//!     largest Jacobian found  ≤  LipSDP  ≤  greedy  ≤  product of norms.
//! ```

use super::chain_newton::{MOST, solve};
use super::chain_problem::{Problem, part_of};
use super::chain_recursion::greedy;
use super::directional::Of;
use super::layered::Layered;
use crate::error::{Error, Result};
use crate::{Network, Norm, dense};
use tautnet_cone::Stop;
use tautnet_verify::evidence::{Part, Remaining, Units, least_bound};
use tautnet_verify::{ChainCertificate, ChainClaim, ChainLipsdp};

/// How LipSDP of a chain is looked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChainLipsdpSettings {
    /// The relative gap of the bound at which it ends.
    pub tolerance: f64,
    /// The largest number of hidden units for which the program is solved.
    pub most_units: usize,
}

impl Default for ChainLipsdpSettings {
    fn default() -> Self {
        Self { tolerance: 1e-7, most_units: MOST }
    }
}

/// What multipliers prove of a chain of layers.
#[derive(Debug, Clone, PartialEq)]
pub struct ChainLipsdpBound {
    /// The proved bound of LipSDP with its multipliers; `None` where none was found or proved.
    pub best: Option<ChainLipsdp>,
    /// The proved bound of the greedy choice.
    pub greedy: Option<ChainLipsdp>,
    /// About the relative gap between the bound and the best that multipliers could prove. Not proved.
    pub gap: f64,
    /// Number of Newton steps.
    pub steps: usize,
}

/// So many hidden units are cheap.
const AT_ONCE: usize = 1000;

/// How close to the least that holds a claim is brought.
const CLOSE: f64 = 1e-7;

/// What a network may be asked: why there is no LipSDP of it, where that is so.
pub fn no_chain_lipsdp(network: &Network) -> Option<String> {
    let layers = &network.layers()[..network.layers().len() - 1];
    let unknown = layers.iter().find(|layer| tautnet_verify::evidence::sector(&layer.activation().name()).is_none());
    if let Some(layer) = unknown {
        return Some(format!("the slopes of `{}` have no sector of their own for each unit", layer.activation()));
    }
    if layers.iter().all(|layer| layer.activation().is_identity()) {
        return Some("it has no hidden layer with an activation".into());
    }
    let most = tautnet_verify::evidence::MOST_UNITS;
    let wide = layers.iter().find(|layer| layer.units() > most)?;
    Some(format!("a layer has {} units, more than {most}", wide.units()))
}

/// Whether the multipliers of a network take seconds: where it has more units, they should be asked for with a time limit.
pub fn chain_lipsdp_is_cheap(network: &Network) -> bool {
    network.hidden_units() <= AT_ONCE
}

/// What multipliers prove of the outputs asked for, in the network's own units or, with scales of its inputs and its target, in the user's. `known`
/// is the product of norms, which is returned where multipliers prove no less.
pub fn chain_lipsdp(
    network: &Network,
    of: Of,
    (units, linear): (&Units, Option<f64>),
    settings: &ChainLipsdpSettings,
    told: &mut dyn FnMut(f64),
) -> ChainLipsdpBound {
    let mut result = ChainLipsdpBound { best: None, greedy: None, gap: f64::NAN, steps: 0 };
    let units_and_linear = (units, linear);
    let scales: Vec<f64> = (0..network.inputs()).map(|k| units.x_scale(k)).collect();
    if no_chain_lipsdp(network).is_some() {
        return result;
    }
    let Some(problem) = Problem::new(network, of, &scales) else { return result };
    let whole = problem.whole();
    let widest = network.layers().iter().map(|layer| layer.units()).max().unwrap_or(1);
    let room = 1.0 + 1e-9 + 8.0 * tautnet_verify::evidence::rounding_allowance(3 * widest, 0, false);
    if let Some((t, pass)) = greedy(whole, room) {
        let estimate = dense::largest_eigenvalue(&pass.least).map_or(f64::INFINITY, |rho| rho.sqrt() * problem.unit);
        result.greedy = proved(network, part_of(of), units_and_linear, problem.roots(network, &t), estimate);
    }
    if whole.count() > settings.most_units {
        return result;
    }
    // A relative gap of the bound is half that of its square.
    let mut lower = f64::NAN;
    if let Some(solved) = solve(whole, 2.0 * settings.tolerance, told) {
        lower = solved.lower.sqrt() * problem.unit;
        result.steps = solved.steps;
        let estimate = solved.upper.sqrt() * problem.unit;
        for room in [0.0, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4] {
            let roots = problem.roots(network, &with_room(&solved.t, room));
            let shown = proved(network, part_of(of), units_and_linear, roots, estimate);
            let chain = |proof: &Option<ChainLipsdp>| proof.as_ref().map_or(f64::INFINITY, |proof| proof.chain);
            if chain(&shown) < chain(&result.best) {
                result.best = shown;
            }
            if chain(&result.best) <= estimate * (1.0 + CLOSE) || Stop::here().late().asked() {
                break;
            }
        }
    }
    if let Some(greedy) = &result.greedy
        && result.best.as_ref().is_none_or(|best| best.bound > greedy.bound)
    {
        result.best.clone_from(&result.greedy);
    }
    // Of what was proved, whichever multipliers proved it.
    result.gap = result.best.as_ref().map_or(f64::NAN, |best| (1.0 - lower / best.chain).max(0.0));
    result
}

/// Multipliers with room for rounding: those of the last layer times 1 + room, of the one before times its square, and so on. What they prove, ρ, grows by no
/// more than the factor of the first, since Q of a layer grows with P and with t together.
fn with_room(t: &[Vec<f64>], room: f64) -> Vec<Vec<f64>> {
    let layers = t.len();
    let factor = |l: usize| (1.0 + room).powi((layers - l) as i32);
    t.iter().enumerate().map(|(l, t)| t.iter().map(|t| t * factor(l)).collect()).collect()
}

/// The least bound a little above the estimate that the verifier's own proof shows with these roots.
fn proved(
    network: &Network,
    part: Part,
    (units, linear): (&Units, Option<f64>),
    roots: Vec<Vec<f64>>,
    estimate: f64,
) -> Option<ChainLipsdp> {
    Layered::of(network).told(|chain| {
        let remaining = Remaining::new(chain, part, &roots)?;
        let holds = |claimed: f64| remaining.is_at_most(units, claimed);
        let late = || Stop::here().late().asked();
        let (mut excess, mut failed) = (1e-13, 0.0);
        let mut least = loop {
            let claimed = estimate * (1.0 + excess);
            if holds(claimed) {
                break claimed;
            }
            failed = claimed;
            excess *= 4.0;
            if excess >= 1e-2 || late() {
                return None;
            }
        };
        // The estimate may be above what these multipliers show, and the first claim that holds above the least that does.
        let mut step = CLOSE;
        while failed == 0.0 && step < 1.0 && !late() {
            match least * (1.0 - step) {
                lower if holds(lower) => least = lower,
                lower => failed = lower,
            }
            step *= 4.0;
        }
        for _ in 0..40 {
            let middle = 0.5 * (failed + least);
            if least - failed <= CLOSE * least || late() {
                break;
            }
            *(if holds(middle) { &mut least } else { &mut failed }) = middle;
        }
        least_bound(chain, part, units, least, linear, roots)
    })
}

/// What multipliers prove of a network, in each system of units of its certificate.
#[derive(Debug, Clone, PartialEq)]
pub struct ChainMultipliers {
    /// In the network's own units, for all outputs together.
    pub standardized: ChainLipsdpBound,
    /// In the user's units, where the certificate has them.
    pub raw: Option<ChainLipsdpBound>,
}

/// The certificate with bounds by multipliers, where these prove less than the product of norms; first those of all outputs together, then of the other
/// parts asked for. A certificate in another norm than 2 is refused.
pub fn with_chain_lipsdp(
    network: &Network,
    certificate: ChainCertificate,
    parts: &[Of],
    settings: &ChainLipsdpSettings,
    told: &mut dyn FnMut(f64),
) -> Result<(ChainCertificate, ChainMultipliers)> {
    if certificate.norm != tautnet_verify::Norm::Two {
        let norm = Norm::from(certificate.norm).name();
        let hint = "ask for the norm 2";
        return Err(Error::new(format!("LipSDP of layers was asked for in the norm {norm}"), hint));
    }
    if let Some(of) = parts.iter().find(|of| !of.is_of(network.outputs())) {
        return Err(Error::new(
            format!("{of:?} was asked for; the network has {} outputs, counted from 0", network.outputs()),
            "ask for outputs that there are, and for two that differ",
        ));
    }
    let mut of_units = |units: &Units, claim: &ChainClaim| {
        let all = chain_lipsdp(network, Of::All, (units, claim.linear), settings, told);
        let mut proofs: Vec<ChainLipsdp> = all.best.iter().filter(|best| best.bound < claim.bound).cloned().collect();
        for &of in parts.iter().filter(|of| **of != Of::All) {
            proofs.extend(chain_lipsdp(network, of, (units, claim.linear), settings, told).best);
        }
        (all, (!proofs.is_empty()).then_some(proofs))
    };
    let (standardized, own) = of_units(&Units::standardized(network.inputs()), &certificate.standardized);
    let (mut raw, mut users) = (None, None);
    if let (Some(scaler), Some(claim)) = (&certificate.scaler, &certificate.raw) {
        let (bound, proofs) = of_units(&Units::of_user(scaler, network.inputs())?, claim);
        (raw, users) = (Some(bound), proofs);
    }
    Ok((certificate.with_multipliers(own, users), ChainMultipliers { standardized, raw }))
}

#[cfg(test)]
#[path = "chain_lipsdp_tests.rs"]
mod tests;
