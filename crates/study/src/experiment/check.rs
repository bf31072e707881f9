//! What a plan is refused for, before any of it is run. What depends on the data shows in the trials only.

use super::arm::{Arm, Method, Settings};
use super::plan::Plan;
use tautnet::error::{Error, Result};
use tautnet::polish;
use tautnet::range::{RADIUS, Range, at_least_one};
use tautnet::requirement::{Asked, Choice, Setting, check_shared};
use tautnet::train::Adversarial;

fn refuse(what: String, hint: impl Into<String>) -> Result<()> {
    Err(Error::new(what, hint))
}

impl Plan {
    /// Refuse what could not be run: a setting out of range, a name or an arm given twice, a method that would fail in every trial.
    pub fn check(&self) -> Result<()> {
        let (data, arms, trials) = (self.data.len(), self.arms.len(), self.trials);
        if data == 0 || arms == 0 || trials == 0 {
            return refuse(
                format!("the experiment has {data} data sets, {arms} arms and {trials} trials"),
                "give at least one of each",
            );
        }
        if let Some(name) = twice(self.data.iter()) {
            return refuse(format!("the data set `{name}` is named twice"), "name every data set once");
        }
        self.settings.check()?;
        for (k, arm) in self.arms.iter().enumerate() {
            self.settings.check_arm(arm)?;
            if self.arms[..k].iter().any(|other| other.key() == arm.key()) {
                return refuse(
                    format!(
                        "two arms start from `{}` at λ_L {} and λ_w {}",
                        arm.base.name, arm.lipschitz_price, arm.decay
                    ),
                    "name every base once and every price once",
                );
            }
        }
        Ok(())
    }
}

impl Settings {
    fn check(&self) -> Result<()> {
        at_least_one("hidden_units", self.units)?;
        Range::Share.check("held_out", self.held_out)?;
        check_radii(&self.radii)?;
        self.descent.check()?;
        let (radius, steps) = (self.adversarial_radius, self.adversarial_steps);
        Adversarial { radius, steps, ..Adversarial::default() }.check()?;
        self.admm.check()?;
        if self.polish.multipliers.is_some() {
            return refuse(
                "the settings have multipliers, which belong to one network".into(),
                "leave them out: every trial has networks of its own",
            );
        }
        at_least_one("rounds", self.polish.rounds)?;
        // The method and the prices are those of the arms.
        let polish =
            polish::Settings { method: polish::Method::JOINT, lipschitz_price: 0.0, decay: 0.0, ..self.polish.clone() };
        polish.check()
    }

    fn check_arm(&self, arm: &Arm) -> Result<()> {
        for (name, price) in [("lipschitz_price", arm.lipschitz_price), ("decay", arm.decay)] {
            polish::PRICE.check(name, price)?;
        }
        if let Some(name) = twice(arm.methods.iter().map(|method| method.name)) {
            let base = arm.base.name;
            return refuse(format!("the method `{name}` is named twice for `{base}`"), "name every method once");
        }
        self.check_base(arm)?;
        arm.methods.iter().try_for_each(|method| self.check_method(arm, method))
    }

    /// Refuse a starting network that would fail in every trial at the prices and by the loss of an arm.
    pub fn check_base(&self, arm: &Arm) -> Result<()> {
        self.check_choice(Choice { kind: "starting network", name: arm.base.name, requires: arm.base.requires }, arm)
    }

    /// Refuse a method that would fail in every trial at the prices and by the loss of an arm.
    pub fn check_method(&self, arm: &Arm, method: &Method) -> Result<()> {
        if method.anew {
            self.input_error()?;
        }
        self.check_choice(Choice { kind: "method", name: method.name, requires: method.requires }, arm)
    }

    fn check_choice(&self, choice: Choice<'_>, arm: &Arm) -> Result<()> {
        let decay = if arm.decay > 0.0 { arm.decay } else { self.descent.decay };
        let prices = polish::Settings { lipschitz_price: arm.lipschitz_price, ..self.polish.clone() };
        check_shared(&choice, &|setting| match setting {
            Setting::Decay => (decay > 0.0).then(|| Asked::new("price", format!("the price of the weights {decay}"))),
            other => prices.asked(other),
        })
    }
}

fn check_radii(radii: &[f64]) -> Result<()> {
    radii.iter().try_for_each(|radius| RADIUS.check("radius", *radius))?;
    if radii.windows(2).any(|pair| pair[0] >= pair[1]) {
        return refuse(format!("the radii {radii:?} do not increase"), "give every radius once, the smallest first");
    }
    Ok(())
}

/// A name that comes a second time.
fn twice<T: PartialEq + Copy>(names: impl Iterator<Item = T>) -> Option<T> {
    let names: Vec<T> = names.collect();
    names.iter().enumerate().find(|(k, name)| names[..*k].contains(name)).map(|(_, name)| *name)
}
