//! What `train`, `polish`, `attack`, `certify` and `predict` tell of networks that have an output for each of several targets: every target in
//! its own units.

use super::predict_rows::write;
use super::told::{Watched, note_effort, write_json};
use crate::arguments::{OutArguments, TalkArguments};
use crate::input::Problem;
use crate::output::{self, at_least, at_most, number, table};
use crate::progress::Display;
use crate::stop::Stop;
use crate::tolerance::json as json_of;
use serde_json::{Map, Value, json};
use std::process::ExitCode;
use tautnet::attack::{self, SIZES, Settings, WithinReport};
use tautnet::certify::{self as proofs, Effort, SampleInterval};
use tautnet::choose::{Errors, OfTarget, Typical};
use tautnet::error::{Error, Result};
use tautnet::recipe::{Interval, Plan, Search};
use tautnet::tolerance::{Asked, Tolerance};
use tautnet::{Dataset, Loss, Norm, Scaler, Shallow, printable, several};
use tautnet_models::{Model, Stored};
use tautnet_tables::results::{Cells, Columns};
use tautnet_tables::{Encoder, Table, UnknownLevels, atomic};

/// The one error for what is for one target.
pub fn only_one_target(what: &str, hint: &str) -> Error {
    Error::new(format!("{what} is for one target, and this network has an output for each of several targets"), hint)
}

/// The names of the targets, in one line.
pub fn names(columns: &Encoder) -> String {
    let names: Vec<String> = columns.target_names().iter().map(|name| format!("`{}`", printable::line(name))).collect();
    names.join(", ")
}

/// How far predictions are off, in the units of a target.
pub fn typical_json(typical: &Typical, scaler: &Scaler) -> Value {
    json!({
        "r_squared": typical.r_squared,
        "median": scaler.target_scale * typical.median,
        "nine_of_ten": scaler.target_scale * typical.nine_of_ten,
    })
}

/// The errors of every target, as an object by their names: in standardized units and in those of the targets.
pub fn errors_json((columns, scaler, loss): (&Encoder, &Scaler, &Loss), each: &[OfTarget]) -> Value {
    let one = |(target, (name, of)): (usize, (&str, &OfTarget))| {
        let own = scaler.of_target(target);
        let errors = |errors: &Errors| {
            json!({
                "clean": errors.clean,
                "found": errors.found,
                "proved": errors.proved,
                "user_units": {
                    "clean": own.root_to_user(loss, errors.clean),
                    "found": own.root_to_user_below(loss, errors.found),
                    "proved": own.root_to_user_above(loss, errors.proved),
                },
            })
        };
        let told = json!({
            "start": errors(&of.at.start),
            "result": errors(&of.at.result),
            "constant": of.simple.as_ref().map(|simple| errors(&simple.constant)),
            "linear": of.simple.as_ref().map(|simple| errors(&simple.linear)),
            "typical": typical_json(&of.typical, &own),
            "verdict": of.verdict.name(),
        });
        (name.to_owned(), told)
    };
    Value::Object(columns.target_names().into_iter().zip(each).enumerate().map(one).collect())
}

/// What the predictions of every target are off by, of rows so described: a table with the result, ordinary training and a linear model.
pub fn verdict(
    (columns, scaler, loss): (&Encoder, &Scaler, &Loss),
    each: &[OfTarget],
    rows: &str,
    exact: bool,
) -> String {
    let titles: &[&str] = match exact {
        true => &["off by", "result", "ordinary training", "a linear model", "R²"],
        false => &[
            "off by",
            "found",
            "proved",
            "without input error",
            "ordinary training: proved",
            "a linear model: proved",
            "R²",
        ],
    };
    let mut lines = vec![titles.iter().map(|title| (*title).to_owned()).collect::<Vec<_>>()];
    for (target, (name, of)) in columns.target_names().into_iter().zip(each).enumerate() {
        let own = scaler.of_target(target);
        let clean = |errors: &Errors| number(own.root_to_user(loss, errors.clean));
        let found = |errors: &Errors| at_least(own.root_to_user_below(loss, errors.found));
        let proved = |errors: &Errors| at_most(own.root_to_user_above(loss, errors.proved));
        let (new, old) = (&of.at.result, &of.at.start);
        let linear = |told: &dyn Fn(&Errors) -> String| of.simple.as_ref().map_or(String::new(), |s| told(&s.linear));
        let explained = of.typical.r_squared.map_or(String::new(), |part| format!("{part:.3}"));
        let numbers = match exact {
            true => vec![clean(new), clean(old), linear(&clean), explained],
            false => vec![found(new), proved(new), clean(new), proved(old), linear(&proved), explained],
        };
        lines.push(std::iter::once(format!("`{}`", printable::line(name))).chain(numbers).collect());
    }
    let within = if exact { "" } else { "within the tolerance, " };
    format!(
        "What the prediction of each target is off by, {within}in its own units ({}, {rows}):\n{}",
        loss.root_name(),
        table(&lines)
    )
}

