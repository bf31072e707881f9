//! What the user asks for, by name: the library's settings, read by the library's own parsers.

use crate::errors::{OrRaise, refused};
use pyo3::prelude::*;
use serde_json::{Value, json};
use tautnet::error::{Error, Result};
use tautnet::fit::Price;
use tautnet::polish::{self, Effort, Method};
use tautnet::train::Start;
use tautnet::{Norm, fit, select, train};

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
    /// The convex program, at the price given or else the method's own.
    pub fn polish(&self) -> Result<polish::Settings> {
        let (method, walk) = self.effort()?.method(self.method.as_deref().map(str::parse::<Method>).transpose()?)?;
        let (lipschitz, decay) = method.default_prices();
        let settings = polish::Settings {
            method,
            lipschitz: self.lipschitz.unwrap_or(lipschitz),
            decay: self.decay.unwrap_or(decay),
            max_lipschitz: self.max_lipschitz,
            norm: self.norm.parse()?,
            penalty: self.penalty.parse()?,
            output_bias: self.output_bias,
            tolerance: self.tolerance,
            walk,
            ..polish::Settings::default()
        };
        settings.check()?;
        Ok(settings)
    }

    fn effort(&self) -> Result<Effort> {
        self.effort.parse()
    }

    /// The starting network.
    pub fn start(&self, polish: &polish::Settings) -> Result<train::Settings> {
        let mut start: Start = self.start.parse()?;
        match &mut start {
            Start::Adversarial(adversarial) => adversarial.norm = polish.norm,
            // Its bound is Euclidean.
            Start::Admm(admm) if polish.norm == Norm::Two => admm.bound = polish.max_lipschitz,
            _ => (),
        }
        let units = usize::try_from(self.hidden).ok().filter(|units| *units > 0).ok_or_else(|| {
            Error::new(
                format!("the network was asked to have {} hidden units", self.hidden),
                "give at least 1; 100 is a good start",
            )
        })?;
        Ok(train::Settings { start, units, output_bias: polish.output_bias, seed: self.seed })
    }

    /// The whole fit. A method without a price of the bound needs none to be chosen.
    pub fn fit(&self) -> Result<fit::Settings> {
        let polish = polish::Settings { decay: self.decay.unwrap_or(fit::DECAY), ..self.polish()? };
        let start = self.start(&polish)?;
        let price = match self.lipschitz {
            Some(price) => Price::Fixed(price),
            None if polish.method == Method::WeightDecay => Price::Fixed(polish.lipschitz),
            None => Price::Chosen(self.grid(None)),
        };
        // In the program itself the price is put by the fit.
        Ok(fit::Settings { start, polish, price })
    }

    /// The grid of prices and the judge.
    pub fn grid(&self, prices: Option<Vec<f64>>) -> select::Settings {
        let usual = select::Settings { seed: self.seed, ..select::Settings::default() };
        select::Settings { prices: prices.unwrap_or_else(|| usual.prices.clone()), ..usual }
    }

    /// The settings as a model file keeps them, under the names that the command line gives them.
    pub fn json(&self, command: &str, price: Option<f64>, polish: &polish::Settings) -> Value {
        let mut settings = json!({
            "command": command,
            "data": crate::columns::INPUTS,
            "method": polish.method.name(),
            "effort": self.effort,
            "lipschitz": price,
            "decay": polish.decay,
            "max_lipschitz": polish.max_lipschitz,
            "norm": polish.norm.name(),
            "penalty": polish.penalty.name(),
            "output_bias": polish.output_bias,
            "tolerance": polish.tolerance,
            "seed": self.seed,
        });
        if command == "train" {
            settings["start"] = json!(self.start);
            settings["hidden"] = json!(self.hidden);
            settings["lipschitz_chosen"] = json!(self.lipschitz.is_none() && polish.method != Method::WeightDecay);
        }
        settings
    }
}

/// Options from a dictionary, with a plain word where a value has the wrong type.
pub fn options(given: &Bound<'_, PyAny>) -> PyResult<Options> {
    let read: Options = given.extract().map_err(|error: PyErr| {
        // "failed to extract field Options.hidden", with the reason as its cause.
        let text = error.value(given.py()).to_string();
        let name = text.rsplit('.').next().unwrap_or_default().to_owned();
        let value = given.get_item(&name).and_then(|value| value.repr()).map_or_else(|_| "?".into(), |r| r.to_string());
        refused(format!("`{name}` is {value}"), format!("see the documentation of `{name}` for the values it takes"))
    })?;
    read.polish().or_raise()?;
    Ok(read)
}
