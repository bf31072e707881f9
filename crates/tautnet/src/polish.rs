//! Convex post-processing of a given network: never worse than what it was given.
//!
//! ```text
//! objective(f) = Σ_k ω_k (f(x_k) − y_k)² / Σω + λ_w Σ_i |v_i| ‖(w_i, b_i)‖₂ + λ_L L   (or λ_L L²)
//! ```
//!
//! with `L` the LipSDP bound of `f`. The second term is `½(‖W̄‖² + ‖v‖²)` at each unit's best scaling. Patterns and
//! signs of the given network stay, everything else is optimized by one convex program (or by a sequence of them).
//! The objective before and after is recomputed from the weights: the loss by evaluating the network, the bound as an
//! eigenvalue of a matrix of order d + 1 that the multipliers define, neither of them by the solver.

use crate::{
    Dataset, Network, Norm,
    activation::Patterns,
    certify::{lipsdp, units_bound, units_lipsdp},
    error::{Error, Result},
    program::build::{Built, Held, Prices, Solution, Unit},
};
use faer::Mat;
use std::ops::ControlFlow;
use tautnet_cone::{Outcome, Status};

/// Which convex program is solved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// (6): weight decay only.
    WeightDecay,
    /// Algorithm 1 of the paper: multipliers, then weights, in turn.
    Alternating,
    /// (J): weights and multipliers together.
    Joint,
}

impl Method {
    /// Every method.
    pub fn all() -> [Method; 3] {
        [Method::Joint, Method::Alternating, Method::WeightDecay]
    }

    /// The name by which users choose it.
    pub fn name(self) -> &'static str {
        match self {
            Method::Joint => "joint",
            Method::Alternating => "alternating",
            Method::WeightDecay => "weight-decay",
        }
    }

    /// λ_L and λ_w where the user gives none.
    pub fn default_prices(self) -> (f64, f64) {
        if self == Method::WeightDecay { (0.0, 1e-3) } else { (0.01, 0.0) }
    }
}

impl std::str::FromStr for Method {
    type Err = Error;

    /// The method of that name.
    fn from_str(name: &str) -> Result<Self> {
        Self::all().into_iter().find(|method| method.name() == name).ok_or_else(|| {
            let names: Vec<_> = Self::all().into_iter().map(Self::name).collect();
            Error::new(format!("there is no method called `{name}`"), format!("choose one of: {}", names.join(", ")))
        })
    }
}

/// How the bound enters the objective.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Penalty {
    /// λ·L
    L,
    /// λ·L²
    LSquared,
}

impl Penalty {
    /// The name by which users choose it.
    pub fn name(self) -> &'static str {
        match self {
            Penalty::L => "L",
            Penalty::LSquared => "L2",
        }
    }
}

impl std::str::FromStr for Penalty {
    type Err = Error;

    /// The penalty of that name.
    fn from_str(name: &str) -> Result<Self> {
        [Penalty::L, Penalty::LSquared]
            .into_iter()
            .find(|penalty| penalty.name() == name)
            .ok_or_else(|| Error::new(format!("there is no penalty called `{name}`"), "choose one of: L, L2"))
    }
}

/// The objective and the program; checked once, by [`polish`].
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Which program.
    pub method: Method,
    /// λ_L ≥ 0, the price of the Lipschitz bound.
    pub lipschitz: f64,
    /// λ_w ≥ 0, the price of the weights.
    pub decay: f64,
    /// Hard bound L ≤ L_max.
    pub max_lipschitz: Option<f64>,
    /// Norm of input perturbations (`Two` or `Infinity`).
    pub norm: Norm,
    /// λ·L or λ·L².
    pub penalty: Penalty,
    /// Whether the output bias is free (else it stays what it is in the given network).
    pub output_bias: bool,
    /// Relative duality gap to reach.
    pub tolerance: f64,
    /// Most interior-point iterations of one solve.
    pub iterations: usize,
    /// Most rounds of `alternating`.
    pub rounds: usize,
    /// Multipliers ℓ that `alternating` begins with, one for each unit with `v ≠ 0`, in place of those of the given
    /// network's bound: to judge (12) by itself, or to continue. No unit is dropped then.
    pub multipliers: Option<Vec<f64>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            method: Method::Joint,
            lipschitz: 0.01,
            decay: 0.0,
            max_lipschitz: None,
            norm: Norm::Two,
            penalty: Penalty::L,
            output_bias: true,
            tolerance: 1e-8,
            iterations: 100,
            rounds: 20,
            multipliers: None,
        }
    }
}

