//! `tautnet compare DATA`: every method on one data set, over several seeds.

use super::pictures;
use super::train::CLASSES;
use super::train_summary::taken_for;
use super::trial_text::{band_json, failed, note_failures, time, trials};
use crate::arguments::{ColumnArguments, FileArguments, LevelArguments, TalkArguments, TaskArguments};
use crate::files::PlotFile;
use crate::files::{Files, plot_file_parser};
use crate::progress::Display;
use crate::recipe::{self, LimitArguments, RecipeArguments, TableArguments, ThreadArguments};
use crate::stop::Stop;
use crate::workers::{self, Workers};
use crate::{input, output};
use clap::builder::PossibleValuesParser;
use serde_json::json;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use tautnet::error::{Error, Result};
use tautnet::printable;
use tautnet::recipe::{Command, Judge};
use tautnet::train::Descent;
use tautnet::{attack, polish};
use tautnet_report::chart::Canvas;
use tautnet_report::panels::{Words, panels};
use tautnet_study::experiment::{
    Arm, BASES, Band, METHODS, Method, Plan, Settings, Trials, bands, base, base_title, method, method_title,
    rows_of_classes_to_csv, rows_to_csv,
};
use tautnet_tables::Encoder;
use tautnet_tables::atomic::{self, Existing};

/// Every method on one data set, over several seeds
///
/// Each trial holds out a part of the rows and trains the starting networks on the rest; every method is then applied to each of
/// them. All are judged alike: by mean loss + λ · (bound on the Lipschitz constant) on the rows learned from, and by the
/// error on the rows held out, without attack and under it. Numbers are medians over the trials, in standardized units.
/// Of a target that is a class the table has the shares of the rows held out whose class is right: without attack, found
/// under it, and proved.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Data: a CSV file (plain or gzip), a Parquet file or an idx file of images, the name of a data set, or `-` for standard input
    pub data: OsString,

    #[command(flatten)]
    pub file: FileArguments,

    #[command(flatten)]
    pub columns: ColumnArguments,

    #[command(flatten)]
    pub task: TaskArguments,

    #[command(flatten)]
    pub levels: LevelArguments,

    #[command(flatten)]
    pub judge: TableArguments<Judge, recipe::Compare>,

    /// Starting networks, separated by commas [default: all]
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = names(BASES.iter().map(|base| base.name)), help_heading = "Comparison")]
    pub start: Vec<String>,

    /// Methods, separated by commas [default: all that can be run at the prices, but for the last two]
    ///
    /// `within-tolerance` (what `train` chooses for input errors up to the first radius above 0) and `adversarial-tuned` (adversarial training,
    /// tuned by validation at that radius) make dozens of networks, whatever the starting network is: they are run once a trial, beside
    /// the first one.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = names(METHODS.iter().map(|method| method.name)), help_heading = "Comparison")]
    pub method: Vec<String>,

    #[command(flatten)]
    pub recipe: RecipeArguments<recipe::Compare>,

    #[command(flatten)]
    pub limit: LimitArguments,

    #[command(flatten)]
    pub threads: ThreadArguments,

    /// Write a row for each network to this CSV file
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    pub out: Option<PathBuf>,

    /// Draw the error against the radius, in a .svg or .png file
    #[arg(long, value_name = "FILE", value_parser = plot_file_parser(), help_heading = "Output")]
    pub plot: Option<PlotFile>,

    /// Replace files that exist
    #[arg(long, help_heading = "Output")]
    pub force: bool,

    #[command(flatten)]
    pub talk: TalkArguments,
}

fn names(all: impl Iterator<Item = &'static str>) -> PossibleValuesParser {
    PossibleValuesParser::new(all.collect::<Vec<_>>())
}

/// What the flags ask for.
fn plan(arguments: &Arguments, columns: &Encoder, source: &str) -> Result<Plan> {
    let settings = settings(arguments, columns)?;
    let bases = match &*arguments.start {
        [] => BASES.iter().collect(),
        asked => asked.iter().map(|name| base(name)).collect::<Result<Vec<_>>>()?,
    };
    let asked = arguments.method.iter().map(|name| method(name)).collect::<Result<Vec<_>>>()?;
    let arm = |(k, base)| {
        let arm = Arm { base, methods: asked.clone(), lipschitz_price: settings.polish.lipschitz_price, decay: 0.0 };
        let mut methods = if asked.is_empty() { all_that_run(&settings, &arm) } else { asked.clone() };
        // Beside every other starting network the result would be the same.
        methods.retain(|method| k == 0 || !method.by_name);
        Arm { methods, ..arm }
    };
    // Without a wish, every starting network that can be made.
    let made = |arm: &Arm| !arguments.start.is_empty() || settings.check_base(arm).is_ok();
    let arms = bases.into_iter().enumerate().map(arm).filter(made).collect();
    let plan = Plan { data: vec![source.to_owned()], trials: arguments.judge.asked.trials, arms, settings };
    plan.check()?;
    Ok(plan)
}

