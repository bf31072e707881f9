//! `tautnet train DATA --layers …`: deep networks whose bound is the product of their layers' norms.

use super::beside::{self, Units};
use super::{export, targets, train_summary};
use crate::arguments::{ColumnArguments, FileArguments, LevelArguments, OutArguments, TalkArguments, TaskArguments};
use crate::files::Files;
use crate::progress::{Display, seconds};
use crate::recipe::{self, LimitArguments, RecipeArguments, TableArguments, TestArguments, ThreadArguments};
use crate::stop::Stop;
use crate::{input, limits, output};
use serde_json::json;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tautnet::deep_fit::{self, Fitted, METHOD, Seen};
use tautnet::error::{Error, Result};
use tautnet::job::{Interruption, Watch};
use tautnet::recipe::{Command, Deep, Field, SHARED, Table};
use tautnet::{Dataset, Recipe, printable};
use tautnet_models::{Format, Model, Options, Stored};
use tautnet_tables::check_learned;

/// What was asked of `train`.
pub struct Asked<'a> {
    pub data: &'a OsString,
    pub file: &'a FileArguments,
    pub columns: &'a ColumnArguments,
    pub task: TaskArguments,
    pub balanced: bool,
    pub levels: &'a LevelArguments,
    pub test: &'a TestArguments,
    pub recipe: &'a RecipeArguments<recipe::Train>,
    pub deep: &'a TableArguments<Deep, recipe::Train>,
    pub no_standardize: bool,
    /// A file of the network to go on from.
    pub warm_start: Option<&'a PathBuf>,
    /// What else was asked for that is about networks of one hidden layer alone.
    pub of_others: Option<&'static str>,
    pub limit: LimitArguments,
    pub threads: ThreadArguments,
    pub out: &'a OutArguments,
    pub talk: &'a TalkArguments,
}

/// Refuse settings of deep networks where none is asked for, and settings of others where one is. Whether one is.
pub fn is_asked(arguments: &Asked<'_>) -> Result<bool> {
    let flag = |name: &str| Deep::field(name).map_or(name.to_owned(), Field::flag);
    let named = arguments.recipe.asked.deep;
    if arguments.deep.asked.layers.is_none() {
        let said = Deep::FIELDS.iter().find(|field| arguments.deep.said(field.name));
        let said = said.map(|field| format!("`--{}`", flag(field.name)));
        return match said.or(named.then(|| format!("the method `{METHOD}`"))) {
            None => Ok(false),
            Some(said) => Err(Error::new(
                format!("{said} is about deep networks, and no layers were asked for"),
                "give the units of the hidden layers too: ⟨layers=64,64⟩",
            )),
        };
    }
    if let Some(method) = arguments.recipe.asked.method {
        return Err(Error::new(
            format!("`--method {}` is not about deep networks, and --layers asks for one", method.name()),
            format!("leave one of them out; deep networks have one method, {METHOD}"),
        ));
    }
    let of_others = Recipe::fields(Command::Train);
    let of_others = of_others.filter(|field| !(SHARED.contains(&field.name) || (named && field.name == "method")));
    let said = of_others.filter(|field| arguments.recipe.said(field.name)).map(|field| match field.kind {
        tautnet::recipe::Kind::Switch(_) => field.switch(),
        _ => field.flag(),
    });
    let others = arguments.of_others.map(str::to_owned);
    match said.chain(others).next() {
        None => Ok(true),
        Some(name) => Err(Error::new(
            format!("`--{name}` is not about deep networks, and --layers asks for one"),
            "leave one of them out; how far inputs may be off is said by --radius, in the norm of --norm",
        )),
    }
}

/// Train, prove, tell.
pub fn run(arguments: &Asked<'_>) -> Result<ExitCode> {
    let files = Files::default().reads_data(Some(arguments.data)).reads_if(arguments.warm_start);
    files.writes(&arguments.out.out, arguments.out.existing()).check()?;
    arguments.out.out.as_deref().map(Format::of).transpose()?;
    arguments.threads.apply()?;
    let stop = Stop::new(arguments.limit.time_limit);
    let opened = input::open(arguments.data, arguments.file)?;
    let columns = opened.columns(arguments.columns, arguments.task.task())?;
    let classes = columns.classes.as_ref().map(Vec::len);
    let mut recipe = arguments.recipe.asked.clone();
    if classes.is_some() && !arguments.recipe.said("loss") {
        recipe.loss = deep_fit::CLASSES.parse()?;
    }
    if arguments.balanced && classes.is_none() {
        return Err(Error::new(
            "classes are to be balanced, but the target is taken for a number",
            "leave out --balanced",
        ));
    }
    let start = arguments.warm_start.map(|path| input::stored(path)).transpose()?;
    if let Some(Stored::Model(model)) = &start {
        model.check_warm_start(&columns)?;
    }
    let start = start.as_ref().map(|stored| match stored {
        Stored::Model(model) => (&model.network, Some(&model.scaler)),
        Stored::Network(network) => (network, None),
    });
    let as_they_are = arguments.no_standardize || opened.are_images();
    let deep = &arguments.deep.asked;
    let asked = deep_fit::Asked { recipe: &recipe, deep, classes, standardize: !as_they_are, start };
    let unknown = arguments.levels.unknown();
    let (mut learned, mut held_out) =
        input::datasets(&columns, &opened.table, unknown, (arguments.test, recipe.seed), arguments.file)?;
    asked.settings(learned.rows())?;
    if let Some(classes) = &columns.classes {
        check_learned(classes, &learned.y, 0)?.iter().for_each(|note| output::note(note));
    }
    if arguments.balanced {
        learned.balance();
        held_out.iter_mut().for_each(Dataset::balance);
    }
    if opened.are_images() && !arguments.no_standardize && !arguments.talk.quiet {
        output::note("the pixels of images are taken as they are, from 0 to 1; the radius is in these units");
    }
    let mut unkept = train_summary::Unkept::of(arguments.out, arguments.talk);
    stop.heed();
    let watch: Arc<dyn Watch> = Arc::new(stop);
    let mut display = Display::new(arguments.talk.quiet, f64::NAN);
    let fitted = asked.fit(learned, held_out, limits::now(), &watch, &mut |progress| {
        unkept.tell();
        let done = progress.epoch as f64 + progress.steps.0 as f64 / progress.steps.1.max(1) as f64;
        display.line(done / progress.epochs as f64, || {
            let (loss, bound) = (output::number(progress.loss), output::number(progress.bound));
            format!("pass {} of {}: loss {loss}, bound {bound}", progress.epoch + 1, progress.epochs)
        });
    })?;
    drop(display);
    let model = Model::of_deep(&fitted, &asked, columns, &arguments.data.to_string_lossy())?;
    if let Some(path) = &arguments.out.out {
        let stored = Stored::Model(Box::new(model.clone()));
        export::write(&stored, path, &Options::default(), arguments.out.existing())?;
    }
    if arguments.talk.json {
        let mut result = model.objective.clone();
        result["seconds"] = json!(fitted.seconds);
        result["settings"] = model.settings.clone();
        if let Some(beside) = &fitted.beside {
            result["beside"] = beside::told(beside, measured(&fitted, &model, &targets::names(&model.columns)));
        }
        output::print_json(&result)?;
        return Ok(ExitCode::SUCCESS);
    }
    output::print(&text(&fitted, &model, opened.table.source()))?;
    if !arguments.talk.quiet {
        train_summary::tell_where(arguments.out);
    }
    Ok(ExitCode::SUCCESS)
}

