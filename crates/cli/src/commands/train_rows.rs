//! `tautnet train` on rows beyond memory: files that are read a block of rows at a time, as often as it takes.

use super::pictures::{self, Evaluation};
use super::train::{self, Arguments};
use super::train_summary::{Summary, Told, Unkept, certificate};
use super::{export, predict_rows, rows_beyond, train_tolerance};
use crate::files::{Files, TestRows};
use crate::progress::Display;
use crate::stop::Stop;
use crate::{input, output};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tautnet::choose;
use tautnet::choose_far::FarChosen;
use tautnet::error::Result;
use tautnet::fit;
use tautnet::fit_far::FarFitted;
use tautnet::job::{Interruption, Worked};
use tautnet::job_far::FarJob;
use tautnet::recipe::{Command, Plan};
use tautnet::tolerance::{Asked, Input};
use tautnet_models::{Format, Model, Options, Stored};
use tautnet_tables::Encoder;
use tautnet_tables::source::Source;
use tautnet_tables::source_rows::{self, SourceRows, Use};

/// Refuse what needs all rows in memory.
fn check(arguments: &Arguments) -> Result<()> {
    let of_memory = [
        (arguments.deep.asked.layers.is_some(), "--layers"),
        (arguments.balanced, "--balanced"),
        (arguments.pictures.report.is_some(), "--report"),
        (arguments.pictures.wanted(), "--plot"),
        (matches!(arguments.test.test, Some(TestRows::File(_))), "--test FILE"),
        (arguments.recipe.asked.deep, "a method of deep networks"),
    ];
    rows_beyond::check(&of_memory)?;
    rows_beyond::check_file(&arguments.data)
}

/// Run it.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    check(arguments)?;
    let mut asked = arguments.recipe.asked.clone();
    if arguments.tolerances.tolerances.is_some() {
        asked.tolerance = arguments.tolerances.said(&arguments.recipe)?.over(Asked::default())?;
    }
    let plan = asked.resolve(Command::Train)?;
    let files = Files::default().reads_data(Some(&arguments.data)).reads_if(arguments.tolerances.tolerances.as_ref());
    files.writes(&arguments.out.out, arguments.out.existing()).check()?;
    arguments.out.out.as_deref().map(Format::of).transpose()?;
    arguments.threads.apply()?;
    let stop = Stop::new(arguments.limit.time_limit);
    let share = rows_beyond::share(&arguments.test, asked.seed);
    // Said before anything is read.
    FarJob::new(&plan, share, Arc::new(stop))?;
    let path = PathBuf::from(&arguments.data);
    let source = Source::open(&path, &arguments.file.options())?;
    source.notes().iter().for_each(|note| output::note(note));
    let display = Mutex::new(Display::new(arguments.talk.quiet, plan.settings.polish.tol));
    let shown = || display.lock().unwrap_or_else(PoisonError::into_inner);
    let targets = input::named(&arguments.columns.target, |name| source.columns().iter().any(|column| column == name));
    let choice = input::choice(&arguments.columns, arguments.task.task(), &targets, &arguments.columns.drop);
    let started = Instant::now();
    let (columns, survey) = source_rows::choose(&source, &choice, &mut |read| {
        predict_rows::show(&mut shown(), "looking at all rows first", read)
    })?;
    survey.notes().for_each(output::note);
    let plan = arguments.for_target(plan, asked.clone(), &columns)?;
    let job = FarJob::new(&plan, share, Arc::new(stop))?;
    let budget = rows_beyond::budget(&arguments.memory);
    let watch = |pass: usize, read| predict_rows::show(&mut shown(), &format!("pass {pass}"), read);
    let unknown = arguments.levels.unknown();
    let use_of = if plan.choice.is_some() { Use::InParts } else { Use::AllAtOnce };
    let mut rows = SourceRows::new(&source, &survey, (&columns, unknown), (&budget, use_of), Box::new(watch))?;
    let mut unkept = Unkept::of(&arguments.out, &arguments.talk);
    stop.heed();
    if plan.choice.is_some() {
        let inputs = columns.tolerated();
        let worked = job.choose((&inputs, None), &mut rows, &mut |progress| {
            unkept.tell();
            if let fit::Progress::Choice(progress) = progress {
                train_tolerance::show(&mut shown(), progress);
            }
        })?;
        drop(rows);
        let usual = asked.tolerance.is_empty();
        let made =
            Chosen { arguments, source: source.name(), plan: &plan, job: &job, columns: &columns, inputs: &inputs };
        return made.tell(&worked, (started, usual), display, &stop);
    }
    let worked = job.train(&mut rows, &mut |progress| {
        unkept.tell();
        train::show(&mut shown(), progress);
    })?;
    drop(rows);
    let FarFitted { fitted, polished, seen } = &worked.result;
    let late = stop.late();
    shown().stage("proving the bound of the network");
    let proved = job.prove_fit(&worked, &arguments.data.to_string_lossy())?;
    let model = Model::of(proved, columns.clone(), seen.scaler.clone())?;
    let measure = (plan.settings.polish.norm, &plan.settings.polish.loss);
    let bound = certificate(&model).standardized.bound;
    shown().stage("attacking rows");
    let (before, after) = ((&fitted.start, f64::INFINITY), (fitted.network(), bound));
    let held = seen.sample_held_out.as_ref();
    let evaluation = Evaluation::of(before, after, measure, &seen.sample, held, asked.seed, &stop)?;
    drop(display);
    pictures::tell_of_attack(&late);
    let time = started.elapsed();
    if let Some(path) = &arguments.out.out {
        let stored = Stored::Model(Box::new(model.clone()));
        export::write(&stored, path, &Options::default(), arguments.out.existing())?;
    }
    let summary = Summary {
        source: source.name(),
        model: &model,
        fitted,
        rows: told(&worked.result, seen.scaler.input_mean.len()),
        evaluation: &evaluation,
        stopped: worked.interruption.map(Interruption::in_words),
        time,
    };
    let reached = polished.as_ref().map_or(bound, |polished| polished.polished.after.lipschitz);
    let status = output::limit_kept(plan.settings.polish.max_lipschitz, reached);
    summary.tell(&arguments.out, &arguments.talk)?;
    Ok(status)
}