/// A network's objective and its parts, recomputed from its weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// loss + penalties, as asked.
    pub objective: f64,
    /// (Weighted) mean squared error.
    pub loss: f64,
    /// LipSDP upper bound of the network in the chosen norm.
    pub lipschitz: f64,
    /// Σ ‖w̄_i‖ |v_i| (what λ_w multiplies, at the best scaling of each unit).
    pub decay: f64,
}

/// One iteration's facts, for progress displays and reports.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Round of `alternating` (0 otherwise).
    pub round: usize,
    /// Interior-point iteration within the round.
    pub iteration: usize,
    /// Primal objective of the convex program.
    pub objective: f64,
    /// Relative duality gap (`INFINITY` before there is one).
    pub gap: f64,
}

/// Called every iteration; `Break` stops the solve with the best point so far.
pub type Observer<'a> = dyn FnMut(&Progress) -> ControlFlow<()> + Send + 'a;

/// How the run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The gap asked for was reached.
    Solved,
    /// Stopped early, by the iteration limit or the observer; the best point so far is returned.
    Stopped(String),
    /// The result was not better than the input, which is returned instead, with the reason.
    Unchanged(String),
}

/// A polished network with the evidence.
#[derive(Debug, Clone, PartialEq)]
pub struct Polished {
    /// The network (the input itself when `ending` is `Unchanged`).
    pub network: Network,
    /// The input's score.
    pub before: Score,
    /// The result's score.
    pub after: Score,
    /// Relative duality gap of the last program; `None` where a method has none.
    pub duality_gap: Option<f64>,
    /// Interior-point iterations, summed over solves.
    pub iterations: usize,
    /// How it ended.
    pub ending: Ending,
    /// What was noticed: dead units dropped, ties, v_i = 0.
    pub notes: Vec<String>,
    /// Every iteration.
    pub trace: Vec<Progress>,
}

/// Solve the convex program of the network's activation patterns on the data.
pub fn polish(network: &Network, data: &Dataset, settings: &Settings, observer: &mut Observer<'_>) -> Result<Polished> {
    // Inside the pool of threads, so that its thousands of short loops need no handing over.
    rayon::join(|| polish_here(network, data, settings, observer), || ()).0
}

fn polish_here(
    network: &Network,
    data: &Dataset,
    settings: &Settings,
    observer: &mut Observer<'_>,
) -> Result<Polished> {
    settings.check()?;
    if network.inputs() != data.columns() {
        return Err(Error::new(
            format!("the network has {} inputs but the data has {} input columns", network.inputs(), data.columns()),
            "give the columns the network was trained on, in that order",
        ));
    }
    let signed = network.v.iter().filter(|&&v| v != 0.0).count();
    if let Some(given) = &settings.multipliers
        && (given.len() != signed || given.iter().any(|l| !(l.is_finite() && *l > 0.0)))
    {
        return Err(Error::new(
            format!("the {} multipliers given are not positive numbers, one for each of {signed} units", given.len()),
            "give one finite multiplier above 0 for each unit whose output weight is not 0",
        ));
    }
    let mut run = Run::new(network, data, settings, observer);
    let before = run.score(network, None)?;
    if run.units.is_empty() {
        run.notes.push("no unit is left: only the output bias is fitted".into());
    }
    let mut best = Candidate { network: network.clone(), score: before };
    let mut ending = Ending::Solved;
    let mut gap = None;
    match settings.method {
        _ if run.units.is_empty() => {
            let candidate = run.constant()?;
            gap = Some(0.0);
            best = run.better(best, candidate, &mut ending);
        }
        Method::Joint | Method::WeightDecay => {
            let (candidate, outcome) = run.solve(Held::Nothing, 0)?;
            gap = Some(outcome.gap);
            best = run.better(best, candidate, &mut ending);
            if let (Ending::Solved, Some(reason)) = (&ending, outcome.stopped) {
                ending = Ending::Stopped(reason);
            }
        }
        Method::Alternating => run.alternate(&mut best, &mut ending, &mut gap)?,
    }
    Ok(Polished {
        network: best.network,
        before,
        after: best.score,
        duality_gap: gap,
        iterations: run.iterations,
        ending,
        notes: run.notes,
        trace: run.trace,
    })
}

