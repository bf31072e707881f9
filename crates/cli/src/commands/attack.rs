//! `tautnet attack MODEL DATA`: the error found by attack beside the ceiling that no attack can exceed.

use super::{pictures, targets};
use crate::arguments::{MeetingArguments, OutArguments, TalkArguments};
use crate::files::PlotFile;
use crate::files::{Files, plot_file_parser};
use crate::input::Problem;
use crate::recipe::{self, LimitArguments, RecipeArguments, TableArguments, TestArguments, ThreadArguments};
use crate::stop::Stop;
use crate::tolerance::TolerancesArguments;
use crate::{input, output, tolerance};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use tautnet::attack::{self, RadiusReport, SIZES, Settings, WithinReport};
use tautnet::error::{Error, Result};
use tautnet::recipe::{Judge, Search};
use tautnet::tolerance::Asked;
use tautnet::{Loss, Norm, Scaler, Shallow, certify};
use tautnet_models::Stored;
use tautnet_report::chart::{self, Canvas, Curve, Units};
use tautnet_report::scene::Ink;
use tautnet_tables::{Encoder, atomic};

/// Error under attack, beside the one that no attack can exceed
///
/// Where there is a tolerance of the inputs, the model's own or one that is given, the worst errors within 0, 1/2, 1, 3/2 and 2 times
/// the tolerance are searched for, and branch and bound proves row by row what they cannot exceed. --radius, --norm and --plot ask for balls
/// instead, and so does everything where there is no tolerance:
///
/// For every row of DATA the worst perturbation of the standardized inputs of at most each radius is searched for: the
/// error found is a lower bound. The ceiling follows from the certificate, the model's own if it is in the same norm;
/// no attack exceeds it. Row by row, branch and bound over the ball itself proves a lower one: exactly the worst case where it
/// closes. That what is found is not above what is proved is checked in every row.
///
/// Where DATA is a pattern or a folder, rows are read a block at a time, and attacked within a tolerance.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Model file, or a plain network
    pub network: PathBuf,

    /// Data: a CSV file (plain or gzip), a Parquet file, a folder of these, many files by a pattern ('part-*.csv'), an idx file of images, the name
    /// of a data set, or `-` for standard input
    pub data: OsString,

    #[command(flatten)]
    pub meeting: MeetingArguments,

    #[command(flatten)]
    pub judge: TableArguments<Judge, recipe::Attack>,

    #[command(flatten)]
    pub recipe: RecipeArguments<recipe::Attack>,

    #[command(flatten)]
    pub tolerances: TolerancesArguments,

    #[command(flatten)]
    pub search: TableArguments<Search, recipe::Attack>,

    #[command(flatten)]
    pub limit: LimitArguments,

    #[command(flatten)]
    pub threads: ThreadArguments,

    #[command(flatten)]
    pub out: OutArguments,

    /// Draw both errors against the radius, in a .svg or .png file
    #[arg(long, value_name = "FILE", value_parser = plot_file_parser(), help_heading = "Output")]
    pub plot: Option<PlotFile>,

    #[command(flatten)]
    pub talk: TalkArguments,
}

impl Arguments {
    /// The flag that asks for balls of the standardized inputs, where one does.
    pub fn balls(&self) -> Option<&'static str> {
        let balls = [
            (self.judge.said("radius"), "--radius"),
            (self.recipe.said("norm"), "--norm"),
            (self.plot.is_some(), "--plot"),
        ];
        balls.into_iter().find_map(|(given, flag)| given.then_some(flag))
    }
}

