//! `tautnet attack` on rows beyond memory: files that are read a block of rows at a time.

use super::attack::{Arguments, Within};
use super::{predict_rows, rows_beyond};
use crate::files::Files;
use crate::stop::Stop;
use crate::{input, output};
use std::path::Path;
use std::process::ExitCode;
use tautnet::attack::{self, SIZES, Settings, WithinReport};
use tautnet::certify;
use tautnet::error::{Error, Result};
use tautnet_tables::source::Source;

/// Run it.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    if let Some(flag) = arguments.balls() {
        return Err(Error::new(
            format!("`{flag}` needs all rows in memory, and these are read a block at a time"),
            "give a tolerance in its place, such as --tolerance 0.1sd, or one file",
        ));
    }
    Files::default()
        .reads(&arguments.network)
        .reads_data(Some(&arguments.data))
        .reads_if(arguments.tolerances.tolerances.as_ref())
        .writes(&arguments.out.out, arguments.out.existing())
        .check()?;
    arguments.search.asked.check()?;
    arguments.threads.apply()?;
    let stop = Stop::new(arguments.limit.time_limit);
    let said = arguments.tolerances.said(&arguments.recipe)?;
    let stored = input::stored(&arguments.network)?;
    let model = rows_beyond::model(&stored, &arguments.network, &arguments.meeting)?;
    let asked = said.over(stored.tolerance()?)?;
    if asked.is_exact() {
        return Err(Error::new(
            "rows beyond memory are attacked within a tolerance of the inputs, and there is none",
            "say how wrong the inputs can be, such as --tolerance 0.1sd",
        ));
    }
    let network = input::of_outputs(&stored, "`attack`")?;
    model.columns.check_one_target("an attack on rows beyond memory")?;
    let loss = match arguments.recipe.said("loss") {
        true => arguments.recipe.asked.loss.clone(),
        false => model.loss()?,
    };
    model.columns.check_loss(&loss)?;
    model.columns.check_outputs(network.outputs())?;
    let source = Source::open(Path::new(&arguments.data), &arguments.meeting.file.options())?;
    let (survey, mut display) = rows_beyond::survey(&source, &model.columns)?;
    let each = SIZES.len() as u64 * survey.rows() * (network.outputs() as u64 - 1).max(1);
    let nodes = certify::affordable_nodes(&network, usize::try_from(each).unwrap_or(usize::MAX));
    let settings = Settings { loss, seed: arguments.recipe.asked.seed, ..Settings::new(f64::INFINITY) };
    let settings = arguments.search.asked.resolve(nodes, settings)?;
    stop.heed();
    // What is found of the rows so far is a result.
    stop.kept();
    let mut parts: Vec<Vec<(f64, WithinReport)>> = vec![Vec::new(); SIZES.len()];
    let (mut blocks, mut rows, mut reached) = (source.blocks(&survey), 0, 0);
    while let Some(block) = blocks.next()? {
        reached = block.before + block.table.rows() as u64;
        let Some(mut data) = model.columns.dataset_of_some(&block.table, arguments.meeting.levels.unknown())? else {
            continue;
        };
        let of_rows = model.tolerance_on(&asked, data.x.as_ref())?.divided(&model.scaler.input_scale);
        model.scaler.standardize_in_place(&mut data);
        let reports = stop.during(|| attack::within_multiples(&network, &data, &of_rows, &SIZES, &settings))?;
        let report = |(parts, report): (&mut Vec<_>, WithinReport)| parts.push((data.rows() as f64, report));
        parts.iter_mut().zip(reports).for_each(report);
        rows += data.rows();
        predict_rows::show(&mut display, "attacking rows, and proving their worst cases", blocks.read());
        if stop.reason().is_some() {
            break;
        }
    }
    drop(display);
    let reports = parts.iter().map(|parts| attack::joined(parts)).collect::<Option<Vec<_>>>();
    let reports = reports.ok_or_else(|| {
        Error::new(format!("{} has no row without a missing value", source.name()), "fill the values before")
    })?;
    if let Some(reason) = stop.reason() {
        let all = survey.rows();
        output::note(&match reached == all {
            true => format!("{reason}: the last rows were attacked in part only, and worse points may exist"),
            false => format!(
                "{reason}: these are the first {reached} of {all} rows, and the last of them were attacked in part only"
            ),
        });
    }
    let (columns, scaler, loss) = (&model.columns, &model.scaler, &settings.loss);
    Within { reports: &reports, asked: &asked, columns, scaler, loss, rows }.tell(&arguments.out, &arguments.talk)
}
