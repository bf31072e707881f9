//! Fits, polishes and paths: from Python's arrays to a model with its certificate and its history.

use crate::columns::{INPUTS, Inputs, Learned, Prepared, TARGET, as_they_are, targets, weights};
use crate::errors::{OrRaise, refused, warn};
use crate::model::{Model, Subject};
use crate::options::{asked as read, said};
use crate::tolerance::Said;
use crate::watch::{Facts, Limits, Watch, run};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tautnet::error::Result;
use tautnet::fit::Price;
use tautnet::job::{Interruption, Job, Proved};
use tautnet::recipe::Command;
use tautnet::tolerance;
use tautnet::{Dataset, Loss, Recipe, Scaler, Shallow, choose, select};
use tautnet_tables::{Encoder, Missing, check_learned};

/// What a fit or a polish learns from, as Python gives it.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Given<'py> {
    x: Bound<'py, PyAny>,
    y: Bound<'py, PyAny>,
    sample_weight: Option<Bound<'py, PyAny>>,
    target: Option<String>,
    classes: Option<Vec<String>>,
    /// Further targets, and their names where they have any.
    others: Option<Vec<Bound<'py, PyAny>>>,
    other_targets: Option<Vec<String>>,
    /// What is done with missing values, and what is made of dates: `COLUMN=FORM`.
    missing: Option<String>,
    dates: Option<Vec<String>>,
}

/// Rows read and checked, before their columns are learned.
pub struct Rows {
    inputs: Inputs,
    pub y: Vec<f64>,
    weights: Option<Vec<f64>>,
    target: String,
    /// Further targets and their names.
    others: Vec<Vec<f64>>,
    other_targets: Vec<String>,
    /// What −1 and 1 stand for, or the numbers from 0, where the target is a class.
    pub classes: Option<Vec<String>>,
    prepared: Prepared,
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
        let others = given.others.as_deref().unwrap_or_default();
        let (usual, usual_others) = inputs.target_names(others.len());
        let target = given.target.clone().unwrap_or(usual);
        let other_targets = given.other_targets.clone().unwrap_or(usual_others);
        let y = targets(&given.y, &target, &inputs)?;
        let others = others.iter().zip(&other_targets).map(|(other, name)| targets(other, name, &inputs));
        let others = others.collect::<PyResult<Vec<_>>>()?;
        let (weights, classes) = (weights(given.sample_weight.as_ref())?, given.classes.clone());
        let missing = given.missing.as_deref().map_or(Ok(Missing::Refuse), str::parse).or_raise()?;
        let dates = given.dates.iter().flatten().map(|date| date.parse()).collect::<Result<Vec<_>>>().or_raise()?;
        let prepared = Prepared { missing, dates };
        Ok(Self { inputs, y, weights, target, others, other_targets, classes, prepared })
    }

    /// How many targets a row has.
    pub fn targets(&self) -> usize {
        1 + self.others.len()
    }

    /// Learn the columns from these rows.
    pub fn learn(self) -> Result<(Encoder, Dataset)> {
        let Learned { columns, x, rows } = self.inputs.learn(self.target, &self.y, &self.prepared)?;
        let columns = with_others(columns, self.other_targets, &self.others)?;
        let columns = Encoder { classes: self.classes, ..columns };
        let kept = |numbers: Vec<f64>| match &rows {
            Some(rows) => rows.iter().map(|&k| numbers[k]).collect(),
            None => numbers,
        };
        let (y, weights) = (kept(self.y), self.weights.map(kept));
        Ok((columns, Dataset::new(x, y, weights)?.with_others(self.others.into_iter().map(kept).collect())?))
    }

    /// The rows in the columns of a model, in the units of the data.
    pub fn encoded(self, columns: &Encoder) -> Result<Dataset> {
        columns.check_outputs_of(self.targets())?;
        Dataset::new(self.inputs.encode(columns)?, self.y, self.weights)?.with_others(self.others)
    }

    /// Bring the rows together with a network: in the columns and units of a model; for weights alone in the units of the
    /// rows, standardized or as they are. The network comes back in the problem's units.
    pub fn meet(
        self,
        subject: &Subject<'_>,
        network: Shallow,
        standardize: bool,
        loss: &Loss,
    ) -> Result<(Shallow, Problem)> {
        let problem = self.met(subject, standardize, loss)?;
        match subject {
            Subject::Network(_) if standardize => Ok((problem.scaler.network_to_standardized(&network)?, problem)),
            _ => Ok((network, problem)),
        }
    }

    /// The rows in the columns and units in which a network meets them.
    pub fn met(self, subject: &Subject<'_>, standardize: bool, loss: &Loss) -> Result<Problem> {
        match subject {
            Subject::Model(model) => {
                let model = &model.get().inner;
                let mut data = self.encoded(&model.columns)?;
                model.scaler.standardize_in_place(&mut data);
                Ok(Problem { columns: model.columns.clone(), scaler: model.scaler.clone(), data })
            }
            Subject::Network(network) => {
                let network = &network.get().inner;
                let (columns, mut data) = self.learn().map_err(as_they_are)?;
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
                if !standardize {
                    let scaler = Scaler::identity_of(data.columns(), data.targets());
                    return Ok(Problem { columns, scaler, data });
                }
                let scaler = Scaler::of(&data, loss)?;
                scaler.standardize_in_place(&mut data);
                Ok(Problem { columns, scaler, data })
            }
        }
    }
}

