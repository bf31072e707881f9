//! Plain networks in Python: weights in and out of arrays, other libraries and files.

use crate::columns;
use crate::errors::{OrRaise, refused, warn};
use crate::files::existing;
use faer::Mat;
use numpy::{PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2, PyReadonlyArrayDyn, ToPyArray};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::path::{Path, PathBuf};
use tautnet::Shallow;
use tautnet::activation::Activation;
use tautnet::network::{Layer, Network as Layered};
use tautnet_models::{
    Precision, ScalerChoice, Stored,
    state_dict::{self, Tensor},
};

/// Weights alone: layers one after the other, and a linear part beside them where there is one.
#[pyclass(frozen, module = "tautnet._tautnet")]
pub struct Network {
    pub inner: Layered,
}

/// Write a network or a model in the format that the file's name says, with a warning where its weights are others, of which no certificate of the network is.
pub fn export(
    py: Python<'_>,
    stored: &Stored,
    path: &Path,
    overwrite: bool,
    scaler: Option<&str>,
    precision: &str,
) -> PyResult<()> {
    let scaler = scaler.map(str::parse::<ScalerChoice>).transpose().or_raise()?;
    let options = tautnet_models::Options { scaler, precision: precision.parse::<Precision>().or_raise()? };
    let written = tautnet_models::write(stored, path, &options, existing(overwrite)).or_raise()?;
    let note = tautnet_models::told_of_weights(stored, &written, &options);
    warn(py, note.as_deref())
}

/// A matrix as an array.
pub fn array<'py>(py: Python<'py>, matrix: &Mat<f64>) -> Bound<'py, PyArray2<f64>> {
    let array = PyArray2::zeros(py, [matrix.nrows(), matrix.ncols()], false);
    let mut write = array.readwrite();
    let mut view = write.as_array_mut();
    for i in 0..matrix.nrows() {
        for k in 0..matrix.ncols() {
            view[(i, k)] = matrix[(i, k)];
        }
    }
    drop(write);
    array
}

fn matrix(array: &PyReadonlyArray2<'_, f64>) -> Mat<f64> {
    let array = array.as_array();
    Mat::from_fn(array.nrows(), array.ncols(), |i, k| array[(i, k)])
}

pub fn weights<'py>(py: Python<'py>, network: &Layered) -> PyResult<Bound<'py, PyDict>> {
    let network = network.one_output("`weights`").or_raise()?;
    let parts = PyDict::new(py);
    parts.set_item("w", array(py, network.w()))?;
    parts.set_item("b", network.b().to_pyarray(py))?;
    parts.set_item("v", network.v().to_pyarray(py))?;
    parts.set_item("c", network.c())?;
    if let Some(a) = network.a() {
        parts.set_item("a", a.to_pyarray(py))?;
    }
    Ok(parts)
}

/// A layer as Python gives it: weights, biases and the name of the activation.
type GivenLayer<'py> = (PyReadonlyArray2<'py, f64>, PyReadonlyArray1<'py, f64>, String);

/// A layer as Python is told it.
type Told<'py> = (Bound<'py, PyArray2<f64>>, Bound<'py, PyArray1<f64>>, String);

#[pymethods]
impl Network {
    /// From arrays of doubles: w (units × inputs), b and v (units), c, and a (inputs) where there is a linear part; or from
    /// `layers` of weights (units × inputs), biases (units) and the name of an activation, and `linear` (outputs × inputs).
    #[new]
    #[pyo3(signature = (w=None, b=None, v=None, c=0.0, *, a=None, layers=None, linear=None))]
    fn new(
        w: Option<PyReadonlyArray2<'_, f64>>,
        b: Option<PyReadonlyArray1<'_, f64>>,
        v: Option<PyReadonlyArray1<'_, f64>>,
        c: f64,
        a: Option<PyReadonlyArray1<'_, f64>>,
        layers: Option<Vec<GivenLayer<'_>>>,
        linear: Option<PyReadonlyArray2<'_, f64>>,
    ) -> PyResult<Self> {
        let list = |array: &PyReadonlyArray1<'_, f64>| array.as_array().to_vec();
        let inner = match (w, b, v, layers) {
            (Some(w), Some(b), Some(v), None) if linear.is_none() => {
                let a = a.as_ref().map(list);
                Shallow::with_linear(matrix(&w), list(&b), list(&v), c, a).or_raise()?.into()
            }
            (None, None, None, Some(layers)) if a.is_none() && c == 0.0 => {
                let layers = layers.iter().map(|(weights, bias, activation)| {
                    Ok(Layer::new(matrix(weights), list(bias), activation.parse().or_raise()?))
                });
                Layered::new(layers.collect::<PyResult<_>>()?, linear.as_ref().map(matrix)).or_raise()?
            }
            _ => {
                return Err(refused(
                    "a network is given by some of its parts, or in two ways at once",
                    "give w, b, v, c and perhaps a, or layers and perhaps linear",
                ));
            }
        };
        Ok(Self { inner })
    }

