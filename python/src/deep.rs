//! Deep networks in Python: what is asked of them, their fit, their bounds, and which rows keep their class.

use crate::bounds::points;
use crate::certificate::{ChainCertificate, ClassMargins};
use crate::columns::{INPUTS, Inputs, TARGET, targets};
use crate::errors::{OrRaise, refused, warn};
use crate::fitting::{self, Asked as Limited, Given, Made, Rows, in_words};
use crate::limits;
use crate::model::{Model, Subject};
use crate::options::{asked as read, put};
use crate::watch::{Facts, Limits, run};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde_json::json;
use std::sync::Arc;
use tautnet::certify::{
    self, Bounded, ChainEnclosure, ChainKnown, ChainLipsdpSettings, JacobianSearchSettings, Of, Region,
};
use tautnet::deep_fit::{self, METHOD};
use tautnet::job::Watch;
use tautnet::recipe::{Command, Deep, Interval, SHARED, Table};
use tautnet::{Network, Norm, Recipe, Scaler};
use tautnet_tables::check_learned;

/// The name of the parameter that is no setting.
const STANDARDIZE: &str = "standardize";

/// What is asked of a deep network.
struct Asked {
    deep: Deep,
    standardize: bool,
}

/// Choose a network for the tolerance; or start, choose λ and polish where there is none; or train a deep network, where its layers are given. Prove.
/// `before` is a network to go on from, in place of a start: the same columns and units of the new rows.
#[pyfunction]
#[pyo3(signature = (given, asked, limits, before=None))]
pub fn fit(
    py: Python<'_>,
    given: Given<'_>,
    asked: &Bound<'_, PyDict>,
    limits: Limited,
    before: Option<&Bound<'_, PyAny>>,
) -> PyResult<Made> {
    let before = before.map(|before| before.cast::<Model>()).transpose()?.map(|model| &model.get().inner);
    let (asked, deep) = split(asked)?;
    let Some(deep) = deep else { return fitting::fit(py, &given, &asked, limits, before) };
    let (recipe, exact) = fitting::asked_of(&asked)?;
    deep.refuse_others(&recipe, exact)?;
    deep.fit(py, Rows::read(&given)?, &recipe, limits, before)
}

/// The part of what is asked that is about networks of one hidden layer, and what is asked of a deep network, where one is. Refuses settings of deep
/// networks without layers.
fn split<'py>(asked: &Bound<'py, PyDict>) -> PyResult<(Bound<'py, PyDict>, Option<Asked>)> {
    let (others, own) = (PyDict::new(asked.py()), PyDict::new(asked.py()));
    let (mut standardize, mut named) = (true, false);
    for (name, value) in asked {
        let known = name.extract::<String>()?;
        let is_method = known == "method" && value.extract::<String>().is_ok_and(|method| method == METHOD);
        if known == STANDARDIZE {
            standardize = value.is_truthy()?;
        } else if is_method {
            named = true;
        } else if Deep::field(&known).is_some() {
            own.set_item(name, value)?;
        } else {
            others.set_item(name, value)?;
        }
    }
    let deep: Deep = read(&own)?;
    if deep.layers.is_some() {
        return Ok((others, Some(Asked { deep, standardize })));
    }
    let usual = Deep::default();
    let said = Deep::FIELDS.iter().find(|field| field.value(&deep) != field.value(&usual)).map(|field| field.name);
    let said = said.or((!standardize).then_some(STANDARDIZE));
    let told = said.map(|name| format!("`{name}`")).or(named.then(|| format!("the method `{METHOD}`")));
    match told {
        None => Ok((others, None)),
        Some(told) => Err(refused(
            format!("{told} is about deep networks, and no layers were asked for"),
            "give the units of the hidden layers too: ⟨layers=64,64⟩",
        )),
    }
}

impl Asked {
    /// Refuse settings of networks of one hidden layer.
    fn refuse_others(&self, recipe: &Recipe, exact: bool) -> PyResult<()> {
        let usual = Recipe::default();
        let of_others = Recipe::fields(Command::Train).filter(|field| !SHARED.contains(&field.name));
        let said = of_others.filter(|field| field.value(recipe) != field.value(&usual)).map(|field| field.name);
        match said.chain((!exact).then_some("tolerance")).next() {
            None => Ok(()),
            Some(name) => Err(refused(
                format!("`{name}` is not about deep networks, and `layers` asks for one"),
                "leave one of them out; how far inputs may be off is said by `radius`, in the norm of `norm`",
            )),
        }
    }

