//! A way to make a network for a tolerance, and how much work it is.

use crate::error::Result;
use crate::polish::{self, Method};
use crate::several;
use crate::tolerance::Tolerance;
use crate::train::{self, Adversarial, Common, Descent, Schedule};
use crate::{Dataset, Loss, Shallow};
use serde::Serialize;
use std::fmt;
use std::ops::ControlFlow;

/// A network is trained on rows that are attacked within a part of the tolerance, and may then be made the best of the convex
/// program (R).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Candidate {
    /// Hidden units.
    pub units: usize,
    /// Whether there is a linear part beside the units.
    pub linear_part: bool,
    /// In training rows are attacked within the tolerance times this; 0 where they are not attacked.
    pub reach: f64,
    /// The price of the weights in training.
    pub decay: f64,
    /// Whether training takes four times as many passes over the rows.
    pub long: bool,
    /// Whether training counts large errors by their size and not by their square, which is judged all the same.
    pub capped: bool,
    /// The convex program, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub convex: Option<Convex>,
}

/// (R), with soft cells, from the network that was trained.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Convex {
    /// The tolerance times this is that of the program.
    pub reach: f64,
    /// The price of the weights, Σ ‖z̄_i‖.
    pub decay: f64,
}

/// Rounds of (R).
const ROUNDS: usize = 2;

/// The relative gap of its programs, and the most iterations. What the program finds is judged by itself.
const GAP: (f64, usize) = (1e-4, 60);

/// Errors above so many standard deviations are large.
const LARGE: &str = "huber:1";

impl Candidate {
    /// Ordinary training, of so many units.
    pub fn ordinary(units: usize, decay: f64) -> Self {
        Self { units, linear_part: false, reach: 0.0, decay, long: false, capped: false, convex: None }
    }

    /// Make the network. [`Stop::here`](crate::Stop::here) ends it with what there is.
    pub fn make(&self, data: &Dataset, tolerance: &Tolerance, common: &Common) -> Result<Shallow> {
        let descent = Descent { decay: self.decay, ..self.descent(data.rows()) };
        let start = if self.reach > 0.0 {
            let tolerance = Some(tolerance.times(self.reach));
            Adversarial { descent, steps: 1, tolerance, ..Adversarial::default() }.into()
        } else {
            descent.into()
        };
        let loss = if self.capped { LARGE.parse::<Loss>()? } else { common.loss.clone() };
        let settings = train::Settings {
            start,
            loss,
            units: self.units,
            linear_part: self.linear_part,
            output_bias: common.output_bias,
            seed: common.seed,
        };
        let trained = train::train(data, &settings, &mut |_| ControlFlow::Continue(()))?.network;
        let Some(convex) = self.convex else { return Ok(trained) };
        let settings = polish::Settings {
            loss: common.loss.clone(),
            tolerance: Some(tolerance.times(convex.reach)),
            decay: convex.decay,
            output_bias: common.output_bias,
            rounds: ROUNDS,
            tol: GAP.0,
            iterations: GAP.1,
            ..polish::Settings::of(Method::CONVEX)
        };
        Ok(polish::polish(&trained, data, &settings, &mut |_| ControlFlow::Continue(()))?.network)
    }

    /// The same with an output for each of several classes, or for each of the targets.
    pub(super) fn make_for_several(
        &self,
        data: &Dataset,
        tolerance: &Tolerance,
        common: &Common,
        outputs: usize,
    ) -> Result<Shallow> {
        let Descent { rate, batch, epochs, .. } = self.descent(data.rows());
        let own = || if self.capped { LARGE.parse() } else { Ok(common.loss.clone()) };
        let loss = if common.loss.is_margin() { None } else { Some(own()?) };
        let plan = several::Plan {
            outputs,
            loss,
            units: self.units,
            linear_part: self.linear_part,
            output_bias: common.output_bias,
            decay: self.decay,
            rate,
            epochs,
            batch,
            steps: 1,
            seed: common.seed,
        };
        let attacked = (self.reach > 0.0).then(|| tolerance.times(self.reach));
        let trained = several::train(data, attacked.as_ref(), &plan)?;
        let Some(convex) = self.convex else { return Ok(trained) };
        let settings = several::Settings {
            loss: common.loss.clone(),
            tolerance: tolerance.times(convex.reach),
            decay: convex.decay,
            soft: true,
            rounds: ROUNDS,
            gap: GAP,
        };
        Ok(several::polish(&trained, data, &settings, &mut |_| ControlFlow::Continue(()))?.network)
    }

    /// About how many multiplications it takes; `outputs` are one, or one a class or a target.
    pub fn work(&self, rows: usize, columns: usize, outputs: usize) -> f64 {
        let descent = self.descent(rows);
        let (n, m, depth) = (rows as f64, self.units as f64, (columns + 1 + outputs) as f64);
        let visit = if self.reach > 0.0 { 5.0 } else { 3.0 };
        let trained = n * descent.epochs as f64 * m * depth * visit;
        // The normal equations of 30 iterations a round.
        let margins = if outputs == 1 { n } else { n * (outputs - 1) as f64 };
        trained + self.convex.map_or(0.0, |_| (ROUNDS * 30) as f64 * margins * (m * (columns + 2) as f64).powi(2))
    }

    /// The descent for so many rows: many visits of each where there are few.
    fn descent(&self, rows: usize) -> Descent {
        let epochs = (4000.0 / (rows as f64).sqrt()).clamp(12.0, 300.0) as usize;
        Descent {
            rate: 1e-2,
            batch: (rows / 100).clamp(32, 256),
            epochs: if self.long { 4 * epochs } else { epochs },
            schedule: Schedule::Cosine,
            ..Descent::default()
        }
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let linear = if self.linear_part { " and a linear part" } else { "" };
        write!(f, "{} units{linear}, ", self.units)?;
        match self.reach {
            0.0 => write!(f, "trained without attack")?,
            reach => write!(f, "attacked within {reach} × the tolerance")?,
        }
        write!(f, ", decay {}", in_short(self.decay))?;
        if self.long {
            write!(f, ", long")?;
        }
        if self.capped {
            write!(f, ", large errors capped")?;
        }
        match self.convex {
            Some(Convex { reach, decay }) => {
                write!(f, "; convex within {reach} × the tolerance, decay {}", in_short(decay))
            }
            None => Ok(()),
        }
    }
}

/// A number with two digits.
fn in_short(number: f64) -> f64 {
    format!("{number:.1e}").parse().expect("a number was written")
}