    /// From the named arrays of a torch `state_dict`; `source` is what messages call it.
    /// `activations` are those of the hidden layers, first to last; relu where they are not told.
    #[staticmethod]
    #[pyo3(signature = (tensors, source, activations=None))]
    fn from_state_dict(
        tensors: Vec<(String, PyReadonlyArrayDyn<'_, f64>)>,
        source: &str,
        activations: Option<Vec<String>>,
    ) -> PyResult<Self> {
        let activations = activations
            .map(|names| names.iter().map(|name| name.parse::<Activation>()).collect::<Result<Vec<_>, _>>())
            .transpose()
            .or_raise()?;
        let tensors: Vec<Tensor> = tensors
            .iter()
            .map(|(name, array)| {
                let array = array.as_array();
                Tensor { name: name.clone(), shape: array.shape().to_vec(), values: array.iter().copied().collect() }
            })
            .collect();
        state_dict::network_with_activations(&tensors, activations.as_deref(), source)
            .or_raise()
            .map(|inner| Self { inner })
    }

    /// From what a fitted scikit-learn `MLPRegressor` holds.
    #[staticmethod]
    fn from_scikit_learn(
        coefs: Vec<PyReadonlyArray2<'_, f64>>,
        intercepts: Vec<PyReadonlyArray1<'_, f64>>,
        activation: &str,
    ) -> PyResult<Self> {
        let coefs: Vec<Mat<f64>> = coefs.iter().map(matrix).collect();
        let intercepts: Vec<Vec<f64>> = intercepts.iter().map(|array| array.as_array().to_vec()).collect();
        let coefs: Vec<_> = coefs.iter().map(Mat::as_ref).collect();
        let intercepts: Vec<&[f64]> = intercepts.iter().map(Vec::as_slice).collect();
        state_dict::network_from_scikit_learn(&coefs, &intercepts, activation).or_raise().map(|inner| Self { inner })
    }

    #[getter]
    fn inputs(&self) -> usize {
        self.inner.inputs()
    }

    #[getter]
    fn outputs(&self) -> usize {
        self.inner.outputs()
    }

    /// Number of hidden units, in all layers.
    #[getter]
    fn units(&self) -> usize {
        self.inner.hidden_units()
    }

    /// Weights, biases and the name of the activation of each layer.
    #[getter]
    fn layers<'py>(&self, py: Python<'py>) -> Vec<Told<'py>> {
        let parts =
            |layer: &Layer| (array(py, layer.weights()), layer.bias().to_pyarray(py), layer.activation().name());
        self.inner.layers().iter().map(parts).collect()
    }

    /// The linear part (outputs × inputs), or None.
    #[getter]
    fn linear<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyArray2<f64>>> {
        self.inner.linear().map(|linear| array(py, linear))
    }

    fn __repr__(&self) -> String {
        format!("<Network of {} inputs and {}>", self.inner.inputs(), self.inner.described())
    }

    /// All outputs at every row: one number a row where there is one output, one row of numbers where there are several.
    fn predict<'py>(&self, py: Python<'py>, given: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let x = columns::matrix(given, None)?;
        if x.ncols() != self.inner.inputs() {
            return Err(refused(
                format!("the network has {} inputs but the data has {} input columns", self.inner.inputs(), x.ncols()),
                "give the columns the network was trained on, in that order",
            ));
        }
        let predicted = PyArray1::from_vec(py, py.detach(|| self.inner.predict_row_by_row(x.as_ref())));
        Ok(match self.inner.outputs() {
            1 => predicted.into_any(),
            outputs => predicted.reshape([x.nrows(), outputs])?.into_any(),
        })
    }

    /// The same network with relu units, where its hidden units are piecewise linear, and whether it is exactly the same.
    fn in_relu_units(&self) -> PyResult<(Self, bool)> {
        let relu = self.inner.in_relu_units("`in_relu_units`").or_raise()?;
        Ok((Self { inner: relu.network }, relu.exact))
    }

    /// The arrays w, b, v, the number c, and the array a where there is a linear part.
    fn weights<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        weights(py, &self.inner)
    }

    /// Write a network file, in the format that its name says.
    #[pyo3(signature = (path, *, overwrite=false, precision="f64"))]
    fn save(&self, py: Python<'_>, path: PathBuf, overwrite: bool, precision: &str) -> PyResult<()> {
        export(py, &Stored::Network(self.inner.clone()), &path, overwrite, None, precision)
    }
}