fn settings(arguments: &Arguments, columns: &Encoder) -> Result<Settings> {
    let (mut asked, judge) = (arguments.recipe.asked.clone(), &arguments.judge.asked);
    if columns.classes.is_some() && !arguments.recipe.said("loss") {
        asked.loss = CLASSES.parse()?;
    }
    columns.check_loss(&asked.loss)?;
    let polish = asked.resolve(Command::Compare)?.settings.polish;
    let (descent, attack) = (Descent::default(), Settings::default().attack);
    Ok(Settings {
        units: asked.units(),
        held_out: judge.test,
        seed: asked.seed,
        radii: judge.radius.clone(),
        descent: Descent { decay: asked.decay.unwrap_or(descent.decay), ..descent },
        attack: attack::Settings { loss: polish.loss.clone(), ..attack },
        polish: polish::Settings { decay: 0.0, ..polish },
        ..Settings::default()
    })
}

/// Every method that changes a starting network, but those that would fail at the prices of the arm.
fn all_that_run(settings: &Settings, arm: &Arm) -> Vec<&'static Method> {
    METHODS.iter().filter(|method| !method.by_name && settings.check_method(arm, method).is_ok()).collect()
}

/// Say which starting networks and methods were left out of all, and why.
fn note_left_out(plan: &Plan, arguments: &Arguments) {
    let (settings, arm) = (&plan.settings, &plan.arms[0]);
    let bases = BASES.iter().filter(|_| arguments.start.is_empty());
    let bases = bases.filter_map(|base| settings.check_base(&Arm { base, ..arm.clone() }).err());
    let methods = METHODS.iter().filter(|method| arguments.method.is_empty() && !method.by_name);
    let methods = methods.filter_map(|method| settings.check_method(arm, method).err());
    bases.chain(methods).for_each(|error| output::note(&format!("left out: {}", error.what)));
}

/// Run it.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let stop = Stop::new(arguments.limit.time_limit);
    let existing = if arguments.force { Existing::Replace } else { Existing::Refuse };
    let results = arguments.out.iter().chain(arguments.plot.iter().map(|plot| &plot.path));
    Files::default().reads_data(Some(&arguments.data)).writes(results, existing).check()?;
    let opened = input::open(&arguments.data, &arguments.file)?;
    let source = opened.table.source().to_owned();
    let columns = opened.columns(&arguments.columns, arguments.task.task())?;
    columns.check_one_target("`compare`")?;
    if let Some(count) = columns.several() {
        let target = printable::shown(&columns.target);
        return Err(Error::new(
            format!("the target `{target}` has {count} classes, and `compare` takes two classes or numbers"),
            "name another target, or keep the rows of two classes; `train` takes several classes",
        ));
    }
    input::note_columns(&columns, &opened.table);
    let table = input::complete(&columns, &opened.table)?;
    let data = [columns.dataset(&table, arguments.levels.unknown())?.into()];
    let plan = plan(arguments, &columns, &source)?;
    note_left_out(&plan, arguments);

    stop.heed();
    let tasks = plan.tasks();
    let trial = workers::trials(&plan, &data);
    let workers = Workers { trial: &trial, threads: workers::threads(arguments.threads.threads), stop: &stop };
    let mut display = Display::new(arguments.talk.quiet, 1.0);
    let (mut rows, mut done) = (Vec::new(), 0);
    workers.run(&tasks, &mut display, |_, of_task| {
        rows.extend(of_task);
        stop.kept();
        done += 1;
        Ok(())
    })?;
    drop(display);
    if rows.is_empty() {
        return Err(Error::new(
            format!("{} before the first trial ended", stop.reason().unwrap_or("stopped")),
            "give it more time, fewer --hidden units, or fewer methods with --method",
        ));
    }
    plan.sort(&mut rows);
    let bands = bands(&rows);

    if let Some(path) = &arguments.out {
        let settings = plan.fingerprint(env!("CARGO_PKG_VERSION"), &data);
        let radii = &plan.settings.radii;
        let text = match columns.classes {
            Some(_) => rows_of_classes_to_csv(&rows, &settings, radii),
            None => rows_to_csv(&rows, &settings, Some(radii)),
        };
        atomic::write(path, text.as_bytes(), existing)?;
    }
    if let Some(plot) = &arguments.plot {
        let norm = plan.settings.polish.norm.name();
        let words = Words {
            title: &format!("Every method on {source}"),
            radius: &format!("radius of the attack ({norm}-norm of standardized inputs)"),
            error: &format!(
                "{} under attack on rows held out (standardized), median over {}",
                plan.settings.polish.loss.mean_name(),
                trials(&bands)
            ),
        };
        let scene = panels(&bands, &plan.settings.radii, &words, &Canvas::FILE);
        pictures::write_bytes(&scene, &plot.path, plot.png, existing)?;
    }
    if arguments.talk.json {
        output::print_json(&json!({
            "data": source,
            "classes": columns.classes,
            "lipschitz_price": plan.settings.polish.lipschitz_price,
            "radii": plan.settings.radii,
            "trials": {"done": done, "of": tasks.len()},
            "methods": bands.iter().map(band_json).collect::<Vec<_>>(),
        }))?;
    } else {
        output::print(&text(&plan, &bands, &columns, &data[0].rows))?;
    }
    if done < tasks.len() {
        let why = stop.reason().unwrap_or("stopped");
        output::note(&format!("{why}: {done} of {} trials are done", tasks.len()));
    }
    note_failures(&rows);
    Ok(ExitCode::SUCCESS)
}

