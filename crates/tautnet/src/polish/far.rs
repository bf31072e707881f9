//! A polish of rows that are not in memory: the program (J), or weight decay alone, of the squared error.

use super::method::Method;
use super::outcome::{Observer, Polished, Progress, Score};
use super::run::{dropped, gap, no_better, not_rounding, score_at, stopped};
use super::settings::{Settings, of_solver};
use crate::ending::{Cause, Early, Ending};
use crate::error::{Error, Result};
use crate::program::build::{Prices, Solution};
use crate::program::gathered::{self, Members, Problem, Sides};
use crate::shards::{Asked, Layers, Packed, Piece, Question, Shards, Share};
use crate::unit::{Affine, Unit, from_units};
use crate::{Scaler, Shallow};
use faer::Mat;

/// Rows that can be asked, and what is known of them.
pub struct Far<'a> {
    /// The rows.
    pub shards: &'a mut dyn Shards,
    /// Which of them are held out.
    pub share: Share,
    /// The units in which they are meant.
    pub scaler: Scaler,
    /// How many there are to learn from.
    pub rows: u64,
    /// Some of these, with their numbers: their inputs in the scaler's units.
    pub sample: Vec<(u64, Vec<f64>)>,
}

impl Far<'_> {
    /// What all rows answer; `None` where it was time to end.
    pub(super) fn ask(&mut self, asked: Vec<Asked>) -> Result<Option<Vec<Piece>>> {
        let question = Question { share: self.share, scaler: self.scaler.clone(), shards: None, asked };
        Ok(self.shards.ask(&question)?.map(|answer| answer.pieces))
    }
}

/// The mean loss of a network on all rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mean {
    /// Of those to learn from.
    pub learned: f64,
    /// Of those held out, where there are any.
    pub held_out: Option<f64>,
}

/// Mean losses of a network on all rows, within a tolerance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounded {
    /// Of the rows as they are.
    pub clean: Mean,
    /// At the worst points within the tolerance that are found.
    pub found: Mean,
    /// What they cannot exceed there, as the network's own patterns bound it.
    pub bound: Mean,
}

/// The mean losses of models that are simpler than a network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Simple {
    /// Of the mean of the targets.
    pub constant: Mean,
    /// Of the best linear model.
    pub linear: Mean,
}

/// A polish, and the mean losses of networks.
#[derive(Debug, Clone, PartialEq)]
pub struct FarPolished {
    /// The polish.
    pub polished: Polished,
    /// Of the network given.
    pub before: Mean,
    /// Of the result.
    pub after: Mean,
    /// Of simple models, where a pass over the rows has told.
    pub beside: Option<Simple>,
    /// What both networks come to within a tolerance, where there is one.
    pub within: Option<[Bounded; 2]>,
    /// How often all rows were gone through.
    pub passes: usize,
    /// The rows whose cells the last program held.
    pub members: usize,
}

/// Refuse what there is for rows in memory only.
pub fn check_far(settings: &Settings) -> Result<()> {
    settings.check_run()?;
    let of_memory = |what: String, hint: &str| Err(Error::new(format!("{what} needs all rows in memory"), hint));
    if ![Method::JOINT, Method::CELLS, Method::WEIGHT_DECAY].contains(&settings.method) {
        let what = format!("the method `{}`", settings.method.name());
        return of_memory(what, "take the method `joint` or `weight-decay`, or fewer rows");
    }
    if !settings.loss.is_squared() {
        return of_memory(
            format!("the loss `{}`", settings.loss),
            "take the loss `squared`, choose a network for a tolerance (leave out prices), or give fewer rows",
        );
    }
    if settings.tolerance.is_some() {
        return of_memory("a tolerance".into(), "give a price of the bound in its place, or fewer rows");
    }
    Ok(())
}

