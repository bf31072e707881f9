//! `tautnet polish NETWORK DATA`: the best network with the same activation patterns.

use super::beside::{self, Units};
use super::pictures::{self, Evaluation};
use super::{export, polish_deep, rows_beyond, several};
use crate::arguments::{MeetingArguments, MemoryArguments, OutArguments, PictureArguments, TalkArguments};
use crate::files::Files;
use crate::input::Problem;
use crate::progress::{Display, seconds};
use crate::recipe::{self, LimitArguments, RecipeArguments, TableArguments, TestArguments, ThreadArguments};
use crate::stop::Stop;
use crate::tolerance::TolerancesArguments;
use crate::{input, output};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tautnet::attack::{SIZES, WithinReport};
use tautnet::choose::{AtSize, Beside, Errors};
use tautnet::error::Result;
use tautnet::job::{Interruption, Job};
use tautnet::polish::{Bounded, Mean, Polished, Score};
use tautnet::recipe::{Command, Layers, Plan};
use tautnet::tolerance::{Asked, Tolerance};
use tautnet::{Dataset, Loss, Recipe, Scaler, Shallow, attack, certify, fit};
use tautnet_models::{Format, Model, Options, Stored};
use tautnet_report::{Chart, Origin, Report, Rows, Side, Within};
use tautnet_tables::Encoder;

/// Post-process a network by convex optimization; never worse than it was
///
/// Finds the best of all networks that switch their units on and off on DATA as NETWORK does, minimizing
/// mean loss + λ · (bound on the Lipschitz constant) + decay. Input columns and target are standardized before
/// they meet the network, so that NETWORK, the objective and the bound are in standardized units, unless
/// --no-standardize or --raw-network is given. A model file brings its own columns and its own standardization. The result is written as JSON, or
/// as ONNX or safetensors where FILE ends so.
///
/// A network with more hidden layers, or with other units than relu can say, is polished layer by layer: each in its turn is
/// replaced by the best one with the patterns of the layers from it on, wherever the objective falls by it.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Model file, or a plain network: .onnx, .safetensors or JSON
    #[arg(value_name = "NETWORK")]
    pub network: PathBuf,

    /// Data: a CSV file (plain or gzip), a Parquet file, a folder of these, many files by a pattern ('part-*.csv'), an idx file of images, the name
    /// of a data set, or `-` for standard input
    pub data: OsString,

    #[command(flatten)]
    pub meeting: MeetingArguments,

    #[command(flatten)]
    pub memory: MemoryArguments,

    #[command(flatten)]
    pub test: TestArguments,

    #[command(flatten)]
    pub recipe: RecipeArguments<recipe::Polish>,

    #[command(flatten)]
    pub tolerances: TolerancesArguments,

    #[command(flatten)]
    pub layers: TableArguments<Layers, recipe::Polish>,

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

