//! The registry: one entry for each starting network and for each method. Whatever runs methods side by side, by name,
//! reads it from here.

use super::arm::{Applied, Base, Job, Method};
use super::rows::Row;
use super::within::{adversarial_tuned, within_tolerance};
use crate::convex as first_order;
use crate::rivals;
use tautnet::error::{Error, Result};
use tautnet::polish::{self, Ending, Penalty, Polished, polish};
use tautnet::requirement::{Demand, Requirement, Setting};
use tautnet::tolerance::Tolerance;
use tautnet::train::{self, Admm, Adversarial, Start, Trained, admm};
use tautnet::{Norm, Shallow};

const SQUARED: Requirement = Requirement {
    setting: Setting::Loss,
    demand: Demand::OneOf(&["squared"], "minimizes the squared error"),
    hint: "leave it out, or compare by the loss `squared`",
};

const NO_LINEAR_PART: Requirement = Requirement {
    setting: Setting::LinearPart,
    demand: Demand::OneOf(&[], "has no linear part"),
    hint: "leave it out, or the linear part",
};

/// What has a linear part of its own is one of the others, where all have one.
const fn same_as(same: &'static str) -> Requirement {
    Requirement {
        setting: Setting::LinearPart,
        demand: Demand::OneOf(&[], same),
        hint: "leave it out: the other one has a linear part, too",
    }
}

/// ADMM for a price of the bound has no objective without one.
const ADMM: &[Requirement] = &[
    SQUARED,
    NO_LINEAR_PART,
    Requirement {
        setting: Setting::Lipschitz,
        demand: Demand::Needed(&[], "needs a price of the Lipschitz bound, and λ_L is 0"),
        hint: "give a Lipschitz price above 0, or leave it out where there is none",
    },
];

/// First-order methods for (6).
const FIRST_ORDER: &[Requirement] = &[
    SQUARED,
    NO_LINEAR_PART,
    Requirement {
        setting: Setting::Decay,
        demand: Demand::Needed(&[], "needs a price of the weights, and λ_w is 0"),
        hint: "give the weights a price above 0, or leave it out",
    },
];

/// Every starting network.
pub static BASES: &[Base] = &[
    Base { name: "sgd", title: "SGD", about: "gradient descent with weight decay", requires: &[], run: sgd },
    Base { name: "pgd", title: "PGD", about: "adversarial training with weight decay", requires: &[], run: pgd },
    Base {
        name: "sgd-linear",
        title: "SGD, a·x",
        about: "`sgd` with a linear part",
        requires: &[same_as("would be the same as `sgd`")],
        run: |job| sgd(&with_linear_part(job)),
    },
    Base {
        name: "pgd-linear",
        title: "PGD, a·x",
        about: "`pgd` with a linear part",
        requires: &[same_as("would be the same as `pgd`")],
        run: |job| pgd(&with_linear_part(job)),
    },
    Base {
        name: "admm",
        title: "ADMM",
        about: "ADMM of Pauli et al., begun at the network of `sgd`",
        requires: ADMM,
        run: from_admm,
    },
    Base {
        name: "gaussian",
        title: "Gaussian",
        about: "no training: patterns of random half-spaces",
        requires: &[],
        run: gaussian,
    },
];

