//! The rows of DATA beyond memory, for `certify`: the box around all of them, and some of them.

use super::{predict_rows, rows_beyond};
use crate::arguments::MeetingArguments;
use std::path::Path;
use tautnet::Dataset;
use tautnet::certify::{Region, SeenRows};
use tautnet::error::{Error, Result};
use tautnet_models::Stored;
use tautnet_tables::source::Source;

/// Large gradients are looked for at so many rows at most.
const SOME: u64 = 1 << 16;

/// What is known of the rows, in the units of the network.
pub struct Seen {
    /// Some of them, evenly spread.
    pub some: Dataset,
    /// The box around all.
    pub around: Region,
}

impl Seen {
    /// By a pass over the files, after the one that looks for what is wrong with them.
    pub fn of(stored: &Stored, path: &Path, data: &Path, meeting: &MeetingArguments) -> Result<Self> {
        let model = rows_beyond::model(stored, path, meeting)?;
        let source = Source::open(data, &meeting.file.options())?;
        let (survey, mut display) = rows_beyond::survey(&source, &model.columns)?;
        let mut seen = SeenRows::new(model.columns.width(), survey.rows().div_ceil(SOME));
        let mut blocks = source.blocks(&survey);
        while let Some(block) = blocks.next()? {
            if let Some(mut data) = model.columns.dataset_of_some(&block.table, meeting.levels.unknown())? {
                model.scaler.standardize_in_place(&mut data);
                seen.add(&data);
            }
            predict_rows::show(&mut display, "finding the box around all rows", blocks.read());
        }
        let (some, around) = seen.done().ok_or_else(|| {
            Error::new(format!("{} has no row without a missing value", source.name()), "fill the values before")
        })?;
        Ok(Self { some, around })
    }
}