/// Run it.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut asked = arguments.recipe.asked.clone();
    asked.tolerance = arguments.tolerances.said(&arguments.recipe)?.over(Asked::default())?;
    let no_path = [(Chart::Path, "only `train` chooses the price λ")];
    let missing = match asked.tolerance.is_exact() {
        true => [&pictures::WITHOUT_TOLERANCE[..], &no_path].concat(),
        false => [&[(Chart::Causes, "only `train` says what each input causes")], &no_path[..]].concat(),
    };
    let files = Files::default().reads(&arguments.network).reads_data(Some(&arguments.data));
    let files = files.reads_if(arguments.tolerances.tolerances.as_ref());
    pictures::check(files, &arguments.test, &arguments.pictures, &arguments.out, &missing)?;
    arguments.out.out.as_deref().map(Format::of).transpose()?;
    arguments.threads.apply()?;
    let stop = Stop::new(arguments.limit.time_limit);
    let stored = input::stored(&arguments.network)?;
    if tautnet::deep_job::is_for(stored.network()) {
        let asked = polish_deep::Asked {
            network: &arguments.network,
            data: &arguments.data,
            meeting: &arguments.meeting,
            test: &arguments.test,
            recipe: &arguments.recipe,
            layers: &arguments.layers,
            tolerances: arguments.tolerances.tolerances.is_some(),
            pictures: arguments.pictures.wanted(),
            out: &arguments.out,
            talk: &arguments.talk,
        };
        return polish_deep::run(&asked, &stored, &stop);
    }
    polish_deep::refuse_for_shallow(&arguments.layers)?;
    tell_of_tolerance(&stored, &asked, arguments)?;
    let relu = stored.network().in_relu_units("`polish`")?;
    let rewritten = (relu.network != *stored.network()).then(|| relu.note(stored.network()));
    let given = relu.network.shallow("`polish`")?;
    if !arguments.recipe.said("loss") {
        asked.loss = input::loss_of(&stored, &given, &arguments.meeting.columns)?;
    }
    let plan = asked.resolve(Command::Polish)?;
    let targets = arguments.meeting.columns.several()
        || matches!(&stored, Stored::Model(model) if !model.columns.other_targets.is_empty());
    if given.outputs() > 1 && !plan.settings.polish.loss.is_margin() && !targets {
        relu.network.one_output("`polish`, but of classes or targets,")?;
    }
    let settings = &plan.settings.polish;
    let test = (&arguments.test, asked.seed);
    let problem =
        input::meet(&stored, given, &arguments.network, &arguments.data, &arguments.meeting, &settings.loss, test)?;
    problem.check(&settings.loss)?;
    problem.columns.check_outputs(problem.network.outputs())?;
    let network = &problem.network;

    stop.heed();
    let job = Job::on(problem.train.clone(), problem.scaler.clone(), &plan, Arc::new(stop));
    let job = job.tolerating(&problem.columns.tolerated())?;
    if network.outputs() > 1 {
        return several::polish(
            &several::Polish {
                data: &arguments.data.to_string_lossy(),
                pictures: arguments.pictures.wanted(),
                raw_network: arguments.meeting.units.raw_network,
                out: &arguments.out,
                talk: &arguments.talk,
            },
            (&plan, &stored, rewritten),
            &problem,
            &job,
            &stop,
        );
    }
    let mut display = Display::new(arguments.talk.quiet, settings.tol);
    let worked = job.polish(network, None, &mut |progress| {
        if let fit::Progress::Polish(progress) = progress {
            display.update("", progress);
        }
    })?;
    let polished = &worked.result;
    let stopped = worked.interruption.map(Interruption::in_words);
    let time = Duration::from_secs_f64(worked.seconds);

    let late = stop.late();
    let worst_case = job.tolerance().map(|tolerance| {
        display.stage("attacking rows, and proving their worst cases");
        late.during(|| WorstCases::of(&plan, &problem, polished, tolerance))
    });
    drop(display);
    if worst_case.is_some() {
        pictures::tell_of_attack(&late);
    }
    let worst_case = worst_case.transpose()?;
    let facts = Facts {
        loss: &settings.loss,
        worst_case: worst_case.as_ref(),
        polished,
        test_loss: problem.test.as_ref().map(|test| {
            let loss = |network| settings.loss.mean(network, test);
            [loss(network), loss(&polished.network)]
        }),
        // Within a tolerance the errors without one do not decide.
        beside: beside::of(&polished.network, &problem.train, problem.test.as_ref(), &settings.loss)
            .map(|beside| Beside { verdict: beside.verdict.filter(|_| worst_case.is_none()), ..beside }),
        columns: &problem.columns,
        scaler: &problem.scaler,
        time,
        stopped,
        rewritten,
        passes: None,
    };
    if let Some(path) = &arguments.out.out {
        let result = match stored {
            Stored::Network(_) if arguments.meeting.units.raw_network => {
                Stored::Network(problem.scaler.network_to_user(&polished.network)?.into())
            }
            Stored::Network(_) => Stored::Network(polished.network.clone().into()),
            Stored::Model(_) => {
                let proved = job.prove_polish(&worked, None, &arguments.data.to_string_lossy())?;
                let model = Model::of(proved, problem.columns.clone(), problem.scaler.clone())?;
                Stored::Model(Box::new(model))
            }
        };
        export::write(&result, path, &Options::default(), arguments.out.existing())?;
    }
    if arguments.pictures.wanted() {
        draw(arguments, &plan, &job, (&facts, &problem), &stop)?;
    }
    facts.tell(&arguments.out, &arguments.talk)?;
    Ok(output::limit_kept(settings.max_lipschitz, polished.after.lipschitz))
}

