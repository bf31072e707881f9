//! One run: the units and patterns that a program is built from, its solve, and the recomputed score of what comes out.

use super::method::Method;
use super::outcome::{Observer, Progress, Score};
use super::passes::{self, Near, Why};
use super::settings::{Settings, of_solver};
use crate::{
    Dataset, Shallow,
    certify::{bound_by, lipsdp},
    ending::{Cause, Early, Ending},
    error::Result,
    loss::Cost,
    patterns::Patterns,
    program::{
        build::{Built, Held, Pressing, Prices, Robust, Solution, affordable},
        second_attempt::Obstacle,
        smoothed::{self, Ask, Found, Problem},
    },
    tolerance::Tolerance,
    unit::{Affine, Unit, from_units},
    worst_case::{Smooth, Within},
};
use std::ops::ControlFlow;
use tautnet_cone::{Outcome, Status, Stop};

/// A program of a worst case that ends with a larger gap is solved by passes.
const FAR: f64 = 1e-3;

/// A network with its recomputed objective.
#[derive(Clone)]
pub(super) struct Candidate {
    pub network: Shallow,
    pub score: Score,
}

/// Where a method stands.
pub(super) struct Standing {
    /// The best so far.
    pub best: Candidate,
    pub ending: Ending,
    pub gap: Option<f64>,
    /// The objective of the best so far at the labels of its program, where it has labels.
    pub labelled: Option<f64>,
}

/// What is kept of a program's solve.
pub(super) struct Solved {
    /// `None` where it is not a number.
    pub gap: Option<f64>,
    pub stopped: Option<Early>,
    /// Which units of the program are left in the candidate, in its order.
    pub kept: Vec<usize>,
    /// The labels by which the candidate's worst case is bounded, where there is a tolerance.
    pub labels: Option<Patterns>,
    /// Entries of the patterns against which the optimum presses.
    pub pressing: Vec<Pressing>,
    /// What the objective would fall by if the hard limit on L were one more; 0 where there is none.
    pub limit_price: f64,
    /// The units of the program at its solution, those that came out as zero too, and its linear part.
    pub units: Vec<Unit>,
    pub linear: Option<Vec<f64>>,
}

/// One run of [`polish`].
pub(super) struct Run<'a, 'o> {
    pub data: &'a Dataset,
    pub settings: &'a Settings,
    pub prices: Prices,
    /// The output bias of the given network.
    pub given_bias: f64,
    pub given_multipliers: Option<Vec<f64>>,
    pub units: Vec<Unit>,
    pub active: Patterns,
    /// The linear part that programs start from.
    pub linear: Option<Vec<f64>>,
    /// The output bias that they start from, where they start from one.
    start_bias: f64,
    pub observer: &'a mut Observer<'o>,
    pub iterations: usize,
    pub interrupted: bool,
    pub notes: Vec<String>,
    pub trace: Vec<Progress>,
    pub accepted: Vec<Score>,
}

impl<'a, 'o> Run<'a, 'o> {
    /// Sort out the units: those without an output weight or without an active row contribute nothing to the data.
    pub fn new(network: &Shallow, data: &'a Dataset, settings: &'a Settings, observer: &'a mut Observer<'o>) -> Self {
        let (all, ties) = Patterns::with_ties(network, data.x.as_ref());
        let signed = Unit::of(network);
        let without = network.units() - signed.len();
        // Held multipliers have their price whatever the unit does, so there every unit stays. A scenario can have a unit on that is
        // off on every row.
        let given_multipliers = settings.multipliers.clone();
        let all_stay = given_multipliers.is_some() || settings.method == Method::SCENARIOS;
        let kept: Vec<(usize, Unit)> = signed.into_iter().filter(|(i, _)| all_stay || !all.is_dead(*i)).collect();
        let dead = network.units() - without - kept.len();
        let ties = kept.iter().map(|(i, _)| ties[*i]).sum::<usize>();
        let mut notes = dropped(without, dead, ties);
        let active = all.pick(kept.iter().map(|(i, _)| *i));
        let units = kept.into_iter().map(|(_, unit)| unit).collect();
        if !settings.output_bias && network.c() != 0.0 {
            notes.push(format!("the output bias is held at 0; in the given network it is {}", network.c()));
        }
        let linear = network.a().map(<[f64]>::to_vec);
        Self {
            data,
            settings,
            prices: Prices { linear_part: settings.linear_part || linear.is_some(), ..settings.prices() },
            linear,
            given_bias: network.c(),
            start_bias: network.c(),
            given_multipliers,
            units,
            active,
            observer,
            iterations: 0,
            interrupted: false,
            notes,
            trace: Vec::new(),
            accepted: Vec::new(),
        }
    }

