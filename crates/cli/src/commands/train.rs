//! `tautnet train DATA`: from a table to a trained, polished network with its proofs.

use super::export;
use super::pictures::{self, Evaluation};
use super::train_summary::{self, Summary, Told, Unkept, certificate};
use super::{targets, tolerance_pictures, train_deep, train_tolerance};
use crate::arguments::{
    ColumnArguments, FileArguments, LevelArguments, MemoryArguments, OutArguments, PictureArguments, TalkArguments,
    TaskArguments,
};
use crate::files::Files;
use crate::limits;
use crate::progress::Display;
use crate::recipe::{self, LimitArguments, RecipeArguments, TableArguments, TestArguments, ThreadArguments};
use crate::stop::Stop;
use crate::tolerance::TolerancesArguments;
use crate::{input, output};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;
use tautnet::attack::RadiusReport;
use tautnet::error::{Error, Result};
use tautnet::fit::{self, Price};
use tautnet::job::{Interruption, Job};
use tautnet::recipe::{Command, Deep, Plan};
use tautnet::tolerance::Asked;
use tautnet::{Dataset, Recipe, Shallow, choose, polish, printable, select};
use tautnet_models::{Format, Model, Options, Stored};
use tautnet_report::{Chart, Origin, Report, Rows, Side};
use tautnet_tables::{Encoder, check_learned};

/// Train a robust network on a table, with a proved bound on its sensitivity
///
/// You say how wrong the inputs can be (--tolerance; a tenth of each column's standard deviation where nothing is said). Networks
/// are trained for it in several ways, and those with the least worst case on rows that they did not learn from become the
/// result. It tells how wrong predictions can be within the tolerance, found by attack and proved.
///
/// With --lipschitz-price, --method, --max-lipschitz or --tolerance 0 it minimizes an objective with prices instead: a starting network
/// is trained, then the best of all networks with its activation patterns is found by convex optimization, minimizing mean
/// loss + λ · (bound on the Lipschitz constant) + decay. Inputs and target are standardized on the way; λ, radii and bounds are
/// in standardized units where nothing else is said. The model is written as JSON, or as ONNX or safetensors where FILE ends so.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Data: a CSV file (plain or gzip), a Parquet file, a folder of these, many files by a pattern ('part-*.csv'), an idx file of images, the name
    /// of a data set, or `-` for standard input
    pub data: OsString,

    #[command(flatten)]
    pub file: FileArguments,

    #[command(flatten)]
    pub columns: ColumnArguments,

    #[command(flatten)]
    pub task: TaskArguments,

    /// Weigh the rows so that each class counts the same, in training and in what is told
    #[arg(long, help_heading = "Data")]
    pub balanced: bool,

    #[command(flatten)]
    pub levels: LevelArguments,

    #[command(flatten)]
    pub memory: MemoryArguments,

    #[command(flatten)]
    pub test: TestArguments,

    #[command(flatten)]
    pub recipe: RecipeArguments<recipe::Train>,

    #[command(flatten)]
    pub deep: TableArguments<Deep, recipe::Train>,

    /// Use the columns of a deep network (--layers) as they are, without standardizing them
    #[arg(long, help_heading = "Deep network", requires = "layers")]
    pub no_standardize: bool,

    /// Go on from the network in FILE, a model or a plain network with the same layers (--layers), instead of random weights
    #[arg(long, help_heading = "Deep network", requires = "layers", value_name = "FILE")]
    pub warm_start: Option<PathBuf>,

    #[command(flatten)]
    pub tolerances: TolerancesArguments,

    #[command(flatten)]
    pub limit: LimitArguments,

    #[command(flatten)]
    pub threads: ThreadArguments,

    #[command(flatten)]
    pub out: OutArguments,

    #[command(flatten)]
    pub pictures: PictureArguments,

    #[command(flatten)]
    pub talk: TalkArguments,
}

impl Arguments {
    /// The plan for the target that the columns have: classes have a loss of their own where none was asked for.
    pub fn for_target(&self, plan: Plan, mut asked: Recipe, columns: &Encoder) -> Result<Plan> {
        let plan = if columns.classes.is_some() && !self.recipe.said("loss") {
            asked.loss = CLASSES.parse()?;
            asked.resolve(Command::Train)?
        } else {
            plan
        };
        columns.check_loss(&plan.settings.polish.loss)?;
        Ok(plan)
    }