/// What one target is off by: mean losses in standardized units.
struct Off {
    clean: f64,
    report: WithinReport,
}

impl Off {
    fn proved(&self) -> f64 {
        self.report.worst_case.map_or(f64::INFINITY, |proved| proved.proved)
    }
}

/// Both networks of a polish within the tolerance, target by target, on the rows learned from and on those held out.
pub struct Seen<'a> {
    problem: &'a Problem,
    loss: &'a Loss,
    learned: Vec<[Off; 2]>,
    held_out: Option<Vec<[Off; 2]>>,
}

impl<'a> Seen<'a> {
    pub fn of(plan: &'a Plan, problem: &'a Problem, result: &Shallow, within: &Tolerance) -> Result<Self> {
        let networks = [&problem.network, result];
        let (rows, targets) = (problem.train.rows() + problem.test.as_ref().map_or(0, Dataset::rows), result.outputs());
        let loss = &plan.settings.polish.loss;
        let settings = Settings {
            loss: loss.clone(),
            seed: plan.recipe.seed,
            nodes: proofs::affordable_nodes(&problem.network, networks.len() * rows * targets),
            ..Settings::new(f64::INFINITY)
        };
        let each = |data: &Dataset, within: &Tolerance| -> Result<Vec<[Off; 2]>> {
            let of_target = |target: usize| -> Result<[Off; 2]> {
                let rows = data.of_target(target);
                let off = |network: &Shallow| -> Result<Off> {
                    let network = network.output(target);
                    let report = attack::within(&network, &rows, within, &settings)?;
                    Ok(Off { clean: loss.mean(&network, &rows), report })
                };
                Ok([off(networks[0])?, off(networks[1])?])
            };
            (0..targets).map(of_target).collect()
        };
        let held_out = |test: &Dataset| {
            let (asked, inputs) = (&plan.recipe.tolerance, problem.columns.tolerated());
            let within = match asked.is_empty() {
                true => Tolerance::none(test.columns()),
                false => problem.scaler.tolerance(asked, &inputs, test.x.as_ref(), &problem.train)?,
            };
            each(test, &within)
        };
        let held_out = problem.test.as_ref().map(held_out).transpose()?;
        Ok(Self { problem, loss, learned: each(&problem.train, within)?, held_out })
    }

    /// Rows by name, with what is known of them.
    fn sets(&self) -> impl Iterator<Item = (&'static str, &Vec<[Off; 2]>)> {
        [("learned", &self.learned)].into_iter().chain(self.held_out.iter().map(|held_out| ("held_out", held_out)))
    }

