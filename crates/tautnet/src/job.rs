//! The whole job: from rows and a plan to a proved result, for every front end.
//!
//! ```text
//! rows ─► learn units, merge equal rows ─► start, price, polish ─► record, proof ─► Proved
//!                                network ─► polish ─────────────┘
//! ```
//!
//! The order of the steps, what happens when the time is over, and what is kept of it stand here and nowhere else. The
//! front end brings a [`Watch`], its clock and its signals, and an observer to show progress by.

use crate::certify;
use crate::choose::{self, Chosen};
use crate::coverage::Calibration;
use crate::error::{Error, Result};
use crate::fit::{self, Fitted, fit};
use crate::limits::Limits;
use crate::polish::{self, Ending, Method, Polished};
use crate::recipe::{self, Plan};
use crate::tolerance::{Input, Tolerance};
use crate::{Dataset, Scaler, Shallow, several};
use std::ops::ControlFlow;
use std::sync::Arc;
use tautnet_cone::{Stage, Stop};
use tautnet_verify::Certificate;

/// Why work was ended from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interruption {
    /// The time was over.
    TimeLimit,
    /// The user asked for it.
    Interrupted,
}

impl Interruption {
    /// In words, as reports and records have it.
    pub fn in_words(self) -> &'static str {
        match self {
            Interruption::TimeLimit => "time limit reached",
            Interruption::Interrupted => "interrupted",
        }
    }
}

/// The clock and the signals of the front end; the library has none.
pub trait Watch: Send + Sync {
    /// Why this part of the work should end now, if it should.
    fn interruption(&self, stage: Stage) -> Option<Interruption>;

    /// Seconds since some moment before the work.
    fn seconds(&self) -> f64;

    /// There is a result from here on.
    fn kept(&self) {}
}

/// Hears of the progress of the work.
pub type Observer<'a> = dyn FnMut(&fit::Progress<'_>) + Send + 'a;

/// Rows in standardized units, and what is to be done with them.
pub struct Job<'a> {
    plan: &'a Plan,
    data: Dataset,
    scaler: Scaler,
    tolerance: Option<Tolerance>,
    watch: Arc<dyn Watch>,
}

/// A result, how long it took, and why it was ended early, where it was.
#[derive(Debug, Clone, PartialEq)]
pub struct Worked<T> {
    /// The result of the work.
    pub result: T,
    /// Why some part of it was ended early.
    pub interruption: Option<Interruption>,
    /// How long it took.
    pub seconds: f64,
}

/// A network in standardized units with its proof, and all that a model file keeps.
#[derive(Debug, Clone, PartialEq)]
pub struct Proved {
    /// The network.
    pub network: Shallow,
    /// The certificate of the network, a proof of its bound; `None` of several outputs.
    pub certificate: Option<Certificate>,
    /// The settings that it was made by.
    pub settings: recipe::Record,
    /// Objective and its parts, how it ended, and the history.
    pub objective: fit::Record,
    /// How far predictions of rows that were not learned from are off, where a network was chosen for a tolerance.
    pub calibration: Option<Calibration>,
    /// Why the work ended before it was done; `None` where the last program was solved all the same.
    pub cut_short: Option<Interruption>,
}

impl<'a> Job<'a> {
    /// Learn units from rows, and merge equal ones.
    pub fn new(rows: Dataset, plan: &'a Plan, limits: &Limits, watch: Arc<dyn Watch>) -> Result<Self> {
        limits.check_network(plan.settings.start.units, rows.columns())?;
        let (scaler, data) = fit::learn(rows, &plan.settings.polish.loss)?;
        Ok(Self::on(data, scaler, plan, watch))
    }

    /// Rows in the units of a network that exists.
    pub fn on(data: Dataset, scaler: Scaler, plan: &'a Plan, watch: Arc<dyn Watch>) -> Self {
        Self { plan, data, scaler, tolerance: None, watch }
    }

