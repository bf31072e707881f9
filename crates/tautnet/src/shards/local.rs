//! Rows of this machine: shards that come one after another, as often as they are asked for.

use super::answer::Answer;
use super::asking::Shards;
use super::forest::Forest;
use super::question::Question;
use super::shard::{Shard, rows_in_shard};
use crate::Dataset;
use crate::error::Result;
use crate::rows::Rows;
use rayon::prelude::*;
use std::sync::{Arc, mpsc};
use tautnet_cone::Stop;

/// Shards, one after another.
pub trait Feed: Send {
    /// The next; `None` after the last.
    fn next(&mut self) -> Result<Option<Shard>>;
}

/// Rows that can be gone through as often as it takes.
pub trait Refeed {
    /// How many inputs a row has.
    fn inputs(&self) -> usize;

    /// How many rows there are, where that is known.
    fn rows(&self) -> Option<u64> {
        None
    }

    /// How many shards there are at most: their numbers are below.
    fn shards(&self) -> u64;

    /// The shards of these numbers in their order, or all of them.
    fn feed(&mut self, numbers: Option<&[u64]>) -> Result<Box<dyn Feed + '_>>;

    /// A pass has gone through all shards.
    fn done(&mut self) {}
}

impl<T: Refeed> Shards for T {
    fn inputs(&self) -> usize {
        Refeed::inputs(self)
    }

    fn rows(&self) -> Option<u64> {
        Refeed::rows(self)
    }

    fn shards(&self) -> u64 {
        Refeed::shards(self)
    }

    fn ask(&mut self, question: &Question) -> Result<Option<Answer>> {
        let forest = sweep(question, &mut *self.feed(question.shards.as_deref())?, &Stop::here())?;
        if forest.is_some() && question.shards.is_none() {
            self.done();
        }
        Ok(forest.map(|forest| question.finished(forest)))
    }
}

/// What the shards of a feed answer. One thread reads while the others work. `None` where it is time to stop.
pub fn sweep(question: &Question, feed: &mut dyn Feed, stop: &Stop) -> Result<Option<Forest>> {
    let together = rayon::current_num_threads().max(1);
    std::thread::scope(|scope| {
        let (give, take) = mpsc::sync_channel::<Result<Shard>>(together);
        let reader = scope.spawn(move || {
            while let Some(next) = feed.next().transpose() {
                let failed = next.is_err();
                if give.send(next).is_err() || failed {
                    return;
                }
            }
        });
        let mut forest = Forest::default();
        loop {
            let shards: Vec<Shard> = take.iter().take(together).collect::<Result<_>>()?;
            if stop.asked() {
                return Ok(None);
            }
            if shards.is_empty() {
                break;
            }
            let visit = |shard: &Shard| (shard.number, question.visit(shard));
            let answers: Vec<(u64, Answer)> = shards.par_iter().map(visit).collect();
            answers.into_iter().for_each(|(number, answer)| forest.append(Forest::of(number, answer)));
        }
        drop(take);
        reader.join().map_err(|_| {
            crate::Error::new("reading the rows failed", "this is a fault of the program: please report it")
        })?;
        Ok(Some(forest))
    })
}

/// Rows in memory.
#[derive(Debug, Clone)]
pub struct Held {
    inputs: usize,
    shards: Vec<Shard>,
}

impl Held {
    /// The rows of a data set, cut into shards.
    pub fn of(data: &Dataset) -> Self {
        let (rows, size) = (Rows::of(data), rows_in_shard(data.columns()));
        let shard = |first: usize| {
            let numbers: Vec<usize> = (first..data.rows().min(first + size)).collect();
            Shard { number: (first / size) as u64, first: first as u64, data: Arc::new(rows.pick(&numbers)) }
        };
        Self { inputs: data.columns(), shards: (0..data.rows()).step_by(size).map(shard).collect() }
    }

    /// Shards that are cut already, in their order.
    pub fn of_shards(inputs: usize, shards: Vec<Shard>) -> Self {
        Self { inputs, shards }
    }
}

impl Shards for Held {
    fn inputs(&self) -> usize {
        self.inputs
    }

    fn shards(&self) -> u64 {
        self.shards.last().map_or(0, |shard| shard.number + 1)
    }

    fn ask(&mut self, question: &Question) -> Result<Option<Answer>> {
        let stop = Stop::here();
        let asked: Vec<&Shard> = self.shards.iter().filter(|shard| question.is_for(shard.number)).collect();
        let visit = |shard: &&Shard| (!stop.asked()).then(|| (shard.number, question.visit(shard)));
        let mut forest = Forest::default();
        for together in asked.chunks(2 * rayon::current_num_threads().max(1)) {
            let answers: Vec<_> = together.par_iter().map(visit).collect();
            for answer in answers {
                let Some((number, answer)) = answer else { return Ok(None) };
                forest.append(Forest::of(number, answer));
            }
        }
        Ok(Some(question.finished(forest)))
    }
}
