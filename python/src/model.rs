//! Models in Python, and what functions take: a model or a plain network.

use crate::certificate::{Certificate, ChainCertificate};
use crate::columns::Inputs;
use crate::errors::{OrRaise, refused, warn};
use crate::limits;
use crate::network::{Network, export, weights};
use crate::options::put;
use crate::watch::{self, Limits};
use numpy::{PyArray1, PyArray2, PyArrayMethods, ToPyArray};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use std::path::PathBuf;
use tautnet::certify::{Bounded, SampleInterval};
use tautnet::network::Network as Layered;
use tautnet::recipe::Interval;
use tautnet::{Loss, Scaler, Shallow};
use tautnet_models::Stored;
use tautnet_tables::dates::Part;
use tautnet_tables::{DateColumn, Missing};

/// A network with its columns, its units and its certificate: what a model file holds.
#[pyclass(frozen, module = "tautnet._tautnet")]
pub struct Model {
    pub inner: tautnet_models::Model,
}

/// The numbers of classes, and whether no input error can change them.
type Certain<'py> = (Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<bool>>);

/// Lower ends, upper ends, and which of them are exact.
type Intervals<'py> = (Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<bool>>);
/// The columns that a network sees, and how wrong each may be in each row.
pub(crate) type MovedColumns<'py> = (Bound<'py, PyArray2<f64>>, Bound<'py, PyArray2<f64>>);
/// Lower and upper ends, rows × targets.
pub(crate) type EndsOfTargets<'py> = (Bound<'py, PyArray2<f64>>, Bound<'py, PyArray2<f64>>);

/// A network in a file, of whatever format the library reads: a model or weights alone.
#[pyfunction]
pub fn read(py: Python<'_>, path: PathBuf) -> PyResult<Py<PyAny>> {
    let read = Stored::read_within(&path, &limits::now()).or_raise()?;
    warn(py, read.note.as_deref())?;
    wrapped(py, read.stored)
}

/// The bytes of a certificate file, or of the certificate in a model file.
#[pyfunction]
pub fn read_certificate(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyBytes>> {
    Ok(PyBytes::new(py, &tautnet_models::read_certificate_within(&path, &limits::now()).or_raise()?))
}

fn wrapped(py: Python<'_>, stored: Stored) -> PyResult<Py<PyAny>> {
    Ok(match stored {
        Stored::Network(inner) => Py::new(py, Network { inner })?.into_any(),
        Stored::Model(inner) => Py::new(py, Model { inner: *inner })?.into_any(),
    })
}

/// A model or a network, for functions that take either.
pub enum Subject<'py> {
    Model(Bound<'py, Model>),
    Network(Bound<'py, Network>),
}

impl<'py> Subject<'py> {
    pub fn of(given: &Bound<'py, PyAny>) -> PyResult<Self> {
        match given.cast::<Model>() {
            Ok(model) => Ok(Self::Model(model.clone())),
            Err(_) => Ok(Self::Network(given.cast::<Network>()?.clone())),
        }
    }

    pub fn network(&self) -> &Layered {
        match self {
            Self::Model(model) => &model.get().inner.network,
            Self::Network(network) => &network.get().inner,
        }
    }

    /// The network as theory covers it, or the one error, which says that `asked` takes no other.
    pub fn shallow(&self, asked: &str) -> PyResult<Shallow> {
        self.network().one_output(asked).or_raise()
    }

    /// The same with any number of outputs, which are classes or targets.
    pub fn of_outputs(&self, asked: &str) -> PyResult<Shallow> {
        match self {
            Self::Model(model) => {
                let model = &model.get().inner;
                model.network.with_outputs(asked, model.columns.outputs()).or_raise()
            }
            Self::Network(network) => network.get().inner.shallow(asked).or_raise(),
        }
    }

    /// What a wrong prediction costs: that of the model, the squared error where there is none.
    pub fn loss(&self) -> tautnet::error::Result<Loss> {
        match self {
            Self::Model(model) => model.get().inner.loss(),
            Self::Network(_) => Ok(Loss::default()),
        }
    }

    pub fn scaler(&self) -> Option<&Scaler> {
        match self {
            Self::Model(model) => Some(&model.get().inner.scaler),
            Self::Network(_) => None,
        }
    }
}

/// The ends of intervals, and whether they are exact.
fn arrays<'py>(py: Python<'py>, found: &[SampleInterval]) -> Intervals<'py> {
    (
        PyArray1::from_iter(py, found.iter().map(|interval| interval.lower)),
        PyArray1::from_iter(py, found.iter().map(|interval| interval.upper)),
        PyArray1::from_iter(py, found.iter().map(|interval| interval.closed)),
    )
}