    /// Train and prove; `before` is the model to go on from.
    fn fit(
        &self,
        py: Python<'_>,
        rows: Rows,
        recipe: &Recipe,
        limited: Limited,
        before: Option<&tautnet_models::Model>,
    ) -> PyResult<Made> {
        if let Some(classes) = &rows.classes {
            warn(py, check_learned(classes, &rows.y, 0).or_raise()?.as_deref())?;
        }
        let asked = deep_fit::Asked {
            recipe,
            deep: &self.deep,
            classes: rows.classes.as_ref().map(Vec::len),
            standardize: self.standardize,
            start: before.map(|model| (&model.network, Some(&model.scaler))),
        };
        run(py, Limits::new(limited.0, limited.1, limited.2)?, |watch| {
            let (columns, rows) = rows.learn()?;
            before.map_or(Ok(()), |before| before.check_warm_start(&columns))?;
            let of_fit: Arc<dyn Watch> = watch.clone();
            let fitted = asked.fit(rows, None, &limits::now(), &of_fit, &mut |progress| {
                watch.note(Facts {
                    stage: "training layers",
                    step: progress.epoch + 1,
                    objective: progress.loss,
                    gap: f64::INFINITY,
                    trial: Some((None, progress.epoch, progress.epochs)),
                });
            })?;
            let inner = tautnet_models::Model::of_deep(&fitted, &asked, columns, INPUTS)?;
            Ok((Model { inner }, fitted.interruption.map(in_words)))
        })
    }
}

/// Whether what is known of one hidden layer of relu units and one output says nothing of this network.
#[pyfunction]
pub fn is_chain(subject: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(Subject::of(subject)?.network().one_output("`certify`").is_err())
}

/// The certificate of a network with any number of layers, in the units of the model too, and proved as it is written.
fn chain_certificate(
    network: &Network,
    scaler: Option<&Scaler>,
    norm: Norm,
) -> tautnet::error::Result<tautnet_verify::ChainCertificate> {
    let certificate = certify::chain_certificate(network, norm, scaler)?;
    tautnet_models::verify_chain(&certificate.to_bytes(), network, scaler)?;
    Ok(certificate)
}

/// What a search says, as JSON.
fn told(found: &ChainEnclosure) -> serde_json::Value {
    json!({
        "lower": found.lower_bound,
        "upper": found.upper_bound,
        "closed": found.closed,
        "explored": found.explored,
        "point": found.point,
    })
}

/// What `certify` says of networks with any number of layers in one norm: the largest Jacobian found, what multipliers prove (in the norm 2, where that takes seconds or
/// there is a time limit) and what searches enclose, as JSON; the certificate;
/// and with labels and a radius the margins of the rows. With `exact` the constant over all inputs is searched for too.
#[pyfunction]
#[pyo3(signature = (subject, given, labels, norm, radius, exact, limits))]
pub fn certify_chain(
    py: Python<'_>,
    subject: &Bound<'_, PyAny>,
    given: Option<&Bound<'_, PyAny>>,
    labels: Option<&Bound<'_, PyAny>>,
    norm: &str,
    radius: Option<&Bound<'_, PyAny>>,
    exact: bool,
    limits: Limited,
) -> PyResult<(String, ChainCertificate, Option<ClassMargins>)> {
    let subject = Subject::of(subject)?;
    let norm: Norm = norm.parse().or_raise()?;
    let mut interval = Interval::default();
    radius.map_or(Ok(()), |radius| put(&mut interval, "radius", radius))?;
    let labels = match (labels, given) {
        (Some(labels), Some(given)) => Some(classes(labels, &Inputs::read(given)?, subject.network())?),
        _ => None,
    };
    let points = points(given, &subject, subject.network().inputs())?;
    let asked = match (&points, labels, interval.radius) {
        (_, None, None) => None,
        (Some(points), Some(labels), Some(radius)) => Some((points.as_ref(), labels, radius)),
        _ => {
            return Err(refused(
                "margins of rows were asked for by some of X, y and `radius`",
                "give all three: the rows, their classes, and how far their inputs may be off",
            ));
        }
    };
    let (network, scaler) = (subject.network(), subject.scaler());
    let thorough = limits.0.is_some();
    if let Some(reason) = certify::no_chain_exact(network).filter(|_| exact) {
        return Err(refused(
            format!("`exact` was asked for, and {reason}"),
            "leave it out; over the box of X there is a bound for every activation",
        ));
    }
    let (facts, certificate, margins) = run(py, Limits::new(limits.0, limits.1, limits.2)?, |watch| {
        // The proof comes first: where the time is short, it is what matters.
        let certificate = chain_certificate(network, scaler, norm)?;
        let rows = points.as_ref().map(|points| points.as_ref());
        let settings = JacobianSearchSettings::scaled_to(network);
        let found = certify::largest_jacobian_found(network, norm, Of::All, rows, &settings)?;
        let possible = norm == Norm::Two && certify::no_chain_lipsdp(network).is_none();
        let short = certify::chain_lipsdp_is_cheap(network) || (thorough && !exact);
        let (certificate, multipliers) = if possible && short {
            let settings = ChainLipsdpSettings::default();
            let (more, told) = certify::with_chain_lipsdp(network, certificate, &[], &settings, &mut |_| ())?;
            tautnet_models::verify_chain(&more.to_bytes(), network, scaler)?;
            (more, Some(told.standardized))
        } else {
            (certificate, None)
        };
        let bound = certificate.standardized.least();
        let known = ChainKnown { rows, found: Some(&found), bound, thorough };
        let search = |region: &Region| {
            let asked = (region, norm, Of::All);
            certify::chain_constant(network, asked, &known, exact, &mut |_| watch.verdict()).map(|found| told(&found))
        };
        let cheap = asked.is_none() && certify::chain_local_is_cheap(network);
        let boxed = rows.filter(|rows| rows.nrows() > 0 && cheap);
        let facts = json!({
            "found": found.value,
            "point": found.point,
            "gap": multipliers.as_ref().map(|told| told.gap),
            "greedy": multipliers.as_ref().and_then(|told| told.greedy.as_ref()).map(|greedy| greedy.bound),
            "exact": exact.then(|| search(&Region::Everywhere)).transpose()?,
            "local": boxed.map(|rows| search(&Region::bounding_box(rows))).transpose()?,
        });
        let Some((rows, labels, radius)) = asked else { return Ok((facts, certificate, None)) };
        let file = certify::class_margins(network, (rows, &labels), (norm, radius), None)?;
        if file.rows.len() < labels.len() {
            return Err(tautnet::Error::new(
                format!("the time was over after the margins of {} of {} rows", file.rows.len(), labels.len()),
                "give more time, or fewer rows",
            ));
        }
        let proved = certify::verify_class_margins(&file.to_bytes(), network).map_err(tautnet::Error::from)?;
        Ok((facts, certificate, Some(proved)))
    })?;
    let margins = margins.map(|inner| ClassMargins { inner });
    Ok((facts.to_string(), ChainCertificate { inner: certificate }, margins))
}

