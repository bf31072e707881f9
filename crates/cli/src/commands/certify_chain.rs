//! What `certify` says of networks with any number of layers: the largest Jacobian found, the product of the layers' norms, and the margins of rows.

use crate::arguments::{MeetingArguments, OutArguments, TalkArguments};
use crate::progress::Display;
use crate::stop::Stop;
use crate::{input, output};
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;
use tautnet::certify::{self, ChainLipsdpSettings, ChainMultipliers, JacobianFound, JacobianSearchSettings, Of};
use tautnet::error::{Error, Result};
use tautnet::network::Layer;
use tautnet::{Dataset, Network, Norm, printable};
use tautnet_models::Stored;
use tautnet_tables::{Encoder, atomic};
use tautnet_verify::{ChainCertificate, ChainClaim};

/// Up to this many outputs every pair has a line for people.
const SHOWN: usize = 12;

/// With more hidden units than this LipSDP takes long, and a time limit has to be given.
const AT_ONCE: usize = 1000;

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
        result["ladder"] =
            json!({"found": self.found.value, "lipsdp": lipsdp, "greedy": greedy, "product": self.claim().bound});
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
    /// How they meet.
    pub meeting: &'a MeetingArguments,
    /// The one norm, where one is asked for.
    pub norm: Option<Norm>,
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
    stop.heed();
    let norms = match arguments.norm {
        Some(norm) => vec![norm],
        None => vec![Norm::Two, Norm::Infinity, Norm::One],
    };
    let mut display = Display::new(arguments.talk.quiet, f64::NAN);
    let (mut parts, mut cut_short) = (Vec::new(), None);
    let count = norms.len();
    for (done, &norm) in norms.iter().enumerate() {
        display.count("bounding the network in each norm", done, count);
        let share = stop.share((count - done) as u32);
        let started = Instant::now();
        // The proof comes first: where the time is short, it is what matters.
        let mut certificate = share.during(|| certify::chain_certificate(network, norm, scaler))?;
        let mut multipliers = None;
        if norm == Norm::Two {
            let units: usize = network.layers().iter().rev().skip(1).map(Layer::units).sum();
            let long = format!("with {units} hidden units it takes long: give `--time-limit` to have it");
            let reason = certify::no_chain_lipsdp(network);
            multipliers = Some(match reason.or((units > AT_ONCE && !stop.is_limited()).then_some(long)) {
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
        let rows = data.map(|data| data.x.as_ref());
        let found = share.during(|| certify::largest_jacobian_found(network, norm, Of::All, rows, &settings))?;
        cut_short = cut_short.or(share.reason());
        stop.kept();
        parts.push(Part { norm, found, certificate, multipliers, seconds: started.elapsed().as_secs_f64() });
    }
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
        let (right, certified) = (proved.right(), proved.certified());
        result["margins"] =
            json!({"norm": norm.name(), "radius": radius, "rows": rows, "right": right, "certified": certified});
        let share = |count: usize| output::percent_at_least(count as f64 / rows.max(1) as f64);
        told = format!(
            "\n{certified} of {rows} rows ({}) keep their class wherever the inputs change by a norm {} of at most {radius} (proved); {right} ({}) have it where they do not change\n",
            share(certified),
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
    output::print(&(text(network, &parts) + &pairs(&names(stored), &parts) + &told))?;
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
    let classes = match stored {
        Stored::Model(model) => model.columns.classes.clone().filter(|classes| classes.len() == outputs),
        Stored::Network(_) => None,
    };
    classes.unwrap_or_else(|| (1..=outputs).map(|j| format!("output{j}")).collect())
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
fn text(network: &Network, parts: &[Part]) -> String {
    let row = |name: String, of: &dyn Fn(&Part) -> String| [name].into_iter().chain(parts.iter().map(of)).collect();
    let mut rows: Vec<Vec<String>> = vec![row(String::new(), &|part| format!("norm {}", part.norm.name()))];
    rows.push(row("largest Jacobian found".into(), &|part| format!("≥ {}", output::at_least(part.found.value))));
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
    output::table(&rows)
}

/// The table of the differences of outputs, where they are not too many.
fn pairs(names: &[String], parts: &[Part]) -> String {
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
    }
    format!("\n{}", output::table(&rows))
}