/// The columns with further targets, which are none of the inputs and vary.
fn with_others(columns: Encoder, names: Vec<String>, others: &[Vec<f64>]) -> Result<Encoder> {
    for (place, (name, other)) in names.iter().zip(others).enumerate() {
        if columns.inputs.iter().any(|input| input.name == *name) {
            return Err(crate::columns::both(name));
        }
        if *name == columns.target || names[..place].contains(name) {
            return Err(tautnet::Error::new(format!("the target `{name}` is there twice"), "name every target once"));
        }
        Encoder::of_numbers([], name).check_targets(TARGET, other)?;
    }
    Ok(Encoder { other_targets: names, ..columns })
}

/// A model and the word for what cut the work short: "time limit", or nothing.
pub type Made = (Model, Option<&'static str>);

/// How long to work, on how many threads, and who wants to know.
pub type Asked = (Option<f64>, Option<i64>, Option<Py<PyAny>>);

/// Choose a network for the tolerance; or start, choose λ and polish where there is none. Prove. `before` is a network to go on
/// from, in place of a start: the same columns, units of the new rows, and λ as given, or as it was chosen then.
pub fn fit(
    py: Python<'_>,
    given: &Given<'_>,
    asked: &Bound<'_, PyDict>,
    limits: Asked,
    before: Option<&tautnet_models::Model>,
) -> PyResult<Made> {
    let within = Said::of_settings(asked)?;
    let recipe = without_tolerance(asked)?;
    let plan = within.plan(&recipe).or_raise()?;
    let rows = Rows::read(given)?;
    if let Some(classes) = &rows.classes {
        let given = plan.choice.is_none() && matches!(plan.settings.price, Price::Fixed(_));
        let parts = if given { 0 } else { choose::PARTS };
        warn(py, check_learned(classes, &rows.y, parts).or_raise()?.as_deref())?;
    }
    run(py, Limits::new(limits.0, limits.1, limits.2)?, |watch| {
        let (columns, rows) = rows.learn()?;
        let within = within.of_columns(&columns)?;
        // What an array says of columns, a recipe can say as well.
        let plan = if within.is_rows() { plan } else { within.plan(&recipe)? };
        columns.check_loss(&plan.settings.polish.loss)?;
        let mut hear = |progress: &tautnet::fit::Progress<'_>| note(watch, progress);
        let Some(settings) = &plan.choice else {
            if let Some(count) = columns.several() {
                return Err(tautnet::Error::new(
                    format!(
                        "the target has {count} classes, and an objective with prices is for two classes or for numbers"
                    ),
                    "leave out lipschitz, max_lipschitz, method, start and tolerance=0: then the network is chosen for a tolerance",
                ));
            }
            let job = Job::new(rows, &plan, &crate::limits::now(), watch.clone())?;
            let proved = match before {
                None => job.prove_fit(&job.train(&mut hear)?, INPUTS)?,
                Some(before) => {
                    let price = before.settings["lipschitz_price"].as_f64();
                    let network = going_on(before, &columns, job.scaler())?;
                    job.prove_polish(&job.polish(&network, price, &mut hear)?, price, INPUTS)?
                }
            };
            return made(proved, columns, job.scaler());
        };
        let settings = &choose::Settings { classes: columns.several(), ..settings.clone() };
        // Networks are chosen anew: there are many, and they learn from a part of the rows at first.
        let job = match within.of_rows(&columns, rows.rows())? {
            None => Job::new(rows, &plan, &crate::limits::now(), watch.clone())?.tolerating(&columns.tolerated())?,
            Some(of_rows) => {
                // Equal rows can have tolerances of their own, so they are not merged.
                let scaler = Scaler::of(&rows, &plan.settings.polish.loss)?;
                let of_rows = of_rows.divided(&scaler.input_scale);
                Job::on(scaler.standardize(&rows), scaler, &plan, watch.clone()).within(of_rows)
            }
        };
        let worked = job.choose(settings, &mut hear)?;
        let tolerance = job.tolerance().expect("the plan has a tolerance");
        let loss = &plan.settings.polish.loss;
        let late = tautnet::Stop::here().late();
        let seen = late.during(|| choose::evaluate_at_tolerance(&worked.result, (job.data(), tolerance), loss))?;
        made(job.prove_choice(&worked, seen.as_ref(), None, INPUTS)?, columns, job.scaler())
    })
}

/// The recipe, and whether nothing is said of a tolerance.
pub fn asked_of(asked: &Bound<'_, PyDict>) -> PyResult<(Recipe, bool)> {
    Ok((without_tolerance(asked)?, Said::of_settings(asked)?.is_nothing()))
}

/// The recipe but for the tolerance, which Python says in more ways.
pub fn without_tolerance(asked: &Bound<'_, PyDict>) -> PyResult<Recipe> {
    let asked = asked.copy()?;
    asked.set_item("tolerance", asked.py().None())?;
    read(&asked)
}

/// The network of an earlier fit in the units of new rows.
fn going_on(before: &tautnet_models::Model, columns: &Encoder, scaler: &Scaler) -> Result<Shallow> {
    let user = before.scaler.network_to_user(&before.shallow("`warm_start`")?)?;
    if user.inputs() != columns.width() {
        return Err(tautnet::Error::new(
            format!("the network has {} inputs but the data has {} input columns", user.inputs(), columns.width()),
            "give the columns the network was trained on, or start anew with `warm_start=False`",
        ));
    }
    scaler.network_to_standardized(&user)
}

/// The model, calibrated by rows that nothing was learned from.
#[pyfunction]
pub fn calibrated(model: &Bound<'_, Model>, given: Given<'_>) -> PyResult<Model> {
    let model = &model.get().inner;
    model.columns.check_one_target("a calibration").or_raise()?;
    let rows = Rows::read(&given)?.encoded(&model.columns).or_raise()?;
    Ok(Model { inner: model.clone().calibrated(rows).or_raise()? })
}

/// The best network with the activation patterns of the one given.
pub fn polish(
    py: Python<'_>,
    subject: &Subject<'_>,
    given: &Given<'_>,
    asked: &Bound<'_, PyDict>,
    limits: Asked,
    standardize: bool,
) -> PyResult<Made> {
    let within = Said::of_settings(asked)?;
    let mut recipe = without_tolerance(asked)?;
    if !said(asked, "loss")? {
        recipe.loss = subject.loss().or_raise()?;
    }
    let relu = subject.network().in_relu_units("`polish`").or_raise()?;
    if relu.network != *subject.network() {
        warn(py, Some(&relu.note(subject.network())))?;
    }
    let rows = Rows::read(given)?;
    let network = match recipe.loss.is_margin() || rows.targets().max(subject.targets()) > 1 {
        true => relu.network.shallow("`polish`").or_raise()?,
        false => relu.network.one_output("`polish`").or_raise()?,
    };
    let (network, Problem { columns, scaler, data }) =
        rows.meet(subject, network, standardize, &recipe.loss).or_raise()?;
    let within = within.of_columns(&columns).or_raise()?;
    recipe.tolerance = within.over(recipe.tolerance);
    let of_rows = within.of_rows(&columns, data.rows()).or_raise()?;
    if of_rows.is_some() {
        // A recipe has no words for it.
        recipe = recipe.within_a_tolerance();
    }
    let plan = recipe.resolve(Command::Polish).or_raise()?;
    columns.check_loss(&plan.settings.polish.loss).or_raise()?;
    columns.check_outputs(network.outputs()).or_raise()?;
    run(py, Limits::new(limits.0, limits.1, limits.2)?, |watch| {
        let of_rows = of_rows.map(|of_rows| of_rows.divided(&scaler.input_scale));
        let job = Job::on(data, scaler, &plan, watch.clone()).tolerating(&columns.tolerated())?;
        let job = match of_rows {
            Some(tolerance) => job.within(tolerance),
            None => job,
        };
        if network.outputs() > 1 {
            plan.settings.polish.check_several()?;
            let worked = job.polish_several(&network, &mut |progress| note(watch, progress))?;
            return made(job.prove_several(&worked, INPUTS), columns, job.scaler());
        }
        let worked = job.polish(&network, None, &mut |progress| note(watch, progress))?;
        made(job.prove_polish(&worked, None, INPUTS)?, columns, job.scaler())
    })
}

/// What cut the work short, in the words of warnings.
pub fn in_words(interruption: Interruption) -> &'static str {
    match interruption {
        Interruption::TimeLimit => "time limit",
        Interruption::Interrupted => "interrupted",
    }
}

