//! The library's errors as Python exceptions, its notes as warnings.

use pyo3::exceptions::PyUserWarning;
use pyo3::prelude::*;
use std::ffi::CString;
use tautnet::recipe::{Front, told};
use tautnet::{Error, printable};

/// `tautnet.TautnetError(what, hint)`.
pub fn raised(error: Error) -> PyErr {
    named("TautnetError", error)
}

/// `tautnet.NotProved(what, hint)`.
pub fn not_proved(error: Error) -> PyErr {
    named("NotProved", error)
}

/// With parameters and functions where the command line has flags and commands; and as there, nothing in a name of a file or a column
/// is a command to a terminal.
fn named(class: &str, error: Error) -> PyErr {
    let hint = told(&error.hint, Front::Python);
    Python::attach(|py| {
        let made = py
            .import("tautnet._errors")
            .and_then(|module| module.getattr(class))
            .and_then(|class| class.call1((printable::line(&error.what), printable::line(&hint))));
        match made {
            Ok(exception) => PyErr::from_value(exception),
            Err(failed) => failed,
        }
    })
}

/// An error of this binding, with the library's two lines.
pub fn refused(what: impl Into<String>, hint: impl Into<String>) -> PyErr {
    raised(Error::new(what, hint))
}

/// Say what was not kept of a file's numbers.
pub fn warn(py: Python<'_>, note: Option<&str>) -> PyResult<()> {
    let Some(note) = note else { return Ok(()) };
    let note = CString::new(printable::line(&told(note, Front::Python)).as_bytes())?;
    PyErr::warn(py, &py.get_type::<PyUserWarning>(), &note, 1)
}

/// `?` on the library's results.
pub trait OrRaise<T> {
    /// The value, or the exception.
    fn or_raise(self) -> PyResult<T>;
}

impl<T> OrRaise<T> for tautnet::error::Result<T> {
    fn or_raise(self) -> PyResult<T> {
        self.map_err(raised)
    }
}
