//! What `polish`, `certify` and `predict` do with networks that have an output for each of several classes, and `polish` with those of several
//! targets.

use super::export;
use super::predict_rows::write;
use super::targets;
use super::told::{Watched, note_effort, write_json};
use crate::arguments::{OutArguments, TalkArguments};
use crate::input::Problem;
use crate::output;
use crate::progress::{Display, seconds};
use crate::stop::Stop;
use crate::tolerance::json as json_of;
use serde_json::{Value, json};
use std::process::ExitCode;
use std::time::Duration;
use tautnet::attack::{self, WithinReport};
use tautnet::certify::Effort;
use tautnet::error::{Error, Result};
use tautnet::job::{Interruption, Job};
use tautnet::recipe::{Interval, Plan};
use tautnet::several::{self, Polished, Told};
use tautnet::tolerance::{self, Tolerance};
use tautnet::{Dataset, Norm, Shallow, certify as proofs, fit, printable};
use tautnet_models::{Model, Options, Stored};
use tautnet_tables::results::{Cells, Columns};
use tautnet_tables::{Table, UnknownLevels, atomic};

/// The one error for what is for two classes or for numbers.
fn only_one_output(what: &str, hint: &str) -> Error {
    Error::new(
        format!("{what} is for two classes or for numbers, and this network has an output for each of several classes"),
        hint,
    )
}

/// What was asked of a polish.
pub struct Polish<'a> {
    pub data: &'a str,
    /// Whether pictures were.
    pub pictures: bool,
    pub raw_network: bool,
    pub out: &'a OutArguments,
    pub talk: &'a TalkArguments,
}