/// Replace the network by the best one with the same patterns on all rows. `None` where it was time to end before all rows had been gone
/// through once.
pub fn polish_far(
    network: &Shallow,
    far: &mut Far<'_>,
    settings: &Settings,
    observer: &mut Observer<'_>,
) -> Result<Option<FarPolished>> {
    check_far(settings)?;
    if network.inputs() != far.shards.inputs() {
        let (has, inputs) = (network.inputs(), far.shards.inputs());
        return Err(Error::new(
            format!("the network has {has} inputs and the rows have {inputs}"),
            "give the columns the network was trained on, in that order",
        ));
    }
    let mut asking = Asking { far, passes: 0, loss: settings.loss.to_string() };
    let units: Vec<Unit> = Unit::of(network).into_iter().map(|(_, unit)| unit).collect();
    let Some(pieces) = asking.ask(vec![Asked::Normal(Layers::of_units(&units)), asking.errors([network])])? else {
        return Ok(None);
    };
    let [normal, errors] = &pieces[..] else { return Err(crate::shards::odd()) };
    let at = Packed { e: network.inputs() + 1, m: units.len() };
    let sums = &normal.sums;
    let linear_part = settings.linear_part || network.a().is_some();
    let prices = Prices { linear_part, ..settings.prices() };
    let on: Vec<usize> = (0..units.len()).filter(|i| sums[at.on(*i)] > 0.0).collect();
    let ties = on.iter().map(|i| sums[at.ties(*i)]).sum::<f64>();
    let mut notes = dropped(network.units() - units.len(), units.len() - on.len(), ties as usize);
    let before = mean(errors, 0);
    let given = score_at((before.learned, None), network, &prices, None)?;
    let simple = simple(sums, at, settings)?;
    let left: Vec<Unit> = on.iter().map(|i| units[*i].clone()).collect();
    let mut made = Made { ending: Ending::Solved, gap: Some(0.0), trace: Vec::new(), members: 0, found: None };
    if left.is_empty() && !prices.linear_part {
        notes.push("no unit is left: only the output bias is fitted".into());
        let [constant, _] = &simple;
        let pieces = asking.ask(vec![asking.errors([constant].into_iter().chain(&simple))])?;
        let means = |pieces: Vec<Piece>| [0, 1, 2].map(|which| mean(&pieces[0], which));
        made.found = pieces.map(|pieces| (constant.clone(), None, means(pieces)));
    } else {
        let mut members: Members = asking.far.sample.iter().cloned().collect();
        for picks in on.iter().map(|i| &normal.picks[*i]) {
            members.extend(picks.rows.iter().map(|pick| (pick.row, pick.values.clone())));
        }
        let problem = Problem {
            units: &left,
            linear: network.a(),
            prices: &prices,
            sums: (sums, at, &on),
            rows: asking.far.rows,
            members,
        };
        made = solve(problem, settings, &mut asking, &simple, observer)?;
    }
    let mut polished = Polished {
        network: network.clone(),
        before: given,
        after: given,
        labelled: None,
        duality_gap: made.gap,
        iterations: made.trace.len().saturating_sub(1),
        ending: made.ending,
        notes,
        trace: made.trace,
        accepted: vec![given],
    };
    // Where no later pass came to its end, nothing is known of the simple models.
    let (mut after, mut beside) = (before, None);
    if let Some((found, multipliers, [own, constant, linear])) = made.found {
        beside = Some(Simple { constant, linear });
        let proposed = multipliers.as_ref().filter(|_| prices.lipschitz > 0.0 || prices.max_lipschitz.is_some());
        let proposed = proposed.map(|(ell, p)| (&**ell, p.as_deref()));
        let score = score_at((own.learned, None), &found, &prices, proposed)?;
        match refusal(given, score, settings) {
            None => {
                (polished.network, polished.after, after) = (found, score, own);
                polished.accepted.push(score);
            }
            Some(reason) => polished.ending = Ending::Unchanged(reason),
        }
    }
    let within = |score: Score| settings.max_lipschitz.is_none_or(|limit| score.lipschitz <= limit);
    if let (false, Some(Simple { constant: own, .. })) = (within(polished.after), beside) {
        // Whatever the limit is, a constant meets it.
        let [constant, _] = simple;
        (polished.after, after) = (score_at((own.learned, None), &constant, &prices, None)?, own);
        (polished.network, polished.duality_gap) = (constant, None);
        polished.ending = Early { cause: Cause::ScaledToLimit, gap: None }.into();
        polished.accepted.push(polished.after);
    }
    let (passes, members) = (asking.passes, made.members);
    Ok(Some(FarPolished { polished, before, after, beside, within: None, passes, members }))
}

/// Why the given network stays, where it does.
fn refusal(given: Score, found: Score, settings: &Settings) -> Option<String> {
    let meets = |score: Score| settings.max_lipschitz.is_none_or(|limit| score.lipschitz <= limit);
    let better = match (meets(given), meets(found)) {
        (true, true) => found.objective < given.objective,
        (had, has) => has && !had,
    };
    (!(better && found.objective.is_finite())).then(|| no_better(given, found, settings))
}

/// The multipliers of units, and those of inputs where the norm has them.
type Multipliers = (Vec<f64>, Option<Vec<f64>>);

/// A network with its multipliers, where it has any, and its mean loss and those of the simple models.
type Found = (Shallow, Option<Multipliers>, [Mean; 3]);

struct Made {
    ending: Ending,
    gap: Option<f64>,
    trace: Vec<Progress>,
    members: usize,
    /// Of the last solution whose loss a pass has told: the best so far where the solve was ended.
    found: Option<Found>,
}