/// The table for people.
fn text(plan: &Plan, bands: &[Band], columns: &Encoder, data: &tautnet::Dataset) -> String {
    // Two radii say enough beside the figure: the middle one and the last.
    let radii = &plan.settings.radii;
    let mut shown: Vec<usize> = if radii.is_empty() { vec![] } else { vec![radii.len() / 2, radii.len() - 1] };
    shown.dedup();
    let classes = columns.classes.is_some();
    let error = if classes { ["loss", "right"] } else { ["error", "held out"] };
    let mut head: Vec<String> =
        ["from", "method", "objective", error[0], "Lipschitz bound", error[1]].map(str::to_owned).to_vec();
    head.extend(shown.iter().flat_map(|k| match classes {
        true => vec![format!("at {}, found", radii[*k]), "proved".into()],
        false => vec![format!("attacked at {}", radii[*k])],
    }));
    head.push("seconds".into());
    let share =
        |share: f64, write: fn(f64) -> String| if share.is_nan() { output::number(share) } else { write(share) };
    let mut lines = vec![head];
    for (k, band) in bands.iter().enumerate() {
        let first = k == 0 || bands[k - 1].base != band.base;
        let title = format!("{}{}", method_title(&band.method, "as trained"), failed(band.failed));
        let mut line = vec![if first { base_title(&band.base).to_owned() } else { String::new() }, title];
        line.extend([&band.objective, &band.loss].map(|spread| output::number(spread.median)));
        line.push(output::at_most(band.bound.median));
        if classes {
            let right = |k: usize| band.right.get(k).map_or([f64::NAN; 3], |right| right.map(|spread| spread.median));
            line.push(share(right(0)[0], output::percent));
            line.extend(shown.iter().flat_map(|k| {
                let [_, found, proved] = right(*k);
                [share(found, output::percent), share(proved, output::percent_at_least)]
            }));
        } else {
            line.push(output::number(band.clean.median));
            line.extend(shown.iter().map(|k| output::at_least(band.attacked[*k].median)));
        }
        line.push(time(band.seconds.median));
        lines.push(line);
    }
    let arm = &plan.arms[0];
    let source = printable::line(&plan.data[0]);
    let target = match classes {
        true => format!(", target `{}`{}", printable::line(&columns.target), taken_for(columns)),
        false => String::new(),
    };
    let linear = if plan.settings.polish.linear_part { " and a linear part" } else { "" };
    let power = if plan.settings.polish.penalty == polish::Penalty::LSquared { "²" } else { "" };
    format!(
        "{source}: {} rows, {} inputs{target}, {} hidden units{linear}; medians over {}, standardized units\n\
         objective: {} + {} · (Lipschitz bound){power}, on the rows learned from\n{}",
        data.rows(),
        data.columns(),
        plan.settings.units,
        trials(bands),
        error[0],
        arm.lipschitz_price,
        output::table(&lines)
    )
}
