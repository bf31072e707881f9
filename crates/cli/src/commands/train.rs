//! `tautnet train DATA`: from a table to a trained, polished and certified network.

use super::export;
use super::pictures::{self, Evaluation};
use super::train_summary::{Summary, certificate};
use crate::arguments::{
    ColumnArguments, FileArguments, LevelArguments, LimitArguments, MethodChoice, ObjectiveArguments, OutArguments,
    PictureArguments, TalkArguments, TestArguments, ThreadArguments, not_negative,
};
use crate::effort::EffortArguments;
use crate::files::Files;
use crate::limits;
use crate::progress::Display;
use crate::stop::Stop;
use crate::{input, output};
use clap::ValueEnum;
use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Instant;
use tautnet::attack::RadiusReport;
use tautnet::certify::Certificate;
use tautnet::error::Result;
use tautnet::fit::{self, Fitted, Price, fit};
use tautnet::train::Start;
use tautnet::{Network, Request, Scaler, certify, polish, select};
use tautnet_models::{Format, Model, Options, Stored};
use tautnet_report::{Chart, Origin, Report, Rows, Side};

/// Train a robust network on a table, with a proved bound on its sensitivity
///
/// A starting network is trained, then the best of all networks with its activation patterns is found by convex
/// optimization, minimizing mean squared error + λ · (bound on the Lipschitz constant) + decay, and the bound is proved. Inputs
/// and target are standardized on the way; λ, radii and bounds are in standardized units where nothing else is said. The
/// model is written as JSON, or as ONNX or safetensors where FILE ends so.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Data: a CSV file (plain or gzip) or Parquet file, the name of a data set, or `-` for standard input
    pub data: OsString,

    #[command(flatten)]
    pub file: FileArguments,

    #[command(flatten)]
    pub columns: ColumnArguments,

    #[command(flatten)]
    pub levels: LevelArguments,

    #[command(flatten)]
    pub test: TestArguments,

    /// Hidden units
    #[arg(
        long,
        value_name = "NUMBER",
        value_parser = clap::value_parser!(u32).range(1..=1_000_000),
        default_value_t = 100,
        allow_negative_numbers = true,
        help_heading = "Network"
    )]
    pub hidden: u32,

    /// How the starting network is made
    #[arg(long, value_enum, default_value_t = StartChoice::Sgd, help_heading = "Network")]
    pub start: StartChoice,

    /// Price λ of the Lipschitz bound, or `auto`: by validation on the error under attack; 0 for the method `weight-decay`
    #[arg(
        long,
        value_name = "auto|λ",
        value_parser = price,
        default_value = "auto",
        allow_negative_numbers = true,
        help_heading = "Objective"
    )]
    pub lipschitz: PriceChoice,

    /// How the starting network is improved [default: joint, and walk where `--effort high` is asked for]
    #[arg(long, value_enum, help_heading = "Objective")]
    pub method: Option<MethodChoice>,

    #[command(flatten)]
    pub effort: EffortArguments,

    #[command(flatten)]
    pub objective: ObjectiveArguments,

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

/// λ, or the wish to have it chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PriceChoice {
    /// By validation.
    Auto,
    /// This one.
    Fixed(f64),
}

fn price(text: &str) -> std::result::Result<PriceChoice, String> {
    match text.trim() {
        "auto" => Ok(PriceChoice::Auto),
        number => not_negative(number).map(PriceChoice::Fixed).map_err(|error| format!("{error}, or `auto`")),
    }
}

/// How the starting network is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StartChoice {
    /// Mini-batch gradient descent
    Sgd,
    /// Random hidden units, output weights by least squares
    Random,
    /// Gradient descent on rows under attack
    Adversarial,
    /// Gradient descent and a semidefinite program in turn (ADMM); keeps --max-lipschitz when the norm is 2
    Admm,
}

impl StartChoice {
    fn start(self) -> Start {
        match self {
            StartChoice::Sgd => Start::Sgd(Default::default()),
            StartChoice::Random => Start::Random(Default::default()),
            StartChoice::Adversarial => Start::Adversarial(Default::default()),
            StartChoice::Admm => Start::Admm(Default::default()),
        }
    }
}

/// What the flags ask for.
fn request(arguments: &Arguments) -> Request {
    Request {
        lipschitz: match arguments.lipschitz {
            PriceChoice::Auto => None,
            PriceChoice::Fixed(price) => Some(price),
        },
        start: arguments.start.start(),
        hidden: arguments.hidden as usize,
        ..arguments.objective.request(arguments.method, &arguments.effort, arguments.test.seed)
    }
}