    /// Add what is known to what is told of the polish, whose part `before` is there.
    pub fn add_to(&self, result: &mut Value) {
        let (scaler, loss) = (&self.problem.scaler, self.loss);
        for (set, each) in self.sets() {
            for at in [0, 1] {
                let one = |(target, (name, off)): (usize, (&str, &[Off; 2]))| {
                    let (own, Off { clean, report }) = (scaler.of_target(target), &off[at]);
                    let facts = json!({
                        "clean": clean,
                        "found": report.found,
                        "proved": off[at].proved(),
                        "exact_rows": report.worst_case.map(|proved| proved.closed_rows),
                        "user_units": {
                            "clean": own.root_to_user(loss, *clean),
                            "found": own.root_to_user_below(loss, report.found),
                            "proved": own.root_to_user_above(loss, off[at].proved()),
                        },
                    });
                    (name.to_owned(), facts)
                };
                let names = self.problem.columns.target_names();
                let facts: Map<String, Value> = names.into_iter().zip(each).enumerate().map(one).collect();
                let place = if at == 0 { &mut result["before"] } else { &mut *result };
                place[set] = Value::Object(facts);
            }
        }
    }

    /// Lines of a table with a column before and one after.
    pub fn lines(&self) -> Vec<Vec<String>> {
        let (scaler, loss) = (&self.problem.scaler, self.loss);
        let mut lines = Vec::new();
        for (set, each) in self.sets() {
            let rows = if set == "learned" { "rows learned from" } else { "rows held out" };
            for (target, (name, both)) in self.problem.columns.target_names().into_iter().zip(each).enumerate() {
                let own = scaler.of_target(target);
                let mut line = |name: String, of: &dyn Fn(&Off) -> String| {
                    lines.push(std::iter::once(name).chain(both.iter().map(of)).collect::<Vec<_>>());
                };
                line(format!("`{}` off by, in its units, {rows}", printable::line(name)), &|off| {
                    number(own.root_to_user(loss, off.clean))
                });
                line("  found within the tolerance".into(), &|off| {
                    at_least(own.root_to_user_below(loss, off.report.found))
                });
                line("  proved, at most".into(), &|off| at_most(own.root_to_user_above(loss, off.proved())));
            }
        }
        lines
    }
}

/// What was asked of an attack.
pub struct Attack<'a> {
    pub within: &'a Asked,
    pub search: &'a Search,
    pub settings: Settings,
    pub out: &'a OutArguments,
    pub talk: &'a TalkArguments,
}

