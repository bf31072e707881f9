//! How much branch and bound may spend on many intervals, in nodes: a count, so that the result depends on no clock.

use super::sample::SampleInterval;
use crate::Shallow;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// Nodes that take seconds, over all intervals: a node goes through the weights, and through rows of as many inputs for the units that are
/// fixed in it, some ten times each.
fn budget(network: &Shallow) -> usize {
    200_000_000 / ((network.units() + FIXED) * network.inputs()).max(1)
}

/// What the units that a node fixes cost, in units.
const FIXED: usize = 50;

/// The most nodes of an interval; most close long before.
const MOST: usize = 10_000;

/// Nodes of each of the widest intervals, where there are too many for all of them.
const WIDEST: usize = 20;

/// Nodes that each end of `intervals` intervals may cost so that all of them take seconds; most intervals close long before their last node.
pub fn affordable_nodes(network: &Shallow, intervals: usize) -> usize {
    (budget(network) / intervals.max(1)).clamp(1, MOST)
}

/// What branch and bound may spend on intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Nodes for each end of an interval at most; 0 for no search, and no bound by lines either.
    pub nodes: usize,
    /// So many intervals are refined at most: where there are more, the widest.
    pub rows: usize,
}

impl Effort {
    /// No search.
    pub const NONE: Effort = Effort { nodes: 0, rows: 0 };

    /// So many nodes for every interval.
    pub fn each(nodes: usize) -> Self {
        Self { nodes, rows: usize::MAX }
    }

    /// What was asked for, or else what takes seconds. Where every interval would have a single node, which proves no more than the bounds of all
    /// rows at once, only the widest are refined, for a sixteenth of what all may cost, because their nodes are the dearest.
    pub fn of(network: &Shallow, intervals: usize, nodes: Option<usize>) -> Self {
        match nodes {
            Some(nodes) => Self::each(nodes),
            None if budget(network) / intervals.max(1) > 1 => Self::each(affordable_nodes(network, intervals)),
            None => Self { nodes: WIDEST, rows: budget(network) / (16 * WIDEST) },
        }
    }

    /// For a `part` of the `whole` intervals.
    pub fn share(self, part: usize, whole: usize) -> Self {
        let rows = if self.rows == usize::MAX { self.rows } else { self.rows.saturating_mul(part) / whole.max(1) };
        Self { rows, ..self }
    }

    /// The rows that are refined, in ascending order: the widest of those that are not exact yet, where not all are.
    pub(super) fn choose(&self, intervals: &[SampleInterval]) -> Vec<usize> {
        if intervals.len() <= self.rows {
            return (0..intervals.len()).collect();
        }
        let width = |k: usize| intervals[k].upper - intervals[k].lower;
        let mut open: Vec<usize> = (0..intervals.len()).filter(|&k| !intervals[k].closed).collect();
        if open.len() > self.rows {
            open.select_nth_unstable_by(self.rows, |&a, &b| width(b).total_cmp(&width(a)).then(a.cmp(&b)));
            open.truncate(self.rows);
            open.sort_unstable();
        }
        open
    }
}

/// The widest intervals of rows that come in blocks: those that [`Effort`] has refined of all of them at once. What is held does not grow with
/// the rows.
#[derive(Debug, Clone)]
pub struct Widest {
    most: usize,
    /// The least wide on top.
    heap: BinaryHeap<Reverse<Width>>,
}

/// The width of the interval of a row. Of two that are equally wide the earlier counts for more.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Width(f64, u64);

impl Eq for Width {}

impl Ord for Width {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0).then(other.1.cmp(&self.1))
    }
}

impl PartialOrd for Width {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Widest {
    /// Of as many rows as an effort has refined at most; there must be more rows than that.
    pub fn of(effort: Effort) -> Self {
        Self { most: effort.rows, heap: BinaryHeap::new() }
    }

    /// The intervals of a block of rows, without a search; `before` rows were before it.
    pub fn add(&mut self, before: u64, intervals: &[SampleInterval]) {
        for (k, interval) in intervals.iter().enumerate().filter(|(_, interval)| !interval.closed) {
            self.heap.push(Reverse(Width(interval.upper - interval.lower, before + k as u64)));
            if self.heap.len() > self.most {
                self.heap.pop();
            }
        }
    }

    /// The rows, in ascending order.
    pub fn rows(self) -> Vec<u64> {
        let mut rows: Vec<u64> = self.heap.into_iter().map(|Reverse(Width(_, row))| row).collect();
        rows.sort_unstable();
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certify::tests::random_network;

    /// A wide network has some nodes for every row of a small table, a small one no more than close it, and many rows one each.
    #[test]
    fn nodes_are_shared_by_the_intervals() {
        let (wide, small) = (random_network(400, 6, 0), random_network(5, 2, 0));
        assert_eq!(affordable_nodes(&wide, 1000), 74);
        assert_eq!(affordable_nodes(&wide, 500), 148);
        assert_eq!([10, 100_000_000].map(|intervals| affordable_nodes(&small, intervals)), [10_000, 1]);
        assert_eq!(Effort::of(&wide, 1000, None), Effort::each(74));
        assert_eq!(Effort::of(&wide, 1000, Some(7)), Effort::each(7));
        assert_eq!(Effort::of(&wide, 1_000_000, Some(0)), Effort::each(0));
        let few = Effort::of(&wide, 1_000_000, None);
        assert_eq!(few, Effort { nodes: 20, rows: 231 });
        assert_eq!(few.share(1, 3).rows, 77);
        assert_eq!(Effort::each(7).share(1, 3), Effort::each(7));
    }

    #[test]
    fn the_widest_that_are_open_are_refined() {
        let one = |upper: f64, closed: bool| SampleInterval {
            lower: 0.0,
            upper,
            lowest_found: upper,
            highest_found: 0.0,
            closed,
        };
        let all = [one(1.0, false), one(9.0, true), one(3.0, false), one(2.0, false), one(3.0, false)];
        let chosen = |rows| Effort { nodes: 5, rows }.choose(&all);
        assert_eq!(chosen(0), [0_usize; 0]);
        assert_eq!(chosen(1), [2]);
        assert_eq!(chosen(3), [2, 3, 4]);
        assert_eq!(chosen(4), [0, 2, 3, 4]);
        assert_eq!(chosen(5), [0, 1, 2, 3, 4]);
    }

    /// In blocks of any length the same rows are chosen as at once.
    #[test]
    fn the_widest_of_blocks_are_the_widest_of_all() {
        let interval = |k: u64| {
            let width = [(k * 37 % 11) as f64, f64::INFINITY][usize::from(k % 17 == 3)];
            let (lower, upper) = (0.0, width);
            SampleInterval { lower, upper, lowest_found: upper, highest_found: lower, closed: k.is_multiple_of(5) }
        };
        let all: Vec<SampleInterval> = (0..100).map(interval).collect();
        for most in [0, 1, 7, 50, 99] {
            let effort = Effort { nodes: 20, rows: most };
            for at_once in [1, 3, 64, 100] {
                let mut widest = Widest::of(effort);
                for (number, block) in all.chunks(at_once).enumerate() {
                    widest.add((number * at_once) as u64, block);
                }
                let chosen: Vec<u64> = effort.choose(&all).into_iter().map(|k| k as u64).collect();
                assert_eq!(widest.rows(), chosen, "{most} {at_once}");
            }
        }
    }
}
