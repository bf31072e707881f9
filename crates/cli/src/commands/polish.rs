//! `tautnet polish NETWORK DATA`: the best network with the same activation patterns.

use super::export;
use super::pictures::{self, Evaluation};
use crate::arguments::{
    LimitArguments, MeetingArguments, MethodChoice, ObjectiveArguments, OutArguments, PictureArguments, TalkArguments,
    TestArguments, ThreadArguments, not_negative,
};
use crate::effort::EffortArguments;
use crate::files::Files;
use crate::input::Problem;
use crate::progress::{Display, seconds};
use crate::stop::Stop;
use crate::{input, output};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tautnet::error::Result;
use tautnet::metrics::mean_squared_error;
use tautnet::polish::{Polished, Progress, Score, Settings, polish};
use tautnet::{Network, Request, Scaler, certify};
use tautnet_models::{Format, Model, Options, Stored};
use tautnet_report::{Chart, Origin, Report, Rows, Side};

/// Post-process a network by convex optimization; never worse than it was
///
/// Finds the best of all networks that switch their units on and off on DATA as NETWORK does, minimizing
/// mean squared error + λ · (bound on the Lipschitz constant) + decay. Input columns and target are standardized before
/// they meet the network, so that NETWORK, the objective and the bound are in standardized units, unless
/// --no-standardize or --raw-network is given. A model file brings its own columns and its own standardization. The result is written as JSON, or
/// as ONNX or safetensors where FILE ends so.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Model file, or a plain network: .onnx, .safetensors, or JSON {"w": [[…], …], "b": […], "v": […], "c": 0}, one row of
    /// w per hidden unit
    #[arg(value_name = "NETWORK")]
    pub network: PathBuf,

    /// Data: a CSV file (plain or gzip) or Parquet file, the name of a data set, or `-` for standard input
    pub data: OsString,

    #[command(flatten)]
    pub meeting: MeetingArguments,

    #[command(flatten)]
    pub test: TestArguments,

    /// Which convex program to solve [default: joint, and walk where `--effort high` is asked for]
    #[arg(long, value_enum, help_heading = "Objective")]
    pub method: Option<MethodChoice>,

    #[command(flatten)]
    pub effort: EffortArguments,

    /// Price λ of the Lipschitz bound [default: 0.01; 0 for the method `weight-decay`]
    #[arg(
        long,
        value_name = "λ",
        value_parser = not_negative,
        allow_negative_numbers = true,
        help_heading = "Objective"
    )]
    pub lipschitz: Option<f64>,

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

/// What the flags ask for.
fn request(arguments: &Arguments) -> Request {
    Request {
        lipschitz: arguments.lipschitz,
        ..arguments.objective.request(arguments.method, &arguments.effort, arguments.test.seed)
    }
}

/// Run it.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let request = request(arguments);
    let settings = request.polish()?;
    let missing = [(Chart::Path, "only `train` chooses the price λ")];
    let files = Files::default().reads(&arguments.network).reads_data(Some(&arguments.data));
    pictures::check(files, &arguments.test, &arguments.pictures, &arguments.out, &missing)?;
    arguments.out.out.as_deref().map(Format::of).transpose()?;
    arguments.threads.apply()?;
    let stop = Stop::new(arguments.limit.time_limit);
    let stored = input::stored(&arguments.network)?;
    let problem = input::meet(&stored, &arguments.network, &arguments.data, &arguments.meeting, &arguments.test)?;
    let network = &problem.network;

    stop.heed();
    let mut display = Display::new(arguments.talk.quiet, settings.tolerance);
    let mut reason = None;
    let started = Instant::now();
    let mut observe = |progress: &Progress| {
        display.update("", progress);
        reason = stop.reason();
        stop.verdict()
    };
    let polished = stop.during(|| polish(network, &problem.train, &settings, &mut observe))?;
    let reason = reason.or(stop.reason());
    stop.kept();
    let time = started.elapsed();
    drop(display);

    let facts = Facts { polished: &polished, before: network, time, stopped: reason, problem: &problem };
    if let Some(path) = &arguments.out.out {
        let result = match stored {
            Stored::Network(_) if arguments.meeting.units.raw_network => {
                Stored::Network(problem.scaler.network_to_user(&polished.network)?)
            }
            Stored::Network(_) => Stored::Network(polished.network.clone()),
            Stored::Model(_) => Stored::Model(Box::new(facts.model(arguments, &request, &settings, &stop)?)),
        };
        export::write(&result, path, &Options::default(), arguments.out.existing())?;
    }
    if arguments.pictures.wanted() {
        draw(arguments, &request, &settings, &facts, &stop)?;
    }
    if arguments.talk.json {
        output::print_json(&facts.json())?;
    } else {
        output::print(&facts.text())?;
        if arguments.out.out.is_none() {
            output::note("the network was not kept; write it with --out FILE");
        }
    }
    Ok(output::limit_kept(settings.max_lipschitz, polished.after.lipschitz))
}

