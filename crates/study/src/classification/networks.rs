//! The methods that make networks which are to be right within the perturbations.

use super::settings::Settings;
use crate::admm::Groups;
use crate::experiment::{Applied, GoOn};
use crate::rivals;
use crate::robust::{self, Cells, robust};
use tautnet::error::Result;
use tautnet::patterns::Patterns;
use tautnet::polish;
use tautnet::tolerance::{Shape, Tolerance};
use tautnet::train::{self, Adversarial, Descent, Start};
use tautnet::{Dataset, Norm, Shallow};

/// Every method in its order, with what it is.
pub const NETWORKS: [(&str, &str); 6] = [
    ("gd-std", "gradient descent on the rows as they are"),
    ("gd-fgsm", "gradient descent on rows moved by one step (FGSM)"),
    ("gd-pgd", "gradient descent on rows moved by several steps (PGD)"),
    ("published", "convex adversarial training: hard cells, sampled patterns"),
    ("soft-clean", "(R): soft cells, the patterns of gd-std"),
    ("soft-pgd", "(R): soft cells, the patterns of gd-pgd"),
];

/// What a method works on.
pub(super) struct Job<'a> {
    pub data: &'a Dataset,
    pub settings: &'a Settings,
    /// ε.
    pub radius: f64,
    /// The most iterations of a robust program.
    pub iterations: usize,
    pub seed: u64,
    pub go_on: &'a GoOn<'a>,
}

/// What came of it.
#[derive(Clone)]
pub(super) struct Made {
    pub network: Shallow,
    pub objective: f64,
    pub lower_bound: f64,
    pub ending: String,
}

impl Job<'_> {
    /// Make the network of a method; `made` has those of the methods before it.
    pub fn make(&self, method: &str, made: &dyn Fn(&str) -> Result<Shallow>) -> Result<Made> {
        match method {
            "gd-std" => self.descent(0),
            "gd-fgsm" => self.descent(1),
            "gd-pgd" => self.descent(self.settings.adversarial_steps),
            "published" => {
                let Settings { patterns, copies, .. } = *self.settings;
                let sampled = rivals::perturbed(self.data, patterns, self.radius, copies, self.seed)?;
                self.program(&sampled, Cells::Hard)
            }
            "soft-clean" => self.soft(&made("gd-std")?),
            _ => self.soft(&made("gd-pgd")?),
        }
    }

    /// Gradient descent on rows moved by so many steps. Its price of the weights is that of the programs once every unit has its best scaling.
    fn descent(&self, steps: usize) -> Result<Made> {
        let Settings { rate, batch, epochs, decay, .. } = *self.settings;
        let descent = Descent { rate, batch, epochs, decay, ..Descent::default() };
        let start: Start = match steps {
            0 => descent.into(),
            _ => Adversarial { descent, norm: Norm::Infinity, radius: self.radius, steps, ..Adversarial::default() }
                .into(),
        };
        let (units, loss) = (2 * self.settings.patterns, self.settings.loss());
        let settings = train::Settings { start, units, loss, seed: self.seed, ..train::Settings::default() };
        let trained = train::train(self.data, &settings, &mut |_| (self.go_on)())?;
        let Applied { network, ending } = trained.into();
        let objective = self.objective(&network)?;
        Ok(Made { network, objective, lower_bound: f64::NAN, ending })
    }

    /// The worst-case loss as the network's own patterns bound it, and the price of its weights.
    fn objective(&self, network: &Shallow) -> Result<f64> {
        let tolerance = Tolerance::same(Shape::Box, &vec![self.radius; self.data.columns()])?;
        let settings = polish::Settings {
            loss: self.settings.loss(),
            tolerance: Some(tolerance),
            lipschitz_price: 0.0,
            decay: self.settings.decay,
            ..polish::Settings::of(polish::Method::CONVEX)
        };
        Ok(polish::score(network, self.data, &settings)?.objective)
    }

    fn soft(&self, start: &Shallow) -> Result<Made> {
        self.solve(&Groups::of(start, self.data)?, Cells::Soft)
    }

    fn program(&self, patterns: &Patterns, cells: Cells) -> Result<Made> {
        self.solve(&Groups::both(patterns), cells)
    }

    fn solve(&self, groups: &Groups, cells: Cells) -> Result<Made> {
        let settings = robust::Settings {
            loss: self.settings.loss(),
            decay: self.settings.decay,
            radius: self.radius,
            norm: Norm::Infinity,
            cells,
            tolerance: self.settings.tol,
            iterations: self.iterations,
            ..robust::Settings::default()
        };
        let run = robust(groups, self.data, &settings, &mut |_| (self.go_on)())?;
        let ending = format!("gap {:.1e} after {} iterations", run.gap(), run.iterations);
        Ok(Made { network: run.network, objective: run.objective, lower_bound: run.lower_bound, ending })
    }
}
