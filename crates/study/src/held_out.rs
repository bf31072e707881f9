//! The rows of one trial: those to learn from, and those to judge by.

use tautnet::error::Result;
use tautnet::rows::Rows;
use tautnet::split;
use tautnet::{Dataset, Scaler};

/// The rows to learn from and those to judge by, which are given, or a share of the rows that the seed draws. Inputs are standardized on the former where
/// that is asked for; targets are the classes as they are.
pub(crate) fn halves(
    (rows, given): (&Dataset, Option<&Dataset>),
    share: f64,
    standardized: bool,
    seed: u64,
) -> Result<(Dataset, Dataset)> {
    let (learned, held_out) = match given {
        Some(held_out) => (rows.clone(), held_out.clone()),
        None => {
            let rows = Rows::of(rows);
            let split = split::by_fraction(rows.n(), share, seed)?;
            (rows.pick(&split.train), rows.pick(&split.test))
        }
    };
    if !standardized {
        return Ok((learned, held_out));
    }
    let scaler = Scaler::fit(&learned)?;
    let scaled = |data: Dataset| Dataset { x: scaler.standardize_inputs(data.x.as_ref()), ..data };
    Ok((scaled(learned), scaled(held_out)))
}