fn solve(
    problem: Problem<'_>,
    settings: &Settings,
    asking: &mut Asking<'_, '_>,
    simple: &[Shallow; 2],
    observer: &mut Observer<'_>,
) -> Result<Made> {
    let (of, inputs) = (Layers::of_units(problem.units), asking.far.shards.inputs());
    let scale = gathered::factor(problem.rows);
    let (mut trace, mut found) = (Vec::new(), None);
    let mut look = |z: &Mat<f64>, solution: &Solution| {
        let kept = not_rounding(&solution.units);
        let affine =
            Affine { c: if settings.output_bias { solution.affine.c } else { 0.0 }, a: solution.affine.a.clone() };
        let network = from_units(kept.iter().map(|&i| &solution.units[i]), inputs, affine)?;
        let multipliers = solution
            .multipliers
            .as_ref()
            .map(|ell| (kept.iter().map(|&i| ell[i].max(0.0)).collect::<Vec<f64>>(), solution.p.clone()));
        let (network, multipliers) = within_limit(network, multipliers, settings)?;
        let sides = Asked::Sides { of: of.clone(), z: z.col_iter().flat_map(|z| z.iter().copied()).collect() };
        // With the losses: should there be no row on the wrong side, no further pass is needed.
        let errors = asking.errors([&network].into_iter().chain(simple));
        let Some(pieces) = asking.ask(vec![sides, errors])? else { return Ok(None) };
        let [sides, errors]: [Piece; 2] = pieces.try_into().map_err(|_| crate::shards::odd())?;
        found = Some((network, multipliers, [0, 1, 2].map(|which| mean(&errors, which))));
        let rows = |picks: crate::shards::Picks| {
            picks.rows.into_iter().map(|pick| (pick.key, pick.row, pick.values)).collect::<Vec<_>>()
        };
        Ok(Some(Sides { sizes: sides.sums, wrong: sides.picks.into_iter().map(rows).collect() }))
    };
    let (built, outcome) = gathered::solve(problem, &of_solver(settings), &mut look, &mut |facts| {
        let progress =
            Progress { round: 0, iteration: facts.iteration, objective: facts.primal / scale, gap: facts.gap };
        trace.push(progress);
        observer(&progress)
    })?;
    let why = stopped(&built, &outcome);
    Ok(Made {
        found,
        ending: why.map_or(Ending::Solved, Ending::from),
        gap: gap(&outcome),
        trace,
        members: built.program.layout.n,
    })
}

/// The solver meets a limit of the bound to its tolerance; scaling the output meets it exactly.
fn within_limit(
    network: Shallow,
    multipliers: Option<Multipliers>,
    settings: &Settings,
) -> Result<(Shallow, Option<Multipliers>)> {
    let Some(limit) = settings.max_lipschitz else { return Ok((network, multipliers)) };
    let proposed = multipliers.as_ref().map(|(ell, p)| (&**ell, p.as_deref()));
    let bound = score_at((0.0, None), &network, &settings.prices(), proposed)?.lipschitz;
    if bound <= limit || bound >= 1.001 * limit {
        return Ok((network, multipliers));
    }
    let shrink = limit / bound * (1.0 - 1e-14);
    let shrunk = multipliers.map(|(ell, p)| (ell.into_iter().map(|ell| ell * shrink).collect(), p));
    Ok((network.times(shrink), shrunk))
}

/// The rows, and how often they were asked.
struct Asking<'f, 'a> {
    far: &'f mut Far<'a>,
    passes: usize,
    loss: String,
}

impl Asking<'_, '_> {
    fn ask(&mut self, asked: Vec<Asked>) -> Result<Option<Vec<Piece>>> {
        self.passes += 1;
        self.far.ask(asked)
    }

    fn errors<'n>(&self, networks: impl IntoIterator<Item = &'n Shallow>) -> Asked {
        let networks = networks.into_iter().map(Layers::of).collect();
        Asked::Errors { networks, loss: self.loss.clone() }
    }
}

pub(super) fn mean(piece: &Piece, which: usize) -> Mean {
    let of = |part: usize| piece.sums[2 + 2 * which + part] / piece.sums[part];
    Mean { learned: of(0), held_out: (piece.sums[1] > 0.0).then(|| of(1)) }
}

/// The best constant and the best linear model; inputs that tell nothing new get next to nothing.
fn simple(sums: &[f64], at: Packed, settings: &Settings) -> Result<[Shallow; 2]> {
    use faer::linalg::solvers::Solve;
    let e = at.e;
    let ridge = 1e-9 * sums[0];
    let matrix = Mat::from_fn(e, e, |a, b| sums[at.product((0, a), (0, b))] + if a == b { ridge } else { 0.0 });
    let target = Mat::from_fn(e, 1, |a, _| sums[at.target(0, a)]);
    let Ok(factor) = matrix.llt(faer::Side::Lower) else { return Err(crate::shards::odd()) };
    let solved = factor.solve(&target);
    let linear = Affine { c: solved[(e - 1, 0)], a: Some((0..e - 1).map(|k| solved[(k, 0)]).collect()) };
    let mean = if settings.output_bias { sums[at.target(0, e - 1)] / sums[0] } else { 0.0 };
    let of = |affine| from_units(std::iter::empty(), e - 1, affine);
    Ok([of(Affine::constant(mean))?, of(linear)?])
}