/// Errors of every target within a tolerance and within multiples of it, found and proved.
pub fn attack(asked: &Attack<'_>, stored: &Stored, problem: &Problem, stop: &Stop) -> Result<ExitCode> {
    let Problem { network, columns, scaler, train, .. } = problem;
    let of_rows = problem.tolerance(stored, asked.within)?;
    let nodes = proofs::affordable_nodes(network, SIZES.len() * train.rows() * network.outputs());
    let settings = asked.search.resolve(nodes, asked.settings.clone())?;
    stop.kept();
    let of_target = |target: usize| {
        let (network, rows) = (network.output(target), train.of_target(target));
        stop.during(|| attack::within_multiples(&network, &rows, &of_rows, &SIZES, &settings))
    };
    let all = (0..network.outputs()).map(of_target).collect::<Result<Vec<_>>>()?;
    super::pictures::tell_of_attack(stop);
    let loss = &settings.loss;
    let proved = |report: &WithinReport| report.worst_case.map_or(f64::INFINITY, |worst_case| worst_case.proved);
    let of_one = |(target, (name, reports)): (usize, (&str, &Vec<WithinReport>))| {
        let own = scaler.of_target(target);
        let one = |(size, report): (&f64, &WithinReport)| {
            json!({
                "size": size,
                "found": report.found,
                "proved": report.worst_case.map(|worst_case| worst_case.proved),
                "exact_rows": report.worst_case.map(|worst_case| worst_case.closed_rows),
                "user_units": {
                    "found": own.loss_to_user_below(loss, report.found),
                    "proved": report.worst_case.map(|worst_case| own.loss_to_user_above(loss, worst_case.proved)),
                },
            })
        };
        (name.to_owned(), SIZES.iter().zip(reports).map(one).collect::<Value>())
    };
    let (entries, shape) = json_of(asked.within);
    let each: Map<String, Value> = columns.target_names().into_iter().zip(&all).enumerate().map(of_one).collect();
    let result = json!({"tolerance": entries, "tolerance_shape": shape, "rows": train.rows(), "targets": each});
    if let Some(path) = &asked.out.out {
        atomic::write(path, format!("{result:#}\n").as_bytes(), asked.out.existing())?;
    }
    if asked.talk.json {
        output::print_json(&result)?;
        return Ok(ExitCode::SUCCESS);
    }
    let titles = ["target", "times the tolerance", "off by, found", "proved, at most", "rows known exactly"];
    let mut lines = vec![titles.map(str::to_owned).to_vec()];
    for (target, (name, reports)) in columns.target_names().into_iter().zip(&all).enumerate() {
        let own = scaler.of_target(target);
        for (size, report) in SIZES.iter().zip(reports) {
            lines.push(vec![
                format!("`{}`", printable::line(name)),
                number(*size),
                at_least(own.root_to_user_below(loss, report.found)),
                at_most(own.root_to_user_above(loss, proved(report))),
                report.worst_case.map_or("none".into(), |of| format!("{} of {}", of.closed_rows, train.rows())),
            ]);
        }
    }
    output::print(&table(&lines))?;
    if !asked.talk.quiet {
        let entries = asked.within.entries.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        output::note(&format!(
            "the tolerance is {entries} ({}); every target ({}) is in its own units, at its own worst points",
            asked.within.shape,
            loss.root_name()
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// Bounds on every output, in standardized units and for each input in the units of the data.
pub fn certify(
    (columns, scaler, network): (&Encoder, &Scaler, &Shallow),
    norms: &[Norm],
    (out, talk): (&OutArguments, &TalkArguments),
    stop: &Stop,
) -> Result<ExitCode> {
    let targets = columns.target_names();
    let (count, mut done) = (targets.len() * norms.len(), 0);
    let mut display = Display::new(talk.quiet, f64::NAN);
    let mut all: Vec<Vec<f64>> = Vec::new();
    let mut cut_short = None;
    stop.kept();
    for output in 0..targets.len() {
        let mut each = Vec::new();
        for &norm in norms {
            let share = stop.share((count - done) as u32);
            each.push(share.during(|| several::lipschitz_of_output(network, output, norm, &mut |_| share.verdict()))?);
            cut_short = cut_short.or(share.reason());
            done += 1;
            display.count("bounding outputs", done, count);
        }
        all.push(each);
    }
    drop(display);
    let of_target = |(output, (name, each)): (usize, (&&str, &Vec<f64>))| {
        let own = scaler.of_target(output);
        let lipschitz: Map<_, _> =
            norms.iter().zip(each).map(|(norm, bound)| (norm.name().to_owned(), json!(bound))).collect();
        let least = each.iter().fold(f64::INFINITY, |least, bound| least.min(*bound));
        let per_column =
            columns.names().into_iter().zip(own.bound_per_column(least).into_iter().map(|bound| json!(bound)));
        json!({"target": name, "lipschitz": lipschitz, "user_units": {"lipschitz_per_column": per_column.collect::<Map<_, _>>()}})
    };
    let result = json!({
        "inputs": network.inputs(),
        "units": network.units(),
        "standardized": true,
        "targets": targets.iter().zip(&all).enumerate().map(of_target).collect::<Value>(),
    });
    if let Some(path) = &out.out {
        atomic::write(path, format!("{result:#}\n").as_bytes(), out.existing())?;
    }
    if talk.json {
        output::print_json(&result)?;
        return Ok(ExitCode::SUCCESS);
    }
    let titles = norms.iter().map(|norm| format!("norm {}", norm.name()));
    let mut lines = vec![std::iter::once("output".to_owned()).chain(titles).collect::<Vec<_>>()];
    for (name, each) in targets.iter().zip(&all) {
        let name = format!("`{}`", printable::line(name));
        lines.push(std::iter::once(name).chain(each.iter().map(|bound| at_most(*bound))).collect());
    }
    output::print(&table(&lines))?;
    if !talk.quiet {
        output::note(
            "an output changes by at most its bound times what the inputs change, both in standard deviations (proved); --json has the bounds \
             for each input in the units of the data",
        );
        if let Some(reason) = cut_short {
            output::note(&format!("{reason}: what is proved holds, but LipSDP may have more to give"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What was asked of a prediction.
pub struct Predict<'a> {
    pub interval: Interval,
    pub within: Option<&'a Asked>,
    pub unknown: UnknownLevels,
    pub out: &'a OutArguments,
    pub json: bool,
}

/// A column a target, and two for the ends of its interval within the tolerance.
pub fn predict(asked: &Predict<'_>, (model, table): (&Model, &Table), stop: &Stop) -> Result<ExitCode> {
    let Predict { interval, within, .. } = *asked;
    check(&interval)?;
    let x = model.columns.encode(table, asked.unknown)?;
    let network = model.network.shallow("`predict`")?;
    let predictions = model.predict_targets(x.clone());
    let tolerance = within.map(|asked| model.tolerance_on(asked, x.as_ref())).transpose()?;
    let mut watched = Watched::new();
    let mut refined = 0;
    let told = |tolerance: &Tolerance| {
        stop.during(|| {
            several::of_targets(&network, &model.scaler, &x, tolerance, interval.nodes, &mut |progress| {
                refined += progress.refined;
                watched.show(progress);
            })
        })
    };
    let intervals = tolerance.as_ref().map(told).transpose()?;
    drop(watched);
    if intervals.is_some() {
        let all = x.nrows() * network.outputs();
        let effort = Effort::of(&network, all, interval.nodes);
        note_effort(all, effort, stop.reason().map(|reason| (reason, refined)));
    }
    let targets = model.columns.target_names();
    if asked.json {
        let by_name = |of: &dyn Fn(usize) -> Value| -> Value {
            targets
                .iter()
                .enumerate()
                .map(|(target, name)| ((*name).to_owned(), of(target)))
                .collect::<Map<_, _>>()
                .into()
        };
        let mut result = json!({
            "targets": targets,
            "predictions": by_name(&|target| predictions.iter().map(|row| json!(row[target])).collect()),
        });
        if let (Some(within), Some(intervals)) = (within, &intervals) {
            let ends =
                |of: &dyn Fn(&SampleInterval) -> Value| by_name(&|target| intervals[target].iter().map(of).collect());
            (result["tolerance"], result["tolerance_shape"]) = json_of(within);
            result["lower"] = ends(&|interval| json!(interval.lower));
            result["upper"] = ends(&|interval| json!(interval.upper));
            result["exact"] = ends(&|interval| json!(interval.closed));
        }
        return write_json(&result, asked.out);
    }
    write(&columns(model, &predictions, intervals.as_deref()), asked.out)?;
    Ok(ExitCode::SUCCESS)
}

/// Refuse what is for one target.
pub fn check(interval: &Interval) -> Result<()> {
    match (interval.radius, interval.coverage) {
        (Some(_), _) => Err(only_one_target("`--radius`", "say a tolerance of the inputs: --tolerance 0.1sd")),
        (None, Some(_)) => Err(only_one_target("`--coverage`", "leave it out; a model of one target has coverages")),
        (None, None) => Ok(()),
    }
}

/// The targets of some rows, without a tolerance.
pub fn plain(model: &Model, table: &Table, unknown: UnknownLevels) -> Result<Columns> {
    let x = model.columns.encode(table, unknown)?;
    Ok(columns(model, &model.predict_targets(x), None))
}

/// As columns, each target with the ends of its intervals, where there are any.
pub fn columns(model: &Model, predictions: &[Vec<f64>], intervals: Option<&[Vec<SampleInterval>]>) -> Columns {
    let mut columns = Columns::new();
    for (target, name) in model.columns.target_names().into_iter().enumerate() {
        columns.push((name.to_owned(), Cells::Numbers(predictions.iter().map(|row| row[target]).collect())));
        if let Some(intervals) = intervals {
            let ends = |of: fn(&SampleInterval) -> f64| Cells::Numbers(intervals[target].iter().map(of).collect());
            columns.push((format!("{name}_lower"), ends(|interval| interval.lower)));
            columns.push((format!("{name}_upper"), ends(|interval| interval.upper)));
        }
    }
    columns
}
