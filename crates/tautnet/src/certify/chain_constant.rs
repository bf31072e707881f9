//! The constant of a chain by whichever searches there are: over all of space by the answers of its units, over a box or a ball by the inputs first.

use super::chain_exact::{chain_exact, no_chain_exact};
use super::chain_local::chain_local;
use super::chain_parts::{ChainEnclosure, ChainSearchSettings};
use super::directional::Of;
use super::exact::ExactObserver;
use super::jacobian_search::JacobianFound;
use super::norm_product::relative_gap;
use super::region::Region;
use crate::error::Result;
use crate::{Network, Norm};
use faer::MatRef;
use tautnet_cone::Stop;

/// How much is done over a region: a search over the inputs costs about so many operations at most, and ten times as many where it is thorough.
const OPERATIONS: f64 = 6e7;
/// The most parts of an exact search, which remembers those that wait.
const PARTS: usize = 100_000;
/// The gap at which an exact search ends.
const EXACT: f64 = 1e-9;

/// With more operations for one part of the data's box than this there is no bound over it unless it is asked for.
const AT_ONCE: f64 = 1e8;

/// What is known before a search begins.
#[derive(Debug, Clone, Copy)]
pub struct ChainKnown<'a> {
    /// Inputs that are tried.
    pub rows: Option<MatRef<'a, f64>>,
    /// The largest Jacobian found over all inputs.
    pub found: Option<&'a JacobianFound>,
    /// An upper bound on the constant over all inputs.
    pub bound: f64,
    /// Whether a search may take long, since there is a time limit.
    pub thorough: bool,
}

/// Whether a search over the inputs is worth it where nobody asks for a region: it bounds many parts in a second.
pub fn chain_local_is_cheap(network: &Network) -> bool {
    let weights: usize = network.layers().iter().map(|layer| layer.units() * layer.inputs()).sum();
    weights as f64 * network.inputs() as f64 <= AT_ONCE
}

/// Encloses the constant over a region. Over all of space it is the exact search, which refuses smooth slopes. Over a box or a ball it is the search over the inputs,
/// and with `exact` the exact search goes on from its result where it has not closed and where there is one.
pub fn chain_constant(
    network: &Network,
    (region, norm, of): (&Region, Norm, Of),
    known: &ChainKnown<'_>,
    exact: bool,
    observer: &mut ExactObserver<'_>,
) -> Result<ChainEnclosure> {
    let most = ChainSearchSettings { relative_gap: EXACT, nodes: PARTS, ..Default::default() };
    if *region == Region::Everywhere {
        return chain_exact(network, (region, norm, of), known.found, known.bound, &most, observer);
    }
    let operations = if known.thorough { 10.0 * OPERATIONS } else { OPERATIONS };
    let settings = ChainSearchSettings::scaled_to(network, operations);
    let local = chain_local(network, (region, norm, of), known.rows, known.bound, &settings, observer)?;
    if local.closed || !exact || no_chain_exact(network).is_some() || Stop::here().asked() {
        return Ok(local);
    }
    let found =
        JacobianFound { value: local.lower_bound, point: local.point.clone(), direction: local.direction.clone() };
    let both = chain_exact(network, (region, norm, of), Some(&found), local.upper_bound, &most, observer)?;
    let better = if both.lower_bound >= local.lower_bound { both.clone() } else { local.clone() };
    let upper_bound = both.upper_bound.min(local.upper_bound).max(better.lower_bound);
    Ok(ChainEnclosure {
        upper_bound,
        relative_gap: relative_gap(better.lower_bound, upper_bound),
        closed: both.closed,
        explored: local.explored + both.explored,
        open: both.open,
        undecided: both.undecided,
        ..better
    })
}
