//! What is asked of each start.

use crate::{Error, Norm, error::Result};

/// How a gradient becomes a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Optimizer {
    /// u ← μ u + g, p ← p − rate·u.
    Momentum {
        /// μ in [0, 1); 0 is plain gradient descent.
        momentum: f64,
    },
    /// Adam with decay rates 0.9 and 0.999 and ε = 1e-8.
    Adam,
}

/// What governs the descent. The default decay was chosen among 1e-4 to 2e-2 by a look at the clean and attacked error
/// on small tables (servo, machine, red wine; 100 units, standardized): a reasonable value, not an optimum.
/// Ranges: rate > 0, batch ≥ 1, epochs ≥ 1, decay ≥ 0, 0 ≤ tolerance < 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Descent {
    /// The step rule.
    pub optimizer: Optimizer,
    /// The first learning rate.
    pub rate: f64,
    /// Rows a step.
    pub batch: usize,
    /// Most passes over the data.
    pub epochs: usize,
    /// λ_w.
    pub decay: f64,
    /// Epochs without improvement that make a plateau.
    pub patience: usize,
    /// An improvement is a fall by more than this fraction of the best objective.
    pub tolerance: f64,
    /// How often a plateau cuts the rate tenfold before one ends the run.
    pub reductions: usize,
}

impl Default for Descent {
    fn default() -> Self {
        Self {
            optimizer: Optimizer::Adam,
            rate: 3e-3,
            batch: 32,
            epochs: 400,
            decay: 5e-3,
            patience: 10,
            tolerance: 1e-3,
            reductions: 1,
        }
    }
}

impl Descent {
    /// Refuse settings outside their ranges.
    pub fn check(&self) -> Result<()> {
        let positive = |name: &str, value: f64, good: bool, range: &str| {
            if good {
                Ok(())
            } else {
                Err(Error::new(
                    format!("the training setting `{name}` is {value}"),
                    format!("`{name}` must be {range}"),
                ))
            }
        };
        positive("rate", self.rate, self.rate.is_finite() && self.rate > 0.0, "a positive number, such as 0.003")?;
        positive("batch", self.batch as f64, self.batch > 0, "at least 1")?;
        positive("epochs", self.epochs as f64, self.epochs > 0, "at least 1")?;
        positive("patience", self.patience as f64, self.patience > 0, "at least 1")?;
        positive("decay", self.decay, self.decay.is_finite() && self.decay >= 0.0, "zero or a positive number")?;
        positive("tolerance", self.tolerance, (0.0..1.0).contains(&self.tolerance), "at least 0 and below 1")?;
        if let Optimizer::Momentum { momentum } = self.optimizer {
            positive("momentum", momentum, (0.0..1.0).contains(&momentum), "at least 0 and below 1")?;
        }
        Ok(())
    }
}

/// What governs a random start. Range: ridge > 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Random {
    /// ρ.
    pub ridge: f64,
}

impl Default for Random {
    fn default() -> Self {
        Self { ridge: 1e-3 }
    }
}

/// What governs adversarial training. Ranges: radius ≥ 0, steps ≥ 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Adversarial {
    /// The outer descent.
    pub descent: Descent,
    /// The norm of the perturbations.
    pub norm: Norm,
    /// ε, in the units of the data given.
    pub radius: f64,
    /// Steps of the inner maximization; 1 is the fast gradient method.
    pub steps: usize,
}

impl Default for Adversarial {
    fn default() -> Self {
        Self { descent: Descent::default(), norm: Norm::Two, radius: 0.2, steps: 7 }
    }
}

impl Adversarial {
    /// Refuse an inner maximization that is none; the descent is checked by itself.
    pub fn check(&self) -> Result<()> {
        if !(self.radius.is_finite() && self.radius >= 0.0) {
            return Err(Error::new(
                format!("the radius of adversarial training is {}", self.radius),
                "give a radius of at least 0, in standardized units",
            ));
        }
        if self.steps == 0 {
            return Err(Error::new(
                "adversarial training was asked for 0 inner steps",
                "give at least 1 (the fast gradient method); 5 to 10 are usual",
            ));
        }
        Ok(())
    }
}

/// What governs the alternation. Ranges: penalty, price and bound > 0, steps and iterations ≥ 1, 0 ≤ tolerance < 1.
///
/// Penalty and price are those of the authors' example with two inputs.
#[derive(Debug, Clone, PartialEq)]
pub struct Admm {
    /// The weight-decay start; optimizer, first rate and batch also of the gradient steps, which have no decay.
    pub descent: Descent,
    /// r. For an enforced bound well below the start's 1 does better than the default: with 40 units at a bound of 0.5, ten
    /// iterations then end at a loss of 0.52 instead of 0.62 on servo and of 0.136 instead of 0.173 on machine. A smaller tolerance
    /// at the default does not make up for that.
    pub penalty: f64,
    /// μ, the price of L²; not used when there is a bound.
    pub price: f64,
    /// L_max, in the Euclidean norm: the enforced form.
    pub bound: Option<f64>,
    /// Gradient steps an iteration, rounded up to whole passes over the data.
    pub steps: usize,
    /// Most iterations.
    pub iterations: usize,
    /// Relative change of 𝓛 that ends the alternation.
    pub tolerance: f64,
}

impl Default for Admm {
    fn default() -> Self {
        Self {
            descent: Descent::default(),
            penalty: 0.25,
            price: 1e-5,
            bound: None,
            steps: 2000,
            iterations: 30,
            tolerance: 1e-3,
        }
    }
}

impl Admm {
    /// Refuse settings outside their ranges.
    pub fn check(&self) -> Result<()> {
        let good = |name: &str, value: f64, good: bool, range: &str| {
            if good {
                return Ok(());
            }
            Err(Error::new(format!("the setting `{name}` of ADMM is {value}"), format!("`{name}` must be {range}")))
        };
        let positive =
            |name: &str, value: f64| good(name, value, value.is_finite() && value > 0.0, "a positive number");
        self.descent.check()?;
        positive("penalty", self.penalty)?;
        positive("price", self.price)?;
        positive("bound", self.bound.unwrap_or(1.0))?;
        good("steps", self.steps as f64, self.steps > 0, "at least 1")?;
        good("iterations", self.iterations as f64, self.iterations > 0, "at least 1")?;
        good("tolerance", self.tolerance, (0.0..1.0).contains(&self.tolerance), "at least 0 and below 1")
    }
}
