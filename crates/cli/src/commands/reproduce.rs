//! `tautnet reproduce table-1|figure-1|robust-classification|trivial-bound`: the papers' experiments, ours beside theirs.

use super::pictures;
use super::reproduce_bounds;
use super::reproduce_classes;
use super::reproduce_text::{self, Finding};
use super::trial_text;
use crate::arguments::{FileArguments, FolderArguments, Header, TalkArguments};
use crate::files::Files;
use crate::progress::Display;
use crate::recipe::{LimitArguments, ThreadArguments};
use crate::stop::Stop;
use crate::workers::{self, Trial, Workers};
use crate::{input, limits, output};
use clap::ValueEnum;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tautnet::Dataset;
use tautnet::error::{Error, Result};
use tautnet::printable;
use tautnet_report::chart::Canvas;
use tautnet_report::panels::{Words, panels};
use tautnet_study::classification;
use tautnet_study::experiment::{self, Clock, GoOn, Journal, Row, Sample, Trials, bands};
use tautnet_study::experiment_file::{self, Experiment};
use tautnet_study::trivial_bound;
use tautnet_tables::atomic::{self, Existing};
use tautnet_tables::{Encoder, Table, Task, UnknownLevels, Values};

/// Run an experiment of a paper, and put ours beside theirs
///
/// Runs what an experiment file says (arXiv:2606.19652, Table 1 or Figure 1; arXiv:2105.12237, robust classification;
/// arXiv:2603.28113, the trivial bound; everything that the paper does not state is chosen in the file, with the
/// reason) and writes a CSV file with one row for each network, a table in Markdown and, for Figure 1, the figure. Every finished trial is on the disk at once: after Ctrl-C, --time-limit or
/// worse, the same command goes on where it was. Exit status 1 if a theorem fails in any trial: C-l2 and C-lip are never worse
/// than their start, joint never worse than C-lip; what is proved right is never more than what an attack leaves
/// right; no Jacobian that is found is larger than a bound.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Which experiment
    #[arg(value_enum)]
    pub what: What,

    /// How much of it
    #[arg(long, value_enum, default_value_t = Tier::Quick, help_heading = "Experiment")]
    pub tier: Tier,

    /// Take this experiment file in place of the one that is part of the program
    #[arg(long, value_name = "FILE", help_heading = "Experiment")]
    pub experiment: Option<PathBuf>,

    #[command(flatten)]
    pub folder: FolderArguments,

    #[command(flatten)]
    pub limit: LimitArguments,

    #[command(flatten)]
    pub threads: ThreadArguments,

    /// Folder for the results; made if it is not there
    #[arg(long, short, value_name = "FOLDER", default_value = "experiments/measured", help_heading = "Output")]
    pub out: PathBuf,

    /// Begin anew where the folder has results of other settings
    #[arg(long, help_heading = "Output")]
    pub force: bool,

    /// Write the tables to this Markdown file as well
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub markdown: Option<PathBuf>,

    #[command(flatten)]
    pub talk: TalkArguments,
}

/// The experiments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// The objective after post-processing, in % below that of the starting network
    #[value(name = "table-1")]
    Table1,
    /// Error under attack on rows held out, against the radius
    #[value(name = "figure-1")]
    Figure1,
    /// Two classes: right without an attack, after FGSM and PGD, and proved; and what solvers reach in how many seconds
    #[value(name = "robust-classification")]
    RobustClassification,
    /// Deep networks whose Lipschitz constant is told by the product of their layers' norms
    #[value(name = "trivial-bound")]
    TrivialBound,
}

/// How much of an experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Tier {
    /// Seconds: are all parts connected?
    Smoke,
    /// Minutes, built-in sets, smaller networks
    Quick,
    /// What the paper ran: hours
    Paper,
    /// More than the paper ran: Table 1 at one price with walks at high effort, robust classification with 10000 images: hours
    High,
}

impl What {
    /// As in the file names.
    pub fn name(self) -> &'static str {
        match self {
            What::Table1 => "table-1",
            What::Figure1 => "figure-1",
            What::RobustClassification => "robust-classification",
            What::TrivialBound => "trivial-bound",
        }
    }

    fn text(self) -> &'static str {
        match self {
            What::Table1 => include_str!("../../experiments/table-1.toml"),
            What::Figure1 => include_str!("../../experiments/figure-1.toml"),
            What::RobustClassification => include_str!("../../experiments/robust-classification.toml"),
            What::TrivialBound => include_str!("../../experiments/trivial-bound.toml"),
        }
    }
}

