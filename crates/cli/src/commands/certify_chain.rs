//! What `certify` says of networks with any number of layers: the largest Jacobian found, the product of the layers' norms, and the margins of rows.

use super::certify_constants::{Given, Searched, Wanted};
use super::certify_rows::Seen;
use super::certify_table::Watch;
use crate::arguments::{MeetingArguments, OutArguments, TalkArguments};
use crate::progress::Display;
use crate::stop::Stop;
use crate::{input, output};
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;
use tautnet::certify::{
    self, ChainKnown, ChainLipsdpSettings, ChainMultipliers, JacobianFound, JacobianSearchSettings, Of, Region,
};
use tautnet::error::{Error, Result};
use tautnet::network::Layer;
use tautnet::{Dataset, Network, Norm, printable};
use tautnet_models::Stored;
use tautnet_tables::{Encoder, atomic};
use tautnet_verify::{ChainCertificate, ChainClaim};

/// Up to this many outputs every pair has a line for people.
const SHOWN: usize = 12;

/// Whether what is known of one hidden layer of relu units says nothing of this network.
pub fn is_for(network: &Network) -> bool {
    network.shallow("`certify`").is_err()
}

/// What is known in one norm.
struct Part {
    norm: Norm,
    found: JacobianFound,
    certificate: ChainCertificate,
    /// What multipliers of the hidden units prove, in the norm 2, and the seconds that it took; or why there is nothing.
    multipliers: Option<std::result::Result<(ChainMultipliers, f64), String>>,
    /// The exact constant, as far as a search came.
    exact: Option<Searched>,
    /// The constant over a region.
    local: Option<Searched>,
    seconds: f64,
}

impl Part {
    fn claim(&self) -> &ChainClaim {
        &self.certificate.standardized
    }

    /// How many times what is found what is proved is; `None` where nothing was found.
    fn tightness(&self) -> Option<f64> {
        let ratio = self.claim().bound / self.found.value;
        if self.claim().bound == 0.0 { Some(1.0) } else { ratio.is_finite().then_some(ratio) }
    }

    /// The bounds of multipliers, LipSDP and the greedy choice, none above the next, and none above the product of norms.
    fn ladder(&self) -> [Option<f64>; 2] {
        let product = self.claim().bound;
        let Some(Ok((bounds, _))) = &self.multipliers else { return [None; 2] };
        let [best, greedy] = [&bounds.standardized.best, &bounds.standardized.greedy];
        [best, greedy].map(|proof| proof.as_ref().map(|proof| proof.bound.min(product)))
    }

    /// The least bound over all inputs that is proved before a search.
    fn known(&self) -> f64 {
        self.claim().least()
    }

    /// Why there is no LipSDP in a norm that has it.
    fn left_out(&self) -> Option<&str> {
        self.multipliers.as_ref()?.as_ref().err().map(String::as_str)
    }

    fn json(&self) -> Value {
        let claim = |claim: &ChainClaim| {
            json!({
                "trivial_bound": claim.bound,
                "layers": claim.layers,
                "linear": claim.linear,
                "outputs": claim.outputs,
                "pairs": claim.pairs,
            })
        };
        let mut result = claim(self.claim());
        result["norm"] = json!(self.norm.name());
        result["found"] = json!(self.found.value);
        result["point"] = json!(self.found.point);
        result["tightness"] = json!(self.tightness());
        result["seconds"] = json!(self.seconds);
        let [lipsdp, greedy] = self.ladder();
        let exact = self.exact.as_ref();
        result["ladder"] = json!({
            "found": exact.map_or(self.found.value, |exact| exact.all.lower_bound.max(self.found.value)),
            "exact": exact.map(|exact| [exact.all.lower_bound, exact.all.upper_bound]),
            "proved": self.known(),
            "lipsdp": lipsdp,
            "greedy": greedy,
            "norm_product": self.claim().bound,
        });
        result["exact"] = exact.map(Searched::json).into();
        result["local"] = self.local.as_ref().map(Searched::json).into();
        result["lipsdp"] = match &self.multipliers {
            None => Value::Null,
            Some(Err(reason)) => json!({"left_out": reason}),
            Some(Ok((bounds, seconds))) => {
                let of = |bound: &certify::ChainLipsdpBound| json!({"bound": bound.best.as_ref().map(|proof| proof.bound), "gap": bound.gap, "steps": bound.steps});
                let mut told = of(&bounds.standardized);
                told["user_units"] = bounds.raw.as_ref().map(of).into();
                told["seconds"] = json!(seconds);
                told
            }
        };
        if let Some(raw) = &self.certificate.raw {
            result["user_units"] = claim(raw);
        }
        result
    }
}

