//! `tautnet polish` on rows beyond memory: a model made the best of its patterns on all rows of files that are read a block of rows at a time.

use super::polish::{Arguments, Facts, WorstCases, tell_of_tolerance};
use super::{export, predict_rows, rows_beyond};
use crate::files::{Files, TestRows};
use crate::progress::Display;
use crate::stop::Stop;
use crate::{input, output};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tautnet::error::Result;
use tautnet::fit;
use tautnet::job::Interruption;
use tautnet::job_far::{FarJob, FarResult};
use tautnet::recipe::{Command, Layers, Table};
use tautnet::tolerance::Asked;
use tautnet_models::{Format, Model, Options, Stored};
use tautnet_tables::source::Source;
use tautnet_tables::source_rows::{SourceRows, Use, of_model};

/// Refuse what needs all rows in memory.
fn check(arguments: &Arguments) -> Result<()> {
    let layers = Layers::FIELDS.iter().any(|field| arguments.layers.said(field.name));
    rows_beyond::check(&[
        (arguments.pictures.report.is_some(), "--report"),
        (arguments.pictures.wanted(), "--plot"),
        (layers, "a setting of deep networks"),
        (matches!(arguments.test.test, Some(TestRows::File(_))), "--test FILE"),
    ])?;
    rows_beyond::check_file(&arguments.data)
}

/// Run it.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    check(arguments)?;
    let mut asked = arguments.recipe.asked.clone();
    asked.tolerance = arguments.tolerances.said(&arguments.recipe)?.over(Asked::default())?;
    let files = Files::default().reads(&arguments.network).reads_data(Some(&arguments.data));
    let files = files.reads_if(arguments.tolerances.tolerances.as_ref());
    files.writes(&arguments.out.out, arguments.out.existing()).check()?;
    arguments.out.out.as_deref().map(Format::of).transpose()?;
    arguments.threads.apply()?;
    let stop = Stop::new(arguments.limit.time_limit);
    let source = Source::open(&PathBuf::from(&arguments.data), &arguments.meeting.file.options())?;
    let stored = input::stored(&arguments.network)?;
    let given = rows_beyond::model(&stored, &arguments.network, &arguments.meeting)?;
    tell_of_tolerance(&stored, &asked, arguments)?;
    if !arguments.recipe.said("loss") {
        asked.loss = given.loss()?;
    }
    let relu = given.network.in_relu_units("`polish`")?;
    let rewritten = (relu.network != given.network).then(|| relu.note(&given.network));
    let network = relu.network.one_output("`polish` on rows beyond memory")?;
    let plan = asked.resolve(Command::Polish)?;
    let settings = &plan.settings.polish;
    given.columns.check_loss(&settings.loss)?;
    given.columns.check_one_target("a polish on rows beyond memory")?;
    let job = FarJob::new(&plan, rows_beyond::share(&arguments.test, asked.seed), Arc::new(stop))?;
    source.notes().iter().for_each(|note| output::note(note));
    let display = Mutex::new(Display::new(arguments.talk.quiet, settings.tol));
    let shown = || display.lock().unwrap_or_else(PoisonError::into_inner);
    let survey = of_model(&source, &given.columns, &mut |read| {
        predict_rows::show(&mut shown(), "looking at all rows first", read)
    })?;
    survey.notes().for_each(output::note);
    let watch = |pass: usize, read| predict_rows::show(&mut shown(), &format!("pass {pass}"), read);
    let columns = (&given.columns, arguments.meeting.levels.unknown());
    let budget = rows_beyond::budget(&arguments.memory);
    let mut rows = SourceRows::new(&source, &survey, columns, (&budget, Use::AllAtOnce), Box::new(watch))?;
    stop.heed();
    let worked = job.polish((&network, &given.scaler), &given.columns.tolerated(), &mut rows, &mut |progress| {
        if let fit::Progress::Polish(progress) = progress {
            shown().update("", progress);
        }
    })?;
    drop(rows);
    drop(display);
    let FarResult { polished: found, seen } = &worked.result;
    let within = found.within.as_ref().map(WorstCases::beyond_memory);
    let facts = Facts {
        loss: &settings.loss,
        worst_case: within.as_ref(),
        polished: &found.polished,
        test_loss: found.before.held_out.zip(found.after.held_out).map(|(before, after)| [before, after]),
        beside: rows_beyond::beside(found, seen),
        columns: &given.columns,
        scaler: &given.scaler,
        time: Duration::from_secs_f64(worked.seconds),
        stopped: worked.interruption.map(Interruption::in_words),
        rewritten,
        passes: Some(rows_beyond::passes(found)),
    };
    if let Some(path) = &arguments.out.out {
        let proved = job.prove_polish(&worked, &arguments.data.to_string_lossy())?;
        let model = Model::of(proved, given.columns.clone(), given.scaler.clone())?;
        export::write(&Stored::Model(Box::new(model)), path, &Options::default(), arguments.out.existing())?;
    }
    facts.tell(&arguments.out, &arguments.talk)?;
    Ok(output::limit_kept(settings.max_lipschitz, found.polished.after.lipschitz))
}