    /// Go on with the units of another network, and with these labels of those that have an output weight, or their patterns.
    /// Units that are off everywhere are left out.
    pub fn adopt(&mut self, network: &Shallow, labels: Option<&Patterns>) {
        let patterns = labels.is_none().then(|| Patterns::signed(network, self.data.x.as_ref()));
        let labels = labels.or(patterns.as_ref()).expect("there are labels or patterns");
        let units = Unit::of(network).into_iter().map(|(_, unit)| unit).enumerate();
        let kept: Vec<(usize, Unit)> = units.filter(|(i, _)| !labels.is_dead(*i)).collect();
        self.active = labels.pick(kept.iter().map(|(i, _)| *i));
        self.units = kept.into_iter().map(|(_, unit)| unit).collect();
        self.linear = network.a().map(<[f64]>::to_vec);
        self.start_bias = network.c();
    }

    /// Whether nothing is left but the output bias.
    pub fn only_a_constant(&self) -> bool {
        self.units.is_empty() && !self.prices.linear_part
    }

    /// What a result has beside its units: no output bias where it is held at 0.
    pub fn affine(&self, free: &Affine) -> Affine {
        Affine { c: self.bias(free.c), a: free.a.clone() }
    }

    /// The output bias of a result that would have this one: 0 where it is held.
    pub fn bias(&self, free: f64) -> f64 {
        if self.settings.output_bias { free } else { 0.0 }
    }

    pub fn priced(&self) -> bool {
        self.prices.lipschitz > 0.0 || self.prices.max_lipschitz.is_some()
    }

    /// The recomputed objective of a network.
    pub fn score(&self, network: &Shallow, proposed: Option<Multipliers<'_>>) -> Result<Score> {
        Ok(self.score_by(network, proposed, None)?.0)
    }

    /// The same, and the labels by which the worst case is bounded: row by row the better of these and of the patterns.
    fn score_by(
        &self,
        network: &Shallow,
        proposed: Option<Multipliers<'_>>,
        labels: Option<&Patterns>,
    ) -> Result<(Score, Option<Patterns>)> {
        score(network, self.data, &self.prices, (self.settings.tolerance.as_ref(), labels), proposed)
    }

    /// A score whose objective has what is found within the tolerance in the place of its bound.
    pub fn with_found(&self, score: Score, found: f64) -> Score {
        priced(Score { found: Some(found), ..score }, &self.prices)
    }

    /// Solve one program and read the network back.
    pub fn solve(&mut self, held: Held<'_>, round: usize) -> Result<(Candidate, Solved)> {
        if self.prices.loss.is_margin() {
            // (R) with hard cells and exact inputs is the same program.
            return self.solve_within(false, round);
        }
        affordable(self.data, self.units.len(), &self.prices, held)?;
        let from = (&*self.units, self.linear.as_deref());
        let built = Built::training(self.data, from, self.active.clone(), &self.prices, held);
        self.solved(built, held, round)
    }