/// The lower and the upper end of an interval of each row.
type Ends<'py> = (Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<f64>>);

/// How far inputs may move, and the nodes to spend.
fn radius_and_nodes(radius: &Bound<'_, PyAny>, nodes: Option<&Bound<'_, PyAny>>) -> PyResult<(f64, Option<usize>)> {
    let mut interval = Interval::default();
    put(&mut interval, "radius", radius)?;
    nodes.map_or(Ok(()), |nodes| put(&mut interval, "nodes", nodes))?;
    match interval.radius {
        Some(radius) => Ok((radius, interval.nodes)),
        None => Err(refused("there is no radius", "give one, such as 0.1")),
    }
}

/// The object that shows a model.
fn shown<'py>(model: &Bound<'py, Model>) -> PyResult<Bound<'py, PyAny>> {
    model.py().import("tautnet._shown")?.getattr("ShownModel")?.call1((model,))
}

#[pymethods]
impl Model {
    /// From the bytes of a model file; `source` is what messages call it.
    #[staticmethod]
    #[pyo3(signature = (bytes, source="the model"))]
    fn parse(bytes: &[u8], source: &str) -> PyResult<Self> {
        match Stored::parse_within(bytes, source, &limits::now()).or_raise()? {
            Stored::Model(inner) => Ok(Self { inner: *inner }),
            Stored::Network(_) => Err(refused(
                format!("{source} is a plain network without columns and scaler"),
                "give a model file, ⟨model_file⟩",
            )),
        }
    }

    /// Read a model file.
    #[staticmethod]
    fn read(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let read = Stored::read_within(&path, &limits::now()).or_raise()?;
        warn(py, read.note.as_deref())?;
        read.stored.into_model(&path).or_raise().map(|inner| Self { inner })
    }

