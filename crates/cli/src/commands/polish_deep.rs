//! `tautnet polish` of a deep network: layer by layer, never worse.

use super::export;
use crate::arguments::{MeetingArguments, OutArguments, TalkArguments};
use crate::input::{self, Met};
use crate::output;
use crate::progress::{Display, seconds};
use crate::recipe::{self, RecipeArguments, TableArguments, TestArguments};
use crate::stop::Stop;
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tautnet::deep_fit::{Seen, in_other_units};
use tautnet::deep_job::{self, Worked};
use tautnet::deep_polish::{Polished, Progress};
use tautnet::error::{Error, Result};
use tautnet::job::Watch;
use tautnet::recipe::{Command, Field, Kind, Layers, OF_LAYERS, Table};
use tautnet::{Network, Recipe, Scaler, printable};
use tautnet_models::{Options, Stored, polish_settings, told_of_polish};

/// What was asked of `polish`.
pub struct Asked<'a> {
    pub network: &'a Path,
    pub data: &'a OsStr,
    pub meeting: &'a MeetingArguments,
    pub test: &'a TestArguments,
    pub recipe: &'a RecipeArguments<recipe::Polish>,
    pub layers: &'a TableArguments<Layers, recipe::Polish>,
    /// Whether there is a file of tolerances.
    pub tolerances: bool,
    /// Whether there is anything to draw.
    pub pictures: bool,
    pub out: &'a OutArguments,
    pub talk: &'a TalkArguments,
}

/// Refuse what is asked of deep networks alone.
pub fn refuse_for_shallow(layers: &TableArguments<Layers, recipe::Polish>) -> Result<()> {
    match Layers::FIELDS.iter().find(|field| layers.said(field.name)) {
        None => Ok(()),
        Some(field) => Err(Error::new(
            format!("`--{}` is about deep networks, and this one has one hidden layer", field.flag()),
            "leave it out; how far inputs may be off is said by --tolerance",
        )),
    }
}

/// Refuse what is asked of networks of one hidden layer alone.
fn refuse_others(arguments: &Asked<'_>, network: &Network) -> Result<()> {
    let of_others = Recipe::fields(Command::Polish).filter(|field| !OF_LAYERS.contains(&field.name));
    let name = |field: &Field<Recipe>| match field.kind {
        Kind::Switch(_) => field.switch(),
        _ => field.flag(),
    };
    let said = of_others.filter(|field| arguments.recipe.said(field.name)).map(name);
    let pictures = arguments.pictures.then(|| "report` or `--plot".to_owned());
    let file = arguments.tolerances.then(|| "tolerances".to_owned());
    match said.chain(pictures).chain(file).next() {
        None => Ok(()),
        Some(name) => Err(Error::new(
            format!("`--{name}` is not about deep networks, and this one has {}", network.described()),
            "leave it out; how far inputs may be off is said by --radius, in the norm of --norm",
        )),
    }
}

/// Run it.
pub fn run(arguments: &Asked<'_>, stored: &Stored, stop: &Stop) -> Result<ExitCode> {
    refuse_others(arguments, stored.network())?;
    let model = if let Stored::Model(model) = stored { Some(&**model) } else { None };
    let asked = (&arguments.recipe.asked, &arguments.layers.asked);
    let settings = polish_settings(stored.network(), model, asked, &|name| arguments.recipe.said(name))?;
    let test = (arguments.test, arguments.recipe.asked.seed);
    let met = input::met(stored, arguments.network, arguments.data, arguments.meeting, &settings.loss, test)?;
    met.columns.check_loss(&settings.loss)?;
    met.columns.check_outputs(stored.network().outputs())?;
    let raw = arguments.meeting.units.raw_network;
    let units = Scaler::identity(met.train.columns());
    let network = match raw {
        true => in_other_units(stored.network(), &units, &met.scaler)?,
        false => stored.network().clone(),
    };
    stop.heed();
    let watch: Arc<dyn Watch> = Arc::new(*stop);
    let mut display = Display::new(arguments.talk.quiet, f64::NAN);
    let count = network.layers().len();
    let asked =
        deep_job::Asked { network: &network, learned: &met.train, held_out: met.test.as_ref(), settings: &settings };
    let worked = asked.polish(&watch, &mut |progress| {
        if let Progress::At { sweep, layer, objective: (first, now) } = progress {
            let done = ((sweep - 1) as f64 + (count - layer) as f64 / count as f64) / settings.rounds as f64;
            display.line(done, || {
                let (first, now) = (output::number(*first), output::number(*now));
                format!("sweep {sweep}, layer {layer}: objective {now}, {first} at first")
            });
        }
    })?;
    drop(display);
    if let Some(path) = &arguments.out.out {
        let result = match stored {
            Stored::Network(_) if raw => {
                Stored::Network(in_other_units(&worked.polished.network, &met.scaler, &units)?)
            }
            Stored::Network(_) => Stored::Network(worked.polished.network.clone()),
            Stored::Model(model) => {
                let data = arguments.data.to_string_lossy();
                Stored::Model(Box::new(model.polished_by_layers(&worked, &data)?))
            }
        };
        export::write(&result, path, &Options::default(), arguments.out.existing())?;
    }
    if arguments.talk.json {
        output::print_json(&json_of(&worked))?;
    } else {
        output::print(&text(&worked, &network, &met))?;
        if arguments.out.out.is_none() {
            output::note("the network was not kept; write it with --out FILE");
        }
    }
    Ok(output::limit_kept(settings.most, worked.polished.after.bound))
}