/// A network that was chosen for a tolerance, with all that is known of it.
struct Chosen<'a> {
    arguments: &'a Arguments,
    source: &'a str,
    plan: &'a Plan,
    job: &'a FarJob<'a>,
    columns: &'a Encoder,
    inputs: &'a [Input<'a>],
}

impl Chosen<'_> {
    /// Evaluate, prove, keep, tell.
    fn tell(
        &self,
        worked: &Worked<FarChosen>,
        (started, usual): (Instant, bool),
        display: Mutex<Display>,
        stop: &Stop,
    ) -> Result<ExitCode> {
        let Self { arguments, plan, inputs, .. } = self;
        let found = &worked.result;
        let (seen, shown) = (&found.seen, || display.lock().unwrap_or_else(PoisonError::into_inner));
        let late = stop.late();
        shown().stage(train_tolerance::ATTACKING);
        let evaluation = late.during(|| {
            let held_out = seen.sample_held_out.as_ref().zip(found.tolerance_held_out.as_ref());
            let mut watching = |done, of| shown().count(train_tolerance::ATTACKING, done, of);
            let data = (&seen.sample, &found.tolerance);
            choose::evaluate(&found.chosen, data, held_out, inputs, &plan.settings.polish.loss, &mut watching)
        })?;
        shown().stage("proving the bound of the network");
        let name = arguments.data.to_string_lossy();
        let proved = self.job.prove_choice(worked, evaluation.as_ref(), &name)?;
        drop(display);
        pictures::tell_of_attack(&late);
        let model = Model::of(proved, self.columns.clone(), seen.scaler.clone())?;
        let time = started.elapsed();
        if let Some(path) = &arguments.out.out {
            let stored = Stored::Model(Box::new(model.clone()));
            export::write(&stored, path, &Options::default(), arguments.out.existing())?;
        }
        let summary = train_tolerance::Summary {
            source: self.source,
            plan,
            model: &model,
            inputs,
            chosen: &found.chosen,
            learned: (&seen.sample, &found.tolerance),
            held_out: seen.sample_held_out.as_ref(),
            evaluation: evaluation.as_ref(),
            time,
            usual,
            beyond: Some(found),
        };
        summary.tell(&arguments.out, &arguments.talk)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// What is told of the rows. Where the fit was ended before all rows had been gone through, losses are those on the sample.
fn told(found: &FarFitted, inputs: usize) -> Told {
    let FarFitted { fitted, polished, seen } = found;
    let sampled = || {
        let of = |data| (fitted.loss.mean(&fitted.start, data), fitted.loss.mean(fitted.network(), data));
        (of(&seen.sample), seen.sample_held_out.as_ref().map(of))
    };
    let (loss, loss_held_out) = match polished {
        Some(found) => ((found.before.learned, found.after.learned), found.before.held_out.zip(found.after.held_out)),
        None => sampled(),
    };
    Told {
        learned: seen.learned as usize,
        held_out: (seen.held_out > 0).then_some(seen.held_out as usize),
        inputs,
        balance: String::new(),
        loss,
        loss_held_out,
        right: None,
        beside: polished.as_ref().and_then(|found| rows_beyond::beside(found, seen)),
        passes: polished.as_ref().map(rows_beyond::passes),
    }
}
