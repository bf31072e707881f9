//! A stopped search as plain data, so that an [`ExactSearch`] can be stopped today and go on tomorrow.
//!
//! # What a resumed bound rests on
//!
//! The *lower* bound rests on nothing but the network: the state holds the input, and the gradient there is validated anew. The
//! *upper* bound says that every pattern outside the open nodes was proved empty, or bounded by what the state says of the nodes
//! given up. Those proofs are gone; to repeat them is to repeat the search. (Keeping every closed leaf would let a reader
//! recheck them, at the cost of all the work saved.) So a resumed upper bound is as good as the state, and whoever shows
//! it says that it was resumed.
//!
//! What can be checked is the fingerprint of the network, the norm, the region, and the shape of every node. Whoever keeps a state
//! adds a digest of the whole (`crates/models/src/search_file.rs`). It finds states that are cut short, mixed up or edited. Against
//! someone who forges the digest too there is no defence but a search from the start, and LipSDP's bound, which has a proof of its own.
//!
//! Signs are one character a unit: `+` on, `-` off, `0` free. Nodes share the list `points` of inputs met on the way, in
//! homogeneous frame coordinates; they save questions and prove nothing.

use super::exact::{ExactSearch, ExactSettings};
use super::open_nodes::Node;
use super::region::Region;
use super::verification::{fingerprint, is_fingerprint};
use crate::error::{Error, Result};
use crate::{Norm, Shallow};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// A search that was stopped: all that [`ExactSearch::resume`] needs to go on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchState {
    network: String,
    norm: Norm,
    region: Region,
    /// Input of the largest gradient found.
    found: Option<Vec<f64>>,
    /// The largest bound of the nodes given up.
    pruned: f64,
    undecided: Vec<f64>,
    explored: usize,
    points: Vec<Vec<f64>>,
    open: Vec<StoredNode>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredNode {
    bound: f64,
    signs: String,
    branch: usize,
    number: usize,
    points: Vec<usize>,
}

impl SearchState {
    /// Nodes bounded before the search was stopped.
    pub fn explored(&self) -> usize {
        self.explored
    }

    /// Whether the search was in this norm and over this region.
    pub fn is_over(&self, region: &Region, norm: Norm) -> bool {
        self.norm == norm && self.region == *region
    }

    /// Whether the search was in the norm and over the region of another one.
    pub fn is_beside(&self, other: &Self) -> bool {
        self.is_over(&other.region, other.norm)
    }

    /// Refuse a search of another network.
    pub fn check(&self, network: &Shallow) -> Result<()> {
        if is_fingerprint(&self.network, network) {
            return Ok(());
        }
        let own = fingerprint(network);
        let short = |hash: &str| hash.chars().take(12).collect::<String>();
        Err(Error::new(
            format!(
                "the search that was stopped is of another network (fingerprint {}…, this one's is {}…)",
                short(&self.network),
                short(&own)
            ),
            "give the network that was searched, or another file to start anew",
        ))
    }
}

fn damaged(what: String) -> Error {
    Error::new(format!("the stopped search is damaged: {what}"), "start anew, with another file")
}

impl<'a> ExactSearch<'a> {
    /// The state of the search, from which it can go on later.
    pub fn state(&self) -> SearchState {
        let mut points: Vec<Vec<f64>> = Vec::new();
        let mut known: HashMap<Vec<u64>, usize> = HashMap::new();
        let mut index = |point: &Vec<f64>| {
            *known.entry(point.iter().map(|a| a.to_bits()).collect()).or_insert_with(|| {
                points.push(point.clone());
                points.len() - 1
            })
        };
        let sign = |sign: &i8| match sign {
            1 => '+',
            -1 => '-',
            _ => '0',
        };
        let store = |node: &Node<Vec<Vec<f64>>>| StoredNode {
            // Where a bound overflowed: larger than every sum of slopes, which are finite.
            bound: node.bound.min(f64::MAX),
            signs: node.signs.iter().map(sign).collect(),
            branch: node.branch,
            number: node.number,
            points: node.payload.iter().filter(|point| point.iter().all(|a| a.is_finite())).map(&mut index).collect(),
        };
        let open = self.open.in_order().into_iter().map(store).collect();
        SearchState {
            network: fingerprint(self.network),
            norm: self.norm,
            region: self.region.clone(),
            found: self.found.as_ref().map(|found| found.point.clone()),
            pruned: self.pruned.min(f64::MAX),
            undecided: self.undecided.iter().map(|value| value.min(f64::MAX)).collect(),
            explored: self.explored,
            points,
            open,
        }
    }

