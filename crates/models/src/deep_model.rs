//! Models of deep networks: how one is made of a fit, when it may be gone on from, and what holds of rows within a radius.

use crate::model::Model;
use faer::Mat;
use serde_json::{Value, json};
use tautnet::certify::{self, Bounded};
use tautnet::error::{Error, Result};
use tautnet::{Norm, deep_fit};
use tautnet_tables::Encoder;

impl Model {
    /// The model of a deep network and its columns; `data` is what the data are called.
    pub fn of_deep(
        fitted: &deep_fit::Fitted,
        asked: &deep_fit::Asked<'_>,
        columns: Encoder,
        data: &str,
    ) -> Result<Self> {
        let (network, scaler) = (fitted.network.clone(), fitted.scaler.clone());
        let (settings, objective) = (json!(fitted.record(asked, data)), json!(fitted.objective()));
        let model = Self { network, columns, scaler, settings, objective, certificate: None, calibration: None };
        model.check()?;
        Ok(model)
    }

    /// Refuse to be gone on from on rows of other columns or classes.
    pub fn check_warm_start(&self, columns: &Encoder) -> Result<()> {
        let (own, theirs) = (self.columns.names(), columns.names());
        if own.len() == theirs.len() && own != theirs {
            let other = own.iter().zip(&theirs).find(|(own, theirs)| own != theirs);
            let (own, theirs) = other.unwrap_or((&own[0], &theirs[0]));
            return Err(Error::new(
                format!("the network to go on from has the input `{own}` where the data have `{theirs}`"),
                "give the columns the network was trained on, in that order",
            ));
        }
        if self.columns.classes == columns.classes && self.columns.outputs() == columns.outputs() {
            return Ok(());
        }
        let told = |columns: &Encoder| match &columns.classes {
            Some(classes) => format!("the classes {}", classes.join(", ")),
            None => format!("{} targets that are numbers", columns.outputs()),
        };
        Err(Error::new(
            format!("the network to go on from is of {}, and the data have {}", told(&self.columns), told(columns)),
            "give rows of the same classes, or start anew",
        ))
    }

    /// The norm that the model was made for; 2 where it does not say.
    pub fn own_norm(&self) -> Result<Norm> {
        self.settings.get("norm").and_then(Value::as_str).map_or(Ok(Norm::Two), str::parse)
    }

    /// What holds of rows whose columns have been encoded while their standardized inputs move by at most the radius, in the norm that the model was
    /// made for. It follows from the product of the layers' norms, so it is known of networks with any number of layers.
    pub fn within_radius(&self, x: Mat<f64>, radius: f64) -> Result<Vec<Bounded>> {
        certify::predictions_within_radius(&self.network, &self.scaler, x, (self.own_norm()?, radius))
    }
}