/// Every method: those of weight decay first, then those of the Lipschitz price, the weakest first.
pub static METHODS: &[Method] = &[
    Method {
        name: "samp-l2",
        title: "samp-l2",
        about: "(6) over a random half of the patterns with both signs",
        requires: polish::Method::WEIGHT_DECAY.requires(),
        anew: false,
        by_name: false,
        run: |job, network| half(job, network, polish::Method::WEIGHT_DECAY),
    },
    Method {
        name: "c-l2",
        title: "C-l2",
        about: "(6): weight decay over the patterns of the network",
        requires: polish::Method::WEIGHT_DECAY.requires(),
        anew: false,
        by_name: false,
        run: |job, network| convex(job, network, polish::Method::WEIGHT_DECAY),
    },
    Method {
        name: "relu-al",
        title: "relu, AL",
        about: "(6) by the augmented Lagrangian of Mishkin et al.",
        requires: FIRST_ORDER,
        anew: false,
        by_name: false,
        run: augmented_lagrangian,
    },
    Method {
        name: "gated",
        title: "gated",
        about: "gated relu with the gates of the network, by restarted FISTA, as a relu network",
        requires: FIRST_ORDER,
        anew: false,
        by_name: false,
        run: gated,
    },
    Method {
        name: "admm",
        title: "ADMM",
        about: "ADMM of Pauli et al., begun at the network",
        requires: ADMM,
        anew: false,
        by_name: false,
        run: alternate_with_admm,
    },
    Method {
        name: "samp-lip",
        title: "samp-lip",
        about: "Algorithm 1 over a random half of the patterns with both signs",
        requires: polish::Method::ALTERNATING.requires(),
        anew: false,
        by_name: false,
        run: |job, network| half(job, network, polish::Method::ALTERNATING),
    },
    Method {
        name: "c-lip",
        title: "C-lip",
        about: "Algorithm 1: multipliers, then weights by (12), in turn",
        requires: polish::Method::ALTERNATING.requires(),
        anew: false,
        by_name: false,
        run: |job, network| convex(job, network, polish::Method::ALTERNATING),
    },
    Method {
        name: "joint",
        title: "joint",
        about: "(J): weights and multipliers in one convex program",
        requires: polish::Method::JOINT.requires(),
        anew: false,
        by_name: false,
        run: |job, network| convex(job, network, polish::Method::JOINT),
    },
    Method {
        name: "joint-linear",
        title: "joint, a·x",
        about: "(J) with a linear part",
        requires: &[same_as("would be the same as `joint`")],
        anew: false,
        by_name: false,
        run: |job, network| convex(&with_linear_part(job), network, polish::Method::JOINT),
    },
    Method {
        name: "walk",
        title: "walk",
        about: "(J), then better patterns, then (J) again",
        requires: polish::Method::WALK.requires(),
        anew: false,
        by_name: false,
        run: |job, network| convex(job, network, polish::Method::WALK),
    },
    Method {
        name: "convex",
        title: "convex",
        about: "(J) with units that may leave their cells at a price, and better labels in turn",
        requires: polish::Method::CONVEX.requires(),
        anew: false,
        by_name: true,
        run: |job, network| convex(job, network, polish::Method::CONVEX),
    },
    Method {
        name: "robust",
        title: "(R)",
        about: "`convex` with the worst case within the radius of adversarial training in the place of the loss",
        requires: polish::Method::CONVEX.requires(),
        anew: false,
        by_name: true,
        run: robust,
    },
    Method {
        name: "within-tolerance",
        title: "within tolerance",
        about: "the network that `train` chooses for input errors up to the first radius; the start is left out",
        requires: &[],
        anew: true,
        by_name: true,
        run: within_tolerance,
    },
    Method {
        name: "adversarial-tuned",
        title: "adversarial, tuned",
        about: "adversarial training, radius, decay and width by validation at the first radius; the start is left out",
        requires: &[],
        anew: true,
        by_name: true,
        run: adversarial_tuned,
    },
];

impl Job<'_> {
    fn train(&self, start: Start) -> Result<Applied> {
        let polish::Settings { output_bias, ref loss, .. } = self.settings.polish;
        let (units, linear_part) = (self.settings.units, self.linear_part);
        let settings = train::Settings { start, loss: loss.clone(), units, output_bias, linear_part, seed: self.seed };
        train::train(self.data, &settings, &mut |_| (self.go_on)()).map(Applied::from)
    }
}

impl From<Trained> for Applied {
    fn from(trained: Trained) -> Self {
        let ending = match trained.ending {
            train::Ending::Solved => "solved",
            train::Ending::Plateau => "plateau",
            train::Ending::Limit => "stopped: the limit of epochs or iterations was reached",
            train::Ending::Observer => "stopped",
        };
        Self { network: trained.network, ending: ending.into() }
    }
}

/// The same with a linear part.
fn with_linear_part<'a>(job: &'a Job<'a>) -> Job<'a> {
    Job { linear_part: true, ..*job }
}

fn sgd(job: &Job<'_>) -> Result<Applied> {
    job.train(job.descent().into())
}

fn pgd(job: &Job<'_>) -> Result<Applied> {
    job.train(Start::from(Adversarial {
        descent: job.descent(),
        norm: job.settings.polish.norm,
        radius: job.settings.adversarial_radius,
        steps: job.settings.adversarial_steps,
        tolerance: None,
    }))
}

fn from_admm(job: &Job<'_>) -> Result<Applied> {
    alternate_with_admm(job, &sgd(job)?.network)
}

