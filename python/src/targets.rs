//! What a model of several targets tells: rows of numbers, one for each target in its units.

use crate::columns::Inputs;
use crate::errors::OrRaise;
use crate::model::{EndsOfTargets, Model, Subject};
use crate::watch::{self, Limits};
use numpy::{PyArray1, PyArrayMethods, ToPyArray};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde_json::Value;
use tautnet::certify::{Bounded, SampleInterval};
use tautnet::several;

impl Subject<'_> {
    /// How many targets a model has; of a network alone that is not known, and 1.
    pub fn targets(&self) -> usize {
        match self {
            Self::Model(model) => model.get().inner.columns.target_names().len(),
            Self::Network(_) => 1,
        }
    }
}

impl Model {
    /// Means and scales of all targets in the place of those of the first.
    pub fn add_units_of_targets(&self, py: Python<'_>, parts: &Bound<'_, PyDict>) -> PyResult<()> {
        let scaler = &self.inner.scaler;
        if scaler.targets() > 1 {
            let all = (0..scaler.targets()).map(|target| scaler.target(target));
            let (means, scales): (Vec<f64>, Vec<f64>) = all.unzip();
            parts.set_item("target_mean", means.to_pyarray(py))?;
            parts.set_item("target_scale", scales.to_pyarray(py))?;
        }
        Ok(())
    }

    /// The predictions, rows × targets.
    pub fn predict_targets<'py>(&self, py: Python<'py>, inputs: Inputs) -> PyResult<Bound<'py, PyAny>> {
        let model = &self.inner;
        let all = py.detach(|| inputs.encode(&model.columns).map(|x| model.predict_targets(x))).or_raise()?;
        let shape = [all.len(), model.columns.outputs()];
        Ok(PyArray1::from_vec(py, all.concat()).reshape(shape)?.into_any())
    }

    /// The root of the worst case of every target, proved on rows that were not learned from; `None` where there is no such thing.
    pub fn errors_of_targets(&self) -> PyResult<Option<Vec<f64>>> {
        let model = &self.inner;
        let each = match model.objective["seen"]["targets"].as_array() {
            Some(each) => each.iter().map(|at| &at["result"]["proved"]).collect(),
            None => self.proved_of_targets(),
        };
        if each.is_empty() {
            return Ok(None);
        }
        let loss = model.loss().or_raise()?;
        let one = |(target, proved): (usize, &&Value)| {
            // What is not finite is not a number in a file.
            let proved = proved.as_f64().unwrap_or(f64::INFINITY);
            model.scaler.of_target(target).root_to_user(&loss, proved)
        };
        Ok(Some(each.iter().enumerate().map(one).collect()))
    }

    /// The ends of the intervals of a deep network within a radius.
    pub fn ends_of_targets_within_radius<'py>(
        &self,
        py: Python<'py>,
        found: &[Bounded],
    ) -> PyResult<EndsOfTargets<'py>> {
        let shape = [found.len(), self.inner.columns.outputs()];
        let ends = |end: fn(&Bounded) -> &Vec<f64>| {
            let all = found.iter().flat_map(|row| end(row).iter().copied());
            PyArray1::from_vec(py, all.collect()).reshape(shape)
        };
        Ok((ends(|row| &row.lower)?, ends(|row| &row.upper)?))
    }

    /// The ends of the intervals that no error within a tolerance can move predictions out of.
    pub fn ends_of_targets<'py>(
        &self,
        py: Python<'py>,
        (given, asked): (&Bound<'py, PyAny>, &Bound<'py, PyDict>),
        nodes: Option<&Bound<'py, PyAny>>,
        threads: Option<i64>,
    ) -> PyResult<EndsOfTargets<'py>> {
        let (said, inputs, nodes) = self.asked_within(given, asked, nodes)?;
        let inner = &self.inner;
        let network = inner.network.shallow("an interval within a tolerance").or_raise()?;
        let found = watch::run(py, Limits::new(None, threads, None)?, |_| {
            let x = inputs.encode(&inner.columns)?;
            let tolerance = self.tolerance_of_rows(&said, &x)?;
            several::of_targets(&network, &inner.scaler, &x, &tolerance, nodes, &mut |_| {})
        })?;
        let rows = found.first().map_or(0, Vec::len);
        let ends = |end: fn(&SampleInterval) -> f64| {
            let all = (0..rows).flat_map(|k| found.iter().map(move |of_target| end(&of_target[k])));
            PyArray1::from_vec(py, all.collect()).reshape([rows, found.len()])
        };
        Ok((ends(|interval| interval.lower)?, ends(|interval| interval.upper)?))
    }
}
