//! A polish of rows that are not in memory: the program (J), or weight decay alone, of the squared error.

use super::method::Method;
use super::outcome::{Observer, Polished, Progress, Score};
use super::run::{gap, not_rounding, of_solver, score_at, stopped};
use super::settings::Settings;
use crate::ending::{Cause, Early, Ending};
use crate::error::{Error, Result};
use crate::program::build::Prices;
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

/// The mean loss of a network on all rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mean {
    /// Of those to learn from.
    pub learned: f64,
    /// Of those held out, where there are any.
    pub held_out: Option<f64>,
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
    /// Of the best linear model.
    pub linear: Mean,
    /// Of the mean of the targets.
    pub constant: Mean,
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
        return of_memory(format!("the loss `{}`", settings.loss), "take the loss `squared`, or fewer rows");
    }
    if settings.tolerance.is_some() {
        return of_memory("a tolerance".into(), "give a price of the bound in its place, or fewer rows");
    }
    Ok(())
}

/// Replace the network by the best one with the same patterns on all rows. `None` where it was time to end before all rows had been gone
/// through once, or where nobody answered to the last question.
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
    let Some(pieces) = asking.ask(vec![Asked::Normal(Layers::of_units(&units)), asking.errors([network.clone()])])?
    else {
        return Ok(None);
    };
    let [normal, errors] = &pieces[..] else { return Err(crate::shards::odd()) };
    let at = Packed { e: network.inputs() + 1, m: units.len() };
    let sums = &normal.sums;
    let linear_part = settings.linear_part || network.a().is_some();
    let prices = Prices { linear_part, ..settings.prices() };
    let mut notes = Vec::new();
    let on: Vec<usize> = (0..units.len()).filter(|i| sums[at.on(*i)] > 0.0).collect();
    for (count, what) in [
        (network.units() - units.len(), "with output weight 0 dropped: they have no sign and contribute nothing"),
        (units.len() - on.len(), "without an active row dropped: they could only raise the Lipschitz constant"),
    ] {
        if count > 0 {
            notes.push(format!("{count} {} {what}", if count == 1 { "unit" } else { "units" }));
        }
    }
    let ties = on.iter().map(|i| sums[at.ties(*i)]).sum::<f64>();
    if ties > 0.0 {
        notes.push(format!("{ties} pre-activations are exactly 0 and count as on"));
    }
    let before = mean(errors, 0);
    let given = score_at((before.learned, None), network, &prices, None)?;
    let linear = linear_model(sums, at)?;
    let constant =
        from_units(std::iter::empty(), network.inputs(), Affine::constant(sums[at.target(0, at.e - 1)] / sums[0]))?;
    let left: Vec<Unit> = on.iter().map(|i| units[*i].clone()).collect();
    let mut made = Made { ending: Ending::Solved, gap: Some(0.0), trace: Vec::new(), members: 0, candidate: None };
    if left.is_empty() && !prices.linear_part {
        notes.push("no unit is left: only the output bias is fitted".into());
        let constant = if settings.output_bias { constant.clone() } else { constant.clone().with_c(0.0) };
        made.candidate = Some((constant, None, None));
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
        made = solve(problem, settings, &mut asking, observer)?;
    }
    let mut networks = vec![linear, constant];
    networks.extend(made.candidate.iter().map(|(network, ..)| network.clone()));
    // However late: what was found is nothing without its loss.
    let late = tautnet_cone::Stop::here().late();
    let errors = asking.errors(networks);
    let Some(pieces) = late.during(|| asking.ask(vec![errors]))? else { return Ok(None) };
    let [errors] = &pieces[..] else { return Err(crate::shards::odd()) };
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
    let mut after = before;
    if let Some((candidate, ell, p)) = made.candidate {
        let own = mean(errors, 2);
        let proposed = ell.as_deref().filter(|_| prices.lipschitz > 0.0 || prices.max_lipschitz.is_some());
        let score = score_at((own.learned, None), &candidate, &prices, proposed.map(|ell| (ell, p.as_deref())))?;
        match refusal(given, score, settings) {
            None => {
                (polished.network, polished.after, after) = (candidate, score, own);
                polished.accepted.push(score);
            }
            Some(reason) => polished.ending = Ending::Unchanged(reason),
        }
    }
    let (linear, constant) = (mean(errors, 0), mean(errors, 1));
    Ok(Some(FarPolished { polished, before, after, linear, constant, passes: asking.passes, members: made.members }))
}

