//! Rows that are elsewhere: whoever holds some of them answers questions about them, answers are merged, and a fit asks.
//!
//! Python carries questions and answers between machines and knows nothing of what is in them: a question is a text, and answers are a
//! *forest*, a list of `(level, place, numbers)`.

use crate::columns::{INPUTS, copied};
use crate::errors::{OrRaise, raised, refused};
use crate::fitting::{Asked, note, without_tolerance};
use crate::model::Model;
use crate::tolerance::Said;
use crate::watch::{Limits, Watch, run};
use numpy::{PyArray1, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyDict, PyString};
use serde_json::json;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tautnet::choose;
use tautnet::choose_far::FarChosen;
use tautnet::error::{Error, Result};
use tautnet::fit_far::FarFitted;
use tautnet::job::Interruption;
use tautnet::job_far::FarJob;
use tautnet::polish::{Bounded, Mean};
use tautnet::shards::{self, Answer, Forest, Question, Shard, Share, Tree};
use tautnet::tolerance::Input;
use tautnet::{Dataset, Loss, Stage, Stop};
use tautnet_tables::Encoder;

/// A forest as Python has it.
type Trees<'py> = Vec<(u32, u64, Bound<'py, PyArray1<f64>>)>;
/// The same, given.
type GivenTrees<'py> = Vec<(u32, u64, PyReadonlyArray1<'py, f64>)>;
/// The number of a shard, the number of its first row, its inputs, targets and weights.
type GivenShard<'py> = (u64, u64, Bound<'py, PyAny>, Bound<'py, PyAny>, Option<Bound<'py, PyAny>>);

/// How many rows a shard has; the last one may have fewer.
#[pyfunction]
pub fn rows_in_shard(inputs: usize) -> usize {
    shards::rows_in_shard(inputs)
}

/// The numbers of the shards that a question is for; `None` for all of them.
#[pyfunction]
pub fn shards_asked(question: &str) -> PyResult<Option<Vec<u64>>> {
    let question: Question = serde_json::from_str(question).map_err(|error| odd(&error))?;
    Ok(question.shards)
}

/// What shards answer, which come one after another: numbers of the type f32 or f64. Python runs meanwhile.
#[pyfunction]
pub fn visit<'py>(py: Python<'py>, question: &str, given: Vec<GivenShard<'py>>) -> PyResult<Trees<'py>> {
    let question: Question = serde_json::from_str(question).map_err(|error| odd(&error))?;
    question.check().or_raise()?;
    let mut forest = Forest::default();
    for (number, first, x, y, weights) in given {
        if !question.is_for(number) {
            continue;
        }
        let (answer, columns) = visited(py, &question, (number, first), &x, (&y, weights.as_ref()))?;
        if columns != question.inputs() {
            return Err(refused(
                format!("a shard has {columns} columns where {} are due", question.inputs()),
                "give the same columns in every partition",
            ));
        }
        forest.append(Forest::of(number, answer));
    }
    Ok(told(py, &forest))
}

fn odd(error: &serde_json::Error) -> PyErr {
    refused(
        format!("the question about the rows is not understood: {error}"),
        "all machines must have the same version of tautnet",
    )
}

/// What one shard answers, and how many columns it has.
fn visited(
    py: Python<'_>,
    question: &Question,
    (number, first): (u64, u64),
    x: &Bound<'_, PyAny>,
    (y, weights): (&Bound<'_, PyAny>, Option<&Bound<'_, PyAny>>),
) -> PyResult<(Answer, usize)> {
    let y: PyReadonlyArray1<'_, f64> = y.extract()?;
    let weights = weights.map(|weights| weights.extract::<PyReadonlyArray1<'_, f64>>()).transpose()?;
    let (y, weights) = (y.as_array(), weights.as_ref().map(PyReadonlyArray1::as_array));
    let answer = |x| {
        let weights = weights.map(|weights| weights.iter().copied().collect());
        // Where no row of a shard counts, others do.
        let data = Dataset { weights, ..Dataset::new(x, y.iter().copied().collect(), None)? };
        match data.columns() {
            columns if columns == question.inputs() => {
                Ok((question.visit(&Shard { number, first, data: Arc::new(data) }), columns))
            }
            columns => Ok((Answer::default(), columns)),
        }
    };
    if let Ok(x) = x.extract::<PyReadonlyArray2<'_, f32>>() {
        let x = x.as_array();
        return py.detach(|| answer(copied(x))).or_raise();
    }
    let x: PyReadonlyArray2<'_, f64> = x.extract()?;
    let x = x.as_array();
    py.detach(|| answer(copied(x))).or_raise()
}

fn told<'py>(py: Python<'py>, forest: &Forest) -> Trees<'py> {
    let told = |tree: &Tree| (tree.level, tree.place, PyArray1::from_vec(py, tree.answer.numbers()));
    forest.trees.iter().map(told).collect()
}

fn heard(trees: GivenTrees<'_>) -> PyResult<Forest> {
    let tree = |(level, place, numbers): (u32, u64, PyReadonlyArray1<'_, f64>)| {
        let numbers: Vec<f64> = numbers.as_array().iter().copied().collect();
        Ok(Tree { level, place, answer: Answer::from_numbers(&numbers).or_raise()? })
    };
    Ok(Forest { trees: trees.into_iter().map(tree).collect::<PyResult<_>>()? })
}

