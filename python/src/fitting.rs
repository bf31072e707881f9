//! Fits, polishes and paths: from Python's arrays to a model with its certificate and its history.

use crate::columns::{INPUTS, Inputs, TARGET, targets, weights};
use crate::errors::{OrRaise, refused};
use crate::model::{Model, Subject};
use crate::options::request;
use crate::watch::{Facts, Limits, Watch, run};
use pyo3::prelude::*;
use serde_json::Value;
use std::ops::ControlFlow;
use tautnet::error::Result;
use tautnet::fit::learn;
use tautnet::polish::Settings;
use tautnet::select;
use tautnet::{Dataset, Network, Request, Scaler, certify};
use tautnet_tables::Encoder;

/// What a fit or a polish learns from, as Python gives it.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Given<'py> {
    x: Bound<'py, PyAny>,
    y: Bound<'py, PyAny>,
    sample_weight: Option<Bound<'py, PyAny>>,
    target: Option<String>,
}

/// Rows read and checked, before their columns are learned.
pub struct Rows {
    inputs: Inputs,
    y: Vec<f64>,
    weights: Option<Vec<f64>>,
    target: String,
}

/// A data set in standardized units, with what is needed to come back.
pub struct Problem {
    pub columns: Encoder,
    pub scaler: Scaler,
    pub data: Dataset,
}

impl Rows {
    pub fn read(given: &Given<'_>) -> PyResult<Self> {
        let inputs = Inputs::read(&given.x)?;
        let target = given.target.clone().unwrap_or_else(|| inputs.target_name());
        let y = targets(&given.y, &target, &inputs)?;
        Ok(Self { inputs, y, weights: weights(given.sample_weight.as_ref())?, target })
    }

    /// Learn columns and units from these rows.
    fn learn(self) -> Result<Problem> {
        let (columns, x) = self.inputs.learn(self.target, &self.y)?;
        let (scaler, data) = learn(Dataset::new(x, self.y, self.weights)?)?;
        Ok(Problem { columns, scaler, data })
    }

    /// Bring the rows together with a network: in the columns and units of a model; for weights alone in the units of the
    /// rows, standardized or as they are. The network comes back in the problem's units.
    pub fn meet(self, subject: &Subject<'_>, standardize: bool) -> Result<(Network, Problem)> {
        let network = subject.network().clone();
        match subject {
            Subject::Model(model) => {
                let model = &model.get().inner;
                let x = self.inputs.encode(&model.columns)?;
                let mut data = Dataset::new(x, self.y, self.weights)?;
                model.scaler.standardize_in_place(&mut data);
                Ok((network, Problem { columns: model.columns.clone(), scaler: model.scaler.clone(), data }))
            }
            Subject::Network(_) => {
                let (columns, x) = self.inputs.learn(self.target, &self.y)?;
                if network.inputs() != columns.width() {
                    return Err(tautnet::Error::new(
                        format!(
                            "the network has {} inputs but the data has {} input columns",
                            network.inputs(),
                            columns.width()
                        ),
                        "give the columns the network was trained on, in that order",
                    ));
                }
                let mut data = Dataset::new(x, self.y, self.weights)?;
                if !standardize {
                    let scaler = Scaler::identity(data.columns());
                    return Ok((network, Problem { columns, scaler, data }));
                }
                let scaler = Scaler::fit(&data)?;
                scaler.standardize_in_place(&mut data);
                Ok((scaler.network_to_standardized(&network)?, Problem { columns, scaler, data }))
            }
        }
    }
}

/// Start, choose λ, polish, prove. `before` is a network to go on from, in place of a start.
#[pyfunction]
#[pyo3(signature = (given, asked, limits, before=None))]
pub fn fit(
    py: Python<'_>,
    given: Given<'_>,
    asked: &Bound<'_, PyAny>,
    limits: (Option<f64>, Option<i64>, Option<Py<PyAny>>),
    before: Option<&Bound<'_, PyAny>>,
) -> PyResult<Model> {
    let asked = request(asked)?;
    let settings = asked.fit().or_raise()?;
    let rows = Rows::read(&given)?;
    if let Some(before) = before {
        return go_on(py, rows, &asked, limits, before);
    }
    let inner = run(py, Limits::new(limits.0, limits.1, limits.2)?, |watch| {
        let problem = rows.learn()?;
        crate::limits::now().check_network(settings.start.units, problem.data.columns())?;
        let fitted = tautnet::fit::fit(&problem.data, &settings, &mut |progress| observe(watch, progress))?;
        let record = fitted.to_json(&problem.data, watch.stopped());
        let settings_json = asked.fit_record(INPUTS, &settings, fitted.price);
        proved_model(watch, fitted.network().clone(), problem, &settings.polish, settings_json, record)
    })?;
    Ok(Model { inner })
}

