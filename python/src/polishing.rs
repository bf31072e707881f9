//! Polishes in Python: by convex programs where there is one hidden layer of relu units, layer by layer where the network is deep.

use crate::columns::INPUTS;
use crate::errors::{OrRaise, refused};
use crate::fitting::{self, Asked as Limited, Given, Made, Problem, Rows, asked_of, in_words};
use crate::model::{Model, Subject};
use crate::options::{asked as read, said};
use crate::watch::{Facts, Limits, run};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::sync::Arc;
use tautnet::deep_fit::in_other_units;
use tautnet::deep_job::{self, is_for};
use tautnet::deep_polish::Progress;
use tautnet::job::Watch;
use tautnet::recipe::{Command, Layers, OF_LAYERS, Table};
use tautnet::{Network, Recipe, Scaler};
use tautnet_models::polish_settings;

/// Whether a polish of it goes layer by layer.
#[pyfunction]
pub fn has_layers_polished(subject: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(is_for(Subject::of(subject)?.network()))
}

/// The best network with the activation patterns of the one given; of a deep network layer by layer.
#[pyfunction]
pub fn polish(
    py: Python<'_>,
    subject: &Bound<'_, PyAny>,
    given: Given<'_>,
    asked: &Bound<'_, PyDict>,
    limits: Limited,
    standardize: bool,
) -> PyResult<Made> {
    let subject = Subject::of(subject)?;
    let (of_layers, others) = (PyDict::new(py), PyDict::new(py));
    for (name, value) in asked {
        let own = Layers::field(&name.extract::<String>()?).is_some();
        if own { &of_layers } else { &others }.set_item(name, value)?;
    }
    let layers: Layers = read(&of_layers)?;
    if is_for(subject.network()) {
        return by_layers(py, &subject, &given, (&others, &layers), limits, standardize);
    }
    for field in Layers::FIELDS {
        if said(&of_layers, field.name)? {
            return Err(refused(
                format!("`{}` is about deep networks, and this one has one hidden layer", field.name),
                "leave it out; how far inputs may be off is said by `tolerance`",
            ));
        }
    }
    fitting::polish(py, &subject, &given, &others, limits, standardize)
}

/// Refuse what is asked of networks of one hidden layer alone.
fn refuse_others(recipe: &Recipe, exact: bool, network: &Network) -> PyResult<()> {
    let usual = Recipe::default();
    let of_others = Recipe::fields(Command::Polish).filter(|field| !OF_LAYERS.contains(&field.name));
    let said = of_others.filter(|field| field.value(recipe) != field.value(&usual)).map(|field| field.name);
    match said.chain((!exact).then_some("tolerance")).next() {
        None => Ok(()),
        Some(name) => Err(refused(
            format!("`{name}` is not about deep networks, and this one has {}", network.described()),
            "leave it out; how far inputs may be off is said by `radius`, in the norm of `norm`",
        )),
    }
}

/// Layer by layer.
fn by_layers(
    py: Python<'_>,
    subject: &Subject<'_>,
    given: &Given<'_>,
    (asked, layers): (&Bound<'_, PyDict>, &Layers),
    limits: Limited,
    standardize: bool,
) -> PyResult<Made> {
    let (recipe, exact) = asked_of(asked)?;
    let network = subject.network();
    refuse_others(&recipe, exact, network)?;
    let mut names = Vec::new();
    for field in Recipe::FIELDS {
        if said(asked, field.name)? {
            names.push(field.name);
        }
    }
    let model = if let Subject::Model(model) = subject { Some(&model.get().inner) } else { None };
    let settings = polish_settings(network, model, (&recipe, layers), &|name| names.contains(&name)).or_raise()?;
    let rows = Rows::read(given)?;
    let Problem { columns, scaler, data } = rows.met(subject, standardize, &settings.loss).or_raise()?;
    columns.check_loss(&settings.loss).or_raise()?;
    columns.check_outputs(network.outputs()).or_raise()?;
    let network = match subject {
        Subject::Model(_) => network.clone(),
        Subject::Network(_) => in_other_units(network, &Scaler::identity(columns.width()), &scaler).or_raise()?,
    };
    let count = network.layers().len();
    run(py, Limits::new(limits.0, limits.1, limits.2)?, |watch| {
        let asked = deep_job::Asked { network: &network, learned: &data, held_out: None, settings: &settings };
        let of_polish: Arc<dyn Watch> = watch.clone();
        let worked = asked.polish(&of_polish, &mut |progress| {
            if let Progress::At { sweep, layer, objective: (_, objective) } = *progress {
                let done = (sweep - 1) * count + (count - layer);
                watch.note(Facts {
                    stage: "polishing layers",
                    step: sweep,
                    objective,
                    gap: f64::INFINITY,
                    trial: Some((None, done, settings.rounds * count)),
                });
            }
        })?;
        let inner = match model {
            Some(model) => model.polished_by_layers(&worked, INPUTS)?,
            None => tautnet_models::Model::of_polished_layers(&worked, columns, (scaler, standardize), INPUTS)?,
        };
        Ok((Model { inner }, worked.interruption.map(in_words)))
    })
}
