//! A starting network and what is done with it: the entries of the registry, the prices, and what they are applied to.

use std::fmt;
use std::ops::ControlFlow;
use tautnet::error::Result;
use tautnet::recipe::{Judge, Starts};
use tautnet::requirement::Requirement;
use tautnet::train::{Admm, Descent};
use tautnet::{Dataset, Recipe, Shallow, attack, polish};

/// A starting network, the methods that post-process it, and the prices of the objective that judges them.
#[derive(Debug, Clone, PartialEq)]
pub struct Arm {
    /// How the starting network is made.
    pub base: &'static Base,
    /// What is done with it.
    pub methods: Vec<&'static Method>,
    /// λ_L.
    pub lipschitz_price: f64,
    /// λ_w; where it is 0, whatever needs a weight decay takes that of [`Settings::descent`].
    pub decay: f64,
}

/// What all trials have in common.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Hidden units.
    pub units: usize,
    /// Share of the rows held out.
    pub held_out: f64,
    /// Seed of the first trial; the others count on from it ([`Settings::seed_of`]).
    pub seed: u64,
    /// Radii of attacks on the rows held out, in standardized units.
    pub radii: Vec<f64>,
    /// The attack; its bound and its seed are replaced.
    pub attack: attack::Settings,
    /// The descent of every starting network; its decay is that of the arm where the arm has one.
    pub descent: Descent,
    /// Radius of adversarial training.
    pub adversarial_radius: f64,
    /// Steps of its inner maximization.
    pub adversarial_steps: usize,
    /// ADMM; its descent, its price and its bound are replaced.
    pub admm: Admm,
    /// Norm, penalty, tolerance and limits of every solve; its method and its prices are replaced.
    pub polish: polish::Settings,
}

impl Default for Settings {
    fn default() -> Self {
        let recipe = Recipe::default();
        let Judge { test, radius, .. } = Judge::default();
        let Starts { descent, adversarial, admm } = Starts::default();
        Self {
            units: recipe.units(),
            held_out: test,
            seed: recipe.seed,
            radii: radius,
            attack: attack::Settings::new(f64::INFINITY),
            descent,
            adversarial_radius: adversarial.radius,
            adversarial_steps: adversarial.steps,
            admm,
            polish: polish::Settings::default(),
        }
    }
}

impl Settings {
    /// The seed of a trial; after the largest one comes 0.
    pub fn seed_of(&self, trial: u64) -> u64 {
        self.seed.wrapping_add(trial)
    }
}

/// The prices of an arm in words: λ_L, unless only the weights have one.
pub fn prices_in_words(lipschitz: f64, decay: f64) -> String {
    match (lipschitz > 0.0, decay > 0.0) {
        (true, true) => format!("λ_L {lipschitz}, λ_w {decay}"),
        (false, true) => format!("λ_w {decay}"),
        (_, false) => format!("λ_L {lipschitz}"),
    }
}

impl Arm {
    /// What tells arms apart.
    pub(super) fn key(&self) -> (&str, f64, f64) {
        (self.base.name, self.lipschitz_price, self.decay)
    }
}

/// How a starting network is made.
pub struct Base {
    /// The name in files and on the command line.
    pub name: &'static str,
    /// The name in tables and figures.
    pub title: &'static str,
    /// What it is.
    pub about: &'static str,
    /// What it asks of the prices and the loss of an arm.
    pub requires: &'static [Requirement],
    pub(super) run: fn(&Job<'_>) -> Result<Applied>,
}

/// What is done with a starting network.
pub struct Method {
    /// The name in files and on the command line.
    pub name: &'static str,
    /// The name in tables and figures.
    pub title: &'static str,
    /// What it is.
    pub about: &'static str,
    /// What it asks of the prices and the loss of an arm.
    pub requires: &'static [Requirement],
    /// Whether it makes a network of its own, whatever the starting network is. That takes long, and once a trial is enough.
    pub anew: bool,
    /// Whether it is run only where it is named.
    pub by_name: bool,
    pub(super) run: fn(&Job<'_>, &Shallow) -> Result<Applied>,
}

/// What a base or a method works on.
pub struct Job<'a> {
    /// The rows to learn from, standardized.
    pub data: &'a Dataset,
    /// The arm: its prices.
    pub arm: &'a Arm,
    /// What all trials have in common.
    pub settings: &'a Settings,
    /// Seed of everything that is drawn.
    pub seed: u64,
    /// Whether a linear part is free.
    pub linear_part: bool,
    /// Asked at every epoch and iteration.
    pub go_on: &'a GoOn<'a>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// The network.
    pub network: Shallow,
    /// How it ended, in words.
    pub ending: String,
}

impl Job<'_> {
    /// The weight decay of starting networks and of methods that need one.
    pub fn decay(&self) -> f64 {
        if self.arm.decay > 0.0 { self.arm.decay } else { self.settings.descent.decay }
    }

    /// The descent of starting networks.
    pub fn descent(&self) -> Descent {
        Descent { decay: self.decay(), ..self.settings.descent.clone() }
    }

    /// The objective (4) of the arm, which judges every network.
    pub fn objective(&self) -> polish::Settings {
        polish::Settings {
            method: polish::Method::JOINT,
            lipschitz_price: self.arm.lipschitz_price,
            decay: self.arm.decay,
            linear_part: self.linear_part,
            ..self.settings.polish.clone()
        }
    }
}

impl Base {
    /// Make the starting network.
    pub fn make(&self, job: &Job<'_>) -> Result<Applied> {
        (self.run)(job)
    }
}

impl Method {
    /// Post-process a network.
    pub fn apply(&self, job: &Job<'_>, network: &Shallow) -> Result<Applied> {
        (self.run)(job, network)
    }
}

impl fmt::Debug for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

// Names are what tells entries apart: two functions need not have two addresses.
impl PartialEq for Base {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl PartialEq for Method {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// Asked at every epoch and iteration; `Break` ends the trial without a result.
pub type GoOn<'a> = dyn Fn() -> ControlFlow<()> + Sync + 'a;