impl Tier {
    fn name(self) -> &'static str {
        match self {
            Tier::Smoke => "smoke",
            Tier::Quick => "quick",
            Tier::Paper => "paper",
            Tier::High => "high",
        }
    }
}

impl Arguments {
    /// The command whose rows are the same.
    fn command(&self) -> String {
        let own = self.experiment.as_ref().map_or(String::new(), |path| format!(" --experiment {}", path.display()));
        format!("tautnet reproduce {} --tier {}{own}", self.what.name(), self.tier.name())
    }

    /// A file of results.
    fn file(&self, ending: &str) -> PathBuf {
        self.out.join(format!("{}-{}.{ending}", self.what.name(), self.tier.name()))
    }
}

/// Run it.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let stop = Stop::new(arguments.limit.time_limit);
    match arguments.what {
        What::Table1 | What::Figure1 => polishing(arguments, &stop),
        What::RobustClassification => classification(arguments, &stop),
        What::TrivialBound => trivial_bound(arguments, &stop),
    }
}

/// Table 1 and Figure 1.
fn polishing(arguments: &Arguments, stop: &Stop) -> Result<ExitCode> {
    let tier = arguments.tier.name();
    let experiment = match &arguments.experiment {
        Some(path) => experiment_file::read(path, tier, limits::now())?,
        None => experiment_file::parse(&format!("{}.toml", arguments.what.name()), arguments.what.text(), tier)?,
    };
    let data = load(&experiment, &arguments.folder)?;
    let plan = &experiment.plan;
    let settings = experiment.fingerprint(env!("CARGO_PKG_VERSION"), &data);
    let Done { rows, trials } = carry_out(arguments, stop, plan, &settings, &workers::trials(plan, &data))?;
    let finding = if arguments.what == What::Figure1 {
        reproduce_text::figure(&experiment, &bands(&rows), trials)
    } else {
        reproduce_text::table(&rows, plan.settings.polish.tol, trials)
    };
    tell(arguments, stop, &finding, &settings, (&experiment.title, &experiment.choices))?;
    if arguments.what == What::Figure1 {
        draw(&experiment, &rows, &|ending| arguments.file(ending))?;
    }
    trial_text::note_failures(&rows);
    Ok(finding.exit_code())
}

/// Robust classification.
fn classification(arguments: &Arguments, stop: &Stop) -> Result<ExitCode> {
    let tier = arguments.tier.name();
    let mut chosen = match &arguments.experiment {
        Some(path) => classification::read(path, tier, limits::now())?,
        None => classification::parse(&format!("{}.toml", arguments.what.name()), arguments.what.text(), tier)?,
    };
    let data = load_classes(&mut chosen.plan.settings.data, &arguments.folder)?;
    let plan = &chosen.plan;
    let settings = plan.fingerprint(env!("CARGO_PKG_VERSION"), &data);
    let trial = |task: experiment::Task, clock: &Clock<'_>, go_on: &GoOn<'_>| {
        classification::trial(plan, &data[task.data], task, clock, go_on)
    };
    let Done { rows, trials } = carry_out(arguments, stop, plan, &settings, &trial)?;
    let finding = reproduce_classes::table(plan, &data, &rows, trials)?;
    tell(arguments, stop, &finding, &settings, (&chosen.title, &chosen.choices))?;
    rows.iter().filter(|row| row.failed()).for_each(|row| {
        output::note(&format!("{}, trial {}, {} {}: {}", row.data, row.trial, row.method, row.effort, row.ending));
    });
    Ok(finding.exit_code())
}

/// Networks with a tight trivial bound.
fn trivial_bound(arguments: &Arguments, stop: &Stop) -> Result<ExitCode> {
    let tier = arguments.tier.name();
    let mut chosen = match &arguments.experiment {
        Some(path) => trivial_bound::read(path, tier, limits::now())?,
        None => trivial_bound::parse(&format!("{}.toml", arguments.what.name()), arguments.what.text(), tier)?,
    };
    let sets = &mut chosen.plan.settings.data;
    leave_out_absent(sets, |set| (&set.name, &set.data, set.test.as_ref()), &arguments.folder);
    let samples = sets.iter().map(|set| {
        let (columns, rows, held_out) = labelled(&set.data, set.test.as_ref(), &arguments.folder)?;
        match columns.classes.as_ref().map(Vec::len) {
            Some(classes) => Ok(trivial_bound::Sample { rows, held_out, classes }),
            None => Err(Error::new(
                format!("the target of {} is taken for a number", printable::line(&set.data)),
                "give data whose target is a class",
            )),
        }
    });
    let data = samples.collect::<Result<Vec<_>>>()?;
    let plan = &chosen.plan;
    let settings = plan.fingerprint(env!("CARGO_PKG_VERSION"), &data);
    let trial = |task: experiment::Task, clock: &Clock<'_>, go_on: &GoOn<'_>| {
        trivial_bound::trial(plan, &data, task, clock, go_on)
    };
    let Done { rows, trials } = carry_out(arguments, stop, plan, &settings, &trial)?;
    let finding = reproduce_bounds::table(plan, &rows, trials);
    tell(arguments, stop, &finding, &settings, (&chosen.title, &chosen.choices))?;
    rows.iter().filter(|row| row.failed()).for_each(|row| {
        let trivial_bound::Row { data, trial, method, map, norm, ending, .. } = row;
        output::note(&format!("{data}, trial {trial}, {method} with {map} in the norm {norm}: {ending}"));
    });
    Ok(finding.exit_code())
}