/// ADMM pays a price of its own for L², the square of its bound for the 2-norm. Where the objective has λ_L L in that
/// norm, that is at most `λ_L L₀/2 + λ_L/(2 L₀) · L²` with equality at the bound L₀ of the network to begin with: so
/// that price is λ_L/(2 L₀), and what ADMM gains is gained in λ L too. (In the ∞-norm ADMM has no such promise: it
/// knows the other norm only.)
fn alternate_with_admm(job: &Job<'_>, network: &Shallow) -> Result<Applied> {
    let objective = polish::Settings { norm: Norm::Two, ..job.objective() };
    let price = match objective.penalty {
        Penalty::LSquared => objective.lipschitz_price,
        Penalty::L => {
            let bound = polish::score(network, job.data, &objective)?.lipschitz;
            if bound == 0.0 {
                return Ok(Applied { network: network.clone(), ending: "unchanged: the network is constant".into() });
            }
            objective.lipschitz_price / (2.0 * bound)
        }
    };
    let common = train::Common { output_bias: objective.output_bias, seed: job.seed, ..train::Common::default() };
    let own = Admm { descent: job.descent(), price, bound: None, ..job.settings.admm.clone() };
    admm::from_network(network, job.data, &common, &own, &mut |_| (job.go_on)()).map(Applied::from)
}

/// The settings of a convex method.
fn program(job: &Job<'_>, method: polish::Method) -> polish::Settings {
    let settings = job.objective().with_method(method);
    // A method that does not price the bound needs a price of the weights.
    if method.uses(Setting::Lipschitz) { settings } else { polish::Settings { decay: job.decay(), ..settings } }
}

fn convex(job: &Job<'_>, network: &Shallow, method: polish::Method) -> Result<Applied> {
    polish(network, job.data, &program(job, method), &mut |_| (job.go_on)()).map(Applied::from)
}

/// The convex program for the worst case within the radius of adversarial training.
fn robust(job: &Job<'_>, network: &Shallow) -> Result<Applied> {
    let settings = program(job, polish::Method::CONVEX);
    let radius = job.settings.adversarial_radius;
    let tolerance = Tolerance::same(job.settings.shape()?, &vec![radius; job.data.columns()])?;
    let settings = polish::Settings { tolerance: Some(tolerance), ..settings };
    polish(network, job.data, &settings, &mut |_| (job.go_on)()).map(Applied::from)
}

fn half(job: &Job<'_>, network: &Shallow, method: polish::Method) -> Result<Applied> {
    rivals::sampled(network, job.data, &program(job, method), job.seed, &mut |_| (job.go_on)()).map(Applied::from)
}

impl From<Polished> for Applied {
    fn from(polished: Polished) -> Self {
        Self { network: polished.network, ending: in_words(polished.ending) }
    }
}

fn in_words(ending: Ending) -> String {
    match ending {
        Ending::Solved => "solved".into(),
        Ending::Stopped(why) => format!("stopped: {why}"),
        Ending::Unchanged(why) => format!("unchanged: {why}"),
    }
}

fn gaussian(job: &Job<'_>) -> Result<Applied> {
    let network = rivals::gaussian(job.data, job.settings.units.div_ceil(2), job.seed)?;
    Ok(Applied { network, ending: "drawn".into() })
}

/// The settings of the convex first-order methods, which have no Lipschitz price.
fn first_order(job: &Job<'_>) -> first_order::Settings {
    let output_bias = job.settings.polish.output_bias;
    first_order::Settings { decay: job.decay(), output_bias, ..first_order::Settings::default() }
}

fn augmented_lagrangian(job: &Job<'_>, network: &Shallow) -> Result<Applied> {
    let found = first_order::relu(network, job.data, &first_order(job), &mut |_| (job.go_on)())?;
    Ok(Applied { network: found.network, ending: in_words(found.ending) })
}

fn gated(job: &Job<'_>, network: &Shallow) -> Result<Applied> {
    let found = first_order::gated_relu(network, job.data, &first_order(job), &mut |_| (job.go_on)())?;
    Ok(Applied { network: found.network.to_relu(job.data)?, ending: in_words(found.ending) })
}

/// The base of this name.
pub fn base(name: &str) -> Result<&'static Base> {
    let names = || BASES.iter().map(|base| base.name).collect();
    BASES.iter().find(|base| base.name == name).ok_or_else(|| unknown("starting network", name, names()))
}

/// The method of this name.
pub fn method(name: &str) -> Result<&'static Method> {
    let names = || METHODS.iter().map(|method| method.name).collect();
    METHODS.iter().find(|method| method.name == name).ok_or_else(|| unknown("method", name, names()))
}

/// What a starting network is called in tables.
pub fn base_title(name: &str) -> &str {
    base(name).map_or(name, |base| base.title)
}

/// What a method is called in tables; `start` is what the starting network itself is called there.
pub fn method_title<'a>(name: &'a str, start: &'a str) -> &'a str {
    if name == Row::BASE { start } else { method(name).map_or(name, |method| method.title) }
}

fn unknown(kind: &str, name: &str, names: Vec<&str>) -> Error {
    Error::new(format!("there is no {kind} called `{name}`"), format!("choose one of: {}", names.join(", ")))
}
