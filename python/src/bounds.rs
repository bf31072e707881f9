//! Bounds, proofs and attacks on a network.

use crate::certificate::{Certificate, ChainCertificate, ClassMargins};
use crate::columns::{INPUTS, Inputs};
use crate::errors::{OrRaise, not_proved, refused};
use crate::fitting::{Problem, rows};
use crate::model::Subject;
use crate::options::{asked, put};
use crate::tolerance::{Said, told};
use crate::watch::{Limits, run};
use faer::Mat;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict};
use serde_json::{Value, json};
use std::time::Instant;
use tautnet::attack::{self, RadiusReport, SIZES, WithinReport};
use tautnet::certify::{self, Attained, ExactSettings, GradientSearchSettings, Region};
use tautnet::recipe::{Judge, Search};
use tautnet::tolerance::{Asked, Tolerance};
use tautnet::{Dataset, Loss, Norm, Scaler, Shallow};
use tautnet_verify::{CHAIN, CLASS_MARGINS, Refusal};

/// Every bound on the Lipschitz constant in one norm, as JSON, and the certificate of the best upper one. `given` are inputs
/// at which large gradients are looked for, by searches of at most so many `evaluations`; over the box around them a smaller bound holds.
#[pyfunction]
#[pyo3(name = "certify")]
pub fn certify_network(
    py: Python<'_>,
    subject: &Bound<'_, PyAny>,
    given: Option<&Bound<'_, PyAny>>,
    norm: &str,
    search: (bool, Option<Bound<'_, PyAny>>),
    limits: (Option<f64>, Option<i64>, Option<Py<PyAny>>),
) -> PyResult<(String, Certificate)> {
    let subject = Subject::of(subject)?;
    let norm: Norm = norm.parse().or_raise()?;
    let (network, scaler) = (&subject.shallow("`certify`")?, subject.scaler());
    let points = points(given, &subject, network.inputs())?;
    let (exact, evaluations) = search;
    let evaluations = evaluations.as_ref().map(count_of_evaluations).transpose()?;
    let (facts, certificate) = run(py, Limits::new(limits.0, limits.1, limits.2)?, |watch| {
        let points = points.as_ref().map(|points| points.as_ref());
        let search = match evaluations {
            None => GradientSearchSettings::scaled_to(network),
            Some(evaluations) => GradientSearchSettings::with_evaluations(network, evaluations),
        };
        let certificate = certify::prove(network, norm, scaler, &mut |_| watch.verdict())?;
        let mut regions = vec![(Region::Everywhere, certificate.standardized.bound)];
        if let Some(points) = points {
            let region = Region::bounding_box(points);
            let local = certify::local_upper_bound(network, &region, norm)?;
            regions.push((region, local.upper_bound));
        }
        let mut facts = Vec::new();
        for (region, proved) in regions {
            let started = Instant::now();
            let found = certify::largest_gradient_found(network, &region, norm, points, &search)?;
            let mut part = json!({"upper": proved, "found": attained(found.as_ref())});
            if exact {
                let settings = ExactSettings { start: search, ..ExactSettings::default() };
                let enclosure =
                    certify::exact_lipschitz(network, &region, norm, points, &settings, &mut |_| watch.verdict())?;
                part["exact"] = json!({
                    "lower": enclosure.lower_bound,
                    "upper": enclosure.upper_bound,
                    "closed": enclosure.closed,
                    "explored": enclosure.explored,
                    "found": attained(enclosure.found.as_ref()),
                });
            }
            part["seconds"] = json!(started.elapsed().as_secs_f64());
            facts.push(part);
        }
        let facts = json!({
            "everywhere": facts[0],
            "local": facts.get(1),
            "path_norm": certify::path_norm(network, norm),
            "norm_product": certify::norm_product(network, norm),
        });
        Ok((facts, certificate))
    })?;
    // What is called proved has passed the verifier in the form in which it is written.
    Ok((facts.to_string(), proved(&certificate.to_json(), &subject)?))
}

/// How many gradients each search may evaluate.
fn count_of_evaluations(given: &Bound<'_, PyAny>) -> PyResult<usize> {
    let count = given.extract::<u32>().ok().filter(|count| *count > 0 && !given.is_instance_of::<PyBool>());
    count.map(|count| count as usize).ok_or_else(|| {
        let shown = given.repr().map_or_else(|_| "?".into(), |shown| shown.to_string());
        refused(format!("`evaluations` is {shown}"), format!("give a whole number from 1 to {}", u32::MAX))
    })
}

/// Inputs in the units of the network, which takes so many.
pub fn points(given: Option<&Bound<'_, PyAny>>, subject: &Subject<'_>, due: usize) -> PyResult<Option<Mat<f64>>> {
    let points = match (given.map(Inputs::read).transpose()?, subject) {
        (None, _) => return Ok(None),
        (Some(inputs), Subject::Model(model)) => {
            let model = &model.get().inner;
            let mut x = inputs.encode(&model.columns).or_raise()?;
            model.scaler.standardize_inputs_in_place(x.as_mut());
            x
        }
        (Some(Inputs::Numbers { x, .. }), Subject::Network(_)) => x,
        (Some(inputs @ Inputs::Table(_)), Subject::Network(_)) => {
            inputs.check_values().or_raise()?;
            return Err(refused(
                format!("{INPUTS} has columns of words, and the network has none"),
                "give the inputs of the network as numbers",
            ));
        }
    };
    if points.ncols() != due {
        return Err(refused(
            format!("the network has {due} inputs but the data has {} input columns", points.ncols()),
            "give the columns the network was trained on, in that order",
        ));
    }
    Ok(Some(points))
}

fn attained(found: Option<&Attained>) -> Value {
    found.map_or(Value::Null, |found| json!({"value": found.value, "point": found.point, "gradient": found.gradient}))
}

/// A bound as people read it: six digits, an upper one rounded up and a lower one down.
#[pyfunction]
pub fn shown(value: f64, upper: bool) -> String {
    tautnet::shown::bound(value, upper)
}

/// Prove a certificate about a network, of whatever kind it says it is, or raise.
#[pyfunction]
pub fn verify(py: Python<'_>, bytes: &[u8], subject: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
    let subject = Subject::of(subject)?;
    let (network, scaler) = (subject.network(), subject.scaler());
    let format = serde_json::from_slice::<Value>(bytes).ok().and_then(|file| Some(file["format"].as_str()?.to_owned()));
    Ok(match format.as_deref() {
        Some(CHAIN) => {
            let proved = judged(tautnet_models::verify_chain(bytes, network, scaler))?;
            Py::new(py, ChainCertificate { inner: proved.certificate().clone() })?.into_any()
        }
        Some(CLASS_MARGINS) => {
            let inner = judged(certify::verify_class_margins(bytes, network))?;
            Py::new(py, ClassMargins { inner })?.into_any()
        }
        _ => Py::new(py, proved(bytes, &subject)?)?.into_any(),
    })
}

/// Error found and proved at each radius, as JSON.
#[pyfunction]
#[pyo3(name = "attack")]
pub fn attack_network(
    py: Python<'_>,
    subject: &Bound<'_, PyAny>,
    x: &Bound<'_, PyAny>,
    y: &Bound<'_, PyAny>,
    radius: Option<&Bound<'_, PyAny>>,
    norm: Option<&str>,
    within: &Bound<'_, PyDict>,
    search: &Bound<'_, PyDict>,
    seed: u64,
    units: (bool, Option<String>),
    threads: Option<i64>,
    others: Vec<Bound<'_, PyAny>>,
) -> PyResult<String> {
    let subject = Subject::of(subject)?;
    let (standardize, loss) = units;
    let norm: Option<Norm> = norm.map(str::parse).transpose().or_raise()?;
    if norm == Some(Norm::One) {
        return Err(refused("an attack was asked for in the norm 1", "give the norm 2 or inf"));
    }
    let mut judge = Judge::default();
    radius.map_or(Ok(()), |radius| put(&mut judge, "radius", radius))?;
    let said = Said::of_settings(within)?;
    let balls = radius.is_some() || norm.is_some();
    if balls && !said.is_nothing() {
        return Err(refused(
            "an attack was asked for within a tolerance and within balls of the standardized inputs",
            "leave out the tolerance, or `radius` and `norm`",
        ));
    }
    let radii = judge.radius;
    let search: Search = asked(search)?;
    search.check().or_raise()?;
    let loss = loss.as_deref().map_or_else(|| subject.loss(), str::parse).or_raise()?;
    let several = !others.is_empty() || subject.targets() > 1;
    let network = match loss.is_margin() || several {
        true => subject.of_outputs("`attack`")?,
        false => subject.shallow("`attack`")?,
    };
    if network.outputs() > 1 && balls {
        return Err(refused(
            "a network of several classes or targets was to be attacked within balls of the standardized inputs",
            "leave out `radius` and `norm`, and say a tolerance of the inputs",
        ));
    }
    let (network, problem) = rows(x, y, others)?.meet(&subject, network, standardize, &loss).or_raise()?;
    let model = match &subject {
        Subject::Model(model) => Some(&model.get().inner),
        Subject::Network(_) => None,
    };
    let within = if balls { None } else { tolerance(&said, model, &problem).or_raise()? };
    if let Some((asked, within)) = within {
        let text = run(py, Limits::new(None, threads, None)?, |_| {
            let nodes =
                certify::affordable_nodes(&network, problem.data.rows() * SIZES.len() * (network.outputs() - 1).max(1));
            let settings = attack::Settings { loss: loss.clone(), seed, ..attack::Settings::new(f64::INFINITY) };
            let settings = search.resolve(nodes, settings)?;
            if several {
                let told = (told(asked.as_ref(), &within), &loss);
                return targets_within((&network, &problem), &within, &settings, told);
            }
            let reports = attack::within_multiples(&network, &problem.data, &within, &SIZES, &settings)?;
            let one = |(size, report): (&f64, &WithinReport)| {
                let above = |loss: f64| problem.scaler.loss_to_user_above(&settings.loss, loss);
                json!({
                    "size": size,
                    "found": problem.scaler.loss_to_user_below(&settings.loss, report.found),
                    "proved": report.worst_case.map(|worst_case| above(worst_case.proved)),
                    "exact_rows": report.worst_case.map_or(0, |worst_case| worst_case.closed_rows),
                    "right_found": report.right.map(|right| right.found),
                    "right_proved": report.right.map(|right| right.proved),
                })
            };
            let (entries, shape) = told(asked.as_ref(), &within);
            Ok(json!({
                "loss": loss.name(),
                "degree": loss.degree(),
                "root_name": loss.root_name(),
                "rows": Dataset::rows(&problem.data),
                "tolerance": entries,
                "tolerance_shape": shape,
                "sizes": SIZES.iter().zip(&reports).map(one).collect::<Value>(),
            }))
        })?;
        return Ok(text.to_string());
    }
    let facts = run(py, Limits::new(None, threads, None)?, |watch| {
        // The bound of the model's certificate if it is in the norm asked for, else that of a new one.
        let known = model.map(tautnet_models::Model::proved).transpose()?.flatten();
        let known = known.filter(|proved| norm.is_none_or(|norm| norm == proved.certificate().norm.into()));
        let (norm, bound) = match known {
            Some(proved) => (proved.certificate().norm.into(), proved.certificate().standardized.bound),
            None => {
                let norm = norm.unwrap_or(Norm::Two);
                let certificate = certify::prove(&network, norm, None, &mut |_| watch.verdict())?;
                (norm, certificate.standardized.bound)
            }
        };
        let nodes = certify::affordable_nodes(&network, problem.data.rows() * radii.len().max(1));
        let settings = attack::Settings { loss: loss.clone(), seed, ..attack::Settings::new(bound) };
        let settings = search.resolve(nodes, settings)?;
        let reports = attack::attack(&network, &problem.data, norm, &radii, &settings)?;
        let above = |loss: f64| problem.scaler.loss_to_user_above(&settings.loss, loss);
        let one = |report: &RadiusReport| {
            json!({
                "radius": report.radius,
                "found": problem.scaler.loss_to_user_below(&settings.loss, report.found),
                "proved": above(report.row_by_row()),
                "ceiling": above(report.ceiling),
                "exact_rows": report.worst_case.map_or(0, |worst_case| worst_case.closed_rows),
                "exact_rows": report.worst_case.as_ref().map(|worst_case| worst_case.closed_rows),
            })
        };
        Ok(json!({
            "loss": loss.name(),
            "degree": loss.degree(),
            "root_name": loss.root_name(),
            "norm": norm.name(),
            "lipschitz": bound,
            "rows": Dataset::rows(&problem.data),
            "radii": reports.iter().map(one).collect::<Value>(),
        }))
    })?;
    Ok(facts.to_string())
}

/// Errors of every target within multiples of a tolerance, each in its own units.
fn targets_within(
    (network, problem): (&Shallow, &Problem),
    within: &Tolerance,
    settings: &attack::Settings,
    ((entries, shape), loss): ((Value, Value), &Loss),
) -> tautnet::error::Result<Value> {
    let of_target = |target: usize| {
        let (network, rows) = (network.output(target), problem.data.of_target(target));
        attack::within_multiples(&network, &rows, within, &SIZES, settings)
    };
    if network.outputs() != problem.data.targets() {
        problem.columns.check_outputs(network.outputs())?;
    }
    let all = (0..network.outputs()).map(of_target).collect::<tautnet::error::Result<Vec<_>>>()?;
    let one = |(place, size): (usize, &f64)| {
        let each =
            || all.iter().enumerate().map(|(target, reports)| (problem.scaler.of_target(target), &reports[place]));
        let proved = |(own, report): (Scaler, &WithinReport)| {
            report.worst_case.map(|worst_case| own.loss_to_user_above(loss, worst_case.proved))
        };
        json!({
            "size": size,
            "found": each().map(|(own, report)| json!(own.loss_to_user_below(loss, report.found))).collect::<Value>(),
            "proved": each().map(|of| json!(proved(of))).collect::<Value>(),
            "exact_rows": each()
                .map(|(_, report)| json!(report.worst_case.map_or(0, |worst_case| worst_case.closed_rows)))
                .collect::<Value>(),
            "right_found": null,
            "right_proved": null,
        })
    };
    Ok(json!({
        "loss": loss.name(),
        "degree": loss.degree(),
        "root_name": loss.root_name(),
        "rows": problem.data.rows(),
        "tolerance": entries,
        "tolerance_shape": shape,
        "sizes": SIZES.iter().enumerate().map(one).collect::<Value>(),
    }))
}

/// What holds of the rows, in the units of the network, and its words where it has some; `None` where every input is exact.
fn tolerance(
    said: &Said,
    model: Option<&tautnet_models::Model>,
    problem: &Problem,
) -> tautnet::error::Result<Option<(Option<Asked>, Tolerance)>> {
    let (scaler, columns, data) = (&problem.scaler, &problem.columns, &problem.data);
    if let Some(of_rows) = said.of_rows(columns, data.rows())? {
        return Ok((!of_rows.is_none()).then(|| (None, of_rows.divided(&scaler.input_scale))));
    }
    let asked = said.over(model.map_or(Ok(Asked::default()), tautnet_models::Model::tolerance)?);
    if asked.is_exact() {
        return Ok(None);
    }
    let x = data.x.as_ref();
    let within = match model {
        Some(model) => model.tolerance_on(&asked, scaler.inputs_to_user(x).as_ref())?.divided(&scaler.input_scale),
        None => scaler.tolerance(&asked, &columns.tolerated(), x, data)?,
    };
    Ok(Some((Some(asked), within)))
}

/// Prove what the bytes claim about a network, or raise.
fn proved(bytes: &[u8], subject: &Subject) -> PyResult<Certificate> {
    let verified = judged(tautnet_models::verify(bytes, &subject.shallow("`verify`")?, subject.scaler()))?;
    Ok(Certificate { inner: verified.certificate().clone() })
}

/// What is proved. A file that is not a certificate, or one of another version, makes no claim that could fail.
fn judged<T>(verdict: Result<T, Refusal>) -> PyResult<T> {
    match verdict {
        Err(refusal @ (Refusal::Unreadable(_) | Refusal::Unsupported(_))) => {
            Err(tautnet::Error::from(refusal)).or_raise()
        }
        Err(refusal) => Err(not_proved(refusal.into())),
        Ok(proved) => Ok(proved),
    }
}