/// The model, whose proof is tried as it would be when the model is read.
fn made(proved: Proved, columns: Encoder, scaler: &Scaler) -> Result<Made> {
    let cut_short = proved.cut_short.map(in_words);
    Ok((Model { inner: tautnet_models::Model::of(proved, columns, scaler.clone())? }, cut_short))
}

/// Error against bound along λ, by validation, as JSON.
#[pyfunction]
pub fn lipschitz_path(
    py: Python<'_>,
    given: Given<'_>,
    asked: &Bound<'_, PyDict>,
    prices: Option<Vec<f64>>,
    limits: Asked,
) -> PyResult<String> {
    let within = Said::of_settings(asked)?;
    if !within.is_exact() {
        return Err(refused(
            "a path of prices was asked for with a tolerance of the inputs, which has no price",
            "leave the tolerance out; `LipschitzRegressor(tolerance=...)` takes one",
        ));
    }
    let exact = Recipe { tolerance: tolerance::Asked::zero(), ..without_tolerance(asked)? };
    let plan = exact.resolve(Command::Train).or_raise()?;
    let usual = select::Settings { seed: plan.recipe.seed, ..select::Settings::default() };
    let grid = select::Settings { prices: prices.unwrap_or_else(|| usual.prices.clone()), ..usual };
    let rows = Rows::read(&given)?;
    let path = run(py, Limits::new(limits.0, limits.1, limits.2)?, |watch| {
        let rows = rows.learn()?.1;
        rows.check_one_target("a path of prices")?;
        let (_, data) = tautnet::fit::learn(rows, &plan.settings.polish.loss)?;
        let tautnet::fit::Settings { start, polish, .. } = &plan.settings;
        select::path(&data, start, polish, &grid, &mut |progress| {
            note(watch, &tautnet::fit::Progress::Path(progress));
            watch.verdict()
        })
    })?;
    let mut facts = serde_json::json!(path);
    facts["loss"] = plan.recipe.loss.name().into();
    Ok(facts.to_string())
}