/// Say that a model was made for a tolerance, where it is to be polished without one and nothing was said of that.
pub fn tell_of_tolerance(stored: &Stored, asked: &Recipe, arguments: &Arguments) -> Result<()> {
    let said = arguments.recipe.said("tolerance") || arguments.tolerances.tolerances.is_some();
    let Stored::Model(model) = stored else { return Ok(()) };
    if said || !asked.tolerance.is_exact() || model.tolerance()?.is_exact() {
        return Ok(());
    }
    let entries = model.settings["tolerance"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let flags: Vec<String> = entries.map(|entry| format!("--tolerance {entry}")).collect();
    output::note(&format!(
        "the model was made for a tolerance; a price of the bound does not look at it, and {} keeps it",
        flags.join(" ")
    ));
    Ok(())
}

/// The page and the charts that were asked for.
fn draw(
    arguments: &Arguments,
    plan: &Plan,
    job: &Job<'_>,
    (facts, problem): (&Facts<'_>, &Problem),
    stop: &Stop,
) -> Result<()> {
    let settings = &plan.settings.polish;
    let polished = facts.polished;
    let Problem { network: before, columns, scaler, train, test, source } = problem;
    let (measure, seed, late) = ((settings.norm, &settings.loss), plan.recipe.seed, stop.late());
    let (old, new) = (job.prove(before, None)?, job.prove(&polished.network, Some(scaler))?);
    let bounds = (old.standardized.bound, new.standardized.bound);
    let networks = ((before, bounds.0), (&polished.network, bounds.1));
    let evaluation = Evaluation::of(networks.0, networks.1, measure, train, test.as_ref(), seed, stop)?;
    pictures::tell_of_attack(&late);
    let within = job.tolerance().map(|_| {
        late.during(|| within((before, &polished.network), (plan, problem), (&evaluation.shown, &evaluation.rows)))
    });
    let within = within.transpose()?;
    let rows = Rows { learned: train, held_out: test.as_ref(), shown: &evaluation.shown, name: &evaluation.rows };
    let file = arguments.network.display().to_string();
    let report = Report {
        source,
        inputs: columns.names(),
        target: &columns.target,
        scaler,
        units: before.units(),
        origin: Origin::Given(&file),
        settings: tautnet::polish::Settings { tolerance: job.tolerance().cloned(), ..settings.clone() },
        polished: Some(polished),
        stopped: facts.stopped,
        path: None,
        choice: None,
        within,
        before: Side::of(before, Some(bounds.0), evaluation.start, &rows, measure, scaler, seed)?,
        after: Side::of(&polished.network, Some(bounds.1), evaluation.result, &rows, measure, scaler, seed)?,
        rows,
        comparison: None,
        dependence: pictures::dependence(&polished.network, &evaluation.shown, columns, scaler, &settings.loss),
        sensitivities: certify::sensitivities(&new, scaler),
        reproduce: pictures::reproduce(&json!(plan.polish_record(&arguments.data.to_string_lossy()))),
    };
    pictures::write(&report, &arguments.pictures, &arguments.out, arguments.talk.quiet)
}

/// The errors of both networks within parts and multiples of the tolerance, on the rows shown.
fn within(
    (before, after): (&Shallow, &Shallow),
    (plan, problem): (&Plan, &Problem),
    (rows, name): (&Dataset, &str),
) -> Result<Within> {
    let (loss, scaler) = (&plan.settings.polish.loss, &problem.scaler);
    let inputs = problem.columns.tolerated();
    let tolerance = scaler.tolerance(&plan.recipe.tolerance, &inputs, rows.x.as_ref(), &problem.train)?;
    let errors = |network: &Shallow| -> Result<Vec<Errors>> {
        let settings = attack::Settings {
            loss: loss.clone(),
            seed: plan.recipe.seed,
            nodes: certify::affordable_nodes(network, 2 * SIZES.len() * rows.rows()),
            ..attack::Settings::new(f64::INFINITY)
        };
        let clean = loss.mean(network, rows);
        let reports = attack::within_multiples(network, rows, &tolerance, &SIZES, &settings)?.into_iter();
        let proved = |report: &WithinReport| report.worst_case.map_or(f64::INFINITY, |proved| proved.proved);
        Ok(reports
            .map(|report| Errors { clean, found: report.found, proved: proved(&report), accuracy: None })
            .collect())
    };
    let both = errors(before)?.into_iter().zip(errors(after)?);
    let sizes = SIZES.iter().zip(both).map(|(&size, (start, result))| AtSize { size, start, result }).collect();
    Ok(Within { rows: name.to_owned(), sizes, inputs: Vec::new(), intervals: Vec::new() })
}

/// The worst cases within the tolerance as mean losses, found by attack and proved row by row: of the network given and of the
/// result.
pub struct WorstCases {
    /// In the rows learned from.
    learned: [Searched; 2],
    /// In rows held out.
    held_out: Option<[Searched; 2]>,
}

/// The worst case of one network in some rows, from both sides.
#[derive(Clone, Copy)]
struct Searched {
    found: f64,
    most: Most,
}

/// What the worst case does not exceed.
#[derive(Clone, Copy)]
enum Most {
    /// Proved row by row; so many rows have a worst case that is known exactly.
    Proved(f64, usize),
    /// As the network's own patterns bound it.
    Bound(f64),
}

impl Most {
    fn value(self) -> f64 {
        match self {
            Most::Proved(most, _) | Most::Bound(most) => most,
        }
    }
}

impl WorstCases {
    fn of(plan: &Plan, problem: &Problem, polished: &Polished, tolerance: &Tolerance) -> Result<Self> {
        let networks = [&problem.network, &polished.network];
        let rows = problem.train.rows() + problem.test.as_ref().map_or(0, Dataset::rows);
        let settings = attack::Settings {
            loss: plan.settings.polish.loss.clone(),
            seed: plan.recipe.seed,
            nodes: certify::affordable_nodes(&problem.network, networks.len() * rows),
            ..attack::Settings::new(f64::INFINITY)
        };
        let of = |data: &Dataset, tolerance: &Tolerance| -> Result<[Searched; 2]> {
            let of = |network| -> Result<Searched> {
                let report = attack::within(network, data, tolerance, &settings)?;
                let (proved, exact_rows) = report
                    .worst_case
                    .map_or((f64::INFINITY, 0), |worst_case| (worst_case.proved, worst_case.closed_rows));
                Ok(Searched { found: report.found, most: Most::Proved(proved, exact_rows) })
            };
            let [before, after] = networks.map(of);
            Ok([before?, after?])
        };
        let held_out = |test: &Dataset| {
            let (asked, inputs) = (&plan.recipe.tolerance, problem.columns.tolerated());
            of(test, &problem.scaler.tolerance(asked, &inputs, test.x.as_ref(), &problem.train)?)
        };
        Ok(Self { learned: of(&problem.train, tolerance)?, held_out: problem.test.as_ref().map(held_out).transpose()? })
    }

    /// Of rows beyond memory: what a few steps of an attack have found, and the bounds.
    pub fn beyond_memory(both: &[Bounded; 2]) -> Self {
        let searched = |of: fn(&Mean) -> Option<f64>| {
            let [before, after] = both
                .each_ref()
                .map(|bounded| Some(Searched { found: of(&bounded.found)?, most: Most::Bound(of(&bounded.bound)?) }));
            Some([before?, after?])
        };
        let learned = searched(|mean| Some(mean.learned)).expect("there are rows to learn from");
        Self { learned, held_out: searched(|mean| mean.held_out) }
    }
}

/// All that is to be told.
pub struct Facts<'a> {
    pub loss: &'a Loss,
    /// Where there is a tolerance.
    pub worst_case: Option<&'a WorstCases>,
    pub polished: &'a Polished,
    /// The mean losses of the network given and of the result on rows held out.
    pub test_loss: Option<[f64; 2]>,
    /// What simple rules achieve on the rows held out, or where there are none on those learned from.
    pub beside: Option<Beside>,
    pub columns: &'a Encoder,
    pub scaler: &'a Scaler,
    pub time: Duration,
    pub stopped: Option<&'static str>,
    /// Said where the network was rewritten with relu units.
    pub rewritten: Option<String>,
    /// How often all rows were gone through, and whose cells were held at the end, where the rows were not in memory.
    pub passes: Option<(usize, usize)>,
}

/// How many convex programs were solved one after the other.
fn rounds(polished: &Polished) -> usize {
    polished.trace.last().map_or(0, |last| last.round + 1)
}

impl Facts<'_> {
    /// Print them, for people or for programs.
    pub fn tell(&self, out: &OutArguments, talk: &TalkArguments) -> Result<()> {
        if talk.json {
            return output::print_json(&self.json());
        }
        output::print(&self.text())?;
        if out.out.is_none() {
            output::note("the network was not kept; write it with --out FILE");
        }
        Ok(())
    }

    fn notes(&self) -> impl Iterator<Item = &str> {
        self.rewritten.iter().chain(&self.polished.notes).map(String::as_str)
    }

    fn units(&self) -> Units<'_> {
        Units { target: &self.columns.target, scaler: Some(self.scaler), loss: self.loss }
    }

    pub fn json(&self) -> Value {
        let Self { polished, columns, scaler, .. } = self;
        let score = |score: &Score, at: usize, gap: Option<f64>, iterations: usize, seconds: f64| {
            let bounds = scaler.bound_per_column(score.lipschitz);
            let columns = columns.names().into_iter().zip(bounds).map(|(name, bound)| (name, json!(bound)));
            let mut facts = json!({
                "objective": score.objective,
                "loss": score.loss,
                "lipschitz": score.lipschitz,
                "decay": score.decay,
                "duality_gap": gap,
                "iterations": iterations,
                "seconds": seconds,
                "user_units": {
                    "loss": scaler.loss_to_user(self.loss, score.loss),
                    "lipschitz_per_column": columns.collect::<serde_json::Map<_, _>>(),
                },
            });
            if let Some(worst_case) = self.worst_case {
                let Searched { found, most } = worst_case.learned[at];
                facts["worst_case"] = json!({"bound": score.worst_case, "found": found});
                if let Most::Proved(proved, exact_rows) = most {
                    facts["worst_case"]["proved"] = json!(proved);
                    facts["worst_case"]["exact_rows"] = json!(exact_rows);
                }
                if let Some(held_out) = worst_case.held_out {
                    let name = match held_out[at].most {
                        Most::Proved(..) => "test_proved",
                        Most::Bound(_) => "test_bound",
                    };
                    facts["worst_case"][name] = json!(held_out[at].most.value());
                    facts["worst_case"]["test_found"] = json!(held_out[at].found);
                }
            }
            if let Some(losses) = self.test_loss {
                facts["test_loss"] = json!(losses[at]);
                facts["user_units"]["test_loss"] = json!(scaler.loss_to_user(self.loss, losses[at]));
            }
            facts
        };
        let seconds = self.time.as_secs_f64();
        let mut result = score(&polished.after, 1, polished.duality_gap, polished.iterations, seconds);
        let (ending, reason) = polished.ending.in_words(self.stopped);
        result["ending"] = json!(ending);
        result["reason"] = json!(reason);
        result["notes"] = self.notes().collect();
        if let Some(objective) = polished.labelled {
            result["objective"] = json!(objective);
            result["recomputed"] = json!(polished.after.objective);
        }
        result["rounds"] = json!(rounds(polished));
        result["before"] = score(&polished.before, 0, None, 0, 0.0);
        result["beside"] = json!(self.beside.as_ref().map(|beside| beside::told(beside, self.units())));
        if let Some(passes) = self.passes {
            result["beyond_memory"] = rows_beyond::json(passes);
        }
        result
    }

    pub fn text(&self) -> String {
        let Self { polished, columns, scaler, .. } = self;
        let row =
            |name: &str, before: f64, after: f64| vec![name.to_owned(), output::number(before), output::number(after)];
        let (before, after) = (&polished.before, &polished.after);
        let mut rows = vec![
            vec![String::new(), "before".into(), "after".into()],
            row("objective", before.objective, after.objective),
            row(&self.loss.mean_name(), before.loss, after.loss),
        ];
        if let Some([before, after]) = self.test_loss {
            rows.push(row(&format!("{}, rows held out", self.loss.mean_name()), before, after));
        }
        if let (Some(worst_case), [Some(old), Some(new)]) = (self.worst_case, [before.worst_case, after.worst_case]) {
            let at_most =
                |name: String, both: [f64; 2]| std::iter::once(name).chain(both.map(output::at_most)).collect();
            rows.push(at_most(format!("{} within the tolerance, at most", self.loss.mean_name()), [old, new]));
            for (searched, which) in [(Some(worst_case.learned), ""), (worst_case.held_out, ", rows held out")] {
                let Some([old, new]) = searched else { continue };
                // On the rows learned from the line before says it already.
                let both = [old, new].map(|searched| searched.most.value());
                match old.most {
                    Most::Proved(..) => rows.push(at_most(format!("  proved, row by row{which}"), both)),
                    Most::Bound(_) if !which.is_empty() => rows.push(at_most(format!("  at most{which}"), both)),
                    Most::Bound(_) => {}
                }
                rows.push(row(&format!("  found by attack{which}"), old.found, new.found));
            }
        }
        let bounds = [before.lipschitz, after.lipschitz].map(output::at_most);
        rows.push(["Lipschitz bound".to_owned()].into_iter().chain(bounds).collect());
        rows.push(row("weights", before.decay, after.decay));
        if **scaler != Scaler::identity(columns.width()) {
            let error = if self.loss.is_squared() { "root mean squared error" } else { self.loss.root_name() };
            let name = format!("{error} of `{}`, in its units", columns.target);
            let root = |score: &Score| scaler.root_to_user(self.loss, score.loss);
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
        if let Some(beside) = &self.beside {
            text.push_str(&beside::text(beside, self.units()));
        }
        if let Some(passes) = self.passes {
            text.push_str(&rows_beyond::told(passes));
        }
        self.notes().for_each(|note| text.push_str(&format!("note: {note}\n")));
        text
    }
}