/// Run it.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let results = arguments.out.out.iter().chain(arguments.plot.iter().map(|plot| &plot.path));
    Files::default()
        .reads(&arguments.network)
        .reads_data(Some(&arguments.data))
        .reads_if(arguments.tolerances.tolerances.as_ref())
        .writes(results, arguments.out.existing())
        .check()?;
    arguments.search.asked.check()?;
    let asked = &arguments.recipe.asked;
    arguments.threads.apply()?;
    let stop = Stop::new(arguments.limit.time_limit);
    let said = arguments.tolerances.said(&arguments.recipe)?;
    let balls = arguments.balls();
    if let (Some(flag), false) = (balls, said.is_nothing()) {
        return Err(Error::new(
            format!("`{flag}` is about balls of the standardized inputs, and a tolerance was given too"),
            format!("leave one of them out; {flag} has its meaning without a tolerance"),
        ));
    }
    let stored = input::stored(&arguments.network)?;
    let within = match balls {
        Some(_) => None,
        None => Some(said.over(stored.tolerance()?)?).filter(|asked| !asked.is_exact()),
    };
    let network = input::of_outputs(&stored, "`attack`")?;
    let test = TestArguments::default();
    let loss = match arguments.recipe.said("loss") {
        true => asked.loss.clone(),
        false => input::loss_of(&stored, &network, &arguments.meeting.columns)?,
    };
    let meeting = (&arguments.network, &arguments.data, &arguments.meeting);
    let problem = input::meet(&stored, network, meeting.0, meeting.1, meeting.2, &loss, (&test, 0))?;
    problem.check(&loss)?;
    problem.columns.check_outputs(problem.network.outputs())?;
    if problem.network.outputs() > 1 && within.is_none() {
        return Err(Error::new(
            "a network of several classes or targets is attacked within a tolerance of the inputs, and there is none",
            "say how wrong the inputs can be, such as --tolerance 0.1sd, and leave out --radius, --norm and --plot",
        ));
    }
    stop.heed();
    let settings = Settings { loss, seed: asked.seed, ..Settings::new(f64::INFINITY) };
    if let (Some(within), false) = (&within, problem.columns.other_targets.is_empty()) {
        let asked = targets::Attack {
            within,
            search: &arguments.search.asked,
            settings,
            out: &arguments.out,
            talk: &arguments.talk,
        };
        return targets::attack(&asked, &stored, &problem, &stop);
    }
    if let Some(within) = within {
        return run_within(arguments, &stored, &problem, &within, settings, &stop);
    }
    let (norm, bound) =
        proved_bound(&stored, &problem.network, arguments.recipe.said("norm").then_some(asked.norm), &stop)?;
    stop.kept();
    let radii = &arguments.judge.asked.radius;
    let intervals = problem.train.rows() * radii.len();
    let nodes = certify::affordable_nodes(&problem.network, intervals);
    let settings = Settings { lipschitz_upper_bound: bound, ..settings };
    let settings = arguments.search.asked.resolve(nodes, settings)?;
    let reports = stop.during(|| attack::attack(&problem.network, &problem.train, norm, radii, &settings))?;
    pictures::tell_of_attack(&stop);

    let result = json!({
        "norm": norm,
        "lipschitz": bound,
        "rows": problem.train.rows(),
        "radii": reports_json(&reports, &problem.scaler, &settings.loss),
    });
    if let Some(path) = &arguments.out.out {
        atomic::write(path, format!("{result:#}\n").as_bytes(), arguments.out.existing())?;
    }
    if let Some(plot) = &arguments.plot {
        let mut ascending = reports.clone();
        ascending.sort_by(|a, b| a.radius.total_cmp(&b.radius));
        let curve = Curve { name: "this network", ink: Ink::After, reports: &ascending };
        let units = Units { target: &problem.columns.target, scaler: &problem.scaler, norm, loss: &settings.loss };
        pictures::write_scene(&chart::attack(&[curve], &units, &Canvas::FILE), plot, &arguments.out)?;
    }
    if arguments.talk.json {
        output::print_json(&result)?;
        return Ok(ExitCode::SUCCESS);
    }
    let (target, loss) = (&problem.columns.target, &settings.loss);
    let (means, roots) = means_and_roots(loss);
    let titles = ["radius", "error found", "proved row by row", "ceiling by the bound"].map(str::to_owned);
    let numbers = !loss.is_margin();
    let user = numbers.then(|| [format!("`{target}` off by, found"), "proved".into()]);
    let mut rows = vec![titles.into_iter().chain(user.into_iter().flatten()).collect::<Vec<_>>()];
    for report in &reports {
        let mut row = vec![
            output::number(report.radius),
            output::at_least(report.found),
            output::at_most(report.row_by_row()),
            output::at_most(report.ceiling),
        ];
        if numbers {
            row.push(output::at_least(problem.scaler.root_to_user_below(loss, report.found)));
            row.push(output::at_most(problem.scaler.root_to_user_above(loss, report.row_by_row())));
        }
        rows.push(row);
    }
    output::print(&output::table(&rows))?;
    if !arguments.talk.quiet {
        let units = match numbers {
            true => format!("radii and errors ({means}) are in standardized units, `{target}` ({roots}) in its own"),
            false => format!("radii are in standardized units, errors are {means}"),
        };
        output::note(&format!("{units}; the proved Lipschitz bound is {}", output::at_most(bound)));
    }
    Ok(ExitCode::SUCCESS)
}

/// Errors within a tolerance and within multiples of it, found and proved.
fn run_within(
    arguments: &Arguments,
    stored: &Stored,
    problem: &Problem,
    asked: &Asked,
    settings: Settings,
    stop: &Stop,
) -> Result<ExitCode> {
    let of_rows = problem.tolerance(stored, asked)?;
    let nodes = certify::affordable_nodes(
        &problem.network,
        SIZES.len() * problem.train.rows() * (problem.network.outputs() - 1).max(1),
    );
    let settings = arguments.search.asked.resolve(nodes, settings)?;
    stop.kept();
    let reports =
        stop.during(|| attack::within_multiples(&problem.network, &problem.train, &of_rows, &SIZES, &settings))?;
    pictures::tell_of_attack(stop);

    let told = Within {
        reports: &reports,
        asked,
        columns: &problem.columns,
        scaler: &problem.scaler,
        loss: &settings.loss,
        rows: problem.train.rows(),
    };
    told.tell(&arguments.out, &arguments.talk)
}

