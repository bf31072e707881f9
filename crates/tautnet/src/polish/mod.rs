//! Convex post-processing of a given network: never worse than what it was given.
//!
//! ```text
//! objective(f) = Σ_k ω_k (f(x_k) − y_k)² / Σω + λ_w Σ_i |v_i| ‖(w_i, b_i)‖₂ + λ_L L   (or λ_L L²)
//! ```
//!
//! with `L` the LipSDP bound of `f`. The second term is `½(‖W̄‖² + ‖v‖²)` at each unit's best scaling. Patterns and
//! signs of the given network stay, everything else is optimized by one convex program (or by a sequence of them); only
//! [`Method::WALK`] goes on to better patterns.
//! The objective before and after is recomputed from the weights: the loss by evaluating the network, the bound as an
//! eigenvalue of a matrix of order d + 1 that the multipliers define, neither of them by the solver. The multipliers may
//! be the solver's, of this program or of LipSDP for the result: the eigenvalue is a bound for any of them.

mod alternate;
mod convex;
mod convex_far;
mod descent;
mod descent_far;
mod effort;
mod far;
#[cfg(test)]
mod far_tests;
mod joint;
mod landscape;
mod method;
mod names;
mod outcome;
mod passes;
mod record;
mod run;
mod scenarios;
mod settings;
mod steps;
mod uses;
mod walk;
mod weight_decay;

use crate::{
    Dataset, Shallow,
    error::{Error, Result},
    program::build::{Held, affordable},
};
use run::{Candidate, Run, Standing};
use tautnet_cone::Stop;

pub use crate::ending::{Cause, Early, Ending};
pub use crate::requirement::Setting;
pub use convex_far::{check_within_far, polish_within_far};
pub use descent_far::{Descended, Steps, descend_far};
pub use effort::Effort;
pub use far::{Bounded, Far, FarPolished, Mean, Simple, check_far, polish_far};
pub use method::{Described, Method};
pub use outcome::{Observer, Polished, Progress, Score};
pub use record::Record;
pub use settings::{LIMIT, PRICE, Penalty, ROUNDS, Settings, TOLERANCE, Walk};

/// What runs a method, from the network given to the best that it finds.
type Runs = fn(&mut Run<'_, '_>, &mut Standing) -> Result<()>;

/// Every method, and what runs it.
const ALL: &[(Method, Runs)] = &[
    (convex::METHOD, convex::run),
    (convex::CELLS, convex::run_cells),
    (scenarios::METHOD, scenarios::run),
    (joint::METHOD, joint::run),
    (joint::CELLS, joint::run),
    (walk::METHOD, walk::run),
    (alternate::METHOD, alternate::run),
    (weight_decay::METHOD, weight_decay::run),
    (steps::METHOD, steps::run),
];

impl Method {
    /// The program (J): the best weights with the given patterns, together with the multipliers that prove their bound.
    pub const JOINT: Self = joint::METHOD;
    /// [`Method::JOINT`] by another name.
    pub const CELLS: Self = joint::CELLS;
    /// The program (J), then a search for better patterns, then (J) again, in turn.
    pub const WALK: Self = walk::METHOD;
    /// Algorithm 1 of the paper: multipliers, then weights, in turn.
    pub const ALTERNATING: Self = alternate::METHOD;
    /// (R) with soft cells, and better labels in turn.
    pub const CONVEX: Self = convex::METHOD;
    /// (R) with hard cells.
    pub const ROBUST_CELLS: Self = convex::CELLS;
    /// (R) with the worst points found in the place of the tolerance, and worse ones in turn.
    pub const SCENARIOS: Self = scenarios::METHOD;
    /// The program (6): the loss and the price of the weights, without a bound.
    pub const WEIGHT_DECAY: Self = weight_decay::METHOD;

    /// Every method.
    pub fn all() -> impl Iterator<Item = Method> {
        ALL.iter().map(|(method, _)| *method)
    }
}

impl std::str::FromStr for Method {
    type Err = Error;

    /// The method of that name.
    fn from_str(name: &str) -> Result<Self> {
        Self::all().find(|method| method.name() == name).ok_or_else(|| {
            let names: Vec<_> = Self::all().map(Self::name).collect();
            Error::new(format!("there is no method called `{name}`"), format!("choose one of: {}", names.join(", ")))
        })
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::of(Method::JOINT)
    }
}

/// Replace the network by the best one with the same patterns on the data, by the convex program of the method.
/// [`Stop::here`] ends the work as the observer does.
pub fn polish(network: &Shallow, data: &Dataset, settings: &Settings, observer: &mut Observer<'_>) -> Result<Polished> {
    // Inside the pool of threads, so that its thousands of short loops need no handing over.
    let stop = Stop::here();
    rayon::join(|| stop.during(|| polish_here(network, data, settings, observer)), || ()).0
}

fn polish_here(
    network: &Shallow,
    data: &Dataset,
    settings: &Settings,
    observer: &mut Observer<'_>,
) -> Result<Polished> {
    settings.check_run()?;
    data.check_one_target("this polish")?;
    if network.inputs() != data.columns() {
        return Err(Error::new(
            format!("the network has {} inputs but the data has {} input columns", network.inputs(), data.columns()),
            "give the columns the network was trained on, in that order",
        ));
    }
    let signed = network.v().iter().filter(|&&v| v != 0.0).count();
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
    run.accepted.push(before);
    if run.units.is_empty() {
        let fitted =
            if run.prices.linear_part { "the linear part and the output bias are" } else { "the output bias is" };
        run.notes.push(format!("no unit is left: only {fitted} fitted"));
    }
    let best = Candidate { network: network.clone(), score: before };
    let mut at = Standing { best, ending: Ending::Solved, gap: None, labelled: None };
    if run.only_a_constant() {
        let candidate = run.constant()?;
        at.gap = Some(0.0);
        at.best = run.better(at.best, candidate, &mut at.ending);
    } else if run.units.is_empty() {
        // Of a linear part alone there is one program, whatever the method.
        joint::run(&mut run, &mut at)?;
    } else {
        let (_, runs) = ALL.iter().find(|(method, _)| *method == settings.method).expect("every method has its line");
        runs(&mut run, &mut at)?;
    }
    if run.keep_limit(&mut at.best)? {
        (at.ending, at.gap) = (Early { cause: Cause::ScaledToLimit, gap: None }.into(), None);
    }
    let Standing { best, ending, gap, labelled } = at;
    Ok(Polished {
        network: best.network,
        before: run.accepted[0],
        after: best.score,
        labelled,
        duality_gap: gap,
        iterations: run.iterations,
        ending,
        notes: run.notes,
        trace: run.trace,
        accepted: run.accepted,
    })
}

/// Refuse a program for so many units on these data that would not fit in memory, before anything is trained.
pub(crate) fn check_size(data: &Dataset, units: usize, settings: &Settings) -> Result<()> {
    affordable(data, units, &settings.prices(), Held::Nothing)
}

/// The objective of a network under the settings, recomputed from its weights: every price counts, whatever the method. Where there
/// is a tolerance it has the bound on the worst case, also for `scenarios`: nothing is looked for.
pub fn score(network: &Shallow, data: &Dataset, settings: &Settings) -> Result<Score> {
    settings.check()?;
    Ok(run::score(network, data, &settings.prices(), (settings.tolerance.as_ref(), None), None)?.0)
}