/// The page and the charts that were asked for.
fn draw(arguments: &Arguments, request: &Request, settings: &Settings, facts: &Facts<'_>, stop: &Stop) -> Result<()> {
    let Facts { polished, before, problem, .. } = *facts;
    let Problem { columns, scaler, train, test, source, .. } = problem;
    let (norm, seed, late) = (settings.norm, arguments.test.seed, stop.late());
    let prove = |network: &Network, scaler: Option<&Scaler>| {
        late.during(|| certify::prove(network, norm, scaler, &mut |_| late.verdict()))
    };
    let (old, new) = (prove(before, None)?, prove(&polished.network, Some(scaler))?);
    let bounds = (old.standardized.bound, new.standardized.bound);
    let networks = ((before, bounds.0), (&polished.network, bounds.1));
    let evaluation = Evaluation::of(networks.0, networks.1, norm, train, test.as_ref(), seed, stop)?;
    pictures::tell_of_attack(&late);
    let rows = Rows { learned: train, held_out: test.as_ref(), shown: &evaluation.shown, name: &evaluation.rows };
    let file = arguments.network.display().to_string();
    let report = Report {
        source,
        inputs: columns.names(),
        target: &columns.target,
        scaler,
        units: before.units(),
        origin: Origin::Given(&file),
        settings: settings.clone(),
        polished: Some(polished),
        stopped: facts.stopped,
        path: None,
        before: Side::of(before, bounds.0, evaluation.start, &rows, norm, scaler, seed),
        after: Side::of(&polished.network, bounds.1, evaluation.result, &rows, norm, scaler, seed),
        rows,
        sensitivities: certify::sensitivities(&new, scaler),
        reproduce: pictures::reproduce(&request.polish_record(&arguments.data.to_string_lossy(), settings)),
    };
    pictures::write(&report, &arguments.pictures, &arguments.out, arguments.talk.quiet)
}

/// All that is to be told.
struct Facts<'a> {
    polished: &'a Polished,
    before: &'a Network,
    time: Duration,
    stopped: Option<&'static str>,
    problem: &'a Problem,
}

impl Facts<'_> {
    fn test_loss(&self, network: &Network) -> Option<f64> {
        self.problem.test.as_ref().map(|test| mean_squared_error(network, test))
    }

    fn json(&self) -> Value {
        let Self { polished, problem, .. } = self;
        let score = |score: &Score, network: &Network, gap: Option<f64>, iterations: usize, seconds: f64| {
            let bounds = problem.scaler.bound_per_column(score.lipschitz);
            let columns = problem.columns.names().into_iter().zip(bounds).map(|(name, bound)| (name, json!(bound)));
            let mut facts = json!({
                "objective": score.objective,
                "loss": score.loss,
                "lipschitz": score.lipschitz,
                "decay": score.decay,
                "duality_gap": gap,
                "iterations": iterations,
                "seconds": seconds,
                "user_units": {
                    "loss": problem.scaler.loss_to_user(score.loss),
                    "lipschitz_per_column": columns.collect::<serde_json::Map<_, _>>(),
                },
            });
            if let Some(loss) = self.test_loss(network) {
                facts["test_loss"] = json!(loss);
                facts["user_units"]["test_loss"] = json!(problem.scaler.loss_to_user(loss));
            }
            facts
        };
        let seconds = self.time.as_secs_f64();
        let mut result = score(&polished.after, &polished.network, polished.duality_gap, polished.iterations, seconds);
        let (ending, reason) = polished.ending.in_words(self.stopped);
        result["ending"] = json!(ending);
        result["reason"] = json!(reason);
        result["notes"] = json!(polished.notes);
        result["before"] = score(&polished.before, self.before, None, 0, 0.0);
        result
    }

    fn text(&self) -> String {
        let Self { polished, problem, .. } = self;
        let row =
            |name: &str, before: f64, after: f64| vec![name.to_owned(), output::number(before), output::number(after)];
        let (before, after) = (&polished.before, &polished.after);
        let mut rows = vec![
            vec![String::new(), "before".into(), "after".into()],
            row("objective", before.objective, after.objective),
            row("mean squared error", before.loss, after.loss),
        ];
        if let (Some(before), Some(after)) = (self.test_loss(self.before), self.test_loss(&polished.network)) {
            rows.push(row("mean squared error, rows held out", before, after));
        }
        let bounds = [before.lipschitz, after.lipschitz].map(output::at_most);
        rows.push(["Lipschitz bound".to_owned()].into_iter().chain(bounds).collect());
        rows.push(row("weights", before.decay, after.decay));
        if problem.scaler != Scaler::identity(problem.columns.width()) {
            let name = format!("root mean squared error of `{}`, in its units", problem.columns.target);
            let root = |score: &Score| problem.scaler.loss_to_user(score.loss).sqrt();
            rows.push(row(&name, root(before), root(after)));
        }
        let mut text = output::table(&rows);
        let gap = polished.duality_gap.map_or(String::new(), |gap| format!(" to a relative gap of {gap:.1e}"));
        let (word, reason) = polished.ending.in_words(self.stopped);
        let reason = reason.map_or(String::new(), |reason| format!(": {reason}"));
        text.push_str(&format!(
            "{word} after {} iterations in {}{gap}{reason}\n",
            polished.iterations,
            seconds(self.time)
        ));
        polished.notes.iter().for_each(|note| text.push_str(&format!("note: {note}\n")));
        text
    }

    /// The model file; nothing in it depends on the clock.
    fn model(&self, arguments: &Arguments, request: &Request, settings: &Settings, stop: &Stop) -> Result<Model> {
        let Problem { columns, scaler, .. } = self.problem;
        let network = self.polished.network.clone();
        let late = stop.late();
        let prove = || certify::prove(&network, settings.norm, Some(scaler), &mut |_| late.verdict());
        Ok(Model {
            columns: columns.clone(),
            scaler: scaler.clone(),
            settings: request.polish_record(&arguments.data.to_string_lossy(), settings),
            objective: self.polished.to_json(self.stopped),
            certificate: Some(late.during(prove)?),
            network,
        })
    }
}
