//! The bounds that `tautnet certify` shows, from below and from above, for one norm.

use crate::output;
use crate::progress::{Display, seconds};
use crate::stop::Stop;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tautnet::certify::{
    self, Attained, Enclosure, ExactSearch, ExactSettings, GradientSearchProgress, GradientSearchSettings, Region,
    prove, relative_gap,
};
use tautnet::error::Result;
use tautnet::{Dataset, Norm, Scaler, Shallow};
use tautnet_models::SearchFile;
use tautnet_verify::Certificate;

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
    /// Of a search for gradients: what it took, and what it may take.
    pub searched: Option<(GradientSearchProgress, GradientSearchSettings)>,
    /// Of branch and bound: nodes bounded in earlier runs, which a file vouches for.
    pub resumed: Option<usize>,
}

/// When to stop, and where progress is shown.
pub struct Watch<'a> {
    /// When to stop.
    pub stop: Stop,
    /// What people see meanwhile.
    pub display: &'a mut Display,
}

/// What the bounds are called that no program is solved for.
const SUM: &str = "sum over units";
const PRODUCT: &str = "product of norms";

/// Bounds on one constant: over all inputs, or over a region.
#[derive(Default)]
pub struct Bounds(pub Vec<Bound>);

/// What is to be bounded.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The network.
    pub network: &'a Shallow,
    /// The units of the user, for the certificate.
    pub scaler: Option<&'a Scaler>,
    /// Inputs at which large gradients are looked for, in the network's units.
    pub data: Option<&'a Dataset>,
    /// How inputs are measured.
    pub norm: Norm,
    /// Evaluations of each search for a large gradient, where they were said.
    pub evaluations: Option<usize>,
}

impl Asked<'_> {
    /// Every bound from above over all inputs, and the certificate of the best. The proof comes first: where the time is short, it is what matters.
    pub fn everywhere(&self, watch: &mut Watch<'_>) -> Result<(Bounds, Certificate)> {
        let (network, norm) = (self.network, self.norm);
        let mut bounds = Bounds::default();
        let started = Instant::now();
        let sum = Bound::above(SUM, certify::path_norm(network, norm), started);
        let started = Instant::now();
        let product = Bound::above(PRODUCT, certify::norm_product(network, norm), started);
        let least = output::at_most(sum.value.min(product.value));
        let started = Instant::now();
        watch.display.restart();
        let certificate = prove(network, norm, self.scaler, &mut |gap| {
            watch.display.line(0.0, || {
                format!(
                    "norm {}: proved: at most {least} by norms; making it smaller by LipSDP: gap {gap:.1e}",
                    norm.name()
                )
            });
            watch.stop.verdict()
        })?;
        let name = if norm == Norm::One { "sums by column, proved" } else { "LipSDP, proved" };
        bounds.0.extend([Bound::above(name, certificate.standardized.bound, started), sum, product]);
        Ok((bounds, certificate))
    }

    /// The cheap bound from above over a region.
    pub fn over(&self, region: &Region) -> Result<Bounds> {
        let mut bounds = Bounds::default();
        let started = Instant::now();
        let local = certify::local_upper_bound(self.network, region, self.norm)?;
        let name = if self.norm == Norm::One { "sums by column" } else { "LipSDP" };
        let fixed = local.always_on + local.always_off;
        bounds.0.push(Bound::above(&format!("{name}, {fixed} units fixed"), local.upper_bound, started));
        Ok(bounds)
    }

    /// Branch and bound over a region, both sides, put where they belong. It sets out from the largest gradient found, or
    /// from where an earlier run stopped, and leaves where it stops in `searches`.
    pub fn exact(
        &self,
        region: &Region,
        bounds: &mut Bounds,
        searches: Option<&mut SearchFile>,
        watch: &mut Watch<'_>,
    ) -> Result<()> {
        let started = Instant::now();
        let (network, norm) = (self.network, self.norm);
        let settings = ExactSettings::default();
        let earlier = searches.as_ref().map(|file| file.of(network, region, norm)).transpose()?.flatten();
        let mut search = match earlier {
            Some(state) => ExactSearch::resume(network, region, norm, state, &settings)?,
            None => {
                let start = bounds.best_found().map(|found| &found.point[..]);
                ExactSearch::from_input(network, region, norm, start, &settings)?
            }
        };
        let resumed = earlier.map(|state| state.explored());
        watch.display.restart();
        let found = search.run(&mut |progress| {
            let (low, high) = (output::at_least(progress.lower_bound), output::at_most(progress.upper_bound));
            let (explored, open) = (progress.explored, progress.open);
            watch.display.line(0.0, || {
                format!("norm {}: exact: from {low} to {high}, {explored} nodes, {open} open", norm.name())
            });
            watch.stop.verdict()
        });
        if let Some(searches) = searches {
            searches.put(search.state());
        }
        let time = started.elapsed();
        let name = if found.closed { "exact" } else { "branch and bound" };
        let name = format!("{name}{}", if resumed.is_some() { ", resumed" } else { "" });
        for (upper, value) in [(true, found.upper_bound), (false, found.lower_bound)] {
            let attained = found.found.clone().filter(|_| !upper);
            let (exact, searched) = (Some(found.clone()), None);
            bounds.0.insert(1, Bound { name: name.clone(), upper, value, time, attained, exact, searched, resumed });
        }
        Ok(())
    }
}

