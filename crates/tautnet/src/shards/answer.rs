//! What rows answer: sums, moments and picks of few rows, as plain numbers.

use crate::error::{Error, Result};

/// A row that was picked.
#[derive(Debug, Clone, PartialEq)]
pub struct Pick {
    /// Rows with the least of these are picked.
    pub key: f64,
    /// Its number, which decides between equal keys.
    pub row: u64,
    /// What is told of it.
    pub values: Vec<f64>,
}

/// The rows with the least keys, at most so many, in the order of their keys.
#[derive(Debug, Clone, PartialEq)]
pub struct Picks {
    /// The most that are kept.
    pub most: usize,
    /// The rows. While rows are offered there may be more of them, in any order, until they are [settled](Self::settle).
    pub rows: Vec<Pick>,
    /// Where there are enough: what a further row must be before.
    limit: Option<(f64, u64)>,
}

/// The answer to one thing that was asked.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Piece {
    /// What adds up.
    pub sums: Vec<f64>,
    /// Weight, means and sums of squared deviations of columns: `[Σω, mean…, Σω(x − mean)²…]`; empty where none were asked for.
    pub spread: Vec<f64>,
    /// The least value of each column, then the negative of the largest one.
    pub least: Vec<f64>,
    /// The rows that were picked.
    pub picks: Vec<Picks>,
}

/// A piece for each thing that was asked, in that order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answer {
    /// The pieces.
    pub pieces: Vec<Piece>,
}

impl Picks {
    /// Of none yet.
    pub fn none(most: usize) -> Self {
        Self { most, rows: Vec::new(), limit: None }
    }

    /// Whether a row with this key and number may be kept.
    pub fn wants(&self, key: f64, row: u64) -> bool {
        self.most > 0 && self.limit.is_none_or(|limit| before((key, row), limit))
    }

    /// Add a row.
    pub fn offer(&mut self, pick: Pick) {
        if !self.wants(pick.key, pick.row) {
            return;
        }
        self.rows.push(pick);
        if self.rows.len() >= 2 * self.most + 32 {
            self.settle();
        }
    }

    /// Let go of the rows that are too many, and put the others in order.
    pub fn settle(&mut self) {
        let order = |one: &Pick, other: &Pick| one.key.total_cmp(&other.key).then(one.row.cmp(&other.row));
        if self.rows.len() > self.most {
            self.rows.select_nth_unstable_by(self.most, order);
            self.rows.truncate(self.most);
        }
        self.rows.sort_unstable_by(order);
        let full = self.rows.len() == self.most;
        self.limit = self.rows.last().filter(|_| full).map(|last| (last.key, last.row));
    }
}

/// Whether the first of two rows comes before the second.
fn before(one: (f64, u64), other: (f64, u64)) -> bool {
    one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)).is_lt()
}

impl Answer {
    /// Take the answer of the next rows to this one.
    pub fn merge(&mut self, next: Answer) {
        for (into, next) in self.pieces.iter_mut().zip(next.pieces) {
            into.sums.iter_mut().zip(&next.sums).for_each(|(into, next)| *into += next);
            into.least.iter_mut().zip(&next.least).for_each(|(into, next)| *into = into.min(*next));
            merge_spread(&mut into.spread, &next.spread);
            for (into, next) in into.picks.iter_mut().zip(next.picks) {
                next.rows.into_iter().for_each(|pick| into.offer(pick));
                into.settle();
            }
        }
    }

    /// All of it as numbers, for the way between machines.
    pub fn numbers(&self) -> Vec<f64> {
        let mut out = vec![self.pieces.len() as f64];
        for piece in &self.pieces {
            for part in [&piece.sums, &piece.spread, &piece.least] {
                out.push(part.len() as f64);
                out.extend_from_slice(part);
            }
            out.push(piece.picks.len() as f64);
            for picks in &piece.picks {
                let width = picks.rows.first().map_or(0, |pick| pick.values.len());
                out.extend([picks.most as f64, picks.rows.len() as f64, width as f64]);
                for pick in &picks.rows {
                    out.extend([pick.key, pick.row as f64]);
                    out.extend_from_slice(&pick.values);
                }
            }
        }
        out
    }

    /// Back from [`numbers`](Self::numbers).
    pub fn from_numbers(numbers: &[f64]) -> Result<Self> {
        let mut rest = Reader { rest: numbers };
        let answer = rest.answer();
        answer.filter(|_| rest.rest.is_empty()).ok_or_else(|| {
            Error::new(
                format!("{} numbers are no answer of rows", numbers.len()),
                "all machines must have the same version of the program",
            )
        })
    }
}

struct Reader<'a> {
    rest: &'a [f64],
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [f64]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    /// A number of things, of which there cannot be more than numbers are left.
    fn count(&mut self) -> Option<usize> {
        let [count] = *self.take(1)? else { return None };
        (count >= 0.0 && count.fract() == 0.0 && count <= 9e15).then_some(count as usize)
    }

    fn list(&mut self) -> Option<Vec<f64>> {
        let count = self.count()?;
        self.take(count).map(<[f64]>::to_vec)
    }

    fn answer(&mut self) -> Option<Answer> {
        let count = self.count().filter(|count| *count <= self.rest.len())?;
        let mut pieces = Vec::with_capacity(count);
        for _ in 0..count {
            let (sums, spread, least) = (self.list()?, self.list()?, self.list()?);
            let groups = self.count().filter(|groups| *groups <= self.rest.len())?;
            let mut picks = Vec::with_capacity(groups);
            for _ in 0..groups {
                let (most, rows, width) = (self.count()?, self.count()?, self.count()?);
                let all = self.take(rows.checked_mul(width.checked_add(2)?)?)?;
                let pick = |one: &[f64]| Pick { key: one[0], row: one[1] as u64, values: one[2..].to_vec() };
                let mut read = Picks { rows: all.chunks_exact(width + 2).map(pick).collect(), ..Picks::none(most) };
                read.settle();
                picks.push(read);
            }
            pieces.push(Piece { sums, spread, least, picks });
        }
        Some(Answer { pieces })
    }
}

/// Means and squared deviations of two sets of rows together (Chan, Golub and LeVeque).
pub(super) fn merge_spread(into: &mut Vec<f64>, next: &[f64]) {
    let (Some(&added), true) = (next.first(), !into.is_empty()) else { return };
    if added == 0.0 {
        return;
    }
    if into[0] == 0.0 {
        *into = next.to_vec();
        return;
    }
    let columns = next.len() / 2;
    let total = into[0] + added;
    for j in 1..=columns {
        let away = next[j] - into[j];
        into[columns + j] += next[columns + j] + away * away * (into[0] / total * added);
        into[j] += away * (added / total);
    }
    into[0] = total;
}
