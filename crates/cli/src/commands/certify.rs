//! `tautnet certify NETWORK`: bounds on the Lipschitz constant in one table, and the certificate of the best.

use super::certify_rows::Seen;
use super::certify_table::{Asked, Bounds, Watch};
use super::{certify_chain, pictures, several, train_summary};
use crate::arguments::{BoundNormChoice, MeetingArguments, OutArguments, TalkArguments, interval, positive, radius};
use crate::files::PlotFile;
use crate::files::{Files, plot_file_parser};
use crate::limits;
use crate::progress::Display;
use crate::recipe::{LimitArguments, TestArguments, ThreadArguments};
use crate::stop::Stop;
use crate::tolerance::TolerancesArguments;
use crate::{input, output};
use serde_json::{Map, Value, json};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tautnet::certify::{self, Region, norm_product, path_norm};
use tautnet::error::{Error, Result};
use tautnet::printable::line;
use tautnet::{Loss, Norm, Scaler, Shallow};
use tautnet_models::{SearchFile, Stored};
use tautnet_report::chart::{self, Canvas, Ladder, Units};
use tautnet_report::scene::Ink;
use tautnet_tables::atomic;
use tautnet_tables::atomic::Existing;
use tautnet_tables::limited::read_file;
use tautnet_tables::source::Source;
use tautnet_verify::Certificate;

/// How long the search for the exact constant may take where no limit is given.
const EXACT: Duration = Duration::from_secs(60);

/// Units × inputs² up to which a certificate without a search takes seconds.
const QUICK: usize = 1_000_000_000;

/// The most cuts at each end of a row, for its worst case.
const CUTS: usize = 200;

/// Bound how fast a network's output can change, and prove it
///
/// Bounds hold in the units of the network's own inputs and output: standardized ones for a model file. For a model
/// file the table says too how far one unit of each input column can move the prediction, in the units of the data.
/// Inputs are measured in the norms 2, inf and 1, or in the one that is asked for. The gap of a bound is its distance
/// from the best bound on the other side. DATA, if given, are inputs at which large gradients are looked for; no bound
/// for all inputs depends on them, and the box around them is the region over which a smaller bound holds.
///
/// Of a network with several hidden layers, or with other units than relu, the largest Jacobian found, the product of the norms of its
/// layers and, in the norm 2, LipSDP are told, and the certificate proves the latter two; outputs are then measured in the norm of the inputs. --exact is for
/// small networks whose units are two lines (not tanh, sincos or sine-pair); over a box or a ball there is a search for every activation.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Model file, or a plain network: .onnx, .safetensors or JSON
    pub network: PathBuf,

    /// Data: a CSV file (plain or gzip), a Parquet file, a folder of these, many files by a pattern ('part-*.csv'), an idx file of images, the name
    /// of a data set, or `-` for standard input
    pub data: Option<OsString>,

    #[command(flatten)]
    pub meeting: MeetingArguments,

    /// Only this norm of input changes, and a certificate in it [default: all, and a certificate for 2]
    #[arg(long, value_enum)]
    pub norm: Option<BoundNormChoice>,

    #[arg(
        long,
        help = format!(
            "Search for the exact constant, until it is found or for the time limit [default limit: {}s]",
            EXACT.as_secs()
        )
    )]
    pub exact: bool,

    /// Keep the search in this file: go on from it where it exists, and leave in it what a later run needs
    ///
    /// An upper bound that was resumed rests on the file, which holds no proof of what was searched before.
    #[arg(long, value_name = "FILE", requires = "exact")]
    pub resume: Option<PathBuf>,

    /// Gradients that each search for the largest one may evaluate [default: as many as take seconds, by the network's size]
    ///
    /// The searches for gradients come after the proofs, and raise what is known from below alone. They end earlier where nothing larger is near.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..=u64::from(u32::MAX)))]
    pub evaluations: Option<u64>,

    /// Bound too the constant over the box of all inputs between LOW and HIGH
    #[arg(
        long = "box",
        value_name = "LOW:HIGH",
        value_parser = interval,
        allow_hyphen_values = true,
        conflicts_with = "ball",
        help_heading = "Region"
    )]
    pub within_box: Option<(f64, f64)>,

    /// Bound too the constant over the ball of this radius around 0, in each norm
    #[arg(
        long,
        value_name = "RADIUS",
        value_parser = positive,
        allow_negative_numbers = true,
        help_heading = "Region"
    )]
    pub ball: Option<f64>,

    /// Write the certificate, which `tautnet verify` checks, to this file
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub certificate: Option<PathBuf>,

    /// Write the worst cases of the rows of DATA within the tolerance, which `tautnet verify` checks, to this file
    ///
    /// For each row an interval that the network's output cannot leave while the inputs are off by errors within the tolerance: the one that
    /// the model was made for, or that of --tolerances.
    #[arg(long, value_name = "FILE", requires = "data", help_heading = "Output")]
    pub worst_cases: Option<PathBuf>,

    /// Write to this file which rows of DATA keep their class while the inputs change within --radius, which `tautnet verify` checks
    ///
    /// For each row a number that its class is ahead of every other by at least: above 0 the row is certified. The network has an output for each
    /// class. What a change can do is bounded by the product of the norms of the layers; the norm is that of --norm, or 2.
    #[arg(long, value_name = "FILE", requires_all = ["data", "radius"], help_heading = "Output")]
    pub margins: Option<PathBuf>,

    /// How far the inputs change, for --margins, in the units of the network
    #[arg(
        long,
        value_name = "R",
        value_parser = radius,
        allow_negative_numbers = true,
        requires = "margins",
        help_heading = "Output"
    )]
    pub radius: Option<f64>,

    #[command(flatten)]
    pub tolerances: TolerancesArguments,

    /// Draw the bounds, in a .svg or .png file
    #[arg(long, value_name = "FILE", value_parser = plot_file_parser(), help_heading = "Output")]
    pub plot: Option<PlotFile>,

    #[command(flatten)]
    pub limit: LimitArguments,

    #[command(flatten)]
    pub threads: ThreadArguments,

    #[command(flatten)]
    pub out: OutArguments,

    #[command(flatten)]
    pub talk: TalkArguments,
}

