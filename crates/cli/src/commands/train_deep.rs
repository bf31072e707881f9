//! `tautnet train DATA --layers …`: deep networks whose bound is the product of their layers' norms.

use super::{export, train_summary};
use crate::arguments::{ColumnArguments, FileArguments, LevelArguments, OutArguments, TalkArguments, TaskArguments};
use crate::files::Files;
use crate::progress::{Display, seconds};
use crate::recipe::{self, LimitArguments, RecipeArguments, TableArguments, TestArguments, ThreadArguments};
use crate::stop::Stop;
use crate::{input, limits, output};
use serde_json::{Map, Value, json};
use std::ffi::OsString;
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tautnet::certify::{self, Bounded};
use tautnet::deep::{self, Settings, Trained};
use tautnet::error::{Error, Result};
use tautnet::recipe::{Command, Deep, Field, SHARED, Table};
use tautnet::{Dataset, Network, Recipe, Scaler, printable};
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
    if arguments.deep.asked.layers.is_none() {
        let said = Deep::FIELDS.iter().find(|field| arguments.deep.said(field.name));
        return match said {
            None => Ok(false),
            Some(field) => Err(Error::new(
                format!("`--{}` is about deep networks, and no layers were asked for", flag(field.name)),
                "give the units of the hidden layers too: --layers 64,64",
            )),
        };
    }
    let of_others = Recipe::fields(Command::Train).filter(|field| !SHARED.contains(&field.name));
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

/// The rows of one kind, seen by the network that came out.
struct Seen {
    rows: usize,
    /// The share of rows whose class is right, or the mean loss.
    clean: f64,
    /// The same for all changes of the inputs by at most the radius, proved.
    proved: f64,
}

/// Train, prove, tell.
pub fn run(arguments: &Asked<'_>) -> Result<ExitCode> {
    let files = Files::default().reads_data(Some(arguments.data));
    files.writes(&arguments.out.out, arguments.out.existing()).check()?;
    arguments.out.out.as_deref().map(Format::of).transpose()?;
    arguments.threads.apply()?;
    let stop = Stop::new(arguments.limit.time_limit);
    let opened = input::open(arguments.data, arguments.file)?;
    let columns = opened.columns(arguments.columns, arguments.task.task())?;
    if !columns.other_targets.is_empty() {
        return Err(Error::new(
            format!(
                "{} targets are asked for, and a deep network has one, a number or a class",
                columns.other_targets.len() + 1
            ),
            "name one target, or leave out --layers",
        ));
    }
    let recipe = &arguments.recipe.asked;
    let classes = columns.classes.as_ref().map(Vec::len);
    if classes.is_some() && arguments.recipe.said("loss") && recipe.loss.name() != "logistic" {
        return Err(Error::new(
            format!("the loss is `{}`, and deep networks learn classes by their cross-entropy", recipe.loss),
            "leave --loss out, or say logistic",
        ));
    }
    if arguments.balanced && classes.is_none() {
        return Err(Error::new(
            "classes are to be balanced, but the target is taken for a number",
            "leave out --balanced",
        ));
    }
    let unknown = arguments.levels.unknown();
    let (mut learned, mut held_out) =
        input::datasets(&columns, &opened.table, unknown, (arguments.test, recipe.seed), arguments.file)?;
    let asked = &arguments.deep.asked;
    let settings = asked.resolve(recipe, classes, learned.rows()).expect("layers were asked for");
    if let Some(classes) = &columns.classes {
        check_learned(classes, &learned.y, 0)?.iter().for_each(|note| output::note(note));
    }
    if arguments.balanced {
        learned.balance();
        held_out.iter_mut().for_each(Dataset::balance);
    }
    let as_they_are = arguments.no_standardize || opened.are_images();
    if opened.are_images() && !arguments.no_standardize && !arguments.talk.quiet {
        output::note("the pixels of images are taken as they are, from 0 to 1; the radius is in these units");
    }
    let mut scaler = if as_they_are { Scaler::identity(learned.columns()) } else { Scaler::fit(&learned)? };
    if classes.is_some() {
        (scaler.target_mean, scaler.target_scale) = (0.0, 1.0);
    }
    scaler.standardize_in_place(&mut learned);
    let held_out = held_out.map(|rows| scaler.standardize(&rows));

    stop.heed();
    let started = Instant::now();
    let mut display = Display::new(arguments.talk.quiet, f64::NAN);
    let trained = stop.during(|| {
        deep::train(&learned, &settings, limits::now(), &mut |progress| {
            let done = progress.epoch as f64 + progress.steps.0 as f64 / progress.steps.1.max(1) as f64;
            display.line(done / progress.epochs as f64, || {
                let (loss, bound) = (output::number(progress.loss), output::number(progress.bound));
                format!("pass {} of {}: loss {loss}, bound {bound}", progress.epoch + 1, progress.epochs)
            });
            ControlFlow::Continue(())
        })
    })?;
    drop(display);
    stop.kept();
    let stopped = stop.reason();
    let network = match classes {
        Some(2) => deep::difference(&trained.network, 1, 0)?,
        _ => trained.network.clone(),
    };
    let late = stop.late();
    let (bound, sets) = late.during(|| -> Result<_> {
        let bound = certify::trivial_bound(&network, settings.norm);
        let mut sets = vec![("learned", see(&network, &learned, &settings)?)];
        if let Some(rows) = &held_out {
            sets.push(("held_out", see(&network, rows, &settings)?));
        }
        Ok((bound, sets))
    })?;
    let time = started.elapsed();
    let mut record = settings_json(arguments, &settings);
    record["data"] = json!(arguments.data.to_string_lossy());
    record["standardized"] = json!(!as_they_are);
    let told = Told { trained: &trained, bound: &bound, sets: &sets, stopped, time };
    let model = Model {
        network,
        columns,
        scaler,
        settings: record,
        objective: told.json(&settings),
        certificate: None,
        calibration: None,
    };
    model.check()?;
    if let Some(path) = &arguments.out.out {
        let stored = Stored::Model(Box::new(model.clone()));
        export::write(&stored, path, &Options::default(), arguments.out.existing())?;
    }
    if arguments.talk.json {
        let mut result = told.json(&settings);
        result["settings"] = model.settings.clone();
        output::print_json(&result)?;
        return Ok(ExitCode::SUCCESS);
    }
    output::print(&told.text(&settings, &model, opened.table.source()))?;
    if !arguments.talk.quiet {
        train_summary::tell_where(arguments.out);
    }
    Ok(ExitCode::SUCCESS)
}