/// What was asked.
pub struct Asked<'a> {
    /// The file of the network.
    pub path: &'a Path,
    /// DATA.
    pub data: Option<&'a OsStr>,
    /// What is known of them, where they are read a block at a time.
    pub beyond: Option<&'a Seen>,
    /// How they meet.
    pub meeting: &'a MeetingArguments,
    /// The one norm, where one is asked for.
    pub norm: Option<Norm>,
    /// Whether the exact constant is asked for.
    pub exact: bool,
    /// The box, where there is one.
    pub within_box: Option<(f64, f64)>,
    /// The radius of the ball around 0, where there is one.
    pub ball: Option<f64>,
    /// An option that is given, and that there is for one hidden layer of relu units only.
    pub given: Option<&'static str>,
    /// Where the certificate goes.
    pub certificate: Option<&'a Path>,
    /// Where the margins of rows go, and how far the inputs change.
    pub margins: Option<(&'a Path, f64)>,
    /// Where the result goes.
    pub out: &'a OutArguments,
    /// How it is told.
    pub talk: &'a TalkArguments,
}

/// Run it.
pub fn run(arguments: &Asked<'_>, stored: &Stored, stop: &Stop) -> Result<ExitCode> {
    let network = stored.network();
    if let Some(what) = arguments.given {
        let (asked, hint) = match is_for(network) {
            true => (format!("`{what}` is for one hidden layer of relu units"), "leave it out"),
            false => (format!("`{what}` does not go with `--margins`"), "leave one of them out"),
        };
        return Err(Error::new(format!("{asked}; this network has {}", network.described()), hint));
    }
    let loss = match stored {
        Stored::Network(network) if network.outputs() > 1 => "logistic".parse()?,
        _ => stored.loss()?,
    };
    let data = match arguments.data {
        None => None,
        Some(_) if arguments.beyond.is_some() => None,
        Some(data) => Some(input::rows(stored, arguments.path, data, arguments.meeting, &loss)?),
    };
    let labels = match (&data, arguments.margins) {
        (Some((columns, data)), Some(_)) => Some(labels(columns, data, network)?),
        _ => None,
    };
    let data = data.as_ref().map(|(_, data)| data);
    let scaler = match stored {
        Stored::Model(model) => Some(&model.scaler),
        Stored::Network(_) => None,
    };
    let rows = data.or(arguments.beyond.map(|seen| &seen.some)).map(|data| data.x.as_ref());
    let around = arguments.beyond.map(|seen| seen.around.clone()).or(rows.map(Region::bounding_box));
    let of_chain = is_for(network);
    let wanted = Wanted {
        exact: arguments.exact,
        within_box: arguments.within_box,
        ball: arguments.ball,
        around: around.as_ref().filter(|_| of_chain && arguments.margins.is_none()),
    };
    wanted.check(network)?;
    stop.heed();
    let norms = match arguments.norm {
        Some(norm) => vec![norm],
        None => vec![Norm::Two, Norm::Infinity, Norm::One],
    };
    let mut left = norms.len() as u32 * wanted.searches(network);
    let mut display = Display::new(arguments.talk.quiet, f64::NAN);
    let (mut parts, mut cut_short) = (Vec::new(), None);
    let count = norms.len();
    for (done, &norm) in norms.iter().enumerate() {
        display.count("bounding the network in each norm", done, count);
        let share = stop.share((count - done) as u32 + left);
        let started = Instant::now();
        // The proof comes first: where the time is short, it is what matters.
        let mut certificate = share.during(|| certify::chain_certificate(network, norm, scaler))?;
        let mut multipliers = None;
        if norm == Norm::Two {
            let units = network.hidden_units();
            let long = (!certify::chain_lipsdp_is_cheap(network) && !stop.is_limited())
                .then(|| format!("with {units} hidden units it takes long: give `--time-limit` to have it"));
            multipliers = Some(match certify::no_chain_lipsdp(network).or(long) {
                Some(reason) => Err(reason),
                None => {
                    let settings = ChainLipsdpSettings::default();
                    let begun = Instant::now();
                    let mut told =
                        |gap: f64| display.line(0.0, || format!("multipliers of the hidden units: gap {gap:.1e}"));
                    let both = share.share(2).during(|| {
                        certify::with_chain_lipsdp(network, certificate.clone(), &[], &settings, &mut told)
                    })?;
                    certificate = both.0;
                    Ok((both.1, begun.elapsed().as_secs_f64()))
                }
            });
        }
        // What is printed as proved has passed the verifier in the form in which it is written.
        tautnet_models::verify_chain(&certificate.to_bytes(), network, scaler)?;
        let settings = JacobianSearchSettings::scaled_to(network);
        let found = share.during(|| certify::largest_jacobian_found(network, norm, Of::All, rows, &settings))?;
        cut_short = cut_short.or(share.reason());
        stop.kept();
        let seconds = started.elapsed().as_secs_f64();
        parts.push(Part { norm, found, certificate, multipliers, exact: None, local: None, seconds });
    }
    // The searches come last: what is proved without them is there whenever they end.
    for part in &mut parts {
        let known = ChainKnown { rows, found: Some(&part.found), bound: part.known(), thorough: stop.is_limited() };
        let (norm, pairs) = (part.norm, part.claim().pairs.as_deref());
        let given = Given { network, norm, known, pairs, exact: wanted.exact };
        let mut watch = Watch { stop: *stop, display: &mut display };
        let local =
            wanted.region(network, norm).map(|region| given.search(region, &mut left, &mut watch)).transpose()?;
        let exact = wanted.exact.then(|| given.search(Region::Everywhere, &mut left, &mut watch)).transpose()?;
        part.seconds += [&local, &exact].into_iter().flatten().map(Searched::seconds).sum::<f64>();
        (part.local, part.exact) = (local, exact);
    }
    cut_short = cut_short.or(stop.reason());
    drop(display);
    let mut result = parts[0].json();
    result["inputs"] = json!(network.inputs());
    result["network"] = json!(network.described());
    result["classes"] = json!(names(stored));
    result["standardized"] = json!(scaler.is_some());
    result["seconds"] = json!(parts.iter().map(|part| part.seconds).sum::<f64>());
    result["norms"] = parts.iter().map(Part::json).collect();
    let mut told = String::new();
    if let (Some((path, radius)), Some(data), Some(labels)) = (arguments.margins, data, &labels) {
        let norm = norms[0];
        let rows = (data.x.as_ref(), &labels[..]);
        let file = stop.during(|| certify::class_margins(network, rows, (norm, radius), None))?;
        let proved = certify::verify_class_margins(&file.to_bytes(), network)?;
        let rows = file.rows.len();
        if rows < data.rows() {
            return Err(Error::new(
                format!("the time was over after the margins of {rows} of {} rows", data.rows()),
                "give more time, or fewer rows",
            ));
        }
        atomic::write(path, &file.to_bytes(), arguments.out.existing())?;
        let (right, proved_right) = (proved.right(), proved.proved_right());
        result["margins"] =
            json!({"norm": norm.name(), "radius": radius, "rows": rows, "right": right, "proved_right": proved_right});
        let share = |count: usize| output::percent_at_least(count as f64 / rows.max(1) as f64);
        told = format!(
            "\n{proved_right} of {rows} rows ({}) keep their class wherever the inputs change by a norm {} of at most {radius} (proved); {right} ({}) have it where they do not change\n",
            share(proved_right),
            norm.name(),
            share(right)
        );
    }
    if let Some(path) = arguments.certificate {
        atomic::write(path, &parts[0].certificate.to_bytes(), arguments.out.existing())?;
    }
    if let Some(path) = &arguments.out.out {
        atomic::write(path, format!("{result:#}\n").as_bytes(), arguments.out.existing())?;
    }
    if arguments.talk.json {
        output::print_json(&result)?;
        return Ok(ExitCode::SUCCESS);
    }
    output::print(&(text(network, &parts, wanted.place()) + &pairs(&names(stored), &parts, wanted.place()) + &told))?;
    if !arguments.talk.quiet {
        let units = if scaler.is_some() { "standard deviations of each" } else { "the units that the network takes" };
        output::note(&format!(
            "the outputs change by at most the product of the norms times what the inputs change, in {units} (proved)"
        ));
        for part in &parts {
            if let Some(Ok((bounds, _))) = &part.multipliers
                && bounds.standardized.best.is_some()
                && bounds.standardized.gap.is_finite()
            {
                output::note(&format!(
                    "no multipliers of the hidden units prove less than LipSDP by more than its share {:.0e} (not proved)",
                    bounds.standardized.gap.max(1e-16)
                ));
            }
            if let Some(reason) = part.left_out() {
                output::note(&format!("LipSDP is left out: {reason}"));
            }
            for (searched, place) in [(&part.exact, "over all inputs"), (&part.local, wanted.place())] {
                if let Some(note) = searched.as_ref().and_then(|searched| searched.note(part.norm, place)) {
                    output::note(&note);
                }
            }
        }
        if parts.iter().any(|part| part.exact.is_some() || part.local.is_some()) {
            output::note(
                "what a search says is at most so much is proved by this program; a certificate proves the product of norms and LipSDP",
            );
        }
        if network.in_relu_units("`certify`").is_ok() && is_for(network) {
            output::note(
                "this network can be rewritten with relu units, of which more is known: `tautnet export NETWORK --relu --out NEW`",
            );
        }
        if let Some(reason) = cut_short {
            output::note(&format!("{reason}: what is proved holds, but larger Jacobians may be found"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What the outputs are called, where there are several.
fn names(stored: &Stored) -> Vec<String> {
    let outputs = stored.network().outputs();
    let known = match stored {
        Stored::Model(model) => {
            let targets = model.columns.target_names().into_iter().map(str::to_owned).collect();
            Some(model.columns.classes.clone().unwrap_or(targets)).filter(|names| names.len() == outputs)
        }
        Stored::Network(_) => None,
    };
    known.unwrap_or_else(|| (1..=outputs).map(|j| format!("output{j}")).collect())
}

/// The class of every row, by its place.
fn labels(columns: &Encoder, data: &Dataset, network: &Network) -> Result<Vec<usize>> {
    let outputs = network.outputs();
    let count = columns.classes.as_ref().map_or(0, Vec::len);
    if outputs < 2 || count != outputs {
        columns.check_outputs(outputs)?;
        return Err(Error::new(
            format!("`--margins` is for an output for each class; this network has {}", network.described()),
            "give a network with as many outputs as the target has classes",
        ));
    }
    Ok(data.y.iter().map(|&y| if count > 2 { y as usize } else { usize::from(y > 0.0) }).collect())
}

/// The table of the network and its layers.
fn text(network: &Network, parts: &[Part], place: &str) -> String {
    let row = |name: String, of: &dyn Fn(&Part) -> String| [name].into_iter().chain(parts.iter().map(of)).collect();
    let mut rows: Vec<Vec<String>> = vec![row(String::new(), &|part| format!("norm {}", part.norm.name()))];
    rows.push(row("largest Jacobian found".into(), &|part| format!("≥ {}", output::at_least(part.found.value))));
    let ends = |searched: &Option<Searched>, upper: bool| match searched {
        None => "…".to_owned(),
        Some(searched) if upper => format!("≤ {}", output::at_most(searched.all.upper_bound)),
        Some(searched) => format!("≥ {}", output::at_least(searched.all.lower_bound)),
    };
    if parts.iter().any(|part| part.exact.is_some()) {
        let name = exact_name(parts);
        rows.push(row(format!("{name}, at least"), &|part| ends(&part.exact, false)));
        rows.push(row(format!("{name}, at most"), &|part| ends(&part.exact, true)));
    }
    let [lipsdp, greedy] = [0, 1].map(|at| {
        move |part: &Part| part.ladder()[at].map_or("…".to_owned(), |bound| format!("≤ {}", output::at_most(bound)))
    });
    if parts.iter().any(|part| part.ladder()[0].is_some()) {
        rows.push(row("LipSDP, proved".into(), &lipsdp));
        rows.push(row("greedy multipliers, proved".into(), &greedy));
    }
    rows.push(row("product of norms, proved".into(), &|part| format!("≤ {}", output::at_most(part.claim().bound))));
    let ratio = |part: &Part| part.tightness().map_or("…".into(), |ratio| format!("{ratio:.3}"));
    rows.push(row("  proved over found".into(), &ratio));
    let name = |(l, layer): (usize, &Layer)| {
        format!("  layer {}, {} × {}, {}", l + 1, layer.units(), layer.inputs(), layer.activation())
    };
    for (l, name) in network.layers().iter().enumerate().map(name).enumerate() {
        rows.push(row(name, &|part| format!("≤ {}", output::at_most(part.claim().layers[l]))));
    }
    if network.linear().is_some() {
        let linear = |part: &Part| format!("≤ {}", output::at_most(part.claim().linear.unwrap_or(f64::INFINITY)));
        rows.push(row("  linear part".into(), &linear));
    }
    if parts.iter().any(|part| part.local.is_some()) {
        rows.push(row(format!("{place}, at least"), &|part| ends(&part.local, false)));
        rows.push(row(format!("{place}, at most"), &|part| ends(&part.local, true)));
    }
    output::table(&rows)
}

/// What the search over all inputs is called: exact where all of them have closed.
fn exact_name(parts: &[Part]) -> &'static str {
    let closed = |part: &Part| part.exact.as_ref().is_some_and(|exact| exact.all.closed);
    if parts.iter().all(closed) { "exact" } else { "branch and bound" }
}

/// The table of the differences of outputs, where they are not too many.
fn pairs(names: &[String], parts: &[Part], place: &str) -> String {
    if names.len() < 2 || names.len() > SHOWN || parts.iter().any(|part| part.claim().pairs.is_none()) {
        return String::new();
    }
    let titles = parts.iter().map(|part| format!("norm {}", part.norm.name()));
    let mut rows = vec![["margin between".to_owned()].into_iter().chain(titles).collect::<Vec<_>>()];
    let pairs = (0..names.len()).flat_map(|y| (y + 1..names.len()).map(move |j| (y, j)));
    for (at, (y, j)) in pairs.enumerate() {
        let name = format!("`{}` and `{}`", printable::line(&names[y]), printable::line(&names[j]));
        let bound = |part: &Part| part.claim().pairs.as_ref().map_or(f64::INFINITY, |pairs| pairs[at]);
        rows.push(
            [name].into_iter().chain(parts.iter().map(|part| format!("≤ {}", output::at_most(bound(part))))).collect(),
        );
        let of = |part: &Part, exact: bool| {
            let searched = if exact { &part.exact } else { &part.local };
            Some(searched.as_ref()?.pairs.get(at)?.upper_bound)
        };
        for (exact, name) in [(true, exact_name(parts)), (false, place)] {
            if parts.iter().any(|part| of(part, exact).is_some()) {
                let cell =
                    |part: &Part| of(part, exact).map_or("…".into(), |upper| format!("≤ {}", output::at_most(upper)));
                rows.push([format!("  {name}")].into_iter().chain(parts.iter().map(cell)).collect());
            }
        }
    }
    format!("\n{}", output::table(&rows))
}