/// The rows of all trials that are done, and how many these are of how many.
struct Done<R> {
    rows: Vec<R>,
    trials: (usize, usize),
}

/// Run what is left of the trials.
fn carry_out<P: Trials<Row: Send>>(
    arguments: &Arguments,
    stop: &Stop,
    plan: &P,
    settings: &str,
    trial: &Trial<'_, P::Row>,
) -> Result<Done<P::Row>> {
    // Results of its own that are no copy of the Markdown.
    let own = ["csv", "svg", "png"].map(|ending| arguments.file(ending));
    let mut files = own.iter().fold(Files::default(), |files, path| files.reads(path));
    if let Some(path) = &arguments.experiment {
        files = files.reads(path);
    }
    files.writes(&arguments.markdown, Existing::Replace).check()?;
    std::fs::create_dir_all(&arguments.out).map_err(|error| {
        let what = format!("the folder {} could not be made: {error}", arguments.out.display());
        Error::new(what, "give another folder with --out")
    })?;
    let existing = if arguments.force { Existing::Replace } else { Existing::Refuse };
    let mut journal = Journal::open(&arguments.file("csv"), plan, settings, existing)?;

    let tasks = plan.tasks();
    let left: Vec<_> = tasks.iter().copied().filter(|task| !journal.has(*task)).collect();
    let found = tasks.len() - left.len();
    if found > 0 && !arguments.talk.quiet {
        let file = arguments.file("csv");
        output::note(&format!("{found} of {} trials are in {} already", tasks.len(), file.display()));
    }
    stop.heed();
    if found > 0 {
        stop.kept();
    }
    let workers = Workers { trial, threads: workers::threads(arguments.threads.threads), stop };
    let mut display = Display::new(arguments.talk.quiet, 1.0);
    let mut done = found;
    workers.run(&left, &mut display, |task, rows| {
        done += 1;
        stop.kept();
        journal.append(task, rows)
    })?;
    drop(display);
    let rows = journal.close()?;
    if rows.is_empty() {
        return Err(Error::new(
            format!("{} before the first trial ended", stop.reason().unwrap_or("stopped")),
            "give it more time, or a smaller --tier",
        ));
    }
    Ok(Done { rows, trials: (done, tasks.len()) })
}

/// Write what was found, and say it.
fn tell(
    arguments: &Arguments,
    stop: &Stop,
    finding: &Finding,
    settings: &str,
    chosen: (&str, &[[String; 3]]),
) -> Result<()> {
    let markdown = finding.markdown(&format!("`{}`, settings {settings}", arguments.command()), chosen);
    atomic::write(&arguments.file("md"), markdown.as_bytes(), Existing::Replace)?;
    if let Some(path) = &arguments.markdown {
        atomic::write(path, markdown.as_bytes(), Existing::Replace)?;
    }
    let (done, of) = finding.trials;
    if arguments.talk.json {
        let mut result = finding.json();
        result["experiment"] = json!(arguments.what.name());
        result["tier"] = json!(arguments.tier.name());
        result["settings"] = json!(settings);
        result["trials"] = json!({"done": done, "of": of});
        result["rows"] = json!(arguments.file("csv").display().to_string());
        output::print_json(&result)?;
    } else {
        output::print(&finding.text())?;
    }
    if done < of {
        let why = stop.reason().unwrap_or("stopped");
        output::note(&format!("{why}: {done} of {of} trials are done; the same command goes on from there"));
    } else if !arguments.talk.quiet {
        output::note(&format!("rows and tables are in {}", arguments.out.display()));
    }
    Ok(())
}

