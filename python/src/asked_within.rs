//! What is asked of a model within a tolerance.

use crate::columns::Inputs;
use crate::errors::{OrRaise, refused};
use crate::model::{Model, MovedColumns};
use crate::options::put;
use crate::tolerance::Said;
use crate::watch::{self, Limits};
use faer::Mat;
use numpy::{PyArray1, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tautnet::recipe::Interval;
use tautnet::several;
use tautnet::tolerance::Tolerance;

impl Model {
    /// What is asked for within a tolerance, which has to be said or known to the model; the rows, and the nodes to spend.
    pub fn asked_within(
        &self,
        given: &Bound<'_, PyAny>,
        asked: &Bound<'_, PyDict>,
        nodes: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(Said, Inputs, Option<usize>)> {
        let mut interval = Interval::default();
        nodes.map_or(Ok(()), |nodes| put(&mut interval, "nodes", nodes))?;
        let (said, inputs) = (Said::of_settings(asked)?, Inputs::read(given)?);
        if said.is_nothing() && self.inner.tolerance().or_raise()?.is_empty() {
            return Err(refused(
                "the model was made for no tolerance of the inputs",
                "give one, such as tolerance=\"0.1sd\" or tolerance={\"temp\": 0.5}",
            ));
        }
        Ok((said, inputs, interval.nodes))
    }

    /// The tolerance of rows, in the units of the data: what is said, over what the model knows.
    pub fn tolerance_of_rows(&self, said: &Said, x: &Mat<f64>) -> tautnet::error::Result<Tolerance> {
        let model = &self.inner;
        match said.of_rows(&model.columns, x.nrows())? {
            Some(tolerance) => Ok(tolerance),
            None => model.tolerance_on(&said.over(model.tolerance()?), x.as_ref()),
        }
    }

    /// The columns that the network sees, in the units of the data, and how wrong each may be in each row.
    pub fn moved_columns<'py>(
        &self,
        py: Python<'py>,
        given: &Bound<'_, PyAny>,
        asked: &Bound<'_, PyDict>,
    ) -> PyResult<MovedColumns<'py>> {
        let (said, inputs, _) = self.asked_within(given, asked, None)?;
        let x = inputs.encode(&self.inner.columns).or_raise()?;
        let tolerance = self.tolerance_of_rows(&said, &x).or_raise()?;
        let shape = [x.nrows(), x.ncols()];
        let array = |of: &dyn Fn(usize, usize) -> f64| {
            let all = (0..shape[0]).flat_map(|k| (0..shape[1]).map(move |j| (k, j))).map(|(k, j)| of(k, j));
            PyArray1::from_vec(py, all.collect()).reshape(shape)
        };
        Ok((array(&|k, j| x[(k, j)])?, array(&|k, j| tolerance.size(k, j))?))
    }

    /// What is told of the classes of rows within a tolerance.
    pub fn told_within(
        &self,
        py: Python<'_>,
        (given, asked): (&Bound<'_, PyAny>, &Bound<'_, PyDict>),
        nodes: Option<&Bound<'_, PyAny>>,
        threads: Option<i64>,
    ) -> PyResult<Vec<several::Told>> {
        let model = &self.inner;
        let (said, inputs, nodes) = self.asked_within(given, asked, nodes)?;
        if model.columns.several().is_none() {
            return Err(refused("the model's target has no more than two classes", "take `intervals_within`"));
        }
        let network = model.network.shallow("`predict_certain`").or_raise()?;
        watch::run(py, Limits::new(None, threads, None)?, |_| {
            let x = inputs.encode(&model.columns)?;
            let tolerance = self.tolerance_of_rows(&said, &x)?;
            several::told(&network, &model.scaler, &x, Some(&tolerance), nodes, &mut |_| {})
        })
    }
}