/// What a network does on rows, with what is proved of it within the radius.
fn see(network: &Network, rows: &Dataset, settings: &Settings) -> Result<Seen> {
    let bounded = certify::within_radius(network, rows.x.as_ref(), (settings.norm, settings.radius))?;
    let weights = rows.weights.clone().unwrap_or_else(|| vec![1.0; rows.rows()]);
    let all: f64 = weights.iter().sum();
    let mean = |of: &dyn Fn(&Bounded, f64) -> f64| {
        let terms = bounded.iter().zip(&rows.y).zip(&weights);
        terms.map(|((bounded, y), weight)| weight * of(bounded, *y)).sum::<f64>() / all
    };
    let share = |is: bool| f64::from(u8::from(is));
    let (clean, proved) = match settings.classes {
        Some(2) => (
            mean(&|bounded, y| share(bounded.outputs[0] * y > 0.0)),
            mean(&|bounded, y| share(if y > 0.0 { bounded.lower[0] > 0.0 } else { bounded.upper[0] < 0.0 })),
        ),
        Some(_) => (
            mean(&|bounded, y| share(bounded.class() == y as usize)),
            mean(&|bounded, y| share(bounded.class() == y as usize && bounded.is_certain())),
        ),
        None => {
            let loss = &settings.loss;
            (
                mean(&|bounded, y| loss.value(bounded.outputs[0], y)),
                mean(&|bounded, y| loss.value(bounded.lower[0], y).max(loss.value(bounded.upper[0], y))),
            )
        }
    };
    Ok(Seen { rows: rows.rows(), clean, proved })
}