    /// With the tolerance that was asked for, of these inputs, where one was.
    pub fn tolerating(self, inputs: &[Input<'_>]) -> Result<Self> {
        let asked = &self.plan.recipe.tolerance;
        if asked.is_empty() {
            return Ok(self);
        }
        let tolerance = self.scaler.tolerance(asked, inputs, self.data.x.as_ref(), &self.data)?;
        Ok(Self { tolerance: Some(tolerance), ..self })
    }

    /// With a tolerance of each row, in standardized units.
    pub fn within(self, tolerance: Tolerance) -> Self {
        Self { tolerance: Some(tolerance), ..self }
    }

    /// How wrong the inputs of the rows that are learned from can be, in standardized units, where that was said.
    pub fn tolerance(&self) -> Option<&Tolerance> {
        self.tolerance.as_ref()
    }

    /// The rows that are learned from.
    pub fn data(&self) -> &Dataset {
        &self.data
    }

    /// The units that were learned.
    pub fn scaler(&self) -> &Scaler {
        &self.scaler
    }

    /// Train a starting network, choose the price where that is asked for, and polish. The choice may take half of the
    /// time.
    pub fn train(&self, hear: &mut Observer<'_>) -> Result<Worked<Fitted>> {
        let settings = &self.plan.settings;
        let mut worked = self.during(hear, |data, observe| fit(data, settings, observe))?;
        // A path that was cut short may have left nothing to go on with, and time to spare.
        if !worked.result.all_rows {
            worked.interruption = worked.interruption.or(self.watch.interruption(Stage::Early));
        }
        Ok(worked)
    }

    /// Choose a network with a small worst case within the tolerance, and make it. The choice may take half of the time.
    pub fn choose(&self, settings: &choose::Settings, hear: &mut Observer<'_>) -> Result<Worked<Chosen>> {
        let tolerance = self.tolerance.as_ref().ok_or_else(|| {
            Error::new(
                "a network was to be chosen for a tolerance, and there is none",
                "say how wrong the inputs can be",
            )
        })?;
        let worked = self.during(hear, |data, observe| {
            choose::choose(data, tolerance, settings, &mut |progress| observe(&fit::Progress::Choice(progress)))
        })?;
        let interruption = worked.interruption.or(self.watch.interruption(Stage::Early));
        Ok(Worked { interruption, ..worked })
    }

    /// The best network with the activation patterns of the one given. `price` stands in for a price that is to be chosen.
    pub fn polish(&self, network: &Shallow, price: Option<f64>, hear: &mut Observer<'_>) -> Result<Worked<Polished>> {
        let settings = polish::Settings { tolerance: self.tolerance.clone(), ..self.plan.polish_at(price) };
        self.during(hear, |data, observe| {
            polish::polish(network, data, &settings, &mut |progress| observe(&fit::Progress::Polish(progress)))
        })
    }

    /// The best network with one output a class, or one a target, and the directions of the one given, within the tolerance (or at the rows themselves).
    pub fn polish_several(&self, network: &Shallow, hear: &mut Observer<'_>) -> Result<Worked<several::Polished>> {
        let asked = &self.plan.settings.polish;
        let exact = Tolerance::none(self.data.columns());
        let settings = several::Settings {
            loss: asked.loss.clone(),
            tolerance: self.tolerance.as_ref().unwrap_or(&exact).clone(),
            decay: asked.decay,
            soft: asked.method == Method::CONVEX,
            rounds: asked.rounds,
            gap: (asked.tol, asked.iterations),
        };
        self.during(hear, |data, observe| {
            several::polish(network, data, &settings, &mut |progress| observe(&fit::Progress::Polish(progress)))
        })
    }

    /// The same with its record.
    pub fn prove_several(&self, worked: &Worked<several::Polished>, name: &str) -> Proved {
        let stopped = worked.interruption.map(Interruption::in_words);
        let loss = &self.plan.settings.polish.loss;
        Proved {
            network: worked.result.network.clone(),
            certificate: None,
            settings: self.plan.record(name, Some(0.0)),
            objective: fit::Record::of_several(&worked.result, loss, &self.data, stopped),
            calibration: None,
            cut_short: worked.interruption,
        }
    }

    /// Do the work until the watch says that it is over.
    fn during<T>(
        &self,
        hear: &mut Observer<'_>,
        work: impl FnOnce(&Dataset, &mut fit::Observer<'_>) -> Result<T>,
    ) -> Result<Worked<T>> {
        during(&self.watch, hear, |observe| work(&self.data, observe))
    }

    fn stop(&self) -> Stop {
        stop_of(&self.watch)
    }

    /// A proof of a network's bound, in the user's units too where they are given: however late it is, in a short time.
    pub fn prove(&self, network: &Shallow, scaler: Option<&Scaler>) -> Result<Certificate> {
        let mut verdict = |_| match self.watch.interruption(Stage::Late) {
            Some(_) => ControlFlow::Break(()),
            None => ControlFlow::Continue(()),
        };
        let norm = self.plan.settings.polish.norm;
        self.stop().late().during(|| certify::prove(network, norm, scaler, &mut verdict))
    }

    /// The fit with its proof and its record; `name` is what the data are called.
    pub fn prove_fit(&self, worked: &Worked<Fitted>, name: &str) -> Result<Proved> {
        let fitted = &worked.result;
        let stopped = worked.interruption.map(Interruption::in_words);
        Ok(Proved {
            network: fitted.network().clone(),
            certificate: Some(self.prove(fitted.network(), Some(&self.scaler))?),
            settings: self.plan.record(name, fitted.price),
            objective: fitted.record(&self.data, stopped),
            calibration: None,
            cut_short: worked.interruption.filter(|_| fitted.polished.as_ref().is_none_or(was_stopped)),
        })
    }

    /// The same of a network that was chosen, with the errors that it was seen to have. It is calibrated by the rows held out, in
    /// standardized units, or by those that were held out in turn where there are none.
    pub fn prove_choice(
        &self,
        worked: &Worked<Chosen>,
        evaluation: Option<&choose::Evaluation>,
        held_out: Option<&Dataset>,
        name: &str,
    ) -> Result<Proved> {
        let chosen = &worked.result;
        let stopped = worked.interruption.map(Interruption::in_words);
        let loss = &self.plan.settings.polish.loss;
        let seen = evaluation.map(|evaluation| evaluation.seen(&chosen.choice));
        let calibration = match held_out {
            // What covers a number says nothing of a class.
            _ if loss.is_margin() => None,
            _ if chosen.network.outputs() > 1 => None,
            Some(rows) => Some(Calibration::held_out(&chosen.network, rows, &self.scaler)?),
            None => Calibration::cross_validated(chosen, &self.data, &self.scaler)?,
        };
        Ok(Proved {
            network: chosen.network.clone(),
            certificate: match chosen.network.outputs() {
                1 => Some(self.prove(&chosen.network, Some(&self.scaler))?),
                _ => None,
            },
            settings: self.plan.record(name, None),
            objective: fit::Record::of_choice(chosen, seen, loss, &self.data, stopped),
            calibration,
            cut_short: worked.interruption,
        })
    }

    /// The same of a polish at the price that was used.
    pub fn prove_polish(&self, worked: &Worked<Polished>, price: Option<f64>, name: &str) -> Result<Proved> {
        let polished = &worked.result;
        let stopped = worked.interruption.map(Interruption::in_words);
        Ok(Proved {
            network: polished.network.clone(),
            certificate: Some(self.prove(&polished.network, Some(&self.scaler))?),
            settings: self.plan.record(name, Some(self.plan.polish_at(price).lipschitz_price)),
            objective: fit::Record::of(polished.record(stopped)),
            calibration: None,
            cut_short: worked.interruption.filter(|_| was_stopped(polished)),
        })
    }
}

/// Do the work until the watch says that it is over.
pub(crate) fn during<T>(
    watch: &Arc<dyn Watch>,
    hear: &mut Observer<'_>,
    work: impl FnOnce(&mut fit::Observer<'_>) -> Result<T>,
) -> Result<Worked<T>> {
    let started = watch.seconds();
    let mut interruption = None;
    let mut observe = |progress: &fit::Progress<'_>| {
        hear(progress);
        let stage = match progress {
            fit::Progress::Path(_) => Stage::Early,
            fit::Progress::Choice(choose::Progress {
                stage: choose::Stage::Candidates | choose::Stage::Members,
                ..
            }) => Stage::Early,
            _ => Stage::Main,
        };
        let now = watch.interruption(stage);
        interruption = interruption.or(now);
        if now.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let result = stop_of(watch).during(|| work(&mut observe))?;
    watch.kept();
    let interruption = interruption.or(watch.interruption(Stage::Main));
    Ok(Worked { result, interruption, seconds: watch.seconds() - started })
}

/// The stop that the watch tells of.
pub(crate) fn stop_of(watch: &Arc<dyn Watch>) -> Stop {
    let watch = Arc::clone(watch);
    Stop::staged(move |stage| watch.interruption(stage).is_some())
}

pub(crate) fn was_stopped(polished: &Polished) -> bool {
    matches!(polished.ending, Ending::Stopped(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Recipe;
    use crate::recipe::{Command, Value};
    use crate::train::tests::toy;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// A clock that goes by questions: the time is over after so many.
    struct Questions {
        asked: AtomicUsize,
        most: usize,
    }

    impl Watch for Questions {
        fn interruption(&self, stage: Stage) -> Option<Interruption> {
            let asked = self.asked.fetch_add(1, Ordering::SeqCst);
            (stage != Stage::Late && asked >= self.most).then_some(Interruption::TimeLimit)
        }

        fn seconds(&self) -> f64 {
            self.asked.load(Ordering::SeqCst) as f64
        }
    }

    fn watch(most: usize) -> Arc<Questions> {
        Arc::new(Questions { asked: AtomicUsize::new(0), most })
    }

    fn recipe() -> Recipe {
        Recipe { hidden: Some(6), start: "random".parse().unwrap(), lipschitz_price: Some(0.05), ..Recipe::default() }
    }

    #[test]
    fn a_job_ends_in_a_proof_of_its_network() {
        let plan = recipe().resolve(Command::Train).unwrap();
        let job = Job::new(toy(40, 2, 1), &plan, &Limits::default(), watch(usize::MAX)).unwrap();
        let mut heard = 0;
        let worked = job.train(&mut |_| heard += 1).unwrap();
        let proved = job.prove_fit(&worked, "X").unwrap();
        assert!(heard > 0 && worked.seconds > 0.0);
        assert_eq!((worked.interruption, proved.cut_short), (None, None));
        let text = serde_json::to_vec(&proved.certificate).unwrap();
        certify::verify(&text, &proved.network).unwrap();
        let price = Value::Number(0.05);
        assert_eq!((&proved.settings["data"], &proved.settings["lipschitz_price"]), (&Value::Word("X".into()), &price));
        // Going on from the result finds nothing worse, at the price that is given for one that is to be chosen.
        let open = Recipe { lipschitz_price: None, ..recipe() }.resolve(Command::Train).unwrap();
        let job = Job::on(job.data().clone(), job.scaler().clone(), &open, watch(usize::MAX));
        let again = job.polish(&proved.network, Some(0.05), &mut |_| ()).unwrap();
        assert!(again.result.after.objective <= worked.result.polished.unwrap().after.objective);
        assert_eq!(job.prove_polish(&again, Some(0.05), "X").unwrap().settings["lipschitz_price"], price);
    }

    #[test]
    fn an_interruption_is_told_by_its_type_wherever_it_comes() {
        let mut seen = Vec::new();
        for most in (0..3000).step_by(75) {
            for lipschitz in [None, Some(0.05)] {
                let plan = Recipe { lipschitz_price: lipschitz, ..recipe() }.resolve(Command::Train).unwrap();
                let job = Job::new(toy(40, 2, 1), &plan, &Limits::default(), watch(most)).unwrap();
                let worked = job.train(&mut |_| ()).unwrap();
                let proved = job.prove_fit(&worked, "X").unwrap();
                let (ending, reason) = proved.objective.ending();
                let reason = reason.unwrap_or_default();
                let stopped = worked.interruption.is_some() && ending.starts_with("stopped");
                assert_eq!(proved.cut_short.is_some(), stopped, "{most}: {ending}");
                assert!(proved.cut_short.is_none() || reason == Interruption::TimeLimit.in_words(), "{reason}");
                seen.push(ending.to_owned());
            }
        }
        assert!(seen.iter().any(|ending| ending == "stopped before the convex program"), "{seen:?}");
        assert!(seen.iter().any(|ending| ending == "stopped"), "{seen:?}");
    }
}
