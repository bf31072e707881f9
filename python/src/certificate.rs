//! Certificates in Python: proved when they are made, and again whenever they are read.

use crate::files::save;
use numpy::{PyArray1, ToPyArray};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use tautnet::Norm;
use tautnet::certify::sensitivities;
use tautnet_verify::{ChainClaim, VerifiedMargins};

/// A proved bound on how fast a network's output can change.
#[pyclass(frozen, module = "tautnet._tautnet")]
#[derive(Debug, Clone, PartialEq)]
pub struct Certificate {
    pub inner: tautnet_verify::Certificate,
}

#[pymethods]
impl Certificate {
    /// The bound in the units of the data: those of X and y.
    #[getter]
    fn lipschitz_upper_bound(&self) -> f64 {
        self.inner.raw.as_ref().unwrap_or(&self.inner.standardized).bound
    }

    /// The bound in standardized units, those in which λ and radii are.
    #[getter]
    fn standardized_upper_bound(&self) -> f64 {
        self.inner.standardized.bound
    }

    /// The same under the name that it has in `--json`.
    #[getter]
    fn lipschitz(&self) -> f64 {
        self.standardized_upper_bound()
    }

    /// For each input of the network: how far one unit of it can move the prediction, in the units of the data.
    #[getter]
    fn sensitivities(&self) -> Vec<f64> {
        match &self.inner.scaler {
            Some(units) => {
                let scaler = tautnet::Scaler {
                    input_mean: units.x_mean.clone(),
                    input_scale: units.x_scale.clone(),
                    target_mean: units.y_mean,
                    target_scale: units.y_scale,
                    ..tautnet::Scaler::identity(units.x_mean.len())
                };
                sensitivities(&self.inner, &scaler)
            }
            None => self.inner.standardized.sensitivities.clone(),
        }
    }

    /// How input changes are measured: "2", "inf" or "1".
    #[getter]
    fn norm(&self) -> &'static str {
        Norm::from(self.inner.norm).name()
    }

    /// Fingerprint of the network that the certificate is about.
    #[getter]
    fn network(&self) -> &str {
        &self.inner.network
    }

    /// The multipliers that prove the standardized bound.
    #[getter]
    fn multipliers(&self) -> Vec<f64> {
        self.inner.standardized.multipliers.clone()
    }

    /// The bytes of the certificate's file.
    fn to_json<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.inner.to_json())
    }

    #[pyo3(signature = (path, *, overwrite=false))]
    fn save(&self, path: std::path::PathBuf, overwrite: bool) -> PyResult<()> {
        save(&path, &self.inner.to_json(), overwrite)
    }

    fn __repr__(&self) -> String {
        format!("Certificate(lipschitz_upper_bound={:?}, norm={:?})", self.lipschitz_upper_bound(), self.norm())
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| other.get() == self)
    }
}

/// A proved bound on how fast the outputs of a network with any number of layers can change: the product of the layers' norms.
#[pyclass(frozen, module = "tautnet._tautnet")]
#[derive(Debug, Clone, PartialEq)]
pub struct ChainCertificate {
    pub inner: tautnet_verify::ChainCertificate,
}

/// What is claimed in some units.
fn claim<'py>(py: Python<'py>, claim: &ChainClaim) -> PyResult<Bound<'py, PyDict>> {
    let told = PyDict::new(py);
    told.set_item("bound", claim.bound)?;
    told.set_item("lipsdp", claim.by_multipliers())?;
    told.set_item("layers", &claim.layers)?;
    told.set_item("linear", claim.linear)?;
    told.set_item("outputs", &claim.outputs)?;
    told.set_item("pairs", &claim.pairs)?;
    Ok(told)
}

#[pymethods]
impl ChainCertificate {
    /// The least bound over all outputs together in the units of the data: those of X and y.
    #[getter]
    fn lipschitz_upper_bound(&self) -> f64 {
        self.inner.raw.as_ref().unwrap_or(&self.inner.standardized).least()
    }