/// The objective of a network under the settings, recomputed from its weights.
pub fn score(network: &Network, data: &Dataset, settings: &Settings) -> Result<Score> {
    settings.check()?;
    Run::new(network, data, settings, &mut |_| ControlFlow::Continue(())).score(network, None)
}

impl Settings {
    /// Refuse prices, limits and tolerances out of range.
    pub fn check(&self) -> Result<()> {
        let price = |name: &str, value: f64| {
            if value.is_finite() && value >= 0.0 {
                Ok(())
            } else {
                Err(Error::new(
                    format!("`{name}` is {value}"),
                    format!("`{name}` is a price: give a finite number, 0 or more"),
                ))
            }
        };
        price("lipschitz", self.lipschitz)?;
        price("decay", self.decay)?;
        if let Some(limit) = self.max_lipschitz
            && !(limit.is_finite() && limit > 0.0)
        {
            return Err(Error::new(
                format!("`max-lipschitz` is {limit}"),
                "the largest bound allowed is a finite number above 0",
            ));
        }
        if self.norm == Norm::One {
            return Err(Error::new("the norm is 1", "polishing works with the norms 2 and inf"));
        }
        if !(self.tolerance > 0.0 && self.tolerance < 1.0) {
            return Err(Error::new(format!("`tolerance` is {}", self.tolerance), "give a relative gap such as 1e-8"));
        }
        if self.method == Method::Alternating && self.lipschitz == 0.0 && self.max_lipschitz.is_none() {
            return Err(Error::new(
                "`alternating` with `lipschitz` 0 has nothing to alternate between",
                "give a price above 0, or use the method `weight-decay`",
            ));
        }
        Ok(())
    }

    fn prices(&self) -> Prices {
        let decay_only = self.method == Method::WeightDecay;
        Prices {
            lipschitz: if decay_only { 0.0 } else { self.lipschitz },
            squared: self.penalty == Penalty::LSquared,
            decay: self.decay,
            max_lipschitz: self.max_lipschitz.filter(|_| !decay_only),
            norm: self.norm,
            output_bias: self.output_bias,
        }
    }
}

/// A network with its recomputed objective.
struct Candidate {
    network: Network,
    score: Score,
}

/// What is kept of a program's solve.
struct Solved {
    gap: f64,
    stopped: Option<String>,
    multipliers: Option<Vec<f64>>,
}

/// One run of [`polish`].
struct Run<'a, 'o> {
    data: &'a Dataset,
    settings: &'a Settings,
    prices: Prices,
    /// The output bias where it is held.
    held_bias: f64,
    given_multipliers: Option<Vec<f64>>,
    units: Vec<Unit>,
    active: Patterns,
    observer: &'a mut Observer<'o>,
    iterations: usize,
    interrupted: bool,
    notes: Vec<String>,
    trace: Vec<Progress>,
}

impl<'a, 'o> Run<'a, 'o> {
    /// Sort out the units: those without an output weight or without an active row contribute nothing to the data.
    fn new(network: &Network, data: &'a Dataset, settings: &'a Settings, observer: &'a mut Observer<'o>) -> Self {
        let all = Patterns::of(network, data.x.as_ref());
        let mut notes = Vec::new();
        let signed = Unit::of(network);
        let without = network.units() - signed.len();
        // Held multipliers have their price whatever the unit does, so there every unit stays.
        let given_multipliers = settings.multipliers.clone();
        let kept: Vec<(usize, Unit)> =
            signed.into_iter().filter(|(i, _)| given_multipliers.is_some() || !all.is_dead(*i)).collect();
        let dead = network.units() - without - kept.len();
        for (count, what) in [
            (without, "with output weight 0 dropped: they have no sign and contribute nothing"),
            (dead, "without an active row dropped: they could only raise the Lipschitz constant"),
        ] {
            if count > 0 {
                notes.push(format!("{count} {} {what}", if count == 1 { "unit" } else { "units" }));
            }
        }
        let ties = kept.iter().map(|(i, _)| ties(network, *i, data)).sum::<usize>();
        if ties > 0 {
            notes.push(format!("{ties} pre-activations are exactly 0 and count as on"));
        }
        let active = Patterns::from_units(data.rows(), kept.iter().map(|(i, _)| all.unit(*i).to_vec()));
        let units = kept.into_iter().map(|(_, unit)| unit).collect();
        let held_bias = if settings.output_bias { 0.0 } else { network.c };
        Self {
            data,
            settings,
            prices: settings.prices(),
            held_bias,
            given_multipliers,
            units,
            active,
            observer,
            iterations: 0,
            interrupted: false,
            notes,
            trace: Vec::new(),
        }
    }

