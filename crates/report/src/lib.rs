//! What was done to a network, as one page and as charts: pure functions from facts to text and pictures.
//!
//! [`Report`] holds the facts, [`Report::page`] is the page, [`Report::chart`] one chart as a [`Scene`](scene::Scene), which
//! [`svg::document`] and [`raster::png`] turn into files. Nothing here measures time, so that the same facts give the
//! same bytes.

pub mod axes;
mod behaviour;
mod causes;
pub mod chart;
mod facts;
pub mod font;
mod page;
pub mod panels;
mod prose;
pub mod raster;
pub mod scene;
pub mod svg;
#[cfg(test)]
mod tests;

pub use behaviour::{Dependence, Place, dependence};
pub use causes::Cause;
pub use facts::{Chart, Comparison, Origin, Report, Reproduce, Rows, Side, Within};

use tautnet::attack::{self, RadiusReport};
use tautnet::error::Result;
use tautnet::{Dataset, Loss, Norm, Shallow};

impl Report<'_> {
    /// The whole page: HTML with everything in it.
    pub fn page(&self) -> String {
        page::page(self)
    }
}

/// A part of the rows to attack and to show where there are very many, and what they are called.
pub fn rows_to_show(
    learned: &Dataset,
    held_out: Option<&Dataset>,
    most: usize,
    seed: u64,
) -> Result<(Dataset, String)> {
    let all = held_out.unwrap_or(learned);
    let name = if held_out.is_some() { "rows held out" } else { "rows learned from" };
    if all.rows() <= most {
        return Ok((all.clone(), format!("the {} {name}", all.rows())));
    }
    let split = tautnet::split::by_fraction(all.rows(), most as f64 / all.rows() as f64, seed)?;
    Ok((tautnet::rows::Rows::of(all).pick(&split.test), format!("{most} of the {} {name}", all.rows())))
}

/// Errors under attack of a network whose certificate proves `bound` (`INFINITY` where there is none).
pub fn attack(
    network: &Shallow,
    rows: &Dataset,
    (norm, loss): (Norm, &Loss),
    bound: f64,
    radii: &[f64],
    seed: u64,
) -> Result<Vec<RadiusReport>> {
    let settings = attack::Settings { seed, loss: loss.clone(), ..attack::Settings::new(bound) };
    attack::attack(network, rows, norm, radii, &settings)
}

/// The examples of the file that a registry shows.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
