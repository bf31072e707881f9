//! (R) of rows that are not in memory: the least worst case within a tolerance, by convex programs, each with better labels than the last.
//!
//! Labels are the patterns of the networks that came one after the other, of a later one where its worst case is lower by them, row by
//! row: they are found anew in every pass, and nothing is kept of a row. So the worst case by the labels never rises from program to program.

use super::far::{Bounded, Far, FarPolished, mean};
use super::method::Method;
use super::outcome::{Observer, Polished, Progress};
use super::run::{no_better, not_rounding, of_solver, score_at};
use super::settings::Settings;
use crate::ending::{Cause, Early, Ending};
use crate::error::{Error, Result};
use crate::loss::Cost;
use crate::program::build::Prices;
use crate::program::size::MOST_MEMORY;
use crate::program::smoothed::{self, Ask, Found, Plane, Problem, Told};
use crate::shards::{Asked, Layers, Piece, Question, odd, smooth};
use crate::tolerance::{ByColumn, Shape, Tolerance};
use crate::unit::{Affine, Unit, from_units};
use crate::worst_case::Smooth;
use crate::{Loss, Shallow};
use faer::Mat;
use tautnet_cone::{Status, Stop};

/// The relative gap that is enough where no other is asked for than that of rows in memory.
const ENOUGH: f64 = 1e-4;
/// A further program is worth it where the last one gained at least this share of the objective.
const LITTLE: f64 = 1e-3;

/// Refuse what there is for rows in memory only.
fn check(settings: &Settings, within: &ByColumn) -> Result<()> {
    settings.check()?;
    let of_memory = |what: String, hint: &str| Err(Error::new(format!("{what} needs all rows in memory"), hint));
    if settings.method != Method::CONVEX {
        let what = format!("the method `{}` within a tolerance", settings.method.name());
        return of_memory(what, "take the method `convex`, or fewer rows");
    }
    if settings.max_lipschitz.is_some() {
        return of_memory(
            "a limit of the bound within a tolerance".into(),
            "give a price of the bound in its place, or fewer rows",
        );
    }
    if within.shape == Shape::Ball && within.percent.iter().any(|percent| *percent != 0.0) {
        return of_memory(
            "a ball that is of another size in every row".into(),
            "say tolerances in the units of their columns and not in percent, or take a box",
        );
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
    check(settings, within)?;
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
    let size = function.at.size();
    // A shard's sums on every thread, and what they are added to.
    let bytes = 8.0 * (size as f64).powi(2) * (rayon::current_num_threads() as f64 + 4.0);
    if bytes > MOST_MEMORY {
        return Err(Error::new(
            format!("the convex program of {size} unknowns needs about {:.0} GB of memory", bytes / 1e9),
            "use fewer units or fewer columns",
        ));
    }
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
    let mut at = At { network: Layers { c, ..start }, objective: given.objective, priced: given.objective - before.bound.learned };
    for round in 0..settings.rounds.max(1) {
        let begun = at.objective;
        let problem = problem(&function, one.as_ref(), &prices, (&at, rows.far.rows, &settings.loss));
        let solver = of_solver(settings);
        let enough = if settings.tol == Settings::default().tol { ENOUGH } else { settings.tol };
        let solver = tautnet_cone::Settings { gap_relative: enough, gap_absolute: 1e-4 * enough, ..solver };
        let mut trace = Vec::new();
        let found = smoothed::solve(&problem, &solver, &mut |ask| rows.ask(ask), &mut |facts| {
            let progress =
                Progress { round, iteration: facts.iteration, objective: facts.primal, gap: facts.gap };
            trace.push(progress);
            observer(&progress)
        })?;
        polished.iterations += trace.len().saturating_sub(1);
        polished.trace.extend(trace);
        let Some(found) = found else { break };
        let gap = found.trace.last().map(|last| last.gap).filter(|gap| gap.is_finite());
        let early = early(found.status, gap, round);
        let candidate = network_of(&function, &at.network, &found, settings, inputs)?;
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
            polished.ending = early.clone().map_or(Ending::Solved, Ending::from);
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

fn problem<'a>(
    smooth: &'a Smooth,
    tolerance: Option<&'a Tolerance>,
    prices: &'a Prices,
    (at, rows, loss): (&At, u64, &Loss),
) -> Problem<'a> {
    let worst = (at.objective - at.priced).max(f64::MIN_POSITIVE);
    // Targets are of size 1.
    let typical = match Cost::of(loss).and_then(|cost| cost.quadratic) {
        Some(q) => (worst / q).sqrt(),
        None => worst,
    };
    let start = (smooth.point(&at.network.numbers(), tolerance), at.priced);
    Problem { smooth, tolerance, prices, rows, start, typical: typical.min(1.0) }
}

/// The network at a point; an output bias that is held is 0.
fn network_of(
    smooth: &Smooth,
    signed: &Layers,
    found: &Found,
    settings: &Settings,
    inputs: usize,
) -> Result<Shallow> {
    let layers = signed.with_numbers(&smooth.numbers(&found.point));
    let unit = |(z, sign): (&[f64], &f64)| Unit { z: z[..inputs].to_vec(), bias: z[inputs], sign: *sign };
    let units: Vec<Unit> = layers.z.chunks_exact(inputs + 1).zip(&layers.v).map(unit).collect();
    let c = if settings.output_bias { layers.c } else { 0.0 };
    let affine = Affine { c, a: (!layers.a.is_empty()).then_some(layers.a) };
    from_units(not_rounding(&units).into_iter().map(|i| &units[i]), inputs, affine)
}

fn early(status: Status, gap: Option<f64>, round: usize) -> Option<Early> {
    let cause = match status {
        Status::Solved => return None,
        Status::IterationLimit => Cause::IterationLimit,
        Status::Interrupted => Cause::Interrupted(Some(round)),
        _ => Cause::Rounding,
    };
    Some(Early { cause, gap })
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
        let question = Question { share: self.far.share, scaler: self.far.scaler.clone(), shards: None, asked };
        self.passes += 1;
        Ok(self.far.shards.ask(&question)?.map(|answer| answer.pieces))
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

    fn ask(&mut self, ask: &Ask<'_>) -> Result<Option<Told>> {
        let asked = self.smoothed(self.labels.clone(), ask);
        let Some(pieces) = self.pieces(vec![asked])? else { return Ok(None) };
        let [piece] = &pieces[..] else { return Err(odd()) };
        let (sums, count) = (&piece.sums, ask.points.len());
        let size = ask.points.first().map_or(0, Vec::len);
        if sums.len() != 1 + 2 * count + if ask.slope { 2 + size + size * size } else { 0 } {
            return Err(odd());
        }
        let mean = |at: usize| sums[at] / sums[0];
        let plane = |first: usize| Plane {
            value: mean(first),
            below: mean(first + 1),
            slope: (0..size).map(|j| mean(first + 2 + j)).collect(),
            curvature: Mat::from_fn(size, size, |a, b| if a >= b { mean(first + 2 + size + b * size + a) } else { 0.0 }),
        };
        Ok(Some(Told {
            losses: (0..count).map(|which| [mean(1 + 2 * which), mean(2 + 2 * which)]).collect(),
            plane: ask.slope.then(|| plane(1 + 2 * count)),
        }))
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
            asked.push(self.smoothed(labels, &Ask { points: &points, smoothing: [0.0; 2], slope: false }));
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