    /// The same for (R): the least worst case within the tolerance, by these labels; units may leave them where cells are soft.
    pub fn solve_within(&mut self, soft: bool, round: usize) -> Result<(Candidate, Solved)> {
        let exact = Tolerance::none(self.data.columns());
        let tolerance = self.settings.tolerance.as_ref().unwrap_or(&exact);
        let pairs = self.data.rows() * self.units.len();
        if let Some(why) = passes::wanted(pairs, tolerance, self.settings).filter(|_| soft) {
            return self.solve_by_passes(tolerance, why, round);
        }
        let from = (&*self.units, self.linear.as_deref());
        let built = Built::robust(
            self.data,
            from,
            &self.active,
            Robust { tolerance, soft, groups: None, margins: None },
            &self.prices,
        )?;
        let solved = self.solved(built, Held::Nothing, round)?;
        // Many rows with tolerances of their own can be too much for the iterations that there are.
        let far =
            |early: &Early| early.gap.is_none_or(|gap| gap > FAR) && !matches!(early.cause, Cause::Interrupted(_));
        if solved.1.stopped.as_ref().is_some_and(far) && soft && passes::can(tolerance, self.settings) {
            return self.solve_by_passes(tolerance, Why::Faster, round);
        }
        Ok(solved)
    }

    /// The same without a variable for every unit in every row.
    pub fn solve_by_passes(&mut self, tolerance: &Tolerance, why: Why, round: usize) -> Result<(Candidate, Solved)> {
        let (data, inputs) = (self.data, self.data.columns());
        let cost = Cost::of_worst_case(&self.prices.loss)?;
        let signs = self.units.iter().map(|unit| unit.sign).collect();
        let columns = (0..inputs).filter(|j| tolerance.sizes().col(*j).iter().any(|size| *size > 0.0)).collect();
        let smooth = Smooth::new(cost, signs, (inputs, self.prices.linear_part), (tolerance.is_same(), columns));
        passes::affordable(&smooth)?;
        if why == Why::Room && round == 0 {
            self.notes.push("memory has no room for a variable for every unit in every row: solved by passes".into());
        }
        let one = Some(tolerance).filter(|tolerance| tolerance.is_same());
        let a = self.linear.clone().unwrap_or_else(|| vec![0.0; smooth.at.linear]);
        let units = self.units.iter().flat_map(|unit| unit.z.iter().copied().chain([unit.bias]));
        let numbers: Vec<f64> = units.chain(a).chain([self.bias(self.start_bias)]).collect();
        let start = smooth.point(&numbers, one);
        let near = Near { data, labels: &self.active, tolerance };
        let mut rows = |ask: &Ask<'_>| near.ask(ask, &smooth);
        let first = Ask { points: std::slice::from_ref(&start), smoothing: 0.0, slope: false };
        let worst = rows(&first)?.map_or(1.0, |told| told.losses[0][0]);
        let affine = Affine { c: 0.0, a: self.linear.clone() };
        let network = from_units(self.units.iter(), inputs, affine)?;
        let priced = score_at((0.0, None), &network, &self.prices, None)?.objective;
        let problem = Problem {
            smooth: &smooth,
            tolerance: one,
            prices: &self.prices,
            rows: data.rows() as u64,
            typical: smooth.typical(worst),
            start: (start, priced),
        };
        let (trace, observer, interrupted) = (&mut self.trace, &mut *self.observer, &mut self.interrupted);
        let found = smoothed::solve(&problem, &passes::of_passes(self.settings), &mut rows, &mut |facts| {
            let progress = passes::progress(round, facts);
            trace.push(progress);
            let verdict = observer(&progress);
            *interrupted |= verdict.is_break();
            verdict
        })?;
        self.interrupted |= Stop::here().asked();
        let found = found.unwrap_or_else(|| Found::nothing(&problem));
        self.iterations += found.trace.len().saturating_sub(1);
        let gap = found.trace.last().map(|last| last.gap).filter(|gap| gap.is_finite());
        let solution = passes::solution(&smooth, &found);
        let (candidate, kept, labels) = self.candidate(&solution, solution.multipliers.as_deref())?;
        let stopped = passes::early(found.status, gap, None);
        let (units, linear) = (solution.units, solution.affine.a);
        Ok((candidate, Solved { gap, stopped, kept, labels, pressing: Vec::new(), limit_price: 0.0, units, linear }))
    }

