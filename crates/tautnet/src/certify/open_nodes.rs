//! The open nodes of a branch and bound, the largest bound first.
//!
//! Equal bounds come in the order of their numbers, oldest first, so that a search never depends on the internals of the queue.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// A part of the problem: some units fixed on or off, and what the search hands down from parent to child.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node<T> {
    /// Nothing in the node is larger.
    pub bound: f64,
    /// One a unit: 1 on, −1 off, 0 free.
    pub signs: Vec<i8>,
    /// The free unit to fix next.
    pub branch: usize,
    /// No two nodes of a search share it.
    pub number: usize,
    /// Points of the node.
    pub payload: T,
}

/// Nodes that wait.
#[derive(Debug)]
pub(super) struct OpenNodes<T>(BinaryHeap<Ranked<T>>);

impl<T> OpenNodes<T> {
    pub fn new() -> Self {
        Self(BinaryHeap::new())
    }

    pub fn push(&mut self, node: Node<T>) {
        self.0.push(Ranked(node));
    }

    /// Takes out the node with the largest bound.
    pub fn pop(&mut self) -> Option<Node<T>> {
        self.0.pop().map(|ranked| ranked.0)
    }

    /// The largest bound.
    pub fn largest(&self) -> Option<f64> {
        self.0.peek().map(|ranked| ranked.0.bound)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// All of them, the largest bound first.
    pub fn in_order(&self) -> Vec<&Node<T>> {
        let mut nodes: Vec<_> = self.0.iter().collect();
        nodes.sort_by(|a, b| b.cmp(a));
        nodes.into_iter().map(|ranked| &ranked.0).collect()
    }
}

#[derive(Debug)]
struct Ranked<T>(Node<T>);

impl<T> PartialEq for Ranked<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl<T> Eq for Ranked<T> {}
impl<T> PartialOrd for Ranked<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Ranked<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.bound.total_cmp(&other.0.bound).then(other.0.number.cmp(&self.0.number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_bound_comes_first_and_the_oldest_of_equals() {
        let mut open = OpenNodes::new();
        for (number, bound) in [1.0, 3.0, 2.0, 3.0, 0.5, 3.0].into_iter().enumerate() {
            open.push(Node { bound, signs: vec![0], branch: 0, number, payload: () });
        }
        assert_eq!((open.largest(), open.len()), (Some(3.0), 6));
        let listed: Vec<usize> = open.in_order().iter().map(|node| node.number).collect();
        let taken: Vec<usize> = std::iter::from_fn(|| open.pop()).map(|node| node.number).collect();
        assert_eq!(taken, [1, 3, 5, 2, 0, 4]);
        assert_eq!(listed, taken);
    }
}