/// A fit that goes on from the network of an earlier one: the same columns, units of the new rows, and λ as given, or as it
/// was chosen then.
fn go_on(
    py: Python<'_>,
    rows: Rows,
    asked: &Request,
    limits: (Option<f64>, Option<i64>, Option<Py<PyAny>>),
    before: &Bound<'_, PyAny>,
) -> PyResult<Model> {
    let before = before.cast::<Model>()?.get();
    let settings = asked.fit().or_raise()?;
    let price = match settings.price {
        tautnet::fit::Price::Fixed(price) => Some(price),
        tautnet::fit::Price::Chosen(_) => before.inner.settings["lipschitz"].as_f64(),
    };
    let polish = Settings { lipschitz: price.unwrap_or(settings.polish.lipschitz), ..settings.polish.clone() };
    let inner = run(py, Limits::new(limits.0, limits.1, limits.2)?, |watch| {
        let problem = rows.learn()?;
        let user = before.inner.scaler.network_to_user(&before.inner.network)?;
        if user.inputs() != problem.columns.width() {
            return Err(tautnet::Error::new(
                format!(
                    "the network has {} inputs but the data has {} input columns",
                    user.inputs(),
                    problem.columns.width()
                ),
                "give the columns the network was trained on, or start anew with `warm_start=False`",
            ));
        }
        let network = problem.scaler.network_to_standardized(&user)?;
        let polished =
            tautnet::polish::polish(&network, &problem.data, &polish, &mut |progress| polishing(watch, progress))?;
        let record = polished.to_json(watch.stopped());
        let settings_json = asked.fit_record(INPUTS, &settings, Some(polish.lipschitz));
        proved_model(watch, polished.network, problem, &polish, settings_json, record)
    })?;
    Ok(Model { inner })
}

/// The best network with the activation patterns of the one given.
#[pyfunction]
pub fn polish(
    py: Python<'_>,
    subject: &Bound<'_, PyAny>,
    given: Given<'_>,
    asked: &Bound<'_, PyAny>,
    limits: (Option<f64>, Option<i64>, Option<Py<PyAny>>),
    standardize: bool,
) -> PyResult<Model> {
    let subject = Subject::of(subject)?;
    let asked = request(asked)?;
    let settings = asked.polish().or_raise()?;
    let (network, problem) = Rows::read(&given)?.meet(&subject, standardize).or_raise()?;
    let inner = run(py, Limits::new(limits.0, limits.1, limits.2)?, |watch| {
        let polished =
            tautnet::polish::polish(&network, &problem.data, &settings, &mut |progress| polishing(watch, progress))?;
        let record = polished.to_json(watch.stopped());
        let settings_json = asked.polish_record(INPUTS, &settings);
        proved_model(watch, polished.network, problem, &settings, settings_json, record)
    })?;
    Ok(Model { inner })
}

/// Error against bound along λ, by validation, as JSON.
#[pyfunction]
pub fn lipschitz_path(
    py: Python<'_>,
    given: Given<'_>,
    asked: &Bound<'_, PyAny>,
    prices: Option<Vec<f64>>,
    limits: (Option<f64>, Option<i64>, Option<Py<PyAny>>),
) -> PyResult<String> {
    let asked = request(asked)?;
    let settings = asked.fit().or_raise()?;
    let usual = select::Settings { seed: asked.seed, ..select::Settings::default() };
    let grid = select::Settings { prices: prices.unwrap_or_else(|| usual.prices.clone()), ..usual };
    let rows = Rows::read(&given)?;
    let path = run(py, Limits::new(limits.0, limits.1, limits.2)?, |watch| {
        let problem = rows.learn()?;
        select::path(&problem.data, &settings.start, &settings.polish, &grid, &mut |progress| choosing(watch, progress))
    })?;
    Ok(path.to_json().to_string())
}

fn observe(watch: &Watch, progress: &tautnet::fit::Progress<'_>) -> ControlFlow<()> {
    match progress {
        tautnet::fit::Progress::Path(progress) => {
            let verdict = choosing(watch, progress);
            if watch.half().is_break() { ControlFlow::Break(()) } else { verdict }
        }
        tautnet::fit::Progress::Start(progress) => {
            starting(watch, "start", progress);
            watch.verdict()
        }
        tautnet::fit::Progress::Polish(progress) => polishing(watch, progress),
    }
}

fn choosing(watch: &Watch, progress: &select::Progress<'_>) -> ControlFlow<()> {
    match progress {
        select::Progress::Start(progress) => starting(watch, "choosing lipschitz: start", progress),
        select::Progress::Polish { price, done, polishes, progress } => watch.note(Facts {
            stage: "choosing lipschitz",
            step: progress.iteration,
            objective: progress.objective,
            gap: progress.gap,
            trial: Some((*price, *done, *polishes)),
        }),
    }
    watch.verdict()
}

fn starting(watch: &Watch, stage: &'static str, progress: &tautnet::train::Progress) {
    let (step, objective) = (progress.epoch, progress.objective);
    watch.note(Facts { stage, step, objective, gap: f64::INFINITY, trial: None });
}

fn polishing(watch: &Watch, progress: &tautnet::polish::Progress) -> ControlFlow<()> {
    let (step, objective, gap) = (progress.iteration, progress.objective, progress.gap);
    watch.note(Facts { stage: "polish", step, objective, gap, trial: None });
    watch.verdict()
}

/// The model with its proof. The proof is tried as it would be when the model is read.
fn proved_model(
    watch: &Watch,
    network: Network,
    problem: Problem,
    settings: &Settings,
    settings_json: Value,
    objective: Value,
) -> Result<tautnet_models::Model> {
    let Problem { columns, scaler, .. } = problem;
    let late = tautnet::Stop::here().late();
    let prove = || certify::prove(&network, settings.norm, Some(&scaler), &mut |_| watch.late());
    let certificate = Some(late.during(prove)?);
    let model = tautnet_models::Model { network, columns, scaler, settings: settings_json, objective, certificate };
    model.proved()?;
    Ok(model)
}

/// Rows for functions that learn nothing from them.
pub fn rows(x: &Bound<'_, PyAny>, y: &Bound<'_, PyAny>) -> PyResult<Rows> {
    let (x, y) = (x.clone(), y.clone());
    let rows = Rows::read(&Given { x, y, sample_weight: None, target: None })?;
    if rows.y.is_empty() {
        return Err(refused(format!("{TARGET} is empty"), "give one target per row"));
    }
    Ok(rows)
}