    fn priced(&self) -> bool {
        self.prices.lipschitz > 0.0 || self.prices.max_lipschitz.is_some()
    }

    /// Recompute the objective of a network; `proposed` are multipliers for its units with `v ≠ 0`, in order.
    fn score(&self, network: &Network, proposed: Option<(&[f64], Option<&[f64]>)>) -> Result<Score> {
        let data = self.data;
        let predicted = network.predict(data.x.as_ref());
        let (mut loss, mut total) = (0.0, 0.0);
        for k in 0..data.rows() {
            let weight = data.weights.as_ref().map_or(1.0, |w| w[k]);
            loss += weight * (predicted[k] - data.y[k]).powi(2);
            total += weight;
        }
        loss /= total;
        let units: Vec<Unit> = Unit::of(network).into_iter().map(|(_, unit)| unit).collect();
        let decay = units.iter().map(Unit::length).sum::<f64>();
        // The solver's multipliers are optimal for the program, which need not ask for the least bound.
        let own = lipsdp(network, self.prices.norm, &mut |_| ControlFlow::Continue(()))?.lipschitz_upper_bound;
        let lipschitz = match proposed {
            Some((ell, p)) if !units.is_empty() => own.min(units_bound(&units, ell, p, self.prices.norm).0),
            _ => own,
        };
        let penalty = self.prices.lipschitz * if self.prices.squared { lipschitz * lipschitz } else { lipschitz };
        Ok(Score { objective: loss + self.prices.decay * decay + penalty, loss, lipschitz, decay })
    }

    /// Solve one program and read the network back.
    fn solve(&mut self, held: Held<'_>, round: usize) -> Result<(Candidate, Solved)> {
        let y = self.data.y.iter().map(|y| y - self.held_bias).collect();
        let mut built = Built::training(self.data, y, &self.units, self.active.clone(), &self.prices, held);
        let settings = tautnet_cone::Settings {
            iterations: self.settings.iterations,
            gap_relative: self.settings.tolerance,
            // Of the mean square target, which is 1 here.
            gap_absolute: 1e-4 * self.settings.tolerance.min(1e-2),
            feasibility: 1e-8_f64.max(self.settings.tolerance),
            ..tautnet_cone::Settings::default()
        };
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
        self.iterations += outcome.trace.len().saturating_sub(1);
        let solution = built.solution(&outcome.x);
        let held_ell = match held {
            Held::Multipliers(ell) => Some(ell.to_vec()),
            Held::Nothing => None,
        };
        let multipliers = solution.multipliers.clone().or(held_ell);
        let candidate = self.candidate(&solution, multipliers.as_deref())?;
        Ok((candidate, Solved { gap: outcome.last.gap, stopped: stopped(&outcome), multipliers }))
    }

    /// The network of a solution: `v = s √‖z̄‖`, `w̄ = z̄ / √‖z̄‖`; zero vectors are dropped.
    fn candidate(&self, solution: &Solution, multipliers: Option<&[f64]>) -> Result<Candidate> {
        let lengths: Vec<f64> = solution.units.iter().map(Unit::length).collect();
        let largest = lengths.iter().fold(0.0f64, |m, &l| m.max(l));
        // Below this the unit is rounding: its largest value on the data is far under the loss's own.
        let kept: Vec<usize> = (0..lengths.len()).filter(|&i| lengths[i] > 1e-13 * largest).collect();
        let bias = if self.settings.output_bias { solution.output_bias } else { self.held_bias };
        let network = from_units(kept.iter().map(|&i| &solution.units[i]), self.data.columns(), bias)?;
        let ell: Option<Vec<f64>> = multipliers.map(|ell| kept.iter().map(|&i| ell[i].max(0.0)).collect());
        let proposed = ell.as_deref().filter(|_| self.priced()).map(|ell| (ell, solution.p.as_deref()));
        let mut score = self.score(&network, proposed)?;
        let mut network = network;
        if let Some(limit) = self.prices.max_lipschitz
            && score.lipschitz > limit
            && score.lipschitz < 1.001 * limit
        {
            // The solver meets the limit to its tolerance; scaling the output meets it exactly.
            let shrink = limit / score.lipschitz * (1.0 - 1e-14);
            network.v.iter_mut().for_each(|v| *v *= shrink);
            let ell: Option<Vec<f64>> = ell.as_ref().map(|ell| ell.iter().map(|l| l * shrink).collect());
            score = self.score(&network, ell.as_deref().map(|ell| (ell, solution.p.as_deref())))?;
        }
        Ok(Candidate { network, score })
    }

