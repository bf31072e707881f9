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
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tautnet::deep_fit::{self, Seen, in_other_units};
use tautnet::deep_polish::{self, Bound, Ending, Polished, Progress, Settings};
use tautnet::error::{Error, Result};
use tautnet::job::{Interruption, Watch};
use tautnet::recipe::{Command, Field, Kind, Layers, OF_LAYERS, Table};
use tautnet::{Dataset, Network, Recipe, Scaler, Stage, certify, deep, printable};
use tautnet_models::{Model, Options, Stored};
use tautnet_tables::Encoder;

/// Whether what is known of one hidden layer of relu units says nothing of this network.
pub fn is_for(network: &Network) -> bool {
    network.layers().len() > 1 && network.linear().is_none() && network.in_relu_units("`polish`").is_err()
}

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

/// The settings: what was said, and where no price, limit or radius was, those that the model was trained by.
fn settings(arguments: &Asked<'_>, stored: &Stored) -> Result<Settings> {
    let (mut recipe, mut layers) = (arguments.recipe.asked.clone(), arguments.layers.asked);
    let said = |name: &str| arguments.recipe.said(name);
    if !said("loss") {
        recipe.loss = match stored {
            Stored::Network(network) if network.outputs() > 1 => deep_fit::CLASSES.parse()?,
            _ => stored.loss()?,
        };
    }
    if let Stored::Model(model) = stored {
        let own = |name: &str| model.settings.get(name).and_then(Value::as_f64);
        if !said("norm") {
            recipe.norm = model.own_norm()?;
        }
        if !said("lipschitz") && !said("max_lipschitz") && layers.radius.is_none() {
            recipe.lipschitz = own("lipschitz");
            recipe.max_lipschitz = own("max_lipschitz").filter(|most| *most > 0.0);
            layers.radius = own("radius").filter(|_| layers.bound != Some(Bound::Lipsdp));
        }
    }
    let mut settings = layers.resolve(&recipe);
    if said("tol") {
        settings.tolerance = recipe.tol;
    }
    Ok(settings)
}

/// Run it.
pub fn run(arguments: &Asked<'_>, stored: &Stored, stop: &Stop) -> Result<ExitCode> {
    refuse_others(arguments, stored.network())?;
    let settings = settings(arguments, stored)?;
    settings.check()?;
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
    let asking = {
        let watch = Arc::clone(&watch);
        tautnet::Stop::staged(move |stage| watch.interruption(stage).is_some())
    };
    let began = watch.seconds();
    let mut display = Display::new(arguments.talk.quiet, f64::NAN);
    let (mut times, mut last) = (Vec::new(), began);
    let count = network.layers().len();
    let polished = asking.during(|| {
        deep_polish::polish(&network, &met.train, &settings, &mut |progress| {
            match progress {
                Progress::At { sweep, layer, objective: (first, now) } => {
                    let done = ((sweep - 1) as f64 + (count - layer) as f64 / count as f64) / settings.rounds as f64;
                    display.line(done, || {
                        let (first, now) = (output::number(*first), output::number(*now));
                        format!("sweep {sweep}, layer {layer}: objective {now}, {first} at first")
                    });
                }
                Progress::Done(_) => {
                    let now = watch.seconds();
                    times.push(now - last);
                    last = now;
                }
            }
            ControlFlow::Continue(())
        })
    })?;
    drop(display);
    watch.kept();
    let facts = Facts {
        interruption: watch.interruption(Stage::Main).filter(|_| polished.ending == Ending::Stopped),
        seconds: watch.seconds() - began,
        times,
        seen: asking.late().during(|| seen(&[&network, &polished.network], &met, &settings))?,
        trivial: asking.late().during(|| certify::trivial_bound(&polished.network, settings.norm)),
        polished: &polished,
        settings: &settings,
        columns: &met.columns,
    };
    if let Some(path) = &arguments.out.out {
        let result = match stored {
            Stored::Network(_) if raw => Stored::Network(in_other_units(&polished.network, &met.scaler, &units)?),
            Stored::Network(_) => Stored::Network(polished.network.clone()),
            Stored::Model(model) => Stored::Model(Box::new(facts.model(model, &arguments.data.to_string_lossy())?)),
        };
        export::write(&result, path, &Options::default(), arguments.out.existing())?;
    }
    if arguments.talk.json {
        output::print_json(&facts.json())?;
    } else {
        output::print(&facts.text(&network, &met.source))?;
        if arguments.out.out.is_none() {
            output::note("the network was not kept; write it with --out FILE");
        }
    }
    Ok(output::limit_kept(settings.most, polished.after.bound))
}

/// What networks do on the rows learned from and on those held out, and what is proved of that within the radius.
fn seen(networks: &[&Network; 2], met: &Met, settings: &Settings) -> Result<[(Seen, Option<Seen>); 2]> {
    let outputs = networks[0].outputs();
    let classes = settings.loss.is_margin().then_some(if outputs == 1 { 2 } else { outputs });
    let asked = deep::Settings {
        classes,
        loss: settings.loss.clone(),
        norm: settings.norm,
        radius: settings.radius,
        ..deep::Settings::default()
    };
    let of = |network: &Network| -> Result<(Seen, Option<Seen>)> {
        let on = |rows: &Dataset| Seen::of(network, rows, &asked);
        Ok((on(&met.train)?, met.test.as_ref().map(on).transpose()?))
    };
    Ok([of(networks[0])?, of(networks[1])?])
}