/// Why the given network stays, where it does.
fn refusal(given: Score, found: Score, settings: &Settings) -> Option<String> {
    let meets = |score: Score| settings.max_lipschitz.is_none_or(|limit| score.lipschitz <= limit);
    let (old, new) = (given.objective, found.objective);
    match (meets(given), meets(found)) {
        _ if !new.is_finite() => Some("the result's objective is not a number".into()),
        (_, false) => Some(format!("the result's bound {:.6} exceeds the limit", found.lipschitz)),
        (false, true) => None,
        (true, true) if new < old => None,
        _ if new <= old * (1.0 + 10.0 * settings.tol) => {
            Some("the given network is optimal for its patterns already".into())
        }
        _ => Some(format!("the result's recomputed objective {new:.9} is not below {old:.9}")),
    }
}

/// A network with its multipliers, and those of its inputs where the norm has them.
type Found = (Shallow, Option<Vec<f64>>, Option<Vec<f64>>);

struct Made {
    ending: Ending,
    gap: Option<f64>,
    trace: Vec<Progress>,
    members: usize,
    /// `None` where it was time to end before it was known to be in its cells.
    candidate: Option<Found>,
}

fn solve(
    problem: Problem<'_>,
    settings: &Settings,
    asking: &mut Asking<'_, '_>,
    observer: &mut Observer<'_>,
) -> Result<Made> {
    let (of, inputs) = (Layers::of_units(problem.units), asking.far.shards.inputs());
    let scale = gathered::factor(problem.rows);
    let units = problem.units.len();
    let mut trace = Vec::new();
    let mut look = |z: &Mat<f64>| {
        let z = (0..units).flat_map(|i| z.col(i).iter().copied()).collect();
        let Some(pieces) = asking.ask(vec![Asked::Sides { of: of.clone(), z }])? else { return Ok(None) };
        let [piece] = pieces.try_into().map_err(|_| crate::shards::odd())?;
        let rows = |picks: crate::shards::Picks| {
            picks.rows.into_iter().map(|pick| (pick.key, pick.row, pick.values)).collect::<Vec<_>>()
        };
        Ok(Some(Sides { sizes: piece.sums, wrong: piece.picks.into_iter().map(rows).collect() }))
    };
    let (built, outcome) = gathered::solve(problem, &of_solver(settings), &mut look, &mut |facts| {
        let progress =
            Progress { round: 0, iteration: facts.iteration, objective: facts.primal / scale, gap: facts.gap };
        trace.push(progress);
        observer(&progress)
    })?;
    let why = stopped(&built, &outcome);
    let unchecked = matches!(&why, Some(Early { cause: Cause::Interrupted(_), .. }));
    let solution = built.solution(&outcome.x);
    let kept = not_rounding(&solution.units);
    let affine = Affine { c: if settings.output_bias { solution.affine.c } else { 0.0 }, a: solution.affine.a };
    let network = from_units(kept.iter().map(|&i| &solution.units[i]), inputs, affine)?;
    let ell = solution.multipliers.map(|ell| kept.iter().map(|&i| ell[i].max(0.0)).collect());
    Ok(Made {
        ending: why.map_or(Ending::Solved, Ending::from),
        gap: gap(&outcome),
        trace,
        members: built.program.layout.n,
        candidate: (!unchecked).then_some((network, ell, solution.p)),
    })
}

/// The rows, and how often they were asked.
struct Asking<'f, 'a> {
    far: &'f mut Far<'a>,
    passes: usize,
    loss: String,
}

impl Asking<'_, '_> {
    fn ask(&mut self, asked: Vec<Asked>) -> Result<Option<Vec<Piece>>> {
        let question = Question { share: self.far.share, scaler: self.far.scaler.clone(), asked };
        self.passes += 1;
        Ok(self.far.shards.ask(&question)?.map(|answer| answer.pieces))
    }

    fn errors(&self, networks: impl IntoIterator<Item = Shallow>) -> Asked {
        let networks = networks.into_iter().map(|network| Layers::of(&network)).collect();
        Asked::Errors { networks, loss: self.loss.clone() }
    }
}

fn mean(piece: &Piece, which: usize) -> Mean {
    let of = |part: usize| piece.sums[2 + 2 * which + part] / piece.sums[part];
    Mean { learned: of(0), held_out: (piece.sums[1] > 0.0).then(|| of(1)) }
}

/// The linear function of the least squared error; inputs that tell nothing new get next to nothing.
fn linear_model(sums: &[f64], at: Packed) -> Result<Shallow> {
    use faer::linalg::solvers::Solve;
    let e = at.e;
    let ridge = 1e-9 * sums[0];
    let matrix = Mat::from_fn(e, e, |a, b| sums[at.product((0, a), (0, b))] + if a == b { ridge } else { 0.0 });
    let target = Mat::from_fn(e, 1, |a, _| sums[at.target(0, a)]);
    let Ok(factor) = matrix.llt(faer::Side::Lower) else { return Err(crate::shards::odd()) };
    let solved = factor.solve(&target);
    let affine = Affine { c: solved[(e - 1, 0)], a: Some((0..e - 1).map(|k| solved[(k, 0)]).collect()) };
    from_units(std::iter::empty(), e - 1, affine)
}
