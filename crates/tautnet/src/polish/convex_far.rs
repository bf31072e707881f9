//! (R) of rows that are not in memory: the least worst case within a tolerance, by convex programs, each with better labels than the last.
//!
//! Labels are the patterns of the networks that came one after the other, of a later one where its worst case is lower by them, row by
//! row: they are found anew in every pass, and nothing is kept of a row. So the worst case by the labels never rises from program to program.

use super::convex::LITTLE;
use super::far::{Bounded, Far, FarPolished, mean};
use super::method::Method;
use super::outcome::{Observer, Polished};
use super::passes::{affordable, early, of_passes, progress, solution};
use super::run::{no_better, not_rounding, score_at};
use super::settings::Settings;
use crate::ending::Ending;
use crate::error::{Error, Result};
use crate::program::build::Prices;
use crate::program::smoothed::{self, Ask, Problem, Told};
use crate::shards::{Asked, Layers, Piece, odd, smooth};
use crate::tolerance::{ByColumn, Shape};
use crate::unit::{Affine, from_units};
use crate::worst_case::Smooth;
use crate::{Loss, Shallow};
use tautnet_cone::{Status, Stop};

fn of_memory(what: &str, hint: &str) -> Error {
    Error::new(format!("{what} needs all rows in memory"), hint)
}

/// Refuse what there is within a tolerance for rows in memory only.
pub fn check_within_far(settings: &Settings) -> Result<()> {
    settings.check()?;
    if settings.method != Method::CONVEX {
        let what = format!("the method `{}` within a tolerance", settings.method.name());
        return Err(of_memory(&what, "take the method `convex`, or fewer rows"));
    }
    if settings.max_lipschitz.is_some() {
        return Err(of_memory(
            "a limit of the bound within a tolerance",
            "give a price of the bound in its place, or fewer rows",
        ));
    }
    Ok(())
}

/// Lower the bound on the worst case of all rows. `None` where it was time to end before all rows had been gone through once.
pub fn polish_within_far(
    network: &Shallow,
    far: &mut Far<'_>,
    (settings, within): (&Settings, &ByColumn),
    observer: &mut Observer<'_>,
) -> Result<Option<FarPolished>> {
    check_within_far(settings)?;
    if within.shape == Shape::Ball && within.percent.iter().any(|percent| *percent != 0.0) {
        return Err(of_memory(
            "a ball that is of another size in every row",
            "say tolerances in the units of their columns and not in percent, or take a box",
        ));
    }
    let inputs = network.inputs();
    if inputs != far.shards.inputs() {
        return Err(Error::new(
            format!("the network has {inputs} inputs and the rows have {}", far.shards.inputs()),
            "give the columns the network was trained on, in that order",
        ));
    }
    let mut start = Layers::signed(network);
    let linear_part = settings.linear_part || network.a().is_some();
    if linear_part && start.a.is_empty() {
        start.a = vec![0.0; inputs];
    }
    let mut notes = Vec::new();
    if start.v.len() < network.units() {
        notes = super::run::dropped(network.units() - start.v.len(), 0, 0);
    }
    let prices = Prices { linear_part, ..settings.prices() };
    let mut rows = Passes { far, within, loss: settings.loss.clone(), labels: vec![start.clone()], passes: 0 };
    let function = smooth(&start, &settings.loss, within)?;
    affordable(&function)?;
    let Some((before, _)) = rows.judge(&start, None)? else { return Ok(None) };
    let given = score_at((before.clean.learned, Some(before.bound.learned)), network, &prices, None)?;
    let mut polished = Polished {
        network: network.clone(),
        before: given,
        after: given,
        labelled: None,
        duality_gap: None,
        iterations: 0,
        ending: Ending::Unchanged("it was time to end before there was another network".into()),
        notes,
        trace: Vec::new(),
        accepted: vec![given],
    };
    let mut after = before;
    let one = (within.percent.iter().all(|percent| *percent == 0.0))
        .then(|| within.on(1, |_, _| 0.0).map(|tolerance| tolerance.divided(&rows.far.scaler.input_scale)))
        .transpose()?;
    // An output bias that is held is 0 from the beginning.
    let c = if settings.output_bias { start.c } else { 0.0 };
    let mut at = At {
        network: Layers { c, ..start },
        objective: given.objective,
        priced: given.objective - before.bound.learned,
    };
    for round in 0..settings.rounds.max(1) {
        let begun = at.objective;
        let problem = Problem {
            smooth: &function,
            tolerance: one.as_ref(),
            prices: &prices,
            rows: rows.far.rows,
            start: (function.point(&at.network.numbers(), one.as_ref()), at.priced),
            typical: function.typical(at.objective - at.priced),
        };
        let solver = of_passes(settings);
        let mut trace = Vec::new();
        let found = smoothed::solve(&problem, &solver, &mut |ask| rows.ask(ask, &function), &mut |facts| {
            let progress = progress(round, facts);
            trace.push(progress);
            observer(&progress)
        })?;
        polished.iterations += trace.len().saturating_sub(1);
        polished.trace.extend(trace);
        let Some(found) = found else { break };
        let gap = found.trace.last().map(|last| last.gap).filter(|gap| gap.is_finite());
        let early = early(found.status, gap, Some(round));
        let solution = solution(&function, &found);
        let affine = Affine { c: if settings.output_bias { solution.affine.c } else { 0.0 }, ..solution.affine };
        let kept = not_rounding(&solution.units);
        let candidate = from_units(kept.iter().map(|&i| &solution.units[i]), inputs, affine)?;
        // What came of it is known even where it is time to end.
        let layers = at.network.with_numbers(&function.numbers(&found.point));
        let judged = Stop::here().late().during(|| rows.judge(&layers, Some(&function)))?;
        let Some((bounded, by_labels)) = judged else { break };
        let proposed = found.multipliers.as_ref().filter(|(ell, _)| ell.len() == candidate.units());
        let proposed = proposed.map(|(ell, p)| (&**ell, p.as_deref()));
        let score = score_at((bounded.clean.learned, Some(by_labels)), &candidate, &prices, proposed)?;
        let is_better = found.point != problem.start.0 && score.objective < polished.after.objective;
        if round == 0 || is_better {
            polished.duality_gap = gap;
            polished.ending = early.map_or(Ending::Solved, Ending::from);
        }
        if !is_better {
            if round == 0 {
                polished.ending = Ending::Unchanged(no_better(given, score, settings));
            }
            break;
        }
        polished.labelled = Some(found.objective);
        (polished.network, polished.after, after) = (candidate, score, bounded);
        polished.accepted.push(score);
        let stopped = matches!(found.status, Status::Interrupted);
        at = At { network: layers.clone(), objective: score.objective, priced: score.objective - by_labels };
        rows.labels.push(layers);
        if stopped || begun - at.objective < LITTLE * begun.abs() {
            break;
        }
    }
    let passes = rows.passes;
    Ok(Some(FarPolished {
        polished,
        before: before.clean,
        after: after.clean,
        beside: None,
        within: Some([before, after]),
        passes,
        members: 0,
    }))
}