/// All that is to be told.
struct Facts<'a> {
    polished: &'a Polished,
    settings: &'a Settings,
    columns: &'a Encoder,
    /// Before and after.
    seen: [(Seen, Option<Seen>); 2],
    trivial: certify::TrivialBound,
    interruption: Option<Interruption>,
    seconds: f64,
    /// Seconds of every step.
    times: Vec<f64>,
}

impl Facts<'_> {
    fn ending(&self) -> &'static str {
        match (self.interruption, self.polished.ending) {
            (Some(interruption), _) => interruption.in_words(),
            (None, Ending::Done) => "done",
            (None, Ending::Rounds) => "all sweeps made",
            (None, Ending::Stopped) => "stopped",
        }
    }

    fn steps(&self) -> Vec<Value> {
        let steps = self.polished.steps.iter().zip(&self.times);
        steps
            .map(|(step, seconds)| {
                let mut step = json!(step);
                step["seconds"] = json!(seconds);
                step
            })
            .collect()
    }

    fn json(&self) -> Value {
        let score = |score: &deep_polish::Score, (learned, held_out): &(Seen, Option<Seen>)| {
            let mut told = json!(score);
            told["learned"] = json!(learned);
            if let Some(held_out) = held_out {
                told["held_out"] = json!(held_out);
            }
            told
        };
        json!({
            "before": score(&self.polished.before, &self.seen[0]),
            "after": score(&self.polished.after, &self.seen[1]),
            "trivial_bound": self.trivial.bound,
            "layers": self.trivial.layers,
            "bound": self.settings.bound.name(),
            "norm": self.settings.norm.name(),
            "radius": self.settings.radius,
            "lipschitz": self.settings.lipschitz,
            "max_lipschitz": self.settings.most,
            "loss": self.settings.loss.name(),
            "ending": self.ending(),
            "sweeps": self.polished.sweeps,
            "steps": self.steps(),
            "seconds": self.seconds,
        })
    }

    /// The model with the new network, and what was done.
    fn model(&self, model: &Model, data: &str) -> Result<Model> {
        let mut polished = model.clone();
        polished.network = self.polished.network.clone();
        polished.certificate = None;
        let told = self.json();
        for name in ["trivial_bound", "layers", "norm", "radius", "ending"] {
            polished.objective[name] = told[name].clone();
        }
        polished.objective["learned"] = told["after"]["learned"].clone();
        match told["after"].get("held_out") {
            Some(held_out) => polished.objective["held_out"] = held_out.clone(),
            None => _ = polished.objective.as_object_mut().and_then(|objective| objective.remove("held_out")),
        }
        let part = |names: &[&str]| -> Value {
            names.iter().map(|name| ((*name).to_owned(), told[*name].clone())).collect::<serde_json::Map<_, _>>().into()
        };
        polished.objective["polish"] = part(&["before", "after", "ending", "sweeps", "steps"]);
        let mut settings = part(&["bound", "norm", "radius", "lipschitz", "max_lipschitz", "loss"]);
        settings["data"] = json!(data);
        polished.settings["polish"] = settings;
        polished.check()?;
        Ok(polished)
    }

    fn text(&self, network: &Network, source: &str) -> String {
        let Polished { before, after, steps, sweeps, .. } = self.polished;
        let settings = self.settings;
        let mut text = format!(
            "{}: {}, `{}` from {} columns\n",
            printable::line(source),
            network.described(),
            printable::shown(&self.columns.target),
            self.columns.width()
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
        let [old, new] = &self.seen;
        let sets = [("learned from", Some((&old.0, &new.0))), ("held out", old.1.as_ref().zip(new.1.as_ref()))];
        for (name, both) in sets.into_iter().filter_map(|(name, both)| Some((name, both?))) {
            rows.extend(of_rows(name, both, settings.radius));
        }
        text += &output::table(&rows);
        let taken = steps.iter().filter(|step| step.after < step.before).count();
        text += &format!(
            "{} after {sweeps} sweep{} in {}: {taken} of {} steps made it better\n",
            self.ending(),
            if *sweeps == 1 { "" } else { "s" },
            seconds(Duration::from_secs_f64(self.seconds)),
            steps.len()
        );
        text
    }
}

/// Lines of what two networks do on rows.
fn of_rows(name: &str, both: (&Seen, &Seen), radius: f64) -> Vec<Vec<String>> {
    let (first, within) = match both {
        (
            Seen::Classes { rows, accuracy: old, certified_accuracy: old_certified },
            Seen::Classes { accuracy: new, certified_accuracy: new_certified, .. },
        ) => (
            [format!("class right, {rows} rows {name}"), output::percent(*old), output::percent(*new)],
            [
                "  within the radius, proved".to_owned(),
                output::percent_at_least(*old_certified),
                output::percent_at_least(*new_certified),
            ],
        ),
        (
            Seen::Numbers { rows, clean: old, proved: old_proved },
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
