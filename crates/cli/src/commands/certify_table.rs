//! The bounds that `tautnet certify` shows, from below and from above, for one norm.

use crate::output;
use crate::progress::seconds;
use crate::stop::Stop;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tautnet::certify::{
    self, Attained, Certificate, Enclosure, ExactSettings, GradientSearchSettings, Region, prove, relative_gap,
};
use tautnet::error::Result;
use tautnet::{Dataset, Network, Norm, Scaler};

/// One line of the table.
pub struct Bound {
    /// What it is.
    pub name: String,
    /// Whether the Lipschitz constant is at most (`true`) or at least this.
    pub upper: bool,
    /// The bound.
    pub value: f64,
    /// Time it took.
    pub time: Duration,
    /// Of a lower bound: where it is attained.
    pub attained: Option<Attained>,
    /// Of branch and bound: whether it closed.
    pub exact: Option<Enclosure>,
}

/// Bounds on one constant: over all inputs, or over a region.
#[derive(Default)]
pub struct Bounds(pub Vec<Bound>);

/// What is to be bounded.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The network.
    pub network: &'a Network,
    /// The units of the user, for the certificate.
    pub scaler: Option<&'a Scaler>,
    /// Inputs at which large gradients are looked for, in the network's units.
    pub data: Option<&'a Dataset>,
    /// How inputs are measured.
    pub norm: Norm,
}

impl Asked<'_> {
    /// Every cheap bound over all inputs, lower ones first, and the certificate.
    pub fn everywhere(&self, stop: &Stop) -> Result<(Bounds, Certificate)> {
        let (network, norm) = (self.network, self.norm);
        let mut bounds = Bounds::default();
        bounds.found(self, &Region::Everywhere)?;
        let started = Instant::now();
        let certificate = prove(network, norm, self.scaler, &mut |_| stop.verdict())?;
        let name = if norm == Norm::One { "sums by column, proved" } else { "LipSDP, proved" };
        bounds.upper(name, certificate.standardized.bound, started);
        let started = Instant::now();
        bounds.upper("sum over units", certify::path_norm(network, norm), started);
        let started = Instant::now();
        bounds.upper("product of norms", certify::norm_product(network, norm), started);
        Ok((bounds, certificate))
    }

    /// The cheap bounds over a region.
    pub fn over(&self, region: &Region) -> Result<Bounds> {
        let mut bounds = Bounds::default();
        bounds.found(self, region)?;
        let started = Instant::now();
        let local = certify::local_upper_bound(self.network, region, self.norm)?;
        let name = if self.norm == Norm::One { "sums by column" } else { "LipSDP" };
        let fixed = local.always_on + local.always_off;
        bounds.upper(&format!("{name}, {fixed} units fixed"), local.upper_bound, started);
        Ok(bounds)
    }

    /// Branch and bound over a region, both sides, put where they belong.
    pub fn exact(&self, region: &Region, bounds: &mut Bounds, stop: &Stop) -> Result<()> {
        let started = Instant::now();
        let points = self.data.map(|data| data.x.as_ref());
        let settings =
            ExactSettings { start: GradientSearchSettings::scaled_to(self.network), ..ExactSettings::default() };
        let verdict = &mut |_: &_| stop.verdict();
        let found = certify::exact_lipschitz(self.network, region, self.norm, points, &settings, verdict)?;
        let time = started.elapsed();
        let name = if found.closed { "exact" } else { "branch and bound" };
        for (upper, value) in [(true, found.upper_bound), (false, found.lower_bound)] {
            let attained = found.found.clone().filter(|_| !upper);
            let exact = Some(found.clone());
            bounds.0.insert(1, Bound { name: name.into(), upper, value, time, attained, exact });
        }
        Ok(())
    }
}

impl Bounds {
    fn found(&mut self, asked: &Asked<'_>, region: &Region) -> Result<()> {
        let started = Instant::now();
        let points = asked.data.map(|data| data.x.as_ref());
        let network = asked.network;
        let search = GradientSearchSettings::scaled_to(network);
        let attained = certify::largest_gradient_found(network, region, asked.norm, points, &search)?;
        let value = attained.as_ref().map_or(0.0, |attained| attained.value);
        let name = "largest gradient found".into();
        self.0.push(Bound { name, upper: false, value, time: started.elapsed(), attained, exact: None });
        Ok(())
    }

    fn upper(&mut self, name: &str, value: f64, started: Instant) {
        let (name, time) = (name.into(), started.elapsed());
        self.0.push(Bound { name, upper: true, value, time, attained: None, exact: None });
    }

    fn least_upper(&self) -> f64 {
        self.0.iter().filter(|bound| bound.upper).fold(f64::INFINITY, |least, bound| least.min(bound.value))
    }

    /// The largest lower bound with the input that attains it.
    pub fn best_found(&self) -> Option<&Attained> {
        self.0.iter().filter_map(|bound| bound.attained.as_ref()).max_by(|a, b| a.value.total_cmp(&b.value))
    }

    /// How far a bound is from the best one on the other side.
    fn gap(&self, bound: &Bound) -> f64 {
        if bound.upper {
            relative_gap(self.best_found().map_or(0.0, |found| found.value), bound.value)
        } else {
            relative_gap(bound.value, self.least_upper())
        }
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let one = |bound: &Bound| {
            let mut entry = json!({
                "name": bound.name,
                "direction": if bound.upper { "upper" } else { "lower" },
                "value": bound.value,
                "gap": self.gap(bound),
                "seconds": bound.time.as_secs_f64(),
            });
            if let Some(attained) = &bound.attained {
                entry["point"] = json!(attained.point);
                entry["gradient"] = json!(attained.gradient);
            }
            if let Some(exact) = &bound.exact {
                entry["closed"] = json!(exact.closed);
                entry["explored"] = json!(exact.explored);
                entry["open"] = json!(exact.open);
                entry["undecided"] = json!(exact.undecided);
            }
            entry
        };
        self.0.iter().map(one).collect()
    }

    /// Rows for people.
    pub fn rows(&self, norm: &str, place: &str) -> Vec<Vec<String>> {
        let one = |bound: &Bound| {
            let sign = if bound.upper { '≤' } else { '≥' };
            vec![
                format!("{}{place}", bound.name),
                norm.into(),
                format!("{sign} {}", output::number(bound.value)),
                percent(self.gap(bound)),
                seconds(bound.time),
            ]
        };
        self.0.iter().map(one).collect()
    }
}

/// A gap for people.
fn percent(gap: f64) -> String {
    if gap <= 1e-6 { "0".into() } else { format!("{:.1} %", 100.0 * gap) }
}