/// What runs of shards answer together that come one after another.
#[pyfunction]
pub fn merge<'py>(py: Python<'py>, forests: Vec<GivenTrees<'py>>) -> PyResult<Trees<'py>> {
    let mut all = Forest::default();
    for forest in forests {
        all.append(heard(forest)?);
    }
    Ok(told(py, &all))
}

/// What all shards answer.
#[pyfunction]
pub fn finish<'py>(py: Python<'py>, forest: GivenTrees<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let answer = heard(forest)?.finish();
    Ok(PyArray1::from_vec(py, answer.unwrap_or_default().numbers()))
}

/// Rows that Python asks: `ask(question, over)` gives the numbers of an answer, `None` where `over()` said that it is time to end, or, in words,
/// why nobody is there any more who could answer.
struct Callers {
    ask: Py<PyAny>,
    inputs: usize,
    rows: u64,
    state: Arc<State>,
}

/// What a fit that asks knows of those who answer.
struct State {
    watch: Arc<Watch>,
    /// Why nobody answers any more.
    lost: Mutex<Option<String>>,
    /// What Python has raised.
    raised: Mutex<Option<PyErr>>,
    /// Questions that were answered.
    passes: AtomicU64,
}

impl State {
    fn is_lost(&self) -> bool {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

impl tautnet::job::Watch for State {
    /// Where nobody answers any more, what there is is proved still.
    fn interruption(&self, stage: Stage) -> Option<Interruption> {
        match stage {
            Stage::Early | Stage::Main if self.is_lost() => Some(Interruption::Interrupted),
            _ => self.watch.interruption(stage),
        }
    }

    fn seconds(&self) -> f64 {
        self.watch.seconds()
    }
}

impl shards::Shards for Callers {
    fn inputs(&self) -> usize {
        self.inputs
    }

    fn shards(&self) -> u64 {
        self.rows.div_ceil(shards::rows_in_shard(self.inputs) as u64)
    }

    fn rows(&self) -> Option<u64> {
        Some(self.rows)
    }

    fn ask(&mut self, question: &Question) -> Result<Option<Answer>> {
        let stop = Stop::here();
        if self.state.is_lost() || stop.asked() {
            return Ok(None);
        }
        let text = json!(question).to_string();
        let answer = Python::attach(|py| self.answer(py, text, stop)).map_err(|error| self.kept(error))?;
        let passes = u64::from(answer.is_some() && question.shards.is_none());
        self.state.passes.fetch_add(passes, Ordering::Relaxed);
        Ok(answer)
    }
}

impl Callers {
    fn answer(&self, py: Python<'_>, text: String, stop: Stop) -> PyResult<Option<Answer>> {
        let over = PyCFunction::new_closure(py, None, None, move |_, _| stop.asked())?;
        let answer = self.ask.bind(py).call1((text, over))?;
        if answer.is_none() {
            return Ok(None);
        }
        if let Ok(reason) = answer.cast::<PyString>() {
            let mut lost = self.state.lost.lock().unwrap_or_else(PoisonError::into_inner);
            *lost = Some(reason.to_string());
            return Ok(None);
        }
        let numbers: PyReadonlyArray1<'_, f64> = answer.extract()?;
        let numbers: Vec<f64> = numbers.as_array().iter().copied().collect();
        Answer::from_numbers(&numbers).map(Some).or_raise()
    }

    /// The exception is passed on as it is once the work has ended.
    fn kept(&self, raised: PyErr) -> Error {
        let error = Error::new(format!("asking the rows failed: {raised}"), "see the exception");
        *self.state.raised.lock().unwrap_or_else(PoisonError::into_inner) = Some(raised);
        error
    }
}

/// What is fitted: how many rows there are, the names of the columns and of the target, and which rows are held out (the seed and the share).
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Of {
    rows: u64,
    columns: Vec<String>,
    target: String,
    seed: u64,
    held_out: f64,
    /// Two classes, where the target is one.
    classes: Option<Vec<String>>,
    /// Rows of the sample that a network is chosen on.
    sample: Option<usize>,
}

/// A fit of rows that `ask` asks: the model, what cut the work short ("time limit", "interrupted" or why nobody answers any more), and facts as
/// JSON.
#[pyfunction]
pub fn fit_far(
    py: Python<'_>,
    ask: Py<PyAny>,
    of: Of,
    asked: &Bound<'_, PyDict>,
    limits: Asked,
) -> PyResult<(Model, Option<String>, String)> {
    let (recipe, within) = (without_tolerance(asked)?, Said::of_settings(asked)?);
    if within.is_rows() {
        return Err(refused(
            "the tolerance has a row for each row of the data, which the workers have",
            "say it of columns, such as tolerance={\"temp\": 0.5, \"flow\": \"2%\"}",
        ));
    }
    let columns = Encoder { classes: of.classes.clone(), ..Encoder::of_numbers(of.columns.clone(), of.target.clone()) };
    let plan = within.of_columns(&columns).and_then(|within| within.plan(&recipe)).or_raise()?;
    columns.check_loss(&plan.settings.polish.loss).or_raise()?;
    let share = Share { seed: of.seed, held_out: of.held_out };
    if !(0.0..1.0).contains(&share.held_out) {
        return Err(refused(format!("`held_out` is {}", share.held_out), "give a share from 0 to less than 1"));
    }
    if of.columns.contains(&of.target) {
        return Err(raised(crate::columns::both(&of.target)));
    }
    crate::limits::now().check_network(plan.settings.start.units, of.columns.len()).or_raise()?;
    let state: Mutex<Option<Arc<State>>> = Mutex::new(None);
    let made = run(py, Limits::new(limits.0, limits.1, limits.2)?, |watch| {
        let answering = Arc::new(State {
            watch: watch.clone(),
            lost: Mutex::default(),
            raised: Mutex::default(),
            passes: AtomicU64::default(),
        });
        *state.lock().unwrap_or_else(PoisonError::into_inner) = Some(answering.clone());
        let mut rows = Callers { ask, inputs: columns.width(), rows: of.rows, state: answering.clone() };
        let job = FarJob::new(&plan, share, answering.clone())?;
        let passes = || answering.passes.load(Ordering::Relaxed);
        if plan.choice.is_some() {
            let inputs = columns.tolerated();
            let worked = job.choose((&inputs, of.sample), &mut rows, &mut |progress| note(watch, progress))?;
            let found = &worked.result;
            let seen = Stop::here().late().during(|| evaluated(found, &inputs, &plan.settings.polish.loss))?;
            let proved = job.prove_choice(&worked, seen.as_ref(), INPUTS)?;
            let (cut_short, facts) = (proved.cut_short, facts_of_choice(found, passes()));
            let scaler = found.seen.scaler.clone();
            return Ok((tautnet_models::Model::of(proved, columns, scaler)?, cut_short, facts));
        }
        let worked = job.train(&mut rows, &mut |progress| note(watch, progress))?;
        let proved = job.prove_fit(&worked, INPUTS)?;
        let facts = facts(&worked.result, passes());
        let cut_short = proved.cut_short;
        let scaler = worked.result.seen.scaler;
        Ok((tautnet_models::Model::of(proved, columns, scaler)?, cut_short, facts))
    });
    let Some(state) = state.into_inner().unwrap_or_else(PoisonError::into_inner) else {
        return made.map(|(inner, _, facts)| (Model { inner }, None, facts));
    };
    if let Some(raised) = state.raised.lock().unwrap_or_else(PoisonError::into_inner).take() {
        return Err(raised);
    }
    let lost = state.lost.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (made, lost) {
        (Ok((inner, cut_short, facts)), lost) => {
            let cut_short = lost.or(cut_short.map(|why| crate::fitting::in_words(why).into()));
            Ok((Model { inner }, cut_short, facts))
        }
        (Err(_), Some(lost)) => {
            Err(refused(format!("{lost}, and there is no network yet"), "start the cluster anew, and fit again"))
        }
        (Err(error), None) => Err(error),
    }
}

/// The errors of a network on rows that it did not learn from.
fn evaluated(found: &FarChosen, inputs: &[Input<'_>], loss: &Loss) -> Result<Option<choose::Evaluation>> {
    let learned = (&found.seen.sample, &found.tolerance);
    match found.seen.sample_held_out.as_ref().zip(found.tolerance_held_out.as_ref()) {
        None => choose::evaluate_at_tolerance(&found.chosen, learned, loss),
        held_out => choose::evaluate(&found.chosen, learned, held_out, inputs, loss, &mut |_, _| ()),
    }
}

fn mean(mean: Mean) -> serde_json::Value {
    json!({ "learned": mean.learned, "held_out": mean.held_out })
}

/// The same of a choice.
fn facts_of_choice(found: &FarChosen, passes: u64) -> String {
    let of = |which: fn(&Bounded) -> Mean| {
        let descent = found.descent.as_ref();
        descent.map(|descent| json!({ "start": mean(which(&descent.before)), "network": mean(which(&descent.after)) }))
    };
    json!({
        "rows": found.seen.learned,
        "rows_held_out": found.seen.held_out,
        "passes": passes,
        "steps": found.descent.as_ref().map_or(0, |descent| descent.steps),
        "losses": of(|bounded| bounded.clean),
        "found": of(|bounded| bounded.found),
        "bound": of(|bounded| bounded.bound),
    })
    .to_string()
}

/// What is known of all rows, as JSON.
fn facts(fitted: &FarFitted, passes: u64) -> String {
    let polished = fitted.polished.as_ref().map(|polished| {
        let mut losses = json!({ "start": mean(polished.before), "network": mean(polished.after) });
        if let Some(beside) = &polished.beside {
            losses["linear"] = mean(beside.linear);
            losses["constant"] = mean(beside.constant);
        }
        losses
    });
    json!({
        "rows": fitted.seen.learned,
        "rows_held_out": fitted.seen.held_out,
        "passes": passes,
        "losses": polished,
    })
    .to_string()
}