/// Where the rounds stand.
struct At {
    network: Layers,
    objective: f64,
    /// What is priced of it.
    priced: f64,
}

/// The rows, the networks whose patterns the labels are of, and how often the rows were asked.
struct Passes<'f, 'a> {
    far: &'f mut Far<'a>,
    within: &'f ByColumn,
    loss: Loss,
    labels: Vec<Layers>,
    passes: usize,
}

impl Passes<'_, '_> {
    fn pieces(&mut self, asked: Vec<Asked>) -> Result<Option<Vec<Piece>>> {
        self.passes += 1;
        self.far.ask(asked)
    }

    fn smoothed(&self, labels: Vec<Layers>, ask: &Ask<'_>) -> Asked {
        Asked::Smoothed {
            labels,
            points: ask.points.to_vec(),
            loss: self.loss.to_string(),
            tolerance: self.within.clone(),
            smoothing: ask.smoothing,
            slope: ask.slope,
        }
    }

    fn ask(&mut self, ask: &Ask<'_>, smooth: &Smooth) -> Result<Option<Told>> {
        let asked = self.smoothed(self.labels.clone(), ask);
        let Some(pieces) = self.pieces(vec![asked])? else { return Ok(None) };
        let [piece] = &pieces[..] else { return Err(odd()) };
        Told::of(&piece.sums, ask, smooth).map(Some)
    }

    /// The mean losses of a network, and its worst case by the labels, or by its own patterns where these are better, row by row.
    fn judge(&mut self, network: &Layers, by: Option<&Smooth>) -> Result<Option<(Bounded, f64)>> {
        let (networks, loss) = (vec![network.clone()], self.loss.to_string());
        let tolerance = self.within.clone();
        let mut asked = vec![
            Asked::Worst { networks: networks.clone(), loss: loss.clone(), tolerance },
            Asked::Errors { networks, loss },
        ];
        if let Some(smooth) = by {
            let labels = self.labels.iter().chain([network]).cloned().collect();
            let points = [smooth.point(&network.numbers(), None)];
            asked.push(self.smoothed(labels, &Ask { points: &points, smoothing: 0.0, slope: false }));
        }
        let Some(pieces) = self.pieces(asked)? else { return Ok(None) };
        let [worst, clean, labelled @ ..] = &pieces[..] else { return Err(odd()) };
        let bounded = Bounded { clean: mean(clean, 0), found: mean(worst, 0), bound: mean(worst, 1) };
        let by_labels = labelled.first().map_or(bounded.bound.learned, |piece| piece.sums[1] / piece.sums[0]);
        Ok(Some((bounded, by_labels)))
    }
}

#[cfg(test)]
#[path = "convex_far_tests.rs"]
mod tests;