    /// The same for rows in groups, of each of which the worst row counts; the first rows of the groups are those of the data. The
    /// labels are of all rows.
    pub fn solve_groups(
        &mut self,
        rows: &Dataset,
        groups: &[usize],
        labels: &Patterns,
        round: usize,
    ) -> Result<(Candidate, Solved)> {
        let exact = Tolerance::none(rows.columns());
        let robust = Robust { tolerance: &exact, soft: true, groups: Some(groups), margins: None };
        let from = (&*self.units, self.linear.as_deref());
        let built = Built::robust(rows, from, labels, robust, &self.prices)?;
        self.solved(built, Held::Nothing, round)
    }

    fn solved(&mut self, mut built: Built, held: Held<'_>, round: usize) -> Result<(Candidate, Solved)> {
        let settings = of_solver(self.settings);
        let scale = built.objective(1.0);
        let (trace, observer, interrupted) = (&mut self.trace, &mut *self.observer, &mut self.interrupted);
        let outcome = built.solve(&settings, &mut |facts| {
            let progress =
                Progress { round, iteration: facts.iteration, objective: scale * facts.primal, gap: facts.gap };
            trace.push(progress);
            let verdict = observer(&progress);
            *interrupted |= verdict.is_break();
            verdict
        });
        self.interrupted |= Stop::here().asked();
        if let Some(products) = built.products {
            self.notes.push(format!(
                "too many unknowns for a factor: solved by conjugate gradients, with {products} products with the rows"
            ));
        }
        self.iterations += outcome.trace.len().saturating_sub(1);
        let solution = built.solution(&outcome.x);
        let multipliers = match held {
            Held::Multipliers(ell) => Some(ell),
            Held::Nothing => solution.multipliers.as_deref(),
        };
        let (candidate, kept, labels) = self.candidate(&solution, multipliers)?;
        Ok((
            candidate,
            Solved {
                gap: gap(&outcome),
                stopped: stopped(&built, &outcome),
                kept,
                labels,
                pressing: built.pressing(&outcome),
                limit_price: built.limit_price(&outcome),
                units: solution.units,
                linear: solution.affine.a,
            },
        ))
    }

    /// The network of a solution: `v = s √‖z̄‖`, `w̄ = z̄ / √‖z̄‖`; zero vectors are dropped. Second, the units that are left, and
    /// their labels.
    fn candidate(
        &self,
        solution: &Solution,
        multipliers: Option<&[f64]>,
    ) -> Result<(Candidate, Vec<usize>, Option<Patterns>)> {
        let kept = not_rounding(&solution.units);
        let affine = self.affine(&solution.affine);
        let network = from_units(kept.iter().map(|&i| &solution.units[i]), self.data.columns(), affine)?;
        let ell: Option<Vec<f64>> = multipliers.map(|ell| kept.iter().map(|&i| ell[i].max(0.0)).collect());
        let proposed = ell.as_deref().filter(|_| self.priced()).map(|ell| (ell, solution.p.as_deref()));
        let labels = self.active.pick(kept.iter().copied());
        let (mut score, mut better) = self.score_by(&network, proposed, Some(&labels))?;
        let mut network = network;
        if let Some(limit) = self.prices.max_lipschitz
            && score.lipschitz > limit
            && score.lipschitz < 1.001 * limit
        {
            // The solver meets the limit to its tolerance; scaling the output meets it exactly.
            let shrink = limit / score.lipschitz * (1.0 - 1e-14);
            network = network.times(shrink);
            let ell: Option<Vec<f64>> = ell.as_ref().map(|ell| ell.iter().map(|l| l * shrink).collect());
            let proposed = ell.as_deref().map(|ell| (ell, solution.p.as_deref()));
            (score, better) = self.score_by(&network, proposed, Some(&labels))?;
        }
        Ok((Candidate { network, score }, kept, better))
    }

