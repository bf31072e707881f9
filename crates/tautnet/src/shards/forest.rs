//! Answers of shards as trees, so that it does not matter who held which of them.

use super::answer::Answer;

/// A tree of `2^level` shards, of which the first has the number `place · 2^level`.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    /// How high it is.
    pub level: u32,
    /// Its place among the trees of this height.
    pub place: u64,
    /// What its shards answer.
    pub answer: Answer,
}

/// What a run of shards answers, as far as it can be merged without its neighbours.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Forest {
    /// The trees, in the order of their shards.
    pub trees: Vec<Tree>,
}

impl Forest {
    /// Of one shard.
    pub fn of(number: u64, answer: Answer) -> Self {
        Self { trees: vec![Tree { level: 0, place: number, answer }] }
    }

    /// Take the shards that come next to these.
    pub fn append(&mut self, next: Forest) {
        for tree in next.trees {
            self.push(tree);
        }
    }

    fn push(&mut self, mut tree: Tree) {
        while let Some(left) = self
            .trees
            .pop_if(|left| left.level == tree.level && left.place.is_multiple_of(2) && left.place + 1 == tree.place)
        {
            let mut answer = left.answer;
            answer.merge(tree.answer);
            tree = Tree { level: left.level + 1, place: left.place / 2, answer };
        }
        self.trees.push(tree);
    }

    /// What all shards answer, once the last is there: the trees that are left, from the last to the first.
    pub fn finish(self) -> Option<Answer> {
        self.trees.into_iter().map(|tree| tree.answer).rev().reduce(|last, mut earlier| {
            earlier.merge(last);
            earlier
        })
    }
}