    /// No unit is left: the best constant.
    fn constant(&self) -> Result<Candidate> {
        let (mut sum, mut total) = (0.0, 0.0);
        for k in 0..self.data.rows() {
            let weight = self.data.weights.as_ref().map_or(1.0, |w| w[k]);
            sum += weight * self.data.y[k];
            total += weight;
        }
        let bias = if self.settings.output_bias { sum / total } else { self.held_bias };
        let network = from_units(std::iter::empty(), self.data.columns(), bias)?;
        let score = self.score(&network, None)?;
        Ok(Candidate { network, score })
    }

    /// Keep the better of the two; a candidate that meets a hard bound beats one that does not.
    fn better(&mut self, current: Candidate, candidate: Candidate, ending: &mut Ending) -> Candidate {
        let meets = |c: &Candidate| self.prices.max_lipschitz.is_none_or(|l| c.score.lipschitz <= l);
        let (old, new) = (current.score.objective, candidate.score.objective);
        let improves = match (meets(&current), meets(&candidate)) {
            (true, true) => new < old,
            (had, has) => has && !had,
        };
        if improves && new.is_finite() {
            return candidate;
        }
        let reason = if !meets(&candidate) {
            format!("the result's bound {:.6} exceeds the limit", candidate.score.lipschitz)
        } else if new <= old * (1.0 + 10.0 * self.settings.tolerance) {
            "the given network is optimal for its patterns already".into()
        } else {
            format!("the result's recomputed objective {new:.9} is not below {old:.9}")
        };
        *ending = Ending::Unchanged(reason);
        current
    }

    /// Algorithm 1: multipliers by (2), then weights by (12), until the objective no longer falls.
    fn alternate(&mut self, best: &mut Candidate, ending: &mut Ending, gap: &mut Option<f64>) -> Result<()> {
        for round in 1..=self.settings.rounds {
            let current = self.current_units(&best.network, round);
            let given = self.given_multipliers.take();
            let ell = given.unwrap_or_else(|| self.multipliers(&current));
            if self.interrupted {
                *ending = Ending::Stopped("interrupted".into());
                return Ok(());
            }
            let (candidate, solved) = self.solve(Held::Multipliers(&ell), round)?;
            *gap = Some(solved.gap);
            debug_assert!(solved.multipliers.is_some());
            let old = best.score.objective;
            let mut verdict = Ending::Solved;
            let given = std::mem::replace(best, Candidate { network: best.network.clone(), score: best.score });
            *best = self.better(given, candidate, &mut verdict);
            if verdict != Ending::Solved {
                // The first round decides whether anything was gained at all.
                if round == 1 {
                    *ending = verdict;
                }
                return Ok(());
            }
            if let Some(reason) = solved.stopped {
                *ending = Ending::Stopped(reason);
                return Ok(());
            }
            if old - best.score.objective <= 1e-9 * old.abs() {
                return Ok(());
            }
        }
        *ending = Ending::Stopped(format!("{} rounds done and the objective still falls", self.settings.rounds));
        Ok(())
    }

    /// The units that the program's patterns belong to, at their present weights (zero if they were dropped).
    fn current_units(&mut self, network: &Network, round: usize) -> Vec<Unit> {
        if round == 1 {
            return self.units.clone();
        }
        // Dropped units are exactly 0 from here on: (12) could only keep them there, since their ℓ is 0.
        let present = Patterns::of(network, self.data.x.as_ref());
        let units: Vec<Unit> = Unit::of(network).into_iter().map(|(_, unit)| unit).collect();
        if units.len() != self.units.len() {
            let mut kept = Vec::new();
            let mut next = 0;
            for i in 0..self.units.len() {
                let same = next < units.len()
                    && units[next].sign == self.units[i].sign
                    && agrees(&present, next, &self.active, i, &units[next], self.data);
                if same {
                    kept.push(self.active.unit(i).to_vec());
                    next += 1;
                }
            }
            if next == units.len() {
                self.active = Patterns::from_units(self.data.rows(), kept);
                self.units = units.clone();
            }
        }
        units
    }

