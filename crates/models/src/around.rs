//! Intervals around the predictions of rows that come in parts, as they are where all rows come at once.
//!
//! What is the same for all rows (the network, the proof of its bound) is made once. Where branch and bound refines the widest intervals of all
//! rows alone, a first pass finds which these are ([`tautnet::certify::Widest`]), and the parts of a second one refine those that they have.

use crate::model::Model;
use faer::Mat;
use tautnet::certify::{Effort, IntervalObserver, Intervals, prediction_intervals, prediction_intervals_within};
use tautnet::error::Result;
use tautnet::tolerance::{Asked, Tolerance};
use tautnet::{Norm, Scaler, Shallow};

/// What the inputs of a row may be off by.
#[derive(Debug, Clone)]
pub struct Around<'a> {
    model: &'a Model,
    network: Shallow,
    scaler: Scaler,
    moved: Moved<'a>,
}

#[derive(Debug, Clone)]
enum Moved<'a> {
    /// By a radius in standardized units, in a norm in which the bound on the network is proved.
    Radius { norm: Norm, radius: f64, bound: f64 },
    /// By errors within a tolerance.
    Within(&'a Asked),
    /// By nothing.
    Exact,
}

/// Which of the rows of a table a part of them is.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// How many rows are before it.
    pub before: u64,
    /// How many rows there are in all.
    pub of: u64,
    /// The inputs of the first row of all, encoded.
    pub first: &'a [f64],
}

/// Which intervals of all rows are refined by branch and bound.
#[derive(Debug, Clone, PartialEq)]
pub enum Refined {
    /// Those that this effort refines of each part.
    By(Effort),
    /// Those of the rows of these numbers, in ascending order, with at most so many nodes for each end.
    These(Vec<u64>, usize),
}

impl Model {
    /// Intervals within a radius of standardized inputs, in the norm of the model's certificate.
    pub fn around_radius(&self, radius: f64) -> Result<Around<'_>> {
        let (norm, _) = self.reach(radius)?;
        let bound = self.certificate.as_ref().map_or(f64::INFINITY, |certificate| certificate.standardized.bound);
        Ok(Around {
            model: self,
            network: self.shallow("a certified interval")?,
            scaler: self.scaler.clone(),
            moved: Moved::Radius { norm, radius, bound },
        })
    }

    /// Intervals within a tolerance, in the units of the data.
    pub fn around_within<'a>(&'a self, asked: &'a Asked) -> Result<Around<'a>> {
        let network = self.shallow("an interval within a tolerance")?;
        Ok(Around { model: self, network, scaler: self.scaler.clone(), moved: Moved::Within(asked) })
    }

    /// The same for each of several targets, in its units.
    pub fn around_targets<'a>(&'a self, asked: &'a Asked) -> Result<Vec<Around<'a>>> {
        let network = self.network.shallow("an interval within a tolerance")?;
        let one = |target: usize| Around {
            model: self,
            network: network.output(target),
            scaler: self.scaler.of_target(target),
            moved: Moved::Within(asked),
        };
        Ok((0..network.outputs()).map(one).collect())
    }

    /// Intervals of exact inputs: what rounding alone does.
    pub fn around_exact(&self) -> Result<Around<'_>> {
        let network = self.shallow("an interval within a tolerance")?;
        Ok(Around { model: self, network, scaler: self.scaler.clone(), moved: Moved::Exact })
    }
}

impl Around<'_> {
    /// What branch and bound may spend on so many rows: `nodes` for each end of every interval, or what takes seconds.
    pub fn effort(&self, rows: u64, nodes: Option<usize>) -> Effort {
        match self.moved {
            Moved::Exact => Effort::NONE,
            _ => Effort::of(&self.network, usize::try_from(rows).unwrap_or(usize::MAX), nodes),
        }
    }

    /// The intervals of a part of the rows.
    pub fn intervals(
        &self,
        x: Mat<f64>,
        part: Part<'_>,
        refined: &Refined,
        observer: &mut IntervalObserver<'_>,
    ) -> Result<Intervals> {
        match refined {
            Refined::By(effort) => self.by(x, part, *effort, observer),
            Refined::These(rows, nodes) => self.refined(x, part, (rows, *nodes), observer),
        }
    }

    /// The intervals, with this effort for the part.
    fn by(
        &self,
        x: Mat<f64>,
        part: Part<'_>,
        effort: Effort,
        observer: &mut IntervalObserver<'_>,
    ) -> Result<Intervals> {
        let (network, scaler) = (&self.network, &self.scaler);
        match &self.moved {
            Moved::Radius { norm, radius, bound } => {
                prediction_intervals((network, scaler), x, (*norm, *radius), *bound, effort, observer)
            }
            Moved::Exact => {
                let none = Tolerance::none(x.ncols());
                prediction_intervals_within((network, scaler), x, &none, effort, observer)
            }
            Moved::Within(asked) => {
                let before = (part.before, Some(part.first));
                let of = |x: &Mat<f64>| {
                    let deviations = self.model.scaler.deviations();
                    asked.on_part(&self.model.columns.tolerated(), x.as_ref(), &deviations, before)
                };
                let tolerance = of(&x)?;
                // A row with a tolerance of its own is bounded by other formulas than rows that have the same, which round otherwise, and
                // one row alone could be either.
                if x.nrows() == 1 && part.of > 1 {
                    let twice = Mat::from_fn(2, x.ncols(), |_, j| x[(0, j)]);
                    let tolerance = of(&twice)?;
                    let mut both = prediction_intervals_within((network, scaler), twice, &tolerance, effort, observer)?;
                    both.rows.truncate(1);
                    return Ok(Intervals { refined: both.refined.min(1), ..both });
                }
                prediction_intervals_within((network, scaler), x, &tolerance, effort, observer)
            }
        }
    }

    /// The same, where of all rows only some are refined, at most `nodes` nodes for each end.
    fn refined(
        &self,
        x: Mat<f64>,
        part: Part<'_>,
        (rows, nodes): (&[u64], usize),
        observer: &mut IntervalObserver<'_>,
    ) -> Result<Intervals> {
        let end = part.before + x.nrows() as u64;
        let first = rows.partition_point(|row| *row < part.before);
        let here: Vec<usize> =
            rows[first..].iter().take_while(|row| **row < end).map(|row| (row - part.before) as usize).collect();
        let chosen = Mat::from_fn(here.len(), x.ncols(), |r, j| x[(here[r], j)]);
        let mut known = self.by(x, part, Effort { nodes, rows: 0 }, observer)?;
        if here.is_empty() || known.effort.nodes == 0 {
            return Ok(known);
        }
        let refined = self.by(chosen, part, Effort::each(nodes), observer)?;
        for (k, interval) in here.into_iter().zip(refined.rows) {
            known.rows[k] = interval;
        }
        Ok(Intervals { refined: refined.refined, ..known })
    }
}