/// Polish a network of several outputs: classes, or targets.
pub fn polish(
    asked: &Polish<'_>,
    (plan, stored, rewritten): (&Plan, &Stored, Option<String>),
    problem: &Problem,
    job: &Job<'_>,
    stop: &Stop,
) -> Result<ExitCode> {
    let settings = &plan.settings.polish;
    settings.check_several()?;
    if asked.pictures {
        return Err(match settings.loss.is_margin() {
            true => only_one_output("a report or a plot", "leave it out; --json has every number"),
            false => targets::only_one_target("a report or a plot", "leave it out; --json has every number"),
        });
    }
    let classes = settings.loss.is_margin();
    if asked.raw_network && classes {
        return Err(only_one_output("`--raw-network`", "give the network in standardized units, or --no-standardize"));
    }
    let mut display = Display::new(asked.talk.quiet, settings.tol);
    let worked = job.polish_several(&problem.network, &mut |progress| {
        if let fit::Progress::Polish(progress) = progress {
            display.update("", progress);
        }
    })?;
    let exact = Tolerance::none(problem.train.columns());
    let within = job.tolerance().unwrap_or(&exact);
    let late = stop.late();
    display.stage("attacking rows, and proving their worst cases");
    let seen = late.during(|| match classes {
        true => Seen::of(plan, problem, &worked.result, within).map(Known::Classes),
        false => targets::Seen::of(plan, problem, &worked.result.network, within).map(Known::Targets),
    })?;
    drop(display);
    if let Some(path) = &asked.out.out {
        let result = match stored {
            Stored::Network(_) if asked.raw_network => {
                Stored::Network(problem.scaler.network_to_user(&worked.result.network)?.into())
            }
            Stored::Network(_) => Stored::Network(worked.result.network.clone().into()),
            Stored::Model(_) => {
                let proved = job.prove_several(&worked, asked.data);
                Stored::Model(Box::new(Model::of(proved, problem.columns.clone(), problem.scaler.clone())?))
            }
        };
        export::write(&result, path, &Options::default(), asked.out.existing())?;
    }
    let (stopped, notes) = (worked.interruption.map(Interruption::in_words), rewritten.as_slice());
    let time = Duration::from_secs_f64(worked.seconds);
    if asked.talk.json {
        output::print_json(&seen.json(&worked.result, (stopped, notes), time))?;
    } else {
        output::print(&seen.text(&worked.result, (stopped, notes), time))?;
        if asked.out.out.is_none() {
            output::note("the network was not kept; write it with --out FILE");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What is known of both networks.
enum Known<'a> {
    Classes(Seen),
    Targets(targets::Seen<'a>),
}

impl Known<'_> {
    fn json(&self, polished: &Polished, (stopped, notes): (Option<&str>, &[String]), time: Duration) -> Value {
        let mut result = json!({
            "objective": polished.objective[1],
            "duality_gap": if polished.gap.is_finite() { json!(polished.gap) } else { Value::Null },
            "rounds": polished.rounds,
            "units": polished.network.units(),
            "seconds": time.as_secs_f64(),
            "ending": ending(polished, stopped),
            "notes": notes,
            "before": {"objective": polished.objective[0]},
        });
        match self {
            Self::Classes(seen) => seen.add_to(&mut result),
            Self::Targets(seen) => seen.add_to(&mut result),
        }
        result
    }

    fn text(&self, polished: &Polished, (stopped, notes): (Option<&str>, &[String]), time: Duration) -> String {
        let (what, lines) = match self {
            Self::Classes(seen) => {
                ("loss of the worst margins within the tolerance, at most, and weights", seen.lines())
            }
            Self::Targets(seen) => {
                ("worst losses of all targets within the tolerance, at most, and weights", seen.lines())
            }
        };
        let mut rows = vec![vec![String::new(), "before".into(), "after".into()]];
        let objective = polished.objective.map(output::at_most);
        rows.push(std::iter::once(format!("objective ({what})")).chain(objective).collect());
        rows.extend(lines);
        let gap = if polished.gap.is_finite() {
            format!(" to a relative gap of {:.1e}", polished.gap)
        } else {
            String::new()
        };
        let programs = if polished.rounds == 1 { "program" } else { "programs" };
        let ending = ending(polished, stopped);
        let notes: String = notes.iter().map(|note| format!("note: {note}\n")).collect();
        output::table(&rows)
            + &format!("{ending} after {} {programs} in {}{gap}\n", polished.rounds, seconds(time))
            + &notes
    }
}

/// Both networks within the tolerance, on the rows learned from and on those held out: accuracy without input error, and what is found and proved.
struct Seen {
    learned: [(f64, WithinReport); 2],
    held_out: Option<[(f64, WithinReport); 2]>,
}

impl Seen {
    fn of(plan: &Plan, problem: &Problem, polished: &Polished, within: &Tolerance) -> Result<Self> {
        let networks = [&problem.network, &polished.network];
        let rows = problem.train.rows() + problem.test.as_ref().map_or(0, Dataset::rows);
        let pairs = problem.network.outputs() - 1;
        let settings = attack::Settings {
            loss: plan.settings.polish.loss.clone(),
            seed: plan.recipe.seed,
            nodes: proofs::affordable_nodes(&problem.network, networks.len() * rows * pairs),
            ..attack::Settings::new(f64::INFINITY)
        };
        let both = |data: &Dataset, within: &Tolerance| -> Result<[(f64, WithinReport); 2]> {
            let of = |network: &Shallow| -> Result<_> {
                Ok((tautnet::choose::accuracy(network, data), attack::within(network, data, within, &settings)?))
            };
            Ok([of(networks[0])?, of(networks[1])?])
        };
        let held_out = |test: &Dataset| {
            let (asked, inputs) = (&plan.recipe.tolerance, problem.columns.tolerated());
            let within = match asked.is_empty() {
                true => Tolerance::none(test.columns()),
                false => problem.scaler.tolerance(asked, &inputs, test.x.as_ref(), &problem.train)?,
            };
            both(test, &within)
        };
        Ok(Self { learned: both(&problem.train, within)?, held_out: problem.test.as_ref().map(held_out).transpose()? })
    }

    fn sets(&self) -> impl Iterator<Item = (&'static str, &[(f64, WithinReport); 2])> {
        [("learned", &self.learned)].into_iter().chain(self.held_out.iter().map(|held_out| ("held_out", held_out)))
    }

    fn add_to(&self, result: &mut Value) {
        let one = |(clean, report): &(f64, WithinReport)| {
            json!({
                "found": report.found,
                "proved": report.worst_case.map(|proved| proved.proved),
                "accuracy": {"clean": clean, "found": report.right.map(|right| right.found), "proved": report.right.map(|right| right.proved)},
            })
        };
        for (name, [before, after]) in self.sets() {
            (result["before"][name], result[name]) = (one(before), one(after));
        }
    }

    fn lines(&self) -> Vec<Vec<String>> {
        let mut rows = Vec::new();
        let mut row = |name: String, both: [String; 2]| rows.push([name].into_iter().chain(both).collect());
        for (name, both) in self.sets() {
            let rows = if name == "learned" { "rows learned from" } else { "rows held out" };
            let right = |of: fn(&WithinReport) -> f64| both.each_ref().map(|(_, report)| of(report));
            let share = |report: &WithinReport| report.right.expect("a class is right or wrong");
            row(format!("class right without input error, {rows}"), both.map(|(clean, _)| output::percent(clean)));
            row(
                "  where an attack looked".into(),
                both.each_ref().map(|(_, report)| output::percent(share(report).found)),
            );
            row(
                "  proved, at least".into(),
                both.each_ref().map(|(_, report)| output::percent_at_least(share(report).proved)),
            );
            row("  mean loss found".into(), right(|report| report.found).map(output::at_least));
        }
        rows
    }
}

/// How it ended, in a word.
fn ending<'a>(polished: &Polished, stopped: Option<&'a str>) -> &'a str {
    stopped.unwrap_or(polished.ending())
}

