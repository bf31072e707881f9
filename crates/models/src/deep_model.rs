//! Models of deep networks: how one is made of a fit or of a polish, when it may be gone on from, and what holds of rows within a radius.

use crate::model::Model;
use faer::Mat;
use serde_json::{Value, json};
use tautnet::certify::{self, Bounded};
use tautnet::deep_fit::{self, METHOD};
use tautnet::deep_job::{OnRows, Worked};
use tautnet::deep_polish::{Bound, Score, Settings};
use tautnet::error::{Error, Result};
use tautnet::recipe::Layers;
use tautnet::{Network, Norm, Recipe, Scaler};
use tautnet_tables::Encoder;

/// The product of the norms of the layers, in the record of a model.
pub(crate) const BOUND: &str = "trivial_bound";

/// The settings of the polish of a deep network, which may be a model's: what was said, and where no price, limit or radius was, those that the model
/// was trained by. `said` tells of a setting of the recipe whether anything was.
pub fn polish_settings(
    network: &Network,
    model: Option<&Model>,
    (recipe, layers): (&Recipe, &Layers),
    said: &dyn Fn(&str) -> bool,
) -> Result<Settings> {
    let (mut recipe, mut layers) = (recipe.clone(), *layers);
    if !said("loss") {
        recipe.loss = match model {
            Some(model) => model.loss()?,
            None if network.outputs() > 1 => deep_fit::CLASSES.parse()?,
            None => recipe.loss,
        };
    }
    if let Some(model) = model {
        let own = |name: &str| model.settings.get(name).and_then(Value::as_f64);
        if !said("norm") {
            recipe.norm = model.own_norm()?;
        }
        if !said("lipschitz_price") && !said("max_lipschitz") && layers.radius.is_none() {
            recipe.lipschitz_price = own("lipschitz_price");
            recipe.max_lipschitz = own("max_lipschitz").filter(|most| *most > 0.0);
            layers.radius = own("radius").filter(|_| layers.bound != Some(Bound::Lipsdp));
        }
    }
    let mut settings = layers.resolve(&recipe);
    if said("tol") {
        settings.tolerance = recipe.tol;
    }
    settings.check()?;
    Ok(settings)
}

/// What is told of the polish of a deep network; the same every time.
pub fn told_of_polish(worked: &Worked) -> Value {
    let score = |score: &Score, (learned, held_out): &OnRows| {
        let mut told = json!(score);
        told["learned"] = json!(learned);
        if let Some(held_out) = held_out {
            told["held_out"] = json!(held_out);
        }
        told
    };
    let (settings, polished) = (&worked.settings, &worked.polished);
    json!({
        "before": score(&polished.before, &worked.seen[0]),
        "after": score(&polished.after, &worked.seen[1]),
        "trivial_bound": worked.trivial.bound,
        "layers": worked.trivial.layers,
        "bound": settings.bound.name(),
        "norm": settings.norm.name(),
        "radius": settings.radius,
        "lipschitz_price": settings.lipschitz_price,
        "max_lipschitz": settings.most,
        "loss": settings.loss.name(),
        "ending": worked.ending(),
        "sweeps": polished.sweeps,
        "steps": polished.steps,
    })
}

/// The parts of what is told that have these names.
fn parts(told: &Value, names: &[&str]) -> Value {
    names.iter().map(|name| ((*name).to_owned(), told[*name].clone())).collect::<serde_json::Map<_, _>>().into()
}

impl Model {
    /// The model with the network of a polish, and what was done; `data` is what the data are called.
    pub fn polished_by_layers(&self, worked: &Worked, data: &str) -> Result<Self> {
        let mut polished = Self { network: worked.polished.network.clone(), certificate: None, ..self.clone() };
        let told = told_of_polish(worked);
        for name in ["trivial_bound", "layers", "norm", "radius", "ending"] {
            polished.objective[name] = told[name].clone();
        }
        polished.objective["learned"] = told["after"]["learned"].clone();
        match told["after"].get("held_out") {
            Some(held_out) => polished.objective["held_out"] = held_out.clone(),
            None => _ = polished.objective.as_object_mut().and_then(|objective| objective.remove("held_out")),
        }
        // All rows were learned from, or others were.
        for name in ["put_aside", "beside"] {
            _ = polished.objective.as_object_mut().and_then(|objective| objective.remove(name));
        }
        polished.objective["polish"] = parts(&told, &["before", "after", "ending", "sweeps", "steps"]);
        let mut settings = parts(&told, &["bound", "norm", "radius", "lipschitz_price", "max_lipschitz", "loss"]);
        settings["data"] = json!(data);
        polished.settings["polish"] = settings;
        polished.check()?;
        Ok(polished)
    }

    /// The same of a network that no model was made of before, with the columns and the units that it was polished in.
    pub fn of_polished_layers(
        worked: &Worked,
        columns: Encoder,
        (scaler, standardized): (Scaler, bool),
        data: &str,
    ) -> Result<Self> {
        let network = &worked.polished.network;
        let hidden = &network.layers()[..network.layers().len() - 1];
        let told = told_of_polish(worked);
        let mut settings = parts(&told, &["norm", "radius", "lipschitz_price", "max_lipschitz", "loss"]);
        settings["layers"] = hidden.iter().map(|layer| json!(layer.units())).collect();
        let activation = hidden[0].activation();
        if hidden.iter().all(|layer| layer.activation() == activation) {
            settings["activation"] = json!(activation.name());
        }
        settings["method"] = json!(METHOD);
        settings["standardized"] = json!(standardized);
        settings["data"] = json!(data);
        let (network, objective) = (network.clone(), json!({}));
        Self { network, columns, scaler, settings, objective, certificate: None, calibration: None }
            .polished_by_layers(worked, data)
    }

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

    /// Bound the network anew where the record of a deep network has its bound: of rounded weights, or of those in other units, it is another one.
    pub(crate) fn bound_anew(&mut self) -> Result<()> {
        if self.objective.get(BOUND).is_some() {
            let bound = certify::trivial_bound(&self.network, self.own_norm()?);
            (self.objective[BOUND], self.objective["layers"]) = (json!(bound.bound), json!(bound.layers));
        }
        Ok(())
    }

    /// Whether it was trained by its layers, and what is proved of it is the product of their norms. One hidden layer of relu units, of which the
    /// convex programs know more, can be such a model, too.
    pub fn is_by_layers(&self) -> bool {
        self.certificate.is_none() && self.objective.get(BOUND).is_some()
    }

    /// What a deep network did on rows that no step learned from, as [`Seen`](deep_fit::Seen) says it: those held out, or those by which the best
    /// pass was chosen.
    pub fn seen_by_layers(&self) -> Option<&Value> {
        ["held_out", "put_aside"].into_iter().find_map(|rows| self.objective.get(rows))
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