    /// No unit is left: the best constant.
    pub fn constant(&self) -> Result<Candidate> {
        let bias = self.bias(self.prices.loss.best_constant(self.data));
        let network = from_units(std::iter::empty(), self.data.columns(), Affine::constant(bias))?;
        let score = self.score(&network, None)?;
        Ok(Candidate { network, score })
    }

    /// Where not even the best so far meets a hard limit: that network scaled down, or the best constant. Whether it was so.
    pub fn keep_limit(&mut self, best: &mut Candidate) -> Result<bool> {
        let Some(limit) = self.prices.max_lipschitz.filter(|_| !self.meets(best)) else { return Ok(false) };
        let shrink = limit / best.score.lipschitz * (1.0 - 1e-12);
        let scaled = best.network.clone().times(shrink);
        let score = self.score(&scaled, None)?;
        for candidate in [Candidate { network: scaled, score }, self.constant()?] {
            if self.improves(best, &candidate) {
                *best = candidate;
            }
        }
        self.accepted.push(best.score);
        Ok(true)
    }

    pub fn meets(&self, candidate: &Candidate) -> bool {
        self.prices.max_lipschitz.is_none_or(|limit| candidate.score.lipschitz <= limit)
    }

    /// Whether the candidate is the better of the two; one that meets a hard bound beats one that does not.
    pub fn improves(&self, current: &Candidate, candidate: &Candidate) -> bool {
        let (old, new) = (current.score.objective, candidate.score.objective);
        new.is_finite()
            && match (self.meets(current), self.meets(candidate)) {
                (true, true) => new < old,
                (had, has) => has && !had,
            }
    }

    /// Whether the better network is not worth another round. The first that meets a hard limit is, whatever it costs.
    pub fn hardly_below(&self, better: &Candidate, given: &Candidate) -> bool {
        let (old, new) = (given.score.objective, better.score.objective);
        self.meets(given) && old - new <= 1e-9 * old.abs()
    }

    /// Keep the better of the two, and say why if that is not the candidate.
    pub fn better(&mut self, current: Candidate, candidate: Candidate, ending: &mut Ending) -> Candidate {
        if self.improves(&current, &candidate) {
            self.accepted.push(candidate.score);
            return candidate;
        }
        let (old, new) = (current.score.objective, candidate.score.objective);
        let reason = if self.meets(&candidate) && current.network.c() != self.bias(current.network.c()) {
            // Only the given network has a bias where it is held.
            let given = self.given_bias;
            format!(
                "with an output bias of 0 the objective is {new:.9}, not below {old:.9} with the given one of {given}"
            )
        } else {
            no_better(current.score, candidate.score, self.settings)
        };
        *ending = Ending::Unchanged(reason);
        current
    }
}

/// What is told of units that a program does not have, and of rows on a boundary.
pub(super) fn dropped(without: usize, dead: usize, ties: usize) -> Vec<String> {
    let mut notes = Vec::new();
    for (count, what) in [
        (without, "with output weight 0 dropped: they have no sign and contribute nothing"),
        (dead, "without an active row dropped: they could only raise the Lipschitz constant"),
    ] {
        if count > 0 {
            notes.push(format!("{count} {} {what}", if count == 1 { "unit" } else { "units" }));
        }
    }
    if ties > 0 {
        notes.push(format!("{ties} pre-activations are exactly 0 and count as on"));
    }
    notes
}

/// Why a network stays beside a result that is no better.
pub(super) fn no_better(current: Score, found: Score, settings: &Settings) -> String {
    let (old, new) = (current.objective, found.objective);
    match settings.max_lipschitz.is_none_or(|limit| found.lipschitz <= limit) {
        false => format!("the result's bound {:.6} exceeds the limit", found.lipschitz),
        true if new <= old * (1.0 + 10.0 * settings.tol) => {
            "the given network is optimal for its patterns already".into()
        }
        true => format!("the result's recomputed objective {new:.9} is not below {old:.9}"),
    }
}

