//! Intervals around predictions of rows in blocks: which are refined by branch and bound, and those of several targets.

use super::predict_rows::{Rows, Sink};
use super::targets;
use super::told::{Watched, note_effort};
use crate::arguments::OutArguments;
use crate::stop::Stop;
use std::process::ExitCode;
use tautnet::certify::{Effort, IntervalProgress, Widest};
use tautnet::error::Result;
use tautnet::tolerance::Asked;
use tautnet_models::{Around, Model, Part, Refined};
use tautnet_tables::UnknownLevels;

/// Which intervals are refined, one answer for each of `around`: where only the widest of all rows are, and there are more rows than are looked
/// at together, a pass finds them.
pub fn choose(
    around: &[Around<'_>],
    effort: Effort,
    (model, unknown): (&Model, UnknownLevels),
    rows: &mut Rows<'_>,
    stop: &Stop,
) -> Result<Vec<Refined>> {
    let of = rows.count();
    if rows.is_one_block() || effort.nodes == 0 || effort.rows as u64 >= of {
        return Ok(around.iter().map(|_| Refined::By(effort)).collect());
    }
    let (mut widest, mut first) = (vec![Widest::of(effort); around.len()], Vec::new());
    rows.pass("looking for the widest intervals", (stop, true), &mut |table, before| {
        let x = model.columns.encode(table, unknown)?;
        if before == 0 {
            first = x.row(0).iter().copied().collect();
        }
        for (around, widest) in around.iter().zip(&mut widest) {
            let part = Part { before, of, first: &first };
            let known = around.intervals(x.clone(), part, &Refined::By(Effort { rows: 0, ..effort }), &mut |_| {})?;
            widest.add(before, &known.rows);
        }
        Ok(true)
    })?;
    Ok(widest.into_iter().map(|widest| Refined::These(widest.rows(), effort.nodes)).collect())
}

/// Predictions of several targets and their intervals within a tolerance, as they come.
pub fn of_targets(
    (within, nodes): (&Asked, Option<usize>),
    (model, unknown): (&Model, UnknownLevels),
    rows: &mut Rows<'_>,
    stop: &Stop,
    out: &OutArguments,
) -> Result<ExitCode> {
    let around = model.around_targets(within)?;
    let (count, outputs) = (rows.count(), around.len());
    let all = usize::try_from(count).unwrap_or(usize::MAX).saturating_mul(outputs);
    let effort = Effort::of(&model.network.shallow("`predict`")?, all, nodes);
    let mut sink = Sink::begin(out)?;
    stop.heed();
    stop.kept();
    let refined = choose(&around, effort.share(1, outputs), (model, unknown), rows, stop)?;
    let mut watched = rows.is_one_block().then(Watched::new);
    let (mut first, mut met) = (Vec::new(), 0);
    rows.pass("intervals of all rows", (stop, false), &mut |table, before| {
        let x = model.columns.encode(table, unknown)?;
        if before == 0 {
            first = x.row(0).iter().copied().collect();
        }
        let part = Part { before, of: count, first: &first };
        let mut watch = |progress: &IntervalProgress| watched.iter_mut().for_each(|watched| watched.show(progress));
        let mut intervals = Vec::with_capacity(outputs);
        for (around, refined) in around.iter().zip(&refined) {
            let known = stop.during(|| around.intervals(x.clone(), part, refined, &mut watch))?;
            met += known.refined;
            intervals.push(known.rows);
        }
        sink.put(&targets::columns(model, &model.predict_targets(x), Some(&intervals)))
    })?;
    drop(watched);
    note_effort(all, effort, stop.reason().map(|reason| (reason, met)));
    sink.finish()?;
    Ok(ExitCode::SUCCESS)
}