/// Run it.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let request = request(arguments);
    let settings = request.fit()?;
    let missing = match settings.price {
        Price::Chosen(_) => &[][..],
        Price::Fixed(_) => &[(Chart::Path, "the price λ is given and not chosen")],
    };
    let files = Files::default().reads_data(Some(&arguments.data));
    pictures::check(files, &arguments.test, &arguments.pictures, &arguments.out, missing)?;
    arguments.out.out.as_deref().map(Format::of).transpose()?;
    arguments.threads.apply()?;
    let stop = Stop::new(arguments.limit.time_limit);
    let opened = input::open(&arguments.data, &arguments.file)?;
    let columns = opened.columns(&arguments.columns)?;
    let unknown = arguments.levels.unknown();
    let (mut learned, held_out) = input::datasets(&columns, &opened.table, unknown, &arguments.test, &arguments.file)?;
    limits::now().check_network(arguments.hidden as usize, learned.columns())?;
    // The fit merges equal rows; what is shown is shown of the rows as they are.
    let (scaler, merged) = fit::learn(learned.clone())?;
    scaler.standardize_in_place(&mut learned);
    let held_out = held_out.map(|rows| scaler.standardize(&rows));

    let started = Instant::now();
    stop.heed();
    let (fitted, stopped) = stop.during(|| observed_fit(&merged, &settings, &stop, arguments.talk.quiet))?;
    stop.kept();
    let late = stop.late();
    let norm = settings.polish.norm;
    let prove = |network: &Network, scaler: Option<&Scaler>| -> Result<Certificate> {
        late.during(|| certify::prove(network, norm, scaler, &mut |_| late.verdict()))
    };
    let proved = prove(fitted.network(), Some(&scaler))?;
    let model = Model {
        network: fitted.network().clone(),
        settings: request.fit_record(&arguments.data.to_string_lossy(), &settings, fitted.price),
        objective: fitted.to_json(&merged, stopped),
        certificate: Some(proved),
        columns,
        scaler,
    };
    // Whether it is kept or not: no bound is printed that the verifier refuses.
    model.proved()?;
    // Only pictures show what is certified about the starting network.
    let start_bound =
        if arguments.pictures.wanted() { prove(&fitted.start, None)?.standardized.bound } else { f64::INFINITY };
    let bound = certificate(&model).standardized.bound;
    let (before, after) = ((&fitted.start, start_bound), (&model.network, bound));
    let seed = arguments.test.seed;
    let evaluation = Evaluation::of(before, after, norm, &learned, held_out.as_ref(), seed, &stop)?;
    pictures::tell_of_attack(&late);
    let time = started.elapsed();

    if let Some(path) = &arguments.out.out {
        let stored = Stored::Model(Box::new(model.clone()));
        export::write(&stored, path, &Options::default(), arguments.out.existing())?;
    }
    let summary = Summary {
        source: opened.table.source(),
        model: &model,
        fitted: &fitted,
        learned: &learned,
        held_out: held_out.as_ref(),
        evaluation: &evaluation,
        stopped,
        time,
    };
    if arguments.pictures.wanted() {
        let rows =
            Rows { learned: &learned, held_out: held_out.as_ref(), shown: &evaluation.shown, name: &evaluation.rows };
        let side = |(network, bound): (&Network, f64), attack: &[RadiusReport]| {
            Side::of(network, bound, attack.to_vec(), &rows, norm, &model.scaler, seed)
        };
        let report = Report {
            source: opened.table.source(),
            inputs: model.columns.names(),
            target: &model.columns.target,
            scaler: &model.scaler,
            rows,
            units: fitted.start.units(),
            origin: Origin::Trained(settings.start.start.name()),
            settings: polish::Settings { lipschitz: fitted.price.unwrap_or(0.0), ..settings.polish.clone() },
            polished: fitted.polished.as_ref(),
            stopped,
            path: fitted.path.as_ref(),
            before: side(before, &evaluation.start),
            after: side(after, &evaluation.result),
            sensitivities: summary.per_column().into_iter().map(|(_, bound)| bound).collect(),
            reproduce: pictures::reproduce(&model.settings),
        };
        pictures::write(&report, &arguments.pictures, &arguments.out, arguments.talk.quiet)?;
    }
    // A fit that was ended before the convex program has the bound that is proved.
    let reached = fitted.polished.as_ref().map_or(bound, |polished| polished.after.lipschitz);
    let status = output::limit_kept(settings.polish.max_lipschitz, reached);
    if arguments.talk.json {
        output::print_json(&summary.json()?)?;
        return Ok(status);
    }
    output::print(&summary.text()?)?;
    if !arguments.talk.quiet {
        match &arguments.out.out {
            Some(path) => output::note(&format!("the model is in {}", path.display())),
            None => output::note("the model was not kept; write it with --out FILE"),
        }
    }
    Ok(status)
}

/// The fit, with progress, ended by the clock or Ctrl-C; the path may take half of the time.
fn observed_fit(
    data: &tautnet::Dataset,
    settings: &fit::Settings,
    stop: &Stop,
    quiet: bool,
) -> Result<(Fitted, Option<&'static str>)> {
    let mut display = Display::new(quiet, settings.polish.tolerance);
    let half = stop.half();
    let mut stopped = None;
    let fitted = fit(data, settings, &mut |progress| {
        let stop = if matches!(progress, fit::Progress::Path(_)) { &half } else { stop };
        match progress {
            fit::Progress::Path(select::Progress::Start(progress)) => display.epoch("choosing λ: ", progress),
            fit::Progress::Path(select::Progress::Polish { price, done, polishes, .. }) => {
                display.count(&format!("choosing λ: {price}"), *done, *polishes);
            }
            fit::Progress::Start(progress) => display.epoch("", progress),
            fit::Progress::Polish(progress) => {
                if progress.iteration == 0 {
                    display.restart();
                }
                display.update("", progress);
            }
        }
        stopped = stopped.or(stop.reason());
        stop.verdict()
    })?;
    // A path that was cut short may have left nothing to go on with, and time to spare.
    let cut = if fitted.all_rows { None } else { half.reason() };
    Ok((fitted, stopped.or(stop.reason()).or(cut)))
}