/// All that is known in one norm.
struct Part<'a> {
    asked: Asked<'a>,
    everywhere: Bounds,
    certificate: Certificate,
    local: Option<(Region, Bounds)>,
    time: Duration,
}

impl Part<'_> {
    fn resumed(&self) -> bool {
        let local = self.local.iter().map(|(_, bounds)| bounds);
        [&self.everywhere].into_iter().chain(local).any(Bounds::resumed)
    }

    /// The bounds over all inputs, for the chart.
    fn ladder(&self) -> Ladder {
        let (network, norm) = (self.asked.network, self.asked.norm);
        Ladder {
            found: self.everywhere.best_found().map_or(0.0, |found| found.value),
            proved: self.certificate.standardized.bound,
            exact: self.everywhere.enclosure().map(|exact| (exact.lower_bound, exact.upper_bound, exact.closed)),
            sum: path_norm(network, norm),
            product: norm_product(network, norm),
        }
    }
}

/// Run it.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let plot = arguments.plot.iter().map(|plot| &plot.path);
    let results = arguments
        .out
        .out
        .iter()
        .chain(&arguments.certificate)
        .chain(&arguments.worst_cases)
        .chain(&arguments.margins)
        .chain(plot);
    Files::default()
        .reads(&arguments.network)
        .reads_data(arguments.data.as_ref())
        .reads_if(arguments.tolerances.tolerances.as_ref())
        .writes(results, arguments.out.existing())
        .writes(&arguments.resume, Existing::Replace)
        .check()?;
    if arguments.meeting.units.raw_network {
        return Err(Error::new(
            "`--raw-network` changes the units of a network, and the bounds are about the network as it is in its file",
            "give --no-standardize instead, where DATA are in the units of the network",
        ));
    }
    arguments.threads.apply()?;
    let stop = Stop::new(arguments.limit.time_limit.or(arguments.exact.then_some(EXACT)));
    let stored = input::stored(&arguments.network)?;
    if certify_chain::is_for(stored.network()) || arguments.margins.is_some() {
        let beyond = arguments.beyond_memory(&stored)?;
        return certify_chain::run(&arguments.of_chain(beyond.as_ref()), &stored, &stop);
    }
    let network = &input::of_outputs(&stored, "`certify`")?;
    if network.outputs() > 1 {
        stop.heed();
        let one = [
            (arguments.data.is_some(), "DATA"),
            (arguments.exact, "--exact"),
            (arguments.within_box.is_some(), "--box"),
            (arguments.ball.is_some(), "--ball"),
            (arguments.certificate.is_some(), "--certificate"),
            (arguments.worst_cases.is_some(), "--worst-cases"),
            (arguments.tolerances.tolerances.is_some(), "--tolerances"),
            (arguments.plot.is_some(), "--plot"),
            (arguments.evaluations.is_some(), "--evaluations"),
        ];
        let given = one.into_iter().find_map(|(given, what)| given.then_some(what));
        let norm = arguments.norm.map(|norm| norm.norm());
        return several::certify((given, norm), (&arguments.out, &arguments.talk), (&stored, network), &stop);
    }
    let mut searches = match &arguments.resume {
        Some(path) => Some(read_searches(path, network)?),
        None => None,
    };
    let beyond = arguments.beyond_memory(&stored)?;
    let problem = match &arguments.data {
        None => None,
        Some(_) if beyond.is_some() => None,
        Some(data) => Some(input::meet(
            &stored,
            network.clone(),
            &arguments.network,
            data,
            &arguments.meeting,
            &stored.loss()?,
            (&TestArguments::default(), 0),
        )?),
    };
    let within = match (&problem, &arguments.worst_cases) {
        (Some(problem), Some(_)) => {
            let asked = arguments.tolerances.of_file()?.over(stored.tolerance()?)?;
            if asked.is_exact() {
                return Err(Error::new(
                    "there is no tolerance for the worst cases",
                    "give a file with --tolerances, or a model that was made for a tolerance",
                ));
            }
            Some(problem.tolerance(&stored, &asked)?)
        }
        _ => None,
    };
    let data = problem.as_ref().map(|problem| &problem.train);
    let some = data.or(beyond.as_ref().map(|seen| &seen.some));
    let around = match &beyond {
        Some(seen) => Some(seen.around.clone()),
        None => data.map(|data| Region::bounding_box(data.x.as_ref())),
    };
    let scaler = match &stored {
        Stored::Model(model) => Some(&model.scaler),
        Stored::Network(_) => None,
    };

    stop.heed();
    let norms = match arguments.norm {
        Some(norm) => vec![norm.norm()],
        None => vec![Norm::Two, Norm::Infinity, Norm::One],
    };
    let mut display = Display::new(arguments.talk.quiet, f64::NAN);
    let mut parts = Vec::new();
    let mut cut_short = None;
    // Every bound has its share of the time: over all inputs and over a region, for each norm, cheap and exact.
    let regions = 1 + u32::from(arguments.region(network.inputs(), Norm::Two, around.as_ref()).is_some());
    let mut left = norms.len() as u32 * regions * (2 + u32::from(arguments.exact));
    // Whenever the proof by multipliers is cut short, that by the norms of the units takes its place, which is quick up to this size.
    if network.units() * network.inputs().pow(2) <= QUICK {
        stop.kept();
    }
    for &norm in &norms {
        let started = Instant::now();
        let asked =
            Asked { network, scaler, data: some, norm, evaluations: arguments.evaluations.map(|count| count as usize) };
        let share = stop.share(left);
        let mut watch = Watch { stop: share, display: &mut display };
        let (everywhere, certificate) = share.during(|| asked.everywhere(&mut watch))?;
        cut_short = cut_short.or(watch.stop.reason());
        left -= 1;
        // What is printed as proved has passed the verifier in the form in which it is written.
        tautnet_models::verify(&certificate.to_json(), network, scaler)?;
        let region = arguments.region(network.inputs(), norm, around.as_ref());
        let mut local = None;
        if let Some(region) = region {
            let share = stop.share(left);
            let bounds = share.during(|| asked.over(&region))?;
            cut_short = cut_short.or(share.reason());
            left -= 1;
            local = Some((region, bounds));
        }
        parts.push(Part { asked, everywhere, certificate, local, time: started.elapsed() });
    }
    // All that is proved is there before any gradient is searched for.
    stop.kept();
    for part in &mut parts {
        let started = Instant::now();
        let local = part.local.as_mut().map(|(region, bounds)| (&*region, bounds));
        for (region, bounds) in [(&Region::Everywhere, &mut part.everywhere)].into_iter().chain(local) {
            let share = stop.share(left);
            let mut watch = Watch { stop: share, display: &mut display };
            share.during(|| bounds.find(&part.asked, region, &mut watch))?;
            cut_short = cut_short.or(share.reason());
            left -= 1;
        }
        part.time += started.elapsed();
    }
    if arguments.exact {
        for part in &mut parts {
            let started = Instant::now();
            let local = part.local.as_mut().map(|(region, bounds)| (&*region, bounds));
            for (region, bounds) in [(&Region::Everywhere, &mut part.everywhere)].into_iter().chain(local) {
                let share = stop.share(left);
                let mut watch = Watch { stop: share, display: &mut display };
                share.during(|| part.asked.exact(region, bounds, searches.as_mut(), &mut watch))?;
                left -= 1;
                // After every search, so that a process that is killed loses one at most.
                if let (Some(path), Some(searches)) = (&arguments.resume, &searches) {
                    atomic::write(path, &searches.to_json(), Existing::Replace)?;
                }
            }
            part.time += started.elapsed();
        }
    }
    drop(display);

    let mut result = part_json(&parts[0], &stored);
    result["inputs"] = json!(network.inputs());
    result["units"] = json!(network.units());
    result["seconds"] = json!(parts.iter().map(|part| part.time.as_secs_f64()).sum::<f64>());
    result["norms"] = parts.iter().map(|part| part_json(part, &stored)).collect();
    if let (Some(path), Some(data), Some(within)) = (&arguments.worst_cases, data, &within) {
        let file = stop.during(|| certify::worst_cases(network, data.x.as_ref(), within, CUTS))?.to_bytes();
        certify::verify_worst_cases(&file, network)?;
        atomic::write(path, &file, arguments.out.existing())?;
        result["worst_cases"] = json!({"rows": data.rows()});
    }
    if let Some(path) = &arguments.certificate {
        atomic::write(path, &parts[0].certificate.to_json(), arguments.out.existing())?;
    }
    if let Some(plot) = &arguments.plot {
        let ladder = parts[0].ladder();
        let identity = Scaler::identity(network.inputs());
        let (scaler, loss) = (scaler.unwrap_or(&identity), &Loss::default());
        let units = Units { target: "", scaler, norm: norms[0], loss };
        let scene = chart::bounds(&[("this network", Ink::After, &ladder)], &units, &Canvas::FILE);
        pictures::write_scene(&scene, plot, &arguments.out)?;
    }
    if let Some(path) = &arguments.out.out {
        atomic::write(path, format!("{result:#}\n").as_bytes(), arguments.out.existing())?;
    }
    if arguments.talk.json {
        output::print_json(&result)?;
        return Ok(ExitCode::SUCCESS);
    }
    arguments.print(&parts, &stored)?;
    if let Some(path) = arguments.resume.as_deref().filter(|_| parts.iter().any(Part::resumed)) {
        let path = path.display();
        output::note(&format!("upper bounds that were resumed are as good as {path}, which holds no proofs"));
    }
    let ran_out = |part: &Part<'_>| {
        let local = part.local.iter().map(|(_, bounds)| bounds);
        [&part.everywhere].into_iter().chain(local).find_map(Bounds::ran_out)
    };
    if let Some(evaluations) = parts.iter().find_map(ran_out) {
        output::note(&format!(
            "the search for the largest gradient ended after its {evaluations} evaluations; --evaluations {} looks further",
            evaluations.saturating_mul(4)
        ));
    }
    if let Some(reason) = cut_short {
        output::note(&format!(
            "{reason}: what is proved holds, but LipSDP and the search for gradients may have more to give"
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// The searches in a file, or none where there is no file.
fn read_searches(path: &Path, network: &Shallow) -> Result<SearchFile> {
    if !path.exists() {
        return Ok(SearchFile::default());
    }
    let name = path.display().to_string();
    let bytes = read_file(path, &name, limits::now())?;
    let searches = SearchFile::parse_within(&bytes, &name, limits::now())?;
    searches.check(network).map_err(|error| Error::new(format!("{}: {}", path.display(), error.what), error.hint))?;
    Ok(searches)
}

impl Arguments {
    /// What is known of DATA, where they are read a block at a time.
    fn beyond_memory(&self, stored: &Stored) -> Result<Option<Seen>> {
        let Some(data) = self.data.as_ref().map(Path::new).filter(|data| Source::is_for(data)) else { return Ok(None) };
        let of_memory = [(self.worst_cases.is_some(), "--worst-cases"), (self.margins.is_some(), "--margins")];
        if let Some((_, name)) = of_memory.iter().find(|(asked, _)| *asked) {
            return Err(Error::new(
                format!(
                    "`{name}` has an entry for every row and needs all of them in memory; these are read a block at a time"
                ),
                "give one file with a part of the rows",
            ));
        }
        Seen::of(stored, &self.network, data, &self.meeting).map(Some)
    }

    /// What is asked of a network with any number of layers.
    fn of_chain<'a>(&'a self, beyond: Option<&'a Seen>) -> certify_chain::Asked<'a> {
        let one = [
            (self.resume.is_some(), "--resume"),
            (self.worst_cases.is_some(), "--worst-cases"),
            (self.tolerances.tolerances.is_some(), "--tolerances"),
            (self.plot.is_some(), "--plot"),
            (self.evaluations.is_some(), "--evaluations"),
        ];
        certify_chain::Asked {
            exact: self.exact,
            within_box: self.within_box,
            ball: self.ball,
            path: &self.network,
            data: self.data.as_deref(),
            beyond,
            meeting: &self.meeting,
            norm: self.norm.map(|norm| norm.norm()),
            given: one.into_iter().find_map(|(given, what)| given.then_some(what)),
            certificate: self.certificate.as_deref(),
            margins: self.margins.as_deref().zip(self.radius),
            out: &self.out,
            talk: &self.talk,
        }
    }

    /// Where a local bound is asked for.
    fn region(&self, inputs: usize, norm: Norm, around: Option<&Region>) -> Option<Region> {
        match (self.within_box, self.ball, around) {
            (Some((low, high)), _, _) => Some(Region::Box { lower: vec![low; inputs], upper: vec![high; inputs] }),
            (_, Some(radius), _) => Some(Region::Ball { center: vec![0.0; inputs], radius, norm }),
            (_, _, Some(around)) => Some(around.clone()),
            _ => None,
        }
    }

    fn print(&self, parts: &[Part<'_>], stored: &Stored) -> Result<()> {
        let place = match (self.within_box, self.ball) {
            (Some(_), _) => " (in the box)",
            (_, Some(_)) => " (in the ball)",
            _ => " (in the data's box)",
        };
        let mut rows = vec![["bound", "norm", "Lipschitz constant", "gap", "time"].map(str::to_owned).to_vec()];
        for part in parts {
            let norm = part.asked.norm.name();
            rows.extend(part.everywhere.rows(norm, ""));
            rows.extend(part.local.iter().flat_map(|(_, bounds)| bounds.rows(norm, place)));
        }
        output::print(&output::table(&rows))?;
        let names = names(stored);
        if let Some(found) = parts[0].everywhere.best_found() {
            let point = match stored {
                Stored::Model(model) => model.scaler.input_to_user(&found.point),
                Stored::Network(_) => found.point.clone(),
            };
            let shown = names
                .iter()
                .zip(&point)
                .take(SHOWN)
                .map(|(name, x)| format!("{} = {}", line(name), output::number(*x)));
            let rest = if point.len() > SHOWN { ", …" } else { "" };
            let list = shown.collect::<Vec<_>>().join(", ");
            output::print(&format!(
                "\nthe largest gradient found (norm {}) is at {list}{rest}\n",
                parts[0].asked.norm.name()
            ))?;
        }
        if let (Stored::Model(model), Some(raw)) = (stored, &parts[0].certificate.raw) {
            let moved = train_summary::moved(&model.columns);
            let mut rows = vec![vec!["one unit of".to_owned(), format!("moves {moved} by at most")]];
            // Both are proved; the smaller one is what a reader wants.
            let proved = model.scaler.bound_per_column(parts[0].certificate.standardized.bound);
            let least: Vec<(f64, f64)> =
                raw.sensitivities.iter().zip(proved).map(|(s, bound)| (s.min(bound), 0.0)).collect();
            let shown = train_summary::largest(&least).into_iter();
            rows.extend(shown.map(|k| vec![names[k].clone(), output::at_most(least[k].0)]));
            output::print(&format!("\n{}{}", output::table(&rows), train_summary::more(least.len())))?;
        }
        Ok(())
    }
}

/// Most entries of a point that people see.
const SHOWN: usize = 12;

fn names(stored: &Stored) -> Vec<String> {
    match stored {
        Stored::Model(model) => model.columns.names(),
        Stored::Network(network) => (1..=network.inputs()).map(|k| format!("x{k}")).collect(),
    }
}

/// What is known in one norm, for programs.
fn part_json(part: &Part<'_>, stored: &Stored) -> Value {
    let proved = part.certificate.standardized.bound;
    let mut result = json!({
        "norm": part.asked.norm.name(),
        "lipschitz": proved,
        "ladder": part.everywhere.ladder(proved),
        "bounds": part.everywhere.json(),
        "seconds": part.time.as_secs_f64(),
    });
    if let Some((region, bounds)) = &part.local {
        result["local"] = json!({"region": region, "bounds": bounds.json()});
    }
    let names = names(stored);
    let columns =
        |values: &[f64]| names.iter().cloned().zip(values.iter().map(|value| json!(value))).collect::<Map<_, _>>();
    if let (Stored::Model(model), Some(raw)) = (stored, &part.certificate.raw) {
        result["user_units"] = json!({
            "lipschitz": raw.bound,
            "lipschitz_per_column": columns(&model.scaler.bound_per_column(proved)),
            "sensitivities": columns(&raw.sensitivities),
        });
        if let Some(found) = part.everywhere.best_found() {
            result["user_units"]["steepest_point"] = json!(columns(&model.scaler.input_to_user(&found.point)));
        }
    }
    result
}
