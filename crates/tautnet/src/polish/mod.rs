//! Convex post-processing of a given network: never worse than what it was given.
//!
//! ```text
//! objective(f) = Σ_k ω_k (f(x_k) − y_k)² / Σω + λ_w Σ_i |v_i| ‖(w_i, b_i)‖₂ + λ_L L   (or λ_L L²)
//! ```
//!
//! with `L` the LipSDP bound of `f`. The second term is `½(‖W̄‖² + ‖v‖²)` at each unit's best scaling. Patterns and
//! signs of the given network stay, everything else is optimized by one convex program (or by a sequence of them); only
//! [`Method::Walk`] goes on to better patterns.
//! The objective before and after is recomputed from the weights: the loss by evaluating the network, the bound as an
//! eigenvalue of a matrix of order d + 1 that the multipliers define, neither of them by the solver. The multipliers may
//! be the solver's, of this program or of LipSDP for the result: the eigenvalue is a bound for any of them.

mod alternate;
mod descent;
mod landscape;
mod names;
mod outcome;
mod record;
mod run;
mod settings;
mod uses;
mod walk;

use crate::{
    Dataset, Shallow,
    error::{Error, Result},
    program::build::{Held, affordable},
};
use run::{Candidate, Run};
use tautnet_cone::Stop;

pub use crate::ending::{Cause, Early, Ending};
pub use crate::requirement::Setting;
pub use names::Effort;
pub use outcome::{Observer, Polished, Progress, Score};
pub use record::Record;
pub use settings::{LIMIT, Method, PRICE, Penalty, Settings, TOLERANCE, Walk};

/// Solve the convex program of the network's activation patterns on the data. [`Stop::here`] ends it like the observer.
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
            gap = outcome.gap;
            best = run.better(best, candidate, &mut ending);
            if let (Ending::Solved, Some(reason)) = (&ending, outcome.stopped) {
                ending = Ending::Stopped(reason);
            }
        }
        Method::Alternating => run.alternate(&mut best, &mut ending, &mut gap)?,
        Method::Walk => run.walk(&mut best, &mut ending, &mut gap)?,
    }
    if run.keep_limit(&mut best)? {
        (ending, gap) = (Early { cause: Cause::ScaledToLimit, gap: None }.into(), None);
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
        accepted: run.accepted,
    })
}

/// Refuse a program for so many units on these data that would not fit in memory, before anything is trained.
pub(crate) fn check_size(data: &Dataset, units: usize, settings: &Settings) -> Result<()> {
    affordable(data, units, &settings.prices(), Held::Nothing)
}

/// The objective of a network under the settings, recomputed from its weights: every price counts, whatever the method.
pub fn score(network: &Shallow, data: &Dataset, settings: &Settings) -> Result<Score> {
    settings.check()?;
    run::score(network, data, &settings.prices(), None)
}
