//! What a start tells on its way, and what it returns.

use crate::Shallow;
use std::ops::ControlFlow;

/// What is known after one epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Passes over the data so far, from 1 (0: the network that was given).
    pub epoch: usize,
    /// What is minimized, averaged over the epoch's batches as they passed.
    pub objective: f64,
    /// Its loss part (under attack, where training is).
    pub loss: f64,
    /// The learning rate of the epoch; 0 where there is none.
    pub rate: f64,
    /// Lipschitz bound (ℓ2, LipSDP) of the network at this point, where the method computes it.
    pub bound: Option<f64>,
}

/// Called after every epoch; `Break` ends the training with the best network so far.
pub type Observer<'a> = dyn FnMut(&Progress) -> ControlFlow<()> + Send + 'a;

/// How the training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Solved in closed form.
    Solved,
    /// The objective no longer fell.
    Plateau,
    /// All epochs were used.
    Limit,
    /// The observer said so, or [`Stop::here`](crate::Stop::here).
    Observer,
}

/// A starting network, and how its training went.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    /// The network.
    pub network: Shallow,
    /// The progress of every epoch.
    pub trace: Vec<Progress>,
    /// How it ended.
    pub ending: Ending,
    /// The mean loss on the training rows without attack, recomputed from the network.
    pub loss: f64,
}