/// The numbers of classes of a network with an output for each: −1 and 1 stand for two.
fn classes(labels: &Bound<'_, PyAny>, inputs: &Inputs, network: &Network) -> PyResult<Vec<usize>> {
    let count = network.outputs();
    if count < 2 {
        return Err(refused(
            format!("margins are for an output for each class; this network has {}", network.described()),
            "leave out y and `radius`; `predict_certain(X, radius=...)` tells which rows of two classes are certain",
        ));
    }
    let y = targets(labels, TARGET, inputs)?;
    let of = |(row, &y): (usize, &f64)| match y {
        -1.0 if count == 2 => Ok(0),
        y if y >= 0.0 && y.fract() == 0.0 && y < count as f64 => Ok(y as usize),
        _ => Err(refused(
            format!("{TARGET} is {y} in row {}, and the network has {count} classes", row + 1),
            format!("give the numbers of classes, from 0 to {}", count - 1),
        )),
    };
    y.iter().enumerate().map(of).collect()
}

impl Model {
    /// Whether its network has several layers, or units that are none of relu.
    pub fn is_layered(&self) -> bool {
        self.inner.network.shallow("an interval").is_err()
    }

    /// The mean loss of the worst case on rows that were not learned from, where there are such rows: within the tolerance, of a deep network of a
    /// number within its radius.
    pub fn proved_on_other_rows(&self) -> Option<&serde_json::Value> {
        let objective = &self.inner.objective;
        if let Some(seen) = objective.get("seen") {
            return Some(&seen["result"]["proved"]);
        }
        self.seen_within_radius()?.get("proved")
    }

    /// The same of each of several targets of a deep network.
    pub fn proved_of_targets(&self) -> Vec<&serde_json::Value> {
        let targets = self.seen_within_radius().and_then(|seen| seen.get("targets")?.as_array());
        targets.map_or(Vec::new(), |targets| targets.iter().map(|target| &target["proved"]).collect())
    }

    /// What a deep network did on rows that it did not learn from, where it was made for a radius.
    fn seen_within_radius(&self) -> Option<&serde_json::Value> {
        let radius = self.inner.objective.get("radius").and_then(serde_json::Value::as_f64);
        self.inner.seen_by_layers().filter(|_| radius.is_some_and(|radius| radius > 0.0))
    }

    /// What a deep network did on rows that it did not learn from, as JSON.
    pub fn seen_of_layers(&self) -> Option<String> {
        self.inner.seen_by_layers().map(serde_json::Value::to_string)
    }

    /// The certificate by the product of the norms of the layers, in the norm that the model was made for where none is named.
    pub fn certificate_of_layers(&self, py: Python<'_>, norm: Option<&str>) -> PyResult<ChainCertificate> {
        let model = &self.inner;
        let norm = norm.map_or_else(|| model.own_norm(), str::parse).or_raise()?;
        let inner =
            run(py, Limits::new(None, None, None)?, |_| chain_certificate(&model.network, Some(&model.scaler), norm))?;
        Ok(ChainCertificate { inner })
    }

    /// What holds of rows within a radius, by the product of the norms of the layers.
    pub fn within_radius_of_layers(
        &self,
        py: Python<'_>,
        inputs: Inputs,
        radius: f64,
        nodes: Option<usize>,
        threads: Option<i64>,
    ) -> PyResult<Vec<Bounded>> {
        let model = &self.inner;
        if nodes.is_some() {
            return Err(refused(
                format!("`nodes` is for one hidden layer of relu units; this model has {}", model.network.described()),
                "leave it out",
            ));
        }
        run(py, Limits::new(None, threads, None)?, |_| model.within_radius(inputs.encode(&model.columns)?, radius))
    }
}