impl Bound {
    fn above(name: &str, value: f64, started: Instant) -> Self {
        let (name, time) = (name.into(), started.elapsed());
        Self { name, upper: true, value, time, attained: None, exact: None, searched: None, resumed: None }
    }
}

impl Bounds {
    /// Search for a large gradient; what is found stands at the head of the table.
    pub fn find(&mut self, asked: &Asked<'_>, region: &Region, watch: &mut Watch<'_>) -> Result<()> {
        let started = Instant::now();
        let points = asked.data.map(|data| data.x.as_ref());
        let (network, norm) = (asked.network, asked.norm);
        let search = match asked.evaluations {
            None => GradientSearchSettings::scaled_to(network),
            Some(evaluations) => GradientSearchSettings::with_evaluations(network, evaluations),
        };
        let proved = output::at_most(self.least_upper());
        let mut took = None;
        watch.display.restart();
        let attained = certify::search_gradients(network, region, norm, points, &search, &mut |progress| {
            took = Some(*progress);
            let share = progress.share(&search);
            watch.display.line(share, || {
                format!(
                    "norm {}: proved: at most {proved}; searching for the largest gradient: at least {} so far, {} of the search",
                    norm.name(),
                    output::at_least(progress.largest),
                    output::percent(share)
                )
            });
            watch.stop.verdict()
        })?;
        let value = attained.as_ref().map_or(0.0, |attained| attained.value);
        let (name, time) = ("largest gradient found".into(), started.elapsed());
        let searched = took.map(|took| (took, search));
        self.0.insert(0, Bound { name, upper: false, value, time, attained, exact: None, searched, resumed: None });
        Ok(())
    }

    fn least_upper(&self) -> f64 {
        self.0.iter().filter(|bound| bound.upper).fold(f64::INFINITY, |least, bound| least.min(bound.value))
    }

    /// The largest lower bound with the input that attains it.
    pub fn best_found(&self) -> Option<&Attained> {
        self.0.iter().filter_map(|bound| bound.attained.as_ref()).max_by(|a, b| a.value.total_cmp(&b.value))
    }

    /// What branch and bound found, if there was any.
    pub fn enclosure(&self) -> Option<&Enclosure> {
        self.0.iter().find_map(|bound| bound.exact.as_ref())
    }

    /// Most evaluations of the search for gradients, if it used them all.
    pub fn ran_out(&self) -> Option<usize> {
        let used = |(took, search): &(GradientSearchProgress, GradientSearchSettings)| {
            (took.evaluations >= search.evaluations).then_some(search.evaluations)
        };
        self.0.iter().find_map(|bound| bound.searched.as_ref().and_then(used))
    }

    /// Whether a bound rests on an earlier run.
    pub fn resumed(&self) -> bool {
        self.0.iter().any(|bound| bound.resumed.is_some())
    }

    /// How far a bound is from the best one on the other side.
    fn gap(&self, bound: &Bound) -> f64 {
        if bound.upper {
            relative_gap(self.best_found().map_or(0.0, |found| found.value), bound.value)
        } else {
            relative_gap(bound.value, self.least_upper())
        }
    }

    /// What is known over all inputs, by the names that it has in Python too; `proved` is the certificate's.
    pub fn ladder(&self, proved: f64) -> Value {
        let named = |name: &str| self.0.iter().find(|bound| bound.name == name).map(|bound| bound.value);
        let exact = self.0.iter().find_map(|bound| bound.exact.as_ref());
        json!({
            "found": self.best_found().map_or(0.0, |found| found.value),
            "exact": exact.map(|exact| [exact.lower_bound, exact.upper_bound]),
            "proved": proved,
            "path_norm": named(SUM),
            "norm_product": named(PRODUCT),
        })
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
            if let Some((took, search)) = &bound.searched {
                entry["search"] = json!({
                    "starts": took.starts,
                    "evaluations": took.evaluations,
                    "most_evaluations": search.evaluations,
                    "questions": took.questions,
                    "most_questions": search.questions,
                });
            }
            if let Some(exact) = &bound.exact {
                entry["closed"] = json!(exact.closed);
                entry["explored"] = json!(exact.explored);
                entry["open"] = json!(exact.open);
                entry["undecided"] = json!(exact.undecided);
                entry["resumed"] = json!(bound.resumed);
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
                format!("{sign} {}", output::bound(bound.value, bound.upper)),
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
