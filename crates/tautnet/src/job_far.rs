//! The whole job on rows that are not in memory, for every front end: as [`job`](crate::job) has it for rows that are.

use crate::error::{Error, Result};
use crate::fit_far::{FarFitted, Seen, fit_far, go_on, look};
use crate::job::{Interruption, Job, Observer, Proved, Watch, Worked, during, was_stopped};
use crate::polish::{self, FarPolished};
use crate::recipe::Plan;
use crate::shards::{Shards, Share};
use crate::{Scaler, Shallow, fit};
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
        if plan.choice.is_some() || !plan.recipe.tolerance.is_exact() {
            return Err(Error::new(
                "a network for a tolerance is chosen of rows that are in memory",
                "give ⟨lipschitz_price=0.01⟩ (or another price of the bound) for rows beyond memory",
            ));
        }
        polish::check_far(&plan.settings.polish)?;
        Ok(Self { plan, share, watch })
    }

    /// Train a starting network on a sample, and polish it on all rows.
    pub fn train(&self, shards: &mut (dyn Shards + Send), hear: &mut Observer<'_>) -> Result<Worked<FarFitted>> {
        during(&self.watch, hear, |observe| fit_far(shards, self.share, &self.plan.settings, observe))
    }

    /// The best network with the activation patterns of the one given, which is in the units of `scaler`.
    pub fn polish(
        &self,
        network: &Shallow,
        scaler: &Scaler,
        shards: &mut (dyn Shards + Send),
        hear: &mut Observer<'_>,
    ) -> Result<Worked<FarResult>> {
        let ended = || {
            Error::new("it was time to end before all rows had been gone through", "give it more time, or fewer rows")
        };
        during(&self.watch, hear, |observe| {
            let seen = look(shards, self.share, Some(scaler))?.ok_or_else(ended)?;
            let asked = self.plan.polish_at(None);
            let polished = go_on(shards, self.share, &seen, network, &asked, observe)?.ok_or_else(ended)?;
            Ok(FarResult { polished, seen })
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
        let job = Job::on(seen.sample.clone(), seen.scaler.clone(), self.plan, Arc::clone(&self.watch));
        Ok(Proved {
            network: network.clone(),
            certificate: Some(job.prove(network, Some(&seen.scaler))?),
            settings: self.plan.record(name, price),
            objective,
            calibration: None,
            cut_short,
        })
    }
}