/// Errors within multiples of a tolerance.
pub struct Within<'a> {
    pub reports: &'a [WithinReport],
    pub asked: &'a Asked,
    pub columns: &'a Encoder,
    pub scaler: &'a Scaler,
    pub loss: &'a Loss,
    pub rows: usize,
}

impl Within<'_> {
    /// Write and print them.
    pub fn tell(&self, out: &OutArguments, talk: &TalkArguments) -> Result<ExitCode> {
        let Self { reports, asked, columns, scaler, loss, rows } = self;
        let target = &columns.target;
        let (entries, shape) = tolerance::json(asked);
        let one = |(size, report): (&f64, &WithinReport)| {
            let proved = report.worst_case.map(|worst_case| worst_case.proved);
            json!({
                "size": size,
                "found": report.found,
                "proved": proved,
                "accuracy": report.right,
                "exact_rows": report.worst_case.map(|worst_case| worst_case.closed_rows),
                "user_units": {
                    "found": scaler.loss_to_user_below(loss, report.found),
                    "proved": proved.map(|proved| scaler.loss_to_user_above(loss, proved)),
                },
            })
        };
        let sizes: Value = SIZES.iter().zip(*reports).map(one).collect();
        let result = json!({"tolerance": entries, "tolerance_shape": shape, "rows": rows, "sizes": sizes});
        if let Some(path) = &out.out {
            atomic::write(path, format!("{result:#}\n").as_bytes(), out.existing())?;
        }
        if talk.json {
            output::print_json(&result)?;
            return Ok(ExitCode::SUCCESS);
        }
        let titles = ["times the tolerance", "error found", "proved, at most", "rows known exactly"].map(str::to_owned);
        let user = match loss.is_margin() {
            true => [format!("`{target}` right, found"), "proved, at least".into()],
            false => [format!("`{target}` off by, found"), "proved, at most".into()],
        };
        let mut table = vec![titles.into_iter().chain(user).collect::<Vec<_>>()];
        for (size, report) in SIZES.iter().zip(*reports) {
            let proved = report.worst_case.map_or(f64::INFINITY, |worst_case| worst_case.proved);
            let mut row = vec![
                output::number(*size),
                output::at_least(report.found),
                output::at_most(proved),
                report.worst_case.map_or("none".into(), |worst_case| format!("{} of {rows}", worst_case.closed_rows)),
            ];
            row.extend(match report.right {
                Some(right) => [output::percent(right.found), output::percent_at_least(right.proved)],
                None => [
                    output::at_least(scaler.root_to_user_below(loss, report.found)),
                    output::at_most(scaler.root_to_user_above(loss, proved)),
                ],
            });
            table.push(row);
        }
        output::print(&output::table(&table))?;
        if !talk.quiet {
            let (means, roots) = means_and_roots(loss);
            let entries = asked.entries.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let units = match loss.is_margin() {
                true => format!("errors are {means}"),
                false => format!("errors ({means}) are in standardized units, `{target}` ({roots}) in its own"),
            };
            output::note(&format!("the tolerance is {entries} ({}); {units}", asked.shape));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What the means of losses and their roots are called.
fn means_and_roots(loss: &Loss) -> (String, &'static str) {
    if loss.is_squared() { ("mean squares".into(), "root mean squares") } else { (loss.mean_name(), loss.root_name()) }
}

/// The bound of the model's certificate if it is in the norm asked for, else that of a new one.
fn proved_bound(stored: &Stored, network: &Shallow, norm: Option<Norm>, stop: &Stop) -> Result<(Norm, f64)> {
    if let Stored::Model(model) = stored
        && let Some(proved) = model.proved()?
    {
        let certificate = proved.certificate();
        let proved = Norm::from(certificate.norm);
        if norm.is_none_or(|norm| norm == proved) {
            return Ok((proved, certificate.standardized.bound));
        }
    }
    let norm = norm.unwrap_or(Norm::Two);
    let certificate = stop.during(|| certify::prove(network, norm, None, &mut |_| stop.verdict()))?;
    Ok((norm, certificate.standardized.bound))
}

/// Errors found and proved, and the ceiling by the bound, in both units.
pub fn reports_json(reports: &[RadiusReport], scaler: &Scaler, loss: &Loss) -> Value {
    let one = |report: &RadiusReport| {
        let above = |value| scaler.loss_to_user_above(loss, value);
        json!({
            "radius": report.radius,
            "found": report.found,
            "proved": report.row_by_row(),
            "exact_rows": report.worst_case.map(|worst_case| worst_case.closed_rows),
            "ceiling": report.ceiling,
            "user_units": {
                "found": scaler.loss_to_user_below(loss, report.found),
                "proved": above(report.row_by_row()),
                "ceiling": above(report.ceiling),
            },
        })
    };
    reports.iter().map(one).collect()
}
