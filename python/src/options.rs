//! What the user asks for, by name: the library's request, read by the library's own parsers.

use crate::errors::{OrRaise, refused};
use pyo3::prelude::*;
use tautnet::Request;
use tautnet::error::{Error, Result};

/// The parameters that fitting and polishing have in common; those that only one of them knows may be missing.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Options {
    hidden: i64,
    start: String,
    /// `None`: what the effort asks for.
    method: Option<String>,
    effort: String,
    /// `None`: chosen by validation in a fit, the method's default in a polish.
    lipschitz: Option<f64>,
    decay: Option<f64>,
    max_lipschitz: Option<f64>,
    norm: String,
    penalty: String,
    output_bias: bool,
    tolerance: f64,
    seed: u64,
}

impl Options {
    /// The same, read by the library's own parsers.
    pub fn request(&self) -> Result<Request> {
        let hidden = usize::try_from(self.hidden).map_err(|_| {
            Error::new(
                format!("the network was asked to have {} hidden units", self.hidden),
                "give at least 1; 100 is a good start",
            )
        })?;
        Ok(Request {
            method: self.method.as_deref().map(str::parse).transpose()?,
            effort: self.effort.parse()?,
            lipschitz: self.lipschitz,
            decay: self.decay,
            max_lipschitz: self.max_lipschitz,
            norm: self.norm.parse()?,
            penalty: self.penalty.parse()?,
            output_bias: self.output_bias,
            tolerance: self.tolerance,
            start: self.start.parse()?,
            hidden,
            seed: self.seed,
            ..Request::default()
        })
    }
}

/// What a dictionary asks for, with a plain word where a value has the wrong type.
pub fn request(given: &Bound<'_, PyAny>) -> PyResult<Request> {
    let read: Options = given.extract().map_err(|error: PyErr| {
        // "failed to extract field Options.hidden", with the reason as its cause.
        let text = error.value(given.py()).to_string();
        let name = text.rsplit('.').next().unwrap_or_default().to_owned();
        let value = given.get_item(&name).and_then(|value| value.repr()).map_or_else(|_| "?".into(), |r| r.to_string());
        refused(format!("`{name}` is {value}"), format!("see the documentation of `{name}` for the values it takes"))
    })?;
    read.request().or_raise()
}