/// Note what the work is at.
pub fn note(watch: &Watch, progress: &tautnet::fit::Progress<'_>) {
    let starting = |stage, progress: &tautnet::train::Progress| Facts {
        stage,
        step: progress.epoch,
        objective: progress.objective,
        gap: f64::INFINITY,
        trial: None,
    };
    let choosing = |progress: &choose::Progress| Facts {
        stage: match progress.stage {
            choose::Stage::Candidates => "choosing among networks",
            choose::Stage::Members => "choosing what their mean is made of",
            choose::Stage::AllRows => "learning from all rows",
            choose::Stage::Descent => "descending on rows beyond memory",
        },
        step: progress.done,
        objective: f64::NAN,
        gap: f64::INFINITY,
        trial: Some((None, progress.done, progress.of)),
    };
    let polishing = |stage, progress: &tautnet::polish::Progress, trial| Facts {
        stage,
        step: progress.iteration,
        objective: progress.objective,
        gap: progress.gap,
        trial,
    };
    watch.note(match progress {
        tautnet::fit::Progress::Path(select::Progress::Start(progress)) => {
            starting("choosing lipschitz: start", progress)
        }
        tautnet::fit::Progress::Path(select::Progress::Polish { price, done, polishes, progress }) => {
            polishing("choosing lipschitz", progress, Some((Some(*price), *done, *polishes)))
        }
        tautnet::fit::Progress::Choice(progress) => choosing(progress),
        tautnet::fit::Progress::Start(progress) => starting("start", progress),
        tautnet::fit::Progress::Polish(progress) => polishing("polish", progress, None),
    });
}

/// Rows for functions that learn nothing from them.
pub fn rows(x: &Bound<'_, PyAny>, y: &Bound<'_, PyAny>, others: Vec<Bound<'_, PyAny>>) -> PyResult<Rows> {
    let (x, y, others) = (x.clone(), y.clone(), Some(others));
    let none = (None, None, None);
    let (target, classes, other_targets) = none;
    let (sample_weight, missing, dates) = (None, None, None);
    let rows = Rows::read(&Given { x, y, sample_weight, target, classes, others, other_targets, missing, dates })?;
    if rows.y.is_empty() {
        return Err(refused(format!("{TARGET} is empty"), "give one target per row"));
    }
    Ok(rows)
}
