//! Everything that is to be run, and in which order.

use super::examples::{Role, examples};
use super::row::Row;
use super::settings::{Method, OfMap, OfNorm, Sample, Settings};
use crate::experiment::{Task, Trials, csv_of, digest_rows, rows_of, told};
use sha2::{Digest, Sha256};
use tautnet::deep::{Form, Price, Weights};
use tautnet::error::{Error, Result};
use tautnet::range::{RADIUS, Range, at_least_one};
use tautnet::{Activation, Limits, Norm, deep};

/// Which network: a method with a map, in a norm where the training knows one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Arm<'a> {
    /// The method.
    pub method: Method,
    /// The map.
    pub map: &'a OfMap,
    /// The norm; the method `plain` has none.
    pub norm: Option<&'a OfNorm>,
}

/// What is to be run: the settings, for the data sets that are there.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The settings.
    pub settings: Settings,
}

/// The position of the examples among the data sets, which come after them.
pub(super) const EXAMPLES: usize = 0;

impl Plan {
    /// Refuse what could not be run.
    pub fn check(&self) -> Result<()> {
        let settings = &self.settings;
        at_least_one("trials", settings.trials as usize)?;
        at_least_one("jacobians", settings.jacobians)?;
        once("data set", settings.data.iter().map(|set| &set.name))?;
        once("norm", settings.norms.iter().map(|of| &of.norm))?;
        once("map", settings.maps.iter().map(|of| &of.map))?;
        Range::Share.check("held_out", settings.held_out)?;
        Range::Positive.check("rate", settings.rate)?;
        for of in &settings.norms {
            of.norm.parse::<Norm>()?;
            of.bound.parse::<Form>()?;
            Range::Positive.check("price", of.price)?;
            Range::Positive.check("held", of.held)?;
            Range::Positive.check("radius", of.radius)?;
            of.radii.iter().try_for_each(|radius| RADIUS.check("radii", *radius))?;
            if !of.radii.is_sorted_by(|a, b| a < b) || of.radii.is_empty() {
                return Err(Error::new(
                    format!("the radii {:?} of the norm {} do not increase", of.radii, of.norm),
                    "give at least one, the smallest first",
                ));
            }
        }
        let norms = settings.maps.iter().flat_map(|of| &of.norms);
        if let Some(norm) = norms.into_iter().find(|norm| settings.of_norm(norm).is_none()) {
            return Err(Error::new(
                format!("a map is asked for in the norm `{norm}`, which `norms` has not"),
                format!("choose of: {}", settings.norms.iter().map(|of| &*of.norm).collect::<Vec<_>>().join(", ")),
            ));
        }
        if let Some(map) = settings.plain.iter().find(|map| settings.maps.iter().all(|of| of.map != **map)) {
            return Err(Error::new(format!("`plain` asks for `{map}`, which `maps` has not"), "add it to `maps`"));
        }
        // What the training refuses whatever the rows are.
        for arm in self.arms() {
            self.training(arm, 2, 0)?.check(1, &Limits::default())?;
        }
        match self.arms().is_empty() {
            true => Err(Error::new("the experiment has no network", "give at least one map with a norm")),
            false => Ok(()),
        }
    }

    /// All networks of a data set, in their order.
    pub fn arms(&self) -> Vec<Arm<'_>> {
        let Settings { maps, plain, norms, .. } = &self.settings;
        let plain = maps.iter().filter(|of| plain.contains(&of.map));
        let plain = plain.map(|map| Arm { method: Method::Plain, map, norm: None });
        let trained = norms.iter().flat_map(|norm| {
            [Method::Price, Method::Held, Method::Margins].into_iter().flat_map(move |method| {
                let own = maps.iter().filter(|map| map.norms.contains(&norm.norm));
                own.map(move |map| Arm { method, map, norm: Some(norm) })
            })
        });
        plain.chain(trained).collect()
    }

    /// The norms in which the network of an arm is judged.
    pub(super) fn judged<'a>(&'a self, arm: Arm<'a>) -> Vec<&'a OfNorm> {
        arm.norm.map_or_else(|| self.settings.norms.iter().collect(), |norm| vec![norm])
    }

    /// How the network of an arm is trained.
    pub(super) fn training(&self, arm: Arm<'_>, classes: usize, seed: u64) -> Result<deep::Settings> {
        let Settings { layers, passes, batch, rate, ramp, .. } = &self.settings;
        let norm = arm.norm.map_or(Ok(Norm::Two), |of| of.norm.parse())?;
        let amount =
            |asked: Method, amount: fn(&OfNorm) -> f64| arm.norm.filter(|_| arm.method == asked).map_or(0.0, amount);
        let hidden = match (arm.method, norm) {
            (Method::Plain | Method::Price, _) => Weights::Free,
            (Method::Held | Method::Margins, Norm::Two) => Weights::Orthonormal,
            (Method::Held | Method::Margins, _) => Weights::Bounded,
        };
        Ok(deep::Settings {
            layers: layers.clone(),
            activation: arm.map.map.parse::<Activation>()?,
            biases: arm.map.biases,
            hidden,
            classes: Some(classes),
            norm,
            radius: amount(Method::Margins, |of| of.radius),
            ramp: *ramp,
            price: Price {
                amount: amount(Method::Price, |of| of.price) + amount(Method::Held, |of| of.held),
                form: arm.norm.map_or(Ok(Form::Product), |of| of.bound.parse())?,
            },
            most: None,
            epochs: *passes,
            batch: *batch,
            rate: *rate,
            // The network of the last pass: no rows are put aside to choose one by.
            validation: 0.0,
            seed,
            ..deep::Settings::default()
        })
    }

    /// A digest of everything that the numbers depend on but the program itself: the plan, its version, and the data.
    pub fn fingerprint(&self, version: &str, data: &[Sample]) -> String {
        let mut digest = Sha256::new();
        digest.update(format!("{version} {self:?}"));
        for sample in data {
            digest.update(format!(" {} ", sample.classes));
            [Some(&sample.rows), sample.held_out.as_ref()].into_iter().flatten().for_each(|rows| {
                digest_rows(&mut digest, rows);
            });
        }
        told(digest)
    }
}