/// All that is to be told, with times.
fn json_of(worked: &Worked) -> Value {
    let mut told = told_of_polish(worked);
    if let Some(steps) = told["steps"].as_array_mut() {
        steps.iter_mut().zip(&worked.times).for_each(|(step, seconds)| step["seconds"] = json!(seconds));
    }
    told["seconds"] = json!(worked.seconds);
    told
}

/// The same for people.
fn text(worked: &Worked, network: &Network, met: &Met) -> String {
    let Polished { before, after, steps, sweeps, .. } = &worked.polished;
    let settings = &worked.settings;
    let mut text = format!(
        "{}: {}, `{}` from {} columns\n",
        printable::line(&met.source),
        network.described(),
        printable::shown(&met.columns.target),
        met.columns.width()
    );
    let row = |name: &str, old: f64, new: f64| vec![name.to_owned(), output::number(old), output::number(new)];
    let mut rows = vec![vec![String::new(), "before".into(), "after".into()]];
    rows.push(row("objective", before.objective, after.objective));
    if settings.radius > 0.0 {
        let name = format!("mean loss, inputs off by {} at most", settings.radius);
        rows.push(row(&name, before.loss, after.loss));
    }
    rows.push(row(&settings.loss.mean_name(), before.clean, after.clean));
    let bounds = [before.bound, after.bound].map(output::at_most);
    rows.push([format!("Lipschitz bound ({})", settings.bound.help())].into_iter().chain(bounds).collect());
    let [old, new] = &worked.seen;
    let sets = [("learned from", Some((&old.0, &new.0))), ("held out", old.1.as_ref().zip(new.1.as_ref()))];
    for (name, both) in sets.into_iter().filter_map(|(name, both)| Some((name, both?))) {
        rows.extend(of_rows(name, both, settings.radius));
    }
    text += &output::table(&rows);
    let taken = steps.iter().filter(|step| step.after < step.before).count();
    text += &format!(
        "{} after {sweeps} sweep{} in {}: {taken} of {} steps made it better\n",
        worked.ending(),
        if *sweeps == 1 { "" } else { "s" },
        seconds(Duration::from_secs_f64(worked.seconds)),
        steps.len()
    );
    text
}

/// Lines of what two networks do on rows.
fn of_rows(name: &str, both: (&Seen, &Seen), radius: f64) -> Vec<Vec<String>> {
    let (first, within) = match both {
        (
            Seen::Classes { rows, accuracy: old, proved_accuracy: old_certified },
            Seen::Classes { accuracy: new, proved_accuracy: new_certified, .. },
        ) => (
            [format!("class right, {rows} rows {name}"), output::percent(*old), output::percent(*new)],
            [
                "  within the radius, proved".to_owned(),
                output::percent_at_least(*old_certified),
                output::percent_at_least(*new_certified),
            ],
        ),
        (
            Seen::Numbers { rows, clean: old, proved: old_proved, .. },
            Seen::Numbers { clean: new, proved: new_proved, .. },
        ) => (
            [format!("mean loss, {rows} rows {name}"), output::number(*old), output::number(*new)],
            ["  within the radius, at most".to_owned(), output::at_most(*old_proved), output::at_most(*new_proved)],
        ),
        _ => return Vec::new(),
    };
    let shown = if radius > 0.0 { vec![first, within] } else { vec![first] };
    shown.into_iter().map(Vec::from).collect()
}