    /// Goes on where a search was stopped. What its upper bound then rests on stands at the head of this module's source, and
    /// in `docs/bounds.md`: the file.
    pub fn resume(
        network: &'a Shallow,
        region: &'a Region,
        norm: Norm,
        state: &SearchState,
        settings: &ExactSettings,
    ) -> Result<Self> {
        state.check(network)?;
        if !state.is_over(region, norm) {
            return Err(Error::new(
                format!("the search that was stopped is in the norm {} over {:?}", state.norm.name(), state.region),
                "ask for the same norm and region, or start anew",
            ));
        }
        let mut search = Self::from_input(network, region, norm, state.found.as_deref(), settings)?;
        if state.found.is_some() && search.found.is_none() {
            return Err(damaged("its lower bound is not attained at its input".into()));
        }
        if state.explored == 0 {
            return Ok(search);
        }
        let size = network.inputs() + 1;
        if let Some(k) = state.points.iter().position(|point| point.len() != size) {
            return Err(damaged(format!("point {k} has {} coordinates, not {size}", state.points[k].len())));
        }
        let bounds = state.open.iter().map(|node| node.bound).chain(state.undecided.iter().copied());
        if !bounds.chain([state.pruned]).all(|bound| bound.is_finite() && bound >= 0.0) {
            return Err(damaged("a bound is negative or not finite".into()));
        }
        let mut numbers = HashSet::new();
        for node in &state.open {
            if node.number > state.explored || !numbers.insert(node.number) {
                return Err(damaged(format!("the node number {} is out of range or repeated", node.number)));
            }
            search.open.push(node.restore(search.slopes.units.len(), &state.points)?);
        }
        search.pruned = state.pruned;
        search.undecided.clone_from(&state.undecided);
        search.explored = state.explored;
        search.started = true;
        Ok(search)
    }
}