/// The units that are more than rounding: the largest value on the data of the others is far under the loss's own.
pub(super) fn not_rounding(units: &[Unit]) -> Vec<usize> {
    let lengths: Vec<f64> = units.iter().map(Unit::length).collect();
    let largest = lengths.iter().fold(0.0f64, |m, &l| m.max(l));
    (0..lengths.len()).filter(|&i| lengths[i] > 1e-13 * largest).collect()
}

/// Multipliers for the units of a network with `v ≠ 0`, in order, and those of the inputs where the norm has them.
type Multipliers<'a> = (&'a [f64], Option<&'a [f64]>);

/// The objective of a network, recomputed from its weights. The bound is LipSDP's, or what `proposed` proves where that is lower.
pub(super) fn score(
    network: &Shallow,
    data: &Dataset,
    prices: &Prices,
    (within, labels): (Option<&Tolerance>, Option<&Patterns>),
    proposed: Option<Multipliers<'_>>,
) -> Result<(Score, Option<Patterns>)> {
    let loss = prices.loss.mean(network, data);
    let worst = within.map(|tolerance| {
        let units: Vec<Unit> = Unit::of(network).into_iter().map(|(_, unit)| unit).collect();
        let patterns = Patterns::signed(network, data.x.as_ref());
        let within = Within { units: &units, affine: &Affine::of(network), tolerance };
        within.bound(data, &prices.loss, [&patterns, labels.unwrap_or(&patterns)])
    });
    let (worst_case, labels) = worst.unzip();
    Ok((score_at((loss, worst_case), network, prices, proposed)?, labels))
}

/// The same where the mean loss and the worst case are known.
pub(super) fn score_at(
    (loss, worst_case): (f64, Option<f64>),
    network: &Shallow,
    prices: &Prices,
    proposed: Option<Multipliers<'_>>,
) -> Result<Score> {
    let units: Vec<Unit> = Unit::of(network).into_iter().map(|(_, unit)| unit).collect();
    let decay = units.iter().map(Unit::length).sum::<f64>();
    // The solver's multipliers are optimal for the program, which need not ask for the least bound.
    // Also of what an interrupted run leaves behind: without its bound there is nothing to compare.
    let own = Stop::here().late().during(|| lipsdp(network, prices.norm, &mut |_| ControlFlow::Continue(())))?;
    let own = own.lipschitz_upper_bound;
    let lipschitz = match proposed {
        Some((ell, p)) if !units.is_empty() => own.min(bound_by(&units, network.a(), ell, p, prices.norm)),
        _ => own,
    };
    Ok(priced(Score { objective: 0.0, loss, worst_case, found: None, lipschitz, decay }, prices))
}

/// A score with its objective.
fn priced(score: Score, prices: &Prices) -> Score {
    let Score { loss, worst_case, found, lipschitz, decay, .. } = score;
    let penalty = prices.lipschitz * if prices.squared { lipschitz * lipschitz } else { lipschitz };
    Score { objective: found.or(worst_case).unwrap_or(loss) + prices.decay * decay + penalty, ..score }
}

/// The relative gap, if it is one.
pub(super) fn gap(outcome: &Outcome) -> Option<f64> {
    Some(outcome.last.gap).filter(|gap| gap.is_finite())
}

/// Why a solve ended before its tolerance, if it did.
pub(super) fn stopped(built: &Built, outcome: &Outcome) -> Option<Early> {
    let obstacle = || match built.obstacle() {
        Obstacle::NoInterior(units) => Some(Cause::NoInterior { units }),
        Obstacle::FarApart(decades) => Some(Cause::FarApart { decades }),
        Obstacle::Unknown => None,
    };
    let cause = match outcome.status {
        Status::Solved => return None,
        Status::IterationLimit => obstacle().unwrap_or(Cause::IterationLimit),
        Status::Interrupted => Cause::Interrupted(None),
        // Verdicts of infeasibility are not asked for: every program here has solutions.
        Status::NumericalTrouble | Status::PrimalInfeasible | Status::DualInfeasible => {
            obstacle().unwrap_or(Cause::Rounding)
        }
    };
    Some(Early { cause, gap: gap(outcome) })
}
