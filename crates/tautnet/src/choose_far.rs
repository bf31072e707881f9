//! A network for a tolerance of rows that are not in memory: chosen on a sample, as [`choose`] has it, and made better on all rows by
//! descent on the worst case.

use crate::choose::{self, Chosen, Progress, Stage};
use crate::error::Result;
use crate::fit_far::{Seen, look, too_early};
use crate::polish::{Descended, Far, descend_far};
use crate::shards::{Shards, Share, rows_in_shard};
use crate::tolerance::{self, ByColumn, Input, Tolerance};
use crate::{Dataset, Scaler};
use tautnet_cone::Stop;

/// Rows of the sample that a network is chosen on: more take longer, and the descent sees all of them.
pub const SAMPLE: usize = 1 << 14;

/// What a network is chosen for.
#[derive(Debug, Clone, Copy)]
pub struct For<'a> {
    /// What was said of the inputs.
    pub asked: &'a tolerance::Asked,
    /// The inputs.
    pub inputs: &'a [Input<'a>],
    /// Rows of the sample, at most.
    pub sample: usize,
}

/// A choice of rows that are not in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct FarChosen {
    /// The choice on the sample; its network is the one that the descent has found, where it has found a better one.
    pub chosen: Chosen,
    /// What was learned of all rows before.
    pub seen: Seen,
    /// How wrong the inputs of any row can be, in the user's units.
    pub by_column: ByColumn,
    /// The same of the rows of the sample, in standardized units.
    pub tolerance: Tolerance,
    /// The same of the sample of the rows held out.
    pub tolerance_held_out: Option<Tolerance>,
    /// The descent over all rows; `None` where it was time to end before, and where the sample has all of them.
    pub descent: Option<Descended>,
}

/// Choose a network on a sample, and make it better on all rows.
pub fn choose_far(
    shards: &mut dyn Shards,
    share: Share,
    asked: For<'_>,
    settings: &choose::Settings,
    observer: &mut choose::Observer<'_>,
) -> Result<FarChosen> {
    let loss = &settings.common.loss;
    let For { asked, inputs, sample } = asked;
    let sample = sample.min(rows_in_shard(shards.inputs()));
    let seen = look(shards, (share, sample), loss, None)?.ok_or_else(too_early)?;
    let by_column = asked.on_ranges(inputs, &seen.ranges, &seen.deviations)?;
    let on = |data: &Dataset| on_rows(&by_column, &seen.scaler, data);
    let tolerance = on(&seen.sample)?;
    let tolerance_held_out = seen.sample_held_out.as_ref().map(on).transpose()?;
    let mut chosen = choose::choose(&seen.sample, &tolerance, settings, observer)?;
    let mut descent = None;
    if seen.learned > seen.sample.rows() as u64 && !Stop::here().asked() {
        let far = &mut Far { shards, share, scaler: seen.scaler.clone(), rows: seen.learned, sample: Vec::new() };
        let mut steps = |done, of| observer(&Progress { stage: Stage::Descent, done, of });
        let drawn = (settings.common.output_bias, settings.common.seed);
        descent = descend_far(&chosen.network, far, (loss, &by_column), drawn, &mut steps)?;
        if let Some(descent) = &descent {
            chosen.network = descent.network.clone();
        }
    }
    Ok(FarChosen { chosen, seen, by_column, tolerance, tolerance_held_out, descent })
}