    /// What is asked of a deep network.
    fn of_deep(&self) -> train_deep::Asked<'_> {
        let of_others = [
            (self.tolerances.tolerances.is_some(), "tolerances"),
            (self.pictures.report.is_some(), "report"),
            (self.pictures.wanted(), "plot"),
        ];
        train_deep::Asked {
            data: &self.data,
            file: &self.file,
            columns: &self.columns,
            task: self.task,
            balanced: self.balanced,
            levels: &self.levels,
            test: &self.test,
            recipe: &self.recipe,
            deep: &self.deep,
            no_standardize: self.no_standardize,
            warm_start: self.warm_start.as_ref(),
            of_others: of_others.into_iter().find_map(|(given, name)| given.then_some(name)),
            limit: self.limit,
            threads: self.threads,
            out: &self.out,
            talk: &self.talk,
        }
    }
}

/// The loss of classes, where none was asked for.
pub const CLASSES: &str = "logistic";

/// Run it.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let deep = arguments.of_deep();
    if train_deep::is_asked(&deep)? {
        return train_deep::run(&deep);
    }
    let mut asked = arguments.recipe.asked.clone();
    if arguments.tolerances.tolerances.is_some() {
        asked.tolerance = arguments.tolerances.said(&arguments.recipe)?.over(Asked::default())?;
    }
    let plan = asked.resolve(Command::Train)?;
    let seed = asked.seed;
    let missing = match plan.settings.price {
        _ if plan.choice.is_some() => tolerance_pictures::MISSING.to_vec(),
        Price::Chosen(_) => pictures::WITHOUT_TOLERANCE.to_vec(),
        Price::Fixed(_) => {
            [&pictures::WITHOUT_TOLERANCE[..], &[(Chart::Path, "the price λ is given and not chosen")]].concat()
        }
    };
    let files = Files::default().reads_data(Some(&arguments.data));
    let files = files.reads_if(arguments.tolerances.tolerances.as_ref());
    pictures::check(files, &arguments.test, &arguments.pictures, &arguments.out, &missing)?;
    arguments.out.out.as_deref().map(Format::of).transpose()?;
    arguments.threads.apply()?;
    let stop = Stop::new(arguments.limit.time_limit);
    let opened = input::open(&arguments.data, &arguments.file)?;
    let columns = opened.columns(&arguments.columns, arguments.task.task())?;
    let plan = arguments.for_target(plan, asked.clone(), &columns)?;
    if arguments.balanced && columns.classes.is_none() {
        return Err(Error::new(
            format!(
                "classes are to be balanced, but the target `{}` is taken for a number",
                printable::shown(&columns.target)
            ),
            "leave out --balanced; numbers are classes with --task classify",
        ));
    }
    if let (Some(count), target) = (columns.several(), printable::shown(&columns.target)) {
        check_several(count, &target, plan.choice.is_some())?;
        let missing = [&missing[..], tolerance_pictures::MISSING_OF_SEVERAL].concat();
        pictures::check_charts(&arguments.pictures, &missing)?;
    }
    if !columns.other_targets.is_empty() {
        check_targets(arguments, &columns, plan.choice.is_some())?;
    }
    let settings = &plan.settings;
    let unknown = arguments.levels.unknown();
    let (mut learned, mut held_out) =
        input::datasets(&columns, &opened.table, unknown, (&arguments.test, seed), &arguments.file)?;
    if let Some(classes) = &columns.classes {
        let given = plan.choice.is_none() && matches!(settings.price, Price::Fixed(_));
        let parts = if given { 0 } else { choose::PARTS };
        check_learned(classes, &learned.y, parts)?.iter().for_each(|note| output::note(note));
    }
    if arguments.balanced {
        learned.balance();
        held_out.iter_mut().for_each(Dataset::balance);
    }
    // The fit merges equal rows; what is shown is shown of the rows as they are.
    let job = Job::new(learned.clone(), &plan, limits::now(), Arc::new(stop))?;
    if let Some(choice) = &plan.choice {
        let choice = &choose::Settings { classes: columns.several(), ..choice.clone() };
        let job = job.tolerating(&columns.tolerated())?;
        let rows = train_tolerance::Rows { source: opened.table.source(), columns, learned, held_out };
        let Arguments { out, pictures, talk, .. } = arguments;
        let (data, usual) = (&arguments.data.to_string_lossy(), asked.tolerance.is_empty());
        return train_tolerance::run(
            &train_tolerance::Asked { data, usual, out, pictures, talk },
            &plan,
            choice,
            &job,
            rows,
            &stop,
        );
    }
    let scaler = job.scaler();
    scaler.standardize_in_place(&mut learned);
    let held_out = held_out.map(|rows| scaler.standardize(&rows));

    let mut unkept = Unkept::of(&arguments.out, &arguments.talk);
    let started = Instant::now();
    stop.heed();
    let mut display = Display::new(arguments.talk.quiet, settings.polish.tol);
    let worked = job.train(&mut |progress| {
        unkept.tell();
        show(&mut display, progress)
    })?;
    let (fitted, stopped) = (&worked.result, worked.interruption.map(Interruption::in_words));
    let late = stop.late();
    let measure = (settings.polish.norm, &settings.polish.loss);
    // Whether it is kept or not: no bound is printed that the verifier refuses.
    display.stage("proving the bound of the network");
    let proved = job.prove_fit(&worked, &arguments.data.to_string_lossy())?;
    let model = Model::of(proved, columns, scaler.clone())?;
    // Only pictures show what is proved of the starting network.
    let start_bound =
        if arguments.pictures.wanted() { job.prove(&fitted.start, None)?.standardized.bound } else { f64::INFINITY };
    let bound = certificate(&model).standardized.bound;
    let (before, after) = ((&fitted.start, start_bound), (fitted.network(), bound));
    display.stage("attacking rows");
    let evaluation = Evaluation::of(before, after, measure, &learned, held_out.as_ref(), seed, &stop)?;
    drop(display);
    pictures::tell_of_attack(&late);
    let time = started.elapsed();

    if let Some(path) = &arguments.out.out {
        let stored = Stored::Model(Box::new(model.clone()));
        export::write(&stored, path, &Options::default(), arguments.out.existing())?;
    }
    let summary = Summary {
        source: opened.table.source(),
        model: &model,
        fitted,
        rows: Told::of(fitted, &model.columns, &learned, held_out.as_ref()),
        evaluation: &evaluation,
        stopped,
        time,
    };
    if arguments.pictures.wanted() {
        let rows =
            Rows { learned: &learned, held_out: held_out.as_ref(), shown: &evaluation.shown, name: &evaluation.rows };
        let side = |(network, bound): (&Shallow, f64), attack: &[RadiusReport]| {
            Side::of(network, Some(bound), attack.to_vec(), &rows, measure, &model.scaler, seed)
        };
        let report = Report {
            source: opened.table.source(),
            inputs: model.columns.names(),
            target: &model.columns.target,
            scaler: &model.scaler,
            rows,
            units: fitted.start.units(),
            origin: Origin::Trained(settings.start.start.name()),
            settings: polish::Settings { lipschitz_price: fitted.price.unwrap_or(0.0), ..settings.polish.clone() },
            polished: fitted.polished.as_ref(),
            stopped,
            path: fitted.path.as_ref(),
            choice: None,
            within: None,
            before: side(before, &evaluation.start)?,
            after: side(after, &evaluation.result)?,
            comparison: None,
            dependence: pictures::dependence(
                fitted.network(),
                &evaluation.shown,
                &model.columns,
                &model.scaler,
                &settings.polish.loss,
            ),
            sensitivities: train_summary::per_column(&model).into_iter().map(|(_, bound)| bound).collect(),
            reproduce: pictures::reproduce(&model.settings),
        };
        pictures::write(&report, &arguments.pictures, &arguments.out, arguments.talk.quiet)?;
    }
    // A fit that was ended before the convex program has the bound that is proved.
    let reached = fitted.polished.as_ref().map_or(bound, |polished| polished.after.lipschitz);
    let status = output::limit_kept(settings.polish.max_lipschitz, reached);
    summary.tell(&arguments.out, &arguments.talk)?;
    Ok(status)
}

