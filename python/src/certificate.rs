//! A certificate in Python: proved when it is made, and again whenever it is read.

use crate::files::save;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use tautnet::Norm;
use tautnet::certify::sensitivities;

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