/// What errors are measured in.
fn measured<'a>(fitted: &'a Fitted, model: &'a Model, target: &'a str) -> Units<'a> {
    // The names of several have their quotes between them.
    let one = model.columns.other_targets.is_empty();
    Units { target: target.trim_matches('`'), scaler: one.then_some(&model.scaler), loss: &fitted.settings.loss }
}

/// What is told at the end.
fn text(fitted: &Fitted, model: &Model, source: &str) -> String {
    let settings = &fitted.settings;
    let (radius, norm) = (settings.radius, settings.norm);
    let units = if model.settings["standardized"] == json!(true) {
        "standard deviations of each input"
    } else {
        "the units of the data"
    };
    let mut text = format!(
        "{}: {} from {} columns, {} from the rest\n",
        printable::line(source),
        model.network.described(),
        model.columns.width(),
        targets::names(&model.columns)
    );
    // Without a radius what is proved is what is there.
    let shown = if radius > 0.0 { 4 } else { 3 };
    let titles = ["", "rows", "as they are", &format!("inputs off by {radius}, proved")].map(str::to_owned);
    let mut rows = vec![titles[..shown].to_vec()];
    let sets = [("learned from", Some(&fitted.learned)), ("held out", fitted.held_out.as_ref())];
    for (name, seen) in sets.into_iter().filter_map(|(name, seen)| Some((name, seen?))) {
        let (count, clean, proved) = match seen {
            Seen::Classes { rows, accuracy, proved_accuracy } => {
                let proved = format!("at least {}", output::percent_at_least(*proved_accuracy));
                (rows, output::percent(*accuracy), proved)
            }
            Seen::Numbers { rows, clean, proved, .. } => {
                (rows, output::number(*clean), format!("at most {}", output::at_most(*proved)))
            }
        };
        rows.push([name.to_owned(), count.to_string(), clean, proved][..shown].to_vec());
        let Seen::Numbers { targets, .. } = seen else { continue };
        for (name, target) in model.columns.target_names().into_iter().zip(targets) {
            let (clean, proved) = (output::number(target.clean), output::at_most(target.proved));
            let line = [format!("  `{}`", printable::line(name)), String::new(), clean, format!("at most {proved}")];
            rows.push(line[..shown].to_vec());
        }
    }
    let what = if settings.classes.is_some() {
        "how often the class is right".to_owned()
    } else {
        let whose = if model.columns.other_targets.is_empty() { "target" } else { "targets, their sum" };
        format!("mean loss ({}, standardized {whose})", settings.loss.name())
    };
    text += &format!("{what}; changes of the inputs are measured in the norm {}, in {units}\n", norm.name());
    text += &output::table(&rows);
    if let Some(beside) = &fitted.beside {
        text += &beside::text(beside, measured(fitted, model, &targets::names(&model.columns)));
    }
    let layers: Vec<String> = fitted.bound.layers.iter().map(|size| output::at_most(*size)).collect();
    text += &format!(
        "the outputs together change by at most {} times what the inputs change: the product of the layers' norms ({}), proved\n",
        output::at_most(fitted.bound.bound),
        layers.join(", ")
    );
    let (trained, ending) = (&fitted.trained, fitted.interruption.map_or("done", Interruption::in_words));
    let passes = trained.history.len();
    let of_all = if passes == settings.epochs { String::new() } else { format!(" of {}", settings.epochs) };
    let time = seconds(Duration::from_secs_f64(fitted.seconds));
    text += &format!("{ending} after {passes}{of_all} passes in {time}");
    text += &match trained.validation.is_nan() {
        true => "\n".to_owned(),
        false => format!("; the network is that of pass {}, the best on rows put aside\n", trained.epoch),
    };
    text
}
