//! What a model did on rows that it did not learn from, in the units of its target.

use crate::errors::OrRaise;
use crate::model::Model;
use pyo3::prelude::*;
use serde_json::{Value, json};
use tautnet::{Loss, Scaler};

impl Model {
    /// What was seen on rows that were not learned from, as JSON; `None` where the model was not chosen for a tolerance.
    pub fn seen_in_user_units(&self) -> PyResult<Option<String>> {
        let (model, mut seen) = (&self.inner, self.inner.objective["seen"].clone());
        if !seen.is_object() {
            return Ok(None);
        }
        let loss = model.loss().or_raise()?;
        in_user_units(&mut seen, &model.scaler, &loss);
        for (target, of) in seen["targets"].as_array_mut().into_iter().flatten().enumerate() {
            in_user_units(of, &model.scaler.of_target(target), &loss);
        }
        Ok(Some(seen.to_string()))
    }
}

/// The errors of one target.
fn in_user_units(seen: &mut Value, scaler: &Scaler, loss: &Loss) {
    for place in ["/start", "/result", "/simple/constant", "/simple/linear"] {
        for name in ["clean", "found", "proved"] {
            let Some(error) = seen.pointer_mut(place).and_then(|errors| errors.get_mut(name)) else { continue };
            // What is not finite is not a number in a file.
            *error = json!(error.as_f64().map(|error| scaler.root_to_user(loss, error)));
        }
    }
    for name in ["median", "nine_of_ten"] {
        if let Some(error) = seen.pointer_mut("/typical").and_then(|typical| typical.get_mut(name)) {
            *error = json!(error.as_f64().map(|error| scaler.target_scale * error));
        }
    }
}