/// Refuse prices, which there are for two classes only.
fn check_several(count: usize, target: &str, within: bool) -> Result<()> {
    if within {
        return Ok(());
    }
    Err(Error::new(
        format!(
            "the target `{target}` has {count} classes, and an objective with prices is for two classes or for numbers"
        ),
        "leave out --lipschitz-price, --max-lipschitz, --method and --tolerance 0: then the network is chosen for a tolerance",
    ))
}

/// Refuse what there is for one target only.
fn check_targets(arguments: &Arguments, columns: &Encoder, within: bool) -> Result<()> {
    if !within {
        return columns.check_one_target("an objective with prices");
    }
    if arguments.pictures.wanted() {
        return Err(targets::only_one_target("a report or a plot", "leave it out; --json has every number"));
    }
    Ok(())
}

/// Show what the fit is at.
pub fn show(display: &mut Display, progress: &fit::Progress<'_>) {
    match progress {
        fit::Progress::Path(select::Progress::Start(progress)) => display.epoch("choosing λ: ", progress),
        fit::Progress::Path(select::Progress::Polish { price, done, polishes, .. }) => {
            display.count(&format!("choosing λ: {price}"), *done, *polishes);
        }
        fit::Progress::Start(progress) => display.epoch("", progress),
        // `train_tolerance` has its own.
        fit::Progress::Choice(_) => (),
        fit::Progress::Polish(progress) => {
            if progress.iteration == 0 {
                display.restart();
            }
            display.update("", progress);
        }
    }
}
