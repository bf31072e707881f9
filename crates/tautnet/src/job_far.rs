//! The whole job on rows that are not in memory, for every front end: as [`job`](crate::job) has it for rows that are.

use crate::choose_far::{FarChosen, For, SAMPLE, choose_far};
use crate::error::{Error, Result};
use crate::fit_far::{FarFitted, Seen, fit_far, go_on, look, too_early};
use crate::job::{Interruption, Job, Observer, Proved, Watch, Worked, during, was_stopped};
use crate::polish::{self, FarPolished};
use crate::recipe::Plan;
use crate::shards::{Shards, Share, rows_in_shard};
use crate::tolerance::Input;
use crate::{Scaler, Shallow, choose, fit};
use std::sync::Arc;

/// What is to be done with rows that can be asked.
pub struct FarJob<'a> {
    plan: &'a Plan,
    share: Share,
    watch: Arc<dyn Watch>,
}

/// A polish of a network that exists, with what was learned of the rows.
#[derive(Debug, Clone, PartialEq)]
pub struct FarResult {
    /// The polish.
    pub polished: FarPolished,
    /// What the first pass has found.
    pub seen: Seen,
}

impl<'a> FarJob<'a> {
    /// The job of a plan; `share` says which rows are held out.
    pub fn new(plan: &'a Plan, share: Share, watch: Arc<dyn Watch>) -> Result<Self> {
        match (plan.choice.is_none(), plan.recipe.tolerance.is_exact()) {
            (true, true) => polish::check_far(&plan.settings.polish)?,
            (true, false) => polish::check_within_far(&plan.settings.polish)?,
            _ => {}
        }
        Ok(Self { plan, share, watch })
    }

    /// Choose a network for the tolerance on a sample (of [`SAMPLE`] rows where nothing else is said), and make it better
    /// on all rows, where the plan is to choose one.
    pub fn choose(
        &self,
        (inputs, sample): (&[Input<'_>], Option<usize>),
        shards: &mut (dyn Shards + Send),
        hear: &mut Observer<'_>,
    ) -> Result<Worked<FarChosen>> {
        let settings = self.plan.choice.as_ref().ok_or_else(|| {
            Error::new("a network was to be chosen, and the settings ask for prices", "leave the prices out")
        })?;
        let asked = For { asked: &self.plan.recipe.tolerance, inputs, sample: sample.unwrap_or(SAMPLE) };
        during(&self.watch, hear, |observe| {
            let observe = &mut |progress: &choose::Progress| observe(&fit::Progress::Choice(progress));
            choose_far(shards, self.share, asked, settings, observe)
        })
    }

    /// Train a starting network on a sample, and polish it on all rows.
    pub fn train(&self, shards: &mut (dyn Shards + Send), hear: &mut Observer<'_>) -> Result<Worked<FarFitted>> {
        during(&self.watch, hear, |observe| fit_far(shards, self.share, &self.plan.settings, observe))
    }

    /// The best network with the activation patterns of the one given, which is in the units of `scaler`; where the plan has a tolerance of these
    /// inputs, the one with the least worst case within it.
    pub fn polish(
        &self,
        (network, scaler): (&Shallow, &Scaler),
        inputs: &[Input<'_>],
        shards: &mut (dyn Shards + Send),
        hear: &mut Observer<'_>,
    ) -> Result<Worked<FarResult>> {
        during(&self.watch, hear, |observe| {
            let (asked, tolerance) = (self.plan.polish_at(None), &self.plan.recipe.tolerance);
            let sample = rows_in_shard(shards.inputs());
            let seen = look(shards, (self.share, sample), &asked.loss, Some(scaler))?.ok_or_else(too_early)?;
            let within = match tolerance.is_exact() {
                true => None,
                false => Some(tolerance.on_ranges(inputs, &seen.ranges, &seen.deviations)?),
            };
            let polished = go_on(shards, self.share, &seen, (network, within.as_ref()), &asked, observe)?;
            Ok(FarResult { polished: polished.ok_or_else(too_early)?, seen })
        })
    }

    /// The fit with its proof and its record; `name` is what the data are called.
    pub fn prove_fit(&self, worked: &Worked<FarFitted>, name: &str) -> Result<Proved> {
        let FarFitted { fitted, seen, .. } = &worked.result;
        let stopped = worked.interruption.map(Interruption::in_words);
        let record = fitted.record(&seen.sample, stopped);
        let cut_short = worked.interruption.filter(|_| fitted.polished.as_ref().is_none_or(was_stopped));
        self.prove(fitted.network(), seen, (record, fitted.price), cut_short, name)
    }

    /// The same of a choice, with the errors that it was seen to have.
    pub fn prove_choice(
        &self,
        worked: &Worked<FarChosen>,
        evaluation: Option<&choose::Evaluation>,
        name: &str,
    ) -> Result<Proved> {
        let FarChosen { chosen, seen, .. } = &worked.result;
        let chosen = Worked { result: chosen.clone(), interruption: worked.interruption, seconds: worked.seconds };
        let job = self.on_sample(seen);
        job.prove_choice(&chosen, evaluation, seen.sample_held_out.as_ref(), name)
    }

    /// The same of a polish.
    pub fn prove_polish(&self, worked: &Worked<FarResult>, name: &str) -> Result<Proved> {
        let FarResult { polished, seen } = &worked.result;
        let (polished, stopped) = (&polished.polished, worked.interruption.map(Interruption::in_words));
        let record = fit::Record::of(polished.record(stopped));
        let price = Some(self.plan.polish_at(None).lipschitz_price);
        let cut_short = worked.interruption.filter(|_| was_stopped(polished));
        self.prove(&polished.network, seen, (record, price), cut_short, name)
    }

    fn prove(
        &self,
        network: &Shallow,
        seen: &Seen,
        (objective, price): (fit::Record, Option<f64>),
        cut_short: Option<Interruption>,
        name: &str,
    ) -> Result<Proved> {
        Ok(Proved {
            network: network.clone(),
            certificate: Some(self.on_sample(seen).prove(network, Some(&seen.scaler))?),
            settings: self.plan.record(name, price),
            objective,
            calibration: None,
            cut_short,
        })
    }

    fn on_sample(&self, seen: &Seen) -> Job<'a> {
        Job::on(seen.sample.clone(), seen.scaler.clone(), self.plan, Arc::clone(&self.watch))
    }
}
