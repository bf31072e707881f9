//! The constants of networks with any number of layers, as `certify` tells them: exact over all inputs, and over a region.

use super::certify_table::Watch;
use crate::output;
use serde_json::{Value, json};
use std::time::Instant;
use tautnet::certify::{self, ChainEnclosure, ChainKnown, ExactProgress, Of, Region};
use tautnet::error::{Error, Result};
use tautnet::{Network, Norm};

/// Up to this many outputs each pair has searches of its own.
const SEARCHED: usize = 6;

/// What is asked beyond the bounds over all inputs.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// Whether the exact constant is.
    pub exact: bool,
    /// The box of all inputs between two numbers.
    pub within_box: Option<(f64, f64)>,
    /// The radius of a ball around 0.
    pub ball: Option<f64>,
    /// The box around the data, where a bound is told in it if that is cheap.
    pub around: Option<&'a Region>,
}

impl Wanted<'_> {
    /// Where a local bound is asked for.
    pub fn region(&self, network: &Network, norm: Norm) -> Option<Region> {
        let d = network.inputs();
        match (self.within_box, self.ball, self.around) {
            (Some((low, high)), _, _) => Some(Region::Box { lower: vec![low; d], upper: vec![high; d] }),
            (_, Some(radius), _) => Some(Region::Ball { center: vec![0.0; d], radius, norm }),
            (_, _, Some(around)) if certify::chain_local_is_cheap(network) => Some(around.clone()),
            _ => None,
        }
    }

    /// Refuses an exact constant that there is not.
    pub fn check(&self, network: &Network) -> Result<()> {
        match certify::no_chain_exact(network).filter(|_| self.exact) {
            None => Ok(()),
            Some(reason) => Err(Error::new(
                format!("`--exact` was asked for, and {reason}"),
                "leave it out; `--box` and `--ball` bound the constant over a region, for every activation",
            )),
        }
    }

    /// What is told after the name of a bound over the region.
    pub fn place(&self) -> &'static str {
        match (self.within_box, self.ball) {
            (Some(_), _) => "in the box",
            (_, Some(_)) => "in the ball",
            _ => "in the data's box",
        }
    }

    /// How many searches there are in one norm.
    pub fn searches(&self, network: &Network) -> u32 {
        let regions = u32::from(self.exact) + u32::from(self.region(network, Norm::Two).is_some());
        regions * (1 + pairs_of(network).len() as u32)
    }
}

/// The pairs that are searched.
fn pairs_of(network: &Network) -> Vec<(usize, usize)> {
    let outputs = network.outputs();
    if outputs > SEARCHED {
        return Vec::new();
    }
    (0..outputs).flat_map(|j| (j + 1..outputs).map(move |k| (j, k))).collect()
}

/// The constants of one norm over all inputs, or over a region.
pub struct Searched {
    /// The region.
    pub region: Region,
    /// Of all outputs together.
    pub all: ChainEnclosure,
    /// Of pairs of outputs, in order; none where they are too many.
    pub pairs: Vec<ChainEnclosure>,
    seconds: f64,
}

/// What a search is given.
pub struct Given<'a> {
    /// The network.
    pub network: &'a Network,
    /// How inputs and outputs are measured.
    pub norm: Norm,
    /// What is known over all outputs.
    pub known: ChainKnown<'a>,
    /// Bounds of pairs over all inputs.
    pub pairs: Option<&'a [f64]>,
    /// Whether the exact search goes on where the other ends.
    pub exact: bool,
}

impl Given<'_> {
    /// Search over a region. `left` counts the searches that share the time.
    pub fn search(&self, region: Region, left: &mut u32, watch: &mut Watch<'_>) -> Result<Searched> {
        let started = Instant::now();
        let all = self.one((&region, Of::All), &self.known, left, watch)?;
        let mut pairs = Vec::new();
        for (at, (j, k)) in pairs_of(self.network).into_iter().enumerate() {
            let bound = self.pairs.and_then(|pairs| pairs.get(at)).copied().unwrap_or(f64::INFINITY);
            let known = ChainKnown { bound, found: None, ..self.known };
            pairs.push(self.one((&region, Of::Pair(j, k)), &known, left, watch)?);
        }
        Ok(Searched { region, all, pairs, seconds: started.elapsed().as_secs_f64() })
    }

    fn one(
        &self,
        (region, of): (&Region, Of),
        known: &ChainKnown<'_>,
        left: &mut u32,
        watch: &mut Watch<'_>,
    ) -> Result<ChainEnclosure> {
        let stop = watch.stop.share((*left).max(1));
        *left = left.saturating_sub(1);
        let mut told = |progress: &ExactProgress| {
            let (low, high) = (output::at_least(progress.lower_bound), output::at_most(progress.upper_bound));
            let (explored, open) = (progress.explored, progress.open);
            watch.display.line(0.0, || {
                format!("norm {}: from {low} to {high}, {explored} parts, {open} open", self.norm.name())
            });
            stop.verdict()
        };
        stop.during(|| certify::chain_constant(self.network, (region, self.norm, of), known, self.exact, &mut told))
    }
}

impl Searched {
    /// How long it took.
    pub fn seconds(&self) -> f64 {
        self.seconds
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let one = |found: &ChainEnclosure| {
            json!({
                "lower": found.lower_bound,
                "upper": found.upper_bound,
                "gap": found.relative_gap,
                "closed": found.closed,
                "point": found.point,
                "explored": found.explored,
                "open": found.open,
                "undecided": found.undecided,
            })
        };
        let mut result = one(&self.all);
        result["region"] = json!(self.region);
        result["pairs"] = self.pairs.iter().map(one).collect();
        result["in_certificate"] = json!(false);
        result["seconds"] = json!(self.seconds);
        result
    }

    /// What is said of a search that did not close.
    pub fn note(&self, norm: Norm, place: &str) -> Option<String> {
        let all = &self.all;
        (!all.closed).then(|| {
            let gap = match all.relative_gap {
                gap if gap < 1e-3 => format!("{gap:.0e}"),
                gap => output::percent(gap),
            };
            let more =
                if all.undecided > 0 { "; of some parts it is not known whether they hold an input" } else { "" };
            format!(
                "norm {}, {place}: the search ended after {} parts with a gap of {gap}{more}",
                norm.name(),
                all.explored
            )
        })
    }
}
