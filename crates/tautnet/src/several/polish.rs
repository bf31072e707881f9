//! (R) for several outputs, directions held: of classes the least loss of the worst margins within the tolerance, output biases held too; of
//! targets the least sum over the outputs of the worst losses of each.

use super::bound::{Directed, Expanded};
use super::margins::{check, check_targets};
use crate::error::{Error, Result};
use crate::polish::{Observer, Progress};
use crate::program::build::{Built, Prices, Robust};
use crate::tolerance::Tolerance;
use crate::unit::Unit;
use crate::{Dataset, Loss, Norm, Shallow};
use std::ops::ControlFlow;
use tautnet_cone::Status;

/// What is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// A loss of the margin, where the outputs are classes; any other, where every output has a target.
    pub loss: Loss,
    /// How wrong the inputs can be.
    pub tolerance: Tolerance,
    /// The price of the weights, λ_w Σ ‖z̄_i‖.
    pub decay: f64,
    /// Whether units may leave their labels within the tolerance, at a price.
    pub soft: bool,
    /// The most programs, each with better labels.
    pub rounds: usize,
    /// The relative gap of a program, and the most iterations.
    pub gap: (f64, usize),
}

/// What comes of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Polished {
    /// The network with the least objective of all that were met: the given one where nothing is better.
    pub network: Shallow,
    /// The objective before and after: the price of the weights, and the bound on the mean loss, of the worst margins of classes or of all
    /// targets together.
    pub objective: [f64; 2],
    /// The relative gap of the program that the network is from; of the first one where that gave nothing better.
    pub gap: f64,
    /// Whether that program was solved to its tolerance.
    pub solved: bool,
    /// Programs that were solved.
    pub rounds: usize,
}

impl Polished {
    /// How it ended, in a word.
    pub fn ending(&self) -> &'static str {
        match (self.objective[1] < self.objective[0], self.solved) {
            (true, true) => "solved",
            (true, false) => "ended before its tolerance",
            (false, _) => "unchanged",
        }
    }
}

/// A round gains little when the objective falls by less than this fraction of itself: the last one.
const LITTLE: f64 = 1e-3;

/// More memory than this a program may not take, in bytes.
const MOST_MEMORY: f64 = 16e9;

/// Refuse rows that, each once for every other class or for every target, would not fit, before they are copied.
fn affordable(network: &Shallow, data: &Dataset, loss: &Loss) -> Result<()> {
    let each = if loss.is_margin() { network.outputs() - 1 } else { network.outputs() };
    let margins = data.rows() * each;
    // Inputs twice; coefficients, labels and what the program has for every unit in every margin.
    let bytes = 8.0 * margins as f64 * (2 * data.columns() + 8 * network.units()) as f64;
    if bytes <= MOST_MEMORY {
        return Ok(());
    }
    Err(Error::new(
        format!(
            "the convex program of {} units and {margins} {} ({} rows, each {each} times) needs about {:.0} GB of memory, \
             more than {:.0}",
            network.units(),
            if loss.is_margin() { "margins" } else { "outputs" },
            data.rows(),
            bytes / 1e9,
            MOST_MEMORY / 1e9
        ),
        "use fewer rows, or fewer units",
    ))
}

/// Solve (R) from a network with one output a class, or a target, and again with better labels while that gains. Never worse.
pub fn polish(network: &Shallow, data: &Dataset, settings: &Settings, observer: &mut Observer<'_>) -> Result<Polished> {
    let Settings { loss, tolerance, decay, soft, rounds, gap } = settings;
    // The check of classes says what is wrong where outputs are neither.
    let targets = !loss.is_margin() && (network.outputs() == 1 || data.targets() > 1);
    if targets {
        check_targets(network, data)?;
    } else {
        check(network, data, loss)?;
    }
    if tolerance.columns() != data.columns() || !(tolerance.is_same() || tolerance.sizes().nrows() == data.rows()) {
        return Err(Error::new(
            format!("the tolerance has {} columns and {} rows", tolerance.columns(), tolerance.sizes().nrows()),
            "give the tolerance of these very columns and rows",
        ));
    }
    affordable(network, data, loss)?;
    let mut at = Directed::of(network);
    let priced = |units: &[Unit]| decay * units.iter().map(Unit::length).sum::<f64>();
    let mut expanded = Expanded::of(data, tolerance, &at, loss)?;
    // The program has the mean over all its rows.
    let times = expanded.outputs() as f64;
    let patterns = expanded.patterns(&at.units);
    let (bound, mut labels) = expanded.bound((&at.units, &at.bias), loss, [&patterns, &patterns]);
    let start = bound + priced(&at.units);
    let mut best =
        Polished { network: network.clone(), objective: [start; 2], gap: f64::INFINITY, solved: false, rounds: 0 };
    let prices = Prices {
        lipschitz: 0.0,
        squared: false,
        decay: *decay / times,
        max_lipschitz: None,
        norm: Norm::Two,
        output_bias: !loss.is_margin(),
        linear_part: false,
        loss: loss.clone(),
    };
    let solver = tautnet_cone::Settings { gap_relative: gap.0, iterations: gap.1, ..tautnet_cone::Settings::default() };
    let mut before = start;
    // Hard cells have their labels for good.
    let most = if *soft { (*rounds).max(1) } else { 1 };
    for round in 0..most {
        if at.units.is_empty() {
            break;
        }
        let robust = Robust {
            tolerance: &expanded.tolerance,
            soft: *soft,
            groups: Some(&expanded.groups),
            margins: Some(&expanded.margins),
        };
        let mut built = Built::robust(&expanded.data, (&at.units, None), &labels, robust, &prices)?;
        let mut interrupted = false;
        let scale = times * built.objective(1.0);
        let outcome = built.solve(&solver, &mut |facts| {
            let objective = scale * facts.primal;
            let verdict = observer(&Progress { round, iteration: facts.iteration, objective, gap: facts.gap });
            interrupted |= verdict == ControlFlow::Break(());
            verdict
        });
        best.rounds += 1;
        let solution = built.solution(&outcome.x);
        let (units, finite) = (solution.units, |value: &f64| value.is_finite());
        if !units.iter().all(|unit| unit.length().is_finite()) || !solution.biases.iter().all(finite) {
            break;
        }
        if !loss.is_margin() {
            at.bias = solution.biases;
        }
        let patterns = expanded.patterns(&units);
        let (bound, better) = expanded.bound((&units, &at.bias), loss, [&labels, &patterns]);
        let objective = bound + priced(&units);
        // Units that came out as nothing are left behind.
        let largest = units.iter().map(Unit::length).fold(0.0, f64::max);
        let kept: Vec<usize> = (0..units.len()).filter(|&i| units[i].length() > 1e-13 * largest).collect();
        at.directions = faer::Mat::from_fn(kept.len(), at.bias.len(), |i, j| at.directions[(kept[i], j)]);
        at.units = kept.iter().map(|&i| units[i].clone()).collect();
        labels = better.pick(kept.iter().copied());
        expanded = Expanded::of(data, tolerance, &at, loss)?;
        if objective < best.objective[1] {
            best.network = at.network(data.columns())?;
            best.objective[1] = objective;
            (best.gap, best.solved) = (outcome.last.gap, outcome.status == Status::Solved);
        } else if best.rounds == 1 {
            (best.gap, best.solved) = (outcome.last.gap, outcome.status == Status::Solved);
        }
        if interrupted || outcome.status == Status::Interrupted || before - objective < LITTLE * before.abs() {
            break;
        }
        before = objective;
    }
    Ok(best)
}