/// How wrong the inputs of some rows can be, all of it in standardized units.
pub(crate) fn on_rows(by_column: &ByColumn, scaler: &Scaler, data: &Dataset) -> Result<Tolerance> {
    let user = |k: usize, j: usize| scaler.input_mean[j] + scaler.input_scale[j] * data.x[(k, j)];
    Ok(by_column.on(data.rows(), user)?.divided(&scaler.input_scale))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::polish::{Bounded, Mean};
    use crate::shards::{Held, Shard, tests::data};
    use crate::train::Common;
    use std::ops::ControlFlow;
    use std::sync::Arc;

    const INPUTS: [Input<'static>; 2] =
        [Input { name: "a", numeric: true, width: 1 }, Input { name: "b", numeric: true, width: 1 }];

    fn settings(loss: &str) -> choose::Settings {
        let common = Common { loss: loss.parse().unwrap(), ..Common::default() };
        choose::Settings { common, units: Some(8), decay: Some(3e-3), effort: 0.3, classes: None }
    }

    fn asked(entries: &[&str]) -> tolerance::Asked {
        tolerance::Asked { entries: entries.iter().map(|entry| entry.parse().unwrap()).collect(), ..Default::default() }
    }

    fn of(asked: &tolerance::Asked) -> For<'_> {
        For { asked, inputs: &INPUTS, sample: 150 }
    }

    fn shards(data: &Dataset, size: usize) -> Held {
        let rows = crate::rows::Rows::of(data);
        let shard = |first: usize| {
            let numbers: Vec<usize> = (first..data.rows().min(first + size)).collect();
            Shard { number: (first / size) as u64, first: first as u64, data: Arc::new(rows.pick(&numbers)) }
        };
        Held::of_shards(data.columns(), (0..data.rows()).step_by(size).map(shard).collect())
    }

    #[test]
    fn a_network_is_chosen_on_a_sample_and_never_worse_on_all_rows_than_it_was() {
        let share = Share { seed: 3, held_out: 0.2 };
        let mut raw = data(600, 2, 8, false);
        for loss in ["squared", "logistic"] {
            if loss == "logistic" {
                let high = raw.y.iter().sum::<f64>() / 600.0;
                raw.y.iter_mut().for_each(|y| *y = if *y > high { 1.0 } else { -1.0 });
            }
            let asked = asked(&["a=0.1sd", "b=1%+0.02"]);
            let run = |threads: usize| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let go_on = &mut |_: &Progress| ControlFlow::Continue(());
                pool.install(|| choose_far(&mut shards(&raw, 64), share, of(&asked), &settings(loss), go_on))
            };
            let found = run(1).unwrap();
            assert_eq!(found, run(2).unwrap());
            assert_eq!(found.seen.scaler.target_scale == 1.0, loss == "logistic");
            let descent = found.descent.unwrap();
            assert_eq!(descent.network, found.chosen.network);
            let Bounded { clean, found: worst, bound } = descent.after;
            assert!(worst.learned < descent.before.found.learned, "{loss}: {:?} {:?}", descent.before, descent.after);
            let both = |mean: Mean| [mean.learned, mean.held_out.unwrap()];
            for ((clean, worst), bound) in both(clean).into_iter().zip(both(worst)).zip(both(bound)) {
                assert!(clean <= worst && worst <= bound);
            }
            // What is told of all rows is what they come to in memory, and no attack exceeds it.
            let learned: Vec<usize> = (0..600).filter(|k| !share.holds_out(*k as u64)).collect();
            let near = found.seen.scaler.standardize(&crate::rows::Rows::of(&raw).pick(&learned));
            let loss: crate::Loss = loss.parse().unwrap();
            assert!((loss.mean(&descent.network, &near) - clean.learned).abs() < 1e-10);
            let within = on_rows(&found.by_column, &found.seen.scaler, &near).unwrap();
            let search = crate::attack::Settings { loss, ..crate::attack::Settings::new(f64::INFINITY) };
            let attacked = crate::attack::within(&descent.network, &near, &within, &search).unwrap();
            assert!(attacked.found <= bound.learned * (1.0 + 1e-12) && attacked.found > clean.learned);
        }
    }

    #[test]
    fn it_can_be_ended_and_keeps_what_it_has() {
        let raw = data(400, 2, 9, false);
        let asked = asked(&["0.1sd"]);
        let run = |most: usize| {
            let mut end = |progress: &Progress| match progress {
                Progress { stage: Stage::Descent, done, .. } if *done >= most => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            };
            choose_far(&mut shards(&raw, 64), Share::default(), of(&asked), &settings("squared"), &mut end)
        };
        let (none, some) = (run(0).unwrap().descent.unwrap(), run(20).unwrap().descent.unwrap());
        assert_eq!((none.steps, none.after), (0, none.before));
        assert_eq!(some.steps, 20);
        assert!(some.after.found.learned <= some.before.found.learned);
        // An output bias that is held at zero stays there.
        let common = Common { output_bias: false, ..settings("squared").common };
        let settings = choose::Settings { common, ..settings("squared") };
        let go_on = &mut |_: &Progress| ControlFlow::Continue(());
        let held = choose_far(&mut shards(&raw, 64), Share::default(), of(&asked), &settings, go_on).unwrap();
        assert!(held.chosen.network.c() == 0.0 && held.descent.unwrap().after.found.learned > 0.0);
    }

    #[test]
    fn a_share_of_a_column_that_crosses_zero_is_refused() {
        let raw = data(100, 2, 9, false);
        let go_on = &mut |_: &Progress| ControlFlow::Continue(());
        let asked = asked(&["a=2%"]);
        let refused = choose_far(&mut Held::of(&raw), Share::default(), of(&asked), &settings("squared"), go_on);
        assert!(refused.unwrap_err().what.contains("but the values go from -"));
    }
}