    /// LipSDP's multipliers for units, floored so that the held inequality keeps an interior.
    fn multipliers(&mut self, units: &[Unit]) -> Vec<f64> {
        let (observer, interrupted) = (&mut *self.observer, &mut self.interrupted);
        let last = self.trace.last().copied();
        let bound = units_lipsdp(units, self.prices.norm, &mut |_| match last {
            Some(progress) => {
                let verdict = observer(&progress);
                *interrupted |= verdict.is_break();
                verdict
            }
            None => ControlFlow::Continue(()),
        });
        self.iterations += bound.iterations;
        let largest = bound.multipliers.iter().fold(0.0f64, |m, &l| m.max(l));
        let floor = if largest > 0.0 { 1e-9 * largest } else { 1.0 };
        // (Z, ℓ, L) is homogeneous: with ℓ scaled, the network scaled down to below a hard limit satisfies (12).
        let above = self.prices.max_lipschitz.map_or(0.0, |limit| bound.lipschitz_upper_bound / (0.9 * limit));
        let scale = if above > 1.0 { 1.0 / above } else { 1.0 };
        bound.multipliers.iter().map(|l| scale * l.max(floor)).collect()
    }
}

/// Whether unit `a` of `present` can be the solution that belongs to pattern `b` of `wanted`: same signs but for
/// pre-activations at rounding level.
fn agrees(present: &Patterns, a: usize, wanted: &Patterns, b: usize, unit: &Unit, data: &Dataset) -> bool {
    (0..data.rows()).all(|k| {
        present.unit(a)[k] == wanted.unit(b)[k] || {
            let h: f64 = unit.bias + (0..data.columns()).map(|j| unit.z[j] * data.x[(k, j)]).sum::<f64>();
            let size = 1.0 + (0..data.columns()).map(|j| data.x[(k, j)].abs()).sum::<f64>();
            h.abs() <= 1e-5 * unit.length() * size
        }
    })
}

/// Rows on which a unit's pre-activation is exactly 0.
fn ties(network: &Network, i: usize, data: &Dataset) -> usize {
    let mut h = vec![network.b[i]; data.rows()];
    for j in 0..data.columns() {
        let w = network.w[(i, j)];
        h.iter_mut().zip(data.x.col(j).iter()).for_each(|(h, &x)| *h += w * x);
    }
    h.iter().filter(|&&h| h == 0.0).count()
}

/// A balanced network of the given units; one zero unit where there is none.
fn from_units<'u>(units: impl Iterator<Item = &'u Unit>, inputs: usize, bias: f64) -> Result<Network> {
    let units: Vec<&Unit> = units.filter(|u| u.length() > 0.0).collect();
    if units.is_empty() {
        return Network::new(Mat::zeros(1, inputs), vec![0.0], vec![0.0], bias);
    }
    let roots: Vec<f64> = units.iter().map(|u| u.length().sqrt()).collect();
    Network::new(
        Mat::from_fn(units.len(), inputs, |i, k| units[i].z[k] / roots[i]),
        units.iter().zip(&roots).map(|(u, r)| u.bias / r).collect(),
        units.iter().zip(&roots).map(|(u, r)| u.sign * r).collect(),
        bias,
    )
}

/// Why a solve ended before its tolerance, if it did.
fn stopped(outcome: &Outcome) -> Option<String> {
    let gap = outcome.last.gap;
    match outcome.status {
        Status::Solved => None,
        Status::IterationLimit => Some(format!("the iteration limit was reached at a relative gap of {gap:.1e}")),
        Status::Interrupted => Some(format!("interrupted at a relative gap of {gap:.1e}")),
        Status::NumericalTrouble => {
            Some(format!("no further progress in floating point at a relative gap of {gap:.1e}"))
        }
        Status::PrimalInfeasible | Status::DualInfeasible => {
            Some(format!("the solver took the program for infeasible at a relative gap of {gap:.1e}"))
        }
    }
}
