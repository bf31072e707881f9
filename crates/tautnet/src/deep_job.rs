//! The whole polish of a deep network, for every front end: from a network and rows in its units to a better one, and what both of them do on rows.
//!
//! ```text
//! network, rows, settings ─► sweeps over the layers ─► network, never worse ─► bound, proved ─► rows seen, proved ─► Worked
//! ```
//!
//! The front end brings a [`Watch`], its clock and its signals, and an observer to show progress by, as in [`job`](crate::job).

use crate::certify::{self, TrivialBound};
use crate::deep;
use crate::deep_fit::Seen;
use crate::deep_polish::{self, Ending, Polished, Progress, Settings};
use crate::error::Result;
use crate::job::{Interruption, Watch};
use crate::{Dataset, Network};
use std::ops::ControlFlow;
use std::sync::Arc;
use tautnet_cone::{Stage, Stop};

/// Whether what is known of one hidden layer of relu units says nothing of this network, so that it is polished layer by layer.
pub fn is_for(network: &Network) -> bool {
    network.layers().len() > 1 && network.linear().is_none() && network.in_relu_units("`polish`").is_err()
}

/// What is polished on what.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The network, in the units of the rows.
    pub network: &'a Network,
    /// The rows to learn from.
    pub learned: &'a Dataset,
    /// Rows held out, where there are any.
    pub held_out: Option<&'a Dataset>,
    /// The objective, and when to end.
    pub settings: &'a Settings,
}

/// What a network does on the rows learned from, and on those held out where there are any; and what is proved of that within the radius.
pub type OnRows = (Seen, Option<Seen>);

/// A network and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Worked {
    /// The objective, and when to end.
    pub settings: Settings,
    /// The result.
    pub polished: Polished,
    /// The rows, before and after.
    pub seen: [OnRows; 2],
    /// The product of the norms of the layers of the result, proved.
    pub trivial: TrivialBound,
    /// Why it ended before it was done.
    pub interruption: Option<Interruption>,
    /// How long it took.
    pub seconds: f64,
    /// Seconds of every step.
    pub times: Vec<f64>,
}

impl Asked<'_> {
    /// Polish, prove. The watch ends it with the best so far, whose proof takes a short time more.
    pub fn polish(&self, watch: &Arc<dyn Watch>, hear: &mut (dyn FnMut(&Progress) + Send)) -> Result<Worked> {
        let asking = {
            let watch = Arc::clone(watch);
            Stop::staged(move |stage| watch.interruption(stage).is_some())
        };
        let began = watch.seconds();
        let (mut times, mut last) = (Vec::new(), began);
        let polished = asking.during(|| {
            deep_polish::polish(self.network, self.learned, self.settings, &mut |progress| {
                if let Progress::Done(_) = progress {
                    let now = watch.seconds();
                    times.push(now - last);
                    last = now;
                }
                hear(progress);
                ControlFlow::Continue(())
            })
        })?;
        watch.kept();
        let interruption = watch.interruption(Stage::Main).filter(|_| polished.ending == Ending::Stopped);
        let seconds = watch.seconds() - began;
        asking.late().during(|| {
            let seen = [self.on_rows(self.network)?, self.on_rows(&polished.network)?];
            let trivial = certify::trivial_bound(&polished.network, self.settings.norm);
            Ok(Worked { settings: self.settings.clone(), polished, seen, trivial, interruption, seconds, times })
        })
    }

    fn on_rows(&self, network: &Network) -> Result<OnRows> {
        let (settings, outputs) = (self.settings, network.outputs());
        let asked = deep::Settings {
            classes: settings.loss.is_margin().then_some(if outputs == 1 { 2 } else { outputs }),
            loss: settings.loss.clone(),
            norm: settings.norm,
            radius: settings.radius,
            ..deep::Settings::default()
        };
        let on = |rows: &Dataset| Seen::of(network, rows, &asked);
        Ok((on(self.learned)?, self.held_out.map(on).transpose()?))
    }
}

impl Worked {
    /// How it ended, in words.
    pub fn ending(&self) -> &'static str {
        match (self.interruption, self.polished.ending) {
            (Some(interruption), _) => interruption.in_words(),
            (None, Ending::Done) => "done",
            (None, Ending::Rounds) => "all sweeps made",
            (None, Ending::Stopped) => "stopped",
        }
    }
}