    /// The bytes of the model file.
    fn to_json<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, self.inner.to_json().or_raise()?.as_bytes()))
    }

    /// Write the model file, in the format that its name says.
    #[pyo3(signature = (path, *, overwrite=false, scaler=None, precision="f64"))]
    fn save(
        &self,
        py: Python<'_>,
        path: PathBuf,
        overwrite: bool,
        scaler: Option<&str>,
        precision: &str,
    ) -> PyResult<()> {
        export(py, &Stored::Model(Box::new(self.inner.clone())), &path, overwrite, scaler, precision)
    }

    /// Its facts as lines, laid out as results are: in Python, where all of that stands.
    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        shown(slf)?.repr()?.extract()
    }

    fn _repr_html_(slf: &Bound<'_, Self>) -> PyResult<String> {
        shown(slf)?.call_method0("_repr_html_")?.extract()
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
        let parse = slf.get_type().getattr("parse")?;
        Ok((parse, (slf.get().to_json(slf.py())?,)))
    }

    /// Names of the input columns.
    #[getter]
    fn columns(&self) -> Vec<String> {
        self.inner.columns.given().into_iter().map(String::from).collect()
    }

    /// What is done with missing values.
    #[getter]
    fn missing(&self) -> &'static str {
        let missing = self.inner.columns.preparation.missing;
        Missing::ALL.into_iter().find(|(_, other)| *other == missing).map_or("refuse", |(name, _)| name)
    }

    /// What is made of columns of dates: the name of each, and `parts` or `days` with the order of day, month and year.
    #[getter]
    fn dates(&self) -> Vec<(String, String)> {
        let form = |date: &DateColumn| match date.parts[..] {
            [Part::Days] => "days",
            _ => "parts",
        };
        let dates = &self.inner.columns.preparation.dates;
        dates.iter().map(|date| (date.column.clone(), format!("{},{}", form(date), date.order.name()))).collect()
    }

    /// Names of the network's inputs: a column of words has one for each word.
    #[getter]
    fn inputs(&self) -> Vec<String> {
        self.inner.columns.names()
    }

    #[getter]
    fn classes(&self) -> Option<Vec<String>> {
        self.inner.columns.classes.clone()
    }

    #[getter]
    fn target(&self) -> &str {
        &self.inner.columns.target
    }

    /// Names of all targets.
    #[getter]
    fn targets(&self) -> Vec<&str> {
        self.inner.columns.target_names()
    }

    #[getter]
    fn units(&self) -> usize {
        self.inner.network.hidden_units()
    }

    /// Settings as JSON.
    #[getter]
    fn settings(&self) -> String {
        self.inner.settings.to_string()
    }

    /// Objective, its parts and its history as JSON.
    #[getter]
    fn objective(&self) -> String {
        self.inner.objective.to_string()
    }

    /// The certificate, proved anew.
    #[getter]
    fn certificate(&self) -> PyResult<Option<Certificate>> {
        let proved = self.inner.proved().or_raise()?;
        Ok(proved.map(|verified| Certificate { inner: verified.certificate().clone() }))
    }

    /// Whether its network is none of one hidden layer of relu units.
    #[getter]
    fn layered(&self) -> bool {
        self.is_layered()
    }

    /// Whether it was trained with `layers`, and what is proved of it is the product of their norms.
    #[getter]
    fn by_layers(&self) -> bool {
        self.inner.is_by_layers()
    }

    /// The certificate by the product of the layers' norms, made and proved.
    #[pyo3(signature = (norm=None))]
    fn chain_certificate(&self, py: Python<'_>, norm: Option<&str>) -> PyResult<ChainCertificate> {
        self.certificate_of_layers(py, norm)
    }

    /// Means and scales of the inputs and the target.
    fn scaler<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let (scaler, parts) = (&self.inner.scaler, PyDict::new(py));
        parts.set_item("input_mean", scaler.input_mean.to_pyarray(py))?;
        parts.set_item("input_scale", scaler.input_scale.to_pyarray(py))?;
        parts.set_item("target_mean", scaler.target_mean)?;
        parts.set_item("target_scale", scaler.target_scale)?;
        self.add_units_of_targets(py, &parts)?;
        Ok(parts)
    }

    /// The network alone, in the units of the data or standardized ones.
    fn network(&self, standardized: bool) -> PyResult<Network> {
        let own = || Ok(self.inner.network.clone());
        let inner = if standardized { own() } else { self.inner.network_to_user().or_raise() };
        Ok(Network { inner: inner? })
    }

    /// The arrays w, b, v, the number c, and the array a where there is a linear part, in the units of the data or
    /// standardized ones.
    fn weights<'py>(&self, py: Python<'py>, standardized: bool) -> PyResult<Bound<'py, PyDict>> {
        if standardized {
            return weights(py, &self.inner.network);
        }
        weights(py, &self.inner.network_to_user().or_raise()?)
    }

    /// Predictions, in the units of the target.
    fn predict<'py>(&self, py: Python<'py>, given: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let inputs = Inputs::read(given)?;
        let model = &self.inner;
        if let Some(classes) = model.columns.several() {
            let all = py.detach(|| inputs.encode(&model.columns).map(|x| model.outputs_encoded(x))).or_raise()?;
            let rows = all.len();
            return Ok(PyArray1::from_vec(py, all.concat()).reshape([rows, classes])?.into_any());
        }
        if !model.columns.other_targets.is_empty() {
            return self.predict_targets(py, inputs);
        }
        let predicted = py.detach(|| inputs.encode(&model.columns).map(|x| model.predict_encoded(x))).or_raise()?;
        Ok(PyArray1::from_vec(py, predicted).into_any())
    }

    /// For each row of several classes: the number of the class, and whether no input error within the tolerance can change it.
    #[pyo3(signature = (given, asked, nodes=None, threads=None))]
    fn certain<'py>(
        &self,
        py: Python<'py>,
        given: &Bound<'py, PyAny>,
        asked: &Bound<'py, PyDict>,
        nodes: Option<&Bound<'py, PyAny>>,
        threads: Option<i64>,
    ) -> PyResult<Certain<'py>> {
        let told = self.told_within(py, (given, asked), nodes, threads)?;
        let (classes, certain) = told.iter().map(|told| (told.class as i64, told.is_certain())).unzip();
        Ok((PyArray1::from_vec(py, classes), PyArray1::from_vec(py, certain)))
    }

    /// The same within a radius, by the product of the layers' norms.
    #[pyo3(signature = (given, radius, nodes=None, threads=None))]
    fn certain_within_radius<'py>(
        &self,
        py: Python<'py>,
        given: &Bound<'py, PyAny>,
        radius: &Bound<'py, PyAny>,
        nodes: Option<&Bound<'py, PyAny>>,
        threads: Option<i64>,
    ) -> PyResult<Certain<'py>> {
        let (radius, nodes) = radius_and_nodes(radius, nodes)?;
        let found = self.within_radius_of_layers(py, Inputs::read(given)?, radius, nodes, threads)?;
        let (classes, certain) = found.iter().map(|row| (row.class() as i64, row.is_certain())).unzip();
        Ok((PyArray1::from_vec(py, classes), PyArray1::from_vec(py, certain)))
    }

    /// How wrong the inputs can be, as it was said when the model was made: amounts, and the shape.
    #[getter]
    fn tolerance(&self) -> PyResult<(Vec<String>, &'static str)> {
        let asked = self.inner.tolerance().or_raise()?;
        Ok((asked.entries.iter().map(ToString::to_string).collect(), asked.shape.name()))
    }

    /// The root of the worst case within the tolerance, proved on rows that were not learned from, in the units of the target; `None`
    /// where no tolerance was learned for, or there was no time to hold rows out.
    #[getter]
    fn worst_case_error(&self) -> PyResult<Option<f64>> {
        let Some(proved) = self.proved_on_other_rows() else { return Ok(None) };
        // What is not finite is not a number in a file.
        let proved = proved.as_f64().unwrap_or(f64::INFINITY);
        let loss = self.inner.loss().or_raise()?;
        Ok(Some(self.inner.scaler.root_to_user(&loss, proved)))
    }

    /// What was seen on rows that were not learned from, as JSON, in the units of the target (of several, of each): the errors of the result,
    /// of ordinary training and of what needs no network; `None` where the model was not chosen for a tolerance.
    #[getter]
    fn seen(&self) -> PyResult<Option<String>> {
        self.seen_in_user_units()
    }

    /// What a deep network did on rows that no step learned from, as JSON: shares of right classes, or mean losses.
    #[getter]
    fn seen_by_layers(&self) -> Option<String> {
        self.seen_of_layers()
    }

    /// The same of every target, where there are several.
    #[getter]
    fn worst_case_errors(&self) -> PyResult<Option<Vec<f64>>> {
        self.errors_of_targets()
    }

    /// Where the scores of the calibration are from, "held_out" or "cross_validated", and how many there are.
    #[getter]
    fn calibration(&self) -> Option<(String, usize)> {
        let calibration = self.inner.calibration.as_ref()?;
        let source = serde_json::json!(calibration.source());
        Some((source.as_str().unwrap_or_default().to_owned(), calibration.scores().len()))
    }

    /// Around intervals of predictions those that hold the target itself in this share of rows.
    fn covering<'py>(
        &self,
        py: Python<'py>,
        lower: Vec<f64>,
        upper: Vec<f64>,
        coverage: &Bound<'py, PyAny>,
    ) -> PyResult<Ends<'py>> {
        let mut interval = Interval::default();
        put(&mut interval, "coverage", coverage)?;
        let Some(share) = interval.coverage else {
            return Err(refused("there is no coverage", "give one, such as 0.9"));
        };
        let ends: Vec<(f64, f64)> = lower.into_iter().zip(upper).collect();
        let ends = self.inner.covering(&ends, share).or_raise()?;
        let (lower, upper): (Vec<f64>, Vec<f64>) = ends.into_iter().unzip();
        Ok((PyArray1::from_vec(py, lower), PyArray1::from_vec(py, upper)))
    }

    /// The same as `intervals` within a tolerance: `asked` has it and its shape, each None for what the model was made for.
    #[pyo3(signature = (given, asked, nodes=None, threads=None))]
    fn intervals_within<'py>(
        &self,
        py: Python<'py>,
        given: &Bound<'py, PyAny>,
        asked: &Bound<'py, PyDict>,
        nodes: Option<&Bound<'py, PyAny>>,
        threads: Option<i64>,
    ) -> PyResult<Intervals<'py>> {
        let model = &self.inner;
        let (said, inputs, nodes) = self.asked_within(given, asked, nodes)?;
        let found = watch::run(py, Limits::new(None, threads, None)?, |_| {
            let x = inputs.encode(&model.columns)?;
            let tolerance = self.tolerance_of_rows(&said, &x)?;
            model.intervals_within(x, &tolerance, nodes, &mut |_| {})
        })?;
        Ok(arrays(py, &found.rows))
    }

    /// The columns that the network sees, in the units of the data, and how wrong each may be in each row.
    fn columns_within<'py>(
        &self,
        py: Python<'py>,
        given: &Bound<'py, PyAny>,
        asked: &Bound<'py, PyDict>,
    ) -> PyResult<MovedColumns<'py>> {
        self.moved_columns(py, given, asked)
    }

    /// The same of several targets: rows × targets.
    #[pyo3(signature = (given, asked, nodes=None, threads=None))]
    fn intervals_of_targets<'py>(
        &self,
        py: Python<'py>,
        given: &Bound<'py, PyAny>,
        asked: &Bound<'py, PyDict>,
        nodes: Option<&Bound<'py, PyAny>>,
        threads: Option<i64>,
    ) -> PyResult<EndsOfTargets<'py>> {
        self.ends_of_targets(py, (given, asked), nodes, threads)
    }

    /// The ends of the intervals of several targets within a radius, by the product of the layers' norms: rows × targets.
    #[pyo3(signature = (given, radius, nodes=None, threads=None))]
    fn intervals_of_targets_within_radius<'py>(
        &self,
        py: Python<'py>,
        given: &Bound<'py, PyAny>,
        radius: &Bound<'py, PyAny>,
        nodes: Option<&Bound<'py, PyAny>>,
        threads: Option<i64>,
    ) -> PyResult<EndsOfTargets<'py>> {
        let (radius, nodes) = radius_and_nodes(radius, nodes)?;
        let found = self.within_radius_of_layers(py, Inputs::read(given)?, radius, nodes, threads)?;
        self.ends_of_targets_within_radius(py, &found)
    }

    /// For every row: the ends of the interval around its prediction, and whether they are exact.
    #[pyo3(signature = (given, radius, nodes=None, threads=None))]
    fn intervals<'py>(
        &self,
        py: Python<'py>,
        given: &Bound<'py, PyAny>,
        radius: &Bound<'py, PyAny>,
        nodes: Option<&Bound<'py, PyAny>>,
        threads: Option<i64>,
    ) -> PyResult<Intervals<'py>> {
        let (radius, nodes) = radius_and_nodes(radius, nodes)?;
        let inputs = Inputs::read(given)?;
        if self.is_layered() || self.inner.is_by_layers() {
            let found = self.within_radius_of_layers(py, inputs, radius, nodes, threads)?;
            let ends = |end: fn(&Bounded) -> f64| PyArray1::from_iter(py, found.iter().map(end));
            let exact = PyArray1::from_iter(py, found.iter().map(|_| false));
            return Ok((ends(|row| row.lower[0]), ends(|row| row.upper[0]), exact));
        }
        let model = &self.inner;
        let found = watch::run(py, Limits::new(None, threads, None)?, |_| {
            model.intervals_encoded(inputs.encode(&model.columns)?, radius, nodes, &mut |_| {})
        })?;
        Ok(arrays(py, &found.rows))
    }
}