/// Bounds on the margins of every pair of classes, or on every output of targets; `given` is an argument that there is for one output only.
pub fn certify(
    (given, norm): (Option<&str>, Option<Norm>),
    (out, talk): (&OutArguments, &TalkArguments),
    (stored, network): (&Stored, &Shallow),
    stop: &Stop,
) -> Result<ExitCode> {
    let norms = match norm {
        Some(norm) => vec![norm],
        None => vec![Norm::Two, Norm::Infinity, Norm::One],
    };
    if let Stored::Model(model) = stored
        && !model.columns.other_targets.is_empty()
    {
        if let Some(what) = given {
            return Err(targets::only_one_target(
                &format!("`{what}`"),
                "leave it out: every output has its bounds; `predict` and `attack` prove what a tolerance does to rows",
            ));
        }
        return targets::certify((&model.columns, &model.scaler, network), &norms, (out, talk), stop);
    }
    if let Some(what) = given {
        return Err(only_one_output(
            &format!("`{what}`"),
            "leave it out: every pair of classes has its bounds; `predict` and `attack` prove what a tolerance does to rows",
        ));
    }
    let classes: Vec<String> = match stored {
        Stored::Model(model) => model.columns.classes.clone().unwrap_or_default(),
        Stored::Network(_) => (1..=network.outputs()).map(|j| format!("output{j}")).collect(),
    };
    let pairs: Vec<(usize, usize)> =
        (0..classes.len()).flat_map(|y| (y + 1..classes.len()).map(move |j| (y, j))).collect();
    let mut display = Display::new(talk.quiet, f64::NAN);
    let (count, mut done) = (pairs.len() * norms.len(), 0);
    let mut bounds = Vec::new();
    let mut cut_short = None;
    stop.kept();
    for &pair in &pairs {
        let mut each = Vec::new();
        for &norm in &norms {
            let share = stop.share((count - done) as u32);
            each.push(share.during(|| several::lipschitz(network, pair, norm, &mut |_| share.verdict()))?);
            cut_short = cut_short.or(share.reason());
            done += 1;
            display.count("bounding margins", done, count);
        }
        bounds.push(each);
    }
    drop(display);
    let of_pair = |((y, j), each): (&(usize, usize), &Vec<f64>)| {
        let norms = norms.iter().zip(each).map(|(norm, bound)| (norm.name().to_owned(), json!(bound)));
        json!({"classes": [classes[*y], classes[*j]], "lipschitz": norms.collect::<serde_json::Map<_, _>>()})
    };
    let result = json!({
        "inputs": network.inputs(),
        "units": network.units(),
        "classes": classes,
        "standardized": matches!(stored, Stored::Model(_)),
        "margins": pairs.iter().zip(&bounds).map(of_pair).collect::<Value>(),
    });
    if let Some(path) = &out.out {
        atomic::write(path, format!("{result:#}\n").as_bytes(), out.existing())?;
    }
    if talk.json {
        output::print_json(&result)?;
        return Ok(ExitCode::SUCCESS);
    }
    let titles = norms.iter().map(|norm| format!("norm {}", norm.name()));
    let mut rows = vec![["margin between".to_owned()].into_iter().chain(titles).collect::<Vec<_>>()];
    for (&(y, j), each) in pairs.iter().zip(&bounds) {
        let name = format!("`{}` and `{}`", printable::line(&classes[y]), printable::line(&classes[j]));
        rows.push([name].into_iter().chain(each.iter().map(|bound| output::at_most(*bound))).collect());
    }
    output::print(&output::table(&rows))?;
    if !talk.quiet {
        let units = match stored {
            Stored::Model(_) => "in standard deviations of each",
            Stored::Network(_) => "in the units that the network takes",
        };
        output::note(&format!(
            "a margin is the difference of the outputs of two classes; it changes by at most its bound times what the inputs change, {units} (proved)"
        ));
        if let Some(reason) = cut_short {
            output::note(&format!("{reason}: what is proved holds, but LipSDP may have more to give"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What was asked of a prediction.
pub struct Asked<'a> {
    pub interval: Interval,
    pub within: Option<&'a tolerance::Asked>,
    pub unknown: UnknownLevels,
    pub out: &'a OutArguments,
    pub json: bool,
}

/// The class of every row, how likely it is, and whether errors of the inputs can change it.
pub fn predict(asked: &Asked<'_>, (model, table): (&Model, &Table), stop: &Stop) -> Result<ExitCode> {
    let Asked { interval, within, .. } = *asked;
    if interval.radius.is_some() {
        return Err(only_one_output("`--radius`", "say a tolerance of the inputs: --tolerance 0.1sd"));
    }
    let x = model.columns.encode(table, asked.unknown)?;
    let network = model.network.shallow("`predict`")?;
    let tolerance = within.map(|asked| model.tolerance_on(asked, x.as_ref())).transpose()?;
    let mut watched = Watched::new();
    let mut refined = 0;
    let all = stop.during(|| {
        several::told(&network, &model.scaler, &x, tolerance.as_ref(), interval.nodes, &mut |progress| {
            refined += progress.refined;
            watched.show(progress);
        })
    })?;
    drop(watched);
    if tolerance.is_some() {
        let margins = x.nrows() * (network.outputs() - 1);
        let effort = Effort::of(&network, margins, interval.nodes);
        note_effort(margins, effort, stop.reason().map(|reason| (reason, refined)));
    }
    let classes = model.columns.classes.as_deref().unwrap_or_default();
    let probable = model.loss()?.name() == "logistic";
    let likely = |told: &Told| told.probabilities[told.class];
    if asked.json {
        let of = |of: &dyn Fn(&Told) -> Value| all.iter().map(of).collect::<Value>();
        let mut result = json!({
            "target": model.columns.target,
            "classes": classes,
            "predictions": of(&|told| json!(classes[told.class])),
        });
        if probable {
            result["probability"] = of(&|told| json!(likely(told)));
            result["probabilities"] = of(&|told| json!(told.probabilities));
        }
        if let Some(within) = within {
            (result["tolerance"], result["tolerance_shape"]) = json_of(within);
            result["certain"] = of(&|told| json!(told.is_certain()));
            if probable {
                result["lower"] = of(&|told| json!(told.likely().0));
                result["upper"] = of(&|told| json!(told.likely().1));
            }
        }
        return write_json(&result, asked.out);
    }
    write(&columns(model, &all, (probable, within.is_some())), asked.out)?;
    Ok(ExitCode::SUCCESS)
}

/// The classes of some rows, without a tolerance.
pub fn plain(model: &Model, table: &Table, unknown: UnknownLevels) -> Result<Columns> {
    let x = model.columns.encode(table, unknown)?;
    let network = model.network.shallow("`predict`")?;
    let all = several::told(&network, &model.scaler, &x, None, None, &mut |_| {})?;
    Ok(columns(model, &all, (model.loss()?.name() == "logistic", false)))
}

/// As columns; where there is a tolerance, with what holds within it.
fn columns(model: &Model, all: &[Told], (probable, within): (bool, bool)) -> Columns {
    let classes = model.columns.classes.as_deref().unwrap_or_default();
    let words = |of: &dyn Fn(&Told) -> String| Cells::Words(all.iter().map(of).collect());
    let numbers = |of: &dyn Fn(&Told) -> f64| Cells::Numbers(all.iter().map(of).collect());
    let mut columns = vec![("prediction".to_owned(), words(&|told| classes[told.class].clone()))];
    if probable {
        columns.push(("probability".into(), numbers(&|told| told.probabilities[told.class])));
    }
    if within && probable {
        columns.push(("lower".into(), numbers(&|told| told.likely().0)));
        columns.push(("upper".into(), numbers(&|told| told.likely().1)));
    }
    if within {
        columns.push(("certain".into(), words(&|told| if told.is_certain() { "yes" } else { "no" }.into())));
    }
    columns
}