/// The settings, by the names under which they are asked for.
fn settings_json(arguments: &Asked<'_>, settings: &Settings) -> Value {
    let mut record: Map<String, Value> =
        Deep::FIELDS.iter().map(|field| (field.name.to_owned(), json!(field.value(&arguments.deep.asked)))).collect();
    record.insert("activation".into(), json!(settings.activation.name()));
    record.insert("hidden_weights".into(), json!(settings.hidden.name()));
    record.insert("epochs".into(), json!(settings.epochs));
    record.insert("batch".into(), json!(settings.batch));
    record.insert("radius".into(), json!(settings.radius));
    record.insert("norm".into(), json!(settings.norm.name()));
    record.insert("seed".into(), json!(settings.seed));
    record.insert("lipschitz".into(), json!(settings.price.amount));
    record.insert("max_lipschitz".into(), json!(settings.most));
    let loss = if settings.classes.is_some() { "logistic".to_owned() } else { settings.loss.name() };
    record.insert("loss".into(), json!(loss));
    record.insert("method".into(), json!("trivial-bound"));
    Value::Object(record)
}

/// What is told at the end.
struct Told<'a> {
    trained: &'a Trained,
    bound: &'a certify::TrivialBound,
    sets: &'a [(&'static str, Seen)],
    stopped: Option<&'static str>,
    time: Duration,
}

impl Told<'_> {
    fn json(&self, settings: &Settings) -> Value {
        let [clean, proved] = match settings.classes {
            Some(_) => ["accuracy", "certified_accuracy"],
            None => ["clean", "proved"],
        };
        let mut result = json!({
            "trivial_bound": self.bound.bound,
            "layers": self.bound.layers,
            "norm": settings.norm.name(),
            "radius": settings.radius,
            "epochs": self.trained.history.len(),
            "epoch": self.trained.epoch,
            "seconds": self.time.as_secs_f64(),
            "ending": self.stopped.unwrap_or("done"),
        });
        for (name, seen) in self.sets {
            result[name] = json!({"rows": seen.rows, clean: seen.clean, proved: seen.proved});
        }
        result
    }

    fn text(&self, settings: &Settings, model: &Model, source: &str) -> String {
        let (radius, norm) = (settings.radius, settings.norm);
        let units = if model.settings["standardized"] == json!(true) {
            "standard deviations of each input"
        } else {
            "the units of the data"
        };
        let mut text = format!(
            "{}: {} from {} columns, `{}` from the rest\n",
            printable::line(source),
            model.network.described(),
            model.columns.width(),
            printable::shown(&model.columns.target)
        );
        // Without a radius what is proved is what is there.
        let shown = if radius > 0.0 { 4 } else { 3 };
        let titles = ["", "rows", "as they are", &format!("inputs off by {radius}, proved")].map(str::to_owned);
        let mut rows = vec![titles[..shown].to_vec()];
        for (name, seen) in self.sets {
            let name = if *name == "learned" { "learned from" } else { "held out" };
            let [clean, proved] = match settings.classes {
                Some(_) => [output::percent(seen.clean), format!("at least {}", output::percent_at_least(seen.proved))],
                None => [output::number(seen.clean), format!("at most {}", output::at_most(seen.proved))],
            };
            rows.push([name.to_owned(), seen.rows.to_string(), clean, proved][..shown].to_vec());
        }
        let what = if settings.classes.is_some() {
            "how often the class is right".to_owned()
        } else {
            format!("mean loss ({}, standardized target)", settings.loss.name())
        };
        text += &format!("{what}; changes of the inputs are measured in the norm {}, in {units}\n", norm.name());
        text += &output::table(&rows);
        let layers: Vec<String> = self.bound.layers.iter().map(|size| output::at_most(*size)).collect();
        text += &format!(
            "the outputs together change by at most {} times what the inputs change: the product of the layers' norms ({}), proved\n",
            output::at_most(self.bound.bound),
            layers.join(", ")
        );
        let passes = self.trained.history.len();
        let of_all = if passes == settings.epochs { String::new() } else { format!(" of {}", settings.epochs) };
        text += &format!("{} after {passes}{of_all} passes in {}", self.stopped.unwrap_or("done"), seconds(self.time));
        text += &match self.trained.validation.is_nan() {
            true => "\n".to_owned(),
            false => format!("; the network is that of pass {}, the best on rows put aside\n", self.trained.epoch),
        };
        text
    }
}