/// All data sets, before any work is done: a missing one is told at once.
fn load(experiment: &Experiment, folder: &FolderArguments) -> Result<Vec<Sample>> {
    let file = FileArguments { header: Header::Auto, folder: folder.clone() };
    let all_columns = Default::default();
    let sets = experiment.sets.iter().map(|set| {
        let opened = input::open(set.data.as_ref(), &file)?;
        let rows = opened.columns(&all_columns, Task::Regress)?.dataset(&opened.table, UnknownLevels::Refuse)?;
        match &set.splits {
            None => Ok(rows.into()),
            Some(splits) => with_splits(rows, splits, experiment.plan.trials, &file),
        }
    });
    sets.collect()
}

/// The data sets of two classes. Known ones that are not on this machine are left out of the plan, and that is said.
fn load_classes(sets: &mut Vec<classification::Set>, folder: &FolderArguments) -> Result<Vec<classification::Sample>> {
    leave_out_absent(sets, |set| (&set.name, &set.data, set.test.as_ref()), folder);
    if sets.is_empty() {
        return Err(Error::new(
            "none of the data sets is on this machine",
            "fetch one with `tautnet data fetch`, or name the folder that has it with --data-dir",
        ));
    }
    let sets = sets.iter().map(|set| {
        let (columns, rows, held_out) = labelled(&set.data, set.test.as_ref(), folder)?;
        columns.check_outputs(1)?;
        Ok(classification::Sample { rows, held_out })
    });
    sets.collect()
}

/// The name of a set, its data, and its rows to judge by.
type Named<'a> = (&'a String, &'a String, Option<&'a String>);

/// Leave known sets that are not on this machine out, and say so.
fn leave_out_absent<S>(sets: &mut Vec<S>, named: fn(&S) -> Named<'_>, folder: &FolderArguments) {
    sets.retain(|set| {
        let (name, data, test) = named(set);
        let absent = [Some(data), test].into_iter().flatten().find(|data| input::is_absent(data, folder));
        if let Some(data) = absent {
            let (set, data) = (printable::line(name), printable::line(data));
            output::note(&format!("the data set `{set}` is left out: {data} is not on this machine"));
        }
        absent.is_none()
    });
}

/// Rows with classes, and those to judge by.
fn labelled(
    data: &str,
    test: Option<&String>,
    folder: &FolderArguments,
) -> Result<(Encoder, Dataset, Option<Dataset>)> {
    let file = FileArguments { header: Header::Auto, folder: folder.clone() };
    let opened = input::open(data.as_ref(), &file)?;
    let columns = opened.columns(&Default::default(), Task::Classify)?;
    let rows = |table: &Table| columns.dataset(table, UnknownLevels::Refuse);
    let held_out = match test {
        Some(test) => Some(rows(&input::open(test.as_ref(), &file)?.table)?),
        None => None,
    };
    let learned = rows(&opened.table)?;
    Ok((columns, learned, held_out))
}

/// Rows with the splits of a file, one for each trial.
fn with_splits(rows: Dataset, splits: &str, trials: u64, file: &FileArguments) -> Result<Sample> {
    let table = input::open(splits.as_ref(), file)?.table;
    let at = |error: Error| Error::new(format!("{}: {}", table.source(), error.what), error.hint);
    let marks = table.columns().iter().map(|column| match column.values()? {
        Values::Numbers(marks) => Ok(marks.clone()),
        Values::Words { .. } => {
            let what = format!("{}: the column `{}` has words", table.source(), column.name);
            Err(Error::new(
                what,
                "give the splits as one column for each trial, with 1 in the rows held out and 0 in the others",
            ))
        }
    });
    let sample = Sample::with_splits(rows, &marks.collect::<Result<Vec<_>>>()?).map_err(at)?;
    if (sample.splits.len() as u64) < trials {
        let what = format!("{}: there are {} splits for {trials} trials", table.source(), sample.splits.len());
        return Err(Error::new(what, "ask for fewer trials, or give a column for each"));
    }
    Ok(sample)
}

/// The figure, as SVG and as PNG.
fn draw(experiment: &Experiment, rows: &[Row], file: &dyn Fn(&str) -> PathBuf) -> Result<()> {
    let bands = bands(rows);
    let words = Words {
        title: &experiment.title,
        radius: "radius of the attack (2-norm of standardized inputs)",
        error: &format!(
            "{} under attack on rows held out (standardized), median over {}",
            experiment.plan.settings.polish.loss.mean_name(),
            trial_text::trials(&bands)
        ),
    };
    let scene = panels(&bands, &experiment.plan.settings.radii, &words, &Canvas::FILE);
    let write = |path: &Path, png: bool| pictures::write_bytes(&scene, path, png, Existing::Replace);
    write(&file("svg"), false)?;
    write(&file("png"), true)
}