/// Refuse a name that is there twice.
fn once<'a>(what: &str, names: impl Iterator<Item = &'a String>) -> Result<()> {
    let mut seen: Vec<&String> = Vec::new();
    for name in names {
        if seen.contains(&name) {
            return Err(Error::new(format!("the {what} `{name}` is named twice"), format!("name every {what} once")));
        }
        seen.push(name);
    }
    Ok(())
}

impl Trials for Plan {
    type Row = Row;

    /// Map by map, so that what is ended early has all methods and norms of some.
    fn tasks(&self) -> Vec<Task> {
        let sets = self.settings.data.len();
        let arms = self.arms();
        let place = |arm: &usize| self.settings.maps.iter().position(|map| map == arms[*arm].map);
        let mut order: Vec<usize> = (0..arms.len()).collect();
        order.sort_by_key(place);
        let of_set = |data, trial| order.iter().map(move |&arm| Task { data, arm, trial });
        let of_trial = |trial| (1..=sets).flat_map(move |data| of_set(data, trial));
        let examples = Task { data: EXAMPLES, arm: 0, trial: 0 };
        [examples].into_iter().chain((0..self.settings.trials).flat_map(of_trial)).collect()
    }

    fn rows_of(&self, task: Task) -> usize {
        match task.data {
            EXAMPLES => of_examples().len(),
            _ => self.judged(self.arms()[task.arm]).len(),
        }
    }

    fn place(&self, row: &Row) -> Option<(Task, usize)> {
        if row.is_example() {
            let own = [&row.data, &row.method, &row.map, &row.norm].map(String::as_str);
            let at = of_examples().iter().position(|key| key.each_ref().map(String::as_str) == own)?;
            return (row.trial == 0).then_some((Task { data: EXAMPLES, arm: 0, trial: 0 }, at));
        }
        let data = 1 + self.settings.data.iter().position(|set| set.name == row.data)?;
        let of_row = |arm: &Arm<'_>| {
            let norm = arm.norm.is_none_or(|of| of.norm == row.norm);
            norm && (arm.method.name(), &*arm.map.map) == (&*row.method, &*row.map)
        };
        let arms = self.arms();
        let arm = arms.iter().position(of_row)?;
        let at = self.judged(arms[arm]).iter().position(|of| of.norm == row.norm)?;
        (row.trial < self.settings.trials).then_some((Task { data, arm, trial: row.trial }, at))
    }

    fn to_csv(&self, rows: &[Row], settings: &str, header: bool) -> String {
        csv_of(header.then(Row::header), rows.iter().map(|row| row.fields(settings)))
    }

    fn read_csv(&self, source: &str, text: &str) -> Result<Vec<(String, Row)>> {
        rows_of(source, text, &Row::header(), Row::parse)
    }
}

/// Obstruction, role, map and norm of every row of the examples, in their order.
fn of_examples() -> Vec<[String; 4]> {
    let known = examples().expect("the program's own networks are networks");
    let rows = known.iter().flat_map(|example| {
        let map = example.network.layers()[0].activation().to_string();
        example
            .norms
            .iter()
            .map(move |norm| [example.obstruction, Role::name(example.role), &*map, norm.name()].map(str::to_owned))
    });
    rows.collect()
}