impl StoredNode {
    fn restore(&self, units: usize, points: &[Vec<f64>]) -> Result<Node<Vec<Vec<f64>>>> {
        let fault = |what: &str| damaged(format!("node {} has {what}", self.number));
        let sign = |letter: char| match letter {
            '+' => Ok(1),
            '-' => Ok(-1),
            '0' => Ok(0),
            _ => Err(fault("a sign that is none of +, - and 0")),
        };
        let signs = self.signs.chars().map(sign).collect::<Result<Vec<i8>>>()?;
        if signs.len() != units {
            return Err(fault("another number of units"));
        }
        if signs.get(self.branch) != Some(&0) {
            return Err(fault("no free unit to branch on"));
        }
        let payload = self.points.iter().map(|&k| points.get(k).cloned()).collect::<Option<_>>();
        let payload = payload.ok_or_else(|| fault("a point that is not in the list"))?;
        Ok(Node { bound: self.bound, signs, branch: self.branch, number: self.number, payload })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certify::tests::random_network;
    use std::ops::ControlFlow;

    fn stopped(network: &Shallow, region: &Region, norm: Norm, nodes: usize) -> SearchState {
        let settings = ExactSettings { nodes, ..ExactSettings::default() };
        let mut search = ExactSearch::new(network, region, norm, None, &settings).unwrap();
        search.run(&mut |_| ControlFlow::Continue(()));
        search.state()
    }

    /// Through text and back, again and again: what comes out is what one run would have found, to the last bit.
    #[test]
    fn interrupted_and_resumed_is_the_same_as_uninterrupted() {
        let settings = ExactSettings::default();
        let boxed = Region::Box { lower: vec![-1.0; 5], upper: vec![0.7; 5] };
        let ball = Region::Ball { center: vec![0.2; 5], radius: 1.5, norm: Norm::Two };
        let mut resumptions = 0;
        for (seed, region) in [(3, &Region::Everywhere), (4, &boxed), (5, &ball)] {
            let network = random_network(25, 5, seed);
            for norm in [Norm::One, Norm::Two, Norm::Infinity] {
                let mut whole = ExactSearch::new(&network, region, norm, None, &settings).unwrap();
                let through = whole.run(&mut |_| ControlFlow::Continue(()));
                assert!(through.closed);
                let mut kept = stopped(&network, region, norm, 2);
                let end = loop {
                    let state: SearchState = serde_json::from_str(&serde_json::to_string(&kept).unwrap()).unwrap();
                    assert_eq!(state, kept);
                    let few = ExactSettings { nodes: 7, ..settings };
                    let mut search = ExactSearch::resume(&network, region, norm, &state, &few).unwrap();
                    assert_eq!(search.state(), state);
                    let end = search.run(&mut |_| ControlFlow::Continue(()));
                    if end.closed {
                        break end;
                    }
                    resumptions += 1;
                    kept = search.state();
                };
                assert_eq!(end, through);
            }
        }
        assert!(resumptions > 9, "{resumptions}");
    }

    #[test]
    fn another_network_norm_or_region_is_refused() {
        let network = random_network(25, 5, 3);
        let state = stopped(&network, &Region::Everywhere, Norm::Two, 2);
        let other = network.clone().with_c(1.0);
        let settings = ExactSettings::default();
        let refuse = |network: &Shallow, region: &Region, norm: Norm, words: &str| {
            let error = ExactSearch::resume(network, region, norm, &state, &settings).err().expect("it is refused");
            assert!(error.what.contains(words), "{error:?}");
        };
        let boxed = Region::Box { lower: vec![-1.0; 5], upper: vec![1.0; 5] };
        refuse(&other, &Region::Everywhere, Norm::Two, "of another network");
        refuse(&network, &boxed, Norm::Two, "in the norm 2 over Everywhere");
        refuse(&network, &Region::Everywhere, Norm::One, "in the norm 2 over Everywhere");
    }

    /// Whoever computes the digest too is stopped by what makes no sense.
    #[test]
    fn states_that_contradict_themselves_are_refused() {
        let network = random_network(25, 5, 3);
        let state = stopped(&network, &Region::Everywhere, Norm::Two, 2);
        let damage = |change: &dyn Fn(&mut SearchState), words: &str| {
            let mut changed = state.clone();
            change(&mut changed);
            let settings = ExactSettings::default();
            let error = ExactSearch::resume(&network, &Region::Everywhere, Norm::Two, &changed, &settings).err();
            let error = error.expect("it is refused");
            assert!(error.what.contains(words), "{error:?}");
        };
        damage(&|s| s.open[0].signs = s.open[0].signs.replace('0', "x"), "none of +, - and 0");
        damage(&|s| s.open[0].signs.truncate(24), "another number of units");
        damage(&|s| s.open[0].branch = 25, "no free unit");
        damage(&|s| s.open[0].branch = s.open[0].signs.find(['+', '-']).unwrap(), "no free unit");
        damage(&|s| s.open[0].points.push(s.points.len()), "not in the list");
        damage(&|s| s.open[0].number = s.explored + 1, "out of range or repeated");
        damage(&|s| s.open.push(s.open[0].clone()), "out of range or repeated");
        damage(&|s| s.points[0].truncate(3), "has 3 coordinates");
        damage(&|s| s.pruned = -1.0, "negative or not finite");
        damage(&|s| s.undecided.push(f64::NAN), "negative or not finite");
        damage(&|s| s.found = Some(vec![f64::NAN; 5]), "not attained");
        damage(&|s| s.found = Some(vec![0.0; 4]), "has 4 entries");
    }
}
