//! What a user may ask of a fit or of a polish: one reading of it, and one record of it in the model file.
//!
//! The command line and Python fill a [`Request`] with what was said and add nothing of their own: what holds where nothing was
//! said is decided here, and so is what is refused ([`polish::USES`]).

use crate::error::{Error, Result};
use crate::fit::{self, Price};
use crate::polish::{self, Effort, Method, Penalty, Setting};
use crate::train::Start;
use crate::{Loss, Norm, select, train};
use serde_json::{Value, json};

/// What was asked for. `None` where nothing was said.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The convex program; `None` for that of the effort.
    pub method: Option<Method>,
    /// How much time to give to the search for better patterns.
    pub effort: Effort,
    /// What a wrong prediction costs.
    pub loss: Loss,
    /// λ. `None`: in a polish the method's own; in a fit chosen by validation, where the method has a price of the bound.
    pub lipschitz: Option<f64>,
    /// λ_w. `None`: in a polish the method's own, in a fit [`fit::DECAY`].
    pub decay: Option<f64>,
    /// Hard limit on the bound.
    pub max_lipschitz: Option<f64>,
    /// Norm of input perturbations.
    pub norm: Norm,
    /// Whether the bound or its square is priced.
    pub penalty: Penalty,
    /// Whether the output bias is free, else it is 0.
    pub output_bias: bool,
    /// Relative duality gap to reach.
    pub tolerance: f64,
    /// How the starting network of a fit is made.
    pub start: Start,
    /// Its hidden units.
    pub hidden: usize,
    /// Seed of everything that is drawn.
    pub seed: u64,
}

impl Default for Request {
    fn default() -> Self {
        let (polish, train) = (polish::Settings::default(), train::Settings::default());
        Self {
            method: None,
            effort: Effort::default(),
            loss: Loss::default(),
            lipschitz: None,
            decay: None,
            max_lipschitz: None,
            norm: polish.norm,
            penalty: polish.penalty,
            output_bias: polish.output_bias,
            tolerance: polish.tolerance,
            start: train.start,
            hidden: train.units,
            seed: train.seed,
        }
    }
}

impl Request {
    /// The settings of a polish, checked.
    pub fn polish(&self) -> Result<polish::Settings> {
        let (method, walk) = self.effort.method(self.method)?;
        let own = polish::Settings::of(method);
        let settings = polish::Settings {
            loss: self.loss.clone(),
            lipschitz: self.lipschitz.unwrap_or(own.lipschitz),
            decay: self.decay.unwrap_or(own.decay),
            max_lipschitz: self.max_lipschitz,
            norm: self.norm,
            penalty: self.penalty,
            output_bias: self.output_bias,
            tolerance: self.tolerance,
            walk,
            ..own
        };
        settings.check_run()?;
        Ok(settings)
    }

    /// The settings of a fit, checked.
    pub fn fit(&self) -> Result<fit::Settings> {
        let polish = polish::Settings { decay: self.decay.unwrap_or(fit::DECAY), ..self.polish()? };
        let price = match self.lipschitz {
            Some(price) => Price::Fixed(price),
            None if polish.method.uses(Setting::Lipschitz) => {
                Price::Chosen(select::Settings { seed: self.seed, ..select::Settings::default() })
            }
            // There is nothing to choose.
            None => Price::Fixed(0.0),
        };
        if self.hidden == 0 {
            return Err(Error::new(
                "the network was asked to have 0 hidden units",
                "give at least 1; 100 is a good start",
            ));
        }
        let mut start = self.start.clone();
        match &mut start {
            Start::Adversarial(adversarial) => adversarial.norm = polish.norm,
            // Its bound is Euclidean.
            Start::Admm(admm) if polish.norm == Norm::Two => admm.bound = polish.max_lipschitz,
            _ => (),
        }
        let start = train::Settings {
            start,
            loss: self.loss.clone(),
            units: self.hidden,
            output_bias: self.output_bias,
            seed: self.seed,
        };
        let settings = fit::Settings { start, polish, price };
        settings.check()?;
        Ok(settings)
    }

    /// The settings of a polish as a model file keeps them; `data` is what the data are called. Nothing in it depends on the
    /// clock or on the number of threads.
    pub fn polish_record(&self, data: &str, settings: &polish::Settings) -> Value {
        json!({
            "command": "polish",
            "data": data,
            "method": settings.method.name(),
            "effort": self.effort.name(),
            "loss": settings.loss.name(),
            "lipschitz": settings.lipschitz,
            "decay": settings.decay,
            "max_lipschitz": settings.max_lipschitz,
            "norm": settings.norm.name(),
            "penalty": settings.penalty.name(),
            "output_bias": settings.output_bias,
            "tolerance": settings.tolerance,
            "seed": self.seed,
        })
    }

    /// The same of a fit, with the price that was used.
    pub fn fit_record(&self, data: &str, settings: &fit::Settings, price: Option<f64>) -> Value {
        let mut record = self.polish_record(data, &settings.polish);
        record["command"] = json!("train");
        record["start"] = json!(settings.start.start.name());
        record["hidden"] = json!(settings.start.units);
        record["lipschitz"] = json!(price);
        record["lipschitz_chosen"] = json!(matches!(settings.price, Price::Chosen(_)));
        record
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_said_is_the_method_s_own() {
        for method in Method::all() {
            let asked = Request { method: Some(method), ..Request::default() };
            let polish = asked.polish().unwrap();
            assert_eq!((polish.lipschitz, polish.decay), method.default_prices());
            let fit = asked.fit().unwrap();
            assert_eq!(fit.polish.decay, fit::DECAY);
            let record = asked.fit_record("X", &fit, Some(0.0));
            let chosen = method.uses(Setting::Lipschitz);
            assert_eq!(record["lipschitz_chosen"], chosen, "{method:?}");
            assert_eq!(matches!(fit.price, Price::Chosen(_)), chosen);
        }
        assert_eq!(Request::default().polish().unwrap(), polish::Settings::default());
    }

    #[test]
    fn what_would_fail_later_is_refused_at_once() {
        let alternating = Request { method: Some(Method::Alternating), lipschitz: Some(0.0), ..Request::default() };
        assert!(alternating.fit().unwrap_err().what.contains("nothing to alternate"));
        assert!(Request { max_lipschitz: Some(1.0), ..alternating }.fit().is_ok());
        let priced = Request { method: Some(Method::WeightDecay), lipschitz: Some(0.1), ..Request::default() };
        assert!(priced.fit().unwrap_err().what.contains("`lipschitz` 0.1"));
        assert!(Request { hidden: 0, ..Request::default() }.fit().is_err());
    }
}