    /// The least bound over all outputs together in standardized units, those in which prices and radii are.
    #[getter]
    fn standardized_upper_bound(&self) -> f64 {
        self.inner.standardized.least()
    }

    /// The same under the name that it has in `--json`.
    #[getter]
    fn lipschitz(&self) -> f64 {
        self.standardized_upper_bound()
    }

    /// All bounds in standardized units: `bound`, of all outputs together, by the product of norms; `lipsdp`, what multipliers prove of them, or None;
    /// `layers` and `linear`, the norms; `outputs`, of each; and `pairs`, of the differences of outputs 0 and 1, 0 and 2, …, 1 and 2, …, or None
    /// where these are too many.
    #[getter]
    fn standardized<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        claim(py, &self.inner.standardized)
    }

    /// The same in the units of the data, or None for a network that has no others.
    #[getter]
    fn raw<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        self.inner.raw.as_ref().map(|raw| claim(py, raw)).transpose()
    }

    /// How changes of the inputs, and of all outputs together, are measured: "2", "inf" or "1".
    #[getter]
    fn norm(&self) -> &'static str {
        Norm::from(self.inner.norm).name()
    }

    /// Fingerprint of the network that the certificate is about.
    #[getter]
    fn network(&self) -> &str {
        &self.inner.network
    }

    /// The bytes of the certificate's file.
    fn to_json<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.inner.to_bytes())
    }

    #[pyo3(signature = (path, *, overwrite=false))]
    fn save(&self, path: std::path::PathBuf, overwrite: bool) -> PyResult<()> {
        save(&path, &self.inner.to_bytes(), overwrite)
    }

    fn __repr__(&self) -> String {
        format!("ChainCertificate(lipschitz_upper_bound={:?}, norm={:?})", self.lipschitz_upper_bound(), self.norm())
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| other.get() == self)
    }
}

/// Rows with their margins, proved: by how much the class of each is the largest output wherever the inputs change within the radius.
#[pyclass(frozen, module = "tautnet._tautnet")]
#[derive(Debug, Clone, PartialEq)]
pub struct ClassMargins {
    pub inner: VerifiedMargins,
}

#[pymethods]
impl ClassMargins {
    /// How far the inputs change, in the units of the network.
    #[getter]
    fn radius(&self) -> f64 {
        self.inner.class_margins().radius
    }

    /// How that is measured: "2", "inf" or "1".
    #[getter]
    fn norm(&self) -> &'static str {
        Norm::from(self.inner.class_margins().norm).name()
    }

    /// Number of rows.
    #[getter]
    fn rows(&self) -> usize {
        self.inner.class_margins().rows.len()
    }

    /// How many rows have their class where the inputs do not change.
    #[getter]
    fn right(&self) -> usize {
        self.inner.right()
    }

    /// How many rows keep their class wherever the inputs change within the radius.
    #[getter]
    fn proved_right(&self) -> usize {
        self.inner.proved_right()
    }

    /// The margin of each row, at least: above 0 where it keeps its class.
    #[getter]
    fn margins<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.inner.class_margins().rows.iter().map(|row| row.margin).collect::<Vec<_>>().to_pyarray(py)
    }

    /// Fingerprint of the network.
    #[getter]
    fn network(&self) -> &str {
        &self.inner.class_margins().network
    }

    /// The bytes of the file.
    fn to_json<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.inner.class_margins().to_bytes())
    }

    #[pyo3(signature = (path, *, overwrite=false))]
    fn save(&self, path: std::path::PathBuf, overwrite: bool) -> PyResult<()> {
        save(&path, &self.inner.class_margins().to_bytes(), overwrite)
    }

    fn __repr__(&self) -> String {
        format!(
            "ClassMargins(proved_right={}, rows={}, radius={:?}, norm={:?})",
            self.proved_right(),
            self.rows(),
            self.radius(),
            self.norm()
        )
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| other.get() == self)
    }
}
