//! Methods that make a network of their own for inputs with an error: the starting network is left out.
//!
//! The error is the ball of the *first radius above 0* in the norm of the attacks. So all radii show how a network for the smallest
//! error fares where the error is larger, and a comparison at one radius has networks for that very radius.

use super::arm::{Applied, Job, Settings};
use std::ops::ControlFlow;
use tautnet::attack;
use tautnet::choose::{self, Candidate};
use tautnet::error::{Error, Result};
use tautnet::rows::Rows;
use tautnet::split;
use tautnet::tolerance::{Shape, Tolerance};
use tautnet::train::Common;
use tautnet::{Dataset, Shallow};

/// Parts that are held out in turn.
const FOLDS: usize = 5;
/// What adversarial training is tuned over: radius, as a multiple of that of the attack, price of the weights, and width.
const REACHES: [f64; 4] = [0.5, 1.0, 1.5, 2.0];
const DECAYS: [f64; 6] = [1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1];
const WIDTHS: [usize; 2] = [50, 200];

impl Settings {
    /// The shape of input errors in the norm of the attacks.
    pub(super) fn shape(&self) -> Result<Shape> {
        Shape::ALL.into_iter().find(|shape| shape.norm() == self.polish.norm).ok_or_else(|| {
            Error::new(
                format!("there is no network for input errors in the {}-norm", self.polish.norm.name()),
                "take the 2-norm or the inf-norm, or leave out the methods for input errors",
            )
        })
    }

    /// The input error that networks are made for: its shape and its radius.
    pub(super) fn input_error(&self) -> Result<(Shape, f64)> {
        let radius = self.radii.iter().copied().find(|radius| *radius > 0.0);
        let radius = radius.ok_or_else(|| {
            Error::new(
                "a network for an input error needs a radius above 0",
                "give such a radius, or leave out the methods `within-tolerance` and `adversarial-tuned`",
            )
        })?;
        Ok((self.shape()?, radius))
    }
}

fn tolerance(job: &Job<'_>) -> Result<Tolerance> {
    let (shape, radius) = job.settings.input_error()?;
    Tolerance::same(shape, &vec![radius; job.data.columns()])
}

fn common(job: &Job<'_>) -> Common {
    let polish = &job.settings.polish;
    Common {
        loss: polish.loss.clone(),
        linear_part: job.linear_part,
        output_bias: polish.output_bias,
        seed: job.seed,
        ..Common::default()
    }
}

/// The network that `train` chooses for the tolerance, with widths and prices of its own.
pub(super) fn within_tolerance(job: &Job<'_>, _: &Shallow) -> Result<Applied> {
    let settings = choose::Settings { common: common(job), units: None, decay: None, effort: 1.0, classes: None };
    let chosen = choose::choose(job.data, &tolerance(job)?, &settings, &mut |_| (job.go_on)())?;
    Ok(Applied { network: chosen.network, ending: "chosen".into() })
}

/// Adversarial training alone, tuned on rows held out in turn by the error under attack there.
pub(super) fn adversarial_tuned(job: &Job<'_>, start: &Shallow) -> Result<Applied> {
    let (tolerance, common) = (tolerance(job)?, common(job));
    let judge = attack::Settings { loss: common.loss.clone(), nodes: 0, ..job.settings.attack.clone() };
    let splits = split::by_folds(job.data.rows(), 1.0 / FOLDS as f64, FOLDS, job.seed)?;
    let parts: Vec<(Dataset, Dataset)> = splits
        .iter()
        .map(|split| [&split.train, &split.test].map(|rows| Rows::of(job.data).pick(rows)).into())
        .collect();
    let candidates = WIDTHS.iter().flat_map(|&units| {
        let of = move |reach: f64, decay: f64| Candidate {
            reach,
            linear_part: job.linear_part,
            ..Candidate::ordinary(units, decay)
        };
        REACHES.iter().flat_map(move |&reach| DECAYS.iter().map(move |&decay| of(reach, decay)))
    });
    let mut best: Option<(f64, Candidate)> = None;
    for candidate in candidates {
        let mut cases = Vec::new();
        for (learned, _) in &parts {
            if (job.go_on)() == ControlFlow::Break(()) {
                return Ok(Applied { network: start.clone(), ending: "stopped".into() });
            }
            cases.push(candidate.make(learned, &tolerance, &common)?);
        }
        let cases: Vec<_> =
            cases.iter().zip(&parts).map(|(network, (_, held_out))| (network, held_out, &tolerance)).collect();
        let found = attack::within_each(&cases, &judge)?.found;
        if best.is_none_or(|(least, _)| found < least) {
            best = Some((found, candidate));
        }
    }
    let (_, best) = best.expect("there are candidates");
    Ok(Applied { network: best.make(job.data, &tolerance, &common)?, ending: format!("chosen: {best}") })
}
